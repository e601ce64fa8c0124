//! What `outrider stream` sends its rounds to.

use std::sync::Arc;

use outrider::{CellReport, Patch, Stream, StreamOptions};

use crate::error::Result;

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

/// Something that decodes a history at a time.
pub(crate) trait Target {
    /// Begins a history; the one before is finished.
    fn restart(&mut self) -> Result<()>;
    /// Takes a round; there is room.
    fn push(&mut self, events: &[u8], detector_count: u32, is_last: bool) -> Result<()>;
    /// Goes on, and tells how far it got.
    fn poll(&mut self) -> Result<Progress<'_>>;
    /// What became of a cell, once.
    fn next_report(&mut self) -> Option<CellReport>;
    /// Rounds that it can hold.
    fn rounds_max(&self) -> u64;
    /// Answers that had to be made a second time because a node was lost.
    fn failovers(&self) -> u64;
}

/// Worker threads of this process.
pub(crate) struct InProcess {
    stream: Stream,
    is_fresh: bool,
}

impl InProcess {
    /// Starts the workers and prepares their decoders.
    pub(crate) fn new(patch: Arc<Patch>, options: &StreamOptions) -> Result<Self> {
        Ok(Self { stream: Stream::new(patch, options)?, is_fresh: true })
    }

    /// Wakes the thread that makes it whenever there may be something to poll.
    pub(crate) fn wake_me(&mut self) {
        let me = std::thread::current();
        self.stream.set_waker(Arc::new(move || me.unpark()));
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

    fn next_report(&mut self) -> Option<CellReport> {
        self.stream.next_report()
    }

    fn rounds_max(&self) -> u64 {
        self.stream.layers_max()
    }

    fn failovers(&self) -> u64 {
        0
    }
}
