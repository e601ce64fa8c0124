//! A history that runs on nodes allocates nothing for its rounds, neither in the controller nor in the nodes: not to cut
//! them into frames, to keep them and the commits of cells, to write the journal, to decide which cells can be decided, nor
//! to tell of them.
//! (That decoders and workers do not either is counted in `c_core/tests/allocation.rs`.)

use std::collections::BTreeMap;
use std::sync::Arc;

use outrider::{
    CellShape, Circuit, CircuitFamily, Patch, PatchOptions, PlanOptions, SurfaceCode, WindowDecoder,
};
use outrider_controller::{Controller, ControllerOptions, NodeId, PatchId};
use outrider_node::{ConnectionId, Node, NodeOptions, Peer, Times};
use outrider_test_support::{CountingAllocator, Random, allocations};
use outrider_wire::limits::FRAME_BYTES_MAX;
use outrider_wire::{Round, Time};

const ROUND_NS: u64 = 1_000;
const WARM_ROUNDS: u64 = 20_000;
const ROUNDS: u64 = 10_000;

#[test]
fn rounds_on_nodes_allocate_nothing_after_warm_up() {
    let plans = [
        PlanOptions::parallel(3),
        PlanOptions::forward(3),
        PlanOptions { spacing: 1, ..PlanOptions::parallel(3) },
    ];
    for (plan, nodes) in plans.into_iter().flat_map(|plan| [(plan, 1), (plan, 2)]) {
        let mut line = Line::new(plan, nodes);
        // Dense noise makes lists long.
        line.stream(WARM_ROUNDS, |random| random.word());
        line.stream(WARM_ROUNDS, |random| random.word() & random.word() & random.word());
        let before = allocations();
        line.stream(ROUNDS, |random| random.word() & random.word() & random.word());
        assert_eq!(allocations() - before, 0, "{plan:?}, {nodes} nodes");
        let state = line.controller.state(line.history).expect("it is open");
        assert!(state.committed + 30 > Round(2 * WARM_ROUNDS + ROUNDS));
    }
}

/// A controller and nodes that are connected to it, in memory, and a history without end.
struct Line {
    controller: Controller,
    nodes: Vec<(Node, ConnectionId)>,
    patch: Arc<Patch>,
    history: PatchId,
    decoders: BTreeMap<CellShape, WindowDecoder>,
    buffer: Vec<u8>,
    random: Random,
    rounds: u64,
    journal: Vec<u8>,
}

impl Line {
    fn new(plan: PlanOptions, count: usize) -> Self {
        let circuit = Circuit::uniform(CircuitFamily::Stim, 0.01);
        let model = SurfaceCode::memory(3, 40).circuit(circuit).build().unwrap().model().unwrap();
        let patch = Arc::new(Patch::new(&model, &PatchOptions::new(plan)).unwrap());
        let mut controller = Controller::new(count, ControllerOptions::default(), Time(0)).unwrap();
        controller.keep_journal();
        let history = controller.open(Arc::clone(&patch), Time(0)).unwrap();
        let connect = |at| {
            let mut node = Node::new(vec![Arc::clone(&patch)], NodeOptions::default(), || [7; 16]);
            let connection = node.connect(Peer::User(1000), Time(0)).unwrap();
            controller.dialling(NodeId(at));
            controller.connected(NodeId(at), Time(0));
            (node, connection)
        };
        let nodes = (0..count).map(connect).collect();
        Self {
            controller,
            nodes,
            patch,
            history,
            decoders: BTreeMap::new(),
            buffer: vec![0; FRAME_BYTES_MAX],
            random: Random(9),
            rounds: 0,
            journal: Vec::new(),
        }
    }

    /// Pushes rounds of random events, and lets everything happen that follows from each.
    fn stream(&mut self, rounds: u64, noise: impl Fn(&mut Random) -> u64) {
        for round in self.rounds..self.rounds + rounds {
            let now = round * ROUND_NS;
            let width = self.patch.plan().layer_detectors(round, None);
            let events = noise(&mut self.random).to_le_bytes();
            while self.controller.state(self.history).unwrap().room == 0 {
                self.settle(now);
            }
            self.controller
                .push(self.history, &events[..width.div_ceil(8) as usize], width, false, Time(now))
                .unwrap();
            self.settle(now);
            while self.controller.poll_commit().is_some() || self.controller.poll_event().is_some() {}
            self.controller.take_journal(&mut self.journal);
        }
        self.rounds += rounds;
    }

    fn settle(&mut self, now: u64) {
        let Self { controller, nodes, patch, decoders, buffer, .. } = self;
        let mut moved = true;
        while std::mem::take(&mut moved) {
            controller.on_timer(Time(now));
            for (at, (node, connection)) in nodes.iter_mut().enumerate() {
                node.on_timer(Time(now));
                let there = controller.transmit(NodeId(at), buffer, Time(now));
                node.receive(*connection, &buffer[..there], Time(now));
                while let Some(job) = node.next_job(Time(now)) {
                    let decoder = decoders.entry(job.cell.shape).or_insert_with(|| {
                        patch.decoder(Arc::new(patch.plan().window(&job.cell).unwrap())).unwrap()
                    });
                    let id = job.id;
                    let commit = decoder.decode(job.events, job.marks, &[]).unwrap();
                    node.finish(id, Times::default(), Ok(commit), Time(now));
                    moved = true;
                }
                let back = node.transmit(*connection, buffer, Time(now));
                controller.receive(NodeId(at), &buffer[..back], Time(now));
                moved |= there + back > 0;
            }
        }
    }
}

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;
