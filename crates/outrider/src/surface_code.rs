use std::collections::BTreeMap;
use std::fmt;
use std::ptr::{self, NonNull};

use outrider_sys as sys;

use crate::error::{Details, Error, LineMeaning, argument_error};
use crate::model::{DetectorErrorModel, owned, text_of};
use crate::names::named;

/// A memory experiment on the rotated surface code: its circuit and its error model.
///
/// ```
/// use outrider::{Basis, Circuit, StimNoise, SurfaceCode};
///
/// let code = SurfaceCode::memory(5, 10)
///     .basis(Basis::X)
///     .circuit(Circuit::Stim(StimNoise::uniform(0.003)))
///     .build()?;
/// assert!(code.circuit_text().contains("REPEAT"));
/// let model = code.model()?;
/// assert_eq!(model.detector_count(), code.detector_count());
/// assert_eq!(model.observable_count(), 1);
/// # Ok::<(), outrider::Error>(())
/// ```
pub struct SurfaceCode {
    raw: NonNull<sys::otr_surface>,
}

/// What [`SurfaceCode::memory`] starts: settings with defaults, checked by [`build`](Self::build).
#[derive(Debug, Clone, Copy, PartialEq)]
#[must_use = "a builder does nothing until `build`"]
pub struct SurfaceCodeBuilder {
    width: u32,
    height: u32,
    rounds: u32,
    basis: Basis,
    circuit: Circuit,
    orientation: Orientation,
}

/// The memory's basis: which logical operator is prepared and measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Basis {
    /// Logical X.
    X,
    /// Logical Z.
    #[default]
    Z,
}

/// A circuit family with its noise.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Circuit {
    /// The circuit of Stim's generator, `surface_code:rotated_memory_x` or `_z`.
    Stim(StimNoise),
    /// The circuit of arXiv:2604.12841.
    Paper(PaperNoise),
    /// The same without the data-preparation noise and without the data flip before the final readout: what
    /// the paper's published curves correspond to.
    PaperPublished(PaperNoise),
}

/// The circuit families by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum CircuitFamily {
    /// `stim`, see [`Circuit::Stim`].
    #[default]
    Stim,
    /// `paper`, see [`Circuit::Paper`].
    Paper,
    /// `paper-published`, see [`Circuit::PaperPublished`].
    PaperPublished,
}

/// The paper's orientations of the patch; Stim's circuit has one, [`O1`](Self::O1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Orientation {
    /// XV
    #[default]
    O1,
    /// XH
    O2,
    /// ZV
    O3,
    /// ZH
    O4,
}

/// Noise of Stim's circuit, named as in its generator; each a probability.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct StimNoise {
    /// Depolarisation after each Clifford gate.
    pub after_clifford_depolarization: f64,
    /// Depolarisation of the data qubits before each round.
    pub before_round_data_depolarization: f64,
    /// Flip before each measurement.
    pub before_measure_flip_probability: f64,
    /// Flip after each reset.
    pub after_reset_flip_probability: f64,
}

/// Noise of the paper's circuit: 25 probabilities.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct PaperNoise {
    /// Wrong state after a reset in X.
    pub prep_x: f64,
    /// Wrong state after a reset in Z.
    pub prep_z: f64,
    /// Flip before a measurement in X.
    pub meas_x: f64,
    /// Flip before a measurement in Z.
    pub meas_z: f64,
    /// X, Y and Z on a qubit that is idle during a layer of CNOTs.
    pub idle_cnot: [f64; 3],
    /// X, Y and Z on data qubits while the others are measured and reset.
    pub idle_spam: [f64; 3],
    /// IX IY IZ XI XX XY XZ YI YX YY YZ ZI ZX ZY ZZ after a CNOT, control first.
    pub cnot: [f64; 15],
}

impl SurfaceCode {
    /// A square patch of this distance over this many rounds: Z basis, Stim's circuit, no noise unless
    /// changed.
    pub fn memory(distance: u32, rounds: u32) -> SurfaceCodeBuilder {
        SurfaceCodeBuilder {
            width: distance,
            height: distance,
            rounds,
            basis: Basis::default(),
            circuit: Circuit::Stim(StimNoise::default()),
            orientation: Orientation::default(),
        }
    }

    /// Detectors of the experiment.
    pub fn detector_count(&self) -> u64 {
        // SAFETY: `raw` is live and only read.
        unsafe { sys::otr_surface_detector_count(self.raw.as_ptr()) }
    }

    /// The circuit as `.stim` text, with `REPEAT` blocks.
    pub fn circuit_text(&self) -> String {
        text_of(|buffer, capacity| {
            // SAFETY: `raw` is live; C writes at most `capacity` bytes to `buffer`.
            unsafe { sys::otr_surface_circuit_text(self.raw.as_ptr(), buffer, capacity) }
        })
    }

    /// The decomposed error model, with coordinates, every round written out.
    ///
    /// # Errors
    /// [`Limit`](crate::Status::Limit), [`Memory`](crate::Status::Memory).
    pub fn model(&self) -> Result<DetectorErrorModel, Error> {
        self.model_as(false)
    }

    /// The same model with the rounds of the bulk in a `repeat` block: size and time do not grow with the
    /// rounds.
    ///
    /// # Errors
    /// As [`model`](Self::model).
    pub fn folded_model(&self) -> Result<DetectorErrorModel, Error> {
        self.model_as(true)
    }

    fn model_as(&self, folded: bool) -> Result<DetectorErrorModel, Error> {
        let mut raw = ptr::null_mut();
        let mut details = Details::new();
        // SAFETY: `self.raw` is live; the outputs are written at most once.
        let status =
            unsafe { sys::otr_surface_model(self.raw.as_ptr(), folded, &mut raw, details.as_mut_ptr()) };
        details.check(status, LineMeaning::Line)?;
        // SAFETY: the header hands the model over to the caller.
        unsafe { DetectorErrorModel::from_raw(raw) }
    }

    pub(crate) fn as_ptr(&self) -> *const sys::otr_surface {
        self.raw.as_ptr()
    }
}

impl Drop for SurfaceCode {
    fn drop(&mut self) {
        // SAFETY: this value owns `raw`.
        unsafe { sys::otr_surface_destroy(self.raw.as_ptr()) }
    }
}

// SAFETY: a plain heap object without ties to its thread. Not `Sync`, as the header does not promise it.
unsafe impl Send for SurfaceCode {}

impl fmt::Debug for SurfaceCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SurfaceCode").field("detectors", &self.detector_count()).finish_non_exhaustive()
    }
}

impl SurfaceCodeBuilder {
    /// A rectangular patch: data qubits per row and per column.
    pub fn size(self, width: u32, height: u32) -> Self {
        Self { width, height, ..self }
    }

    /// The memory's basis.
    pub fn basis(self, basis: Basis) -> Self {
        Self { basis, ..self }
    }

    /// The circuit and its noise.
    pub fn circuit(self, circuit: Circuit) -> Self {
        Self { circuit, ..self }
    }

    /// The patch's orientation.
    pub fn orientation(self, orientation: Orientation) -> Self {
        Self { orientation, ..self }
    }

    /// Lays out the patch and its circuit.
    ///
    /// # Errors
    /// [`Argument`](crate::Status::Argument) for a size, number of rounds or orientation that the family does
    /// not have, [`Probability`](crate::Status::Probability), [`Limit`](crate::Status::Limit).
    pub fn build(self) -> Result<SurfaceCode, Error> {
        // SAFETY: the call has no preconditions.
        let mut options = unsafe { sys::otr_surface_options_default() };
        options.width = self.width;
        options.height = self.height;
        options.rounds = self.rounds;
        options.basis = self.basis.to_raw();
        options.orientation = self.orientation.to_raw();
        options.family = self.circuit.family().to_raw();
        match self.circuit {
            Circuit::Stim(noise) => options.noise_stim = noise.to_raw(),
            Circuit::Paper(noise) | Circuit::PaperPublished(noise) => options.noise_paper = noise.to_raw(),
        }
        let mut raw = ptr::null_mut();
        let mut details = Details::new();
        // SAFETY: all pointers are live; C keeps none of them after the call.
        let status = unsafe { sys::otr_surface_create(&mut raw, &options, details.as_mut_ptr()) };
        details.check(status, LineMeaning::Line)?;
        Ok(SurfaceCode { raw: owned(raw)? })
    }
}

impl Circuit {
    /// The family's circuit with the uniform noise of strength `p`.
    pub fn uniform(family: CircuitFamily, p: f64) -> Self {
        match family {
            CircuitFamily::Stim => Self::Stim(StimNoise::uniform(p)),
            CircuitFamily::Paper => Self::Paper(PaperNoise::uniform(p)),
            CircuitFamily::PaperPublished => Self::PaperPublished(PaperNoise::uniform(p)),
        }
    }

    /// The family.
    pub fn family(&self) -> CircuitFamily {
        match self {
            Self::Stim(_) => CircuitFamily::Stim,
            Self::Paper(_) => CircuitFamily::Paper,
            Self::PaperPublished(_) => CircuitFamily::PaperPublished,
        }
    }
}

impl StimNoise {
    /// The same probability for all four.
    pub fn uniform(p: f64) -> Self {
        Self {
            after_clifford_depolarization: p,
            before_round_data_depolarization: p,
            before_measure_flip_probability: p,
            after_reset_flip_probability: p,
        }
    }

    /// From probabilities under the names of the fields; those not named are 0, as in Stim's generator.
    ///
    /// # Errors
    /// [`Argument`](crate::Status::Argument) naming a value that is no probability or no parameter.
    pub fn from_named(values: BTreeMap<String, f64>) -> Result<Self, Error> {
        let mut named = NamedNoise::new(values)?;
        let noise = Self {
            after_clifford_depolarization: named.take("after_clifford_depolarization").unwrap_or(0.0),
            before_round_data_depolarization: named.take("before_round_data_depolarization").unwrap_or(0.0),
            before_measure_flip_probability: named.take("before_measure_flip_probability").unwrap_or(0.0),
            after_reset_flip_probability: named.take("after_reset_flip_probability").unwrap_or(0.0),
        };
        named.end()?;
        Ok(noise)
    }

    fn to_raw(self) -> sys::otr_noise_stim {
        sys::otr_noise_stim {
            after_clifford_depolarization: self.after_clifford_depolarization,
            before_round_data_depolarization: self.before_round_data_depolarization,
            before_measure_flip_probability: self.before_measure_flip_probability,
            after_reset_flip_probability: self.after_reset_flip_probability,
        }
    }
}

impl PaperNoise {
    /// The paper's uniform depolarising model of strength `p`.
    pub fn uniform(p: f64) -> Self {
        // SAFETY: the call has no preconditions.
        let raw = unsafe { sys::otr_noise_paper_uniform(p) };
        Self {
            prep_x: raw.prep_x,
            prep_z: raw.prep_z,
            meas_x: raw.meas_x,
            meas_z: raw.meas_z,
            idle_cnot: raw.idle_cnot,
            idle_spam: raw.idle_spam,
            cnot: raw.cnot,
        }
    }

    /// From probabilities under the names of the paper's code: `p_prep_X`, `p_prep_Z`, `p_meas_X`, `p_meas_Z`,
    /// `p_idle_cnot_X` and so on, `p_idle_spam_X` and so on, `p_cnot_IX` to `p_cnot_ZZ`.
    ///
    /// `p` alone stands for uniform noise, and `p_idle_X`, `p_idle_Y`, `p_idle_Z` (the older 22 parameters)
    /// for both idle families.
    ///
    /// # Errors
    /// [`Argument`](crate::Status::Argument) naming a value that is no probability, a parameter that is missing
    /// or one that is unknown.
    pub fn from_named(values: BTreeMap<String, f64>) -> Result<Self, Error> {
        let mut named = NamedNoise::new(values)?;
        if let Some(p) = named.take("p") {
            named.end()?;
            return Ok(Self::uniform(p));
        }
        let old_idle = PAULIS.map(|pauli| named.take(&format!("p_idle_{pauli}")));
        let mut noise = Self {
            prep_x: named.need("p_prep_X")?,
            prep_z: named.need("p_prep_Z")?,
            meas_x: named.need("p_meas_X")?,
            meas_z: named.need("p_meas_Z")?,
            ..Self::default()
        };
        for (index, pauli) in PAULIS.into_iter().enumerate() {
            noise.idle_cnot[index] = named.need_or(&format!("p_idle_cnot_{pauli}"), old_idle[index])?;
            noise.idle_spam[index] = named.need_or(&format!("p_idle_spam_{pauli}"), old_idle[index])?;
        }
        for (slot, paulis) in noise.cnot.iter_mut().zip(CNOT_PAULIS) {
            *slot = named.need(&format!("p_cnot_{paulis}"))?;
        }
        named.end()?;
        Ok(noise)
    }

    fn to_raw(self) -> sys::otr_noise_paper {
        sys::otr_noise_paper {
            prep_x: self.prep_x,
            prep_z: self.prep_z,
            meas_x: self.meas_x,
            meas_z: self.meas_z,
            idle_cnot: self.idle_cnot,
            idle_spam: self.idle_spam,
            cnot: self.cnot,
        }
    }
}

named!(Basis, "basis", otr_basis;
    X "x" OTR_BASIS_X,
    Z "z" OTR_BASIS_Z,
);

named!(CircuitFamily, "circuit", otr_circuit_family;
    Stim "stim" OTR_CIRCUIT_STIM,
    Paper "paper" OTR_CIRCUIT_PAPER,
    PaperPublished "paper-published" OTR_CIRCUIT_PAPER_PUBLISHED,
);

named!(Orientation, "orientation", otr_orientation;
    O1 "O1" OTR_ORIENTATION_O1,
    O2 "O2" OTR_ORIENTATION_O2,
    O3 "O3" OTR_ORIENTATION_O3,
    O4 "O4" OTR_ORIENTATION_O4,
);

/// Paulis in the order of [`PaperNoise::idle_cnot`] and [`PaperNoise::idle_spam`].
const PAULIS: [&str; 3] = ["X", "Y", "Z"];

/// Paulis after a CNOT, control first, in the order of [`PaperNoise::cnot`].
const CNOT_PAULIS: [&str; 15] =
    ["IX", "IY", "IZ", "XI", "XX", "XY", "XZ", "YI", "YX", "YY", "YZ", "ZI", "ZX", "ZY", "ZZ"];

/// Probabilities by name, each to be taken once.
struct NamedNoise(BTreeMap<String, f64>);

impl NamedNoise {
    fn new(values: BTreeMap<String, f64>) -> Result<Self, Error> {
        match values.iter().find(|(_, value)| !(0.0..=1.0).contains(*value)) {
            Some((name, value)) => Err(argument_error(&format!("{name} is {value}, not a probability"))),
            None => Ok(Self(values)),
        }
    }

    fn take(&mut self, name: &str) -> Option<f64> {
        self.0.remove(name)
    }

    fn need(&mut self, name: &str) -> Result<f64, Error> {
        self.need_or(name, None)
    }

    fn need_or(&mut self, name: &str, other: Option<f64>) -> Result<f64, Error> {
        self.take(name).or(other).ok_or_else(|| argument_error(&format!("{name} is missing")))
    }

    fn end(&self) -> Result<(), Error> {
        match self.0.keys().next() {
            Some(name) => Err(argument_error(&format!("{name} is not a noise parameter"))),
            None => Ok(()),
        }
    }
}
