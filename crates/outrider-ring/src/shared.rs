//! What both ends of a ring share, as the protocol sees it: the protocol runs on mapped memory in programs
//! and on the atomics of a model checker in tests.

use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::error::{End, Error};
use crate::layout::Side;

/// The bytes of a word, in which messages are copied.
pub(crate) type Word = [u8; WORD_BYTES];

pub(crate) const WORD_BYTES: usize = size_of::<u64>();

/// Memory that both ends see.
pub(crate) trait Shared {
    type Position: Atomic<u64>;
    type Flag: Atomic<u32>;

    /// How many words the ring holds, a power of two.
    fn capacity(&self) -> u64;

    /// The part that `end` writes, but for its `waiting` flag, which both write.
    fn side(&self, end: End) -> &Side<Self::Position, Self::Flag>;

    /// Reads words from `position` on, modulo the capacity and at most that many, without ordering anything.
    fn load_words(&self, position: u64, words: &mut [Word]);

    /// Writes words from `position` on, modulo the capacity and at most that many, without ordering anything.
    fn store_words(&self, position: u64, words: &[Word]);

    /// A sequentially consistent fence.
    fn fence(&self);

    /// Returns when `end` is roused, at once if it is not marked as waiting, and at the latest after
    /// `timeout`. May return for no reason.
    fn sleep(&self, end: End, timeout: Duration) -> Result<(), Error>;

    /// Ends the [`sleep`](Self::sleep) of `end`, if it sleeps.
    fn rouse(&self, end: End);
}

/// The operations that the protocol needs of an atomic integer.
pub(crate) trait Atomic<T> {
    fn load(&self, order: Ordering) -> T;
    fn store(&self, value: T, order: Ordering);
    fn swap(&self, value: T, order: Ordering) -> T;
}
