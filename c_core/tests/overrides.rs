//! Per-shot weights: as exact as a graph built with those weights, and gone with their shot.

use outrider_sys::{OTR_WEIGHT_INFINITE, OTR_WEIGHT_MAX, otr_decoder_options, otr_status};
use std::collections::BTreeMap;

use crate::support::brute_force::lightest_corrections;
use crate::support::decoding::{Answer, Decoder, Graph, KINDS, Kind, Override, default_options};
use crate::support::random::Random;
use crate::support::random_model::{Signs, random_events, random_model};

const MODELS: usize = 600;
const SHOTS_PER_MODEL: usize = 10;
const WEIGHT_MAX: i32 = OTR_WEIGHT_MAX as i32;
const INFINITE: i32 = OTR_WEIGHT_INFINITE as i32;

/// Up to eight changes of every sort, sometimes the same edge twice.
fn random_overrides(random: &mut Random, graph: &Graph) -> Vec<Override> {
    let count = if graph.edges.is_empty() { 0 } else { random.below(9) };
    let mut overrides = Vec::new();
    for _ in 0..count {
        let edge = random.below(graph.edges.len());
        let own = graph.edges[edge].weight;
        let step = random.below(0x400_0000) as i32;
        let weight = match random.below(8) {
            0 => 0,
            1 => -own,
            2 => own,
            3 => own / 2,
            4 => own.saturating_add(step),
            5 => -step,
            6 => [1, -1, 3, -3, WEIGHT_MAX - 1, 1 - WEIGHT_MAX, WEIGHT_MAX, -WEIGHT_MAX][random.below(8)],
            _ => step,
        };
        overrides.push(Override { edge: edge as u32, weight });
    }
    overrides
}

/// The overrides as they count: the last of each edge, rounded to even towards zero.
fn effective(overrides: &[Override]) -> Vec<Override> {
    let last: BTreeMap<_, _> = overrides.iter().map(|change| (change.edge, change.weight)).collect();
    last.into_iter().map(|(edge, weight)| Override { edge, weight: weight / 2 * 2 }).collect()
}

/// The weight of every edge of the graph under the overrides.
fn weights(graph: &Graph, overrides: &[Override]) -> Vec<i64> {
    graph.oracle_edges(&effective(overrides)).iter().map(|edge| edge.weight).collect()
}

fn assert_valid(graph: &Graph, events: &[u32], weights: &[i64], answer: &Answer) {
    assert!(answer.edges.is_sorted_by(|a, b| a < b), "edges are distinct and ascending");
    assert_eq!(graph.syndrome(&answer.edges), events);
    assert_eq!(graph.flips(&answer.edges), answer.observables);
    assert_eq!(answer.event_count as usize, events.len());
    let forced: Vec<u32> = (0..weights.len() as u32).filter(|&edge| weights[edge as usize] < 0).collect();
    let flipped = graph.syndrome(&forced);
    let left = events.iter().filter(|event| !flipped.contains(event)).count()
        + flipped.iter().filter(|node| !events.contains(node)).count();
    assert_eq!(answer.matched_count as usize, left, "events left after the negative edges flipped theirs");
}

#[test]
fn weights_of_one_shot_decode_as_if_the_graph_had_them() {
    let mut random = Random(11);
    for _ in 0..MODELS {
        let text = random_model(&mut random, 10, Signs::Any);
        let graph = Graph::new(&text);
        let mut matching = Decoder::certifying(&graph, Kind::OTR_DECODER_MWPM);
        let mut union_find = Decoder::new(&graph, Kind::OTR_DECODER_UNION_FIND);
        for _ in 0..SHOTS_PER_MODEL {
            let overrides = random_overrides(&mut random, &graph);
            let events = random_events(&mut random, graph.nodes, graph.nodes);
            let syndrome: usize = events.iter().map(|&event| 1 << event).sum();
            let weights = weights(&graph, &overrides);
            let lightest =
                lightest_corrections(graph.nodes, &graph.oracle_edges(&effective(&overrides)))[syndrome];
            let exact = matching.decode_events(&events, &overrides);
            let close = union_find.decode_events(&events, &overrides);
            let Some(lightest) = lightest else {
                assert_eq!(exact, Err(otr_status::OTR_ERR_ODD_PARITY));
                assert_eq!(close, Err(otr_status::OTR_ERR_ODD_PARITY));
                continue;
            };
            let (exact, close) = (exact.unwrap(), close.unwrap());
            assert_eq!(exact.weight, lightest, "{events:?} under {overrides:?} in\n{text}");
            assert!(close.weight >= lightest, "{events:?} under {overrides:?} in\n{text}");
            for answer in [exact, close] {
                assert_valid(&graph, &events, &weights, &answer);
                let weight: i64 = answer.edges.iter().map(|&edge| weights[edge as usize]).sum();
                assert_eq!(answer.weight, weight);
            }
        }
    }
}

#[test]
fn correlated_matching_takes_them_too() {
    let mut random = Random(12);
    for _ in 0..MODELS {
        let text = random_model(&mut random, 10, Signs::Any);
        let graph = Graph::with_correlations(&text);
        let mut decoder = Decoder::certifying(&graph, Kind::OTR_DECODER_MWPM_CORRELATED);
        for _ in 0..SHOTS_PER_MODEL {
            let overrides = random_overrides(&mut random, &graph);
            let events = random_events(&mut random, graph.nodes, graph.nodes);
            match decoder.decode_events(&events, &overrides) {
                Ok(answer) => assert_valid(&graph, &events, &weights(&graph, &overrides), &answer),
                Err(status) => assert_eq!(status, otr_status::OTR_ERR_ODD_PARITY, "{events:?} in\n{text}"),
            }
        }
    }
}

#[test]
fn the_next_shot_has_the_graphs_own_weights() {
    let mut random = Random(13);
    for _ in 0..MODELS / 2 {
        let graph = Graph::with_correlations(&random_model(&mut random, 30, Signs::Any));
        for kind in KINDS {
            let mut fresh = Decoder::new(&graph, kind);
            let mut used = Decoder::new(&graph, kind);
            for _ in 0..4 {
                let other_events = random_events(&mut random, graph.nodes, graph.nodes);
                let overrides = random_overrides(&mut random, &graph);
                let _ = used.decode_events(&other_events, &overrides);
                let events = random_events(&mut random, graph.nodes, graph.nodes);
                assert_eq!(used.decode_events(&events, &[]), fresh.decode_events(&events, &[]), "{kind:?}");
            }
        }
    }
}

#[test]
fn restating_the_graphs_own_weights_changes_nothing() {
    let mut random = Random(14);
    for _ in 0..MODELS / 2 {
        let graph = Graph::with_correlations(&random_model(&mut random, 30, Signs::Any));
        let own: Vec<_> = (0..graph.edges.len())
            .map(|edge| Override { edge: edge as u32, weight: graph.edges[edge].weight })
            .collect();
        for kind in KINDS {
            let mut decoder = Decoder::new(&graph, kind);
            let events = random_events(&mut random, graph.nodes, graph.nodes);
            assert_eq!(decoder.decode_events(&events, &own), decoder.decode_events(&events, &[]), "{kind:?}");
        }
    }
}

#[test]
fn an_offset_is_an_override_of_every_other_edge() {
    let mut random = Random(15);
    let mut forced = 0;
    for _ in 0..MODELS {
        let graph = Graph::with_correlations(&random_model(&mut random, 20, Signs::NonNegative));
        let largest = graph.edges.iter().map(|edge| edge.weight).max().unwrap_or(0);
        let offset = [1, -1, largest / 2, -largest / 2, WEIGHT_MAX, -WEIGHT_MAX, i32::MIN][random.below(7)];
        let restated: Vec<_> = (0..graph.edges.len())
            .map(|edge| Override {
                edge: edge as u32,
                weight: (graph.edges[edge].weight + offset.clamp(-WEIGHT_MAX, WEIGHT_MAX) / 2 * 2)
                    .clamp(-WEIGHT_MAX, WEIGHT_MAX),
            })
            .collect();
        forced += restated.iter().filter(|change| change.weight < -1).count();
        for kind in KINDS {
            let certify = kind != Kind::OTR_DECODER_UNION_FIND;
            let options = otr_decoder_options { kind, certify, weight_offset: offset, ..default_options() };
            let mut shifted = Decoder::create(&graph, &options).expect("the best instruction set is there");
            let mut plain = Decoder::new(&graph, kind);
            for _ in 0..4 {
                let events = random_events(&mut random, graph.nodes, graph.nodes);
                let overrides = random_overrides(&mut random, &graph);
                let all = [&restated[..], &overrides].concat();
                let (found, expected) =
                    (shifted.decode_events(&events, &overrides), plain.decode_events(&events, &all));
                assert_eq!(found, expected, "{kind:?}, {offset}");
            }
        }
    }
    assert!(forced > MODELS, "offsets hardly make weights negative: {forced}");
}

#[test]
fn an_override_of_no_edge_is_an_error_and_changes_nothing() {
    let graph = Graph::with_correlations("error(0.1) D0 D1\nerror(0.2) D1 L0\nerror(0.3) D0\n");
    let beyond = |weight| (Override { edge: 2, weight }, otr_status::OTR_ERR_LIMIT);
    let bad = [
        (Override { edge: 3, weight: 8 }, otr_status::OTR_ERR_INDEX),
        beyond(WEIGHT_MAX + 1),
        beyond(-WEIGHT_MAX - 1),
        beyond(i32::MAX),
        beyond(i32::MIN),
    ];
    for (bad, status) in bad {
        for kind in KINDS {
            let mut decoder = Decoder::new(&graph, kind);
            let overrides = [Override { edge: 0, weight: -1000 }, bad];
            assert_eq!(decoder.decode_events(&[0, 1], &overrides), Err(status), "{kind:?}");
            let expected = Decoder::new(&graph, kind).decode_events(&[0, 1], &[]);
            assert_eq!(decoder.decode_events(&[0, 1], &[]), expected, "{kind:?}");
        }
    }
}

/// What the lightest answer weighs if certain edges, in every answer for nothing, cost `price` to take back.
fn lightest_with_price(graph: &Graph, overrides: &[Override], price: i64) -> Vec<Option<i64>> {
    let mut edges = graph.oracle_edges(overrides);
    let certain = edges.iter().filter(|edge| edge.weight == -i64::from(INFINITE)).count() as i64;
    edges.retain(|edge| edge.weight != i64::from(INFINITE));
    for edge in &mut edges {
        edge.weight = if edge.weight == -i64::from(INFINITE) { -price } else { edge.weight };
    }
    let free = |weight: Option<i64>| weight.map(|weight| weight + certain * price);
    lightest_corrections(graph.nodes, &edges).into_iter().map(free).collect()
}

#[test]
fn infinite_weights_are_more_than_any_sum() {
    let always = 1 << 40;
    let (mut kept, mut taken_back, mut hopeless) = (0, 0, 0);
    let mut random = Random(16);
    for _ in 0..MODELS {
        let text = random_model(&mut random, 10, Signs::Any);
        let graph = Graph::new(&text);
        let mut decoders = [Kind::OTR_DECODER_MWPM, Kind::OTR_DECODER_UNION_FIND]
            .map(|kind| (kind, Decoder::new(&graph, kind)));
        for _ in 0..SHOTS_PER_MODEL {
            let mut overrides = effective(&random_overrides(&mut random, &graph));
            for change in &mut overrides {
                let choices = [change.weight, INFINITE, -INFINITE, WEIGHT_MAX];
                change.weight = choices[random.below(choices.len())];
            }
            let events = random_events(&mut random, graph.nodes, graph.nodes);
            let syndrome: usize = events.iter().map(|&event| 1 << event).sum();
            let strict = lightest_with_price(&graph, &overrides, always)[syndrome];
            let is_kept = strict.is_some_and(|weight| weight < always / 2);
            let price = if is_kept { always } else { WEIGHT_MAX.into() };
            let lightest = lightest_with_price(&graph, &overrides, price)[syndrome];
            kept += usize::from(is_kept && overrides.iter().any(|change| change.weight == -INFINITE));
            taken_back += usize::from(!is_kept && lightest.is_some());
            hopeless += usize::from(lightest.is_none());
            for (kind, decoder) in &mut decoders {
                match (decoder.decode_events(&events, &overrides), lightest) {
                    (Ok(answer), Some(lightest)) => {
                        let exact = *kind == Kind::OTR_DECODER_MWPM;
                        assert!(
                            if exact { answer.weight == lightest } else { answer.weight >= lightest },
                            "{events:?} under {overrides:?} in\n{text}"
                        );
                        assert_eq!(graph.syndrome(&answer.edges), events);
                        for change in &overrides {
                            let is_used = answer.edges.contains(&change.edge);
                            assert!(change.weight != INFINITE || !is_used);
                            assert!(change.weight != -INFINITE || !is_kept || is_used);
                        }
                    }
                    (found, lightest) => {
                        assert_eq!((found, lightest), (Err(otr_status::OTR_ERR_ODD_PARITY), None));
                    }
                }
            }
        }
    }
    assert!(
        kept > MODELS && taken_back > MODELS / 10 && hopeless > MODELS / 10,
        "{kept} {taken_back} {hopeless}"
    );
}
