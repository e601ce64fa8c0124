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

/// A budget of a single state gives the ratio of what that state is left with; more give better ones, which rows of
/// statistics files keep apart.
#[test]
fn budgets_are_options() {
    let folder = folder();
    let path = folder.path();
    outrider(path, words("gen --distance 5 --p 0.02 --rounds 5 --dem-out m.dem --out c.stim")).text();
    outrider(path, words("sample --dem m.dem --shots 40 --seed 4 --out dets.b8")).text();
    let ratios = |options: &str| {
        let line = format!("decode --dem m.dem --in dets.b8 --decoder trellis --gap-out g --out p {options}");
        outrider(path, words(&line)).text();
        get_text(path, "g")
    };
    let usual = ratios("");
    assert_eq!(ratios("--coarse 1e-4,1000 --fine 1e-5,4000 --unsure-ratio 1"), usual);
    let never_fine = "--coarse 1e-2,50 --unsure-ratio 0";
    assert_ne!(ratios(never_fine), usual);
    assert_eq!(ratios(&format!("{never_fine} --fine 1e-2,50")), ratios(never_fine));
    let twice = ratios("--coarse 1e-2,50 --fine 1e-3,300 --unsure-ratio 600");
    let once = ratios("--coarse 1e-3,300 --unsure-ratio 0");
    // Where the first budget leaves a class the second one is used.
    let both = || twice.lines().zip(once.lines()).filter(|&(twice, _)| twice != "600");
    assert!(both().count() > 30 && both().all(|(twice, once)| twice == once), "{twice} {once}");
    let line = "ler --distance 3 --p 0.02 --decoder trellis --max-shots 100 --out s.csv";
    for options in ["", "--coarse 1e-3,300 --unsure-ratio 0.5"] {
        outrider(path, words(&format!("{line} {options}"))).text();
    }
    let rows = get_text(path, "s.csv");
    assert_eq!(rows.lines().count(), 3);
    assert!(
        rows.contains(r#"""coarse"":""1e-3,300"""#) && rows.contains(r#"""unsure_ratio"":0.5"#),
        "{rows}"
    );
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
    for (option, name) in [
        ("--coarse 0.2,300", "--coarse"),
        ("--coarse 1e-3", "--coarse"),
        ("--fine 1e-3,0", "--fine"),
        ("--fine 1e-3,1048577", "--fine"),
        ("--fine nan,3", "--fine"),
        ("--unsure-ratio=-1", "--unsure-ratio"),
        ("--deep-ratio 2", "--deep-ratio"),
    ] {
        let line = format!("decode --dem m.dem --in dets.01 --decoder trellis {option}");
        outrider(path, words(&line)).refused(2, &[name]);
    }
    let line = "ler --distance 3 --p 0.01 --decoder mwpm,likelihood --unsure-ratio 1";
    outrider(path, words(line)).refused(2, &["--unsure-ratio", "trellis"]);
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
