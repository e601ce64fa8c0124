use std::fmt;
use std::ptr::{self, NonNull};
use std::sync::Arc;

use outrider_sys as sys;

use crate::decoder::DecoderKind;
use crate::error::{Details, Error, LineMeaning, check, check_length, check_padding};
use crate::graph::MatchingGraph;
use crate::likelihood_options::LikelihoodOptions;
use crate::model::{DetectorErrorModel, owned, view};
use crate::predecoder::Predecoder;
use crate::shots::Shots;

/// Near-maximum-likelihood decoding: a sum over likely errors, where matching is unsure.
///
/// A cascade of three [levels](LikelihoodLevel), and a fourth on request. Most shots end at the first, the complementary gap of each observable,
/// under a pre-decoder's weights if there is one. Only the unsure ones come to the sum: of the probabilities of all sets
/// of candidate errors that explain the shot, in each class. It needs a graph as
/// [`DecoderKind::graph_options`] builds it, on which every observable has a [gap](crate::Gap), as those of patches
/// do; a [trellis](crate::Trellis) takes any model.
///
/// It works for one thread at a time, and allocates when it is made and in its first shots, not after that. Its ratios
/// have the same bits on every machine.
///
/// ```
/// use outrider::{Circuit, CircuitFamily, Likelihood, Sampler, Shots, SurfaceCode};
///
/// let circuit = Circuit::uniform(CircuitFamily::Stim, 0.005);
/// let model = SurfaceCode::memory(3, 3).circuit(circuit).build()?.model()?;
/// let mut sampler = Sampler::new(&model, 1)?;
/// let mut likelihood = Likelihood::from_model(&model)?;
/// let (mut events, mut flips) = sampler.batches();
/// sampler.sample(0, 1000, &mut events, &mut flips)?;
/// let mut predictions = Shots::new(flips.bits());
/// let mut ratios = vec![0.0; events.len()];
/// likelihood.decode_batch(&events, &mut predictions, Some(&mut ratios))?;
/// let mistakes = flips.rows().zip(predictions.rows()).filter(|(flip, guess)| flip != guess).count();
/// assert!(mistakes < 20);
/// let unsure = ratios.iter().filter(|ratio| ratio.abs() < 1.0).count();
/// assert!(unsure < 30);
/// # Ok::<(), outrider::Error>(())
/// ```
///
/// Two threads cannot share one:
///
/// ```compile_fail,E0277
/// fn in_two_threads(likelihood: &mut outrider::Likelihood) {
///     let likelihood = &*likelihood;
///     std::thread::scope(|scope| {
///         scope.spawn(move || likelihood.heap_bytes());
///     });
/// }
/// ```
pub struct Likelihood {
    raw: NonNull<sys::otr_likelihood>,
    predecoder: Option<Predecoder>,
    graph: Arc<MatchingGraph>,
    ratios: Vec<f64>,
}

/// What a shot was decided by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LikelihoodLevel {
    /// The complementary gaps alone, under the pre-decoder's weights if there is one.
    Gap,
    /// The mean of these gaps and those of correlated matching.
    MeanGap,
    /// The sum over candidate errors.
    Sum,
    /// The sum over more of them, see [`LikelihoodOptions::deep_ratio`].
    Deep,
}

/// What one shot gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LikelihoodResult {
    /// The last level that was needed.
    pub level: LikelihoodLevel,
    /// Whether the mean gap answered because the candidates, or the states within the budget, explain the shot in no
    /// class, or the budget lost one.
    pub is_fallback: bool,
    /// Errors that were summed over.
    pub candidate_count: u32,
    /// States seen, each once for each error that was applied to it.
    pub work: u64,
}

impl Likelihood {
    /// A decoder with default options.
    ///
    /// # Errors
    /// As [`with_options`](Self::with_options).
    pub fn new(graph: Arc<MatchingGraph>) -> Result<Self, Error> {
        Self::with_options(graph, &LikelihoodOptions::default())
    }

    /// A decoder over `graph`, which has [correlations](crate::GraphOptions::correlations) and keeps its
    /// [errors](crate::GraphOptions::errors), as [`DecoderKind::graph_options`] gives it; it is kept alive.
    ///
    /// # Errors
    /// [`Unsupported`](crate::Status::Unsupported) for another graph, for an observable without a gap, where a
    /// [trellis](crate::Trellis) decodes, and for a missing instruction set. [`Argument`](crate::Status::Argument) for
    /// options out of range.
    pub fn with_options(graph: Arc<MatchingGraph>, options: &LikelihoodOptions) -> Result<Self, Error> {
        Self::create(graph, None, options)
    }

    /// A decoder over the pre-decoder's graph. The pre-decoder is used
    /// [softly](crate::PredecoderUse::Soft): its weights are those of the first gaps, and edges that it finds likely are
    /// candidates.
    ///
    /// # Errors
    /// As [`with_options`](Self::with_options).
    pub fn with_predecoder(predecoder: Predecoder, options: &LikelihoodOptions) -> Result<Self, Error> {
        Self::create(Arc::clone(predecoder.graph()), Some(predecoder), options)
    }

    fn create(
        graph: Arc<MatchingGraph>,
        predecoder: Option<Predecoder>,
        options: &LikelihoodOptions,
    ) -> Result<Self, Error> {
        let raw_options = options.to_raw(predecoder.as_ref());
        let mut raw = ptr::null_mut();
        let mut details = Details::new();
        // SAFETY: all pointers are live. Graph and pre-decoder, which is on that graph and used by nobody else, outlive
        // the decoder, because they are stored beside it and dropped after it; C keeps nothing else.
        let status = unsafe {
            sys::otr_likelihood_create(&mut raw, graph.as_ptr(), &raw_options, details.as_mut_ptr())
        };
        details.check(status, LineMeaning::Line).map_err(|error| match options.isa.is_available() {
            true => error,
            false => options.isa.explain(error),
        })?;
        let raw = owned(raw)?;
        // SAFETY: the decoder is live and only read.
        let observables = unsafe { sys::otr_likelihood_observable_count(raw.as_ptr()) };
        Ok(Self { raw, predecoder, graph, ratios: vec![0.0; observables as usize] })
    }

    /// Builds the graph that it needs, and a decoder over it.
    ///
    /// # Errors
    /// As [`MatchingGraph::new`] and [`with_options`](Self::with_options).
    pub fn from_model(model: &DetectorErrorModel) -> Result<Self, Error> {
        let options = DecoderKind::Likelihood.graph_options();
        Self::new(Arc::new(MatchingGraph::new(model, &options)?))
    }

    /// Decodes one shot of packed bits: `detectors` has a bit for each detector, as in
    /// [`Decoder::decode`](crate::Decoder::decode), and `observables` gets one for each observable.
    ///
    /// # Errors
    /// [`OddParity`](crate::Status::OddParity) if the shot has no explanation by the graph's edges, [`Error::Length`],
    /// [`Format`](crate::Status::Format) for set padding bits. Observables and ratios are untouched then, and the decoder
    /// stays usable.
    pub fn decode(&mut self, detectors: &[u8], observables: &mut [u8]) -> Result<LikelihoodResult, Error> {
        check_length("detectors, in bytes", self.graph.detector_bytes(), detectors.len())?;
        check_length("observables, in bytes", self.ratios.len().div_ceil(8), observables.len())?;
        check_padding(self.graph.node_count() as usize, detectors, None)?;
        let mut raw = sys::otr_likelihood_result {
            level: sys::otr_likelihood_level::OTR_LIKELIHOOD_GAP,
            is_fallback: false,
            candidate_count: 0,
            work: 0,
        };
        // SAFETY: the lengths were checked, that of the detectors against the graph's, which C has compared with the
        // model's; the decoder and its pre-decoder are used by nobody else (&mut).
        check(unsafe {
            sys::otr_likelihood_decode(
                self.raw.as_ptr(),
                detectors.as_ptr(),
                observables.as_mut_ptr(),
                self.ratios.as_mut_ptr(),
                &mut raw,
            )
        })?;
        let sys::otr_likelihood_result { level, is_fallback, candidate_count, work } = raw;
        let level = LikelihoodLevel::from_raw(level);
        Ok(LikelihoodResult { level, is_fallback, candidate_count, work })
    }

    /// Decodes all rows of `detectors` into rows of `observables`, which is resized to as many. `ratios` takes those of
    /// each row, one after the other.
    ///
    /// # Errors
    /// As [`decode`](Self::decode), with the failing row, counted from 1, as [`Place::shot`](crate::Place::shot). Rows
    /// before it are written, its own and later ones are zero.
    pub fn decode_batch(
        &mut self,
        detectors: &Shots,
        observables: &mut Shots,
        mut ratios: Option<&mut [f64]>,
    ) -> Result<(), Error> {
        let count = self.ratios.len();
        check_length("width of the detectors, in bits", self.graph.node_count() as usize, detectors.bits())?;
        check_length("width of the observables, in bits", count, observables.bits())?;
        if let Some(ratios) = &ratios {
            check_length("ratios", detectors.len() * count, ratios.len())?;
        }
        observables.clear();
        observables.resize(detectors.len());
        for (index, row) in detectors.rows().enumerate() {
            self.decode(row, observables.row_mut(index))
                .map_err(|error| error.with_shot(index as u64 + 1))?;
            if let Some(ratios) = &mut ratios {
                ratios[index * count..(index + 1) * count].copy_from_slice(&self.ratios);
            }
        }
        Ok(())
    }

    /// For each observable the log-likelihood ratio of not flipped over flipped, given the last shot that was decoded: the
    /// sign is the answer, the magnitude how sure it is. At most 600, and where the first gap was the answer, which may be
    /// wider, at most [`gap_slope`](LikelihoodOptions::gap_slope) times [`sure_gap`](LikelihoodOptions::sure_gap).
    pub fn ratios(&self) -> &[f64] {
        &self.ratios
    }

    /// The edges of the last shot's answer, ascending: a set that explains the shot, in the class that was decided for.
    ///
    /// In parts of the graph with two sides they are the lightest of the class, and where the sum decided, in each cluster
    /// of its candidates those that flip the observable as its sum has it. The other parts are matched under the
    /// weights that these edges imply. Where several observables share a part, its edges are in the class of the first.
    ///
    /// # Errors
    /// [`Argument`](crate::Status::Argument) if no shot was decoded; [`OddParity`](crate::Status::OddParity) if a part
    /// that no level looked at has no explanation.
    pub fn edges(&mut self) -> Result<&[u32], Error> {
        let (mut edges, mut count) = (ptr::null(), 0);
        // SAFETY: the decoder is live and used by nobody else (&mut); the outputs are ours.
        check(unsafe { sys::otr_likelihood_edges(self.raw.as_ptr(), &mut edges, &mut count) })?;
        // SAFETY: the edges are valid until the next call on the decoder, which the borrow of it prevents.
        Ok(unsafe { view(edges, count) })
    }

    /// The graph that it matches on.
    pub fn graph(&self) -> &Arc<MatchingGraph> {
        &self.graph
    }

    /// The pre-decoder that shots go through first.
    pub fn predecoder(&self) -> Option<&Predecoder> {
        self.predecoder.as_ref()
    }

    /// Heap bytes held, without the graph and the pre-decoder.
    pub fn heap_bytes(&self) -> usize {
        // SAFETY: the decoder is live and only read.
        unsafe { sys::otr_likelihood_bytes(self.raw.as_ptr()) }
    }
}

impl Drop for Likelihood {
    fn drop(&mut self) {
        // SAFETY: this value owns `raw`, and its graph is still alive.
        unsafe { sys::otr_likelihood_destroy(self.raw.as_ptr()) }
    }
}

// SAFETY: likelihood.h asks for one thread at a time, and the library keeps no thread-local state; the graph is shared
// through an `Arc`, and the pre-decoder goes along. Not `Sync`: calls through a shared reference would overlap.
unsafe impl Send for Likelihood {}

impl fmt::Debug for Likelihood {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Likelihood")
            .field("predecoder", &self.predecoder)
            .field("graph", &self.graph)
            .finish()
    }
}

impl LikelihoodLevel {
    fn from_raw(raw: sys::otr_likelihood_level) -> Self {
        match raw {
            sys::otr_likelihood_level::OTR_LIKELIHOOD_GAP => Self::Gap,
            sys::otr_likelihood_level::OTR_LIKELIHOOD_MEAN_GAP => Self::MeanGap,
            sys::otr_likelihood_level::OTR_LIKELIHOOD_SUM => Self::Sum,
            _ => Self::Deep,
        }
    }
}
