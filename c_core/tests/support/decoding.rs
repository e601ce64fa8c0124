//! Owning handles around the C decoder, just enough for tests to stay readable.

use super::brute_force;
use super::graph::{self, BOUNDARY, CORRELATED, Edge, PLAIN, WHOLE};
use outrider_sys::*;
use std::{mem::MaybeUninit, ptr, slice};

pub(crate) use outrider_sys::{otr_decoder_kind as Kind, otr_isa as Isa, otr_override as Override};

pub(crate) const KINDS: [Kind; 3] =
    [Kind::OTR_DECODER_MWPM, Kind::OTR_DECODER_MWPM_CORRELATED, Kind::OTR_DECODER_UNION_FIND];

/// A matching graph with its edges read back.
pub(crate) struct Graph {
    handle: graph::Graph,
    pub(crate) nodes: usize,
    pub(crate) observables: usize,
    pub(crate) scale: f64,
    pub(crate) edges: Vec<Edge>,
}

impl Graph {
    pub(crate) fn new(text: &str) -> Self {
        Self::with_options(text, &PLAIN)
    }

    pub(crate) fn with_correlations(text: &str) -> Self {
        Self::with_options(text, &CORRELATED)
    }

    /// With correlations, and its errors whole.
    pub(crate) fn with_errors(text: &str) -> Self {
        Self::with_options(text, &WHOLE)
    }

    fn with_options(text: &str, options: &otr_graph_options) -> Self {
        let handle = graph::Graph::build(text, options).unwrap_or_else(|e| panic!("{e:?} in\n{text}"));
        // SAFETY: the graph is alive.
        let (nodes, observables) =
            unsafe { (otr_graph_node_count(handle.raw()), otr_graph_observable_count(handle.raw())) };
        let (scale, edges) = (handle.scale(), handle.edges());
        Self { handle, nodes: nodes as usize, observables: observables as usize, scale, edges }
    }

    pub(crate) fn raw(&self) -> *const otr_graph {
        self.handle.raw()
    }

    /// The edges as the oracles take them, with the graph's own weights except for `overrides`.
    pub(crate) fn oracle_edges(&self, overrides: &[Override]) -> Vec<brute_force::Edge> {
        let mut edges: Vec<_> = self
            .edges
            .iter()
            .map(|edge| brute_force::Edge {
                node1: edge.nodes.0 as usize,
                node2: (edge.nodes.1 != BOUNDARY).then_some(edge.nodes.1 as usize),
                weight: edge.weight.into(),
            })
            .collect();
        for change in overrides {
            edges[change.edge as usize].weight = change.weight.into();
        }
        edges
    }

    /// The nodes that an odd number of the edges touch, ascending.
    pub(crate) fn syndrome(&self, edges: &[u32]) -> Vec<u32> {
        let mut odd = vec![false; self.nodes];
        for &edge in edges {
            let (node1, node2) = self.edges[edge as usize].nodes;
            odd[node1 as usize] ^= true;
            if node2 != BOUNDARY {
                odd[node2 as usize] ^= true;
            }
        }
        (0..self.nodes as u32).filter(|&node| odd[node as usize]).collect()
    }

    /// The packed observables that the edges flip.
    pub(crate) fn flips(&self, edges: &[u32]) -> Vec<u8> {
        let mut bits = vec![0; self.observables.div_ceil(8)];
        for &observable in edges.iter().flat_map(|&edge| &self.edges[edge as usize].observables) {
            bits[observable as usize / 8] ^= 1 << (observable % 8);
        }
        bits
    }

    /// Packs detection events into a row of bits.
    pub(crate) fn row(&self, events: &[u32]) -> Vec<u8> {
        let mut bits = vec![0; self.nodes.div_ceil(8)];
        for &event in events {
            bits[event as usize / 8] ^= 1 << (event % 8);
        }
        bits
    }
}

/// The index of every set bit of a packed row.
pub(crate) fn set_bits(row: &[u8]) -> Vec<u32> {
    (0..8 * row.len() as u32).filter(|&bit| row[bit as usize / 8] >> (bit % 8) & 1 == 1).collect()
}

/// A decoder and the graph that it borrows.
pub(crate) struct Decoder<'g> {
    raw: *mut otr_decoder,
    pub(crate) graph: &'g Graph,
}

/// All that one shot gives.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) observables: Vec<u8>,
    pub(crate) weight: i64,
    pub(crate) event_count: u32,
    pub(crate) matched_count: u32,
    pub(crate) edges: Vec<u32>,
}

/// What [`Decoder::decode_batch`] gives.
#[derive(Debug, PartialEq)]
pub(crate) struct Batch {
    pub(crate) status: otr_status,
    pub(crate) observables: Vec<u8>,
    pub(crate) weights: Vec<i64>,
    pub(crate) failed_shot: usize,
}

pub(crate) fn default_options() -> otr_decoder_options {
    // SAFETY: the call has no preconditions.
    unsafe { otr_decoder_options_default() }
}

impl<'g> Decoder<'g> {
    pub(crate) fn new(graph: &'g Graph, kind: Kind) -> Self {
        Self::with_options(graph, kind, Isa::OTR_ISA_AUTO, false)
            .expect("every CPU has a best instruction set")
    }

    /// A decoder that proves its answers.
    pub(crate) fn certifying(graph: &'g Graph, kind: Kind) -> Self {
        Self::with_options(graph, kind, Isa::OTR_ISA_AUTO, true)
            .expect("every CPU has a best instruction set")
    }

    /// `None` if this machine lacks the instruction set.
    pub(crate) fn with_options(graph: &'g Graph, kind: Kind, isa: Isa, certify: bool) -> Option<Self> {
        let options = otr_decoder_options { kind, isa, certify, ..default_options() };
        Self::create(graph, &options)
    }

    /// `None` if this machine lacks the instruction set.
    pub(crate) fn create(graph: &'g Graph, options: &otr_decoder_options) -> Option<Self> {
        let mut raw = ptr::null_mut();
        // SAFETY: all pointers are valid; the lifetime 'g keeps the graph alive while the decoder is.
        let status = unsafe { otr_decoder_create(&mut raw, graph.handle.raw(), options) };
        match status {
            otr_status::OTR_OK => Some(Self { raw, graph }),
            otr_status::OTR_ERR_UNSUPPORTED => None,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn decode(&mut self, row: &[u8], overrides: &[Override]) -> Result<Answer, otr_status> {
        assert_eq!(row.len(), self.graph.nodes.div_ceil(8));
        self.answer(|raw, observables, result| {
            // SAFETY: the row has the graph's length; the overrides are valid for their count, and the outputs are
            // as large as the contract wants.
            unsafe {
                otr_decoder_decode(
                    raw,
                    row.as_ptr(),
                    overrides.as_ptr(),
                    overrides.len(),
                    observables,
                    result,
                )
            }
        })
    }

    pub(crate) fn decode_events(
        &mut self,
        events: &[u32],
        overrides: &[Override],
    ) -> Result<Answer, otr_status> {
        self.answer(|raw, observables, result| {
            // SAFETY: events and overrides are valid for their counts, and the outputs are as large as the contract
            // wants.
            unsafe {
                otr_decoder_decode_events(
                    raw,
                    events.as_ptr(),
                    events.len(),
                    overrides.as_ptr(),
                    overrides.len(),
                    observables,
                    result,
                )
            }
        })
    }

    fn answer(
        &mut self,
        decode: impl FnOnce(*mut otr_decoder, *mut u8, *mut otr_result) -> otr_status,
    ) -> Result<Answer, otr_status> {
        let mut observables = vec![0xA5; self.graph.observables.div_ceil(8)];
        let mut result = otr_result { weight: -77, event_count: 77, matched_count: 77 };
        let status = decode(self.raw, observables.as_mut_ptr(), &mut result);
        if status != otr_status::OTR_OK {
            let untouched = observables.iter().all(|&byte| byte == 0xA5) && result.weight == -77;
            assert!(untouched, "a failing shot must leave the outputs alone");
            return Err(status);
        }
        let otr_result { weight, event_count, matched_count } = result;
        Ok(Answer { observables, weight, event_count, matched_count, edges: self.edges() })
    }

    pub(crate) fn decode_batch(&mut self, rows: &[u8], stride: usize) -> Batch {
        let shots = rows.len() / stride;
        let observable_stride = self.graph.observables.div_ceil(8) + 1;
        let mut batch = Batch {
            status: otr_status::OTR_OK,
            observables: vec![0xA5; shots * observable_stride],
            weights: vec![0; shots],
            failed_shot: usize::MAX,
        };
        // SAFETY: `rows` holds `shots` rows of `stride` bytes, and the outputs as many of their strides.
        batch.status = unsafe {
            otr_decoder_decode_batch(
                self.raw,
                rows.as_ptr(),
                stride,
                shots,
                batch.observables.as_mut_ptr(),
                observable_stride,
                batch.weights.as_mut_ptr(),
                &mut batch.failed_shot,
            )
        };
        batch
    }

    fn edges(&self) -> Vec<u32> {
        let (mut edges, mut count) = (ptr::null(), 0);
        // SAFETY: the decoder is alive and the view is copied before the next call on it.
        unsafe {
            assert_eq!(otr_decoder_edges(self.raw, &mut edges, &mut count), otr_status::OTR_OK);
            view(edges, count).to_vec()
        }
    }

    /// The matched pairs of the last shot, the boundary as `None`.
    pub(crate) fn pairs(&self) -> Result<Vec<(u32, Option<u32>)>, otr_status> {
        let (mut pairs, mut count) = (ptr::null(), 0);
        // SAFETY: the decoder is alive and the view is copied before the next call on it.
        let pairs = unsafe {
            match otr_decoder_pairs(self.raw, &mut pairs, &mut count) {
                otr_status::OTR_OK => view(pairs, count),
                status => return Err(status),
            }
        };
        Ok(pairs.iter().map(|pair| (pair.event1, (pair.event2 != BOUNDARY).then_some(pair.event2))).collect())
    }

    pub(crate) fn certificate(&self) -> Result<otr_certificate, otr_status> {
        let mut certificate = MaybeUninit::uninit();
        // SAFETY: the decoder is alive, and the certificate is read only after the call filled it.
        unsafe {
            match otr_decoder_certificate(self.raw, certificate.as_mut_ptr()) {
                otr_status::OTR_OK => Ok(certificate.assume_init()),
                status => Err(status),
            }
        }
    }
}

impl Drop for Decoder<'_> {
    fn drop(&mut self) {
        // SAFETY: created by otr_decoder_create and not used after.
        unsafe { otr_decoder_destroy(self.raw) }
    }
}

/// A C view as a slice.
///
/// # Safety
/// `data` is valid for `count` elements for 'a, or `count` is 0.
pub(crate) unsafe fn view<'a, T>(data: *const T, count: usize) -> &'a [T] {
    if count == 0 {
        return &[];
    }
    // SAFETY: the caller's promise; `data` is not null because `count` is not 0.
    unsafe { slice::from_raw_parts(data, count) }
}
