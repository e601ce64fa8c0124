use std::fmt;
use std::ptr::{self, NonNull};
use std::sync::Arc;

use outrider_sys as sys;

use crate::error::{Details, Error, LineMeaning, check, check_length};
use crate::model::{owned, view};
use crate::plan::{Cell, Plan};
use crate::window::Commit;

/// The books of a history that is decided cell by cell while its layers arrive.
///
/// It keeps the layers and marks that cells to come still need, in bounded memory, and says which cells
/// can be decided. It decodes nothing itself: take a cell with [`next`](Self::next), decode its window with a
/// [`WindowDecoder`](crate::WindowDecoder) wherever you like, hand the commit back. In whatever order that happens,
/// the commits and the answer are the same.
///
/// ```
/// use std::collections::BTreeMap;
/// use std::sync::Arc;
/// use outrider::{
///     CellStream, Circuit, CircuitFamily, DecoderOptions, GraphOptions, MatchingGraph, Plan, PlanOptions, SurfaceCode,
///     WindowDecoder,
/// };
///
/// let circuit = Circuit::uniform(CircuitFamily::Stim, 0.001);
/// let model = SurfaceCode::memory(3, 40).circuit(circuit).build()?.model()?;
/// let graph = Arc::new(MatchingGraph::new(&model, &GraphOptions::default())?);
/// let plan = Arc::new(Plan::new(graph, &model, &PlanOptions::parallel(3))?);
/// let mut stream = CellStream::new(Arc::clone(&plan), CellStream::layers_needed(&plan))?;
/// let mut decoders = BTreeMap::new();
/// for layer in 0..10_000 {
///     let quiet = vec![0; plan.layer_detectors(layer, None).div_ceil(8) as usize];
///     stream.push(&quiet, plan.layer_detectors(layer, None), false)?;
///     while let Some(cell) = stream.next() {
///         if !decoders.contains_key(&cell.shape) {
///             let window = Arc::new(plan.window(&cell)?);
///             decoders.insert(cell.shape, WindowDecoder::new(window, None, &DecoderOptions::default())?);
///         }
///         let decoder = decoders.get_mut(&cell.shape).expect("just made");
///         let input = stream.input(cell.number)?;
///         let commit = decoder.decode(input.events, input.marks, &[])?;
///         stream.commit(cell.number, &commit)?;
///     }
/// }
/// assert!(stream.state().committed > 9_980);
/// assert!(decoders.len() < 6);
/// # Ok::<(), outrider::Error>(())
/// ```
pub struct CellStream {
    raw: NonNull<sys::otr_stream>,
    plan: Arc<Plan>,
}

/// What a cell is decided from, in the numbers of the plan's reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CellInput<'a> {
    /// Raw detection events, ascending.
    pub events: &'a [u32],
    /// Marks of cells of lower rank.
    pub marks: &'a [u32],
}

/// How far a stream got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CellStreamState<'a> {
    /// Layers that have arrived.
    pub layers: u64,
    /// Layers that can be pushed now.
    pub room: u64,
    /// Every cell that begins before this layer is committed.
    pub committed: u64,
    /// Cells committed in order of their numbers, without holes.
    pub cells: u64,
    /// Observables that those cells flip, packed.
    pub observables: &'a [u8],
    /// The last layer has arrived.
    pub has_ended: bool,
    /// And every cell is committed.
    pub is_finished: bool,
}

impl CellStream {
    /// Layers that a stream of this plan has to hold so that it never stands still.
    pub fn layers_needed(plan: &Plan) -> u64 {
        // SAFETY: the plan is alive.
        unsafe { sys::otr_stream_layers_needed(plan.as_ptr()) }
    }

    /// A stream that holds `layers_max` layers.
    ///
    /// # Errors
    /// [`Limit`](crate::Status::Limit) for fewer than [needed](Self::layers_needed) or too many.
    pub fn new(plan: Arc<Plan>, layers_max: u64) -> Result<Self, Error> {
        let mut raw = ptr::null_mut();
        let mut details = Details::new();
        // SAFETY: the plan is kept alive beside the stream.
        let status =
            unsafe { sys::otr_stream_create(&mut raw, plan.as_ptr(), layers_max, details.as_mut_ptr()) };
        details.check(status, LineMeaning::Line)?;
        Ok(Self { raw: owned(raw)?, plan })
    }

    /// Appends a layer of `detector_count` packed detection events; `is_last` for the last of the history.
    ///
    /// # Errors
    /// [`Limit`](crate::Status::Limit) without [room](CellStreamState::room), [`Format`](crate::Status::Format) for a
    /// layer of another width, [`Argument`](crate::Status::Argument) after the last layer or for a history that the plan
    /// does not serve, [`Error::Length`]. The stream is then unchanged.
    pub fn push(&mut self, events: &[u8], detector_count: u32, is_last: bool) -> Result<(), Error> {
        check_length("layer, in bytes", detector_count.div_ceil(8) as usize, events.len())?;
        let mut details = Details::new();
        // SAFETY: there are bytes for that many bits; the stream is used by nobody else (&mut).
        let status = unsafe {
            sys::otr_stream_push(
                self.raw.as_ptr(),
                events.as_ptr(),
                detector_count,
                is_last.into(),
                details.as_mut_ptr(),
            )
        };
        details.check(status, LineMeaning::Line)
    }

    /// Takes the first cell that can be decided and was not taken yet. It is not empty.
    #[allow(clippy::should_implement_trait, reason = "more may come after None")]
    pub fn next(&mut self) -> Option<Cell> {
        let mut raw = Cell::blank();
        // SAFETY: the stream is used by nobody else (&mut); the output is ours.
        let found = unsafe { sys::otr_stream_next(self.raw.as_ptr(), &mut raw) };
        (found != 0).then(|| Cell::from_raw(&raw))
    }

    /// What a cell that was taken is decided from.
    ///
    /// # Errors
    /// [`Argument`](crate::Status::Argument) for a cell that is not out.
    pub fn input(&mut self, number: u64) -> Result<CellInput<'_>, Error> {
        let (mut events, mut event_count) = (ptr::null(), 0);
        let (mut marks, mut mark_count) = (ptr::null(), 0);
        // SAFETY: the stream is used by nobody else (&mut); the outputs are ours.
        check(unsafe {
            sys::otr_stream_input(
                self.raw.as_ptr(),
                number,
                &mut events,
                &mut event_count,
                &mut marks,
                &mut mark_count,
            )
        })?;
        // SAFETY: the header keeps both valid until the next call, which the result's borrow of `self` delays.
        Ok(unsafe { CellInput { events: view(events, event_count), marks: view(marks, mark_count) } })
    }

    /// Hands the commit of a cell back.
    ///
    /// # Errors
    /// [`Argument`](crate::Status::Argument) for a cell that is not out, [`Index`](crate::Status::Index) for a mark
    /// that is not near the cell, [`Error::Length`]. The stream is then unchanged.
    pub fn commit(&mut self, number: u64, commit: &Commit<'_>) -> Result<(), Error> {
        let bytes = self.plan.graph().observable_bytes();
        check_length("observables, in bytes", bytes, commit.observables.len())?;
        let raw = sys::otr_commit {
            observables: commit.observables.as_ptr(),
            marks: commit.marks.as_ptr(),
            mark_count: commit.marks.len(),
            edges: commit.edges.as_ptr(),
            edge_count: commit.edges.len(),
            event_count: commit.event_count,
        };
        // SAFETY: the observables have the bytes just checked, the lists their counts; the stream is used by nobody
        // else (&mut).
        check(unsafe { sys::otr_stream_commit(self.raw.as_ptr(), number, &raw) })
    }

    /// How far it got.
    pub fn state(&self) -> CellStreamState<'_> {
        let mut raw = sys::otr_stream_state {
            layers: 0,
            room: 0,
            committed: 0,
            cells: 0,
            observables: ptr::null(),
            has_ended: 0,
            is_finished: 0,
        };
        // SAFETY: the stream is alive; the output is ours.
        unsafe { sys::otr_stream_look(self.raw.as_ptr(), &mut raw) };
        CellStreamState {
            layers: raw.layers,
            room: raw.room,
            committed: raw.committed,
            cells: raw.cells,
            // SAFETY: the header keeps them valid until the next call, which the result's borrow of `self` delays.
            observables: unsafe { view(raw.observables, self.plan.graph().observable_bytes()) },
            has_ended: raw.has_ended != 0,
            is_finished: raw.is_finished != 0,
        }
    }

    /// The plan that it follows.
    pub fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    /// Heap bytes held by the C library, without the plan's.
    pub fn heap_bytes(&self) -> usize {
        // SAFETY: the stream is alive.
        unsafe { sys::otr_stream_bytes(self.raw.as_ptr()) }
    }
}

impl Drop for CellStream {
    fn drop(&mut self) {
        // SAFETY: created by otr_stream_create and not used after.
        unsafe { sys::otr_stream_destroy(self.raw.as_ptr()) }
    }
}

// SAFETY: stream.h asks for one thread at a time and the library keeps no thread-local state; the plan is shared through
// an `Arc`. Not `Sync`: calls through a shared reference would overlap.
unsafe impl Send for CellStream {}

impl fmt::Debug for CellStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CellStream").field("state", &self.state()).finish_non_exhaustive()
    }
}
