//! `outrider sample` from the outside.

mod support;

use support::*;

const MODEL: &str =
    "error(0.25) D0 L0\nerror(0.5) D0 D1\nrepeat 20 {\nerror(0.125) D1 D2\nshift_detectors 1\n}\n";
const DETECTORS: usize = 22;
const ERRORS: usize = 22;

#[test]
fn shots_depend_on_the_seed_alone() {
    let folder = folder();
    let path = folder.path();
    put(path, "m.dem", MODEL);
    let sample = |shots: u32, seed: u32, options: &str| {
        let line = format!(
            "sample --dem m.dem --shots {shots} --seed {seed} --out d --obs-out o --errors-out e {options}"
        );
        outrider(path, words(&line)).text();
        ["d", "o", "e"].map(|name| get_text(path, name))
    };
    let reference = sample(40_000, 7, "--threads 1");
    assert_eq!(reference[0].len(), 40_000 * (DETECTORS + 1));
    for options in ["--threads 2", "--threads 5", "--isa portable"] {
        assert!(sample(40_000, 7, options) == reference, "{options}");
    }
    let shorter = sample(1001, 7, "");
    assert!(shorter.iter().zip(&reference).all(|(short, long)| long.starts_with(short.as_str())));
    assert!(sample(1001, 8, "")[0] != shorter[0]);
    assert_eq!(sample(0, 7, ""), ["", "", ""]);
}

#[test]
fn errors_explain_detectors_and_observables() {
    let folder = folder();
    let path = folder.path();
    put(path, "m.dem", MODEL);
    outrider(path, words("sample --dem m.dem --shots 3000 --out d --obs-out o --errors-out e")).text();
    let (detectors, observables, errors) = (get_text(path, "d"), get_text(path, "o"), get_text(path, "e"));
    let mut fired = [0u32; ERRORS];
    for ((detectors, observables), errors) in detectors.lines().zip(observables.lines()).zip(errors.lines()) {
        let mut expected = [0u8; DETECTORS];
        for (error, _) in errors.bytes().enumerate().filter(|(_, bit)| *bit == b'1') {
            fired[error] += 1;
            match error {
                0 => expected[0] ^= 1,
                _ => [error - 1, error].iter().for_each(|&detector| expected[detector] ^= 1),
            }
        }
        let expected: String = expected.iter().map(|bit| char::from(b'0' + bit)).collect();
        assert_eq!(detectors, expected);
        assert_eq!(observables.as_bytes()[0], errors.as_bytes()[0]);
    }
    // Five standard deviations of 3,000 shots.
    for (error, &count) in fired.iter().enumerate() {
        let p: f64 = [0.25, 0.5].get(error).copied().unwrap_or(0.125);
        let deviation = (f64::from(count) - 3000.0 * p).abs() / (3000.0 * p * (1.0 - p)).sqrt();
        assert!(deviation < 5.0, "error {error} fired {count} times");
    }
}

#[test]
fn observables_can_be_appended() {
    let folder = folder();
    let path = folder.path();
    put(path, "m.dem", MODEL);
    outrider(path, words("sample --dem m.dem --shots 500 --out d --obs-out o")).text();
    outrider(path, words("sample --dem m.dem --shots 500 --out a --append-observables")).text();
    let expected: String = get_text(path, "d")
        .lines()
        .zip(get_text(path, "o").lines())
        .map(|(detectors, observables)| format!("{detectors}{observables}\n"))
        .collect();
    assert_eq!(get_text(path, "a"), expected);
    let line = "sample --dem m.dem --shots 1 --out-format dets --append-observables --seed 3";
    assert!(outrider(path, words(line)).text().starts_with("shot"));
}

#[test]
fn samples_decode() {
    let folder = folder();
    let path = folder.path();
    let dem = golden("model.dem");
    let line = "sample --shots 20000 --seed 5 --out s --out-format b8 --append-observables";
    outrider(path, words(line).into_iter().chain(["--dem", &dem])).text();
    let line = "count_mistakes --in s --in_format b8 --in_includes_appended_observables";
    let run = outrider(path, words(line).into_iter().chain(["--dem", &dem]));
    // The golden shots have 130 mistakes in 2,000; five standard deviations of 20,000.
    let mistakes: u32 = run.text().split(' ').next().unwrap().parse().unwrap();
    assert!((1120..1480).contains(&mistakes), "{mistakes}");
}
