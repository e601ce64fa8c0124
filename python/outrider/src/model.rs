//! Detector error models.

use std::path::PathBuf;

use numpy::{IntoPyArray, PyArray2, PyArrayMethods};
use outrider::DetectorErrorModel;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{IntoPyDict, PyString};

use crate::arrays::type_name;
use crate::errors::exception;

/// A detector error model, parsed once, repeat blocks kept folded. Immutable.
///
/// source: Stim's .dem text as a str; a stim.DetectorErrorModel; a stim.Circuit, whose errors are then
///     decomposed; or a pathlib.Path of a .dem file, as for from_file.
///
/// str(model) is text that parses to the same model.
///
/// ValueError with line and column for text that is no model, TypeError for another source.
#[pyclass(frozen, module = "outrider")]
pub(crate) struct Model {
    pub(crate) inner: DetectorErrorModel,
}

#[pymethods]
impl Model {
    #[new]
    fn new(source: &Bound<'_, PyAny>) -> PyResult<Self> {
        Self::of("source", source)
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

    fn __getnewargs__(&self) -> (String,) {
        (self.inner.to_text(),)
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

impl Model {
    /// Of an argument of this name.
    fn of(name: &str, source: &Bound<'_, PyAny>) -> PyResult<Self> {
        let py = source.py();
        if source.hasattr("__fspath__")? {
            return Self::from_file(py, source.extract()?);
        }
        let text = text_of(name, source)?;
        let text = text.to_str()?;
        let inner = py.detach(|| DetectorErrorModel::parse(text)).map_err(exception)?;
        Ok(Self { inner })
    }
}

/// A model, or one made of what a caller passed as an argument of this name.
pub(crate) fn model_of(name: &str, source: &Bound<'_, PyAny>) -> PyResult<Py<Model>> {
    match source.cast::<Model>() {
        Ok(model) => Ok(model.clone().unbind()),
        Err(_) => Py::new(source.py(), Model::of(name, source)?),
    }
}

/// The text of what a model can be made of. Stim is not imported: whoever has an object of it has done that.
fn text_of<'py>(name: &str, source: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyString>> {
    if let Ok(text) = source.cast::<PyString>() {
        return Ok(text.clone());
    }
    if is_of_stim(source, "DetectorErrorModel")? {
        return source.str();
    }
    if is_of_stim(source, "Circuit")? {
        let options = [("decompose_errors", true)].into_py_dict(source.py())?;
        return source.call_method("detector_error_model", (), Some(&options))?.str();
    }
    Err(PyTypeError::new_err(format!(
        "{name}: expected text, a path, a stim.DetectorErrorModel or a stim.Circuit, found an object of type {}",
        type_name(source)
    )))
}

/// Whether this is an object of Stim's class of that name.
pub(crate) fn is_of_stim(value: &Bound<'_, PyAny>, class: &str) -> PyResult<bool> {
    let class_of = value.get_type();
    let module = class_of.module()?.to_string();
    Ok(module.split(['.', '_']).next() == Some("stim") && class_of.name()? == class)
}

/// Columns of an array of coordinates at least: x, y and round.
const COLUMNS_MIN: usize = 3;
