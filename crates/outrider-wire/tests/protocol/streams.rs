//! What a stream allows, when, and what happens to those who do otherwise.

use outrider_wire::{
    Assign, CellId, ClientEvent, Closed, Commit, Credit, Epoch, Error, FLAG_LAST, FLAG_SKIP, FrameType,
    Header, Hops, Layer, Mark, Marks, Payload, Round, RoundsBatch, ServerEvent, StreamId, Time,
};

use crate::pair::{EVERY_CELL, Pair, STREAM, forge, layers, model};

/// The next sequence numbers after [`Pair::streaming`].
pub(crate) const NEXT_FROM_CLIENT: u64 = 3;
const NEXT_FROM_SERVER: u64 = 2;

#[test]
fn rounds_go_there_and_commits_come_back() {
    let mut pair = Pair::streaming(10);
    let two = [layers(0)[0], layers(1)[0]];
    let batch = RoundsBatch { first_round: Round(0), layers: &two, skips: false, is_last: false };
    pair.client.send_rounds(STREAM, batch, Time(3)).expect("credit is there");
    let bytes = pair.client_sends();
    pair.server.receive(&bytes, Time(4));
    let Some(ServerEvent::Rounds { stream, epoch, first_round, is_last, sent, rounds }) =
        pair.server.poll_event()
    else {
        panic!("no rounds")
    };
    assert_eq!((stream, epoch, first_round, is_last, sent), (STREAM, Epoch(1), Round(0), false, Time(3)));
    assert!(rounds.layers().eq(two));
    let commit = commit(5, &[3, 1], &[Mark { layer: 0, index: 2 }]);
    pair.server.send_commit(STREAM, Epoch(1), Round(2), true, &commit, Time(5)).expect("the stream is open");
    let bytes = pair.server_sends();
    pair.client.receive(&bytes, Time(6));
    let expected = ClientEvent::Commit {
        stream: STREAM,
        epoch: Epoch(1),
        round: Round(2),
        is_late: true,
        sent: Time(5),
        commit,
    };
    assert_eq!(pair.client.poll_event(), Some(expected));
    let marks = Marks { cell: commit.cell, marks: commit.marks };
    pair.client.send_marks(STREAM, Round(2), &marks, Time(7)).expect("the stream is open");
    let bytes = pair.client_sends();
    pair.server.receive(&bytes, Time(8));
    let expected = ServerEvent::Marks { stream: STREAM, epoch: Epoch(1), round: Round(2), marks };
    assert_eq!(pair.server.poll_event(), Some(expected));
}

#[test]
fn credit_is_never_exceeded_and_its_end_is_said_once() {
    let mut pair = Pair::streaming(2);
    pair.send_round(0).expect("credit for two");
    assert_eq!(pair.client.credit(STREAM), Ok(1));
    let both = [layers(1)[0], layers(2)[0]];
    let batch = RoundsBatch { first_round: Round(1), layers: &both, skips: false, is_last: false };
    assert_eq!(pair.client.send_rounds(STREAM, batch, Time(0)), Err(Error::OutOfCredit));
    pair.send_round(1).expect("nothing of the batch was sent");
    assert_eq!(pair.send_round(2), Err(Error::OutOfCredit));
    pair.pump();
    assert_eq!(pair.at_client, ["OutOfCredit { stream: StreamId(7) }"]);
    assert_eq!(pair.at_server.len(), 2);
    assert_eq!(pair.server.grant(STREAM, 1, Time(0)), Err(Error::CreditReduced));
    pair.server.grant(STREAM, 3, Time(0)).expect("more than before");
    pair.pump();
    pair.send_round(2).expect("credit for one more");
    pair.pump();
    let expected = [
        "OutOfCredit { stream: StreamId(7) }",
        "Credit { stream: StreamId(7), credit: 1 }",
        "OutOfCredit { stream: StreamId(7) }",
    ];
    assert_eq!(pair.at_client, expected);
    assert_eq!(pair.at_server.len(), 3);
}

#[test]
fn every_stream_that_runs_out_of_credit_is_named() {
    let mut pair = Pair::streaming(1);
    pair.open(StreamId(8), 1);
    for stream in [StreamId(8), STREAM] {
        let batch = RoundsBatch { first_round: Round(0), layers: &layers(0), skips: false, is_last: false };
        pair.client.send_rounds(stream, batch, Time(0)).expect("credit for one");
    }
    pair.pump();
    assert_eq!(
        pair.at_client,
        ["OutOfCredit { stream: StreamId(7) }", "OutOfCredit { stream: StreamId(8) }"]
    );
}

#[test]
fn nothing_is_said_of_credit_once_the_session_has_ended() {
    let mut pair = Pair::streaming(0);
    pair.client_gets(&forge(Header::new(FrameType::Ping), 0, &[0; 24][..], |header| header.flags = 1));
    assert_eq!(pair.at_client, ["Failed(UnknownFlag)"]);
    pair.send_round(0).expect_err("the session has ended");
    pair.client_gets(&[]);
    assert_eq!(pair.at_client.len(), 1);
}

#[test]
fn a_stream_that_is_not_yet_accepted_has_no_credit() {
    let mut pair = Pair::new();
    pair.client.open(STREAM, &model(), Time(0)).expect("the stream is new");
    let assign = Assign { cells: (&[EVERY_CELL][..]).into() };
    pair.client.assign(STREAM, Epoch(1), Round(0), &assign, Time(0)).expect("the epoch is new");
    assert_eq!(pair.send_round(0), Err(Error::OutOfCredit));
    pair.pump();
    assert_eq!(pair.server.grant(STREAM, 5, Time(0)), Err(Error::StreamEnded));
    let answer = commit(1, &[0, 0], &[]);
    let early = pair.server.send_commit(STREAM, Epoch(1), Round(0), false, &answer, Time(0));
    assert_eq!(early, Err(Error::StreamEnded));
    pair.server.accept_stream(STREAM, 1, Time(0)).expect("the stream waits for that");
    pair.pump();
    pair.send_round(0).expect("credit for one");
    pair.pump();
    let expected = [
        "OutOfCredit { stream: StreamId(7) }",
        "Opened { stream: StreamId(7), credit: 1 }",
        "OutOfCredit { stream: StreamId(7) }",
    ];
    assert_eq!(pair.at_client, expected);
}

#[test]
fn the_last_round_needs_no_more_credit() {
    let mut pair = Pair::streaming(1);
    let batch = RoundsBatch { first_round: Round(0), layers: &layers(0), skips: false, is_last: true };
    pair.client.send_rounds(STREAM, batch, Time(0)).expect("credit for one");
    pair.pump();
    assert!(pair.at_client.is_empty(), "{:?}", pair.at_client);
}

#[test]
fn a_client_that_exceeds_its_credit_ends_its_session() {
    let mut pair = Pair::streaming(1);
    let two = [layers(0)[0], layers(1)[0]];
    assert_eq!(attack_server(&mut pair, rounds(1, 0, 0), &two[..]), "Failed(CreditExceeded)");
}

#[test]
fn widths_orders_and_epochs_are_checked_at_both_ends() {
    let wrong = [Layer { bit_count: 5, bits: &[0] }];
    let right = layers(0);
    let two = [layers(0)[0], layers(1)[0]];
    let cases: [(Header, &[Layer<'_>], Error); 9] = [
        (rounds(1, 0, 0), &wrong, Error::WrongWidth),
        (rounds(1, 0, FLAG_LAST), &two, Error::WrongWidth),
        (rounds(1, 1, 0), &layers(1), Error::RoundOutOfOrder),
        (rounds(1, 0, FLAG_SKIP), &right, Error::RoundOutOfOrder),
        (rounds(1, u64::MAX, FLAG_SKIP), &right, Error::RoundOutOfOrder),
        (rounds(2, 0, 0), &right, Error::WrongEpoch),
        (rounds(0, 0, 0), &right, Error::WrongField),
        (Header { stream: StreamId(8), ..rounds(1, 0, 0) }, &right, Error::UnknownStream),
        (Header { stream: StreamId(0), ..rounds(1, 0, 0) }, &right, Error::WrongField),
    ];
    for (header, layers, error) in cases {
        let mut pair = Pair::streaming(10);
        assert_eq!(attack_server(&mut pair, header, layers), format!("Failed({error:?})"));
        let mut pair = Pair::streaming(10);
        let has = |flag| header.flags & flag != 0;
        let (skips, is_last) = (has(FLAG_SKIP), has(FLAG_LAST));
        let batch = RoundsBatch { first_round: header.round, layers, skips, is_last };
        if header.stream == STREAM && header.epoch == Epoch(1) {
            assert_eq!(pair.client.send_rounds(STREAM, batch, Time(0)), Err(error));
        }
    }
}

#[test]
fn rounds_twice_or_after_the_last_are_refused() {
    for (last, error) in [(false, Error::RoundOutOfOrder), (true, Error::RoundAfterLast)] {
        let mut pair = Pair::streaming(10);
        let batch = RoundsBatch { first_round: Round(0), layers: &layers(0), skips: false, is_last: last };
        pair.client.send_rounds(STREAM, batch, Time(0)).expect("the first round");
        assert_eq!(pair.client.send_rounds(STREAM, batch, Time(0)), Err(error));
        pair.pump();
        let bytes = forge(rounds(1, 0, 0), NEXT_FROM_CLIENT + 1, &layers(0)[..], |_| ());
        pair.server_gets(&bytes);
        assert_eq!(pair.at_server.last(), Some(&format!("Failed({error:?})")));
    }
}

#[test]
fn a_declared_gap_and_a_new_assignment_move_the_stream() {
    let mut pair = Pair::streaming(10);
    pair.send_round(0).expect("the first round");
    let later = RoundsBatch { first_round: Round(5), layers: &layers(5), skips: true, is_last: false };
    pair.client.send_rounds(STREAM, later, Time(0)).expect("a declared gap");
    let assign = Assign { cells: (&[EVERY_CELL][..]).into() };
    assert_eq!(pair.client.assign(STREAM, Epoch(1), Round(3), &assign, Time(0)), Err(Error::EpochNotNewer));
    pair.client.assign(STREAM, Epoch(4), Round(3), &assign, Time(0)).expect("a newer epoch");
    pair.send_round(3).expect("the stream begins again there");
    let last = [layers(4)[0], Layer { bit_count: model().widths.last, bits: &[0] }];
    let last = RoundsBatch { first_round: Round(4), layers: &last, skips: false, is_last: true };
    pair.client.send_rounds(STREAM, last, Time(0)).expect("the last rounds");
    pair.client.assign(STREAM, Epoch(5), Round(1), &assign, Time(0)).expect("a newer epoch");
    pair.send_round(1).expect("even after the last");
    pair.pump();
    assert_eq!(pair.at_server.len(), 7, "{:?}", pair.at_server);
    assert_eq!(pair.client.credit(STREAM), Ok(4));
}

#[test]
fn answers_of_an_old_epoch_are_dropped_at_both_ends() {
    let mut pair = Pair::streaming(10);
    let answer = commit(1, &[0, 0], &[]);
    pair.server.send_commit(STREAM, Epoch(1), Round(0), false, &answer, Time(0)).expect("the current epoch");
    let on_its_way = pair.server_sends();
    pair.client
        .assign(STREAM, Epoch(2), Round(0), &Assign { cells: (&[][..]).into() }, Time(0))
        .expect("a newer epoch");
    pair.client_gets(&on_its_way);
    let [event] = &pair.at_client[..] else { panic!("{:?}", pair.at_client) };
    assert!(event.starts_with("StaleCommit { stream: StreamId(7), epoch: Epoch(1)"), "{event}");
    assert_eq!(pair.client.counters().stale_commits, 1);
    pair.pump();
    assert_eq!(
        pair.server.send_commit(STREAM, Epoch(1), Round(0), false, &answer, Time(0)),
        Err(Error::WrongEpoch)
    );
}

#[test]
fn a_server_that_breaks_the_rules_ends_its_session() {
    let header = |frame_type| Header::new(frame_type);
    let placed = |epoch| Header { epoch: Epoch(epoch), ..header(FrameType::Commit) };
    let unsorted = [Mark { layer: 1, index: 0 }, Mark { layer: 0, index: 0 }];
    let twice = [Mark { layer: 1, index: 0 }; 2];
    let unknown = Header { stream: StreamId(9), ..placed(1) };
    let nothing_open = Closed { code: 0, open_count: 0, open_cells: (&[][..]).into() };
    let cases: [(Header, &dyn Payload, Error); 8] = [
        (placed(2), &commit(1, &[0, 0], &[]), Error::WrongEpoch),
        (placed(1), &commit(1, &[0], &[]), Error::WrongWidth),
        (placed(1), &commit(1, &[0, 0], &unsorted), Error::MalformedPayload),
        (placed(1), &commit(1, &[0, 0], &twice), Error::MalformedPayload),
        (unknown, &commit(1, &[0, 0], &[]), Error::UnknownStream),
        (header(FrameType::Credit), &Credit { rounds: 9 }, Error::CreditReduced),
        (header(FrameType::Closed), &nothing_open, Error::OutOfState),
        (header(FrameType::Close), &commit(1, &[], &[]), Error::WrongDirection),
    ];
    for (header, payload, error) in cases {
        let mut pair = Pair::streaming(10);
        let bytes = forge(header, NEXT_FROM_SERVER, payload, |changed| {
            if header.stream.0 != 0 {
                changed.stream = header.stream;
            }
        });
        pair.client_gets(&bytes);
        assert_eq!(pair.at_client, [format!("Failed({error:?})")]);
        pair.pump();
        let [told] = &pair.at_server[..] else { panic!("{:?}", pair.at_server) };
        assert!(told.starts_with(&format!("PeerError(Fault {{ code: {}", error.code())), "{told}");
        assert!(pair.client.is_finished() && pair.server.is_finished());
    }
}

#[test]
fn nothing_is_sent_for_a_stream_that_is_not_assigned_or_has_ended() {
    let mut pair = Pair::new();
    pair.client.open(STREAM, &model(), Time(0)).expect("the stream is new");
    assert_eq!(pair.client.open(STREAM, &model(), Time(0)), Err(Error::StreamExists));
    assert_eq!(pair.send_round(0), Err(Error::NotAssigned));
    let marks = Marks { cell: EVERY_CELL.first, marks: (&[][..]).into() };
    assert_eq!(pair.client.send_marks(STREAM, Round(0), &marks, Time(0)), Err(Error::NotAssigned));
    pair.pump();
    pair.server.accept_stream(STREAM, 10, Time(0)).expect("the stream waits for that");
    assert_eq!(pair.server.accept_stream(STREAM, 10, Time(0)), Err(Error::OutOfState));
    let answer = commit(1, &[0, 0], &[]);
    assert_eq!(
        pair.server.send_commit(STREAM, Epoch(1), Round(0), false, &answer, Time(0)),
        Err(Error::NotAssigned)
    );
    let bytes = forge(rounds(1, 0, 0), 2, &layers(0)[..], |_| ());
    pair.server_gets(&bytes);
    assert_eq!(pair.at_server.last().map(String::as_str), Some("Failed(NotAssigned)"));
}

pub(crate) fn attack_server(pair: &mut Pair, header: Header, payload: &(impl Payload + ?Sized)) -> String {
    let bytes = forge(header, NEXT_FROM_CLIENT, payload, |changed| changed.stream = header.stream);
    pair.server_gets(&bytes);
    pair.at_server.last().cloned().unwrap_or_default()
}

pub(crate) fn rounds(epoch: u32, round: u64, flags: u32) -> Header {
    Header {
        stream: STREAM,
        epoch: Epoch(epoch),
        round: Round(round),
        flags,
        ..Header::new(FrameType::Rounds)
    }
}

pub(crate) fn commit<'a>(cell: u64, parity: &'a [u64], marks: &'a [Mark]) -> Commit<'a> {
    let hops = Hops { ingest: Time(1), dispatched: Time(2), decode_start: Time(3), decode_end: Time(4) };
    Commit { cell: CellId(cell), hops, parity: parity.into(), marks: marks.into() }
}
