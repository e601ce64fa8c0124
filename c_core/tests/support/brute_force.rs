//! Exact oracles for small decoding problems, written without the C core and without matching theory's shortcuts.
//!
//! A correction is a set of edges; its syndrome is the set of nodes that an odd number of them touch. The best
//! correction of a syndrome is wanted. [`lightest_corrections`] tries every subset of the edges (by dynamic
//! programming over syndromes), so it takes negative weights as they are; [`lightest_matching`] takes larger graphs
//! with non-negative weights and few events: shortest paths between events, then every way of pairing them.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// An edge between two nodes, or between a node and the boundary.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Edge {
    pub(crate) node1: usize,
    pub(crate) node2: Option<usize>,
    pub(crate) weight: i64,
}

impl Edge {
    fn ends(&self) -> usize {
        (1 << self.node1) | self.node2.map_or(0, |node| 1 << node)
    }
}

/// Most nodes that [`lightest_corrections`] takes.
pub(crate) const NODES_MAX: usize = 16;
/// Most events that [`lightest_matching`] takes.
pub(crate) const EVENTS_MAX: usize = 12;

/// The weight of the lightest set of edges for every syndrome (a bit mask over nodes), `None` where no set has it.
pub(crate) fn lightest_corrections(node_count: usize, edges: &[Edge]) -> Vec<Option<i64>> {
    assert!(node_count <= NODES_MAX, "{node_count} nodes are too many to try everything");
    let masks: Vec<_> = edges.iter().map(|edge| (edge.ends(), edge.weight)).collect();
    lightest_sums(node_count, &masks)
}

/// The same with one more bit, above the nodes: whether the set flips an observable. `flips` tells it of each edge.
pub(crate) fn lightest_by_class(node_count: usize, edges: &[Edge], flips: &[bool]) -> Vec<Option<i64>> {
    assert!(node_count < NODES_MAX, "{node_count} nodes are too many to try everything");
    let masks: Vec<_> = edges
        .iter()
        .zip(flips)
        .map(|(edge, &flips)| (edge.ends() | usize::from(flips) << node_count, edge.weight))
        .collect();
    lightest_sums(node_count + 1, &masks)
}

/// For every sum (xor) of masks, the least weight of a set of them that has it.
fn lightest_sums(bits: usize, masks: &[(usize, i64)]) -> Vec<Option<i64>> {
    let mut lightest: Vec<Option<i64>> = vec![None; 1 << bits];
    lightest[0] = Some(0);
    for &(mask, weight) in masks {
        let without = lightest.clone();
        for (sum, best) in lightest.iter_mut().enumerate() {
            let with = without[sum ^ mask].map(|rest| rest + weight);
            *best = [*best, with].into_iter().flatten().min();
        }
    }
    lightest
}

/// The weight of the lightest set of edges whose syndrome is `events`, `None` if there is none.
pub(crate) fn lightest_matching(node_count: usize, edges: &[Edge], events: &[usize]) -> Option<i64> {
    assert!(events.len() <= EVENTS_MAX, "{} events are too many to try everything", events.len());
    let boundary = node_count;
    let mut neighbours = vec![Vec::new(); node_count + 1];
    for edge in edges {
        assert!(edge.weight >= 0, "shortest paths need non-negative weights");
        let node2 = edge.node2.unwrap_or(boundary);
        neighbours[edge.node1].push((node2, edge.weight));
        neighbours[node2].push((edge.node1, edge.weight));
    }
    let distances: Vec<_> = events.iter().map(|&event| distances_from(&neighbours, event)).collect();
    // lightest[set]: the best way to match just the events of `set`, its lowest one always first.
    let mut lightest = vec![None; 1 << events.len()];
    lightest[0] = Some(0);
    for set in 1..lightest.len() {
        let first = set.trailing_zeros() as usize;
        let rest = set & !(1 << first);
        let to_boundary = plus(lightest[rest], distances[first][boundary]);
        let to_event = (first + 1..events.len())
            .filter(|second| rest >> second & 1 == 1)
            .filter_map(|second| plus(lightest[rest & !(1 << second)], distances[first][events[second]]));
        lightest[set] = to_event.chain(to_boundary).min();
    }
    lightest[lightest.len() - 1]
}

/// Shortest distances from `start` (Dijkstra). Paths may pass the boundary: two events may both end there.
fn distances_from(neighbours: &[Vec<(usize, i64)>], start: usize) -> Vec<Option<i64>> {
    let mut distances = vec![None; neighbours.len()];
    let mut queue = BinaryHeap::from([Reverse((0, start))]);
    while let Some(Reverse((distance, node))) = queue.pop() {
        if distances[node].is_some() {
            continue;
        }
        distances[node] = Some(distance);
        queue.extend(neighbours[node].iter().map(|&(next, weight)| Reverse((distance + weight, next))));
    }
    distances
}

fn plus(a: Option<i64>, b: Option<i64>) -> Option<i64> {
    Some(a? + b?)
}
