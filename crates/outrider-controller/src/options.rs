use outrider_wire as wire;

/// How a [`Controller`](crate::Controller) deals with its nodes.
#[derive(Debug, Clone)]
pub struct ControllerOptions {
    /// The options of every session.
    pub wire: wire::Options,
    /// Most rounds in a frame, of at most 64. A round that completes a window is sent at once.
    pub batch_rounds: u32,
    /// How long a node without a connection keeps its cells.
    pub grace_ns: u64,
    /// How long a node may not decide a cell that everything waits for.
    pub stall_ns: u64,
    /// The least time between two attempts to connect. One that is lost after longer is tried again at once.
    pub redial_ns: u64,
    /// The pause before a node that was fenced may come back; it doubles each time, until the node decides a cell.
    pub rejoin_ns: u64,
    /// A commit later than this after the last round of its window is counted as late.
    pub deadline_ns: Option<u64>,
}

impl Default for ControllerOptions {
    fn default() -> Self {
        Self {
            wire: wire::Options::default(),
            batch_rounds: 32,
            grace_ns: 20_000_000,
            stall_ns: 1_000_000_000,
            redial_ns: 5_000_000,
            rejoin_ns: 100_000_000,
            deadline_ns: None,
        }
    }
}
