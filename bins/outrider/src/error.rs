//! The one error type of the program: what to print on its one line of stderr, and with which exit code.

use std::fmt;
use std::io;
use std::path::Path;
use std::process::ExitCode;

use outrider_noded::Failure;
use outrider_options::PatchError;
use outrider_stdio::Closed;

/// Why a subcommand stopped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum Error {
    /// Options that do not fit together, or a value out of range.
    #[error("{0}")]
    Usage(String),
    /// Bad input, with its place: `FILE`, `FILE:LINE` or `FILE:LINE:COLUMN`.
    #[error("{place}: {message}")]
    Input {
        /// Where.
        place: String,
        /// What is wrong there.
        message: String,
    },
    /// The machine refused: a full disk, no memory, no thread.
    #[error("{place}: {message}")]
    Machine {
        /// The file or resource.
        place: String,
        /// What it answered.
        message: String,
    },
    /// What the library found, with its own place.
    #[error(transparent)]
    Core(outrider::Error),
    /// Why a decoder node did not come up, or did not end in order.
    #[error(transparent)]
    Node(#[from] Failure),
    /// The reader of the output has gone away: there is nobody to print an error for.
    #[error("the reader of the output has gone away")]
    ClosedPipe,
}

/// What every fallible function of the program returns.
pub(crate) type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// Bad input at a place.
    pub(crate) fn input(place: impl fmt::Display, message: impl fmt::Display) -> Self {
        Self::Input { place: place.to_string(), message: message.to_string() }
    }

    /// A failure of the machine at a place.
    pub(crate) fn machine(place: impl fmt::Display, message: impl fmt::Display) -> Self {
        Self::Machine { place: place.to_string(), message: message.to_string() }
    }

    /// What became of a file.
    pub(crate) fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        outrider::Error::Io { action, path: Some(path.to_owned()), source }.into()
    }

    /// Names the file that the library's error is about, if it has none yet.
    pub(crate) fn with_path(self, path: Option<&Path>) -> Self {
        match (self, path) {
            (Self::Core(error), Some(path)) => Self::Core(error.with_path(path)),
            (error, _) => error,
        }
    }

    /// 2 for what the user can mend in the command or its input, 1 for everything else.
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Usage(_) | Self::Input { .. } => ExitCode::from(2),
            Self::Core(error) if error.is_bad_input() => ExitCode::from(2),
            Self::Node(failure) => failure.exit_code(),
            Self::Core(_) | Self::Machine { .. } | Self::ClosedPipe => ExitCode::from(1),
        }
    }
}

impl From<outrider::Error> for Error {
    fn from(error: outrider::Error) -> Self {
        match error {
            outrider::Error::Io { source, .. } if source.kind() == io::ErrorKind::BrokenPipe => {
                Self::ClosedPipe
            }
            error => Self::Core(error),
        }
    }
}

impl From<PatchError> for Error {
    fn from(error: PatchError) -> Self {
        match error {
            PatchError::Core(error) => error.into(),
            error => Self::Usage(error.to_string()),
        }
    }
}

impl From<Closed> for Error {
    fn from(closed: Closed) -> Self {
        Self::Usage(closed.to_string())
    }
}
