//! The fuzz targets of `c_core/tests/fuzz/` on their corpora, without a fuzzer: nothing crashes any more.

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;
use support::c_program::{compile_core, compile_program, files, last_lines, root, run, scratch};

/// As .ci/run lists them.
const TARGETS: [&str; 9] = [
    "fuzz_circuit",
    "fuzz_dem",
    "fuzz_shots",
    "fuzz_decode",
    "fuzz_network",
    "fuzz_plan",
    "fuzz_book",
    "fuzz_rounds",
    "fuzz_stream",
];

#[test]
fn corpora_replay_without_a_crash() {
    let directory = scratch("fuzz_corpora");
    let objects = compile_core(&directory, &[]);
    for target in TARGETS {
        let program = compile_target(target, &objects, &directory);
        let corpus = files(&fuzz().join("corpus").join(target));
        assert!(corpus.len() >= 8, "only {} files for {target}", corpus.len());
        let output = run(Command::new(program).args(&corpus));
        assert!(output.status.success(), "{}", last_lines(&output));
        assert_eq!(String::from_utf8_lossy(&output.stderr).lines().count(), corpus.len(), "one line a file");
    }
}

#[test]
fn a_broken_promise_is_noticed_and_its_file_named() {
    let directory = scratch("fuzz_canary");
    let program = compile_target("canary", &[], &directory);
    let (good, bad) = (directory.join("good"), directory.join("bad"));
    std::fs::write(&good, "truth").expect("the scratch directory is writable");
    std::fs::write(&bad, "lie").expect("the scratch directory is writable");
    assert!(run(Command::new(&program).arg(&good)).status.success());
    let output = run(Command::new(&program).args([&good, &bad]));
    assert!(!output.status.success());
    let report = last_lines(&output);
    assert!(report.contains(&bad.display().to_string()) && report.contains("does not hold"), "{report}");
}

fn compile_target(target: &str, objects: &[PathBuf], directory: &Path) -> PathBuf {
    let sources = [fuzz().join(target).with_extension("c"), fuzz().join("replay.c")];
    compile_program(&sources, objects, directory)
}

fn fuzz() -> PathBuf {
    root().join("c_core/tests/fuzz")
}
