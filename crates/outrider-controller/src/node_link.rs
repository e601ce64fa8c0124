//! The line to one node: a session, and the rules by which it is given up and begun again.

use std::collections::BTreeSet;

use outrider_wire as wire;
use outrider_wire::ClientSession;

use crate::controller::{ControllerOptions, PatchId};

#[derive(Debug)]
pub(crate) struct NodeLink {
    pub(crate) session: ClientSession,
    pub(crate) line: Line,
    /// No connection is tried before.
    pause_until: u64,
    /// Since when there has been no connection that works, and why.
    pub(crate) down: Option<(u64, wire::Error)>,
    /// The session has begun.
    pub(crate) is_up: bool,
    /// Patches that it refused, so that it is not asked again and again.
    pub(crate) refused: BTreeSet<PatchId>,
    /// Fences in a row, without a commit between them.
    fences: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Line {
    /// No connection.
    Idle,
    /// One is being tried.
    Dialling,
    Connected,
    /// One that is of no use any more, to be dropped.
    Spoilt,
}

impl NodeLink {
    pub(crate) fn new(options: &ControllerOptions, now: u64) -> Result<Self, wire::Error> {
        Ok(Self {
            session: ClientSession::new(&options.wire, now)?,
            line: Line::Idle,
            pause_until: now,
            down: None,
            is_up: false,
            refused: BTreeSet::new(),
            fences: 0,
        })
    }

    pub(crate) fn wants_connection(&self, now: u64) -> bool {
        self.line == Line::Idle && now >= self.pause_until
    }

    /// When a connection should be tried, if there is none.
    pub(crate) fn next_dial(&self) -> Option<u64> {
        (self.line == Line::Idle).then_some(self.pause_until)
    }

    pub(crate) fn connected(&mut self, now: u64) {
        self.line = if self.session.connect(now).is_ok() { Line::Connected } else { Line::Spoilt };
    }

    /// There is no connection, or none that works, because of `error`.
    pub(crate) fn is_cut_off(&mut self, error: wire::Error, options: &ControllerOptions, now: u64) {
        self.down.get_or_insert((now, error));
        self.pause_until = self.pause_until.max(now.saturating_add(options.redial_ns));
    }

    /// Lets the connection go.
    pub(crate) fn hang_up(&mut self) {
        if self.line != Line::Idle {
            self.line = Line::Spoilt;
        }
    }

    /// Forgets the session. Another may begin after a pause that doubles from fence to fence.
    pub(crate) fn fence(&mut self, options: &ControllerOptions, now: u64) {
        let pause = options.rejoin_ns << self.fences.min(REJOIN_DOUBLINGS_MAX);
        if let Ok(session) = ClientSession::new(&options.wire, now) {
            self.session = session;
        }
        self.fences += 1;
        self.pause_until = now.saturating_add(pause);
        self.down = None;
        self.is_up = false;
        self.refused.clear();
        self.hang_up();
    }

    /// It does its work.
    pub(crate) fn praise(&mut self) {
        self.fences = 0;
    }
}

/// The pause before a node may come back grows at most so often.
const REJOIN_DOUBLINGS_MAX: u32 = 8;
