//! The complementary gap: both classes against brute force, and against the decoder on surface codes.

use outrider::{Basis, Circuit, CircuitFamily, Sampler, SurfaceCode};
use outrider_sys::*;
use std::fmt::Write;
use std::ptr;

use crate::support::brute_force::lightest_by_class;
use crate::support::decoding::{Decoder, Graph, Kind, Override, set_bits, view};
use crate::support::model::{ParseError, blank_error};
use crate::support::random::Random;
use crate::support::random_model::random_events;

const MODELS: usize = 800;
const SHOTS_PER_MODEL: usize = 10;

struct Gap<'g> {
    raw: *mut otr_gap,
    graph: &'g Graph,
    observable: u32,
}

/// What one shot gives, by class.
#[derive(Debug, PartialEq)]
struct Answer {
    weights: [i64; 2],
    observable: usize,
    edges: [Vec<u32>; 2],
}

impl<'g> Gap<'g> {
    fn new(graph: &'g Graph) -> Result<Self, ParseError> {
        Self::with_options(graph, 0, 0)
    }

    fn with_options(graph: &'g Graph, weight_offset: i32, limit: i32) -> Result<Self, ParseError> {
        Self::of_observable(graph, weight_offset, limit, 0)
    }

    fn of_observable(
        graph: &'g Graph,
        weight_offset: i32,
        limit: i32,
        observable: u32,
    ) -> Result<Self, ParseError> {
        let options = otr_gap_options {
            isa: otr_isa::OTR_ISA_AUTO,
            weight_offset,
            limit,
            observable,
            parted_only: false,
        };
        Self::create(graph, &options)
    }

    fn create(graph: &'g Graph, options: &otr_gap_options) -> Result<Self, ParseError> {
        let (mut raw, mut error) = (ptr::null_mut(), blank_error());
        // SAFETY: the graph is alive during the call; the outputs are ours.
        let status = unsafe { otr_gap_create(&mut raw, graph.raw(), options, &mut error) };
        if status == otr_status::OTR_OK {
            Ok(Self { raw, graph, observable: options.observable })
        } else {
            Err(ParseError::new(status, &error))
        }
    }

    fn decode(&mut self, events: &[u32], overrides: &[Override]) -> Result<Answer, otr_status> {
        let mut result = otr_gap_result { weights: [-77; 2], observable: 77 };
        // SAFETY: events and overrides are valid for their counts.
        let status = unsafe {
            otr_gap_decode(
                self.raw,
                events.as_ptr(),
                events.len(),
                overrides.as_ptr(),
                overrides.len(),
                &mut result,
            )
        };
        if status != otr_status::OTR_OK {
            assert_eq!((result.weights, result.observable), ([-77; 2], 77), "outputs are left alone");
            return Err(status);
        }
        let observable = result.observable as usize;
        let edges = [0, 1].map(|class| self.edges(class).unwrap_or_default());
        Ok(Answer { weights: result.weights, observable, edges })
    }

    /// The weights of a pre-decoded shot.
    fn decode_predecoded(
        &mut self,
        shot: &Predecoded,
        overrides: &[Override],
    ) -> Result<([i64; 2], usize), otr_status> {
        let mut result = otr_gap_result { weights: [-77; 2], observable: 77 };
        let has_fixed = !shot.fixed.is_empty();
        let flips = self.graph.flips(&shot.fixed);
        let view = otr_predecoded {
            events: shot.events.as_ptr(),
            event_count: shot.events.len(),
            overrides: shot.overrides.as_ptr(),
            override_count: shot.overrides.len(),
            observables: if has_fixed { flips.as_ptr() } else { ptr::null() },
            edges: if has_fixed { shot.fixed.as_ptr() } else { ptr::null() },
            edge_count: shot.fixed.len(),
            weight_offset: shot.weight_offset,
        };
        // SAFETY: all lists are valid for their counts, and the observables for those of the graph.
        let status = unsafe {
            otr_gap_decode_predecoded(self.raw, &view, overrides.as_ptr(), overrides.len(), &mut result)
        };
        match status {
            otr_status::OTR_OK => Ok((result.weights, result.observable as usize)),
            status => Err(status),
        }
    }

    /// None if the class was not searched for.
    fn edges(&self, class: i32) -> Option<Vec<u32>> {
        let (mut edges, mut count) = (ptr::null(), 0);
        // SAFETY: the gap is alive and the view is copied before the next call on it.
        unsafe {
            match otr_gap_edges(self.raw, class, &mut edges, &mut count) {
                otr_status::OTR_OK => Some(view(edges, count).to_vec()),
                status => {
                    assert_eq!(status, otr_status::OTR_ERR_ARGUMENT);
                    None
                }
            }
        }
    }

    /// Whether the edges flip the observable.
    fn class_of(&self, edges: &[u32]) -> usize {
        usize::from(self.graph.flips(edges)[self.observable as usize / 8] >> (self.observable % 8) & 1)
    }

    /// The edges of a class, if there are any, are an answer to a pre-decoded shot, and of the class and the weight.
    fn assert_answer(&self, shot: &Predecoded, own: &[i64], class: i32, weights: [i64; 2], about: &str) {
        let Some(edges) = self.edges(class) else { return };
        // What was fixed weighs nothing, and may be taken back.
        let mut all = [&shot.fixed[..], &edges].concat();
        all.sort_unstable();
        let odd = all.chunk_by(|a, b| a == b).filter(|same| same.len() % 2 == 1);
        let rest: Vec<u32> = odd.map(|same| same[0]).collect();
        assert_eq!(self.graph.syndrome(&rest), shot.events, "{about}");
        assert_eq!(self.class_of(&edges), class as usize, "{about}");
        assert_eq!(weight_of(&rest, own), weights[class as usize], "{about}");
    }

    /// Each class's edges explain the events, have the class and the weight, and the lower class is the answer.
    fn assert_valid(&self, events: &[u32], weight_of: impl Fn(u32) -> i64, answer: &Answer) {
        for (class, edges) in answer.edges.iter().enumerate() {
            assert!(edges.is_sorted_by(|a, b| a < b), "edges are distinct and ascending");
            assert_eq!(self.graph.syndrome(edges), events);
            assert_eq!(self.class_of(edges), class);
            let weight: i64 = edges.iter().map(|&edge| weight_of(edge)).sum();
            assert_eq!(answer.weights[class], weight);
        }
        assert_eq!(answer.observable, usize::from(answer.weights[1] < answer.weights[0]));
    }
}

impl Drop for Gap<'_> {
    fn drop(&mut self) {
        // SAFETY: created by otr_gap_create and not used after.
        unsafe { otr_gap_destroy(self.raw) }
    }
}

/// A random model with a gap: an observable, which is alone if it is 0, follows from potentials of the nodes, and one
/// component, the first, has boundary edges of both classes; if `several`, others may have them too.
fn random_patches(
    random: &mut Random,
    nodes_max: usize,
    p_max: usize,
    observable: u32,
    several: bool,
) -> String {
    let nodes = 2 + random.below(nodes_max - 1);
    let components = 1 + random.below(3);
    let flips: Vec<usize> = (0..nodes).map(|_| random.below(2)).collect();
    let component_of: Vec<usize> =
        (0..nodes).map(|node| if node < 2 { 0 } else { random.below(components) }).collect();
    let side_of_component: [usize; 3] = std::array::from_fn(|_| random.below(3));
    let side: Vec<usize> = component_of
        .iter()
        .map(
            |&component| {
                if component == 0 || several { random.below(2) } else { side_of_component[component] }
            },
        )
        .collect();
    let mut text = String::new();
    let mut error = |random: &mut Random, targets: String, flips: usize| {
        let p = 0.001 * (1 + random.below(p_max)) as f64;
        let other = if observable > 0 && random.below(2) == 0 { " L0" } else { "" };
        let flipped = if flips == 1 { format!(" L{observable}") } else { String::new() };
        writeln!(text, "error({p}) {targets}{other}{flipped}").unwrap();
    };
    error(random, "D0".into(), flips[0]);
    error(random, "D1".into(), 1 - flips[1]);
    for node in 1..nodes {
        for _ in 0..1 + random.below(3) {
            let other = random.below(node);
            if component_of[other] == component_of[node] {
                error(random, format!("D{other} D{node}"), flips[other] ^ flips[node]);
            }
        }
        // The side of the first two nodes is fixed; side 2 is none.
        if node > 1 && side[node] < 2 && random.below(3) == 0 {
            error(random, format!("D{node}"), side[node] ^ flips[node]);
        }
    }
    // The first component is one part, whatever was drawn.
    for node in 1..nodes {
        if component_of[node] == 0 {
            error(random, format!("D0 D{node}"), flips[0] ^ flips[node]);
        }
    }
    writeln!(text, "detector D{}\nlogical_observable L{observable}", nodes - 1).unwrap();
    text
}

fn random_overrides(random: &mut Random, graph: &Graph) -> Vec<Override> {
    (0..random.below(6))
        .map(|_| {
            let edge = random.below(graph.edges.len());
            let own = graph.edges[edge].weight;
            let step = 2 * random.below(0x100_0000) as i32;
            Override { edge: edge as u32, weight: [0, -own, own / 4 * 2, step, -step][random.below(5)] }
        })
        .collect()
}

#[test]
fn both_classes_are_exact_on_random_graphs() {
    let mut random = Random(41);
    for round in 0..MODELS {
        let p_max = if round % 2 == 0 { 499 } else { 999 };
        let observable = [0, 0, 1, 70][round % 4];
        let text = random_patches(&mut random, 9, p_max, observable, round % 3 == 0);
        let graph = Graph::new(&text);
        let largest = graph.edges.iter().map(|edge| edge.weight).max().unwrap_or(0);
        let offset = [0, 0, largest / 6 * 2, -largest / 6 * 2][random.below(4)];
        let mut gap =
            Gap::of_observable(&graph, offset, 0, observable).unwrap_or_else(|e| panic!("{e:?} in\n{text}"));
        let limit = 2 + 2 * random.below(largest.max(0) as usize / 2 + 1) as i32;
        let mut limited =
            Gap::of_observable(&graph, offset, limit, observable).expect("a gap, limited or not");
        let flips: Vec<_> = graph.edges.iter().map(|edge| edge.observables.contains(&observable)).collect();
        for _ in 0..SHOTS_PER_MODEL {
            let overrides = random_overrides(&mut random, &graph);
            let events = random_events(&mut random, graph.nodes, graph.nodes);
            let mut edges = graph.oracle_edges(&[]);
            edges.iter_mut().for_each(|edge| edge.weight += i64::from(offset));
            for change in &overrides {
                edges[change.edge as usize].weight = change.weight.into();
            }
            let lightest = lightest_by_class(graph.nodes, &edges, &flips);
            let syndrome: usize = events.iter().map(|&event| 1 << event).sum();
            let expected = [0, 1].map(|class| lightest[syndrome | class << graph.nodes]);
            match gap.decode(&events, &overrides) {
                Ok(answer) => {
                    gap.assert_valid(&events, |edge| edges[edge as usize].weight, &answer);
                    assert_eq!(answer.weights.map(Some), expected, "{events:?} {overrides:?} in\n{text}");
                    assert_limited(&mut limited, limit.into(), &events, &overrides, &answer);
                }
                Err(status) => {
                    assert_eq!(status, otr_status::OTR_ERR_ODD_PARITY);
                    assert_eq!(expected, [None; 2]);
                }
            }
        }
    }
}

/// With a limit the lighter class is the same, and the heavier one too or as much heavier as the limit.
fn assert_limited(gap: &mut Gap, limit: i64, events: &[u32], overrides: &[Override], full: &Answer) {
    let answer = gap.decode(events, overrides).expect("the classes are not empty");
    let (light, heavy) = (full.observable, 1 - full.observable);
    let excess = (full.weights[heavy] - full.weights[light]).min(limit);
    assert_eq!(answer.weights[light], full.weights[light]);
    assert_eq!(answer.weights[heavy], full.weights[light] + excess);
    assert_eq!(answer.observable, light);
    for class in [0, 1] {
        let edges = gap.edges(class as i32);
        assert_eq!(
            edges.is_none(),
            class == heavy && excess == limit,
            "only what was searched for has edges"
        );
        if let Some(edges) = edges {
            assert_eq!(gap.graph.syndrome(&edges), events);
            assert_eq!(gap.class_of(&edges), class);
        }
    }
}

/// What a pre-decoder left of a shot.
#[derive(Debug)]
struct Predecoded {
    events: Vec<u32>,
    overrides: Vec<Override>,
    fixed: Vec<u32>,
    weight_offset: i32,
}

fn random_predecoded(random: &mut Random, graph: &Graph, offsets: [i32; 3]) -> Predecoded {
    let mut overrides = random_overrides(random, graph);
    for change in &mut overrides {
        // Edges that do not exist, and certain ones.
        change.weight = match random.below(10) {
            0 => OTR_WEIGHT_INFINITE as i32,
            1 => -(OTR_WEIGHT_INFINITE as i32),
            _ => change.weight,
        };
    }
    overrides.sort_by_key(|change| change.edge);
    overrides.dedup_by_key(|change| change.edge);
    let fixed = if random.below(3) == 0 {
        (0..graph.edges.len() as u32).filter(|_| random.below(8) == 0).collect()
    } else {
        Vec::new()
    };
    Predecoded {
        events: random_events(random, graph.nodes, graph.nodes),
        overrides,
        fixed,
        weight_offset: offsets[random.below(3)],
    }
}

/// The weight of a set of edges: certain ones count 0, and the largest weight where they are left out.
fn weight_of(edges: &[u32], weights: &[i64]) -> i64 {
    let infinite = i64::from(OTR_WEIGHT_INFINITE);
    let taken: i64 = edges.iter().map(|&edge| weights[edge as usize]).filter(|&w| w != -infinite).sum();
    let left_out =
        (0..weights.len()).filter(|&edge| weights[edge] == -infinite && !edges.contains(&(edge as u32)));
    taken + left_out.count() as i64 * i64::from(OTR_WEIGHT_MAX)
}

/// The weights of the edges that one shot is decoded under.
fn weights_of(graph: &Graph, offset: i32, overrides: &[&[Override]]) -> Vec<i64> {
    let infinite = OTR_WEIGHT_INFINITE as i32;
    let own = |weight: i32| if weight.abs() == infinite { weight.into() } else { i64::from(weight + offset) };
    let mut weights: Vec<i64> = graph.edges.iter().map(|edge| own(edge.weight)).collect();
    for change in overrides.iter().copied().flatten() {
        weights[change.edge as usize] = change.weight.into();
    }
    weights
}

/// The difference of the classes, class 1 above 0 if it weighs more, cut at a limit.
fn cut(weights: [i64; 2], limit: i64) -> i64 {
    let infinite = |class: usize| weights[class] == i64::MAX;
    let difference = match (infinite(0), infinite(1)) {
        (true, false) => -i64::MAX,
        (false, true) => i64::MAX,
        _ => weights[1] - weights[0],
    };
    difference.clamp(-limit, limit)
}

#[test]
fn a_limit_cuts_the_weights_and_parts_with_two_sides_have_all_of_the_gap() {
    let mut random = Random(43);
    let (mut at_limit, mut below_limit, mut forced, mut one_class) = (0, 0, 0, 0);
    for round in 0..2 * MODELS {
        let p_max = [499, 999, 1000][round % 3];
        let observable = [0, 2, 70][round % 3];
        let text = random_patches(&mut random, 14, p_max, observable, round % 2 == 0);
        let text =
            if round % 5 == 0 { text.replacen("error(0.", "error(1) D0 D1\nerror(0.", 1) } else { text };
        let graph = Graph::new(&text);
        let finite = |weight: i32| weight.abs() <= OTR_WEIGHT_MAX as i32;
        let largest =
            graph.edges.iter().map(|edge| edge.weight).filter(|&w| finite(w)).max().unwrap_or(0).max(6);
        let limit = [2, largest / 8 * 2 + 2, largest / 2 * 2, 6 * (largest / 2)][random.below(4)];
        let offset = [0, 0, largest / 6 * 2, -largest / 6 * 2][random.below(4)];
        let offsets = [0, 0, largest / 8 * 2];
        let gap_of = |limit, parted_only| {
            let options = otr_gap_options {
                isa: otr_isa::OTR_ISA_AUTO,
                weight_offset: offset,
                limit,
                observable,
                parted_only,
            };
            Gap::create(&graph, &options)
        };
        // An edge of a certain error may make a loop that flips the observable.
        let Ok(mut whole) = gap_of(0, false) else { continue };
        let [mut limited, mut parted, mut parted_limited] = [(limit, false), (0, true), (limit, true)]
            .map(|(l, p)| gap_of(l, p).expect("a gap, limited or not"));
        for _ in 0..SHOTS_PER_MODEL {
            let shot = random_predecoded(&mut random, &graph, offsets);
            let overrides = random_overrides(&mut random, &graph);
            let about = format!("{shot:?} {overrides:?} under {limit}, {offset} in\n{text}");
            let Ok((weights, _)) = whole.decode_predecoded(&shot, &overrides) else {
                assert!(limited.decode_predecoded(&shot, &overrides).is_err(), "{about}");
                continue;
            };
            let own = weights_of(&graph, offset + shot.weight_offset, &[&shot.overrides, &overrides]);
            let lighter = weights[0].min(weights[1]);
            forced += usize::from(own.iter().any(|&weight| weight < 0));
            one_class += usize::from(weights.contains(&i64::MAX));
            // Under a limit: the lighter class, and the other one up to the limit.
            let (found, class) =
                limited.decode_predecoded(&shot, &overrides).expect("classes that are not empty");
            assert_eq!(found, weights.map(|w| w.min(lighter + i64::from(limit))), "{about}");
            assert_eq!(class, usize::from(weights[1] < weights[0]), "{about}");
            at_limit += usize::from((found[1] - found[0]).abs() == i64::from(limit));
            below_limit += usize::from((found[1] - found[0]).abs() < i64::from(limit));
            for class in [0, 1] {
                assert_eq!(
                    limited.edges(class).is_some(),
                    found[class as usize] < lighter + i64::from(limit)
                );
                whole.assert_answer(&shot, &own, class, weights, &about);
                limited.assert_answer(&shot, &own, class, weights, &about);
            }
            // Of the parts with two sides: other weights, the same difference.
            let (found, class) = parted.decode_predecoded(&shot, &overrides).expect("fewer events");
            assert_eq!(cut(found, i64::MAX), cut(weights, i64::MAX), "{about}");
            assert_eq!(class, usize::from(weights[1] < weights[0]), "{about}");
            let (found, class) = parted_limited.decode_predecoded(&shot, &overrides).expect("fewer events");
            assert_eq!(cut(found, i64::MAX), cut(weights, limit.into()), "{about}");
            assert_eq!(class, usize::from(weights[1] < weights[0]), "{about}");
        }
    }
    assert!(at_limit.min(below_limit).min(forced) > 2000, "{at_limit} {below_limit} {forced}");
    assert!(one_class > 100, "{one_class}");
}

#[test]
fn the_lower_class_is_the_decoders_answer_on_surface_codes() {
    let mut random = Random(42);
    let mut ties = 0;
    for (distance, basis) in [3, 4, 5, 7, 9].into_iter().flat_map(|d| [(d, Basis::X), (d, Basis::Z)]) {
        let code = SurfaceCode::memory(distance, distance).basis(basis);
        let code = code.circuit(Circuit::uniform(CircuitFamily::Stim, 0.006)).build().unwrap();
        let model = code.model().unwrap();
        let graph = Graph::new(&model.to_text());
        let mut gap = Gap::new(&graph).unwrap();
        let mut decoder = Decoder::new(&graph, Kind::OTR_DECODER_MWPM);
        let mut sampler = Sampler::new(&model, 5).unwrap();
        let (mut detectors, mut observables) = sampler.batches();
        sampler.sample(0, 100, &mut detectors, &mut observables).unwrap();
        for row in detectors.rows() {
            let events = set_bits(row);
            let overrides = random_overrides(&mut random, &graph);
            for overrides in [&[], &overrides[..]] {
                let answer = gap.decode(&events, overrides).unwrap();
                let expected = decoder.decode_events(&events, overrides).unwrap();
                let weights = graph.oracle_edges(overrides);
                gap.assert_valid(&events, |edge| weights[edge as usize].weight, &answer);
                assert_eq!(answer.weights[answer.observable], expected.weight, "d={distance} {basis}");
                let tie = answer.weights[0] == answer.weights[1];
                assert!(tie || expected.observables == [answer.observable as u8], "d={distance} {basis}");
                ties += usize::from(tie);
            }
        }
    }
    assert!(ties < 20, "{ties} ties leave little to compare");
}

#[test]
fn graphs_without_a_gap_are_refused() {
    let cases = [
        (
            "error(0.1) D0 L1\nerror(0.1) D0 D1\nerror(0.1) D1",
            "no complementary gap: no undetected error flips the observable",
        ),
        ("error(0.1) D0\n", "no complementary gap: observable 0 of a model with 0 observables"),
        (
            "error(0.1) D0 L0\nerror(0.1) D0 D1\n",
            "no complementary gap: no undetected error flips the observable",
        ),
        (
            "error(0.1) D0 D1\nerror(0.1) D1 D2\nerror(0.1) D0 D2 L0\n",
            "no complementary gap: a closed loop of errors through detectors 1 and 2 flips the observable",
        ),
    ];
    for (text, message) in cases {
        let error = Gap::new(&Graph::new(text)).err().expect("no gap");
        assert_eq!((error.status, error.message.as_str()), (otr_status::OTR_ERR_UNSUPPORTED, message));
    }
}

#[test]
fn bad_calls_are_errors_and_change_nothing() {
    let graph = Graph::new("error(0.1) D0 L0\nerror(0.1) D0 D1\nerror(0.1) D1\nerror(0.2) D2 D3\n");
    let mut gap = Gap::new(&graph).unwrap();
    let (mut edges, mut count) = (ptr::null(), 0);
    // SAFETY: the gap is alive; the outputs are ours.
    let early = unsafe { otr_gap_edges(gap.raw, 0, &mut edges, &mut count) };
    assert_eq!(early, otr_status::OTR_ERR_ARGUMENT);
    let expected = gap.decode(&[0], &[]).unwrap();
    assert_eq!(gap.decode(&[4], &[]), Err(otr_status::OTR_ERR_INDEX), "the extra node is no detector");
    assert_eq!(gap.decode(&[0], &[Override { edge: 4, weight: 2 }]), Err(otr_status::OTR_ERR_INDEX));
    assert_eq!(gap.decode(&[2], &[]), Err(otr_status::OTR_ERR_ODD_PARITY));
    assert_eq!(gap.decode(&[1, 0, 1], &[]), Ok(expected), "an event given twice cancels");
    let mut limited = Gap::with_options(&graph, 0, 2).unwrap();
    let bypass = Override { edge: 4, weight: 2 };
    assert_eq!(limited.decode(&[0], &[bypass]), Err(otr_status::OTR_ERR_INDEX), "the bypass is no edge");
    for limit in [-2, 3, OTR_WEIGHT_MAX as i32 + 2, i32::MIN, i32::MAX] {
        for offset in [0, i32::MIN, i32::MAX] {
            let error = Gap::with_options(&graph, offset, limit).err().expect("a bad limit");
            assert_eq!(error.status, otr_status::OTR_ERR_ARGUMENT);
            assert!(error.message.contains(&limit.to_string()), "{}", error.message);
        }
    }
    // SAFETY: the gap is alive; the outputs are ours.
    let class = unsafe { otr_gap_edges(gap.raw, 2, &mut edges, &mut count) };
    assert_eq!(class, otr_status::OTR_ERR_ARGUMENT);
}
