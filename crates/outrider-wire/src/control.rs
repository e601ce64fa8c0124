//! The payloads of the frames that keep a connection going: ACK, NAK, PING and PONG.

use crate::bytes::{Reader, Writer};
use crate::error::Error;
use crate::frame::Payload;
use crate::ids::Sequence;

/// ACK: every sequenced frame below `wanted` has arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ack {
    /// The sequence number needed next.
    pub wanted: Sequence,
}

/// NAK: the same, and everything from `wanted` on has to be sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Nak {
    /// The sequence number needed next.
    pub wanted: Sequence,
    /// Why: [`Error::BadPayloadChecksum`] or [`Error::SequenceGap`], by its value.
    pub code: u32,
}

/// PING and PONG.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Beat {
    /// Chosen by the sender of the PING; the PONG repeats it.
    pub echo: u64,
    /// The sequence number needed next, as in ACK.
    pub wanted: Sequence,
    /// The sequence number after that of the sequenced frame last sent on this connection: shows losses at
    /// the end.
    pub next: Sequence,
}

impl Ack {
    /// Reads the payload of an ACK frame.
    pub fn decode(payload: &[u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(payload);
        let ack = Self { wanted: Sequence(reader.u64()?) };
        reader.end()?;
        Ok(ack)
    }
}

impl Payload for Ack {
    fn payload_bytes(&self) -> usize {
        8
    }

    fn write(&self, payload: &mut [u8]) {
        Writer::new(payload).u64(self.wanted.0);
    }
}

impl Nak {
    /// Reads the payload of a NAK frame.
    pub fn decode(payload: &[u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(payload);
        let nak = Self { wanted: Sequence(reader.u64()?), code: reader.u32()? };
        reader.reserved()?;
        reader.end()?;
        Ok(nak)
    }
}

impl Payload for Nak {
    fn payload_bytes(&self) -> usize {
        16
    }

    fn write(&self, payload: &mut [u8]) {
        let mut writer = Writer::new(payload);
        writer.u64(self.wanted.0);
        writer.u32(self.code);
        writer.u32(0);
    }
}

impl Beat {
    /// Reads the payload of a PING or PONG frame.
    pub fn decode(payload: &[u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(payload);
        let beat =
            Self { echo: reader.u64()?, wanted: Sequence(reader.u64()?), next: Sequence(reader.u64()?) };
        reader.end()?;
        Ok(beat)
    }
}

impl Payload for Beat {
    fn payload_bytes(&self) -> usize {
        24
    }

    fn write(&self, payload: &mut [u8]) {
        let mut writer = Writer::new(payload);
        writer.u64(self.echo);
        writer.u64(self.wanted.0);
        writer.u64(self.next.0);
    }
}
