use std::fmt;
use std::ptr::{self, NonNull};

use outrider_sys as sys;

use crate::error::{Details, Error, LineMeaning, check_length, check_padding};
use crate::measurements::MeasurementMap;
use crate::model::{owned, view};

/// Turns the raw measurements of a history, however long, into the detection events of its layers, which a
/// [`Stream`](crate::Stream) takes.
///
/// It is made from the measurement map of one history, the reference. If the reference's layers repeat, all but some
/// first ones and the last one, it serves histories of any length in constant memory, with the last layer unknown until
/// it comes.
///
/// ```
/// use outrider::{MeasurementMap, MeasurementStream};
///
/// // A bit that is flipped at the start if the sweep bit says so, and measured over and over.
/// let map = MeasurementMap::parse("
///     R 0
///     CX sweep[0] 0
///     M 0
///     DETECTOR(0) rec[-1]
///     REPEAT 10 {
///         M 0
///         SHIFT_COORDS(1)
///         DETECTOR(0) rec[-1] rec[-2]
///     }
///     OBSERVABLE_INCLUDE(0) rec[-1]
/// ")?;
/// let mut stream = MeasurementStream::new(&map)?;
/// stream.start(Some(&[1]))?;
/// for round in 0..1000 {
///     stream.push(&[u8::from(round < 700)], 1, round == 999)?;
///     let layer = stream.next().expect("each measurement completes a layer");
///     assert_eq!(layer.events, [u8::from(round == 700)]);
/// }
/// assert_eq!(stream.observables(), [1], "the last result is not what was prepared");
/// # Ok::<(), outrider::Error>(())
/// ```
pub struct MeasurementStream {
    raw: NonNull<sys::otr_measurement_stream>,
}

/// A layer that measurements have made known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MeasuredLayer<'a> {
    /// Counts layers.
    pub number: u64,
    /// Its detection events, packed.
    pub events: &'a [u8],
    /// Its detectors.
    pub detector_count: u32,
    /// Whether it is the last one of the history.
    pub is_last: bool,
}

impl MeasurementStream {
    /// A stream at the beginning of a history without sweep bits.
    ///
    /// # Errors
    /// [`Format`](crate::Status::Format) for detectors without rounds (see [`MeasurementMap::rounds`]) or not
    /// in their order.
    pub fn new(map: &MeasurementMap) -> Result<Self, Error> {
        let mut raw = ptr::null_mut();
        let mut details = Details::new();
        // SAFETY: the map is alive, and not kept.
        let status =
            unsafe { sys::otr_measurement_stream_create(&mut raw, map.as_ptr(), details.as_mut_ptr()) };
        details.check(status, LineMeaning::Line)?;
        Ok(Self { raw: owned(raw)? })
    }

    /// Begins a history, with its packed sweep bits, and forgets the one before. `None`: all are 0.
    ///
    /// # Errors
    /// [`Error::Length`], [`Format`](crate::Status::Format) for set padding bits.
    pub fn start(&mut self, sweep: Option<&[u8]>) -> Result<(), Error> {
        if let Some(sweep) = sweep {
            check_length("sweep bits, in bytes", self.sweep_count().div_ceil(8), sweep.len())?;
            check_padding(self.sweep_count(), sweep, None)?;
        }
        // SAFETY: the bits are as many as the stream has; it is used by nobody else (&mut).
        unsafe {
            sys::otr_measurement_stream_start(self.raw.as_ptr(), sweep.map_or(ptr::null(), <[u8]>::as_ptr));
        }
        Ok(())
    }

    /// Appends `count` packed measurements: those of a round, or fewer. `is_last` for the last ones of the history, which
    /// come at once.
    ///
    /// # Errors
    /// [`Argument`](crate::Status::Argument) while there are [layers to take](Self::next), after the end, and for an end
    /// that the stream does not serve; [`Limit`](crate::Status::Limit) for too many at a time, [`Error::Length`],
    /// [`Format`](crate::Status::Format) for set padding bits. The stream is then unchanged.
    pub fn push(&mut self, measurements: &[u8], count: u32, is_last: bool) -> Result<(), Error> {
        check_length("measurements, in bytes", count.div_ceil(8) as usize, measurements.len())?;
        check_padding(count as usize, measurements, None)?;
        let mut details = Details::new();
        // SAFETY: there are bytes for that many bits; the stream is used by nobody else (&mut).
        let status = unsafe {
            sys::otr_measurement_stream_push(
                self.raw.as_ptr(),
                measurements.as_ptr(),
                count,
                is_last,
                details.as_mut_ptr(),
            )
        };
        details.check(status, LineMeaning::Line)
    }

    /// Takes the next layer that is known.
    #[allow(clippy::should_implement_trait, reason = "more may come after None, and layers are lent")]
    pub fn next(&mut self) -> Option<MeasuredLayer<'_>> {
        let mut raw =
            sys::otr_measured_layer { number: 0, events: ptr::null(), detector_count: 0, is_last: false };
        // SAFETY: the stream is used by nobody else (&mut); the output is ours.
        let found = unsafe { sys::otr_measurement_stream_next(self.raw.as_ptr(), &mut raw) };
        found.then(|| MeasuredLayer {
            number: raw.number,
            // SAFETY: the header keeps them valid until the next call, which the result's borrow of `self` delays.
            events: unsafe { view(raw.events, raw.detector_count.div_ceil(8) as usize) },
            detector_count: raw.detector_count,
            is_last: raw.is_last,
        })
    }

    /// The observables, packed, by the measurements of the layers taken so far, and by all after the last layer.
    pub fn observables(&self) -> &[u8] {
        // SAFETY: the stream is alive.
        let bits = unsafe { sys::otr_measurement_stream_observable_count(self.raw.as_ptr()) };
        // SAFETY: they live until the next call that changes the stream, which the result's borrow of `self` delays.
        unsafe { view(sys::otr_measurement_stream_observables(self.raw.as_ptr()), bits.div_ceil(8) as usize) }
    }

    /// Layers of the reference.
    pub fn layer_count(&self) -> u32 {
        // SAFETY: the stream is alive.
        unsafe { sys::otr_measurement_stream_layer_count(self.raw.as_ptr()) }
    }

    /// Layers after which the reference repeats itself; `None` if the stream serves its length alone.
    pub fn period(&self) -> Option<u32> {
        // SAFETY: the stream is alive.
        Some(unsafe { sys::otr_measurement_stream_period(self.raw.as_ptr()) }).filter(|&period| period > 0)
    }

    /// Sweep bits of a history.
    pub fn sweep_count(&self) -> usize {
        // SAFETY: the stream is alive; its limits fit usize.
        unsafe { sys::otr_measurement_stream_sweep_count(self.raw.as_ptr()) as usize }
    }

    /// Heap bytes held by the C library.
    pub fn heap_bytes(&self) -> usize {
        // SAFETY: the stream is alive.
        unsafe { sys::otr_measurement_stream_bytes(self.raw.as_ptr()) }
    }
}

impl Drop for MeasurementStream {
    fn drop(&mut self) {
        // SAFETY: created by otr_measurement_stream_create and not used after.
        unsafe { sys::otr_measurement_stream_destroy(self.raw.as_ptr()) }
    }
}

// SAFETY: the header asks for one thread at a time and the library keeps no thread-local state. Not `Sync`: calls through
// a shared reference would overlap.
unsafe impl Send for MeasurementStream {}

impl fmt::Debug for MeasurementStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MeasurementStream")
            .field("layer_count", &self.layer_count())
            .field("period", &self.period())
            .field("sweep_bits", &self.sweep_count())
            .finish_non_exhaustive()
    }
}
