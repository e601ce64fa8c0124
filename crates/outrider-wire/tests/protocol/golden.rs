//! Every type of frame, byte for byte: `golden.txt` says what each byte means.

use outrider_wire::{
    Ack, Assign, Beat, CellId, CellRange, Closed, Commit, Credit, Decoded, Digest, Epoch, Error, FLAG_LAST,
    FLAG_LATE, FLAG_SKIP, Fault, FrameType, HEADER_BYTES, Header, Hello, Hops, Layer, Mark, Marks, Nak, Open,
    Payload, Round, Rounds, Sequence, SessionId, StreamId, Time, Token, Versions, Weights, Welcome, Widths,
    decode_frame, encode_frame,
};

const TEXT: &str = include_str!("golden.txt");
const SESSION: SessionId = SessionId(0x0123_4567_89ab_cdef);

#[test]
fn every_frame_is_written_byte_for_byte() {
    let written = frames();
    let golden = golden();
    assert_eq!(
        written.iter().map(|(name, _)| *name).collect::<Vec<_>>(),
        golden.iter().map(|(name, _)| *name).collect::<Vec<_>>()
    );
    for ((name, written), (_, golden)) in written.iter().zip(&golden) {
        assert_eq!(hex(written), hex(golden), "{name}");
    }
}

#[test]
fn every_frame_is_read_back() {
    for (name, bytes) in golden() {
        let Ok(Decoded::Frame { header, payload }) = decode_frame(&bytes, 1024) else { panic!("{name}") };
        assert_eq!(encode_frame(header, payload), bytes, "{name}");
        check_payload(name, header.frame_type, payload);
    }
}

#[test]
fn every_prefix_is_incomplete_and_says_what_is_missing() {
    for (name, bytes) in golden() {
        for length in 0..bytes.len() {
            let expected = if length < HEADER_BYTES { HEADER_BYTES } else { bytes.len() };
            let decoded = decode_frame(&bytes[..length], 1024).expect(name);
            assert_eq!(decoded, Decoded::Incomplete { bytes_needed: expected }, "{name}: {length} bytes");
        }
    }
}

#[test]
fn every_single_bit_flip_is_noticed() {
    for (name, bytes) in golden() {
        for bit in 0..8 * bytes.len() {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let decoded = decode_frame(&flipped, 1024);
            let expected = match bit / 8 {
                0..4 => matches!(decoded, Err(Error::BadMagic)),
                4..HEADER_BYTES => matches!(decoded, Err(Error::BadHeaderChecksum)),
                _ => matches!(decoded, Ok(Decoded::BrokenPayload { .. })),
            };
            assert!(expected, "{name}: bit {bit} gives {decoded:?}");
        }
    }
}

/// Payloads of every other length are refused, not read beyond their end.
#[test]
fn payloads_that_are_too_short_or_too_long_are_malformed() {
    for (name, bytes) in golden() {
        let Ok(Decoded::Frame { header, payload }) = decode_frame(&bytes, 1024) else { panic!("{name}") };
        let longer = [payload, &[0]].concat();
        for payload in (0..payload.len()).map(|length| &payload[..length]).chain([&longer[..]]) {
            if let Some(result) = refusal(header.frame_type, payload) {
                assert_eq!(result, Error::MalformedPayload, "{name}: {} bytes", payload.len());
            }
        }
    }
}

fn refusal(frame_type: FrameType, payload: &[u8]) -> Option<Error> {
    match frame_type {
        FrameType::Hello => Hello::decode(payload).map(|_| ()),
        FrameType::Welcome => Welcome::decode(payload).map(|_| ()),
        FrameType::Refuse | FrameType::Error | FrameType::StreamError => Fault::decode(payload).map(|_| ()),
        FrameType::Ack => Ack::decode(payload).map(|_| ()),
        FrameType::Nak => Nak::decode(payload).map(|_| ()),
        FrameType::Ping | FrameType::Pong => Beat::decode(payload).map(|_| ()),
        FrameType::Open => Open::decode(payload).map(|_| ()),
        FrameType::Assign => Assign::decode(payload).map(|_| ()),
        FrameType::Rounds => Rounds::decode(payload).map(|_| ()),
        FrameType::Marks => Marks::decode(payload).map(|_| ()),
        FrameType::Weights => Weights::decode(payload).map(|_| ()),
        FrameType::Opened | FrameType::Credit => Credit::decode(payload).map(|_| ()),
        FrameType::Commit => Commit::decode(payload).map(|_| ()),
        FrameType::Closed => Closed::decode(payload).map(|_| ()),
        FrameType::Close => return None,
    }
    .map_or_else(Some, |()| panic!("accepted"))
}

fn check_payload(name: &str, frame_type: FrameType, payload: &[u8]) {
    match frame_type {
        FrameType::Hello => {
            let hello = Hello::decode(payload).expect(name);
            assert_eq!((hello.versions, hello.wanted), (Versions { min: 1, max: 3 }, Sequence(42)));
            assert!(hello.token.matches(&token()));
        }
        FrameType::Welcome => {
            let welcome = Welcome::decode(payload).expect(name);
            assert_eq!((welcome.version, welcome.streams_max, welcome.wanted), (1, 16, Sequence(7)));
        }
        FrameType::Rounds => {
            let rounds = Rounds::decode(payload).expect(name);
            assert!(rounds.layers().eq(layers()));
        }
        FrameType::Commit => assert_eq!(Commit::decode(payload).expect(name), commit()),
        FrameType::Weights => assert_eq!(Weights::decode(payload).expect(name), weights()),
        FrameType::Open => assert_eq!(Open::decode(payload).expect(name), open()),
        FrameType::Refuse => assert_eq!(Fault::decode(payload).expect(name).error(), Some(Error::WrongToken)),
        _ => {}
    }
}

/// The frames of `golden.txt`, in its order.
fn frames() -> Vec<(&'static str, Vec<u8>)> {
    let stream = StreamId(3);
    let session_frame = |frame_type| Header { version: 1, send_time: Time(1_000), ..header(frame_type) };
    let stream_frame = |frame_type, sequence| Header { stream, sequence, ..session_frame(frame_type) };
    let round_frame =
        |frame_type, sequence, round| Header { epoch: Epoch(2), round, ..stream_frame(frame_type, sequence) };
    let flags = |flags, header| Header { flags, ..header };
    let fault = Fault::of_digests(Error::ModelMismatch, &Digest([0x33; 32]), &Digest([0x44; 32]));
    let marks = [Mark { layer: 0, index: 5 }, Mark { layer: 1, index: 2 }];
    let ranges = [
        CellRange { first: CellId(10), count: CellRange::ENDLESS, stride: 2 },
        CellRange { first: CellId(3), count: 2, stride: 1 },
    ];
    let closed = Closed {
        code: Error::ShuttingDown.code().into(),
        open_count: 3,
        open_cells: (&[CellId(8)][..]).into(),
    };
    vec![
        ("HELLO", frame(header(FrameType::Hello), &hello())),
        ("WELCOME", frame(header(FrameType::Welcome), &welcome())),
        ("REFUSE", frame(header(FrameType::Refuse), &Fault::new(Error::WrongToken, "wrong token"))),
        ("ACK", frame(session_frame(FrameType::Ack), &Ack { wanted: Sequence(9) })),
        ("NAK", frame(session_frame(FrameType::Nak), &nak())),
        ("PING", frame(session_frame(FrameType::Ping), &beat())),
        ("PONG", frame(session_frame(FrameType::Pong), &beat())),
        ("ERROR", frame(session_frame(FrameType::Error), &Fault::from(Error::WrongWidth))),
        ("OPEN", frame(stream_frame(FrameType::Open, 1), &open())),
        (
            "ASSIGN",
            frame(round_frame(FrameType::Assign, 2, Round(20)), &Assign { cells: (&ranges[..]).into() }),
        ),
        (
            "ROUNDS",
            frame(flags(FLAG_LAST | FLAG_SKIP, round_frame(FrameType::Rounds, 3, Round(20))), &layers()[..]),
        ),
        (
            "MARKS",
            frame(
                round_frame(FrameType::Marks, 4, Round(24)),
                &Marks { cell: CellId(9), marks: (&marks[..]).into() },
            ),
        ),
        ("CLOSE", frame(stream_frame(FrameType::Close, 5), &[0u8; 0][..])),
        ("WEIGHTS", frame(Header { round: Round(24), ..stream_frame(FrameType::Weights, 6) }, &weights())),
        ("OPENED", frame(stream_frame(FrameType::Opened, 1), &Credit { rounds: 100 })),
        ("COMMIT", frame(flags(FLAG_LATE, round_frame(FrameType::Commit, 2, Round(24))), &commit())),
        ("CREDIT", frame(stream_frame(FrameType::Credit, 3), &Credit { rounds: 250 })),
        ("STREAM_ERROR", frame(stream_frame(FrameType::StreamError, 4), &fault)),
        ("CLOSED", frame(Header { sequence: 5, ..session_frame(FrameType::Closed) }, &closed)),
    ]
}

fn header(frame_type: FrameType) -> Header {
    Header { session: SESSION, ..Header::new(frame_type) }
}

fn frame(header: Header, payload: &(impl Payload + ?Sized)) -> Vec<u8> {
    encode_frame(header, payload)
}

fn token() -> Token {
    Token(std::array::from_fn(|index| 0xf0 + index as u8))
}

fn hello() -> Hello {
    Hello {
        versions: Versions { min: 1, max: 3 },
        features: 5,
        features_required: 1,
        token: token(),
        wanted: Sequence(42),
        heartbeat_ns: 10_000_000,
        payload_bytes_max: 16_384,
    }
}

fn welcome() -> Welcome {
    Welcome {
        version: 1,
        features: 1,
        token: token(),
        wanted: Sequence(7),
        heartbeat_ns: 20_000_000,
        payload_bytes_max: 65_536,
        streams_max: 16,
    }
}

fn nak() -> Nak {
    Nak { wanted: Sequence(9), code: Error::BadPayloadChecksum.code().into() }
}

fn beat() -> Beat {
    Beat { echo: 77, wanted: Sequence(9), next: Sequence(12) }
}

fn open() -> Open {
    Open {
        model: Digest([0x11; 32]),
        plan: Digest([0x22; 32]),
        observables: 1,
        widths: Widths { first: 4, cycle: vec![8], last: 4 },
    }
}

fn layers() -> [Layer<'static>; 3] {
    [
        Layer { bit_count: 8, bits: &[0b0010_0001] },
        Layer { bit_count: 0, bits: &[] },
        Layer { bit_count: 12, bits: &[0xff, 0x0f] },
    ]
}

fn commit() -> Commit<'static> {
    Commit {
        cell: CellId(9),
        hops: Hops { ingest: Time(10), dispatched: Time(20), decode_start: Time(30), decode_end: Time(40) },
        parity: (&[1][..]).into(),
        marks: (&[Mark { layer: 0, index: 5 }][..]).into(),
    }
}

fn weights() -> Weights<'static> {
    const FACTORS: [u64; 2] = [1.0f64.to_bits(), 2.5f64.to_bits()];
    Weights { version: 4, rounds: 1024, total: 5, first: 3, factors: (&FACTORS[..]).into() }
}

pub(crate) fn golden() -> Vec<(&'static str, Vec<u8>)> {
    let mut frames: Vec<(&str, Vec<u8>)> = Vec::new();
    for line in TEXT.lines() {
        let digits = line.split('#').next().unwrap_or_default().trim_end();
        if let Some(name) = line.strip_prefix("== ") {
            frames.push((name, Vec::new()));
        } else if let Some((_, bytes)) = frames.last_mut() {
            bytes.extend(digits.split_whitespace().map(|byte| u8::from_str_radix(byte, 16).expect("hex")));
        }
    }
    frames
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
