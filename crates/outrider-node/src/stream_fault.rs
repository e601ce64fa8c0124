use outrider::Error;
use outrider_wire as wire;
use outrider_wire::CellId;

/// Why a stream cannot go on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StreamFault {
    /// Marks of a cell, or at a place, that the history does not have.
    #[error("marks of cell {0} that the history does not have")]
    StrayMarks(CellId),
    /// More marks of cells elsewhere than can be of use.
    #[error("more marks of cells that are decided elsewhere than are kept")]
    TooManyMarks,
    /// Learned weights that cannot be those of the stream.
    #[error("weights: {0}")]
    Weights(String),
    /// A round that a cell needs was left out, or the plan does not serve a history that ends here.
    #[error("{0}")]
    Book(#[from] Error),
    /// A cell could not be decided, or its commit not be sent.
    #[error("cell {0}: {1}")]
    Decoding(CellId, String),
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
