//! The dice of a run.

use outrider_test_support::Random as Numbers;

#[derive(Debug)]
pub(crate) struct Random(Numbers);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Numbers(seed))
    }

    pub(crate) fn word(&mut self) -> u64 {
        self.0.word()
    }

    /// Below `bound`, which is not zero.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0.below_u64(bound)
    }

    /// From `first` to `last`, both included.
    pub(crate) fn between(&mut self, first: u64, last: u64) -> u64 {
        first + self.below(last - first + 1)
    }

    /// The same, every power of two as likely as the next.
    pub(crate) fn scale(&mut self, first: u64, last: u64) -> u64 {
        let power = self.between(first.max(1).ilog2().into(), last.ilog2().into());
        self.between(1 << power, (2 << power) - 1).clamp(first, last)
    }

    /// Yes, once in `count` times.
    pub(crate) fn one_in(&mut self, count: u64) -> bool {
        self.0.one_in(count)
    }

    pub(crate) fn coin(&mut self) -> bool {
        self.one_in(2)
    }

    pub(crate) fn index(&mut self, length: usize) -> usize {
        self.0.below(length)
    }

    pub(crate) fn choose<T: Copy>(&mut self, among: &[T]) -> T {
        among[self.index(among.len())]
    }

    pub(crate) fn shuffle<T>(&mut self, list: &mut [T]) {
        for at in (1..list.len()).rev() {
            list.swap(at, self.index(at + 1));
        }
    }

    /// A wait of about this mean whose end is as likely now as later: a geometric number of steps.
    pub(crate) fn wait(&mut self, mean: u64) -> u64 {
        let step = mean / WAIT_STEPS + 1;
        let mut wait = 1 + self.below(step);
        while !self.one_in(WAIT_STEPS) {
            wait += step;
        }
        wait
    }
}

/// Steps of a wait, in the mean.
const WAIT_STEPS: u64 = 16;
