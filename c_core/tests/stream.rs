//! Streams: whatever the order in which cells are decided, and however the layers come, the answer is that of the
//! history's cells decided by rank.

mod support;

use outrider::{DetectorErrorModel, Sampler};
use outrider_sys::*;
use std::collections::BTreeMap;
use support::decoding::{Graph, Kind, set_bits};
use support::history::{History, layouts, memory, slab};
use support::plan::{Cell, Plan, PlanOptions, parallel};
use support::random::Random;
use support::stream::{State, Stream, layers_needed};
use support::window::{Commit, Window, WindowDecoder};

const SHOTS: usize = 5;
/// Turns in a row, each at random, in which nothing happens by chance.
const IDLE_MAX: usize = 1000;

/// A memory, or a slab seven sites long for plans that cut space.
fn history_text(options: &PlanOptions, layers: usize) -> String {
    if options.width == 0 { memory((3, 3), layers as u32 - 1) } else { slab(options.axis, 7, 3, layers) }
}

/// Windows of a plan, made when they are first wanted.
#[derive(Default)]
struct Windows<'g>(BTreeMap<[u32; 6], Window<'g>>);

fn key(cell: &Cell) -> [u32; 6] {
    let shape = &cell.shape;
    [shape.row, shape.phase, shape.first_layer, shape.end_layer, shape.window_first, shape.window_end]
}

impl<'g> Windows<'g> {
    fn decide(&mut self, plan: &Plan<'g>, cell: &Cell, events: &[u32], defects: &[u32]) -> Commit {
        let window = self.0.entry(key(cell)).or_insert_with(|| plan.window(cell));
        let mut decoder = WindowDecoder::new(window, Kind::OTR_DECODER_MWPM_CORRELATED);
        decoder.decode(events, defects, &[]).expect("every window can be matched")
    }
}

/// The observables of a history, cell by cell in order of rank.
fn by_rank(history: &History, windows: &mut BTreeMap<(usize, usize), Window>, events: &[u32]) -> u8 {
    let mut order: Vec<(usize, usize)> = windows.keys().copied().collect();
    order.sort_by_key(|&cell| history.rank(cell));
    let mut commits: Vec<(usize, Commit)> = Vec::new();
    for cell in order {
        let rank = history.rank(cell);
        let lower = commits.iter().filter(|(other, _)| *other < rank);
        let defects: Vec<u32> = lower.flat_map(|(_, commit)| commit.defects.clone()).collect();
        let mut decoder = WindowDecoder::new(&windows[&cell], Kind::OTR_DECODER_MWPM_CORRELATED);
        commits.push((rank, decoder.decode(events, &defects, &[]).unwrap()));
    }
    commits.iter().fold(0, |sum, (_, commit)| sum ^ commit.observables[0])
}

/// Streams the layers of a shot. Cells are taken as soon as they can be, and committed at random.
fn stream_shot<'g>(
    random: &mut Random,
    stream: &mut Stream<'_, 'g>,
    windows: &mut Windows<'g>,
    layers: &[Vec<bool>],
    layers_max: u64,
) -> State {
    let plan = stream.plan();
    let mut out: Vec<(u64, Commit)> = Vec::new();
    let mut pushed = 0;
    let mut idle = 0;
    loop {
        let state = stream.state();
        idle += 1;
        assert!(idle < IDLE_MAX, "the stream stands still: {state:?}, {} cells out", out.len());
        assert_eq!(state.layers, pushed as u64);
        assert!(state.committed <= state.layers && state.room <= layers_max);
        if pushed < layers.len() && state.room > 0 && random.below(3) > 0 {
            stream.push(&layers[pushed], pushed + 1 == layers.len()).unwrap();
            pushed += 1;
            idle = 0;
        }
        while random.below(4) > 0 {
            let Some(cell) = stream.next() else { break };
            let (events, defects) = stream.input(cell.number).unwrap();
            out.push((cell.number, windows.decide(plan, &cell, &events, &defects)));
        }
        if !out.is_empty() && random.below(2) > 0 {
            let (number, commit) = out.swap_remove(random.below(out.len()));
            assert_eq!(stream.commit(number, &commit), otr_status::OTR_OK);
            assert_eq!(stream.commit(number, &commit), otr_status::OTR_ERR_ARGUMENT, "a commit counts once");
            idle = 0;
        }
        if stream.state().is_finished {
            assert!(out.is_empty() && pushed == layers.len());
            return stream.state();
        }
    }
}

/// The layers of a shot given as a row of bits.
fn layers_of(history: &History, row: &[u8]) -> Vec<Vec<bool>> {
    let fires = |node: usize| row[node / 8] >> (node % 8) & 1 == 1;
    let layer = |layer| (0..history.layers.len()).filter(move |&node| history.layers[node] == layer);
    (0..history.layer_count()).map(|number| layer(number).map(fires).collect()).collect()
}

#[test]
fn any_order_of_cells_gives_the_answer_by_rank() {
    let mut random = Random(61);
    for options in layouts() {
        let text = history_text(&options, 46);
        let graph = Graph::with_correlations(&text);
        let plan = Plan::new(&graph, &text, &options).unwrap();
        let mut windows = Windows::default();
        for length in [46, 47, 51, 62] {
            let text = history_text(&options, length);
            let history = History::new(&text, options);
            let model = DetectorErrorModel::parse(&text).unwrap();
            let mut own: BTreeMap<_, _> = history
                .cells
                .iter()
                .map(|&cell| (cell, Window::new(&history.graph, &history.roles(cell)).unwrap()))
                .collect();
            let mut sampler = Sampler::new(&model, 62).unwrap();
            let (mut detectors, mut observables) = sampler.batches();
            sampler.sample(0, SHOTS, &mut detectors, &mut observables).unwrap();
            for row in detectors.rows() {
                let expected = by_rank(&history, &mut own, &set_bits(row));
                let layers = layers_of(&history, row);
                let layers_max = layers_needed(&plan) + random.below(5) as u64;
                let mut stream = Stream::new(&plan, layers_max).unwrap();
                let state = stream_shot(&mut random, &mut stream, &mut windows, &layers, layers_max);
                assert_eq!(state.observables, [expected], "{options:?} {length} layers");
                assert_eq!((state.committed, state.room), (length as u64, 0));
            }
        }
    }
}

#[test]
fn an_endless_stream_needs_no_more_memory() {
    let mut random = Random(63);
    for options in [parallel(3), PlanOptions { gap: 0, ..parallel(3) }] {
        let text = memory((3, 3), 40);
        let graph = Graph::with_correlations(&text);
        let plan = Plan::new(&graph, &text, &options).unwrap();
        let mut windows = Windows::default();
        let layers_max = layers_needed(&plan);
        let mut stream = Stream::new(&plan, layers_max).unwrap();
        let mut bytes = 0;
        for layer in 0..20_000u64 {
            let width = plan.layer_detectors(layer, 0);
            let events: Vec<bool> = (0..width).map(|_| random.below(50) == 0).collect();
            stream.push(&events, false).unwrap();
            while let Some(cell) = stream.next() {
                let (events, defects) = stream.input(cell.number).unwrap();
                let commit = windows.decide(&plan, &cell, &events, &defects);
                assert_eq!(stream.commit(cell.number, &commit), otr_status::OTR_OK);
            }
            let state = stream.state();
            assert!(state.room > 0 && state.committed + layers_max > layer, "{state:?}");
            if layer == 2_000 {
                bytes = stream.bytes();
            }
        }
        // The lists of defects are as long as the longest so far; one may still double.
        assert!(stream.bytes() <= 2 * bytes, "{} bytes after {bytes}", stream.bytes());
        assert!(windows.0.len() < 10, "{} windows", windows.0.len());
    }
}

#[test]
fn bad_layers_and_commits_change_nothing() {
    let text = memory((3, 3), 40);
    let graph = Graph::with_correlations(&text);
    let plan = Plan::new(&graph, &text, &parallel(3)).unwrap();
    let needed = layers_needed(&plan);
    let error = Stream::new(&plan, needed - 1).err().expect("too few layers");
    assert_eq!(
        error.message,
        format!("a stream of {} layers; this plan needs {needed} to 16777216", needed - 1)
    );
    let mut stream = Stream::new(&plan, needed).unwrap();
    let layer = |layer| vec![false; plan.layer_detectors(layer, 0) as usize];
    let before = stream.state();
    let refused = |stream: &mut Stream, events: &[bool], is_last| {
        let before = stream.state();
        let message = stream.push(events, is_last).unwrap_err().message;
        assert_eq!(stream.state(), before);
        message
    };
    assert_eq!(refused(&mut stream, &[false; 5], false), "layer 0 has 4 detectors, not 5");
    assert_eq!(
        refused(&mut stream, &layer(0), true),
        format!("1 layers; the plan serves 41, or {} to 281474976710656", plan.measures().3)
    );
    assert_eq!(before, stream.state());
    assert_eq!(stream.input(0).err(), Some(otr_status::OTR_ERR_ARGUMENT), "not taken");
    for number in 0..needed {
        stream.push(&layer(number), false).unwrap();
    }
    assert_eq!(
        refused(&mut stream, &layer(needed), false),
        format!("no room for layer {needed}: the stream holds {needed}, and none is committed")
    );
    let cell = stream.next().expect("the first cell can be decided");
    assert_eq!(cell.number, 0);
    let nothing = Commit { observables: vec![0], defects: vec![], edges: vec![], event_count: 0 };
    let bad = Commit { defects: vec![u32::MAX], ..nothing.clone() };
    assert_eq!(stream.commit(0, &bad), otr_status::OTR_ERR_INDEX);
    assert_eq!(stream.commit(1, &nothing), otr_status::OTR_ERR_ARGUMENT, "not taken");
    assert_eq!(stream.commit(u64::MAX, &nothing), otr_status::OTR_ERR_ARGUMENT, "no such cell");
    assert_eq!(stream.commit(0, &nothing), otr_status::OTR_OK);
    while let Some(cell) = stream.next() {
        assert_eq!(stream.commit(cell.number, &nothing), otr_status::OTR_OK);
    }
    assert!(stream.state().room > 0, "what is committed makes room");
    let last = stream.state().layers;
    stream.push(&vec![false; plan.layer_detectors(last, last + 1) as usize], true).unwrap();
    assert_eq!(
        refused(&mut stream, &layer(0), false),
        format!("layer {} comes after the last one", last + 1)
    );
    while let Some(cell) = stream.next() {
        assert_eq!(stream.commit(cell.number, &nothing), otr_status::OTR_OK);
    }
    assert!(stream.state().is_finished);
}
