//! Decoding batches of shots.

use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use numpy::{IntoPyArray, PyArray1, PyArrayMethods};
use outrider::{DecoderKind, DecoderOptions, Error, Isa, PredecoderUse, Shots};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::arrays::{
    BitsIn, BitsOut, Overrides, Ragged, RaggedArrays, RaggedPairArrays, RaggedPairs, blocks, events_of_shot,
    unpack, zeros,
};
use crate::errors::{bad_value, exception};
use crate::graph::{MatchingGraph, quantized_offset};
use crate::predecoder::Predecoder;

/// A decoder over a graph. Calls from several threads wait for each other: give each thread its own.
///
/// kind: "mwpm" for exact minimum-weight perfect matching, "mwpm-correlated" for two passes of it, the edges
///     of the first lowering weights for the second, "union-find" for weighted union-find.
/// predecoder: shots go through a copy of it first; it must be made on the same graph.
/// predecoder_use: "soft", its log-odds replace edge weights for that shot, or "hard", it fixes likely edges and
///     the remaining events are decoded under the graph's own weights.
/// weight_offset: added to the weight of every edge that no override names, in natural units.
/// isa: the instruction set; all of them give the same answers.
/// certify: prove every answer minimal (matching only); one that is not is a RuntimeError.
///
/// ValueError for a kind that needs correlations the graph lacks, a missing instruction set, hard use of no
/// pre-decoder, or an offset that is not finite.
#[pyclass(frozen, module = "outrider")]
pub(crate) struct Decoder {
    graph: Arc<outrider::MatchingGraph>,
    /// The same as Python has it.
    shared: Py<MatchingGraph>,
    options: DecoderOptions,
    has_predecoder: bool,
    weight_offset: f64,
    /// Locked only while the interpreter lock is released, so that the two never wait for each other.
    inner: Mutex<outrider::Decoder>,
}

#[pymethods]
impl Decoder {
    #[new]
    #[pyo3(signature = (
        graph, kind="mwpm", *, predecoder=None, predecoder_use="soft", weight_offset=0.0, isa="auto",
        certify=false
    ))]
    #[expect(clippy::too_many_arguments, reason = "keyword arguments of Python")]
    fn new(
        py: Python<'_>,
        graph: Py<MatchingGraph>,
        kind: &str,
        predecoder: Option<&Predecoder>,
        predecoder_use: &str,
        weight_offset: f64,
        isa: &str,
        certify: bool,
    ) -> PyResult<Self> {
        let kind: DecoderKind = kind.parse().map_err(exception)?;
        let isa: Isa = isa.parse().map_err(exception)?;
        let predecoder_use: PredecoderUse = predecoder_use.parse().map_err(exception)?;
        let (shared, graph) = (graph.clone_ref(py), Arc::clone(&graph.get().inner));
        let quantized = quantized_offset(&graph, weight_offset)?;
        if predecoder.is_none() && predecoder_use == PredecoderUse::Hard {
            return Err(bad_value("predecoder_use is \"hard\", but there is no predecoder".to_owned()));
        }
        let options = DecoderOptions {
            kind,
            isa,
            certify,
            predecoder_use,
            weight_offset: quantized,
            ..DecoderOptions::default()
        };
        let has_predecoder = predecoder.is_some();
        let decoder = match predecoder {
            Some(predecoder) => outrider::Decoder::with_predecoder(predecoder.copy_for(&graph)?, &options),
            None => outrider::Decoder::with_options(Arc::clone(&graph), &options),
        }
        .map_err(exception)?;
        Ok(Self { graph, shared, options, has_predecoder, weight_offset, inner: Mutex::new(decoder) })
    }

    /// The graph it decodes on.
    #[getter]
    fn graph(&self, py: Python<'_>) -> Py<MatchingGraph> {
        self.shared.clone_ref(py)
    }

    /// Its kind.
    #[getter]
    fn kind(&self) -> &'static str {
        self.options.kind.name()
    }

    /// Predicts the observables of each shot.
    ///
    /// shots: detection events, a row per shot: bool or uint8 of shape (shots, num_detectors), or with
    ///     bit_packed_shots uint8 of shape (shots, ceil(num_detectors / 8)).
    /// overrides: weights for single shots, (offsets, edges, weights): in shot k edge edges[i] weighs
    ///     weights[i] for i from offsets[k] to offsets[k + 1] - 1. Shapes (shots + 1,), (total,), (total,).
    ///     A negative weight forces the edge, its magnitude is the price of taking it back; of two for one
    ///     edge the last counts.
    ///
    /// Returns the predictions: bool of shape (shots, num_observables), or with bit_packed_predictions uint8
    /// of shape (shots, ceil(num_observables / 8)). With return_weights a tuple of them and the weight of
    /// each answer, float64 of shape (shots,), in natural units; for "mwpm-correlated" under the second
    /// pass's weights.
    ///
    /// ValueError for other types and shapes, for an edge that the graph lacks, and, naming the shot from 1,
    /// for one without a perfect matching.
    #[pyo3(signature = (
        shots, *, overrides=None, bit_packed_shots=false, bit_packed_predictions=false, return_weights=false
    ))]
    fn decode_batch<'py>(
        &self,
        py: Python<'py>,
        shots: &Bound<'py, PyAny>,
        overrides: Option<&Bound<'py, PyAny>>,
        bit_packed_shots: bool,
        bit_packed_predictions: bool,
        return_weights: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let batch = self.batch(shots, overrides, bit_packed_shots)?;
        let observable_count = self.graph.observable_count() as usize;
        let predictions = BitsOut::new(py, batch.shots.len(), observable_count, bit_packed_predictions)?;
        let weights: Bound<'py, PyArray1<f64>> = zeros::<f64>(py, batch.shots.len())?.cast_into()?;
        for rows in blocks(batch.shots.len()) {
            let block = self.decode_block(py, &batch, rows.clone(), Kept::Nothing)?;
            predictions.write(rows.start, &block.predictions)?;
            let mut weights = weights.try_readwrite()?;
            for (slot, &weight) in weights.as_slice_mut()?[rows].iter_mut().zip(&block.weights) {
                *slot = self.graph.natural(weight);
            }
        }
        let predictions = predictions.finish()?;
        if return_weights {
            Ok((predictions, weights).into_pyobject(py)?.into_any())
        } else {
            Ok(predictions)
        }
    }

    /// The edges of each shot's answer, ascending: (offsets, edges), shapes (shots + 1,) and (total,).
    ///
    /// Those of shot k are edges[offsets[k]:offsets[k + 1]]. Arguments and errors as for decode_batch.
    #[pyo3(signature = (shots, *, overrides=None, bit_packed_shots=false))]
    fn decode_to_edges<'py>(
        &self,
        py: Python<'py>,
        shots: &Bound<'py, PyAny>,
        overrides: Option<&Bound<'py, PyAny>>,
        bit_packed_shots: bool,
    ) -> PyResult<RaggedArrays<'py>> {
        let batch = self.batch(shots, overrides, bit_packed_shots)?;
        let mut all = Ragged::new();
        for rows in blocks(batch.shots.len()) {
            self.decode_block(py, &batch, rows, Kept::Edges(&mut all))?;
        }
        Ok(all.into_arrays(py))
    }

    /// The edges of each shot's answer by their ends: (offsets, nodes), shapes (shots + 1,) and (total, 2).
    ///
    /// Those of shot k are nodes[offsets[k]:offsets[k + 1]], each a detector and one above it, or -1 for the
    /// boundary. Arguments and errors as for decode_batch.
    #[pyo3(signature = (shots, *, overrides=None, bit_packed_shots=false))]
    fn decode_to_edge_nodes<'py>(
        &self,
        py: Python<'py>,
        shots: &Bound<'py, PyAny>,
        overrides: Option<&Bound<'py, PyAny>>,
        bit_packed_shots: bool,
    ) -> PyResult<RaggedPairArrays<'py>> {
        let batch = self.batch(shots, overrides, bit_packed_shots)?;
        let mut all = RaggedPairs::new();
        for rows in blocks(batch.shots.len()) {
            self.decode_block(py, &batch, rows, Kept::EdgeNodes(&mut all))?;
        }
        all.into_arrays(py)
    }

    /// The events of each shot as they are matched: (offsets, events), shapes (shots + 1,) and (total, 2).
    ///
    /// Those of shot k are events[offsets[k]:offsets[k + 1]], ascending, each an event and one above it, or -1 for
    /// the boundary. Where weights are negative or a pre-decoder was used these are the events left to match.
    /// Arguments and errors as for decode_batch; kind "union-find" matches no pairs, which is a ValueError.
    #[pyo3(signature = (shots, *, overrides=None, bit_packed_shots=false))]
    fn decode_to_pairs<'py>(
        &self,
        py: Python<'py>,
        shots: &Bound<'py, PyAny>,
        overrides: Option<&Bound<'py, PyAny>>,
        bit_packed_shots: bool,
    ) -> PyResult<RaggedPairArrays<'py>> {
        if self.options.kind == DecoderKind::UnionFind {
            return Err(bad_value("kind is \"union-find\", which matches no pairs".to_owned()));
        }
        let batch = self.batch(shots, overrides, bit_packed_shots)?;
        let mut all = RaggedPairs::new();
        for rows in blocks(batch.shots.len()) {
            self.decode_block(py, &batch, rows, Kept::Pairs(&mut all))?;
        }
        all.into_arrays(py)
    }

    /// One shot, in less time than a batch of one takes: (prediction, weight).
    ///
    /// shot: bool or uint8 of shape (n,), n at most num_detectors; a detector that is left out has no event, and any
    ///     byte other than 0 is one.
    ///
    /// Returns the prediction, uint8 of shape (num_observables,), and the weight of the answer, as decode_batch does.
    fn decode_shot<'py>(
        &self,
        py: Python<'py>,
        shot: &Bound<'py, PyAny>,
    ) -> PyResult<(Bound<'py, PyArray1<u8>>, f64)> {
        let events = events_of_shot(shot, self.graph.node_count() as usize)?;
        let mut prediction = vec![0; self.graph.observable_count() as usize];
        let result = py
            .detach(|| {
                let mut packed = vec![0; self.graph.observable_bytes()];
                let result = self.locked().decode_events(&events, &[], &mut packed)?;
                unpack(&packed, &mut prediction);
                Ok(result)
            })
            .map_err(exception)?;
        Ok((prediction.into_pyarray(py), self.graph.natural(result.weight)))
    }

    fn __getnewargs_ex__<'py>(&self, py: Python<'py>) -> PyResult<NewArguments<'py>> {
        if self.has_predecoder {
            return Err(PyTypeError::new_err("a decoder with a pre-decoder cannot be pickled: make it anew"));
        }
        let keywords = PyDict::new(py);
        keywords.set_item("weight_offset", self.weight_offset)?;
        keywords.set_item("isa", self.options.isa.name())?;
        keywords.set_item("certify", self.options.certify)?;
        Ok(((self.shared.clone_ref(py), self.options.kind.name()), keywords))
    }

    fn __repr__(&self) -> String {
        format!("<outrider.Decoder: {} on {} detectors>", self.options.kind, self.graph.node_count())
    }
}

impl Decoder {
    fn batch<'py>(
        &self,
        shots: &Bound<'py, PyAny>,
        overrides: Option<&Bound<'py, PyAny>>,
        packed: bool,
    ) -> PyResult<Batch<'py>> {
        let shots = BitsIn::new(shots, self.graph.node_count() as usize, packed)?;
        let overrides =
            overrides.map(|arrays| Overrides::new(arrays, &self.graph, shots.len())).transpose()?;
        Ok(Batch { shots, overrides })
    }

    /// Decodes some rows of a batch without the interpreter lock.
    fn decode_block(
        &self,
        py: Python<'_>,
        batch: &Batch<'_>,
        rows: Range<usize>,
        kept: Kept<'_>,
    ) -> PyResult<Block> {
        py.check_signals()?;
        let events = batch.shots.read(rows.clone())?;
        let overrides = batch.overrides.as_ref();
        py.detach(|| decode_rows(&mut self.locked(), &events, overrides, rows.start, kept)).map_err(exception)
    }

    fn locked(&self) -> MutexGuard<'_, outrider::Decoder> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a caller wants decoded.
struct Batch<'py> {
    shots: BitsIn<'py>,
    overrides: Option<Overrides>,
}

/// Answers to some rows of a batch.
struct Block {
    predictions: Shots,
    weights: Vec<i64>,
}

/// What is kept of each answer besides its observables.
enum Kept<'a> {
    Nothing,
    Edges(&'a mut Ragged),
    EdgeNodes(&'a mut RaggedPairs),
    Pairs(&'a mut RaggedPairs),
}

impl Kept<'_> {
    /// Of the decoder's last shot.
    fn take(&mut self, decoder: &mut outrider::Decoder) -> Result<(), Error> {
        match self {
            Self::Nothing => {}
            Self::Edges(all) => all.push(decoder.edges()?.iter().copied()),
            Self::EdgeNodes(all) => {
                let graph = Arc::clone(decoder.graph());
                let edges =
                    decoder.edges()?.iter().map(|&edge| graph.edge(edge)).collect::<Result<Vec<_>, _>>()?;
                all.push(edges.iter().map(|edge| (edge.node1, edge.node2)));
            }
            Self::Pairs(all) => all.push(decoder.pairs()?.iter().map(|pair| (pair.event1(), pair.event2()))),
        }
        Ok(())
    }
}

/// Positional and keyword arguments of the constructor.
type NewArguments<'py> = ((Py<MatchingGraph>, &'static str), Bound<'py, PyDict>);

/// Decodes rows that are number `first` and following of their batch.
fn decode_rows(
    decoder: &mut outrider::Decoder,
    events: &Shots,
    overrides: Option<&Overrides>,
    first: usize,
    mut kept: Kept<'_>,
) -> Result<Block, Error> {
    let observable_count = decoder.graph().observable_count() as usize;
    let mut block = Block { predictions: Shots::zeroed(observable_count, events.len()), weights: Vec::new() };
    for (index, row) in events.rows().enumerate() {
        let shot = first + index;
        let overrides = overrides.map_or(&[][..], |overrides| overrides.of_shot(shot));
        let result = decoder
            .decode(row, overrides, block.predictions.row_mut(index))
            .map_err(|error| error.with_shot(shot as u64 + 1))?;
        block.weights.push(result.weight);
        kept.take(decoder)?;
    }
    Ok(block)
}
