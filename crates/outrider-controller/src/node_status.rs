//! How the nodes of a controller do.

use std::fmt;

use outrider_wire as wire;
use outrider_wire::Time;

/// How a node does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct NodeStatus {
    /// How it stands now.
    pub state: NodeState,
    /// Cells that it was the first to decide.
    pub cells: u64,
    /// Sessions that began with it. Those that went on over another connection are among the [`counters`](Self::counters).
    pub sessions: u64,
    /// How often it lost its cells.
    pub fences: u64,
    /// How often its credit ran out.
    pub starvations: u64,
    /// The last time from PING to PONG.
    pub round_trip_ns: Option<u64>,
    /// When something came from it last.
    pub heard: Option<Time>,
    /// What happened on all its sessions.
    pub counters: wire::Counters,
}

/// How a node stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum NodeState {
    /// There has been no session yet.
    #[default]
    Absent,
    /// It has a session.
    Up,
    /// Its connection is lost; it keeps its cells for a little.
    Down,
    /// It has lost its cells, and there is no session again yet.
    Fenced,
}

impl NodeState {
    /// Its name, a word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Up => "up",
            Self::Down => "down",
            Self::Fenced => "fenced",
        }
    }
}

impl fmt::Display for NodeState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
