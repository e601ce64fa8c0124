use std::fmt;
use std::ptr::{self, NonNull};
use std::slice;

use outrider_sys as sys;

use crate::error::{Details, Error, LineMeaning, Status, check, check_length};
use crate::kernels::Isa;
use crate::model::{DetectorErrorModel, owned};
use crate::shots::Shots;

/// Counts of odd parity of sets of detectors: what syndromes tell about the noise that made them.
///
/// Over many shots the mean of (-1)^(events of a set) is the product of `1 - 2 p` over the errors that flip an odd
/// number of the set's detectors. Moments hold the counts behind such means, as integers: however shots are split into
/// batches, threads and machines, the numbers are the same. [`Rates`](crate::Rates) makes rates of errors of them.
///
/// Moments work for one thread at a time, and allocate when they are made, not after that.
///
/// ```
/// use outrider::{DetectorErrorModel, Moments, Shots};
///
/// let model = DetectorErrorModel::parse("error(0.1) D0 D1\nerror(0.2) D1 L0")?;
/// let mut moments = Moments::for_model(&model)?;
/// assert_eq!(moments.sets().collect::<Vec<_>>(), [&[0][..], &[1], &[0, 1]]);
///
/// let mut shots = Shots::new(2);
/// for events in [0b00, 0b11, 0b10, 0b00] {
///     shots.push(&[events])?;
/// }
/// moments.add(&shots)?;
/// assert_eq!((moments.counts(), moments.shots()), (&[1, 2, 1][..], 4));
/// assert_eq!(moments.means(), [0.5, 0.0, 0.5]);
/// # Ok::<(), outrider::Error>(())
/// ```
pub struct Moments {
    raw: NonNull<sys::otr_moments>,
    detector_count: usize,
    set_count: usize,
}

/// How moments are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MomentsOptions {
    /// The instruction set; all of them give the same counts.
    pub isa: Isa,
    /// Of a model: also pairs of detectors that no error joins, but a common neighbour does.
    pub with_outside: bool,
    /// Where it is k > 0, counts fade by the factor 1 - 2^-k between blocks; at most 16.
    pub fade_shift: u32,
    /// Shots of a block, if counts fade.
    pub block_shots: u32,
}

impl Moments {
    /// Counts that fade are in units of one over two to the power of this.
    pub const FADING_BITS: u32 = sys::OTR_MOMENTS_FADING_BITS;

    /// The moments that rates of a model's errors are learned from, with default options.
    ///
    /// # Errors
    /// As [`for_model_with`](Self::for_model_with).
    pub fn for_model(model: &DetectorErrorModel) -> Result<Self, Error> {
        Self::for_model_with(model, &MomentsOptions::default())
    }

    /// Every detector, every pair of detectors that an error of `model` flips, and for errors of three and four
    /// detectors all subsets.
    ///
    /// # Errors
    /// [`Argument`](crate::Status::Argument) for options out of range; [`Limit`](crate::Status::Limit) for a model with
    /// too many detectors, errors or sets; [`Unsupported`](crate::Status::Unsupported) for a missing instruction set.
    pub fn for_model_with(model: &DetectorErrorModel, options: &MomentsOptions) -> Result<Self, Error> {
        let mut raw = ptr::null_mut();
        let mut details = Details::new();
        // SAFETY: all pointers are live; C keeps none of them after the call.
        let status = unsafe {
            sys::otr_moments_create_for_model(
                &mut raw,
                model.as_ptr(),
                &options.to_raw(),
                details.as_mut_ptr(),
            )
        };
        Self::made(raw, status, &mut details, options)
    }

    /// Moments of the sets listed. They are kept by size, then by their detectors, equal ones once.
    ///
    /// # Errors
    /// As [`for_model_with`](Self::for_model_with); [`Argument`](crate::Status::Argument) also for a set that is empty
    /// or has a detector twice, [`Index`](crate::Status::Index) for a detector that is not below `detector_count`.
    pub fn with_sets<S: AsRef<[u32]>>(
        detector_count: u32,
        sets: &[S],
        options: &MomentsOptions,
    ) -> Result<Self, Error> {
        let mut detectors = Vec::new();
        let mut begin = vec![0];
        for set in sets {
            detectors.extend_from_slice(set.as_ref());
            begin.push(detectors.len());
        }
        let mut raw = ptr::null_mut();
        let mut details = Details::new();
        // SAFETY: `begin` has one entry more than there are sets and ends at the number of detectors; C copies both.
        let status = unsafe {
            sys::otr_moments_create(
                &mut raw,
                detector_count,
                detectors.as_ptr(),
                begin.as_ptr(),
                sets.len(),
                &options.to_raw(),
                details.as_mut_ptr(),
            )
        };
        Self::made(raw, status, &mut details, options)
    }

    pub(crate) fn made(
        raw: *mut sys::otr_moments,
        status: sys::otr_status,
        details: &mut Details,
        options: &MomentsOptions,
    ) -> Result<Self, Error> {
        details.check(status, LineMeaning::Line).map_err(|error| match options.isa.is_available() {
            true => error,
            false => options.isa.explain(error),
        })?;
        let raw = owned(raw)?;
        // SAFETY: the moments are live and only read.
        let (detectors, sets) = unsafe {
            (sys::otr_moments_detector_count(raw.as_ptr()), sys::otr_moments_set_count(raw.as_ptr()))
        };
        Ok(Self { raw, detector_count: detectors as usize, set_count: sets })
    }

    /// Counts the detection events of all shots. Thousands at once are fastest; the counts are the same for every
    /// split.
    ///
    /// # Errors
    /// [`Error::Length`] for rows of another number of detectors; [`Limit`](crate::Status::Limit) beyond 2^48 shots.
    pub fn add(&mut self, shots: &Shots) -> Result<(), Error> {
        check_length("detectors", self.detector_count, shots.bits())?;
        // SAFETY: there are `len` rows of `stride` bytes, enough for the detectors, as just checked.
        check(unsafe {
            sys::otr_moments_add(self.raw.as_ptr(), shots.as_bytes().as_ptr(), shots.stride(), shots.len())
        })
    }

    /// Adds what another thread or machine counted.
    ///
    /// # Errors
    /// [`Argument`](crate::Status::Argument) unless both have the same detectors and sets, and neither of them fades;
    /// [`Limit`](crate::Status::Limit) beyond 2^48 shots.
    pub fn merge(&mut self, other: &Self) -> Result<(), Error> {
        // SAFETY: both are live; an exclusive and a shared borrow are not the same.
        check(unsafe { sys::otr_moments_merge(self.raw.as_ptr(), other.raw.as_ptr()) }).map_err(|error| {
            error.explained(Status::Argument, || "moments of other sets, or moments that fade".to_owned())
        })
    }

    /// Forgets all shots.
    pub fn clear(&mut self) {
        // SAFETY: the moments are live and used by nobody else (&mut).
        unsafe { sys::otr_moments_clear(self.raw.as_ptr()) }
    }

    /// Detectors of a shot.
    pub fn detector_count(&self) -> usize {
        self.detector_count
    }

    /// Number of sets.
    pub fn set_count(&self) -> usize {
        self.set_count
    }

    /// The sets, by size, then by their detectors, which ascend.
    pub fn sets(&self) -> impl ExactSizeIterator<Item = &[u32]> {
        let (mut detectors, mut begin) = (ptr::null(), ptr::null());
        // SAFETY: the moments are live; both views live as long as they do, `begin` with an entry more than sets.
        let (detectors, begin) = unsafe {
            sys::otr_moments_sets(self.raw.as_ptr(), &mut detectors, &mut begin);
            let begin = slice::from_raw_parts(begin, self.set_count + 1);
            (slice::from_raw_parts(detectors, begin[self.set_count]), begin)
        };
        begin.windows(2).map(|ends| &detectors[ends[0]..ends[1]])
    }

    /// The number of a set, whose detectors ascend.
    pub fn find(&self, set: &[u32]) -> Option<usize> {
        // SAFETY: pointer and length describe `set`.
        let found = unsafe { sys::otr_moments_find(self.raw.as_ptr(), set.as_ptr(), set.len()) };
        (found != usize::MAX).then_some(found)
    }

    /// For each set the shots in which an odd number of its detectors fired; if counts fade, in units of 2^-16.
    pub fn counts(&self) -> &[u64] {
        // SAFETY: the view has a count for each set and lives as long as the moments, which are borrowed.
        unsafe { slice::from_raw_parts(sys::otr_moments_counts(self.raw.as_ptr()), self.set_count) }
    }

    /// The shots counted, in the unit of the counts.
    pub fn shots(&self) -> u64 {
        // SAFETY: the moments are live and only read.
        unsafe { sys::otr_moments_shots(self.raw.as_ptr()) }
    }

    /// As many shots of equal weight would give means as sure as these.
    pub fn effective_shots(&self) -> f64 {
        // SAFETY: the moments are live and only read.
        unsafe { sys::otr_moments_effective_shots(self.raw.as_ptr()) }
    }

    /// The mean of (-1)^(events) for each set.
    pub fn means(&self) -> Vec<f64> {
        let mut means = vec![0.0; self.set_count];
        // SAFETY: there is room for each set.
        unsafe { sys::otr_moments_means(self.raw.as_ptr(), means.as_mut_ptr()) };
        means
    }

    /// The means that `model` expects, exact but for rounding.
    ///
    /// # Errors
    /// [`Argument`](crate::Status::Argument) for a model of another number of detectors;
    /// [`Limit`](crate::Status::Limit) for one with too many errors or observables.
    pub fn expected(&self, model: &DetectorErrorModel) -> Result<Vec<f64>, Error> {
        let mut means = vec![0.0; self.set_count];
        let mut details = Details::new();
        // SAFETY: there is room for each set; C keeps no pointer after the call.
        let status = unsafe {
            sys::otr_moments_expected(
                self.raw.as_ptr(),
                model.as_ptr(),
                means.as_mut_ptr(),
                details.as_mut_ptr(),
            )
        };
        details.check(status, LineMeaning::Line)?;
        Ok(means)
    }

    /// Heap bytes held.
    pub fn heap_bytes(&self) -> usize {
        // SAFETY: the moments are live and only read.
        unsafe { sys::otr_moments_bytes(self.raw.as_ptr()) }
    }

    pub(crate) fn as_ptr(&self) -> *const sys::otr_moments {
        self.raw.as_ptr()
    }
}

impl Drop for Moments {
    fn drop(&mut self) {
        // SAFETY: this value owns `raw`.
        unsafe { sys::otr_moments_destroy(self.raw.as_ptr()) }
    }
}

// SAFETY: moments.h asks for one thread at a time, and the library keeps no thread-local state.
unsafe impl Send for Moments {}
// SAFETY: functions that take a const handle only read it.
unsafe impl Sync for Moments {}

impl fmt::Debug for Moments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Moments")
            .field("detectors", &self.detector_count)
            .field("sets", &self.set_count)
            .field("shots", &self.shots())
            .finish()
    }
}

impl MomentsOptions {
    pub(crate) fn to_raw(self) -> sys::otr_moments_options {
        sys::otr_moments_options {
            isa: self.isa.to_raw(),
            with_outside: self.with_outside,
            fade_shift: self.fade_shift,
            block_shots: self.block_shots,
        }
    }
}

impl Default for MomentsOptions {
    /// The library's defaults.
    fn default() -> Self {
        // SAFETY: no arguments.
        let raw = unsafe { sys::otr_moments_options_default() };
        Self {
            isa: Isa::Auto,
            with_outside: raw.with_outside,
            fade_shift: raw.fade_shift,
            block_shots: raw.block_shots,
        }
    }
}
