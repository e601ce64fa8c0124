//! The payloads that carry answers: COMMIT, and DEFECTS between neighbours on different nodes.

use crate::bytes::{Reader, Writer};
use crate::error::Error;
use crate::frame::Payload;
use crate::ids::CellId;
use crate::limits::{DEFECTS_MAX, OBSERVABLES_MAX};
use crate::list::{Item, List};

/// A detector of a later cell that a commit flips.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Defect {
    /// Its round, counted from the round in the header.
    pub layer: u32,
    /// Its place in the layer.
    pub index: u32,
}

/// When a cell passed which place, by the clock of the node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Hops {
    /// Its last round came in.
    pub ingest_ns: u64,
    /// It was given to a worker.
    pub dispatched_ns: u64,
    /// Decoding began.
    pub decode_start_ns: u64,
    /// Decoding ended.
    pub decode_end_ns: u64,
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
    /// The artificial defects, strictly ascending.
    pub defects: List<'a, Defect>,
}

/// DEFECTS: artificial defects of a cell that another node committed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Defects<'a> {
    /// The committed cell.
    pub cell: CellId,
    /// The artificial defects, strictly ascending.
    pub defects: List<'a, Defect>,
}

impl Item for Defect {
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
            ingest_ns: reader.u64()?,
            dispatched_ns: reader.u64()?,
            decode_start_ns: reader.u64()?,
            decode_end_ns: reader.u64()?,
        };
        let parity_words = reader.count(OBSERVABLES_MAX / u64::BITS)?;
        let defect_count = reader.count(DEFECTS_MAX)?;
        let commit = Self {
            cell,
            hops,
            parity: List::take(&mut reader, parity_words)?,
            defects: List::take(&mut reader, defect_count)?,
        };
        reader.end()?;
        if defects_are_valid(&commit.defects) { Ok(commit) } else { Err(Error::MalformedPayload) }
    }

    pub(crate) fn is_valid(&self) -> bool {
        self.parity.len() <= (OBSERVABLES_MAX / u64::BITS) as usize && defects_are_valid(&self.defects)
    }
}

impl Payload for Commit<'_> {
    fn payload_bytes(&self) -> usize {
        Self::FIXED_BYTES + self.parity.bytes() + self.defects.bytes()
    }

    fn write(&self, payload: &mut [u8]) {
        let mut writer = Writer::new(payload);
        writer.u64(self.cell.0);
        writer.u64(self.hops.ingest_ns);
        writer.u64(self.hops.dispatched_ns);
        writer.u64(self.hops.decode_start_ns);
        writer.u64(self.hops.decode_end_ns);
        writer.u32(self.parity.len() as u32);
        writer.u32(self.defects.len() as u32);
        self.parity.put(&mut writer);
        self.defects.put(&mut writer);
    }
}

impl<'a> Defects<'a> {
    /// Reads the payload of a DEFECTS frame.
    pub fn decode(payload: &'a [u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(payload);
        let cell = CellId(reader.u64()?);
        let count = reader.count(DEFECTS_MAX)?;
        reader.reserved()?;
        let defects = Self { cell, defects: List::take(&mut reader, count)? };
        reader.end()?;
        if defects.is_valid() { Ok(defects) } else { Err(Error::MalformedPayload) }
    }

    pub(crate) fn is_valid(&self) -> bool {
        defects_are_valid(&self.defects)
    }
}

impl Payload for Defects<'_> {
    fn payload_bytes(&self) -> usize {
        16 + self.defects.bytes()
    }

    fn write(&self, payload: &mut [u8]) {
        let mut writer = Writer::new(payload);
        writer.u64(self.cell.0);
        writer.u32(self.defects.len() as u32);
        writer.u32(0);
        self.defects.put(&mut writer);
    }
}

fn defects_are_valid(defects: &List<'_, Defect>) -> bool {
    defects.len() <= DEFECTS_MAX as usize && defects.iter().is_sorted_by(|a, b| a < b)
}
