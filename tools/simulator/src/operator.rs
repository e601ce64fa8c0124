//! The process of the controller: it drives the core as `Cluster` does, and pushes the rounds of the histories when they
//! come due, whether or not anybody keeps up.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use outrider_controller::{
    Controller, ControllerOptions, Event, JournalReader, JournalRecord, Leave, NodeId, OptionsError, PatchId,
    PushError,
};
use outrider_wire::limits::FRAME_BYTES_MAX;
use outrider_wire::{CellId, Counters, Time};

use crate::clock::{SkewedClock, WorldTime};
use crate::disk::Disk;
use crate::network::Network;
use crate::scene::{History, Scene};
use crate::stage::{Action, Side, Stage};
use crate::trace::Who;
use crate::verdict;

/// How often a driver may find a timer due at one time before it spins.
const POLLS_MAX: usize = 8;
/// Longest time until another controller takes the place of a dead one.
const DEATH_NS_MAX: u64 = 200_000_000;

/// A history as a run pushes it.
pub(crate) struct Running {
    pub(crate) history: History,
    pub(crate) begin: WorldTime,
    pub(crate) round_ns: u64,
    id: Option<PatchId>,
    pushed: usize,
    pub(crate) is_abandoned: bool,
    /// Cells joined when it was last looked at.
    joined: u64,
    committed: BTreeSet<CellId>,
}

impl Running {
    pub(crate) fn new(history: History, begin: WorldTime, round_ns: u64) -> Self {
        Self {
            history,
            begin,
            round_ns,
            id: None,
            pushed: 0,
            is_abandoned: false,
            joined: 0,
            committed: BTreeSet::new(),
        }
    }

    /// When a round is due.
    fn due(&self, round: usize) -> WorldTime {
        self.begin + round as u64 * self.round_ns
    }

    /// When the last round is due.
    pub(crate) fn end(&self) -> WorldTime {
        self.due(self.history.layers.len() - 1)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Line {
    None,
    Dialling,
    Connected(u64),
}

/// What became of an attempt to connect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialled {
    Connected(u64),
    /// Nobody listens there.
    Refused,
    Unanswered,
}

pub(crate) struct Operator {
    controller: Controller,
    options: ControllerOptions,
    clock: SkewedClock,
    /// Where the journal is, if it dies in this run.
    disk: Option<Disk>,
    /// Counts the lives that are over.
    pub(crate) lives: u64,
    pub(crate) is_dead: bool,
    lines: Vec<Line>,
    /// Attempts to connect that have come to an end.
    dialled: VecDeque<(usize, Dialled)>,
    /// Nodes that are to be dialled.
    pub(crate) to_dial: Vec<usize>,
    pub(crate) histories: Vec<Running>,
    pub(crate) is_paused: bool,
    is_closing: bool,
    /// A history was opened: numbers of histories must not be used again, so this is synced at once.
    has_opened: bool,
    /// What the session with each node had counted when it was last looked at.
    seen: Vec<Counters>,
    wake_at: WorldTime,
}

impl Operator {
    pub(crate) fn new(
        nodes: usize,
        options: ControllerOptions,
        clock: SkewedClock,
        histories: Vec<Running>,
        disk: Option<Disk>,
    ) -> Result<Self, OptionsError> {
        let mut controller = Controller::new(nodes, options.clone(), clock.at(WorldTime::BEGIN))?;
        if disk.is_some() {
            controller.keep_journal();
        }
        Ok(Self {
            controller,
            options,
            clock,
            disk,
            lives: 0,
            is_dead: false,
            lines: vec![Line::None; nodes],
            dialled: VecDeque::new(),
            to_dial: Vec::new(),
            histories,
            is_paused: false,
            is_closing: false,
            has_opened: false,
            seen: vec![Counters::default(); nodes],
            wake_at: WorldTime::BEGIN,
        })
    }

    pub(crate) fn jump(&mut self, by: i64, now: WorldTime) {
        self.clock.jump(by, now);
    }

    /// An attempt to connect has come to its end.
    pub(crate) fn dialled(&mut self, node: usize, dialled: Dialled) {
        self.dialled.push_back((node, dialled));
    }

    pub(crate) fn abandon(&mut self, history: usize) {
        self.histories[history].is_abandoned = true;
    }

    /// Dies, and returns after how long another controller takes its place: only its journal is left, and of that only
    /// what was synced if its machine dies too, which nobody hears of.
    pub(crate) fn die(&mut self, is_silent: bool, network: &mut Network, stage: &mut Stage) -> Option<u64> {
        let disk = self.disk.as_mut()?;
        let dialled = self.dialled.drain(..).filter_map(|(_, dialled)| match dialled {
            Dialled::Connected(connection) => Some(connection),
            _ => None,
        });
        let open = self.lines.iter().filter_map(|line| match line {
            Line::Connected(connection) => Some(*connection),
            _ => None,
        });
        for connection in open.chain(dialled) {
            if is_silent {
                network.vanish(connection, Side::Controller);
            } else {
                network.close(connection, Side::Controller, stage);
            }
        }
        if is_silent {
            disk.lose();
        }
        self.lines.fill(Line::None);
        self.to_dial.clear();
        stage.tally.add_controller(&self.controller.counters());
        self.lives += 1;
        (self.is_dead, self.is_paused) = (true, false);
        Some(disk.dice.scale(1, DEATH_NS_MAX))
    }

    /// Another controller goes on from the journal. Whoever pushes the rounds goes on from it too.
    pub(crate) fn restart(&mut self, stage: &mut Stage) {
        let Some(disk) = &mut self.disk else { return };
        let now = self.clock.at(stage.now);
        let controller = Controller::new(self.lines.len(), self.options.clone(), now);
        self.controller = controller.expect("the options are those of the last life");
        self.is_dead = false;
        self.seen.fill(Counters::default());
        // In new sessions they begin anew.
        stage.epochs.clear();
        let patches: Vec<_> =
            Scene::get().subjects.iter().map(|subject| Arc::clone(&subject.patch)).collect();
        let mut commits = BTreeSet::new();
        let mut reader = JournalReader::new(disk.bytes()).expect("memory").expect("the header was synced");
        loop {
            match reader.next() {
                Ok(None) => break,
                Ok(Some(record)) => {
                    if let JournalRecord::Commit { patch, cell, .. } = record {
                        commits.insert((patch, cell));
                    }
                    if let Err(error) = self.controller.restore(&record, &patches, now) {
                        return stage.blame(format!("a record of the journal does not fit: {error}"));
                    }
                }
                Err(error) => return stage.blame(format!("the journal is damaged: {error}")),
            }
        }
        let end = reader.offset() as usize;
        if end < disk.synced() {
            stage.blame(format!("{} bytes of the journal were synced, and {end} are left", disk.synced()));
        }
        stage.tally.count("torn journals", u64::from(end < disk.bytes().len()));
        disk.cut(end);
        self.controller.keep_journal();
        self.take_up(&commits, now, stage);
    }

    /// Finds out how far the histories have come, and closes those that were given up.
    fn take_up(&mut self, commits: &BTreeSet<(PatchId, CellId)>, now: Time, stage: &mut Stage) {
        for running in &mut self.histories {
            running.id = running.id.filter(|&id| self.controller.state(id).is_some());
            let state = running.id.and_then(|id| self.controller.state(id));
            let pushed = state.map_or(0, |state| state.rounds as usize);
            stage.tally.count("rounds pushed again", (running.pushed - pushed) as u64);
            (running.pushed, running.joined) = (pushed, state.map_or(0, |state| state.cells));
            running.committed.retain(|&cell| running.id.is_some_and(|id| commits.contains(&(id, cell))));
        }
        let held: Vec<_> = self.controller.histories().collect();
        for id in held.into_iter().filter(|&id| self.histories.iter().all(|running| running.id != Some(id))) {
            self.controller.close(id, now);
        }
    }

    /// Whether every history that was not given up has its answer.
    pub(crate) fn is_finished(&self) -> bool {
        !self.is_dead
            && self.histories.iter().all(|running| {
                let state = running.id.and_then(|id| self.controller.state(id));
                running.is_abandoned || state.is_some_and(|state| state.is_finished)
            })
    }

    /// Ends all sessions in order.
    pub(crate) fn shut_down(&mut self, stage: &Stage) {
        self.is_closing = true;
        self.controller.shut_down(self.clock.at(stage.now));
    }

    /// Whether no connection is left.
    pub(crate) fn is_closed(&self) -> bool {
        self.lines.iter().all(|&line| line == Line::None)
    }

    /// Does all that can be done now.
    pub(crate) fn poll(&mut self, network: &mut Network, stage: &mut Stage) {
        if self.is_paused || self.is_dead {
            return;
        }
        self.act(network, stage);
        if let Some(disk) = &mut self.disk {
            self.controller.take_journal(&mut disk.records);
            disk.write(std::mem::take(&mut self.has_opened));
        }
    }

    fn act(&mut self, network: &mut Network, stage: &mut Stage) {
        let now = self.clock.at(stage.now);
        for _ in 0..POLLS_MAX {
            self.connect(network, stage);
            self.push(network, stage);
            for node in 0..self.lines.len() {
                self.dial(node, now, stage);
                self.hear(node, network, stage);
                self.speak(node, network, stage);
            }
            if self.controller.next_timer().is_some_and(|timer| timer <= now) {
                self.controller.on_timer(now);
                (0..self.lines.len()).for_each(|node| self.speak(node, network, stage));
            }
            self.look(stage);
            if !self.is_closing {
                self.check(stage);
            }
            if self.controller.next_timer().is_none_or(|timer| timer > now) {
                return self.sleep(stage);
            }
        }
        stage.blame("the controller has a timer that is always due".to_owned());
    }

    /// Plans the next call.
    fn sleep(&mut self, stage: &mut Stage) {
        let timer = self.controller.next_timer().map(|timer| self.clock.when(timer, stage.now));
        let open = self.histories.iter().filter(|running| running.pushed < running.history.layers.len());
        let due = open.map(|running| running.due(running.pushed)).filter(|&due| due > stage.now).min();
        if let Some(at) = timer.into_iter().chain(due).min()
            && (at < self.wake_at || self.wake_at <= stage.now)
        {
            self.wake_at = at;
            stage.plan(at, Action::Wake(Who::Controller));
        }
    }

    fn connect(&mut self, network: &mut Network, stage: &mut Stage) {
        let now = self.clock.at(stage.now);
        while let Some((node, dialled)) = self.dialled.pop_front() {
            match dialled {
                Dialled::Connected(connection) => {
                    self.lines[node] = Line::Connected(connection);
                    self.controller.connected(NodeId(node), now);
                }
                Dialled::Refused => {
                    self.lines[node] = Line::None;
                    self.controller.gone(NodeId(node), now);
                }
                Dialled::Unanswered => self.hang_up(node, network, stage),
            }
        }
    }

    fn dial(&mut self, node: usize, now: Time, stage: &mut Stage) {
        if self.controller.wants_connection(NodeId(node), now) {
            self.controller.dialling(NodeId(node));
            self.lines[node] = Line::Dialling;
            self.to_dial.push(node);
            stage.note(Who::Controller, "dials", node as u64, &[]);
        }
    }

    fn hear(&mut self, node: usize, network: &mut Network, stage: &mut Stage) {
        let Line::Connected(connection) = self.lines[node] else { return };
        let now = self.clock.at(stage.now);
        let (bytes, has_ended) = network.take(connection, Side::Controller, stage);
        if !bytes.is_empty() {
            stage.note(Who::Controller, "hears", connection, &[]);
            self.controller.receive(NodeId(node), &bytes, now);
        }
        if has_ended {
            self.hang_up(node, network, stage);
        }
    }

    fn speak(&mut self, node: usize, network: &mut Network, stage: &mut Stage) {
        let Line::Connected(connection) = self.lines[node] else { return };
        let now = self.clock.at(stage.now);
        let mut buffer = std::mem::take(&mut stage.buffer);
        while network.has_room(connection, Side::Controller) {
            let count = self.controller.transmit(NodeId(node), &mut buffer[..FRAME_BYTES_MAX], now);
            if count == 0 {
                break;
            }
            network.send(connection, Side::Controller, &buffer[..count], stage);
        }
        stage.buffer = buffer;
        if self.controller.is_over(NodeId(node)) {
            self.hang_up(node, network, stage);
        }
    }

    fn hang_up(&mut self, node: usize, network: &mut Network, stage: &mut Stage) {
        if let Line::Connected(connection) = self.lines[node] {
            network.close(connection, Side::Controller, stage);
        }
        self.lines[node] = Line::None;
        self.controller.disconnected(NodeId(node), self.clock.at(stage.now));
    }

    /// Pushes the rounds that are due.
    fn push(&mut self, network: &mut Network, stage: &mut Stage) {
        let now = self.clock.at(stage.now);
        let mut has_pushed = false;
        for running in self.histories.iter_mut().filter(|running| running.begin <= stage.now) {
            if running.is_abandoned {
                if let Some(id) = running.id.take() {
                    self.controller.close(id, now);
                }
                continue;
            }
            let id = *running.id.get_or_insert_with(|| {
                let patch = Arc::clone(&Scene::get().subjects[running.history.patch].patch);
                let id = self.controller.open(patch, now).expect("the patch fits the protocol");
                stage.subjects.insert(id.0, running.history.patch);
                self.has_opened = true;
                id
            });
            while let Some(layer) = running.history.layers.get(running.pushed)
                && running.due(running.pushed) <= stage.now
            {
                let is_last = running.pushed + 1 == running.history.layers.len();
                match self.controller.push(id, &layer.bits, layer.width, is_last, now) {
                    Ok(()) => running.pushed += 1,
                    Err(PushError::Full) => {
                        stage.tally.count("pushes without room", 1);
                        break;
                    }
                    Err(error) => {
                        stage.blame(format!(
                            "round {} of {} of patch {} was refused: {error:?}",
                            running.pushed,
                            running.history.layers.len(),
                            running.history.patch
                        ));
                        return;
                    }
                }
                has_pushed = true;
            }
        }
        if has_pushed {
            (0..self.lines.len()).for_each(|node| self.speak(node, network, stage));
        }
    }

    /// Takes the events and commits of the controller.
    fn look(&mut self, stage: &mut Stage) {
        while let Some(event) = self.controller.poll_event() {
            stage.note_text(Who::Controller, &format!("{event:?}"));
            match event {
                Event::Reassigned { patch, epoch, .. } => drop(stage.epochs.insert(patch.0, epoch)),
                Event::Fenced { node, why } => {
                    self.seen[node.0] = Counters::default();
                    self.judge(node, &why, stage);
                }
                Event::Disagreement { .. } => stage.blame(format!("two answers differ: {event:?}")),
                Event::ConnectionLost { error, .. } if verdict::is_accusation(error.code().into()) => {
                    stage.blame(format!("a connection was ended for {error:?}"));
                }
                _ => {}
            }
        }
        while let Some(commit) = self.controller.poll_commit() {
            let Some(running) = self.histories.iter_mut().find(|running| running.id == Some(commit.patch))
            else {
                continue;
            };
            stage.note(Who::Controller, "has cell", commit.cell.0, &[]);
            if !running.committed.insert(commit.cell) {
                stage.blame(format!("cell {} of {:?} is committed twice", commit.cell, commit.patch));
            }
        }
        for node in 0..self.lines.len() {
            let counters = self.controller.status(NodeId(node)).counters;
            stage.tally.add_session(&self.seen[node], &counters);
            self.seen[node] = counters;
        }
    }

    /// Honest nodes lose their cells for what the network, their death or their clocks did.
    fn judge(&self, node: NodeId, why: &Leave, stage: &mut Stage) {
        stage.tally.count(name_of(why), 1);
        let code = match why {
            Leave::SessionEnded(error) | Leave::Unreachable(error) => error.code().into(),
            Leave::Rejected(code, _) => *code,
            Leave::Stray(_) => return stage.blame(format!("node {} was fenced: {why}", node.0)),
            Leave::Stalled | Leave::ShuttingDown => return,
        };
        if verdict::is_accusation(code) {
            stage.blame(format!("node {} was fenced with {}", node.0, verdict::name(code)));
        }
    }

    /// What holds at any time: the answer so far is that of one decoder.
    fn check(&mut self, stage: &mut Stage) {
        for running in &mut self.histories {
            let Some(state) = running.id.and_then(|id| self.controller.state(id)) else { continue };
            if state.cells < running.joined {
                stage.blame("cells were joined and then not".to_owned());
            }
            running.joined = state.cells;
            let plan = Scene::get().subjects[running.history.patch].patch.plan();
            if running.history.prefixes.get(state.cells as usize).is_none_or(|it| it != state.observables) {
                stage.blame(format!(
                    "history {:?} has another answer than that of one decoder after {} cells",
                    running.id, state.cells
                ));
            }
            let held = state.rounds - state.committed.0.min(state.rounds);
            if held > outrider::CellBook::remote_room(plan) {
                stage.blame(format!("history {:?} holds {held} rounds", running.id));
            }
        }
        if self.controller.counters().dropped > 0 {
            stage.blame("the controller has dropped events".to_owned());
        }
    }

    /// What holds at the end: every cell was committed once, and nobody disagreed.
    pub(crate) fn check_end(&self, stage: &mut Stage) {
        for running in self.histories.iter().filter(|running| !running.is_abandoned) {
            let decided = running.history.is_decided.iter().enumerate();
            let decided: BTreeSet<CellId> =
                decided.filter(|(_, is)| **is).map(|(cell, _)| CellId(cell as u64)).collect();
            if decided != running.committed {
                let missing: Vec<_> =
                    decided.symmetric_difference(&running.committed).map(|cell| cell.0).collect();
                stage.blame(format!("cells of {:?} that were not committed once: {missing:?}", running.id));
            }
        }
        let counters = self.controller.counters();
        if counters.disagreements > 0 {
            stage.blame(format!("{} answers differ", counters.disagreements));
        }
        stage.tally.add_controller(&counters);
    }

    /// How far the histories are, for those who wonder why a run does not end.
    pub(crate) fn describe(&self) -> String {
        let mut states = BTreeMap::new();
        for running in self.histories.iter().filter(|running| !running.is_abandoned) {
            let state = running.id.and_then(|id| self.controller.state(id));
            states.insert(
                running.id,
                format!("{} of {} rounds pushed, {state:?}", running.pushed, running.history.layers.len()),
            );
        }
        format!("{states:?}, {:?}", self.lines)
    }
}

fn name_of(why: &Leave) -> &'static str {
    match why {
        Leave::Unreachable(_) => "fenced: unreachable",
        Leave::Stalled => "fenced: stalled",
        Leave::ShuttingDown => "fenced: shuts down",
        Leave::SessionEnded(_) => "fenced: session ended",
        Leave::Rejected(..) => "fenced: rejected",
        Leave::Stray(_) => "fenced: stray",
    }
}
