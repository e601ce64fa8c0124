//! `--decoder likelihood` from the outside.

mod support;

use std::path::Path;

use support::*;

/// The network that comes with the program.
fn network() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/event-stim.safetensors");
    root.to_string_lossy().into_owned()
}

/// Decodes the golden shots; predictions go to `p`, gaps to `g`, counts to `s.json`.
fn decode(folder: &Path, options: &str) -> Run {
    let (dem, dets) = (golden("model.dem"), golden("dets.b8"));
    let line = format!("decode --out-format b8 --out p --gap-out g --stats s.json {options}");
    outrider(folder, words(&line).into_iter().chain(["--dem", &dem, "--in", &dets]))
}

/// Shots of the last run that are predicted wrongly, and the gaps of all.
fn answers(folder: &Path) -> (usize, Vec<f64>) {
    let flips = std::fs::read(golden("obs.b8")).expect("the true observables");
    let predictions = get(folder, "p");
    assert_eq!(predictions.len(), GOLDEN_SHOTS);
    let wrong = predictions.iter().zip(&flips).filter(|(guess, flip)| guess != flip).count();
    let gaps = get_text(folder, "g").lines().map(|line| line.parse().expect("a number")).collect();
    (wrong, gaps)
}

#[test]
fn shots_are_decided_at_every_level_with_fewer_mistakes() {
    let folder = folder();
    let path = folder.path();
    decode(path, "--decoder mwpm-correlated").text();
    let (matched, _) = answers(path);
    assert!(json(&get_text(path, "s.json"))["levels"].is_null());
    for predecoder in ["none".to_owned(), "rule:smith".to_owned(), network()] {
        let run = decode(path, &format!("--decoder likelihood --predecoder {predecoder}"));
        assert_eq!(run.text(), "");
        let (wrong, gaps) = answers(path);
        assert!(wrong * 20 <= matched * 21, "{predecoder}: {wrong} mistakes, {matched} by matching");
        assert!(gaps.len() == GOLDEN_SHOTS && gaps.iter().all(|gap| (0.0..15.1).contains(gap)), "{gaps:?}");
        let stats = json(&get_text(path, "s.json"));
        assert_eq!((&stats["decoder"], stats["shots"].as_u64()), (&"likelihood".into(), Some(2000)));
        let level = |name: &str| stats["levels"][name].as_u64().expect("a count");
        assert_eq!(level("gap") + level("mean_gap") + level("sum"), 2000, "{stats}");
        assert!(level("mean_gap") > 100 && level("sum") > 100 && level("fallback") == 0, "{stats}");
        let has_network = predecoder.ends_with("safetensors");
        assert_eq!((level("gap") > 100, stats["predecoder"].is_null()), (has_network, predecoder == "none"));
        assert!(stats["expected_mistakes"].is_null() && stats["mistakes"].is_null());
    }
    decode(path, "--decoder likelihood --gap-limit 0.5").text();
    let (_, limited) = answers(path);
    assert!(limited.iter().all(|gap| (0.0..=0.5).contains(gap)) && limited.contains(&0.5));
}

#[test]
fn surer_answers_are_more_often_right() {
    let folder = folder();
    decode(folder.path(), "--decoder likelihood").text();
    let (_, gaps) = answers(folder.path());
    let flips = std::fs::read(golden("obs.b8")).expect("the true observables");
    let predictions = get(folder.path(), "p");
    let mut sorted = gaps.clone();
    sorted.sort_by(f64::total_cmp);
    let mistakes = |sure: bool| {
        let shots = gaps.iter().zip(predictions.iter().zip(&flips));
        let median = sorted[GOLDEN_SHOTS / 2];
        shots.filter(|(gap, (guess, flip))| (**gap > median) == sure && guess != flip).count()
    };
    assert!(20 * mistakes(true) < mistakes(false), "{} {}", mistakes(true), mistakes(false));
}

#[test]
fn files_are_the_same_for_any_number_of_threads_and_instruction_set() {
    let folder = folder();
    let path = folder.path();
    let run = |options: &str| {
        decode(path, &format!("--decoder likelihood --predecoder rule:min-sum {options}")).text();
        let mut stats = json(&get_text(path, "s.json"));
        for key in ["isa", "threads", "seconds", "setup_seconds", "shots_per_second"] {
            stats[key] = serde_json::Value::Null;
        }
        (get(path, "p"), get_text(path, "g"), stats)
    };
    let expected = run("--threads 1 --isa portable");
    for options in ["--threads 1", "--threads 2", "--threads 5 --isa portable"] {
        assert!(run(options) == expected, "{options}");
    }
}

#[test]
fn rates_are_measured_with_and_without_a_predecoder_and_go_on() {
    let folder = folder();
    let path = folder.path();
    // Of each row of the table: decoder, shots, errors.
    let measure = |options: &str| -> Vec<(String, u64, u64)> {
        let line =
            "ler --distance 3 --p 0.01,0.02 --decoder mwpm-correlated,likelihood --predecoder none --seed 3";
        let line = format!("{line} --predecoder {} {options}", network());
        let run = outrider(path, words(&line));
        let row = |line: &str| {
            let cells: Vec<&str> = line.split_whitespace().collect();
            (cells[0].to_owned(), cells[1].parse().expect("shots"), cells[2].parse().expect("errors"))
        };
        run.text().lines().skip(1).map(row).collect()
    };
    let found = measure("--max-shots 3000 --threads 2");
    let names: Vec<&str> = found.iter().map(|(name, ..)| name.as_str()).collect();
    let point = ["mwpm-correlated", "likelihood", "event-stim+mwpm-correlated", "event-stim+likelihood"];
    assert_eq!(names, [point, point].concat());
    for point in found.chunks(4) {
        let errors = |row: usize| point[row].2;
        assert!(point.iter().all(|&(_, shots, _)| shots == 3000));
        assert!(errors(1) * 20 <= errors(0) * 21 && errors(3) * 20 <= errors(0) * 21, "{point:?}");
    }
    assert_eq!(measure("--max-shots 3000 --threads 1"), found);
    measure("--max-shots 1024 --out s.csv");
    assert_eq!(measure("--max-shots 3000 --out s.csv"), found, "in two parts");
    let rows = get_text(path, "s.csv");
    assert_eq!(rows.lines().count(), 1 + 2 * 8);
    let row = rows.lines().find(|row| row.contains(",event-stim+likelihood,")).expect("a row");
    assert!(
        row.contains("\"\"pre\"\":\"\"event-stim\"\"") && row.contains("\"\"use\"\":\"\"soft\"\""),
        "{row}"
    );
    assert!(!row.contains("predecode_ns"), "the time of its pre-decoder is not known: {row}");
}

#[test]
fn levels_follow_their_options() {
    let folder = folder();
    let path = folder.path();
    let levels = |options: &str| {
        decode(path, &format!("--decoder likelihood {options}")).text();
        json(&get_text(path, "s.json"))["levels"].clone()
    };
    let usual = levels("");
    let level = |levels: &serde_json::Value, name: &str| levels[name].as_u64().expect("a count");
    assert_eq!(levels("--sure-gap 12 --sure-mean 5 --deep-ratio 0"), usual);
    assert!(level(&levels("--sure-gap 3"), "gap") > level(&usual, "gap"));
    let fewer = levels("--sure-mean 2");
    assert!(level(&fewer, "sum") < level(&usual, "sum") && level(&fewer, "gap") == level(&usual, "gap"));
    let deep = levels("--deep-ratio 2");
    assert_eq!(level(&deep, "sum") + level(&deep, "deep"), level(&usual, "sum"));
    assert!(level(&usual, "deep") == 0 && level(&deep, "deep") > 50, "{deep}");
}

#[test]
fn edges_of_the_answers_are_written() {
    let folder = folder();
    let path = folder.path();
    decode(path, &format!("--decoder likelihood --predecoder {} --edges-out e", network())).text();
    let events = std::fs::read(golden("dets.b8")).expect("the golden shots");
    let edges = get_text(path, "e");
    assert_eq!(edges.lines().count(), GOLDEN_SHOTS);
    for (row, line) in events.chunks(events.len() / GOLDEN_SHOTS).zip(edges.lines()) {
        let mut left = row.to_vec();
        for end in line.split([' ', '-']).filter(|end| !end.is_empty() && *end != "B") {
            let detector: usize = end[1..].parse().expect("a detector");
            left[detector / 8] ^= 1 << (detector % 8);
        }
        assert!(left.iter().all(|&byte| byte == 0), "{line}");
    }
}

/// Windows whose cells are decided by likelihood fail hardly more often than whole histories.
#[test]
fn windows_keep_the_gain() {
    let folder = folder();
    let errors = |options: &str| -> u64 {
        let line = "ler --distance 5 --rounds 15 --p 0.008 --window forward --max-shots 1500 --decoder";
        let run = outrider(folder.path(), words(&format!("{line} {options}")));
        let row = run.text().lines().nth(1).expect("a row");
        row.split_whitespace().nth(2).expect("errors").parse().expect("a number")
    };
    let (matched, decided) =
        (errors("mwpm-correlated"), errors(&format!("likelihood --predecoder {}", network())));
    assert!(decided * 20 < matched * 19 && decided > 100, "{decided} {matched}");
}

/// A budget matters where a part of the sum is too wide for a table.
#[test]
fn budgets_show_in_ratios() {
    let folder = folder();
    let path = folder.path();
    outrider(path, words("gen --distance 9 --p 0.012 --rounds 9 --dem-out m.dem --out c.stim")).text();
    outrider(path, words("sample --dem m.dem --shots 60 --seed 4 --out dets.b8")).text();
    let ratios = |options: &str| {
        let line =
            format!("decode --dem m.dem --in dets.b8 --decoder likelihood --out p --gap-out g {options}");
        outrider(path, words(&line)).text();
        get_text(path, "g")
    };
    assert_eq!(ratios("--sum-budget 1e-9,500"), ratios(""));
    assert_ne!(ratios("--sum-budget 1e-3,5"), ratios(""));
}

/// What its options decide shows in windows too.
#[test]
fn windows_take_its_options() {
    let folder = folder();
    let path = folder.path();
    outrider(path, words("gen --distance 5 --p 0.015 --rounds 20 --dem-out m.dem --out c.stim")).text();
    outrider(path, words("sample --dem m.dem --shots 60 --seed 4 --out dets.b8")).text();
    let mut found = Vec::new();
    for options in ["", "--deep-ratio 3", "--sure-gap 0.01", "--sure-mean 0"] {
        let decoder = format!("--decoder likelihood {options}");
        let line = format!(
            "decode --dem m.dem --in dets.b8 --window parallel --commit 3 --spacing 3 --buffer 3 {decoder} --edges-out e"
        );
        outrider(path, words(&line)).text();
        found.push(get(path, "e"));
    }
    for (one, edges) in found.iter().enumerate() {
        assert!(found[..one].iter().all(|other| other != edges), "the edges of the {one}th are another's");
    }
}

#[test]
fn latencies_are_measured() {
    let folder = folder();
    let line = "bench --distance 3 --p 0.01 --shots 2000 --json j --decoder";
    for (options, name) in [
        ("likelihood", "likelihood"),
        ("likelihood --predecoder rule:smith", "likelihood"),
        ("trellis", "trellis"),
    ] {
        let run = outrider(folder.path(), words(&format!("{line} {options}")));
        assert!(run.text().starts_with(&format!("{name} (")), "{run:?}");
        let report = json(&get_text(folder.path(), "j"));
        assert_eq!((&report["decoder"], report["shots"].as_u64()), (&name.into(), Some(2000)));
        let [p50, p99, max] = ["p50_us", "p99_us", "max_us"].map(|key| report[key].as_f64().expect("a time"));
        assert!(0.0 < p50 && p50 <= p99 && p99 <= max, "{report}");
        let has_predecoder = options.contains("smith");
        assert_eq!(report["predecoder"].as_str(), has_predecoder.then_some("rule:smith"));
        assert_eq!(
            report["events_left_per_shot"].as_f64(),
            has_predecoder.then(|| report["events_per_shot"].as_f64().unwrap())
        );
        assert!(report["predecode_us"].is_null(), "{report}");
    }
}

#[test]
fn what_cannot_work_is_refused() {
    let folder = folder();
    let path = folder.path();
    put(path, "m.dem", "error(0.1) D0 L0\nerror(0.1) D0 D1\nerror(0.1) D1\ndetector(0, 0, 0) D0 D1\n");
    put(path, "dets.01", "10\n");
    for (option, name) in [
        ("--predecoder rule:smith --predecoder-use hard", "--predecoder-use hard"),
        ("--window parallel --commit 1 --spacing 1 --buffer 1 --gap-out g", "--gap-out"),
        ("--weights-in w", "--weights-in"),
        ("--erasures-in w", "--erasures-in"),
        ("--weights-out w", "--weights-out"),
        ("--certify", "--certify"),
        ("--sure-gap 601", "--sure-gap"),
        ("--sure-mean=-1", "--sure-mean"),
        ("--deep-ratio x", "--deep-ratio"),
        ("--sum-budget 1e-3,0", "--sum-budget"),
        ("--coarse 1e-3,300", "--coarse"),
    ] {
        let line = format!("decode --dem m.dem --in dets.01 --decoder likelihood {option}");
        outrider(path, words(&line)).refused(2, &[name]);
    }
    for (option, name) in [
        ("likelihood --predecoder none --predecoder rule:smith --predecoder-use hard", "likelihood"),
        ("trellis --window parallel", "trellis"),
    ] {
        let line = format!("ler --distance 3 --p 0.01 --decoder mwpm,{option}");
        outrider(path, words(&line)).refused(2, &["--", name]);
    }
    let line =
        "bench --distance 3 --p 0.01 --decoder likelihood --predecoder rule:smith --predecoder-use hard";
    outrider(path, words(line)).refused(2, &["--predecoder-use hard", "likelihood"]);
    for option in ["--sure-gap 5", "--sure-mean 5", "--deep-ratio 5", "--sum-budget 1e-3,1"] {
        let line = format!("ler --distance 3 --p 0.01 --decoder mwpm,trellis {option}");
        outrider(path, words(&line)).refused(2, &[option.split(' ').next().unwrap(), "likelihood"]);
    }
    let line = "bench --distance 3 --p 0.01 --decoder trellis --predecoder rule:smith";
    outrider(path, words(line)).refused(2, &["--predecoder", "trellis"]);
    assert_eq!(names(path), ["dets.01", "m.dem"]);
}

#[test]
fn models_that_it_does_not_take_are_refused() {
    let folder = folder();
    let path = folder.path();
    put(path, "dets.01", "000\n");
    let ring = "error(0.1) D0 D1\nerror(0.1) D1 D2 L0\nerror(0.1) D0 D2\n";
    for (model, fragments) in [
        ("error(0.1) D0 D1 D2 L0\n", &["m.dem:1", "decompose"][..]),
        (ring, &["m.dem: no complementary gap", "closed loop", "; --decoder trellis decodes any model"]),
        (
            "error(0.1) D0 L0\ndetector D2\n",
            &["m.dem: no complementary gap", "; --decoder trellis decodes any model"],
        ),
    ] {
        put(path, "m.dem", model);
        let run = outrider(path, words("decode --dem m.dem --in dets.01 --decoder likelihood --out p"));
        run.refused(2, fragments);
        outrider(path, words("ler --dem m.dem --decoder likelihood --max-shots 10")).refused(2, fragments);
        outrider(path, words("bench --dem m.dem --decoder likelihood --shots 10")).refused(2, fragments);
        assert!(!path.join("p").exists());
    }
    put(path, "m.dem", format!("{ring}error(0.1) D0 D1 D2 L0\n"));
    let line = "decode --dem m.dem --in dets.01 --decoder likelihood --ignore-undecomposable";
    outrider(path, words(line)).refused(2, &["no complementary gap", "--decoder trellis"]);
    put(path, "m.dem", "error(0.1) D0 L0\nerror(0.1) D0 D1\nerror(0.1) D1\nerror(0.1) D0 D1 D2 L0\n");
    assert_eq!(outrider(path, words(line)).text(), "0\n");
}

#[test]
fn a_shot_without_an_explanation_is_named() {
    let folder = folder();
    let path = folder.path();
    put(path, "m.dem", "error(0.1) D0 L0\nerror(0.1) D0 D1\nerror(0.1) D1\nerror(0.1) D2 D3\n");
    put(path, "dets.01", "0000\n1011\n1010\n");
    let run = outrider(path, words("decode --dem m.dem --in dets.01 --decoder likelihood --out p"));
    run.refused(2, &["dets.01", "shot 3"]);
    assert!(!path.join("p").exists());
}
