//! One patch's history: which rounds and cells are open, who owns them, what each node has been sent.
//!
//! Everything that could be needed once more is kept until no open cell can need it: rounds, so that they can be sent to
//! another node, and artificial defects of committed cells. So the loss of a node is a new assignment and nothing else.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use outrider::{Cell, CellStream, Error, LayerWidths, Patch};
use outrider_wire as wire;
use outrider_wire::{
    Assign, ClientSession, Defect, Defects, Digest, Epoch, List, Open, RoundsBatch, StreamId, Widths,
};

use crate::assignment::Assignment;
use crate::controller::{ControllerOptions, NodeId};
use crate::node_link::NodeLink;

/// A history may hold so many times the rounds that its plan needs.
const ROOM_FACTOR: u64 = 4;
/// Bytes of a ROUNDS frame before its layers, and of a layer before its bits.
const ROUNDS_HEAD_BYTES: u32 = 8;
const LAYER_HEAD_BYTES: u32 = 4;

#[derive(Debug)]
pub(crate) struct History {
    patch: Arc<Patch>,
    stream: StreamId,
    room: u64,
    /// Bytes of the widest layer in a frame.
    layer_bytes: u32,
    /// Rounds from `first_round` on.
    layers: VecDeque<Layer>,
    first_round: u64,
    length: Option<u64>,
    /// Cells from `first_cell` on that have entered; those before `frontier` are committed.
    cells: VecDeque<Entry>,
    first_cell: u64,
    frontier: u64,
    epoch: Epoch,
    assignment: Assignment,
    members: Vec<Member>,
    observables: Vec<u64>,
    /// When the frontier last moved, or could have begun to.
    moved_ns: u64,
}

#[derive(Debug)]
struct Layer {
    bits: Vec<u8>,
    count: u32,
    pushed_ns: u64,
}

#[derive(Debug)]
struct Entry {
    cell: Cell,
    dependencies: Vec<u64>,
    answer: Option<Answer>,
    /// What was answered in an epoch that is over, while cells before it were open.
    earlier: Option<Answer>,
    /// Members that know its artificial defects in this epoch, a bit each.
    told: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Answer {
    parity: Vec<u64>,
    round: u64,
    defects: Vec<Defect>,
}

#[derive(Debug)]
struct Member {
    node: NodeId,
    /// Rounds before it were sent, or are not needed.
    next_round: u64,
    /// The caller knows that its credit has run out.
    is_starved: bool,
}

/// What became of a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Merge {
    /// It is new; the last round of its window was pushed at this time.
    New { pushed_ns: u64 },
    /// The cell was decided before, with the same answer or, worse, with another.
    Again { is_same: bool },
    /// The node does not own the cell.
    Stray,
}

/// How far a patch has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PatchState<'a> {
    /// Rounds that were pushed.
    pub rounds: u64,
    /// Rounds that can be pushed now.
    pub room: u64,
    /// Every cell that begins before this round is committed.
    pub committed: u64,
    /// Cells that are committed, without holes.
    pub cells: u64,
    /// The observables that those cells flip: observable k is bit k % 64 of word k / 64.
    pub observables: &'a [u64],
    /// Nodes that share the cells.
    pub members: usize,
    /// The last round has been pushed.
    pub has_ended: bool,
    /// And every cell is committed.
    pub is_finished: bool,
}

impl History {
    pub(crate) fn new(patch: Arc<Patch>, stream: StreamId, now: u64) -> Self {
        let words = patch.plan().graph().observable_count().div_ceil(u64::BITS) as usize;
        let assignment = Assignment { first: 0, stretch: patch.stretch(), members: 0 };
        let LayerWidths { first, cycle, last } = patch.widths();
        let widest = cycle.into_iter().chain([first, last]).max().unwrap_or(0);
        Self {
            layer_bytes: LAYER_HEAD_BYTES + widest.div_ceil(8),
            room: ROOM_FACTOR * CellStream::layers_needed(patch.plan()),
            patch,
            stream,
            layers: VecDeque::new(),
            first_round: 0,
            length: None,
            cells: VecDeque::new(),
            first_cell: 0,
            frontier: 0,
            epoch: Epoch(0),
            assignment,
            members: Vec::new(),
            observables: vec![0; words],
            moved_ns: now,
        }
    }

    /// What a node must know of it.
    pub(crate) fn open(&self) -> Open {
        let LayerWidths { first, cycle, last } = self.patch.widths();
        Open {
            model: Digest(*self.patch.model_digest()),
            plan: Digest(*self.patch.plan_digest()),
            observables: self.patch.plan().graph().observable_count(),
            widths: Widths { first, cycle, last },
        }
    }

    pub(crate) fn stream(&self) -> StreamId {
        self.stream
    }

    pub(crate) fn epoch(&self) -> u32 {
        self.epoch.0
    }

    pub(crate) fn has_member(&self, node: NodeId) -> bool {
        self.members.iter().any(|member| member.node == node)
    }

    pub(crate) fn members(&self) -> impl Iterator<Item = NodeId> {
        self.members.iter().map(|member| member.node)
    }

    pub(crate) fn state(&self) -> PatchState<'_> {
        let is_finished = self.is_finished();
        let committed = match self.length {
            Some(length) if is_finished => length,
            _ => self.patch.plan().cell(self.frontier, self.length).map_or(0, |cell| cell.first_layer),
        };
        PatchState {
            rounds: self.end_round(),
            room: if self.length.is_some() { 0 } else { self.room - self.layers.len() as u64 },
            committed: committed.min(self.end_round()),
            cells: self.frontier,
            observables: &self.observables,
            members: self.members.len(),
            has_ended: self.length.is_some(),
            is_finished,
        }
    }

    pub(crate) fn is_finished(&self) -> bool {
        self.length.is_some_and(|length| self.frontier >= self.patch.plan().cell_count(length))
    }

    fn end_round(&self) -> u64 {
        self.first_round + self.layers.len() as u64
    }

    /// Rounds that can be pushed now.
    pub(crate) fn has_room(&self) -> bool {
        (self.layers.len() as u64) < self.room
    }

    /// The detectors that the next round must have.
    pub(crate) fn next_width(&self, is_last: bool) -> u32 {
        let round = self.end_round();
        self.patch.plan().layer_detectors(round, is_last.then_some(round + 1))
    }

    /// Appends a round, which was checked.
    pub(crate) fn push(&mut self, bits: &[u8], count: u32, is_last: bool, now: u64) -> Result<(), Error> {
        let round = self.end_round();
        if is_last {
            self.patch.plan().check_length(round + 1)?;
            self.length = Some(round + 1);
        }
        let mut bits = bits[..count.div_ceil(8) as usize].to_vec();
        if let (Some(last), used @ 1..) = (bits.last_mut(), count % 8) {
            *last &= (1 << used) - 1;
        }
        self.layers.push_back(Layer { bits, count, pushed_ns: now });
        if is_last {
            self.look_again()?;
        }
        self.enter()?;
        self.advance();
        Ok(())
    }

    /// The end is known: cells that have not been decided may look different now.
    fn look_again(&mut self) -> Result<(), Error> {
        let plan = self.patch.plan();
        let count = plan.cell_count(self.length.unwrap_or(u64::MAX));
        self.cells.truncate(count.saturating_sub(self.first_cell) as usize);
        for entry in self.cells.iter_mut().filter(|entry| entry.answer.is_none()) {
            entry.cell = plan.cell(entry.cell.number, self.length)?;
            plan.dependencies(entry.cell.number, self.length, &mut entry.dependencies)?;
        }
        Ok(())
    }

    /// Lets cells enter that may need rounds which are there.
    fn enter(&mut self) -> Result<(), Error> {
        let plan = self.patch.plan();
        // Cells of another row with higher numbers may begin a little earlier.
        let near = self.end_round() + u64::from(self.patch.cut().commit);
        let count = self.length.map_or(u64::MAX, |length| plan.cell_count(length));
        loop {
            let number = self.first_cell + self.cells.len() as u64;
            if number >= count {
                return Ok(());
            }
            let cell = plan.cell(number, self.length)?;
            if cell.events_first >= near && self.length.is_none() {
                return Ok(());
            }
            let mut dependencies = Vec::new();
            plan.dependencies(number, self.length, &mut dependencies)?;
            self.cells.push_back(Entry { cell, dependencies, answer: None, earlier: None, told: 0 });
        }
    }

    /// Deals all open cells out to these nodes, under a new epoch. Returns the nodes that could not be told.
    pub(crate) fn assign(&mut self, nodes: Vec<NodeId>, links: &mut [NodeLink], now: u64) -> Vec<NodeId> {
        self.epoch.0 += 1;
        let stretch = self.assignment.stretch;
        self.assignment = Assignment { first: self.frontier, stretch, members: nodes.len() as u64 };
        self.moved_ns = now;
        let round = self.first_needed();
        self.members =
            nodes.into_iter().map(|node| Member { node, next_round: round, is_starved: false }).collect();
        for entry in &mut self.cells {
            entry.told = 0;
            if entry.cell.number >= self.frontier {
                entry.earlier = entry.answer.take().or_else(|| entry.earlier.take());
            }
        }
        let mut lost = Vec::new();
        for (place, member) in self.members.iter().enumerate() {
            let ranges = self.assignment.ranges(place);
            let assign = Assign { cells: List::from(&ranges[..]) };
            let session = &mut links[member.node.0].session;
            if session.assign(self.stream, self.epoch, round, &assign, now).is_err() {
                lost.push(member.node);
            }
        }
        lost
    }

    /// The first round that an open cell may need.
    fn first_needed(&self) -> u64 {
        let open = self.cells.iter().filter(|entry| entry.cell.number >= self.frontier);
        let first = open.map(|entry| entry.cell.events_first).min().unwrap_or_else(|| self.end_round());
        // Cells of another row that have not entered.
        first.saturating_sub(self.patch.cut().commit.into()).clamp(self.first_round, self.end_round())
    }

    /// Sends what the nodes need and have room for. Returns nodes whose credit has just run out.
    pub(crate) fn pump(
        &mut self,
        links: &mut [NodeLink],
        options: &ControllerOptions,
        now: u64,
    ) -> Vec<NodeId> {
        self.tell_defects(links, now);
        let mut starved = Vec::new();
        for place in 0..self.members.len() {
            let node = self.members[place].node;
            let was_starved = self.members[place].is_starved;
            self.send_rounds(place, &mut links[node.0].session, options, now);
            if self.members[place].is_starved && !was_starved {
                starved.push(node);
            }
        }
        starved
    }

    /// Tells the owners of open cells about committed cells that they wait for, unless they decide those themselves.
    fn tell_defects(&mut self, links: &mut [NodeLink], now: u64) {
        for at in 0..self.cells.len() {
            let Some(owner) = self.assignment.owner(self.cells[at].cell.number) else { continue };
            for dependency in 0..self.cells[at].dependencies.len() {
                let number = self.cells[at].dependencies[dependency];
                if self.assignment.owner(number) != Some(owner) {
                    self.tell(number, owner, links, now);
                }
            }
        }
    }

    /// Tells a member about a cell once it is committed, once.
    fn tell(&mut self, number: u64, member: usize, links: &mut [NodeLink], now: u64) {
        let place = number.checked_sub(self.first_cell).map(|place| place as usize);
        let Some(entry) = place.and_then(|place| self.cells.get_mut(place)) else { return };
        let Some(answer) = &entry.answer else { return };
        if entry.told >> member & 1 == 0 {
            let defects = Defects { cell: wire::CellId(number), defects: List::from(&answer.defects[..]) };
            let session = &mut links[self.members[member].node.0].session;
            if session.send_defects(self.stream, answer.round, &defects, now).is_ok() {
                entry.told |= 1 << member;
            }
        }
    }

    /// Sends a member the rounds that it needs: as soon as one completes a window, or a frame is full.
    fn send_rounds(
        &mut self,
        place: usize,
        session: &mut ClientSession,
        options: &ControllerOptions,
        now: u64,
    ) {
        let end = self.end_round();
        let most = self.frame_layers(session, options);
        let mut begin = self.members[place].next_round.max(self.first_round);
        while begin < end {
            if !self.needs(place, begin) {
                begin += 1;
                continue;
            }
            let run = (begin..end).take_while(|&round| self.needs(place, round)).count() as u64;
            let credit = session.credit(self.stream).unwrap_or(0);
            self.members[place].is_starved = credit == 0;
            let count = run.min(most).min(credit);
            let stop = begin + count;
            let is_due = stop < end || count == most || self.completes_window(place, stop);
            if count == 0 || !is_due || self.send_frame(place, begin..stop, session, now).is_err() {
                break;
            }
            begin = stop;
            self.members[place].next_round = stop;
        }
    }

    fn send_frame(
        &self,
        place: usize,
        rounds: Range<u64>,
        session: &mut ClientSession,
        now: u64,
    ) -> Result<wire::Sequence, wire::Error> {
        let at = |round: u64| (round - self.first_round) as usize;
        let layers = self.layers.range(at(rounds.start)..at(rounds.end));
        let layers: Vec<_> =
            layers.map(|layer| wire::Layer { bit_count: layer.count, bits: &layer.bits }).collect();
        let batch = RoundsBatch {
            first_round: rounds.start,
            layers: &layers,
            skips: rounds.start > self.members[place].next_round,
            is_last: self.length == Some(rounds.end),
        };
        session.send_rounds(self.stream, batch, now)
    }

    /// Layers that fit a frame.
    fn frame_layers(&self, session: &ClientSession, options: &ControllerOptions) -> u64 {
        let bytes = session.agreement().map_or(0, |agreement| agreement.payload_bytes_max);
        let fit = bytes.saturating_sub(ROUNDS_HEAD_BYTES) / self.layer_bytes;
        fit.min(options.batch_rounds).clamp(1, wire::limits::LAYERS_MAX).into()
    }

    fn needs(&self, place: usize, round: u64) -> bool {
        // Everybody has to know the end.
        self.length == Some(round + 1)
            || self.cells.iter().any(|entry| {
                self.assignment.owner(entry.cell.number) == Some(place)
                    && (entry.cell.events_first..rounds_end(&entry.cell)).contains(&round)
            })
    }

    /// Whether a window of the member is complete with the rounds before `stop`.
    fn completes_window(&self, place: usize, stop: u64) -> bool {
        self.length == Some(stop)
            || self.cells.iter().any(|entry| {
                self.assignment.owner(entry.cell.number) == Some(place) && rounds_end(&entry.cell) == stop
            })
    }

    /// Takes the answer of a node for a cell of the current epoch.
    pub(crate) fn merge(&mut self, node: NodeId, round: u64, commit: &wire::Commit<'_>, now: u64) -> Merge {
        let number = commit.cell.0;
        let owner = self.assignment.owner(number).and_then(|place| self.members.get(place));
        if owner.is_none_or(|owner| owner.node != node) {
            return Merge::Stray;
        }
        let Some(place) = number.checked_sub(self.first_cell) else { return Merge::Again { is_same: true } };
        let Some(entry) = self.cells.get_mut(place as usize) else { return Merge::Stray };
        let answer = Answer {
            parity: commit.parity.iter().collect(),
            round,
            defects: commit.defects.iter().collect(),
        };
        if let Some(before) = &entry.answer {
            return Merge::Again { is_same: *before == answer };
        }
        let last = rounds_end(&entry.cell).min(self.first_round + self.layers.len() as u64).saturating_sub(1);
        let layer = last.checked_sub(self.first_round).and_then(|at| self.layers.get(at as usize));
        let merge = match entry.earlier.take() {
            Some(earlier) => {
                let is_same = earlier == answer;
                entry.answer = Some(earlier);
                Merge::Again { is_same }
            }
            None => {
                entry.answer = Some(answer);
                Merge::New { pushed_ns: layer.map_or(now, |layer| layer.pushed_ns) }
            }
        };
        self.moved_ns = now;
        self.advance();
        merge
    }

    /// The member for whose cell everything waits, and since when.
    pub(crate) fn waits_for(&self) -> Option<(NodeId, u64)> {
        let mut number = self.frontier;
        loop {
            let entry = self.cells.get(number.checked_sub(self.first_cell)? as usize)?;
            let open = |&&dependency: &&u64| {
                let place = dependency.checked_sub(self.first_cell).map(|place| place as usize);
                place.and_then(|place| self.cells.get(place)).is_some_and(|entry| entry.answer.is_none())
            };
            // Ranks fall from a cell to those that it waits for, so this ends.
            if let Some(&dependency) = entry.dependencies.iter().find(open) {
                number = dependency;
                continue;
            }
            let end = self.length.unwrap_or(u64::MAX).min(rounds_end(&entry.cell));
            let layer = self.layers.get((end - 1).checked_sub(self.first_round)? as usize)?;
            let member = self.members.get(self.assignment.owner(number)?)?;
            return Some((member.node, layer.pushed_ns.max(self.moved_ns)));
        }
    }

    /// Joins the answers that have no hole before them, and lets go of what nobody can need any more.
    fn advance(&mut self) {
        let end = self.end_round();
        for entry in self.cells.iter_mut().filter(|entry| entry.cell.is_empty && entry.answer.is_none()) {
            if self.length.is_some() || entry.cell.ready_layers <= end {
                let parity = vec![0; self.observables.len()];
                entry.answer = Some(Answer { parity, round: entry.cell.first_layer, defects: Vec::new() });
            }
        }
        while let Some(answer) =
            self.cells.get((self.frontier - self.first_cell) as usize).and_then(|entry| entry.answer.as_ref())
        {
            for (word, flips) in self.observables.iter_mut().zip(&answer.parity) {
                *word ^= flips;
            }
            self.frontier += 1;
        }
        let needed = self.first_needed();
        while self.first_round < needed {
            self.layers.pop_front();
            self.first_round += 1;
        }
        let open = self.cells.iter().filter(|entry| entry.cell.number >= self.frontier);
        let wanted = open.flat_map(|entry| &entry.dependencies).copied().min();
        let reach = CellStream::layers_needed(self.patch.plan());
        while let Some(entry) = self.cells.front()
            && entry.cell.number < self.frontier
            && wanted.is_none_or(|wanted| entry.cell.number < wanted)
            && entry.cell.end_layer + reach < needed
        {
            self.cells.pop_front();
            self.first_cell += 1;
        }
    }
}

/// The round before which all rounds are there that a cell needs to be decided, if the history goes on.
fn rounds_end(cell: &Cell) -> u64 {
    cell.events_end.max(cell.ready_layers)
}
