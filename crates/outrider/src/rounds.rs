use std::ptr;

use outrider_sys as sys;

use crate::error::{Details, Error, LineMeaning};
use crate::measurements::MeasurementMap;
use crate::model::DetectorErrorModel;

/// Which coordinate of a detector is time, and how long a round lasts. What is not given is found.
///
/// By default time is the third coordinate of models whose detectors have three or more, as in Stim's (x, y, t), and the
/// last one of models whose detectors all have one, or all two. A round is the greatest common step of the times.
///
/// ```
/// use outrider::{DetectorErrorModel, TimeAxis};
///
/// let text = "error(0.1) D0 D1\nerror(0.1) D1 L0\ndetector(2, 4, 0.5, 1) D0\ndetector(2, 4, 0, 1) D1";
/// let model = DetectorErrorModel::parse(text)?;
/// let rounds = model.rounds(&TimeAxis::default())?;
/// assert_eq!((rounds.axis, rounds.unit, rounds.of.as_slice()), (2, 0.5, [1, 0].as_slice()));
/// assert!(!rounds.is_ascending);
///
/// let (sorted, order) = model.sorted_by_rounds(&TimeAxis::default())?;
/// assert_eq!(order, [1, 0]);
/// assert!(sorted.rounds(&TimeAxis::default())?.is_ascending);
/// # Ok::<(), outrider::Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct TimeAxis {
    /// The number of the coordinate, from 0.
    pub axis: Option<u32>,
    /// Units of it that a round lasts, above 0.
    pub unit: Option<f64>,
    /// A time at which a round begins.
    pub offset: Option<f64>,
}

/// The rounds of detectors.
#[derive(Debug, Clone, PartialEq)]
pub struct Rounds {
    /// The number of the coordinate that is time, from 0.
    pub axis: u32,
    /// Units of it that a round lasts.
    pub unit: f64,
    /// When the first round begins.
    pub first_time: f64,
    /// How many there are.
    pub count: u32,
    /// No detector lies in an earlier round than one of a lower number.
    pub is_ascending: bool,
    /// The round of each detector.
    pub of: Vec<u32>,
}

impl TimeAxis {
    pub(crate) fn to_raw(self) -> sys::otr_time_axis {
        sys::otr_time_axis {
            axis: self.axis.unwrap_or(sys::OTR_TIME_AXIS_AUTO),
            unit: self.unit.unwrap_or(0.0),
            offset: self.offset.unwrap_or(f64::NAN),
        }
    }
}

impl DetectorErrorModel {
    /// The rounds of its detectors.
    ///
    /// # Errors
    /// [`Format`](crate::Status::Format) for coordinates that give none, or only one to several detectors;
    /// [`Argument`](crate::Status::Argument) for a unit or an offset that is none.
    pub fn rounds(&self, time: &TimeAxis) -> Result<Rounds, Error> {
        let raw_time = time.to_raw();
        read_rounds(self.numbered()?, |of, found, details| {
            // SAFETY: all pointers are live; `of` has room for every detector.
            unsafe { sys::otr_model_rounds(self.as_ptr(), &raw_time, of, found, details.as_mut_ptr()) }
        })
    }

    /// A flat copy whose detectors have their round as third coordinate (second, or first, of those with fewer).
    ///
    /// # Errors
    /// As [`rounds`](Self::rounds).
    pub fn in_rounds(&self, time: &TimeAxis) -> Result<Self, Error> {
        self.rewritten(time, ptr::null_mut())
    }

    /// The same with detectors numbered by round, within a round by their other coordinates, with the old number of
    /// each detector.
    ///
    /// # Errors
    /// As [`rounds`](Self::rounds).
    pub fn sorted_by_rounds(&self, time: &TimeAxis) -> Result<(Self, Vec<u32>), Error> {
        let mut order = vec![0; self.numbered()?];
        let model = self.rewritten(time, order.as_mut_ptr())?;
        Ok((model, order))
    }

    fn rewritten(&self, time: &TimeAxis, order: *mut u32) -> Result<Self, Error> {
        let raw_time = time.to_raw();
        let (mut raw, mut details) = (ptr::null_mut(), Details::new());
        // SAFETY: all pointers are live; `order` is null or has room for every detector.
        let status = unsafe {
            sys::otr_model_in_rounds(&mut raw, self.as_ptr(), &raw_time, order, details.as_mut_ptr())
        };
        details.check(status, LineMeaning::Line)?;
        // SAFETY: the call succeeded, so `raw` is a new model that nobody else owns.
        unsafe { Self::from_raw(raw) }
    }

    /// Its detectors, if a list of them is no more than a graph may have.
    fn numbered(&self) -> Result<usize, Error> {
        u32::try_from(self.detector_count())
            .ok()
            .filter(|&count| count <= sys::OTR_GRAPH_NODES_MAX)
            .map(|count| count as usize)
            .ok_or_else(|| Error::Core {
                status: crate::Status::Limit,
                place: crate::Place::default(),
                message: "the model is too large to list its detectors".to_owned(),
            })
    }
}

impl MeasurementMap {
    /// The rounds of the circuit's detectors.
    ///
    /// # Errors
    /// As [`DetectorErrorModel::rounds`].
    pub fn rounds(&self, time: &TimeAxis) -> Result<Rounds, Error> {
        let raw_time = time.to_raw();
        read_rounds(self.detector_count(), |of, found, details| {
            // SAFETY: all pointers are live; `of` has room for every detector.
            unsafe {
                sys::otr_measurement_map_rounds(self.as_ptr(), &raw_time, of, found, details.as_mut_ptr())
            }
        })
    }
}

/// Replaces `to` by the packed bits of `row` in the order that [`DetectorErrorModel::sorted_by_rounds`] gives; bits of
/// `row` behind those follow as they are.
///
/// # Panics
/// If `row` has no bit of a number of the order.
pub fn reorder_bits(row: &[u8], order: &[u32], to: &mut Vec<u8>) {
    to.clear();
    to.extend_from_slice(row);
    for (new, &old) in order.iter().enumerate() {
        let bit = row[old as usize / 8] >> (old % 8) & 1;
        to[new / 8] = to[new / 8] & !(1 << (new % 8)) | bit << (new % 8);
    }
}

fn read_rounds(
    detectors: usize,
    read: impl FnOnce(*mut u32, &mut sys::otr_rounds, &mut Details) -> sys::otr_status,
) -> Result<Rounds, Error> {
    let mut of = vec![0; detectors];
    let mut found = sys::otr_rounds { axis: 0, unit: 0.0, first_time: 0.0, count: 0, is_ascending: true };
    let mut details = Details::new();
    let status = read(of.as_mut_ptr(), &mut found, &mut details);
    details.check(status, LineMeaning::Line)?;
    let sys::otr_rounds { axis, unit, first_time, count, is_ascending } = found;
    Ok(Rounds { axis, unit, first_time, count, is_ascending, of })
}
