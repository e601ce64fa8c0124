//! Surface-code circuits and their error models: against Stim's for small cases, against the code's structure for
//! many, and what is refused.

use outrider_sys::*;
use std::collections::{BTreeMap, BTreeSet};
use std::ptr;

use crate::support::model::{Flat, Model, ParseError, blank_error};
use crate::support::random::Random;

const FAMILIES: [otr_circuit_family; 3] = [
    otr_circuit_family::OTR_CIRCUIT_STIM,
    otr_circuit_family::OTR_CIRCUIT_PAPER,
    otr_circuit_family::OTR_CIRCUIT_PAPER_PUBLISHED,
];
const BASES: [otr_basis; 2] = [otr_basis::OTR_BASIS_X, otr_basis::OTR_BASIS_Z];
const ORIENTATIONS: [otr_orientation; 4] = [
    otr_orientation::OTR_ORIENTATION_O1,
    otr_orientation::OTR_ORIENTATION_O2,
    otr_orientation::OTR_ORIENTATION_O3,
    otr_orientation::OTR_ORIENTATION_O4,
];
/// Rounds from which a folded model has a repeat block.
const FOLDED_ROUNDS: u32 = 8;

#[derive(Debug)]
struct Surface(*mut otr_surface);

impl Surface {
    fn new(options: &otr_surface_options) -> Result<Self, ParseError> {
        let (mut raw, mut error) = (ptr::null_mut(), blank_error());
        // SAFETY: the options and the outputs are ours.
        let status = unsafe { otr_surface_create(&mut raw, options, &mut error) };
        if status == otr_status::OTR_OK { Ok(Self(raw)) } else { Err(ParseError::new(status, &error)) }
    }

    fn circuit_text(&self) -> String {
        // SAFETY: the surface is alive; a capacity of 0 allows a null buffer.
        let bytes = unsafe { otr_surface_circuit_text(self.0, ptr::null_mut(), 0) };
        let mut buffer = vec![0u8; bytes + 1];
        // SAFETY: the buffer has the capacity given.
        let written = unsafe { otr_surface_circuit_text(self.0, buffer.as_mut_ptr().cast(), buffer.len()) };
        assert_eq!((written, buffer.pop()), (bytes, Some(0)));
        String::from_utf8(buffer).expect("circuits are ASCII")
    }

    /// The text of the error model.
    fn model_text(&self, folded: bool) -> Result<String, ParseError> {
        let (mut raw, mut error) = (ptr::null_mut(), blank_error());
        // SAFETY: the surface is alive, the outputs are ours.
        let status = unsafe { otr_surface_model(self.0, folded, &mut raw, &mut error) };
        if status != otr_status::OTR_OK {
            return Err(ParseError::new(status, &error));
        }
        // SAFETY: the model is alive until it is destroyed, once; the buffer has the capacity given.
        unsafe {
            let bytes = otr_model_text(raw, ptr::null_mut(), 0);
            let mut buffer = vec![0u8; bytes + 1];
            otr_model_text(raw, buffer.as_mut_ptr().cast(), buffer.len());
            otr_model_destroy(raw);
            buffer.pop();
            Ok(String::from_utf8(buffer).expect("models are ASCII"))
        }
    }

    fn model(&self, folded: bool) -> Model {
        parse(&self.model_text(folded).expect("a model"))
    }

    fn detector_count(&self) -> u64 {
        // SAFETY: the surface is alive.
        unsafe { otr_surface_detector_count(self.0) }
    }
}

impl Drop for Surface {
    fn drop(&mut self) {
        // SAFETY: created by otr_surface_create, destroyed once.
        unsafe { otr_surface_destroy(self.0) }
    }
}

fn parse(text: &str) -> Model {
    Model::parse(text.as_bytes()).expect("models parse")
}

fn default_options() -> otr_surface_options {
    // SAFETY: takes nothing.
    unsafe { otr_surface_options_default() }
}

fn paper_uniform(p: f64) -> otr_noise_paper {
    // SAFETY: takes a number.
    unsafe { otr_noise_paper_uniform(p) }
}

fn stim_noise(values: [f64; 4]) -> otr_noise_stim {
    otr_noise_stim {
        after_clifford_depolarization: values[0],
        before_round_data_depolarization: values[1],
        before_measure_flip_probability: values[2],
        after_reset_flip_probability: values[3],
    }
}

/// Twenty-five different probabilities.
fn paper_uneven() -> otr_noise_paper {
    let step = |i: usize| (i + 1) as f64 * 1e-4;
    otr_noise_paper {
        prep_x: 0.001,
        prep_z: 0.002,
        meas_x: 0.003,
        meas_z: 0.004,
        idle_cnot: std::array::from_fn(|i| 0.005 + step(i)),
        idle_spam: std::array::from_fn(|i| 0.006 + step(i)),
        cnot: std::array::from_fn(step),
    }
}

/// Every family and orientation, both bases, with noise everywhere.
fn all_kinds() -> Vec<otr_surface_options> {
    let mut kinds = Vec::new();
    for family in FAMILIES {
        for basis in BASES {
            for orientation in ORIENTATIONS {
                let is_stim = family == otr_circuit_family::OTR_CIRCUIT_STIM;
                if is_stim && orientation != otr_orientation::OTR_ORIENTATION_O1 {
                    continue;
                }
                kinds.push(otr_surface_options {
                    family,
                    basis,
                    orientation,
                    noise_stim: stim_noise([0.001, 0.002, 0.003, 0.004]),
                    noise_paper: paper_uneven(),
                    ..default_options()
                });
            }
        }
    }
    kinds
}

/// Mechanisms (components as sorted sets, in any order) with their probabilities, and the detectors' coordinates.
#[derive(Debug, PartialEq)]
struct Content {
    mechanisms: BTreeMap<BTreeSet<Vec<u64>>, f64>,
    coordinates: BTreeMap<u64, Vec<String>>,
}

fn content(model: &Model) -> Content {
    let mut content = Content { mechanisms: BTreeMap::new(), coordinates: BTreeMap::new() };
    for Flat { kind, arguments, targets } in model.walk() {
        if kind == otr_instruction_kind::OTR_INSTRUCTION_ERROR {
            let components =
                targets.split(|&t| t == OTR_TARGET_SEPARATOR as u64).map(<[u64]>::to_vec).collect();
            let p = content.mechanisms.entry(components).or_default();
            *p = *p * (1.0 - arguments[0]) + (1.0 - *p) * arguments[0];
        } else if kind == otr_instruction_kind::OTR_INSTRUCTION_DETECTOR {
            let place = arguments.iter().map(f64::to_string).collect();
            assert_eq!(content.coordinates.insert(targets[0], place), None, "declared once");
        }
    }
    content
}

fn assert_same(ours: &Content, expected: &Content, label: &str) {
    assert_eq!(ours.coordinates, expected.coordinates, "{label}");
    for (mechanism, p) in &expected.mechanisms {
        let q = ours.mechanisms.get(mechanism).unwrap_or_else(|| panic!("{label}: {mechanism:?} is missing"));
        assert!((p - q).abs() <= 1e-9 * p, "{label}: {mechanism:?} has {q}, not {p}");
    }
    assert_eq!(ours.mechanisms.len(), expected.mechanisms.len(), "{label}");
}

fn golden(name: &str) -> String {
    let path = format!("{}/c_core/tests/golden/code/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// The golden cases, as make_golden.py lists them, and the paper circuits next to them.
fn golden_cases() -> Vec<(&'static str, otr_surface_options)> {
    let stim = |basis, distance, rounds, noise| otr_surface_options {
        basis,
        width: distance,
        height: distance,
        rounds,
        noise_stim: stim_noise(noise),
        ..default_options()
    };
    let paper = otr_surface_options {
        family: otr_circuit_family::OTR_CIRCUIT_PAPER,
        basis: otr_basis::OTR_BASIS_X,
        noise_paper: paper_uneven(),
        ..default_options()
    };
    vec![
        ("stim_z_3_3", stim(otr_basis::OTR_BASIS_Z, 3, 3, [0.001, 0.002, 0.003, 0.004])),
        ("stim_x_2_1", stim(otr_basis::OTR_BASIS_X, 2, 1, [0.01; 4])),
        ("stim_x_4_2", stim(otr_basis::OTR_BASIS_X, 4, 2, [0.0, 0.01, 0.02, 0.0])),
        ("stim_z_3_9", stim(otr_basis::OTR_BASIS_Z, 3, 9, [0.005, 0.0, 0.0, 0.01])),
        ("paper_x_o1_3x3_4", otr_surface_options { rounds: 4, ..paper }),
        (
            "paper_published_z_o4_4x3_2",
            otr_surface_options {
                family: otr_circuit_family::OTR_CIRCUIT_PAPER_PUBLISHED,
                basis: otr_basis::OTR_BASIS_Z,
                orientation: otr_orientation::OTR_ORIENTATION_O4,
                width: 4,
                rounds: 2,
                ..paper
            },
        ),
    ]
}

#[test]
fn circuits_and_models_equal_the_golden_ones() {
    for (name, options) in golden_cases() {
        let surface = Surface::new(&options).expect("valid options");
        assert_eq!(surface.circuit_text(), golden(&format!("{name}.stim")), "{name}");
        let expected = content(&parse(&golden(&format!("{name}.dem"))));
        assert_same(&content(&surface.model(false)), &expected, name);
        assert_same(&content(&surface.model(true)), &expected, name);
    }
}

/// The CX layers that the paper's repository has for D = 3, O1 (qubit numbers as there).
#[test]
fn paper_schedule_is_the_published_one() {
    const LAYERS: [[(u32, u32); 6]; 4] = [
        [(9, 1), (4, 14), (11, 3), (2, 15), (12, 5), (8, 16)],
        [(9, 4), (3, 14), (11, 6), (1, 15), (12, 8), (7, 16)],
        [(9, 0), (1, 13), (10, 2), (7, 14), (5, 15), (12, 4)],
        [(9, 3), (0, 13), (10, 5), (6, 14), (4, 15), (12, 7)],
    ];
    let options =
        otr_surface_options { family: otr_circuit_family::OTR_CIRCUIT_PAPER, rounds: 2, ..default_options() };
    let text = Surface::new(&options).expect("valid options").circuit_text();
    let layers: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("CX ")).collect();
    assert_eq!(layers.len(), 2 * LAYERS.len());
    for (layer, expected) in layers.iter().zip(LAYERS.iter().cycle()) {
        let qubits: Vec<u32> = layer.split(' ').map(|q| q.parse().expect("a qubit")).collect();
        let pairs: BTreeSet<_> = qubits.chunks(2).map(|pair| (pair[0], pair[1])).collect();
        assert_eq!(pairs, expected.iter().copied().collect());
    }
}

/// Sizes, odd, even and rectangular.
const SIZES: [(u32, u32); 7] = [(2, 2), (3, 3), (4, 4), (2, 3), (5, 2), (4, 3), (3, 6)];

/// Supports of the stabilisers by type, read off the circuit's CX instructions: data qubits have odd coordinates, X
/// ancillas are controls, Z ancillas are targets.
fn stabilisers(text: &str) -> [BTreeMap<u32, BTreeSet<u32>>; 2] {
    let mut coordinates = BTreeMap::new();
    let mut supports = [BTreeMap::new(), BTreeMap::new()];
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("QUBIT_COORDS(") {
            let (place, qubit) = rest.split_once(") ").expect("coordinates");
            let x: u32 = place.split(", ").next().and_then(|x| x.parse().ok()).expect("x");
            coordinates.insert(qubit.parse::<u32>().expect("a qubit"), x);
        } else if let Some(rest) = line.strip_prefix("CX ") {
            let qubits: Vec<u32> = rest.split(' ').map(|q| q.parse().expect("a qubit")).collect();
            for pair in qubits.chunks(2) {
                let is_z = coordinates[&pair[0]] % 2 == 1;
                let (ancilla, data) = if is_z { (pair[1], pair[0]) } else { (pair[0], pair[1]) };
                supports[usize::from(is_z)].entry(ancilla).or_insert_with(BTreeSet::new).insert(data);
            }
        }
    }
    supports
}

#[test]
fn patches_are_codes_with_one_logical_qubit() {
    for kind in all_kinds() {
        for (width, height) in SIZES {
            let options = otr_surface_options { width, height, ..kind };
            let text = Surface::new(&options).expect("valid options").circuit_text();
            let [x, z] = stabilisers(&text);
            assert_eq!(x.len() + z.len(), (width * height - 1) as usize, "{options:?}");
            for (a, b) in x.values().flat_map(|a| z.values().map(move |b| (a, b))) {
                assert_eq!(a.intersection(b).count() % 2, 0, "{options:?}: {a:?} and {b:?} anticommute");
            }
            for support in x.values().chain(z.values()) {
                assert!(support.len() == 4 || support.len() == 2, "{options:?}: {support:?}");
            }
            for own in [&x, &z] {
                let touched: BTreeSet<_> = own.values().flatten().collect();
                assert_eq!(touched.len(), (width * height) as usize, "{options:?}: unprotected data");
            }
        }
    }
}

#[test]
fn counts_follow_the_size() {
    for kind in all_kinds() {
        for (width, height) in SIZES {
            for rounds in 2..5 {
                let options = otr_surface_options { width, height, rounds, ..kind };
                let surface = Surface::new(&options).expect("valid options");
                let (detectors, observables, errors) = surface.model(true).counts();
                assert_eq!((detectors, observables), (surface.detector_count(), 1), "{options:?}");
                assert_eq!(surface.circuit_text().matches("OBSERVABLE_INCLUDE(0)").count(), 1);
                assert!(errors > detectors, "{options:?}");
                if width == height && width % 2 == 1 {
                    assert_eq!(detectors, u64::from(rounds * (width * height - 1)));
                }
            }
        }
    }
}

#[test]
fn one_error_flips_at_most_two_detectors_per_component() {
    for kind in all_kinds() {
        let options = otr_surface_options { width: 4, height: 5, rounds: 3, ..kind };
        let model = Surface::new(&options).expect("valid options").model(false);
        for mechanism in content(&model).mechanisms.keys() {
            for component in mechanism {
                let detectors = component.iter().filter(|&&t| t < OTR_TARGET_OBSERVABLE as u64).count();
                assert!((1..=2).contains(&detectors), "{options:?}: {mechanism:?}");
            }
        }
    }
}

#[test]
fn folded_models_equal_flat_ones() {
    let mut random = Random(9);
    for kind in all_kinds() {
        for rounds in [2, 7, 8, 9, 12] {
            let (width, height) = SIZES[random.below(SIZES.len())];
            let options = otr_surface_options { width, height, rounds, ..kind };
            let surface = Surface::new(&options).expect("valid options");
            let folded = surface.model_text(true).expect("a model");
            let flat = surface.model_text(false).expect("a model");
            assert_eq!(folded.contains("repeat"), rounds >= FOLDED_ROUNDS, "{options:?}");
            assert!(!flat.contains("repeat"));
            assert_eq!(content(&parse(&folded)), content(&parse(&flat)), "{options:?}");
        }
    }
}

/// The layers in the middle are copies of one another, whichever of them repeats.
#[test]
fn more_rounds_repeat_the_same_layer() {
    for kind in all_kinds() {
        let text = |rounds| {
            let options = otr_surface_options { width: 3, height: 4, rounds, ..kind };
            Surface::new(&options).expect("valid options").model_text(true).expect("a model")
        };
        let many = text(OTR_SURFACE_ROUNDS_MAX);
        assert_eq!(many.replace("repeat 99999994 {", "repeat 4 {"), text(10));
    }
}

#[test]
fn huge_experiments_stay_small_when_folded() {
    let options = otr_surface_options {
        width: 5,
        height: 5,
        rounds: OTR_SURFACE_ROUNDS_MAX,
        noise_stim: stim_noise([0.001; 4]),
        ..default_options()
    };
    let surface = Surface::new(&options).expect("valid options");
    assert_eq!(surface.detector_count(), 24 * u64::from(OTR_SURFACE_ROUNDS_MAX));
    assert!(surface.circuit_text().contains("REPEAT 99999999 {"));
    assert_eq!(surface.model(true).counts().0, surface.detector_count());
    let refused = surface.model_text(false).expect_err("too large");
    assert_eq!(refused.status, otr_status::OTR_ERR_LIMIT);
    assert!(refused.message.contains("fold it"), "{}", refused.message);
}

#[test]
fn silent_noise_leaves_no_trace() {
    for family in FAMILIES {
        let options = otr_surface_options { family, noise_paper: paper_uniform(0.0), ..default_options() };
        let surface = Surface::new(&options).expect("valid options");
        let text = surface.circuit_text();
        for noise in ["_ERROR", "DEPOLARIZE", "PAULI_CHANNEL"] {
            assert!(!text.contains(noise), "{text}");
        }
        assert_eq!(surface.model(false).counts(), (surface.detector_count(), 1, 0));
    }
}

/// Complete mixing and channels without independent equivalent are accepted, and remain probabilities.
#[test]
fn strong_noise_is_accepted() {
    let mut cases =
        vec![otr_surface_options { noise_stim: stim_noise([0.75, 0.75, 1.0, 1.0]), ..default_options() }];
    let channels = [[1.0, 0.0, 0.0], [0.25, 0.25, 0.25], [0.5, 0.25, 0.25], [0.3, 0.3, 0.4], [0.1, 0.2, 0.0]];
    cases.extend(channels.map(|channel| otr_surface_options {
        family: otr_circuit_family::OTR_CIRCUIT_PAPER,
        noise_paper: otr_noise_paper { idle_cnot: channel, idle_spam: channel, ..paper_uniform(1.0) },
        ..default_options()
    }));
    for options in cases {
        let model = Surface::new(&options).expect("valid options").model(false);
        assert!(content(&model).mechanisms.values().all(|p| (0.0..=1.0).contains(p)), "{options:?}");
    }
}

#[test]
fn text_is_cut_to_the_capacity() {
    let surface = Surface::new(&default_options()).expect("valid options");
    let text = surface.circuit_text();
    for capacity in [1, 2, 20, text.len(), text.len() + 1] {
        let mut buffer = vec![0xAAu8; capacity + 8];
        // SAFETY: the buffer is longer than the capacity given.
        let bytes = unsafe { otr_surface_circuit_text(surface.0, buffer.as_mut_ptr().cast(), capacity) };
        let kept = (capacity - 1).min(text.len());
        assert_eq!(bytes, text.len());
        assert_eq!((&buffer[..kept], buffer[kept]), (&text.as_bytes()[..kept], 0));
        assert!(buffer[capacity..].iter().all(|&byte| byte == 0xAA));
    }
}

#[test]
fn bad_options_are_refused_by_name() {
    use otr_status as status;
    let stim = default_options();
    let paper = otr_surface_options { family: otr_circuit_family::OTR_CIRCUIT_PAPER, ..stim };
    let stim_with = |values| otr_surface_options { noise_stim: stim_noise(values), ..stim };
    let paper_with = |noise_paper| otr_surface_options { noise_paper, ..paper };
    let silent = paper_uniform(0.0);
    let cases = [
        (otr_surface_options { family: otr_circuit_family(9), ..stim }, status::OTR_ERR_ARGUMENT, "family"),
        (otr_surface_options { basis: otr_basis(2), ..stim }, status::OTR_ERR_ARGUMENT, "basis"),
        (
            otr_surface_options { width: 1, ..stim },
            status::OTR_ERR_ARGUMENT,
            "width is 1, not between 2 and 127",
        ),
        (otr_surface_options { width: 128, ..stim }, status::OTR_ERR_LIMIT, "width"),
        (otr_surface_options { height: 0, ..paper }, status::OTR_ERR_ARGUMENT, "height"),
        (otr_surface_options { height: u32::MAX, ..paper }, status::OTR_ERR_LIMIT, "height"),
        (otr_surface_options { rounds: 0, ..stim }, status::OTR_ERR_ARGUMENT, "rounds"),
        (otr_surface_options { rounds: 1, ..paper }, status::OTR_ERR_ARGUMENT, "rounds is 1, not between 2"),
        (otr_surface_options { rounds: OTR_SURFACE_ROUNDS_MAX + 1, ..stim }, status::OTR_ERR_LIMIT, "rounds"),
        (
            otr_surface_options { orientation: otr_orientation(0), ..paper },
            status::OTR_ERR_ARGUMENT,
            "orientation",
        ),
        (
            otr_surface_options { orientation: otr_orientation(5), ..paper },
            status::OTR_ERR_ARGUMENT,
            "orientation",
        ),
        (
            otr_surface_options { orientation: otr_orientation::OTR_ORIENTATION_O2, ..stim },
            status::OTR_ERR_ARGUMENT,
            "orientation must be O1",
        ),
        (
            stim_with([0.76, 0.0, 0.0, 0.0]),
            status::OTR_ERR_PROBABILITY,
            "after_clifford_depolarization is 0.76",
        ),
        (stim_with([0.0, 1.0, 0.0, 0.0]), status::OTR_ERR_PROBABILITY, "before_round_data_depolarization"),
        (
            stim_with([0.0, 0.0, -0.1, 0.0]),
            status::OTR_ERR_PROBABILITY,
            "before_measure_flip_probability is -0.1",
        ),
        (
            stim_with([0.0, 0.0, 0.0, f64::NAN]),
            status::OTR_ERR_PROBABILITY,
            "after_reset_flip_probability is nan",
        ),
        (paper_with(otr_noise_paper { prep_x: 1.5, ..silent }), status::OTR_ERR_PROBABILITY, "prep_x is 1.5"),
        (paper_with(otr_noise_paper { meas_z: -1.0, ..silent }), status::OTR_ERR_PROBABILITY, "meas_z"),
        (
            paper_with(otr_noise_paper { idle_cnot: [0.0, f64::INFINITY, 0.0], ..silent }),
            status::OTR_ERR_PROBABILITY,
            "idle_cnot[1]",
        ),
        (
            paper_with(otr_noise_paper { idle_spam: [0.5, 0.5, 0.1], ..silent }),
            status::OTR_ERR_PROBABILITY,
            "idle_spam probabilities sum to 1.1",
        ),
        (paper_with(otr_noise_paper { cnot: [0.1; 15], ..silent }), status::OTR_ERR_PROBABILITY, "cnot"),
    ];
    for (options, expected, part) in cases {
        let error = Surface::new(&options).expect_err("bad options");
        assert_eq!((error.status, error.line, error.column), (expected, 0, 0), "{}", error.message);
        assert!(error.message.contains(part), "{} does not contain {part}", error.message);
    }
}

#[test]
fn null_is_refused() {
    let mut error = blank_error();
    let mut model = ptr::null_mut();
    // SAFETY: the contract allows null everywhere here, and answers with a status.
    unsafe {
        let status = otr_surface_create(ptr::null_mut(), &default_options(), &mut error);
        assert_eq!(status, otr_status::OTR_ERR_ARGUMENT);
        let status = otr_surface_model(ptr::null(), false, &mut model, ptr::null_mut());
        assert_eq!(status, otr_status::OTR_ERR_ARGUMENT);
        otr_surface_destroy(ptr::null_mut());
    }
}
