//! Streams: whatever the order in which cells are decided, and however the layers come, the answer is that of the
//! history's cells decided by rank.

mod support;

use outrider::{DetectorErrorModel, Sampler};
use outrider_sys::*;
use std::collections::{BTreeMap, BTreeSet};
use support::decoding::{Graph, Kind, set_bits};
use support::graph::BOUNDARY;
use support::history::{History, layouts, memory, slab};
use support::plan::{Cell, Plan, PlanOptions, parallel};
use support::random::Random;
use support::stream::{Stream, layers_needed};
use support::window::{Commit, Window, WindowDecoder};

const SHOTS: usize = 4;
const REFERENCE_LAYERS: usize = 46;
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
    fn window(&mut self, plan: &Plan<'g>, cell: &Cell) -> &Window<'g> {
        self.0.entry(key(cell)).or_insert_with(|| plan.window(cell))
    }

    fn decide(&mut self, plan: &Plan<'g>, cell: &Cell, events: &[u32], marks: &[u32]) -> Commit {
        let window = self.window(plan, cell);
        let mut decoder = WindowDecoder::new(window, Kind::OTR_DECODER_MWPM_CORRELATED);
        decoder.decode(events, marks, &[]).expect("every window can be matched")
    }
}

/// A history's cells decided in order of rank: their commits, and the observables of all of them.
struct ByRank {
    commits: BTreeMap<(usize, usize), Commit>,
    observables: u8,
}

impl ByRank {
    fn new(history: &History, windows: &BTreeMap<(usize, usize), Window>, events: &[u32]) -> Self {
        let mut order: Vec<(usize, usize)> = windows.keys().copied().collect();
        order.sort_by_key(|&cell| history.rank(cell));
        let mut commits: BTreeMap<(usize, usize), Commit> = BTreeMap::new();
        for cell in order {
            let rank = history.rank(cell);
            let lower = commits.iter().filter(|(other, _)| history.rank(**other) < rank);
            let marks: Vec<u32> = lower.flat_map(|(_, commit)| commit.marks.clone()).collect();
            let mut decoder = WindowDecoder::new(&windows[&cell], Kind::OTR_DECODER_MWPM_CORRELATED);
            commits.insert(cell, decoder.decode(events, &marks, &[]).unwrap());
        }
        let observables = commits.values().fold(0, |sum, commit| sum ^ commit.observables[0]);
        Self { commits, observables }
    }

    /// The artificial defects of all cells of lower rank, those given twice cancelled, and the edges that they marked.
    fn marks(&self, history: &History, cell: (usize, usize)) -> (BTreeSet<u32>, BTreeSet<u32>) {
        let rank = history.rank(cell);
        let lower = self.commits.iter().filter(|(other, _)| history.rank(**other) < rank);
        split(&history.graph, lower.flat_map(|(_, commit)| commit.marks.iter().copied()))
    }
}

/// Defects, those given twice cancelled, and marked edges.
fn split(graph: &Graph, marks: impl Iterator<Item = u32>) -> (BTreeSet<u32>, BTreeSet<u32>) {
    let (defects, edges): (Vec<u32>, Vec<u32>) = marks.partition(|&mark| mark < graph.nodes as u32);
    (odd(defects.into_iter()), edges.into_iter().map(|mark| mark - graph.nodes as u32).collect())
}

/// What occurs an odd number of times.
fn odd(numbers: impl Iterator<Item = u32>) -> BTreeSet<u32> {
    let mut odd = BTreeSet::new();
    for number in numbers {
        if !odd.remove(&number) {
            odd.insert(number);
        }
    }
    odd
}

/// A shot that is streamed, and what is known of it.
struct Shot<'h> {
    history: &'h History,
    expected: ByRank,
    layers: Vec<Vec<bool>>,
    /// First detectors of the layers of the reference.
    reference: &'h [u32],
    /// Marked edges that mattered to a cell.
    recalled: &'h std::cell::Cell<usize>,
}

impl Shot<'_> {
    /// A detector of the history in the numbers of the reference.
    fn to_reference(&self, cell: &Cell, detector: u32) -> Option<u32> {
        let layer = self.history.layers[detector as usize];
        let first = self.history.layers.partition_point(|&other| other < layer) as u32;
        let own = usize::try_from(layer as i64 - cell.shift).ok()?;
        self.reference.get(own).map(|begin| begin + detector - first)
    }

    /// Checks what a cell is decided from.
    fn check(&self, plan: &Plan, cell: &Cell, window: &Window, events: &[u32], marks: &[u32]) {
        let mut expected = Vec::new();
        let mut detector = 0;
        for (layer, fires) in self.layers.iter().enumerate() {
            for &fires in fires {
                if fires && (cell.events_first..cell.events_end).contains(&(layer as u64)) {
                    expected.push(self.to_reference(cell, detector).expect("the window is in the reference"));
                }
                detector += 1;
            }
        }
        assert_eq!(events, expected, "{cell:?}");
        let rows = u64::from(plan.measures().1);
        let place = ((cell.number % rows) as usize, (cell.number / rows) as usize);
        let seen: BTreeSet<u32> = window.detectors().into_iter().collect();
        let (defects, used) = self.expected.marks(self.history, place);
        let (found, recalled) = split(plan.graph, marks.iter().copied());
        let near = defects.iter().filter_map(|&defect| self.to_reference(cell, defect));
        assert_eq!(
            found.intersection(&seen).copied().collect::<Vec<_>>(),
            near.filter(|defect| seen.contains(defect)).collect::<Vec<_>>(),
            "{cell:?}"
        );
        // Of marked edges those count that have rules for edges of the window.
        let own: BTreeSet<u32> = window.edges().iter().map(|edge| edge.source).collect();
        let matters =
            |edge: &u32| plan.graph.edges[*edge as usize].rules.iter().any(|rule| own.contains(&rule.0));
        let used = used.iter().filter_map(|&edge| self.edge_to_reference(plan.graph, cell, edge));
        let expected: BTreeSet<u32> = used.filter(matters).collect();
        assert_eq!(recalled.into_iter().filter(matters).collect::<BTreeSet<_>>(), expected, "{cell:?}");
        self.recalled.set(self.recalled.get() + expected.len());
    }

    /// An edge of the history in the numbers of the reference.
    fn edge_to_reference(&self, reference: &Graph, cell: &Cell, edge: u32) -> Option<u32> {
        let (a, b) = self.history.graph.edges[edge as usize].nodes;
        let second = if b == BOUNDARY { Some(b) } else { self.to_reference(cell, b) };
        let nodes = (self.to_reference(cell, a)?, second?);
        reference.edges.binary_search_by_key(&nodes, |edge| edge.nodes).ok().map(|edge| edge as u32)
    }

    /// Streams it. Cells are taken as soon as they can be, and committed at random; layers come one by one, or as many
    /// as there is room for.
    fn stream<'g>(
        &self,
        random: &mut Random,
        stream: &mut Stream<'_, 'g>,
        windows: &mut Windows<'g>,
        fill: bool,
    ) {
        let plan = stream.plan();
        let mut out: Vec<(u64, Commit)> = Vec::new();
        let (mut pushed, mut idle, mut was_full) = (0, 0, false);
        while !stream.state().is_finished {
            let state = stream.state();
            idle += 1;
            assert!(idle < IDLE_MAX, "the stream stands still: {state:?}, {} cells out", out.len());
            assert_eq!(state.layers, pushed as u64);
            assert!(state.committed <= state.layers);
            let most = if fill { self.layers.len() } else { random.below(2) };
            for _ in 0..most {
                if pushed < self.layers.len() && stream.state().room > 0 {
                    stream.push(&self.layers[pushed], pushed + 1 == self.layers.len()).unwrap();
                    pushed += 1;
                    idle = 0;
                }
            }
            was_full |= stream.state().room == 0 && pushed < self.layers.len();
            while random.below(4) > 0 {
                let Some(cell) = stream.next() else { break };
                let (events, marks) = stream.input(cell.number).unwrap();
                let window = windows.window(plan, &cell);
                self.check(plan, &cell, window, &events, &marks);
                let mut decoder = WindowDecoder::new(window, Kind::OTR_DECODER_MWPM_CORRELATED);
                out.push((cell.number, decoder.decode(&events, &marks, &[]).unwrap()));
            }
            if !out.is_empty() && random.below(2) > 0 {
                let (number, commit) = out.swap_remove(random.below(out.len()));
                assert_eq!(stream.commit(number, &commit), otr_status::OTR_OK);
                assert_eq!(
                    stream.commit(number, &commit),
                    otr_status::OTR_ERR_ARGUMENT,
                    "a commit counts once"
                );
                idle = 0;
            }
        }
        assert!(out.is_empty() && pushed == self.layers.len() && was_full >= fill);
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
    let recalled = std::cell::Cell::new(0);
    for (number, options) in layouts().into_iter().enumerate() {
        let options = PlanOptions { context: number as u32 % 3, ..options };
        let text = history_text(&options, REFERENCE_LAYERS);
        let graph = Graph::with_correlations(&text);
        let plan = Plan::new(&graph, &text, &options).unwrap();
        let layers: Vec<usize> = History::new(&text, options).layers;
        let reference: Vec<u32> =
            (0..REFERENCE_LAYERS).map(|layer| layers.partition_point(|&own| own < layer) as u32).collect();
        let mut windows = Windows::default();
        for length in [REFERENCE_LAYERS, REFERENCE_LAYERS + 1, 51, 62] {
            let text = history_text(&options, length);
            let history = History::new(&text, options);
            let model = DetectorErrorModel::parse(&text).unwrap();
            let own: BTreeMap<_, _> = history
                .cells
                .iter()
                .map(|&cell| (cell, Window::new(&history.graph, &history.roles(cell)).unwrap()))
                .collect();
            let mut sampler = Sampler::new(&model, 62).unwrap();
            let (mut detectors, mut observables) = sampler.batches();
            sampler.sample(0, SHOTS, &mut detectors, &mut observables).unwrap();
            for (shot, row) in detectors.rows().enumerate() {
                let expected = ByRank::new(&history, &own, &set_bits(row));
                let answer = expected.observables;
                let layers = layers_of(&history, row);
                let shot_known =
                    Shot { history: &history, expected, layers, reference: &reference, recalled: &recalled };
                // Held to what is needed, a stream that is filled up must not stand still either.
                let fill = shot % 2 == 0 && layers_needed(&plan) < length as u64;
                let mut stream = Stream::new(&plan, layers_needed(&plan)).unwrap();
                shot_known.stream(&mut random, &mut stream, &mut windows, fill);
                let state = stream.state();
                assert_eq!(state.observables, [answer], "{options:?} {length} layers");
                assert_eq!((state.committed, state.room), (length as u64, 0));
            }
        }
    }
    assert!(recalled.get() > 500, "{} marked edges are too few", recalled.get());
}

#[test]
fn cells_without_detectors_are_passed() {
    let text = memory((7, 3), 40);
    let graph = Graph::with_correlations(&text);
    for (cell_layers, spacing) in [(1, 0), (1, 1), (2, 0), (3, 2)] {
        let options = PlanOptions { cell_layers, spacing, width: 3, axis: 1, ..parallel(3) };
        let plan = Plan::new(&graph, &text, &options).unwrap();
        let mut stream = Stream::new(&plan, layers_needed(&plan)).unwrap();
        let (mut decided, layers) = (0, u64::from(plan.measures().0));
        for layer in 0..layers {
            let quiet = vec![false; plan.layer_detectors(layer, layers) as usize];
            stream.push(&quiet, layer + 1 == layers).unwrap();
            while let Some(cell) = stream.next() {
                assert_eq!(cell.is_empty, 0);
                assert!(!plan.window(&cell).detectors().is_empty());
                let nothing = Commit { observables: vec![0], marks: vec![], edges: vec![], event_count: 0 };
                assert_eq!(stream.commit(cell.number, &nothing), otr_status::OTR_OK);
                decided += 1;
            }
        }
        assert!(stream.state().is_finished);
        let empty = (0..plan.cell_count(layers)).filter_map(|number| plan.cell(number, layers).ok());
        let empty = empty.filter(|cell| cell.is_empty != 0).count() as u64;
        assert!(
            decided + empty <= plan.cell_count(layers) && (cell_layers > 1 || empty > 0),
            "{empty} of {decided}"
        );
    }
}

#[test]
fn an_endless_stream_needs_no_more_memory() {
    let mut random = Random(63);
    for options in [parallel(3), PlanOptions { spacing: 0, ..parallel(3) }] {
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
                let (events, marks) = stream.input(cell.number).unwrap();
                let commit = windows.decide(&plan, &cell, &events, &marks);
                assert_eq!(stream.commit(cell.number, &commit), otr_status::OTR_OK);
            }
            let state = stream.state();
            assert!(state.room > 0 && state.committed + layers_max > layer, "{state:?}");
            if layer == 2_000 {
                bytes = stream.bytes();
            }
        }
        // The lists of marks are as long as the longest so far; one may still double.
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
    let nothing = Commit { observables: vec![0], marks: vec![], edges: vec![], event_count: 0 };
    let bad = Commit { marks: vec![u32::MAX], ..nothing.clone() };
    assert_eq!(stream.commit(0, &bad), otr_status::OTR_ERR_INDEX);
    let far = Commit { marks: vec![graph.nodes as u32 - 1], ..nothing.clone() };
    assert_eq!(stream.commit(0, &far), otr_status::OTR_ERR_INDEX, "not near the cell");
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
