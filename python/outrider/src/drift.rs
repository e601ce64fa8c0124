//! What changes while shots are taken: drift, and bursts.

use outrider::{BurstOptions, Bursts, DriftReport, EventSums, Moments, MomentsOptions};
use pyo3::prelude::*;
use pyo3::types::{IntoPyDict, PyDict};

use crate::arrays::{BitsIn, blocks_of, column, table};
use crate::errors::{bad_value, exception};

/// Tests whether detectors fire at the same rates in all windows of shots, which are in order of time.
///
/// shots: a row per shot: bool or uint8 of shape (shots, detectors), or with bit_packed_shots uint8 of shape (shots,
///     ceil(num_detectors / 8)).
/// window: shots of a window; the last one may have fewer.
/// level: probability that any detector is significant if nothing drifts, and as much for all events together.
/// num_detectors: needed for bit-packed shots.
///
/// ValueError for other types and shapes, fewer than two windows, and a level that is not within 0 and 1.
#[pyclass(frozen, module = "outrider")]
pub(crate) struct Drift {
    report: DriftReport,
}

#[pymethods]
impl Drift {
    #[new]
    #[pyo3(signature = (shots, *, window=1000, level=1e-3, num_detectors=None, bit_packed_shots=false))]
    fn new(
        py: Python<'_>,
        shots: &Bound<'_, PyAny>,
        window: usize,
        level: f64,
        num_detectors: Option<usize>,
        bit_packed_shots: bool,
    ) -> PyResult<Self> {
        let shots = BitsIn::of_any_width(shots, num_detectors, bit_packed_shots)?;
        let window = window_of(window)?;
        let detectors = u32::try_from(shots.bits()).unwrap_or(u32::MAX);
        let mut drift = outrider::Drift::new(detectors).map_err(exception)?;
        let sets: Vec<_> = (0..detectors).map(|detector| [detector]).collect();
        let mut singles =
            Moments::with_sets(detectors, &sets, &MomentsOptions::default()).map_err(exception)?;
        for rows in blocks_of(shots.len(), window) {
            py.check_signals()?;
            let events = shots.read(rows)?;
            py.detach(|| {
                singles.clear();
                singles.add(&events)?;
                drift.add(&singles, &EventSums::of(&events))
            })
            .map_err(exception)?;
        }
        let report = py.detach(|| drift.test(level)).map_err(exception)?;
        Ok(Self { report })
    }

    /// Whether a detector is significant, or all events together are.
    #[getter]
    fn has_drift(&self) -> bool {
        self.report.has_drift
    }

    /// Windows compared.
    #[getter]
    fn num_windows(&self) -> u32 {
        self.report.blocks
    }

    /// The events of a shot over the windows, a dict of float.
    ///
    /// chi_square and freedom; spread, their standard deviation among windows, beyond chance; change, from the first shot
    /// to the last, by the trend; trend_z; log10_p, of either.
    #[getter]
    fn events<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let events = &self.report.events;
        [
            ("chi_square", events.chi_square),
            ("freedom", events.freedom),
            ("spread", events.spread),
            ("change", events.change),
            ("trend_z", events.trend_z),
            ("log10_p", events.log10_p),
        ]
        .into_py_dict(py)
    }

    /// The detectors, a record array, those that moved most significantly first.
    ///
    /// Fields: detector; significant, among all detectors; rate of its events over all windows; spread, the standard
    /// deviation of the rate among windows, beyond chance; change of the rate from the first shot to the last, by the
    /// trend; trend_z, above 0 if it rises; chi_square and freedom, over windows; log10_p, of either.
    #[getter]
    fn detectors<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let rows = || self.report.detectors.iter();
        table(
            py,
            [
                ("detector", column(py, rows().map(|row| row.detector))),
                ("significant", column(py, rows().map(|row| row.is_significant))),
                ("rate", column(py, rows().map(|row| row.rate))),
                ("spread", column(py, rows().map(|row| row.spread))),
                ("change", column(py, rows().map(|row| row.change))),
                ("trend_z", column(py, rows().map(|row| row.trend_z))),
                ("chi_square", column(py, rows().map(|row| row.chi_square))),
                ("freedom", column(py, rows().map(|row| row.freedom))),
                ("log10_p", column(py, rows().map(|row| row.log10_p))),
            ],
        )
    }

    fn __repr__(&self) -> String {
        let significant = self.report.detectors.iter().filter(|detector| detector.is_significant).count();
        format!(
            "<outrider.Drift: {} windows, {significant} of {} detectors>",
            self.report.blocks,
            self.report.detectors.len()
        )
    }
}

/// Finds windows of shots with far more events than the windows around them, or fewer, such as those that a cosmic ray hit.
///
/// A window is compared with the median of the windows before and after it, so that slow drift is no burst. To learn from
/// the other shots: shots[~np.repeat(windows.burst, windows.shots)].
///
/// shots, window, num_detectors, bit_packed_shots: as for Drift.
/// neighbours: windows on each side that a window is compared with; 8 to 4096, 32 by default. Bursts of more
///     windows are not found.
/// false_rate: probability that a window is taken for a burst and is none; within 0 and 1, 1e-7 by
///     default.
///
/// Returns a record array with a row for each window. Fields: first_shot, shots, events; expected, events by the windows
/// around it; deviation of events from that, as the windows around it have it; z, a normal variable is as likely beyond
/// it; log10_p; burst; judged, whether there were enough other windows.
///
/// ValueError for other types and shapes, and numbers out of range.
#[pyfunction]
#[pyo3(signature = (
    shots, *, window=1000, neighbours=None, false_rate=None, num_detectors=None, bit_packed_shots=false
))]
pub(crate) fn find_bursts<'py>(
    py: Python<'py>,
    shots: &Bound<'py, PyAny>,
    window: usize,
    neighbours: Option<u32>,
    false_rate: Option<f64>,
    num_detectors: Option<usize>,
    bit_packed_shots: bool,
) -> PyResult<Bound<'py, PyAny>> {
    let shots = BitsIn::of_any_width(shots, num_detectors, bit_packed_shots)?;
    let window = window_of(window)?;
    let default = BurstOptions::default();
    let options = BurstOptions {
        neighbours: neighbours.unwrap_or(default.neighbours),
        false_rate: false_rate.unwrap_or(default.false_rate),
    };
    let mut bursts = Bursts::new(&options).map_err(exception)?;
    let mut windows = Vec::new();
    for rows in blocks_of(shots.len(), window) {
        py.check_signals()?;
        let events = shots.read(rows)?;
        py.detach(|| bursts.push(&EventSums::of(&events))).map_err(exception)?;
        windows.extend(std::iter::from_fn(|| bursts.pop()));
    }
    bursts.finish();
    windows.extend(std::iter::from_fn(|| bursts.pop()));
    let rows = || windows.iter();
    table(
        py,
        [
            ("first_shot", column(py, rows().map(|row| row.first_shot as i64))),
            ("shots", column(py, rows().map(|row| row.shots as i64))),
            ("events", column(py, rows().map(|row| row.events as i64))),
            ("expected", column(py, rows().map(|row| row.expected))),
            ("deviation", column(py, rows().map(|row| row.deviation))),
            ("z", column(py, rows().map(|row| row.z))),
            ("log10_p", column(py, rows().map(|row| row.log10_p))),
            ("burst", column(py, rows().map(|row| row.is_burst))),
            ("judged", column(py, rows().map(|row| row.is_judged))),
        ],
    )
}

fn window_of(shots: usize) -> PyResult<usize> {
    if shots == 0 { Err(bad_value("window: expected shots, found 0".to_owned())) } else { Ok(shots) }
}
