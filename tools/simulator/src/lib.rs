//! A controller, nodes, the network between them and everybody's clocks, in one process and one seeded world.
//!
//! The cores of controller and node are the real ones; they do no input or output, so everything around them can be made
//! up here, and go wrong in every way. A seed decides all that happens: who there is, which faults strike when, how
//! long each byte takes. [`run`] plays it to its end and returns whether every promise held; the README lists them.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod clock;
mod disk;
mod faults;
mod frames;
mod machine;
mod network;
mod operator;
mod random;
mod scenario;
mod scene;
mod stage;
mod tally;
mod trace;
mod verdict;
mod world;

pub use faults::{Fault, Sabotage};
pub use tally::Tally;
pub use world::{Outcome, RunOptions, command, run};
