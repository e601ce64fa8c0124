//! Sampling models.

use std::sync::{Mutex, PoisonError};

use outrider::{Isa, SamplerOptions, Shots};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::arrays::{BitsOut, blocks};
use crate::errors::{bad_value, exception};
use crate::graph::MatchingGraph;
use crate::model::Model;

/// Samples a model: every error fires independently with its probability.
///
/// A shot depends on the seed and its number only, not on the instruction set or on how a range is split.
///
/// graph: the model's graph, for shots that tell which of its edges flipped.
///
/// ValueError for too many errors, a missing instruction set, or the graph of another model.
#[pyclass(frozen, module = "outrider")]
pub(crate) struct Sampler {
    detector_count: usize,
    observable_count: usize,
    error_count: usize,
    /// None without a graph.
    edge_count: Option<usize>,
    /// Locked only while the interpreter lock is released, so that the two never wait for each other.
    inner: Mutex<outrider::Sampler>,
}

#[pymethods]
impl Sampler {
    #[new]
    #[pyo3(signature = (model, seed=0, *, graph=None, isa="auto"))]
    fn new(
        py: Python<'_>,
        model: &Model,
        seed: u64,
        graph: Option<&MatchingGraph>,
        isa: &str,
    ) -> PyResult<Self> {
        let isa: Isa = isa.parse().map_err(exception)?;
        let options = SamplerOptions { seed, isa };
        let sampler = py
            .detach(|| match graph {
                Some(graph) => outrider::Sampler::with_graph(&model.inner, &graph.inner, &options),
                None => outrider::Sampler::with_options(&model.inner, &options),
            })
            .map_err(exception)?;
        Ok(Self {
            detector_count: sampler.detector_count(),
            observable_count: sampler.observable_count(),
            error_count: sampler.error_count(),
            edge_count: graph.map(|_| sampler.edge_count()),
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

    /// The shots first_shot to first_shot + shots - 1: (detectors, observables), then with return_errors the
    /// errors that fired, and with return_edges the edges of the graph that flipped.
    ///
    /// Each is bool with a column per detector, observable, error of the flattened model, or edge; with
    /// bit_packed uint8, eight to a column. An edge flips when an odd number of the error components that
    /// became this edge fire. MemoryError where there is no room.
    #[pyo3(signature = (shots, *, first_shot=0, bit_packed=false, return_errors=false, return_edges=false))]
    fn sample<'py>(
        &self,
        py: Python<'py>,
        shots: usize,
        first_shot: u64,
        bit_packed: bool,
        return_errors: bool,
        return_edges: bool,
    ) -> PyResult<Bound<'py, PyTuple>> {
        if first_shot.checked_add(shots as u64).is_none() {
            return Err(bad_value("first_shot: the shot numbers exceed 64 bits".to_owned()));
        }
        if return_edges && self.edge_count.is_none() {
            return Err(bad_value("return_edges: the sampler was made without a graph".to_owned()));
        }
        let counts = [
            Some(self.detector_count),
            Some(self.observable_count),
            return_errors.then_some(self.error_count),
            self.edge_count.filter(|_| return_edges),
        ];
        let arrays = counts
            .into_iter()
            .flatten()
            .map(|bits| BitsOut::new(py, shots, bits, bit_packed))
            .collect::<PyResult<Vec<_>>>()?;
        for rows in blocks(shots) {
            py.check_signals()?;
            let first = first_shot + rows.start as u64;
            let batches = py.detach(|| self.block(first, rows.len(), counts))?;
            for (array, batch) in arrays.iter().zip(batches.iter().flatten()) {
                array.write(rows.start, batch)?;
            }
        }
        let arrays = arrays.into_iter().map(BitsOut::finish).collect::<PyResult<Vec<_>>>()?;
        PyTuple::new(py, arrays)
    }

    fn __repr__(&self) -> String {
        format!("<outrider.Sampler: {} detectors, {} errors>", self.detector_count, self.error_count)
    }
}

impl Sampler {
    /// Shots as detectors, observables, errors and edges; `bits` are their widths, of those wanted.
    fn block(&self, first: u64, shots: usize, bits: [Option<usize>; 4]) -> PyResult<[Option<Shots>; 4]> {
        let mut sampler = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut detectors, mut observables) = sampler.batches();
        let [mut errors, mut edges] = [bits[2], bits[3]].map(|bits| bits.map(Shots::new));
        sampler
            .sample_with_truth(
                first,
                shots,
                &mut detectors,
                &mut observables,
                errors.as_mut(),
                edges.as_mut(),
            )
            .map_err(exception)?;
        Ok([Some(detectors), Some(observables), errors, edges])
    }
}
