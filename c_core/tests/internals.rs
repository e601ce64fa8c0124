//! C programs on the core's own headers: the worked example of exact matching, step by step, the work that the
//! searches do, matching in both classes, and sums over chosen errors.

mod support;

use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::OnceLock;
use support::c_program::{compile_core, compile_program, last_lines, root, run, scratch};

/// Compiles `c_core/tests/<name>.c` with the core and runs it; it must succeed.
fn run_with_core(name: &str, arguments: &[&str]) -> Output {
    static CORE: OnceLock<(PathBuf, Vec<PathBuf>)> = OnceLock::new();
    let (directory, objects) = CORE.get_or_init(|| {
        let directory = scratch("internals");
        let objects = compile_core(&directory, &[]);
        (directory, objects)
    });
    let source = root().join("c_core/tests").join(name).with_extension("c");
    let output = run(Command::new(compile_program(&[source], objects, directory)).args(arguments));
    assert!(output.status.success(), "{}", last_lines(&output));
    output
}

#[test]
fn the_worked_example_goes_as_its_table_says() {
    let output = run_with_core("blossom_steps", &[]);
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
    let output = run_with_core("worst_cases", &[]);
    let rows = String::from_utf8(output.stdout).expect("plain ASCII");
    assert_eq!(rows.lines().count(), 12, "six shots for each of two engines:\n{rows}");
}

#[test]
fn both_sides_matched_one_after_the_other_are_as_matched_apart_and_no_bound_claims_more() {
    let output = run_with_core("two_sides", &[]);
    let text = String::from_utf8(output.stdout).expect("plain ASCII");
    let counts: Vec<u64> = text.split_whitespace().map(|count| count.parse().expect("a count")).collect();
    let [shots, one_class, decisive, open] = counts[..] else { panic!("{text}") };
    assert!(shots > 10_000 && one_class > 100, "{text}");
    assert!(
        decisive > 3 * shots && open > shots / 20 && 40 * open < decisive,
        "bounds are near the truth: {text}"
    );
}

#[test]
fn sums_over_chosen_errors_are_those_over_all_sets_of_them() {
    let output = run_with_core("chosen_errors", &[]);
    let text = String::from_utf8(output.stdout).expect("plain ASCII");
    let counts: Vec<u64> = text.split_whitespace().map(|count| count.parse().expect("a count")).collect();
    let [sets, shots, full, several, long, short] = counts[..] else { panic!("{text}") };
    assert!(4 * short < 3 * long && short > long / 10, "{text}");
    assert!(shots > 5 * sets && full > sets / 4 && full < sets && several > 1000, "{text}");
}

#[test]
fn the_noise_of_circuits_is_the_same_on_every_machine() {
    // From the eighth root that is nearest, found with rational numbers. For the last four, pow() of glibc 2.36 rounds
    // to its neighbour.
    let exact = [
        ("0.0001", "0x1.bf69ce724p-18"),
        ("0.001", "0x1.17c0374248p-14"),
        ("0.003", "0x1.a404cebea1p-13"),
        ("0.005", "0x1.5e57f7931b4p-12"),
        ("0.01", "0x1.5f2adb5d608p-11"),
        ("0.1", "0x1.cac4c0035e3cp-8"),
        ("0.75", "0x1.7537656acfa54p-4"),
        ("0", "0x0p+0"),
        ("0.0093", "0x1.467a6650242p-11"),
        ("0.0191", "0x1.50cf754175fp-10"),
        ("0.2559", "0x1.4001a4115ba6p-6"),
        ("0.3416", "0x1.c31f4d90f4fbp-6"),
    ];
    let output = run_with_core("noise_roots", &exact.map(|(p, _)| p));
    let found = String::from_utf8(output.stdout).expect("plain ASCII");
    assert_eq!(Vec::from_iter(found.lines()), exact.map(|(_, root)| root));
}
