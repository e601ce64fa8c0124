//! `--decoder trellis` from the outside.

mod support;

use support::*;

#[test]
fn a_model_that_matching_refuses_is_decoded() {
    let folder = folder();
    let path = folder.path();
    // Three detectors at once, twice likelier with the observable than without it.
    put(
        path,
        "m.dem",
        "error(0.02) D0 D1 D2 L0\nerror(0.01) D0 D1 D2\nerror(0.1) D0\nerror(0.1) D1\nerror(0.1) D2\n",
    );
    put(path, "dets.01", "000\n111\n");
    let matching = outrider(path, words("decode --dem m.dem --in dets.01 --decoder mwpm"));
    matching.refused(2, &["m.dem:1", "decompose"]);
    let line = "decode --dem m.dem --in dets.01 --decoder trellis --gap-out g --stats s.json";
    assert_eq!(outrider(path, words(line)).text(), "0\n1\n");
    let gaps: Vec<f64> = get_text(path, "g").lines().map(|line| line.parse().expect("a number")).collect();
    let odds = |p: f64| p / (1.0 - p);
    let three = odds(0.1).powi(3);
    assert!(gaps[0] > 1e3f64.ln(), "beyond the cutoff: {gaps:?}");
    let expected = ((odds(0.02) + odds(0.02) * odds(0.01) * three) / (odds(0.01) + three)).ln();
    assert!((gaps[1] - expected).abs() < 1e-3, "{gaps:?} {expected}");
    let stats = json(&get_text(path, "s.json"));
    assert_eq!(stats["decoder"], "trellis");
    let failure = 1.0 / (1.0 + expected.exp());
    assert!((stats["expected_mistakes"].as_f64().unwrap() - failure).abs() < 1e-3, "{stats}");
    let limited = format!("{line} --gap-limit 0.5");
    outrider(path, words(&limited)).text();
    assert_eq!(get_text(path, "g"), "0.5\n0.5\n");
}

#[test]
fn rates_are_measured_beside_other_decoders() {
    let folder = folder();
    let line = "ler --distance 3 --p 0.02 --decoder mwpm,trellis --max-shots 2000 --seed 3";
    // Of each row: decoder, shots, errors.
    let counts = |threads: &str| -> Vec<(String, u64, u64)> {
        let run = outrider(folder.path(), words(&format!("{line} --threads {threads}")));
        let row = |line: &str| {
            let cells: Vec<&str> = line.split_whitespace().collect();
            (cells[0].to_owned(), cells[1].parse().expect("shots"), cells[2].parse().expect("errors"))
        };
        run.text().lines().skip(1).map(row).collect()
    };
    let found = counts("2");
    let [(mwpm, 2000, matched), (trellis, 2000, summed)] = &found[..] else { panic!("{found:?}") };
    assert_eq!([mwpm.as_str(), trellis], ["mwpm", "trellis"]);
    assert!(summed < matched && *summed > 50, "{found:?}");
    assert_eq!(counts("1"), found, "on one thread");
}

#[test]
fn what_a_sum_has_no_use_for_is_refused() {
    let folder = folder();
    let path = folder.path();
    put(path, "m.dem", "error(0.1) D0 L0\ndetector(0, 0, 0) D0\n");
    put(path, "dets.01", "1\n");
    for option in [
        "--predecoder rule:min-sum",
        "--window parallel --commit 1 --spacing 1 --buffer 1",
        "--weights-in w",
        "--weights-out w",
        "--edges-out e",
        "--certify",
    ] {
        let run =
            outrider(path, words(&format!("decode --dem m.dem --in dets.01 --decoder trellis {option}")));
        run.refused(2, &[option.split(' ').next().unwrap(), "trellis"]);
    }
    for option in ["--predecoder rule:min-sum", "--window parallel"] {
        let run = outrider(path, words(&format!("ler --distance 3 --p 0.01 --decoder trellis {option}")));
        run.refused(2, &[option.split(' ').next().unwrap(), "trellis"]);
    }
}

#[test]
fn a_shot_that_nothing_explains_is_named() {
    let folder = folder();
    let path = folder.path();
    put(path, "m.dem", "error(0.1) D0 D1 L0\n");
    put(path, "dets.01", "00\n11\n10\n");
    let run = outrider(path, words("decode --dem m.dem --in dets.01 --decoder trellis --out p"));
    run.refused(2, &["dets.01", "shot 3", "no errors of the model explain the shot"]);
    assert!(!path.join("p").exists());
}
