//! What errors say: the texts go into ERROR frames, so they are part of the bytes on the wire.

use outrider_wire::{Digest, Error, Fault};

#[test]
fn every_error_has_its_text() {
    let texts: Vec<_> = Error::ALL.iter().map(|error| (error.code(), error.to_string())).collect();
    let expected: Vec<_> = TEXTS.iter().map(|&(code, text)| (code, text.to_owned())).collect();
    assert_eq!(texts, expected);
}

#[test]
fn faults_name_the_error_then_what_is_known_beyond_it() {
    let digests = Fault::of_digests(Error::PlanMismatch, &Digest([0x11; 32]), &Digest([0xab; 32]));
    let newer = Fault { code: 0x7001, ..Fault::new(Error::BadMagic, "beyond us") };
    let texts = [
        (Fault::from(Error::WrongToken), "wrong token".to_owned()),
        (Fault::new(Error::WrongToken, "wrong token"), "wrong token".to_owned()),
        (Fault::new(Error::StreamRefused, "no\nroom"), "stream refused: no\\nroom".to_owned()),
        (digests, format!("plan mismatch: expected {}, found {}", "11".repeat(32), "ab".repeat(32))),
        (newer, "unknown code 0x7001: beyond us".to_owned()),
    ];
    for (fault, text) in texts {
        assert_eq!(fault.to_string(), text);
    }
}

const TEXTS: &[(u16, &str)] = &[
    (0x0101, "not a frame of this protocol"),
    (0x0102, "broken header"),
    (0x0103, "broken payload"),
    (0x0104, "a frame is missing"),
    (0x0105, "unknown frame type"),
    (0x0106, "unknown critical flag"),
    (0x0107, "payload too large"),
    (0x0108, "malformed payload"),
    (0x0109, "a field that must be zero is not, or the reverse"),
    (0x0201, "no common version"),
    (0x0202, "a required feature is missing"),
    (0x0203, "handshake frame missing or misplaced"),
    (0x0204, "unknown session"),
    (0x0205, "wrong token"),
    (0x0206, "the session cannot be resumed from there"),
    (0x0207, "the handshake took too long"),
    (0x0208, "too many sessions"),
    (0x0209, "handshake parameters out of range"),
    (0x020a, "the session has ended"),
    (0x0301, "wrong version"),
    (0x0302, "wrong session"),
    (0x0303, "frame out of state"),
    (0x0304, "frame in the wrong direction"),
    (0x0305, "sequence number beyond the window"),
    (0x0306, "acknowledged more than was sent"),
    (0x0307, "asked for a frame that is not kept"),
    (0x0308, "repair failed"),
    (0x0309, "the other side is silent"),
    (0x030a, "connection lost"),
    (0x030b, "not resumed in time"),
    (0x030c, "shutting down"),
    (0x0401, "unknown stream"),
    (0x0402, "stream exists"),
    (0x0403, "too many streams"),
    (0x0404, "no cells are assigned"),
    (0x0405, "epoch not newer"),
    (0x0406, "wrong epoch"),
    (0x0407, "round out of order"),
    (0x0408, "round after the last"),
    (0x0409, "wrong width"),
    (0x040a, "credit exceeded"),
    (0x040b, "credit reduced"),
    (0x040c, "model mismatch"),
    (0x040d, "plan mismatch"),
    (0x040e, "stream refused"),
    (0x040f, "decoding failed"),
    (0x0501, "option out of range"),
    (0x0502, "out of credit"),
    (0x0503, "too much is unacknowledged"),
    (0x0504, "session not established"),
    (0x0505, "argument out of range"),
    (0x0506, "stream ended"),
];
