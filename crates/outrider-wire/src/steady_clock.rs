/// Time that only passes, for whoever has several sessions and deadlines of its own.
///
/// It shows what the clock of the caller shows until that goes back: then no time has passed, and what is due comes no
/// later. A session does the same for itself, but only learns of the step when it is called.
#[derive(Debug)]
pub struct SteadyClock {
    /// What the clock of the caller showed last.
    shown: u64,
    /// How much that has gone back in all.
    behind: u64,
}

impl SteadyClock {
    /// A clock that shows what the caller's does.
    pub fn new(now: u64) -> Self {
        Self { shown: now, behind: 0 }
    }

    /// The time when the caller's clock shows `now`.
    pub fn observe(&mut self, now: u64) -> u64 {
        self.behind = self.behind.saturating_add(self.shown.saturating_sub(now));
        self.shown = now;
        now.saturating_add(self.behind)
    }

    /// What the caller's clock shows at a time, unless it goes back again.
    pub fn caller_time(&self, time: u64) -> u64 {
        time.saturating_sub(self.behind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deadlines_come_no_later_when_the_caller_goes_back() {
        let mut clock = SteadyClock::new(1_000);
        assert_eq!(clock.observe(1_100), 1_100);
        let deadline = 1_150;
        for (shown, left) in [(300, 50), (320, 30), (0, 30), (29, 1), (30, 0)] {
            let now = clock.observe(shown);
            assert_eq!((deadline - now, clock.caller_time(deadline) - shown), (left, left));
        }
        assert_eq!(clock.observe(u64::MAX), u64::MAX);
    }
}
