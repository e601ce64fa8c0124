//! Histories whose layers reach no boundary in space, cut in every way: each shot is decided, its correction explains
//! its events, and costs little accuracy.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

use outrider::{
    Axis, Basis, CellBook, CellShape, Circuit, CircuitFamily, Decoder, DecoderKind, DecoderOptions,
    DetectorErrorModel, GraphOptions, MatchingGraph, Patch, PatchOptions, Plan, PlanOptions, RoundSampler,
    RowLayout, Rows, Sampler, SamplerOptions, Shots, Status, Stream, StreamOptions, SurfaceCode, TimeAxis,
    WindowDecoder, WorkersOptions,
};

const LAYERS: usize = 26;
const SHOTS: usize = 400;

/// Which ends of time are boundaries.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Ends {
    begin: bool,
    end: bool,
}

const CLOSED: Ends = Ends { begin: false, end: false };

/// Detectors of one kind on a torus of `size` by `size` sites, with an observable across each seam and, if time begins
/// with a boundary, one of the errors there, as in a stability experiment.
fn torus(size: usize, layers: usize, ends: Ends) -> String {
    let number = |t: usize, x: usize, y: usize| (t * size + x % size) * size + y % size;
    let mut text = String::new();
    let mut line = |line: String| text.push_str(&line);
    for t in 0..layers {
        for (x, y) in (0..size).flat_map(|x| (0..size).map(move |y| (x, y))) {
            let own = number(t, x, y);
            let seam = |at: usize, observable| if at + 1 == size { observable } else { "" };
            line(format!("error(0.015) D{own} D{}{}\n", number(t, x + 1, y), seam(x, " L0")));
            line(format!("error(0.015) D{own} D{}{}\n", number(t, x, y + 1), seam(y, " L1")));
            if t + 1 < layers {
                line(format!("error(0.015) D{own} D{}\n", number(t + 1, x, y)));
            }
            if t == 0 && ends.begin {
                line(format!("error(0.015) D{own} L2\n"));
            }
            if t + 1 == layers && ends.end {
                line(format!("error(0.015) D{own}\n"));
            }
            line(format!("detector({}, {}, {t}) D{own}\n", 2 * x, 2 * y));
        }
    }
    text
}

/// A line of sites with a boundary in space, whose last round is measured without errors: the last layer's detectors
/// have edges to the layer before and nothing else.
fn dead_ends(layers: usize) -> String {
    let mut text = String::new();
    for (t, x) in (0..layers).flat_map(|t| (0..5).map(move |x| (t, x))) {
        let own = 5 * t + x;
        if t + 1 < layers {
            let right = if x < 4 { format!(" D{}", own + 1) } else { " L0".to_owned() };
            writeln!(text, "error(0.03) D{own}{right}\nerror(0.03) D{own} D{}", own + 5).unwrap();
            if x == 0 {
                writeln!(text, "error(0.03) D{own}").unwrap();
            }
        }
        writeln!(text, "detector({}, 0, {t}) D{own}", 2 * x).unwrap();
    }
    text
}

fn cut(cell_layers: u32, spacing: u32, buffer: u32) -> PlanOptions {
    PlanOptions { cell_layers, spacing, buffer, rows: None, context: 0 }
}

fn in_rows(options: PlanOptions, layout: RowLayout) -> PlanOptions {
    PlanOptions { rows: Some(Rows { width: 2, axis: Axis::X, pitch: 2.0, layout }), ..options }
}

/// Every kind of layout.
fn layouts() -> [PlanOptions; 8] {
    [
        cut(4, 0, 4),
        cut(4, 4, 4),
        cut(4, 1, 4),
        cut(3, 2, 5),
        cut(1, 1, 4),
        in_rows(cut(4, 0, 4), RowLayout::Chessboard),
        in_rows(cut(4, 4, 4), RowLayout::Chessboard),
        in_rows(cut(4, 0, 4), RowLayout::Brick),
    ]
}

fn parse(text: &str) -> DetectorErrorModel {
    DetectorErrorModel::parse(text).expect("a model")
}

fn plan_of(model: &DetectorErrorModel, options: &PlanOptions) -> Result<Arc<Plan>, outrider::Error> {
    let graph = Arc::new(MatchingGraph::new(model, &GraphOptions::default())?);
    Plan::new(graph, model, options).map(Arc::new)
}

/// Observables, and the ends of the committed edges.
type Decided = (Vec<u8>, Vec<(u32, Option<u32>)>);

/// Decides a history of the reference's length cell by cell.
fn decide(plan: &Arc<Plan>, decoders: &mut BTreeMap<CellShape, WindowDecoder>, row: &[u8]) -> Decided {
    let mut book = CellBook::new(Arc::clone(plan), CellBook::layers_needed(plan)).expect("a book");
    let layers = u64::from(plan.layer_count());
    let (mut first, mut edges) = (0, Vec::new());
    for layer in 0..layers {
        let width = plan.layer_detectors(layer, Some(layers));
        let bit = |at: usize| row[at / 8] >> (at % 8) & 1;
        let mut packed = vec![0; width.div_ceil(8) as usize];
        (0..width as usize).for_each(|index| packed[index / 8] |= bit(first + index) << (index % 8));
        first += width as usize;
        book.push(&packed, width, layer + 1 == layers).expect("a layer");
        while let Some(cell) = book.next() {
            let input = book.input(cell.number).expect("a cell's input");
            let decoder = decoders.entry(cell.shape).or_insert_with(|| {
                let window = Arc::new(plan.window(&cell).expect("a window"));
                WindowDecoder::new(window, None, &DecoderOptions::default()).expect("a decoder")
            });
            let commit = decoder.decode(input.events, input.marks, &[]).expect("every shot is decided");
            edges.extend(commit.edges.iter().map(|&edge| ends(plan, edge, cell.shift)));
            book.commit(cell.number, &commit).expect("a commit");
        }
    }
    (book.state().observables.to_vec(), edges)
}

/// The ends of an edge so many layers later.
fn ends(plan: &Plan, edge: u32, shift: i64) -> (u32, Option<u32>) {
    let own = plan.graph().edge(edge).expect("an edge");
    let later = |node: u32| {
        let (layer, index) = plan.place(node).expect("a detector");
        plan.mark((i64::from(layer) + shift) as u32, index).expect("a detector")
    };
    (later(own.node1), own.node2.map(later))
}

/// The events that a correction leaves of a shot.
fn residual(row: &[u8], edges: &[(u32, Option<u32>)]) -> Vec<u8> {
    let mut left = row.to_vec();
    for node in edges.iter().flat_map(|edge| [Some(edge.0), edge.1]).flatten() {
        left[node as usize / 8] ^= 1 << (node % 8);
    }
    left
}

/// Decodes shots in windows, checks each correction, and returns the mistakes in windows and of whole histories.
fn mistakes(model: &DetectorErrorModel, plan: &Arc<Plan>) -> (usize, usize) {
    let mut sampler = Sampler::new(model, 71).expect("a sampler");
    let (mut events, mut flips) = sampler.batches();
    sampler.sample(0, SHOTS, &mut events, &mut flips).expect("shots");
    let mut whole = Shots::zeroed(flips.bits(), SHOTS);
    let mut decoder = Decoder::from_model(model, DecoderKind::Mwpm).expect("a decoder");
    decoder.decode_batch(&events, &mut whole, None).expect("valid shots");
    let flipped: BTreeMap<_, _> = (0..plan.graph().edge_count())
        .map(|edge| plan.graph().edge(edge).expect("an edge"))
        .map(|edge| ((edge.node1, edge.node2), edge.observables))
        .collect();
    let mut decoders = BTreeMap::new();
    let mut wrong = 0;
    for (row, flips) in events.rows().zip(flips.rows()) {
        let (observables, edges) = decide(plan, &mut decoders, row);
        let mut parities = vec![0; observables.len()];
        assert!(residual(row, &edges).iter().all(|&byte| byte == 0), "a correction explains all events");
        for edge in edges {
            for &observable in flipped[&edge] {
                parities[observable as usize / 8] ^= 1 << (observable % 8);
            }
        }
        assert_eq!(parities, observables, "and has these observables");
        wrong += usize::from(observables != flips);
    }
    (wrong, flips.rows().zip(whole.rows()).filter(|(flips, guess)| flips != guess).count())
}

#[test]
fn patches_without_a_boundary_in_space_are_decided_in_every_layout() {
    let ends = [
        CLOSED,
        Ends { begin: false, end: true },
        // A stability experiment.
        Ends { begin: true, end: true },
    ];
    for ends in ends {
        let model = parse(&torus(4, LAYERS, ends));
        for options in layouts() {
            let plan = plan_of(&model, &options).expect("a plan");
            // Without a spacing the future is open, up to the last cells.
            let is_enclosed = options.spacing > 0 || (options.rows.is_some() && !ends.end);
            assert_eq!(plan.is_reordered(), is_enclosed, "{ends:?} {options:?}");
            let (windows, whole) = mistakes(&model, &plan);
            assert!(
                windows <= whole + whole / 5 + 10,
                "{ends:?} {options:?}: {windows} and {whole} mistakes"
            );
        }
    }
}

#[test]
fn one_kind_of_detectors_without_a_boundary_is_enough() {
    // Detectors of the torus behind those of the surface code, layer by layer.
    let code = SurfaceCode::memory(3, 24).circuit(Circuit::uniform(CircuitFamily::Stim, 0.004));
    let memory = code.build().expect("a memory").model().expect("a model");
    let memory = memory.in_rounds(&TimeAxis::default()).expect("rounds").to_text();
    let shift = parse(&memory).detector_count();
    let other = torus(4, 25, CLOSED).replace("L1", "L2").replace("L0", "L1");
    let model = parse(&format!("{memory}shift_detectors {shift}\n{other}"));
    let (model, order) = model.sorted_by_rounds(&TimeAxis::default()).expect("rounds");
    assert_ne!(order, (0..model.detector_count() as u32).collect::<Vec<_>>());
    let alone = parse(&memory);
    for options in [cut(4, 4, 4), cut(3, 1, 4)] {
        assert!(!plan_of(&alone, &options).expect("a plan").is_sequential());
        let plan = plan_of(&model, &options).expect("a plan");
        assert!(plan.is_reordered());
        let (windows, whole) = mistakes(&model, &plan);
        assert!(windows <= whole + whole / 5 + 10, "{options:?}: {windows} and {whole} mistakes");
    }
}

/// Six rows, of which only the outer ones reach the boundaries of the memory's detectors.
#[test]
fn rows_that_are_cut_off_from_the_boundary_are_decided_one_after_the_other() {
    for rounds in 14..19 {
        let code = SurfaceCode::memory(3, rounds).size(3, 11);
        let code = code.circuit(Circuit::uniform(CircuitFamily::Stim, 0.002)).build().expect("a memory");
        let model = code.model().expect("a model");
        for (spacing, layout) in
            [(0, RowLayout::Chessboard), (4, RowLayout::Chessboard), (0, RowLayout::Brick)]
        {
            let options = in_rows(cut(4, spacing, 3), layout);
            let rows = options.rows.map(|rows| Rows { axis: Axis::Y, ..rows });
            let plan = plan_of(&model, &PlanOptions { rows, ..options }).expect("a plan");
            assert_eq!(plan.row_count(), 6);
            let (windows, whole) = mistakes(&model, &plan);
            assert!(windows <= whole + whole / 5 + 10, "{rounds} {layout:?}: {windows} and {whole} mistakes");
        }
    }
}

/// They have no boundary of their own, but the cell before sees all of them.
#[test]
fn detectors_that_only_look_back_enclose_nothing() {
    for layers in LAYERS..LAYERS + 8 {
        let model = parse(&dead_ends(layers));
        for options in [cut(4, 4, 4), cut(4, 1, 2), cut(4, 0, 4)] {
            let plan = plan_of(&model, &options).expect("a plan");
            assert!(!plan.is_reordered(), "{layers} {options:?}");
            let (windows, whole) = mistakes(&model, &plan);
            assert!(
                windows <= whole + whole / 5 + 10,
                "{layers} {options:?}: {windows} and {whole} mistakes"
            );
        }
    }
}

/// Two chains whose errors reach two and three layers ahead. In one of them they are certain; where windows cut them
/// there they cancel in pairs. A shot that contradicts them has an answer in windows if it has one as a whole.
#[test]
fn shots_that_contradict_certain_errors_are_decided() {
    let mut text = String::new();
    for (t, x) in (0..LAYERS).flat_map(|t| (0..2).map(move |x| (t, x))) {
        let own = 2 * t + x;
        for later in (2..4).filter(|later| t + later < LAYERS) {
            writeln!(text, "error({}) D{own} D{} L{x}", ["1", "0.1"][x], own + 2 * later).unwrap();
        }
        // The last ones are joined, so that they can be decided together.
        if (LAYERS - 4..LAYERS - 1).contains(&t) {
            writeln!(text, "error(0.1) D{own} D{}", own + 2).unwrap();
        }
        writeln!(text, "detector({}, 0, {t}) D{own}", 2 * x).unwrap();
    }
    let model = parse(&text);
    let mut whole = Decoder::from_model(&model, DecoderKind::Mwpm).expect("a decoder");
    for options in [cut(2, 0, 0), cut(2, 0, 1), cut(3, 3, 0), cut(3, 3, 4), cut(1, 0, 0)] {
        let plan = plan_of(&model, &options).unwrap_or_else(|error| panic!("{options:?}: {error}"));
        let mut decoders = BTreeMap::new();
        for (a, b) in (0..2 * LAYERS).flat_map(|a| (a..2 * LAYERS).step_by(2).map(move |b| (a, b))) {
            let mut row = vec![0; (2 * LAYERS).div_ceil(8)];
            [a, b].iter().for_each(|node| row[node / 8] ^= 1 << (node % 8));
            whole.decode(&row, &[], &mut [0]).expect("two events in a chain, or none");
            let (_, edges) = decide(&plan, &mut decoders, &row);
            assert!(residual(&row, &edges).iter().all(|&byte| byte == 0), "{options:?}: {a} and {b}");
        }
    }
}

/// The end decides what the beginning has to be, so cells cannot be decided before it.
#[test]
fn a_boundary_at_the_beginning_alone_is_refused_with_the_way_out() {
    let model = parse(&torus(4, LAYERS, Ends { begin: true, end: false }));
    for options in layouts() {
        let refused = plan_of(&model, &options).expect_err("an end without a boundary");
        assert_eq!(refused.status(), Some(Status::Argument), "{options:?}");
        let line = refused.to_string();
        assert!(line.contains("decode whole histories"), "{options:?}: {line}");
    }
    // Windows that see the whole history decide it.
    let plan = plan_of(&model, &cut(LAYERS as u32, 0, 0)).expect("one cell");
    assert!(mistakes(&model, &plan).0 < SHOTS);
}

#[test]
fn long_streams_are_decided_on_any_number_of_threads() {
    let model = parse(&torus(4, 60, CLOSED));
    for options in [cut(4, 4, 4), in_rows(cut(3, 0, 3), RowLayout::Brick)] {
        let patch = Arc::new(Patch::new(&model, &PatchOptions::new(options)).expect("a patch"));
        assert!(patch.plan().is_reordered() && patch.plan().layers_min().is_some(), "{options:?}");
        let answers: Vec<_> = [0, 2]
            .into_iter()
            .map(|count| {
                let workers = WorkersOptions { count, ..WorkersOptions::default() };
                let mut stream =
                    Stream::new(Arc::clone(&patch), &StreamOptions { workers, layers_max: None })
                        .expect("a stream");
                let mut sampler = RoundSampler::new(&model, &SamplerOptions::default()).expect("a sampler");
                sampler.seek(0, 0, Some(3001)).expect("a length");
                while let Some(layer) = sampler.next() {
                    stream
                        .push_when_room(layer.events, layer.detector_count, layer.is_last)
                        .expect("a layer");
                }
                let answer = stream.finish().expect("every cell is decided");
                (answer.observables.to_vec(), answer.cells)
            })
            .collect();
        assert_eq!(answers[0], answers[1], "{options:?}");
    }
}

/// What the digest covers must tell this order of cells from the layout's own.
#[test]
fn another_order_is_another_plan_and_other_patches_keep_theirs() {
    let digest = |model: &DetectorErrorModel, options| {
        *Patch::new(model, &PatchOptions::new(options)).expect("a patch").plan_digest()
    };
    let closed = parse(&torus(4, LAYERS, CLOSED));
    let code = SurfaceCode::memory(3, 40).basis(Basis::X);
    let open = code.circuit(Circuit::uniform(CircuitFamily::Stim, 0.004)).build().expect("a memory");
    let open = open.model().expect("a model");
    assert_ne!(digest(&closed, cut(4, 4, 4)), digest(&open, cut(4, 4, 4)));
    assert_eq!(digest(&closed, cut(4, 0, 4)), digest(&open, cut(4, 0, 4)));
}
