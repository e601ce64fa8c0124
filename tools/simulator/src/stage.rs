//! What everybody in the world shares: time and what is to happen, the dice, the record.

use std::collections::BTreeMap;

use outrider_wire::limits::FRAME_BYTES_MAX;

use crate::clock::WorldTime;
use crate::faults::{Fault, FrameFaults};
use crate::random::Random;
use crate::tally::Tally;
use crate::trace::{Trace, Who};

/// Which end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Controller = 0,
    Node = 1,
}

impl Side {
    pub(crate) fn other(self) -> Self {
        match self {
            Self::Controller => Self::Node,
            Self::Node => Self::Controller,
        }
    }
}

/// Something that is to happen.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Action {
    /// Something of a connection may have arrived at one of its ends.
    Arrive { connection: u64, to: Side },
    /// An attempt to connect comes to its end.
    Dialled { node: usize, life: u64 },
    /// Somebody wanted to be called.
    Wake(Who),
    /// A worker of a node is done.
    Decided { node: usize, incarnation: u64, job: u64 },
    /// The next fault strikes.
    Strike,
    /// A fault of a node, or of the controller, is over.
    Recover { who: Who, incarnation: u64, fault: Fault },
    /// The controller dies, or its machine.
    ControllerDies { is_silent: bool },
    /// Another controller goes on where it ended.
    ControllerReturns,
    /// The controller's caller gives a history up.
    Abandon { history: usize },
    /// All faults end.
    Heal,
}

pub(crate) struct Stage {
    pub(crate) now: WorldTime,
    pub(crate) random: Random,
    pub(crate) trace: Trace,
    pub(crate) tally: Tally,
    pub(crate) frame_faults: FrameFaults,
    /// The epoch of each stream, as the controller reported it.
    pub(crate) epochs: BTreeMap<u32, u32>,
    /// The patch that each stream is about, by its place in the scene.
    pub(crate) subjects: BTreeMap<u32, usize>,
    /// Room for the frames of one call.
    pub(crate) buffer: Vec<u8>,
    /// What is to happen, by its time and the order in which that was decided.
    agenda: BTreeMap<(WorldTime, u64), Action>,
    planned: u64,
    /// What was found to be wrong first.
    blame: Option<String>,
}

impl Stage {
    pub(crate) fn new(random: Random, trace: Trace) -> Self {
        Self {
            now: WorldTime::BEGIN,
            random,
            trace,
            tally: Tally::new(),
            frame_faults: FrameFaults::default(),
            epochs: BTreeMap::new(),
            subjects: BTreeMap::new(),
            buffer: vec![0; FRAME_BYTES_MAX],
            agenda: BTreeMap::new(),
            planned: 0,
            blame: None,
        }
    }

    /// Plans something, not before now.
    pub(crate) fn plan(&mut self, at: WorldTime, action: Action) {
        self.planned += 1;
        self.agenda.insert((at.max(self.now), self.planned), action);
    }

    /// Goes to what happens next.
    pub(crate) fn step(&mut self) -> Option<Action> {
        let ((at, _), action) = self.agenda.pop_first()?;
        self.now = at;
        Some(action)
    }

    pub(crate) fn note(&mut self, who: Who, what: &str, about: u64, bytes: &[u8]) {
        self.trace.note(self.now, who, what, about, bytes);
    }

    pub(crate) fn note_text(&mut self, who: Who, text: &str) {
        self.trace.note_text(self.now, who, text);
    }

    /// Counts a fault that happened.
    pub(crate) fn struck(&mut self, who: Who, fault: Fault) {
        self.tally.faults[fault as usize] += 1;
        self.note(who, fault.name(), 0, &[]);
    }

    /// A promise does not hold. The first such finding is what the run is about.
    pub(crate) fn blame(&mut self, what: String) {
        self.note_text(Who::World, &what);
        self.blame.get_or_insert(what);
    }

    pub(crate) fn blamed(&self) -> Option<&str> {
        self.blame.as_deref()
    }
}
