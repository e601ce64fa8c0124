//! Limits at N and N + 1, and very many connections that do nothing.

use std::path::Path;

use outrider_wire::{Ack, Commit, Digest, Error, FLAG_LAST, FrameType, Header, Open, Sequence, StreamId};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::support::{History, Honest, NodeProcess, RawClient, address, fault, folder, open_of, patch};

fn node(folder: &Path, limits: &str) -> NodeProcess {
    let listen = address("unix", folder, "socket");
    NodeProcess::start(folder, &format!("listen = ['{listen}']\n[limits]\n{limits}"))
}

#[test]
fn one_connection_more_than_there_may_be_is_refused() {
    let folder = folder();
    let node = node(folder.path(), "connections = 3");
    let honest = Honest::start(&node.address());
    let mut taken: Vec<_> = (0..2).map(|_| RawClient::begin(&node.address())).collect();
    let mut refused = RawClient::connect(&node.address());
    assert!(refused.read().is_none());
    node.wait_for_metric("connections_refused_total", |count| count == 1.0);
    node.wait_for_metric("open_connections", |count| count == 3.0);
    // There is room again as soon as one has gone.
    taken.pop();
    node.wait_for_metric("open_connections", |count| count == 2.0);
    taken.push(RawClient::begin(&node.address()));
    honest.finish();
}

#[test]
fn one_session_more_than_there_may_be_is_refused() {
    let folder = folder();
    let node = node(folder.path(), "sessions = 3");
    let honest = Honest::start(&node.address());
    let mut taken: Vec<_> = (0..2).map(|_| RawClient::begin(&node.address())).collect();
    let mut refused = RawClient::connect(&node.address());
    let told = refused.greet(&RawClient::hello()).expect_err("a refusal");
    assert_eq!(fault(&told).error(), Some(Error::SessionsFull));
    node.wait_for_failure("connection_losses", "SessionsFull", 1);
    // One without a connection makes room at once.
    taken.pop();
    node.wait_for_failure("connection_losses", "ConnectionLost", 1);
    taken.push(RawClient::begin(&node.address()));
    node.wait_for_metric("sessions_evicted_total", |count| count == 1.0);
    honest.finish();
}

/// Sessions that are left behind with a stream each, as by a controller that is killed again and again, and connections
/// that send nothing.
#[test]
fn restarts_and_idle_connections_keep_nobody_away() {
    const RESTARTS: usize = 63;
    const IDLE: usize = 2_000;
    raise_descriptor_limit();
    let folder = folder();
    let node = node(folder.path(), "");
    let honest = Honest::start(&node.address());
    for _ in 0..RESTARTS {
        RawClient::begin(&node.address()).open();
    }
    let mut returning = RawClient::begin(&node.address());
    returning.open();
    let idle: Vec<_> = (0..IDLE).map(|_| RawClient::connect(&node.address())).collect();
    RawClient::begin(&node.address()).open();
    RawClient::connect(&node.address()).greet_again(&returning).expect("the session is still there");
    node.wait_for_metric("greetings_evicted_total", |count| count > 0.0);
    assert_eq!(node.metric("connections_refused_total"), 0.0);
    drop(idle);
    honest.finish();
}

#[test]
fn one_stream_more_than_there_may_be_ends_the_session() {
    let folder = folder();
    let node = node(folder.path(), "streams = 2");
    let honest = Honest::start(&node.address());
    let mut client = RawClient::connect(&node.address());
    let welcome = client.greet(&RawClient::hello()).expect("a session");
    assert_eq!(welcome.streams_max, 2);
    for number in 1..=2 {
        client.send_open(StreamId(number), &open_of(patch()));
        client.read_type(FrameType::Opened);
    }
    client.close(1);
    client.read_type(FrameType::Closed);
    client.send_open(StreamId(3), &open_of(patch()));
    client.read_type(FrameType::Opened);
    client.send_open(StreamId(4), &open_of(patch()));
    client.ended_by(Error::StreamsFull);
    node.wait_for_failure("session_failures", "StreamsFull", 1);
    honest.finish();
}

#[test]
fn the_longest_payload_is_taken_and_one_byte_more_is_not() {
    let folder = folder();
    let node = node(folder.path(), "");
    let honest = Honest::start(&node.address());
    let mut client = RawClient::connect(&node.address());
    let welcome = client.greet(&RawClient::hello()).expect("a session");
    let longest = vec![0; welcome.payload_bytes_max as usize];
    // Such a payload is too long for its type, but not for the node.
    client.send(Header::new(FrameType::Ping), &longest[..]);
    client.ended_by(Error::MalformedPayload);
    let mut client = RawClient::begin(&node.address());
    client.send(Header::new(FrameType::Ping), &[&longest[..], &[0]].concat()[..]);
    client.ended_by(Error::PayloadTooLarge);
    honest.finish();
}

#[test]
fn all_rounds_under_credit_are_taken_and_one_more_is_not() {
    let folder = folder();
    let node = node(folder.path(), "");
    let honest = Honest::start(&node.address());
    let layers = History::sample(1000, 1).layers;
    let mut client = RawClient::begin(&node.address());
    let credit = client.open() as usize;
    client.rounds(0, 0, &layers[..credit]);
    client.read_type(FrameType::Credit);
    let mut client = RawClient::begin(&node.address());
    assert_eq!(client.open() as usize, credit);
    client.rounds(0, 0, &layers[..=credit]);
    client.ended_by(Error::CreditExceeded);
    honest.finish();
}

/// With one cell out at a time there is less to do at once, but all of it is done.
#[test]
fn a_session_has_no_more_cells_with_workers_than_it_may() {
    let folder = folder();
    let node = node(folder.path(), "jobs = 1");
    let honest = Honest::start(&node.address());
    let mut history = History::sample(40, 1);
    let mut client = RawClient::begin(&node.address());
    let credit = client.open();
    assert!(credit >= history.layers.len() as u64);
    let layers = std::mem::take(&mut history.layers);
    client.rounds(0, FLAG_LAST, &layers);
    client.close(1);
    let mut parities = 0;
    loop {
        let told = client.read().expect("CLOSED");
        match told.header.frame_type {
            FrameType::Commit => {
                parities ^= Commit::decode(&told.payload).unwrap().parity.iter().next().unwrap();
            }
            FrameType::Closed => break,
            _ => {}
        }
    }
    assert_eq!(parities, history.answer[0]);
    honest.finish();
}

/// A client that acknowledges nothing leaves no room for answers; once it does, all of them come.
#[test]
fn answers_wait_until_there_is_room_for_them() {
    const STREAMS: u32 = 16;
    let folder = folder();
    let node = node(folder.path(), &format!("retained-bytes = {RETAINED_BYTES}\nstreams = {STREAMS}"));
    let mut client = RawClient::begin(&node.address());
    let strange = Open { model: Digest([7; 32]), ..open_of(patch()) };
    let mut told_bytes = 0;
    while told_bytes + 2 * ANSWER_BYTES_MAX < RETAINED_BYTES {
        client.send_open(StreamId(1), &strange);
        told_bytes += client.read_type(FrameType::StreamError).header.frame_bytes();
        client.close(1);
        told_bytes += client.read_type(FrameType::Closed).header.frame_bytes();
    }
    for stream in 1..=STREAMS {
        client.send_open(StreamId(stream), &strange);
        client.close(stream);
    }
    for stream in 1..=STREAMS {
        for answer in [FrameType::StreamError, FrameType::Closed] {
            let wanted = Sequence(client.wanted);
            client.send(Header::new(FrameType::Ack), &Ack { wanted });
            assert_eq!(client.read_type(answer).header.stream, StreamId(stream));
        }
    }
}

/// The least that a session may keep, and more than any of these answers takes.
const RETAINED_BYTES: usize = 16_384 + 64;
const ANSWER_BYTES_MAX: usize = 512;

/// Descriptors that the test process needs besides those of the idle connections.
const OTHER_DESCRIPTORS: u64 = 1000;
const IDLE_CONNECTIONS: usize = 10_000;
const BYTES_PER_CONNECTION_MAX: u64 = 4096;

/// Lets this process have many descriptors. The node asks for its own.
fn raise_descriptor_limit() {
    let least = IDLE_CONNECTIONS as u64 + OTHER_DESCRIPTORS;
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    assert!(maximum.is_none_or(|maximum| maximum >= least), "too few descriptors: ulimit -Hn {least}");
    if current.is_some_and(|current| current < least) {
        setrlimit(Resource::Nofile, Rlimit { current: Some(least), maximum }).unwrap();
    }
}

#[test]
fn ten_thousand_idle_connections_cost_little_and_end() {
    raise_descriptor_limit();
    let folder = folder();
    let listen = address("unix", folder.path(), "socket");
    let connections = IDLE_CONNECTIONS + 2;
    let limits =
        format!("connections = {connections}\ngreetings-per-peer = {connections}\nhandshake-seconds = 5");
    let node = NodeProcess::start(folder.path(), &format!("listen = ['{listen}']\n[limits]\n{limits}"));
    let honest = Honest::start(&node.address());
    let before = node.resident_bytes();
    let mut idle: Vec<_> = (0..IDLE_CONNECTIONS).map(|_| RawClient::connect(&node.address())).collect();
    node.wait_for_metric("connections_total", |count| count == IDLE_CONNECTIONS as f64 + 1.0);
    let grown = node.resident_bytes().saturating_sub(before);
    assert!(grown < IDLE_CONNECTIONS as u64 * BYTES_PER_CONNECTION_MAX, "{grown} bytes more");
    for client in &mut idle {
        let told = client.read().expect("a refusal");
        assert_eq!(fault(&told).error(), Some(Error::HandshakeTimeout));
    }
    node.wait_for_failure("connection_losses", "HandshakeTimeout", IDLE_CONNECTIONS as u32);
    node.wait_for_metric("open_connections", |count| count == 1.0);
    honest.finish();
}
