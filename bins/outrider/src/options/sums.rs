//! Options of decoding by likelihood.

use clap::Args;
use outrider::LikelihoodOptions;

use crate::error::{Error, Result};
use crate::options::decoder::DecoderChoice;
use crate::options::values;
use crate::report::statistics::Metadata;

/// When likelihood goes on to its next level. Nothing stands for the library's own.
#[derive(Args, Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct SumArgs {
    /// With likelihood a first gap this wide is the answer [default: 12]
    #[arg(long, value_name = "NATS", value_parser = values::ratio)]
    sure_gap: Option<f64>,
    /// With likelihood so is a mean of the first and the second gap this wide, if they agree [default: 5]
    #[arg(long, value_name = "NATS", value_parser = values::ratio)]
    sure_mean: Option<f64>,
    /// With likelihood, where the ratio of the sum is below this, sum over more errors, at several times the price of
    /// these shots; 2 is enough [default: never]
    #[arg(long, value_name = "NATS", value_parser = values::ratio)]
    deep_ratio: Option<f64>,
}

impl SumArgs {
    /// The options of a decoder.
    pub(crate) fn options(self) -> LikelihoodOptions {
        let default = LikelihoodOptions::default();
        LikelihoodOptions {
            sure_gap: self.sure_gap.unwrap_or(default.sure_gap),
            sure_mean: self.sure_mean.unwrap_or(default.sure_mean),
            deep_ratio: self.deep_ratio.unwrap_or(default.deep_ratio),
            ..default
        }
    }

    /// What is given, by the names of rows' metadata.
    fn given(self) -> impl Iterator<Item = (&'static str, f64)> {
        let all =
            [("sure_gap", self.sure_gap), ("sure_mean", self.sure_mean), ("deep_ratio", self.deep_ratio)];
        all.into_iter().filter_map(|(name, value)| Some((name, value?)))
    }

    /// Refuses these options for other decoders, and in windows.
    pub(crate) fn require_taken(self, decoders: &[DecoderChoice], windows: bool) -> Result<()> {
        let Some((name, _)) = self.given().next() else { return Ok(()) };
        let name = name.replace('_', "-");
        if !decoders.contains(&DecoderChoice::Likelihood) {
            return Err(Error::Usage(format!("--{name}: for --decoder {}", DecoderChoice::Likelihood)));
        }
        if windows {
            return Err(Error::Usage(format!("--{name}: for whole histories, not for windows")));
        }
        Ok(())
    }

    /// Of rows of statistics files.
    pub(crate) fn metadata(self) -> Metadata {
        self.given().map(|(name, value)| (name.to_owned(), value.into())).collect()
    }
}
