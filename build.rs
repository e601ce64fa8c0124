//! Compiles `c_core/` with the machine's C compiler: one archive for the portable core and one per
//! instruction set, so that no file is ever compiled with flags its CPU check does not cover.
//!
//! Needs a C compiler and nothing else. Reads only `CC`, `CFLAGS` (through the `cc` crate) and
//! `OUTRIDER_WERROR` (set in CI: warnings become errors).

use std::path::{Path, PathBuf};

/// An archive of kernels compiled for one instruction set: file suffix and compiler flags.
struct IsaArchive {
    suffix: &'static str,
    arch: &'static str,
    flags: &'static [&'static str],
    more_flags: &'static [&'static str],
}

const AVX512_FLAGS: &[&str] =
    &["-mavx512f", "-mavx512bw", "-mavx512vl", "-mavx512dq", "-mbmi", "-mbmi2", "-mpopcnt"];

const ISA_ARCHIVES: &[IsaArchive] = &[
    IsaArchive {
        suffix: "_avx2",
        arch: "x86_64",
        flags: &["-mavx2", "-mbmi", "-mbmi2", "-mpopcnt"],
        more_flags: &[],
    },
    IsaArchive { suffix: "_avx512", arch: "x86_64", flags: AVX512_FLAGS, more_flags: &[] },
    IsaArchive { suffix: "_avx512vnni", arch: "x86_64", flags: AVX512_FLAGS, more_flags: &["-mavx512vnni"] },
    IsaArchive {
        suffix: "_avx512amx",
        arch: "x86_64",
        flags: AVX512_FLAGS,
        more_flags: &["-mavx512vnni", "-mamx-tile", "-mamx-int8"],
    },
];

fn main() {
    let root = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR"));
    let core = root.join("c_core");
    let arch = std::env::var("CARGO_CFG_TARGET_ARCH").expect("cargo sets CARGO_CFG_TARGET_ARCH");
    println!("cargo::rerun-if-changed=c_core/src");
    println!("cargo::rerun-if-changed=c_core/include");
    println!("cargo::rerun-if-env-changed=OUTRIDER_WERROR");
    println!("cargo::metadata=include={}", core.join("include").display());

    let sources = c_files(&core.join("src"));
    let isa_of = |path: &Path| {
        let stem = path.file_stem().and_then(|s| s.to_str()).unwrap_or("");
        ISA_ARCHIVES.iter().find(|isa| stem.ends_with(isa.suffix))
    };
    let mut portable = compiler(&core);
    portable.files(sources.iter().filter(|path| isa_of(path).is_none()));
    for isa in ISA_ARCHIVES.iter().filter(|isa| isa.arch == arch) {
        let files: Vec<&PathBuf> = sources
            .iter()
            .filter(|path| isa_of(path).is_some_and(|found| found.suffix == isa.suffix))
            .collect();
        if files.is_empty() {
            continue;
        }
        let mut build = compiler(&core);
        build.files(files);
        for flag in isa.flags.iter().chain(isa.more_flags) {
            build.flag(flag);
        }
        build.compile(&format!("outrider{}", isa.suffix));
    }
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
    if std::env::var_os("CARGO_CFG_DEBUG_ASSERTIONS").is_none() {
        build.define("NDEBUG", None);
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
