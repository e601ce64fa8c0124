//! The core of a decoder node: sessions, streams, and the books of the cells that it owns.
//!
//! [`Node`] has no sockets, threads or clock. It takes bytes, times and finished jobs, and gives bytes, jobs and the time
//! at which it wants to be called again. The daemon, the simulator and the fuzz targets drive it.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod journal;
mod node;
mod node_ids;
mod owned_cells;
mod session;
mod stream_fault;

pub use journal::{NodeCounters, NodeEvent};
pub use node::{Job, Node, NodeOptions, Refusal};
pub use node_ids::{ConnectionId, JobId};
pub use outrider::Times;
