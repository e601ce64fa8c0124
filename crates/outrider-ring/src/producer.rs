use std::fmt;
use std::time::Duration;

use crate::error::Error;
use crate::mapping::Mapping;
use crate::protocol::Writer;
use crate::waiting::Wait;

/// The end of a ring that sends. Dropping it closes the ring; what was sent can still be received.
///
/// Nothing here allocates.
pub struct Producer {
    writer: Writer<Mapping>,
    wait: Wait,
}

impl Producer {
    pub(crate) fn new(writer: Writer<Mapping>, wait: Wait) -> Self {
        Self { writer, wait }
    }

    /// The longest message that fits the empty ring.
    #[must_use]
    pub fn message_bytes_max(&self) -> usize {
        self.writer.message_bytes_max()
    }

    /// Sends a message if there is room for it now.
    ///
    /// # Errors
    ///
    /// [`Error::Full`], [`Error::Closed`], [`Error::TooLong`], or [`Error::Corrupt`], after which the ring is
    /// of no use. Whatever the error, nothing was sent.
    pub fn try_push(&mut self, message: &[u8]) -> Result<(), Error> {
        self.try_push_parts(message, &[])
    }

    /// As [`try_push`](Self::try_push), for a message that lies in two parts, such as a header and its
    /// payload.
    ///
    /// # Errors
    ///
    /// As those of [`try_push`](Self::try_push).
    pub fn try_push_parts(&mut self, head: &[u8], tail: &[u8]) -> Result<(), Error> {
        self.writer.try_push(head, tail)
    }

    /// Whether the consumer is to be woken: it had [asked for the bell](crate::Consumer::ask_for_bell) when a
    /// message was sent. True once for each time that it asked.
    #[must_use]
    pub fn must_ring(&mut self) -> bool {
        self.writer.must_ring()
    }

    /// Sends a message, waiting for room up to `timeout`.
    ///
    /// # Errors
    ///
    /// As those of [`try_push`](Self::try_push), with [`Error::Full`] after the timeout; [`Error::System`] if
    /// the operating system cannot wait.
    pub fn push(&mut self, message: &[u8], timeout: Duration) -> Result<(), Error> {
        self.push_parts(message, &[], timeout)
    }

    /// As [`push`](Self::push), for a message that lies in two parts.
    ///
    /// # Errors
    ///
    /// As those of [`push`](Self::push).
    pub fn push_parts(&mut self, head: &[u8], tail: &[u8], timeout: Duration) -> Result<(), Error> {
        self.writer.push(head, tail, self.wait, timeout)
    }
}

impl fmt::Debug for Producer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Producer").field("wait", &self.wait).finish_non_exhaustive()
    }
}
