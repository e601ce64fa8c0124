//! Sums over all errors of a model, against adding up every set of errors.

use outrider::{
    Circuit, CircuitFamily, Decoder, DecoderKind, DetectorErrorModel, Isa, Sampler, SamplerOptions, Shots,
    Status, SurfaceCode, Trellis, TrellisBudget, TrellisOptions,
};
use std::collections::HashMap;
use std::fmt::Write;

use crate::support::random::Random;

const MODELS: usize = 3000;
/// Sets of errors are added up for models of no more errors.
const ERRORS_MAX: usize = 12;

const EXACT: TrellisOptions = TrellisOptions {
    isa: Isa::Auto,
    iterations: 0,
    table_bits: 0,
    coarse: TrellisBudget { cutoff: 0.0, states_max: 5000 },
    fine: TrellisBudget { cutoff: 0.0, states_max: 5000 },
    unsure: 0.0,
};

/// An error: its probability, and what it flips.
struct RandomError {
    probability: f64,
    detectors: u32,
    observables: u64,
}

/// A model of hyperedges, in several parts, with errors that are certain, impossible, equal to one another, without
/// detectors, and in pieces; and its errors, each whole.
fn random_model(random: &mut Random) -> (String, Vec<RandomError>, usize) {
    let detectors = 1 + random.below(8);
    let observables = 1 + random.below(3);
    // With many observables a state is more than one word.
    let first_observable = [0, 0, 30, 64 - observables][random.below(4)];
    let parts = 1 + random.below(3);
    let mut text = String::new();
    let mut errors = Vec::new();
    for _ in 0..1 + random.below(ERRORS_MAX) {
        let probability = match random.below(12) {
            0 => 0.0,
            1 => 1.0,
            2 => 0.5,
            3 => 0.9,
            4 => 1e-7,
            _ => 0.001 * (1 + random.below(400)) as f64,
        };
        let mut error = RandomError { probability, detectors: 0, observables: 0 };
        let part = random.below(parts);
        let mut pieces = Vec::new();
        for _ in 0..1 + random.below(2) {
            let mut piece = String::new();
            for _ in 0..random.below(5) {
                let detector = random.below(detectors) / parts * parts + part;
                write!(piece, " D{detector}").unwrap();
                error.detectors ^= 1 << detector;
            }
            if random.below(3) == 0 {
                let observable = first_observable + random.below(observables);
                write!(piece, " L{observable}").unwrap();
                error.observables ^= 1 << observable;
            }
            pieces.extend((!piece.is_empty()).then_some(piece));
        }
        writeln!(text, "error({probability}){}", pieces.join(" ^")).unwrap();
        errors.push(error);
    }
    let count = detectors + parts;
    writeln!(text, "detector D{}\nlogical_observable L{}", count - 1, first_observable + observables - 1)
        .unwrap();
    (text, errors, count)
}

/// The probability of every symptom: events, and for each class of observables.
fn all_symptoms(errors: &[RandomError]) -> HashMap<u32, HashMap<u64, f64>> {
    let mut symptoms: HashMap<u32, HashMap<u64, f64>> = HashMap::new();
    for set in 0..1u32 << errors.len() {
        let (mut probability, mut detectors, mut observables) = (1.0, 0, 0);
        for (i, error) in errors.iter().enumerate() {
            let happened = set >> i & 1 == 1;
            probability *= if happened { error.probability } else { 1.0 - error.probability };
            detectors ^= if happened { error.detectors } else { 0 };
            observables ^= if happened { error.observables } else { 0 };
        }
        if probability > 0.0 {
            *symptoms.entry(detectors).or_default().entry(observables).or_default() += probability;
        }
    }
    symptoms
}

/// Checks one shot. Detectors of parts that flip no observable are not looked at, so that a symptom may be summed
/// although it is impossible; a possible one is summed up right.
fn check(trellis: &mut Trellis, events: u32, classes: &HashMap<u64, f64>, observables: usize, text: &str) {
    let detectors = events.to_le_bytes();
    let mut answer = [0; 8];
    let result = trellis
        .decode(&detectors[..trellis.detector_count().div_ceil(8)], &mut answer[..observables.div_ceil(8)]);
    let result = result.unwrap_or_else(|error| panic!("{error}: {events:b} of\n{text}"));
    assert!(result.is_exact && !result.is_fine);
    let total: f64 = classes.values().sum();
    let found = classes.get(&u64::from_le_bytes(answer)).copied().unwrap_or(0.0);
    let best = classes.values().copied().fold(0.0, f64::max);
    assert!(found >= best * (1.0 - 1e-9), "{found} is not {best}: {events:b} of\n{text}");
    let failure = 1.0 - found / total;
    assert!((result.failure - failure).abs() < 1e-9, "{} {failure}: {events:b} of\n{text}", result.failure);
    for observable in 0..observables {
        let share = |flipped: u64| -> f64 {
            classes
                .iter()
                .filter(|(class, _)| *class >> observable & 1 == flipped)
                .fold(0.0, |sum, (_, p)| sum + p)
        };
        let (expected, found) = ((share(0) / share(1)).ln(), trellis.ratios()[observable]);
        if expected.is_finite() {
            assert!((found - expected).abs() < 1e-6, "{found} {expected}: {events:b} of\n{text}");
        } else {
            assert_eq!(found, 600f64.copysign(expected), "{events:b} of\n{text}");
        }
    }
}

#[test]
fn every_class_has_the_probability_of_its_sets_of_errors() {
    let random = &mut Random(1);
    let mut shots = 0;
    for _ in 0..MODELS {
        let (text, errors, _) = random_model(random);
        let model = DetectorErrorModel::parse(&text).expect("a valid model");
        let observables = model.observable_count() as usize;
        let iterations = random.below(4) as u32;
        for table_bits in [0, 14] {
            let options = TrellisOptions { iterations, table_bits, ..EXACT };
            let mut trellis = Trellis::with_options(&model, &options).unwrap();
            for (events, classes) in all_symptoms(&errors) {
                check(&mut trellis, events, &classes, observables, &text);
                shots += 1;
            }
        }
    }
    assert!(shots > 20 * MODELS, "{shots}");
}

#[test]
fn a_shot_that_no_errors_explain_is_refused() {
    let model = DetectorErrorModel::parse("error(0.1) D0 D1 L0\nerror(0.2) D0 D1\nerror(1) D2 L0").unwrap();
    let mut trellis = Trellis::new(&model).unwrap();
    let mut answer = [77];
    for events in [0b001, 0b010, 0b000, 0b011] {
        let error = trellis.decode(&[events], &mut answer).unwrap_err();
        assert_eq!(error.status(), Some(Status::Unexplained), "{error}");
        assert_eq!(answer, [77], "outputs are left alone");
    }
    trellis.decode(&[0b111], &mut answer).unwrap();
    assert_eq!(answer, [1], "the certain error, and the likelier of two");
}

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

#[test]
fn what_is_dropped_changes_little() {
    let (model, detectors, _) = memory(3, 0.01, 1000);
    let mut exact = Trellis::with_options(&model, &EXACT).unwrap();
    let mut pruned =
        Trellis::with_options(&model, &TrellisOptions { table_bits: 0, ..TrellisOptions::default() })
            .unwrap();
    let (mut fine, mut error) = (0, 0f64);
    for row in detectors.rows() {
        let (mut expected, mut found) = ([0], [0]);
        assert!(exact.decode(row, &mut expected).unwrap().is_exact);
        fine += usize::from(pruned.decode(row, &mut found).unwrap().is_fine);
        let (expected, found) = (exact.ratios()[0], pruned.ratios()[0]);
        if expected.abs() < 0.8 {
            error = error.max((found - expected).abs());
        }
    }
    assert!(error < 0.02 && error > 0.0, "of a ratio below 0.8: {error}");
    assert!((10..500).contains(&fine), "{fine} shots are unsure");
}

#[test]
fn fewer_shots_fail_than_by_matching_and_as_many_as_expected() {
    let (model, detectors, observables) = memory(5, 0.01, 1500);
    let mut matching = Decoder::from_model(&model, DecoderKind::MwpmCorrelated).unwrap();
    let mut trellis = Trellis::new(&model).unwrap();
    let (mut matched, mut summed, mut expected) = (0, 0, 0.0);
    for (row, flip) in detectors.rows().zip(observables.rows()) {
        let (mut guess, mut sum) = ([0], [0]);
        matching.decode(row, &[], &mut guess).unwrap();
        expected += trellis.decode(row, &mut sum).unwrap().failure;
        matched += usize::from(guess != flip);
        summed += usize::from(sum != flip);
    }
    assert!(summed * 20 < matched * 19, "{summed} and {matched}");
    assert!((summed as f64 - expected).abs() < 3.0 * expected.sqrt(), "{summed} of {expected}");
}

#[test]
fn sums_have_the_same_bits_everywhere() {
    let (model, detectors, _) = memory(3, 0.01, 200);
    for (table_bits, expected) in [(0, 16_477_711_678_928_487_906), (14, 10_715_216_248_370_867_076)] {
        for isa in Isa::ALL.into_iter().filter(|isa| isa.is_available()) {
            let options = TrellisOptions { isa, table_bits, ..TrellisOptions::default() };
            let mut trellis = Trellis::with_options(&model, &options).unwrap();
            let mut hash = 0u64;
            for row in detectors.rows() {
                trellis.decode(row, &mut [0]).unwrap();
                hash = (hash ^ trellis.ratios()[0].to_bits()).wrapping_mul(0x0100_0000_01b3).rotate_left(17);
            }
            assert_eq!(hash, expected, "{isa}, {table_bits}");
        }
    }
}

#[test]
fn models_and_options_beyond_the_limits_are_refused() {
    let status = |text: &str, options: &TrellisOptions| {
        let model = DetectorErrorModel::parse(text).expect("a valid model");
        Trellis::with_options(&model, options).map(|_| ()).map_err(|error| error.status().unwrap())
    };
    let all: String = (0..1025).map(|detector| format!(" D{detector}")).collect();
    let usual = TrellisOptions::default();
    assert_eq!(status(&format!("error(0.1){all} L0"), &usual), Err(Status::Limit), "open at once");
    assert_eq!(status(&format!("error(0.1){all}"), &usual), Ok(()), "nothing flips an observable");
    assert_eq!(status("error(0.1) D0 L64", &usual), Err(Status::Limit));
    assert_eq!(status("error(0.1) D0 L63", &usual), Ok(()));
    let shared: String = (0..17).map(|observable| format!("error(0.1) L{observable} L17\n")).collect();
    assert_eq!(status(&shared, &usual), Err(Status::Limit), "of parts without a detector in common");
    assert_eq!(status("error(0.1)", &usual), Ok(()));
    assert_eq!(status("error(0.1) L0\nerror(0.2) D1 ^ D1 L0", &usual), Ok(()), "no detectors");
    for options in [
        TrellisOptions { iterations: 65, ..usual },
        TrellisOptions { table_bits: 15, ..usual },
        TrellisOptions { unsure: f64::NAN, ..usual },
        TrellisOptions { unsure: -1.0, ..usual },
        TrellisOptions { coarse: TrellisBudget { cutoff: 0.2, states_max: 10 }, ..usual },
        TrellisOptions { fine: TrellisBudget { cutoff: -0.1, states_max: 10 }, ..usual },
        TrellisOptions { fine: TrellisBudget { cutoff: f64::NAN, states_max: 10 }, ..usual },
        TrellisOptions { coarse: TrellisBudget { cutoff: 0.0, states_max: 0 }, ..usual },
        TrellisOptions { fine: TrellisBudget { cutoff: 0.0, states_max: (1 << 20) + 1 }, ..usual },
    ] {
        assert_eq!(status("error(0.1) D0 L0", &options), Err(Status::Argument), "{options:?}");
    }
}
