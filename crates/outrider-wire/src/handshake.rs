//! The beginning of a connection at the node, before it belongs to a session.
//!
//! It holds no more memory than a HELLO frame needs, so ten thousand idle connections cost little.

use crate::agreement::Agreement;
use crate::clock::{SteadyClock, Time};
use crate::error::Error;
use crate::fault::Fault;
use crate::frame::{Decoded, decode_frame, encode_frame};
use crate::greeting::Hello;
use crate::header::{FrameType, HANDSHAKE_VERSION, HEADER_BYTES, Header};
use crate::ids::SessionId;
use crate::options::Options;

/// A connection whose HELLO has yet to come.
#[derive(Debug)]
pub struct Handshake {
    bytes: [u8; Self::BYTES],
    length: usize,
    clock: SteadyClock,
    deadline: Time,
}

/// A HELLO that has come in.
#[derive(Debug, Clone, Copy)]
pub struct Greeted {
    session: SessionId,
    hello: Hello,
}

impl Handshake {
    const BYTES: usize = HEADER_BYTES + Hello::BYTES;

    /// A connection that has just been accepted.
    pub fn new(options: &Options, now: Time) -> Self {
        let clock = SteadyClock::new(now);
        let deadline = clock.after(options.handshake_ns);
        Self { bytes: [0; Self::BYTES], length: 0, clock, deadline }
    }

    /// Takes bytes up to the end of the HELLO frame, and returns their number and the frame once it is
    /// complete.
    ///
    /// On an error send [`refusal`], then drop the connection.
    pub fn receive(&mut self, bytes: &[u8], now: Time) -> Result<(usize, Option<Greeted>), Error> {
        self.clock.observe(now);
        let count = bytes.len().min(Self::BYTES - self.length);
        self.bytes[self.length..][..count].copy_from_slice(&bytes[..count]);
        self.length += count;
        match decode_frame(&self.bytes[..self.length], Hello::BYTES as u32)? {
            Decoded::Incomplete { .. } => Ok((count, None)),
            Decoded::BrokenPayload { .. } => Err(Error::BadPayloadChecksum),
            Decoded::Frame { header, payload } => {
                Greeted::new(&header, payload).map(|greeted| (count, Some(greeted)))
            }
        }
    }

    /// When the connection is to be dropped with [`Error::HandshakeTimeout`], by the clock of the caller.
    pub fn deadline(&self) -> Time {
        self.clock.caller_time(self.deadline)
    }

    /// Whether that time has come.
    pub fn has_expired(&mut self, now: Time) -> bool {
        self.clock.observe(now) >= self.deadline
    }
}

impl Greeted {
    fn new(header: &Header, payload: &[u8]) -> Result<Self, Error> {
        if header.frame_type != FrameType::Hello || header.version != HANDSHAKE_VERSION {
            return Err(Error::HandshakeMisplaced);
        }
        let hello = Hello::decode(payload)?;
        if hello.token.is_none() != (header.session.0 == 0) {
            return Err(Error::BadParameters);
        }
        Ok(Self { session: header.session, hello })
    }

    /// The session to be resumed; zero for a new one.
    pub fn session(&self) -> SessionId {
        self.session
    }

    /// What the client sent.
    pub fn hello(&self) -> &Hello {
        &self.hello
    }

    /// What both sides can agree on, or what they cannot.
    pub(crate) fn agree(&self, options: &Options, session: SessionId) -> Result<Agreement, Fault<'static>> {
        let hello = &self.hello;
        let mismatch = || Fault::of_versions(options.versions, hello.versions);
        let version = options.versions.common(&hello.versions).ok_or_else(mismatch)?;
        if options.features_required & !hello.features != 0 {
            return Err(Fault::of_features(options.features_required, hello.features));
        }
        if hello.features_required & !options.features != 0 {
            return Err(Fault::of_features(options.features, hello.features_required));
        }
        Ok(Agreement {
            session,
            version,
            features: options.features & hello.features,
            heartbeat_ns: options.heartbeat_ns.max(hello.heartbeat_ns),
            payload_bytes_max: hello.payload_bytes_max,
            streams_max: options.streams_max,
        })
    }
}

/// The REFUSE frame for a connection whose handshake failed.
pub fn refusal(fault: &Fault<'_>, now: Time) -> Vec<u8> {
    encode_frame(Header { send_time: now, ..Header::new(FrameType::Refuse) }, fault)
}
