//! What a seed stands for: which nodes and histories there are, what everybody's options are, and which faults strike how
//! often. Every run has a random few of the faults, so that each is also seen without the others.

use outrider_controller::ControllerOptions;
use outrider_node::NodeOptions;
use outrider_wire::limits::HEARTBEAT_NS_MIN;
use outrider_wire::{Options, Time};

use crate::clock::WorldTime;
use crate::faults::{Fault, FrameFaults};
use crate::machine::MachineOptions;
use crate::network::NetworkOptions;
use crate::operator::Running;
use crate::random::Random;
use crate::scene::{History, Scene};

const MICROSECOND: u64 = 1_000;
const MILLISECOND: u64 = 1_000_000;
const HOUR: u64 = 3_600_000_000_000;
const NODES_MAX: u64 = 5;
const HISTORIES_MAX: u64 = 3;
const WORKERS_MAX: u64 = 4;
/// One run in so many is without faults.
const CALM_RUNS: u64 = 16;
/// One node in so many has other patches than the controller.
const STRANGERS: u64 = 8;
/// Clocks that gain or lose so much are off by more than any that is sold.
const DRIFT_PPM_MAX: u64 = 50_000;
/// Room for what three streams need at once when they begin.
const RETAINED_BYTES_MIN: usize = 1 << 13;
/// Longest time after the last round is due during which faults go on.
const AFTERMATH_NS: u64 = 60 * MILLISECOND;

pub(crate) struct Scenario {
    /// Nothing goes wrong.
    pub(crate) is_calm: bool,
    pub(crate) controller: ControllerOptions,
    pub(crate) controller_clock_shows: Time,
    pub(crate) controller_drift_ppm: i32,
    pub(crate) machines: Vec<MachineOptions>,
    pub(crate) network: NetworkOptions,
    pub(crate) histories: Vec<Running>,
    /// When the caller gives each of them up, if it does.
    pub(crate) abandoned_at: Vec<Option<WorldTime>>,
    pub(crate) frame_faults: FrameFaults,
    /// Faults of processes that this run has.
    pub(crate) strikes: Vec<Fault>,
    /// The mean time between them.
    pub(crate) strike_ns: u64,
    /// When all faults end.
    pub(crate) heal_at: WorldTime,
}

impl Scenario {
    pub(crate) fn draw(random: &mut Random) -> Self {
        let is_calm = random.one_in(CALM_RUNS);
        let histories: Vec<_> = (0..random.between(1, HISTORIES_MAX)).map(|_| draw_history(random)).collect();
        let nodes = random.between(1, NODES_MAX) as usize;
        let machines = (0..nodes).map(|place| draw_machine(place, is_calm, random)).collect();
        let end = histories.iter().map(Running::end).max().unwrap_or_default().0;
        let heal_ns = random.below(2 * end) + random.scale(1, AFTERMATH_NS);
        let gives_up = |random: &mut Random| !is_calm && random.one_in(12);
        let abandoned_at =
            (0..histories.len()).map(|_| gives_up(random).then(|| WorldTime(random.below(end)))).collect();
        let mut strikes: Vec<_> = Fault::OF_PROCESSES.to_vec();
        strikes.retain(|_| !is_calm && random.one_in(3));
        Self {
            is_calm,
            controller: draw_controller(random),
            controller_clock_shows: Time(random.between(3 * HOUR, 9 * HOUR)),
            controller_drift_ppm: draw_drift(random),
            machines,
            network: draw_network(random),
            histories,
            abandoned_at,
            frame_faults: if is_calm { FrameFaults::default() } else { FrameFaults::draw(random) },
            strikes,
            strike_ns: heal_ns / random.between(1, 12) + 1,
            heal_at: WorldTime(heal_ns),
        }
    }
}

fn draw_history(random: &mut Random) -> Running {
    let scene = Scene::get();
    let patch = random.index(scene.first_strange);
    let (least, most) = scene.subjects[patch].lengths();
    let length = random.between(least, most);
    let history = History::sample(patch, length, random.word()).expect("a history that the plan serves");
    let begin = if random.coin() { 0 } else { random.below(10 * MILLISECOND) };
    Running::new(history, WorldTime(begin), random.scale(MICROSECOND / 2, 200 * MICROSECOND))
}

fn draw_wire(random: &mut Random) -> Options {
    let payload_bytes_max = random.choose(&[1 << 10, 1 << 12, 1 << 14]);
    Options {
        heartbeat_ns: random.scale(10 * HEARTBEAT_NS_MIN, 10 * MILLISECOND),
        silent_heartbeats: random.between(3, 6) as u32,
        acknowledge_ns: random.scale(50 * MICROSECOND, MILLISECOND),
        handshake_ns: random.scale(10 * MILLISECOND, 100 * MILLISECOND),
        resume_ns: random.scale(5 * MILLISECOND, 500 * MILLISECOND),
        payload_bytes_max,
        retained_bytes: (payload_bytes_max as usize * random.choose(&[2, 4, 16])).max(RETAINED_BYTES_MIN),
        streams_max: random.between(HISTORIES_MAX, 16) as u32,
        ..Options::default()
    }
}

fn draw_controller(random: &mut Random) -> ControllerOptions {
    ControllerOptions {
        wire: draw_wire(random),
        batch_rounds: random.scale(1, 64) as u32,
        grace_ns: random.scale(MILLISECOND / 2, 50 * MILLISECOND),
        stall_ns: random.scale(30 * MILLISECOND, 300 * MILLISECOND),
        redial_ns: random.scale(200 * MICROSECOND, 5 * MILLISECOND),
        rejoin_ns: random.scale(MILLISECOND, 5 * MILLISECOND),
        deadline_ns: random.coin().then(|| random.scale(MICROSECOND, MILLISECOND)),
    }
}

fn draw_machine(place: usize, is_calm: bool, random: &mut Random) -> MachineOptions {
    let scene = Scene::get();
    let mut patches: Vec<usize> = (0..scene.first_strange).collect();
    if place > 0 && !is_calm && random.one_in(STRANGERS) {
        patches.truncate(random.index(patches.len()));
    }
    patches.extend((scene.first_strange..scene.subjects.len()).filter(|_| random.coin()));
    if patches.is_empty() {
        patches.push(scene.first_strange);
    }
    random.shuffle(&mut patches);
    let wire = draw_wire(random);
    let (connections_max, sessions_max) = (random.scale(1, 32) as usize, random.between(4, 16) as usize);
    MachineOptions {
        node: NodeOptions {
            wire,
            connections_max,
            greetings_per_peer_max: connections_max,
            sessions_max,
            sessions_per_peer_max: sessions_max,
            jobs_per_session_max: random.scale(1, 256) as usize,
        },
        patches,
        workers: random.between(1, WORKERS_MAX) as usize,
        decode_ns: random.scale(MICROSECOND, 200 * MICROSECOND),
        clock_shows: Time(random.between(3 * HOUR, 9 * HOUR)),
        drift_ppm: draw_drift(random),
    }
}

fn draw_network(random: &mut Random) -> NetworkOptions {
    NetworkOptions {
        latency_ns: random.scale(MICROSECOND, 200 * MICROSECOND),
        jitter_ns: random.scale(1, 300 * MICROSECOND),
        cuts: random.coin(),
        capacity: random.scale(1 << 12, 1 << 18) as usize,
    }
}

fn draw_drift(random: &mut Random) -> i32 {
    let size = random.scale(1, DRIFT_PPM_MAX) as i32;
    if random.coin() { size } else { -size }
}
