//! What `outrider stream` measures: counts, and latencies in HDR histograms.

use std::fmt::Write as _;

use hdrhistogram::Histogram;
use serde::Serialize;

use crate::error::{Error, Result};

/// Times of one kind, in nanoseconds; the memory does not grow.
pub(crate) struct Times(Histogram<u64>);

impl Times {
    pub(crate) fn new() -> Result<Self> {
        let histogram = Histogram::new_with_bounds(1, LONGEST_NS, DIGITS);
        Ok(Self(histogram.map_err(|error| Error::machine("histogram", error))?))
    }

    /// Adds the time from `from_ns` to `to_ns`, 0 if it is negative.
    pub(crate) fn span(&mut self, from_ns: u64, to_ns: u64) {
        self.0.saturating_record(to_ns.saturating_sub(from_ns));
    }

    /// Its quantiles in microseconds.
    pub(crate) fn quantiles(&self) -> Quantiles {
        self.quantiles_in(1e3)
    }

    /// Its quantiles in units of so many nanoseconds.
    fn quantiles_in(&self, unit: f64) -> Quantiles {
        // A quantile is the top of its bin, the largest value is exact.
        let at = |q| self.0.value_at_quantile(q).min(self.0.max()) as f64 / unit;
        Quantiles {
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p999: at(0.999),
            max: self.0.max() as f64 / unit,
            mean: self.0.mean() / unit,
            samples: self.0.len(),
        }
    }
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

/// Everything measured over the histories of a run.
pub(crate) struct Figures {
    /// Layers pushed, and those of them whose cells were not all reported.
    pub(crate) layers: u64,
    pub(crate) layers_lost: u64,
    pub(crate) histories: u64,
    pub(crate) cells: u64,
    pub(crate) events: u64,
    /// Histories with a wrong observable, where the truth is known.
    pub(crate) logical_errors: Option<u64>,
    /// In which a history was under way.
    pub(crate) nanoseconds: u64,
    /// Last round due until its correction was out.
    pub(crate) reaction: Times,
    /// Last layer of a cell's window due until its commit was merged.
    pub(crate) commit_lag: Times,
    /// Hops of a cell: round due until pushed, window complete until dispatched, until begun, until decided, until
    /// merged. With nodes, network is what is left of the time from pushed to merged, and merge is part of it.
    pub(crate) ingest: Times,
    pub(crate) network: Times,
    pub(crate) dispatch: Times,
    pub(crate) queue: Times,
    pub(crate) decode: Times,
    pub(crate) merge: Times,
    /// Rounds that were not taken when they were due, because the target held as many as it can.
    pub(crate) credit_stops: u64,
    /// Rounds due and not committed, looked at whenever one is pushed; and in the last tenth of each history.
    backlog: Times,
    late_backlog: Times,
}

impl Figures {
    pub(crate) fn new() -> Result<Self> {
        Ok(Self {
            layers: 0,
            layers_lost: 0,
            histories: 0,
            cells: 0,
            events: 0,
            logical_errors: None,
            nanoseconds: 0,
            reaction: Times::new()?,
            commit_lag: Times::new()?,
            ingest: Times::new()?,
            network: Times::new()?,
            dispatch: Times::new()?,
            queue: Times::new()?,
            decode: Times::new()?,
            merge: Times::new()?,
            credit_stops: 0,
            backlog: Times::new()?,
            late_backlog: Times::new()?,
        })
    }

    /// Notes how many rounds were due and not committed.
    pub(crate) fn note_backlog(&mut self, rounds: u64, is_late: bool) {
        self.backlog.span(0, rounds);
        if is_late {
            self.late_backlog.span(0, rounds);
        }
    }

    /// Quantiles of the backlog, in rounds.
    pub(crate) fn backlog(&self) -> Quantiles {
        self.backlog.quantiles_in(1.0)
    }

    /// Whether the pace was kept: over the last tenth of the rounds, in the median, the backlog was no more than what
    /// the target holds, so that no round had to wait outside. Nothing if no history came so far.
    pub(crate) fn held(&self, rounds_max: u64) -> Option<bool> {
        let backlog = &self.late_backlog.0;
        (!backlog.is_empty()).then(|| backlog.value_at_quantile(0.5) <= rounds_max)
    }

    /// Rounds, the layer of the readout not among them.
    pub(crate) fn rounds(&self) -> u64 {
        self.layers - self.histories
    }

    /// Layers a second.
    pub(crate) fn rate(&self) -> f64 {
        self.layers as f64 * 1e9 / self.nanoseconds.max(1) as f64
    }

    /// The hops by name.
    pub(crate) fn hops(&self) -> impl Iterator<Item = (&'static str, &Times)> {
        let through_nodes = !self.network.0.is_empty();
        let hops = [
            ("ingest", &self.ingest),
            ("network", &self.network),
            ("dispatch", &self.dispatch),
            ("queue", &self.queue),
            ("decode", &self.decode),
            ("merge", &self.merge),
        ];
        let other = if through_nodes { "merge" } else { "network" };
        hops.into_iter().filter(move |&(name, _)| name != other)
    }

    /// All histograms as CSV: bins that are not empty, from `low_us` to `high_us`, with the share of samples up to
    /// there.
    pub(crate) fn histograms(&self) -> String {
        let mut text = "name,low_us,high_us,samples,quantile\n".to_owned();
        let named = [("reaction", &self.reaction), ("commit_lag", &self.commit_lag)];
        for (name, Times(histogram)) in named.into_iter().chain(self.hops()) {
            let mut below = 0;
            for bin in histogram.iter_recorded() {
                let samples = bin.count_at_value();
                below += samples;
                let value = bin.value_iterated_to();
                let (low, high) = (histogram.lowest_equivalent(value), histogram.highest_equivalent(value));
                // Writing to a string cannot fail.
                let _ = writeln!(
                    text,
                    "{name},{},{},{samples},{:.9}",
                    low as f64 / 1e3,
                    high as f64 / 1e3,
                    below as f64 / histogram.len() as f64
                );
            }
        }
        text
    }
}

/// Longest time told apart: a quarter of an hour.
const LONGEST_NS: u64 = 900_000_000_000;
/// Digits that times are told to.
const DIGITS: u8 = 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whether_a_pace_was_held_is_not_known_before_the_last_tenth() {
        let mut figures = Figures::new().expect("memory");
        figures.note_backlog(100, false);
        assert_eq!(figures.held(10), None);
        for (backlog, held) in [(10, true), (11, true), (11, false)] {
            figures.note_backlog(backlog, true);
            assert_eq!(figures.held(10), Some(held));
        }
    }
}
