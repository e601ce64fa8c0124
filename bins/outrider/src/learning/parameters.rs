//! Circuits by the noise of one parameter at a time.

use std::fmt::Write;

use outrider::{
    Circuit, DetectorErrorModel, InstructionKind, PaperNoise, StimNoise, SurfaceCodeBuilder, TargetKind,
};

use crate::error::{Error, Result};
use crate::options::surface::flat_model;

/// Errors of a circuit, parameter by parameter.
pub(crate) struct Parameters {
    /// All of them, those of one parameter after those of the other.
    pub(crate) model: DetectorErrorModel,
    /// The parameter of each error.
    pub(crate) groups: Vec<u32>,
    /// What the parameters are called.
    pub(crate) names: Vec<String>,
}

/// A circuit with the noise of one parameter, and its name.
type OneParameter = (String, Circuit);

/// Takes a memory's circuit apart by the parameters of its noise that are not 0.
pub(crate) fn parameters_of(memory: SurfaceCodeBuilder, circuit: Circuit) -> Result<Parameters> {
    let all = memory.circuit(circuit).build()?.model()?;
    let mut text = declarations(&all);
    let (mut groups, mut names) = (Vec::new(), Vec::new());
    for (name, circuit) in circuits_of(circuit) {
        let part = flat_model(&memory.circuit(circuit).build()?)?;
        let errors = usize::try_from(part.error_count()).unwrap_or(usize::MAX);
        groups.resize(groups.len() + errors, names.len() as u32);
        names.push(name);
        push_errors(&mut text, &part)?;
    }
    if names.is_empty() {
        return Err(Error::Usage("--tie class: the circuit has no noise to learn".to_owned()));
    }
    Ok(Parameters { model: DetectorErrorModel::parse(&text)?, groups, names })
}

/// Declares the last detector and observable, so that there are as many as `model` has.
fn declarations(model: &DetectorErrorModel) -> String {
    let mut text = String::new();
    if let Some(last) = model.detector_count().checked_sub(1) {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "detector D{last}");
    }
    if let Some(last) = model.observable_count().checked_sub(1) {
        let _ = writeln!(text, "logical_observable L{last}");
    }
    text
}

/// Appends the errors of a model, repeats unrolled and shifts applied.
fn push_errors(text: &mut String, model: &DetectorErrorModel) -> Result<()> {
    let mut walk = model.walk()?;
    while let Some(step) = walk.step() {
        let InstructionKind::Error { probability, targets } = step.kind else { continue };
        // Writing to a string cannot fail.
        let _ = write!(text, "error({probability})");
        for target in targets {
            let _ = match target.kind() {
                TargetKind::Detector(detector) => write!(text, " D{detector}"),
                TargetKind::Observable(observable) => write!(text, " L{observable}"),
                TargetKind::Separator => write!(text, " ^"),
            };
        }
        text.push('\n');
    }
    Ok(())
}

fn circuits_of(circuit: Circuit) -> Vec<OneParameter> {
    match circuit {
        Circuit::Stim(noise) => stim_parameters(noise)
            .into_iter()
            .map(|(name, noise)| (name.to_owned(), Circuit::Stim(noise)))
            .collect(),
        Circuit::Paper(noise) => {
            paper_parameters(noise).into_iter().map(|(name, noise)| (name, Circuit::Paper(noise))).collect()
        }
        Circuit::PaperPublished(noise) => paper_parameters(noise)
            .into_iter()
            .map(|(name, noise)| (name, Circuit::PaperPublished(noise)))
            .collect(),
    }
}

fn stim_parameters(noise: StimNoise) -> Vec<(&'static str, StimNoise)> {
    let none = StimNoise::default();
    let StimNoise {
        after_clifford_depolarization,
        before_round_data_depolarization,
        before_measure_flip_probability,
        after_reset_flip_probability,
    } = noise;
    [
        (
            "after_clifford_depolarization",
            after_clifford_depolarization,
            StimNoise { after_clifford_depolarization, ..none },
        ),
        (
            "before_round_data_depolarization",
            before_round_data_depolarization,
            StimNoise { before_round_data_depolarization, ..none },
        ),
        (
            "before_measure_flip_probability",
            before_measure_flip_probability,
            StimNoise { before_measure_flip_probability, ..none },
        ),
        (
            "after_reset_flip_probability",
            after_reset_flip_probability,
            StimNoise { after_reset_flip_probability, ..none },
        ),
    ]
    .into_iter()
    .filter(|&(_, p, _)| p > 0.0)
    .map(|(name, _, noise)| (name, noise))
    .collect()
}

fn paper_parameters(noise: PaperNoise) -> Vec<(String, PaperNoise)> {
    let none = PaperNoise::default();
    let mut parameters = vec![
        ("p_prep_X".to_owned(), noise.prep_x, PaperNoise { prep_x: noise.prep_x, ..none }),
        ("p_prep_Z".to_owned(), noise.prep_z, PaperNoise { prep_z: noise.prep_z, ..none }),
        ("p_meas_X".to_owned(), noise.meas_x, PaperNoise { meas_x: noise.meas_x, ..none }),
        ("p_meas_Z".to_owned(), noise.meas_z, PaperNoise { meas_z: noise.meas_z, ..none }),
    ];
    for (index, pauli) in ["X", "Y", "Z"].into_iter().enumerate() {
        let mut cnot = none;
        cnot.idle_cnot[index] = noise.idle_cnot[index];
        parameters.push((format!("p_idle_cnot_{pauli}"), noise.idle_cnot[index], cnot));
        let mut spam = none;
        spam.idle_spam[index] = noise.idle_spam[index];
        parameters.push((format!("p_idle_spam_{pauli}"), noise.idle_spam[index], spam));
    }
    for (index, &p) in noise.cnot.iter().enumerate() {
        let paulis = ["I", "X", "Y", "Z"];
        let mut one = none;
        one.cnot[index] = p;
        parameters.push((format!("p_cnot_{}{}", paulis[(index + 1) / 4], paulis[(index + 1) % 4]), p, one));
    }
    parameters.into_iter().filter(|&(_, p, _)| p > 0.0).map(|(name, _, noise)| (name, noise)).collect()
}
