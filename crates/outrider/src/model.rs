use std::fmt;
use std::fs::File;
use std::io::Read;
use std::marker::PhantomData;
use std::path::Path;
use std::ptr::{self, NonNull};
use std::slice;
use std::str::FromStr;

use outrider_sys as sys;

use crate::error::{Details, Error, LineMeaning, OPEN, Place, Status, io_error};
use crate::stim_text::explain_model;

/// A detector error model: Stim's `.dem` text, parsed once and kept folded.
///
/// A `repeat` block is stored once, whatever its count. Models are immutable; threads may share one.
///
/// ```
/// use outrider::{DetectorErrorModel, InstructionKind};
///
/// let model: DetectorErrorModel = "
///     error(0.01) D0 L0
///     repeat 1000000 {
///         error(0.02) D0 D1
///         shift_detectors 1
///     }
/// ".parse()?;
/// assert_eq!(model.detector_count(), 1000001);
/// assert_eq!(model.error_count(), 1000001);
/// assert_eq!(model.instructions().count(), 4);
///
/// let mut walk = model.walk()?;
/// let mut total = 0.0;
/// while let Some(instruction) = walk.step() {
///     if let InstructionKind::Error { probability, .. } = instruction.kind {
///         total += probability;
///     }
/// }
/// assert!((total - 20000.01).abs() < 1e-6);
/// # Ok::<(), outrider::Error>(())
/// ```
pub struct DetectorErrorModel {
    raw: NonNull<sys::otr_model>,
}

impl DetectorErrorModel {
    /// Parses `.dem` text.
    ///
    /// # Errors
    /// [`Status::Parse`], [`Status::Probability`] or [`Status::Limit`] with line and column.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let mut raw = ptr::null_mut();
        let mut details = Details::new();
        // SAFETY: pointer and length describe `text`, which C copies what it keeps of; `raw` and `details`
        // are live and written at most once.
        let status =
            unsafe { sys::otr_model_parse(&mut raw, text.as_ptr().cast(), text.len(), details.as_mut_ptr()) };
        details.check(status, LineMeaning::Line).map_err(|error| explain_model(error, text))?;
        // SAFETY: the call succeeded, so `raw` is a new model that nobody else owns.
        unsafe { Self::from_raw(raw) }
    }

    /// Reads and parses a `.dem` file.
    ///
    /// # Errors
    /// As [`parse`](Self::parse), naming the file; [`Error::Io`] if it cannot be read. Text that is not UTF-8
    /// is [`Status::Parse`].
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let file = File::open(path).map_err(|source| io_error(OPEN, Some(path), source))?;
        Self::from_reader(file).map_err(|error| error.with_path(path))
    }

    /// Reads `input` to its end and parses it.
    ///
    /// # Errors
    /// As [`from_file`](Self::from_file), without a file name.
    pub fn from_reader(input: impl Read) -> Result<Self, Error> {
        Self::parse(&read_text(input, sys::OTR_MODEL_TEXT_BYTES_MAX)?)
    }

    /// Largest detector index + 1, over errors and declarations, all repetitions and shifts.
    pub fn detector_count(&self) -> u64 {
        // SAFETY: `raw` is a live model.
        unsafe { sys::otr_model_detector_count(self.raw.as_ptr()) }
    }

    /// Largest observable index + 1.
    pub fn observable_count(&self) -> u64 {
        // SAFETY: `raw` is a live model.
        unsafe { sys::otr_model_observable_count(self.raw.as_ptr()) }
    }

    /// Number of error instructions after unfolding every repeat; saturates at `u64::MAX`.
    pub fn error_count(&self) -> u64 {
        // SAFETY: `raw` is a live model.
        unsafe { sys::otr_model_error_count(self.raw.as_ptr()) }
    }

    /// The folded instructions in text order; a repeat is followed by its body.
    pub fn instructions(&self) -> Instructions<'_> {
        // SAFETY: `raw` is a live model.
        let count = unsafe { sys::otr_model_instruction_count(self.raw.as_ptr()) };
        Instructions { model: self, next: 0, count }
    }

    /// Walks the model flat: repeats unrolled, shifts applied to detectors and coordinates. Only errors,
    /// detector and observable declarations appear. Memory does not grow with the repetitions.
    ///
    /// # Errors
    /// [`Status::Memory`].
    pub fn walk(&self) -> Result<Walk<'_>, Error> {
        let mut raw = ptr::null_mut();
        // SAFETY: `raw` is live; the walk borrows the model, which `Walk`'s lifetime keeps alive.
        let status = unsafe { sys::otr_model_walk_create(&mut raw, self.raw.as_ptr()) };
        crate::error::check(status)?;
        Ok(Walk { raw: owned(raw)?, model: PhantomData })
    }

    /// The coordinates of each detector, as last declared; none for those never declared or without any.
    ///
    /// ```
    /// let text = "detector(1, 2) D0\nrepeat 2 {\nshift_detectors(0, 0, 1) 1\ndetector(4, 2, 0) D0\n}\nerror(0.1) D1";
    /// let model = outrider::DetectorErrorModel::parse(text)?;
    /// let coordinates = model.detector_coordinates()?;
    /// assert_eq!(coordinates, [vec![1.0, 2.0], vec![4.0, 2.0, 1.0], vec![4.0, 2.0, 2.0], vec![]]);
    /// # Ok::<(), outrider::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Status::Limit`] for more detectors or flat instructions than a [`MatchingGraph`](crate::MatchingGraph)
    /// may have detectors or errors.
    pub fn detector_coordinates(&self) -> Result<Vec<Vec<f64>>, Error> {
        let too_large = || Error::Core {
            status: Status::Limit,
            place: Place::default(),
            message: "the model is too large to list its detectors".to_owned(),
        };
        let count = u32::try_from(self.detector_count()).map_err(|_| too_large())?;
        if count > sys::OTR_GRAPH_NODES_MAX {
            return Err(too_large());
        }
        let mut all = vec![Vec::new(); count as usize];
        let mut steps_left = sys::OTR_GRAPH_ERRORS_MAX;
        let mut walk = self.walk()?;
        while let Some(instruction) = walk.step() {
            steps_left = steps_left.checked_sub(1).ok_or_else(too_large)?;
            let InstructionKind::Detector { coordinates, targets } = instruction.kind else {
                continue;
            };
            for target in targets {
                match target.kind() {
                    TargetKind::Detector(index) if !coordinates.is_empty() => {
                        coordinates.clone_into(&mut all[index as usize]);
                    }
                    _ => {}
                }
            }
        }
        Ok(all)
    }

    /// The folded model as `.dem` text that parses to the same model.
    pub fn to_text(&self) -> String {
        text_of(|buffer, capacity| {
            // SAFETY: `raw` is a live model; C writes at most `capacity` bytes to `buffer`.
            unsafe { sys::otr_model_text(self.raw.as_ptr(), buffer, capacity) }
        })
    }

    /// Takes over a model made by C.
    ///
    /// # Safety
    /// `raw` is null or a model that nobody else destroys.
    pub(crate) unsafe fn from_raw(raw: *mut sys::otr_model) -> Result<Self, Error> {
        Ok(Self { raw: owned(raw)? })
    }

    pub(crate) fn as_ptr(&self) -> *const sys::otr_model {
        self.raw.as_ptr()
    }
}

impl Drop for DetectorErrorModel {
    fn drop(&mut self) {
        // SAFETY: this value owns `raw`; walks and instructions borrow it and are gone.
        unsafe { sys::otr_model_destroy(self.raw.as_ptr()) }
    }
}

// SAFETY: model.h: "A model is immutable and may be shared by threads"; it has no ties to its creating
// thread.
unsafe impl Send for DetectorErrorModel {}
// SAFETY: as above; every call on a shared model only reads.
unsafe impl Sync for DetectorErrorModel {}

impl FromStr for DetectorErrorModel {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse(text)
    }
}

impl fmt::Display for DetectorErrorModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_text())
    }
}

impl fmt::Debug for DetectorErrorModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DetectorErrorModel")
            .field("detectors", &self.detector_count())
            .field("observables", &self.observable_count())
            .field("errors", &self.error_count())
            .finish()
    }
}

/// A view of one instruction.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Instruction<'a> {
    /// What it says.
    pub kind: InstructionKind<'a>,
    /// Its line in the text, from 1; `None` if the model was not parsed.
    pub line: Option<u64>,
    /// Its tag, unescaped.
    pub tag: Option<&'a str>,
}

/// What an instruction says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum InstructionKind<'a> {
    /// `error(probability) targets`
    Error {
        /// Between 0 and 1.
        probability: f64,
        /// Detectors, observables and separators.
        targets: &'a [Target],
    },
    /// `detector(coordinates) targets`
    Detector {
        /// At most 16 numbers.
        coordinates: &'a [f64],
        /// The detectors declared.
        targets: &'a [Target],
    },
    /// `logical_observable targets`
    Observable {
        /// The observables declared.
        targets: &'a [Target],
    },
    /// `shift_detectors(coordinates) detectors`
    ShiftDetectors {
        /// Added to the coordinates of later declarations.
        coordinates: &'a [f64],
        /// Added to later detector indices.
        detectors: u64,
    },
    /// `repeat iterations { … }`
    Repeat {
        /// How often the body runs.
        iterations: u64,
        /// Instructions of the body, nested ones included; they follow directly.
        body_count: u64,
    },
}

/// One target of an instruction, packed as C packs it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub struct Target(u64);

/// A target, unpacked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TargetKind {
    /// `D#`; relative to the current shift in the folded view, absolute in a walk.
    Detector(u64),
    /// `L#`
    Observable(u64),
    /// `^`
    Separator,
}

impl Target {
    /// Unpacks the target.
    pub fn kind(self) -> TargetKind {
        // bindgen gives both masks signed types.
        const SEPARATOR: u64 = sys::OTR_TARGET_SEPARATOR as i64 as u64;
        const OBSERVABLE: u64 = sys::OTR_TARGET_OBSERVABLE as u64;
        match self.0 {
            SEPARATOR => TargetKind::Separator,
            packed if packed & OBSERVABLE != 0 => TargetKind::Observable(packed & !OBSERVABLE),
            index => TargetKind::Detector(index),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind() {
            TargetKind::Detector(index) => write!(f, "D{index}"),
            TargetKind::Observable(index) => write!(f, "L{index}"),
            TargetKind::Separator => f.write_str("^"),
        }
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The folded instructions of a model, see [`DetectorErrorModel::instructions`].
#[derive(Debug, Clone)]
pub struct Instructions<'a> {
    model: &'a DetectorErrorModel,
    next: u64,
    count: u64,
}

impl<'a> Iterator for Instructions<'a> {
    type Item = Instruction<'a>;

    fn next(&mut self) -> Option<Instruction<'a>> {
        if self.next == self.count {
            return None;
        }
        let mut raw = empty_instruction();
        // SAFETY: the model is live and `raw` is written only on success.
        let status = unsafe { sys::otr_model_instruction(self.model.as_ptr(), self.next, &mut raw) };
        crate::error::check(status).ok()?;
        self.next += 1;
        // SAFETY: C filled `raw` with pointers that live as long as the model, which 'a borrows.
        Some(unsafe { instruction_view(&raw) })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = usize::try_from(self.count - self.next);
        (left.unwrap_or(usize::MAX), left.ok())
    }
}

/// A flat walk over a model, see [`DetectorErrorModel::walk`].
pub struct Walk<'a> {
    raw: NonNull<sys::otr_model_walk>,
    model: PhantomData<&'a DetectorErrorModel>,
}

impl Walk<'_> {
    /// The next instruction, or `None` at the end. The view ends with the next step.
    pub fn step(&mut self) -> Option<Instruction<'_>> {
        let mut raw = empty_instruction();
        // SAFETY: the walk is live and used by nobody else (&mut); `raw` is live.
        let found = unsafe { sys::otr_model_walk_next(self.raw.as_ptr(), &mut raw) };
        // SAFETY: C filled `raw` with pointers that live until the next step; the result borrows `self`
        // mutably.
        found.then(|| unsafe { instruction_view(&raw) })
    }
}

impl Drop for Walk<'_> {
    fn drop(&mut self) {
        // SAFETY: this value owns the walk, and the model it borrows is still alive.
        unsafe { sys::otr_model_walk_destroy(self.raw.as_ptr()) }
    }
}

// SAFETY: a walk only reads its model, which may be shared by threads, and has no ties to its thread.
unsafe impl Send for Walk<'_> {}

impl fmt::Debug for Walk<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Walk").finish_non_exhaustive()
    }
}

/// Refuses the null that a successful `create` never gives.
pub(crate) fn owned<T>(raw: *mut T) -> Result<NonNull<T>, Error> {
    NonNull::new(raw).ok_or_else(|| crate::error::argument_error("the C core returned no handle"))
}

/// A view of C memory; C may give a null pointer for zero entries.
///
/// # Safety
/// Unless `count` is 0, `data` points to `count` initialised entries that live and stay unchanged for 'a.
pub(crate) unsafe fn view<'a, T>(data: *const T, count: usize) -> &'a [T] {
    if count == 0 {
        return &[];
    }
    // SAFETY: the caller vouches for `data`.
    unsafe { slice::from_raw_parts(data, count) }
}

/// Reads `input` to its end as text, or one byte past `limit`, so that the parser refuses it.
pub(crate) fn read_text(input: impl Read, limit: u64) -> Result<String, Error> {
    let mut bytes = Vec::new();
    input.take(limit + 1).read_to_end(&mut bytes).map_err(|source| io_error("read", None, source))?;
    String::from_utf8(bytes).map_err(|invalid| {
        let before = &invalid.as_bytes()[..invalid.utf8_error().valid_up_to()];
        let line_start = before.iter().rposition(|&byte| byte == b'\n').map_or(0, |newline| newline + 1);
        Error::Core {
            status: Status::Parse,
            place: Place {
                line: Some(before.iter().filter(|&&byte| byte == b'\n').count() as u64 + 1),
                column: u32::try_from(before.len() - line_start + 1).ok(),
                ..Place::default()
            },
            message: "the text is not UTF-8".to_owned(),
        }
    })
}

/// Runs a call with the manners of `snprintf` twice: to measure and to write.
pub(crate) fn text_of(write: impl Fn(*mut core::ffi::c_char, usize) -> usize) -> String {
    let mut buffer = vec![0_u8; write(ptr::null_mut(), 0) + 1];
    let bytes = write(buffer.as_mut_ptr().cast(), buffer.len());
    buffer.truncate(bytes);
    String::from_utf8(buffer).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

fn empty_instruction() -> sys::otr_instruction {
    sys::otr_instruction {
        kind: sys::otr_instruction_kind::OTR_INSTRUCTION_ERROR,
        argument_count: 0,
        arguments: ptr::null(),
        target_count: 0,
        targets: ptr::null(),
        repeat_count: 0,
        body_count: 0,
        line: 0,
        tag: ptr::null(),
        tag_bytes: 0,
    }
}

/// # Safety
/// `raw` was filled by C and its pointers live and stay unchanged for 'a.
unsafe fn instruction_view<'a>(raw: &sys::otr_instruction) -> Instruction<'a> {
    // SAFETY: the header pairs each pointer with its count; `Target` is a transparent u64.
    let targets: &'a [Target] = unsafe { view(raw.targets.cast(), raw.target_count as usize) };
    // SAFETY: as above.
    let arguments: &'a [f64] = unsafe { view(raw.arguments, raw.argument_count as usize) };
    let tag = (!raw.tag.is_null()).then(|| {
        // SAFETY: as above.
        let bytes: &'a [u8] = unsafe { view(raw.tag.cast(), raw.tag_bytes as usize) };
        // Text enters as UTF-8 and unescaping maps ASCII to ASCII.
        std::str::from_utf8(bytes).unwrap_or_default()
    });
    let kind = match raw.kind {
        sys::otr_instruction_kind::OTR_INSTRUCTION_DETECTOR => {
            InstructionKind::Detector { coordinates: arguments, targets }
        }
        sys::otr_instruction_kind::OTR_INSTRUCTION_OBSERVABLE => InstructionKind::Observable { targets },
        sys::otr_instruction_kind::OTR_INSTRUCTION_SHIFT_DETECTORS => {
            InstructionKind::ShiftDetectors { coordinates: arguments, detectors: raw.repeat_count }
        }
        sys::otr_instruction_kind::OTR_INSTRUCTION_REPEAT => {
            InstructionKind::Repeat { iterations: raw.repeat_count, body_count: raw.body_count }
        }
        _ => InstructionKind::Error { probability: arguments.first().copied().unwrap_or_default(), targets },
    };
    Instruction { kind, line: (raw.line != 0).then_some(raw.line), tag }
}
