//! Bytes that have come in and are not yet decoded. Frames are read in place.

use std::ops::Range;

use crate::header::{HEADER_BYTES, Header};

#[derive(Debug)]
pub(crate) struct Input {
    bytes: Box<[u8]>,
    start: usize,
    end: usize,
}

impl Input {
    /// Room for two frames: while one is incomplete, the bytes before it seldom have to be moved away.
    pub(crate) fn new(frame_bytes_max: usize) -> Self {
        Self { bytes: vec![0; 2 * frame_bytes_max].into(), start: 0, end: 0 }
    }

    /// Takes as many of the bytes as there is room for.
    pub(crate) fn receive(&mut self, bytes: &[u8]) -> usize {
        if self.bytes.len() - self.end < bytes.len() {
            self.bytes.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        let count = bytes.len().min(self.bytes.len() - self.end);
        self.bytes[self.end..][..count].copy_from_slice(&bytes[..count]);
        self.end += count;
        count
    }

    pub(crate) fn unread(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    /// Removes the frame at the front. Its payload stands in the returned range until more bytes are received.
    pub(crate) fn take(&mut self, header: &Header) -> Range<usize> {
        let payload = self.start + HEADER_BYTES..self.start + header.frame_bytes();
        self.start = payload.end;
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        }
        payload
    }

    pub(crate) fn payload(&self, range: Range<usize>) -> &[u8] {
        &self.bytes[range]
    }

    pub(crate) fn clear(&mut self) {
        (self.start, self.end) = (0, 0);
    }
}
