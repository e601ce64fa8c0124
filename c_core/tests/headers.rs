//! Each public header compiles alone, without a warning, as C11 and, where a C++ compiler is installed, as
//! C++17.

use std::path::{Path, PathBuf};
use std::process::Command;

const WARNINGS: &[&str] = &["-Wall", "-Wextra", "-Wundef", "-Werror", "-pedantic", "-fsyntax-only"];

#[test]
fn headers_compile_as_c11() {
    let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".to_owned());
    check_headers(&compiler, &["-x", "c", "-std=c11", "-Wstrict-prototypes"]);
}

#[test]
fn headers_compile_as_cpp17() {
    let compiler = std::env::var("CXX").unwrap_or_else(|_| "c++".to_owned());
    if Command::new(&compiler).arg("--version").output().is_err() {
        eprintln!("skipped: no C++ compiler '{compiler}'");
        return;
    }
    check_headers(&compiler, &["-x", "c++", "-std=c++17"]);
}

#[test]
fn the_library_was_built_from_these_headers() {
    // SAFETY: the call has no preconditions.
    assert_eq!(unsafe { outrider_sys::otr_abi_version() }, outrider_sys::OTR_ABI_VERSION);
}

fn check_headers(compiler: &str, language: &[&str]) {
    let include = Path::new(env!("CARGO_MANIFEST_DIR")).join("c_core/include");
    let headers = headers(&include.join("outrider"));
    assert!(headers.len() >= 8, "only {headers:?}");
    for header in headers {
        let output = Command::new(compiler)
            .args(language)
            .args(WARNINGS)
            .arg(format!("-I{}", include.display()))
            .arg(&header)
            .output()
            .expect("the compiler runs");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{} as {language:?}:\n{errors}", header.display());
    }
}

fn headers(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).expect("the header directory is readable");
    let mut found: Vec<PathBuf> = entries.map(|entry| entry.expect("a directory entry").path()).collect();
    found.sort();
    found
}
