//! Broken payloads, missing frames and broken connections: everything arrives once and in order all the same.

use outrider_wire::limits::{ACKNOWLEDGE_FRAMES, REPAIRS_MAX, RETAINED_FRAMES_MAX};
use outrider_wire::{
    Ack, Beat, Error, FrameType, HEADER_BYTES, Header, Nak, Options, Sequence, Time, encode_frame,
};

use crate::pair::{Pair, forge, greet, layers, types_of};

#[test]
fn a_broken_payload_is_asked_for_again_and_nothing_is_lost() {
    for broken in 0..4 {
        let mut pair = Pair::streaming(10);
        let mut frames: Vec<Vec<u8>> = (0..4)
            .map(|round| {
                pair.send_round(round).expect("credit is there");
                pair.client_sends()
            })
            .collect();
        frames[broken][HEADER_BYTES + 3] ^= 0x10;
        pair.server_gets(&frames.concat());
        assert_eq!(rounds_of(&pair.at_server), (0..broken as u64).collect::<Vec<_>>());
        let asked = pair.server_sends();
        assert_eq!(types_of(&asked)[0], FrameType::Nak);
        pair.client_gets(&asked);
        pair.pump();
        assert_eq!(rounds_of(&pair.at_server), [0, 1, 2, 3]);
        let counters = pair.server.counters();
        assert_eq!((counters.broken_payloads, counters.repairs_asked), (1, 1));
        assert_eq!(pair.client.counters().repairs_made, 1);
    }
}

#[test]
fn a_payload_that_stays_broken_ends_the_connection() {
    let mut pair = Pair::streaming(10);
    pair.send_round(0).expect("credit is there");
    for attempt in 0..=REPAIRS_MAX {
        let mut bytes = pair.client_sends();
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        pair.server_gets(&bytes);
        assert_eq!(pair.at_server.is_empty(), attempt < REPAIRS_MAX);
        let asked = pair.server_sends();
        pair.client_gets(&asked);
    }
    assert_eq!(pair.at_server, ["ConnectionLost(RepairFailed)"]);
    pair.client.connection_lost(Time(0));
    pair.client.connect(Time(0)).expect("the session lives");
    let greeted = greet(&Options::default(), &pair.client_sends());
    pair.server.resume(&greeted, Time(0)).expect("the session can be resumed");
    let welcome = pair.server_sends();
    pair.client_gets(&welcome);
    let mut bytes = pair.client_sends();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    pair.server_gets(&bytes);
    pair.pump();
    assert_eq!(rounds_of(&pair.at_server), [0], "a new connection has its own count");
}

#[test]
fn a_peer_that_asks_for_the_same_frame_for_ever_is_left() {
    let mut pair = Pair::streaming(10);
    let nak = Nak { wanted: Sequence(3), code: Error::SequenceGap.code().into() };
    for _ in 0..=REPAIRS_MAX {
        assert!(pair.at_client.is_empty());
        pair.client_gets(&forge(Header::new(FrameType::Nak), 0, &nak, |_| ()));
    }
    assert_eq!(pair.at_client, ["ConnectionLost(RepairFailed)"]);
}

#[test]
fn a_loss_at_the_end_is_noticed_by_the_heartbeat() {
    let options = Options::default();
    let mut pair = Pair::streaming(10);
    pair.send_round(0).expect("credit is there");
    drop(pair.client_sends());
    pair.wait(2 * options.heartbeat_ns);
    assert_eq!(rounds_of(&pair.at_server), [0]);
}

#[test]
fn a_lost_request_is_made_again() {
    let options = Options::default();
    let mut pair = Pair::streaming(10);
    pair.send_round(0).expect("credit is there");
    pair.send_round(1).expect("credit is there");
    let frames = pair.client_sends();
    pair.server_gets(&frames[frames.len() / 2..]);
    drop(pair.server_sends());
    assert!(pair.at_server.is_empty());
    pair.wait(2 * options.heartbeat_ns);
    assert_eq!(rounds_of(&pair.at_server), [0, 1]);
}

#[test]
fn duplicates_are_dropped_and_counted() {
    let mut pair = Pair::streaming(10);
    pair.send_round(0).expect("credit is there");
    let frame = pair.client_sends();
    pair.server_gets(&frame);
    pair.server_gets(&frame);
    pair.server_gets(&frame);
    assert_eq!(rounds_of(&pair.at_server), [0]);
    assert_eq!(pair.server.counters().duplicates, 2);
}

#[test]
fn acknowledgements_come_after_so_many_frames_or_so_much_time() {
    let mut pair = Pair::streaming(1000);
    pair.wait(5_000_000);
    let opened = pair.client.unacknowledged();
    for round in 0..u64::from(ACKNOWLEDGE_FRAMES) {
        assert!(pair.server_sends().is_empty(), "after {round} rounds");
        pair.send_round(round).expect("credit is there");
        let bytes = pair.client_sends();
        pair.server_gets(&bytes);
    }
    assert_eq!(types_of(&pair.server_sends()), [FrameType::Ack]);
    assert_eq!(pair.client.unacknowledged(), opened, "that one was lost");
    pair.send_round(u64::from(ACKNOWLEDGE_FRAMES)).expect("credit is there");
    let bytes = pair.client_sends();
    pair.server_gets(&bytes);
    assert!(pair.server_sends().is_empty());
    assert_eq!(pair.server.next_timer(), Some(pair.now.after(Options::default().acknowledge_ns)));
    pair.wait(2 * Options::default().acknowledge_ns);
    assert_eq!(pair.client.unacknowledged().0, opened.0 + u64::from(ACKNOWLEDGE_FRAMES) + 1);
}

#[test]
fn frames_that_keep_coming_do_not_put_off_their_acknowledgement() {
    let mut pair = Pair::streaming(100);
    pair.wait(5_000_000);
    let (start, mut acknowledged_at) = (pair.now, None);
    for round in 0..20 {
        pair.now = start.after(round * 250_000);
        pair.server.on_timer(pair.now);
        if types_of(&pair.server_sends()).contains(&FrameType::Ack) {
            acknowledged_at.get_or_insert_with(|| pair.now.since(start));
        }
        pair.send_round(round).expect("credit is there");
        let bytes = pair.client_sends();
        pair.server_gets(&bytes);
    }
    assert_eq!(acknowledged_at, Some(Options::default().acknowledge_ns));
}

#[test]
fn a_session_goes_on_over_another_connection_from_what_was_received() {
    let options = Options::default();
    for cut in [0, 1, 63, 64, 65, 76, 77, 100, 160] {
        let mut pair = Pair::streaming(10);
        for round in 0..3 {
            pair.send_round(round).expect("credit is there");
        }
        let bytes = pair.client_sends();
        pair.server_gets(&bytes[..cut]);
        pair.client.connection_lost(Time(0));
        pair.server.connection_lost(Time(0));
        pair.send_round(3).expect("without a connection rounds wait");
        pair.reconnect(&options);
        assert_eq!(rounds_of(&pair.at_server), [0, 1, 2, 3], "cut after {cut} bytes");
        assert_eq!(pair.at_client, ["Established { resumed: true }"], "and nothing about the old connection");
        assert!(pair.at_server.iter().all(|event| event.starts_with("Rounds")), "{:?}", pair.at_server);
        assert_eq!(pair.client.counters().resumptions + pair.server.counters().resumptions, 2);
    }
}

/// The node has not noticed yet that the old connection is dead.
#[test]
fn a_new_connection_replaces_an_old_one() {
    let mut pair = Pair::streaming(10);
    pair.send_round(0).expect("credit is there");
    let bytes = pair.client_sends();
    pair.server_gets(&bytes[..70]);
    pair.client.connection_lost(Time(0));
    pair.reconnect(&Options::default());
    assert_eq!(rounds_of(&pair.at_server), [0]);
}

#[test]
fn a_broken_header_ends_the_connection_and_not_the_session() {
    let options = Options::default();
    let mut pair = Pair::streaming(10);
    pair.send_round(0).expect("credit is there");
    let mut bytes = pair.client_sends();
    bytes[17] ^= 4;
    pair.server_gets(&bytes);
    assert_eq!(pair.at_server, ["ConnectionLost(BadHeaderChecksum)"]);
    assert!(pair.server_sends().is_empty());
    pair.client.connection_lost(Time(0));
    pair.reconnect(&options);
    assert_eq!(rounds_of(&pair.at_server), [0]);
}

#[test]
fn a_handshake_in_the_middle_ends_the_connection_and_not_the_session() {
    let mut pair = Pair::streaming(10);
    pair.server_gets(&encode_frame(Header::new(FrameType::Hello), &[0; 64][..]));
    pair.client_gets(&encode_frame(Header::new(FrameType::Refuse), &[0; 72][..]));
    assert_eq!(pair.at_server, ["ConnectionLost(HandshakeMisplaced)"]);
    assert_eq!(pair.at_client, ["ConnectionLost(HandshakeMisplaced)"]);
    pair.reconnect(&Options::default());
}

#[test]
fn what_was_never_sent_cannot_be_acknowledged_or_asked_for() {
    let ack = |wanted| forge(Header::new(FrameType::Ack), 0, &Ack { wanted: Sequence(wanted) }, |_| ());
    let nak = |wanted| {
        forge(Header::new(FrameType::Nak), 0, &Nak { wanted: Sequence(wanted), code: 0x0104 }, |_| ())
    };
    let ping = |wanted| {
        let beat = Beat { echo: 0, wanted: Sequence(wanted), next: Sequence(1) };
        forge(Header::new(FrameType::Ping), 0, &beat, |_| ())
    };
    for (good, bad, error) in [
        (ack(3), ack(4), Error::AcknowledgedBeyondSent),
        (ack(0), ack(u64::MAX), Error::AcknowledgedBeyondSent),
        (ping(3), ping(4), Error::AcknowledgedBeyondSent),
        (nak(3), nak(4), Error::ResendImpossible),
        (nak(3), nak(2), Error::ResendImpossible),
        (nak(3), nak(0), Error::ResendImpossible),
    ] {
        let mut pair = Pair::streaming(10);
        pair.client_gets(&good);
        assert!(pair.at_client.is_empty(), "{:?}", pair.at_client);
        pair.client_gets(&bad);
        assert_eq!(pair.at_client, [format!("Failed({error:?})")]);
    }
}

#[test]
fn sequence_numbers_far_ahead_are_refused() {
    let ahead = |by: u64| {
        let header = Header { epoch: outrider_wire::Epoch(1), ..Header::new(FrameType::Rounds) };
        forge(header, 3 + by, &layers(0)[..], |_| ())
    };
    let mut pair = Pair::streaming(10);
    pair.server_gets(&ahead(RETAINED_FRAMES_MAX as u64 - 1));
    assert!(pair.at_server.is_empty());
    assert_eq!(pair.server.counters().early, 1);
    pair.server_gets(&ahead(RETAINED_FRAMES_MAX as u64));
    assert_eq!(pair.at_server, ["Failed(SequenceBeyondWindow)"]);
}

/// The first rounds of the events, which are otherwise of no interest.
fn rounds_of(events: &[String]) -> Vec<u64> {
    let number = |event: &String| {
        let (_, rest) = event.strip_prefix("Rounds")?.split_once("first_round: Round(")?;
        rest.split(')').next()?.parse().ok()
    };
    events.iter().filter_map(number).collect()
}
