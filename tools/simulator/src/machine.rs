//! A machine with a decoder node: it drives the core as a daemon does, with workers that take their time.

use std::collections::BTreeMap;
use std::sync::Arc;

use outrider::{Cell, Commit};
use outrider_node::{ConnectionId, JobId, Node, NodeEvent, NodeOptions, Peer, Times};
use outrider_wire::limits::FRAME_BYTES_MAX;
use outrider_wire::{Error, Time};

use crate::clock::{SkewedClock, WorldTime};
use crate::faults::{Fault, Sabotage};
use crate::network::Network;
use crate::random::Random;
use crate::scene::Scene;
use crate::stage::{Action, Side, Stage};
use crate::trace::Who;
use crate::verdict;

/// How often a driver may find a timer due at one time before it spins.
const POLLS_MAX: usize = 8;
/// Whom a node finds at the other end of every connection.
const CONTROLLER: Peer = Peer::User(1000);
/// A liar lies once in so many cells.
const CELLS_PER_LIE: u64 = 8;

/// What a machine is like in a run.
#[derive(Debug, Clone)]
pub(crate) struct MachineOptions {
    pub(crate) node: NodeOptions,
    /// Patches that it has, by their places in the scene, in the order of its list.
    pub(crate) patches: Vec<usize>,
    pub(crate) workers: usize,
    /// Longest time for a cell.
    pub(crate) decode_ns: u64,
    pub(crate) clock_shows: Time,
    pub(crate) drift_ppm: i32,
}

pub(crate) struct Machine {
    place: usize,
    options: MachineOptions,
    clock: SkewedClock,
    /// Nothing while it is dead.
    node: Option<Node>,
    /// Counts its lives.
    pub(crate) incarnation: u64,
    pub(crate) is_paused: bool,
    pub(crate) is_draining: bool,
    /// It takes so many times as long for a cell as it should.
    pub(crate) slowness: u64,
    /// Connections that wait to be accepted.
    backlog: Vec<u64>,
    lines: BTreeMap<ConnectionId, u64>,
    jobs: BTreeMap<JobId, Work>,
    done: Vec<JobId>,
    /// When it will be called anyway.
    wake_at: WorldTime,
}

/// A cell that is with a worker.
struct Work {
    patch: usize,
    cell: Cell,
    events: Vec<u32>,
    marks: Vec<u32>,
    times: Times,
}

impl Machine {
    pub(crate) fn new(place: usize, options: MachineOptions, random: &mut Random) -> Self {
        let clock = SkewedClock::new(options.clock_shows, options.drift_ppm, WorldTime::BEGIN);
        let mut machine = Self {
            place,
            options,
            clock,
            node: None,
            incarnation: 0,
            is_paused: false,
            is_draining: false,
            slowness: 1,
            backlog: Vec::new(),
            lines: BTreeMap::new(),
            jobs: BTreeMap::new(),
            done: Vec::new(),
            wake_at: WorldTime::BEGIN,
        };
        machine.start(random);
        machine
    }

    pub(crate) fn is_alive(&self) -> bool {
        self.node.is_some()
    }

    /// It lives, and nothing is wrong with it.
    pub(crate) fn is_well(&self) -> bool {
        self.is_alive() && !self.is_paused && !self.is_draining
    }

    /// Whether it has all patches.
    pub(crate) fn is_able(&self) -> bool {
        (0..Scene::get().first_strange).all(|patch| self.options.patches.contains(&patch))
    }

    /// Begins a life.
    pub(crate) fn start(&mut self, random: &mut Random) {
        let scene = Scene::get();
        let patches = self.options.patches.iter().map(|&at| Arc::clone(&scene.subjects[at].patch)).collect();
        let mut tokens = Random::new(random.word());
        let random_token = move || {
            let mut token = [0; 16];
            token[..8].copy_from_slice(&tokens.word().to_le_bytes());
            token[8..].copy_from_slice(&tokens.word().to_le_bytes());
            token
        };
        self.node = Some(Node::new(patches, self.options.node.clone(), random_token));
        self.incarnation += 1;
        (self.is_paused, self.is_draining, self.slowness) = (false, false, 1);
    }

    /// Ends a life: all its state is lost. Its connections are closed, or not.
    pub(crate) fn die(&mut self, is_silent: bool, network: &mut Network, stage: &mut Stage) {
        let Some(node) = self.node.take() else { return };
        self.look_back(&node, stage);
        for connection in self.lines.values().copied().chain(self.backlog.drain(..)) {
            if is_silent {
                network.vanish(connection, Side::Node);
            } else {
                network.close(connection, Side::Node, stage);
            }
        }
        self.lines.clear();
        self.jobs.clear();
        self.done.clear();
        self.is_paused = false;
    }

    /// Takes up what its life has come to.
    fn look_back(&self, node: &Node, stage: &mut Stage) {
        let counters = node.counters();
        stage.tally.add_node(counters);
        for &code in counters.failures.keys() {
            if verdict::is_accusation(code.into()) {
                stage.blame(format!(
                    "node {} ended a session with {}",
                    self.place,
                    verdict::name(code.into())
                ));
            }
        }
        let honest = [Error::ModelMismatch.code(), Error::PlanMismatch.code()];
        if let Some(code) = counters.stream_failures.keys().find(|code| !honest.contains(code)) {
            let name = verdict::name((*code).into());
            stage.blame(format!("node {} ended a stream with {name}", self.place));
        }
        if counters.failed_cells > 0 {
            stage.blame(format!("node {} could not decide a cell", self.place));
        }
    }

    /// Begins to shut down in order.
    pub(crate) fn shut_down(&mut self, stage: &Stage) {
        if let Some(node) = &mut self.node {
            node.shut_down(self.clock.at(stage.now));
            self.is_draining = true;
        }
    }

    /// Has no more patience to shut down.
    pub(crate) fn abandon(&mut self) {
        if let Some(node) = &mut self.node {
            node.abandon();
        }
    }

    pub(crate) fn jump(&mut self, by: i64, now: WorldTime) {
        self.clock.jump(by, now);
    }

    /// A connection was made to it.
    pub(crate) fn accept(&mut self, connection: u64) {
        self.backlog.push(connection);
    }

    /// A worker is done.
    pub(crate) fn decided(&mut self, incarnation: u64, job: u64) {
        if incarnation == self.incarnation && self.jobs.contains_key(&JobId(job)) {
            self.done.push(JobId(job));
        }
    }

    /// Sessions and jobs that it holds.
    pub(crate) fn burden(&self) -> usize {
        self.node.as_ref().map_or(0, |node| node.session_count() + node.jobs_out())
    }

    /// Does all that can be done now.
    pub(crate) fn poll(&mut self, network: &mut Network, stage: &mut Stage) {
        if self.is_paused || self.node.is_none() {
            return;
        }
        let now = self.clock.at(stage.now);
        for _ in 0..POLLS_MAX {
            self.hear(network, stage);
            self.work(stage);
            self.speak(network, stage);
            self.check(stage);
            let Some(node) = &mut self.node else { return };
            let Some(timer) = node.next_timer() else { return };
            if timer > now {
                let at = self.clock.when(timer, stage.now);
                if at < self.wake_at || self.wake_at <= stage.now {
                    self.wake_at = at;
                    stage.plan(at, Action::Wake(Who::Node(self.place)));
                }
                return;
            }
            node.on_timer(now);
        }
        stage.blame(format!("node {} has a timer that is always due", self.place));
    }

    fn hear(&mut self, network: &mut Network, stage: &mut Stage) {
        let Some(node) = &mut self.node else { return };
        let now = self.clock.at(stage.now);
        for connection in self.backlog.drain(..) {
            match node.connect(CONTROLLER, now) {
                Ok(id) => drop(self.lines.insert(id, connection)),
                Err(_) => network.close(connection, Side::Node, stage),
            }
        }
        let mut ended = Vec::new();
        for (&id, &connection) in &self.lines {
            let (bytes, has_ended) = network.take(connection, Side::Node, stage);
            if !bytes.is_empty() {
                stage.note(Who::Node(self.place), "hears", connection, &[]);
                node.receive(id, &bytes, now);
            }
            if has_ended {
                ended.push(id);
            }
        }
        for id in ended {
            self.hang_up(id, network, stage);
        }
    }

    fn hang_up(&mut self, id: ConnectionId, network: &mut Network, stage: &mut Stage) {
        let now = self.clock.at(stage.now);
        if let (Some(node), Some(connection)) = (&mut self.node, self.lines.remove(&id)) {
            node.disconnect(id, now);
            network.close(connection, Side::Node, stage);
        }
    }

    /// Gives back what is decided, and keeps the workers busy.
    fn work(&mut self, stage: &mut Stage) {
        let Some(node) = &mut self.node else { return };
        let now = self.clock.at(stage.now);
        for id in self.done.drain(..) {
            let Some(work) = self.jobs.remove(&id) else { continue };
            let lies =
                stage.frame_faults.sabotage == Some(Sabotage::Liar) && stage.random.one_in(CELLS_PER_LIE);
            let times = Times { ended_ns: now.0, ..work.times };
            Scene::get().decide(work.patch, &work.cell, &work.events, &work.marks, |result| match result {
                Ok(commit) if lies => {
                    let lie: Vec<u8> = commit.observables.iter().map(|byte| byte ^ 1).collect();
                    node.finish(id, times, Ok(Commit { observables: &lie, ..commit }), now)
                }
                other => node.finish(id, times, other, now),
            });
        }
        while self.jobs.len() < self.options.workers
            && let Some(job) = node.next_job(now)
        {
            let work = Work {
                patch: self.options.patches[job.patch],
                cell: job.cell,
                events: job.events.to_vec(),
                marks: job.marks.to_vec(),
                times: Times { dispatched_ns: now.0, started_ns: now.0, ended_ns: now.0 },
            };
            let wait = stage.random.scale(1, self.options.decode_ns) * self.slowness;
            let (node, incarnation) = (self.place, self.incarnation);
            stage.plan(stage.now + wait, Action::Decided { node, incarnation, job: job.id.0 });
            stage.note(Who::Node(node), "begins cell", job.cell.number, &[]);
            self.jobs.insert(job.id, work);
        }
    }

    fn speak(&mut self, network: &mut Network, stage: &mut Stage) {
        let now = self.clock.at(stage.now);
        let mut buffer = std::mem::take(&mut stage.buffer);
        let mut over = Vec::new();
        let Some(node) = &mut self.node else { return };
        let mut last = None;
        while let Some(id) = node.next_busy(last) {
            last = Some(id);
            let Some(&connection) = self.lines.get(&id) else { continue };
            while network.has_room(connection, Side::Node) {
                let count = node.transmit(id, &mut buffer[..FRAME_BYTES_MAX], now);
                if count > 0 {
                    network.send(connection, Side::Node, &buffer[..count], stage);
                    continue;
                }
                if node.is_over(id) {
                    over.push(id);
                }
                break;
            }
        }
        stage.buffer = buffer;
        for id in over {
            self.hang_up(id, network, stage);
        }
        if self.node.as_ref().is_some_and(Node::is_done) {
            self.die(false, network, stage);
        }
    }

    /// What holds at any time.
    fn check(&mut self, stage: &mut Stage) {
        let Some(node) = &mut self.node else { return };
        while let Some(event) = node.poll_event() {
            stage.note_text(Who::Node(self.place), &format!("{event:?}"));
            if let NodeEvent::StreamOpened { stream, patch, .. } = event {
                let found = self.options.patches[patch];
                if stage.subjects.get(&stream.0).is_some_and(|&subject| subject != found) {
                    stage.blame(format!("node {} opened stream {} as patch {found}", self.place, stream.0));
                }
            }
        }
        let options = &self.options.node;
        // The last bytes for a machine that is gone never leave.
        let deserted = stage.tally.of_fault(Fault::ControllerSilentKill) as usize;
        let is_bounded = node.connection_count() <= options.connections_max + deserted
            && node.session_count() <= options.sessions_max
            && node.jobs_out() <= self.options.workers
            && node.stream_count() <= options.sessions_max * options.wire.streams_max as usize;
        if !is_bounded {
            stage.blame(format!("node {} holds more than it may: {node:?}", self.place));
        }
    }

    /// At the end of the world.
    pub(crate) fn finish(&mut self, network: &mut Network, stage: &mut Stage) {
        self.die(true, network, stage);
    }
}
