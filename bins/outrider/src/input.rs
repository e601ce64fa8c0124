//! Models and shots coming in; `-` is standard input.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use outrider::{DetectorErrorModel, Format, Layout, ShotReader, Shots};

use crate::error::{Error, Result};

/// Bytes of packed shots that travel together, and the most shots among them: enough to make hand-over
/// between threads cheap, little enough that memory stays small.
const BATCH_BYTES: usize = 1 << 18;
const BATCH_SHOTS_MAX: usize = 4096;

/// A reader of shots from a file, a pipe or memory.
pub(crate) type ShotSource = ShotReader<Box<dyn Read + Send>>;

/// What errors call an input.
pub(crate) fn name(path: &Path) -> &Path {
    if path == Path::new("-") { Path::new("standard input") } else { path }
}

/// Refuses a command that would read standard input for two things.
pub(crate) fn require_one_stdin(inputs: &[(&str, Option<&Path>)]) -> Result<()> {
    let mut readers = inputs.iter().filter(|(_, path)| *path == Some(Path::new("-")));
    match (readers.next(), readers.next()) {
        (Some((first, _)), Some((second, _))) => {
            Err(Error::Usage(format!("{first} and {second} both read standard input")))
        }
        _ => Ok(()),
    }
}

/// Reads a model.
pub(crate) fn model(path: &Path) -> Result<DetectorErrorModel> {
    if path == Path::new("-") {
        let model = DetectorErrorModel::from_reader(io::stdin());
        return Ok(model.map_err(|error| error.with_path(name(path)))?);
    }
    Ok(DetectorErrorModel::from_file(path)?)
}

/// Reads a text file of at most `limit` bytes.
pub(crate) fn text(path: &Path, limit: u64) -> Result<String> {
    let text = String::from_utf8(bytes(path, limit)?);
    text.map_err(|_| Error::input(path.display(), "the text is not UTF-8"))
}

/// Reads a file of at most `limit` bytes.
pub(crate) fn bytes(path: &Path, limit: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|error| Error::io("open", path, error))?;
    let read =
        file.take(limit + 1).read_to_end(&mut bytes).map_err(|error| Error::io("read", path, error))?;
    if read as u64 > limit {
        return Err(Error::input(path.display(), format!("more than {limit} bytes")));
    }
    Ok(bytes)
}

/// Opens a stream of shots.
pub(crate) fn shots(path: &Path, format: Format, layout: Layout) -> Result<ShotSource> {
    if path == Path::new("-") {
        return shots_of(Box::new(io::stdin()), name(path), format, layout);
    }
    let file = File::open(path).map_err(|error| Error::io("open", path, error))?;
    shots_of(Box::new(file), path, format, layout)
}

/// Reads shots from `input`, called `name` in errors.
pub(crate) fn shots_of(
    input: Box<dyn Read + Send>,
    name: &Path,
    format: Format,
    layout: Layout,
) -> Result<ShotSource> {
    require_bits(format, layout, name)?;
    let reader = ShotReader::new(input, format, layout).map_err(|error| error.with_path(name))?;
    Ok(reader.named(name))
}

/// Refuses shots of no bits in the formats where they take no bytes, so that nobody could count them.
pub(crate) fn require_bits(format: Format, layout: Layout, name: &Path) -> Result<()> {
    if layout.bits() > 0 || !matches!(format, Format::B8 | Format::R8 | Format::Ptb64) {
        return Ok(());
    }
    Err(Error::input(
        name.display(),
        format!("shots of 0 bits cannot be counted in {format}; use 01, hits or dets"),
    ))
}

/// The detectors and observables of a model as the layout of a stream.
pub(crate) fn layout(model: &DetectorErrorModel, with_observables: bool) -> Layout {
    let count = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
    Layout {
        detectors: count(model.detector_count()),
        observables: if with_observables { count(model.observable_count()) } else { 0 },
        ..Layout::default()
    }
}

/// Shots that travel together.
pub(crate) struct Batch {
    /// Index of the first one in the stream, from 0.
    pub(crate) first: u64,
    /// Detectors, with the observables appended if the stream has them.
    pub(crate) rows: Shots,
    /// What really happened to the observables, if it is known.
    pub(crate) flips: Option<Shots>,
}

/// Where the true observables of a stream of shots come from.
pub(crate) enum Truth {
    /// Nowhere.
    Unknown,
    /// They are appended to the detectors.
    Appended,
    /// A second stream.
    Stream {
        /// Its observables.
        source: ShotSource,
        /// What errors call it.
        name: PathBuf,
    },
    /// They are all zero.
    Zero {
        /// How many.
        observables: usize,
    },
}

/// Shots and, where known, the true observables, in batches.
pub(crate) struct Batches {
    shots: ShotSource,
    truth: Truth,
    capacity: usize,
}

impl Batches {
    /// Reads `shots` in batches whose size depends on nothing but their width.
    pub(crate) fn new(shots: ShotSource, truth: Truth) -> Self {
        let stride = shots.batch().stride().max(1);
        let capacity = (BATCH_BYTES / stride).clamp(1, BATCH_SHOTS_MAX);
        Self { shots, truth, capacity }
    }

    /// The next batch, or nothing at the end of the stream.
    pub(crate) fn next(&mut self) -> Result<Option<Batch>> {
        let first = self.shots.shots_read();
        let mut rows = self.shots.batch();
        if self.shots.read(&mut rows, self.capacity)? == 0 {
            return Ok(None);
        }
        let flips = match &mut self.truth {
            Truth::Unknown => None,
            Truth::Appended => {
                let layout = self.shots.layout();
                Some(rows.columns(layout.detectors..layout.bits())?)
            }
            Truth::Stream { source, name } => {
                let mut flips = source.batch();
                if source.read(&mut flips, rows.len())? < rows.len() {
                    let message =
                        format!("ends after {} shots, before the detection events", source.shots_read());
                    return Err(Error::input(name.display(), message));
                }
                Some(flips)
            }
            Truth::Zero { observables } => Some(Shots::zeroed(*observables, rows.len())),
        };
        Ok(Some(Batch { first, rows, flips }))
    }
}
