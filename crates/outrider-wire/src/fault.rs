//! The payload of REFUSE, ERROR and STREAM_ERROR: what is wrong, with both values where two do not agree.

use std::fmt;

use crate::bytes::{Reader, Writer};
use crate::error::Error;
use crate::frame::Payload;
use crate::greeting::Versions;
use crate::ids::Digest;

use crate::limits::TEXT_BYTES_MAX;

/// Why something ended or did not begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault<'a> {
    /// The value of the error; one without an [`Error`] comes from a newer peer.
    pub code: u32,
    /// What the side that found the fault has or allows; zeros where the error is not a mismatch.
    pub expected: [u8; 32],
    /// What it was given.
    pub found: [u8; 32],
    /// For people; at most [`TEXT_BYTES_MAX`] bytes.
    pub text: &'a str,
}

impl<'a> Fault<'a> {
    const FIXED_BYTES: usize = 72;

    /// A fault without values. The text is for people, and adds to the name of the error, which is shown anyway. Where
    /// nothing is to be added, make the fault [from](Self::from) the error.
    pub fn new(error: Error, text: &'a str) -> Self {
        Self { code: error.code().into(), expected: [0; 32], found: [0; 32], text }
    }

    /// Two hashes that should be equal.
    pub fn of_digests(error: Error, expected: &Digest, found: &Digest) -> Self {
        Self { expected: expected.0, found: found.0, ..Self::from(error) }
    }

    /// Two ranges of versions, each as two little-endian 16-bit numbers.
    pub(crate) fn of_versions(expected: Versions, found: Versions) -> Self {
        let value = |versions: Versions| {
            let mut bytes = [0; 32];
            bytes[..2].copy_from_slice(&versions.min.to_le_bytes());
            bytes[2..4].copy_from_slice(&versions.max.to_le_bytes());
            bytes
        };
        Self { expected: value(expected), found: value(found), ..Self::from(Error::VersionMismatch) }
    }

    /// Features that are required, and those that are offered, each as a little-endian 64-bit number.
    pub(crate) fn of_features(required: u64, offered: u64) -> Self {
        let value = |features: u64| {
            let mut bytes = [0; 32];
            bytes[..8].copy_from_slice(&features.to_le_bytes());
            bytes
        };
        Self { expected: value(required), found: value(offered), ..Self::from(Error::FeatureMissing) }
    }

    /// The error, if this version has it.
    pub fn error(&self) -> Option<Error> {
        Error::from_code(self.code)
    }

    /// Reads the payload of a REFUSE, ERROR or STREAM_ERROR frame.
    pub fn decode(payload: &'a [u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(payload);
        let code = reader.u32()?;
        let text_bytes = reader.count(TEXT_BYTES_MAX)?;
        let (expected, found) = (reader.array()?, reader.array()?);
        let text = str::from_utf8(reader.bytes(text_bytes)?).map_err(|_| Error::MalformedPayload)?;
        reader.end()?;
        Ok(Self { code, expected, found, text })
    }

    /// As much of the text as fits.
    fn text_sent(&self) -> &'a str {
        let mut end = self.text.len().min(TEXT_BYTES_MAX as usize);
        while !self.text.is_char_boundary(end) {
            end -= 1;
        }
        &self.text[..end]
    }
}

impl From<Error> for Fault<'_> {
    /// A fault whose text is empty.
    fn from(error: Error) -> Self {
        Self::new(error, "")
    }
}

impl fmt::Display for Fault<'_> {
    /// In one line: the name, both hashes where two do not agree, and the text where it adds to the name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.error() {
            Some(error) => error.fmt(f)?,
            None => write!(f, "unknown code {:#06x}", self.code)?,
        }
        if matches!(self.error(), Some(Error::ModelMismatch | Error::PlanMismatch)) {
            write!(f, ": expected {}, found {}", Digest(self.expected), Digest(self.found))?;
        }
        if !self.text.is_empty() && self.error().is_none_or(|error| error.to_string() != self.text) {
            write!(f, ": {}", self.text.escape_debug())?;
        }
        Ok(())
    }
}

impl Payload for Fault<'_> {
    fn payload_bytes(&self) -> usize {
        Self::FIXED_BYTES + self.text_sent().len()
    }

    fn write(&self, payload: &mut [u8]) {
        let text = self.text_sent();
        let mut writer = Writer::new(payload);
        writer.u32(self.code);
        writer.u32(text.len() as u32);
        writer.bytes(&self.expected);
        writer.bytes(&self.found);
        writer.bytes(text.as_bytes());
    }
}
