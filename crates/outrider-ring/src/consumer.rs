use std::fmt;
use std::time::Duration;

use crate::error::Error;
use crate::mapping::Mapping;
use crate::protocol::Reader;
use crate::waiting::Wait;

/// The end of a ring that receives. Dropping it closes the ring: the producer sends no more.
///
/// Nothing here allocates. Messages are copied out of shared memory before they are shown, so they cannot
/// change under the reader's eyes.
pub struct Consumer {
    reader: Reader<Mapping>,
    wait: Wait,
}

impl Consumer {
    pub(crate) fn new(reader: Reader<Mapping>, wait: Wait) -> Self {
        Self { reader, wait }
    }

    /// The longest message that can come.
    #[must_use]
    pub fn message_bytes_max(&self) -> usize {
        self.reader.message_bytes_max()
    }

    /// Receives the next message, `None` if there is none now.
    ///
    /// # Errors
    ///
    /// [`Error::Closed`] once everything sent was received, or [`Error::Corrupt`], after which the ring is of
    /// no use.
    pub fn try_pop(&mut self) -> Result<Option<&[u8]>, Error> {
        self.reader.try_pop()
    }

    /// Asks the producer for the bell: with the next message [`must_ring`](crate::Producer::must_ring) becomes true
    /// there, and its caller wakes this side by means of its own. This is for a thread that
    /// sleeps in one place for many things, such as sockets. Returns `false` if there is something to
    /// [receive](Self::try_pop), and no reason to sleep.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`], after which the ring is of no use.
    pub fn ask_for_bell(&mut self) -> Result<bool, Error> {
        self.reader.ask_for_bell()
    }

    /// Receives the next message, waiting for it up to `timeout`; then `None`.
    ///
    /// # Errors
    ///
    /// As those of [`try_pop`](Self::try_pop); [`Error::System`] if the operating system cannot wait.
    pub fn pop(&mut self, timeout: Duration) -> Result<Option<&[u8]>, Error> {
        self.reader.pop(self.wait, timeout)
    }
}

impl fmt::Debug for Consumer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Consumer").field("wait", &self.wait).finish_non_exhaustive()
    }
}
