//! The line to one node: a session, and the rules by which it is given up and begun again.

use std::collections::BTreeSet;

use outrider_wire as wire;
use outrider_wire::{ClientSession, StreamId, Time};

use crate::ids::PatchId;
use crate::node_status::{NodeState, NodeStatus};
use crate::options::ControllerOptions;

#[derive(Debug)]
pub(crate) struct NodeLink {
    pub(crate) session: ClientSession,
    pub(crate) line: LineState,
    /// The session before, while the connection is still its own.
    leaving: Option<Box<ClientSession>>,
    /// No connection is tried before this time.
    pause_until: Time,
    /// Since when there has been no connection that works, and why.
    pub(crate) down: Option<(Time, wire::Error)>,
    /// The session has begun.
    pub(crate) is_up: bool,
    /// Patches that it refused, so that it is not asked again and again.
    pub(crate) refused: BTreeSet<PatchId>,
    /// Patches for which it had no stream left, and for which the caller has had the event.
    pub(crate) waiting: BTreeSet<PatchId>,
    /// Streams still to be closed: the session had no room for their CLOSE frames.
    unclosed: Vec<StreamId>,
    /// Fences in a row, without a commit between them.
    fences: u32,
    /// The status of the node up to the session at hand: without its state and the counts of that session.
    past: NodeStatus,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LineState {
    /// No connection.
    Idle,
    /// One is being tried.
    Dialling,
    Connected,
    /// One over which a session that has ended sends its last frames.
    Leaving,
    /// One that is of no use any more, to be dropped.
    Defunct,
}

impl NodeLink {
    pub(crate) fn new(options: &ControllerOptions, now: Time) -> Result<Self, wire::Error> {
        Ok(Self {
            session: ClientSession::new(&options.wire, now)?,
            line: LineState::Idle,
            leaving: None,
            pause_until: now,
            down: None,
            is_up: false,
            refused: BTreeSet::new(),
            waiting: BTreeSet::new(),
            unclosed: Vec::new(),
            fences: 0,
            past: NodeStatus::default(),
        })
    }

    pub(crate) fn wants_connection(&self, now: Time) -> bool {
        self.line == LineState::Idle && now >= self.pause_until
    }

    /// When a connection should be tried, if there is none, or one that is left be dropped.
    pub(crate) fn next_dial(&self) -> Option<Time> {
        matches!(self.line, LineState::Idle | LineState::Leaving).then_some(self.pause_until)
    }

    pub(crate) fn on_timer(&mut self, now: Time) {
        self.session.on_timer(now);
        if self.line == LineState::Leaving && now >= self.pause_until {
            self.hang_up();
        }
    }

    pub(crate) fn transmit(&mut self, out: &mut [u8], now: Time) -> usize {
        match (self.line, &mut self.leaving) {
            (LineState::Connected, _) => self.session.transmit(out, now),
            (LineState::Leaving, Some(leaving)) => leaving.transmit(out, now),
            _ => 0,
        }
    }

    /// Whether the connection is of no more use.
    pub(crate) fn is_over(&self) -> bool {
        match self.line {
            LineState::Leaving => self.leaving.as_ref().is_none_or(|leaving| leaving.is_finished()),
            line => line == LineState::Defunct,
        }
    }

    /// The connection has ended, or could not be had.
    pub(crate) fn disconnected(&mut self, options: &ControllerOptions, now: Time) {
        if self.line == LineState::Dialling {
            self.pause(options, now);
        }
        self.line = LineState::Idle;
        self.leaving = None;
        self.session.connection_lost(now);
    }

    pub(crate) fn connected(&mut self, options: &ControllerOptions, now: Time) {
        self.pause(options, now);
        // One that came too late, after a fence, is dropped.
        let is_wanted = self.line != LineState::Defunct && self.session.connect(now).is_ok();
        self.line = if is_wanted { LineState::Connected } else { LineState::Defunct };
    }

    /// There is no connection, or none that works, because of `error`.
    pub(crate) fn note_outage(&mut self, error: wire::Error, now: Time) {
        self.down.get_or_insert((now, error));
    }

    /// Lets no connection be tried for a little.
    fn pause(&mut self, options: &ControllerOptions, now: Time) {
        self.pause_until = self.pause_until.max(now.after(options.redial_ns));
    }

    /// The session has begun, or goes on.
    pub(crate) fn established(&mut self, resumed: bool) {
        self.down = None;
        self.is_up = true;
        self.past.sessions += u64::from(!resumed);
    }

    /// Something came from the node.
    pub(crate) fn note_arrival(&mut self, now: Time) {
        self.past.heard = Some(now);
    }

    /// Its credit has run out.
    pub(crate) fn count_starvation(&mut self) {
        self.past.starvations += 1;
    }

    pub(crate) fn status(&self) -> NodeStatus {
        let state = match (self.is_up, self.down) {
            (true, None) => NodeState::Up,
            (true, Some(_)) => NodeState::Down,
            (false, _) if self.fences > 0 => NodeState::Fenced,
            (false, _) => NodeState::Absent,
        };
        let mut status = NodeStatus { state, ..self.past };
        status.counters += self.session.counters();
        status.round_trip_ns = self.session.round_trip_ns().or(status.round_trip_ns);
        status
    }

    /// Closes a stream, now or as soon as there is room for the frame. Does nothing at a node that does not have it.
    pub(crate) fn close(&mut self, stream: StreamId, now: Time) {
        self.waiting.remove(&PatchId(stream.0));
        self.unclosed.push(stream);
        self.close_more(now);
    }

    /// Closes what could not be closed before.
    pub(crate) fn close_more(&mut self, now: Time) {
        let session = &mut self.session;
        self.unclosed.retain(|&stream| session.close(Some(stream), now) == Err(wire::Error::RetentionFull));
    }

    /// Lets the connection go.
    pub(crate) fn hang_up(&mut self) {
        if self.line != LineState::Idle {
            self.line = LineState::Defunct;
        }
    }

    /// Drops the session, but for its last frames. Another may begin after a pause that doubles from fence to fence.
    pub(crate) fn fence(&mut self, options: &ControllerOptions, now: Time) {
        let pause = options.rejoin_ns << self.fences.min(REJOIN_DOUBLINGS_MAX);
        self.past = self.status();
        self.past.fences += 1;
        let has_last_frames = self.line == LineState::Connected && self.session.has_ended();
        self.hang_up();
        if let Ok(session) = ClientSession::new(&options.wire, now) {
            let before = std::mem::replace(&mut self.session, session);
            if has_last_frames {
                self.leaving = Some(Box::new(before));
                self.line = LineState::Leaving;
            }
        }
        self.fences += 1;
        self.pause_until = now.after(pause);
        self.down = None;
        self.is_up = false;
        self.refused.clear();
        self.waiting.clear();
        self.unclosed.clear();
    }

    /// It has decided a cell.
    pub(crate) fn count_cell(&mut self) {
        self.fences = 0;
        self.past.cells += 1;
    }
}

/// The pause before a node may come back grows at most so often.
const REJOIN_DOUBLINGS_MAX: u32 = 8;
