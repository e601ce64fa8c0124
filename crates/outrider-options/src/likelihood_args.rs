//! Options of decoding by likelihood.

use clap::Args;
use outrider::{DecoderKind, LikelihoodOptions, TrellisBudget};
use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::option_values;
use crate::patch_error::PatchError;

/// When likelihood goes on to its next level. Nothing stands for the library's own.
#[derive(Args, Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct LikelihoodArgs {
    /// With likelihood a first gap this wide is the answer [default: 12]
    #[arg(long, value_name = "NATS", value_parser = option_values::positive_ratio)]
    pub sure_gap: Option<f64>,
    /// With likelihood so is a mean of the first and the second gap this wide, if they agree [default: 5]
    #[arg(long, value_name = "NATS", value_parser = option_values::ratio)]
    pub sure_mean: Option<f64>,
    /// With likelihood, where the ratio of the sum is below this, sum over more errors, at several times the price of
    /// these shots; 2 is enough [default: never]
    #[arg(long, value_name = "NATS", value_parser = option_values::ratio)]
    pub deep_ratio: Option<f64>,
    /// With likelihood the sum keeps, after each detector, states not below CUTOFF of the heaviest, at most STATES of
    /// them, where there are too many for a table of all [default: 1e-9,500]
    #[arg(long, value_name = "CUTOFF,STATES", value_parser = option_values::budget)]
    #[serde(serialize_with = "as_text")]
    pub sum_budget: Option<TrellisBudget>,
}

impl LikelihoodArgs {
    /// The options of a decoder.
    pub fn options(self) -> LikelihoodOptions {
        let default = LikelihoodOptions::default();
        LikelihoodOptions {
            sure_gap: self.sure_gap.unwrap_or(default.sure_gap),
            sure_mean: self.sure_mean.unwrap_or(default.sure_mean),
            deep_ratio: self.deep_ratio.unwrap_or(default.deep_ratio),
            budget: self.sum_budget.unwrap_or(default.budget),
            ..default
        }
    }

    /// What is given, by the names of the options without their dashes.
    pub fn given(self) -> impl Iterator<Item = (&'static str, Value)> {
        let all = [
            ("sure-gap", self.sure_gap.map(Value::from)),
            ("sure-mean", self.sure_mean.map(Value::from)),
            ("deep-ratio", self.deep_ratio.map(Value::from)),
            ("sum-budget", self.sum_budget.map(|budget| option_values::budget_text(budget).into())),
        ];
        all.into_iter().filter_map(|(name, value)| Some((name, value?)))
    }

    /// Refuses these options for other decoders.
    pub(crate) fn require_taken(self, decoder: DecoderKind) -> Result<(), PatchError> {
        match self.given().next() {
            Some((name, _)) if decoder != DecoderKind::Likelihood => {
                Err(PatchError::Option(format!("--{name}: for --decoder {}", DecoderKind::Likelihood)))
            }
            _ => Ok(()),
        }
    }
}

fn as_text<S: Serializer>(budget: &Option<TrellisBudget>, serializer: S) -> Result<S::Ok, S::Error> {
    budget.map(option_values::budget_text).serialize(serializer)
}
