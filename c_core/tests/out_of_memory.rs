//! Every allocation of the C library may fail: the call then says OTR_ERR_MEMORY, and nothing leaks.

mod support;

use std::process::Command;
use support::c_program::{compile_core, compile_program, last_lines, root, run, scratch};
use support::event_network::{Colouring, NetworkFile, Shape};
use support::random::Random;

/// The library's allocator replaced by the one of `out_of_memory.c`.
const ALLOCATOR: [&str; 4] =
    ["-Dmalloc=test_malloc", "-Dcalloc=test_calloc", "-Drealloc=test_realloc", "-Dfree=test_free"];

#[test]
fn every_failed_allocation_is_reported_and_leaks_nothing() {
    let directory = scratch("out_of_memory");
    let objects = compile_core(&directory, &ALLOCATOR);
    let sources = [root().join("c_core/tests/fuzz/out_of_memory.c")];
    let program = compile_program(&sources, &objects, &directory);
    let network = directory.join("network.safetensors");
    let shape = Shape { width: 16, layers: 1, radius: 1, colouring: Colouring::Mirrored, weight: 20 };
    let mut random = Random(1);
    std::fs::write(&network, NetworkFile::random(&shape, &mut || random.word()).bytes())
        .expect("a scratch file");
    let output = run(Command::new(program).arg(network));
    assert!(output.status.success(), "{}", last_lines(&output));
    let failures: u64 = String::from_utf8_lossy(&output.stdout).trim().parse().expect("a count");
    assert!(failures > 100, "only {failures} allocations failed");
}
