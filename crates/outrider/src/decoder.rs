use std::fmt;
use std::ptr::{self, NonNull};
use std::sync::Arc;

use outrider_sys as sys;

use crate::error::{Error, Status, check, check_length, check_padding};
use crate::graph::{GraphOptions, MatchingGraph};
use crate::kernels::Isa;
use crate::likelihood_options::LikelihoodOptions;
use crate::model::{DetectorErrorModel, owned, view};
use crate::names::named;
use crate::overrides::Override;
use crate::predecoder::{Predecoded, Predecoder, PredecoderUse};
use crate::shots::Shots;

/// A decoder: detection events in; observables, weight and, on request, edges and pairs out.
///
/// A decoder works for one thread at a time (`Send`, not `Sync`): give every thread its own, over one shared
/// graph. It allocates when it is made and in its first shots, and not after that.
///
/// ```
/// use std::sync::Arc;
/// use outrider::{Decoder, DecoderKind, DetectorErrorModel, GraphOptions, MatchingGraph};
///
/// let model = DetectorErrorModel::parse("error(0.1) D0 L0\nerror(0.1) D0 D1\nerror(0.1) D1")?;
/// let graph = Arc::new(MatchingGraph::new(&model, &GraphOptions::default())?);
/// let mut decoder = Decoder::new(Arc::clone(&graph), DecoderKind::Mwpm)?;
///
/// let mut observables = [0];
/// let result = decoder.decode(&[0b01], &[], &mut observables)?;
/// assert_eq!(observables, [1]);
/// assert!((graph.natural(result.weight) - 9f64.ln()).abs() < 1e-6);
/// # Ok::<(), outrider::Error>(())
/// ```
///
/// Two threads cannot share one:
///
/// ```compile_fail,E0277
/// fn in_two_threads(decoder: &mut outrider::Decoder) {
///     let decoder = &*decoder;
///     std::thread::scope(|scope| {
///         scope.spawn(move || decoder.heap_bytes());
///     });
/// }
/// ```
///
/// And what it lends out ends with the next shot:
///
/// ```compile_fail,E0499
/// fn stale(decoder: &mut outrider::Decoder) -> Result<(), outrider::Error> {
///     let edges = decoder.edges()?;
///     decoder.decode_events(&[], &[], &mut [0])?;
///     println!("{edges:?}");
///     Ok(())
/// }
/// ```
pub struct Decoder {
    raw: NonNull<sys::otr_decoder>,
    predecoder: Option<Predecoder>,
    graph: Arc<MatchingGraph>,
    kind: DecoderKind,
}

/// How a shot is decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum DecoderKind {
    /// `mwpm`: exact minimum-weight perfect matching.
    #[default]
    Mwpm,
    /// `mwpm-correlated`: two passes, the edges of the first lower weights for the second.
    MwpmCorrelated,
    /// `union-find`: weighted union-find with peeling.
    UnionFind,
    /// `likelihood`: by sums over errors where matching is unsure; of [cells](crate::WindowDecoder), and not of a
    /// [`Decoder`], as whole shots have [`Likelihood`](crate::Likelihood).
    Likelihood,
}

/// How a decoder is made.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct DecoderOptions {
    /// The kind of decoder.
    pub kind: DecoderKind,
    /// The instruction set.
    pub isa: Isa,
    /// Prove every answer minimal, see [`Decoder::certificate`]; matching kinds only.
    pub certify: bool,
    /// How a [pre-decoder](Decoder::with_predecoder) is used, if there is one.
    pub predecoder_use: PredecoderUse,
    /// Added to the weight of every edge that no override names, in integer units. The sum may be negative,
    /// which forces the edge. The offset of a [pre-decoded](Predecoded) shot is added to it.
    pub weight_offset: i32,
    /// How [`DecoderKind::Likelihood`] decides; the instruction set is the one above.
    pub likelihood: LikelihoodOptions,
}

/// What one shot gives, besides its observables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DecodeResult {
    /// Total integer weight of the chosen edges, see [`MatchingGraph::natural`]; for correlated matching
    /// under the weights of the second pass, after hard pre-decoding without what that fixed.
    pub weight: i64,
    /// Detection events of the shot as given.
    pub event_count: u32,
    /// Events that were left to match after pre-decoding and forced edges flipped theirs.
    pub matched_count: u32,
}

/// Two matched detection events, or one matched to the boundary.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[repr(C)]
pub struct Pair {
    event1: u32,
    event2: u32,
}

/// Proof that an answer is minimal: a feasible solution of the dual problem with the same value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Certificate {
    /// Weight of the matched edges, without forced ones.
    pub primal: i64,
    /// Sum of the radii of all regions, a lower bound for any matching.
    pub dual: i64,
    /// Edges looked at.
    pub edges_checked: u64,
    /// Edges that regions cover by more than their weight; 0 in a proof.
    pub edges_overtight: u64,
    /// The smallest weight left uncovered on an edge; `i64::MAX` if no edge was checked.
    pub min_slack: i64,
}

impl Decoder {
    /// A decoder of this kind with default options.
    ///
    /// # Errors
    /// As [`with_options`](Self::with_options).
    pub fn new(graph: Arc<MatchingGraph>, kind: DecoderKind) -> Result<Self, Error> {
        Self::with_options(graph, &DecoderOptions { kind, ..DecoderOptions::default() })
    }

    /// A decoder over `graph`, which it keeps alive.
    ///
    /// # Errors
    /// [`Argument`](crate::Status::Argument) if the kind needs correlations that the graph lacks or cannot
    /// certify, [`Unsupported`](crate::Status::Unsupported) for a missing instruction set, and for
    /// [`DecoderKind::Likelihood`].
    pub fn with_options(graph: Arc<MatchingGraph>, options: &DecoderOptions) -> Result<Self, Error> {
        Self::create(graph, None, options)
    }

    /// A decoder over the pre-decoder's graph that sends every shot through the pre-decoder first.
    ///
    /// [`PredecoderUse::Soft`]: its overrides are the shot's weights; those of the caller come after and win.
    /// [`PredecoderUse::Hard`]: what it leaves is decoded under the graph's own weights.
    ///
    /// # Errors
    /// As [`with_options`](Self::with_options).
    pub fn with_predecoder(predecoder: Predecoder, options: &DecoderOptions) -> Result<Self, Error> {
        Self::create(Arc::clone(predecoder.graph()), Some(predecoder), options)
    }

    fn create(
        graph: Arc<MatchingGraph>,
        predecoder: Option<Predecoder>,
        options: &DecoderOptions,
    ) -> Result<Self, Error> {
        let sums = options.likelihood.to_raw(None);
        let raw_options = options.to_raw(predecoder.as_ref(), &sums);
        let mut raw = ptr::null_mut();
        // SAFETY: the graph and the pre-decoder outlive the decoder, because they are stored beside it and dropped
        // after it.
        let status = unsafe { sys::otr_decoder_create(&mut raw, graph.as_ptr(), &raw_options) };
        check(status).map_err(|error| match options.kind {
            DecoderKind::Likelihood => error.explained(Status::Unsupported, || {
                "likelihood is a kind of window decoders; whole shots have a decoder of their own".to_owned()
            }),
            _ => options.isa.explain(error).explained(Status::Argument, || options.refusal()),
        })?;
        Ok(Self { raw: owned(raw)?, predecoder, graph, kind: options.kind })
    }

    /// Builds the graph that `kind` needs and a decoder over it.
    ///
    /// # Errors
    /// As [`MatchingGraph::new`] and [`with_options`](Self::with_options).
    pub fn from_model(model: &DetectorErrorModel, kind: DecoderKind) -> Result<Self, Error> {
        Self::new(Arc::new(MatchingGraph::new(model, &kind.graph_options())?), kind)
    }

    /// Decodes from now on as a decoder made on `graph` with the same options and this
    /// [`weight_offset`](DecoderOptions::weight_offset), in the memory that it has; its pre-decoder too.
    ///
    /// The graph is [reweighted](MatchingGraph::reweighted) from the one so far or the other way round.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use outrider::{Decoder, DecoderKind, DetectorErrorModel, GraphOptions, MatchingGraph};
    ///
    /// let model = DetectorErrorModel::parse("error(0.1) D0 L0\nerror(0.1) D0 D1\nerror(0.2) D1")?;
    /// let options = GraphOptions { reweightable: true, ..GraphOptions::default() };
    /// let graph = Arc::new(MatchingGraph::new(&model, &options)?);
    /// let mut decoder = Decoder::new(Arc::clone(&graph), DecoderKind::Mwpm)?;
    /// let mut observables = [0];
    /// decoder.decode_events(&[0], &[], &mut observables)?;
    /// assert_eq!(observables, [1]);
    ///
    /// decoder.reweight(Arc::new(graph.reweighted(&[0.01, 0.2, 0.2])?), 0)?;
    /// decoder.decode_events(&[0], &[], &mut observables)?;
    /// assert_eq!(observables, [0], "the way over D1 is the likelier one now");
    /// # Ok::<(), outrider::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Argument`](crate::Status::Argument) for a graph of another topology, and as [`Predecoder::reweight`]. The
    /// decoder is as it was then.
    pub fn reweight(&mut self, graph: Arc<MatchingGraph>, weight_offset: i32) -> Result<(), Error> {
        if let Some(predecoder) = &mut self.predecoder {
            predecoder.reweight(Arc::clone(&graph))?;
        }
        // SAFETY: the decoder is live and used by nobody else (&mut); the graph is kept alive beside it from now on, and
        // the one so far until it is let go of.
        let status = unsafe { sys::otr_decoder_reweight(self.raw.as_ptr(), graph.as_ptr(), weight_offset) };
        if let Err(error) = check(status) {
            if let Some(predecoder) = &mut self.predecoder {
                predecoder.reweight(Arc::clone(&self.graph))?;
            }
            return Err(error.explained(Status::Argument, || "the graph has another topology".to_owned()));
        }
        self.graph = graph;
        Ok(())
    }

    /// Decodes one shot of packed bits: bit k is bit `k % 8` of byte `k / 8`, padding is zero.
    ///
    /// `detectors` has [`detector_bytes`](MatchingGraph::detector_bytes) bytes; `observables` has
    /// [`observable_bytes`](MatchingGraph::observable_bytes) bytes and is overwritten. `overrides` replace
    /// weights for this shot; of two for one edge the last one counts.
    ///
    /// # Errors
    /// [`OddParity`](crate::Status::OddParity) if the shot has no perfect matching,
    /// [`Index`](crate::Status::Index) for an override that names no edge, [`Error::Length`],
    /// [`Format`](crate::Status::Format) for set padding bits, which come from another bit order. The decoder
    /// stays usable and `observables` untouched.
    pub fn decode(
        &mut self,
        detectors: &[u8],
        overrides: &[Override],
        observables: &mut [u8],
    ) -> Result<DecodeResult, Error> {
        check_length("detectors, in bytes", self.graph.detector_bytes(), detectors.len())?;
        check_padding(self.graph.node_count() as usize, detectors, None)?;
        check_length("observables, in bytes", self.graph.observable_bytes(), observables.len())?;
        let mut result = empty_result();
        // SAFETY: both bit rows have the lengths that the header asks for, as just checked; `Override` has
        // the layout of `otr_override`, as asserted below; the decoder is used by nobody else (&mut).
        let status = unsafe {
            sys::otr_decoder_decode(
                self.raw.as_ptr(),
                detectors.as_ptr(),
                overrides.as_ptr().cast(),
                overrides.len(),
                observables.as_mut_ptr(),
                &mut result,
            )
        };
        check(status).map_err(|error| self.explain(error, "override"))?;
        Ok(DecodeResult::from_raw(&result))
    }

    /// Decodes one shot given as indices of detectors; an index given twice cancels.
    ///
    /// # Errors
    /// As [`decode`](Self::decode), and [`Index`](crate::Status::Index) for an event that is no detector.
    pub fn decode_events(
        &mut self,
        events: &[u32],
        overrides: &[Override],
        observables: &mut [u8],
    ) -> Result<DecodeResult, Error> {
        check_length("observables, in bytes", self.graph.observable_bytes(), observables.len())?;
        let mut result = empty_result();
        // SAFETY: `observables` has the length that the header asks for; events and overrides come with their
        // counts; `Override` has the layout of `otr_override`; the decoder is used by nobody else (&mut).
        let status = unsafe {
            sys::otr_decoder_decode_events(
                self.raw.as_ptr(),
                events.as_ptr(),
                events.len(),
                overrides.as_ptr().cast(),
                overrides.len(),
                observables.as_mut_ptr(),
                &mut result,
            )
        };
        check(status).map_err(|error| self.explain(error, "event or override"))?;
        Ok(DecodeResult::from_raw(&result))
    }

    /// Decodes what a pre-decoder left of a shot, whichever it was; one that the decoder has is not applied.
    /// `overrides` come after those of the shot and win. Observables are those of the whole answer.
    ///
    /// A shot of another [`weight_offset`](Predecoded::weight_offset) than the last one's takes as long as making a
    /// decoder.
    ///
    /// # Errors
    /// As [`decode`](Self::decode), and [`Index`](crate::Status::Index) for a shot that is not one on this graph.
    pub fn decode_predecoded(
        &mut self,
        shot: &Predecoded<'_>,
        overrides: &[Override],
        observables: &mut [u8],
    ) -> Result<DecodeResult, Error> {
        check_length("observables, in bytes", self.graph.observable_bytes(), observables.len())?;
        let shot = shot.to_raw(self.graph.observable_bytes())?;
        let mut result = empty_result();
        // SAFETY: all lists come with their counts, and C checks what they say; both rows of observables have the
        // length that the header asks for; `Override` has the layout of `otr_override`; the decoder is used by nobody
        // else (&mut).
        let status = unsafe {
            sys::otr_decoder_decode_predecoded(
                self.raw.as_ptr(),
                &shot,
                overrides.as_ptr().cast(),
                overrides.len(),
                observables.as_mut_ptr(),
                &mut result,
            )
        };
        check(status).map_err(|error| self.explain(error, "event, edge or override"))?;
        Ok(DecodeResult::from_raw(&result))
    }

    /// Decodes all rows of `detectors` into rows of `observables`, which is resized to as many.
    ///
    /// Rows of `detectors` may carry the observables appended: its width is the graph's detectors, or
    /// detectors and observables together. `observables` has the graph's observables as its width. `weights`
    /// takes one integer weight per row.
    ///
    /// # Errors
    /// As [`decode`](Self::decode), with the failing row, counted from 1, as
    /// [`Place::shot`](crate::Place::shot). Rows before it are written, its own and later ones are zero.
    pub fn decode_batch(
        &mut self,
        detectors: &Shots,
        observables: &mut Shots,
        weights: Option<&mut [i64]>,
    ) -> Result<(), Error> {
        let (node_count, observable_count) = (self.graph.node_count(), self.graph.observable_count());
        if detectors.bits() != (node_count as usize).saturating_add(observable_count as usize) {
            check_length("width of the detectors, in bits", node_count as usize, detectors.bits())?;
        }
        check_length("width of the observables, in bits", observable_count as usize, observables.bits())?;
        if let Some(weights) = &weights {
            check_length("weights", detectors.len(), weights.len())?;
        }
        observables.clear();
        observables.resize(detectors.len());
        let mut failed_shot = 0;
        // SAFETY: `Shots` holds `len()` rows of `stride()` bytes, enough for the bits just checked; `weights`
        // has one entry per row or is null; the decoder is used by nobody else (&mut).
        let status = unsafe {
            sys::otr_decoder_decode_batch(
                self.raw.as_ptr(),
                detectors.as_bytes().as_ptr(),
                detectors.stride(),
                detectors.len(),
                observables.as_mut_bytes().as_mut_ptr(),
                observables.stride(),
                weights.map_or(ptr::null_mut(), <[i64]>::as_mut_ptr),
                &mut failed_shot,
            )
        };
        check(status).map_err(|error| error.with_shot(failed_shot as u64 + 1))
    }

    /// The edges of the last shot's answer, ascending: forced edges included, also those that a pre-decoder fixed,
    /// edges used twice cancelled.
    ///
    /// # Errors
    /// [`Argument`](crate::Status::Argument) if no shot was decoded,
    /// [`Unsupported`](crate::Status::Unsupported) after hard use of a pre-decoder that does not report its edges.
    pub fn edges(&mut self) -> Result<&[u32], Error> {
        let mut edges = ptr::null();
        let mut count = 0;
        // SAFETY: both outputs are live; the decoder is used by nobody else (&mut).
        check(unsafe { sys::otr_decoder_edges(self.raw.as_ptr(), &mut edges, &mut count) })?;
        // SAFETY: the header keeps the edges valid until the next call, which the result's borrow of `self`
        // delays.
        Ok(unsafe { view(edges, count) })
    }

    /// The matched pairs of the last shot, ascending by first event; matching kinds only. With negative
    /// weights or a pre-decoder these are the events that were left to match.
    ///
    /// # Errors
    /// [`Argument`](crate::Status::Argument) if no shot was decoded,
    /// [`Unsupported`](crate::Status::Unsupported) for union-find.
    pub fn pairs(&mut self) -> Result<&[Pair], Error> {
        let mut pairs = ptr::null();
        let mut count = 0;
        // SAFETY: both outputs are live; the decoder is used by nobody else (&mut).
        check(unsafe { sys::otr_decoder_pairs(self.raw.as_ptr(), &mut pairs, &mut count) })?;
        // SAFETY: the header keeps the pairs valid until the next call, which the result's borrow of `self`
        // delays; `Pair` has the layout of `otr_pair`, as asserted below.
        Ok(unsafe { view(pairs.cast(), count) })
    }

    /// The proof that the last answer is minimal; for correlated matching it is about the second pass.
    ///
    /// # Errors
    /// [`Argument`](crate::Status::Argument) without [`certify`](DecoderOptions::certify) or before the first
    /// shot.
    pub fn certificate(&self) -> Result<Certificate, Error> {
        let mut raw =
            sys::otr_certificate { primal: 0, dual: 0, edges_checked: 0, edges_overtight: 0, min_slack: 0 };
        // SAFETY: the decoder is live and only read; `raw` is written only on success.
        check(unsafe { sys::otr_decoder_certificate(self.raw.as_ptr(), &mut raw) })?;
        Ok(Certificate {
            primal: raw.primal,
            dual: raw.dual,
            edges_checked: raw.edges_checked,
            edges_overtight: raw.edges_overtight,
            min_slack: raw.min_slack,
        })
    }

    /// The graph it decodes on.
    pub fn graph(&self) -> &Arc<MatchingGraph> {
        &self.graph
    }

    /// The pre-decoder that shots go through first.
    pub fn predecoder(&self) -> Option<&Predecoder> {
        self.predecoder.as_ref()
    }

    /// Its kind.
    pub fn kind(&self) -> DecoderKind {
        self.kind
    }

    /// Heap bytes held, without the graph and the pre-decoder.
    pub fn heap_bytes(&self) -> usize {
        // SAFETY: the decoder is live and only read.
        unsafe { sys::otr_decoder_bytes(self.raw.as_ptr()) }
    }

    fn explain(&self, error: Error, what: &str) -> Error {
        error.explained(Status::Index, || {
            let (nodes, edges) = (self.graph.node_count(), self.graph.edge_count());
            format!("an {what} lies outside the graph of {nodes} detectors and {edges} edges")
        })
    }
}

impl Drop for Decoder {
    fn drop(&mut self) {
        // SAFETY: this value owns `raw`, and its graph is still alive.
        unsafe { sys::otr_decoder_destroy(self.raw.as_ptr()) }
    }
}

// SAFETY: decoder.h asks for one thread at a time and the library keeps no thread-local state; the graph is
// shared through an `Arc`, and the pre-decoder goes along. Not `Sync`: calls through a shared reference would overlap.
unsafe impl Send for Decoder {}

impl fmt::Debug for Decoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decoder").field("kind", &self.kind).field("graph", &self.graph).finish()
    }
}

impl DecoderKind {
    /// Those that a [`Decoder`] can be of.
    pub const OF_SHOTS: [Self; 3] = [Self::Mwpm, Self::MwpmCorrelated, Self::UnionFind];

    /// Whether it needs a graph with [`correlations`](GraphOptions::correlations).
    pub fn needs_correlations(self) -> bool {
        matches!(self, Self::MwpmCorrelated | Self::Likelihood)
    }

    /// How a graph is built that it decodes on.
    pub fn graph_options(self) -> GraphOptions {
        GraphOptions {
            correlations: self.needs_correlations(),
            errors: self == Self::Likelihood,
            ..GraphOptions::default()
        }
    }
}

named!(DecoderKind, "decoder", otr_decoder_kind;
    Mwpm "mwpm" OTR_DECODER_MWPM,
    MwpmCorrelated "mwpm-correlated" OTR_DECODER_MWPM_CORRELATED,
    UnionFind "union-find" OTR_DECODER_UNION_FIND,
    Likelihood "likelihood" OTR_DECODER_LIKELIHOOD,
);

impl DecoderOptions {
    /// `sums` are its [`likelihood`](Self::likelihood), which what is returned points to.
    pub(crate) fn to_raw(
        self,
        predecoder: Option<&Predecoder>,
        sums: &sys::otr_likelihood_options,
    ) -> sys::otr_decoder_options {
        sys::otr_decoder_options {
            kind: self.kind.to_raw(),
            isa: self.isa.to_raw(),
            certify: self.certify,
            predecoder: predecoder.map_or(ptr::null_mut(), Predecoder::as_ptr),
            predecoder_use: self.predecoder_use.to_raw(),
            weight_offset: self.weight_offset,
            likelihood: sums,
        }
    }

    /// What [`Argument`](Status::Argument) means for a decoder of these options.
    pub(crate) fn refusal(self) -> String {
        match self.kind {
            DecoderKind::MwpmCorrelated => format!("{} needs a graph built with correlations", self.kind),
            DecoderKind::Likelihood => format!(
                "{} needs a graph built with correlations that keeps its errors, none of them likelier than 1/2, and \
                 options within their ranges",
                self.kind
            ),
            kind => format!("{kind} cannot certify"),
        }
    }
}

impl DecodeResult {
    fn from_raw(raw: &sys::otr_result) -> Self {
        Self { weight: raw.weight, event_count: raw.event_count, matched_count: raw.matched_count }
    }
}

impl Pair {
    /// The first event's detector.
    pub fn event1(self) -> u32 {
        self.event1
    }

    /// The second event's detector, above the first, or `None` for the boundary.
    pub fn event2(self) -> Option<u32> {
        (self.event2 != sys::OTR_BOUNDARY).then_some(self.event2)
    }
}

impl fmt::Debug for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pair").field(&self.event1()).field(&self.event2()).finish()
    }
}

impl Certificate {
    /// Whether it proves the answer: feasible, and equal to the matching's weight.
    pub fn is_proof(&self) -> bool {
        self.primal == self.dual && self.edges_overtight == 0
    }
}

fn empty_result() -> sys::otr_result {
    sys::otr_result { weight: 0, event_count: 0, matched_count: 0 }
}

const _: () = {
    use std::mem::offset_of;
    assert!(size_of::<Pair>() == size_of::<sys::otr_pair>());
    assert!(offset_of!(Pair, event1) == offset_of!(sys::otr_pair, event1));
    assert!(offset_of!(Pair, event2) == offset_of!(sys::otr_pair, event2));
};
