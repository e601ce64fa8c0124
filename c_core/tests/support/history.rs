//! Histories cut into cells by the words of `plan.h`, detector by detector.

use super::decoding::Graph;
use super::model::Model;
use super::plan::{Layout, Plan, PlanOptions, parallel};
use super::window::{BUFFER, CELL, CLOSED, OUTSIDE};
use outrider::{Basis, Circuit, CircuitFamily, SurfaceCode};
use outrider_sys::*;
use std::collections::BTreeMap;
use std::fmt::Write;

/// The text of a memory's model, `size` data qubits wide and high.
pub(crate) fn memory(size: (u32, u32), rounds: u32) -> String {
    memory_in(Basis::Z, size, rounds)
}

/// The same in either basis.
pub(crate) fn memory_in(basis: Basis, size: (u32, u32), rounds: u32) -> String {
    let code = SurfaceCode::memory(3, rounds).size(size.0, size.1).basis(basis);
    let code = code.circuit(Circuit::uniform(CircuitFamily::Stim, 0.004)).build().unwrap();
    code.model().unwrap().to_text()
}

/// A slab of one kind of detectors, `long` sites along `axis` and `wide` sites across, with boundaries on its long
/// sides: however it is cut along the axis, every cell reaches a boundary. Measurements of the last layer are perfect.
pub(crate) fn slab(axis: u32, long: usize, wide: usize, layers: usize) -> String {
    let number = |x: usize, y: usize, t: usize| (t * long + x) * wide + y;
    let mut text = String::new();
    for (t, x, y) in (0..layers).flat_map(|t| (0..long).flat_map(move |x| (0..wide).map(move |y| (t, x, y))))
    {
        let own = number(x, y, t);
        let mut edge = |p: f64, to: String| writeln!(text, "error({p}) D{own}{to}").unwrap();
        if x + 1 < long {
            edge(0.02, format!(" D{}", number(x + 1, y, t)));
        }
        match y {
            0 => edge(0.02, " L0".to_owned()),
            y if y + 1 == wide => edge(0.02, String::new()),
            _ => {}
        }
        if y + 1 < wide {
            edge(0.02, format!(" D{}", number(x, y + 1, t)));
        }
        if t + 1 < layers {
            edge(0.02, format!(" D{}", number(x, y, t + 1)));
            if x + 1 < long {
                edge(0.005, format!(" D{}", number(x + 1, y, t + 1)));
            }
        }
        let (place_x, place_y) = if axis == 0 { (2 * x, 2 * y) } else { (2 * y, 2 * x) };
        writeln!(text, "detector({place_x}, {place_y}, {t}) D{own}").unwrap();
    }
    text
}

/// A patch that suits the rows of a plan: three or four sites across a patch of three, seven long.
pub(crate) fn size_for(options: &PlanOptions) -> (u32, u32) {
    match (options.width, options.axis) {
        (0, _) => (3, 3),
        (_, 0) => (7, 3),
        _ => (3, 7),
    }
}

/// Coordinates of all detectors.
pub(crate) fn coordinates(text: &str) -> Vec<[usize; 3]> {
    let model = Model::parse(text.as_bytes()).unwrap();
    let mut all = vec![[0; 3]; model.counts().0 as usize];
    for step in model.walk() {
        if step.kind == otr_instruction_kind::OTR_INSTRUCTION_DETECTOR {
            for &target in &step.targets {
                all[target as usize] = std::array::from_fn(|axis| step.arguments[axis] as usize);
            }
        }
    }
    all
}

/// Every layout, for a patch of distance 3.
pub(crate) fn layouts() -> Vec<PlanOptions> {
    let mut all = Vec::new();
    for (cell_layers, spacing, buffer) in [(3, 3, 3), (3, 0, 3), (1, 0, 2), (2, 1, 4), (3, 9, 0), (4, 2, 5)] {
        all.push(PlanOptions { cell_layers, spacing, buffer, ..parallel(3) });
        all.push(PlanOptions { cell_layers, spacing, buffer, width: 3, ..parallel(3) });
    }
    for cell_layers in [2, 3, 4, 5] {
        let layout = Layout::OTR_PLAN_BRICK;
        all.push(PlanOptions { cell_layers, spacing: 0, buffer: 3, width: 3, layout, ..parallel(3) });
        all.push(PlanOptions {
            cell_layers,
            spacing: 0,
            buffer: 2,
            width: 4,
            axis: 1,
            layout,
            ..parallel(3)
        });
    }
    all
}

/// Cells of a plan, by the words of the header: for each layer and row the time index, and the rank.
pub(crate) struct Pattern(pub(crate) PlanOptions);

impl Pattern {
    pub(crate) fn is_brick(&self) -> bool {
        self.0.layout == Layout::OTR_PLAN_BRICK && self.0.width > 0
    }

    pub(crate) fn index(&self, row: usize, layer: usize) -> usize {
        let (cell_layers, spacing) = (self.0.cell_layers as usize, self.0.spacing as usize);
        // Cells are laid one after the other until one holds the layer.
        let mut end = cell_layers - if self.is_brick() && row % 2 == 1 { cell_layers / 2 } else { 0 };
        let mut index = 0;
        while end <= layer {
            index += 1;
            end += if spacing > 0 && index % 2 == 1 { spacing } else { cell_layers };
        }
        index
    }

    pub(crate) fn rank(&self, row: usize, index: usize) -> usize {
        match (self.is_brick(), self.0.spacing > 0) {
            (true, _) => 2 * index + 1 - row % 2,
            (false, true) => 2 * (row % 2) + index % 2,
            (false, false) => 2 * index + row % 2,
        }
    }
}

/// A history with its cells, worked out detector by detector.
pub(crate) struct History {
    pub(crate) graph: Graph,
    pub(crate) layers: Vec<usize>,
    pub(crate) sites: Vec<usize>,
    pub(crate) cells: Vec<(usize, usize)>,
    /// Edges by their nodes.
    pub(crate) numbers: BTreeMap<(u32, u32), u32>,
    pub(crate) options: PlanOptions,
    /// Cells are decided one after the other, row by row.
    pub(crate) is_sequential: bool,
}

impl History {
    pub(crate) fn new(text: &str, options: PlanOptions) -> Self {
        let places = coordinates(text);
        let layers: Vec<usize> = places.iter().map(|place| place[2]).collect();
        let lowest = places.iter().map(|place| place[options.axis as usize]).min().unwrap();
        let site =
            |place: &[usize; 3]| ((place[options.axis as usize] - lowest) as f64 / options.pitch) as usize;
        let sites: Vec<usize> = places.iter().map(site).collect();
        let row = |site: usize| if options.width > 0 { site / options.width as usize } else { 0 };
        let pattern = Pattern(options);
        let cell = |node: usize| (row(sites[node]), pattern.index(row(sites[node]), layers[node]));
        let cells = (0..layers.len()).map(cell).collect();
        let graph = Graph::with_correlations(text);
        let numbers = graph.edges.iter().zip(0..).map(|(edge, number)| (edge.nodes, number)).collect();
        Self { graph, layers, sites, cells, numbers, options, is_sequential: false }
    }

    /// The same, with the order of cells that a plan has chosen.
    pub(crate) fn in_order_of(self, plan: &Plan<'_>) -> Self {
        Self { is_sequential: plan.is_sequential(), ..self }
    }

    pub(crate) fn rank(&self, cell: (usize, usize)) -> usize {
        match self.is_sequential {
            true => cell.1 * self.rows() + cell.0,
            false => Pattern(self.options).rank(cell.0, cell.1),
        }
    }

    pub(crate) fn rows(&self) -> usize {
        self.cells.iter().map(|cell| cell.0).max().unwrap() + 1
    }

    pub(crate) fn layer_count(&self) -> usize {
        self.layers.last().unwrap() + 1
    }

    /// The roles of a cell's window, by rule 3 of the header.
    pub(crate) fn roles(&self, cell: (usize, usize)) -> Vec<u8> {
        let nodes = || (0..self.cells.len()).filter(|&node| self.cells[node] == cell);
        let first = nodes().map(|node| self.layers[node]).min().unwrap();
        let last = nodes().map(|node| self.layers[node]).max().unwrap();
        let (buffer, width) = (self.options.buffer as usize, self.options.width as usize);
        let is_near = |node: usize| {
            let in_time = self.layers[node] + buffer >= first && self.layers[node] <= last + buffer;
            let (low, high) = (cell.0 * width, (cell.0 + 1) * width);
            let site = self.sites[node];
            in_time && (width == 0 || (site + buffer >= low && site < high + buffer))
        };
        let role = |node: usize| match self.cells[node] {
            own if own == cell => CELL,
            other if self.rank(other) < self.rank(cell) => CLOSED,
            _ if is_near(node) => BUFFER,
            _ => OUTSIDE,
        };
        (0..self.cells.len()).map(role).collect()
    }
}
