//! The cells of one stream that the node owns in one epoch: a book that follows them, in the terms of the wire. What a
//! cell gives depends on its rounds and on the marks of the cells before it in rank alone, wherever those were decided.
//! So rounds may come in frames of any size, and marks in any order.

use std::sync::Arc;

use outrider::{Cell, CellBook, CellBookOptions, CellRange, Commit, Patch, PlacedCommit, PlacedMark, Status};
use outrider_wire::{self as wire, CellId, Layer, Mark, Round, Time};

use crate::stream_fault::StreamFault;

/// Commits of cells elsewhere that are kept; an honest controller sends those next to the node's own.
const FOREIGN_COMMITS_MAX: usize = 4096;
/// Marks that are kept at most, for each detector of the rounds that the plan needs at a time.
const MARKS_FACTOR: u64 = 8;

/// What a worker needs to decide a cell.
#[derive(Debug)]
pub(crate) struct CellWork<'a> {
    pub(crate) cell: Cell,
    /// In the numbers of the plan's reference.
    pub(crate) events: &'a [u32],
    pub(crate) marks: &'a [u32],
    /// When the last round that it needs came in.
    pub(crate) ingest: Time,
}

#[derive(Debug)]
pub(crate) struct OwnedCells {
    book: CellBook,
    ranges: Vec<wire::CellRange>,
    /// A cell that can be decided and is about to be taken.
    prepared: Option<Cell>,
    /// Marks on their way in, and on their way out.
    imported: Vec<PlacedMark>,
    sent: Vec<Mark>,
}

impl OwnedCells {
    /// The cells at the beginning of an epoch, in which rounds begin at `round`.
    pub(crate) fn new(
        patch: &Patch,
        ranges: impl Iterator<Item = wire::CellRange>,
        round: Round,
    ) -> Result<Self, StreamFault> {
        let ranges = Vec::from_iter(ranges);
        let widest = u64::from(patch.widths().widest());
        let marks = CellBook::layers_needed(patch.plan()).saturating_mul(widest).saturating_mul(MARKS_FACTOR);
        let followed = |range: &wire::CellRange| CellRange {
            first: range.first.0,
            stride: range.stride,
            count: range.count,
        };
        let options = CellBookOptions {
            first_layer: round.0,
            followed: Some(ranges.iter().map(followed).collect()),
            imports_max: FOREIGN_COMMITS_MAX,
            marks_max: usize::try_from(marks).unwrap_or(usize::MAX),
            ..CellBookOptions::new(patch.plan())
        };
        let book = CellBook::with_options(Arc::clone(patch.plan()), &options)?;
        Ok(Self { book, ranges, prepared: None, imported: Vec::new(), sent: Vec::new() })
    }

    /// Takes a round in. Rounds before it that have not come are not needed.
    pub(crate) fn push(
        &mut self,
        round: Round,
        layer: &Layer<'_>,
        is_last: bool,
        now: Time,
    ) -> Result<(), StreamFault> {
        self.book.skip_to(round.0)?;
        Ok(self.book.push_at(layer.bits, layer.bit_count, is_last, now.0)?)
    }

    /// Takes in what a cell that was decided elsewhere leaves to its neighbours. The node decides its own cells itself.
    pub(crate) fn import_commit(
        &mut self,
        cell: CellId,
        round: Round,
        marks: impl Iterator<Item = Mark>,
    ) -> Result<(), StreamFault> {
        self.imported.clear();
        self.imported.extend(marks.map(|mark| PlacedMark { layer: mark.layer, index: mark.index }));
        let commit = PlacedCommit { observables: None, layer: round.0, marks: &self.imported };
        let is_owned = self.ranges.iter().any(|range| range.contains(cell));
        let taken = match is_owned {
            true => self.book.check(cell.0, &commit),
            false => self.book.import(cell.0, &commit).map(|_| ()),
        };
        taken.map_err(|error| match error.status() {
            Some(Status::Limit) => StreamFault::TooManyMarks,
            Some(Status::Index) => StreamFault::StrayMarks(cell),
            _ => error.into(),
        })
    }

    /// Looks for a cell that can be decided, and returns it.
    pub(crate) fn prepare_next(&mut self) -> Result<Option<Cell>, StreamFault> {
        self.prepared = self.prepared.or_else(|| self.book.next());
        if let Some(cell) = self.prepared {
            self.book.input(cell.number)?;
        }
        Ok(self.prepared)
    }

    /// Whether a cell is with a worker.
    pub(crate) fn has_cells_out(&self) -> bool {
        self.book.state().out > usize::from(self.prepared.is_some())
    }

    /// The cell that was found, which is out from now on.
    pub(crate) fn take_next(&mut self) -> Option<CellWork<'_>> {
        let cell = self.prepared.take()?;
        let input = self.book.input(cell.number).ok()?;
        Some(CellWork { cell, events: input.events, marks: input.marks, ingest: Time(input.arrived) })
    }

    /// Takes the commit of a cell that is out. Returns its marks, and the round from which theirs count: that of the
    /// first mark.
    pub(crate) fn commit(
        &mut self,
        cell: &Cell,
        commit: &Commit<'_>,
    ) -> Result<(Round, &[Mark]), StreamFault> {
        self.sent.clear();
        for &mark in commit.marks {
            let (layer, index) = self.book.plan().place(mark)?;
            self.sent.push(Mark { layer, index });
        }
        self.book.commit(cell.number, commit)?;
        self.sent.sort_unstable_by_key(|mark| (mark.layer, mark.index));
        let Some(&Mark { layer: first, .. }) = self.sent.first() else {
            return Ok((Round(cell.first_layer), &self.sent));
        };
        self.sent.iter_mut().for_each(|mark| mark.layer -= first);
        Ok((Round((i64::from(first) + cell.shift) as u64), &self.sent))
    }

    /// Rounds that are held because cells still need them.
    pub(crate) fn held(&self) -> u64 {
        self.book.held()
    }

    /// Cells that have begun and are not committed.
    pub(crate) fn open_cells(&self) -> impl Iterator<Item = CellId> {
        let open = self.book.needs(0).filter(|need| !need.is_committed && !need.is_empty);
        open.map(|need| CellId(need.number))
    }
}
