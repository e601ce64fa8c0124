//! The 25-parameter noise of the paper's circuits as JSON, with the names of arXiv:2604.12841's code.

use std::collections::BTreeMap;
use std::path::Path;

use outrider::PaperNoise;

use crate::error::{Error, Result};
use crate::input;

/// Bytes of a noise file accepted.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Reads a noise file, see [`PaperNoise::from_named`].
pub(crate) fn read(path: &Path) -> Result<PaperNoise> {
    parse(&input::text(path, FILE_BYTES_MAX)?).map_err(|(line, column, message)| match line {
        0 => Error::input(path.display(), message),
        _ => Error::input(format!("{}:{line}:{column}", path.display()), message),
    })
}

/// Line and column (0 where they do not apply) and message of a failure.
type Fault = (usize, usize, String);

fn parse(text: &str) -> std::result::Result<PaperNoise, Fault> {
    let values: BTreeMap<String, f64> =
        serde_json::from_str(text).map_err(|error| (error.line(), error.column(), without_place(&error)))?;
    PaperNoise::from_named(values).map_err(|error| (0, 0, error.to_string()))
}

/// serde_json's message without its ` at line … column …`, which stands in front already.
fn without_place(error: &serde_json::Error) -> String {
    let full = error.to_string();
    full.split(" at line ").next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAULIS: [&str; 3] = ["X", "Y", "Z"];

    /// 25 distinct probabilities under the names of the file format.
    fn full() -> BTreeMap<String, f64> {
        let mut names: Vec<String> = ["prep_X", "prep_Z", "meas_X", "meas_Z"].map(String::from).into();
        names.extend(PAULIS.map(|pauli| format!("idle_cnot_{pauli}")));
        names.extend(PAULIS.map(|pauli| format!("idle_spam_{pauli}")));
        // Pairs of Paulis in alphabetical order, but the identity.
        names.extend(
            ["I", "X", "Y", "Z"]
                .iter()
                .flat_map(|first| ["I", "X", "Y", "Z"].map(|second| format!("cnot_{first}{second}")))
                .skip(1),
        );
        names
            .into_iter()
            .enumerate()
            .map(|(k, name)| (format!("p_{name}"), (k + 1) as f64 / 1000.0))
            .collect()
    }

    fn text(values: &BTreeMap<String, f64>) -> String {
        serde_json::to_string(values).unwrap()
    }

    #[test]
    fn every_parameter_finds_its_place() {
        let noise = parse(&text(&full())).unwrap();
        assert_eq!((noise.prep_x, noise.prep_z, noise.meas_x, noise.meas_z), (0.001, 0.002, 0.003, 0.004));
        assert_eq!(noise.idle_cnot, [0.005, 0.006, 0.007]);
        assert_eq!(noise.idle_spam, [0.008, 0.009, 0.010]);
        assert_eq!((noise.cnot[0], noise.cnot[14]), (0.011, 0.025));
        assert_eq!(parse("{\"p\": 0.01}").unwrap(), PaperNoise::uniform(0.01));
    }

    #[test]
    fn old_idle_parameters_serve_both_families() {
        let mut values = full();
        values.retain(|name, _| !name.starts_with("p_idle"));
        for (pauli, p) in PAULIS.into_iter().zip([0.1, 0.2, 0.3]) {
            values.insert(format!("p_idle_{pauli}"), p);
        }
        let noise = parse(&text(&values)).unwrap();
        assert_eq!((noise.idle_cnot, noise.idle_spam), ([0.1, 0.2, 0.3], [0.1, 0.2, 0.3]));
    }

    #[test]
    fn bad_files_are_refused_with_a_reason() {
        let changed = |name: &str, value: f64| {
            let mut values = full();
            values.insert(name.to_owned(), value);
            text(&values)
        };
        let mut missing = full();
        missing.remove("p_cnot_XZ");
        for (text, place, fragment) in [
            (text(&missing), (0, 0), "p_cnot_XZ is missing"),
            (changed("p_typo", 0.1), (0, 0), "p_typo is not a noise parameter"),
            (changed("p_prep_X", -0.1), (0, 0), "not a probability"),
            (changed("p", 0.1), (0, 0), "is not a noise parameter"),
            ("{\n\"p\": \"x\"}".to_owned(), (2, 8), "invalid type"),
            ("{".to_owned(), (1, 1), "EOF"),
        ] {
            let (line, column, message) = parse(&text).unwrap_err();
            assert_eq!((line, column), place, "{message}");
            assert!(message.contains(fragment), "{message}");
        }
    }
}
