//! Single-shot latency on one pinned thread.
//!
//! Every sample is kept, unlike in the histogram of `report/latency_histogram.rs`. Shots are in memory anyway, so their
//! number bounds that of the samples. And decoders that are compared differ by less than a bin of the histogram, a
//! thousandth of the time: exact quantiles show it, and so does the mean.

use std::time::Instant;

use outrider::Shots;

use crate::decoding::decode_shots::events;
use crate::decoding::shot_decoder::DecodeShot;
use crate::decoding::stages::Stages;
use crate::error::Result;
use crate::report::statistics::StageTotals;

/// Shots decoded before the clock counts.
const WARM_UP_SHOTS: usize = 2000;

/// What was measured.
pub(crate) struct Measured {
    /// Time of every shot, from its packed bits to its observables.
    pub(crate) latencies: Latencies,
    /// Detection events of all shots.
    pub(crate) events: u64,
    /// Events that were left to match after pre-decoding.
    pub(crate) events_left: u64,
}

/// Latencies of single shots, in nanoseconds.
pub(crate) struct Latencies {
    sorted_ns: Vec<u64>,
}

impl Latencies {
    /// Takes the samples in any order.
    fn new(mut samples_ns: Vec<u64>) -> Self {
        samples_ns.sort_unstable();
        Self { sorted_ns: samples_ns }
    }

    /// Mean in microseconds; 0 without samples.
    pub(crate) fn mean_us(&self) -> f64 {
        let total: u64 = self.sorted_ns.iter().sum();
        if self.sorted_ns.is_empty() { 0.0 } else { total as f64 / self.sorted_ns.len() as f64 / 1e3 }
    }

    /// The smallest sample with at least `fraction` of the samples at or below it (nearest rank), in
    /// microseconds.
    pub(crate) fn quantile_us(&self, fraction: f64) -> f64 {
        let rank = (fraction * self.sorted_ns.len() as f64).ceil() as usize;
        let index = rank.clamp(1, self.sorted_ns.len().max(1)) - 1;
        self.sorted_ns.get(index).map_or(0.0, |&ns| ns as f64 / 1e3)
    }

    /// The slowest sample in microseconds.
    pub(crate) fn max_us(&self) -> f64 {
        self.quantile_us(1.0)
    }
}

/// Decodes every shot once, after a warm-up on the first ones, on a thread of its own that stays on one
/// core where the system allows it.
pub(crate) fn measure(decoder: &mut dyn DecodeShot, shots: &Shots) -> Result<Measured> {
    on_one_core(|| measure_here(decoder, shots))
}

/// The same with pre-decoder and decoder timed apart; of times only the totals.
pub(crate) fn measure_stages(stages: &mut Stages, shots: &Shots) -> Result<StageTotals> {
    on_one_core(|| {
        let detectors = stages.graph().node_count();
        let mut observables = vec![0; stages.graph().observable_bytes()];
        for row in 0..shots.len().min(WARM_UP_SHOTS) {
            stages.decode(events(shots, row, detectors), &[], &mut observables)?;
        }
        let mut totals = StageTotals::default();
        for row in 0..shots.len() {
            let shot = stages.decode(events(shots, row, detectors), &[], &mut observables);
            totals += shot.map_err(|error| error.with_shot(row as u64 + 1))?;
        }
        Ok(totals)
    })
}

fn on_one_core<T: Send>(body: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            pin_to_one_core();
            body()
        });
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

fn measure_here(decoder: &mut dyn DecodeShot, shots: &Shots) -> Result<Measured> {
    let mut observables = vec![0; decoder.observable_bytes()];
    for row in shots.rows().take(WARM_UP_SHOTS) {
        decoder.decode_shot(row, &mut observables)?;
    }
    let (mut events, mut events_left) = (0, 0);
    let mut samples_ns = Vec::with_capacity(shots.len());
    for (index, row) in shots.rows().enumerate() {
        let clock = Instant::now();
        let left = decoder.decode_shot(row, &mut observables);
        let elapsed = clock.elapsed();
        let left = left.map_err(|error| error.with_shot(index as u64 + 1))?;
        let count = shots.ones(index).count() as u64;
        events += count;
        events_left += left.map_or(count, u64::from);
        samples_ns.push(u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX));
    }
    Ok(Measured { latencies: Latencies::new(samples_ns), events, events_left })
}

/// Keeps this thread on the last core that it may use: the first ones tend to serve interrupts. Best
/// effort: without it latencies are only noisier.
#[cfg(target_os = "linux")]
fn pin_to_one_core() {
    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
    let Ok(allowed) = sched_getaffinity(None) else { return };
    let Some(last) = (0..CpuSet::MAX_CPU).rev().find(|&cpu| allowed.is_set(cpu)) else { return };
    let mut one = CpuSet::new();
    one.set(last);
    let _ = sched_setaffinity(None, &one);
}

#[cfg(not(target_os = "linux"))]
fn pin_to_one_core() {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_nearest_ranks() {
        let latencies = Latencies::new((1..=1000).rev().map(|k| k * 1000).collect());
        assert_eq!(latencies.quantile_us(0.5), 500.0);
        assert_eq!(latencies.quantile_us(0.99), 990.0);
        assert_eq!(latencies.quantile_us(0.999), 999.0);
        assert_eq!(latencies.max_us(), 1000.0);
        assert_eq!(latencies.mean_us(), 500.5);
        assert_eq!(Latencies::new(Vec::new()).quantile_us(0.5), 0.0);
    }
}
