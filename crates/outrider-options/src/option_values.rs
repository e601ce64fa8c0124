//! Values of options that programs share: parsers for clap, whose help and errors list what there is to choose from.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;

use clap::ValueEnum;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use outrider::{
    Basis, CircuitFamily, DecoderKind, Format, Isa, Orientation, PredecoderUse, Rule, TrellisBudget, Wait,
};
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

/// Ratios beyond this are those of an observable that no error flips.
const RATIO_MAX: f64 = 600.0;

/// A log-likelihood ratio from which on something is sure.
///
/// # Errors
/// What was expected.
pub fn ratio(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|ratio| (0.0..=RATIO_MAX).contains(ratio))
        .ok_or_else(|| format!("expected a number from 0 to {RATIO_MAX}"))
}

/// The same where nothing would be unsure at 0.
///
/// # Errors
/// What was expected.
pub fn positive_ratio(text: &str) -> Result<f64, String> {
    ratio(text)
        .ok()
        .filter(|&ratio| ratio > 0.0)
        .ok_or_else(|| format!("expected a number above 0 and at most {RATIO_MAX}"))
}

/// How `CUTOFF,STATES` of [`budget`] is written.
#[must_use]
pub fn budget_text(TrellisBudget { cutoff, states_max }: TrellisBudget) -> String {
    format!("{cutoff:e},{states_max}")
}

/// A budget of a sum over errors, `CUTOFF,STATES`, as the library takes it.
///
/// # Errors
/// What was expected.
pub fn budget(text: &str) -> Result<TrellisBudget, String> {
    let parsed = text.split_once(',').and_then(|(cutoff, states)| {
        Some(TrellisBudget { cutoff: cutoff.parse().ok()?, states_max: states.parse().ok()? })
    });
    parsed
        .filter(|budget| (0.0..=TrellisBudget::CUTOFF_MAX).contains(&budget.cutoff))
        .filter(|budget| (1..=TrellisBudget::STATES_MAX).contains(&budget.states_max))
        .ok_or_else(|| {
            format!(
                "expected a cutoff from 0 to {} and 1 to {} states, such as 1e-3,300",
                TrellisBudget::CUTOFF_MAX,
                TrellisBudget::STATES_MAX
            )
        })
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

/// A finite number.
///
/// # Errors
/// What was expected.
pub fn finite(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|number: &f64| number.is_finite())
        .ok_or_else(|| "expected a finite number".to_owned())
}

/// Units of time, by their names and in seconds. The longer names come first: `s` ends all of them.
const UNITS: [(&str, f64); 6] =
    [("ns", 1e9), ("us", 1e6), ("\u{b5}s", 1e6), ("\u{3bc}s", 1e6), ("ms", 1e3), ("s", 1.0)];

/// A unit of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeUnit {
    /// `us`.
    Microsecond,
    /// `ms`.
    Millisecond,
    /// `s`.
    Second,
}

impl TimeUnit {
    const fn per_second(self) -> f64 {
        match self {
            Self::Microsecond => 1e6,
            Self::Millisecond => 1e3,
            Self::Second => 1.0,
        }
    }

    const fn plural(self) -> &'static str {
        match self {
            Self::Microsecond => "microseconds",
            Self::Millisecond => "milliseconds",
            Self::Second => "seconds",
        }
    }
}

/// A time in `unit` within `range`, written as a number of them or with a unit of its own, such as `1.5us`, `500ns`,
/// `2ms` or `1s`.
///
/// # Errors
/// What was expected.
pub fn time(text: &str, unit: TimeUnit, range: RangeInclusive<f64>) -> Result<f64, String> {
    let found = UNITS.iter().find_map(|(name, per_second)| Some((text.strip_suffix(name)?, *per_second)));
    let (number, per_second) = found.unwrap_or_else(|| (text, unit.per_second()));
    // Units are powers of ten apart: one division or one multiplication by a whole number, rounded once.
    let scaled = |number: f64| {
        if per_second > unit.per_second() {
            number / (per_second / unit.per_second())
        } else {
            number * (unit.per_second() / per_second)
        }
    };
    number.trim_end().parse().ok().map(scaled).filter(|time| range.contains(time)).ok_or_else(|| {
        let (least, most, plural) = (range.start(), range.end(), unit.plural());
        format!("expected a time from {least} to {most} {plural}, as a number of them or with a unit: ns, us, ms, s")
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_take_units() {
        for (text, us) in [
            ("1", 1.0),
            ("0", 0.0),
            ("0.25", 0.25),
            ("1us", 1.0),
            ("1.5us", 1.5),
            ("1 us", 1.0),
            ("2\u{b5}s", 2.0),
            ("2\u{3bc}s", 2.0),
            ("500ns", 0.5),
            ("1ns", 1e-3),
            ("2ms", 2000.0),
            ("0.1ms", 100.0),
            ("1s", 1e6),
            ("1e-6s", 1.0),
            ("0s", 0.0),
        ] {
            assert_eq!(time(text, TimeUnit::Microsecond, 0.0..=1e6), Ok(us), "{text}");
        }
        assert_eq!(time("250ms", TimeUnit::Second, 0.0..=10.0), Ok(0.25));
        assert_eq!(time("7", TimeUnit::Second, 0.0..=10.0), Ok(7.0));
        assert_eq!(time("100us", TimeUnit::Millisecond, 0.0..=10.0), Ok(0.1));
    }

    #[test]
    fn what_is_no_time_in_range_is_refused_with_the_units() {
        let expected = "expected a time from 0 to 1000000 microseconds, as a number of them or with a unit: ns, us, ms, s";
        for text in [
            "",
            "us",
            "s",
            "1xs",
            "1m",
            "1min",
            "1h",
            "us1",
            "-1us",
            "1.0000001s",
            "nan",
            "infs",
            "1us2ns",
            "1e7",
        ] {
            let refused = time(text, TimeUnit::Microsecond, 0.0..=1e6);
            assert_eq!(refused, Err(expected.to_owned()), "{text}");
        }
    }
}
