//! Models and shots coming in; `-` is standard input.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use outrider::{DetectorErrorModel, Format, Layout, Place, ShotReader, Shots, Status};
use outrider_options::require_work;
use outrider_stdio::{Stream, require_open};

use crate::descriptors::require_open_path;
use crate::error::{Error, Result};
use crate::text_guard::{HEAD_BYTES, TextGuard, text_format};

/// Bytes of packed shots that travel together, and the most shots among them: enough to make hand-over
/// between threads cheap, little enough that memory stays small.
const BATCH_BYTES: usize = 1 << 18;
const BATCH_SHOTS_MAX: usize = 4096;

/// The format of a stream of shots, and the option that sets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ShotFormat {
    /// The format.
    pub(crate) format: Format,
    option: &'static str,
}

impl ShotFormat {
    /// The format that `option` gave; or else that of the file's suffix; or else `plain`.
    pub(crate) fn new(option: &'static str, given: Option<Format>, path: &Path, plain: Format) -> Self {
        let by_suffix = || path.extension().and_then(OsStr::to_str)?.parse().ok();
        Self { format: given.or_else(by_suffix).unwrap_or(plain), option }
    }

    /// A format that is not for the user to choose.
    pub(crate) fn fixed(format: Format) -> Self {
        Self { format, option: "the format" }
    }

    fn refused(self, text: Format, name: &Path) -> Error {
        let Self { format, option } = self;
        let message = format!("the bytes are text in the format {text}, not {format}: give {option} {text}");
        Error::input(name.display(), message)
    }
}

/// A reader of shots from a file or a pipe.
pub(crate) struct ShotSource {
    reader: ShotReader<TextGuard>,
    format: ShotFormat,
    name: PathBuf,
    /// The format of the text that was found in place of packed shots.
    text: Arc<OnceLock<Format>>,
}

impl ShotSource {
    /// What a record holds.
    pub(crate) fn layout(&self) -> Layout {
        self.reader.layout()
    }

    /// An empty batch of the right width.
    pub(crate) fn batch(&self) -> Shots {
        self.reader.batch()
    }

    /// Complete shots read so far.
    pub(crate) fn shots_read(&self) -> u64 {
        self.reader.shots_read()
    }

    /// As [`ShotReader::read`].
    pub(crate) fn read(&mut self, batch: &mut Shots, capacity: usize) -> Result<usize> {
        let read = self.reader.read(batch, capacity);
        self.require_no_text()?;
        Ok(read?)
    }

    /// As [`ShotReader::read_to_end`].
    pub(crate) fn read_to_end(&mut self) -> Result<Shots> {
        let read = self.reader.read_to_end();
        self.require_no_text()?;
        Ok(read?)
    }

    fn require_no_text(&self) -> Result<()> {
        self.text.get().map_or(Ok(()), |&text| Err(self.format.refused(text, &self.name)))
    }
}

/// What errors call an input.
pub(crate) fn name(path: &Path) -> &Path {
    if path == Path::new("-") { Path::new("standard input") } else { path }
}

/// Standard input, if there is one.
pub(crate) fn stdin() -> Result<io::Stdin> {
    require_open(Stream::Input)?;
    Ok(io::stdin())
}

/// Opens a file for reading.
pub(crate) fn open(path: &Path) -> Result<File> {
    require_given(path)?;
    File::open(path).map_err(|error| Error::io("open", path, error))
}

/// Refuses the name of a standard stream that was closed from the start, before it is opened.
pub(crate) fn require_given(path: &Path) -> Result<()> {
    require_open_path(path).map_err(|error| Error::io("open", path, error))
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

/// Reads a model, and refuses one that means more work than the limit.
pub(crate) fn model(path: &Path) -> Result<DetectorErrorModel> {
    if path == Path::new("-") {
        let model = DetectorErrorModel::from_reader(stdin()?);
        let model = model.and_then(|model| require_work(&model).map(|()| model));
        return Ok(model.map_err(|error| error.with_path(name(path)))?);
    }
    require_given(path)?;
    let model = DetectorErrorModel::from_file(path)?;
    require_work(&model).map_err(|error| error.with_path(path))?;
    Ok(model)
}

/// Reads a text file of at most `limit` bytes.
pub(crate) fn text(path: &Path, limit: u64) -> Result<String> {
    let text = String::from_utf8(bytes(path, limit)?);
    text.map_err(|_| Error::input(path.display(), "the text is not UTF-8"))
}

/// Reads a file of at most `limit` bytes.
pub(crate) fn bytes(path: &Path, limit: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let file = open(path)?;
    let read =
        file.take(limit + 1).read_to_end(&mut bytes).map_err(|error| Error::io("read", path, error))?;
    if read as u64 > limit {
        return Err(Error::input(path.display(), format!("more than {limit} bytes")));
    }
    Ok(bytes)
}

/// Opens a stream of shots. What a file's length or first bytes show to be wrong is refused at once.
pub(crate) fn shots(path: &Path, format: ShotFormat, layout: Layout) -> Result<ShotSource> {
    if path == Path::new("-") {
        return shots_of(Box::new(stdin()?), name(path), format, layout);
    }
    let file = open(path)?;
    let metadata = file.metadata().map_err(|error| Error::io("open", path, error))?;
    if metadata.is_file() {
        require_bits(format.format, layout, path)?;
        let mut head = Vec::new();
        let looked = (&file).take(HEAD_BYTES as u64).read_to_end(&mut head);
        looked.and_then(|_| (&file).rewind()).map_err(|error| Error::io("read", path, error))?;
        if let Some(text) = text_format(&head, layout, format.format) {
            return Err(format.refused(text, path));
        }
        require_whole_shots(metadata.len(), format.format, layout, path)?;
    }
    shots_of(Box::new(file), path, format, layout)
}

/// Reads shots from `input`, called `name` in errors.
pub(crate) fn shots_of(
    input: Box<dyn Read + Send>,
    name: &Path,
    format: ShotFormat,
    layout: Layout,
) -> Result<ShotSource> {
    require_bits(format.format, layout, name)?;
    let text = Arc::new(OnceLock::new());
    let guard = TextGuard::new(input, format.format, layout, Arc::clone(&text));
    let reader = ShotReader::new(guard, format.format, layout).map_err(|error| error.with_path(name))?;
    Ok(ShotSource { reader: reader.named(name), format, name: name.to_owned(), text })
}

/// Refuses a file whose length is no multiple of that of its shots.
fn require_whole_shots(bytes: u64, format: Format, layout: Layout, path: &Path) -> Result<()> {
    let bits = layout.bits() as u64;
    let (record, shots, what) = match format {
        Format::B8 => (bits.div_ceil(8), 1, "a shot"),
        Format::Ptb64 => (bits * 8, 64, "64 shots"),
        _ => return Ok(()),
    };
    if bytes.is_multiple_of(record) {
        return Ok(());
    }
    let place =
        Place { path: Some(path.to_owned()), shot: Some(bytes / record * shots + 1), ..Place::default() };
    let message = format!(
        "the file has {bytes} bytes, no multiple of the {record} bytes of {what} of {bits} bits in {format}"
    );
    Err(outrider::Error::Core { status: Status::Truncated, place, message }.into())
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

/// Which shots of a stream, by their indices from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) enum Selection {
    /// All.
    #[default]
    All,
    /// Those of even, or of odd index.
    Fold {
        /// The remainder by 2.
        parity: u64,
    },
    /// A share of the shots, evenly spread over them, or all others.
    HeldOut {
        /// The share, between 0 and 1.
        share: f64,
        /// Whether the share itself is meant.
        is_held_out: bool,
    },
}

impl Selection {
    /// Whether the shot belongs to it.
    pub(crate) fn contains(self, index: u64) -> bool {
        match self {
            Self::All => true,
            Self::Fold { parity } => index % 2 == parity,
            Self::HeldOut { share, is_held_out } => {
                let before = |index: u64| (index as f64 * share).floor();
                (before(index + 1) > before(index)) == is_held_out
            }
        }
    }
}

/// Shots that travel together.
pub(crate) struct Batch {
    /// Index of the first one in the stream, from 0.
    pub(crate) first: u64,
    /// Indices of all of them, unless they follow the first one.
    pub(crate) indices: Option<Vec<u64>>,
    /// Detectors, with the observables appended if the stream has them.
    pub(crate) rows: Shots,
    /// What really happened to the observables, if it is known.
    pub(crate) flips: Option<Shots>,
}

impl Batch {
    /// Index in the stream of the shot in row `row`.
    pub(crate) fn index(&self, row: usize) -> u64 {
        self.indices.as_ref().map_or(self.first + row as u64, |indices| indices[row])
    }

    /// The detectors alone, if observables are appended to them.
    pub(crate) fn detectors(&self, count: usize) -> Result<Cow<'_, Shots>> {
        Ok(match count {
            count if count < self.rows.bits() => Cow::Owned(self.rows.columns(0..count)?),
            _ => Cow::Borrowed(&self.rows),
        })
    }

    fn select(self, selection: Selection) -> Self {
        if selection == Selection::All {
            return self;
        }
        let is_selected = |row: usize| selection.contains(self.index(row));
        let indices =
            (0..self.rows.len()).filter(|&row| is_selected(row)).map(|row| self.index(row)).collect();
        let rows = self.rows.filtered(is_selected);
        let flips = self.flips.as_ref().map(|flips| flips.filtered(is_selected));
        Self { first: self.first, indices: Some(indices), rows, flips }
    }
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
        source: Box<ShotSource>,
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
    /// What is left of the streams that follow each other.
    streams: VecDeque<(ShotSource, Truth)>,
    /// Shots of the streams that ended.
    before: u64,
    capacity: usize,
    selection: Selection,
    /// Streams of observables end with their shots.
    ends_together: bool,
}

impl Batches {
    /// Reads `shots` in batches whose size depends on nothing but their width.
    pub(crate) fn new(shots: ShotSource, truth: Truth) -> Self {
        let streams = VecDeque::from([(shots, truth)]);
        Self { ends_together: false, ..Self::chained(streams, Selection::All) }
    }

    /// Reads streams of one layout one after the other, as if they were one, and of its shots those selected. Streams of
    /// observables must end with their shots.
    pub(crate) fn chained(streams: VecDeque<(ShotSource, Truth)>, selection: Selection) -> Self {
        let stride = streams.front().map_or(1, |(shots, _)| shots.batch().stride().max(1));
        let capacity = (BATCH_BYTES / stride).clamp(1, BATCH_SHOTS_MAX);
        Self { streams, before: 0, capacity, selection, ends_together: true }
    }

    /// The next batch, or nothing at the end of the streams.
    pub(crate) fn next(&mut self) -> Result<Option<Batch>> {
        while let Some((shots, truth)) = self.streams.front_mut() {
            let first = self.before + shots.shots_read();
            let mut rows = shots.batch();
            if shots.read(&mut rows, self.capacity)? == 0 {
                if self.ends_together {
                    truth.require_end(shots.shots_read())?;
                }
                self.before += shots.shots_read();
                self.streams.pop_front();
                continue;
            }
            let flips = truth.next(shots.layout(), &rows)?;
            let batch = Batch { first, indices: None, rows, flips }.select(self.selection);
            if !batch.rows.is_empty() {
                return Ok(Some(batch));
            }
        }
        Ok(None)
    }
}

impl Truth {
    /// What happened to the observables of the shots just read.
    fn next(&mut self, layout: Layout, rows: &Shots) -> Result<Option<Shots>> {
        Ok(match self {
            Self::Unknown => None,
            Self::Appended => Some(rows.columns(layout.detectors..layout.bits())?),
            Self::Stream { source, name } => {
                let mut flips = source.batch();
                if source.read(&mut flips, rows.len())? < rows.len() {
                    let message =
                        format!("ends after {} shots, before the detection events", source.shots_read());
                    return Err(Error::input(name.display(), message));
                }
                Some(flips)
            }
            Self::Zero { observables } => Some(Shots::zeroed(*observables, rows.len())),
        })
    }

    /// Refuses observables that go on after `shots` shots.
    fn require_end(&mut self, shots: u64) -> Result<()> {
        if let Self::Stream { source, name } = self
            && source.read(&mut source.batch(), 1)? > 0
        {
            let message = format!("goes on after {shots} shots, where the detection events end");
            return Err(Error::input(name.display(), message));
        }
        Ok(())
    }
}
