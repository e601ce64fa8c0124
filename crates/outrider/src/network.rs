use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use outrider_sys as sys;
use sha2::{Digest, Sha256};

use crate::dense_network::{DenseNetwork, DenseOptions};
use crate::error::{Details, Error, LineMeaning, OPEN, argument_error, io_error};
use crate::event_network::EventNetwork;
use crate::graph::MatchingGraph;
use crate::kernels::Isa;
use crate::model::DetectorErrorModel;
use crate::predecoder::Predecoder;
use crate::surface_code::SurfaceCode;

/// A trained network of whichever kind its file holds. Clones share it.
///
/// This is the list of kinds: whoever reads a network here and makes [pre-decoders](Predecoder::network) of it works with
/// each of them.
///
/// ```
/// use std::sync::Arc;
/// use outrider::{
///     Circuit, CircuitFamily, GraphOptions, MatchingGraph, Network, NetworkOptions, Predecoder, SurfaceCode,
/// };
///
/// let network = Network::from_bytes(include_bytes!("../../../models/event-stim.safetensors"))?;
/// assert_eq!(network.name(), "event network");
/// let code = SurfaceCode::memory(5, 5).circuit(Circuit::uniform(CircuitFamily::Stim, 0.003)).build()?;
/// let model = code.model()?;
/// let graph = Arc::new(MatchingGraph::new(&model, &GraphOptions::default())?);
/// let predecoder = Predecoder::network(&network, graph, &model, Some(&code), &NetworkOptions::default())?;
/// assert!(predecoder.reach().rounds.is_finite());
/// # Ok::<(), outrider::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Network {
    kind: Kind,
    digest: [u8; 32],
}

/// The kinds, each with its reader in [`Network::from_bytes`] and its answers in the methods of [`Network`].
#[derive(Debug, Clone)]
enum Kind {
    Event(Arc<EventNetwork>),
    Dense(Arc<DenseNetwork>),
}

/// How pre-decoders are made of a [`Network`].
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct NetworkOptions {
    /// The instruction set.
    pub isa: Isa,
    /// Hard use of networks that [flip](Network::fixes_edges) data qubits flips those whose logit is at least this.
    pub data_threshold: f32,
    /// The same for outcomes of stabilisers.
    pub syndrome_threshold: f32,
}

impl Network {
    /// Bytes of a file that is read.
    pub const BYTES_MAX: u64 = 1 << 29;

    /// Reads a file's bytes. Its kind is found by names in the file; the kind's reader may still refuse it.
    ///
    /// # Errors
    /// [`Truncated`](crate::Status::Truncated), [`Format`](crate::Status::Format) or [`Limit`](crate::Status::Limit) for
    /// bytes of no kind, and those of [`EventNetwork::from_bytes`] and [`DenseNetwork::from_bytes`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let (mut raw, mut details) = (sys::otr_network_kind::OTR_NETWORK_EVENT, Details::new());
        // SAFETY: bytes come with their count; the outputs are ours.
        let status = unsafe {
            sys::otr_network_kind_of(&mut raw, bytes.as_ptr().cast(), bytes.len(), details.as_mut_ptr())
        };
        details.check(status, LineMeaning::Line)?;
        let kind = match raw {
            sys::otr_network_kind::OTR_NETWORK_EVENT => {
                Kind::Event(Arc::new(EventNetwork::from_bytes(bytes)?))
            }
            sys::otr_network_kind::OTR_NETWORK_DENSE => {
                Kind::Dense(Arc::new(DenseNetwork::from_bytes(bytes)?))
            }
            _ => return Err(argument_error("a network of a kind that this version does not have")),
        };
        Ok(Self { kind, digest: Sha256::digest(bytes).into() })
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
        let mut limited = file.take(Self::BYTES_MAX + 1);
        limited.read_to_end(&mut bytes).map_err(|source| io_error("read", Some(path), source))?;
        Self::from_bytes(&bytes).map_err(|error| error.with_path(path))
    }

    /// The SHA-256 of the file.
    pub fn digest(&self) -> &[u8; 32] {
        &self.digest
    }

    /// The kind in words.
    pub fn name(&self) -> &'static str {
        match self.kind {
            Kind::Event(_) => "event network",
            Kind::Dense(_) => "dense network",
        }
    }

    /// Whether it works on the layout of a memory, so that [`Predecoder::network`] needs its [`SurfaceCode`].
    pub fn needs_code(&self) -> bool {
        matches!(self.kind, Kind::Dense(_))
    }

    /// Whether it works on any part of a history, and so in windows. Others take whole histories.
    pub fn fits_windows(&self) -> bool {
        matches!(self.kind, Kind::Event(_))
    }

    /// Whether hard use fixes edges of the graph, those of at least a [probability](Predecoder::set_threshold). Others
    /// flip data qubits and outcomes of stabilisers whose logits reach the thresholds of [`NetworkOptions`].
    pub fn fixes_edges(&self) -> bool {
        matches!(self.kind, Kind::Event(_))
    }

    /// What the file says about its training, empty if nothing; `None` for kinds that have no such card.
    pub fn card(&self) -> Option<&str> {
        match &self.kind {
            Kind::Event(network) => Some(network.card()),
            Kind::Dense(_) => None,
        }
    }

    /// Its kind, with the published model if it is one.
    pub fn title(&self) -> String {
        match &self.kind {
            Kind::Event(_) => self.name().to_owned(),
            Kind::Dense(network) => {
                let model = network.info().model_id;
                self.name().to_owned()
                    + &model.map_or_else(String::new, |id| format!(", published model {id}"))
            }
        }
    }

    /// Its shape, its cost and how far it looks, in a few lines.
    pub fn summary(&self) -> String {
        match &self.kind {
            Kind::Event(network) => network.summary(),
            Kind::Dense(network) => network.summary(),
        }
    }
}

impl Predecoder {
    /// A network for the shots of `model`, whose graph `graph` is and which is that of `code` if there is one. Dense
    /// networks are evaluated in integers if they are calibrated.
    ///
    /// # Errors
    /// Those of [`event_network`](Self::event_network) or [`dense`](Self::dense);
    /// [`Argument`](crate::Status::Argument) if there is no code for a network that [needs](Network::needs_code) one.
    pub fn network(
        network: &Network,
        graph: Arc<MatchingGraph>,
        model: &DetectorErrorModel,
        code: Option<&SurfaceCode>,
        options: &NetworkOptions,
    ) -> Result<Self, Error> {
        let &NetworkOptions { isa, data_threshold, syndrome_threshold } = options;
        match &network.kind {
            Kind::Event(network) => Self::event_network(Arc::clone(network), graph, model, isa),
            Kind::Dense(network) => {
                let code =
                    code.ok_or_else(|| argument_error("a dense network needs the code of the memory"))?;
                let arithmetic = network.arithmetic();
                let options = DenseOptions { isa, arithmetic, data_threshold, syndrome_threshold };
                Self::dense(Arc::clone(network), code, graph, &options)
            }
        }
    }
}
