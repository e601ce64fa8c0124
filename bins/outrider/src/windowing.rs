//! Windows on the command line: how histories are cut, and decoders that put their answers together cell by cell.

use std::collections::BTreeMap;
use std::sync::Arc;

use clap::builder::PossibleValue;
use clap::{Args, ValueEnum};
use outrider::{
    Axis, CellShape, CellStream, DetectorErrorModel, MatchingGraph, Plan, PlanOptions, RowLayout, Rows,
    Window, WindowDecoder,
};
use serde_json::Value;

use crate::error::{Error, Result};
use crate::options;
use crate::sinter::Metadata;

/// How a history is cut.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct WindowArgs {
    /// Decode histories in windows: one cell after the other (forward), cells with gaps between them that are decided
    /// after their neighbours (parallel; sandwich: gaps of one round), or cells in space too, for wide patches
    /// (chessboard, brick) [default: whole, of a stream parallel]
    #[arg(long, value_name = "LAYOUT", value_enum)]
    window: Option<Layout>,
    /// Rounds of a cell [default: the distance, where it is known]
    #[arg(long, value_name = "ROUNDS")]
    commit: Option<u32>,
    /// Rounds of the gaps between cells, of parallel and chessboard; a chessboard has none unless told otherwise
    /// [default: the distance, where it is known]
    #[arg(long, value_name = "ROUNDS")]
    gap: Option<u32>,
    /// Rounds, and sites, that a window sees around its cell; fewer than the distance cost accuracy [default: the
    /// distance, where it is known]
    #[arg(long, value_name = "ROUNDS")]
    buffer: Option<u32>,
    /// Sites of a row of cells, of chessboard and brick [default: the distance, where it is known]
    #[arg(long, value_name = "SITES")]
    row_width: Option<u32>,
    /// Coordinate that rows follow one another along [default: x]
    #[arg(long, value_name = "AXIS", value_enum)]
    row_axis: Option<RowAxis>,
    /// Coordinate units of a site [default: 2, as in Stim's circuits]
    #[arg(long, value_name = "UNITS", value_parser = options::positive)]
    row_pitch: Option<f64>,
}

/// Layouts by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Layout {
    Whole,
    Forward,
    Parallel,
    Sandwich,
    Chessboard,
    Brick,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum RowAxis {
    X,
    Y,
}

impl Layout {
    const fn name(self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::Forward => "forward",
            Self::Parallel => "parallel",
            Self::Sandwich => "sandwich",
            Self::Chessboard => "chessboard",
            Self::Brick => "brick",
        }
    }

    const fn has_rows(self) -> bool {
        matches!(self, Self::Chessboard | Self::Brick)
    }
}

impl ValueEnum for Layout {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::Whole, Self::Forward, Self::Parallel, Self::Sandwich, Self::Chessboard, Self::Brick]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.name()))
    }
}

impl WindowArgs {
    /// The cut for patches of this distance, if it is known; nothing for whole histories.
    pub(crate) fn at(&self, distance: Option<u32>) -> Result<Option<Windowing>> {
        match self.window.unwrap_or(Layout::Whole) {
            Layout::Whole => self.require_fit(Layout::Whole).map(|()| None),
            layout => self.windowing(layout, distance).map(Some),
        }
    }

    /// How streams of patches of this distance are cut, in parallel windows unless told otherwise.
    pub(crate) fn of_stream(&self, distance: Option<u32>) -> Result<Windowing> {
        match self.window.unwrap_or(Layout::Parallel) {
            Layout::Whole => Err(Error::Usage("--window whole: a stream has no end to wait for".to_owned())),
            layout => self.windowing(layout, distance),
        }
    }

    fn windowing(&self, layout: Layout, distance: Option<u32>) -> Result<Windowing> {
        self.require_fit(layout)?;
        let known = |option: &str, given: Option<u32>| {
            given.or(distance).ok_or_else(|| {
                Error::Usage(format!(
                    "--window {} needs {option}: the distance of the model is not known",
                    layout.name()
                ))
            })
        };
        let gap = match layout {
            Layout::Parallel => known("--gap", self.gap)?,
            Layout::Sandwich => 1,
            _ => self.gap.unwrap_or(0),
        };
        if gap == 0 && layout == Layout::Parallel {
            return Err(Error::Usage("--gap 0: that is --window forward".to_owned()));
        }
        let rows =
            layout.has_rows().then(|| self.rows(layout, known("--row-width", self.row_width)?)).transpose();
        let cut = PlanOptions {
            commit: known("--commit", self.commit)?,
            gap,
            buffer: known("--buffer", self.buffer)?,
            rows: rows?,
            context: 0,
        };
        let shortened = distance.is_none_or(|distance| cut.buffer < distance);
        Ok(Windowing { layout, cut, shortened })
    }

    fn rows(&self, layout: Layout, width: u32) -> Result<Rows> {
        if width == 0 {
            return Err(Error::Usage("--row-width 0: rows have sites".to_owned()));
        }
        Ok(Rows {
            width,
            axis: match self.row_axis {
                Some(RowAxis::Y) => Axis::Y,
                _ => Axis::X,
            },
            pitch: self.row_pitch.unwrap_or(STIM_PITCH),
            layout: if layout == Layout::Brick { RowLayout::Brick } else { RowLayout::Chessboard },
        })
    }

    /// Refuses options that would change nothing.
    fn require_fit(&self, layout: Layout) -> Result<()> {
        let windows = layout != Layout::Whole;
        let gaps = matches!(layout, Layout::Parallel | Layout::Chessboard);
        let rows = layout.has_rows();
        let pairs = [
            ("--commit", self.commit.is_some(), windows),
            ("--buffer", self.buffer.is_some(), windows),
            ("--gap", self.gap.is_some(), gaps),
            ("--row-width", self.row_width.is_some(), rows),
            ("--row-axis", self.row_axis.is_some(), rows),
            ("--row-pitch", self.row_pitch.is_some(), rows),
        ];
        for (option, given, fits) in pairs {
            if given && !fits {
                return Err(Error::Usage(format!("{option} is not for --window {}", layout.name())));
            }
        }
        Ok(())
    }
}

/// How the histories of a model are cut.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Windowing {
    layout: Layout,
    cut: PlanOptions,
    /// The buffer is shorter than the distance, or may be.
    shortened: bool,
}

impl Windowing {
    /// How a plan cuts, but for the context of a pre-decoder.
    pub(crate) fn cut(&self) -> PlanOptions {
        self.cut
    }

    /// What tables add to the name of a decoder. Buffers that may cost accuracy are named.
    pub(crate) fn suffix(&self) -> String {
        let buffer = if self.shortened { format!("-b{}", self.cut.buffer) } else { String::new() };
        format!("@{}{buffer}", self.layout.name())
    }

    /// What tells its rows apart in statistics files.
    pub(crate) fn metadata(&self) -> Metadata {
        let PlanOptions { commit, gap, buffer, rows, .. } = self.cut;
        let mut metadata = vec![
            ("win".to_owned(), Value::from(self.layout.name())),
            ("commit".to_owned(), Value::from(commit)),
            ("gap".to_owned(), Value::from(gap)),
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
}

/// The windows of a model's history, shared by all threads.
pub(crate) struct Windows {
    plan: Arc<Plan>,
    by_shape: BTreeMap<CellShape, Arc<Window>>,
}

impl Windows {
    /// Cuts the history; `reach` is the pre-decoder's, in rounds.
    pub(crate) fn new(
        graph: &Arc<MatchingGraph>,
        model: &DetectorErrorModel,
        windowing: &Windowing,
        reach: f64,
    ) -> Result<Self> {
        if reach.ceil() > f64::from(u32::MAX) {
            return Err(Error::Usage(
                "--predecoder: one that looks at whole histories does not fit windows".to_owned(),
            ));
        }
        let options = PlanOptions { context: reach.ceil() as u32, ..windowing.cut };
        let plan = Arc::new(Plan::new(Arc::clone(graph), model, &options)?);
        let length = u64::from(plan.layer_count());
        let mut by_shape = BTreeMap::new();
        for number in 0..plan.cell_count(length) {
            let cell = plan.cell(number, Some(length))?;
            if !cell.is_empty && !by_shape.contains_key(&cell.shape) {
                by_shape.insert(cell.shape, Arc::new(plan.window(&cell)?));
            }
        }
        Ok(Self { plan, by_shape })
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
        let mut books = CellStream::new(Arc::clone(&self.plan), CellStream::layers_needed(&self.plan))?;
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
                let commit = decoder.decode(input.events, input.defects, &[])?;
                decoded += u64::from(commit.event_count);
                if let Some(edges) = &mut edges {
                    for &edge in commit.edges {
                        edges.push(Ends::of(self.plan.graph(), edge)?.shifted(&self.plan, cell.shift)?);
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

    /// The same so many layers later.
    fn shifted(self, plan: &Plan, shift: i64) -> std::result::Result<Self, outrider::Error> {
        let later = |detector| {
            let (layer, index) = plan.place(detector)?;
            // The plan finds no detector in a layer that is none.
            let layer = u32::try_from(i64::from(layer) + shift).unwrap_or(u32::MAX);
            plan.detector(layer, index)
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

/// Coordinate units between neighbouring detectors of one kind in Stim's circuits.
const STIM_PITCH: f64 = 2.0;

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
