//! Noise learned from detection events: counts against naive ones, estimates against the truth they were made from.

use outrider::{DetectorErrorModel, Isa, Moments, MomentsOptions, Shots, Status};
use std::collections::BTreeSet;
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
