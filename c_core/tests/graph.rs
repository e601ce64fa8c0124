//! Matching graphs: PyMatching's merge rules, integer weights, implied weights, refusals, and limits.

#[path = "support/graph.rs"]
mod graph;
#[path = "support/model.rs"]
mod model;

use graph::{BOUNDARY, CORRELATED, Edge, Graph, PLAIN};
use outrider_sys::*;

/// Natural weight of probability `p`.
fn weight(p: f64) -> f64 {
    ((1.0 - p) / p).ln()
}

fn xor(p: f64, q: f64) -> f64 {
    p * (1.0 - q) + q * (1.0 - p)
}

fn build(text: &str, options: &otr_graph_options) -> Graph {
    Graph::build(text, options).unwrap_or_else(|e| panic!("{text}: {e:?}"))
}

/// Nodes, probability and observables of every edge.
fn edges(text: &str) -> Vec<((u32, u32), f64, Vec<u32>)> {
    build(text, &PLAIN).edges().into_iter().map(|e| (e.nodes, e.probability, e.observables)).collect()
}

#[test]
fn edges_are_sorted_with_the_boundary_last() {
    let text = "error(0.125) D3 D2\nerror(0.125) D2\nerror(0.125) D1 D2 ^ D0\nerror(0.125) D0 D4";
    let nodes: Vec<_> = edges(text).into_iter().map(|e| e.0).collect();
    assert_eq!(nodes, [(0, 4), (0, BOUNDARY), (1, 2), (2, 3), (2, BOUNDARY)]);
}

#[test]
fn parallel_components_merge_and_keep_the_first_ones_observables() {
    let text = "error(0.125) D0 D1 L3\nerror(0.25) D1 D0 L0 ^ D1\nrepeat 2 {\nerror(0.5) D2 L1\n}\nerror(0) D1 D1 D1 L9";
    assert_eq!(
        edges(text),
        [
            ((0, 1), xor(0.125, 0.25), vec![3]),
            ((1, BOUNDARY), 0.25, vec![]),
            ((2, BOUNDARY), xor(0.5, 0.5), vec![1]),
        ]
    );
}

#[test]
fn repeated_targets_of_a_component_cancel() {
    let text = "error(0.25) D0 D1 D0 L2 L1 L2 L2\nerror(0.25) D5 D4 D5 D4 D3 L0 L0\nerror(0.25) D6 D7 D6 D7 D8 D9 D8 D8";
    assert_eq!(
        edges(text),
        [((1, BOUNDARY), 0.25, vec![1, 2]), ((3, BOUNDARY), 0.25, vec![]), ((8, 9), 0.25, vec![])]
    );
}
