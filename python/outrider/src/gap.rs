//! The complementary gap of batches of shots.

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use numpy::{PyArray2, PyArrayMethods};
use outrider::{Error, GapOptions, Isa, Shots};
use pyo3::prelude::*;

use crate::arrays::{BitsIn, Overrides, blocks, zeros};
use crate::errors::{bad_value, exception};
use crate::graph::{MatchingGraph, quantized_offset};

/// The complementary gap: the least weight in each logical class, for a graph with one observable on a patch.
///
/// The difference of a shot's two weights is the log-odds of its answer, the larger the surer. Calls from
/// several threads wait for each other: give each thread its own.
///
/// observable: whose gap; what the answers do to other observables is free.
/// isa: the instruction set; all of them give the same answers.
/// weight_offset: added to the weight of every edge that no override names, in natural units.
/// limit: the two weights are reported at most this far apart, in natural units; the search ends there, so a
///     small one makes it much faster.
///
/// ValueError if the graph has no gap: no such observable, a torus; if the limit is not positive or the
/// offset not finite.
#[pyclass(frozen, module = "outrider")]
pub(crate) struct Gap {
    graph: Arc<outrider::MatchingGraph>,
    /// The same as Python has it.
    shared: Py<MatchingGraph>,
    /// Locked only while the interpreter lock is released, so that the two never wait for each other.
    inner: Mutex<outrider::Gap>,
}

#[pymethods]
impl Gap {
    #[new]
    #[pyo3(signature = (graph, observable=0, *, isa="auto", weight_offset=0.0, limit=None))]
    fn new(
        py: Python<'_>,
        graph: Py<MatchingGraph>,
        observable: u32,
        isa: &str,
        weight_offset: f64,
        limit: Option<f64>,
    ) -> PyResult<Self> {
        let isa: Isa = isa.parse().map_err(exception)?;
        let (shared, graph) = (graph.clone_ref(py), Arc::clone(&graph.get().inner));
        let options = GapOptions {
            isa,
            weight_offset: quantized_offset(&graph, weight_offset)?,
            limit: limit.map_or(Ok(0), |limit| quantized_limit(&graph, limit))?,
            observable,
        };
        let gap = py.detach(|| outrider::Gap::with_options(&graph, &options)).map_err(exception)?;
        Ok(Self { graph, shared, inner: Mutex::new(gap) })
    }

    /// The graph it matches on.
    #[getter]
    fn graph(&self, py: Python<'_>) -> Py<MatchingGraph> {
        self.shared.clone_ref(py)
    }

    /// Matches each shot in both classes; arguments and errors as for Decoder.decode_batch.
    ///
    /// Returns float64 of shape (shots, 2), in natural units: the least weight of an answer that leaves the
    /// observable, and of one that flips it.
    #[pyo3(signature = (shots, *, overrides=None, bit_packed_shots=false))]
    fn weights<'py>(
        &self,
        py: Python<'py>,
        shots: &Bound<'py, PyAny>,
        overrides: Option<&Bound<'py, PyAny>>,
        bit_packed_shots: bool,
    ) -> PyResult<Bound<'py, PyArray2<f64>>> {
        let shots = BitsIn::new(shots, self.graph.node_count() as usize, bit_packed_shots)?;
        let overrides =
            overrides.map(|arrays| Overrides::new(arrays, &self.graph, shots.len())).transpose()?;
        let weights: Bound<'py, PyArray2<f64>> = zeros::<f64>(py, (shots.len(), 2))?.cast_into()?;
        for rows in blocks(shots.len()) {
            py.check_signals()?;
            let events = shots.read(rows.clone())?;
            let found =
                py.detach(|| self.block(&events, overrides.as_ref(), rows.clone())).map_err(exception)?;
            let mut weights = weights.try_readwrite()?;
            let slots = &mut weights.as_slice_mut()?[2 * rows.start..2 * rows.end];
            for (slot, &weight) in slots.iter_mut().zip(found.as_flattened()) {
                *slot = self.graph.natural(weight);
            }
        }
        Ok(weights)
    }

    fn __repr__(&self) -> String {
        format!("<outrider.Gap: {} detectors>", self.graph.node_count())
    }
}

impl Gap {
    fn block(
        &self,
        events: &Shots,
        overrides: Option<&Overrides>,
        rows: Range<usize>,
    ) -> Result<Vec<[i64; 2]>, Error> {
        let mut gap = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let weights_of = |(row, shot): (&[u8], usize)| {
            let overrides = overrides.map_or(&[][..], |overrides| overrides.of_shot(shot));
            let result = gap.decode(row, overrides).map_err(|error| error.with_shot(shot as u64 + 1))?;
            Ok(result.weights)
        };
        events.rows().zip(rows).map(weights_of).collect()
    }
}

fn quantized_limit(graph: &outrider::MatchingGraph, limit: f64) -> PyResult<i32> {
    if limit > 0.0 {
        return Ok(GapOptions::limit_from_natural(graph, limit));
    }
    Err(bad_value(format!("limit is {limit}, not positive")))
}
