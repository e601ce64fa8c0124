//! Plans: cells and ranks of every layout, and windows of a short reference that serve a longer history.

use outrider::Basis;
use outrider_sys::*;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use crate::support::decoding::Graph;
use crate::support::graph::BOUNDARY;
use crate::support::history::{History, coordinates, layouts, memory, memory_in, size_for};
use crate::support::plan::{Cell, Layout, Plan, PlanOptions, parallel};
use crate::support::window::{BUFFER, CELL, CLOSED, Window, WindowEdge};

/// The edges of a window with detectors and sources that belong to the history: `shift` layers later.
fn shifted(
    window: &Window,
    reference: &Graph,
    history: &History,
    layers: &[usize],
    shift: i64,
) -> Vec<WindowEdge> {
    let begins = |layers: &[usize]| {
        let mut begins = BTreeMap::new();
        for (node, &layer) in layers.iter().enumerate() {
            begins.entry(layer).or_insert(node);
        }
        begins
    };
    let (from, to) = (begins(layers), begins(&history.layers));
    let detector = |node: u32| {
        if node == BOUNDARY {
            return BOUNDARY;
        }
        let layer = layers[node as usize];
        let target = (layer as i64 + shift) as usize;
        (to[&target] + node as usize - from[&layer]) as u32
    };
    let source = |edge: u32| {
        let (a, b) = reference.edges[edge as usize].nodes;
        let nodes = (detector(a), detector(b));
        history.graph.edges.iter().position(|own| own.nodes == nodes).expect("the history has the edge")
            as u32
    };
    let edge = |edge: WindowEdge| WindowEdge {
        detectors: (detector(edge.detectors.0), detector(edge.detectors.1)),
        source: source(edge.source),
        ..edge
    };
    window.edges().into_iter().map(edge).collect()
}

/// Marks have a place each, and in a longer history at the shifted place lies the same detector or edge.
#[test]
fn marks_have_the_same_places_in_any_history() {
    let text = memory((5, 5), 40);
    let graph = Graph::with_correlations(&text);
    let longer_text = memory((5, 5), 57);
    let longer_graph = Graph::with_correlations(&longer_text);
    let options = parallel(3);
    let plan = Plan::new(&graph, &text, &options).unwrap();
    let longer = Plan::new(&longer_graph, &longer_text, &options).unwrap();
    let count = (graph.nodes + graph.edges.len()) as u32;
    let total: u32 = (0..41).map(|layer| plan.layer_marks(layer, 41)).sum();
    assert_eq!(total, count);
    assert_eq!(plan.place(count), Err(otr_status::OTR_ERR_INDEX));
    assert_eq!(plan.mark(41, 0), Err(otr_status::OTR_ERR_INDEX));
    for layer in 0..41 {
        assert_eq!(plan.mark(layer, plan.layer_marks(layer.into(), 41)), Err(otr_status::OTR_ERR_INDEX));
    }
    // The places of what a mark is about, `shift` layers later.
    let ends = |plan: &Plan, graph: &Graph, mark: u32, shift: u32| {
        let (a, b) = match mark.checked_sub(graph.nodes as u32) {
            Some(edge) => graph.edges[edge as usize].nodes,
            None => (mark, BOUNDARY),
        };
        let end = |node| plan.place(node).map(|(layer, index)| (layer + shift, index));
        (end(a).unwrap(), (b != BOUNDARY).then(|| end(b).unwrap()))
    };
    let mut edges = 0;
    for mark in 0..count {
        let (layer, index) = plan.place(mark).unwrap();
        assert_eq!(plan.mark(layer, index), Ok(mark));
        let shift = if layer < 20 { 0 } else { 17 };
        assert_eq!(plan.layer_marks(u64::from(layer + shift), 58), plan.layer_marks(layer.into(), 41));
        let same = longer.mark(layer + shift, index).unwrap();
        let own = ends(&plan, &graph, mark, shift);
        assert_eq!(ends(&longer, &longer_graph, same, 0), own, "mark {mark}");
        if mark >= graph.nodes as u32 {
            edges += 1;
            assert_eq!(
                own.0.0.max(own.1.map_or(0, |end| end.0)),
                layer + shift,
                "an edge lies where it ends"
            );
        }
    }
    assert_eq!(edges, graph.edges.len());
    // While the end is not known, a layer may turn out to be one of the last, but not the first.
    let most = (30..41).map(|layer| plan.layer_marks(layer, 41)).max();
    assert_eq!(Some(plan.layer_marks_max(30)), most);
    assert!(
        plan.layer_marks(30, 0) < plan.layer_marks_max(30)
            && plan.layer_marks(30, 0) == plan.layer_marks(20, 41)
    );
    assert_eq!(
        (plan.layer_marks_max(0), plan.layer_marks(0, 0)),
        (plan.layer_marks(0, 41), plan.layer_marks(0, 41))
    );
    let plain = Graph::new(&text);
    let plan = Plan::new(&plain, &text, &options).unwrap();
    assert_eq!(
        plan.layer_marks(7, 41),
        plan.layer_detectors(7, 41),
        "without correlations no edges are marked"
    );
    assert_eq!(plan.place(plain.nodes as u32), Err(otr_status::OTR_ERR_INDEX));
}

/// Probabilities may differ in their last bits: histories of different lengths are generated apart.
fn assert_alike(found: &[WindowEdge], expected: &[WindowEdge], what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (found, expected) in found.iter().zip(expected) {
        assert!((found.probability - expected.probability).abs() < 1e-12, "{what}");
        let same = WindowEdge { probability: expected.probability, ..found.clone() };
        assert_eq!(same, *expected, "{what}");
    }
}

#[test]
fn windows_of_the_reference_are_those_of_any_history() {
    for options in layouts() {
        let size = size_for(&options);
        let long = if options.width == 0 { 60 } else { 40 };
        let text = memory(size, long);
        let graph = Graph::with_correlations(&text);
        let plan = Plan::new(&graph, &text, &options).unwrap();
        let places: Vec<usize> = coordinates(&text).iter().map(|place| place[2]).collect();
        let (layers, rows, period, least) = plan.measures();
        assert_eq!((layers, period), (long + 1, 1), "{options:?}");
        // The reference's own length, the shortest, and longer ones that end at different places of the pattern.
        let lengths = [u64::from(layers), least, 62, 65];
        for length in lengths {
            plan.check_length(length).unwrap();
            let history = History::new(&memory(size, length as u32 - 1), options).in_order_of(&plan);
            assert_eq!((history.rows(), history.layer_count() as u64), (rows as usize, length));
            for layer in 0..length {
                let own = history.layers.iter().filter(|&&other| other as u64 == layer).count();
                assert_eq!(plan.layer_detectors(layer, length) as usize, own);
            }
            let mut seen = BTreeSet::new();
            for number in 0..plan.cell_count(length) {
                let place = ((number % u64::from(rows)) as usize, (number / u64::from(rows)) as usize);
                let cell = plan.cell(number, length).unwrap();
                if cell.is_empty {
                    assert!(!history.cells.contains(&place));
                    continue;
                }
                seen.insert(place);
                check_cell(&plan, &history, &cell, place, length, &places);
            }
            assert_eq!(seen, history.cells.iter().copied().collect(), "every cell has a number");
            assert_eq!(plan.cell(plan.cell_count(length), length).err(), Some(otr_status::OTR_ERR_INDEX));
        }
    }
}

fn check_cell(
    plan: &Plan,
    history: &History,
    cell: &Cell,
    place: (usize, usize),
    length: u64,
    layers: &[usize],
) {
    let what = format!("{:?} {length} {cell:?}", history.options);
    let roles = history.roles(place);
    let own = |node: &usize| history.cells[*node] == place;
    let layers_of_cell: Vec<usize> = (0..roles.len()).filter(own).map(|node| history.layers[node]).collect();
    let (first, last) = (layers_of_cell[0] as u64, *layers_of_cell.last().unwrap() as u64);
    assert_eq!((cell.first_layer, cell.end_layer), (first, last + 1), "{what}");

    // The window: found in the reference, it is the history's own.
    let window = plan.window(cell);
    let expected = Window::new(&history.graph, &roles).unwrap();
    let found = shifted(&window, plan.graph, history, layers, cell.shift);
    assert_alike(&found, &expected.edges(), &what);

    // What touches it: cells of lower rank with an edge into it.
    let touching: BTreeSet<u64> = history
        .graph
        .edges
        .iter()
        .filter(|edge| edge.nodes.1 != BOUNDARY)
        .flat_map(|edge| [edge.nodes, (edge.nodes.1, edge.nodes.0)])
        .filter(|&(a, b)| matches!(roles[a as usize], CELL | BUFFER) && roles[b as usize] == CLOSED)
        .map(|(_, b)| history.cells[b as usize])
        .map(|(row, index)| (index * history.rows() + row) as u64)
        .collect();
    let dependencies = plan.dependencies(cell.number, length);
    assert!(dependencies.is_sorted_by(|a, b| a < b), "{what}");
    assert!(
        touching.iter().all(|number| dependencies.contains(number)),
        "{what}: {touching:?} {dependencies:?}"
    );
    for &number in &dependencies {
        let other = ((number % history.rows() as u64) as usize, (number / history.rows() as u64) as usize);
        assert!(history.rank(other) < history.rank(place), "{what}");
        assert!(plan.cell(number, length).is_ok(), "{what}");
    }

    // Without knowing the end: once enough layers are there and none was the last, the answer is the same.
    if cell.ready_layers < length && length != u64::from(plan.measures().0) {
        let open = plan.cell(cell.number, 0).unwrap();
        assert_eq!(format!("{open:?}"), format!("{cell:?}"), "{what}");
    }
}

/// Whether every part of the window's graph reaches a boundary, so that whatever happens it can be matched.
fn is_bounded(window: &Window) -> bool {
    let detectors = window.detectors();
    let mut reaches: BTreeSet<u32> = BTreeSet::new();
    let edges = window.edges();
    loop {
        let before = reaches.len();
        for (a, b) in edges.iter().map(|edge| edge.detectors) {
            if b == BOUNDARY || reaches.contains(&a) || reaches.contains(&b) {
                reaches.extend([a, b]);
            }
        }
        if reaches.len() == before {
            return detectors.iter().all(|node| reaches.contains(node));
        }
    }
}

#[test]
fn rows_that_end_at_boundaries_can_always_be_matched() {
    let own = PlanOptions { cell_layers: 4, buffer: 3, width: 2, ..parallel(3) };
    let chessboard = PlanOptions { spacing: 0, ..own };
    let brick = PlanOptions { layout: Layout::OTR_PLAN_BRICK, ..chessboard };
    let spaced = PlanOptions { spacing: 4, ..own };
    // Whether a patch with six rows keeps the layout's order, in histories that end at every place of the pattern: then
    // all windows are bounded.
    let all_bounded = |basis, axis, options: PlanOptions| {
        let size = if axis == 0 { (11, 3) } else { (3, 11) };
        let keeps_order = |rounds| {
            let text = memory_in(basis, size, rounds);
            let graph = Graph::new(&text);
            let plan = Plan::new(&graph, &text, &PlanOptions { axis, ..options }).unwrap();
            assert_eq!(plan.measures().1, 6);
            let layers = u64::from(rounds) + 1;
            let cells = (0..plan.cell_count(layers)).filter_map(|number| plan.cell(number, layers).ok());
            for cell in cells.filter(|cell| !cell.is_empty && !plan.is_sequential()) {
                assert!(is_bounded(&plan.window(&cell)), "{basis:?} {axis} {options:?} {rounds} {cell:?}");
            }
            !plan.is_sequential()
        };
        let orders: Vec<bool> = (12..20).map(keeps_order).collect();
        orders.iter().all(|&keeps| keeps)
    };
    for (basis, axis) in [(Basis::Z, 0), (Basis::X, 1)] {
        for options in [chessboard, brick] {
            assert!(all_bounded(basis, axis, options), "{basis:?} {axis} {options:?}");
            // The other way the last cells of inner rows are enclosed.
            assert!(!all_bounded(basis, 1 - axis, options), "{basis:?} {axis} {options:?}");
        }
        assert!(!all_bounded(basis, axis, spaced), "{basis:?} {axis}");
        assert!(!all_bounded(basis, 1 - axis, spaced), "{basis:?} {axis}");
    }
}

/// A line of one detector a layer, with what is added to it.
fn line(layers: usize, more: &str) -> String {
    let mut text = String::new();
    for layer in 0..layers {
        writeln!(text, "error(0.1) D{layer} L0\ndetector(0, 0, {layer}) D{layer}").unwrap();
        if layer + 1 < layers {
            writeln!(text, "error(0.1) D{layer} D{}", layer + 1).unwrap();
        }
    }
    text + more
}

#[test]
fn ranks_are_checked_wherever_a_history_may_end() {
    // An edge over two layers, at the end alone: in one of four lengths it joins two cells of one rank.
    let text = line(60, "error(0.1) D57 D59 L1\n");
    let graph = Graph::new(&text);
    let error = Plan::new(&graph, &text, &PlanOptions { cell_layers: 3, spacing: 1, ..parallel(3) })
        .err()
        .expect("refused");
    assert_eq!(
        error.message,
        "an edge joins detectors D57 in round 57 and D59 in round 59, which lie in two cells that may be decided at \
         the same time: the spacing between cells, 1, must be more rounds"
    );
    Plan::new(&graph, &text, &PlanOptions { cell_layers: 3, spacing: 2, ..parallel(3) })
        .expect("a spacing as wide as the edge");
}

#[test]
fn a_tail_that_cannot_be_told_from_the_bulk_serves_itself_alone() {
    // The last layer but one has a detector more.
    let text = line(60, "")
        + "detector(2, 0, 60) D60\ndetector(4, 0, 60) D61\ndetector(0, 0, 61) D62\n\
        error(0.1) D59 D60\nerror(0.1) D61 L0\nerror(0.1) D61 D62\nerror(0.1) D60 D62\nerror(0.1) D62\n";
    let graph = Graph::new(&text);
    let plan = Plan::new(&graph, &text, &parallel(3)).unwrap();
    assert_eq!(plan.measures(), (62, 1, 0, 0));
}

#[test]
fn the_longest_bulk_counts() {
    // Layers with and without an edge to the boundary: A, B, B over and over. Two Bs are alike, but three layers repeat.
    let mut text = String::new();
    for layer in 0..60 {
        let observable = if layer % 3 == 0 { " L0" } else { "" };
        writeln!(text, "error(0.1) D{layer}{observable}\ndetector(0, 0, {layer}) D{layer}").unwrap();
        writeln!(text, "error(0.1) D{layer} D{}", layer + 1).unwrap();
    }
    text += "error(0.1) D60\ndetector(0, 0, 60) D60\n";
    let graph = Graph::new(&text);
    let plan = Plan::new(&graph, &text, &parallel(3)).unwrap();
    let (layers, _, period, least) = plan.measures();
    assert_eq!((layers, period), (61, 3));
    plan.check_length(61 + 300).unwrap();
    assert!(least > 0 && plan.check_length(61 + 301).is_err());
}

#[test]
fn hostile_arguments_are_refused() {
    let text = memory((3, 3), 40);
    let graph = Graph::with_correlations(&text);
    let options = PlanOptions { width: 2, pitch: 1e-9, ..parallel(3) };
    let error = Plan::new(&graph, &text, &options).err().expect("far too many rows");
    assert!(error.message.ends_with("rows of cells, more than the limit of 256"), "{}", error.message);
    let plan = Plan::new(&graph, &text, &parallel(3)).unwrap();
    for number in [u64::MAX, 1 << 48, 1 << 47] {
        assert_eq!(plan.cell(number, 41).err(), Some(otr_status::OTR_ERR_INDEX));
    }
    assert_eq!(plan.cell(0, u64::MAX).err(), Some(otr_status::OTR_ERR_ARGUMENT));
    assert!(plan.cell_count(u64::MAX) > 0);
    assert_eq!(plan.layer_detectors(u64::MAX, 0), plan.layer_detectors(20, 0));
    assert_eq!(plan.layer_detectors(u64::MAX, 41), 0);
    let cell = plan.cell(3, 41).unwrap();
    let forged = [
        otr_cell_shape { row: 1, ..cell.shape },
        otr_cell_shape { phase: 6, ..cell.shape },
        otr_cell_shape { first_layer: cell.shape.end_layer, ..cell.shape },
        otr_cell_shape { end_layer: 42, ..cell.shape },
        otr_cell_shape { window_end: u32::MAX, ..cell.shape },
    ];
    for shape in forged {
        assert_eq!(plan.window_error(&shape), "not a shape of this plan");
    }
}

#[test]
fn a_model_that_does_not_repeat_serves_itself_alone() {
    let text = "error(0.25) D40\n".to_owned() + &memory((3, 3), 12);
    let graph = Graph::with_correlations(&text);
    let plan = Plan::new(&graph, &text, &parallel(3)).unwrap();
    assert_eq!(plan.measures(), (13, 1, 0, 0));
    plan.check_length(13).unwrap();
    let error = plan.check_length(14).unwrap_err();
    assert_eq!(
        error.message,
        "14 layers, but the plan is for 13: its model does not repeat itself, or not for long enough"
    );
    let history = History::new(&text, parallel(3));
    let places: Vec<usize> = coordinates(&text).iter().map(|place| place[2]).collect();
    for number in 0..plan.cell_count(13) {
        let cell = plan.cell(number, 13).unwrap();
        check_cell(&plan, &history, &cell, (0, number as usize), 13, &places);
        let open = plan.cell(number, 0).unwrap();
        assert_eq!(format!("{open:?}"), format!("{cell:?}"), "its length is known");
    }
    assert_eq!(plan.cell(0, 14).err(), Some(otr_status::OTR_ERR_ARGUMENT));
}

#[test]
fn bad_plans_are_refused_in_words() {
    let text = memory((3, 3), 12);
    let graph = Graph::with_correlations(&text);
    let refusal = |graph: &Graph, text: &str, options: PlanOptions| {
        Plan::new(graph, text, &options).err().expect("a bad plan").message
    };
    let own = parallel(3);
    let cases = [
        (PlanOptions { cell_layers: 0, ..own }, "cell_layers is 0; it ranges from 1 to 4096"),
        (PlanOptions { buffer: 4097, ..own }, "buffer is 4097; it ranges from 0 to 4096"),
        (PlanOptions { width: 1, ..own }, "rows of one site are too narrow for cells"),
        (PlanOptions { axis: 2, ..own }, "no such layout, axis or pitch"),
        (PlanOptions { pitch: 0.0, ..own }, "no such layout, axis or pitch"),
        (PlanOptions { pitch: f64::NAN, ..own }, "no such layout, axis or pitch"),
        (
            PlanOptions { width: 2, layout: Layout::OTR_PLAN_BRICK, ..own },
            "bricks have two layers or more, and no spacing",
        ),
    ];
    for (options, message) in cases {
        assert_eq!(refusal(&graph, &text, options), message);
    }
    let line = "error(0.1) D0 D1\nerror(0.1) D1 D2\nerror(0.1) D2 L0\n";
    let places = "detector(0, 0, 0) D0\ndetector(0, 0, 1) D1\n";
    let graph = Graph::new(line);
    let with = |more: &str| format!("{line}{places}{more}");
    let cases = [
        (
            "",
            "detector D2 has no coordinates (x, y, round), which windows need; decoding without windows works",
        ),
        (
            "detector(0, 0, 0) D2\n",
            "detector D2 lies in round 0, before detector D1 in round 1: number detectors by round \
             (otr_model_in_rounds does)",
        ),
        ("detector(0, 0, 1e10) D2\n", "coordinate 2 of detector D2, 1e+10, is no time: it is out of range"),
        ("detector(1e300, 0, 2) D2\n", "coordinate 0 of detector D2, 1e+300, is out of range"),
        ("detector(0, 0, 2) D2 D3\n", "the model is not the graph's"),
    ];
    for (more, message) in cases {
        assert_eq!(refusal(&graph, &with(more), own), message);
    }
    // An edge over two layers, between cells of one layer that alternate in rank.
    let far = "error(0.1) D0 D2\nerror(0.1) D1 D2\nerror(0.1) D2 L0\n";
    let graph = Graph::new(far);
    let text = format!("{far}{places}detector(0, 0, 2) D2\n");
    assert_eq!(
        refusal(&graph, &text, PlanOptions { cell_layers: 1, spacing: 1, ..own }),
        "an edge joins detectors D0 in round 0 and D2 in round 2, which lie in two cells that may be decided at the \
         same time: the spacing between cells, 1, must be more rounds"
    );
}
