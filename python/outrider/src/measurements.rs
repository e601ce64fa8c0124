//! Measurements in, detection events and observables out.

use std::path::PathBuf;

use outrider::MeasurementOptions;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::arrays::{BitsIn, BitsOut, blocks, type_name};
use crate::errors::{bad_value, exception};
use crate::model::is_of_stim;

/// What turns measurements of a circuit into its detectors and observables, as `stim m2d` does. Immutable.
///
/// circuit: Stim's .stim text as a str, a stim.Circuit, or a pathlib.Path of a .stim file.
/// detectors_only: leave the observables out; nothing about them is then refused.
/// ran_without_feedback: the measurements come from runs that left out the feedback, as in CX rec[-1] 5.
/// skip_reference_sample: take all measurements 0 for a noise-free run; nothing is then refused as random.
///
/// ValueError with line and column for text that is no circuit, for a detector or observable that noise-free runs do
/// not fix, and for an observable with Pauli targets; OSError for a file that cannot be read; TypeError for another
/// circuit.
#[pyclass(frozen, module = "outrider")]
pub(crate) struct MeasurementMap {
    inner: outrider::MeasurementMap,
}

#[pymethods]
impl MeasurementMap {
    #[new]
    #[pyo3(signature = (circuit, *, detectors_only=false, ran_without_feedback=false, skip_reference_sample=false))]
    fn new(
        circuit: &Bound<'_, PyAny>,
        detectors_only: bool,
        ran_without_feedback: bool,
        skip_reference_sample: bool,
    ) -> PyResult<Self> {
        let options = MeasurementOptions {
            detectors_only,
            ran_without_feedback,
            skip_reference_sample,
            ..MeasurementOptions::default()
        };
        let py = circuit.py();
        let inner = if circuit.hasattr("__fspath__")? {
            let path: PathBuf = circuit.extract()?;
            py.detach(|| outrider::MeasurementMap::from_file_with_options(path, options))
        } else {
            let text = text_of(circuit)?;
            let text = text.to_str()?;
            py.detach(|| outrider::MeasurementMap::with_options(text, options))
        };
        Ok(Self { inner: inner.map_err(exception)? })
    }

    /// Measurements of a shot.
    #[getter]
    fn num_measurements(&self) -> usize {
        self.inner.measurement_count()
    }

    /// Sweep bits of a shot.
    #[getter]
    fn num_sweep_bits(&self) -> usize {
        self.inner.sweep_count()
    }

    /// Detectors of a shot.
    #[getter]
    fn num_detectors(&self) -> usize {
        self.inner.detector_count()
    }

    /// Observables of a shot; 0 if they are left out.
    #[getter]
    fn num_observables(&self) -> usize {
        self.inner.observable_count()
    }

    /// The detection events and observables of measured shots, (detectors, observables).
    ///
    /// measurements: a row per shot: bool or uint8 of shape (shots, num_measurements), or with bit_packed_inputs
    ///     uint8 of shape (shots, ceil(num_measurements / 8)).
    /// sweep_bits: the same of shape (shots, num_sweep_bits); None for all 0.
    ///
    /// Returns bool of shapes (shots, num_detectors) and (shots, num_observables), with bit_packed uint8, eight to a
    /// column. ValueError for other types and shapes.
    #[pyo3(signature = (measurements, *, sweep_bits=None, bit_packed_inputs=false, bit_packed=false))]
    fn convert<'py>(
        &self,
        py: Python<'py>,
        measurements: &Bound<'py, PyAny>,
        sweep_bits: Option<&Bound<'py, PyAny>>,
        bit_packed_inputs: bool,
        bit_packed: bool,
    ) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyAny>)> {
        let input = |name, array, bits| BitsIn::named(name, array, bits, bit_packed_inputs);
        let measurements = input("measurements", measurements, self.num_measurements())?;
        let sweep_bits =
            sweep_bits.map(|bits| input("sweep_bits", bits, self.num_sweep_bits())).transpose()?;
        let shots = measurements.len();
        if let Some(found) = sweep_bits.as_ref().map(BitsIn::len).filter(|&found| found != shots) {
            return Err(bad_value(format!(
                "sweep_bits: expected a row for each of {shots} shots, found {found}"
            )));
        }
        let detectors = BitsOut::new(py, shots, self.num_detectors(), bit_packed)?;
        let observables = BitsOut::new(py, shots, self.num_observables(), bit_packed)?;
        let (mut events, mut flips) = self.inner.batches();
        for rows in blocks(shots) {
            py.check_signals()?;
            let measured = measurements.read(rows.clone())?;
            let swept = sweep_bits.as_ref().map(|bits| bits.read(rows.clone())).transpose()?;
            py.detach(|| self.inner.convert(&measured, swept.as_ref(), &mut events, &mut flips))
                .map_err(exception)?;
            detectors.write(rows.start, &events)?;
            observables.write(rows.start, &flips)?;
        }
        Ok((detectors.finish()?, observables.finish()?))
    }

    fn __repr__(&self) -> String {
        format!(
            "<outrider.MeasurementMap: {} measurements to {} detectors, {} observables>",
            self.num_measurements(),
            self.num_detectors(),
            self.num_observables()
        )
    }
}

/// The text of what a map can be made of. Stim is not imported: whoever has an object of it has done that.
fn text_of<'py>(circuit: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyString>> {
    if let Ok(text) = circuit.cast::<PyString>() {
        return Ok(text.clone());
    }
    if is_of_stim(circuit, "Circuit")? {
        return circuit.str();
    }
    let found = type_name(circuit);
    Err(PyTypeError::new_err(format!(
        "circuit: expected text, a path or a stim.Circuit, found an object of type {found}"
    )))
}
