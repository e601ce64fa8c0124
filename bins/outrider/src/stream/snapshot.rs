//! A stream and its nodes at a moment, as data: the terminal shows it as text, and `--snapshots` writes it as an object.
//! `docs/real-time.md` describes the keys, which a test compares.

use std::collections::BTreeMap;

use outrider::LearnedNoise;
use serde::Serialize;

use crate::report::latency_histogram::Quantiles;
use crate::stream::figures::Figures;
use crate::stream::node_report::{Failover, NodeReport};
use crate::stream::target::Target;
use crate::stream::verify::Verified;

/// Where a stream is, and what was measured so far.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Snapshot {
    #[serde(flatten)]
    pub(crate) measured: Measured,
    pub(crate) nodes: Vec<NodeReport>,
    /// Between histories there is none.
    pub(crate) history: Option<HistoryProgress>,
}

/// What was measured of a stream. Rounds, histories and seconds are those of histories that are over.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Measured {
    /// Rounds streamed; every history has a layer more, that of its final readout.
    pub(crate) rounds: u64,
    pub(crate) histories: u64,
    /// 0 if rounds came as fast as they were taken.
    pub(crate) round_time_us: f64,
    /// Whether the decoder kept up from the warm-up on; nothing without a round time, or before.
    pub(crate) held: Option<bool>,
    /// The same of the rounds for which no stall was to blame; nothing if they are not most of all, or if this thread decodes.
    pub(crate) held_between_stalls: Option<bool>,
    /// Stalls of the machine on the thread that takes the rounds.
    pub(crate) stalls: Option<StallFigures>,
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
    /// What is known of the noise; nothing unless it is learned, and some of it is.
    pub(crate) learned_noise: Option<NoiseFigures>,
    /// Histories whose correction was wrong, where the truth is known.
    pub(crate) logical_errors: Option<u64>,
    /// In which a history was under way.
    pub(crate) seconds: f64,
    pub(crate) rounds_per_second: f64,
}

/// Learned noise, against that of the patch's model.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct NoiseFigures {
    /// The version of the weights that are made of it.
    pub(crate) version: u64,
    /// Of the factors on the rates of errors, the mean and the one farthest from 1.
    pub(crate) mean_factor: f64,
    pub(crate) largest_drift: f64,
}

impl From<LearnedNoise> for NoiseFigures {
    fn from(LearnedNoise { version, mean_factor, largest_drift }: LearnedNoise) -> Self {
        Self { version, mean_factor, largest_drift }
    }
}

/// What stalls of the machine have cost; nothing is known of them where the thread that takes the rounds decodes.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct StallFigures {
    pub(crate) count: u64,
    pub(crate) total_us: f64,
    pub(crate) longest_us: f64,
    /// Rounds after the warm-up that came during them, or for as long again afterwards.
    pub(crate) stalled_rounds: u64,
}

/// A history that is under way.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct HistoryProgress {
    /// Its number, from 1.
    pub(crate) number: u64,
    /// Rounds pushed, of so many that are expected.
    pub(crate) round: u64,
    pub(crate) length: u64,
    pub(crate) rounds_per_second: f64,
    /// Of all histories.
    pub(crate) events_per_round: f64,
    /// Rounds due and not committed.
    pub(crate) backlog_rounds: u64,
}

impl Snapshot {
    /// Between histories, of a stream with rounds so far apart, 0 if they come as fast as they are taken.
    pub(crate) fn new(
        figures: &Figures,
        target: &dyn Target,
        round_ns: f64,
        verified: Option<Verified>,
    ) -> Self {
        let mut measured =
            Measured::new(figures, target.rounds_max(), target.failovers(), round_ns, verified);
        if target.decodes_here() {
            (measured.stalls, measured.held_between_stalls) = (None, None);
        }
        measured.learned_noise = target.learned_noise().map(NoiseFigures::from);
        Self { measured, nodes: target.nodes(), history: None }
    }

    /// A few lines for a terminal; nothing between histories.
    pub(crate) fn text(&self) -> Option<String> {
        let history = self.history?;
        let Measured { commit_lag_us: lag, reaction_us: reaction, hops_us, cells, .. } = &self.measured;
        let decode = hops_us.get("decode")?;
        let noise = self.measured.learned_noise.map_or_else(String::new, |noise| {
            let NoiseFigures { version, mean_factor, largest_drift } = noise;
            format!(
                "\nweights {version}: rates {mean_factor:.3} times the model's, most drift {largest_drift:.2}"
            )
        });
        let nodes = self.nodes.iter().fold(String::new(), |text, node| text + "\n" + &node.summary());
        Some(format!(
            "history {}, round {} of {}: {:.0} rounds/s, {:.3} events/round\n\
             backlog {} rounds, {cells} cells\n\
             us, p50/p99/max: commit lag {:.1}/{:.1}/{:.1}, decode {:.1}/{:.1}/{:.1}, reaction {:.1}/{:.1}/{:.1}{noise}{nodes}",
            history.number,
            history.round,
            history.length,
            history.rounds_per_second,
            history.events_per_round,
            history.backlog_rounds,
            lag.p50,
            lag.p99,
            lag.max,
            decode.p50,
            decode.p99,
            decode.max,
            reaction.p50,
            reaction.p99,
            reaction.max,
        ))
    }
}

impl Measured {
    fn new(
        figures: &Figures,
        rounds_max: u64,
        failovers: &[Failover],
        round_ns: f64,
        verified: Option<Verified>,
    ) -> Self {
        Self {
            rounds: figures.rounds(),
            histories: figures.histories,
            round_time_us: round_ns / 1e3,
            held: figures.held(rounds_max).filter(|_| round_ns > 0.0),
            held_between_stalls: figures.held_between_stalls(rounds_max).filter(|_| round_ns > 0.0),
            stalls: Some(StallFigures {
                count: figures.stalls.count,
                total_us: figures.stalls.total_ns as f64 / 1e3,
                longest_us: figures.stalls.longest_ns as f64 / 1e3,
                stalled_rounds: figures.stalled_rounds(),
            }),
            lost_rounds: figures.layers_lost,
            reaction_us: figures.reaction.quantiles(),
            commit_lag_us: figures.commit_lag.quantiles(),
            batch_mismatches: verified.map(|verified| verified.mismatches),
            answers_compared: verified.map(|verified| verified.answers),
            failovers: failovers.len(),
            failover_us: failovers.to_vec(),
            hops_us: figures.hops().map(|(name, times)| (name, times.quantiles())).collect(),
            backlog_rounds: figures.backlog(),
            rounds_max,
            credit_stops: figures.credit_stops,
            cells: figures.cells,
            detection_events: figures.events,
            learned_noise: None,
            logical_errors: figures.logical_errors,
            seconds: figures.nanoseconds as f64 / 1e9,
            rounds_per_second: figures.rounds() as f64 * 1e9 / figures.nanoseconds.max(1) as f64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn snapshot() -> Snapshot {
        let mut figures = Figures::new().expect("memory");
        figures.histories = 2;
        figures.layers = 22;
        figures.cells = 7;
        figures.commit_lag.add(2_000);
        figures.decode.add(1_500);
        figures.reaction.add(3_000);
        let quantiles = figures.decode.quantiles();
        let measured = Measured::new(&figures, 40, &[], 1e3, None);
        let node = NodeReport {
            address: "unix:a.sock".to_owned(),
            state: "up",
            cells: 5,
            fences: 0,
            round_trip_us: Some(80.0),
            reconnects: 0,
            resent_frames: 0,
            credit_stops: 0,
            decode_us: quantiles,
        };
        let history = HistoryProgress {
            number: 3,
            round: 9,
            length: 11,
            rounds_per_second: 1e6,
            events_per_round: 0.25,
            backlog_rounds: 4,
        };
        Snapshot { measured, nodes: vec![node], history: Some(history) }
    }

    #[test]
    fn a_terminal_shows_the_history_under_way() {
        let text = "history 3, round 9 of 11: 1000000 rounds/s, 0.250 events/round\n\
                    backlog 4 rounds, 7 cells\n\
                    us, p50/p99/max: commit lag 2.0/2.0/2.0, decode 1.5/1.5/1.5, reaction 3.0/3.0/3.0\n\
                    unix:a.sock: up, 5 cells, decode p50 1.50, p99 1.50 us, round trip 80 us";
        assert_eq!(snapshot().text().as_deref(), Some(text));
        assert_eq!(Snapshot { history: None, ..snapshot() }.text(), None);
        let mut learned = snapshot();
        let noise = NoiseFigures { version: 4, mean_factor: 1.25, largest_drift: 3.5 };
        learned.measured.learned_noise = Some(noise);
        let line = "\nweights 4: rates 1.250 times the model's, most drift 3.50\nunix:a.sock";
        assert!(learned.text().is_some_and(|text| text.contains(line)));
    }

    #[test]
    fn it_is_an_object_for_a_page() {
        let object = serde_json::to_value(snapshot()).expect("plain data");
        assert_eq!(
            (&object["histories"], &object["rounds"], &object["rounds_max"]),
            (&2.into(), &20.into(), &40.into())
        );
        assert_eq!((&object["hops_us"]["decode"]["p50"], &object["held"]), (&1.5.into(), &Value::Null));
        assert_eq!(
            (&object["nodes"][0]["address"], &object["history"]["round"]),
            (&"unix:a.sock".into(), &9.into())
        );
    }
}
