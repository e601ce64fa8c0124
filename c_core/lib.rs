//! Raw bindings to the outrider C core.
//!
//! Everything here is generated from `c_core/include/outrider/*.h`, where each function's contract is
//! written. Use the safe crate `outrider` instead unless you are wrapping something it lacks.
#![no_std]
#![allow(non_camel_case_types, non_upper_case_globals, missing_docs, unreachable_pub)] // C's names, documented in the headers
#![allow(clippy::use_self)] // bindgen's spelling

include!("bindings.rs");

const _: () =
    assert!(OTR_ABI_VERSION == 1, "bindings.rs does not match this crate: run `cargo run -p bindings`");
