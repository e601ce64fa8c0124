//! The cells of one stream that the node owns in one epoch: which of them can be decided, what goes in, what came out.
//!
//! What a cell gives depends on its rounds and on the marks of the cells before it in rank alone, wherever
//! those were decided. So rounds may come in frames of any size, and marks in any order.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use outrider::{Cell, CellBook, Commit, Error, LayerWidths, Patch, Plan};
use outrider_wire as wire;
use outrider_wire::{CellId, CellRange, Mark};

/// Commits of cells elsewhere that are kept; an honest controller sends those next to the node's own.
const FOREIGN_COMMITS_MAX: usize = 4096;
/// Marks that are kept at most, for each detector of the rounds that the plan needs at a time.
const MARKS_FACTOR: u64 = 8;

/// A mark of the history; `index` as of [`Plan::mark`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    round: u64,
    index: u32,
}

/// Detection events of a round, by their places in the layer.
#[derive(Debug, Default)]
struct Layer {
    round: u64,
    events: Vec<u32>,
    arrived_ns: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Waiting,
    Out,
    Committed,
}

#[derive(Debug)]
struct Owned {
    cell: Cell,
    stage: Stage,
    /// A cell that it was found to wait for; its own number if none is known.
    blocker: u64,
}

/// The marks of a committed cell, here or elsewhere.
#[derive(Debug)]
struct Known {
    number: u64,
    end_layer: u64,
    marks: Vec<Place>,
}

/// Why a stream cannot go on.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// Marks of a cell, or at a place, that the history does not have.
    StrayMarks(u64),
    /// A round that this cell needs was left out.
    MissingRounds(u64),
    /// More marks of cells elsewhere than can be of use.
    TooManyMarks,
    /// The plan does not serve a history that ends here, or a cell could not be looked up.
    Plan(Error),
    /// A cell could not be decided, or its commit not be sent.
    Decoding(u64, String),
}

impl Trouble {
    /// What the client is told.
    pub(crate) fn code(&self) -> wire::Error {
        match self {
            Self::Decoding(..) => wire::Error::DecodingFailed,
            _ => wire::Error::StreamRefused,
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::StrayMarks(cell) => write!(f, "marks of cell {cell} that the history does not have"),
            Self::MissingRounds(cell) => write!(f, "a round that cell {cell} needs was left out"),
            Self::TooManyMarks => f.write_str("more marks of cells that are decided elsewhere than are kept"),
            Self::Plan(error) => error.fmt(f),
            Self::Decoding(cell, why) => write!(f, "cell {cell}: {why}"),
        }
    }
}

/// What a worker needs to decide a cell.
#[derive(Debug)]
pub(crate) struct CellWork<'a> {
    pub(crate) cell: Cell,
    /// In the numbers of the plan's reference.
    pub(crate) events: &'a [u32],
    pub(crate) marks: &'a [u32],
    /// When the last round that it needs came in.
    pub(crate) ingest_ns: u64,
}

#[derive(Debug)]
pub(crate) struct OwnedCells {
    patch: Arc<Patch>,
    /// Layers over which cells have to do with each other.
    reach: u64,
    /// Marks that are held at most.
    marks_max: usize,
    ranges: Vec<CellRange>,
    next_round: u64,
    length: Option<u64>,
    layers: VecDeque<Layer>,
    spare: Vec<Layer>,
    /// Owned cells that have entered, ascending; the first is not committed.
    cells: VecDeque<Owned>,
    /// The owned cell to enter next.
    upcoming: Option<Cell>,
    /// Committed cells that others may still wait for, ascending.
    known: VecDeque<Known>,
    /// Lists of those that were let go of, for their memory.
    spare_places: Vec<Vec<Place>>,
    /// Something has come since all cells were found to wait.
    has_changed: bool,
    /// A cell that can be decided and is about to be taken, and when its last round came in.
    prepared: Option<(Cell, u64)>,
    dependencies: Vec<u64>,
    events: Vec<u32>,
    marks: Vec<u32>,
    sent: Vec<Mark>,
}

impl OwnedCells {
    /// The books at the beginning of an epoch, in which rounds begin at `round`.
    pub(crate) fn new(
        patch: Arc<Patch>,
        ranges: impl Iterator<Item = CellRange>,
        round: u64,
    ) -> Result<Self, Trouble> {
        let reach = CellBook::layers_needed(patch.plan());
        let LayerWidths { first, cycle, last } = patch.widths();
        let widest = u64::from(cycle.into_iter().chain([first, last]).max().unwrap_or(0));
        let mut books = Self {
            reach,
            marks_max: usize::try_from(reach.saturating_mul(widest).saturating_mul(MARKS_FACTOR))
                .unwrap_or(usize::MAX),
            patch,
            ranges: ranges.collect(),
            next_round: round,
            length: None,
            layers: VecDeque::new(),
            spare: Vec::new(),
            cells: VecDeque::new(),
            upcoming: None,
            known: VecDeque::new(),
            spare_places: Vec::new(),
            has_changed: true,
            prepared: None,
            dependencies: Vec::new(),
            events: Vec::new(),
            marks: Vec::new(),
            sent: Vec::new(),
        };
        books.upcoming = books.look_up_owned(0)?;
        Ok(books)
    }

    /// Takes a layer in. Rounds before it that have not come are not needed.
    pub(crate) fn push(&mut self, round: u64, bits: &[u8], is_last: bool, now: u64) -> Result<(), Trouble> {
        if is_last {
            self.patch.plan().check_length(round + 1).map_err(Trouble::Plan)?;
        }
        let mut layer = self.spare.pop().unwrap_or_default();
        layer.round = round;
        layer.arrived_ns = now;
        layer.events.clear();
        for (byte, &bits) in bits.iter().enumerate() {
            let mut left = bits;
            while left != 0 {
                layer.events.push(8 * byte as u32 + left.trailing_zeros());
                left &= left - 1;
            }
        }
        self.layers.push_back(layer);
        self.next_round = round + 1;
        if is_last {
            self.end(round + 1)?;
        }
        let mut has_entered = false;
        while let Some(cell) = self.upcoming
            && (cell.events_first < self.next_round || self.length.is_some())
        {
            self.check_beginning(&cell)?;
            self.cells.push_back(Owned { cell, stage: Stage::Waiting, blocker: cell.number });
            has_entered = true;
            self.upcoming = self.look_up_owned(cell.number + 1)?;
        }
        self.has_changed = true;
        if has_entered || self.cells.is_empty() {
            self.forget();
        }
        Ok(())
    }

    /// Refuses a cell whose first round was left out. So no more cells enter than there are rounds for.
    fn check_beginning(&self, cell: &Cell) -> Result<(), Trouble> {
        let has_passed = cell.events_first < self.next_round;
        let is_held = self.layers.binary_search_by_key(&cell.events_first, |layer| layer.round).is_ok();
        if has_passed && !is_held { Err(Trouble::MissingRounds(cell.number)) } else { Ok(()) }
    }

    /// The end is known: what has not been decided may look different now.
    fn end(&mut self, length: u64) -> Result<(), Trouble> {
        self.length = Some(length);
        let count = self.patch.plan().cell_count(length);
        self.cells.retain(|owned| owned.cell.number < count);
        for owned in self.cells.iter_mut().filter(|owned| owned.stage == Stage::Waiting) {
            owned.cell = self.patch.plan().cell(owned.cell.number, self.length).map_err(Trouble::Plan)?;
            owned.blocker = owned.cell.number;
        }
        if let Some(upcoming) = self.upcoming {
            self.upcoming = self.look_up_owned(upcoming.number)?;
        }
        Ok(())
    }

    /// Takes in what a cell that was decided elsewhere leaves to its neighbours.
    pub(crate) fn learn(
        &mut self,
        cell: CellId,
        round: u64,
        marks: impl Iterator<Item = Mark>,
    ) -> Result<(), Trouble> {
        let number = cell.0;
        let stray = || Trouble::StrayMarks(number);
        let end_layer = self.patch.plan().cell(number, self.length).map_err(|_| stray())?.end_layer;
        if self.known.len() >= FOREIGN_COMMITS_MAX {
            return Err(Trouble::TooManyMarks);
        }
        let mut left = self.marks_max.saturating_sub(self.known.iter().map(|known| known.marks.len()).sum());
        let mut places = self.spare_list();
        for mark in marks {
            left = left.checked_sub(1).ok_or(Trouble::TooManyMarks)?;
            let round = round.checked_add(mark.layer.into()).ok_or_else(stray)?;
            // The one who decided the cell may have known the end when it is not known here.
            let plan = self.patch.plan();
            let count = self
                .length
                .map_or_else(|| plan.layer_marks_max(round), |length| plan.layer_marks(round, Some(length)));
            if mark.index >= count {
                return Err(stray());
            }
            places.push(Place { round, index: mark.index });
        }
        if let Err(at) = find_known(&self.known, number) {
            self.known.insert(at, Known { number, end_layer, marks: places });
        }
        self.has_changed = true;
        Ok(())
    }

    /// Looks for a cell that can be decided, and tells whether there is one.
    pub(crate) fn prepare_next(&mut self) -> Result<bool, Trouble> {
        if !self.has_changed || self.prepared.is_some() {
            return Ok(self.prepared.is_some());
        }
        for at in 0..self.cells.len() {
            let Owned { cell, stage, .. } = self.cells[at];
            let is_final = self.length.is_some() || cell.ready_layers <= self.next_round;
            let has_rounds = self.next_round >= self.length.unwrap_or(u64::MAX).min(cell.events_end);
            if stage != Stage::Waiting || !is_final || !has_rounds {
                continue;
            }
            if cell.is_empty {
                self.cells[at].stage = Stage::Committed;
                let nothing = self.spare_list();
                self.know(&cell, nothing);
            } else if self.has_dependencies(at)? {
                self.prepared = Some((cell, self.gather(&cell)?));
                self.cells[at].stage = Stage::Out;
                return Ok(true);
            }
        }
        self.has_changed = false;
        self.forget();
        Ok(false)
    }

    /// Whether a cell is with a worker or could be.
    pub(crate) fn goes_on(&mut self) -> Result<bool, Trouble> {
        let has_next = self.prepare_next()?;
        Ok(has_next || self.cells.iter().any(|owned| owned.stage == Stage::Out))
    }

    /// The cell that was found, which is out from now on.
    pub(crate) fn take_next(&mut self) -> Option<CellWork<'_>> {
        let (cell, ingest_ns) = self.prepared.take()?;
        Some(CellWork { cell, events: &self.events, marks: &self.marks, ingest_ns })
    }

    /// Takes the commit of a cell that is out, and tells the rounds from which its marks count, and them.
    pub(crate) fn commit(&mut self, cell: &Cell, commit: &Commit<'_>) -> Result<(u64, &[Mark]), Trouble> {
        let mut marks = self.spare_list();
        let plan = self.patch.plan();
        for &mark in commit.marks {
            let (layer, index) = plan.place(mark).map_err(Trouble::Plan)?;
            marks.push(Place { round: (i64::from(layer) + cell.shift) as u64, index });
        }
        marks.sort_unstable();
        let first = marks.first().map_or(cell.first_layer, |mark| mark.round);
        let relative = |place: &Place| Mark { layer: (place.round - first) as u32, index: place.index };
        self.sent.clear();
        self.sent.extend(marks.iter().map(relative));
        self.know(cell, marks);
        if let Some(owned) = self.cells.iter_mut().find(|owned| owned.cell.number == cell.number) {
            owned.stage = Stage::Committed;
        }
        self.has_changed = true;
        self.forget();
        Ok((first, &self.sent))
    }

    /// Rounds that are held because cells still need them.
    pub(crate) fn held(&self) -> u64 {
        self.layers.len() as u64
    }

    /// Cells that have begun and are not committed.
    pub(crate) fn open_cells(&self) -> impl Iterator<Item = CellId> {
        let open = |owned: &&Owned| owned.stage != Stage::Committed && !owned.cell.is_empty;
        self.cells.iter().filter(open).map(|owned| CellId(owned.cell.number))
    }

    /// The first owned cell from this number on.
    fn look_up_owned(&self, number: u64) -> Result<Option<Cell>, Trouble> {
        let plan = self.patch.plan();
        let count =
            self.length.or_else(|| plan.only_length()).map_or(u64::MAX, |length| plan.cell_count(length));
        let owned = self.ranges.iter().filter_map(|range| first_from(range, number)).min();
        match owned.filter(|&number| number < count) {
            Some(number) => self.look_up(number).map(Some),
            None => Ok(None),
        }
    }

    fn look_up(&self, number: u64) -> Result<Cell, Trouble> {
        self.patch.plan().cell(number, self.length).map_err(Trouble::Plan)
    }

    /// Whether every cell that its window waits for is committed, or has nothing in it.
    fn has_dependencies(&mut self, at: usize) -> Result<bool, Trouble> {
        let Owned { cell, blocker, .. } = self.cells[at];
        if blocker != cell.number && !self.is_settled(blocker)? {
            return Ok(false);
        }
        let plan = self.patch.plan();
        plan.dependencies(cell.number, self.length, &mut self.dependencies).map_err(Trouble::Plan)?;
        for &dependency in &self.dependencies {
            if !self.is_settled(dependency)? {
                self.cells[at].blocker = dependency;
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether a cell is committed, here or elsewhere, or has nothing in it.
    fn is_settled(&self, number: u64) -> Result<bool, Trouble> {
        if find_known(&self.known, number).is_ok() {
            return Ok(true);
        }
        let cell = self.look_up(number)?;
        let is_final = self.length.is_some() || cell.ready_layers <= self.next_round;
        Ok(cell.is_empty && is_final)
    }

    /// Lists the events and marks of a cell whose dependencies were just looked up, as the reference numbers them.
    fn gather(&mut self, cell: &Cell) -> Result<u64, Trouble> {
        let plan = self.patch.plan();
        let end = self.length.unwrap_or(u64::MAX).min(cell.events_end);
        let mut missing = end.saturating_sub(cell.events_first);
        let mut ingest_ns = 0;
        self.events.clear();
        let first = self.layers.partition_point(|layer| layer.round < cell.events_first);
        for layer in self.layers.range(first..).take_while(|layer| layer.round < end) {
            missing -= 1;
            ingest_ns = ingest_ns.max(layer.arrived_ns);
            let begin = reference_mark(plan, cell, Place { round: layer.round, index: 0 })?;
            self.events.extend(layer.events.iter().map(|&index| begin + index));
        }
        if missing > 0 {
            return Err(Trouble::MissingRounds(cell.number));
        }
        self.marks.clear();
        let Self { dependencies, known, .. } = self;
        for at in dependencies.iter().filter_map(|&number| find_known(known, number).ok()) {
            for place in &known[at].marks {
                if (cell.marks_first..cell.marks_end).contains(&place.round) {
                    self.marks.push(reference_mark(plan, cell, *place)?);
                }
            }
        }
        Ok(ingest_ns)
    }

    /// Lets go of committed cells, and of rounds and marks that no later cell can need.
    fn forget(&mut self) {
        while self.cells.front().is_some_and(|owned| owned.stage == Stage::Committed) {
            self.cells.pop_front();
        }
        let open = self.cells.iter().filter(|owned| owned.stage != Stage::Committed).map(|owned| &owned.cell);
        let first = open.chain(&self.upcoming).map(|cell| cell.events_first).min().unwrap_or(self.next_round);
        // Cells of other rows that have not entered may begin a little earlier.
        let kept = first.saturating_sub(self.patch.cut().commit.into());
        while self.layers.front().is_some_and(|layer| layer.round < kept) {
            self.spare.extend(self.layers.pop_front());
        }
        let wanted = first.saturating_sub(self.reach);
        while self.known.front().is_some_and(|known| known.end_layer < wanted) {
            self.spare_places.extend(self.known.pop_front().map(|known| known.marks));
        }
    }

    /// Notes what a cell that was decided here leaves to its neighbours.
    fn know(&mut self, cell: &Cell, marks: Vec<Place>) {
        let known = Known { number: cell.number, end_layer: cell.end_layer, marks };
        match find_known(&self.known, cell.number) {
            Ok(at) => self.known[at] = known,
            Err(at) => self.known.insert(at, known),
        }
    }

    /// An empty list.
    fn spare_list(&mut self) -> Vec<Place> {
        let mut list = self.spare_places.pop().unwrap_or_default();
        list.clear();
        list
    }
}

/// Where a committed cell is, or would be.
fn find_known(known: &VecDeque<Known>, number: u64) -> Result<usize, usize> {
    known.binary_search_by_key(&number, |known| known.number)
}

/// The mark of the reference that stands for a place near the window of a cell.
fn reference_mark(plan: &Plan, cell: &Cell, place: Place) -> Result<u32, Trouble> {
    let layer = u32::try_from(place.round as i64 - cell.shift).unwrap_or(u32::MAX);
    plan.mark(layer, place.index).map_err(Trouble::Plan)
}

/// The first cell of a range that is not below `number`.
fn first_from(range: &CellRange, number: u64) -> Option<u64> {
    let first = range.first.0;
    let steps = number.saturating_sub(first).div_ceil(range.stride);
    let within = range.count == CellRange::ENDLESS || steps < range.count;
    within.then(|| steps.checked_mul(range.stride)?.checked_add(first)).flatten()
}
