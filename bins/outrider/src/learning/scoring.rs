//! What learned rates buy: the same shots decoded with both models.

use std::path::Path;

use outrider::{DecoderOptions, DetectorErrorModel, Shots};
use serde::Serialize;

use crate::decoding::decode_shots::{Extras, decode_all};
use crate::decoding::decoder_factory::DecoderFactory;
use crate::error::Result;
use crate::input::Batches;
use crate::options::decoder::DecoderChoice;
use crate::options::graph::GraphArgs;
use crate::options::sums::SumArgs;

/// Two-sided 95 % quantile of the normal distribution.
const Z_95: f64 = 1.959_963_984_540_054;

/// Failures of one decoder with two models on the same shots.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Score {
    /// Shots decoded.
    pub(crate) shots: u64,
    /// That failed with the prior.
    pub(crate) prior_failures: u64,
    /// That failed with the learned model.
    pub(crate) learned_failures: u64,
    /// That failed with the prior only.
    pub(crate) only_prior: u64,
    /// That failed with the learned model only.
    pub(crate) only_learned: u64,
}

impl Score {
    /// Adds other shots.
    pub(crate) fn add(&mut self, other: Self) {
        self.shots += other.shots;
        self.prior_failures += other.prior_failures;
        self.learned_failures += other.learned_failures;
        self.only_prior += other.only_prior;
        self.only_learned += other.only_learned;
    }

    /// Failures with the learned model over those with the prior, and the interval at 95 % of this ratio of paired
    /// counts; nothing without failures.
    pub(crate) fn ratio(&self) -> Option<(f64, f64, f64)> {
        let (prior, learned) = (self.prior_failures as f64, self.learned_failures as f64);
        if self.prior_failures == 0 || self.learned_failures == 0 {
            return None;
        }
        let ratio = learned / prior;
        let deviation = ((self.only_prior + self.only_learned) as f64 / (prior * learned)).sqrt();
        Some((ratio, ratio * (-Z_95 * deviation).exp(), ratio * (Z_95 * deviation).exp()))
    }
}

/// How shots are decoded.
pub(crate) struct Decoding<'a> {
    /// With what.
    pub(crate) choice: DecoderChoice,
    /// Options of sums over errors.
    pub(crate) sums: SumArgs,
    /// How models become graphs.
    pub(crate) graph: GraphArgs,
    /// On how many threads.
    pub(crate) threads: usize,
    /// What errors call the shots.
    pub(crate) name: &'a Path,
}

impl Decoding<'_> {
    /// Whether each shot fails.
    pub(crate) fn failures(&self, model: &DetectorErrorModel, batches: Batches) -> Result<Vec<bool>> {
        let factory = DecoderFactory::of(self.choice, model, None, DecoderOptions::default(), self.graph)?
            .summed(self.sums);
        let mut failures = Vec::new();
        decode_all(&factory, self.threads, Extras::default(), batches, None, self.name, &mut |decoded| {
            if let Some(flips) = &decoded.flips {
                failures.extend(wrong(flips, &decoded.predictions));
            }
            Ok(())
        })?;
        Ok(failures)
    }
}

fn wrong(flips: &Shots, predictions: &Shots) -> impl Iterator<Item = bool> {
    flips.rows().zip(predictions.rows()).map(|(flip, guess)| flip != guess)
}

/// Counts what two models made of the same shots.
pub(crate) fn compare(prior: &[bool], learned: &[bool]) -> Score {
    let count = |wanted: fn(bool, bool) -> bool| {
        prior.iter().zip(learned).filter(|&(&prior, &learned)| wanted(prior, learned)).count() as u64
    };
    Score {
        shots: prior.len() as u64,
        prior_failures: count(|prior, _| prior),
        learned_failures: count(|_, learned| learned),
        only_prior: count(|prior, learned| prior && !learned),
        only_learned: count(|prior, learned| learned && !prior),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_counted_and_their_ratio_has_an_interval() {
        let score = compare(&[true, true, false, false, true], &[true, false, true, false, false]);
        assert_eq!(
            score,
            Score { shots: 5, prior_failures: 3, learned_failures: 2, only_prior: 2, only_learned: 1 }
        );
        let (ratio, low, high) = score.ratio().unwrap();
        // The variance of the logarithm of a ratio of paired proportions is (b + c) / ((a + b) (a + c)).
        let deviation = (3.0f64 / 6.0).sqrt();
        assert!(
            (ratio - 2.0 / 3.0).abs() < 1e-12 && ((high / low).ln() / 2.0 / Z_95 - deviation).abs() < 1e-12
        );
        assert_eq!(Score::default().ratio(), None);
    }
}
