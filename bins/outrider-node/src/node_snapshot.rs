//! How a node is: counts, and where the time of its cells went.
//!
//! The event loop lays out a [`Snapshot`] now and then, and goes on at once if somebody is just looking at the last one.
//! So neither a slow reader nor a hundred of them can hold it up. Its histograms have the few bins that Prometheus is given:
//! to copy them is cheap, which with those of `hdrhistogram` it would not be.

use outrider::{LearnedNoise, clock_ns};
use outrider_node::NodeCounters;
use outrider_wire::{Hops, Time};

/// An event loop that has not laid out a snapshot for so long is not well.
const STALL_NS: u64 = 2_000_000_000;
/// Upper ends of a histogram's bins, in nanoseconds; one more bin takes what is longer.
pub(crate) const BINS_NS: [u64; 19] = [
    1_000,
    2_000,
    5_000,
    10_000,
    20_000,
    50_000,
    100_000,
    200_000,
    500_000,
    1_000_000,
    2_000_000,
    5_000_000,
    10_000_000,
    20_000_000,
    50_000_000,
    100_000_000,
    200_000_000,
    500_000_000,
    1_000_000_000,
];

/// How a node is.
#[derive(Debug, Clone, Default)]
pub(crate) struct Snapshot {
    pub(crate) taken: Time,
    pub(crate) counters: NodeCounters,
    pub(crate) connections: u64,
    pub(crate) sessions: u64,
    pub(crate) streams: u64,
    pub(crate) jobs: u64,
    /// Most frames that were taken in between two looks at the workers.
    pub(crate) frames_between_feeds_max: u64,
    pub(crate) is_draining: bool,
    pub(crate) latencies: Latencies,
    /// By the weights that came last.
    pub(crate) learned_noise: Option<LearnedNoise>,
}

/// Where the time of cells went.
#[derive(Debug, Clone, Default)]
pub(crate) struct Latencies {
    /// From the last round of the window until given to a worker.
    pub(crate) wait: Histogram,
    /// Until the worker began.
    pub(crate) queue: Histogram,
    pub(crate) decode: Histogram,
    /// From the last round of the window until the commit was ready to be sent.
    pub(crate) total: Histogram,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Histogram {
    pub(crate) bins: [u64; BINS_NS.len() + 1],
    pub(crate) sum_ns: u64,
    pub(crate) count: u64,
}

/// How a node is, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Health {
    Well,
    /// It shuts down.
    Draining,
    /// Its event loop has not been heard of for a while.
    Stalled,
}

impl Snapshot {
    pub(crate) fn health(&self) -> Health {
        if Time(clock_ns()).since(self.taken) > STALL_NS {
            Health::Stalled
        } else if self.is_draining {
            Health::Draining
        } else {
            Health::Well
        }
    }
}

impl Latencies {
    /// Notes the hops of a cell whose commit is ready.
    pub(crate) fn note(&mut self, hops: &Hops, now: Time) {
        self.wait.span(hops.ingest, hops.dispatched);
        self.queue.span(hops.dispatched, hops.decode_start);
        self.decode.span(hops.decode_start, hops.decode_end);
        self.total.span(hops.ingest, now);
    }
}

impl Histogram {
    fn span(&mut self, from: Time, to: Time) {
        let span = to.since(from);
        self.bins[BINS_NS.partition_point(|&end| end < span)] += 1;
        self.sum_ns = self.sum_ns.saturating_add(span);
        self.count += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_fall_into_their_bins() {
        let mut histogram = Histogram::default();
        for span in [0, 1_000, 1_001, 1_000_000_000, 1_000_000_001] {
            histogram.span(Time(5), Time(5 + span));
        }
        histogram.span(Time(7), Time(5));
        assert_eq!(histogram.bins[0], 3);
        assert_eq!(histogram.bins[1], 1);
        assert_eq!(histogram.bins[BINS_NS.len() - 1], 1);
        assert_eq!(histogram.bins[BINS_NS.len()], 1);
        assert_eq!((histogram.count, histogram.sum_ns), (6, 2_000_002_002));
    }
}
