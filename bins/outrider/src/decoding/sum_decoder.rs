//! Decoders by sums over errors: over all of the model, or over likely ones where matching is unsure.

use outrider::{Error, Likelihood, LikelihoodResult, Trellis, TrellisResult};

/// A decoder by a sum.
pub(crate) enum SumDecoder {
    /// Over all errors of the model.
    Trellis(Trellis),
    /// Over likely ones, where matching is unsure.
    Likelihood(Likelihood),
}

/// What one shot gives.
pub(crate) enum Summed {
    /// From all errors.
    Trellis(TrellisResult),
    /// From likely ones.
    Likelihood(LikelihoodResult),
}

impl SumDecoder {
    /// Decodes one shot of packed bits into packed observables.
    pub(crate) fn decode(&mut self, detectors: &[u8], observables: &mut [u8]) -> Result<Summed, Error> {
        match self {
            Self::Trellis(trellis) => trellis.decode(detectors, observables).map(Summed::Trellis),
            Self::Likelihood(likelihood) => likelihood.decode(detectors, observables).map(Summed::Likelihood),
        }
    }

    /// The log-likelihood ratio of each observable in the last shot, not flipped over flipped.
    pub(crate) fn ratios(&self) -> &[f64] {
        match self {
            Self::Trellis(trellis) => trellis.ratios(),
            Self::Likelihood(likelihood) => likelihood.ratios(),
        }
    }
}
