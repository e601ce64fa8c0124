//! What `outrider stream` tells of a run.

use serde::Serialize;

use crate::stream_figures::{Figures, Quantiles};
use crate::stream_session::Verified;

/// The object that `--json` writes.
#[derive(Serialize)]
pub(crate) struct Report {
    /// Rounds streamed; every history has a layer more, that of its final readout.
    pub(crate) rounds: u64,
    pub(crate) histories: u64,
    /// 0 if rounds came as fast as they were taken.
    pub(crate) round_time_us: f64,
    /// Whether the decoder kept up to the end; nothing without a round time.
    pub(crate) held: Option<bool>,
    pub(crate) lost_rounds: u64,
    pub(crate) reaction_us: Quantiles,
    pub(crate) commit_lag_us: Quantiles,
    /// Answers that differ from the batch answer, of so many compared; nothing without `--verify`.
    pub(crate) batch_mismatches: Option<u64>,
    pub(crate) answers_compared: Option<u64>,
    pub(crate) failovers: u64,
    pub(crate) hops_us: Hops,
    pub(crate) backlog_rounds: Quantiles,
    /// Rounds that the decoder can hold.
    pub(crate) rounds_max: u64,
    pub(crate) cells: u64,
    pub(crate) detection_events: u64,
    /// Histories whose correction was wrong, where the truth is known.
    pub(crate) logical_errors: Option<u64>,
    pub(crate) seconds: f64,
    pub(crate) rounds_per_second: f64,
    pub(crate) was_interrupted: bool,
    pub(crate) decoder: String,
    pub(crate) isa: String,
    pub(crate) workers: usize,
    pub(crate) wait: String,
    pub(crate) window: Window,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sifl: Option<Sifl>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) find_rate: Option<FoundRate>,
}

/// Where the time of a cell went.
#[derive(Serialize)]
pub(crate) struct Hops {
    ingest: Quantiles,
    dispatch: Quantiles,
    queue: Quantiles,
    decode: Quantiles,
    merge: Quantiles,
}

/// How histories were cut, in rounds.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Window {
    pub(crate) commit: u32,
    pub(crate) gap: u32,
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

impl Hops {
    pub(crate) fn of(figures: &Figures) -> Self {
        let [ingest, dispatch, queue, decode, merge] = figures.hops().map(|(_, times)| times.quantiles());
        Self { ingest, dispatch, queue, decode, merge }
    }
}

impl Report {
    /// What was compared.
    pub(crate) fn set_verified(&mut self, verified: Option<Verified>) {
        self.batch_mismatches = verified.map(|verified| verified.mismatches);
        self.answers_compared = verified.map(|verified| verified.answers);
    }

    /// The summary on standard output.
    pub(crate) fn summary(&self) -> String {
        let mut text = format!(
            "{} rounds in {} histories, {:.3} s, {:.0} rounds/s, {:.3} events/round\n\
             {} on {} workers; cells of {} rounds, gaps of {}, buffers of {}\n",
            self.rounds,
            self.histories,
            self.seconds,
            self.rounds_per_second,
            self.detection_events as f64 / self.rounds.max(1) as f64,
            self.decoder,
            self.workers,
            self.window.commit,
            self.window.gap,
            self.window.buffer,
        );
        if let Some(held) = self.held {
            let verdict = if held { "held" } else { "NOT held" };
            text += &format!("{} us a round: {verdict}\n", self.round_time_us);
        }
        text += &format!(
            "lost rounds: {}; backlog p50 {:.0}, p99 {:.0}, max {:.0} rounds of {} held\n",
            self.lost_rounds,
            self.backlog_rounds.p50,
            self.backlog_rounds.p99,
            self.backlog_rounds.max,
            self.rounds_max,
        );
        text += &format!(
            "{:<12} {:>10} {:>10} {:>10} {:>10} {:>10}\n",
            "us", "p50", "p90", "p99", "p99.9", "max"
        );
        let rows = [
            ("reaction", &self.reaction_us),
            ("commit lag", &self.commit_lag_us),
            ("ingest", &self.hops_us.ingest),
            ("dispatch", &self.hops_us.dispatch),
            ("queue", &self.hops_us.queue),
            ("decode", &self.hops_us.decode),
            ("merge", &self.hops_us.merge),
        ];
        for (name, Quantiles { p50, p90, p99, p999, max, .. }) in rows {
            text += &format!("{name:<12} {p50:>10.2} {p90:>10.2} {p99:>10.2} {p999:>10.2} {max:>10.2}\n");
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
