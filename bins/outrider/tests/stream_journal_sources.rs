//! The journal of `outrider stream` with recorded histories and with nodes of others: what another process goes on from,
//! and what it refuses.

mod support;

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;
use support::*;

const PATCH: &str = "--dem c.dem --commit 3 --spacing 3 --buffer 3 --wait block";
/// A pace at which all of a recording takes minutes.
const SLOW: &str = "--round-time 5ms";
const FAST: &str = "--round-time 0 --verify";
const SHOTS: &str = "--shots d.b8 --appended-observables";
const MEASUREMENTS: &str = "--stim c.stim --measurements m.01 --sweep s.01";
const HISTORIES: usize = 200;
/// Layers of a history: its rounds and the last measurement of the data qubits.
const LAYERS: u64 = 25;

/// What must be the same wherever the same rounds are decoded.
const ANSWERS: [&str; 7] =
    ["rounds", "histories", "detection_events", "logical_errors", "cells", "lost_rounds", "batch_mismatches"];

fn answers(report: &Value) -> [&Value; ANSWERS.len()] {
    ANSWERS.map(|field| &report[field])
}

/// A memory as a circuit that sweep bits flip, its model, and recordings of it: events in `d.b8`, measurements in `m.01`
/// with the sweep bits in `s.01`.
fn recorded() -> tempfile::TempDir {
    let folder = folder();
    let path = folder.path();
    outrider(path, words("gen --distance 3 --rounds 24 --p 0.004 --dem-out c.dem --out c.stim")).text();
    let circuit = get_text(path, "c.stim");
    let (coordinates, rest) = circuit.split_at(circuit.find("\nR ").expect("a reset") + 1);
    let (reset, rest) = rest.split_at(rest.find('\n').expect("a line") + 1);
    put(path, "c.stim", format!("{coordinates}{reset}CX sweep[0] 1 sweep[1] 8\n{rest}"));
    let sample = format!("sample --dem c.dem --shots {HISTORIES} --out d.b8 --append-observables");
    outrider(path, words(&sample)).text();
    // Eight measurements a round and nine in the end; any bits will do, if they are not too many.
    let bit = |k: u32| if k.wrapping_mul(2_654_435_761) >> 27 == 0 { '1' } else { '0' };
    let shot = |shot: u32| String::from_iter((0..201).map(|k| bit(shot * 201 + k))) + "\n";
    put(path, "m.01", (0..HISTORIES as u32).map(shot).collect::<String>());
    put(path, "s.01", "00\n10\n01\n11\n".repeat(HISTORIES / 4));
    folder
}

fn stream(folder: &Path, line: &str) -> Value {
    outrider(folder, words(&format!("stream {PATCH} {line} --json run.json"))).text();
    json(&get_text(folder, "run.json"))
}

/// Starts with a journal, and is killed when that has so many bytes.
fn kill(folder: &Path, line: &str, bytes: u64) {
    let line = format!("stream {PATCH} {line} {SLOW} --journal journal --resume");
    kill_at(folder, &line, &folder.join("journal"), bytes);
}

#[test]
fn recordings_go_on_where_another_process_was_killed() {
    for source in [SHOTS, MEASUREMENTS] {
        let folder = recorded();
        let path = folder.path();
        let whole = stream(path, &format!("{source} {FAST}"));
        assert_eq!(whole["histories"], HISTORIES);
        // With nothing but its header, in the first history, and in later ones.
        for bytes in [48, 200, 500, 2_500] {
            kill(path, &format!("{source} --nodes 1"), bytes);
        }
        let left = get(path, "journal");
        for missing in [0, 9, left.len() / 2] {
            put(path, "journal", &left[..left.len() - missing]);
            let line = format!("{source} {FAST} --nodes 2 --journal journal --resume");
            let report = stream(path, &line);
            assert_eq!(answers(&report), answers(&whole), "{source}, {missing} bytes are missing");
            let restored = report["restored"]["layers"].as_u64().expect("a number");
            assert!((20..10 * LAYERS).contains(&restored), "{report}");
            outrider(path, words(&format!("stream {PATCH} {line}")))
                .refused(2, &["journal: its stream is over"]);
        }
    }
}

/// Lets a stream run until its journal has so many bytes, and then end in order.
fn interrupt(folder: &Path, line: &str, bytes: u64) {
    let mut child =
        program().current_dir(folder).args(words(line)).stdout(Stdio::null()).spawn().expect("it starts");
    while std::fs::metadata(folder.join("journal")).map_or(0, |metadata| metadata.len()) < bytes {
        assert!(child.try_wait().expect("a process").is_none(), "{line}: it is over before {bytes} bytes");
        std::thread::yield_now();
    }
    let kill = Command::new("kill").args(["-TERM", &child.id().to_string()]).status();
    assert!(kill.expect("kill runs").success());
    assert_eq!(child.wait().expect("its end").code(), Some(0), "{line}");
}

#[test]
fn what_a_signal_left_undone_goes_on() {
    let folder = recorded();
    let path = folder.path();
    for (source, bytes) in [
        (format!("{PATCH} {SHOTS}"), [200, 2_500]),
        (format!("{PATCH} {MEASUREMENTS}"), [200, 2_500]),
        ("--distance 3 --p 0.01 --rounds 12 --repeat 300 --wait block".to_owned(), [200, 2_500]),
    ] {
        outrider(path, words(&format!("stream {source} {FAST} --json run.json"))).text();
        let whole = json(&get_text(path, "run.json"));
        for bytes in bytes {
            interrupt(path, &format!("stream {source} {SLOW} --nodes 1 --journal journal --resume"), bytes);
        }
        let line = format!("stream {source} {FAST} --nodes 1 --journal journal --resume --json run.json");
        outrider(path, words(&line)).text();
        let report = json(&get_text(path, "run.json"));
        assert_eq!(answers(&report), answers(&whole), "{source}");
        assert!(report["restored"]["layers"].as_u64() >= Some(13), "{report}");
        outrider(path, words(&line)).refused(2, &["journal: its stream is over"]);
        std::fs::remove_file(path.join("journal")).expect("the journal");
    }
    // A history that ended early is none of the source's, and the last.
    let line = "stream --distance 3 --p 0.01 --rounds 100000 --nodes 1 --wait block --journal journal";
    interrupt(path, &format!("{line} {SLOW}"), 2_500);
    outrider(path, words(&format!("{line} {FAST} --resume"))).refused(2, &["journal: its stream is over"]);
}

#[test]
fn nodes_of_others_go_on_with_a_stream_that_was_killed() {
    let folder = recorded();
    let path = folder.path();
    let node =
        |name: &str| Node::start(path, &format!("--listen unix:{name} {}", &PATCH[..PATCH.len() - 13]));
    let whole = stream(path, &format!("{SHOTS} {FAST}"));
    let first = node("a.sock");
    kill(path, &format!("{SHOTS} --to unix:a.sock"), 700);
    // The same node, which still has the session of the dead, then another one as well.
    kill(path, &format!("{SHOTS} --to unix:a.sock"), 1_500);
    let second = node("b.sock");
    kill(path, &format!("{SHOTS} --to unix:a.sock --to unix:b.sock"), 2_500);
    first.kill();
    let left = get(path, "journal");
    let gone =
        format!("stream {PATCH} {SHOTS} {FAST} --to unix:a.sock --patience 20ms --journal journal --resume");
    outrider(path, words(&gone)).refused(1, &["no node for 0.02 s", "unix:a.sock"]);
    assert_eq!(get(path, "journal"), left, "there was nothing to write");
    let report = stream(path, &format!("{SHOTS} {FAST} --to unix:b.sock --journal journal --resume"));
    assert_eq!(answers(&report), answers(&whole));
    assert!(report["restored"]["layers"].as_u64() > Some(40), "{report}");
    second.kill();
}

#[test]
fn a_journal_goes_on_with_its_own_recording_only() {
    let folder = recorded();
    let path = folder.path();
    kill(path, &format!("{SHOTS} --nodes 1"), 2_500);
    let left = get(path, "journal");
    let shots = get(path, "d.b8");
    let row = shots.len() / HISTORIES;
    let mut other = shots.clone();
    other[row + 3] ^= 16;
    put(path, "other.b8", other);
    put(path, "short.b8", &shots[..row]);
    put(path, "cut.b8", &shots[..row + 1]);
    put(path, "none.b8", []);
    for (source, fragments) in [
        (
            "--shots other.b8 --appended-observables",
            &["journal: byte ", "another round than that of the source"][..],
        ),
        ("--shots short.b8 --appended-observables", &["journal: byte ", "the source has no such history"]),
        ("--shots none.b8 --appended-observables", &["journal: byte 48: the source has no such history"]),
        ("--shots cut.b8 --appended-observables", &["cut.b8: shot 2", "no multiple"]),
        ("--shots missing.b8 --appended-observables", &["missing.b8: cannot open"]),
        (MEASUREMENTS, &["journal: the journal of another stream"]),
        ("--shots d.b8", &["d.b8"]),
    ] {
        let line = format!("stream {PATCH} {source} {FAST} --nodes 1 --journal journal --resume");
        outrider(path, words(&line)).refused(2, fragments);
        assert_eq!(get(path, "journal"), left, "{source}");
    }
    // Without --resume nothing of it is touched.
    let line = format!("stream {PATCH} {SHOTS} {FAST} --nodes 1 --journal journal");
    outrider(path, words(&line)).refused(2, &["journal: holds a stream already", "--resume"]);
    assert_eq!(get(path, "journal"), left);
}

#[test]
fn measurements_and_sweep_bits_must_be_those_of_the_journal() {
    let folder = recorded();
    let path = folder.path();
    kill(path, &format!("{MEASUREMENTS} --nodes 1"), 2_500);
    let left = get(path, "journal");
    let text = get_text(path, "m.01");
    put(path, "short.01", &text[..202]);
    put(path, "cut.01", &text[..300]);
    put(path, "swept.01", "11\n".repeat(HISTORIES));
    put(path, "few.01", "00\n");
    for (from, to, fragments) in [
        ("m.01", "short.01", &["journal: byte ", "the source has no such history"][..]),
        ("m.01", "cut.01", &["cut.01", "shot 2"]),
        ("s.01", "swept.01", &["journal: byte ", "another round than that of the source"]),
        ("s.01", "few.01", &["few.01", "ends after 1 shots"]),
    ] {
        let source = MEASUREMENTS.replace(from, to);
        let line = format!("stream {PATCH} {source} {FAST} --nodes 1 --journal journal --resume");
        outrider(path, words(&line)).refused(2, fragments);
        assert_eq!(get(path, "journal"), left, "{source}");
    }
}

/// The records of a journal, behind its header.
fn records(journal: &[u8]) -> Vec<&[u8]> {
    let (mut records, mut rest) = (Vec::new(), &journal[48..]);
    while let Some(length) = rest.first_chunk::<4>() {
        let (record, behind) = rest.split_at(12 + u32::from_le_bytes(*length) as usize);
        records.push(record);
        rest = behind;
    }
    records
}

#[test]
fn records_in_an_order_that_no_stream_has_are_refused() {
    const ROUND: u8 = 2;
    const CLOSE: u8 = 4;
    let folder = recorded();
    let path = folder.path();
    // A line of a few histories, to its end.
    put(path, "d.b8", &get(path, "d.b8")[..3 * (25 * 8 - 7usize).div_ceil(8)]);
    stream(path, &format!("{SHOTS} {FAST} --nodes 1 --journal journal"));
    let journal = get(path, "journal");
    let all = records(&journal);
    let (_end, all) = all.split_last().expect("records");
    let close = all.iter().position(|record| record[12] == CLOSE).expect("a history that was over");
    let last = all[..close].iter().rposition(|record| record[12] == ROUND).expect("a last round");
    let without = |left_out: usize| [&all[..left_out], &all[left_out + 1..]].concat();
    let early = [&all[..4], &all[close..]].concat();
    for (records, why) in [
        (without(close), "a history was opened before the one before it was over"),
        (early, "a history was closed before its last round"),
        (without(last), "that cannot be"),
        (without(0), "is not open"),
        ([&all[..1], all].concat(), "was opened before"),
        ([&all[..3], &all[2..]].concat(), "another round than that of the source"),
    ] {
        let bytes = [&journal[..48], &records.concat()].concat();
        put(path, "journal", &bytes);
        let line = format!("stream {PATCH} {SHOTS} {FAST} --nodes 1 --journal journal --resume");
        outrider(path, words(&line)).refused(2, &["journal: byte ", why]);
        assert_eq!(get(path, "journal"), bytes, "{why}");
    }
}
