use crate::ids::SessionId;

/// What the two sides agreed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Agreement {
    /// The session.
    pub session: SessionId,
    /// The version of its frames.
    pub version: u16,
    /// The features of both sides.
    pub features: u64,
    /// The heartbeat of both sides.
    pub heartbeat_ns: u64,
    /// The longest payload that the other side takes.
    pub payload_bytes_max: u32,
    /// How many streams may be open at a time.
    pub streams_max: u32,
}
