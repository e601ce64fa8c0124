//! The payloads that carry answers: COMMIT, and MARKS between neighbours on different nodes.

use crate::bytes::{Reader, Writer};
use crate::clock::Time;
use crate::error::Error;
use crate::frame::Payload;
use crate::ids::CellId;
use crate::limits::{MARKS_MAX, OBSERVABLES_MAX};
use crate::list::{Item, List};

/// What a commit leaves to later cells: a detector that it flips (an artificial defect), or an edge that the first pass of
/// correlated matching used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mark {
    /// Its round, counted from the round in the header.
    pub layer: u32,
    /// Its place in the layer: detectors come first, then edges by their later ends.
    pub index: u32,
}

/// When a cell passed which place, by the clock of the node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Hops {
    /// Its last round came in.
    pub ingest: Time,
    /// It was given to a worker.
    pub dispatched: Time,
    /// Decoding began.
    pub decode_start: Time,
    /// Decoding ended.
    pub decode_end: Time,
}

/// COMMIT: the answer for a cell. Sent twice, it is the same bit for bit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Commit<'a> {
    /// The cell.
    pub cell: CellId,
    /// The times.
    pub hops: Hops,
    /// Which observables the committed edges flip; as many words as the observables of the stream need.
    pub parity: List<'a, u64>,
    /// The marks, strictly ascending.
    pub marks: List<'a, Mark>,
}

/// MARKS: marks of a cell that another node committed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Marks<'a> {
    /// The committed cell.
    pub cell: CellId,
    /// The marks, strictly ascending.
    pub marks: List<'a, Mark>,
}

impl Item for Mark {
    const BYTES: usize = 8;

    fn read(bytes: &[u8]) -> Self {
        Self { layer: u32::read(&bytes[..4]), index: u32::read(&bytes[4..]) }
    }

    fn write(self, bytes: &mut [u8]) {
        self.layer.write(&mut bytes[..4]);
        self.index.write(&mut bytes[4..]);
    }
}

impl<'a> Commit<'a> {
    const FIXED_BYTES: usize = 48;

    /// Reads the payload of a COMMIT frame.
    pub fn decode(payload: &'a [u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(payload);
        let cell = CellId(reader.u64()?);
        let hops = Hops {
            ingest: Time(reader.u64()?),
            dispatched: Time(reader.u64()?),
            decode_start: Time(reader.u64()?),
            decode_end: Time(reader.u64()?),
        };
        let parity_words = reader.count(OBSERVABLES_MAX / u64::BITS)?;
        let mark_count = reader.count(MARKS_MAX)?;
        let commit = Self {
            cell,
            hops,
            parity: List::take(&mut reader, parity_words)?,
            marks: List::take(&mut reader, mark_count)?,
        };
        reader.end()?;
        if marks_are_valid(&commit.marks) { Ok(commit) } else { Err(Error::MalformedPayload) }
    }

    pub(crate) fn is_valid(&self) -> bool {
        self.parity.len() <= (OBSERVABLES_MAX / u64::BITS) as usize && marks_are_valid(&self.marks)
    }
}

impl Payload for Commit<'_> {
    fn payload_bytes(&self) -> usize {
        Self::FIXED_BYTES + self.parity.bytes() + self.marks.bytes()
    }

    fn write(&self, payload: &mut [u8]) {
        let mut writer = Writer::new(payload);
        writer.u64(self.cell.0);
        writer.u64(self.hops.ingest.0);
        writer.u64(self.hops.dispatched.0);
        writer.u64(self.hops.decode_start.0);
        writer.u64(self.hops.decode_end.0);
        writer.u32(self.parity.len() as u32);
        writer.u32(self.marks.len() as u32);
        self.parity.put(&mut writer);
        self.marks.put(&mut writer);
    }
}

impl<'a> Marks<'a> {
    /// Reads the payload of a MARKS frame.
    pub fn decode(payload: &'a [u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(payload);
        let cell = CellId(reader.u64()?);
        let count = reader.count(MARKS_MAX)?;
        reader.reserved()?;
        let marks = Self { cell, marks: List::take(&mut reader, count)? };
        reader.end()?;
        if marks.is_valid() { Ok(marks) } else { Err(Error::MalformedPayload) }
    }

    pub(crate) fn is_valid(&self) -> bool {
        marks_are_valid(&self.marks)
    }
}

impl Payload for Marks<'_> {
    fn payload_bytes(&self) -> usize {
        16 + self.marks.bytes()
    }

    fn write(&self, payload: &mut [u8]) {
        let mut writer = Writer::new(payload);
        writer.u64(self.cell.0);
        writer.u32(self.marks.len() as u32);
        writer.u32(0);
        self.marks.put(&mut writer);
    }
}

fn marks_are_valid(marks: &List<'_, Mark>) -> bool {
    marks.len() <= MARKS_MAX as usize && marks.iter().is_sorted_by(|a, b| a < b)
}
