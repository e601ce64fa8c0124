//! Some seeds of the simulator, of which `examples/simulate.rs` runs any number: no promise breaks, everything that it
//! says it tries does happen, a seed repeats itself, and broken promises are found.

use outrider_simulator::{Fault, Outcome, RunOptions, Sabotage, Tally, command, run};

const SEEDS: u64 = 2_000;
/// Seeds that a sabotage is tried on, and how many of them must find it at least: not every run gives it an occasion.
const SABOTAGED_SEEDS: u64 = 40;
const FOUND_MIN: usize = 10;

fn honest(seed: u64) -> Outcome {
    let outcome = run(seed, RunOptions::default());
    if let Some(failure) = &outcome.failure {
        panic!("seed {seed}: {failure}\n{}", command(seed));
    }
    outcome
}

#[test]
fn no_promise_breaks_and_everything_is_tried() {
    let mut tally = Tally::default();
    for seed in 0..SEEDS {
        // A panic of the cores does not say which seed it was.
        println!("seed {seed}");
        tally.add(&honest(seed).tally);
    }
    for &fault in Fault::ALL {
        assert!(tally.of_fault(fault) >= 10, "{}: {} times", fault.name(), tally.of_fault(fault));
    }
    for name in EXPECTED {
        assert!(tally.of(name) >= 10, "{name}: {} times", tally.of(name));
    }
    assert_eq!(tally.of("fenced: stray"), 0);
}

/// What faults lead to, each of which is a way through the cores that would go untested without it.
const EXPECTED: [&str; 19] = [
    "assignments",
    "broken payloads",
    "cells",
    "cells decided in vain",
    "cells repeated",
    "connections refused",
    "duplicates dropped",
    "fenced: rejected",
    "fenced: session ended",
    "fenced: shuts down",
    "fenced: stalled",
    "fenced: unreachable",
    "pushes without room",
    "repairs asked",
    "resumptions",
    "rounds pushed again",
    "stale commits",
    "starvations",
    "torn journals",
];

#[test]
fn a_seed_repeats_itself_to_the_bit() {
    let hashes = |keeps_trace| -> Vec<_> {
        let options = RunOptions { keeps_trace, sabotage: None };
        (0..20).map(|seed| run(seed, options).trace_hash).collect()
    };
    let first = hashes(false);
    assert_eq!(first, hashes(true));
    for (seed, hash) in first.iter().enumerate() {
        assert!(!first[..seed].contains(hash), "seed {seed} is another one's");
    }
}

#[test]
fn a_broken_promise_is_found() {
    let (wrong, differ) = ("another answer than that of one decoder", "two answers differ");
    for (sabotage, expected) in [
        (Sabotage::Liar, vec![wrong, differ]),
        (Sabotage::Forger, vec![wrong, differ]),
        (Sabotage::NoFence, vec![wrong, differ, "gave an answer for cell"]),
        (Sabotage::Deaf, vec!["the run does not finish"]),
    ] {
        let options = RunOptions { keeps_trace: false, sabotage: Some(sabotage) };
        let failures: Vec<_> = (0..SABOTAGED_SEEDS).filter_map(|seed| run(seed, options).failure).collect();
        for failure in &failures {
            assert!(expected.iter().any(|expected| failure.contains(expected)), "{sabotage:?}: {failure}");
        }
        assert!(failures.len() >= FOUND_MIN, "{sabotage:?}: found in {} runs", failures.len());
    }
}
