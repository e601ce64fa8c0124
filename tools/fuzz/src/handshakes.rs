//! The first bytes of a connection, at a node and at a controller that has said HELLO, in pieces of any length.

use outrider_wire::{ClientEvent, ClientSession, Handshake, ServerSession, SessionId, Time, Token};

use crate::frames::resealed;
use crate::script::Script;
use crate::sessions::{OUT_BYTES, small};

/// The first byte says how long the pieces are.
pub(crate) fn run(data: &[u8]) {
    let mut script = Script::new(data);
    let piece = 1 + usize::from(script.byte());
    let rest = script.bytes(data.len());
    for bytes in [rest, &resealed(rest)] {
        at_node(bytes, piece);
        at_controller(bytes, piece);
    }
}

fn at_node(mut bytes: &[u8], piece: usize) {
    let options = small();
    let mut handshake = Handshake::new(&options, Time(0));
    loop {
        let given = bytes.len().min(piece);
        let Ok((count, greeted)) = handshake.receive(&bytes[..given], Time(0)) else { return };
        if let Some(greeted) = greeted {
            let accepted = ServerSession::accept(&options, &greeted, SessionId(1), Token([1; 16]), Time(0));
            assert!(accepted.is_err() || greeted.hello().token.is_none(), "begun, though it is to go on");
            return;
        }
        assert_eq!(count, given, "a HELLO has an end");
        bytes = &bytes[count..];
        if bytes.is_empty() {
            return;
        }
    }
}

fn at_controller(mut bytes: &[u8], piece: usize) {
    let mut client = ClientSession::new(&small(), Time(0)).expect("the options are good");
    client.connect(Time(0)).expect("the session is new");
    let mut out = vec![0; OUT_BYTES];
    client.transmit(&mut out, Time(0));
    let mut is_established = false;
    while !bytes.is_empty() {
        let count = client.receive(&bytes[..bytes.len().min(piece)], Time(0));
        assert!(count > 0, "there is room again once all events are taken");
        bytes = &bytes[count..];
        while let Some(event) = client.poll_event() {
            match event {
                ClientEvent::Established { resumed } => {
                    assert!(!resumed && !is_established, "one beginning");
                    is_established = true;
                }
                ClientEvent::Refused(_) => assert!(!is_established, "refused after the welcome"),
                ClientEvent::PeerError(_) | ClientEvent::ConnectionLost(_) | ClientEvent::Failed(_) => {}
                other => panic!("{other:?} without a stream"),
            }
        }
        while client.transmit(&mut out, Time(0)) != 0 {}
    }
}
