//! A connection of the node, with the bytes on their way out.

use std::io;

use outrider_transport::Connection;
use outrider_wire::limits::FRAME_BYTES_MAX;

use crate::node::{ConnectionId, Node};

/// A connection, and what it had no room for.
pub(crate) struct Line {
    pub(crate) connection: Connection,
    outgoing: Vec<u8>,
    sent: usize,
    /// The other end does not take what there is for it; a socket tells when it does again.
    pub(crate) is_blocked: bool,
}

impl Line {
    pub(crate) fn new(connection: Connection) -> Self {
        Self { connection, outgoing: Vec::new(), sent: 0, is_blocked: false }
    }

    /// Sends what the node has for it, as far as there is room. Returns whether anything went out.
    pub(crate) fn send(&mut self, node: &mut Node, id: ConnectionId, now: u64) -> io::Result<bool> {
        let mut went = false;
        loop {
            if self.sent == self.outgoing.len() {
                self.sent = 0;
                self.outgoing.resize(FRAME_BYTES_MAX, 0);
                let count = node.transmit(id, &mut self.outgoing, now);
                self.outgoing.truncate(count);
                if count == 0 {
                    return Ok(went);
                }
            }
            let count = self.connection.write(&self.outgoing[self.sent..])?;
            self.connection.flush()?;
            if count == 0 {
                self.is_blocked = true;
                return Ok(went);
            }
            self.sent += count;
            went = true;
        }
    }
}
