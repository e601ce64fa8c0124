//! The 64-byte header, little-endian, encoded and decoded field by field.
//!
//! Its own CRC covers everything before it, so a damaged length is never used. Its layout, and the values
//! of HELLO, WELCOME and REFUSE, are the same in every version.

use crc_fast::crc32_iscsi;

use crate::bytes::{Reader, Writer};
use crate::clock::Time;
use crate::codes::coded;
use crate::error::Error;
use crate::ids::{Epoch, Round, SessionId, StreamId};

/// Bytes of a header.
pub const HEADER_BYTES: usize = 64;
/// "OTRW" read as four ASCII bytes.
pub const MAGIC: u32 = u32::from_le_bytes(*b"OTRW");
/// The version in the headers of HELLO, WELCOME and REFUSE, which do not change.
pub const HANDSHAKE_VERSION: u16 = 0;

/// The last layer of a ROUNDS frame is the last of the stream.
pub const FLAG_LAST: u32 = 1 << 0;
/// A ROUNDS frame begins later than the one before ended: the rounds between are not for this node.
pub const FLAG_SKIP: u32 = 1 << 1;
/// A COMMIT frame comes after its deadline.
pub const FLAG_LATE: u32 = 1 << 16;
/// The flags that a receiver must refuse where they are not defined; it ignores others.
pub const FLAGS_CRITICAL: u32 = 0x0000_ffff;

const CHECKED_BYTES: usize = HEADER_BYTES - 4;

coded! {
    /// The type of a frame. From 16 on frames are sequenced: 16 to 31 from the client, from 32 on from the
    /// server.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
    pub enum FrameType {
        /// Client: begin or resume a session.
        Hello = 1,
        /// Server: the session begins or goes on.
        Welcome = 2,
        /// Server: it does not.
        Refuse = 3,
        /// Sequenced frames below a number have arrived.
        Ack = 8,
        /// The same, and the next one has to be sent again, with all that follow.
        Nak = 9,
        /// Asks for a PONG.
        Ping = 10,
        /// Answers a PING.
        Pong = 11,
        /// The session has ended, and why.
        Error = 12,
        /// Client: begin a stream.
        Open = 16,
        /// Client: the cells of a stream that this node owns from here on.
        Assign = 17,
        /// Client: consecutive layers of detection events.
        Rounds = 18,
        /// Client: marks of a cell that was decided elsewhere.
        Marks = 19,
        /// Client: end a stream, or the session.
        Close = 20,
        /// Client: learned weights for cells of a stream.
        Weights = 21,
        /// Server: the stream has begun.
        Opened = 32,
        /// Server: a cell is decided.
        Commit = 33,
        /// Server: more rounds may be sent.
        Credit = 34,
        /// Server: the stream has ended, and why.
        StreamError = 35,
        /// Server: the stream or session has ended, with the cells that are still open.
        Closed = 36,
    }
}

/// What stands in a frame before its payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// The version that both sides agreed on.
    pub version: u16,
    /// The type.
    pub frame_type: FrameType,
    /// The flags, see `FLAG_…`.
    pub flags: u32,
    /// The epoch of the stream, in ASSIGN, ROUNDS, MARKS and COMMIT; otherwise zero.
    pub epoch: Epoch,
    /// The session; zero in a HELLO that begins one.
    pub session: SessionId,
    /// The stream; zero in frames about the session.
    pub stream: StreamId,
    /// Bytes of the payload.
    pub payload_bytes: u32,
    /// The sequence number; zero in frames that are not sequenced.
    pub sequence: u64,
    /// The round, in ASSIGN, ROUNDS, MARKS, WEIGHTS and COMMIT; otherwise zero.
    pub round: Round,
    /// When the frame was first made, by the clock of its sender.
    pub send_time: Time,
    /// The CRC32C of the payload.
    pub payload_crc32c: u32,
}

impl FrameType {
    /// Whether frames of this type carry sequence numbers and are kept until acknowledged.
    pub fn is_sequenced(self) -> bool {
        self.code() >= Self::Open.code()
    }

    /// Of a sequenced frame, who may send it.
    pub(crate) fn is_from_client(self) -> bool {
        self.code() < Self::Opened.code()
    }

    pub(crate) fn is_handshake(self) -> bool {
        matches!(self, Self::Hello | Self::Welcome | Self::Refuse)
    }

    fn flags_defined(self) -> u32 {
        match self {
            Self::Rounds => FLAG_LAST | FLAG_SKIP,
            Self::Commit => FLAG_LATE,
            _ => 0,
        }
    }

    fn has_epoch_and_round(self) -> bool {
        matches!(self, Self::Assign | Self::Rounds | Self::Marks | Self::Commit)
    }
}

impl Header {
    /// A header with that type and nothing else.
    pub fn new(frame_type: FrameType) -> Self {
        Self {
            version: HANDSHAKE_VERSION,
            frame_type,
            flags: 0,
            epoch: Epoch(0),
            session: SessionId(0),
            stream: StreamId(0),
            payload_bytes: 0,
            sequence: 0,
            round: Round(0),
            send_time: Time(0),
            payload_crc32c: 0,
        }
    }

    /// Whether a known flag is set.
    pub fn has(&self, flag: u32) -> bool {
        self.flags & flag != 0
    }

    /// The header as bytes, with its CRC.
    pub fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        let mut writer = Writer::new(&mut bytes);
        writer.u32(MAGIC);
        writer.u16(self.version);
        writer.u16(self.frame_type.code());
        writer.u32(self.flags);
        writer.u32(self.epoch.0);
        writer.u64(self.session.0);
        writer.u32(self.stream.0);
        writer.u32(self.payload_bytes);
        writer.u64(self.sequence);
        writer.u64(self.round.0);
        writer.u64(self.send_time.0);
        writer.u32(self.payload_crc32c);
        let checksum = crc32_iscsi(&bytes[..CHECKED_BYTES]);
        bytes[CHECKED_BYTES..].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    /// Reads a header, and refuses one that is damaged, unknown, or whose payload is longer than
    /// `payload_bytes_max`.
    ///
    /// Whether version, session and sequence fit the connection is checked by the session.
    pub fn decode(bytes: &[u8; HEADER_BYTES], payload_bytes_max: u32) -> Result<Self, Error> {
        let mut reader = Reader::new(bytes);
        if reader.u32()? != MAGIC {
            return Err(Error::BadMagic);
        }
        let (version, type_code) = (reader.u16()?, reader.u16()?);
        let (flags, epoch) = (reader.u32()?, Epoch(reader.u32()?));
        let (session, stream) = (SessionId(reader.u64()?), StreamId(reader.u32()?));
        let payload_bytes = reader.u32()?;
        let (sequence, round, send_time) = (reader.u64()?, Round(reader.u64()?), Time(reader.u64()?));
        let payload_crc32c = reader.u32()?;
        if reader.u32()? != crc32_iscsi(&bytes[..CHECKED_BYTES]) {
            return Err(Error::BadHeaderChecksum);
        }
        let frame_type = FrameType::from_code(type_code.into()).ok_or(Error::UnknownType)?;
        if flags & FLAGS_CRITICAL & !frame_type.flags_defined() != 0 {
            return Err(Error::UnknownFlag);
        }
        if payload_bytes > payload_bytes_max {
            return Err(Error::PayloadTooLarge);
        }
        let header = Self {
            version,
            frame_type,
            flags: flags & frame_type.flags_defined(),
            epoch,
            session,
            stream,
            payload_bytes,
            sequence,
            round,
            send_time,
            payload_crc32c,
        };
        if header.fields_fit() { Ok(header) } else { Err(Error::WrongField) }
    }

    /// Fields that a type does not use are zero, and those it needs are not.
    fn fields_fit(&self) -> bool {
        let frame_type = self.frame_type;
        let about_a_stream = match frame_type {
            FrameType::Close | FrameType::Closed => true,
            _ => (self.stream.0 != 0) == frame_type.is_sequenced(),
        };
        let placed = frame_type.has_epoch_and_round();
        about_a_stream
            && (self.sequence != 0) == frame_type.is_sequenced()
            && (self.epoch.0 != 0) == placed
            && (self.round.0 == 0 || placed || frame_type == FrameType::Weights)
    }
}
