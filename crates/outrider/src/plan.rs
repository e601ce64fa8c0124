use std::fmt;
use std::ptr::{self, NonNull};
use std::sync::Arc;

use outrider_sys as sys;

use crate::error::{Details, Error, LineMeaning, check};
use crate::graph::MatchingGraph;
use crate::model::{DetectorErrorModel, owned};
use crate::window::Window;

/// How a history of layers, one a round, is cut into cells.
///
/// A plan is made from the model of one history, the reference. If the reference's layers repeat, all but the first and
/// last ones, the plan serves histories of any length, with the last layer unknown until it comes.
///
/// ```
/// use std::sync::Arc;
/// use outrider::{Circuit, CircuitFamily, GraphOptions, MatchingGraph, Plan, PlanOptions, SurfaceCode};
///
/// let circuit = Circuit::uniform(CircuitFamily::Stim, 0.001);
/// let model = SurfaceCode::memory(3, 40).circuit(circuit).build()?.model()?;
/// let graph = Arc::new(MatchingGraph::new(&model, &GraphOptions::default())?);
/// let plan = Plan::new(graph, &model, &PlanOptions::parallel(3))?;
/// assert_eq!(plan.period(), Some(1));
/// // Of the cell in the middle of a million layers, the first layer and the end.
/// let cell = plan.cell(166_666, Some(1_000_000))?;
/// assert_eq!((cell.first_layer, cell.end_layer), (499_998, 500_001));
/// let window = plan.window(&cell)?;
/// assert_eq!(window.blind_count(), 0);
/// # Ok::<(), outrider::Error>(())
/// ```
pub struct Plan {
    raw: NonNull<sys::otr_plan>,
    graph: Arc<MatchingGraph>,
    is_spaced: bool,
}

/// How a [`Plan`] cuts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PlanOptions {
    /// Layers of a cell.
    pub cell_layers: u32,
    /// Layers of the cells between them, which are decided after both neighbours; 0 for none, so that every cell is
    /// decided after the one before it.
    pub spacing: u32,
    /// Layers, and sites, that a window sees around its cell. The distance loses nothing measurable.
    pub buffer: u32,
    /// Cells in space too.
    pub rows: Option<Rows>,
    /// Layers around a window that its pre-decoder looks at: its reach in rounds.
    pub context: u32,
}

/// How a wide patch is cut in space.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rows {
    /// Sites of a row of cells.
    pub width: u32,
    /// The coordinate that rows follow one another along.
    pub axis: Axis,
    /// Coordinate units of a site; 2 in Stim's circuits.
    pub pitch: f64,
    /// How cells of neighbouring rows lie.
    pub layout: RowLayout,
}

/// A direction in space.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Axis {
    /// The first coordinate.
    X,
    /// The second coordinate.
    Y,
}

/// How cells of neighbouring rows lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RowLayout {
    /// Cells of all rows begin at the same layers.
    Chessboard,
    /// Odd rows are shifted by half a cell; without a spacing.
    Brick,
}

impl PlanOptions {
    /// Parallel windows for a distance: cells, spacing and buffer as long as it, the patch left whole.
    pub fn parallel(distance: u32) -> Self {
        Self { cell_layers: distance, spacing: distance, buffer: distance, rows: None, context: 0 }
    }

    /// Windows one after the other.
    pub fn forward(distance: u32) -> Self {
        Self { spacing: 0, ..Self::parallel(distance) }
    }

    /// Rounds of a surface-code memory that is long enough to refer to: the plan over it serves histories of any length.
    pub fn reference_rounds(&self) -> u32 {
        let longest = self.cell_layers.max(self.spacing);
        let seen = self.buffer.saturating_add(self.context).saturating_add(ENDS_ROUNDS);
        longest.saturating_add(seen.saturating_mul(2))
    }

    fn to_raw(self) -> sys::otr_plan_options {
        let mut raw = sys::otr_plan_options {
            cell_layers: self.cell_layers,
            spacing: self.spacing,
            buffer: self.buffer,
            width: 0,
            axis: 0,
            pitch: 1.0,
            layout: sys::otr_plan_layout::OTR_PLAN_CHESSBOARD,
            context: self.context,
        };
        if let Some(rows) = self.rows {
            raw.width = rows.width;
            raw.axis = match rows.axis {
                Axis::X => 0,
                Axis::Y => 1,
            };
            raw.pitch = rows.pitch;
            raw.layout = match rows.layout {
                RowLayout::Chessboard => sys::otr_plan_layout::OTR_PLAN_CHESSBOARD,
                RowLayout::Brick => sys::otr_plan_layout::OTR_PLAN_BRICK,
            };
        }
        raw
    }
}

/// More than the rounds at either end of a memory that differ from those in its middle, and those that an edge spans.
const ENDS_ROUNDS: u32 = 8;

/// What windows that are alike have in common: two cells of one shape have the same window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct CellShape {
    row: u32,
    phase: u32,
    first_layer: u32,
    end_layer: u32,
    window_first: u32,
    window_end: u32,
}

/// One cell of a history. Ranges of layers contain their first and end before their end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Cell {
    /// Counts cells in time, and rows within.
    pub number: u64,
    /// Its first layer.
    pub first_layer: u64,
    /// The layer after its last.
    pub end_layer: u64,
    /// The first layer of its window.
    pub window_first: u64,
    /// The layer after its window's last.
    pub window_end: u64,
    /// The first layer whose raw events it needs.
    pub events_first: u64,
    /// The layer after the last whose raw events it needs.
    pub events_end: u64,
    /// The first layer in which marks of lower ranks may concern it.
    pub marks_first: u64,
    /// The layer after the last in which marks of lower ranks may concern it.
    pub marks_end: u64,
    /// It can be decided once so many layers are there, or all.
    pub ready_layers: u64,
    /// A layer of the history is this much more than that of the reference.
    pub shift: i64,
    /// It has no detectors: there is nothing to decide, and no window.
    pub is_empty: bool,
    /// What its window depends on.
    pub shape: CellShape,
}

impl Cell {
    pub(crate) fn from_raw(raw: &sys::otr_cell) -> Self {
        let shape = &raw.shape;
        Self {
            number: raw.number,
            first_layer: raw.first_layer,
            end_layer: raw.end_layer,
            window_first: raw.window_first,
            window_end: raw.window_end,
            events_first: raw.events_first,
            events_end: raw.events_end,
            marks_first: raw.marks_first,
            marks_end: raw.marks_end,
            ready_layers: raw.ready_layers,
            shift: raw.shift,
            is_empty: raw.is_empty,
            shape: CellShape {
                row: shape.row,
                phase: shape.phase,
                first_layer: shape.first_layer,
                end_layer: shape.end_layer,
                window_first: shape.window_first,
                window_end: shape.window_end,
            },
        }
    }

    /// All fields zero, for C to fill in.
    pub(crate) fn blank() -> sys::otr_cell {
        let shape = sys::otr_cell_shape {
            row: 0,
            phase: 0,
            first_layer: 0,
            end_layer: 0,
            window_first: 0,
            window_end: 0,
        };
        sys::otr_cell {
            number: 0,
            first_layer: 0,
            end_layer: 0,
            window_first: 0,
            window_end: 0,
            events_first: 0,
            events_end: 0,
            marks_first: 0,
            marks_end: 0,
            ready_layers: 0,
            shift: 0,
            is_empty: false,
            shape,
        }
    }
}

impl Plan {
    /// A plan over `graph`, which is the matching graph of `model`.
    ///
    /// # Errors
    /// [`Format`](crate::Status::Format) for coordinates that are not layers, [`Argument`](crate::Status::Argument) for
    /// options out of range and for cells that are too short or too narrow for the graph's edges, and for
    /// histories of which windows cannot decide a part.
    pub fn new(
        graph: Arc<MatchingGraph>,
        model: &DetectorErrorModel,
        options: &PlanOptions,
    ) -> Result<Self, Error> {
        let raw_options = options.to_raw();
        let mut raw = ptr::null_mut();
        let mut details = Details::new();
        // SAFETY: all pointers are live; the graph is kept alive beside the plan, the model is not kept.
        let status = unsafe {
            sys::otr_plan_create(&mut raw, graph.as_ptr(), model.as_ptr(), &raw_options, details.as_mut_ptr())
        };
        details.check(status, LineMeaning::Line)?;
        Ok(Self { raw: owned(raw)?, graph, is_spaced: options.spacing > 0 })
    }

    /// The reference's matching graph.
    pub fn graph(&self) -> &Arc<MatchingGraph> {
        &self.graph
    }

    /// Layers of the reference.
    pub fn layer_count(&self) -> u32 {
        // SAFETY: the plan is alive.
        unsafe { sys::otr_plan_layer_count(self.raw.as_ptr()) }
    }

    /// Rows that the patch is cut into.
    pub fn row_count(&self) -> u32 {
        // SAFETY: the plan is alive.
        unsafe { sys::otr_plan_row_count(self.raw.as_ptr()) }
    }

    /// Layers after which the pattern of cells repeats.
    pub fn stride(&self) -> u32 {
        // SAFETY: the plan is alive.
        unsafe { sys::otr_plan_stride(self.raw.as_ptr()) }
    }

    /// Whether each cell waits for the one before: without a spacing and rows, and where any other order would leave
    /// cells without a way to a boundary.
    pub fn is_sequential(&self) -> bool {
        // SAFETY: the plan is alive.
        unsafe { sys::otr_plan_is_sequential(self.raw.as_ptr()) }
    }

    /// Whether its options ask for cells that are decided at the same time, and it decides them one after the other
    /// because some would be left without a way to a boundary.
    pub fn is_reordered(&self) -> bool {
        self.is_sequential() && (self.is_spaced || self.row_count() > 1)
    }

    /// Layers after which the reference repeats itself; `None` if the plan serves its length alone.
    pub fn period(&self) -> Option<u32> {
        // SAFETY: the plan is alive.
        Some(unsafe { sys::otr_plan_period(self.raw.as_ptr()) }).filter(|&period| period > 0)
    }

    /// The shortest history that it serves besides the reference.
    pub fn layers_min(&self) -> Option<u64> {
        // SAFETY: the plan is alive.
        Some(unsafe { sys::otr_plan_layers_min(self.raw.as_ptr()) }).filter(|&layers| layers > 0)
    }

    /// The length that it serves, if it serves no other.
    pub fn only_length(&self) -> Option<u64> {
        self.layers_min().is_none().then(|| self.layer_count().into())
    }

    /// Whether the plan serves histories of this many layers.
    ///
    /// # Errors
    /// [`Argument`](crate::Status::Argument), with the lengths that it serves.
    pub fn check_length(&self, layer_count: u64) -> Result<(), Error> {
        let mut details = Details::new();
        // SAFETY: the plan is alive.
        let status =
            unsafe { sys::otr_plan_check_length(self.raw.as_ptr(), layer_count, details.as_mut_ptr()) };
        details.check(status, LineMeaning::Line)
    }

    /// Detectors of a layer of a history of `layer_count` layers; `None` for a layer that is not among the last ones.
    pub fn layer_detectors(&self, layer: u64, layer_count: Option<u64>) -> u32 {
        // SAFETY: the plan is alive.
        unsafe { sys::otr_plan_layer_detectors(self.raw.as_ptr(), layer, layer_count.unwrap_or(0)) }
    }

    /// Marks that commits can leave in a layer; `layer_count` as for [`layer_detectors`](Self::layer_detectors).
    pub fn layer_marks(&self, layer: u64, layer_count: Option<u64>) -> u32 {
        // SAFETY: the plan is alive.
        unsafe { sys::otr_plan_layer_marks(self.raw.as_ptr(), layer, layer_count.unwrap_or(0)) }
    }

    /// The same while it is not known whether the layer is among the last ones: the most that there can be.
    pub fn layer_marks_max(&self, layer: u64) -> u32 {
        // SAFETY: the plan is alive.
        unsafe { sys::otr_plan_layer_marks_max(self.raw.as_ptr(), layer) }
    }

    /// Cells of a history of that many layers are those with numbers below this. Bricks of some rows end before those of
    /// others: cells that a row does not have any more are empty.
    pub fn cell_count(&self, layer_count: u64) -> u64 {
        // SAFETY: the plan is alive.
        unsafe { sys::otr_plan_cell_count(self.raw.as_ptr(), layer_count) }
    }

    /// The cell of that number. Without the history's length it is preliminary until
    /// [`ready_layers`](Cell::ready_layers) are there.
    ///
    /// # Errors
    /// [`Index`](crate::Status::Index) if the history ends before it, [`Argument`](crate::Status::Argument) for a
    /// length that the plan does not serve.
    pub fn cell(&self, number: u64, layer_count: Option<u64>) -> Result<Cell, Error> {
        let mut raw = Cell::blank();
        let layer_count = layer_count.unwrap_or(0);
        // SAFETY: the plan is alive; the output is ours.
        check(unsafe { sys::otr_plan_cell(self.raw.as_ptr(), number, layer_count, &mut raw) })?;
        Ok(Cell::from_raw(&raw))
    }

    /// Fills `numbers` with the cells of lower rank that touch the window of a cell, ascending: their marks
    /// concern it.
    ///
    /// # Errors
    /// As [`cell`](Self::cell).
    pub fn dependencies(
        &self,
        number: u64,
        layer_count: Option<u64>,
        numbers: &mut Vec<u64>,
    ) -> Result<(), Error> {
        // SAFETY: the plan is alive.
        let most = unsafe { sys::otr_plan_dependencies_max(self.raw.as_ptr()) };
        numbers.resize(most, 0);
        let mut count = 0;
        // SAFETY: the plan is alive; the list has room for as many numbers as are said.
        let status = unsafe {
            sys::otr_plan_dependencies(
                self.raw.as_ptr(),
                number,
                layer_count.unwrap_or(0),
                numbers.as_mut_ptr(),
                most,
                &mut count,
            )
        };
        numbers.truncate(if check(status).is_ok() { count } else { 0 });
        check(status)
    }

    /// A mark of the reference, so also a detector, as layer and index in the layer: a layer's detectors come first, then,
    /// if the graph has correlations, the edges whose later end is in the layer.
    ///
    /// # Errors
    /// [`Index`](crate::Status::Index) if there is no such mark.
    pub fn place(&self, mark: u32) -> Result<(u32, u32), Error> {
        let (mut layer, mut index) = (0, 0);
        // SAFETY: the plan is alive; the outputs are ours.
        check(unsafe { sys::otr_plan_place(self.raw.as_ptr(), mark, &mut layer, &mut index) })?;
        Ok((layer, index))
    }

    /// The mark of the reference at this place of this layer.
    ///
    /// # Errors
    /// [`Index`](crate::Status::Index) if there is none.
    pub fn mark(&self, layer: u32, index: u32) -> Result<u32, Error> {
        let mut mark = 0;
        // SAFETY: the plan is alive; the output is ours.
        check(unsafe { sys::otr_plan_mark(self.raw.as_ptr(), layer, index, &mut mark) })?;
        Ok(mark)
    }

    /// The window of a cell of this plan.
    ///
    /// # Errors
    /// [`Argument`](crate::Status::Argument) for an empty cell and for one of another plan.
    pub fn window(&self, cell: &Cell) -> Result<Window, Error> {
        let shape = sys::otr_cell_shape {
            row: cell.shape.row,
            phase: cell.shape.phase,
            first_layer: cell.shape.first_layer,
            end_layer: cell.shape.end_layer,
            window_first: cell.shape.window_first,
            window_end: cell.shape.window_end,
        };
        let mut raw = ptr::null_mut();
        let mut details = Details::new();
        // SAFETY: the plan is alive; the window gets the plan's graph to keep alive.
        let status =
            unsafe { sys::otr_plan_window(&mut raw, self.raw.as_ptr(), &shape, details.as_mut_ptr()) };
        details.check(status, LineMeaning::Line)?;
        // SAFETY: the window is new, ours, and on this graph.
        unsafe { Window::from_raw(raw, Arc::clone(&self.graph)) }
    }

    pub(crate) fn as_ptr(&self) -> *const sys::otr_plan {
        self.raw.as_ptr()
    }
}

impl Drop for Plan {
    fn drop(&mut self) {
        // SAFETY: created by otr_plan_create, and everything that borrows it holds an Arc.
        unsafe { sys::otr_plan_destroy(self.raw.as_ptr()) }
    }
}

// SAFETY: the header says that a plan is immutable and may be shared by threads.
unsafe impl Send for Plan {}
// SAFETY: as above.
unsafe impl Sync for Plan {}

impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plan")
            .field("layer_count", &self.layer_count())
            .field("row_count", &self.row_count())
            .field("period", &self.period())
            .finish_non_exhaustive()
    }
}
