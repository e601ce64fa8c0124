use std::fmt;
use std::ptr::{self, NonNull};

use outrider_sys as sys;

use crate::error::{Details, Error, LineMeaning, argument_error, check, check_length};
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
        let raw_options = sys::otr_sampler_options { seed: options.seed, isa: options.isa.to_raw() };
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
        self.sample_all(first_shot, shot_count, detectors, observables, None)
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
        self.sample_all(first_shot, shot_count, detectors, observables, Some(errors))
    }

    fn sample_all(
        &mut self,
        first_shot: u64,
        shot_count: usize,
        detectors: &mut Shots,
        observables: &mut Shots,
        errors: Option<&mut Shots>,
    ) -> Result<(), Error> {
        check_length("width of the detectors, in bits", self.detector_count(), detectors.bits())?;
        check_length("width of the observables, in bits", self.observable_count(), observables.bits())?;
        if let Some(errors) = &errors {
            check_length("width of the errors, in bits", self.error_count(), errors.bits())?;
        }
        if first_shot.checked_add(shot_count as u64).is_none() {
            return Err(argument_error("the shot numbers exceed 64 bits"));
        }
        detectors.resize(shot_count);
        observables.resize(shot_count);
        let (error_rows, error_stride) = errors.map_or((ptr::null_mut(), 0), |errors| {
            errors.resize(shot_count);
            (errors.as_mut_bytes().as_mut_ptr(), errors.stride())
        });
        // SAFETY: every batch has `shot_count` rows of its stride and the width of its kind, as just checked;
        // the sampler is used by nobody else (&mut).
        check(unsafe {
            sys::otr_sampler_sample(
                self.raw.as_ptr(),
                first_shot,
                shot_count,
                detectors.as_mut_bytes().as_mut_ptr(),
                detectors.stride(),
                observables.as_mut_bytes().as_mut_ptr(),
                observables.stride(),
                error_rows,
                error_stride,
            )
        })
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
