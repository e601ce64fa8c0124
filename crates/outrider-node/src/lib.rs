//! A decoder node.
//!
//! [`Node`] is its core: sessions, streams and the books of the cells that it owns, without sockets, threads or clocks.
//! [`Server`] is one that listens at sockets and shared memory, with worker threads and metrics; [`DaemonArgs`] make a
//! program of it, with a configuration, a log and signals.
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
mod owned_cells;
mod server;
mod session;

pub use daemon::{DaemonArgs, Failure};
pub use journal::{NodeCounters, NodeEvent};
pub use node::{ConnectionId, Job, JobId, Node, NodeOptions, Refusal};
pub use outrider::Times;
pub use server::{Admission, Ending, Server, ServerError, ServerHandle, ServerOptions};
