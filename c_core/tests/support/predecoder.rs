//! Owning handles around the C pre-decoders, just enough for tests to stay readable.

use super::decoding::{Graph, Override};
use super::model::{Model, ParseError, blank_error};
use outrider_sys::*;
use std::{ptr, slice};

/// A pre-decoder and the graph that it borrows.
pub(crate) struct Predecoder<'g> {
    raw: *mut otr_predecoder,
    pub(crate) graph: &'g Graph,
}

/// What hard use leaves of a shot.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Residual {
    pub(crate) events: Vec<u32>,
    pub(crate) observables: Vec<u8>,
    /// The committed edges, ascending.
    pub(crate) edges: Vec<u32>,
}

impl<'g> Predecoder<'g> {
    /// A rule on the graph of this model.
    pub(crate) fn rule(graph: &'g Graph, text: &str, options: &otr_rule_options) -> Result<Self, ParseError> {
        let model = Model::parse(text.as_bytes()).unwrap_or_else(|e| panic!("{text}: {e:?}"));
        let (mut raw, mut error) = (ptr::null_mut(), blank_error());
        // SAFETY: all pointers are valid; the lifetime 'g keeps the graph alive while the pre-decoder is.
        let status =
            unsafe { otr_rule_predecoder_create(&mut raw, graph.raw(), model.raw(), options, &mut error) };
        match status {
            otr_status::OTR_OK => Ok(Self { raw, graph }),
            status => Err(ParseError::new(status, &error)),
        }
    }

    pub(crate) fn raw(&self) -> *mut otr_predecoder {
        self.raw
    }

    /// The overrides of soft use.
    pub(crate) fn soft(&mut self, events: &[u32]) -> Result<Vec<Override>, otr_status> {
        let (mut overrides, mut count) = (ptr::null(), 0);
        // SAFETY: the events are valid for their count, and the view is copied before the next call.
        unsafe {
            match otr_predecoder_soft(self.raw, events.as_ptr(), events.len(), &mut overrides, &mut count) {
                otr_status::OTR_OK if count == 0 => Ok(Vec::new()),
                otr_status::OTR_OK => Ok(slice::from_raw_parts(overrides, count).to_vec()),
                status => Err(status),
            }
        }
    }

    /// What hard use leaves.
    pub(crate) fn hard(&mut self, events: &[u32]) -> Result<Residual, otr_status> {
        let mut out = otr_residual {
            events: ptr::null(),
            event_count: 0,
            observables: ptr::null(),
            edges: ptr::null(),
            edge_count: 0,
        };
        // SAFETY: the events are valid for their count, and the view is copied before the next call.
        unsafe {
            match otr_predecoder_hard(self.raw, events.as_ptr(), events.len(), &mut out) {
                otr_status::OTR_OK => Ok(Residual {
                    events: copy(out.events, out.event_count),
                    observables: copy(out.observables, self.graph.observables.div_ceil(8)),
                    edges: sorted(copy(out.edges, out.edge_count)),
                }),
                status => Err(status),
            }
        }
    }

    /// Reach in x, y and rounds.
    pub(crate) fn reach(&self) -> [f64; 3] {
        // SAFETY: the pre-decoder is alive.
        let otr_reach { x, y, rounds } = unsafe { otr_predecoder_reach(self.raw) };
        [x, y, rounds]
    }

    pub(crate) fn bytes(&self) -> usize {
        // SAFETY: the pre-decoder is alive.
        unsafe { otr_predecoder_bytes(self.raw) }
    }
}

impl Drop for Predecoder<'_> {
    fn drop(&mut self) {
        // SAFETY: created by a create call and not used after.
        unsafe { otr_predecoder_destroy(self.raw) }
    }
}

fn sorted(mut edges: Vec<u32>) -> Vec<u32> {
    edges.sort_unstable();
    edges
}

/// # Safety
/// `data` is valid for `count` elements, or `count` is 0.
unsafe fn copy<T: Clone>(data: *const T, count: usize) -> Vec<T> {
    if count == 0 {
        return Vec::new();
    }
    // SAFETY: the caller's promise.
    unsafe { slice::from_raw_parts(data, count) }.to_vec()
}
