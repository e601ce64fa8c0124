//! Rates with their intervals, and latency distributions.

/// Two-sided 95 % quantile of the normal distribution.
const Z_95: f64 = 1.959_963_984_540_054;

/// The Wilson score interval at 95 % for `hits` of `trials`: honest for few or no hits, cheap to check by
/// hand.
pub(crate) fn wilson(hits: u64, trials: u64) -> (f64, f64) {
    if trials == 0 {
        return (0.0, 1.0);
    }
    let n = trials as f64;
    let rate = hits as f64 / n;
    let z2 = Z_95 * Z_95;
    let centre = rate + z2 / (2.0 * n);
    let spread = Z_95 * (rate * (1.0 - rate) / n + z2 / (4.0 * n * n)).sqrt();
    let scale = 1.0 + z2 / n;
    let low = if hits == 0 { 0.0 } else { (centre - spread) / scale };
    let high = if hits == trials { 1.0 } else { (centre + spread) / scale };
    (low, high)
}

/// Latencies of single shots, in nanoseconds.
pub(crate) struct Latencies {
    sorted_ns: Vec<u64>,
}

impl Latencies {
    /// Takes the samples in any order.
    pub(crate) fn new(mut samples_ns: Vec<u64>) -> Self {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wilson_agrees_with_worked_values() {
        // Newcombe, Statistics in Medicine 17 (1998) 857: 81/263, 15/148, 0/20, 1/29.
        for (hits, trials, low, high) in [
            (81, 263, 0.2553, 0.3662),
            (15, 148, 0.0624, 0.1605),
            (0, 20, 0.0, 0.1611),
            (1, 29, 0.0061, 0.1718),
        ] {
            let (l, h) = wilson(hits, trials);
            assert!((l - low).abs() < 5e-5 && (h - high).abs() < 5e-5, "{hits}/{trials}: {l} {h}");
        }
        assert_eq!(wilson(5, 5).1, 1.0);
        assert_eq!(wilson(0, 0), (0.0, 1.0));
    }

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
