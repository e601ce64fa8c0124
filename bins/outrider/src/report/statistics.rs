//! What is counted of decoders, and what the counts are about.

use std::collections::BTreeMap;
use std::ops::{AddAssign, Range};

use serde_json::Value;

/// Metadata values, in the order in which sinter would have them.
pub(crate) type Metadata = Vec<(String, Value)>;

/// A decoder's name and, with it, a task's.
#[derive(Clone, Debug)]
pub(crate) struct TaskName {
    /// Decoder name.
    pub(crate) decoder: String,
    /// sinter's name for the task, a hash.
    pub(crate) strong_id: String,
}

/// What a row is about.
#[derive(Clone, Debug)]
pub(crate) struct Task {
    /// What it is called here.
    pub(crate) name: TaskName,
    /// What it is called where sinter measures it with the Python package's decoders, if they have this one.
    pub(crate) plugin_name: Option<TaskName>,
    /// Sorted by key, as sinter writes it.
    pub(crate) metadata: Metadata,
    /// Observables of its model.
    pub(crate) observables: u32,
}

/// What was counted.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Counts {
    /// Shots taken.
    pub(crate) shots: u64,
    /// Shots with at least one wrong observable, of those not discarded.
    pub(crate) errors: u64,
    /// Shots discarded.
    pub(crate) discards: u64,
    /// Errors by the observables that were wrong, if they are counted.
    pub(crate) combos: ErrorCombos,
    /// Core seconds of sampling and decoding.
    pub(crate) seconds: f64,
    /// Which of `shots` the seed of this campaign made.
    pub(crate) seed_shots: SeedShots,
    /// Events and times, with a pre-decoder.
    pub(crate) stages: StageTotals,
    /// Windows beside whole histories.
    pub(crate) pairs: Pairs,
}

impl Counts {
    /// Adds other counts of the same task.
    pub(crate) fn add(&mut self, other: &Self) {
        self.shots = self.shots.saturating_add(other.shots);
        self.errors = self.errors.saturating_add(other.errors);
        self.discards = self.discards.saturating_add(other.discards);
        self.combos.add(&other.combos);
        self.seconds += other.seconds;
        self.seed_shots.add(other.seed_shots);
        self.stages += other.stages;
        self.pairs += other.pairs;
    }
}

/// How often which observables were wrong together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ErrorCombos(pub(crate) BTreeMap<Vec<u32>, u64>);

impl ErrorCombos {
    /// Adds shots in which these observables, ascending, were wrong.
    pub(crate) fn count(&mut self, wrong: Vec<u32>, shots: u64) {
        let sum = self.0.entry(wrong).or_default();
        *sum = sum.saturating_add(shots);
    }

    /// Adds other counts.
    pub(crate) fn add(&mut self, other: &Self) {
        for (wrong, &shots) in &other.0 {
            self.count(wrong.clone(), shots);
        }
    }

    /// Shots in which this observable was wrong.
    pub(crate) fn of(&self, observable: u32) -> u64 {
        self.0.iter().filter(|(wrong, _)| wrong.contains(&observable)).map(|(_, shots)| shots).sum()
    }
}

/// Which shots of one seed are counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct SeedShots {
    /// How many.
    pub(crate) shots: u64,
    /// The sum of their numbers, which begin with 0.
    pub(crate) numbers: u64,
    /// The sum leaves some of them out.
    pub(crate) unchecked: bool,
    /// Shots besides whose seed is not known; it may be this one.
    pub(crate) unnamed: u64,
}

impl SeedShots {
    /// Shots with these numbers.
    pub(crate) fn of(numbers: Range<u64>) -> Self {
        let sum = sum_below(numbers.end).saturating_sub(sum_below(numbers.start));
        Self { shots: numbers.end.saturating_sub(numbers.start), numbers: sum, ..Self::default() }
    }

    /// The number of the first shot that is not counted yet for sure.
    pub(crate) fn next(self) -> u64 {
        self.shots.saturating_add(self.unnamed)
    }

    /// Whether some shots are counted more than once for sure: no other shots have numbers so low.
    pub(crate) fn are_repeated(self) -> bool {
        !self.unchecked && self.numbers < sum_below(self.shots)
    }

    fn add(&mut self, other: Self) {
        self.shots = self.shots.saturating_add(other.shots);
        self.numbers = self.numbers.saturating_add(other.numbers);
        self.unchecked |= other.unchecked;
        self.unnamed = self.unnamed.saturating_add(other.unnamed);
    }
}

/// The sum of the numbers from 0 to below `end`, or the greatest number.
fn sum_below(end: u64) -> u64 {
    u64::try_from(u128::from(end) * u128::from(end.saturating_sub(1)) / 2).unwrap_or(u64::MAX)
}

/// What the stages did, of one shot or of many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct StageTotals {
    /// Detection events.
    pub(crate) events: u64,
    /// Events left to match.
    pub(crate) events_left: u64,
    /// Nanoseconds in the pre-decoder.
    pub(crate) predecode_ns: u64,
    /// Nanoseconds in the decoder after it.
    pub(crate) decode_ns: u64,
}

impl StageTotals {
    /// The pre-decoder's share of the time of both; 0 if there was none.
    pub(crate) fn predecode_share(&self) -> f64 {
        let total = self.predecode_ns.saturating_add(self.decode_ns);
        self.predecode_ns as f64 / total.max(1) as f64
    }
}

impl AddAssign for StageTotals {
    fn add_assign(&mut self, other: Self) {
        self.events = self.events.saturating_add(other.events);
        self.events_left = self.events_left.saturating_add(other.events_left);
        self.predecode_ns = self.predecode_ns.saturating_add(other.predecode_ns);
        self.decode_ns = self.decode_ns.saturating_add(other.decode_ns);
    }
}

/// The same shots decoded in windows and whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pairs {
    /// Shots decoded both ways.
    pub(crate) shots: u64,
    /// Of them, those with a wrong observable in windows only.
    pub(crate) only_windows: u64,
    /// Those with a wrong observable only where they are decoded whole.
    pub(crate) only_whole: u64,
}

impl AddAssign for Pairs {
    fn add_assign(&mut self, other: Self) {
        self.shots = self.shots.saturating_add(other.shots);
        self.only_windows = self.only_windows.saturating_add(other.only_windows);
        self.only_whole = self.only_whole.saturating_add(other.only_whole);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(parts: &[Range<u64>]) -> SeedShots {
        let mut all = SeedShots::default();
        parts.iter().for_each(|part| all.add(SeedShots::of(part.clone())));
        all
    }

    #[test]
    fn shots_that_are_counted_twice_are_found() {
        assert!(!joined(&[]).are_repeated());
        assert!(!joined(&[0..1024, 1024..5000]).are_repeated());
        assert!(!joined(&[1024..5000, 0..1024]).are_repeated());
        assert!(!joined(&[0..1024, 3000..5000]).are_repeated());
        assert!(joined(&[0..1024, 0..1024]).are_repeated());
        assert!(joined(&[0..1024, 1024..5000, 0..2048]).are_repeated());
        // Too many to add up: not found, and not claimed.
        assert!(!SeedShots::of(0..u64::MAX).are_repeated());
    }
}
