//! Decoders with a pre-decoder, by a C program that brings a kind of its own.

use std::process::Command;

use crate::support::c_program::{compile_core, compile_program, last_lines, root, run, scratch};

#[test]
fn soft_use_overrides_and_hard_use_decodes_the_residual() {
    let directory = scratch("predecoding");
    let objects = compile_core(&directory, &[]);
    let program = compile_program(&[root().join("c_core/tests/predecoding.c")], &objects, &directory);
    let output = run(&mut Command::new(program));
    assert!(output.status.success(), "{}", last_lines(&output));
}
