//! Which decoder: one on the matching graph, or the sum over all errors.

use std::fmt;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use outrider::DecoderKind;

use crate::error::{Error, Result};

/// What `--decoder` names where whole shots are decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DecoderChoice {
    /// A decoder on the matching graph.
    Graph(DecoderKind),
    /// `trellis`: the sum over all errors of the model.
    Trellis,
}

impl DecoderChoice {
    const TRELLIS: &'static str = "trellis";

    /// As it is named on the command line and in tables.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Graph(kind) => kind.name(),
            Self::Trellis => Self::TRELLIS,
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
    let names = DecoderKind::ALL.iter().map(|kind| kind.name()).chain([DecoderChoice::TRELLIS]);
    PossibleValuesParser::new(names).try_map(|name| match name.as_str() {
        DecoderChoice::TRELLIS => Ok(DecoderChoice::Trellis),
        name => name.parse().map(DecoderChoice::Graph),
    })
}

/// Refuses options that the sum over all errors does not take: their names, and whether they are given.
pub(crate) fn refuse_with_trellis(options: &[(&str, bool)]) -> Result<()> {
    match options.iter().find(|(_, is_given)| *is_given) {
        Some((name, _)) => {
            Err(Error::Usage(format!("{name}: for decoders on the matching graph, not for trellis")))
        }
        None => Ok(()),
    }
}
