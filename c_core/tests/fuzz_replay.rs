//! The fuzz targets of `c_core/tests/fuzz/` on their corpora, without a fuzzer: nothing crashes any more.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

#[test]
fn corpora_replay_without_a_crash() {
    let directory = scratch("corpora");
    let objects = compile_core(&directory);
    for target in ["fuzz_dem", "fuzz_shots", "fuzz_decode"] {
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
    let directory = scratch("canary");
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

/// The objects of the whole library, compiled for the machine that everybody has.
fn compile_core(directory: &Path) -> Vec<PathBuf> {
    let mut sources = files(&root().join("c_core/src"));
    sources.retain(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.ends_with(".c") && !name.contains("_avx")
    });
    assert!(sources.len() > 30, "only {} sources", sources.len());
    compile(Command::new(compiler()).current_dir(directory).arg("-c").args(sources));
    files(directory)
}

fn compile_target(target: &str, objects: &[PathBuf], directory: &Path) -> PathBuf {
    let program = directory.join(target);
    let sources = [fuzz().join(target).with_extension("c"), fuzz().join("replay.c")];
    compile(Command::new(compiler()).args(sources).args(objects).arg("-lm").arg("-o").arg(&program));
    program
}

fn compile(command: &mut Command) {
    let include = root().join("c_core/include");
    let internal = root().join("c_core/src");
    let flags =
        ["-std=c11", "-O1", "-ffp-contract=off", "-DOTR_PORTABLE_ONLY", "-Wall", "-Wextra", "-Werror"];
    let output = run(command.args(flags).arg("-I").arg(include).arg("-I").arg(internal));
    assert!(output.status.success(), "{command:?}\n{}", last_lines(&output));
}

fn run(command: &mut Command) -> Output {
    command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

fn last_lines(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}

/// Every file below `directory`, sorted.
fn files(directory: &Path) -> Vec<PathBuf> {
    let entries =
        std::fs::read_dir(directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.expect("a directory entry").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn compiler() -> String {
    std::env::var("CC").unwrap_or_else(|_| "cc".to_owned())
}

fn fuzz() -> PathBuf {
    root().join("c_core/tests/fuzz")
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// An empty directory below Cargo's target directory.
fn scratch(name: &str) -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("fuzz_replay").join(name);
    if directory.exists() {
        std::fs::remove_dir_all(&directory).expect("the scratch directory is ours");
    }
    std::fs::create_dir_all(&directory).expect("the target directory is writable");
    directory
}
