//! A decode allocates nothing once its decoder is warm; sampling allocates nothing at all.
//!
//! This executable defines `malloc` and its relatives, which the C code linked into it then calls; they count and
//! pass on. What is known of the loader here is glibc's, so elsewhere the file is empty.
#![cfg(all(target_os = "linux", target_env = "gnu"))]

#[path = "support/event_network.rs"]
mod event_network;
#[path = "support/random.rs"]
#[allow(dead_code, reason = "only whole words are wanted here")]
mod random;

use std::cell::Cell;
use std::ffi::{c_char, c_int, c_void};
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};

use event_network::{Colouring, NetworkFile, Shape};
use random::Random;

use outrider::{
    Basis, BurstOptions, Bursts, CellBook, CellBookOptions, CellImport, CellShape, Circuit, CircuitFamily,
    Decoder, DecoderKind, DecoderOptions, DenseArithmetic, DenseNetwork, DenseOptions, DetectorErrorModel,
    Drift, EventNetwork, EventSums, Gap, GapOptions, Geometry, GraphOptions, Isa, LabelOptions, LabelSampler,
    Likelihood, LikelihoodOptions, MatchingGraph, MeasurementMap, MeasurementStream, Moments, Override,
    Patch, PatchOptions, Plan, PlanOptions, PredecodedBatch, Predecoder, PredecoderUse, Rates, Role, Rule,
    RuleOptions, Sampler, SamplerOptions, Shots, Slot, Stream, StreamLearningOptions, StreamOptions,
    SurfaceCode, Training, Trellis, Window, WindowDecoder, WorkersOptions,
};

#[test]
fn decoding_allocates_nothing_after_warm_up() {
    let model = memory(0.006);
    let shots = sample(&model, 3000);
    let quieter = sample(&memory(0.003), 3000);
    for kind in DecoderKind::OF_SHOTS {
        let options = kind.graph_options();
        let graph = Arc::new(MatchingGraph::new(&model, &options).expect("a matchable model"));
        let before = allocations();
        let mut decoder = Decoder::new(graph, kind).expect("the graph suits the kind");
        assert!(allocations() > before, "{kind}: the counter sees no allocation at all");

        decode_all(&mut decoder, &shots);
        let before = allocations();
        decode_all(&mut decoder, &shots);
        decode_all(&mut decoder, &quieter);
        assert_eq!(allocations() - before, 0, "{kind}");
    }
}

#[test]
fn rules_allocate_nothing_after_warm_up() {
    let model = memory(0.006);
    let shots = sample(&model, 1000);
    let graph = Arc::new(MatchingGraph::new(&model, &GraphOptions::default()).expect("a matchable model"));
    for rule in Rule::ALL {
        for predecoder_use in PredecoderUse::ALL {
            let predecoder = Predecoder::rule(Arc::clone(&graph), &model, &RuleOptions::new(rule))
                .expect("the model is the graph's");
            let options = DecoderOptions { predecoder_use, ..DecoderOptions::default() };
            let mut decoder = Decoder::with_predecoder(predecoder, &options).expect("rules go both ways");
            decode_all(&mut decoder, &shots);
            let before = allocations();
            decode_all(&mut decoder, &shots);
            assert_eq!(allocations() - before, 0, "{rule} {predecoder_use}");
        }
    }
}

#[test]
fn pre_decoding_apart_allocates_nothing_after_warm_up() {
    let model = memory(0.006);
    let shots = sample(&model, 300);
    let graph = Arc::new(MatchingGraph::new(&model, &GraphOptions::default()).expect("a matchable model"));
    let roles = vec![Role::Cell; graph.node_count() as usize];
    let window = Arc::new(Window::new(Arc::clone(&graph), &roles).expect("a cell"));
    let events: Vec<Vec<u32>> =
        shots.rows().map(|row| (0..8 * row.len() as u32).filter(|&k| bit(row, k)).collect()).collect();
    let ends = events.iter().scan(0, |end, shot| {
        *end += shot.len();
        Some(*end)
    });
    let begin: Vec<usize> = std::iter::once(0).chain(ends).collect();
    let joined = events.concat();
    for predecoder_use in PredecoderUse::ALL {
        let rule = || {
            Predecoder::rule(Arc::clone(&graph), &model, &RuleOptions::new(Rule::MinSum)).expect("its graph")
        };
        let options = DecoderOptions { predecoder_use, ..DecoderOptions::default() };
        let mut predecoder = rule();
        let mut batch = PredecodedBatch::new().expect("memory");
        let mut together = Decoder::with_predecoder(rule(), &options).expect("rules go both ways");
        let mut decoder = Decoder::with_options(Arc::clone(&graph), &options).expect("a decoder");
        let mut gap = Gap::new(&graph).expect("a memory has one observable on a patch");
        let mut cells = WindowDecoder::new(Arc::clone(&window), None, &options).expect("a decoder");
        let mut predictions = Shots::zeroed(1, shots.len());
        let mut run = || {
            together.decode_batch(&shots, &mut predictions, None).expect("every shot matches");
            predecoder.apply_batch(predecoder_use, &joined, &begin, &mut batch).expect("valid events");
            for index in 0..batch.len() {
                let shot = batch.shot(index).expect("a shot of the batch");
                decoder.decode_predecoded(&shot, &[], &mut [0]).expect("every shot matches");
                decoder.edges().expect("a shot was decoded");
                gap.decode_predecoded(&shot, &[]).expect("every shot matches");
                gap.edges(true).expect("a shot was decoded");
                cells.decode_predecoded(&shot, &[], &[]).expect("every shot matches");
            }
        };
        run();
        let before = allocations();
        run();
        assert_eq!(allocations() - before, 0, "{predecoder_use}");
    }
}

#[test]
fn dense_networks_allocate_nothing_after_warm_up() {
    let circuit = Circuit::uniform(CircuitFamily::Paper, 0.006);
    let code = SurfaceCode::memory(5, 5).circuit(circuit).build().expect("valid options");
    let model = code.model().expect("a small model");
    let shots = sample(&model, 30);
    let graph = Arc::new(MatchingGraph::new(&model, &GraphOptions::default()).expect("a matchable model"));
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/c_core/tests/golden/dense/narrow.safetensors");
    let bytes = std::fs::read(file).expect("a golden file");
    let mut network = DenseNetwork::from_bytes(&bytes).expect("a network");
    network.calibrate(&code, &shots).expect("the code's shots");
    let network = Arc::new(network);
    for (arithmetic, predecoder_use) in DenseArithmetic::ALL.into_iter().zip(PredecoderUse::ALL) {
        let options = DenseOptions { arithmetic, ..DenseOptions::default() };
        let predecoder = Predecoder::dense(Arc::clone(&network), &code, Arc::clone(&graph), &options)
            .expect("the code's graph");
        let options = DecoderOptions { predecoder_use, ..DecoderOptions::default() };
        let mut decoder = Decoder::with_predecoder(predecoder, &options).expect("both uses");
        let mut decode_rows = || {
            for row in shots.rows() {
                decoder.decode(row, &[], &mut [0]).expect("every shot matches");
            }
        };
        decode_rows();
        let before = allocations();
        decode_rows();
        assert_eq!(allocations() - before, 0, "{arithmetic} {predecoder_use}");
    }
}

#[test]
fn windows_allocate_nothing_after_warm_up() {
    let model = memory(0.006);
    let shots = sample(&model, 1000);
    let graph = Arc::new(
        MatchingGraph::new(&model, &DecoderKind::Likelihood.graph_options()).expect("a matchable model"),
    );
    let nodes = graph.node_count();
    let role = |node| if node < nodes / 2 { Role::Cell } else { Role::Buffer };
    let roles: Vec<Role> = (0..nodes).map(role).collect();
    let window = Arc::new(Window::new(Arc::clone(&graph), &roles).expect("a cell"));
    let events_of =
        |row: &[u8]| (0..nodes).filter(|&node| row[node as usize / 8] >> (node % 8) & 1 == 1).collect();
    let events: Vec<Vec<u32>> = shots.rows().map(events_of).collect();
    for kind in DecoderKind::ALL {
        for rule in [None, Some(Rule::Clique)] {
            let predecoder = rule.map(|rule| {
                Predecoder::rule(Arc::clone(&graph), &model, &RuleOptions::new(rule)).expect("its graph")
            });
            let options = DecoderOptions { kind, ..DecoderOptions::default() };
            let mut decoder = WindowDecoder::new(Arc::clone(&window), predecoder, &options)
                .expect("the graph suits the kind");
            let mut marks = 0;
            let mut decode_all = || {
                for (index, events) in events.iter().enumerate() {
                    let overrides = some_overrides(index, graph.edge_count());
                    let overrides = if kind == DecoderKind::Likelihood { &[] } else { &overrides[..] };
                    let commit = decoder.decode(events, &[nodes / 2], overrides).expect("a window matches");
                    marks += commit.marks.len();
                }
            };
            decode_all();
            let before = allocations();
            decode_all();
            assert_eq!(allocations() - before, 0, "{kind} {rule:?}");
            assert!(marks > 0, "no commit left its cell");
        }
    }
}

#[test]
fn reweighting_decoders_allocates_nothing_after_warm_up() {
    let model = memory(0.006);
    let shots = sample(&model, 100);
    let options = GraphOptions { correlations: true, reweightable: true, ..GraphOptions::default() };
    let graph = Arc::new(MatchingGraph::new(&model, &options).expect("a matchable model"));
    let count = graph.error_count() as usize;
    let noise: Vec<f64> = (0..count).map(|error| 0.001 + (error % 17) as f64 * 0.0005).collect();
    let drifted = Arc::new(graph.reweighted(&noise).expect("numbers for its errors"));
    let roles = vec![Role::Cell; graph.node_count() as usize];
    let window = Arc::new(Window::new(Arc::clone(&graph), &roles).expect("a cell"));
    let other = Arc::new(window.reweighted(Arc::clone(&drifted)).expect("the same topology"));
    let windows = [window, other];
    for kind in DecoderKind::OF_SHOTS {
        let rule = Predecoder::rule(Arc::clone(&graph), &model, &RuleOptions::new(Rule::Clique));
        let options = DecoderOptions { kind, ..DecoderOptions::default() };
        let mut decoder = Decoder::with_predecoder(rule.expect("its graph"), &options).expect("soft");
        let mut cell = WindowDecoder::new(Arc::clone(&windows[0]), None, &options).expect("its graph");
        let mut before = 0;
        for turn in 0..6 {
            let (graph, window) = ([&graph, &drifted][turn % 2], &windows[turn % 2]);
            decoder.reweight(Arc::clone(graph), 0).expect("the same topology");
            cell.reweight(Arc::clone(window), 0).expect("the same topology");
            decode_all(&mut decoder, &shots);
            cell.decode(&[1, 5], &[], &[]).expect("a window matches");
            before = if turn == 3 { allocations() } else { before };
        }
        assert_eq!(allocations() - before, 0, "{kind}");
    }
}

#[test]
fn a_stream_allocates_nothing_after_warm_up() {
    for kind in [DecoderKind::Mwpm, DecoderKind::MwpmCorrelated] {
        let marked_edges = stream_noise(kind);
        assert_eq!(
            marked_edges > 1000,
            kind == DecoderKind::MwpmCorrelated,
            "{marked_edges} edges were marked"
        );
    }
}

/// Streams noise through one decoder, and tells how many edges were marked on the way.
fn stream_noise(kind: DecoderKind) -> usize {
    let circuit = Circuit::uniform(CircuitFamily::Stim, 0.003);
    let code = SurfaceCode::memory(5, 60).circuit(circuit).build().expect("valid options");
    let model = code.model().expect("a small model");
    let options = kind.graph_options();
    let graph = Arc::new(MatchingGraph::new(&model, &options).expect("a matchable model"));
    let nodes = graph.node_count();
    let plan = Arc::new(Plan::new(graph, &model, &PlanOptions::parallel(5)).expect("layers that repeat"));
    let mut stream = CellBook::new(Arc::clone(&plan), CellBook::layers_needed(&plan)).expect("enough layers");
    // Another book decides nothing and imports all commits.
    let options = CellBookOptions { lead: 5, can_reopen: true, ..CellBookOptions::new(&plan) };
    let mut keeper = CellBook::with_options(Arc::clone(&plan), &options).expect("enough layers");
    let mut decoders: Vec<(CellShape, WindowDecoder)> = Vec::new();
    let mut random = Random(9);
    let mut row = [0; 3];
    let mut marked_edges = 0;
    // Layers, of which the first two thirds are for warming up; every third has the same events.
    let (layers, mut before) = (30_000, 0);
    for layer in 0..layers {
        if layer % (layers / 3) == 0 {
            random = Random(9);
            before = allocations();
        }
        row.fill_with(|| (random.word() & random.word() & random.word() & random.word()) as u8);
        let bits = plan.layer_detectors(layer, None);
        stream.push(&row[..bits.div_ceil(8) as usize], bits, false).expect("room for a layer");
        keeper.push(&row[..bits.div_ceil(8) as usize], bits, false).expect("room for a layer");
        while let Some(cell) = stream.next() {
            if !decoders.iter().any(|(shape, _)| *shape == cell.shape) {
                let window = Arc::new(plan.window(&cell).expect("a cell of the plan"));
                let options = DecoderOptions { kind, ..DecoderOptions::default() };
                let decoder = WindowDecoder::new(window, None, &options).expect("a decoder");
                decoders.push((cell.shape, decoder));
            }
            let decoder = decoders.iter_mut().find(|(shape, _)| *shape == cell.shape).expect("just made");
            let input = stream.input(cell.number).expect("the cell is out");
            let commit = decoder.1.decode(input.events, input.marks, &[]).expect("a window matches");
            marked_edges += commit.marks.iter().filter(|&&mark| mark >= nodes).count();
            stream.commit(cell.number, &commit).expect("the cell is out");
            let placed = stream.commit_of(cell.number).expect("cells after it are open");
            let import = keeper.import(cell.number, &placed).expect("the cell is complete");
            assert!(matches!(import, CellImport::New { .. }), "{import:?}");
        }
    }
    assert_eq!(allocations() - before, 0, "{kind}");
    assert!(stream.state().committed > layers - 30 && decoders.len() < 8);
    assert_eq!(keeper.state().observables, stream.state().observables);
    marked_edges
}

#[test]
fn streams_on_workers_allocate_nothing_after_warm_up() {
    let circuit = Circuit::uniform(CircuitFamily::Stim, 0.003);
    let code = SurfaceCode::memory(5, 60).circuit(circuit).build().expect("valid options");
    let model = code.model().expect("a small model");
    // Between two versions of weights learning allocates nothing either.
    let learning = Some(StreamLearningOptions { memory: 4096, every: 1 << 30 });
    for (count, learning) in [(0, None), (1, None), (0, learning), (1, learning)] {
        let patch_options = PatchOptions { learning, ..PatchOptions::new(PlanOptions::parallel(5)) };
        let patch = Arc::new(Patch::new(&model, &patch_options).expect("layers that repeat"));
        let workers = WorkersOptions { count, ..WorkersOptions::default() };
        let options = StreamOptions { workers, ..StreamOptions::default() };
        let mut stream = Stream::new(Arc::clone(&patch), &options).expect("a stream");
        // The waker runs on the thread of the worker, whose allocations are counted apart.
        let by_worker = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&by_worker);
        stream.set_waker(Arc::new(move || counter.store(allocations(), Ordering::Release)));
        let mut random = Random(9);
        // Dense noise makes lists long, sparse noise makes paths long.
        let dense = |random: &mut Random| random.word() & random.word();
        let sparse = |random: &mut Random| dense(random) & dense(random);
        push_noise(&mut stream, &mut random, 10_000, dense);
        let warm = push_noise(&mut stream, &mut random, 20_000, sparse);
        let before = (allocations(), by_worker.load(Ordering::Acquire));
        let end = push_noise(&mut stream, &mut random, 10_000, sparse);
        assert_eq!((allocations(), by_worker.load(Ordering::Acquire)), before, "{count} workers");
        assert!(warm > 29_000 && end > 39_000 && (before.1 > 0 || count == 0));
    }
}

/// Pushes layers of random events, and tells how many are committed.
fn push_noise(
    stream: &mut Stream,
    random: &mut Random,
    layers: u64,
    noise: impl Fn(&mut Random) -> u64,
) -> u64 {
    let first = stream.poll().expect("no cell fails").layers;
    let mut row = [0; 3];
    for layer in first..first + layers {
        row.fill_with(|| noise(random) as u8);
        let bits = stream.plan().layer_detectors(layer, None);
        let bytes = bits.div_ceil(8) as usize;
        // The bits past the row are clear.
        row[bytes - 1] &= u8::MAX >> (8 * bytes - bits as usize);
        stream.push_when_room(&row[..bytes], bits, false).expect("no cell fails");
        while stream.next_report().is_some() {}
    }
    stream.poll().expect("no cell fails").committed
}

#[test]
fn matching_both_classes_allocates_nothing_after_warm_up() {
    let model = memory(0.006);
    let shots = sample(&model, 2000);
    let graph = MatchingGraph::new(&model, &GraphOptions::default()).expect("a matchable model");
    for limit in [0, GapOptions::limit_from_natural(&graph, 4.0)] {
        let options = GapOptions { limit, ..GapOptions::default() };
        let mut gap = Gap::with_options(&graph, &options).expect("a memory has one observable on a patch");
        let mut decode_all = || {
            for (index, row) in shots.rows().enumerate() {
                let overrides = some_overrides(index, graph.edge_count());
                let answer = gap.decode(row, &overrides).expect("every shot matches");
                gap.edges(answer.observable).expect("a shot was decoded");
            }
        };
        decode_all();
        let before = allocations();
        decode_all();
        assert_eq!(allocations() - before, 0);
    }
}

#[test]
fn sums_over_all_errors_allocate_nothing() {
    let model = memory(0.006);
    let shots = sample(&model, 20);
    let mut trellis = Trellis::new(&model).expect("a small model");
    let before = allocations();
    for row in shots.rows() {
        trellis.decode(row, &mut [0]).expect("errors of the model made the shot");
    }
    assert_eq!(allocations() - before, 0);
}

#[test]
fn moments_allocate_nothing_when_they_count() {
    let model = memory(0.006);
    let shots = sample(&model, 1000);
    let mut moments = Moments::for_model(&model).expect("a small model");
    let mut rates = Rates::new(&model, &moments).expect("a small model");
    let before = allocations();
    moments.add(&shots).expect("the model's shots");
    assert_eq!(allocations() - before, 0);
    rates.fit(&moments).expect("there are shots");
    let before = allocations();
    rates.fit(&moments).expect("there are shots");
    assert_eq!(allocations() - before, 0);
}

#[test]
fn bursts_and_drift_allocate_nothing_after_they_are_made() {
    let model = memory(0.006);
    let shots = sample(&model, 1000);
    let mut moments = Moments::for_model(&model).expect("a small model");
    moments.add(&shots).expect("the model's shots");
    let mut drift = Drift::new(model.detector_count() as u32).expect("few detectors");
    let mut bursts = Bursts::new(&BurstOptions::default()).expect("the default");
    let before = allocations();
    let sums = EventSums::of(&shots);
    for _ in 0..200 {
        drift.add(&moments, &sums).expect("the model's moments");
        bursts.push(&sums).expect("decided windows were popped");
        while bursts.pop().is_some() {}
    }
    bursts.finish();
    assert!(bursts.pop().is_some());
    assert_eq!(allocations() - before, 0);
}

#[test]
fn likelihood_allocates_nothing_after_warm_up() {
    let model = memory(0.006);
    let (shots, quieter) = (sample(&model, 400), sample(&memory(0.003), 400));
    let options = DecoderKind::Likelihood.graph_options();
    let graph = Arc::new(MatchingGraph::new(&model, &options).expect("a matchable model"));
    let rule = Predecoder::rule(Arc::clone(&graph), &model, &RuleOptions::new(Rule::Smith))
        .expect("the model is the graph's");
    let with_rule = Likelihood::with_predecoder(rule, &LikelihoodOptions::default());
    let deep = LikelihoodOptions { deep_ratio: 5.0, ..LikelihoodOptions::default() };
    let deep = Likelihood::with_options(Arc::clone(&graph), &deep);
    for likelihood in [Likelihood::new(graph), with_rule, deep] {
        let mut likelihood = likelihood.expect("a memory is a patch");
        let mut decode_all = |shots: &Shots| {
            for row in shots.rows() {
                likelihood.decode(row, &mut [0]).expect("every shot has an explanation");
            }
        };
        decode_all(&shots);
        let before = allocations();
        decode_all(&shots);
        decode_all(&quieter);
        assert_eq!(allocations() - before, 0);
    }
}

#[test]
fn an_event_network_allocates_nothing_after_warm_up() {
    let model = memory(0.006);
    let shots = sample(&model, 500);
    let graph = MatchingGraph::new(&model, &GraphOptions::default()).expect("a matchable model");
    let shape = Shape { width: 32, layers: 2, radius: 3, colouring: Colouring::Mirrored, weight: 20 };
    let mut random = Random(1);
    let file = NetworkFile::random(&shape, &mut || random.word());
    let network = EventNetwork::from_bytes(&file.bytes()).expect("a valid network");
    let mut predecoder = Predecoder::event_network(Arc::new(network), Arc::new(graph), &model, Isa::Auto)
        .expect("made for this code");
    let events: Vec<Vec<u32>> =
        shots.rows().map(|row| (0..8 * row.len() as u32).filter(|&k| bit(row, k)).collect()).collect();
    let mut run = || {
        for shot in &events {
            predecoder.apply(PredecoderUse::Soft, shot).expect("valid events");
            predecoder.apply(PredecoderUse::Hard, shot).expect("valid events");
        }
    };
    run();
    let before = allocations();
    run();
    assert_eq!(allocations() - before, 0);
}

fn bit(row: &[u8], index: u32) -> bool {
    row[index as usize / 8] >> (index % 8) & 1 == 1
}

#[test]
fn sampling_allocates_nothing() {
    let model = memory(0.006);
    let graph = MatchingGraph::new(&model, &GraphOptions::default()).expect("a matchable model");
    let mut sampler =
        Sampler::with_graph(&model, &graph, &SamplerOptions::default()).expect("the model's own graph");
    let (mut detectors, mut observables) = sampler.batches();
    let mut edges = Shots::new(sampler.edge_count());
    for batch in [&mut detectors, &mut observables, &mut edges] {
        batch.resize(1000);
    }

    let circuit = Circuit::uniform(CircuitFamily::Paper, 0.006);
    let code = SurfaceCode::memory(7, 7).circuit(circuit).build().expect("valid options");
    let mut labels = LabelSampler::new(&code, &LabelOptions::default()).expect("a small code");
    let mut batch = labels.batch();
    labels.sample(0, 1000, &mut batch).expect("the sampler's own batch");

    let before = allocations();
    sampler
        .sample_with_edges(0, 1000, &mut detectors, &mut observables, &mut edges)
        .expect("batches of the right width");
    labels.sample(5000, 1000, &mut batch).expect("the sampler's own batch");
    assert_eq!(allocations() - before, 0);
}

#[test]
fn converting_measurements_allocates_nothing() {
    let code = SurfaceCode::memory(5, 20).build().expect("valid options");
    let map = MeasurementMap::parse(&code.circuit_text()).expect("a memory");
    let mut measurements = Shots::zeroed(map.measurement_count(), 100);
    measurements.as_mut_bytes().fill(0x5A);
    let (mut detectors, mut observables) = map.batches();
    for batch in [&mut detectors, &mut observables] {
        batch.resize(measurements.len());
    }
    let before = allocations();
    map.convert(&measurements, None, &mut detectors, &mut observables).expect("batches of the right width");
    map.convert_known(measurements.row(7), None, 0, map.known(99), detectors.row_mut(7))
        .expect("known places");
    assert_eq!(allocations() - before, 0);
}

#[test]
fn measurement_streams_allocate_nothing() {
    let code = SurfaceCode::memory(5, 20).build().expect("valid options");
    let map = MeasurementMap::parse(&code.circuit_text()).expect("a memory");
    let before = allocations();
    let mut stream = MeasurementStream::new(&map).expect("rounds that repeat");
    assert!(allocations() > before);
    let before = allocations();
    stream.start(None).expect("no sweep bits");
    for round in 0..10_000 {
        let (row, count) =
            if round < 9_999 { (&[0x5A; 3][..], 24) } else { (&[0x5A, 0x5A, 0x5A, 0][..], 25) };
        stream.push(row, count, round == 9_999).expect("no layer waits");
        while stream.next().is_some() {}
    }
    assert_eq!(allocations() - before, 0);
}

#[test]
fn preparing_batches_allocates_nothing_after_warm_up() {
    let model = memory(0.006);
    let shots = sample(&model, 500);
    let graph = Arc::new(MatchingGraph::new(&model, &GraphOptions::default()).expect("a matchable model"));
    let offsets = [[0, 0, 1], [1, 1, 0], [1, -1, 0], [-1, -1, 1], [-1, 1, 1], [-2, 0, 1]];
    let there_and_back = offsets.into_iter().flat_map(|offset| [offset, offset.map(|step: i32| -step)]);
    let geometry = Geometry {
        plane: None,
        pitch: [2, 2, 1],
        kind_rule: [1, 1, 0],
        transposed: vec![false, true],
        sets: vec![0, 0],
        radius: 3,
        slots: vec![there_and_back.map(Slot::Offset).chain([Slot::Boundary]).collect()],
    };
    let mut training = Training::new(graph, &model, &geometry).expect("a surface code's lattice");
    training.prepare(&shots, None).expect("valid shots");
    let before = allocations();
    training.prepare(&shots, None).expect("valid shots");
    assert_eq!(allocations() - before, 0);
}

/// Decodes every shot in each way there is.
fn decode_all(decoder: &mut Decoder, shots: &Shots) {
    let edge_count = decoder.graph().edge_count();
    let mut observables = [0];
    for (index, row) in shots.rows().enumerate() {
        decoder.decode(row, &[], &mut observables).expect("every shot matches");
        decoder.edges().expect("a shot was decoded");
        if decoder.kind() != DecoderKind::UnionFind {
            decoder.pairs().expect("a shot was decoded");
        }
        decoder
            .decode(row, &some_overrides(index, edge_count), &mut observables)
            .expect("every shot matches");
    }
}

fn some_overrides(shot: usize, edge_count: u32) -> [Override; 3] {
    [17, 4711, 31_337].map(|stride| Override {
        edge: ((shot as u64 * stride) % u64::from(edge_count)) as u32,
        weight: (stride % 5) as i32 * 1000 - 2000,
    })
}

fn memory(p: f64) -> DetectorErrorModel {
    let circuit = Circuit::uniform(CircuitFamily::Stim, p);
    let code = SurfaceCode::memory(7, 7).basis(Basis::X).circuit(circuit).build().expect("valid options");
    code.model().expect("a small model")
}

fn sample(model: &DetectorErrorModel, count: usize) -> Shots {
    let mut sampler = Sampler::new(model, 11).expect("a small model");
    let (mut detectors, mut observables) = sampler.batches();
    sampler.sample(0, count, &mut detectors, &mut observables).expect("batches of the right width");
    detectors
}

thread_local! {
    /// Calls on this thread; constant and without a destructor, so that counting allocates nothing itself.
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

fn allocations() -> u64 {
    ALLOCATIONS.get()
}

fn count() {
    ALLOCATIONS.set(ALLOCATIONS.get() + 1);
}

/// Defines a function of the C library that counts its calls and passes them on to the next definition: the C
/// library's, or a sanitizer's.
macro_rules! counted {
    ($(fn $name:ident($($argument:ident: $type:ty),*) -> $result:ty;)*) => {$(
        /// # Safety
        /// As the C library's.
        #[unsafe(no_mangle)]
        unsafe extern "C" fn $name($($argument: $type),*) -> $result {
            static NEXT: AtomicPtr<c_void> = AtomicPtr::new(ptr::null_mut());
            count();
            type Function = unsafe extern "C" fn($($type),*) -> $result;
            let next = next_definition(concat!(stringify!($name), "\0"), &NEXT);
            // SAFETY: the symbol of this name has this signature, and the caller keeps its contract.
            unsafe { std::mem::transmute::<*mut c_void, Function>(next)($($argument),*) }
        }
    )*};
}

counted! {
    fn malloc(bytes: usize) -> *mut c_void;
    fn calloc(members: usize, bytes: usize) -> *mut c_void;
    fn realloc(memory: *mut c_void, bytes: usize) -> *mut c_void;
    fn aligned_alloc(alignment: usize, bytes: usize) -> *mut c_void;
    fn posix_memalign(out: *mut *mut c_void, alignment: usize, bytes: usize) -> c_int;
}

/// The definition after this executable's, looked up once.
fn next_definition(name: &'static str, cache: &AtomicPtr<c_void>) -> *mut c_void {
    const RTLD_NEXT: *mut c_void = ptr::without_provenance_mut(usize::MAX);
    unsafe extern "C" {
        fn dlsym(handle: *mut c_void, name: *const c_char) -> *mut c_void;
    }
    let known = cache.load(Ordering::Relaxed);
    if !known.is_null() {
        return known;
    }
    // SAFETY: the name ends in NUL; looking up a symbol that exists allocates nothing in glibc.
    let found = unsafe { dlsym(RTLD_NEXT, name.as_ptr().cast()) };
    cache.store(found, Ordering::Relaxed);
    found
}
