//! Circuits and error models as Stim itself prints them, which is what a strong id is a hash of.
//!
//! Stim's `str(circuit)` drops comments, writes canonical gate names, prints arguments with 6 significant
//! digits (integers in full), fuses neighbouring instructions of the same gate, tag and arguments, and
//! indents blocks by four spaces. `str(model)` prints numbers with 19 significant digits and fuses nothing.

use std::path::Path;

use outrider::{DetectorErrorModel, InstructionKind, Target};

use crate::error::{Error, Result};
use crate::formats::numbers::general;

/// Stim's gates but for REPEAT, by canonical name.
const GATES: &str = "\
    CX CXSWAP CY CZ CZSWAP C_NXYZ C_NZYX C_XNYZ C_XYNZ C_XYZ C_ZNYX C_ZYNX C_ZYX DEPOLARIZE1 DEPOLARIZE2 \
    DETECTOR E ELSE_CORRELATED_ERROR H HERALDED_ERASE HERALDED_PAULI_CHANNEL_1 H_NXY H_NXZ H_NYZ H_XY \
    H_YZ I II II_ERROR ISWAP ISWAP_DAG I_ERROR M MPAD MPP MR MRX MRY MX MXX MY MYY MZZ \
    OBSERVABLE_INCLUDE PAULI_CHANNEL_1 PAULI_CHANNEL_2 QUBIT_COORDS R RX RY S SHIFT_COORDS SPP SPP_DAG \
    SQRT_X SQRT_XX SQRT_XX_DAG SQRT_X_DAG SQRT_Y SQRT_YY SQRT_YY_DAG SQRT_Y_DAG SQRT_ZZ SQRT_ZZ_DAG SWAP \
    SWAPCX S_DAG TICK X XCX XCY XCZ X_ERROR Y YCX YCY YCZ Y_ERROR Z Z_ERROR";

/// Other names that Stim accepts, with the canonical ones.
const ALIASES: &[(&str, &str)] = &[
    ("CNOT", "CX"),
    ("CORRELATED_ERROR", "E"),
    ("H_XZ", "H"),
    ("MRZ", "MR"),
    ("MZ", "M"),
    ("RZ", "R"),
    ("SQRT_Z", "S"),
    ("SQRT_Z_DAG", "S_DAG"),
    ("SWAPCZ", "CZSWAP"),
    ("ZCX", "CX"),
    ("ZCY", "CY"),
    ("ZCZ", "CZ"),
];

/// Gates whose neighbours Stim keeps apart.
const NOT_FUSED: &[&str] =
    &["DETECTOR", "E", "ELSE_CORRELATED_ERROR", "OBSERVABLE_INCLUDE", "QUBIT_COORDS", "SHIFT_COORDS", "TICK"];

/// Nesting of REPEAT blocks accepted.
const REPEAT_DEPTH_MAX: usize = 64;

const INDENT: &str = "    ";

/// A circuit, as far as a strong id needs it.
#[derive(Debug)]
pub(crate) struct CircuitText {
    /// The text of `str(stim.Circuit(text))`.
    pub(crate) text: String,
    /// Detectors, repetitions included.
    pub(crate) detectors: u64,
    /// Largest observable + 1.
    pub(crate) observables: u64,
}

/// Prints a circuit anew. Only what the result depends on is checked: gate names, brackets, numbers and
/// blocks; `path` is for messages.
pub(crate) fn circuit(text: &str, path: &Path) -> Result<CircuitText> {
    let mut printer = CircuitPrinter::default();
    for (index, line) in text.lines().enumerate() {
        let bad = |message: String| Error::input(format!("{}:{}", path.display(), index + 1), message);
        printer.line(line).map_err(bad)?;
    }
    if !printer.repeats.is_empty() {
        return Err(Error::input(path.display(), "a REPEAT block is not closed"));
    }
    let CircuitPrinter { lines, detectors, observables, .. } = printer;
    Ok(CircuitText { text: lines.join("\n"), detectors, observables })
}

/// The text of `str(stim.DetectorErrorModel(text))` for a model's text.
pub(crate) fn model(model: &DetectorErrorModel) -> String {
    let mut lines = Vec::new();
    // Instructions left in each open block, innermost last.
    let mut open: Vec<u64> = Vec::new();
    for instruction in model.instructions() {
        let indent = INDENT.repeat(open.len());
        // A body counts its nested blocks' instructions too.
        open.iter_mut().for_each(|left| *left -= 1);
        let tag = instruction.tag.map_or_else(String::new, |tag| format!("[{}]", escaped_tag(tag)));
        match instruction.kind {
            InstructionKind::Error { probability, targets } => {
                lines.push(format!(
                    "{indent}error{tag}({}){}",
                    dem_number(probability),
                    targets_text(targets)
                ));
            }
            InstructionKind::Detector { coordinates, targets } => {
                let coordinates = dem_arguments(coordinates);
                lines.push(format!("{indent}detector{tag}{coordinates}{}", targets_text(targets)));
            }
            InstructionKind::Observable { targets } => {
                lines.push(format!("{indent}logical_observable{tag}{}", targets_text(targets)));
            }
            InstructionKind::ShiftDetectors { coordinates, detectors } => {
                lines.push(format!("{indent}shift_detectors{tag}{} {detectors}", dem_arguments(coordinates)));
            }
            InstructionKind::Repeat { iterations, body_count } => {
                lines.push(format!("{indent}repeat{tag} {iterations} {{"));
                if body_count == 0 {
                    lines.push(String::new());
                }
                open.push(body_count);
            }
        }
        while open.last() == Some(&0) {
            open.pop();
            lines.push(format!("{}}}", INDENT.repeat(open.len())));
        }
    }
    lines.join("\n")
}

fn dem_number(value: f64) -> String {
    general(value, 19)
}

fn dem_arguments(values: &[f64]) -> String {
    if values.is_empty() {
        return String::new();
    }
    let values: Vec<String> = values.iter().copied().map(dem_number).collect();
    format!("({})", values.join(", "))
}

fn targets_text(targets: &[Target]) -> String {
    targets.iter().map(|target| format!(" {target}")).collect()
}

fn escaped_tag(tag: &str) -> String {
    tag.replace('\\', "\\B").replace(']', "\\C").replace('\n', "\\n").replace('\r', "\\r")
}

/// Lines printed so far, and the instruction that the next one may fuse with.
#[derive(Default)]
struct CircuitPrinter {
    lines: Vec<String>,
    /// Counts of the open REPEAT blocks, innermost last.
    repeats: Vec<u64>,
    detectors: u64,
    observables: u64,
    /// Gate, tag and arguments of the last line, if more targets may be appended to it.
    fusable: Option<String>,
    /// The last line opened a block.
    just_opened: bool,
}

impl CircuitPrinter {
    fn line(&mut self, line: &str) -> std::result::Result<(), String> {
        let mut rest = line.trim();
        if let Some(after) = rest.strip_prefix('}') {
            self.close()?;
            rest = after.trim_start();
        }
        if rest.is_empty() || rest.starts_with('#') {
            return Ok(());
        }
        let name_end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        let (name, mut rest) = rest.split_at(name_end);
        let name = name.to_ascii_uppercase();
        let mut tag = "";
        if let Some(after) = rest.strip_prefix('[') {
            (tag, rest) = after.split_once(']').ok_or("a tag is not closed")?;
        }
        let tag = if tag.is_empty() { String::new() } else { format!("[{tag}]") };
        if name == "REPEAT" {
            return self.open(&tag, rest);
        }
        let gate = ALIASES.iter().find(|(alias, _)| *alias == name).map_or(name.as_str(), |(_, gate)| gate);
        if !GATES.split(' ').any(|known| known == gate) {
            return Err(format!("unknown gate {name:?}"));
        }
        let mut head = format!("{gate}{tag}");
        // Fusing compares the arguments themselves, not their 6 digits.
        let mut identity = head.clone();
        let mut values = Vec::new();
        if let Some(after) = rest.strip_prefix('(') {
            let (inside, after) = after.split_once(')').ok_or("the arguments are not closed")?;
            rest = after;
            values = arguments(inside)?;
            let printed: Vec<String> = values.iter().copied().map(circuit_number).collect();
            head = format!("{head}({})", printed.join(", "));
            identity = format!("{identity}{values:?}");
        }
        let targets = targets(rest)?;
        self.count(gate, &values);
        self.instruction(&head, identity, &targets, !NOT_FUSED.contains(&gate));
        Ok(())
    }

    fn count(&mut self, gate: &str, arguments: &[f64]) {
        match (gate, arguments) {
            ("DETECTOR", _) => {
                let times = self.repeats.iter().fold(1u64, |times, &count| times.saturating_mul(count));
                self.detectors = self.detectors.saturating_add(times);
            }
            ("OBSERVABLE_INCLUDE", &[index]) => self.observables = self.observables.max(index as u64 + 1),
            _ => {}
        }
    }

    fn instruction(&mut self, head: &str, identity: String, targets: &str, fuses: bool) {
        self.just_opened = false;
        match self.lines.last_mut() {
            Some(last) if self.fusable.as_ref() == Some(&identity) => last.push_str(targets),
            _ => self.lines.push(format!("{}{head}{targets}", INDENT.repeat(self.repeats.len()))),
        }
        self.fusable = fuses.then_some(identity);
    }

    fn open(&mut self, tag: &str, rest: &str) -> std::result::Result<(), String> {
        let (count, body) = rest.split_once('{').ok_or("REPEAT needs a `{` on its line")?;
        let count: u64 =
            count.trim().parse().map_err(|_| format!("REPEAT needs a count, not {:?}", count.trim()))?;
        if count == 0 {
            return Err("repeating 0 times is not supported".to_owned());
        }
        if self.repeats.len() == REPEAT_DEPTH_MAX {
            return Err(format!("REPEAT blocks are nested more than {REPEAT_DEPTH_MAX} deep"));
        }
        self.lines.push(format!("{}REPEAT{tag} {count} {{", INDENT.repeat(self.repeats.len())));
        self.repeats.push(count);
        self.fusable = None;
        self.just_opened = true;
        self.line(body)
    }

    fn close(&mut self) -> std::result::Result<(), String> {
        self.repeats.pop().ok_or("a `}` without a `{`")?;
        if self.just_opened {
            self.lines.push(String::new());
        }
        self.lines.push(format!("{}}}", INDENT.repeat(self.repeats.len())));
        self.fusable = None;
        self.just_opened = false;
        Ok(())
    }
}

fn circuit_number(value: f64) -> String {
    // Stim prints whole numbers that fit 64 bits in full.
    if value.fract() == 0.0 && value.abs() < i64::MAX as f64 {
        return format!("{}", value as i64);
    }
    general(value, 6)
}

fn arguments(text: &str) -> std::result::Result<Vec<f64>, String> {
    if text.trim().is_empty() {
        return Ok(Vec::new());
    }
    let value = |term: &str| {
        let term = term.trim();
        term.parse()
            .ok()
            .filter(|value: &f64| value.is_finite())
            .ok_or_else(|| format!("not a number: {term:?}"))
    };
    text.split(',').map(value).collect()
}

/// Targets up to a comment, each with a space in front; products (`X0*Y1`) lose the spaces around their `*`.
fn targets(text: &str) -> std::result::Result<String, String> {
    let text = text.split('#').next().unwrap_or_default();
    let mut printed = String::new();
    for word in text.replace('*', " * ").split_whitespace() {
        if word == "*" {
            printed.push('*');
            continue;
        }
        if !printed.ends_with('*') {
            printed.push(' ');
        }
        printed.push_str(&target(word)?);
    }
    Ok(printed)
}

/// One target with its numbers in canonical form: `5`, `!5`, `X5`, `!X5`, `rec[-1]`, `sweep[3]`, `L0`, `D0`.
fn target(word: &str) -> std::result::Result<String, String> {
    let bad = || format!("not a target: {word:?}");
    let (sign, body) = word.strip_prefix('!').map_or(("", word), |body| ("!", body));
    for (prefix, minus) in [("rec[", "-"), ("sweep[", "")] {
        if let Some(inside) = body.strip_prefix(prefix) {
            let digits =
                inside.strip_suffix(']').and_then(|inside| inside.strip_prefix(minus)).ok_or_else(bad)?;
            return Ok(format!("{sign}{prefix}{minus}{}]", digits.parse::<u32>().map_err(|_| bad())?));
        }
    }
    let letter_end = body.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(body.len());
    let (letter, digits) = body.split_at(letter_end);
    if !matches!(letter, "" | "X" | "Y" | "Z" | "x" | "y" | "z") {
        return Err(bad());
    }
    let index: u32 = digits.parse().map_err(|_| bad())?;
    Ok(format!("{sign}{}{index}", letter.to_ascii_uppercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(text: &str) -> String {
        circuit(text, Path::new("test.stim")).unwrap().text
    }

    #[test]
    fn circuits_print_as_stim_prints_them() {
        // Each right side is str(stim.Circuit(left side)) of Stim 1.16.0.
        for (text, expected) in [
            ("# c\nh 0 1\nH 2", "H 0 1 2"),
            ("H[a] 0\nH[a] 1\nH[b] 2", "H[a] 0 1\nH[b] 2"),
            ("X_ERROR(0.12345678901234567) 0\nX_ERROR(1e-7) 0", "X_ERROR(0.123457) 0\nX_ERROR(1e-07) 0"),
            (
                "DETECTOR(1.5, 2, 1e10, 123456789.5,-3e18,1e20)\nDETECTOR(-0)",
                "DETECTOR(1.5, 2, 10000000000, 1.23457e+08, -3000000000000000000, 1e+20)\nDETECTOR(0)",
            ),
            ("MPP X0 * y01 !Z3\nMPP X1", "MPP X0*Y1 !Z3 X1"),
            ("REPEAT 2{ # x\n H 0\n}\nREPEAT 2 {\n}", "REPEAT 2 {\n    H 0\n}\nREPEAT 2 {\n\n}"),
            ("REPEAT 3 { H 0\n}\nH 0", "REPEAT 3 {\n    H 0\n}\nH 0"),
            ("H 0\nrepeat[t] 2 {\n CNOT 0 1\n ZCX 2 3\n }", "H 0\nREPEAT[t] 2 {\n    CX 0 1 2 3\n}"),
            ("M(0) 0\nM 0\nMZ 1", "M(0) 0\nM 0 1"),
            ("TICK\r\nTICK\r\n", "TICK\nTICK"),
            ("M 0\nCX rec[-01] 1 sweep[03] 1", "M 0\nCX rec[-1] 1 sweep[3] 1"),
        ] {
            assert_eq!(printed(text), expected, "{text:?}");
        }
    }

    #[test]
    fn detectors_and_observables_are_counted() {
        let text = "M 0\nDETECTOR rec[-1]\nREPEAT 3 {\nREPEAT 5 {\nDETECTOR rec[-1]\nDETECTOR\n}\n}\n\
                    OBSERVABLE_INCLUDE(4) rec[-1]\nOBSERVABLE_INCLUDE(2) rec[-1]";
        let circuit = circuit(text, Path::new("test.stim")).unwrap();
        assert_eq!((circuit.detectors, circuit.observables), (31, 5));
    }

    #[test]
    fn malformed_circuits_are_refused_with_their_line() {
        for (text, place) in [
            ("H 0\nFOO 1", "test.stim:2"),
            ("H 0\n}", "test.stim:2"),
            ("REPEAT 2 {\nH 0", "test.stim"),
            ("REPEAT x {\n}", "test.stim:1"),
            ("REPEAT 0 {\n}", "test.stim:1"),
            ("X_ERROR(nan) 0", "test.stim:1"),
            ("X_ERROR(0.1 0", "test.stim:1"),
            ("H[a 0", "test.stim:1"),
            ("H 0;H 1", "test.stim:1"),
        ] {
            match circuit(text, Path::new("test.stim")) {
                Err(Error::Input { place: found, .. }) => assert_eq!(found, place, "{text:?}"),
                other => panic!("{text:?} gave {other:?}"),
            }
        }
        let deep = "REPEAT 2 {\n".repeat(REPEAT_DEPTH_MAX + 1);
        assert!(circuit(&deep, Path::new("deep.stim")).is_err());
    }

    #[test]
    fn models_print_as_stim_prints_them() {
        let text = "error(0.1) D0 D1 ^ D2 L0 # hi\nERROR(1e-7) D0\nerror(1) D1\n\
                    detector(1, 2.5,1e20,123456789.125) D0\nshift_detectors(0,0,1) 5\nshift_detectors 5\n\
                    repeat 3 {\n error[abc\\C](0.3) D0\n repeat 2 {\n error(0.3) D0\n}\n}\n\
                    logical_observable L3\n";
        let expected = "error(0.1000000000000000056) D0 D1 ^ D2 L0\nerror(9.999999999999999547e-08) D0\n\
                        error(1) D1\ndetector(1, 2.5, 1e+20, 123456789.125) D0\nshift_detectors(0, 0, 1) 5\n\
                        shift_detectors 5\nrepeat 3 {\n    error[abc\\C](0.2999999999999999889) D0\n    \
                        repeat 2 {\n        error(0.2999999999999999889) D0\n    }\n}\nlogical_observable L3";
        assert_eq!(model(&DetectorErrorModel::parse(text).unwrap()), expected);
    }
}
