//! Matching graphs and their edges as arrays.

use std::sync::Arc;

use numpy::{IntoPyArray, PyArray1, PyArray2, PyArrayMethods};
use outrider::GraphOptions;
use pyo3::prelude::*;

use crate::arrays::{Ragged, RaggedArrays};
use crate::errors::{bad_value, exception};
use crate::model::Model;

/// The matching graph of a model: detectors as nodes, error components with one or two detectors as edges.
///
/// Parallel edges are merged, weights are ln((1-p)/p), as in PyMatching. Immutable: decoders and threads
/// share it.
///
/// correlations: also the implied weights that kind "mwpm-correlated" needs; probabilities above 1/2 are then
///     refused.
/// ignore_undecomposable: skip and count components with three or more detectors instead of refusing them.
/// first_observables: where errors with the same detectors flip different observables, keep those of the first
/// one, as PyMatching does, instead of the likelier ones.
/// levels: distinct magnitudes of the integer weights inside; 0 for the default and largest, 2**24 - 1.
///
/// ValueError with the line of the model.
#[pyclass(frozen, module = "outrider")]
pub(crate) struct MatchingGraph {
    pub(crate) inner: Arc<outrider::MatchingGraph>,
}

#[pymethods]
impl MatchingGraph {
    #[new]
    #[pyo3(signature = (model, *, correlations=false, ignore_undecomposable=false, first_observables=false, levels=0))]
    fn new(
        py: Python<'_>,
        model: &Model,
        correlations: bool,
        ignore_undecomposable: bool,
        first_observables: bool,
        levels: u32,
    ) -> PyResult<Self> {
        let options = GraphOptions {
            correlations,
            ignore_undecomposable,
            first_observables,
            levels,
            reweightable: false,
        };
        let graph = py.detach(|| outrider::MatchingGraph::new(&model.inner, &options)).map_err(exception)?;
        Ok(Self { inner: Arc::new(graph) })
    }

    /// Nodes: the detectors of the model.
    #[getter]
    fn num_detectors(&self) -> u32 {
        self.inner.node_count()
    }

    /// Observables of the model.
    #[getter]
    fn num_observables(&self) -> u32 {
        self.inner.observable_count()
    }

    /// Edges after merging.
    #[getter]
    fn num_edges(&self) -> u32 {
        self.inner.edge_count()
    }

    /// Components with three or more detectors that were skipped.
    #[getter]
    fn num_ignored(&self) -> u64 {
        self.inner.ignored_count()
    }

    /// Components without detectors, which no decoder can see.
    #[getter]
    fn num_undetectable(&self) -> u64 {
        self.inner.undetectable_count()
    }

    /// Whether kind "mwpm-correlated" can use it.
    #[getter]
    fn has_correlations(&self) -> bool {
        self.inner.has_correlations()
    }

    /// The ends of each edge, shape (num_edges, 2): a detector, and one above it or -1 for the boundary.
    fn edge_nodes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray2<i64>>> {
        let nodes: Vec<i64> = self
            .inner
            .edges()
            .flat_map(|edge| [i64::from(edge.node1), edge.node2.map_or(BOUNDARY, i64::from)])
            .collect();
        nodes.into_pyarray(py).reshape([self.inner.edge_count() as usize, 2])
    }

    /// The weight of each edge in natural units, shape (num_edges,); negative for probabilities above 1/2.
    fn edge_weights<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
        let weights: Vec<f64> =
            self.inner.edges().map(|edge| self.inner.natural(edge.weight.into())).collect();
        weights.into_pyarray(py)
    }

    /// The merged probability of each edge, shape (num_edges,).
    fn edge_probabilities<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
        let probabilities: Vec<f64> = self.inner.edges().map(|edge| edge.probability).collect();
        probabilities.into_pyarray(py)
    }

    /// The observables that each edge flips: (offsets, observables), shapes (num_edges + 1,) and (total,).
    ///
    /// Those of edge e are observables[offsets[e]:offsets[e + 1]].
    fn edge_observables<'py>(&self, py: Python<'py>) -> RaggedArrays<'py> {
        let mut observables = Ragged::new();
        for edge in self.inner.edges() {
            observables.push(edge.observables.iter().copied());
        }
        observables.into_arrays(py)
    }

    /// The index of the edge between two detectors, or from one to the boundary; None if there is none.
    #[pyo3(signature = (node1, node2=None))]
    fn find_edge(&self, node1: u32, node2: Option<u32>) -> Option<u32> {
        self.inner.find_edge(node1, node2)
    }

    fn __repr__(&self) -> String {
        format!(
            "<outrider.MatchingGraph: {} detectors, {} observables, {} edges>",
            self.num_detectors(),
            self.num_observables(),
            self.num_edges()
        )
    }
}

/// The nearest weight to an offset in natural units.
pub(crate) fn quantized_offset(graph: &outrider::MatchingGraph, weight_offset: f64) -> PyResult<i32> {
    if weight_offset.is_finite() {
        return Ok(graph.quantize(weight_offset));
    }
    Err(bad_value(format!("weight_offset is {weight_offset}, not finite")))
}

/// What stands for the boundary in an array of nodes.
const BOUNDARY: i64 = -1;
