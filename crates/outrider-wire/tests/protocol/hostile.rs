//! Frames that belong to nobody. Any bytes at all are for `tools/fuzz`.

use outrider_wire::{Error, Fault, FrameType, Header, SessionId, encode_frame};

use crate::pair::{Pair, forge};

#[test]
fn frames_of_another_session_version_or_state_end_this_session_alone() {
    let ping = |change: fn(&mut Header)| forge(Header::new(FrameType::Ping), 0, &[0; 24][..], change);
    let error = forge(Header::new(FrameType::Error), 0, &Fault::from(Error::ShuttingDown), |_| ());
    let cases = [
        (ping(|header| header.session = SessionId(1)), "Failed(WrongSession)"),
        (ping(|header| header.version = 2), "Failed(WrongVersion)"),
        (ping(|header| header.frame_type = FrameType::Ack), "Failed(MalformedPayload)"),
        (ping(|header| header.flags = 1 << 9), "Failed(UnknownFlag)"),
        (unknown_type(), "Failed(UnknownType)"),
        (forge(Header::new(FrameType::Credit), 3, &[0; 8][..], |_| ()), "Failed(WrongDirection)"),
        (forge(Header::new(FrameType::Close), 3, &[0; 8][..], |_| ()), "Failed(MalformedPayload)"),
        (forge(Header::new(FrameType::Open), 3, &crate::pair::model(), |_| ()), "Failed(StreamExists)"),
        (error, "PeerError(Fault { code: 780, expected"),
    ];
    let mut bystander = Pair::streaming(1_000);
    for (round, (bytes, expected)) in cases.into_iter().enumerate() {
        let mut pair = Pair::streaming(10);
        pair.server_gets(&bytes);
        let [event] = &pair.at_server[..] else { panic!("{expected}: {:?}", pair.at_server) };
        assert!(event.starts_with(expected), "{event}");
        pair.server_gets(&bytes);
        assert_eq!(pair.at_server.len(), 1, "an ended session takes nothing more");
        pair.pump();
        assert!(pair.server.is_finished());
        assert_eq!(
            pair.client.is_finished(),
            expected.starts_with("Failed"),
            "who ends a session tells the other"
        );
        bystander.send_round(round as u64).expect("another session is as before");
        bystander.pump();
        assert_eq!(bystander.at_server.len(), round + 1);
    }
}

fn unknown_type() -> Vec<u8> {
    let mut bytes = encode_frame(Header { version: 1, ..Header::new(FrameType::Ping) }, &[0u8; 0][..]);
    bytes[6] = 200;
    let checksum = crc32c::crc32c(&bytes[..60]).to_le_bytes();
    bytes[60..].copy_from_slice(&checksum);
    bytes
}
