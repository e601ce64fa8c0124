//! What `outrider stream` measures: counts, and latencies in HDR histograms.

use std::fmt::Write as _;

use crate::error::Result;
use crate::report::latency_histogram::{Bin, LatencyHistogram, Quantiles};

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
    pub(crate) reaction: LatencyHistogram,
    /// Last layer of a cell's window due until its commit was merged.
    pub(crate) commit_lag: LatencyHistogram,
    /// Hops of a cell: round due until pushed, window complete until dispatched, until begun, until decided, until
    /// merged. With nodes, network is what is left of the time from pushed to merged, and merge is part of it.
    pub(crate) ingest: LatencyHistogram,
    pub(crate) network: LatencyHistogram,
    pub(crate) dispatch: LatencyHistogram,
    pub(crate) queue: LatencyHistogram,
    pub(crate) decode: LatencyHistogram,
    pub(crate) merge: LatencyHistogram,
    /// Rounds that were not taken when they were due, because the target held as many as it can.
    pub(crate) credit_stops: u64,
    /// Rounds due and not committed, looked at whenever one is pushed; and in the last tenth of each history.
    backlog: LatencyHistogram,
    late_backlog: LatencyHistogram,
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
            reaction: LatencyHistogram::new()?,
            commit_lag: LatencyHistogram::new()?,
            ingest: LatencyHistogram::new()?,
            network: LatencyHistogram::new()?,
            dispatch: LatencyHistogram::new()?,
            queue: LatencyHistogram::new()?,
            decode: LatencyHistogram::new()?,
            merge: LatencyHistogram::new()?,
            credit_stops: 0,
            backlog: LatencyHistogram::new()?,
            late_backlog: LatencyHistogram::new()?,
        })
    }

    /// Notes how many rounds were due and not committed.
    pub(crate) fn note_backlog(&mut self, rounds: u64, is_late: bool) {
        self.backlog.add(rounds);
        if is_late {
            self.late_backlog.add(rounds);
        }
    }

    /// Quantiles of the backlog, in rounds.
    pub(crate) fn backlog(&self) -> Quantiles {
        self.backlog.quantiles_in(1.0)
    }

    /// Whether the pace was kept: over the last tenth of the rounds, in the median, the backlog was no more than what
    /// the target holds, so that no round had to wait outside. Nothing if no history came so far.
    pub(crate) fn held(&self, rounds_max: u64) -> Option<bool> {
        self.late_backlog.median().map(|median| median <= rounds_max)
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
    pub(crate) fn hops(&self) -> impl Iterator<Item = (&'static str, &LatencyHistogram)> {
        let through_nodes = !self.network.is_empty();
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
        for (name, times) in named.into_iter().chain(self.hops()) {
            for Bin { low_ns, high_ns, samples, quantile } in times.bins() {
                // Writing to a string cannot fail.
                let _ = writeln!(
                    text,
                    "{name},{},{},{samples},{quantile:.9}",
                    low_ns as f64 / 1e3,
                    high_ns as f64 / 1e3
                );
            }
        }
        text
    }
}

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
