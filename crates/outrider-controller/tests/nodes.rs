//! A controller and nodes over perfect connections: the joined answer is that of one decoder, however many nodes there
//! are, and whichever of them goes away when.

use std::collections::BTreeMap;
use std::sync::Arc;

use outrider::{
    Axis, Circuit, CircuitFamily, DecoderKind, DecoderOptions, Patch, PatchOptions, PlanOptions, RowLayout,
    Rows, Sampler, Stream, StreamLearningOptions, StreamOptions, SurfaceCode, Window, WindowDecoder,
};
use outrider_controller::{
    Controller, ControllerOptions, Event, JournalHeader, JournalReader, JournalRecord, Leave, NodeId,
    NodeState, OpenError, PatchId, PushError, RestoreError,
};
use outrider_node::{ConnectionId, Node, NodeOptions, Peer, Times};
use outrider_wire::limits::{FRAME_BYTES_MAX, PAYLOAD_BYTES_MIN};
use outrider_wire::{
    CellId, Commit, Digest, Epoch, Handshake, Hops, List, Mark, Options, Round, ServerEvent, ServerSession,
    SessionId, StreamId, Time, Token,
};

const MICROSECOND: u64 = 1_000;

/// Nodes without sockets. Bytes arrive at once and whole.
struct Cluster {
    controller: Controller,
    nodes: Vec<Option<(Node, Option<ConnectionId>)>>,
    patches: Vec<Arc<Patch>>,
    decoders: BTreeMap<(usize, outrider::CellShape), WindowDecoder>,
    now: Time,
}

impl Cluster {
    fn new(patches: &[Arc<Patch>], nodes: usize) -> Self {
        let controller = Controller::new(nodes, ControllerOptions::default(), Time(0)).unwrap();
        let mut cluster = Self {
            controller,
            nodes: Vec::new(),
            patches: patches.to_vec(),
            decoders: BTreeMap::new(),
            now: Time(0),
        };
        cluster.nodes = (0..nodes).map(|_| Some((cluster.node(), None))).collect();
        cluster
    }

    fn node(&self) -> Node {
        let mut token = 0u8;
        Node::new(self.patches.clone(), NodeOptions::default(), move || {
            token += 1;
            [token; 16]
        })
    }

    fn kill(&mut self, node: usize) {
        self.nodes[node] = None;
        self.controller.disconnected(NodeId(node), self.now);
    }

    fn restart(&mut self, node: usize) {
        self.nodes[node] = Some((self.node(), None));
    }

    /// The controller dies, and another one goes on from these records of its journal. The nodes keep its sessions.
    fn replace_controller(&mut self, journal: &[u8]) {
        for (node, connection) in self.nodes.iter_mut().flatten() {
            if let Some(connection) = connection.take() {
                node.disconnect(connection, self.now);
            }
        }
        let mut controller =
            Controller::new(self.nodes.len(), ControllerOptions::default(), self.now).unwrap();
        let mut reader = JournalReader::new(journal).unwrap().unwrap();
        while let Some(record) = reader.next().unwrap() {
            controller.restore(&record, &self.patches, self.now).unwrap();
        }
        self.controller = controller;
    }

    /// Lets everything happen that can happen now.
    fn settle(&mut self) {
        let mut buffer = vec![0; FRAME_BYTES_MAX];
        loop {
            let mut is_quiet = true;
            for (at, slot) in self.nodes.iter_mut().enumerate() {
                let id = NodeId(at);
                let now = self.now;
                if self.controller.wants_connection(id, now) {
                    self.controller.dialling(id);
                    if let Some((node, connection)) = slot {
                        *connection = Some(node.connect(Peer::User(1000), now).unwrap());
                        self.controller.connected(id, now);
                    } else {
                        self.controller.disconnected(id, now);
                    }
                }
                let Some((node, Some(connection))) = slot else { continue };
                let connection = *connection;
                loop {
                    let count = self.controller.transmit(id, &mut buffer, now);
                    node.receive(connection, &buffer[..count], now);
                    let back = node.transmit(connection, &mut buffer, now);
                    self.controller.receive(id, &buffer[..back], now);
                    if count + back == 0 {
                        break;
                    }
                    is_quiet = false;
                }
                while let Some(job) = node.next_job(now) {
                    is_quiet = false;
                    let key = (job.patch, job.cell.shape);
                    let patch = &self.patches[job.patch];
                    let mut learned = job.weights.map(|weights| {
                        let base = Arc::new(patch.plan().window(&job.cell).unwrap());
                        patch.decoder(weights.window(job.cell.shape, &base).unwrap()).unwrap()
                    });
                    let own = self.decoders.entry(key).or_insert_with(|| decoder(patch, &job.cell));
                    let decoder = learned.as_mut().unwrap_or(own);
                    let job_id = job.id;
                    let commit = decoder.decode(job.events, job.marks, &[]).unwrap();
                    node.finish(job_id, Times::default(), Ok(commit), now);
                }
            }
            if is_quiet {
                return;
            }
        }
    }

    fn pass(&mut self, time: u64) {
        self.now = self.now.after(time);
        self.settle();
        self.controller.on_timer(self.now);
        for node in self.nodes.iter_mut().flatten() {
            node.0.on_timer(self.now);
        }
        self.settle();
    }
}

fn decoder(patch: &Patch, cell: &outrider::Cell) -> WindowDecoder {
    let window: Arc<Window> = Arc::new(patch.plan().window(cell).unwrap());
    patch.decoder(window).unwrap()
}

fn patch(distance: u32, reference: u32, plan: PlanOptions) -> (Arc<Patch>, outrider::DetectorErrorModel) {
    let circuit = Circuit::uniform(CircuitFamily::Stim, 0.01);
    let model = SurfaceCode::memory(distance, reference).circuit(circuit).build().unwrap().model().unwrap();
    (Arc::new(Patch::new(&model, &PatchOptions::new(plan)).unwrap()), model)
}

/// The same patch, decoded by correlated matching.
fn correlated(model: &outrider::DetectorErrorModel, plan: PlanOptions) -> Arc<Patch> {
    let decoder = DecoderOptions { kind: DecoderKind::MwpmCorrelated, ..DecoderOptions::default() };
    Arc::new(Patch::new(model, &PatchOptions { decoder, ..PatchOptions::new(plan) }).unwrap())
}

/// Layers of one shot of a memory of distance 3 and so many rounds, and the answer of one decoder.
fn history(patch: &Arc<Patch>, rounds: u32, seed: u64) -> (Vec<(Vec<u8>, u32)>, Vec<u64>) {
    history_of(3, patch, rounds, seed)
}

/// The same of any distance.
fn history_of(distance: u32, patch: &Arc<Patch>, rounds: u32, seed: u64) -> (Vec<(Vec<u8>, u32)>, Vec<u64>) {
    let circuit = Circuit::uniform(CircuitFamily::Stim, 0.01);
    let model = SurfaceCode::memory(distance, rounds).circuit(circuit).build().unwrap().model().unwrap();
    let mut sampler = Sampler::new(&model, seed).unwrap();
    let (mut events, mut flips) = sampler.batches();
    sampler.sample(0, 1, &mut events, &mut flips).unwrap();
    let row = events.rows().next().unwrap();
    let mut at = 0;
    let count = u64::from(rounds) + 1;
    let mut layers = Vec::new();
    for layer in 0..count {
        let width = patch.plan().layer_detectors(layer, Some(count));
        let mut bits = vec![0u8; width.div_ceil(8) as usize];
        for bit in 0..width as usize {
            bits[bit / 8] |= (row[(at + bit) / 8] >> ((at + bit) % 8) & 1) << (bit % 8);
        }
        at += width as usize;
        layers.push((bits, width));
    }
    let mut books = outrider::CellBook::new(Arc::clone(patch.plan()), 4096).unwrap();
    for (at, (bits, width)) in layers.iter().enumerate() {
        books.push(bits, *width, at + 1 == layers.len()).unwrap();
        while let Some(cell) = books.next() {
            let mut decoder = decoder(patch, &cell);
            let input = books.input(cell.number).unwrap();
            let commit = decoder.decode(input.events, input.marks, &[]).unwrap();
            books.commit(cell.number, &commit).unwrap();
        }
    }
    let state = books.state();
    assert!(state.is_finished);
    let words = state.observables.iter().map(|&byte| u64::from(byte)).collect();
    (layers, words)
}

fn plans() -> [PlanOptions; 5] {
    let parallel = PlanOptions::parallel(3);
    let rows = Rows { width: 2, axis: Axis::X, pitch: 2.0, layout: RowLayout::Brick };
    let bricks = PlanOptions { rows: Some(rows), ..PlanOptions::forward(4) };
    // Without a buffer a commit leaves marks beyond its window.
    let blind = PlanOptions { buffer: 0, ..parallel };
    [parallel, PlanOptions::forward(3), PlanOptions { spacing: 1, ..parallel }, bricks, blind]
}

fn finish(cluster: &mut Cluster, id: PatchId) -> Vec<u64> {
    for _ in 0..2000 {
        let state = cluster.controller.state(id).unwrap();
        if state.is_finished {
            return state.observables.to_vec();
        }
        cluster.pass(1000 * MICROSECOND);
    }
    panic!("not finished: {:?}\n{:?}", cluster.controller, cluster.nodes);
}

/// Streams a history, a round each microsecond, and returns its observables.
fn decode(cluster: &mut Cluster, patch: &Arc<Patch>, layers: &[(Vec<u8>, u32)]) -> Vec<u64> {
    cluster.settle();
    let id = cluster.controller.open(Arc::clone(patch), cluster.now).unwrap();
    cluster.settle();
    for (at, (bits, width)) in layers.iter().enumerate() {
        cluster.controller.push(id, bits, *width, at + 1 == layers.len(), cluster.now).unwrap();
        cluster.pass(MICROSECOND);
    }
    finish(cluster, id)
}

#[test]
fn any_number_of_nodes_gives_the_same_answer() {
    let kinds = |plan| {
        let (patch, model) = patch(3, 40, plan);
        [correlated(&model, plan), patch]
    };
    for patch in plans().into_iter().flat_map(kinds) {
        for (nodes, rounds) in [(1, 60), (1, 90), (2, 91), (3, 200)] {
            for seed in 0..4 {
                let (layers, expected) = history(&patch, rounds, seed);
                let mut cluster = Cluster::new(&[Arc::clone(&patch)], nodes);
                assert_eq!(decode(&mut cluster, &patch, &layers), expected, "{nodes} nodes, {rounds} rounds");
            }
        }
    }
}

/// Such a plan has no cells beyond its end, whether or not the end has come.
#[test]
fn nodes_share_histories_that_are_their_own_reference() {
    for (plan, rounds) in plans().into_iter().flat_map(|plan| [1, 2, 4, 9, 14].map(|rounds| (plan, rounds))) {
        let (patch, _) = patch(3, rounds, plan);
        for nodes in 1..=3 {
            let (layers, expected) = history(&patch, rounds, 5);
            let mut cluster = Cluster::new(&[Arc::clone(&patch)], nodes);
            assert_eq!(decode(&mut cluster, &patch, &layers), expected, "{nodes} nodes, {rounds} rounds");
        }
    }
}

/// More histories than a node has room for at a time, each closed before the node has heard of it, or while rounds fill all
/// the room that a session has.
#[test]
fn histories_that_have_ended_take_no_room() {
    let (patch, _) = patch(3, 40, PlanOptions::parallel(3));
    let (layers, expected) = history(&patch, 60, 3);
    let mut cluster = Cluster::new(&[Arc::clone(&patch)], 1);
    let wire =
        Options { payload_bytes_max: PAYLOAD_BYTES_MIN, retained_bytes: 1 << 11, ..Options::default() };
    let options = ControllerOptions { wire, batch_rounds: 1, ..ControllerOptions::default() };
    cluster.controller = Controller::new(1, options, Time(0)).unwrap();
    cluster.settle();
    for turn in 0..60 {
        let open = |_| cluster.controller.open(Arc::clone(&patch), cluster.now).unwrap();
        let ids = [0; 3].map(open);
        if turn >= 30 {
            (0..3).for_each(|_| cluster.pass(2000 * MICROSECOND));
            for (bits, width) in &layers[..40] {
                cluster.controller.push(ids[0], bits, *width, false, cluster.now).unwrap();
            }
        }
        for id in ids {
            cluster.controller.close(id, cluster.now);
        }
    }
    assert_eq!(decode(&mut cluster, &patch, &layers), expected);
    let refused = |event: &Event| matches!(event, Event::Refused { .. });
    assert!(!std::iter::from_fn(|| cluster.controller.poll_event()).any(|event| refused(&event)));
    assert_eq!(cluster.controller.counters().fences, 0);
}

#[test]
fn a_dead_node_changes_nothing() {
    for plan in plans() {
        let (patch, _) = patch(3, 40, plan);
        for seed in 0..12 {
            let (layers, expected) = history(&patch, 150, seed);
            let mut cluster = Cluster::new(&[Arc::clone(&patch)], 3);
            cluster.settle();
            let id = cluster.controller.open(Arc::clone(&patch), Time(0)).unwrap();
            cluster.settle();
            let death = 10 + 11 * seed as usize;
            for (at, (bits, width)) in layers.iter().enumerate() {
                let is_last = at + 1 == layers.len();
                while let Err(error) = cluster.controller.push(id, bits, *width, is_last, cluster.now) {
                    assert!(matches!(error, PushError::Full), "{error}");
                    cluster.pass(1000 * MICROSECOND);
                }
                if at == death {
                    cluster.kill(seed as usize % 3);
                }
                if at == death + 30 {
                    cluster.restart(seed as usize % 3);
                }
                cluster.pass(MICROSECOND);
            }
            assert_eq!(finish(&mut cluster, id), expected, "seed {seed}");
            let fences = std::iter::from_fn(|| cluster.controller.poll_event())
                .filter(|event| matches!(event, Event::Fenced { .. }))
                .count();
            assert_eq!(fences, 1);
            assert_eq!(cluster.controller.counters().disagreements, 0);
            let statuses = [0, 1, 2].map(|node| cluster.controller.status(NodeId(node)));
            let dead = seed as usize % 3;
            assert_eq!(statuses.map(|node| node.fences), [0, 1, 2].map(|node| u64::from(node == dead)));
            assert!(statuses.iter().all(|node| node.counters.frames > 0 && node.heard <= Some(cluster.now)));
            assert_eq!(
                statuses.iter().map(|node| node.cells).sum::<u64>(),
                cluster.controller.counters().cells
            );
        }
    }
}

/// The packed detection events of a history's layers, and how many detectors each has.
type Layers = Vec<(Vec<u8>, u32)>;

/// A patch that learns, histories of it, and their answers by one stream without workers.
fn learning_histories() -> (Arc<Patch>, Vec<Layers>, Vec<Vec<u64>>) {
    const LENGTHS: [u32; 2] = [1500, 2500];
    let circuit = Circuit::uniform(CircuitFamily::Stim, 0.01);
    let model = SurfaceCode::memory(3, 40).circuit(circuit).build().unwrap().model().unwrap();
    let learning = Some(StreamLearningOptions { memory: 1024, every: 1024 });
    let options = PatchOptions { learning, ..PatchOptions::new(PlanOptions::parallel(3)) };
    let patch = Arc::new(Patch::new(&model, &options).unwrap());
    let mut stream = Stream::new(Arc::clone(&patch), &StreamOptions::default()).unwrap();
    let (mut histories, mut answers) = (Vec::new(), Vec::new());
    for (number, length) in LENGTHS.into_iter().enumerate() {
        let (layers, _) = history(&patch, length, number as u64);
        if number > 0 {
            stream.restart().unwrap();
        }
        for (at, (bits, width)) in layers.iter().enumerate() {
            stream.push_when_room(bits, *width, at + 1 == layers.len()).unwrap();
        }
        let observables = stream.finish().unwrap().observables.iter().map(|&byte| u64::from(byte));
        answers.push(observables.collect());
        histories.push(layers);
    }
    assert!(stream.learned_noise().is_some());
    (patch, histories, answers)
}

#[test]
fn any_number_of_nodes_learns_alike() {
    let (patch, histories, answers) = learning_histories();
    for nodes in 1..=3 {
        // Small frames take the weights in parts.
        for payload_bytes_max in [PAYLOAD_BYTES_MIN, 16_384] {
            let mut cluster = Cluster::new(&[Arc::clone(&patch)], nodes);
            let wire = Options { payload_bytes_max, ..Options::default() };
            let options = ControllerOptions { wire, ..ControllerOptions::default() };
            cluster.controller = Controller::new(nodes, options, Time(0)).unwrap();
            for (layers, expected) in histories.iter().zip(&answers) {
                cluster.settle();
                let id = cluster.controller.open(Arc::clone(&patch), cluster.now).unwrap();
                let second = cluster.controller.open(Arc::clone(&patch), cluster.now);
                assert!(matches!(second, Err(OpenError::Learning)));
                stream(&mut cluster, id, layers, &mut |_, _| ());
                assert_eq!(finish(&mut cluster, id), *expected, "{nodes} nodes");
                assert_eq!(cluster.controller.learned_noise(id).is_some(), layers.len() > 1024);
                cluster.controller.close(id, cluster.now);
            }
            assert_eq!(cluster.controller.counters().disagreements, 0);
        }
    }
}

/// Nodes die and come back, and a controller dies, while weights change.
#[test]
fn what_is_lost_learns_alike() {
    let (patch, histories, answers) = learning_histories();
    for seed in 0..4usize {
        let mut cluster = Cluster::new(&[Arc::clone(&patch)], 3);
        cluster.controller.keep_journal();
        let mut journal = HEADER.encode().to_vec();
        for (number, (layers, expected)) in histories.iter().zip(&answers).enumerate() {
            cluster.settle();
            let id = cluster.controller.open(Arc::clone(&patch), cluster.now).unwrap();
            let mut disturb = |cluster: &mut Cluster, at: usize| {
                let mut records = Vec::new();
                cluster.controller.take_journal(&mut records);
                journal.extend_from_slice(&records);
                match at.checked_sub(1010 + 7 * seed) {
                    Some(0) => cluster.kill(seed % 3),
                    Some(40) => cluster.restart(seed % 3),
                    Some(60) => cluster.kill((seed + 1) % 3),
                    Some(200) => cluster.restart((seed + 1) % 3),
                    Some(300) if number == 1 => {
                        cluster.replace_controller(&journal);
                        cluster.controller.keep_journal();
                    }
                    _ => {}
                }
            };
            stream(&mut cluster, id, layers, &mut disturb);
            assert_eq!(finish(&mut cluster, id), *expected, "seed {seed}");
            let mut records = Vec::new();
            cluster.controller.close(id, cluster.now);
            cluster.controller.take_journal(&mut records);
            journal.extend_from_slice(&records);
        }
        assert_eq!(cluster.controller.counters().disagreements, 0);
    }
}

/// Streams a history, a round each microsecond or as soon as there is room, and calls `disturb` after each.
fn stream(
    cluster: &mut Cluster,
    id: PatchId,
    layers: &[(Vec<u8>, u32)],
    disturb: &mut dyn FnMut(&mut Cluster, usize),
) {
    cluster.settle();
    for (at, (bits, width)) in layers.iter().enumerate() {
        let is_last = at + 1 == layers.len();
        while let Err(error) = cluster.controller.push(id, bits, *width, is_last, cluster.now) {
            assert!(matches!(error, PushError::Full | PushError::JournalFull), "{error}");
            cluster.pass(1000 * MICROSECOND);
        }
        disturb(cluster, at);
        cluster.pass(MICROSECOND);
    }
}

/// A journal that begins like this one.
const HEADER: JournalHeader = JournalHeader { identity: Digest([1; 32]) };

/// Whatever of the journal is left: it may end in the middle of a record.
#[test]
fn another_controller_goes_on_from_a_journal() {
    for (plan, seed) in plans().into_iter().flat_map(|plan| (0..4).map(move |seed| (plan, seed))) {
        let (patch, _) = patch(3, 40, plan);
        let (layers, expected) = history(&patch, 150, seed);
        let death = 30 + 40 * seed as usize;
        let mut journal = HEADER.encode().to_vec();
        let mut records = Vec::new();
        let mut cluster = Cluster::new(&[Arc::clone(&patch)], 2);
        cluster.controller.keep_journal();
        cluster.settle();
        let id = cluster.controller.open(Arc::clone(&patch), cluster.now).unwrap();
        cluster.settle();
        for (at, (bits, width)) in layers.iter().enumerate().take(death) {
            cluster.controller.push(id, bits, *width, at + 1 == layers.len(), cluster.now).unwrap();
            cluster.pass(MICROSECOND);
            cluster.controller.take_journal(&mut records);
            journal.extend_from_slice(&records);
        }
        // The first record of the history is there.
        for left in (journal.len() / 3..=journal.len()).rev().step_by(journal.len() / 7) {
            cluster.replace_controller(&journal[..left]);
            let state = cluster.controller.state(id).unwrap();
            let (restored, cells) = (state.rounds as usize, state.cells);
            assert!(restored <= death.min(layers.len()) && (left < journal.len() || cells > 0));
            assert_eq!(cluster.controller.poll_commit(), None);
            cluster.settle();
            for (at, (bits, width)) in layers.iter().enumerate().skip(restored) {
                while cluster.controller.push(id, bits, *width, at + 1 == layers.len(), cluster.now).is_err()
                {
                    cluster.pass(1000 * MICROSECOND);
                }
                cluster.pass(MICROSECOND);
            }
            assert_eq!(finish(&mut cluster, id), expected, "seed {seed}, {left} bytes");
            assert_eq!(cluster.controller.counters().disagreements, 0);
            let other = cluster.controller.open(Arc::clone(&patch), cluster.now).unwrap();
            assert!(other > id);
        }
    }
}

#[test]
fn a_journal_holds_what_was_closed_and_each_commit_once() {
    let (patch, _) = patch(3, 40, PlanOptions::parallel(3));
    let (layers, _) = history(&patch, 60, 2);
    let mut cluster = Cluster::new(&[Arc::clone(&patch)], 2);
    cluster.controller.keep_journal();
    let id = cluster.controller.open(Arc::clone(&patch), cluster.now).unwrap();
    cluster.settle();
    for (at, (bits, width)) in layers.iter().enumerate() {
        if at == 40 {
            // Its cells are decided again.
            cluster.kill(0);
        }
        cluster.controller.push(id, bits, *width, at + 1 == layers.len(), cluster.now).unwrap();
        cluster.pass(MICROSECOND);
    }
    finish(&mut cluster, id);
    cluster.controller.close(id, cluster.now);
    let mut records = Vec::new();
    cluster.controller.take_journal(&mut records);
    let journal = [&HEADER.encode()[..], &records].concat();
    let mut reader = JournalReader::new(&journal[..]).unwrap().unwrap();
    let (mut rounds, mut cells, mut last) = (0, Vec::new(), None);
    while let Some(record) = reader.next().unwrap() {
        match record {
            JournalRecord::Round { .. } => rounds += 1,
            JournalRecord::Commit { cell, .. } => cells.push(cell),
            JournalRecord::Close { patch } => last = Some(patch),
            _ => {}
        }
    }
    assert_eq!((rounds, last), (layers.len(), Some(id)));
    let commits = std::iter::from_fn(|| cluster.controller.poll_commit());
    assert_eq!(cells, Vec::from_iter(commits.map(|commit| commit.cell)));
    cluster.replace_controller(&journal);
    assert_eq!(cluster.controller.histories().count(), 0);
}

#[test]
fn records_that_do_not_fit_are_refused() {
    let (known, model) = patch(3, 40, PlanOptions::parallel(3));
    let other = correlated(&model, PlanOptions::parallel(3));
    let mut controller = Controller::new(1, ControllerOptions::default(), Time(0)).unwrap();
    let mut restore = |record| controller.restore(&record, &[Arc::clone(&known)], Time(0));
    let id = PatchId(4);
    let open = |patch: &Patch| JournalRecord::Open {
        patch: id,
        model: Digest(*patch.model_digest()),
        plan: Digest(*patch.plan_digest()),
    };
    let round =
        |detector_count| JournalRecord::Round { patch: id, is_last: false, detector_count, events: &[0; 9] };
    assert!(matches!(restore(open(&other)), Err(RestoreError::UnknownPatch { .. })));
    assert!(matches!(restore(round(4)), Err(RestoreError::UnknownHistory(found)) if found == id));
    restore(open(&known)).unwrap();
    assert!(matches!(restore(open(&known)), Err(RestoreError::UnknownHistory(_))));
    assert!(matches!(restore(round(3)), Err(RestoreError::Round(PushError::Width { found: 3, .. }))));
    restore(round(4)).unwrap();
    for parity in [&[0][..], &[0, 0]] {
        let marks = (&[][..]).into();
        let commit = JournalRecord::Commit { patch: id, cell: CellId(0), layer: Round(0), parity, marks };
        assert!(matches!(restore(commit), Err(RestoreError::Commit(CellId(0)))));
    }
    restore(JournalRecord::Close { patch: id }).unwrap();
    assert!(matches!(restore(JournalRecord::Close { patch: id }), Err(RestoreError::UnknownHistory(_))));
}

#[test]
fn no_round_is_taken_while_the_journal_is_not() {
    let (patch, _) = patch(3, 40, PlanOptions::parallel(3));
    let mut cluster = Cluster::new(&[Arc::clone(&patch)], 1);
    cluster.controller.keep_journal();
    let id = cluster.controller.open(Arc::clone(&patch), cluster.now).unwrap();
    cluster.settle();
    let mut records = Vec::new();
    let mut pushed = 0;
    for turn in 1..=2 {
        let error = loop {
            let width = patch.plan().layer_detectors(pushed, None);
            match cluster.controller.push(id, &[0; 9], width, false, cluster.now) {
                Ok(()) => pushed += 1,
                Err(error) => break error,
            }
            cluster.settle();
        };
        assert!(matches!(error, PushError::JournalFull), "{turn}: {error}");
        cluster.controller.take_journal(&mut records);
        assert!((1 << 20..1 << 21).contains(&records.len()), "{turn}: {}", records.len());
    }
}

#[test]
fn the_cells_of_a_dead_node_wait_for_no_more_rounds_than_they_need() {
    let (patch, _) = patch(3, 40, PlanOptions::parallel(3));
    let (layers, _) = history(&patch, 150, 1);
    // How far everything is committed, first without another round after the death, then from round to round.
    let committed = |nodes: usize, death: usize| {
        let mut cluster = Cluster::new(&[Arc::clone(&patch)], nodes);
        cluster.settle();
        let id = cluster.controller.open(Arc::clone(&patch), Time(0)).unwrap();
        cluster.settle();
        let mut rounds = 0..death + 12;
        let mut push = |cluster: &mut Cluster| {
            let (bits, width) = &layers[rounds.next().unwrap()];
            cluster.controller.push(id, bits, *width, false, cluster.now).unwrap();
            cluster.settle();
        };
        (0..death).for_each(|_| push(&mut cluster));
        (1..nodes).for_each(|node| cluster.kill(node));
        // More than the grace of the dead, and less than that of the living.
        (0..100).for_each(|_| cluster.pass(1000 * MICROSECOND));
        let mut progress = vec![cluster.controller.state(id).unwrap().committed];
        for _ in 0..12 {
            push(&mut cluster);
            progress.push(cluster.controller.state(id).unwrap().committed);
        }
        progress
    };
    for death in 10..60 {
        assert_eq!(committed(2, death), committed(1, death), "death after {death} rounds");
    }
}

#[test]
fn nothing_is_due_while_sessions_end() {
    let (patch, _) = patch(3, 40, PlanOptions::parallel(3));
    let mut cluster = Cluster::new(&[Arc::clone(&patch)], 2);
    cluster.settle();
    cluster.kill(1);
    cluster.controller.shut_down(cluster.now);
    // Longer than the pause before another attempt to connect, which is not made any more.
    cluster.now = cluster.now.after(6000 * MICROSECOND);
    cluster.controller.on_timer(cluster.now);
    assert!(cluster.controller.next_timer().is_none_or(|timer| timer > cluster.now));
}

#[test]
fn a_connection_that_comes_after_the_end_is_not_kept() {
    let (patch, _) = patch(3, 40, PlanOptions::parallel(3));
    let mut cluster = Cluster::new(&[patch], 1);
    assert!(cluster.controller.wants_connection(NodeId(0), Time(0)));
    cluster.controller.dialling(NodeId(0));
    cluster.controller.shut_down(Time(0));
    cluster.controller.connected(NodeId(0), Time(0));
    assert!(cluster.controller.is_over(NodeId(0)));
}

/// They go back by more than all deadlines.
#[test]
fn clocks_that_go_back_delay_nothing() {
    let (patch, _) = patch(3, 40, PlanOptions::parallel(3));
    let mut cluster = Cluster::new(&[patch], 1);
    cluster.now = Time(3_600_000_000 * MICROSECOND);
    cluster.settle();
    cluster.kill(0);
    cluster.now = Time(0);
    // Its grace, and the pause before it may come back.
    (0..25).for_each(|_| cluster.pass(1000 * MICROSECOND));
    assert_ne!(cluster.controller.status(NodeId(0)).state, NodeState::Up);
    cluster.restart(0);
    (0..110).for_each(|_| cluster.pass(1000 * MICROSECOND));
    assert_eq!(cluster.controller.status(NodeId(0)).state, NodeState::Up);
    let (node, connection) = cluster.nodes[0].as_mut().unwrap();
    node.disconnect(connection.take().unwrap(), cluster.now);
    assert!(node.next_job(Time(0)).is_none());
    let due = node.next_timer().unwrap();
    assert_eq!(due, Time(Options::default().resume_ns));
    node.on_timer(due);
    assert_eq!(node.session_count(), 0);
}

/// Rounds of the first patches fill all the room that a session has before the next patches are assigned.
#[test]
fn a_node_joins_though_its_session_has_little_room() {
    let (patch, _) = patch(3, 40, PlanOptions::parallel(3));
    let mut cluster = Cluster::new(&[Arc::clone(&patch)], 1);
    let wire =
        Options { payload_bytes_max: PAYLOAD_BYTES_MIN, retained_bytes: 1 << 11, ..Options::default() };
    let options = ControllerOptions { wire, batch_rounds: 1, ..ControllerOptions::default() };
    cluster.controller = Controller::new(1, options, Time(0)).unwrap();
    let histories: Vec<_> = (0..4).map(|seed| history(&patch, 40, seed)).collect();
    let open = |_| cluster.controller.open(Arc::clone(&patch), Time(0)).unwrap();
    let ids: Vec<_> = (0..histories.len()).map(open).collect();
    for (&id, (layers, _)) in ids.iter().zip(&histories) {
        for (at, (bits, width)) in layers.iter().enumerate() {
            cluster.controller.push(id, bits, *width, at + 1 == layers.len(), Time(0)).unwrap();
        }
    }
    cluster.settle();
    for (&id, (_, expected)) in ids.iter().zip(&histories) {
        assert_eq!(finish(&mut cluster, id), *expected);
    }
    assert_eq!(cluster.controller.counters().fences, 0);
}

/// Connects a session of the test's own as the last node of the cluster, which takes the patch and nothing else.
fn connect_liar(cluster: &mut Cluster) -> (ServerSession, NodeId) {
    let (id, mut bytes, options) =
        (NodeId(cluster.nodes.len()), vec![0; FRAME_BYTES_MAX], Options::default());
    cluster.controller.dialling(id);
    cluster.controller.connected(id, Time(0));
    let count = cluster.controller.transmit(id, &mut bytes, Time(0));
    let greeted = Handshake::new(&options, Time(0)).receive(&bytes[..count], Time(0)).unwrap().1.unwrap();
    let mut liar = ServerSession::accept(&options, &greeted, SessionId(7), Token([7; 16]), Time(0)).unwrap();
    talk(cluster, &mut liar, id);
    (liar, id)
}

fn talk(cluster: &mut Cluster, liar: &mut ServerSession, id: NodeId) {
    let mut bytes = vec![0; FRAME_BYTES_MAX];
    loop {
        let there = liar.transmit(&mut bytes, cluster.now);
        cluster.controller.receive(id, &bytes[..there], cluster.now);
        let back = cluster.controller.transmit(id, &mut bytes, cluster.now);
        liar.receive(&bytes[..back], cluster.now);
        while let Some(event) = liar.poll_event() {
            if let ServerEvent::Open { stream, .. } = event {
                liar.accept_stream(stream, 1000, cluster.now).unwrap();
            }
        }
        if there + back == 0 {
            return;
        }
    }
}

/// Such an answer would make an honest node give up the stream when it is told of the marks.
#[test]
fn a_node_whose_answer_cannot_be_is_fenced_and_harms_nobody() {
    const CELL: u64 = 3;
    let (_, model) = patch(5, 40, PlanOptions::parallel(3));
    let patch = correlated(&model, PlanOptions::parallel(3));
    let (layers, expected) = history_of(5, &patch, 60, 1);
    let cell = patch.plan().cell(CELL, None).unwrap();
    // One of the last layers could have this mark.
    let width = patch.plan().layer_marks(cell.first_layer, None);
    assert!(width < patch.plan().layer_marks_max(cell.first_layer));
    let complete = cell.ready_layers as usize;
    let cases = [
        ("before the window", complete, cell.marks_first - 1, Mark { layer: 0, index: 0 }),
        ("behind the window", complete, cell.marks_end - 1, Mark { layer: 1, index: 0 }),
        ("beyond all rounds", complete, u64::MAX, Mark { layer: 1, index: 0 }),
        ("beside the layer", complete, cell.first_layer, Mark { layer: 0, index: width }),
        ("too early", complete - 1, cell.first_layer, Mark { layer: 0, index: 0 }),
    ];
    for (case, rounds, round, mark) in cases {
        let mut cluster = Cluster::new(&[Arc::clone(&patch)], 2);
        cluster.nodes.truncate(1);
        cluster.settle();
        let id = cluster.controller.open(Arc::clone(&patch), Time(0)).unwrap();
        cluster.settle();
        let (mut liar, node) = connect_liar(&mut cluster);
        for (at, (bits, width)) in layers.iter().enumerate() {
            cluster.controller.push(id, bits, *width, at + 1 == layers.len(), cluster.now).unwrap();
            cluster.settle();
            if at + 1 == rounds {
                let (parity, marks) = ([0], [mark]);
                let commit = Commit {
                    cell: CellId(CELL),
                    hops: Hops::default(),
                    parity: List::from(&parity[..]),
                    marks: List::from(&marks[..]),
                };
                liar.send_commit(StreamId(id.0), Epoch(2), Round(round), false, &commit, cluster.now)
                    .expect(case);
                talk(&mut cluster, &mut liar, node);
            }
        }
        assert_eq!(finish(&mut cluster, id), expected, "{case}");
        let fences: Vec<_> = std::iter::from_fn(|| cluster.controller.poll_event())
            .filter(|event| matches!(event, Event::Fenced { .. }))
            .collect();
        assert_eq!(fences, [Event::Fenced { node, why: Leave::Stray(CellId(CELL)) }], "{case}");
    }
}

/// That nobody listens any more is certain; a connection that is merely lost may come back.
#[test]
fn a_node_that_is_gone_loses_its_cells_at_once() {
    let (patch, _) = patch(3, 40, PlanOptions::parallel(3));
    let mut cluster = Cluster::new(&[Arc::clone(&patch)], 2);
    cluster.controller.open(Arc::clone(&patch), Time(0)).unwrap();
    cluster.settle();
    let (node, now) = (NodeId(1), cluster.now);
    let fences = |cluster: &mut Cluster| {
        std::iter::from_fn(|| cluster.controller.poll_event())
            .filter(|event| matches!(event, Event::Fenced { .. }))
            .count()
    };
    cluster.kill(1);
    assert_eq!(fences(&mut cluster), 0);
    assert!(!cluster.controller.wants_connection(node, now), "it was connected just now");
    let later = now.after(ControllerOptions::default().redial_ns);
    assert!(cluster.controller.wants_connection(node, later));
    cluster.controller.dialling(node);
    cluster.controller.gone(node, later);
    assert_eq!(fences(&mut cluster), 1);
    assert_eq!(cluster.controller.status(node).state, NodeState::Fenced);
    cluster.controller.dialling(node);
    cluster.controller.gone(node, later.after(1));
    assert_eq!(fences(&mut cluster), 0, "it has no cells to lose");
}

#[test]
fn a_node_that_never_answers_is_let_go_though_its_line_is_full() {
    let options = ControllerOptions::default();
    let patience = options.wire.handshake_ns;
    let mut controller = Controller::new(1, options, Time(0)).unwrap();
    let node = NodeId(0);
    assert!(controller.wants_connection(node, Time(0)));
    controller.dialling(node);
    controller.connected(node, Time(0));
    assert!(!controller.is_defunct(node));
    controller.on_timer(Time(patience));
    assert!(controller.is_defunct(node));
    controller.disconnected(node, Time(patience));
    assert!(controller.wants_connection(node, Time(patience)));
}

#[test]
fn a_connection_that_comes_after_a_fence_is_not_kept() {
    let (patch, _) = patch(3, 40, PlanOptions::parallel(3));
    let mut cluster = Cluster::new(&[Arc::clone(&patch)], 2);
    cluster.controller.open(Arc::clone(&patch), Time(0)).unwrap();
    cluster.settle();
    let (node, options) = (NodeId(1), ControllerOptions::default());
    cluster.kill(1);
    let redial = cluster.now.after(options.redial_ns);
    assert!(cluster.controller.wants_connection(node, redial));
    cluster.controller.dialling(node);
    let fenced = cluster.now.after(options.grace_ns);
    cluster.controller.on_timer(fenced);
    assert_eq!(cluster.controller.status(node).state, NodeState::Fenced);
    cluster.controller.connected(node, fenced);
    assert!(cluster.controller.is_defunct(node));
    cluster.controller.disconnected(node, fenced);
    assert!(!cluster.controller.wants_connection(node, Time(fenced.0 + options.rejoin_ns - 1)));
    assert!(cluster.controller.wants_connection(node, fenced.after(options.rejoin_ns)));
}

#[test]
fn a_patch_for_which_a_node_has_no_stream_left_is_told_once_and_offered_again() {
    let (patch, _) = patch(3, 40, PlanOptions::parallel(3));
    let mut cluster = Cluster::new(&[Arc::clone(&patch)], 1);
    cluster.settle();
    let streams = Options::default().streams_max;
    let mut open = || cluster.controller.open(Arc::clone(&patch), Time(0)).unwrap();
    let ids: Vec<_> = (0..=streams).map(|_| open()).collect();
    cluster.settle();
    cluster.pass(2000 * MICROSECOND);
    let (first, last) = (ids[0], ids[streams as usize]);
    let events: Vec<_> = std::iter::from_fn(|| cluster.controller.poll_event()).collect();
    let told = events.iter().filter(|event| matches!(event, Event::StreamsFull { .. }));
    assert_eq!(Vec::from_iter(told), [&Event::StreamsFull { node: NodeId(0), patch: last }]);
    cluster.controller.close(first, cluster.now);
    (0..3).for_each(|_| cluster.pass(2000 * MICROSECOND));
    let events: Vec<_> = std::iter::from_fn(|| cluster.controller.poll_event()).collect();
    assert!(events.contains(&Event::Joined { node: NodeId(0), patch: last }), "{events:?}");
}

#[test]
fn nodes_that_end_in_order_are_not_fenced_while_others_take_longer() {
    let (patch, _) = patch(3, 40, PlanOptions::parallel(3));
    let mut cluster = Cluster::new(&[patch], 2);
    cluster.settle();
    let slow = cluster.nodes[1].take();
    cluster.controller.shut_down(cluster.now);
    cluster.settle();
    assert!(cluster.controller.is_over(NodeId(0)) && !cluster.controller.is_over(NodeId(1)));
    cluster.controller.disconnected(NodeId(0), cluster.now);
    cluster.nodes[0] = None;
    cluster.pass(2 * ControllerOptions::default().grace_ns);
    cluster.nodes[1] = slow;
    let fences = std::iter::from_fn(|| cluster.controller.poll_event())
        .filter(|event| matches!(event, Event::Fenced { .. }))
        .count();
    assert_eq!(fences, 0);
}
