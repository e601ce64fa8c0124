//! Where decoders fail: the logical strings left on the matching graph by the errors and the correction together.
//!
//! Flipped edges and chosen edges, added modulo 2, end nowhere but on the boundary. After a failure they hold a string
//! from boundary to boundary that flips the observable; the shortest one tells how far from right the answer was. A
//! string whose larger part are errors misleads every decoder that wants few edges; one whose larger part is the
//! decoder's own need not have happened.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use outrider::MatchingGraph;

/// The shortest logical string of a failure.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct LogicalString {
    /// Its edges.
    pub(crate) length: usize,
    /// Those of them that are errors; the correction chose the others.
    pub(crate) errors: usize,
}

/// The edges around a node of the residual.
type Around = BTreeMap<Node, Vec<(u32, Node, bool)>>;
/// A detector or the boundary.
type Node = Option<u32>;
/// A node, and whether the way to it flips the observable.
type Place = (Node, bool);

/// The shortest string among `flipped` and `chosen` edges, of which each is given once, that flips the first
/// observable; `None` if there is none.
pub(crate) fn logical_string(
    graph: &MatchingGraph,
    flipped: &BTreeSet<u32>,
    chosen: &BTreeSet<u32>,
) -> Option<LogicalString> {
    let residual = around(graph, flipped.symmetric_difference(chosen).copied());
    let (start, goal) = ((None, false), (None, true));
    let mut came_by: BTreeMap<Place, (u32, Place)> = BTreeMap::new();
    let mut queue = VecDeque::from([start]);
    while let Some(place) = queue.pop_front() {
        for &(edge, next, flips) in residual.get(&place.0).into_iter().flatten() {
            let reached = (next, place.1 ^ flips);
            if reached != start && !came_by.contains_key(&reached) {
                came_by.insert(reached, (edge, place));
                queue.push_back(reached);
            }
        }
    }
    let mut string = LogicalString { length: 0, errors: 0 };
    let mut place = goal;
    while place != start {
        let &(edge, before) = came_by.get(&place)?;
        string.length += 1;
        string.errors += usize::from(flipped.contains(&edge));
        place = before;
    }
    Some(string)
}

fn around(graph: &MatchingGraph, edges: impl Iterator<Item = u32>) -> Around {
    let mut residual = Around::new();
    for (index, edge) in edges.filter_map(|index| Some((index, graph.edge(index).ok()?))) {
        let flips = edge.observables.contains(&0);
        residual.entry(Some(edge.node1)).or_default().push((index, edge.node2, flips));
        residual.entry(edge.node2).or_default().push((index, Some(edge.node1), flips));
    }
    residual
}

#[cfg(test)]
mod tests {
    use outrider::{DetectorErrorModel, GraphOptions};

    use super::*;

    /// A chain of three detectors between two boundaries; the left one holds the observable.
    const CHAIN: &str = "error(0.1) D0 L0\nerror(0.1) D0 D1\nerror(0.1) D1 D2\nerror(0.1) D2\n";

    fn found(flipped: &[u32], chosen: &[u32]) -> Option<LogicalString> {
        let model = DetectorErrorModel::parse(CHAIN).expect("a model");
        let graph = MatchingGraph::new(&model, &GraphOptions::default()).expect("a graph");
        let edge = |node1, node2| graph.find_edge(node1, node2).expect("an edge of the chain");
        let chain = [edge(0, None), edge(0, Some(1)), edge(1, Some(2)), edge(2, None)];
        let set = |edges: &[u32]| edges.iter().map(|&edge| chain[edge as usize]).collect();
        logical_string(&graph, &set(flipped), &set(chosen))
    }

    #[test]
    fn a_failure_leaves_the_whole_chain() {
        assert_eq!(found(&[0, 1, 2], &[3]), Some(LogicalString { length: 4, errors: 3 }));
        assert_eq!(found(&[3], &[0, 1, 2]), Some(LogicalString { length: 4, errors: 1 }));
    }

    #[test]
    fn a_right_answer_leaves_none() {
        assert_eq!(found(&[0, 2], &[0, 2]), None);
        assert_eq!(found(&[], &[]), None);
    }
}
