//! Matching graphs and their edges as arrays.

use std::sync::Arc;

use numpy::{IntoPyArray, PyArray1, PyArray2, PyArrayMethods};
use outrider::{GraphOptions, InstructionKind, TargetKind, WeightedEdge};
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::arrays::{BOUNDARY, Ragged, RaggedArrays, RaggedPairArrays, RaggedPairs, numbers, pairs};
use crate::errors::{bad_value, exception};
use crate::model::Model;

/// The matching graph of a model: detectors as nodes, error components with one or two detectors as edges.
///
/// Parallel edges are merged, weights are ln((1-p)/p), as in PyMatching. Immutable: decoders and threads
/// share it.
///
/// correlations: also the implied weights that kind "mwpm-correlated" needs.
/// ignore_undecomposable: skip and count components with three or more detectors instead of refusing them.
/// first_observables: where errors with the same detectors flip different observables, keep those of the first
/// one, as PyMatching does, instead of the likelier ones.
/// levels: distinct magnitudes of the integer weights inside; 0 for the default and largest, 2**24 - 1.
/// weight_range: weights of single shots up to this can be held, and more where the graph's own are larger, see
///     weight_limit: the larger, the coarser. 0 for the default, 64.
///
/// ValueError with the line of the model.
#[pyclass(frozen, module = "outrider")]
pub(crate) struct MatchingGraph {
    pub(crate) inner: Arc<outrider::MatchingGraph>,
    made: Made,
}

/// What a graph was made of.
enum Made {
    Model { model: Py<Model>, options: GraphOptions },
    Edges { given: GivenEdges, options: GraphOptions },
}

#[pymethods]
impl MatchingGraph {
    #[new]
    #[pyo3(signature = (model, *, correlations=false, ignore_undecomposable=false, first_observables=false, levels=0,
        weight_range=0.0))]
    fn new(
        py: Python<'_>,
        model: Py<Model>,
        correlations: bool,
        ignore_undecomposable: bool,
        first_observables: bool,
        levels: u32,
        weight_range: f64,
    ) -> PyResult<Self> {
        let options = GraphOptions {
            correlations,
            ignore_undecomposable,
            first_observables,
            levels,
            weight_range,
            ..GraphOptions::default()
        };
        let parsed = &model.get().inner;
        let graph = py.detach(|| outrider::MatchingGraph::new(parsed, &options)).map_err(exception)?;
        Ok(Self { inner: Arc::new(graph), made: Made::Model { model, options } })
    }

    /// The graph of edges with weights of their own, at most one between two detectors.
    ///
    /// edges: pairs of detectors, shape (n, 2), integers; -1 for the boundary.
    /// weights: of each edge in natural units, shape (n,), of any size. Infinite: the edge does not exist; minus
    ///     infinite: it is in every answer. Whole weights below 2**29 are exact.
    /// observables: what each edge flips, as (offsets, observables), see edge_observables(); None for nothing.
    /// num_detectors, num_observables: None for one more than the largest given.
    /// probabilities: of each edge, for pre-decoders that ask for them; None for those that the weights stand for.
    /// levels, weight_range: as for a graph of a model.
    ///
    /// The graph numbers its edges by their detectors: find_edge(). ValueError that names the edge.
    #[staticmethod]
    #[pyo3(signature = (edges, weights, observables=None, *, num_detectors=None, num_observables=None,
        probabilities=None, levels=0, weight_range=0.0))]
    #[expect(clippy::too_many_arguments, reason = "keyword arguments of Python")]
    fn from_edges(
        py: Python<'_>,
        edges: &Bound<'_, PyAny>,
        weights: &Bound<'_, PyAny>,
        observables: Option<&Bound<'_, PyAny>>,
        num_detectors: Option<u32>,
        num_observables: Option<u32>,
        probabilities: Option<&Bound<'_, PyAny>>,
        levels: u32,
        weight_range: f64,
    ) -> PyResult<Self> {
        let given = GivenEdges::new(edges, weights, observables, probabilities)?;
        let options = GraphOptions { levels, weight_range, ..GraphOptions::default() };
        let nodes = num_detectors.unwrap_or_else(|| given.node_count());
        let observable_count = num_observables
            .unwrap_or_else(|| given.observables.iter().max().map_or(0, |largest| largest.saturating_add(1)));
        let graph = py
            .detach(|| outrider::MatchingGraph::from_edges(nodes, observable_count, &given.edges(), &options))
            .map_err(exception)?;
        Ok(Self { inner: Arc::new(graph), made: Made::Edges { given, options } })
    }

    /// The largest finite weight that a shot can give an edge, in natural units; see weight_range.
    #[getter]
    fn weight_limit(&self) -> f64 {
        self.inner.weight_limit()
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

    /// The weight of each edge in natural units, shape (num_edges,); negative for probabilities above 1/2, infinite
    /// where an error is certain.
    fn edge_weights<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
        let weights: Vec<f64> =
            self.inner.edges().map(|edge| self.inner.natural_edge_weight(edge.weight)).collect();
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

    /// The edges in the order in which the model's errors, or the edges given, come to them first, shape (num_edges,).
    fn edge_order<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray1<u32>>> {
        let mut order =
            Order { graph: &self.inner, seen: vec![false; self.inner.edge_count() as usize], edges: vec![] };
        match &self.made {
            Made::Edges { given, .. } => {
                given.edges().iter().for_each(|edge| order.add(edge.node1, edge.node2))
            }
            Made::Model { model, .. } => {
                py.detach(|| order.add_model(&model.get().inner)).map_err(exception)?
            }
        }
        Ok(order.edges.into_pyarray(py))
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let keywords = PyDict::new(py);
        let (Made::Model { options, .. } | Made::Edges { options, .. }) = &self.made;
        keywords.set_item("levels", options.levels)?;
        keywords.set_item("weight_range", options.weight_range)?;
        let class = py.get_type::<Self>();
        match &self.made {
            Made::Model { model, .. } => {
                keywords.set_item("correlations", options.correlations)?;
                keywords.set_item("ignore_undecomposable", options.ignore_undecomposable)?;
                keywords.set_item("first_observables", options.first_observables)?;
                let call = py.import("functools")?.call_method("partial", (class,), Some(&keywords))?;
                (call, (model,)).into_bound_py_any(py)
            }
            Made::Edges { given, .. } => {
                keywords.set_item("num_detectors", self.num_detectors())?;
                keywords.set_item("num_observables", self.num_observables())?;
                keywords
                    .set_item("probabilities", given.probabilities.clone().map(|all| all.into_pyarray(py)))?;
                let (_, nodes) = given.nodes(py)?;
                let arguments =
                    ("from_edges", nodes, given.weights.clone().into_pyarray(py), given.observables(py));
                let call = py.import("operator")?.call_method("methodcaller", arguments, Some(&keywords))?;
                (call, (class,)).into_bound_py_any(py)
            }
        }
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

/// The arrays of [`MatchingGraph::from_edges`].
struct GivenEdges {
    nodes: Vec<[Option<u32>; 2]>,
    weights: Vec<f64>,
    probabilities: Option<Vec<f64>>,
    offsets: Vec<usize>,
    observables: Vec<u32>,
}

impl GivenEdges {
    fn new(
        edges: &Bound<'_, PyAny>,
        weights: &Bound<'_, PyAny>,
        observables: Option<&Bound<'_, PyAny>>,
        probabilities: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let pairs =
            pairs(edges).ok_or_else(|| bad_value("edges: expected integers of shape (n, 2)".into()))?;
        let node = |(edge, node): (usize, i64)| match node {
            BOUNDARY => Ok(None),
            _ => u32::try_from(node).map(Some).map_err(|_| bad_value(format!("edge {edge} has node {node}"))),
        };
        let nodes = pairs
            .iter()
            .enumerate()
            .map(|(edge, pair)| Ok([node((edge, pair[0]))?, node((edge, pair[1]))?]))
            .collect::<PyResult<Vec<_>>>()?;
        let count = nodes.len();
        let reals = |name: &str, array: &Bound<'_, PyAny>| match numbers::<f64>(array) {
            Some(reals) if reals.len() == count => Ok(reals),
            _ => Err(bad_value(format!("{name}: expected {count} real numbers"))),
        };
        let weights = reals("weights", weights)?;
        let probabilities = probabilities.map(|array| reals("probabilities", array)).transpose()?;
        let (offsets, observables) = match observables {
            None => (vec![0; count + 1], Vec::new()),
            Some(arrays) => ragged(arrays, count).ok_or_else(|| {
                bad_value(format!(
                    "observables: expected {} offsets, rising from 0 to the number of observables, and these",
                    count + 1
                ))
            })?,
        };
        Ok(Self { nodes, weights, probabilities, offsets, observables })
    }

    fn node_count(&self) -> u32 {
        self.nodes.iter().flatten().flatten().max().map_or(0, |largest| largest.saturating_add(1))
    }

    fn edges(&self) -> Vec<WeightedEdge<'_>> {
        let edge = |(i, nodes): (usize, &[Option<u32>; 2])| WeightedEdge {
            node1: nodes[0].or(nodes[1]).unwrap_or(u32::MAX),
            node2: nodes[0].and(nodes[1]),
            weight: self.weights[i],
            probability: self.probabilities.as_ref().map(|all| all[i]),
            observables: &self.observables[self.offsets[i]..self.offsets[i + 1]],
        };
        self.nodes.iter().enumerate().map(edge).collect()
    }

    fn nodes<'py>(&self, py: Python<'py>) -> PyResult<RaggedPairArrays<'py>> {
        let mut nodes = RaggedPairs::new();
        nodes.push(self.edges().iter().map(|edge| (edge.node1, edge.node2)));
        nodes.into_arrays(py)
    }

    fn observables<'py>(&self, py: Python<'py>) -> RaggedArrays<'py> {
        let mut observables = Ragged::new();
        for edge in self.edges() {
            observables.push(edge.observables.iter().copied());
        }
        observables.into_arrays(py)
    }
}

/// Edges of a graph as they are first come to.
struct Order<'a> {
    graph: &'a outrider::MatchingGraph,
    seen: Vec<bool>,
    edges: Vec<u32>,
}

impl Order<'_> {
    fn add(&mut self, node1: u32, node2: Option<u32>) {
        if let Some(edge) = self.graph.find_edge(node1, node2)
            && !std::mem::replace(&mut self.seen[edge as usize], true)
        {
            self.edges.push(edge);
        }
    }

    fn add_model(&mut self, model: &outrider::DetectorErrorModel) -> Result<(), outrider::Error> {
        let mut walk = model.walk()?;
        while let Some(instruction) = walk.step() {
            let InstructionKind::Error { probability, targets } = instruction.kind else { continue };
            if probability == 0.0 {
                continue;
            }
            for component in targets.split(|target| target.kind() == TargetKind::Separator) {
                self.add_component(component);
            }
        }
        Ok(())
    }

    /// A detector that is given twice cancels; more than two are no edge.
    fn add_component(&mut self, targets: &[outrider::Target]) {
        let mut nodes: Vec<u32> = Vec::new();
        for target in targets {
            let TargetKind::Detector(detector) = target.kind() else { continue };
            match nodes.iter().position(|&node| u64::from(node) == detector) {
                Some(twice) => drop(nodes.remove(twice)),
                None => nodes.push(detector as u32),
            }
        }
        match nodes[..] {
            [node] => self.add(node, None),
            [node1, node2] => self.add(node1, Some(node2)),
            _ => {}
        }
    }
}

/// Offsets and indices for `count` lists, see [`Ragged`]; `None` if the arrays are not that.
fn ragged(arrays: &Bound<'_, PyAny>, count: usize) -> Option<(Vec<usize>, Vec<u32>)> {
    let (offsets, indices) = arrays.extract::<(Bound<'_, PyAny>, Bound<'_, PyAny>)>().ok()?;
    let offsets: Vec<i64> = numbers(&offsets)?;
    let indices: Vec<i64> = numbers(&indices)?;
    let fits = offsets.is_sorted()
        && offsets.len() == count + 1
        && offsets[0] == 0
        && offsets[count] == indices.len() as i64;
    let indices: Vec<u32> = indices.into_iter().map(u32::try_from).collect::<Result<_, _>>().ok()?;
    fits.then(|| (offsets.into_iter().map(|offset| offset as usize).collect(), indices))
}

/// The nearest weight to an offset in natural units.
pub(crate) fn quantized_offset(graph: &outrider::MatchingGraph, weight_offset: f64) -> PyResult<i32> {
    if weight_offset.is_finite() {
        return graph.quantize(weight_offset).map_err(|_| {
            bad_value(format!(
                "weight_offset is {weight_offset}, beyond the limit of {:.6}",
                graph.weight_limit()
            ))
        });
    }
    Err(bad_value(format!("weight_offset is {weight_offset}, not finite")))
}
