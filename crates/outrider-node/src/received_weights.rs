//! Learned weights that a client sent for the cells of a stream.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use outrider::{CellBook, LearnedNoise, LearnedWeights, Patch, StreamLearningOptions};
use outrider_wire::{Round, Weights};

use crate::stream_fault::StreamFault;

/// The weights of a stream of a patch that learns.
pub(crate) struct ReceivedWeights {
    patch: Arc<Patch>,
    factor_count: usize,
    /// Rounds before the latest for which cells may still be decided.
    kept_rounds: u64,
    /// Consecutive ones.
    known: VecDeque<Known>,
    /// The factors so far of those that come next.
    partial: Vec<f64>,
}

struct Known {
    version: u64,
    /// Cells that begin in these rounds have them.
    rounds: Range<u64>,
    /// None for the patch's own.
    weights: Option<Arc<LearnedWeights>>,
}

impl ReceivedWeights {
    /// None yet; nothing for a patch that does not learn.
    pub(crate) fn new(patch: &Arc<Patch>) -> Option<Self> {
        Some(Self {
            factor_count: patch.factor_count()?,
            kept_rounds: CellBook::remote_room(patch.plan()),
            patch: Arc::clone(patch),
            known: VecDeque::new(),
            partial: Vec::new(),
        })
    }

    /// Takes a frame. Weights that are known are ignored, whatever they are. Returns whether a version is whole now.
    pub(crate) fn take(&mut self, round: Round, frame: &Weights<'_>) -> Result<bool, StreamFault> {
        let Weights { version, rounds, total, first, ref factors } = *frame;
        let last = self.known.back();
        if last.is_some_and(|last| version <= last.version) {
            return Ok(false);
        }
        let follows = last.is_none_or(|last| last.version + 1 == version && last.rounds.end == round.0);
        if !follows {
            return Err(StreamFault::Weights(format!("version {version} does not follow those before it")));
        }
        // Others would have decoders take new weights for every cell.
        if last.is_some() && rounds < StreamLearningOptions::EVERY_MIN {
            return Err(StreamFault::Weights(format!("version {version} holds for {rounds} rounds only")));
        }
        if total != 0 && total as usize != self.factor_count {
            let wanted = self.factor_count;
            return Err(StreamFault::Weights(format!("{total} factors, where the patch has {wanted}")));
        }
        if first == 0 {
            self.partial.clear();
        }
        if first as usize != self.partial.len() {
            return Err(StreamFault::Weights(format!("factor {first} of version {version} is out of order")));
        }
        self.partial.extend(factors.iter().map(f64::from_bits));
        if self.partial.len() < total as usize {
            return Ok(false);
        }
        let partial = std::mem::take(&mut self.partial);
        let made = |factors| LearnedWeights::new(&self.patch, version, factors).map(Arc::new);
        let weights = (total > 0).then(|| made(partial)).transpose();
        let weights = weights.map_err(|error| StreamFault::Weights(error.to_string()))?;
        self.known.push_back(Known { version, rounds: round.0..round.0 + rounds, weights });
        self.forget();
        // An honest client's hold for many rounds each, but for the first, whose beginning may be over.
        if self.known.len() as u64 > self.kept_rounds / StreamLearningOptions::EVERY_MIN + KNOWN_MORE {
            return Err(StreamFault::Weights("too many versions at a time".to_owned()));
        }
        Ok(true)
    }

    /// What the latest of them say of the noise, unless they are the patch's own.
    pub(crate) fn noise(&self) -> Option<LearnedNoise> {
        let weights = self.known.back()?.weights.as_ref()?;
        Some(LearnedNoise::of(weights.version(), weights.factors()))
    }

    /// Forgets those that no cell can need: the client has them made `rounds` before they hold.
    fn forget(&mut self) {
        let Some(Known { rounds, .. }) = self.known.back() else { return };
        let kept = rounds.start.saturating_sub((rounds.end - rounds.start).saturating_add(self.kept_rounds));
        while self.known.front().is_some_and(|known| known.rounds.end <= kept) {
            self.known.pop_front();
        }
    }

    /// The weights of a cell that begins in this round: none if they have not come, in them none for the patch's own.
    pub(crate) fn of(&self, first_layer: u64) -> Option<Option<&Arc<LearnedWeights>>> {
        let known = self.known.iter().find(|known| known.rounds.contains(&first_layer))?;
        Some(known.weights.as_ref())
    }
}

/// Versions that may be known at a time beyond those that begin in the rounds that are kept.
const KNOWN_MORE: u64 = 6;
