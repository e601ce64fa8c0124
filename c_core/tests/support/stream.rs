//! An owning handle around the C stream, just enough for tests to stay readable.

use super::decoding::view;
use super::model::{ParseError, blank_error};
use super::plan::{Cell, Plan};
use super::window::Commit;
use outrider_sys::*;
use std::ptr;

/// A stream and the plan that it borrows.
pub(crate) struct Stream<'p, 'g> {
    raw: *mut otr_stream,
    observable_bytes: usize,
    plan: &'p Plan<'g>,
}

/// How far a stream got.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct State {
    pub(crate) layers: u64,
    pub(crate) room: u64,
    pub(crate) committed: u64,
    pub(crate) cells: u64,
    pub(crate) observables: Vec<u8>,
    pub(crate) has_ended: bool,
    pub(crate) is_finished: bool,
}

/// Layers that a stream of the plan has to hold.
pub(crate) fn layers_needed(plan: &Plan) -> u64 {
    // SAFETY: the plan is alive.
    unsafe { otr_stream_layers_needed(plan.raw()) }
}

impl<'p, 'g> Stream<'p, 'g> {
    pub(crate) fn new(plan: &'p Plan<'g>, layers_max: u64) -> Result<Self, ParseError> {
        let (mut raw, mut error) = (ptr::null_mut(), blank_error());
        // SAFETY: the lifetime 'p keeps the plan alive while the stream is.
        match unsafe { otr_stream_create(&mut raw, plan.raw(), layers_max, &mut error) } {
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
            otr_stream_push(self.raw, bits.as_ptr(), events.len() as u32, is_last.into(), &mut error)
        };
        if status == otr_status::OTR_OK { Ok(()) } else { Err(ParseError::new(status, &error)) }
    }

    pub(crate) fn next(&mut self) -> Option<Cell> {
        // SAFETY: C's struct of integers may be zero.
        let mut cell = unsafe { std::mem::zeroed() };
        // SAFETY: the stream is alive; the output is ours.
        (unsafe { otr_stream_next(self.raw, &mut cell) } == 1).then_some(cell)
    }

    /// Events and marks.
    pub(crate) fn input(&mut self, number: u64) -> Result<(Vec<u32>, Vec<u32>), otr_status> {
        let (mut events, mut event_count) = (ptr::null(), 0);
        let (mut marks, mut mark_count) = (ptr::null(), 0);
        // SAFETY: the stream is alive; the views are copied before the next call.
        unsafe {
            let status = otr_stream_input(
                self.raw,
                number,
                &mut events,
                &mut event_count,
                &mut marks,
                &mut mark_count,
            );
            match status {
                otr_status::OTR_OK => {
                    Ok((view(events, event_count).to_vec(), view(marks, mark_count).to_vec()))
                }
                status => Err(status),
            }
        }
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
        // SAFETY: the stream is alive; the lists come with their counts.
        unsafe { otr_stream_commit(self.raw, number, &raw) }
    }

    pub(crate) fn state(&self) -> State {
        // SAFETY: C's struct of integers and a pointer may be zero; the view is copied.
        unsafe {
            let mut state: otr_stream_state = std::mem::zeroed();
            otr_stream_look(self.raw, &mut state);
            State {
                layers: state.layers,
                room: state.room,
                committed: state.committed,
                cells: state.cells,
                observables: view(state.observables, self.observable_bytes).to_vec(),
                has_ended: state.has_ended != 0,
                is_finished: state.is_finished != 0,
            }
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        // SAFETY: the stream is alive.
        unsafe { otr_stream_bytes(self.raw) }
    }
}

impl Drop for Stream<'_, '_> {
    fn drop(&mut self) {
        // SAFETY: created by otr_stream_create and not used after.
        unsafe { otr_stream_destroy(self.raw) }
    }
}
