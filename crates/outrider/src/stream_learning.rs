use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use crate::bulk_noise::{BulkCounts, BulkNoise};
use crate::error::{Error, argument_error, io_error};
use crate::graph::MatchingGraph;
use crate::patch::Patch;
use crate::plan::{Cell, CellShape};
use crate::stream_learning_options::StreamLearningOptions;
use crate::window::Window;

/// Weights that were learned: a patch's matching graph with other numbers, and its windows.
///
/// They follow from [factors](Self::factors) on the rates of the patch's error model alone, so that another machine can
/// make the same ones.
pub struct LearnedWeights {
    version: u64,
    factors: Vec<f64>,
    noise: Arc<BulkNoise>,
    base: Arc<MatchingGraph>,
    made: Mutex<MadeWeights>,
}

/// What was made so far.
#[derive(Default)]
struct MadeWeights {
    graph: Option<Arc<MatchingGraph>>,
    windows: BTreeMap<CellShape, Arc<Window>>,
}

impl LearnedWeights {
    /// The weights that these factors make. Graph and windows are made when they are first wanted.
    ///
    /// # Errors
    /// [`Argument`](crate::Status::Argument) for a patch that learns nothing, another number of factors, and factors out
    /// of range.
    pub fn new(patch: &Patch, version: u64, factors: Vec<f64>) -> Result<Self, Error> {
        let noise = patch.bulk_noise().ok_or_else(|| argument_error("the patch does not learn"))?;
        noise.check_factors(&factors)?;
        let (noise, base) = (Arc::clone(noise), Arc::clone(patch.plan().graph()));
        Ok(Self { version, factors, noise, base, made: Mutex::default() })
    }

    /// Their version.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// A factor on the rate of each class of errors that repeat every round, and a last one for all other errors.
    pub fn factors(&self) -> &[f64] {
        &self.factors
    }

    /// The window of a shape, of which `base` is the one with the patch's own weights.
    ///
    /// # Errors
    /// As [`MatchingGraph::reweighted`] and [`Window::reweighted`].
    pub fn window(&self, shape: CellShape, base: &Arc<Window>) -> Result<Arc<Window>, Error> {
        // What is there is whole even if making more panicked.
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(window) = made.windows.get(&shape) {
            return Ok(Arc::clone(window));
        }
        let graph = self.graph(&mut made)?;
        let window = Arc::new(base.reweighted(graph)?);
        made.windows.insert(shape, Arc::clone(&window));
        Ok(window)
    }

    /// Makes the graph, if it is not there.
    fn prepare(&self) -> Result<(), Error> {
        self.graph(&mut self.made.lock().unwrap_or_else(PoisonError::into_inner)).map(|_| ())
    }

    fn graph(&self, made: &mut MadeWeights) -> Result<Arc<MatchingGraph>, Error> {
        if let Some(graph) = &made.graph {
            return Ok(Arc::clone(graph));
        }
        let graph = Arc::new(self.base.reweighted(&self.noise.probabilities(&self.factors))?);
        made.graph = Some(Arc::clone(&graph));
        Ok(graph)
    }
}

impl fmt::Debug for LearnedWeights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LearnedWeights").field("version", &self.version).finish_non_exhaustive()
    }
}

/// What is known of the noise at some time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LearnedNoise {
    /// The version of the weights.
    pub version: u64,
    /// The mean of the factors on rates.
    pub mean_factor: f64,
    /// The factor farthest from 1, by ratio.
    pub largest_drift: f64,
}

/// Counts the rounds of a stream, and says what weights they lead to, version by version.
///
/// Rounds are counted through all histories of a stream. Cells that begin in rounds k [`every`](StreamLearningOptions::every) to
/// (k + 1) `every` are decided with the weights of version k, which follow from the rounds before (k - 1) `every`. So as
/// many rounds are left to make them in, and a cell's weights are a function of rounds alone, whoever decides it and when.
/// Versions 0 and 1, and those with fewer than 256 rounds to learn from, are the patch's own weights.
///
/// Learned are rates of errors of up to four detectors in the bulk of a history, where rounds repeat, one for each place
/// and kind, from parities of detection events: in closed form, as [`Rates`](crate::Rates) have it, and drawn to the
/// patch's own rates, times a factor, the more the less is known. Errors at the ends have the rate of those alike in the
/// bulk; all others change by a common factor.
///
/// It allocates when it is made and for each version, and not for a round.
pub struct NoiseLearner {
    noise: Arc<BulkNoise>,
    options: StreamLearningOptions,
    counts: BulkCounts,
    /// Rounds pushed, of all histories, and of those before the one at hand.
    rounds: u64,
    base: u64,
    /// The last round pushed was the last of its history.
    has_ended: bool,
}

/// What the weights of a version are to be made of.
pub struct WeightsToMake {
    version: u64,
    noise: Arc<BulkNoise>,
    means: Option<(Vec<f64>, f64)>,
}

impl NoiseLearner {
    /// A learner of a patch with [options](crate::PatchOptions::learning) for it; `None` for another.
    ///
    /// # Errors
    /// [`Limit`](crate::Status::Limit) and [`Memory`](crate::Status::Memory).
    pub fn new(patch: &Patch) -> Result<Option<Self>, Error> {
        let (Some(options), Some(noise)) = (patch.learning(), patch.bulk_noise()) else { return Ok(None) };
        let (noise, counts) = (Arc::clone(noise), BulkCounts::new(noise, options.memory)?);
        Ok(Some(Self { noise, options, counts, rounds: 0, base: 0, has_ended: false }))
    }

    /// Takes a round of the history, as many packed events as its layer has detectors. Returns what the next version of
    /// weights is to be made of, if the rounds up to this one make one. A round after the last of a history is the first of
    /// the next.
    ///
    /// # Errors
    /// [`Limit`](crate::Status::Limit).
    pub fn push(&mut self, events: &[u8], is_last: bool) -> Result<Option<WeightsToMake>, Error> {
        if std::mem::replace(&mut self.has_ended, is_last) {
            self.base = self.rounds;
        }
        self.counts.push(&self.noise, events, is_last)?;
        self.rounds += 1;
        if !self.rounds.is_multiple_of(self.options.every) {
            return Ok(None);
        }
        let version = self.rounds / self.options.every + 1;
        Ok(Some(WeightsToMake { version, noise: Arc::clone(&self.noise), means: self.counts.means()? }))
    }

    /// The next round is the first of a history, whether or not the one before had a last.
    pub fn begin_history(&mut self) {
        self.has_ended = true;
        self.counts.begin_history();
    }

    /// Rounds of all histories.
    pub fn rounds(&self) -> u64 {
        self.rounds
    }

    /// Rounds of the histories before the one at hand.
    pub fn earlier_rounds(&self) -> u64 {
        self.base
    }

    /// The options.
    pub fn options(&self) -> StreamLearningOptions {
        self.options
    }

    /// The version of the weights of a cell of the history at hand.
    pub fn version_of(&self, cell: &Cell) -> u64 {
        (self.base + cell.first_layer) / self.options.every
    }

    /// Heap bytes of counts.
    pub fn heap_bytes(&self) -> usize {
        self.counts.heap_bytes()
    }
}

impl WeightsToMake {
    /// The number of the version.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The [factors](LearnedWeights::factors) on rates; none if the weights are the patch's own.
    pub fn factors(&self) -> Option<Vec<f64>> {
        self.means.as_ref().map(|(means, windows)| self.noise.factors(means, *windows))
    }
}

/// Learns the noise of a stream from its rounds while it is decoded, and makes weights of it on threads of their own; see
/// [`NoiseLearner`].
pub struct StreamLearning {
    patch: Arc<Patch>,
    learner: NoiseLearner,
    is_threaded: bool,
    kept_rounds: u64,
    /// Weights by version, ascending, from version 2 on.
    versions: VecDeque<(u64, Made)>,
    latest: Option<LearnedNoise>,
}

/// Weights, or the thread that makes them; none for the patch's own.
enum Made {
    Under(JoinHandle<MakeResult>),
    Ready(Option<Arc<LearnedWeights>>),
}

type MakeResult = Result<Option<Arc<LearnedWeights>>, Error>;

impl StreamLearning {
    /// Learning of a patch with [options](crate::PatchOptions::learning) for it; `None` for another. Cells may be asked for
    /// that begin up to `kept_rounds` rounds before the last one pushed. `is_threaded` to make weights on threads of their
    /// own while rounds come.
    ///
    /// # Errors
    /// As [`NoiseLearner::new`].
    pub fn new(patch: &Arc<Patch>, kept_rounds: u64, is_threaded: bool) -> Result<Option<Self>, Error> {
        let Some(learner) = NoiseLearner::new(patch)? else { return Ok(None) };
        let (patch, versions) = (Arc::clone(patch), VecDeque::new());
        Ok(Some(Self { patch, learner, is_threaded, kept_rounds, versions, latest: None }))
    }

    /// Takes a round, as [`NoiseLearner::push`].
    ///
    /// # Errors
    /// [`Error::Io`] if there is no thread to be had; without threads those of [`LearnedWeights::new`].
    pub fn push(&mut self, events: &[u8], is_last: bool) -> Result<(), Error> {
        let Some(to_make) = self.learner.push(events, is_last)? else { return Ok(()) };
        let oldest = self.learner.rounds.saturating_sub(self.kept_rounds) / self.learner.options.every;
        while self.versions.front().is_some_and(|(version, _)| *version < oldest) {
            self.versions.pop_front();
        }
        let (version, patch) = (to_make.version, Arc::clone(&self.patch));
        let make = move || match to_make.factors() {
            Some(factors) => {
                let weights = LearnedWeights::new(&patch, version, factors)?;
                weights.prepare()?;
                Ok(Some(Arc::new(weights)))
            }
            None => Ok(None),
        };
        let made = if self.is_threaded {
            let thread = thread::Builder::new().name("weights".to_owned()).spawn(make);
            Made::Under(thread.map_err(|source| io_error("start a thread", None, source))?)
        } else {
            Made::Ready(make()?)
        };
        self.versions.push_back((version, made));
        Ok(())
    }

    /// The weights of a cell of the history at hand, waiting for them if they are being made; `None` for the patch's own.
    ///
    /// # Errors
    /// [`Argument`](crate::Status::Argument) for a cell whose weights are forgotten, or follow from rounds that have not
    /// come; those of [`LearnedWeights::new`].
    pub fn weights(&mut self, cell: &Cell) -> MakeResult {
        let version = self.learner.version_of(cell);
        if version < 2 {
            return Ok(None);
        }
        let place = self.versions.binary_search_by_key(&version, |(version, _)| *version);
        let Some((_, made)) = place.ok().and_then(|place| self.versions.get_mut(place)) else {
            return Err(argument_error(&format!("there are no weights of version {version}")));
        };
        let weights = match std::mem::replace(made, Made::Ready(None)) {
            Made::Under(thread) => thread.join().map_err(|_| argument_error("making weights panicked"))??,
            Made::Ready(weights) => weights,
        };
        *made = Made::Ready(weights.clone());
        if let Some(weights) = weights.as_deref()
            && self.latest.is_none_or(|latest| latest.version < weights.version)
        {
            self.latest = Some(LearnedNoise::of(weights.version, &weights.factors));
        }
        Ok(weights)
    }

    /// What the latest weights that a cell had say of the noise.
    pub fn latest(&self) -> Option<LearnedNoise> {
        self.latest
    }
}
impl LearnedNoise {
    /// What factors of a version say, of which there is at least one.
    pub fn of(version: u64, factors: &[f64]) -> Self {
        let distance = |factor: f64| if factor < 1.0 { 1.0 / factor } else { factor };
        let largest_drift = factors
            .iter()
            .copied()
            .fold(1.0, |far, factor| if distance(factor) > distance(far) { factor } else { far });
        let mean_factor = factors.iter().sum::<f64>() / factors.len() as f64;
        Self { version, mean_factor, largest_drift }
    }
}

impl fmt::Debug for StreamLearning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamLearning").field("learner", &self.learner).finish_non_exhaustive()
    }
}

impl fmt::Debug for NoiseLearner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NoiseLearner")
            .field("options", &self.options)
            .field("rounds", &self.rounds)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for WeightsToMake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WeightsToMake").field("version", &self.version).finish_non_exhaustive()
    }
}
