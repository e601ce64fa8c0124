//! Bytes of a connection, cut into frames.

use outrider_wire::HEADER_BYTES;

/// Where a header says how long its payload is.
const PAYLOAD_BYTES_AT: usize = 28;

/// The frames that bytes are made of. What is no frame is left whole.
pub(crate) fn frames(mut bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let length =
            bytes.get(PAYLOAD_BYTES_AT..)?.first_chunk().map(|&length| u32::from_le_bytes(length))?;
        let frame = (HEADER_BYTES + length as usize).min(bytes.len());
        bytes.split_off(..frame)
    })
}
