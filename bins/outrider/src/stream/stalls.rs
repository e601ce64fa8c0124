//! Stalls of the machine: times in which the thread that takes the rounds did not run, though it asked for no more than a
//! look at the clock. On a machine with other work they are the scheduler's doing and not the decoder's, so they are
//! measured apart. Those of workers and nodes cannot be told from slow decoding, and are not among them.

use outrider_wire::Time;

/// What stalls have cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stalls {
    pub(crate) count: u64,
    pub(crate) total_ns: u64,
    pub(crate) longest_ns: u64,
}

impl Stalls {
    pub(crate) fn add(&mut self, ns: u64) {
        self.count += 1;
        self.total_ns += ns;
        self.longest_ns = self.longest_ns.max(ns);
    }
}

/// Finds stalls by the times at which a waiting thread looks at the clock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StallWatch {
    /// The next look should not come much later.
    expected: Time,
    /// Until then the last stall is being made good.
    over: Time,
}

impl StallWatch {
    pub(crate) fn new() -> Self {
        Self { expected: Time(0), over: Time(0) }
    }

    /// Begins to wait. What has passed before was the program's own work.
    pub(crate) fn begin(&mut self, now: Time) {
        self.expected = now;
    }

    /// Sleeps for so long after the last look.
    pub(crate) fn sleep(&mut self, most_ns: u64) {
        self.expected = self.expected.after(most_ns);
    }

    /// Looks again. Returns how long the stall was that has just ended, if there was one.
    pub(crate) fn look(&mut self, now: Time) -> Option<u64> {
        let late_ns = now.since(self.expected);
        self.expected = now;
        (late_ns >= STALL_NS).then(|| {
            self.over = self.over.max(now.after(late_ns));
            late_ns
        })
    }

    /// Whether no stall is to blame for what is late now: none has been for as long as the last one took.
    pub(crate) fn is_calm(&self, now: Time) -> bool {
        now > self.over
    }
}

/// Shortest time between two looks that is a stall: many times what a poll takes.
const STALL_NS: u64 = 100_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stall_excuses_as_long_again_as_it_took() {
        let mut watch = StallWatch::new();
        watch.begin(Time(1_000_000));
        assert_eq!(watch.look(Time(1_000_000 + STALL_NS - 1)), None);
        assert!(watch.is_calm(Time(1_100_000)));
        let begun = 1_000_000 + STALL_NS - 1;
        assert_eq!(watch.look(Time(begun + 300_000)), Some(300_000));
        assert!(!watch.is_calm(Time(begun + 600_000)) && watch.is_calm(Time(begun + 600_001)));
    }

    #[test]
    fn neither_sleep_nor_own_work_is_a_stall() {
        let mut watch = StallWatch::new();
        watch.begin(Time(0));
        watch.sleep(1_000_000);
        assert_eq!(watch.look(Time(1_050_000)), None);
        // One that is woken early has nothing to make good.
        watch.sleep(1_000_000);
        assert_eq!(watch.look(Time(1_060_000)), None);
        watch.begin(Time(9_000_000));
        assert_eq!(watch.look(Time(9_000_010)), None);
        watch.sleep(1_000_000);
        assert_eq!(watch.look(Time(12_000_010)), Some(2_000_000));
    }

    #[test]
    fn the_longest_is_known() {
        let mut stalls = Stalls::default();
        [5, 9, 7].into_iter().for_each(|ns| stalls.add(ns));
        assert_eq!(stalls, Stalls { count: 3, total_ns: 21, longest_ns: 9 });
    }
}
