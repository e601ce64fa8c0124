//! The time of the world, and the clock of a process: that shows any time, runs fast or slow, and may be set.

use std::ops::Add;

use outrider_wire::Time;

/// A time of the world, in nanoseconds since it began. No process sees it: each has the [`Time`] of its own clock.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct WorldTime(pub(crate) u64);

impl WorldTime {
    pub(crate) const BEGIN: Self = Self(0);
    pub(crate) const NEVER: Self = Self(u64::MAX);
}

impl Add<u64> for WorldTime {
    type Output = Self;

    /// So many nanoseconds later.
    fn add(self, duration_ns: u64) -> Self {
        Self(self.0 + duration_ns)
    }
}

const MILLION: i128 = 1_000_000;

#[derive(Debug)]
pub(crate) struct SkewedClock {
    /// It showed `shown` at the world's time `since`.
    since: WorldTime,
    shown: Time,
    /// What it gains in a second, in microseconds.
    drift_ppm: i32,
}

impl SkewedClock {
    pub(crate) fn new(shown: Time, drift_ppm: i32, now: WorldTime) -> Self {
        Self { since: now, shown, drift_ppm }
    }

    /// What it shows at the world's time `now`.
    pub(crate) fn at(&self, now: WorldTime) -> Time {
        let passed = i128::from(now.0 - self.since.0);
        Time(self.shown.0 + (passed * (MILLION + i128::from(self.drift_ppm)) / MILLION) as u64)
    }

    /// Sets it forward or back.
    pub(crate) fn jump(&mut self, by: i64, now: WorldTime) {
        self.shown = Time(self.at(now).0.saturating_add_signed(by));
        self.since = now;
    }

    /// The first time of the world after `now` at which it shows `shown` or more, unless it is set.
    pub(crate) fn when(&self, shown: Time, now: WorldTime) -> WorldTime {
        let rate = MILLION + i128::from(self.drift_ppm);
        let missing = i128::from(shown.0) - i128::from(self.shown.0);
        let passed = (missing * MILLION + rate - 1).div_euclid(rate).max(0);
        let at = u64::try_from(passed).unwrap_or(u64::MAX).saturating_add(self.since.0);
        WorldTime(at).max(now + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_is_met_at_once_when_it_is_shown() {
        for drift_ppm in [0, 500, -500, 200_000, -200_000] {
            let mut clock = SkewedClock::new(Time(10_000), drift_ppm, WorldTime(50));
            for jump in [0, 700, -4_000] {
                let now = WorldTime(1_000);
                clock.jump(jump, now);
                for wait in 1..300 {
                    let deadline = clock.at(now).after(wait);
                    let when = clock.when(deadline, now);
                    assert!(clock.at(when) >= deadline && clock.at(WorldTime(when.0 - 1)) < deadline);
                }
                assert_eq!(clock.when(Time(0), now), now + 1);
            }
        }
    }
}
