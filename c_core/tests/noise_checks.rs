//! What does not fit a model: planted, and found; nothing planted, and nothing found but at the stated rate.

use outrider::{
    Basis, BurstOptions, BurstWindow, Bursts, Circuit, CircuitFamily, DetectorErrorModel, Drift, EventSums,
    Misfit, Moments, MomentsOptions, Rates, RatesMethod, RatesOptions, ResidualPair, Residuals, Sampler,
    SamplerOptions, Shots, Shrinkage, Status, SurfaceCode, TimeAxis, chi_square_log10_p, normal_log10_p,
};

use crate::support::random::Random;

/// A memory of distance 3.
fn memory(rounds: u32, p: f64) -> DetectorErrorModel {
    memory_in(Basis::Z, rounds, p)
}

fn memory_in(basis: Basis, rounds: u32, p: f64) -> DetectorErrorModel {
    let circuit = Circuit::uniform(CircuitFamily::Stim, p);
    SurfaceCode::memory(3, rounds).basis(basis).circuit(circuit).build().unwrap().model().unwrap()
}

fn parse(text: &str) -> DetectorErrorModel {
    DetectorErrorModel::parse(text).unwrap()
}

/// The model with more errors. Shifts of detectors come later in the text.
fn with_error(model: &DetectorErrorModel, error: &str) -> DetectorErrorModel {
    parse(&format!("{error}\n{}", model.to_text()))
}

fn sample(model: &DetectorErrorModel, seed: u64, shots: usize) -> Shots {
    let options = SamplerOptions { seed, ..SamplerOptions::default() };
    let mut sampler = Sampler::with_options(model, &options).unwrap();
    let (mut detectors, mut observables) = sampler.batches();
    sampler.sample(0, shots, &mut detectors, &mut observables).unwrap();
    detectors
}

fn all_pairs(model: &DetectorErrorModel) -> Moments {
    Moments::for_pairs(model.detector_count() as u32, None, &MomentsOptions::default()).unwrap()
}

fn count(moments: &mut Moments, shots: &Shots) {
    moments.clear();
    moments.add(shots).unwrap();
}

fn residuals(model: &DetectorErrorModel, shots: &Shots) -> Residuals {
    let mut moments = all_pairs(model);
    count(&mut moments, shots);
    Residuals::new(model, &moments, 0.01).unwrap()
}

/// A count of `trials` at this rate that is exceeded about once in a thousand times.
fn at_most(trials: u32, rate: f64) -> u32 {
    let mean = f64::from(trials) * rate;
    (mean + 3.1 * mean.sqrt() + 1.0) as u32
}

/// By SciPy 1.17: `log_ndtr`, and `chi2.logsf`.
#[test]
fn tails_are_those_of_known_numbers() {
    for (z, expected) in [
        (0.0, 0.0),
        (0.001, -0.00034665511795784143),
        (0.5, -0.20966199360125964),
        (2.0, -1.3419860844769556),
        (2.5, -1.9059018101313199),
        (2.5000001, -1.9059019327215705),
        (5.0, -6.241615676726673),
        (10.0, -22.817023409822095),
        (40.0, -349.1359764636819),
        (1e6, -217147240957.724),
    ] {
        for z in [z, -z] {
            let found = normal_log10_p(z);
            assert!((found - expected).abs() <= 1e-12 * expected.abs() + 1e-14, "{z}: {found} {expected}");
        }
    }
    assert_eq!(normal_log10_p(f64::NEG_INFINITY), f64::NEG_INFINITY);
    assert!(normal_log10_p(f64::NAN).is_nan());
    for (x, freedom, expected) in [
        (0.5, 1.0, -0.3192112778257204),
        (50.0, 1.0, -11.813196232486758),
        (0.1, 3.0, -0.003559509057999213),
        (1000.0, 2.0, -217.1472409516259),
        (7.0, 2.5, -1.3157508090079175),
        (5.0, 10.0, -0.050035533999362995),
        (100.0, 10.0, -16.26362724647784),
        (99.0, 99.0, -0.317767430310814),
        (300.0, 99.0, -21.374003357720966),
        (101000.0, 1e5, -1.8904605859983763),
        (110000.0, 1e5, -103.58767770165528),
    ] {
        let found = chi_square_log10_p(x, freedom);
        assert!(
            (found - expected).abs() <= 1e-9 * expected.abs() + 1e-12,
            "{x}, {freedom}: {found} {expected}"
        );
    }
    assert_eq!(chi_square_log10_p(-1.0, 3.0), 0.0);
    assert_eq!(chi_square_log10_p(f64::INFINITY, 3.0), f64::NEG_INFINITY);
}

fn ln_choose(n: u64, k: u64) -> f64 {
    (1..=k).map(|i| ((n - k + i) as f64 / i as f64).ln()).sum()
}

/// Shots in which the first detector fires `first` times, the second `second` times, both together `both` times.
fn table(shots: u64, first: u64, second: u64, both: u64) -> Shots {
    let mut rows = Shots::zeroed(2, shots as usize);
    (0..first).for_each(|shot| rows.row_mut(shot as usize)[0] |= 1);
    (first - both..first - both + second).for_each(|shot| rows.row_mut(shot as usize)[0] |= 2);
    rows
}

/// The two-sided p-value of a test is twice that of a tail. Tails are exact sums of binomial and hypergeometric
/// probabilities here, of few events and many. In the farthest ones a pair is called somewhat likelier than it is.
#[test]
fn probabilities_are_near_exact_ones_for_few_events_too() {
    let model = parse("error(0.002) D0\nerror(0.1) D1");
    for k in [0, 1, 5, 8, 20] {
        let found = residuals(&model, &table(1000, k, 100, k / 10));
        let detector = found.detectors().find(|detector| detector.detector == 0).unwrap();
        let chance = |x: u64| {
            (ln_choose(1000, x) + x as f64 * 0.002f64.ln() + (1000 - x) as f64 * 0.998f64.ln()).exp()
        };
        let tail: f64 = if k > 2 { (k..200).map(chance).sum() } else { (0..=k).map(chance).sum() };
        let factor = 10f64.powf(detector.log10_p) / (2.0 * tail);
        assert!((0.8..1.4).contains(&factor), "{k}: {detector:?} {tail}");
        assert_eq!(detector.z > 0.0, k > 2);
    }
    for (first, second, both) in
        [(30, 40, 4), (30, 40, 8), (30, 40, 15), (200, 250, 20), (200, 250, 90), (5, 300, 5)]
    {
        let found = residuals(&model, &table(1000, first, second, both));
        let pair = found.pairs().next().unwrap();
        let chance = |x: u64| {
            (ln_choose(first, x) + ln_choose(1000 - first, second - x) - ln_choose(1000, second)).exp()
        };
        let mean = first * second / 1000;
        let tail: f64 =
            if both > mean { (both..=first).map(chance).sum() } else { (0..=both).map(chance).sum() };
        let ratio = pair.log10_p / (2.0 * tail).log10();
        assert!((0.85..1.05).contains(&ratio), "{both} of {first}, {second}: {pair:?} {tail}");
        assert_eq!(pair.z > 0.0, both > mean);
    }
}

#[test]
fn residuals_of_the_true_model_are_significant_at_the_stated_rate() {
    for (p, shots, least) in [(0.002, 500, 0), (0.01, 2000, 1)] {
        let model = memory(3, p);
        let mut moments = all_pairs(&model);
        let mut alarms = [0; 3];
        let (mut beyond, mut tested) = (0, 0);
        for seed in 0..300 {
            count(&mut moments, &sample(&model, seed, shots));
            let residuals = Residuals::new(&model, &moments, 0.05).unwrap();
            let summary = residuals.summary();
            let significant = [
                summary.outside_significant,
                summary.inside_significant,
                summary.detectors_significant.into(),
            ];
            for (alarm, significant) in alarms.iter_mut().zip(significant) {
                *alarm += u32::from(significant > 0);
            }
            assert_eq!(summary.misfit, Misfit::default(), "{summary:?}");
            for pair in residuals.pairs().filter(|pair| pair.is_inside) {
                beyond += u32::from(pair.z.abs() > 1.96);
                tested += 1;
            }
        }
        assert!(alarms.iter().all(|&alarms| alarms <= at_most(300, 0.05)), "{p}: {alarms:?}");
        assert!(alarms.iter().all(|&alarms| alarms >= least), "the level is used: {alarms:?}");
        // Events come in whole numbers, so that a little less is beyond.
        let share = f64::from(beyond) / f64::from(tested);
        assert!((0.01..0.055).contains(&share), "{p}: {share}");
    }
}

/// Attenuation and standard error against the spread of many experiments.
#[test]
fn pairs_have_the_attenuation_and_the_error_of_their_estimate() {
    let model =
        parse("error(0.04) D0 D1\nerror(0.02) D0 D1 D2 L0\nerror(0.06) D1\nerror(0.05) D0\nerror(0.1) D3");
    let mut moments = all_pairs(&model);
    let a = |p: f64| -(1.0 - 2.0 * p).ln();
    let (mut sums, mut squares) = ([0.0; 2], [0.0; 2]);
    let mut deviations = [0.0; 2];
    let experiments = 400;
    for seed in 0..experiments {
        count(&mut moments, &sample(&model, seed, 3000));
        let found = Residuals::new(&model, &moments, 0.01).unwrap();
        for pair in found.pairs().filter(|pair| pair.first == 0 && pair.second % 2 == 1) {
            let is_inside = pair.second == 1;
            let expected = if is_inside { a(0.04) + a(0.02) } else { 0.0 };
            assert_eq!(pair.is_inside, is_inside);
            assert!((pair.expected - expected).abs() < 1e-14);
            assert!((pair.excess - (1.0 - (expected - pair.attenuation).exp()) / 2.0).abs() < 1e-14);
            let i = usize::from(is_inside);
            sums[i] += pair.attenuation - expected;
            squares[i] += (pair.attenuation - expected).powi(2);
            deviations[i] += pair.deviation;
        }
    }
    for i in 0..2 {
        let n = experiments as f64;
        let spread = (squares[i] / n).sqrt();
        assert!((sums[i] / n).abs() < 4.0 * spread / n.sqrt(), "{i}: {}", sums[i] / n);
        assert!((deviations[i] / n / spread - 1.0).abs() < 0.12, "{i}: {} {spread}", deviations[i] / n);
    }
}

fn significant(residuals: &Residuals) -> Vec<ResidualPair> {
    residuals.pairs().filter(|pair| pair.is_significant).collect()
}

#[test]
fn a_crosstalk_pair_is_found_and_nothing_else() {
    let model = memory(4, 0.004);
    let outside = residuals(&model, &sample(&model, 1, 1000));
    // The pairs are of all distances.
    for (i, pair) in outside.pairs().filter(|pair| !pair.is_inside).step_by(40).take(4).enumerate() {
        let [first, second] = [pair.first, pair.second];
        let truth = with_error(&model, &format!("error(0.004) D{first} D{second}"));
        let found = residuals(&model, &sample(&truth, 2 + i as u64, 20_000));
        let pairs = significant(&found);
        let worst = pairs[0];
        assert_eq!((pairs.len(), worst.first, worst.second, worst.is_inside), (1, first, second, false));
        assert!((worst.excess - 0.004).abs() < 4.0 * worst.excess_deviation && worst.z > 5.0, "{worst:?}");
        assert_eq!(found.summary().outside_significant, 1);
        assert_eq!(found.summary().misfit, Misfit::default());
        // It adds to the rates of two detectors.
        let moved: Vec<_> = found.detectors().filter(|detector| detector.is_significant).collect();
        assert!(moved.iter().all(|detector| [first, second].contains(&detector.detector)), "{moved:?}");
    }
}

#[test]
fn leakage_shows_in_pairs_that_are_rounds_apart_at_one_place() {
    let model = memory(6, 0.004);
    let rounds = model.rounds(&TimeAxis::default()).unwrap();
    let near = |apart| {
        Moments::for_pairs(
            model.detector_count() as u32,
            Some((&rounds.of, apart)),
            &MomentsOptions::default(),
        )
    };
    let sets =
        near(2).unwrap().sets().filter(|set| set.len() == 2).map(|set| [set[0], set[1]]).collect::<Vec<_>>();
    let apart = |a: u32, b: u32| rounds.of[a as usize].abs_diff(rounds.of[b as usize]);
    let all: Vec<_> = (0..model.detector_count() as u32)
        .flat_map(|a| (a + 1..model.detector_count() as u32).map(move |b| [a, b]))
        .filter(|pair| apart(pair[0], pair[1]) <= 2)
        .collect();
    assert_eq!(sets, all);
    // A leaked ancilla fires at random for three rounds: three detectors of one place.
    let sites = model.detector_coordinates().unwrap();
    let first = rounds.of.iter().position(|&round| round == 2).unwrap();
    let at = |round: u32| {
        (0..sites.len())
            .find(|&detector| rounds.of[detector] == round && sites[detector][..2] == sites[first][..2])
            .unwrap()
    };
    let (second, third) = (at(3), at(4));
    let mut truth = String::new();
    for mask in 1..8 {
        truth += "error(0.001)";
        for (bit, detector) in [first, second, third].into_iter().enumerate() {
            truth += &if mask >> bit & 1 == 1 { format!(" D{detector}") } else { String::new() };
        }
        truth += "\n";
    }
    let mut moments = near(2).unwrap();
    moments.add(&sample(&with_error(&model, &truth), 1, 50_000)).unwrap();
    let found = Residuals::new(&model, &moments, 0.01).unwrap();
    let pairs = significant(&found);
    let outside: Vec<_> =
        pairs.iter().filter(|pair| !pair.is_inside).map(|pair| [pair.first, pair.second]).collect();
    assert_eq!(outside, [[first as u32, third as u32]]);
    let inside: Vec<_> =
        pairs.iter().filter(|pair| pair.is_inside).map(|pair| [pair.first, pair.second]).collect();
    assert_eq!(inside.len(), 2, "{pairs:?}");
    assert!(
        inside.contains(&[first as u32, second as u32]) && inside.contains(&[second as u32, third as u32])
    );
}

#[test]
fn wrong_rates_are_no_correlations() {
    let model = memory(3, 0.004);
    let truth = with_error(&model, "error(0.03) D5\nerror(0.02) D9");
    let found = residuals(&model, &sample(&truth, 1, 30_000));
    assert_eq!(significant(&found), []);
    let mut moved: Vec<_> = found.detectors().filter(|detector| detector.is_significant).collect();
    moved.sort_by_key(|detector| detector.detector);
    assert_eq!(moved.iter().map(|detector| detector.detector).collect::<Vec<_>>(), [5, 9]);
    assert!(moved.iter().all(|detector| detector.z > 5.0 && detector.rate > detector.expected));

    // A pair inside with too few shots, since an error of the prior does not happen.
    let prior = with_error(&model, "error(0.01) D5 D9");
    let found = residuals(&prior, &sample(&model, 2, 30_000));
    let pairs = significant(&found);
    assert_eq!(pairs.iter().map(|pair| [pair.first, pair.second]).collect::<Vec<_>>(), [[5, 9]]);
    assert!(pairs[0].is_inside && pairs[0].z < -5.0);
}

/// What is tested does not depend on whether an event or its absence is the rare one.
#[test]
fn errors_above_one_half_and_fading_counts_are_taken() {
    let model = parse("error(0.95) D0 D1\nerror(0.1) D1 D2\nerror(0.9) D2\nerror(0) D3\nerror(0.02) D0");
    let found = residuals(&model, &sample(&model, 1, 20_000));
    assert_eq!(significant(&found), []);
    for detector in found.detectors() {
        let expected = [0.95 * 0.98 + 0.05 * 0.02, 0.95 * 0.9 + 0.05 * 0.1, 0.9 * 0.9 + 0.1 * 0.1, 0.0];
        assert!((detector.expected - expected[detector.detector as usize]).abs() < 1e-12, "{detector:?}");
        assert!(!detector.is_significant && (detector.rate - detector.expected).abs() < 0.02);
    }
    let low = parse("error(0.94) D0 D1\nerror(0.1) D1 D2\nerror(0.9) D2\nerror(0) D3\nerror(0.02) D0");
    let moved = residuals(&model, &sample(&low, 1, 100_000));
    assert!(moved.detectors().any(|detector| detector.detector == 0 && detector.z < -5.0));
    let impossible = residuals(&model, &sample(&with_error(&model, "error(0.001) D3"), 1, 20_000));
    let worst = impossible.detectors().next().unwrap();
    assert_eq!((worst.detector, worst.z, worst.is_significant), (3, f64::INFINITY, true));

    let options = MomentsOptions { fade_shift: 4, block_shots: 500, ..MomentsOptions::default() };
    let mut fading = Moments::for_pairs(4, None, &options).unwrap();
    fading.add(&sample(&model, 2, 100_000)).unwrap();
    let found = Residuals::new(&model, &fading, 0.01).unwrap();
    assert!((found.summary().shots - 15_500.0).abs() < 100.0, "{:?}", found.summary());
    assert_eq!((significant(&found), found.summary().detectors_significant), (vec![], 0));
}

/// Columns in another order.
fn reordered(shots: &Shots, place: impl Fn(usize) -> usize) -> Shots {
    let mut other = Shots::zeroed(shots.bits(), shots.len());
    for shot in 0..shots.len() {
        for one in shots.ones(shot) {
            let place = place(one);
            other.row_mut(shot)[place / 8] |= 1 << (place % 8);
        }
    }
    other
}

#[test]
fn shots_that_do_not_belong_to_the_model_are_told() {
    let model = memory(5, 0.005);
    let shots = sample(&model, 1, 10_000);
    let misfit = |shots: &Shots| residuals(&model, shots).summary();
    assert!(misfit(&shots).misfit.is_none());

    let few = misfit(&sample(&model, 1, 200));
    assert_eq!(few.misfit, Misfit { few_shots: true, ..Misfit::default() }, "{few:?}");
    let other_basis = misfit(&sample(&memory_in(Basis::X, 5, 0.005), 1, 10_000));
    assert!(other_basis.misfit.pairs && !other_basis.misfit.few_shots, "{other_basis:?}");
    let shuffled = misfit(&reordered(&shots, |detector| 7 * detector % shots.bits()));
    assert!(shuffled.misfit.pairs, "{shuffled:?}");
    let noisy = misfit(&sample(&memory(5, 0.03), 1, 10_000));
    assert_eq!(noisy.misfit, Misfit { rates: true, ..Misfit::default() }, "{noisy:?}");

    let mut coins = Shots::zeroed(shots.bits(), 10_000);
    let mut random = Random(1);
    for shot in 0..coins.len() {
        let row = coins.row_mut(shot);
        random.fill(row);
    }
    let coins = reordered(&coins, |detector| detector);
    let half = misfit(&coins);
    assert!(half.misfit.half && half.misfit.rates, "{half:?}");
    assert_eq!(half.near_half as usize, shots.bits());

    // Silent, and always on.
    for (fill, rate) in [(false, 0.0), (true, 1.0)] {
        let mut constant = shots.clone();
        for shot in 0..constant.len() {
            let byte = &mut constant.row_mut(shot)[1];
            *byte = if fill { *byte | 4 } else { *byte & !4 };
        }
        let found = residuals(&model, &constant);
        assert_eq!(found.summary().misfit, Misfit { constant: true, ..Misfit::default() });
        let constant: Vec<_> = found.detectors().filter(|detector| detector.is_constant).collect();
        assert_eq!((constant.len(), constant[0].detector, constant[0].rate), (1, 10, rate));
    }
    // Nothing is wrong with a detector that has hardly any errors.
    let rare = with_error(&memory(3, 0.01), "error(0.00001) D24");
    assert!(residuals(&rare, &sample(&rare, 3, 2000)).summary().misfit.is_none());
}

/// What becomes of shots in windows of one size.
fn windows(shots: &Shots, size: usize, options: &BurstOptions) -> Vec<BurstWindow> {
    let mut bursts = Bursts::new(options).unwrap();
    let mut decided = Vec::new();
    let mut sums = EventSums::default();
    for (i, row) in shots.rows().enumerate() {
        let events = row.iter().map(|byte| u64::from(byte.count_ones())).sum::<u64>();
        sums += EventSums { shots: 1, events, squares: events * events };
        if sums.shots == size as u64 || i + 1 == shots.len() {
            bursts.push(&std::mem::take(&mut sums)).unwrap();
            decided.extend(std::iter::from_fn(|| bursts.pop()));
        }
    }
    bursts.finish();
    decided.extend(std::iter::from_fn(|| bursts.pop()));
    assert_eq!(bursts.waiting(), 0);
    decided
}

fn append(shots: &mut Shots, more: &Shots) {
    more.rows().for_each(|row| shots.push(row).unwrap());
}

#[test]
fn windows_without_bursts_are_taken_for_some_at_no_more_than_the_stated_rate() {
    // One event in a window, to three hundred.
    for (p, size, least) in [(0.002, 3, 0.3), (0.002, 30, 0.7), (0.01, 10, 0.8), (0.01, 100, 0.8)] {
        let model = memory(3, p);
        let shots = sample(&model, 1, 3000 * size);
        let options = BurstOptions { neighbours: 32, false_rate: 0.01 };
        let decided = windows(&shots, size, &options);
        let found = decided.iter().filter(|window| window.is_burst).count() as u32;
        assert!(found <= at_most(3000, 0.01) && found > 3, "{p} {size}: {found}");
        let mean = decided.iter().map(|window| window.z).sum::<f64>() / 3000.0;
        let square = decided.iter().map(|window| window.z * window.z).sum::<f64>() / 3000.0;
        assert!(mean.abs() < 0.1 && (least..1.1).contains(&square), "{p} {size}: {mean} {square}");
    }
}

#[test]
fn bursts_are_named_and_slow_drift_is_none() {
    let (quiet, loud) = (memory(3, 0.005), memory(3, 0.03));
    let mut shots = sample(&quiet, 1, 5000);
    append(&mut shots, &sample(&loud, 2, 50));
    append(&mut shots, &sample(&quiet, 3, 4950));
    append(&mut shots, &sample(&loud, 4, 500));
    append(&mut shots, &sample(&quiet, 5, 1500));
    append(&mut shots, &Shots::zeroed(quiet.detector_count() as usize, 100));
    append(&mut shots, &sample(&quiet, 6, 3000));
    append(&mut shots, &sample(&loud, 7, 40));
    let decided = windows(&shots, 50, &BurstOptions::default());
    assert_eq!(decided.iter().map(|window| window.shots).sum::<u64>(), shots.len() as u64);
    for (i, window) in decided.iter().enumerate() {
        assert_eq!((window.index, window.first_shot), (i as u64, 50 * i as u64));
        let too_many = (5000..5050).contains(&window.first_shot)
            || (10_000..10_500).contains(&window.first_shot)
            || window.first_shot == 15_100;
        let too_few = (12_000..12_100).contains(&window.first_shot);
        assert_eq!(window.is_burst, too_many || too_few, "{window:?}");
        assert!(!window.is_burst || too_many == (window.z > 0.0));
        assert!(window.is_judged && window.shots == if i + 1 == decided.len() { 40 } else { 50 });
    }

    let mut drifting = Shots::new(shots.bits());
    for step in 0..40u32 {
        append(&mut drifting, &sample(&memory(3, 0.003 + 0.0002 * f64::from(step)), step.into(), 500));
    }
    assert!(windows(&drifting, 50, &BurstOptions::default()).iter().all(|window| !window.is_burst));
}

#[test]
fn windows_are_decided_as_soon_as_those_after_them_are_known() {
    let options = BurstOptions { neighbours: 8, false_rate: 0.01 };
    let sums = EventSums { shots: 10, events: 20, squares: 60 };
    let mut bursts = Bursts::new(&options).unwrap();
    let mut decided = 0;
    for pushed in 1..100u64 {
        bursts.push(&sums).unwrap();
        while bursts.pop().is_some() {
            decided += 1;
        }
        assert_eq!(decided, if pushed < 17 { 0 } else { pushed - 8 });
        assert_eq!(bursts.waiting(), pushed - decided);
    }
    bursts.finish();
    assert_eq!(std::iter::from_fn(|| bursts.pop()).count(), 8);
    assert_eq!(bursts.push(&sums).unwrap_err().status(), Some(Status::Argument));

    // Windows that are not popped are not lost, and not overwritten.
    let mut bursts = Bursts::new(&options).unwrap();
    let pushed = (0..100).take_while(|_| bursts.push(&sums).is_ok()).count();
    assert_eq!(pushed, 34);
    assert_eq!(bursts.push(&sums).unwrap_err().status(), Some(Status::Limit));
    assert_eq!(std::iter::from_fn(|| bursts.pop()).map(|window| window.index).max(), Some(25));
    bursts.push(&sums).unwrap();

    // Too few windows are no ground; and silence is none.
    for (count, is_judged) in [(8, false), (9, true)] {
        let mut bursts = Bursts::new(&options).unwrap();
        for i in 0..count {
            bursts.push(&EventSums { shots: 10, events: 90 * u64::from(i == 3), squares: 0 }).unwrap();
        }
        bursts.finish();
        let found: Vec<_> = std::iter::from_fn(|| bursts.pop()).collect();
        assert_eq!(found.len(), count);
        for (i, window) in found.iter().enumerate() {
            assert_eq!((window.is_judged, window.is_burst), (is_judged, is_judged && i == 3), "{window:?}");
        }
    }
    assert!(bursts.heap_bytes() > 34 * 32);
    for (neighbours, false_rate) in [(7, 0.1), (4097, 0.1), (8, 0.0), (8, 1.0), (8, f64::NAN)] {
        let error = Bursts::new(&BurstOptions { neighbours, false_rate }).unwrap_err();
        assert_eq!(error.status(), Some(Status::Argument), "{neighbours} {false_rate}");
    }
    assert!(bursts.push(&EventSums::default()).is_err());
}

#[test]
fn events_are_summed_over_shots() {
    let mut random = Random(1);
    for bits in [0, 1, 7, 8, 63, 64, 65, 130] {
        let mut shots = Shots::zeroed(bits, 50);
        for shot in 0..50 {
            for bit in 0..bits {
                shots.row_mut(shot)[bit / 8] |= u8::from(random.below(3) == 0) << (bit % 8);
            }
        }
        let counts: Vec<_> = (0..50).map(|shot| shots.ones(shot).count() as u64).collect();
        let expected = EventSums {
            shots: 50,
            events: counts.iter().sum(),
            squares: counts.iter().map(|events| events * events).sum(),
        };
        assert_eq!(EventSums::of(&shots), expected);
    }
}

/// Blocks of shots, each from a model of its own.
fn drift_of<M: std::borrow::Borrow<DetectorErrorModel>>(blocks: &[(M, u64, usize)]) -> Drift {
    let mut block = Moments::for_model(blocks[0].0.borrow()).unwrap();
    let mut drift = Drift::new(blocks[0].0.borrow().detector_count() as u32).unwrap();
    for (model, seed, shots) in blocks {
        let shots = sample(model.borrow(), *seed, *shots);
        count(&mut block, &shots);
        drift.add(&block, &EventSums::of(&shots)).unwrap();
    }
    drift
}

#[test]
fn stationary_shots_drift_at_the_stated_rate() {
    // Blocks with three events of a detector, or fifty; a short one at the end.
    for (p, size, blocks) in [(0.002, 300, 10), (0.01, 200, 20), (0.01, 1000, 2)] {
        let model = memory(3, p);
        let mut alarms = [0; 3];
        for experiment in 0..200 {
            let blocks: Vec<_> = (0..blocks)
                .map(|b| (&model, 1000 * experiment + b, if b + 1 == blocks { size / 4 } else { size }))
                .collect();
            let report = drift_of(&blocks).test(0.05).unwrap();
            let events = report.events.log10_p < 0.05f64.log10();
            let detectors = report.detectors.iter().any(|detector| detector.is_significant);
            assert_eq!(report.has_drift, events || detectors);
            for (alarm, is_found) in alarms.iter_mut().zip([detectors, events, report.has_drift]) {
                *alarm += u32::from(is_found);
            }
        }
        assert!(alarms[0] <= at_most(200, 0.05) && alarms[1] <= at_most(200, 0.05), "{p}: {alarms:?}");
        assert!(alarms[2] > 3, "the level is used: {alarms:?}");
    }
}

#[test]
fn drift_jumps_and_wandering_are_found() {
    let model = memory(3, 0.005);
    let with_rate = |p: f64| with_error(&model, &format!("error({p}) D7"));
    let blocks =
        |rate: &dyn Fn(u64) -> f64| -> Vec<_> { (0..20).map(|b| (with_rate(rate(b)), b, 1000)).collect() };
    let rising = drift_of(&blocks(&|b| 0.001 + 0.002 * b as f64)).test(0.01).unwrap();
    let first = rising.detectors[0];
    assert!(rising.has_drift && first.is_significant && first.detector == 7, "{rising:?}");
    assert!(first.trend_z > 5.0 && (first.change - 0.04).abs() < 0.015, "{first:?}");
    assert_eq!(rising.detectors.iter().filter(|detector| detector.is_significant).count(), 1);
    assert!(rising.events.trend_z > 0.0 && rising.events.change > 0.0);
    assert_eq!((rising.blocks, rising.shots), (20, 20_000));

    let jumping = drift_of(&blocks(&|b| if b % 2 == 0 { 0.001 } else { 0.041 })).test(0.01).unwrap();
    let first = jumping.detectors[0];
    assert!(first.is_significant && first.detector == 7 && first.trend_z.abs() < 4.0, "{first:?}");
    assert!(first.chi_square > 3.0 * first.freedom && (first.spread - 0.0185).abs() < 0.005, "{first:?}");

    // A little everywhere, which no detector shows by itself.
    let everywhere: Vec<_> = (0..20).map(|b| (memory(3, 0.005 + 0.00003 * b as f64), b, 2000)).collect();
    let report = drift_of(&everywhere).test(0.01).unwrap();
    assert!(
        report.has_drift && report.events.log10_p < -4.0 && report.events.trend_z > 4.0,
        "{:?}",
        report.events
    );
    let expected = EventSums::of(&sample(&everywhere[19].0, 50, 40_000)).events as f64
        - EventSums::of(&sample(&everywhere[0].0, 51, 40_000)).events as f64;
    assert!((report.events.change - expected / 40_000.0).abs() < 0.1, "{} {expected}", report.events.change);
}

#[test]
fn two_blocks_are_compared_by_all_their_sets() {
    let model = memory(3, 0.005);
    let blocks = |model: &DetectorErrorModel, seed, shots| {
        let mut moments = Moments::for_model(&memory(3, 0.005)).unwrap();
        moments.add(&sample(model, seed, shots)).unwrap();
        moments
    };
    let alarms = (0..200)
        .filter(|&seed| {
            let (z, log10_p) =
                blocks(&model, 2 * seed, 1500).compare(&blocks(&model, 2 * seed + 1, 500)).unwrap();
            assert_eq!(z.len(), blocks(&model, 0, 1).set_count());
            log10_p < 0.05f64.log10()
        })
        .count();
    assert!(alarms as u32 <= at_most(200, 0.05), "{alarms}");

    let before = blocks(&model, 1, 5000);
    let after = blocks(&with_error(&model, "error(0.03) D3 D7"), 2, 5000);
    let (z, log10_p) = before.compare(&after).unwrap();
    assert!(log10_p < -6.0, "{log10_p}");
    let place = |set: &[u32]| before.find(set).unwrap();
    assert!(z[place(&[3])] > 5.0 && z[place(&[7])] > 5.0, "{z:?}");
    let mut others = Moments::with_sets(24, &[[0]], &MomentsOptions::default()).unwrap();
    others.add(&sample(&model, 1, 10)).unwrap();
    for other in [others, Moments::for_model(&model).unwrap()] {
        assert_eq!(before.compare(&other).unwrap_err().status(), Some(Status::Argument));
    }
}

#[test]
fn classes_that_cannot_be_learned_are_named() {
    let text = "error(0.02) D0 D1\nerror(0.01) D0 D1 L0\nerror(0.0001) D1\nerror(0.03) D0\nerror(0.1) D2 D3 D4 D5 D6\n\
                error(0.01) L0\nerror(0.02) D7 D8\nerror(0.001) D7\nerror(0.001) D8";
    let model = parse(text);
    let options = RatesOptions {
        method: RatesMethod::ClosedForm,
        shrinkage: Shrinkage::None,
        ..RatesOptions::default()
    };
    let mut moments = Moments::for_model(&model).unwrap();
    let mut rates = Rates::with_options(&model, &moments, &options).unwrap();
    assert!(rates.judge().classes.iter().all(|class| class.is_kept), "nothing was fitted");
    moments.add(&sample(&model, 1, 2000)).unwrap();
    rates.fit(&moments).unwrap();
    let judged = rates.judge();
    let of = |detectors: &[u32]| {
        judged.classes[rates.classes().position(|class| class.detectors == detectors).unwrap()]
    };
    assert!(of(&[]).is_invisible && of(&[]).is_kept);
    assert!(of(&[0, 1]).is_shared && !of(&[0, 1]).is_unsure && !of(&[0, 1]).is_boundary);
    assert!(of(&[1]).is_boundary && of(&[1]).is_unsure && !of(&[1]).is_shared);
    assert!(of(&[0]).is_boundary && !of(&[0]).is_unsure);
    assert!(of(&[2, 3, 4, 5, 6]).is_kept && !of(&[2, 3, 4, 5, 6]).is_unsure);
    assert!(!judged.has_few_shots && judged.classes.iter().all(|class| !class.is_negative));

    // Of ten shots most of it is unsure. And an error that shifts the rate of a boundary below 0.
    moments.clear();
    moments.add(&sample(&model, 1, 10)).unwrap();
    rates.fit(&moments).unwrap();
    assert!(rates.judge().has_few_shots);
    // Rates that are drawn to the prior are judged by the same shots alone.
    let mut drawn = Rates::new(&model, &moments).unwrap();
    drawn.fit(&moments).unwrap();
    assert!(drawn.judge().has_few_shots);
    let narrow =
        parse("error(0.02) D0 D1\nerror(0.02) D1 D2\nerror(0.02) D0 D2\nerror(0.01) D0\nerror(0.01) D1");
    let truth = parse("error(0.06) D0 D1 D2\nerror(0.01) D0");
    let mut moments = Moments::for_model(&narrow).unwrap();
    let mut rates = Rates::with_options(&narrow, &moments, &options).unwrap();
    moments.add(&sample(&truth, 1, 5000)).unwrap();
    rates.fit(&moments).unwrap();
    let negative: Vec<_> = rates
        .classes()
        .zip(rates.judge().classes)
        .filter(|(_, judged)| judged.is_negative)
        .map(|(class, _)| class.detectors)
        .collect();
    assert_eq!(negative, [&[0][..], &[1]]);
}

#[test]
fn bad_arguments_of_checks_are_refused() {
    let model = memory(3, 0.005);
    let mut moments = all_pairs(&model);
    let status = |result: Result<Residuals, outrider::Error>| result.unwrap_err().status();
    assert_eq!(status(Residuals::new(&model, &moments, 0.01)), Some(Status::Argument), "no shots");
    moments.add(&sample(&model, 1, 100)).unwrap();
    for level in [0.0, 1.0, f64::NAN] {
        assert_eq!(status(Residuals::new(&model, &moments, level)), Some(Status::Argument), "{level}");
    }
    assert_eq!(status(Residuals::new(&memory(4, 0.005), &moments, 0.01)), Some(Status::Argument));
    let pairs = |count, near| Moments::for_pairs(count, near, &MomentsOptions::default());
    assert_eq!(pairs(8192, None).unwrap_err().status(), Some(Status::Limit));
    assert!(pairs(2, Some((&[0], 1))).is_err());
    assert_eq!(pairs(0, None).unwrap().set_count(), 0);

    // Sets may be missing, and then they are not tested.
    let mut some =
        Moments::with_sets(24, &[vec![0], vec![1], vec![0, 1], vec![1, 2]], &MomentsOptions::default())
            .unwrap();
    some.add(&sample(&model, 1, 5000)).unwrap();
    let found = Residuals::new(&model, &some, 0.01).unwrap();
    assert_eq!((found.pairs().count(), found.detectors().len(), found.summary().untested), (1, 2, 1));
    assert!(found.heap_bytes() > 100);

    let mut drift = Drift::new(24).unwrap();
    let sums = EventSums { shots: 100, events: 10, squares: 10 };
    let refused =
        |drift: &mut Drift, block: &Moments, sums: EventSums| drift.add(block, &sums).unwrap_err().status();
    assert_eq!(
        refused(&mut drift, &some, EventSums { shots: 5000, ..sums }),
        Some(Status::Argument),
        "missing sets"
    );
    assert_eq!(refused(&mut drift, &moments, EventSums { shots: 99, ..sums }), Some(Status::Argument));
    let fading = MomentsOptions { fade_shift: 3, ..MomentsOptions::default() };
    let mut fading = Moments::for_model_with(&model, &fading).unwrap();
    fading.add(&sample(&model, 1, 100)).unwrap();
    assert_eq!(refused(&mut drift, &fading, sums), Some(Status::Argument));
    drift.add(&moments, &sums).unwrap();
    assert_eq!(drift.test(0.01).unwrap_err().status(), Some(Status::Argument), "one block");
    drift.add(&moments, &sums).unwrap();
    assert_eq!(drift.test(0.0).unwrap_err().status(), Some(Status::Argument));
    assert!(!drift.test(0.01).unwrap().has_drift && drift.heap_bytes() > 24 * 24);
    assert_eq!(Drift::new((1 << 24) + 1).unwrap_err().status(), Some(Status::Limit));
}
