//! Weights that are learned from the rounds of a patch's histories, one after another, and sent to its nodes.

use std::collections::VecDeque;
use std::sync::Arc;

use outrider::{Error, LearnedNoise, NoiseLearner, Patch};
use outrider_wire as wire;
use outrider_wire::{ClientSession, List, Round, StreamId, Time, Weights};

/// What a patch has learned in all its histories so far.
#[derive(Debug)]
pub(crate) struct StreamWeights {
    learner: NoiseLearner,
    /// Consecutive versions from the first that a cell may need on.
    versions: VecDeque<Version>,
    pub(crate) latest: Option<LearnedNoise>,
}

#[derive(Debug)]
struct Version {
    number: u64,
    /// The bits of its factors; none for the patch's own weights.
    factors: Vec<u64>,
}

/// How much of the weights a node has.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct WeightsSent {
    /// The version to be sent next, and how many of its factors were sent.
    version: u64,
    factors: usize,
}

impl StreamWeights {
    /// Those of a patch that learns; nothing for another.
    pub(crate) fn new(patch: &Patch) -> Result<Option<Self>, Error> {
        let Some(learner) = NoiseLearner::new(patch)? else { return Ok(None) };
        // Rounds make the version after the next.
        let own = |number| Version { number, factors: Vec::new() };
        Ok(Some(Self { learner, versions: [own(0), own(1)].into(), latest: None }))
    }

    /// Takes a round. Versions are kept that hold for one of the last `kept_rounds` rounds. Whether there is a new one.
    pub(crate) fn push(&mut self, events: &[u8], is_last: bool, kept_rounds: u64) -> Result<bool, Error> {
        let Some(to_make) = self.learner.push(events, is_last)? else { return Ok(false) };
        let factors = to_make.factors().unwrap_or_default();
        if !factors.is_empty() {
            self.latest = Some(LearnedNoise::of(to_make.version(), &factors));
        }
        let factors = factors.into_iter().map(f64::to_bits).collect();
        self.versions.push_back(Version { number: to_make.version(), factors });
        let every = self.learner.options().every;
        let oldest = self.learner.rounds().saturating_sub(kept_rounds) / every;
        while self.versions.front().is_some_and(|version| version.number < oldest) {
            self.versions.pop_front();
        }
        Ok(true)
    }

    /// Begins a history; returns the rounds of those before it.
    pub(crate) fn begin_history(&mut self) -> u64 {
        self.learner.begin_history();
        self.learner.rounds()
    }

    /// Sends a node what it does not have of versions that hold in a history, before whose first round there were `base`
    /// rounds, from its round `from` on. Whether the node has all of them then.
    pub(crate) fn send(
        &self,
        sent: &mut WeightsSent,
        (base, from): (u64, Round),
        (session, stream): (&mut ClientSession, StreamId),
        now: Time,
    ) -> Result<bool, wire::Error> {
        let every = self.learner.options().every;
        let room = session.agreement().map_or(0, |agreement| agreement.payload_bytes_max as usize);
        let most = room.saturating_sub(Weights::FIXED_BYTES) / size_of::<u64>();
        let is_wanted = |version: &&Version| {
            version.number >= sent.version && (version.number + 1) * every > base + from.0
        };
        let wanted: Vec<&Version> = self.versions.iter().filter(is_wanted).collect();
        for version in wanted {
            if version.number > sent.version {
                *sent = WeightsSent { version: version.number, factors: 0 };
            }
            let begin = (version.number * every).max(base);
            let rounds = (version.number + 1) * every - begin;
            loop {
                let rest = &version.factors[sent.factors..];
                let part = &rest[..rest.len().min(most)];
                let weights = Weights {
                    version: version.number,
                    rounds,
                    total: version.factors.len() as u32,
                    first: sent.factors as u32,
                    factors: List::from(part),
                };
                match session.send_weights(stream, Round(begin - base), &weights, now) {
                    Ok(_) => sent.factors += part.len(),
                    Err(wire::Error::RetentionFull) => return Ok(false),
                    Err(error) => return Err(error),
                }
                if sent.factors == version.factors.len() {
                    break;
                }
            }
            *sent = WeightsSent { version: version.number + 1, factors: 0 };
        }
        Ok(true)
    }
}

/// The weights of a patch, by the digest of its plan and options.
pub(crate) type WeightsOfPatches = std::collections::BTreeMap<([u8; 32], [u8; 32]), StreamWeights>;

/// Whose weights they are.
pub(crate) fn key_of(patch: &Arc<Patch>) -> ([u8; 32], [u8; 32]) {
    (*patch.model_digest(), *patch.plan_digest())
}
