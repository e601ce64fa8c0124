//! How the two ends of a ring agree, apart from where their memory lies.
//!
//! Positions count words of 8 bytes that were ever written or read; they only grow. The producer owns the
//! words from its own position up to the consumer's plus the capacity, the consumer those between the two
//! positions. An end gives words to the other by storing its position (release), and takes them by loading
//! the other's (acquire). This is Lamport's queue; that each end looks at the other's position only when its
//! last look no longer suffices is from Lee, Bu and Chandranmenon, "A lock-free, cache-efficient shared ring
//! buffer" (ANCS 2009).
//!
//! A message is one word with its length in bytes, then its bytes, the last word filled up with zeros.
//! Messages wrap around at any word. So every message up to the whole ring fits, no word is ever wasted, and
//! no marker can be wrong.
//!
//! The other end is not trusted. An end keeps its own position to itself and never reads it back, checks the
//! other's on every look, reads each length once, and copies bytes out before anyone sees them. Each call
//! makes one look.
//!
//! To sleep, an end marks itself as waiting, looks again, and sleeps while it is marked. To wake it, the
//! other end moves its position and then looks at the mark. A sequentially consistent fence between the two
//! steps on either side makes sure that at least one end sees what the other did. A consumer whose thread
//! sleeps elsewhere, with sockets perhaps, marks itself otherwise: then the producer's caller has to wake
//! it there.

use std::mem;
use std::sync::Arc;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::time::Duration;

use crate::error::{Corruption, End, Error};
use crate::layout::{BELL, Flags};
use crate::shared::{Atomic, Shared, WORD_BYTES, Word};
use crate::waiting::{Wait, Waiting};

/// The producer's end.
pub(crate) struct Writer<S: Shared> {
    shared: Arc<S>,
    written: u64,
    /// The consumer's position when last seen.
    read: u64,
    failure: Option<Corruption>,
    /// The consumer has asked for the bell since the caller last took this.
    must_ring: bool,
}

impl<S: Shared> Writer<S> {
    /// Takes the producer's end of a ring.
    pub(crate) fn new(shared: Arc<S>) -> Result<Self, Error> {
        take(&*shared, End::Producer)?;
        Ok(Self { shared, written: 0, read: 0, failure: None, must_ring: false })
    }

    /// The longest message that fits.
    pub(crate) fn message_bytes_max(&self) -> usize {
        message_bytes_max(self.shared.capacity())
    }

    /// Writes a message of two parts, if there is room for it.
    pub(crate) fn try_push(&mut self, head: &[u8], tail: &[u8]) -> Result<(), Error> {
        if let Some(corruption) = self.failure {
            return Err(Error::Corrupt(corruption));
        }
        let bytes = head.len().saturating_add(tail.len());
        let max = self.message_bytes_max();
        if bytes > max {
            return Err(Error::TooLong { bytes, max });
        }
        if flags(&*self.shared, End::Consumer).closed.load(Relaxed) != 0 {
            return Err(Error::Closed);
        }
        let words = message_words(bytes);
        if words > self.room() {
            self.look()?;
            if words > self.room() {
                return Err(Error::Full);
            }
        }
        self.store_message(bytes, head, tail);
        self.written += words;
        self.shared.side(End::Producer).position.0.store(self.written, Release);
        self.must_ring |= wake(&*self.shared, End::Consumer);
        Ok(())
    }

    /// Whether the consumer asked for the bell before a message that was sent; once.
    pub(crate) fn must_ring(&mut self) -> bool {
        mem::take(&mut self.must_ring)
    }

    /// As [`try_push`](Self::try_push), but waits for room.
    pub(crate) fn push(
        &mut self,
        head: &[u8],
        tail: &[u8],
        wait: Wait,
        timeout: Duration,
    ) -> Result<(), Error> {
        let mut waiting = Waiting::new(wait, timeout);
        loop {
            match self.try_push(head, tail) {
                Err(Error::Full) => {}
                done => return done,
            }
            if !waiting.pause(&*self.shared, End::Producer)? {
                return Err(Error::Full);
            }
        }
    }

    fn room(&self) -> u64 {
        self.shared.capacity() - (self.written - self.read)
    }

    fn look(&mut self) -> Result<(), Error> {
        let found = self.shared.side(End::Consumer).position.0.load(Acquire);
        if found.wrapping_sub(self.read) > self.written - self.read {
            let corruption = Corruption::Read { found, written: self.written };
            self.failure = Some(corruption);
            return Err(Error::Corrupt(corruption));
        }
        self.read = found;
        Ok(())
    }

    fn store_message(&self, bytes: usize, head: &[u8], mut tail: &[u8]) {
        let mut position = self.written;
        let mut store = |words: &[Word]| {
            self.shared.store_words(position, words);
            position += words.len() as u64;
        };
        store(&[(bytes as u64).to_ne_bytes()]);
        let (words, rest) = head.as_chunks();
        store(words);
        if !rest.is_empty() {
            let mut joint = [0; WORD_BYTES];
            let (first, second) = joint.split_at_mut(rest.len());
            let taken = tail.len().min(second.len());
            first.copy_from_slice(rest);
            second[..taken].copy_from_slice(&tail[..taken]);
            tail = &tail[taken..];
            store(&[joint]);
        }
        let (words, rest) = tail.as_chunks();
        store(words);
        if !rest.is_empty() {
            let mut last = [0; WORD_BYTES];
            last[..rest.len()].copy_from_slice(rest);
            store(&[last]);
        }
    }
}

impl<S: Shared> Drop for Writer<S> {
    fn drop(&mut self) {
        close(&*self.shared, End::Producer);
    }
}

/// The consumer's end.
pub(crate) struct Reader<S: Shared> {
    shared: Arc<S>,
    read: u64,
    /// The producer's position when last seen.
    written: u64,
    failure: Option<Corruption>,
    /// Where messages are copied to.
    message: Box<[Word]>,
}

impl<S: Shared> Reader<S> {
    /// Takes the consumer's end of a ring.
    pub(crate) fn new(shared: Arc<S>) -> Result<Self, Error> {
        take(&*shared, End::Consumer)?;
        let message = vec![[0; WORD_BYTES]; message_bytes_max(shared.capacity()) / WORD_BYTES].into();
        Ok(Self { shared, read: 0, written: 0, failure: None, message })
    }

    /// The longest message that can come.
    pub(crate) fn message_bytes_max(&self) -> usize {
        message_bytes_max(self.shared.capacity())
    }

    /// Reads the next message, if there is one.
    pub(crate) fn try_pop(&mut self) -> Result<Option<&[u8]>, Error> {
        Ok(self.fetch()?.map(|bytes| &self.message.as_flattened()[..bytes]))
    }

    /// As [`try_pop`](Self::try_pop), but waits for a message.
    pub(crate) fn pop(&mut self, wait: Wait, timeout: Duration) -> Result<Option<&[u8]>, Error> {
        let mut waiting = Waiting::new(wait, timeout);
        let bytes = loop {
            if let Some(bytes) = self.fetch()? {
                break bytes;
            }
            if !waiting.pause(&*self.shared, End::Consumer)? {
                return Ok(None);
            }
        };
        Ok(Some(&self.message.as_flattened()[..bytes]))
    }

    /// Asks for the bell, if no message is there and the producer has not closed; returns whether that is so.
    pub(crate) fn ask_for_bell(&mut self) -> Result<bool, Error> {
        flags(&*self.shared, End::Consumer).waiting.store(BELL, Relaxed);
        self.shared.fence();
        if self.failure.is_none() && self.read == self.written {
            self.look()?;
        }
        let closed = flags(&*self.shared, End::Producer).closed.load(Relaxed) != 0;
        let sleeps = self.failure.is_none() && self.read == self.written && !closed;
        if !sleeps {
            flags(&*self.shared, End::Consumer).waiting.store(0, Relaxed);
        }
        Ok(sleeps)
    }

    /// Copies the next message out of the ring and gives its length.
    fn fetch(&mut self) -> Result<Option<usize>, Error> {
        if let Some(corruption) = self.failure {
            return Err(Error::Corrupt(corruption));
        }
        if self.read == self.written {
            // Before the position: what was written before closing is still read.
            let closed = flags(&*self.shared, End::Producer).closed.load(Acquire) != 0;
            self.look()?;
            if self.read == self.written {
                return if closed { Err(Error::Closed) } else { Ok(None) };
            }
        }
        let mut length = [[0; WORD_BYTES]];
        self.shared.load_words(self.read, &mut length);
        let found = u64::from_ne_bytes(length[0]);
        let bytes = usize::try_from(found).unwrap_or(usize::MAX);
        if bytes > self.message_bytes_max() || message_words(bytes) > self.written - self.read {
            return Err(self.fail(Corruption::Length { found }));
        }
        let words = bytes.div_ceil(WORD_BYTES);
        self.shared.load_words(self.read + 1, &mut self.message[..words]);
        self.read += message_words(bytes);
        self.shared.side(End::Consumer).position.0.store(self.read, Release);
        wake(&*self.shared, End::Producer);
        Ok(Some(bytes))
    }

    fn look(&mut self) -> Result<(), Error> {
        let found = self.shared.side(End::Producer).position.0.load(Acquire);
        if found.wrapping_sub(self.read) > self.shared.capacity() {
            return Err(self.fail(Corruption::Written { found, read: self.read }));
        }
        self.written = found;
        Ok(())
    }

    fn fail(&mut self, corruption: Corruption) -> Error {
        self.failure = Some(corruption);
        Error::Corrupt(corruption)
    }
}

impl<S: Shared> Drop for Reader<S> {
    fn drop(&mut self) {
        close(&*self.shared, End::Consumer);
    }
}

fn take<S: Shared>(shared: &S, end: End) -> Result<(), Error> {
    match flags(shared, end).taken.swap(1, Relaxed) {
        0 => Ok(()),
        _ => Err(Error::Taken(end)),
    }
}

fn close<S: Shared>(shared: &S, end: End) {
    flags(shared, end).closed.store(1, Release);
    let other = match end {
        End::Producer => End::Consumer,
        End::Consumer => End::Producer,
    };
    wake(shared, other);
}

/// Rouses `end` if it waits for what was just stored. Returns whether it is the caller who has to.
fn wake<S: Shared>(shared: &S, end: End) -> bool {
    shared.fence();
    let waiting = &flags(shared, end).waiting;
    if waiting.load(Relaxed) == 0 {
        return false;
    }
    match waiting.swap(0, Relaxed) {
        0 => false,
        BELL => true,
        _ => {
            shared.rouse(end);
            false
        }
    }
}

fn flags<S: Shared>(shared: &S, end: End) -> &Flags<S::Flag> {
    &shared.side(end).flags
}

fn message_words(bytes: usize) -> u64 {
    1 + bytes.div_ceil(WORD_BYTES) as u64
}

fn message_bytes_max(capacity: u64) -> usize {
    (capacity as usize - 1) * WORD_BYTES
}
