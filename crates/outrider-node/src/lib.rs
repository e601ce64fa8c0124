//! A decoder node.
//!
//! [`Node`] is its core: sessions, streams and the books of the cells that it owns, without sockets, threads or clocks.
//! [`PatchArgs`] say which patches it decides cells of, and to a program which ones it streams.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod journal;
mod node;
pub mod option_values;
mod owned_cells;
mod patch_args;
mod session;
mod window_args;

pub use journal::{NodeCounters, NodeEvent};
pub use node::{ConnectionId, Job, JobId, Node, NodeOptions, Refusal};
pub use outrider::Times;
pub use patch_args::{LoadedPatch, PatchArgs, PatchError, decoder_label, flat_model, one_line};
pub use window_args::{WindowArgs, Windowing};
