//! What every kind of pre-decoder leaves of a shot, taken one by one, in batches, and by decoders, gaps and windows.

use std::cell::OnceCell;
use std::sync::Arc;

use outrider::{
    Circuit, CircuitFamily, Decoder, DecoderKind, DecoderOptions, DenseArithmetic, DenseNetwork,
    DenseOptions, Error, EventNetwork, Gap, GapOptions, GraphOptions, Isa, MatchingGraph, Override,
    Predecoded, PredecodedBatch, Predecoder, PredecoderUse, Role, Rule, RuleOptions, Sampler, Shots, Status,
    SurfaceCode, Window, WindowDecoder,
};

use crate::support::event_network::{Colouring, NetworkFile, Shape};
use crate::support::random::Random;

/// A surface code with a graph and shots of it, and the kinds of pre-decoders for its circuit.
struct Bench {
    code: SurfaceCode,
    graph: Arc<MatchingGraph>,
    detectors: Shots,
    kinds: &'static [Kind],
    dense_network: OnceCell<Arc<DenseNetwork>>,
}

/// A kind of pre-decoder.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Rule(Rule),
    Event,
    Dense(DenseArithmetic),
}

const OF_STIM_CIRCUIT: [Kind; 4] =
    [Kind::Rule(Rule::Clique), Kind::Rule(Rule::Smith), Kind::Rule(Rule::MinSum), Kind::Event];
const OF_PAPER_CIRCUIT: [Kind; 2] =
    [Kind::Dense(DenseArithmetic::Float), Kind::Dense(DenseArithmetic::Integer)];

/// A bench of each circuit.
fn benches(shots: usize) -> [Bench; 2] {
    [
        Bench::new(CircuitFamily::Stim, &OF_STIM_CIRCUIT, shots),
        Bench::new(CircuitFamily::Paper, &OF_PAPER_CIRCUIT, shots),
    ]
}

impl Bench {
    fn new(family: CircuitFamily, kinds: &'static [Kind], shots: usize) -> Self {
        let circuit = Circuit::uniform(family, 0.008);
        let code = SurfaceCode::memory(5, 5).circuit(circuit).build().expect("valid options");
        let model = code.model().expect("a small model");
        let options = GraphOptions { correlations: true, ..GraphOptions::default() };
        let graph = Arc::new(MatchingGraph::new(&model, &options).expect("a matchable model"));
        let mut sampler = Sampler::new(&model, 5).expect("a small model");
        let (mut detectors, mut observables) = sampler.batches();
        sampler.sample(0, shots, &mut detectors, &mut observables).expect("rows of the right width");
        Self { code, graph, detectors, kinds, dense_network: OnceCell::new() }
    }

    /// Each kind in each use.
    fn cases(&self) -> impl Iterator<Item = (Kind, PredecoderUse)> {
        self.kinds.iter().flat_map(|&kind| PredecoderUse::ALL.map(|usage| (kind, usage)))
    }

    fn event_network() -> Arc<EventNetwork> {
        let shape = Shape { width: 16, layers: 2, radius: 2, colouring: Colouring::Mirrored, weight: 20 };
        let mut random = Random(4);
        let file = NetworkFile::random(&shape, &mut || random.word());
        Arc::new(EventNetwork::from_bytes(&file.bytes()).expect("a valid network"))
    }

    fn make_dense_network(&self) -> Arc<DenseNetwork> {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/c_core/tests/golden/dense/narrow.safetensors");
        let bytes = std::fs::read(file).expect("a golden file");
        let mut network = DenseNetwork::from_bytes(&bytes).expect("a network");
        network.calibrate(&self.code, &self.detectors).expect("the code's shots");
        Arc::new(network)
    }

    fn predecoder(&self, kind: Kind) -> Predecoder {
        let model = self.code.model().expect("a small model");
        let graph = Arc::clone(&self.graph);
        let made = match kind {
            Kind::Rule(rule) => Predecoder::rule(graph, &model, &RuleOptions::new(rule)),
            Kind::Event => Predecoder::event_network(Self::event_network(), graph, &model, Isa::Auto),
            Kind::Dense(arithmetic) => {
                let options = DenseOptions { arithmetic, ..DenseOptions::default() };
                let network = self.dense_network.get_or_init(|| self.make_dense_network());
                Predecoder::dense(Arc::clone(network), &self.code, graph, &options)
            }
        };
        made.expect("made for this code")
    }

    fn events(&self) -> Vec<Vec<u32>> {
        let ones = |row| self.detectors.ones(row).map(|bit| bit as u32).collect();
        (0..self.detectors.len()).map(ones).collect()
    }

    fn options(&self, kind: DecoderKind, predecoder_use: PredecoderUse) -> DecoderOptions {
        let weight_offset = self.graph.quantize(0.3).expect("held");
        DecoderOptions { kind, predecoder_use, weight_offset, ..DecoderOptions::default() }
    }
}

fn some_overrides(shot: usize, graph: &MatchingGraph) -> [Override; 2] {
    [13, 89].map(|stride| Override {
        edge: ((shot * stride) % graph.edge_count() as usize) as u32,
        weight: (shot % 7) as i32 * 1000 - 3000,
    })
}

/// All shots one after the other, with the bounds between them.
fn joined(events: &[Vec<u32>]) -> (Vec<u32>, Vec<usize>) {
    let bounds = events.iter().scan(0, |end, shot| {
        *end += shot.len();
        Some(*end)
    });
    (events.concat(), std::iter::once(0).chain(bounds).collect())
}

#[test]
fn a_batch_leaves_what_single_shots_leave() {
    let mut batch = PredecodedBatch::new().expect("memory");
    assert!(batch.is_empty());
    let named = benches(40).map(|bench| compare_batches(&bench, &mut batch));
    assert!(named.iter().all(|&edges| edges > 1000), "{named:?} edges were named");
}

/// Returns how many edges were named.
fn compare_batches(bench: &Bench, batch: &mut PredecodedBatch) -> usize {
    let events = bench.events();
    let mut overrides = 0;
    for (kind, usage) in bench.cases() {
        let (mut single, mut many) = (bench.predecoder(kind), bench.predecoder(kind));
        for size in [0, 1, 2, 31, 40] {
            let (list, begin) = joined(&events[..size]);
            many.apply_batch(usage, &list, &begin, batch).expect("valid events");
            assert_eq!(batch.len(), size, "{kind:?} {usage}");
            for (index, events) in events[..size].iter().enumerate() {
                let expected = single.apply(usage, events).expect("valid events");
                assert_eq!(batch.shot(index).expect("a shot"), expected, "{kind:?} {usage}, shot {index}");
                assert_eq!(expected.weight_offset, many.weight_offset(usage));
                assert_eq!(expected.observables.is_empty(), usage == PredecoderUse::Soft);
                overrides += expected.overrides.len();
            }
            assert_eq!(batch.shot(size).expect_err("no such shot").status(), Some(Status::Index));
        }
    }
    overrides
}

#[test]
fn a_failing_shot_leaves_those_before_it() {
    let [bench, _] = benches(3);
    let mut predecoder = bench.predecoder(Kind::Rule(Rule::Clique));
    let mut batch = PredecodedBatch::new().expect("memory");
    let error = predecoder
        .apply_batch(PredecoderUse::Soft, &[0, 1, 5, 5, 2], &[0, 2, 4, 5], &mut batch)
        .expect_err("an event comes twice");
    assert_eq!((error.status(), error.place().and_then(|place| place.shot)), (Some(Status::Index), Some(2)));
    assert_eq!(batch.len(), 1);
    assert_eq!(batch.shot(0).expect("a shot").events, [0, 1]);
    for (begin, status) in [(&[0, 2, 1][..], Some(Status::Argument)), (&[0, 6], None), (&[], None)] {
        let refused = predecoder.apply_batch(PredecoderUse::Soft, &[0, 1, 2, 3, 4], begin, &mut batch);
        let refused = refused.expect_err("bounds that are none");
        assert_eq!(refused.status(), status, "{begin:?}");
        assert!(status.is_some() || matches!(refused, Error::Length { .. }), "{begin:?}");
        assert_eq!(batch.len(), 1, "the batch is as it was");
    }
}

#[test]
fn decoders_take_what_their_own_pre_decoder_would_leave() {
    for bench in benches(40) {
        compare_decoders(&bench);
    }
}

fn compare_decoders(bench: &Bench) {
    let events = bench.events();
    for (kind, usage) in bench.cases() {
        for decoder in DecoderKind::OF_SHOTS {
            let options = bench.options(decoder, usage);
            let mut together = Decoder::with_predecoder(bench.predecoder(kind), &options).expect("both uses");
            let mut apart = Decoder::with_options(Arc::clone(&bench.graph), &options).expect("a decoder");
            let mut predecoder = bench.predecoder(kind);
            let mut predictions = Shots::new(1);
            let mut weights = vec![0; events.len()];
            together
                .decode_batch(&bench.detectors, &mut predictions, Some(&mut weights))
                .expect("every shot matches");
            for (shot, events) in events.iter().enumerate() {
                let what = format!("{kind:?} {usage} {decoder}, shot {shot}");
                let overrides = some_overrides(shot, &bench.graph);
                let (mut expected, mut found) = ([0], [0]);
                let result = together.decode_events(events, &[], &mut expected).expect("every shot matches");
                assert_eq!((&predictions.row(shot)[..1], weights[shot]), (&expected[..], result.weight));
                let result =
                    together.decode_events(events, &overrides, &mut expected).expect("every shot matches");
                let left = predecoder.apply(usage, events).expect("valid events");
                let other =
                    apart.decode_predecoded(&left, &overrides, &mut found).expect("every shot matches");
                assert_eq!((found, other.weight), (expected, result.weight), "{what}");
                assert_eq!(other.matched_count, result.matched_count, "{what}");
                assert_eq!(other.event_count as usize, left.events.len(), "{what}");
                predecoder.apply(usage, &[]).expect("valid events");
                match (together.edges(), apart.edges()) {
                    (Ok(expected), Ok(found)) => assert_eq!(found, expected, "{what}"),
                    (Err(expected), Err(found)) => {
                        assert!(matches!((kind, usage), (Kind::Dense(_), PredecoderUse::Hard)));
                        assert_eq!([found.status(), expected.status()], [Some(Status::Unsupported); 2]);
                    }
                    other => panic!("{what}: {other:?}"),
                }
            }
        }
    }
}

#[test]
fn an_offset_lays_the_weights_out_anew() {
    let [bench, _] = benches(40);
    let events = bench.events();
    let offsets = [0.0, 1.5, -4.0, 1.5, 0.0].map(|offset| bench.graph.quantize(offset).expect("held"));
    for kind in DecoderKind::OF_SHOTS {
        let own = bench.graph.quantize(0.25).expect("held");
        let options = DecoderOptions { kind, weight_offset: own, ..DecoderOptions::default() };
        let mut decoder = Decoder::with_options(Arc::clone(&bench.graph), &options).expect("a decoder");
        for weight_offset in offsets {
            let options = DecoderOptions { weight_offset: own + weight_offset, ..options };
            let mut expected = Decoder::with_options(Arc::clone(&bench.graph), &options).expect("a decoder");
            for events in &events {
                let shot = Predecoded { weight_offset, ..Predecoded::untouched(events) };
                let mut flips = [[0]; 2];
                let found = decoder.decode_predecoded(&shot, &[], &mut flips[0]).expect("it matches");
                let wanted = expected.decode_events(events, &[], &mut flips[1]).expect("it matches");
                assert_eq!((found, flips[0]), (wanted, flips[1]), "{kind} {weight_offset}");
            }
        }
    }
}

#[test]
fn gaps_are_of_the_whole_answer() {
    let flipped = benches(40).map(|bench| compare_gaps(&bench));
    assert!(flipped[0] > 20, "what was fixed flipped the observable {flipped:?} times");
}

/// Returns how often what was fixed, as edges, flips the observable.
fn compare_gaps(bench: &Bench) -> usize {
    let (events, own) = (bench.events(), bench.graph.quantize(0.3).expect("held"));
    let limits = [0, GapOptions::limit_from_natural(&bench.graph, 6.0)];
    let mut differ = 0;
    for (kind, usage) in bench.cases() {
        let mut predecoder = bench.predecoder(kind);
        for limit in limits {
            let options = GapOptions { weight_offset: own, limit, ..GapOptions::default() };
            let mut gap = Gap::with_options(&bench.graph, &options).expect("a memory has a gap");
            let weight_offset = own + predecoder.weight_offset(usage);
            let options = GapOptions { weight_offset, ..options };
            let mut by_hand = Gap::with_options(&bench.graph, &options).expect("a memory has a gap");
            for (shot, events) in events.iter().enumerate() {
                let left = predecoder.apply(usage, events).expect("valid events");
                let mut overrides = left.overrides.to_vec();
                overrides.extend(some_overrides(shot, &bench.graph));
                let expected = by_hand.decode_events(left.events, &overrides).expect("it matches");
                let found =
                    gap.decode_predecoded(&left, &some_overrides(shot, &bench.graph)).expect("it matches");
                let flip = usize::from(left.observables.first().is_some_and(|bits| bits & 1 == 1));
                let weights = [expected.weights[flip], expected.weights[1 - flip]];
                assert_eq!(found.weights, weights, "{kind:?} {usage}");
                assert_eq!(found.observable, weights[1] < weights[0]);
                let fixed = left.edges.map(<[u32]>::to_vec);
                let Some(mut edges) = fixed else {
                    let refused = gap.edges(found.observable).expect_err("corrections are no edges");
                    assert_eq!(refused.status(), Some(Status::Unsupported));
                    continue;
                };
                let class = found.observable != (flip == 1);
                edges.extend(by_hand.edges(class).expect("the lighter class"));
                assert_eq!(gap.edges(found.observable).expect("the lighter class"), cancelled(edges));
                differ += flip;
            }
        }
    }
    differ
}

/// The edges that come an odd number of times, ascending.
fn cancelled(mut edges: Vec<u32>) -> Vec<u32> {
    edges.sort_unstable();
    let odd = edges.chunk_by(|a, b| a == b).filter(|same| same.len() % 2 == 1);
    odd.map(|same| same[0]).collect()
}

#[test]
fn windows_take_what_their_own_pre_decoder_would_leave() {
    let decided = benches(30).map(|bench| compare_windows(&bench));
    assert!(decided.iter().all(|&cells| cells > 100), "{decided:?} cells were decided");
}

/// Returns how many cells were decided.
fn compare_windows(bench: &Bench) -> u32 {
    let (events, nodes) = (bench.events(), bench.graph.node_count());
    // Some detectors are decided before, so hard use fixes edges that are not the window's.
    let role = |node| match node {
        node if node % 11 == 3 => Role::Closed,
        node if node < nodes / 2 => Role::Cell,
        _ => Role::Buffer,
    };
    let roles: Vec<Role> = (0..nodes).map(role).collect();
    let window = Arc::new(Window::new(Arc::clone(&bench.graph), &roles).expect("a cell"));
    let mut decided = 0;
    for (kind, usage) in bench.cases() {
        for decoder in DecoderKind::OF_SHOTS {
            let options = bench.options(decoder, usage);
            let own = Some(bench.predecoder(kind));
            let mut together = WindowDecoder::new(Arc::clone(&window), own, &options).expect("a decoder");
            let mut apart = WindowDecoder::new(Arc::clone(&window), None, &options).expect("a decoder");
            let mut predecoder = bench.predecoder(kind);
            for (shot, events) in events.iter().enumerate() {
                let marks = [shot as u32 % nodes, nodes + shot as u32];
                let overrides = some_overrides(shot, &bench.graph);
                let left = predecoder.apply(usage, events).expect("valid events");
                let found = apart.decode_predecoded(&left, &marks, &overrides);
                let expected = together.decode(events, &marks, &overrides);
                match (found, expected) {
                    (Ok(found), Ok(expected)) => {
                        assert_eq!(found, expected, "{kind:?} {usage} {decoder}, shot {shot}");
                        decided += 1;
                    }
                    (Err(found), Err(expected)) => assert_eq!(found.status(), expected.status()),
                    other => panic!("{kind:?} {usage} {decoder}, shot {shot}: {other:?}"),
                }
            }
        }
    }
    decided
}

#[test]
fn bad_shots_are_refused() {
    let [bench, _] = benches(1);
    let graph = Arc::clone(&bench.graph);
    let (nodes, edges) = (graph.node_count(), graph.edge_count());
    let mut decoder = Decoder::new(Arc::clone(&graph), DecoderKind::Mwpm).expect("a decoder");
    let mut gap = Gap::new(&graph).expect("a memory has a gap");
    let window = Arc::new(Window::new(graph, &vec![Role::Cell; nodes as usize]).expect("a cell"));
    let mut cells = WindowDecoder::new(window, None, &DecoderOptions::default()).expect("a decoder");
    let whole = Predecoded::untouched(&[0, 1]);
    let far = [Override { edge: edges, weight: 2 }];
    let cases = [
        (Predecoded::untouched(&[1, 0]), Some(Status::Index)),
        (Predecoded { events: &[nodes], ..whole }, Some(Status::Index)),
        (Predecoded { overrides: &far, ..whole }, Some(Status::Index)),
        (Predecoded { edges: Some(&[edges]), observables: &[0], ..whole }, Some(Status::Index)),
        (Predecoded { edges: Some(&[0]), ..whole }, None),
        (Predecoded { edges: None, ..whole }, None),
        (Predecoded { observables: &[0, 0], ..whole }, None),
    ];
    for (shot, status) in &cases {
        let mut observables = [7];
        let refused = [
            decoder.decode_predecoded(shot, &[], &mut observables).expect_err("a bad shot"),
            gap.decode_predecoded(shot, &[]).expect_err("a bad shot"),
            cells.decode_predecoded(shot, &[], &[]).expect_err("a bad shot"),
        ];
        for error in &refused {
            assert_eq!(error.status(), *status, "{shot:?}");
            assert!(status.is_some() || matches!(error, Error::Length { .. }), "{shot:?}: {error}");
        }
        assert_eq!(observables, [7], "outputs are left alone");
    }
    let mut observables = [7];
    decoder.decode_predecoded(&whole, &[], &mut observables).expect("a good shot");
    assert!(observables[0] < 2);
}
