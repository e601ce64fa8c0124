//! Histories, the answer of one decoder in this process, and how a cluster is driven.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use outrider::{CellBook, Isa, Patch, RoundSampler, SamplerOptions};
use outrider_controller::{Cluster, ClusterOptions, ControllerOptions, Event, PatchId, PushError};
use outrider_options::{LoadedPatch, PatchArgs};
use outrider_wire::Options;
use serde_json::json;

use super::DEADLINE;

/// The pause of a cluster that has nothing to do.
const NAP: Duration = Duration::from_millis(1);

/// A sampled history.
pub(crate) struct History {
    /// Packed events and how many detectors there are, by round.
    pub(crate) layers: Vec<(Vec<u8>, u32)>,
    /// What one decoder says.
    pub(crate) answer: Vec<u64>,
}

/// The patch that nodes are started with.
pub(crate) fn loaded() -> &'static LoadedPatch {
    static LOADED: OnceLock<LoadedPatch> = OnceLock::new();
    LOADED.get_or_init(|| {
        let options: PatchArgs = serde_json::from_value(json!({"distance": 3, "p": 0.01})).expect("options");
        options.load(Isa::Auto).expect("a patch")
    })
}

pub(crate) fn patch() -> &'static Arc<Patch> {
    &loaded().patch
}

impl History {
    /// Samples one, and decides it here.
    pub(crate) fn sample(rounds: u64, seed: u64) -> Self {
        let mut sampler = RoundSampler::new(&loaded().model, &SamplerOptions::default()).expect("a sampler");
        sampler.seek(seed, 0, Some(rounds)).expect("a length");
        let mut layers = Vec::new();
        while let Some(layer) = sampler.next() {
            layers.push((layer.events.to_vec(), layer.detector_count));
        }
        let answer = decide(&layers);
        Self { layers, answer }
    }
}

fn decide(layers: &[(Vec<u8>, u32)]) -> Vec<u64> {
    let patch = patch();
    let mut decoders = BTreeMap::new();
    let mut books = CellBook::new(Arc::clone(patch.plan()), layers.len() as u64).expect("books");
    for (at, (events, count)) in layers.iter().enumerate() {
        books.push(events, *count, at + 1 == layers.len()).expect("room");
        while let Some(cell) = books.next() {
            let decoder = decoders.entry(cell.shape).or_insert_with(|| {
                let window = Arc::new(patch.plan().window(&cell).expect("a window"));
                patch.decoder(window).expect("a decoder")
            });
            let input = books.input(cell.number).expect("an open cell");
            let commit = decoder.decode(input.events, input.marks, &[]).expect("an answer");
            books.commit(cell.number, &commit).expect("the answer of this cell");
        }
    }
    let state = books.state();
    assert!(state.is_finished);
    state.observables.iter().map(|&byte| u64::from(byte)).collect()
}

/// Options of a controller that gives nobody up because this machine is slow.
pub(crate) fn with_patience() -> ClusterOptions {
    const PATIENCE_NS: u64 = 60_000_000_000;
    let wire = Options { heartbeat_ns: PATIENCE_NS, ..Options::default() };
    let controller = ControllerOptions { wire, stall_ns: PATIENCE_NS, ..ControllerOptions::default() };
    ClusterOptions { controller, ..ClusterOptions::default() }
}

/// Streams a history and returns its answer. `before` is called before each round.
pub(crate) fn stream(
    cluster: &mut Cluster,
    history: &History,
    mut before: impl FnMut(usize, &mut Cluster),
) -> Vec<u64> {
    let memory = cluster.open(patch()).expect("a patch that fits");
    for (at, (events, count)) in history.layers.iter().enumerate() {
        before(at, cluster);
        let is_last = at + 1 == history.layers.len();
        let end = Instant::now() + DEADLINE;
        while let Err(error) = cluster.push(memory, events, *count, is_last) {
            assert!(matches!(error, PushError::Full), "{error}");
            assert!(Instant::now() < end, "no room at round {at}: {:#?}", cluster.controller());
            cluster.wait(NAP);
            cluster.poll();
        }
        cluster.poll();
    }
    finish(cluster, memory)
}

/// Streams histories until each of so many nodes decides cells: one may join while another has long begun.
pub(crate) fn stream_until_all_decide(cluster: &mut Cluster, nodes: usize) {
    const HISTORIES_MAX: u64 = 1000;
    let mut deciders = BTreeSet::new();
    while cluster.poll_commit().is_some() {}
    for seed in 0..HISTORIES_MAX {
        let history = History::sample(100, seed);
        assert_eq!(stream(cluster, &history, |_, _| {}), history.answer, "seed {seed}");
        deciders.extend(std::iter::from_fn(|| cluster.poll_commit()).map(|commit| commit.node));
        if deciders.len() == nodes {
            return;
        }
        cluster.wait(NAP);
    }
    panic!("only {deciders:?} decide cells: {:#?}", cluster.controller());
}

/// Drives a cluster until something happens to it; returns that, and everything before it.
pub(crate) fn events_until(cluster: &mut Cluster, is_last: impl Fn(&Event) -> bool) -> Vec<Event> {
    let end = Instant::now() + DEADLINE;
    let mut seen = Vec::new();
    loop {
        seen.extend(events(cluster));
        if seen.iter().any(&is_last) {
            return seen;
        }
        assert!(Instant::now() < end, "only {seen:?} happened: {:#?}", cluster.controller());
        cluster.wait(NAP);
        cluster.poll();
    }
}

/// What happened to a cluster.
pub(crate) fn events(cluster: &mut Cluster) -> Vec<Event> {
    std::iter::from_fn(|| cluster.poll_event()).collect()
}

/// Waits until all cells of a history are decided.
pub(crate) fn finish(cluster: &mut Cluster, memory: PatchId) -> Vec<u64> {
    let end = Instant::now() + DEADLINE;
    loop {
        let state = cluster.state(memory).expect("an open patch");
        if state.is_finished {
            let answer = state.observables.to_vec();
            cluster.close(memory);
            return answer;
        }
        assert!(Instant::now() < end, "not finished: {:#?}", cluster.controller());
        cluster.wait(NAP);
        cluster.poll();
    }
}
