//! Pre-decoders of patches: those that two machines can name to each other.

use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::error::Error;
use crate::event_network::EventNetwork;
use crate::kernels::Isa;
use crate::model::DetectorErrorModel;
use crate::patch::PatchPredecoder;
use crate::predecoder::Predecoder;
use crate::rules::{Rule, RuleOptions};

impl PatchPredecoder {
    /// A rule with its own defaults, for shots of `model`.
    pub fn rule(rule: Rule, isa: Isa, model: Arc<DetectorErrorModel>) -> Self {
        let options = RuleOptions { isa, ..RuleOptions::new(rule) };
        Self {
            make: Arc::new(move |graph| Predecoder::rule(Arc::clone(graph), &model, &options)),
            digest: Sha256::digest(format!("rule {rule}")).into(),
        }
    }

    /// The event network in the bytes of its file, for shots of `model`.
    ///
    /// # Errors
    /// As [`EventNetwork::from_bytes`].
    pub fn event_network(bytes: &[u8], isa: Isa, model: Arc<DetectorErrorModel>) -> Result<Self, Error> {
        let network = Arc::new(EventNetwork::from_bytes(bytes)?);
        let make = move |graph: &Arc<_>| {
            Predecoder::event_network(Arc::clone(&network), Arc::clone(graph), &model, isa)
        };
        Ok(Self { make: Arc::new(make), digest: Sha256::digest(bytes).into() })
    }

    /// The same with a [threshold](Predecoder::set_threshold) of its own.
    #[must_use]
    pub fn with_threshold(self, probability: f64) -> Self {
        let mut hash = Sha256::new_with_prefix(self.digest);
        hash.update(format!("threshold {:016x}", probability.to_bits()));
        let make = move |graph: &Arc<_>| {
            let mut predecoder = (self.make)(graph)?;
            predecoder.set_threshold(probability)?;
            Ok(predecoder)
        };
        Self { make: Arc::new(make), digest: hash.finalize().into() }
    }
}
