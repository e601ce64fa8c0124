//! Compiles `c_core/` with the machine's C compiler: one archive for the portable core and one per
//! instruction set, so that no file is ever compiled with flags its CPU check does not cover.
//!
//! Needs a C compiler and nothing else. Reads only `CC`, `CFLAGS` (through the `cc` crate) and
//! `OUTRIDER_WERROR` (set in CI: warnings become errors).

use std::path::{Path, PathBuf};

/// A line for each instruction set: the end of its files' names, its architecture, its compiler flags.
const INSTRUCTION_SETS: &str = include_str!("c_core/instruction_sets.txt");

fn main() {
    let root = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR"));
    let core = root.join("c_core");
    let arch = std::env::var("CARGO_CFG_TARGET_ARCH").expect("cargo sets CARGO_CFG_TARGET_ARCH");
    println!("cargo::rerun-if-changed=c_core/src");
    println!("cargo::rerun-if-changed=c_core/include");
    println!("cargo::rerun-if-env-changed=OUTRIDER_WERROR");
    println!("cargo::metadata=include={}", core.join("include").display());

    let sources = c_files(&core.join("src"));
    let sets: Vec<Vec<&str>> = INSTRUCTION_SETS
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.split_whitespace().collect())
        .collect();
    let is_of = |path: &Path, set: &[&str]| {
        path.file_stem().and_then(|stem| stem.to_str()).is_some_and(|stem| stem.ends_with(set[0]))
    };
    for set in sets.iter().filter(|set| set[1] == arch) {
        let mut build = compiler(&core);
        build.files(sources.iter().filter(|path| is_of(path, set))).flags(&set[2..]);
        build.compile(&format!("outrider{}", set[0]));
    }
    let mut portable = compiler(&core);
    portable.files(sources.iter().filter(|path| !sets.iter().any(|set| is_of(path, set))));
    // Last, so that the linker sees the core before the kernels it refers to.
    portable.compile("outrider_core");
}

/// The flags every archive shares.
fn compiler(core: &Path) -> cc::Build {
    let mut build = cc::Build::new();
    build
        .include(core.join("include"))
        .include(core.join("src"))
        .std("c11")
        .warnings(true)
        .extra_warnings(true);
    for flag in [
        "-Wundef",
        "-Wstrict-prototypes",
        "-Wmissing-prototypes",
        "-Werror=vla",
        "-fvisibility=hidden",
        // Sampling uses floating point; contraction to fma would make shots differ between machines.
        "-ffp-contract=off",
    ] {
        build.flag(flag);
    }
    if std::env::var_os("OUTRIDER_WERROR").is_some() {
        build.warnings_into_errors(true);
    }
    build
}

/// Every `.c` file below `directory`, sorted, so that builds are reproducible.
fn c_files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let entries = std::fs::read_dir(directory).unwrap_or_else(|e| panic!("{}: {e}", directory.display()));
    for entry in entries {
        let path = entry.unwrap_or_else(|e| panic!("{}: {e}", directory.display())).path();
        if path.is_dir() {
            found.extend(c_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "c") {
            found.push(path);
        }
    }
    found.sort();
    found
}
