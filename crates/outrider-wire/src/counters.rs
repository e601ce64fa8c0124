use std::ops::AddAssign;

/// What happened on a session, for metrics. All counts are since it began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counters {
    /// Good frames received.
    pub frames: u64,
    /// Sequenced frames that had come before and were dropped.
    pub duplicates: u64,
    /// Frames whose payload was broken.
    pub broken_payloads: u64,
    /// Sequenced frames that came before their predecessor and were dropped.
    pub early: u64,
    /// Times that this side asked for frames again.
    pub repairs_asked: u64,
    /// Times that the other side did.
    pub repairs_made: u64,
    /// Times that the session went on over another connection.
    pub resumptions: u64,
    /// Times that the caller's clock went back.
    pub clock_steps_back: u64,
    /// Commits of an epoch that is over, dropped.
    pub stale_commits: u64,
}

/// What happened on both of two sessions.
impl AddAssign for Counters {
    fn add_assign(&mut self, other: Self) {
        let Self {
            frames,
            duplicates,
            broken_payloads,
            early,
            repairs_asked,
            repairs_made,
            resumptions,
            clock_steps_back,
            stale_commits,
        } = other;
        self.frames += frames;
        self.duplicates += duplicates;
        self.broken_payloads += broken_payloads;
        self.early += early;
        self.repairs_asked += repairs_asked;
        self.repairs_made += repairs_made;
        self.resumptions += resumptions;
        self.clock_steps_back += clock_steps_back;
        self.stale_commits += stale_commits;
    }
}
