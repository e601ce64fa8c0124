//! The core of a decoder node: sessions, streams, and the books of the cells that it owns.
//!
//! [`Node`] has no sockets, threads or clock. It takes bytes, times and finished jobs, and gives bytes, jobs and the time
//! at which it wants to be called again. The daemon, the simulator and the fuzz targets drive it.
//!
//! A client that connects, in memory (`outrider-controller` shows how cells are decided):
//!
//! ```
//! use std::sync::Arc;
//!
//! use outrider::{Patch, PatchOptions, PlanOptions, SurfaceCode};
//! use outrider_node::{Node, NodeOptions, Peer};
//! use outrider_wire::limits::FRAME_BYTES_MAX;
//! use outrider_wire::{ClientEvent, ClientSession, Options, Time};
//!
//! let model = SurfaceCode::memory(3, 20).build()?.model()?;
//! let patch = Arc::new(Patch::new(&model, &PatchOptions::new(PlanOptions::parallel(3)))?);
//! let (now, mut bytes) = (Time(0), vec![0; FRAME_BYTES_MAX]);
//!
//! let mut node = Node::new(vec![patch], NodeOptions::default(), || [7; 16]);
//! let connection = node.connect(Peer::User(1000), now).expect("a new node has room");
//! let mut client = ClientSession::new(&Options::default(), now)?;
//! client.connect(now)?;
//!
//! let count = client.transmit(&mut bytes, now);
//! node.receive(connection, &bytes[..count], now);
//! let count = node.transmit(connection, &mut bytes, now);
//! client.receive(&bytes[..count], now);
//! assert_eq!(client.poll_event(), Some(ClientEvent::Established { resumed: false }));
//! assert_eq!(node.session_count(), 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod journal;
mod node;
mod node_ids;
mod owned_cells;
mod peer;
mod received_weights;
mod session;
mod stream_fault;

pub use journal::{NodeCounters, NodeEvent};
pub use node::{Job, Node, NodeOptions, Refusal};
pub use node_ids::{ConnectionId, JobId};
pub use outrider::Times;
pub use peer::Peer;
