//! C programs around the library, built by the machine's compiler.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Compiles the whole library, portable kernels only, to objects in `directory`.
pub(crate) fn compile_core(directory: &Path, flags: &[&str]) -> Vec<PathBuf> {
    let mut sources = files(&root().join("c_core/src"));
    sources.retain(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.ends_with(".c") && !name.contains("_avx")
    });
    assert!(sources.len() > 30, "only {} sources", sources.len());
    let jobs = std::thread::available_parallelism().map_or(1, |count| count.get());
    std::thread::scope(|scope| {
        for part in sources.chunks(sources.len().div_ceil(jobs)) {
            scope.spawn(move || {
                compile(Command::new(compiler()).current_dir(directory).arg("-c").args(flags).args(part));
            });
        }
    });
    let mut objects = files(directory);
    objects.retain(|path| path.extension().is_some_and(|extension| extension == "o"));
    objects
}

/// Compiles C sources with objects to a program in `directory`.
pub(crate) fn compile_program(sources: &[PathBuf], objects: &[PathBuf], directory: &Path) -> PathBuf {
    let program = directory.join(sources[0].file_stem().expect("a source has a name"));
    compile(Command::new(compiler()).args(sources).args(objects).arg("-lm").arg("-o").arg(&program));
    program
}

pub(crate) fn run(command: &mut Command) -> Output {
    command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

pub(crate) fn last_lines(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}

/// Every file below `directory`, sorted.
pub(crate) fn files(directory: &Path) -> Vec<PathBuf> {
    let entries =
        std::fs::read_dir(directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.expect("a directory entry").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}

pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// An empty directory below Cargo's target directory.
pub(crate) fn scratch(name: &str) -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    if directory.exists() {
        std::fs::remove_dir_all(&directory).expect("the scratch directory is ours");
    }
    std::fs::create_dir_all(&directory).expect("the target directory is writable");
    directory
}

fn compile(command: &mut Command) {
    let include = root().join("c_core/include");
    let internal = root().join("c_core/src");
    let flags =
        ["-std=c11", "-O1", "-ffp-contract=off", "-DOTR_PORTABLE_ONLY", "-Wall", "-Wextra", "-Werror"];
    // The flags that the library is built with, so that sanitizers watch these programs too.
    let more = std::env::var("CFLAGS").unwrap_or_default();
    // A preloaded sanitizer would find the compiler's own leaks.
    command.env_remove("LD_PRELOAD").args(flags).args(more.split_whitespace());
    let output = run(command.arg("-I").arg(include).arg("-I").arg(internal));
    assert!(output.status.success(), "{command:?}\n{}", last_lines(&output));
}

fn compiler() -> String {
    std::env::var("CC").unwrap_or_else(|_| "cc".to_owned())
}
