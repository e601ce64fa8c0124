//! The published pre-decoder's labels by the book: one shot, one fault, one bit at a time.
//!
//! Written from the rules of arXiv:2604.12841 and independent of the C core, which traces circuits backwards and
//! works on 64 shots at once.

use outrider::{Basis, Orientation, PaperNoise};

/// Where a corner lies: row and column offsets from the plaquette's centre, rounded down.
type Corner = (i32, i32);
const TL: Corner = (0, 0);
const TR: Corner = (0, 1);
const BL: Corner = (1, 0);
const BR: Corner = (1, 1);

pub(crate) struct Stabiliser {
    pub(crate) basis: Basis,
    row: i32,
    column: i32,
    /// Its data qubits, ascending.
    pub(crate) data: Vec<usize>,
    /// The data qubit in whose cell it stands in a plane.
    pub(crate) cell: usize,
    /// The qubit where a single error of a two-qubit plaquette is put.
    canonical: usize,
    /// The data qubit of each layer of CNOTs.
    layers: [Option<usize>; 4],
}

pub(crate) struct Patch {
    pub(crate) distance: usize,
    /// Those of X type by rows, then those of Z type by columns.
    pub(crate) stabilisers: Vec<Stabiliser>,
    /// The supports of the logical X and of the logical Z.
    logical: [Vec<usize>; 2],
}

impl Patch {
    pub(crate) fn new(distance: usize, orientation: Orientation) -> Self {
        let size = distance as i32;
        let (first, vertical) = match orientation {
            Orientation::O1 => (Basis::X, true),
            Orientation::O2 => (Basis::X, false),
            Orientation::O3 => (Basis::Z, true),
            Orientation::O4 => (Basis::Z, false),
        };
        let mut stabilisers = Vec::new();
        for row in -1..size {
            for column in -1..size {
                let on_row_edge = row == -1 || row == size - 1;
                let on_column_edge = column == -1 || column == size - 1;
                let is_first = (row + column) % 2 == 0;
                let kept = match (on_row_edge, on_column_edge) {
                    (false, false) => true,
                    (true, true) => false,
                    (true, false) => is_first != vertical,
                    (false, true) => is_first == vertical,
                };
                if kept {
                    let basis = if is_first { first } else { other(first) };
                    stabilisers.push(Stabiliser::new(basis, row, column, size, orientation));
                }
            }
        }
        stabilisers.sort_by_key(|one| match one.basis {
            Basis::X => (0, one.row, one.column),
            Basis::Z => (1, one.column, one.row),
        });
        let (row, column) = ((0..distance).collect(), (0..distance).map(|k| k * distance).collect());
        let logical = if x_is_row(orientation) { [row, column] } else { [column, row] };
        Self { distance, stabilisers, logical }
    }

    pub(crate) fn data_count(&self) -> usize {
        self.distance * self.distance
    }

    pub(crate) fn of_basis(&self, basis: Basis) -> impl Iterator<Item = (usize, &Stabiliser)> {
        self.stabilisers.iter().enumerate().filter(move |(_, one)| one.basis == basis)
    }

    /// The observable of a memory.
    pub(crate) fn logical(&self, basis: Basis) -> &[usize] {
        &self.logical[index(basis)]
    }

    /// The stabilisers that see an error of the type on a data qubit.
    fn detecting(&self, error: Basis, data: usize) -> impl Iterator<Item = usize> {
        self.of_basis(other(error)).filter(move |(_, one)| one.data.contains(&data)).map(|(number, _)| number)
    }
}

impl Stabiliser {
    fn new(basis: Basis, row: i32, column: i32, size: i32, orientation: Orientation) -> Self {
        let at = |(down, right): Corner| {
            let (r, c) = (row + down, column + right);
            ((0..size).contains(&r) && (0..size).contains(&c)).then_some((r * size + c) as usize)
        };
        let data: Vec<usize> = [TL, TR, BL, BR].into_iter().filter_map(at).collect();
        // Bulk: X top left, Z top right. Edges: horizontal ones left (X) or right (Z), vertical ones the top.
        let horizontal_edge = row == -1 || row == size - 1;
        let cell = match (data.len(), basis) {
            (4, Basis::X) => data[0],
            (4, Basis::Z) => data[1],
            (_, Basis::Z) if horizontal_edge => data[1],
            _ => data[0],
        };
        let canonical = if row == -1 || column == size - 1 { data[1] } else { data[0] };
        let down = [TR, BR, TL, BL];
        let across = [TR, TL, BR, BL];
        let order = if x_is_row(orientation) == (basis == Basis::X) { down } else { across };
        Self { basis, row, column, data, cell, canonical, layers: order.map(at) }
    }

    fn corner(&self, corner: Corner, distance: usize) -> usize {
        (self.row + corner.0) as usize * distance + (self.column + corner.1) as usize
    }
}

fn x_is_row(orientation: Orientation) -> bool {
    matches!(orientation, Orientation::O1 | Orientation::O4)
}

pub(crate) fn other(basis: Basis) -> Basis {
    if basis == Basis::X { Basis::Z } else { Basis::X }
}

/// X before Z.
pub(crate) fn index(basis: Basis) -> usize {
    usize::from(basis == Basis::Z)
}

/// One shot.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Labels {
    /// By error type, round, data qubit.
    pub(crate) errors: [Vec<Vec<bool>>; 2],
    /// By round, stabiliser.
    pub(crate) timelike: Vec<Vec<bool>>,
    pub(crate) events: Vec<Vec<bool>>,
    pub(crate) observable: bool,
}

impl Labels {
    pub(crate) fn new(patch: &Patch, rounds: usize) -> Self {
        let errors = || vec![vec![false; patch.data_count()]; rounds];
        let stabilisers = || vec![vec![false; patch.stabilisers.len()]; rounds];
        Self {
            errors: [errors(), errors()],
            timelike: stabilisers(),
            events: stabilisers(),
            observable: false,
        }
    }

    pub(crate) fn weight(&self) -> usize {
        self.errors.iter().chain([&self.timelike]).flatten().flatten().filter(|&&bit| bit).count()
    }
}

/// Its X and its Z part.
type Pauli = (bool, bool);

/// Paulis of the qubits, data qubits first.
type Frame = Vec<Pauli>;

/// A circuit with a noise model, fault by fault.
pub(crate) struct Experiment<'a> {
    pub(crate) patch: &'a Patch,
    pub(crate) basis: Basis,
    pub(crate) rounds: usize,
    pub(crate) noise: PaperNoise,
    /// With noise of the data preparation and before the readout.
    pub(crate) with_data_flips: bool,
    pub(crate) split_y: bool,
}

const X: Pauli = (true, false);
const Y: Pauli = (true, true);
const Z: Pauli = (false, true);
const I: Pauli = (false, false);

/// A fault on a data qubit and an ancilla.
type Pair = (Pauli, Pauli);
const NOTHING: Pair = (I, I);

/// The paper's Table I: a fault, and its parts.
type Split = (Pair, [Pair; 3]);
const SPLIT_X: [Split; 5] = [
    ((Y, X), [(X, I), (Z, I), (I, X)]),
    ((Y, Z), [(Z, Z), (X, I), NOTHING]),
    ((Y, Y), [(Z, Z), (X, I), (I, X)]),
    ((X, Y), [(X, I), (I, X), (I, Z)]),
    ((Z, Y), [(Z, Z), (I, X), NOTHING]),
];
const SPLIT_Z: [Split; 5] = [
    ((Y, X), [(X, X), (Z, I), NOTHING]),
    ((Y, Z), [(X, I), (Z, I), (I, Z)]),
    ((Y, Y), [(X, X), (Z, I), (I, Z)]),
    ((X, Y), [(X, X), (I, Z), NOTHING]),
    ((Z, Y), [(Z, I), (I, X), (I, Z)]),
];

impl Experiment<'_> {
    /// The shot in which every fault happens that has probability 1.
    pub(crate) fn certain_labels(&self) -> Labels {
        let mut labels = Labels::new(self.patch, self.rounds);
        let data_count = self.patch.data_count();
        let noise = &self.noise;
        let own = |x, z| if self.basis == Basis::X { (Z, x) } else { (X, z) };
        for round in 0..self.rounds {
            let is_last = round == self.rounds - 1;
            for data in 0..data_count {
                let (prepared, prep) = own(noise.prep_x, noise.prep_z);
                let (measured, meas) = own(noise.meas_x, noise.meas_z);
                if round == 0 && self.with_data_flips && prep == 1.0 {
                    self.add(&mut labels, round, 0, &[(data, prepared)]);
                }
                if is_last && self.with_data_flips && meas == 1.0 {
                    self.add(&mut labels, round, 0, &[(data, measured)]);
                }
            }
            if is_last {
                break;
            }
            for (number, stabiliser) in self.patch.stabilisers.iter().enumerate() {
                let (pauli, prep, meas) = match stabiliser.basis {
                    Basis::X => (Z, noise.prep_x, noise.meas_x),
                    Basis::Z => (X, noise.prep_z, noise.meas_z),
                };
                if prep == 1.0 {
                    self.add(&mut labels, round, 0, &[(data_count + number, pauli)]);
                }
                if meas == 1.0 {
                    self.add(&mut labels, round, 4, &[(data_count + number, pauli)]);
                }
            }
            for layer in 0..4 {
                self.add_layer(&mut labels, round, layer);
            }
            for data in 0..data_count {
                for (pauli, p) in [X, Y, Z].into_iter().zip(noise.idle_spam) {
                    if p == 1.0 {
                        self.add(&mut labels, round, 5, &[(data, pauli)]);
                    }
                }
            }
        }
        labels
    }

    /// Faults after a layer of CNOTs.
    fn add_layer(&self, labels: &mut Labels, round: usize, layer: usize) {
        let data_count = self.patch.data_count();
        let mut idle = vec![true; data_count + self.patch.stabilisers.len()];
        for (number, stabiliser) in self.patch.stabilisers.iter().enumerate() {
            let Some(data) = stabiliser.layers[layer] else { continue };
            let ancilla = data_count + number;
            idle[data] = false;
            idle[ancilla] = false;
            let is_x = stabiliser.basis == Basis::X;
            for (place, _) in self.noise.cnot.iter().enumerate().filter(|(_, p)| **p == 1.0) {
                let on_control = [I, X, Y, Z][(place + 1) / 4];
                let on_target = [I, X, Y, Z][(place + 1) % 4];
                let fault = if is_x { (on_target, on_control) } else { (on_control, on_target) };
                let table = if is_x { SPLIT_X } else { SPLIT_Z };
                match table.iter().find(|(whole, _)| self.split_y && *whole == fault) {
                    Some((_, parts)) => {
                        for part in parts.iter().filter(|part| **part != NOTHING) {
                            self.add(labels, round, layer + 1, &[(data, part.0), (ancilla, part.1)]);
                        }
                    }
                    None => self.add(labels, round, layer + 1, &[(data, fault.0), (ancilla, fault.1)]),
                }
            }
        }
        for (qubit, _) in idle.iter().enumerate().filter(|(_, idle)| **idle) {
            for (pauli, p) in [X, Y, Z].into_iter().zip(self.noise.idle_cnot) {
                if p == 1.0 {
                    self.add(labels, round, layer + 1, &[(qubit, pauli)]);
                }
            }
        }
    }

    /// Adds a fault that happens in a round after so many layers of CNOTs (5: after the measurement).
    fn add(&self, labels: &mut Labels, round: usize, layers_before: usize, paulis: &[(usize, Pauli)]) {
        let patch = self.patch;
        let data_count = patch.data_count();
        let mut frame: Frame = vec![I; data_count + patch.stabilisers.len()];
        for &(qubit, pauli) in paulis {
            frame[qubit].0 ^= pauli.0;
            frame[qubit].1 ^= pauli.1;
        }
        let mut outcomes = vec![vec![false; patch.stabilisers.len()]; self.rounds];
        if layers_before < 5 {
            outcomes[round] = self.finish_round(&mut frame, layers_before);
        }
        let errors: Frame = frame[..data_count].to_vec();
        for outcome in &mut outcomes[round + 1..] {
            *outcome = self.finish_round(&mut frame, 0);
        }

        let deferred = !outcomes[round].contains(&true);
        let from = if deferred { round + 1 } else { round };
        assert!(from < self.rounds || errors.iter().all(|pauli| *pauli == I));
        if from < self.rounds {
            for (data, pauli) in errors.iter().enumerate() {
                labels.errors[0][from][data] ^= pauli.0;
                labels.errors[1][from][data] ^= pauli.1;
            }
        }
        for t in 0..self.rounds {
            for (number, stabiliser) in patch.stabilisers.iter().enumerate() {
                let ideal = t >= from
                    && stabiliser.data.iter().fold(false, |parity, &data| {
                        parity ^ if stabiliser.basis == Basis::X { errors[data].1 } else { errors[data].0 }
                    });
                labels.timelike[t][number] ^= outcomes[t][number] ^ ideal;
                labels.events[t][number] ^= outcomes[t][number] ^ (t > 0 && outcomes[t - 1][number]);
            }
        }
        for &data in patch.logical(self.basis) {
            labels.observable ^= if self.basis == Basis::X { errors[data].1 } else { errors[data].0 };
        }
    }

    /// The outcomes of a round from which so many layers have passed; leaves fresh ancillas.
    fn finish_round(&self, frame: &mut Frame, layers_before: usize) -> Vec<bool> {
        let data_count = self.patch.data_count();
        for layer in layers_before..4 {
            for (number, stabiliser) in self.patch.stabilisers.iter().enumerate() {
                let Some(data) = stabiliser.layers[layer] else { continue };
                let ancilla = data_count + number;
                let (control, target) =
                    if stabiliser.basis == Basis::X { (ancilla, data) } else { (data, ancilla) };
                frame[target].0 ^= frame[control].0;
                frame[control].1 ^= frame[target].1;
            }
        }
        self.patch
            .stabilisers
            .iter()
            .zip(&mut frame[data_count..])
            .map(|(stabiliser, ancilla)| {
                let (x, z) = std::mem::replace(ancilla, I);
                if stabiliser.basis == Basis::X { z } else { x }
            })
            .collect()
    }
}

/// Homological equivalence: spacelike, timelike, spacelike.
pub(crate) fn simplify(patch: &Patch, memory: Basis, labels: &mut Labels) {
    for error in [Basis::X, Basis::Z] {
        labels.errors[index(error)].iter_mut().for_each(|round| simplify_space(patch, error, round));
    }
    simplify_time(patch, memory, labels);
    for error in [Basis::X, Basis::Z] {
        labels.errors[index(error)].iter_mut().for_each(|round| simplify_space(patch, error, round));
    }
}

pub(crate) fn simplify_space(patch: &Patch, error: Basis, errors: &mut [bool]) {
    for _ in 0..100 {
        let before = errors.to_vec();
        for (_, stabiliser) in patch.of_basis(error) {
            let wrong = stabiliser.data.iter().filter(|&&data| errors[data]).count();
            if wrong > 2 || (wrong == 2 && stabiliser.data.len() == 2) {
                stabiliser.data.iter().for_each(|&data| errors[data] = !errors[data]);
            }
        }
        let mut claimed = vec![false; errors.len()];
        for (_, stabiliser) in patch.of_basis(error) {
            let wrong: Vec<usize> = stabiliser.data.iter().copied().filter(|&data| errors[data]).collect();
            if wrong.iter().any(|&data| claimed[data]) {
                continue;
            }
            let corner = |corner| stabiliser.corner(corner, patch.distance);
            let right: Vec<usize> = if stabiliser.data.len() == 2 {
                if wrong.len() != 1 {
                    continue;
                }
                vec![stabiliser.canonical]
            } else {
                let diagonals = [[corner(TL), corner(BR)], [corner(TR), corner(BL)]];
                let [bad, good] = if error == Basis::X { diagonals } else { [diagonals[1], diagonals[0]] };
                if wrong == [corner(TL), corner(BL)] {
                    vec![corner(TR), corner(BR)]
                } else if wrong == [corner(BL), corner(BR)] {
                    vec![corner(TL), corner(TR)]
                } else if wrong == bad {
                    good.to_vec()
                } else {
                    continue;
                }
            };
            if right != wrong {
                wrong.iter().for_each(|&data| errors[data] = false);
                right.iter().for_each(|&data| errors[data] = true);
                stabiliser.data.iter().for_each(|&data| claimed[data] = true);
            }
        }
        if errors == before {
            return;
        }
    }
}

/// At most 8 passes of moves between neighbouring rounds.
fn simplify_time(patch: &Patch, memory: Basis, labels: &mut Labels) {
    let rounds = labels.timelike.len();
    for _ in 0..8 {
        let before = labels.clone();
        for error in [Basis::X, Basis::Z] {
            // Errors of the memory's own type: their stabilisers give nothing to go by in round 0.
            let first = usize::from(error == memory);
            for odd in [0, 1] {
                for t in (first..rounds - 1).filter(|t| t % 2 == odd) {
                    move_between(patch, memory, labels, error, t);
                }
            }
        }
        if *labels == before {
            return;
        }
    }
}

/// Moves errors between rounds t and t + 1 where that is lighter, or as light and more concentrated.
fn move_between(patch: &Patch, memory: Basis, labels: &mut Labels, error: Basis, t: usize) {
    let rounds = labels.timelike.len();
    let accepted: Vec<usize> = (0..patch.data_count())
        .filter(|&data| {
            let weight = |labels: &Labels, t: usize| {
                let blank = error == memory && (t == 0 || t == rounds - 1);
                let around = patch.detecting(error, data).map(|number| {
                    usize::from(labels.timelike[t][number]) + usize::from(!blank && labels.events[t][number])
                });
                usize::from(labels.errors[index(error)][t][data]) + around.sum::<usize>()
            };
            let weights = |labels: &Labels| [weight(labels, t), weight(labels, t + 1)];
            let before = weights(labels);
            flip_between(patch, labels, error, t, data);
            let after = weights(labels);
            flip_between(patch, labels, error, t, data);
            let sum = |weights: [usize; 2]| weights[0] + weights[1];
            sum(after) < sum(before)
                || (sum(after) == sum(before) && after.iter().max() > before.iter().max())
        })
        .collect();
    for &data in &accepted {
        let is_first = patch.detecting(error, data).all(|number| {
            let rivals = accepted.iter().filter(|rival| patch.stabilisers[number].data.contains(rival));
            rivals.min() == Some(&data)
        });
        if is_first {
            flip_between(patch, labels, error, t, data);
        }
    }
}

fn flip_between(patch: &Patch, labels: &mut Labels, error: Basis, t: usize, data: usize) {
    labels.errors[index(error)][t][data] ^= true;
    labels.errors[index(error)][t + 1][data] ^= true;
    for number in patch.detecting(error, data) {
        labels.timelike[t][number] ^= true;
    }
}
