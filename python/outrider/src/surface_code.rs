//! Memories on the rotated surface code.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use outrider::{Basis, Circuit, CircuitFamily, Orientation, PaperNoise, StimNoise};
use pyo3::prelude::*;

use crate::errors::{bad_value, exception};
use crate::model::Model;

/// A memory experiment on the rotated surface code: its circuit and its error model.
///
/// distance: of a square patch, or (width, height) in data qubits.
/// noise: one probability for all, or probabilities by name: for "stim" the four arguments of its generator,
///     those not named are 0; for the paper's circuits (arXiv:2604.12841) p_prep_X to p_cnot_ZZ.
/// basis: which logical operator is prepared and measured.
/// circuit: Stim's generator's, the paper's, or the paper's as its published curves have it.
/// orientation: the paper's orientations; Stim's circuit has O1 only.
///
/// ValueError for what the circuit does not have and for values that are no probabilities.
#[pyclass(frozen, module = "outrider")]
pub(crate) struct SurfaceCode {
    inner: Mutex<outrider::SurfaceCode>,
}

#[pymethods]
impl SurfaceCode {
    #[new]
    #[pyo3(signature = (distance, rounds, noise, *, basis="z", circuit="stim", orientation="O1"))]
    fn new(
        distance: &Bound<'_, PyAny>,
        rounds: u32,
        noise: &Bound<'_, PyAny>,
        basis: &str,
        circuit: &str,
        orientation: &str,
    ) -> PyResult<Self> {
        let basis: Basis = basis.parse().map_err(exception)?;
        let family: CircuitFamily = circuit.parse().map_err(exception)?;
        let orientation: Orientation = orientation.parse().map_err(exception)?;
        let (width, height) = size(distance)?;
        let code = outrider::SurfaceCode::memory(width, rounds)
            .size(width, height)
            .basis(basis)
            .circuit(noisy(family, noise)?)
            .orientation(orientation)
            .build()
            .map_err(exception)?;
        Ok(Self { inner: Mutex::new(code) })
    }

    /// Detectors of the experiment.
    #[getter]
    fn num_detectors(&self) -> u64 {
        self.locked(outrider::SurfaceCode::detector_count)
    }

    /// The circuit as .stim text, with REPEAT blocks.
    #[getter]
    fn circuit_text(&self, py: Python<'_>) -> String {
        py.detach(|| self.locked(outrider::SurfaceCode::circuit_text))
    }

    /// The decomposed error model with coordinates.
    ///
    /// Every round is written out, up to 2**21 detectors; folded keeps the rounds of the bulk in a repeat
    /// block. ValueError for more than that.
    #[pyo3(signature = (*, folded=false))]
    fn model(&self, py: Python<'_>, folded: bool) -> PyResult<Model> {
        let detectors = self.num_detectors();
        if !folded && detectors > FLAT_DETECTORS_MAX {
            return Err(bad_value(format!(
                "rounds: the memory has {detectors} detectors, more than the limit of {FLAT_DETECTORS_MAX} for \
                 a model without repeat blocks; ask for folded=True"
            )));
        }
        let make = if folded { outrider::SurfaceCode::folded_model } else { outrider::SurfaceCode::model };
        let inner = py.detach(|| self.locked(make)).map_err(exception)?;
        Ok(Model { inner })
    }

    fn __repr__(&self) -> String {
        format!("<outrider.SurfaceCode: {} detectors>", self.num_detectors())
    }
}

impl SurfaceCode {
    fn locked<T>(&self, call: impl FnOnce(&outrider::SurfaceCode) -> T) -> T {
        call(&self.inner.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Detectors of a model with every round written out: about a gigabyte of it.
const FLAT_DETECTORS_MAX: u64 = 1 << 21;

/// Width and height of a patch, from its distance or as they are.
fn size(distance: &Bound<'_, PyAny>) -> PyResult<(u32, u32)> {
    let square = distance.extract().map(|distance| (distance, distance));
    square.or_else(|_| distance.extract()).map_err(|_| {
        bad_value(format!("distance: expected a whole number or a tuple (width, height), found {distance}"))
    })
}

/// The circuit with one strength for all noise, or with probabilities by name.
fn noisy(family: CircuitFamily, noise: &Bound<'_, PyAny>) -> PyResult<Circuit> {
    if let Ok(p) = noise.extract() {
        return Ok(Circuit::uniform(family, p));
    }
    let named: BTreeMap<String, f64> = noise.extract().map_err(|_| {
        bad_value(format!("noise: expected a probability or a dict of probabilities by name, found {noise}"))
    })?;
    match family {
        CircuitFamily::Stim => StimNoise::from_named(named).map(Circuit::Stim),
        CircuitFamily::Paper => PaperNoise::from_named(named).map(Circuit::Paper),
        CircuitFamily::PaperPublished => PaperNoise::from_named(named).map(Circuit::PaperPublished),
    }
    .map_err(exception)
}
