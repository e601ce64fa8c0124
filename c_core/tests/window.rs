//! Windows: the graph of a window against its definition, and cells decided one after the other against the history
//! decoded at once.

use outrider::{Basis, Circuit, CircuitFamily, DetectorErrorModel, Sampler, SurfaceCode};
use outrider_sys::*;
use std::collections::BTreeMap;

use crate::support::decoding::{Decoder, Graph, KINDS, Kind, Override, default_options, set_bits};
use crate::support::graph::BOUNDARY;
use crate::support::history;
use crate::support::model::Model;
use crate::support::predecoder::Predecoder;
use crate::support::random::Random;
use crate::support::random_model::{Signs, random_events, random_model};
use crate::support::window::{BUFFER, CELL, CLOSED, Commit, OUTSIDE, Window, WindowDecoder, WindowEdge};

const MODELS: usize = 600;
const SHOTS_PER_MODEL: usize = 6;

/// Which cell every detector is in, and the rank of every cell.
struct Cells {
    of: Vec<usize>,
    ranks: Vec<usize>,
}

impl Cells {
    fn rank(&self, node: usize) -> usize {
        self.ranks[self.of[node]]
    }

    /// The roles for a cell: `sees` tells which detectors of other cells are near enough.
    fn roles(&self, cell: usize, sees: impl Fn(usize) -> bool) -> Vec<u8> {
        let role = |node: usize| match self.of[node] {
            own if own == cell => CELL,
            other if self.ranks[other] < self.ranks[cell] => CLOSED,
            _ if sees(node) => BUFFER,
            _ => OUTSIDE,
        };
        (0..self.of.len()).map(role).collect()
    }

    /// The cells by rank.
    fn in_order(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.ranks.len()).collect();
        order.sort_by_key(|&cell| self.ranks[cell]);
        order
    }
}

/// Cells and ranks at random; joined cells differ in rank, since ranks are a permutation.
fn random_cells(random: &mut Random, nodes: usize) -> Cells {
    let count = 1 + random.below(4.min(nodes));
    let mut of: Vec<usize> = (0..nodes).map(|_| random.below(count)).collect();
    for (cell, place) in of.iter_mut().enumerate().take(count) {
        *place = cell; // no cell is empty
    }
    let mut ranks: Vec<usize> = (0..count).collect();
    for i in (1..count).rev() {
        ranks.swap(i, random.below(i + 1));
    }
    Cells { of, ranks }
}

/// The nodes within `hops` edges of a cell.
fn near(graph: &Graph, cells: &Cells, cell: usize, hops: usize) -> Vec<bool> {
    let mut near: Vec<bool> = cells.of.iter().map(|&other| other == cell).collect();
    for _ in 0..hops {
        let before = near.clone();
        for edge in graph.edges.iter().filter(|edge| edge.nodes.1 != BOUNDARY) {
            let (a, b) = (edge.nodes.0 as usize, edge.nodes.1 as usize);
            near[a] |= before[b];
            near[b] |= before[a];
        }
    }
    near
}

/// All windows of a history, in the order in which they are decided.
fn windows<'g>(graph: &'g Graph, cells: &Cells, hops: usize) -> Vec<(usize, Window<'g>)> {
    let window = |cell| {
        let near = near(graph, cells, cell, hops);
        (cell, Window::new(graph, &cells.roles(cell, |node| near[node])).expect("the roles are valid"))
    };
    cells.in_order().into_iter().map(window).collect()
}

/// A random model whose every detector has an edge to the boundary, so that every window can be matched.
fn random_history(random: &mut Random, nodes_max: usize) -> String {
    let mut text = random_model(random, nodes_max, Signs::NonNegative);
    let nodes = Model::parse(text.as_bytes()).unwrap().counts().0;
    for node in 0..nodes {
        text += &format!("error(0.{:02}) D{node}\n", 1 + random.below(20));
    }
    text
}

/// The same, with many errors that are certain, and some that are too rare to tell from none beside others.
fn history_with_certain_errors(random: &mut Random, nodes_max: usize) -> String {
    let nodes = 2 + random.below(nodes_max - 1);
    let pair = |random: &mut Random| {
        let node = random.below(nodes - 1);
        format!("D{node} D{}", node + 1 + random.below(nodes - 1 - node))
    };
    let probability = |random: &mut Random| ["1", "1", "0.1", "1e-300"][random.below(4)];
    let mut text = String::new();
    for node in 0..nodes {
        text += &format!("error({}) D{node} L{}\n", probability(random), node % 3);
        text += &format!("error({}) {} ^ {}\n", probability(random), pair(random), pair(random));
    }
    text
}

/// What the header says of a window's edges, written out.
fn defined_edges(graph: &Graph, roles: &[u8]) -> Vec<WindowEdge> {
    let seen = |node: u32| matches!(roles[node as usize], CELL | BUFFER);
    let in_cell = |node: u32| roles[node as usize] == CELL;
    let mut groups: BTreeMap<(u32, u32), Vec<u32>> = BTreeMap::new();
    for (number, edge) in graph.edges.iter().enumerate() {
        let (a, b) = edge.nodes;
        let end = |node: u32| node == BOUNDARY || roles[node as usize] == OUTSIDE;
        let key = match (seen(a), b != BOUNDARY && seen(b)) {
            (true, true) => (a, b),
            (true, false) if end(b) => (a, BOUNDARY),
            (false, true) if end(a) => (b, BOUNDARY),
            _ => continue,
        };
        groups.entry(key).or_default().push(number as u32);
    }
    let number_of = |part: u32| groups.values().position(|parts| parts.contains(&part));
    let edge = |(&detectors, parts): (&(u32, u32), &Vec<u32>)| {
        let probability = combined(graph, parts);
        let p = |part: u32| graph.edges[part as usize].probability;
        let source = parts.iter().copied().reduce(|best, part| if p(part) > p(best) { part } else { best });
        let source = source.expect("a group has a part");
        let own = number_of(source);
        let can_be_lowered = |group: &usize| {
            let parts = groups.values().nth(*group).expect("a group's number");
            Some(*group) != own && weight(graph, parts) != OTR_WEIGHT_INFINITE as i32
        };
        let mut rules: BTreeMap<u32, i32> = BTreeMap::new();
        for &(target, weight) in &graph.edges[source as usize].rules {
            if let Some(target) = number_of(target).filter(can_be_lowered) {
                let kept = rules.entry(target as u32).or_insert(weight);
                *kept = weight.min(*kept);
            }
        }
        WindowEdge {
            detectors,
            probability,
            weight: weight(graph, parts),
            observables: graph.edges[source as usize].observables.clone(),
            source,
            part_count: parts.len() as u32,
            owned: in_cell(detectors.0) || (detectors.1 != BOUNDARY && in_cell(detectors.1)),
            rules: rules.into_iter().collect(),
        }
    };
    groups.iter().map(edge).collect()
}

/// The weight of an edge of these parts.
fn weight(graph: &Graph, parts: &[u32]) -> i32 {
    let own = |part: u32| graph.edges[part as usize].weight;
    match (parts, combined(graph, parts)) {
        (&[part], _) => own(part),
        (_, 0.0) => parts.iter().map(|&part| own(part).abs()).min().expect("a part"),
        (_, 1.0) => -(OTR_WEIGHT_INFINITE as i32),
        (_, p) => 2 * (((1.0 - p) / p).ln() * (graph.scale / 2.0)).round() as i32,
    }
}

/// The probability that an odd number of the parts flip.
fn combined(graph: &Graph, parts: &[u32]) -> f64 {
    let p = |part: u32| graph.edges[part as usize].probability;
    parts.iter().fold(0.0, |sum, &part| sum * (1.0 - p(part)) + p(part) * (1.0 - sum))
}

#[test]
fn a_windows_graph_is_what_its_definition_says() {
    let mut random = Random(51);
    let (mut combined, mut cancelled) = (0, 0);
    for model in 0..MODELS {
        let text = match model % 3 {
            0 => history_with_certain_errors(&mut random, 9),
            _ => random_history(&mut random, 9),
        };
        let graph = Graph::with_correlations(&text);
        let roles: Vec<u8> = (0..graph.nodes).map(|_| random.below(4) as u8).collect();
        let window = match Window::new(&graph, &roles) {
            Ok(window) => window,
            Err(error) => {
                assert!(!roles.contains(&CELL));
                assert_eq!(error.message, "no detector is in the cell");
                continue;
            }
        };
        let edges = window.edges();
        assert_eq!(edges, defined_edges(&graph, &roles));
        let seen = (0..graph.nodes as u32).filter(|&node| matches!(roles[node as usize], CELL | BUFFER));
        assert_eq!(window.detectors(), seen.collect::<Vec<_>>());
        let cut = |(a, b): (u32, u32)| {
            a != BOUNDARY && b != BOUNDARY && roles[a as usize] == CELL && roles[b as usize] == OUTSIDE
        };
        let blind = graph.edges.iter().filter(|edge| cut(edge.nodes) || cut((edge.nodes.1, edge.nodes.0)));
        assert_eq!(window.blind_count() as usize, blind.count());
        assert_eq!(window.edge_status(edges.len() as u32), otr_status::OTR_ERR_INDEX);
        combined += edges.iter().filter(|edge| edge.part_count > 1).count();
        cancelled += edges.iter().filter(|edge| edge.weight == OTR_WEIGHT_INFINITE as i32).count();
    }
    assert!(cancelled > 10, "{cancelled} edges whose parts cancel are too few");
    assert!(combined > MODELS / 4, "{combined} combined edges are too few");
}

/// Decides all cells in the order given; checks what every commit claims.
fn decide(
    graph: &Graph,
    decoders: &mut [(usize, WindowDecoder)],
    windows: &[(usize, Window)],
    cells: &Cells,
    events: &[u32],
    overrides: &[Override],
) -> (Vec<u32>, Vec<u8>) {
    let mut commits: Vec<(usize, Commit)> = Vec::new();
    for ((cell, decoder), (_, window)) in decoders.iter_mut().zip(windows) {
        let lower = commits.iter().filter(|(other, _)| cells.ranks[*other] < cells.ranks[*cell]);
        let marks: Vec<u32> = lower.flat_map(|(_, commit)| commit.marks.clone()).collect();
        let commit = decoder.decode(events, &marks, overrides).expect("every window can be matched");
        assert_commit(graph, cells, *cell, &commit);
        assert!(commit.marks.len() <= window.marks_max());
        commits.push((*cell, commit));
    }
    let mut edges: Vec<u32> = commits.iter().flat_map(|(_, commit)| commit.edges.clone()).collect();
    edges.sort_unstable();
    assert!(edges.is_sorted_by(|a, b| a < b), "an edge has two owners");
    assert_eq!(graph.syndrome(&edges), events, "the commits together explain the events");
    let mut observables = vec![0; graph.observables.div_ceil(8)];
    for (_, commit) in &commits {
        observables.iter_mut().zip(&commit.observables).for_each(|(sum, byte)| *sum ^= byte);
    }
    assert_eq!(graph.flips(&edges), observables);
    (edges, observables)
}

/// A commit's edges touch its cell and no cell of lower rank. Its marks are their other ends, and edges of the cell that
/// have rules for edges of higher ranks.
fn assert_commit(graph: &Graph, cells: &Cells, cell: usize, commit: &Commit) {
    let mut outer = Vec::new();
    for &edge in &commit.edges {
        let (a, b) = graph.edges[edge as usize].nodes;
        let ends: Vec<u32> = [a, b].into_iter().filter(|&node| node != BOUNDARY).collect();
        assert!(ends.iter().any(|&node| cells.of[node as usize] == cell));
        assert!(ends.iter().all(|&node| cells.rank(node as usize) >= cells.ranks[cell]));
        outer.extend(ends.into_iter().filter(|&node| cells.of[node as usize] != cell));
    }
    outer.sort_unstable();
    let odd = outer.chunk_by(|a, b| a == b).filter(|run| run.len() % 2 == 1).map(|run| run[0]);
    let (defects, used) =
        commit.marks.split_at(commit.marks.partition_point(|&mark| mark < graph.nodes as u32));
    assert_eq!(defects, odd.collect::<Vec<_>>());
    assert!(used.iter().all(|mark| informs(graph, cells, cell, mark - graph.nodes as u32)), "{commit:?}");
    assert!(commit.marks.is_sorted_by(|a, b| a < b));
}

/// The cells of an edge's ends.
fn cells_of(graph: &Graph, cells: &Cells, edge: u32) -> impl Iterator<Item = usize> {
    let (a, b) = graph.edges[edge as usize].nodes;
    [a, b].into_iter().filter(|&node| node != BOUNDARY).map(|node| cells.of[node as usize])
}

/// Whether a cell owns an edge, and the edge has rules for edges that cells of higher rank own.
fn informs(graph: &Graph, cells: &Cells, cell: usize, edge: u32) -> bool {
    let lowest =
        |edge| cells_of(graph, cells, edge).min_by_key(|&cell| cells.ranks[cell]).expect("an edge has ends");
    let owner = lowest(edge);
    owner == cell
        && graph.edges[edge as usize]
            .rules
            .iter()
            .any(|&(target, _)| cells.ranks[lowest(target)] > cells.ranks[cell])
}

#[test]
fn cells_of_any_shape_join_to_an_answer() {
    let mut random = Random(52);
    for model in 0..MODELS {
        let text = match random.below(3) {
            0 => history_with_certain_errors(&mut random, 12),
            _ => random_history(&mut random, 12),
        };
        let graph = Graph::with_correlations(&text);
        let cells = random_cells(&mut random, graph.nodes);
        let hops = random.below(4);
        let windows = windows(&graph, &cells, hops);
        assert!(hops == 0 || windows.iter().all(|(_, window)| window.blind_count() == 0));
        let kind = KINDS[model % KINDS.len()];
        let mut decoders: Vec<_> =
            windows.iter().map(|(cell, window)| (*cell, WindowDecoder::new(window, kind))).collect();
        for _ in 0..SHOTS_PER_MODEL {
            let events = random_events(&mut random, graph.nodes, graph.nodes);
            let overrides = random_overrides(&mut random, &graph);
            for overrides in [&[], &overrides[..]] {
                decide(&graph, &mut decoders, &windows, &cells, &events, overrides);
            }
        }
    }
}

/// Patches cut into cells of any shape, whatever the events: the classes that are chosen have edges in every window.
/// Every detector has a way out, so that every window can be matched.
#[test]
fn cells_decided_by_likelihood_join_to_an_answer() {
    let mut random = Random(57);
    for model in 0..MODELS / 10 {
        let text = match model % 4 {
            0 => history::slab(0, 4, 3, 4),
            1 => history::slab(1, 3, 4, 3),
            2 => memory(3, 5, 0.01).1,
            // Two patches, each with its observable.
            _ => two_patches(&memory(3, 3, 0.01).1),
        };
        let nodes = Model::parse(text.as_bytes()).unwrap().counts().0;
        let exits: String = (0..nodes).map(|node| format!("error(0.001) D{node}\n")).collect();
        let graph = Graph::with_errors(&format!("{exits}{text}"));
        let cells = random_cells(&mut random, graph.nodes);
        let windows = windows(&graph, &cells, random.below(5));
        let kind = Kind::OTR_DECODER_LIKELIHOOD;
        let mut decoders: Vec<_> =
            windows.iter().map(|(cell, window)| (*cell, WindowDecoder::new(window, kind))).collect();
        for shot in 0..5 * SHOTS_PER_MODEL {
            let events: Vec<u32> = (0..graph.nodes as u32).filter(|_| random.below(8) < shot % 4).collect();
            let first = decide(&graph, &mut decoders, &windows, &cells, &events, &[]);
            assert_eq!(decide(&graph, &mut decoders, &windows, &cells, &events, &[]), first);
        }
    }
}

/// A patch, and the same again with detectors and an observable of its own.
fn two_patches(text: &str) -> String {
    let nodes = Model::parse(text.as_bytes()).unwrap().counts().0;
    let shift = |line: &str| {
        line.starts_with("shift_detectors").then(|| line.rsplit(' ').next()?.parse::<u64>().ok()).flatten()
    };
    let shifted: u64 = text.lines().filter_map(shift).sum();
    format!("{text}\nshift_detectors {}\n{}", nodes - shifted, text.replace("L0", "L1"))
}

/// A window that opens on the future has the answers of whole histories.
#[test]
fn a_buffer_of_d_rounds_loses_hardly_anything_by_likelihood() {
    const SHOTS: usize = 2000;
    let (model, text, round_of) = memory(3, 12, 0.01);
    let graph = Graph::with_errors(&text);
    let mut sampler = Sampler::new(&model, 56).unwrap();
    let (mut detectors, mut observables) = sampler.batches();
    sampler.sample(0, SHOTS, &mut detectors, &mut observables).unwrap();
    let mut correlated = Decoder::new(&graph, Kind::OTR_DECODER_MWPM_CORRELATED);
    let mut whole = outrider::Likelihood::from_model(&model).unwrap();
    for (rounds, spacing) in [(3, 0), (3, 3), (4, 1)] {
        let cells = time_cells(&round_of, rounds, spacing);
        let windows = time_windows(&graph, &round_of, &cells, 3);
        let kind = Kind::OTR_DECODER_LIKELIHOOD;
        let mut decoders: Vec<_> =
            windows.iter().map(|(cell, window)| (*cell, WindowDecoder::new(window, kind))).collect();
        let mut tally = Tally::default();
        let mut matched = 0;
        for (row, truth) in detectors.rows().zip(observables.rows()) {
            let events = set_bits(row);
            let (_, joined) = decide(&graph, &mut decoders, &windows, &cells, &events, &[]);
            let mut answer = [0];
            whole.decode(row, &mut answer).unwrap();
            tally.whole += u32::from(answer != truth);
            tally.joined += u32::from(joined != truth);
            tally.differ += u32::from(joined != answer);
            matched += u32::from(correlated.decode_events(&events, &[]).unwrap().observables != truth);
        }
        let about = format!("{rounds}+{spacing}: {tally:?}, {matched} by correlated matching");
        // Seen: 317 whole, 337 joined for the spacing of one round, which has no buffer, and 361 by correlated matching.
        assert!(tally.joined + 15 < matched && tally.joined < tally.whole + 30, "{about}");
        assert!(tally.differ > 0 && tally.differ < 80, "{about}");
    }
}

/// What likelihood in windows does not take.
#[test]
fn windows_by_likelihood_refuse_what_they_cannot_decide() {
    let text = history::slab(0, 3, 3, 3);
    let create = |graph: &Graph, change: &dyn Fn(&mut otr_decoder_options)| {
        let roles = vec![CELL; graph.nodes];
        let window = Window::new(graph, &roles).unwrap();
        let mut options = otr_decoder_options { kind: Kind::OTR_DECODER_LIKELIHOOD, ..default_options() };
        change(&mut options);
        WindowDecoder::create(&window, &options).map(|_| ())
    };
    let whole = Graph::with_errors(&text);
    assert_eq!(create(&whole, &|_| {}), Ok(()));
    assert_eq!(create(&Graph::with_correlations(&text), &|_| {}), Err(otr_status::OTR_ERR_ARGUMENT));
    let likely = Graph::with_errors(&format!("{text}error(0.6) D0 D1\n"));
    assert_eq!(create(&likely, &|_| {}), Err(otr_status::OTR_ERR_ARGUMENT), "likelier than not");
    for status in [
        create(&whole, &|options| options.certify = true),
        create(&whole, &|options| options.weight_offset = 2),
    ] {
        assert_eq!(status, Err(otr_status::OTR_ERR_UNSUPPORTED));
    }
    let window = Window::new(&whole, &vec![CELL; whole.nodes]).unwrap();
    let mut decoder = WindowDecoder::new(&window, Kind::OTR_DECODER_LIKELIHOOD);
    let overrides = [Override { edge: 0, weight: 2 }];
    assert_eq!(decoder.decode(&[], &[], &overrides), Err(otr_status::OTR_ERR_UNSUPPORTED));
    assert!(decoder.decode(&[], &[], &[]).is_ok());
    let options = otr_decoder_options { kind: Kind::OTR_DECODER_LIKELIHOOD, ..default_options() };
    let mut made = std::ptr::null_mut();
    // SAFETY: the graph is alive; nothing is made.
    let status = unsafe { otr_decoder_create(&mut made, whole.raw(), &options) };
    assert!(status == otr_status::OTR_ERR_UNSUPPORTED && made.is_null(), "whole shots have otr_likelihood");
}

fn random_overrides(random: &mut Random, graph: &Graph) -> Vec<Override> {
    let mut change = || Override {
        edge: random.below(graph.edges.len()) as u32,
        weight: random.below(1 << 24) as i32 - (1 << 22),
    };
    (0..graph.nodes / 2).map(|_| change()).collect()
}

/// Errors that are certain cancel in pairs where they are cut. What contradicts them takes one back, as with a certain
/// error in the window, and as decoding the whole history does; it costs more than anything else.
#[test]
fn certain_errors_that_cancel_are_taken_back_when_nothing_else_is_left() {
    const LENGTH: u32 = 40;
    const CERTAIN: i32 = -(OTR_WEIGHT_INFINITE as i32);
    // D0 has two certain errors to what is cut off, and a chain of heavy edges to a boundary.
    let mut text = format!("error(1) D0 D{} L0\nerror(1) D0 D{}\n", LENGTH + 1, LENGTH + 2);
    (0..LENGTH).for_each(|node| text += &format!("error(0.001) D{node} D{}\n", node + 1));
    let closed = Graph::new(&text);
    let open = Graph::new(&format!("{text}error(0.001) D{LENGTH}\n"));
    let last = LENGTH as usize;
    let roles: Vec<u8> = (0..open.nodes).map(|node| if node <= last { CELL } else { OUTSIDE }).collect();
    for kind in [Kind::OTR_DECODER_MWPM, Kind::OTR_DECODER_UNION_FIND] {
        let window = Window::new(&open, &roles).expect("a cell");
        let mut decoder = WindowDecoder::new(&window, kind);
        let chain: Vec<u32> = decoder.decode(&[0], &[], &[]).expect("the chain").edges;
        assert_eq!(open.syndrome(&chain), [0], "{kind:?}");
        assert_eq!(chain.len(), last + 1, "however much it weighs");

        let window = Window::new(&closed, &roles).expect("a cell");
        let mut decoder = WindowDecoder::new(&window, kind);
        let back = decoder.decode(&[0], &[], &[]).expect("one of two");
        let shot = (back.edges.len(), &back.marks[..], &back.observables[..]);
        assert_eq!(shot, (1, &[LENGTH + 1][..], &[1][..]), "{kind:?}");
        let still = decoder.decode(&[], &[], &[]).expect("nothing");
        assert_eq!((still.edges.len(), still.marks.len()), (0, 0));

        // In one shot, errors that are certain by an override are like others.
        let own = back.edges[0];
        let overrides = |weights: [i32; 2]| {
            [Override { edge: own, weight: weights[0] }, Override { edge: own + 1, weight: weights[1] }]
        };
        assert_eq!(decoder.decode(&[0], &[], &overrides([CERTAIN; 2])), Ok(back.clone()));
        assert_eq!(decoder.decode(&[], &[], &overrides([CERTAIN; 2])), Ok(still.clone()));
        assert_eq!(decoder.decode(&[0], &[], &overrides([CERTAIN, 1000])), Ok(back.clone()));
        let never = overrides([-CERTAIN; 2]);
        assert_eq!(decoder.decode(&[0], &[], &never), Err(otr_status::OTR_ERR_ODD_PARITY));
        assert_eq!(decoder.decode(&[0], &[], &[]), Ok(back), "overrides are of one shot");
    }
}

#[test]
fn a_window_is_decoded_as_its_graph_is() {
    let mut random = Random(53);
    let mut informed = 0;
    for model in 0..MODELS {
        let graph = Graph::with_correlations(&random_history(&mut random, 10));
        let cells = random_cells(&mut random, graph.nodes);
        let kind = KINDS[model % KINDS.len()];
        for (cell, window) in windows(&graph, &cells, 1) {
            let mut decoder = WindowDecoder::new(&window, kind);
            let (detectors, edges) = (window.detectors(), window.edges());
            for _ in 0..SHOTS_PER_MODEL {
                let events = random_events(&mut random, graph.nodes, graph.nodes);
                let marks = random_events(&mut random, graph.nodes, 2);
                let commit = decoder.decode(&events, &marks, &[]).unwrap();
                let flipped = |node: &u32| events.contains(node) != marks.contains(node);
                let own: Vec<u32> =
                    (0..detectors.len() as u32).filter(|&node| flipped(&detectors[node as usize])).collect();
                let (answer, _) = window_answer(&window, kind, &own, &[]);
                let owned = answer.iter().filter(|&&edge| edges[edge as usize].owned);
                let mut sources: Vec<u32> = owned.map(|&edge| edges[edge as usize].source).collect();
                sources.sort_unstable();
                assert_eq!(commit.edges, sources);
                assert_eq!(commit.event_count as usize, own.len());
                assert_commit(&graph, &cells, cell, &commit);
                let mut used: Vec<u32> = match kind {
                    Kind::OTR_DECODER_MWPM_CORRELATED => {
                        let (first_pass, _) = window_answer(&window, Kind::OTR_DECODER_MWPM, &own, &[]);
                        let used = first_pass.into_iter().map(|edge| edges[edge as usize].source);
                        used.filter(|&edge| informs(&graph, &cells, cell, edge)).collect()
                    }
                    _ => Vec::new(),
                };
                used.sort_unstable();
                let marked = commit.marks.iter().filter_map(|mark| mark.checked_sub(graph.nodes as u32));
                assert_eq!(marked.collect::<Vec<_>>(), used);
                informed += used.len();
            }
        }
    }
    assert!(informed > MODELS / 10, "{informed} edges of first passes are too few");
}

/// The second pass lowers what edges of its own first pass imply, and what edges do that lower ranks marked.
#[test]
fn a_second_pass_recalls_what_lower_ranks_used() {
    let mut random = Random(57);
    let mut heeded = 0;
    for _ in 0..MODELS {
        let graph = Graph::with_correlations(&random_history(&mut random, 10));
        // All that is not decided is the cell: the commit is the whole answer.
        let roles: Vec<u8> = (0..graph.nodes).map(|_| [CLOSED, CELL][random.below(2)]).collect();
        let Ok(window) = Window::new(&graph, &roles) else { continue };
        let (detectors, edges) = (window.detectors(), window.edges());
        let mut decoder = WindowDecoder::new(&window, Kind::OTR_DECODER_MWPM_CORRELATED);
        for _ in 0..SHOTS_PER_MODEL {
            let events = random_events(&mut random, graph.nodes, graph.nodes);
            let used: Vec<u32> = (0..4).map(|_| random.below(graph.edges.len()) as u32).collect();
            let marks: Vec<u32> = used.iter().map(|edge| graph.nodes as u32 + edge).collect();
            let own = (0..detectors.len() as u32).filter(|&node| events.contains(&detectors[node as usize]));
            let own: Vec<u32> = own.collect();
            let number_of = |source: u32| edges.iter().position(|edge| edge.source == source);

            let (first_pass, _) = window_answer(&window, Kind::OTR_DECODER_MWPM, &own, &[]);
            let mut weights: Vec<i32> = edges.iter().map(|edge| edge.weight).collect();
            let mut lower = |edge: usize, weight: i32| {
                let is_lower = weight < weights[edge];
                weights[edge] = weight.min(weights[edge]);
                is_lower
            };
            for &edge in &first_pass {
                edges[edge as usize]
                    .rules
                    .iter()
                    .for_each(|&(target, weight)| _ = lower(target as usize, weight));
            }
            // Edges of the window itself nobody has decided: such a mark says nothing.
            for &edge in used.iter().filter(|&&edge| number_of(edge).is_none()) {
                for &(target, weight) in &graph.edges[edge as usize].rules {
                    heeded += usize::from(number_of(target).is_some_and(|target| lower(target, weight)));
                }
            }
            let change = |(edge, &weight): (usize, &i32)| Override { edge: edge as u32, weight };
            let overrides: Vec<Override> = weights.iter().enumerate().map(change).collect();
            let (_, least) = window_answer(&window, Kind::OTR_DECODER_MWPM, &own, &overrides);

            let commit = decoder.decode(&events, &marks, &[]).unwrap();
            let weight_of = |&edge: &u32| i64::from(weights[number_of(edge).expect("an edge of the window")]);
            assert_eq!(commit.edges.iter().map(weight_of).sum::<i64>(), least);
            let mut otherwise: Vec<u32> = marks.iter().rev().copied().collect();
            otherwise.extend_from_slice(&marks);
            assert_eq!(
                decoder.decode(&events, &otherwise, &[]),
                Ok(commit),
                "neither order nor repetition counts"
            );
        }
    }
    assert!(heeded > MODELS / 4, "{heeded} lowered edges are too few");
}

/// The edges and the weight of a decoder of its own on the window's graph.
fn window_answer(window: &Window, kind: Kind, events: &[u32], overrides: &[Override]) -> (Vec<u32>, i64) {
    let options = otr_decoder_options { kind, ..default_options() };
    let mut result = otr_result { weight: 0, event_count: 0, matched_count: 0 };
    let (mut decoder, mut edges, mut count) = (std::ptr::null_mut(), std::ptr::null(), 0);
    // SAFETY: the window's graph is alive, the events are valid for their count, the view is copied before the
    // decoder is destroyed.
    unsafe {
        assert_eq!(otr_decoder_create(&mut decoder, window.graph(), &options), otr_status::OTR_OK);
        let status = otr_decoder_decode_events(
            decoder,
            events.as_ptr(),
            events.len(),
            overrides.as_ptr(),
            overrides.len(),
            std::ptr::null_mut(),
            &mut result,
        );
        assert_eq!(status, otr_status::OTR_OK);
        assert_eq!(otr_decoder_edges(decoder, &mut edges, &mut count), otr_status::OTR_OK);
        let answer = crate::support::decoding::view(edges, count).to_vec();
        otr_decoder_destroy(decoder);
        (answer, result.weight)
    }
}

#[test]
fn one_cell_is_the_history() {
    let mut random = Random(54);
    for model in 0..MODELS {
        let graph = Graph::with_correlations(&random_model(&mut random, 12, Signs::NonNegative));
        let kind = KINDS[model % KINDS.len()];
        let mut whole = Decoder::new(&graph, kind);
        let window = Window::new(&graph, &vec![CELL; graph.nodes]).unwrap();
        let mut decoder = WindowDecoder::new(&window, kind);
        for _ in 0..SHOTS_PER_MODEL {
            let events = random_events(&mut random, graph.nodes, graph.nodes);
            let overrides =
                if graph.edges.is_empty() { Vec::new() } else { random_overrides(&mut random, &graph) };
            match (whole.decode_events(&events, &overrides), decoder.decode(&events, &[], &overrides)) {
                (Ok(answer), Ok(commit)) => {
                    assert_eq!((&commit.edges, &commit.observables), (&answer.edges, &answer.observables));
                    assert!(commit.marks.is_empty());
                }
                (Err(expected), Err(status)) => assert_eq!(status, expected),
                other => panic!("{other:?}"),
            }
        }
    }
}

/// A memory of Stim's circuit, its text, and the round of every detector.
fn memory(distance: u32, rounds: u32, p: f64) -> (DetectorErrorModel, String, Vec<usize>) {
    let code = SurfaceCode::memory(distance, rounds).basis(Basis::Z);
    let code = code.circuit(Circuit::uniform(CircuitFamily::Stim, p)).build().unwrap();
    let model = code.model().unwrap();
    let text = model.to_text();
    let parsed = Model::parse(text.as_bytes()).unwrap();
    let mut round_of = vec![0; parsed.counts().0 as usize];
    for step in parsed.walk() {
        if step.kind == otr_instruction_kind::OTR_INSTRUCTION_DETECTOR {
            for target in step.targets {
                round_of[target as usize] = step.arguments[2] as usize;
            }
        }
    }
    (model, text, round_of)
}

/// Cells of `rounds` and, between them, `spacing` rounds, the latter of higher rank; without a spacing one after the
/// other.
fn time_cells(round_of: &[usize], rounds: usize, spacing: usize) -> Cells {
    let cell =
        |round: usize| 2 * (round / (rounds + spacing)) + usize::from(round % (rounds + spacing) >= rounds);
    let mut numbers: Vec<usize> = round_of.iter().map(|&round| cell(round)).collect();
    numbers.sort_unstable();
    numbers.dedup();
    let of = round_of.iter().map(|&round| numbers.binary_search(&cell(round)).unwrap()).collect();
    let rank = |&number: &usize| if spacing == 0 { number } else { number % 2 };
    Cells { of, ranks: numbers.iter().map(rank).collect() }
}

/// The windows of such cells, with `buffer` rounds around each.
fn time_windows<'g>(
    graph: &'g Graph,
    round_of: &[usize],
    cells: &Cells,
    buffer: usize,
) -> Vec<(usize, Window<'g>)> {
    let window = |cell| {
        let rounds = || (0..round_of.len()).filter(|&node| cells.of[node] == cell).map(|node| round_of[node]);
        let (first, last) = (rounds().min().unwrap(), rounds().max().unwrap());
        let roles =
            cells.roles(cell, |node| round_of[node] + buffer >= first && round_of[node] <= last + buffer);
        (cell, Window::new(graph, &roles).unwrap())
    };
    cells.in_order().into_iter().map(window).collect()
}

#[test]
fn a_buffer_of_d_rounds_loses_nothing() {
    let (model, text, round_of) = memory(3, 30, 0.008);
    let graph = Graph::with_correlations(&text);
    let mut sampler = Sampler::new(&model, 55).unwrap();
    let (mut detectors, mut observables) = sampler.batches();
    sampler.sample(0, 3000, &mut detectors, &mut observables).unwrap();
    for kind in KINDS {
        let mut whole = Decoder::new(&graph, kind);
        for (rounds, spacing) in [(3, 0), (1, 0), (3, 3), (3, 9), (2, 1)] {
            let cells = time_cells(&round_of, rounds, spacing);
            let [narrow, wide] = [0, 3].map(|buffer| {
                let windows = time_windows(&graph, &round_of, &cells, buffer);
                assert_eq!(windows.iter().any(|(_, window)| window.blind_count() > 0), buffer == 0);
                let mut decoders: Vec<_> =
                    windows.iter().map(|(cell, window)| (*cell, WindowDecoder::new(window, kind))).collect();
                let mut tally = Tally::default();
                for (row, truth) in detectors.rows().zip(observables.rows()) {
                    let events = set_bits(row);
                    let (_, joined) = decide(&graph, &mut decoders, &windows, &cells, &events, &[]);
                    let answer = whole.decode_events(&events, &[]).unwrap().observables;
                    tally.whole += u32::from(answer != truth);
                    tally.joined += u32::from(joined != truth);
                    tally.differ += u32::from(answer != joined);
                }
                tally
            });
            assert!(wide.whole > 300, "{wide:?}");
            // Measured: at most 7 % of the answers differ for cells of one round, 2 % for others; failures by less.
            let differ_max = if rounds == 1 { 300 } else { 100 };
            assert!(
                wide.differ < differ_max && wide.joined.abs_diff(wide.whole) < 40,
                "{kind:?} {rounds}+{spacing}: {wide:?}"
            );
            assert!(narrow.joined > wide.joined + 50, "{kind:?} {rounds}+{spacing}: {narrow:?} {wide:?}");
        }
    }
}

/// Shots of 3000 that fail, decoded at once and in windows, and that differ.
#[derive(Debug, Default)]
struct Tally {
    whole: u32,
    joined: u32,
    differ: u32,
}

#[test]
fn pre_decoders_say_in_a_window_what_they_say_of_the_history() {
    let (model, text, round_of) = memory(3, 24, 0.008);
    let graph = Graph::with_correlations(&text);
    let mut sampler = Sampler::new(&model, 56).unwrap();
    let (mut detectors, mut observables) = sampler.batches();
    sampler.sample(0, 1000, &mut detectors, &mut observables).unwrap();
    for rule in [otr_rule_kind::OTR_RULE_CLIQUE, otr_rule_kind::OTR_RULE_MIN_SUM] {
        // SAFETY: takes any value.
        let mut predecoder =
            unsafe { Predecoder::rule(&graph, &text, &otr_rule_options_default(rule)) }.unwrap();
        for predecoder_use in
            [otr_predecoder_use::OTR_PREDECODER_USE_SOFT, otr_predecoder_use::OTR_PREDECODER_USE_HARD]
        {
            let options =
                otr_decoder_options { predecoder: predecoder.raw(), predecoder_use, ..default_options() };
            let mut whole = Decoder::create(&graph, &options).unwrap();
            let one = Window::new(&graph, &vec![CELL; graph.nodes]).unwrap();
            let mut one = WindowDecoder::create(&one, &options).unwrap();
            let cells = time_cells(&round_of, 3, 3);
            let windows = time_windows(&graph, &round_of, &cells, 3);
            let mut decoders: Vec<_> = windows
                .iter()
                .map(|(cell, window)| (*cell, WindowDecoder::create(window, &options).unwrap()))
                .collect();
            let (mut differ, mut failures) = (0, [0; 2]);
            for (row, truth) in detectors.rows().zip(observables.rows()) {
                let events = set_bits(row);
                let answer = whole.decode_events(&events, &[]).unwrap();
                let commit = one.decode(&events, &[], &[]).unwrap();
                assert_eq!(
                    (commit.edges, commit.observables),
                    (answer.edges.clone(), answer.observables.clone())
                );
                let (_, joined) = decide(&graph, &mut decoders, &windows, &cells, &events, &[]);
                differ += u32::from(joined != answer.observables);
                failures[0] += u32::from(answer.observables != truth);
                failures[1] += u32::from(joined != truth);
            }
            assert!(
                differ < 30 && failures[0].abs_diff(failures[1]) < 15,
                "{rule:?} {predecoder_use:?}: {differ} {failures:?}"
            );
        }
        // The overrides of soft use, passed by hand, give the same commits.
        let window = &time_windows(&graph, &round_of, &time_cells(&round_of, 3, 3), 3)[0].1;
        let mut plain = WindowDecoder::new(window, Kind::OTR_DECODER_MWPM);
        let options = otr_decoder_options { predecoder: predecoder.raw(), ..default_options() };
        let mut soft = WindowDecoder::create(window, &options).unwrap();
        for row in detectors.rows().take(100) {
            let events = set_bits(row);
            let overrides = predecoder.soft(&events).unwrap();
            assert_eq!(plain.decode(&events, &[], &overrides), soft.decode(&events, &[], &[]));
        }
    }
}

#[test]
fn bad_calls_are_errors_and_change_nothing() {
    let graph = Graph::new("error(0.1) D0 L0\nerror(0.1) D0 D1\nerror(0.1) D1 D2\nerror(0.2) D2 D3\n");
    let error = Window::new(&graph, &[CELL, 4, CELL, CELL]).err().expect("no such role");
    assert_eq!(error.message, "detector 1 has role 4, which is none");
    let error = Window::new(&graph, &[BUFFER; 4]).err().expect("no cell");
    assert_eq!(error.message, "no detector is in the cell");
    let window = Window::new(&graph, &[CLOSED, CELL, CELL, BUFFER]).unwrap();
    let mut decoder = WindowDecoder::new(&window, Kind::OTR_DECODER_MWPM);
    let expected = decoder.decode(&[1, 2], &[], &[]).unwrap();
    assert_eq!((&expected.edges[..], &expected.marks[..]), (&[2][..], &[][..]));
    let index = Err(otr_status::OTR_ERR_INDEX);
    assert_eq!(decoder.decode(&[4], &[], &[]), index);
    assert_eq!(decoder.decode(&[2, 1], &[], &[]), index, "events ascend");
    assert_eq!(decoder.decode(&[1, 1], &[], &[]), index, "events are distinct");
    assert_eq!(decoder.decode(&[], &[8], &[]), index, "four detectors and four edges can be marked");
    assert_eq!(decoder.decode(&[], &[], &[Override { edge: 4, weight: 2 }]), index);
    assert_eq!(decoder.decode(&[1], &[], &[]), Err(otr_status::OTR_ERR_ODD_PARITY));
    assert_eq!(decoder.decode(&[0, 1, 2], &[0], &[]), Ok(expected.clone()), "closed detectors do not matter");
    assert_eq!(decoder.decode(&[1], &[2, 3, 3], &[]), Ok(expected.clone()), "a defect is an event");
    assert_eq!(decoder.decode(&[1, 2], &[4, 5, 6, 7], &[]), Ok(expected), "edges are no events");
    let other = Graph::new("error(0.1) D0 L0\n");
    let place = "detector(0, 0, 0) D0\n";
    // SAFETY: takes any value.
    let rule = unsafe { otr_rule_options_default(otr_rule_kind::OTR_RULE_CLIQUE) };
    let foreign = Predecoder::rule(&other, &format!("error(0.1) D0 L0\n{place}"), &rule).unwrap();
    let options = otr_decoder_options { predecoder: foreign.raw(), ..default_options() };
    let refused = WindowDecoder::create(&window, &options).err();
    assert_eq!(refused, Some(otr_status::OTR_ERR_ARGUMENT), "a pre-decoder of another graph");
    let correlated = otr_decoder_options { kind: Kind::OTR_DECODER_MWPM_CORRELATED, ..default_options() };
    let refused = WindowDecoder::create(&window, &correlated).err();
    assert_eq!(refused, Some(otr_status::OTR_ERR_ARGUMENT), "a graph without correlations");
}
