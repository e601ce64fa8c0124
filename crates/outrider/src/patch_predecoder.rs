//! Pre-decoders of patches: those that two machines can name to each other.

use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::kernels::Isa;
use crate::model::DetectorErrorModel;
use crate::network::{Network, NetworkOptions};
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

    /// A network for shots of `model`. [`Patch::new`](crate::Patch::new) refuses those that do not
    /// [fit windows](Network::fits_windows).
    pub fn network(network: Network, isa: Isa, model: Arc<DetectorErrorModel>) -> Self {
        let digest = *network.digest();
        let options = NetworkOptions { isa, ..NetworkOptions::default() };
        let make =
            move |graph: &Arc<_>| Predecoder::network(&network, Arc::clone(graph), &model, None, &options);
        Self { make: Arc::new(make), digest }
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
