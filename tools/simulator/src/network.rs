//! Connections: reliable streams of bytes, as the protocol expects them, on which everything may go wrong all the same.
//!
//! Bytes of a direction arrive in the order in which they were sent, in pieces of any size, after any time. Faults harm
//! whole frames before they are cut into pieces: this is what broken memory, middle boxes and lossy transports do.

use std::collections::{BTreeMap, VecDeque};

use outrider_wire::{Commit, Decoded, FrameType, HEADER_BYTES, List, Mark, decode_frame, encode_frame};

use crate::clock::WorldTime;
use crate::faults::{Fault, Sabotage};
use crate::frames::frames;
use crate::random::Random;
use crate::stage::{Action, Side, Stage};
use crate::trace::Who;

/// Frames of a direction that may be replayed.
const REMEMBERED_MAX: usize = 32;
/// Longest stall of a frame.
const STALL_NS_MAX: u64 = 20_000_000;

/// What the network is like in a run.
#[derive(Debug, Clone)]
pub(crate) struct NetworkOptions {
    pub(crate) latency_ns: u64,
    /// What may be added to that.
    pub(crate) jitter_ns: u64,
    /// Frames come in pieces.
    pub(crate) cuts: bool,
    /// Bytes on their way in a direction beyond which nothing more is taken.
    pub(crate) capacity: usize,
}

pub(crate) struct Network {
    options: NetworkOptions,
    connections: BTreeMap<u64, Connection>,
    opened: u64,
    /// Until when nothing arrives at each side of the line to each node.
    blocked: Vec<[WorldTime; 2]>,
    /// Frames that were once sent to each side of the line to each node.
    remembered: Vec<[VecDeque<Vec<u8>>; 2]>,
}

struct Connection {
    node: usize,
    /// By the side to which they lead.
    pipes: [Pipe; 2],
    is_open: [bool; 2],
}

#[derive(Default)]
struct Pipe {
    flights: VecDeque<Flight>,
    arrived: Vec<u8>,
    has_ended: bool,
    /// On their way or not yet taken.
    bytes: usize,
    /// A frame that the next one overtakes.
    overtaken: Option<Vec<u8>>,
}

struct Flight {
    at: WorldTime,
    /// Nothing for the end of the stream.
    bytes: Option<Vec<u8>>,
}

impl Network {
    pub(crate) fn new(options: NetworkOptions, nodes: usize) -> Self {
        Self {
            options,
            connections: BTreeMap::new(),
            opened: 0,
            blocked: vec![[WorldTime::BEGIN; 2]; nodes],
            remembered: (0..nodes).map(|_| Default::default()).collect(),
        }
    }

    /// A new connection between the controller and a node.
    pub(crate) fn open(&mut self, node: usize) -> u64 {
        self.opened += 1;
        let connection = Connection { node, pipes: Default::default(), is_open: [true; 2] };
        self.connections.insert(self.opened, connection);
        self.opened
    }

    pub(crate) fn latency(&self, random: &mut Random) -> u64 {
        self.options.latency_ns + random.below(self.options.jitter_ns + 1)
    }

    /// Whether a side may send more.
    pub(crate) fn has_room(&self, connection: u64, from: Side) -> bool {
        let open = &self.connections[&connection];
        open.pipes[from.other() as usize].bytes < self.options.capacity
    }

    /// Takes frames on their way.
    pub(crate) fn send(&mut self, connection: u64, from: Side, bytes: &[u8], stage: &mut Stage) {
        let to = from.other();
        let Some(open) = self.connections.get_mut(&connection) else { return };
        let node = open.node;
        stage.note(who(from, node), "sends", connection, bytes);
        if !open.is_open[to as usize] {
            // A machine that is gone takes nothing, and does not answer either.
            open.pipes[to as usize].bytes += bytes.len();
            return;
        }
        for frame in frames(bytes) {
            let frame = tamper(frame, from, stage);
            let remembered = &mut self.remembered[node][to as usize];
            let mut delay = 0;
            let stream =
                harm(frame, &mut open.pipes[to as usize], remembered, &mut delay, who(from, node), stage);
            delay += self.options.latency_ns + stage.random.below(self.options.jitter_ns + 1);
            open.pipes[to as usize].launch(stream, delay, self.options.cuts, (connection, to), stage);
        }
    }

    /// Lets what is due arrive, and returns the node if there is something for the side.
    pub(crate) fn arrive(&mut self, connection: u64, to: Side, stage: &mut Stage) -> Option<usize> {
        let open = self.connections.get_mut(&connection)?;
        let blocked = self.blocked[open.node][to as usize];
        if blocked > stage.now {
            stage.plan(blocked, Action::Arrive { connection, to });
            return None;
        }
        open.pipes[to as usize].land(stage.now).then_some(open.node)
    }

    /// What has arrived at a side, and whether it was the end.
    pub(crate) fn take(&mut self, connection: u64, side: Side, stage: &mut Stage) -> (Vec<u8>, bool) {
        let Some(open) = self.connections.get_mut(&connection) else { return (Vec::new(), true) };
        let node = open.node;
        let pipe = &mut open.pipes[side as usize];
        let bytes = std::mem::take(&mut pipe.arrived);
        let was_full = pipe.bytes >= self.options.capacity;
        pipe.bytes -= bytes.len();
        if was_full && pipe.bytes < self.options.capacity {
            stage.plan(stage.now + 1, Action::Wake(who(side.other(), node)));
        }
        (bytes, pipe.has_ended)
    }

    /// A side lets go of a connection; the other one hears it behind what is on its way.
    pub(crate) fn close(&mut self, connection: u64, side: Side, stage: &mut Stage) {
        let Some(open) = self.connections.get_mut(&connection) else { return };
        stage.note(who(side, open.node), "closes", connection, &[]);
        let delay = self.options.latency_ns;
        open.pipes[side.other() as usize].end(delay, (connection, side.other()), stage);
        self.leave(connection, side);
    }

    /// A connection ends for both sides; what is on its way is lost.
    pub(crate) fn reset(&mut self, connection: u64, stage: &mut Stage) {
        let Some(open) = self.connections.get_mut(&connection) else { return };
        for to in [Side::Controller, Side::Node] {
            let pipe = &mut open.pipes[to as usize];
            pipe.flights.clear();
            pipe.bytes = pipe.arrived.len();
            let delay = self.options.latency_ns + stage.random.below(self.options.jitter_ns + 1);
            pipe.end(delay, (connection, to), stage);
        }
    }

    /// A machine at this side is gone, and the other side does not hear of it.
    pub(crate) fn vanish(&mut self, connection: u64, side: Side) {
        self.leave(connection, side);
    }

    fn leave(&mut self, connection: u64, side: Side) {
        let Some(open) = self.connections.get_mut(&connection) else { return };
        open.is_open[side as usize] = false;
        open.pipes[side as usize] = Pipe::default();
        if open.is_open == [false; 2] {
            self.connections.remove(&connection);
        }
    }

    /// Holds back what goes to a side of the line to a node.
    pub(crate) fn block(&mut self, node: usize, to: Side, until: WorldTime) {
        let blocked = &mut self.blocked[node][to as usize];
        *blocked = until.max(*blocked);
    }

    /// Until when a new connection to a node cannot come about.
    pub(crate) fn blocked(&self, node: usize) -> WorldTime {
        self.blocked[node].into_iter().max().unwrap_or_default()
    }

    /// All partitions end, except those of these nodes.
    pub(crate) fn heal(&mut self, except: impl Fn(usize) -> bool, stage: &mut Stage) {
        for (node, blocked) in self.blocked.iter_mut().enumerate() {
            if !except(node) {
                *blocked = [WorldTime::BEGIN; 2];
            }
        }
        for &connection in self.connections.keys() {
            for to in [Side::Controller, Side::Node] {
                stage.plan(stage.now, Action::Arrive { connection, to });
            }
        }
    }

    /// A node begins another life, in which it numbers its sessions anew: frames of the last one are not replayed.
    pub(crate) fn clear_remembered(&mut self, node: usize) {
        self.remembered[node] = Default::default();
    }

    pub(crate) fn connections(&self) -> impl Iterator<Item = u64> {
        self.connections.keys().copied()
    }
}

impl Pipe {
    /// Puts bytes on their way behind all others.
    fn launch(
        &mut self,
        bytes: Vec<u8>,
        delay: u64,
        cuts: bool,
        (connection, to): (u64, Side),
        stage: &mut Stage,
    ) {
        self.bytes += bytes.len();
        let mut rest = bytes;
        let mut at = stage.now + delay;
        while !rest.is_empty() {
            let count = match cuts && stage.random.one_in(3) {
                true => 1 + stage.random.index(rest.len()),
                false => rest.len(),
            };
            let tail = rest.split_off(count);
            at = at.max(self.flights.back().map_or(WorldTime::BEGIN, |flight| flight.at));
            self.flights.push_back(Flight { at, bytes: Some(rest) });
            stage.plan(at, Action::Arrive { connection, to });
            at = at + stage.random.below(delay + 1);
            rest = tail;
        }
    }

    fn end(&mut self, delay: u64, (connection, to): (u64, Side), stage: &mut Stage) {
        let at = (stage.now + delay).max(self.flights.back().map_or(WorldTime::BEGIN, |flight| flight.at));
        self.flights.push_back(Flight { at, bytes: None });
        stage.plan(at, Action::Arrive { connection, to });
    }

    fn land(&mut self, now: WorldTime) -> bool {
        let mut has_landed = false;
        while self.flights.front().is_some_and(|flight| flight.at <= now)
            && let Some(flight) = self.flights.pop_front()
        {
            has_landed = true;
            match flight.bytes {
                Some(bytes) => self.arrived.extend_from_slice(&bytes),
                None => self.has_ended = true,
            }
        }
        has_landed
    }
}

/// Who is at a side of the line to a node.
fn who(side: Side, node: usize) -> Who {
    match side {
        Side::Controller => Who::Controller,
        Side::Node => Who::Node(node),
    }
}

/// What is sent in the place of a frame that a fault befalls.
fn harm(
    mut frame: Vec<u8>,
    pipe: &mut Pipe,
    remembered: &mut VecDeque<Vec<u8>>,
    delay: &mut u64,
    who: Who,
    stage: &mut Stage,
) -> Vec<u8> {
    let overtaken = pipe.overtaken.take();
    let fault = stage.frame_faults.strike(&mut stage.random);
    if stage.random.one_in(4) {
        remembered.truncate(REMEMBERED_MAX - 1);
        remembered.push_front(frame.clone());
    }
    let length = frame.len();
    match fault {
        None => {}
        Some(Fault::Drop) => frame.clear(),
        Some(Fault::Duplicate) => frame.extend_from_within(..),
        Some(Fault::Reorder) => pipe.overtaken = Some(std::mem::take(&mut frame)),
        Some(Fault::CorruptPayload) if length > HEADER_BYTES => {
            let at = HEADER_BYTES + stage.random.index(length - HEADER_BYTES);
            frame[at] ^= 1 << stage.random.below(8);
        }
        Some(Fault::CorruptHeader | Fault::CorruptPayload) => {
            frame[stage.random.index(HEADER_BYTES)] ^= 1 << stage.random.below(8);
        }
        Some(Fault::Cut) => {
            let at = stage.random.index(length);
            frame.drain(at..at + 1 + stage.random.index(length - at));
        }
        Some(Fault::Replay) => {
            let place = stage.random.index(REMEMBERED_MAX);
            frame.extend(remembered.iter().cycle().nth(place).into_iter().flatten());
        }
        Some(Fault::Stall) => *delay += stage.random.scale(1, STALL_NS_MAX),
        Some(_) => unreachable!("not a fault of frames"),
    }
    if let Some(fault) = fault {
        stage.struck(who, fault);
    }
    frame.extend(overtaken.unwrap_or_default());
    frame
}

/// Poisons what may be poisoned, and does what no honest network does if it is to be caught.
fn tamper(frame: &[u8], from: Side, stage: &mut Stage) -> Vec<u8> {
    let sabotage = stage.frame_faults.sabotage;
    let Ok(Decoded::Frame { mut header, payload }) = decode_frame(frame, u32::MAX) else {
        return frame.to_vec();
    };
    let epoch = stage.epochs.get(&header.stream.0).copied().unwrap_or(0);
    match header.frame_type {
        FrameType::Commit if header.epoch.0 < epoch => {
            if sabotage == Some(Sabotage::NoFence) {
                header.epoch.0 = epoch;
            } else if !stage.frame_faults.poisons {
                return frame.to_vec();
            }
            stage.struck(Who::World, Fault::PoisonStale);
            debug_assert_eq!(from, Side::Node);
            let Ok(commit) = Commit::decode(payload) else { return frame.to_vec() };
            let parity: Vec<u64> = commit.parity.iter().map(|word| word ^ 1).collect();
            let marks: Vec<Mark> = commit.marks.iter().collect();
            let (parity, marks) = (List::from(&parity[..]), List::from(&marks[..]));
            encode_frame(header, &Commit { parity, marks, ..commit })
        }
        FrameType::Rounds if sabotage == Some(Sabotage::Forger) && stage.random.one_in(4) => {
            let mut payload = payload.to_vec();
            *payload.last_mut().expect("rounds have layers") ^= 1;
            encode_frame(header, &payload[..])
        }
        _ => frame.to_vec(),
    }
}
