//! Spreads the decoding of logical patches over decoder nodes, and joins their answers.
//!
//! [`Controller`] is the core: it takes rounds, bytes and times, and gives bytes, commits and events, without
//! sockets, threads or a clock. [`Cluster`] drives one over sockets. The answer does not depend on how many nodes
//! there are, nor on which of them fail.
//!
//! A controller and one node, in memory:
//!
//! ```
//! use std::sync::Arc;
//!
//! use outrider::{Circuit, CircuitFamily, Patch, PatchOptions, PlanOptions, SurfaceCode};
//! use outrider_controller::{Controller, ControllerOptions, NodeId};
//! use outrider_node::{Node, NodeOptions, Peer, Times};
//! use outrider_wire::Time;
//! use outrider_wire::limits::FRAME_BYTES_MAX;
//!
//! let circuit = Circuit::uniform(CircuitFamily::Stim, 0.001);
//! let model = SurfaceCode::memory(3, 40).circuit(circuit).build()?.model()?;
//! let patch = Arc::new(Patch::new(&model, &PatchOptions::new(PlanOptions::parallel(3)))?);
//! let (now, node) = (Time(0), NodeId(0));
//!
//! let mut controller = Controller::new(1, ControllerOptions::default(), now)?;
//! let history = controller.open(Arc::clone(&patch), now)?;
//! for round in 0..=20 {
//!     let width = patch.plan().layer_detectors(round, (round == 20).then_some(21));
//!     let quiet = vec![0; width.div_ceil(8) as usize];
//!     controller.push(history, &quiet, width, round == 20, now)?;
//! }
//!
//! let mut remote = Node::new(vec![Arc::clone(&patch)], NodeOptions::default(), || [7; 16]);
//! let connection = remote.connect(Peer::User(1000), now).expect("a new node has room");
//! controller.dialling(node);
//! controller.connected(node, now);
//! let mut bytes = vec![0; FRAME_BYTES_MAX];
//! while !controller.state(history).is_some_and(|state| state.is_finished) {
//!     let count = controller.transmit(node, &mut bytes, now);
//!     remote.receive(connection, &bytes[..count], now);
//!     while let Some(job) = remote.next_job(now) {
//!         let id = job.id;
//!         let mut decoder = patch.decoder(Arc::new(patch.plan().window(&job.cell)?))?;
//!         let commit = decoder.decode(job.events, job.marks, &[])?;
//!         remote.finish(id, Times::default(), Ok(commit), now);
//!     }
//!     let count = remote.transmit(connection, &mut bytes, now);
//!     controller.receive(node, &bytes[..count], now);
//! }
//! assert_eq!(controller.state(history).expect("it is open").observables, [0]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod assignment;
mod cluster;
mod controller;
mod error;
mod event;
mod history;
mod ids;
mod journal;
mod node_link;
mod node_status;
mod options;
mod stream_weights;

pub use cluster::{Cluster, ClusterOptions};
pub use controller::{Controller, ControllerCounters};
pub use error::{ClusterError, OpenError, OptionsError, PushError, RestoreError};
pub use event::{CellCommit, Event, Leave};
pub use history::PatchState;
pub use ids::{NodeId, PatchId};
pub use journal::{JournalError, JournalHeader, JournalMarks, JournalReader, JournalRecord};
pub use node_status::{NodeState, NodeStatus};
pub use options::ControllerOptions;
pub use outrider_transport::{Address, TlsFiles};
