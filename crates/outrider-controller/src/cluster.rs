//! A [`Controller`] with connections to nodes that run.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use outrider::{Patch, clock_ns};
use outrider_transport::{Address, Connection, Outgoing, TlsFiles};
use outrider_wire::Time;
use outrider_wire::limits::FRAME_BYTES_MAX;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustls::ClientConfig;

use crate::controller::Controller;
use crate::error::{ClusterError, OpenError, PushError, RestoreError};
use crate::event::{CellCommit, Event};
use crate::history::PatchState;
use crate::ids::{NodeId, PatchId};
use crate::journal::JournalRecord;
use crate::options::ControllerOptions;

/// Sockets are looked at no more often than that: asking the kernel takes longer than a look at a ring.
const SOCKET_PACE_NS: u64 = 2_000;
/// The same of timers, which are of milliseconds.
const TIMER_PACE_NS: u64 = 20_000;
/// Bytes that are taken off a connection at a time.
const READ_BYTES: usize = 2 * FRAME_BYTES_MAX;
/// Longest sleep at a time, an hour: where there is no `ppoll`, a sleep is an `i32` of milliseconds, rounded up.
const SLEEP_NS_MAX: u64 = 3600 * NS_PER_SECOND;

/// How a [`Cluster`] connects.
#[derive(Debug, Clone, Default)]
pub struct ClusterOptions {
    /// How it deals with its nodes.
    pub controller: ControllerOptions,
    /// What it shows, and whom it trusts, on `tls:` addresses.
    pub tls: Option<TlsFiles>,
}

/// A controller of running nodes, driven by the thread that owns it: nothing happens but in its methods.
///
/// ```no_run
/// use std::sync::Arc;
/// use outrider::{Circuit, CircuitFamily, Patch, PatchOptions, PlanOptions, SurfaceCode};
/// use outrider_controller::{Cluster, ClusterOptions};
///
/// let circuit = Circuit::uniform(CircuitFamily::Stim, 0.001);
/// let model = SurfaceCode::memory(3, 40).circuit(circuit).build()?.model()?;
/// let patch = Arc::new(Patch::new(&model, &PatchOptions::new(PlanOptions::parallel(3)))?);
///
/// let nodes = ["unix:/run/outrider/a.sock".parse()?, "unix:/run/outrider/b.sock".parse()?];
/// let mut cluster = Cluster::new(&nodes, &ClusterOptions::default())?;
/// let memory = cluster.open(&patch)?;
/// for round in 0..=1000 {
///     let width = patch.plan().layer_detectors(round, (round == 1000).then_some(1001));
///     let quiet = vec![0; width.div_ceil(8) as usize];
///     while cluster.push(memory, &quiet, width, round == 1000).is_err() {
///         cluster.poll(); // no room, or no node yet: the processor idles
///     }
/// }
/// while !cluster.state(memory).is_some_and(|state| state.is_finished) {
///     cluster.poll();
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Cluster {
    controller: Controller,
    lines: Vec<NodeLine>,
    tls: Option<Arc<ClientConfig>>,
    dialled: Receiver<(NodeId, io::Result<Connection>)>,
    report: Sender<(NodeId, io::Result<Connection>)>,
    /// Wakes [`Cluster::wait`] when there is a report.
    bell: Arc<Bell>,
    buffer: Vec<u8>,
    /// The time of the last look at the clock. Calls of the controller get times that never go back.
    now: Time,
    /// When sockets and timers are to be looked at again.
    sockets_due: Time,
    timers_due: Time,
}

#[derive(Debug)]
struct NodeLine {
    address: Address,
    connection: Option<Connection>,
    outgoing: Outgoing,
    /// There are bytes for which the connection has no room.
    is_blocked: bool,
    failure: Option<String>,
}

impl NodeLine {
    /// What is waited for on its socket.
    fn watched(&self) -> Option<(BorrowedFd<'_>, PollFlags)> {
        let connection = self.connection.as_ref()?;
        // The socket of a ring has room whether or not the ring has.
        let waits_for_room = self.is_blocked && !connection.is_ring();
        let flags = if waits_for_room { PollFlags::IN | PollFlags::OUT } else { PollFlags::IN };
        Some((connection.socket(), flags))
    }
}

impl Cluster {
    /// A cluster of the nodes at these addresses, which it connects to as it is polled, and again when they come back.
    ///
    /// # Errors
    /// See [`ClusterError`].
    pub fn new(nodes: &[Address], options: &ClusterOptions) -> Result<Self, ClusterError> {
        let now = Time(clock_ns());
        let controller = Controller::new(nodes.len(), options.controller.clone(), now);
        let tls = options.tls.as_ref().map(TlsFiles::client_config).transpose().map_err(ClusterError::Tls)?;
        let line = |address: &Address| NodeLine {
            address: address.clone(),
            connection: None,
            outgoing: Outgoing::new(FRAME_BYTES_MAX),
            is_blocked: false,
            failure: None,
        };
        let (report, dialled) = channel();
        let bell = Bell::new().map_err(ClusterError::Descriptor)?;
        Ok(Self {
            controller: controller?,
            lines: nodes.iter().map(line).collect(),
            tls,
            dialled,
            report,
            bell: Arc::new(bell),
            buffer: vec![0; READ_BYTES],
            now,
            sockets_due: Time(0),
            timers_due: Time(0),
        })
    }

    /// As [`Controller::keep_journal`].
    pub fn keep_journal(&mut self) {
        self.controller.keep_journal();
    }

    /// As [`Controller::take_journal`].
    pub fn take_journal(&mut self, to: &mut Vec<u8>) {
        self.controller.take_journal(to);
    }

    /// As [`Controller::restore`]: before the first [`poll`](Self::poll).
    ///
    /// # Errors
    /// As [`Controller::restore`].
    pub fn restore(
        &mut self,
        record: &JournalRecord<'_>,
        patches: &[Arc<Patch>],
    ) -> Result<(), RestoreError> {
        let now = self.look_at_clock();
        self.controller.restore(record, patches, now)
    }

    /// Begins a history of a patch on all nodes that take it.
    ///
    /// # Errors
    /// As [`Controller::open`].
    pub fn open(&mut self, patch: &Arc<Patch>) -> Result<PatchId, OpenError> {
        let now = self.look_at_clock();
        let id = self.controller.open(Arc::clone(patch), now)?;
        self.send_all();
        Ok(id)
    }

    /// Ends a history.
    pub fn close(&mut self, patch: PatchId) {
        let now = self.look_at_clock();
        self.controller.close(patch, now);
        self.send_all();
    }

    /// Appends a round and sends it to the nodes that need it.
    ///
    /// # Errors
    /// As [`Controller::push`].
    pub fn push(
        &mut self,
        patch: PatchId,
        events: &[u8],
        detector_count: u32,
        is_last: bool,
    ) -> Result<(), PushError> {
        let now = self.look_at_clock();
        self.controller.push(patch, events, detector_count, is_last, now)?;
        self.send_all();
        Ok(())
    }

    /// Takes in what came from the nodes, sends what is to be sent, connects where there is no connection.
    pub fn poll(&mut self) {
        let now = self.look_at_clock();
        let with_sockets = now >= self.sockets_due;
        if with_sockets {
            self.sockets_due = now.after(SOCKET_PACE_NS);
            self.connect();
        }
        let mut moved = with_sockets;
        for node in (0..self.lines.len()).map(NodeId) {
            let is_ring = self.lines[node.0].connection.as_ref().is_some_and(Connection::is_ring);
            if is_ring || with_sockets {
                moved |= self.receive(node);
            }
        }
        if with_sockets && self.now >= self.timers_due {
            self.timers_due = self.now.after(TIMER_PACE_NS);
            if self.controller.next_timer().is_some_and(|timer| self.now >= timer) {
                self.controller.on_timer(self.now);
            }
        }
        if moved {
            self.send_all();
        }
    }

    /// Sleeps until something comes from a node, a timer is due, or the time is over. Then [poll](Self::poll).
    pub fn wait(&mut self, most: Duration) {
        // A connection that fails is found out when it is read.
        let mut lines = self.lines.iter_mut().filter_map(|line| line.connection.as_mut());
        if !lines.all(|connection| connection.may_sleep().unwrap_or(false)) {
            return;
        }
        let now = Time(clock_ns());
        let most = u64::try_from(most.as_nanos()).unwrap_or(u64::MAX);
        let timer = self.controller.next_timer().map_or(most, |timer| timer.since(now));
        let timeout = most.min(timer).min(SLEEP_NS_MAX);
        let timeout =
            Timespec { tv_sec: (timeout / NS_PER_SECOND) as i64, tv_nsec: (timeout % NS_PER_SECOND) as i64 };
        let mut sockets: Vec<_> = self
            .lines
            .iter()
            .filter_map(NodeLine::watched)
            .chain([(self.bell.read_end.as_fd(), PollFlags::IN)])
            .map(|(socket, flags)| PollFd::from_borrowed_fd(socket, flags))
            .collect();
        // An interrupted sleep is a short one.
        let _ = poll(&mut sockets, Some(&timeout));
        if sockets.last().is_some_and(|bell| !bell.revents().is_empty()) {
            self.bell.take(&mut self.buffer);
        }
        // The next poll looks at everything.
        self.sockets_due = Time(0);
    }

    /// How far a patch has come.
    pub fn state(&self, patch: PatchId) -> Option<PatchState<'_>> {
        self.controller.state(patch)
    }

    /// Something that happened.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.controller.poll_event()
    }

    /// A cell that was decided.
    pub fn poll_commit(&mut self) -> Option<CellCommit> {
        self.controller.poll_commit()
    }

    /// The controller, to look at.
    pub fn controller(&self) -> &Controller {
        &self.controller
    }

    /// The address of a node.
    pub fn address(&self, node: NodeId) -> &Address {
        &self.lines[node.0].address
    }

    /// Why there is no connection to a node, if the last attempt failed.
    pub fn failure(&self, node: NodeId) -> Option<&str> {
        self.lines[node.0].failure.as_deref()
    }

    /// Ends all sessions in order, or whatever is left of them after a time. The cluster is of no use then.
    pub fn shut_down(&mut self, most: Duration) {
        let end = Time(clock_ns()).after(u64::try_from(most.as_nanos()).unwrap_or(u64::MAX));
        let now = self.look_at_clock();
        self.controller.shut_down(now);
        self.send_all();
        loop {
            self.poll();
            let left = end.since(Time(clock_ns()));
            if left == 0 || self.lines.iter().all(|line| line.connection.is_none()) {
                return;
            }
            self.wait(Duration::from_nanos(left));
        }
    }

    /// Takes new connections, and tries to have those that are wanted.
    fn connect(&mut self) {
        while let Ok((node, result)) = self.dialled.try_recv() {
            match result {
                Ok(connection) => {
                    self.lines[node.0].connection = Some(connection);
                    self.lines[node.0].failure = None;
                    let now = self.look_at_clock();
                    self.controller.connected(node, now);
                }
                Err(error) if is_absent(&error) => {
                    self.lines[node.0].failure = Some(format!("{}: {error}", self.lines[node.0].address));
                    let now = self.look_at_clock();
                    self.controller.gone(node, now);
                }
                Err(error) => self.hang_up(node, Some(&error)),
            }
        }
        for node in (0..self.lines.len()).map(NodeId) {
            if self.controller.wants_connection(node, self.now) {
                self.dial(node);
            }
        }
    }

    fn dial(&mut self, node: NodeId) {
        self.controller.dialling(node);
        let (address, tls) = (self.lines[node.0].address.clone(), self.tls.clone());
        let (report, bell) = (self.report.clone(), Arc::clone(&self.bell));
        let dial = move || {
            // If the cluster is gone, nothing receives this.
            let _ = report.send((node, Connection::dial(&address, tls.as_ref())));
            bell.ring();
        };
        if let Err(error) = thread::Builder::new().name(format!("dial {}", node.0)).spawn(dial) {
            self.hang_up(node, Some(&error));
        }
    }

    /// Takes what came from a node; whether anything happened.
    fn receive(&mut self, node: NodeId) -> bool {
        let mut moved = false;
        while !self.controller.is_over(node)
            && let Some(connection) = &mut self.lines[node.0].connection
        {
            match connection.read(&mut self.buffer) {
                Ok(None) => break,
                Ok(Some(0)) => self.hang_up(node, None),
                Ok(Some(count)) => {
                    self.now = Time(clock_ns());
                    self.controller.receive(node, &self.buffer[..count], self.now);
                }
                Err(error) => self.hang_up(node, Some(&error)),
            }
            moved = true;
        }
        moved
    }

    fn look_at_clock(&mut self) -> Time {
        self.now = Time(clock_ns());
        self.now
    }

    fn send_all(&mut self) {
        for node in 0..self.lines.len() {
            self.send(NodeId(node));
        }
    }

    fn send(&mut self, node: NodeId) {
        let NodeLine { connection: Some(connection), outgoing, is_blocked, .. } = &mut self.lines[node.0]
        else {
            return;
        };
        let (controller, now) = (&mut self.controller, self.now);
        let sent = outgoing.send(connection, |bytes| controller.transmit(node, bytes, now));
        *is_blocked = sent.as_ref().is_ok_and(|sent| sent.is_blocked);
        match sent {
            // The last frames of a session are waited for, but not on a connection that is of no use.
            Ok(sent)
                if self.controller.is_defunct(node) || !sent.is_blocked && self.controller.is_over(node) =>
            {
                self.hang_up(node, None);
            }
            Ok(_) => {}
            Err(error) => self.hang_up(node, Some(&error)),
        }
    }

    /// Drops a connection that has ended or could not be had.
    fn hang_up(&mut self, node: NodeId, error: Option<&io::Error>) {
        let line = &mut self.lines[node.0];
        line.connection = None;
        line.outgoing.clear();
        line.is_blocked = false;
        line.failure = error.map(|error| format!("{}: {error}", line.address));
        let now = self.look_at_clock();
        self.controller.disconnected(node, now);
    }
}

/// A bell that other threads ring: a byte through two connected sockets. An eventfd does with one descriptor, but is of
/// Linux alone; to ring and to take are one system call each either way.
///
/// Whoever may ring holds both ends, so that no byte meets a closed socket.
#[derive(Debug)]
struct Bell {
    write_end: UnixStream,
    read_end: UnixStream,
}

impl Bell {
    fn new() -> io::Result<Self> {
        let (write_end, read_end) = UnixStream::pair()?;
        for end in [&write_end, &read_end] {
            end.set_nonblocking(true)?;
        }
        Ok(Self { write_end, read_end })
    }

    fn ring(&self) {
        // It fails only where so much was rung that there is no room for more.
        let _ = (&self.write_end).write(&[0]);
    }

    /// Takes all that was rung in one read: the buffer has room for more bytes than the sockets.
    fn take(&self, buffer: &mut [u8]) {
        let _ = (&self.read_end).read(buffer);
    }
}

/// Whether there is no listener at an address: the host has answered so, or the file is not there.
fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound)
}

const NS_PER_SECOND: u64 = 1_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn is_rung(bell: &Bell) -> bool {
        let mut ends = [PollFd::new(&bell.read_end, PollFlags::IN)];
        poll(&mut ends, Some(&Timespec::default())).unwrap() == 1
    }

    #[test]
    fn one_read_takes_all_that_was_rung() {
        let (bell, mut buffer) = (Bell::new().unwrap(), vec![0; READ_BYTES]);
        assert!(!is_rung(&bell));
        for times in [1, 2, 100_000] {
            // The last of so many rings find no room, and do not wait for any.
            (0..times).for_each(|_| bell.ring());
            assert!(is_rung(&bell), "{times}");
            bell.take(&mut buffer);
            assert!(!is_rung(&bell), "{times}");
        }
        bell.take(&mut buffer);
    }

    #[test]
    fn a_bell_outlives_its_cluster_in_the_hands_of_a_dialling_thread() {
        let nodes = ["unix:none.sock".parse().unwrap()];
        let cluster = Cluster::new(&nodes, &ClusterOptions::default()).unwrap();
        let bell = Arc::clone(&cluster.bell);
        drop(cluster);
        bell.ring();
        assert!(is_rung(&bell));
    }
}
