//! Faults of files, as a failing or full disk has them, injected into the program by `support/faults.c`: an output is
//! whole or as it was, no temporary file stays, and the error names the path that was given.
#![cfg(target_os = "linux")]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use support::*;

/// Shots of a run, so many that an output takes several writes.
const SHOTS: usize = 20_000;

/// Commands and the files that they write. `older` ones are there before.
const COMMANDS: [(&str, &[&str]); 6] = [
    (
        "decode --dem m.dem --in in.01 --in-format 01 --out-format 01 --out older --weights-out weights --stats stats",
        &["older", "weights", "stats"],
    ),
    (
        "sample --dem m.dem --shots 20000 --out events.01 --obs-out older --obs-out-format b8",
        &["events.01", "older"],
    ),
    ("gen --distance 3 --p 0.01 --out older --dem-out model", &["older", "model"]),
    (
        "m2d --circuit c.stim --in in.01 --in-format 01 --out events.01 --obs-out older --obs-out-format 01",
        &["events.01", "older"],
    ),
    (
        "predecode --dem m.dem --predecoder rule:clique --in in.01 --in-format 01 --out left.01 --stats older",
        &["left.01", "older"],
    ),
    ("ler --distance 3 --p 0.02 --max-shots 500 --out new.csv", &["new.csv"]),
];

/// Compiled once for all tests.
fn library() -> &'static Path {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/faults.c");
        let library = Path::new(env!("CARGO_TARGET_TMPDIR")).join("faults.so");
        let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".to_owned());
        let flags = ["-std=c11", "-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o"];
        let built = Command::new(compiler).args(flags).arg(&library).arg(source).status();
        assert!(built.expect("a C compiler").success());
        library
    })
}

fn prepared() -> tempfile::TempDir {
    let folder = folder();
    put(folder.path(), "m.dem", "error(0.1) D0 L0\n");
    put(folder.path(), "c.stim", "M 0\nDETECTOR rec[-1]\nOBSERVABLE_INCLUDE(0) rec[-1]\n");
    put(folder.path(), "in.01", "1\n0\n".repeat(SHOTS / 2));
    put(folder.path(), "older", "older\n");
    folder
}

fn run_with(folder: &Path, fault: &str, line: &str) -> Run {
    let output = program()
        .current_dir(folder)
        .args(words(line))
        .env("LD_PRELOAD", library())
        .env("OUTRIDER_FAULT", fault)
        .output()
        .expect("the program runs");
    Run {
        arguments: vec![fault.into(), line.into()],
        code: output.status.code(),
        stdout: output.stdout,
        stderr: String::from_utf8(output.stderr).expect("text on standard error"),
    }
}

/// All files of a folder; of statistics what does not depend on the time.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = names(folder).into_iter().map(|name| {
        let mut bytes = get(folder, &name);
        if name == "stats" || name == "older" && bytes.starts_with(b"{") || name.ends_with(".csv") {
            bytes = vec![u8::from(bytes.ends_with(b"\n"))];
        }
        (name, bytes)
    });
    entries.collect()
}

/// What a command leaves without a fault.
fn expected(line: &str) -> BTreeMap<String, Vec<u8>> {
    let folder = prepared();
    run_with(folder.path(), "none none 0", line).text();
    files(folder.path())
}

/// Checks that a run failed, named one of its outputs as given, and left the folder as it was.
fn check_failure(run: &Run, folder: &Path, outputs: &[&str], before: &BTreeMap<String, Vec<u8>>) {
    assert!(outputs.iter().any(|name| run.stderr.starts_with(&format!("error: {name}: cannot "))), "{run:?}");
    run.refused(1, &[]);
    assert_eq!(&files(folder), before, "{run:?}");
}

#[test]
fn short_and_interrupted_writes_are_continued() {
    for (line, _) in COMMANDS {
        let expected = expected(line);
        for fault in ["write short 0", "write EINTR 0", "sync EINTR 99"] {
            let folder = prepared();
            run_with(folder.path(), fault, line).text();
            assert_eq!(files(folder.path()), expected, "{fault}: {line}");
        }
    }
}

#[test]
fn a_write_that_fails_leaves_every_output_as_it_was() {
    for (line, outputs) in COMMANDS {
        let expected = expected(line);
        for fault in ["ENOSPC", "EIO", "EDQUOT", "half"] {
            let mut failures = 0;
            loop {
                let folder = prepared();
                let before = files(folder.path());
                let run = run_with(folder.path(), &format!("write {fault} {failures}"), line);
                if run.code == Some(0) {
                    assert_eq!(files(folder.path()), expected, "{run:?}");
                    break;
                }
                check_failure(&run, folder.path(), outputs, &before);
                failures += 1;
            }
            assert!(failures >= outputs.len(), "{failures} faults of {fault} were met: {line}");
        }
    }
}

#[test]
fn a_sync_or_a_rename_that_fails_leaves_every_output_as_it_was() {
    for (line, outputs) in COMMANDS {
        let files_count = if line.starts_with("ler") { 1 } else { outputs.len() };
        let syncs = (0..files_count).map(|number| format!("sync EIO {number}"));
        let renames = ["rename EIO 0", "rename EXDEV 0"].map(str::to_owned);
        let is_renamed = !line.starts_with("ler");
        for fault in syncs.chain(renames.into_iter().filter(|_| is_renamed)) {
            let folder = prepared();
            let before = files(folder.path());
            let run = run_with(folder.path(), &fault, line);
            check_failure(&run, folder.path(), outputs, &before);
        }
    }
}

#[test]
fn a_file_that_cannot_be_made_is_an_error_before_the_input_is_read() {
    let folder = prepared();
    put(folder.path(), "in.01", "no shot\n");
    let before = files(folder.path());
    for fault in ["create ENOSPC 0", "create EDQUOT 0"] {
        for (line, outputs) in COMMANDS {
            let run = run_with(folder.path(), fault, line);
            check_failure(&run, folder.path(), outputs, &before);
        }
    }
}

#[test]
fn a_file_in_a_folder_that_takes_no_other_is_written_in_place() {
    let folder = prepared();
    let line = "decode --dem m.dem --in in.01 --in-format 01 --out-format 01 --out older";
    run_with(folder.path(), "create EACCES 0", line).text();
    assert_eq!(get(folder.path(), "older"), get(folder.path(), "in.01"));
    let line = line.replace("--out older", "--out new");
    run_with(folder.path(), "create EACCES 0", &line).refused(2, &["error: new: cannot create"]);
}

#[test]
fn rows_of_a_statistics_file_outlive_faults() {
    let folder = folder();
    let line = |shots: u32| format!("ler --distance 3 --p 0.02 --max-shots {shots} --out s.csv");
    outrider(folder.path(), words(&line(500))).text();
    let before = get_text(folder.path(), "s.csv");
    for fault in ["write ENOSPC 0", "write half 0", "sync EIO 0"] {
        run_with(folder.path(), fault, &line(1000)).refused(1, &["error: s.csv: cannot write"]);
        assert_eq!(get_text(folder.path(), "s.csv"), before, "{fault}");
    }
    // Half a row that cannot be taken back is found by the next campaign.
    run_with(folder.path(), "truncate EIO 0", &line(1000)).refused(1, &["error: s.csv: cannot write"]);
    let cut = get_text(folder.path(), "s.csv");
    assert!(cut.starts_with(&before) && cut.len() > before.len() && !cut.ends_with('\n'), "{cut}");
    outrider(folder.path(), words(&line(1000))).refused(2, &["s.csv:3: an incomplete row"]);
    assert_eq!(get_text(folder.path(), "s.csv"), cut);
    // A short write is no failure.
    put(folder.path(), "s.csv", &before);
    run_with(folder.path(), "write short 0", &line(1000)).text();
    let after = get_text(folder.path(), "s.csv");
    assert!(after.starts_with(&before) && after.lines().count() == 3, "{after}");
}

#[test]
fn a_file_with_another_name_is_written_in_place_and_named_when_that_fails() {
    let folder = prepared();
    fs::hard_link(folder.path().join("older"), folder.path().join("other")).expect("the folder is writable");
    let line = "decode --dem m.dem --in in.01 --in-format 01 --out-format 01 --out older";
    for fault in ["write ENOSPC 0", "write EIO 1", "truncate EIO 0"] {
        run_with(folder.path(), fault, line).refused(1, &["error: older: cannot write"]);
        assert_eq!(names(folder.path()), ["c.stim", "in.01", "m.dem", "older", "other"]);
    }
    run_with(folder.path(), "write short 0", line).text();
    assert_eq!(get(folder.path(), "other"), get(folder.path(), "in.01"));
}
