//! Why options make no patch.

use std::path::Path;
use std::{error, fmt};

use outrider::Error;

/// Why options make no patch.
#[derive(Debug)]
#[non_exhaustive]
pub enum PatchError {
    /// An option, which is named, is missing, out of range, or does not fit the others.
    Option(String),
    /// What the library found, in a file that is named if it is one.
    Core(Error),
}

impl PatchError {
    /// Names the file that the library's error is about, if it has none yet.
    #[must_use]
    pub fn with_path(self, path: &Path) -> Self {
        match self {
            Self::Core(error) => Self::Core(error.with_path(path)),
            Self::Option(_) => self,
        }
    }

    /// Whether the options or the files are at fault, rather than the machine.
    pub fn is_bad_input(&self) -> bool {
        match self {
            Self::Option(_) => true,
            Self::Core(error) => error.is_bad_input(),
        }
    }
}

impl From<Error> for PatchError {
    fn from(error: Error) -> Self {
        Self::Core(error)
    }
}

impl fmt::Display for PatchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Option(message) => f.write_str(message),
            Self::Core(error) => error.fmt(f),
        }
    }
}

impl error::Error for PatchError {}
