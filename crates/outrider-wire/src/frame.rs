//! A frame is a header and a payload, each with its CRC.

use crc_fast::crc32_iscsi;

use crate::error::Error;
use crate::header::{HEADER_BYTES, Header};

/// What the front of a stretch of bytes holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decoded<'a> {
    /// Not yet a frame.
    Incomplete {
        /// The bytes from the front that are needed to go on.
        bytes_needed: usize,
    },
    /// A frame.
    Frame {
        /// Its header.
        header: Header,
        /// Its payload, in place.
        payload: &'a [u8],
    },
    /// A frame whose payload is damaged; the next frame is found all the same.
    BrokenPayload {
        /// Its header, which is good.
        header: Header,
    },
}

/// Reads the frame at the front of `bytes`. An error means that nothing behind it can be decoded.
pub fn decode_frame(bytes: &[u8], payload_bytes_max: u32) -> Result<Decoded<'_>, Error> {
    let Some((header, rest)) = bytes.split_first_chunk() else {
        return Ok(Decoded::Incomplete { bytes_needed: HEADER_BYTES });
    };
    let header = Header::decode(header, payload_bytes_max)?;
    let Some(payload) = rest.get(..header.payload_bytes as usize) else {
        return Ok(Decoded::Incomplete { bytes_needed: header.frame_bytes() });
    };
    if crc32_iscsi(payload) != header.payload_crc32c {
        return Ok(Decoded::BrokenPayload { header });
    }
    Ok(Decoded::Frame { header, payload })
}

/// Writes a frame to the front of `out` and returns its length, or nothing if it does not fit.
///
/// The payload is no longer than [`PAYLOAD_BYTES_MAX`](crate::limits::PAYLOAD_BYTES_MAX).
pub fn write_frame(mut header: Header, payload: &(impl Payload + ?Sized), out: &mut [u8]) -> Option<usize> {
    let frame = out.get_mut(..HEADER_BYTES + payload.payload_bytes())?;
    payload.write(&mut frame[HEADER_BYTES..]);
    seal_frame(&mut header, frame);
    Some(frame.len())
}

/// Finishes a frame whose payload is in place behind room for the header: sets length and CRCs.
///
/// `frame` is as long as header and payload, and no longer than
/// [`FRAME_BYTES_MAX`](crate::limits::FRAME_BYTES_MAX).
pub(crate) fn seal_frame(header: &mut Header, frame: &mut [u8]) {
    let (head, payload) = frame.split_at_mut(HEADER_BYTES);
    header.payload_bytes = payload.len() as u32;
    header.payload_crc32c = crc32_iscsi(payload);
    head.copy_from_slice(&header.encode());
}

/// A whole frame in memory of its own, as tests and tools need it.
pub fn encode_frame(mut header: Header, payload: &(impl Payload + ?Sized)) -> Vec<u8> {
    let mut frame = vec![0; HEADER_BYTES + payload.payload_bytes()];
    payload.write(&mut frame[HEADER_BYTES..]);
    seal_frame(&mut header, &mut frame);
    frame
}

/// Something that a frame carries.
pub trait Payload {
    /// How many bytes [`Payload::write`] needs.
    fn payload_bytes(&self) -> usize;

    /// Writes the payload into exactly as many bytes as it needs.
    fn write(&self, payload: &mut [u8]);
}

/// Bytes as they are.
impl Payload for [u8] {
    fn payload_bytes(&self) -> usize {
        self.len()
    }

    fn write(&self, payload: &mut [u8]) {
        payload.copy_from_slice(self);
    }
}

impl Header {
    /// Bytes of header and payload.
    pub fn frame_bytes(&self) -> usize {
        HEADER_BYTES + self.payload_bytes as usize
    }
}
