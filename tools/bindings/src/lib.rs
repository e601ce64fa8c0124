//! Generates the Rust bindings of the C headers. Needs libclang, found by bindgen through `LIBCLANG_PATH`
//! or the system's library path; nothing else in the workspace does.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The checked-in bindings file.
pub fn bindings_path() -> PathBuf {
    core_directory().join("bindings.rs")
}

/// The bindings that the headers give now.
///
/// Panics inside bindgen when libclang is missing; ask [`libclang_found`] first.
pub fn generate() -> Result<String, bindgen::BindgenError> {
    let include = core_directory().join("include");
    bindgen::Builder::default()
        .header(include.join("outrider/outrider.h").display().to_string())
        .clang_args(["-std=c11", "--target=x86_64-unknown-linux-gnu"])
        .clang_arg(format!("-I{}", include.display()))
        .clang_args(compiler_include().map(|path| format!("-isystem{path}")))
        // Without an allowlist the macros of the machine's libc leak in.
        .allowlist_file(format!("{}/outrider/.*", include.display()))
        .newtype_enum("otr_.*")
        .must_use_type("otr_status")
        .use_core()
        .generate_comments(false)
        .disable_header_comment()
        .formatter(bindgen::Formatter::Prettyplease)
        .rust_target(bindgen::RustTarget::stable(85, 0).unwrap_or_default())
        .rust_edition(bindgen::RustEdition::Edition2024)
        .generate()
        .map(|bindings| bindings.to_string())
}

/// Whether libclang can be loaded on this machine.
pub fn libclang_found() -> bool {
    std::panic::catch_unwind(bindgen::clang_version).is_ok()
}

fn core_directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../c_core")
        .canonicalize()
        .expect("c_core stands beside tools/")
}

/// gcc's own header directory: a libclang from a package has no `stddef.h` of its own.
fn compiler_include() -> Option<String> {
    let output = Command::new("cc").arg("-print-file-name=include").output().ok()?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
}
