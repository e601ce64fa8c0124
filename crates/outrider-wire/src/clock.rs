//! Time that only passes.

use std::fmt;

/// A point in time: what a clock shows, in nanoseconds. Which clock that is, its owner says; times of two clocks do not
/// compare. Two times of one clock differ by a number of nanoseconds. A time is no round and no cell:
///
/// ```compile_fail,E0308
/// use outrider_wire::{Round, Time};
///
/// let is_due = |deadline: Time| deadline <= Time(1_000);
/// is_due(Round(7));
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(pub u64);

impl Time {
    /// A time that never comes.
    pub const NEVER: Self = Self(u64::MAX);

    /// The time so many nanoseconds later; [`Time::NEVER`] if there is none.
    pub fn after(self, duration_ns: u64) -> Self {
        Self(self.0.saturating_add(duration_ns))
    }

    /// Nanoseconds since an earlier time; zero if that is later.
    pub fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A clock that never goes back, by one that may.
///
/// Callers give the time of any clock. Where that goes back no time has passed: the step is counted, and what is due
/// comes no earlier and no later for it. Sessions observe their caller's time by such a clock; so does whoever has
/// several sessions and deadlines of its own.
///
/// ```
/// use outrider_wire::{SteadyClock, Time};
///
/// let mut clock = SteadyClock::new(Time(1_000));
/// assert_eq!(clock.observe(Time(1_100)), Time(1_100));
/// assert_eq!(clock.observe(Time(300)), Time(1_100)); // set back: no time has passed
/// assert_eq!(clock.observe(Time(320)), Time(1_120));
/// assert_eq!(clock.caller_time(Time(1_150)), Time(350)); // a deadline as the caller's clock will show it
/// ```
#[derive(Debug)]
pub struct SteadyClock {
    /// What the caller's clock showed last.
    shown: Time,
    /// How much that has gone back in all, in nanoseconds.
    behind_ns: u64,
    steps_back: u64,
}

impl SteadyClock {
    /// A clock that shows what the caller's does.
    pub fn new(now: Time) -> Self {
        Self { shown: now, behind_ns: 0, steps_back: 0 }
    }

    /// The caller's clock shows `now`; returns the [time](Self::time).
    pub fn observe(&mut self, now: Time) -> Time {
        if now < self.shown {
            self.behind_ns = self.behind_ns.saturating_add(self.shown.since(now));
            self.steps_back += 1;
        }
        self.shown = now;
        self.time()
    }

    /// The time: what the caller's clock would show if it had never gone back.
    pub fn time(&self) -> Time {
        self.shown.after(self.behind_ns)
    }

    /// The time after a while.
    pub fn after(&self, duration_ns: u64) -> Time {
        self.time().after(duration_ns)
    }

    /// What the caller's clock shows.
    pub fn shown(&self) -> Time {
        self.shown
    }

    /// What the caller's clock will show at a time, unless it goes back again; what it shows now if the time is over.
    pub fn caller_time(&self, time: Time) -> Time {
        self.shown.after(time.since(self.time()))
    }

    /// How often the caller's clock has gone back.
    pub fn steps_back(&self) -> u64 {
        self.steps_back
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deadlines_come_no_later_when_the_caller_goes_back() {
        let mut clock = SteadyClock::new(Time(1_000));
        assert_eq!(clock.observe(Time(1_100)), Time(1_100));
        let deadline = clock.after(50);
        for (shown, left) in [(300, 50), (320, 30), (0, 30), (29, 1), (30, 0), (40, 0)] {
            let now = clock.observe(Time(shown));
            assert_eq!(deadline.since(now), left);
            assert_eq!(clock.caller_time(deadline).since(Time(shown)), left);
        }
        assert_eq!(clock.steps_back(), 2);
        assert_eq!(clock.observe(Time::NEVER), Time::NEVER);
    }
}
