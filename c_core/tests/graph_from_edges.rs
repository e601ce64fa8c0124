//! Graphs of edges with weights of their own: as a model gives them, or with weights that no model has.

use outrider::{
    Decoder, DecoderKind, DecoderOptions, DetectorErrorModel, GraphOptions, MatchingGraph, Role, Status,
    WeightedEdge, Window, WindowDecoder,
};
use std::sync::Arc;

use crate::support::brute_force::{self, lightest_corrections};
use crate::support::random::Random;
use crate::support::random_model::{Signs, random_events, random_model};

const GRAPHS: usize = 300;
const SHOTS_PER_GRAPH: usize = 8;

fn edge(node1: u32, node2: Option<u32>, weight: f64) -> WeightedEdge<'static> {
    WeightedEdge { node1, node2, weight, probability: None, observables: &[] }
}

fn from_edges(
    nodes: u32,
    observables: u32,
    edges: &[WeightedEdge<'_>],
) -> Result<MatchingGraph, outrider::Error> {
    MatchingGraph::from_edges(nodes, observables, edges, &GraphOptions::default())
}

#[test]
fn edges_of_a_models_graph_give_that_graph() {
    let mut random = Random(31);
    for _ in 0..GRAPHS {
        let text = random_model(&mut random, 20, Signs::Any);
        let model = DetectorErrorModel::parse(&text).expect("a valid model");
        let graph = MatchingGraph::new(&model, &GraphOptions::default()).expect("a matching graph");
        let mut edges: Vec<_> = graph
            .edges()
            .map(|edge| WeightedEdge {
                node1: edge.node1,
                node2: edge.node2,
                weight: graph.natural_edge_weight(edge.weight),
                probability: Some(edge.probability),
                observables: edge.observables,
            })
            .collect();
        for i in 1..edges.len() {
            edges.swap(i, random.below(i + 1));
        }
        let copy = from_edges(graph.node_count(), graph.observable_count(), &edges).expect("the same edges");
        for (found, expected) in copy.edges().zip(graph.edges()) {
            // The largest weight, which the scale follows from, is rounded to half a unit.
            assert!(found.weight.abs_diff(expected.weight) <= 2, "{found:?}, {expected:?}\n{text}");
            assert_eq!(
                outrider::Edge { weight: 0, ..found },
                outrider::Edge { weight: 0, ..expected },
                "{text}"
            );
        }
        assert_eq!(copy.edge_count(), graph.edge_count());
    }
}

#[test]
fn whole_weights_of_any_range_are_decoded_exactly() {
    let mut random = Random(32);
    for round in 0..GRAPHS {
        let nodes = 1 + random.below(9);
        let largest = [1, 10, 1_000, (1 << 24) + 1, (1 << 29) - 1][round % 5];
        let mut edges = Vec::new();
        for node1 in 0..nodes {
            for node2 in (node1 + 1..nodes).map(Some).chain([None]) {
                if random.below(3) == 0 {
                    let weight = random.below(2 * largest + 1) as f64 - largest as f64;
                    edges.push(edge(node1 as u32, node2.map(|node| node as u32), weight));
                }
            }
        }
        let oracle: Vec<_> = edges
            .iter()
            .map(|edge| brute_force::Edge {
                node1: edge.node1 as usize,
                node2: edge.node2.map(|node| node as usize),
                weight: edge.weight as i64,
            })
            .collect();
        let lightest = lightest_corrections(nodes, &oracle);
        let graph = Arc::new(from_edges(nodes as u32, 0, &edges).expect("edges"));
        let options = DecoderOptions { kind: DecoderKind::Mwpm, certify: true, ..DecoderOptions::default() };
        let mut decoder = Decoder::with_options(Arc::clone(&graph), &options).expect("a decoder");
        for _ in 0..SHOTS_PER_GRAPH {
            let events = random_events(&mut random, nodes, nodes);
            let syndrome: usize = events.iter().map(|&event| 1 << event).sum();
            match (decoder.decode_events(&events, &[], &mut []), lightest[syndrome]) {
                (Ok(outcome), Some(weight)) => {
                    assert_eq!(graph.natural(outcome.weight), weight as f64, "{edges:?}")
                }
                (Err(error), None) => assert_eq!(error.status(), Some(Status::OddParity)),
                (found, expected) => panic!("{found:?}, {expected:?}: {events:?} in {edges:?}"),
            }
        }
    }
}

#[test]
fn infinite_edges_exist_never_or_always() {
    let edges = [edge(0, None, f64::INFINITY), edge(1, Some(0), 5.0), edge(1, None, -f64::INFINITY)];
    let graph = Arc::new(from_edges(2, 0, &edges).expect("edges"));
    let weight = |node1, node2| {
        let edge = graph.edge(graph.find_edge(node1, node2).expect("an edge")).expect("its index");
        graph.natural_edge_weight(edge.weight)
    };
    assert_eq!([weight(0, None), weight(1, None)], [f64::INFINITY, f64::NEG_INFINITY]);
    assert_eq!(weight(0, Some(1)), 5.0);
    let mut decoder = Decoder::new(Arc::clone(&graph), DecoderKind::Mwpm).expect("a decoder");
    let outcome = decoder.decode_events(&[0], &[], &mut []).expect("over the edge and the certain one");
    assert_eq!(graph.natural(outcome.weight), 5.0);
    assert_eq!(decoder.edges().expect("edges").len(), 2);
}

/// Their probabilities are 0 in a double, their weights are not: combined they weigh what the lightest of them does.
#[test]
fn edges_too_rare_for_a_number_are_edges_of_a_window() {
    let cut = [edge(0, None, 900.0), edge(0, Some(1), 800.0), edge(0, Some(2), 1000.0)];
    for kept in 0..=cut.len() {
        let detour = [edge(0, Some(3), 850.0), edge(3, None, 0.0)];
        let graph = from_edges(4, 0, &[&cut[..kept], &detour].concat()).expect("edges");
        let roles = [Role::Cell, Role::Outside, Role::Outside, Role::Cell];
        let window = Arc::new(Window::new(Arc::new(graph), &roles).expect("a cell"));
        assert_eq!(window.edge_count(), 2 + u32::from(kept > 0));
        let mut decoder = WindowDecoder::new(window, None, &DecoderOptions::default()).expect("its graph");
        let commit = decoder.decode(&[0], &[], &[]).expect("there is an edge");
        assert_eq!(commit.edges.len(), if kept < 2 { 2 } else { 1 });
    }
}

#[test]
fn observables_are_sorted_and_cancel() {
    let flips = [70, 3, 5, 3, 3, 70];
    let given = WeightedEdge { observables: &flips, ..edge(0, None, 1.0) };
    let graph = from_edges(1, 71, &[given]).expect("an edge");
    assert_eq!(graph.edge(0).expect("one edge").observables, [3, 5]);
}

#[test]
fn what_is_no_graph_is_refused_with_the_edge() {
    let flips = WeightedEdge { observables: &[2], ..edge(0, None, 1.0) };
    let unlikely = WeightedEdge { probability: Some(1.5), ..edge(0, None, 1.0) };
    let cases = [
        (vec![edge(0, Some(3), 1.0)], Status::Index, "edge 0 has node 3, of 3 nodes"),
        (
            vec![edge(0, None, 1.0), edge(2, Some(2), 1.0)],
            Status::Index,
            "edge 1 leads from a node to itself",
        ),
        (
            vec![edge(0, Some(1), 1.0), edge(1, Some(0), 2.0)],
            Status::Argument,
            "edges 0 and 1 join the same nodes",
        ),
        (vec![edge(0, None, f64::NAN)], Status::Argument, "the weight of edge 0 is not a number"),
        (vec![flips], Status::Index, "edge 0 flips observable 2, of 2"),
        (vec![unlikely], Status::Probability, "edge 0 has probability 1.5, which is none"),
    ];
    for (edges, status, message) in cases {
        let error = from_edges(3, 2, &edges).expect_err(message);
        assert_eq!((error.status(), error.to_string()), (Some(status), message.to_owned()));
    }
    for options in [
        GraphOptions { correlations: true, ..GraphOptions::default() },
        GraphOptions { reweightable: true, ..GraphOptions::default() },
    ] {
        let error = MatchingGraph::from_edges(1, 0, &[edge(0, None, 1.0)], &options).expect_err("no model");
        assert_eq!(error.status(), Some(Status::Unsupported));
    }
    let error = from_edges(u32::MAX, 0, &[]).expect_err("too many nodes");
    assert_eq!(error.status(), Some(Status::Limit));
}

#[test]
fn offsets_that_no_graph_holds_are_refused() {
    let (node1, node2, weights) = ([0], [outrider_sys::OTR_BOUNDARY], [1.0]);
    for (offsets, status) in [
        ([0, 1 << 33], outrider_sys::otr_status::OTR_ERR_LIMIT),
        ([1, 1], outrider_sys::otr_status::OTR_ERR_ARGUMENT),
    ] {
        let edges = outrider_sys::otr_graph_edges {
            node_count: 1,
            observable_count: 1,
            edge_count: 1,
            node1: node1.as_ptr(),
            node2: node2.as_ptr(),
            weights: weights.as_ptr(),
            probabilities: std::ptr::null(),
            observable_begin: offsets.as_ptr(),
            observables: [0].as_ptr(),
        };
        let mut graph = std::ptr::null_mut();
        // SAFETY: the arrays have an entry for the edge; offsets are refused before what they point to is read.
        let found = unsafe {
            outrider_sys::otr_graph_create_from_edges(
                &mut graph,
                &edges,
                std::ptr::null(),
                std::ptr::null_mut(),
            )
        };
        assert_eq!((found, graph.is_null()), (status, true), "{offsets:?}");
    }
}
