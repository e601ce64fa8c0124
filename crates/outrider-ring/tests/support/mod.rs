//! What several test files use.
#![allow(dead_code, reason = "no test file uses all of it")]

use std::time::Duration;

/// Long enough that only a lost wake-up reaches it: a test fails instead of hanging.
pub(crate) const PATIENCE: Duration = Duration::from_secs(100);

/// FNV-1a.
pub(crate) fn checksum(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
