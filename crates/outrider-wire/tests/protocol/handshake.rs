//! Who may begin or resume a session, and on which terms.

use outrider_wire::limits::{
    HEARTBEAT_NS_MAX, HEARTBEAT_NS_MIN, PAYLOAD_BYTES_MAX, PAYLOAD_BYTES_MIN, STREAMS_MAX,
};
use outrider_wire::{
    ClientEvent, ClientSession, Digest, Error, Fault, FrameType, Handshake, Header, Hello, Options, Round,
    Sequence, ServerEvent, ServerSession, SessionId, Time, Token, Versions, Welcome, encode_frame, refusal,
};

use crate::pair::{Pair, SESSION, STREAM, TOKEN, greet, model, transmit_client, transmit_server};

#[test]
fn the_highest_common_version_is_chosen_or_both_ranges_are_named() {
    for (client, server, expected) in [
        ((1, 1), (1, 1), Some(1)),
        ((1, 3), (1, 2), Some(2)),
        ((2, 3), (1, 2), Some(2)),
        ((1, 2), (2, 9), Some(2)),
        ((1, 9), (4, 5), Some(5)),
        ((1, 1), (2, 3), None),
        ((4, 5), (1, 3), None),
    ] {
        let of = |(min, max)| Options { versions: Versions { min, max }, ..Options::default() };
        let result = shake(&of(client), &of(server));
        match (result, expected) {
            (Ok(version), Some(expected)) => assert_eq!(version, expected),
            (Err((error, expected, found)), None) => {
                assert_eq!(error, Error::VersionMismatch);
                assert_eq!(expected[..4], [server.0 as u8, 0, server.1 as u8, 0]);
                assert_eq!(found[..4], [client.0 as u8, 0, client.1 as u8, 0]);
            }
            (result, _) => panic!("{client:?} and {server:?} give {result:?}"),
        }
    }
}

#[test]
fn a_required_feature_that_is_not_offered_is_refused_with_both_sets() {
    let of = |features, features_required| Options { features, features_required, ..Options::default() };
    assert_eq!(shake(&of(0b11, 0b01), &of(0b01, 0)), Ok(1));
    assert_eq!(shake(&of(0b01, 0), &of(0b11, 0b01)), Ok(1));
    let (error, expected, found) =
        shake(&of(0b11, 0b10), &of(0b01, 0)).expect_err("the server lacks a feature");
    assert_eq!((error, expected[0], found[0]), (Error::FeatureMissing, 0b01, 0b10));
    let (error, expected, found) =
        shake(&of(0b01, 0), &of(0b11, 0b10)).expect_err("the client lacks a feature");
    assert_eq!((error, expected[0], found[0]), (Error::FeatureMissing, 0b10, 0b01));
}

#[test]
fn hashes_are_compared_and_both_are_shown() {
    let (model_hash, plan_hash, other) = (Digest([0x11; 32]), Digest([0x22; 32]), Digest([0x99; 32]));
    assert_eq!(model().check(&model_hash, &plan_hash), Ok(()));
    for (model_hash, plan_hash, error, found) in [
        (other, plan_hash, Error::ModelMismatch, 0x11),
        (model_hash, other, Error::PlanMismatch, 0x22),
        (other, other, Error::ModelMismatch, 0x11),
    ] {
        let fault = model().check(&model_hash, &plan_hash).expect_err("a hash differs");
        assert_eq!((fault.error(), fault.expected, fault.found), (Some(error), [0x99; 32], [found; 32]));
    }
    let mut pair = Pair::new();
    pair.client.open(STREAM, &model(), Time(0)).expect("the stream is new");
    pair.pump();
    let fault = model().check(&other, &plan_hash).expect_err("the models differ");
    pair.server.refuse_stream(STREAM, &fault, Time(0)).expect("the stream waits for an answer");
    pair.pump();
    let [event] = &pair.at_client[..] else { panic!("{:?}", pair.at_client) };
    assert!(event.starts_with("StreamError { stream: StreamId(7), fault: Fault { code: 1036"), "{event}");
    assert_eq!(
        pair.client.assign(STREAM, outrider_wire::Epoch(1), Round(0), &every_cell(), Time(0)),
        Err(Error::StreamEnded)
    );
}

#[test]
fn a_session_is_resumed_by_its_number_and_token_alone() {
    let options = Options::default();
    let stranger = |session: u64, token: Token, wanted: u64| {
        let hello = Hello { token, wanted: Sequence(wanted), ..hello() };
        greet(&options, &hello_frame(SessionId(session), &hello))
    };
    let mut pair = Pair::streaming(10);
    pair.wait(5_000_000);
    for (greeted, error) in [
        (stranger(SESSION.0, Token([0xa4; 16]), 2), Error::WrongToken),
        (stranger(SESSION.0 + 1, TOKEN, 2), Error::UnknownSession),
        (stranger(SESSION.0, TOKEN, 1), Error::ResumeImpossible),
        (stranger(SESSION.0, TOKEN, 3), Error::ResumeImpossible),
    ] {
        let fault = pair.server.resume(&greeted, pair.now).expect_err("not the session's client");
        assert_eq!(fault.error(), Some(error));
    }
    for byte in 0..16 {
        let mut token = TOKEN;
        token.0[byte] ^= 0x80;
        let fault = pair.server.resume(&stranger(SESSION.0, token, 2), pair.now).expect_err("another token");
        assert_eq!(fault.error(), Some(Error::WrongToken), "byte {byte}");
    }
    let slower = Hello { token: TOKEN, wanted: Sequence(2), heartbeat_ns: 20_000_000, ..hello() };
    let fault = pair.server.resume(&greet(&options, &hello_frame(SESSION, &slower)), pair.now);
    assert_eq!(fault.expect_err("not what was agreed on").error(), Some(Error::BadParameters));
    pair.send_round(0).expect("the session is as before");
    pair.pump();
    assert!(pair.at_server.len() == 1 && pair.at_server[0].starts_with("Rounds"), "{:?}", pair.at_server);
    pair.server
        .resume(&stranger(SESSION.0, TOKEN, 2), pair.now)
        .expect("number, token and sequence are right");
    let with_token = stranger(SESSION.0, TOKEN, 1);
    let fault =
        ServerSession::accept(&options, &with_token, SESSION, TOKEN, Time(0)).expect_err("not a new session");
    assert_eq!(fault.error(), Some(Error::UnknownSession));
}

#[test]
fn a_refusal_ends_the_client() {
    let mut client = ClientSession::new(&Options::default(), Time(0)).expect("good options");
    client.connect(Time(0)).expect("a new session");
    transmit_client(&mut client, Time(0));
    client.receive(&refusal(&Fault::new(Error::SessionsFull, "try later"), Time(5)), Time(5));
    let Some(ClientEvent::Refused(fault)) = client.poll_event() else { panic!("not refused") };
    assert_eq!((fault.error(), fault.text), (Some(Error::SessionsFull), "try later"));
    assert!(client.is_finished());
    assert_eq!(client.connect(Time(6)), Err(Error::SessionEnded));
}

#[test]
fn connections_that_begin_with_something_else_are_refused_by_name() {
    let cases = [
        (vec![0x16; 200], Error::BadMagic),
        (flipped(20), Error::BadHeaderChecksum),
        (flipped(70), Error::BadPayloadChecksum),
        (encode_frame(Header::new(FrameType::Welcome), &[0u8; 0][..]), Error::HandshakeMisplaced),
        (
            encode_frame(Header { version: 1, ..Header::new(FrameType::Hello) }, &hello()),
            Error::HandshakeMisplaced,
        ),
        (encode_frame(Header::new(FrameType::Hello), &[0; 65][..]), Error::PayloadTooLarge),
        (encode_frame(Header::new(FrameType::Hello), &[0; 63][..]), Error::MalformedPayload),
        (hello_frame(SESSION, &hello()), Error::BadParameters),
        (hello_frame(SessionId(0), &Hello { token: TOKEN, ..hello() }), Error::BadParameters),
        (hello_frame(SessionId(0), &Hello { wanted: Sequence(0), ..hello() }), Error::BadParameters),
        (hello_frame(SessionId(0), &Hello { features_required: 1, ..hello() }), Error::BadParameters),
        (
            hello_frame(SessionId(0), &Hello { versions: Versions { min: 0, max: 1 }, ..hello() }),
            Error::BadParameters,
        ),
        (
            hello_frame(SessionId(0), &Hello { versions: Versions { min: 2, max: 1 }, ..hello() }),
            Error::BadParameters,
        ),
    ];
    for (bytes, expected) in cases {
        let mut handshake = Handshake::new(&Options::default(), Time(0));
        assert_eq!(handshake.receive(&bytes, Time(0)).expect_err("not a good HELLO"), expected);
    }
}

#[test]
fn parameters_are_accepted_at_their_limits_and_not_beyond() {
    let accepted = |heartbeat_ns, payload_bytes_max| {
        let bytes = hello_frame(SessionId(0), &Hello { heartbeat_ns, payload_bytes_max, ..hello() });
        Handshake::new(&Options::default(), Time(0)).receive(&bytes, Time(0)).is_ok()
    };
    for (heartbeat_ns, payload_bytes) in
        [(HEARTBEAT_NS_MIN, PAYLOAD_BYTES_MIN), (HEARTBEAT_NS_MAX, PAYLOAD_BYTES_MAX)]
    {
        assert!(accepted(heartbeat_ns, payload_bytes));
    }
    assert!(!accepted(HEARTBEAT_NS_MIN - 1, PAYLOAD_BYTES_MIN));
    assert!(!accepted(HEARTBEAT_NS_MAX + 1, PAYLOAD_BYTES_MIN));
    assert!(!accepted(HEARTBEAT_NS_MIN, PAYLOAD_BYTES_MIN - 1));
    assert!(!accepted(HEARTBEAT_NS_MIN, PAYLOAD_BYTES_MAX + 1));
}

#[test]
fn a_server_may_not_change_what_was_agreed_on() {
    let options = Options::default();
    let welcome = Welcome {
        version: 1,
        features: 0,
        token: TOKEN,
        wanted: Sequence(1),
        heartbeat_ns: options.heartbeat_ns,
        payload_bytes_max: options.payload_bytes_max,
        streams_max: options.streams_max,
    };
    let other = SessionId(SESSION.0 + 1);
    for (session, welcome, is_good) in [
        (SESSION, welcome, true),
        (other, welcome, false),
        (SESSION, Welcome { payload_bytes_max: 65_536, ..welcome }, false),
        (SESSION, Welcome { heartbeat_ns: 20_000_000, ..welcome }, false),
    ] {
        let mut pair = Pair::new();
        pair.client.connection_lost(Time(0));
        pair.client.connect(Time(0)).expect("the session lives");
        let header = Header { session, ..Header::new(FrameType::Welcome) };
        pair.client_gets(&encode_frame(header, &welcome));
        let expected = if is_good { "Established { resumed: true }" } else { "Failed(BadParameters)" };
        assert_eq!(pair.at_client.last().map(String::as_str), Some(expected), "{welcome:?}");
    }
}

#[test]
fn the_longer_heartbeat_counts_and_each_side_keeps_to_the_payloads_of_the_other() {
    let of = |heartbeat_ns, payload_bytes_max, streams_max| Options {
        heartbeat_ns,
        payload_bytes_max,
        streams_max,
        ..Options::default()
    };
    for (client, server) in
        [(of(3_000_000, 1024, 5), of(7_000_000, 4096, 9)), (of(9_000_000, 8192, 5), of(7_000_000, 4096, 1))]
    {
        let mut session = ClientSession::new(&client, Time(0)).expect("good options");
        session.connect(Time(0)).expect("a new session");
        let greeted = greet(&server, &transmit_client(&mut session, Time(0)));
        let mut node =
            ServerSession::accept(&server, &greeted, SESSION, TOKEN, Time(0)).expect("both sides agree");
        session.receive(&transmit_server(&mut node, Time(0)), Time(0));
        assert_eq!(session.poll_event(), Some(ClientEvent::Established { resumed: false }));
        let (at_client, at_server) =
            (session.agreement().expect("established"), node.agreement().expect("established"));
        let heartbeat_ns = client.heartbeat_ns.max(server.heartbeat_ns);
        assert_eq!((at_client.heartbeat_ns, at_server.heartbeat_ns), (heartbeat_ns, heartbeat_ns));
        assert_eq!(at_client.payload_bytes_max, server.payload_bytes_max);
        assert_eq!(at_server.payload_bytes_max, client.payload_bytes_max);
        assert_eq!((at_client.streams_max, at_server.streams_max), (server.streams_max, server.streams_max));
        assert_eq!(session.next_timer(), Some(Time(heartbeat_ns)));
    }
}

#[test]
fn a_welcome_that_does_not_answer_the_hello_ends_the_session() {
    let good = Welcome {
        version: 1,
        features: 0,
        token: TOKEN,
        wanted: Sequence(1),
        heartbeat_ns: 10_000_000,
        payload_bytes_max: 4096,
        streams_max: 1,
    };
    for (session, welcome, error) in [
        (SESSION, Welcome { version: 2, ..good }, Error::VersionMismatch),
        (SESSION, Welcome { features: 1, ..good }, Error::FeatureMissing),
        (SESSION, Welcome { wanted: Sequence(2), ..good }, Error::ResumeImpossible),
        (SESSION, Welcome { token: Token::NONE, ..good }, Error::BadParameters),
        (SESSION, Welcome { streams_max: STREAMS_MAX + 1, ..good }, Error::BadParameters),
        (SessionId(0), good, Error::BadParameters),
    ] {
        let mut client = ClientSession::new(&Options::default(), Time(0)).expect("good options");
        client.connect(Time(0)).expect("a new session");
        let header = Header { session, ..Header::new(FrameType::Welcome) };
        client.receive(&encode_frame(header, &welcome), Time(0));
        assert_eq!(client.poll_event(), Some(ClientEvent::Failed(error)), "{welcome:?}");
    }
}

/// The WELCOME is lost with its connection: a new session is begun, for the client never knew the other.
#[test]
fn a_lost_answer_to_the_first_hello_leads_to_another_session() {
    let options = Options::default();
    let mut client = ClientSession::new(&options, Time(0)).expect("good options");
    client.connect(Time(0)).expect("a new session");
    transmit_client(&mut client, Time(0));
    client.connection_lost(Time(1));
    assert_eq!(client.poll_event(), Some(ClientEvent::ConnectionLost(Error::ConnectionLost)));
    client.connect(Time(2)).expect("the session may begin");
    let greeted = greet(&options, &transmit_client(&mut client, Time(2)));
    assert_eq!(greeted.session(), SessionId(0));
    let mut server =
        ServerSession::accept(&options, &greeted, SESSION, TOKEN, Time(2)).expect("both sides agree");
    client.receive(&transmit_server(&mut server, Time(2)), Time(2));
    assert_eq!(client.poll_event(), Some(ClientEvent::Established { resumed: false }));
}

#[test]
fn a_session_that_nobody_resumes_expires_on_both_sides() {
    let options = Options::default();
    let mut pair = Pair::new();
    pair.client.connection_lost(Time(5));
    pair.server.connection_lost(Time(5));
    assert_eq!(pair.client.next_timer(), Some(Time(5 + options.resume_ns)));
    assert_eq!(pair.server.next_timer(), Some(Time(5 + options.resume_ns)));
    for now in [4 + options.resume_ns, 5 + options.resume_ns] {
        pair.client.on_timer(Time(now));
        pair.server.on_timer(Time(now));
    }
    assert_eq!(pair.client.poll_event(), Some(ClientEvent::Failed(Error::ResumeExpired)));
    assert_eq!(pair.server.poll_event(), Some(ServerEvent::Failed(Error::ResumeExpired)));
    assert!(pair.client.is_finished() && pair.server.is_finished());
    assert_eq!((pair.client.next_timer(), pair.server.next_timer()), (None, None));
    let greeted = greet(&options, &hello_frame(SESSION, &Hello { token: TOKEN, ..hello() }));
    let fault = pair.server.resume(&greeted, Time(0)).expect_err("the session has ended");
    assert_eq!(fault.error(), Some(Error::SessionEnded));
}

#[test]
fn attempts_to_resume_do_not_prolong_a_session() {
    let options = Options::default();
    let mut pair = Pair::new();
    pair.client.connection_lost(Time(0));
    for attempt in 1..10 {
        let now = attempt * options.resume_ns / 10;
        pair.client.on_timer(Time(now));
        pair.client.connect(Time(now)).expect("the session lives");
        pair.client.connection_lost(Time(now + 1));
        assert_eq!(pair.client.poll_event(), Some(ClientEvent::ConnectionLost(Error::ConnectionLost)));
        assert_eq!(pair.client.next_timer(), Some(Time(options.resume_ns)));
    }
    pair.client.on_timer(Time(options.resume_ns));
    assert_eq!(pair.client.poll_event(), Some(ClientEvent::Failed(Error::ResumeExpired)));
}

#[test]
fn a_session_that_never_began_may_be_tried_for_ever() {
    let options = Options::default();
    let mut client = ClientSession::new(&options, Time(0)).expect("good options");
    for attempt in 0..10 {
        let now = attempt * options.handshake_ns;
        client.connect(Time(now)).expect("the session may begin");
        client.on_timer(Time(now + options.handshake_ns));
        assert_eq!(client.poll_event(), Some(ClientEvent::ConnectionLost(Error::HandshakeTimeout)));
    }
}

#[test]
fn options_out_of_their_ranges_are_refused() {
    let good = Options::default();
    for bad in [
        Options { features_required: 1, ..good.clone() },
        Options { heartbeat_ns: 0, ..good.clone() },
        Options { silent_heartbeats: 1, ..good.clone() },
        Options { payload_bytes_max: PAYLOAD_BYTES_MAX + 1, ..good.clone() },
        Options { retained_bytes: 64, ..good.clone() },
        Options { retained_bytes: outrider_wire::limits::RETAINED_BYTES_MAX + 1, ..good.clone() },
        Options { streams_max: 0, ..good.clone() },
        Options { streams_max: STREAMS_MAX + 1, ..good.clone() },
        Options { resume_ns: 0, ..good.clone() },
    ] {
        assert_eq!(ClientSession::new(&bad, Time(0)).map(|_| ()), Err(Error::BadOption), "{bad:?}");
    }
}

/// Error, what the server has, what the client has.
type Refused = (Error, [u8; 32], [u8; 32]);

fn shake(client: &Options, server: &Options) -> Result<u16, Refused> {
    let mut session = ClientSession::new(client, Time(0)).expect("good options");
    session.connect(Time(0)).expect("a new session");
    let greeted = greet(server, &transmit_client(&mut session, Time(0)));
    let mut server = ServerSession::accept(server, &greeted, SESSION, TOKEN, Time(0))
        .map_err(|fault| (fault.error().expect("a known error"), fault.expected, fault.found))?;
    session.receive(&transmit_server(&mut server, Time(0)), Time(0));
    assert_eq!(session.poll_event(), Some(ClientEvent::Established { resumed: false }));
    assert_eq!(
        session.agreement().map(|agreement| (agreement.version, agreement.features)),
        server.agreement().map(|agreement| (agreement.version, agreement.features))
    );
    Ok(session.agreement().expect("established").version)
}

fn hello() -> Hello {
    Hello {
        versions: Versions::SPOKEN,
        features: 0,
        features_required: 0,
        token: Token::NONE,
        wanted: Sequence(1),
        heartbeat_ns: 10_000_000,
        payload_bytes_max: 16_384,
    }
}

fn hello_frame(session: SessionId, hello: &Hello) -> Vec<u8> {
    encode_frame(Header { session, ..Header::new(FrameType::Hello) }, hello)
}

fn flipped(byte: usize) -> Vec<u8> {
    let mut bytes = hello_frame(SessionId(0), &hello());
    bytes[byte] ^= 1;
    bytes
}

fn every_cell() -> outrider_wire::Assign<'static> {
    outrider_wire::Assign { cells: (&[crate::pair::EVERY_CELL][..]).into() }
}
