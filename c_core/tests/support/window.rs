//! Owning handles around the C windows, just enough for tests to stay readable.

use super::decoding::{Graph, Override, default_options, view};
use super::graph::BOUNDARY;
use super::model::{ParseError, blank_error};
use outrider_sys::*;
use std::ptr;

pub(crate) use outrider_sys::otr_window_role as Role;

pub(crate) const OUTSIDE: u8 = Role::OTR_WINDOW_OUTSIDE.0 as u8;
pub(crate) const BUFFER: u8 = Role::OTR_WINDOW_BUFFER.0 as u8;
pub(crate) const CELL: u8 = Role::OTR_WINDOW_CELL.0 as u8;
pub(crate) const CLOSED: u8 = Role::OTR_WINDOW_CLOSED.0 as u8;

/// A window and the graph that it borrows.
pub(crate) struct Window<'g> {
    raw: *mut otr_window,
    pub(crate) history: &'g Graph,
}

/// An edge of a window's graph, its nodes as detectors of the history.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct WindowEdge {
    pub(crate) detectors: (u32, u32),
    pub(crate) probability: f64,
    pub(crate) weight: i32,
    pub(crate) observables: Vec<u32>,
    pub(crate) source: u32,
    pub(crate) part_count: u32,
    pub(crate) owned: bool,
    /// (edge of the window, implied weight)
    pub(crate) rules: Vec<(u32, i32)>,
}

impl<'g> Window<'g> {
    pub(crate) fn new(history: &'g Graph, roles: &[u8]) -> Result<Self, ParseError> {
        assert_eq!(roles.len(), history.nodes);
        let (mut raw, mut error) = (ptr::null_mut(), blank_error());
        // SAFETY: there is a role for each node; the lifetime 'g keeps the graph alive while the window is.
        let status = unsafe { otr_window_create(&mut raw, history.raw(), roles.as_ptr(), &mut error) };
        match status {
            otr_status::OTR_OK => Ok(Self { raw, history }),
            status => Err(ParseError::new(status, &error)),
        }
    }

    /// # Safety
    /// `raw` is a window on `history` that nobody else destroys.
    pub(crate) unsafe fn from_raw(raw: *mut otr_window, history: &'g Graph) -> Self {
        Self { raw, history }
    }

    pub(crate) fn graph(&self) -> *const otr_graph {
        // SAFETY: the window is alive.
        unsafe { otr_window_graph(self.raw) }
    }

    pub(crate) fn detectors(&self) -> Vec<u32> {
        let mut count = 0;
        // SAFETY: the window is alive, and the view is copied.
        unsafe { view(otr_window_detectors(self.raw, &mut count), count).to_vec() }
    }

    pub(crate) fn blind_count(&self) -> u32 {
        // SAFETY: the window is alive.
        unsafe { otr_window_blind_count(self.raw) }
    }

    pub(crate) fn marks_max(&self) -> usize {
        // SAFETY: the window is alive.
        unsafe { otr_window_marks_max(self.raw) as usize }
    }

    pub(crate) fn edges(&self) -> Vec<WindowEdge> {
        // SAFETY: the graph lives as long as the window.
        let count = unsafe { otr_graph_edge_count(self.graph()) };
        (0..count).map(|edge| self.edge(edge)).collect()
    }

    fn edge(&self, number: u32) -> WindowEdge {
        let detectors = self.detectors();
        // SAFETY: C's structs of integers and pointers may be zero.
        let (mut edge, mut own): (otr_edge, otr_window_edge) = unsafe { std::mem::zeroed() };
        let mut rules = otr_implied { edges: ptr::null(), weights: ptr::null(), count: 0 };
        // SAFETY: window and graph are alive, and the views are copied.
        let (observables, edges, weights) = unsafe {
            assert_eq!(otr_graph_edge(self.graph(), number, &mut edge), otr_status::OTR_OK);
            assert_eq!(otr_window_edge_at(self.raw, number, &mut own), otr_status::OTR_OK);
            assert_eq!(otr_graph_implied(self.graph(), number, &mut rules), otr_status::OTR_OK);
            let observables = view(edge.observables, edge.observable_count as usize).to_vec();
            (observables, view(rules.edges, rules.count), view(rules.weights, rules.count))
        };
        let detector = |node| if node == BOUNDARY { BOUNDARY } else { detectors[node as usize] };
        WindowEdge {
            detectors: (detector(edge.node1), detector(edge.node2)),
            probability: edge.probability,
            weight: edge.weight,
            observables,
            source: own.source,
            part_count: own.part_count,
            owned: own.owned,
            rules: edges.iter().copied().zip(weights.iter().copied()).collect(),
        }
    }

    /// What a call with a number beyond the edges answers.
    pub(crate) fn edge_status(&self, number: u32) -> otr_status {
        // SAFETY: C's struct of integers may be zero; the window is alive.
        unsafe { otr_window_edge_at(self.raw, number, &mut std::mem::zeroed()) }
    }
}

impl Drop for Window<'_> {
    fn drop(&mut self) {
        // SAFETY: created by otr_window_create and not used after.
        unsafe { otr_window_destroy(self.raw) }
    }
}

/// What a cell commits.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Commit {
    pub(crate) observables: Vec<u8>,
    pub(crate) marks: Vec<u32>,
    pub(crate) edges: Vec<u32>,
    pub(crate) event_count: u32,
}

/// A decoder of a window that it borrows.
pub(crate) struct WindowDecoder<'w> {
    raw: *mut otr_window_decoder,
    history: &'w Graph,
}

impl<'w> WindowDecoder<'w> {
    pub(crate) fn new(window: &'w Window<'_>, kind: otr_decoder_kind) -> Self {
        let options = otr_decoder_options { kind, ..default_options() };
        Self::create(window, &options).unwrap_or_else(|status| panic!("{status:?}"))
    }

    pub(crate) fn create(window: &'w Window<'_>, options: &otr_decoder_options) -> Result<Self, otr_status> {
        let mut raw = ptr::null_mut();
        // SAFETY: the lifetime 'w keeps the window alive while the decoder is.
        match unsafe { otr_window_decoder_create(&mut raw, window.raw, options) } {
            otr_status::OTR_OK => Ok(Self { raw, history: window.history }),
            status => Err(status),
        }
    }

    pub(crate) fn decode(
        &mut self,
        events: &[u32],
        marks: &[u32],
        overrides: &[Override],
    ) -> Result<Commit, otr_status> {
        let untouched = otr_commit {
            observables: ptr::null(),
            marks: ptr::null(),
            mark_count: 77,
            edges: ptr::null(),
            edge_count: 77,
            event_count: 77,
        };
        let mut out = untouched;
        // SAFETY: the lists are valid for their counts; the views are copied before the next call.
        unsafe {
            let status = otr_window_decode(
                self.raw,
                events.as_ptr(),
                events.len(),
                marks.as_ptr(),
                marks.len(),
                overrides.as_ptr(),
                overrides.len(),
                &mut out,
            );
            if status != otr_status::OTR_OK {
                assert_eq!((out.mark_count, out.edge_count, out.event_count), (77, 77, 77));
                return Err(status);
            }
            Ok(Commit {
                observables: view(out.observables, self.history.observables.div_ceil(8)).to_vec(),
                marks: view(out.marks, out.mark_count).to_vec(),
                edges: view(out.edges, out.edge_count).to_vec(),
                event_count: out.event_count,
            })
        }
    }
}

impl Drop for WindowDecoder<'_> {
    fn drop(&mut self) {
        // SAFETY: created by otr_window_decoder_create and not used after.
        unsafe { otr_window_decoder_destroy(self.raw) }
    }
}
