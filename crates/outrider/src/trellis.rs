use std::fmt;
use std::ptr::{self, NonNull};

use outrider_sys as sys;

use crate::error::{Details, Error, LineMeaning, check, check_length, check_padding};
use crate::kernels::Isa;
use crate::model::{DetectorErrorModel, owned};

/// Maximum-likelihood decoding: the sum over all errors of a model.
///
/// The answer is the class of observables whose sets of errors, of all that explain the shot, are likeliest together. It
/// needs no decomposition and no graph, and takes any model. States that are not worth it are dropped; without a cutoff
/// the sum is exact. It takes much longer than matching: it is for small distances, noisy devices, and as a yardstick for
/// other decoders.
///
/// A trellis works for one thread at a time, and allocates when it is made, not after that. Its sums have the same bits
/// on every machine.
///
/// ```
/// use outrider::{DetectorErrorModel, Trellis};
///
/// // Two ways to leave the observable, of two errors each, are likelier together than the one way to flip it.
/// let model = DetectorErrorModel::parse(
///     "error(0.02) D0 L0\nerror(0.1) D0 D1\nerror(0.1) D1\nerror(0.1) D0 D2\nerror(0.1) D2",
/// )?;
/// let mut trellis = Trellis::new(&model)?;
/// let mut observables = [0];
/// let shot = trellis.decode(&[0b001], &mut observables)?;
/// assert_eq!(observables, [0]);
/// assert!(shot.failure < 0.5);
/// assert!((trellis.ratios()[0] - 0.19).abs() < 0.01); // ln(2 (1/9)^2 / (2/98)), nearly
/// # Ok::<(), outrider::Error>(())
/// ```
pub struct Trellis {
    raw: NonNull<sys::otr_trellis>,
    detector_count: usize,
    ratios: Vec<f64>,
}

/// What is kept of the states after each detector.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TrellisBudget {
    /// A state below this times the heaviest of its class is dropped; from 0, for none, to 0.1.
    pub cutoff: f64,
    /// Of more states, the heaviest are kept; at least 1.
    pub states_max: u32,
}

/// How a trellis is made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TrellisOptions {
    /// The instruction set; all of them give the same bits.
    pub isa: Isa,
    /// Iterations of belief propagation, by which states are judged.
    pub iterations: u32,
    /// Parts of the model with at most so many detectors open at once and observables are summed up exactly, in a table of
    /// every state; at most 14.
    pub table_bits: u32,
    /// For every shot.
    pub coarse: TrellisBudget,
    /// Again for shots whose answer is unsure, or that nothing explains so far.
    pub fine: TrellisBudget,
    /// Log-likelihood ratios below this in magnitude are unsure.
    pub unsure: f64,
}

/// What one shot gives.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TrellisResult {
    /// The probability that the answer is wrong in some observable, by the model; one far below the cutoff may be 0.
    pub failure: f64,
    /// States seen, each once for each error that was applied to it.
    pub work: u64,
    /// Whether the fine budget was used.
    pub is_fine: bool,
    /// Whether nothing was left out.
    pub is_exact: bool,
}

impl Trellis {
    /// A trellis with default options.
    ///
    /// # Errors
    /// As [`with_options`](Self::with_options).
    pub fn new(model: &DetectorErrorModel) -> Result<Self, Error> {
        Self::with_options(model, &TrellisOptions::default())
    }

    /// Lays out the sum over the errors of `model`.
    ///
    /// # Errors
    /// [`Argument`](crate::Status::Argument) for options out of range; [`Limit`](crate::Status::Limit) for a model with
    /// too many errors, over 64 observables, or too many detectors open at once; [`Unsupported`](crate::Status::Unsupported)
    /// for a missing instruction set.
    pub fn with_options(model: &DetectorErrorModel, options: &TrellisOptions) -> Result<Self, Error> {
        let raw_options = sys::otr_trellis_options {
            isa: options.isa.to_raw(),
            iterations: options.iterations,
            table_bits: options.table_bits,
            coarse: options.coarse.to_raw(),
            fine: options.fine.to_raw(),
            unsure: options.unsure,
        };
        let mut raw = ptr::null_mut();
        let mut details = Details::new();
        // SAFETY: all pointers are live; C keeps none of them after the call.
        let status =
            unsafe { sys::otr_trellis_create(&mut raw, model.as_ptr(), &raw_options, details.as_mut_ptr()) };
        details.check(status, LineMeaning::Line).map_err(|error| match options.isa.is_available() {
            true => error,
            false => options.isa.explain(error),
        })?;
        let raw = owned(raw)?;
        // SAFETY: the trellis is live and only read.
        let (detectors, observables) = unsafe {
            (sys::otr_trellis_detector_count(raw.as_ptr()), sys::otr_trellis_observable_count(raw.as_ptr()))
        };
        Ok(Self { raw, detector_count: detectors as usize, ratios: vec![0.0; observables as usize] })
    }

    /// Decodes one shot of packed bits: `detectors` has a bit for each detector, as in
    /// [`Decoder::decode`](crate::Decoder::decode), and `observables` gets one for each observable of the likeliest class.
    ///
    /// # Errors
    /// [`Unexplained`](crate::Status::Unexplained): no errors of the model explain the shot, or none that the fine budget
    /// keeps. [`Error::Length`], [`Format`](crate::Status::Format) for set padding bits. Outputs are untouched then.
    pub fn decode(&mut self, detectors: &[u8], observables: &mut [u8]) -> Result<TrellisResult, Error> {
        check_length("detectors, in bytes", self.detector_count.div_ceil(8), detectors.len())?;
        check_length("observables, in bytes", self.ratios.len().div_ceil(8), observables.len())?;
        check_padding(self.detector_count, detectors, None)?;
        let mut raw = sys::otr_trellis_result { failure: 0.0, work: 0, is_fine: false, is_exact: false };
        // SAFETY: the lengths were checked; the trellis is used by nobody else (&mut).
        check(unsafe {
            sys::otr_trellis_decode(
                self.raw.as_ptr(),
                detectors.as_ptr(),
                observables.as_mut_ptr(),
                self.ratios.as_mut_ptr(),
                &mut raw,
            )
        })?;
        let sys::otr_trellis_result { failure, work, is_fine, is_exact } = raw;
        Ok(TrellisResult { failure, work, is_fine, is_exact })
    }

    /// For each observable, `ln(P(not flipped) / P(flipped))` given the last shot that was decoded, all others summed
    /// over. One beyond `ln(1 / cutoff)` in magnitude is of a class that was dropped: how large it is has no meaning, and
    /// rarely the exact one is smaller than that. With several observables the likeliest class need not be that of the
    /// signs.
    pub fn ratios(&self) -> &[f64] {
        &self.ratios
    }

    /// Detectors of the model.
    pub fn detector_count(&self) -> usize {
        self.detector_count
    }

    /// Most detectors that are open at once: without a cutoff there are up to two to the power of them states.
    pub fn open_count(&self) -> u32 {
        // SAFETY: the trellis is live and only read.
        unsafe { sys::otr_trellis_open_count(self.raw.as_ptr()) }
    }

    /// Heap bytes held.
    pub fn heap_bytes(&self) -> usize {
        // SAFETY: the trellis is live and only read.
        unsafe { sys::otr_trellis_bytes(self.raw.as_ptr()) }
    }
}

impl Drop for Trellis {
    fn drop(&mut self) {
        // SAFETY: this value owns `raw`.
        unsafe { sys::otr_trellis_destroy(self.raw.as_ptr()) }
    }
}

// SAFETY: trellis.h asks for one thread at a time, and the library keeps no thread-local state. Not `Sync`: calls through
// a shared reference would overlap.
unsafe impl Send for Trellis {}

impl fmt::Debug for Trellis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trellis")
            .field("detectors", &self.detector_count)
            .field("observables", &self.ratios.len())
            .finish()
    }
}

impl TrellisBudget {
    /// Largest cutoff.
    pub const CUTOFF_MAX: f64 = sys::OTR_TRELLIS_CUTOFF_MAX;
    /// Most states.
    pub const STATES_MAX: u32 = sys::OTR_TRELLIS_STATES_MAX;

    pub(crate) fn to_raw(self) -> sys::otr_trellis_budget {
        sys::otr_trellis_budget { cutoff: self.cutoff, states_max: self.states_max }
    }

    pub(crate) fn from_raw(raw: sys::otr_trellis_budget) -> Self {
        Self { cutoff: raw.cutoff, states_max: raw.states_max }
    }
}

impl Default for TrellisOptions {
    /// The library's defaults.
    fn default() -> Self {
        // SAFETY: no arguments.
        let raw = unsafe { sys::otr_trellis_options_default() };
        Self {
            isa: Isa::Auto,
            iterations: raw.iterations,
            table_bits: raw.table_bits,
            coarse: TrellisBudget::from_raw(raw.coarse),
            fine: TrellisBudget::from_raw(raw.fine),
            unsure: raw.unsure,
        }
    }
}
