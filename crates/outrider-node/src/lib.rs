//! A decoder node.
//!
//! [`Node`] is its core: sessions, streams and the books of the cells that it owns, without sockets, threads or clocks.
//! [`Server`] is one that listens at sockets and shared memory, with worker threads and metrics; [`DaemonArgs`] make a
//! program of it, with a configuration, a log and signals.
//! [`PatchArgs`] say which patches it decides cells of, and to a program which ones it streams.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod config;
mod daemon;
mod engine;
mod guests;
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
mod server;
mod session;
mod stream_fault;
mod window_args;

pub use daemon::{DaemonArgs, Failure};
pub use journal::{NodeCounters, NodeEvent};
pub use node::{ConnectionId, Job, JobId, Node, NodeOptions, Refusal};
pub use outrider::Times;
pub use patch_args::{LoadedPatch, PatchArgs, PatchError, decoder_label, flat_model, one_line};
pub use server::{Admission, Ending, Server, ServerError, ServerHandle, ServerOptions};
pub use window_args::{WindowArgs, Windowing};
