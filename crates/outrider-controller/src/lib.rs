//! Spreads the decoding of logical patches over decoder nodes, and joins their answers.
//!
//! [`Controller`] is the core: it takes rounds, bytes and times, and gives bytes, commits and events, without sockets,
//! threads or clock. [`Cluster`] drives one over sockets. What it answers does not depend on how many nodes there are, nor on which of them fail.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod assignment;
mod cluster;
mod controller;
mod error;
mod event;
mod history;
mod node_link;
mod node_status;

pub use cluster::{Cluster, ClusterOptions};
pub use controller::{Controller, ControllerCounters, ControllerOptions, NodeId, PatchId};
pub use error::{ClusterError, OpenError, OptionsError, PushError};
pub use event::{CellCommit, Event, Leave};
pub use history::PatchState;
pub use node_status::{NodeState, NodeStatus};
pub use outrider_transport::{Address, TlsFiles};
