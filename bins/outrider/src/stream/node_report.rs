//! How a decoder node does, and what its loss has cost.

use outrider_controller::{Address, NodeStatus};
use serde::Serialize;

use crate::report::latency_histogram::Quantiles;

/// A node.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct NodeReport {
    pub(crate) address: String,
    /// How it stands: `up`, `down`, `fenced`, or `absent` if it was never there.
    pub(crate) state: &'static str,
    /// Cells that it was the first to decide.
    pub(crate) cells: u64,
    /// Times that it lost its cells.
    pub(crate) fences: u64,
    pub(crate) round_trip_us: Option<f64>,
    /// Connections after the first that a session began or went on over.
    pub(crate) reconnects: u64,
    /// Times that it requested frames again.
    pub(crate) resent_frames: u64,
    /// Times that its credit ran out.
    pub(crate) credit_stops: u64,
    /// Decoding of a cell, by its clock.
    pub(crate) decode_us: Quantiles,
}

/// The loss of a node, in microseconds since something came from it for the last time.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Failover {
    pub(crate) node: String,
    pub(crate) why: String,
    /// Until its cells were given to others.
    pub(crate) detection: f64,
    /// Until all that waited then was committed.
    pub(crate) total: f64,
}

impl NodeReport {
    pub(crate) fn new(address: &Address, status: &NodeStatus, decode_us: Quantiles) -> Self {
        Self {
            address: address.to_string(),
            state: status.state.name(),
            cells: status.cells,
            fences: status.fences,
            round_trip_us: status.round_trip_ns.map(|ns| ns as f64 / 1e3),
            reconnects: (status.sessions + status.counters.resumptions).saturating_sub(1),
            resent_frames: status.counters.repairs_made,
            credit_stops: status.starvations,
            decode_us,
        }
    }

    /// On a line.
    pub(crate) fn summary(&self) -> String {
        let Self { address, state, cells, decode_us: Quantiles { p50, p99, .. }, .. } = self;
        let round_trip = self.round_trip_us.map_or_else(String::new, |us| format!(", round trip {us:.0} us"));
        format!("{address}: {state}, {cells} cells, decode p50 {p50:.2}, p99 {p99:.2} us{round_trip}")
    }
}
