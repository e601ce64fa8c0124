//! The payload that brings learned weights: WEIGHTS.

use crate::bytes::{Reader, Writer};
use crate::error::Error;
use crate::frame::Payload;
use crate::limits::{FACTORS_MAX, WEIGHTS_ROUNDS_MAX};
use crate::list::List;

/// WEIGHTS: what cells are decided with that begin in the round of the header or in one of those after it. Many factors
/// come in several frames, in order.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Weights<'a> {
    /// Their version.
    pub version: u64,
    /// Rounds that they hold for, at least 1.
    pub rounds: u64,
    /// Factors in all; 0 for the patch's own weights.
    pub total: u32,
    /// The number of the first factor of this frame.
    pub first: u32,
    /// The bits of factors on the rates of errors, IEEE 754 doubles. At least one, unless there are none in all.
    pub factors: List<'a, u64>,
}

impl<'a> Weights<'a> {
    /// Bytes of the payload without factors.
    pub const FIXED_BYTES: usize = 32;

    /// Reads the payload of a WEIGHTS frame.
    pub fn decode(payload: &'a [u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(payload);
        let (version, rounds) = (reader.u64()?, reader.u64()?);
        let (total, first) = (reader.u32()?, reader.u32()?);
        let count = reader.count(FACTORS_MAX)?;
        reader.reserved()?;
        let weights = Self { version, rounds, total, first, factors: List::take(&mut reader, count)? };
        reader.end()?;
        if weights.is_valid() { Ok(weights) } else { Err(Error::MalformedPayload) }
    }

    pub(crate) fn is_valid(&self) -> bool {
        let count = self.factors.len() as u64;
        let has_some = count > 0 || (self.total == 0 && self.first == 0);
        has_some
            && self.total <= FACTORS_MAX
            && u64::from(self.first) + count <= self.total.into()
            && (1..=WEIGHTS_ROUNDS_MAX).contains(&self.rounds)
    }
}

impl Payload for Weights<'_> {
    fn payload_bytes(&self) -> usize {
        Self::FIXED_BYTES + self.factors.bytes()
    }

    fn write(&self, payload: &mut [u8]) {
        let mut writer = Writer::new(payload);
        writer.u64(self.version);
        writer.u64(self.rounds);
        writer.u32(self.total);
        writer.u32(self.first);
        writer.u32(self.factors.len() as u32);
        writer.u32(0);
        self.factors.put(&mut writer);
    }
}
