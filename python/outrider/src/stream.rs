//! Histories decoded while their rounds arrive.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use numpy::{IntoPyArray, PyArray1};
use outrider::{
    CellBookState, DecoderKind, DecoderOptions, Patch, PatchOptions, Plan, StreamOptions, Wait,
    WorkersOptions,
};
use pyo3::exceptions::PyIndexError;
use pyo3::prelude::*;

use crate::arrays::{bits_of_row, pack, unpack};
use crate::errors::exception;
use crate::likelihood::cell_options;
use crate::model::Model;
use crate::windows::{Windows, in_order};

/// Decodes a history while its rounds arrive, of any length if the rounds of the model repeat.
///
///     stream = outrider.Stream(model, outrider.Windows("parallel", commit=5, spacing=5, buffer=5), workers=2)
///     for round in range(rounds):
///         stream.push(events(round), is_last=round == rounds - 1)
///         decided, observables = stream.poll()
///     observables = stream.finish()
///
/// model: the model of one history, long enough for its rounds to repeat, see min_rounds.
/// windows: how it is cut.
/// kind, isa, sure_gap, sure_mean, deep_ratio: as for a WindowedDecoder.
/// workers: threads that decide cells; 0 for the thread that pushes. Answers do not depend on it.
///
/// Calls from several threads wait for each other. ValueError as for a WindowedDecoder, and for more workers than can be
/// had.
#[pyclass(frozen, module = "outrider")]
pub(crate) struct Stream {
    plan: Arc<Plan>,
    kind: DecoderKind,
    workers: usize,
    /// The given number of each detector of the plan, where they differ.
    order: Option<Vec<u32>>,
    /// Locked only while the interpreter lock is released, so that the two never wait for each other.
    inner: Mutex<outrider::Stream>,
}

#[pymethods]
impl Stream {
    #[new]
    #[pyo3(signature = (
        model, windows, kind="mwpm", *, workers=0, isa="auto", sure_gap=None, sure_mean=None, deep_ratio=None
    ))]
    #[expect(clippy::too_many_arguments, reason = "keyword arguments of Python")]
    fn new(
        py: Python<'_>,
        model: &Model,
        windows: &Windows,
        kind: &str,
        workers: usize,
        isa: &str,
        sure_gap: Option<f64>,
        sure_mean: Option<f64>,
        deep_ratio: Option<f64>,
    ) -> PyResult<Self> {
        let kind: DecoderKind = kind.parse().map_err(exception)?;
        let decoder = DecoderOptions {
            kind,
            isa: isa.parse().map_err(exception)?,
            likelihood: cell_options(kind, sure_gap, sure_mean, deep_ratio)?,
            ..DecoderOptions::default()
        };
        // Threads that spin would take the cores of whoever makes the rounds.
        let waiting = WorkersOptions { count: workers, wait: Wait::Block, cores: Vec::new() };
        let options = StreamOptions { workers: waiting, layers_max: None };
        py.detach(|| {
            let (rewritten, order) = in_order(&model.inner, windows.time())?;
            let patch_options = PatchOptions { decoder, ..PatchOptions::new(windows.cut()) };
            let patch = Arc::new(Patch::new(rewritten.as_ref().unwrap_or(&model.inner), &patch_options)?);
            let plan = Arc::clone(patch.plan());
            let inner = Mutex::new(outrider::Stream::new(patch, &options)?);
            Ok(Self { plan, kind, workers, order, inner })
        })
        .map_err(exception)
    }

    /// Its kind.
    #[getter]
    fn kind(&self) -> &'static str {
        self.kind.name()
    }

    /// Threads that decide cells.
    #[getter]
    fn workers(&self) -> usize {
        self.workers
    }

    /// Observables of the model.
    #[getter]
    fn num_observables(&self) -> u32 {
        self.plan.graph().observable_count()
    }

    /// Rounds of the model's own history.
    #[getter]
    fn num_rounds(&self) -> u32 {
        self.plan.layer_count()
    }

    /// The shortest history that can be decoded besides the model's own; None if there is no other.
    #[getter]
    fn min_rounds(&self) -> Option<u64> {
        self.plan.layers_min()
    }

    /// The detectors of a round of the model's own history, in the order in which push takes them: uint32 of shape (n,).
    ///
    /// IndexError for a round that it does not have.
    fn round_detectors<'py>(&self, py: Python<'py>, round: u64) -> PyResult<Bound<'py, PyArray1<u32>>> {
        let rounds = u64::from(self.plan.layer_count());
        if round >= rounds {
            return Err(PyIndexError::new_err(format!("round {round} of {rounds}")));
        }
        let width = |round| self.plan.layer_detectors(round, Some(rounds));
        let first: u32 = (0..round).map(width).sum();
        let given = |detector: u32| self.order.as_ref().map_or(detector, |order| order[detector as usize]);
        let detectors: Vec<u32> = (first..first + width(round)).map(given).collect();
        Ok(detectors.into_pyarray(py))
    }

    /// Takes the detection events of the next round, waiting for room if the workers are behind.
    ///
    /// events: bool or uint8 of shape (n,), n the detectors of the round.
    /// is_last: the history ends with it.
    ///
    /// ValueError for other types and shapes, for a history that ends too early, and where a cell has no answer; the
    /// stream goes no further then.
    #[pyo3(signature = (events, *, is_last=false))]
    fn push(&self, py: Python<'_>, events: &Bound<'_, PyAny>, is_last: bool) -> PyResult<()> {
        let bits = bits_of_row("events", events)?;
        let packed = pack("events", &bits, 0)?;
        py.detach(|| self.locked().push_when_room(&packed, bits.len() as u32, is_last)).map_err(exception)
    }

    /// How far the commits got, (rounds, observables): every cell that begins before that round is decided; and the
    /// observables that cells flip up to the first that is not, bool of shape (num_observables,).
    fn poll<'py>(&self, py: Python<'py>) -> PyResult<(u64, Bound<'py, PyAny>)> {
        let (rounds, flips) = py
            .detach(|| self.locked().poll().map(|state| (state.committed, self.flips(&state))))
            .map_err(exception)?;
        Ok((rounds, as_bools(py, flips)?))
    }

    /// Waits until a history that has ended is decided, and returns its observables, bool of shape (num_observables,).
    ///
    /// ValueError before the last round was pushed.
    fn finish<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let flips =
            py.detach(|| self.locked().finish().map(|state| self.flips(&state))).map_err(exception)?;
        as_bools(py, flips)
    }

    /// Begins another history. ValueError before this one is finished.
    fn restart(&self, py: Python<'_>) -> PyResult<()> {
        py.detach(|| self.locked().restart()).map_err(exception)
    }

    fn __repr__(&self) -> String {
        format!("<outrider.Stream: {} on {} workers>", self.kind, self.workers)
    }
}

impl Stream {
    fn flips(&self, state: &CellBookState<'_>) -> Vec<u8> {
        let mut flips = vec![0; self.num_observables() as usize];
        unpack(state.observables, &mut flips);
        flips
    }

    fn locked(&self) -> MutexGuard<'_, outrider::Stream> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn as_bools(py: Python<'_>, bytes: Vec<u8>) -> PyResult<Bound<'_, PyAny>> {
    bytes.into_pyarray(py).call_method1("view", ("bool",))
}
