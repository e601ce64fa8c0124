//! Raw bindings to the outrider C core.
//!
//! Everything here is generated from `c_core/include/outrider/*.h`, where each function's contract is
//! written. Use the safe crate `outrider` instead unless you are wrapping something it lacks.
#![no_std]
#![allow(non_camel_case_types, non_upper_case_globals, missing_docs, unreachable_pub)] // C's names, documented in the headers
#![allow(clippy::use_self)] // bindgen's spelling

include!("bindings.rs");

/// Whether a part of the package's version is what the header says.
const fn same_number(text: &str, number: u32) -> bool {
    matches!(u32::from_str_radix(text, 10), Ok(parsed) if parsed == number)
}

const _: () = assert!(
    same_number(env!("CARGO_PKG_VERSION_MAJOR"), OTR_VERSION_MAJOR)
        && same_number(env!("CARGO_PKG_VERSION_MINOR"), OTR_VERSION_MINOR)
        && same_number(env!("CARGO_PKG_VERSION_PATCH"), OTR_VERSION_PATCH),
    "outrider.h and the package have different versions"
);

const _: () =
    assert!(OTR_ABI_VERSION == 1, "bindings.rs does not match this crate: run `cargo run -p bindings`");
