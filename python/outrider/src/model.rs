//! Detector error models.

use std::path::PathBuf;

use numpy::{IntoPyArray, PyArray2, PyArrayMethods};
use outrider::DetectorErrorModel;
use pyo3::prelude::*;

use crate::errors::exception;

/// A detector error model: Stim's .dem text, parsed once, repeat blocks kept folded. Immutable.
///
/// str(model) is text that parses to the same model. A stim.DetectorErrorModel enters as Model(str(dem)).
///
/// ValueError with line and column for text that is no model.
#[pyclass(frozen, module = "outrider")]
pub(crate) struct Model {
    pub(crate) inner: DetectorErrorModel,
}

#[pymethods]
impl Model {
    #[new]
    fn new(py: Python<'_>, text: &str) -> PyResult<Self> {
        let inner = py.detach(|| DetectorErrorModel::parse(text)).map_err(exception)?;
        Ok(Self { inner })
    }

    /// Reads a .dem file. OSError if it cannot be read, ValueError with the place in it.
    #[staticmethod]
    fn from_file(py: Python<'_>, path: PathBuf) -> PyResult<Self> {
        let inner = py.detach(|| DetectorErrorModel::from_file(path)).map_err(exception)?;
        Ok(Self { inner })
    }

    /// Largest detector index + 1.
    #[getter]
    fn num_detectors(&self) -> u64 {
        self.inner.detector_count()
    }

    /// Largest observable index + 1.
    #[getter]
    fn num_observables(&self) -> u64 {
        self.inner.observable_count()
    }

    /// Error instructions after unfolding every repeat; at most 2**64 - 1.
    #[getter]
    fn num_errors(&self) -> u64 {
        self.inner.error_count()
    }

    /// The coordinates of each detector, shape (num_detectors, n), NaN where the model gives none.
    ///
    /// n is the largest number of coordinates of a detector, at least 3. ValueError for a huge model.
    fn detector_coordinates<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray2<f64>>> {
        let all = py.detach(|| self.inner.detector_coordinates()).map_err(exception)?;
        let columns = all.iter().map(Vec::len).max().unwrap_or(0).max(COLUMNS_MIN);
        let padded = |coordinates: &Vec<f64>| {
            let missing = columns - coordinates.len();
            coordinates.iter().copied().chain(std::iter::repeat_n(f64::NAN, missing)).collect::<Vec<_>>()
        };
        let rows: Vec<f64> = all.iter().flat_map(padded).collect();
        rows.into_pyarray(py).reshape([all.len(), columns])
    }

    fn __str__(&self) -> String {
        self.inner.to_text()
    }

    fn __repr__(&self) -> String {
        format!(
            "<outrider.Model: {} detectors, {} observables, {} errors>",
            self.num_detectors(),
            self.num_observables(),
            self.num_errors()
        )
    }
}

/// Columns of an array of coordinates at least: x, y and round.
const COLUMNS_MIN: usize = 3;
