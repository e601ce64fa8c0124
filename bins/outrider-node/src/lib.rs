//! The decoder node daemon as a library: for its program, for programs with a subcommand that is a node, and for those
//! that want a node inside.
//!
//! [`Server`] drives a [`Node`](outrider_node::Node): it listens at sockets and shared memory, with worker threads and
//! metrics. [`DaemonArgs`] make a program of it, with a configuration, a log and signals.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod buffered_connection;
mod config;
mod daemon;
mod event_loop;
mod failure;
mod http;
mod listener;
mod logging;
mod metrics;
mod node_pages;
mod node_snapshot;
mod server;
mod task_limit;

pub use daemon::DaemonArgs;
pub use event_loop::Ending;
pub use failure::Failure;
pub use listener::Admission;
pub use logging::DroppedLines;
pub use server::{Server, ServerError, ServerHandle, ServerOptions};
