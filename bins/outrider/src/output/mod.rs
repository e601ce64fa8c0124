//! Files and streams going out: `-` is standard output, everything else an [`OutputFile`]. A plain file appears under its
//! name only when it is complete.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use outrider::{Format, Layout, ShotWriter};
use outrider_stdio::{Stream, require_open};
use serde::Serialize;

use crate::descriptors::descriptor_number;
use crate::error::{Error, Result};
use crate::input;
use crate::output::file::OutputFile;

mod destination;
mod file;
mod unfinished;

pub(crate) use crate::output::unfinished::stop_flag;

/// One output, not yet visible under its name until [`commit`].
pub(crate) enum Output {
    /// Standard output.
    Stdout(io::Stdout),
    /// A file.
    File(OutputFile),
}

impl Output {
    /// Opens an output.
    pub(crate) fn create(path: &Path) -> Result<Self> {
        if path == Path::new("-") {
            require_stdout()?;
            return Ok(Self::Stdout(io::stdout()));
        }
        Ok(Self::File(OutputFile::create(path)?))
    }

    /// Opens an output if there is a path.
    pub(crate) fn create_optional(path: Option<&Path>) -> Result<Option<Self>> {
        path.map(Self::create).transpose()
    }

    /// Opens an output for shots.
    pub(crate) fn shots(path: &Path, format: Format, layout: Layout) -> Result<ShotWriter<Self>> {
        let name = if path == Path::new("-") { Path::new("standard output") } else { path };
        input::require_bits(format, layout, name)?;
        let writer = ShotWriter::new(Self::create(path)?, format, layout);
        Ok(writer.map_err(|error| error.with_path(name))?.named(name))
    }

    /// Appends bytes.
    pub(crate) fn put(&mut self, bytes: &[u8]) -> Result<()> {
        self.write_all(bytes).map_err(|error| self.failure(error))
    }

    /// Writes what is buffered.
    pub(crate) fn finish_writing(&mut self) -> Result<()> {
        self.flush().map_err(|error| self.failure(error))
    }

    fn complete(&mut self) -> Result<()> {
        let completed = match self {
            Self::Stdout(stdout) => stdout.flush(),
            Self::File(file) => file.complete(),
        };
        completed.map_err(|error| self.failure(error))
    }

    fn publish(self) -> Result<()> {
        match self {
            Self::Stdout(_) => Ok(()),
            Self::File(file) => file.commit(),
        }
    }

    fn failure(&self, error: io::Error) -> Error {
        let path = match self {
            Self::Stdout(_) => Path::new("standard output"),
            Self::File(file) => file.path(),
        };
        Error::io("write", path, error)
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Stdout(stdout) => stdout.write(bytes),
            Self::File(file) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Stdout(stdout) => stdout.flush(),
            Self::File(file) => file.flush(),
        }
    }
}

/// Completes outputs together: all bytes are written before the first name appears.
pub(crate) fn commit(outputs: impl IntoIterator<Item = Output>) -> Result<()> {
    let mut outputs: Vec<Output> = outputs.into_iter().collect();
    outputs.iter_mut().try_for_each(Output::complete)?;
    outputs.into_iter().try_for_each(Output::publish)
}

/// Refuses to begin what will be printed if standard output was closed from the start.
pub(crate) fn require_stdout() -> Result<()> {
    Ok(require_open(Stream::Output)?)
}

/// Prints to standard output.
pub(crate) fn print(text: &str) -> Result<()> {
    let mut output = Output::create(Path::new("-"))?;
    output.put(text.as_bytes())?;
    commit([output])
}

/// An object as indented JSON with a final newline.
pub(crate) fn json(value: &impl Serialize) -> String {
    // The reports of this program are plain structs, which always serialise.
    serde_json::to_string_pretty(value).unwrap_or_default() + "\n"
}

/// Refuses two outputs that would overwrite each other or mix on standard output.
pub(crate) fn require_distinct(outputs: &[(&str, Option<&Path>)]) -> Result<()> {
    let given: Vec<(&str, &Path)> =
        outputs.iter().filter_map(|&(option, path)| Some((option, path?))).collect();
    for (index, &(option, path)) in given.iter().enumerate() {
        if let Some((earlier, _)) = given[..index].iter().find(|(_, other)| collide(path, other)) {
            return Err(Error::Usage(format!("{earlier} and {option} both write to {}", path.display())));
        }
    }
    Ok(())
}

/// Whether two paths are one regular file or one descriptor; devices such as `/dev/null` may be shared.
fn collide(a: &Path, b: &Path) -> bool {
    let descriptor = |path: &Path| if path == Path::new("-") { Some(1) } else { descriptor_number(path) };
    let regular = fs::metadata(a).map_or(true, |metadata| metadata.is_file());
    (descriptor(a).is_some() && descriptor(a) == descriptor(b)) || (regular && resolved(a) == resolved(b))
}

/// The path with symbolic links followed, also where the file is not there yet.
fn resolved(path: &Path) -> PathBuf {
    let folder = path.parent().filter(|folder| *folder != Path::new("")).unwrap_or_else(|| Path::new("."));
    fs::canonicalize(path).unwrap_or_else(|_| match (fs::canonicalize(folder), path.file_name()) {
        (Ok(folder), Some(name)) => folder.join(name),
        _ => path.to_path_buf(),
    })
}
