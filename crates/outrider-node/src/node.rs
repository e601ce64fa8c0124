//! The core of a decoder node: who is connected, which sessions and streams there are, and which cells can be decided.
//!
//! It takes bytes, times and finished jobs, and gives bytes, jobs and the time at which it wants to be called again. The
//! daemon drives it with sockets and threads, the simulator with queues and a clock of its own.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::Arc;

use outrider::{Cell, Commit, Error as DecodeError, Patch};
use outrider_wire as wire;
use outrider_wire::{Epoch, Fault, Greeted, Handshake, Hops, ServerSession, SessionId, StreamId, Token};

use crate::owned_cells::Trouble;
use crate::session::{Outcome, Session, Stream, Unsent, words};

/// A connection, in the order in which they came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u64);

/// A job that is out. Numbers are never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobId(pub u64);

/// Limits of a [`Node`], and what it wants of sessions.
#[derive(Debug, Clone)]
pub struct NodeOptions {
    /// What it wants of every session.
    pub wire: wire::Options,
    /// Most connections at a time.
    pub connections_max: usize,
    /// Most sessions at a time, those without a connection included.
    pub sessions_max: usize,
    /// Most jobs that one session has out at a time.
    pub jobs_per_session_max: usize,
}

impl Default for NodeOptions {
    fn default() -> Self {
        Self {
            wire: wire::Options::default(),
            connections_max: 1024,
            sessions_max: 64,
            jobs_per_session_max: 256,
        }
    }
}

/// Why a connection was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// There are as many as there may be.
    Full,
    /// The node shuts down.
    ShuttingDown,
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
    /// The artificial defects of cells before it.
    pub defects: &'a [u32],
}

/// When a worker had a job, by the clock that the node is driven with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Times {
    /// The job was given to it.
    pub dispatched_ns: u64,
    /// Decoding began.
    pub started_ns: u64,
    /// Decoding ended.
    pub ended_ns: u64,
}

/// What happened on a node since it began.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct NodeCounters {
    /// Connections taken.
    pub connections: u64,
    /// Connections refused because of a limit.
    pub connections_refused: u64,
    /// Sessions begun.
    pub sessions: u64,
    /// Sessions that went on over another connection.
    pub resumptions: u64,
    /// Sessions that ended by an error, by the code of PROTOCOL.md.
    pub failures: BTreeMap<u16, u64>,
    /// Connections lost or refused, by the code of PROTOCOL.md.
    pub lost: BTreeMap<u16, u64>,
    /// Rounds taken in.
    pub rounds: u64,
    /// Cells decided and sent.
    pub cells: u64,
    /// Detection events in their windows.
    pub events: u64,
    /// Cells decided in vain, because they had been given away meanwhile.
    pub stale_cells: u64,
    /// Cells that could not be decided.
    pub failed_cells: u64,
}

/// A decoder node without sockets, threads or clock.
pub struct Node {
    options: NodeOptions,
    patches: Vec<Arc<Patch>>,
    draw: Box<dyn FnMut() -> [u8; 16] + Send>,
    connections: BTreeMap<ConnectionId, Connection>,
    sessions: BTreeMap<SessionId, Session>,
    jobs: BTreeMap<JobId, Out>,
    next_connection: u64,
    next_session: u64,
    next_job: u64,
    is_draining: bool,
    counters: NodeCounters,
}

enum Connection {
    Greeting(Box<Handshake>),
    Serving(SessionId),
    /// What is left to be sent before it ends.
    Ending(VecDeque<u8>),
}

/// A job that is with a worker.
struct Out {
    session: SessionId,
    stream: StreamId,
    epoch: Epoch,
    cell: Cell,
    ingest_ns: u64,
}

impl Node {
    /// A node that decides cells of these patches. `draw` gives random bytes that nobody can guess; the tokens of
    /// sessions are made of them.
    pub fn new(
        patches: Vec<Arc<Patch>>,
        options: NodeOptions,
        draw: impl FnMut() -> [u8; 16] + Send + 'static,
    ) -> Self {
        Self {
            options,
            patches,
            draw: Box::new(draw),
            connections: BTreeMap::new(),
            sessions: BTreeMap::new(),
            jobs: BTreeMap::new(),
            next_connection: 1,
            next_session: 1,
            next_job: 1,
            is_draining: false,
            counters: NodeCounters::default(),
        }
    }

    /// A client has connected.
    ///
    /// # Errors
    /// Drop the connection at once then.
    pub fn connect(&mut self, now: u64) -> Result<ConnectionId, Refusal> {
        if self.is_draining {
            return Err(Refusal::ShuttingDown);
        }
        if self.connections.len() >= self.options.connections_max {
            self.counters.connections_refused += 1;
            return Err(Refusal::Full);
        }
        let id = ConnectionId(self.next_connection);
        self.next_connection += 1;
        self.counters.connections += 1;
        let handshake = Handshake::new(&self.options.wire, now);
        self.connections.insert(id, Connection::Greeting(Box::new(handshake)));
        Ok(id)
    }

    /// A connection has ended from outside.
    pub fn disconnect(&mut self, id: ConnectionId, now: u64) {
        if let Some(Connection::Serving(session)) = self.connections.remove(&id)
            && let Some(session) = self.sessions.get_mut(&session)
        {
            session.connection = None;
            session.wire.connection_lost(now);
        }
    }

    /// Takes all the bytes that came over a connection.
    pub fn receive(&mut self, id: ConnectionId, mut bytes: &[u8], now: u64) {
        while !bytes.is_empty() {
            let count = match self.connections.get_mut(&id) {
                None | Some(Connection::Ending(_)) => return,
                Some(Connection::Greeting(handshake)) => match handshake.receive(bytes, now) {
                    Ok((count, None)) => count,
                    Ok((count, Some(greeted))) => {
                        self.greet(id, &greeted, now);
                        count
                    }
                    Err(error) => {
                        self.refuse(id, &Fault::new(error, ""), now);
                        return;
                    }
                },
                Some(Connection::Serving(session)) => {
                    let session = *session;
                    let Some(open) = self.sessions.get_mut(&session) else { return };
                    let count = open.wire.receive(bytes, now);
                    self.take_events(session, now);
                    count
                }
            };
            bytes = &bytes[count..];
        }
    }

    /// Fills `out` with bytes for a connection and returns how many; zero means that there is nothing to send. `out` has
    /// room for [`FRAME_BYTES_MAX`](wire::limits::FRAME_BYTES_MAX).
    pub fn transmit(&mut self, id: ConnectionId, out: &mut [u8], now: u64) -> usize {
        match self.connections.get_mut(&id) {
            None | Some(Connection::Greeting(_)) => 0,
            Some(Connection::Serving(id)) => {
                let id = *id;
                let count = self.sessions.get_mut(&id).map_or(0, |session| session.wire.transmit(out, now));
                if count == 0 {
                    self.flush(id, now);
                }
                count
            }
            Some(Connection::Ending(bytes)) => {
                let count = bytes.len().min(out.len());
                for (to, from) in out.iter_mut().zip(bytes.drain(..count)) {
                    *to = from;
                }
                count
            }
        }
    }

    /// Whether a connection is of no more use: drop it once [`transmit`](Self::transmit) gives nothing.
    pub fn is_over(&self, id: ConnectionId) -> bool {
        match self.connections.get(&id) {
            None | Some(Connection::Ending(_)) => true,
            Some(Connection::Greeting(_)) => false,
            Some(Connection::Serving(session)) => {
                let carries =
                    |session: &Session| session.connection == Some(id) && !session.wire.is_finished();
                !self.sessions.get(session).is_some_and(carries)
            }
        }
    }

    /// When [`on_timer`](Self::on_timer) is due.
    pub fn next_timer(&self) -> Option<u64> {
        let greeting = |connection: &Connection| match connection {
            Connection::Greeting(handshake) => Some(handshake.deadline()),
            _ => None,
        };
        let handshakes = self.connections.values().filter_map(greeting);
        handshakes.chain(self.sessions.values().filter_map(|session| session.wire.next_timer())).min()
    }

    /// Does what is due. Receive first what has come.
    pub fn on_timer(&mut self, now: u64) {
        let mut late = Vec::new();
        for (&id, connection) in &mut self.connections {
            if let Connection::Greeting(handshake) = connection
                && handshake.has_expired(now)
            {
                late.push(id);
            }
        }
        for id in late {
            self.refuse(id, &Fault::new(wire::Error::HandshakeTimeout, ""), now);
        }
        let sessions: Vec<_> = self.sessions.keys().copied().collect();
        for id in sessions {
            if let Some(session) = self.sessions.get_mut(&id) {
                session.wire.on_timer(now);
            }
            self.take_events(id, now);
            self.flush(id, now);
        }
    }

    /// The next cell that can be decided, if there is one: it is out from now on.
    pub fn next_job(&mut self, now: u64) -> Option<Job<'_>> {
        let (session, stream) = self.find_work(now)?;
        // Looked up again, because a borrow of what a loop found cannot be returned from it.
        let open = self.sessions.get_mut(&session)?.streams.get_mut(&stream)?;
        let id = JobId(self.next_job);
        let work = open.cells.as_mut()?.take_next()?;
        self.next_job += 1;
        let out = Out { session, stream, epoch: open.epoch, cell: work.cell, ingest_ns: work.ingest_ns };
        self.jobs.insert(id, out);
        Some(Job { id, patch: open.patch, cell: work.cell, events: work.events, defects: work.defects })
    }

    /// Takes what became of a job. A job that is not out, or whose cell was given away meanwhile, is forgotten.
    pub fn finish(&mut self, id: JobId, times: Times, result: Result<Commit<'_>, &DecodeError>, now: u64) {
        let Some(out) = self.jobs.remove(&id) else { return };
        let Some(session) = self.sessions.get_mut(&out.session) else {
            self.counters.stale_cells += 1;
            return;
        };
        session.jobs_out -= 1;
        let stream = session.streams.get_mut(&out.stream).filter(|stream| stream.epoch == out.epoch);
        let Some(Stream { cells: Some(cells), unsent, .. }) = stream else {
            self.counters.stale_cells += 1;
            self.flush(out.session, now);
            return;
        };
        let outcome = match result {
            Ok(commit) => {
                self.counters.cells += 1;
                self.counters.events += u64::from(commit.event_count);
                cells.commit(&out.cell, &commit).map(|(round, defects)| Unsent {
                    epoch: out.epoch,
                    round,
                    cell: out.cell.number,
                    hops: Hops {
                        ingest_ns: out.ingest_ns,
                        dispatched_ns: times.dispatched_ns,
                        decode_start_ns: times.started_ns,
                        decode_end_ns: times.ended_ns,
                    },
                    parity: words(commit.observables),
                    defects: defects.to_vec(),
                })
            }
            Err(error) => Err(Trouble::Decoding(out.cell.number, error.to_string())),
        };
        match outcome {
            Ok(commit) => unsent.push_back(commit),
            Err(trouble) => {
                self.counters.failed_cells += 1;
                session.give_up(out.stream, &trouble, now);
            }
        }
        self.flush(out.session, now);
    }

    /// Takes no more connections. Cells that can be decided still are; then every client is told which cells are open,
    /// and the node [is done](Self::is_done) once they know.
    pub fn shut_down(&mut self, now: u64) {
        self.is_draining = true;
        let sessions: Vec<_> = self.sessions.keys().copied().collect();
        for id in sessions {
            self.flush(id, now);
        }
    }

    /// Whether a node that shuts down has no session left.
    pub fn is_done(&self) -> bool {
        self.is_draining && self.sessions.is_empty()
    }

    /// Connections at the moment.
    pub fn connection_count(&self) -> usize {
        self.connections.len()
    }

    /// Sessions at the moment.
    pub fn session_count(&self) -> usize {
        self.sessions.len()
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
        &self.counters
    }

    /// The patches that it decides cells of.
    pub fn patches(&self) -> &[Arc<Patch>] {
        &self.patches
    }

    fn greet(&mut self, id: ConnectionId, greeted: &Greeted, now: u64) {
        let session = if greeted.hello().token.is_none() {
            self.begin(greeted, now)
        } else {
            self.resume(greeted, now)
        };
        match session {
            Ok(session) => {
                let open = self.sessions.get_mut(&session).expect("it has just been begun or resumed");
                if let Some(before) = open.connection.replace(id) {
                    self.connections.insert(before, Connection::Ending(VecDeque::new()));
                }
                self.connections.insert(id, Connection::Serving(session));
                self.flush(session, now);
            }
            Err(fault) => self.refuse(id, &fault, now),
        }
    }

    fn begin(&mut self, greeted: &Greeted, now: u64) -> Result<SessionId, Fault<'static>> {
        if self.is_draining {
            return Err(Fault::new(wire::Error::ShuttingDown, ""));
        }
        if self.sessions.len() >= self.options.sessions_max {
            return Err(Fault::new(wire::Error::SessionsFull, ""));
        }
        let id = SessionId(self.next_session);
        let token = Token((self.draw)());
        let wire = ServerSession::accept(&self.options.wire, greeted, id, token, now)?;
        self.next_session += 1;
        self.counters.sessions += 1;
        let streams = BTreeMap::new();
        self.sessions.insert(id, Session { wire, connection: None, streams, jobs_out: 0, is_told: false });
        Ok(id)
    }

    fn resume(&mut self, greeted: &Greeted, now: u64) -> Result<SessionId, Fault<'static>> {
        let id = greeted.session();
        let session =
            self.sessions.get_mut(&id).ok_or_else(|| Fault::new(wire::Error::UnknownSession, ""))?;
        session.wire.resume(greeted, now)?;
        self.counters.resumptions += 1;
        Ok(id)
    }

    fn refuse(&mut self, id: ConnectionId, fault: &Fault<'_>, now: u64) {
        *self.counters.lost.entry(fault.code as u16).or_default() += 1;
        self.connections.insert(id, Connection::Ending(wire::refusal(fault, now).into()));
    }

    /// Acts on everything that a session has understood.
    fn take_events(&mut self, id: SessionId, now: u64) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        while let Some(outcome) = session.take_event(&self.patches, &mut self.counters, now) {
            match outcome {
                Outcome::Went => {}
                Outcome::Lost(error) => {
                    *self.counters.lost.entry(error.code()).or_default() += 1;
                    if let Some(connection) = session.connection.take() {
                        self.connections.insert(connection, Connection::Ending(VecDeque::new()));
                    }
                }
                Outcome::Ended(code) => {
                    *self.counters.failures.entry(code).or_default() += 1;
                    session.streams.clear();
                }
            }
        }
        self.flush(id, now);
    }

    /// Sends what waits, and lets go of a session that has ended.
    fn flush(&mut self, id: SessionId, now: u64) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        session.send_commits(now);
        session.grant(now);
        if self.is_draining && !session.is_told && session.jobs_out == 0 && !session.has_work() {
            session.say_goodbye(now);
        }
        if session.wire.is_finished() {
            self.sessions.remove(&id);
        }
    }

    /// A stream of which a cell can be decided. Sessions take turns.
    fn find_work(&mut self, now: u64) -> Option<(SessionId, StreamId)> {
        let most = self.options.jobs_per_session_max;
        let mut found = None;
        let mut troubled = None;
        'search: for (&id, session) in &mut self.sessions {
            if session.jobs_out >= most {
                continue;
            }
            for (&stream, open) in &mut session.streams {
                let Some(cells) = open.cells.as_mut().filter(|_| open.unsent.is_empty()) else { continue };
                match cells.prepare_next() {
                    Ok(true) => {
                        session.jobs_out += 1;
                        found = Some((id, stream));
                        break 'search;
                    }
                    Ok(false) => {}
                    Err(trouble) => {
                        troubled = Some((id, stream, trouble));
                        break 'search;
                    }
                }
            }
        }
        if let Some((id, stream, trouble)) = troubled {
            if let Some(session) = self.sessions.get_mut(&id) {
                session.give_up(stream, &trouble, now);
            }
            self.flush(id, now);
        }
        found
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node")
            .field("connections", &self.connections.len())
            .field("sessions", &self.sessions.len())
            .field("jobs", &self.jobs.len())
            .field("counters", &self.counters)
            .finish_non_exhaustive()
    }
}
