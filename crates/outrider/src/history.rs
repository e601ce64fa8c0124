use std::collections::BTreeMap;
use std::sync::Arc;

use crate::cell_book::CellBook;
use crate::error::{Error, argument_error, check_length};
use crate::graph::MatchingGraph;
use crate::plan::{CellShape, Plan};
use crate::rounds::reorder_bits;
use crate::window::{Window, WindowDecoder};

/// The windows of histories as long as the reference of a plan, for the decoders of all threads.
///
/// ```
/// use std::sync::Arc;
/// use outrider::{
///     Circuit, CircuitFamily, DecoderOptions, Error, GraphOptions, HistoryWindows, MatchingGraph, Plan, PlanOptions,
///     SurfaceCode, WindowDecoder,
/// };
///
/// let circuit = Circuit::uniform(CircuitFamily::Stim, 0.001);
/// let model = SurfaceCode::memory(3, 40).circuit(circuit).build()?.model()?;
/// let graph = Arc::new(MatchingGraph::new(&model, &GraphOptions::default())?);
/// let plan = Arc::new(Plan::new(graph, &model, &PlanOptions::parallel(3))?);
/// let windows = HistoryWindows::new(plan, None)?;
/// let mut decoder =
///     windows.decoder(|window| WindowDecoder::new(window, None, &DecoderOptions::default()))?;
/// let (quiet, mut observables) = (vec![0; model.detector_count().div_ceil(8) as usize], [1]);
/// assert_eq!(decoder.decode(&quiet, &mut observables, None)?, 0);
/// assert_eq!(observables, [0]);
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug)]
pub struct HistoryWindows {
    plan: Arc<Plan>,
    order: Option<Arc<[u32]>>,
    by_shape: BTreeMap<CellShape, Arc<Window>>,
}

impl HistoryWindows {
    /// All windows of a history. `order` has the number in shots of each detector of the plan, as
    /// [`sorted_by_rounds`](crate::DetectorErrorModel::sorted_by_rounds) gives it; `None` where they are the same.
    ///
    /// # Errors
    /// [`Error::Length`] for an order of another length, [`Argument`](crate::Status::Argument) for one that is none,
    /// and as [`Plan::window`].
    pub fn new(plan: Arc<Plan>, order: Option<Vec<u32>>) -> Result<Self, Error> {
        if let Some(order) = &order {
            check_order(order, plan.graph().node_count() as usize)?;
        }
        let length = u64::from(plan.layer_count());
        let mut by_shape = BTreeMap::new();
        for number in 0..plan.cell_count(length) {
            let cell = plan.cell(number, Some(length))?;
            if !cell.is_empty && !by_shape.contains_key(&cell.shape) {
                by_shape.insert(cell.shape, Arc::new(plan.window(&cell)?));
            }
        }
        Ok(Self { plan, order: order.map(Arc::from), by_shape })
    }

    /// What is cut.
    pub fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    /// A decoder for one thread; `make` gives one for a window.
    ///
    /// # Errors
    /// Those of `make`.
    pub fn decoder<E>(
        &self,
        make: impl Fn(Arc<Window>) -> Result<WindowDecoder, E>,
    ) -> Result<HistoryDecoder, E> {
        let length = u64::from(self.plan.layer_count());
        let decoders = self.by_shape.iter().map(|(&shape, window)| Ok((shape, make(Arc::clone(window))?)));
        Ok(HistoryDecoder {
            plan: Arc::clone(&self.plan),
            widths: (0..length).map(|layer| self.plan.layer_detectors(layer, Some(length))).collect(),
            decoders: decoders.collect::<Result<_, E>>()?,
            order: self.order.clone(),
            row: Vec::new(),
            layer: Vec::new(),
        })
    }
}

/// Decodes histories of one length cell by cell.
#[derive(Debug)]
pub struct HistoryDecoder {
    plan: Arc<Plan>,
    /// Detectors of every layer.
    widths: Vec<u32>,
    decoders: BTreeMap<CellShape, WindowDecoder>,
    /// The shots' number of each detector, if the plan has others.
    order: Option<Arc<[u32]>>,
    row: Vec<u8>,
    layer: Vec<u8>,
}

impl HistoryDecoder {
    /// Decodes a history of packed detection events into packed observables, and returns how many events the windows
    /// decoded, artificial defects included. Committed edges are added to `edges` where there is a list, by the shots'
    /// numbers of the detectors.
    ///
    /// # Errors
    /// [`Error::Length`] for rows of another length; as [`CellBook::push`] and [`WindowDecoder::decode`].
    pub fn decode(
        &mut self,
        detectors: &[u8],
        observables: &mut [u8],
        mut edges: Option<&mut Vec<EdgeEnds>>,
    ) -> Result<u64, Error> {
        let graph = self.plan.graph();
        let detector_bytes = (graph.node_count() as usize).div_ceil(8);
        // A row may go on behind its detectors.
        check_length("detection events, in bytes", detector_bytes, detectors.len().min(detector_bytes))?;
        check_length("observables, in bytes", graph.observable_bytes(), observables.len())?;
        let detectors = match &self.order {
            Some(order) => {
                reorder_bits(detectors, order, &mut self.row);
                &self.row
            }
            None => detectors,
        };
        let mut books = CellBook::new(Arc::clone(&self.plan), CellBook::layers_needed(&self.plan))?;
        let mut first = 0;
        let mut decoded = 0;
        for (index, &width) in self.widths.iter().enumerate() {
            copy_bits(detectors, first, width as usize, &mut self.layer);
            first += width as usize;
            books.push(&self.layer, width, index + 1 == self.widths.len())?;
            while let Some(cell) = books.next() {
                let input = books.input(cell.number)?;
                let decoder = self.decoders.get_mut(&cell.shape);
                let decoder = decoder.expect("every cell of a history of the plan's length has its shape's");
                let commit = decoder.decode(input.events, input.marks, &[])?;
                decoded += u64::from(commit.event_count);
                if let Some(edges) = &mut edges {
                    for &edge in commit.edges {
                        let ends = EdgeEnds::of(self.plan.graph(), edge)?.shifted(&self.plan, cell.shift)?;
                        edges.push(self.order.as_ref().map_or(ends, |order| ends.renumbered(order)));
                    }
                }
                books.commit(cell.number, &commit)?;
            }
        }
        observables.copy_from_slice(books.state().observables);
        Ok(decoded)
    }
}

/// Detectors that an edge joins; one for an edge to the boundary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct EdgeEnds {
    /// The one.
    pub node1: u32,
    /// The other.
    pub node2: Option<u32>,
}

impl EdgeEnds {
    /// Those of an edge of the graph.
    ///
    /// # Errors
    /// [`Index`](crate::Status::Index).
    pub fn of(graph: &MatchingGraph, edge: u32) -> Result<Self, Error> {
        let edge = graph.edge(edge)?;
        Ok(Self { node1: edge.node1, node2: edge.node2 })
    }

    /// The same by other numbers of the detectors.
    fn renumbered(self, numbers: &[u32]) -> Self {
        let number = |detector: u32| numbers[detector as usize];
        let (node1, node2) = (number(self.node1), self.node2.map(number));
        match node2 {
            Some(node2) => Self { node1: node1.min(node2), node2: Some(node1.max(node2)) },
            None => Self { node1, node2 },
        }
    }

    /// The same so many layers later.
    fn shifted(self, plan: &Plan, shift: i64) -> Result<Self, Error> {
        let later = |detector| {
            let (layer, index) = plan.place(detector)?;
            // The plan finds no detector in a layer that is none.
            let layer = u32::try_from(i64::from(layer) + shift).unwrap_or(u32::MAX);
            plan.mark(layer, index)
        };
        Ok(Self { node1: later(self.node1)?, node2: self.node2.map(later).transpose()? })
    }
}

/// Fills `out` with `count` bits of `bits` from number `first` on; what pads its last byte does not matter.
fn copy_bits(bits: &[u8], first: usize, count: usize, out: &mut Vec<u8>) {
    let byte = |index: usize| u16::from(bits.get(index).copied().unwrap_or(0));
    out.clear();
    out.extend((first / 8..).take(count.div_ceil(8)).map(|index| {
        let pair = byte(index) | byte(index + 1) << 8;
        (pair >> (first % 8)) as u8
    }));
}

/// Refuses numbers that are no order of so many detectors.
fn check_order(order: &[u32], detectors: usize) -> Result<(), Error> {
    check_length("order of the detectors", detectors, order.len())?;
    let mut is_seen = vec![false; detectors];
    for &detector in order {
        match is_seen.get_mut(detector as usize) {
            Some(is_seen) if !*is_seen => *is_seen = true,
            _ => return Err(argument_error("the order of the detectors has one twice, or one that is none")),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_copied_from_any_place() {
        let bits = [0b1010_0110, 0b0011_1001, 0b1100_0101];
        let bit = |index: usize| bits[index / 8] >> (index % 8) & 1;
        let mut out = Vec::new();
        for first in 0..24 {
            for count in 0..=24 - first {
                copy_bits(&bits, first, count, &mut out);
                assert_eq!(out.len(), count.div_ceil(8));
                for index in 0..count {
                    assert_eq!(out[index / 8] >> (index % 8) & 1, bit(first + index), "{first} {count}");
                }
            }
        }
    }

    #[test]
    fn an_order_names_every_detector_once() {
        assert!(check_order(&[2, 0, 1], 3).is_ok());
        for wrong in [&[0, 1][..], &[0, 1, 1], &[0, 1, 3]] {
            assert!(check_order(wrong, 3).is_err(), "{wrong:?}");
        }
    }
}
