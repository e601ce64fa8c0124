//! A run: everybody in one world, events one after the other, faults until it heals, and then the answer.

use crate::clock::{SkewedClock, WorldTime};
use crate::disk::Disk;
use crate::faults::{Fault, Sabotage};
use crate::machine::Machine;
use crate::network::Network;
use crate::operator::{Dialled, Operator};
use crate::random::Random;
use crate::scenario::Scenario;
use crate::stage::{Action, Side, Stage};
use crate::tally::Tally;
use crate::trace::{Trace, Who};

const MICROSECOND: u64 = 1_000;
const MILLISECOND: u64 = 1_000_000;
const SECOND: u64 = 1_000_000_000;
/// Time that is ample for all that is still to be decided once the world has healed.
const PATIENCE_NS: u64 = 60 * SECOND;
/// Time that is ample for all sessions to end once the controller has shut down.
const FAREWELL_NS: u64 = 10 * SECOND;
/// A run with more events than this does not get anywhere.
const EVENTS_MAX: u64 = 5_000_000;
/// Longest time that a fault of a process lasts.
const FAULT_NS_MAX: u64 = 200 * MILLISECOND;
/// Most that a clock is set forward or back.
const JUMP_NS_MAX: u64 = 3_600 * SECOND;
/// Most that a slow node is slower than it should be.
const SLOWNESS_MAX: u64 = 4_000;
/// In one run of so many the controller dies, up to so many times.
const MORTAL_RUNS: u64 = 4;
const DEATHS_MAX: u64 = 4;
/// What sets the dice of these deaths apart from those of everything else.
const FATE: u64 = 0x6a6f_7572_6e61_6c73;
/// What a node that shuts down is given to do so.
const DRAIN_NS_MAX: u64 = 20 * MILLISECOND;

/// How to run a seed.
#[derive(Debug, Clone, Copy, Default)]
pub struct RunOptions {
    /// Keep what happened as lines.
    pub keeps_trace: bool,
    /// Break a promise on purpose.
    pub sabotage: Option<Sabotage>,
}

/// What a run came to.
#[derive(Debug)]
pub struct Outcome {
    /// The seed.
    pub seed: u64,
    /// SHA-256 of everything that happened.
    pub trace_hash: [u8; 32],
    /// What happened, if it was kept.
    pub trace: Vec<String>,
    /// Events of the world.
    pub events: u64,
    /// Virtual time that passed.
    pub virtual_ns: u64,
    /// What happened how often.
    pub tally: Tally,
    /// The promise that was broken first, if one was.
    pub failure: Option<String>,
}

impl Outcome {
    /// The hash of the trace in hexadecimal digits.
    pub fn trace_hash_hex(&self) -> String {
        self.trace_hash.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// The command line that plays a seed and prints everything that happens.
pub fn command(seed: u64) -> String {
    let seeds = format!("{seed}..{}", seed.saturating_add(1));
    format!("cargo run --release -p outrider-simulator --example simulate -- --seeds {seeds} --trace")
}

struct World {
    stage: Stage,
    network: Network,
    machines: Vec<Machine>,
    operator: Operator,
    strikes: Vec<Fault>,
    strike_ns: u64,
    has_healed: bool,
}

/// Runs a seed from beginning to end.
pub fn run(seed: u64, options: RunOptions) -> Outcome {
    let mut world = World::new(seed, options);
    world.play();
    let stage = world.stage;
    let failure = stage.blamed().map(str::to_owned);
    let (now, tally, events) = (stage.now, stage.tally, stage.trace.events());
    let (trace_hash, trace) = stage.trace.finish();
    Outcome { seed, trace_hash, trace, events, virtual_ns: now.0, tally, failure }
}

impl World {
    fn new(seed: u64, options: RunOptions) -> Self {
        let mut random = Random::new(seed);
        let scenario = Scenario::draw(&mut random);
        let clock = SkewedClock::new(
            scenario.controller_clock_shows,
            scenario.controller_drift_ppm,
            WorldTime::BEGIN,
        );
        let nodes = scenario.machines.len();
        let mut fate = Random::new(seed ^ FATE);
        let is_mortal = !scenario.is_calm && fate.one_in(MORTAL_RUNS);
        let deaths = if is_mortal { fate.between(1, DEATHS_MAX) } else { 0 };
        let deaths: Vec<_> =
            (0..deaths).map(|_| (WorldTime(fate.below(scenario.heal_at.0)), fate.coin())).collect();
        let disk = is_mortal.then(|| Disk::new(fate));
        let operator = Operator::new(nodes, scenario.controller, clock, scenario.histories, disk);
        let machines = scenario.machines.into_iter().enumerate();
        let machines = machines.map(|(place, options)| Machine::new(place, options, &mut random)).collect();
        let mut stage = Stage::new(random, Trace::new(options.keeps_trace));
        stage.frame_faults = scenario.frame_faults;
        stage.frame_faults.sabotage = options.sabotage;
        stage.plan(WorldTime::BEGIN, Action::Wake(Who::Controller));
        stage.plan(scenario.heal_at, Action::Heal);
        if !scenario.strikes.is_empty() {
            let at = WorldTime::BEGIN + stage.random.wait(scenario.strike_ns);
            stage.plan(at, Action::Strike);
        }
        for (at, is_silent) in deaths {
            stage.plan(at, Action::ControllerDies { is_silent });
        }
        for (history, at) in scenario.abandoned_at.into_iter().enumerate() {
            if let Some(at) = at {
                stage.plan(at, Action::Abandon { history });
            }
        }
        Self {
            stage,
            network: Network::new(scenario.network, nodes),
            machines,
            operator: operator.expect("the options are in their ranges"),
            strikes: scenario.strikes,
            strike_ns: scenario.strike_ns,
            has_healed: false,
        }
    }

    fn play(&mut self) {
        for machine in &self.machines {
            if !machine.is_able() {
                self.stage.struck(Who::World, Fault::Stranger);
            }
        }
        let end = self.operator.histories.iter().map(|running| running.end()).max().unwrap_or_default();
        self.play_until(|world| world.has_healed, WorldTime::NEVER, "heal");
        let deadline = self.stage.now.max(end) + PATIENCE_NS;
        self.play_until(|world| world.operator.is_finished(), deadline, "finish");
        if self.stage.blamed().is_none() {
            self.operator.check_end(&mut self.stage);
            self.operator.shut_down(&self.stage);
            self.stage.plan(self.stage.now, Action::Wake(Who::Controller));
            let deadline = self.stage.now + FAREWELL_NS;
            self.play_until(|world| world.is_over(), deadline, "end its sessions");
        }
        for machine in &mut self.machines {
            machine.finish(&mut self.network, &mut self.stage);
        }
    }

    /// Whether nothing is left of any session.
    fn is_over(&self) -> bool {
        let is_free = |machine: &Machine| machine.is_paused || machine.burden() == 0;
        self.operator.is_closed() && self.machines.iter().all(is_free)
    }

    fn describe(&self) -> String {
        let burdens: Vec<_> = self.machines.iter().map(Machine::burden).collect();
        format!("{}, sessions and jobs of nodes: {burdens:?}", self.operator.describe())
    }

    /// Lets things happen until something holds, which must be before the deadline.
    fn play_until(&mut self, holds: impl Fn(&Self) -> bool, deadline: WorldTime, what: &str) {
        while self.stage.blamed().is_none() && !holds(self) {
            let Some(action) = self.stage.step() else {
                let state = self.describe();
                return self
                    .stage
                    .blame(format!("nothing is to happen, and the run does not {what}: {state}"));
            };
            self.act(action);
            if self.stage.now > deadline || self.stage.trace.events() > EVENTS_MAX {
                let state = self.describe();
                return self.stage.blame(format!("the run does not {what}: {state}"));
            }
        }
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Arrive { connection, to } => {
                let node = self.network.arrive(connection, to, &mut self.stage);
                match (node, to) {
                    (None, _) => {}
                    (Some(_), Side::Controller) => self.poll(Who::Controller),
                    (Some(node), Side::Node) => self.poll(Who::Node(node)),
                }
            }
            // Nobody is left for whom it comes to its end.
            Action::Dialled { life, .. } if life != self.operator.lives => {}
            Action::Dialled { node, .. } => self.dialled(node),
            Action::Wake(who) => self.poll(who),
            Action::Decided { node, incarnation, job } => {
                self.machines[node].decided(incarnation, job);
                self.poll(Who::Node(node));
            }
            Action::Strike => self.strike(),
            Action::Recover { who, incarnation, fault } => self.recover(who, incarnation, fault),
            Action::Abandon { history } => {
                self.stage.struck(Who::World, Fault::Abandon);
                self.operator.abandon(history);
                self.poll(Who::Controller);
            }
            Action::ControllerDies { is_silent } => self.kill_controller(is_silent),
            Action::ControllerReturns => self.restart_controller(),
            Action::Heal => self.heal(),
        }
    }

    fn poll(&mut self, who: Who) {
        match who {
            Who::World => {}
            Who::Node(node) => self.machines[node].poll(&mut self.network, &mut self.stage),
            Who::Controller => {
                self.operator.poll(&mut self.network, &mut self.stage);
                for node in std::mem::take(&mut self.operator.to_dial) {
                    let delay = self.network.latency(&mut self.stage.random);
                    let life = self.operator.lives;
                    self.stage.plan(self.stage.now + delay, Action::Dialled { node, life });
                }
            }
        }
    }

    /// An attempt to connect has reached the node, or what is left of it. A node that is paused still gets connections:
    /// its system accepts them.
    fn dialled(&mut self, node: usize) {
        let blocked = self.network.blocked(node);
        if blocked > self.stage.now && self.stage.random.coin() {
            self.stage.plan(blocked, Action::Dialled { node, life: self.operator.lives });
            return;
        }
        let dialled = if blocked > self.stage.now {
            Dialled::Unanswered
        } else if self.machines[node].is_alive() {
            let connection = self.network.open(node);
            self.machines[node].accept(connection);
            Dialled::Connected(connection)
        } else if self.stage.random.coin() {
            Dialled::Refused
        } else {
            Dialled::Unanswered
        };
        self.operator.dialled(node, dialled);
        self.poll(Who::Controller);
        self.poll(Who::Node(node));
    }

    /// One of the faults of this run happens to somebody.
    fn strike(&mut self) {
        if self.has_healed {
            return;
        }
        let fault = self.stage.random.choose(&self.strikes);
        let node = self.stage.random.index(self.machines.len());
        self.befall(fault, node);
        let at = self.stage.now + self.stage.random.wait(self.strike_ns);
        self.stage.plan(at, Action::Strike);
    }

    fn befall(&mut self, fault: Fault, node: usize) {
        let stage = &mut self.stage;
        let lasts = stage.random.scale(10 * MICROSECOND, FAULT_NS_MAX);
        let until = stage.now + lasts;
        let machine = &mut self.machines[node];
        let who = match fault {
            Fault::ControllerPause | Fault::ControllerClockJump => Who::Controller,
            _ => Who::Node(node),
        };
        if who != Who::Controller && !machine.is_well() && fault != Fault::Kill {
            return;
        }
        match fault {
            Fault::Reset => {
                let connections: Vec<_> = self.network.connections().collect();
                if connections.is_empty() {
                    return;
                }
                let connection = stage.random.choose(&connections);
                self.network.reset(connection, stage);
            }
            Fault::Partition => {
                self.network.block(node, Side::Node, until);
                self.network.block(node, Side::Controller, until);
            }
            Fault::OneWay => {
                let to = stage.random.choose(&[Side::Node, Side::Controller]);
                self.network.block(node, to, until);
            }
            Fault::Kill | Fault::SilentKill if machine.is_alive() => {
                machine.die(fault == Fault::SilentKill, &mut self.network, stage);
            }
            Fault::ShutDown => machine.shut_down(stage),
            Fault::Pause => machine.is_paused = true,
            Fault::Slow => machine.slowness = stage.random.scale(8, SLOWNESS_MAX),
            Fault::ClockJump => machine.jump(draw_jump(&mut stage.random), stage.now),
            Fault::ControllerPause => self.operator.is_paused = true,
            Fault::ControllerClockJump => self.operator.jump(draw_jump(&mut stage.random), stage.now),
            _ => return,
        }
        stage.struck(who, fault);
        let incarnation = self.machines[node].incarnation;
        let until = if fault == Fault::ShutDown { until.min(stage.now + DRAIN_NS_MAX) } else { until };
        stage.plan(until, Action::Recover { who, incarnation, fault });
        self.poll(who);
    }

    /// A fault is over, unless the node has begun another life since.
    fn recover(&mut self, who: Who, incarnation: u64, fault: Fault) {
        if who == Who::Controller {
            self.operator.is_paused = false;
        }
        if let Who::Node(node) = who
            && self.machines[node].incarnation == incarnation
        {
            let machine = &mut self.machines[node];
            match fault {
                Fault::Pause => machine.is_paused = false,
                Fault::Slow => machine.slowness = 1,
                Fault::ShutDown if machine.is_alive() => machine.abandon(),
                Fault::Kill | Fault::SilentKill | Fault::ShutDown if !machine.is_alive() => {
                    self.restart(node)
                }
                _ => {}
            }
        }
        self.poll(who);
    }

    fn kill_controller(&mut self, is_silent: bool) {
        if self.has_healed || self.operator.is_dead {
            return;
        }
        if let Some(lasts) = self.operator.die(is_silent, &mut self.network, &mut self.stage) {
            let fault = if is_silent { Fault::ControllerSilentKill } else { Fault::ControllerKill };
            self.stage.struck(Who::Controller, fault);
            self.stage.plan(self.stage.now + lasts, Action::ControllerReturns);
        }
    }

    fn restart_controller(&mut self) {
        if self.operator.is_dead {
            self.stage.struck(Who::Controller, Fault::ControllerRestart);
            self.operator.restart(&mut self.stage);
            self.poll(Who::Controller);
        }
    }

    fn restart(&mut self, node: usize) {
        self.stage.struck(Who::Node(node), Fault::Restart);
        self.network.clear_remembered(node);
        self.machines[node].start(&mut self.stage.random);
    }

    /// A node is well from now on, whatever was wrong with it.
    fn mend(&mut self, node: usize) {
        let machine = &mut self.machines[node];
        if machine.is_draining {
            machine.die(false, &mut self.network, &mut self.stage);
        }
        machine.is_paused = false;
        machine.slowness = 1;
        if !machine.is_alive() {
            self.restart(node);
        }
    }

    /// All faults end. One node that has all patches is well from now on; of the others some may stay as they are.
    fn heal(&mut self) {
        self.has_healed = true;
        self.stage.note_text(Who::World, "heals");
        self.stage.frame_faults.heal();
        let able: Vec<_> = (0..self.machines.len()).filter(|&node| self.machines[node].is_able()).collect();
        let survivor = self.stage.random.choose(&able);
        let is_left = |node| node != survivor && self.stage.random.one_in(4);
        let is_left: Vec<bool> = (0..self.machines.len()).map(is_left).collect();
        for node in (0..self.machines.len()).filter(|&node| !is_left[node]) {
            self.mend(node);
        }
        self.network.heal(|node| is_left[node], &mut self.stage);
        self.operator.is_paused = false;
        self.restart_controller();
        self.poll(Who::Controller);
        (0..self.machines.len()).for_each(|node| self.poll(Who::Node(node)));
    }
}

fn draw_jump(random: &mut Random) -> i64 {
    let size = random.scale(MICROSECOND, JUMP_NS_MAX) as i64;
    if random.coin() { size } else { -size }
}
