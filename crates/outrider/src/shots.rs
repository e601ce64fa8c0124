use std::fmt;
use std::fs::File;
use std::io::{Read, Write};
use std::iter;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::ptr::{self, NonNull};

use outrider_sys as sys;

use crate::error::{
    Details, Error, LineMeaning, OPEN, Status, argument_error, check, check_length, check_padding, io_error,
};
use crate::kernels::Isa;
use crate::model::{owned, view};
use crate::names::named;

/// Shots as rows of packed bits: bit k of a row is bit `k % 8` of its byte `k / 8`, padding is zero.
///
/// ```
/// use outrider::Shots;
///
/// let mut shots = Shots::new(10);
/// shots.push(&[0b0000_0001, 0b10])?;
/// assert_eq!((shots.len(), shots.bits(), shots.stride()), (1, 10, 2));
/// assert_eq!(shots.ones(0).collect::<Vec<_>>(), [0, 9]);
/// # Ok::<(), outrider::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Shots {
    bits: usize,
    len: usize,
    bytes: Vec<u8>,
}

impl Shots {
    /// No rows, each of `bits` bits.
    pub fn new(bits: usize) -> Self {
        Self { bits, len: 0, bytes: Vec::new() }
    }

    /// `len` rows of zeros.
    pub fn zeroed(bits: usize, len: usize) -> Self {
        let mut shots = Self::new(bits);
        shots.resize(len);
        shots
    }

    /// Bits of a row.
    pub fn bits(&self) -> usize {
        self.bits
    }

    /// Bytes from one row to the next: the bits, rounded up to whole bytes.
    pub fn stride(&self) -> usize {
        self.bits.div_ceil(8)
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Removes all rows and keeps the memory.
    pub fn clear(&mut self) {
        self.len = 0;
        self.bytes.clear();
    }

    /// Drops rows from the end, or appends rows of zeros.
    pub fn resize(&mut self, len: usize) {
        self.bytes.resize(len * self.stride(), 0);
        self.len = len;
    }

    /// Appends a row.
    ///
    /// # Errors
    /// [`Error::Length`] unless the row has [`stride`](Self::stride) bytes, [`Format`](crate::Status::Format) for set
    /// padding bits, which come from another bit order.
    pub fn push(&mut self, row: &[u8]) -> Result<(), Error> {
        check_length("row, in bytes", self.stride(), row.len())?;
        check_padding(self.bits, row, Some(self.len as u64 + 1))?;
        self.bytes.extend_from_slice(row);
        self.len += 1;
        Ok(())
    }

    /// The bytes of a row.
    ///
    /// # Panics
    /// If `row` is not below [`len`](Self::len), as indexing a slice does.
    pub fn row(&self, row: usize) -> &[u8] {
        assert!(row < self.len, "row {row} of {} shots", self.len);
        &self.bytes[row * self.stride()..][..self.stride()]
    }

    /// The bytes of a row. Keep its padding zero.
    ///
    /// # Panics
    /// As [`row`](Self::row).
    pub fn row_mut(&mut self, row: usize) -> &mut [u8] {
        assert!(row < self.len, "row {row} of {} shots", self.len);
        let stride = self.stride();
        &mut self.bytes[row * stride..][..stride]
    }

    /// All rows in order.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        (0..self.len).map(|row| self.row(row))
    }

    /// The indices of a row's set bits, ascending.
    ///
    /// # Panics
    /// As [`row`](Self::row).
    pub fn ones(&self, row: usize) -> impl Iterator<Item = usize> {
        self.row(row).chunks(8).enumerate().flat_map(|(index, chunk)| {
            let mut bytes = [0; 8];
            bytes[..chunk.len()].copy_from_slice(chunk);
            let mut word = u64::from_le_bytes(bytes);
            iter::from_fn(move || {
                let bit = (word != 0).then(|| word.trailing_zeros() as usize)?;
                word &= word - 1;
                Some(index * 64 + bit)
            })
        })
    }

    /// Copies a range of columns, such as the detectors or the observables of rows that hold both.
    ///
    /// # Errors
    /// [`Error::Length`] if the range does not lie within the row.
    pub fn columns(&self, columns: Range<usize>) -> Result<Self, Error> {
        let width = columns.end.saturating_sub(columns.start);
        if columns.start > columns.end || columns.end > self.bits {
            return Err(Error::Length {
                what: "end of the columns, in bits",
                expected: self.bits as u64,
                found: columns.end as u64,
            });
        }
        let mut out = Self::zeroed(width, self.len);
        for row in 0..self.len {
            copy_bits(self.row(row), columns.start, out.row_mut(row), 0, width);
        }
        Ok(out)
    }

    /// Copies the rows that `keep` is true of, by their numbers.
    ///
    /// ```
    /// let mut shots = outrider::Shots::new(2);
    /// for events in [0b00, 0b11, 0b10] {
    ///     shots.push(&[events])?;
    /// }
    /// let odd = shots.filtered(|row| row % 2 == 1);
    /// assert_eq!((odd.len(), odd.row(0)), (1, &[0b11][..]));
    /// # Ok::<(), outrider::Error>(())
    /// ```
    pub fn filtered(&self, keep: impl Fn(usize) -> bool) -> Self {
        let mut out = Self::new(self.bits);
        for row in (0..self.len).filter(|&row| keep(row)) {
            out.bytes.extend_from_slice(self.row(row));
            out.len += 1;
        }
        out
    }

    /// Rows of this batch followed by the rows of another: detectors with observables appended.
    ///
    /// # Errors
    /// [`Error::Length`] unless both have as many rows.
    pub fn beside(&self, right: &Self) -> Result<Self, Error> {
        check_length("shots", self.len, right.len)?;
        let mut out = Self::zeroed(self.bits + right.bits, self.len);
        for row in 0..self.len {
            copy_bits(self.row(row), 0, out.row_mut(row), 0, self.bits);
            copy_bits(right.row(row), 0, out.row_mut(row), self.bits, right.bits);
        }
        Ok(out)
    }

    /// All rows, one after another.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// All rows, one after another. Keep the padding of each row zero.
    pub fn as_mut_bytes(&mut self) -> &mut [u8] {
        &mut self.bytes
    }
}

impl fmt::Debug for Shots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shots").field("len", &self.len).field("bits", &self.bits).finish_non_exhaustive()
    }
}

/// One of Stim's result formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Format {
    /// `01`: a line of `0` and `1` per shot.
    #[default]
    Text01,
    /// `b8`: packed bytes.
    B8,
    /// `r8`: bytes that count zeros between ones.
    R8,
    /// `ptb64`: 64 shots transposed, for whole multiples of 64 shots.
    Ptb64,
    /// `hits`: a line of comma-separated indices per shot.
    Hits,
    /// `dets`: a line of `shot D# L# M#` per shot.
    Dets,
}

named!(Format, "shot format", otr_shot_format;
    Text01 "01" OTR_FORMAT_01,
    B8 "b8" OTR_FORMAT_B8,
    R8 "r8" OTR_FORMAT_R8,
    Ptb64 "ptb64" OTR_FORMAT_PTB64,
    Hits "hits" OTR_FORMAT_HITS,
    Dets "dets" OTR_FORMAT_DETS,
);

/// What one record of a stream holds, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Layout {
    /// Measurements, `M#` in the format `dets`.
    pub measurements: usize,
    /// Detectors, `D#`.
    pub detectors: usize,
    /// Observables, `L#`.
    pub observables: usize,
}

impl Layout {
    /// Detectors alone.
    pub fn detectors(detectors: usize) -> Self {
        Self { detectors, ..Self::default() }
    }

    /// Observables alone.
    pub fn observables(observables: usize) -> Self {
        Self { observables, ..Self::default() }
    }

    /// Bits of one row.
    pub fn bits(self) -> usize {
        self.measurements.saturating_add(self.detectors).saturating_add(self.observables)
    }

    /// Says in the error of a `create` call what is wrong with the layout.
    fn explain(self, error: Error, format: Format) -> Error {
        let empty = || format!("in the format {format} shots of no bits take no bytes");
        let large =
            || format!("shots of {} bits exceed the limit of {}", self.bits(), sys::OTR_SHOT_BITS_MAX);
        error.explained(Status::Argument, empty).explained(Status::Limit, large)
    }

    fn to_raw(self) -> sys::otr_shot_layout {
        sys::otr_shot_layout {
            measurements: self.measurements as u64,
            detectors: self.detectors as u64,
            observables: self.observables as u64,
        }
    }
}

/// Reads shots from a stream in batches, in constant memory.
///
/// ```
/// use outrider::{Format, Layout, ShotReader, Shots};
///
/// let mut reader = ShotReader::new(&b"0110\n0001\n"[..], Format::Text01, Layout::detectors(4))?;
/// let mut batch = reader.batch();
/// assert_eq!(reader.read(&mut batch, 1000)?, 2);
/// assert_eq!(batch.ones(0).collect::<Vec<_>>(), [1, 2]);
/// assert_eq!(reader.read(&mut batch, 1000)?, 0);
/// # Ok::<(), outrider::Error>(())
/// ```
pub struct ShotReader<R> {
    codec: NonNull<sys::otr_shot_reader>,
    layout: Layout,
    input: R,
    path: Option<PathBuf>,
    buffer: Vec<u8>,
    unread: Range<usize>,
    state: ReaderState,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum ReaderState {
    Reading,
    InputEnded,
    Finished,
}

impl ShotReader<File> {
    /// Opens a file.
    ///
    /// # Errors
    /// [`Error::Io`], and as [`new`](Self::new).
    pub fn open(path: impl AsRef<Path>, format: Format, layout: Layout) -> Result<Self, Error> {
        let path = path.as_ref();
        let file = File::open(path).map_err(|source| io_error(OPEN, Some(path), source))?;
        Ok(Self::new(file, format, layout).map_err(|error| error.with_path(path))?.named(path))
    }
}

impl<R: Read> ShotReader<R> {
    /// Reads `input`, which needs no buffering of its own.
    ///
    /// # Errors
    /// [`Limit`](crate::Status::Limit) for too many bits, [`Argument`](crate::Status::Argument) for rows of
    /// no bits in a format where they take no bytes.
    pub fn new(input: R, format: Format, layout: Layout) -> Result<Self, Error> {
        Self::with_isa(input, format, layout, Isa::Auto)
    }

    /// As [`new`](Self::new), on this instruction set.
    ///
    /// # Errors
    /// As [`new`](Self::new), and [`Unsupported`](crate::Status::Unsupported) for a missing instruction set.
    pub fn with_isa(input: R, format: Format, layout: Layout, isa: Isa) -> Result<Self, Error> {
        let mut raw = ptr::null_mut();
        // SAFETY: both pointers are live; C copies the layout.
        let status =
            unsafe { sys::otr_shot_reader_create(&mut raw, format.to_raw(), &layout.to_raw(), isa.to_raw()) };
        check(status).map_err(|error| isa.explain(layout.explain(error, format)))?;
        Ok(Self {
            codec: owned(raw)?,
            layout,
            input,
            path: None,
            buffer: vec![0; BUFFER_BYTES],
            unread: 0..0,
            state: ReaderState::Reading,
        })
    }

    /// Gives the stream a name for error messages, such as a path or `stdin`.
    #[must_use]
    pub fn named(mut self, name: impl Into<PathBuf>) -> Self {
        self.path = Some(name.into());
        self
    }

    /// What a record holds.
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// An empty batch of the right width.
    pub fn batch(&self) -> Shots {
        Shots::new(self.layout.bits())
    }

    /// Complete shots read so far.
    pub fn shots_read(&self) -> u64 {
        // SAFETY: the codec is live and only read.
        unsafe { sys::otr_shot_reader_shots(self.codec.as_ptr()) }
    }

    /// Replaces the rows of `batch` by the next shots, at most `capacity`, and returns how many; 0 is the end
    /// (or a capacity of 0).
    ///
    /// # Errors
    /// [`Format`](crate::Status::Format), [`Index`](crate::Status::Index) or
    /// [`Truncated`](crate::Status::Truncated) with file and shot; [`Error::Io`]; [`Error::Length`] for a
    /// batch of another width. `batch` keeps the good rows before the fault, and the reader is at its end.
    pub fn read(&mut self, batch: &mut Shots, capacity: usize) -> Result<usize, Error> {
        check_length("width of the batch, in bits", self.layout.bits(), batch.bits())?;
        batch.clear();
        while batch.len() < capacity {
            let step = match self.state {
                ReaderState::Finished => break,
                ReaderState::Reading => self.take_rows(batch, capacity),
                ReaderState::InputEnded => self.take_last_row(batch),
            };
            if let Err(error) = step {
                self.state = ReaderState::Finished;
                return Err(match &self.path {
                    Some(path) => error.with_path(path),
                    None => error,
                });
            }
        }
        Ok(batch.len())
    }

    /// Reads all shots that are left.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn read_to_end(&mut self) -> Result<Shots, Error> {
        let mut all = self.batch();
        let mut batch = self.batch();
        while self.read(&mut batch, READ_TO_END_SHOTS)? != 0 {
            all.bytes.extend_from_slice(&batch.bytes);
            all.len += batch.len;
        }
        Ok(all)
    }

    /// Decodes what is unread, and refills the buffer once the codec has given out all it has.
    fn take_rows(&mut self, batch: &mut Shots, capacity: usize) -> Result<(), Error> {
        let room = (capacity - batch.len()).min(rows_per_call(batch.stride()));
        reserve(batch, room)?;
        let unread = &self.buffer[self.unread.clone()];
        let (mut consumed, mut row_count) = (0, 0);
        let mut details = Details::new();
        // SAFETY: the input comes with its length and `batch` has spare room for `room` rows; the codec is
        // used by nobody else (&mut).
        let status = unsafe {
            sys::otr_shot_reader_read(
                self.codec.as_ptr(),
                unread.as_ptr(),
                unread.len(),
                &mut consumed,
                batch.bytes.spare_capacity_mut().as_mut_ptr().cast(),
                batch.stride(),
                room,
                &mut row_count,
                details.as_mut_ptr(),
            )
        };
        // SAFETY: C has written `row_count` complete rows into the spare room, also before an error.
        unsafe { append_written(batch, row_count) };
        details.check(status, LineMeaning::Shot)?;
        self.unread.start += consumed;
        if row_count < room {
            let count = read_some(&mut self.input, &mut self.buffer)?;
            self.unread = 0..count;
            if count == 0 {
                self.state = ReaderState::InputEnded;
            }
        }
        Ok(())
    }

    /// Ends the stream; a whole line of digits without its line feed is a last row.
    fn take_last_row(&mut self, batch: &mut Shots) -> Result<(), Error> {
        self.state = ReaderState::Finished;
        reserve(batch, 1)?;
        let mut row_count = 0;
        let mut details = Details::new();
        // SAFETY: `batch` has spare room for a row; the codec is used by nobody else (&mut).
        let status = unsafe {
            sys::otr_shot_reader_finish(
                self.codec.as_ptr(),
                batch.bytes.spare_capacity_mut().as_mut_ptr().cast(),
                batch.stride(),
                &mut row_count,
                details.as_mut_ptr(),
            )
        };
        // SAFETY: C has written `row_count` complete rows, 0 or 1, into the spare room.
        unsafe { append_written(batch, row_count) };
        details.check(status, LineMeaning::Shot)
    }
}

impl<R> Drop for ShotReader<R> {
    fn drop(&mut self) {
        // SAFETY: this value owns the codec.
        unsafe { sys::otr_shot_reader_destroy(self.codec.as_ptr()) }
    }
}

// SAFETY: the codec is a plain heap object without ties to its thread, and the bound covers the input.
unsafe impl<R: Send> Send for ShotReader<R> {}

impl<R> fmt::Debug for ShotReader<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ShotReader").field("layout", &self.layout).finish_non_exhaustive()
    }
}

/// Writes shots to a stream.
///
/// ```
/// use outrider::{Format, Layout, ShotWriter, Shots};
///
/// let mut shots = Shots::new(4);
/// shots.push(&[0b0110])?;
/// let layout = Layout { detectors: 3, observables: 1, ..Layout::default() };
/// let mut writer = ShotWriter::new(Vec::new(), Format::Dets, layout)?;
/// writer.write(&shots)?;
/// assert_eq!(writer.finish()?, b"shot D1 D2\n");
/// # Ok::<(), outrider::Error>(())
/// ```
pub struct ShotWriter<W> {
    codec: NonNull<sys::otr_shot_writer>,
    layout: Layout,
    // None only after `finish` has handed it back.
    output: Option<W>,
    path: Option<PathBuf>,
}

impl<W: Write> ShotWriter<W> {
    /// Writes to `output`, in large pieces.
    ///
    /// # Errors
    /// As [`ShotReader::new`].
    pub fn new(output: W, format: Format, layout: Layout) -> Result<Self, Error> {
        Self::with_isa(output, format, layout, Isa::Auto)
    }

    /// As [`new`](Self::new), on this instruction set.
    ///
    /// # Errors
    /// As [`new`](Self::new), and [`Unsupported`](crate::Status::Unsupported) for a missing instruction set.
    pub fn with_isa(output: W, format: Format, layout: Layout, isa: Isa) -> Result<Self, Error> {
        let mut raw = ptr::null_mut();
        // SAFETY: both pointers are live; C copies the layout.
        let status =
            unsafe { sys::otr_shot_writer_create(&mut raw, format.to_raw(), &layout.to_raw(), isa.to_raw()) };
        check(status).map_err(|error| isa.explain(layout.explain(error, format)))?;
        Ok(Self { codec: owned(raw)?, layout, output: Some(output), path: None })
    }

    /// Gives the stream a name for error messages, such as a path or `stdout`.
    #[must_use]
    pub fn named(mut self, name: impl Into<PathBuf>) -> Self {
        self.path = Some(name.into());
        self
    }

    /// What a record holds.
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// An empty batch of the right width.
    pub fn batch(&self) -> Shots {
        Shots::new(self.layout.bits())
    }

    /// Appends all rows of a batch.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Length`] for a batch of another width.
    pub fn write(&mut self, shots: &Shots) -> Result<(), Error> {
        check_length("width of the batch, in bits", self.layout.bits(), shots.bits())?;
        let rows_per_call = rows_per_call(shots.stride());
        for first in (0..shots.len()).step_by(rows_per_call) {
            let count = rows_per_call.min(shots.len() - first);
            self.write_rows(&shots.as_bytes()[first * shots.stride()..], shots.stride(), count)?;
        }
        Ok(())
    }

    /// Ends the stream, flushes the output and hands it back.
    ///
    /// # Errors
    /// [`Truncated`](crate::Status::Truncated) for `ptb64` when the number of shots is no multiple of 64;
    /// [`Error::Io`].
    pub fn finish(mut self) -> Result<W, Error> {
        let mut details = Details::new();
        // SAFETY: the codec is live and used by nobody else (self).
        let status = unsafe { sys::otr_shot_writer_finish(self.codec.as_ptr(), details.as_mut_ptr()) };
        details.check(status, LineMeaning::Shot).map_err(|error| match &self.path {
            Some(path) => error.with_path(path),
            None => error,
        })?;
        let mut output = self.output.take().ok_or_else(|| argument_error("the writer is finished"))?;
        output.flush().map_err(|source| io_error("write", self.path.as_deref(), source))?;
        Ok(output)
    }

    /// Encodes and writes rows, of which `rows` holds at least `count`.
    fn write_rows(&mut self, rows: &[u8], stride: usize, count: usize) -> Result<(), Error> {
        let mut bytes = ptr::null();
        let mut byte_count = 0;
        // SAFETY: `rows` holds `count` rows of `stride` bytes; the codec is used by nobody else (&mut).
        let status = unsafe {
            sys::otr_shot_writer_write(
                self.codec.as_ptr(),
                rows.as_ptr(),
                stride,
                count,
                &mut bytes,
                &mut byte_count,
            )
        };
        check(status)?;
        // SAFETY: the header keeps the bytes valid until the next call on the codec, which comes after this
        // use.
        let encoded = unsafe { view(bytes, byte_count) };
        let output = self.output.as_mut().ok_or_else(|| argument_error("the writer is finished"))?;
        output.write_all(encoded).map_err(|source| io_error("write", self.path.as_deref(), source))
    }
}

impl<W> Drop for ShotWriter<W> {
    fn drop(&mut self) {
        // SAFETY: this value owns the codec.
        unsafe { sys::otr_shot_writer_destroy(self.codec.as_ptr()) }
    }
}

// SAFETY: the codec is a plain heap object without ties to its thread, and the bound covers the output.
unsafe impl<W: Send> Send for ShotWriter<W> {}

impl<W> fmt::Debug for ShotWriter<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ShotWriter").field("layout", &self.layout).finish_non_exhaustive()
    }
}

/// Rows handed to the codec at a time: bounds the memory of one call.
fn rows_per_call(stride: usize) -> usize {
    (BUFFER_BYTES / stride.max(1)).max(1)
}

/// Makes spare room for `rows` rows.
fn reserve(batch: &mut Shots, rows: usize) -> Result<(), Error> {
    batch.bytes.try_reserve(rows * batch.stride()).or_else(|_| check(sys::otr_status::OTR_ERR_MEMORY))
}

/// Counts rows that stand in the spare room.
///
/// # Safety
/// The spare room holds `rows` initialised rows.
unsafe fn append_written(batch: &mut Shots, rows: usize) {
    let bytes = batch.bytes.len() + rows * batch.stride();
    // SAFETY: the caller vouches for the bytes up to there.
    unsafe { batch.bytes.set_len(bytes) };
    batch.len += rows;
}

/// One read, repeated while a signal interrupts it.
fn read_some(input: &mut impl Read, buffer: &mut [u8]) -> Result<usize, Error> {
    loop {
        match input.read(buffer) {
            Ok(count) => return Ok(count),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(source) => return Err(io_error("read", None, source)),
        }
    }
}

/// ORs `width` bits of `source` from bit `from` on into `target`, whose bits from `to` on are zero.
fn copy_bits(source: &[u8], from: usize, target: &mut [u8], to: usize, width: usize) {
    let mut done = 0;
    while done < width {
        let (from_bit, to_bit) = (from + done, to + done);
        let count = (8 - from_bit % 8).min(8 - to_bit % 8).min(width - done);
        let bits = source[from_bit / 8] >> (from_bit % 8) & (0xFF >> (8 - count));
        target[to_bit / 8] |= bits << (to_bit % 8);
        done += count;
    }
}

/// Bytes read from the input, or given to the codec as rows, at a time.
const BUFFER_BYTES: usize = 1 << 16;
/// Rows per batch of [`ShotReader::read_to_end`].
const READ_TO_END_SHOTS: usize = 4096;
