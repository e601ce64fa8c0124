//! New numbers on an old topology: graphs, windows, decoders, gaps and pre-decoders after a change of the errors'
//! probabilities, each against the same made anew from a model with the new probabilities.

use outrider::{
    Basis, Circuit, CircuitFamily, Decoder, DecoderKind, DecoderOptions, DenseNetwork, DenseOptions,
    DetectorErrorModel, Error, EventNetwork, Gap, GapOptions, GraphOptions, InstructionKind, Isa,
    MatchingGraph, Override, Predecoder, PredecoderUse, Role, Rule, RuleOptions, Sampler, Status,
    SurfaceCode, Window, WindowDecoder,
};
use std::fmt::Write;
use std::sync::Arc;

use crate::support::decoding::set_bits;
use crate::support::event_network::{Colouring, NetworkFile, Shape};
use crate::support::random::Random;
use crate::support::random_model::{Signs, random_events, random_model};

const MODELS: usize = 400;

fn options(correlations: bool) -> GraphOptions {
    GraphOptions { correlations, reweightable: true, first_observables: true, ..GraphOptions::default() }
}

fn build(model: &DetectorErrorModel, correlations: bool) -> Arc<MatchingGraph> {
    Arc::new(MatchingGraph::new(model, &options(correlations)).expect("a matchable model"))
}

/// The probabilities of a model's errors, flat and in order.
fn probabilities(model: &DetectorErrorModel) -> Vec<f64> {
    let mut walk = model.walk().expect("memory");
    let mut found = Vec::new();
    while let Some(instruction) = walk.step() {
        if let InstructionKind::Error { probability, .. } = instruction.kind {
            found.push(probability);
        }
    }
    found
}

/// The model, flat, with other probabilities.
fn with_probabilities(model: &DetectorErrorModel, probabilities: &[f64]) -> DetectorErrorModel {
    let mut walk = model.walk().expect("memory");
    let mut next = probabilities.iter();
    let mut text = String::new();
    while let Some(instruction) = walk.step() {
        let targets = match instruction.kind {
            InstructionKind::Error { targets, .. } => {
                write!(text, "error({:?})", next.next().expect("one for each error")).unwrap();
                targets
            }
            InstructionKind::Detector { coordinates, targets } => {
                let coordinates: Vec<_> = coordinates.iter().map(f64::to_string).collect();
                write!(text, "detector({})", coordinates.join(", ")).unwrap();
                targets
            }
            InstructionKind::Observable { targets } => {
                text.push_str("logical_observable");
                targets
            }
            _ => unreachable!("a walk is flat"),
        };
        for target in targets {
            write!(text, " {target}").unwrap();
        }
        text.push('\n');
    }
    assert_eq!(next.next(), None);
    DetectorErrorModel::parse(&text.replace("detector()", "detector")).expect("a model again")
}

/// Another probability for each error that can happen.
fn drifted(random: &mut Random, before: &[f64], signs: Signs) -> Vec<f64> {
    let uniform = |random: &mut Random| (1 + random.below(1 << 20)) as f64 / f64::from(1 << 21);
    let drift = |random: &mut Random, p: f64| match random.below(8) {
        0 => 0.5,
        1 if p <= 0.5 => p,
        2 => 1e-300 * uniform(random),
        3 if signs == Signs::Any => 1.0 - uniform(random),
        4 if signs == Signs::Any && random.below(4) == 0 => 1.0,
        _ => uniform(random),
    };
    before.iter().map(|&p| if p == 0.0 { 0.0 } else { drift(random, p) }).collect()
}

/// Moderate noise, as on a real device: all errors differ, none is certain.
fn noise(random: &mut Random, before: &[f64]) -> Vec<f64> {
    before.iter().map(|&p| p * (0.3 + random.below(1 << 20) as f64 / f64::from(1 << 19))).collect()
}

fn assert_same_graph(found: &MatchingGraph, expected: &MatchingGraph) {
    assert_eq!(found.scale().to_bits(), expected.scale().to_bits());
    assert_eq!(found.node_count(), expected.node_count());
    assert_eq!(found.observable_count(), expected.observable_count());
    assert_eq!(found.has_correlations(), expected.has_correlations());
    assert_eq!(found.ignored_count(), expected.ignored_count());
    assert_eq!(found.undetectable_count(), expected.undetectable_count());
    assert_eq!(found.edge_count(), expected.edge_count());
    for (index, (a, b)) in found.edges().zip(expected.edges()).enumerate() {
        assert_eq!((a, a.probability.to_bits()), (b, b.probability.to_bits()), "edge {index}");
        let rules = |graph: &MatchingGraph| Vec::from_iter(graph.implied(index as u32).unwrap());
        assert_eq!(rules(found), rules(expected));
    }
}

fn surface(distance: u32, family: CircuitFamily, p: f64) -> DetectorErrorModel {
    let code = SurfaceCode::memory(distance, distance).basis(Basis::X).circuit(Circuit::uniform(family, p));
    code.build().and_then(|code| code.model()).expect("valid options")
}

fn golden_models() -> Vec<DetectorErrorModel> {
    [
        include_str!("golden/model/nested.dem"),
        include_str!("golden/model/negative.dem"),
        include_str!("golden/model/surface_x_d3.dem"),
        include_str!("golden/model/surface_z_d4.dem"),
        include_str!("golden/model/repetition_d5.dem"),
        "error(0) D0 D1\nerror(0.1) D0 D1 L0\nerror(0.1) L0\nerror(0) L1\nerror(0.2)\nerror(0.3) D1",
        "repeat 1000 {\nerror(0.1) D0 D1 ^ D1 D2\nerror(0.05) D0\nshift_detectors(0, 1) 1\n}",
        "error(0.1) D0 D1 ^ D0 D1 ^ D1\nerror(0.2) D1 ^ D0\nerror(0.2) D1 ^ D1 ^ D1",
        "error(0.5) D0 D1\nerror(0.5) D1 ^ D2",
        "detector D4",
        "",
    ]
    .iter()
    .map(|text| DetectorErrorModel::parse(text).expect("a valid model"))
    .collect()
}

/// Reweights the graph of `model`, and compares; unless certain errors cancel elsewhere than before.
fn check_graph(model: &DetectorErrorModel, random: &mut Random, correlations: bool, signs: Signs) -> bool {
    let Ok(graph) = MatchingGraph::new(model, &options(correlations)) else {
        return false; // a component without detectors, with correlations
    };
    let graph = Arc::new(graph);
    let before = probabilities(model);
    assert_eq!(graph.error_count(), before.len() as u64);
    assert_same_graph(&graph.reweighted(&before).expect("its own numbers"), &graph);
    let after = drifted(random, &before, signs);
    let expected = build(&with_probabilities(model, &after), correlations);
    let ends = |graph: &MatchingGraph| graph.edges().map(|edge| (edge.node1, edge.node2)).collect::<Vec<_>>();
    match graph.reweighted(&after) {
        Ok(found) => {
            assert_same_graph(&found, &expected);
            if !correlations {
                let edges: Vec<f64> = expected.edges().map(|edge| edge.probability).collect();
                assert_same_graph(&graph.reweighted_edges(&edges).expect("edges of a graph"), &expected);
            }
            // And back again, from the copy, which may be gone before its own copy is.
            let found = Arc::new(found);
            let back = found.reweighted(&before).expect("numbers that it had");
            drop(found);
            assert_same_graph(&back, &graph);
            true
        }
        Err(error) => {
            assert_eq!(error.status(), Some(Status::Probability), "{error}");
            assert_ne!(ends(&graph), ends(&expected), "{error}");
            false
        }
    }
}

#[test]
fn a_reweighted_graph_is_a_rebuilt_one() {
    let random = &mut Random(1);
    for model in golden_models() {
        for correlations in [false, true] {
            let done = (0..20).filter(|_| check_graph(&model, random, correlations, Signs::Any)).count();
            assert!(done > 0 || correlations, "no drift was taken");
        }
    }
    for distance in [3, 5, 7, 9] {
        for family in [CircuitFamily::Stim, CircuitFamily::Paper] {
            let model = surface(distance, family, 0.003);
            assert!(check_graph(&model, random, true, Signs::NonNegative));
            assert!(check_graph(&model, random, false, Signs::NonNegative));
        }
    }
}

#[test]
fn an_edge_that_vanishes_does_so_again() {
    let text = |p: f64| format!("error(1) D0 D1 ^ D0 D1 ^ D2 ^ D3\nerror({p}) D2 ^ D4");
    for correlations in [false, true] {
        let graph_of = |p| build(&DetectorErrorModel::parse(&text(p)).expect("a valid model"), correlations);
        let graph = graph_of(0.1);
        assert_eq!(graph.edge_count(), 3, "1 and 1 cancel to 0");
        for p in [0.1, 0.3] {
            assert_same_graph(&graph.reweighted(&[1.0, p]).expect("it cancels again"), &graph_of(p));
        }
    }
}

#[test]
fn reweighted_random_graphs_are_rebuilt_ones() {
    let mut taken = [0, 0];
    for seed in 0..MODELS as u64 {
        let random = &mut Random(seed);
        let text = random_model(random, 12, Signs::Any);
        let model = DetectorErrorModel::parse(&text).expect("a valid model");
        for correlations in [false, true] {
            let mut before = drifted(random, &probabilities(&model), Signs::Any);
            before.iter_mut().filter(|_| random.below(6) == 0).for_each(|p| *p = 0.0);
            let model = with_probabilities(&model, &before);
            taken[usize::from(correlations)] +=
                usize::from(check_graph(&model, random, correlations, Signs::Any));
        }
    }
    // Two certain errors on one edge are rare.
    assert!(taken.iter().all(|&taken| taken > MODELS * 9 / 10), "{taken:?}");
}

#[test]
fn what_a_graph_cannot_take_is_refused() {
    let status = |result: Result<MatchingGraph, Error>| result.expect_err("refused").status().unwrap();
    let model = DetectorErrorModel::parse(
        "error(0.1) D0 D1\nerror(0) D1\nerror(0.2) D1 L0\nerror(1) D2\nerror(1) D2",
    )
    .expect("a valid model");
    let graph = build(&model, false);
    for wrong in [
        [0.1, 0.1, 0.2, 1.0, 1.0], // could not happen before
        [0.0, 0.0, 0.2, 1.0, 1.0], // can no longer happen
        [0.1, 0.0, 0.2, 0.9, 1.0], // two certain errors do not cancel any more
        [-0.1, 0.0, 0.2, 1.0, 1.0],
        [1.1, 0.0, 0.2, 1.0, 1.0],
        [f64::NAN, 0.0, 0.2, 1.0, 1.0],
        [0.1, f64::NAN, 0.2, 1.0, 1.0],
    ] {
        assert_eq!(status(graph.reweighted(&wrong)), Status::Probability, "{wrong:?}");
    }
    assert_eq!(status(graph.reweighted(&[0.1; 4])), Status::Argument);
    assert_eq!(graph.reweighted(&[0.2, -0.0, 0.2, 1.0, 1.0]).expect("-0 is 0").edge_count(), 2);

    let message = graph.reweighted(&[0.1, 0.0, 2.0, 1.0, 1.0]).expect_err("2").to_string();
    assert!(message.contains("error 2 has probability 2"), "{message}");

    for wrong in [[0.1, 0.0], [0.1, 1.5], [f64::NAN, 0.1]] {
        assert_eq!(status(graph.reweighted_edges(&wrong)), Status::Probability, "{wrong:?}");
    }
    assert!(matches!(graph.reweighted_edges(&[0.1]), Err(Error::Length { .. })));

    let plain = Arc::new(MatchingGraph::new(&model, &GraphOptions::default()).expect("a matchable model"));
    assert_eq!((status(plain.reweighted(&[0.1; 5])), plain.error_count()), (Status::Unsupported, 0));
    assert_eq!(plain.reweighted_edges(&[0.3, 0.4]).expect("any plain graph").edge_count(), 2);

    let model = DetectorErrorModel::parse("error(0.1) D0 D1 ^ D1").expect("a valid model");
    let correlated = build(&model, true);
    assert_eq!(status(correlated.reweighted(&[1.1])), Status::Probability);
    assert!(correlated.reweighted(&[0.6]).is_ok(), "above 1/2");
    assert_eq!(status(correlated.reweighted_edges(&[0.1, 0.1])), Status::Unsupported);
    assert!(graph.heap_bytes() > plain.heap_bytes(), "what errors add to takes room");

    // Which observables the edge has may depend on the numbers, unless it is those of the first error.
    let model = DetectorErrorModel::parse("error(0.1) D0\nerror(0.2) D0 L0").expect("a valid model");
    let options = GraphOptions { reweightable: true, first_observables: false, ..GraphOptions::default() };
    let likelier = Arc::new(MatchingGraph::new(&model, &options).expect("a matchable model"));
    assert_eq!(status(likelier.reweighted(&[0.2, 0.1])), Status::Unsupported);
    let first = build(&model, false).reweighted(&[0.2, 0.1]).expect("its observables stay");
    assert_eq!(first.edge(0).expect("one edge").observables, [] as [u32; 0]);
}

/// What is kept grows with the flattened errors, so it has a limit of its own.
#[test]
fn long_repeats_are_refused_at_once() {
    let model = DetectorErrorModel::parse("repeat 1000000000 {\nerror(0.1) D0 D1\n}").expect("a valid model");
    let error = MatchingGraph::new(&model, &options(false)).expect_err("a billion errors");
    assert_eq!(error.status(), Some(Status::Limit), "{error}");
}

/// What a decoder says of a shot.
fn answer(
    decoder: &mut Decoder,
    events: &[u32],
    overrides: &[Override],
) -> Result<(Vec<u8>, i64, Vec<u32>), Option<Status>> {
    let mut observables = vec![0; decoder.graph().observable_bytes()];
    let result =
        decoder.decode_events(events, overrides, &mut observables).map_err(|error| error.status())?;
    Ok((observables, result.weight, decoder.edges().expect("a shot was decoded").to_vec()))
}

fn random_overrides(random: &mut Random, graph: &MatchingGraph) -> Vec<Override> {
    let count = if graph.edge_count() > 0 { random.below(3) } else { 0 };
    let draw = |random: &mut Random| Override {
        edge: random.below(graph.edge_count() as usize) as u32,
        weight: graph.quantize(random.below(2000) as f64 / 200.0 - 3.0).expect("held"),
    };
    (0..count).map(|_| draw(random)).collect()
}

#[test]
fn a_reweighted_decoder_answers_as_one_made_anew() {
    let mut decoded = 0;
    for seed in 0..MODELS as u64 {
        let random = &mut Random(seed);
        let kind = DecoderKind::OF_SHOTS[random.below(3)];
        let correlations = kind.needs_correlations();
        let signs = Signs::Any;
        let model = DetectorErrorModel::parse(&random_model(random, 14, signs)).expect("a valid model");
        let graph = build(&model, correlations);
        let after = drifted(random, &probabilities(&model), signs);
        let Ok(reweighted) = graph.reweighted(&after) else { continue };
        let rebuilt = build(&with_probabilities(&model, &after), correlations);
        let certify = kind != DecoderKind::UnionFind;
        let weight_offset = if random.below(3) == 0 { rebuilt.quantize(-0.4).expect("held") } else { 0 };
        let options = DecoderOptions { kind, certify, ..DecoderOptions::default() };
        let mut found = Decoder::with_options(Arc::clone(&graph), &options).expect("its graph");
        let options = DecoderOptions { weight_offset, ..options };
        let mut expected = Decoder::with_options(rebuilt, &options).expect("its graph");
        let nodes = graph.node_count() as usize;
        for _ in 0..4 {
            let _warm = answer(&mut found, &random_events(random, nodes, nodes), &[]);
        }
        found.reweight(Arc::new(reweighted), weight_offset).expect("the same topology");
        assert!(found.edges().is_err(), "the last shot is no more");
        for _ in 0..8 {
            let events = random_events(random, nodes, nodes);
            let overrides = random_overrides(random, &graph);
            let told = answer(&mut found, &events, &overrides);
            assert_eq!(told, answer(&mut expected, &events, &overrides), "{kind}, seed {seed}");
            decoded += usize::from(told.is_ok());
        }
    }
    assert!(decoded > MODELS, "{decoded}");
}

/// Shots of a model as lists of events.
fn sample(model: &DetectorErrorModel, count: usize) -> Vec<Vec<u32>> {
    let mut sampler = Sampler::new(model, 7).expect("a small model");
    let (mut detectors, mut observables) = sampler.batches();
    sampler.sample(0, count, &mut detectors, &mut observables).expect("batches of the right width");
    detectors.rows().map(set_bits).collect()
}

#[test]
fn surface_codes_are_decoded_under_the_new_noise() {
    let random = &mut Random(3);
    let model = surface(7, CircuitFamily::Stim, 0.006);
    let shots = sample(&model, 400);
    for kind in DecoderKind::OF_SHOTS {
        let graph = build(&model, kind.needs_correlations());
        let mut found = Decoder::new(Arc::clone(&graph), kind).expect("its graph");
        let mut differ = 0;
        for _ in 0..2 {
            let before: Vec<_> = shots.iter().map(|events| answer(&mut found, events, &[])).collect();
            let after = noise(random, &probabilities(&model));
            let mut expected =
                Decoder::from_model(&with_probabilities(&model, &after), kind).expect("a matchable model");
            found.reweight(Arc::new(graph.reweighted(&after).expect("noise")), 0).expect("the topology");
            for (events, before) in shots.iter().zip(before) {
                let told = answer(&mut found, events, &[]);
                assert_eq!(told, answer(&mut expected, events, &[]), "{kind}");
                differ += usize::from(told.unwrap().2 != before.unwrap().2);
            }
        }
        assert!(differ > 100, "{kind}: the noise made a difference in {differ} shots only");
    }
}

#[test]
fn another_topology_is_refused() {
    let model = surface(3, CircuitFamily::Stim, 0.01);
    let (graph, twin, correlated) = (build(&model, false), build(&model, false), build(&model, true));
    let mut decoder = Decoder::new(Arc::clone(&graph), DecoderKind::Mwpm).expect("its graph");
    let shot = &sample(&model, 9)[8];
    let before = answer(&mut decoder, shot, &[]);
    // A twin has the same edges, but what shares no topology cannot be told from what has another.
    for other in [&twin, &correlated] {
        let error = decoder.reweight(Arc::clone(other), 0).expect_err("another topology");
        assert_eq!(error.status(), Some(Status::Argument), "{error}");
    }
    assert_eq!(answer(&mut decoder, shot, &[]), before);
    decoder.reweight(Arc::clone(&graph), 0).expect("its own");
    assert_eq!(answer(&mut decoder, shot, &[]), before);

    let roles = vec![Role::Cell; graph.node_count() as usize];
    let window = Arc::new(Window::new(Arc::clone(&graph), &roles).expect("a cell"));
    let other = Arc::new(Window::new(Arc::clone(&graph), &roles).expect("a cell"));
    let error = window.reweighted(twin).expect_err("another topology");
    assert_eq!(error.status(), Some(Status::Argument), "{error}");
    let mut decoder = WindowDecoder::new(window, None, &DecoderOptions::default()).expect("its graph");
    let error = decoder.reweight(other, 0).expect_err("another window");
    assert_eq!(error.status(), Some(Status::Argument), "{error}");
}

fn random_roles(random: &mut Random, nodes: usize) -> Vec<Role> {
    let all = [Role::Outside, Role::Buffer, Role::Cell, Role::Closed];
    let mut roles: Vec<Role> = (0..nodes).map(|_| all[random.below(4)]).collect();
    roles[random.below(nodes)] = Role::Cell;
    roles
}

fn assert_same_window(found: &Window, expected: &Window) {
    assert_eq!(found.detectors(), expected.detectors());
    assert_eq!((found.marks_max(), found.blind_count()), (expected.marks_max(), expected.blind_count()));
    assert_eq!(found.edge_count(), expected.edge_count());
    for edge in 0..found.edge_count() {
        assert_eq!(found.edge(edge).unwrap(), expected.edge(edge).unwrap(), "edge {edge}");
    }
}

/// A commit's observables, marks and edges.
type Commit = (Vec<u8>, Vec<u32>, Vec<u32>);

fn decide(
    decoder: &mut WindowDecoder,
    events: &[u32],
    marks: &[u32],
    overrides: &[Override],
) -> Result<Commit, Option<Status>> {
    let commit = decoder.decode(events, marks, overrides).map_err(|error| error.status())?;
    Ok((commit.observables.to_vec(), commit.marks.to_vec(), commit.edges.to_vec()))
}

#[test]
fn a_reweighted_window_is_one_made_anew() {
    let (mut decided, mut resourced) = (0, 0);
    for seed in 0..MODELS as u64 {
        let random = &mut Random(seed);
        let kind = DecoderKind::OF_SHOTS[random.below(3)];
        let correlations = kind.needs_correlations();
        let signs = Signs::Any;
        let model = DetectorErrorModel::parse(&random_model(random, 14, signs)).expect("a valid model");
        let graph = build(&model, correlations);
        let nodes = graph.node_count() as usize;
        let after = drifted(random, &probabilities(&model), signs);
        let Ok(reweighted) = graph.reweighted(&after) else { continue };
        let roles = random_roles(random, nodes);
        let rebuilt = build(&with_probabilities(&model, &after), correlations);
        let expected = Arc::new(Window::new(Arc::clone(&rebuilt), &roles).expect("a cell"));
        let before = Arc::new(Window::new(Arc::clone(&graph), &roles).expect("a cell"));
        let found = Arc::new(before.reweighted(Arc::new(reweighted)).expect("the same topology"));
        assert_same_window(&found, &expected);
        resourced += usize::from(
            (0..found.edge_count()).any(|edge| found.edge(edge).unwrap() != before.edge(edge).unwrap()),
        );
        assert_same_window(&found.reweighted(Arc::clone(&graph)).expect("numbers that it had"), &before);

        let weight_offset = if random.below(3) == 0 { rebuilt.quantize(0.3).expect("held") } else { 0 };
        let options = DecoderOptions { kind, ..DecoderOptions::default() };
        let mut decoder = WindowDecoder::new(before, None, &options).expect("its graph");
        let _warm = decide(&mut decoder, &random_events(random, nodes, nodes), &[], &[]);
        decoder.reweight(found, weight_offset).expect("the same topology");
        let options = DecoderOptions { weight_offset, ..options };
        let mut fresh = WindowDecoder::new(expected, None, &options).expect("its graph");
        for _ in 0..8 {
            let events = random_events(random, nodes, nodes);
            let overrides = random_overrides(random, &graph);
            let all_marks = nodes + if correlations { graph.edge_count() as usize } else { 0 };
            let marks: Vec<u32> = (0..random.below(6)).map(|_| random.below(all_marks) as u32).collect();
            let told = decide(&mut decoder, &events, &marks, &overrides);
            assert_eq!(told, decide(&mut fresh, &events, &marks, &overrides), "{kind}, seed {seed}");
            decided += usize::from(told.is_ok());
        }
    }
    assert!(decided > MODELS && resourced > MODELS / 10, "{decided} {resourced}");
}

/// Forward windows over a surface code: marks go from one to the next.
#[test]
fn windows_of_a_surface_code_take_new_noise() {
    let random = &mut Random(5);
    let model = surface(7, CircuitFamily::Stim, 0.006);
    let shots = sample(&model, 100);
    for kind in DecoderKind::OF_SHOTS {
        let graph = build(&model, kind.needs_correlations());
        let after = noise(random, &probabilities(&model));
        let reweighted = Arc::new(graph.reweighted(&after).expect("noise"));
        let rebuilt = build(&with_probabilities(&model, &after), kind.needs_correlations());
        let nodes = graph.node_count();
        let cuts = [0, nodes / 3, 2 * nodes / 3, nodes];
        let roles = |cell: usize| -> Vec<Role> {
            let role = |node| match node {
                node if node < cuts[cell] => Role::Closed,
                node if node < cuts[cell + 1] => Role::Cell,
                node if node < cuts[cell + 1] + nodes / 4 => Role::Buffer,
                _ => Role::Outside,
            };
            (0..nodes).map(role).collect()
        };
        let options = DecoderOptions { kind, ..DecoderOptions::default() };
        let mut decoders: Vec<[WindowDecoder; 2]> = (0..3)
            .map(|cell| {
                let window = Arc::new(Window::new(Arc::clone(&graph), &roles(cell)).expect("a cell"));
                let mut found = WindowDecoder::new(Arc::clone(&window), None, &options).expect("its graph");
                let window = Arc::new(window.reweighted(Arc::clone(&reweighted)).expect("the topology"));
                found.reweight(window, 0).expect("the topology");
                let window = Arc::new(Window::new(Arc::clone(&rebuilt), &roles(cell)).expect("a cell"));
                [found, WindowDecoder::new(window, None, &options).expect("its graph")]
            })
            .collect();
        let mut passed = 0;
        for events in &shots {
            let mut marks = Vec::new();
            for [found, expected] in &mut decoders {
                let told = decide(found, events, &marks, &[]).expect("a window matches");
                assert_eq!(Ok(&told), decide(expected, events, &marks, &[]).as_ref(), "{kind}");
                marks.extend(told.1);
            }
            passed += marks.len();
        }
        assert!(passed > 100, "{kind}: {passed} marks");
    }
}

#[test]
fn a_reweighted_gap_matches_as_one_made_anew() {
    let random = &mut Random(8);
    let model = surface(5, CircuitFamily::Stim, 0.008);
    let shots = sample(&model, 200);
    let graph = build(&model, false);
    for (natural_limit, offset) in [(0.0, 0.0), (6.0, 0.0), (9.0, 0.5)] {
        let limits = |graph: &MatchingGraph| GapOptions {
            weight_offset: graph.quantize(offset).expect("held"),
            limit: graph.quantize(natural_limit).expect("held"),
            ..GapOptions::default()
        };
        let mut found = Gap::with_options(&graph, &limits(&graph)).expect("a patch");
        for events in &shots {
            found.decode_events(events, &[]).expect("it matches");
        }
        let after = noise(random, &probabilities(&model));
        let rebuilt = build(&with_probabilities(&model, &after), false);
        let GapOptions { weight_offset, limit, .. } = limits(&rebuilt);
        let mut expected = Gap::with_options(&rebuilt, &limits(&rebuilt)).expect("a patch");
        // A gap keeps no graph, so any one with these edges will do.
        let other = if offset == 0.0 { Arc::new(graph.reweighted(&after).expect("noise")) } else { rebuilt };
        found.reweight(&other, weight_offset, limit).expect("the topology");
        drop(other);
        for events in &shots {
            let told = found.decode_events(events, &[]).expect("it matches");
            assert_eq!(told, expected.decode_events(events, &[]).expect("it matches"));
            let class = told.observable;
            assert_eq!(found.edges(class).unwrap(), expected.edges(class).unwrap());
        }
        let status = |result: Result<(), Error>| result.expect_err("refused").status();
        let limit_or_none = if limit == 0 { 2 } else { 0 };
        assert_eq!(status(found.reweight(&graph, 0, limit_or_none)), Some(Status::Argument));
        assert_eq!(status(found.reweight(&graph, 0, limit + 1)), Some(Status::Argument));
        let larger = build(&surface(7, CircuitFamily::Stim, 0.01), false);
        assert_eq!(status(found.reweight(&larger, 0, limit)), Some(Status::Argument));
        let events = &shots[3];
        assert_eq!(found.decode_events(events, &[]).unwrap(), expected.decode_events(events, &[]).unwrap());
    }
}

/// A random network; the noise of a graph matters this much.
fn event_network(noise: f64) -> Arc<EventNetwork> {
    let shape = Shape { width: 32, layers: 2, radius: 2, colouring: Colouring::Mirrored, weight: 6 };
    let mut random = Random(2);
    let mut file = NetworkFile::random(&shape, &mut || random.word());
    let embed = file.tensors.get_mut("noise.embed").expect("every network has it");
    embed.values.iter_mut().for_each(|value| *value *= noise);
    Arc::new(EventNetwork::from_bytes(&file.bytes()).expect("a network"))
}

/// A dense network, and the code that it was calibrated for.
fn dense_network() -> (Arc<DenseNetwork>, SurfaceCode) {
    let circuit = Circuit::uniform(CircuitFamily::Paper, 0.006);
    let code = SurfaceCode::memory(5, 5).circuit(circuit).build().expect("valid options");
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/c_core/tests/golden/dense/narrow.safetensors");
    let mut network =
        DenseNetwork::from_bytes(&std::fs::read(file).expect("a golden file")).expect("a network");
    let mut sampler = Sampler::new(&code.model().expect("a small model"), 3).expect("a small model");
    let (mut detectors, mut observables) = sampler.batches();
    sampler.sample(0, 30, &mut detectors, &mut observables).expect("its batches");
    network.calibrate(&code, &detectors).expect("the code's shots");
    (Arc::new(network), code)
}

/// Makes a pre-decoder on a graph and its model, reweights it and its decoder, and compares with fresh ones.
fn check_predecoder(
    model: &DetectorErrorModel,
    make: &dyn Fn(&Arc<MatchingGraph>, &DetectorErrorModel) -> Predecoder,
) {
    let random = &mut Random(4);
    let graph = build(model, false);
    let shots = sample(model, 60);
    for predecoder_use in PredecoderUse::ALL {
        let decoder_on = |graph: &Arc<MatchingGraph>, model: &DetectorErrorModel| {
            let mut predecoder = make(graph, model);
            predecoder.set_threshold(0.7).expect("between 0 and 1");
            let options = DecoderOptions { predecoder_use, ..DecoderOptions::default() };
            Decoder::with_predecoder(predecoder, &options).expect("both uses")
        };
        let mut found = decoder_on(&graph, model);
        let after = noise(random, &probabilities(model));
        let changed = with_probabilities(model, &after);
        let mut expected = decoder_on(&build(&changed, false), &changed);
        found.reweight(Arc::new(graph.reweighted(&after).expect("noise")), 0).expect("the topology");
        for events in &shots {
            let mut flips = [[0], [0]];
            let told = found.decode_events(events, &[], &mut flips[0]).expect("it matches");
            assert_eq!(told, expected.decode_events(events, &[], &mut flips[1]).expect("it matches"));
            assert_eq!(flips[0], flips[1], "{predecoder_use}");
        }
    }
}

#[test]
fn pre_decoders_take_new_noise() {
    let model = surface(5, CircuitFamily::Stim, 0.006);
    for rule in [Rule::Clique, Rule::Smith] {
        check_predecoder(&model, &|graph, model| {
            Predecoder::rule(Arc::clone(graph), model, &RuleOptions::new(rule)).expect("the model's graph")
        });
    }
    let network = event_network(1.0);
    check_predecoder(&model, &|graph, model| {
        Predecoder::event_network(Arc::clone(&network), Arc::clone(graph), model, Isa::Auto)
            .expect("a lattice")
    });
    let (network, code) = dense_network();
    check_predecoder(&code.model().expect("a small model"), &|graph, _| {
        Predecoder::dense(Arc::clone(&network), &code, Arc::clone(graph), &DenseOptions::default())
            .expect("the code's graph")
    });
}

/// An event network is made for noise of some strength; beyond that decoder and pre-decoder stay as they were.
#[test]
fn noise_out_of_bounds_changes_nothing() {
    let model = surface(5, CircuitFamily::Stim, 0.006);
    let shots = sample(&model, 30);
    let graph = build(&model, false);
    let predecoder = Predecoder::event_network(event_network(1e4), Arc::clone(&graph), &model, Isa::Auto);
    let mut decoder =
        Decoder::with_predecoder(predecoder.expect("a lattice"), &DecoderOptions::default()).expect("soft");
    let before: Vec<_> = shots.iter().map(|events| answer(&mut decoder, events, &[])).collect();
    let silence: Vec<f64> = probabilities(&model).iter().map(|p| p * 1e-9).collect();
    let silent = Arc::new(graph.reweighted(&silence).expect("noise, if hardly any"));
    let error = decoder.reweight(silent, 0).expect_err("no network is made for this");
    assert_eq!(error.status(), Some(Status::Format), "{error}");
    let after: Vec<_> = shots.iter().map(|events| answer(&mut decoder, events, &[])).collect();
    assert_eq!(before, after);
}

/// Its windows ask a pre-decoder on the history.
#[test]
fn pre_decoded_windows_take_new_noise() {
    let random = &mut Random(6);
    let model = surface(5, CircuitFamily::Stim, 0.006);
    let shots = sample(&model, 100);
    let graph = build(&model, true);
    let after = noise(random, &probabilities(&model));
    let changed = with_probabilities(&model, &after);
    let rebuilt = build(&changed, true);
    let reweighted = Arc::new(graph.reweighted(&after).expect("noise"));
    let nodes = graph.node_count();
    let roles: Vec<_> =
        (0..nodes).map(|node| if node < nodes / 2 { Role::Cell } else { Role::Buffer }).collect();
    let network = event_network(1.0);
    let options = DecoderOptions { kind: DecoderKind::MwpmCorrelated, ..DecoderOptions::default() };
    let decoder_on = |graph: &Arc<MatchingGraph>, model: &DetectorErrorModel| {
        let window = Arc::new(Window::new(Arc::clone(graph), &roles).expect("a cell"));
        let predecoder = Predecoder::event_network(Arc::clone(&network), Arc::clone(graph), model, Isa::Auto);
        WindowDecoder::new(window, Some(predecoder.expect("a lattice")), &options).expect("its graph")
    };
    let mut found = decoder_on(&graph, &model);
    let mut expected = decoder_on(&rebuilt, &changed);
    let window = Arc::new(found.window().reweighted(reweighted).expect("the topology"));
    found.reweight(window, 0).expect("the topology");
    for events in &shots {
        assert_eq!(decide(&mut found, events, &[], &[]), decide(&mut expected, events, &[], &[]));
    }
}

#[test]
fn message_passing_must_be_made_anew() {
    let model = surface(3, CircuitFamily::Stim, 0.01);
    let graph = build(&model, false);
    let predecoder = Predecoder::rule(Arc::clone(&graph), &model, &RuleOptions::new(Rule::MinSum));
    let mut decoder =
        Decoder::with_predecoder(predecoder.expect("its graph"), &DecoderOptions::default()).expect("soft");
    let shot = &sample(&model, 6)[5];
    let before = answer(&mut decoder, shot, &[]);
    let error = decoder
        .reweight(Arc::new(graph.reweighted(&probabilities(&model)).expect("its own")), 0)
        .expect_err("priors are those of errors");
    assert_eq!(error.status(), Some(Status::Unsupported), "{error}");
    assert_eq!(answer(&mut decoder, shot, &[]), before);
}
