use std::fmt;
use std::ptr::{self, NonNull};

use outrider_sys as sys;

use crate::error::{Details, Error, LineMeaning, check_length};
use crate::model::{DetectorErrorModel, owned};
use crate::moments::{Moments, MomentsOptions};
use crate::rates::Rates;

/// What shots have that a model does not explain: correlated pairs of detectors, other rates; and whether the shots
/// belong to the model at all.
///
/// A pair outside the support of all errors should not be correlated, whatever the rates are: crosstalk and leakage
/// show there. Pairs outside, pairs inside and detectors are three families of tests, each with the stated probability
/// of a false alarm. Drift and bursts correlate all detectors: look for these first ([`Drift`](crate::Drift),
/// [`Bursts`](crate::Bursts)).
///
/// ```
/// use outrider::{DetectorErrorModel, Moments, MomentsOptions, Residuals, Sampler, SamplerOptions};
///
/// let model = DetectorErrorModel::parse("error(0.05) D0 D1\nerror(0.05) D1 D2\nerror(0.05) D3\nerror(0.05) D0 L0")?;
/// let truth = DetectorErrorModel::parse(&format!("{}error(0.01) D0 D3\n", model.to_text()))?;
/// let mut sampler = Sampler::new(&truth, 1)?;
/// let (mut shots, mut observables) = sampler.batches();
/// sampler.sample(0, 10_000, &mut shots, &mut observables)?;
///
/// let mut moments = Moments::for_pairs(4, None, &MomentsOptions::default())?;
/// moments.add(&shots)?;
/// let residuals = Residuals::new(&model, &moments, 0.01)?;
/// let worst = residuals.pairs().next().unwrap();
/// assert_eq!((worst.first, worst.second, worst.is_inside, worst.is_significant), (0, 3, false, true));
/// assert!((worst.excess - 0.01).abs() < 0.002);
/// # Ok::<(), outrider::Error>(())
/// ```
pub struct Residuals {
    raw: NonNull<sys::otr_residuals>,
}

/// A pair of detectors.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ResidualPair {
    /// The lower detector.
    pub first: u32,
    /// The higher one.
    pub second: u32,
    /// An error of the model flips both.
    pub is_inside: bool,
    /// Significant in its family.
    pub is_significant: bool,
    /// Attenuation of the errors that flip both, by the model.
    pub expected: f64,
    /// The same as counted; may be negative.
    pub attenuation: f64,
    /// Standard error of the attenuation.
    pub deviation: f64,
    /// A normal variable is as likely beyond this; above 0: both fire together too often.
    pub z: f64,
    /// log10 of the two-sided probability of `z`, for this pair alone.
    pub log10_p: f64,
    /// Rate of one more error that flips both and would explain the difference.
    pub excess: f64,
    /// Its standard error.
    pub excess_deviation: f64,
}

/// A detector.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ResidualDetector {
    /// Its number.
    pub detector: u32,
    /// Its rate is significantly different.
    pub is_significant: bool,
    /// It fired in no shot or in all of them, and significantly so.
    pub is_constant: bool,
    /// Rate of its events by the model.
    pub expected: f64,
    /// The same as counted.
    pub rate: f64,
    /// A normal variable is as likely beyond this; infinite for events that the model says are impossible.
    pub z: f64,
    /// log10 of the two-sided probability of `z`, for this detector alone.
    pub log10_p: f64,
}

/// Reasons why shots may not belong to a model, or are too few to tell.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Misfit {
    /// Most pairs inside have a standard error above their expected attenuation.
    pub few_shots: bool,
    /// A detector fired in no shot or in all of them, which the model does not expect.
    pub constant: bool,
    /// Most detectors fire at rates of 0.4 to 0.6, and should not.
    pub half: bool,
    /// The rates of most detectors are significantly different, by a factor of 3 or more.
    pub rates: bool,
    /// More than a twentieth of the pairs that should stand out are hardly correlated: another circuit, or another
    /// order of detectors.
    pub pairs: bool,
}

/// Counts of what was found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ResidualSummary {
    /// Shots behind the moments.
    pub shots: f64,
    /// The level of the tests.
    pub level: f64,
    /// Pairs inside that were tested.
    pub inside: u64,
    /// Pairs outside that were tested.
    pub outside: u64,
    /// Significant pairs inside.
    pub inside_significant: u64,
    /// Significant pairs outside.
    pub outside_significant: u64,
    /// Pairs that could not be tested: a count is missing, or a detector is constant or fires too often.
    pub untested: u64,
    /// Pairs inside whose expected attenuation is below its standard error.
    pub unsure: u64,
    /// Pairs inside that should stand out by 5 standard errors.
    pub strong: u64,
    /// Those of them with less than a quarter of the expected attenuation.
    pub missing: u64,
    /// Detectors tested.
    pub detectors: u32,
    /// Significant ones.
    pub detectors_significant: u32,
    /// Detectors that fired in no shot or in all of them, and significantly so.
    pub constant: u32,
    /// Detectors at rates near 1/2 that should not be.
    pub near_half: u32,
    /// Detectors whose rates are significantly different, by a factor of 3 or more.
    pub other_rates: u32,
    /// Reasons why the shots may not belong to the model.
    pub misfit: Misfit,
}

/// What is known of a class of errors after a fit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ClassFlags {
    /// It flips no detector.
    pub is_invisible: bool,
    /// Its errors flip different observables; syndromes do not tell them apart.
    pub is_shared: bool,
    /// It flips one detector: its attenuation is what is left of the detector's rate.
    pub is_boundary: bool,
    /// There is no estimate.
    pub is_kept: bool,
    /// The standard error is above the attenuation and above the prior's.
    pub is_unsure: bool,
    /// Below 0 by five standard errors.
    pub is_negative: bool,
}

/// Which classes of a fit can be relied on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Learnability {
    /// For each class, in the order of [`Rates::classes`].
    pub classes: Vec<ClassFlags>,
    /// More than half of the classes with an estimate are unsure.
    pub has_few_shots: bool,
}

impl Moments {
    /// Moments of every detector and of every pair of detectors, or, with the round of each detector and a number, of
    /// the pairs at most so many rounds apart.
    ///
    /// # Errors
    /// [`Error::Length`] unless there is a round for each detector; [`Limit`](crate::Status::Limit) for more than 2^25
    /// sets; otherwise as [`with_sets`](Self::with_sets).
    pub fn for_pairs(
        detector_count: u32,
        near: Option<(&[u32], u32)>,
        options: &MomentsOptions,
    ) -> Result<Self, Error> {
        if let Some((rounds, _)) = near {
            check_length("rounds", detector_count as usize, rounds.len())?;
        }
        let (rounds, apart) =
            near.map_or((ptr::null(), sys::OTR_ROUNDS_APART_ANY), |(rounds, apart)| (rounds.as_ptr(), apart));
        let mut raw = ptr::null_mut();
        let mut details = Details::new();
        // SAFETY: `rounds` is null or has an entry for each detector; C keeps no pointer after the call.
        let status = unsafe {
            sys::otr_moments_create_for_pairs(
                &mut raw,
                detector_count,
                rounds,
                apart,
                &options.to_raw(),
                details.as_mut_ptr(),
            )
        };
        Self::made(raw, status, &mut details, options)
    }
}

impl Residuals {
    /// Compares counted moments with a model, the prior or a learned one, by their sets of one and two detectors.
    /// `level` is the probability of a false alarm in each family of tests.
    ///
    /// # Errors
    /// [`Argument`](crate::Status::Argument) without shots, for a model of another number of detectors, and for a level
    /// that is not within 0 and 1; [`Limit`](crate::Status::Limit) for a model with too many errors or observables.
    pub fn new(model: &DetectorErrorModel, moments: &Moments, level: f64) -> Result<Self, Error> {
        let mut raw = ptr::null_mut();
        let mut details = Details::new();
        // SAFETY: all pointers are live; C keeps none of them after the call.
        let status = unsafe {
            sys::otr_residuals_create(&mut raw, model.as_ptr(), moments.as_ptr(), level, details.as_mut_ptr())
        };
        details.check(status, LineMeaning::Line)?;
        Ok(Self { raw: owned(raw)? })
    }

    /// The pairs tested, least likely first.
    pub fn pairs(&self) -> impl Iterator<Item = ResidualPair> {
        // SAFETY: the residuals are live and only read.
        let count = unsafe { sys::otr_residuals_pair_count(self.raw.as_ptr()) };
        (0..count).map(|index| self.pair(index))
    }

    /// `index` is below the number of pairs.
    fn pair(&self, index: u64) -> ResidualPair {
        let mut raw = sys::otr_residual_pair {
            first: 0,
            second: 0,
            is_inside: false,
            is_significant: false,
            expected: 0.0,
            attenuation: 0.0,
            deviation: 0.0,
            z: 0.0,
            log10_p: 0.0,
            excess: 0.0,
            excess_deviation: 0.0,
        };
        // SAFETY: the residuals are live and only read, and the place for the pair is ours.
        let status = unsafe { sys::otr_residuals_pair(self.raw.as_ptr(), index, &mut raw) };
        assert_eq!(status, sys::otr_status::OTR_OK, "the index of a pair");
        ResidualPair {
            first: raw.first,
            second: raw.second,
            is_inside: raw.is_inside,
            is_significant: raw.is_significant,
            expected: raw.expected,
            attenuation: raw.attenuation,
            deviation: raw.deviation,
            z: raw.z,
            log10_p: raw.log10_p,
            excess: raw.excess,
            excess_deviation: raw.excess_deviation,
        }
    }

    /// The detectors tested, least likely first.
    pub fn detectors(&self) -> impl ExactSizeIterator<Item = ResidualDetector> {
        // SAFETY: the residuals are live and only read.
        let count = unsafe { sys::otr_residuals_detector_count(self.raw.as_ptr()) };
        (0..count).map(|index| self.detector(index))
    }

    /// `index` is below the number of detectors.
    fn detector(&self, index: u32) -> ResidualDetector {
        let mut raw = sys::otr_residual_detector {
            detector: 0,
            is_significant: false,
            is_constant: false,
            expected: 0.0,
            rate: 0.0,
            z: 0.0,
            log10_p: 0.0,
        };
        // SAFETY: the residuals are live and only read, and the place for the detector is ours.
        let status = unsafe { sys::otr_residuals_detector(self.raw.as_ptr(), index, &mut raw) };
        assert_eq!(status, sys::otr_status::OTR_OK, "the index of a detector");
        ResidualDetector {
            detector: raw.detector,
            is_significant: raw.is_significant,
            is_constant: raw.is_constant,
            expected: raw.expected,
            rate: raw.rate,
            z: raw.z,
            log10_p: raw.log10_p,
        }
    }

    /// Counts of what was found, and what they say of shots and model.
    pub fn summary(&self) -> ResidualSummary {
        // SAFETY: the residuals are live and only read.
        let raw = unsafe { sys::otr_residuals_summarise(self.raw.as_ptr()) };
        let has = |flag: u32| raw.misfit & flag != 0;
        ResidualSummary {
            shots: raw.shots,
            level: raw.level,
            inside: raw.inside,
            outside: raw.outside,
            inside_significant: raw.inside_significant,
            outside_significant: raw.outside_significant,
            untested: raw.untested,
            unsure: raw.unsure,
            strong: raw.strong,
            missing: raw.missing,
            detectors: raw.detectors,
            detectors_significant: raw.detectors_significant,
            constant: raw.constant,
            near_half: raw.near_half,
            other_rates: raw.other_rates,
            misfit: Misfit {
                few_shots: has(sys::OTR_MISFIT_FEW_SHOTS),
                constant: has(sys::OTR_MISFIT_CONSTANT),
                half: has(sys::OTR_MISFIT_HALF),
                rates: has(sys::OTR_MISFIT_RATES),
                pairs: has(sys::OTR_MISFIT_PAIRS),
            },
        }
    }

    /// Heap bytes held.
    pub fn heap_bytes(&self) -> usize {
        // SAFETY: the residuals are live and only read.
        unsafe { sys::otr_residuals_bytes(self.raw.as_ptr()) }
    }
}

impl Drop for Residuals {
    fn drop(&mut self) {
        // SAFETY: this value owns `raw`.
        unsafe { sys::otr_residuals_destroy(self.raw.as_ptr()) }
    }
}

// SAFETY: residuals are immutable, and the library keeps no thread-local state.
unsafe impl Send for Residuals {}
// SAFETY: functions that take a const handle only read it.
unsafe impl Sync for Residuals {}

impl fmt::Debug for Residuals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Residuals").field("summary", &self.summary()).finish_non_exhaustive()
    }
}

impl Misfit {
    /// There is no reason.
    pub fn is_none(self) -> bool {
        self == Self::default()
    }
}

impl Rates {
    /// Judges fitted rates by what the shots alone say of them, before they are drawn to a prior.
    pub fn judge(&self) -> Learnability {
        let mut flags = vec![0u32; self.classes().len()];
        // SAFETY: there is room for each class.
        let raw = unsafe { sys::otr_rates_judge(self.as_ptr(), flags.as_mut_ptr()) };
        let classes = flags
            .into_iter()
            .map(|mask| {
                let has = |flag: u32| mask & flag != 0;
                ClassFlags {
                    is_invisible: has(sys::OTR_CLASS_INVISIBLE),
                    is_shared: has(sys::OTR_CLASS_SHARED),
                    is_boundary: has(sys::OTR_CLASS_BOUNDARY),
                    is_kept: has(sys::OTR_CLASS_KEPT),
                    is_unsure: has(sys::OTR_CLASS_UNSURE),
                    is_negative: has(sys::OTR_CLASS_NEGATIVE),
                }
            })
            .collect();
        Learnability { classes, has_few_shots: raw.has_few_shots }
    }
}
