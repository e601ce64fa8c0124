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
