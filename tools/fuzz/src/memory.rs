//! A controller and an honest node in one memory, and a history of a small patch whose answer is known.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use outrider::{
    CellBook, CellShape, Circuit, CircuitFamily, Error, Patch, PatchOptions, PlanOptions, Sampler,
    SurfaceCode, WindowDecoder,
};
use outrider_controller::{Controller, ControllerOptions, Event, NodeId, PatchId};
use outrider_node::{ConnectionId, Node, NodeOptions, Peer, Times};
use outrider_wire::limits::{FRAME_BYTES_MAX, PAYLOAD_BYTES_MIN};
use outrider_wire::{Digest, Open, Options, Time, Widths};

pub(crate) const MICROSECOND: u64 = 1_000;
pub(crate) const MILLISECOND: u64 = 1_000_000;
/// The honest node, by its place in the controller's list.
pub(crate) const HONEST: NodeId = NodeId(0);

/// Whom the honest node finds at the other end of the honest controller's connections.
const HONEST_PEER: Peer = Peer::User(1000);
const DISTANCE: u32 = 3;
const ERROR_RATE: f64 = 0.01;
const ROUNDS: u32 = 30;
const SEED: u64 = 11;
/// Time that is ample for all that is still to be decided.
const PATIENCE: u64 = 2_000 * MILLISECOND;
const STEP: u64 = MILLISECOND;

/// The history that the controller streams.
pub(crate) struct History {
    pub(crate) patch: Arc<Patch>,
    pub(crate) open: Open,
    layers: Vec<Layer>,
    /// What a decoder alone answers.
    answer: Vec<u64>,
}

struct Layer {
    /// Its packed events.
    bits: Vec<u8>,
    /// Its detectors.
    width: u32,
}

impl History {
    /// Packed events of a round, its detectors, and whether it is the last; nothing behind that.
    pub(crate) fn round(&self, number: usize) -> Option<(&[u8], u32, bool)> {
        let layer = self.layers.get(number)?;
        Some((&layer.bits, layer.width, number + 1 == self.layers.len()))
    }

    pub(crate) fn get() -> &'static Self {
        static HISTORY: OnceLock<History> = OnceLock::new();
        HISTORY.get_or_init(|| Self::sample().expect("a small patch"))
    }

    fn sample() -> Result<Self, Error> {
        let circuit = Circuit::uniform(CircuitFamily::Stim, ERROR_RATE);
        let model = SurfaceCode::memory(DISTANCE, ROUNDS).circuit(circuit).build()?.model()?;
        let patch = Arc::new(Patch::new(&model, &PatchOptions::new(PlanOptions::parallel(DISTANCE)))?);
        let mut sampler = Sampler::new(&model, SEED)?;
        let (mut events, mut flips) = sampler.batches();
        sampler.sample(0, 1, &mut events, &mut flips)?;
        let row = events.rows().next().unwrap_or_default();
        let (layers, answer) = Self::decode(&patch, row)?;
        let open = open_of(&patch);
        Ok(Self { patch, open, layers, answer })
    }

    /// Parts the row into layers, and decides cell after cell.
    fn decode(patch: &Arc<Patch>, row: &[u8]) -> Result<(Vec<Layer>, Vec<u64>), Error> {
        let plan = patch.plan();
        let count = u64::from(ROUNDS) + 1;
        let mut books = CellBook::new(Arc::clone(plan), 4 * u64::from(ROUNDS))?;
        let mut layers = Vec::new();
        let mut first = 0;
        for layer in 0..count {
            let width = plan.layer_detectors(layer, Some(count));
            let mut bits = vec![0; width.div_ceil(8) as usize];
            for bit in 0..width as usize {
                bits[bit / 8] |= (row[(first + bit) / 8] >> ((first + bit) % 8) & 1) << (bit % 8);
            }
            first += width as usize;
            books.push(&bits, width, layer + 1 == count)?;
            layers.push(Layer { bits, width });
        }
        while let Some(cell) = books.next() {
            let mut decoder = patch.decoder(Arc::new(plan.window(&cell)?))?;
            let input = books.input(cell.number)?;
            let commit = decoder.decode(input.events, input.marks, &[])?;
            books.commit(cell.number, &commit)?;
        }
        let answer = books.state().observables.iter().map(|&byte| byte.into()).collect();
        Ok((layers, answer))
    }
}

/// The controller, the honest node, and the line between them.
pub(crate) struct Memory {
    pub(crate) controller: Controller,
    pub(crate) node: Node,
    pub(crate) patch: PatchId,
    pub(crate) now: Time,
    pub(crate) out: Vec<u8>,
    line: Option<ConnectionId>,
    pushed: usize,
}

impl Memory {
    /// A controller of so many nodes that has opened the patch and is connected to the first.
    pub(crate) fn new(nodes: usize) -> Self {
        let mut memory = Self::without_history(nodes);
        memory.begin();
        memory
    }

    /// Opens the patch and connects to the first node.
    pub(crate) fn begin(&mut self) {
        let opened = self.controller.open(Arc::clone(&History::get().patch), self.now);
        self.patch = opened.expect("the patch fits the protocol");
        self.settle();
    }

    /// A controller of so many nodes, none of them connected, that has opened nothing.
    pub(crate) fn without_history(nodes: usize) -> Self {
        let options = ControllerOptions {
            wire: short_lived(),
            grace_ns: 2 * MILLISECOND,
            stall_ns: 20 * MILLISECOND,
            redial_ns: MILLISECOND / 10,
            rejoin_ns: MILLISECOND,
            ..ControllerOptions::default()
        };
        let controller = Controller::new(nodes, options, Time(0)).expect("the options are good");
        let options = NodeOptions {
            wire: short_lived(),
            connections_max: 8,
            sessions_max: 4,
            ..NodeOptions::default()
        };
        let mut token = 0;
        let random_token = move || {
            token += 1;
            [token; 16]
        };
        let history = History::get();
        let node = Node::new(vec![Arc::clone(&history.patch)], options, random_token);
        let out = vec![0; FRAME_BYTES_MAX];
        Self { controller, node, patch: PatchId(0), now: Time(0), out, line: None, pushed: 0 }
    }

    /// Takes up a history that the controller has from a journal; one that is longer than ours ends with our last round.
    pub(crate) fn go_on(&mut self, patch: PatchId) {
        let state = self.controller.state(patch).expect("the history is open");
        let (rounds, last) = (state.rounds as usize, History::get().layers.len() - 1);
        self.pushed = if state.has_ended { last + 1 } else { rounds.min(last) };
        self.patch = patch;
        self.settle();
    }

    /// Gives the controller the next round, if it has room.
    pub(crate) fn push(&mut self) {
        let layers = &History::get().layers;
        if let Some(Layer { bits, width }) = layers.get(self.pushed) {
            let is_last = self.pushed + 1 == layers.len();
            if self.controller.push(self.patch, bits, *width, is_last, self.now).is_ok() {
                self.pushed += 1;
            }
        }
    }

    /// Lets time pass for the honest, who are never late.
    pub(crate) fn pass(&mut self, time: u64) {
        let until = self.now.after(time);
        while self.now < until {
            self.now = until.min(self.now.after(STEP));
            self.controller.on_timer(self.now);
            self.node.on_timer(self.now);
            self.settle();
        }
    }

    /// Lets everything happen between the honest that can happen now.
    pub(crate) fn settle(&mut self) {
        if self.controller.wants_connection(HONEST, self.now) {
            self.controller.dialling(HONEST);
            match self.node.connect(HONEST_PEER, self.now) {
                Ok(line) => {
                    self.line = Some(line);
                    self.controller.connected(HONEST, self.now);
                }
                Err(_) => self.controller.disconnected(HONEST, self.now),
            }
        }
        loop {
            let mut moved = self.decide();
            if let Some(line) = self.line {
                let there = self.controller.transmit(HONEST, &mut self.out, self.now);
                self.node.receive(line, &self.out[..there], self.now);
                let back = self.node.transmit(line, &mut self.out, self.now);
                self.controller.receive(HONEST, &self.out[..back], self.now);
                moved |= there + back > 0;
            }
            if !moved {
                return;
            }
        }
    }

    /// Decides the cells of whoever has some, and tells whether there were any.
    fn decide(&mut self) -> bool {
        thread_local! {
            static DECODERS: RefCell<BTreeMap<CellShape, WindowDecoder>> = const { RefCell::new(BTreeMap::new()) };
        }
        let patch = &History::get().patch;
        let mut decided = false;
        DECODERS.with_borrow_mut(|decoders| {
            while let Some(job) = self.node.next_job(self.now) {
                decided = true;
                let decoder = decoders.entry(job.cell.shape).or_insert_with(|| {
                    let window = patch.plan().window(&job.cell).expect("a window for a cell of the plan");
                    patch.decoder(Arc::new(window)).expect("a decoder for a small window")
                });
                let id = job.id;
                let decoded = decoder.decode(job.events, job.marks, &[]);
                let result = decoded.as_ref().map(|&commit| commit);
                self.node.finish(id, Times::default(), result, self.now);
            }
        });
        decided
    }

    /// Gives the controller all that is left and lets time pass until it has the answer, if it ever has.
    pub(crate) fn finish(&mut self) -> bool {
        let until = self.now.after(PATIENCE);
        while self.now < until {
            let state = self.controller.state(self.patch).expect("the patch is open");
            if state.is_finished {
                return true;
            }
            let is_pushed = self.pushed == History::get().layers.len();
            self.push();
            self.pass(if is_pushed { STEP } else { MICROSECOND });
        }
        false
    }

    pub(crate) fn check_answer(&self) {
        let state = self.controller.state(self.patch).expect("the patch is open");
        assert_eq!(state.observables, History::get().answer, "another answer than that of one decoder");
    }

    /// Panics if the honest node has lost its cells.
    pub(crate) fn take_events(&mut self) {
        while let Some(event) = self.controller.poll_event() {
            assert!(!matches!(event, Event::Fenced { node: HONEST, .. }), "{event:?}");
        }
    }
}

/// What streams of the patch are about.
fn open_of(patch: &Patch) -> Open {
    let widths = patch.widths();
    Open {
        model: Digest(*patch.model_digest()),
        plan: Digest(*patch.plan_digest()),
        observables: patch.plan().graph().observable_count(),
        widths: Widths { first: widths.first, cycle: widths.cycle, last: widths.last },
    }
}

/// Little memory and little patience, so that all limits are reached.
fn short_lived() -> Options {
    Options {
        handshake_ns: 20 * MILLISECOND,
        resume_ns: 30 * MILLISECOND,
        payload_bytes_max: PAYLOAD_BYTES_MIN,
        retained_bytes: 1 << 13,
        streams_max: 4,
        ..Options::default()
    }
}
