use std::ffi::CStr;
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::ptr::{self, NonNull};
use std::sync::Arc;

use outrider_sys as sys;

use crate::error::{Details, Error, LineMeaning, OPEN, io_error};
use crate::graph::MatchingGraph;
use crate::kernels::Isa;
use crate::model::{DetectorErrorModel, owned};
use crate::predecoder::{Predecoder, Reach};

/// A trained event network: weights on integers, read from a `.safetensors` file.
///
/// Its features live only at detection events, so that its cost grows with events and not with volume, and it serves
/// every patch, distance and number of rounds of the code that it was made for. Put one in an [`Arc`] and make a
/// [`Predecoder`] of it per thread with [`Predecoder::event_network`]. `outrider/event_network.h` documents the file.
pub struct EventNetwork {
    raw: NonNull<sys::otr_event_network>,
}

impl EventNetwork {
    /// Reads a file's bytes.
    ///
    /// # Errors
    /// [`Format`](crate::Status::Format), [`Truncated`](crate::Status::Truncated), [`Limit`](crate::Status::Limit) or
    /// [`Unsupported`](crate::Status::Unsupported) (a later version) for bytes that are no such network; the message
    /// names the tensor.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let (mut raw, mut details) = (ptr::null_mut(), Details::new());
        // SAFETY: bytes come with their count; C keeps none of them; the outputs are ours.
        let status = unsafe {
            sys::otr_event_network_parse(&mut raw, bytes.as_ptr().cast(), bytes.len(), details.as_mut_ptr())
        };
        details.check(status, LineMeaning::Line)?;
        Ok(Self { raw: owned(raw)? })
    }

    /// Reads a file.
    ///
    /// # Errors
    /// [`Error::Io`], and as [`from_bytes`](Self::from_bytes) with the file named.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let file = File::open(path).map_err(|source| io_error(OPEN, Some(path), source))?;
        let mut bytes = Vec::new();
        // One byte past the limit is enough for the parser to refuse the rest.
        let mut limited = file.take(u64::from(sys::OTR_EVENT_NETWORK_BYTES_MAX) + 1);
        limited.read_to_end(&mut bytes).map_err(|source| io_error("read", Some(path), source))?;
        Self::from_bytes(&bytes).map_err(|error| error.with_path(path))
    }

    /// Channels of a feature: 16, 32, 48 or 64.
    pub fn width(&self) -> u32 {
        // SAFETY: the network is live and only read.
        unsafe { sys::otr_event_network_width(self.raw.as_ptr()) }
    }

    /// Rounds of messages between near events.
    pub fn layers(&self) -> u32 {
        // SAFETY: as above.
        unsafe { sys::otr_event_network_layers(self.raw.as_ptr()) }
    }

    /// Radius of the neighbourhood, in sites.
    pub fn radius(&self) -> u32 {
        // SAFETY: as above.
        unsafe { sys::otr_event_network_radius(self.raw.as_ptr()) }
    }

    /// How far an answer looks, in coordinate units.
    pub fn reach(&self) -> Reach {
        // SAFETY: as above.
        let sys::otr_reach { x, y, rounds } = unsafe { sys::otr_event_network_reach(self.raw.as_ptr()) };
        Reach { x, y, rounds }
    }

    /// What the file says about its training; empty without a card.
    pub fn card(&self) -> &str {
        // SAFETY: the card is NUL-terminated and lives as long as the network, which the result borrows.
        let card = unsafe { CStr::from_ptr(sys::otr_event_network_card(self.raw.as_ptr())) };
        card.to_str().unwrap_or_default()
    }

    /// As [`Network::summary`](crate::Network::summary).
    pub(crate) fn summary(&self) -> String {
        let reach = self.reach();
        format!(
            "{} channels, {} layers of messages between events at most {} sites apart; {} kB in memory\n\
             reach, in detector coordinates: {} in x, {} in y, {} in rounds\n",
            self.width(),
            self.layers(),
            self.radius(),
            self.heap_bytes().div_ceil(1000),
            reach.x,
            reach.y,
            reach.rounds,
        )
    }

    /// Heap bytes held.
    pub fn heap_bytes(&self) -> usize {
        // SAFETY: the network is live and only read.
        unsafe { sys::otr_event_network_bytes(self.raw.as_ptr()) }
    }
}

impl Drop for EventNetwork {
    fn drop(&mut self) {
        // SAFETY: this value owns `raw`; pre-decoders keep it alive through an `Arc`.
        unsafe { sys::otr_event_network_destroy(self.raw.as_ptr()) }
    }
}

// SAFETY: event_network.h: "The network is immutable; threads and pre-decoders may share it".
unsafe impl Send for EventNetwork {}
// SAFETY: as above; every call on a shared network only reads.
unsafe impl Sync for EventNetwork {}

impl fmt::Debug for EventNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventNetwork")
            .field("width", &self.width())
            .field("layers", &self.layers())
            .field("radius", &self.radius())
            .finish()
    }
}

impl Predecoder {
    /// An event network for the shots of `model`, whose graph `graph` is.
    ///
    /// # Errors
    /// [`Format`](crate::Status::Format) if the model lacks coordinates or is of a code that the network was not made
    /// for, [`Argument`](crate::Status::Argument) for the model of another graph, [`Limit`](crate::Status::Limit),
    /// [`Unsupported`](crate::Status::Unsupported) for a missing instruction set.
    pub fn event_network(
        network: Arc<EventNetwork>,
        graph: Arc<MatchingGraph>,
        model: &DetectorErrorModel,
        isa: Isa,
    ) -> Result<Self, Error> {
        let (mut raw, mut details) = (ptr::null_mut(), Details::new());
        // SAFETY: all pointers are live, and the outputs are ours; network and graph outlive the pre-decoder, which
        // keeps them below; the header lets the model go.
        let status = unsafe {
            sys::otr_event_predecoder_create(
                &mut raw,
                network.raw.as_ptr(),
                graph.as_ptr(),
                model.as_ptr(),
                isa.to_raw(),
                details.as_mut_ptr(),
            )
        };
        details.check(status, LineMeaning::Line).map_err(|error| isa.explain(error))?;
        // SAFETY: just made on this graph and network, and used by nobody else.
        unsafe { Self::from_raw_with_network(raw, graph, network) }
    }
}
