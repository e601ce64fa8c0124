//! Which errors honest sides may report of each other, whatever the network does to them.

use outrider_wire::Error;

/// Errors that a network of faults brings about between sides that keep to the protocol.
const EXCUSED: &[Error] = &[
    Error::BadMagic,
    Error::BadHeaderChecksum,
    Error::BadPayloadChecksum,
    Error::HandshakeMisplaced,
    Error::UnknownSession,
    Error::ResumeImpossible,
    Error::HandshakeTimeout,
    Error::SessionsFull,
    Error::SessionEnded,
    Error::WrongSession,
    Error::ResendImpossible,
    Error::RepairFailed,
    Error::PeerSilent,
    Error::ConnectionLost,
    Error::ResumeExpired,
    Error::ShuttingDown,
    Error::RetentionFull,
];

/// Whether a code means that the other side does not keep to the protocol. Here all do.
pub(crate) fn is_accusation(code: u32) -> bool {
    !EXCUSED.iter().any(|excused| u32::from(excused.code()) == code)
}

pub(crate) fn name(code: u32) -> String {
    Error::from_code(code).map_or_else(|| format!("code {code:#x}"), |error| format!("{error:?}"))
}
