//! What the two sides of a session have in common for their callers.

use crate::agreement::Agreement;
use crate::clock::Time;
use crate::counters::Counters;
use crate::ids::{Sequence, Token};
use crate::input::Input;
use crate::link::Link;

/// A session, seen from one side: a [`ClientSession`](crate::ClientSession) or a
/// [`ServerSession`](crate::ServerSession).
///
/// It takes bytes, times and calls, and gives bytes, events and the time at which it is to be called again. After
/// anything was received or a timer ran, take events until there are none; after any call, transmit until nothing is
/// left.
#[derive(Debug)]
pub struct Session<S> {
    pub(crate) link: Link,
    pub(crate) input: Input,
    pub(crate) token: Token,
    pub(crate) side: S,
}

impl<S> Session<S> {
    /// The connection has ended. The session lives on for a while.
    pub fn connection_lost(&mut self, now: Time) {
        self.link.observe(now);
        self.link.connection_lost();
    }

    /// Takes bytes from the connection, as many as there is room for, and returns their number. Take the
    /// events, then offer the rest.
    pub fn receive(&mut self, bytes: &[u8], now: Time) -> usize {
        self.link.observe(now);
        if self.link.is_connected() { self.input.receive(bytes) } else { bytes.len() }
    }

    /// Fills `out` with frames for the connection and returns how many bytes they take. With room for
    /// [`FRAME_BYTES_MAX`](crate::limits::FRAME_BYTES_MAX), zero means that there is nothing to send.
    pub fn transmit(&mut self, out: &mut [u8], now: Time) -> usize {
        self.link.observe(now);
        self.link.transmit(out)
    }

    /// When [`on_timer`](Self::on_timer) is due, by the clock of the caller.
    pub fn next_timer(&self) -> Option<Time> {
        self.link.next_timer()
    }

    /// Does what is due. Receive what has come before, or the other side seems silent.
    pub fn on_timer(&mut self, now: Time) {
        self.link.observe(now);
        self.link.on_timer();
    }

    /// What both sides agreed on, once they have.
    pub fn agreement(&self) -> Option<&Agreement> {
        self.link.agreement()
    }

    /// The lowest sequence number that the other side has not acknowledged.
    pub fn unacknowledged(&self) -> Sequence {
        self.link.unacknowledged()
    }

    /// The last time from PING to PONG.
    pub fn round_trip_ns(&self) -> Option<u64> {
        self.link.round_trip_ns()
    }

    /// Counts for metrics.
    pub fn counters(&self) -> Counters {
        self.link.counters()
    }
}
