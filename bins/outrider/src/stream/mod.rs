//! Histories in real time: sources of rounds, what decodes them, and what is measured.

pub(crate) mod driver;
pub(crate) mod figures;
pub(crate) mod journal_file;
pub(crate) mod live_view;
pub(crate) mod local_nodes;
pub(crate) mod node_report;
pub(crate) mod node_target;
pub(crate) mod rate_search;
pub(crate) mod reported_cells;
pub(crate) mod round_source;
pub(crate) mod run_report;
pub(crate) mod snapshot;
pub(crate) mod snapshot_file;
pub(crate) mod stalls;
pub(crate) mod target;
pub(crate) mod verify;
pub(crate) mod views;
