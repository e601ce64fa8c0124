//! What carries the protocol between a controller and a decoder node.
//!
//! An [`Address`] says where a node listens, a [`Connection`] is the line to it, the same to either end whatever it runs
//! over: it is read and written without blocking, by the one thread that owns it. [`TlsFiles`] say who both ends are
//! where the line leaves the host.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod address;
mod connection;
mod outgoing;
mod ring_line;
mod tls;

pub use address::Address;
pub use connection::Connection;
pub use outgoing::{Outgoing, Sent};
pub use tls::TlsFiles;
