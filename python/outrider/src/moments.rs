//! Counts of odd parity, from which noise is learned.

use std::ptr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use numpy::{IntoPyArray, PyArray1};
use outrider::{MomentsOptions, TimeAxis};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::arrays::{BitsIn, blocks_of};
use crate::errors::{bad_value, exception};
use crate::model::model_of;

/// Shots copied and counted at once: thousands are fastest.
const COUNTED_SHOTS: usize = 1 << 14;

/// Counts of odd parity of sets of detectors: what detection events tell about the noise that made them.
///
/// Over many shots the mean of (-1)**(events of a set) is the product of 1 - 2 p over the errors that flip an odd number
/// of the set's detectors. The counts are integers: however shots are split into calls, threads and machines, they are
/// the same. Calls from several threads wait for each other: give each thread its own, and merge them.
///
/// model: an outrider.Model, or what makes one. Its sets are every detector, every pair of detectors that an error flips,
///     and for errors of three and four detectors all subsets.
/// with_outside: also pairs of detectors that no error joins, but a common neighbour does: crosstalk shows there.
/// fade_shift: k > 0, at most 16: counts fade by the factor 1 - 2**-k from block to block of block_shots shots.
/// isa: the instruction set; all of them give the same counts.
///
/// ValueError for numbers out of range, a model that is too large, and a missing instruction set; TypeError for no model.
#[pyclass(frozen, module = "outrider")]
pub(crate) struct Moments {
    detector_count: usize,
    set_count: usize,
    fading: bool,
    /// Locked only while the interpreter lock is released, so that the two never wait for each other.
    inner: Mutex<outrider::Moments>,
}

#[pymethods]
impl Moments {
    #[new]
    #[pyo3(signature = (model, *, with_outside=false, fade_shift=0, block_shots=4096, isa="auto"))]
    fn new(
        py: Python<'_>,
        model: &Bound<'_, PyAny>,
        with_outside: bool,
        fade_shift: u32,
        block_shots: u32,
        isa: &str,
    ) -> PyResult<Self> {
        let options = options(with_outside, fade_shift, block_shots, isa)?;
        let model = model_of("model", model)?;
        let model = &model.get().inner;
        Self::made(py, options, || outrider::Moments::for_model_with(model, &options))
    }

    /// Moments of the sets listed, each a sequence of distinct detectors; equal ones are one.
    ///
    /// ValueError for a set that is empty, has a detector twice, or one that is not below num_detectors.
    #[staticmethod]
    #[pyo3(signature = (num_detectors, sets, *, fade_shift=0, block_shots=4096, isa="auto"))]
    fn for_sets(
        py: Python<'_>,
        num_detectors: u32,
        sets: Vec<Vec<u32>>,
        fade_shift: u32,
        block_shots: u32,
        isa: &str,
    ) -> PyResult<Self> {
        let options = options(false, fade_shift, block_shots, isa)?;
        Self::made(py, options, || outrider::Moments::with_sets(num_detectors, &sets, &options))
    }

    /// Moments of every detector and of every pair of detectors, or of the pairs at most rounds_apart rounds apart.
    ///
    /// The model, as for Moments(model), has the detectors, and coordinates if rounds_apart is given. ValueError for more
    /// than 2**25 sets.
    #[staticmethod]
    #[pyo3(signature = (model, *, rounds_apart=None, isa="auto"))]
    fn for_pairs(
        py: Python<'_>,
        model: &Bound<'_, PyAny>,
        rounds_apart: Option<u32>,
        isa: &str,
    ) -> PyResult<Self> {
        let options = options(false, 0, MomentsOptions::default().block_shots, isa)?;
        let model = model_of("model", model)?;
        let model = &model.get().inner;
        let detectors = u32::try_from(model.detector_count()).unwrap_or(u32::MAX);
        Self::made(py, options, || match rounds_apart {
            Some(apart) => {
                let rounds = model.rounds(&TimeAxis::default())?;
                outrider::Moments::for_pairs(detectors, Some((&rounds.of, apart)), &options)
            }
            None => outrider::Moments::for_pairs(detectors, None, &options),
        })
    }

    /// Detectors of a shot.
    #[getter]
    pub(crate) fn num_detectors(&self) -> usize {
        self.detector_count
    }

    /// Number of sets.
    #[getter]
    fn num_sets(&self) -> usize {
        self.set_count
    }

    /// The sets, by size, then by their detectors, which ascend: tuples of int.
    #[getter]
    fn sets<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyTuple>>> {
        let sets: Vec<Vec<u32>> = self.with(py, |moments| moments.sets().map(<[u32]>::to_vec).collect());
        sets.into_iter().map(|set| PyTuple::new(py, set)).collect()
    }

    /// The number of a set of distinct detectors; None if it is not there.
    fn find(&self, py: Python<'_>, mut set: Vec<u32>) -> Option<usize> {
        set.sort_unstable();
        self.with(py, |moments| moments.find(&set))
    }

    /// Counts the detection events of shots.
    ///
    /// shots: a row per shot: bool or uint8 of shape (shots, num_detectors), or with bit_packed_shots uint8 of shape
    ///     (shots, ceil(num_detectors / 8)).
    ///
    /// ValueError for other types and shapes, and beyond 2**48 shots.
    #[pyo3(signature = (shots, *, bit_packed_shots=false))]
    pub(crate) fn add(
        &self,
        py: Python<'_>,
        shots: &Bound<'_, PyAny>,
        bit_packed_shots: bool,
    ) -> PyResult<()> {
        let shots = BitsIn::new(shots, self.detector_count, bit_packed_shots)?;
        for rows in blocks_of(shots.len(), COUNTED_SHOTS) {
            py.check_signals()?;
            let events = shots.read(rows)?;
            py.detach(|| self.locked().add(&events)).map_err(exception)?;
        }
        Ok(())
    }

    /// Adds what another object counted, which has the same sets; neither of them may fade. ValueError otherwise.
    fn merge(&self, py: Python<'_>, other: &Self) -> PyResult<()> {
        if ptr::eq(self, other) {
            return Err(bad_value("other: moments are not merged with themselves".to_owned()));
        }
        py.detach(|| {
            // In one order, so that two merges never wait for each other.
            let (mut own, others);
            if ptr::from_ref(self) < ptr::from_ref(other) {
                own = self.locked();
                others = other.locked();
            } else {
                others = other.locked();
                own = self.locked();
            }
            own.merge(&others)
        })
        .map_err(exception)
    }

    /// Forgets all shots.
    fn clear(&self, py: Python<'_>) {
        py.detach(|| self.locked().clear());
    }

    /// For each set the shots in which an odd number of its detectors fired, uint64; if counts fade, in units of 2**-16.
    #[getter]
    fn counts<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<u64>> {
        self.with(py, |moments| moments.counts().to_vec()).into_pyarray(py)
    }

    /// The shots counted, in the unit of the counts.
    #[getter]
    pub(crate) fn shots(&self, py: Python<'_>) -> u64 {
        self.with(py, outrider::Moments::shots)
    }

    /// As many shots of equal weight would give means as sure as these.
    #[getter]
    fn effective_shots(&self, py: Python<'_>) -> f64 {
        self.with(py, outrider::Moments::effective_shots)
    }

    /// The mean of (-1)**(events) for each set, float64 of shape (num_sets,); 1 without shots.
    fn means<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
        self.with(py, outrider::Moments::means).into_pyarray(py)
    }

    /// The means that a model, as for Moments(model), expects, exact but for rounding.
    ///
    /// ValueError for a model of another number of detectors, and one that is too large.
    fn expected<'py>(&self, model: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyArray1<f64>>> {
        let py = model.py();
        let model = model_of("model", model)?;
        let model = &model.get().inner;
        Ok(self.with(py, |moments| moments.expected(model)).map_err(exception)?.into_pyarray(py))
    }

    fn __repr__(&self, py: Python<'_>) -> String {
        let unit = if self.fading { " (in units of 2**-16)" } else { "" };
        format!(
            "<outrider.Moments: {} detectors, {} sets, {} shots{unit}>",
            self.detector_count,
            self.set_count,
            self.shots(py)
        )
    }
}

impl Moments {
    /// Makes them without the interpreter lock.
    pub(crate) fn made(
        py: Python<'_>,
        options: MomentsOptions,
        make: impl FnOnce() -> Result<outrider::Moments, outrider::Error> + Send,
    ) -> PyResult<Self> {
        let moments = py.detach(make).map_err(exception)?;
        Ok(Self {
            detector_count: moments.detector_count(),
            set_count: moments.set_count(),
            fading: options.fade_shift > 0,
            inner: Mutex::new(moments),
        })
    }

    /// What is asked of the moments, without the interpreter lock.
    pub(crate) fn with<T: Send>(
        &self,
        py: Python<'_>,
        ask: impl FnOnce(&outrider::Moments) -> T + Send,
    ) -> T {
        py.detach(|| ask(&self.locked()))
    }

    fn locked(&self) -> MutexGuard<'_, outrider::Moments> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn options(with_outside: bool, fade_shift: u32, block_shots: u32, isa: &str) -> PyResult<MomentsOptions> {
    let isa = isa.parse().map_err(exception)?;
    Ok(MomentsOptions { isa, with_outside, fade_shift, block_shots })
}
