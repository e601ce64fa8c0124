//! One patch's history: which rounds and cells are open, who owns them, what each node has been sent.
//!
//! Everything that could be needed once more is kept until no open cell can need it: rounds, so that they can be sent to
//! another node, and marks of committed cells. So the loss of a node is a new assignment and nothing else.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use outrider::{Cell, CellBook, Error, LayerWidths, Patch};
use outrider_wire as wire;
use outrider_wire::{
    Assign, ClientSession, Digest, Epoch, List, Mark, Marks, Open, RoundsBatch, StreamId, Widths,
};

use crate::assignment::Assignment;
use crate::controller::{ControllerOptions, NodeId};
use crate::node_link::NodeLink;

/// A history may hold so many times the rounds that its plan needs.
const ROOM_FACTOR: u64 = 4;
/// Bytes of a ROUNDS frame before its layers, and of a layer before its bits.
const ROUNDS_HEAD_BYTES: u32 = 8;
const LAYER_HEAD_BYTES: u32 = 4;
/// Most layers in a frame.
const FRAME_LAYERS_MAX: u32 = 64;

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
    /// Layers and cells that were let go of, for their memory.
    spare_layers: Vec<Layer>,
    spare_cells: Vec<Entry>,
    /// Cells from `first_cell` on that have entered; those before `frontier` are committed.
    cells: VecDeque<Entry>,
    first_cell: u64,
    /// The cell to enter next; looked up again when the end is known.
    upcoming: Option<Cell>,
    frontier: u64,
    epoch: Epoch,
    assignment: Assignment,
    members: Vec<Member>,
    /// Members may have to be told about committed cells.
    has_news: bool,
    observables: Vec<u64>,
    /// When the frontier last moved, or could have begun to.
    moved_ns: u64,
}

#[derive(Debug, Default)]
struct Layer {
    bits: Vec<u8>,
    count: u32,
    pushed_ns: u64,
}

#[derive(Debug, Default)]
struct Entry {
    cell: Cell,
    /// The member that decides it in this epoch.
    owner: Option<usize>,
    dependencies: Vec<u64>,
    is_answered: bool,
    answer: Answer,
    /// What was answered in an epoch that is over, while cells before it were open.
    earlier: Option<Answer>,
    /// Members that know its marks in this epoch, a bit each.
    told: u64,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Answer {
    parity: Vec<u64>,
    round: u64,
    marks: Vec<Mark>,
}

#[derive(Debug)]
struct Member {
    node: NodeId,
    /// It has been told which cells it owns in this epoch; until then nothing else is said about them.
    is_assigned: bool,
    /// The round after the last one sent.
    sent: u64,
    /// Rounds before it were sent, or are not needed.
    looked: u64,
    /// Nothing is to be sent before so many rounds are there; 0 to look.
    due: u64,
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
    /// The node does not own the cell, cannot have decided it yet, or names marks far from its window.
    Stray,
}

/// How far a patch has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PatchState<'a> {
    /// Rounds that were pushed.
    pub rounds: u64,
    /// Rounds that can be pushed now.
    pub room: u64,
    /// Rounds that are held at most.
    pub rounds_max: u64,
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
            room: ROOM_FACTOR * CellBook::layers_needed(patch.plan()),
            patch,
            stream,
            layers: VecDeque::new(),
            first_round: 0,
            length: None,
            spare_layers: Vec::new(),
            spare_cells: Vec::new(),
            cells: VecDeque::new(),
            first_cell: 0,
            upcoming: None,
            frontier: 0,
            epoch: Epoch(0),
            assignment,
            members: Vec::new(),
            has_news: false,
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

    pub(crate) fn has_ended(&self) -> bool {
        self.length.is_some()
    }

    pub(crate) fn has_member(&self, node: NodeId) -> bool {
        self.members.iter().any(|member| member.node == node)
    }

    pub(crate) fn members(&self) -> impl Iterator<Item = NodeId> {
        self.members.iter().map(|member| member.node)
    }

    pub(crate) fn state(&self) -> PatchState<'_> {
        // A cell that has not entered begins after the rounds that are there.
        let open = self.cells.get((self.frontier - self.first_cell) as usize);
        let committed = open.map_or_else(|| self.end_round(), |entry| entry.cell.first_layer);
        PatchState {
            rounds: self.end_round(),
            room: if self.length.is_some() { 0 } else { self.room - self.layers.len() as u64 },
            rounds_max: self.room,
            committed: committed.min(self.end_round()),
            cells: self.frontier,
            observables: &self.observables,
            members: self.members.len(),
            has_ended: self.length.is_some(),
            is_finished: self.is_finished(),
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
        let mut layer = self.spare_layers.pop().unwrap_or_default();
        layer.bits.clear();
        layer.bits.extend_from_slice(&bits[..count.div_ceil(8) as usize]);
        if let (Some(last), used @ 1..) = (layer.bits.last_mut(), count % 8) {
            *last &= (1 << used) - 1;
        }
        layer.count = count;
        layer.pushed_ns = now;
        self.layers.push_back(layer);
        if is_last {
            self.look_again()?;
        }
        self.enter()?;
        if is_last {
            self.change();
        }
        // Whether an empty cell is final depends on the rounds that are there.
        if self.has_news || self.cells.iter().any(|entry| entry.cell.is_empty && !entry.is_answered) {
            self.advance();
        }
        Ok(())
    }

    /// The end is known: cells that have not been decided may look different now.
    fn look_again(&mut self) -> Result<(), Error> {
        let plan = self.patch.plan();
        let count = plan.cell_count(self.length.unwrap_or(u64::MAX));
        self.cells.truncate(count.saturating_sub(self.first_cell) as usize);
        self.upcoming = None;
        for entry in self.cells.iter_mut().filter(|entry| !entry.is_answered) {
            entry.cell = plan.cell(entry.cell.number, self.length)?;
            plan.dependencies(entry.cell.number, self.length, &mut entry.dependencies)?;
        }
        Ok(())
    }

    /// Lets cells enter that may need rounds which are there.
    fn enter(&mut self) -> Result<(), Error> {
        // Cells of another row with higher numbers may begin a little earlier.
        let near = self.end_round() + u64::from(self.patch.cut().commit);
        while let Some(cell) = self.look_at_upcoming()?
            && (cell.events_first < near || self.length.is_some())
        {
            let mut entry = self.spare_cells.pop().unwrap_or_default();
            self.patch.plan().dependencies(cell.number, self.length, &mut entry.dependencies)?;
            entry.cell = cell;
            entry.owner = self.assignment.owner(cell.number);
            entry.is_answered = false;
            entry.earlier = None;
            entry.told = 0;
            self.cells.push_back(entry);
            self.upcoming = None;
            self.change();
        }
        Ok(())
    }

    fn look_at_upcoming(&mut self) -> Result<Option<Cell>, Error> {
        let number = self.first_cell + self.cells.len() as u64;
        let plan = self.patch.plan();
        let length = self.length.or_else(|| plan.only_length());
        if self.upcoming.is_none() && length.is_none_or(|length| number < plan.cell_count(length)) {
            self.upcoming = Some(plan.cell(number, self.length)?);
        }
        Ok(self.upcoming)
    }

    /// Cells, owners or answers have changed: there may be something to send.
    fn change(&mut self) {
        self.has_news = true;
        self.members.iter_mut().for_each(|member| member.due = 0);
    }

    /// A member has room for rounds again.
    pub(crate) fn wake(&mut self, node: NodeId) {
        self.members.iter_mut().filter(|member| member.node == node).for_each(|member| member.due = 0);
    }

    /// Deals all open cells out to these nodes, under a new epoch.
    pub(crate) fn assign(&mut self, nodes: Vec<NodeId>, now: u64) {
        self.epoch.0 += 1;
        let stretch = self.assignment.stretch;
        self.assignment = Assignment { first: self.frontier, stretch, members: nodes.len() as u64 };
        self.moved_ns = now;
        let round = self.first_needed();
        self.members = nodes
            .into_iter()
            .map(|node| Member {
                node,
                is_assigned: false,
                sent: round,
                looked: round,
                due: 0,
                is_starved: false,
            })
            .collect();
        for entry in &mut self.cells {
            entry.told = 0;
            entry.owner = self.assignment.owner(entry.cell.number);
            if entry.owner.is_some() && entry.is_answered {
                entry.is_answered = false;
                entry.earlier = Some(entry.answer.clone());
            }
        }
        self.change();
    }

    /// Tells members which cells they own, unless they know. One whose session has no room for that is told later.
    /// Returns the nodes that cannot be told, and why.
    pub(crate) fn tell_assignment(&mut self, links: &mut [NodeLink], now: u64) -> Vec<(NodeId, wire::Error)> {
        let mut lost = Vec::new();
        for (place, member) in self.members.iter_mut().enumerate().filter(|(_, member)| !member.is_assigned) {
            let ranges = self.assignment.ranges(place);
            let assign = Assign { cells: List::from(&ranges[..]) };
            let session = &mut links[member.node.0].session;
            match session.assign(self.stream, self.epoch, member.sent, &assign, now) {
                Ok(_) => member.is_assigned = true,
                Err(wire::Error::RetentionFull) => {}
                Err(error) => lost.push((member.node, error)),
            }
        }
        lost
    }

    /// Where the cells stand that have entered and are not joined yet.
    fn open_places(&self) -> Range<usize> {
        (self.frontier - self.first_cell) as usize..self.cells.len()
    }

    fn open_cells(&self) -> impl Iterator<Item = &Entry> {
        self.cells.range(self.open_places())
    }

    /// The first round that an open cell may need.
    fn first_needed(&self) -> u64 {
        let first = self.open_cells().map(|entry| entry.cell.events_first).min();
        let first = first.unwrap_or_else(|| self.end_round());
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
        if self.has_news {
            self.tell_marks(links, now);
        }
        let mut starved = Vec::new();
        let end = self.end_round();
        for place in 0..self.members.len() {
            if end < self.members[place].due || !self.members[place].is_assigned {
                continue;
            }
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
    fn tell_marks(&mut self, links: &mut [NodeLink], now: u64) {
        self.has_news = false;
        for at in self.open_places() {
            let Some(owner) = self.cells[at].owner else { continue };
            for dependency in 0..self.cells[at].dependencies.len() {
                let number = self.cells[at].dependencies[dependency];
                let place = number.checked_sub(self.first_cell).map(|place| place as usize);
                let is_news = |entry: &Entry| {
                    entry.is_answered && entry.owner != Some(owner) && entry.told >> owner & 1 == 0
                };
                if let Some(place) = place
                    && self.cells.get(place).is_some_and(is_news)
                {
                    self.tell(place, owner, links, now);
                }
            }
        }
    }

    /// Tells a member about a committed cell.
    fn tell(&mut self, place: usize, member: usize, links: &mut [NodeLink], now: u64) {
        if !self.members[member].is_assigned {
            self.has_news = true;
            return;
        }
        let Entry { cell, answer, told, .. } = &mut self.cells[place];
        let cell = wire::CellId(cell.number);
        let marks = Marks { cell, marks: List::from(&answer.marks[..]) };
        let session = &mut links[self.members[member].node.0].session;
        match session.send_marks(self.stream, answer.round, &marks, now) {
            Ok(_) => *told |= 1 << member,
            Err(_) => self.has_news = true,
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
        let most = self.frame_layers(session, options);
        while let Some(run) = self.needed_run(place) {
            self.members[place].looked = run.start;
            let credit = session.credit(self.stream).unwrap_or(0);
            self.members[place].is_starved = credit == 0;
            let count = (run.end - run.start).min(most).min(credit);
            let stop = run.start + count;
            let is_due =
                stop < self.end_round() || count == most || self.completes_window(place, run.start..stop);
            if !is_due && credit > 0 {
                self.members[place].due = self.next_completion(place, stop).min(run.start + most);
            }
            if count == 0 || !is_due || self.send_frame(place, run.start..stop, session, now).is_err() {
                return;
            }
            self.members[place].looked = stop;
            self.members[place].sent = stop;
        }
        // What it needs next has not come; a cell that enters changes that.
        let end = self.end_round();
        self.members[place].looked = end;
        self.members[place].due = self.next_completion(place, end).min(end + most);
    }

    fn send_frame(
        &self,
        place: usize,
        rounds: Range<u64>,
        session: &mut ClientSession,
        now: u64,
    ) -> Result<wire::Sequence, wire::Error> {
        let at = |round: u64| (round - self.first_round) as usize;
        let mut frame = [wire::Layer { bit_count: 0, bits: &[] }; FRAME_LAYERS_MAX as usize];
        let mut count = 0;
        for (to, layer) in frame.iter_mut().zip(self.layers.range(at(rounds.start)..at(rounds.end))) {
            *to = wire::Layer { bit_count: layer.count, bits: &layer.bits };
            count += 1;
        }
        let batch = RoundsBatch {
            first_round: rounds.start,
            layers: &frame[..count],
            skips: rounds.start > self.members[place].sent,
            is_last: self.length == Some(rounds.end),
        };
        session.send_rounds(self.stream, batch, now)
    }

    /// Layers that fit a frame.
    fn frame_layers(&self, session: &ClientSession, options: &ControllerOptions) -> u64 {
        let bytes = session.agreement().map_or(0, |agreement| agreement.payload_bytes_max);
        let fit = bytes.saturating_sub(ROUNDS_HEAD_BYTES) / self.layer_bytes;
        fit.min(options.batch_rounds).clamp(1, FRAME_LAYERS_MAX).into()
    }

    /// The rounds that a member needs next, as far as they are there: its cells', and the last, by which everybody knows
    /// the end.
    fn needed_run(&self, place: usize) -> Option<Range<u64>> {
        let end = self.end_round();
        let looked = self.members[place].looked.max(self.first_round);
        let needs = || {
            let owned = self.open_cells().filter(|entry| entry.owner == Some(place));
            let last = self.length.map(|length| length - 1..length);
            owned.map(|entry| entry.cell.events_first..rounds_end(&entry.cell)).chain(last)
        };
        let left = needs().filter(|need| need.end > looked);
        let start = left.map(|need| need.start.max(looked)).min().filter(|&start| start < end)?;
        // Cells come in the order of their rounds, or nearly: once is enough, mostly.
        let (mut stop, mut grows) = (start, true);
        while grows && stop < end {
            grows = false;
            for need in needs().filter(|need| need.end > start) {
                if need.start <= stop && need.end > stop {
                    (stop, grows) = (need.end, true);
                }
            }
        }
        Some(start..stop.min(end))
    }

    /// Whether these rounds complete a window of the member; its rounds before them were sent.
    fn completes_window(&self, place: usize, rounds: Range<u64>) -> bool {
        let mut owned = self.open_cells().filter(|entry| entry.owner == Some(place));
        let ends = rounds.start + 1..=rounds.end;
        self.length == Some(rounds.end) || owned.any(|entry| ends.contains(&rounds_end(&entry.cell)))
    }

    /// How many rounds must be there for the next window of the member to be complete, after `stop`.
    fn next_completion(&self, place: usize, stop: u64) -> u64 {
        let owned = self.open_cells().filter(|entry| entry.owner == Some(place));
        owned.map(|entry| rounds_end(&entry.cell)).filter(|&end| end > stop).min().unwrap_or(u64::MAX)
    }

    /// Takes the answer of a node for a cell of the current epoch.
    pub(crate) fn merge(&mut self, node: NodeId, round: u64, commit: &wire::Commit<'_>, now: u64) -> Merge {
        let number = commit.cell.0;
        let owner = self.assignment.owner(number).and_then(|place| self.members.get(place));
        if owner.is_none_or(|owner| owner.node != node) {
            return Merge::Stray;
        }
        let Some(place) = number.checked_sub(self.first_cell) else { return Merge::Again { is_same: true } };
        let (plan, length, end) = (self.patch.plan(), self.length, self.end_round());
        let Some(entry) = self.cells.get_mut(place as usize) else { return Merge::Stray };
        let near = entry.cell.marks_first..entry.cell.marks_end;
        let is_near = |mark: Mark| {
            let round = round.checked_add(mark.layer.into()).filter(|round| near.contains(round));
            round.is_some_and(|round| mark.index < plan.layer_marks(round, length))
        };
        let is_complete = length.is_some() || rounds_end(&entry.cell) <= end;
        // Others would give the stream up if they were told of marks that cannot be.
        if !is_complete || !commit.marks.iter().all(is_near) {
            return Merge::Stray;
        }
        if entry.is_answered {
            return Merge::Again { is_same: entry.answer.says(round, commit) };
        }
        let last = rounds_end(&entry.cell).min(self.first_round + self.layers.len() as u64).saturating_sub(1);
        let layer = last.checked_sub(self.first_round).and_then(|at| self.layers.get(at as usize));
        entry.is_answered = true;
        let merge = match entry.earlier.take() {
            // The first answer stands, whatever comes later.
            Some(earlier) => {
                entry.answer = earlier;
                Merge::Again { is_same: entry.answer.says(round, commit) }
            }
            None => {
                entry.answer.take(round, commit);
                Merge::New { pushed_ns: layer.map_or(now, |layer| layer.pushed_ns) }
            }
        };
        self.has_news = true;
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
                place.and_then(|place| self.cells.get(place)).is_some_and(|entry| !entry.is_answered)
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
        for entry in self.cells.iter_mut().filter(|entry| entry.cell.is_empty && !entry.is_answered) {
            if self.length.is_some() || entry.cell.ready_layers <= end {
                entry.answer.empty(entry.cell.first_layer);
                entry.is_answered = true;
                self.has_news = true;
            }
        }
        while let Some(entry) = self.cells.get((self.frontier - self.first_cell) as usize)
            && entry.is_answered
        {
            for (word, flips) in self.observables.iter_mut().zip(&entry.answer.parity) {
                *word ^= flips;
            }
            self.frontier += 1;
        }
        let needed = self.first_needed();
        while self.first_round < needed {
            self.spare_layers.extend(self.layers.pop_front());
            self.first_round += 1;
        }
        let wanted = self.open_cells().flat_map(|entry| &entry.dependencies).copied().min();
        let reach = CellBook::layers_needed(self.patch.plan());
        while let Some(entry) = self.cells.front()
            && entry.cell.number < self.frontier
            && wanted.is_none_or(|wanted| entry.cell.number < wanted)
            && entry.cell.end_layer + reach < needed
        {
            self.spare_cells.extend(self.cells.pop_front());
            self.first_cell += 1;
        }
    }
}

impl Answer {
    fn take(&mut self, round: u64, commit: &wire::Commit<'_>) {
        self.round = round;
        self.parity.clear();
        self.parity.extend(commit.parity.iter());
        self.marks.clear();
        self.marks.extend(commit.marks.iter());
    }

    fn empty(&mut self, round: u64) {
        self.round = round;
        self.parity.clear();
        self.marks.clear();
    }

    /// Whether a commit is the same; from which round it counts is the node's affair.
    fn says(&self, round: u64, commit: &wire::Commit<'_>) -> bool {
        let place = |from: u64| move |mark: Mark| (from.wrapping_add(mark.layer.into()), mark.index);
        let (own, theirs) = (self.marks.iter().copied(), commit.marks.iter());
        self.parity.iter().copied().eq(commit.parity.iter())
            && own.map(place(self.round)).eq(theirs.map(place(round)))
    }
}

/// The round before which all rounds are there that a cell needs to be decided, if the history goes on.
fn rounds_end(cell: &Cell) -> u64 {
    cell.events_end.max(cell.ready_layers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_the_same_from_whatever_round_they_count() {
        fn commit(marks: &[Mark]) -> wire::Commit<'_> {
            wire::Commit {
                cell: wire::CellId(0),
                hops: wire::Hops::default(),
                parity: List::from(&[1][..]),
                marks: List::from(marks),
            }
        }
        let mut answer = Answer::default();
        answer.take(7, &commit(&[]));
        assert!(answer.says(9, &commit(&[])));
        let own = [Mark { layer: 3, index: 1 }, Mark { layer: 4, index: 0 }];
        answer.take(7, &commit(&own));
        let same = [Mark { layer: 1, index: 1 }, Mark { layer: 2, index: 0 }];
        assert!(answer.says(9, &commit(&same)));
        assert!(!answer.says(9, &commit(&own)));
        assert!(!answer.says(9, &commit(&same[..1])));
    }
}
