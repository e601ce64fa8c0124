use std::any::Any;
use std::ffi::CStr;
use std::fmt;
use std::ptr::{self, NonNull};
use std::str::FromStr;
use std::sync::Arc;

use outrider_sys as sys;

use crate::decoder::Override;
use crate::error::{Details, Error, LineMeaning, Status, check};
use crate::graph::MatchingGraph;
use crate::model::{owned, view};

/// A pre-decoder: detection events in; log-odds of edges near them, or a smaller shot, out.
///
/// Give it to [`Decoder::with_predecoder`](crate::Decoder::with_predecoder), or ask it shot by shot. It works for one
/// thread at a time and allocates when it is made and in its first shots, and not after that.
pub struct Predecoder {
    raw: NonNull<sys::otr_predecoder>,
    graph: Arc<MatchingGraph>,
    /// What it borrows besides the graph.
    _network: Option<Arc<dyn Any + Send + Sync>>,
}

/// How a decoder uses a pre-decoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Predecode {
    /// `soft`: its log-odds are the weights of the shot.
    #[default]
    Soft,
    /// `hard`: what it is sure of is committed for good, the rest is decoded under the graph's own weights.
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

/// What hard use leaves of a shot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Residual<'a> {
    /// The events left, ascending.
    pub events: &'a [u32],
    /// The observables that the committed edges flip, packed.
    pub observables: &'a [u8],
    /// The committed edges, in no particular order; `None` from kinds whose corrections are no edges.
    pub edges: Option<&'a [u32]>,
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

    /// The weights of a shot: each edge named at most once, in no particular order. `events` are detectors, ascending
    /// and distinct.
    ///
    /// # Errors
    /// [`Index`](Status::Index) for other events.
    pub fn soft(&mut self, events: &[u32]) -> Result<&[Override], Error> {
        let (mut overrides, mut count) = (ptr::null(), 0);
        // SAFETY: events come with their count, the outputs are live; the pre-decoder is used by nobody else (&mut).
        let status = unsafe {
            sys::otr_predecoder_soft(self.as_ptr(), events.as_ptr(), events.len(), &mut overrides, &mut count)
        };
        check(status).map_err(|error| self.explain(error))?;
        // SAFETY: the header keeps the overrides until the next call, which the result's borrow of `self` delays;
        // `Override` has the layout of `otr_override`, as asserted in decoder.rs.
        Ok(unsafe { view(overrides.cast(), count) })
    }

    /// What is left of a shot after likely edges are committed; events as for [`soft`](Self::soft).
    ///
    /// # Errors
    /// [`Index`](Status::Index) for bad events.
    pub fn hard(&mut self, events: &[u32]) -> Result<Residual<'_>, Error> {
        let mut raw = sys::otr_residual {
            events: ptr::null(),
            event_count: 0,
            observables: ptr::null(),
            edges: ptr::null(),
            edge_count: 0,
        };
        // SAFETY: events come with their count, the output is live; the pre-decoder is used by nobody else (&mut).
        let status =
            unsafe { sys::otr_predecoder_hard(self.as_ptr(), events.as_ptr(), events.len(), &mut raw) };
        check(status).map_err(|error| self.explain(error))?;
        // SAFETY: the header keeps the residual until the next call, which the result's borrow of `self` delays, and
        // gives one bit an observable.
        Ok(unsafe {
            Residual {
                events: view(raw.events, raw.event_count),
                observables: view(raw.observables, self.graph.observable_bytes()),
                edges: (!raw.edges.is_null()).then(|| view(raw.edges, raw.edge_count)),
            }
        })
    }

    /// Commits, in hard use, edges whose probability is at least this; 1/2 at first.
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

    /// Added, in soft use, to the integer weight of every edge that it does not name.
    pub fn weight_offset(&self) -> i32 {
        // SAFETY: the pre-decoder is live and only read.
        unsafe { sys::otr_predecoder_weight_offset(self.as_ptr()) }
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

impl Predecode {
    /// Both uses.
    pub const ALL: [Self; 2] = [Self::Soft, Self::Hard];

    /// The name that [`FromStr`] takes.
    pub fn name(self) -> &'static str {
        match self {
            Self::Soft => "soft",
            Self::Hard => "hard",
        }
    }

    pub(crate) fn to_raw(self) -> sys::otr_predecode {
        match self {
            Self::Soft => sys::otr_predecode::OTR_PREDECODE_SOFT,
            Self::Hard => sys::otr_predecode::OTR_PREDECODE_HARD,
        }
    }
}

impl fmt::Display for Predecode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Predecode {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        Self::ALL.into_iter().find(|predecode| predecode.name() == name).ok_or_else(|| Error::Name {
            what: "use of a pre-decoder",
            found: name.to_owned(),
            expected: "soft, hard",
        })
    }
}
