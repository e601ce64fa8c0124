//! Histories in windows: how they are cut, and batches of them decoded cell by cell.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use outrider::{
    Axis, DecoderKind, DecoderOptions, DetectorErrorModel, EdgeEnds, Error, GraphOptions, HistoryDecoder,
    HistoryWindows, MatchingGraph, Plan, PlanOptions, PredecoderUse, RowLayout, Rows, Shots, TimeAxis,
    WindowDecoder,
};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::arrays::{BitsIn, BitsOut, RaggedPairArrays, RaggedPairs, blocks};
use crate::errors::{bad_value, exception};
use crate::likelihood::cell_options;
use crate::model::Model;
use crate::predecoder::Predecoder;

/// How histories are cut into cells, each decided from a window around it.
///
/// layout: "forward", one cell after the other; "parallel", cells apart, those between them decided after both
///     neighbours; "sandwich", parallel, one round apart; "chessboard" and "brick", cells in space too, for wide
///     patches.
/// commit: rounds of a cell.
/// buffer: rounds, and sites, around a cell that its window includes; fewer than the distance cost accuracy.
/// spacing: rounds between cells, which "parallel" needs, and "chessboard" may have.
/// row_width: sites of a row of cells, which "chessboard" and "brick" need.
/// row_axis: the coordinate along which rows follow one another, "x" or "y".
/// row_pitch: coordinate units of a site; None for 2, as in Stim's circuits.
/// time_axis: the coordinate that is time, from 0; None for 2, or the last one of models with one or two.
/// time_unit: units of it that a round lasts; None for the greatest common step of its values.
/// time_offset: a time at which a round begins; None for that of the earliest detectors.
///
/// The same words mean the same to the program's --window. ValueError for values out of range, for one that the layout
/// needs, and for one that it has no use for.
#[pyclass(frozen, module = "outrider")]
pub(crate) struct Windows {
    layout: Layout,
    cut: PlanOptions,
    time: TimeAxis,
    given: Given,
}

/// The optional arguments as they were given.
#[derive(Clone)]
struct Given {
    spacing: Option<u32>,
    row_width: Option<u32>,
    row_axis: Option<String>,
    row_pitch: Option<f64>,
}

#[pymethods]
impl Windows {
    #[new]
    #[pyo3(signature = (layout, *, commit, buffer, spacing=None, row_width=None, row_axis=None, row_pitch=None,
        time_axis=None, time_unit=None, time_offset=None))]
    #[expect(clippy::too_many_arguments, reason = "keyword arguments of Python")]
    fn new(
        layout: &str,
        commit: u32,
        buffer: u32,
        spacing: Option<u32>,
        row_width: Option<u32>,
        row_axis: Option<String>,
        row_pitch: Option<f64>,
        time_axis: Option<u32>,
        time_unit: Option<f64>,
        time_offset: Option<f64>,
    ) -> PyResult<Self> {
        let layout = Layout::named(layout)?;
        let given = Given { spacing, row_width, row_axis, row_pitch };
        if commit == 0 {
            return Err(bad_value("commit is 0, but cells have rounds".to_owned()));
        }
        let spacing = given.spacing(layout)?;
        let cut = PlanOptions { cell_layers: commit, spacing, buffer, rows: given.rows(layout)?, context: 0 };
        let time = TimeAxis { axis: time_axis, unit: time_unit, offset: time_offset };
        Ok(Self { layout, cut, time, given })
    }

    /// Its layout.
    #[getter]
    fn layout(&self) -> &'static str {
        self.layout.name()
    }

    /// Rounds of a cell.
    #[getter]
    fn commit(&self) -> u32 {
        self.cut.cell_layers
    }

    /// Rounds, and sites, around a cell that its window includes.
    #[getter]
    fn buffer(&self) -> u32 {
        self.cut.buffer
    }

    /// Rounds between cells.
    #[getter]
    fn spacing(&self) -> u32 {
        self.cut.spacing
    }

    fn __getnewargs_ex__<'py>(&self, py: Python<'py>) -> PyResult<((&'static str,), Bound<'py, PyDict>)> {
        let keywords = PyDict::new(py);
        keywords.set_item("commit", self.cut.cell_layers)?;
        keywords.set_item("buffer", self.cut.buffer)?;
        keywords.set_item("spacing", self.given.spacing)?;
        keywords.set_item("row_width", self.given.row_width)?;
        keywords.set_item("row_axis", self.given.row_axis.as_deref())?;
        keywords.set_item("row_pitch", self.given.row_pitch)?;
        keywords.set_item("time_axis", self.time.axis)?;
        keywords.set_item("time_unit", self.time.unit)?;
        keywords.set_item("time_offset", self.time.offset)?;
        Ok(((self.layout.name(),), keywords))
    }

    fn __repr__(&self) -> String {
        let PlanOptions { cell_layers, spacing, buffer, .. } = self.cut;
        let layout = self.layout.name();
        format!("<outrider.Windows: {layout}, commit {cell_layers}, spacing {spacing}, buffer {buffer}>")
    }
}

impl Windows {
    /// How plans cut, but for the context of a pre-decoder.
    pub(crate) fn cut(&self) -> PlanOptions {
        self.cut
    }

    /// What is given about time.
    pub(crate) fn time(&self) -> &TimeAxis {
        &self.time
    }
}

impl Given {
    fn spacing(&self, layout: Layout) -> PyResult<u32> {
        match (layout, self.spacing) {
            (Layout::Parallel, None) => Err(layout.needs("spacing")),
            (Layout::Parallel, Some(0)) => {
                Err(bad_value("spacing is 0: that is layout \"forward\"".to_owned()))
            }
            (Layout::Parallel | Layout::Chessboard, spacing) => Ok(spacing.unwrap_or(0)),
            (_, Some(_)) => Err(layout.has_no("spacing")),
            (Layout::Sandwich, None) => Ok(1),
            (Layout::Forward | Layout::Brick, None) => Ok(0),
        }
    }

    fn rows(&self, layout: Layout) -> PyResult<Option<Rows>> {
        let row_layout = match layout {
            Layout::Chessboard => RowLayout::Chessboard,
            Layout::Brick => RowLayout::Brick,
            _ => {
                let given = [
                    ("row_width", self.row_width.is_some()),
                    ("row_axis", self.row_axis.is_some()),
                    ("row_pitch", self.row_pitch.is_some()),
                ];
                let unused = given.into_iter().find(|&(_, is_given)| is_given);
                return unused.map_or(Ok(None), |(name, _)| Err(layout.has_no(name)));
            }
        };
        let width = self.row_width.ok_or_else(|| layout.needs("row_width"))?;
        if width == 0 {
            return Err(bad_value("row_width is 0, but rows have sites".to_owned()));
        }
        let axis = match self.row_axis.as_deref() {
            None | Some("x") => Axis::X,
            Some("y") => Axis::Y,
            Some(other) => return Err(bad_value(format!("row_axis is \"{other}\", not \"x\" or \"y\""))),
        };
        let pitch = self.row_pitch.unwrap_or(STIM_PITCH);
        if !(pitch.is_finite() && pitch > 0.0) {
            return Err(bad_value(format!("row_pitch is {pitch}, not above 0")));
        }
        Ok(Some(Rows { width, axis, pitch, layout: row_layout }))
    }
}

/// Coordinate units between neighbouring detectors of one kind in Stim's circuits.
const STIM_PITCH: f64 = 2.0;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Layout {
    Forward,
    Parallel,
    Sandwich,
    Chessboard,
    Brick,
}

impl Layout {
    const ALL: [Self; 5] = [Self::Forward, Self::Parallel, Self::Sandwich, Self::Chessboard, Self::Brick];

    fn named(name: &str) -> PyResult<Self> {
        let found = Self::ALL.into_iter().find(|layout| layout.name() == name);
        found.ok_or_else(|| {
            let names = Self::ALL.map(|layout| format!("\"{}\"", layout.name())).join(", ");
            bad_value(format!("layout is \"{name}\", not one of {names}"))
        })
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Forward => "forward",
            Self::Parallel => "parallel",
            Self::Sandwich => "sandwich",
            Self::Chessboard => "chessboard",
            Self::Brick => "brick",
        }
    }

    fn needs(self, argument: &str) -> PyErr {
        bad_value(format!("layout \"{}\" needs {argument}", self.name()))
    }

    fn has_no(self, argument: &str) -> PyErr {
        bad_value(format!("{argument} is given, but layout \"{}\" has none", self.name()))
    }
}

/// A decoder of histories in windows, whose answers are those of the program's --window.
///
/// model: the model of a whole history; detectors need coordinates, and may have any order.
/// windows: how it is cut.
/// kind, predecoder_use, isa: as for Decoder; also "likelihood", sums over errors where matching is unsure, see
///     Likelihood, which uses a pre-decoder softly.
/// predecoder: a copy of it is made for the model, and works in every window.
/// ignore_undecomposable, first_observables: as for MatchingGraph.
/// sure_gap, sure_mean, deep_ratio: of kind "likelihood" only, as for Likelihood.
///
/// Calls from several threads wait for each other. ValueError for what a Decoder or MatchingGraph refuses, for
/// coordinates that give no rounds, and for cells that are too short or too narrow for the edges.
#[pyclass(frozen, module = "outrider")]
pub(crate) struct WindowedDecoder {
    plan: Arc<Plan>,
    kind: DecoderKind,
    /// Locked only while the interpreter lock is released, so that the two never wait for each other.
    inner: Mutex<HistoryDecoder>,
}

#[pymethods]
impl WindowedDecoder {
    #[new]
    #[pyo3(signature = (
        model, windows, kind="mwpm", *, predecoder=None, predecoder_use="soft", isa="auto",
        ignore_undecomposable=false, first_observables=false, sure_gap=None, sure_mean=None, deep_ratio=None
    ))]
    #[expect(clippy::too_many_arguments, reason = "keyword arguments of Python")]
    fn new(
        py: Python<'_>,
        model: &Model,
        windows: &Windows,
        kind: &str,
        predecoder: Option<&Predecoder>,
        predecoder_use: &str,
        isa: &str,
        ignore_undecomposable: bool,
        first_observables: bool,
        sure_gap: Option<f64>,
        sure_mean: Option<f64>,
        deep_ratio: Option<f64>,
    ) -> PyResult<Self> {
        let kind: DecoderKind = kind.parse().map_err(exception)?;
        let predecoder_use: PredecoderUse = predecoder_use.parse().map_err(exception)?;
        if predecoder.is_none() && predecoder_use == PredecoderUse::Hard {
            return Err(bad_value("predecoder_use is \"hard\", but there is no predecoder".to_owned()));
        }
        let recipe = Recipe {
            graph: GraphOptions { ignore_undecomposable, first_observables, ..kind.graph_options() },
            decoder: DecoderOptions {
                kind,
                isa: isa.parse().map_err(exception)?,
                predecoder_use,
                likelihood: cell_options(kind, sure_gap, sure_mean, deep_ratio)?,
                ..DecoderOptions::default()
            },
            predecoder,
        };
        let (windows, inner) = py.detach(|| recipe.make(&model.inner, windows)).map_err(exception)?;
        Ok(Self { plan: Arc::clone(windows.plan()), kind, inner: Mutex::new(inner) })
    }

    /// Its kind.
    #[getter]
    fn kind(&self) -> &'static str {
        self.kind.name()
    }

    /// Detectors of a history.
    #[getter]
    fn num_detectors(&self) -> u32 {
        self.plan.graph().node_count()
    }

    /// Observables of the model.
    #[getter]
    fn num_observables(&self) -> u32 {
        self.plan.graph().observable_count()
    }

    /// Rounds of a history.
    #[getter]
    fn num_rounds(&self) -> u32 {
        self.plan.layer_count()
    }

    /// Whether each cell waits for the one before: in layout "forward", and where any other order would leave cells
    /// without a way to a boundary.
    #[getter]
    fn is_sequential(&self) -> bool {
        self.plan.is_sequential()
    }

    /// Predicts the observables of each shot; shots, predictions and errors as for Decoder.decode_batch.
    #[pyo3(signature = (shots, *, bit_packed_shots=false, bit_packed_predictions=false))]
    fn decode_batch<'py>(
        &self,
        py: Python<'py>,
        shots: &Bound<'py, PyAny>,
        bit_packed_shots: bool,
        bit_packed_predictions: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let shots = BitsIn::new(shots, self.num_detectors() as usize, bit_packed_shots)?;
        let predictions =
            BitsOut::new(py, shots.len(), self.num_observables() as usize, bit_packed_predictions)?;
        for rows in blocks(shots.len()) {
            py.check_signals()?;
            let events = shots.read(rows.clone())?;
            let block = py.detach(|| self.decode_rows(&events, rows.start, None)).map_err(exception)?;
            predictions.write(rows.start, &block)?;
        }
        predictions.finish()
    }

    /// The edges that each shot's cells commit, by their ends, ascending: (offsets, nodes), as
    /// Decoder.decode_to_edge_nodes has them. Arguments and errors as for decode_batch.
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
            py.detach(|| self.decode_rows(&events, rows.start, Some(&mut all))).map_err(exception)?;
        }
        all.into_arrays(py)
    }

    fn __repr__(&self) -> String {
        format!("<outrider.WindowedDecoder: {} on {} rounds>", self.kind, self.num_rounds())
    }
}

impl WindowedDecoder {
    /// Decodes rows that are number `first` and following of their batch.
    fn decode_rows(
        &self,
        events: &Shots,
        first: usize,
        mut kept: Option<&mut RaggedPairs>,
    ) -> Result<Shots, Error> {
        let mut predictions = Shots::zeroed(self.num_observables() as usize, events.len());
        let mut edges: Vec<EdgeEnds> = Vec::new();
        let mut decoder = self.locked();
        for (index, row) in events.rows().enumerate() {
            edges.clear();
            let wanted = kept.is_some().then_some(&mut edges);
            decoder
                .decode(row, predictions.row_mut(index), wanted)
                .map_err(|error| error.with_shot((first + index) as u64 + 1))?;
            if let Some(kept) = &mut kept {
                edges.sort_unstable();
                kept.push(edges.iter().map(|edge| (edge.node1, edge.node2)));
            }
        }
        Ok(predictions)
    }

    fn locked(&self) -> MutexGuard<'_, HistoryDecoder> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a decoder is made from besides model and windows.
struct Recipe<'a> {
    graph: GraphOptions,
    decoder: DecoderOptions,
    predecoder: Option<&'a Predecoder>,
}

impl Recipe<'_> {
    fn make(
        &self,
        given: &DetectorErrorModel,
        windows: &Windows,
    ) -> Result<(HistoryWindows, HistoryDecoder), Error> {
        let (rewritten, order) = in_order(given, &windows.time)?;
        let model = rewritten.as_ref().unwrap_or(given);
        let graph = Arc::new(MatchingGraph::new(model, &self.graph)?);
        let predecoder = || self.predecoder.map(|it| it.made_for(&graph, model)).transpose();
        let reach = predecoder()?.map_or(0.0, |predecoder| predecoder.reach().rounds.ceil());
        // A reach without end is more than any plan takes.
        let cut = PlanOptions { context: reach as u32, ..windows.cut };
        let plan = Arc::new(Plan::new(Arc::clone(&graph), model, &cut)?);
        let windows = HistoryWindows::new(plan, order)?;
        let decoder = windows.decoder(|window| WindowDecoder::new(window, predecoder()?, &self.decoder))?;
        Ok((windows, decoder))
    }
}

/// The model with detectors in the order of rounds, if it is another one, and the given number of each of them.
pub(crate) fn in_order(
    model: &DetectorErrorModel,
    time: &TimeAxis,
) -> Result<(Option<DetectorErrorModel>, Option<Vec<u32>>), Error> {
    if !model.rounds(time)?.is_ascending {
        let (sorted, order) = model.sorted_by_rounds(time)?;
        return Ok((Some(sorted), Some(order)));
    }
    let is_given = *time != TimeAxis::default();
    Ok((is_given.then(|| model.in_rounds(time)).transpose()?, None))
}
