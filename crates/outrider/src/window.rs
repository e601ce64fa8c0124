use std::ptr::{self, NonNull};
use std::sync::Arc;

use outrider_sys as sys;

use crate::decoder::{DecoderKind, DecoderOptions};
use crate::error::{Details, Error, LineMeaning, Status, check, check_length};
use crate::graph::MatchingGraph;
use crate::model::{owned, view};
use crate::overrides::Override;
use crate::predecoder::{Predecoded, Predecoder};

/// What a detector of the history is to a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Role {
    /// Not seen; edges to it are cut, and lead to the boundary.
    Outside = sys::otr_window_role::OTR_WINDOW_OUTSIDE.0 as u8,
    /// Seen, and decided later by another cell.
    Buffer = sys::otr_window_role::OTR_WINDOW_BUFFER.0 as u8,
    /// Decided here.
    Cell = sys::otr_window_role::OTR_WINDOW_CELL.0 as u8,
    /// Decided before, by a cell of lower rank; edges to it do not exist any more.
    Closed = sys::otr_window_role::OTR_WINDOW_CLOSED.0 as u8,
}

/// A part of a history that is decoded apart: a cell and a buffer around it.
///
/// The detectors of a history are dealt out to cells, every cell with a rank; cells that an edge joins differ in
/// rank. A cell is decided from its window, and of the answer the edges that touch the cell are committed. Where
/// they leave it, an event flips for the cells of higher rank: an artificial defect. The commits join to an answer for
/// the whole history, whoever decides them and when.
///
/// Correlated matching passes on a second thing: edges that its first pass used and that make edges of higher ranks
/// likelier. Defects and such edges are the *marks* of a commit. A mark below the history's number of detectors is a
/// defect there; that number + `e` is edge `e`.
///
/// ```
/// use std::sync::Arc;
/// use outrider::{DecoderOptions, DetectorErrorModel, GraphOptions, MatchingGraph, Role, Window, WindowDecoder};
///
/// // Four rounds of one detector; the first two are decided first, looking one round ahead.
/// let model = DetectorErrorModel::parse(
///     "error(0.01) D0 L0\nerror(0.1) D0 D1\nerror(0.1) D1 D2\nerror(0.1) D2 D3\nerror(0.1) D3 L0",
/// )?;
/// let history = Arc::new(MatchingGraph::new(&model, &GraphOptions::default())?);
/// let roles = [Role::Cell, Role::Cell, Role::Buffer, Role::Outside];
/// let first = Arc::new(Window::new(Arc::clone(&history), &roles)?);
/// let roles = [Role::Closed, Role::Closed, Role::Cell, Role::Cell];
/// let second = Arc::new(Window::new(Arc::clone(&history), &roles)?);
///
/// let events = [1, 3];
/// let mut decoder = WindowDecoder::new(first, None, &DecoderOptions::default())?;
/// let commit = decoder.decode(&events, &[], &[])?;
/// assert_eq!((commit.edges, commit.marks), (&[2][..], &[2][..]));
/// let marks = commit.marks.to_vec();
/// let mut decoder = WindowDecoder::new(second, None, &DecoderOptions::default())?;
/// assert_eq!(decoder.decode(&events, &marks, &[])?.edges, [3]);
/// # Ok::<(), outrider::Error>(())
/// ```
#[derive(Debug)]
pub struct Window {
    raw: NonNull<sys::otr_window>,
    history: Arc<MatchingGraph>,
    /// The window whose topology it borrows, if it is not its own.
    lender: Option<Arc<Self>>,
}

/// One edge of a window's own graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct WindowEdge {
    /// The edge of the history that it is, or stands for.
    pub source: u32,
    /// Edges of the history that are combined in it.
    pub part_count: u32,
    /// Whether it touches the cell, so that the window commits it.
    pub owned: bool,
}

impl Window {
    /// A window on the graph of a history, with a role for each detector.
    ///
    /// # Errors
    /// [`Argument`](Status::Argument) if no detector is in the cell, [`Error::Length`].
    pub fn new(history: Arc<MatchingGraph>, roles: &[Role]) -> Result<Self, Error> {
        check_length("roles", history.node_count() as usize, roles.len())?;
        let mut raw = ptr::null_mut();
        let mut details = Details::new();
        let roles = roles.as_ptr().cast();
        // SAFETY: there is a role, a byte, for each node; the graph is kept alive beside the window.
        let status =
            unsafe { sys::otr_window_create(&mut raw, history.as_ptr(), roles, details.as_mut_ptr()) };
        details.check(status, LineMeaning::Line)?;
        Ok(Self { raw: owned(raw)?, history, lender: None })
    }

    /// The window on a graph with other numbers: what [`new`](Self::new) makes of `history` and the same roles, in less
    /// time. It shares the topology with the one that [`new`](Self::new) made, and keeps that one alive.
    ///
    /// # Errors
    /// [`Argument`](Status::Argument) for a graph that is not [reweighted](MatchingGraph::reweighted) from that of the
    /// window or the other way round.
    pub fn reweighted(self: &Arc<Self>, history: Arc<MatchingGraph>) -> Result<Self, Error> {
        let mut raw = ptr::null_mut();
        let mut details = Details::new();
        // SAFETY: the window and its graph are alive; the lender and the new graph are kept alive beside the new window.
        let status = unsafe {
            sys::otr_window_reweighted(&mut raw, self.raw.as_ptr(), history.as_ptr(), details.as_mut_ptr())
        };
        details.check(status, LineMeaning::Line)?;
        let lender = Arc::clone(self.lender.as_ref().unwrap_or(self));
        Ok(Self { raw: owned(raw)?, history, lender: Some(lender) })
    }

    /// # Safety
    /// `raw` is a window on `history` that nobody else destroys.
    pub(crate) unsafe fn from_raw(
        raw: *mut sys::otr_window,
        history: Arc<MatchingGraph>,
    ) -> Result<Self, Error> {
        Ok(Self { raw: owned(raw)?, history, lender: None })
    }

    /// The graph that it is a window on.
    pub fn history(&self) -> &Arc<MatchingGraph> {
        &self.history
    }

    /// The detectors in the cell and in the buffer, ascending.
    pub fn detectors(&self) -> &[u32] {
        let mut count = 0;
        // SAFETY: the window is alive, and its detectors live as long.
        unsafe { view(sys::otr_window_detectors(self.raw.as_ptr(), &mut count), count) }
    }

    /// How many edges its graph has.
    pub fn edge_count(&self) -> u32 {
        // SAFETY: the window and its graph are alive.
        unsafe { sys::otr_graph_edge_count(sys::otr_window_graph(self.raw.as_ptr())) }
    }

    /// One edge of its graph.
    ///
    /// # Errors
    /// [`Index`](Status::Index).
    pub fn edge(&self, edge: u32) -> Result<WindowEdge, Error> {
        let mut raw = sys::otr_window_edge { source: 0, part_count: 0, owned: false };
        // SAFETY: the window is alive; the output is ours.
        check(unsafe { sys::otr_window_edge_at(self.raw.as_ptr(), edge, &mut raw) })?;
        Ok(WindowEdge { source: raw.source, part_count: raw.part_count, owned: raw.owned })
    }

    /// Edges that the window commits although it sees one end only: 0 wherever the buffer is as wide as an edge is
    /// long.
    pub fn blind_count(&self) -> u32 {
        // SAFETY: the window is alive.
        unsafe { sys::otr_window_blind_count(self.raw.as_ptr()) }
    }

    /// Most marks that a commit can have.
    pub fn marks_max(&self) -> usize {
        // SAFETY: the window is alive.
        unsafe { sys::otr_window_marks_max(self.raw.as_ptr()) as usize }
    }

    /// Heap bytes held by the C library, without the history's graph.
    pub fn heap_bytes(&self) -> usize {
        // SAFETY: the window is alive.
        unsafe { sys::otr_window_bytes(self.raw.as_ptr()) }
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        // SAFETY: created by C, and everything that borrows it holds an Arc.
        unsafe { sys::otr_window_destroy(self.raw.as_ptr()) }
    }
}

// SAFETY: the header says that a window is immutable and may be shared by threads.
unsafe impl Send for Window {}
// SAFETY: as above.
unsafe impl Sync for Window {}

/// Decides the cell of one [`Window`], over and over.
///
/// It works for one thread at a time, and allocates when it is made and in its first shots, and not after that.
#[derive(Debug)]
pub struct WindowDecoder {
    raw: NonNull<sys::otr_window_decoder>,
    predecoder: Option<Predecoder>,
    window: Arc<Window>,
}

/// What a cell commits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Commit<'a> {
    /// Observables that the committed edges flip, packed.
    pub observables: &'a [u8],
    /// Marks for the cells of higher rank, ascending.
    pub marks: &'a [u32],
    /// The committed edges, of the history, ascending.
    pub edges: &'a [u32],
    /// Detection events of the window, artificial defects included, that were decoded.
    pub event_count: u32,
}

impl WindowDecoder {
    /// A decoder over `window`. A pre-decoder is one on the history's graph, and is asked about the history's events.
    ///
    /// # Errors
    /// As [`Decoder::with_options`](crate::Decoder::with_options), and [`Argument`](Status::Argument) for a pre-decoder
    /// on another graph.
    pub fn new(
        window: Arc<Window>,
        predecoder: Option<Predecoder>,
        options: &DecoderOptions,
    ) -> Result<Self, Error> {
        let sums = options.likelihood.to_raw(None);
        let raw_options = options.to_raw(predecoder.as_ref(), &sums);
        let mut raw = ptr::null_mut();
        // SAFETY: the window and the pre-decoder outlive the decoder, because they are stored beside it and dropped
        // after it.
        let status = unsafe { sys::otr_window_decoder_create(&mut raw, window.raw.as_ptr(), &raw_options) };
        check(status).map_err(|error| {
            let error = match options.kind {
                DecoderKind::Likelihood if options.isa.is_available() => {
                    error.explained(Status::Unsupported, || {
                        "likelihood proves nothing, has no weight offset, and uses pre-decoders softly"
                            .to_owned()
                    })
                }
                _ => options.isa.explain(error),
            };
            error.explained(Status::Argument, || {
                if predecoder.as_ref().is_some_and(|own| !Arc::ptr_eq(own.graph(), &window.history)) {
                    "the pre-decoder is for another graph".to_owned()
                } else {
                    options.refusal()
                }
            })
        })?;
        Ok(Self { raw: owned(raw)?, predecoder, window })
    }

    /// Decides from now on as a decoder made on `window` with the same options and this
    /// [`weight_offset`](DecoderOptions::weight_offset), in the memory that it has; its pre-decoder too.
    ///
    /// The window is [reweighted](Window::reweighted) from the one so far or the other way round.
    ///
    /// # Errors
    /// [`Argument`](Status::Argument) for a window of another topology, and as [`Predecoder::reweight`]. The decoder is
    /// as it was then.
    pub fn reweight(&mut self, window: Arc<Window>, weight_offset: i32) -> Result<(), Error> {
        if let Some(predecoder) = &mut self.predecoder {
            predecoder.reweight(Arc::clone(&window.history))?;
        }
        // SAFETY: the decoder is live and used by nobody else (&mut); the window is kept alive beside it from now on, and
        // the one so far until it is let go of.
        let status = unsafe {
            sys::otr_window_decoder_reweight(self.raw.as_ptr(), window.raw.as_ptr(), weight_offset)
        };
        if let Err(error) = check(status) {
            if let Some(predecoder) = &mut self.predecoder {
                predecoder.reweight(Arc::clone(&self.window.history))?;
            }
            return Err(error.explained(Status::Argument, || "the window has another topology".to_owned()));
        }
        self.window = window;
        Ok(())
    }

    /// Decides the cell.
    ///
    /// `events` are the raw detection events of the history, ascending and distinct; those outside the window count for
    /// the pre-decoder only. `marks` are those of the cells of lower rank that touch the window; a defect given twice
    /// cancels, an edge given twice counts once. `overrides` are weights of the history's edges.
    ///
    /// # Errors
    /// [`Index`](Status::Index) for what is not of the history, [`OddParity`](Status::OddParity) if the window has
    /// no perfect matching, any status of decoder and pre-decoder.
    pub fn decode(
        &mut self,
        events: &[u32],
        marks: &[u32],
        overrides: &[Override],
    ) -> Result<Commit<'_>, Error> {
        let mut raw = EMPTY_COMMIT;
        // SAFETY: the lists come with their counts; `Override` has the layout of `otr_override`; the decoder is
        // used by nobody else (&mut).
        let status = unsafe {
            sys::otr_window_decode(
                self.raw.as_ptr(),
                events.as_ptr(),
                events.len(),
                marks.as_ptr(),
                marks.len(),
                overrides.as_ptr().cast(),
                overrides.len(),
                &mut raw,
            )
        };
        // SAFETY: `raw` is what a call that returned `status` filled in just now.
        unsafe { self.commit(status, &raw) }
    }

    /// Decides the cell from what a pre-decoder left of the history; one that the decoder has is not applied. Of `cell`
    /// only what concerns the window counts. A [`weight_offset`](Predecoded::weight_offset) other than the last cell's
    /// takes as long as making a decoder.
    ///
    /// # Errors
    /// As [`decode`](Self::decode), and [`Unsupported`](Status::Unsupported) if what was committed is not given as edges.
    pub fn decode_predecoded(
        &mut self,
        cell: &Predecoded<'_>,
        marks: &[u32],
        overrides: &[Override],
    ) -> Result<Commit<'_>, Error> {
        let cell = cell.to_raw(self.window.history.observable_bytes())?;
        let mut raw = EMPTY_COMMIT;
        // SAFETY: the lists come with their counts, and C checks what they say; `Override` has the layout of
        // `otr_override`; the decoder is used by nobody else (&mut).
        let status = unsafe {
            sys::otr_window_decode_predecoded(
                self.raw.as_ptr(),
                &cell,
                marks.as_ptr(),
                marks.len(),
                overrides.as_ptr().cast(),
                overrides.len(),
                &mut raw,
            )
        };
        // SAFETY: `raw` is what a call that returned `status` filled in just now.
        unsafe { self.commit(status, &raw) }
    }

    /// # Safety
    /// The last call on the decoder returned `status`, and filled in `raw` if that is `OTR_OK`.
    unsafe fn commit(&mut self, status: sys::otr_status, raw: &sys::otr_commit) -> Result<Commit<'_>, Error> {
        check(status).map_err(|error| {
            error.explained(Status::OddParity, || {
                "odd number of detection events in a component without boundary, seen in a window".to_owned()
            })
        })?;
        // SAFETY: the header keeps the lists valid until the next call, which the result's borrow of `self` delays;
        // the observables have the history's bytes.
        Ok(unsafe {
            Commit {
                observables: view(raw.observables, self.window.history.observable_bytes()),
                marks: view(raw.marks, raw.mark_count),
                edges: view(raw.edges, raw.edge_count),
                event_count: raw.event_count,
            }
        })
    }

    /// The window that it decides.
    pub fn window(&self) -> &Arc<Window> {
        &self.window
    }

    /// The pre-decoder, if there is one.
    pub fn predecoder(&self) -> Option<&Predecoder> {
        self.predecoder.as_ref()
    }

    /// Heap bytes held by the C library, without window and pre-decoder.
    pub fn heap_bytes(&self) -> usize {
        // SAFETY: the decoder is alive.
        unsafe { sys::otr_window_decoder_bytes(self.raw.as_ptr()) }
    }
}

const EMPTY_COMMIT: sys::otr_commit = sys::otr_commit {
    observables: ptr::null(),
    marks: ptr::null(),
    mark_count: 0,
    edges: ptr::null(),
    edge_count: 0,
    event_count: 0,
};

impl Drop for WindowDecoder {
    fn drop(&mut self) {
        // SAFETY: created by otr_window_decoder_create and not used after.
        unsafe { sys::otr_window_decoder_destroy(self.raw.as_ptr()) }
    }
}

// SAFETY: a decoder is its owner's alone, and the pre-decoder that it uses goes with it; the header binds neither to
// the thread that made it.
unsafe impl Send for WindowDecoder {}
