use std::fmt;
use std::ptr::{self, NonNull};

use outrider_sys as sys;

use crate::error::{Details, Error, LineMeaning, check};
use crate::model::owned;
use crate::shots::Shots;

/// Events of some shots, summed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct EventSums {
    /// Shots.
    pub shots: u64,
    /// Their events.
    pub events: u64,
    /// The squares of the events of each shot.
    pub squares: u64,
}

/// Finds windows of shots with far more events than the windows around them, or fewer, such as those that a cosmic ray
/// hit.
///
/// A window is compared with [`neighbours`](BurstOptions::neighbours) windows before it and after it, outliers apart,
/// so that slow drift is no burst, and with the larger of two spreads: what independent shots give, and what the
/// windows show. It is decided when those after it are known; the caller holds the shots of windows that are undecided.
///
/// ```
/// use outrider::{BurstOptions, Bursts, EventSums};
///
/// let mut bursts = Bursts::new(&BurstOptions { neighbours: 8, ..BurstOptions::default() })?;
/// let mut found = Vec::new();
/// for window in 0..40 {
///     let events = if window == 20 { 400 } else { 100 + window % 7 };
///     bursts.push(&EventSums { shots: 100, events, squares: 2 * events })?;
///     while let Some(window) = bursts.pop() {
///         found.extend(window.is_burst.then_some(window.first_shot));
///     }
/// }
/// bursts.finish();
/// found.extend(std::iter::from_fn(|| bursts.pop()).filter(|window| window.is_burst).map(|window| window.first_shot));
/// assert_eq!(found, [2000]);
/// # Ok::<(), outrider::Error>(())
/// ```
pub struct Bursts {
    raw: NonNull<sys::otr_bursts>,
}

/// How bursts are told.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BurstOptions {
    /// Windows on each side that a window is compared with; 8 to 4096. Bursts of more than so many windows are not
    /// found.
    pub neighbours: u32,
    /// Probability that a window is taken for a burst and is none; within 0 and 1. For a probability of any in n
    /// windows, divide it by n.
    pub false_rate: f64,
}

/// A decided window.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BurstWindow {
    /// Windows before it.
    pub index: u64,
    /// Shots before it.
    pub first_shot: u64,
    /// Its shots.
    pub shots: u64,
    /// Their events.
    pub events: u64,
    /// Events by the windows around it.
    pub expected: f64,
    /// Deviation of events from that, as the windows around it have it.
    pub deviation: f64,
    /// A normal variable is as likely beyond this; above 0 for too many events.
    pub z: f64,
    /// log10 of the two-sided probability of `z`.
    pub log10_p: f64,
    /// Less likely than the false rate.
    pub is_burst: bool,
    /// There were enough other windows to compare it with.
    pub is_judged: bool,
}

impl EventSums {
    /// The events of `shots`.
    pub fn of(shots: &Shots) -> Self {
        let mut raw = sys::otr_event_sums { shots: 0, events: 0, squares: 0 };
        // A detector count beyond 32 bits has no shots: they would not fit into memory.
        let bits = u32::try_from(shots.bits()).unwrap_or(u32::MAX);
        // SAFETY: there are `len` rows of `stride` bytes, enough for the detectors.
        let status = unsafe {
            sys::otr_event_sums_add(&mut raw, shots.as_bytes().as_ptr(), shots.stride(), shots.len(), bits)
        };
        assert_eq!(status, sys::otr_status::OTR_OK, "rows that do not overlap");
        Self { shots: raw.shots, events: raw.events, squares: raw.squares }
    }

    pub(crate) fn to_raw(self) -> sys::otr_event_sums {
        sys::otr_event_sums { shots: self.shots, events: self.events, squares: self.squares }
    }
}

impl std::ops::AddAssign for EventSums {
    fn add_assign(&mut self, other: Self) {
        self.shots += other.shots;
        self.events += other.events;
        self.squares += other.squares;
    }
}

impl Bursts {
    /// # Errors
    /// [`Argument`](crate::Status::Argument) for options out of range.
    pub fn new(options: &BurstOptions) -> Result<Self, Error> {
        let mut raw = ptr::null_mut();
        let mut details = Details::new();
        let raw_options =
            sys::otr_bursts_options { neighbours: options.neighbours, false_rate: options.false_rate };
        // SAFETY: all pointers are live; C keeps none of them after the call.
        let status = unsafe { sys::otr_bursts_create(&mut raw, &raw_options, details.as_mut_ptr()) };
        details.check(status, LineMeaning::Line)?;
        Ok(Self { raw: owned(raw)? })
    }

    /// Takes the next window; the last one may have fewer shots than the others.
    ///
    /// # Errors
    /// [`Argument`](crate::Status::Argument) without shots, and after [`finish`](Self::finish);
    /// [`Limit`](crate::Status::Limit) if windows were decided long ago that were not popped.
    pub fn push(&mut self, window: &EventSums) -> Result<(), Error> {
        // SAFETY: the bursts are live and used by nobody else (&mut).
        check(unsafe { sys::otr_bursts_push(self.raw.as_ptr(), &window.to_raw()) })
    }

    /// There are no more windows: the last ones are decided by those before them.
    pub fn finish(&mut self) {
        // SAFETY: the bursts are live and used by nobody else (&mut).
        unsafe { sys::otr_bursts_finish(self.raw.as_ptr()) }
    }

    /// The next decided window, in order; none if it is undecided so far, or there are no more.
    pub fn pop(&mut self) -> Option<BurstWindow> {
        let mut raw = sys::otr_burst_window {
            index: 0,
            first_shot: 0,
            shots: 0,
            events: 0,
            expected: 0.0,
            deviation: 0.0,
            z: 0.0,
            log10_p: 0.0,
            is_burst: false,
            is_judged: false,
        };
        // SAFETY: the bursts are live and used by nobody else (&mut), and the place for the window is ours.
        let is_decided = unsafe { sys::otr_bursts_pop(self.raw.as_ptr(), &mut raw) };
        is_decided.then_some(BurstWindow {
            index: raw.index,
            first_shot: raw.first_shot,
            shots: raw.shots,
            events: raw.events,
            expected: raw.expected,
            deviation: raw.deviation,
            z: raw.z,
            log10_p: raw.log10_p,
            is_burst: raw.is_burst,
            is_judged: raw.is_judged,
        })
    }

    /// Windows pushed and not popped.
    pub fn waiting(&self) -> u64 {
        // SAFETY: the bursts are live and only read.
        unsafe { sys::otr_bursts_waiting(self.raw.as_ptr()) }
    }

    /// Heap bytes held.
    pub fn heap_bytes(&self) -> usize {
        // SAFETY: the bursts are live and only read.
        unsafe { sys::otr_bursts_bytes(self.raw.as_ptr()) }
    }
}

impl Drop for Bursts {
    fn drop(&mut self) {
        // SAFETY: this value owns `raw`.
        unsafe { sys::otr_bursts_destroy(self.raw.as_ptr()) }
    }
}

// SAFETY: bursts.h asks for one thread at a time, and the library keeps no thread-local state.
unsafe impl Send for Bursts {}
// SAFETY: functions that take a const handle only read it.
unsafe impl Sync for Bursts {}

impl fmt::Debug for Bursts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bursts").field("waiting", &self.waiting()).finish_non_exhaustive()
    }
}

impl Default for BurstOptions {
    /// The library's defaults.
    fn default() -> Self {
        // SAFETY: no arguments.
        let raw = unsafe { sys::otr_bursts_options_default() };
        Self { neighbours: raw.neighbours, false_rate: raw.false_rate }
    }
}
