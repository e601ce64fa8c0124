//! Option values that several subcommands share.

use std::str::FromStr;

pub(crate) use outrider_options::option_values::{
    TimeUnit, basis, circuit_family, format, isa, open_probability, orientation, positive, predecoder_use,
    probability, time,
};

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

/// A log-odds, as networks give it.
pub(crate) fn logit(text: &str) -> Result<f32, String> {
    text.parse()
        .ok()
        .filter(|logit: &f32| logit.is_finite())
        .ok_or_else(|| "expected a finite number".to_owned())
}
