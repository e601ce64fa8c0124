use std::fmt;
use std::ptr::{self, NonNull};

use outrider_sys as sys;

use crate::bursts::EventSums;
use crate::error::{Details, Error, LineMeaning};
use crate::model::owned;
use crate::moments::Moments;

/// Tests whether detectors fire at the same rates in all blocks of shots.
///
/// The shots of a block are independent, so counts of a detector's events are binomial: their blocks are compared by a
/// chi-square, and by the trend over the shots.
///
/// ```
/// use outrider::{Drift, EventSums, Moments, MomentsOptions, Shots};
///
/// let mut block = Moments::with_sets(1, &[[0]], &MomentsOptions::default())?;
/// let mut drift = Drift::new(1)?;
/// for fired in [10, 20, 40, 80] {
///     let mut shots = Shots::zeroed(1, 1000);
///     (0..fired).for_each(|shot| shots.row_mut(shot)[0] = 1);
///     block.clear();
///     block.add(&shots)?;
///     drift.add(&block, &EventSums::of(&shots))?;
/// }
/// let report = drift.test(0.01)?;
/// assert!(report.has_drift && report.detectors[0].is_significant);
/// assert!(report.detectors[0].change > 0.05);
/// # Ok::<(), outrider::Error>(())
/// ```
pub struct Drift {
    raw: NonNull<sys::otr_drift>,
    detector_count: usize,
}

/// How one detector moved.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DriftDetector {
    /// Its number.
    pub detector: u32,
    /// Significant among all detectors.
    pub is_significant: bool,
    /// Rate of its events over all blocks.
    pub rate: f64,
    /// Chi-square over blocks.
    pub chi_square: f64,
    /// Its degrees of freedom; 0 if there are too few events for it.
    pub freedom: f64,
    /// Standard deviation of the rate among blocks, beyond chance.
    pub spread: f64,
    /// The trend in standard deviations; above 0 if the rate rises.
    pub trend_z: f64,
    /// Change of the rate from the first shot to the last, by the trend.
    pub change: f64,
    /// log10 of the probability of either.
    pub log10_p: f64,
}

/// How the number of events of a shot moved.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DriftEvents {
    /// Chi-square over blocks, by the variance of shots within blocks.
    pub chi_square: f64,
    /// Its degrees of freedom.
    pub freedom: f64,
    /// Standard deviation of the events of a shot among blocks, beyond chance.
    pub spread: f64,
    /// The trend in standard deviations; above 0 if there are more and more.
    pub trend_z: f64,
    /// Change of the events of a shot from the first shot to the last, by the trend.
    pub change: f64,
    /// log10 of the probability of either.
    pub log10_p: f64,
}

/// What a test of drift found.
#[derive(Debug, Clone, PartialEq)]
pub struct DriftReport {
    /// Blocks compared.
    pub blocks: u32,
    /// Their shots.
    pub shots: u64,
    /// The level of the test.
    pub level: f64,
    /// A detector is significant, or all events are.
    pub has_drift: bool,
    /// All events together.
    pub events: DriftEvents,
    /// All detectors, those that moved most significantly first.
    pub detectors: Vec<DriftDetector>,
}

impl Drift {
    /// # Errors
    /// [`Limit`](crate::Status::Limit) over 2^24 detectors.
    pub fn new(detector_count: u32) -> Result<Self, Error> {
        let mut raw = ptr::null_mut();
        let mut details = Details::new();
        // SAFETY: all pointers are live; C keeps none of them after the call.
        let status = unsafe { sys::otr_drift_create(&mut raw, detector_count, details.as_mut_ptr()) };
        details.check(status, LineMeaning::Line)?;
        Ok(Self { raw: owned(raw)?, detector_count: detector_count as usize })
    }

    /// Adds the next block, in order of time: the moments and the sums of its shots.
    ///
    /// # Errors
    /// [`Argument`](crate::Status::Argument) for moments of other detectors, without a set for each of them, that fade
    /// or have no shots, and for sums of another number of shots; [`Limit`](crate::Status::Limit) over a million
    /// blocks.
    pub fn add(&mut self, block: &Moments, events: &EventSums) -> Result<(), Error> {
        let mut details = Details::new();
        // SAFETY: all pointers are live; C keeps none of them after the call.
        let status = unsafe {
            sys::otr_drift_add(self.raw.as_ptr(), block.as_ptr(), &events.to_raw(), details.as_mut_ptr())
        };
        details.check(status, LineMeaning::Line)
    }

    /// Tests what was added so far. If nothing drifts, the probability that any detector is significant is at most
    /// `level`, and as much for all events.
    ///
    /// # Errors
    /// [`Argument`](crate::Status::Argument) for fewer than two blocks, and a level that is not within 0 and 1.
    pub fn test(&self, level: f64) -> Result<DriftReport, Error> {
        let empty = sys::otr_drift_detector {
            detector: 0,
            is_significant: false,
            rate: 0.0,
            chi_square: 0.0,
            freedom: 0.0,
            spread: 0.0,
            trend_z: 0.0,
            change: 0.0,
            log10_p: 0.0,
        };
        let mut detectors = vec![empty; self.detector_count];
        let mut summary = sys::otr_drift_summary {
            blocks: 0,
            shots: 0,
            level: 0.0,
            significant: 0,
            events_chi_square: 0.0,
            events_freedom: 0.0,
            events_trend_z: 0.0,
            events_log10_p: 0.0,
            events_spread: 0.0,
            events_change: 0.0,
            has_drift: false,
        };
        let mut details = Details::new();
        // SAFETY: there is room for each detector.
        let status = unsafe {
            sys::otr_drift_test(
                self.raw.as_ptr(),
                level,
                detectors.as_mut_ptr(),
                &mut summary,
                details.as_mut_ptr(),
            )
        };
        details.check(status, LineMeaning::Line)?;
        Ok(DriftReport {
            blocks: summary.blocks,
            shots: summary.shots,
            level: summary.level,
            has_drift: summary.has_drift,
            events: DriftEvents {
                chi_square: summary.events_chi_square,
                freedom: summary.events_freedom,
                spread: summary.events_spread,
                trend_z: summary.events_trend_z,
                change: summary.events_change,
                log10_p: summary.events_log10_p,
            },
            detectors: detectors
                .into_iter()
                .map(|raw| DriftDetector {
                    detector: raw.detector,
                    is_significant: raw.is_significant,
                    rate: raw.rate,
                    chi_square: raw.chi_square,
                    freedom: raw.freedom,
                    spread: raw.spread,
                    trend_z: raw.trend_z,
                    change: raw.change,
                    log10_p: raw.log10_p,
                })
                .collect(),
        })
    }

    /// Heap bytes held.
    pub fn heap_bytes(&self) -> usize {
        // SAFETY: the drift is live and only read.
        unsafe { sys::otr_drift_bytes(self.raw.as_ptr()) }
    }
}

impl Drop for Drift {
    fn drop(&mut self) {
        // SAFETY: this value owns `raw`.
        unsafe { sys::otr_drift_destroy(self.raw.as_ptr()) }
    }
}

// SAFETY: drift.h asks for one thread at a time, and the library keeps no thread-local state.
unsafe impl Send for Drift {}
// SAFETY: functions that take a const handle only read it.
unsafe impl Sync for Drift {}

impl fmt::Debug for Drift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Drift").field("detectors", &self.detector_count).finish_non_exhaustive()
    }
}

impl Moments {
    /// Compares two blocks by all their sets: for each, by how many standard deviations of a normal distribution it has
    /// odd parity more often in `later` than here; and log10 of the probability of any as large one, at most.
    ///
    /// # Errors
    /// [`Argument`](crate::Status::Argument) for other sets, and moments that fade or have no shots.
    pub fn compare(&self, later: &Self) -> Result<(Vec<f64>, f64), Error> {
        let (mut z, mut log10_p) = (vec![0.0; self.set_count()], 0.0);
        let mut details = Details::new();
        // SAFETY: there is room for each set; C fails if the other one has another number of them.
        let status = unsafe {
            sys::otr_moments_compare(
                self.as_ptr(),
                later.as_ptr(),
                z.as_mut_ptr(),
                &mut log10_p,
                details.as_mut_ptr(),
            )
        };
        details.check(status, LineMeaning::Line)?;
        Ok((z, log10_p))
    }
}
