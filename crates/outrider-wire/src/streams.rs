//! The payloads that begin, feed and end streams: OPEN, OPENED, CREDIT, ASSIGN and CLOSED.

use crate::bytes::{Reader, Writer};
use crate::error::Error;
use crate::fault::Fault;
use crate::frame::Payload;
use crate::ids::{CellId, Digest, Round};
use crate::limits::{CELL_RANGES_MAX, CYCLE_LAYERS_MAX, LAYER_BITS_MAX, OBSERVABLES_MAX, OPEN_CELLS_MAX};
use crate::list::{Item, List};

/// OPEN: what a stream is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Open {
    /// The hash of its detector error model.
    pub model: Digest,
    /// The hash of its plan of cells.
    pub plan: Digest,
    /// The number of its observables.
    pub observables: u32,
    /// The widths of its layers.
    pub widths: Widths,
}

/// How many detectors each layer has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Widths {
    /// Of round 0.
    pub first: u32,
    /// Of round r > 0 at index (r - 1) % length.
    pub cycle: Vec<u32>,
    /// Of the last layer, wherever it is.
    pub last: u32,
}

/// OPENED and CREDIT: how many rounds may be sent in all since the stream began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Credit {
    /// Never less than before.
    pub rounds: u64,
}

/// Cells `first`, `first + stride`, … of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CellRange {
    /// The first.
    pub first: CellId,
    /// How many; [`CellRange::ENDLESS`] for all that the stream will have.
    pub count: u64,
    /// From one to the next; at least 1.
    pub stride: u64,
}

/// ASSIGN: exactly the cells that this node owns in the epoch of the frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Assign<'a> {
    /// At most [`CELL_RANGES_MAX`]; none takes every cell away.
    pub cells: List<'a, CellRange>,
}

/// CLOSED: the end of a stream or session, and what was still open.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Closed<'a> {
    /// Zero if the client asked; otherwise the value of an [`Error`].
    pub code: u32,
    /// How many cells were assigned, had begun, and are not committed.
    pub open_count: u64,
    /// Some of them, at most [`OPEN_CELLS_MAX`].
    pub open_cells: List<'a, CellId>,
}

impl Open {
    const FIXED_BYTES: usize = 80;

    /// Compares with what a node has; a mismatch is a fault with both values.
    pub fn check(&self, model: &Digest, plan: &Digest) -> Result<(), Fault<'static>> {
        if self.model != *model {
            Err(Fault::of_digests(Error::ModelMismatch, model, &self.model))
        } else if self.plan != *plan {
            Err(Fault::of_digests(Error::PlanMismatch, plan, &self.plan))
        } else {
            Ok(())
        }
    }

    /// Reads the payload of an OPEN frame.
    pub fn decode(payload: &[u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(payload);
        let (model, plan) = (Digest(reader.array()?), Digest(reader.array()?));
        let (first, last) = (reader.u32()?, reader.u32()?);
        let observables = reader.u32()?;
        let count = reader.count(CYCLE_LAYERS_MAX)?;
        let cycle = List::<u32>::take(&mut reader, count)?.iter().collect();
        reader.end()?;
        let open = Self { model, plan, observables, widths: Widths { first, cycle, last } };
        if open.is_valid() { Ok(open) } else { Err(Error::MalformedPayload) }
    }

    pub(crate) fn is_valid(&self) -> bool {
        self.observables <= OBSERVABLES_MAX && self.widths.are_valid()
    }

    /// Words of parities in every COMMIT frame.
    pub(crate) fn parity_words(&self) -> usize {
        self.observables.div_ceil(u64::BITS) as usize
    }
}

impl Payload for Open {
    fn payload_bytes(&self) -> usize {
        Self::FIXED_BYTES + u32::BYTES * self.widths.cycle.len()
    }

    fn write(&self, payload: &mut [u8]) {
        let mut writer = Writer::new(payload);
        writer.bytes(&self.model.0);
        writer.bytes(&self.plan.0);
        writer.u32(self.widths.first);
        writer.u32(self.widths.last);
        writer.u32(self.observables);
        writer.u32(self.widths.cycle.len() as u32);
        List::from(&self.widths.cycle[..]).put(&mut writer);
    }
}

impl Widths {
    /// The detectors of a round that is not the last.
    pub fn of_round(&self, round: Round) -> u32 {
        match round.0.checked_sub(1) {
            None => self.first,
            Some(index) => self.cycle[(index % self.cycle.len() as u64) as usize],
        }
    }

    fn are_valid(&self) -> bool {
        let length = self.cycle.len();
        (1..=CYCLE_LAYERS_MAX as usize).contains(&length)
            && self.cycle.iter().chain([&self.first, &self.last]).all(|&width| width <= LAYER_BITS_MAX)
    }
}

impl Credit {
    /// Reads the payload of an OPENED or CREDIT frame.
    pub fn decode(payload: &[u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(payload);
        let credit = Self { rounds: reader.u64()? };
        reader.end()?;
        Ok(credit)
    }
}

impl Payload for Credit {
    fn payload_bytes(&self) -> usize {
        8
    }

    fn write(&self, payload: &mut [u8]) {
        Writer::new(payload).u64(self.rounds);
    }
}

impl CellRange {
    /// The count of a range without end.
    pub const ENDLESS: u64 = u64::MAX;

    /// Whether the cell is in the range.
    pub fn contains(&self, cell: CellId) -> bool {
        cell.checked_sub(self.first).is_some_and(|offset| {
            offset % self.stride == 0 && (self.count == Self::ENDLESS || offset / self.stride < self.count)
        })
    }

    fn is_valid(&self) -> bool {
        let last = || (self.count - 1).checked_mul(self.stride)?.checked_add(self.first.0);
        self.stride != 0 && self.count != 0 && (self.count == Self::ENDLESS || last().is_some())
    }
}

impl Item for CellRange {
    const BYTES: usize = 24;

    fn read(bytes: &[u8]) -> Self {
        Self {
            first: CellId(u64::read(&bytes[..8])),
            count: u64::read(&bytes[8..16]),
            stride: u64::read(&bytes[16..]),
        }
    }

    fn write(self, bytes: &mut [u8]) {
        self.first.0.write(&mut bytes[..8]);
        self.count.write(&mut bytes[8..16]);
        self.stride.write(&mut bytes[16..]);
    }
}

impl<'a> Assign<'a> {
    /// Reads the payload of an ASSIGN frame.
    pub fn decode(payload: &'a [u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(payload);
        let count = reader.count(CELL_RANGES_MAX)?;
        reader.reserved()?;
        let assign = Self { cells: List::take(&mut reader, count)? };
        reader.end()?;
        if assign.is_valid() { Ok(assign) } else { Err(Error::MalformedPayload) }
    }

    pub(crate) fn is_valid(&self) -> bool {
        self.cells.len() <= CELL_RANGES_MAX as usize && self.cells.iter().all(|range| range.is_valid())
    }
}

impl Payload for Assign<'_> {
    fn payload_bytes(&self) -> usize {
        8 + self.cells.bytes()
    }

    fn write(&self, payload: &mut [u8]) {
        let mut writer = Writer::new(payload);
        writer.u32(self.cells.len() as u32);
        writer.u32(0);
        self.cells.put(&mut writer);
    }
}

impl<'a> Closed<'a> {
    /// Reads the payload of a CLOSED frame.
    pub fn decode(payload: &'a [u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(payload);
        let code = reader.u32()?;
        let count = reader.count(OPEN_CELLS_MAX)?;
        let closed = Self { code, open_count: reader.u64()?, open_cells: List::take(&mut reader, count)? };
        reader.end()?;
        if closed.is_valid() { Ok(closed) } else { Err(Error::MalformedPayload) }
    }

    pub(crate) fn is_valid(&self) -> bool {
        self.open_cells.len() as u64 <= self.open_count.min(OPEN_CELLS_MAX.into())
    }
}

impl Payload for Closed<'_> {
    fn payload_bytes(&self) -> usize {
        16 + self.open_cells.bytes()
    }

    fn write(&self, payload: &mut [u8]) {
        let mut writer = Writer::new(payload);
        writer.u32(self.code);
        writer.u32(self.open_cells.len() as u32);
        writer.u64(self.open_count);
        self.open_cells.put(&mut writer);
    }
}
