//! The likelihood decoder: its levels against gaps, and its sums against adding up every set of errors.

use outrider::{Circuit, CircuitFamily, Sampler, SamplerOptions, SurfaceCode};
use outrider_sys::{otr_likelihood_level as Level, otr_status as Status, *};
use std::collections::HashMap;
use std::fmt::Write;
use std::ptr;

use crate::support::decoding::{Decoder, Graph, Kind, set_bits, view};
use crate::support::graph::{self, WHOLE};
use crate::support::model::{ParseError, blank_error};
use crate::support::predecoder::Predecoder;
use crate::support::random::Random;

const MODELS: usize = 2000;
const SHOTS_PER_MODEL: usize = 8;
/// Sets of errors are added up for models of no more errors.
const ERRORS_MAX: usize = 13;
const RATIO_MAX: f64 = 600.0;

fn usual() -> otr_likelihood_options {
    // SAFETY: the call has no preconditions.
    let default = unsafe { otr_likelihood_options_default() };
    otr_likelihood_options { gap_slope: 1.0, sum_slope: 1.0, ..default }
}

/// Every shot is summed up, with all states, and the sum alone counts.
fn exact() -> otr_likelihood_options {
    otr_likelihood_options {
        sure_gap: RATIO_MAX,
        sure_mean: f64::INFINITY,
        likely_weight: 1e6,
        budget: otr_trellis_budget { cutoff: 0.0, states_max: 5000 },
        gap_share: 0.0,
        ..usual()
    }
}

struct Likelihood<'g> {
    raw: *mut otr_likelihood,
    graph: &'g Graph,
    observables: usize,
}

/// What one shot gives.
#[derive(Debug, Clone, PartialEq)]
struct Answer {
    observables: Vec<u8>,
    ratios: Vec<f64>,
    level: Level,
    is_fallback: bool,
    candidates: u32,
    work: u64,
}

impl<'g> Likelihood<'g> {
    fn new(graph: &'g Graph, options: &otr_likelihood_options) -> Result<Self, ParseError> {
        let (mut raw, mut error) = (ptr::null_mut(), blank_error());
        // SAFETY: the graph lives as long as the decoder; the outputs are ours.
        let status = unsafe { otr_likelihood_create(&mut raw, graph.raw(), options, &mut error) };
        if status != Status::OTR_OK {
            assert!(raw.is_null(), "outputs are left alone");
            return Err(ParseError::new(status, &error));
        }
        // SAFETY: the decoder is alive.
        let (detectors, observables) =
            unsafe { (otr_likelihood_detector_count(raw), otr_likelihood_observable_count(raw)) };
        assert_eq!(detectors as usize, graph.nodes);
        Ok(Self { raw, graph, observables: observables as usize })
    }

    fn decode_row(&mut self, row: &[u8]) -> Result<Answer, Status> {
        assert_eq!(row.len(), self.graph.nodes.div_ceil(8));
        let mut observables = vec![0xA5; self.observables.div_ceil(8)];
        let mut ratios = vec![-7.5; self.observables];
        let mut result = otr_likelihood_result {
            level: Level::OTR_LIKELIHOOD_GAP,
            is_fallback: true,
            candidate_count: 77,
            work: 77,
        };
        // SAFETY: the row has the graph's length, and the outputs are as large as the contract wants.
        let status = unsafe {
            otr_likelihood_decode(
                self.raw,
                row.as_ptr(),
                observables.as_mut_ptr(),
                ratios.as_mut_ptr(),
                &mut result,
            )
        };
        if status != Status::OTR_OK {
            let untouched = observables.iter().all(|&byte| byte == 0xA5) && result.candidate_count == 77;
            assert!(untouched && ratios.iter().all(|&ratio| ratio == -7.5), "outputs are left alone");
            return Err(status);
        }
        for (i, ratio) in ratios.iter().enumerate() {
            assert!(ratio.abs() <= RATIO_MAX, "{ratio}");
            assert_eq!(observables[i / 8] >> (i % 8) & 1, u8::from(*ratio < 0.0));
        }
        let otr_likelihood_result { level, is_fallback, candidate_count: candidates, work } = result;
        assert!(level.0 >= Level::OTR_LIKELIHOOD_SUM.0 || (candidates == 0 && !is_fallback));
        Ok(Answer { observables, ratios, level, is_fallback, candidates, work })
    }

    fn edges(&mut self) -> Result<Vec<u32>, Status> {
        let (mut edges, mut count) = (ptr::null(), 0);
        // SAFETY: the decoder is alive, and the view is copied.
        unsafe {
            match otr_likelihood_edges(self.raw, &mut edges, &mut count) {
                Status::OTR_OK => Ok(view(edges, count).to_vec()),
                status => Err(status),
            }
        }
    }

    fn decode(&mut self, events: &[u32]) -> Result<Answer, Status> {
        self.decode_row(&self.graph.row(events))
    }
}

impl Drop for Likelihood<'_> {
    fn drop(&mut self) {
        // SAFETY: created by otr_likelihood_create and not used after.
        unsafe { otr_likelihood_destroy(self.raw) }
    }
}

/// An error: its probability, and what it flips.
#[derive(Clone, Copy)]
struct RandomError {
    probability: f64,
    detectors: u32,
    observables: u64,
}

/// A model with a gap for each observable: which edges flip it follows from potentials of the nodes and from the sides
/// of the boundary. Errors have one or two edges, or no detectors; some come twice, some are certain or impossible.
struct RandomModel {
    text: String,
    errors: Vec<RandomError>,
}

impl RandomModel {
    fn new(random: &mut Random) -> Self {
        let nodes = 2 + random.below(6);
        let first_observable = [0, 0, 5, 62][random.below(4)];
        let observables = 1 + random.below(2);
        // A node of the second part shares no edge with the first one's.
        let second = if random.below(3) == 0 { nodes.min(4) } else { nodes };
        let potentials: Vec<u64> = (0..nodes).map(|_| random.below(1 << observables) as u64).collect();
        let sides: Vec<u64> = (0..nodes)
            .map(|node| match node {
                0 => 0,
                1 => (1 << observables) - 1,
                _ => random.below(1 << observables) as u64,
            })
            .collect();
        let boundary = |node: usize| (1 << node, potentials[node] ^ sides[node]);
        let edge = |random: &mut Random| {
            let (a, b) = (random.below(nodes), random.below(nodes));
            if a == b || (a < second) != (b < second) {
                boundary(a)
            } else {
                (1 << a | 1 << b, potentials[a] ^ potentials[b])
            }
        };
        let mut made = Self { text: String::new(), errors: Vec::new() };
        let chain = |a: usize| (1 << a | 1 << (a + 1), potentials[a] ^ potentials[a + 1]);
        made.add(random, &[boundary(0)], first_observable);
        made.add(random, &[boundary(1)], first_observable);
        made.add(random, &[chain(0)], first_observable);
        for _ in 0..random.below(ERRORS_MAX - 3) {
            let pieces = match random.below(8) {
                0 => vec![(0, 1 + random.below((1 << observables) - 1) as u64)],
                1..4 => vec![edge(random)],
                _ => vec![edge(random), edge(random)],
            };
            made.add(random, &pieces, first_observable);
        }
        let last = first_observable + observables;
        writeln!(made.text, "detector D{}\nlogical_observable L{}", nodes - 1, last.min(63)).unwrap();
        made
    }

    fn add(&mut self, random: &mut Random, pieces: &[(u32, u64)], first_observable: usize) {
        let probability = match random.below(16) {
            0 => 0.0,
            1 => 1.0,
            2 => 0.5,
            3 => 0.9,
            4 => 1e-6,
            _ => 0.001 * (1 + random.below(400)) as f64,
        };
        // What the text of a first error flips has to be there.
        let probability = if self.errors.len() < 3 && probability == 0.0 { 0.25 } else { probability };
        let mut error = RandomError { probability, detectors: 0, observables: 0 };
        let mut texts = Vec::new();
        for &(detectors, observables) in pieces {
            error.detectors ^= detectors;
            error.observables ^= observables << first_observable;
            let mut text = String::new();
            (0..32).filter(|d| detectors >> d & 1 == 1).for_each(|d| write!(text, " D{d}").unwrap());
            let flipped = (0..64 - first_observable).filter(|o| observables >> o & 1 == 1);
            flipped.for_each(|o| write!(text, " L{}", first_observable + o).unwrap());
            texts.push(text);
        }
        writeln!(self.text, "error({probability}){}", texts.join(" ^")).unwrap();
        self.errors.push(error);
    }

    /// How many errors a sum over all of them is over: those of the same symptoms are one.
    fn uncertain(&self) -> usize {
        let mut merged: HashMap<(u32, u64), f64> = HashMap::new();
        for error in self.errors.iter().filter(|error| error.detectors != 0 || error.observables != 0) {
            let p = merged.entry((error.detectors, error.observables)).or_default();
            *p = *p * (1.0 - error.probability) + error.probability * (1.0 - *p);
        }
        merged.values().filter(|&&p| p > 0.0 && p < 1.0).count()
    }

    /// The probability of every symptom: events, and for each class of observables.
    fn all_symptoms(&self) -> HashMap<u32, HashMap<u64, f64>> {
        let mut symptoms = HashMap::from([((0, 0), 1.0)]);
        for error in &self.errors {
            let mut next: HashMap<(u32, u64), f64> = HashMap::new();
            for ((detectors, observables), p) in symptoms {
                *next.entry((detectors, observables)).or_default() += p * (1.0 - error.probability);
                *next.entry((detectors ^ error.detectors, observables ^ error.observables)).or_default() +=
                    p * error.probability;
            }
            symptoms = next;
        }
        let mut by_events: HashMap<u32, HashMap<u64, f64>> = HashMap::new();
        for ((detectors, observables), p) in symptoms.into_iter().filter(|(_, p)| *p > 0.0) {
            by_events.entry(detectors).or_default().insert(observables, p);
        }
        by_events
    }

    /// Events of errors drawn evenly, or any events.
    fn shot(&self, random: &mut Random, nodes: usize) -> Vec<u32> {
        let mask = if random.below(4) == 0 {
            random.below(1 << nodes) as u32
        } else {
            self.errors.iter().filter(|_| random.below(3) == 0).fold(0, |mask, error| mask ^ error.detectors)
        };
        (0..nodes as u32).filter(|node| mask >> node & 1 == 1).collect()
    }
}

fn min_sum() -> otr_rule_options {
    // SAFETY: the call has no preconditions.
    unsafe { otr_rule_options_default(otr_rule_kind::OTR_RULE_MIN_SUM) }
}

/// ln of unflipped over flipped, as far as ratios go.
fn ratio_of(classes: &HashMap<u64, f64>, observable: usize) -> f64 {
    let share = |flipped: u64| -> f64 {
        classes
            .iter()
            .filter(|(class, _)| *class >> observable & 1 == flipped)
            .fold(0.0, |sum, (_, p)| sum + p)
    };
    (share(0) / share(1)).ln().clamp(-RATIO_MAX, RATIO_MAX)
}

#[test]
fn sums_over_all_errors_are_exact_and_fall_backs_are_the_mean_gap() {
    let random = &mut Random(61);
    let (mut full, mut partial, mut fallbacks, mut shared, mut unsupported) = (0, 0, 0, 0, 0);
    for round in 0..MODELS {
        let made = RandomModel::new(random);
        let text = &made.text;
        let graph = Graph::with_errors(text);
        let rule = Predecoder::rule(&graph, text, &min_sum()).expect("the model is the graph's");
        let second = Predecoder::rule(&graph, text, &min_sum()).expect("the model is the graph's");
        let has_rule = round % 3 > 0;
        let predecoder = |rule: &Predecoder| if has_rule { rule.raw() } else { ptr::null_mut() };
        let options = otr_likelihood_options { predecoder: predecoder(&rule), ..exact() };
        let mut decoder = match Likelihood::new(&graph, &options) {
            Ok(decoder) => decoder,
            Err(error) => {
                assert_eq!(error.status, Status::OTR_ERR_UNSUPPORTED, "{text}");
                unsupported += 1;
                continue;
            }
        };
        let options = otr_likelihood_options { predecoder: predecoder(&second), gap_share: 1.0, ..exact() };
        let mut with_gap = Likelihood::new(&graph, &options).expect("made before");
        let mut plain = Decoder::new(&graph, Kind::OTR_DECODER_MWPM);
        let symptoms = made.all_symptoms();
        for _ in 0..SHOTS_PER_MODEL {
            let events = made.shot(random, graph.nodes);
            let about = format!("{events:?} of\n{text}");
            let answer = match decoder.decode(&events) {
                Ok(answer) => answer,
                Err(status) => {
                    assert_eq!(status, Status::OTR_ERR_ODD_PARITY, "{about}");
                    assert!(plain.decode_events(&events, &[]).is_err(), "{about}");
                    continue;
                }
            };
            if answer.level != Level::OTR_LIKELIHOOD_SUM {
                // Nothing uncertain flips an observable.
                assert!(answer.ratios.iter().all(|ratio| ratio.abs() == RATIO_MAX), "{about}");
                continue;
            }
            let mean = with_gap.decode(&events).expect("the same shot");
            assert_eq!(mean.is_fallback, answer.is_fallback, "{about}");
            shared += usize::from(!answer.is_fallback && mean.ratios != answer.ratios);
            if answer.is_fallback {
                fallbacks += 1;
                continue;
            }
            let mask = events.iter().fold(0, |mask, event| mask | 1 << event);
            let Some(classes) = symptoms.get(&mask) else { continue };
            if answer.candidates as usize != made.uncertain() {
                assert!((answer.candidates as usize) < made.uncertain(), "{about}");
                partial += 1;
                continue;
            }
            full += 1;
            for observable in 0..decoder.observables {
                let (expected, found) = (ratio_of(classes, observable), answer.ratios[observable]);
                assert!((found - expected).abs() < 1e-6, "{found} {expected}: L{observable} {about}");
            }
        }
    }
    let counts = format!("{full} {partial} {fallbacks} {shared} {unsupported}");
    assert!(full > 2 * MODELS && partial > MODELS / 4 && fallbacks > 50 && shared > MODELS, "{counts}");
    assert!(unsupported < MODELS / 2, "{counts}");
}

/// The difference of the classes under a limit, in natural units.
fn gap_of(graph: &Graph, limit: i32, observable: u32, events: &[u32]) -> f64 {
    let mut gap = ptr::null_mut();
    let mut result = otr_gap_result { weights: [0; 2], observable: 0 };
    // SAFETY: the graph is alive, the events are valid for their count, and the gap is destroyed once.
    unsafe {
        let options = otr_gap_options { limit, observable, ..otr_gap_options_default() };
        let status = otr_gap_create(&mut gap, graph.raw(), &options, ptr::null_mut());
        assert_eq!(status, Status::OTR_OK);
        let status = otr_gap_decode(gap, events.as_ptr(), events.len(), ptr::null(), 0, &mut result);
        assert_eq!(status, Status::OTR_OK);
        otr_gap_destroy(gap);
    }
    (result.weights[1] - result.weights[0]) as f64 / graph.scale
}

/// A model of a memory, and rows of shots of it.
fn memory(distance: u32, p: f64, shots: usize) -> (String, Vec<Vec<u8>>) {
    let circuit = Circuit::uniform(CircuitFamily::Stim, p);
    let code = SurfaceCode::memory(distance, distance).circuit(circuit).build().expect("valid options");
    let model = code.model().expect("a model");
    let options = SamplerOptions { seed: 5, ..SamplerOptions::default() };
    let mut sampler = Sampler::with_options(&model, &options).expect("a model");
    let (mut detectors, mut observables) = sampler.batches();
    sampler.sample(0, shots, &mut detectors, &mut observables).expect("memory");
    (model.to_text(), detectors.rows().map(<[u8]>::to_vec).collect())
}

#[test]
fn each_level_answers_what_it_is_sure_of() {
    let (text, rows) = memory(3, 0.01, 400);
    let graph = Graph::with_errors(&text);
    let mut levels = [0; 3];
    for (sure_gap, sure_mean) in [(4.0, 1.0), (6.3, 3.0), (9.0, f64::INFINITY), (1e-9, 0.0), (600.0, 2.0)] {
        let options = otr_likelihood_options { sure_gap, sure_mean, ..usual() };
        let mut decoder = Likelihood::new(&graph, &options).unwrap();
        let limit = (sure_gap * graph.scale).min(f64::from(OTR_WEIGHT_MAX)) as i32 / 2 * 2;
        for row in &rows {
            let answer = decoder.decode_row(row).unwrap();
            let first = gap_of(&graph, limit.max(2), 0, &set_bits(row));
            let is_sure = sure_gap < 600.0 && (first * graph.scale).abs() >= f64::from(limit);
            assert_eq!(answer.level == Level::OTR_LIKELIHOOD_GAP, is_sure, "{first} of {sure_gap}");
            match answer.level {
                Level::OTR_LIKELIHOOD_GAP => assert_eq!(answer.ratios, [first]),
                Level::OTR_LIKELIHOOD_MEAN_GAP => {
                    let ratio = answer.ratios[0];
                    assert!(ratio.abs() >= sure_mean && (first < 0.0) == (ratio < 0.0), "{ratio} {first}");
                }
                _ => assert!(answer.candidates > 0 && answer.work > 0),
            }
            levels[answer.level.0 as usize] += 1;
        }
    }
    assert!(Level::OTR_LIKELIHOOD_SUM.0 == 2 && levels.iter().all(|&count| count > 50), "{levels:?}");
}

#[test]
fn ratios_are_given_out_times_their_slopes() {
    let (text, rows) = memory(3, 0.02, 300);
    let graph = Graph::with_errors(&text);
    let mut plain = Likelihood::new(&graph, &usual()).unwrap();
    let options = otr_likelihood_options { gap_slope: 0.5, sum_slope: 0.25, ..usual() };
    let mut sloped = Likelihood::new(&graph, &options).unwrap();
    for row in &rows {
        let (plain, sloped) = (plain.decode_row(row).unwrap(), sloped.decode_row(row).unwrap());
        let is_summed = plain.level == Level::OTR_LIKELIHOOD_SUM && !plain.is_fallback;
        assert_eq!(sloped.ratios[0], plain.ratios[0] * if is_summed { 0.25 } else { 0.5 });
        assert_eq!((sloped.observables, sloped.level), (plain.observables, plain.level));
    }
}

/// The deep level has the candidates of the sum and more, and leaves other shots alone. Edges explain its shots too.
#[test]
fn the_deep_level_sums_over_more_errors() {
    let (text, rows) = memory(5, 0.012, 150);
    let graph = Graph::with_errors(&text);
    let mut usual_one = Likelihood::new(&graph, &usual()).unwrap();
    let options = otr_likelihood_options { deep_ratio: 3.0, deep_members: 6, ..usual() };
    let mut deep_one = Likelihood::new(&graph, &options).unwrap();
    let (mut deep, mut grown) = (0, 0);
    for row in &rows {
        let (usual, answer) = (usual_one.decode_row(row).unwrap(), deep_one.decode_row(row).unwrap());
        if usual.level != Level::OTR_LIKELIHOOD_SUM || usual.ratios[0].abs() >= 3.0 {
            assert_eq!(answer, usual);
            continue;
        }
        assert_eq!(answer.level, Level::OTR_LIKELIHOOD_DEEP);
        assert!(answer.candidates >= usual.candidates && answer.work > usual.work);
        deep += 1;
        grown += usize::from(answer.candidates > usual.candidates);
        let edges = deep_one.edges().unwrap();
        assert_eq!((graph.syndrome(&edges), graph.flips(&edges)), (set_bits(row), answer.observables));
    }
    assert!(grown * 2 > deep && deep > 20, "{grown} of {deep}");
}

/// Of models with a gap for each observable, and of patches: the edges explain the shot, and flip what was decided where
/// no other observable shares their part of the graph.
#[test]
fn edges_explain_the_shot_in_the_class_that_was_decided() {
    let random = &mut Random(63);
    let mut levels = [0; 3];
    for round in 0..MODELS / 2 {
        let made = RandomModel::new(random);
        let graph = Graph::with_errors(&made.text);
        let rule = Predecoder::rule(&graph, &made.text, &min_sum()).expect("the model is the graph's");
        let predecoder = if round % 3 > 0 { rule.raw() } else { ptr::null_mut() };
        let options = otr_likelihood_options { predecoder, sure_gap: 4.0, sure_mean: 2.0, ..usual() };
        let Ok(mut decoder) = Likelihood::new(&graph, &options) else { continue };
        for _ in 0..SHOTS_PER_MODEL {
            let events = made.shot(random, graph.nodes);
            let Ok(answer) = decoder.decode(&events) else { continue };
            let Ok(edges) = decoder.edges() else { continue };
            let about = format!("{events:?} of\n{}", made.text);
            assert_eq!(graph.syndrome(&edges), events, "{about}");
            let flips = graph.flips(&edges);
            let is_alone = decoder.observables == 1 && answer.ratios[0].abs() < RATIO_MAX;
            assert!(!is_alone || flips == answer.observables, "{flips:?} {answer:?} {about}");
        }
    }
    // The last one has two observables that share every part: no part of the sum has a ratio of one alone.
    for (distance, p, observables) in [(3, 0.02, "L0"), (5, 0.01, "L0"), (3, 0.02, "L0 L1")] {
        let (text, rows) = memory(distance, p, 400);
        let graph = Graph::with_errors(&text.replace("L0", observables));
        let mut decoder = Likelihood::new(&graph, &usual()).unwrap();
        for row in &rows {
            let answer = decoder.decode_row(row).unwrap();
            let edges = decoder.edges().unwrap();
            assert_eq!(graph.syndrome(&edges), set_bits(row));
            assert_eq!(graph.flips(&edges), answer.observables, "{answer:?}");
            levels[answer.level.0 as usize] += 1;
        }
    }
    assert!(levels[0] > 5 && levels[1] > 20 && levels[2] > 20, "{levels:?}");
}

#[test]
fn a_sum_that_explains_nothing_leaves_the_mean_gap() {
    let mut compared = 0;
    for percent in 1..40 {
        // Edges explain a single event, and no error does: they come two by two.
        let text = format!("error(0.{percent:02}) D0 ^ D1 L0\nerror(0.2) D0 D1\n");
        let graph = Graph::with_errors(&text);
        let mut decoder = Likelihood::new(&graph, &exact()).unwrap();
        let options = otr_likelihood_options { sure_mean: 0.0, ..exact() };
        let mut means = Likelihood::new(&graph, &options).unwrap();
        for row in [[0b01], [0b10]] {
            let (answer, mean) = (decoder.decode_row(&row).unwrap(), means.decode_row(&row).unwrap());
            assert!(answer.is_fallback, "{text}");
            if mean.level == Level::OTR_LIKELIHOOD_MEAN_GAP {
                assert_eq!(answer.ratios, mean.ratios);
                compared += 1;
            }
        }
    }
    assert!(compared > 20, "{compared}");
}

#[test]
fn ratios_have_the_same_bits_everywhere_and_do_not_depend_on_other_shots() {
    let (text, rows) = memory(5, 0.012, 40);
    let graph = Graph::with_errors(&text);
    let rule = Predecoder::rule(&graph, &text, &min_sum()).unwrap();
    let all = [
        otr_isa::OTR_ISA_PORTABLE,
        otr_isa::OTR_ISA_AVX2,
        otr_isa::OTR_ISA_AVX512,
        otr_isa::OTR_ISA_NEON,
        otr_isa::OTR_ISA_AVX512VNNI,
        otr_isa::OTR_ISA_AMX,
        otr_isa::OTR_ISA_AUTO,
    ];
    let hashes = [(false, 0.0), (true, 0.0), (true, 3.0)].map(|(has_rule, deep_ratio)| {
        let predecoder = if has_rule { rule.raw() } else { ptr::null_mut() };
        let rows = if deep_ratio > 0.0 { &rows[..15] } else { &rows[..] };
        let mut first: Option<Vec<Answer>> = None;
        for isa in all {
            let options = otr_likelihood_options {
                isa,
                predecoder,
                sure_gap: 12.0,
                sure_mean: 5.0,
                likely_weight: 4.0,

                iterations: 1,
                budget: otr_trellis_budget { cutoff: 1e-12, states_max: 4000 },
                gap_share: 0.25,
                gap_slope: 1.0,
                sum_slope: 1.0,
                deep_ratio,
                deep_members: 3,
                deep_budget: otr_trellis_budget { cutoff: 1e-12, states_max: 300 },
            };
            let Ok(mut decoder) = Likelihood::new(&graph, &options) else { continue };
            let answers: Vec<_> = rows.iter().map(|row| decoder.decode_row(row).unwrap()).collect();
            let mut again: Vec<_> = rows.iter().rev().map(|row| decoder.decode_row(row).unwrap()).collect();
            again.reverse();
            assert_eq!(answers, again, "in another order");
            if let Some(first) = &first {
                assert_eq!(&answers, first, "{isa:?}");
            }
            first = Some(answers);
        }
        let answers = first.expect("plain C is always there");
        let count = |level| answers.iter().filter(|a| a.level == level).count();
        let (sums, deep) = (count(Level::OTR_LIKELIHOOD_SUM), count(Level::OTR_LIKELIHOOD_DEEP));
        assert!(sums + deep > 4 && (deep > 2) == (deep_ratio > 0.0), "{sums} {deep}");
        answers.iter().fold(0u64, |hash, answer| {
            (hash ^ answer.ratios[0].to_bits()).wrapping_mul(0x0100_0000_01b3).rotate_left(17)
        })
    });
    assert_eq!(
        hashes,
        [356_885_398_899_849_524, 15_801_292_685_365_975_211, 15_669_641_943_124_465_238],
        "on every machine"
    );
}

#[test]
fn padding_bits_are_ignored_and_outputs_may_be_missing() {
    let text = "error(0.1) D0 L0\nerror(0.2) D0 D1\nerror(0.1) D1\nerror(0.01) D0 L0 ^ D1\n";
    let graph = Graph::with_errors(text);
    let mut decoder = Likelihood::new(&graph, &exact()).unwrap();
    for events in 0..4 {
        let answer = decoder.decode_row(&[events]).unwrap();
        assert_eq!(decoder.decode_row(&[events | 0xFC]), Ok(answer));
        // SAFETY: the row has its one byte; missing outputs are allowed.
        let status = unsafe {
            otr_likelihood_decode(decoder.raw, &events, ptr::null_mut(), ptr::null_mut(), ptr::null_mut())
        };
        assert_eq!(status, Status::OTR_OK);
    }
    // SAFETY: both calls are refused before anything is read; destroying nothing is allowed.
    unsafe {
        let none = ptr::null_mut();
        let status = otr_likelihood_decode(decoder.raw, ptr::null(), none, ptr::null_mut(), ptr::null_mut());
        assert_eq!(status, Status::OTR_ERR_ARGUMENT);
        let status =
            otr_likelihood_decode(ptr::null_mut(), &0, ptr::null_mut(), ptr::null_mut(), ptr::null_mut());
        assert_eq!(status, Status::OTR_ERR_ARGUMENT);
        assert!(otr_likelihood_bytes(decoder.raw) > 1000);
        otr_likelihood_destroy(ptr::null_mut());
    }
}

#[test]
fn models_without_errors_or_observables_have_answers() {
    let row = |graph: &Graph| vec![0; graph.nodes.div_ceil(8)];
    for (text, ratios) in [
        ("detector D0\n", vec![]),
        ("logical_observable L1\ndetector D3\n", vec![RATIO_MAX; 2]),
        ("error(0.1) D0\nerror(0.1) D0 D1\n", vec![]),
        ("error(0.1) D0\nerror(0.1) D0 D1\nlogical_observable L0\n", vec![RATIO_MAX]),
        ("error(1) L1\nerror(0) D0 L0\n", vec![RATIO_MAX, -RATIO_MAX]),
    ] {
        let graph = Graph::with_errors(text);
        let mut decoder = Likelihood::new(&graph, &usual()).unwrap_or_else(|e| panic!("{e:?} {text}"));
        let answer = decoder.decode_row(&row(&graph)).unwrap();
        assert_eq!((answer.ratios, answer.level), (ratios, Level::OTR_LIKELIHOOD_GAP), "{text}");
    }
}

#[test]
fn what_does_not_belong_together_and_options_out_of_range_are_refused() {
    let create = |graph: &Graph, options: &otr_likelihood_options| {
        Likelihood::new(graph, options).map(|_| ()).map_err(|error| error.status)
    };
    let patch = "error(0.1) D0 L0\nerror(0.2) D0 D1\nerror(0.1) D1\n";
    let graph = Graph::with_errors(patch);
    let good = usual();
    assert_eq!(create(&graph, &good), Ok(()));
    let budget = |cutoff, states_max| otr_trellis_budget { cutoff, states_max };
    for (i, options) in [
        otr_likelihood_options { sure_gap: 0.0, ..good },
        otr_likelihood_options { sure_gap: -1.0, ..good },
        otr_likelihood_options { sure_gap: f64::NAN, ..good },
        otr_likelihood_options { sure_gap: 601.0, ..good },
        otr_likelihood_options { sure_mean: -0.1, ..good },
        otr_likelihood_options { sure_mean: f64::NAN, ..good },
        otr_likelihood_options { likely_weight: -1.0, ..good },
        otr_likelihood_options { likely_weight: f64::NAN, ..good },
        otr_likelihood_options { gap_share: -0.1, ..good },
        otr_likelihood_options { gap_share: 1.1, ..good },
        otr_likelihood_options { gap_share: f64::NAN, ..good },
        otr_likelihood_options { iterations: OTR_TRELLIS_ITERATIONS_MAX + 1, ..good },
        otr_likelihood_options { gap_slope: 0.0, ..good },
        otr_likelihood_options { gap_slope: 1.1, ..good },
        otr_likelihood_options { gap_slope: f64::NAN, ..good },
        otr_likelihood_options { sum_slope: 0.0, ..good },
        otr_likelihood_options { sum_slope: 1.1, ..good },
        otr_likelihood_options { sum_slope: f64::NAN, ..good },
        otr_likelihood_options { deep_ratio: -0.1, ..good },
        otr_likelihood_options { deep_ratio: f64::NAN, ..good },
        otr_likelihood_options { deep_members: 0, ..good },
        otr_likelihood_options { deep_members: OTR_LIKELIHOOD_MEMBERS_MAX + 1, ..good },
        otr_likelihood_options { deep_budget: budget(0.2, 10), ..good },
        otr_likelihood_options { deep_budget: budget(0.0, 0), ..good },
        otr_likelihood_options { budget: budget(-0.1, 10), ..good },
        otr_likelihood_options { budget: budget(0.2, 10), ..good },
        otr_likelihood_options { budget: budget(f64::NAN, 10), ..good },
        otr_likelihood_options { budget: budget(0.0, 0), ..good },
        otr_likelihood_options { budget: budget(0.0, OTR_TRELLIS_STATES_MAX + 1), ..good },
    ]
    .iter()
    .enumerate()
    {
        assert_eq!(create(&graph, options), Err(Status::OTR_ERR_ARGUMENT), "options {i}");
    }
    let all = otr_likelihood_options { likely_weight: f64::INFINITY, ..good };
    assert_eq!(create(&graph, &all), Ok(()));
    for graph in [Graph::new(patch), Graph::with_correlations(patch)] {
        assert_eq!(create(&graph, &good), Err(Status::OTR_ERR_UNSUPPORTED), "no errors");
    }
    let one_sided = "error(0.1) D0 L0\nerror(0.2) D0 D1\n";
    let one_sided_graph = Graph::with_errors(one_sided);
    assert_eq!(create(&one_sided_graph, &good), Err(Status::OTR_ERR_UNSUPPORTED), "no gap");
    let many = "error(0.1) D0 L64\nerror(0.2) D0 D1\nerror(0.1) D1\n";
    let error = graph::Graph::build(many, &WHOLE).expect_err("65 observables");
    assert_eq!(error.status, Status::OTR_ERR_LIMIT);
    let rule = Predecoder::rule(&one_sided_graph, one_sided, &min_sum()).unwrap();
    let foreign = otr_likelihood_options { predecoder: rule.raw(), ..good };
    assert_eq!(create(&graph, &foreign), Err(Status::OTR_ERR_ARGUMENT), "a pre-decoder on another graph");
}
