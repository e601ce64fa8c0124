//! Sums over likely errors where matching is unsure, for batches of shots.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use numpy::{IntoPyArray, PyArray1, PyArray2, PyArrayMethods};
use outrider::{
    DecoderKind, DetectorErrorModel, GraphOptions, LikelihoodOptions, MatchingGraph, Shots, TrellisBudget,
};
use pyo3::prelude::*;

use crate::arrays::{BitsIn, BitsOut, RaggedPairArrays, RaggedPairs, blocks, events_of_shot, unpack, zeros};
use crate::errors::{bad_value, exception};
use crate::model::Model;
use crate::predecoder::Predecoder;

/// Near-maximum-likelihood decoding: a sum over likely errors, where matching is unsure.
///
/// Most shots have their answer from the complementary gap, under the pre-decoder's weights if there is one, or from the
/// mean of it and that of correlated matching. Only for the others the probabilities of candidate errors are summed up,
/// in each class of observables. It takes decomposed models of patches, on which every observable has a gap; a Trellis
/// takes any model. Calls from several threads wait for each other: give each thread its own.
///
/// predecoder: shots go through a copy of it, softly; it may be made on any graph of the model.
/// ignore_undecomposable, first_observables: as for a MatchingGraph.
/// sure_gap: a first gap this wide is the answer; above 0, at most 600. 12 by default.
/// sure_mean: so is a mean of the two gaps this wide if they agree; from 0. 5 by default.
/// likely_weight: edges to which the pre-decoder gives less than this weight are candidates; without one, those whose
///     weight a matching lowers below half of it. From 0, 4 by default.
/// iterations: of belief propagation over the candidates; at most 64. 1 by default.
/// budget: of the sum, (cutoff, states) as for a Trellis; None for the library's own.
/// gap_slope, sum_slope: ratios of gaps and of the sum are given times these, for they are too large for probabilities;
///     above 0 and at most 1. 0.53 and 0.6 by default.
/// deep_ratio: where a ratio of the sum is below this, matchings under perturbed weights find more candidates, and these
///     are summed up; 0, the default, for never. 2 is enough.
/// gap_share: what is added of the mean gap to the ratio of the sum; from 0 to 1. A quarter by default.
/// isa: the instruction set; all of them give the same bits.
///
/// ValueError for numbers out of range, for a model with errors that are not decomposed, with an observable without a gap
/// or that is too large, and for a pre-decoder that does not fit it.
#[pyclass(frozen, module = "outrider")]
pub(crate) struct Likelihood {
    graph: Arc<MatchingGraph>,
    /// Locked only while the interpreter lock is released, so that the two never wait for each other.
    inner: Mutex<outrider::Likelihood>,
}

/// The options by which cells of this kind of decoder are decided; none are for other kinds than likelihood.
pub(crate) fn cell_options(
    kind: DecoderKind,
    sure_gap: Option<f64>,
    sure_mean: Option<f64>,
    deep_ratio: Option<f64>,
) -> PyResult<LikelihoodOptions> {
    if kind != DecoderKind::Likelihood && [sure_gap, sure_mean, deep_ratio].iter().any(Option::is_some) {
        return Err(bad_value(format!(
            "sure_gap, sure_mean and deep_ratio are for likelihood, not for {kind}"
        )));
    }
    let default = LikelihoodOptions::default();
    Ok(LikelihoodOptions {
        sure_gap: sure_gap.unwrap_or(default.sure_gap),
        sure_mean: sure_mean.unwrap_or(default.sure_mean),
        deep_ratio: deep_ratio.unwrap_or(default.deep_ratio),
        ..default
    })
}

#[pymethods]
impl Likelihood {
    #[new]
    #[pyo3(signature = (
        model, *, predecoder=None, ignore_undecomposable=false, first_observables=false, sure_gap=None,
        sure_mean=None, likely_weight=None, iterations=None, budget=None, gap_share=None,
        gap_slope=None, sum_slope=None, deep_ratio=None, isa="auto"
    ))]
    #[expect(clippy::too_many_arguments, reason = "keyword arguments of Python")]
    fn new(
        py: Python<'_>,
        model: &Model,
        predecoder: Option<&Predecoder>,
        ignore_undecomposable: bool,
        first_observables: bool,
        sure_gap: Option<f64>,
        sure_mean: Option<f64>,
        likely_weight: Option<f64>,
        iterations: Option<u32>,
        budget: Option<(f64, u32)>,
        gap_share: Option<f64>,
        gap_slope: Option<f64>,
        sum_slope: Option<f64>,
        deep_ratio: Option<f64>,
        isa: &str,
    ) -> PyResult<Self> {
        let isa = isa.parse().map_err(exception)?;
        let mut options = LikelihoodOptions { isa, ..LikelihoodOptions::default() };
        options.sure_gap = sure_gap.unwrap_or(options.sure_gap);
        options.sure_mean = sure_mean.unwrap_or(options.sure_mean);
        options.likely_weight = likely_weight.unwrap_or(options.likely_weight);
        options.iterations = iterations.unwrap_or(options.iterations);
        options.gap_share = gap_share.unwrap_or(options.gap_share);
        options.gap_slope = gap_slope.unwrap_or(options.gap_slope);
        options.sum_slope = sum_slope.unwrap_or(options.sum_slope);
        options.deep_ratio = deep_ratio.unwrap_or(options.deep_ratio);
        if let Some((cutoff, states_max)) = budget {
            options.budget = TrellisBudget { cutoff, states_max };
        }
        let graph_options = GraphOptions {
            ignore_undecomposable,
            first_observables,
            ..DecoderKind::Likelihood.graph_options()
        };
        let made = py.detach(|| make(&model.inner, &graph_options, predecoder, &options));
        let (graph, likelihood) = made.map_err(exception)?;
        Ok(Self { graph, inner: Mutex::new(likelihood) })
    }

    /// Detectors of the model.
    #[getter]
    fn num_detectors(&self) -> u32 {
        self.graph.node_count()
    }

    /// Observables of the model.
    #[getter]
    fn num_observables(&self) -> u32 {
        self.graph.observable_count()
    }

    /// Decodes each shot; shots and predictions as for Decoder.decode_batch.
    ///
    /// With return_ratios a tuple of the predictions and, float64 of shape (shots, num_observables), the log-likelihood
    /// ratio of observable not flipped over flipped, given the shot: the sign is the answer, the magnitude how sure it
    /// is. Where the first gap was the answer the magnitude is at most gap_slope times sure_gap.
    ///
    /// ValueError for other types and shapes, and, naming the shot from 1, for one that no edges of the graph explain.
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
        let observables = self.num_observables() as usize;
        let shots = BitsIn::new(shots, self.num_detectors() as usize, bit_packed_shots)?;
        let predictions = BitsOut::new(py, shots.len(), observables, bit_packed_predictions)?;
        let shape = (if return_ratios { shots.len() } else { 0 }, observables);
        let ratios: Bound<'py, PyArray2<f64>> = zeros::<f64>(py, shape)?.cast_into()?;
        for rows in blocks(shots.len()) {
            py.check_signals()?;
            let events = shots.read(rows.clone())?;
            let mut found = Shots::new(observables);
            let mut block_ratios = vec![0.0; events.len() * observables];
            py.detach(|| self.locked().decode_batch(&events, &mut found, Some(&mut block_ratios)))
                .map_err(|error| exception(in_batch(error, rows.start)))?;
            predictions.write(rows.start, &found)?;
            if return_ratios {
                let mut ratios = ratios.try_readwrite()?;
                let slots = rows.start * observables..rows.end * observables;
                ratios.as_slice_mut()?[slots].copy_from_slice(&block_ratios);
            }
        }
        let predictions = predictions.finish()?;
        if return_ratios { Ok((predictions, ratios).into_pyobject(py)?.into_any()) } else { Ok(predictions) }
    }

    /// The edges of each shot's answer by their ends: (offsets, nodes), shapes (shots + 1,) and (total, 2).
    ///
    /// Those of shot k are nodes[offsets[k]:offsets[k + 1]], a set of edges that explains the shot in the class that was
    /// decided for, each a detector and one above it, or -1 for the boundary. Where several observables share a part of
    /// the graph, its edges are in the class of the first. Arguments and errors as for decode_batch.
    #[pyo3(signature = (shots, *, bit_packed_shots=false))]
    fn decode_to_edge_nodes<'py>(
        &self,
        py: Python<'py>,
        shots: &Bound<'py, PyAny>,
        bit_packed_shots: bool,
    ) -> PyResult<RaggedPairArrays<'py>> {
        let shots = BitsIn::new(shots, self.num_detectors() as usize, bit_packed_shots)?;
        let mut all = RaggedPairs::new();
        for rows in blocks(shots.len()) {
            py.check_signals()?;
            let events = shots.read(rows.clone())?;
            py.detach(|| {
                let mut likelihood = self.locked();
                let mut prediction = vec![0; self.graph.observable_bytes()];
                events.rows().enumerate().try_for_each(|(index, row)| {
                    likelihood
                        .decode(row, &mut prediction)
                        .and_then(|_| push_edges(&mut all, &self.graph, likelihood.edges()?))
                        .map_err(|error| error.with_shot((rows.start + index) as u64 + 1))
                })
            })
            .map_err(exception)?;
        }
        all.into_arrays(py)
    }

    /// One shot, in less time than a batch of one takes: (prediction, ratios).
    ///
    /// shot: as for Decoder.decode_shot. Returns the prediction, uint8 of shape (num_observables,), and the ratios,
    /// float64 of the same shape, as decode_batch does.
    fn decode_shot<'py>(&self, py: Python<'py>, shot: &Bound<'py, PyAny>) -> PyResult<OneShot<'py>> {
        let events = events_of_shot(shot, self.num_detectors() as usize)?;
        let mut prediction = vec![0; self.num_observables() as usize];
        let ratios = py
            .detach(|| {
                let mut detectors = vec![0; self.graph.detector_bytes()];
                for event in events {
                    detectors[event as usize / 8] |= 1 << (event % 8);
                }
                let mut packed = vec![0; self.graph.observable_bytes()];
                let mut likelihood = self.locked();
                likelihood.decode(&detectors, &mut packed)?;
                unpack(&packed, &mut prediction);
                Ok(likelihood.ratios().to_vec())
            })
            .map_err(exception)?;
        Ok((prediction.into_pyarray(py), ratios.into_pyarray(py)))
    }

    fn __repr__(&self) -> String {
        format!(
            "<outrider.Likelihood: {} detectors, {} observables>",
            self.num_detectors(),
            self.num_observables()
        )
    }
}

/// A prediction, and ratios.
type OneShot<'py> = (Bound<'py, PyArray1<u8>>, Bound<'py, PyArray1<f64>>);

impl Likelihood {
    fn locked(&self) -> MutexGuard<'_, outrider::Likelihood> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn push_edges(all: &mut RaggedPairs, graph: &MatchingGraph, edges: &[u32]) -> Result<(), outrider::Error> {
    let ends: Vec<_> = edges
        .iter()
        .map(|&edge| graph.edge(edge).map(|edge| (edge.node1, edge.node2)))
        .collect::<Result<_, _>>()?;
    all.push(ends);
    Ok(())
}

fn make(
    model: &DetectorErrorModel,
    graph_options: &GraphOptions,
    predecoder: Option<&Predecoder>,
    options: &LikelihoodOptions,
) -> Result<(Arc<MatchingGraph>, outrider::Likelihood), outrider::Error> {
    let graph = Arc::new(MatchingGraph::new(model, graph_options)?);
    let likelihood = match predecoder {
        Some(predecoder) => {
            let predecoder = predecoder.made_for(&graph, model)?;
            outrider::Likelihood::with_predecoder(predecoder, options)?
        }
        None => outrider::Likelihood::with_options(Arc::clone(&graph), options)?,
    };
    Ok((graph, likelihood))
}

/// An error of a block that begins with row `first`, which numbers its own rows from 1.
fn in_batch(error: outrider::Error, first: usize) -> outrider::Error {
    match error.place().and_then(|place| place.shot) {
        Some(shot) => error.with_shot(first as u64 + shot),
        None => error,
    }
}
