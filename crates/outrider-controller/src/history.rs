//! One patch's history: which rounds and cells are open, who owns them, what each node has been sent.
//!
//! Everything that could be needed once more is kept until no open cell can need it: rounds, so that they can be sent to
//! another node, and marks of committed cells. So the loss of a node is a new assignment and nothing else.

use std::collections::VecDeque;
use std::mem;
use std::ops::Range;
use std::sync::Arc;

use outrider::{CellBook, CellBookOptions, CellImport, Error, LayerWidths, Patch, PlacedCommit, PlacedMark};
use outrider_wire as wire;
use outrider_wire::{
    Assign, CellId, ClientSession, Digest, Epoch, List, Mark, Marks, Open, Round, RoundsBatch, StreamId,
    Time, Widths,
};

use crate::assignment::Assignment;
use crate::error::PushError;
use crate::ids::{NODES_MAX, NodeId};
use crate::node_link::NodeLink;
use crate::options::ControllerOptions;
use crate::stream_weights::{StreamWeights, WeightsSent};

/// Bytes of a ROUNDS frame before its layers, and of a layer before its bits.
const ROUNDS_HEAD_BYTES: u32 = 8;
const LAYER_HEAD_BYTES: u32 = 4;
/// Most layers in a frame.
const FRAME_LAYERS_MAX: u32 = 64;

#[derive(Debug)]
pub(crate) struct History {
    patch: Arc<Patch>,
    stream: StreamId,
    /// Rounds of the histories before it, as far as their noise was learned.
    earlier_rounds: u64,
    /// Follows all cells, and imports the commits of the nodes.
    book: CellBook,
    /// Bytes of the widest layer in a frame.
    layer_bytes: u32,
    /// How far the book got.
    progress: Progress,
    /// Rounds that it holds at most.
    rounds_max: u64,
    /// Cells that it keeps, from `progress.first_cell` on.
    cells: VecDeque<SharedCell>,
    epoch: Epoch,
    assignment: Assignment,
    members: Vec<Member>,
    /// Members may have to be notified of committed cells.
    is_dirty: bool,
    observables: Vec<u64>,
    /// When the first open cell last changed, or could have begun to.
    moved: Time,
    /// A commit on its way in, and marks on their way out.
    parity: Vec<u8>,
    placed: Vec<PlacedMark>,
    marks: Vec<Mark>,
    /// Members, and cells whose marks they lack.
    wanted: Vec<(usize, CellId)>,
}

/// The numbers of [`CellBookState`], as of the last change.
#[derive(Debug, Clone, Copy, Default)]
struct Progress {
    /// The round to be pushed next.
    end: Round,
    room: u64,
    kept_from: Round,
    committed: Round,
    first_cell: CellId,
    /// Cells before it are committed for good.
    joined: CellId,
    entered: CellId,
    commits: u64,
    has_ended: bool,
    is_finished: bool,
}

/// What a cell has to do with the members.
#[derive(Debug)]
struct SharedCell {
    /// The rounds that whoever decides it needs.
    needs: Range<Round>,
    /// The member that decides it in this epoch.
    owner: Option<usize>,
    /// Members that have its marks in this epoch.
    notified: MemberSet,
}

/// A set of members, a bit each.
type MemberSet = u64;
const _: () = assert!(NODES_MAX <= MemberSet::BITS as usize);

#[derive(Debug)]
struct Member {
    node: NodeId,
    /// Its session has taken the ranges of its cells in this epoch; until then nothing else about them is sent.
    is_assigned: bool,
    /// The round after the last one sent.
    sent: Round,
    /// Rounds before it were sent, or are not needed.
    looked: Round,
    /// Nothing is to be sent before all rounds below this one are there. Round 0: look at once.
    due: Round,
    /// It was reported that its credit has run out.
    is_starved: bool,
    /// What it has of learned weights, whatever its node had before, and whether that is all.
    weights: WeightsSent,
    has_weights: bool,
}

/// What became of a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Merge {
    /// It is new; the last round of its window was pushed at this time.
    New { pushed: Time },
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
    pub committed: Round,
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
    /// A history without rounds.
    ///
    /// # Errors
    /// As [`CellBook::with_options`].
    pub(crate) fn new(
        patch: Arc<Patch>,
        stream: StreamId,
        earlier_rounds: u64,
        now: Time,
    ) -> Result<Self, Error> {
        let bytes = patch.plan().graph().observable_bytes();
        let widest = patch.widths().widest();
        let options = CellBookOptions {
            layers_max: CellBook::remote_room(patch.plan()),
            // Owners get the marks that a cell waits for before its rounds.
            lead: patch.cut().cell_layers,
            can_reopen: true,
            ..CellBookOptions::new(patch.plan())
        };
        Ok(Self {
            book: CellBook::with_options(Arc::clone(patch.plan()), &options)?,
            layer_bytes: LAYER_HEAD_BYTES + widest.div_ceil(8),
            progress: Progress { room: options.layers_max, ..Progress::default() },
            rounds_max: options.layers_max,
            cells: VecDeque::new(),
            epoch: Epoch(0),
            assignment: Assignment { first: CellId(0), stretch: patch.stretch(), members: 0 },
            members: Vec::new(),
            is_dirty: false,
            observables: vec![0; bytes.div_ceil(size_of::<u64>())],
            moved: now,
            parity: vec![0; bytes],
            placed: Vec::new(),
            marks: Vec::new(),
            wanted: Vec::new(),
            patch,
            stream,
            earlier_rounds,
        })
    }

    /// What a node has to have in common with it.
    pub(crate) fn open(&self) -> Open {
        let LayerWidths { first, cycle, last } = self.patch.widths();
        Open {
            model: Digest(*self.patch.model_digest()),
            plan: Digest(*self.patch.plan_digest()),
            observables: self.patch.plan().graph().observable_count(),
            widths: Widths { first, cycle, last },
        }
    }

    pub(crate) fn patch(&self) -> &Arc<Patch> {
        &self.patch
    }

    /// Whether members lack learned weights.
    pub(crate) fn wants_weights(&self) -> bool {
        self.patch.learning().is_some() && self.members.iter().any(|member| !member.has_weights)
    }

    /// There is a new version of weights, which members lack.
    pub(crate) fn want_weights(&mut self) {
        self.members.iter_mut().for_each(|member| member.has_weights = false);
    }

    /// Sends members the weights that they lack and have room for. Returns the nodes whose sessions refuse them, and why.
    pub(crate) fn send_weights(
        &mut self,
        weights: &StreamWeights,
        links: &mut [NodeLink],
        now: Time,
    ) -> Vec<(NodeId, wire::Error)> {
        let place = (self.earlier_rounds, self.progress.kept_from);
        let mut lost = Vec::new();
        for member in self.members.iter_mut().filter(|member| member.is_assigned && !member.has_weights) {
            let session = &mut links[member.node.0].session;
            match weights.send(&mut member.weights, place, (session, self.stream), now) {
                Ok(has_all) => member.has_weights = has_all,
                Err(error) => lost.push((member.node, error)),
            }
        }
        lost
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
        PatchState {
            rounds: self.progress.end.0,
            room: self.progress.room,
            rounds_max: self.rounds_max,
            committed: self.progress.committed,
            cells: self.progress.joined.0,
            observables: &self.observables,
            members: self.members.len(),
            has_ended: self.progress.has_ended,
            is_finished: self.progress.is_finished,
        }
    }

    /// The detectors that the next round must have.
    fn next_width(&self, is_last: bool) -> u32 {
        let round = self.progress.end.0;
        self.patch.plan().layer_detectors(round, is_last.then_some(round + 1))
    }

    /// Appends a round.
    ///
    /// # Errors
    /// See [`PushError`]; nothing has changed then.
    pub(crate) fn try_push(
        &mut self,
        bits: &[u8],
        count: u32,
        is_last: bool,
        now: Time,
    ) -> Result<(), PushError> {
        if self.progress.has_ended {
            return Err(PushError::Ended);
        }
        let expected = self.next_width(is_last);
        if count != expected || bits.len() < expected.div_ceil(8) as usize {
            return Err(PushError::Width { expected, found: count });
        }
        if self.progress.room == 0 {
            return Err(PushError::Full);
        }
        self.push(bits, count, is_last, now).map_err(PushError::Plan)
    }

    /// The same of a round that was checked.
    fn push(&mut self, bits: &[u8], count: u32, is_last: bool, now: Time) -> Result<(), Error> {
        let before = self.progress;
        self.book.push_at(&bits[..count.div_ceil(8) as usize], count, is_last, now.0)?;
        self.keep_up();
        if is_last || self.progress.entered != before.entered {
            self.mark_dirty();
        }
        self.is_dirty |= self.progress.commits != before.commits;
        if is_last {
            self.look_again();
        }
        Ok(())
    }

    /// Follows the book after a change: how far it got, which cells it keeps, and their answer.
    fn keep_up(&mut self) {
        let before = self.progress;
        let state = self.book.state();
        self.progress = Progress {
            end: Round(state.layers),
            room: state.room,
            kept_from: Round(state.kept_from),
            committed: Round(state.committed),
            first_cell: CellId(state.first_cell),
            joined: CellId(state.cells),
            entered: CellId(state.entered),
            commits: state.commits,
            has_ended: state.has_ended,
            is_finished: state.is_finished,
        };
        if self.progress.joined != before.joined {
            let words = state.observables.chunks(size_of::<u64>()).map(word);
            self.observables.iter_mut().zip(words).for_each(|(to, from)| *to = from);
        }
        let Progress { first_cell, entered, .. } = self.progress;
        let dropped = ((first_cell - before.first_cell) as usize).min(self.cells.len());
        self.cells.drain(..dropped);
        self.cells.truncate((entered - first_cell) as usize);
        for number in (first_cell + self.cells.len() as u64).until(entered) {
            let owner = self.assignment.owner(number);
            self.cells.push_back(SharedCell { needs: self.rounds_of(number), owner, notified: 0 });
        }
    }

    /// The end is known, and cells that are not decided may need other rounds.
    fn look_again(&mut self) {
        for place in self.open_places() {
            self.cells[place].needs = self.rounds_of(self.progress.first_cell + place as u64);
        }
    }

    /// The rounds that a cell needs.
    fn rounds_of(&self, cell: CellId) -> Range<Round> {
        let need = self.book.need(cell.0);
        need.map_or_else(Range::default, |need| Round(need.first_layer)..Round(need.end_layer))
    }

    /// Where the cells stand that are not joined.
    fn open_places(&self) -> Range<usize> {
        (self.progress.joined - self.progress.first_cell) as usize..self.cells.len()
    }

    /// Cells, owners or answers have changed: there may be something to send.
    fn mark_dirty(&mut self) {
        self.is_dirty = true;
        self.members.iter_mut().for_each(|member| member.due = Round(0));
    }

    /// A member has room for rounds again.
    pub(crate) fn wake(&mut self, node: NodeId) {
        self.members.iter_mut().filter(|member| member.node == node).for_each(|member| member.due = Round(0));
    }

    /// Deals all open cells out to these nodes, under a new epoch.
    pub(crate) fn assign(&mut self, nodes: Vec<NodeId>, now: Time) {
        let round = self.progress.kept_from.min(self.progress.end);
        self.epoch.0 += 1;
        self.assignment =
            Assignment { first: self.progress.joined, members: nodes.len() as u64, ..self.assignment };
        self.moved = now;
        self.members = nodes
            .into_iter()
            .map(|node| Member {
                node,
                is_assigned: false,
                sent: round,
                looked: round,
                due: Round(0),
                is_starved: false,
                weights: WeightsSent::default(),
                has_weights: false,
            })
            .collect();
        for (number, cell) in self.progress.first_cell.onwards().zip(&mut self.cells) {
            cell.owner = self.assignment.owner(number);
            cell.notified = 0;
        }
        if !self.members.is_empty() {
            self.book.reopen();
        }
        self.mark_dirty();
    }

    /// Sends members the ranges of their cells, unless they have them. One whose session has no room gets them later.
    /// Returns the nodes whose sessions refuse them, and why.
    pub(crate) fn send_assignment(
        &mut self,
        links: &mut [NodeLink],
        now: Time,
    ) -> Vec<(NodeId, wire::Error)> {
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

    /// Sends what the nodes need and have room for. Returns nodes whose credit has just run out.
    pub(crate) fn pump(
        &mut self,
        links: &mut [NodeLink],
        options: &ControllerOptions,
        now: Time,
    ) -> Vec<NodeId> {
        if self.is_dirty {
            self.send_marks(links, now);
        }
        let mut starved = Vec::new();
        let end = self.progress.end;
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

    /// Sends the owners of open cells the marks of committed cells that those depend on, unless they decide these
    /// themselves.
    fn send_marks(&mut self, links: &mut [NodeLink], now: Time) {
        self.is_dirty = false;
        let mut wanted = mem::take(&mut self.wanted);
        wanted.clear();
        for place in self.open_places() {
            let Some(member) = self.cells[place].owner else { continue };
            let cell = self.progress.first_cell + place as u64;
            let dependencies = self.book.dependencies(cell.0).iter().map(|&cell| CellId(cell));
            let dependencies = dependencies.filter(|&cell| self.lacks_marks(member, cell));
            wanted.extend(
                dependencies.filter(|cell| self.book.is_committed(cell.0)).map(|cell| (member, cell)),
            );
        }
        // Several cells of a member may wait for the same one.
        for &(member, cell) in &wanted {
            if self.lacks_marks(member, cell) {
                match self.send_commit(cell, member, links, now) {
                    true => self.cells[(cell - self.progress.first_cell) as usize].notified |= 1 << member,
                    false => self.is_dirty = true,
                }
            }
        }
        self.wanted = wanted;
    }

    /// Whether a cell that is kept is another member's, and this one does not have its marks.
    fn lacks_marks(&self, member: usize, cell: CellId) -> bool {
        let place = cell.checked_sub(self.progress.first_cell).map(|place| place as usize);
        let cell = place.and_then(|place| self.cells.get(place));
        cell.is_some_and(|cell| cell.owner != Some(member) && cell.notified >> member & 1 == 0)
    }

    /// Sends a member the marks of a committed cell, if its session takes them.
    fn send_commit(&mut self, cell: CellId, member: usize, links: &mut [NodeLink], now: Time) -> bool {
        let Member { node, is_assigned, .. } = self.members[member];
        let Some(commit) = self.book.commit_of(cell.0).filter(|_| is_assigned) else { return false };
        self.marks.clear();
        self.marks.extend(commit.marks.iter().map(|mark| Mark { layer: mark.layer, index: mark.index }));
        let marks = Marks { cell, marks: List::from(&self.marks[..]) };
        links[node.0].session.send_marks(self.stream, Round(commit.layer), &marks, now).is_ok()
    }

    /// Sends a member the rounds that it needs: as soon as one completes a window, or a frame is full.
    fn send_rounds(
        &mut self,
        place: usize,
        session: &mut ClientSession,
        options: &ControllerOptions,
        now: Time,
    ) {
        let most = self.frame_layers(session, options);
        while let Some(run) = self.needed_run(place) {
            self.members[place].looked = run.start;
            let credit = session.credit(self.stream).unwrap_or(0);
            self.members[place].is_starved = credit == 0;
            let count = (run.end - run.start).min(most).min(credit);
            let stop = run.start + count;
            let is_due =
                stop < self.progress.end || count == most || self.completes_window(place, run.start..stop);
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
        let end = self.progress.end;
        self.members[place].looked = end;
        self.members[place].due = self.next_completion(place, end).min(end + most);
    }

    fn send_frame(
        &self,
        place: usize,
        rounds: Range<Round>,
        session: &mut ClientSession,
        now: Time,
    ) -> Result<wire::Sequence, wire::Error> {
        let mut frame = [wire::Layer { bit_count: 0, bits: &[] }; FRAME_LAYERS_MAX as usize];
        let layers = rounds.start.until(rounds.end).map_while(|round| self.book.layer(round.0));
        let mut count = 0;
        for (to, layer) in frame.iter_mut().zip(layers) {
            *to = wire::Layer { bit_count: layer.detector_count, bits: layer.events };
            count += 1;
        }
        let batch = RoundsBatch {
            first_round: rounds.start,
            layers: &frame[..count],
            skips: rounds.start > self.members[place].sent,
            is_last: self.known_end() == Some(rounds.end),
        };
        session.send_rounds(self.stream, batch, now)
    }

    /// Layers that fit a frame.
    fn frame_layers(&self, session: &ClientSession, options: &ControllerOptions) -> u64 {
        let bytes = session.agreement().map_or(0, |agreement| agreement.payload_bytes_max);
        let fit = bytes.saturating_sub(ROUNDS_HEAD_BYTES) / self.layer_bytes;
        fit.min(options.batch_rounds).clamp(1, FRAME_LAYERS_MAX).into()
    }

    /// Where the history ends, once that is known.
    fn known_end(&self) -> Option<Round> {
        self.progress.has_ended.then_some(self.progress.end)
    }

    /// What the cells of a member need that are not joined.
    fn needs(&self, member: usize) -> impl Iterator<Item = &Range<Round>> {
        let owned = move |cell: &&SharedCell| cell.owner == Some(member);
        self.cells.range(self.open_places()).filter(owned).map(|cell| &cell.needs)
    }

    /// The rounds that a member needs next, as far as they are there: its cells', and the last, by which everybody learns
    /// the end.
    fn needed_run(&self, place: usize) -> Option<Range<Round>> {
        let end = self.progress.end;
        let looked = self.members[place].looked.max(self.progress.kept_from);
        let needs = || {
            let last = self.progress.has_ended.then(|| Round(end.0 - 1)..end);
            self.needs(place).cloned().chain(last)
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
    fn completes_window(&self, place: usize, rounds: Range<Round>) -> bool {
        let ends = rounds.start + 1..=rounds.end;
        self.known_end() == Some(rounds.end) || self.needs(place).any(|need| ends.contains(&need.end))
    }

    /// How many rounds must be there for the next window of the member to be complete, after `stop`.
    fn next_completion(&self, place: usize, stop: Round) -> Round {
        let ends = self.needs(place).map(|need| need.end);
        ends.filter(|&end| end > stop).min().unwrap_or(Round(u64::MAX))
    }

    /// Takes the answer of a node for a cell of the current epoch.
    pub(crate) fn merge(
        &mut self,
        node: NodeId,
        round: Round,
        commit: &wire::Commit<'_>,
        now: Time,
    ) -> Merge {
        let number = commit.cell;
        let owner = self.assignment.owner(number).and_then(|place| self.members.get(place));
        if owner.is_none_or(|owner| owner.node != node) {
            return Merge::Stray;
        }
        let bytes = commit.parity.iter().flat_map(u64::to_le_bytes);
        self.parity.iter_mut().zip(bytes).for_each(|(to, from)| *to = from);
        self.placed.clear();
        self.placed
            .extend(commit.marks.iter().map(|mark| PlacedMark { layer: mark.layer, index: mark.index }));
        let import = self.import(number, round);
        let commits = self.progress.commits;
        self.keep_up();
        if self.progress.commits != commits {
            self.is_dirty = true;
            self.moved = now;
        }
        match import {
            Ok(CellImport::New { arrived }) => Merge::New { pushed: Time(arrived) },
            Ok(CellImport::Same | CellImport::Late) => Merge::Again { is_same: true },
            Ok(CellImport::Different) => Merge::Again { is_same: false },
            // Others would give the stream up if they got marks that cannot be.
            Err(_) => Merge::Stray,
        }
    }

    /// Hands the book the commit that is on its way in.
    fn import(&mut self, cell: CellId, layer: Round) -> Result<CellImport, Error> {
        let Self { parity, placed, .. } = self;
        self.book.import(cell.0, &PlacedCommit { observables: Some(parity), layer: layer.0, marks: placed })
    }

    /// The observables and marks of the commit that was merged last.
    pub(crate) fn merged(&self) -> (&[u8], &[PlacedMark]) {
        (&self.parity, &self.placed)
    }

    /// Takes a commit that was taken before, while nobody is a member. Returns whether it can be.
    pub(crate) fn restore_commit(
        &mut self,
        cell: CellId,
        layer: Round,
        parity: &[u8],
        marks: impl Iterator<Item = PlacedMark>,
    ) -> bool {
        if parity.len() != self.parity.len() {
            return false;
        }
        self.parity.copy_from_slice(parity);
        self.placed.clear();
        self.placed.extend(marks);
        // As in a frame: nodes would give the stream up that got others.
        let is_ascending = self.placed.is_sorted_by(|a, b| (a.layer, a.index) < (b.layer, b.index));
        if self.placed.len() > wire::limits::MARKS_MAX as usize || !is_ascending {
            return false;
        }
        let import = self.import(cell, layer);
        self.keep_up();
        matches!(import, Ok(CellImport::New { .. }))
    }

    /// The member for whose cell everything waits, and since when.
    pub(crate) fn waits_for(&self) -> Option<(NodeId, Time)> {
        let (cell, arrived) = self.book.awaited()?;
        let member = self.members.get(self.assignment.owner(CellId(cell))?)?;
        Some((member.node, Time(arrived).max(self.moved)))
    }
}

/// Up to eight packed bytes as a word.
fn word(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte))
}
