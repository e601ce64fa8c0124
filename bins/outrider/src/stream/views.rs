//! Who looks at a stream while it runs: a terminal, and the file of `--snapshots`.

use outrider_wire::Time;

use crate::error::Result;
use crate::output::Output;
use crate::stream::live_view::LiveView;
use crate::stream::snapshot::Snapshot;
use crate::stream::snapshot_file::SnapshotFile;

/// Takes a snapshot now and then, and shows it everywhere.
pub(crate) struct Views {
    terminal: LiveView,
    file: Option<SnapshotFile>,
    /// When the last snapshot was taken; nothing before the first.
    shown: Option<Time>,
}

impl Views {
    /// The live view, if there is a terminal for it, and an output for snapshots, if there is one.
    pub(crate) fn start(snapshots: Option<Output>) -> Result<Self> {
        let file = snapshots.map(SnapshotFile::start).transpose()?;
        Ok(Self { terminal: LiveView::start(), file, shown: None })
    }

    /// Whether it is time for another snapshot: at the first round, and four times a second.
    pub(crate) fn is_due(&self, now: Time) -> bool {
        (self.terminal.is_shown() || self.file.is_some())
            && self.shown.is_none_or(|shown| now >= shown.after(INTERVAL_NS))
    }

    /// Shows a snapshot.
    pub(crate) fn show(&mut self, now: Time, snapshot: &Snapshot) -> Result<()> {
        self.shown = Some(now);
        self.terminal.show(snapshot);
        self.file.as_mut().map_or(Ok(()), |file| file.put(snapshot))
    }

    /// Clears the terminal, and ends the file with a last snapshot. It is yet to be committed.
    pub(crate) fn finish(self, last: &Snapshot) -> Result<Option<Output>> {
        drop(self.terminal);
        self.file.map_or(Ok(None), |file| file.finish(last))
    }
}

const INTERVAL_NS: u64 = 250_000_000;
