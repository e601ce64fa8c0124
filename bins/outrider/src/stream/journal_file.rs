//! The journal of a stream in a file, from which another process goes on when this one has died.
//!
//! Records are written by the thread that streams, every 0.1 ms at most: a process that is killed leaves all but the last of
//! them. Another thread syncs them, so that a write is the longest that rounds ever wait for: a machine that dies leaves
//! all but those of the last [`SYNC_PERIOD`] or [`SYNC_BYTES`], and what its disk was given last. What is missing comes from
//! the source again.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use outrider_controller::{JournalError, JournalHeader, JournalReader, JournalRecord, RestoreError};
use outrider_wire::{Digest, Time};
use rustix::fs::{FlockOperation, flock};

use crate::decoding::decoder_factory::note_once;
use crate::error::{Error, Result};

/// Records are written this long after the first of them, or when more come later.
const WRITE_PERIOD_NS: u64 = 100_000;
/// Written records are synced after this time.
const SYNC_PERIOD: Duration = Duration::from_millis(100);
/// Or as soon as there are so many bytes of them.
const SYNC_BYTES: u64 = 1 << 20;

/// An open journal, locked as long as it is.
pub(crate) struct JournalFile {
    path: PathBuf,
    /// What an earlier process left, until all of it is read.
    reader: Option<JournalReader<File>>,
    file: Arc<File>,
    records: Vec<u8>,
    written: Time,
    syncer: Option<Syncer>,
}

impl JournalFile {
    /// Opens or makes the journal of a stream with this identity. One that has records is only taken if it `resumes`.
    pub(crate) fn open(path: &Path, identity: Digest, resumes: bool) -> Result<Self> {
        let failed = |error| Error::io("open", path, error);
        let mut options = File::options();
        let mut file =
            options.read(true).write(true).create(true).truncate(false).open(path).map_err(failed)?;
        if !file.metadata().map_err(failed)?.is_file() {
            return Err(Error::Usage(format!("--journal: {} is not a plain file", path.display())));
        }
        // A file system without locks is as good as one that nobody else uses.
        if flock(&file, FlockOperation::NonBlockingLockExclusive) == Err(rustix::io::Errno::WOULDBLOCK) {
            return Err(Error::machine(path.display(), "another stream writes this journal"));
        }
        let reader = JournalReader::new(file.try_clone().map_err(failed)?);
        let reader = reader.map_err(|error| unreadable(path, error))?;
        if let Some(reader) = &reader {
            if !resumes {
                let message = "holds a stream already: go on with it by --resume, or name another file";
                return Err(Error::input(path.display(), message));
            }
            if reader.header().identity != identity {
                let message =
                    "the journal of another stream: its source, --rounds, --repeat or --seed differ";
                return Err(Error::input(path.display(), message));
            }
        } else {
            begin(&mut file, path, identity).map_err(|error| Error::io("write", path, error))?;
        }
        let mut journal = Self {
            path: path.to_owned(),
            reader,
            file: Arc::new(file),
            records: Vec::new(),
            written: Time(0),
            syncer: None,
        };
        if journal.reader.is_none() {
            journal.syncer = Some(Syncer::start(&journal.file)?);
        }
        Ok(journal)
    }

    /// Whether there is something to be read before anything is written.
    pub(crate) fn is_unread(&self) -> bool {
        self.reader.is_some()
    }

    /// Hands out the next record that an earlier process left; nothing after the last. From then on records are written
    /// behind it.
    ///
    /// # Errors
    /// Of the file; that the stream is over; what `take` says of the record, with its place.
    pub(crate) fn next<T>(
        &mut self,
        take: impl FnOnce(JournalRecord<'_>) -> std::result::Result<T, RestoreError>,
    ) -> Result<Option<T>> {
        let Some(reader) = &mut self.reader else { return Ok(None) };
        let taken = match reader.next() {
            Ok(Some(JournalRecord::End)) => return Err(is_over(&self.path)),
            Ok(record) => record.map(take),
            Err(error) => return Err(unreadable(&self.path, error)),
        };
        match taken {
            Some(Ok(taken)) => Ok(Some(taken)),
            Some(Err(error)) => Err(self.misfit(error)),
            None => self.begin_to_write().map(|()| None),
        }
    }

    /// The record that was handed out last is not what it should be; but that is no matter if the stream is over, whose
    /// last history a signal may have ended early.
    pub(crate) fn misfit(&mut self, why: impl std::fmt::Display) -> Error {
        let mut offset = 0;
        if let Some(reader) = &mut self.reader {
            offset = reader.offset();
            while let Ok(Some(record)) = reader.next() {
                if record == JournalRecord::End {
                    return is_over(&self.path);
                }
            }
        }
        Error::input(self.path.display(), format!("byte {offset}: {why}"))
    }

    /// Cuts off what is no whole record.
    fn begin_to_write(&mut self) -> Result<()> {
        let Some(end) = self.reader.take().map(|reader| reader.offset()) else { return Ok(()) };
        let mut file = &*self.file;
        let cut = file.metadata().and_then(|metadata| {
            file.set_len(end)?;
            file.seek(SeekFrom::Start(end))?;
            Ok(metadata.len() - end)
        });
        let cut = cut.map_err(|error| Error::io("write", &self.path, error))?;
        if cut > 0 {
            note_once(
                Some(&self.path),
                &format!("the last {cut} bytes are no whole record, and are cut off"),
            );
        }
        self.syncer = Some(Syncer::start(&self.file)?);
        Ok(())
    }

    /// Writes what `take` puts into the place of older records, if it is time.
    pub(crate) fn keep_up(&mut self, now: Time, take: impl FnOnce(&mut Vec<u8>)) -> Result<()> {
        if now.since(self.written) < WRITE_PERIOD_NS {
            return Ok(());
        }
        self.written = now;
        self.write(take)
    }

    /// Writes what `take` puts into the place of older records.
    pub(crate) fn write(&mut self, take: impl FnOnce(&mut Vec<u8>)) -> Result<()> {
        let Some(syncer) = &self.syncer else { return Ok(()) };
        take(&mut self.records);
        if self.records.is_empty() {
            return Ok(());
        }
        let written = (&*self.file).write_all(&self.records).and_then(|()| syncer.note(self.records.len()));
        written.map_err(|error| Error::io("write", &self.path, error))
    }

    /// Nothing more is to be written. If the stream is over, nobody is to go on with it.
    pub(crate) fn end(&mut self, is_over: bool, take: impl FnOnce(&mut Vec<u8>)) -> Result<()> {
        self.write(|records| {
            take(records);
            if is_over {
                JournalRecord::End.encode(records);
            }
        })?;
        self.file.sync_data().map_err(|error| Error::io("write", &self.path, error))
    }
}

/// Makes a file a journal without records, which is there even if the machine dies now.
fn begin(file: &mut File, path: &Path, identity: Digest) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    file.write_all(&JournalHeader { identity }.encode())?;
    file.sync_all()?;
    let folder = path.parent().filter(|folder| *folder != Path::new("")).unwrap_or_else(|| Path::new("."));
    File::open(folder)?.sync_all()
}

fn is_over(path: &Path) -> Error {
    Error::input(path.display(), "its stream is over, and nothing is left to go on with")
}

fn unreadable(path: &Path, error: JournalError) -> Error {
    match error {
        JournalError::Io(error) => Error::io("read", path, error),
        error => Error::input(path.display(), error),
    }
}

/// The thread that syncs.
struct Syncer {
    shared: Arc<Unsynced>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Unsynced {
    bytes: AtomicU64,
    has_failed: AtomicBool,
    failure: Mutex<Option<io::Error>>,
    is_over: AtomicBool,
}

impl Syncer {
    fn start(file: &Arc<File>) -> Result<Self> {
        let (shared, file) = (Arc::new(Unsynced::default()), Arc::clone(file));
        let its = Arc::clone(&shared);
        let thread = thread::Builder::new().name("journal".to_owned()).spawn(move || its.sync(&file));
        Ok(Self { shared, thread: Some(thread.map_err(|error| Error::machine("thread", error))?) })
    }

    /// So many bytes more were written.
    fn note(&self, count: usize) -> io::Result<()> {
        let count = count as u64;
        let before = self.shared.bytes.fetch_add(count, Ordering::Relaxed);
        if let Some(thread) = &self.thread
            && before < SYNC_BYTES
            && before + count >= SYNC_BYTES
        {
            thread.thread().unpark();
        }
        if !self.shared.has_failed.load(Ordering::Acquire) {
            return Ok(());
        }
        let mut failure = self.shared.failure.lock().unwrap_or_else(PoisonError::into_inner);
        failure.take().map_or(Ok(()), Err)
    }
}

impl Unsynced {
    fn sync(&self, file: &File) {
        while !self.is_over.load(Ordering::Relaxed) {
            thread::park_timeout(SYNC_PERIOD);
            if self.bytes.swap(0, Ordering::Relaxed) > 0
                && let Err(error) = file.sync_data()
            {
                *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                self.has_failed.store(true, Ordering::Release);
            }
        }
    }
}

impl Drop for Syncer {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // It does not panic.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use outrider_controller::PatchId;

    const IDENTITY: Digest = Digest([3; 32]);

    fn round(events: &[u8]) -> JournalRecord<'_> {
        JournalRecord::Round { patch: PatchId(1), is_last: false, detector_count: 8, events }
    }

    fn open(path: &Path) -> JournalFile {
        JournalFile::open(path, IDENTITY, true).expect("a journal")
    }

    fn write(journal: &mut JournalFile, events: &[u8]) {
        journal
            .write(|records| {
                records.clear();
                round(events).encode(records);
            })
            .expect("the disk has room");
    }

    /// The events of all rounds; the journal is then at its end.
    fn read(journal: &mut JournalFile) -> Vec<u8> {
        let take = |record: JournalRecord<'_>| match record {
            JournalRecord::Round { events, .. } => Ok(events[0]),
            other => panic!("{other:?}"),
        };
        std::iter::from_fn(|| journal.next(take).expect("whole records")).collect()
    }

    #[test]
    fn what_is_no_whole_record_is_cut_off_and_the_next_one_follows_the_last_whole_one() {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let path = folder.path().join("journal");
        let mut journal = open(&path);
        (1..=2).for_each(|event| write(&mut journal, &[event]));
        drop(journal);
        let whole = std::fs::metadata(&path).expect("a file").len();
        for (turn, cut) in (1..=10).zip(3..) {
            let mut journal = open(&path);
            assert_eq!(read(&mut journal), Vec::from_iter(1..=1 + turn));
            // All of one that is lost in part, and then whole.
            for is_lost in [true, false] {
                write(&mut journal, &[2 + turn]);
                if is_lost {
                    drop(journal);
                    let length = std::fs::metadata(&path).expect("a file").len() - cut;
                    File::options().write(true).open(&path).and_then(|f| f.set_len(length)).expect("a file");
                    journal = open(&path);
                    assert_eq!(read(&mut journal), Vec::from_iter(1..=1 + turn));
                }
            }
        }
        assert_eq!(std::fs::metadata(&path).expect("a file").len(), 48 + (whole - 48) / 2 * 12);
    }

    #[test]
    fn a_journal_is_of_one_stream_and_of_one_process() {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let path = folder.path().join("journal");
        let journal = open(&path);
        let refusal = |identity, resumes| {
            let refusal = JournalFile::open(&path, identity, resumes).map(|_| ()).expect_err("a refusal");
            refusal.to_string().replace(&path.display().to_string(), "journal")
        };
        assert_eq!(refusal(IDENTITY, true), "journal: another stream writes this journal");
        drop(journal);
        assert!(refusal(IDENTITY, false).starts_with("journal: holds a stream already: "));
        assert!(refusal(Digest([4; 32]), true).starts_with("journal: the journal of another stream: "));
        let mut journal = open(&path);
        assert!(read(&mut journal).is_empty());
        journal.end(true, Vec::clear).expect("the disk has room");
        drop(journal);
        let over = open(&path).next(|_| Ok(())).expect_err("the end").to_string();
        assert!(over.ends_with("its stream is over, and nothing is left to go on with"), "{over}");
        std::fs::write(&path, "shots 12\n").expect("the directory is writable");
        assert_eq!(refusal(IDENTITY, true), "journal: not a journal of a controller");
        assert_eq!(std::fs::read(&path).expect("the file"), b"shots 12\n");
    }
}
