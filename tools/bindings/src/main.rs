//! Writes `c_core/bindings.rs`: `cargo run -p bindings`.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    if !bindings::libclang_found() {
        return Err(
            "libclang not found: set LIBCLANG_PATH (PyPI's libclang package has it in clang/native)".into()
        );
    }
    std::fs::write(bindings::bindings_path(), bindings::generate()?)?;
    Ok(())
}
