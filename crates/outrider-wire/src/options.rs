use crate::error::Error;
use crate::greeting::{Versions, parameters_fit};
use crate::header::HEADER_BYTES;
use crate::limits::{RETAINED_BYTES_MAX, SILENT_HEARTBEATS_MAX, STREAMS_MAX};

/// The options of one side of a session.
#[derive(Debug, Clone)]
pub struct Options {
    /// The versions it supports: those of [`Versions::SPOKEN`], or fewer. Others only serve to try the negotiation.
    pub versions: Versions,
    /// The features it offers; version 1 defines none.
    pub features: u64,
    /// The features without which it does not go on; among those it offers.
    pub features_required: u64,
    /// A side with nothing else to send sends a PING this often. The longer heartbeat of the two sides counts.
    pub heartbeat_ns: u64,
    /// After so many heartbeats without a frame the connection counts as lost.
    pub silent_heartbeats: u32,
    /// How long an acknowledgement may wait for more to acknowledge.
    pub acknowledge_ns: u64,
    /// How long a handshake may take.
    pub handshake_ns: u64,
    /// How long a session without a connection lives.
    pub resume_ns: u64,
    /// The longest payload it takes.
    pub payload_bytes_max: u32,
    /// Memory for frames that are not yet acknowledged.
    pub retained_bytes: usize,
    /// A server's limit of streams open at a time.
    pub streams_max: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            versions: Versions::SPOKEN,
            features: 0,
            features_required: 0,
            heartbeat_ns: 10_000_000,
            silent_heartbeats: 5,
            acknowledge_ns: 1_000_000,
            handshake_ns: 5_000_000_000,
            resume_ns: 10_000_000_000,
            payload_bytes_max: 16_384,
            retained_bytes: 1 << 20,
            streams_max: 16,
        }
    }
}

impl Options {
    /// Refuses options out of their ranges.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let good = self.versions.are_valid()
            && self.features_required & !self.features == 0
            && parameters_fit(self.heartbeat_ns, self.payload_bytes_max)
            && (2..=SILENT_HEARTBEATS_MAX).contains(&self.silent_heartbeats)
            && self.acknowledge_ns != 0
            && self.handshake_ns != 0
            && self.resume_ns != 0
            && (self.frame_bytes_max()..=RETAINED_BYTES_MAX).contains(&self.retained_bytes)
            && (1..=STREAMS_MAX).contains(&self.streams_max);
        if good { Ok(()) } else { Err(Error::BadOption) }
    }

    /// Bytes of the longest frame it takes.
    pub(crate) fn frame_bytes_max(&self) -> usize {
        HEADER_BYTES + self.payload_bytes_max as usize
    }
}
