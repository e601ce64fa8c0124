//! What a node tells Prometheus, and whoever asks whether it is well.
//!
//! The engine lays out a [`Snapshot`] now and then, and goes on at once if somebody is just looking at the last one. So
//! neither a slow scraper nor a hundred of them can hold it up.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use outrider::clock_ns;
use outrider_wire::Hops;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::{Registry, Unit};

use crate::journal::NodeCounters;
use crate::logging::name;

/// An engine that has not laid out a snapshot for so long is not well.
const STALL_NS: u64 = 2_000_000_000;
/// Upper ends of a histogram's bins, in nanoseconds; one more bin takes what is longer.
const BINS_NS: [u64; 19] = [
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
    pub(crate) taken_ns: u64,
    pub(crate) counters: NodeCounters,
    pub(crate) connections: u64,
    pub(crate) sessions: u64,
    pub(crate) streams: u64,
    pub(crate) jobs: u64,
    pub(crate) is_draining: bool,
    pub(crate) latencies: Latencies,
}

/// Where the time of cells went.
#[derive(Debug, Clone, Default)]
pub(crate) struct Latencies {
    /// From the last round of the window until given to a worker.
    wait: Histogram,
    /// Until the worker began.
    queue: Histogram,
    decode: Histogram,
    /// From the last round of the window until the commit was ready to be sent.
    total: Histogram,
}

#[derive(Debug, Clone, Default)]
struct Histogram {
    bins: [u64; BINS_NS.len() + 1],
    sum_ns: u64,
    count: u64,
}

/// How a node is, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Health {
    Well,
    /// It shuts down.
    Draining,
    /// Its engine has not been heard of for a while.
    Stalled,
}

impl Latencies {
    /// Notes the hops of a cell whose commit is ready.
    pub(crate) fn note(&mut self, hops: &Hops, now: u64) {
        self.wait.span(hops.ingest_ns, hops.dispatched_ns);
        self.queue.span(hops.dispatched_ns, hops.decode_start_ns);
        self.decode.span(hops.decode_start_ns, hops.decode_end_ns);
        self.total.span(hops.ingest_ns, now);
    }
}

impl Histogram {
    fn span(&mut self, from_ns: u64, to_ns: u64) {
        let span = to_ns.saturating_sub(from_ns);
        self.bins[BINS_NS.partition_point(|&end| end < span)] += 1;
        self.sum_ns = self.sum_ns.saturating_add(span);
        self.count += 1;
    }
}

/// The metrics of a node.
#[derive(Debug)]
pub(crate) struct Metrics(Registry);

impl Metrics {
    pub(crate) fn new(snapshot: Arc<Mutex<Snapshot>>, dropped_lines: Option<DroppedLines>) -> Self {
        let mut registry = Registry::with_prefix("outrider");
        registry.register_collector(Box::new(Node { snapshot, dropped_lines }));
        Self(registry)
    }

    /// Everything in the text format of OpenMetrics.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = encode(&mut text, &self.0);
        text
    }
}

impl Snapshot {
    pub(crate) fn health(&self) -> Health {
        if clock_ns().saturating_sub(self.taken_ns) > STALL_NS {
            Health::Stalled
        } else if self.is_draining {
            Health::Draining
        } else {
            Health::Well
        }
    }
}

/// Tells how many lines of a log were dropped.
pub(crate) type DroppedLines = Arc<dyn Fn() -> u64 + Send + Sync>;

struct Node {
    snapshot: Arc<Mutex<Snapshot>>,
    dropped_lines: Option<DroppedLines>,
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node").field("snapshot", &self.snapshot).finish_non_exhaustive()
    }
}

impl Collector for Node {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        let snapshot = self.snapshot.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let counters = &snapshot.counters;
        for (name, help, value) in [
            ("connections", "Connections taken", counters.connections),
            ("connections_refused", "Connections refused because of a limit", counters.connections_refused),
            ("sessions", "Sessions begun", counters.sessions),
            ("resumptions", "Sessions that went on over another connection", counters.resumptions),
            ("rounds", "Rounds taken in", counters.rounds),
            ("cells", "Cells decided and sent", counters.cells),
            ("detection_events", "Detection events in the windows of decided cells", counters.events),
            ("stale_cells", "Cells decided in vain: they had been given away", counters.stale_cells),
            ("failed_cells", "Cells that could not be decided", counters.failed_cells),
            (
                "log_lines_dropped",
                "Lines of the log that nobody took in time",
                counters.untold + self.dropped_lines.as_ref().map_or(0, |count| count()),
            ),
        ] {
            use prometheus_client::encoding::EncodeMetric;
            let counter = ConstCounter::new(value);
            let metric = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
            counter.encode(metric)?;
        }
        for (family, help, codes) in [
            ("session_failures", "Sessions that ended by an error, by its name", &counters.failures),
            ("connection_losses", "Connections lost or refused, by the error's name", &counters.lost),
            (
                "stream_failures",
                "Streams that could not go on, by the error's name",
                &counters.stream_failures,
            ),
        ] {
            let mut metric = encoder.encode_descriptor(family, help, None, MetricType::Counter)?;
            for (&code, &count) in codes {
                let label = [("error", name(code))];
                metric.encode_family(&label)?.encode_counter::<NoLabelSet, u64, f64>(&count, None)?;
            }
        }
        for (name, help, value) in [
            ("open_connections", "Connections at the moment", snapshot.connections),
            ("open_sessions", "Sessions at the moment", snapshot.sessions),
            ("open_streams", "Streams at the moment", snapshot.streams),
            ("cells_in_work", "Cells that are with workers", snapshot.jobs),
            ("draining", "1 while the node shuts down", snapshot.is_draining.into()),
        ] {
            use prometheus_client::encoding::EncodeMetric;
            let gauge = ConstGauge::new(value as i64);
            let metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            gauge.encode(metric)?;
        }
        let Latencies { wait, queue, decode, total } = &snapshot.latencies;
        for (name, help, histogram) in [
            ("cell_wait", "From the last round of a cell's window until it was given to a worker", wait),
            ("cell_queue", "From then until the worker began", queue),
            ("cell_decode", "Decoding a cell", decode),
            ("cell", "From the last round of a cell's window until its commit was ready", total),
        ] {
            let ends = BINS_NS.iter().map(|&end| end as f64 / 1e9).chain([f64::INFINITY]);
            let bins: Vec<_> = ends.zip(histogram.bins).collect();
            let sum = histogram.sum_ns as f64 / 1e9;
            encoder
                .encode_descriptor(name, help, Some(&Unit::Seconds), MetricType::Histogram)?
                .encode_histogram::<NoLabelSet>(sum, histogram.count, &bins, None)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_fall_into_their_bins() {
        let mut histogram = Histogram::default();
        for span in [0, 1_000, 1_001, 1_000_000_000, 1_000_000_001] {
            histogram.span(5, 5 + span);
        }
        histogram.span(7, 5);
        assert_eq!(histogram.bins[0], 3);
        assert_eq!(histogram.bins[1], 1);
        assert_eq!(histogram.bins[BINS_NS.len() - 1], 1);
        assert_eq!(histogram.bins[BINS_NS.len()], 1);
        assert_eq!((histogram.count, histogram.sum_ns), (6, 2_000_002_002));
    }
}
