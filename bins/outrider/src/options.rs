//! Option values that several subcommands share.

use std::str::FromStr;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use outrider::{Basis, CircuitFamily, DecoderKind, Format, Isa, Orientation, Predecode};

/// A parser for a type whose values have names: help, completions and errors list them.
macro_rules! named {
    ($function:ident, $type:ty) => {
        pub(crate) fn $function() -> impl TypedValueParser<Value = $type> {
            named(<$type>::ALL.map(<$type>::name))
        }
    };
}

named!(basis, Basis);
named!(circuit_family, CircuitFamily);
named!(decoder_kind, DecoderKind);
named!(format, Format);
named!(isa, Isa);
named!(orientation, Orientation);
named!(predecode, Predecode);

fn named<T>(names: impl Into<PossibleValuesParser>) -> impl TypedValueParser<Value = T>
where
    T: FromStr<Err = outrider::Error> + Clone + Send + Sync + 'static,
{
    names.into().try_map(|name| name.parse::<T>())
}

/// A patch size, `WIDTHxHEIGHT`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size {
    /// Data qubits per row.
    pub(crate) width: u32,
    /// Data qubits per column.
    pub(crate) height: u32,
}

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parsed = text.split_once('x').and_then(|(width, height)| {
            Some(Self { width: width.parse().ok()?, height: height.parse().ok()? })
        });
        parsed.ok_or_else(|| "expected WIDTHxHEIGHT, such as 5x7".to_owned())
    }
}

/// A number of rounds: fixed, or `d` for as many as the distance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rounds {
    /// As many as the distance.
    Distance,
    /// This many.
    Fixed(u32),
}

impl Rounds {
    /// The number for a patch of this distance.
    pub(crate) fn at(self, distance: u32) -> u32 {
        match self {
            Self::Distance => distance,
            Self::Fixed(rounds) => rounds,
        }
    }
}

impl FromStr for Rounds {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "d" => Ok(Self::Distance),
            _ => text
                .parse()
                .map(Self::Fixed)
                .map_err(|_| "expected a number, or d for the distance".to_owned()),
        }
    }
}

/// A probability.
pub(crate) fn probability(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|p| (0.0..=1.0).contains(p))
        .ok_or_else(|| "expected a probability between 0 and 1".to_owned())
}

/// A probability that leaves both outcomes possible.
pub(crate) fn open_probability(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|&p| 0.0 < p && p < 1.0)
        .ok_or_else(|| "expected a probability above 0 and below 1".to_owned())
}

/// A finite number above 0.
pub(crate) fn positive(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|&number: &f64| number > 0.0 && number.is_finite())
        .ok_or_else(|| "expected a positive number".to_owned())
}

/// A log-odds, as networks give it.
pub(crate) fn logit(text: &str) -> Result<f32, String> {
    text.parse()
        .ok()
        .filter(|logit: &f32| logit.is_finite())
        .ok_or_else(|| "expected a finite number".to_owned())
}
