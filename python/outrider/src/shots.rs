//! Files of shots in Stim's result formats.

use std::path::PathBuf;

use outrider::{Format, Layout, ShotReader};
use pyo3::prelude::*;

use crate::arrays::BitsOut;
use crate::errors::exception;

/// Reads a whole file of shots in one of Stim's result formats: a row for each, bit-packed uint8.
///
/// format: 01, b8, r8, ptb64, hits or dets.
/// num_detectors, num_observables: the bits of each shot, detectors first.
///
/// ValueError for another format, for a file that ends within a shot, and for what does not belong there, such as
/// shots of another width; it names the file and the shot. OSError for a file that cannot be read.
#[pyfunction]
#[pyo3(signature = (path, format="b8", *, num_detectors=0, num_observables=0))]
pub(crate) fn read_shots<'py>(
    py: Python<'py>,
    path: PathBuf,
    format: &str,
    num_detectors: usize,
    num_observables: usize,
) -> PyResult<Bound<'py, PyAny>> {
    let format: Format = format.parse().map_err(exception)?;
    let layout = Layout { measurements: 0, detectors: num_detectors, observables: num_observables };
    let shots = py.detach(|| ShotReader::open(path, format, layout)?.read_to_end()).map_err(exception)?;
    let out = BitsOut::new(py, shots.len(), shots.bits(), true)?;
    out.write(0, &shots)?;
    out.finish()
}
