//! Pre-decoders without training: what they clear on hand-made shots, that what they clear is accounted for, and that
//! message passing is exact on trees.

use outrider::{Circuit, CircuitFamily, DetectorErrorModel, Sampler, SurfaceCode};
use outrider_sys::*;
use std::ffi::{CStr, CString};

use crate::support::decoding::{Decoder, Graph, Isa, Kind, Override, set_bits};
use crate::support::golden::{CASES, Case};
use crate::support::predecoder::{Predecoder, Residual};
use crate::support::random::Random;
use crate::support::random_model::{Signs, random_events, random_model};

const CLIQUE: otr_rule_kind = otr_rule_kind::OTR_RULE_CLIQUE;
const SMITH: otr_rule_kind = otr_rule_kind::OTR_RULE_SMITH;
const MIN_SUM: otr_rule_kind = otr_rule_kind::OTR_RULE_MIN_SUM;
const RULES: [otr_rule_kind; 3] = [CLIQUE, SMITH, MIN_SUM];

/// A line of six detectors with the boundary at both ends; the odd ones of its edges are lighter.
const LINE: &str = "error(0.01) D0 L0\nerror(0.02) D0 D1\nerror(0.01) D1 D2\nerror(0.03) D2 D3\nerror(0.01) D3 D4\n\
                    error(0.02) D4 D5\nerror(0.01) D5\n";
/// Where the detectors of the line are.
const PLACES: &str = "detector(0, 0, 0) D0\ndetector(2, 0, 0) D1\ndetector(2, 3, 0) D2\ndetector(2, 4, 0) D3\n\
                      detector(2, 4, 7) D4\ndetector(2, 4, 8) D5\n";

fn options(kind: otr_rule_kind) -> otr_rule_options {
    // SAFETY: takes any value.
    unsafe { otr_rule_options_default(kind) }
}

fn rule<'g>(graph: &'g Graph, text: &str, kind: otr_rule_kind) -> Predecoder<'g> {
    Predecoder::rule(graph, text, &options(kind)).expect("the model is the graph's")
}

/// The nodes of the edges that soft use forces.
fn forced(rule: &mut Predecoder, events: &[u32]) -> Vec<(u32, u32)> {
    let overrides = rule.soft(events).expect("the events are valid");
    assert!(
        overrides.iter().all(|change| change.weight < 0),
        "these rules name what they force, nothing else"
    );
    let mut edges: Vec<_> =
        overrides.iter().map(|change| rule.graph.edges[change.edge as usize].nodes).collect();
    edges.sort_unstable();
    edges
}

const BOUNDARY: u32 = OTR_BOUNDARY;

/// The ends of edges.
type Pairs<'a> = &'a [(u32, u32)];

#[test]
fn clique_clears_what_has_one_trivial_explanation() {
    let graph = Graph::new(LINE);
    let mut clique = rule(&graph, LINE, CLIQUE);
    let cases: [(&[u32], Pairs); 9] = [
        (&[], &[]),
        (&[1, 2], &[(1, 2)]),
        // A lone event goes to the boundary where there is one, and stays elsewhere.
        (&[0], &[(0, BOUNDARY)]),
        (&[2], &[]),
        (&[0, 2, 5], &[(0, BOUNDARY), (5, BOUNDARY)]),
        // A pair stays a pair beside the boundary.
        (&[0, 1, 4, 5], &[(0, 1), (4, 5)]),
        // Longer groups are not trivial, not even at their ends.
        (&[1, 2, 3], &[]),
        (&[0, 1, 2], &[]),
        (&[0, 1, 2, 3, 5], &[(5, BOUNDARY)]),
    ];
    for (events, expected) in cases {
        assert_eq!(forced(&mut clique, events), expected, "{events:?}");
    }
    // Edges 1 and 6 join the ends of the line to the boundary.
    let left = Residual { events: vec![2], observables: vec![1], edges: vec![1, 6] };
    assert_eq!(clique.hard(&[0, 2, 5]), Ok(left));
}

#[test]
fn smith_pairs_adjacent_events_greedily() {
    let graph = Graph::new(LINE);
    let with_passes = |iterations| {
        Predecoder::rule(&graph, LINE, &otr_rule_options { iterations, ..options(SMITH) })
            .expect("valid options")
    };
    let (mut once, mut twice) = (with_passes(1), with_passes(2));
    let cases: [(&[u32], Pairs, Pairs); 8] = [
        (&[], &[], &[]),
        // Never to the boundary.
        (&[0], &[], &[]),
        (&[0, 5], &[], &[]),
        (&[4, 5], &[(4, 5)], &[(4, 5)]),
        // The lightest edge first, although it leaves two events far apart.
        (&[1, 2, 3, 4], &[(2, 3)], &[(2, 3)]),
        (&[0, 1, 2], &[(0, 1)], &[(0, 1)]),
        // What the first pairs leave is paired in the next pass.
        (&[0, 1, 2, 3, 4, 5], &[(0, 1), (2, 3), (4, 5)], &[(0, 1), (2, 3), (4, 5)]),
        (&[2, 3, 4, 5], &[(2, 3), (4, 5)], &[(2, 3), (4, 5)]),
    ];
    for (events, expected_once, expected_twice) in cases {
        assert_eq!(forced(&mut once, events), expected_once, "{events:?}");
        assert_eq!(forced(&mut twice, events), expected_twice, "{events:?}");
    }
    let falling =
        "error(0.05) D0 D1\nerror(0.04) D1 D2\nerror(0.03) D2 D3\nerror(0.02) D3 D4\nerror(0.01) D4\n";
    let graph = Graph::new(falling);
    let mut passes = options(SMITH);
    for (iterations, pairs) in [(1, vec![(0, 1)]), (2, vec![(0, 1), (2, 3)]), (9, vec![(0, 1), (2, 3)])] {
        passes.iterations = iterations;
        let mut smith = Predecoder::rule(&graph, falling, &passes).expect("valid options");
        assert_eq!(forced(&mut smith, &[0, 1, 2, 3, 4]), pairs);
        let left = smith.hard(&[0, 1, 2, 3, 4]).expect("valid events").events;
        assert_eq!(left.len(), 5 - 2 * pairs.len());
    }
    // Of equals the lowest edge.
    let equal = "error(0.1) D0 D1\nerror(0.1) D1 D2\n";
    let graph = Graph::new(equal);
    assert_eq!(forced(&mut rule(&graph, equal, SMITH), &[0, 1, 2]), [(0, 1)]);
}

#[test]
fn many_passes_of_smith_leave_no_adjacent_events() {
    let mut random = Random(21);
    for _ in 0..300 {
        let text = random_model(&mut random, 30, Signs::Any);
        let graph = Graph::new(&text);
        let all = otr_rule_options { iterations: OTR_RULE_ITERATIONS_MAX, ..options(SMITH) };
        let mut smith = Predecoder::rule(&graph, &text, &all).expect("valid options");
        let events = random_events(&mut random, graph.nodes, graph.nodes);
        let left = smith.hard(&events).expect("valid events").events;
        assert!(left.iter().all(|event| events.contains(event)), "only events are cleared");
        let adjacent =
            graph.edges.iter().find(|edge| left.contains(&edge.nodes.0) && left.contains(&edge.nodes.1));
        assert_eq!(adjacent, None, "{events:?} in\n{text}");
    }
}

#[test]
fn what_is_fixed_and_what_is_left_are_the_shot() {
    let mut random = Random(22);
    for _ in 0..400 {
        let text = random_model(&mut random, 12, Signs::Any);
        let graph = Graph::new(&text);
        let mut decoder = Decoder::new(&graph, Kind::OTR_DECODER_MWPM);
        for kind in RULES {
            let mut rule = rule(&graph, &text, kind);
            for _ in 0..4 {
                let events = random_events(&mut random, graph.nodes, graph.nodes);
                let overrides = rule.soft(&events).expect("valid events");
                let left = rule.hard(&events).expect("valid events");
                let mut named: Vec<_> = overrides.iter().map(|change| change.edge).collect();
                named.sort_unstable();
                assert!(named.is_sorted_by(|a, b| a < b), "an edge is named twice");
                // Weight 0 is p = 1/2, which is enough to fix for good.
                let mut edges: Vec<_> =
                    overrides.iter().filter(|change| change.weight <= 0).map(|change| change.edge).collect();
                edges.sort_unstable();
                assert_eq!(left.edges, edges);
                let mut both = [graph.syndrome(&edges), left.events.clone()].concat();
                both.sort_unstable();
                let both: Vec<_> =
                    both.chunk_by(|a, b| a == b).filter(|same| same.len() == 1).map(|same| same[0]).collect();
                assert_eq!(both, events, "{kind:?} in\n{text}");
                assert_eq!(left.observables, graph.flips(&edges), "{kind:?} in\n{text}");
                if let Ok(answer) = decoder.decode_events(&events, &overrides) {
                    assert_eq!(graph.syndrome(&answer.edges), events, "{kind:?} in\n{text}");
                    assert!(decoder.decode_events(&left.events, &[]).is_ok(), "{kind:?} in\n{text}");
                }
            }
        }
    }
}

/// One error of a tree: its detectors, its cost (log-odds in 1/1024 nat), and its edges' nodes.
struct Branch {
    detectors: Vec<usize>,
    cost: i64,
    edges: Vec<(u32, u32)>,
}

/// A tree: every error shares one detector with those before it, and no two share an edge.
fn random_tree(random: &mut Random) -> (String, Vec<Branch>) {
    let (mut text, mut branches, mut nodes) = (String::new(), Vec::new(), 1);
    let mut is_bound = [false; NODES_MAX];
    while nodes < NODES_MAX {
        let old = random.below(nodes);
        let fresh = (1 + random.below(3)).min(NODES_MAX - nodes);
        let detectors: Vec<_> = std::iter::once(old).chain(nodes..nodes + fresh).collect();
        nodes += fresh;
        // The odd one out goes to the boundary.
        is_bound[nodes - 1] = detectors.len() % 2 == 1;
        branches.push(random_branch(random, detectors, &mut text));
    }
    for (detector, is_bound) in is_bound.into_iter().enumerate() {
        if !is_bound && random.below(4) > 0 {
            branches.push(random_branch(random, vec![detector], &mut text));
        }
    }
    (text, branches)
}

/// Writes an error with these detectors, two by two.
fn random_branch(random: &mut Random, detectors: Vec<usize>, text: &mut String) -> Branch {
    let thousandths = if random.below(8) == 0 { 999 } else { 300 };
    let p = 0.001 * (1 + random.below(thousandths)) as f64;
    let parts = detectors.chunks(2);
    let edges = parts
        .clone()
        .map(|part| (part[0] as u32, part.get(1).map_or(BOUNDARY, |&detector| detector as u32)))
        .collect();
    let spelled: Vec<_> = parts
        .map(|part| part.iter().map(|detector| format!("D{detector}")).collect::<Vec<_>>().join(" "))
        .collect();
    *text += &format!("error({p}) {}\n", spelled.join(" ^ "));
    Branch { detectors, cost: (1024.0 * ((1.0 - p) / p).ln()).round() as i64, edges }
}

/// Detectors of a tree.
const NODES_MAX: usize = 10;

/// The least cost of explaining every syndrome, for errors of these detectors and costs.
fn least_costs(errors: &[(Vec<usize>, i64)]) -> Vec<Option<i64>> {
    let mut least = vec![None; 1 << NODES_MAX];
    least[0] = Some(0);
    for (detectors, cost) in errors {
        let flips: usize = detectors.iter().map(|detector| 1 << detector).sum();
        let without = least.clone();
        for (syndrome, best) in least.iter_mut().enumerate() {
            let with = without[syndrome ^ flips].map(|sum| sum + cost);
            *best = [*best, with].into_iter().flatten().min();
        }
    }
    least
}

#[test]
fn min_sum_is_exact_on_trees() {
    let mut random = Random(23);
    let mut compared = 0;
    for _ in 0..400 {
        let (text, branches) = random_tree(&mut random);
        let graph = Graph::new(&text);
        let exact = otr_rule_options {
            iterations: 25,
            normalization: OTR_RULE_NORMALIZATION_ONE,
            ..options(MIN_SUM)
        };
        let mut rule = Predecoder::rule(&graph, &text, &exact).expect("valid options");
        for _ in 0..4 {
            let events = random_events(&mut random, NODES_MAX, NODES_MAX);
            let overrides = rule.soft(&events).expect("valid events");
            // An error that takes no part tells its detectors its prior for ever: to them it is several.
            let takes_part = |branch: &Branch| {
                let seen = branch.detectors.iter().filter(|&&d| events.contains(&(d as u32))).count();
                2 * seen >= branch.detectors.len()
            };
            let mut others: Vec<(Vec<usize>, i64)> = Vec::new();
            for branch in &branches {
                if takes_part(branch) {
                    others.push((branch.detectors.clone(), branch.cost));
                } else {
                    others.extend(branch.detectors.iter().map(|&detector| (vec![detector], branch.cost)));
                }
            }
            let syndrome: usize = events.iter().map(|&event| 1 << event).sum();
            let mut named = 0;
            for branch in branches.iter().filter(|branch| takes_part(branch)) {
                let own =
                    others.iter().position(|other| other.0 == branch.detectors && other.1 == branch.cost);
                let (detectors, cost) = others.remove(own.expect("it was put there"));
                let least = least_costs(&others);
                let flips: usize = detectors.iter().map(|detector| 1 << detector).sum();
                let (off, on) = (least[syndrome], least[syndrome ^ flips].map(|sum| sum + cost));
                others.push((detectors, cost));
                for &edge in &branch.edges {
                    let found =
                        weight_of(&graph, &overrides, edge).expect("edges of likely errors are named");
                    named += 1;
                    match (off, on) {
                        (Some(off), Some(on)) => {
                            assert_eq!(found, quantize(&graph, on - off), "{events:?} in\n{text}");
                            compared += 1;
                        }
                        (Some(_), None) => assert!(found >= quantize(&graph, 60 * 1024), "impossible"),
                        (None, Some(_)) => assert!(found <= quantize(&graph, -60 * 1024), "certain"),
                        (None, None) => (), // the events contradict each other
                    }
                }
            }
            assert_eq!(named, overrides.len(), "only edges of likely errors are named");
        }
    }
    assert!(compared > 2000, "only {compared} edges compared");
}

fn weight_of(graph: &Graph, overrides: &[Override], nodes: (u32, u32)) -> Option<i32> {
    overrides
        .iter()
        .find(|change| graph.edges[change.edge as usize].nodes == nodes)
        .map(|change| change.weight)
}

/// The weight for log-odds in 1/1024 nat.
fn quantize(graph: &Graph, log_odds: i64) -> i32 {
    let mut weight = 0;
    // SAFETY: the graph is alive, the output ours.
    let status = unsafe { otr_graph_quantize(graph.raw(), log_odds as f64 / 1024.0, &mut weight) };
    assert_eq!(status, otr_status::OTR_OK);
    weight
}

#[test]
fn an_edge_of_several_errors_gets_their_exclusive_or() {
    let weight = |p: f64| ((1.0 - p) / p).ln();
    let (a, b, c) = (0.02, 0.05, 0.1);
    let text = format!("error({a}) D0 D1\nerror({b}) D0 D1 ^ D2\nerror({c}) D2\n");
    let graph = Graph::new(&text);
    let once =
        otr_rule_options { iterations: 1, normalization: OTR_RULE_NORMALIZATION_ONE, ..options(MIN_SUM) };
    let mut rule = Predecoder::rule(&graph, &text, &once).expect("valid options");
    let overrides = rule.soft(&[0, 2]).expect("valid events");
    // D0 speaks against what D1 says, so the first error keeps its prior; D2 takes c's prior from b and b's from c.
    let (first, second, third) = (weight(a), weight(b) - weight(c), weight(c) - weight(b));
    let exclusive_or = |x: f64, y: f64| 2.0 * ((x / 2.0).tanh() * (y / 2.0).tanh()).atanh();
    for (nodes, expected) in
        [((0, 1), exclusive_or(first, second)), ((2, BOUNDARY), exclusive_or(second, third))]
    {
        let found = f64::from(weight_of(&graph, &overrides, nodes).expect("named")) / graph.scale;
        assert!((found - expected).abs() < 0.01, "{nodes:?}: {found} instead of {expected}");
    }
    assert_eq!(overrides.len(), 2);
}

#[test]
fn errors_with_the_same_edges_are_one() {
    let apart = "error(0.1) D0 ^ D1\nerror(0.2) D1 ^ D0\nerror(0.15) D0 ^ D2 ^ D2\nerror(0.05) D1 D2\n";
    let merged = "error(0.26) D0 ^ D1\nerror(0.15) D0\nerror(0.05) D1 D2\n";
    let (graph, expected) = (Graph::new(apart), Graph::new(merged));
    let (mut left, mut right) = (rule(&graph, apart, MIN_SUM), rule(&expected, merged, MIN_SUM));
    for events in [vec![0], vec![0, 1], vec![1, 2], vec![0, 1, 2]] {
        let named = |graph: &Graph, overrides: Vec<Override>| {
            let mut edges: Vec<_> = overrides
                .iter()
                .map(|change| {
                    let natural = f64::from(change.weight) / graph.scale;
                    (graph.edges[change.edge as usize].nodes, (100.0 * natural).round() as i64)
                })
                .collect();
            edges.sort_unstable();
            edges
        };
        let found = named(&graph, left.soft(&events).expect("valid events"));
        assert_eq!(found, named(&expected, right.soft(&events).expect("valid events")), "{events:?}");
    }
}

#[test]
fn every_instruction_set_and_every_history_give_the_same_answers() {
    for name in CASES {
        let case = Case::load(name);
        let graph = Graph::new(&case.model);
        for kind in RULES {
            let mut used = rule(&graph, &case.model, kind);
            for isa in [Isa::OTR_ISA_PORTABLE, Isa::OTR_ISA_NEON, Isa::OTR_ISA_AVX2, Isa::OTR_ISA_AVX512] {
                let on = otr_rule_options { isa, ..options(kind) };
                let mut fresh = match Predecoder::rule(&graph, &case.model, &on) {
                    Ok(fresh) => fresh,
                    Err(error) => {
                        assert_eq!(error.status, otr_status::OTR_ERR_UNSUPPORTED);
                        println!("skipped: {}", error.message);
                        continue;
                    }
                };
                for row in case.rows().take(50).collect::<Vec<_>>().into_iter().rev() {
                    let events = set_bits(row);
                    let plain = |overrides: Vec<Override>| -> Vec<(u32, i32)> {
                        overrides.iter().map(|change| (change.edge, change.weight)).collect()
                    };
                    let expected = plain(used.soft(&events).expect("valid events"));
                    assert_eq!(plain(fresh.soft(&events).expect("valid events")), expected, "{name}");
                    assert_eq!(fresh.hard(&events), used.hard(&events), "{name}");
                }
            }
            assert!(used.bytes() > 4 * graph.nodes);
        }
    }
}

#[test]
fn message_passing_beats_plain_matching_and_neighbour_rules_lose_to_it() {
    let circuit = Circuit::uniform(CircuitFamily::Stim, 0.008);
    let code = SurfaceCode::memory(5, 5).circuit(circuit).build().expect("valid options");
    let text = code.model().expect("a small model").to_string();
    let model = DetectorErrorModel::parse(&text).expect("its own text");
    let mut sampler = Sampler::new(&model, 3).expect("a small model");
    let (mut detectors, mut observables) = sampler.batches();
    sampler.sample(0, 10_000, &mut detectors, &mut observables).expect("batches of the right width");
    let graph = Graph::new(&text);
    let mut decoder = Decoder::new(&graph, Kind::OTR_DECODER_MWPM);
    let mut failures = |predecoder: Option<otr_rule_kind>| {
        let mut predecoder = predecoder.map(|kind| rule(&graph, &text, kind));
        let rows = detectors.rows().zip(observables.rows());
        let wrong = rows.filter(|(row, flips)| {
            let events = set_bits(row);
            let overrides =
                predecoder.as_mut().map_or_else(Vec::new, |rule| rule.soft(&events).expect("valid events"));
            decoder.decode_events(&events, &overrides).expect("every shot matches").observables != *flips
        });
        wrong.count()
    };
    let plain = failures(None);
    let [clique, smith, min_sum] = RULES.map(|kind| failures(Some(kind)));
    assert!(min_sum < plain && plain < clique && clique < smith, "{min_sum} {plain} {clique} {smith}");
}

#[test]
fn reach_is_a_multiple_of_the_largest_extent() {
    let text = format!("{LINE}error(0.001) D0 D1 ^ D2 D3\n{PLACES}");
    let graph = Graph::new(&text);
    let with = |kind, iterations| {
        let options = otr_rule_options { iterations, ..options(kind) };
        Predecoder::rule(&graph, &text, &options).expect("valid options").reach()
    };
    assert_eq!(with(CLIQUE, 5), [4.0, 6.0, 14.0]);
    assert_eq!(with(SMITH, 1), [4.0, 6.0, 14.0]);
    assert_eq!(with(SMITH, 3), [12.0, 18.0, 42.0]);
    assert_eq!(with(MIN_SUM, 3), [6.0, 12.0, 21.0]);
}

#[test]
fn reach_is_infinite_without_coordinates() {
    let endless = "repeat 1000000000000000 {\n    detector(1, 2, 3) D0\n}\n";
    let incomplete = PLACES.replace("detector(2, 4, 7) D4", "detector(2, 4) D4");
    for places in ["", &incomplete, &format!("{endless}{PLACES}")] {
        let text = format!("{LINE}{places}");
        let graph = Graph::new(&text);
        for kind in RULES {
            let mut rule = rule(&graph, &text, kind);
            assert_eq!(rule.reach(), [f64::INFINITY; 3], "{kind:?} with {places:?}");
            assert!(!rule.soft(&[2, 3]).expect("valid events").is_empty());
        }
    }
}

#[test]
fn names_are_those_of_the_command_line() {
    for (kind, name) in RULES.into_iter().zip(["clique", "smith", "min-sum"]) {
        let text = CString::new(name).expect("no NUL");
        let mut found = CLIQUE;
        // SAFETY: both strings end in NUL, and the output is ours.
        unsafe {
            assert_eq!(otr_rule_from_name(text.as_ptr(), &mut found), otr_status::OTR_OK);
            assert_eq!(CStr::from_ptr(otr_rule_name(kind)), text.as_c_str());
        }
        assert_eq!(found, kind);
    }
    let mut found = SMITH;
    // SAFETY: the string ends in NUL, and the output is ours; any value has a name.
    unsafe {
        assert_eq!(otr_rule_from_name(c"minsum".as_ptr(), &mut found), otr_status::OTR_ERR_ARGUMENT);
        assert_eq!(CStr::from_ptr(otr_rule_name(otr_rule_kind(7))), c"unknown");
    }
    assert_eq!(found, SMITH);
}

#[test]
fn bad_options_and_other_models_get_one_clear_error() {
    let graph = Graph::new(LINE);
    let expect = |text: &str, options: otr_rule_options, status, message: &str| {
        let error = Predecoder::rule(&graph, text, &options).err().expect("it is refused");
        assert_eq!((error.status, error.message.as_str()), (status, message));
        error
    };
    let argument = otr_status::OTR_ERR_ARGUMENT;
    let (smith, min_sum) = (options(SMITH), options(MIN_SUM));
    expect(LINE, options(otr_rule_kind(3)), argument, "no such rule");
    for iterations in [0, OTR_RULE_ITERATIONS_MAX + 1] {
        let wrong = otr_rule_options { iterations, ..smith };
        expect(LINE, wrong, argument, "iterations of a rule must be 1 to 1000");
    }
    for normalization in [0, OTR_RULE_NORMALIZATION_ONE + 1] {
        let wrong = otr_rule_options { normalization, ..min_sum };
        expect(LINE, wrong, argument, "the normalization of min-sum must be 1 to 256");
    }
    let (isa, name) =
        if cfg!(target_arch = "aarch64") { (Isa::OTR_ISA_AVX2, "avx2") } else { (Isa::OTR_ISA_NEON, "neon") };
    let absent = otr_rule_options { isa, ..smith };
    let unsupported = format!("instruction set {name} is not available");
    expect(LINE, absent, otr_status::OTR_ERR_UNSUPPORTED, &unsupported);
    let other = "the model is not the one that the graph was built from";
    expect("error(0.1) D0 D1\n", smith, argument, other);
    let moved = LINE.replace("D2 D3", "D2 D4");
    assert_eq!(expect(&moved, min_sum, argument, other).line, 4);
    let mut clique = rule(&graph, LINE, CLIQUE);
    for events in [[1, 1], [2, 1], [4, 6]] {
        assert_eq!(clique.soft(&events).err(), Some(otr_status::OTR_ERR_INDEX));
        assert_eq!(clique.hard(&events), Err(otr_status::OTR_ERR_INDEX));
    }
}

#[test]
fn models_out_of_the_ordinary_are_taken() {
    let texts = [
        "",
        "detector D3\n",
        "error(0) D0 D1\nerror(1) D0\nerror(1) D0\nerror(1) D1 D2\nerror(0.5) D2\n",
        // Cycles of edges leave no detector, and whole errors cancel.
        "error(0.1) D0 D1 ^ D1 D2 ^ D0 D2\nerror(0.1) D0 D1 ^ D0 D1\nerror(0.9) D2\n",
    ];
    for text in texts {
        let graph = Graph::new(text);
        for kind in RULES {
            let mut rule = rule(&graph, text, kind);
            for events in [vec![], (0..graph.nodes as u32).collect()] {
                rule.hard(&events).expect("valid events");
            }
        }
    }
}
