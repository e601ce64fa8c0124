//! Values of options that programs share: parsers for clap, whose help and errors list what there is to choose from.

use std::path::PathBuf;
use std::str::FromStr;

use clap::ValueEnum;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use outrider::{Basis, CircuitFamily, DecoderKind, Format, Isa, Orientation, PredecoderUse, Rule, Wait};
use serde::{Deserialize, Serialize, Serializer};

/// A parser for a type whose values have names.
macro_rules! named {
    ($function:ident, $type:ty, $what:literal) => {
        #[doc = concat!("A parser for the name of ", $what, ".")]
        pub fn $function() -> impl TypedValueParser<Value = $type> {
            named(<$type>::ALL.map(<$type>::name))
        }
    };
}

named!(basis, Basis, "a basis");
named!(circuit_family, CircuitFamily, "a circuit");
named!(decoder_kind, DecoderKind, "a kind of decoder");
named!(format, Format, "a result format");
named!(isa, Isa, "an instruction set");
named!(orientation, Orientation, "an orientation");
named!(predecoder_use, PredecoderUse, "a use of pre-decoders");

fn named<T>(names: impl Into<PossibleValuesParser>) -> impl TypedValueParser<Value = T>
where
    T: FromStr<Err = outrider::Error> + Clone + Send + Sync + 'static,
{
    names.into().try_map(|name| name.parse::<T>())
}

/// A probability.
///
/// # Errors
/// What was expected.
pub fn probability(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|p| (0.0..=1.0).contains(p))
        .ok_or_else(|| "expected a probability between 0 and 1".to_owned())
}

/// A probability that leaves both outcomes possible.
///
/// # Errors
/// What was expected.
pub fn open_probability(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|&p| 0.0 < p && p < 1.0)
        .ok_or_else(|| "expected a probability above 0 and below 1".to_owned())
}

/// A finite number above 0.
///
/// # Errors
/// What was expected.
pub fn positive(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|&number: &f64| number > 0.0 && number.is_finite())
        .ok_or_else(|| "expected a positive number".to_owned())
}

/// A pre-decoder by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum PredecoderChoice {
    /// `none`.
    #[default]
    None,
    /// `rule:NAME`.
    Rule(Rule),
    /// A network's file.
    File(PathBuf),
}

impl FromStr for PredecoderChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "none" {
            return Ok(Self::None);
        }
        match text.strip_prefix("rule:") {
            Some(name) => name.parse().map(Self::Rule).map_err(|error: outrider::Error| error.to_string()),
            None if text.ends_with(NETWORK_SUFFIX) => Ok(Self::File(text.into())),
            None => Err(format!("expected none, rule:NAME or a file *{NETWORK_SUFFIX}")),
        }
    }
}

impl Serialize for PredecoderChoice {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::None => serializer.serialize_str("none"),
            Self::Rule(rule) => serializer.collect_str(&format_args!("rule:{rule}")),
            Self::File(path) => path.serialize(serializer),
        }
    }
}

/// Ways to wait by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum WaitHow {
    /// Spin: the shortest reaction, and a core for every thread.
    Spin,
    /// Spin for a while, then yield to other threads between checks.
    Yield,
    /// Sleep until woken.
    #[default]
    Block,
}

impl WaitHow {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Spin => "spin",
            Self::Yield => "yield",
            Self::Block => "block",
        }
    }
}

impl From<WaitHow> for Wait {
    fn from(how: WaitHow) -> Self {
        match how {
            WaitHow::Spin => Self::Spin,
            WaitHow::Yield => Self::SpinThenYield,
            WaitHow::Block => Self::Block,
        }
    }
}

/// What names of network files end in.
pub const NETWORK_SUFFIX: &str = ".safetensors";
