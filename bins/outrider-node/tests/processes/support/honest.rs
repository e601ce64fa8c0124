//! An honest controller beside whatever a test does to a node.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use outrider_controller::{Cluster, ClusterOptions};
use outrider_transport::Address;

use super::history::{History, stream, with_patience};

/// Rounds of a history that it streams again and again.
const ROUNDS: u64 = 300;
/// So often it pushes a round: slowly enough to leave the machine to others.
const ROUND: Duration = Duration::from_micros(200);

/// A controller on a thread of its own that streams histories, and must not feel anything of what others do.
pub(crate) struct Honest {
    is_over: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Honest {
    /// Begins to stream, and returns once the node has decided a history.
    pub(crate) fn start(node: &Address) -> Self {
        Self::start_with(node, with_patience())
    }

    pub(crate) fn start_with(node: &Address, options: ClusterOptions) -> Self {
        let mut cluster = Cluster::new(std::slice::from_ref(node), &options).expect("options");
        let history = History::sample(ROUNDS, 7);
        assert_eq!(stream(&mut cluster, &history, |_, _| {}), history.answer);
        let is_over = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&is_over);
        let thread = thread::spawn(move || {
            let mut is_last = false;
            while !is_last {
                is_last = told.load(Relaxed);
                let answer = stream(&mut cluster, &history, |_, cluster| cluster.wait(ROUND));
                assert_eq!(answer, history.answer);
            }
            let counters = cluster.controller().counters();
            assert_eq!((counters.fences, counters.disagreements), (0, 0), "{counters:?}");
            cluster.shut_down(super::DEADLINE);
        });
        Self { is_over, thread }
    }

    /// Streams another history from its beginning, and ends. Nothing must have happened to it.
    pub(crate) fn finish(self) {
        self.is_over.store(true, Relaxed);
        self.thread.join().expect("an honest controller goes on as if it were alone");
    }
}
