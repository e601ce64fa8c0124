//! Union-find through the decoder interface: valid corrections, errors where none exists, exact on the simple cases
//! where it must be, close to minimum weight elsewhere.

use outrider_sys::otr_status;

use crate::support::brute_force::{lightest_corrections, lightest_matching};
use crate::support::decoding::{Answer, Decoder, Graph, Kind, set_bits};
use crate::support::golden::{CASES, Case, mistakes};
use crate::support::random::Random;
use crate::support::random_model::{Signs, random_events, random_model};

const MODELS: usize = 1500;
const SHOTS_PER_MODEL: usize = 8;

fn union_find(graph: &Graph) -> Decoder<'_> {
    Decoder::new(graph, Kind::OTR_DECODER_UNION_FIND)
}

fn assert_valid(graph: &Graph, events: &[u32], answer: &Answer) {
    assert!(answer.edges.is_sorted_by(|a, b| a < b), "edges are distinct and ascending");
    assert_eq!(graph.syndrome(&answer.edges), events);
    assert_eq!(graph.flips(&answer.edges), answer.observables);
    let weight: i64 = answer.edges.iter().map(|&edge| i64::from(graph.edges[edge as usize].weight)).sum();
    assert_eq!(answer.weight, weight);
    assert_eq!(answer.event_count as usize, events.len());
}

#[test]
fn random_graphs_get_valid_corrections_or_the_parity_error() {
    let mut random = Random(1);
    let mut odd_shots = 0;
    for _ in 0..MODELS {
        let text = random_model(&mut random, 12, Signs::Any);
        let graph = Graph::new(&text);
        let lightest = lightest_corrections(graph.nodes, &graph.oracle_edges(&[]));
        let mut decoder = union_find(&graph);
        for _ in 0..SHOTS_PER_MODEL {
            let events = random_events(&mut random, graph.nodes, graph.nodes);
            let syndrome: usize = events.iter().map(|&event| 1 << event).sum();
            match (decoder.decode_events(&events, &[]), lightest[syndrome]) {
                (Ok(answer), Some(lightest)) => {
                    assert_valid(&graph, &events, &answer);
                    assert!(answer.weight >= lightest, "{} < {lightest} in\n{text}", answer.weight);
                }
                (Err(otr_status::OTR_ERR_ODD_PARITY), None) => odd_shots += 1,
                (found, expected) => panic!("{found:?} instead of {expected:?} for {events:?} in\n{text}"),
            }
        }
    }
    assert!(odd_shots > MODELS, "the models hardly try odd components: {odd_shots}");
}

#[test]
fn one_event_and_two_events_are_matched_exactly() {
    let mut random = Random(2);
    for _ in 0..MODELS {
        let text = random_model(&mut random, 40, Signs::NonNegative);
        let graph = Graph::new(&text);
        let mut decoder = union_find(&graph);
        for _ in 0..SHOTS_PER_MODEL {
            let mut events = vec![random.below(graph.nodes) as u32, random.below(graph.nodes) as u32];
            events.sort_unstable();
            events.dedup();
            let nodes: Vec<_> = events.iter().map(|&event| event as usize).collect();
            let lightest = lightest_matching(graph.nodes, &graph.oracle_edges(&[]), &nodes);
            let weight = decoder.decode_events(&events, &[]).ok().map(|answer| answer.weight);
            assert_eq!(weight, lightest, "{events:?} in\n{text}");
        }
    }
}

#[test]
fn a_shot_leaves_nothing_behind() {
    let mut random = Random(3);
    for _ in 0..MODELS / 10 {
        let graph = Graph::new(&random_model(&mut random, 60, Signs::Any));
        let mut used = union_find(&graph);
        for _ in 0..SHOTS_PER_MODEL {
            let events = random_events(&mut random, graph.nodes, graph.nodes);
            assert_eq!(used.decode_events(&events, &[]), union_find(&graph).decode_events(&events, &[]));
        }
    }
}

#[test]
fn golden_shots_come_close_to_minimum_weight() {
    for name in CASES {
        let case = Case::load(name);
        let graph = Graph::new(&case.model);
        let mut decoder = union_find(&graph);
        let (mut total, mut lightest_total) = (0.0, 0.0);
        let mut flips = Vec::new();
        for (shot, (row, &lightest)) in case.rows().zip(&case.plain.weights).enumerate() {
            let answer = decoder.decode(row, &[]).unwrap();
            assert_valid(&graph, &set_bits(row), &answer);
            let weight = answer.weight as f64 / graph.scale;
            assert!(weight >= lightest * (1.0 - 1e-5), "{name} shot {shot}: {weight} < {lightest}");
            total += weight;
            lightest_total += lightest;
            flips.push(answer.observables[0] == 1);
        }
        assert!(total <= 1.02 * lightest_total, "{name}: {total} against {lightest_total}");
        let (own, plain) = (mistakes(&flips, &case.flipped), mistakes(&case.plain.flips, &case.flipped));
        assert!(own <= 2 * plain, "{name}: {own} mistakes against {plain}");
    }
}
