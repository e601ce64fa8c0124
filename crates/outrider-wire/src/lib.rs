//! The protocol between a controller and its decoder nodes, without input or output.
//!
//! A [`ClientSession`] and a [`ServerSession`] take bytes, times and calls, and give bytes, events and the
//! time of their next timer. There are no sockets, threads or clocks in this crate, so the same code runs in an
//! event loop, in a spinning thread and in a simulator. `PROTOCOL.md` beside this crate is normative.
//!
//! A client connects; a [`Handshake`] at the node reads its first frame; the session is then accepted or resumed:
//!
//! ```
//! use outrider_wire::{ClientEvent, ClientSession, Handshake, Options, ServerSession, SessionId, Time, Token};
//!
//! let (options, now) = (Options::default(), Time(0));
//! let mut client = ClientSession::new(&options, now)?;
//! let mut bytes = vec![0; outrider_wire::limits::FRAME_BYTES_MAX];
//!
//! client.connect(now)?;
//! let count = client.transmit(&mut bytes, now);
//! let (_, greeted) = Handshake::new(&options, now).receive(&bytes[..count], now)?;
//! let greeted = greeted.expect("a whole HELLO frame");
//! let mut server = ServerSession::accept(&options, &greeted, SessionId(1), Token([7; 16]), now).unwrap();
//!
//! let count = server.transmit(&mut bytes, now);
//! client.receive(&bytes[..count], now);
//! assert_eq!(client.poll_event(), Some(ClientEvent::Established { resumed: false }));
//! # Ok::<(), outrider_wire::Error>(())
//! ```
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod agreement;
mod bytes;
mod client;
mod clock;
mod codes;
mod commits;
mod control;
mod counters;
mod error;
mod fault;
mod flow;
mod frame;
mod greeting;
mod handshake;
mod header;
mod ids;
mod input;
pub mod limits;
mod link;
mod list;
mod options;
mod outbox;
mod rounds;
mod server;
mod session;
mod streams;
mod table;
mod weights;

pub use agreement::Agreement;
pub use client::{ClientEvent, ClientSession, ClientSide, RoundsBatch};
pub use clock::{SteadyClock, Time};
pub use commits::{Commit, Hops, Mark, Marks};
pub use control::{Ack, Beat, Nak};
pub use counters::Counters;
pub use error::{Error, Scope};
pub use fault::Fault;
pub use frame::{Decoded, Payload, decode_frame, encode_frame, write_frame};
pub use greeting::{Hello, Versions, Welcome};
pub use handshake::{Greeted, Handshake, refusal};
pub use header::{
    FLAG_LAST, FLAG_LATE, FLAG_SKIP, FLAGS_CRITICAL, FrameType, HANDSHAKE_VERSION, HEADER_BYTES, Header,
    MAGIC,
};
pub use ids::{CellId, Digest, Epoch, Round, Sequence, SessionId, StreamId, Token};
pub use list::{Item, List};
pub use options::Options;
pub use rounds::{Layer, Rounds};
pub use server::{ServerEvent, ServerSession, ServerSide};
pub use session::Session;
pub use streams::{Assign, CellRange, Closed, Credit, Open, Widths};
pub use weights::Weights;
