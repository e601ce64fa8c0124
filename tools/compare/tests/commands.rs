//! The conversation with `compare`: both programs answer alike, and mistakes are answered with an error.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use serde_json::Value;

const MODEL: &str = "error(0.1) D0 L0\nerror(0.1) D0 D1\nerror(0.2) D1 D2 ^ D0 L0\nerror(0.1) D2\n";
const SHOTS: [u8; 5] = [0b000, 0b001, 0b011, 0b101, 0b110];
const PLAIN: [&str; 2] = ["outrider/mwpm", "stabilizer_qec/mwpm"];

/// A folder with the model and its shots.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(path_in(&folder, "model.dem"), MODEL).expect("the folder is there");
    fs::write(path_in(&folder, "shots.b8"), SHOTS).expect("the folder is there");
    folder
}

fn path_in(folder: &tempfile::TempDir, name: &str) -> String {
    folder.path().join(name).to_str().expect("a path in UTF-8").to_owned()
}

#[test]
fn both_programs_answer_alike() {
    let folder = folder();
    let path = |name: &str| path_in(&folder, name);
    let mut commands =
        vec![format!("model\t{}", path("model.dem")), format!("shots\t{}\t5", path("shots.b8"))];
    for (index, decoder) in PLAIN.iter().enumerate() {
        commands.push(format!(
            "predict\t{decoder}\t{}\t{}",
            path(&format!("{index}.b8")),
            path(&format!("{index}.f64"))
        ));
    }
    let answers = converse(&commands);
    assert_eq!((&answers[1]["detectors"], &answers[1]["events"]), (&3.into(), &7.into()));
    assert!(answers.iter().all(|answer| answer.get("error").is_none()), "{answers:?}");

    let [ours, theirs] = [0, 1].map(|index| fs::read(path(&format!("{index}.b8"))).expect("predictions"));
    assert_eq!(ours.len(), SHOTS.len());
    assert_eq!(ours, theirs);
    let [ours, theirs] =
        [0, 1].map(|index| doubles(&fs::read(path(&format!("{index}.f64"))).expect("weights")));
    assert_eq!(ours.len(), SHOTS.len());
    assert!(ours.iter().zip(&theirs).all(|(a, b)| (a - b).abs() < 1e-5), "{ours:?} {theirs:?}");
}

#[test]
fn times_and_bytes_are_told() {
    let folder = folder();
    let path = |name: &str| path_in(&folder, name);
    let answers = converse(&[
        format!("model\t{}", path("model.dem")),
        format!("shots\t{}\t4", path("shots.b8")),
        "batch\tstabilizer_qec/mwpm-correlated".to_owned(),
        "build\toutrider/union-find".to_owned(),
        "sample\t1000\t7".to_owned(),
        "sample-edges\t1000\t7".to_owned(),
        "learn".to_owned(),
        format!("single\toutrider/mwpm-correlated\t{}", path("times.u64")),
        "memory".to_owned(),
    ]);
    for timed in &answers[2..7] {
        assert!(timed["wall"].as_f64() > Some(0.0) && timed["cpu"].as_f64() > Some(0.0), "{timed}");
    }
    assert_eq!(fs::read(path("times.u64")).expect("times").len(), 4 * 8);
    let held = &answers[8]["decoders"]["outrider/mwpm-correlated"];
    assert!(held["graph"].as_u64() > Some(0) && held["decoder"].as_u64() > Some(0), "{held}");
    assert!(answers[8]["peak_bytes"].as_u64() > Some(100_000));
}

#[test]
fn pre_decoders_are_asked_alone_and_before_matching() {
    let folder = folder();
    let path = |name: &str| path_in(&folder, name);
    let answers = converse(&[
        format!("model\t{}", path("model.dem")),
        format!("shots\t{}\t5", path("shots.b8")),
        "batch\toutrider/mwpm/soft/rule:min-sum".to_owned(),
        "batch\toutrider/mwpm/hard/rule:smith".to_owned(),
        "predecode\tsoft\trule:min-sum".to_owned(),
        "predecode\thard\trule:smith".to_owned(),
        "left\trule:smith".to_owned(),
        "batch\toutrider/mwpm/soft/missing.safetensors".to_owned(),
        "batch\toutrider/mwpm/soft".to_owned(),
    ]);
    assert!(answers[2..6].iter().all(|timed| timed["cpu"].as_f64() > Some(0.0)), "{answers:?}");
    assert_eq!(answers[6]["events"], 7);
    assert!(answers[6]["left"].as_u64() < Some(7), "{answers:?}");
    assert!(answers[7..].iter().all(|answer| answer["error"].is_string()), "{answers:?}");
}

#[test]
fn sums_have_ratios_and_budgets() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| path_in(&folder, name);
    let chain = "error(0.1) D0 L0\nerror(0.1) D0 D1\nerror(0.1) D1\n";
    fs::write(path("model.dem"), chain).expect("the folder is there");
    fs::write(path("shots.b8"), [0b00, 0b01, 0b11, 0b10]).expect("the folder is there");
    let decoders = ["likelihood", "trellis", "trellis/1e-2,10", "trellis/0,10,0,10,1"];
    let mut commands =
        vec![format!("model\t{}", path("model.dem")), format!("shots\t{}\t4", path("shots.b8"))];
    for (index, decoder) in decoders.iter().enumerate() {
        let [ratios, levels] = ["f64", "u8"].map(|suffix| path(&format!("{index}.{suffix}")));
        commands.push(format!("ratios\toutrider/{decoder}\t{ratios}\t{levels}"));
    }
    commands.push("batch\toutrider/mwpm-correlated/soft/rule:min-sum".to_owned());
    commands.push("ratios\toutrider/mwpm\tratios\tlevels".to_owned());
    commands.push("batch\toutrider/trellis/1e-3".to_owned());
    let answers = converse(&commands);
    assert!(answers[2..6].iter().all(|answer| answer.get("error").is_none()), "{answers:?}");
    assert!(answers[6]["cpu"].as_f64() > Some(0.0), "{answers:?}");
    assert!(answers[7..].iter().all(|answer| answer["error"].is_string()), "{answers:?}");
    let [likelihood, sum, coarse, fine] =
        [0, 1, 2, 3].map(|index| doubles(&fs::read(path(&format!("{index}.f64"))).expect("ratios")));
    // One error against two.
    let odds = 9.0_f64.ln();
    for (found, expected) in sum.iter().zip([3.0 * odds, -odds, odds, odds]) {
        assert!((found - expected).abs() < 1e-9, "{sum:?}");
    }
    assert!(likelihood.iter().zip(&sum).all(|(found, sum)| found.signum() == sum.signum()), "{likelihood:?}");
    assert_eq!((&coarse, &fine), (&sum, &sum));
    assert_eq!(fs::read(path("2.u8")).expect("levels"), [0; 4]);
}

#[test]
fn failures_leave_strings() {
    let folder = tempfile::tempdir().expect("a folder");
    let model = folder.path().join("chain.dem");
    let chain = "error(0.1) D0 L0\nerror(0.1) D0 D1\nerror(0.1) D1 D2\nerror(0.1) D2\n";
    fs::write(&model, chain).expect("the folder is there");
    let open = format!("model\t{}", model.to_str().expect("a path in UTF-8"));
    let answers = converse(&[open, "strings\t5000\t1\toutrider/mwpm".to_owned()]);
    let strings = answers[1]["strings"][0].as_array().expect("a list").iter();
    // Length, errors and failures: the string is the whole chain, and matching fails from two errors on.
    let strings: Vec<[u64; 3]> =
        strings.map(|entry| serde_json::from_value(entry.clone()).expect("three numbers")).collect();
    assert!(!strings.is_empty() && strings.iter().all(|[length, errors, _]| *length == 4 && *errors >= 2));
    let failures: u64 = strings.iter().map(|[_, _, count]| count).sum();
    // About half of the shots with two errors, nearly all with more: 5000 (0.0486 / 2 + 0.0037).
    assert!((80..200).contains(&failures), "{strings:?}");
}

#[test]
fn mistakes_are_answered_and_the_session_goes_on() {
    let answers = converse(
        &["model\tmissing.dem", "shots\tx\t1", "build\tother/mwpm", "dance", "memory"].map(String::from),
    );
    assert!(answers[1..4].iter().all(|answer| answer["error"].is_string()), "{answers:?}");
    assert!(answers[4]["peak_bytes"].is_u64());
}

fn converse(commands: &[String]) -> Vec<Value> {
    let mut child = Command::new(env!("CARGO_BIN_EXE_compare"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("compare starts");
    let mut input = child.stdin.take().expect("a piped input");
    input.write_all((commands.join("\n") + "\n").as_bytes()).expect("compare reads");
    drop(input);
    let output = BufReader::new(child.stdout.take().expect("a piped output"));
    let answers =
        output.lines().map(|line| serde_json::from_str(&line.expect("a line")).expect("JSON")).collect();
    assert!(child.wait().expect("compare ends").success());
    answers
}

fn doubles(bytes: &[u8]) -> Vec<f64> {
    bytes.chunks_exact(8).map(|chunk| f64::from_le_bytes(chunk.try_into().expect("8 bytes"))).collect()
}
