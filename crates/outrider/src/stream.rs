use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use crate::cell_stream::{CellStream, CellStreamState};
use crate::decoder::DecoderOptions;
use crate::error::{Error, Place, Status, argument_error};
use crate::patch::MakePredecoder;
use crate::plan::{Cell, CellShape, Plan};
use crate::window::{Commit, Window, WindowDecoder};

/// Cells that wait in front of a worker or are being decided by it.
const SLOTS_PER_WORKER: usize = 4;
/// Most workers of a stream.
const WORKERS_MAX: usize = 256;
/// Turns that a worker spins before it yields its core.
const SPINS_BEFORE_YIELD: u32 = 200;

/// Decodes a history while its layers arrive, on threads of its own.
///
/// Push a layer a round, look with [`poll`](Self::poll) how far the commits got. Commits do not depend on the number of
/// workers or on timing; without workers cells are decided by whoever pushes.
///
/// ```
/// use std::sync::Arc;
/// use outrider::{
///     Circuit, CircuitFamily, GraphOptions, MatchingGraph, Plan, PlanOptions, Stream, StreamOptions, SurfaceCode,
/// };
///
/// let circuit = Circuit::uniform(CircuitFamily::Stim, 0.001);
/// let model = SurfaceCode::memory(3, 40).circuit(circuit).build()?.model()?;
/// let graph = Arc::new(MatchingGraph::new(&model, &GraphOptions::default())?);
/// let plan = Arc::new(Plan::new(graph, &model, &PlanOptions::parallel(3))?);
/// let mut stream = Stream::new(Arc::clone(&plan), &StreamOptions { workers: 2, ..StreamOptions::default() })?;
/// let rounds = 1000;
/// for layer in 0..=rounds {
///     let bits = plan.layer_detectors(layer, (layer == rounds).then_some(rounds + 1));
///     let quiet = vec![0; bits.div_ceil(8) as usize];
///     stream.push_when_room(&quiet, bits, layer == rounds)?;
/// }
/// let end = stream.finish()?;
/// assert_eq!((end.committed, end.observables), (rounds + 1, &[0][..]));
/// # Ok::<(), outrider::Error>(())
/// ```
pub struct Stream {
    books: CellStream,
    lanes: Vec<Lane>,
    /// Decides cells on the caller's thread if there are no workers.
    own: Decoders,
    /// Why the stream goes no further.
    failure: Option<String>,
}

/// How a [`Stream`] decodes.
#[derive(Clone, Default)]
pub struct StreamOptions {
    /// Worker threads; 0 to decide cells on the thread that pushes and polls.
    pub workers: usize,
    /// How workers wait for cells.
    pub wait: Wait,
    /// The decoder of every window.
    pub decoder: DecoderOptions,
    /// Makes the pre-decoder of a window's decoder, on the graph of the plan.
    pub predecoder: Option<MakePredecoder>,
    /// Layers held, at least [`CellStream::layers_needed`]; `None` for twice as many.
    pub layers_max: Option<u64>,
}

/// How a worker waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Wait {
    /// It spins: the shortest reaction, and a core of its own.
    Spin,
    /// It spins for a while, then lets others run between two looks.
    #[default]
    SpinThenYield,
    /// It sleeps until it is woken.
    Block,
}

impl Stream {
    /// A stream over `plan`, its workers started and the windows of its first and endless cells made.
    ///
    /// # Errors
    /// [`Limit`](Status::Limit) for too many workers, too few or too many layers; as
    /// [`WindowDecoder::new`](crate::WindowDecoder::new) for options that no window can be decoded with.
    pub fn new(plan: Arc<Plan>, options: &StreamOptions) -> Result<Self, Error> {
        if options.workers > WORKERS_MAX {
            let message = format!("{} workers, more than the limit of {WORKERS_MAX}", options.workers);
            return Err(limit_error(message));
        }
        let layers = options.layers_max.unwrap_or_else(|| 2 * CellStream::layers_needed(&plan));
        let books = CellStream::new(Arc::clone(&plan), layers)?;
        let windows = Arc::new(Windows::new(Arc::clone(&plan)));
        let mut own = Decoders::new(Arc::clone(&windows), options);
        if options.workers == 0 {
            own.prepare(&plan)?;
        }
        let lane = |number| Lane::start(number, Decoders::new(Arc::clone(&windows), options), options.wait);
        let lanes = (0..options.workers).map(lane).collect::<Result<_, _>>()?;
        Ok(Self { books, lanes, own, failure: None })
    }

    /// Appends a layer of `detector_count` packed detection events, and sets cells going; `is_last` for the last of the
    /// history.
    ///
    /// # Errors
    /// [`Limit`](Status::Limit) if there is no room until cells are committed: poll and try again, or let the processor
    /// idle. Otherwise as [`CellStream::push`], and any error that a cell failed with. The stream is then unchanged.
    pub fn push(&mut self, events: &[u8], detector_count: u32, is_last: bool) -> Result<(), Error> {
        self.poll()?;
        self.books.push(events, detector_count, is_last)?;
        self.hand_out()
    }

    /// The same, but waits for room.
    ///
    /// # Errors
    /// As [`push`](Self::push), without [`Limit`](Status::Limit).
    pub fn push_when_room(&mut self, events: &[u8], detector_count: u32, is_last: bool) -> Result<(), Error> {
        while self.books.state().room == 0 && !self.books.state().has_ended {
            thread::yield_now();
            self.poll()?;
        }
        self.push(events, detector_count, is_last)
    }

    /// Takes in the commits that are there, sets further cells going and tells how far the stream got.
    ///
    /// # Errors
    /// Any error that a cell failed with; the stream goes no further then.
    pub fn poll(&mut self) -> Result<CellStreamState<'_>, Error> {
        self.collect()?;
        self.hand_out()?;
        Ok(self.books.state())
    }

    /// Waits until all cells of a history that has ended are committed.
    ///
    /// # Errors
    /// [`Argument`](Status::Argument) before the last layer; any error that a cell failed with.
    pub fn finish(&mut self) -> Result<CellStreamState<'_>, Error> {
        if !self.books.state().has_ended {
            return Err(argument_error("the last layer has not been pushed"));
        }
        while !self.poll()?.is_finished {
            thread::yield_now();
        }
        Ok(self.books.state())
    }

    /// The plan that it follows.
    pub fn plan(&self) -> &Arc<Plan> {
        self.books.plan()
    }

    /// Gives cells that can be decided to workers that have a free slot, or decides them here.
    fn hand_out(&mut self) -> Result<(), Error> {
        if self.lanes.is_empty() {
            while let Some(cell) = self.books.next() {
                let input = self.books.input(cell.number)?;
                let decided = self.own.decoder(&cell)?.decode(input.events, input.defects, &[]);
                match decided {
                    Ok(commit) => self.books.commit(cell.number, &commit)?,
                    Err(error) => {
                        self.failure = Some(format!("cell {} failed: {error}", cell.number));
                        return Err(error);
                    }
                }
            }
            return Ok(());
        }
        while let Some(lane) =
            self.lanes.iter_mut().filter(|lane| lane.has_room()).min_by_key(|lane| lane.load())
        {
            let Some(cell) = self.books.next() else { break };
            let input = self.books.input(cell.number)?;
            lane.give(cell, input.events, input.defects);
        }
        Ok(())
    }

    /// Takes the commits of all workers in. A cell that fails is reported once, and ever after that it failed.
    fn collect(&mut self) -> Result<(), Error> {
        if let Some(failure) = &self.failure {
            return Err(argument_error(failure));
        }
        for lane in &mut self.lanes {
            while let Some(mut task) = lane.finished() {
                let result = match task.error.take() {
                    Some(error) => Err(error),
                    None => self.books.commit(task.cell.number, &task.commit()),
                };
                if let Err(error) = result {
                    self.failure = Some(format!("cell {} failed: {error}", task.cell.number));
                    return Err(error);
                }
            }
            if lane.has_ended() {
                self.failure = Some("a worker has ended".to_owned());
                return Err(argument_error("a worker has ended"));
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream").field("books", &self.books).field("workers", &self.lanes.len()).finish()
    }
}

impl fmt::Debug for StreamOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamOptions")
            .field("workers", &self.workers)
            .field("wait", &self.wait)
            .field("decoder", &self.decoder)
            .field("predecoder", &self.predecoder.is_some())
            .field("layers_max", &self.layers_max)
            .finish()
    }
}

/// The windows of a plan, each made when it is first wanted and shared by all workers.
struct Windows {
    plan: Arc<Plan>,
    made: Mutex<BTreeMap<CellShape, Arc<Window>>>,
}

impl Windows {
    fn new(plan: Arc<Plan>) -> Self {
        Self { plan, made: Mutex::new(BTreeMap::new()) }
    }

    fn window(&self, cell: &Cell) -> Result<Arc<Window>, Error> {
        let mut made = lock(&self.made);
        if let Some(window) = made.get(&cell.shape) {
            return Ok(Arc::clone(window));
        }
        let window = Arc::new(self.plan.window(cell)?);
        made.insert(cell.shape, Arc::clone(&window));
        Ok(window)
    }
}

/// One thread's decoders, one for each shape of window that it met.
struct Decoders {
    windows: Arc<Windows>,
    options: DecoderOptions,
    predecoder: Option<MakePredecoder>,
    made: BTreeMap<CellShape, WindowDecoder>,
}

impl Decoders {
    fn new(windows: Arc<Windows>, options: &StreamOptions) -> Self {
        Self {
            windows,
            options: options.decoder,
            predecoder: options.predecoder.clone(),
            made: BTreeMap::new(),
        }
    }

    fn decoder(&mut self, cell: &Cell) -> Result<&mut WindowDecoder, Error> {
        if !self.made.contains_key(&cell.shape) {
            let window = self.windows.window(cell)?;
            let predecoder = match &self.predecoder {
                Some(make) => Some(make(self.windows.plan.graph())?),
                None => None,
            };
            self.made.insert(cell.shape, WindowDecoder::new(window, predecoder, &self.options)?);
        }
        Ok(self.made.get_mut(&cell.shape).expect("it was made just now at the latest"))
    }

    /// Makes the decoders of the cells that come first, and of those that come over and over.
    fn prepare(&mut self, plan: &Plan) -> Result<(), Error> {
        let layers = plan.layers_min().unwrap_or_else(|| plan.layer_count().into());
        for number in 0..plan.cell_count(layers) {
            if let Some(cell) = plan.cell(number, None).ok().filter(|cell| !cell.is_empty) {
                self.decoder(&cell)?;
            }
        }
        Ok(())
    }
}

/// A worker and the slots through which it gets cells and gives commits, in turn.
struct Lane {
    slots: Arc<Slots>,
    /// Numbers of the slots to fill and to empty next; the difference is what is under way.
    given: usize,
    taken: usize,
    thread: Option<JoinHandle<()>>,
}

struct Slots {
    slots: [Slot; SLOTS_PER_WORKER],
    stops: AtomicBool,
}

struct Slot {
    state: AtomicU8,
    /// Of the side that the state names, so nobody ever waits for the lock.
    task: Mutex<Task>,
}

const FREE: u8 = 0;
const GIVEN: u8 = 1;
const DONE: u8 = 2;

/// A cell to decide, then its commit. The lists keep their memory.
#[derive(Default)]
struct Task {
    cell: Cell,
    events: Vec<u32>,
    defects: Vec<u32>,
    observables: Vec<u8>,
    edges: Vec<u32>,
    event_count: u32,
    error: Option<Error>,
}

impl Task {
    fn decide(&mut self, decoders: &mut Decoders) -> Result<(), Error> {
        let commit = decoders.decoder(&self.cell)?.decode(&self.events, &self.defects, &[])?;
        refill(&mut self.observables, commit.observables);
        refill(&mut self.defects, commit.defects);
        refill(&mut self.edges, commit.edges);
        self.event_count = commit.event_count;
        Ok(())
    }

    fn commit(&self) -> Commit<'_> {
        Commit {
            observables: &self.observables,
            defects: &self.defects,
            edges: &self.edges,
            event_count: self.event_count,
        }
    }
}

fn refill<T: Copy>(list: &mut Vec<T>, from: &[T]) {
    list.clear();
    list.extend_from_slice(from);
}

impl Lane {
    fn start(number: usize, mut decoders: Decoders, wait: Wait) -> Result<Self, Error> {
        let slot = |_| Slot { state: AtomicU8::new(FREE), task: Mutex::new(Task::default()) };
        let slots = Arc::new(Slots { slots: std::array::from_fn(slot), stops: AtomicBool::new(false) });
        let plan = Arc::clone(&decoders.windows.plan);
        decoders.prepare(&plan)?;
        let theirs = Arc::clone(&slots);
        let thread = thread::Builder::new()
            .name(format!("decoder {number}"))
            .spawn(move || work(&theirs, &mut decoders, wait))
            .map_err(|source| Error::Io { action: "cannot start", path: None, source })?;
        Ok(Self { slots, given: 0, taken: 0, thread: Some(thread) })
    }

    fn load(&self) -> usize {
        self.given - self.taken
    }

    fn has_room(&self) -> bool {
        self.load() < SLOTS_PER_WORKER
    }

    /// Whether its thread is gone, which it never is but after a panic.
    fn has_ended(&self) -> bool {
        self.thread.as_ref().is_some_and(JoinHandle::is_finished)
    }

    /// Fills the next free slot; there is one.
    fn give(&mut self, cell: Cell, events: &[u32], defects: &[u32]) {
        let slot = &self.slots.slots[self.given % SLOTS_PER_WORKER];
        let mut task = lock(&slot.task);
        task.cell = cell;
        refill(&mut task.events, events);
        refill(&mut task.defects, defects);
        drop(task);
        slot.state.store(GIVEN, Ordering::Release);
        self.given += 1;
        if let Some(thread) = &self.thread {
            thread.thread().unpark();
        }
    }

    /// The task that was given first, if it is done. Its slot is free from now on, once the lock is let go.
    fn finished(&mut self) -> Option<MutexGuard<'_, Task>> {
        let slot = &self.slots.slots[self.taken % SLOTS_PER_WORKER];
        if self.load() == 0 || slot.state.load(Ordering::Acquire) != DONE {
            return None;
        }
        slot.state.store(FREE, Ordering::Relaxed);
        self.taken += 1;
        Some(lock(&slot.task))
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        self.slots.stops.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // A worker that panicked has nothing more to say.
            drop(thread.join());
        }
    }
}

/// A worker's life: it decides the cells of its slots in turn.
fn work(slots: &Slots, decoders: &mut Decoders, wait: Wait) {
    for number in 0usize.. {
        let slot = &slots.slots[number % SLOTS_PER_WORKER];
        let mut turns = 0;
        while slot.state.load(Ordering::Acquire) != GIVEN {
            if slots.stops.load(Ordering::Acquire) {
                return;
            }
            turns += 1;
            match wait {
                Wait::Block => thread::park(),
                Wait::SpinThenYield if turns > SPINS_BEFORE_YIELD => thread::yield_now(),
                Wait::Spin | Wait::SpinThenYield => std::hint::spin_loop(),
            }
        }
        let mut task = lock(&slot.task);
        let result = task.decide(decoders);
        task.error = result.err();
        drop(task);
        slot.state.store(DONE, Ordering::Release);
    }
}

/// What a lock guards is whole even if its holder panicked: lists that are refilled before they are read.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn limit_error(message: String) -> Error {
    Error::Core { status: Status::Limit, place: Place::default(), message }
}
