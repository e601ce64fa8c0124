use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::thread;

use crate::cell_book::{CellBook, CellBookState};
use crate::clock::clock_ns;
use crate::error::{Error, argument_error, check_padding};
use crate::measurement_stream::MeasurementStream;
use crate::patch::Patch;
use crate::plan::{Cell, Plan};
use crate::stream_learning::{LearnedNoise, StreamLearning};
use crate::workers::{PatchKey, Times, Workers, WorkersOptions};

/// Decodes a history while its layers arrive, on threads of its own.
///
/// Push a layer a round, look with [`poll`](Self::poll) how far the commits got and with
/// [`next_report`](Self::next_report) how long they took. Commits do not depend on the number of workers or on timing;
/// without workers cells are decided by whoever pushes.
///
/// ```
/// use std::sync::Arc;
/// use outrider::{
///     Circuit, CircuitFamily, Patch, PatchOptions, PlanOptions, Stream, StreamOptions, SurfaceCode, WorkersOptions,
/// };
///
/// let circuit = Circuit::uniform(CircuitFamily::Stim, 0.001);
/// let model = SurfaceCode::memory(3, 40).circuit(circuit).build()?.model()?;
/// let patch = Arc::new(Patch::new(&model, &PatchOptions::new(PlanOptions::parallel(3)))?);
/// let workers = WorkersOptions { count: 2, ..WorkersOptions::default() };
/// let mut stream = Stream::new(Arc::clone(&patch), &StreamOptions { workers, ..StreamOptions::default() })?;
/// let rounds = 1000;
/// for layer in 0..=rounds {
///     let bits = patch.plan().layer_detectors(layer, (layer == rounds).then_some(rounds + 1));
///     let quiet = vec![0; bits.div_ceil(8) as usize];
///     stream.push_when_room(&quiet, bits, layer == rounds)?;
/// }
/// let end = stream.finish()?;
/// assert_eq!((end.committed, end.observables), (rounds + 1, &[0][..]));
/// # Ok::<(), outrider::Error>(())
/// ```
pub struct Stream {
    books: CellBook,
    workers: Workers,
    patch: PatchKey,
    reports: Reports,
    layers_max: u64,
    learning: Option<StreamLearning>,
    /// Why the stream goes no further.
    failure: Option<String>,
}

/// How a [`Stream`] decodes.
#[derive(Debug, Clone, Default)]
pub struct StreamOptions {
    /// Its workers.
    pub workers: WorkersOptions,
    /// Layers held, at least [`CellBook::layers_needed`]; `None` for [`CellBook::room`].
    pub layers_max: Option<u64>,
}

/// What became of a cell of a [`Stream`], with times by [`clock_ns`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CellReport {
    /// The number of the cell.
    pub number: u64,
    /// Its first layer.
    pub first_layer: u64,
    /// The layer after its last.
    pub end_layer: u64,
    /// Detection events of its window, artificial defects included.
    pub event_count: u32,
    /// Its last layer was pushed.
    pub ingested_ns: u64,
    /// When it was decided.
    pub times: Times,
    /// Its commit was joined to those before.
    pub merged_ns: u64,
}

impl Stream {
    /// A stream of a patch, with workers of its own, which are [ready](Workers::add).
    ///
    /// # Errors
    /// [`Limit`](crate::Status::Limit) for too few or too many layers; as [`Workers::new`] and [`Workers::add`].
    pub fn new(patch: Arc<Patch>, options: &StreamOptions) -> Result<Self, Error> {
        let plan = patch.plan();
        let layers = options.layers_max.unwrap_or_else(|| CellBook::room(plan));
        let books = CellBook::new(Arc::clone(plan), layers)?;
        let mut workers = Workers::new(&options.workers)?;
        let learning = StreamLearning::new(&patch, layers, options.workers.count > 0)?;
        let patch = workers.add(patch)?;
        let reports = Reports::new(layers);
        Ok(Self { books, workers, patch, reports, layers_max: layers, learning, failure: None })
    }

    /// Appends a layer of `detector_count` packed detection events, and sets cells going; `is_last` for the last of the
    /// history.
    ///
    /// # Errors
    /// [`Limit`](crate::Status::Limit) if there is no room until cells are committed: poll and try again, or let the processor
    /// idle. Otherwise as [`CellBook::push`], [`Format`](crate::Status::Format) for set padding bits, and any error that a
    /// cell failed with. The stream is then unchanged.
    pub fn push(&mut self, events: &[u8], detector_count: u32, is_last: bool) -> Result<(), Error> {
        self.push_at(events, detector_count, is_last, clock_ns())
    }

    /// The same, but waits for room.
    ///
    /// # Errors
    /// As [`push`](Self::push), without [`Limit`](crate::Status::Limit).
    pub fn push_when_room(&mut self, events: &[u8], detector_count: u32, is_last: bool) -> Result<(), Error> {
        let ingested_ns = clock_ns();
        while self.books.state().room == 0 && !self.books.state().has_ended {
            thread::yield_now();
            self.poll()?;
        }
        self.push_at(events, detector_count, is_last, ingested_ns)
    }

    /// Takes `count` packed raw measurements, and pushes the layers that they make known, waiting for room. `is_last` for
    /// the last measurements of the history, which come at once.
    ///
    /// # Errors
    /// As [`MeasurementStream::push`] and [`push_when_room`](Self::push_when_room).
    pub fn push_measurements(
        &mut self,
        measured: &mut MeasurementStream,
        measurements: &[u8],
        count: u32,
        is_last: bool,
    ) -> Result<(), Error> {
        measured.push(measurements, count, is_last)?;
        while let Some(layer) = measured.next() {
            self.push_when_room(layer.events, layer.detector_count, layer.is_last)?;
        }
        Ok(())
    }

    /// Takes in the commits that are there, sets further cells going and tells how far the stream got.
    ///
    /// # Errors
    /// Any error that a cell failed with; the stream goes no further then.
    pub fn poll(&mut self) -> Result<CellBookState<'_>, Error> {
        self.go_on()?;
        Ok(self.books.state())
    }

    /// Waits until all cells of a history that has ended are committed.
    ///
    /// # Errors
    /// [`Argument`](crate::Status::Argument) before the last layer; any error that a cell failed with.
    pub fn finish(&mut self) -> Result<CellBookState<'_>, Error> {
        if !self.books.state().has_ended {
            return Err(argument_error("the last layer has not been pushed"));
        }
        while !self.poll()?.is_finished {
            thread::yield_now();
        }
        Ok(self.books.state())
    }

    /// Begins another history with the same workers; what is learned goes on. Reports that were not taken are forgotten.
    ///
    /// # Errors
    /// [`Argument`](crate::Status::Argument) before the history is finished.
    pub fn restart(&mut self) -> Result<(), Error> {
        if !self.books.state().is_finished {
            return Err(argument_error("the history has not been finished"));
        }
        self.books = CellBook::new(Arc::clone(self.books.plan()), self.layers_max)?;
        self.reports.kept.clear();
        Ok(())
    }

    /// What is known of the noise by now, if it is [learned](crate::PatchOptions::learning).
    pub fn learned_noise(&self) -> Option<LearnedNoise> {
        self.learning.as_ref().and_then(StreamLearning::latest)
    }

    /// Layers that it holds.
    pub fn layers_max(&self) -> u64 {
        self.layers_max
    }

    /// Reports kept.
    pub const REPORTS_MAX: usize = 1024;

    /// The plan that it follows.
    pub fn plan(&self) -> &Arc<Plan> {
        self.books.plan()
    }

    /// Takes the report of the cell that was committed first, of those not yet taken. Of reports that nobody takes the
    /// last [`REPORTS_MAX`](Self::REPORTS_MAX) are kept. Empty cells have none.
    pub fn next_report(&mut self) -> Option<CellReport> {
        self.reports.kept.pop_front()
    }

    /// Reports that were not kept.
    pub fn lost_reports(&self) -> u64 {
        self.reports.lost
    }

    /// As [`Workers::set_waker`]: what is called whenever there may be something to [poll](Self::poll).
    pub fn set_waker(&mut self, wake: Arc<dyn Fn() + Send + Sync>) {
        self.workers.set_waker(wake);
    }

    fn push_at(
        &mut self,
        events: &[u8],
        detector_count: u32,
        is_last: bool,
        ingested_ns: u64,
    ) -> Result<(), Error> {
        check_padding(detector_count as usize, events, None)?;
        self.go_on()?;
        let layer = self.books.state().layers;
        self.books.push(events, detector_count, is_last)?;
        if let Some(learning) = &mut self.learning
            && let Err(error) = learning.push(events, is_last)
        {
            self.failure = Some(format!("learning failed: {error}"));
            return Err(error);
        }
        self.reports.note_layer(layer, ingested_ns);
        self.go_on()
    }

    /// Gives cells that can be decided to workers with room, and takes commits in, which may make way for more cells.
    fn go_on(&mut self) -> Result<(), Error> {
        if let Some(failure) = &self.failure {
            return Err(argument_error(failure));
        }
        loop {
            self.hand_out()?;
            if !self.collect()? {
                return Ok(());
            }
        }
    }

    fn hand_out(&mut self) -> Result<(), Error> {
        while self.workers.has_room() {
            let Some(cell) = self.books.next() else { break };
            let weights = match &mut self.learning {
                Some(learning) => learning.weights(&cell).inspect_err(|error| {
                    self.failure = Some(format!("cell {} has no weights: {error}", cell.number));
                })?,
                None => None,
            };
            let input = self.books.input(cell.number)?;
            self.workers.give_with(self.patch, cell.number, &cell, input.events, input.marks, weights);
        }
        Ok(())
    }

    /// Whether there were commits. A cell that fails is reported once, and ever after that it failed.
    fn collect(&mut self) -> Result<bool, Error> {
        let mut are_any = false;
        while let Some(finished) = self.workers.finished() {
            are_any = true;
            let (cell, times) = (finished.cell, finished.times);
            let merged = finished.result.and_then(|commit| {
                self.books.commit(cell.number, &commit)?;
                Ok(commit.event_count)
            });
            match merged {
                Ok(event_count) => self.reports.note_commit(&cell, times, event_count),
                Err(error) => {
                    self.failure = Some(format!("cell {} failed: {error}", cell.number));
                    return Err(error);
                }
            }
        }
        Ok(are_any)
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream")
            .field("books", &self.books)
            .field("workers", &self.workers)
            .finish_non_exhaustive()
    }
}

/// The latest reports, and what they need to know of layers.
struct Reports {
    /// When a layer was pushed, by its number modulo the layers that a stream holds: a cell that is not committed holds
    /// its own.
    ingested_ns: Box<[u64]>,
    kept: VecDeque<CellReport>,
    lost: u64,
}

impl Reports {
    fn new(layers_max: u64) -> Self {
        let kept = VecDeque::with_capacity(Stream::REPORTS_MAX);
        Self { ingested_ns: vec![0; layers_max as usize].into(), kept, lost: 0 }
    }

    fn note_layer(&mut self, layer: u64, ingested_ns: u64) {
        let place = layer % self.ingested_ns.len() as u64;
        self.ingested_ns[place as usize] = ingested_ns;
    }

    fn note_commit(&mut self, cell: &Cell, times: Times, event_count: u32) {
        if self.kept.len() == Stream::REPORTS_MAX {
            self.kept.pop_front();
            self.lost += 1;
        }
        let last_layer = (cell.end_layer - 1) % self.ingested_ns.len() as u64;
        self.kept.push_back(CellReport {
            number: cell.number,
            first_layer: cell.first_layer,
            end_layer: cell.end_layer,
            event_count,
            ingested_ns: self.ingested_ns[last_layer as usize],
            times,
            merged_ns: clock_ns(),
        });
    }
}
