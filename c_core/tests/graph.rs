//! Matching graphs: PyMatching's merge rules, integer weights, implied weights, refusals, and limits.

use outrider_sys::*;
use std::collections::BTreeMap;

use crate::support::graph::{BOUNDARY, CORRELATED, Edge, Graph, PLAIN};

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

/// Observables of the edges, and how many of these have components that conflict.
fn observables(text: &str, options: &otr_graph_options) -> (Vec<Vec<u32>>, u64) {
    let graph = build(text, options);
    // SAFETY: the graph is alive.
    let conflicts = unsafe { otr_graph_conflict_count(graph.raw()) };
    (graph.edges().into_iter().map(|e| e.observables).collect(), conflicts)
}

#[test]
fn parallel_components_have_the_observables_of_the_likelier_ones() {
    let first = otr_graph_options { first_observables: true, ..PLAIN };
    let cases: [(&str, &[u32], &[u32], u64); 9] = [
        ("error(0.1) D0\nerror(1e-12) D0 L0", &[], &[], 1),
        ("error(1e-12) D0\nerror(0.1) D0 L0", &[0], &[], 1),
        ("error(0.1) D0 L1 L0\nerror(0.2) D0 L0 L1 L2 L2", &[0, 1], &[0, 1], 0),
        ("error(0.1) D0 L0\nerror(0.1) D0 L1", &[0], &[0], 1),
        // Two together are likelier than each, however they are interleaved.
        ("error(0.1) D0 L0\nerror(0.15) D0\nerror(0.1) D0 L0", &[0], &[0], 1),
        ("error(0.15) D0\nerror(0.1) D0 L0\nerror(0.1) D0 L0", &[0], &[], 1),
        ("error(0.15) D0\nerror(0.1) D0 L0\nerror(0.1) D0 L1", &[], &[], 1),
        // Both at once in one error, and among them an error that never happens.
        ("error(0.1) D0 ^ D0 L0\nerror(0) D0 L0\nerror(0.01) D0 L0", &[0], &[], 1),
        ("error(0.1) D0 L0 ^ D0\nerror(0.2) D0", &[], &[0], 1),
    ];
    for (text, likelier, of_first, conflicts) in cases {
        assert_eq!(observables(text, &PLAIN), (vec![likelier.to_vec()], conflicts), "{text}");
        assert_eq!(observables(text, &first), (vec![of_first.to_vec()], conflicts), "{text}");
    }
}

#[test]
fn every_edge_chooses_for_itself() {
    let there = (0..300).map(|i| format!("error(0.{}) D{i} L{i}\n", 1 + i % 3));
    let back = (0..300).map(|i| format!("error(0.2) D{i} L{}\n", 300 + i));
    let text: String = there.chain(back).collect();
    let expected = (0..300).map(|i| vec![if i % 3 == 0 { 300 + i } else { i }]).collect();
    assert_eq!(observables(&text, &PLAIN), (expected, 300));
}

#[test]
fn parallel_components_merge() {
    let text = "error(0.25) D0 D1 L3\nerror(0.125) D1 D0 L0 ^ D1\nrepeat 2 {\nerror(0.5) D2 L1\n}\nerror(0) D1 D1 D1 L9";
    assert_eq!(
        edges(text),
        [
            ((0, 1), xor(0.125, 0.25), vec![3]),
            ((1, BOUNDARY), 0.125, vec![]),
            ((2, BOUNDARY), xor(0.5, 0.5), vec![1]),
        ]
    );
}

/// One node with more neighbours than a chain of the edge table holds.
#[test]
fn a_star_merges_like_any_graph() {
    let there = (1..1000).map(|i| format!("error(0.25) D0 D{i} L{i}\n"));
    let back = (1..1000).rev().map(|i| format!("error(0.125) D{i} D0\n"));
    let text: String = there.chain(back).collect();
    let expected: Vec<_> = (1..1000).map(|i| ((0, i), xor(0.125, 0.25), vec![i])).collect();
    assert_eq!(edges(&text), expected);
}

#[test]
fn repeated_targets_of_a_component_cancel() {
    let text = "error(0.25) D0 D1 D0 L2 L1 L2 L2\nerror(0.25) D5 D4 D5 D4 D3 L0 L0\nerror(0.25) D6 D7 D6 D7 D8 D9 D8 D8";
    assert_eq!(
        edges(text),
        [((1, BOUNDARY), 0.25, vec![1, 2]), ((3, BOUNDARY), 0.25, vec![]), ((8, 9), 0.25, vec![])]
    );
}

#[test]
fn components_without_edges_are_counted() {
    let text = "error(0.25) L0\nerror(0.25)\nerror(0.25) D0 ^ D1 D1\nerror(0) D0 D1 D2";
    let graph = build(text, &PLAIN);
    // SAFETY: the graph is alive.
    let counts = unsafe { (otr_graph_undetectable_count(graph.raw()), otr_graph_ignored_count(graph.raw())) };
    assert_eq!((counts, graph.edges().len()), ((3, 0), 1));

    let text = "error(0.25) D0 D1 D2 ^ D3\nerror(0.25) D0 D1 ^ D0 D1 D2 D4";
    let ignoring = otr_graph_options { ignore_undecomposable: true, ..PLAIN };
    let graph = build(text, &ignoring);
    // SAFETY: the graph is alive.
    assert_eq!(unsafe { otr_graph_ignored_count(graph.raw()) }, 2);
    assert_eq!(graph.edges().iter().map(|e| e.nodes).collect::<Vec<_>>(), [(0, 1), (3, BOUNDARY)]);
    // SAFETY: the graph is alive.
    assert_eq!(unsafe { otr_graph_node_count(graph.raw()) }, 5);
}

#[test]
fn refusals_name_the_line() {
    let correlated_ignoring = otr_graph_options { ignore_undecomposable: true, ..CORRELATED };
    let many = (0..=OTR_GRAPH_COMPONENTS_MAX).map(|i| format!("D{i}")).collect::<Vec<_>>().join(" ^ ");
    let cases: &[(&str, &otr_graph_options, otr_status, u64)] = &[
        ("error(0.1) D0\n\nerror(0.1) D0 D1 D2", &PLAIN, otr_status::OTR_ERR_UNDECOMPOSABLE, 3),
        (
            "repeat 2 {\nerror(0.1) D0\nerror(0.1) D9 ^ D0 D1 D2 L0\n}",
            &CORRELATED,
            otr_status::OTR_ERR_UNDECOMPOSABLE,
            3,
        ),
        ("error(0.1) D0\nerror(0.1) D0 ^ L0", &CORRELATED, otr_status::OTR_ERR_UNDECOMPOSABLE, 2),
        ("error(0.1) D1 D1 ^ D0", &correlated_ignoring, otr_status::OTR_ERR_UNDECOMPOSABLE, 1),
        (&format!("error(0.1) D0\nerror(0.1) {many}"), &CORRELATED, otr_status::OTR_ERR_LIMIT, 2),
    ];
    for &(text, options, status, line) in cases {
        let e = Graph::build(text, options).err().unwrap_or_else(|| panic!("accepted {text}"));
        assert_eq!((e.status, e.line, e.column), (status, line, 0), "{text}: {e:?}");
        assert!(!e.message.is_empty() && !e.message.contains('\n'), "{e:?}");
    }
    // The same models where they are allowed.
    assert_eq!(
        build(&format!("error(0.1) {many}"), &PLAIN).edges().len(),
        OTR_GRAPH_COMPONENTS_MAX as usize + 1
    );
    assert_eq!(build("error(0.1) L0\nerror(0) D0 ^ L0", &CORRELATED).edges().len(), 0);
    assert_eq!(build("error(0.1) D9 ^ D0 D1 D2 ^ D3", &correlated_ignoring).edges()[0].rules.len(), 1);
}

/// Sizes that no machine holds are refused before any work; what merely looks long is not.
#[test]
fn absurd_sizes_are_refused_at_once() {
    for text in [
        "repeat 1000000000000000 {\nerror(0.1) D0 D1\nshift_detectors 1\n}",
        "repeat 1073741825 {\nerror(0.1) D0 D1\n}",
        "error(0.1) D67108864",
        "error(0.1) D0 L1048576",
        "repeat 1000000000000000 {\ndetector D0\nshift_detectors 1\n}",
    ] {
        let e = Graph::build(text, &PLAIN).err().unwrap_or_else(|| panic!("accepted {text}"));
        assert_eq!(e.status, otr_status::OTR_ERR_LIMIT, "{text}: {e:?}");
        assert!(e.message.contains("limit"), "{e:?}");
    }
    let text = "repeat 1000000000000000 {\ndetector(1) D3\nlogical_observable L1\nrepeat 9 {\nshift_detectors(1) 0\n}\n}\nerror(0.1) D2";
    assert_eq!(edges(text), [((2, BOUNDARY), 0.1, vec![])]);
}

/// Every pair of one error's components gives two rules, up to the most components allowed.
#[test]
fn components_pair_up_completely() {
    let components = (0..OTR_GRAPH_COMPONENTS_MAX).map(|i| format!("D{i}")).collect::<Vec<_>>().join(" ^ ");
    let text = format!("repeat 2 {{\nerror(0.1) {components}\nshift_detectors 256\n}}");
    let graph = build(&text, &CORRELATED);
    let edges = graph.edges();
    assert_eq!(edges.len(), 512);
    assert!(edges.iter().all(|e| e.rules.len() == 255));
}

#[test]
fn weights_are_even_integers_on_one_scale() {
    let text = "error(0.001) D0 D1\nerror(0.01) D1 D2\nerror(0.25) D2\nerror(0.9) D0";
    for levels in [1, 1000, OTR_GRAPH_LEVELS_DEFAULT] {
        let graph = build(text, &otr_graph_options { levels, ..PLAIN });
        let scale = 2.0 * f64::from(levels) / weight(0.001);
        assert!((graph.scale() / scale - 1.0).abs() < 1e-14);
        for edge in graph.edges() {
            assert_eq!(edge.weight, 2 * (weight(edge.probability) * scale / 2.0).round() as i32);
        }
        assert_eq!(graph.edges()[0].weight, 2 * levels as i32);
    }
    let too_many = otr_graph_options { levels: OTR_GRAPH_LEVELS_DEFAULT + 1, ..PLAIN };
    assert_eq!(Graph::build(text, &too_many).expect_err("levels").status, otr_status::OTR_ERR_ARGUMENT);
}

#[test]
fn whole_weights_keep_their_size() {
    let graph = build("error(0.5) D0 D1\nerror(0.5) D1 ^ D2", &CORRELATED);
    let finest = f64::from(1 << 23); // the last power of two that leaves room for the default range of 64
    assert_eq!(graph.scale(), finest);
    assert!(graph.edges().iter().all(|e| e.weight == 0));
    assert_eq!(build("", &PLAIN).scale(), finest);
    assert_eq!(build("detector D4", &CORRELATED).edges(), []);
}

#[test]
fn certain_and_vanishing_errors_have_no_effect_on_the_scale() {
    let graph = build(
        "error(1) D0 D1\nerror(0.01) D1 D2\nerror(1) D2\nerror(1) D2\nerror(1) D3\nerror(0.1) D3",
        &PLAIN,
    );
    assert_eq!(graph.scale(), 2.0 * f64::from(OTR_GRAPH_LEVELS_DEFAULT) / weight(0.01));
    let edges: Vec<_> = graph.edges().into_iter().map(|e| (e.nodes, e.weight.signum())).collect();
    assert_eq!(
        edges,
        [((0, 1), -1), ((1, 2), 1), ((3, BOUNDARY), -1)],
        "1 and 1 cancel to 0, which is no edge"
    );
    assert_eq!(graph.edges()[0].weight, -(OTR_WEIGHT_INFINITE as i32));

    let graph = build("error(5e-324) D0\nerror(0.1) D1", &CORRELATED);
    assert_eq!(graph.edges()[0].weight, 2 * OTR_GRAPH_LEVELS_DEFAULT as i32);
    assert!(graph.scale().is_finite() && graph.scale() > 0.0);
}

#[test]
fn an_edge_that_vanishes_takes_its_rules_along() {
    for reweightable in [false, true] {
        let options = otr_graph_options { reweightable, ..CORRELATED };
        let graph = build("error(1) D0 D1 ^ D0 D1 ^ D2 ^ D3\nerror(0.1) D2 ^ D4", &options);
        let edges = graph.edges();
        let nodes: Vec<_> = edges.iter().map(|e| e.nodes).collect();
        assert_eq!(nodes, [(2, BOUNDARY), (3, BOUNDARY), (4, BOUNDARY)], "1 and 1 cancel to 0");
        let targets: Vec<Vec<u32>> =
            edges.iter().map(|e| e.rules.iter().map(|rule| rule.0).collect()).collect();
        assert_eq!(targets, [vec![1, 2], vec![0], vec![0]]);
    }
    assert_eq!(build("error(1) D0 D1 ^ D0 D1 ^ D2", &CORRELATED).edges()[0].rules, []);
}

#[test]
fn quantize_rounds_and_refuses_what_cannot_be_held() {
    let options = otr_graph_options { weight_range: f64::from(OTR_WEIGHT_MAX / 2), ..PLAIN };
    let graph = build("error(0.5) D0", &options);
    assert_eq!(graph.scale(), 2.0);
    let quantize = |natural| {
        let mut weight = 1;
        // SAFETY: the graph is alive.
        let status = unsafe { otr_graph_quantize(graph.raw(), natural, &mut weight) };
        assert_eq!(status == otr_status::OTR_OK, weight != 1);
        (status == otr_status::OTR_OK).then_some(weight).ok_or(status)
    };
    let halves = [0.0, 0.49, 0.5, 1.0, 1.5, -0.5, -0.49, -2.5];
    assert_eq!(halves.map(quantize), [0, 0, 2, 2, 4, -2, 0, -6].map(Ok));
    let (most, infinite) = (OTR_WEIGHT_MAX as i32, OTR_WEIGHT_INFINITE as i32);
    let limit = f64::from(most / 2);
    assert_eq!(
        [limit, -limit, limit - 1.0, f64::INFINITY, f64::NEG_INFINITY].map(quantize),
        [most, -most, most - 2, infinite, -infinite].map(Ok)
    );
    let beyond = Err(otr_status::OTR_ERR_LIMIT);
    assert_eq!([limit + 0.001, -limit - 1.0, 1e300].map(quantize), [beyond; 3]);
    assert_eq!(quantize(f64::NAN), Err(otr_status::OTR_ERR_ARGUMENT));
}

#[test]
fn a_weight_range_leaves_room_for_weights_of_shots() {
    let text = "error(0.3) D0\nerror(0.4) D0 D1";
    // SAFETY: the graph is alive.
    let limit = |graph: &Graph| unsafe { otr_graph_weight_limit(graph.raw()) };
    assert!(limit(&build(text, &PLAIN)) >= 64.0, "the default");
    assert!(limit(&build("error(1e-9) D0", &PLAIN)) > 600.0, "32 times the heaviest edge");
    for weight_range in [1.0, 64.0, 1000.0, 1e6, 1e9] {
        let graph = build(text, &otr_graph_options { weight_range, ..PLAIN });
        assert!(limit(&graph) >= weight_range && graph.scale() <= f64::from(OTR_WEIGHT_MAX) / weight_range);
    }
    for weight_range in [-1.0, 1.1e9, f64::NAN, f64::INFINITY] {
        let options = otr_graph_options { weight_range, ..PLAIN };
        assert_eq!(Graph::build(text, &options).expect_err("range").status, otr_status::OTR_ERR_ARGUMENT);
    }
}

#[test]
fn bytes_count_edges_and_correlations() {
    let text = "error(0.125) D0 D1 ^ D1 D2\nerror(0.125) D2";
    // SAFETY: the graph is alive.
    let bytes = |options| unsafe { otr_graph_bytes(build(text, options).raw()) };
    assert!(bytes(&PLAIN) > 3 * size_of::<otr_edge>(), "three edges");
    assert!(
        bytes(&CORRELATED) >= bytes(&PLAIN) + 2 * (size_of::<u32>() + size_of::<i32>()),
        "two rules more"
    );
}

#[test]
fn edges_are_found_by_their_nodes() {
    let graph = build("error(0.1) D0 D5\nerror(0.1) D5\nerror(0.1) D5 D2\nerror(0.1) D3 D5", &PLAIN);
    let find = |node1, node2| {
        let mut edge = 0;
        // SAFETY: the graph is alive.
        let status = unsafe { otr_graph_find_edge(graph.raw(), node1, node2, &mut edge) };
        (status == otr_status::OTR_OK).then_some(edge)
    };
    for (index, edge) in graph.edges().iter().enumerate() {
        assert_eq!(find(edge.nodes.0, edge.nodes.1), Some(index as u32));
        assert_eq!(find(edge.nodes.1, edge.nodes.0), Some(index as u32));
    }
    for (node1, node2) in
        [(0, 1), (1, 5), (0, BOUNDARY), (5, 5), (6, 0), (0, 6), (BOUNDARY, BOUNDARY), (9, BOUNDARY)]
    {
        assert_eq!(find(node1, node2), None, "{node1} {node2}");
    }
    let mut view = std::mem::MaybeUninit::<otr_edge>::uninit();
    // SAFETY: the graph is alive.
    assert_eq!(unsafe { otr_graph_edge(graph.raw(), 4, view.as_mut_ptr()) }, otr_status::OTR_ERR_INDEX);
}

/// One edge of a golden file.
#[derive(Default)]
struct Golden {
    probability: f64,
    weight: f64,
    observables: Vec<u32>,
    rules: BTreeMap<(u32, u32), f64>,
}

fn parse_nodes(text: &str) -> (u32, u32) {
    let (first, second) = text.split_once('-').expect("two nodes");
    (first.parse().expect("node"), if second == "B" { BOUNDARY } else { second.parse().expect("node") })
}

/// Edges, probabilities, weights, observables and implied weights are PyMatching's.
#[test]
fn graphs_agree_with_pymatching() {
    for (text, golden) in [
        (include_str!("golden/model/nested.dem"), include_str!("golden/model/nested.graph")),
        (include_str!("golden/model/negative.dem"), include_str!("golden/model/negative.graph")),
        (include_str!("golden/model/surface_x_d3.dem"), include_str!("golden/model/surface_x_d3.graph")),
        (include_str!("golden/model/surface_z_d4.dem"), include_str!("golden/model/surface_z_d4.graph")),
        (include_str!("golden/model/repetition_d5.dem"), include_str!("golden/model/repetition_d5.graph")),
    ] {
        let mut expected = BTreeMap::<(u32, u32), Golden>::new();
        let mut options = otr_graph_options { first_observables: true, ..PLAIN };
        let mut counts = (0, 0);
        for line in golden.lines().filter(|line| !line.starts_with('#')) {
            let words: Vec<&str> = line.split(' ').collect();
            let number = |index: usize| words[index].parse::<f64>().expect("number");
            match words[0] {
                "graph" => {
                    counts = (number(1) as u32, number(2) as u32);
                    options.correlations = words[3] == "1";
                }
                "edge" => {
                    let observables =
                        words[4].split(',').filter(|o| !o.is_empty()).map(|o| o.parse().expect("index"));
                    let edge = expected.entry(parse_nodes(words[1])).or_default();
                    (edge.probability, edge.weight) = (number(2), number(3));
                    edge.observables = observables.collect();
                }
                _ => {
                    let edge = expected.get_mut(&parse_nodes(words[1])).expect("rules follow their edge");
                    edge.rules.insert(parse_nodes(words[2]), number(3));
                }
            }
        }
        let graph = build(text, &options);
        // SAFETY: the graph is alive.
        unsafe {
            assert_eq!((otr_graph_node_count(graph.raw()), otr_graph_observable_count(graph.raw())), counts);
            assert_eq!(otr_graph_has_correlations(graph.raw()), options.correlations);
        }
        check_golden(&graph, &expected);
    }
}

fn check_golden(graph: &Graph, expected: &BTreeMap<(u32, u32), Golden>) {
    let weights = expected.values().flat_map(|e| e.rules.values().chain([&e.weight]));
    let largest = weights.fold(0.0, |most: f64, weight| most.max(weight.abs()));
    let scale = graph.scale();
    assert!((scale * largest / (2.0 * f64::from(OTR_GRAPH_LEVELS_DEFAULT)) - 1.0).abs() < 1e-12);
    // One step of 2 for the last bit of PyMatching's own logarithms.
    let close = |integer: i32, natural: f64| (f64::from(integer) - natural * scale).abs() <= 1.0 + 1e-6;
    let edges = graph.edges();
    assert_eq!(
        edges.iter().map(|e| e.nodes).collect::<Vec<_>>(),
        expected.keys().copied().collect::<Vec<_>>()
    );
    for Edge { nodes, probability, weight, observables, rules } in &edges {
        let golden = &expected[nodes];
        assert!((probability / golden.probability - 1.0).abs() < 1e-12, "{nodes:?}");
        assert!(close(*weight, golden.weight) && weight % 2 == 0, "{nodes:?}");
        assert_eq!(*observables, golden.observables, "{nodes:?}");
        assert!(rules.is_sorted_by_key(|rule| rule.0), "{nodes:?}");
        let targets: Vec<_> = rules.iter().map(|&(edge, _)| edges[edge as usize].nodes).collect();
        assert_eq!(targets, golden.rules.keys().copied().collect::<Vec<_>>(), "{nodes:?}");
        for (&(_, weight), &natural) in rules.iter().zip(golden.rules.values()) {
            assert!(close(weight, natural) && weight % 2 == 0 && weight >= 0, "{nodes:?}");
        }
    }
}
