//! Labels of the published pre-decoder: by the rules, bit for bit; they explain every shot; equivalence keeps what
//! they mean.

use outrider::{
    Basis, Circuit, CircuitFamily, GraphOptions, Isa, LabelBatch, LabelOptions, LabelSampler, MatchingGraph,
    Orientation, PaperNoise, Sampler, Shots, Status, SurfaceCode,
};

use crate::support::published_labels::{Experiment, Labels, Patch, index, other, simplify, simplify_space};

/// Two words of 64 and a bit.
const SHOTS: usize = 130;
const BASES: [Basis; 2] = [Basis::X, Basis::Z];
const ORIENTATIONS: [Orientation; 4] = [Orientation::O1, Orientation::O2, Orientation::O3, Orientation::O4];

/// The paper's uniform noise.
fn uniform(p: f64) -> PaperNoise {
    match Circuit::uniform(CircuitFamily::Paper, p) {
        Circuit::Paper(noise) => noise,
        _ => unreachable!("asked for the paper's circuit"),
    }
}

/// The training point: all of p = 0.003 doubled.
fn training_noise() -> PaperNoise {
    let noise = uniform(0.003);
    PaperNoise {
        prep_x: 2.0 * noise.prep_x,
        prep_z: 2.0 * noise.prep_z,
        meas_x: 2.0 * noise.meas_x,
        meas_z: 2.0 * noise.meas_z,
        idle_cnot: noise.idle_cnot.map(|p| 2.0 * p),
        idle_spam: noise.idle_spam.map(|p| 2.0 * p),
        cnot: noise.cnot.map(|p| 2.0 * p),
    }
}

struct Case {
    patch: Patch,
    basis: Basis,
    rounds: usize,
    code: SurfaceCode,
}

impl Case {
    fn new(distance: u32, rounds: u32, orientation: Orientation, basis: Basis, circuit: Circuit) -> Self {
        let code =
            SurfaceCode::memory(distance, rounds).orientation(orientation).basis(basis).circuit(circuit);
        Self {
            patch: Patch::new(distance as usize, orientation),
            basis,
            rounds: rounds as usize,
            code: code.build().expect("valid options"),
        }
    }

    fn sample(&self, shots: usize, options: &LabelOptions) -> LabelBatch {
        let mut sampler = LabelSampler::new(&self.code, options).expect("a small code");
        let mut batch = sampler.batch();
        sampler.sample(0, shots, &mut batch).expect("the sampler's own batch");
        batch
    }

    /// The labels of a shot; events where there are detectors.
    fn labels(&self, batch: &LabelBatch, shot: usize) -> Labels {
        let mut labels = Labels::new(&self.patch, self.rounds);
        let data_count = self.patch.data_count();
        let planes: Vec<bool> = bits(&batch.labels, shot);
        let plane =
            |channel: usize, t: usize| &planes[(channel * self.rounds + t) * data_count..][..data_count];
        for t in 0..self.rounds {
            labels.errors[index(Basis::Z)][t].copy_from_slice(plane(0, t));
            labels.errors[index(Basis::X)][t].copy_from_slice(plane(1, t));
            for (number, stabiliser) in self.patch.stabilisers.iter().enumerate() {
                labels.timelike[t][number] = plane(2 + index(stabiliser.basis), t)[stabiliser.cell];
            }
        }
        let mut detectors = bits(&batch.detectors, shot).into_iter();
        for t in 0..self.rounds {
            for (number, stabiliser) in self.patch.stabilisers.iter().enumerate() {
                if t > 0 || stabiliser.basis == self.basis {
                    labels.events[t][number] = detectors.next().expect("a detector for each");
                }
            }
        }
        assert_eq!(detectors.len(), (data_count - 1) / 2);
        assert!(detectors.all(|bit| !bit), "the readout agrees with the last round");
        labels.observable = batch.observables.row(shot)[0] == 1;
        labels
    }
}

fn bits(shots: &Shots, shot: usize) -> Vec<bool> {
    let mut bits = vec![false; shots.bits()];
    shots.ones(shot).for_each(|one| bits[one] = true);
    bits
}

/// Every kind of patch, memory and size that small tests cover.
fn cases(circuit: Circuit) -> Vec<Case> {
    let sizes = [(3, 2), (3, 5), (5, 5), (7, 7)];
    let cases = ORIENTATIONS.iter().flat_map(|&orientation| BASES.map(|basis| (orientation, basis)));
    cases
        .flat_map(|(orientation, basis)| {
            sizes.map(|(distance, rounds)| Case::new(distance, rounds, orientation, basis, circuit))
        })
        .collect()
}

const PLAIN: LabelOptions = LabelOptions { seed: 9, isa: Isa::Auto, split_y: false, equivalence: false };
const SIMPLE: LabelOptions = LabelOptions { equivalence: true, ..PLAIN };
const SPLIT: LabelOptions = LabelOptions { split_y: true, ..PLAIN };

#[test]
fn cells_are_those_of_the_published_example() {
    let patch = Patch::new(3, Orientation::O1);
    let stabilisers: Vec<_> = patch.stabilisers.iter().map(|one| (one.data.clone(), one.cell)).collect();
    let published = [
        (vec![0, 1, 3, 4], 0),
        (vec![2, 5], 2),
        (vec![3, 6], 3),
        (vec![4, 5, 7, 8], 4),
        (vec![0, 1], 1),
        (vec![3, 4, 6, 7], 4),
        (vec![1, 2, 4, 5], 2),
        (vec![7, 8], 8),
    ];
    assert_eq!(stabilisers, published);
}

/// One noise parameter after the other at certainty, so that all its faults happen, against a simulation of each.
#[test]
fn labels_are_those_of_the_faults() {
    for parameter in 0..25 {
        let mut values = [0.0; 25];
        values[parameter] = 1.0;
        let noise = PaperNoise {
            prep_x: values[0],
            prep_z: values[1],
            meas_x: values[2],
            meas_z: values[3],
            idle_cnot: std::array::from_fn(|i| values[4 + i]),
            idle_spam: std::array::from_fn(|i| values[7 + i]),
            cnot: std::array::from_fn(|i| values[10 + i]),
        };
        for (circuit, with_data_flips) in
            [(Circuit::Paper(noise), true), (Circuit::PaperPublished(noise), false)]
        {
            for case in cases(circuit).iter().filter(|case| case.patch.distance < 7) {
                for options in [PLAIN, SPLIT] {
                    let experiment = Experiment {
                        patch: &case.patch,
                        basis: case.basis,
                        rounds: case.rounds,
                        noise,
                        with_data_flips,
                        split_y: options.split_y,
                    };
                    let mut expected = experiment.certain_labels();
                    for (number, _) in case.patch.of_basis(other(case.basis)) {
                        expected.events[0][number] = false;
                    }
                    assert!(case.labels(&case.sample(1, &options), 0) == expected, "parameter {parameter}");
                }
            }
        }
    }
}

/// Syndrome of the errors of a type.
fn syndrome(patch: &Patch, labels: &Labels, t: usize, number: usize) -> bool {
    let stabiliser = &patch.stabilisers[number];
    let errors = &labels.errors[index(other(stabiliser.basis))][t];
    stabiliser.data.iter().fold(false, |parity, &data| parity ^ errors[data])
}

#[test]
fn labels_explain_every_event_and_the_observable() {
    for case in cases(Circuit::Paper(uniform(0.02))) {
        for options in [PLAIN, SIMPLE, SPLIT, LabelOptions { split_y: true, ..SIMPLE }] {
            let batch = case.sample(SHOTS, &options);
            for shot in 0..SHOTS {
                let labels = case.labels(&batch, shot);
                for t in 0..case.rounds {
                    for (number, stabiliser) in case.patch.stabilisers.iter().enumerate() {
                        let before = t > 0 && labels.timelike[t - 1][number];
                        let residual = labels.events[t][number]
                            ^ labels.timelike[t][number]
                            ^ before
                            ^ syndrome(&case.patch, &labels, t, number);
                        let has_detector = t > 0 || stabiliser.basis == case.basis;
                        assert!(!has_detector || !residual, "round {t}, stabiliser {number}");
                        assert!(t < case.rounds - 1 || !labels.timelike[t][number]);
                    }
                }
                let errors = labels.errors[index(other(case.basis))].iter();
                let logical = case.patch.logical(case.basis);
                let parity = errors
                    .flat_map(|round| logical.iter().map(|&data| round[data]))
                    .fold(false, |parity, error| parity ^ error);
                assert_eq!(parity, labels.observable);
            }
        }
    }
}

#[test]
fn equivalence_follows_the_rules() {
    for p in [0.004, 0.03] {
        for case in cases(Circuit::Paper(uniform(p))) {
            let (plain, simple) = (case.sample(SHOTS, &PLAIN), case.sample(SHOTS, &SIMPLE));
            assert!(plain.detectors == simple.detectors && plain.inputs == simple.inputs);
            for shot in 0..SHOTS {
                let mut labels = case.labels(&plain, shot);
                simplify(&case.patch, case.basis, &mut labels);
                assert!(labels == case.labels(&simple, shot), "shot {shot}");
            }
        }
    }
}

/// Reduces a set of data qubits by stabilisers in echelon form.
fn reduce(mut set: u64, echelon: &[u64]) -> u64 {
    for &row in echelon {
        if set >> row.trailing_zeros() & 1 == 1 {
            set ^= row;
        }
    }
    set
}

/// Rows that span the same, each of which has a lowest bit that no other row has.
fn echelon(rows: impl Iterator<Item = u64>) -> Vec<u64> {
    let mut echelon: Vec<u64> = Vec::new();
    for row in rows {
        let row = reduce(row, &echelon);
        if row != 0 {
            for other in &mut echelon {
                if *other >> row.trailing_zeros() & 1 == 1 {
                    *other ^= row;
                }
            }
            echelon.push(row);
        }
    }
    echelon
}

#[test]
fn equivalence_keeps_cosets_adds_nothing_and_ends() {
    for case in cases(Circuit::Paper(uniform(0.03))) {
        let (plain, simple) = (case.sample(SHOTS, &PLAIN), case.sample(SHOTS, &SIMPLE));
        let mask = |set: &mut dyn Iterator<Item = usize>| set.fold(0u64, |mask, data| mask ^ 1 << data);
        let groups = BASES.map(|basis| {
            echelon(case.patch.of_basis(basis).map(|(_, one)| mask(&mut one.data.iter().copied())))
        });
        for shot in 0..SHOTS {
            let (before, after) = (case.labels(&plain, shot), case.labels(&simple, shot));
            assert!(after.weight() <= before.weight());
            for error in BASES {
                // Moves in time keep the sum over the rounds, moves in space multiply it by stabilisers.
                let sum = |labels: &Labels| {
                    let rounds = labels.errors[index(error)].iter();
                    mask(&mut rounds.flat_map(|round| (0..round.len()).filter(|&data| round[data])))
                };
                assert_eq!(reduce(sum(&before) ^ sum(&after), &groups[index(error)]), 0);
                for round in &after.errors[index(error)] {
                    let mut again = round.clone();
                    simplify_space(&case.patch, error, &mut again);
                    assert_eq!(&again, round);
                }
            }
        }
    }
}

/// Ones per shot and densities of the published program at its training point, as far as a few hundred of its shots
/// tell them.
#[test]
fn densities_are_the_published_ones() {
    const SHOTS: usize = 4000;
    for (size, before, after, tolerance) in [(5, 8.2, 6.6, 0.08), (9, 57.2, 44.5, 0.03)] {
        let rounds = size as usize;
        let (mut ones, mut labels, mut events) = ([0, 0], vec![0; 4], vec![0; rounds]);
        for basis in BASES {
            let case = Case::new(size, size, Orientation::O1, basis, Circuit::Paper(training_noise()));
            let [plain, simple] = [PLAIN, SIMPLE].map(|options| case.sample(SHOTS, &options));
            let cells = case.patch.data_count();
            for shot in 0..SHOTS {
                ones[0] += plain.labels.ones(shot).count();
                ones[1] += simple.labels.ones(shot).count();
                simple.labels.ones(shot).for_each(|one| labels[one / cells / rounds] += 1);
                simple.inputs.ones(shot).for_each(|one| events[one / cells % rounds] += 1);
            }
        }
        let close = |count: usize, expected: f64, tolerance: f64| {
            let measured = count as f64 / (2 * SHOTS) as f64;
            assert!((measured - expected).abs() < tolerance * expected, "{size}: {measured}, not {expected}");
        };
        close(ones[0], before, tolerance);
        close(ones[1], after, tolerance);
        if size == 9 {
            let (qubits, stabilisers) = (81.0 * 9.0, 80.0 * 9.0);
            close(labels[0] + labels[1], 2.0 * qubits * 0.020, 0.04);
            close(labels[2] + labels[3], stabilisers * 0.022, 0.04);
            close(events[0], 40.0 * 0.057, 0.08);
            close(events[4], 80.0 * 0.097, 0.08);
            close(events[8], 40.0 * 0.074, 0.08);
        }
    }
}

/// Detectors, neighbours among them and the observable fire as often as in the sampler of the circuit's own model.
#[test]
fn shots_are_those_of_the_circuit() {
    const SHOTS: usize = 40_000;
    for (circuit, basis) in [
        (Circuit::Paper(uniform(0.006)), Basis::X),
        (Circuit::Paper(uniform(0.006)), Basis::Z),
        (Circuit::PaperPublished(uniform(0.006)), Basis::X),
    ] {
        let case = Case::new(5, 4, Orientation::O2, basis, circuit);
        let model = case.code.model().expect("a small code");
        let graph = MatchingGraph::new(&model, &GraphOptions::default()).expect("a matchable model");
        let pairs: Vec<_> = (0..graph.edge_count())
            .filter_map(|edge| graph.edge(edge).ok())
            .filter_map(|edge| Some((edge.node1 as usize, edge.node2? as usize)))
            .collect();
        let count = |detectors: &Shots, observables: &Shots| {
            let mut counts = vec![0; detectors.bits() + 1 + pairs.len()];
            for shot in 0..SHOTS {
                let fired = bits(detectors, shot);
                detectors.ones(shot).for_each(|one| counts[one] += 1);
                counts[detectors.bits()] += usize::from(observables.row(shot)[0]);
                for (place, &(one, two)) in pairs.iter().enumerate() {
                    counts[detectors.bits() + 1 + place] += usize::from(fired[one] && fired[two]);
                }
            }
            counts
        };
        let batch = case.sample(SHOTS, &PLAIN);
        let ours = count(&batch.detectors, &batch.observables);
        let mut sampler = Sampler::new(&model, 1).expect("a small model");
        let (mut detectors, mut observables) = sampler.batches();
        sampler.sample(0, SHOTS, &mut detectors, &mut observables).expect("the sampler's own batches");
        for (place, (&one, other)) in ours.iter().zip(count(&detectors, &observables)).enumerate() {
            let deviation = ((one + other) as f64).sqrt();
            assert!((one as f64 - other as f64).abs() <= 5.0 * deviation, "{place}: {one} against {other}");
        }
    }
}

#[test]
fn inputs_are_the_events_where_they_mean_something() {
    for case in cases(Circuit::Paper(uniform(0.02))) {
        let batch = case.sample(100, &PLAIN);
        let cells = case.patch.data_count();
        let sampler = LabelSampler::new(&case.code, &PLAIN).expect("a small code");
        assert_eq!(sampler.shape(), [case.rounds, case.patch.distance, case.patch.distance]);
        assert_eq!(sampler.detector_count() as u64, case.code.detector_count());
        let presence = sampler.presence();
        let mut expected_presence = vec![0.0; 2 * case.rounds * cells];
        for shot in 0..100 {
            let labels = case.labels(&batch, shot);
            let mut inputs = vec![false; 2 * case.rounds * cells];
            for t in 0..case.rounds {
                for (number, stabiliser) in case.patch.stabilisers.iter().enumerate() {
                    if stabiliser.basis == case.basis || (t > 0 && t < case.rounds - 1) {
                        let place = (index(stabiliser.basis) * case.rounds + t) * cells + stabiliser.cell;
                        inputs[place] = labels.events[t][number];
                        expected_presence[place] = if stabiliser.data.len() == 4 { 1.0 } else { 0.5 };
                    }
                }
            }
            assert_eq!(bits(&batch.inputs, shot), inputs);
        }
        assert_eq!(presence, expected_presence);
    }
}

fn test_code() -> SurfaceCode {
    Case::new(5, 4, Orientation::O3, Basis::X, Circuit::Paper(uniform(0.03))).code
}

#[test]
fn every_instruction_set_gives_the_same_labels() {
    let code = test_code();
    let sample = |isa| {
        let mut sampler = LabelSampler::new(&code, &LabelOptions { isa, ..SIMPLE }).expect("available");
        let mut batch = sampler.batch();
        sampler.sample(200, 700, &mut batch).expect("the sampler's own batch");
        batch
    };
    let portable = sample(Isa::Portable);
    for isa in Isa::available() {
        assert!(sample(isa) == portable, "{isa:?}");
    }
}

#[test]
fn any_split_of_a_range_gives_the_same_labels() {
    let mut sampler = LabelSampler::new(&test_code(), &SIMPLE).expect("a small code");
    let (mut whole, mut part) = (sampler.batch(), sampler.batch());
    let first = (1 << 40) - 100;
    sampler.sample(first, 600, &mut whole).expect("the sampler's own batch");
    let mut done = 0;
    for count in [1, 63, 0, 64, 65, 130, 200, 77] {
        sampler.sample(first + done, count, &mut part).expect("the sampler's own batch");
        for shot in 0..count {
            let of_whole = done as usize + shot;
            assert_eq!(part.detectors.row(shot), whole.detectors.row(of_whole));
            assert_eq!(part.observables.row(shot), whole.observables.row(of_whole));
            assert_eq!(part.inputs.row(shot), whole.inputs.row(of_whole));
            assert_eq!(part.labels.row(shot), whole.labels.row(of_whole));
        }
        done += count as u64;
    }
    assert_eq!(done, 600);
}

/// FNV-1a of a sample: any change of the shots or the rules, on any machine, shows here.
#[test]
fn the_labels_of_a_seed_never_change() {
    for (options, expected) in
        [(PLAIN, 0x608F_489F_3895_9F65), (SIMPLE, 0x46AE_C087_85DB_A27C), (SPLIT, 0x6C0C_5177_D8C7_2A2F)]
    {
        let mut sampler = LabelSampler::new(&test_code(), &options).expect("a small code");
        let mut batch = sampler.batch();
        sampler.sample(1 << 33, 500, &mut batch).expect("the sampler's own batch");
        let parts = [&batch.detectors, &batch.observables, &batch.inputs, &batch.labels];
        let bytes = parts.into_iter().flat_map(|part| part.as_bytes());
        let hash = bytes.fold(0xCBF2_9CE4_8422_2325u64, |hash, &byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01B3)
        });
        assert_eq!(hash, expected, "{options:?}: {hash:#x}");
    }
}

#[test]
fn bad_options_are_refused() {
    let refused = |code: &SurfaceCode, options: &LabelOptions| {
        let error = LabelSampler::new(code, options).unwrap_err();
        (error.status(), error.to_string())
    };
    let stim = SurfaceCode::memory(3, 3).build().expect("valid options");
    let (status, message) = refused(&stim, &PLAIN);
    assert_eq!(status, Some(Status::Argument));
    assert!(
        message.contains("labels are defined for the circuits paper and paper-published only"),
        "{message}"
    );

    let long = SurfaceCode::memory(3, 1_000_000).circuit(Circuit::Paper(uniform(0.001)));
    let (status, message) = refused(&long.build().expect("valid options"), &PLAIN);
    assert_eq!(status, Some(Status::Limit));
    assert!(message.contains("a shot has 34000000 label bits, more than 16777216"), "{message}");

    let mut sampler = LabelSampler::new(&test_code(), &PLAIN).expect("a small code");
    let mut batch = sampler.batch();
    assert_eq!(sampler.sample(u64::MAX, 2, &mut batch).unwrap_err().status(), Some(Status::Argument));
    batch.labels = Shots::new(8);
    let error = sampler.sample(0, 2, &mut batch).unwrap_err();
    assert!(error.to_string().contains("width of the labels"), "{error}");
}

/// Rectangles and even sizes have labels too; those explain their shots.
#[test]
fn rectangles_have_labels() {
    for (width, height) in [(2, 2), (3, 6), (8, 3)] {
        let circuit = Circuit::Paper(uniform(0.02));
        let code = SurfaceCode::memory(3, 4).size(width, height).circuit(circuit).build().expect("valid");
        let mut sampler = LabelSampler::new(&code, &SIMPLE).expect("a small code");
        let mut batch = sampler.batch();
        sampler.sample(0, 500, &mut batch).expect("the sampler's own batch");
        let cells = (width * height) as usize;
        let column_is_observable = |data: usize| data.is_multiple_of(width as usize);
        for shot in 0..500 {
            // Memory Z of O1: the left column, flipped by X errors.
            let parity = batch
                .labels
                .ones(shot)
                .filter(|one| one / (4 * cells) == 1 && column_is_observable(one % cells));
            assert_eq!(parity.count() % 2, usize::from(batch.observables.row(shot)[0]));
        }
    }
}
