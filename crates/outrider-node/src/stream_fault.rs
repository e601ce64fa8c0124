use std::fmt;

use outrider::Error;
use outrider_wire as wire;

/// Why a stream cannot go on.
#[derive(Debug)]
pub(crate) enum StreamFault {
    /// Marks of a cell, or at a place, that the history does not have.
    StrayMarks(u64),
    /// More marks of cells elsewhere than can be of use.
    TooManyMarks,
    /// A round that a cell needs was left out, or the plan does not serve a history that ends here.
    Book(Error),
    /// A cell could not be decided, or its commit not be sent.
    Decoding(u64, String),
}

impl StreamFault {
    /// What is sent to the client.
    pub(crate) fn code(&self) -> wire::Error {
        match self {
            Self::Decoding(..) => wire::Error::DecodingFailed,
            _ => wire::Error::StreamRefused,
        }
    }
}

impl fmt::Display for StreamFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::StrayMarks(cell) => write!(f, "marks of cell {cell} that the history does not have"),
            Self::TooManyMarks => f.write_str("more marks of cells that are decided elsewhere than are kept"),
            Self::Book(error) => error.fmt(f),
            Self::Decoding(cell, why) => write!(f, "cell {cell}: {why}"),
        }
    }
}

impl From<Error> for StreamFault {
    fn from(error: Error) -> Self {
        Self::Book(error)
    }
}
