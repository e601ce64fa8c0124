//! Near-maximum-likelihood decoding: beside the sum over all errors, on every instruction set and thread, and bad input.

use std::fmt::Write;
use std::sync::Arc;
use std::thread;

use outrider::{
    Circuit, CircuitFamily, Decoder, DecoderKind, DetectorErrorModel, Error, InstructionKind, Isa,
    Likelihood, LikelihoodLevel, LikelihoodOptions, MatchingGraph, Network, NetworkOptions, Predecoder, Rule,
    RuleOptions, Sampler, SamplerOptions, Shots, Status, SurfaceCode, TargetKind, Trellis, TrellisBudget,
};

/// A patch: one event between two sides, of which one flips the observable.
const CHAIN: &str = "error(0.1) D0 L0\nerror(0.1) D0 D1\nerror(0.1) D1\n";

/// A memory, and shots of it with their observables.
fn memory(distance: u32, p: f64, shots: usize) -> (DetectorErrorModel, Shots, Shots) {
    let circuit = Circuit::uniform(CircuitFamily::Stim, p);
    let code = SurfaceCode::memory(distance, distance).circuit(circuit).build().expect("valid options");
    let model = code.model().expect("a model");
    let options = SamplerOptions { seed: 5, ..SamplerOptions::default() };
    let mut sampler = Sampler::with_options(&model, &options).expect("a model");
    let (mut detectors, mut observables) = sampler.batches();
    sampler.sample(0, shots, &mut detectors, &mut observables).expect("memory");
    (model, detectors, observables)
}

fn graph(model: &DetectorErrorModel) -> Arc<MatchingGraph> {
    Arc::new(MatchingGraph::new(model, &DecoderKind::Likelihood.graph_options()).expect("a matchable model"))
}

/// The network that comes with the programs, on the graph of a model.
fn network(graph: &Arc<MatchingGraph>, model: &DetectorErrorModel, isa: Isa) -> Predecoder {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../models/event-stim.safetensors");
    let network = Network::from_file(file).expect("a network");
    let options = NetworkOptions { isa, ..NetworkOptions::default() };
    Predecoder::network(&network, Arc::clone(graph), model, None, &options).expect("a surface code of Stim's")
}

fn with_rule(rule: Rule, graph: &Arc<MatchingGraph>, model: &DetectorErrorModel) -> Likelihood {
    let predecoder =
        Predecoder::rule(Arc::clone(graph), model, &RuleOptions::new(rule)).expect("the model's graph");
    Likelihood::with_predecoder(predecoder, &LikelihoodOptions::default()).expect("a patch")
}

#[test]
fn answers_are_nearly_those_of_the_sum_over_all_errors() {
    for (distance, p, shots) in [(3, 0.01, 3000), (5, 0.006, 2500)] {
        let (model, detectors, observables) = memory(distance, p, shots);
        let mut predictions = observables.clone();
        let mut mistakes = |decode: &mut dyn FnMut(&[u8], &mut [u8])| {
            for (index, row) in detectors.rows().enumerate() {
                decode(row, predictions.row_mut(index));
            }
            let wrong = predictions.rows().zip(observables.rows()).filter(|(guess, flip)| guess != flip);
            (wrong.count(), predictions.clone())
        };
        let graph = graph(&model);
        let mut matching =
            Decoder::new(Arc::clone(&graph), DecoderKind::MwpmCorrelated).expect("correlations");
        let (matched, _) = mistakes(&mut |row, out| {
            matching.decode(row, &[], out).expect("an explained shot");
        });
        let mut trellis = Trellis::new(&model).expect("a small model");
        let (_, best) = mistakes(&mut |row, out| {
            trellis.decode(row, out).expect("an explained shot");
        });
        let options = LikelihoodOptions::default();
        let network = network(&graph, &model, Isa::Auto);
        for (name, mut likelihood) in [
            ("no pre-decoder", Likelihood::new(Arc::clone(&graph)).expect("a patch")),
            ("min-sum", with_rule(Rule::MinSum, &graph, &model)),
            ("a network", Likelihood::with_predecoder(network, &options).expect("a patch")),
        ] {
            let (found, answers) = mistakes(&mut |row, out| {
                likelihood.decode(row, out).expect("an explained shot");
            });
            let others = answers.rows().zip(best.rows()).filter(|(own, best)| own != best).count();
            // With the shots' own fluctuation; most of them fail or pass in both.
            assert!(
                found * 20 <= matched * 21,
                "d = {distance}, {name}: {found} mistakes, {matched} by matching"
            );
            assert!(others * 40 < shots, "d = {distance}, {name}: {others} answers are others");
        }
    }
}

#[test]
fn thresholds_part_the_levels() {
    let (model, detectors, _) = memory(3, 0.01, 1500);
    let graph = graph(&model);
    let options = LikelihoodOptions {
        sure_gap: 6.0,
        sure_mean: 4.0,
        gap_slope: 1.0,
        deep_ratio: 1.0,
        ..LikelihoodOptions::default()
    };
    let mut likelihood = Likelihood::with_options(graph, &options).expect("a patch");
    let mut counts = [0; 4];
    for row in detectors.rows() {
        let result = likelihood.decode(row, &mut [0]).expect("an explained shot");
        let ratio = likelihood.ratios()[0].abs();
        match result.level {
            LikelihoodLevel::Gap => assert!((ratio - 6.0).abs() < 1e-5, "{ratio} is the limit"),
            LikelihoodLevel::MeanGap => assert!((4.0..6.0).contains(&ratio), "{ratio}"),
            LikelihoodLevel::Sum => assert!(ratio >= options.sum_slope * 1.0, "{ratio}"),
            LikelihoodLevel::Deep => {}
        }
        let is_summed = matches!(result.level, LikelihoodLevel::Sum | LikelihoodLevel::Deep);
        assert_eq!((result.candidate_count > 0, result.work > 0), (is_summed, is_summed), "{result:?}");
        assert!(!result.is_fallback, "the graph is of these errors");
        counts[result.level as usize] += 1;
    }
    assert!(counts.iter().all(|&count| count > 20), "{counts:?}");
}

#[test]
fn a_sum_that_explains_nothing_falls_back_to_the_gap() {
    // The graph's edges at D0 and at D1 are pieces of one error, so no set of errors makes a single event.
    let model = DetectorErrorModel::parse("error(0.1) D0 ^ D1 L0\nerror(0.2) D0 D1").expect("a model");
    let mut likelihood = Likelihood::from_model(&model).expect("a patch");
    let mut decode = |events: u8| {
        let mut answer = [0];
        let result = likelihood.decode(&[events], &mut answer).expect("the graph explains it");
        assert_eq!(result.level, LikelihoodLevel::Sum);
        (result.is_fallback, answer[0], likelihood.ratios()[0])
    };
    let (is_fallback, answer, ratio) = decode(0b01);
    assert!(is_fallback && answer == 0 && ratio > 0.0 && ratio <= 4f64.ln(), "{answer} {ratio}");
    let (is_fallback, answer, ratio) = decode(0b11);
    assert!(!is_fallback && answer == 0 && ratio > 0.0, "{answer} {ratio}");
}

/// Answers and the bits of the ratios of some shots.
fn bits(likelihood: &mut Likelihood, detectors: &Shots) -> Vec<(u8, u64)> {
    let decode = |row| {
        let mut answer = [0];
        likelihood.decode(row, &mut answer).expect("an explained shot");
        (answer[0], likelihood.ratios()[0].to_bits())
    };
    detectors.rows().map(decode).collect()
}

#[test]
fn ratios_have_the_same_bits_on_every_instruction_set() {
    let (model, detectors, _) = memory(5, 0.008, 200);
    let graph = graph(&model);
    let run = |isa, with_network: bool| {
        let options = LikelihoodOptions { isa, ..LikelihoodOptions::default() };
        let likelihood = match with_network {
            true => Likelihood::with_predecoder(network(&graph, &model, isa), &options),
            false => Likelihood::with_options(Arc::clone(&graph), &options),
        };
        bits(&mut likelihood.expect("a patch"), &detectors)
    };
    for with_network in [false, true] {
        let expected = run(Isa::Portable, with_network);
        for isa in Isa::available() {
            assert_eq!(run(isa, with_network), expected, "{isa}");
        }
    }
}

#[test]
fn threads_over_one_graph_agree_with_one_thread_and_with_a_batch() {
    let (model, detectors, observables) = memory(5, 0.01, 120);
    let graph = graph(&model);
    let make = || {
        let network = network(&graph, &model, Isa::Auto);
        Likelihood::with_predecoder(network, &LikelihoodOptions::default()).expect("a patch")
    };
    let expected = bits(&mut make(), &detectors);
    let parts: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|part| {
                let (make, detectors) = (&make, &detectors);
                scope.spawn(move || {
                    let mut own = Shots::new(detectors.bits());
                    for row in 30 * part..30 * (part + 1) {
                        own.push(detectors.row(row)).expect("a row of as many bits");
                    }
                    bits(&mut make(), &own)
                })
            })
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("no thread panics")).collect()
    });
    assert_eq!(parts, expected);
    let mut predictions = Shots::new(observables.bits());
    let mut ratios = vec![0.0; detectors.len()];
    let mut likelihood = make();
    likelihood.decode_batch(&detectors, &mut predictions, Some(&mut ratios)).expect("explained shots");
    let found = predictions.rows().zip(&ratios).map(|(row, ratio)| (row[0], ratio.to_bits()));
    assert_eq!(found.collect::<Vec<_>>(), expected);
    assert!(likelihood.predecoder().is_some() && likelihood.heap_bytes() > 0);
    assert!(Arc::ptr_eq(likelihood.graph(), &graph));
}

/// The model of two patches side by side, each with an observable of its own.
fn side_by_side(model: &DetectorErrorModel) -> DetectorErrorModel {
    let detectors = model.detector_count();
    let mut text = format!("detector D{}\n", 2 * detectors - 1);
    for copy in 0..2 {
        let mut walk = model.walk().expect("memory");
        while let Some(step) = walk.step() {
            let InstructionKind::Error { probability, targets } = step.kind else { continue };
            write!(text, "error({probability})").expect("memory");
            for target in targets {
                match target.kind() {
                    TargetKind::Detector(index) => write!(text, " D{}", index + copy * detectors),
                    TargetKind::Observable(index) => write!(text, " L{}", index + copy),
                    TargetKind::Separator => write!(text, " ^"),
                }
                .expect("memory");
            }
            text.push('\n');
        }
    }
    DetectorErrorModel::parse(&text).expect("a model as before")
}

#[test]
fn patches_side_by_side_are_decided_each_on_its_own() {
    let (model, detectors, _) = memory(3, 0.01, 600);
    let both = side_by_side(&model);
    let width = model.detector_count() as usize;
    assert_eq!((both.detector_count() as usize, both.observable_count()), (2 * width, 2));
    let mut single = Likelihood::from_model(&model).expect("a patch");
    let mut double = Likelihood::from_model(&both).expect("two patches");
    let mut others = 0;
    for pair in 0..detectors.len() / 2 {
        let mut row = vec![0; (2 * width).div_ceil(8)];
        let mut expected = Vec::new();
        for part in 0..2 {
            for bit in detectors.ones(2 * pair + part) {
                row[(part * width + bit) / 8] |= 1 << ((part * width + bit) % 8);
            }
            let mut answer = [0];
            let result =
                single.decode(detectors.row(2 * pair + part), &mut answer).expect("an explained shot");
            expected.push((answer[0], result.level, single.ratios()[0]));
        }
        let mut answer = [0];
        let result = double.decode(&row, &mut answer).expect("an explained shot");
        let [first, second] = expected[..] else { panic!("two patches") };
        assert_eq!(answer[0], first.0 | second.0 << 1, "pair {pair}");
        let last = [first.1, second.1].into_iter().max_by_key(|&level| level as u8);
        assert_eq!(Some(result.level), last, "pair {pair}");
        let _ = last;
        for (found, (.., expected)) in double.ratios().iter().zip(expected) {
            let difference = (found - expected).abs();
            assert!(difference < 0.5, "pair {pair}: {found} {expected}");
            others += usize::from(difference > 1e-9);
        }
    }
    // What explains the other patch best may not be what its own gap finds first.
    assert!(others < 10, "{others} ratios are others");
}

#[test]
fn observables_that_no_error_flips_are_sure() {
    let model =
        DetectorErrorModel::parse(&format!("{CHAIN}error(1) L1\nlogical_observable L9")).expect("a model");
    let mut likelihood = Likelihood::from_model(&model).expect("a patch");
    let mut answer = [0xFF, 0xFF];
    likelihood.decode(&[0b01], &mut answer).expect("an explained shot");
    assert_eq!(answer, [0b11, 0]);
    let ratios = likelihood.ratios();
    assert!((-12.0..0.0).contains(&ratios[0]), "{ratios:?}");
    assert_eq!(ratios[1..], [-600.0, 600.0, 600.0, 600.0, 600.0, 600.0, 600.0, 600.0, 600.0]);

    let mut nothing =
        Likelihood::from_model(&DetectorErrorModel::parse("").expect("an empty model")).expect("it");
    nothing.decode(&[], &mut []).expect("an empty shot");
    assert_eq!(nothing.ratios(), []);
}

#[test]
fn models_and_graphs_that_cannot_be_decoded_are_refused() {
    let refused = |text: &str, status: Status, message: &str| {
        let model = DetectorErrorModel::parse(text).expect("a model");
        let error = Likelihood::from_model(&model).expect_err("refused");
        assert_eq!(error.status(), Some(status), "{error}");
        assert!(error.to_string().contains(message) && error.is_bad_input(), "{error}");
    };
    refused("error(0.1) D0 D1 D2 L0", Status::Undecomposable, "line 1");
    refused("error(0.1) D0 D1\nerror(0.1) D1 D2 L0\nerror(0.1) D0 D2", Status::Unsupported, "closed loop");
    refused("error(0.1) D0 L0", Status::Unsupported, "no complementary gap");
    refused(&format!("{CHAIN}error(0.1) D0 L64"), Status::Limit, "64");

    let model = DetectorErrorModel::parse(CHAIN).expect("a model");
    for kind in DecoderKind::OF_SHOTS {
        let other = Arc::new(MatchingGraph::new(&model, &kind.graph_options()).expect("a matchable model"));
        let error = Likelihood::new(other).expect_err("no errors");
        assert_eq!(error.status(), Some(Status::Unsupported));
        assert!(error.to_string().contains("whole"), "{error}");
    }
    for isa in Isa::ALL.into_iter().filter(|isa| !isa.is_available()) {
        let options = LikelihoodOptions { isa, ..LikelihoodOptions::default() };
        let error = Likelihood::with_options(graph(&model), &options).expect_err("not here");
        assert_eq!(error.status(), Some(Status::Unsupported));
        assert!(error.to_string().contains(isa.name()), "{error}");
    }
}

#[test]
fn options_out_of_range_are_refused() {
    let model = DetectorErrorModel::parse(CHAIN).expect("a model");
    let graph = graph(&model);
    let usual = LikelihoodOptions::default();
    for options in [
        LikelihoodOptions { sure_gap: 0.0, ..usual },
        LikelihoodOptions { sure_gap: f64::NAN, ..usual },
        LikelihoodOptions { sure_gap: 601.0, ..usual },
        LikelihoodOptions { sure_mean: -0.1, ..usual },
        LikelihoodOptions { sure_mean: f64::NAN, ..usual },
        LikelihoodOptions { likely_weight: -0.1, ..usual },
        LikelihoodOptions { likely_weight: f64::NAN, ..usual },
        LikelihoodOptions { iterations: 65, ..usual },
        LikelihoodOptions { budget: TrellisBudget { cutoff: 0.2, states_max: 10 }, ..usual },
        LikelihoodOptions { budget: TrellisBudget { cutoff: f64::NAN, states_max: 10 }, ..usual },
        LikelihoodOptions { budget: TrellisBudget { cutoff: 0.0, states_max: 0 }, ..usual },
        LikelihoodOptions { budget: TrellisBudget { cutoff: 0.0, states_max: (1 << 20) + 1 }, ..usual },
        LikelihoodOptions { gap_share: -0.1, ..usual },
        LikelihoodOptions { gap_share: 1.1, ..usual },
        LikelihoodOptions { gap_share: f64::NAN, ..usual },
        LikelihoodOptions { gap_slope: 0.0, ..usual },
        LikelihoodOptions { sum_slope: 1.1, ..usual },
        LikelihoodOptions { deep_ratio: -1.0, ..usual },
        LikelihoodOptions { deep_members: 65, ..usual },
    ] {
        let error = Likelihood::with_options(Arc::clone(&graph), &options).expect_err("out of range");
        assert_eq!(error.status(), Some(Status::Argument), "{options:?}: {error}");
    }
    let largest = LikelihoodOptions {
        isa: Isa::Auto,
        sure_gap: 600.0,
        sure_mean: f64::INFINITY,
        likely_weight: f64::INFINITY,
        iterations: 64,
        budget: TrellisBudget { cutoff: 0.1, states_max: 1000 },
        gap_share: 1.0,
        gap_slope: 1.0,
        sum_slope: 1.0,
        deep_ratio: f64::INFINITY,
        deep_members: 64,
        deep_budget: TrellisBudget { cutoff: 0.1, states_max: 1000 },
    };
    let least = LikelihoodOptions {
        isa: Isa::Portable,
        sure_gap: 1e-300,
        sure_mean: 0.0,
        likely_weight: 0.0,
        iterations: 0,
        budget: TrellisBudget { cutoff: 0.0, states_max: 1 },
        gap_share: 0.0,
        gap_slope: 1e-300,
        sum_slope: 1e-300,
        deep_ratio: 0.0,
        deep_members: 1,
        deep_budget: TrellisBudget { cutoff: 0.0, states_max: 1 },
    };
    for (options, level) in [(largest, LikelihoodLevel::Deep), (least, LikelihoodLevel::Gap)] {
        let mut likelihood =
            Likelihood::with_options(Arc::clone(&graph), &options).expect("within the limits");
        let mut answer = [0];
        let result = likelihood.decode(&[0b01], &mut answer).expect("an explained shot");
        assert_eq!((result.level, answer), (level, [1]), "{options:?}");
    }
}

#[test]
fn bad_shots_leave_the_outputs_alone() {
    // Two detectors of the closed part are odd together.
    let text = format!("{CHAIN}error(0.1) D2 D3\nerror(0.2) D3 D4");
    let model = DetectorErrorModel::parse(&text).expect("a model");
    let mut likelihood = Likelihood::from_model(&model).expect("a patch");
    let mut answer = [0x77];
    likelihood.decode(&[0b0001], &mut answer).expect("an explained shot");
    let before = likelihood.ratios().to_vec();
    answer = [0x77];
    let error = likelihood.decode(&[0b00101], &mut answer).expect_err("one event without a boundary");
    assert_eq!(error.status(), Some(Status::OddParity), "{error}");
    let error = likelihood.decode(&[0b10_0000], &mut answer).expect_err("padding");
    assert_eq!(error.status(), Some(Status::Format), "{error}");
    assert!(matches!(likelihood.decode(&[], &mut answer), Err(Error::Length { .. })));
    assert!(matches!(likelihood.decode(&[0], &mut []), Err(Error::Length { .. })));
    assert_eq!((answer, likelihood.ratios()), ([0x77], &before[..]));

    let mut shots = Shots::new(5);
    for row in [0b00001, 0b00101, 0b00010] {
        shots.push(&[row]).expect("a row of five bits");
    }
    let (mut predictions, mut ratios) = (Shots::new(1), [7.0; 3]);
    let error = likelihood.decode_batch(&shots, &mut predictions, Some(&mut ratios)).expect_err("the second");
    assert_eq!(error.place().and_then(|place| place.shot), Some(2), "{error}");
    assert_eq!((predictions.row(0), predictions.row(1), predictions.row(2)), (&[1][..], &[0][..], &[0][..]));
    assert_eq!((ratios[0], &ratios[1..]), (before[0], &[7.0; 2][..]));
    for (detectors, observables, count) in [(4, 1, 3), (5, 2, 3), (5, 1, 2)] {
        let (detectors, mut observables) = (Shots::zeroed(detectors, 3), Shots::new(observables));
        let error = likelihood.decode_batch(&detectors, &mut observables, Some(&mut ratios[..count]));
        assert!(matches!(error, Err(Error::Length { .. })), "{error:?}");
    }
}
