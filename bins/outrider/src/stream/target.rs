//! What `outrider stream` sends its rounds to: something that decodes a history at a time. This process's own threads are
//! one, decoder nodes (`node_target.rs`) another.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use outrider::{LearnedNoise, Patch, Stream, StreamOptions, Times};
use outrider_wire::{Hops, Time};

use crate::error::{Error, Result};
use crate::stream::node_report::{Failover, NodeReport};

/// How far a target got.
pub(crate) struct Progress<'a> {
    /// Rounds can be pushed.
    pub(crate) has_room: bool,
    /// Every cell that begins before this layer is committed.
    pub(crate) committed: u64,
    /// Cells committed without holes.
    pub(crate) cells: u64,
    /// What they flip.
    pub(crate) observables: &'a [u8],
    /// The history has ended, and everything is committed.
    pub(crate) is_finished: bool,
}

/// What became of a cell.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CellReport {
    pub(crate) number: u64,
    /// When its commit was merged.
    pub(crate) merged: Time,
    pub(crate) way: Way,
}

/// How a cell came to be decided.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Way {
    /// By a worker of this process.
    Worker(Times),
    /// By a node, whose clock is its own.
    Node {
        /// When the last round of its window was pushed, by the clock of this process.
        pushed: Time,
        /// The times on the node.
        hops: Hops,
    },
}

/// What an earlier process did, as its journal has it.
#[derive(Debug)]
pub(crate) enum Restored {
    /// It began the next history.
    Begun,
    /// It pushed a round.
    Round {
        /// Packed detection events.
        events: Vec<u8>,
        detector_count: u32,
        is_last: bool,
    },
    /// It took the commit of the cell with this number.
    Cell(u64),
    /// The history was over, and this is what its cells flip.
    Over(Vec<u8>),
}

/// Something that decodes a history at a time.
pub(crate) trait Target {
    /// What comes next of that which an earlier process did; nothing after the last. The target is then where that
    /// process was, and goes on with its history if one was under way.
    fn restored(&mut self) -> Result<Option<Restored>> {
        Ok(None)
    }
    /// What came last is not what the source of the rounds gives.
    fn misfit(&mut self, why: &str) -> Error {
        Error::machine("journal", why)
    }
    /// No history follows, because all are over, or because the rest is left to another process.
    fn end(&mut self, _is_over: bool) -> Result<()> {
        Ok(())
    }
    /// Begins a history; the one before is finished.
    fn restart(&mut self) -> Result<()>;
    /// Takes a round; there is room.
    fn push(&mut self, events: &[u8], detector_count: u32, is_last: bool) -> Result<()>;
    /// Goes on, and returns how far it got.
    fn poll(&mut self) -> Result<Progress<'_>>;
    /// Sleeps until there may be something to poll, or the time is over.
    fn sleep(&mut self, most: Duration);
    /// What became of a cell, once.
    fn next_report(&mut self) -> Option<CellReport>;
    /// Rounds that it can hold.
    fn rounds_max(&self) -> u64;
    /// Whether polling it decodes, on the thread that does.
    fn decodes_here(&self) -> bool {
        false
    }
    /// What is known of the noise by now, if it is learned.
    fn learned_noise(&self) -> Option<LearnedNoise>;
    /// How its nodes do, if it has any.
    fn nodes(&self) -> Vec<NodeReport>;
    /// What the loss of nodes has cost.
    fn failovers(&self) -> &[Failover];
}

/// Worker threads of this process.
pub(crate) struct InProcess {
    stream: Stream,
    decodes_here: bool,
    is_fresh: bool,
}

impl InProcess {
    /// Starts the workers and prepares their decoders. They wake the thread that makes it whenever there may be something
    /// to poll.
    pub(crate) fn new(patch: Arc<Patch>, options: &StreamOptions) -> Result<Self> {
        let mut stream = Stream::new(patch, options)?;
        if options.workers.wait == outrider::Wait::Block {
            let me = thread::current();
            stream.set_waker(Arc::new(move || me.unpark()));
        }
        Ok(Self { stream, decodes_here: options.workers.count == 0, is_fresh: true })
    }
}

impl Target for InProcess {
    fn restart(&mut self) -> Result<()> {
        if !std::mem::take(&mut self.is_fresh) {
            self.stream.restart()?;
        }
        Ok(())
    }

    fn push(&mut self, events: &[u8], detector_count: u32, is_last: bool) -> Result<()> {
        Ok(self.stream.push(events, detector_count, is_last)?)
    }

    fn poll(&mut self) -> Result<Progress<'_>> {
        let state = self.stream.poll()?;
        Ok(Progress {
            has_room: state.room > 0,
            committed: state.committed,
            cells: state.cells,
            observables: state.observables,
            is_finished: state.is_finished,
        })
    }

    fn sleep(&mut self, most: Duration) {
        thread::park_timeout(most);
    }

    fn next_report(&mut self) -> Option<CellReport> {
        let report = self.stream.next_report()?;
        let way = Way::Worker(report.times);
        Some(CellReport { number: report.number, merged: Time(report.merged_ns), way })
    }

    fn rounds_max(&self) -> u64 {
        self.stream.layers_max()
    }

    fn decodes_here(&self) -> bool {
        self.decodes_here
    }

    fn learned_noise(&self) -> Option<LearnedNoise> {
        self.stream.learned_noise()
    }

    fn nodes(&self) -> Vec<NodeReport> {
        Vec::new()
    }

    fn failovers(&self) -> &[Failover] {
        &[]
    }
}
