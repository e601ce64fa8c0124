//! Frames one after the other: whatever is understood is written again as the same bytes.

use outrider_wire::limits::{FRAME_BYTES_MAX, PAYLOAD_BYTES_MAX};
use outrider_wire::{
    Ack, Assign, Beat, Closed, Commit, Credit, Decoded, Error, Fault, FrameType, HEADER_BYTES, Header, Hello,
    Layer, MAGIC, Marks, Nak, Open, Payload, Rounds, Weights, Welcome, decode_frame, encode_frame,
};

/// The bytes as they are, and with checksums put right so that what is behind those is reached too.
pub(crate) fn run(data: &[u8]) {
    decode_all(data);
    decode_all(&resealed(data));
}

fn decode_all(mut data: &[u8]) {
    while let Ok(decoded) = decode_frame(data, PAYLOAD_BYTES_MAX) {
        let header = match decoded {
            Decoded::Incomplete { bytes_needed } => {
                assert!(data.len() < bytes_needed && bytes_needed <= FRAME_BYTES_MAX);
                return;
            }
            Decoded::BrokenPayload { header } => header,
            Decoded::Frame { header, payload } => {
                payload_again(header.frame_type, payload);
                header_again(header, payload);
                header
            }
        };
        data = &data[header.frame_bytes()..];
    }
}

/// Every frame with its magic, its checksums, and a length that does not pass the end.
pub(crate) fn resealed(data: &[u8]) -> Vec<u8> {
    let mut bytes = data.to_vec();
    let mut rest = &mut bytes[..];
    while let Some((head, behind)) = rest.split_first_chunk_mut::<HEADER_BYTES>() {
        let length = u32::from_le_bytes([head[28], head[29], head[30], head[31]]) as usize;
        let (payload, behind) = behind.split_at_mut(length.min(behind.len()));
        head[..4].copy_from_slice(&MAGIC.to_le_bytes());
        head[28..32].copy_from_slice(&(payload.len() as u32).to_le_bytes());
        head[56..60].copy_from_slice(&crc32c::crc32c(payload).to_le_bytes());
        let checksum = crc32c::crc32c(&head[..60]);
        head[60..].copy_from_slice(&checksum.to_le_bytes());
        rest = behind;
    }
    bytes
}

/// Unknown flags that may be ignored are not kept, so the frame is compared as it is understood.
fn header_again(header: Header, payload: &[u8]) {
    let written = encode_frame(header, payload);
    let again = Decoded::Frame { header, payload };
    assert_eq!(decode_frame(&written, PAYLOAD_BYTES_MAX), Ok(again));
}

fn payload_again(frame_type: FrameType, payload: &[u8]) {
    match frame_type {
        FrameType::Hello => again(Hello::decode(payload), payload),
        FrameType::Welcome => again(Welcome::decode(payload), payload),
        FrameType::Refuse | FrameType::Error | FrameType::StreamError => {
            again(Fault::decode(payload), payload)
        }
        FrameType::Ack => again(Ack::decode(payload), payload),
        FrameType::Nak => again(Nak::decode(payload), payload),
        FrameType::Ping | FrameType::Pong => again(Beat::decode(payload), payload),
        FrameType::Open => again(Open::decode(payload), payload),
        FrameType::Assign => again(Assign::decode(payload), payload),
        FrameType::Marks => again(Marks::decode(payload), payload),
        FrameType::Weights => again(Weights::decode(payload), payload),
        FrameType::Opened | FrameType::Credit => again(Credit::decode(payload), payload),
        FrameType::Commit => again(Commit::decode(payload), payload),
        FrameType::Closed => again(Closed::decode(payload), payload),
        FrameType::Rounds => {
            let Ok(rounds) = Rounds::decode(payload) else { return };
            let layers: Vec<Layer<'_>> = rounds.layers().collect();
            assert_eq!(layers.len(), rounds.count());
            same(&layers[..], payload);
        }
        FrameType::Close => {}
    }
}

fn again<P: Payload>(decoded: Result<P, Error>, payload: &[u8]) {
    if let Ok(decoded) = decoded {
        same(&decoded, payload);
    }
}

fn same(decoded: &(impl Payload + ?Sized), payload: &[u8]) {
    let mut written = vec![0; decoded.payload_bytes()];
    decoded.write(&mut written);
    assert_eq!(written, payload);
}
