//! `outrider stream` onto decoder nodes, through real processes. Nothing here depends on how fast the machine is: a node
//! that it slows down so much that others take its place is as good as one that was killed.
//!
//! Rings need Linux. Elsewhere the runs over them go over Unix sockets.

mod support;

use std::path::Path;
use std::process::Stdio;

use serde_json::Value;
use support::*;

/// Sleeping threads leave the cores to those of the other tests.
const MEMORY: &str = "--distance 3 --p 0.01 --round-time 0 --verify --wait block";

/// Where there are rings.
const RING: &str = if cfg!(target_os = "linux") { "ring" } else { "unix" };

/// Runs the command with `--json` and checks what holds for every run.
fn stream(folder: &Path, line: &str) -> Value {
    let run = outrider(folder, words(&format!("stream {line} --json run.json")));
    let summary = run.text();
    let report = json(&get_text(folder, "run.json"));
    assert_eq!(report["lost_rounds"], 0, "{line}");
    assert_eq!(report["batch_mismatches"], 0, "{line}");
    let nodes = report["nodes"].as_array().expect("nodes");
    let sum = |field: &str| nodes.iter().map(|node| node[field].as_u64().expect(field)).sum::<u64>();
    assert_eq!(Some(sum("cells")), report["cells"].as_u64(), "{line}");
    assert_eq!(Some(sum("fences")), report["failovers"].as_u64(), "{line}");
    let losses = report["failover_us"].as_array().expect("losses");
    assert_eq!(Some(losses.len() as u64), report["failovers"].as_u64());
    for loss in losses {
        assert!(loss["total"].as_f64() >= loss["detection"].as_f64() && loss["why"].is_string(), "{loss}");
    }
    for node in nodes {
        assert!(summary.contains(node["address"].as_str().expect("an address")), "{summary}");
        assert_eq!(node["decode_us"]["samples"], node["cells"]);
    }
    for hop in ["network", "dispatch", "queue", "decode"] {
        assert_eq!(report["hops_us"][hop]["samples"], report["cells"], "{hop}");
    }
    report
}

/// What must be the same wherever the same rounds are decoded.
fn answers(report: &Value) -> [&Value; 4] {
    ["rounds", "detection_events", "logical_errors", "cells"].map(|field| &report[field])
}

#[test]
fn local_nodes_answer_as_the_batch_over_every_transport() {
    let folder = folder();
    let path = folder.path();
    let ring = format!("--transport {RING}");
    for (memory, options) in [
        ("--rounds 2000 --repeat 3", ["--transport unix", &ring, "--transport tcp"]),
        (
            "--rounds 4 --repeat 40",
            ["--transport unix --workers 0", "--workers 2", &format!("{ring} --workers 0")],
        ),
        ("--rounds 500 --window forward --buffer 2 --predecoder rule:smith", ["", &ring, "--transport tcp"]),
        (
            "--rounds 3000 --repeat 2 --learn 2000 --learn-every 1024",
            ["", &format!("{ring} --workers 2"), "--transport tcp --workers 0"],
        ),
        (
            "--rounds 300 --decoder likelihood --predecoder rule:min-sum --deep-ratio 2",
            ["", &ring, "--workers 2"],
        ),
    ] {
        let here = outrider(path, words(&format!("stream {MEMORY} {memory} --json here.json")));
        assert_eq!(here.code, Some(0), "{here:?}");
        let here = json(&get_text(path, "here.json"));
        for options in options {
            let report = stream(path, &format!("{MEMORY} {memory} --nodes 2 {options}"));
            assert_eq!(answers(&report), answers(&here), "{memory} {options}");
            assert_eq!(report["nodes"].as_array().map(Vec::len), Some(2));
        }
    }
    assert_eq!(names(path), ["here.json", "run.json"]);
}

#[test]
fn the_death_of_a_node_costs_no_answer() {
    let folder = folder();
    let path = folder.path();
    let memory = format!("{MEMORY} --rounds 10000");
    let whole = stream(path, &format!("{memory} --nodes 1"));
    for transport in ["unix", RING, "tcp"] {
        let line = format!("{memory} --nodes 2 --transport {transport} --kill-after 2500");
        let report = stream(path, &line);
        assert_eq!(answers(&report), answers(&whole), "{transport}");
        let killed = &report["nodes"][0];
        assert_eq!((&killed["state"], &killed["fences"]), (&Value::from("fenced"), &Value::from(1)));
        assert!(killed["cells"].as_u64() < report["nodes"][1]["cells"].as_u64(), "{report}");
    }
    let learning = format!("{memory} --learn 2000 --learn-every 1024");
    let whole = stream(path, &format!("{learning} --nodes 1"));
    let report = stream(path, &format!("{learning} --nodes 2 --kill-after 2500"));
    assert_eq!(answers(&report), answers(&whole));
    assert_eq!(report["learned_noise"], whole["learned_noise"]);
    let alone = "--distance 3 --p 0.01 --rounds 100000 --nodes 1 --kill-after 5000 --patience 0.01";
    let run = outrider(path, words(&format!("stream {alone}")));
    // What had been committed until then is not lost: far more rounds were pushed than are held.
    run.refused(1, &["no node for 0.01 s: unix:", "; committed: 0 histories, and of the next "]);
    let words = Vec::from_iter(run.stderr.split_whitespace());
    let number = |after: &str, places: usize| {
        let at = words.iter().rposition(|word| *word == after).expect("a word");
        words[at + places].parse::<u64>().expect("a number")
    };
    let (committed, pushed, cells) = (number("next", 1), number("next", 3), number("in", 1));
    assert!(committed <= pushed && pushed >= 5000 && 0 < cells && cells < committed, "{}", run.stderr);
    assert!(run.stderr.contains("which flip L0") || run.stderr.contains("which flip no observable"));
    assert_eq!(names(path), ["run.json"]);
}

/// Nobody is left to end them, or to tidy up.
#[cfg(target_os = "linux")]
#[test]
fn nodes_end_with_a_stream_that_is_killed_and_leave_nothing() {
    let folder = folder();
    let path = folder.path();
    for transport in ["unix", "ring", "tcp"] {
        let line =
            "stream --distance 3 --p 0.01 --rounds 1000000000000 --round-time 20 --nodes 2 --snapshots s";
        let mut child = program()
            .current_dir(path)
            .args(words(&format!("{line} --transport {transport}")))
            .env("TMPDIR", path)
            .spawn()
            .expect("the program starts");
        // Nodes have joined before the file is begun under a hidden name.
        while names(path).len() < 2 {
            std::thread::yield_now();
        }
        let nodes_left = || {
            let processes = std::fs::read_dir("/proc").expect("processes").flatten();
            let commands = processes.filter_map(|process| std::fs::read(process.path().join("cmdline")).ok());
            let is_node = |command: &Vec<u8>| {
                let command = String::from_utf8_lossy(command);
                command.contains(&path.display().to_string()) && command.contains("--owner-folder")
            };
            commands.filter(is_node).count()
        };
        assert_eq!(nodes_left(), 2);
        child.kill().expect("a process");
        child.wait().expect("its end");
        while nodes_left() > 0 || names(path).iter().any(|name| name.starts_with("outrider-")) {
            std::thread::yield_now();
        }
        for name in names(path) {
            std::fs::remove_file(path.join(name)).expect("the unfinished file");
        }
    }
}

#[test]
fn nodes_of_others_take_rounds_of_any_source() {
    let folder = folder();
    let path = folder.path();
    outrider(path, words("gen --distance 3 --rounds 24 --p 0.003 --dem-out c.dem --out c.stim")).text();
    outrider(path, words("sample --dem c.dem --shots 30 --out d.b8 --out-format b8 --append-observables"))
        .text();
    let patch = "--dem c.dem --commit 3 --spacing 3 --buffer 3";
    let second = format!("{RING}:b.sock");
    let nodes = ["unix:a.sock", &second]
        .map(|address| Node::start(path, &format!("--listen {address} --listen tcp:127.0.0.1:0 {patch}")));
    let tcp = nodes[1].ready["addresses"][1].as_str().expect("an address").to_owned();
    let shots = "--shots d.b8 --appended-observables --round-time 0 --verify";
    for to in ["--to unix:a.sock", &format!("--to unix:a.sock --to {second}"), &format!("--to {tcp}")] {
        let report = stream(path, &format!("{patch} {shots} {to}"));
        assert_eq!((report["histories"].as_u64(), &report["workers"]), (Some(30), &Value::Null));
    }
    // The second node is not there, and nothing waits for it.
    let report = stream(path, &format!("{patch} {shots} --to unix:a.sock --to unix:none.sock"));
    assert_eq!(report["nodes"][1]["state"], "absent");
    nodes.into_iter().for_each(Node::end);
    assert_eq!(names(path), ["c.dem", "c.stim", "d.b8", "run.json"]);
}

#[test]
fn a_node_with_another_patch_is_named_with_both_hashes() {
    let folder = folder();
    let path = folder.path();
    let node = Node::start(path, "--listen unix:node.sock --distance 3 --p 0.01");
    let own = &node.ready["patches"][0];
    for (options, digest) in [("--p 0.02", "model"), ("--p 0.01 --window forward", "plan")] {
        let line = format!("stream --distance 3 {options} --rounds 100 --to unix:node.sock");
        let run = outrider(path, words(&line));
        let expected = format!("expected {}, found ", own[digest].as_str().expect("a digest"));
        run.refused(2, &["unix:node.sock: the node does not take the patch", digest, &expected]);
        let found = run.stderr.trim_end().rsplit(' ').next().expect("a word");
        assert!(found.len() == 64 && found.bytes().all(|byte| byte.is_ascii_hexdigit()), "{run:?}");
    }
    stream(path, &format!("{MEMORY} --rounds 100 --to unix:node.sock"));
    node.end();
}

#[test]
fn targets_that_cannot_be_are_refused_on_one_line() {
    let folder = folder();
    let path = folder.path();
    for (code, options, fragments) in [
        (1, "--to unix:none.sock --patience 10ms", &["no node for 0.01 s", "unix:none.sock"][..]),
        (1, "--to unix:a --to tcp:127.0.0.1:1 --patience 0.2", &["unix:a: ", "; tcp:127.0.0.1:1: "]),
        (2, "--to tls:127.0.0.1:1", &["--to tls:127.0.0.1:1 needs --tls-authority"]),
        (1, "--nodes 1 --workers 100000", &["local node 0: 100000 workers"]),
        (2, "--to none.sock", &["--to", "expected unix:PATH"]),
        (2, "--nodes 0", &["--nodes"]),
        (2, "--nodes 65", &["--nodes"]),
        (2, "--nodes 1 --to unix:a", &["--to"]),
        (2, "--nodes 1 --cores 0", &["--cores"]),
        (2, "--nodes 1 --patience 0", &["--patience"]),
        (2, "--to unix:a --workers 2", &["--workers"]),
        (2, "--to tls:h:1 --tls-authority ca.pem", &["--tls-certificate"]),
        (2, "--to tls:h:1 --tls-authority a --tls-certificate b --tls-key c", &["a: "]),
        (2, "--transport ring", &["--nodes"]),
        (2, "--kill-after 5", &["--nodes"]),
    ] {
        let line = format!("stream --distance 3 --p 0.01 --rounds 50 {options}");
        outrider(path, words(&line)).refused(code, fragments);
    }
    assert_eq!(names(path), [""; 0]);
}

#[test]
fn a_signal_ends_a_stream_onto_nodes_in_order() {
    let folder = folder();
    let path = folder.path();
    let line =
        "stream --distance 3 --p 0.01 --rounds 1000000000000 --round-time 20 --nodes 2 --json run.json";
    let child = program().current_dir(path).args(words(line)).stdout(Stdio::piped()).spawn();
    let child = child.expect("the program starts");
    // Signals are watched, and nodes have joined, before the file is begun under a hidden name.
    while names(path).is_empty() {
        std::thread::yield_now();
    }
    let kill = std::process::Command::new("kill").args(["-TERM", &child.id().to_string()]).status();
    assert!(kill.expect("kill runs").success());
    let output = child.wait_with_output().expect("the program ends");
    assert_eq!(output.status.code(), Some(0));
    let report = json(&get_text(path, "run.json"));
    assert_eq!((&report["was_interrupted"], &report["lost_rounds"]), (&Value::Bool(true), &Value::from(0)));
}
