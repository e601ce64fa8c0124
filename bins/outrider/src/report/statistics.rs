//! What is counted of decoders, and what the counts are about.

use std::ops::AddAssign;

use serde_json::Value;

/// Metadata values, in the order in which sinter would have them.
pub(crate) type Metadata = Vec<(String, Value)>;

/// What a row is about.
#[derive(Clone, Debug)]
pub(crate) struct Task {
    /// Decoder name.
    pub(crate) decoder: String,
    /// sinter's name for it, a hash.
    pub(crate) strong_id: String,
    /// Sorted by key, as sinter writes it.
    pub(crate) metadata: Metadata,
}

/// What was counted.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Counts {
    /// Shots taken.
    pub(crate) shots: u64,
    /// Shots with at least one wrong observable.
    pub(crate) errors: u64,
    /// Core seconds of sampling and decoding.
    pub(crate) seconds: f64,
    /// Of `shots`, those that the seed of this campaign made; the next one is the shot of this index.
    pub(crate) seed_shots: u64,
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
        self.seconds += other.seconds;
        self.seed_shots = self.seed_shots.saturating_add(other.seed_shots);
        self.stages += other.stages;
        self.pairs += other.pairs;
    }
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
