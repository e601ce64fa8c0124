use std::fmt;
use std::ptr::{self, NonNull};
use std::slice;

use outrider_sys as sys;

use crate::error::{Details, Error, LineMeaning, check_length};
use crate::model::{DetectorErrorModel, owned};
use crate::moments::Moments;
use crate::names::named;
use crate::rounds::TimeAxis;

/// Rates of a model's errors, learned from the parities of its detection events.
///
/// Errors that flip the same detectors, and differ in observables, are one to syndromes: a class. What is estimated is
/// its attenuation `-ln(1 - 2 p)`; the errors share it as they do in the prior. Observables of shots are not used.
///
/// Rates work for one thread at a time.
///
/// ```
/// use outrider::{DetectorErrorModel, Moments, Rates, RatesMethod, RatesOptions, Shrinkage};
///
/// let prior = DetectorErrorModel::parse("error(0.1) D0 D1\nerror(0.1) D1 L0")?;
/// let truth = DetectorErrorModel::parse("error(0.2) D0 D1\nerror(0.05) D1 L0")?;
/// let moments = Moments::for_model(&prior)?;
/// let method = RatesMethod::ClosedForm;
/// let options = RatesOptions { method, shrinkage: Shrinkage::None, ..RatesOptions::default() };
/// let mut rates = Rates::with_options(&prior, &moments, &options)?;
///
/// // The means that the truth would give, as of a thousand shots. `fit` takes them from shots that were counted.
/// rates.fit_means(&moments.expected(&truth)?, 1000.0)?;
/// let edge = rates.classes().next().unwrap();
/// assert_eq!(edge.detectors, [0, 1]);
/// assert!((edge.probability() - 0.2).abs() < 1e-12);
/// let learned = rates.model(&prior)?;
/// assert_eq!(learned.error_count(), 2);
/// # Ok::<(), outrider::Error>(())
/// ```
pub struct Rates {
    raw: NonNull<sys::otr_rates>,
    set_count: usize,
}

/// How attenuations come from parities.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RatesMethod {
    /// Each for itself, for errors of up to four detectors: the pair formula and what it becomes for other numbers,
    /// less the errors that flip more.
    ClosedForm,
    /// All at once by weighted least squares, each drawn to the prior.
    Regression,
}

named!(RatesMethod, "method", otr_rates_method;
    ClosedForm "closed-form" OTR_RATES_CLOSED_FORM,
    Regression "regression" OTR_RATES_REGRESSION,
);

/// How strongly estimates are drawn to the prior, times a factor that fits it to the shots.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Shrinkage {
    /// As much as the shots themselves show to be right: by how far estimates differ from the prior beyond their
    /// errors.
    Fitted,
    /// Not at all.
    None,
    /// As if true attenuations spread about the prior by this share of it; above 0, up to 100.
    Spread(f64),
}

/// How rates are learned.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RatesOptions {
    /// How attenuations come from parities.
    pub method: RatesMethod,
    /// No class of a learned model is below this share of its prior; 0 to 1.
    pub floor: f64,
    /// How strongly estimates are drawn to the prior.
    pub shrinkage: Shrinkage,
}

/// A class of errors.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate<'r> {
    /// The detectors that its errors flip, ascending.
    pub detectors: &'r [u32],
    /// For each error a mask of the observables that it flips.
    pub observables: &'r [u64],
    /// What each error has of the attenuation, by the prior.
    pub shares: &'r [f64],
    /// Attenuation by the prior.
    pub prior: f64,
    /// Learned attenuation; in closed form it may be negative.
    pub attenuation: f64,
    /// Standard error of the attenuation; infinite where it is kept.
    pub deviation: f64,
    /// Attenuation by the closed form, before it is drawn to a prior; tied classes have that of their mean.
    pub alone: f64,
    /// Its standard error; infinite where there is no such estimate.
    pub alone_deviation: f64,
    /// Nothing is learned: the attenuation is the prior's.
    pub is_kept: bool,
    /// The estimate is not above 0; learned models have the floor instead.
    pub is_not_positive: bool,
    /// At the floor or below it; learned models have the floor.
    pub is_floored: bool,
}

/// What a fit says about itself.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RatesSummary {
    /// Shots that the fit was made from.
    pub shots: f64,
    /// The factor that fits the prior to the parities best.
    pub scale: f64,
    /// The spread about the scaled prior, given or fitted, of classes of one to four detectors; in the regression all
    /// are one. 0 where nothing is learned.
    pub spread: [f64; 4],
    /// Mean of the squared differences between parities' logarithms and the fit, over their variances.
    pub chi_square: f64,
    /// Parities used.
    pub moments: u64,
    /// Steps of the regression.
    pub iterations: u32,
    /// Classes that are kept.
    pub kept: u32,
    /// Classes whose estimate is not above 0.
    pub not_positive: u32,
    /// Classes at the floor or below it.
    pub floored: u32,
}

impl Rates {
    /// The group of errors that share no factor with others.
    pub const UNTIED: u32 = sys::OTR_RATES_UNTIED;
    /// The largest [`Shrinkage::Spread`].
    pub const SPREAD_MAX: f64 = sys::OTR_RATES_SPREAD_MAX;

    /// Rates of the errors of `prior`, from moments of these sets, by the default options.
    ///
    /// # Errors
    /// As [`with_options`](Self::with_options).
    pub fn new(prior: &DetectorErrorModel, moments: &Moments) -> Result<Self, Error> {
        Self::with_options(prior, moments, &RatesOptions::default())
    }

    /// Lays out what is to be learned. Until a fit, all rates are those of `prior`.
    ///
    /// # Errors
    /// [`Argument`](crate::Status::Argument) for options out of range, moments of another number of detectors, and
    /// errors of probability 1/2 or above; [`Limit`](crate::Status::Limit) for a model with too many errors or
    /// observables.
    pub fn with_options(
        prior: &DetectorErrorModel,
        moments: &Moments,
        options: &RatesOptions,
    ) -> Result<Self, Error> {
        Self::made(prior, None, moments, options)
    }

    /// The same with errors tied: those of a group share one factor on their prior. `groups` has the group of each
    /// error, in the order of the model's walk, or [`UNTIED`](Self::UNTIED); see [`time_groups`](Self::time_groups).
    ///
    /// To learn a few parameters of a circuit, list in the prior the errors that each of them makes, one parameter
    /// after the other, as groups; errors of the same symptoms are one, whose attenuation is the sum.
    ///
    /// # Errors
    /// As [`with_options`](Self::with_options); [`Error::Length`] unless there is a group for each error;
    /// [`Index`](crate::Status::Index) for a group that is not below their number;
    /// [`Unsupported`](crate::Status::Unsupported) in closed form if errors of the same detectors are in several groups.
    pub fn tied(
        prior: &DetectorErrorModel,
        groups: &[u32],
        moments: &Moments,
        options: &RatesOptions,
    ) -> Result<Self, Error> {
        check_length("groups", error_count(prior), groups.len())?;
        Self::made(prior, Some(groups), moments, options)
    }

    fn made(
        prior: &DetectorErrorModel,
        groups: Option<&[u32]>,
        moments: &Moments,
        options: &RatesOptions,
    ) -> Result<Self, Error> {
        let mut raw = ptr::null_mut();
        let mut details = Details::new();
        let raw_options = sys::otr_rates_options {
            method: options.method.to_raw(),
            floor: options.floor,
            spread: match options.shrinkage {
                Shrinkage::Fitted => 0.0,
                Shrinkage::None => f64::INFINITY,
                Shrinkage::Spread(spread) if spread > 0.0 && spread.is_finite() => spread,
                // C takes 0 and infinity for the other two.
                Shrinkage::Spread(_) => f64::NAN,
            },
        };
        // SAFETY: there is a group for each error, if any; all pointers are live, and C keeps none of them.
        let status = unsafe {
            sys::otr_rates_create(
                &mut raw,
                prior.as_ptr(),
                groups.map_or(ptr::null(), <[u32]>::as_ptr),
                moments.as_ptr(),
                &raw_options,
                details.as_mut_ptr(),
            )
        };
        details.check(status, LineMeaning::Line)?;
        Ok(Self { raw: owned(raw)?, set_count: moments.set_count() })
    }

    /// Groups for ties over time: errors that flip detectors at the same places, as far apart in time, share a factor.
    /// Those at the first or the last detector of a place are untied.
    ///
    /// # Errors
    /// Those of [`DetectorErrorModel::rounds`].
    pub fn time_groups(prior: &DetectorErrorModel, time: &TimeAxis) -> Result<Vec<u32>, Error> {
        let mut groups = vec![Self::UNTIED; error_count(prior)];
        let mut details = Details::new();
        // SAFETY: there is room for a group for each error; C keeps no pointer after the call.
        let status = unsafe {
            sys::otr_rates_time_groups(
                prior.as_ptr(),
                &time.to_raw(),
                groups.as_mut_ptr(),
                ptr::null_mut(),
                details.as_mut_ptr(),
            )
        };
        details.check(status, LineMeaning::Line)?;
        Ok(groups)
    }

    /// Learns from counted moments, of the sets that the rates were made for.
    ///
    /// # Errors
    /// [`Argument`](crate::Status::Argument) for other sets, and without shots.
    pub fn fit(&mut self, moments: &Moments) -> Result<(), Error> {
        let mut details = Details::new();
        // SAFETY: all pointers are live; C keeps none of them after the call.
        let status = unsafe { sys::otr_rates_fit(self.raw.as_ptr(), moments.as_ptr(), details.as_mut_ptr()) };
        details.check(status, LineMeaning::Line)
    }

    /// The same from a mean of (-1)^(events) for each set, as of `shots` shots, which need not be a whole number.
    ///
    /// # Errors
    /// [`Error::Length`] unless there is a mean for each set; [`Argument`](crate::Status::Argument) for means beyond 1
    /// in magnitude, and for shots that are not above 0 and finite.
    pub fn fit_means(&mut self, means: &[f64], shots: f64) -> Result<(), Error> {
        check_length("means", self.set_count, means.len())?;
        let mut details = Details::new();
        // SAFETY: there is a mean for each set, as just checked.
        let status = unsafe {
            sys::otr_rates_fit_means(self.raw.as_ptr(), means.as_ptr(), shots, details.as_mut_ptr())
        };
        details.check(status, LineMeaning::Line)
    }

    /// The classes, ordered by their detectors.
    pub fn classes(&self) -> impl ExactSizeIterator<Item = Rate<'_>> {
        // SAFETY: the rates are live and only read.
        let count = unsafe { sys::otr_rates_class_count(self.raw.as_ptr()) };
        (0..count).map(|index| self.class(index))
    }

    /// `index` is below the number of classes.
    fn class(&self, index: u32) -> Rate<'_> {
        let mut raw = sys::otr_rate {
            detectors: ptr::null(),
            detector_count: 0,
            error_count: 0,
            observables: ptr::null(),
            shares: ptr::null(),
            prior: 0.0,
            attenuation: 0.0,
            deviation: 0.0,
            alone: 0.0,
            alone_deviation: 0.0,
            flags: 0,
        };
        // SAFETY: the rates are live and only read, and the place for the class is ours.
        let status = unsafe { sys::otr_rates_class(self.raw.as_ptr(), index, &mut raw) };
        assert_eq!(status, sys::otr_status::OTR_OK, "the index of a class");
        // SAFETY: the views have as many items as C says and live as long as the rates, which are borrowed.
        let (detectors, observables, shares) = unsafe {
            (
                slice::from_raw_parts(raw.detectors, raw.detector_count as usize),
                slice::from_raw_parts(raw.observables, raw.error_count as usize),
                slice::from_raw_parts(raw.shares, raw.error_count as usize),
            )
        };
        Rate {
            detectors,
            observables,
            shares,
            prior: raw.prior,
            attenuation: raw.attenuation,
            deviation: raw.deviation,
            alone: raw.alone,
            alone_deviation: raw.alone_deviation,
            is_kept: raw.flags & sys::OTR_RATE_KEPT != 0,
            is_not_positive: raw.flags & sys::OTR_RATE_NOT_POSITIVE != 0,
            is_floored: raw.flags & sys::OTR_RATE_FLOORED != 0,
        }
    }

    /// Covariances of the errors of some classes' attenuations, by their numbers in the order of
    /// [`classes`](Self::classes), a row for each: the correlation of their closed forms times both standard errors. A
    /// class that is kept has infinity on the diagonal and 0 beside it. Time grows with the square of their number.
    ///
    /// # Errors
    /// [`Index`](crate::Status::Index) for a class that is not there.
    pub fn covariance(&mut self, classes: &[u32]) -> Result<Vec<f64>, Error> {
        let mut covariance = vec![0.0; classes.len() * classes.len()];
        let mut details = Details::new();
        // SAFETY: there is a place for each pair of classes.
        let status = unsafe {
            sys::otr_rates_covariance(
                self.raw.as_ptr(),
                classes.as_ptr(),
                classes.len(),
                covariance.as_mut_ptr(),
                details.as_mut_ptr(),
            )
        };
        details.check(status, LineMeaning::Line)?;
        Ok(covariance)
    }

    /// The factor on the prior that a group has; in closed form that of all its classes together. Nothing for a group above
    /// all others.
    pub fn group_factor(&self, group: u32) -> Option<f64> {
        // SAFETY: the rates are live and only read.
        let factor = unsafe { sys::otr_rates_group_factor(self.raw.as_ptr(), group) };
        (!factor.is_nan()).then_some(factor)
    }

    /// What the last fit says about itself.
    pub fn summary(&self) -> RatesSummary {
        // SAFETY: the rates are live and only read.
        let raw = unsafe { sys::otr_rates_summarise(self.raw.as_ptr()) };
        RatesSummary {
            shots: raw.shots,
            scale: raw.scale,
            spread: raw.spread,
            chi_square: raw.chi_square,
            moments: raw.moments,
            iterations: raw.iterations,
            kept: raw.kept,
            not_positive: raw.not_positive,
            floored: raw.floored,
        }
    }

    /// The instructions of `prior`, the model that the rates were made for, repeats unrolled, with learned
    /// probabilities.
    ///
    /// # Errors
    /// [`Argument`](crate::Status::Argument) for another model.
    pub fn model(&self, prior: &DetectorErrorModel) -> Result<DetectorErrorModel, Error> {
        let mut raw = ptr::null_mut();
        let mut details = Details::new();
        // SAFETY: all pointers are live; C keeps none of them after the call.
        let status = unsafe {
            sys::otr_rates_model(self.raw.as_ptr(), &mut raw, prior.as_ptr(), details.as_mut_ptr())
        };
        details.check(status, LineMeaning::Line)?;
        // SAFETY: the call succeeded, so `raw` is a new model that nobody else owns.
        unsafe { DetectorErrorModel::from_raw(raw) }
    }

    /// Heap bytes held.
    pub fn heap_bytes(&self) -> usize {
        // SAFETY: the rates are live and only read.
        unsafe { sys::otr_rates_bytes(self.raw.as_ptr()) }
    }

    pub(crate) fn as_ptr(&self) -> *const sys::otr_rates {
        self.raw.as_ptr()
    }
}

/// Errors of a model with repeats unrolled; one of more than memory holds has no rates.
fn error_count(model: &DetectorErrorModel) -> usize {
    usize::try_from(model.error_count()).unwrap_or(usize::MAX)
}

impl Drop for Rates {
    fn drop(&mut self) {
        // SAFETY: this value owns `raw`.
        unsafe { sys::otr_rates_destroy(self.raw.as_ptr()) }
    }
}

// SAFETY: rates.h asks for one thread at a time, and the library keeps no thread-local state.
unsafe impl Send for Rates {}
// SAFETY: functions that take a const handle only read it.
unsafe impl Sync for Rates {}

impl fmt::Debug for Rates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rates").field("classes", &self.classes().len()).finish_non_exhaustive()
    }
}

impl Rate<'_> {
    /// The probability of an odd number of the class' errors, `(1 - e^-a) / 2`.
    pub fn probability(&self) -> f64 {
        // SAFETY: a pure function of a number.
        unsafe { sys::otr_rates_probability(self.attenuation) }
    }
}

impl Default for RatesOptions {
    /// The library's defaults.
    fn default() -> Self {
        // SAFETY: no arguments.
        let raw = unsafe { sys::otr_rates_options_default() };
        Self { method: RatesMethod::Regression, floor: raw.floor, shrinkage: Shrinkage::Fitted }
    }
}
