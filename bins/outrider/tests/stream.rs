//! `outrider stream` from the outside. Nothing here depends on how fast the machine is.

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;

use serde_json::Value;
use support::*;

/// Runs the command with `--json` and checks what holds for every run.
fn stream(folder: &Path, line: &str) -> Value {
    let run = outrider(folder, words(&format!("stream {line} --json run.json --histogram run.csv")));
    let summary = run.text();
    let report = json(&get_text(folder, "run.json"));
    let number = |field: &str| report[field].as_f64().unwrap_or_else(|| panic!("{field} in {report}"));
    assert_eq!(number("lost_rounds"), 0.0, "{line}");
    assert_eq!(number("failovers"), 0.0);
    assert!(summary.contains(&format!("{} rounds in {} histories", report["rounds"], report["histories"])));
    for times in ["reaction_us", "commit_lag_us", "backlog_rounds"] {
        let quantiles = ["p50", "p90", "p99", "p999", "max"].map(|q| report[times][q].as_f64().expect(q));
        assert!(quantiles.is_sorted(), "{times}: {quantiles:?}");
    }
    assert_eq!(report["reaction_us"]["samples"], report["histories"]);
    assert_eq!(report["commit_lag_us"]["samples"], report["cells"]);
    for hop in ["ingest", "dispatch", "queue", "decode", "merge"] {
        let samples = if hop == "ingest" { number("rounds") + number("histories") } else { number("cells") };
        assert_eq!(report["hops_us"][hop]["samples"].as_f64(), Some(samples), "{hop}");
    }
    assert_eq!(report["held"].is_null(), number("round_time_us") == 0.0);
    let csv = get_text(folder, "run.csv");
    let reactions: u64 = csv
        .lines()
        .filter(|line| line.starts_with("reaction,"))
        .map(|line| line.split(',').nth(3).expect("a column").parse::<u64>().expect("a number"))
        .sum();
    assert_eq!(Some(reactions), report["histories"].as_u64());
    fs::remove_file(folder.join("run.json")).expect("a file");
    fs::remove_file(folder.join("run.csv")).expect("a file");
    report
}

const MEMORY: &str = "--distance 3 --p 0.01 --round-time 0 --verify";

#[test]
fn times_take_units() {
    let folder = folder();
    for (time, us) in [("3", 3.0), ("3us", 3.0), ("2500ns", 2.5), ("0.003ms", 3.0), ("4e-6s", 4.0)] {
        let report = stream(folder.path(), &format!("--distance 3 --p 0.01 --rounds 20 --round-time {time}"));
        assert_eq!(report["round_time_us"], us, "{time}");
    }
}

#[test]
fn every_number_of_workers_answers_as_the_batch() {
    let folder = folder();
    let mut first: Option<Value> = None;
    for options in
        ["--workers 0", "--workers 1 --wait spin", "--workers 2 --wait block", "--workers 2 --round-time 3"]
    {
        let memory =
            MEMORY.replace("--round-time 0", if options.contains("time") { "" } else { "--round-time 0" });
        let report = stream(folder.path(), &format!("{memory} --rounds 2000 --repeat 3 {options}"));
        assert_eq!(report["batch_mismatches"], 0, "{options}");
        assert!(report["answers_compared"].as_u64() >= Some(30), "{options}: {report}");
        assert_eq!((report["rounds"].as_u64(), report["histories"].as_u64()), (Some(6000), Some(3)));
        let first = first.get_or_insert_with(|| report.clone());
        for field in ["detection_events", "logical_errors", "cells"] {
            assert_eq!(first[field], report[field], "{field}, {options}");
        }
    }
    let other = stream(folder.path(), &format!("{MEMORY} --rounds 2000 --repeat 3 --seed 1"));
    assert_ne!(other["detection_events"], first.expect("a run")["detection_events"]);
}

#[test]
fn learning_answers_as_the_batch() {
    let folder = folder();
    let memory = format!("{MEMORY} --rounds 4000 --repeat 3 --learn 3000 --learn-every 1024");
    for options in [
        "--workers 0",
        "--workers 2",
        "--decoder mwpm-correlated",
        "--decoder union-find --window forward",
        "--predecoder rule:clique",
    ] {
        let report = stream(folder.path(), &format!("{memory} {options}"));
        assert_eq!(report["batch_mismatches"], 0, "{options}");
        let noise = &report["learned_noise"];
        // The last weights that a cell had: histories have a round more than said.
        assert_eq!(noise["version"], 3 * 4001 / 1024, "{options}: {noise}");
        let mean = noise["mean_factor"].as_f64().expect("a factor");
        assert!((0.8..1.25).contains(&mean), "{options}: {noise}");
    }
    let frozen = stream(folder.path(), &format!("{MEMORY} --rounds 100"));
    assert_eq!(frozen["learned_noise"], Value::Null);
}

#[test]
fn windows_decoders_and_pre_decoders_stream() {
    let folder = folder();
    for options in [
        "--window forward",
        "--window sandwich --decoder union-find",
        "--commit 4 --spacing 2 --buffer 3 --decoder mwpm-correlated",
        "--predecoder rule:min-sum",
        "--predecoder rule:min-sum --decoder likelihood",
        "--decoder likelihood --sure-gap 8 --sure-mean 3 --deep-ratio 2 --sum-budget 1e-3,20",
        "--basis x --circuit paper --orientation O2",
    ] {
        let report = stream(folder.path(), &format!("{MEMORY} --rounds 300 {options}"));
        assert_eq!(report["batch_mismatches"], 0, "{options}");
        assert!(report["detection_events"].as_u64() > Some(100), "{options}");
    }
}

/// Whole-history decoding gets nearly all short histories right, and so do windows.
#[test]
fn corrections_are_mostly_right() {
    let folder = folder();
    let report = stream(folder.path(), "--distance 5 --p 0.004 --rounds 20 --repeat 500 --round-time 0");
    let errors = report["logical_errors"].as_u64().expect("the truth is known");
    assert!(errors < 40, "{errors} of 500");
    let noisy = stream(folder.path(), "--distance 3 --p 0.05 --rounds 20 --repeat 100 --round-time 0");
    assert!(noisy["logical_errors"].as_u64() > Some(20));
}

#[test]
fn recorded_shots_stream() {
    let folder = folder();
    let path = folder.path();
    let short = "gen --distance 3 --rounds 24 --p 0.003 --dem-out short.dem --out c.stim";
    outrider(path, words(short)).text();
    outrider(path, words("gen --distance 3 --rounds 60 --p 0.003 --dem-out long.dem --out long.stim")).text();
    for (model, rounds, shots) in [("short", 24, 50), ("long", 60, 20)] {
        let sample = format!(
            "sample --dem {model}.dem --shots {shots} --out d.b8 --out-format b8 --append-observables"
        );
        outrider(path, words(&sample)).text();
        // The short model serves the longer shots too.
        let line = format!(
            "--dem short.dem --commit 3 --spacing 3 --buffer 3 --rounds {rounds} --shots d.b8 --appended-observables --round-time 0 --verify"
        );
        let report = stream(path, &line);
        assert_eq!(report["histories"], shots);
        assert_eq!(report["rounds"], rounds * shots);
        assert_eq!(report["batch_mismatches"], 0);
        assert!(report["logical_errors"].as_u64() < Some(shots / 2), "{report}");
    }
    put(path, "empty", "");
    let unknown = stream(
        path,
        "--dem short.dem --commit 3 --spacing 3 --buffer 3 --shots empty --format 01 --round-time 0",
    );
    assert!(unknown["logical_errors"].is_null());
}

/// Raw measurements give the events that `m2d` gives.
#[test]
fn raw_measurements_stream() {
    let folder = folder();
    let path = folder.path();
    let memory = "gen --distance 3 --rounds 20 --p 0.004 --dem-out c.dem --out c.stim";
    outrider(path, words(memory)).text();
    // 20 rounds of 8 measurements and 9 data qubits; any bits will do.
    let bits: Vec<u8> = (0..7 * 22u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8 & 0x11).collect();
    let shots: Vec<u8> = bits
        .chunks(22)
        .flat_map(|shot| {
            let text: String =
                (0..169).map(|k| if shot[k / 8] >> (k % 8) & 1 == 1 { '1' } else { '0' }).collect();
            (text + "\n").into_bytes()
        })
        .collect();
    put(path, "m.01", shots);
    let measured = "--dem c.dem --stim c.stim --measurements m.01 --format 01 --commit 3 --spacing 3 --buffer 3 --round-time 0 --verify";
    let by_stream = stream(path, measured);
    outrider(
        path,
        words("m2d --circuit c.stim --in m.01 --in-format 01 --out d.b8 --obs-out o.b8 --obs-out-format b8"),
    )
    .text();
    let by_shots =
        stream(path, "--dem c.dem --shots d.b8 --commit 3 --spacing 3 --buffer 3 --round-time 0 --verify");
    assert_eq!(by_stream["histories"], 7);
    for field in ["rounds", "detection_events", "cells", "batch_mismatches"] {
        assert_eq!(by_stream[field], by_shots[field], "{field}");
    }
}

/// Sweep bits change the events of the shots that have them, as in `m2d`.
#[test]
fn sweep_bits_enter_with_raw_measurements() {
    let folder = folder();
    let path = folder.path();
    outrider(path, words("gen --distance 3 --rounds 20 --p 0.004 --dem-out c.dem --out plain.stim")).text();
    let plain = std::fs::read_to_string(path.join("plain.stim")).unwrap();
    let (coordinates, rest) = plain.split_at(plain.find("\nR ").unwrap() + 1);
    let (reset, rest) = rest.split_at(rest.find('\n').unwrap() + 1);
    put(path, "c.stim", format!("{coordinates}{reset}CX sweep[0] 1 sweep[1] 8\n{rest}"));
    put(path, "m.01", ["0".repeat(169), "\n".to_owned()].concat().repeat(4));
    put(path, "s.01", "00\n10\n01\n11\n");
    let windows = "--dem c.dem --commit 3 --spacing 3 --buffer 3 --round-time 0 --verify";
    let raw = format!("--stim c.stim --measurements m.01 --format 01 {windows}");
    let swept = stream(path, &format!("{raw} --sweep s.01 --sweep-format 01"));
    outrider(
        path,
        words("m2d --circuit c.stim --in m.01 --in-format 01 --sweep s.01 --sweep-format 01 --out d.b8"),
    )
    .text();
    let by_shots = stream(path, &format!("--shots d.b8 {windows}"));
    for field in ["histories", "detection_events", "cells", "batch_mismatches"] {
        assert_eq!(swept[field], by_shots[field], "{field}");
    }
    assert!(swept["detection_events"].as_u64() > Some(0), "the sweep bits have done something");
    assert_eq!(stream(path, &raw)["detection_events"], 0);
    put(path, "short.01", "00\n10\n");
    outrider(path, words(&format!("stream {raw} --sweep short.01 --sweep-format 01")))
        .refused(2, &["short.01", "ends after 2 shots"]);
}

/// Measurements of runs without feedback give the events that `m2d` gives with the same option.
#[test]
fn raw_measurements_of_runs_without_feedback_stream() {
    let folder = folder();
    let path = folder.path();
    outrider(path, words("gen --distance 3 --rounds 20 --p 0.004 --dem-out c.dem --out plain.stim")).text();
    let plain = get_text(path, "plain.stim");
    let ancillas = "MR 2 9 11 13 14 16 18 25\n";
    assert_eq!(plain.matches(ancillas).count(), 2);
    // Data qubit 1 is flipped by the check of qubit 13, of which it is no part.
    put(path, "c.stim", plain.replace(ancillas, &format!("{ancillas}CX rec[-5] 1\n")));
    // Check 13 fires in round 4 of a shot, and for good from round 9 on of another.
    let bits = |ones: &[usize]| -> String {
        (0..169).map(|k| if k < 160 && k % 8 == 3 && ones.contains(&(k / 8)) { '1' } else { '0' }).collect()
    };
    let late: Vec<usize> = (9..20).collect();
    put(path, "m.01", format!("{}\n{}\n{}\n", bits(&[]), bits(&[4]), bits(&late)));
    let windows = "--dem c.dem --commit 3 --spacing 3 --buffer 3 --round-time 0 --verify";
    let raw = format!("--stim c.stim --measurements m.01 --format 01 {windows}");
    let mut reports = Vec::new();
    for flag in ["", " --ran-without-feedback"] {
        let by_stream = stream(path, &format!("{raw}{flag}"));
        let converted = format!("m2d --circuit c.stim --in m.01 --in-format 01 --out d.b8{flag}");
        outrider(path, words(&converted)).text();
        let by_shots = stream(path, &format!("--shots d.b8 {windows}"));
        for field in ["histories", "detection_events", "cells", "batch_mismatches"] {
            assert_eq!(by_stream[field], by_shots[field], "{field}{flag}");
        }
        reports.push(by_stream["detection_events"].as_u64());
    }
    // In runs without feedback, a result of 1 also flips what the feedback would have flipped.
    assert!(reports[0] < reports[1], "{reports:?}");
    outrider(path, words("stream --distance 3 --ran-without-feedback")).refused(2, &["--measurements"]);
}

#[test]
fn the_closed_loop_and_the_search_tell_what_they_did() {
    let folder = folder();
    let report = stream(folder.path(), "--distance 3 --p 0.01 --sifl 5 --round-time 2000");
    let sifl = &report["sifl"];
    assert!(sifl["steps"].as_u64() >= Some(1) && sifl["rounds_min"].as_u64() >= Some(3), "{sifl}");
    assert!(sifl["rounds_mean"].as_f64() >= sifl["rounds_min"].as_f64());
    let report = stream(folder.path(), "--distance 3 --p 0.001 --rounds 300 --find-rate");
    let found = &report["find_rate"];
    assert_eq!(found["round_time_us"], report["round_time_us"]);
    let tries = found["tries"].as_array().expect("tries");
    let held = tries.iter().filter(|one| one["held"] == true).filter_map(|one| one["round_time_us"].as_f64());
    assert_eq!(held.reduce(f64::min), found["round_time_us"].as_f64());
}

#[test]
fn histories_that_begin_before_others_are_over_count_as_backlog() {
    let folder = folder();
    let memory = "--distance 3 --p 0.01 --rounds 200 --repeat 5";
    let late = stream(folder.path(), &format!("{memory} --history-time 0.01"));
    assert_eq!((&late["held"], &late["histories"]), (&Value::Bool(false), &Value::from(5)));
    // When the last round of the first history is due, so are nearly all of the others.
    let most = late["backlog_rounds"]["max"].as_f64().expect("a number");
    assert!((4.0 * 200.0..=5.0 * 201.0).contains(&most), "{late}");
    let alone = stream(folder.path(), memory);
    for field in ["detection_events", "logical_errors", "cells"] {
        assert_eq!(late[field], alone[field], "{field}");
    }
}

#[test]
fn shots_of_a_file_count_as_backlog_too() {
    let folder = folder();
    let path = folder.path();
    outrider(path, words("gen --distance 3 --rounds 20 --p 0.01 --dem-out c.dem")).text();
    outrider(path, words("sample --dem c.dem --shots 5 --seed 1 --out d.b8 --out-format b8")).text();
    let windows = "--commit 3 --spacing 3 --buffer 3";
    let late = stream(path, &format!("--dem c.dem --shots d.b8 {windows} --history-time 0.01"));
    assert_eq!((&late["held"], &late["histories"]), (&Value::Bool(false), &Value::from(5)), "{late}");
}

#[cfg(unix)]
#[test]
fn a_signal_ends_an_endless_stream_in_order() {
    let folder = folder();
    let path = folder.path();
    let line = "stream --distance 3 --p 0.01 --rounds 1000000000000 --round-time 20 --json run.json";
    let child = program().current_dir(path).args(words(line)).stdout(std::process::Stdio::piped()).spawn();
    let child = child.expect("the program starts");
    // Signals are watched before the file is begun under a hidden name.
    while names(path).is_empty() {
        std::thread::yield_now();
    }
    let kill = std::process::Command::new("kill").args(["-TERM", &child.id().to_string()]).status();
    assert!(kill.expect("kill runs").success());
    let output = child.wait_with_output().expect("the program ends");
    assert_eq!(output.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&output.stdout).contains("interrupted"));
    let report = json(&get_text(path, "run.json"));
    assert_eq!((&report["was_interrupted"], &report["lost_rounds"]), (&Value::Bool(true), &Value::from(0)));
    // The warm-up of an endless stream is 1000 layers long.
    let has_warmed_up = report["rounds"].as_u64() >= Some(1000);
    assert_eq!(report["held"].is_null(), !has_warmed_up, "{report}");
    assert!(report["rounds"].as_u64() < Some(1_000_000_000));
}

/// Adds the names of members, whatever they are in.
fn add_keys(value: &Value, keys: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => members.iter().for_each(|(key, value)| {
            keys.insert(key.clone());
            add_keys(value, keys);
        }),
        Value::Array(values) => values.iter().for_each(|value| add_keys(value, keys)),
        _ => (),
    }
}

#[test]
fn snapshots_are_an_object_a_line() {
    let folder = folder();
    let path = folder.path();
    let line = "stream --distance 3 --p 0.01 --rounds 2400 --repeat 2 --round-time 0 --nodes 1 --learn 1024 \
                --learn-every 1024";
    let run = outrider(path, words(&format!("{line} --json run.json --snapshots snapshots.jsonl")));
    assert!(run.text().contains("4800 rounds in 2 histories"), "{run:?}");
    let report = json(&get_text(path, "run.json"));
    let snapshots: Vec<Value> = get_text(path, "snapshots.jsonl").lines().map(json).collect();

    let [first, .., last] = &snapshots[..] else { panic!("{snapshots:?}") };
    assert_eq!((&first["history"]["number"], &first["history"]["round"]), (&1.into(), &1.into()));
    assert_eq!((&first["history"]["length"], &first["rounds"]), (&2401.into(), &0.into()));
    assert_eq!(first["nodes"][0]["state"], "up");
    assert_eq!(last["history"], Value::Null);
    for (key, value) in last.as_object().expect("an object").iter().filter(|(key, _)| *key != "history") {
        assert_eq!(value, &report[key], "{key}");
    }

    let document = include_str!("../../../docs/real-time.md");
    let (_, section) = document.split_once("## What a run reports").expect("the section");
    let mut keys = BTreeSet::new();
    snapshots.iter().for_each(|snapshot| add_keys(snapshot, &mut keys));
    let missing: Vec<&String> = keys.iter().filter(|key| !section.contains(&format!("`{key}`"))).collect();
    assert!(keys.len() > 30 && missing.is_empty(), "not described: {missing:?}");
}

#[test]
fn snapshots_go_to_standard_output_in_place_of_the_summary() {
    let folder = folder();
    let run = outrider(folder.path(), words("stream --distance 3 --p 0.01 --rounds 20 --snapshots -"));
    let snapshots: Vec<Value> = run.text().lines().map(json).collect();
    let last = snapshots.last().expect("a line");
    assert_eq!((snapshots.len() >= 2, &last["rounds"]), (true, &20.into()), "{snapshots:?}");
}

#[cfg(unix)]
#[test]
fn a_stream_ends_when_nobody_reads_its_snapshots() {
    let line = "stream --distance 3 --p 0.01 --rounds 1000000000000 --round-time 20 --snapshots -";
    let mut child =
        program().args(words(line)).stdout(std::process::Stdio::piped()).spawn().expect("a start");
    let mut first = String::new();
    let mut output = BufReader::new(child.stdout.take().expect("a pipe"));
    output.read_line(&mut first).expect("a line");
    assert_eq!(json(&first)["history"]["number"], 1);
    drop(output);
    assert_eq!(child.wait().expect("the program ends").code(), Some(1));
}

#[test]
fn bad_input_is_refused_on_one_line() {
    let folder = folder();
    let path = folder.path();
    outrider(path, words("gen --distance 3 --rounds 8 --p 0.01 --dem-out c.dem --out c.stim")).text();
    put(path, "flat.dem", "error(0.1) D0 L0\n");
    put(path, "d.b8", [0; 5]);
    let cases: &[(&str, &[&str])] = &[
        ("", &["--dem"]),
        ("--distance 3", &["--p"]),
        ("--distance 3 --p 0.01 --rounds 0", &["--rounds"]),
        ("--distance 3 --p 0.01 --round-time -1", &["--round-time"]),
        ("--distance 3 --p 0.01 --round-time 1min", &["--round-time", "1min", "ns, us, ms, s"]),
        ("--distance 3 --p 0.01 --round-time 2s", &["--round-time", "from 0 to 1000000 microseconds"]),
        ("--distance 3 --p 0.01 --history-time 0", &["--history-time"]),
        ("--distance 3 --p 0.01 --history-time 1uss", &["--history-time", "ns, us, ms, s"]),
        ("--distance 3 --p 0.01 --nodes 1 --patience 1h", &["--patience", "seconds", "ns, us, ms, s"]),
        ("--distance 3 --p 0.01 --round-time 0 --history-time 9", &["--history-time needs"]),
        ("--distance 3 --p 0.01 --cores 100000", &["core 100000"]),
        ("--distance 3 --p 0.01 --rounds 20 --nodes 2 --kill-after 21", &["--kill-after", "20 rounds"]),
        ("--distance 3 --p 0.01 --nodes 2 --kill-after 1 --find-rate", &["--kill-after", "--find-rate"]),
        ("--distance 3 --p 0.01 --patience 3", &["--patience"]),
        ("--distance 3 --p 0.01 --format 01", &["--format"]),
        ("--distance 3 --p 0.01 --cores 0 --workers 0", &["--cores"]),
        ("--distance 3 --p 0.01 --workers 100000", &["100000 workers"]),
        ("--distance 3 --p 0.01 --window forward --spacing 2", &["--spacing"]),
        ("--distance 3 --p 0.01 --commit 0", &["--commit 0"]),
        ("--distance 3 --p 0.01 --round-time 0 --sifl 3", &["--sifl"]),
        ("--distance 3 --p 0.01 --decoder none", &["--decoder"]),
        ("--distance 3 --p 0.01 --decoder mwpm-correlated --deep-ratio 2", &["--deep-ratio", "likelihood"]),
        (
            "--distance 3 --p 0.01 --decoder likelihood --predecoder rule:smith --predecoder-use hard",
            &["--predecoder-use hard", "likelihood"],
        ),
        ("--distance 3 --p 0.01 --learn 10", &["--learn", "1024"]),
        ("--distance 3 --p 0.01 --learn-every 2000", &["--learn"]),
        ("--distance 3 --p 0.01 --learn 2000 --decoder likelihood", &["nothing is learned for likelihood"]),
        ("--dem c.dem --commit 3 --spacing 3 --buffer 3 --learn 2000", &["c.dem", "whose rounds repeat"]),
        ("--distance 3 --p 0.01 --rounds 20 --json none/run.json", &["none/run.json"]),
        ("--distance 3 --p 0.01 --rounds 20 --snapshots none/run.jsonl", &["none/run.jsonl"]),
        ("--distance 3 --p 0.01 --json same --histogram same", &["--json and --histogram"]),
        ("--distance 3 --p 0.01 --json - --snapshots -", &["--json and --snapshots"]),
        ("--distance 3 --p 0.01 --rounds 20 --snapshots none/it.jsonl", &["none/it.jsonl"]),
        ("--dem c.dem", &["--window parallel needs --spacing"]),
        ("--distance 3 --p 0.01 --window whole", &["--window whole"]),
        ("--dem none.dem --commit 3 --spacing 3 --buffer 3", &["none.dem"]),
        ("--dem flat.dem --commit 3 --spacing 3 --buffer 3", &["flat.dem", "has no coordinates"]),
        ("--dem c.dem --commit 3 --spacing 3 --buffer 3 --rounds 100000", &["--rounds", "100001 layers"]),
        ("--dem - --commit 3 --spacing 3 --buffer 3 --shots -", &["--dem and --shots"]),
        ("--dem c.dem --commit 3 --spacing 3 --buffer 3 --shots none.b8", &["none.b8"]),
        ("--dem c.dem --commit 3 --spacing 3 --buffer 3 --shots d.b8", &["d.b8"]),
        ("--dem c.dem --commit 3 --spacing 3 --buffer 3 --measurements d.b8", &["--stim"]),
    ];
    for (options, fragments) in cases {
        outrider(path, words(&format!("stream {options}"))).refused(2, fragments);
    }
    assert_eq!(names(path), ["c.dem", "c.stim", "d.b8", "flat.dem"]);
}
