//! Snapshots in the text format of OpenMetrics, for Prometheus.
//!
//! A collector and no families of counters and histograms: the event loop would have to update those one by one, where
//! whoever reads the metrics could hold it up. So it lays out a whole snapshot now and then (`node_snapshot.rs`), and this
//! translates the last one when it is asked.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use outrider_node::NodeCounters;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::{Registry, Unit};

use crate::logging::{DroppedLines, error_name};
use crate::node_snapshot::{BINS_NS, Latencies, Snapshot};

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
        let dropped_lines = self.dropped_lines.as_ref().map_or(0, |count| count());
        for (name, help, value) in counts(counters, dropped_lines) {
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
                let label = [("error", error_name(code))];
                metric.encode_family(&label)?.encode_counter::<NoLabelSet, u64, f64>(&count, None)?;
            }
        }
        for (name, help, value) in levels(&snapshot) {
            use prometheus_client::encoding::EncodeMetric;
            let gauge = ConstGauge::new(value as i64);
            let metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            gauge.encode(metric)?;
        }
        for (name, help, value) in noise(&snapshot) {
            use prometheus_client::encoding::EncodeMetric;
            let gauge = ConstGauge::new(value);
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

/// What has been counted: names, descriptions and numbers.
fn counts(counters: &NodeCounters, dropped_lines: u64) -> [(&'static str, &'static str, u64); 14] {
    [
        ("connections", "Connections taken", counters.connections),
        ("connections_refused", "Connections refused because of a limit", counters.connections_refused),
        (
            "greetings_evicted",
            "Connections without a HELLO that had to make room for others",
            counters.greetings_evicted,
        ),
        ("sessions", "Sessions begun", counters.sessions),
        ("resumptions", "Sessions that went on over another connection", counters.resumptions),
        (
            "sessions_evicted",
            "Sessions without a connection that had to make room for others",
            counters.sessions_evicted,
        ),
        ("frames", "Frames taken in", counters.frames),
        ("rounds", "Rounds taken in", counters.rounds),
        ("cells", "Cells decided and sent", counters.cells),
        ("detection_events", "Detection events in the windows of decided cells", counters.events),
        ("stale_cells", "Cells decided in vain: they had been given away", counters.stale_cells),
        ("failed_cells", "Cells that could not be decided", counters.failed_cells),
        ("weights", "Versions of learned weights taken in", counters.weights),
        (
            "log_lines_dropped",
            "Lines of the log that were left out, or that nobody took in time",
            counters.dropped + dropped_lines,
        ),
    ]
}

/// What is known of the noise, where it is learned.
fn noise(snapshot: &Snapshot) -> impl Iterator<Item = (&'static str, &'static str, f64)> {
    snapshot.learned_noise.into_iter().flat_map(|noise| {
        [
            (
                "noise_mean_factor",
                "Mean factor on the model's rates, by the weights that came last",
                noise.mean_factor,
            ),
            ("noise_largest_drift", "The one of these factors that is farthest from 1", noise.largest_drift),
        ]
    })
}

/// How things stand at the moment.
fn levels(snapshot: &Snapshot) -> [(&'static str, &'static str, u64); 6] {
    [
        ("open_connections", "Connections at the moment", snapshot.connections),
        ("open_sessions", "Sessions at the moment", snapshot.sessions),
        ("open_streams", "Streams at the moment", snapshot.streams),
        ("cells_in_work", "Cells that are with workers", snapshot.jobs),
        (
            "frames_between_feeds_max",
            "Most frames that were taken in before the workers had their turn",
            snapshot.frames_between_feeds_max,
        ),
        ("draining", "1 while the node shuts down", snapshot.is_draining.into()),
    ]
}
