//! What carries the protocol between a controller and a decoder node.
//!
//! An [`Address`] names the place where a node listens. A [`Connection`] is the same at either end, whatever it runs
//! over: it is read and written without blocking, by the one thread that owns it. [`TlsFiles`] name the certificates of
//! connections that leave the host.
//!
//! ```
//! use std::os::unix::net::UnixListener;
//!
//! use outrider_transport::{Address, Connection};
//!
//! let path = std::env::temp_dir().join(format!("outrider-example-{}.sock", std::process::id()));
//! let listener = UnixListener::bind(&path)?;
//! let address: Address = format!("unix:{}", path.display()).parse()?;
//! let mut controller = Connection::dial(&address, None)?;
//! let mut node = Connection::unix(listener.accept()?.0)?; // in the other process
//! std::fs::remove_file(path)?;
//!
//! let mut buffer = [0; 16];
//! assert_eq!(controller.write(b"frame")?, 5);
//! assert_eq!(node.read(&mut buffer)?, Some(5));
//! assert_eq!(node.read(&mut buffer)?, None); // nothing more now
//! drop(controller);
//! assert_eq!(node.read(&mut buffer)?, Some(0)); // the end
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
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
