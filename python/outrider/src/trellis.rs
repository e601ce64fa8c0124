//! Sums over all errors of a model, for batches of shots.

use std::sync::{Mutex, PoisonError};

use numpy::{PyArray2, PyArrayMethods};
use outrider::{Isa, Shots, TrellisBudget, TrellisOptions};
use pyo3::prelude::*;

use crate::arrays::{BitsIn, BitsOut, blocks, zeros};
use crate::errors::exception;
use crate::model::Model;

/// Maximum-likelihood decoding: the sum over all errors of a model.
///
/// The answer of a shot is the class of observables whose sets of errors, of all that explain the shot, are likeliest
/// together. It takes any model, decomposed or not, and much longer than matching. Calls from several threads wait for
/// each other: give each thread its own.
///
/// coarse: what is kept after each detector: (cutoff, states). States lighter than cutoff times the heaviest of
///     their class are dropped, and of more than so many states the lightest. A cutoff of 0 drops none for its weight.
/// fine: the same for shots whose answer is unsure, which are summed up again.
/// unsure: log-likelihood ratios below this in magnitude are unsure.
/// iterations: of belief propagation, by which states are judged.
/// isa: the instruction set; all of them give the same bits.
///
/// ValueError for numbers out of range and for a model that is too large.
#[pyclass(frozen, module = "outrider")]
pub(crate) struct Trellis {
    detectors: usize,
    observables: usize,
    /// Locked only while the interpreter lock is released, so that the two never wait for each other.
    inner: Mutex<outrider::Trellis>,
}

#[pymethods]
impl Trellis {
    #[new]
    #[pyo3(signature = (model, *, coarse=(1e-4, 1000), fine=(1e-5, 4000), unsure=1.0, iterations=3, isa="auto"))]
    fn new(
        py: Python<'_>,
        model: Py<Model>,
        coarse: (f64, u32),
        fine: (f64, u32),
        unsure: f64,
        iterations: u32,
        isa: &str,
    ) -> PyResult<Self> {
        let isa: Isa = isa.parse().map_err(exception)?;
        let budget = |(cutoff, states_max)| TrellisBudget { cutoff, states_max };
        let options = TrellisOptions {
            isa,
            iterations,
            coarse: budget(coarse),
            fine: budget(fine),
            unsure,
            ..TrellisOptions::default()
        };
        let model = &model.get().inner;
        let trellis = py.detach(|| outrider::Trellis::with_options(model, &options)).map_err(exception)?;
        Ok(Self {
            detectors: trellis.detector_count(),
            observables: trellis.ratios().len(),
            inner: Mutex::new(trellis),
        })
    }

    /// Decodes each shot; shots and predictions as for Decoder.decode_batch.
    ///
    /// With return_ratios a tuple of the predictions and, float64 of shape (shots, num_observables), the logarithm of
    /// P(observable not flipped) / P(flipped), given the shot: the sign is the answer, the magnitude how sure it is.
    /// Magnitudes beyond ln(1 / cutoff), by default 9, are of a class that was dropped: how large they are has no
    /// meaning, and rarely the exact one is smaller than that.
    ///
    /// ValueError for other types and shapes, and, naming the shot from 1, for one that no errors explain.
    #[pyo3(signature = (
        shots, *, bit_packed_shots=false, bit_packed_predictions=false, return_ratios=false
    ))]
    fn decode_batch<'py>(
        &self,
        py: Python<'py>,
        shots: &Bound<'py, PyAny>,
        bit_packed_shots: bool,
        bit_packed_predictions: bool,
        return_ratios: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let shots = BitsIn::new(shots, self.detectors, bit_packed_shots)?;
        let predictions = BitsOut::new(py, shots.len(), self.observables, bit_packed_predictions)?;
        let shape = (if return_ratios { shots.len() } else { 0 }, self.observables);
        let ratios: Bound<'py, PyArray2<f64>> = zeros::<f64>(py, shape)?.cast_into()?;
        for rows in blocks(shots.len()) {
            py.check_signals()?;
            let events = shots.read(rows.clone())?;
            let (found, block_ratios) = py.detach(|| self.block(&events, rows.start)).map_err(exception)?;
            predictions.write(rows.start, &found)?;
            if return_ratios {
                let mut ratios = ratios.try_readwrite()?;
                let slots = rows.start * self.observables..rows.end * self.observables;
                ratios.as_slice_mut()?[slots].copy_from_slice(&block_ratios);
            }
        }
        let predictions = predictions.finish()?;
        if return_ratios { Ok((predictions, ratios).into_pyobject(py)?.into_any()) } else { Ok(predictions) }
    }

    fn __repr__(&self) -> String {
        format!("<outrider.Trellis: {} detectors, {} observables>", self.detectors, self.observables)
    }
}

impl Trellis {
    fn block(&self, events: &Shots, first: usize) -> Result<(Shots, Vec<f64>), outrider::Error> {
        let mut trellis = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let mut predictions = Shots::zeroed(self.observables, events.len());
        let mut ratios = Vec::with_capacity(events.len() * self.observables);
        for (index, row) in events.rows().enumerate() {
            trellis
                .decode(row, predictions.row_mut(index))
                .map_err(|error| error.with_shot((first + index) as u64 + 1))?;
            ratios.extend_from_slice(trellis.ratios());
        }
        Ok((predictions, ratios))
    }
}
