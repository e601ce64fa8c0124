//! Decoding batches of shots.

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use numpy::{PyArray1, PyArrayMethods};
use outrider::{DecoderKind, DecoderOptions, Error, Isa, PredecoderUse, Shots};
use pyo3::prelude::*;

use crate::arrays::{BitsIn, BitsOut, Overrides, Ragged, RaggedArrays, blocks, zeros};
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
    kind: DecoderKind,
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
    fn new(
        graph: &MatchingGraph,
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
        let graph = Arc::clone(&graph.inner);
        let weight_offset = quantized_offset(&graph, weight_offset)?;
        if predecoder.is_none() && predecoder_use == PredecoderUse::Hard {
            return Err(bad_value("predecoder_use is \"hard\", but there is no predecoder".to_owned()));
        }
        let options = DecoderOptions { kind, isa, certify, predecoder_use, weight_offset };
        let decoder = match predecoder {
            Some(predecoder) => outrider::Decoder::with_predecoder(predecoder.copy_for(&graph)?, &options),
            None => outrider::Decoder::with_options(Arc::clone(&graph), &options),
        }
        .map_err(exception)?;
        Ok(Self { graph, kind, inner: Mutex::new(decoder) })
    }

    /// The graph it decodes on.
    #[getter]
    fn graph(&self) -> MatchingGraph {
        MatchingGraph { inner: Arc::clone(&self.graph) }
    }

    /// Its kind.
    #[getter]
    fn kind(&self) -> &'static str {
        self.kind.name()
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
            let block = self.decode_block(py, &batch, rows.clone(), Edges::Ignored)?;
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
            self.decode_block(py, &batch, rows, Edges::Kept(&mut all))?;
        }
        Ok(all.into_arrays(py))
    }

    fn __repr__(&self) -> String {
        format!("<outrider.Decoder: {} on {} detectors>", self.kind, self.graph.node_count())
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
        edges: Edges<'_>,
    ) -> PyResult<Block> {
        py.check_signals()?;
        let events = batch.shots.read(rows.clone())?;
        let overrides = batch.overrides.as_ref();
        py.detach(|| {
            let mut decoder = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
            decode_rows(&mut decoder, &events, overrides, rows.start, edges)
        })
        .map_err(exception)
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

/// What becomes of the edges of each answer.
enum Edges<'a> {
    Ignored,
    Kept(&'a mut Ragged),
}

/// Decodes rows that are number `first` and following of their batch.
fn decode_rows(
    decoder: &mut outrider::Decoder,
    events: &Shots,
    overrides: Option<&Overrides>,
    first: usize,
    mut edges: Edges<'_>,
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
        if let Edges::Kept(all) = &mut edges {
            all.push(decoder.edges()?.iter().copied());
        }
    }
    Ok(block)
}
