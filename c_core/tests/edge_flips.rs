//! Which edges of the matching graph flipped: they explain the shot, and they are those of the errors that fired.

use outrider::{
    Basis, Circuit, CircuitFamily, DetectorErrorModel, GraphOptions, InstructionKind, MatchingGraph, Sampler,
    SamplerOptions, Shots, Status, SurfaceCode, TargetKind,
};

use crate::support::random::Random;
use crate::support::random_model::{Signs, random_model};

const SHOTS: usize = 600;

struct Sample {
    detectors: Shots,
    observables: Shots,
    edges: Shots,
}

fn parse(text: &str) -> DetectorErrorModel {
    DetectorErrorModel::parse(text).unwrap_or_else(|error| panic!("{error} in\n{text}"))
}

fn graph_of(model: &DetectorErrorModel) -> MatchingGraph {
    let options = GraphOptions { ignore_undecomposable: true, ..GraphOptions::default() };
    MatchingGraph::new(model, &options).expect("a matchable model")
}

/// Shots with their edges, which are those of the errors that fire in a sampler without a graph.
fn sample(model: &DetectorErrorModel, graph: &MatchingGraph) -> Sample {
    let options = SamplerOptions { seed: 3, ..SamplerOptions::default() };
    let mut sampler = Sampler::with_graph(model, graph, &options).expect("the model's own graph");
    assert_eq!(sampler.edge_count(), graph.edge_count() as usize);
    let (mut detectors, mut observables) = sampler.batches();
    let mut edges = Shots::new(sampler.edge_count());
    sampler
        .sample_with_edges(100, SHOTS, &mut detectors, &mut observables, &mut edges)
        .expect("right widths");

    let mut plain = Sampler::with_options(model, &options).expect("a small model");
    let (mut plain_detectors, mut plain_observables) = plain.batches();
    let mut errors = Shots::new(plain.error_count());
    plain
        .sample_with_errors(100, SHOTS, &mut plain_detectors, &mut plain_observables, &mut errors)
        .expect("right widths");
    assert!(detectors.as_bytes() == plain_detectors.as_bytes());
    assert!(observables.as_bytes() == plain_observables.as_bytes());
    let edges_of_errors = edges_of_errors(model, graph);
    for shot in 0..SHOTS {
        let mut flipped = vec![false; edges.bits()];
        errors.ones(shot).flat_map(|error| &edges_of_errors[error]).for_each(|&edge| flipped[edge] ^= true);
        assert!((0..edges.bits()).filter(|&edge| flipped[edge]).eq(edges.ones(shot)), "shot {shot}");
    }
    Sample { detectors, observables, edges }
}

/// The edges of every error's components.
fn edges_of_errors(model: &DetectorErrorModel, graph: &MatchingGraph) -> Vec<Vec<usize>> {
    let mut walk = model.walk().expect("memory");
    let mut errors = Vec::new();
    while let Some(instruction) = walk.step() {
        let InstructionKind::Error { targets, .. } = instruction.kind else { continue };
        let components = targets.split(|target| target.kind() == TargetKind::Separator).map(|component| {
            let mut nodes = Vec::new();
            for target in component {
                if let TargetKind::Detector(node) = target.kind() {
                    match nodes.iter().position(|&other| other == node) {
                        Some(place) => drop(nodes.swap_remove(place)),
                        None => nodes.push(node),
                    }
                }
            }
            let second = nodes.get(1).map(|&node| node as u32);
            (1..=2).contains(&nodes.len()).then(|| graph.find_edge(nodes[0] as u32, second)).flatten()
        });
        errors.push(components.flatten().map(|edge| edge as usize).collect());
    }
    errors
}

/// The nodes and the observables that the flipped edges of a shot flip in all, ascending.
fn explained(graph: &MatchingGraph, edges: &Shots, shot: usize) -> [Vec<usize>; 2] {
    let mut nodes = vec![false; graph.node_count() as usize];
    let mut observables = vec![false; graph.observable_count() as usize];
    for index in edges.ones(shot) {
        let edge = graph.edge(index as u32).expect("an index below the count");
        nodes[edge.node1 as usize] ^= true;
        edge.node2.into_iter().for_each(|node| nodes[node as usize] ^= true);
        edge.observables.iter().for_each(|&observable| observables[observable as usize] ^= true);
    }
    [nodes, observables]
        .map(|bits| bits.iter().enumerate().filter(|(_, bit)| **bit).map(|(k, _)| k).collect())
}

#[test]
fn the_edges_of_surface_codes_explain_detectors_and_observables() {
    for (family, rounds) in [(CircuitFamily::Stim, 1), (CircuitFamily::Stim, 12), (CircuitFamily::Paper, 7)] {
        for basis in [Basis::X, Basis::Z] {
            let code = SurfaceCode::memory(5, rounds).basis(basis).circuit(Circuit::uniform(family, 0.02));
            let model = code.build().and_then(|code| code.model()).expect("valid options");
            let graph = graph_of(&model);
            let sample = sample(&model, &graph);
            for shot in 0..SHOTS {
                let [nodes, observables] = explained(&graph, &sample.edges, shot);
                assert_eq!(nodes, sample.detectors.ones(shot).collect::<Vec<_>>(), "shot {shot}");
                assert_eq!(observables, sample.observables.ones(shot).collect::<Vec<_>>(), "shot {shot}");
            }
        }
    }
}

/// Parallel components may differ in their observables; detectors are explained all the same.
#[test]
fn the_edges_of_random_models_explain_the_detectors() {
    let mut random = Random(5);
    for _ in 0..200 {
        let model = parse(&random_model(&mut random, 12, Signs::Any));
        let graph = graph_of(&model);
        let sample = sample(&model, &graph);
        for shot in 0..SHOTS {
            let [nodes, _] = explained(&graph, &sample.edges, shot);
            assert_eq!(
                nodes,
                sample.detectors.ones(shot).collect::<Vec<_>>(),
                "shot {shot} of\n{}",
                model.to_text()
            );
        }
    }
}

/// The ends of an edge.
type Ends = (u32, Option<u32>);

/// The edges that flip in every shot; no edge may flip in some shots only.
fn certain_edges(text: &str) -> Vec<Ends> {
    let model = parse(text);
    let graph = graph_of(&model);
    let sample = sample(&model, &graph);
    let first: Vec<_> = sample.edges.ones(0).collect();
    assert!((1..SHOTS).all(|shot| sample.edges.ones(shot).eq(first.iter().copied())), "{text}");
    let ends = |&index: &usize| graph.edge(index as u32).map(|edge| (edge.node1, edge.node2));
    first.iter().map(ends).collect::<Result<_, _>>().expect("indices below the count")
}

#[test]
fn errors_flip_the_edges_of_their_components() {
    let cases: [(&str, &[Ends]); 9] = [
        ("error(1) D0 D1", &[(0, Some(1))]),
        ("error(1) D1 L0 ^ D3 D2", &[(1, None), (2, Some(3))]),
        // A target twice in one component cancels; so does an edge twice in one error.
        ("error(1) D0 D1 D0 D2", &[(1, Some(2))]),
        ("error(1) D0 D1 ^ D2 ^ D1 D0\nerror(0) D0 D1", &[(2, None)]),
        // Components without detectors have no edge; undecomposable ones were ignored by the graph.
        ("error(1) L0 ^ D0", &[(0, None)]),
        ("error(1) D0 D1 D2 ^ D3", &[(3, None)]),
        // Parallel components share an edge.
        ("error(1) D0 D1\nerror(1) D1 D0 L0\nerror(1) D0 D1", &[(0, Some(1))]),
        // Certain pairs leave no edge in the graph; what never fires has none either.
        ("error(1) D0 D1 ^ D2\nerror(1) D0 D1", &[(2, None)]),
        ("error(0) D0\nerror(1) D1", &[(1, None)]),
    ];
    for (text, edges) in cases {
        assert_eq!(certain_edges(text), edges, "{text}");
    }
}

#[test]
fn merged_edges_keep_the_first_observables() {
    let model = parse("error(0.5) D0 D1 L0\nerror(0.5) D0 D1 L1\nerror(0.5) D1");
    let graph = graph_of(&model);
    let sample = sample(&model, &graph);
    let differing = (0..SHOTS)
        .filter(|&shot| {
            let [nodes, observables] = explained(&graph, &sample.edges, shot);
            assert!(sample.detectors.ones(shot).eq(nodes), "shot {shot}");
            !sample.observables.ones(shot).eq(observables)
        })
        .count();
    // The edge shows L0 when one of the two fires, so it is wrong whenever the second does.
    assert!((SHOTS / 3..2 * SHOTS / 3).contains(&differing), "{differing}");
}

#[test]
fn graphs_of_other_models_are_refused() {
    let model = parse("error(0.1) D0 D1 L0\nerror(0.1) D1");
    let refused = |text: &str| {
        let error =
            Sampler::with_graph(&model, &graph_of(&parse(text)), &SamplerOptions::default()).unwrap_err();
        assert_eq!(error.status(), Some(Status::Argument), "{error}");
        error.to_string()
    };
    assert!(
        refused("error(0.1) D0 L0")
            .contains("the graph has 1 detectors and 1 observables, the model 2 and 1")
    );
    assert!(refused("error(0.1) D0 D1\nerror(0.1) D1").contains("the model 2 and 1"));
    assert!(refused("error(0.1) D0 D1 L0").contains("the graph lacks an edge of the model"));
}

#[test]
fn edges_need_a_graph_and_their_width() {
    let model = parse("error(0.1) D0 D1 L0\nerror(0.1) D1");
    let mut plain = Sampler::new(&model, 0).expect("a small model");
    let (mut detectors, mut observables) = plain.batches();
    assert_eq!(plain.edge_count(), 0);
    let error =
        plain.sample_with_edges(0, 1, &mut detectors, &mut observables, &mut Shots::new(0)).unwrap_err();
    assert_eq!(error.status(), Some(Status::Argument), "{error}");
    let mut sampler = Sampler::with_graph(&model, &graph_of(&model), &SamplerOptions::default())
        .expect("the model's own graph");
    let error =
        sampler.sample_with_edges(0, 1, &mut detectors, &mut observables, &mut Shots::new(1)).unwrap_err();
    assert!(error.to_string().contains("edges"), "{error}");
}
