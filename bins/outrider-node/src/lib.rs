//! The decoder node daemon as a library: for its program, for programs with a subcommand that is a node, and for those
//! that want a node inside.
//!
//! [`Server`] drives a [`Node`](outrider_node::Node): it listens at sockets and shared memory, with worker threads and
//! metrics. [`DaemonArgs`] make a program of it, with a configuration, a log and signals.
//!
//! A node that listens at a free port of this host, and ends in order:
//!
//! ```
//! use std::sync::Arc;
//!
//! use outrider::{Patch, PatchOptions, PlanOptions, SurfaceCode};
//! use outrider_noded::{Server, ServerOptions};
//!
//! let model = SurfaceCode::memory(3, 20).build()?.model()?;
//! let patch = Arc::new(Patch::new(&model, &PatchOptions::new(PlanOptions::parallel(3)))?);
//! let options = ServerOptions { listen: vec!["tcp:127.0.0.1:0".parse()?], ..ServerOptions::default() };
//!
//! let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
//! let server = runtime.block_on(Server::start(vec![patch], &options))?;
//! println!("{}", server.addresses()[0]);
//! server.shut_down();
//! runtime.block_on(server.ended())?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod buffered_connection;
mod config;
mod daemon;
mod event_loop;
mod failure;
mod http;
mod listener;
mod log_limit;
mod logging;
mod metrics;
mod node_pages;
mod node_snapshot;
mod server;
mod share;
mod task_limit;

pub use daemon::DaemonArgs;
pub use event_loop::Ending;
pub use failure::Failure;
pub use listener::Admission;
pub use logging::DroppedLines;
pub use server::{Server, ServerError, ServerHandle, ServerOptions};
