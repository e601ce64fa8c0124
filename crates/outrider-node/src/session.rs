//! A session of the node: its streams, and what it sends the client.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use outrider::{Cell, CellBook, Commit, LayerWidths, Patch};
use outrider_wire as wire;
use outrider_wire::{
    CellId, Closed, Digest, Epoch, Fault, Hops, List, Open, Round, ServerEvent, ServerSession, SessionId,
    StreamId, Time, Widths,
};

use crate::journal::{Journal, NodeEvent};
use crate::node_ids::ConnectionId;
use crate::owned_cells::OwnedCells;
use crate::peer::Peer;
use crate::received_weights::ReceivedWeights;
use crate::stream_fault::StreamFault;

/// A share of the room for rounds by which a grant of credit must grow to be worth a frame.
const GRANT_SHARE: u64 = 4;

pub(crate) struct Session {
    pub(crate) id: SessionId,
    /// Whose it is: of whoever began it.
    pub(crate) peer: Peer,
    pub(crate) wire: ServerSession,
    pub(crate) connection: Option<ConnectionId>,
    pub(crate) streams: BTreeMap<StreamId, Stream>,
    /// Streams that were ever opened.
    pub(crate) opened: u64,
    pub(crate) jobs_out: usize,
    /// Frames that were counted.
    frames: u64,
    /// What a frame can have changed since the streams were last looked at: cells that can be decided, rounds to be
    /// granted, commits that wait, ends to be answered. Without it no stream is looked at.
    pub(crate) may_have_work: bool,
    may_grant: bool,
    has_unsent: bool,
    has_closing: bool,
    /// The client has been notified that the node shuts down.
    pub(crate) is_notified: bool,
    /// The client has ended it; cells of streams that are over were left open.
    pub(crate) is_closing: bool,
    pub(crate) left_open: Vec<CellId>,
    /// Answers that the session had no room for, in order: a few for each stream, whose number is taken until the last
    /// of them is sent.
    pub(crate) unsent_answers: VecDeque<Answer>,
}

/// An answer to the client about a stream, or without one about the session.
pub(crate) enum Answer {
    Accepted { stream: StreamId, room: u64 },
    Refused { stream: StreamId, fault: Fault<'static>, text: String },
    Closed { stream: Option<StreamId>, code: u32, open_count: u64, open_cells: Vec<CellId> },
}

pub(crate) struct Stream {
    /// Which of the session's streams it is: a client may use a number again.
    pub(crate) serial: u64,
    pub(crate) patch: usize,
    pub(crate) epoch: Epoch,
    pub(crate) cells: Option<OwnedCells>,
    /// Those that the client sent, if the patch learns.
    pub(crate) weights: Option<ReceivedWeights>,
    /// Something has come since no cell of it could be decided.
    may_have_work: bool,
    /// Rounds taken in all epochs, rounds granted, and rounds held at most.
    pub(crate) taken: u64,
    pub(crate) granted: u64,
    pub(crate) room: u64,
    /// Commits that the session had no room for.
    pub(crate) unsent: VecDeque<Unsent>,
    /// Those that were sent, for their memory.
    pub(crate) sent: Vec<Unsent>,
    /// The client has ended it: what can be decided is, then the client gets CLOSED.
    pub(crate) is_closing: bool,
}

pub(crate) struct Unsent {
    pub(crate) epoch: Epoch,
    pub(crate) round: Round,
    pub(crate) cell: CellId,
    pub(crate) hops: Hops,
    pub(crate) parity: Vec<u64>,
    pub(crate) marks: Vec<wire::Mark>,
}

/// What became of an event.
pub(crate) enum Outcome {
    Went,
    Lost(wire::Error),
    Ended(u16),
}

impl Session {
    pub(crate) fn new(id: SessionId, peer: Peer, wire: ServerSession) -> Self {
        Self {
            id,
            peer,
            wire,
            connection: None,
            streams: BTreeMap::new(),
            opened: 0,
            jobs_out: 0,
            frames: 0,
            may_have_work: false,
            may_grant: false,
            has_unsent: false,
            has_closing: false,
            is_notified: false,
            is_closing: false,
            left_open: Vec::new(),
            unsent_answers: VecDeque::new(),
        }
    }

    /// The frames that have come since the last call, broken ones included.
    pub(crate) fn count_frames(&mut self) -> u64 {
        let wire::Counters { frames, broken_payloads, .. } = self.wire.counters();
        let before = std::mem::replace(&mut self.frames, frames + broken_payloads);
        self.frames - before
    }

    /// Acts on the next event, if there is one.
    pub(crate) fn take_event(
        &mut self,
        patches: &[Arc<Patch>],
        journal: &mut Journal,
        now: Time,
    ) -> Option<Outcome> {
        let (stream, went) = match self.wire.poll_event()? {
            ServerEvent::Open { stream, open } => {
                self.open(stream, &open, patches, journal, now);
                return Some(Outcome::Went);
            }
            ServerEvent::Assign { stream, epoch, round, assign } => {
                let Some(open) = self.streams.get_mut(&stream) else { return Some(Outcome::Went) };
                open.epoch = epoch;
                open.unsent.clear();
                open.may_have_work = true;
                self.may_grant = true;
                let cells = OwnedCells::new(&patches[open.patch], assign.cells.iter(), round);
                (stream, cells.map(|cells| open.cells = Some(cells)))
            }
            ServerEvent::Rounds { stream, first_round, is_last, rounds, .. } => {
                let Some(open) = self.streams.get_mut(&stream) else { return Some(Outcome::Went) };
                journal.counters.rounds += rounds.count() as u64;
                self.may_grant = true;
                open.may_have_work = true;
                (stream, open.take_rounds(first_round, &rounds, is_last, now))
            }
            ServerEvent::Marks { stream, round, marks, .. } => {
                let Some(open) = self.streams.get_mut(&stream) else { return Some(Outcome::Went) };
                open.may_have_work = true;
                let Some(cells) = &mut open.cells else { return Some(Outcome::Went) };
                (stream, cells.import_commit(marks.cell, round, marks.marks.iter()))
            }
            ServerEvent::Weights { stream, round, weights } => {
                let Some(open) = self.streams.get_mut(&stream) else { return Some(Outcome::Went) };
                open.may_have_work = true;
                let own = open.weights.as_mut();
                let none = || StreamFault::Weights("the patch does not learn".to_owned());
                let taken = own.ok_or_else(none).and_then(|own| {
                    if own.take(round, &weights)? {
                        journal.counters.weights += 1;
                        journal.learned_noise = own.noise().or(journal.learned_noise);
                    }
                    Ok(())
                });
                (stream, taken)
            }
            ServerEvent::Close { stream: Some(stream) } => {
                self.has_closing = true;
                match self.streams.get_mut(&stream) {
                    Some(open) => open.is_closing = true,
                    // Given up before: only the answer is missing.
                    None => self.close(Some(stream), 0, &[], now),
                }
                return Some(Outcome::Went);
            }
            ServerEvent::Close { stream: None } => {
                (self.is_closing, self.has_closing) = (true, true);
                self.streams.values_mut().for_each(|stream| stream.is_closing = true);
                return Some(Outcome::Went);
            }
            ServerEvent::PeerError(fault) => return Some(Outcome::Ended(fault.code as u16)),
            ServerEvent::ConnectionLost(error) => return Some(Outcome::Lost(error)),
            ServerEvent::Failed(error) => return Some(Outcome::Ended(error.code())),
            _ => return Some(Outcome::Went),
        };
        if let Err(why) = went {
            self.give_up(stream, &why, journal, now);
        }
        Some(Outcome::Went)
    }

    fn open(
        &mut self,
        stream: StreamId,
        open: &Open,
        patches: &[Arc<Patch>],
        journal: &mut Journal,
        now: Time,
    ) {
        let answer = match choose(open, patches) {
            Ok((patch, room)) => {
                self.opened += 1;
                let fresh = Stream {
                    serial: self.opened,
                    patch,
                    epoch: Epoch(0),
                    cells: None,
                    weights: ReceivedWeights::new(&patches[patch]),
                    may_have_work: false,
                    taken: 0,
                    granted: room,
                    room,
                    unsent: VecDeque::new(),
                    sent: Vec::new(),
                    is_closing: false,
                };
                self.streams.insert(stream, fresh);
                journal.note(NodeEvent::StreamOpened { session: self.id, stream, patch });
                Answer::Accepted { stream, room }
            }
            Err(fault) => {
                journal.note(NodeEvent::StreamFailed {
                    session: self.id,
                    stream,
                    code: fault.code as u16,
                    text: fault.text.to_owned(),
                });
                Answer::Refused { stream, fault, text: fault.text.to_owned() }
            }
        };
        self.answer(answer, now);
    }

    /// Ends a stream that cannot go on.
    pub(crate) fn give_up(&mut self, stream: StreamId, why: &StreamFault, journal: &mut Journal, now: Time) {
        let ended = self.streams.remove(&stream);
        let text = why.to_string();
        let fault = Fault::from(why.code());
        journal.note(NodeEvent::StreamFailed {
            session: self.id,
            stream,
            code: fault.code as u16,
            text: text.clone(),
        });
        self.answer(Answer::Refused { stream, fault, text }, now);
        // The client's wish to end it is answered all the same.
        if let Some(ended) = ended.filter(|ended| ended.is_closing) {
            self.end(stream, &ended, journal, now);
        }
    }

    /// Answers the client's wish to end a stream.
    fn end(&mut self, id: StreamId, stream: &Stream, journal: &mut Journal, now: Time) {
        let open = stream.open_cells();
        if self.is_closing {
            self.left_open.extend(&open);
        } else {
            self.close(Some(id), 0, &open, now);
        }
        journal.note_open(self.id, id, open);
    }

    fn answer(&mut self, answer: Answer, now: Time) {
        self.unsent_answers.push_back(answer);
        self.send_answers(now);
    }

    /// Sends the answers that there was no room for.
    fn send_answers(&mut self, now: Time) {
        while let Some(answer) = self.unsent_answers.front() {
            let sent = match answer {
                Answer::Accepted { stream, room } => self.wire.accept_stream(*stream, *room, now),
                Answer::Refused { stream, fault, text } => {
                    self.wire.refuse_stream(*stream, &Fault { text, ..*fault }, now)
                }
                Answer::Closed { stream, code, open_count, open_cells } => {
                    let open_cells = List::from(&open_cells[..]);
                    let closed = Closed { code: *code, open_count: *open_count, open_cells };
                    self.wire.closed(*stream, &closed, now)
                }
            };
            if sent == Err(wire::Error::RetentionFull) {
                return;
            }
            // It is sent, or the session has ended.
            self.unsent_answers.pop_front();
        }
    }

    /// Ends all streams, and returns which cells were open.
    pub(crate) fn abandon(&mut self, journal: &mut Journal) -> Vec<CellId> {
        let mut all = Vec::new();
        for (stream, open) in std::mem::take(&mut self.streams) {
            let cells = open.open_cells();
            all.extend(&cells);
            journal.note_open(self.id, stream, cells);
        }
        all
    }

    /// Answers the client's wish to end streams, or the session, once nothing more can be decided.
    pub(crate) fn close_what_is_done(&mut self, journal: &mut Journal, now: Time) {
        if !self.has_closing {
            return;
        }
        while let Some((id, why)) = self.find_done() {
            if let Some(why) = why {
                self.give_up(id, &why, journal, now);
            } else if let Some(stream) = self.streams.remove(&id) {
                self.end(id, &stream, journal, now);
            }
        }
        if self.is_closing && self.streams.is_empty() {
            self.is_closing = false;
            let open = std::mem::take(&mut self.left_open);
            self.close(None, 0, &open, now);
        }
        self.has_closing = self.streams.values().any(|stream| stream.is_closing);
    }

    /// A stream that the client has ended and of which nothing more is decided, and why, if it cannot go on.
    fn find_done(&mut self) -> Option<(StreamId, Option<StreamFault>)> {
        let mut closing = self.streams.iter_mut().filter(|(_, stream)| stream.is_closing);
        closing.find_map(|(&id, stream)| match stream.goes_on() {
            Ok(true) => None,
            Ok(false) => Some((id, None)),
            Err(why) => Some((id, Some(why))),
        })
    }

    fn close(&mut self, stream: Option<StreamId>, code: u32, open: &[CellId], now: Time) {
        let named = &open[..open.len().min(wire::limits::OPEN_CELLS_MAX as usize)];
        let (open_count, open_cells) = (open.len() as u64, named.to_vec());
        self.answer(Answer::Closed { stream, code, open_count, open_cells }, now);
    }

    /// Notifies the client that the node shuts down, and of what is open.
    pub(crate) fn announce_shutdown(&mut self, journal: &mut Journal, now: Time) {
        let open = self.abandon(journal);
        self.is_notified = true;
        self.close(None, wire::Error::ShuttingDown.code().into(), &open, now);
    }

    /// A stream of which a cell can be decided now, or which cannot go on.
    pub(crate) fn prepare_work(&mut self) -> Result<Option<StreamId>, (StreamId, StreamFault)> {
        let may_have_work = |open: &Stream| open.may_have_work && open.unsent.is_empty();
        for (&stream, open) in self.streams.iter_mut().filter(|(_, open)| may_have_work(open)) {
            open.may_have_work = open.is_ready().map_err(|why| (stream, why))?;
            if open.may_have_work {
                return Ok(Some(stream));
            }
        }
        Ok(None)
    }

    pub(crate) fn has_work(&mut self) -> bool {
        self.streams
            .values_mut()
            .any(|stream| !stream.unsent.is_empty() || stream.is_ready().unwrap_or(false))
    }

    /// Sends what waits, and returns whether a stream has fewer commits waiting now. A stream whose OPENED is not sent
    /// has nothing to send.
    pub(crate) fn send_commits(&mut self, journal: &mut Journal, now: Time) -> bool {
        self.send_answers(now);
        if !self.unsent_answers.is_empty() || !self.has_unsent {
            return false;
        }
        let mut failed = None;
        let mut any = false;
        self.has_unsent = false;
        for (&id, stream) in &mut self.streams {
            while let Some(unsent) = stream.unsent.front() {
                match self.wire.send_commit(id, unsent.epoch, unsent.round, false, &unsent.commit(), now) {
                    Err(wire::Error::RetentionFull) => {
                        self.has_unsent = true;
                        break;
                    }
                    Err(error @ (wire::Error::BadArgument | wire::Error::PayloadTooLarge)) => {
                        failed = Some((id, StreamFault::Decoding(unsent.cell, error.to_string())));
                        break;
                    }
                    // Sent, or not wanted any more.
                    _ => {
                        any = true;
                        stream.sent.extend(stream.unsent.pop_front());
                    }
                }
            }
        }
        if let Some((id, why)) = failed {
            self.has_unsent = true;
            self.give_up(id, &why, journal, now);
        }
        self.may_have_work |= any;
        any
    }

    /// A commit waits to be sent, and its cell needs no rounds any more.
    pub(crate) fn has_committed(&mut self) {
        (self.has_unsent, self.may_grant) = (true, true);
    }

    /// Grants the rounds for which there is room again.
    pub(crate) fn grant(&mut self, now: Time) {
        if !std::mem::take(&mut self.may_grant) {
            return;
        }
        for (&id, stream) in &mut self.streams {
            let held = stream.cells.as_ref().map_or(0, OwnedCells::held);
            let may = stream.taken + stream.room.saturating_sub(held);
            if may < stream.granted + stream.room.div_ceil(GRANT_SHARE) {
                continue;
            }
            match self.wire.grant(id, may, now) {
                Ok(_) => stream.granted = may,
                Err(error) => self.may_grant |= error == wire::Error::RetentionFull,
            }
        }
    }
}

impl Unsent {
    fn commit(&self) -> wire::Commit<'_> {
        wire::Commit {
            cell: self.cell,
            hops: self.hops,
            parity: List::from(&self.parity[..]),
            marks: List::from(&self.marks[..]),
        }
    }
}

impl Stream {
    fn take_rounds(
        &mut self,
        first_round: Round,
        rounds: &wire::Rounds<'_>,
        is_last: bool,
        now: Time,
    ) -> Result<(), StreamFault> {
        let Some(cells) = &mut self.cells else { return Ok(()) };
        self.taken += rounds.count() as u64;
        for (at, (layer, round)) in (1..).zip(rounds.layers().zip(first_round.onwards())) {
            cells.push(round, &layer, is_last && at == rounds.count(), now)?;
        }
        Ok(())
    }

    /// Takes the commit of a cell that is out, to be sent.
    pub(crate) fn commit(&mut self, cell: &Cell, hops: Hops, commit: &Commit<'_>) -> Result<(), StreamFault> {
        let Some(cells) = &mut self.cells else { return Ok(()) };
        let (round, marks) = cells.commit(cell, commit)?;
        let sent = self.sent.pop();
        let (mut parity, mut own) = sent.map_or_else(Default::default, |sent| (sent.parity, sent.marks));
        parity.clear();
        parity.extend(words(commit.observables));
        own.clear();
        own.extend_from_slice(marks);
        let (epoch, cell) = (self.epoch, CellId(cell.number));
        self.may_have_work = true;
        self.unsent.push_back(Unsent { epoch, round, cell, hops, parity, marks: own });
        Ok(())
    }

    /// Whether a cell is with a worker, could be, or waits to be sent.
    fn goes_on(&mut self) -> Result<bool, StreamFault> {
        let is_ready = self.is_ready()?;
        Ok(!self.unsent.is_empty() || is_ready || self.cells.as_ref().is_some_and(OwnedCells::has_cells_out))
    }

    /// Whether a cell can be decided, and its weights are there.
    fn is_ready(&mut self) -> Result<bool, StreamFault> {
        let Some(cells) = &mut self.cells else { return Ok(false) };
        let Some(cell) = cells.prepare_next()? else { return Ok(false) };
        Ok(self.weights.as_ref().is_none_or(|weights| weights.of(cell.first_layer).is_some()))
    }

    fn open_cells(&self) -> Vec<CellId> {
        self.cells.as_ref().map(|cells| cells.open_cells().collect()).unwrap_or_default()
    }
}

/// The patch that a stream is about, and the rounds for which it has room; or what does not fit.
fn choose(open: &Open, patches: &[Arc<Patch>]) -> Result<(usize, u64), Fault<'static>> {
    let digests = |patch: &Patch| (Digest(*patch.model_digest()), Digest(*patch.plan_digest()));
    let mut fault = Fault::new(wire::Error::StreamRefused, "the node has no patch");
    for (place, patch) in patches.iter().enumerate() {
        let (model, plan) = digests(patch);
        match open.check(&model, &plan) {
            Ok(()) if *open == open_of(patch) => {
                return Ok((place, CellBook::room(patch.plan())));
            }
            Ok(()) => fault = Fault::new(wire::Error::StreamRefused, "other widths than those of the model"),
            // The right model under another plan is the closer match.
            Err(other) if fault.error() != Some(wire::Error::PlanMismatch) => fault = other,
            Err(_) => {}
        }
    }
    Err(fault)
}

/// OPEN for a stream of a patch.
fn open_of(patch: &Patch) -> Open {
    let LayerWidths { first, cycle, last } = patch.widths();
    Open {
        model: Digest(*patch.model_digest()),
        plan: Digest(*patch.plan_digest()),
        observables: patch.plan().graph().observable_count(),
        widths: Widths { first, cycle, last },
    }
}

/// Packed observables as words.
fn words(observables: &[u8]) -> impl Iterator<Item = u64> {
    let word = |bytes: &[u8]| bytes.iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte));
    observables.chunks(8).map(word)
}
