//! A connection of the node, with the bytes on their way out.

use std::io;

use outrider_node::{ConnectionId, Node};
use outrider_transport::{Connection, Outgoing, Sent};
use outrider_wire::Time;
use outrider_wire::limits::FRAME_BYTES_MAX;

/// A connection, and what it had no room for.
pub(crate) struct BufferedConnection {
    pub(crate) inner: Connection,
    outgoing: Outgoing,
    /// The other end does not take what there is for it; a socket tells when it does again.
    pub(crate) is_blocked: bool,
}

impl BufferedConnection {
    pub(crate) fn new(connection: Connection) -> Self {
        Self { inner: connection, outgoing: Outgoing::new(FRAME_BYTES_MAX), is_blocked: false }
    }

    /// Sends what the node has for it, as far as there is room. Returns whether anything went out.
    pub(crate) fn send(&mut self, node: &mut Node, id: ConnectionId, now: Time) -> io::Result<bool> {
        let fill = |bytes: &mut [u8]| node.transmit(id, bytes, now);
        let Sent { any, is_blocked } = self.outgoing.send(&mut self.inner, fill)?;
        self.is_blocked = is_blocked;
        Ok(any)
    }
}
