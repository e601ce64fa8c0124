//! Which decoder: one on the matching graph, or one by a sum over errors.

use std::fmt;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use outrider::{DecoderKind, PredecoderUse};

use crate::error::{Error, Result};

/// What `--decoder` names where whole shots are decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DecoderChoice {
    /// A decoder on the matching graph.
    Graph(DecoderKind),
    /// `trellis`: the sum over all errors of the model.
    Trellis,
    /// `likelihood`: the sum over likely errors, where matching is unsure.
    Likelihood,
}

/// What is asked of a decoder, as far as not all take it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    /// How a pre-decoder is used, if there is one.
    pub(crate) predecoder_use: Option<PredecoderUse>,
    /// `--window`.
    pub(crate) windows: bool,
    /// `--weights-in` or `--erasures-in`.
    pub(crate) shot_weights: bool,
}

impl DecoderChoice {
    const TRELLIS: &'static str = "trellis";
    const LIKELIHOOD: &'static str = "likelihood";

    /// As it is named on the command line and in tables.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Graph(kind) => kind.name(),
            Self::Trellis => Self::TRELLIS,
            Self::Likelihood => Self::LIKELIHOOD,
        }
    }

    /// Whether its graph has correlations.
    pub(crate) fn needs_correlations(self) -> bool {
        match self {
            Self::Graph(kind) => kind.needs_correlations(),
            Self::Trellis => false,
            Self::Likelihood => true,
        }
    }

    /// Whether it sums over errors: its answers come with log-likelihood ratios.
    pub(crate) fn is_sum(self) -> bool {
        !matches!(self, Self::Graph(_))
    }

    /// Refuses what this decoder does not take.
    pub(crate) fn require(self, wanted: Wanted) -> Result<()> {
        if self == Self::Likelihood && wanted.predecoder_use == Some(PredecoderUse::Hard) {
            return Err(Error::Usage(
                "--predecoder-use hard: likelihood uses a pre-decoder softly".to_owned(),
            ));
        }
        self.refuse(&[
            ("--predecoder", self == Self::Trellis && wanted.predecoder_use.is_some()),
            ("--window", self == Self::Trellis && wanted.windows),
            ("--weights-in and --erasures-in", wanted.shot_weights),
        ])
    }

    /// Refuses, of a sum over errors, options of decoders on the matching graph: their names, and whether they are given.
    pub(crate) fn refuse(self, options: &[(&str, bool)]) -> Result<()> {
        match options.iter().find(|(_, is_given)| *is_given) {
            Some((name, _)) if self.is_sum() => {
                Err(Error::Usage(format!("{name}: for matching and union-find, not for {self}")))
            }
            _ => Ok(()),
        }
    }
}

impl fmt::Display for DecoderChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A parser for the name of a decoder.
pub(crate) fn decoder() -> impl TypedValueParser<Value = DecoderChoice> {
    let sums = [DecoderChoice::TRELLIS, DecoderChoice::LIKELIHOOD];
    let names = DecoderKind::OF_SHOTS.iter().map(|kind| kind.name()).chain(sums);
    PossibleValuesParser::new(names).try_map(|name| match name.as_str() {
        DecoderChoice::TRELLIS => Ok(DecoderChoice::Trellis),
        DecoderChoice::LIKELIHOOD => Ok(DecoderChoice::Likelihood),
        name => name.parse().map(DecoderChoice::Graph),
    })
}
