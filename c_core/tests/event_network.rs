//! Event networks: every instruction set against a plain evaluation of the formulas; files that must be refused.

use outrider::{Basis, Circuit, CircuitFamily, SurfaceCode};
use outrider_sys::*;
use std::collections::BTreeMap;
use std::ffi::CStr;
use std::ptr;

use crate::support::decoding::{Graph, view};
use crate::support::event_network::{Code, Colouring, NetworkFile, Reference, Shape};
use crate::support::model::{Model, ParseError, blank_error};
use crate::support::random::Random;

const ISAS: [otr_isa; 6] = [
    otr_isa::OTR_ISA_PORTABLE,
    otr_isa::OTR_ISA_NEON,
    otr_isa::OTR_ISA_AVX2,
    otr_isa::OTR_ISA_AVX512,
    otr_isa::OTR_ISA_AVX512VNNI,
    otr_isa::OTR_ISA_AUTO,
];

struct Network(*mut otr_event_network);

impl Network {
    fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        let (mut raw, mut error) = (ptr::null_mut(), blank_error());
        // SAFETY: the bytes are valid for their length; the outputs are ours.
        let status =
            unsafe { otr_event_network_parse(&mut raw, bytes.as_ptr().cast(), bytes.len(), &mut error) };
        if status == otr_status::OTR_OK { Ok(Self(raw)) } else { Err(ParseError::new(status, &error)) }
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        // SAFETY: created by otr_event_network_parse, destroyed once.
        unsafe { otr_event_network_destroy(self.0) }
    }
}

/// A code with what the reference needs of it.
struct Patch {
    model: Model,
    graph: Graph,
    coordinates: Vec<[f64; 3]>,
    edges: Vec<(u32, Option<u32>, f64, i32)>,
}

impl Patch {
    fn new(text: &str) -> Self {
        let model = Model::parse(text.as_bytes()).expect("a valid model");
        let graph = Graph::new(text);
        let mut coordinates = vec![[f64::NAN; 3]; graph.nodes];
        for step in model.walk() {
            if step.kind == otr_instruction_kind::OTR_INSTRUCTION_DETECTOR && step.arguments.len() >= 3 {
                for target in step.targets {
                    coordinates[target as usize] = [step.arguments[0], step.arguments[1], step.arguments[2]];
                }
            }
        }
        let edges = graph
            .edges
            .iter()
            .map(|e| (e.nodes.0, (e.nodes.1 != OTR_BOUNDARY).then_some(e.nodes.1), e.probability, e.weight))
            .collect();
        Self { model, graph, coordinates, edges }
    }

    fn memory(width: u32, height: u32, rounds: u32, basis: Basis, p: f64) -> Self {
        Self::new(&memory_text(width, height, rounds, basis, p))
    }

    fn code(&self) -> Code<'_> {
        Code { coordinates: &self.coordinates, edges: &self.edges, scale: self.graph.scale }
    }

    /// A shot in which each detector fires with a probability of `percent`.
    fn shot(&self, random: &mut Random, percent: usize) -> Vec<u32> {
        (0..self.graph.nodes as u32).filter(|_| random.below(100) < percent).collect()
    }
}

fn memory_text(width: u32, height: u32, rounds: u32, basis: Basis, p: f64) -> String {
    let circuit = Circuit::uniform(CircuitFamily::Stim, p);
    let code = SurfaceCode::memory(width, rounds).size(width, height).basis(basis).circuit(circuit).build();
    code.and_then(|code| code.model()).expect("valid options").to_text()
}

struct Predecoder<'a> {
    raw: *mut otr_predecoder,
    _borrowed: (&'a Network, &'a Patch),
}

impl<'a> Predecoder<'a> {
    /// `None` if this machine lacks the instruction set.
    fn new(network: &'a Network, patch: &'a Patch, isa: otr_isa) -> Result<Option<Self>, ParseError> {
        let (mut raw, mut error) = (ptr::null_mut(), blank_error());
        // SAFETY: network and graph outlive the pre-decoder by its lifetime; the model is alive during the call.
        let status = unsafe {
            otr_event_predecoder_create(
                &mut raw,
                network.0,
                patch.graph.raw(),
                patch.model.raw(),
                isa,
                &mut error,
            )
        };
        match status {
            otr_status::OTR_OK => Ok(Some(Self { raw, _borrowed: (network, patch) })),
            otr_status::OTR_ERR_UNSUPPORTED => Ok(None),
            _ => Err(ParseError::new(status, &error)),
        }
    }

    /// Overrides by edge; each edge must come once.
    fn soft(&mut self, events: &[u32]) -> BTreeMap<u32, i64> {
        // SAFETY: a struct of pointers and numbers may be zero.
        let mut left: otr_predecoded = unsafe { std::mem::zeroed() };
        // SAFETY: the events are valid for their count; the output is ours.
        let status = unsafe {
            let soft = otr_predecoder_use::OTR_PREDECODER_USE_SOFT;
            otr_predecoder_apply(self.raw, soft, events.as_ptr(), events.len(), &mut left)
        };
        assert_eq!(status, otr_status::OTR_OK);
        // SAFETY: the overrides live until the next call.
        let list = unsafe { view(left.overrides, left.override_count) };
        let map: BTreeMap<_, _> = list.iter().map(|change| (change.edge, change.weight.into())).collect();
        assert_eq!(map.len(), list.len(), "an edge came twice");
        map
    }

    fn offset(&self) -> i64 {
        // SAFETY: the pre-decoder is alive.
        unsafe { otr_predecoder_weight_offset(self.raw, otr_predecoder_use::OTR_PREDECODER_USE_SOFT) }.into()
    }
}

impl Drop for Predecoder<'_> {
    fn drop(&mut self) {
        // SAFETY: created by otr_event_predecoder_create, destroyed once.
        unsafe { otr_predecoder_destroy(self.raw) }
    }
}

fn random_network(random: &mut Random, shape: &Shape) -> NetworkFile {
    NetworkFile::random(shape, &mut || random.word())
}

/// Compares every instruction set that this machine has with the formulas.
fn assert_as_the_formulas(file: &NetworkFile, patch: &Patch, shots: &[Vec<u32>], what: &str) {
    let network = Network::parse(&file.bytes()).unwrap_or_else(|e| panic!("{what}: {e:?}"));
    let reference = Reference::new(file);
    let expected: Vec<_> = shots.iter().map(|events| reference.evaluate(&patch.code(), events)).collect();
    for isa in ISAS {
        let Some(mut predecoder) =
            Predecoder::new(&network, patch, isa).unwrap_or_else(|e| panic!("{what}: {e:?}"))
        else {
            println!("skipped {isa:?}, which this machine lacks");
            continue;
        };
        for (events, (overrides, offset)) in shots.iter().zip(&expected) {
            assert_eq!(predecoder.soft(events), *overrides, "{what}, {isa:?}, events {events:?}");
            assert_eq!(predecoder.offset(), *offset);
        }
    }
}

#[test]
fn every_instruction_set_follows_the_formulas() {
    let mut random = Random(21);
    let patches = [Patch::memory(3, 3, 4, Basis::X, 0.004), Patch::memory(5, 4, 9, Basis::Z, 0.02)];
    let colourings = [Colouring::Mirrored, Colouring::Untied, Colouring::Plain, Colouring::Odd];
    for (i, width) in [16, 32, 48, 64].into_iter().enumerate() {
        for (k, (layers, radius)) in [(0, 3), (1, 4), (2, 1), (3, 3)].into_iter().enumerate() {
            let shape = Shape { width, layers, radius, colouring: colourings[(i + k) % 4], weight: 30 };
            let file = random_network(&mut random, &shape);
            for patch in &patches {
                let shots = [0, 2, 9, 1].map(|percent| patch.shot(&mut random, percent));
                assert_as_the_formulas(&file, patch, &shots, &format!("{shape:?}"));
            }
        }
    }
}

#[test]
fn extreme_weights_on_full_lattices_do_not_overflow() {
    let mut random = Random(22);
    let patch = Patch::memory(3, 4, 3, Basis::X, 0.01);
    let every: Vec<u32> = (0..patch.graph.nodes as u32).collect();
    for (width, sign) in [(16, 1.0), (64, 1.0), (32, -1.0)] {
        let shape = Shape { width, layers: 2, radius: 3, colouring: Colouring::Mirrored, weight: 127 };
        let mut file = random_network(&mut random, &shape);
        for (name, tensor) in &mut file.tensors {
            if tensor.dtype == "I8" {
                let least = if sign < 0.0 { -128.0 } else { 127.0 };
                tensor.values.iter_mut().for_each(|value| *value = least);
            } else if name == "place" {
                tensor.values.iter_mut().for_each(|value| *value = 2000.0);
            }
        }
        assert_as_the_formulas(&file, &patch, &[every.clone(), vec![], every.clone()], "extreme");
    }
}

/// All rows zero: the network has nothing to say yet.
#[test]
fn an_untrained_network_states_the_graphs_own_weights() {
    let mut random = Random(23);
    let shape = Shape { width: 16, layers: 3, radius: 3, colouring: Colouring::Mirrored, weight: 9 };
    let mut file = random_network(&mut random, &shape);
    for (name, tensor) in &mut file.tensors {
        if !["lattice", "frames", "slots", "shifts", "scalars"].contains(&name.as_str()) {
            tensor.values.fill(0.0);
        }
    }
    file.tensor("scalars").values[2] = 0.0;
    let network = Network::parse(&file.bytes()).expect("a valid network");
    let patch = Patch::memory(5, 5, 6, Basis::Z, 0.005);
    let mut predecoder = Predecoder::new(&network, &patch, otr_isa::OTR_ISA_AUTO).unwrap().unwrap();
    assert_eq!(predecoder.offset(), 0);
    for percent in [3, 30, 100] {
        let events = patch.shot(&mut random, percent);
        for (edge, weight) in predecoder.soft(&events) {
            assert_eq!(weight, i64::from(patch.graph.edges[edge as usize].weight));
        }
    }
}

#[test]
fn a_shot_does_not_remember_the_one_before() {
    let mut random = Random(24);
    let shape = Shape { width: 32, layers: 2, radius: 3, colouring: Colouring::Untied, weight: 30 };
    let network = Network::parse(&random_network(&mut random, &shape).bytes()).expect("a valid network");
    let patch = Patch::memory(7, 7, 7, Basis::X, 0.005);
    let mut used = Predecoder::new(&network, &patch, otr_isa::OTR_ISA_AUTO).unwrap().unwrap();
    for percent in [1, 100, 2, 0, 30, 3] {
        let events = patch.shot(&mut random, percent);
        let mut fresh = Predecoder::new(&network, &patch, otr_isa::OTR_ISA_AUTO).unwrap().unwrap();
        assert_eq!(used.soft(&events), fresh.soft(&events), "{percent} %");
    }
}

/// Columns and rows of detectors that repeat in time: narrower than the neighbourhood.
#[test]
fn narrow_lattices_have_no_false_neighbours() {
    let mut random = Random(25);
    for (columns, rows) in [(1, 1), (1, 9), (9, 1), (2, 5), (4, 2)] {
        let mut text = String::new();
        let per_round = columns * rows;
        for index in 0..4 * per_round {
            let (x, y, t) = (index % columns, index / columns % rows, index / per_round);
            text += &format!("detector({}, {}, {t}) D{index}\nerror(0.01) D{index} L0\n", 2 * x, 2 * y);
            if t > 0 {
                text += &format!("error(0.02) D{} D{index}\n", index - per_round);
            }
        }
        let patch = Patch::new(&text);
        for (radius, colouring) in [(1, Colouring::Mirrored), (3, Colouring::Plain), (4, Colouring::Odd)] {
            let shape = Shape { width: 16, layers: 1, radius, colouring, weight: 40 };
            let shots = [100, 30, 100].map(|percent| patch.shot(&mut random, percent));
            let file = random_network(&mut random, &shape);
            assert_as_the_formulas(&file, &patch, &shots, &format!("{columns} x {rows}, {shape:?}"));
        }
    }
}

/// What parsing says about a file that was changed.
fn refusal(change: impl FnOnce(&mut NetworkFile)) -> ParseError {
    let mut random = Random(26);
    let shape = Shape { width: 16, layers: 1, radius: 1, colouring: Colouring::Untied, weight: 20 };
    let mut file = random_network(&mut random, &shape);
    assert!(Network::parse(&file.bytes()).is_ok());
    change(&mut file);
    match Network::parse(&file.bytes()) {
        Ok(_) => panic!("the changed file was accepted"),
        Err(error) => error,
    }
}

fn assert_refused(expected: &str, change: impl FnOnce(&mut NetworkFile)) {
    let error = refusal(change);
    assert_eq!((error.status, error.message.as_str()), (otr_status::OTR_ERR_FORMAT, expected));
}

fn set(name: &'static str, index: usize, value: f64) -> impl FnOnce(&mut NetworkFile) {
    move |file| file.tensor(name).values[index] = value
}

/// Gives the tensor another shape, filled with zeros.
fn reshape(name: &'static str, shape: &'static [usize]) -> impl FnOnce(&mut NetworkFile) {
    move |file| {
        let tensor = file.tensor(name);
        tensor.shape = shape.to_vec();
        tensor.values = vec![0.0; shape.iter().product()];
    }
}

#[test]
fn files_that_are_no_event_networks_are_refused() {
    let format = |value: &'static str| move |file: &mut NetworkFile| file.metadata[0].1 = value.into();
    assert_refused("not an event network: metadata format is pt", format("pt"));
    assert_refused("not an event network: metadata format is missing", |file| {
        file.metadata.remove(0);
    });
    let later = refusal(|file| file.metadata[1].1 = "3".into());
    assert_eq!(later.status, otr_status::OTR_ERR_UNSUPPORTED);
    assert_eq!(later.message, "event network of version 3; this library reads versions 1 and 2");
    let missing = refusal(|file| {
        file.metadata.remove(1);
    });
    assert_eq!(missing.message, "event network of version (missing); this library reads versions 1 and 2");
    let no_plane = "event network without a tensor 'plane'";
    assert_refused(no_plane, |file| file.metadata[1].1 = "2".into());

    let bytes = random_network(
        &mut Random(27),
        &Shape { width: 16, layers: 0, radius: 1, colouring: Colouring::Plain, weight: 20 },
    )
    .bytes();
    for count in [0, 7, 8, 100, bytes.len() - 1] {
        assert!(Network::parse(&bytes[..count]).is_err(), "{count} bytes");
    }
}

/// Gives the file a plane.
fn lay(plane: [f64; 6]) -> impl FnOnce(&mut NetworkFile) {
    move |file| {
        file.metadata[1].1 = "2".into();
        file.add("plane", "I32", &[2, 3], plane.to_vec());
    }
}

/// A model with its detectors' x and y in units of 0.1, turned by 45 degrees and moved.
fn turned(text: &str) -> String {
    let turn = |line: &str| {
        let (numbers, detector) = line.trim().strip_prefix("detector(")?.split_once(')')?;
        let at: Vec<f64> =
            numbers.split(',').map(|number| number.trim().parse().expect("a number")).collect();
        let (u, v) = ((at[0] + at[1]) / 2.0 + 3.0, (at[0] - at[1]) / 2.0 - 1.0);
        Some(format!("detector({}, {}, {}){detector}\n", u * 0.1, v * 0.1, at[2]))
    };
    text.lines().map(|line| turn(line).unwrap_or_else(|| format!("{line}\n"))).collect()
}

#[test]
fn a_plane_lays_other_coordinates_on_the_lattice() {
    let mut random = Random(71);
    let shape = Shape { width: 16, layers: 1, radius: 2, colouring: Colouring::Mirrored, weight: 20 };
    let mut file = random_network(&mut random, &shape);
    let plain = Network::parse(&file.bytes()).expect("a valid network");
    lay([10.0, 10.0, -2.0, 10.0, -10.0, -4.0])(&mut file);
    let laid = Network::parse(&file.bytes()).expect("a valid network");
    let text = memory_text(5, 3, 4, Basis::X, 0.01);
    let (patch, other) = (Patch::new(&text), Patch::new(&turned(&text)));
    let mut own = Predecoder::new(&plain, &patch, otr_isa::OTR_ISA_AUTO).expect("a fit").expect("a machine");
    let mut moved = Predecoder::new(&laid, &other, otr_isa::OTR_ISA_AUTO).expect("a fit").expect("a machine");
    for percent in [2, 10, 40] {
        let events = patch.shot(&mut random, percent);
        assert_eq!(own.soft(&events), moved.soft(&events));
    }
    // SAFETY: the networks are live.
    let (near, far) = unsafe { (otr_event_network_reach(laid.0), otr_event_network_reach(plain.0)) };
    assert!((10.0 * near.x - far.x).abs() < 1e-9 && (10.0 * near.y - far.y).abs() < 1e-9);
    assert_eq!(near.rounds, far.rounds);
    assert!(Predecoder::new(&plain, &other, otr_isa::OTR_ISA_AUTO).is_err());
    let off = turned(&text).replacen("detector(0.", "detector(0.0000", 1);
    assert!(Predecoder::new(&laid, &Patch::new(&off), otr_isa::OTR_ISA_AUTO).is_err());
}

#[test]
fn planes_that_lay_nothing_are_refused() {
    let expected = "tensor 'plane': not invertible, or a number beyond 2^20";
    assert_refused(expected, lay([0.0; 6]));
    assert_refused(expected, lay([2.0, -4.0, 0.0, -1.0, 2.0, 5.0]));
    for index in 0..6 {
        for value in [f64::from(1 << 20) + 1.0, f64::from(i32::MIN)] {
            let mut plane = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0];
            plane[index] = value;
            assert_refused(expected, lay(plane));
        }
    }
    assert_refused("tensor 'plane' is F32, not I32", |file| {
        lay([1.0, 0.0, 0.0, 0.0, 1.0, 0.0])(file);
        file.tensor("plane").dtype = "F32";
    });
}

#[test]
fn every_tensor_is_missed_and_measured() {
    let complete = random_network(
        &mut Random(28),
        &Shape { width: 16, layers: 1, radius: 1, colouring: Colouring::Untied, weight: 20 },
    );
    let is_needed = |name: &&String| !name.starts_with("float.");
    for name in complete.tensors.keys().filter(is_needed) {
        assert_refused(&format!("event network without a tensor '{name}'"), |file| {
            file.tensors.remove(name);
        });
        let dtype = complete.tensors[name].dtype;
        let other = if dtype == "F32" { "I32" } else { "F32" };
        assert_refused(&format!("tensor '{name}' is {other}, not {dtype}"), |file| {
            file.tensor(name).dtype = other;
        });
        let longer = refusal(|file| {
            let tensor = file.tensor(name);
            tensor.shape.push(1);
        });
        assert!(longer.message.starts_with(&format!("tensor '{name}' has shape [")), "{}", longer.message);
    }
    assert_refused("tensor 'layer.0.self' has shape [2, 16, 15], not [2, 16, 16]", |file| {
        reshape("layer.0.self", &[2, 16, 15])(file)
    });
    assert_refused("tensor 'slots' has shape [2, 0, 4], not [any, any, 4]", reshape("slots", &[2, 0, 4]));
    assert_refused("event network of width 24; there are 16, 32, 48 and 64", reshape("embed", &[2, 10, 24]));
    assert_refused("event network of width 80; there are 16, 32, 48 and 64", reshape("embed", &[2, 10, 80]));
}

#[test]
fn numbers_out_of_their_range_are_refused() {
    let lattice = |index, value| set("lattice", index, value);
    for axis in 0..3 {
        assert_refused("tensor 'lattice': a pitch is below 1", lattice(axis, 0.0));
    }
    for kinds in [0.0, -1.0, 9.0] {
        assert_refused("tensor 'lattice': the number of kinds is not 1 to 8", lattice(6, kinds));
    }
    for radius in [0.0, 5.0] {
        assert_refused("tensor 'lattice': the radius is not 1 to 4", lattice(7, radius));
    }
    for (index, value) in [(0, 2.0), (0, -1.0), (1, 2.0), (1, -1.0)] {
        assert_refused("tensor 'frames': not 0 or 1, then a set that exists", set("frames", index, value));
    }
    let bad_slot = "tensor 'slots': neither the boundary, 0 0 0 1, nor an offset up to 8 and a 0";
    for (index, value) in [(0, 9.0), (1, f64::from(i32::MIN)), (3, 1.0), (3, 2.0), (51, 0.0)] {
        assert_refused(bad_slot, set("slots", index, value));
    }
    assert_refused("tensor 'slots': two slots of a set are the same", |file| {
        let slots = &mut file.tensor("slots").values;
        slots.copy_within(0..4, 4);
    });
    for shape in [&[3, 13, 4], &[1, 33, 4]] {
        let expected = "tensor 'slots': more sets than kinds, or more than 32 slots";
        assert_refused(expected, reshape("slots", shape));
    }
    for shape in [&[2], &[12]] {
        let expected = "tensor 'shifts': not for 0 to 8 layers: embed, layers, hidden, head";
        assert_refused(expected, reshape("shifts", shape));
    }
    for value in [-1.0, 17.0] {
        assert_refused("tensor 'shifts': a shift is not 0 to 16", set("shifts", 1, value));
    }
    for value in [0.0, 1.0, -0.5, f64::NAN] {
        let expected = "tensor 'scalars': the reference probability is not between 0 and 1";
        assert_refused(expected, set("scalars", 0, value));
    }
    for value in [0.0, -1.0, f64::INFINITY, f64::NAN] {
        assert_refused("tensor 'scalars': the unit of log-odds is not above 0", set("scalars", 1, value));
    }
    for value in [-0.1, f64::INFINITY, f64::NAN] {
        let expected = "tensor 'scalars': the offset of other edges is below 0";
        assert_refused(expected, set("scalars", 2, value));
    }
    for name in ["layer.0.bias", "hidden.bias", "head.bias"] {
        for value in [f64::from(1 << 29) + 1.0, f64::from(i32::MIN)] {
            let expected = format!("tensor '{name}': {value} is too large for a bias");
            assert_refused(&expected, set(name, 3, value));
        }
    }
    for name in ["noise.embed", "layer.0.noise"] {
        assert_refused(&format!("tensor '{name}' has a value that is not finite"), set(name, 5, f64::NAN));
    }
    let wide = refusal(|file| {
        for (set, relation) in [(1, 2), (1, 3)] {
            file.tensor("embed").values[(set * 10 + relation) * 16 + 7] = -16300.0;
        }
    });
    assert!(wide.message.starts_with("tensor 'embed': channel 7 may sum to 3"), "{}", wide.message);
}

/// What creation says about a network and a model that do not suit each other.
fn misfit(change: impl FnOnce(&mut NetworkFile), text: &str) -> ParseError {
    let mut random = Random(29);
    let shape = Shape { width: 16, layers: 1, radius: 3, colouring: Colouring::Mirrored, weight: 20 };
    let mut file = random_network(&mut random, &shape);
    change(&mut file);
    let network = Network::parse(&file.bytes()).expect("a valid network");
    let patch = Patch::new(text);
    match Predecoder::new(&network, &patch, otr_isa::OTR_ISA_AUTO) {
        Ok(_) => panic!("the misfit was accepted"),
        Err(error) => error,
    }
}

#[test]
fn models_that_the_network_was_not_made_for_are_refused() {
    let assert_misfit = |text: &str, status: otr_status, expected: &str| {
        let error = misfit(|_| {}, text);
        assert_eq!((error.status, error.message.as_str()), (status, expected));
    };
    let format = otr_status::OTR_ERR_FORMAT;
    let lacks = "detector D0 has no coordinates (x, y, round), which the event network needs; decoding without a \
                 pre-decoder works";
    assert_misfit("error(0.1) D0", format, lacks);
    assert_misfit("detector(2, 2) D0\nerror(0.1) D0", format, lacks);
    assert_misfit(
        "detector(2, 3, 0) D0\nerror(0.1) D0",
        format,
        "detector D0 at (2, 3, 0) is not on the network's lattice",
    );
    assert_misfit(
        "detector(2, 1e300, 0) D0\nerror(0.1) D0",
        format,
        "detector D0 at (2, 1e+300, 0) is not on the network's lattice",
    );
    assert_misfit(
        "detector(2, 2, 0) D0 D1\nerror(0.1) D0 D1",
        format,
        "detectors D0 and D1 have the same place",
    );
    assert_misfit(
        "detector(0, 0, 0) D0\ndetector(0, 2, 0) D1\nerror(0.1) D0 D1",
        format,
        "edge D0-D1 has offset (0, 1, 0): the network was not made for this code",
    );
    assert_misfit(
        "detector(0, 0, 0) D0\ndetector(0, 0, 500000000) D1\nerror(0.1) D0\nerror(0.1) D1",
        otr_status::OTR_ERR_LIMIT,
        "the detectors are spread over more than 1024 sites each: coordinates too sparse for an event network",
    );
    let narrow = misfit(
        |file| {
            let far = [8.0, 8.0, 8.0, 0.0, -8.0, -8.0, -8.0, 0.0];
            file.tensor("slots").values[..8].copy_from_slice(&far);
        },
        "repeat 25000 {\ndetector(0, 0, 0) D0\nerror(0.1) D0\nshift_detectors(0, 0, 1000) 1\n}",
    );
    assert_eq!(narrow.status, otr_status::OTR_ERR_LIMIT);
    assert_eq!(narrow.message, "the detectors are spread too widely for an event network");
    let no_boundary = misfit(
        |file| file.tensor("slots").values[48..].copy_from_slice(&[8.0, 8.0, 8.0, 0.0]),
        &memory_text(3, 3, 2, Basis::X, 0.01),
    );
    assert_eq!(no_boundary.message, "D0 has an edge to the boundary: the network was not made for this code");
    let text = memory_text(3, 3, 2, Basis::X, 0.01);
    let fine = misfit(set("scalars", 1, 1e-30), &text);
    let expected = "the graph's weights are too coarse for the network's log-odds";
    assert_eq!((fine.status, fine.message.as_str()), (format, expected));
    for name in ["noise.embed", "layer.0.noise"] {
        let noisy = misfit(|file| file.tensor(name).values[2] = 1e30, &text);
        let expected = "the model's error probabilities are too far from those that the network was made for";
        assert_eq!((noisy.status, noisy.message.as_str()), (format, expected));
    }
}

#[test]
fn missing_arguments_and_instruction_sets_are_told() {
    let shape = Shape { width: 16, layers: 1, radius: 1, colouring: Colouring::Mirrored, weight: 20 };
    let network = Network::parse(&random_network(&mut Random(31), &shape).bytes()).expect("a valid network");
    let patch = Patch::memory(3, 3, 2, Basis::X, 0.01);
    let told = |call: &dyn Fn(&mut otr_error) -> otr_status| {
        let mut error = blank_error();
        let status = call(&mut error);
        let error = ParseError::new(status, &error);
        (error.status, error.message)
    };
    let missing = (otr_status::OTR_ERR_ARGUMENT, "an argument is missing".to_owned());
    let mut raw = ptr::null_mut();
    // SAFETY: a null output is refused.
    let found = told(&|error| unsafe { otr_event_network_parse(ptr::null_mut(), ptr::null(), 0, error) });
    assert_eq!(found, missing);
    let out = &raw mut raw;
    let create = |model, isa| {
        // SAFETY: network and graph are alive, the output is ours; a null model is refused.
        told(&|error| unsafe {
            otr_event_predecoder_create(out, network.0, patch.graph.raw(), model, isa, error)
        })
    };
    assert_eq!(create(ptr::null(), otr_isa::OTR_ISA_AUTO), missing);
    let (status, message) = create(patch.model.raw(), otr_isa(99));
    assert_eq!(status, otr_status::OTR_ERR_UNSUPPORTED);
    assert!(message.ends_with("is not available here"), "{message}");
}

#[test]
fn a_network_tells_its_shape_and_card() {
    let shape = Shape { width: 48, layers: 2, radius: 3, colouring: Colouring::Mirrored, weight: 20 };
    let network = Network::parse(&random_network(&mut Random(30), &shape).bytes()).expect("a valid network");
    // SAFETY: the network is alive; its card ends in a NUL and lives as long.
    let (numbers, reach, card) = unsafe {
        (
            [
                otr_event_network_width(network.0),
                otr_event_network_layers(network.0),
                otr_event_network_radius(network.0),
            ],
            otr_event_network_reach(network.0),
            CStr::from_ptr(otr_event_network_card(network.0)),
        )
    };
    assert_eq!(numbers, [48, 2, 3]);
    // Three radii and the longest edge: two sites of 2 units, or one round.
    assert_eq!([reach.x, reach.y, reach.rounds], [22.0, 22.0, 10.0]);
    assert_eq!(card.to_str(), Ok(r#"{"shots": 0, "note": "random \"weights\""}"#));
}
