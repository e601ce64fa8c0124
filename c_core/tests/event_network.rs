//! Event networks: every instruction set against a plain evaluation of the formulas; files that must be refused.

mod support;

use outrider::{Basis, Circuit, CircuitFamily, SurfaceCode};
use outrider_sys::*;
use std::collections::BTreeMap;
use std::ptr;
use support::decoding::Graph;
use support::event_network::{Code, Colouring, NetworkFile, Reference, Shape};
use support::model::{Model, ParseError, blank_error};
use support::random::Random;

const ISAS: [otr_isa; 5] = [
    otr_isa::OTR_ISA_PORTABLE,
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
        let (mut overrides, mut count) = (ptr::null(), 0);
        // SAFETY: the events are valid for their count; the outputs are ours.
        let status = unsafe {
            otr_predecoder_soft(self.raw, events.as_ptr(), events.len(), &mut overrides, &mut count)
        };
        assert_eq!(status, otr_status::OTR_OK);
        // SAFETY: the overrides live until the next call; none may be a null pointer.
        let list = if count == 0 { &[] } else { unsafe { std::slice::from_raw_parts(overrides, count) } };
        let map: BTreeMap<_, _> = list.iter().map(|change| (change.edge, change.weight.into())).collect();
        assert_eq!(map.len(), list.len(), "an edge came twice");
        map
    }

    fn offset(&self) -> i64 {
        // SAFETY: the pre-decoder is alive.
        unsafe { otr_predecoder_weight_offset(self.raw) }.into()
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
