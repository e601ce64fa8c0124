//! A file of statistics: rows of tasks, appended by one program at a time.
//!
//! The file is locked (`flock`) as long as it is open. Its header, found by name as sinter finds it, decides on the
//! columns of new rows; rows of others, sinter's too, stay as they are.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};

use crate::error::{Error, Result};
use crate::formats::sinter::{self, COLUMNS, HEADER};
use crate::report::statistics::{Counts, Task, TaskName};

/// How often a file that is in use is tried again.
const RETRY: Duration = Duration::from_millis(50);

/// An open file, locked if it is a plain one.
#[derive(Debug)]
pub(crate) struct StatisticsFile {
    path: PathBuf,
    file: File,
    /// Made by this campaign, which has it locked: nobody else has written into it if it is empty.
    is_new: bool,
}

impl StatisticsFile {
    /// Opens or makes the file, and waits until no other campaign has it; `is_stopped` ends the wait.
    pub(crate) fn open(path: &Path, is_stopped: &dyn Fn() -> bool) -> Result<Self> {
        let failed = |error| Error::io("open", path, error);
        let mut said = false;
        loop {
            // Devices cannot be read, and hold no counts.
            let is_plain = fs::metadata(path).map_or(true, |found| found.is_file());
            let mut options = File::options();
            options.read(is_plain).append(true);
            let (opened, is_new) = match options.open(path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    (options.create(true).open(path), true)
                }
                opened => (opened, false),
            };
            let file = opened.map_err(failed)?;
            let mut this = Self { path: path.to_owned(), file, is_new: false };
            if !is_plain {
                return Ok(this);
            }
            match flock(&this.file, FlockOperation::NonBlockingLockExclusive) {
                // Another one may have removed it meanwhile.
                Ok(()) if this.has_its_name() => {
                    this.is_new = is_new;
                    return Ok(this);
                }
                Ok(()) => {}
                Err(rustix::io::Errno::WOULDBLOCK) if is_stopped() => {
                    return Err(Error::machine(path.display(), "another campaign measures into it"));
                }
                Err(rustix::io::Errno::WOULDBLOCK) => {
                    if !said {
                        anstream::eprintln!(
                            "{}: waiting for another campaign that measures into it",
                            path.display()
                        );
                    }
                    said = true;
                    thread::sleep(RETRY);
                }
                // A file system without locks.
                Err(_) => return Ok(this),
            }
        }
    }

    /// The counts of a task under both of its names, and the one that its next rows should have, so that sinter adds
    /// them up: that of the plug-in where the file has no other.
    pub(crate) fn counts<'a>(&mut self, task: &'a Task, seed: u64) -> Result<(Counts, &'a TaskName)> {
        let text = self.text()?;
        let mut total = Counts::default();
        if text.is_empty() {
            return Ok((total, &task.name));
        }
        let (mut has_name, mut has_plugin_name) = (false, false);
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
        let header = reader.headers().map_err(|error| self.malformed(&error))?.clone();
        let column = |name: &str| header.iter().position(|field| field == name);
        let required = |name: &str| {
            column(name).ok_or_else(|| self.bad(1, format!("sinter's CSV needs a column {name:?}")))
        };
        let (shots, errors, seconds, id) =
            (required("shots")?, required("errors")?, required("seconds")?, required("strong_id")?);
        let custom = column("custom_counts");
        let discards = column("discards");
        for record in reader.records() {
            let record = record.map_err(|error| self.malformed(&error))?;
            let found = record.get(id).unwrap_or_default();
            if found == task.name.strong_id {
                has_name = true;
            } else if task.plugin_name.as_ref().is_some_and(|name| found == name.strong_id) {
                has_plugin_name = true;
            } else {
                continue;
            }
            let line = record.position().map_or(1, csv::Position::line);
            let field = |index: usize| record.get(index).unwrap_or_default();
            let bad = |name: &str, value: &str| self.bad(line, format!("{name} is not a number: {value:?}"));
            let number =
                |name: &str, index: usize| field(index).parse::<u64>().map_err(|_| bad(name, field(index)));
            let shots = number("shots", shots)?;
            let custom = custom.map_or("", field);
            total.add(&Counts {
                shots,
                errors: number("errors", errors)?,
                discards: discards.map_or(Ok(0), |index| number("discards", index))?,
                seconds: field(seconds).parse().map_err(|_| bad("seconds", field(seconds)))?,
                ..sinter::custom_counts_of(custom, shots, seed)
            });
        }
        if total.seed_shots.are_repeated() {
            let message = format!(
                "shots of seed {seed} are in it more than once (were files of one seed joined?): measure with another \
                 --seed, or into another file"
            );
            return Err(Error::input(self.path.display(), message));
        }
        let plugin_name = task.plugin_name.as_ref().filter(|_| has_plugin_name && !has_name);
        Ok((total, plugin_name.unwrap_or(&task.name)))
    }

    /// Appends a row by one of the task's names, under the file's own columns, and before it the header if the file is empty: in one write, on disk
    /// when it returns, and taken back if it fails, so that no half row stays.
    pub(crate) fn append(&mut self, task: &Task, name: &TaskName, counts: &Counts, seed: u64) -> Result<()> {
        let text = self.text()?;
        let header = if text.is_empty() { HEADER } else { text.lines().next().unwrap_or_default() };
        let mut reader =
            csv::ReaderBuilder::new().trim(csv::Trim::All).has_headers(false).from_reader(header.as_bytes());
        let columns = reader.records().next().transpose().map_err(|error| self.malformed(&error))?;
        let fields = sinter::fields(task, name, counts, seed);
        let value = |wanted: &str| COLUMNS.iter().zip(&fields).find(|(column, _)| **column == wanted);
        let mut row = csv::Writer::from_writer(Vec::new());
        // Writing to memory cannot fail.
        let _ = row.write_record(
            columns.iter().flatten().map(|column| value(column).map_or("", |(_, field)| field.as_str())),
        );
        let mut bytes = if text.is_empty() { HEADER.as_bytes().to_vec() } else { Vec::new() };
        bytes.extend(row.into_inner().unwrap_or_default());
        self.append_bytes(&bytes).map_err(|error| Error::io("write", &self.path, error))
    }

    fn append_bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Some(begin) = self.length() else { return self.file.write_all(bytes) };
        let written = self.file.write_all(bytes).and_then(|()| self.file.sync_data());
        if written.is_err() && self.length().is_some_and(|end| end - begin.min(end) <= bytes.len() as u64) {
            // Nothing of others has come behind it. The first failure is the one to report.
            let _ = self.file.set_len(begin);
        }
        written
    }

    /// All of it, which ends with a whole row; nothing of a device.
    fn text(&mut self) -> Result<String> {
        let failed = |error| Error::io("read", &self.path, error);
        let mut text = String::new();
        if self.length().is_some() {
            self.file.seek(SeekFrom::Start(0)).map_err(failed)?;
            self.file.read_to_string(&mut text).map_err(failed)?;
        }
        if !text.is_empty() && !text.ends_with('\n') {
            let line = text.lines().count() as u64;
            return Err(self.bad(line, "an incomplete row (was a program stopped while writing it?)"));
        }
        Ok(text)
    }

    /// Bytes of a plain file.
    fn length(&self) -> Option<u64> {
        self.file.metadata().ok().filter(fs::Metadata::is_file).map(|found| found.len())
    }

    fn has_its_name(&self) -> bool {
        let identity = |found: fs::Metadata| (found.dev(), found.ino());
        fs::metadata(&self.path).map(identity).ok() == self.file.metadata().map(identity).ok()
    }

    fn bad(&self, line: u64, message: impl std::fmt::Display) -> Error {
        Error::input(format!("{}:{line}", self.path.display()), message)
    }

    fn malformed(&self, error: &csv::Error) -> Error {
        let line = error.position().map_or(1, csv::Position::line);
        self.bad(line, format!("not a row of sinter's CSV: {error}"))
    }
}

/// A campaign that measured nothing leaves no file.
impl Drop for StatisticsFile {
    fn drop(&mut self) {
        if self.is_new && self.length() == Some(0) && self.has_its_name() {
            // Whoever waits for the lock looks whether the file is still there.
            let _ = fs::remove_file(&self.path);
        }
    }
}
