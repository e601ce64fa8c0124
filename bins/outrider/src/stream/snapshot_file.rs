//! Snapshots of a stream in a file or a pipe, a JSON object a line. A thread of its own writes them, so that the stream
//! never waits for a disk or a reader.

use std::panic::resume_unwind;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::{self, JoinHandle};

use crate::error::{Error, Result};
use crate::output::Output;
use crate::stream::snapshot::Snapshot;

/// Where snapshots go.
pub(crate) struct SnapshotFile {
    /// Nothing once it has ended.
    writer: Option<(SyncSender<String>, JoinHandle<Result<Output>>)>,
}

impl SnapshotFile {
    /// Begins to write to `output`.
    pub(crate) fn start(output: Output) -> Result<Self> {
        let (sender, lines) = sync_channel(1);
        let writer = thread::Builder::new().name("snapshots".to_owned()).spawn(|| write(output, lines));
        let writer = writer.map_err(|error| Error::machine("thread", error))?;
        Ok(Self { writer: Some((sender, writer)) })
    }

    /// Writes a snapshot, unless the one before is not yet written.
    ///
    /// # Errors
    /// Of the file, as soon as one before could not be written.
    pub(crate) fn put(&mut self, snapshot: &Snapshot) -> Result<()> {
        let Some((sender, _)) = &self.writer else { return Ok(()) };
        match sender.try_send(line(snapshot)) {
            Ok(()) | Err(TrySendError::Full(_)) => Ok(()),
            Err(TrySendError::Disconnected(_)) => self.end().map(|_| ()),
        }
    }

    /// Writes the last snapshot, and waits until all is written. The output is yet to be committed.
    pub(crate) fn finish(mut self, last: &Snapshot) -> Result<Option<Output>> {
        if let Some((sender, _)) = &self.writer {
            // If it fails, the thread has ended with the reason.
            let _ = sender.send(line(last));
        }
        self.end()
    }

    fn end(&mut self) -> Result<Option<Output>> {
        let Some((sender, writer)) = self.writer.take() else { return Ok(None) };
        drop(sender);
        writer.join().unwrap_or_else(|panic| resume_unwind(panic)).map(Some)
    }
}

/// A run that failed leaves no file behind.
impl Drop for SnapshotFile {
    fn drop(&mut self) {
        if let Some((sender, writer)) = self.writer.take() {
            drop(sender);
            // Its own failure comes after the one that ends the run.
            let _ = writer.join();
        }
    }
}

fn write(mut output: Output, lines: Receiver<String>) -> Result<Output> {
    for line in lines {
        output.put(line.as_bytes())?;
        // A reader of a pipe gets each at once.
        output.finish_writing()?;
    }
    Ok(output)
}

fn line(snapshot: &Snapshot) -> String {
    // A plain struct, which always serialises.
    serde_json::to_string(snapshot).unwrap_or_default() + "\n"
}
