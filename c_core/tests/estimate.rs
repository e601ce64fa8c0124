//! Noise learned from detection events: counts against naive ones, estimates against the truth they were made from.

use outrider::{
    Circuit, DetectorErrorModel, Error, Isa, Moments, MomentsOptions, Rate, Rates, RatesMethod, RatesOptions,
    Sampler, SamplerOptions, Shots, Shrinkage, Status, StimNoise, SurfaceCode, TimeAxis,
};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use crate::support::random::Random;

/// Random distinct detectors, ascending.
fn random_set(random: &mut Random, detectors: usize, size: usize) -> Vec<u32> {
    let mut set = BTreeSet::new();
    while set.len() < size {
        set.insert(random.below(detectors) as u32);
    }
    set.into_iter().collect()
}

fn random_shots(random: &mut Random, detectors: usize, count: usize) -> Shots {
    let mut shots = Shots::new(detectors);
    for _ in 0..count {
        let mut row = vec![0; detectors.div_ceil(8)];
        for detector in 0..detectors {
            row[detector / 8] |= u8::from(random.below(4) == 0) << (detector % 8);
        }
        shots.push(&row).unwrap();
    }
    shots
}

fn is_odd(row: &[u8], set: &[u32]) -> bool {
    set.iter().fold(0, |sum, &detector| sum ^ row[detector as usize / 8] >> (detector % 8)) & 1 == 1
}

fn part(shots: &Shots, begin: usize, end: usize) -> Shots {
    let mut part = Shots::new(shots.bits());
    (begin..end).for_each(|shot| part.push(shots.row(shot)).unwrap());
    part
}

/// A model of errors of up to four detectors, without two of the same symptom, none above `p_max`.
fn random_model(random: &mut Random, detectors: usize, errors: usize, p_max: f64) -> String {
    let mut text = format!("detector D{}\nlogical_observable L0\n", detectors - 1);
    let mut seen = BTreeSet::new();
    for _ in 0..errors {
        let size = 1 + random.below(4.min(detectors));
        let set = random_set(random, detectors, size);
        if seen.insert(set.clone()) {
            let p = p_max * (1 + random.below(1000)) as f64 / 1000.0;
            write!(text, "error({p})").unwrap();
            set.iter().for_each(|detector| write!(text, " D{detector}").unwrap());
            writeln!(text, "{}", [" L0", ""][random.below(2)]).unwrap();
        }
    }
    text
}

#[test]
fn counts_are_those_of_a_naive_loop_for_every_split() {
    let random = &mut Random(1);
    for detectors in [1, 7, 8, 63, 64, 65, 130] {
        let sets: Vec<Vec<u32>> = (0..40)
            .map(|_| {
                let size = 1 + random.below(6.min(detectors));
                random_set(random, detectors, size)
            })
            .collect();
        for count in [0, 1, 63, 64, 65, 4095, 4096, 4097, 8300] {
            let shots = random_shots(random, detectors, count);
            for isa in Isa::ALL.into_iter().filter(|isa| isa.is_available()) {
                let options = MomentsOptions { isa, ..MomentsOptions::default() };
                let new = || Moments::with_sets(detectors as u32, &sets, &options).unwrap();
                let (mut whole, mut split, mut merged) = (new(), new(), new());
                whole.add(&shots).unwrap();
                let mut begin = 0;
                while begin < count {
                    let end = (begin + 1 + random.below(5000)).min(count);
                    let piece = part(&shots, begin, end);
                    split.add(&piece).unwrap();
                    let mut other = new();
                    other.add(&piece).unwrap();
                    merged.merge(&other).unwrap();
                    begin = end;
                }
                assert_eq!((whole.counts(), whole.shots()), (split.counts(), count as u64), "{isa}");
                assert_eq!((whole.counts(), whole.shots()), (merged.counts(), merged.shots()), "{isa}");
                assert_eq!(whole.effective_shots(), count as f64);
                for (set, &found) in whole.sets().zip(whole.counts()) {
                    let expected = shots.rows().filter(|row| is_odd(row, set)).count();
                    assert_eq!(found, expected as u64, "{isa} {set:?} of {count} shots");
                }
                whole.clear();
                assert_eq!((whole.shots(), whole.counts().iter().sum::<u64>()), (0, 0));
                assert!(whole.means().iter().all(|&mean| mean == 1.0));
            }
        }
    }
}

#[test]
fn sets_are_distinct_and_ordered() {
    let sets = [vec![3, 1], vec![2], vec![1, 3], vec![0, 1, 2], vec![0], vec![2, 0]];
    let moments = Moments::with_sets(4, &sets, &MomentsOptions::default()).unwrap();
    let found: Vec<_> = moments.sets().collect();
    assert_eq!(found, [&[0][..], &[2], &[0, 2], &[1, 3], &[0, 1, 2]]);
    for (i, set) in found.iter().enumerate() {
        assert_eq!(moments.find(set), Some(i));
    }
    assert_eq!([moments.find(&[1]), moments.find(&[]), moments.find(&[0, 1, 2, 3])], [None; 3]);
}

#[test]
fn a_model_gives_its_own_sets() {
    let text = "error(0.1) D0 D1 ^ D2 D3\nerror(0.1) D3 D4 L0\nerror(0.1) D3 D4\nerror(0.1) D4 D5 D6 D7 D8\n\
                error(0.1) D9\nerror(0) D0 D9";
    let model = DetectorErrorModel::parse(text).unwrap();
    let inside = Moments::for_model(&model).unwrap();
    let mut expected: BTreeSet<Vec<u32>> = (0..10).map(|detector| vec![detector]).collect();
    expected.extend((1..16u32).map(|subset| (0..4).filter(|k| subset >> k & 1 == 1).collect::<Vec<u32>>()));
    expected.insert(vec![3, 4]);
    expected.extend((4..9).flat_map(|a| (a + 1..9).map(move |b| vec![a, b])));
    assert_eq!(inside.sets().map(<[u32]>::to_vec).collect::<BTreeSet<_>>(), expected);
    assert_eq!(inside.set_count(), expected.len());

    let options = MomentsOptions { with_outside: true, ..MomentsOptions::default() };
    let outside = Moments::for_model_with(&model, &options).unwrap();
    expected.extend([[0, 4], [1, 4], [2, 4], [3, 5], [3, 6], [3, 7], [3, 8]].map(Vec::from));
    assert_eq!(outside.sets().map(<[u32]>::to_vec).collect::<BTreeSet<_>>(), expected);
}

#[test]
fn fading_counts_do_not_depend_on_the_split() {
    let random = &mut Random(2);
    let (detectors, count, block) = (20, 3000, 100u32);
    let shots = random_shots(random, detectors, count);
    let sets: Vec<_> = (1..8).map(|size| random_set(random, detectors, size)).collect();
    for fade_shift in [1, 3, 16] {
        let options = MomentsOptions { fade_shift, block_shots: block, ..MomentsOptions::default() };
        let mut moments = Moments::with_sets(detectors as u32, &sets, &options).unwrap();
        let mut begin = 0;
        while begin < count {
            let end = (begin + 1 + random.below(230)).min(count);
            moments.add(&part(&shots, begin, end)).unwrap();
            begin = end;
        }
        let fade = |sum: u64| sum - (sum >> fade_shift);
        let (mut total, mut squares) = (0u64, 0u64);
        let mut counts = vec![0u64; moments.set_count()];
        for block in 0..count / block as usize {
            let rows: Vec<_> = (block * 100..block * 100 + 100).map(|shot| shots.row(shot)).collect();
            total = fade(total) + (100 << Moments::FADING_BITS);
            squares = fade(fade(squares)) + (100 << Moments::FADING_BITS);
            for (count, set) in counts.iter_mut().zip(moments.sets()) {
                let odd = rows.iter().filter(|row| is_odd(row, set)).count() as u64;
                *count = fade(*count) + (odd << Moments::FADING_BITS);
            }
        }
        assert_eq!((moments.counts(), moments.shots()), (&counts[..], total));
        let unit = f64::from(1u32 << Moments::FADING_BITS);
        let (weights, squares) = (total as f64 / unit, squares as f64 / unit);
        assert!((moments.effective_shots() - weights * weights / squares).abs() < 1e-9);
        let mut other = Moments::with_sets(detectors as u32, &sets, &options).unwrap();
        assert_eq!(other.merge(&moments).unwrap_err().status(), Some(Status::Argument));
    }
}

/// The distribution of events, by adding up every set of errors, and from it the mean of each set.
#[test]
fn expected_means_are_those_of_all_sets_of_errors() {
    let random = &mut Random(3);
    for _ in 0..200 {
        let detectors = 1 + random.below(6);
        let mut text = random_model(random, detectors, 10, 0.4);
        if random.below(2) == 0 {
            writeln!(text, "error(0.8) D0\nerror(1) D{}\nerror(0.3) D0 L0", detectors - 1).unwrap();
        }
        let model = DetectorErrorModel::parse(&text).unwrap();
        let mut chances = vec![0.0; 1 << detectors];
        chances[0] = 1.0;
        for line in text.lines().filter(|line| line.starts_with("error")) {
            let (p, targets) = line["error(".len()..].split_once(')').unwrap();
            let p: f64 = p.parse().unwrap();
            let mask = targets
                .split_whitespace()
                .filter_map(|target| target.strip_prefix('D'))
                .fold(0, |mask, detector| mask ^ 1usize << detector.parse::<u32>().unwrap());
            chances = (0..chances.len())
                .map(|events| (1.0 - p) * chances[events] + p * chances[events ^ mask])
                .collect();
        }
        let moments = Moments::for_model(&model).unwrap();
        for (set, found) in moments.sets().zip(moments.expected(&model).unwrap()) {
            let mask = set.iter().fold(0usize, |mask, detector| mask | 1 << detector);
            let expected: f64 = (chances.iter().enumerate())
                .map(|(events, p)| if (events & mask).count_ones() % 2 == 1 { -p } else { *p })
                .sum();
            assert!((found - expected).abs() < 1e-14, "{found} {expected} {set:?} of\n{text}");
        }
    }
}

#[test]
fn bad_sets_and_options_are_refused() {
    let usual = MomentsOptions::default();
    let status = |detectors: u32, set: &[u32], options: &MomentsOptions| {
        Moments::with_sets(detectors, &[set], options).map(|_| ()).map_err(|error| error.status().unwrap())
    };
    assert_eq!(status(3, &[0, 2], &usual), Ok(()));
    assert_eq!(status(3, &[0, 3], &usual), Err(Status::Index));
    assert_eq!(status(3, &[], &usual), Err(Status::Argument));
    assert_eq!(status(3, &[1, 0, 1], &usual), Err(Status::Argument));
    assert_eq!(status(1 << 24, &[0], &usual), Ok(()));
    assert_eq!(status((1 << 24) + 1, &[0], &usual), Err(Status::Limit));
    let long: Vec<u32> = (0..65).collect();
    assert_eq!(status(100, &long[..64], &usual), Ok(()));
    assert_eq!(status(100, &long, &usual), Err(Status::Limit));
    for (fade_shift, block_shots, expected) in [
        (17, 1, Err(Status::Argument)),
        (16, 0, Err(Status::Argument)),
        (1, (1 << 30) + 1, Err(Status::Argument)),
        (16, 1 << 30, Ok(())),
        (0, 0, Ok(())),
    ] {
        let options = MomentsOptions { fade_shift, block_shots, ..usual };
        assert_eq!(status(3, &[0], &options), expected, "{fade_shift} {block_shots}");
    }

    let mut moments = Moments::with_sets(9, &[[0, 8]], &usual).unwrap();
    assert!(moments.add(&Shots::zeroed(8, 1)).is_err());
    let other = Moments::with_sets(9, &[[0, 7]], &usual).unwrap();
    assert_eq!(moments.merge(&other).unwrap_err().status(), Some(Status::Argument));
    let model = DetectorErrorModel::parse("error(0.1) D0").unwrap();
    assert_eq!(moments.expected(&model).unwrap_err().status(), Some(Status::Argument));
    assert_eq!(Moments::for_model(&DetectorErrorModel::parse("").unwrap()).unwrap().set_count(), 0);
}

const CLOSED_FORM: RatesOptions =
    RatesOptions { method: RatesMethod::ClosedForm, floor: 0.05, shrinkage: Shrinkage::None };

/// The same errors with other probabilities, each times a factor.
fn with_factors(text: &str, mut factor: impl FnMut() -> f64) -> String {
    let mut other = String::new();
    for line in text.lines() {
        match line.strip_prefix("error(").and_then(|rest| rest.split_once(')')) {
            Some((p, targets)) => {
                writeln!(other, "error({}){targets}", p.parse::<f64>().unwrap() * factor()).unwrap();
            }
            None => writeln!(other, "{line}").unwrap(),
        }
    }
    other
}

/// A factor whose logarithm is normal with the given spread, but for the tails.
fn lognormal(random: &mut Random, spread: f64) -> f64 {
    let sum: f64 = (0..12).map(|_| random.below(1 << 20) as f64 / f64::from(1 << 20)).sum();
    (spread * (sum - 6.0)).exp()
}

/// The attenuation of each class of `text`, whatever rates were learned.
fn attenuations(text: &str) -> Vec<f64> {
    let model = DetectorErrorModel::parse(text).unwrap();
    let moments = Moments::for_model(&model).unwrap();
    Rates::new(&model, &moments).unwrap().classes().map(|class| class.prior).collect()
}

fn sample(text: &str, seed: u64, shots: usize) -> Shots {
    let model = DetectorErrorModel::parse(text).unwrap();
    let options = SamplerOptions { seed, ..SamplerOptions::default() };
    let mut sampler = Sampler::with_options(&model, &options).unwrap();
    let (mut detectors, mut observables) = sampler.batches();
    sampler.sample(0, shots, &mut detectors, &mut observables).unwrap();
    detectors
}

#[test]
fn closed_forms_are_exact_on_exact_means() {
    let random = &mut Random(4);
    for _ in 0..200 {
        let detectors = 1 + random.below(9);
        let count = 1 + random.below(30);
        let prior = random_model(random, detectors, count, 0.05);
        let truth = with_factors(&prior, || 2.0 * (1 + random.below(1000)) as f64 / 1000.0);
        let prior = DetectorErrorModel::parse(&prior).unwrap();
        let moments = Moments::for_model(&prior).unwrap();
        let mut rates = Rates::with_options(&prior, &moments, &CLOSED_FORM).unwrap();
        assert!(rates.classes().all(|class| class.is_kept && class.attenuation == class.prior));
        let means = moments.expected(&DetectorErrorModel::parse(&truth).unwrap()).unwrap();
        rates.fit_means(&means, 1e4).unwrap();
        for (class, expected) in rates.classes().zip(attenuations(&truth)) {
            assert!(!class.is_kept && !class.is_not_positive);
            let found = class.attenuation;
            assert!((found - expected).abs() < 1e-12, "{found} {expected} {:?} of\n{truth}", class.detectors);
        }
        let bytes = [rates.heap_bytes(), moments.heap_bytes()];
        assert!(bytes.iter().all(|&bytes| bytes > 8 * moments.set_count()), "{bytes:?}");
        let learned = rates.model(&prior).unwrap();
        for (found, expected) in moments.expected(&learned).unwrap().iter().zip(&means) {
            assert!((found - expected).abs() < 1e-12 || rates.summary().floored > 0);
        }
    }
}

#[test]
fn the_regression_finds_the_rates_behind_exact_means() {
    let random = &mut Random(5);
    for _ in 0..50 {
        let detectors = 2 + random.below(8);
        let count = 1 + random.below(30);
        let prior = random_model(random, detectors, count, 0.05);
        let truth = with_factors(&prior, || 0.5 + random.below(1000) as f64 / 1000.0);
        let prior = DetectorErrorModel::parse(&prior).unwrap();
        let moments = Moments::for_model(&prior).unwrap();
        let options = RatesOptions { shrinkage: Shrinkage::Spread(100.0), ..RatesOptions::default() };
        let mut rates = Rates::with_options(&prior, &moments, &options).unwrap();
        rates
            .fit_means(&moments.expected(&DetectorErrorModel::parse(&truth).unwrap()).unwrap(), 1e12)
            .unwrap();
        let summary = rates.summary();
        assert!(summary.iterations < 5000 && summary.chi_square < 1e-3, "{summary:?} of\n{truth}");
        for (class, expected) in rates.classes().zip(attenuations(&truth)) {
            let found = class.attenuation;
            assert!((found - expected).abs() < 1e-6, "{found} {expected} {:?} of\n{truth}", class.detectors);
        }
    }
}

/// p_ij as Google prints it (Nature 595, 383, supplementary equation 11), from averages of events.
#[test]
fn pairs_have_the_published_p_ij() {
    let text = "error(0.05) D0 D1\nerror(0.08) D1 D2\nerror(0.02) D0 D2\nerror(0.04) D0\nerror(0.01) D2 L0";
    let model = DetectorErrorModel::parse(text).unwrap();
    let shots = sample(text, 1, 10_000);
    let mut moments = Moments::for_model(&model).unwrap();
    moments.add(&shots).unwrap();
    let mut rates = Rates::with_options(&model, &moments, &CLOSED_FORM).unwrap();
    rates.fit(&moments).unwrap();
    let share =
        |mask: u8| shots.rows().filter(|row| row[0] & mask == mask).count() as f64 / shots.len() as f64;
    for class in rates.classes().filter(|class| class.detectors.len() == 2) {
        let (i, j) = (1 << class.detectors[0], 1 << class.detectors[1]);
        let (x, y, both) = (share(i), share(j), share(i | j));
        let expected =
            0.5 - 0.5 * (1.0 - 4.0 * (both - x * y) / (1.0 - 2.0 * x - 2.0 * y + 4.0 * both)).sqrt();
        assert!((class.probability() - expected).abs() < 1e-12, "{} {expected}", class.probability());
    }
}

/// Shares of estimates within one and two standard errors of the truth, over repeated experiments.
fn coverage(prior: &str, truths: &[String], shots: usize, options: &RatesOptions) -> ([f64; 2], f64) {
    let prior = DetectorErrorModel::parse(prior).unwrap();
    let mut moments = Moments::for_model(&prior).unwrap();
    let mut rates = Rates::with_options(&prior, &moments, options).unwrap();
    let (mut within, mut count, mut squares) = ([0.0; 2], 0.0, 0.0);
    for (seed, truth) in truths.iter().enumerate() {
        moments.clear();
        moments.add(&sample(truth, seed as u64, shots)).unwrap();
        rates.fit(&moments).unwrap();
        for (class, expected) in rates.classes().zip(attenuations(truth)) {
            let error = (class.attenuation - expected).abs();
            within[0] += f64::from(u8::from(error < class.deviation));
            within[1] += f64::from(u8::from(error < 2.0 * class.deviation));
            squares += (error / expected).powi(2);
            count += 1.0;
        }
    }
    (within.map(|within| within / count), (squares / count).sqrt())
}

/// There are 300 experiments of about 25 classes. Their errors depend on one another, so that bounds are those of a
/// binomial distribution of a tenth of them.
#[test]
fn standard_errors_cover_the_truth() {
    let random = &mut Random(6);
    let truth = random_model(random, 8, 30, 0.06);
    let truths = vec![truth.clone(); 300];
    let ([one, two], _) = coverage(&truth, &truths, 4000, &CLOSED_FORM);
    assert!((one - 0.683).abs() < 0.05 && (two - 0.954).abs() < 0.02, "closed form: {one} {two}");

    let truths: Vec<_> = (0..300).map(|_| with_factors(&truth, || lognormal(random, 0.3))).collect();
    let ([one, two], closed) = coverage(&truth, &truths, 4000, &CLOSED_FORM);
    assert!((one - 0.683).abs() < 0.05 && (two - 0.954).abs() < 0.03, "closed form: {one} {two}");
    let ([one, two], drawn) = coverage(&truth, &truths, 4000, &RatesOptions::default());
    assert!((one - 0.7).abs() < 0.1 && (two - 0.95).abs() < 0.04, "regression: {one} {two}");
    assert!(drawn < 0.8 * closed, "{drawn} {closed}");
    let shrunk = RatesOptions { shrinkage: Shrinkage::Fitted, ..CLOSED_FORM };
    let ([one, two], drawn) = coverage(&truth, &truths, 4000, &shrunk);
    assert!((one - 0.683).abs() < 0.06 && (two - 0.954).abs() < 0.03, "drawn to the prior: {one} {two}");
    assert!(drawn < 0.8 * closed, "{drawn} {closed}");
}

/// Factors of random groups on the errors of `text`, which are grouped by their detectors: the groups, and the same errors
/// with these factors on their attenuations.
fn tied_truth(random: &mut Random, text: &str, group_count: usize) -> (Vec<u32>, Vec<f64>, String) {
    let factors: Vec<_> = (0..group_count).map(|_| 0.4 + random.below(1000) as f64 / 1000.0).collect();
    let mut of_detectors = BTreeMap::new();
    let (mut groups, mut truth) = (Vec::new(), String::new());
    for line in text.lines().filter(|line| line.starts_with("error(")) {
        let (p, targets) = line.strip_prefix("error(").unwrap().split_once(')').unwrap();
        let detectors: BTreeSet<_> = targets.split(' ').filter(|target| target.starts_with('D')).collect();
        let group = *of_detectors.entry(detectors).or_insert_with(|| random.below(group_count + 1));
        let factor = factors.get(group).copied().unwrap_or(1.7);
        groups.push(if group == group_count { Rates::UNTIED } else { group as u32 });
        let p = 0.5 * (1.0 - (1.0 - 2.0 * p.parse::<f64>().unwrap()).powf(factor));
        writeln!(truth, "error({p}){targets}").unwrap();
    }
    (groups, factors, truth)
}

#[test]
fn tied_errors_share_one_factor() {
    let random = &mut Random(7);
    for _ in 0..100 {
        let detectors = 2 + random.below(8);
        let count = 4 + random.below(30);
        let text = random_model(random, detectors, count, 0.05);
        let (groups, factors, truth) = tied_truth(random, &text, 3);
        let prior = DetectorErrorModel::parse(&text).unwrap();
        let moments = Moments::for_model(&prior).unwrap();
        let means = moments.expected(&DetectorErrorModel::parse(&truth).unwrap()).unwrap();
        let tight = RatesOptions { shrinkage: Shrinkage::Spread(100.0), ..RatesOptions::default() };
        for (options, shots, tolerance) in [(CLOSED_FORM, 1e4, 1e-12), (tight, 1e12, 1e-6)] {
            let mut rates = Rates::tied(&prior, &groups, &moments, &options).unwrap();
            assert!((0..3).all(|group| rates.group_factor(group).is_none_or(|factor| factor == 1.0)));
            rates.fit_means(&means, shots).unwrap();
            for (class, expected) in rates.classes().zip(attenuations(&truth)) {
                let found = class.attenuation;
                assert!((found - expected).abs() < tolerance, "{options:?} {found} {expected} of\n{truth}");
            }
            for group in groups.iter().filter(|&&group| group != Rates::UNTIED) {
                let found = rates.group_factor(*group).unwrap();
                assert!((found - factors[*group as usize]).abs() < 1e3 * tolerance, "{found} {factors:?}");
            }
            assert_eq!(rates.group_factor(u32::MAX - 1), None);
        }
    }
}

/// Covariances against those of repeated experiments; the sum of two rates that share detectors is surer than either.
#[test]
fn covariances_are_those_of_repeated_experiments() {
    let text = "error(0.05) D0 D1\nerror(0.05) D0\nerror(0.05) D1\nerror(0.03) D1 D2\nerror(0.02) D2\nerror(0.04) L0";
    let prior = DetectorErrorModel::parse(text).unwrap();
    let mut moments = Moments::for_model(&prior).unwrap();
    let mut rates = Rates::with_options(&prior, &moments, &CLOSED_FORM).unwrap();
    let classes: Vec<u32> = (0..rates.classes().len() as u32).collect();
    let n = classes.len();
    let (mut found, mut expected, mut means) = (vec![0.0; n * n], vec![0.0; n * n], vec![0.0; n]);
    let experiments = 2000.0;
    for seed in 0..experiments as u64 {
        moments.clear();
        moments.add(&sample(text, seed, 2000)).unwrap();
        rates.fit(&moments).unwrap();
        let attenuations: Vec<_> = rates.classes().map(|class| class.attenuation - class.prior).collect();
        for (i, a) in attenuations.iter().enumerate() {
            means[i] += a / experiments;
            for (k, b) in attenuations.iter().enumerate() {
                found[i * n + k] += a * b / experiments;
            }
        }
        if seed % 100 == 0 {
            let once = rates.covariance(&classes).unwrap();
            expected.iter_mut().zip(once).for_each(|(sum, value)| *sum += value / (experiments / 100.0));
        }
    }
    for i in 1..n {
        for k in 1..n {
            let covariance = found[i * n + k] - means[i] * means[k];
            let scale = (expected[i * n + i] * expected[k * n + k]).sqrt();
            assert!(
                (covariance - expected[i * n + k]).abs() < 0.1 * scale,
                "{i} {k}: {covariance} {expected:?}"
            );
        }
    }
    // Classes are (), (0), (0, 1), (1), ..: an edge and the boundary beside it.
    assert!(expected[n + 2] < -0.1 * expected[n + 1] && expected[0].is_infinite() && expected[1] == 0.0);
    assert_eq!(rates.covariance(&[n as u32]).unwrap_err().status(), Some(Status::Index));
    assert_eq!(rates.covariance(&[]).unwrap(), []);
}

/// A tie is worth shots: estimates of tied classes have the error of their mean.
#[test]
fn errors_of_tied_rates_cover_the_truth() {
    let mut text = String::new();
    for i in 0..12 {
        writeln!(text, "error(0.03) D{} D{}\nerror(0.02) D{i}", 2 * i + 12, 2 * i + 13).unwrap();
        writeln!(text, "error(0.01) D{i} D{}", 2 * i + 12).unwrap();
    }
    let prior = DetectorErrorModel::parse(&text).unwrap();
    let groups: Vec<_> = (0..36).map(|i| i % 3).collect();
    let mut moments = Moments::for_model(&prior).unwrap();
    let mut tied = Rates::tied(&prior, &groups, &moments, &CLOSED_FORM).unwrap();
    let mut free = Rates::with_options(&prior, &moments, &CLOSED_FORM).unwrap();
    let (mut within, mut count) = ([0.0; 2], 0.0);
    let (mut together, mut alone) = (0.0, 0.0);
    for seed in 0..300 {
        moments.clear();
        moments.add(&sample(&text, seed, 500)).unwrap();
        tied.fit(&moments).unwrap();
        free.fit(&moments).unwrap();
        for group in 0..3 {
            let of_group = |class: &Rate<'_>| {
                let wanted = [0.03, 0.02, 0.01][group];
                (class.prior - -(1.0f64 - 2.0 * wanted).ln()).abs() < 1e-9
            };
            let class = tied.classes().find(of_group).unwrap();
            together += class.deviation;
            alone += free.classes().find(of_group).unwrap().deviation;
            let error = (class.attenuation - class.prior).abs();
            within[0] += f64::from(u8::from(error < class.deviation));
            within[1] += f64::from(u8::from(error < 2.0 * class.deviation));
            count += 1.0;
        }
    }
    // The mean of twelve has an error of 0.29 times that of one.
    assert!((together / alone - 0.289).abs() < 0.05, "{together} {alone}");
    // 900 estimates: a standard deviation is 1.5 and 0.7 %.
    let [one, two] = within.map(|within| within / count);
    assert!((one - 0.683).abs() < 0.05 && (two - 0.954).abs() < 0.025, "{one} {two}");
}

/// The parameters of a circuit make errors that share detectors.
#[test]
fn parameters_whose_errors_overlap_are_found_by_the_regression() {
    let random = &mut Random(8);
    for _ in 0..30 {
        let parts: Vec<_> = (0..3).map(|_| random_model(random, 7, 15, 0.03)).collect();
        let factors: Vec<_> = (0..3).map(|_| 0.5 + random.below(1000) as f64 / 1000.0).collect();
        let (mut groups, mut truth) = (Vec::new(), String::new());
        for (group, (part, factor)) in parts.iter().zip(&factors).enumerate() {
            for line in part.lines().filter(|line| line.starts_with("error(")) {
                groups.push(group as u32);
                let (p, targets) = line.strip_prefix("error(").unwrap().split_once(')').unwrap();
                let p = 0.5 * (1.0 - (1.0 - 2.0 * p.parse::<f64>().unwrap()).powf(*factor));
                writeln!(truth, "error({p}){targets}").unwrap();
            }
        }
        let prior = DetectorErrorModel::parse(&parts.concat()).unwrap();
        let moments = Moments::for_model(&prior).unwrap();
        let options = RatesOptions { shrinkage: Shrinkage::None, ..RatesOptions::default() };
        let mut rates = Rates::tied(&prior, &groups, &moments, &options).unwrap();
        let means = moments.expected(&DetectorErrorModel::parse(&truth).unwrap()).unwrap();
        rates.fit_means(&means, 1e12).unwrap();
        for (group, factor) in factors.iter().enumerate() {
            let found = rates.group_factor(group as u32).unwrap();
            assert!((found - factor).abs() < 1e-6, "{found} {factor}");
        }
        let error = Rates::tied(&prior, &groups, &moments, &CLOSED_FORM).unwrap_err();
        assert_eq!(error.status(), Some(Status::Unsupported));
    }
}

#[test]
fn bad_groups_are_refused() {
    let prior = DetectorErrorModel::parse("error(0.1) D0 D1\nerror(0.1) D1 L0\nerror(0) D0").unwrap();
    let moments = Moments::for_model(&prior).unwrap();
    let tied = |groups: &[u32]| Rates::tied(&prior, groups, &moments, &CLOSED_FORM).map(drop);
    assert_eq!(tied(&[0, 3, 0]).unwrap_err().status(), Some(Status::Index));
    assert!(matches!(tied(&[0, 1]).unwrap_err(), Error::Length { .. }));
    tied(&[2, Rates::UNTIED, 2]).unwrap();
}

/// Groups over time against what they are said to be, error by error.
#[test]
fn errors_are_tied_over_time_by_shape_and_place() {
    let noise = Circuit::Stim(StimNoise::uniform(0.01));
    let code = SurfaceCode::memory(3, 6).circuit(noise).build().unwrap();
    let model = code.model().unwrap();
    let groups = Rates::time_groups(&model, &TimeAxis::default()).unwrap();
    let coordinates = model.detector_coordinates().unwrap();
    let (mut first, mut last) = (BTreeMap::new(), BTreeMap::new());
    let place = |detector: u64| {
        let [x, y, round] = coordinates[detector as usize][..] else { panic!("three coordinates") };
        ((x as i64, y as i64), round as i64)
    };
    for detector in 0..model.detector_count() {
        let (place, round) = place(detector);
        first.entry(place).and_modify(|at: &mut i64| *at = round.min(*at)).or_insert(round);
        last.entry(place).and_modify(|at: &mut i64| *at = round.max(*at)).or_insert(round);
    }
    let mut shapes = BTreeMap::new();
    let mut walk = model.walk().unwrap();
    let (mut error, mut tied) = (0, 0);
    while let Some(step) = walk.step() {
        let outrider::InstructionKind::Error { targets, .. } = step.kind else { continue };
        let detectors: Vec<_> = targets
            .iter()
            .filter_map(|target| match target.kind() {
                outrider::TargetKind::Detector(detector) => Some(place(detector)),
                _ => None,
            })
            .collect();
        let is_at_end =
            detectors.iter().any(|(place, round)| first[place] == *round || last[place] == *round);
        if is_at_end || detectors.is_empty() {
            assert_eq!(groups[error], Rates::UNTIED, "{detectors:?}");
        } else {
            let begin = detectors.iter().map(|(_, round)| *round).min().unwrap();
            let shape: BTreeSet<_> = detectors.iter().map(|(place, round)| (*place, round - begin)).collect();
            assert_eq!(*shapes.entry(shape).or_insert(groups[error]), groups[error], "{detectors:?}");
            tied += 1;
        }
        error += 1;
    }
    let distinct: BTreeSet<_> = shapes.values().collect();
    assert!(distinct.len() == shapes.len() && tied > 2 * shapes.len(), "{} {tied}", shapes.len());
    let bare = DetectorErrorModel::parse("error(0.1) D0 D1").unwrap();
    let error = Rates::time_groups(&bare, &TimeAxis::default()).unwrap_err();
    assert_eq!(error.status(), Some(Status::Format));
}

#[test]
fn errors_that_syndromes_do_not_tell_apart_share_their_rate() {
    let text = "error(0.01) D0 D1 L0\nerror(0.03) D0 D1\nerror(0.02) D1\nerror(0.005) D0 D1 L0\nerror(0.004) L0\n\
                error(0.01) D1 D2 D3 D4 D5\nrepeat 2 {\nerror(0) D0\n}\ndetector(1, 2) D5";
    let prior = DetectorErrorModel::parse(text).unwrap();
    let truth = DetectorErrorModel::parse(&text.replace("(0.03)", "(0.07)")).unwrap();
    let moments = Moments::for_model(&prior).unwrap();
    let mut rates = Rates::with_options(&prior, &moments, &CLOSED_FORM).unwrap();
    rates.fit_means(&moments.expected(&truth).unwrap(), 1000.0).unwrap();
    let classes: Vec<_> = rates.classes().collect();
    let found: Vec<_> = classes.iter().map(|class| (class.detectors, class.is_kept)).collect();
    assert_eq!(found, [(&[][..], true), (&[0, 1], false), (&[1], false), (&[1, 2, 3, 4, 5], true)]);
    let a = |p: f64| -(1.0 - 2.0 * p).ln();
    assert_eq!(classes[1].observables, [0, 1]);
    let total = a(0.01) + a(0.03) + a(0.005);
    assert!((classes[1].shares[0] - a(0.03) / total).abs() < 1e-14);
    let factor = (a(0.01) + a(0.07) + a(0.005)) / total;
    let expected = [0.01, 0.03, 0.02, 0.005, 0.004, 0.01, 0.0, 0.0];
    let learned = rates.model(&prior).unwrap();
    assert_eq!((learned.detector_count(), learned.observable_count()), (6, 1));
    let mut walk = learned.walk().unwrap();
    for (i, p) in expected.into_iter().enumerate() {
        let factor = if [0, 1, 3].contains(&i) { factor } else { 1.0 };
        let outrider::InstructionKind::Error { probability, .. } = walk.step().unwrap().kind else {
            panic!()
        };
        assert!((a(probability) - factor * a(p)).abs() < 1e-12, "{i}");
    }
    assert!(matches!(walk.step().unwrap().kind, outrider::InstructionKind::Detector { .. }));
}

#[test]
fn estimates_that_are_not_positive_are_told() {
    let text =
        "error(0.1) D0 D1\nerror(0.1) D0\nerror(0.1) D1\nerror(0.1) D2 D3\nerror(0.1) D2\nerror(0.1) D3";
    let prior = DetectorErrorModel::parse(text).unwrap();
    let moments = Moments::for_model(&prior).unwrap();
    let means: Vec<_> = moments
        .sets()
        .map(|set| match set {
            [0] | [1] => 0.8,
            [0, 1] => 0.6, // below 0.8 * 0.8
            [2] => -0.1,
            _ => 0.5,
        })
        .collect();
    for method in RatesMethod::ALL {
        let shrinkage = match method {
            RatesMethod::ClosedForm => Shrinkage::None,
            RatesMethod::Regression => Shrinkage::Spread(50.0),
        };
        let options = RatesOptions { method, floor: 0.1, shrinkage };
        let mut rates = Rates::with_options(&prior, &moments, &options).unwrap();
        rates.fit_means(&means, 1e4).unwrap();
        let classes: Vec<_> = rates.classes().collect();
        let pair = classes.iter().find(|class| class.detectors == [0, 1]).unwrap();
        assert!(pair.is_floored);
        if method == RatesMethod::ClosedForm {
            assert!((pair.attenuation - (0.6f64 / 0.64).ln() / 2.0).abs() < 1e-12 && pair.is_not_positive);
            let kept: Vec<_> =
                classes.iter().filter(|class| class.is_kept).map(|class| class.detectors).collect();
            assert_eq!(kept, [&[2][..], &[2, 3]], "a mean below 0 has no logarithm");
        }
        let summary = rates.summary();
        assert_eq!(summary.floored, classes.iter().filter(|class| class.is_floored).count() as u32);
        let learned = rates.model(&prior).unwrap();
        let mut walk = learned.walk().unwrap();
        let outrider::InstructionKind::Error { probability, .. } = walk.step().unwrap().kind else {
            panic!()
        };
        let floor = 0.1 * summary.scale * -0.8f64.ln();
        assert!((-(1.0 - 2.0 * probability).ln() - floor).abs() < 1e-12, "{method}: {probability}");
    }
}

#[test]
fn bad_priors_options_and_means_are_refused() {
    let parse = |text: &str| DetectorErrorModel::parse(text).unwrap();
    let prior = parse("error(0.1) D0 D1\nerror(0.1) D1 L0");
    let moments = Moments::for_model(&prior).unwrap();
    let usual = RatesOptions::default();
    for options in [
        RatesOptions { floor: -0.1, ..usual },
        RatesOptions { floor: 1.1, ..usual },
        RatesOptions { floor: f64::NAN, ..usual },
        RatesOptions { shrinkage: Shrinkage::Spread(0.0), ..usual },
        RatesOptions { shrinkage: Shrinkage::Spread(101.0), ..usual },
        RatesOptions { shrinkage: Shrinkage::Spread(-1.0), ..usual },
    ] {
        let error = Rates::with_options(&prior, &moments, &options).unwrap_err();
        assert_eq!(error.status(), Some(Status::Argument), "{options:?}");
    }
    for text in ["error(0.1) D0", "error(0.5) D0 D1", "error(0.6) D0 D1\nerror(0.6) D0 D1"] {
        assert_eq!(
            Rates::new(&parse(text), &moments).unwrap_err().status(),
            Some(Status::Argument),
            "{text}"
        );
    }
    let mut rates = Rates::new(&prior, &moments).unwrap();
    assert_eq!(rates.fit(&moments).unwrap_err().status(), Some(Status::Argument), "no shots");
    let mut others = Moments::with_sets(2, &[[0], [1]], &MomentsOptions::default()).unwrap();
    others.add(&Shots::zeroed(2, 10)).unwrap();
    assert_eq!(rates.fit(&others).unwrap_err().status(), Some(Status::Argument), "other sets");
    assert!(rates.fit_means(&[1.0; 2], 10.0).is_err());
    for (mean, shots) in [(1.1, 10.0), (f64::NAN, 10.0), (0.5, 0.0), (0.5, f64::NAN), (0.5, f64::INFINITY)] {
        let error = rates.fit_means(&[mean; 3], shots).unwrap_err();
        assert_eq!(error.status(), Some(Status::Argument), "{mean} {shots}");
    }
    for text in ["error(0.1) D0 D1 L0", "error(0.1) D1", "error(0.1) D2 L0"] {
        assert_eq!(rates.model(&parse(text)).unwrap_err().status(), Some(Status::Argument), "{text}");
    }
    // Sets that a closed form needs may be missing, and shots without events have nothing to tell.
    let mut rates = Rates::with_options(&prior, &others, &CLOSED_FORM).unwrap();
    rates.fit(&others).unwrap();
    assert_eq!(rates.classes().map(|class| class.is_kept).collect::<Vec<_>>(), [true, false]);
    let empty = parse("");
    let moments = Moments::for_model(&empty).unwrap();
    let mut rates = Rates::new(&empty, &moments).unwrap();
    rates.fit_means(&[], 10.0).unwrap();
    assert_eq!(rates.classes().len(), 0);
    assert_eq!(rates.model(&empty).unwrap().error_count(), 0);
}
