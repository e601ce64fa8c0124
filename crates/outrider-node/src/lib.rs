//! A decoder node.
//!
//! [`Node`] is its core: sessions, streams and the books of the cells that it owns, without sockets, threads or clocks.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod journal;
mod node;
mod owned_cells;
mod session;

pub use journal::{NodeCounters, NodeEvent};
pub use node::{ConnectionId, Job, JobId, Node, NodeOptions, Refusal};
pub use outrider::Times;
