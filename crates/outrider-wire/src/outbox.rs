//! Sequenced frames on their way out, kept until they are acknowledged.
//!
//! A ring of bytes, made once, holds the frames ready to send; a frame that does not fit behind the newest
//! one goes to the front if the oldest leaves room there. The cursor stands at the frame to send next; going
//! back to an earlier one is all that repair and resumption need.

use std::collections::VecDeque;
use std::ops::Range;

use crate::error::Error;
use crate::frame::{Payload, seal_frame};
use crate::header::{HEADER_BYTES, Header};
use crate::ids::Sequence;
use crate::limits::RETAINED_FRAMES_MAX;

#[derive(Debug)]
pub(crate) struct Outbox {
    bytes: Box<[u8]>,
    frames: VecDeque<Range<usize>>,
    /// The sequence number of the frame pushed next.
    next: u64,
    /// The sequence number of the frame sent next.
    cursor: u64,
    /// The highest value that the cursor ever had.
    sent: u64,
}

impl Outbox {
    pub(crate) fn new(bytes: usize) -> Self {
        let frames = VecDeque::with_capacity(RETAINED_FRAMES_MAX);
        Self { bytes: vec![0; bytes].into(), frames, next: 1, cursor: 1, sent: 1 }
    }

    /// Numbers a frame and keeps it. Nothing changes if there is no room.
    pub(crate) fn push(
        &mut self,
        mut header: Header,
        payload: &(impl Payload + ?Sized),
    ) -> Result<Sequence, Error> {
        let frame_bytes = HEADER_BYTES + payload.payload_bytes();
        let start = self.room(frame_bytes).ok_or(Error::RetentionFull)?;
        let range = start..start + frame_bytes;
        let frame = &mut self.bytes[range.clone()];
        payload.write(&mut frame[HEADER_BYTES..]);
        header.sequence = self.next;
        seal_frame(&mut header, frame);
        self.frames.push_back(range);
        self.next += 1;
        Ok(Sequence(header.sequence))
    }

    /// Copies the next frame to send, if there is one and it fits.
    pub(crate) fn send(&mut self, out: &mut [u8]) -> Option<usize> {
        let range = self.frames.get((self.cursor - self.first()) as usize)?;
        let frame = &self.bytes[range.clone()];
        out.get_mut(..frame.len())?.copy_from_slice(frame);
        self.cursor += 1;
        self.sent = self.sent.max(self.cursor);
        Some(frame.len())
    }

    /// Drops the frames below `wanted`. Acknowledging what was never sent is an error.
    pub(crate) fn release(&mut self, wanted: Sequence) -> Result<(), Error> {
        if wanted.0 > self.sent {
            return Err(Error::AcknowledgedBeyondSent);
        }
        let released = wanted.0.saturating_sub(self.first());
        self.frames.drain(..released as usize);
        self.cursor = self.cursor.max(wanted.0);
        Ok(())
    }

    /// Drops the frames below `wanted`, and sends that one next.
    pub(crate) fn rewind(&mut self, wanted: Sequence) -> Result<(), Error> {
        if wanted.0 < self.first() || wanted.0 > self.sent {
            return Err(Error::ResendImpossible);
        }
        self.release(wanted)?;
        self.cursor = wanted.0;
        Ok(())
    }

    /// The lowest sequence number that is not acknowledged.
    pub(crate) fn first(&self) -> u64 {
        self.next - self.frames.len() as u64
    }

    pub(crate) fn cursor(&self) -> Sequence {
        Sequence(self.cursor)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// Where so many bytes are free in one piece.
    fn room(&self, count: usize) -> Option<usize> {
        let (Some(oldest), Some(newest)) = (self.frames.front(), self.frames.back()) else {
            return (count <= self.bytes.len()).then_some(0);
        };
        if self.frames.len() == RETAINED_FRAMES_MAX {
            return None;
        }
        let (oldest, newest) = (oldest.start, newest.end);
        if newest > oldest {
            let behind = (count <= self.bytes.len() - newest).then_some(newest);
            behind.or_else(|| (count <= oldest).then_some(0))
        } else {
            (count <= oldest - newest).then_some(newest)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::header::FrameType;

    /// Frames of many lengths pushed, sent, acknowledged and sent again, against a plain list of them.
    #[test]
    fn the_ring_keeps_every_frame_whole() {
        let mut outbox = Outbox::new(1_000);
        let mut out = [0; 1_000];
        let (mut kept, mut refused, mut random) = (VecDeque::new(), 0, 1_u64);
        for turn in 0..20_000_u64 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(turn | 1);
            let choice = random >> 33;
            let payload = vec![turn as u8; (choice % 300) as usize];
            match outbox.push(Header::new(FrameType::Rounds), &payload[..]) {
                Ok(sequence) => kept.push_back((sequence, payload)),
                Err(error) => {
                    assert_eq!(error, Error::RetentionFull);
                    refused += 1;
                }
            }
            if choice % 3 != 0 {
                continue;
            }
            let first = kept.front().map_or(outbox.next, |(sequence, _): &(Sequence, _)| sequence.0);
            assert_eq!(outbox.first(), first);
            outbox.rewind(Sequence(first)).expect("that frame is kept");
            for (sequence, payload) in &kept {
                assert_eq!(outbox.cursor(), *sequence);
                let length = outbox.send(&mut out).expect("a frame is there, and room for it");
                assert_eq!(out[HEADER_BYTES..length], payload[..]);
                assert_eq!(out[32..40], sequence.0.to_le_bytes());
            }
            assert_eq!(outbox.send(&mut out), None);
            let released = (choice / 3) as usize % (kept.len() + 1);
            kept.drain(..released);
            if choice % 2 == 0 {
                outbox.rewind(Sequence(first)).expect("that frame is kept");
            }
            outbox.release(Sequence(first + released as u64)).expect("all were sent");
            assert!(outbox.cursor().0 >= outbox.first());
        }
        assert!(refused > 1_000, "{refused}");
    }
}
