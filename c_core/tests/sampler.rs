//! The sampler: the same shots everywhere, the right rates, and nothing outside the caller's rows.

use outrider_sys::*;
use std::fmt::Write;
use std::ptr;

use crate::support::random::Random;

const BLOCK: usize = OTR_SAMPLER_BLOCK_SHOTS as usize;
const AUTO: otr_isa = otr_isa::OTR_ISA_AUTO;
/// An instruction set that this machine cannot have.
const ABSENT: otr_isa =
    if cfg!(target_arch = "aarch64") { otr_isa::OTR_ISA_AVX2 } else { otr_isa::OTR_ISA_NEON };
const CANARY: u8 = 0xA5;

fn message(error: &otr_error) -> String {
    error.message.iter().take_while(|&&c| c != 0).map(|&c| c as u8 as char).collect()
}

struct Sampler {
    raw: *mut otr_sampler,
    /// Of detectors, observables, errors, edges.
    counts: [usize; 4],
}

impl Drop for Sampler {
    fn drop(&mut self) {
        // SAFETY: raw came from create and is destroyed once.
        unsafe { otr_sampler_destroy(self.raw) }
    }
}

/// Rows of detectors, observables, errors and edges, without gaps.
type Sample = [Vec<u8>; 4];

impl Sampler {
    /// With the model's graph, where it has one.
    fn try_new(text: &str, seed: u64, isa: otr_isa) -> Result<Self, (otr_status, String)> {
        let (mut model, mut graph, mut raw) = (ptr::null_mut(), ptr::null_mut(), ptr::null_mut());
        let mut error = otr_error { status: otr_status::OTR_OK, column: 0, line: 0, message: [0; 232] };
        // SAFETY: the text and all pointers are live; model and graph are not needed once the sampler exists.
        unsafe {
            let status = otr_model_parse(&mut model, text.as_ptr().cast(), text.len(), &mut error);
            assert_eq!(status, otr_status::OTR_OK, "{}", message(&error));
            let graph_status = otr_graph_create(&mut graph, model, ptr::null(), ptr::null_mut());
            assert_eq!(graph_status == otr_status::OTR_OK, !graph.is_null());
            let options = otr_sampler_options { seed, isa, graph };
            let status = otr_sampler_create(&mut raw, model, &options, &mut error);
            otr_graph_destroy(graph);
            otr_model_destroy(model);
            if status != otr_status::OTR_OK {
                assert!(raw.is_null());
                return Err((status, message(&error)));
            }
            let counts = [
                otr_sampler_detector_count(raw),
                otr_sampler_observable_count(raw),
                otr_sampler_error_count(raw),
                otr_sampler_edge_count(raw).into(),
            ];
            Ok(Self { raw, counts: counts.map(|count| count as usize) })
        }
    }

    fn new(text: &str, seed: u64) -> Self {
        Self::try_new(text, seed, AUTO).unwrap()
    }

    fn row_bytes(&self, output: usize) -> usize {
        self.counts[output].div_ceil(8)
    }

    /// Samples with the given gap between rows; outputs not wanted are NULL and come back empty.
    fn sample_with(&mut self, first: u64, count: usize, gap: usize, wanted: [bool; 4]) -> Sample {
        let strides: [usize; 4] = std::array::from_fn(|i| self.row_bytes(i) + gap);
        let mut buffers: [Vec<u8>; 4] =
            std::array::from_fn(|i| vec![CANARY; if wanted[i] { strides[i] * count + 1 } else { 0 }]);
        let [detectors, observables, errors, edges] = std::array::from_fn(|i| otr_bit_rows {
            bytes: if wanted[i] { buffers[i].as_mut_ptr() } else { ptr::null_mut() },
            stride: strides[i],
        });
        let output = otr_sampler_output { detectors, observables, errors, edges };
        // SAFETY: every buffer that is given holds `count` rows of its stride.
        let status = unsafe { otr_sampler_sample(self.raw, first, count, &output) };
        assert_eq!(status, otr_status::OTR_OK);
        std::array::from_fn(|i| {
            let bytes = self.row_bytes(i);
            if !wanted[i] {
                return Vec::new();
            }
            assert_eq!(buffers[i][strides[i] * count], CANARY);
            let mut rows = Vec::new();
            for row in 0..count {
                let row = &buffers[i][row * strides[i]..][..strides[i]];
                assert!(row[bytes..].iter().all(|&byte| byte == CANARY), "bytes between rows were touched");
                assert!((self.counts[i]..8 * bytes).all(|k| !bit(row, k)), "padding is zero");
                rows.extend_from_slice(&row[..bytes]);
            }
            rows
        })
    }

    fn sample(&mut self, first: u64, count: usize) -> Sample {
        self.sample_with(first, count, 0, [true; 4])
    }
}

fn bit(row: &[u8], index: usize) -> bool {
    row[index / 8] >> (index % 8) & 1 == 1
}

struct Error {
    probability: f64,
    detectors: Vec<usize>,
    observables: Vec<usize>,
}

/// Errors of many probabilities, those at the borders of the method first.
fn awkward_errors(count: usize) -> Vec<Error> {
    let mut random = Random(9);
    let special = [
        0.0,
        1.0,
        0.5,
        0.9,
        0.75,
        0.25,
        0.125,
        0.3,
        0.2499,
        0.01,
        0.01,
        0.01,
        0.0125,
        1e-3,
        1.0 - 1e-3,
        1e-12,
    ];
    (0..count)
        .map(|i| Error {
            probability: if i < special.len() {
                special[i]
            } else {
                2f64.powf(-9.0 * random.word() as f64 / 2f64.powi(64))
            },
            detectors: (0..random.below(5)).map(|_| random.below(100)).collect(),
            observables: (0..random.below(8) / 6).map(|_| random.below(3)).collect(),
        })
        .collect()
}

/// Targets in random order with separators between them; the repeated ones cancel.
fn text_of(errors: &[Error]) -> String {
    let mut text = "detector D99\nlogical_observable L2\n".to_owned();
    for error in errors {
        write!(text, "error({})", error.probability).unwrap();
        let observables = error.observables.iter().map(|index| format!(" L{index}"));
        let targets: Vec<String> =
            observables.chain(error.detectors.iter().map(|index| format!(" D{index}"))).collect();
        text += &targets.join(" ^");
        text.push('\n');
    }
    text
}

#[test]
fn every_instruction_set_gives_the_same_shots() {
    let text = text_of(&awkward_errors(300));
    let mut portable = Sampler::try_new(&text, 7, otr_isa::OTR_ISA_PORTABLE).unwrap();
    for isa in [
        otr_isa::OTR_ISA_NEON,
        otr_isa::OTR_ISA_AVX2,
        otr_isa::OTR_ISA_AVX512,
        otr_isa::OTR_ISA_AVX512VNNI,
        AUTO,
    ] {
        match Sampler::try_new(&text, 7, isa) {
            Ok(mut sampler) => assert!(sampler.sample(300, 2000) == portable.sample(300, 2000), "{isa:?}"),
            Err((status, _)) => {
                assert_eq!(status, otr_status::OTR_ERR_UNSUPPORTED);
                println!("skipped {isa:?}, which this machine or build lacks");
            }
        }
    }
}

/// FNV-1a of a sample: any change of the random streams, on any machine, shows here.
#[test]
fn the_shots_of_a_seed_never_change() {
    let errors: Vec<Error> = (0..200)
        .map(|i| Error {
            probability: f64::from(i % 50 + 1) / 128.0,
            detectors: vec![i as usize / 2, i as usize % 7],
            observables: if i % 9 == 0 { vec![0] } else { vec![] },
        })
        .collect();
    let sample = Sampler::new(&text_of(&errors), 0x1234_5678_9ABC_DEF0).sample(1 << 40, 777);
    let hash = |parts: &[Vec<u8>]| {
        parts.iter().flatten().fold(0xCBF2_9CE4_8422_2325u64, |hash, &byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01B3)
        })
    };
    assert_eq!(hash(&sample[..3]), 0x9B7E_61A3_7777_4F59, "{:#x}", hash(&sample[..3]));
    assert_eq!(hash(&sample[3..]), 0x498C_9365_F969_40A1, "{:#x}", hash(&sample[3..]));
}

#[test]
fn any_split_of_a_range_gives_the_same_shots() {
    let text = text_of(&awkward_errors(120));
    let mut random = Random(11);
    let count = 3 * BLOCK + 50;
    for first in [0, 1, 255, 256, 1000, (1 << 32) - 300, (1 << 63) - 400, u64::MAX - count as u64] {
        let mut sampler = Sampler::new(&text, 5);
        let whole = sampler.sample(first, count);
        for most in [1, 3, 100, BLOCK, BLOCK + 1, count] {
            let mut parts = Sample::default();
            let mut done = 0;
            while done < count {
                let part = (1 + random.below(most)).min(count - done);
                let sample = sampler.sample_with(first + done as u64, part, random.below(5), [true; 4]);
                parts.iter_mut().zip(sample).for_each(|(to, rows)| to.extend(rows));
                done += part;
            }
            assert!(parts == whole, "from {first} in parts of at most {most}");
        }
    }
}

#[test]
fn outputs_not_wanted_change_nothing() {
    let mut sampler = Sampler::new(&text_of(&awkward_errors(120)), 5);
    let all = sampler.sample(100, 400);
    for mask in 0..16 {
        let wanted: [bool; 4] = std::array::from_fn(|i| mask >> i & 1 == 1);
        let some = sampler.sample_with(100, 400, 2, wanted);
        for i in 0..4 {
            assert!(some[i] == if wanted[i] { all[i].clone() } else { vec![] }, "{wanted:?}");
        }
    }
}

#[test]
fn symptoms_are_those_of_the_errors_that_fired() {
    let errors = awkward_errors(500);
    let mut sampler = Sampler::new(&text_of(&errors), 1);
    assert_eq!(sampler.counts[..3], [100, 3, 500]);
    let count = 1000;
    let sample = sampler.sample(77, count);
    for shot in 0..count {
        let row =
            |output: usize| &sample[output][shot * sampler.row_bytes(output)..][..sampler.row_bytes(output)];
        let (mut detectors, mut observables) = (vec![false; 100], vec![false; 3]);
        for (_, error) in errors.iter().enumerate().filter(|(index, _)| bit(row(2), *index)) {
            error.detectors.iter().for_each(|&index| detectors[index] ^= true);
            error.observables.iter().for_each(|&index| observables[index] ^= true);
        }
        assert!((0..100).all(|k| bit(row(0), k) == detectors[k]), "shot {shot}");
        assert!((0..3).all(|k| bit(row(1), k) == observables[k]), "shot {shot}");
    }
}

/// Whether `count` of `trials` is within five standard deviations.
fn plausible(count: usize, trials: f64, probability: f64) -> bool {
    let deviation = (trials * probability * (1.0 - probability)).sqrt();
    (count as f64 - trials * probability).abs() <= 5.0 * deviation
}

/// For every error, the shots in which it fired.
fn fired(sampler: &mut Sampler, shots: usize) -> Vec<Vec<bool>> {
    let rows = &sampler.sample_with(0, shots, 0, [false, false, true, false])[2];
    let bytes = sampler.row_bytes(2);
    (0..sampler.counts[2]).map(|index| rows.chunks(bytes).map(|row| bit(row, index)).collect()).collect()
}

#[test]
fn every_error_fires_at_its_rate() {
    let errors = awkward_errors(400);
    let shots = 100_000;
    let fired = fired(&mut Sampler::new(&text_of(&errors), 2), shots);
    for (error, fired) in errors.iter().zip(fired) {
        let count = fired.iter().filter(|&&one| one).count();
        let p = error.probability;
        assert!(plausible(count, shots as f64, p), "{count} of {shots} for p = {p}");
    }
}

#[test]
fn errors_and_shots_are_independent() {
    let probabilities = [0.5, 0.05, 0.05, 0.051, 0.3, 0.26, 0.7, 0.1, 0.11, 0.9, 0.02, 0.02];
    let errors: Vec<Error> = probabilities
        .iter()
        .map(|&probability| Error { probability, detectors: vec![0], observables: vec![] })
        .collect();
    let shots = 100_000;
    let fired = fired(&mut Sampler::new(&text_of(&errors), 3), shots);
    for (i, a) in fired.iter().enumerate() {
        for (j, b) in fired.iter().enumerate() {
            for lag in [0, 1, 64, BLOCK] {
                if lag == 0 && i == j {
                    continue;
                }
                let both = a.iter().zip(&b[lag..]).filter(|(one, other)| **one && **other).count();
                let p = probabilities[i] * probabilities[j];
                assert!(
                    plausible(both, (shots - lag) as f64, p),
                    "errors {i} and {j}, {lag} shots apart: {both}"
                );
            }
        }
    }
}

/// Counts the shots in which detector 0 fires, over `blocks` blocks.
fn count_fired(text: &str, seed: u64, blocks: usize) -> usize {
    let mut sampler = Sampler::new(text, seed);
    (0..blocks)
        .map(|block| {
            let rows = &sampler.sample_with((block * BLOCK) as u64, BLOCK, 0, [true, false, false, false])[0];
            rows.iter().filter(|&&row| row & 1 == 1).count()
        })
        .sum()
}

#[test]
fn rare_errors_fire_at_their_rate() {
    let cases = [
        ("repeat 1000000 {\nerror(1e-9) D0\n}", 1600, 1e6 * 1e-9),
        // Thinned: below 2^-32 all errors share a stream.
        ("repeat 1000000 {\nerror(1e-11) D0\nerror(2e-10) D0\n}", 8000, 1e6 * 2.1e-10),
        ("repeat 1000000 {\nerror(0.99999999) D0\n}", 200, 1e6 * 1e-8),
    ];
    for (text, blocks, rate) in cases {
        let count = count_fired(text, 4, blocks);
        // An even number of firings in one shot cancels.
        let odd = 0.5 * (1.0 - f64::exp(-2.0 * rate));
        assert!(plausible(count, (blocks * BLOCK) as f64, odd), "{text}: {count}");
    }
    assert_eq!(count_fired("error(1e-300) D0\nerror(5e-324) D0", 4, 100), 0);
    assert_eq!(count_fired("error(1) D0\nerror(0) D0", 4, 10), 10 * BLOCK);
    assert_eq!(count_fired("error(1) D0\nerror(1) D0", 4, 10), 0);
}

#[test]
fn seeds_and_blocks_give_different_shots() {
    let text = text_of(&awkward_errors(200));
    let shots = |seed, first| Sampler::new(&text, seed).sample(first, BLOCK)[0].clone();
    let samples = [shots(0, 0), shots(1, 0), shots(1 << 32, 0), shots(0, BLOCK as u64), shots(0, 1 << 40)];
    for (i, a) in samples.iter().enumerate() {
        assert!(samples[..i].iter().all(|b| a != b));
    }
}

#[test]
fn folded_models_sample_as_unrolled_ones() {
    let folded = "error(0.1) D0\nrepeat 3 {\n error(0.2) D0 D1 L0\n repeat 2 {\n error(0.02) D1\n shift_detectors 1\n }\n}\n\
                  error(0.3) D0";
    let mut unrolled = "error(0.1) D0\n".to_owned();
    let mut shift = 0;
    for _ in 0..3 {
        writeln!(unrolled, "error(0.2) D{} D{} L0", shift, shift + 1).unwrap();
        for _ in 0..2 {
            writeln!(unrolled, "error(0.02) D{}", shift + 1).unwrap();
            shift += 1;
        }
    }
    writeln!(unrolled, "error(0.3) D{shift}").unwrap();
    let [mut folded, mut unrolled] = [folded, &unrolled].map(|text| Sampler::new(text, 6));
    assert_eq!(folded.counts, unrolled.counts);
    assert!(folded.sample(10, 1000) == unrolled.sample(10, 1000));
}

#[test]
fn models_without_errors_or_targets_give_empty_rows() {
    let mut nothing = Sampler::new("", 0);
    assert_eq!(nothing.counts, [0; 4]);
    assert_eq!(nothing.sample(0, 300), [vec![], vec![], vec![], vec![]]);
    let mut idle = Sampler::new("detector D8\nerror(0) D0", 0);
    assert_eq!(idle.sample(0, 300), [vec![0; 600], vec![], vec![0; 300], vec![]]);
    let mut silent = Sampler::new("error(0.5)\nerror(0.5) D0 ^ D0", 0);
    let sample = silent.sample(0, 300);
    assert_eq!(sample[0], vec![0; 300]);
    assert!(sample[2].contains(&3));
}

#[test]
fn repeated_declarations_cost_nothing() {
    let sample = Sampler::new("repeat 1000000000000000 {\ndetector(0) D0\n}\nerror(1) D0", 0).sample(0, 3);
    assert_eq!(sample[0], [1; 3]);
}

#[test]
fn arguments_are_checked() {
    let refused = |text: &str, isa| Sampler::try_new(text, 0, isa).err().unwrap();
    let limit = "the model unfolds to 1000000000000000 errors, at most 268435456 can be sampled";
    let huge = "repeat 1000000000000000 {\nerror(0.1) D0\n}";
    assert_eq!(refused(huge, AUTO), (otr_status::OTR_ERR_LIMIT, limit.to_owned()));
    let wide = refused("detector D2147483648", AUTO);
    let limit = "the model has 2147483649 detectors and 0 observables, at most 2147483648 can be sampled";
    assert_eq!(wide, (otr_status::OTR_ERR_LIMIT, limit.to_owned()));
    assert_eq!(refused("", ABSENT).0, otr_status::OTR_ERR_UNSUPPORTED);

    let sampler = Sampler::new("error(0.1) D8 L0", 0);
    let mut buffer = [0u8; 64];
    let rows = buffer.as_mut_ptr();
    let null = ptr::null_mut();
    let call = |first,
                count,
                detectors: (*mut u8, usize),
                observables: (*mut u8, usize),
                edges: (*mut u8, usize)| {
        let rows = |(bytes, stride)| otr_bit_rows { bytes, stride };
        let output = otr_sampler_output {
            detectors: rows(detectors),
            observables: rows(observables),
            errors: rows((null, 0)),
            edges: rows(edges),
        };
        // SAFETY: the calls are refused before they write, or write less than 64 bytes.
        unsafe { otr_sampler_sample(sampler.raw, first, count, &output) }
    };
    let none = (null, 0);
    assert_eq!(call(0, 1, (rows, 1), none, none), otr_status::OTR_ERR_ARGUMENT);
    assert_eq!(call(0, 1, (rows, 2), (rows, 0), none), otr_status::OTR_ERR_ARGUMENT);
    assert_eq!(call(0, 1, (rows, 2), none, (rows, 0)), otr_status::OTR_ERR_ARGUMENT);
    assert_eq!(call(u64::MAX - 1, 2, (rows, 2), none, none), otr_status::OTR_ERR_ARGUMENT);
    assert_eq!(call(u64::MAX - 2, 2, (rows, 2), none, (rows.wrapping_add(32), 1)), otr_status::OTR_OK);
    // SAFETY: NULL is allowed where the header says so, and refused elsewhere.
    unsafe {
        otr_sampler_destroy(ptr::null_mut());
        let mut out = ptr::null_mut();
        let status = otr_sampler_create(&mut out, ptr::null(), ptr::null(), ptr::null_mut());
        assert_eq!(status, otr_status::OTR_ERR_ARGUMENT);
        let status = otr_sampler_sample(sampler.raw, 0, 1, ptr::null());
        assert_eq!(status, otr_status::OTR_ERR_ARGUMENT);
    }
}
