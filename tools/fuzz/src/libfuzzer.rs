//! What libFuzzer calls. Its `main` comes from clang, see `.ci/run`.

use std::sync::OnceLock;
use std::{env, slice};

use crate::Target;

/// Names the target to be run.
const VARIABLE: &str = "OUTRIDER_FUZZ_TARGET";

/// Runs the target that the environment names. A panic cannot leave it, and ends the process.
///
/// # Safety
/// `data` points to `size` bytes.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn LLVMFuzzerTestOneInput(data: *const u8, size: usize) -> i32 {
    static CHOSEN: OnceLock<Target> = OnceLock::new();
    let target = CHOSEN.get_or_init(|| {
        let name = env::var(VARIABLE).unwrap_or_default();
        crate::target(&name).unwrap_or_else(|| panic!("{VARIABLE} names no target: {name:?}"))
    });
    // `data` may be null where there are no bytes.
    let bytes = match size {
        0 => &[],
        // SAFETY: the caller gives `size` bytes that nobody changes meanwhile.
        _ => unsafe { slice::from_raw_parts(data, size) },
    };
    target(bytes);
    0
}
