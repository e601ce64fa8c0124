//! Stim's two texts, circuits and detector error models, told apart when one of them does not parse as the other.

use crate::error::{Error, Status};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Circuit,
    Model,
}

/// Explains the failure of a text that should be a detector error model, if it is a circuit.
pub(crate) fn explain_model(error: Error, text: &str) -> Error {
    explain(error, text, Kind::Circuit, FROM_CIRCUIT)
}

/// Explains the failure of a text that should be a circuit, if it is a detector error model.
pub(crate) fn explain_circuit(error: Error, text: &str) -> Error {
    explain(error, text, Kind::Model, FROM_MODEL)
}

fn explain(error: Error, text: &str, other: Kind, message: &str) -> Error {
    if kind(text) != Some(other) {
        return error;
    }
    error.explained(Status::Parse, || message.to_owned())
}

/// What a text is by the first instruction that only one of both has.
fn kind(text: &str) -> Option<Kind> {
    text.lines().find_map(|line| {
        let line = line.trim_start();
        let end = line.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(line.len());
        let (name, rest) = line.split_at(end);
        let has_model_targets = rest.split_ascii_whitespace().any(is_model_target);
        match name.to_ascii_lowercase().as_str() {
            "error" | "logical_observable" | "shift_detectors" => Some(Kind::Model),
            "detector" if has_model_targets => Some(Kind::Model),
            "detector" if rest.contains("rec[") => Some(Kind::Circuit),
            name if !has_model_targets && CIRCUIT_ONLY.contains(&name) => Some(Kind::Circuit),
            _ => None,
        }
    })
}

/// `D#` or `L#`.
fn is_model_target(word: &str) -> bool {
    let number = word.strip_prefix(['D', 'd', 'L', 'l']);
    number.is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
}

const FROM_CIRCUIT: &str = "a Stim circuit, where a detector error model belongs; convert it with: stim analyze_errors \
                            --decompose_errors --in CIRCUIT.stim --out MODEL.dem";
const FROM_MODEL: &str = "a detector error model, where a Stim circuit belongs; give the circuit that the model was made \
                          from (by stim analyze_errors --decompose_errors --in CIRCUIT.stim --out MODEL.dem)";

/// Instructions of circuits that models lack (Stim, doc/gates.md).
#[rustfmt::skip]
const CIRCUIT_ONLY: [&str; 91] = [
    "c_nxyz", "c_nzyx", "c_xnyz", "c_xynz", "c_xyz", "c_znyx", "c_zynx", "c_zyx", "cnot", "correlated_error",
    "cx", "cxswap", "cy", "cz", "czswap", "depolarize1", "depolarize2", "e", "else_correlated_error", "h",
    "h_nxy", "h_nxz", "h_nyz", "h_xy", "h_xz", "h_yz", "heralded_erase", "heralded_pauli_channel_1", "i",
    "i_error", "ii", "ii_error", "iswap", "iswap_dag", "m", "mpad", "mpp", "mr", "mrx", "mry", "mrz", "mx",
    "mxx", "my", "myy", "mz", "mzz", "observable_include", "pauli_channel_1", "pauli_channel_2",
    "qubit_coords", "r", "rx", "ry", "rz", "s", "s_dag", "shift_coords", "spp", "spp_dag", "sqrt_x",
    "sqrt_x_dag", "sqrt_xx", "sqrt_xx_dag", "sqrt_y", "sqrt_y_dag", "sqrt_yy", "sqrt_yy_dag", "sqrt_z",
    "sqrt_z_dag", "sqrt_zz", "sqrt_zz_dag", "swap", "swapcx", "swapcz", "tick", "x", "x_error", "xcx", "xcy",
    "xcz", "y", "y_error", "ycx", "ycy", "ycz", "z", "z_error", "zcx", "zcy", "zcz",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_instruction_of_one_kind_decides() {
        for (text, expected) in [
            ("# a circuit\n\nQUBIT_COORDS(1, 2) 0\n", Some(Kind::Circuit)),
            ("repeat 3 {\n    h 0\n}\n", Some(Kind::Circuit)),
            ("R[tag] 0 1", Some(Kind::Circuit)),
            ("DETECTOR(1, 2) rec[-1] rec[-2]", Some(Kind::Circuit)),
            ("E(0.1) X1 Z2", Some(Kind::Circuit)),
            ("detector(1, 2) D0\nH 0", Some(Kind::Model)),
            ("  ERROR(0.1) D0 ^ D1 L0", Some(Kind::Model)),
            ("REPEAT 2 {\nshift_detectors(0, 1) 4\n}", Some(Kind::Model)),
            ("e(0.1) D0 L0", None),
            ("", None),
            ("eror(0.1) D0", None),
        ] {
            assert_eq!(kind(text), expected, "{text:?}");
        }
    }
}
