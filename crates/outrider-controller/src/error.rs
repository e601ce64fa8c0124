//! Why something was refused. Nothing has changed then.

use std::io;

use outrider_wire as wire;
use outrider_wire::{CellId, Digest};

use crate::ids::{NODES_MAX, PatchId};

/// Why a [`Controller`](crate::Controller) cannot be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OptionsError {
    /// No nodes, or more than a controller can have.
    #[error("a controller has 1 to {NODES_MAX} nodes, not {0}")]
    NodeCount(usize),
    /// Frames of no rounds.
    #[error("a frame has at least one round")]
    BatchRounds,
    /// The options of the sessions are out of their ranges.
    #[error("sessions with the nodes: {0}")]
    Session(#[source] wire::Error),
}

/// Why a patch cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The widths of its layers do not repeat soon enough.
    #[error("the widths of the layers repeat after {layers} layers; nodes take at most {max}")]
    Cycle {
        /// After how many layers they repeat.
        layers: usize,
        /// The most that may be.
        max: usize,
    },
    /// The pattern of its ranks has too many cells.
    #[error("the pattern of ranks repeats after {cells} cells; nodes take at most {max}")]
    Stretch {
        /// After how many cells it repeats.
        cells: u64,
        /// The most that may be.
        max: u64,
    },
    /// Its noise is learned, and another history of it has not ended.
    #[error("a history of this patch has not ended: noise is learned from one after the other")]
    Learning,
    /// There is no book for its cells: its plan needs too many layers at a time, or memory is out.
    #[error("{0}")]
    Cells(#[source] outrider::Error),
}

/// Why a round was not taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PushError {
    /// There is no room until cells are committed: the nodes do not keep up, or there are none.
    #[error("no room for another round until cells are committed")]
    Full,
    /// Records of the journal wait to be taken.
    #[error("no room for another round until the journal is taken")]
    JournalFull,
    /// The last round has been.
    #[error("the last round has been")]
    Ended,
    /// The patch is not open.
    #[error("the patch is not open")]
    UnknownPatch,
    /// The round does not have as many detectors as it must.
    #[error("a round of {found} detectors where {expected} are expected")]
    Width {
        /// What it must have.
        expected: u32,
        /// What it has.
        found: u32,
    },
    /// The plan does not serve a history that ends here.
    #[error("{0}")]
    Plan(#[source] outrider::Error),
}

/// Why a record of a journal cannot be [restored](crate::Controller::restore).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RestoreError {
    /// A history of none of the patches.
    #[error("a history of another patch: model {model}, plan {plan}")]
    UnknownPatch {
        /// The digest of its error model.
        model: Digest,
        /// The digest of everything else that answers depend on.
        plan: Digest,
    },
    /// A history that is not open, or a number that was used before.
    #[error("history {} is not open, or was opened before", .0.0)]
    UnknownHistory(PatchId),
    /// The history cannot be opened.
    #[error("{0}")]
    Open(#[source] OpenError),
    /// The round does not fit.
    #[error("{0}")]
    Round(#[source] PushError),
    /// The commit cannot be.
    #[error("a commit of cell {0} that cannot be")]
    Commit(CellId),
}

/// Why a [`Cluster`](crate::Cluster) cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClusterError {
    /// An option is out of its range, or there are no nodes or too many.
    #[error(transparent)]
    Options(#[from] OptionsError),
    /// A certificate or key is missing or malformed.
    #[error("{0}")]
    Tls(io::Error),
    /// The system has no file descriptor left.
    #[error("no descriptor to wait by: {0}")]
    Descriptor(io::Error),
}
