use std::any::Any;
use std::collections::BTreeMap;
use std::fmt;
use std::mem;
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, mpsc};
use std::thread::{self, JoinHandle};

#[cfg(target_os = "linux")]
use rustix::thread::{CpuSet, sched_setaffinity};

use crate::clock::clock_ns;
use crate::error::{Error, Place, Status, argument_error};
use crate::patch::Patch;
use crate::plan::{Cell, CellShape, Plan};
use crate::stream_learning::LearnedWeights;
use crate::window::{Commit, Window, WindowDecoder};

/// Threads that decide cells, of any number of patches.
///
/// Each has decoders of its own, all made before they are wanted. Give cells as long as there is room, take them back
/// when they are finished, in whatever order that happens. What a cell commits does not depend on who decides it.
///
/// ```
/// use std::sync::Arc;
/// use outrider::{
///     CellBook, Circuit, CircuitFamily, Patch, PatchOptions, PlanOptions, SurfaceCode, Workers, WorkersOptions,
/// };
///
/// let circuit = Circuit::uniform(CircuitFamily::Stim, 0.001);
/// let model = SurfaceCode::memory(3, 40).circuit(circuit).build()?.model()?;
/// let patch = Arc::new(Patch::new(&model, &PatchOptions::new(PlanOptions::parallel(3)))?);
/// let plan = patch.plan();
/// let mut stream = CellBook::new(Arc::clone(plan), CellBook::layers_needed(plan))?;
/// let mut workers = Workers::new(&WorkersOptions { count: 2, ..WorkersOptions::default() })?;
/// let key = workers.add(Arc::clone(&patch))?;
/// for layer in 0..10 {
///     let quiet = vec![0; plan.layer_detectors(layer, None).div_ceil(8) as usize];
///     stream.push(&quiet, plan.layer_detectors(layer, None), false)?;
/// }
/// let cell = stream.next().expect("ten layers are enough for a first cell");
/// let input = stream.input(cell.number)?;
/// assert!(workers.give(key, 7, &cell, input.events, input.marks));
/// let finished = loop {
///     if let Some(finished) = workers.finished() {
///         break finished;
///     }
/// };
/// assert_eq!(finished.tag, 7);
/// assert!(finished.times.ended_ns >= finished.times.dispatched_ns);
/// stream.commit(finished.cell.number, &finished.result?)?;
/// # Ok::<(), outrider::Error>(())
/// ```
pub struct Workers {
    lanes: Vec<Lane>,
    waker: Arc<Waker>,
    /// Decoders for each lane.
    patches: BTreeMap<PatchKey, Vec<Arc<Mutex<Decoders>>>>,
    patches_ever: u64,
    /// The lane to ask first for a finished cell.
    turn: usize,
    /// What was finished last, lent to whoever took it.
    finished: Task,
}

/// How many [`Workers`] there are, and how they work.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct WorkersOptions {
    /// Threads; 0 to decide cells on the thread that gives them.
    pub count: usize,
    /// How threads wait for cells.
    pub wait: Wait,
    /// The cores that threads are pinned to, in turn; empty to let them wander.
    pub cores: Vec<usize>,
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

/// A patch that was [added](Workers::add). Keys are never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PatchKey(u64);

/// A cell that was decided, or could not be.
#[derive(Debug)]
pub struct Finished<'a> {
    /// What it was given with.
    pub tag: u64,
    /// The cell.
    pub cell: Cell,
    /// When it was decided.
    pub times: Times,
    /// What it commits.
    pub result: Result<Commit<'a>, Error>,
}

/// When a cell was decided, by [`clock_ns`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Times {
    /// It was given to a worker.
    pub dispatched_ns: u64,
    /// Its worker began.
    pub started_ns: u64,
    /// Its worker was done.
    pub ended_ns: u64,
}

impl Workers {
    /// Workers without patches, their threads started.
    ///
    /// # Errors
    /// [`Limit`](Status::Limit) for too many, [`Argument`](Status::Argument) for a core that this process does not have,
    /// [`Unsupported`](Status::Unsupported) for cores on systems where threads are not pinned, [`Error::Io`] if the
    /// system has no more threads.
    pub fn new(options: &WorkersOptions) -> Result<Self, Error> {
        if options.count > WORKERS_MAX {
            let message = format!("{} workers, more than the limit of {WORKERS_MAX}", options.count);
            return Err(Error::Core { status: Status::Limit, place: Place::default(), message });
        }
        let waker = Arc::default();
        let lanes = match options.count {
            0 => vec![Lane::without_thread()],
            count => {
                (0..count).map(|number| Lane::start(number, options, &waker)).collect::<Result<_, _>>()?
            }
        };
        Ok(Self {
            lanes,
            waker,
            patches: BTreeMap::new(),
            patches_ever: 0,
            turn: 0,
            finished: Task::default(),
        })
    }

    /// Makes windows and decoders of a patch: of the cells that come first, of those that come over and over, and of
    /// those that end a history, wherever it ends. Cells of other patches are decided meanwhile.
    ///
    /// Where the ends take too much memory, the decoders of some are left to be made when they are wanted.
    ///
    /// # Errors
    /// As [`Patch::decoder`] and [`Plan::window`].
    pub fn add(&mut self, patch: Arc<Patch>) -> Result<PatchKey, Error> {
        let windows = Arc::new(Windows { patch, made: Mutex::default() });
        let prepare = |_: &Lane| Ok(Arc::new(Mutex::new(Decoders::prepared(&windows)?)));
        let decoders = self.lanes.iter().map(prepare).collect::<Result<_, Error>>()?;
        let key = PatchKey(self.patches_ever);
        self.patches_ever += 1;
        self.patches.insert(key, decoders);
        Ok(key)
    }

    /// Forgets a patch. Those of its cells that were given are finished as ever.
    pub fn remove(&mut self, key: PatchKey) {
        self.patches.remove(&key);
    }

    /// Whether a cell can be given.
    pub fn has_room(&self) -> bool {
        self.lanes.iter().any(Lane::has_room)
    }

    /// Gives a cell, with [its input](crate::CellBook::input), to the worker that has the least to do; without workers
    /// it is decided here. `false` if there is [no room](Self::has_room).
    pub fn give(&mut self, patch: PatchKey, tag: u64, cell: &Cell, events: &[u32], marks: &[u32]) -> bool {
        self.give_with(patch, tag, cell, events, marks, None)
    }

    /// The same for a cell that is decided with the weights of a version; `None` for the patch's own.
    pub fn give_with(
        &mut self,
        patch: PatchKey,
        tag: u64,
        cell: &Cell,
        events: &[u32],
        marks: &[u32],
        weights: Option<Arc<LearnedWeights>>,
    ) -> bool {
        let lanes = self.lanes.iter_mut().enumerate();
        let Some((index, lane)) =
            lanes.filter(|(_, lane)| lane.has_room()).min_by_key(|(_, lane)| lane.load())
        else {
            return false;
        };
        let decoders = self.patches.get(&patch).map(|decoders| Arc::clone(&decoders[index]));
        lane.give(&self.waker, |task| {
            task.tag = tag;
            task.cell = *cell;
            task.decoders = decoders;
            task.weights = weights;
            refill(&mut task.events, events);
            refill(&mut task.marks, marks);
        });
        true
    }

    /// The next finished cell of any worker. Cells of a patch that had been [removed](Self::remove), and those whose
    /// decoder panicked, have failed.
    pub fn finished(&mut self) -> Option<Finished<'_>> {
        let count = self.lanes.len();
        let order = (self.turn..self.turn + count).map(|lane| lane % count);
        let lane = order.into_iter().find(|&lane| self.lanes[lane].finish(&mut self.finished))?;
        self.turn = (lane + 1) % count;
        let Task { tag, cell, times, .. } = self.finished;
        let result = match self.finished.error.take() {
            Some(error) => Err(error),
            None => Ok(self.finished.commit()),
        };
        Some(Finished { tag, cell, times, result })
    }

    /// Sets what is called, on the thread of a worker, whenever it has finished a cell. It should be short.
    pub fn set_waker(&mut self, wake: Arc<dyn Fn() + Send + Sync>) {
        *self.waker.wake.write().unwrap_or_else(PoisonError::into_inner) = Some(wake);
    }
}

impl fmt::Debug for Workers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let threads = self.lanes.iter().filter(|lane| lane.thread.is_some()).count();
        f.debug_struct("Workers")
            .field("threads", &threads)
            .field("patches", &self.patches.len())
            .finish_non_exhaustive()
    }
}

/// Cells that wait in front of a worker or are being decided by it.
const SLOTS_PER_WORKER: usize = 4;
/// Most workers.
const WORKERS_MAX: usize = 256;
/// Turns that a worker spins before it yields its core.
const SPINS_BEFORE_YIELD: u32 = 200;
/// Bytes of a worker's decoders for the ends of a patch, from which on no further ones are made in advance.
const END_BYTES_MAX: usize = 1 << 28;

/// The windows of a patch, each made when it is first wanted and shared by all workers.
struct Windows {
    patch: Arc<Patch>,
    made: Mutex<BTreeMap<CellShape, Arc<Window>>>,
}

impl Windows {
    fn window(&self, cell: &Cell) -> Result<Arc<Window>, Error> {
        // A map is whole even if making a window for it panicked.
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(window) = made.get(&cell.shape) {
            return Ok(Arc::clone(window));
        }
        let window = Arc::new(self.patch.plan().window(cell)?);
        made.insert(cell.shape, Arc::clone(&window));
        Ok(window)
    }
}

/// A worker's decoders for a patch, one for each shape of window that it met.
struct Decoders {
    windows: Arc<Windows>,
    made: BTreeMap<CellShape, Made>,
}

/// A decoder, and the version whose weights it has; none for the patch's own.
struct Made {
    decoder: WindowDecoder,
    version: Option<u64>,
}

impl Decoders {
    fn prepared(windows: &Arc<Windows>) -> Result<Self, Error> {
        let mut own = Self { windows: Arc::clone(windows), made: BTreeMap::new() };
        let plan = windows.patch.plan();
        for cell in endless_cells(plan) {
            own.decoder(&cell, None)?;
        }
        let mut bytes = 0;
        for cell in end_cells(plan) {
            if bytes >= END_BYTES_MAX {
                break;
            }
            if !own.made.contains_key(&cell.shape) {
                let decoder = own.decoder(&cell, None)?;
                bytes += decoder.heap_bytes() + decoder.window().heap_bytes();
            }
        }
        Ok(own)
    }

    fn decoder(
        &mut self,
        cell: &Cell,
        weights: Option<&LearnedWeights>,
    ) -> Result<&mut WindowDecoder, Error> {
        if !self.made.contains_key(&cell.shape) {
            let window = self.windows.window(cell)?;
            let decoder = self.windows.patch.decoder(window)?;
            self.made.insert(cell.shape, Made { decoder, version: None });
        }
        let made = self.made.get_mut(&cell.shape).expect("it was made just now at the latest");
        let version = weights.map(LearnedWeights::version);
        if made.version != version {
            let base = self.windows.window(cell)?;
            let window =
                weights.map_or_else(|| Ok(Arc::clone(&base)), |own| own.window(cell.shape, &base))?;
            self.windows.patch.reweight(&mut made.decoder, window)?;
            made.version = version;
        }
        Ok(&mut made.decoder)
    }
}

/// The cells that come first in a history, and those that come over and over; all if the plan serves one length.
fn endless_cells(plan: &Plan) -> impl Iterator<Item = Cell> {
    let layers = match (plan.layers_min(), plan.period()) {
        (Some(shortest), Some(period)) => shortest + u64::from(plan.stride()) * u64::from(period),
        _ => plan.layer_count().into(),
    };
    cells(plan, layers, None)
}

/// The cells of histories that end at each place of the pattern.
fn end_cells(plan: &Plan) -> impl Iterator<Item = Cell> {
    let period = plan.period().map_or(1, u64::from);
    // Windows that see the end of the shortest history do not see its beginning.
    let shortest = plan.layers_min().unwrap_or(u64::MAX);
    let ends = if shortest < u64::MAX { plan.stride() } else { 0 };
    let served =
        (shortest..shortest.saturating_add(period)).find(|&layers| plan.check_length(layers).is_ok());
    let lengths =
        served.into_iter().flat_map(move |first| (0..u64::from(ends)).map(move |end| first + end * period));
    lengths.flat_map(|layers| cells(plan, layers, Some(layers)))
}

/// The cells of a history that are not empty.
fn cells(plan: &Plan, layers: u64, known_layers: Option<u64>) -> impl Iterator<Item = Cell> {
    let cells = (0..plan.cell_count(layers)).filter_map(move |number| plan.cell(number, known_layers).ok());
    cells.filter(|cell| !cell.is_empty)
}

/// A worker and the slots through which it gets cells and gives commits, in turn.
struct Lane {
    slots: Arc<Slots>,
    /// Numbers of the slots to fill and to empty next; the difference is what is under way.
    given: usize,
    taken: usize,
    /// Without it, cells are decided by whoever gives them.
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Slots {
    slots: [Slot; SLOTS_PER_WORKER],
    stops: AtomicBool,
}

#[derive(Default)]
struct Slot {
    state: AtomicU8,
    /// Of the side that the state names, so nobody ever waits for the lock.
    task: Mutex<Task>,
}

const FREE: u8 = 0;
const GIVEN: u8 = 1;
const DONE: u8 = 2;

impl Slot {
    fn lock(&self) -> MutexGuard<'_, Task> {
        // A task is whole even if deciding it panicked: its lists are refilled before they are read.
        self.task.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn decide(&self, waker: &Waker) {
        self.lock().decide();
        self.state.store(DONE, Ordering::Release);
        waker.call();
    }
}

impl Lane {
    fn without_thread() -> Self {
        Self { slots: Arc::default(), given: 0, taken: 0, thread: None }
    }

    fn start(number: usize, options: &WorkersOptions, waker: &Arc<Waker>) -> Result<Self, Error> {
        let mut lane = Self::without_thread();
        let (slots, waker, wait) = (Arc::clone(&lane.slots), Arc::clone(waker), options.wait);
        let core = options.cores.get(number % options.cores.len().max(1)).copied();
        let (tell, told) = mpsc::channel();
        let thread = thread::Builder::new()
            .name(format!("decoder {number}"))
            .spawn(move || {
                let pinned = core.map_or(Ok(()), pin);
                let is_pinned = pinned.is_ok();
                if tell.send(pinned).is_ok() && is_pinned {
                    work(&slots, &waker, wait);
                }
            })
            .map_err(|source| Error::Io { action: "start a worker", path: None, source })?;
        lane.thread = Some(thread);
        told.recv().unwrap_or_else(|_| Err(panic_error("a worker ended before it began".to_owned())))?;
        Ok(lane)
    }

    fn load(&self) -> usize {
        self.given - self.taken
    }

    fn has_room(&self) -> bool {
        self.load() < SLOTS_PER_WORKER
    }

    /// Has the next slot filled; there is room.
    fn give(&mut self, waker: &Waker, fill: impl FnOnce(&mut Task)) {
        let slot = &self.slots.slots[self.given % SLOTS_PER_WORKER];
        let mut task = slot.lock();
        fill(&mut task);
        task.times.dispatched_ns = clock_ns();
        drop(task);
        self.given += 1;
        match &self.thread {
            Some(thread) => {
                slot.state.store(GIVEN, Ordering::Release);
                thread.thread().unpark();
            }
            None => slot.decide(waker),
        }
    }

    /// Takes the task that was given first, if it is done, in exchange for another; its slot is free then.
    fn finish(&mut self, task: &mut Task) -> bool {
        let slot = &self.slots.slots[self.taken % SLOTS_PER_WORKER];
        if self.load() == 0 || slot.state.load(Ordering::Acquire) != DONE {
            return false;
        }
        mem::swap(&mut *slot.lock(), task);
        slot.state.store(FREE, Ordering::Relaxed);
        self.taken += 1;
        true
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        self.slots.stops.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // A worker never panics, and if it did it would have nothing more to say.
            drop(thread.join());
        }
    }
}

/// A worker's life: it decides the cells of its slots in turn.
fn work(slots: &Slots, waker: &Waker, wait: Wait) {
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
        slot.decide(waker);
    }
}

/// Pins this thread to a core.
#[cfg(target_os = "linux")]
fn pin(core: usize) -> Result<(), Error> {
    let mut cores = CpuSet::new();
    let refuse = || argument_error(&format!("core {core}: this process has no such core for its workers"));
    if core >= CpuSet::MAX_CPU {
        return Err(refuse());
    }
    cores.set(core);
    sched_setaffinity(None, &cores).map_err(|_| refuse())
}

#[cfg(not(target_os = "linux"))]
fn pin(_: usize) -> Result<(), Error> {
    let message = "workers are pinned to cores on Linux only".to_owned();
    Err(Error::Core { status: Status::Unsupported, place: Place::default(), message })
}

/// What a worker calls when it has finished a cell.
#[derive(Default)]
struct Waker {
    wake: RwLock<Option<Arc<dyn Fn() + Send + Sync>>>,
}

impl Waker {
    fn call(&self) {
        let wake = self.wake.read().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(wake) = wake {
            // A panic was reported when it happened, and must not end the worker.
            drop(panic::catch_unwind(AssertUnwindSafe(|| wake())));
        }
    }
}

/// A cell to decide, then its commit. The lists keep their memory.
#[derive(Default)]
struct Task {
    tag: u64,
    cell: Cell,
    /// `None` if the patch had been removed.
    decoders: Option<Arc<Mutex<Decoders>>>,
    /// Of the version of the cell; none for the patch's own.
    weights: Option<Arc<LearnedWeights>>,
    events: Vec<u32>,
    marks: Vec<u32>,
    observables: Vec<u8>,
    edges: Vec<u32>,
    event_count: u32,
    times: Times,
    error: Option<Error>,
}

impl Task {
    fn decide(&mut self) {
        self.times.started_ns = clock_ns();
        // What a panic leaves half done is the decoders, and their lock is poisoned then.
        let result = panic::catch_unwind(AssertUnwindSafe(|| self.try_decide()));
        self.error = result.unwrap_or_else(|panic| Err(panic_error(panic_message(&*panic)))).err();
        self.times.ended_ns = clock_ns();
    }

    fn try_decide(&mut self) -> Result<(), Error> {
        let decoders = self.decoders.take().ok_or_else(|| argument_error("the patch has been removed"))?;
        let mut decoders =
            decoders.lock().map_err(|_| panic_error("a decoder of this patch panicked before".to_owned()))?;
        let weights = self.weights.take();
        let commit =
            decoders.decoder(&self.cell, weights.as_deref())?.decode(&self.events, &self.marks, &[])?;
        refill(&mut self.observables, commit.observables);
        refill(&mut self.marks, commit.marks);
        refill(&mut self.edges, commit.edges);
        self.event_count = commit.event_count;
        Ok(())
    }

    fn commit(&self) -> Commit<'_> {
        Commit {
            observables: &self.observables,
            marks: &self.marks,
            edges: &self.edges,
            event_count: self.event_count,
        }
    }
}

fn refill<T: Copy>(list: &mut Vec<T>, from: &[T]) {
    list.clear();
    list.extend_from_slice(from);
}

fn panic_error(message: String) -> Error {
    Error::Panic { message }
}

/// What was given to `panic!`.
fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message").to_owned()
}
