//! Windows on the command line: decoders that put their answers together cell by cell.

use std::collections::BTreeMap;
use std::sync::Arc;

use outrider::{
    Axis, CellBook, CellShape, DetectorErrorModel, MatchingGraph, Plan, PlanOptions, Rows, TimeAxis, Window,
    WindowDecoder,
};
use outrider_options::{TimedModel, Windowing, reorder_bits};
use serde_json::Value;

use crate::error::{Error, Result};
use crate::report::statistics::Metadata;

/// Of rows of statistics files that were decoded in windows. sinter's strong id hashes the keys: with another name the
/// same task would count as another.
pub(crate) fn metadata(windowing: &Windowing) -> Metadata {
    let PlanOptions { cell_layers, spacing, buffer, rows, .. } = windowing.cut();
    let mut metadata = vec![
        ("win".to_owned(), Value::from(windowing.layout())),
        ("commit".to_owned(), Value::from(cell_layers)),
        ("gap".to_owned(), Value::from(spacing)),
        ("buffer".to_owned(), Value::from(buffer)),
    ];
    if let Some(Rows { width, axis, pitch, .. }) = rows {
        metadata.extend([
            ("row_width".to_owned(), Value::from(width)),
            ("row_axis".to_owned(), Value::from(if axis == Axis::X { "x" } else { "y" })),
            ("row_pitch".to_owned(), Value::from(pitch)),
        ]);
    }
    metadata
}

/// The same of what is given about time.
pub(crate) fn time_metadata(time: TimeAxis) -> Metadata {
    [
        ("time_axis", time.axis.map(Value::from)),
        ("time_unit", time.unit.map(Value::from)),
        ("time_offset", time.offset.map(Value::from)),
    ]
    .into_iter()
    .filter_map(|(key, value)| Some((key.to_owned(), value?)))
    .collect()
}

/// The windows of a model's history, shared by all threads.
pub(crate) struct Windows {
    plan: Arc<Plan>,
    timed: TimedModel,
    by_shape: BTreeMap<CellShape, Arc<Window>>,
}

impl Windows {
    /// Cuts the history; `graph` is that of `model`, as `timed` has it, and `reach` the pre-decoder's, in rounds.
    pub(crate) fn new(
        graph: &Arc<MatchingGraph>,
        model: &DetectorErrorModel,
        timed: TimedModel,
        windowing: &Windowing,
        reach: f64,
    ) -> Result<Self> {
        if reach.ceil() > f64::from(u32::MAX) {
            return Err(Error::Usage(
                "--predecoder: one for whole histories does not fit windows".to_owned(),
            ));
        }
        let options = PlanOptions { context: reach.ceil() as u32, ..windowing.cut() };
        let plan = Arc::new(Plan::new(Arc::clone(graph), model, &options)?);
        let length = u64::from(plan.layer_count());
        let mut by_shape = BTreeMap::new();
        for number in 0..plan.cell_count(length) {
            let cell = plan.cell(number, Some(length))?;
            if !cell.is_empty && !by_shape.contains_key(&cell.shape) {
                by_shape.insert(cell.shape, Arc::new(plan.window(&cell)?));
            }
        }
        Ok(Self { plan, timed, by_shape })
    }

    /// What is cut.
    pub(crate) fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    /// The model that the plan's graph is of, and how its detectors are numbered.
    pub(crate) fn timed(&self) -> &TimedModel {
        &self.timed
    }

    /// A decoder for one thread; `make` gives one for a window.
    pub(crate) fn decoder(
        &self,
        make: impl Fn(Arc<Window>) -> Result<WindowDecoder>,
    ) -> Result<WindowedDecoder> {
        let length = u64::from(self.plan.layer_count());
        let decoders = self.by_shape.iter().map(|(&shape, window)| Ok((shape, make(Arc::clone(window))?)));
        Ok(WindowedDecoder {
            plan: Arc::clone(&self.plan),
            widths: (0..length).map(|layer| self.plan.layer_detectors(layer, Some(length))).collect(),
            decoders: decoders.collect::<Result<_>>()?,
            order: self.timed.order.clone(),
            row: Vec::new(),
            layer: Vec::new(),
        })
    }
}

/// Decodes histories cell by cell.
pub(crate) struct WindowedDecoder {
    plan: Arc<Plan>,
    /// Detectors of every layer.
    widths: Vec<u32>,
    decoders: BTreeMap<CellShape, WindowDecoder>,
    /// The shots' number of each detector, if the plan has others.
    order: Option<Vec<u32>>,
    row: Vec<u8>,
    layer: Vec<u8>,
}

impl WindowedDecoder {
    /// Decodes a history of packed detection events into packed observables, and gives the events that windows
    /// decoded. Committed edges are added to `edges` where there is a list.
    pub(crate) fn decode(
        &mut self,
        detectors: &[u8],
        observables: &mut [u8],
        mut edges: Option<&mut Vec<Ends>>,
    ) -> std::result::Result<u64, outrider::Error> {
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
                        let ends = Ends::of(self.plan.graph(), edge)?.shifted(&self.plan, cell.shift)?;
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
pub(crate) struct Ends {
    /// The one.
    pub(crate) node1: u32,
    /// The other.
    pub(crate) node2: Option<u32>,
}

impl Ends {
    /// Those of an edge of the graph.
    pub(crate) fn of(graph: &MatchingGraph, edge: u32) -> std::result::Result<Self, outrider::Error> {
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
    fn shifted(self, plan: &Plan, shift: i64) -> std::result::Result<Self, outrider::Error> {
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
}
