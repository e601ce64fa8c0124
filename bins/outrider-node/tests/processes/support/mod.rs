//! What the tests share: nodes, histories with their answers, honest controllers, clients of bytes.

mod history;
mod honest;
mod node_process;
mod raw_client;

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

pub(crate) use history::{
    History, events, events_until, patch, stream, stream_until_all_decide, with_patience,
};
pub(crate) use honest::Honest;
pub(crate) use node_process::{NodeProcess, program, refused};
pub(crate) use raw_client::{RawClient, Told, fault, open_of};

/// What takes longer hangs.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);
/// Between two looks at something that does not wake anybody.
const LOOK: Duration = Duration::from_millis(5);

/// Looks until there is something to see.
pub(crate) fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + DEADLINE;
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(Instant::now() < end, "waited in vain for {what}");
        thread::sleep(LOOK);
    }
}

/// A folder that goes away with the test.
pub(crate) fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

/// An address in a folder, such as `unix:` with the name of a file.
pub(crate) fn address(kind: &str, folder: &Path, name: &str) -> String {
    match kind {
        "tcp" | "tls" => format!("{kind}:127.0.0.1:0"),
        _ => format!("{kind}:{}", folder.join(name).display()),
    }
}
