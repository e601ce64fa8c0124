//! What a controller reports to its caller.

use std::fmt;

use outrider_wire as wire;
use outrider_wire::{CellId, Hops, Time};

use crate::ids::{NodeId, PatchId};

/// Something that happened. Progress is no event: ask for the state of a patch.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A node has taken a patch, and gets cells of it from now on.
    Joined {
        /// The node.
        node: NodeId,
        /// The patch.
        patch: PatchId,
    },
    /// The connection to a node is lost. It keeps its cells for a little, in case it comes back.
    ConnectionLost {
        /// The node.
        node: NodeId,
        /// Why.
        error: wire::Error,
    },
    /// A node has lost its cells to the others.
    Fenced {
        /// The node.
        node: NodeId,
        /// Why.
        why: Leave,
    },
    /// The cells of a patch were dealt out anew, and the rounds of those that are open sent again.
    Reassigned {
        /// The patch.
        patch: PatchId,
        /// From now on answers count under this number.
        epoch: u32,
        /// How many nodes share the cells.
        members: usize,
    },
    /// A node has no room for rounds: more come in than it decides.
    OutOfCredit {
        /// The node.
        node: NodeId,
        /// The patch.
        patch: PatchId,
    },
    /// A node does not take a patch.
    Refused {
        /// The node.
        node: NodeId,
        /// The patch.
        patch: PatchId,
        /// Why, as the node puts it.
        why: String,
    },
    /// A node has as many streams as it takes: the patch is offered to it again when one of them has ended. There is one such event.
    StreamsFull {
        /// The node.
        node: NodeId,
        /// The patch.
        patch: PatchId,
    },
    /// Two nodes have given different answers for the same cell, which must never happen: one of them is broken.
    Disagreement {
        /// The patch.
        patch: PatchId,
        /// The cell.
        cell: CellId,
        /// The node whose answer came second; the first one stands.
        node: NodeId,
    },
}

/// Why a node has lost its cells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Leave {
    /// Its connection was gone for too long.
    Unreachable(wire::Error),
    /// It is connected, but has not decided a cell for too long.
    Stalled,
    /// It shuts down.
    ShuttingDown,
    /// The session has ended by an error.
    SessionEnded(wire::Error),
    /// It has refused or ended the session, with the code of this error and this text, which may be empty.
    Rejected(u32, String),
    /// It has answered for a cell that it does not own, too early, or with marks far from its window.
    Stray(CellId),
}

impl fmt::Display for Leave {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable(error) => write!(f, "unreachable: {error}"),
            Self::Stalled => f.write_str("stalled"),
            Self::ShuttingDown => f.write_str("shuts down"),
            Self::SessionEnded(error) => write!(f, "session ended: {error}"),
            Self::Rejected(code, text) => {
                let fault = wire::Fault { code: *code, expected: [0; 32], found: [0; 32], text };
                write!(f, "rejected: {fault}")
            }
            Self::Stray(cell) => write!(f, "gave an answer for cell {cell} that cannot be"),
        }
    }
}

/// A cell that was decided, for measuring. The clock of the controller is its caller's until that goes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CellCommit {
    /// The patch.
    pub patch: PatchId,
    /// The cell.
    pub cell: CellId,
    /// The node that decided it.
    pub node: NodeId,
    /// When the last round of its window was pushed, by the clock of the controller.
    pub pushed: Time,
    /// When its commit came in, by the clock of the controller.
    pub merged: Time,
    /// Its times on the node, by the clock of the node.
    pub hops: Hops,
}
