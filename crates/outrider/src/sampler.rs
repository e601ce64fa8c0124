use std::fmt;
use std::ptr::{self, NonNull};

use outrider_sys as sys;

use crate::error::{Details, Error, LineMeaning, argument_error, check, check_length};
use crate::graph::MatchingGraph;
use crate::kernels::Isa;
use crate::model::{DetectorErrorModel, owned};
use crate::shots::Shots;

/// Samples a model: every error fires independently with its probability.
///
/// Shots are numbered by a global index and random numbers are keyed by seed and index, so a shot is the same
/// on every instruction set, in every thread and however a range is split. A sampler works for one thread at
/// a time.
///
/// ```
/// use outrider::{DetectorErrorModel, Sampler, Shots};
///
/// let model = DetectorErrorModel::parse("error(0.5) D0 L0\nerror(1) D1")?;
/// let mut sampler = Sampler::new(&model, 2026)?;
/// let (mut detectors, mut observables) = sampler.batches();
/// sampler.sample(0, 1000, &mut detectors, &mut observables)?;
/// for (detectors, observables) in detectors.rows().zip(observables.rows()) {
///     assert_eq!(detectors[0] & 1, observables[0]);
///     assert_eq!(detectors[0] & 2, 2);
/// }
/// # Ok::<(), outrider::Error>(())
/// ```
pub struct Sampler {
    raw: NonNull<sys::otr_sampler>,
}

/// How a sampler is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct SamplerOptions {
    /// The key of all random numbers.
    pub seed: u64,
    /// The instruction set.
    pub isa: Isa,
}

impl Sampler {
    /// Shots that are generated together: ranges that start and end at multiples of it waste no work.
    pub const BLOCK_SHOTS: usize = sys::OTR_SAMPLER_BLOCK_SHOTS as usize;

    /// A sampler with default options.
    ///
    /// # Errors
    /// As [`with_options`](Self::with_options).
    pub fn new(model: &DetectorErrorModel, seed: u64) -> Result<Self, Error> {
        Self::with_options(model, &SamplerOptions { seed, ..SamplerOptions::default() })
    }

    /// Flattens `model` into a sampler.
    ///
    /// # Errors
    /// [`Limit`](crate::Status::Limit) for too many errors, [`Unsupported`](crate::Status::Unsupported) for a
    /// missing instruction set.
    pub fn with_options(model: &DetectorErrorModel, options: &SamplerOptions) -> Result<Self, Error> {
        Self::create(model, ptr::null(), options)
    }

    /// A sampler that can also tell which edges of the model's `graph` flip. The shots are those of
    /// [`with_options`](Self::with_options).
    ///
    /// # Errors
    /// Likewise, and [`Argument`](crate::Status::Argument) for the graph of another model, where that is found
    /// out.
    ///
    /// ```
    /// use outrider::{DetectorErrorModel, GraphOptions, MatchingGraph, Sampler, SamplerOptions, Shots};
    ///
    /// let model = DetectorErrorModel::parse("error(1) D0 D1 ^ D2\nerror(0.1) D0 L0")?;
    /// let graph = MatchingGraph::new(&model, &GraphOptions::default())?;
    /// let mut sampler = Sampler::with_graph(&model, &graph, &SamplerOptions::default())?;
    /// let (mut detectors, mut observables) = sampler.batches();
    /// let mut edges = Shots::new(sampler.edge_count());
    /// sampler.sample_with_edges(0, 1, &mut detectors, &mut observables, &mut edges)?;
    /// let certain = [graph.find_edge(0, Some(1)), graph.find_edge(2, None)];
    /// assert!(certain.into_iter().flatten().all(|edge| edges.ones(0).any(|one| one == edge as usize)));
    /// # Ok::<(), outrider::Error>(())
    /// ```
    pub fn with_graph(
        model: &DetectorErrorModel,
        graph: &MatchingGraph,
        options: &SamplerOptions,
    ) -> Result<Self, Error> {
        Self::create(model, graph.as_ptr(), options)
    }

    fn create(
        model: &DetectorErrorModel,
        graph: *const sys::otr_graph,
        options: &SamplerOptions,
    ) -> Result<Self, Error> {
        let raw_options = sys::otr_sampler_options { seed: options.seed, isa: options.isa.to_raw(), graph };
        let mut raw = ptr::null_mut();
        let mut details = Details::new();
        // SAFETY: all pointers are live; C keeps none of them after the call.
        let status =
            unsafe { sys::otr_sampler_create(&mut raw, model.as_ptr(), &raw_options, details.as_mut_ptr()) };
        details.check(status, LineMeaning::Line).map_err(|error| options.isa.explain(error))?;
        Ok(Self { raw: owned(raw)? })
    }

    /// Detectors of a shot.
    pub fn detector_count(&self) -> usize {
        // SAFETY: the sampler is live and only read.
        unsafe { sys::otr_sampler_detector_count(self.raw.as_ptr()) as usize }
    }

    /// Observables of a shot.
    pub fn observable_count(&self) -> usize {
        // SAFETY: the sampler is live and only read.
        unsafe { sys::otr_sampler_observable_count(self.raw.as_ptr()) as usize }
    }

    /// Errors of the flattened model, in the order of [`DetectorErrorModel::walk`].
    pub fn error_count(&self) -> usize {
        // SAFETY: the sampler is live and only read.
        unsafe { sys::otr_sampler_error_count(self.raw.as_ptr()) as usize }
    }

    /// Edges of the graph, or 0 without one.
    pub fn edge_count(&self) -> usize {
        // SAFETY: the sampler is live and only read.
        unsafe { sys::otr_sampler_edge_count(self.raw.as_ptr()) as usize }
    }

    /// Empty batches for [`sample`](Self::sample): detectors and observables.
    pub fn batches(&self) -> (Shots, Shots) {
        (Shots::new(self.detector_count()), Shots::new(self.observable_count()))
    }

    /// Replaces both batches by the shots `first_shot .. first_shot + shot_count`.
    ///
    /// # Errors
    /// [`Error::Length`] for a batch of another width, [`Argument`](crate::Status::Argument) if shot numbers
    /// overflow.
    pub fn sample(
        &mut self,
        first_shot: u64,
        shot_count: usize,
        detectors: &mut Shots,
        observables: &mut Shots,
    ) -> Result<(), Error> {
        self.sample_with_truth(first_shot, shot_count, detectors, observables, None, None)
    }

    /// As [`sample`](Self::sample), and tells which errors fired: one bit per error of the flattened model.
    ///
    /// # Errors
    /// As [`sample`](Self::sample).
    pub fn sample_with_errors(
        &mut self,
        first_shot: u64,
        shot_count: usize,
        detectors: &mut Shots,
        observables: &mut Shots,
        errors: &mut Shots,
    ) -> Result<(), Error> {
        self.sample_with_truth(first_shot, shot_count, detectors, observables, Some(errors), None)
    }

    /// As [`sample`](Self::sample), and tells which edges of the graph flipped: an odd number of the error
    /// components that became the edge fired.
    ///
    /// # Errors
    /// As [`sample`](Self::sample), and [`Argument`](crate::Status::Argument) for a sampler without a graph.
    pub fn sample_with_edges(
        &mut self,
        first_shot: u64,
        shot_count: usize,
        detectors: &mut Shots,
        observables: &mut Shots,
        edges: &mut Shots,
    ) -> Result<(), Error> {
        self.sample_with_truth(first_shot, shot_count, detectors, observables, None, Some(edges))
    }

    /// As [`sample_with_errors`](Self::sample_with_errors) and
    /// [`sample_with_edges`](Self::sample_with_edges), whichever is wanted.
    ///
    /// # Errors
    /// As for these.
    pub fn sample_with_truth(
        &mut self,
        first_shot: u64,
        shot_count: usize,
        detectors: &mut Shots,
        observables: &mut Shots,
        errors: Option<&mut Shots>,
        edges: Option<&mut Shots>,
    ) -> Result<(), Error> {
        check_length("width of the detectors, in bits", self.detector_count(), detectors.bits())?;
        check_length("width of the observables, in bits", self.observable_count(), observables.bits())?;
        if let Some(errors) = &errors {
            check_length("width of the errors, in bits", self.error_count(), errors.bits())?;
        }
        if let Some(edges) = &edges {
            check_length("width of the edges, in bits", self.edge_count(), edges.bits())?;
        }
        if first_shot.checked_add(shot_count as u64).is_none() {
            return Err(argument_error("the shot numbers exceed 64 bits"));
        }
        let output = sys::otr_sampler_output {
            detectors: rows(Some(detectors), shot_count),
            observables: rows(Some(observables), shot_count),
            errors: rows(errors, shot_count),
            edges: rows(edges, shot_count),
        };
        // SAFETY: every batch has `shot_count` rows of its stride and the width of its kind, as just checked;
        // the sampler is used by nobody else (&mut).
        check(unsafe { sys::otr_sampler_sample(self.raw.as_ptr(), first_shot, shot_count, &output) })
    }
}

impl Drop for Sampler {
    fn drop(&mut self) {
        // SAFETY: this value owns `raw`.
        unsafe { sys::otr_sampler_destroy(self.raw.as_ptr()) }
    }
}

// SAFETY: sampler.h asks for one thread at a time and the library keeps no thread-local state. Not `Sync`: a
// sampler has scratch memory.
unsafe impl Send for Sampler {}

impl fmt::Debug for Sampler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sampler")
            .field("detectors", &self.detector_count())
            .field("observables", &self.observable_count())
            .field("errors", &self.error_count())
            .finish()
    }
}

/// The batch with room for `count` shots, as C takes it.
pub(crate) fn rows(batch: Option<&mut Shots>, count: usize) -> sys::otr_bit_rows {
    batch.map_or(sys::otr_bit_rows { bytes: ptr::null_mut(), stride: 0 }, |batch| {
        batch.resize(count);
        sys::otr_bit_rows { bytes: batch.as_mut_bytes().as_mut_ptr(), stride: batch.stride() }
    })
}
