//! Bytes on their way out, while a connection has no room for them.

use std::fmt;
use std::io;
use std::ops::Range;

use crate::connection::Connection;

/// What a connection had no room for, up to a size.
pub struct Outgoing {
    bytes_max: usize,
    /// Made when there is something to send for the first time: an idle connection takes no memory.
    bytes: Box<[u8]>,
    unsent: Range<usize>,
}

/// What became of bytes to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sent {
    /// Some went out.
    pub any: bool,
    /// There are more, for which the connection has no room.
    pub is_blocked: bool,
}

impl Outgoing {
    /// Holds so many bytes.
    pub fn new(bytes_max: usize) -> Self {
        Self { bytes_max, bytes: Box::default(), unsent: 0..0 }
    }

    /// Sends what is left, and then what `fill` gives, for as long as there is room. `fill` writes into the bytes that it
    /// gets, and returns how many it wrote: 0 when there is nothing more.
    ///
    /// # Errors
    /// The connection is of no more use.
    pub fn send(
        &mut self,
        connection: &mut Connection,
        mut fill: impl FnMut(&mut [u8]) -> usize,
    ) -> io::Result<Sent> {
        let mut any = false;
        if self.bytes.is_empty() {
            self.bytes = vec![0; self.bytes_max].into();
        }
        loop {
            if self.unsent.is_empty() {
                self.unsent = 0..fill(&mut self.bytes);
                if self.unsent.is_empty() {
                    return Ok(Sent { any, is_blocked: false });
                }
            }
            let count = connection.write(&self.bytes[self.unsent.clone()])?;
            connection.flush()?;
            if count == 0 {
                return Ok(Sent { any, is_blocked: true });
            }
            self.unsent.start += count;
            any = true;
        }
    }

    /// Drops what is left.
    pub fn clear(&mut self) {
        self.unsent = 0..0;
    }
}

impl fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outgoing").field("unsent", &self.unsent).finish_non_exhaustive()
    }
}
