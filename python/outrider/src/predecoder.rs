//! Pre-decoders on batches of shots.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use numpy::{IntoPyArray, PyArray1};
use outrider::{DetectorErrorModel, Error, Network, NetworkOptions, PredecoderUse, Rule, RuleOptions, Shots};
use pyo3::prelude::*;

use crate::arrays::{BitsIn, BitsOut, Ragged, blocks};
use crate::errors::{bad_value, exception};
use crate::graph::MatchingGraph;
use crate::model::Model;

/// A pre-decoder: detection events in; log-odds of edges near them, or a smaller shot, out.
///
/// Give it to a Decoder, which makes a copy of its own, or ask it here. Calls from several threads wait for
/// each other.
#[pyclass(frozen, module = "outrider")]
pub(crate) struct Predecoder {
    recipe: Recipe,
    /// Locked only while the interpreter lock is released, so that the two never wait for each other.
    inner: Mutex<outrider::Predecoder>,
}

/// What every copy is made from.
struct Recipe {
    kind: Kind,
    model: Py<Model>,
    graph: Arc<outrider::MatchingGraph>,
    threshold: f64,
}

enum Kind {
    Rule(RuleOptions),
    Network(Network, NetworkOptions),
}

impl Recipe {
    fn make(&self) -> Result<outrider::Predecoder, Error> {
        self.made_for(&self.graph, &self.model.get().inner)
    }

    fn made_for(
        &self,
        graph: &Arc<outrider::MatchingGraph>,
        model: &DetectorErrorModel,
    ) -> Result<outrider::Predecoder, Error> {
        let graph = Arc::clone(graph);
        let mut predecoder = match &self.kind {
            Kind::Rule(options) => outrider::Predecoder::rule(graph, model, options)?,
            Kind::Network(network, options) => {
                outrider::Predecoder::network(network, graph, model, None, options)?
            }
        };
        predecoder.set_threshold(self.threshold)?;
        Ok(predecoder)
    }

    fn finish(self, py: Python<'_>) -> PyResult<Predecoder> {
        let inner = py.detach(|| self.make()).map_err(exception)?;
        Ok(Predecoder { recipe: self, inner: Mutex::new(inner) })
    }
}

#[pymethods]
impl Predecoder {
    /// A rule without training on `graph`, which was built from `model`.
    ///
    /// name: "clique" clears pairs of adjacent events, and single ones at the boundary, with no other event
    ///     beside them; "smith" pairs adjacent events greedily; "min-sum" passes messages on the errors of the
    ///     model, for soft use.
    /// iterations: passes of "smith" or "min-sum"; None for the rule's own default.
    /// threshold: hard use fixes edges of at least this probability, between 0 and 1.
    ///
    /// ValueError for another name or model and for values out of range.
    #[staticmethod]
    #[pyo3(signature = (name, model, graph, *, iterations=None, threshold=0.5, isa="auto"))]
    fn rule(
        py: Python<'_>,
        name: &str,
        model: Py<Model>,
        graph: &MatchingGraph,
        iterations: Option<u32>,
        threshold: f64,
        isa: &str,
    ) -> PyResult<Self> {
        let rule: Rule = name.parse().map_err(exception)?;
        let own = RuleOptions::new(rule);
        let isa = isa.parse().map_err(exception)?;
        let options = RuleOptions { isa, iterations: iterations.unwrap_or(own.iterations), ..own };
        Recipe { kind: Kind::Rule(options), model, graph: Arc::clone(&graph.inner), threshold }.finish(py)
    }

    /// The trained event network of a .safetensors file on `graph`, which was built from `model`.
    ///
    /// threshold: hard use fixes edges of at least this probability, between 0 and 1.
    ///
    /// OSError if the file cannot be read; ValueError for one that is no event network, for a model without
    /// coordinates or of a code that the network was not made for, and for values out of range.
    #[staticmethod]
    #[pyo3(signature = (path, model, graph, *, threshold=0.5, isa="auto"))]
    fn from_file(
        py: Python<'_>,
        path: PathBuf,
        model: Py<Model>,
        graph: &MatchingGraph,
        threshold: f64,
        isa: &str,
    ) -> PyResult<Self> {
        let isa = isa.parse().map_err(exception)?;
        let network = py.detach(|| Network::from_file(path)).map_err(exception)?;
        let kind = Kind::Network(network, NetworkOptions { isa, ..NetworkOptions::default() });
        Recipe { kind, model, graph: Arc::clone(&graph.inner), threshold }.finish(py)
    }

    /// The kind in words.
    #[getter]
    fn name(&self, py: Python<'_>) -> &'static str {
        py.detach(|| self.locked(|inner| inner.name()))
    }

    /// How far an answer looks, (x, y, rounds): edges at a detector depend on events at most this far from it,
    /// in the units of the model's detector coordinates; infinite where nothing bounds it.
    #[getter]
    fn reach(&self, py: Python<'_>) -> (f64, f64, f64) {
        let reach = py.detach(|| self.locked(|inner| inner.reach()));
        (reach.x, reach.y, reach.rounds)
    }

    /// Soft use adds this to the weight of every edge that log_odds does not name, in natural units.
    #[getter]
    fn weight_offset(&self, py: Python<'_>) -> f64 {
        let offset = py.detach(|| self.locked(|inner| inner.weight_offset(PredecoderUse::Soft)));
        self.recipe.graph.natural(offset.into())
    }

    /// Soft use: ln((1-p)/p) of edges near the events of each shot, p the probability that the edge flipped.
    ///
    /// shots: as for Decoder.decode_batch. Returns (offsets, edges, weights) as decode_batch takes overrides:
    /// those of shot k are from offsets[k] to offsets[k + 1] - 1, each edge at most once. int64 of shape
    /// (shots + 1,), uint32 and float64 of shape (total,).
    ///
    /// ValueError for other types and shapes.
    #[pyo3(signature = (shots, *, bit_packed_shots=false))]
    fn log_odds<'py>(
        &self,
        py: Python<'py>,
        shots: &Bound<'py, PyAny>,
        bit_packed_shots: bool,
    ) -> PyResult<LogOdds<'py>> {
        let shots = self.shots(shots, bit_packed_shots)?;
        let (mut edges, mut weights) = (Ragged::new(), Vec::new());
        for rows in blocks(shots.len()) {
            py.check_signals()?;
            let events = shots.read(rows.clone())?;
            py.detach(|| {
                self.locked(|inner| {
                    for_each_row(&events, &rows, |events| {
                        let overrides = inner.apply(PredecoderUse::Soft, events)?.overrides;
                        edges.push(overrides.iter().map(|entry| entry.edge));
                        let natural = |weight: i32| self.recipe.graph.natural(weight.into());
                        weights.extend(overrides.iter().map(|entry| natural(entry.weight)));
                        Ok(())
                    })
                })
            })
            .map_err(exception)?;
        }
        let (offsets, edges) = edges.into_arrays(py);
        Ok((offsets, edges, weights.into_pyarray(py)))
    }

    /// Hard use: what is left of each shot after likely edges are fixed for good.
    ///
    /// shots: as for Decoder.decode_batch. Returns the events left and the observables that the fixed edges
    /// flip, (detectors, observables): bool of shapes (shots, num_detectors) and (shots, num_observables), with
    /// bit_packed uint8, eight to a column.
    ///
    /// ValueError for other types and shapes.
    #[pyo3(signature = (shots, *, bit_packed_shots=false, bit_packed=false))]
    fn residual<'py>(
        &self,
        py: Python<'py>,
        shots: &Bound<'py, PyAny>,
        bit_packed_shots: bool,
        bit_packed: bool,
    ) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyAny>)> {
        let shots = self.shots(shots, bit_packed_shots)?;
        let graph = &self.recipe.graph;
        let detectors = BitsOut::new(py, shots.len(), graph.node_count() as usize, bit_packed)?;
        let observables = BitsOut::new(py, shots.len(), graph.observable_count() as usize, bit_packed)?;
        for rows in blocks(shots.len()) {
            py.check_signals()?;
            let events = shots.read(rows.clone())?;
            let mut left = Shots::new(graph.node_count() as usize);
            let mut flips = Shots::new(graph.observable_count() as usize);
            py.detach(|| {
                self.locked(|inner| {
                    for_each_row(&events, &rows, |events| {
                        let residual = inner.apply(PredecoderUse::Hard, events)?;
                        let mut row = vec![0_u8; left.stride()];
                        for &event in residual.events {
                            row[event as usize / 8] |= 1 << (event % 8);
                        }
                        left.push(&row)?;
                        flips.push(residual.observables)
                    })
                })
            })
            .map_err(exception)?;
            detectors.write(rows.start, &left)?;
            observables.write(rows.start, &flips)?;
        }
        Ok((detectors.finish()?, observables.finish()?))
    }

    fn __repr__(&self, py: Python<'_>) -> String {
        format!("<outrider.Predecoder: {} on {} detectors>", self.name(py), self.recipe.graph.node_count())
    }
}

/// Offsets, edges and weights.
type LogOdds<'py> = (Bound<'py, PyArray1<i64>>, Bound<'py, PyArray1<u32>>, Bound<'py, PyArray1<f64>>);

impl Predecoder {
    /// A copy for a decoder over `graph`.
    pub(crate) fn copy_for(&self, graph: &Arc<outrider::MatchingGraph>) -> PyResult<outrider::Predecoder> {
        if !Arc::ptr_eq(graph, &self.recipe.graph) {
            return Err(bad_value("predecoder: it was made for another graph".to_owned()));
        }
        self.recipe.make().map_err(exception)
    }

    /// A copy for another graph, which was built from `model`.
    pub(crate) fn made_for(
        &self,
        graph: &Arc<outrider::MatchingGraph>,
        model: &DetectorErrorModel,
    ) -> Result<outrider::Predecoder, Error> {
        self.recipe.made_for(graph, model)
    }

    fn shots<'py>(&self, shots: &Bound<'py, PyAny>, packed: bool) -> PyResult<BitsIn<'py>> {
        BitsIn::new(shots, self.recipe.graph.node_count() as usize, packed)
    }

    fn locked<T>(&self, call: impl FnOnce(&mut outrider::Predecoder) -> T) -> T {
        call(&mut self.inner.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Calls `each` with the events of each row; `numbers` are the rows' numbers in their batch.
fn for_each_row(
    shots: &Shots,
    numbers: &Range<usize>,
    mut each: impl FnMut(&[u32]) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut events = Vec::new();
    for (row, number) in numbers.clone().enumerate() {
        events.clear();
        events.extend(shots.ones(row).map(|event| event as u32));
        each(&events).map_err(|error| error.with_shot(number as u64 + 1))?;
    }
    Ok(())
}
