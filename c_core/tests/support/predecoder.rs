//! Owning handles around the C pre-decoders, just enough for tests to stay readable.

use super::decoding::{Graph, Override, view};
use super::model::{Model, ParseError, blank_error};
use outrider_sys::*;
use std::ptr;

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
    /// The fixed edges, ascending.
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
        let left = self.apply(otr_predecoder_use::OTR_PREDECODER_USE_SOFT, events)?;
        // SAFETY: the view is copied before the next call.
        Ok(unsafe { view(left.overrides, left.override_count).to_vec() })
    }

    /// What hard use leaves.
    pub(crate) fn hard(&mut self, events: &[u32]) -> Result<Residual, otr_status> {
        let left = self.apply(otr_predecoder_use::OTR_PREDECODER_USE_HARD, events)?;
        // SAFETY: the views are copied before the next call.
        Ok(unsafe {
            Residual {
                events: view(left.events, left.event_count).to_vec(),
                observables: view(left.observables, self.graph.observables.div_ceil(8)).to_vec(),
                edges: sorted(view(left.edges, left.edge_count).to_vec()),
            }
        })
    }

    /// Alive until the next call, as the events are.
    pub(crate) fn apply(
        &mut self,
        usage: otr_predecoder_use,
        events: &[u32],
    ) -> Result<otr_predecoded, otr_status> {
        // SAFETY: the events are valid for their count; a struct of pointers and numbers may be zero.
        unsafe {
            let mut left = std::mem::zeroed();
            match otr_predecoder_apply(self.raw, usage, events.as_ptr(), events.len(), &mut left) {
                otr_status::OTR_OK => Ok(left),
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
