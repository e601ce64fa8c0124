//! Patches as options: a table and a command line mean the same, and the patch is the same on every machine.

use clap::{Args, Command, FromArgMatches};
use outrider::{Isa, Patch};
use outrider_options::{PatchArgs, PatchError};
use serde::Deserialize;
use serde_json::{Value, json};

const NETWORK: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../models/event-stim.safetensors");

fn of_line<S: AsRef<str>>(arguments: &[S]) -> PatchArgs {
    let command = PatchArgs::augment_args(Command::new("test").no_binary_name(true));
    let matches = command.try_get_matches_from(arguments.iter().map(AsRef::as_ref)).unwrap();
    PatchArgs::from_arg_matches(&matches).unwrap()
}

fn of_words(line: &str) -> PatchArgs {
    of_line(&line.split_whitespace().collect::<Vec<_>>())
}

fn of_table(table: &Value) -> PatchArgs {
    PatchArgs::deserialize(table).unwrap()
}

fn digests(patch: &Patch) -> ([u8; 32], [u8; 32]) {
    (*patch.model_digest(), *patch.plan_digest())
}

#[test]
fn a_table_means_the_same_as_a_command_line() {
    let cases = [
        ("--distance 3 --p 0.01", json!({"distance": 3, "p": 0.01}), "mwpm@parallel"),
        (
            "--distance 3 --p 1e-7 --basis x --circuit paper --orientation O2 --decoder union-find --window forward --buffer 2",
            json!({"distance": 3, "p": 1e-7, "basis": "x", "circuit": "paper", "orientation": "O2",
                "decoder": "union-find", "window": "forward", "buffer": 2}),
            "union-find@forward-b2",
        ),
        (
            "--distance 5 --p 0.002 --window brick --commit 4 --row-width 2 --row-axis y --row-pitch 2",
            json!({"distance": 5, "p": 0.002, "window": "brick", "commit": 4, "row-width": 2, "row-axis": "y",
                "row-pitch": 2.0}),
            "mwpm@brick",
        ),
        (
            "--distance 3 --p 0.01 --predecoder rule:smith --predecoder-use hard --fix-probability 0.9 --spacing 1",
            json!({"distance": 3, "p": 0.01, "predecoder": "rule:smith", "predecoder-use": "hard",
                "fix-probability": 0.9, "spacing": 1}),
            "rule:smith-hard+mwpm@parallel",
        ),
        (
            "--distance 3 --p 0.01 --reference-rounds 7 --predecoder rule:min-sum",
            json!({"distance": 3, "p": 0.01, "reference-rounds": 7, "predecoder": "rule:min-sum"}),
            "rule:min-sum+mwpm@parallel",
        ),
    ];
    for (line, table, label) in cases {
        let of_line_loaded = of_words(line).load(Isa::Auto).unwrap();
        let of_table_loaded = of_table(&table).load(Isa::Auto).unwrap();
        assert_eq!(digests(&of_line_loaded.patch), digests(&of_table_loaded.patch), "{line}");
        assert_eq!(of_line_loaded.label, label);
        let again = of_line(&of_words(line).to_arguments().unwrap());
        assert_eq!(format!("{again:?}"), format!("{:?}", of_words(line)));
    }
}

#[test]
fn old_names_of_options_mean_the_same() {
    for (old, new, table) in [
        ("--gap 2", "--spacing 2", json!({"gap": 2})),
        ("--predecode hard", "--predecoder-use hard", json!({"predecode": "hard"})),
        ("--commit-probability 0.9", "--fix-probability 0.9", json!({"commit-probability": 0.9})),
    ] {
        let expected = format!("{:?}", of_words(new));
        assert_eq!(format!("{:?}", of_words(old)), expected);
        assert_eq!(format!("{:?}", of_table(&table)), expected);
        assert_eq!(of_words(old).to_arguments().unwrap(), of_words(new).to_arguments().unwrap());
    }
}

#[test]
fn digests_of_plans_stay_what_they_are() {
    let hard = "--predecoder rule:smith --predecoder-use hard --fix-probability 0.9";
    for (options, expected) in [
        ("", "78098dba77f7fe1ff9ebbe38e09c8d1988ac8ec15c3b845a6069050b79c464c3"),
        (
            "--window forward --decoder mwpm-correlated",
            "64f79fd500b83da37c6c744663f97e0db7ef39123bfafddc28f07c647b92326b",
        ),
        (
            "--window brick --commit 4 --row-width 2 --row-axis y --buffer 3",
            "95cea429337fce92718812e3f6ff7bde2c7a9cafbf61036c1e4bd24104b47d80",
        ),
        (
            "--window chessboard --commit 4 --row-width 2 --buffer 3",
            "154e902ba59b8f756947655dcd2f70e7b5fefbcd487ea5448d93138bbc5c7b4d",
        ),
        (
            "--window sandwich --predecoder rule:smith",
            "925eca821fabc1af6e165b0bb20b173afb6256b173f9ef2dfaf06c08cd12ec06",
        ),
        (&format!("--spacing 1 {hard}"), "d87ef7d5435a0e0df8d09f81f288ca44528cdc96b52dc38192c4d459faf1a6e2"),
    ] {
        let loaded = of_words(&format!("--distance 3 --p 0.002 {options}")).load(Isa::Auto).unwrap();
        let digest: String = loaded.patch.plan_digest().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(digest, expected, "{options}");
    }
}

#[test]
fn generated_references_serve_histories_of_any_length() {
    let network = format!("--predecoder {NETWORK}");
    for options in ["", "--window forward --buffer 1", "--predecoder rule:min-sum", &network] {
        let loaded = of_words(&format!("--distance 3 --p 0.01 {options}")).load(Isa::Auto).unwrap();
        assert!(loaded.patch.plan().layers_min().is_some(), "{options}");
        assert_eq!(loaded.model.detector_count(), u64::from(loaded.patch.plan().graph().node_count()));
    }
    let own = of_words("--distance 3 --p 0.01 --reference-rounds 4").load(Isa::Auto).unwrap();
    assert_eq!((own.patch.plan().layer_count(), own.patch.plan().layers_min()), (5, None));
}

#[test]
fn options_that_make_no_patch_are_named() {
    let cases = [
        ("", "--dem or --distance"),
        ("--dem none.dem --commit 3 --spacing 3 --buffer 3", "none.dem"),
        ("--dem none.dem", "none.dem"),
        ("--distance 3 --p 0.01 --window whole", "--window whole"),
        ("--distance 3 --p 0.01 --window forward --spacing 2", "--spacing is not for"),
        ("--distance 3 --p 0.01 --commit 0", "--commit 0"),
        ("--distance 3 --p 0.01 --predecoder-use hard", "--predecoder-use"),
        ("--distance 3 --p 0.01 --predecoder rule:smith --fix-probability 0.9", "--fix-probability"),
        ("--distance 3 --p 0.01 --predecoder none.safetensors", "none.safetensors"),
        ("--distance 3 --p 0.01 --reference-rounds 4000000", "--reference-rounds"),
    ];
    for (options, fragment) in cases {
        let error: PatchError = of_words(options).load(Isa::Auto).unwrap_err();
        assert!(error.to_string().contains(fragment) && error.is_bad_input(), "{options}: {error}");
    }
    for (table, fragment) in [
        (json!({"distance": 3}), "--p"),
        (json!({"distance": 3, "p": 2}), "--p"),
        (json!({"distance": "three", "p": 0.1}), "--distance"),
        (json!({"distance": 3, "p": 0.1, "row_width": 3}), "--row_width"),
        (json!({"distance": 3, "p": 0.1, "window": ["parallel"]}), "--window"),
        (json!({"distance": 3, "p": 0.1, "reference-rounds": 0}), "--reference-rounds"),
        (json!({"distance": 3, "p": 0.1, "help": "me"}), "--help"),
    ] {
        let error = PatchArgs::deserialize(&table).unwrap_err().to_string();
        assert!(error.contains(fragment) && !error.contains('\n'), "{table}: {error}");
    }
}
