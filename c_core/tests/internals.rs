//! C programs on the core's own headers: the worked example of exact matching, step by step, and the work that the
//! searches do.

mod support;

use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::OnceLock;
use support::c_program::{compile_core, compile_program, last_lines, root, run, scratch};

/// Compiles `c_core/tests/<name>.c` with the core and runs it; it must succeed.
fn run_with_core(name: &str) -> Output {
    static CORE: OnceLock<(PathBuf, Vec<PathBuf>)> = OnceLock::new();
    let (directory, objects) = CORE.get_or_init(|| {
        let directory = scratch("internals");
        let objects = compile_core(&directory, &[]);
        (directory, objects)
    });
    let source = root().join("c_core/tests").join(name).with_extension("c");
    let output = run(&mut Command::new(compile_program(&[source], objects, directory)));
    assert!(output.status.success(), "{}", last_lines(&output));
    output
}

#[test]
fn the_worked_example_goes_as_its_table_says() {
    let output = run_with_core("blossom_steps");
    let source =
        std::fs::read_to_string(root().join("c_core/src/match/trees.c")).expect("the source is readable");
    let rows = String::from_utf8(output.stdout).expect("plain ASCII");
    assert_eq!(rows.lines().count(), 14, "{rows}");
    for row in rows.lines() {
        assert!(source.contains(&format!(" * {row}  ")), "the table in trees.c has no row '{row}'");
    }
}

#[test]
fn work_grows_with_the_events_on_ties_and_hubs() {
    let output = run_with_core("worst_cases");
    let rows = String::from_utf8(output.stdout).expect("plain ASCII");
    assert_eq!(rows.lines().count(), 12, "six shots for each of two engines:\n{rows}");
}
