//! The thread that everything of a node goes through: it owns the [`Node`], its connections and its workers.
//!
//! One thread, because a frame's way is shorter than a change of threads. It never waits for anybody: connections are
//! read and written without blocking, cells are decided by workers, logs and metrics are left for others to pick up.
//!
//! Nor does it let anybody wait for long. Connections are read in line, each by its share of frames and time (`share.rs`);
//! after each share the workers are fed, and after some of them everybody gets what is ready.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::os::fd::AsRawFd;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token, Waker};
use outrider::{Error as DecodeError, Patch, PatchKey, Wait, Workers, WorkersOptions, clock_ns};
use outrider_node::{ConnectionId, JobId, Node, NodeOptions, Peer};
use outrider_transport::Connection;
use outrider_wire::Time;
use outrider_wire::limits::FRAME_BYTES_MAX;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::buffered_connection::BufferedConnection;
use crate::logging;
use crate::node_snapshot::{Latencies, Snapshot};
use crate::share::{READ_NS, Share, share_ns};

/// Bytes that are read from a connection at a time, with room for a message of a ring.
const READ_BYTES: usize = 2 * FRAME_BYTES_MAX;
/// Socket events taken at a time.
const EVENTS_MAX: usize = 256;
/// Orders taken in a turn: whoever connects without end does not keep those waiting who are connected.
const ORDERS_PER_TURN: usize = 16;
/// Connections that wait to be served; more are left to the operating system.
const WAITING_CONNECTIONS_MAX: usize = 64;
/// Turns between two looks at sockets while a ring is spun on: asking the kernel takes longer than a look at a ring.
const TURNS_PER_LOOK: u32 = 64;
/// Turns in which nothing happened before a thread that may yield does.
const TURNS_BEFORE_YIELD: u32 = 200;
/// Longest sleep at all, so that metrics stay fresh.
const NAP_NS: u64 = 100_000_000;
/// How often metrics are laid out to be picked up.
const SNAPSHOT_NS: u64 = 100_000_000;
/// The token that connections never have: their numbers begin at 1.
const WAKE: Token = Token(0);

/// How an event loop works.
#[derive(Debug, Clone)]
pub(crate) struct EventLoopOptions {
    pub(crate) node: NodeOptions,
    pub(crate) workers: WorkersOptions,
    /// How long what can be decided is decided when the node shuts down.
    pub(crate) drain_ns: u64,
}

/// What an event loop is to do.
pub(crate) enum Order {
    /// Serve this connection, which holds a place in the queue until then.
    Serve(Connection, Peer, OwnedSemaphorePermit),
    /// Decide what can be decided, report to everybody what cannot, and end.
    ShutDown,
    /// End at once.
    Abandon,
}

/// How a server ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Every client has the list of its open cells.
    Drained,
    /// The time to shut down was over before.
    Abandoned,
}

/// A running event loop.
#[derive(Clone)]
pub(crate) struct EventLoopHandle {
    orders: Sender<Order>,
    waker: Arc<Waker>,
    /// Room for connections that wait to be served.
    room: Arc<Semaphore>,
}

impl EventLoopHandle {
    /// Has a connection served, once there is room in the queue: the next is not accepted before.
    pub(crate) async fn serve(&self, connection: Connection, peer: Peer) {
        // It is never closed.
        if let Ok(place) = Arc::clone(&self.room).acquire_owned().await {
            self.give(Order::Serve(connection, peer, place));
        }
    }

    /// Gives the event loop an order; one that has ended takes none.
    pub(crate) fn give(&self, order: Order) {
        if self.orders.send(order).is_ok() {
            // A waker that fails has woken: its counter is full.
            let _ = self.waker.wake();
        }
    }
}

/// Starts an event loop on a thread of its own, all decoders made.
pub(crate) fn start(
    patches: Vec<Arc<Patch>>,
    options: EventLoopOptions,
    random_token: impl FnMut() -> [u8; 16] + Send + 'static,
    snapshot: Arc<Mutex<Snapshot>>,
) -> Result<(EventLoopHandle, JoinHandle<Ending>), DecodeError> {
    let failed = |source| DecodeError::Io { action: "start the event loop", path: None, source };
    let poll = Poll::new().map_err(failed)?;
    let waker = Arc::new(Waker::new(poll.registry(), WAKE).map_err(failed)?);
    let mut workers = Workers::new(&options.workers)?;
    let keys = patches.iter().map(|patch| workers.add(Arc::clone(patch))).collect::<Result<_, _>>()?;
    if options.workers.wait == Wait::Block {
        let waker = Arc::clone(&waker);
        workers.set_waker(Arc::new(move || drop(waker.wake())));
    }
    let (sender, orders) = channel();
    let event_loop = EventLoop {
        node: Node::new(patches, options.node, random_token),
        workers,
        keys,
        wait: options.workers.wait,
        drain_ns: options.drain_ns,
        orders,
        has_orders: false,
        poll,
        events: Events::with_capacity(EVENTS_MAX),
        connections: BTreeMap::new(),
        rings: Vec::new(),
        readable: VecDeque::new(),
        share_ns: share_ns(0),
        buffer: vec![0; READ_BYTES],
        now: time_now(),
        timer: None,
        end: None,
        idle_turns: 0,
        blind_turns: 0,
        latencies: Latencies::default(),
        frames_fed: 0,
        frames_between_feeds_max: 0,
        snapshot,
        snapshot_due: Time(0),
    };
    let thread = thread::Builder::new()
        .name("event-loop".to_owned())
        .spawn(move || event_loop.run())
        .map_err(failed)?;
    let room = Arc::new(Semaphore::new(WAITING_CONNECTIONS_MAX));
    Ok((EventLoopHandle { orders: sender, waker, room }, thread))
}

struct EventLoop {
    node: Node,
    workers: Workers,
    /// The workers' keys of the node's patches.
    keys: Vec<PatchKey>,
    wait: Wait,
    drain_ns: u64,
    orders: Receiver<Order>,
    /// There may be more of them.
    has_orders: bool,
    poll: Poll,
    events: Events,
    connections: BTreeMap<ConnectionId, BufferedConnection>,
    /// Those connections that run through shared memory and have to be looked at.
    rings: Vec<ConnectionId>,
    /// Connections that may have more to read, in line: all rings, and sockets that became readable.
    readable: VecDeque<ConnectionId>,
    /// The time of each share in this turn.
    share_ns: u64,
    buffer: Vec<u8>,
    /// The time when it was last looked at, in this turn or later.
    now: Time,
    /// When the node wants to be called.
    timer: Option<Time>,
    /// When the time to shut down is over, once it has begun.
    end: Option<Time>,
    idle_turns: u32,
    /// Turns since sockets were looked at.
    blind_turns: u32,
    latencies: Latencies,
    /// Frames that had been taken in when the workers were looked at last, and most of them between two looks.
    frames_fed: u64,
    frames_between_feeds_max: u64,
    snapshot: Arc<Mutex<Snapshot>>,
    snapshot_due: Time,
}

impl EventLoop {
    fn run(mut self) -> Ending {
        loop {
            let moved = self.turn();
            // Those that have not sent HELLO are owed nothing.
            if self.node.is_done() && self.connections.keys().all(|&id| self.node.is_greeting(id)) {
                self.publish(time_now());
                return Ending::Drained;
            }
            if self.end.is_some_and(|end| time_now() >= end) {
                let is_done = self.node.is_done();
                self.node.abandon();
                self.log_events();
                self.publish(time_now());
                return if is_done { Ending::Drained } else { Ending::Abandoned };
            }
            self.idle_turns = if moved { 0 } else { self.idle_turns.saturating_add(1) };
            if self.wait == Wait::SpinThenYield && self.idle_turns > TURNS_BEFORE_YIELD {
                thread::yield_now();
            }
        }
    }

    /// Does everything that can be done now, and a bounded share of what there is much of. Tells whether there was
    /// anything.
    fn turn(&mut self) -> bool {
        let mut moved = self.look_at_sockets();
        self.now = time_now();
        moved |= self.read_connections();
        moved |= self.feed_workers();
        if self.timer.is_some_and(|timer| self.now >= timer) {
            self.node.on_timer(self.now);
            moved = true;
        }
        if moved {
            self.send_all();
            self.timer = self.node.next_timer();
        }
        if self.now >= self.snapshot_due {
            self.publish(self.now);
        }
        moved
    }

    /// Asks the kernel what has become of sockets, and sleeps there if this is how the node waits.
    fn look_at_sockets(&mut self) -> bool {
        let spins_on_rings = !self.rings.is_empty() && self.wait != Wait::Block;
        self.blind_turns += 1;
        if spins_on_rings && self.blind_turns < TURNS_PER_LOOK && !self.has_orders {
            return false;
        }
        self.blind_turns = 0;
        let may_sleep = self.wait == Wait::Block
            && self.idle_turns > 0
            && !self.has_orders
            && self.readable.len() == self.rings.len()
            && self.rings_may_sleep();
        let timeout = if may_sleep { self.sleep() } else { Duration::ZERO };
        if let Err(error) = self.poll.poll(&mut self.events, Some(timeout))
            && error.kind() != io::ErrorKind::Interrupted
        {
            tracing::error!(%error, "cannot wait for sockets");
        }
        for event in &self.events {
            if event.token() == WAKE {
                self.has_orders = true;
                continue;
            }
            let id = ConnectionId(event.token().0 as u64);
            if let Some(connection) = self.connections.get_mut(&id) {
                connection.is_blocked &= !event.is_writable();
                if !connection.is_queued {
                    connection.is_queued = true;
                    self.readable.push_back(id);
                }
            }
        }
        let moved = self.has_orders || !self.events.is_empty();
        if self.has_orders {
            self.take_orders();
        }
        moved
    }

    /// Asks every ring for a wake-up. One that fails is found out when it is read.
    fn rings_may_sleep(&mut self) -> bool {
        let Self { rings, connections, .. } = self;
        rings.iter().all(|id| {
            connections.get_mut(id).is_some_and(|connection| {
                connection.incoming.unread().is_empty() && connection.inner.may_sleep().unwrap_or(false)
            })
        })
    }

    fn sleep(&self) -> Duration {
        let now = time_now();
        let until = |time: Option<Time>| time.map_or(NAP_NS, |time| time.since(now));
        Duration::from_nanos(NAP_NS.min(until(self.timer)).min(until(self.end)))
    }

    fn take_orders(&mut self) {
        for _ in 0..ORDERS_PER_TURN {
            let Ok(order) = self.orders.try_recv() else {
                self.has_orders = false;
                return;
            };
            match order {
                Order::Serve(connection, peer, place) => {
                    drop(place);
                    self.serve(connection, peer);
                }
                Order::Abandon => self.end = Some(Time(0)),
                Order::ShutDown => {
                    let now = time_now();
                    self.end.get_or_insert_with(|| now.after(self.drain_ns));
                    self.node.shut_down(now);
                }
            }
        }
    }

    fn serve(&mut self, connection: Connection, peer: Peer) {
        let id = match self.node.connect(peer, time_now()) {
            Ok(id) => id,
            Err(refusal) => return tracing::debug!(%peer, ?refusal, "connection refused"),
        };
        let (socket, is_ring) = (connection.socket().as_raw_fd(), connection.is_ring());
        let interest = Interest::READABLE | Interest::WRITABLE;
        let token = Token(id.0 as usize);
        if let Err(error) = self.poll.registry().register(&mut SourceFd(&socket), token, interest) {
            tracing::error!(%error, "cannot watch a connection");
            return self.node.disconnect(id, time_now());
        }
        let mut connection = BufferedConnection::new(connection);
        connection.is_queued = true;
        self.connections.insert(id, connection);
        self.readable.push_back(id);
        if is_ring {
            self.rings.push(id);
        }
    }

    /// Reads connections in line, and feeds the workers after each. Those whose turn does not come now are first next
    /// time.
    fn read_connections(&mut self) -> bool {
        let until = self.now.after(READ_NS);
        self.share_ns = share_ns(self.readable.len().saturating_sub(1));
        let mut moved = false;
        for _ in 0..self.readable.len() {
            let Some(id) = self.readable.pop_front() else { break };
            let came = self.read(id);
            if let Some(connection) = self.connections.get_mut(&id) {
                connection.is_queued = came || connection.inner.is_ring();
                if connection.is_queued {
                    self.readable.push_back(id);
                }
            }
            if came {
                moved = true;
                self.feed_workers();
            }
            if self.now >= until {
                break;
            }
        }
        moved
    }

    /// Takes a connection's share of what it has sent. Returns whether anything came of it.
    fn read(&mut self, id: ConnectionId) -> bool {
        let Self { node, connections, buffer, share_ns, .. } = self;
        let Some(connection) = connections.get_mut(&id) else { return false };
        if !connection.incoming.unread().is_empty() {
            let (taken, now) = take_share(node, id, connection.incoming.unread(), *share_ns);
            connection.incoming.take(taken);
            self.now = now;
            return true;
        }
        match connection.inner.read(buffer) {
            Ok(None) if connection.is_broken => self.drop_connection(id),
            Ok(None) => return false,
            Ok(Some(0)) => self.drop_connection(id),
            Ok(Some(count)) => {
                let (taken, now) = take_share(node, id, &buffer[..count], *share_ns);
                connection.incoming.keep(&buffer[taken..count]);
                self.now = now;
            }
            Err(error) => {
                tracing::debug!(connection = id.0, %error, "connection lost");
                self.drop_connection(id);
            }
        }
        true
    }

    /// Takes what the workers have decided, and gives them what can be decided. Returns whether there was anything.
    fn feed_workers(&mut self) -> bool {
        let frames = self.node.counters().frames;
        self.frames_between_feeds_max = self.frames_between_feeds_max.max(frames - self.frames_fed);
        self.frames_fed = frames;
        let mut moved = self.finish_cells();
        if self.give_cells() {
            moved = true;
            // Without workers they have been decided by now.
            self.finish_cells();
        }
        moved
    }

    fn finish_cells(&mut self) -> bool {
        let mut moved = false;
        while let Some(finished) = self.workers.finished() {
            moved = true;
            self.now = time_now();
            let result = finished.result.as_ref().map(|&commit| commit);
            if let Some(hops) = self.node.finish(JobId(finished.tag), finished.times, result, self.now) {
                self.latencies.note(&hops, self.now);
            }
        }
        moved
    }

    fn give_cells(&mut self) -> bool {
        let mut moved = false;
        while self.workers.has_room()
            && let Some(job) = self.node.next_job(self.now)
        {
            moved = true;
            let weights = job.weights.cloned();
            self.workers.give_with(self.keys[job.patch], job.id.0, &job.cell, job.events, job.marks, weights);
        }
        moved
    }

    fn send_all(&mut self) {
        let mut next = self.node.next_busy(None);
        while let Some(id) = next {
            if let Some(connection) = self.connections.get_mut(&id) {
                let is_ring = connection.inner.is_ring();
                let cannot_send = connection.is_broken || (connection.is_blocked && !is_ring);
                let sent =
                    if cannot_send { Ok(false) } else { connection.send(&mut self.node, id, self.now) };
                if let Err(error) = sent {
                    tracing::debug!(connection = id.0, %error, "connection lost");
                    // What has come before is still read: it may be the acknowledgement that ends a session.
                    connection.is_broken = true;
                    if !std::mem::replace(&mut connection.is_queued, true) {
                        self.readable.push_back(id);
                    }
                } else if self.node.is_over(id) {
                    // Whoever does not read the last words does without them.
                    self.drop_connection(id);
                }
            } else {
                self.node.disconnect(id, self.now);
            }
            next = self.node.next_busy(Some(id));
        }
        self.log_events();
    }

    fn log_events(&mut self) {
        while let Some(event) = self.node.poll_event() {
            logging::log(&event, |session| self.node.peer(session));
        }
    }

    fn drop_connection(&mut self, id: ConnectionId) {
        if let Some(connection) = self.connections.remove(&id) {
            let socket = connection.inner.socket().as_raw_fd();
            // Closing it would do the same.
            let _ = self.poll.registry().deregister(&mut SourceFd(&socket));
            self.rings.retain(|&ring| ring != id);
            self.now = time_now();
            self.node.disconnect(id, self.now);
        }
    }

    /// Lays out how things are, unless somebody is just looking.
    fn publish(&mut self, now: Time) {
        self.snapshot_due = now.after(SNAPSHOT_NS);
        if let Ok(mut snapshot) = self.snapshot.try_lock() {
            snapshot.taken = now;
            snapshot.counters.clone_from(self.node.counters());
            snapshot.learned_noise = self.node.learned_noise();
            snapshot.connections = self.node.connection_count() as u64;
            snapshot.sessions = self.node.session_count() as u64;
            snapshot.streams = self.node.stream_count() as u64;
            snapshot.jobs = self.node.jobs_out() as u64;
            snapshot.frames_between_feeds_max = self.frames_between_feeds_max;
            snapshot.is_draining = self.end.is_some();
            snapshot.latencies.clone_from(&self.latencies);
        }
    }
}

/// Gives the node a connection's share of its bytes. Returns how many that were, and the time.
fn take_share(node: &mut Node, id: ConnectionId, bytes: &[u8], ns: u64) -> (usize, Time) {
    let mut share = Share::new(bytes, ns, node.counters().frames, time_now());
    while let Some(piece) = share.next(node.counters().frames, time_now()) {
        node.receive(id, piece, share.now());
    }
    (share.taken(), share.now())
}

fn time_now() -> Time {
    Time(clock_ns())
}
