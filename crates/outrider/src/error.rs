use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use outrider_sys as sys;

/// What went wrong, and where.
///
/// [`Display`](fmt::Display) gives one line that starts with the place, `model.dem:12:8: …` or
/// `shots.b8: shot 7: …`, and needs no further context.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The C core refused or failed.
    #[error("{place}{message}")]
    Core {
        /// What kind of failure.
        status: Status,
        /// Where in the input, as far as the core reports it.
        place: Place,
        /// One line of explanation, without the place.
        message: String,
    },
    /// A slice or batch of the wrong length; nothing was read or written.
    #[error("{what}: expected {expected}, found {found}")]
    Length {
        /// What was measured, with its unit, such as `detectors, in bytes`.
        what: &'static str,
        /// The length needed.
        expected: u64,
        /// The length given.
        found: u64,
    },
    /// A name that no variant of the type carries.
    #[error("unknown {what} '{}', expected one of {expected}", found.escape_debug())]
    Name {
        /// What was named, such as `decoder`.
        what: &'static str,
        /// The name given.
        found: String,
        /// The names there are, separated by commas.
        expected: &'static str,
    },
    /// A file, pipe or device failed.
    #[error("{}cannot {action}: {source}", prefix(path.as_deref()))]
    Io {
        /// What was attempted, such as `read`.
        action: &'static str,
        /// The file, where there is one.
        path: Option<PathBuf>,
        /// The operating system's answer.
        source: io::Error,
    },
    /// A thread of this crate panicked: a bug of it, or of what it was given to call.
    #[error("a thread panicked: {message}")]
    Panic {
        /// The message of the panic.
        message: String,
    },
}

/// A place in an input. All numbers count from 1.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub path: Option<PathBuf>,
    /// The line of a text.
    pub line: Option<u64>,
    /// The byte column in that line.
    pub column: Option<u32>,
    /// The shot of a stream or batch, the first one being 1.
    pub shot: Option<u64>,
}

/// The kind of failure that the C core reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Status {
    /// An option or argument out of its stated range.
    Argument,
    /// Known, but not available in this build or on this CPU.
    Unsupported,
    /// A detector, observable or edge index out of range.
    Index,
    /// One of the library's named limits would be exceeded.
    Limit,
    /// An allocation failed.
    Memory,
    /// Malformed text.
    Parse,
    /// A probability that is not a number, below 0 or above 1.
    Probability,
    /// An error component with three or more detectors.
    Undecomposable,
    /// The input ended inside a record.
    Truncated,
    /// Bytes that the stated format does not allow.
    Format,
    /// A detector or observable that noise-free runs do not fix.
    Random,
    /// An odd number of events in a component without boundary: the shot has no perfect matching.
    OddParity,
    /// The dual certificate does not prove the answer: a bug of this library.
    Certificate,
    /// A commit leaves detection events in its cell: a bug of this library.
    Residual,
    /// No errors of the model explain the shot, or none within the budget of a sum.
    Unexplained,
    /// A status that this version of the crate does not have, with its number.
    Other(u32),
}

impl Error {
    /// The C core's status, for errors that come from it.
    pub fn status(&self) -> Option<Status> {
        match self {
            Self::Core { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// Where in the input the error lies, for errors that come from the C core.
    pub fn place(&self) -> Option<&Place> {
        match self {
            Self::Core { place, .. } => Some(place),
            _ => None,
        }
    }

    /// Whether the caller's input or arguments are at fault, rather than the machine or this library.
    ///
    /// Programs exit with 2 for these and with 1 for the others.
    pub fn is_bad_input(&self) -> bool {
        use io::ErrorKind::{IsADirectory, NotFound, OutOfMemory, QuotaExceeded, StorageFull};
        match self {
            Self::Core { status, .. } => {
                !matches!(status, Status::Memory | Status::Certificate | Status::Residual | Status::Other(_))
            }
            Self::Length { .. } | Self::Name { .. } => true,
            Self::Panic { .. } => false,
            Self::Io { action, source, .. } => {
                // A statistics file is made by opening it.
                (matches!(*action, OPEN | CREATE)
                    && !matches!(source.kind(), StorageFull | QuotaExceeded | OutOfMemory))
                    || matches!(source.kind(), IsADirectory | NotFound)
            }
        }
    }

    /// Names the file the error is about, if it has none yet.
    #[must_use]
    pub fn with_path(mut self, file: impl AsRef<Path>) -> Self {
        match &mut self {
            Self::Core { place: Place { path, .. }, .. } | Self::Io { path, .. } => {
                path.get_or_insert_with(|| file.as_ref().to_owned());
            }
            Self::Length { .. } | Self::Name { .. } | Self::Panic { .. } => {}
        }
        self
    }

    /// Replaces the general phrase for `status` by a closer one.
    pub(crate) fn explained(mut self, wanted: Status, explain: impl FnOnce() -> String) -> Self {
        if let Self::Core { status, message, .. } = &mut self
            && *status == wanted
        {
            *message = explain();
        }
        self
    }

    /// Sets the shot of an error of the C core, the first one being 1: a batch counts its own rows.
    #[must_use]
    pub fn with_shot(mut self, number: u64) -> Self {
        if let Self::Core { place, .. } = &mut self {
            place.shot = Some(number);
        }
        self
    }
}

/// The file of a message without a line, as its prefix.
fn prefix(path: Option<&Path>) -> String {
    path.map_or_else(String::new, |path| format!("{}: ", path.display()))
}

impl fmt::Display for Place {
    /// The place as a prefix of a message: empty, or ending in `: `.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.path, self.line) {
            (Some(path), Some(line)) => write!(f, "{}:{line}", path.display())?,
            (Some(path), None) => write!(f, "{}", path.display())?,
            (None, Some(line)) => write!(f, "line {line}")?,
            (None, None) => {}
        }
        match (self.line, self.column, self.path.is_some()) {
            (Some(_), Some(column), true) => write!(f, ":{column}: ")?,
            (Some(_), Some(column), false) => write!(f, ", column {column}: ")?,
            (Some(_), None, _) | (None, _, true) => write!(f, ": ")?,
            (None, _, false) => {}
        }
        if let Some(shot) = self.shot {
            write!(f, "shot {shot}")?;
            if let (None, Some(column)) = (self.line, self.column) {
                write!(f, ", column {column}")?;
            }
            write!(f, ": ")?;
        }
        Ok(())
    }
}

/// Gives each kind of failure the status of the C headers, in both directions.
macro_rules! statuses {
    ($($kind:ident $status:ident),+ $(,)?) => {
        impl Status {
            /// The number that the C headers give this status.
            pub fn code(self) -> u32 {
                match self {
                    $(Self::$kind => sys::otr_status::$status.0,)+
                    Self::Other(code) => code,
                }
            }

            fn from_raw(status: sys::otr_status) -> Self {
                match status {
                    $(sys::otr_status::$status => Self::$kind,)+
                    sys::otr_status(code) => Self::Other(code),
                }
            }
        }
    };
}

statuses!(
    Argument OTR_ERR_ARGUMENT,
    Unsupported OTR_ERR_UNSUPPORTED,
    Index OTR_ERR_INDEX,
    Limit OTR_ERR_LIMIT,
    Memory OTR_ERR_MEMORY,
    Parse OTR_ERR_PARSE,
    Probability OTR_ERR_PROBABILITY,
    Undecomposable OTR_ERR_UNDECOMPOSABLE,
    Truncated OTR_ERR_TRUNCATED,
    Format OTR_ERR_FORMAT,
    Random OTR_ERR_RANDOM,
    OddParity OTR_ERR_ODD_PARITY,
    Certificate OTR_ERR_CERTIFICATE,
    Residual OTR_ERR_RESIDUAL,
    Unexplained OTR_ERR_UNEXPLAINED,
);

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // SAFETY: takes any value and returns a NUL-terminated constant of the library.
        let text = unsafe { std::ffi::CStr::from_ptr(sys::otr_status_text(sys::otr_status(self.code()))) };
        f.write_str(&text.to_string_lossy())
    }
}

/// The action of an [`Error::Io`] for a path that cannot be opened: the caller named a wrong one.
pub(crate) const OPEN: &str = "open";

/// What failed about a file whose path was wrong, unless the disk is full.
const CREATE: &str = "create";

pub(crate) fn io_error(action: &'static str, path: Option<&Path>, source: io::Error) -> Error {
    Error::Io { action, path: path.map(Path::to_owned), source }
}

/// Turns the status of a call that gives no details into a result.
pub(crate) fn check(status: sys::otr_status) -> Result<(), Error> {
    if status == sys::otr_status::OTR_OK {
        return Ok(());
    }
    let status = Status::from_raw(status);
    Err(Error::Core { status, place: Place::default(), message: status.to_string() })
}

/// Refuses a length before C sees it.
pub(crate) fn check_length(what: &'static str, expected: usize, found: usize) -> Result<(), Error> {
    if expected == found {
        return Ok(());
    }
    Err(Error::Length { what, expected: expected as u64, found: found as u64 })
}

/// Refuses a packed row with more set bits than it has: its bits are in another order. A length of its own is for the
/// caller to check. `shot` is the number of the row, from 1, where it is one of several.
pub(crate) fn check_padding(bits: usize, row: &[u8], shot: Option<u64>) -> Result<(), Error> {
    let (Some(&last), used @ 1..) = (row.last(), bits % 8) else { return Ok(()) };
    if last >> used == 0 {
        return Ok(());
    }
    let message = format!(
        "bits past the row's {bits} are set in its last byte, {last:#04X}: another bit order (np.packbits needs \
         bitorder='little'), or rows of another width"
    );
    Err(Error::Core { status: Status::Format, place: Place { shot, ..Place::default() }, message })
}

/// An argument that no call of C would express.
pub(crate) fn argument_error(message: &str) -> Error {
    Error::Core { status: Status::Argument, place: Place::default(), message: message.to_owned() }
}

/// What the `line` of an `otr_error` counts.
#[derive(Clone, Copy)]
pub(crate) enum LineMeaning {
    Line,
    Shot,
}

/// Room for the details of one call.
pub(crate) struct Details(sys::otr_error);

impl Details {
    pub(crate) fn new() -> Self {
        Self(sys::otr_error {
            status: sys::otr_status::OTR_OK,
            column: 0,
            line: 0,
            message: [0; sys::OTR_ERROR_MESSAGE_BYTES as usize],
        })
    }

    pub(crate) fn as_mut_ptr(&mut self) -> *mut sys::otr_error {
        &mut self.0
    }

    /// Turns `status` into a result, with the details if C filled them in.
    pub(crate) fn check(&self, status: sys::otr_status, lines: LineMeaning) -> Result<(), Error> {
        if self.0.status != status {
            return check(status);
        }
        if status == sys::otr_status::OTR_OK {
            return Ok(());
        }
        let number = (self.0.line != 0).then_some(self.0.line);
        let (line, shot) = match lines {
            LineMeaning::Line => (number, None),
            LineMeaning::Shot => (None, number),
        };
        let bytes: Vec<u8> = self.0.message.iter().map(|&c| c as u8).take_while(|&c| c != 0).collect();
        let column = (self.0.column != 0).then_some(self.0.column);
        Err(Error::Core {
            status: Status::from_raw(status),
            place: Place { path: None, line, column, shot },
            message: String::from_utf8_lossy(&bytes).into_owned(),
        })
    }
}
