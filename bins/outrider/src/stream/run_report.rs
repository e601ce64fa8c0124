//! What `outrider stream` reports of a run.

use serde::Serialize;

use crate::report::latency_histogram::Quantiles;
use crate::stream::node_report::{Failover, NodeReport};
use crate::stream::snapshot::Measured;

/// The object that `--json` writes.
#[derive(Serialize)]
pub(crate) struct Report {
    #[serde(flatten)]
    pub(crate) measured: Measured,
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
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) restored: Option<FromJournal>,
}

/// What an earlier process left in its journal: part of the rounds and cells, and of no time.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct FromJournal {
    /// Layers, those of readouts among them.
    pub(crate) layers: u64,
    pub(crate) cells: u64,
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
        self.pace_text() + &self.measured.latency_table() + &self.outcome_text()
    }

    fn pace_text(&self) -> String {
        let measured = &self.measured;
        let mut text = format!(
            "{} rounds in {} histories, {:.3} s, {:.0} rounds/s, {:.3} events/round\n\
             {} on {}; cells of {} rounds, spacing {}, buffer {}\n",
            measured.rounds,
            measured.histories,
            measured.seconds,
            measured.rounds_per_second,
            measured.detection_events as f64 / measured.rounds.max(1) as f64,
            self.decoder,
            self.place(),
            self.window.commit,
            self.window.spacing,
            self.window.buffer,
        );
        if measured.round_time_us > 0.0 {
            let verdict = verdict(measured.held, measured.held_between_stalls);
            text += &format!("{} us a round: {verdict}\n", measured.round_time_us);
        }
        if let Some(stalls) = measured.stalls.filter(|stalls| stalls.count > 0) {
            text += &format!(
                "stalls of this machine: {}, {:.1} ms in all, the longest {:.1} ms; {} rounds came in them\n",
                stalls.count,
                stalls.total_us / 1e3,
                stalls.longest_us / 1e3,
                stalls.stalled_rounds,
            );
        }
        if let Some(noise) = measured.learned_noise {
            text += &format!(
                "learned noise: weights of version {}; rates {:.3} times the model's in the mean, farthest from it {:.2} times\n",
                noise.version, noise.mean_factor, noise.largest_drift,
            );
        }
        text += &format!(
            "lost rounds: {}; waited for room: {}; backlog p50 {:.0}, p99 {:.0}, max {:.0} of at most {} rounds\n",
            measured.lost_rounds,
            measured.credit_stops,
            measured.backlog_rounds.p50,
            measured.backlog_rounds.p99,
            measured.backlog_rounds.max,
            measured.rounds_max,
        );
        text
    }

    fn outcome_text(&self) -> String {
        let measured = &self.measured;
        let mut text = String::new();
        for node in &self.nodes {
            text += &format!("{}\n", node.summary());
        }
        for Failover { node, why, detection, total } in &measured.failover_us {
            text += &format!(
                "{node} lost ({why}): its cells given to others after {detection:.0} us, all that waited committed \
                 after {total:.0} us\n"
            );
        }
        if let Some(errors) = measured.logical_errors {
            text += &format!("logical errors: {errors} in {} histories\n", measured.histories);
        }
        if let (Some(mismatches), Some(compared)) = (measured.batch_mismatches, measured.answers_compared) {
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
        if let Some(FromJournal { layers, cells }) = self.restored {
            text += &format!("from the journal: {layers} rounds, readouts included, and {cells} cells\n");
        }
        if self.was_interrupted {
            text += "interrupted: the last history was ended early\n";
        }
        text
    }
}

impl Measured {
    /// Quantiles of reaction and commit lag, and of the hops of a cell.
    fn latency_table(&self) -> String {
        let mut text =
            format!("{:<12} {:>10} {:>10} {:>10} {:>10} {:>10}\n", "us", "p50", "p90", "p99", "p99.9", "max");
        let rows = [("reaction", &self.reaction_us), ("commit lag", &self.commit_lag_us)];
        let hops = HOPS.iter().filter_map(|&name| Some((name, self.hops_us.get(name)?)));
        for (name, Quantiles { p50, p90, p99, p999, max, .. }) in rows.into_iter().chain(hops) {
            text += &format!("{name:<12} {p50:>10.2} {p90:>10.2} {p99:>10.2} {p999:>10.2} {max:>10.2}\n");
        }
        text
    }
}

/// Whether a pace was held, in words: altogether, and between stalls of the machine.
pub(crate) fn verdict(held: Option<bool>, held_between_stalls: Option<bool>) -> &'static str {
    match (held, held_between_stalls) {
        (Some(true), _) => "held",
        (Some(false), Some(true)) => "NOT held, but between the stalls of this machine it is",
        (Some(false), _) => "NOT held",
        (None, _) => "not known whether it is held",
    }
}

/// The hops of a cell in the order in which it takes them, as far as it does.
const HOPS: [&str; 6] = ["ingest", "network", "dispatch", "queue", "decode", "merge"];
