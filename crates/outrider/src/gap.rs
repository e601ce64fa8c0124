use std::fmt;
use std::ptr::{self, NonNull};

use outrider_sys as sys;

use crate::error::{Details, Error, LineMeaning, Status, check, check_length, check_padding};
use crate::graph::MatchingGraph;
use crate::kernels::Isa;
use crate::model::{owned, view};
use crate::overrides::Override;
use crate::predecoder::Predecoded;

/// The complementary gap of an observable: the least weight in each logical class, for patches. What the edge sets do to
/// other observables is free.
///
/// The difference of the two weights is the log-odds of the answer: the larger, the surer. A gap works for one thread
/// at a time, and allocates when it is made and in its first shots, not after that.
///
/// ```
/// use outrider::{DetectorErrorModel, Gap, GraphOptions, MatchingGraph};
///
/// let model = DetectorErrorModel::parse("error(0.1) D0 L0\nerror(0.1) D0 D1\nerror(0.1) D1")?;
/// let graph = MatchingGraph::new(&model, &GraphOptions::default())?;
/// let mut gap = Gap::new(&graph)?;
///
/// let result = gap.decode_events(&[0], &[])?;
/// assert!(result.observable);
/// assert!((graph.natural(result.gap()) - 9f64.ln()).abs() < 1e-6); // one error against two
/// assert_eq!(gap.edges(false)?.len(), 2);
/// # Ok::<(), outrider::Error>(())
/// ```
pub struct Gap {
    raw: NonNull<sys::otr_gap>,
    node_count: usize,
    edge_count: u32,
    observable_bytes: usize,
    events: Vec<u32>,
}

/// How a gap is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct GapOptions {
    /// The instruction set.
    pub isa: Isa,
    /// As [`DecoderOptions::weight_offset`](crate::DecoderOptions::weight_offset).
    pub weight_offset: i32,
    /// The weights of the classes are reported at most this far apart; even, 0 for no limit. A search that ends
    /// there is about as cheap as plain matching.
    pub limit: i32,
    /// Whose gap.
    pub observable: u32,
}

/// What one shot gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct GapResult {
    /// The least total integer weight of an edge set that leaves the observable, and of one that flips it; [`i64::MAX`]
    /// if infinite weights leave the class none.
    pub weights: [i64; 2],
    /// Whether the lighter one flips it; not, if they are equal.
    pub observable: bool,
}

impl Gap {
    /// A gap with default options.
    ///
    /// # Errors
    /// As [`with_options`](Self::with_options).
    pub fn new(graph: &MatchingGraph) -> Result<Self, Error> {
        Self::with_options(graph, &GapOptions::default())
    }

    /// Parts the boundary of `graph` in its two sides.
    ///
    /// # Errors
    /// [`Unsupported`](Status::Unsupported) if the graph has no gap: no such observable, a torus. The message says which.
    /// The same for a missing instruction set. [`Argument`](Status::Argument) for a limit that
    /// is negative, odd or above the largest weight.
    pub fn with_options(graph: &MatchingGraph, options: &GapOptions) -> Result<Self, Error> {
        let raw_options = sys::otr_gap_options {
            isa: options.isa.to_raw(),
            weight_offset: options.weight_offset,
            limit: options.limit,
            observable: options.observable,
            parted_only: false,
        };
        let mut raw = ptr::null_mut();
        let mut details = Details::new();
        // SAFETY: all pointers are live; C keeps none of them after the call.
        let status =
            unsafe { sys::otr_gap_create(&mut raw, graph.as_ptr(), &raw_options, details.as_mut_ptr()) };
        details.check(status, LineMeaning::Line).map_err(|error| match options.isa.is_available() {
            true => error,
            false => options.isa.explain(error),
        })?;
        Ok(Self {
            raw: owned(raw)?,
            node_count: graph.node_count() as usize,
            edge_count: graph.edge_count(),
            observable_bytes: graph.observable_bytes(),
            events: Vec::new(),
        })
    }

    /// Matches from now on as a gap made on `graph`, which has the same topology, see [`MatchingGraph::reweighted`],
    /// with this offset and this limit, in the memory that it has.
    ///
    /// # Errors
    /// [`Argument`](Status::Argument) for a graph of another topology, a bad limit, a limit where there was none, or none
    /// where there was one. The gap is as it was then.
    pub fn reweight(&mut self, graph: &MatchingGraph, weight_offset: i32, limit: i32) -> Result<(), Error> {
        let mut details = Details::new();
        // SAFETY: the gap is live and used by nobody else (&mut); C does not keep the graph.
        let status = unsafe {
            sys::otr_gap_reweight(
                self.raw.as_ptr(),
                graph.as_ptr(),
                weight_offset,
                limit,
                details.as_mut_ptr(),
            )
        };
        details.check(status, LineMeaning::Line)
    }

    /// Matches one shot of packed bits in both classes; arguments as [`Decoder::decode`](crate::Decoder::decode).
    ///
    /// # Errors
    /// [`OddParity`](Status::OddParity), [`Index`](Status::Index) for an override that names no edge,
    /// [`Error::Length`], [`Format`](Status::Format) for set padding bits. The gap stays usable.
    pub fn decode(&mut self, detectors: &[u8], overrides: &[Override]) -> Result<GapResult, Error> {
        check_length("detectors, in bytes", self.node_count.div_ceil(8), detectors.len())?;
        check_padding(self.node_count, detectors, None)?;
        let mut events = std::mem::take(&mut self.events);
        events.clear();
        for (byte, &bits) in detectors.iter().enumerate() {
            let set = (0..8).filter(|bit| bits >> bit & 1 == 1).map(|bit| 8 * byte + bit);
            events.extend(set.map(|event| event as u32));
        }
        let result = self.decode_events(&events, overrides);
        self.events = events;
        result
    }

    /// Matches one shot given as indices of detectors; an index given twice cancels.
    ///
    /// # Errors
    /// As [`decode`](Self::decode), and [`Index`](Status::Index) for an event that is no detector.
    pub fn decode_events(&mut self, events: &[u32], overrides: &[Override]) -> Result<GapResult, Error> {
        let mut raw = sys::otr_gap_result { weights: [0; 2], observable: 0 };
        // SAFETY: events and overrides come with their counts; `Override` has the layout of `otr_override`, as
        // asserted in overrides.rs; the gap is used by nobody else (&mut).
        let status = unsafe {
            sys::otr_gap_decode(
                self.raw.as_ptr(),
                events.as_ptr(),
                events.len(),
                overrides.as_ptr().cast(),
                overrides.len(),
                &mut raw,
            )
        };
        check(status).map_err(|error| self.explain(error))?;
        Ok(GapResult { weights: raw.weights, observable: raw.observable != 0 })
    }

    /// Matches what a pre-decoder left of a shot in both classes; overrides come after those of the shot and win. Classes
    /// are of the whole answer, what is fixed in the shot included.
    ///
    /// A shot of another [`weight_offset`](Predecoded::weight_offset) than the last one's takes as long as making a gap.
    ///
    /// # Errors
    /// As [`decode_events`](Self::decode_events), and [`Index`](Status::Index) for a shot that is not one on this graph.
    pub fn decode_predecoded(
        &mut self,
        shot: &Predecoded<'_>,
        overrides: &[Override],
    ) -> Result<GapResult, Error> {
        let shot = shot.to_raw(self.observable_bytes)?;
        let mut raw = sys::otr_gap_result { weights: [0; 2], observable: 0 };
        // SAFETY: all lists come with their counts, and C checks what they say; `Override` has the layout of
        // `otr_override`, as asserted in overrides.rs; the gap is used by nobody else (&mut).
        let status = unsafe {
            sys::otr_gap_decode_predecoded(
                self.raw.as_ptr(),
                &shot,
                overrides.as_ptr().cast(),
                overrides.len(),
                &mut raw,
            )
        };
        check(status).map_err(|error| self.explain(error))?;
        Ok(GapResult { weights: raw.weights, observable: raw.observable != 0 })
    }

    /// The edges of the last shot's answer in the class that leaves (`false`) or flips (`true`) the observable,
    /// ascending, forced and fixed ones included.
    ///
    /// # Errors
    /// [`Argument`](Status::Argument) if no shot was decoded, and for the heavier class of a shot at the limit, whose
    /// answer was not searched for. [`Unsupported`](Status::Unsupported) if a pre-decoder fixed what is not given as
    /// edges.
    pub fn edges(&mut self, observable: bool) -> Result<&[u32], Error> {
        let (mut edges, mut count) = (ptr::null(), 0);
        // SAFETY: both outputs are live; the gap is used by nobody else (&mut).
        check(unsafe { sys::otr_gap_edges(self.raw.as_ptr(), observable.into(), &mut edges, &mut count) })?;
        // SAFETY: the header keeps the edges valid until the next call, which the result's borrow of `self` delays.
        Ok(unsafe { view(edges, count) })
    }

    /// Heap bytes held.
    pub fn heap_bytes(&self) -> usize {
        // SAFETY: the gap is live and only read.
        unsafe { sys::otr_gap_bytes(self.raw.as_ptr()) }
    }

    fn explain(&self, error: Error) -> Error {
        error.explained(Status::Index, || {
            let (nodes, edges) = (self.node_count, self.edge_count);
            format!("an event or override lies outside the graph of {nodes} detectors and {edges} edges")
        })
    }
}

impl Drop for Gap {
    fn drop(&mut self) {
        // SAFETY: this value owns `raw`.
        unsafe { sys::otr_gap_destroy(self.raw.as_ptr()) }
    }
}

// SAFETY: gap.h asks for one thread at a time, and the library keeps no thread-local state. Not `Sync`: calls through a
// shared reference would overlap.
unsafe impl Send for Gap {}

impl fmt::Debug for Gap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gap").field("detectors", &self.node_count).field("edges", &self.edge_count).finish()
    }
}

impl GapOptions {
    /// A [`limit`](Self::limit) from one in natural units, which is positive: the nearest that is one, and none, 0, in
    /// place of one beyond the largest weight.
    pub fn limit_from_natural(graph: &MatchingGraph, natural_limit: f64) -> i32 {
        match graph.quantize(natural_limit) {
            Ok(limit) if natural_limit.is_finite() => limit.max(LEAST_LIMIT),
            _ => 0,
        }
    }
}

impl GapResult {
    /// The difference of the two weights, in integer units; [`i64::MAX`] if one class has no edge set.
    pub fn gap(&self) -> i64 {
        match self.weights {
            [i64::MAX, _] | [_, i64::MAX] => i64::MAX,
            [kept, flipped] => (flipped - kept).abs(),
        }
    }
}

/// Limits are even, and 0 is none.
const LEAST_LIMIT: i32 = 2;
