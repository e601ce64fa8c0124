//! Exact matching through the decoder interface, against brute force and against PyMatching's answers.

use outrider_sys::otr_status;

use crate::support::brute_force::{lightest_corrections, lightest_matching};
use crate::support::decoding::{Answer, Decoder, Graph, Isa, KINDS, Kind, set_bits};
use crate::support::golden::{CASES, Case, mistakes};
use crate::support::random::Random;
use crate::support::random_model::{Signs, random_events, random_model};

const MODELS: usize = 1500;
const SHOTS_PER_MODEL: usize = 8;

fn mwpm(graph: &Graph) -> Decoder<'_> {
    Decoder::certifying(graph, Kind::OTR_DECODER_MWPM)
}

fn indices(events: &[u32]) -> Vec<usize> {
    events.iter().map(|&event| event as usize).collect()
}

fn assert_valid(graph: &Graph, events: &[u32], answer: &Answer) {
    assert!(answer.edges.is_sorted_by(|a, b| a < b), "edges are distinct and ascending");
    assert_eq!(graph.syndrome(&answer.edges), events);
    assert_eq!(graph.flips(&answer.edges), answer.observables);
    let weight: i64 = answer.edges.iter().map(|&edge| i64::from(graph.edges[edge as usize].weight)).sum();
    assert_eq!(answer.weight, weight);
    assert_eq!(answer.event_count as usize, events.len());
}

/// The certificate proves the last answer: nothing over-tight, and the radii add up to the weight.
fn assert_certified(decoder: &Decoder, answer: &Answer) {
    let negative: i64 = decoder.graph.edges.iter().map(|edge| i64::from(edge.weight).min(0)).sum();
    let certificate = decoder.certificate().unwrap();
    assert_eq!(certificate.edges_overtight, 0);
    assert_eq!(certificate.dual, certificate.primal);
    assert_eq!(certificate.primal, answer.weight - negative);
    assert!(certificate.min_slack >= 0);
}

#[test]
fn the_two_oracles_agree() {
    let mut random = Random(21);
    for _ in 0..100 {
        let graph = Graph::new(&random_model(&mut random, 8, Signs::NonNegative));
        let edges = graph.oracle_edges(&[]);
        for (syndrome, &lightest) in lightest_corrections(graph.nodes, &edges).iter().enumerate() {
            let events: Vec<_> = (0..graph.nodes).filter(|node| syndrome >> node & 1 == 1).collect();
            assert_eq!(lightest_matching(graph.nodes, &edges, &events), lightest);
        }
    }
}

#[test]
fn random_graphs_of_any_sign_match_exactly() {
    let mut random = Random(22);
    for _ in 0..MODELS {
        let text = random_model(&mut random, 12, Signs::Any);
        let graph = Graph::new(&text);
        let lightest = lightest_corrections(graph.nodes, &graph.oracle_edges(&[]));
        let mut decoder = mwpm(&graph);
        for _ in 0..SHOTS_PER_MODEL {
            let events = random_events(&mut random, graph.nodes, graph.nodes);
            let syndrome: usize = events.iter().map(|&event| 1 << event).sum();
            match (decoder.decode_events(&events, &[]), lightest[syndrome]) {
                (Ok(answer), Some(lightest)) => {
                    assert_eq!(answer.weight, lightest, "{events:?} in\n{text}");
                    assert_valid(&graph, &events, &answer);
                    assert_certified(&decoder, &answer);
                }
                (Err(otr_status::OTR_ERR_ODD_PARITY), None) => {}
                (found, expected) => panic!("{found:?} instead of {expected:?} for {events:?} in\n{text}"),
            }
        }
    }
}

#[test]
fn larger_random_graphs_match_exactly_and_pairs_carry_the_weight() {
    let mut random = Random(23);
    for _ in 0..MODELS / 3 {
        let text = random_model(&mut random, 60, Signs::NonNegative);
        let graph = Graph::new(&text);
        let edges = graph.oracle_edges(&[]);
        let mut decoder = mwpm(&graph);
        for _ in 0..SHOTS_PER_MODEL {
            let events = random_events(&mut random, graph.nodes, 10);
            let answer = decoder.decode_events(&events, &[]);
            let lightest = lightest_matching(graph.nodes, &edges, &indices(&events));
            assert_eq!(answer.as_ref().ok().map(|answer| answer.weight), lightest, "{events:?} in\n{text}");
            let Ok(answer) = answer else { continue };
            assert_valid(&graph, &events, &answer);
            assert_certified(&decoder, &answer);
            let pairs = decoder.pairs().unwrap();
            assert!(
                pairs.is_sorted_by(|a, b| a.0 < b.0) && pairs.iter().all(|&(a, b)| b.is_none_or(|b| a < b))
            );
            let mut matched: Vec<u32> = pairs.iter().flat_map(|&(a, b)| [a].into_iter().chain(b)).collect();
            matched.sort_unstable();
            assert_eq!(matched, events, "every event is in one pair");
            let weight: i64 = pairs
                .iter()
                .map(|&(a, b)| [a].into_iter().chain(b).map(|event| event as usize).collect::<Vec<_>>())
                .map(|pair| lightest_matching(graph.nodes, &edges, &pair).unwrap())
                .sum();
            assert_eq!(weight, answer.weight, "pairs {pairs:?} in\n{text}");
        }
    }
}

#[test]
fn dense_shots_are_proven_minimal() {
    let mut random = Random(24);
    for name in CASES {
        let graph = Graph::new(&Case::load(name).model);
        let mut decoder = mwpm(&graph);
        for _ in 0..40 {
            let events = random_events(&mut random, graph.nodes, graph.nodes);
            let answer = decoder.decode_events(&events, &[]).unwrap();
            assert_valid(&graph, &events, &answer);
            assert_certified(&decoder, &answer);
        }
    }
}

/// Radii beyond 2^32: times and nodes keep them modulo 2^32 only.
#[test]
fn regions_of_any_size_are_proven_minimal() {
    const LENGTH: u32 = 600;
    let links: String = (1..LENGTH).map(|node| format!("error(0.01) D{} D{node}\n", node - 1)).collect();
    let graph = Graph::with_correlations(&format!("error(0.01) D0 L0\n{links}"));
    let step = i64::from(graph.edges[0].weight);
    for kind in [Kind::OTR_DECODER_MWPM, Kind::OTR_DECODER_MWPM_CORRELATED] {
        let mut decoder = Decoder::certifying(&graph, kind);
        for (events, edges) in [
            (vec![LENGTH - 1], LENGTH),
            (vec![0, LENGTH - 1], LENGTH - 1),
            (vec![10, 300, LENGTH - 1], 11 + LENGTH - 1 - 300),
        ] {
            let answer = decoder.decode_events(&events, &[]).unwrap();
            assert!(i64::from(edges) * step > 1 << 33, "long enough to matter");
            assert_eq!(answer.weight, i64::from(edges) * step);
            assert_valid(&graph, &events, &answer);
            assert_certified(&decoder, &answer);
        }
    }
}

/// A lattice of two kinds of edges, one error flipping one of each: the second pass finds much to mend.
fn correlated_lattice(random: &mut Random, size: u32) -> String {
    let mut text = String::new();
    for layer in 0..2 {
        let node = |x: u32, y: u32| layer * size * size + y * size + x;
        let other = |random: &mut Random| {
            let (x, y) = (random.below(size as usize - 1) as u32, random.below(size as usize) as u32);
            let base = (1 - layer) * size * size + y * size + x;
            format!("D{base} D{}", base + 1)
        };
        for y in 0..size {
            for x in 0..size {
                let p = 0.02 + 0.001 * random.below(80) as f64;
                text += &format!("error({p}) D{} ^ {}\n", node(x, y), other(random));
                if x + 1 < size {
                    text += &format!("error({p}) D{} D{} ^ {}\n", node(x, y), node(x + 1, y), other(random));
                }
                if y + 1 < size {
                    text += &format!("error({p}) D{} D{} ^ {}\n", node(x, y), node(x, y + 1), other(random));
                }
            }
        }
    }
    text
}

#[test]
fn every_second_pass_is_proven_minimal() {
    let mut random = Random(25);
    for _ in 0..60 {
        let graph = Graph::with_correlations(&correlated_lattice(&mut random, 7));
        let mut decoder = Decoder::certifying(&graph, Kind::OTR_DECODER_MWPM_CORRELATED);
        for most in [4, 10, 30, graph.nodes] {
            let events = random_events(&mut random, graph.nodes, most);
            let answer = decoder.decode_events(&events, &[]).unwrap();
            assert_eq!(graph.syndrome(&answer.edges), events);
            let certificate = decoder.certificate().unwrap();
            assert_eq!((certificate.edges_overtight, certificate.dual), (0, certificate.primal));
            assert_eq!(certificate.primal, answer.weight);
        }
    }
}

#[test]
fn golden_shots_weigh_what_pymatching_says() {
    for name in CASES {
        let case = Case::load(name);
        let graph = Graph::new(&case.model);
        let mut decoder = mwpm(&graph);
        let mut differing = 0;
        for (shot, (row, &expected)) in case.rows().zip(&case.plain.weights).enumerate() {
            let answer = decoder.decode(row, &[]).unwrap();
            assert_valid(&graph, &set_bits(row), &answer);
            assert_certified(&decoder, &answer);
            let weight = answer.weight as f64 / graph.scale;
            assert!(
                (weight - expected).abs() <= 1e-5 * expected,
                "{name} shot {shot}: {weight}, not {expected}"
            );
            // Equal weights with different flips: a tie.
            differing += usize::from((answer.observables[0] == 1) != case.plain.flips[shot]);
        }
        assert!(differing <= case.flipped.len() / 100, "{name}: {differing} predictions differ");
    }
}

#[test]
fn correlated_golden_shots_are_as_good_as_pymatchings() {
    for name in CASES {
        let case = Case::load(name);
        let graph = Graph::with_correlations(&case.model);
        let mut decoder = Decoder::certifying(&graph, Kind::OTR_DECODER_MWPM_CORRELATED);
        let mut flips = Vec::new();
        let mut equal_weights = 0;
        for (row, &expected) in case.rows().zip(&case.correlated.weights) {
            let answer = decoder.decode(row, &[]).unwrap();
            assert_eq!(graph.syndrome(&answer.edges), set_bits(row));
            assert_eq!(graph.flips(&answer.edges), answer.observables);
            let certificate = decoder.certificate().unwrap();
            assert_eq!((certificate.dual, certificate.edges_overtight), (certificate.primal, 0));
            let weight = answer.weight as f64 / graph.scale;
            equal_weights += usize::from((weight - expected).abs() <= 1e-5 * expected);
            flips.push(answer.observables[0] == 1);
        }
        let (own, theirs) =
            (mistakes(&flips, &case.flipped), mistakes(&case.correlated.flips, &case.flipped));
        assert!(own.abs_diff(theirs) <= 2 + theirs / 20, "{name}: {own} mistakes against {theirs}");
        // Ties of the first pass may fall differently and lead to other weights in the second.
        assert!(equal_weights >= flips.len() * 19 / 20, "{name}: only {equal_weights} weights agree");
    }
}

#[test]
fn every_instruction_set_gives_the_same_answers() {
    let case = Case::load("x_d5_r5_p005");
    let graph = Graph::with_correlations(&case.model);
    for kind in KINDS {
        let decoder = |isa| Decoder::with_options(&graph, kind, isa, false);
        let mut portable = decoder(Isa::OTR_ISA_PORTABLE).unwrap();
        let expected: Vec<_> = case.rows().map(|row| portable.decode(row, &[])).collect();
        for isa in [Isa::OTR_ISA_AUTO, Isa::OTR_ISA_AVX2, Isa::OTR_ISA_AVX512, Isa::OTR_ISA_AVX512VNNI] {
            match decoder(isa) {
                Some(mut decoder) => {
                    let found: Vec<_> = case.rows().map(|row| decoder.decode(row, &[])).collect();
                    assert!(found == expected, "{kind:?} on {isa:?}");
                }
                None => println!("skipped on this machine: {isa:?}"),
            }
        }
    }
}

#[test]
fn a_batch_gives_what_single_shots_give() {
    let case = Case::load("z_d7_r7_p004");
    let graph = Graph::with_correlations(&case.model);
    for kind in KINDS {
        let mut single = Decoder::new(&graph, kind);
        let batch = Decoder::new(&graph, kind).decode_batch(&case.detectors, case.row_bytes());
        assert_eq!(batch.status, otr_status::OTR_OK);
        for (shot, row) in case.rows().enumerate() {
            let answer = single.decode(row, &[]).unwrap();
            assert_eq!(answer, single.decode_events(&set_bits(row), &[]).unwrap());
            assert_eq!(batch.weights[shot], answer.weight);
            assert_eq!(batch.observables[2 * shot..2 * shot + 2], [answer.observables[0], 0xA5]);
        }
    }
}

#[test]
fn an_odd_component_is_that_shots_error_only() {
    let graph = Graph::with_correlations("error(0.1) D0 D1 L0\nerror(0.2) D1 D2\nerror(0.1) D3\n");
    for kind in KINDS {
        let mut decoder = Decoder::new(&graph, kind);
        let first = decoder.decode_events(&[0, 1, 3], &[]).unwrap();
        for odd in [&[0][..], &[0, 1, 2], &[1, 3]] {
            assert_eq!(
                decoder.decode_events(odd, &[]),
                Err(otr_status::OTR_ERR_ODD_PARITY),
                "{kind:?} {odd:?}"
            );
            assert_eq!(decoder.decode_events(&[0, 1, 3], &[]).unwrap(), first, "{kind:?} after {odd:?}");
        }
        let shots = [&[][..], &[0, 2], &[0, 2, 3], &[1], &[0, 1]];
        let rows: Vec<u8> = shots.iter().flat_map(|events| graph.row(events)).collect();
        let batch = decoder.decode_batch(&rows, 1);
        assert_eq!((batch.status, batch.failed_shot), (otr_status::OTR_ERR_ODD_PARITY, 3), "{kind:?}");
        assert_eq!(batch.observables, [0, 0xA5, 1, 0xA5, 1, 0xA5, 0xA5, 0xA5, 0xA5, 0xA5], "{kind:?}");
    }
}

#[test]
fn an_event_given_twice_cancels() {
    let mut random = Random(25);
    let graph = Graph::with_correlations(&Case::load("x_d3_r3_p010").model);
    for kind in KINDS {
        let mut decoder = Decoder::new(&graph, kind);
        for _ in 0..200 {
            let given: Vec<u32> = (0..random.below(30)).map(|_| random.below(graph.nodes) as u32).collect();
            let left: Vec<u32> = set_bits(&graph.row(&given));
            let answer = decoder.decode_events(&given, &[]).unwrap();
            assert_eq!(
                Answer { event_count: left.len() as u32, ..answer },
                decoder.decode_events(&left, &[]).unwrap()
            );
        }
    }
}

#[test]
fn a_detector_out_of_range_is_an_error_and_changes_nothing() {
    let graph = Graph::with_correlations("error(0.1) D0 D1\nerror(0.2) D1 L0\n");
    for kind in KINDS {
        let mut decoder = Decoder::new(&graph, kind);
        assert_eq!(decoder.decode_events(&[0, 2], &[]), Err(otr_status::OTR_ERR_INDEX), "{kind:?}");
        assert_eq!(
            decoder.decode_events(&[0, 1], &[]),
            Decoder::new(&graph, kind).decode_events(&[0, 1], &[]),
            "{kind:?}"
        );
    }
}

#[test]
fn padding_bits_of_a_row_are_ignored() {
    let graph = Graph::with_correlations("error(0.1) D0 D1\nerror(0.2) D1 L0\n");
    for kind in KINDS {
        let mut decoder = Decoder::new(&graph, kind);
        let clean = decoder.decode(&[0b01], &[]);
        assert!(clean.is_ok());
        assert_eq!(decoder.decode(&[0b1111_1101], &[]), clean, "{kind:?}");
    }
}

#[test]
fn views_need_a_shot_and_the_right_kind() {
    let graph = Graph::new("error(0.1) D0 D1\nerror(0.2) D1 L0\n");
    let mut union_find = Decoder::new(&graph, Kind::OTR_DECODER_UNION_FIND);
    union_find.decode_events(&[0], &[]).unwrap();
    assert_eq!(union_find.pairs(), Err(otr_status::OTR_ERR_UNSUPPORTED));
    let mut matching = Decoder::new(&graph, Kind::OTR_DECODER_MWPM);
    assert_eq!(matching.pairs(), Err(otr_status::OTR_ERR_ARGUMENT));
    matching.decode_events(&[0], &[]).unwrap();
    assert_eq!(matching.pairs(), Ok(vec![(0, None)]));
    assert_eq!(matching.certificate().err(), Some(otr_status::OTR_ERR_ARGUMENT));
}
