use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::ptr::{self, NonNull};

use outrider_sys as sys;

use crate::error::{Details, Error, LineMeaning, OPEN, check, check_length, io_error};
use crate::model::{owned, read_text, view};
use crate::shots::Shots;
use crate::stim_text::explain_circuit;

/// What turns raw measurements into detectors and observables: the sparse parities that a Stim circuit
/// declares, as `stim m2d` applies them.
///
/// A detector is the parity of some measurements, of the sweep bits that flip it, and of a constant, which is
/// its value in noise-free runs. Maps are immutable; threads may share one.
///
/// ```
/// use outrider::{MeasurementMap, Shots};
///
/// let map = MeasurementMap::parse("
///     CX sweep[0] 1
///     X 0
///     M 0 1
///     DETECTOR(2, 0) rec[-2] rec[-1]
///     OBSERVABLE_INCLUDE(0) rec[-1]
/// ")?;
/// let (mut measurements, mut sweep) = (Shots::new(2), Shots::new(1));
/// measurements.push(&[0b11])?;
/// sweep.push(&[1])?;
/// let (mut detectors, mut observables) = map.batches();
/// map.convert(&measurements, Some(&sweep), &mut detectors, &mut observables)?;
/// assert_eq!((detectors.row(0), observables.row(0)), (&[0][..], &[0][..]));
/// assert_eq!(map.coordinates(0)?, [2.0, 0.0]);
/// assert!(map.detector(0)?.constant);
/// # Ok::<(), outrider::Error>(())
/// ```
pub struct MeasurementMap {
    raw: NonNull<sys::otr_measurement_map>,
}

/// How a map is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MeasurementOptions {
    /// Operations, targets and tracing that a circuit may cost, repeats unrolled; a step takes a few
    /// nanoseconds.
    pub steps_max: u64,
    /// Leave the observables out: the map has none, and nothing about them is refused, neither Pauli targets,
    /// which no measurement gives, nor a random value.
    pub detectors_only: bool,
    /// The measurements come from runs that left all feedback out, as where a Pauli frame in software takes its
    /// place. Sweep bits are taken to have acted.
    pub ran_without_feedback: bool,
    /// Take all results 0, with all sweep bits 0, for a noise-free run: every constant is 0, and nothing is
    /// refused as random.
    pub skip_reference_sample: bool,
}

/// The parity that is a detector or an observable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parity<'a> {
    /// Measurements, ascending.
    pub measurements: &'a [u32],
    /// Sweep bits, ascending.
    pub sweep_bits: &'a [u32],
    /// The value in noise-free runs without sweep bits.
    pub constant: bool,
}

impl Default for MeasurementOptions {
    fn default() -> Self {
        // SAFETY: the call has no preconditions.
        let options = unsafe { sys::otr_measurement_options_default() };
        Self {
            steps_max: options.steps_max,
            detectors_only: options.detectors_only,
            ran_without_feedback: options.ran_without_feedback,
            skip_reference_sample: options.skip_reference_sample,
        }
    }
}

impl MeasurementMap {
    /// Reads the text of a `.stim` circuit.
    ///
    /// # Errors
    /// [`Parse`](crate::Status::Parse), [`Probability`](crate::Status::Probability),
    /// [`Index`](crate::Status::Index) for a measurement before the first one,
    /// [`Random`](crate::Status::Random) for a detector that noise-free runs do not fix,
    /// [`Unsupported`](crate::Status::Unsupported) for an observable with Pauli targets,
    /// [`Limit`](crate::Status::Limit); with line and, where it helps, column.
    ///
    /// A circuit whose observables are refused still has its detectors, see
    /// [`MeasurementOptions::detectors_only`].
    pub fn parse(text: &str) -> Result<Self, Error> {
        Self::with_options(text, MeasurementOptions::default())
    }

    /// As [`parse`](Self::parse), with options.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub fn with_options(text: &str, options: MeasurementOptions) -> Result<Self, Error> {
        let mut raw = ptr::null_mut();
        let mut details = Details::new();
        let options = sys::otr_measurement_options {
            steps_max: options.steps_max,
            detectors_only: options.detectors_only,
            ran_without_feedback: options.ran_without_feedback,
            skip_reference_sample: options.skip_reference_sample,
        };
        // SAFETY: pointer and length describe `text`, which C copies what it keeps of; the other pointers are
        // live.
        let status = unsafe {
            sys::otr_measurement_map_create(
                &mut raw,
                text.as_ptr().cast(),
                text.len(),
                &options,
                details.as_mut_ptr(),
            )
        };
        details.check(status, LineMeaning::Line).map_err(|error| explain_circuit(error, text))?;
        Ok(Self { raw: owned(raw)? })
    }

    /// Reads a `.stim` file.
    ///
    /// # Errors
    /// As [`parse`](Self::parse), naming the file; [`Error::Io`] if it cannot be read. Text that is not UTF-8
    /// is [`Parse`](crate::Status::Parse).
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, Error> {
        Self::from_file_with_options(path, MeasurementOptions::default())
    }

    /// As [`from_file`](Self::from_file), with options.
    ///
    /// # Errors
    /// As [`from_file`](Self::from_file).
    pub fn from_file_with_options(
        path: impl AsRef<Path>,
        options: MeasurementOptions,
    ) -> Result<Self, Error> {
        let path = path.as_ref();
        let file = File::open(path).map_err(|source| io_error(OPEN, Some(path), source))?;
        let text = read_text(file, sys::OTR_MEASUREMENT_TEXT_BYTES_MAX);
        text.and_then(|text| Self::with_options(&text, options)).map_err(|error| error.with_path(path))
    }

    /// Reads `input` to its end as a circuit.
    ///
    /// # Errors
    /// As [`from_file`](Self::from_file), without a file name.
    pub fn from_reader(input: impl Read) -> Result<Self, Error> {
        Self::parse(&read_text(input, sys::OTR_MEASUREMENT_TEXT_BYTES_MAX)?)
    }

    /// Measurements of a shot.
    pub fn measurement_count(&self) -> usize {
        // SAFETY: the map is live and only read; its limits fit usize.
        unsafe { sys::otr_measurement_map_measurement_count(self.raw.as_ptr()) as usize }
    }

    /// Sweep bits of a shot: the largest in the circuit + 1.
    pub fn sweep_count(&self) -> usize {
        // SAFETY: as above.
        unsafe { sys::otr_measurement_map_sweep_count(self.raw.as_ptr()) as usize }
    }

    /// Detectors of a shot.
    pub fn detector_count(&self) -> usize {
        // SAFETY: as above.
        unsafe { sys::otr_measurement_map_detector_count(self.raw.as_ptr()) as usize }
    }

    /// Observables of a shot: the largest in the circuit + 1, or 0 if they were left out.
    pub fn observable_count(&self) -> usize {
        // SAFETY: as above.
        unsafe { sys::otr_measurement_map_observable_count(self.raw.as_ptr()) as usize }
    }

    /// The parity of a detector.
    ///
    /// # Errors
    /// [`Index`](crate::Status::Index).
    pub fn detector(&self, detector: usize) -> Result<Parity<'_>, Error> {
        // An index past the detectors must not reach the observables behind them.
        self.row(if detector < self.detector_count() { detector } else { usize::MAX })
    }

    /// The parity of an observable.
    ///
    /// # Errors
    /// [`Index`](crate::Status::Index).
    pub fn observable(&self, observable: usize) -> Result<Parity<'_>, Error> {
        self.row(observable.saturating_add(self.detector_count()))
    }

    fn row(&self, row: usize) -> Result<Parity<'_>, Error> {
        let mut raw = sys::otr_parity {
            measurements: ptr::null(),
            measurement_count: 0,
            sweep_bits: ptr::null(),
            sweep_count: 0,
            constant: 0,
        };
        // SAFETY: the map is live, the output is ours.
        check(unsafe { sys::otr_measurement_map_row(self.raw.as_ptr(), row as u64, &mut raw) })?;
        // SAFETY: the lists live and stay as they are as long as the map, which is borrowed.
        let (measurements, sweep_bits) =
            unsafe { (view(raw.measurements, raw.measurement_count), view(raw.sweep_bits, raw.sweep_count)) };
        Ok(Parity { measurements, sweep_bits, constant: raw.constant != 0 })
    }

    /// The coordinates of a detector, all shifts applied; empty where it has none.
    ///
    /// # Errors
    /// [`Index`](crate::Status::Index).
    pub fn coordinates(&self, detector: usize) -> Result<&[f64], Error> {
        let (mut values, mut count) = (ptr::null(), 0);
        // SAFETY: the map is live, the outputs are ours.
        check(unsafe {
            sys::otr_measurement_map_coordinates(self.raw.as_ptr(), detector as u64, &mut values, &mut count)
        })?;
        // SAFETY: the view lives and stays as it is as long as the map, which is borrowed.
        Ok(unsafe { view(values, count) })
    }

    /// Empty batches for [`convert`](Self::convert): detectors and observables.
    pub fn batches(&self) -> (Shots, Shots) {
        (Shots::new(self.detector_count()), Shots::new(self.observable_count()))
    }

    /// Replaces `detectors` and `observables` by those of the measured shots. Without `sweep` all sweep bits
    /// are 0.
    ///
    /// # Errors
    /// [`Error::Length`] for a batch of another width, or for another number of shots in `sweep`.
    pub fn convert(
        &self,
        measurements: &Shots,
        sweep: Option<&Shots>,
        detectors: &mut Shots,
        observables: &mut Shots,
    ) -> Result<(), Error> {
        check_length("width of the measurements, in bits", self.measurement_count(), measurements.bits())?;
        check_length("width of the detectors, in bits", self.detector_count(), detectors.bits())?;
        check_length("width of the observables, in bits", self.observable_count(), observables.bits())?;
        if let Some(sweep) = sweep {
            check_length("width of the sweep bits, in bits", self.sweep_count(), sweep.bits())?;
            check_length("shots of the sweep bits", measurements.len(), sweep.len())?;
        }
        detectors.resize(measurements.len());
        observables.resize(measurements.len());
        let measured = sys::otr_measured {
            measurements: measurements.as_bytes().as_ptr(),
            measurement_stride: measurements.stride(),
            sweep: sweep.map_or(ptr::null(), |sweep| sweep.as_bytes().as_ptr()),
            sweep_stride: sweep.map_or(0, Shots::stride),
        };
        let parities = sys::otr_parities {
            detectors: detectors.as_mut_bytes().as_mut_ptr(),
            detector_stride: detectors.stride(),
            observables: observables.as_mut_bytes().as_mut_ptr(),
            observable_stride: observables.stride(),
        };
        // SAFETY: every batch has as many rows as `measurements`, of its stride and the width of its kind, as
        // just checked; the map is only read.
        check(unsafe {
            sys::otr_measurement_map_apply(self.raw.as_ptr(), &measured, measurements.len(), &parities)
        })
    }

    /// The detectors in the order in which a stream of measurements makes them known.
    pub fn order(&self) -> &[u32] {
        // SAFETY: C gives as many indices as there are detectors, which live as long as the map.
        unsafe { view(sys::otr_measurement_map_order(self.raw.as_ptr()), self.detector_count()) }
    }

    /// How many detectors of [`order`](Self::order) are known once the first `measurement_count` measurements
    /// are in.
    pub fn known(&self, measurement_count: usize) -> usize {
        // SAFETY: the map is live and only read.
        unsafe { sys::otr_measurement_map_known(self.raw.as_ptr(), measurement_count as u64) as usize }
    }

    /// Writes the bits of the detectors at the places `first .. first + count` of [`order`](Self::order) into
    /// a packed row, and leaves its other bits alone. Measurements that they do not need may have any value.
    ///
    /// # Errors
    /// [`Error::Length`] for rows of another length, [`Index`](crate::Status::Index) for places past the end.
    pub fn convert_known(
        &self,
        measurements: &[u8],
        sweep: Option<&[u8]>,
        first: usize,
        count: usize,
        detectors: &mut [u8],
    ) -> Result<(), Error> {
        let bytes = |bits: usize| bits.div_ceil(8);
        check_length("measurements, in bytes", bytes(self.measurement_count()), measurements.len())?;
        check_length("detectors, in bytes", bytes(self.detector_count()), detectors.len())?;
        if let Some(sweep) = sweep {
            check_length("sweep bits, in bytes", bytes(self.sweep_count()), sweep.len())?;
        }
        // SAFETY: the rows have the lengths of their kinds, as just checked; the map is only read.
        check(unsafe {
            sys::otr_measurement_map_apply_known(
                self.raw.as_ptr(),
                measurements.as_ptr(),
                sweep.map_or(ptr::null(), <[u8]>::as_ptr),
                first as u64,
                count as u64,
                detectors.as_mut_ptr(),
            )
        })
    }

    pub(crate) fn as_ptr(&self) -> *const sys::otr_measurement_map {
        self.raw.as_ptr()
    }
}

impl Drop for MeasurementMap {
    fn drop(&mut self) {
        // SAFETY: this value owns `raw`.
        unsafe { sys::otr_measurement_map_destroy(self.raw.as_ptr()) }
    }
}

// SAFETY: measurements.h says that a map is immutable and may be shared by threads.
unsafe impl Send for MeasurementMap {}
// SAFETY: as above.
unsafe impl Sync for MeasurementMap {}

impl fmt::Debug for MeasurementMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MeasurementMap")
            .field("measurements", &self.measurement_count())
            .field("sweep_bits", &self.sweep_count())
            .field("detectors", &self.detector_count())
            .field("observables", &self.observable_count())
            .finish()
    }
}
