//! How streams and sessions end, in good order and otherwise.

use outrider_wire::{Closed, Epoch, Error, Fault, FrameType, Header, Round, StreamId, Time};

use crate::pair::{EVERY_CELL, Pair, STREAM, forge, layers, model};
use crate::streams::{NEXT_FROM_CLIENT, commit, rounds};

#[test]
fn a_stream_that_the_node_ends_takes_no_other_with_it() {
    let mut pair = Pair::streaming(10);
    pair.open(StreamId(8), 10);
    pair.send_round(0).expect("before the end");
    let on_its_way = pair.client_sends();
    pair.server.refuse_stream(STREAM, &Fault::new(Error::DecodingFailed, "residual"), Time(0)).expect("open");
    assert_eq!(
        pair.server.refuse_stream(STREAM, &Fault::from(Error::DecodingFailed), Time(0)),
        Err(Error::StreamEnded)
    );
    pair.server_gets(&on_its_way);
    assert!(pair.at_server.is_empty(), "the rounds on their way are void: {:?}", pair.at_server);
    pair.pump();
    assert_eq!(pair.send_round(1), Err(Error::StreamEnded));
    pair.client.close(Some(STREAM), Time(0)).expect("an ended stream is closed too");
    pair.pump();
    assert_eq!(pair.at_server, ["Close { stream: Some(StreamId(7)) }"]);
    let closed = Closed { code: 0, open_count: 0, open_cells: (&[][..]).into() };
    pair.server.closed(Some(STREAM), &closed, Time(0)).expect("the client has closed it");
    pair.pump();
    let last = pair.at_client.last().expect("CLOSED");
    assert!(last.starts_with("Closed { stream: Some(StreamId(7))"), "{last}");
    pair.open(STREAM, 10);
    pair.send_round(0).expect("the number is free again");
    assert_eq!(pair.client.credit(StreamId(8)), Ok(10));
}

#[test]
fn a_session_is_closed_with_a_report_of_what_is_open() {
    for client_asks in [true, false] {
        let mut pair = Pair::streaming(10);
        if client_asks {
            pair.client.close(None, Time(0)).expect("the session lives");
            assert_eq!(pair.client.close(None, Time(0)), Err(Error::SessionEnded));
            assert_eq!(pair.client.open(StreamId(9), &model(), Time(0)), Err(Error::SessionEnded));
            pair.pump();
            assert_eq!(pair.at_server, ["Close { stream: None }"]);
            let answer = commit(1, &[0, 0], &[]);
            pair.server.send_commit(STREAM, Epoch(1), Round(0), false, &answer, Time(0)).expect("one more");
        }
        pair.send_round(0).err();
        let on_its_way = pair.client_sends();
        let cells = [EVERY_CELL.first];
        let closed = Closed { code: 0, open_count: 1, open_cells: (&cells[..]).into() };
        pair.server.closed(None, &closed, Time(0)).expect("not yet closed");
        assert_eq!(pair.server.closed(None, &closed, Time(0)), Err(Error::OutOfState));
        assert!(!pair.server.is_finished());
        pair.server_gets(&on_its_way);
        pair.pump();
        assert_eq!(pair.at_server.len(), usize::from(client_asks));
        let last = pair.at_client.last().expect("CLOSED");
        assert!(last.starts_with("Closed { stream: None, closed: Closed { code: 0, open_count: 1"), "{last}");
        assert!(pair.client.is_finished() && pair.server.is_finished());
    }
}

#[test]
fn nothing_follows_a_close() {
    let close = || Header::new(FrameType::Close);
    let nothing: &[u8] = &[];
    for stream in [Some(STREAM), None] {
        let cases = [
            forge(rounds(1, 0, 0), NEXT_FROM_CLIENT + 1, &layers(0)[..], |_| ()),
            forge(close(), NEXT_FROM_CLIENT + 1, nothing, |_| ()),
            forge(close(), NEXT_FROM_CLIENT + 1, nothing, |header| {
                header.stream = stream.unwrap_or(StreamId(0))
            }),
        ];
        for bytes in cases {
            let mut pair = Pair::streaming(10);
            pair.client.close(stream, Time(0)).expect("open");
            assert_eq!(pair.send_round(0), Err(Error::StreamEnded));
            pair.pump();
            pair.server_gets(&bytes);
            assert_eq!(pair.at_server.last().map(String::as_str), Some("Failed(OutOfState)"));
        }
    }
}

#[test]
fn closing_a_stream_leaves_the_others_open() {
    let mut pair = Pair::streaming(10);
    pair.open(StreamId(8), 10);
    pair.client.close(Some(StreamId(8)), Time(0)).expect("open");
    assert_eq!(pair.client.close(Some(StreamId(8)), Time(0)), Err(Error::StreamEnded));
    pair.send_round(0).expect("the other stream");
    pair.pump();
    assert_eq!(pair.at_server.len(), 2, "{:?}", pair.at_server);
}

#[test]
fn a_stream_may_be_ended_by_both_sides_at_once() {
    let mut pair = Pair::streaming(10);
    pair.client.close(Some(STREAM), Time(0)).expect("open");
    pair.server.refuse_stream(STREAM, &Fault::from(Error::DecodingFailed), Time(0)).expect("open");
    pair.pump();
    assert_eq!(pair.at_server, ["Close { stream: Some(StreamId(7)) }"]);
    pair.server.closed(Some(STREAM), &nothing_open(), Time(0)).expect("the client has closed it");
    pair.pump();
    let [error, closed] = &pair.at_client[..] else { panic!("{:?}", pair.at_client) };
    assert!(error.starts_with("StreamError") && closed.starts_with("Closed"), "{error} {closed}");
}

#[test]
fn a_server_says_nothing_about_what_it_has_ended() {
    let answer = commit(1, &[0, 0], &[]);
    let mut pair = Pair::streaming(10);
    pair.server.refuse_stream(STREAM, &Fault::from(Error::DecodingFailed), Time(0)).expect("open");
    let late = pair.server.send_commit(STREAM, Epoch(1), Round(0), false, &answer, Time(0));
    assert_eq!(late, Err(Error::StreamEnded));
    assert_eq!(pair.server.grant(STREAM, 20, Time(0)), Err(Error::StreamEnded));
    pair.server.closed(None, &nothing_open(), Time(0)).expect("not yet closed");
    let late = pair.server.send_commit(STREAM, Epoch(1), Round(0), false, &answer, Time(0));
    assert_eq!(late, Err(Error::UnknownStream));
    assert_eq!(pair.server.closed(Some(STREAM), &nothing_open(), Time(0)), Err(Error::UnknownStream));
}

#[test]
fn a_session_whose_last_word_has_no_connection_any_more_is_finished() {
    let wrong = forge(Header::new(FrameType::Ping), 0, &[0; 24][..], |header| header.session.0 += 1);
    let mut pair = Pair::streaming(10);
    pair.server_gets(&wrong);
    pair.client_gets(&wrong);
    assert!(!pair.server.is_finished() && !pair.client.is_finished(), "ERROR is to be sent");
    pair.server.connection_lost(Time(0));
    pair.client.connection_lost(Time(0));
    assert!(pair.server.is_finished() && pair.client.is_finished());
}

fn nothing_open() -> Closed<'static> {
    Closed { code: 0, open_count: 0, open_cells: (&[][..]).into() }
}
