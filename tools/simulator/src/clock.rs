//! The clock of a process: it shows any time, runs fast or slow, and may be set.

const MILLION: i128 = 1_000_000;

#[derive(Debug)]
pub(crate) struct SkewedClock {
    /// It showed `shown` at the world's time `since`.
    since: u64,
    shown: u64,
    /// What it gains in a second, in microseconds.
    drift_ppm: i32,
}

impl SkewedClock {
    pub(crate) fn new(shown: u64, drift_ppm: i32, now: u64) -> Self {
        Self { since: now, shown, drift_ppm }
    }

    /// What it shows at the world's time `now`.
    pub(crate) fn at(&self, now: u64) -> u64 {
        let passed = i128::from(now - self.since);
        self.shown + (passed * (MILLION + i128::from(self.drift_ppm)) / MILLION) as u64
    }

    /// Sets it forward or back.
    pub(crate) fn jump(&mut self, by: i64, now: u64) {
        self.shown = self.at(now).saturating_add_signed(by);
        self.since = now;
    }

    /// The first time of the world after `now` at which it shows `shown` or more, unless it is set.
    pub(crate) fn when(&self, shown: u64, now: u64) -> u64 {
        let rate = MILLION + i128::from(self.drift_ppm);
        let missing = i128::from(shown) - i128::from(self.shown);
        let passed = (missing * MILLION + rate - 1).div_euclid(rate).max(0);
        let at = u64::try_from(passed).unwrap_or(u64::MAX).saturating_add(self.since);
        at.max(now + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_is_met_at_once_when_it_is_shown() {
        for drift_ppm in [0, 500, -500, 200_000, -200_000] {
            let mut clock = SkewedClock::new(10_000, drift_ppm, 50);
            for jump in [0, 700, -4_000] {
                clock.jump(jump, 1_000);
                let now = 1_000;
                for wait in 1..300 {
                    let deadline = clock.at(now) + wait;
                    let when = clock.when(deadline, now);
                    assert!(clock.at(when) >= deadline && clock.at(when - 1) < deadline);
                }
                assert_eq!(clock.when(0, now), now + 1);
            }
        }
    }
}
