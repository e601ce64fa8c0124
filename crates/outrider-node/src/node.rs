//! The core of a decoder node: who is connected, which sessions and streams there are, and which cells can be decided.
//!
//! It takes bytes, times and finished jobs, and gives bytes, jobs and the time at which it wants to be called again. The
//! daemon drives it with sockets and threads, the simulator with queues and a clock of its own.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::ops::Bound::{Excluded, Included, Unbounded};
use std::sync::Arc;

use outrider::{Cell, Commit, Error as DecodeError, LearnedNoise, LearnedWeights, Patch, Times};
use outrider_wire as wire;
use outrider_wire::{
    CellId, Epoch, Fault, Greeted, Handshake, Hops, ServerSession, SessionId, SteadyClock, StreamId, Time,
    Token,
};

use crate::journal::{Journal, NodeCounters, NodeEvent};
use crate::node_ids::{ConnectionId, JobId};
use crate::peer::Peer;
use crate::session::{Outcome, Session, Stream};
use crate::stream_fault::StreamFault;

/// Limits of a [`Node`], and what it wants of sessions.
#[derive(Debug, Clone)]
pub struct NodeOptions {
    /// What it wants of every session.
    pub wire: wire::Options,
    /// Most connections at a time. If there are more, the oldest whose HELLO has yet to come makes room.
    pub connections_max: usize,
    /// Most connections of one peer whose HELLO has yet to come. If there are more, the oldest of them makes room.
    pub greetings_per_peer_max: usize,
    /// Most sessions at a time, those without a connection included. If there are more, the one that has been without a
    /// connection for longest makes room, unless it has streams and is another peer's.
    pub sessions_max: usize,
    /// Most sessions of one peer, for which room is made among its own.
    pub sessions_per_peer_max: usize,
    /// Most jobs that one session has out at a time.
    pub jobs_per_session_max: usize,
}

impl NodeOptions {
    /// The share of a limit that one peer may take by default: three quarters, rounded up.
    pub const fn share_of_peer(most: usize) -> usize {
        most - most / 4
    }
}

impl Default for NodeOptions {
    fn default() -> Self {
        let (connections_max, sessions_max) = (1024, 64);
        Self {
            wire: wire::Options::default(),
            connections_max,
            greetings_per_peer_max: Self::share_of_peer(connections_max),
            sessions_max,
            sessions_per_peer_max: Self::share_of_peer(sessions_max),
            jobs_per_session_max: 256,
        }
    }
}

/// Why a connection was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// There are as many as there may be, and none of them makes room.
    Full,
}

/// A cell to be decided. Give the commit back with [`Node::finish`].
#[derive(Debug, Clone, Copy)]
pub struct Job<'a> {
    /// Its number.
    pub id: JobId,
    /// Its patch, by place in the list that the node was made with.
    pub patch: usize,
    /// The cell.
    pub cell: Cell,
    /// Its detection events, for [`WindowDecoder::decode`](outrider::WindowDecoder::decode).
    pub events: &'a [u32],
    /// The marks of cells before it.
    pub marks: &'a [u32],
    /// Learned weights to decide it with; none for the patch's own.
    pub weights: Option<&'a Arc<LearnedWeights>>,
}

/// A decoder node without sockets, threads or clock.
///
/// Callers give the time, by any clock; where that goes back, no time has passed.
pub struct Node {
    clock: SteadyClock,
    options: NodeOptions,
    patches: Vec<Arc<Patch>>,
    random_token: Box<dyn FnMut() -> [u8; 16] + Send>,
    /// Connections, by what they do.
    greeting: BTreeMap<ConnectionId, Box<Greeting>>,
    /// Those of `greeting` by peer.
    greeting_of: BTreeMap<Peer, BTreeSet<ConnectionId>>,
    serving: BTreeMap<ConnectionId, SessionId>,
    /// With what is left to be sent before they end.
    ending: BTreeMap<ConnectionId, VecDeque<u8>>,
    sessions: BTreeMap<SessionId, Session>,
    /// Ascending.
    jobs: VecDeque<(JobId, Out)>,
    next_connection: u64,
    next_session: u64,
    next_job: u64,
    /// The session that was given work last.
    turn: SessionId,
    /// Something has happened since there was no work.
    may_have_work: bool,
    is_draining: bool,
    journal: Journal,
}

/// A connection whose HELLO has yet to come.
struct Greeting {
    handshake: Handshake,
    peer: Peer,
}

/// A job that is with a worker.
struct Out {
    session: SessionId,
    stream: StreamId,
    /// Of the stream.
    serial: u64,
    epoch: Epoch,
    cell: Cell,
    ingest: Time,
}

impl Node {
    /// A node that decides cells of these patches. `random_token` gives random bytes that nobody can guess, for the
    /// tokens of sessions.
    pub fn new(
        patches: Vec<Arc<Patch>>,
        options: NodeOptions,
        random_token: impl FnMut() -> [u8; 16] + Send + 'static,
    ) -> Self {
        Self {
            clock: SteadyClock::new(Time(0)),
            options,
            patches,
            random_token: Box::new(random_token),
            greeting: BTreeMap::new(),
            greeting_of: BTreeMap::new(),
            serving: BTreeMap::new(),
            ending: BTreeMap::new(),
            sessions: BTreeMap::new(),
            jobs: VecDeque::new(),
            next_connection: 1,
            next_session: 1,
            next_job: 1,
            turn: SessionId(0),
            may_have_work: false,
            is_draining: false,
            journal: Journal::default(),
        }
    }

    /// A peer has connected. If there are too many connections whose HELLO has yet to come, the oldest is refused for it.
    ///
    /// # Errors
    /// Drop the connection at once then.
    pub fn connect(&mut self, peer: Peer, now: Time) -> Result<ConnectionId, Refusal> {
        let now = self.clock.observe(now);
        self.make_room_for_connection(&peer, now)?;
        let id = ConnectionId(self.next_connection);
        self.next_connection += 1;
        self.journal.counters.connections += 1;
        let handshake = Handshake::new(&self.options.wire, now);
        self.greeting.insert(id, Box::new(Greeting { handshake, peer }));
        self.greeting_of.entry(peer).or_default().insert(id);
        Ok(id)
    }

    /// A connection has ended from outside.
    pub fn disconnect(&mut self, id: ConnectionId, now: Time) {
        let now = self.clock.observe(now);
        self.end_greeting(id);
        self.ending.remove(&id);
        if let Some(id) = self.serving.remove(&id)
            && let Some(session) = self.sessions.get_mut(&id)
        {
            session.connection = None;
            session.wire.connection_lost(now);
            self.take_events(id, now);
        }
    }

    /// Takes all the bytes that came over a connection.
    pub fn receive(&mut self, id: ConnectionId, mut bytes: &[u8], now: Time) {
        let now = self.clock.observe(now);
        if let Some(greeting) = self.greeting.get_mut(&id) {
            match greeting.handshake.receive(bytes, now) {
                Ok((count, Some(greeted))) => {
                    bytes = &bytes[count..];
                    let peer = greeting.peer;
                    self.greet(id, peer, &greeted, now);
                }
                Ok((_, None)) => return,
                Err(error) => return self.refuse(id, &Fault::from(error), now),
            }
        }
        while !bytes.is_empty()
            && let Some(&session) = self.serving.get(&id)
            && let Some(open) = self.sessions.get_mut(&session)
        {
            let count = open.wire.receive(bytes, now);
            bytes = &bytes[count..];
            self.take_events(session, now);
        }
    }

    /// Fills `out` with bytes for a connection and returns how many; zero means that there is nothing to send. `out` has
    /// room for [`FRAME_BYTES_MAX`](wire::limits::FRAME_BYTES_MAX).
    pub fn transmit(&mut self, id: ConnectionId, out: &mut [u8], now: Time) -> usize {
        let now = self.clock.observe(now);
        if let Some(bytes) = self.ending.get_mut(&id) {
            let count = bytes.len().min(out.len());
            for (to, from) in out.iter_mut().zip(bytes.drain(..count)) {
                *to = from;
            }
            return count;
        }
        let Some(&id) = self.serving.get(&id) else { return 0 };
        let count = self.sessions.get_mut(&id).map_or(0, |session| session.wire.transmit(out, now));
        if count == 0 {
            self.let_go_if_finished(id);
        }
        count
    }

    /// The next connection after one that may have something to [transmit](Self::transmit) or be
    /// [over](Self::is_over). Those that have yet to greet never are.
    pub fn next_busy(&self, after: Option<ConnectionId>) -> Option<ConnectionId> {
        let range = (after.map_or(Unbounded, Excluded), Unbounded);
        let serving = self.serving.range(range).next().map(|(&id, _)| id);
        let ending = self.ending.range(range).next().map(|(&id, _)| id);
        serving.into_iter().chain(ending).min()
    }

    /// Whether a connection is of no more use: drop it once [`transmit`](Self::transmit) gives nothing.
    pub fn is_over(&self, id: ConnectionId) -> bool {
        if self.greeting.contains_key(&id) {
            return false;
        }
        let session = self.serving.get(&id).and_then(|session| self.sessions.get(session));
        !session.is_some_and(|session| session.connection == Some(id) && !session.wire.is_finished())
    }

    /// Whether the HELLO of a connection has yet to come.
    pub fn is_greeting(&self, id: ConnectionId) -> bool {
        self.greeting.contains_key(&id)
    }

    /// When [`on_timer`](Self::on_timer) is due.
    pub fn next_timer(&self) -> Option<Time> {
        // The first of the handshakes to begin is the first to expire.
        let handshake = self.greeting.first_key_value().map(|(_, greeting)| greeting.handshake.deadline());
        let sessions = self.sessions.values().filter_map(|session| session.wire.next_timer());
        sessions.chain(handshake).min().map(|time| self.clock.caller_time(time))
    }

    /// Does what is due. Receive first what has come.
    pub fn on_timer(&mut self, now: Time) {
        let now = self.clock.observe(now);
        while let Some(mut first) = self.greeting.first_entry()
            && first.get_mut().handshake.has_expired(now)
        {
            let id = *first.key();
            self.refuse(id, &Fault::from(wire::Error::HandshakeTimeout), now);
        }
        // Sessions are numbered from 1.
        let mut last = SessionId(0);
        while let Some((&id, session)) = self.sessions.range_mut((Excluded(last), Unbounded)).next() {
            session.wire.on_timer(now);
            self.take_events(id, now);
            last = id;
        }
    }

    /// The next cell that can be decided, if there is one: it is out from now on.
    pub fn next_job(&mut self, now: Time) -> Option<Job<'_>> {
        let now = self.clock.observe(now);
        let (session, stream) = self.find_work(now)?;
        // Looked up again, because a borrow of what a loop found cannot be returned from it.
        let open = self.sessions.get_mut(&session)?.streams.get_mut(&stream)?;
        let id = JobId(self.next_job);
        let Stream { cells, weights, patch, serial, epoch, .. } = open;
        let work = cells.as_mut()?.take_next()?;
        let weights = weights.as_ref().and_then(|weights| weights.of(work.cell.first_layer)?);
        self.next_job += 1;
        let (patch, serial, epoch) = (*patch, *serial, *epoch);
        let out = Out { session, stream, serial, epoch, cell: work.cell, ingest: work.ingest };
        self.jobs.push_back((id, out));
        Some(Job { id, patch, cell: work.cell, events: work.events, marks: work.marks, weights })
    }

    /// Takes what became of a job. A job that is not out, or whose cell was given away meanwhile, is dropped.
    /// Returns when what happened to a cell that was committed.
    pub fn finish(
        &mut self,
        id: JobId,
        times: Times,
        result: Result<Commit<'_>, &DecodeError>,
        now: Time,
    ) -> Option<Hops> {
        let now = self.clock.observe(now);
        let at = self.jobs.binary_search_by_key(&id, |&(id, _)| id).ok()?;
        let (_, out) = self.jobs.remove(at)?;
        let Some(session) = self.sessions.get_mut(&out.session) else {
            self.journal.counters.stale_cells += 1;
            return None;
        };
        session.jobs_out -= 1;
        (self.may_have_work, session.may_have_work) = (true, true);
        let is_same = |stream: &&mut Stream| (stream.serial, stream.epoch) == (out.serial, out.epoch);
        let stream = session.streams.get_mut(&out.stream).filter(is_same);
        let Some(stream @ Stream { cells: Some(_), .. }) = stream else {
            self.journal.counters.stale_cells += 1;
            self.flush(out.session, now);
            return None;
        };
        let hops = Hops {
            ingest: out.ingest,
            dispatched: Time(times.dispatched_ns),
            decode_start: Time(times.started_ns),
            decode_end: Time(times.ended_ns),
        };
        let outcome = match result {
            Ok(commit) => {
                self.journal.counters.cells += 1;
                self.journal.counters.events += u64::from(commit.event_count);
                stream.commit(&out.cell, hops, &commit)
            }
            Err(error) => Err(StreamFault::Decoding(CellId(out.cell.number), error.to_string())),
        };
        let is_committed = outcome.is_ok();
        session.has_committed();
        if let Err(why) = outcome {
            self.journal.counters.failed_cells += 1;
            session.give_up(out.stream, &why, &mut self.journal, now);
        }
        self.flush(out.session, now);
        is_committed.then_some(hops)
    }

    /// Begins no more sessions. Cells that can be decided still are; then every client gets the list of its open cells,
    /// and the node [is done](Self::is_done) once they have it.
    pub fn shut_down(&mut self, now: Time) {
        let now = self.clock.observe(now);
        self.is_draining = true;
        let sessions: Vec<_> = self.sessions.keys().copied().collect();
        for id in sessions {
            self.flush(id, now);
        }
    }

    /// Ends all sessions, for the time to shut down is over, and [notes](NodeEvent::CellsLeftOpen) their open cells.
    pub fn abandon(&mut self) {
        for (id, mut session) in std::mem::take(&mut self.sessions) {
            session.abandon(&mut self.journal);
            self.journal.note(NodeEvent::SessionOver { session: id });
        }
    }

    /// Whether a node that shuts down has no session left.
    pub fn is_done(&self) -> bool {
        self.is_draining && self.sessions.is_empty()
    }

    /// Connections at the moment.
    pub fn connection_count(&self) -> usize {
        self.greeting.len() + self.serving.len() + self.ending.len()
    }

    /// Sessions at the moment.
    pub fn session_count(&self) -> usize {
        self.sessions.len()
    }

    /// Whoever began a session.
    pub fn peer(&self, session: SessionId) -> Option<Peer> {
        self.sessions.get(&session).map(|session| session.peer)
    }

    /// Streams at the moment.
    pub fn stream_count(&self) -> usize {
        self.sessions.values().map(|session| session.streams.len()).sum()
    }

    /// Cells that are with workers.
    pub fn jobs_out(&self) -> usize {
        self.jobs.len()
    }

    /// What happened so far.
    pub fn counters(&self) -> &NodeCounters {
        &self.journal.counters
    }

    /// What the weights that came last say of the noise of their patch.
    pub fn learned_noise(&self) -> Option<LearnedNoise> {
        self.journal.learned_noise
    }

    /// What happened next. Of what nobody takes, the oldest is dropped.
    pub fn poll_event(&mut self) -> Option<NodeEvent> {
        self.journal.take()
    }

    /// The patches that it decides cells of.
    pub fn patches(&self) -> &[Arc<Patch>] {
        &self.patches
    }

    fn greet(&mut self, id: ConnectionId, peer: Peer, greeted: &Greeted, now: Time) {
        let session = if greeted.hello().token.is_none() {
            self.begin(peer, greeted, now)
        } else {
            self.resume(greeted, now)
        };
        match session {
            Ok(session) => {
                let resumed = !greeted.hello().token.is_none();
                self.journal.note(NodeEvent::SessionUp { session, connection: id, resumed });
                let open = self.sessions.get_mut(&session).expect("it has just been begun or resumed");
                if let Some(before) = open.connection.replace(id) {
                    self.serving.remove(&before);
                    self.ending.insert(before, VecDeque::new());
                }
                self.end_greeting(id);
                self.serving.insert(id, session);
                self.flush(session, now);
            }
            Err(fault) => self.refuse(id, &fault, now),
        }
    }

    fn begin(&mut self, peer: Peer, greeted: &Greeted, now: Time) -> Result<SessionId, Fault<'static>> {
        if self.is_draining {
            return Err(Fault::from(wire::Error::ShuttingDown));
        }
        let id = SessionId(self.next_session);
        let token = Token((self.random_token)());
        let wire = ServerSession::accept(&self.options.wire, greeted, id, token, now)?;
        self.make_room_for_session(&peer)?;
        self.next_session += 1;
        self.sessions.insert(id, Session::new(id, peer, wire));
        Ok(id)
    }

    /// Lets the oldest connection without a HELLO go, if there are too many.
    fn make_room_for_connection(&mut self, peer: &Peer, now: Time) -> Result<(), Refusal> {
        // Those that were refused and are not dropped yet are connections too.
        if self.ending.len() >= self.options.connections_max {
            self.journal.counters.connections_refused += 1;
            return Err(Refusal::Full);
        }
        let own = self.greeting_of.get(peer);
        let oldest = if own.is_some_and(|own| own.len() >= self.options.greetings_per_peer_max) {
            own.and_then(BTreeSet::first).copied()
        } else if self.greeting.len() + self.serving.len() >= self.options.connections_max {
            self.greeting.first_key_value().map(|(&id, _)| id)
        } else {
            return Ok(());
        };
        if let Some(oldest) = oldest {
            self.journal.counters.greetings_evicted += 1;
            self.refuse(oldest, &Fault::new(wire::Error::HandshakeTimeout, "others have called"), now);
            return Ok(());
        }
        self.journal.counters.connections_refused += 1;
        Err(Refusal::Full)
    }

    /// Lets a session without a connection go, if there are too many.
    fn make_room_for_session(&mut self, peer: &Peer) -> Result<(), Fault<'static>> {
        let own = self.sessions.values().filter(|session| session.peer == *peer).count();
        let has_share = own >= self.options.sessions_per_peer_max;
        if !has_share && self.sessions.len() < self.options.sessions_max {
            return Ok(());
        }
        let may_go = |session: &Session| {
            let is_own = session.peer == *peer;
            session.connection.is_none() && (is_own || (!has_share && session.streams.is_empty()))
        };
        let idle = self.sessions.iter().filter(|(_, session)| may_go(session));
        // The first to expire is the one that has been without a connection for longest.
        let oldest =
            idle.min_by_key(|(id, session)| (!session.streams.is_empty(), session.wire.next_timer(), **id));
        match oldest.map(|(&id, _)| id) {
            Some(oldest) => {
                self.evict(oldest);
                Ok(())
            }
            None if has_share => Err(Fault::new(wire::Error::SessionsFull, "the share of one peer is taken")),
            None => Err(Fault::from(wire::Error::SessionsFull)),
        }
    }

    /// Ends a session without a connection, whose client finds out when it comes back.
    fn evict(&mut self, id: SessionId) {
        let Some(mut session) = self.sessions.remove(&id) else { return };
        self.journal.note(NodeEvent::SessionEvicted { session: id });
        session.abandon(&mut self.journal);
        self.journal.note(NodeEvent::SessionOver { session: id });
    }

    fn end_greeting(&mut self, id: ConnectionId) {
        let Some(greeting) = self.greeting.remove(&id) else { return };
        if let Some(own) = self.greeting_of.get_mut(&greeting.peer) {
            own.remove(&id);
            if own.is_empty() {
                self.greeting_of.remove(&greeting.peer);
            }
        }
    }

    fn resume(&mut self, greeted: &Greeted, now: Time) -> Result<SessionId, Fault<'static>> {
        let id = greeted.session();
        let session = self.sessions.get_mut(&id).ok_or_else(|| Fault::from(wire::Error::UnknownSession))?;
        session.wire.resume(greeted, now)?;
        Ok(id)
    }

    fn refuse(&mut self, id: ConnectionId, fault: &Fault<'_>, now: Time) {
        self.journal.note(NodeEvent::HandshakeFailed { connection: id, code: fault.code as u16 });
        self.end_greeting(id);
        self.ending.insert(id, wire::refusal(fault, now).into());
    }

    /// Acts on everything that a session has understood.
    fn take_events(&mut self, id: SessionId, now: Time) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        while let Some(outcome) = session.take_event(&self.patches, &mut self.journal, now) {
            (self.may_have_work, session.may_have_work) = (true, true);
            match outcome {
                Outcome::Went => {}
                Outcome::Lost(error) => {
                    self.journal.note(NodeEvent::SessionDown { session: id, code: error.code() });
                    if let Some(connection) = session.connection.take() {
                        self.serving.remove(&connection);
                        self.ending.insert(connection, VecDeque::new());
                    }
                }
                Outcome::Ended(code) => {
                    self.journal.note(NodeEvent::SessionFailed { session: id, code });
                    session.abandon(&mut self.journal);
                }
            }
        }
        self.journal.counters.frames += session.count_frames();
        self.flush(id, now);
    }

    /// Sends what waits, and lets go of a session that has ended.
    fn flush(&mut self, id: SessionId, now: Time) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        self.may_have_work |= session.send_commits(&mut self.journal, now);
        session.grant(now);
        session.close_what_is_done(&mut self.journal, now);
        if self.is_draining && !session.is_notified && session.jobs_out == 0 && !session.has_work() {
            session.announce_shutdown(&mut self.journal, now);
        }
        self.let_go_if_finished(id);
    }

    fn let_go_if_finished(&mut self, id: SessionId) {
        if self.sessions.get(&id).is_some_and(|session| session.wire.is_finished()) {
            self.sessions.remove(&id);
            self.journal.note(NodeEvent::SessionOver { session: id });
        }
    }

    /// A stream of which a cell can be decided. Sessions take turns.
    fn find_work(&mut self, now: Time) -> Option<(SessionId, StreamId)> {
        if !self.may_have_work {
            return None;
        }
        let most = self.options.jobs_per_session_max;
        for range in [(Excluded(self.turn), Unbounded), (Unbounded, Included(self.turn))] {
            let may_have_work = |session: &Session| session.may_have_work && session.jobs_out < most;
            for (&id, session) in self.sessions.range_mut(range).filter(|(_, session)| may_have_work(session))
            {
                loop {
                    match session.prepare_work() {
                        Ok(None) => {
                            session.may_have_work = false;
                            break;
                        }
                        Ok(Some(stream)) => {
                            session.jobs_out += 1;
                            self.turn = id;
                            return Some((id, stream));
                        }
                        Err((stream, why)) => session.give_up(stream, &why, &mut self.journal, now),
                    }
                }
            }
        }
        self.may_have_work = false;
        None
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node")
            .field("connections", &self.connection_count())
            .field("sessions", &self.sessions.len())
            .field("jobs", &self.jobs.len())
            .field("counters", &self.journal.counters)
            .finish_non_exhaustive()
    }
}
