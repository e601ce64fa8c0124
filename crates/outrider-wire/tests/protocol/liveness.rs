//! Heartbeats, dead peers, timers, and clocks that go back.

use outrider_wire::{ClientEvent, ClientSession, Error, FrameType, Handshake, Options, ServerEvent, Time};

use crate::pair::{Pair, types_of};

#[test]
fn an_idle_session_lives_for_ever() {
    let options = Options::default();
    let mut pair = Pair::streaming(10);
    for _ in 0..20 {
        pair.wait(options.heartbeat_ns);
    }
    assert!(pair.at_client.is_empty() && pair.at_server.is_empty(), "{:?}", pair.at_client);
    assert!(pair.client.counters().frames >= 15 && pair.server.counters().frames >= 15);
    assert_eq!(pair.client.round_trip_ns().or_else(|| pair.server.round_trip_ns()), Some(0));
}

#[test]
fn a_silent_peer_is_noticed_after_its_heartbeats_and_not_before() {
    let options = Options::default();
    let patience = options.heartbeat_ns * u64::from(options.silent_heartbeats);
    let mut pair = Pair::new();
    let mut fired = Vec::new();
    while let Some(now) = pair.client.next_timer().filter(|&now| now <= Time(patience)) {
        pair.now = now;
        pair.client.on_timer(now);
        fired.push(now);
        pair.client_sends();
    }
    let Some(ClientEvent::ConnectionLost(error)) = pair.client.poll_event() else { panic!("still there") };
    assert_eq!((error, fired.last()), (Error::PeerSilent, Some(&Time(patience))));
    assert_eq!(
        fired.len() as u32,
        options.silent_heartbeats,
        "one PING a heartbeat, then the end: {fired:?}"
    );
    assert_eq!(pair.client.next_timer(), Some(Time(patience + options.resume_ns)));
}

#[test]
fn a_side_that_speaks_sends_no_heartbeats() {
    let options = Options::default();
    let mut pair = Pair::streaming(100);
    for round in 0..20 {
        pair.now = pair.now.after(options.heartbeat_ns / 2);
        pair.server.on_timer(pair.now);
        pair.client.on_timer(pair.now);
        pair.send_round(round).expect("credit is there");
        let bytes = pair.client_sends();
        assert!(!types_of(&bytes).contains(&FrameType::Ping), "round {round}");
        pair.server_gets(&bytes);
        let bytes = pair.server_sends();
        pair.client_gets(&bytes);
    }
}

#[test]
fn timers_wait_for_their_time() {
    let mut pair = Pair::streaming(10);
    pair.wait(5_000_000);
    while let Some(due) = pair.client.next_timer().filter(|&due| due < Time(40_000_000)) {
        pair.now = Time(due.0 - 1);
        pair.client.on_timer(pair.now);
        assert_eq!(pair.client.next_timer(), Some(due), "nothing happens before");
        assert!(pair.client_sends().is_empty());
        pair.now = due;
        pair.client.on_timer(due);
        assert_ne!(pair.client.next_timer(), Some(due), "and something does then");
        assert!(!pair.client_sends().is_empty());
    }
}

#[test]
fn a_clock_that_goes_back_stops_nothing_and_hurries_nothing() {
    let options = Options::default();
    let start = 1_000_000_000_000;
    let mut client = ClientSession::new(&options, Time(start)).expect("good options");
    client.connect(Time(start)).expect("a new session");
    client.on_timer(Time(start + options.handshake_ns / 2));
    client.on_timer(Time(5));
    assert_eq!(client.counters().clock_steps_back, 1);
    assert_eq!(client.next_timer(), Some(Time(5 + options.handshake_ns / 2)), "half of the time has passed");
    client.on_timer(Time(5 + options.handshake_ns / 2 - 1));
    assert_eq!(client.poll_event(), None);
    client.on_timer(Time(5 + options.handshake_ns / 2));
    assert_eq!(client.poll_event(), Some(ClientEvent::ConnectionLost(Error::HandshakeTimeout)));
}

#[test]
fn extreme_times_overflow_nothing() {
    for times in [[u64::MAX, 0, u64::MAX], [0, u64::MAX, 0], [u64::MAX, u64::MAX - 1, 1]] {
        let mut pair = Pair::streaming(10);
        for now in times {
            pair.now = Time(now);
            pair.client.on_timer(Time(now));
            pair.server.on_timer(Time(now));
            pair.send_round(0).err();
            pair.pump();
            pair.client.next_timer();
        }
    }
}

#[test]
fn a_connection_that_says_nothing_is_dropped_in_time() {
    let options = Options::default();
    let mut handshake = Handshake::new(&options, Time(100));
    assert_eq!(handshake.deadline(), Time(100 + options.handshake_ns));
    assert!(!handshake.has_expired(Time(99 + options.handshake_ns)));
    assert!(!handshake.has_expired(Time(3)), "the clock went back");
    assert_eq!(handshake.deadline(), Time(4));
    assert!(handshake.has_expired(Time(4)));
}

/// Bytes that are no frame keep nobody alive.
#[test]
fn half_a_frame_is_not_a_sign_of_life() {
    let options = Options::default();
    let mut pair = Pair::streaming(10);
    pair.send_round(0).expect("credit is there");
    let bytes = pair.client_sends();
    let patience = options.heartbeat_ns * u64::from(options.silent_heartbeats);
    for (index, byte) in bytes[..70].iter().enumerate() {
        pair.server.receive(&[*byte], Time(patience / 70 * index as u64));
        assert_eq!(pair.server.poll_event(), None);
    }
    pair.server.on_timer(Time(patience));
    assert_eq!(pair.server.poll_event(), Some(ServerEvent::ConnectionLost(Error::PeerSilent)));
}
