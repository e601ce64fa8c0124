//! What `outrider stream` measures: counts, and latencies in HDR histograms.

use std::fmt::Write as _;

use crate::error::Result;
use crate::report::latency_histogram::{Bin, LatencyHistogram, Quantiles};
use crate::stream::stalls::Stalls;

/// Everything measured over the histories of a run.
pub(crate) struct Figures {
    /// Layers pushed, and those of them whose cells were not all reported.
    pub(crate) layers: u64,
    pub(crate) layers_lost: u64,
    pub(crate) histories: u64,
    /// Layers and cells that an earlier process left in its journal.
    pub(crate) layers_restored: u64,
    pub(crate) cells_restored: u64,
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
    /// Stalls of the thread that takes the rounds.
    pub(crate) stalls: Stalls,
    /// Rounds due and not committed, looked at whenever one is pushed, from the warm-up on; and those while no stall was
    /// to blame.
    backlog: LatencyHistogram,
    calm_backlog: LatencyHistogram,
}

impl Figures {
    pub(crate) fn new() -> Result<Self> {
        Ok(Self {
            layers: 0,
            layers_lost: 0,
            histories: 0,
            layers_restored: 0,
            cells_restored: 0,
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
            stalls: Stalls::default(),
            backlog: LatencyHistogram::new()?,
            calm_backlog: LatencyHistogram::new()?,
        })
    }

    /// Notes how many rounds were due and not committed when one was pushed after the warm-up.
    pub(crate) fn note_backlog(&mut self, rounds: u64, is_calm: bool) {
        self.backlog.add(rounds);
        if is_calm {
            self.calm_backlog.add(rounds);
        }
    }

    /// Quantiles of the backlog, in rounds.
    pub(crate) fn backlog(&self) -> Quantiles {
        self.backlog.quantiles_in(1.0)
    }

    /// Rounds after the warm-up that came while a stall was to blame for what was late.
    pub(crate) fn stalled_rounds(&self) -> u64 {
        self.backlog.samples() - self.calm_backlog.samples()
    }

    /// Whether the pace was held: from the warm-up on, 99 times of 100, the backlog was no more than what the target
    /// holds, so that no round had to wait outside. Nothing if no round came so far.
    pub(crate) fn held(&self, rounds_max: u64) -> Option<bool> {
        self.backlog.quantile(HELD_QUANTILE).map(|backlog| backlog <= rounds_max)
    }

    /// The same of the rounds for which no stall was to blame, if they are most of all.
    pub(crate) fn held_between_stalls(&self, rounds_max: u64) -> Option<bool> {
        let most = self.calm_backlog.samples() > self.stalled_rounds();
        self.calm_backlog.quantile(HELD_QUANTILE).filter(|_| most).map(|backlog| backlog <= rounds_max)
    }

    /// Rounds, the layer of the readout not among them.
    pub(crate) fn rounds(&self) -> u64 {
        self.layers - self.histories
    }

    /// Layers a second.
    pub(crate) fn rate(&self) -> f64 {
        self.layers.saturating_sub(self.layers_restored) as f64 * 1e9 / self.nanoseconds.max(1) as f64
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

/// The share of rounds that find room at a pace that is held.
const HELD_QUANTILE: f64 = 0.99;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pace_is_held_if_one_round_in_a_hundred_has_to_wait() {
        let mut figures = Figures::new().expect("memory");
        assert_eq!(figures.held(10), None);
        (0..99).for_each(|_| figures.note_backlog(10, true));
        figures.note_backlog(1_000, true);
        assert_eq!((figures.held(10), figures.held(9)), (Some(true), Some(false)));
        // Half of all late is what a median would not show.
        figures.note_backlog(11, true);
        assert_eq!(figures.held(10), Some(false));
    }

    #[test]
    fn what_stalls_are_to_blame_for_is_told_apart() {
        let mut figures = Figures::new().expect("memory");
        (0..60).for_each(|_| figures.note_backlog(3, true));
        (0..40).for_each(|_| figures.note_backlog(5_000, false));
        assert_eq!((figures.held(10), figures.held_between_stalls(10)), (Some(false), Some(true)));
        assert_eq!(figures.stalled_rounds(), 40);
        (0..20).for_each(|_| figures.note_backlog(5_000, false));
        assert_eq!(figures.held_between_stalls(10), None);
    }
}
