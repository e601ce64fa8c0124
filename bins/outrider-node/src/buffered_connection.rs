//! A connection of the node, with the bytes that wait on either way.

use std::io;

use outrider_node::{ConnectionId, Node};
use outrider_transport::{Connection, Outgoing, Sent};
use outrider_wire::Time;
use outrider_wire::limits::FRAME_BYTES_MAX;

/// What was read of a connection and has to wait until it is its turn again. Takes no memory before.
#[derive(Debug, Default)]
pub(crate) struct Incoming {
    bytes: Vec<u8>,
    taken: usize,
}

impl Incoming {
    pub(crate) fn unread(&self) -> &[u8] {
        &self.bytes[self.taken..]
    }

    /// Drops bytes at the front.
    pub(crate) fn take(&mut self, count: usize) {
        self.taken += count;
        if self.taken == self.bytes.len() {
            self.bytes.clear();
            self.taken = 0;
        }
    }

    /// Keeps bytes, where there are none.
    pub(crate) fn keep(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }
}

/// A connection, what the node has yet to take of it, and what it had no room for.
pub(crate) struct BufferedConnection {
    pub(crate) inner: Connection,
    pub(crate) incoming: Incoming,
    outgoing: Outgoing,
    /// It is in line to be read.
    pub(crate) is_queued: bool,
    /// Nothing can be sent any more.
    pub(crate) is_broken: bool,
    /// The other end does not take what there is for it; a socket reports when it does again.
    pub(crate) is_blocked: bool,
}

impl BufferedConnection {
    pub(crate) fn new(connection: Connection) -> Self {
        Self {
            inner: connection,
            incoming: Incoming::default(),
            outgoing: Outgoing::new(FRAME_BYTES_MAX),
            is_queued: false,
            is_broken: false,
            is_blocked: false,
        }
    }

    /// Sends what the node has for it, as far as there is room. Returns whether anything went out.
    pub(crate) fn send(&mut self, node: &mut Node, id: ConnectionId, now: Time) -> io::Result<bool> {
        let fill = |bytes: &mut [u8]| node.transmit(id, bytes, now);
        let Sent { any, is_blocked } = self.outgoing.send(&mut self.inner, fill)?;
        self.is_blocked = is_blocked;
        Ok(any)
    }
}
