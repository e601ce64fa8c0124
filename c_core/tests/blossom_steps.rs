//! The worked example of exact matching, step by step, by a C program on the core's own headers.

mod support;

use std::process::Command;
use support::c_program::{compile_core, compile_program, last_lines, root, run, scratch};

#[test]
fn the_worked_example_goes_as_its_table_says() {
    let directory = scratch("blossom_steps");
    let objects = compile_core(&directory, &[]);
    let program = compile_program(&[root().join("c_core/tests/blossom_steps.c")], &objects, &directory);
    let output = run(&mut Command::new(program));
    assert!(output.status.success(), "{}", last_lines(&output));
    let source =
        std::fs::read_to_string(root().join("c_core/src/match/trees.c")).expect("the source is readable");
    let rows = String::from_utf8(output.stdout).expect("plain ASCII");
    assert_eq!(rows.lines().count(), 14, "{rows}");
    for row in rows.lines() {
        assert!(source.contains(&format!(" * {row}  ")), "the table in trees.c has no row '{row}'");
    }
}
