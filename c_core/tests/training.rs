//! Training: batches against brute force over coordinates, layers against plain loops, gaps against otr_gap.

use std::collections::BTreeSet;
use std::sync::Arc;

use outrider::{
    Basis, Circuit, CircuitFamily, DetectorErrorModel, Edge, Error, Gap, Geometry, GraphOptions, Isa,
    MatchingGraph, Override, Sampler, SamplerOptions, Shots, Slot, Status, SurfaceCode, Training,
    TrainingOptions,
};
use outrider_sys::OTR_TRAINING_SHOTS_MAX;

use crate::support::random::Random;

type Site = [i32; 3];

const PITCH: [i32; 3] = [2, 2, 1];
const SHOTS: usize = 60;
const OFFSET: f64 = 2.5;

/// A memory experiment with its lattice, worked out here.
struct Setup {
    model: DetectorErrorModel,
    graph: Arc<MatchingGraph>,
    geometry: Geometry,
    sites: Vec<Site>,
}

impl Setup {
    fn new(distance: u32, rounds: u32, radius: i32, untied: bool) -> Self {
        let circuit = Circuit::uniform(CircuitFamily::Stim, 0.01);
        let code = SurfaceCode::memory(distance, rounds).basis(Basis::X).circuit(circuit);
        let model = code.build().expect("valid options").model().expect("a small model");
        let graph = Arc::new(MatchingGraph::new(&model, &GraphOptions::default()).expect("matchable"));
        let coordinates = model.detector_coordinates().expect("a small model");
        let site = |at: &Vec<f64>| std::array::from_fn(|axis| at[axis] as i32 / PITCH[axis]);
        let geometry = Geometry {
            plane: None,
            pitch: PITCH,
            kind_rule: [1, 1, 0],
            transposed: vec![false, true],
            sets: vec![0, u8::from(untied)],
            radius,
            slots: Vec::new(),
        };
        let mut setup = Self { sites: coordinates.iter().map(site).collect(), model, graph, geometry };
        let mut offsets = BTreeSet::new();
        for edge in setup.graph.edges() {
            if let Some(node2) = edge.node2 {
                offsets.insert(setup.offset(edge.node1, node2));
                offsets.insert(setup.offset(node2, edge.node1));
            }
        }
        let mut slots: Vec<_> = offsets.into_iter().map(Slot::Offset).collect();
        slots.insert(slots.len() / 2, Slot::Boundary);
        setup.geometry.slots = vec![slots; 1 + usize::from(untied)];
        setup
    }

    fn kind(&self, node: u32) -> usize {
        let site = self.sites[node as usize];
        (site[0] + site[1]).rem_euclid(2) as usize
    }

    fn set(&self, node: u32) -> usize {
        self.geometry.sets[self.kind(node)].into()
    }

    /// Where `to` lies from `from`, in the frame of `from`.
    fn offset(&self, from: u32, to: u32) -> Site {
        let (a, b) = (self.sites[from as usize], self.sites[to as usize]);
        self.framed(from, std::array::from_fn(|axis| b[axis] - a[axis]))
    }

    fn framed<T: Copy>(&self, node: u32, [x, y, t]: [T; 3]) -> [T; 3] {
        if self.kind(node) == 1 { [y, x, t] } else { [x, y, t] }
    }

    /// The offsets within the radius, in the order of their numbers.
    fn offsets(&self) -> Vec<Site> {
        let radius = self.geometry.radius;
        let span = -radius..=radius;
        let cube = span.clone().flat_map(|t| {
            let span = span.clone();
            span.clone().flat_map(move |y| span.clone().map(move |x| [x, y, t]))
        });
        cube.filter(|[x, y, t]| (1..=radius).contains(&(x.abs().max(y.abs()) + t.abs()))).collect()
    }

    fn training(&self) -> Training {
        self.with_options(&TrainingOptions { offset: OFFSET, ..TrainingOptions::default() })
    }

    fn with_options(&self, options: &TrainingOptions) -> Training {
        Training::with_options(Arc::clone(&self.graph), &self.model, &self.geometry, options)
            .expect("the geometry is the model's")
    }

    /// Detectors and flipped edges.
    fn sample(&self, count: usize) -> (Shots, Shots) {
        let mut sampler = Sampler::with_graph(&self.model, &self.graph, &SamplerOptions::default())
            .expect("the model's graph");
        let (mut detectors, mut observables) = sampler.batches();
        let mut edges = Shots::new(sampler.edge_count());
        sampler
            .sample_with_edges(0, count, &mut detectors, &mut observables, &mut edges)
            .expect("batches of the right width");
        (detectors, edges)
    }
}

/// Geometries that differ in all that matters.
fn setups() -> impl Iterator<Item = Setup> {
    [(3, 4, 1, false), (3, 1, 2, true), (5, 5, 3, false), (5, 3, 4, true)]
        .into_iter()
        .map(|(distance, rounds, radius, untied)| Setup::new(distance, rounds, radius, untied))
}

#[test]
fn pairs_are_all_events_within_the_radius() {
    for setup in setups() {
        let mut training = setup.training();
        let (detectors, _) = setup.sample(SHOTS);
        training.prepare(&detectors, None).expect("valid shots");
        let offsets = setup.offsets();
        assert_eq!(training.relations(), offsets.len() * setup.geometry.slots.len());

        let batch = training.batch();
        let mut expected = vec![Vec::new(); training.relations()];
        for shot in batch.shot_events.windows(2) {
            for target in shot[0]..shot[1] {
                for source in shot[0]..shot[1] {
                    let from = batch.detector[target as usize];
                    let offset = setup.offset(from, batch.detector[source as usize]);
                    if let Some(number) = offsets.iter().position(|&known| known == offset) {
                        expected[setup.set(from) * offsets.len() + number]
                            .push((target as u32, source as u32));
                    }
                }
            }
        }
        let found: Vec<Vec<_>> = batch
            .relation_pairs
            .windows(2)
            .map(|range| {
                let range = range[0] as usize..range[1] as usize;
                std::iter::zip(&batch.target[range.clone()], &batch.source[range])
                    .map(|(&target, &source)| (target, source))
                    .collect()
            })
            .collect();
        assert!(batch.target.len() > SHOTS, "the shots have pairs");
        assert_eq!(found, expected);
    }
}

#[test]
fn events_know_their_places() {
    /// 0, 1, 2 steps from the low end, 3 far from both or halfway, then 2, 1, 0 steps from the high end.
    fn class(value: i32, low: i32, high: i32) -> usize {
        let (below, above) = (value - low, high - value);
        match below.min(above) {
            0..=2 if below <= above => below as usize,
            0..=2 => 6 - above as usize,
            _ => 3,
        }
    }
    for setup in setups() {
        let low: Site = std::array::from_fn(|axis| setup.sites.iter().map(|site| site[axis]).min().unwrap());
        let high: Site = std::array::from_fn(|axis| setup.sites.iter().map(|site| site[axis]).max().unwrap());
        let (detectors, _) = setup.sample(SHOTS);
        let mut training = setup.training();
        training.prepare(&detectors, None).expect("valid shots");
        let batch = training.batch();
        for (shot, range) in batch.shot_events.windows(2).enumerate() {
            for event in range[0] as usize..range[1] as usize {
                let node = batch.detector[event];
                let site = setup.sites[node as usize];
                let kind = setup.kind(node);
                let classes: [usize; 3] =
                    std::array::from_fn(|axis| class(site[axis], low[axis], high[axis]));
                let [a, b, t] = setup.framed(node, classes);
                let is_first = (0..setup.sites.len() as u32)
                    .any(|other| setup.kind(other) == kind && setup.sites[other as usize][2] == low[2]);
                assert_eq!(batch.set[event] as usize, setup.set(node));
                assert_eq!(batch.place[event] as usize, Training::PLACES * kind + 7 * a + b);
                assert_eq!(
                    batch.phase[event] as usize,
                    Training::PHASES * kind + 7 * usize::from(is_first) + t
                );
            }
            let events = &batch.detector[range[0] as usize..range[1] as usize];
            assert!(events.iter().map(|&node| node as usize).eq(detectors.ones(shot)));
        }
    }
}

#[test]
fn scored_edges_are_those_at_events() {
    for setup in setups() {
        let (detectors, truth) = setup.sample(SHOTS);
        let mut training = setup.training();
        training.prepare(&detectors, Some(&truth)).expect("valid shots");
        let batch = training.batch();
        let label = batch.label.expect("truth was given");
        let slots = training.slots();
        // The event and the far end that an output names; none for no output.
        let seen = |output: u32| {
            let (event, slot) = (output as usize / slots, output as usize % slots);
            (output != Training::NO_OUTPUT)
                .then(|| (event, setup.geometry.slots[batch.set[event] as usize][slot]))
        };
        for shot in 0..SHOTS {
            let events = batch.shot_events[shot] as usize..batch.shot_events[shot + 1] as usize;
            let event_of = |node: u32| events.clone().find(|&event| batch.detector[event] == node);
            let mut found = BTreeSet::new();
            let scored = batch.shot_edges[shot] as usize..batch.shot_edges[shot + 1] as usize;
            for i in scored {
                let edge = setup.graph.edge(batch.edge[i]).expect("an edge of the graph");
                assert!(found.insert(batch.edge[i]), "an edge is scored once");
                let bit = truth.row(shot)[batch.edge[i] as usize / 8] >> (batch.edge[i] % 8) & 1;
                assert_eq!(label[i], f32::from(bit));
                assert_eq!(batch.prior[i], -setup.graph.natural(edge.weight.into()) as f32);

                let slot_towards = |node: u32, other: Option<u32>| {
                    other.map_or(Slot::Boundary, |other| Slot::Offset(setup.offset(node, other)))
                };
                let mut expected = vec![
                    event_of(edge.node1).map(|event| (event, slot_towards(edge.node1, edge.node2))),
                    edge.node2.and_then(|node2| {
                        event_of(node2).map(|event| (event, slot_towards(node2, Some(edge.node1))))
                    }),
                ];
                let mut ends = vec![seen(batch.output1[i]), seen(batch.output2[i])];
                assert!(ends[0].is_some(), "the first output is always one");
                let key = |end: &Option<(usize, Slot)>| end.map(|(event, _)| event);
                ends.sort_by_key(key);
                expected.sort_by_key(key);
                assert_eq!(ends, expected);
            }
            let expected: BTreeSet<u32> = (0..)
                .zip(setup.graph.edges())
                .filter(|(_, edge)| {
                    event_of(edge.node1).is_some() || edge.node2.is_some_and(|node| event_of(node).is_some())
                })
                .map(|(index, _)| index)
                .collect();
            assert_eq!(found, expected);
        }
    }
}

#[test]
fn a_batch_is_its_shots_one_by_one() {
    let setup = Setup::new(5, 3, 3, false);
    let (detectors, truth) = setup.sample(SHOTS);
    let (mut all, mut one) = (setup.training(), setup.training());
    all.prepare(&detectors, Some(&truth)).expect("valid shots");
    let all = all.batch();
    let mut pairs = Vec::new();
    for shot in 0..SHOTS {
        let [mut detectors_of_one, mut truth_of_one] =
            [&detectors, &truth].map(|rows| Shots::new(rows.bits()));
        detectors_of_one.push(detectors.row(shot)).expect("the same width");
        truth_of_one.push(truth.row(shot)).expect("the same width");
        one.prepare(&detectors_of_one, Some(&truth_of_one)).expect("valid shots");
        let one = one.batch();
        let first = all.shot_events[shot];
        let events = first as usize..all.shot_events[shot + 1] as usize;
        let edges = all.shot_edges[shot] as usize..all.shot_edges[shot + 1] as usize;
        let shift = first as u32 * setup.geometry.slots[0].len() as u32;
        let shifted = |outputs: &[u32]| -> Vec<u32> {
            let moved = outputs.iter().map(|&o| if o == Training::NO_OUTPUT { o } else { o + shift });
            moved.collect()
        };
        assert_eq!(one.detector, &all.detector[events.clone()]);
        assert_eq!(one.set, &all.set[events.clone()]);
        assert_eq!(one.place, &all.place[events.clone()]);
        assert_eq!(one.phase, &all.phase[events]);
        assert_eq!(one.edge, &all.edge[edges.clone()]);
        assert_eq!(shifted(one.output1), &all.output1[edges.clone()]);
        assert_eq!(shifted(one.output2), &all.output2[edges.clone()]);
        assert_eq!(one.prior, &all.prior[edges.clone()]);
        assert_eq!(one.label.unwrap(), &all.label.unwrap()[edges]);
        pairs.extend(relations_of(one.relation_pairs).enumerate().map(|(pair, relation)| {
            (relation, one.target[pair] + first as u32, one.source[pair] + first as u32)
        }));
    }
    pairs.sort_unstable();
    let all_pairs: Vec<_> = relations_of(all.relation_pairs)
        .enumerate()
        .map(|(pair, relation)| (relation, all.target[pair], all.source[pair]))
        .collect();
    // Within a relation and target there is one source.
    assert_eq!(pairs, all_pairs);
}

/// The relation of each pair.
fn relations_of(relation_pairs: &[u64]) -> impl Iterator<Item = usize> {
    relation_pairs
        .windows(2)
        .enumerate()
        .flat_map(|(relation, range)| std::iter::repeat_n(relation, (range[1] - range[0]) as usize))
}

/// Floats between -1 and 1.
fn random_floats(random: &mut Random, count: usize) -> Vec<f32> {
    (0..count).map(|_| (random.word() >> 40) as f32 / (1 << 23) as f32 - 1.0).collect()
}

fn assert_close(found: &[f32], expected: &[f64]) {
    assert_eq!(found.len(), expected.len());
    for (index, (&found, &expected)) in found.iter().zip(expected).enumerate() {
        let error = (f64::from(found) - expected).abs();
        assert!(error <= 2e-5 * (1.0 + expected.abs()), "at {index}: {found}, not {expected}");
    }
}

fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().copied().map(f64::from).collect()
}

#[test]
fn layers_equal_plain_loops() {
    let setup = Setup::new(5, 5, 2, true);
    let (detectors, _) = setup.sample(SHOTS);
    for isa in Isa::available() {
        let mut training = setup.with_options(&TrainingOptions { isa, offset: 0.0 });
        training.prepare(&detectors, None).expect("valid shots");
        for width in [16, 32, 48, 64] {
            compare_layers(&training, width);
        }
    }
}

fn compare_layers(training: &Training, width: usize) {
    let random = &mut Random(width as u64);
    let batch = training.batch();
    let (events, relations) = (batch.detector.len(), training.relations());
    let pairs: Vec<_> = relations_of(batch.relation_pairs)
        .zip(batch.target.iter().zip(batch.source))
        .map(|(relation, (&target, &source))| (relation, target as usize, source as usize))
        .collect();
    let rows = random_floats(random, relations * width);
    let weights = random_floats(random, relations * width * width);
    let [input, gradient, base] = [0; 3].map(|_| random_floats(random, events * width));

    let (mut by_rows, mut by_row) = (wide(&base), vec![0.0; rows.len()]);
    let (mut by_messages, mut by_input) = (wide(&base), wide(&base));
    let mut by_weight = vec![0.0; weights.len()];
    for &(relation, target, source) in &pairs {
        for a in 0..width {
            by_rows[target * width + a] += f64::from(rows[relation * width + a]);
            by_row[relation * width + a] += f64::from(gradient[target * width + a]);
            for b in 0..width {
                let place = (relation * width + a) * width + b;
                let [weight, sent, wanted] =
                    [weights[place], input[source * width + a], gradient[target * width + b]].map(f64::from);
                by_messages[target * width + b] += weight * sent;
                by_input[source * width + a] += weight * wanted;
                by_weight[place] += sent * wanted;
            }
        }
    }

    let mut out = base.clone();
    training.embed_forward(width, &rows, &mut out).expect("matching lengths");
    assert_close(&out, &by_rows);
    let mut out = vec![f32::NAN; rows.len()];
    training.embed_backward(width, &gradient, &mut out).expect("matching lengths");
    assert_close(&out, &by_row);
    let mut out = base.clone();
    training.message_forward(width, &weights, &input, &mut out).expect("matching lengths");
    assert_close(&out, &by_messages);
    let (mut out, mut out_weights) = (base, vec![f32::NAN; weights.len()]);
    training
        .message_backward(width, &weights, &input, &gradient, &mut out, &mut out_weights)
        .expect("matching lengths");
    assert_close(&out, &by_input);
    assert_close(&out_weights, &by_weight);
}

#[test]
fn gradients_are_the_slopes_of_a_loss() {
    const WIDTH: usize = 32;
    const STEP: f32 = 1.0 / 64.0;
    let setup = Setup::new(5, 5, 3, false);
    let (detectors, _) = setup.sample(20);
    let mut training = setup.training();
    training.prepare(&detectors, None).expect("valid shots");
    let training = &training;
    let random = &mut Random(1);
    let (events, relations) = (training.batch().detector.len(), training.relations());
    let [rows, rows_change] = [0; 2].map(|_| random_floats(random, relations * WIDTH));
    let [weights, weights_change] = [0; 2].map(|_| random_floats(random, relations * WIDTH * WIDTH));

    // Half the square of messages over embeddings: quadratic in the weights and in the rows, so that a central
    // difference is exact but for rounding.
    let forward = |rows: &[f32], weights: &[f32]| {
        let (mut hidden, mut out) = (vec![0.0; events * WIDTH], vec![0.0; events * WIDTH]);
        training.embed_forward(WIDTH, rows, &mut hidden).expect("matching lengths");
        training.message_forward(WIDTH, weights, &hidden, &mut out).expect("matching lengths");
        (hidden, out)
    };
    let loss =
        |rows: &[f32], weights: &[f32]| dot(&forward(rows, weights).1, &forward(rows, weights).1) / 2.0;
    let moved = |values: &[f32], change: &[f32], step: f32| -> Vec<f32> {
        values.iter().zip(change).map(|(value, change)| value + step * change).collect()
    };

    let (hidden, out) = forward(&rows, &weights);
    let (mut by_hidden, mut by_weight) = (vec![0.0; hidden.len()], vec![0.0; weights.len()]);
    let mut by_row = vec![0.0; rows.len()];
    training
        .message_backward(WIDTH, &weights, &hidden, &out, &mut by_hidden, &mut by_weight)
        .expect("matching lengths");
    training.embed_backward(WIDTH, &by_hidden, &mut by_row).expect("matching lengths");

    let slope = |up: f64, down: f64| (up - down) / f64::from(2.0 * STEP);
    let by_rows = slope(
        loss(&moved(&rows, &rows_change, STEP), &weights),
        loss(&moved(&rows, &rows_change, -STEP), &weights),
    );
    let by_weights = slope(
        loss(&rows, &moved(&weights, &weights_change, STEP)),
        loss(&rows, &moved(&weights, &weights_change, -STEP)),
    );
    let tolerance = 1e-4 * loss(&rows, &weights);
    assert!((dot(&by_row, &rows_change) - by_rows).abs() < tolerance, "the rows' gradient");
    assert!((dot(&by_weight, &weights_change) - by_weights).abs() < tolerance, "the weights' gradient");
}

fn dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum()
}

/// Log-odds near the priors, without ties.
fn random_log_odds(random: &mut Random, prior: &[f32]) -> Vec<f32> {
    let noise = random_floats(random, prior.len());
    prior.iter().zip(noise).map(|(prior, noise)| prior + 4.0 * noise).collect()
}

#[test]
fn gaps_are_those_of_the_gap() {
    let setup = Setup::new(5, 3, 2, false);
    let graph = &setup.graph;
    let (detectors, _) = setup.sample(SHOTS);
    let mut training = setup.training();
    training.prepare(&detectors, None).expect("valid shots");
    let log_odds = random_log_odds(&mut Random(4), training.batch().prior);
    let batch = training.batch();
    let mut gap = Gap::new(graph).expect("a graph with a gap");
    let (mut expected, mut differences) = (Vec::new(), Vec::new());
    for shot in 0..SHOTS {
        let mut overrides: Vec<_> = (0..)
            .zip(graph.edges())
            .map(|(edge, Edge { weight, .. })| Override {
                edge,
                weight: graph.quantize(graph.natural(weight.into()) + OFFSET).expect("held"),
            })
            .collect();
        for i in batch.shot_edges[shot] as usize..batch.shot_edges[shot + 1] as usize {
            overrides[batch.edge[i] as usize].weight = graph.quantize(-f64::from(log_odds[i])).expect("held");
        }
        let weights = gap.decode(detectors.row(shot), &overrides).expect("every shot matches").weights;
        let answers = [false, true].map(|class| gap.edges(class).expect("a shot was decoded").to_vec());
        expected.push(graph.natural(weights[1] - weights[0]));
        differences.push(difference(&answers));
    }

    let limit = 6.0;
    let found = training.gaps(&log_odds, limit).expect("a graph with a gap");
    let within: Vec<f64> = expected.iter().map(|gap| gap.clamp(-limit, limit)).collect();
    assert_eq!(found.gaps, within);
    let mut listed = 0;
    for (shot, range) in found.shot_differences.windows(2).enumerate() {
        let range = range[0] as usize..range[1] as usize;
        let found_here: Vec<_> =
            found.edges[range.clone()].iter().copied().zip(found.signs[range].iter().copied()).collect();
        let is_listed = expected[shot].abs() < limit;
        assert_eq!(found_here, if is_listed { differences[shot].clone() } else { Vec::new() });
        listed += usize::from(is_listed);
    }
    assert!(listed > 0 && listed < SHOTS, "{listed} shots below the limit");
}

#[test]
fn screening_finds_the_shots_with_a_small_gap_of_their_own() {
    const LIMIT: f64 = 5.0;
    let setup = Setup::new(5, 3, 2, false);
    let (detectors, _) = setup.sample(SHOTS);
    let mut gap = Gap::new(&setup.graph).expect("a graph with a gap");
    let small: Vec<u32> = (0..SHOTS as u32)
        .filter(|&shot| {
            let result = gap.decode(detectors.row(shot as usize), &[]).expect("every shot matches");
            setup.graph.natural(result.gap()) < LIMIT
        })
        .collect();
    assert!(!small.is_empty() && small.len() < SHOTS, "{} shots below the limit", small.len());
    let mut training = setup.training();
    training.prepare(&detectors, None).expect("valid shots");
    let log_odds = training.batch().prior.to_vec();
    let before = training.gaps(&log_odds, 6.0).expect("a graph with a gap").gaps;
    assert_eq!(training.screen(&detectors, LIMIT).expect("valid shots"), small);
    assert_eq!(training.screen(&detectors, f64::INFINITY).expect("valid shots").len(), SHOTS);
    assert_eq!(training.gaps(&log_odds, 6.0).expect("a graph with a gap").gaps, before, "the batch stays");
}

/// The edges in one answer only, ascending, with 1 for the second.
fn difference(answers: &[Vec<u32>; 2]) -> Vec<(u32, i8)> {
    let mut edges: Vec<_> = [(0, 1, -1), (1, 0, 1)]
        .into_iter()
        .flat_map(|(own, other, sign)| {
            answers[own]
                .iter()
                .filter(move |edge| !answers[other].contains(edge))
                .map(move |&edge| (edge, sign))
        })
        .collect();
    edges.sort_unstable();
    edges
}

#[test]
fn signs_are_the_slopes_of_the_gap() {
    const STEP: f32 = 1.0 / 1024.0;
    let setup = Setup::new(3, 3, 2, false);
    let (detectors, _) = setup.sample(SHOTS);
    let mut training = setup.training();
    training.prepare(&detectors, None).expect("valid shots");
    let log_odds = random_log_odds(&mut Random(5), training.batch().prior);
    let shot_edges = training.batch().shot_edges.to_vec();
    let batch_edges = training.batch().edge.to_vec();
    let found = training.gaps(&log_odds, f64::INFINITY).expect("a graph with a gap");
    let (gaps, first) = (found.gaps, found.shot_differences);
    let signs: Vec<_> = found.edges.iter().copied().zip(found.signs.iter().copied()).collect();
    let sign_of = |shot: usize, edge: u32| {
        let own = &signs[first[shot] as usize..first[shot + 1] as usize];
        own.iter().find(|&&(other, _)| other == edge).map_or(0.0, |&(_, sign)| f64::from(sign))
    };
    let mut checked = 0;
    for step in 0..40 {
        // One edge of every shot moves.
        let mut moved = log_odds.clone();
        let places: Vec<_> = (0..SHOTS)
            .map(|shot| {
                let range = shot_edges[shot] as usize..shot_edges[shot + 1] as usize;
                (!range.is_empty()).then(|| range.start + step % range.len())
            })
            .collect();
        for &place in places.iter().flatten() {
            moved[place] -= STEP;
        }
        let changed = training.gaps(&moved, f64::INFINITY).expect("a graph with a gap");
        for (shot, place) in places.iter().enumerate() {
            let sign = place.map_or(0.0, |place| sign_of(shot, batch_edges[place]));
            let slope = (changed.gaps[shot] - gaps[shot]) / f64::from(STEP);
            assert!((slope - sign).abs() < 0.01, "shot {shot}: a slope of {slope}, not {sign}");
            checked += usize::from(sign != 0.0);
        }
    }
    assert!(checked > 100, "{checked} slopes were not 0");

    // The offset moves every edge away from events.
    let mut moved = setup
        .with_options(&TrainingOptions { offset: OFFSET + f64::from(STEP), ..TrainingOptions::default() });
    moved.prepare(&detectors, None).expect("valid shots");
    let moved = moved.gaps(&log_odds, f64::INFINITY).expect("a graph with a gap");
    for shot in 0..SHOTS {
        let known = &batch_edges[shot_edges[shot] as usize..shot_edges[shot + 1] as usize];
        let away = |&&(edge, _): &&(u32, i8)| !known.contains(&edge);
        let own = signs[first[shot] as usize..first[shot + 1] as usize].iter();
        let expected: f64 = own.filter(away).map(|&(_, sign)| f64::from(sign)).sum();
        let slope = (moved.gaps[shot] - gaps[shot]) / f64::from(STEP);
        assert!((slope - expected).abs() < 0.05, "shot {shot}: a slope of {slope}, not {expected}");
    }
}

#[test]
fn log_noise_is_the_mean_probability() {
    let setup = Setup::new(3, 3, 1, false);
    let sum: f64 = setup.graph.edges().map(|edge| edge.probability).sum();
    let expected = (sum / f64::from(setup.graph.edge_count())).ln();
    assert!((setup.training().log_noise() - expected).abs() < 1e-12);
}

#[test]
fn small_batches() {
    let setup = Setup::new(3, 2, 3, true);
    let mut training = setup.training();
    for count in [0, 3] {
        let quiet = Shots::zeroed(setup.graph.node_count() as usize, count);
        training.prepare(&quiet, None).expect("valid shots");
        let batch = training.batch();
        assert_eq!(batch.shot_events, vec![0; count + 1]);
        assert_eq!(batch.shot_edges, vec![0; count + 1]);
        assert_eq!((batch.detector.len(), batch.target.len(), batch.edge.len()), (0, 0, 0));
        assert_eq!(batch.relation_pairs, vec![0; training.relations() + 1]);
        assert_eq!(batch.label, None);
        let mut gradient = vec![1.0; training.relations() * 16];
        training.embed_backward(16, &[], &mut gradient).expect("matching lengths");
        assert!(gradient.iter().all(|&value| value == 0.0));
        let gaps = training.gaps(&[], f64::INFINITY).expect("a graph with a gap");
        assert_eq!(gaps.shot_differences.len(), count + 1);
        assert!(gaps.gaps.iter().all(|&gap| gap > 0.0));
    }

    let empty = DetectorErrorModel::parse("logical_observable L0").expect("a model");
    let graph = Arc::new(MatchingGraph::new(&empty, &GraphOptions::default()).expect("a graph"));
    let mut training = Training::new(graph, &empty, &setup.geometry).expect("no detector is off the lattice");
    assert_eq!(training.log_noise(), 0.0);
    training.prepare(&Shots::zeroed(0, 2), None).expect("valid shots");
    assert_eq!(training.batch().shot_events, [0; 3]);
}

/// The status and the line of an error of the core.
fn refused<T: std::fmt::Debug>(result: Result<T, Error>) -> (Option<Status>, String) {
    let error = result.expect_err("bad input");
    (error.status(), error.to_string())
}

type Change<'a> = &'a dyn Fn(&mut Geometry);

#[test]
fn bad_geometries_are_refused() {
    let setup = Setup::new(3, 3, 2, true);
    let make = |change: &dyn Fn(&mut Geometry)| {
        let mut geometry = setup.geometry.clone();
        change(&mut geometry);
        Training::new(Arc::clone(&setup.graph), &setup.model, &geometry)
    };
    let ranges: [Change; 11] = [
        &|geometry| geometry.pitch[0] = 0,
        &|geometry| geometry.pitch[1] = -2,
        &|geometry| geometry.pitch[2] = 0,
        &|geometry| geometry.radius = 0,
        &|geometry| geometry.radius = 5,
        &|geometry| (geometry.transposed, geometry.sets) = (vec![], vec![]),
        &|geometry| (geometry.transposed, geometry.sets) = (vec![false; 9], vec![0; 9]),
        &|geometry| geometry.slots = vec![],
        &|geometry| geometry.slots = vec![vec![], vec![]],
        &|geometry| geometry.slots = vec![vec![Slot::Boundary; 33]; 2],
        &|geometry| geometry.slots.push(geometry.slots[0].clone()),
    ];
    for (number, change) in ranges.into_iter().enumerate() {
        let (status, line) = refused(make(change));
        assert_eq!(status, Some(Status::Argument), "change {number}");
        assert!(line.starts_with("the geometry is out of range"), "{line}");
    }
    let others: [(Change, Option<Status>, &str); 10] = [
        (&|geometry| geometry.sets[0] = 2, Some(Status::Argument), "kind 0 uses weight set 2 of 2"),
        (
            &|geometry| geometry.slots[1][0] = Slot::Offset([0, -9, 0]),
            Some(Status::Argument),
            "slot 0 of set 1 has offset (0, -9, 0)",
        ),
        (&|geometry| geometry.sets = vec![0], None, "sets, one for each kind: expected 2, found 1"),
        (&|geometry| geometry.slots[1].truncate(1), None, "slots, as many for every set: expected"),
        (&|geometry| geometry.pitch[0] = 4, Some(Status::Format), "is not on the network's lattice"),
        (
            &|geometry| geometry.slots.iter_mut().for_each(|slots| slots.retain(|&s| s != Slot::Boundary)),
            Some(Status::Format),
            "has an edge to the boundary",
        ),
        (
            &|geometry| geometry.slots[1][0] = Slot::Boundary,
            Some(Status::Argument),
            "slots 0 and 6 of set 1 are the same",
        ),
        (
            &|geometry| geometry.slots[1][3] = geometry.slots[1][2],
            Some(Status::Argument),
            "slots 2 and 3 of set 1 are the same",
        ),
        (
            &|geometry| geometry.slots[0][1] = Slot::Offset([0; 3]),
            Some(Status::Argument),
            "slot 1 of set 0 has offset (0, 0, 0), which only the boundary may have",
        ),
        (&|geometry| geometry.transposed[1] = false, Some(Status::Format), "has offset"),
    ];
    for (change, status, message) in others {
        let found = refused(make(change));
        assert_eq!(found.0, status, "{message}");
        assert!(found.1.contains(message), "{}", found.1);
    }
    let options = TrainingOptions { offset: f64::NAN, ..TrainingOptions::default() };
    let nan = Training::with_options(Arc::clone(&setup.graph), &setup.model, &setup.geometry, &options);
    assert_eq!(refused(nan).0, Some(Status::Argument));
}

#[test]
fn bad_models_are_refused() {
    let geometry = Setup::new(3, 3, 4, false).geometry;
    let sparse = "repeat 3600 {\nerror(0.1) D0\ndetector(0, 0, 0) D0\nshift_detectors(0, 0, 1000) 1\n}";
    for (text, status, message) in [
        ("error(0.1) D0 D1", Status::Format, "detector D0 has no coordinates"),
        ("error(0.1) D0\ndetector(0, 0) D0", Status::Format, "detector D0 has no coordinates"),
        ("error(0.1) D0\ndetector(1, 0, 0) D0", Status::Format, "is not on the network's lattice"),
        ("error(0.1) D0 D1\ndetector(0, 0, 0) D0 D1", Status::Format, "D0 and D1 have the same place"),
        (
            "error(0.1) D0\ndetector(0, 0, 0) D0\ndetector(0, 0, 1e9) D1",
            Status::Format,
            "D1 at (0, 0, 1e+09)",
        ),
        ("error(0.1) D0\ndetector(0, 0, 0) D0\ndetector(0, 0, 1e8) D1", Status::Limit, "too sparse"),
        (sparse, Status::Limit, "the lattice is too large to train on"),
    ] {
        let model = DetectorErrorModel::parse(text).expect("a model");
        let graph = Arc::new(MatchingGraph::new(&model, &GraphOptions::default()).expect("a graph"));
        let found = refused(Training::new(graph, &model, &geometry));
        assert_eq!(found.0, Some(status), "{}", found.1);
        assert!(found.1.contains(message), "{}", found.1);
    }
    let [one, other] = [3, 5].map(|distance| Setup::new(distance, 3, 1, false));
    let mixed = refused(Training::new(Arc::clone(&one.graph), &other.model, &one.geometry));
    assert_eq!(mixed.0, Some(Status::Argument));
    assert!(mixed.1.contains("do not belong together"), "{}", mixed.1);
}

#[test]
fn bad_shots_and_lengths_are_refused() {
    let setup = Setup::new(3, 3, 1, false);
    let mut training = setup.training();
    let (detectors, truth) = setup.sample(5);
    let (nodes, edges) = (detectors.bits(), truth.bits());
    let no_batch = "no batch was prepared";
    assert_eq!(refused(training.embed_forward(16, &[], &mut [])).1, no_batch);
    assert_eq!(refused(training.gaps(&[], 1.0)).0, Some(Status::Argument));

    training.prepare(&detectors, Some(&truth)).expect("valid shots");
    let too_many = Shots::zeroed(nodes, OTR_TRAINING_SHOTS_MAX as usize + 1);
    assert_eq!(refused(training.prepare(&too_many, None)).0, Some(Status::Limit));
    assert_eq!(refused(training.embed_forward(16, &[], &mut [])).1, no_batch);
    assert_eq!(training.batch().shot_events, [0]);

    training.prepare(&detectors, Some(&truth)).expect("valid shots");
    for (result, line) in [
        (training.prepare(&Shots::zeroed(nodes + 1, 5), None), "width of the detectors"),
        (training.prepare(&detectors, Some(&Shots::zeroed(edges - 1, 5))), "width of the edges"),
        (training.prepare(&detectors, Some(&Shots::zeroed(edges, 4))), "rows of edges: expected 5, found 4"),
    ] {
        assert!(refused(result).1.starts_with(line));
    }
    let (events, relations) = (training.batch().detector.len(), training.relations());
    let rows = vec![0.0; relations * 16];
    let mut out = vec![0.0; events * 16];
    for width in [0, 8, 24, 80, usize::MAX] {
        assert_eq!(refused(training.embed_forward(width, &rows, &mut out)).0, Some(Status::Argument));
    }
    assert!(refused(training.embed_forward(16, &rows[1..], &mut out)).1.starts_with("rows of the relations"));
    assert!(refused(training.embed_forward(16, &rows, &mut out[1..])).1.starts_with("out"));
    let weights = vec![0.0; relations * 256];
    let short = refused(training.message_forward(16, &weights[1..], &out.clone(), &mut out));
    assert!(short.1.starts_with("weights of the relations"));
    let log_odds = training.batch().prior.to_vec();
    assert!(refused(training.gaps(&log_odds[1..], 1.0)).1.starts_with("log-odds"));
    let nan = vec![f32::NAN; log_odds.len()];
    assert!(refused(training.gaps(&nan, 1.0)).1.ends_with("a log-odds is not a number"));
    for limit in [0.0, -1.0, f64::NAN] {
        assert!(refused(training.gaps(&log_odds, limit)).1.contains("not positive"), "{limit}");
        assert!(refused(training.screen(&detectors, limit)).1.contains("not positive"), "{limit}");
    }
    assert!(refused(training.screen(&Shots::new(1), 1.0)).1.starts_with("width of the detectors"));
    training.gaps(&log_odds, 1.0).expect("it still works");
}

#[test]
fn a_plane_lays_coordinates_on_the_lattice() {
    let text = |places: [&str; 2]| {
        let [first, second] = places;
        format!(
            "error(0.1) D0 L0\nerror(0.1) D0 D1\nerror(0.1) D1\ndetector({first}) D0\ndetector({second}) D1"
        )
    };
    let make = |plane, places| {
        let model = DetectorErrorModel::parse(&text(places)).expect("a model");
        let graph = Arc::new(MatchingGraph::new(&model, &GraphOptions::default()).expect("a graph"));
        let geometry = Geometry {
            plane,
            pitch: PITCH,
            kind_rule: [1, 1, 0],
            transposed: vec![false, true],
            sets: vec![0, 0],
            radius: 2,
            slots: vec![vec![Slot::Offset([1, 1, 0]), Slot::Offset([-1, -1, 0]), Slot::Boundary]],
        };
        let mut training = Training::new(graph, &model, &geometry)?;
        let mut detectors = Shots::new(2);
        detectors.push(&[0b11]).expect("the width");
        training.prepare(&detectors, None).expect("valid shots");
        let batch = training.batch();
        Ok::<_, Error>((batch.place.to_vec(), batch.phase.to_vec(), batch.relation_pairs.to_vec()))
    };
    let plain = make(None, ["2, 4, 0", "4, 6, 0"]).expect("a lattice");
    // x = 10 u - 10 v + 1, y = 10 u + 10 v - 1.
    let plane = [[10, -10, 1], [10, 10, -1]];
    assert_eq!(make(Some(plane), ["0.3, 0.2, 0", "0.5, 0.2, 0"]).expect("a lattice"), plain);
    let (status, line) = refused(make(Some(plane), ["0.3, 0.2, 0", "0.5, 0.21, 0"]));
    assert_eq!(status, Some(Status::Format));
    assert!(line.contains("detector D1 at (0.5, 0.21, 0) is not on the network's lattice"), "{line}");
    for bad in [[[1, 1, 0], [2, 2, 0]], [[1, 0, 1 << 21], [0, 1, 0]]] {
        let (status, line) = refused(make(Some(bad), ["2, 4, 0", "4, 6, 0"]));
        assert_eq!(status, Some(Status::Argument));
        assert!(line.contains("the geometry's plane is not invertible"), "{line}");
    }
}

#[test]
fn graphs_without_a_gap_still_make_batches() {
    let text = "error(0.1) D0 D1\nerror(0.1) D1 D2\ndetector(0, 0, 0) D0\ndetector(0, 0, 1) D1\ndetector(0, 0, 2) D2";
    let model = DetectorErrorModel::parse(text).expect("a model");
    let graph = Arc::new(MatchingGraph::new(&model, &GraphOptions::default()).expect("a graph"));
    let geometry = Geometry {
        plane: None,
        pitch: PITCH,
        kind_rule: [0; 3],
        transposed: vec![false],
        sets: vec![0],
        radius: 1,
        slots: vec![vec![Slot::Offset([0, 0, 1]), Slot::Offset([0, 0, -1])]],
    };
    let mut training = Training::new(graph, &model, &geometry).expect("a lattice");
    let mut detectors = Shots::new(3);
    detectors.push(&[0b011]).expect("the width");
    training.prepare(&detectors, None).expect("valid shots");
    assert_eq!(training.batch().edge, [0, 1]);
    let (status, line) = refused(training.gaps(&[0.0; 2], 1.0));
    assert_eq!(status, Some(Status::Unsupported));
    assert!(line.len() > "the graph has no gap".len(), "says why: {line}");
}
