//! The journal of `outrider stream`: processes are killed, and others go on with the same answers. Nothing here depends on
//! how fast the machine is: streams that are killed would take minutes at their pace.

mod support;

use std::path::Path;

use serde_json::Value;
use support::*;

/// Sleeping threads leave the cores to those of the nodes.
const MEMORY: &str = "--distance 3 --p 0.01 --round-time 0 --verify --wait block";
/// The same at a pace at which it takes minutes.
const SLOW: &str = "--distance 3 --p 0.01 --round-time 5ms --wait block";

/// What must be the same wherever the same rounds are decoded.
const ANSWERS: [&str; 7] =
    ["rounds", "histories", "detection_events", "logical_errors", "cells", "lost_rounds", "batch_mismatches"];

fn answers(report: &Value) -> [&Value; ANSWERS.len()] {
    ANSWERS.map(|field| &report[field])
}

/// Runs the command with `--json`; returns its report and what it printed on standard error.
fn stream(folder: &Path, line: &str) -> (Value, String) {
    let run = outrider(folder, words(&format!("{line} --json run.json")));
    run.text();
    (json(&get_text(folder, "run.json")), run.stderr)
}

#[test]
fn a_stream_that_is_killed_goes_on_with_the_same_answers() {
    let folder = folder();
    let path = folder.path();
    let journal = path.join("journal");
    let memory = "--rounds 20000 --seed 3";
    let (whole, _) = stream(path, &format!("stream {MEMORY} {memory} --nodes 2"));
    let line = |pace: &str| format!("stream {pace} {memory} --nodes 2 --journal journal --resume");
    // Killed with nothing but its header, at its first round, and later and later; each process goes on from the last.
    for bytes in [48, 125, 800, 3000, 9000] {
        kill_at(path, &line(SLOW), &journal, bytes);
    }
    let left = get(path, "journal");
    // As it is, and as machines leave it that die: of the last record, or the last many, a part is missing.
    for missing in [0, 1, 30, left.len() / 2] {
        put(path, "journal", &left[..left.len() - missing]);
        let (report, notes) = stream(path, &line(MEMORY));
        assert_eq!(answers(&report), answers(&whole), "{missing} bytes are missing");
        assert_eq!((&report["lost_rounds"], &report["batch_mismatches"]), (&Value::from(0), &Value::from(0)));
        let restored = |what: &str| report["restored"][what].as_u64().expect("a number");
        assert!(restored("layers") > 50 && restored("cells") > 10 && restored("layers") < 2000, "{report}");
        let is_cut = notes.starts_with("note: journal: the last ") && notes.ends_with("are cut off\n");
        assert!(notes.is_empty() || is_cut && notes.lines().count() == 1, "{notes}");
        outrider(path, words(&line(MEMORY))).refused(2, &["journal: its stream is over"]);
    }
}

#[test]
fn histories_that_were_over_count_once() {
    let folder = folder();
    let path = folder.path();
    let memory = "--rounds 12 --repeat 3000 --seed 5";
    let (whole, _) = stream(path, &format!("stream {MEMORY} {memory} --nodes 1"));
    let line = |pace: &str| format!("stream {pace} {memory} --nodes 1 --journal journal --resume");
    for bytes in [2000, 10_000] {
        kill_at(path, &line(SLOW), &path.join("journal"), bytes);
    }
    let (report, _) = stream(path, &line(MEMORY));
    assert_eq!(answers(&report), answers(&whole));
    assert_eq!((&report["histories"], &report["lost_rounds"]), (&Value::from(3000), &Value::from(0)));
}

#[test]
fn journals_that_do_not_fit_are_refused_on_one_line() {
    let folder = folder();
    let path = folder.path();
    let line = |options: &str| format!("stream {SLOW} --rounds 20000 --nodes 1 --journal journal {options}");
    kill_at(path, &line(""), &path.join("journal"), 2000);
    let left = get(path, "journal");
    for (code, options, fragments) in [
        (2, "", &["journal: ", "--resume"][..]),
        (2, "--resume --seed 1", &["journal: the journal of another stream"]),
        (2, "--resume --p 0.02", &["journal: byte 48: ", "another patch: model "]),
        (2, "--resume --window forward", &["journal: byte 48: ", "another patch: ", "plan "]),
        (2, "--resume --sifl 3", &["--journal", "--sifl"]),
        (2, "--resume --json journal", &["--json and --journal both write to journal"]),
    ] {
        let options =
            if options.contains("--p ") { line(options).replace("--p 0.01", "") } else { line(options) };
        let run = outrider(path, words(&options));
        assert_eq!(run.code, Some(code), "{run:?}");
        assert!(fragments.iter().all(|fragment| run.stderr.contains(fragment)), "{run:?}");
        assert_eq!(get(path, "journal"), left, "{options}");
    }
    // The record after the opening is the first round, and others follow.
    for (at, place) in
        [(60, "byte 48: "), (48 + 12 + 69 + 12 + 6, "byte 129: a record is damaged"), (9, "version")]
    {
        let mut damaged = left.clone();
        damaged[at] ^= 4;
        put(path, "journal", &damaged);
        outrider(path, words(&line("--resume"))).refused(2, &["journal: ", place]);
        assert_eq!(get(path, "journal"), damaged);
    }
    put(path, "journal", "no journal\n");
    outrider(path, words(&line("--resume"))).refused(2, &["journal: not a journal of a controller"]);
    outrider(path, words("stream --distance 3 --p 0.01 --rounds 9 --journal j"))
        .refused(2, &["--nodes or --to"]);
    let run = outrider(path, words(&line("--resume").replace("--journal journal", "--journal /dev/null")));
    run.refused(2, &["--journal: /dev/null is not a plain file"]);
}
