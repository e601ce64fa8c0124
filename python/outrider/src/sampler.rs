//! Sampling models.

use std::sync::{Mutex, PoisonError};

use outrider::{Isa, SamplerOptions, Shots};
use pyo3::prelude::*;

use crate::arrays::{BitsOut, blocks};
use crate::errors::{bad_value, exception};
use crate::model::Model;

/// Samples a model: every error fires independently with its probability.
///
/// A shot depends on the seed and its number only, not on the instruction set or on how a range is split.
///
/// ValueError for too many errors or a missing instruction set.
#[pyclass(frozen, module = "outrider")]
pub(crate) struct Sampler {
    detector_count: usize,
    observable_count: usize,
    error_count: usize,
    /// Locked only while the interpreter lock is released, so that the two never wait for each other.
    inner: Mutex<outrider::Sampler>,
}

#[pymethods]
impl Sampler {
    #[new]
    #[pyo3(signature = (model, seed=0, *, isa="auto"))]
    fn new(py: Python<'_>, model: &Model, seed: u64, isa: &str) -> PyResult<Self> {
        let isa: Isa = isa.parse().map_err(exception)?;
        let options = SamplerOptions { seed, isa };
        let sampler =
            py.detach(|| outrider::Sampler::with_options(&model.inner, &options)).map_err(exception)?;
        Ok(Self {
            detector_count: sampler.detector_count(),
            observable_count: sampler.observable_count(),
            error_count: sampler.error_count(),
            inner: Mutex::new(sampler),
        })
    }

    /// Detectors of a shot.
    #[getter]
    fn num_detectors(&self) -> usize {
        self.detector_count
    }

    /// Observables of a shot.
    #[getter]
    fn num_observables(&self) -> usize {
        self.observable_count
    }

    /// Errors of the flattened model.
    #[getter]
    fn num_errors(&self) -> usize {
        self.error_count
    }

    /// The shots first_shot to first_shot + shots - 1: (detectors, observables), and with return_errors the
    /// errors that fired.
    ///
    /// Each is bool with a column per detector, observable, or error of the flattened model; with bit_packed
    /// uint8, eight to a column. MemoryError where there is no room.
    #[pyo3(signature = (shots, *, first_shot=0, bit_packed=false, return_errors=false))]
    fn sample<'py>(
        &self,
        py: Python<'py>,
        shots: usize,
        first_shot: u64,
        bit_packed: bool,
        return_errors: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        if first_shot.checked_add(shots as u64).is_none() {
            return Err(bad_value("first_shot: the shot numbers exceed 64 bits".to_owned()));
        }
        let detectors = BitsOut::new(py, shots, self.detector_count, bit_packed)?;
        let observables = BitsOut::new(py, shots, self.observable_count, bit_packed)?;
        let errors =
            return_errors.then(|| BitsOut::new(py, shots, self.error_count, bit_packed)).transpose()?;
        for rows in blocks(shots) {
            py.check_signals()?;
            let first = first_shot + rows.start as u64;
            let block = py.detach(|| self.block(first, rows.len(), return_errors))?;
            detectors.write(rows.start, &block.detectors)?;
            observables.write(rows.start, &block.observables)?;
            if let Some(errors) = &errors {
                errors.write(rows.start, &block.errors)?;
            }
        }
        let (detectors, observables) = (detectors.finish()?, observables.finish()?);
        Ok(match errors {
            Some(errors) => (detectors, observables, errors.finish()?).into_pyobject(py)?.into_any(),
            None => (detectors, observables).into_pyobject(py)?.into_any(),
        })
    }

    fn __repr__(&self) -> String {
        format!("<outrider.Sampler: {} detectors, {} errors>", self.detector_count, self.error_count)
    }
}

/// Some shots; `errors` has rows only if they are wanted.
struct Block {
    detectors: Shots,
    observables: Shots,
    errors: Shots,
}

impl Sampler {
    fn block(&self, first: u64, shots: usize, with_errors: bool) -> PyResult<Block> {
        let mut sampler = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut detectors, mut observables) = sampler.batches();
        let mut errors = Shots::new(self.error_count);
        if with_errors {
            sampler.sample_with_errors(first, shots, &mut detectors, &mut observables, &mut errors)
        } else {
            sampler.sample(first, shots, &mut detectors, &mut observables)
        }
        .map_err(exception)?;
        Ok(Block { detectors, observables, errors })
    }
}
