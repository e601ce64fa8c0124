use std::fmt;
use std::ptr::{self, NonNull};

use outrider_sys as sys;

use crate::error::{Details, Error, LineMeaning};
use crate::model::{DetectorErrorModel, owned, view};
use crate::sampler::SamplerOptions;

/// Samples histories layer by layer, however long they are, in constant memory.
///
/// The model is that of a history to refer to, with a layer a round. If its layers repeat but for some first and last
/// ones, histories of any length can be sampled, and their end chosen while they run. A layer depends on seed, history
/// and its number alone, wherever sampling begins.
///
/// ```
/// use outrider::{Circuit, CircuitFamily, RoundSampler, SamplerOptions, SurfaceCode};
///
/// let circuit = Circuit::uniform(CircuitFamily::Stim, 0.001);
/// let model = SurfaceCode::memory(3, 10).circuit(circuit).build()?.model()?;
/// let mut sampler = RoundSampler::new(&model, &SamplerOptions::default())?;
/// assert_eq!((sampler.layer_count(), sampler.period()), (11, Some(1)));
/// for _ in 0..100_000 {
///     assert!(sampler.next().is_some_and(|layer| !layer.is_last));
/// }
/// sampler.end(sampler.earliest_end())?;
/// let mut rest = 0;
/// while sampler.next().is_some() {
///     rest += 1;
/// }
/// assert!(rest < 11);
/// # Ok::<(), outrider::Error>(())
/// ```
pub struct RoundSampler {
    raw: NonNull<sys::otr_round_sampler>,
    observable_bytes: usize,
}

/// A layer of a sampled history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SampledLayer<'a> {
    /// Packed detection events.
    pub events: &'a [u8],
    /// How many detectors the layer has.
    pub detector_count: u32,
    /// It is the last of its history.
    pub is_last: bool,
    /// Observables that were flipped by the errors that begin in the layers since the last seek, this one included.
    pub observables: &'a [u8],
}

impl RoundSampler {
    /// A sampler at the first layer of history 0, of unknown length.
    ///
    /// # Errors
    /// [`Format`](crate::Status::Format) for a model without layers, or with an error that flips observables alone;
    /// [`Limit`](crate::Status::Limit), [`Unsupported`](crate::Status::Unsupported) for a missing instruction set.
    pub fn new(model: &DetectorErrorModel, options: &SamplerOptions) -> Result<Self, Error> {
        let mut raw = ptr::null_mut();
        let mut details = Details::new();
        // SAFETY: all pointers are live; C does not keep the model.
        let status = unsafe {
            sys::otr_round_sampler_create(
                &mut raw,
                model.as_ptr(),
                options.seed,
                options.isa.to_raw(),
                details.as_mut_ptr(),
            )
        };
        details.check(status, LineMeaning::Line).map_err(|error| options.isa.explain(error))?;
        Ok(Self { raw: owned(raw)?, observable_bytes: model.observable_count().div_ceil(8) as usize })
    }

    /// Layers of the model.
    pub fn layer_count(&self) -> u32 {
        // SAFETY: the sampler is live and only read.
        unsafe { sys::otr_round_sampler_layer_count(self.raw.as_ptr()) }
    }

    /// Layers after which the model repeats itself; `None` if histories have the model's length.
    pub fn period(&self) -> Option<u32> {
        // SAFETY: the sampler is live and only read.
        Some(unsafe { sys::otr_round_sampler_period(self.raw.as_ptr()) }).filter(|&period| period > 0)
    }

    /// Goes to a layer of a history of `layer_count` layers, `None` for a history whose end is not known yet.
    ///
    /// # Errors
    /// [`Argument`](crate::Status::Argument) for a length that the model cannot be repeated to and for a layer beyond
    /// the end.
    pub fn seek(&mut self, history: u64, layer: u64, layer_count: Option<u64>) -> Result<(), Error> {
        let mut details = Details::new();
        // SAFETY: the sampler is used by nobody else (&mut).
        let status = unsafe {
            sys::otr_round_sampler_seek(
                self.raw.as_ptr(),
                history,
                layer,
                layer_count.unwrap_or(0),
                details.as_mut_ptr(),
            )
        };
        details.check(status, LineMeaning::Line)
    }

    /// The shortest length that the history can still come to.
    pub fn earliest_end(&self) -> u64 {
        // SAFETY: the sampler is live and only read.
        unsafe { sys::otr_round_sampler_earliest_end(self.raw.as_ptr()) }
    }

    /// Says how long the history is.
    ///
    /// # Errors
    /// [`Argument`](crate::Status::Argument) for fewer layers than [`earliest_end`](Self::earliest_end), a length that
    /// the model cannot be repeated to, and if it was known already.
    pub fn end(&mut self, layer_count: u64) -> Result<(), Error> {
        let mut details = Details::new();
        // SAFETY: the sampler is used by nobody else (&mut).
        let status =
            unsafe { sys::otr_round_sampler_end(self.raw.as_ptr(), layer_count, details.as_mut_ptr()) };
        details.check(status, LineMeaning::Line)
    }

    /// The next layer; nothing after the last one.
    #[allow(clippy::should_implement_trait, reason = "layers are lent")]
    pub fn next(&mut self) -> Option<SampledLayer<'_>> {
        let mut raw = sys::otr_sampled_layer {
            events: ptr::null(),
            detector_count: 0,
            is_last: false,
            observables: ptr::null(),
        };
        // SAFETY: the sampler is used by nobody else (&mut); the output is ours.
        if !unsafe { sys::otr_round_sampler_next(self.raw.as_ptr(), &mut raw) } {
            return None;
        }
        // SAFETY: the header keeps both valid until the next call, which the result's borrow of `self` delays; the
        // events are packed bits of the layer's detectors.
        let (events, observables) = unsafe {
            (
                view(raw.events, raw.detector_count.div_ceil(8) as usize),
                view(raw.observables, self.observable_bytes),
            )
        };
        Some(SampledLayer { events, detector_count: raw.detector_count, is_last: raw.is_last, observables })
    }
}

impl Drop for RoundSampler {
    fn drop(&mut self) {
        // SAFETY: this value owns `raw`.
        unsafe { sys::otr_round_sampler_destroy(self.raw.as_ptr()) }
    }
}

// SAFETY: round_sampler.h asks for one thread at a time and the library keeps no thread-local state. Not `Sync`: a
// sampler changes with every layer.
unsafe impl Send for RoundSampler {}

impl fmt::Debug for RoundSampler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RoundSampler")
            .field("layer_count", &self.layer_count())
            .field("period", &self.period())
            .finish()
    }
}
