//! Everything that hostile bytes can reach, as functions of any bytes that panic where a promise does not hold.
//!
//! libFuzzer searches for such bytes, see `README.md`; `cargo test` replays what it has found worth keeping.

mod controllers;
mod forge;
mod frames;
mod handshakes;
mod journals;
mod libfuzzer;
mod memory;
mod nodes;
#[cfg(target_os = "linux")]
mod rings;
#[cfg(not(target_os = "linux"))]
mod rings {
    /// There are no rings elsewhere, so that no bytes reach one.
    pub(crate) fn run(_: &[u8]) {}
}
mod script;
mod sessions;

/// A function that must return for any bytes.
pub type Target = fn(&[u8]);

/// All targets with their names, which are those of the folders in `corpus/`.
pub const TARGETS: [(&str, Target); 8] = [
    ("frame", frames::run),
    ("handshake", handshakes::run),
    ("server_session", sessions::run_server),
    ("client_session", sessions::run_client),
    ("node", nodes::run),
    ("controller", controllers::run),
    ("ring", rings::run),
    ("journal", journals::run),
];

/// The target of that name.
#[must_use]
pub fn target(name: &str) -> Option<Target> {
    TARGETS.into_iter().find(|(known, _)| *known == name).map(|(_, target)| target)
}
