//! Why options make no patch.

use std::path::Path;

use outrider::Error;

/// Why options make no patch.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PatchError {
    /// An option, which is named, is missing, out of range, or does not fit the others.
    #[error("{0}")]
    Option(String),
    /// What the library found, in a file that is named if it is one.
    #[error(transparent)]
    Core(#[from] Error),
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
