//! The dice of a run: SplitMix64.

#[derive(Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    /// Below `bound`, which is not zero.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.word() % bound
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
        self.below(count) == 0
    }

    pub(crate) fn coin(&mut self) -> bool {
        self.one_in(2)
    }

    pub(crate) fn index(&mut self, length: usize) -> usize {
        self.below(length as u64) as usize
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
