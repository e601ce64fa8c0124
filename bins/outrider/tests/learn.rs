//! `outrider learn` from the outside.

mod support;

use std::fmt::Write;
use std::fs;
use std::path::Path;

use serde_json::Value;
use support::*;

/// Folder of 50,000 shots of a real device: distance 3, 5 rounds.
const GOOGLE: &str = "../../bins/outrider/data/google_sycamore_x_d3_r5";
const GOOGLE_DETECTORS: usize = 40;

/// Links to Google's files: `g.dem`, `g.b8`, `g.01`.
fn put_google(folder: &Path) {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join(GOOGLE);
    for (name, file) in [
        ("g.dem", "circuit_detector_error_model.dem"),
        ("g.b8", "detection_events.b8"),
        ("g.01", "obs_flips_actual.01"),
    ] {
        fs::copy(data.join(file), folder.join(name)).expect("a file of the data");
    }
}

/// Samples shots of a model in the folder into `NAME.b8` and `NAME.01`.
fn sample(folder: &Path, model: &str, name: &str, shots: u64, seed: u64) {
    let line =
        format!("sample --dem {model} --shots {shots} --seed {seed} --out {name}.b8 --obs-out {name}.01");
    outrider(folder, words(&line)).text();
}

fn report(folder: &Path, line: &str) -> Value {
    outrider(folder, words(&format!("learn {line} --report r.json"))).text();
    json(&get_text(folder, "r.json"))
}

/// Probabilities of the errors of a model's text, and what they flip.
fn errors(text: &str) -> Vec<(f64, &str)> {
    let error = |line: &'_ str| -> Option<(f64, usize)> {
        let (p, _) = line.strip_prefix("error(")?.split_once(')')?;
        Some((p.parse().expect("a probability"), line.find(')').expect("a bracket") + 1))
    };
    text.lines().filter_map(|line| error(line).map(|(p, begin)| (p, &line[begin..]))).collect()
}

/// Noise of a real device, learned on one half and scored on the other: all counts are those of one computation, on any
/// machine.
#[test]
fn learned_rates_decode_a_real_device_better() {
    let folder = folder();
    let path = folder.path();
    put_google(path);
    let line = "--dem g.dem --in g.b8 --obs g.01 --cross-validate --tie time --out learned.dem";
    let report = report(path, line);
    let found: Vec<_> = report["scores"]
        .as_array()
        .expect("scores")
        .iter()
        .map(|score| {
            (
                score["decoder"].as_str().unwrap(),
                score["prior_failures"].as_u64(),
                score["learned_failures"].as_u64(),
            )
        })
        .collect();
    assert_eq!(
        found,
        [("mwpm", Some(7825), Some(GOOGLE_MWPM)), ("mwpm-correlated", Some(7263), Some(GOOGLE_CORRELATED))]
    );
    assert!(report["scores"][0]["ratio_interval"][1].as_f64().unwrap() < 1.0);
    let scale = |key: &str| report["fit"][key].as_f64().unwrap();
    assert!((0.8..1.0).contains(&scale("scale")) && scale("scale_error") < 0.02, "{}", report["fit"]);
    // The model has the errors of the prior in its order.
    let (prior, learned) = (get_text(path, "g.dem"), get_text(path, "learned.dem"));
    let (prior, learned) = (errors(&prior), errors(&learned));
    assert_eq!(prior.len(), learned.len());
    assert!(prior.iter().zip(&learned).all(|((_, prior), (_, learned))| prior == learned));
    assert_eq!(report["rates"].as_array().unwrap().len() as u64, report["fit"]["classes"].as_u64().unwrap());
    // Leakage correlates pairs that no error joins.
    assert!(report["residuals"]["outside_significant"].as_u64().unwrap() > 10, "{}", report["residuals"]);
    outrider(path, words("decode --dem learned.dem --in g.b8 --decoder mwpm-correlated --out /dev/null"))
        .text();
}

const GOOGLE_MWPM: u64 = 7671;
const GOOGLE_CORRELATED: u64 = 7051;

#[test]
fn files_formats_and_threads_do_not_matter_and_observables_are_not_learned_from() {
    let folder = folder();
    let path = folder.path();
    put_google(path);
    let whole = "--dem g.dem --in g.b8 --out whole.dem";
    outrider(path, words(&format!("learn {whole} --threads 1"))).text();
    let whole = get_text(path, "whole.dem");
    let shots = get(path, "g.b8");
    put(path, "a.b8", &shots[..5 * 7000]);
    let text: String = shots[5 * 7000..]
        .chunks(5)
        .map(|shot| {
            let bit = |detector: usize| char::from(b'0' + (shot[detector / 8] >> (detector % 8) & 1));
            (0..GOOGLE_DETECTORS).map(bit).chain(['\n']).collect::<String>()
        })
        .collect();
    put(path, "b.01", text);
    outrider(path, words("learn --dem g.dem --in a.b8 b.01 --out parts.dem --threads 3")).text();
    assert_eq!(get_text(path, "parts.dem"), whole);
    let piped = outrider_with_input(path, words("learn --dem g.dem --out -"), &shots);
    assert_eq!(piped.text(), whole, "by a pipe; the summary is on standard error");
    assert!(piped.stderr.contains("50000 shots of 40 detectors"), "{}", piped.stderr);

    let flips = get_text(path, "g.01");
    put(path, "other.01", flips.replace('1', "2").replace('0', "1").replace('2', "0"));
    let held = "learn --dem g.dem --in g.b8 --hold-out 0.3 --decoder mwpm";
    let right = outrider(path, words(&format!("{held} --obs g.01 --out right.dem"))).text().to_owned();
    let wrong = outrider(path, words(&format!("{held} --obs other.01 --out wrong.dem"))).text().to_owned();
    assert_eq!(get_text(path, "right.dem"), get_text(path, "wrong.dem"));
    assert!(get_text(path, "right.dem") != whole, "held-out shots are not learned from");
    assert!(right.contains(" of 15000, ") && right != wrong, "{right}");
}

/// A memory whose measurement errors are three times as likely as the prior says.
#[test]
fn parameters_of_a_circuit_are_learned() {
    let folder = folder();
    let path = folder.path();
    let flags = "--after-clifford-depolarization 0.002 --before-round-data-depolarization 0.002 \
                 --after-reset-flip-probability 0.002 --before-measure-flip-probability 0.006";
    outrider(path, words(&format!("gen --distance 3 {flags} --dem-out true.dem --out /dev/null"))).text();
    sample(path, "true.dem", "s", 40_000, 1);
    let line = "--distance 3 --p 0.002 --in s.b8 --tie class --method regression --tie-spread 0";
    let report = report(path, line);
    let groups: Vec<_> = report["groups"]
        .as_array()
        .expect("groups")
        .iter()
        .map(|group| (group["name"].as_str().unwrap(), group["factor"].as_f64().unwrap()))
        .collect();
    for (name, factor) in &groups {
        // Reset and measurement of one qubit flip the same detectors, but for data qubits at the ends.
        let expected = if *name == "before_measure_flip_probability" { 3.0 } else { 1.0 };
        assert!((factor - expected).abs() < 0.25, "{groups:?}");
    }
    assert_eq!(groups.len(), 4);
    // The paper's circuit has 25.
    outrider(path, words("gen --distance 3 --p 0.004 --circuit paper --dem-out paper.dem --out /dev/null"))
        .text();
    sample(path, "paper.dem", "p", 20_000, 2);
    let line =
        "--distance 3 --p 0.002 --circuit paper --in p.b8 --tie class --method regression --tie-spread 0";
    let report = self::report(path, line);
    assert_eq!(report["groups"].as_array().unwrap().len(), 25);
    assert!((report["fit"]["scale"].as_f64().unwrap() - 2.0).abs() < 0.03, "{}", report["fit"]);
}

#[test]
fn groups_of_ones_own_are_words() {
    let folder = folder();
    let path = folder.path();
    put(
        path,
        "m.dem",
        "error(0.02) D0 D1\nrepeat 2 {\nerror(0.01) D1 L0\nshift_detectors 1\n}\nerror(0.05) D0\n",
    );
    put(path, "true.dem", "error(0.06) D0 D1\nerror(0.01) D1 L0\nerror(0.03) D2 L0\nerror(0.05) D2\n");
    sample(path, "true.dem", "s", 100_000, 3);
    put(path, "groups", "a\na\nb\nb\n");
    let line = "--dem m.dem --in s.b8 --tie groups --tie-spread 0 --shrink none";
    let report = report(path, line);
    assert_eq!(report["groups"][0]["name"], "a");
    assert_eq!(report["groups"].as_array().unwrap().len(), 2);
    put(path, "groups", "a\na\n-\n");
    outrider(path, words("learn --dem m.dem --in s.b8 --tie groups"))
        .refused(2, &["groups", "3 words, where the model has 4 errors"]);
}

/// Noise that jumps, in blocks and in a test; and shots that do not.
#[test]
fn drift_is_seen_and_followed() {
    let folder = folder();
    let path = folder.path();
    for (name, p) in [("low", 0.003), ("high", 0.004)] {
        outrider(path, words(&format!("gen --distance 3 --p {p} --dem-out {name}.dem --out /dev/null")))
            .text();
        sample(path, &format!("{name}.dem"), name, 20_000, 4);
    }
    let line = "--dem low.dem --in low.b8 high.b8 --blocks 10000 --blocks-out block-{}.dem";
    let drifting = report(path, line);
    let settings = &drifting["settings"];
    assert_eq!((&settings["blocks"], &settings["correlations"]), (&10_000.into(), &"near".into()));
    assert_eq!(drifting["drift"]["has_drift"], true);
    let blocks = drifting["blocks"].as_array().expect("blocks");
    let scales: Vec<_> = blocks.iter().map(|block| block["scale"].as_f64().unwrap()).collect();
    assert_eq!(scales.len(), 4);
    assert!(scales[2] / scales[0] > 1.25 && (scales[3] / scales[2] - 1.0).abs() < 0.06, "{scales:?}");
    assert_eq!(errors(&get_text(path, "block-3.dem")).len(), errors(&get_text(path, "low.dem")).len());
    let still = report(path, "--dem low.dem --in low.b8");
    assert_eq!(still["drift"]["has_drift"], false, "{}", still["drift"]);
    assert!(
        still["bursts"].as_array().unwrap().is_empty() && still["warnings"].as_array().unwrap().is_empty()
    );
    assert_eq!(still["residuals"]["outside_significant"], 0);
}

#[test]
fn bursts_are_left_out_and_named() {
    let folder = folder();
    let path = folder.path();
    outrider(path, words("gen --distance 3 --p 0.003 --dem-out m.dem --out /dev/null")).text();
    outrider(path, words("gen --distance 3 --p 0.03 --dem-out hot.dem --out /dev/null")).text();
    sample(path, "m.dem", "a", 20_000, 5);
    sample(path, "hot.dem", "hot", 500, 6);
    sample(path, "m.dem", "b", 20_000, 7);
    let line = "--dem m.dem --in a.b8 hot.b8 b.b8 --window 500";
    let clean = report(path, line);
    let bursts = clean["bursts"].as_array().expect("bursts");
    assert_eq!(bursts.len(), 1, "{bursts:?}");
    assert_eq!((&bursts[0]["first_shot"], &bursts[0]["last_shot"]), (&20_000.into(), &20_499.into()));
    assert_eq!((&clean["shots"], &clean["drift"]["has_drift"]), (&40_000.into(), &false.into()));
    let kept = report(path, &format!("{line} --keep-bursts"));
    assert_eq!(kept["shots"], 40_500);
    let scale = |report: &Value| report["fit"]["scale"].as_f64().unwrap();
    assert!((scale(&clean) - 1.0).abs() < 0.02 && scale(&kept) > 1.01, "{} {}", scale(&clean), scale(&kept));
}

/// One more error between detectors that no error joins.
#[test]
fn crosstalk_is_found() {
    let folder = folder();
    let path = folder.path();
    outrider(path, words("gen --distance 3 --p 0.003 --dem-out m.dem --out /dev/null")).text();
    put(path, "crosstalk.dem", format!("error(0.005) D0 D23\n{}", get_text(path, "m.dem")));
    sample(path, "crosstalk.dem", "s", 30_000, 8);
    let near = report(path, "--dem m.dem --in s.b8");
    assert_eq!(near["residuals"]["outside_significant"], 0, "far apart: {}", near["residuals"]["outside"]);
    let all = report(path, "--dem m.dem --in s.b8 --correlations all");
    let outside = all["residuals"]["outside"].as_array().expect("pairs");
    assert_eq!(outside.len(), 1, "{outside:?}");
    assert_eq!(outside[0]["detectors"], serde_json::json!([0, 23]));
    assert!((outside[0]["excess"].as_f64().unwrap() - 0.005).abs() < 0.002, "{outside:?}");
}

#[test]
fn shots_that_do_not_belong_to_the_model_are_told() {
    let folder = folder();
    let path = folder.path();
    outrider(path, words("gen --distance 3 --p 0.003 --dem-out m.dem --out /dev/null")).text();
    let said = |shots: &[u8], text: &str| {
        put(path, "s.b8", shots);
        let run = outrider(path, words("learn --dem m.dem --in s.b8"));
        assert!(run.text().contains(text), "{text}: {run:?}");
    };
    // Measurements look like coins.
    let coins: Vec<u8> =
        (0..30_000u64).map(|i| (i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33) as u8).collect();
    said(&coins, "rates near 1/2");
    said(&[0; 30_000], "fired in no shot");
    sample(path, "m.dem", "few", 20, 9);
    said(&get(path, "few.b8"), "shots are few");
    // Detectors in another order.
    sample(path, "m.dem", "s", 100_000, 10);
    let turned: Vec<u8> = get(path, "s.b8")
        .chunks(3)
        .flat_map(|shot| {
            let bits = u32::from_le_bytes([shot[0], shot[1], shot[2], 0]);
            let turned = (bits << 7 | bits >> 17) & 0xff_ffff;
            turned.to_le_bytes().into_iter().take(3)
        })
        .collect();
    said(&turned, "another order");
}

#[test]
fn bad_input_is_refused_and_nothing_is_left() {
    let folder = folder();
    let path = folder.path();
    put(path, "m.dem", "error(0.1) D0 D1\nerror(0.1) D1 L0\n");
    put(path, "s.01", "10\n11\n00\n01\n");
    put(path, "o.01", "1\n0\n0\n1\n");
    put(path, "short.01", "1\n0\n");
    put(path, "long.01", "1\n0\n0\n1\n0\n");
    put(path, "torn.01", "10\n1");
    put(path, "empty.01", "");
    put(path, "half.dem", "error(0.5) D0 D1\nerror(0.1) D1 L0\n");
    put(path, "nan.dem", "error(nan) D0 D1\nerror(0.1) D1 L0\n");
    put(path, "wide.dem", "error(0.1) D0 D2\n");
    let before = names(path);
    let scored = "--in s.01 --obs o.01 --cross-validate";
    for (line, fragments) in [
        ("--in s.01", &["--dem"][..]),
        ("--dem m.dem --distance 3 --p 0.1 --in s.01", &["cannot be used with"]),
        ("--dem m.dem --in empty.01", &["empty.01", "no shots"]),
        ("--dem m.dem --in torn.01", &["torn.01: shot 2"]),
        ("--dem wide.dem --in s.01", &["s.01: shot 1"]),
        ("--dem half.dem --in s.01", &["half.dem:1", "below probability 1/2"]),
        ("--dem nan.dem --in s.01", &["nan.dem:1"]),
        ("--dem m.dem --in missing.b8", &["missing.b8"]),
        ("--dem m.dem --in s.01 --obs o.01", &["--obs needs"]),
        ("--dem m.dem --in s.01 --hold-out 0.5", &["need --obs"]),
        ("--dem m.dem --in s.01 --hold-out 1 --obs o.01", &["--hold-out"]),
        ("--dem m.dem --in s.01 --hold-out 0.1 --obs o.01", &["no shots are held out"]),
        ("--dem m.dem --in - --obs o.01 --cross-validate", &["read the shots twice"]),
        ("--dem m.dem --in s.01 s.01 --obs o.01 --cross-validate", &["1 files for 2"]),
        ("--dem m.dem --in s.01 --obs short.01 --cross-validate", &["short.01", "ends after 2 shots"]),
        ("--dem m.dem --in s.01 --obs long.01 --cross-validate", &["long.01", "goes on after 4 shots"]),
        ("--dem m.dem --in s.01 --tie class", &["--distance"]),
        ("--dem m.dem --in s.01 --tie time", &["m.dem", "D0"]),
        ("--dem m.dem --in s.01 --tie-spread none", &["--tie-spread"]),
        ("--dem m.dem --in s.01 --shrink 0", &["--shrink"]),
        ("--dem m.dem --in s.01 --shrink 101", &["--shrink"]),
        ("--dem m.dem --in s.01 --floor 2", &["--floor"]),
        ("--dem m.dem --in s.01 --window 0", &["--window"]),
        ("--dem m.dem --in s.01 --level 0", &["--level"]),
        ("--dem m.dem --in s.01 --correlations far", &["--correlations"]),
        ("--dem m.dem --in s.01 --blocks 2 --blocks-out block.dem", &["{}"]),
        ("--dem m.dem --in s.01 --method guess", &["closed-form or regression"]),
        ("--dem m.dem --in s.01 --report l.dem", &["both write to"]),
        ("--dem - --in -", &["both read standard input"]),
    ] {
        let run = outrider(path, words(&format!("learn {line} --out l.dem")));
        run.refused(2, fragments);
        assert_eq!(names(path), before, "{line}");
    }
    // A p of 0 stays, and so does what nothing is learned of.
    put(path, "zero.dem", "error(0) D0 D1\nerror(0.1) D1 L0\nerror(0.2) L0\nerror(0.1) D0\n");
    outrider(path, words(&format!("learn --dem zero.dem {scored} --out l.dem"))).text();
    let mut expected = String::new();
    writeln!(expected, "error(0) D0 D1").unwrap();
    assert!(get_text(path, "l.dem").starts_with(&expected), "{}", get_text(path, "l.dem"));
    assert!(get_text(path, "l.dem").contains("error(0.2) L0"));
}
