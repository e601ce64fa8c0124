//! Entry points for fuzzers: any bytes may be given. Each panics where a promise does not hold.

use crate::bytes::Reader;
use crate::client::ClientSession;
use crate::commits::{Commit, Defects};
use crate::control::{Ack, Beat, Nak};
use crate::error::Error;
use crate::fault::Fault;
use crate::frame::{Decoded, Payload, decode_frame, encode_frame};
use crate::greeting::{Hello, Welcome};
use crate::handshake::{Greeted, Handshake};
use crate::header::{FrameType, Header};
use crate::ids::{Digest, Epoch, SessionId, StreamId, Token};
use crate::limits::{FRAME_BYTES_MAX, PAYLOAD_BYTES_MAX};
use crate::options::Options;
use crate::rounds::{Layer, Rounds};
use crate::server::{ServerEvent, ServerSession};
use crate::streams::{Assign, Closed, Credit, Open, Widths};

const SESSION: SessionId = SessionId(0x5e55_1011);
const STREAM: StreamId = StreamId(1);

/// Frames one after the other: whatever is understood is written again as the same bytes.
pub fn frames(mut data: &[u8]) {
    while let Ok(decoded) = decode_frame(data, PAYLOAD_BYTES_MAX) {
        let header = match decoded {
            Decoded::Incomplete { bytes_needed } => {
                assert!(data.len() < bytes_needed && bytes_needed <= FRAME_BYTES_MAX);
                return;
            }
            Decoded::BrokenPayload { header } => header,
            Decoded::Frame { header, payload } => {
                payload_again(header.frame_type, payload);
                header
            }
        };
        data = &data[header.frame_bytes()..];
    }
}

/// A connection's first bytes, at a node and at a client that has said HELLO.
pub fn handshake(data: &[u8]) {
    let options = Options::default();
    let mut handshake = Handshake::new(&options, 0);
    let mut rest = data;
    while let Ok((count, None)) = handshake.receive(&rest[..rest.len().min(7)], 0) {
        if count == 0 {
            break;
        }
        rest = &rest[count..];
    }
    let mut out = vec![0; FRAME_BYTES_MAX];
    let Ok(mut client) = ClientSession::new(&options, 0) else { return };
    let _ = client.connect(0);
    client.transmit(&mut out, 0);
    feed_client(&mut client, data, &mut out);
}

/// An established session whose other side is hostile: its frames have good checksums and wrong everything
/// else.
///
/// The first byte says which side is attacked; then follow frames, each as eight bytes of header and a
/// payload.
pub fn session(data: &[u8]) {
    let mut out = vec![0; FRAME_BYTES_MAX];
    let Ok((mut client, mut server)) = established(&mut out) else { return };
    let Some((&side, mut rest)) = data.split_first() else { return };
    let mut sequence = 1;
    while let Some((frame, used)) = frame_of(rest, &mut sequence) {
        rest = &rest[used..];
        if side & 1 == 0 {
            feed_server(&mut server, &frame, &mut out);
        } else {
            feed_client(&mut client, &frame, &mut out);
        }
    }
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
        FrameType::Defects => again(Defects::decode(payload), payload),
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

/// A client and a server with one open stream.
fn established(out: &mut [u8]) -> Result<(ClientSession, ServerSession), Error> {
    let options = Options::default();
    let mut client = ClientSession::new(&options, 0)?;
    client.connect(0)?;
    let count = client.transmit(out, 0);
    let greeted: Option<Greeted> = Handshake::new(&options, 0).receive(&out[..count], 0)?.1;
    let greeted = greeted.ok_or(Error::HandshakeMisplaced)?;
    let accepted = ServerSession::accept(&options, &greeted, SESSION, Token([1; 16]), 0);
    let mut server = accepted.map_err(|_| Error::BadArgument)?;
    let open = Open {
        model: Digest([1; 32]),
        plan: Digest([2; 32]),
        observables: 1,
        widths: Widths { first: 4, cycle: vec![8], last: 4 },
    };
    let count = server.transmit(out, 0);
    let welcome = out[..count].to_vec();
    feed_client(&mut client, &welcome, out);
    client.open(STREAM, &open, 0)?;
    client.assign(STREAM, Epoch(1), 0, &Assign { cells: (&[][..]).into() }, 0)?;
    let count = client.transmit(out, 0);
    let opening = out[..count].to_vec();
    feed_server(&mut server, &opening, out);
    Ok((client, server))
}

/// A frame as the attacker wants it, and the bytes of his that it took.
fn frame_of(data: &[u8], sequence: &mut u64) -> Option<(Vec<u8>, usize)> {
    let mut reader = Reader::new(data);
    let [kind, flags, stream, epoch, step, round, length, version] = reader.array().ok()?;
    let payload = reader.bytes(length.into()).ok()?;
    let frame_type = FrameType::ALL[usize::from(kind) % FrameType::ALL.len()];
    let mut header = Header::new(frame_type);
    header.version = if version == 0 { 1 } else { version.into() };
    header.session = if version == 1 { SessionId(1) } else { SESSION };
    header.flags = flags.into();
    header.stream = StreamId(stream.into());
    header.epoch = Epoch(epoch.into());
    header.round = round.into();
    if frame_type.is_sequenced() {
        *sequence = sequence.saturating_add(u64::from(step % 16));
        header.sequence = *sequence;
    }
    Some((encode_frame(header, payload), 8 + payload.len()))
}

fn feed_server(server: &mut ServerSession, mut bytes: &[u8], out: &mut [u8]) {
    while !bytes.is_empty() {
        bytes = &bytes[server.receive(bytes, 1)..];
        let mut opened = None;
        while let Some(event) = server.poll_event() {
            if let ServerEvent::Open { stream, .. } = event {
                opened = Some(stream);
            }
        }
        if let Some(stream) = opened {
            let _ = server.accept_stream(stream, 100, 1);
        }
        server.on_timer(2);
        while server.transmit(out, 1) != 0 {}
    }
}

fn feed_client(client: &mut ClientSession, mut bytes: &[u8], out: &mut [u8]) {
    while !bytes.is_empty() {
        bytes = &bytes[client.receive(bytes, 1)..];
        while client.poll_event().is_some() {}
        client.on_timer(2);
        while client.transmit(out, 1) != 0 {}
    }
}
