//! The core of a controller: nodes, patches, and the rule by which the ones get cells of the others.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use outrider::{LearnedNoise, Patch};
use outrider_wire as wire;
use outrider_wire::{ClientEvent, Digest, SteadyClock, StreamId, Time};

use crate::assignment::Assignment;
use crate::error::{OpenError, OptionsError, PushError, RestoreError};
use crate::event::{CellCommit, Event, Leave};
use crate::history::{History, Merge, PatchState};
use crate::ids::{NODES_MAX, NodeId, PatchId};
use crate::journal::JournalRecord;
use crate::node_link::{LineState, NodeLink};
use crate::node_status::NodeStatus;
use crate::options::ControllerOptions;
use crate::stream_weights::{StreamWeights, WeightsOfPatches, key_of};

/// Events and commits that are kept for the caller; the oldest are dropped and counted.
const UNREAD_MAX: usize = 1 << 16;
/// Bytes of the journal that are kept for the caller; no round is taken while there are as many.
const JOURNAL_BYTES_MAX: usize = 1 << 20;

/// What happened since the controller began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ControllerCounters {
    /// Cells that were decided.
    pub cells: u64,
    /// Cells decided after their deadline.
    pub late: u64,
    /// Cells decided again after their owner had changed, with the same answer.
    pub repeated: u64,
    /// The same with another answer.
    pub disagreements: u64,
    /// Answers of owners of before, dropped.
    pub stale: u64,
    /// Nodes that lost their cells.
    pub fences: u64,
    /// Times that the cells of a patch were dealt out.
    pub assignments: u64,
    /// Times that a node's credit ran out.
    pub starvations: u64,
    /// Events and commits that were dropped because the caller did not take them.
    pub dropped: u64,
}

/// Spreads patches over nodes. See the crate.
///
/// Callers give the time, by any clock; where that goes back, no time has passed.
#[derive(Debug)]
pub struct Controller {
    clock: SteadyClock,
    options: ControllerOptions,
    links: Vec<NodeLink>,
    patches: BTreeMap<PatchId, History>,
    weights: WeightsOfPatches,
    next_patch: u32,
    is_closing: bool,
    events: VecDeque<Event>,
    commits: VecDeque<CellCommit>,
    counters: ControllerCounters,
    /// Records that the caller has not taken, if a journal is kept.
    journal: Option<Vec<u8>>,
}

impl Controller {
    /// A controller of so many nodes, none of them connected.
    ///
    /// # Errors
    /// Options out of their ranges, no nodes or more than 64.
    pub fn new(nodes: usize, options: ControllerOptions, now: Time) -> Result<Self, OptionsError> {
        if !(1..=NODES_MAX).contains(&nodes) {
            return Err(OptionsError::NodeCount(nodes));
        }
        if options.batch_rounds == 0 {
            return Err(OptionsError::BatchRounds);
        }
        let link = |_| NodeLink::new(&options, now).map_err(OptionsError::Session);
        let links = (0..nodes).map(link).collect::<Result<_, _>>()?;
        Ok(Self {
            clock: SteadyClock::new(now),
            options,
            links,
            patches: BTreeMap::new(),
            weights: BTreeMap::new(),
            next_patch: 1,
            is_closing: false,
            events: VecDeque::new(),
            commits: VecDeque::new(),
            counters: ControllerCounters::default(),
            journal: None,
        })
    }

    /// Gives a journal from now on, which [`take_journal`](Self::take_journal) takes.
    pub fn keep_journal(&mut self) {
        self.journal.get_or_insert_default();
    }

    /// Replaces `to` by the records that have come since the last time. Rounds are refused while about a mebibyte of
    /// records is not taken.
    pub fn take_journal(&mut self, to: &mut Vec<u8>) {
        to.clear();
        if let Some(journal) = &mut self.journal {
            std::mem::swap(journal, to);
        }
    }

    /// Does once more what another controller did, as its journal has it: record by record from the first on, of
    /// histories of these patches, before there are connections. Then this one goes on where the records end: histories
    /// have the same numbers, and cells without a commit are decided again. Nothing of it comes as an event or commit, or
    /// into the journal of this one.
    ///
    /// # Errors
    /// A record that is none of these patches', or that does not fit what came before it.
    pub fn restore(
        &mut self,
        record: &JournalRecord<'_>,
        patches: &[Arc<Patch>],
        now: Time,
    ) -> Result<(), RestoreError> {
        let now = self.clock.observe(now);
        let unknown = |patch: &PatchId| RestoreError::UnknownHistory(*patch);
        match record {
            JournalRecord::Open { patch, model, plan } => {
                let is_meant =
                    |known: &&Arc<Patch>| (known.model_digest(), known.plan_digest()) == (&model.0, &plan.0);
                let found = patches.iter().find(is_meant);
                let found = found.ok_or(RestoreError::UnknownPatch { model: *model, plan: *plan })?;
                if patch.0 < self.next_patch {
                    return Err(unknown(patch));
                }
                let history =
                    self.begin(Arc::clone(found), StreamId(patch.0), now).map_err(RestoreError::Open)?;
                self.next_patch = patch.0.checked_add(1).ok_or_else(|| unknown(patch))?;
                self.patches.insert(*patch, history);
            }
            JournalRecord::Round { patch, is_last, detector_count, events } => {
                let history = self.patches.get_mut(patch).ok_or_else(|| unknown(patch))?;
                history.try_push(events, *detector_count, *is_last, now).map_err(RestoreError::Round)?;
                self.learn(*patch, events, *is_last).map_err(RestoreError::Round)?;
            }
            JournalRecord::Commit { patch, cell, layer, parity, marks } => {
                let history = self.patches.get_mut(patch).ok_or_else(|| unknown(patch))?;
                if !history.restore_commit(*cell, *layer, parity, marks.iter()) {
                    return Err(RestoreError::Commit(*cell));
                }
            }
            JournalRecord::Close { patch } => {
                self.patches.remove(patch).ok_or_else(|| unknown(patch))?;
            }
            JournalRecord::End => self.patches.clear(),
        }
        Ok(())
    }

    /// The histories that are open.
    pub fn histories(&self) -> impl Iterator<Item = PatchId> {
        self.patches.keys().copied()
    }

    /// Begins a history of a patch.
    ///
    /// # Errors
    /// A patch whose layers or ranks do not fit the protocol, or whose cells do not fit memory.
    pub fn open(&mut self, patch: Arc<Patch>, now: Time) -> Result<PatchId, OpenError> {
        let now = self.clock.observe(now);
        let (layers, period) = (patch.widths().cycle.len(), patch.plan().period().unwrap_or(u32::MAX));
        let max = period.min(wire::limits::CYCLE_LAYERS_MAX) as usize;
        if layers > max {
            return Err(OpenError::Cycle { layers, max });
        }
        if !Assignment::fits_in_a_frame(patch.stretch()) {
            return Err(OpenError::Stretch {
                cells: patch.stretch(),
                max: wire::limits::CELL_RANGES_MAX.into(),
            });
        }
        let id = PatchId(self.next_patch);
        let (model, plan) = (Digest(*patch.model_digest()), Digest(*patch.plan_digest()));
        let history = self.begin(patch, StreamId(id.0), now)?;
        if let Some(journal) = &mut self.journal {
            JournalRecord::Open { patch: id, model, plan }.encode(journal);
        }
        self.next_patch += 1;
        self.patches.insert(id, history);
        for node in 0..self.links.len() {
            self.offer(NodeId(node), now);
        }
        Ok(id)
    }

    /// Ends a history, finished or not.
    pub fn close(&mut self, patch: PatchId, now: Time) {
        let now = self.clock.observe(now);
        if let Some(history) = self.patches.remove(&patch) {
            if let Some(journal) = &mut self.journal {
                JournalRecord::Close { patch }.encode(journal);
            }
            for link in self.links.iter_mut().filter(|link| link.is_up) {
                link.close(history.stream(), now);
            }
        }
    }

    /// Appends a round of packed detection events.
    ///
    /// # Errors
    /// See [`PushError`]; nothing has changed then.
    pub fn push(
        &mut self,
        patch: PatchId,
        events: &[u8],
        detector_count: u32,
        is_last: bool,
        now: Time,
    ) -> Result<(), PushError> {
        let now = self.clock.observe(now);
        let history = self.patches.get_mut(&patch).ok_or(PushError::UnknownPatch)?;
        if self.journal.as_ref().is_some_and(|journal| journal.len() >= JOURNAL_BYTES_MAX) {
            return Err(PushError::JournalFull);
        }
        history.try_push(events, detector_count, is_last, now)?;
        let learned = self.learn(patch, events, is_last);
        if let Some(journal) = &mut self.journal {
            let events = &events[..detector_count.div_ceil(8) as usize];
            JournalRecord::Round { patch, is_last, detector_count, events }.encode(journal);
        }
        self.pump(patch, now);
        learned
    }

    /// A history, which goes on learning where those of the same patch before it ended.
    fn begin(&mut self, patch: Arc<Patch>, stream: StreamId, now: Time) -> Result<History, OpenError> {
        let mut earlier_rounds = 0;
        if patch.learning().is_some() {
            let key = key_of(&patch);
            if self
                .patches
                .values()
                .any(|history| key_of(history.patch()) == key && !history.state().has_ended)
            {
                return Err(OpenError::Learning);
            }
            if let Entry::Vacant(place) = self.weights.entry(key)
                && let Some(weights) = StreamWeights::new(&patch).map_err(OpenError::Cells)?
            {
                place.insert(weights);
            }
            earlier_rounds = self.weights.get_mut(&key).map_or(0, StreamWeights::begin_history);
        }
        History::new(patch, stream, earlier_rounds, now).map_err(OpenError::Cells)
    }

    /// Learns from a round that was pushed.
    fn learn(&mut self, patch: PatchId, events: &[u8], is_last: bool) -> Result<(), PushError> {
        let learns = |history: &&mut History| history.patch().learning().is_some();
        let Some(history) = self.patches.get_mut(&patch).filter(learns) else { return Ok(()) };
        let Some(weights) = self.weights.get_mut(&key_of(history.patch())) else { return Ok(()) };
        let kept_rounds = history.state().rounds_max;
        if weights.push(events, is_last, kept_rounds).map_err(PushError::Plan)? {
            history.want_weights();
        }
        Ok(())
    }

    /// What is known of the noise of a patch by now, if it is learned.
    pub fn learned_noise(&self, patch: PatchId) -> Option<LearnedNoise> {
        self.weights.get(&key_of(self.patches.get(&patch)?.patch()))?.latest
    }

    /// How far a patch has come.
    pub fn state(&self, patch: PatchId) -> Option<PatchState<'_>> {
        self.patches.get(&patch).map(History::state)
    }

    /// Whether a connection to this node should be tried now.
    pub fn wants_connection(&mut self, node: NodeId, now: Time) -> bool {
        let now = self.clock.observe(now);
        !self.is_closing && self.links[node.0].wants_connection(now)
    }

    /// A connection is being tried.
    pub fn dialling(&mut self, node: NodeId) {
        self.links[node.0].line = LineState::Dialling;
    }

    /// A connection is there.
    pub fn connected(&mut self, node: NodeId, now: Time) {
        let now = self.clock.observe(now);
        let link = &mut self.links[node.0];
        link.connected(&self.options, now);
        // One that was under way when all sessions ended; another session would never end.
        if self.is_closing && !link.is_up {
            link.hang_up();
        }
    }

    /// A connection has ended or could not be had.
    pub fn disconnected(&mut self, node: NodeId, now: Time) {
        let now = self.clock.observe(now);
        let link = &mut self.links[node.0];
        link.disconnected(&self.options, now);
        // While all sessions end, nodes are neither waited for nor fenced.
        link.is_up &= !self.is_closing;
        link.note_outage(wire::Error::ConnectionLost, now);
        self.take_events(node, now);
    }

    /// A connection was tried, and there is no listener: the node is gone for certain, and with it its session. So its
    /// cells are given to others at once.
    pub fn gone(&mut self, node: NodeId, now: Time) {
        self.disconnected(node, now);
        if self.links[node.0].is_up {
            let now = self.clock.observe(now);
            self.fence(node, Leave::Unreachable(wire::Error::ConnectionLost), now);
        }
    }

    /// Whether the connection to a node is of no more use: drop it, then call
    /// [`disconnected`](Self::disconnected).
    pub fn is_over(&self, node: NodeId) -> bool {
        let link = &self.links[node.0];
        link.is_over() || self.is_closing && link.session.is_finished()
    }

    /// Whether it is of no use even for the last frames of its session: drop it without waiting for room for them.
    pub fn is_defunct(&self, node: NodeId) -> bool {
        self.links[node.0].line == LineState::Defunct
    }

    /// Takes all the bytes that came from a node.
    pub fn receive(&mut self, node: NodeId, mut bytes: &[u8], now: Time) {
        let now = self.clock.observe(now);
        self.links[node.0].note_arrival(now);
        while !bytes.is_empty() && self.links[node.0].line == LineState::Connected {
            let count = self.links[node.0].session.receive(bytes, now);
            bytes = &bytes[count..];
            self.take_events(node, now);
        }
    }

    /// Fills `out` with bytes for a node and returns how many; zero means that there is nothing to send. `out` has room
    /// for [`FRAME_BYTES_MAX`](wire::limits::FRAME_BYTES_MAX).
    pub fn transmit(&mut self, node: NodeId, out: &mut [u8], now: Time) -> usize {
        let now = self.clock.observe(now);
        self.links[node.0].transmit(out, now)
    }

    /// When [`on_timer`](Self::on_timer) is due.
    pub fn next_timer(&self) -> Option<Time> {
        let of_link = |link: &NodeLink| {
            let grace = link.down.map(|(since, _)| since.after(self.options.grace_ns));
            let dial = link.next_dial().filter(|_| !self.is_closing);
            [link.session.next_timer(), dial, grace.filter(|_| link.is_up)]
        };
        let stalls = self.patches.values().filter_map(History::waits_for);
        let stalls = stalls.map(|(_, since)| since.after(self.options.stall_ns));
        let first = self.links.iter().flat_map(of_link).flatten().chain(stalls).min();
        first.map(|time| self.clock.caller_time(time))
    }

    /// Does what is due. Receive first what has come.
    pub fn on_timer(&mut self, now: Time) {
        let now = self.clock.observe(now);
        for node in (0..self.links.len()).map(NodeId) {
            self.links[node.0].on_timer(now);
            self.take_events(node, now);
            if let Some((since, error)) = self.links[node.0].down
                && self.links[node.0].is_up
                && now >= since.after(self.options.grace_ns)
            {
                self.fence(node, Leave::Unreachable(error), now);
            }
        }
        let mut next = PatchId(0);
        while let Some((&patch, history)) = self.patches.range(next..).next() {
            if let Some((node, since)) = history.waits_for()
                && now >= since.after(self.options.stall_ns)
                && self.links[node.0].is_up
            {
                self.fence(node, Leave::Stalled, now);
            }
            next = PatchId(patch.0 + 1);
        }
    }

    /// Something that happened.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// A cell that was decided.
    pub fn poll_commit(&mut self) -> Option<CellCommit> {
        self.commits.pop_front()
    }

    /// What happened so far.
    pub fn counters(&self) -> ControllerCounters {
        self.counters
    }

    /// How a node does.
    pub fn status(&self, node: NodeId) -> NodeStatus {
        self.links[node.0].status()
    }

    /// Ends all sessions in order. Go on until every connection [is over](Self::is_over).
    pub fn shut_down(&mut self, now: Time) {
        let now = self.clock.observe(now);
        self.is_closing = true;
        self.patches.clear();
        for link in &mut self.links {
            if !link.is_up || link.session.close(None, now).is_err() {
                link.hang_up();
            }
        }
    }

    /// Offers a node all patches that it does not have.
    fn offer(&mut self, node: NodeId, now: Time) {
        let link = &mut self.links[node.0];
        link.close_more(now);
        for (id, history) in &self.patches {
            if link.is_up && !history.has_member(node) && !link.refused.contains(id) {
                match link.session.open(history.stream(), &history.open(), now) {
                    Ok(_) | Err(wire::Error::StreamExists) => {}
                    // It is offered once more later, when streams are closed and frames acknowledged.
                    Err(wire::Error::RetentionFull) => {}
                    Err(wire::Error::StreamsFull) => {
                        if link.waiting.insert(*id) {
                            self.events.push_back(Event::StreamsFull { node, patch: *id });
                        }
                    }
                    Err(error) => {
                        link.refused.insert(*id);
                        let why = error.to_string();
                        self.events.push_back(Event::Refused { node, patch: *id, why });
                    }
                }
            }
        }
    }

    /// Acts on all events of a session.
    fn take_events(&mut self, node: NodeId, now: Time) {
        while let Some(leave) = self.take_event(node, now) {
            if let Some(why) = leave {
                self.fence(node, why, now);
            }
        }
        self.offer(node, now);
        let mut next = PatchId(0);
        while let Some((&patch, _)) = self.patches.range(next..).next() {
            self.pump(patch, now);
            next = PatchId(patch.0 + 1);
        }
        self.bound();
    }

    /// Acts on one event; nothing if there is none. Some events cost the node its cells.
    fn take_event(&mut self, node: NodeId, now: Time) -> Option<Option<Leave>> {
        let link = &mut self.links[node.0];
        let leave = match link.session.poll_event()? {
            ClientEvent::Established { resumed } => {
                link.established(resumed);
                self.offer(node, now);
                None
            }
            ClientEvent::Opened { stream, .. } => {
                self.join(node, PatchId(stream.0), now);
                None
            }
            ClientEvent::Credit { stream, .. } => {
                if let Some(history) = self.patches.get_mut(&PatchId(stream.0)) {
                    history.wake(node);
                }
                None
            }
            ClientEvent::Commit { stream, epoch, round, commit, .. } => {
                let patch = PatchId(stream.0);
                let cell = commit.cell;
                let Some(history) = self.patches.get_mut(&patch) else { return Some(None) };
                // The assignment of the current epoch is still on its way to the node.
                if epoch.0 < history.epoch() {
                    self.counters.stale += 1;
                    return Some(None);
                }
                let merge = history.merge(node, round, &commit, now);
                if let (Merge::New { .. }, Some(journal)) = (merge, &mut self.journal) {
                    let (parity, marks) = history.merged();
                    let marks = marks.into();
                    JournalRecord::Commit { patch, cell, layer: round, parity, marks }.encode(journal);
                }
                let hops = commit.hops;
                self.take_merged(merge, CellCommit { patch, cell, node, pushed: now, merged: now, hops })
            }
            ClientEvent::StaleCommit { .. } => {
                self.counters.stale += 1;
                None
            }
            ClientEvent::StreamError { stream, fault } => {
                let patch = PatchId(stream.0);
                let why = fault.to_string();
                link.refused.insert(patch);
                link.close(stream, now);
                self.events.push_back(Event::Refused { node, patch, why });
                self.deal(patch, |history| history.members().filter(|&member| member != node).collect(), now);
                None
            }
            ClientEvent::Closed { stream: None, .. } if self.is_closing => None,
            ClientEvent::Closed { stream: None, .. } => Some(Leave::ShuttingDown),
            ClientEvent::Refused(fault) | ClientEvent::PeerError(fault) => {
                Some(Leave::Rejected(fault.code, fault.text.to_owned()))
            }
            ClientEvent::ConnectionLost(error) => {
                link.note_outage(error, now);
                link.hang_up();
                self.events.push_back(Event::ConnectionLost { node, error });
                None
            }
            ClientEvent::Failed(error) => Some(Leave::SessionEnded(error)),
            _ => None,
        };
        Some(leave)
    }

    /// Acts on what became of a commit, but for the time when its cell was pushed.
    fn take_merged(&mut self, merge: Merge, commit: CellCommit) -> Option<Leave> {
        let CellCommit { patch, cell, node, merged, .. } = commit;
        match merge {
            Merge::New { pushed } => {
                self.links[node.0].count_cell();
                self.counters.cells += 1;
                let is_late = |deadline| merged.since(pushed) > deadline;
                self.counters.late += u64::from(self.options.deadline_ns.is_some_and(is_late));
                self.commits.push_back(CellCommit { pushed, ..commit });
                None
            }
            Merge::Again { is_same: true } => {
                self.counters.repeated += 1;
                None
            }
            Merge::Again { is_same: false } => {
                self.counters.disagreements += 1;
                self.events.push_back(Event::Disagreement { patch, cell, node });
                None
            }
            Merge::Stray => Some(Leave::Stray(cell)),
        }
    }

    fn join(&mut self, node: NodeId, patch: PatchId, now: Time) {
        if self.patches.get(&patch).is_some_and(|history| !history.has_member(node)) {
            self.events.push_back(Event::Joined { node, patch });
            let with = |history: &History| {
                let mut nodes: Vec<_> = history.members().chain([node]).collect();
                nodes.sort_unstable();
                nodes
            };
            self.deal(patch, with, now);
        }
    }

    /// Takes all cells from a node, for good: its session is dropped, and with it whatever the node still sends.
    fn fence(&mut self, node: NodeId, why: Leave, now: Time) {
        self.links[node.0].fence(&self.options, now);
        self.counters.fences += 1;
        self.events.push_back(Event::Fenced { node, why });
        let patches: Vec<_> = self.patches.keys().copied().collect();
        for patch in patches {
            if self.patches[&patch].has_member(node) {
                self.deal(patch, |history| history.members().filter(|&member| member != node).collect(), now);
            }
        }
    }

    /// Deals the cells of a patch out to these nodes.
    fn deal(&mut self, patch: PatchId, nodes: impl Fn(&History) -> Vec<NodeId>, now: Time) {
        let Some(history) = self.patches.get_mut(&patch) else { return };
        let nodes = nodes(history);
        let members = nodes.len();
        history.assign(nodes, now);
        let epoch = history.epoch();
        self.counters.assignments += 1;
        self.events.push_back(Event::Reassigned { patch, epoch, members });
        self.pump(patch, now);
    }

    /// Sends what the nodes of a patch need.
    fn pump(&mut self, patch: PatchId, now: Time) {
        let Some(history) = self.patches.get_mut(&patch) else { return };
        let mut lost = history.send_assignment(&mut self.links, now);
        if history.wants_weights()
            && let Some(weights) = self.weights.get(&key_of(history.patch()))
        {
            lost.extend(history.send_weights(weights, &mut self.links, now));
        }
        for node in history.pump(&mut self.links, &self.options, now) {
            self.counters.starvations += 1;
            self.links[node.0].count_starvation();
            self.events.push_back(Event::OutOfCredit { node, patch });
        }
        for (node, error) in lost {
            self.fence(node, Leave::SessionEnded(error), now);
        }
    }

    /// Drops the oldest of what the caller does not take.
    fn bound(&mut self) {
        let events = self.events.len().saturating_sub(UNREAD_MAX);
        let commits = self.commits.len().saturating_sub(UNREAD_MAX);
        self.events.drain(..events);
        self.commits.drain(..commits);
        self.counters.dropped += (events + commits) as u64;
    }
}
