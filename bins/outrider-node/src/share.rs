//! What a connection may take of the event loop before others have their turn.
//!
//! Bytes are given to the node in pieces, of so few frames that neither their number nor their time can run away between
//! two looks: whoever sends many small frames ends its share by their number, whoever sends heavy ones by their time.

use outrider_wire::{HEADER_BYTES, Time};

/// Most frames of a connection between two looks at the workers.
pub(crate) const SHARE_FRAMES: u64 = 64;
/// Time after which no more connections are read in a turn: what is ready is sent first. The connections in line share it.
pub(crate) const READ_NS: u64 = 200_000;
/// Most and least time of a share, however few or many are in line. It ends once the frames at hand are dealt with.
const SHARE_NS_MAX: u64 = 50_000;
const SHARE_NS_MIN: u64 = 5_000;
/// Bytes that are given to the node at a time.
const PIECE_BYTES: usize = 8 * HEADER_BYTES;
/// Frames that may end in a piece: one that began before it, and those of nothing but a header.
const PIECE_FRAMES: u64 = 1 + (PIECE_BYTES / HEADER_BYTES) as u64;

/// A connection's share of a turn: pieces of what it has sent.
pub(crate) struct Share<'a> {
    bytes: &'a [u8],
    taken: usize,
    /// The frames of the node with which it ends, and the time.
    last_frame: u64,
    end: Time,
    now: Time,
}

/// The time of each share where so many other connections are in line.
pub(crate) const fn share_ns(others: usize) -> u64 {
    match READ_NS / (others as u64 + 1) {
        ..SHARE_NS_MIN => SHARE_NS_MIN,
        SHARE_NS_MAX.. => SHARE_NS_MAX,
        ns => ns,
    }
}

impl<'a> Share<'a> {
    /// Of bytes, for so long, beginning now, when the node has taken so many frames.
    pub(crate) fn new(bytes: &'a [u8], ns: u64, frames: u64, now: Time) -> Self {
        let (last_frame, end) = (frames + SHARE_FRAMES - PIECE_FRAMES, now.after(ns));
        Self { bytes, taken: 0, last_frame, end, now }
    }

    /// The next piece; nothing at the end of the bytes or of the share.
    pub(crate) fn next(&mut self, frames: u64, now: Time) -> Option<&'a [u8]> {
        self.now = now;
        let rest = &self.bytes[self.taken..];
        let is_over = frames > self.last_frame || (now >= self.end && self.taken > 0);
        if rest.is_empty() || is_over {
            return None;
        }
        let piece = &rest[..rest.len().min(PIECE_BYTES)];
        self.taken += piece.len();
        Some(piece)
    }

    /// Bytes in the pieces so far.
    pub(crate) fn taken(&self) -> usize {
        self.taken
    }

    /// The time when it was last looked at.
    pub(crate) fn now(&self) -> Time {
        self.now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHARE_NS: u64 = share_ns(3);

    /// Bytes and time that a share takes where a piece has so many frames and takes so long.
    fn spend(length: usize, frames_of: impl Fn(usize) -> u64, ns: u64) -> (usize, u64, u64) {
        let bytes = vec![0; length];
        let (mut frames, mut now) = (1000, Time(7));
        let mut share = Share::new(&bytes, SHARE_NS, frames, now);
        while let Some(piece) = share.next(frames, now) {
            frames += frames_of(piece.len());
            now = now.after(ns);
        }
        (share.taken(), frames - 1000, now.since(Time(7)))
    }

    #[test]
    fn small_frames_end_a_share_by_their_number() {
        let (taken, frames, _) = spend(1 << 20, |bytes| bytes.div_ceil(HEADER_BYTES) as u64 + 1, 1);
        assert!(frames <= SHARE_FRAMES && frames + PIECE_FRAMES > SHARE_FRAMES, "{frames}");
        assert_eq!(taken % PIECE_BYTES, 0);
    }

    #[test]
    fn heavy_frames_end_a_share_by_their_time() {
        assert_eq!(spend(1 << 20, |_| 1, 10 * SHARE_NS), (PIECE_BYTES, 1, 10 * SHARE_NS));
        let (_, _, time) = spend(1 << 20, |_| 0, 1_000);
        assert_eq!(time, SHARE_NS);
    }

    #[test]
    fn the_more_are_in_line_the_shorter_are_their_shares() {
        assert_eq!([0, 3, 19, 39, 1000].map(share_ns), [50_000, 50_000, 10_000, 5_000, 5_000]);
    }

    #[test]
    fn a_share_that_is_large_enough_takes_everything() {
        for length in [1, PIECE_BYTES, 3 * PIECE_BYTES + 1] {
            assert_eq!(spend(length, |_| 1, 1).0, length);
        }
    }
}
