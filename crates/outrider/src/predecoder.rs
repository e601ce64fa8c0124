use std::any::Any;
use std::ffi::CStr;
use std::fmt;
use std::ptr::{self, NonNull};
use std::sync::Arc;

use outrider_sys as sys;

use crate::error::{Details, Error, LineMeaning, Status, check, check_length};
use crate::graph::MatchingGraph;
use crate::model::{owned, view};
use crate::names::named;
use crate::overrides::Override;

/// A pre-decoder: detection events in; log-odds of edges near them, or a smaller shot, out.
///
/// Give it to [`Decoder::with_predecoder`](crate::Decoder::with_predecoder), or apply it shot by shot, or to many shots
/// at once, and decode what it leaves. It works for one thread at a time and allocates when it is made and in its first
/// shots, and not after that.
///
/// ```
/// use std::sync::Arc;
/// use outrider::{
///     Decoder, DecoderKind, DetectorErrorModel, GraphOptions, MatchingGraph, PredecoderUse, Predecoder, Rule, RuleOptions,
/// };
///
/// let model = DetectorErrorModel::parse("error(0.1) D0 L0\nerror(0.1) D0 D1\nerror(0.1) D1 D2\nerror(0.1) D2")?;
/// let graph = Arc::new(MatchingGraph::new(&model, &GraphOptions::default())?);
/// let mut clique = Predecoder::rule(Arc::clone(&graph), &model, &RuleOptions::new(Rule::Clique))?;
/// let mut decoder = Decoder::new(graph, DecoderKind::Mwpm)?;
///
/// let left = clique.apply(PredecoderUse::Hard, &[0])?;
/// let mut observables = [0];
/// decoder.decode_predecoded(&left, &[], &mut observables)?;
/// assert_eq!(observables, [1]);
/// # Ok::<(), outrider::Error>(())
/// ```
///
/// What is left of a shot ends with the next one:
///
/// ```compile_fail,E0499
/// # use outrider::{PredecoderUse, Predecoder};
/// fn stale(predecoder: &mut Predecoder) -> Result<(), outrider::Error> {
///     let left = predecoder.apply(PredecoderUse::Soft, &[0])?;
///     predecoder.apply(PredecoderUse::Soft, &[1])?;
///     println!("{left:?}");
///     Ok(())
/// }
/// ```
pub struct Predecoder {
    raw: NonNull<sys::otr_predecoder>,
    graph: Arc<MatchingGraph>,
    /// What it borrows besides the graph.
    _network: Option<Arc<dyn Any + Send + Sync>>,
}

/// How a decoder uses a pre-decoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum PredecoderUse {
    /// `soft`: its log-odds are the weights of the shot.
    #[default]
    Soft,
    /// `hard`: what it is sure of is fixed for good, the rest is decoded under the graph's own weights.
    Hard,
}

/// How far an answer looks: edges at a detector depend on events at most this far from it, in the units of the
/// model's detector coordinates; infinite where nothing bounds it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reach {
    /// Along the first coordinate.
    pub x: f64,
    /// Along the second coordinate.
    pub y: f64,
    /// In rounds.
    pub rounds: f64,
}

/// What a pre-decoder leaves of a shot, for a [decoder](crate::Decoder::decode_predecoded), a
/// [gap](crate::Gap::decode_predecoded) or a [window](crate::WindowDecoder::decode_predecoded).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Predecoded<'a> {
    /// The events left to explain, ascending and distinct.
    pub events: &'a [u32],
    /// Of soft use: the weights of the shot, each edge named at most once, in no particular order.
    pub overrides: &'a [Override],
    /// Of hard use: the observables that the fixed edges flip, packed; empty if nothing was fixed.
    pub observables: &'a [u8],
    /// Of hard use: the fixed edges, in no particular order; `None` if corrections are no edges of the graph.
    pub edges: Option<&'a [u32]>,
    /// Added to the integer weight of every edge that no override names.
    pub weight_offset: i32,
}

/// What a pre-decoder leaves of many shots. It allocates in its first uses, and not after that.
pub struct PredecodedBatch {
    raw: NonNull<sys::otr_predecoded_batch>,
    shots: usize,
    observable_bytes: usize,
}

impl Predecoder {
    /// Takes over what a kind's constructor made on `graph`.
    ///
    /// # Safety
    /// `raw` is null or a pre-decoder on `graph` that nobody else uses and that borrows nothing but the graph.
    pub(crate) unsafe fn from_raw(
        raw: *mut sys::otr_predecoder,
        graph: Arc<MatchingGraph>,
    ) -> Result<Self, Error> {
        Ok(Self { raw: owned(raw)?, graph, _network: None })
    }

    /// The same for kinds that borrow a network too.
    ///
    /// # Safety
    /// `raw` is null or a pre-decoder on `graph` that nobody else uses and that borrows nothing but the graph and
    /// `network`.
    pub(crate) unsafe fn from_raw_with_network(
        raw: *mut sys::otr_predecoder,
        graph: Arc<MatchingGraph>,
        network: Arc<dyn Any + Send + Sync>,
    ) -> Result<Self, Error> {
        Ok(Self { raw: owned(raw)?, graph, _network: Some(network) })
    }

    pub(crate) fn as_ptr(&self) -> *mut sys::otr_predecoder {
        self.raw.as_ptr()
    }

    /// What is left of a shot. `events` are detectors, ascending and distinct.
    ///
    /// # Errors
    /// [`Index`](Status::Index) for other events, [`Limit`](Status::Limit) for too many near pairs.
    pub fn apply<'a>(&'a mut self, usage: PredecoderUse, events: &'a [u32]) -> Result<Predecoded<'a>, Error> {
        let mut raw = Predecoded::EMPTY;
        // SAFETY: events come with their count, the output is live; the pre-decoder is used by nobody else (&mut).
        let status = unsafe {
            sys::otr_predecoder_apply(self.as_ptr(), usage.to_raw(), events.as_ptr(), events.len(), &mut raw)
        };
        check(status).map_err(|error| self.explain(error))?;
        // SAFETY: the header keeps all parts until the next call, or as long as the events, which the result borrows
        // as it does `self`; it gives one bit an observable.
        Ok(unsafe { Predecoded::from_raw(&raw, self.graph.observable_bytes()) })
    }

    /// What is left of many shots; those of `out` before are gone. The events of shot k are
    /// `events[begin[k]..begin[k + 1]]`, each as for [`apply`](Self::apply).
    ///
    /// # Errors
    /// As [`apply`](Self::apply), with the failing shot, counted from 1, as [`Place::shot`](crate::Place::shot); `out`
    /// has the shots before it. [`Argument`](Status::Argument) if `begin` descends, [`Error::Length`] if it is empty or
    /// ends beyond `events`.
    pub fn apply_batch(
        &mut self,
        usage: PredecoderUse,
        events: &[u32],
        begin: &[usize],
        out: &mut PredecodedBatch,
    ) -> Result<(), Error> {
        let Some((&end, before)) = begin.split_last() else {
            return check_length("bounds of the shots", 1, 0);
        };
        if end > events.len() {
            check_length("events", end, events.len())?;
        }
        let mut failed_shot = 0;
        // SAFETY: there is a bound more than shots; C checks that they ascend before it follows them, and the last lies
        // within the events; pre-decoder and batch are used by nobody else (&mut).
        let status = unsafe {
            sys::otr_predecoder_apply_batch(
                self.as_ptr(),
                usage.to_raw(),
                events.as_ptr(),
                begin.as_ptr(),
                before.len(),
                out.raw.as_ptr(),
                &mut failed_shot,
            )
        };
        if status == sys::otr_status::OTR_ERR_ARGUMENT {
            return check(status).map_err(|error| {
                error.explained(Status::Argument, || "the bounds of the shots descend".to_owned())
            });
        }
        out.observable_bytes = self.graph.observable_bytes();
        out.shots = if status == sys::otr_status::OTR_OK { before.len() } else { failed_shot };
        check(status).map_err(|error| self.explain(error).with_shot(failed_shot as u64 + 1))
    }

    /// Fixes, in hard use, edges whose probability is at least this; 1/2 at first.
    ///
    /// # Errors
    /// [`Probability`](Status::Probability) unless it lies between 0 and 1.
    pub fn set_threshold(&mut self, probability: f64) -> Result<(), Error> {
        // SAFETY: the pre-decoder is live and used by nobody else (&mut).
        let status = unsafe { sys::otr_predecoder_set_threshold(self.as_ptr(), probability) };
        check(status).map_err(|error| {
            error.explained(Status::Probability, || {
                format!("a threshold of {probability}, which is not between 0 and 1")
            })
        })
    }

    /// Answers from now on as a pre-decoder made on `graph`, which is [reweighted](MatchingGraph::reweighted) from the
    /// graph so far or the other way round.
    ///
    /// # Errors
    /// [`Unsupported`](Status::Unsupported) for message passing, whose priors are those of the model's errors;
    /// [`Argument`](Status::Argument) for a graph of another topology; [`Format`](Status::Format) for noise too far from
    /// an event network's. The pre-decoder is as it was then.
    pub fn reweight(&mut self, graph: Arc<MatchingGraph>) -> Result<(), Error> {
        let mut details = Details::new();
        // SAFETY: the pre-decoder is live and used by nobody else (&mut); the graph is kept alive beside it from now on,
        // and the one so far until it is let go of.
        let status =
            unsafe { sys::otr_predecoder_reweight(self.as_ptr(), graph.as_ptr(), details.as_mut_ptr()) };
        details.check(status, LineMeaning::Line)?;
        self.graph = graph;
        Ok(())
    }

    /// The [`weight_offset`](Predecoded::weight_offset) of every shot that this use leaves.
    pub fn weight_offset(&self, usage: PredecoderUse) -> i32 {
        // SAFETY: the pre-decoder is live and only read.
        unsafe { sys::otr_predecoder_weight_offset(self.as_ptr(), usage.to_raw()) }
    }

    /// How far an answer looks.
    pub fn reach(&self) -> Reach {
        // SAFETY: the pre-decoder is live and only read.
        let sys::otr_reach { x, y, rounds } = unsafe { sys::otr_predecoder_reach(self.as_ptr()) };
        Reach { x, y, rounds }
    }

    /// The kind in words.
    pub fn name(&self) -> &'static str {
        // SAFETY: the pre-decoder is live; the header promises a constant, which is NUL-terminated.
        let name = unsafe { CStr::from_ptr(sys::otr_predecoder_name(self.as_ptr())) };
        name.to_str().unwrap_or_default()
    }

    /// The graph it works on.
    pub fn graph(&self) -> &Arc<MatchingGraph> {
        &self.graph
    }

    /// Heap bytes held, without the graph.
    pub fn heap_bytes(&self) -> usize {
        // SAFETY: the pre-decoder is live and only read.
        unsafe { sys::otr_predecoder_bytes(self.as_ptr()) }
    }

    fn explain(&self, error: Error) -> Error {
        error.explained(Status::Index, || {
            let nodes = self.graph.node_count();
            format!("events must be ascending, distinct and below {nodes}, the number of detectors")
        })
    }
}

impl Drop for Predecoder {
    fn drop(&mut self) {
        // SAFETY: this value owns `raw`, and its graph is still alive.
        unsafe { sys::otr_predecoder_destroy(self.as_ptr()) }
    }
}

// SAFETY: predecoder.h asks for one thread at a time and the library keeps no thread-local state; the graph is shared
// through an `Arc`. Not `Sync`: calls through a shared reference would overlap.
unsafe impl Send for Predecoder {}

impl fmt::Debug for Predecoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Predecoder").field("name", &self.name()).field("graph", &self.graph).finish()
    }
}

impl<'a> Predecoded<'a> {
    const EMPTY: sys::otr_predecoded = sys::otr_predecoded {
        events: ptr::null(),
        event_count: 0,
        overrides: ptr::null(),
        override_count: 0,
        observables: ptr::null(),
        edges: ptr::null(),
        edge_count: 0,
        weight_offset: 0,
    };

    /// A shot that nothing pre-decoded.
    pub fn untouched(events: &'a [u32]) -> Self {
        Self { events, overrides: &[], observables: &[], edges: Some(&[]), weight_offset: 0 }
    }

    /// # Safety
    /// The pointers of `raw` are valid for 'a and their counts, and its observables, if any, have so many bytes.
    unsafe fn from_raw(raw: &sys::otr_predecoded, observable_bytes: usize) -> Self {
        let has_fixed = !raw.observables.is_null();
        // SAFETY: as the caller promises; `Override` has the layout of `otr_override`, as asserted in overrides.rs.
        unsafe {
            Self {
                events: view(raw.events, raw.event_count),
                overrides: view(raw.overrides.cast(), raw.override_count),
                observables: view(raw.observables, if has_fixed { observable_bytes } else { 0 }),
                edges: (!has_fixed || !raw.edges.is_null()).then(|| view(raw.edges, raw.edge_count)),
                weight_offset: raw.weight_offset,
            }
        }
    }

    /// For a call on `graph`, whose header asks for as many bytes of observables as are checked here.
    pub(crate) fn to_raw(self, observable_bytes: usize) -> Result<sys::otr_predecoded, Error> {
        let has_fixed = !self.observables.is_empty() || self.edges.is_none_or(|edges| !edges.is_empty());
        if has_fixed {
            check_length("fixed observables, in bytes", observable_bytes, self.observables.len())?;
        }
        Ok(sys::otr_predecoded {
            events: self.events.as_ptr(),
            event_count: self.events.len(),
            overrides: self.overrides.as_ptr().cast(),
            override_count: self.overrides.len(),
            observables: if has_fixed { self.observables.as_ptr() } else { ptr::null() },
            edges: self.edges.map_or(ptr::null(), <[u32]>::as_ptr),
            edge_count: self.edges.map_or(0, <[u32]>::len),
            weight_offset: self.weight_offset,
        })
    }
}

impl PredecodedBatch {
    /// A batch of no shots.
    ///
    /// # Errors
    /// [`Memory`](Status::Memory).
    pub fn new() -> Result<Self, Error> {
        let mut raw = ptr::null_mut();
        // SAFETY: the output is live.
        check(unsafe { sys::otr_predecoded_batch_create(&mut raw) })?;
        Ok(Self { raw: owned(raw)?, shots: 0, observable_bytes: 0 })
    }

    /// How many shots it has.
    pub fn len(&self) -> usize {
        self.shots
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.shots == 0
    }

    /// What is left of shot `index`.
    ///
    /// # Errors
    /// [`Index`](Status::Index).
    pub fn shot(&self, index: usize) -> Result<Predecoded<'_>, Error> {
        let mut raw = Predecoded::EMPTY;
        // SAFETY: the batch is alive, the output is ours.
        check(unsafe { sys::otr_predecoded_batch_shot(self.raw.as_ptr(), index, &mut raw) })?;
        // SAFETY: the header keeps all parts until the batch is filled again, which the borrow of `self` delays; rows of
        // observables are those of the graph that the batch was filled on.
        Ok(unsafe { Predecoded::from_raw(&raw, self.observable_bytes) })
    }

    /// Heap bytes held.
    pub fn heap_bytes(&self) -> usize {
        // SAFETY: the batch is alive.
        unsafe { sys::otr_predecoded_batch_bytes(self.raw.as_ptr()) }
    }
}

impl Drop for PredecodedBatch {
    fn drop(&mut self) {
        // SAFETY: this value owns `raw`.
        unsafe { sys::otr_predecoded_batch_destroy(self.raw.as_ptr()) }
    }
}

// SAFETY: predecoder.h asks for one thread at a time, and the library keeps no thread-local state.
unsafe impl Send for PredecodedBatch {}
// SAFETY: a shared reference gives access to calls that only read.
unsafe impl Sync for PredecodedBatch {}

impl fmt::Debug for PredecodedBatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PredecodedBatch").field("shots", &self.shots).finish()
    }
}

named!(PredecoderUse, "use of a pre-decoder", otr_predecoder_use;
    Soft "soft" OTR_PREDECODER_USE_SOFT,
    Hard "hard" OTR_PREDECODER_USE_HARD,
);
