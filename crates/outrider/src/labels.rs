use std::fmt;
use std::ptr::{self, NonNull};

use outrider_sys as sys;

use crate::error::{Details, Error, LineMeaning, argument_error, check, check_length};
use crate::kernels::Isa;
use crate::model::owned;
use crate::sampler::rows;
use crate::shots::Shots;
use crate::surface_code::SurfaceCode;

/// Samples circuit faults of the paper's circuits together with what the published pre-decoder learns.
///
/// Labels are the data errors of each round and the timelike parts of each stabiliser. They explain every
/// detection event: with `s[t]` the timelike parts, `e[t]` the errors, `s[t] + s[t-1] = H e[t] + det[t]`, and
/// the errors along the logical operator give the observable. Shots are numbered and keyed as those of a
/// [`Sampler`](crate::Sampler).
///
/// ```
/// use outrider::{Circuit, CircuitFamily, LabelOptions, LabelSampler, SurfaceCode};
///
/// let circuit = Circuit::uniform(CircuitFamily::Paper, 0.006);
/// let code = SurfaceCode::memory(5, 5).circuit(circuit).build()?;
/// let mut sampler = LabelSampler::new(&code, &LabelOptions::default())?;
/// let mut batch = sampler.batch();
/// sampler.sample(0, 1000, &mut batch)?;
/// assert_eq!(batch.labels.bits(), 4 * 5 * 5 * 5);
/// assert!((0..1000).any(|shot| batch.labels.ones(shot).next().is_some()));
/// # Ok::<(), outrider::Error>(())
/// ```
pub struct LabelSampler {
    raw: NonNull<sys::otr_label_sampler>,
}

/// How a label sampler is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LabelOptions {
    /// The key of all random numbers.
    pub seed: u64,
    /// The instruction set.
    pub isa: Isa,
    /// Take a CNOT's fault with a Y apart as in the paper's Table I; its parts are then deferred one by one.
    pub split_y: bool,
    /// Bring equivalent labels to one canonical form: spacelike, timelike, spacelike.
    pub equivalence: bool,
}

impl Default for LabelOptions {
    fn default() -> Self {
        Self { seed: 0, isa: Isa::default(), split_y: false, equivalence: true }
    }
}

/// Shots of a [`LabelSampler`], row by row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelBatch {
    /// In the order of the surface code's model.
    pub detectors: Shots,
    /// One bit.
    pub observables: Shots,
    /// Planes (2, rounds, height, width): X events, Z events. Those of the type that is not the memory's basis
    /// are blank in the first and the last round.
    pub inputs: Shots,
    /// Planes (4, rounds, height, width): Z errors, X errors, timelike parts of X and of Z stabilisers.
    pub labels: Shots,
}

impl LabelSampler {
    /// A sampler for a code with one of the paper's circuits.
    ///
    /// # Errors
    /// [`Argument`](crate::Status::Argument) for Stim's circuit, [`Limit`](crate::Status::Limit) for too large a
    /// volume, [`Unsupported`](crate::Status::Unsupported) for a missing instruction set.
    pub fn new(code: &SurfaceCode, options: &LabelOptions) -> Result<Self, Error> {
        let raw_options = sys::otr_label_options {
            seed: options.seed,
            isa: options.isa.to_raw(),
            split_y: options.split_y,
            equivalence: options.equivalence,
        };
        let mut raw = ptr::null_mut();
        let mut details = Details::new();
        // SAFETY: all pointers are live; C keeps none of them after the call.
        let status = unsafe {
            sys::otr_label_sampler_create(&mut raw, code.as_ptr(), &raw_options, details.as_mut_ptr())
        };
        details.check(status, LineMeaning::Line).map_err(|error| options.isa.explain(error))?;
        Ok(Self { raw: owned(raw)? })
    }

    /// Rounds, height and width of the planes.
    pub fn shape(&self) -> [usize; 3] {
        let raw = self.raw.as_ptr();
        // SAFETY: the sampler is live and only read.
        let shape = unsafe {
            [
                sys::otr_label_sampler_rounds(raw),
                sys::otr_label_sampler_height(raw),
                sys::otr_label_sampler_width(raw),
            ]
        };
        shape.map(|size| size as usize)
    }

    /// Detectors of a shot.
    pub fn detector_count(&self) -> usize {
        // SAFETY: the sampler is live and only read.
        unsafe { sys::otr_label_sampler_detector_count(self.raw.as_ptr()) as usize }
    }

    /// An empty batch for [`sample`](Self::sample).
    pub fn batch(&self) -> LabelBatch {
        let plane = self.plane();
        LabelBatch {
            detectors: Shots::new(self.detector_count()),
            observables: Shots::new(1),
            inputs: Shots::new(2 * plane),
            labels: Shots::new(4 * plane),
        }
    }

    /// The input planes that are the same for all shots, (2, rounds, height, width): where X and where Z
    /// stabilisers sit, 1 for four qubits and 1/2 for two, blank where the events are.
    pub fn presence(&self) -> Vec<f32> {
        let mut planes = vec![0.0; 2 * self.plane()];
        // SAFETY: the sampler is live and only read; `planes` has the size that the header asks for.
        unsafe { sys::otr_label_sampler_presence(self.raw.as_ptr(), planes.as_mut_ptr()) };
        planes
    }

    /// Replaces the batch by the shots `first_shot .. first_shot + shot_count`.
    ///
    /// # Errors
    /// [`Error::Length`] for a batch of another width, [`Argument`](crate::Status::Argument) if shot numbers
    /// overflow.
    pub fn sample(
        &mut self,
        first_shot: u64,
        shot_count: usize,
        batch: &mut LabelBatch,
    ) -> Result<(), Error> {
        let plane = self.plane();
        check_length("width of the detectors, in bits", self.detector_count(), batch.detectors.bits())?;
        check_length("width of the observables, in bits", 1, batch.observables.bits())?;
        check_length("width of the inputs, in bits", 2 * plane, batch.inputs.bits())?;
        check_length("width of the labels, in bits", 4 * plane, batch.labels.bits())?;
        if first_shot.checked_add(shot_count as u64).is_none() {
            return Err(argument_error("the shot numbers exceed 64 bits"));
        }
        let output = sys::otr_label_output {
            detectors: rows(Some(&mut batch.detectors), shot_count),
            observables: rows(Some(&mut batch.observables), shot_count),
            inputs: rows(Some(&mut batch.inputs), shot_count),
            labels: rows(Some(&mut batch.labels), shot_count),
        };
        // SAFETY: every batch has `shot_count` rows of its stride and the width of its kind, as just checked;
        // the sampler is used by nobody else (&mut).
        check(unsafe { sys::otr_label_sampler_sample(self.raw.as_ptr(), first_shot, shot_count, &output) })
    }

    fn plane(&self) -> usize {
        self.shape().iter().product()
    }
}

impl Drop for LabelSampler {
    fn drop(&mut self) {
        // SAFETY: this value owns `raw`.
        unsafe { sys::otr_label_sampler_destroy(self.raw.as_ptr()) }
    }
}

// SAFETY: labels.h asks for one thread at a time and the library keeps no thread-local state. Not `Sync`: a
// sampler has scratch memory.
unsafe impl Send for LabelSampler {}

impl fmt::Debug for LabelSampler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LabelSampler").field("shape", &self.shape()).finish()
    }
}
