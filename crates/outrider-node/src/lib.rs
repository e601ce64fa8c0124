//! A decoder node.
//!
//! [`Node`] is its core: sessions, streams and the books of the cells that it owns, without sockets, threads or clocks.
//! [`DaemonArgs`] run one over sockets and shared memory, with worker threads, a log and metrics.
//! [`PatchArgs`] say which patches it decides cells of, and to a program which ones it streams.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod config;
mod daemon;
mod engine;
mod http;
mod journal;
mod line;
mod listener;
mod logging;
mod metrics;
mod node;
pub mod option_values;
mod owned_cells;
mod patch_args;
mod session;
mod window_args;

pub use daemon::{DaemonArgs, Failure};
pub use journal::{NodeCounters, NodeEvent};
pub use node::{ConnectionId, Job, JobId, Node, NodeOptions, Refusal};
pub use outrider::Times;
pub use patch_args::{LoadedPatch, PatchArgs, PatchError, decoder_label, flat_model, one_line};
pub use window_args::{WindowArgs, Windowing};
