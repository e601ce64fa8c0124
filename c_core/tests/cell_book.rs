//! Cell books: whatever the order in which cells are decided, wherever that happens, and however the layers come, the
//! answer is that of the history's cells decided by rank.

use outrider::{DetectorErrorModel, Sampler};
use outrider_sys::*;
use std::collections::{BTreeMap, BTreeSet};
use std::ptr;

use crate::support::cell_book::{Book, Marks, default_options, layers_needed};
use crate::support::decoding::{Graph, Kind, set_bits};
use crate::support::graph::BOUNDARY;
use crate::support::history::{History, layouts, memory, slab};
use crate::support::plan::{Cell, Plan, PlanOptions, parallel};
use crate::support::random::Random;
use crate::support::window::{Commit, Window, WindowDecoder};

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
        stream: &mut Book<'_, 'g>,
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

/// Runs a check on shots of histories of every layout and some lengths.
fn for_each_shot(lengths: &[usize], mut run: impl for<'g> FnMut(usize, &Shot, &Plan<'g>, &mut Windows<'g>)) {
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
        for &length in lengths {
            let text = history_text(&options, length);
            let history = History::new(&text, options).in_order_of(&plan);
            let model = DetectorErrorModel::parse(&text).unwrap();
            let own: BTreeMap<_, _> = history
                .cells
                .iter()
                .map(|&cell| (cell, Window::new(&history.graph, &history.roles(cell)).unwrap()))
                .collect();
            let mut sampler = Sampler::new(&model, 62).unwrap();
            let (mut detectors, mut observables) = sampler.batches();
            sampler.sample(0, SHOTS, &mut detectors, &mut observables).unwrap();
            for (number, row) in detectors.rows().enumerate() {
                let shot = Shot {
                    history: &history,
                    expected: ByRank::new(&history, &own, &set_bits(row)),
                    layers: layers_of(&history, row),
                    reference: &reference,
                    recalled: &recalled,
                };
                run(number, &shot, &plan, &mut windows);
            }
        }
    }
    assert!(recalled.get() > 500, "{} marked edges are too few", recalled.get());
}

#[test]
fn any_order_of_cells_gives_the_answer_by_rank() {
    let mut random = Random(61);
    for_each_shot(&[REFERENCE_LAYERS, REFERENCE_LAYERS + 1, 51, 62], |number, shot, plan, windows| {
        let length = shot.layers.len() as u64;
        // Held to what is needed, a book that is filled up must not stand still either.
        let fill = number % 2 == 0 && layers_needed(plan) < length;
        let mut book = Book::new(plan, layers_needed(plan)).unwrap();
        shot.stream(&mut random, &mut book, windows, fill);
        let state = book.state();
        assert_eq!(state.observables, [shot.expected.observables], "{length} layers");
        assert_eq!((state.committed, state.room), (length, 0));
    });
}

/// A book of some of the cells, as a node has it.
struct Owner<'p, 'g> {
    book: Book<'p, 'g>,
    /// Layers before it were pushed or left out.
    next_layer: u64,
    /// Cells whose commits were imported.
    imported: BTreeSet<u64>,
    out: Vec<(Cell, Commit)>,
}

/// A history whose cells are shared by owners. A keeper follows all of them and decides none.
struct Shared<'a, 'p, 'g> {
    shot: &'a Shot<'a>,
    plan: &'p Plan<'g>,
    keeper: Book<'p, 'g>,
    stretch: u64,
    /// The first cell that was dealt out.
    first: u64,
    owners: Vec<Owner<'p, 'g>>,
    pushed: usize,
    skipped: u64,
    repeated: u64,
}

impl<'a, 'p, 'g> Shared<'a, 'p, 'g> {
    fn new(shot: &'a Shot<'a>, plan: &'p Plan<'g>, options: PlanOptions) -> Self {
        let room = 2 * layers_needed(plan);
        let keeper = otr_cell_book_options {
            layers_max: room,
            lead: options.cell_layers,
            can_reopen: true,
            ..default_options(plan)
        };
        let stretch = u64::from(plan.measures().1) * if options.spacing > 0 { 2 } else { 1 };
        let keeper = Book::with(plan, keeper).unwrap();
        Self { shot, plan, keeper, stretch, first: 0, owners: Vec::new(), pushed: 0, skipped: 0, repeated: 0 }
    }

    fn owner_of(&self, cell: u64) -> usize {
        (cell / self.stretch % self.owners.len() as u64) as usize
    }

    /// Gives all open cells to new owners.
    fn deal_out(&mut self, count: u64) {
        let state = self.keeper.state();
        let needs = self.keeper.needs();
        let first_open = needs.iter().find(|need| need.number >= state.cells);
        let first_layer = first_open.map_or(state.layers, |need| need.first_layer);
        let first_layer = first_layer.saturating_sub(u64::from(self.shot.history.options.cell_layers));
        self.keeper.reopen();
        self.first = state.cells;
        self.owners.clear();
        for member in 0..count {
            let range = |place: u64| {
                let begin = member * self.stretch + place;
                let stride = self.stretch * count;
                let turns = state.cells.saturating_sub(begin).div_ceil(stride);
                otr_cell_range { first: begin + turns * stride, stride, count: u64::MAX }
            };
            let ranges: Vec<_> = (0..self.stretch).map(range).collect();
            let options = otr_cell_book_options {
                layers_max: 2 * layers_needed(self.plan),
                first_layer,
                followed: ranges.as_ptr(),
                followed_count: ranges.len(),
                ..default_options(self.plan)
            };
            let book = Book::with(self.plan, options).unwrap();
            let (imported, out) = (BTreeSet::new(), Vec::new());
            self.owners.push(Owner { book, next_layer: first_layer, imported, out });
        }
    }

    /// Pushes the next layer to the keeper.
    fn push(&mut self) {
        if self.pushed < self.shot.layers.len() && self.keeper.state().room > 0 {
            let is_last = self.pushed + 1 == self.shot.layers.len();
            self.keeper.push_at(&self.shot.layers[self.pushed], is_last, self.pushed as u64).unwrap();
            self.pushed += 1;
        }
    }

    /// Pushes an owner the next layer that one of its cells needs, or the last.
    fn send_layer(&mut self, at: usize) {
        let state = self.keeper.state();
        let needs = self.keeper.needs();
        let own = |need: &&otr_cell_need| need.number >= state.cells && self.owner_of(need.number) == at;
        let needs: Vec<_> = needs.iter().filter(own).map(|need| need.first_layer..need.end_layer).collect();
        let is_needed = |layer: &u64| {
            needs.iter().any(|need| need.contains(layer)) || state.has_ended && layer + 1 == state.layers
        };
        let owner = &mut self.owners[at];
        let Some(layer) = (owner.next_layer..state.layers).find(is_needed) else { return };
        if owner.book.state().room > 0 {
            self.skipped += layer - owner.next_layer;
            assert_eq!(owner.book.skip(layer), otr_status::OTR_OK);
            let is_last = layer + 1 == self.shot.layers.len() as u64;
            owner.book.push_at(&self.shot.layers[layer as usize], is_last, 1000 + layer).unwrap();
            owner.next_layer = layer + 1;
        }
    }

    /// Imports one of the commits that cells of an owner depend on, any.
    fn send_commit(&mut self, at: usize, random: &mut Random) {
        let first = self.keeper.state().cells;
        let mut wanted = Vec::new();
        for need in self.keeper.needs() {
            if need.number >= first && self.owner_of(need.number) == at {
                wanted.extend(self.keeper.dependencies(need.number).unwrap());
            }
        }
        wanted.retain(|&cell| {
            // Cells before those that were dealt out belong to nobody.
            let is_other = cell < self.first || self.owner_of(cell) != at;
            is_other && self.keeper.is_committed(cell) && !self.owners[at].imported.contains(&cell)
        });
        if wanted.is_empty() {
            return;
        }
        let cell = wanted[random.below(wanted.len())];
        let (_, marks) = self.keeper.commit_of(cell).unwrap();
        let owner = &mut self.owners[at];
        let outcome = owner.book.import(cell, None, &marks).map(|(outcome, _)| outcome);
        assert!(matches!(outcome, Ok(otr_import_outcome::OTR_IMPORT_NEW)), "{cell}: {outcome:?}");
        owner.imported.insert(cell);
    }

    /// Decides the cells of an owner that can be decided.
    fn decide(&mut self, at: usize, windows: &mut Windows<'g>) {
        let owner = &mut self.owners[at];
        while let Some(cell) = owner.book.next() {
            let (events, marks, arrived) = owner.book.timed_input(cell.number).unwrap();
            assert_eq!(arrived, 1000 + cell.events_end - 1);
            let window = windows.window(self.plan, &cell);
            self.shot.check(self.plan, &cell, window, &events, &marks);
            let mut decoder = WindowDecoder::new(window, Kind::OTR_DECODER_MWPM_CORRELATED);
            owner.out.push((cell, decoder.decode(&events, &marks, &[]).unwrap()));
        }
    }

    /// Hands a commit back to its owner, and to the keeper.
    fn commit(&mut self, at: usize, random: &mut Random) {
        let owner = &mut self.owners[at];
        if owner.out.is_empty() {
            return;
        }
        let (cell, commit) = owner.out.swap_remove(random.below(owner.out.len()));
        assert_eq!(owner.book.commit(cell.number, &commit), otr_status::OTR_OK);
        let marks = placed(self.plan, &cell, &commit);
        let before = self.keeper.state().commits;
        let (outcome, arrived) = self.keeper.import(cell.number, Some(&commit.observables), &marks).unwrap();
        match outcome {
            otr_import_outcome::OTR_IMPORT_NEW => {
                assert_eq!(arrived, cell.ready_layers.min(self.pushed as u64) - 1);
            }
            otr_import_outcome::OTR_IMPORT_SAME => self.repeated += 1,
            other => panic!("{other:?}"),
        }
        assert!(self.keeper.state().commits > before);
    }

    fn run(&mut self, random: &mut Random, windows: &mut Windows<'g>) {
        self.deal_out(2);
        for _ in 0..TURNS_MAX {
            let state = self.keeper.state();
            if state.is_finished {
                assert_eq!(state.observables, [self.shot.expected.observables]);
                assert_eq!(state.committed, self.shot.layers.len() as u64);
                return;
            }
            if let Some((cell, arrived)) = self.keeper.awaited() {
                assert!(
                    cell >= state.first_cell && arrived < state.layers && !self.keeper.is_committed(cell)
                );
            }
            if random.below(OWNERS_TURNS) == 0 {
                self.deal_out(1 + random.below(3) as u64);
            }
            let at = random.below(self.owners.len());
            match random.below(40) {
                0..10 => self.push(),
                10..25 => self.send_layer(at),
                25..32 => self.send_commit(at, random),
                32..36 => self.decide(at, windows),
                _ => self.commit(at, random),
            }
        }
        panic!("the history stands still: {:?}", self.keeper.state());
    }
}

/// The marks of a commit by their places in the history.
fn placed(plan: &Plan, cell: &Cell, commit: &Commit) -> Marks {
    let layer = cell.first_layer.saturating_sub(LAYERS_BEFORE);
    let place = |&mark: &u32| {
        let (own, index) = plan.place(mark).unwrap();
        otr_placed_mark { layer: (i64::from(own) + cell.shift - layer as i64) as u32, index }
    };
    Marks { layer, places: commit.marks.iter().map(place).collect() }
}

/// More layers than an edge reaches.
const LAYERS_BEFORE: u64 = 8;
/// Turns, each at random, after which a history should be finished, and after which the owners change.
const TURNS_MAX: usize = 200_000;
const OWNERS_TURNS: usize = 400;

#[test]
fn owners_of_some_cells_and_a_keeper_of_all_give_the_answer_by_rank() {
    let mut random = Random(64);
    let (mut skipped, mut repeated) = (0, 0);
    for_each_shot(&[REFERENCE_LAYERS + 1, 51, 62], |_, shot, plan, windows| {
        let mut shared = Shared::new(shot, plan, shot.history.options);
        shared.run(&mut random, windows);
        skipped += shared.skipped;
        repeated += shared.repeated;
    });
    assert!(skipped > 1000 && repeated > 1000, "{skipped} layers skipped, {repeated} commits repeated");
}

/// A plan of a small memory, and a book over it that follows a range of cells.
fn with_range(range: otr_cell_range, run: impl FnOnce(&Plan, &mut Book)) {
    let text = memory((3, 3), 40);
    let graph = Graph::with_correlations(&text);
    let plan = Plan::new(&graph, &text, &parallel(3)).unwrap();
    let options = otr_cell_book_options {
        followed: &range,
        followed_count: 1,
        imports_max: 4,
        marks_max: 40,
        ..default_options(&plan)
    };
    run(&plan, &mut Book::with(&plan, options).unwrap());
}

fn quiet(plan: &Plan, layer: u64) -> Vec<bool> {
    vec![false; plan.layer_detectors(layer, 0) as usize]
}

#[test]
fn layers_that_a_cell_needs_must_not_be_left_out() {
    let every_third = otr_cell_range { first: 2, stride: 3, count: u64::MAX };
    with_range(every_third, |plan, book| {
        assert_eq!(book.skip(3), otr_status::OTR_OK);
        book.push(&quiet(plan, 3), false).unwrap();
        assert_eq!(book.skip(3), otr_status::OTR_ERR_ARGUMENT, "it has come");
        // Cell 2 needs layers 3 to 12.
        assert_eq!(book.skip(5), otr_status::OTR_OK);
        for layer in 5..16 {
            book.push(&quiet(plan, layer), false).unwrap();
        }
        for number in [0, 1, 3] {
            book.import(number, None, &Marks::default()).unwrap();
        }
        let cell = book.next().expect("cell 2 waits for nothing");
        let error = book.timed_input(cell.number).unwrap_err();
        assert_eq!(error.status, otr_status::OTR_ERR_INDEX);
        assert_eq!(error.message, "a round that cell 2 needs was left out");
    });
    with_range(every_third, |plan, book| {
        let before = book.state();
        for far in [1 << 20, 1 << 40] {
            assert_eq!(book.skip(far), otr_status::OTR_OK);
            let error = book.push(&quiet(plan, far), false).unwrap_err();
            assert_eq!(error.message, "a round that cell 2 needs was left out");
        }
        assert_eq!((book.state().held, book.state().entered), (before.held, before.entered));
    });
    let nothing = otr_cell_range { first: 0, stride: 1, count: 0 };
    with_range(nothing, |plan, book| {
        for layer in 0..100 {
            book.push(&quiet(plan, layer), false).unwrap();
            assert!(book.next().is_none() && book.state().held <= 3);
        }
    });
}

#[test]
fn imports_are_bounded_and_checked() {
    let first_only = otr_cell_range { first: 0, stride: 1, count: 1 };
    let index = |layer: u32, index| otr_placed_mark { layer, index };
    with_range(first_only, |plan, book| {
        let import = |book: &mut Book, number, layer, places: &[otr_placed_mark]| {
            let marks = Marks { layer, places: places.to_vec() };
            book.import(number, None, &marks).map(|(outcome, _)| outcome)
        };
        let most = plan.layer_marks_max(20);
        assert_eq!(import(book, u64::MAX, 0, &[]), Err(otr_status::OTR_ERR_INDEX), "no such cell");
        assert_eq!(import(book, 6, 20, &[index(0, most)]), Err(otr_status::OTR_ERR_INDEX), "no such mark");
        assert_eq!(import(book, 6, u64::MAX, &[index(1, 0)]), Err(otr_status::OTR_ERR_INDEX), "no layer");
        assert_eq!(import(book, 0, 0, &[]), Err(otr_status::OTR_ERR_ARGUMENT), "it has not entered");
        assert_eq!(import(book, 6, 20, &[index(0, 0); 41]), Err(otr_status::OTR_ERR_LIMIT), "too many marks");
        assert_eq!(book.state().first_cell, 0, "nothing was kept");
        // Whoever decided the cell may have known that its layer is the last.
        assert_eq!(import(book, 6, 20, &[index(0, most - 1)]), Ok(otr_import_outcome::OTR_IMPORT_NEW));
        assert_eq!(import(book, 6, 20, &[]), Ok(otr_import_outcome::OTR_IMPORT_SAME));
        for number in [9, 7, 8] {
            assert_eq!(import(book, number, 20, &[]), Ok(otr_import_outcome::OTR_IMPORT_NEW));
        }
        assert_eq!(import(book, 10, 20, &[]), Err(otr_status::OTR_ERR_LIMIT), "too many cells");
        (0..12).for_each(|layer| book.push(&quiet(plan, layer), false).unwrap());
        let cell = book.next().expect("cell 0 waits for nothing");
        assert_eq!(import(book, cell.number, 0, &[]), Err(otr_status::OTR_ERR_ARGUMENT), "it is out");
        assert_eq!(book.state().out, 1);
    });
}

#[test]
fn the_first_commit_of_a_cell_stands() {
    let text = memory((3, 3), 40);
    let graph = Graph::with_correlations(&text);
    let plan = Plan::new(&graph, &text, &parallel(3)).unwrap();
    let options = otr_cell_book_options { can_reopen: true, ..default_options(&plan) };
    let mut book = Book::with(&plan, options).unwrap();
    for layer in 0..14 {
        book.push_at(&quiet(&plan, layer), false, 100 + layer).unwrap();
    }
    let mark =
        |layer, index| Marks { layer, places: vec![otr_placed_mark { layer: 8 - layer as u32, index }] };
    let import = |book: &mut Book, flips: u8, marks: &Marks| book.import(2, Some(&[flips]), marks);
    let cell = plan.cell(2, 0).unwrap();
    assert_eq!(
        import(&mut book, 1, &mark(0, 3)),
        Ok((otr_import_outcome::OTR_IMPORT_NEW, 99 + cell.ready_layers))
    );
    assert_eq!(book.awaited(), Some((0, 99 + plan.cell(0, 0).unwrap().ready_layers)));
    for is_reopened in [false, true] {
        // From which layer marks count does not matter.
        assert_eq!(import(&mut book, 1, &mark(6, 3)).unwrap().0, otr_import_outcome::OTR_IMPORT_SAME);
        assert!(book.is_committed(2));
        if is_reopened {
            book.reopen();
            assert!(!book.is_committed(2) && book.commit_of(2).is_none());
        }
        assert_eq!(import(&mut book, 1, &mark(6, 2)).unwrap().0, otr_import_outcome::OTR_IMPORT_DIFFERENT);
        assert_eq!(import(&mut book, 0, &mark(6, 3)).unwrap().0, otr_import_outcome::OTR_IMPORT_DIFFERENT);
        let (observables, marks) = book.commit_of(2).unwrap();
        assert_eq!((observables, marks.layer + u64::from(marks.places[0].layer)), (vec![1], 8));
    }
    assert_eq!(import(&mut book, 1, &mark(0, 100)), Err(otr_status::OTR_ERR_INDEX), "no such mark");
    let far = Marks { layer: 12, places: vec![otr_placed_mark { layer: 0, index: 0 }] };
    assert_eq!(import(&mut book, 1, &far), Err(otr_status::OTR_ERR_INDEX), "not near the cell");
    assert_eq!(book.import(4, None, &Marks::default()), Err(otr_status::OTR_ERR_ARGUMENT), "not final");
    assert_eq!(book.layer(13), Some((vec![0], 8, 113)));
    assert_eq!(book.layer(14), None);
}

#[test]
fn ranges_are_checked() {
    let text = memory((3, 3), 40);
    let graph = Graph::with_correlations(&text);
    let plan = Plan::new(&graph, &text, &parallel(3)).unwrap();
    let create = |range: otr_cell_range| {
        let options = otr_cell_book_options { followed: &range, followed_count: 1, ..default_options(&plan) };
        Book::with(&plan, options).map(|_| ()).map_err(|error| error.status)
    };
    assert_eq!(create(otr_cell_range { first: 0, stride: 0, count: 1 }), Err(otr_status::OTR_ERR_ARGUMENT));
    let far = otr_cell_range { first: 1 << 60, stride: 1, count: 1 };
    assert_eq!(create(far), Err(otr_status::OTR_ERR_INDEX), "beyond every history");
    // SAFETY: a null book is refused.
    let refused = unsafe { otr_cell_book_skip(ptr::null_mut(), 0) };
    assert_eq!(refused, otr_status::OTR_ERR_ARGUMENT);
}

#[test]
fn cells_without_detectors_are_passed() {
    let text = memory((7, 3), 40);
    let graph = Graph::with_correlations(&text);
    for (cell_layers, spacing) in [(1, 0), (1, 1), (2, 0), (3, 2)] {
        let options = PlanOptions { cell_layers, spacing, width: 3, axis: 1, ..parallel(3) };
        let plan = Plan::new(&graph, &text, &options).unwrap();
        let mut stream = Book::new(&plan, layers_needed(&plan)).unwrap();
        let (mut decided, layers) = (0, u64::from(plan.measures().0));
        for layer in 0..layers {
            let quiet = vec![false; plan.layer_detectors(layer, layers) as usize];
            stream.push(&quiet, layer + 1 == layers).unwrap();
            while let Some(cell) = stream.next() {
                assert!(!cell.is_empty);
                assert!(!plan.window(&cell).detectors().is_empty());
                let nothing = Commit { observables: vec![0], marks: vec![], edges: vec![], event_count: 0 };
                assert_eq!(stream.commit(cell.number, &nothing), otr_status::OTR_OK);
                decided += 1;
            }
        }
        assert!(stream.state().is_finished);
        let empty = (0..plan.cell_count(layers)).filter_map(|number| plan.cell(number, layers).ok());
        let empty = empty.filter(|cell| cell.is_empty).count() as u64;
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
        let mut stream = Book::new(&plan, layers_max).unwrap();
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
    let error = Book::new(&plan, needed - 1).err().expect("too few layers");
    assert_eq!(
        error.message,
        format!("a book of {} layers; this plan needs {needed} to 16777216", needed - 1)
    );
    let mut stream = Book::new(&plan, needed).unwrap();
    let layer = |layer| vec![false; plan.layer_detectors(layer, 0) as usize];
    let before = stream.state();
    let refused = |stream: &mut Book, events: &[bool], is_last| {
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
        format!("no room for layer {needed}: the book holds {needed}, and none is committed")
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
