//! Training an event network: batches as arrays, layers in place on the caller's arrays.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use numpy::{
    IntoPyArray, PyArray1, PyArrayDyn, PyArrayMethods, PyReadonlyArrayDyn, PyReadwriteArrayDyn,
    PyUntypedArrayMethods,
};
use outrider::{Geometry, Isa, Slot, TrainingOptions};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::arrays::{BitsIn, description};
use crate::errors::{bad_value, exception};
use crate::graph::MatchingGraph;
use crate::model::Model;

/// What training an event network needs from the library: batches of shots as the network sees them, the float
/// kernels of its layers with their gradients, and complementary gaps.
///
/// pitch: steps of the detector coordinates x, y and round; coordinates divided by them are sites.
/// plane: two rows of three whole numbers for x and y; plane . (x, y, 1) is then divided in place of (x, y).
/// kind_rule: a site's kind is kind_rule . site modulo the number of kinds.
/// transposed: for each kind, whether it sees x and y exchanged.
/// sets: for each kind, its set of weights.
/// radius: events are near if max(|dx|, |dy|) + |dt| is at most this.
/// slots: for each set, rows (dx, dy, dt, is_boundary) for where the edges lead from a detector, in the own
///     frame; as many for every set.
/// offset: added to the weight of every edge without an end at an event, in gaps().
///
/// One thread at a time. ValueError for a model without coordinates, off the lattice or with an edge that has
/// no slot.
#[pyclass(frozen, module = "outrider")]
pub(crate) struct Training {
    relations: usize,
    slots: usize,
    log_noise: f64,
    detector_count: usize,
    edge_count: usize,
    /// Locked only while the interpreter lock is released, so that the two never wait for each other.
    inner: Mutex<outrider::Training>,
}

#[pymethods]
impl Training {
    #[new]
    #[pyo3(signature = (graph, model, *, pitch, kind_rule, transposed, sets, radius, slots, plane=None, offset=0.0, isa="auto"))]
    #[expect(clippy::too_many_arguments, reason = "Python names them")]
    fn new(
        py: Python<'_>,
        graph: &MatchingGraph,
        model: &Model,
        pitch: [i32; 3],
        kind_rule: [i32; 3],
        transposed: Vec<bool>,
        sets: Vec<u8>,
        radius: i32,
        slots: Vec<Vec<(i32, i32, i32, bool)>>,
        plane: Option<[[i32; 3]; 2]>,
        offset: f64,
        isa: &str,
    ) -> PyResult<Self> {
        let isa: Isa = isa.parse().map_err(exception)?;
        let slots =
            slots.into_iter().map(|set| set.into_iter().map(slot).collect()).collect::<PyResult<_>>()?;
        let geometry = Geometry { plane, pitch, kind_rule, transposed, sets, radius, slots };
        let options = TrainingOptions { offset, isa };
        let graph = Arc::clone(&graph.inner);
        let training = py
            .detach(|| outrider::Training::with_options(graph, &model.inner, &geometry, &options))
            .map_err(exception)?;
        Ok(Self {
            relations: training.relations(),
            slots: training.slots(),
            log_noise: training.log_noise(),
            detector_count: training.graph().node_count() as usize,
            edge_count: training.graph().edge_count() as usize,
            inner: Mutex::new(training),
        })
    }

    /// Offsets within the radius times sets of weights. Relation r is offset r % (num_relations / sets) of its
    /// set, offsets counted by dt, then dy, then dx.
    #[getter]
    fn num_relations(&self) -> usize {
        self.relations
    }

    /// Slots of each set.
    #[getter]
    fn num_slots(&self) -> usize {
        self.slots
    }

    /// ln(mean edge probability of the graph).
    #[getter]
    fn log_noise(&self) -> f64 {
        self.log_noise
    }

    /// Makes packed rows of detectors, and of the edges that flipped, the present batch; a dict of its arrays.
    ///
    /// shot_events: int64, the first event of each shot, and the number of events. Events are numbered shot by
    ///     shot, ascending by detector.
    /// detector, set, place, phase: int64, of each event. place is 49 * kind + class on the patch, phase
    ///     14 * kind + class in time.
    /// shot_edges: int64, the first edge of each shot, and the number of edges with an end at an event.
    /// edge: int64, its index in the graph.
    /// output1, output2: int64, event * num_slots + slot for each end; events * num_slots where the other end
    ///     is no event.
    /// prior: float32, ln(p/(1-p)) of the edge.
    /// label: float32, 1 if the edge flipped; only where edges are given.
    #[pyo3(signature = (detectors, edges=None))]
    fn batch<'py>(
        &self,
        py: Python<'py>,
        detectors: &Bound<'py, PyAny>,
        edges: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let read = |rows: &Bound<'py, PyAny>, bits| {
            let rows = BitsIn::new(rows, bits, true)?;
            rows.read(0..rows.len())
        };
        let detectors = read(detectors, self.detector_count)?;
        let edges = edges.map(|edges| read(edges, self.edge_count)).transpose()?;
        let arrays = py
            .detach(|| {
                let mut training = self.lock();
                training.prepare(&detectors, edges.as_ref())?;
                Ok(BatchArrays::new(&training))
            })
            .map_err(exception)?;
        arrays.into_dict(py)
    }

    /// The pairs of near events of the present batch: (relation_pairs, target, source), all int64.
    ///
    /// Those of relation r are target[relation_pairs[r]:relation_pairs[r + 1]], the events that receive, and
    /// the same of source, the events that send, at the relation's offset from the target.
    fn pairs<'py>(&self, py: Python<'py>) -> PairArrays<'py> {
        let [relation_pairs, target, source] = py.detach(|| {
            let training = self.lock();
            let batch = training.batch();
            [firsts(batch.relation_pairs), signed(batch.target), signed(batch.source)]
        });
        (relation_pairs.into_pyarray(py), target.into_pyarray(py), source.into_pyarray(py))
    }

    /// out[i] += sum over near j of rows[relation(i, j)].
    ///
    /// rows: (num_relations, width), out: (events, width); width 16, 32, 48 or 64. All arrays of the four
    /// kernels are contiguous float32 and do not overlap, and work on the present batch.
    fn embed_forward(&self, py: Python<'_>, rows: &Bound<'_, PyAny>, out: &Bound<'_, PyAny>) -> PyResult<()> {
        let (rows, mut out) = (input("rows", rows, 2)?, output("out", out, 2)?);
        let width = rows.shape()[1];
        check_width("out", out.shape(), width)?;
        let (rows, out) = (rows.as_slice()?, out.as_slice_mut()?);
        py.detach(|| self.lock().embed_forward(width, rows, out)).map_err(exception)
    }

    /// row_gradient[r] = sum of gradient[i] over the pairs of relation r.
    ///
    /// gradient: (events, width), row_gradient: (num_relations, width).
    fn embed_backward(
        &self,
        py: Python<'_>,
        gradient: &Bound<'_, PyAny>,
        row_gradient: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        let (gradient, mut row_gradient) =
            (input("gradient", gradient, 2)?, output("row_gradient", row_gradient, 2)?);
        let width = gradient.shape()[1];
        check_width("row_gradient", row_gradient.shape(), width)?;
        let (gradient, row_gradient) = (gradient.as_slice()?, row_gradient.as_slice_mut()?);
        py.detach(|| self.lock().embed_backward(width, gradient, row_gradient)).map_err(exception)
    }

    /// out[i] += sum over near j of features[j] @ weights[relation(i, j)].
    ///
    /// weights: (num_relations, width, width), features and out: (events, width).
    fn message_forward(
        &self,
        py: Python<'_>,
        weights: &Bound<'_, PyAny>,
        features: &Bound<'_, PyAny>,
        out: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        let (weights, features) = (input("weights", weights, 3)?, input("features", features, 2)?);
        let mut out = output("out", out, 2)?;
        let width = features.shape()[1];
        check_width("weights", weights.shape(), width)?;
        check_width("out", out.shape(), width)?;
        let (weights, features, out) = (weights.as_slice()?, features.as_slice()?, out.as_slice_mut()?);
        py.detach(|| self.lock().message_forward(width, weights, features, out)).map_err(exception)
    }

    /// feature_gradient[j] += sum over near i of weights[relation(i, j)] @ gradient[i], and
    /// weight_gradient[r] = sum of outer(features[j], gradient[i]) over the pairs of relation r.
    ///
    /// Shapes as in message_forward; gradient is the one by its out.
    fn message_backward(
        &self,
        py: Python<'_>,
        weights: &Bound<'_, PyAny>,
        features: &Bound<'_, PyAny>,
        gradient: &Bound<'_, PyAny>,
        feature_gradient: &Bound<'_, PyAny>,
        weight_gradient: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        let (weights, features) = (input("weights", weights, 3)?, input("features", features, 2)?);
        let gradient = input("gradient", gradient, 2)?;
        let mut feature_gradient = output("feature_gradient", feature_gradient, 2)?;
        let mut weight_gradient = output("weight_gradient", weight_gradient, 3)?;
        let width = features.shape()[1];
        check_width("weights", weights.shape(), width)?;
        check_width("gradient", gradient.shape(), width)?;
        check_width("feature_gradient", feature_gradient.shape(), width)?;
        check_width("weight_gradient", weight_gradient.shape(), width)?;
        let (weights, features, gradient) = (weights.as_slice()?, features.as_slice()?, gradient.as_slice()?);
        let (by_feature, by_weight) = (feature_gradient.as_slice_mut()?, weight_gradient.as_slice_mut()?);
        py.detach(|| self.lock().message_backward(width, weights, features, gradient, by_feature, by_weight))
            .map_err(exception)
    }

    /// The complementary gap of each shot of the present batch under log-odds of its edges, float32; other
    /// edges have the graph's weight plus the offset: (gaps, shot_differences, edges, signs).
    ///
    /// gaps: float64, the least weight of an answer that flips the observable minus that of one that does not,
    ///     within the limit either way. The search ends at the limit, so a small one makes it much faster.
    /// edges: int64, for shots with |gap| < limit the edges in exactly one of the two answers; those of shot k
    ///     are edges[shot_differences[k]:shot_differences[k + 1]].
    /// signs: int8, the gap's derivative by the edge's weight: 1 or -1.
    ///
    /// ValueError if the graph has no gap, for NaN, and for a shot that no edges explain.
    fn gaps<'py>(
        &self,
        py: Python<'py>,
        log_odds: &Bound<'py, PyAny>,
        limit: f64,
    ) -> PyResult<GapArrays<'py>> {
        let log_odds = input("log_odds", log_odds, 1)?;
        let log_odds = log_odds.as_slice()?;
        let (gaps, differences, edges, signs) = py
            .detach(|| {
                let mut training = self.lock();
                let found = training.gaps(log_odds, limit)?;
                let differences = firsts(&found.shot_differences);
                Ok((found.gaps, differences, signed(found.edges), found.signs.to_vec()))
            })
            .map_err(exception)?;
        Ok((
            gaps.into_pyarray(py),
            differences.into_pyarray(py),
            edges.into_pyarray(py),
            signs.into_pyarray(py),
        ))
    }

    /// The numbers of the shots, int64, whose gap under the model's own weights is below `limit`: hardly any
    /// other has a small one under a network's. Rows of packed bits as for batch; the present batch stays.
    ///
    /// ValueError as for gaps.
    fn screen<'py>(
        &self,
        py: Python<'py>,
        detectors: &Bound<'py, PyAny>,
        limit: f64,
    ) -> PyResult<Bound<'py, PyArray1<i64>>> {
        let rows = BitsIn::new(detectors, self.detector_count, true)?;
        let rows = rows.read(0..rows.len())?;
        let shots = py.detach(|| self.lock().screen(&rows, limit)).map_err(exception)?;
        Ok(signed(&shots).into_pyarray(py))
    }

    fn __repr__(&self) -> String {
        format!(
            "<outrider.Training: {} detectors, {} edges, {} relations>",
            self.detector_count, self.edge_count, self.relations
        )
    }
}

impl Training {
    fn lock(&self) -> MutexGuard<'_, outrider::Training> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What [`Training::pairs`] gives.
type PairArrays<'py> = (Bound<'py, PyArray1<i64>>, Bound<'py, PyArray1<i64>>, Bound<'py, PyArray1<i64>>);

/// What [`Training::gaps`] gives.
type GapArrays<'py> = (
    Bound<'py, PyArray1<f64>>,
    Bound<'py, PyArray1<i64>>,
    Bound<'py, PyArray1<i64>>,
    Bound<'py, PyArray1<i8>>,
);

/// A batch, copied.
struct BatchArrays {
    indices: [(&'static str, Vec<i64>); 9],
    floats: Vec<(&'static str, Vec<f32>)>,
}

impl BatchArrays {
    fn new(training: &outrider::Training) -> Self {
        let batch = training.batch();
        let no_output = (batch.detector.len() * training.slots()) as i64;
        let second = |&output: &u32| {
            if output == outrider::Training::NO_OUTPUT { no_output } else { i64::from(output) }
        };
        Self {
            indices: [
                ("shot_events", firsts(batch.shot_events)),
                ("detector", signed(batch.detector)),
                ("set", signed(batch.set)),
                ("place", signed(batch.place)),
                ("phase", signed(batch.phase)),
                ("shot_edges", firsts(batch.shot_edges)),
                ("edge", signed(batch.edge)),
                ("output1", signed(batch.output1)),
                ("output2", batch.output2.iter().map(second).collect()),
            ],
            floats: [("prior", Some(batch.prior)), ("label", batch.label)]
                .into_iter()
                .filter_map(|(name, values)| Some((name, values?.to_vec())))
                .collect(),
        }
    }

    fn into_dict(self, py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
        let dict = PyDict::new(py);
        for (name, values) in self.indices {
            dict.set_item(name, values.into_pyarray(py))?;
        }
        for (name, values) in self.floats {
            dict.set_item(name, values.into_pyarray(py))?;
        }
        Ok(dict)
    }
}

/// Offsets as PyTorch takes them.
fn firsts(offsets: &[u64]) -> Vec<i64> {
    offsets.iter().map(|&first| first as i64).collect()
}

/// Indices as PyTorch takes them.
fn signed(indices: &[u32]) -> Vec<i64> {
    indices.iter().map(|&index| index.into()).collect()
}

/// From a row (dx, dy, dt, is_boundary).
fn slot((dx, dy, dt, is_boundary): (i32, i32, i32, bool)) -> PyResult<Slot> {
    match (is_boundary, [dx, dy, dt]) {
        (false, offset) => Ok(Slot::Offset(offset)),
        (true, [0, 0, 0]) => Ok(Slot::Boundary),
        (true, _) => Err(bad_value("slots: the boundary has an offset".to_owned())),
    }
}

fn input<'py>(
    name: &str,
    array: &Bound<'py, PyAny>,
    dimensions: usize,
) -> PyResult<PyReadonlyArrayDyn<'py, f32>> {
    Ok(floats(name, array, dimensions)?.try_readonly()?)
}

fn output<'py>(
    name: &str,
    array: &Bound<'py, PyAny>,
    dimensions: usize,
) -> PyResult<PyReadwriteArrayDyn<'py, f32>> {
    Ok(floats(name, array, dimensions)?.try_readwrite()?)
}

fn floats<'py>(
    name: &str,
    array: &Bound<'py, PyAny>,
    dimensions: usize,
) -> PyResult<Bound<'py, PyArrayDyn<f32>>> {
    let floats = array.cast::<PyArrayDyn<f32>>().ok();
    floats.filter(|floats| floats.ndim() == dimensions && floats.is_c_contiguous()).cloned().ok_or_else(
        || {
            bad_value(format!(
                "{name}: expected contiguous float32 of {dimensions} dimensions, found {}",
                description(array)
            ))
        },
    )
}

/// Every dimension but the first is the width.
fn check_width(name: &str, shape: &[usize], width: usize) -> PyResult<()> {
    if shape[1..].iter().all(|&size| size == width) {
        return Ok(());
    }
    Err(bad_value(format!("{name}: expected a width of {width}, found the shape {shape:?}")))
}
