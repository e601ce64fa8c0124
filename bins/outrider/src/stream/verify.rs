//! Whether a stream answered as one thread does that decides the same cells from the same rounds.

use std::collections::BTreeMap;
use std::sync::Arc;

use outrider::{CellBook, CellShape, LearnedWeights, Patch, StreamLearning, Window, WindowDecoder};

use crate::error::{Error, Result};
use crate::stream::round_source::{Round, Source};

/// Compared answers.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Verified {
    /// Those that differ from the batch answer.
    pub(crate) mismatches: u64,
    /// All that were compared.
    pub(crate) answers: u64,
}

impl Verified {
    /// Fails if an answer differs.
    pub(crate) fn require_same(self) -> Result<()> {
        if self.mismatches == 0 {
            return Ok(());
        }
        let Self { mismatches, answers } = self;
        Err(Error::machine(
            "--verify",
            format!("{mismatches} of {answers} answers differ from the batch answer"),
        ))
    }
}

/// Answers of a history, noted while it ran: all of them if they are not too many, otherwise ones at even distances, and
/// the last.
pub(crate) struct Answers {
    stride: u64,
    next: u64,
    /// Cells committed, and what they flip together.
    noted: Vec<(u64, Vec<u8>)>,
}

impl Answers {
    /// For a history of so many cells.
    pub(crate) fn new(cells: u64) -> Self {
        Self { stride: (cells / NOTED_MAX).max(1), next: 1, noted: Vec::new() }
    }

    /// Notes an answer if it is time for one.
    pub(crate) fn note(&mut self, cells: u64, observables: &[u8]) {
        if cells >= self.next {
            self.noted.push((cells, observables.to_vec()));
            self.next = cells + self.stride;
        }
    }

    /// Notes the answer at the end of the history.
    pub(crate) fn note_last(&mut self, cells: u64, observables: &[u8]) {
        if self.noted.last().is_none_or(|&(noted, _)| noted < cells) {
            self.noted.push((cells, observables.to_vec()));
        }
    }

    /// Decides the source's history again on this thread and counts the answers that differ, and all noted. `learning`
    /// has taken the histories before. Calls `between` now and then: nodes would take a long silence for the end.
    pub(crate) fn verify(
        &self,
        patch: &Patch,
        learning: Option<&mut StreamLearning>,
        source: &mut dyn Source,
        between: &mut dyn FnMut() -> Result<()>,
    ) -> Result<(u64, u64)> {
        let mut check = Check::new(patch, learning)?;
        let mut noted = self.noted.iter();
        let mut next = noted.next();
        let mut mismatches = 0;
        source.rewind()?;
        while let Some(round) = source.next()? {
            check.push(&round)?;
            between()?;
            while let Some((cells, observables)) = next {
                if *cells > check.books.state().cells {
                    break;
                }
                mismatches += u64::from(check.answer(*cells) != observables);
                next = noted.next();
            }
        }
        // Answers about cells that this history does not have.
        mismatches += u64::from(next.is_some()) + noted.count() as u64;
        Ok((mismatches, self.noted.len() as u64))
    }
}

struct Check<'a> {
    patch: &'a Patch,
    learning: Option<&'a mut StreamLearning>,
    books: CellBook,
    decoders: BTreeMap<CellShape, Checker>,
    /// Flips of cells that are not in the answer yet.
    flips: BTreeMap<u64, Vec<u8>>,
    answer: Vec<u8>,
}

/// A decoder with the weights of a version, made anew for the next.
struct Checker {
    base: Arc<Window>,
    version: Option<u64>,
    decoder: WindowDecoder,
}

impl<'a> Check<'a> {
    fn new(patch: &'a Patch, learning: Option<&'a mut StreamLearning>) -> Result<Self> {
        let plan = patch.plan();
        Ok(Self {
            patch,
            learning,
            books: CellBook::new(Arc::clone(plan), CellBook::layers_needed(plan))?,
            decoders: BTreeMap::new(),
            flips: BTreeMap::new(),
            answer: vec![0; plan.graph().observable_bytes()],
        })
    }

    fn push(&mut self, round: &Round<'_>) -> Result<()> {
        self.books.push(round.events, round.detector_count, round.is_last)?;
        if let Some(learning) = &mut self.learning {
            learning.push(round.events, round.is_last)?;
        }
        self.decide()
    }

    fn decide(&mut self) -> Result<()> {
        while let Some(cell) = self.books.next() {
            let weights = match &mut self.learning {
                Some(learning) => learning.weights(&cell)?,
                None => None,
            };
            let version = weights.as_deref().map(LearnedWeights::version);
            if self.decoders.get(&cell.shape).is_none_or(|checker| checker.version != version) {
                let base = match self.decoders.remove(&cell.shape) {
                    Some(checker) => checker.base,
                    None => Arc::new(self.patch.plan().window(&cell)?),
                };
                let window = match weights {
                    Some(weights) => weights.window(cell.shape, &base)?,
                    None => Arc::clone(&base),
                };
                let decoder = self.patch.decoder(window)?;
                self.decoders.insert(cell.shape, Checker { base, version, decoder });
            }
            let Some(Checker { decoder, .. }) = self.decoders.get_mut(&cell.shape) else { continue };
            let input = self.books.input(cell.number)?;
            let commit = decoder.decode(input.events, input.marks, &[])?;
            self.flips.insert(cell.number, commit.observables.to_vec());
            self.books.commit(cell.number, &commit)?;
        }
        Ok(())
    }

    /// What the cells with numbers below `cells` flip; asked for ascending numbers.
    fn answer(&mut self, cells: u64) -> &[u8] {
        let later = self.flips.split_off(&cells);
        for flips in std::mem::replace(&mut self.flips, later).values() {
            for (sum, flip) in self.answer.iter_mut().zip(flips) {
                *sum ^= flip;
            }
        }
        &self.answer
    }
}

/// Answers noted of one history.
const NOTED_MAX: u64 = 1 << 18;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::round_source::Processor;
    use outrider::{Isa, RoundSampler, SamplerOptions};
    use outrider_options::PatchArgs;
    use serde::Deserialize;
    use serde_json::json;

    #[test]
    fn the_last_answer_is_noted_whatever_the_stride() {
        let mut answers = Answers::new(4 * NOTED_MAX);
        for cells in 1..=3 {
            answers.note(cells, &[cells as u8]);
        }
        for _ in 0..2 {
            answers.note_last(3, &[3]);
        }
        assert_eq!(answers.noted, [(1, vec![1]), (3, vec![3])]);
    }

    #[test]
    fn every_answer_that_differs_counts() {
        const LAYERS: u64 = 61;
        let args = PatchArgs::deserialize(json!({ "distance": 3, "p": 0.01 })).expect("options");
        let loaded = args.load(Isa::Auto).expect("a patch");
        let plan = loaded.patch.plan();
        let sampler = RoundSampler::new(&loaded.model, &SamplerOptions::default()).expect("a sampler");
        let mut source = Processor::new(sampler, Arc::clone(plan), 1, LAYERS);
        assert!(source.start().expect("a history"));
        let mut check = Check::new(&loaded.patch, None).expect("memory");
        let mut right = Answers::new(plan.cell_count(LAYERS));
        while let Some(round) = source.next().expect("a round") {
            check.push(&round).expect("room");
            let cells = check.books.state().cells;
            right.note(cells, check.answer(cells));
        }
        let count = right.noted.len();
        assert!(count > 4);
        for wrong in [&[][..], &[1, 2], &[count - 1], &[0, 1, 2, 3]] {
            let mut answers = Answers { noted: right.noted.clone(), ..Answers::new(0) };
            for &at in wrong {
                answers.noted[at].1[0] ^= 1;
            }
            let found = answers.verify(&loaded.patch, None, &mut source, &mut || Ok(())).expect("decided");
            assert_eq!(found, (wrong.len() as u64, count as u64));
        }
    }

    #[test]
    fn an_answer_that_differs_is_a_failure() {
        assert!(Verified { mismatches: 0, answers: 5 }.require_same().is_ok());
        let error = Verified { mismatches: 1, answers: 5 }.require_same().expect_err("a mismatch");
        assert_eq!(error.exit_code(), std::process::ExitCode::from(1));
    }
}
