//! Options of decoders by sums over errors.

use clap::Args;
use outrider::{TrellisBudget, TrellisOptions};
use outrider_options::{LikelihoodArgs, option_values};
use serde_json::Value;

use crate::error::{Error, Result};
use crate::options::decoder::DecoderChoice;
use crate::report::statistics::Metadata;

/// How far sums go. Nothing stands for the library's own.
#[derive(Args, Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct SumArgs {
    #[command(flatten)]
    pub(crate) likelihood: LikelihoodArgs,
    /// With trellis every shot is summed up, at each detector, over states not below CUTOFF of the heaviest, at most
    /// STATES of them [default: 1e-4,1000]
    #[arg(long, value_name = "CUTOFF,STATES", value_parser = option_values::budget)]
    coarse: Option<TrellisBudget>,
    /// With trellis so is a shot again whose answer is unsure [default: 1e-5,4000]
    #[arg(long, value_name = "CUTOFF,STATES", value_parser = option_values::budget)]
    fine: Option<TrellisBudget>,
    /// With trellis an answer with a ratio below this is unsure [default: 1]
    #[arg(long, value_name = "NATS", value_parser = option_values::ratio)]
    unsure_ratio: Option<f64>,
}

impl SumArgs {
    /// The options of a trellis.
    pub(crate) fn trellis(self) -> TrellisOptions {
        let default = TrellisOptions::default();
        TrellisOptions {
            coarse: self.coarse.unwrap_or(default.coarse),
            fine: self.fine.unwrap_or(default.fine),
            unsure: self.unsure_ratio.unwrap_or(default.unsure),
            ..default
        }
    }

    /// Refuses these options for other decoders.
    pub(crate) fn require_taken(self, decoders: &[DecoderChoice]) -> Result<()> {
        let of = |choice| self.metadata_of(choice).into_iter().map(move |(name, _)| (name, choice));
        let given = of(DecoderChoice::Likelihood).chain(of(DecoderChoice::Trellis));
        match given.into_iter().find(|(_, choice)| !decoders.contains(choice)) {
            Some((name, choice)) => {
                Err(Error::Usage(format!("--{}: for --decoder {choice}", name.replace('_', "-"))))
            }
            None => Ok(()),
        }
    }

    /// What is given for this decoder, as rows of statistics files have it.
    pub(crate) fn metadata_of(self, choice: DecoderChoice) -> Metadata {
        let budget = |budget| Value::from(option_values::budget_text(budget));
        match choice {
            DecoderChoice::Graph(_) => Vec::new(),
            DecoderChoice::Likelihood => {
                let given = self.likelihood.given();
                given.map(|(name, value)| (name.replace('-', "_"), value)).collect()
            }
            DecoderChoice::Trellis => [
                ("coarse", self.coarse.map(budget)),
                ("fine", self.fine.map(budget)),
                ("unsure_ratio", self.unsure_ratio.map(Into::into)),
            ]
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value?)))
            .collect(),
        }
    }
}
