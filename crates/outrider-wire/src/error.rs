use crate::codes::coded;

/// What an [`Error`] ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Nothing: the frame is dropped and sent again.
    Frame,
    /// The connection. The session goes on over another one, from the last acknowledgement.
    Connection,
    /// The attempt to begin or resume a session.
    Handshake,
    /// The session, and no other.
    Session,
    /// The stream, and no other.
    Stream,
    /// Nothing: a call was refused and had no effect. Never sent.
    Call,
}

/// Declares the errors once: name, value, scope and text.
macro_rules! errors {
    ($($(#[doc = $doc:literal])+ $name:ident = $code:literal, $scope:ident, $text:literal;)+) => {
        coded! {
            /// Everything that can go wrong, with its value on the wire.
            #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
            #[non_exhaustive]
            pub enum Error {
                $($(#[doc = $doc])+ #[error($text)] $name = $code,)+
            }
        }

        impl Error {
            /// What the error ends.
            pub fn scope(self) -> Scope {
                match self {
                    $(Self::$name => Scope::$scope,)+
                }
            }
        }
    };
}

errors! {
    /// The first four bytes of a frame are not the magic number.
    BadMagic = 0x0101, Connection, "not a frame of this protocol";
    /// The header does not have the CRC it states.
    BadHeaderChecksum = 0x0102, Connection, "broken header";
    /// The payload does not have the CRC that the header states.
    BadPayloadChecksum = 0x0103, Frame, "broken payload";
    /// A sequenced frame came before its predecessor.
    SequenceGap = 0x0104, Frame, "a frame is missing";
    /// No frame has that type.
    UnknownType = 0x0105, Session, "unknown frame type";
    /// A critical flag is not defined, or does not belong to this type of frame.
    UnknownFlag = 0x0106, Session, "unknown critical flag";
    /// The payload is longer than the receiver allows.
    PayloadTooLarge = 0x0107, Session, "payload too large";
    /// The payload does not have the form of its type, or breaks a limit.
    MalformedPayload = 0x0108, Session, "malformed payload";
    /// A header field or payload field that must be zero is not, or one that must not be zero is.
    WrongField = 0x0109, Session, "a field that must be zero is not, or the reverse";

    /// No version suits both sides.
    VersionMismatch = 0x0201, Handshake, "no common version";
    /// A feature that one side requires is not offered by the other.
    FeatureMissing = 0x0202, Handshake, "a required feature is missing";
    /// A connection began with another frame than a handshake, or a handshake frame came later.
    HandshakeMisplaced = 0x0203, Connection, "handshake frame missing or misplaced";
    /// No session has that number.
    UnknownSession = 0x0204, Handshake, "unknown session";
    /// The token is not that of the session.
    WrongToken = 0x0205, Handshake, "wrong token";
    /// The other side needs frames that are no longer kept, or were never sent.
    ResumeImpossible = 0x0206, Handshake, "the session cannot be resumed from there";
    /// The handshake took too long.
    HandshakeTimeout = 0x0207, Connection, "the handshake took too long";
    /// The node has no room for another session.
    SessionsFull = 0x0208, Handshake, "too many sessions";
    /// The parameters of a HELLO or WELCOME are out of their ranges.
    BadParameters = 0x0209, Handshake, "handshake parameters out of range";
    /// The session has ended.
    SessionEnded = 0x020a, Handshake, "the session has ended";

    /// The version in a header is not the one agreed on.
    WrongVersion = 0x0301, Session, "wrong version";
    /// The session in a header is not that of the connection.
    WrongSession = 0x0302, Session, "wrong session";
    /// A frame that this state does not allow.
    OutOfState = 0x0303, Session, "frame out of state";
    /// A frame that only the other side may send.
    WrongDirection = 0x0304, Session, "frame in the wrong direction";
    /// A sequence number further ahead than any sender may be.
    SequenceBeyondWindow = 0x0305, Session, "sequence number beyond the window";
    /// An acknowledgement of frames that were never sent.
    AcknowledgedBeyondSent = 0x0306, Session, "acknowledged more than was sent";
    /// A frame is asked for again that was acknowledged or never sent.
    ResendImpossible = 0x0307, Session, "asked for a frame that is not kept";
    /// The same frame was asked for again too often.
    RepairFailed = 0x0308, Connection, "repair failed";
    /// Nothing came for too many heartbeats.
    PeerSilent = 0x0309, Connection, "the other side is silent";
    /// The connection ended.
    ConnectionLost = 0x030a, Connection, "connection lost";
    /// No new connection came in time.
    ResumeExpired = 0x030b, Session, "not resumed in time";
    /// The node shuts down.
    ShuttingDown = 0x030c, Session, "shutting down";

    /// The stream is not open.
    UnknownStream = 0x0401, Session, "unknown stream";
    /// The stream is open already.
    StreamExists = 0x0402, Session, "stream exists";
    /// No room for another stream.
    StreamsFull = 0x0403, Session, "too many streams";
    /// Rounds or marks for a stream of which no cells are assigned.
    NotAssigned = 0x0404, Session, "no cells are assigned";
    /// An assignment whose epoch is not above that of the one before.
    EpochNotNewer = 0x0405, Session, "epoch not newer";
    /// An epoch that is not the current one of the stream.
    WrongEpoch = 0x0406, Session, "wrong epoch";
    /// Rounds that do not follow the ones before: twice, backwards, or after an undeclared gap.
    RoundOutOfOrder = 0x0407, Session, "round out of order";
    /// Rounds after the last one.
    RoundAfterLast = 0x0408, Session, "round after the last";
    /// A layer, or a row of parities, of another width than the stream has.
    WrongWidth = 0x0409, Session, "wrong width";
    /// More rounds than were granted.
    CreditExceeded = 0x040a, Session, "credit exceeded";
    /// A grant below an earlier one.
    CreditReduced = 0x040b, Session, "credit reduced";
    /// The node has another model for this stream.
    ModelMismatch = 0x040c, Stream, "model mismatch";
    /// The node has another plan for this stream.
    PlanMismatch = 0x040d, Stream, "plan mismatch";
    /// The node does not take this stream, or cannot go on with it.
    StreamRefused = 0x040e, Stream, "stream refused";
    /// Decoding failed an invariant; no answer is better than a wrong one.
    DecodingFailed = 0x040f, Stream, "decoding failed";

    /// An option out of its range.
    BadOption = 0x0501, Call, "option out of range";
    /// No credit for these rounds.
    OutOfCredit = 0x0502, Call, "out of credit";
    /// No room to keep another frame until it is acknowledged.
    RetentionFull = 0x0503, Call, "too much is unacknowledged";
    /// The session has not been established, or has ended.
    NotEstablished = 0x0504, Call, "session not established";
    /// An argument that no frame can carry.
    BadArgument = 0x0505, Call, "argument out of range";
    /// The other side, or this one, has ended the stream.
    StreamEnded = 0x0506, Call, "stream ended";
}
