//! What `outrider stream` reports of a run.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::report::latency_histogram::Quantiles;
use crate::stream::node_report::{Failover, NodeReport};
use crate::stream::verify::Verified;

/// The object that `--json` writes.
#[derive(Serialize)]
pub(crate) struct Report {
    /// Rounds streamed; every history has a layer more, that of its final readout.
    pub(crate) rounds: u64,
    pub(crate) histories: u64,
    /// 0 if rounds came as fast as they were taken.
    pub(crate) round_time_us: f64,
    /// Whether the decoder kept up to the end; nothing without a round time, or if no history came near its end.
    pub(crate) held: Option<bool>,
    pub(crate) lost_rounds: u64,
    pub(crate) reaction_us: Quantiles,
    pub(crate) commit_lag_us: Quantiles,
    /// Answers that differ from the batch answer, of so many compared; nothing without `--verify`.
    pub(crate) batch_mismatches: Option<u64>,
    pub(crate) answers_compared: Option<u64>,
    /// Nodes that lost their cells to others, and what that cost each time.
    pub(crate) failovers: usize,
    pub(crate) failover_us: Vec<Failover>,
    /// Where the time of a cell went.
    pub(crate) hops_us: BTreeMap<&'static str, Quantiles>,
    pub(crate) backlog_rounds: Quantiles,
    /// Rounds that the decoder can hold.
    pub(crate) rounds_max: u64,
    /// Rounds that had to wait because it held as many.
    pub(crate) credit_stops: u64,
    pub(crate) cells: u64,
    pub(crate) detection_events: u64,
    /// Histories whose correction was wrong, where the truth is known.
    pub(crate) logical_errors: Option<u64>,
    /// In which a history was under way.
    pub(crate) seconds: f64,
    pub(crate) rounds_per_second: f64,
    pub(crate) was_interrupted: bool,
    pub(crate) decoder: String,
    pub(crate) isa: Option<String>,
    /// In this process, local nodes, or nodes that others have started.
    pub(crate) target: &'static str,
    pub(crate) nodes: Vec<NodeReport>,
    /// Threads that decode, on each local node if there are any.
    pub(crate) workers: Option<usize>,
    pub(crate) wait: String,
    pub(crate) window: Window,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sifl: Option<Sifl>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) find_rate: Option<FoundRate>,
}

/// How histories were cut, in rounds.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Window {
    pub(crate) commit: u32,
    pub(crate) spacing: u32,
    pub(crate) buffer: u32,
    pub(crate) context: u32,
}

/// The closed loop.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Sifl {
    pub(crate) steps: u64,
    /// Rounds of a step whose predecessor's correction landed at once.
    pub(crate) rounds_min: u64,
    pub(crate) rounds_mean: f64,
    pub(crate) rounds_most: u64,
    pub(crate) rounds_last: u64,
    /// Steps grew past the limit, and the loop was given up.
    pub(crate) diverged: bool,
}

/// The highest rate held.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct FoundRate {
    pub(crate) round_time_us: f64,
    pub(crate) rounds_per_second: f64,
    pub(crate) tries: Vec<RateTry>,
}

/// A round time that was tried.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct RateTry {
    pub(crate) round_time_us: f64,
    pub(crate) held: bool,
}

impl Report {
    /// What was compared.
    pub(crate) fn set_verified(&mut self, verified: Option<Verified>) {
        self.batch_mismatches = verified.map(|verified| verified.mismatches);
        self.answers_compared = verified.map(|verified| verified.answers);
    }

    /// Where the decoder worked.
    fn place(&self) -> String {
        match (self.nodes.len(), self.workers) {
            (0, Some(workers)) => format!("{workers} workers"),
            (nodes, Some(workers)) => format!("{nodes} {} of {workers} workers each", self.target),
            (nodes, None) => format!("{nodes} {}", self.target),
        }
    }

    /// The summary on standard output.
    pub(crate) fn summary(&self) -> String {
        let mut text = format!(
            "{} rounds in {} histories, {:.3} s, {:.0} rounds/s, {:.3} events/round\n\
             {} on {}; cells of {} rounds, spacing {}, buffer {}\n",
            self.rounds,
            self.histories,
            self.seconds,
            self.rounds_per_second,
            self.detection_events as f64 / self.rounds.max(1) as f64,
            self.decoder,
            self.place(),
            self.window.commit,
            self.window.spacing,
            self.window.buffer,
        );
        if self.round_time_us > 0.0 {
            let verdict = verdict(self.held);
            text += &format!("{} us a round: {verdict}\n", self.round_time_us);
        }
        text += &format!(
            "lost rounds: {}; waited for room: {}; backlog p50 {:.0}, p99 {:.0}, max {:.0} of at most {} rounds\n",
            self.lost_rounds,
            self.credit_stops,
            self.backlog_rounds.p50,
            self.backlog_rounds.p99,
            self.backlog_rounds.max,
            self.rounds_max,
        );
        text += &format!(
            "{:<12} {:>10} {:>10} {:>10} {:>10} {:>10}\n",
            "us", "p50", "p90", "p99", "p99.9", "max"
        );
        let rows = [("reaction", &self.reaction_us), ("commit lag", &self.commit_lag_us)];
        let hops = HOPS.iter().filter_map(|&name| Some((name, self.hops_us.get(name)?)));
        for (name, Quantiles { p50, p90, p99, p999, max, .. }) in rows.into_iter().chain(hops) {
            text += &format!("{name:<12} {p50:>10.2} {p90:>10.2} {p99:>10.2} {p999:>10.2} {max:>10.2}\n");
        }
        for node in &self.nodes {
            text += &format!("{}\n", node.summary());
        }
        for Failover { node, why, detection, total } in &self.failover_us {
            text += &format!(
                "{node} lost ({why}): its cells given to others after {detection:.0} us, all that waited committed \
                 after {total:.0} us\n"
            );
        }
        if let Some(errors) = self.logical_errors {
            text += &format!("logical errors: {errors} in {} histories\n", self.histories);
        }
        if let (Some(mismatches), Some(compared)) = (self.batch_mismatches, self.answers_compared) {
            text += &format!("batch mismatches: {mismatches} in {compared} answers compared\n");
        }
        if let Some(sifl) = &self.sifl {
            let verdict = if sifl.diverged { "DIVERGES" } else { "does not diverge" };
            text += &format!(
                "closed loop: {} steps, {:.2} rounds a step (at least {}, at most {}); it {verdict}\n",
                sifl.steps, sifl.rounds_mean, sifl.rounds_min, sifl.rounds_most
            );
        }
        if let Some(found) = &self.find_rate {
            text += &format!(
                "highest rate held: a round every {:.4} us, {:.0} rounds/s ({} tries)\n",
                found.round_time_us,
                found.rounds_per_second,
                found.tries.len()
            );
        }
        if self.was_interrupted {
            text += "interrupted: the last history was ended early\n";
        }
        text
    }
}

/// Whether a pace was held, in words.
pub(crate) fn verdict(held: Option<bool>) -> &'static str {
    match held {
        Some(true) => "held",
        Some(false) => "NOT held",
        None => "not known whether it is held",
    }
}

/// The hops of a cell in the order in which it takes them, as far as it does.
const HOPS: [&str; 6] = ["ingest", "network", "dispatch", "queue", "decode", "merge"];
