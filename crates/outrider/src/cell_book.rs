use std::fmt;
use std::ptr::{self, NonNull};
use std::sync::Arc;

use outrider_sys as sys;

use crate::error::{Details, Error, LineMeaning, check, check_length};
use crate::model::{owned, view};
use crate::plan::{Cell, Plan};
use crate::window::Commit;

/// Times the layers needed that a book holds whose cells are decided as soon as they can be.
const ROOM_FACTOR: u64 = 2;
/// The same if they are decided on other machines, which may fail, so that rounds are sent again.
const REMOTE_ROOM_FACTOR: u64 = 4;

/// Which cells of a history can be decided while its layers arrive, from what, and what has to be kept for the others.
///
/// A book follows all cells of a history, or those of some ranges, in bounded memory. It decodes nothing itself: take a
/// cell with [`next`](Self::next), decode its window with a [`WindowDecoder`](crate::WindowDecoder) wherever you like,
/// hand the commit back. In whatever order that happens, the commits and the answer are the same. Commits of cells that
/// are decided on other machines are [imported](Self::import). The same book serves a [`Stream`](crate::Stream), a node
/// that owns some of the cells, and a controller that decides none.
///
/// ```
/// use std::collections::BTreeMap;
/// use std::sync::Arc;
/// use outrider::{
///     CellBook, Circuit, CircuitFamily, DecoderOptions, GraphOptions, MatchingGraph, Plan, PlanOptions, SurfaceCode,
///     WindowDecoder,
/// };
///
/// let circuit = Circuit::uniform(CircuitFamily::Stim, 0.001);
/// let model = SurfaceCode::memory(3, 40).circuit(circuit).build()?.model()?;
/// let graph = Arc::new(MatchingGraph::new(&model, &GraphOptions::default())?);
/// let plan = Arc::new(Plan::new(graph, &model, &PlanOptions::parallel(3))?);
/// let mut book = CellBook::new(Arc::clone(&plan), CellBook::layers_needed(&plan))?;
/// let mut decoders = BTreeMap::new();
/// for layer in 0..10_000 {
///     let quiet = vec![0; plan.layer_detectors(layer, None).div_ceil(8) as usize];
///     book.push(&quiet, plan.layer_detectors(layer, None), false)?;
///     while let Some(cell) = book.next() {
///         if !decoders.contains_key(&cell.shape) {
///             let window = Arc::new(plan.window(&cell)?);
///             decoders.insert(cell.shape, WindowDecoder::new(window, None, &DecoderOptions::default())?);
///         }
///         let decoder = decoders.get_mut(&cell.shape).expect("just made");
///         let input = book.input(cell.number)?;
///         let commit = decoder.decode(input.events, input.marks, &[])?;
///         book.commit(cell.number, &commit)?;
///     }
/// }
/// assert!(book.state().committed > 9_980);
/// assert!(decoders.len() < 6);
/// # Ok::<(), outrider::Error>(())
/// ```
pub struct CellBook {
    raw: NonNull<sys::otr_cell_book>,
    plan: Arc<Plan>,
}

/// What a [`CellBook`] follows and keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CellBookOptions {
    /// Layers that are held, at least [those needed](CellBook::layers_needed).
    pub layers_max: u64,
    /// The first layer that may be pushed.
    pub first_layer: u64,
    /// Cells that are followed; `None` for all.
    pub followed: Option<Vec<CellRange>>,
    /// Layers by which cells enter before the first that they need.
    pub lead: u32,
    /// Layers of committed cells are kept until every cell before them is committed.
    pub can_reopen: bool,
    /// Commits of other cells that are kept.
    pub imports_max: usize,
    /// Marks that are kept in all before the import of more is refused.
    pub marks_max: usize,
}

/// Cells `first`, `first + stride`, and so on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(C)]
pub struct CellRange {
    /// The first.
    pub first: u64,
    /// From one to the next; at least 1.
    pub stride: u64,
    /// How many; [`CellRange::ENDLESS`] for all that the history has.
    pub count: u64,
}

/// What a cell is decided from, in the numbers of the plan's reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CellInput<'a> {
    /// Raw detection events, ascending.
    pub events: &'a [u32],
    /// Marks of cells of lower rank.
    pub marks: &'a [u32],
    /// The latest time of its layers.
    pub arrived: u64,
}

/// A mark by its place in the history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(C)]
pub struct PlacedMark {
    /// Layers after the first of its commit.
    pub layer: u32,
    /// As of [`Plan::mark`].
    pub index: u32,
}

/// A commit whose marks are in the numbers of the history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlacedCommit<'a> {
    /// Observables that it flips, packed; `None` if they are not known.
    pub observables: Option<&'a [u8]>,
    /// The layer from which those of the marks count.
    pub layer: u64,
    /// What it leaves to cells of higher rank.
    pub marks: &'a [PlacedMark],
}

/// What became of a commit that was imported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CellImport {
    /// It is kept.
    New {
        /// The time of the last layer that a followed cell needed.
        arrived: u64,
    },
    /// The cell was committed before, alike.
    Same,
    /// The cell was committed before, otherwise; the first commit stands.
    Different,
    /// Nothing needs the cell any more.
    Late,
}

/// How far a history got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CellBookState<'a> {
    /// The number after that of the last layer that has arrived.
    pub layers: u64,
    /// Layers that are kept.
    pub held: u64,
    /// No open cell needs a layer before this one.
    pub kept_from: u64,
    /// Layers that can be pushed now.
    pub room: u64,
    /// Every cell that begins before this layer is committed.
    pub committed: u64,
    /// The first cell that is kept; those before it are committed.
    pub first_cell: u64,
    /// Cells committed in order of their numbers, without holes.
    pub cells: u64,
    /// Every cell with a number below this has entered.
    pub entered: u64,
    /// Cells that were committed, also again.
    pub commits: u64,
    /// Cells that have entered and are not committed.
    pub open: usize,
    /// Those of them that were taken.
    pub out: usize,
    /// Observables that the first `cells` cells flip, packed.
    pub observables: &'a [u8],
    /// The last layer has arrived.
    pub has_ended: bool,
    /// And every cell is committed.
    pub is_finished: bool,
}

/// What is to be known of a followed cell that has entered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CellNeed {
    /// The number of the cell.
    pub number: u64,
    /// The first layer that it needs.
    pub first_layer: u64,
    /// The layer after the last that it needs, those included that tell what it is.
    pub end_layer: u64,
    /// It is committed.
    pub is_committed: bool,
    /// It has no detectors.
    pub is_empty: bool,
}

/// A layer that a book keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeptLayer<'a> {
    /// Its packed events, without padding.
    pub events: &'a [u8],
    /// Its detectors.
    pub detector_count: u32,
    /// The time that it was pushed with.
    pub arrived: u64,
}

impl CellRange {
    /// The count of a range without end.
    pub const ENDLESS: u64 = u64::MAX;
}

impl CellBookOptions {
    /// A book that follows all cells and holds [room for some delay](CellBook::room).
    pub fn new(plan: &Plan) -> Self {
        Self {
            layers_max: CellBook::room(plan),
            first_layer: 0,
            followed: None,
            lead: 0,
            can_reopen: false,
            imports_max: usize::MAX,
            marks_max: usize::MAX,
        }
    }

    fn to_raw(&self) -> sys::otr_cell_book_options {
        let ranges = self.followed.as_deref();
        sys::otr_cell_book_options {
            layers_max: self.layers_max,
            first_layer: self.first_layer,
            followed: ranges.map_or(ptr::null(), |ranges| ranges.as_ptr().cast()),
            followed_count: ranges.map_or(0, <[_]>::len),
            lead: self.lead,
            can_reopen: self.can_reopen,
            imports_max: self.imports_max,
            marks_max: self.marks_max,
        }
    }
}

impl CellBook {
    /// Layers that a book of this plan has to hold so that it never stands still.
    pub fn layers_needed(plan: &Plan) -> u64 {
        // SAFETY: the plan is alive.
        unsafe { sys::otr_cell_book_layers_needed(plan.as_ptr()) }
    }

    /// Layers that are enough while cells are decided as soon as they can be: those of a stream, and of a node.
    pub fn room(plan: &Plan) -> u64 {
        ROOM_FACTOR * Self::layers_needed(plan)
    }

    /// Layers that are enough while cells are decided on other machines: those of a controller.
    pub fn remote_room(plan: &Plan) -> u64 {
        REMOTE_ROOM_FACTOR * Self::layers_needed(plan)
    }

    /// A book that follows all cells and holds `layers_max` layers.
    ///
    /// # Errors
    /// [`Limit`](crate::Status::Limit) for fewer than [needed](Self::layers_needed) or too many.
    pub fn new(plan: Arc<Plan>, layers_max: u64) -> Result<Self, Error> {
        let options = CellBookOptions { layers_max, ..CellBookOptions::new(&plan) };
        Self::with_options(plan, &options)
    }

    /// A book with these options.
    ///
    /// # Errors
    /// As [`new`](Self::new); [`Argument`](crate::Status::Argument) for a range with stride 0,
    /// [`Index`](crate::Status::Index) if the first of the cells is beyond every history.
    pub fn with_options(plan: Arc<Plan>, options: &CellBookOptions) -> Result<Self, Error> {
        let mut raw = ptr::null_mut();
        let mut details = Details::new();
        let options = options.to_raw();
        // SAFETY: the plan is kept alive beside the book; the ranges are copied.
        let status =
            unsafe { sys::otr_cell_book_create(&mut raw, plan.as_ptr(), &options, details.as_mut_ptr()) };
        details.check(status, LineMeaning::Line)?;
        Ok(Self { raw: owned(raw)?, plan })
    }

    /// Leaves out the layers before `layer` that have not come: no followed cell needs them.
    ///
    /// # Errors
    /// [`Argument`](crate::Status::Argument) if layers from there on have come, or the last one.
    pub fn skip_to(&mut self, layer: u64) -> Result<(), Error> {
        // SAFETY: the book is used by nobody else (&mut).
        check(unsafe { sys::otr_cell_book_skip(self.raw.as_ptr(), layer) })
    }

    /// Appends a layer of `detector_count` packed detection events; `is_last` for the last of the history.
    ///
    /// # Errors
    /// [`Limit`](crate::Status::Limit) without [room](CellBookState::room), [`Format`](crate::Status::Format) for a
    /// layer of another width, [`Argument`](crate::Status::Argument) after the last layer or for a history that the plan
    /// does not serve, [`Index`](crate::Status::Index) if the first layer of a followed cell was left out,
    /// [`Error::Length`]. The book is then unchanged.
    pub fn push(&mut self, events: &[u8], detector_count: u32, is_last: bool) -> Result<(), Error> {
        self.push_at(events, detector_count, is_last, 0)
    }

    /// The same of a layer that arrived at this time, by any clock.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub fn push_at(
        &mut self,
        events: &[u8],
        detector_count: u32,
        is_last: bool,
        arrived: u64,
    ) -> Result<(), Error> {
        check_length("layer, in bytes", detector_count.div_ceil(8) as usize, events.len())?;
        let mut details = Details::new();
        // SAFETY: there are bytes for that many bits; the book is used by nobody else (&mut).
        let status = unsafe {
            sys::otr_cell_book_push(
                self.raw.as_ptr(),
                events.as_ptr(),
                detector_count,
                is_last,
                arrived,
                details.as_mut_ptr(),
            )
        };
        details.check(status, LineMeaning::Line)
    }

    /// Takes the first cell that can be decided and was not taken yet. It is not empty.
    #[allow(clippy::should_implement_trait, reason = "more may come after None")]
    pub fn next(&mut self) -> Option<Cell> {
        let mut raw = Cell::blank();
        // SAFETY: the book is used by nobody else (&mut); the output is ours.
        let found = unsafe { sys::otr_cell_book_next(self.raw.as_ptr(), &mut raw) };
        found.then(|| Cell::from_raw(&raw))
    }

    /// What a cell that was taken is decided from.
    ///
    /// # Errors
    /// [`Argument`](crate::Status::Argument) for a cell that is not out, [`Index`](crate::Status::Index) if a layer that
    /// it needs was left out, or an imported mark is none of the history's.
    pub fn input(&mut self, number: u64) -> Result<CellInput<'_>, Error> {
        let mut raw = sys::otr_cell_input {
            events: ptr::null(),
            event_count: 0,
            marks: ptr::null(),
            mark_count: 0,
            arrived: 0,
        };
        let mut details = Details::new();
        // SAFETY: the book is used by nobody else (&mut); the output is ours.
        let status =
            unsafe { sys::otr_cell_book_input(self.raw.as_ptr(), number, &mut raw, details.as_mut_ptr()) };
        details.check(status, LineMeaning::Line)?;
        // SAFETY: the header keeps both valid until another call that changes the book, which the result's borrow of
        // `self` delays.
        let (events, marks) = unsafe { (view(raw.events, raw.event_count), view(raw.marks, raw.mark_count)) };
        Ok(CellInput { events, marks, arrived: raw.arrived })
    }

    /// Hands the commit of a cell back.
    ///
    /// # Errors
    /// [`Argument`](crate::Status::Argument) for a cell that is not out, [`Index`](crate::Status::Index) for a mark
    /// that is not near the cell, [`Error::Length`]. The book is then unchanged.
    pub fn commit(&mut self, number: u64, commit: &Commit<'_>) -> Result<(), Error> {
        self.check_observables(commit.observables)?;
        let raw = sys::otr_commit {
            observables: commit.observables.as_ptr(),
            marks: commit.marks.as_ptr(),
            mark_count: commit.marks.len(),
            edges: commit.edges.as_ptr(),
            edge_count: commit.edges.len(),
            event_count: commit.event_count,
        };
        // SAFETY: the observables have the bytes just checked, the lists their counts; the book is used by nobody
        // else (&mut).
        check(unsafe { sys::otr_cell_book_commit(self.raw.as_ptr(), number, &raw) })
    }

    /// Takes the commit of a cell that was decided elsewhere.
    ///
    /// # Errors
    /// Of a followed cell [`Argument`](crate::Status::Argument) if it is out, has not entered or is not final. Of another
    /// [`Limit`](crate::Status::Limit) if more cells or marks would be kept than may be. [`Index`](crate::Status::Index)
    /// for a cell or mark that cannot be, [`Error::Length`]. The book is then unchanged.
    pub fn import(&mut self, number: u64, commit: &PlacedCommit<'_>) -> Result<CellImport, Error> {
        let raw = self.placed(commit)?;
        let mut outcome = sys::otr_import_outcome::OTR_IMPORT_LATE;
        let mut arrived = 0;
        // SAFETY: the observables have the bytes just checked, the marks their count and, as is checked below, the layout
        // of C's; the book is used by nobody else (&mut), the outputs are ours.
        check(unsafe {
            sys::otr_cell_book_import(self.raw.as_ptr(), number, &raw, &mut outcome, &mut arrived)
        })?;
        Ok(match outcome {
            sys::otr_import_outcome::OTR_IMPORT_NEW => CellImport::New { arrived },
            sys::otr_import_outcome::OTR_IMPORT_SAME => CellImport::Same,
            sys::otr_import_outcome::OTR_IMPORT_DIFFERENT => CellImport::Different,
            _ => CellImport::Late,
        })
    }

    /// Checks that there can be such a commit of a cell, as far as the end is known; for what is not
    /// [imported](Self::import), such as word of a followed cell that is decided here.
    ///
    /// # Errors
    /// [`Index`](crate::Status::Index) for a cell or mark that no history has, [`Error::Length`].
    pub fn check(&self, number: u64, commit: &PlacedCommit<'_>) -> Result<(), Error> {
        let raw = self.placed(commit)?;
        // SAFETY: the book is alive and only read; the marks are as many as their count.
        check(unsafe { sys::otr_cell_book_check(self.raw.as_ptr(), number, &raw) })
    }

    /// For C: observables of the right length, marks of the layout of C's, as is checked below.
    fn placed(&self, commit: &PlacedCommit<'_>) -> Result<sys::otr_placed_commit, Error> {
        commit.observables.map_or(Ok(()), |observables| self.check_observables(observables))?;
        Ok(sys::otr_placed_commit {
            observables: commit.observables.map_or(ptr::null(), <[_]>::as_ptr),
            layer: commit.layer,
            marks: commit.marks.as_ptr().cast(),
            mark_count: commit.marks.len(),
        })
    }

    /// Opens the committed cells again that come after an open one. Their commits stand: whoever decides them anew is
    /// compared with these.
    pub fn reopen(&mut self) {
        // SAFETY: the book is used by nobody else (&mut).
        unsafe { sys::otr_cell_book_reopen(self.raw.as_ptr()) }
    }

    /// How far it got.
    pub fn state(&self) -> CellBookState<'_> {
        let mut raw = sys::otr_cell_book_state {
            layers: 0,
            held: 0,
            kept_from: 0,
            room: 0,
            committed: 0,
            first_cell: 0,
            cells: 0,
            entered: 0,
            commits: 0,
            open: 0,
            out: 0,
            observables: ptr::null(),
            has_ended: false,
            is_finished: false,
        };
        // SAFETY: the book is alive; the output is ours.
        unsafe { sys::otr_cell_book_look(self.raw.as_ptr(), &mut raw) };
        CellBookState {
            layers: raw.layers,
            held: raw.held,
            kept_from: raw.kept_from,
            room: raw.room,
            committed: raw.committed,
            first_cell: raw.first_cell,
            cells: raw.cells,
            entered: raw.entered,
            commits: raw.commits,
            open: raw.open,
            out: raw.out,
            // SAFETY: the header keeps them valid until the next call, which the result's borrow of `self` delays.
            observables: unsafe { view(raw.observables, self.plan.graph().observable_bytes()) },
            has_ended: raw.has_ended,
            is_finished: raw.is_finished,
        }
    }

    /// Layers that are kept: [`held`](CellBookState::held) alone, for those who ask often.
    pub fn held(&self) -> u64 {
        // SAFETY: the book is alive.
        unsafe { sys::otr_cell_book_held(self.raw.as_ptr()) }
    }

    /// The first followed cell from `number` on that has entered and is still kept.
    pub fn need(&self, number: u64) -> Option<CellNeed> {
        let mut raw = sys::otr_cell_need {
            number: 0,
            first_layer: 0,
            end_layer: 0,
            is_committed: false,
            is_empty: false,
        };
        // SAFETY: the book is alive; the output is ours.
        let found = unsafe { sys::otr_cell_book_need(self.raw.as_ptr(), number, &mut raw) };
        found.then_some(CellNeed {
            number: raw.number,
            first_layer: raw.first_layer,
            end_layer: raw.end_layer,
            is_committed: raw.is_committed,
            is_empty: raw.is_empty,
        })
    }

    /// The followed cells from `number` on that have entered and are still kept, ascending.
    pub fn needs(&self, number: u64) -> impl Iterator<Item = CellNeed> {
        let mut next = number;
        std::iter::from_fn(move || {
            let need = self.need(next)?;
            next = need.number + 1;
            Some(need)
        })
    }

    /// The cells that a followed cell depends on, ascending; none for a cell that is not kept.
    pub fn dependencies(&self, number: u64) -> &[u64] {
        let (mut numbers, mut count) = (ptr::null(), 0);
        // SAFETY: the book is alive; the outputs are ours.
        let status =
            unsafe { sys::otr_cell_book_dependencies(self.raw.as_ptr(), number, &mut numbers, &mut count) };
        match check(status) {
            // SAFETY: the header keeps them valid until the book changes, which the result's borrow of `self` delays.
            Ok(()) => unsafe { view(numbers, count) },
            Err(_) => &[],
        }
    }

    /// The commit of a cell that is kept, followed or not; `None` if the cell is open.
    pub fn commit_of(&self, number: u64) -> Option<PlacedCommit<'_>> {
        let mut raw =
            sys::otr_placed_commit { observables: ptr::null(), layer: 0, marks: ptr::null(), mark_count: 0 };
        // SAFETY: the book is alive; the output is ours.
        let found = unsafe { sys::otr_cell_book_commit_of(self.raw.as_ptr(), number, &mut raw) };
        // SAFETY: the header keeps the lists valid until the book changes, which the result's borrow of `self` delays;
        // marks have the layout of C's, as is checked below.
        found.then(|| unsafe {
            PlacedCommit {
                observables: Some(view(raw.observables, self.plan.graph().observable_bytes())),
                layer: raw.layer,
                marks: view(raw.marks.cast(), raw.mark_count),
            }
        })
    }

    /// Whether a cell is committed and its commit is kept.
    pub fn is_committed(&self, number: u64) -> bool {
        // SAFETY: the book is alive.
        unsafe { sys::otr_cell_book_is_committed(self.raw.as_ptr(), number) }
    }

    /// A layer that is kept.
    pub fn layer(&self, layer: u64) -> Option<KeptLayer<'_>> {
        let mut raw = sys::otr_kept_layer { events: ptr::null(), detector_count: 0, arrived: 0 };
        // SAFETY: the book is alive; the output is ours.
        let found = unsafe { sys::otr_cell_book_layer(self.raw.as_ptr(), layer, &mut raw) };
        found.then(|| KeptLayer {
            // SAFETY: the header keeps them valid until the next push, which the result's borrow of `self` delays.
            events: unsafe { view(raw.events, raw.detector_count.div_ceil(8) as usize) },
            detector_count: raw.detector_count,
            arrived: raw.arrived,
        })
    }

    /// The open cell that all others wait for, directly or not, and the time of the last layer that it needs. `None` unless
    /// all its layers are there.
    pub fn awaited(&self) -> Option<(u64, u64)> {
        let (mut number, mut arrived) = (0, 0);
        // SAFETY: the book is alive; the outputs are ours.
        let found = unsafe { sys::otr_cell_book_awaited(self.raw.as_ptr(), &mut number, &mut arrived) };
        found.then_some((number, arrived))
    }

    /// The plan that it follows.
    pub fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    /// Heap bytes held by the C library, without the plan's.
    pub fn heap_bytes(&self) -> usize {
        // SAFETY: the book is alive.
        unsafe { sys::otr_cell_book_bytes(self.raw.as_ptr()) }
    }

    fn check_observables(&self, observables: &[u8]) -> Result<(), Error> {
        let bytes = self.plan.graph().observable_bytes();
        check_length("observables, in bytes", bytes, observables.len())
    }
}

impl Drop for CellBook {
    fn drop(&mut self) {
        // SAFETY: created by otr_cell_book_create and not used after.
        unsafe { sys::otr_cell_book_destroy(self.raw.as_ptr()) }
    }
}

// SAFETY: cell_book.h asks for one thread at a time and the library keeps no thread-local state; the plan is shared through
// an `Arc`. Not `Sync`: calls through a shared reference would overlap.
unsafe impl Send for CellBook {}

impl fmt::Debug for CellBook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CellBook").field("state", &self.state()).finish_non_exhaustive()
    }
}

// Lists of these are given to C, and taken from it, as they are.
const _: () = {
    use std::mem::offset_of;
    assert!(size_of::<PlacedMark>() == size_of::<sys::otr_placed_mark>());
    assert!(offset_of!(PlacedMark, layer) == offset_of!(sys::otr_placed_mark, layer));
    assert!(offset_of!(PlacedMark, index) == offset_of!(sys::otr_placed_mark, index));
    assert!(size_of::<CellRange>() == size_of::<sys::otr_cell_range>());
    assert!(offset_of!(CellRange, first) == offset_of!(sys::otr_cell_range, first));
    assert!(offset_of!(CellRange, stride) == offset_of!(sys::otr_cell_range, stride));
    assert!(offset_of!(CellRange, count) == offset_of!(sys::otr_cell_range, count));
};
