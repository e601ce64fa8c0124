//! An owning handle around the C book, just enough for tests to stay readable.

use super::decoding::view;
use super::model::{ParseError, blank_error};
use super::plan::{Cell, Plan};
use super::window::Commit;
use outrider_sys::*;
use std::ptr;

/// A book and the plan that it borrows.
pub(crate) struct Book<'p, 'g> {
    raw: *mut otr_cell_book,
    observable_bytes: usize,
    plan: &'p Plan<'g>,
}

/// How far a history got.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct State {
    pub(crate) layers: u64,
    pub(crate) room: u64,
    pub(crate) committed: u64,
    pub(crate) cells: u64,
    pub(crate) observables: Vec<u8>,
    pub(crate) has_ended: bool,
    pub(crate) is_finished: bool,
    pub(crate) held: u64,
    pub(crate) first_cell: u64,
    pub(crate) entered: u64,
    pub(crate) open: usize,
    pub(crate) out: usize,
    pub(crate) commits: u64,
}

/// Marks of a commit by their places in the history.
#[derive(Clone, Default)]
pub(crate) struct Marks {
    pub(crate) layer: u64,
    pub(crate) places: Vec<otr_placed_mark>,
}

/// Options of a book that follows all cells and holds the layers needed.
pub(crate) fn default_options(plan: &Plan) -> otr_cell_book_options {
    // SAFETY: the plan is alive.
    unsafe { otr_cell_book_options_default(plan.raw()) }
}

/// Layers that a book of the plan has to hold.
pub(crate) fn layers_needed(plan: &Plan) -> u64 {
    // SAFETY: the plan is alive.
    unsafe { otr_cell_book_layers_needed(plan.raw()) }
}

impl<'p, 'g> Book<'p, 'g> {
    /// A book that follows all cells.
    pub(crate) fn new(plan: &'p Plan<'g>, layers_max: u64) -> Result<Self, ParseError> {
        Self::with(plan, otr_cell_book_options { layers_max, ..default_options(plan) })
    }

    pub(crate) fn with(plan: &'p Plan<'g>, options: otr_cell_book_options) -> Result<Self, ParseError> {
        let (mut raw, mut error) = (ptr::null_mut(), blank_error());
        // SAFETY: the lifetime 'p keeps the plan alive while the stream is.
        match unsafe { otr_cell_book_create(&mut raw, plan.raw(), &options, &mut error) } {
            otr_status::OTR_OK => {
                Ok(Self { raw, observable_bytes: plan.graph.observables.div_ceil(8), plan })
            }
            status => Err(ParseError::new(status, &error)),
        }
    }

    pub(crate) fn plan(&self) -> &'p Plan<'g> {
        self.plan
    }

    /// Appends a layer of detection events, one bool a detector.
    pub(crate) fn push(&mut self, events: &[bool], is_last: bool) -> Result<(), ParseError> {
        self.push_at(events, is_last, 0)
    }

    pub(crate) fn push_at(&mut self, events: &[bool], is_last: bool, arrived: u64) -> Result<(), ParseError> {
        let mut bits = vec![0u8; events.len().div_ceil(8)];
        for (index, _) in events.iter().enumerate().filter(|(_, fires)| **fires) {
            bits[index / 8] |= 1 << (index % 8);
        }
        if let Some(last) = bits.last_mut().filter(|_| !events.len().is_multiple_of(8)) {
            *last |= 0xFF << (events.len() % 8); // padding, which must not matter
        }
        let mut error = blank_error();
        // SAFETY: there are as many bits as given.
        let status = unsafe {
            otr_cell_book_push(self.raw, bits.as_ptr(), events.len() as u32, is_last, arrived, &mut error)
        };
        if status == otr_status::OTR_OK { Ok(()) } else { Err(ParseError::new(status, &error)) }
    }

    pub(crate) fn next(&mut self) -> Option<Cell> {
        // SAFETY: C's struct of integers may be zero.
        let mut cell = unsafe { std::mem::zeroed() };
        // SAFETY: the book is alive; the output is ours.
        (unsafe { otr_cell_book_next(self.raw, &mut cell) }).then_some(cell)
    }

    /// Leaves layers out.
    pub(crate) fn skip(&mut self, layer: u64) -> otr_status {
        // SAFETY: the book is alive.
        unsafe { otr_cell_book_skip(self.raw, layer) }
    }

    /// Events, marks, and the latest time of the layers.
    pub(crate) fn timed_input(&mut self, number: u64) -> Result<(Vec<u32>, Vec<u32>, u64), ParseError> {
        // SAFETY: C's struct of integers and pointers may be zero.
        let mut input: otr_cell_input = unsafe { std::mem::zeroed() };
        let mut error = blank_error();
        // SAFETY: the book is alive; the views are copied before the next call.
        unsafe {
            match otr_cell_book_input(self.raw, number, &mut input, &mut error) {
                otr_status::OTR_OK => Ok((
                    view(input.events, input.event_count).to_vec(),
                    view(input.marks, input.mark_count).to_vec(),
                    input.arrived,
                )),
                status => Err(ParseError::new(status, &error)),
            }
        }
    }

    /// Events and marks.
    pub(crate) fn input(&mut self, number: u64) -> Result<(Vec<u32>, Vec<u32>), otr_status> {
        let input = self.timed_input(number).map_err(|error| error.status)?;
        Ok((input.0, input.1))
    }

    pub(crate) fn commit(&mut self, number: u64, commit: &Commit) -> otr_status {
        let raw = otr_commit {
            observables: commit.observables.as_ptr(),
            marks: commit.marks.as_ptr(),
            mark_count: commit.marks.len(),
            edges: commit.edges.as_ptr(),
            edge_count: commit.edges.len(),
            event_count: commit.event_count,
        };
        // SAFETY: the book is alive; the lists come with their counts.
        unsafe { otr_cell_book_commit(self.raw, number, &raw) }
    }

    /// Takes a commit of a cell that was decided elsewhere: its observables, if they are known, and its marks.
    pub(crate) fn import(
        &mut self,
        number: u64,
        observables: Option<&[u8]>,
        marks: &Marks,
    ) -> Result<(otr_import_outcome, u64), otr_status> {
        let raw = otr_placed_commit {
            observables: observables.map_or(ptr::null(), <[u8]>::as_ptr),
            layer: marks.layer,
            marks: marks.places.as_ptr(),
            mark_count: marks.places.len(),
        };
        let (mut outcome, mut arrived) = (otr_import_outcome::OTR_IMPORT_LATE, 0);
        // SAFETY: the book is alive; the lists come with their counts, the outputs are ours.
        match unsafe { otr_cell_book_import(self.raw, number, &raw, &mut outcome, &mut arrived) } {
            otr_status::OTR_OK => Ok((outcome, arrived)),
            status => Err(status),
        }
    }

    pub(crate) fn reopen(&mut self) {
        // SAFETY: the book is alive.
        unsafe { otr_cell_book_reopen(self.raw) }
    }

    /// The observables and marks of a committed cell.
    pub(crate) fn commit_of(&self, number: u64) -> Option<(Vec<u8>, Marks)> {
        // SAFETY: C's struct of integers and pointers may be zero; the views are copied.
        unsafe {
            let mut raw: otr_placed_commit = std::mem::zeroed();
            otr_cell_book_commit_of(self.raw, number, &mut raw).then(|| {
                let places = view(raw.marks, raw.mark_count).to_vec();
                let observables = view(raw.observables, self.observable_bytes).to_vec();
                (observables, Marks { layer: raw.layer, places })
            })
        }
    }

    pub(crate) fn is_committed(&self, number: u64) -> bool {
        // SAFETY: the book is alive.
        unsafe { otr_cell_book_is_committed(self.raw, number) }
    }

    /// The followed cells that have entered and are kept.
    pub(crate) fn needs(&self) -> Vec<otr_cell_need> {
        let mut needs = Vec::new();
        let mut next = 0;
        loop {
            // SAFETY: C's struct of integers may be zero.
            let mut need: otr_cell_need = unsafe { std::mem::zeroed() };
            // SAFETY: the book is alive; the output is ours.
            if !unsafe { otr_cell_book_need(self.raw, next, &mut need) } {
                return needs;
            }
            next = need.number + 1;
            needs.push(need);
        }
    }

    pub(crate) fn dependencies(&self, number: u64) -> Result<Vec<u64>, otr_status> {
        let (mut numbers, mut count) = (ptr::null(), 0);
        // SAFETY: the book is alive; the view is copied.
        match unsafe { otr_cell_book_dependencies(self.raw, number, &mut numbers, &mut count) } {
            // SAFETY: the call gave as many numbers.
            otr_status::OTR_OK => Ok(unsafe { view(numbers, count) }.to_vec()),
            status => Err(status),
        }
    }

    /// The packed events of a layer, its detectors and its time.
    pub(crate) fn layer(&self, layer: u64) -> Option<(Vec<u8>, u32, u64)> {
        // SAFETY: C's struct of integers and a pointer may be zero; the view is copied.
        unsafe {
            let mut raw: otr_kept_layer = std::mem::zeroed();
            otr_cell_book_layer(self.raw, layer, &mut raw).then(|| {
                let bytes = raw.detector_count.div_ceil(8) as usize;
                (view(raw.events, bytes).to_vec(), raw.detector_count, raw.arrived)
            })
        }
    }

    /// The cell that all others wait for, and the time of its last layer.
    pub(crate) fn awaited(&self) -> Option<(u64, u64)> {
        let (mut number, mut arrived) = (0, 0);
        // SAFETY: the book is alive; the outputs are ours.
        unsafe { otr_cell_book_awaited(self.raw, &mut number, &mut arrived) }.then_some((number, arrived))
    }

    pub(crate) fn state(&self) -> State {
        // SAFETY: C's struct of integers and a pointer may be zero; the view is copied.
        unsafe {
            let mut state: otr_cell_book_state = std::mem::zeroed();
            otr_cell_book_look(self.raw, &mut state);
            State {
                layers: state.layers,
                room: state.room,
                committed: state.committed,
                cells: state.cells,
                observables: view(state.observables, self.observable_bytes).to_vec(),
                has_ended: state.has_ended,
                is_finished: state.is_finished,
                held: state.held,
                first_cell: state.first_cell,
                entered: state.entered,
                open: state.open,
                out: state.out,
                commits: state.commits,
            }
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        // SAFETY: the book is alive.
        unsafe { otr_cell_book_bytes(self.raw) }
    }
}

impl Drop for Book<'_, '_> {
    fn drop(&mut self) {
        // SAFETY: created by otr_cell_book_create and not used after.
        unsafe { otr_cell_book_destroy(self.raw) }
    }
}
