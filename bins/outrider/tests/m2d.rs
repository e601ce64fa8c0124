//! `outrider m2d` from the outside.

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use support::*;

/// A file of a golden circuit, whose answers are Stim's.
fn golden_file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../c_core/tests/golden/measurements").join(name)
}

/// Puts 40 measured shots of Google's processor into a folder: circuit `c.stim`, measurements `m`, sweep bits `s`;
/// returns the detection events and observables, each a line of 0s and 1s per shot.
fn put_sycamore(folder: &Path) -> [String; 2] {
    fs::copy(golden_file("sycamore.stim"), folder.join("c.stim")).expect("a golden file");
    let shots = fs::read_to_string(golden_file("sycamore.shots")).expect("a golden file");
    let column = |index: usize| -> String {
        shots.lines().map(|line| format!("{}\n", line.split(' ').nth(index).expect("four columns"))).collect()
    };
    put(folder, "m", column(0));
    put(folder, "s", column(1));
    [column(2), column(3)]
}

const TEXT: &str = "m2d --circuit c.stim --in m --in-format 01 --sweep s --sweep-format 01 --out-format 01";

#[test]
fn measured_shots_become_their_detection_events() {
    let folder = folder();
    let path = folder.path();
    let [detectors, observables] = put_sycamore(path);
    outrider(path, words(&format!("{TEXT} --out d --obs-out o"))).text();
    assert_eq!(get_text(path, "d"), detectors);
    assert_eq!(get_text(path, "o"), observables);
    let both: String = detectors
        .lines()
        .zip(observables.lines())
        .map(|(detectors, observables)| format!("{detectors}{observables}\n"))
        .collect();
    assert_eq!(outrider(path, words(&format!("{TEXT} --append-observables"))).text(), both);
    // The measurements by a pipe, packed formats in between.
    outrider(path, words(&format!("{TEXT} --out d.b8 --out-format b8 --obs-out o.r8 --obs-out-format r8")))
        .refused(2, &["--out-format"]);
    let piped = "m2d --circuit c.stim --in-format 01 --sweep s --sweep-format 01 --out d.b8 --obs-out o";
    outrider_with_input(path, words(piped), &get(path, "m")).text();
    assert_eq!(get(path, "d.b8").len(), detectors.lines().count());
    // Without the sweep bits the answer is another.
    let without = outrider(path, words("m2d --circuit c.stim --in m --in-format 01 --out-format 01"));
    assert!(without.text() != detectors);
}

/// What `m2d` prints of a circuit and measurements as text.
fn converted(path: &Path, circuit: &str, measurements: &str, options: &str) -> String {
    put(path, "c.stim", circuit);
    put(path, "m.01", measurements);
    let line = format!("m2d --circuit c.stim --in m.01 --in-format 01 --out-format 01 {options}");
    outrider(path, words(&line)).text().to_owned()
}

#[test]
fn observables_of_paulis_are_refused_where_they_are_asked_for() {
    let folder = folder();
    let path = folder.path();
    let circuit = "R 0 1 2\nOBSERVABLE_INCLUDE(0) X0 X1\nMZZ 0 1 1 2\nDETECTOR rec[-2]\nDETECTOR rec[-1]\n\
                   OBSERVABLE_INCLUDE(1) rec[-1] !X2\nMZZ 0 1 !1 2\nDETECTOR rec[-2] rec[-4]\n\
                   DETECTOR rec[-1] rec[-3]\nOBSERVABLE_INCLUDE(0) X0 X1\n";
    let measurements = "0110\n0010\n1101\n";
    assert_eq!(converted(path, circuit, measurements, ""), "0110\n0011\n1111\n");
    for options in ["--append-observables", "--obs-out o", "--obs-out o --skip-reference-sample"] {
        outrider(path, words(&format!("m2d --circuit c.stim --in m.01 --in-format 01 --out d {options}")))
            .refused(2, &["c.stim:2:23: no measurement gives the value of a Pauli in an observable"]);
        assert_eq!(names(path), ["c.stim", "m.01"], "{options}");
    }
    // A random observable is no obstacle either.
    let circuit = "RX 0\nR 1\nM 0 1\nDETECTOR rec[-1]\nOBSERVABLE_INCLUDE(0) rec[-2]\n";
    assert_eq!(converted(path, circuit, "01\n10\n", ""), "1\n0\n");
    outrider(path, words("m2d --circuit c.stim --in m.01 --in-format 01 --out d --obs-out o"))
        .refused(2, &["c.stim:5: observable L0 is random"]);
    assert_eq!(names(path), ["c.stim", "m.01"]);
}

#[test]
fn runs_without_feedback_and_without_a_reference_sample_convert_as_stim_converts_them() {
    let folder = folder();
    let path = folder.path();
    // Both are 1 without noise; the sweep bit acts even if the feedback did not.
    let circuit = "RX 0\nX 1\nCX sweep[0] 1\nM 0 1\nCX rec[-2] 0 rec[-1] 2\nX 0\nM 0 2\nDETECTOR rec[-2]\n\
                   DETECTOR rec[-1]\nOBSERVABLE_INCLUDE(0) rec[-1] rec[-2]\n";
    let measurements = "0110\n1100\n0011\n1001\n";
    put(path, "s.01", "0\n1\n0\n1\n");
    let convert = |options: &str| {
        let options = format!("--sweep s.01 --sweep-format 01 --append-observables {options}");
        converted(path, circuit, measurements, &options)
    };
    assert_eq!(convert(""), "011\n101\n000\n110\n");
    for flag in ["--ran-without-feedback", "--ran_without_feedback"] {
        assert_eq!(convert(flag), "000\n011\n000\n011\n", "{flag}");
        for skip in ["--skip-reference-sample", "--skip_reference_sample"] {
            assert_eq!(convert(&format!("{flag} {skip}")), "110\n101\n110\n101\n", "{flag} {skip}");
            assert_eq!(convert(skip), "101\n011\n110\n000\n", "{skip}");
        }
    }
    // A detector that is random is read as it is.
    let options = "--append-observables --skip-reference-sample";
    let random = "RX 0\nM 0\nDETECTOR rec[-1]\nOBSERVABLE_INCLUDE(1) rec[-1]\n";
    assert_eq!(converted(path, random, "0\n1\n", options), "000\n101\n");
}

#[test]
fn feedback_is_accounted_for_in_every_format() {
    let folder = folder();
    let path = folder.path();
    fs::copy(golden_file("hand_frame.stim"), path.join("c.stim")).expect("a golden file");
    let shots = fs::read_to_string(golden_file("hand_frame.shots")).expect("a golden file");
    let answers = fs::read_to_string(golden_file("hand_frame.without_feedback")).expect("a golden file");
    // 64 shots, as ptb64 wants them.
    let column = |text: &str, index: usize| -> String {
        let word = |line: &str| line.split(' ').nth(index).expect("a column").to_owned() + "\n";
        text.lines().cycle().take(64).map(word).collect()
    };
    put(path, "m.01", column(&shots, 0));
    put(path, "s.01", column(&shots, 1));
    let (detectors, observables) = (column(&answers, 0), column(&answers, 1));
    for format in ["01", "b8", "r8", "ptb64", "hits", "dets"] {
        // The plain measurements, packed by a circuit whose detectors they are.
        for (from, to, width) in [("m.01", "m", 23), ("s.01", "s", 3)] {
            let mut identity = format!("M{}\n", " 0".repeat(width));
            (1..=width).rev().for_each(|k| identity += &format!("DETECTOR rec[-{k}]\n"));
            put(path, "i.stim", identity);
            let line =
                format!("m2d --circuit i.stim --in {from} --in-format 01 --out {to} --out-format {format}");
            outrider(path, words(&line)).text();
        }
        if format == "dets" {
            // Measurements have another letter than detectors.
            for name in ["m", "s"] {
                put(path, name, get_text(path, name).replace('D', "M"));
            }
        }
        let line = format!(
            "m2d --circuit c.stim --in m --in-format {format} --sweep s --sweep-format {format} --out d \
             --out-format 01 --obs-out o --obs-out-format 01 --ran-without-feedback"
        );
        outrider(path, words(&line)).text();
        assert_eq!(get_text(path, "d"), detectors, "{format}");
        assert_eq!(get_text(path, "o"), observables, "{format}");
    }
}

#[test]
fn bad_input_is_refused_with_its_place() {
    let folder = folder();
    let path = folder.path();
    put_sycamore(path);
    let sweep = get_text(path, "s");
    put(path, "s", sweep.lines().take(39).map(|line| format!("{line}\n")).collect::<String>());
    outrider(path, words(&format!("{TEXT} --out d"))).refused(2, &["s: ", "ends after 39 shots"]);
    put(path, "s", "0101\n");
    outrider(path, words(&format!("{TEXT} --out d"))).refused(2, &["s: ", "shot 1"]);
    outrider(path, words("m2d --circuit c.stim --in - --sweep -")).refused(2, &["--in and --sweep"]);
    outrider(path, words("m2d --circuit none.stim")).refused(2, &["none.stim: cannot open"]);
    outrider(path, words("m2d --circuit c.stim --out x --obs-out x")).refused(2, &["--out and --obs-out"]);
    let circuits: [(&[u8], &str); 4] = [
        (b"H 0\n  FOO 1\n", "b.stim:2:3: unknown gate"),
        (b"H 0\nM 0\nDETECTOR rec[-1]\n", "b.stim:3: detector D0 is random"),
        (b"M 0 \xff\n", "b.stim:1:5: the text is not UTF-8"),
        (b"REPEAT 9999999999 {\nM 0\n}\n", "b.stim:3: more than 100000000 measurements"),
    ];
    for (text, fragment) in circuits {
        put(path, "b.stim", text);
        outrider(path, words("m2d --circuit b.stim --out d")).refused(2, &[fragment]);
    }
    assert_eq!(names(path), ["b.stim", "c.stim", "m", "s"]);
}
