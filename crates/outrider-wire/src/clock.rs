//! Time that only passes.
//!
//! Callers say what time it is, by any clock. Where that goes back, no time has passed: the step is counted,
//! timers go on from where they were, and nothing fires early or waits for the old time to come again.

#[derive(Debug)]
pub(crate) struct Clock {
    now: u64,
    passed: u64,
    steps_back: u64,
}

impl Clock {
    pub(crate) fn new(now: u64) -> Self {
        Self { now, passed: 0, steps_back: 0 }
    }

    pub(crate) fn observe(&mut self, now: u64) {
        match now.checked_sub(self.now) {
            Some(difference) => self.passed = self.passed.saturating_add(difference),
            None => self.steps_back += 1,
        }
        self.now = now;
    }

    /// The caller's time.
    pub(crate) fn now(&self) -> u64 {
        self.now
    }

    /// The time that has passed since the clock was made; deadlines are made from this.
    pub(crate) fn passed(&self) -> u64 {
        self.passed
    }

    pub(crate) fn after(&self, duration: u64) -> u64 {
        self.passed.saturating_add(duration)
    }

    /// A deadline in the caller's time.
    pub(crate) fn caller_time(&self, deadline: u64) -> u64 {
        self.now.saturating_add(deadline.saturating_sub(self.passed))
    }

    pub(crate) fn steps_back(&self) -> u64 {
        self.steps_back
    }
}
