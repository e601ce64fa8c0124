//! What happens on a node, for logs and metrics.

use std::collections::{BTreeMap, VecDeque};

use outrider::LearnedNoise;
use outrider_wire::{self as wire, CellId, SessionId, StreamId};

use crate::node_ids::ConnectionId;

/// What codes that PROTOCOL.md does not have are counted as: a client may send any.
pub(crate) const UNKNOWN_CODE: u16 = u16::MAX;
/// Events that wait to be taken; of more, the oldest are dropped.
const EVENTS_MAX: usize = 1024;

/// What happened on a node since it began.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct NodeCounters {
    /// Connections taken.
    pub connections: u64,
    /// Connections refused because of a limit.
    pub connections_refused: u64,
    /// Connections without a HELLO that had to make room for others.
    pub greetings_evicted: u64,
    /// Sessions begun.
    pub sessions: u64,
    /// Sessions that went on over another connection.
    pub resumptions: u64,
    /// Sessions without a connection that had to make room for others.
    pub sessions_evicted: u64,
    /// Frames taken in.
    pub frames: u64,
    /// Sessions that ended by an error, by the code of PROTOCOL.md.
    pub failures: BTreeMap<u16, u64>,
    /// Connections lost or refused, by the code of PROTOCOL.md.
    pub lost: BTreeMap<u16, u64>,
    /// Streams that were refused or could not go on, by the code of PROTOCOL.md.
    pub stream_failures: BTreeMap<u16, u64>,
    /// Rounds taken in.
    pub rounds: u64,
    /// Cells decided and sent.
    pub cells: u64,
    /// Detection events in their windows.
    pub events: u64,
    /// Cells decided in vain, because they had been given away meanwhile.
    pub stale_cells: u64,
    /// Cells that could not be decided.
    pub failed_cells: u64,
    /// Versions of learned weights taken in.
    pub weights: u64,
    /// Events that were dropped because nobody took them.
    pub dropped: u64,
}

/// Something that an operator may want to read about. Codes are those of PROTOCOL.md.
///
/// Not `non_exhaustive`: a log that leaves a new event out does not compile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NodeEvent {
    /// A connection did not become a session's.
    HandshakeFailed {
        /// The connection.
        connection: ConnectionId,
        /// Why.
        code: u16,
    },
    /// A session has begun, or goes on.
    SessionUp {
        /// The session.
        session: SessionId,
        /// What carries it.
        connection: ConnectionId,
        /// Whether it goes on.
        resumed: bool,
    },
    /// A session is without a connection.
    SessionDown {
        /// The session.
        session: SessionId,
        /// Why.
        code: u16,
    },
    /// A session without a connection had to make room for another.
    SessionEvicted {
        /// The session.
        session: SessionId,
    },
    /// A session failed.
    SessionFailed {
        /// The session.
        session: SessionId,
        /// Why.
        code: u16,
    },
    /// A session is over, whether it failed or not.
    SessionOver {
        /// The session.
        session: SessionId,
    },
    /// A stream has begun.
    StreamOpened {
        /// The session.
        session: SessionId,
        /// The stream.
        stream: StreamId,
        /// Its patch, by place in the node's list.
        patch: usize,
    },
    /// A stream was refused, or could not go on.
    StreamFailed {
        /// The session.
        session: SessionId,
        /// The stream.
        stream: StreamId,
        /// Why.
        code: u16,
        /// Why, in words.
        text: String,
    },
    /// A stream ended while cells of it were open.
    CellsLeftOpen {
        /// The session.
        session: SessionId,
        /// The stream.
        stream: StreamId,
        /// How many.
        count: u64,
        /// The first of them.
        cells: Vec<CellId>,
    },
}

/// Counters, and events until somebody takes them.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    pub(crate) counters: NodeCounters,
    /// By the weights that came last.
    pub(crate) learned_noise: Option<LearnedNoise>,
    events: VecDeque<NodeEvent>,
}

impl Journal {
    pub(crate) fn note(&mut self, event: NodeEvent) {
        match &event {
            NodeEvent::HandshakeFailed { code, .. } | NodeEvent::SessionDown { code, .. } => {
                count(&mut self.counters.lost, *code);
            }
            NodeEvent::SessionFailed { code, .. } => {
                count(&mut self.counters.failures, *code);
            }
            NodeEvent::StreamFailed { code, .. } => {
                count(&mut self.counters.stream_failures, *code);
            }
            NodeEvent::SessionUp { resumed: true, .. } => self.counters.resumptions += 1,
            NodeEvent::SessionUp { resumed: false, .. } => self.counters.sessions += 1,
            NodeEvent::SessionEvicted { .. } => self.counters.sessions_evicted += 1,
            _ => {}
        }
        if self.events.len() == EVENTS_MAX {
            self.events.pop_front();
            self.counters.dropped += 1;
        }
        self.events.push_back(event);
    }

    /// Notes the open cells of a stream that ends, if there are any.
    pub(crate) fn note_open(&mut self, session: SessionId, stream: StreamId, mut cells: Vec<CellId>) {
        let count = cells.len() as u64;
        cells.truncate(wire::limits::OPEN_CELLS_MAX as usize);
        if count > 0 {
            self.note(NodeEvent::CellsLeftOpen { session, stream, count, cells });
        }
    }

    pub(crate) fn take(&mut self) -> Option<NodeEvent> {
        self.events.pop_front()
    }
}

fn count(codes: &mut BTreeMap<u16, u64>, code: u16) {
    let known = wire::Error::from_code(code.into()).map_or(UNKNOWN_CODE, |_| code);
    *codes.entry(known).or_default() += 1;
}
