//! Shots that are discarded.

use std::str::FromStr;

use clap::Args;
use outrider::DetectorErrorModel;

use crate::error::{Error, Result};

/// Which shots are discarded.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct PostselectArgs {
    /// Postselect: discard shots with an event at one of these detectors, such as `D3,D7-D9`. They count as discards,
    /// and are not decoded
    #[arg(long, value_name = "D,..", value_delimiter = ',')]
    postselect_detectors: Vec<Targets<'D'>>,
    /// Postselect on detectors whose 4th coordinate is there and not 0, as sinter does
    #[arg(long)]
    postselect_detectors_with_non_zero_4th_coord: bool,
    /// Postselect: discard shots in which one of these observables, such as `L0,L2-L3`, is predicted wrongly, instead
    /// of counting them as errors
    #[arg(long, value_name = "L,..", value_delimiter = ',')]
    postselect_observables: Vec<Targets<'L'>>,
}

/// Packed bits of the detectors and observables on which shots are discarded; `None` where nothing was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Postselection {
    /// Of detectors: an event discards.
    pub(crate) detectors: Option<Vec<u8>>,
    /// Of observables: a wrong prediction discards.
    pub(crate) observables: Option<Vec<u8>>,
}

impl PostselectArgs {
    /// Whether shots are discarded.
    pub(crate) fn are_given(&self) -> bool {
        !self.postselect_detectors.is_empty()
            || self.postselect_detectors_with_non_zero_4th_coord
            || !self.postselect_observables.is_empty()
    }

    /// The masks for a model.
    pub(crate) fn at(&self, model: &DetectorErrorModel) -> Result<Postselection> {
        let detectors = model.detector_count();
        let mut mask = mask("--postselect-detectors", &self.postselect_detectors, detectors, "detectors")?;
        if self.postselect_detectors_with_non_zero_4th_coord {
            let packed = mask.get_or_insert_with(|| empty(detectors));
            for (detector, coordinates) in model.detector_coordinates()?.iter().enumerate() {
                if coordinates.get(3).is_some_and(|&mark| mark != 0.0) {
                    packed[detector / 8] |= 1 << (detector % 8);
                }
            }
        }
        let observables = model.observable_count();
        let option = "--postselect-observables";
        let observables = self::mask(option, &self.postselect_observables, observables, "observables")?;
        Ok(Postselection { detectors: mask, observables })
    }
}

fn empty(count: u64) -> Vec<u8> {
    vec![0; usize::try_from(count.div_ceil(8)).unwrap_or(usize::MAX)]
}

fn mask<const LETTER: char>(
    option: &str,
    targets: &[Targets<LETTER>],
    count: u64,
    what: &str,
) -> Result<Option<Vec<u8>>> {
    if targets.is_empty() {
        return Ok(None);
    }
    let mut packed = empty(count);
    for range in targets {
        if range.last >= count {
            let message = format!("{option}: {LETTER}{} of a model with {count} {what}", range.last);
            return Err(Error::Usage(message));
        }
        for target in range.first..=range.last {
            // Below the count, so an index.
            packed[(target / 8) as usize] |= 1 << (target % 8);
        }
    }
    Ok(Some(packed))
}

/// `D3`, or several, `D3-D9`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Targets<const LETTER: char> {
    first: u64,
    last: u64,
}

impl<const LETTER: char> FromStr for Targets<LETTER> {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let number = |text: &str| text.strip_prefix(LETTER)?.parse::<u64>().ok();
        let parsed = match text.split_once('-') {
            Some((first, last)) => number(first).zip(number(last)),
            None => number(text).map(|one| (one, one)),
        };
        parsed
            .filter(|(first, last)| first <= last)
            .map(|(first, last)| Self { first, last })
            .ok_or_else(|| format!("expected {LETTER}3, or several such as {LETTER}3-{LETTER}9"))
    }
}
