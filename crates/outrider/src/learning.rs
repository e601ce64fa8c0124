use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use crate::bulk_noise::{BulkCounts, BulkNoise};
use crate::error::{Error, argument_error, io_error};
use crate::graph::MatchingGraph;
use crate::patch::Patch;
use crate::plan::{Cell, CellShape};
use crate::window::Window;

/// How the noise of a stream is learned while it is decoded; see [`Learning`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LearningOptions {
    /// Rounds after which a round counts 1/e of what a new one does:
    /// [`MEMORY_MIN`](Self::MEMORY_MIN) to [`MEMORY_MAX`](Self::MEMORY_MAX).
    pub memory: u64,
    /// Rounds of an epoch: [`EVERY_MIN`](Self::EVERY_MIN) to [`EVERY_MAX`](Self::EVERY_MAX).
    pub every: u64,
}

impl LearningOptions {
    /// Rounds of an epoch by default.
    pub const EVERY_DEFAULT: u64 = 32_768;
    /// Least rounds of an epoch.
    pub const EVERY_MIN: u64 = 1024;
    /// Most rounds of an epoch.
    pub const EVERY_MAX: u64 = 1 << 40;
    /// Least rounds of memory.
    pub const MEMORY_MIN: u64 = 1024;
    /// Most rounds of memory.
    pub const MEMORY_MAX: u64 = 1 << 32;

    /// # Errors
    /// [`Argument`](crate::Status::Argument) for options out of range.
    pub(crate) fn check(self) -> Result<(), Error> {
        let check = |what, rounds: u64, least, most| match (least..=most).contains(&rounds) {
            true => Ok(()),
            false => Err(argument_error(&format!("{what} of {rounds} rounds; it is {least} to {most}"))),
        };
        check("a memory", self.memory, Self::MEMORY_MIN, Self::MEMORY_MAX)?;
        check("an epoch", self.every, Self::EVERY_MIN, Self::EVERY_MAX)
    }
}

/// The weights of an epoch of a stream: a patch's matching graph with learned numbers, and its windows.
///
/// They follow from [factors](Self::factors) on the rates of the patch's error model alone, so that another machine can
/// make the same ones.
pub struct EpochWeights {
    epoch: u64,
    factors: Vec<f64>,
    graph: Arc<MatchingGraph>,
    windows: Mutex<BTreeMap<CellShape, Arc<Window>>>,
}

impl EpochWeights {
    /// The weights that these factors make.
    ///
    /// # Errors
    /// [`Argument`](crate::Status::Argument) for a patch that learns nothing, another number of factors, and factors out
    /// of range.
    pub fn new(patch: &Patch, epoch: u64, factors: Vec<f64>) -> Result<Self, Error> {
        let noise = patch.bulk_noise().ok_or_else(|| argument_error("the patch does not learn"))?;
        noise.check_factors(&factors)?;
        let graph = Arc::new(patch.plan().graph().reweighted(&noise.probabilities(&factors))?);
        Ok(Self { epoch, factors, graph, windows: Mutex::default() })
    }

    /// The number of the epoch.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// A factor on the rate of each class of errors that repeat every round, and a last one for all other errors.
    pub fn factors(&self) -> &[f64] {
        &self.factors
    }

    /// The window of a shape, of which `base` is the one with the patch's own weights.
    ///
    /// # Errors
    /// As [`Window::reweighted`].
    pub fn window(&self, shape: CellShape, base: &Arc<Window>) -> Result<Arc<Window>, Error> {
        // A map is whole even if making a window for it panicked.
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(window) = windows.get(&shape) {
            return Ok(Arc::clone(window));
        }
        let window = Arc::new(base.reweighted(Arc::clone(&self.graph))?);
        windows.insert(shape, Arc::clone(&window));
        Ok(window)
    }
}

impl fmt::Debug for EpochWeights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EpochWeights").field("epoch", &self.epoch).finish_non_exhaustive()
    }
}

/// What is known of the noise at some time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LearnedNoise {
    /// The latest epoch of which the weights are made; 0 and 1 have the patch's own.
    pub epoch: u64,
    /// The mean of the factors on rates.
    pub mean_factor: f64,
    /// The factor farthest from 1, by ratio.
    pub largest_drift: f64,
}

/// Learns the noise of a stream from its rounds while it is decoded, and makes weights of it, epoch by epoch.
///
/// Rounds are counted through all histories of a stream. Epoch k is decided with the same weights in all of its cells, of
/// those that begin in rounds k [`every`](LearningOptions::every) to (k + 1) `every`: the ones that follow from the rounds
/// before (k - 1) `every`. So there is a whole epoch of time to make them, and a cell's weights are a function of rounds
/// alone, whoever decides it and when. Epochs 0 and 1, and those that have fewer than 256 rounds to learn from, have the
/// patch's own weights.
///
/// Learned are rates of errors of up to four detectors in the bulk of a history, where rounds repeat, one for each place
/// and kind, from parities of detection events: in closed form, as [`Rates`](crate::Rates) have it, and drawn to the
/// patch's own rates, times a factor, the more the less is known. Errors at the ends have the rate of those alike in the
/// bulk; all others change by a common factor.
pub struct Learning {
    patch: Arc<Patch>,
    noise: Arc<BulkNoise>,
    options: LearningOptions,
    counts: BulkCounts,
    /// Whether weights are made on a thread of their own.
    is_threaded: bool,
    /// Rounds pushed, of all histories, and of those before the one at hand.
    rounds: u64,
    base: u64,
    /// The last round pushed was the last of its history.
    has_ended: bool,
    /// Rounds before the last for which a cell may still be open.
    kept_rounds: u64,
    /// Weights by epoch, ascending; the prior's epochs are not among them.
    epochs: VecDeque<(u64, Made)>,
    latest: Option<LearnedNoise>,
}

enum Made {
    Under(JoinHandle<Result<EpochWeights, Error>>),
    Ready(Arc<EpochWeights>),
    /// There was too little to learn from.
    Prior,
}

impl Learning {
    /// Learning of a patch that has [options](crate::PatchOptions::learning) for it; `None` for another. Cells may be asked
    /// for that begin up to `kept_rounds` rounds before the last one pushed. `is_threaded` to make weights on threads of
    /// their own while rounds come.
    ///
    /// # Errors
    /// [`Limit`](crate::Status::Limit) and [`Memory`](crate::Status::Memory).
    pub fn new(patch: &Arc<Patch>, kept_rounds: u64, is_threaded: bool) -> Result<Option<Self>, Error> {
        let (Some(options), Some(noise)) = (patch.learning(), patch.bulk_noise()) else { return Ok(None) };
        Ok(Some(Self {
            counts: BulkCounts::new(noise, options.memory)?,
            patch: Arc::clone(patch),
            noise: Arc::clone(noise),
            options,
            is_threaded,
            rounds: 0,
            base: 0,
            has_ended: false,
            kept_rounds,
            epochs: VecDeque::new(),
            latest: None,
        }))
    }

    /// Takes a round of the history, as many packed events as its layer has detectors. Returns the number of an epoch
    /// whose weights are made from the rounds up to this one, if there is one.
    ///
    /// # Errors
    /// Those of making weights, if there is no thread for it.
    pub fn push(&mut self, events: &[u8], is_last: bool) -> Result<Option<u64>, Error> {
        if std::mem::replace(&mut self.has_ended, is_last) {
            self.base = self.rounds;
        }
        self.counts.push(&self.noise, events, is_last)?;
        self.rounds += 1;
        if self.rounds % self.options.every != 0 {
            return Ok(None);
        }
        let epoch = self.rounds / self.options.every + 1;
        let oldest = self.rounds.saturating_sub(self.kept_rounds) / self.options.every;
        while self.epochs.front().is_some_and(|(epoch, _)| *epoch < oldest) {
            self.epochs.pop_front();
        }
        let made = match self.counts.means()? {
            None => Made::Prior,
            Some((means, windows)) => self.make(epoch, means, windows)?,
        };
        self.epochs.push_back((epoch, made));
        Ok(Some(epoch))
    }

    /// The weights of a cell of the history at hand, waiting for them if they are being made; `None` for the patch's own.
    ///
    /// # Errors
    /// [`Index`](crate::Status::Index) for a cell of an epoch whose weights are forgotten or not yet to be had; those of
    /// making weights.
    pub fn weights(&mut self, cell: &Cell) -> Result<Option<Arc<EpochWeights>>, Error> {
        self.weights_of(self.epoch_of(cell))
    }

    /// The epoch of a cell of the history at hand.
    pub fn epoch_of(&self, cell: &Cell) -> u64 {
        (self.base + cell.first_layer) / self.options.every
    }

    /// Those of an epoch; see [`weights`](Self::weights).
    ///
    /// # Errors
    /// As [`weights`](Self::weights).
    pub fn weights_of(&mut self, epoch: u64) -> Result<Option<Arc<EpochWeights>>, Error> {
        if epoch < 2 {
            return Ok(None);
        }
        let place = self.epochs.binary_search_by_key(&epoch, |(epoch, _)| *epoch);
        let Some((_, made)) = place.ok().and_then(|place| self.epochs.get_mut(place)) else {
            return Err(argument_error(&format!("there are no weights of epoch {epoch}")));
        };
        if let Made::Under(_) = made {
            let Made::Under(thread) = std::mem::replace(made, Made::Prior) else { return Ok(None) };
            let weights = thread.join().map_err(|_| argument_error("making weights panicked"))??;
            self.latest = Some(LearnedNoise::of(&weights));
            *made = Made::Ready(Arc::new(weights));
        }
        Ok(match made {
            Made::Ready(weights) => Some(Arc::clone(weights)),
            Made::Under(_) | Made::Prior => None,
        })
    }

    /// What the latest weights that were asked for say.
    pub fn latest(&self) -> Option<LearnedNoise> {
        self.latest
    }

    /// The options.
    pub fn options(&self) -> LearningOptions {
        self.options
    }

    /// Heap bytes of counts.
    pub fn heap_bytes(&self) -> usize {
        self.counts.heap_bytes()
    }

    fn make(&mut self, epoch: u64, means: Vec<f64>, windows: f64) -> Result<Made, Error> {
        let (patch, noise) = (Arc::clone(&self.patch), Arc::clone(&self.noise));
        let make = move || EpochWeights::new(&patch, epoch, noise.factors(&means, windows));
        if self.is_threaded {
            let thread = thread::Builder::new().name("weights".to_owned()).spawn(make);
            return thread.map(Made::Under).map_err(|source| io_error("start a thread", None, source));
        }
        let weights = make()?;
        self.latest = Some(LearnedNoise::of(&weights));
        Ok(Made::Ready(Arc::new(weights)))
    }
}

impl LearnedNoise {
    fn of(weights: &EpochWeights) -> Self {
        let factors = weights.factors();
        let distance = |factor: f64| if factor < 1.0 { 1.0 / factor } else { factor };
        let largest_drift = factors
            .iter()
            .copied()
            .fold(1.0, |far, factor| if distance(factor) > distance(far) { factor } else { far });
        let mean_factor = factors.iter().sum::<f64>() / factors.len() as f64;
        Self { epoch: weights.epoch, mean_factor, largest_drift }
    }
}

impl fmt::Debug for Learning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Learning")
            .field("options", &self.options)
            .field("rounds", &self.rounds)
            .finish_non_exhaustive()
    }
}
