//! Time that only passes.

/// A clock that never goes back, by one that may.
///
/// Callers give the time of any clock. Where that goes back no time has passed: the step is counted, and what is due
/// comes no earlier and no later for it. Sessions observe their caller's time by such a clock; so does whoever has
/// several sessions and deadlines of its own.
///
/// ```
/// use outrider_wire::SteadyClock;
///
/// let mut clock = SteadyClock::new(1_000);
/// assert_eq!(clock.observe(1_100), 1_100);
/// assert_eq!(clock.observe(300), 1_100); // set back: no time has passed
/// assert_eq!(clock.observe(320), 1_120);
/// assert_eq!(clock.caller_time(1_150), 350); // a deadline as the caller's clock will show it
/// ```
#[derive(Debug)]
pub struct SteadyClock {
    /// What the caller's clock showed last.
    shown: u64,
    /// How much that has gone back in all.
    behind: u64,
    steps_back: u64,
}

impl SteadyClock {
    /// A clock that shows what the caller's does.
    pub fn new(now: u64) -> Self {
        Self { shown: now, behind: 0, steps_back: 0 }
    }

    /// The caller's clock shows `now`; returns the [time](Self::time).
    pub fn observe(&mut self, now: u64) -> u64 {
        if let Some(step @ 1..) = self.shown.checked_sub(now) {
            self.behind = self.behind.saturating_add(step);
            self.steps_back += 1;
        }
        self.shown = now;
        self.time()
    }

    /// The time: what the caller's clock would show if it had never gone back.
    pub fn time(&self) -> u64 {
        self.shown.saturating_add(self.behind)
    }

    /// The time after a while.
    pub fn after(&self, duration: u64) -> u64 {
        self.time().saturating_add(duration)
    }

    /// What the caller's clock shows.
    pub fn shown(&self) -> u64 {
        self.shown
    }

    /// What the caller's clock will show at a time, unless it goes back again; what it shows now if the time is over.
    pub fn caller_time(&self, time: u64) -> u64 {
        self.shown.saturating_add(time.saturating_sub(self.time()))
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
        let mut clock = SteadyClock::new(1_000);
        assert_eq!(clock.observe(1_100), 1_100);
        let deadline = clock.after(50);
        for (shown, left) in [(300, 50), (320, 30), (0, 30), (29, 1), (30, 0), (40, 0)] {
            let now = clock.observe(shown);
            assert_eq!(deadline.saturating_sub(now), left);
            assert_eq!(clock.caller_time(deadline) - shown, left);
        }
        assert_eq!(clock.steps_back(), 2);
        assert_eq!(clock.observe(u64::MAX), u64::MAX);
    }
}
