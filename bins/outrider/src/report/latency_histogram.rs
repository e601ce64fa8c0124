//! Latencies in HDR histograms.

use hdrhistogram::Histogram;
use outrider_wire::Time;
use serde::Serialize;

use crate::error::{Error, Result};

/// Times of one kind, in nanoseconds; the memory does not grow.
pub(crate) struct LatencyHistogram(Histogram<u64>);

impl LatencyHistogram {
    pub(crate) fn new() -> Result<Self> {
        let histogram = Histogram::new_with_bounds(1, LONGEST_NS, DIGITS);
        Ok(Self(histogram.map_err(|error| Error::machine("histogram", error))?))
    }

    /// Adds the time from one to another of the same clock, 0 if it is negative.
    pub(crate) fn span(&mut self, from: Time, to: Time) {
        self.add(to.since(from));
    }

    /// Adds a time, or whatever else is counted.
    pub(crate) fn add(&mut self, value: u64) {
        self.0.saturating_record(value);
    }

    /// Whether there is no time in it.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are.
    pub(crate) fn samples(&self) -> u64 {
        self.0.len()
    }

    /// What this share of all stays within, to the digits of the histogram; nothing if there is none.
    pub(crate) fn quantile(&self, share: f64) -> Option<u64> {
        // The top of its bin may lie beyond it.
        let value =
            |histogram: &Histogram<u64>| histogram.lowest_equivalent(histogram.value_at_quantile(share));
        (!self.is_empty()).then(|| value(&self.0))
    }

    /// The bins that have samples, ascending.
    pub(crate) fn bins(&self) -> impl Iterator<Item = Bin> {
        let Self(histogram) = self;
        let mut below = 0;
        histogram.iter_recorded().map(move |bin| {
            let (value, samples) = (bin.value_iterated_to(), bin.count_at_value());
            below += samples;
            Bin {
                low_ns: histogram.lowest_equivalent(value),
                high_ns: histogram.highest_equivalent(value),
                samples,
                quantile: below as f64 / histogram.len() as f64,
            }
        })
    }

    /// Its quantiles in microseconds.
    pub(crate) fn quantiles(&self) -> Quantiles {
        self.quantiles_in(1e3)
    }

    /// Its quantiles in units of so many nanoseconds.
    pub(crate) fn quantiles_in(&self, unit: f64) -> Quantiles {
        // A quantile is the top of its bin, the largest value is exact.
        let mut values = [0.0; QUANTILES.len()];
        for (to, value) in values.iter_mut().zip(self.0.value_at_quantiles(QUANTILES)) {
            *to = value.min(self.0.max()) as f64 / unit;
        }
        let [p50, p90, p99, p999] = values;
        Quantiles {
            p50,
            p90,
            p99,
            p999,
            max: self.0.max() as f64 / unit,
            mean: self.0.mean() / unit,
            samples: self.0.len(),
        }
    }
}

/// Times that the histogram does not tell apart.
pub(crate) struct Bin {
    pub(crate) low_ns: u64,
    pub(crate) high_ns: u64,
    pub(crate) samples: u64,
    /// The share of all samples up to its end.
    pub(crate) quantile: f64,
}

/// Quantiles and mean of a distribution.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Quantiles {
    pub(crate) p50: f64,
    pub(crate) p90: f64,
    pub(crate) p99: f64,
    pub(crate) p999: f64,
    pub(crate) max: f64,
    pub(crate) mean: f64,
    pub(crate) samples: u64,
}

/// Those of [`Quantiles`].
const QUANTILES: [f64; 4] = [0.5, 0.9, 0.99, 0.999];
/// Longest time told apart: a quarter of an hour.
const LONGEST_NS: u64 = 900_000_000_000;
/// Digits that times are told to.
const DIGITS: u8 = 3;
