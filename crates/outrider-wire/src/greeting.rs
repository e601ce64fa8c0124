//! The payloads of the handshake: HELLO and WELCOME. Their layout is the same in every version.

use crate::bytes::{Reader, Writer};
use crate::error::Error;
use crate::frame::Payload;
use crate::ids::{Sequence, Token};
use crate::limits::{HEARTBEAT_NS_MAX, HEARTBEAT_NS_MIN, PAYLOAD_BYTES_MAX, PAYLOAD_BYTES_MIN, STREAMS_MAX};

/// The versions that a side supports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Versions {
    /// The lowest; at least 1.
    pub min: u16,
    /// The highest.
    pub max: u16,
}

/// What a client sends first.
#[derive(Debug, Clone, Copy)]
pub struct Hello {
    /// The versions it supports.
    pub versions: Versions,
    /// The features it offers, one bit each.
    pub features: u64,
    /// Those without which it does not go on.
    pub features_required: u64,
    /// The token of the session to resume, or none.
    pub token: Token,
    /// The sequence number it needs next.
    pub wanted: Sequence,
    /// The heartbeat it asks for.
    pub heartbeat_ns: u64,
    /// The longest payload it takes.
    pub payload_bytes_max: u32,
}

/// What a server answers if the session begins or goes on.
#[derive(Debug, Clone, Copy)]
pub struct Welcome {
    /// The version of all frames from here on.
    pub version: u16,
    /// The features that both sides offer.
    pub features: u64,
    /// What the client has to show to resume.
    pub token: Token,
    /// The sequence number that the server needs next.
    pub wanted: Sequence,
    /// The heartbeat of both sides.
    pub heartbeat_ns: u64,
    /// The longest payload that the server takes.
    pub payload_bytes_max: u32,
    /// How many streams may be open at a time.
    pub streams_max: u32,
}

impl Versions {
    /// The versions that this crate supports.
    pub const SPOKEN: Self = Self { min: 1, max: 1 };

    /// The highest version that both support.
    pub fn common(&self, other: &Self) -> Option<u16> {
        let (lowest, highest) = (self.min.max(other.min), self.max.min(other.max));
        (lowest <= highest).then_some(highest)
    }

    pub(crate) fn contains(&self, version: u16) -> bool {
        (self.min..=self.max).contains(&version)
    }

    pub(crate) fn are_valid(&self) -> bool {
        1 <= self.min && self.min <= self.max
    }
}

impl Hello {
    pub(crate) const BYTES: usize = 64;

    /// Reads the payload of a HELLO frame.
    pub fn decode(payload: &[u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(payload);
        let versions = Versions { min: reader.u16()?, max: reader.u16()? };
        reader.reserved()?;
        let hello = Self {
            versions,
            features: reader.u64()?,
            features_required: reader.u64()?,
            token: Token(reader.array()?),
            wanted: Sequence(reader.u64()?),
            heartbeat_ns: reader.u64()?,
            payload_bytes_max: reader.u32()?,
        };
        reader.reserved()?;
        reader.end()?;
        let required_is_offered = hello.features_required & !hello.features == 0;
        let good = versions.are_valid() && required_is_offered && hello.wanted.0 != 0;
        if good && parameters_fit(hello.heartbeat_ns, hello.payload_bytes_max) {
            Ok(hello)
        } else {
            Err(Error::BadParameters)
        }
    }
}

impl Payload for Hello {
    fn payload_bytes(&self) -> usize {
        Self::BYTES
    }

    fn write(&self, payload: &mut [u8]) {
        let mut writer = Writer::new(payload);
        writer.u16(self.versions.min);
        writer.u16(self.versions.max);
        writer.u32(0);
        writer.u64(self.features);
        writer.u64(self.features_required);
        writer.bytes(&self.token.0);
        writer.u64(self.wanted.0);
        writer.u64(self.heartbeat_ns);
        writer.u32(self.payload_bytes_max);
        writer.u32(0);
    }
}

impl Welcome {
    const BYTES: usize = 56;

    /// Reads the payload of a WELCOME frame.
    pub fn decode(payload: &[u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(payload);
        let version = reader.u16()?;
        if reader.u16()? != 0 {
            return Err(Error::WrongField);
        }
        let streams_max = reader.u32()?;
        let welcome = Self {
            version,
            streams_max,
            features: reader.u64()?,
            token: Token(reader.array()?),
            wanted: Sequence(reader.u64()?),
            heartbeat_ns: reader.u64()?,
            payload_bytes_max: reader.u32()?,
        };
        reader.reserved()?;
        reader.end()?;
        let good = version != 0 && !welcome.token.is_none() && welcome.wanted.0 != 0;
        let streams_fit = (1..=STREAMS_MAX).contains(&streams_max);
        if good && streams_fit && parameters_fit(welcome.heartbeat_ns, welcome.payload_bytes_max) {
            Ok(welcome)
        } else {
            Err(Error::BadParameters)
        }
    }
}

impl Payload for Welcome {
    fn payload_bytes(&self) -> usize {
        Self::BYTES
    }

    fn write(&self, payload: &mut [u8]) {
        let mut writer = Writer::new(payload);
        writer.u16(self.version);
        writer.u16(0);
        writer.u32(self.streams_max);
        writer.u64(self.features);
        writer.bytes(&self.token.0);
        writer.u64(self.wanted.0);
        writer.u64(self.heartbeat_ns);
        writer.u32(self.payload_bytes_max);
        writer.u32(0);
    }
}

pub(crate) fn parameters_fit(heartbeat_ns: u64, payload_bytes_max: u32) -> bool {
    (HEARTBEAT_NS_MIN..=HEARTBEAT_NS_MAX).contains(&heartbeat_ns)
        && (PAYLOAD_BYTES_MIN..=PAYLOAD_BYTES_MAX).contains(&payload_bytes_max)
}
