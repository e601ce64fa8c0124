//! The dense network: against PyTorch's logits in `golden/dense`, against the published residual formula written out
//! by coordinates, on every instruction set, and what is refused.

use outrider_sys::*;
use std::ffi::CString;
use std::ptr;

use crate::support::c_program::root;
use crate::support::model::{ParseError, blank_error};
use crate::support::random::Random;

const NETWORKS: [&str; 2] = ["narrow", "wide-kernel"];
const INSTRUCTION_SETS: [otr_isa; 5] = [
    otr_isa::OTR_ISA_AUTO,
    otr_isa::OTR_ISA_NEON,
    otr_isa::OTR_ISA_AVX2,
    otr_isa::OTR_ISA_AVX512,
    otr_isa::OTR_ISA_AVX512VNNI,
];
const PORTABLE: otr_isa = otr_isa::OTR_ISA_PORTABLE;
const FLOAT: otr_dense_arithmetic = otr_dense_arithmetic::OTR_DENSE_FLOAT;
const INTEGER: otr_dense_arithmetic = otr_dense_arithmetic::OTR_DENSE_INTEGER;

/// Logits in floats are this close to PyTorch's; the golden files have five digits.
const FLOAT_TOLERANCE: f32 = 1e-4;

#[test]
fn floats_agree_with_pytorch() {
    for name in NETWORKS {
        let network = Network::golden(name);
        for golden in Golden::all(name) {
            let experiment = Experiment::new(3, golden.rounds, golden.basis, golden.orientation);
            let mut predecoder = Predecoder::new(&network, &experiment, PORTABLE, FLOAT, [0.0; 2]).unwrap();
            let logits = predecoder.logits(&golden.events);
            assert_eq!(logits.len(), golden.logits.len());
            for (found, expected) in logits.iter().zip(&golden.logits) {
                assert!((found - expected).abs() <= FLOAT_TOLERANCE, "{name}: {found} instead of {expected}");
            }
        }
    }
}

#[test]
fn integers_are_the_same_on_every_instruction_set_and_near_floats() {
    let mut random = Random(3);
    for name in NETWORKS {
        let mut network = Network::golden(name);
        let experiment = Experiment::new(5, 6, otr_basis::OTR_BASIS_X, 3);
        network.calibrate(&experiment, &experiment.random_rows(&mut random, 10)).unwrap();
        let again = Network::read(&network.write()).unwrap();
        assert!(again.write() == network.write(), "{name}: writing and reading changes the network");

        let mut floats = Predecoder::new(&network, &experiment, PORTABLE, FLOAT, [0.0; 2]).unwrap();
        let mut portable = Predecoder::new(&network, &experiment, PORTABLE, INTEGER, [0.0; 2]).unwrap();
        for isa in INSTRUCTION_SETS {
            let Ok(mut other) = Predecoder::new(&again, &experiment, isa, INTEGER, [0.0; 2]) else {
                println!("skipped {isa:?}, which this machine or build lacks");
                continue;
            };
            for _ in 0..20 {
                let events = experiment.random_events(&mut random);
                let expected = portable.logits(&events);
                assert!(other.logits(&events) == expected, "{name} on {isa:?}");
                let exact = floats.logits(&events);
                let spread = mean(exact.iter().map(|x| x.abs()));
                let error = mean(expected.iter().zip(&exact).map(|(a, b)| (a - b).abs()));
                assert!(error < 0.1 * spread, "{name}: integers are off by {error}, logits by {spread}");
            }
        }
    }
}

fn mean(values: impl ExactSizeIterator<Item = f32>) -> f32 {
    let count = values.len() as f32;
    values.sum::<f32>() / count
}

/// What must not change anywhere: logits on integers of one network and shot, to the bit.
#[test]
fn integers_stay_what_they_are() {
    let mut network = Network::golden("narrow");
    let experiment = Experiment::new(3, 3, otr_basis::OTR_BASIS_Z, 2);
    let mut random = Random(4);
    network.calibrate(&experiment, &experiment.random_rows(&mut random, 10)).unwrap();
    let mut predecoder = Predecoder::new(&network, &experiment, PORTABLE, INTEGER, [0.0; 2]).unwrap();
    let logits = predecoder.logits(&experiment.random_events(&mut random));
    let digest = logits.iter().fold(0xCBF2_9CE4_8422_2325_u64, |hash, logit| {
        (hash ^ u64::from(logit.to_bits())).wrapping_mul(0x0100_0000_01B3)
    });
    assert_eq!(format!("{digest:016x}"), "48ff0b403d00dc12");
}

/// The residual is events + m[t] + m[t-1] + H e[t], with stabilisers found by their coordinates.
#[test]
fn hard_use_is_the_published_formula() {
    let mut random = Random(5);
    for (index, (basis, orientation)) in experiments().enumerate() {
        let network = Network::golden(NETWORKS[index % 2]);
        let experiment = Experiment::new(5, 4, basis, orientation);
        let thresholds = [0.3, -0.2];
        let mut predecoder = Predecoder::new(&network, &experiment, PORTABLE, FLOAT, thresholds).unwrap();
        for _ in 0..10 {
            let events = experiment.random_events(&mut random);
            let logits = predecoder.logits(&events);
            let flips = |plane: usize, round: u32, cell: u32| {
                let place = (plane * 4 + round as usize) * 25 + cell as usize;
                logits[place] >= thresholds[plane / 2]
            };
            let expected: Vec<u32> = (0..experiment.detectors.len() as u32)
                .filter(|&index| experiment.residual(index, &events, flips))
                .collect();
            let parity = (0..4)
                .flat_map(|round| experiment.logical().map(move |cell| (round, cell)))
                .fold(false, |parity, (round, cell)| parity ^ flips(basis.0 as usize, round, cell));
            assert_eq!(predecoder.hard(&events), (expected, u8::from(parity)), "{basis:?} O{orientation}");
        }
    }
}

/// Perfect labels leave no events and the right observable, by the same formula.
#[test]
fn labels_leave_nothing() {
    const SHOTS: usize = 64;
    let set = |row: &[u8], bit: usize| row[bit / 8] >> (bit % 8) & 1 == 1;
    for (basis, orientation) in experiments() {
        let experiment = Experiment::new(5, 4, basis, orientation);
        for shot in Labelled::sample(&experiment, SHOTS) {
            let flips = |plane: usize, round: u32, cell: u32| {
                set(&shot.labels, (plane * 4 + round as usize) * 25 + cell as usize)
            };
            for (index, detector) in experiment.detectors.iter().enumerate() {
                let is_masked = detector.round == 3 && experiment.kind(*detector) != basis;
                let left = experiment.residual(index as u32, &shot.events, flips);
                assert!(is_masked || !left, "{basis:?} O{orientation}: {detector:?}");
            }
            let crossing = experiment.logical().flat_map(|cell| (0..4).map(move |round| (round, cell)));
            let parity = crossing.filter(|&(round, cell)| flips(basis.0 as usize, round, cell)).count() % 2;
            assert_eq!(parity == 1, shot.observable, "{basis:?} O{orientation}");
        }
    }
}

/// Every edge within a round or between two rounds gets the weight of the flips that make it, and no other edge.
#[test]
fn soft_use_names_straight_edges() {
    let mut random = Random(6);
    for (basis, orientation) in experiments() {
        let network = Network::golden("narrow");
        let experiment = Experiment::new(5, 4, basis, orientation);
        let mut predecoder = Predecoder::new(&network, &experiment, PORTABLE, FLOAT, [0.0; 2]).unwrap();
        let events = experiment.random_events(&mut random);
        let logits = predecoder.logits(&events);
        let weights = predecoder.soft(&events);
        let mut named = 0;
        for (edge, (nodes, observable)) in experiment.edges().into_iter().enumerate() {
            let found = weights.iter().find(|change| change.edge == edge as u32).map(|change| change.weight);
            let causes = experiment.causes(nodes);
            assert_eq!(found.is_some(), !causes.is_empty(), "{nodes:?}");
            named += usize::from(found.is_some());
            let product = causes.iter().fold(1.0, |product, &(plane, round, cell)| {
                product * -(f64::from(logits[((plane * 4 + round) * 25 + cell) as usize]) / 2.0).tanh()
            });
            let natural = 2.0 * f64::atanh(product) * experiment.scale();
            if let Some(weight) = found {
                assert!((f64::from(weight) - natural).abs() <= 1e-5 * natural.abs() + 2.0, "{nodes:?}");
            }
            for &(plane, _, cell) in causes.iter().filter(|cause| cause.0 < 2) {
                let crosses = plane == basis.0 && experiment.logical().any(|on_logical| on_logical == cell);
                assert_eq!(crosses, observable, "{nodes:?} and the logical operator");
            }
        }
        assert_eq!(named, weights.len(), "an edge is named twice");
    }
}

/// Sixteen layers, each of which multiplies activations by 36,000.
#[test]
fn floats_that_overflow_say_nothing() {
    let network = Network::read(&File::layers(&[4; 16], 1).fill(9000.0).bytes()).unwrap();
    let experiment = Experiment::new(3, 3, otr_basis::OTR_BASIS_Z, 1);
    let mut predecoder = Predecoder::new(&network, &experiment, PORTABLE, FLOAT, [0.0; 2]).unwrap();
    assert!(predecoder.logits(&[5]).iter().all(|logit| logit.is_nan()));
    let weights = predecoder.soft(&[5]);
    assert!(!weights.is_empty() && weights.iter().all(|change| change.weight == 0), "{weights:?}");
    assert_eq!(predecoder.hard(&[5]), (vec![5], 0));
}

#[test]
fn facts_about_networks() {
    let info = Network::golden("wide-kernel").info();
    assert_eq!((info.model_id, info.layer_count, info.kernel, info.width), (0, 2, 5, 17));
    assert_eq!((info.receptive_field, info.parameter_count), (9, 17 * 501 + 4 * (17 * 125 + 1)));
    assert_eq!((info.products_per_voxel, info.has_integers), (2 * 4 * 17 * 125, false));
    let published = File::layers(&[128, 128, 128, 4], 3);
    let info = Network::read(&published.bytes()).unwrap().info();
    assert_eq!((info.model_id, info.parameter_count, info.receptive_field), (1, 912_772, 9));
    assert_eq!(info.products_per_voxel, 912_384);
}

#[test]
fn reach_is_that_of_the_layers() {
    let (network, experiment) = (Network::golden("narrow"), Experiment::new(3, 3, otr_basis::OTR_BASIS_X, 1));
    let predecoder = Predecoder::new(&network, &experiment, PORTABLE, FLOAT, [0.0; 2]).unwrap();
    // SAFETY: the pre-decoder is alive.
    let reach = unsafe { otr_predecoder_reach(predecoder.raw) };
    assert_eq!((reach.x, reach.y, reach.rounds), (8.0, 8.0, 4.0));
}

#[test]
#[allow(clippy::too_many_lines, reason = "a list of cases")]
fn files_that_are_something_else_are_refused_in_one_line() {
    let good = || File::layers(&[2, 4], 3);
    Network::read(&good().bytes()).unwrap();
    let cases: Vec<(File, otr_status, &str)> = vec![
        (good().header_bytes(1 << 40), otr_status::OTR_ERR_LIMIT, "header exceeds"),
        (good().header_bytes(4000), otr_status::OTR_ERR_TRUNCATED, "ends inside its safetensors header"),
        (good().header("[]"), otr_status::OTR_ERR_FORMAT, "byte 1: expected '{'"),
        (good().header("{} x"), otr_status::OTR_ERR_FORMAT, "expected the header's end"),
        (good().header("{}"), otr_status::OTR_ERR_FORMAT, "behind the last tensor"),
        (good().replace("\"shape\"", "\"shape"), otr_status::OTR_ERR_FORMAT, "expected ':'"),
        (good().replace("net.0.bias", "net\\q"), otr_status::OTR_ERR_FORMAT, "an unknown escape"),
        (good().replace("net.0.bias", "net\\ud800"), otr_status::OTR_ERR_FORMAT, "a wrong \\u escape"),
        (good().replace("net.0.bias", "net\\n"), otr_status::OTR_ERR_FORMAT, "not plain ASCII"),
        (
            good().replace("net.0.bias", "net.0.weight"),
            otr_status::OTR_ERR_FORMAT,
            "net.0.weight comes twice",
        ),
        (good().replace("\"F32\"", "\"F8\""), otr_status::OTR_ERR_FORMAT, "unknown dtype \"F8\""),
        (good().replace("[2,4,3,3,3]", "[2,4,3,3,4]"), otr_status::OTR_ERR_FORMAT, "do not fit its bytes"),
        (
            good().replace("[2,4,3,3,3]", "[4611686018427387904,4,3,3,3]"),
            otr_status::OTR_ERR_FORMAT,
            "do not fit its bytes",
        ),
        (good().replace("[2,4,3,3,3]", "[99999999999999999999]"), otr_status::OTR_ERR_FORMAT, "too large"),
        (
            good().replace("[2,4,3,3,3]", "[1,1,1,1,1,1,1,1,1]"),
            otr_status::OTR_ERR_FORMAT,
            "too many numbers",
        ),
        (good().replace("[0,864]", "[0]"), otr_status::OTR_ERR_FORMAT, "expected two offsets"),
        (good().replace("[0,864]", "[-1,864]"), otr_status::OTR_ERR_FORMAT, "expected a whole number"),
        (good().replace("[864,872]", "[0,8]"), otr_status::OTR_ERR_FORMAT, "it overlaps another"),
        (good().replace("[864,872]", "[872,864]"), otr_status::OTR_ERR_TRUNCATED, "end beyond the file"),
        (good().replace("\"shape\":[2],", ""), otr_status::OTR_ERR_FORMAT, "is missing"),
        (
            good().replace("\"shape\":[2]", "\"size\":[2]"),
            otr_status::OTR_ERR_FORMAT,
            "unknown or second field",
        ),
        (good().cut(4), otr_status::OTR_ERR_TRUNCATED, "tensor net.3.bias: its bytes end beyond the file"),
        (good().more(4), otr_status::OTR_ERR_FORMAT, "4 bytes behind the last tensor"),
        (good().replace("net.0.weight", "conv.weight"), otr_status::OTR_ERR_FORMAT, "no tensor net.0.weight"),
        (good().replace("net.3.bias", "net.3.scale"), otr_status::OTR_ERR_FORMAT, "no tensor net.3.bias"),
        (good().replace("net.3.weight", "net.6.weight"), otr_status::OTR_ERR_FORMAT, "two layers or more"),
        (good().replace("\"F32\"", "\"I32\""), otr_status::OTR_ERR_FORMAT, "I32 instead of F16, BF16 or F32"),
        (good().replace("[2,4,3,3,3]", "[2,4,27]"), otr_status::OTR_ERR_FORMAT, "3 dimensions instead of 5"),
        (
            good().replace("[2,4,3,3,3]", "[4,2,3,3,3]"),
            otr_status::OTR_ERR_FORMAT,
            "2 input channels instead of 4",
        ),
        (good().replace("[2,4,3,3,3]", "[2,4,27,1,1]"), otr_status::OTR_ERR_FORMAT, "kernels must be cubic"),
        (File::layers(&[2, 4], 4), otr_status::OTR_ERR_FORMAT, "kernels must be cubic"),
        (File::layers(&[2, 3], 3), otr_status::OTR_ERR_FORMAT, "4 output channels"),
        (File::layers(&[4], 3), otr_status::OTR_ERR_FORMAT, "two layers or more"),
        (File::layers(&[0, 4], 3), otr_status::OTR_ERR_FORMAT, "net.0.weight: no output channels"),
        (File::layers(&[4; 17], 1), otr_status::OTR_ERR_LIMIT, "more than 16 layers"),
        (File::layers(&[1025, 4], 1), otr_status::OTR_ERR_LIMIT, "more than 1024 channels"),
        (good().value(5, f32::NAN), otr_status::OTR_ERR_FORMAT, "net.0.weight: a value that is not a number"),
        (good().value(217, f32::INFINITY), otr_status::OTR_ERR_FORMAT, "net.0.bias: a value that is not"),
        (good().metadata("\"quant_format\":\"int8\""), otr_status::OTR_ERR_FORMAT, "neither fp16 nor fp32"),
        (good().metadata("\"model_id\":\"4\""), otr_status::OTR_ERR_FORMAT, "model_id 4"),
        (
            good().metadata("\"a\":\"1\",\"a\":\"2\""),
            otr_status::OTR_ERR_FORMAT,
            "a metadata key comes twice",
        ),
        (good().metadata("\"a\":1"), otr_status::OTR_ERR_FORMAT, "expected a string"),
        (good().tensor("net.1.scale", "[1]", &[1.0]), otr_status::OTR_ERR_FORMAT, "net.1.scale: unknown"),
        (good().tensor("activation.maxima", "[2]", &[1.0; 2]), otr_status::OTR_ERR_FORMAT, "one maximum"),
        (good().tensor("activation.maxima", "[1]", &[-1.0]), otr_status::OTR_ERR_FORMAT, "not above 0"),
    ];
    for (file, status, fragment) in cases {
        let error = Network::read(&file.bytes()).err().unwrap_or_else(|| panic!("accepted: {fragment}"));
        assert_eq!(error.status, status, "{error:?}, not {fragment}");
        assert!(error.message.contains(fragment), "{error:?}, not {fragment}");
        assert!(!error.message.contains('\n') && !error.message.ends_with('.'), "{error:?}");
    }
    let long = File::layers(&[2, 4], 3)
        .metadata(&(0..1025).map(|i| format!("\"{i}\":\"\"")).collect::<Vec<_>>().join(","));
    assert_eq!(Network::read(&long.bytes()).unwrap_err().status, otr_status::OTR_ERR_LIMIT);
}

#[test]
fn truncated_and_damaged_files_never_crash() {
    let bytes = std::fs::read(golden("narrow.safetensors")).expect("a golden file");
    for length in 0..bytes.len() {
        let error = Network::read(&bytes[..length]).expect_err("a part of a file");
        assert!(!error.message.is_empty() && !error.message.contains('\n'), "{error:?}");
    }
    let mut random = Random(7);
    for _ in 0..3000 {
        let mut damaged = bytes.clone();
        for _ in 0..=random.below(2) {
            let place = random.below(900);
            damaged[place] = random.word() as u8;
        }
        if let Err(error) = Network::read(&damaged) {
            assert!(!error.message.is_empty() && !error.message.contains('\n'), "{error:?}");
        }
    }
}

#[test]
fn files_tell_their_kind() {
    const DENSE: otr_network_kind = otr_network_kind::OTR_NETWORK_DENSE;
    let empty = || File { header: "{}".to_owned(), header_bytes: None, data: Vec::new() };
    assert_eq!(kind_of(&File::layers(&[2, 4], 3).bytes()).unwrap(), DENSE);
    assert_eq!(kind_of(&empty().tensor("module.net.3.bias", "[1]", &[0.0]).bytes()).unwrap(), DENSE);
    let event = empty().tensor("embed", "[1]", &[0.0]);
    let event = event.metadata(r#""format":"outrider-event-network""#).bytes();
    assert_eq!(kind_of(&event).unwrap(), otr_network_kind::OTR_NETWORK_EVENT);
    for (file, expected) in [
        (empty().tensor("module.nets", "[1]", &[0.0]), "missing"),
        (empty().tensor("x", "[1]", &[0.0]).metadata(r#""format":"p\nt\u00e9""#), "p?t??"),
    ] {
        let error = kind_of(&file.bytes()).unwrap_err();
        let expected = format!(
            "neither an event network (metadata format is {expected}) nor a dense one (no tensor net.*)"
        );
        assert_eq!((error.status, error.message), (otr_status::OTR_ERR_FORMAT, expected));
    }
}

/// A damaged byte may hide a name, but not all of them.
#[test]
fn a_damaged_dense_file_is_not_taken_for_an_event_network() {
    let bytes = std::fs::read(golden("narrow.safetensors")).expect("a golden file");
    for length in 0..bytes.len() {
        let error = kind_of(&bytes[..length]).expect_err("a part of a file");
        assert!(!error.message.contains("event network"), "{length} bytes: {error:?}");
    }
    for place in 0..700 {
        for change in [1, 2, 0x10, 0x20, 0x80] {
            let mut damaged = bytes.clone();
            damaged[place] ^= change;
            match kind_of(&damaged) {
                Ok(kind) => assert_eq!(kind, otr_network_kind::OTR_NETWORK_DENSE, "byte {place} ^ {change}"),
                Err(error) => assert!(!error.message.contains("event network"), "{error:?}"),
            }
        }
    }
}

#[test]
fn prefixes_and_extra_metadata_are_taken() {
    let mut file = File::layers(&[2, 4], 3);
    file.header = file.header.replace("net.", "module.net.");
    let file =
        file.metadata(r#""quant_format":"fp32","card":"two\nlines, \u00e9\ud83d\ude00","model_id":"B""#);
    let network = Network::read(&file.bytes()).unwrap();
    assert_eq!(network.info().layer_count, 2);
}

#[test]
fn experiments_that_do_not_fit_are_refused() {
    let mut network = Network::golden("narrow");
    let paper = Experiment::new(3, 3, otr_basis::OTR_BASIS_X, 1);
    let refusal = |network: &Network, experiment: &Experiment, arithmetic, thresholds| {
        Predecoder::new(network, experiment, PORTABLE, arithmetic, thresholds).map(drop).unwrap_err()
    };
    let error = refusal(&network, &paper, INTEGER, [0.0; 2]);
    assert!(error.message.contains("calibrate it first"), "{error:?}");
    let error = refusal(&network, &paper, FLOAT, [f32::NAN, 0.0]);
    assert!(error.message.contains("finite"), "{error:?}");
    let error = refusal(&network, &paper, otr_dense_arithmetic(7), [0.0; 2]);
    assert!(error.message.contains("arithmetic"), "{error:?}");

    let options = |change: &dyn Fn(&mut otr_surface_options)| {
        let mut options = paper_options(3, 3, otr_basis::OTR_BASIS_X, 1);
        change(&mut options);
        Experiment::with_options(&options)
    };
    let stim = options(&|options| {
        options.family = otr_circuit_family::OTR_CIRCUIT_STIM;
        options.noise_stim.before_measure_flip_probability = 0.1;
    });
    let error = refusal(&network, &stim, FLOAT, [0.0; 2]);
    assert!(error.message.contains("not for Stim's"), "{error:?}");
    let oblong = options(&|options| options.width = 5);
    let error = refusal(&network, &oblong, FLOAT, [0.0; 2]);
    assert!(error.message.contains("square patches of odd distance, not 5 x 3"), "{error:?}");
    let mut other = options(&|options| options.rounds = 4);
    std::mem::swap(&mut other.surface, &mut options(&|_| {}).surface);
    let error = refusal(&network, &other, FLOAT, [0.0; 2]);
    assert_eq!(error.status, otr_status::OTR_ERR_ARGUMENT);

    let error = network.calibrate(&paper, &[]).unwrap_err();
    assert!(error.message.contains("needs a network and shots"), "{error:?}");
    let mut silent = Network::read(&File::layers(&[2, 4], 3).fill(0.0).bytes()).unwrap();
    let error = silent.calibrate(&paper, &paper.random_rows(&mut Random(8), 2)).unwrap_err();
    assert!(error.message.contains("behind layer 1 is not above 0"), "{error:?}");
    let short: Vec<_> = vec![vec![0; 2]; 2];
    let error = network.calibrate(&paper, &short).unwrap_err();
    assert_eq!(error.message, "rows of 2 bytes do not hold 24 detectors");

    let mut predecoder = Predecoder::new(&network, &paper, PORTABLE, FLOAT, [0.0; 2]).unwrap();
    for events in [&[3, 3][..], &[4, 2], &[24]] {
        assert_eq!(predecoder.try_logits(events).unwrap_err(), otr_status::OTR_ERR_INDEX, "{events:?}");
    }
}

/// Weights of 10,000 overflow floats in the seventh layer; with both signs the next one subtracts infinities.
#[test]
fn overflowing_activations_are_no_ranges() {
    let paper = Experiment::new(3, 3, otr_basis::OTR_BASIS_X, 1);
    let rows = paper.random_rows(&mut Random(9), 2);
    for weights in [[1e4; 2], [1e4, -1e4], [-1e4, 1e4]] {
        let mut file = File::layers(&[4; 10], 3);
        for (i, bytes) in file.data.chunks_exact_mut(4).enumerate() {
            bytes.copy_from_slice(&f32::to_le_bytes(weights[i % 2]));
        }
        let mut network = Network::read(&file.bytes()).unwrap();
        let error = network.calibrate(&paper, &rows).unwrap_err();
        assert_eq!(error.status, otr_status::OTR_ERR_FORMAT);
        assert!(error.message.contains("is not above 0 and at most 10000"), "{error:?}");
        assert!(!network.info().has_integers);
    }
}

#[test]
#[cfg(target_arch = "x86_64")]
fn tiles_agree_with_plain_c() {
    use crate::support::c_program::{compile_program, last_lines, run, scratch};
    let directory = scratch("amx_twin");
    let program = compile_program(
        &[root().join("c_core/tests/amx_twin.c"), root().join("c_core/src/kernels/dense_kernels.c")],
        &[],
        &directory,
    );
    let output = run(&mut std::process::Command::new(program));
    assert!(output.status.success(), "{}", last_lines(&output));
    let sums: u64 = String::from_utf8_lossy(&output.stdout).trim().parse().expect("a count");
    assert!(sums > 50_000, "only {sums}");
}

// Networks and files.

fn golden(name: &str) -> std::path::PathBuf {
    root().join("c_core/tests/golden/dense").join(name)
}

fn kind_of(bytes: &[u8]) -> Result<otr_network_kind, ParseError> {
    let (mut kind, mut error) = (otr_network_kind(7), blank_error());
    // SAFETY: bytes come with their count, the outputs are ours.
    let status = unsafe { otr_network_kind_of(&mut kind, bytes.as_ptr().cast(), bytes.len(), &mut error) };
    if status == otr_status::OTR_OK { Ok(kind) } else { Err(ParseError::new(status, &error)) }
}

#[derive(Debug)]
struct Network(*mut otr_dense_network);

impl Network {
    fn read(bytes: &[u8]) -> Result<Self, ParseError> {
        let (mut raw, mut error) = (ptr::null_mut(), blank_error());
        // SAFETY: bytes come with their count, the outputs are ours.
        let status = unsafe { otr_dense_network_create(&mut raw, bytes.as_ptr(), bytes.len(), &mut error) };
        if status == otr_status::OTR_OK { Ok(Self(raw)) } else { Err(ParseError::new(status, &error)) }
    }

    fn golden(name: &str) -> Self {
        let bytes = std::fs::read(golden(&format!("{name}.safetensors"))).expect("a golden file");
        Self::read(&bytes).unwrap_or_else(|error| panic!("{name}: {error:?}"))
    }

    fn info(&self) -> otr_dense_info {
        // SAFETY: the network is alive.
        unsafe { otr_dense_network_info(self.0) }
    }

    fn calibrate(&mut self, experiment: &Experiment, rows: &[Vec<u8>]) -> Result<(), ParseError> {
        let (stride, mut error) = (rows.first().map_or(0, Vec::len), blank_error());
        // SAFETY: the rows have the stride, network and experiment are alive.
        let status = unsafe {
            let rows = rows.concat();
            otr_dense_network_calibrate(
                self.0,
                experiment.surface,
                rows.as_ptr(),
                stride,
                rows.len() / stride.max(1),
                &mut error,
            )
        };
        if status == otr_status::OTR_OK { Ok(()) } else { Err(ParseError::new(status, &error)) }
    }

    fn write(&self) -> Vec<u8> {
        // SAFETY: the network is alive; a capacity of 0 allows a null buffer.
        let size = unsafe { otr_dense_network_write(self.0, ptr::null_mut(), 0) };
        let mut bytes = vec![0; size];
        // SAFETY: the buffer has the capacity given.
        assert_eq!(unsafe { otr_dense_network_write(self.0, bytes.as_mut_ptr(), size) }, size);
        bytes
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        // SAFETY: created once, destroyed once.
        unsafe { otr_dense_network_destroy(self.0) }
    }
}

/// A safetensors file in parts, to be spoiled.
struct File {
    header: String,
    header_bytes: Option<u64>,
    data: Vec<u8>,
}

impl File {
    /// Layers with these output channels, all weights one tenth.
    fn layers(outputs: &[usize], kernel: usize) -> Self {
        let mut file = Self { header: "{}".to_owned(), header_bytes: None, data: Vec::new() };
        let mut inputs = 4;
        for (layer, &outputs) in outputs.iter().enumerate() {
            let shape = format!("[{outputs},{inputs},{kernel},{kernel},{kernel}]");
            let weights = vec![0.1; outputs * inputs * kernel.pow(3)];
            file = file.tensor(&format!("net.{}.weight", 3 * layer), &shape, &weights);
            file =
                file.tensor(&format!("net.{}.bias", 3 * layer), &format!("[{outputs}]"), &vec![0.1; outputs]);
            inputs = outputs;
        }
        file
    }

    fn tensor(mut self, name: &str, shape: &str, values: &[f32]) -> Self {
        let begin = self.data.len();
        self.data.extend(values.iter().flat_map(|value| value.to_le_bytes()));
        let comma = if self.header == "{}" { "" } else { "," };
        let entry = format!(
            r#"{comma}"{name}":{{"dtype":"F32","shape":{shape},"data_offsets":[{begin},{}]}}}}"#,
            self.data.len()
        );
        self.header.pop();
        self.header += &entry;
        self
    }

    fn metadata(self, entries: &str) -> Self {
        let rest = self.header[1..].to_owned();
        self.header(&format!("{{\"__metadata__\":{{{entries}}},{rest}"))
    }

    fn header(mut self, header: &str) -> Self {
        header.clone_into(&mut self.header);
        self
    }

    fn replace(mut self, what: &str, by: &str) -> Self {
        assert!(self.header.contains(what), "no {what} in {}", self.header);
        self.header = self.header.replacen(what, by, 1);
        self
    }

    fn header_bytes(mut self, bytes: u64) -> Self {
        self.header_bytes = Some(bytes);
        self
    }

    fn cut(mut self, bytes: usize) -> Self {
        self.data.truncate(self.data.len() - bytes);
        self
    }

    fn more(mut self, bytes: usize) -> Self {
        self.data.resize(self.data.len() + bytes, 0);
        self
    }

    fn value(mut self, index: usize, value: f32) -> Self {
        self.data[4 * index..4 * index + 4].copy_from_slice(&value.to_le_bytes());
        self
    }

    fn fill(mut self, value: f32) -> Self {
        for bytes in self.data.chunks_exact_mut(4) {
            bytes.copy_from_slice(&value.to_le_bytes());
        }
        self
    }

    fn bytes(&self) -> Vec<u8> {
        let length = self.header_bytes.unwrap_or(self.header.len() as u64);
        [&length.to_le_bytes()[..], self.header.as_bytes(), &self.data].concat()
    }
}

/// One shot of a golden file with PyTorch's logits.
struct Golden {
    basis: otr_basis,
    orientation: u32,
    rounds: u32,
    events: Vec<u32>,
    logits: Vec<f32>,
}

impl Golden {
    fn all(name: &str) -> Vec<Self> {
        let text = std::fs::read_to_string(golden(&format!("{name}.txt"))).expect("a golden file");
        let lines: Vec<&str> = text.lines().skip(1).collect();
        assert_eq!(lines.len(), 3 * 8);
        lines.chunks(3).map(Self::parse).collect()
    }

    fn parse(lines: &[&str]) -> Self {
        fn numbers<T: std::str::FromStr>(line: &str) -> Vec<T> {
            line.split_whitespace().map(|word| word.parse().unwrap_or_else(|_| panic!("{word}"))).collect()
        }
        let (basis, shape) = lines[0].split_once(' ').expect("a basis and numbers");
        let shape = numbers(shape);
        Self {
            basis: if basis == "X" { otr_basis::OTR_BASIS_X } else { otr_basis::OTR_BASIS_Z },
            orientation: shape[0],
            rounds: shape[1],
            events: numbers(lines[1]),
            logits: numbers(lines[2]),
        }
    }
}

// Experiments.

fn experiments() -> impl Iterator<Item = (otr_basis, u32)> {
    [otr_basis::OTR_BASIS_X, otr_basis::OTR_BASIS_Z]
        .into_iter()
        .flat_map(|basis| (1..=4).map(move |o| (basis, o)))
}

fn paper_options(distance: u32, rounds: u32, basis: otr_basis, orientation: u32) -> otr_surface_options {
    // SAFETY: the calls take and give plain values.
    let (options, noise) = unsafe { (otr_surface_options_default(), otr_noise_paper_uniform(0.01)) };
    otr_surface_options {
        family: otr_circuit_family::OTR_CIRCUIT_PAPER,
        basis,
        width: distance,
        height: distance,
        rounds,
        orientation: otr_orientation(orientation),
        noise_paper: noise,
        ..options
    }
}

/// A detector by its coordinates: a stabiliser's place and a round.
#[derive(Clone, Copy, Debug)]
struct Detector {
    x: i64,
    y: i64,
    round: i64,
}

/// An experiment with its graph, and the detectors' coordinates as its model has them.
struct Experiment {
    surface: *mut otr_surface,
    graph: *mut otr_graph,
    options: otr_surface_options,
    detectors: Vec<Detector>,
}

impl Experiment {
    fn new(distance: u32, rounds: u32, basis: otr_basis, orientation: u32) -> Self {
        Self::with_options(&paper_options(distance, rounds, basis, orientation))
    }

    fn with_options(options: &otr_surface_options) -> Self {
        let (mut surface, mut graph, mut model) = (ptr::null_mut(), ptr::null_mut(), ptr::null_mut());
        // SAFETY: all options are valid, which the statuses show, and the outputs are ours; the text fits its buffer.
        let text = unsafe {
            let ok = otr_status::OTR_OK;
            assert_eq!(otr_surface_create(&mut surface, options, ptr::null_mut()), ok);
            assert_eq!(otr_surface_model(surface, false, &mut model, ptr::null_mut()), ok);
            assert_eq!(otr_graph_create(&mut graph, model, ptr::null(), ptr::null_mut()), ok);
            let mut text = vec![0_u8; otr_model_text(model, ptr::null_mut(), 0) + 1];
            otr_model_text(model, text.as_mut_ptr().cast(), text.len());
            otr_model_destroy(model);
            CString::from_vec_with_nul(text).expect("text").into_string().expect("ASCII")
        };
        Self { surface, graph, options: *options, detectors: coordinates(&text) }
    }

    fn distance(&self) -> i64 {
        self.options.width.into()
    }

    fn scale(&self) -> f64 {
        // SAFETY: the graph is alive.
        unsafe { otr_graph_scale(self.graph) }
    }

    /// Nodes of every edge, and whether it crosses the logical operator.
    fn edges(&self) -> Vec<((u32, u32), bool)> {
        // SAFETY: the graph is alive and the edges are its own; a struct of numbers and pointers may be zero.
        unsafe {
            let mut edge: otr_edge = std::mem::zeroed();
            (0..otr_graph_edge_count(self.graph))
                .map(|index| {
                    assert_eq!(otr_graph_edge(self.graph, index, &mut edge), otr_status::OTR_OK);
                    ((edge.node1, edge.node2), edge.observable_count > 0)
                })
                .collect()
        }
    }

    fn random_events(&self, random: &mut Random) -> Vec<u32> {
        let one_in = 2 + random.below(30);
        (0..self.detectors.len() as u32).filter(|_| random.below(one_in) == 0).collect()
    }

    fn random_rows(&self, random: &mut Random, count: usize) -> Vec<Vec<u8>> {
        let row = |events: Vec<u32>| {
            let mut row = vec![0; self.detectors.len().div_ceil(8)];
            events.iter().for_each(|&event| row[event as usize / 8] |= 1 << (event % 8));
            row
        };
        (0..count).map(|_| row(self.random_events(random))).collect()
    }

    /// The type of the stabiliser at these coordinates: plaquettes alternate, and the one in the bulk's top left
    /// corner is X in O1 and O2.
    fn kind(&self, detector: Detector) -> otr_basis {
        let is_first = (detector.x / 2 + detector.y / 2) % 2 == 0;
        let first_is_x = self.options.orientation.0 <= 2;
        if is_first == first_is_x { otr_basis::OTR_BASIS_X } else { otr_basis::OTR_BASIS_Z }
    }

    /// The data qubits around it, from the left, each column from the top.
    fn qubits(&self, detector: Detector) -> Vec<(i64, i64)> {
        let around = [(-1, -1), (-1, 1), (1, -1), (1, 1)].map(|(dx, dy)| (detector.x + dx, detector.y + dy));
        let inside = |at: i64| at > 0 && at < 2 * self.distance();
        around.into_iter().filter(|&(x, y)| inside(x) && inside(y)).collect()
    }

    fn cell(&self, (x, y): (i64, i64)) -> u32 {
        ((y / 2) * self.distance() + x / 2) as u32
    }

    /// The cell that shows the stabiliser: of the top qubits the left one for X, the right one for Z.
    fn own_cell(&self, detector: Detector) -> u32 {
        let qubits = self.qubits(detector);
        let top = qubits.iter().map(|&(_, y)| y).min();
        let mut candidates = qubits.into_iter().filter(|&(_, y)| Some(y) == top);
        let chosen = match self.kind(detector) {
            otr_basis::OTR_BASIS_X => candidates.next(),
            _ => candidates.next_back(),
        };
        self.cell(chosen.expect("a stabiliser has qubits"))
    }

    /// Cells of the memory's logical operator.
    fn logical(&self) -> impl Iterator<Item = u32> + use<> {
        let x_is_row = matches!(self.options.orientation.0, 1 | 4);
        let is_row = (self.options.basis == otr_basis::OTR_BASIS_X) == x_is_row;
        let distance = self.options.width;
        (0..distance).map(move |i| if is_row { i } else { i * distance })
    }

    /// The published formula for one detector.
    fn residual(&self, index: u32, events: &[u32], flips: impl Fn(usize, u32, u32) -> bool) -> bool {
        let detector = self.detectors[index as usize];
        let (rounds, kind) = (i64::from(self.options.rounds), self.kind(detector));
        let event = events.contains(&index);
        if detector.round == rounds {
            return event;
        }
        let masked = kind != self.options.basis && (detector.round == 0 || detector.round == rounds - 1);
        let (round, plane, own) = (detector.round as u32, kind.0 as usize, self.own_cell(detector));
        let outcomes = flips(2 + plane, round, own) ^ (round > 0 && flips(2 + plane, round - 1, own));
        let data = self.qubits(detector).into_iter().map(|qubit| flips(plane, round, self.cell(qubit)));
        (event && !masked) ^ outcomes ^ data.fold(false, |a, b| a ^ b)
    }

    /// The flips (plane, round, cell) whose events are exactly these nodes.
    fn causes(&self, (node1, node2): (u32, u32)) -> Vec<(u32, u32, u32)> {
        let first = self.detectors[node1 as usize];
        let (kind, rounds) = (self.kind(first), i64::from(self.options.rounds));
        let touches = |qubit: &(i64, i64)| {
            let of_kind = |d: &&Detector| {
                d.round == first.round && self.kind(**d) == kind && self.qubits(**d).contains(qubit)
            };
            self.detectors.iter().filter(of_kind).count()
        };
        let mut found = Vec::new();
        if first.round == rounds {
            return found;
        }
        let data = |qubit| (kind.0, first.round as u32, self.cell(qubit));
        if node2 == OTR_BOUNDARY {
            let ends = self.qubits(first).into_iter().filter(|qubit| touches(qubit) == 1);
            found.extend(ends.map(data));
            if first.round == 1 && kind != self.options.basis {
                found.push((2 + kind.0, 0, self.own_cell(first)));
            }
            return found;
        }
        let second = self.detectors[node2 as usize];
        if self.kind(second) == kind && second.round == first.round {
            let shared = self.qubits(first).into_iter().filter(|q| self.qubits(second).contains(q));
            found.extend(shared.map(data));
        }
        if (second.x, second.y) == (first.x, first.y)
            && second.round == first.round + 1
            && second.round < rounds
        {
            found.push((2 + kind.0, first.round as u32, self.own_cell(first)));
        }
        found
    }
}

impl Drop for Experiment {
    fn drop(&mut self) {
        // SAFETY: created once, destroyed once.
        unsafe {
            otr_graph_destroy(self.graph);
            otr_surface_destroy(self.surface);
        }
    }
}

/// One shot with the published labels.
struct Labelled {
    events: Vec<u32>,
    observable: bool,
    labels: Vec<u8>,
}

impl Labelled {
    fn sample(experiment: &Experiment, count: usize) -> Vec<Self> {
        let (mut sampler, voxels) =
            (ptr::null_mut(), (experiment.options.rounds * experiment.options.width.pow(2)) as usize);
        let bytes = |bits: usize| bits.div_ceil(8);
        let strides = [bytes(experiment.detectors.len()), 1, bytes(4 * voxels)];
        let [mut detectors, mut observables, mut labels] = strides.map(|stride| vec![0_u8; stride * count]);
        // SAFETY: the surface is alive, and the buffers have room for `count` rows of the strides given.
        unsafe {
            let ok = otr_status::OTR_OK;
            assert_eq!(
                otr_label_sampler_create(&mut sampler, experiment.surface, ptr::null(), ptr::null_mut()),
                ok
            );
            let output = otr_label_output {
                detectors: otr_bit_rows { bytes: detectors.as_mut_ptr(), stride: strides[0] },
                observables: otr_bit_rows { bytes: observables.as_mut_ptr(), stride: strides[1] },
                inputs: otr_bit_rows { bytes: ptr::null_mut(), stride: 0 },
                labels: otr_bit_rows { bytes: labels.as_mut_ptr(), stride: strides[2] },
            };
            assert_eq!(otr_label_sampler_sample(sampler, 0, count, &output), ok);
            otr_label_sampler_destroy(sampler);
        }
        let rows = detectors.chunks(strides[0]).zip(observables).zip(labels.chunks(strides[2]));
        rows.map(|((detectors, observables), labels)| Self {
            events: crate::support::decoding::set_bits(detectors),
            observable: observables == 1,
            labels: labels.to_vec(),
        })
        .collect()
    }
}

/// The coordinates that a model's text declares, with its shifts of the round applied.
fn coordinates(text: &str) -> Vec<Detector> {
    let model = crate::support::model::Model::parse(text.as_bytes()).expect("a valid model");
    let mut detectors = vec![None; model.counts().0 as usize];
    for step in model.walk() {
        if step.kind == otr_instruction_kind::OTR_INSTRUCTION_DETECTOR {
            let [x, y, round] = step.arguments[..] else { panic!("{step:?}") };
            let detector = Detector { x: x as i64, y: y as i64, round: round as i64 };
            detectors[step.targets[0] as usize] = Some(detector);
        }
    }
    detectors.into_iter().map(|detector| detector.expect("every detector has coordinates")).collect()
}

/// A pre-decoder and what it borrows.
#[derive(Debug)]
struct Predecoder<'a> {
    raw: *mut otr_predecoder,
    _borrowed: std::marker::PhantomData<&'a ()>,
}

impl<'a> Predecoder<'a> {
    fn new(
        network: &'a Network,
        experiment: &'a Experiment,
        isa: otr_isa,
        arithmetic: otr_dense_arithmetic,
        thresholds: [f32; 2],
    ) -> Result<Self, ParseError> {
        let options = otr_dense_options {
            isa,
            arithmetic,
            data_threshold: thresholds[0],
            syndrome_threshold: thresholds[1],
        };
        let (mut raw, mut error) = (ptr::null_mut(), blank_error());
        // SAFETY: network and graph outlive the pre-decoder, by its lifetime; the outputs are ours.
        let status = unsafe {
            let (network, surface, graph) = (network.0, experiment.surface, experiment.graph);
            otr_dense_predecoder_create(&mut raw, network, surface, graph, &options, &mut error)
        };
        if status != otr_status::OTR_OK {
            return Err(ParseError::new(status, &error));
        }
        Ok(Self { raw, _borrowed: std::marker::PhantomData })
    }

    fn logits(&mut self, events: &[u32]) -> Vec<f32> {
        self.try_logits(events).expect("good events")
    }

    fn try_logits(&mut self, events: &[u32]) -> Result<Vec<f32>, otr_status> {
        let (mut logits, mut count) = (ptr::null(), 0);
        // SAFETY: the pre-decoder is alive; it has that many logits until the next call.
        unsafe {
            match otr_dense_predecoder_logits(
                self.raw,
                events.as_ptr(),
                events.len(),
                &mut logits,
                &mut count,
            ) {
                otr_status::OTR_OK => Ok(std::slice::from_raw_parts(logits, count).to_vec()),
                status => Err(status),
            }
        }
    }

    fn soft(&mut self, events: &[u32]) -> Vec<otr_override> {
        let left = self.apply(otr_predecoder_use::OTR_PREDECODER_USE_SOFT, events);
        // SAFETY: the overrides live until the next call.
        unsafe { std::slice::from_raw_parts(left.overrides, left.override_count).to_vec() }
    }

    /// The residual events and the packed observables.
    fn hard(&mut self, events: &[u32]) -> (Vec<u32>, u8) {
        let left = self.apply(otr_predecoder_use::OTR_PREDECODER_USE_HARD, events);
        assert!(left.edges.is_null(), "corrections are no edges");
        // SAFETY: events and observables live until the next call.
        unsafe { (std::slice::from_raw_parts(left.events, left.event_count).to_vec(), *left.observables) }
    }

    fn apply(&mut self, usage: otr_predecoder_use, events: &[u32]) -> otr_predecoded {
        // SAFETY: the pre-decoder is alive; a struct of pointers and numbers may be zero.
        unsafe {
            let mut left: otr_predecoded = std::mem::zeroed();
            let status = otr_predecoder_apply(self.raw, usage, events.as_ptr(), events.len(), &mut left);
            assert_eq!(status, otr_status::OTR_OK);
            left
        }
    }
}

impl Drop for Predecoder<'_> {
    fn drop(&mut self) {
        // SAFETY: created once, destroyed once.
        unsafe { otr_predecoder_destroy(self.raw) }
    }
}
