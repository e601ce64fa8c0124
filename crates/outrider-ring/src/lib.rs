//! A ring of messages in memory shared by two processes of one host: one end sends, the other receives.
//!
//! A controller and a decoder node on the same host exchange frames through a pair of such rings, which takes
//! a fraction of a microsecond where a socket takes several. The memory is anonymous (`memfd_create`), its
//! size is sealed, and its descriptor travels over a Unix socket. Linux only.
//!
//! ```
//! use std::os::unix::net::UnixStream;
//! use std::time::Duration;
//!
//! use outrider_ring::{Duplex, Wait};
//!
//! let (here, there) = UnixStream::pair()?;
//! let mut controller = Duplex::create(&here, 1 << 16, Wait::Block)?;
//! let mut node = Duplex::accept(&there, Wait::Block)?; // in the other process
//!
//! controller.producer.push_parts(b"header", b"payload", Duration::from_secs(1))?;
//! assert_eq!(node.consumer.pop(Duration::from_secs(1))?, Some(&b"headerpayload"[..]));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Layout
//!
//! Integers are in the byte order of the host. What one end writes with every message has a cache line of its
//! own, and the lines of the two ends lie in different pairs of lines, since processors fetch lines in pairs.
//!
//! | Offset | Type | Field | Written by |
//! |---|---|---|---|
//! | 0 | `u64` | magic, the letters `otr-ring` | creator, once |
//! | 8 | `u32` | version of the layout, 1 | creator, once |
//! | 12 | `u32` | reserved, 0 | creator, once |
//! | 16 | `u64` | capacity in bytes, a power of two | creator, once |
//! | 128 | `u64` | words written so far | producer, after each message |
//! | 192 | `u32` | producer has closed: not 0 | producer |
//! | 196 | `u32` | producer asks to be woken: 1 | producer sets, consumer clears |
//! | 200 | `u32` | producer's end is taken: not 0 | producer |
//! | 256 | `u64` | words read so far | consumer, after each message |
//! | 320 | `u32` | consumer has closed: not 0 | consumer |
//! | 324 | `u32` | consumer asks to be woken: 1, or for the bell: 2 | consumer sets, producer clears |
//! | 328 | `u32` | consumer's end is taken: not 0 | consumer |
//! | 384 | words | the messages, modulo the capacity | producer |
//!
//! A message is a word of 8 bytes with its length in bytes, then its bytes, padded with zeros to a multiple
//! of 8. Messages go on at the start of the data when they reach its end, split at any word: they are copied
//! out anyway, so a marker that skips the rest would only waste room and be one more thing to check.
//!
//! # Trust
//!
//! The other process may write anything into the memory at any time. Whatever it does, this side stays within
//! the memory, finishes each call in bounded time, and either receives bytes, of which nothing is promised,
//! or gives a named [`Error`]. [`Error::Corrupt`] ends the ring. A process that the other end does not wake,
//! wakes without need or leaves waiting comes back after its timeout. One that asks for the bell without need
//! costs the producer's caller a ring of it for each message.
//!
//! # Closing and dying
//!
//! Dropping an end closes it, and wakes the other, unless that has asked for the bell: then the end of the
//! socket does. A process that is killed closes nothing: its death shows on the Unix socket over which the
//! descriptor came. So both sides keep that socket open and look at it when a wait has timed out.
#![cfg(target_os = "linux")]
#![deny(missing_docs)]

mod consumer;
mod descriptor;
mod duplex;
mod error;
mod layout;
#[cfg(test)]
mod loom_model;
mod mapping;
mod producer;
mod protocol;
mod ring;
mod shared;
mod waiting;

pub use consumer::Consumer;
pub use descriptor::{receive_descriptor, send_descriptor};
pub use duplex::Duplex;
pub use error::{Corruption, End, Error};
pub use layout::{CAPACITY_BYTES_MAX, CAPACITY_BYTES_MIN, HEADER_BYTES, MAGIC, VERSION};
pub use producer::Producer;
pub use ring::Ring;
pub use waiting::Wait;
