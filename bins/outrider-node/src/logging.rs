//! The node's log: a line of JSON for everything that an operator may want to read about.
//!
//! Lines are handed to a thread that writes them. If it falls behind, lines are dropped and counted; the node never waits
//! for a terminal or a disk. Nor can anybody fill a disk by what they make the node log: beyond a rate, lines are left out,
//! and from time to time one states how many (`log_limit.rs`).

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicU64};

use outrider_node::{NodeEvent, Peer};
use outrider_wire::{Error, SessionId};
use tracing::Level;
use tracing_appender::non_blocking::{ErrorCounter, NonBlocking, NonBlockingBuilder, WorkerGuard};

use crate::log_limit::{Limited, LinesLeftOut};

/// Lines that wait to be written.
const WAITING_LINES_MAX: usize = 8192;

/// The number of lines of a log that were dropped.
pub type DroppedLines = Arc<dyn Fn() -> u64 + Send + Sync>;

/// What keeps the log being written, until it is dropped; then what waits is written.
pub(crate) struct Log {
    _guard: WorkerGuard,
    dropped: ErrorCounter,
    unwritten: Arc<AtomicU64>,
    left_out: LinesLeftOut,
    reopening: Option<Reopening>,
}

/// Has the file of a log opened anew, by its name: the one before may have been renamed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reopening(Arc<AtomicBool>);

impl Reopening {
    /// From the next line on.
    pub(crate) fn ask(&self) {
        self.0.store(true, Relaxed);
    }
}

/// A file that lines are appended to.
struct LogFile {
    path: PathBuf,
    file: File,
    reopening: Reopening,
}

impl LogFile {
    fn open(path: &Path) -> io::Result<File> {
        OpenOptions::new().create(true).append(true).open(path)
    }
}

impl Write for LogFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.reopening.0.swap(false, Relaxed) {
            match Self::open(&self.path) {
                Ok(file) => self.file = file,
                // It goes on in the file that it has, and tries again.
                Err(_) => self.reopening.ask(),
            }
        }
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Counts the lines that could not be written, because a disk is full or nobody reads a pipe any more.
struct Counting<W> {
    writer: W,
    unwritten: Arc<AtomicU64>,
}

impl<W: Write> Write for Counting<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.writer.write(bytes);
        if written.as_ref().is_err_and(|error| error.kind() != ErrorKind::Interrupted) {
            self.unwritten.fetch_add(1, Relaxed);
        }
        written
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

impl Log {
    /// Counts the lines that were dropped or left out, or could not be written.
    pub(crate) fn dropped_lines(&self) -> DroppedLines {
        let (dropped, unwritten) = (self.dropped.clone(), Arc::clone(&self.unwritten));
        let left_out = self.left_out.clone();
        Arc::new(move || dropped.dropped_lines() as u64 + unwritten.load(Relaxed) + left_out.count())
    }

    /// Counts the lines that were left out.
    pub(crate) fn left_out(&self) -> LinesLeftOut {
        self.left_out.clone()
    }

    /// Opens its file anew, if it has one.
    pub(crate) fn reopening(&self) -> Option<Reopening> {
        self.reopening.clone()
    }
}

/// Begins the log: into a file, or on standard error.
pub(crate) fn begin(file: Option<&Path>, level: Level) -> io::Result<Log> {
    let unwritten = Arc::new(AtomicU64::new(0));
    let reopening = file.map(|_| Reopening::default());
    let writer: Box<dyn Write + Send> = match (file, &reopening) {
        (Some(path), Some(reopening)) => {
            let (file, reopening) = (LogFile::open(path)?, reopening.clone());
            Box::new(LogFile { path: path.to_owned(), file, reopening })
        }
        _ => Box::new(io::stderr()),
    };
    let builder = NonBlockingBuilder::default().lossy(true).buffered_lines_limit(WAITING_LINES_MAX);
    let (writer, guard): (NonBlocking, WorkerGuard) =
        builder.finish(Counting { writer, unwritten: Arc::clone(&unwritten) });
    let dropped = writer.error_counter();
    let left_out = LinesLeftOut::default();
    let subscriber = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_max_level(level)
        .with_target(false)
        .with_writer(Limited::new(writer, left_out.clone()))
        .finish();
    // One that is there already is that of whoever embeds the node.
    let _ = tracing::subscriber::set_global_default(subscriber);
    Ok(Log { _guard: guard, dropped, unwritten, left_out, reopening })
}

/// Writes what happened.
pub(crate) fn log(event: &NodeEvent, peer_of: impl Fn(SessionId) -> Option<Peer>) {
    match event {
        NodeEvent::HandshakeFailed { connection, code } => {
            tracing::warn!(connection = connection.0, error = error_name(*code), "handshake failed");
        }
        NodeEvent::SessionUp { session, connection, resumed } => {
            // One that is over already has nobody any more.
            let peer = peer_of(*session).map(|peer| peer.to_string());
            tracing::info!(session = session.0, connection = connection.0, peer, resumed, "session up");
        }
        NodeEvent::SessionDown { session, code } => {
            tracing::warn!(session = session.0, error = error_name(*code), "session without a connection");
        }
        NodeEvent::SessionEvicted { session } => {
            tracing::warn!(session = session.0, "session without a connection made room for another");
        }
        NodeEvent::SessionFailed { session, code } => {
            tracing::warn!(session = session.0, error = error_name(*code), "session failed");
        }
        NodeEvent::SessionOver { session } => tracing::info!(session = session.0, "session over"),
        NodeEvent::StreamOpened { session, stream, patch } => {
            tracing::info!(session = session.0, stream = stream.0, patch, "stream opened");
        }
        NodeEvent::StreamFailed { session, stream, code, text } => {
            let error = error_name(*code);
            tracing::warn!(session = session.0, stream = stream.0, error, text, "stream failed");
        }
        NodeEvent::CellsLeftOpen { session, stream, count, cells } => {
            let cells: Vec<u64> = cells.iter().map(|cell| cell.0).collect();
            tracing::warn!(session = session.0, stream = stream.0, count, ?cells, "cells left open");
        }
    }
}

/// The name that PROTOCOL.md gives a code.
pub(crate) fn error_name(code: u16) -> String {
    Error::from_code(code.into()).map_or_else(|| format!("{code:#06x}"), |error| format!("{error:?}"))
}
