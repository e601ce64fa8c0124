//! Clients that break the protocol, each in its way: a named error for them, a count in the metrics, and an honest
//! controller that streams all the while and must not feel anything.

use std::fs::File;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::thread;

use outrider_ring::{Duplex, HEADER_BYTES, Ring, Wait, send_descriptor};
use outrider_wire::limits::{ACKNOWLEDGE_FRAMES, RETAINED_FRAMES_MAX};
use outrider_wire::{
    Ack, Beat, CellId, Closed, Commit, Epoch, Error, FLAG_LAST, FLAG_SKIP, FrameType,
    HEADER_BYTES as FRAME_HEADER_BYTES, Header, Hello, Hops, List, Mark, Marks, Nak, Round, Sequence,
    SessionId, StreamId, Token, encode_frame,
};

use crate::support::{
    DEADLINE, History, Honest, NodeProcess, RawClient, address, fault, folder, open_of, patch,
};

/// Bytes of garbage: more than any frame at the beginning may have.
const GARBAGE_BYTES: usize = 100_000;
const RING_BYTES: u64 = 1 << 20;

fn node(folder: &Path, more: &str) -> NodeProcess {
    let listen = address("unix", folder, "socket");
    NodeProcess::start(folder, &format!("listen = ['{listen}']\n{more}"))
}

/// Bytes without sense, the same in every run.
fn garbage() -> Vec<u8> {
    let mut state = 1u64;
    let mut byte = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    (0..GARBAGE_BYTES).map(|_| byte()).collect()
}

fn layers() -> Vec<(Vec<u8>, u32)> {
    History::sample(1000, 1).layers
}

#[test]
fn garbage_on_sockets_is_refused() {
    let folder = folder();
    let listen = ["unix", "tcp"].map(|kind| address(kind, folder.path(), "socket"));
    let node = NodeProcess::start(folder.path(), &format!("listen = {listen:?}"));
    let honest = Honest::start(&node.address());
    for address in node.addresses() {
        for bytes in [
            &garbage()[..],
            &[0; GARBAGE_BYTES],
            b"GET / HTTP/1.1\r\nHost: node.example\r\nUser-Agent: curl/8.14.1\r\nAccept: */*\r\n\r\n",
        ] {
            let mut client = RawClient::connect(&address);
            // It may hang up before it has heard everything.
            let _ = client.try_write(bytes);
            let told = client.read_to_end();
            assert!(told.len() <= 1 && told.iter().all(|told| fault(told).error() == Some(Error::BadMagic)));
        }
    }
    node.wait_for_failure("connection_losses", "BadMagic", 6);
    node.wait_for_metric("open_connections", |count| count == 1.0);
    honest.finish();
}

#[test]
fn garbage_for_the_metrics_harms_nobody() {
    let folder = folder();
    let node = node(folder.path(), "");
    let honest = Honest::start(&node.address());
    for bytes in [&garbage()[..], b"\0\0\0\0", b"POST /metrics HTTP/1.1\r\nHost: a\r\n\r\n"] {
        let mut stream = TcpStream::connect(node.metrics_address()).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        let _ = stream.write_all(bytes);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        assert!(!answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
    }
    assert_eq!(node.get("/healthz").0, 200);
    assert_eq!(node.get("/elsewhere").0, 404);
    honest.finish();
}

#[test]
fn what_is_no_ring_is_turned_away() {
    let folder = folder();
    let listen = ["unix", "ring"].map(|kind| address(kind, folder.path(), kind));
    let node = NodeProcess::start(folder.path(), &format!("listen = {listen:?}"));
    let honest = Honest::start(&node.address());
    let connect = || UnixStream::connect(folder.path().join("ring")).unwrap();
    let turned_away = |why: &str| {
        let line = node.wait_for_log(&["caller turned away", why]);
        assert_eq!((&line["address"], &line["level"]), (&listen[1].as_str().into(), &"WARN".into()));
    };

    let mut client = connect();
    let _ = client.write_all(&garbage());
    turned_away("the message carries 0 descriptors instead of one");

    let client = connect();
    send_descriptor(&client, File::open("/dev/null").unwrap()).unwrap();
    turned_away("the descriptor is not memory of a sealed size");

    let client = connect();
    send_descriptor(&client, Ring::create(RING_BYTES).unwrap()).unwrap();
    drop(client);
    turned_away("the other end of the ring is closed");

    let client = connect();
    let ring = Ring::create(RING_BYTES).unwrap();
    let _mine = ring.consumer(Wait::Spin).unwrap();
    send_both(&client, &ring);
    turned_away("the consumer of the ring is taken");

    let client = connect();
    let ring = Ring::create(RING_BYTES).unwrap();
    fill(&ring, 0, 8, 0xff);
    send_both(&client, &ring);
    turned_away("the memory holds no ring");

    honest.finish();
    node.wait_for_metric("open_connections", |count| count == 0.0);
    node.wait_for_metric("connections_total", |count| count == 1.0); // the others were none
}

/// Sends a ring and another one, unless the first is refused before.
fn send_both(socket: &UnixStream, ring: &Ring) {
    send_descriptor(socket, ring).unwrap();
    let _ = send_descriptor(socket, Ring::create(RING_BYTES).unwrap());
}

/// Overwrites memory of a ring that somebody else has mapped.
fn fill(ring: &Ring, first: u64, count: usize, byte: u8) {
    let file = File::from(ring.as_fd().try_clone_to_owned().unwrap());
    file.write_all_at(&vec![byte; count], first).unwrap();
}

#[test]
fn rings_that_turn_bad_end_their_own_connection() {
    let folder = folder();
    let listen = ["ring", "unix"].map(|kind| address(kind, folder.path(), kind));
    let node = NodeProcess::start(folder.path(), &format!("listen = {listen:?}\nlog.level = 'debug'"));
    let honest = Honest::start(&node.address());
    let connections = |count: f64| node.wait_for_metric("open_connections", |open| open == count);

    // Garbage in messages.
    let socket = UnixStream::connect(folder.path().join("ring")).unwrap();
    let mut rings = Duplex::create(&socket, RING_BYTES, Wait::Spin).unwrap();
    rings.producer.push(&garbage()[..1000], DEADLINE).unwrap();
    node.wait_for_failure("connection_losses", "BadMagic", 1);
    connections(1.0);

    // Garbage in the positions of both ends, and in everything else.
    for (first, count) in [(128, 8), (256, 8), (0, (HEADER_BYTES + RING_BYTES) as usize)] {
        let socket = UnixStream::connect(folder.path().join("ring")).unwrap();
        let (there, back) = (Ring::create(RING_BYTES).unwrap(), Ring::create(RING_BYTES).unwrap());
        send_descriptor(&socket, &there).unwrap();
        send_descriptor(&socket, &back).unwrap();
        connections(2.0);
        fill(&there, first, count, 0xa5);
        fill(&back, first, count, 0xa5);
        // The bell: there is something to read. The node may have noticed already.
        let _ = (&socket).write_all(&[0]);
        drop(socket);
        connections(1.0);
    }
    node.wait_for_log(&["connection lost", "the other end broke the ring"]);

    // A client that dies with its session open.
    let socket = UnixStream::connect(folder.path().join("ring")).unwrap();
    let mut rings = Duplex::create(&socket, RING_BYTES, Wait::Spin).unwrap();
    let hello = encode_frame(Header::new(FrameType::Hello), &RawClient::hello());
    rings.producer.push(&hello, DEADLINE).unwrap();
    node.wait_for_metric("open_sessions", |count| count == 2.0);
    drop((rings, socket));
    node.wait_for_failure("connection_losses", "ConnectionLost", 1);
    honest.finish();
}

#[test]
fn half_a_greeting_is_waited_for_so_long() {
    let folder = folder();
    let node = node(folder.path(), "limits.handshake-seconds = 0.2");
    let honest = Honest::start(&node.address());
    let hello = encode_frame(Header::new(FrameType::Hello), &RawClient::hello());
    for count in [0, 1, FRAME_HEADER_BYTES, hello.len() - 1] {
        let mut client = RawClient::connect(&node.address());
        client.write(&hello[..count]);
        let told = client.read().expect("a refusal");
        assert_eq!(fault(&told).error(), Some(Error::HandshakeTimeout));
        assert!(client.read().is_none());
    }
    node.wait_for_failure("connection_losses", "HandshakeTimeout", 4);
    honest.finish();
}

#[test]
fn half_a_frame_is_no_sign_of_life() {
    let folder = folder();
    let limits = "[limits]\nheartbeat-ms = 20\nresume-seconds = 0.2";
    let node = node(folder.path(), limits);
    let honest = Honest::start(&node.address());
    let mut client = RawClient::connect(&node.address());
    client.greet(&Hello { heartbeat_ns: 20_000_000, ..RawClient::hello() }).expect("a session");
    client.open();
    client.rounds(0, 0, &layers()[..20]);
    client.write(&encode_frame(Header::new(FrameType::Ping), &[0; 24][..])[..FRAME_HEADER_BYTES + 3]);
    client.read_to_end();
    node.wait_for_failure("connection_losses", "PeerSilent", 1);
    // Nobody comes back.
    node.wait_for_failure("session_failures", "ResumeExpired", 1);
    let line = node.wait_for_log(&["cells left open"]);
    assert!(line["count"].as_u64() > Some(0), "{line}");
    honest.finish();
}

/// Says a frame that breaks a rule; the error that must end the session; how it is said.
type Offence = (Error, fn(&mut RawClient));

const OFFENCES: [Offence; 25] = [
    (Error::RoundOutOfOrder, |client| {
        client.open();
        client.rounds(0, 0, &layers()[..5]);
        client.rounds(3, 0, &layers()[3..8]);
    }),
    (Error::RoundOutOfOrder, |client| {
        client.open();
        client.rounds(0, 0, &layers()[..5]);
        client.rounds(4, 0, &layers()[4..5]);
    }),
    (Error::RoundOutOfOrder, |client| {
        client.open();
        client.rounds(0, 0, &layers()[..5]);
        client.rounds(7, 0, &layers()[7..8]);
    }),
    (Error::WrongWidth, |client| {
        client.open();
        let (bits, count) = layers()[0].clone();
        client.rounds(0, 0, &[(bits, count + 1)]);
    }),
    (Error::WrongWidth, |client| {
        client.open();
        client.rounds(0, 0, &[layers()[0].clone(), layers()[0].clone()]);
    }),
    (Error::RoundAfterLast, |client| {
        client.open();
        let mut short = layers()[..30].to_vec();
        short.push(layers().pop().unwrap());
        client.rounds(0, FLAG_LAST, &short);
        client.rounds(31, 0, &layers()[31..32]);
    }),
    (Error::CreditExceeded, |client| {
        let credit = client.open() as usize;
        client.rounds(0, 0, &layers()[..=credit]);
    }),
    (Error::WrongDirection, |client| {
        client.open();
        let header = Header { stream: StreamId(1), epoch: Epoch(1), ..Header::new(FrameType::Commit) };
        let (parity, none) = ([1], []);
        let commit = Commit {
            cell: CellId(0),
            hops: Hops::default(),
            parity: List::from(&parity[..]),
            marks: List::from(&none[..]),
        };
        client.send(header, &commit);
    }),
    (Error::UnknownStream, |client| client.rounds(0, 0, &layers()[..1])),
    (Error::NotAssigned, |client| {
        client.send_open(StreamId(1), &open_of(patch()));
        client.rounds(0, 0, &layers()[..1]);
    }),
    (Error::StreamExists, |client| {
        client.open();
        client.send_open(StreamId(1), &open_of(patch()));
    }),
    (Error::EpochNotNewer, |client| {
        client.open();
        client.assign(1);
    }),
    (Error::WrongEpoch, |client| {
        client.open();
        client.assign(2);
        client.rounds(0, 0, &layers()[..1]);
    }),
    (Error::OutOfState, |client| {
        client.open();
        // In one piece: once the stream is closed, it is unknown.
        let frames = [client.close_frame(1), client.rounds_frame(0, 0, &layers()[..1])];
        client.write(&frames.concat());
    }),
    (Error::UnknownType, |client| {
        let mut bytes =
            Header { version: 1, session: client.session, ..Header::new(FrameType::Ack) }.encode();
        bytes[6..8].copy_from_slice(&99u16.to_le_bytes());
        seal(&mut bytes);
        client.write(&bytes);
    }),
    (Error::UnknownFlag, |client| {
        client.send(Header { flags: 1 << 5, ..Header::new(FrameType::Ping) }, &[0; 24][..]);
    }),
    (Error::PayloadTooLarge, |client| {
        client.send(Header::new(FrameType::Ping), &[0; 16_385][..]);
    }),
    (Error::MalformedPayload, |client| {
        client.open();
        let header = Header { stream: StreamId(1), epoch: Epoch(1), ..Header::new(FrameType::Rounds) };
        client.send(header, &garbage()[..500]);
    }),
    (Error::WrongField, |client| {
        client.send(Header { round: Round(5), ..Header::new(FrameType::Ping) }, &[0; 24][..]);
    }),
    (Error::WrongVersion, |client| {
        let header = Header { version: 2, session: client.session, ..Header::new(FrameType::Ping) };
        client.write(&encode_frame(header, &beat(client)));
    }),
    (Error::WrongSession, |client| {
        let session = SessionId(client.session.0 + 1);
        let header = Header { version: 1, session, ..Header::new(FrameType::Ping) };
        client.write(&encode_frame(header, &beat(client)));
    }),
    (Error::SequenceBeyondWindow, |client| {
        client.next += RETAINED_FRAMES_MAX as u64;
        client.send_open(StreamId(1), &open_of(patch()));
    }),
    (Error::AcknowledgedBeyondSent, |client| {
        client.send(Header::new(FrameType::Ack), &Ack { wanted: Sequence(1000) });
    }),
    (Error::ResendImpossible, |client| {
        let nak = Nak { wanted: Sequence(client.wanted + 1), code: Error::SequenceGap.code().into() };
        client.send(Header::new(FrameType::Nak), &nak);
    }),
    (Error::StreamsFull, |client| {
        for number in 1..=17 {
            client.send_open(StreamId(number), &open_of(patch()));
        }
    }),
];

fn beat(client: &RawClient) -> Beat {
    Beat { echo: 0, wanted: Sequence(client.wanted), next: Sequence(client.next) }
}

/// Sets the CRC of a header.
fn seal(bytes: &mut [u8]) {
    let (checked, checksum) = bytes.split_at_mut(FRAME_HEADER_BYTES - 4);
    checksum.copy_from_slice(&crc32c::crc32c(checked).to_le_bytes());
}

#[test]
fn every_broken_rule_has_its_name_and_ends_one_session() {
    let folder = folder();
    let node = node(folder.path(), "");
    let honest = Honest::start(&node.address());
    for (at, (error, offend)) in OFFENCES.iter().enumerate() {
        let mut client = RawClient::begin(&node.address());
        offend(&mut client);
        client.ended_by(*error);
        let before = OFFENCES[..=at].iter().filter(|offence| offence.0 == *error).count();
        node.wait_for_failure("session_failures", &format!("{error:?}"), before as u32);
        node.wait_for_log(&[
            "session failed",
            &format!("\"session\":{},", client.session.0),
            &format!("{error:?}"),
        ]);
    }
    node.wait_for_metric("open_sessions", |count| count == 1.0);
    honest.finish();
}

/// What a node cannot go on with although the frames are right ends the stream, and nothing else.
#[test]
fn streams_that_cannot_go_on_are_given_up() {
    type Offence = (&'static str, fn(&mut RawClient));
    let offences: [Offence; 4] = [
        ("a round that cell 0 needs was left out", |client| {
            client.rounds(0, 0, &layers()[..2]);
            client.rounds(3, FLAG_SKIP, &layers()[3..20]);
        }),
        ("marks of cell 18446744073709551615 that the history does not have", |client| {
            marks(client, u64::MAX, 0, 0);
        }),
        ("marks of cell 1 that the history does not have", |client| marks(client, 1, 3, 1000)),
        ("", |client| client.rounds(0, FLAG_LAST, &[layers()[0].clone(), layers().pop().unwrap()])),
    ];
    let folder = folder();
    let node = node(folder.path(), "");
    let honest = Honest::start(&node.address());
    for (why, offend) in offences {
        let mut client = RawClient::begin(&node.address());
        client.open();
        offend(&mut client);
        let told = client.read_type(FrameType::StreamError);
        assert_eq!(fault(&told).error(), Some(Error::StreamRefused));
        assert!(fault(&told).text.contains(why) && !fault(&told).text.is_empty(), "{told:?}");
        // The number is free again once the client has closed the stream.
        client.close(1);
        client.read_type(FrameType::Closed);
        client.open();
        client.rounds(0, 0, &layers()[..20]);
        client.read_type(FrameType::Commit);
    }
    node.wait_for_failure("stream_failures", "StreamRefused", 4);
    honest.finish();
}

fn marks(client: &mut RawClient, cell: u64, round: u64, index: u32) {
    let marks = [Mark { layer: 0, index }];
    let header =
        Header { stream: StreamId(1), epoch: Epoch(1), round: Round(round), ..Header::new(FrameType::Marks) };
    client.send(header, &Marks { cell: CellId(cell), marks: List::from(&marks[..]) });
}

#[test]
fn damage_is_repaired_and_frames_that_come_twice_count_once() {
    let folder = folder();
    let node = node(folder.path(), "");
    let honest = Honest::start(&node.address());
    let mut client = RawClient::begin(&node.address());
    client.open();
    let rounds = client.rounds_frame(0, 0, &layers()[..20]);
    // A payload that is damaged is asked for again.
    let mut damaged = rounds.clone();
    *damaged.last_mut().unwrap() ^= 1;
    client.write(&damaged);
    let told = client.read_type(FrameType::Nak);
    let nak = Nak::decode(&told.payload).unwrap();
    assert_eq!((nak.wanted.0, nak.code), (client.next - 1, Error::BadPayloadChecksum.code().into()));
    // Once is enough.
    for _ in 0..3 {
        client.write(&rounds);
    }
    let told = client.read_type(FrameType::Commit);
    assert_eq!(Commit::decode(&told.payload).unwrap().cell, CellId(0));
    // One that is missing too.
    let third = client.rounds_frame(20, 0, &layers()[20..21]);
    let fourth = client.rounds_frame(21, 0, &layers()[21..22]);
    client.write(&fourth);
    let told = client.read_type(FrameType::Nak);
    let nak = Nak::decode(&told.payload).unwrap();
    assert_eq!((nak.wanted.0, nak.code), (client.next - 2, Error::SequenceGap.code().into()));
    client.write(&third);
    client.write(&fourth);
    client.close(1);
    client.read_type(FrameType::Closed);
    honest.finish();
}

#[test]
fn a_stream_that_ends_in_the_middle_goes_on_over_another_connection() {
    let folder = folder();
    let node = node(folder.path(), "");
    let honest = Honest::start(&node.address());
    let history = History::sample(40, 3);
    let mut first = RawClient::begin(&node.address());
    first.open();
    first.rounds(0, 0, &history.layers[..20]);

    // Somebody else cannot have it.
    let mut thief = RawClient::connect(&node.address());
    let token = first.token;
    first.token = Token([9; 16]);
    let told = thief.greet_again(&first).expect_err("a refusal");
    assert_eq!(fault(&told).error(), Some(Error::WrongToken));
    first.token = token;
    let mut stray = RawClient::connect(&node.address());
    stray.session = SessionId(first.session.0 + 1000);
    let told = stray.greet(&Hello { token, ..RawClient::hello() }).expect_err("a refusal");
    assert_eq!(fault(&told).error(), Some(Error::UnknownSession));

    // A header that is damaged ends the connection without a word.
    let mut header = Header { version: 1, session: first.session, ..Header::new(FrameType::Ping) }.encode();
    header[30] ^= 1;
    let mut parities = 0;
    let mut commits = |told: &[crate::support::Told]| {
        for told in told.iter().filter(|told| told.header.frame_type == FrameType::Commit) {
            parities ^= Commit::decode(&told.payload).unwrap().parity.iter().next().unwrap();
        }
    };
    first.write(&header);
    commits(&first.read_to_end());
    node.wait_for_failure("connection_losses", "BadHeaderChecksum", 1);
    node.wait_for_log(&["session without a connection", "BadHeaderChecksum"]);

    let mut second = RawClient::connect(&node.address());
    second.greet_again(&first).expect("the session goes on");
    // While this connection is still good, another takes the session over.
    let mut third = RawClient::connect(&node.address());
    third.greet_again(&second).expect("the session goes on");
    second.read_to_end();
    third.rounds(20, FLAG_LAST, &history.layers[20..]);
    third.close(0);
    let mut told = Vec::new();
    while told.last().is_none_or(|told: &crate::support::Told| told.header.frame_type != FrameType::Closed) {
        told.push(third.read().expect("CLOSED"));
    }
    commits(&told);
    let closed = Closed::decode(&told.last().unwrap().payload).unwrap();
    assert_eq!((closed.code, closed.open_count), (0, 0));
    assert_eq!(parities, history.answer[0]);
    third.leave();
    node.wait_for_metric("resumptions_total", |count| count == 2.0);
    node.wait_for_metric("open_sessions", |count| count == 1.0);
    honest.finish();
}

/// It asks again and again, opens what it can, and never reads an answer.
#[test]
fn a_client_that_never_reads_costs_others_nothing() {
    const BYTES: usize = 16 << 20;
    const GROWTH_BYTES_MAX: u64 = 32 << 20;
    let folder = folder();
    let listen = ["unix", "tcp"].map(|kind| address(kind, folder.path(), "socket"));
    let node = NodeProcess::start(folder.path(), &format!("listen = {listen:?}"));
    let honest = Honest::start(&node.address());
    let before = node.resident_bytes();
    let silent: Vec<_> = node
        .addresses()
        .into_iter()
        .map(|address| {
            thread::spawn(move || {
                let mut client = RawClient::begin(&address);
                let credit = client.open() as usize;
                client.rounds(0, 0, &layers()[..credit]);
                let header = Header { version: 1, session: client.session, ..Header::new(FrameType::Ping) };
                let ping = encode_frame(header, &beat(&client)).repeat(ACKNOWLEDGE_FRAMES as usize);
                for _ in 0..BYTES / ping.len() {
                    client.write(&ping);
                }
                client
            })
        })
        .collect();
    let silent: Vec<_> = silent.into_iter().map(|thread| thread.join().unwrap()).collect();
    node.wait_for_metric("open_sessions", |count| count == 3.0);
    let grown = node.resident_bytes().saturating_sub(before);
    assert!(grown < GROWTH_BYTES_MAX, "{grown} bytes more");
    drop(silent);
    node.wait_for_failure("connection_losses", "ConnectionLost", 2);
    honest.finish();
}
