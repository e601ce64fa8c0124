//! Logical error rates by sampling: sample, decode, compare, until enough shots or errors are counted.
//!
//! Shots are taken in blocks whose borders are fixed multiples of a number that depends on the model alone;
//! blocks are counted in order and the stop rule looks at block borders only. So the counts depend on model,
//! decoder and seed, never on threads or timing.

use std::ops::ControlFlow;
use std::time::Instant;

use outrider::{Decoder, HistoryDecoder, Isa, Override, Sampler, SamplerOptions, Shots};

use crate::decoding::decode_shots::events;
use crate::decoding::decoder_factory::DecoderFactory;
use crate::decoding::sampling::chunk_shots;
use crate::decoding::shot_decoder::DecodeShot;
use crate::decoding::stages::Stages;
use crate::decoding::sum_decoder::SumDecoder;
use crate::error::{Error, Result};
use crate::formats::edge_lines::ShotWeights;
use crate::options::postselect::Postselection;
use crate::report::statistics::{ErrorCombos, Pairs, StageTotals};
use crate::threads::{Worker, run_ordered};

/// Shots of one block, fewer only for models of more than a hundred thousand detectors.
const BLOCK_SHOTS_MAX: usize = 4 * Sampler::BLOCK_SHOTS;

/// What to sample, and when to stop.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// Key of the random numbers.
    pub(crate) seed: u64,
    /// Instruction set of the sampler.
    pub(crate) isa: Isa,
    /// First shot.
    pub(crate) first_shot: u64,
    /// Stop after this many shots.
    pub(crate) max_shots: u64,
    /// Stop at the end of the block that brings as many errors.
    pub(crate) max_errors: u64,
    /// Threads.
    pub(crate) threads: usize,
    /// Decode every shot whole too, beside its windows.
    pub(crate) paired: bool,
    /// Which shots are discarded.
    pub(crate) postselection: Postselection,
    /// Count errors by the observables that are wrong.
    pub(crate) count_combos: bool,
}

/// What one block, or several, gave.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    /// Shots counted.
    pub(crate) shots: u64,
    /// Shots with a wrong observable, of those not discarded.
    pub(crate) errors: u64,
    /// Shots discarded.
    pub(crate) discards: u64,
    /// Errors by the observables that were wrong, if they are counted.
    pub(crate) combos: ErrorCombos,
    /// Core seconds of sampling and decoding.
    pub(crate) seconds: f64,
    /// Events and times, with a pre-decoder.
    pub(crate) stages: StageTotals,
    /// Windows beside whole histories.
    pub(crate) pairs: Pairs,
}

impl Tally {
    /// Adds the counts of other shots.
    pub(crate) fn add(&mut self, other: &Self) {
        self.shots += other.shots;
        self.errors += other.errors;
        self.discards += other.discards;
        self.combos.add(&other.combos);
        self.seconds += other.seconds;
        self.stages += other.stages;
        self.pairs += other.pairs;
    }
}

/// Counts until the plan's stop rule, or until `each` breaks it off; it gets every block's tally in order. `weights` are
/// those of shots from number 0 on.
pub(crate) fn count_errors(
    factory: &DecoderFactory<'_>,
    plan: Plan,
    mut weights: Option<ShotWeights>,
    each: &mut dyn FnMut(Tally) -> Result<ControlFlow<()>>,
) -> Result<Tally> {
    let end = plan.first_shot.checked_add(plan.max_shots);
    let end = end.ok_or_else(|| Error::Usage("shot numbers exceed 64 bits".to_owned()))?;
    let mut workers = Vec::with_capacity(plan.threads);
    for _ in 0..plan.threads {
        workers.push(BlockWorker::new(factory, &plan)?);
    }
    let detectors = factory.graph().node_count() as usize;
    let block_shots = chunk_shots(detectors / 8, BLOCK_SHOTS_MAX) as u64;
    let mut next = plan.first_shot;
    weights.as_mut().map_or(Ok(()), |weights| weights.skip(next))?;
    let produce = move || {
        let first = next;
        next = (first / block_shots).saturating_add(1).saturating_mul(block_shots).min(end);
        if first >= end {
            return Ok(None);
        }
        let overrides = weights.as_mut().map(|weights| (first..next).map(|_| weights.next()).collect());
        Ok(Some(Block { shots: first..next, overrides: overrides.transpose()? }))
    };
    let mut total = Tally::default();
    run_ordered(workers, Box::new(produce), &mut |tally: Tally| {
        total.add(&tally);
        let broken_off = each(tally)?.is_break();
        let enough = total.errors >= plan.max_errors;
        Ok(if enough || broken_off { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    })?;
    Ok(total)
}

/// Shots to sample, and the weights of each if they have any.
struct Block {
    shots: std::ops::Range<u64>,
    overrides: Option<Vec<Vec<Override>>>,
}

struct BlockWorker {
    sampler: Sampler,
    pipeline: Pipeline,
    /// The decoder of whole histories to compare windows with.
    whole: Option<Box<dyn DecodeShot>>,
    seed: u64,
    detectors: Shots,
    observables: Shots,
    predictions: Shots,
    whole_predictions: Shots,
    postselection: Postselection,
    count_combos: bool,
    /// The shots of the block, from 0, that are not discarded before decoding.
    kept: Vec<usize>,
}

/// Decoders without a pre-decoder take batches; with one, each stage is timed shot by shot.
enum Pipeline {
    Decoder(Decoder),
    Stages(Stages),
    Windowed(HistoryDecoder),
    Sum(SumDecoder),
}

impl BlockWorker {
    fn new(factory: &DecoderFactory<'_>, plan: &Plan) -> Result<Self> {
        let options = SamplerOptions { seed: plan.seed, isa: plan.isa };
        let sampler = Sampler::with_options(factory.model(), &options)?;
        let (detectors, observables) = sampler.batches();
        let predictions = observables.clone();
        let whole_predictions = observables.clone();
        let pipeline = match factory.windowed_decoder()? {
            Some(windowed) => Pipeline::Windowed(windowed),
            None => match (factory.sum_decoder()?, factory.stages()?) {
                (Some(decoder), _) => Pipeline::Sum(decoder),
                (None, Some(stages)) => Pipeline::Stages(stages),
                (None, None) => Pipeline::Decoder(factory.decoder()?),
            },
        };
        let whole = plan.paired.then(|| factory.shot_decoder()).transpose()?;
        let seed = plan.seed;
        Ok(Self {
            sampler,
            pipeline,
            whole,
            seed,
            detectors,
            observables,
            predictions,
            whole_predictions,
            postselection: plan.postselection.clone(),
            count_combos: plan.count_combos,
            kept: Vec::new(),
        })
    }

    /// Discards the sampled shots with an event where none may be.
    fn discard(&mut self) {
        self.kept.clear();
        let mask = self.postselection.detectors.as_deref().unwrap_or_default();
        for shot in 0..self.detectors.len() {
            let row = self.detectors.row(shot);
            if row.iter().zip(mask).all(|(events, mask)| events & mask == 0) {
                self.kept.push(shot);
            }
        }
        if self.kept.len() == self.detectors.len() {
            return;
        }
        for shots in [&mut self.detectors, &mut self.observables] {
            let stride = shots.stride();
            for (place, &shot) in self.kept.iter().enumerate() {
                shots.as_mut_bytes().copy_within(shot * stride..(shot + 1) * stride, place * stride);
            }
            shots.resize(self.kept.len());
        }
    }

    fn decode(
        &mut self,
        overrides: Option<&[Vec<Override>]>,
    ) -> std::result::Result<StageTotals, outrider::Error> {
        let mut totals = StageTotals::default();
        let of_shot = |row: usize| overrides.map_or(&[][..], |all| &all[self.kept[row]]);
        match &mut self.pipeline {
            Pipeline::Decoder(decoder) if overrides.is_none() => {
                decoder.decode_batch(&self.detectors, &mut self.predictions, None)?;
            }
            Pipeline::Decoder(decoder) => {
                self.predictions.resize(self.detectors.len());
                for (index, row) in self.detectors.rows().enumerate() {
                    let shot = decoder.decode(row, of_shot(index), self.predictions.row_mut(index));
                    shot.map_err(|error| error.with_shot(index as u64 + 1))?;
                }
            }
            Pipeline::Stages(stages) => {
                self.predictions.resize(self.detectors.len());
                for row in 0..self.detectors.len() {
                    let events = events(&self.detectors, row, stages.graph().node_count());
                    let shot = stages.decode(events, of_shot(row), self.predictions.row_mut(row));
                    totals += shot.map_err(|error| error.with_shot(row as u64 + 1))?;
                }
            }
            Pipeline::Windowed(windowed) => {
                self.predictions.resize(self.detectors.len());
                for (index, row) in self.detectors.rows().enumerate() {
                    let shot = windowed.decode(row, self.predictions.row_mut(index), None);
                    shot.map_err(|error| error.with_shot(index as u64 + 1))?;
                }
            }
            Pipeline::Sum(decoder) => {
                self.predictions.resize(self.detectors.len());
                for (index, row) in self.detectors.rows().enumerate() {
                    let shot = decoder.decode(row, self.predictions.row_mut(index));
                    shot.map_err(|error| error.with_shot(index as u64 + 1))?;
                }
            }
        }
        Ok(totals)
    }

    /// Counts the errors, and the shots discarded for the observables that are wrong.
    fn compare(&self, tally: &mut Tally) {
        let mask = self.postselection.observables.as_deref().unwrap_or_default();
        for (flips, guesses) in self.observables.rows().zip(self.predictions.rows()) {
            if flips == guesses {
                continue;
            }
            let wrong = || flips.iter().zip(guesses).map(|(flip, guess)| flip ^ guess);
            if wrong().zip(mask).any(|(wrong, mask)| wrong & mask != 0) {
                tally.discards += 1;
                continue;
            }
            tally.errors += 1;
            if self.count_combos {
                let bits = (0..).zip(wrong()).flat_map(|(byte, wrong)| {
                    (0..8).filter(move |bit| wrong >> bit & 1 == 1).map(move |bit| 8 * byte + bit)
                });
                tally.combos.count(bits.collect(), 1);
            }
        }
    }

    /// Decodes the block whole too, and counts where that makes a difference.
    fn pair(&mut self) -> std::result::Result<Pairs, outrider::Error> {
        let Some(whole) = &mut self.whole else { return Ok(Pairs::default()) };
        self.whole_predictions.resize(self.detectors.len());
        for (index, row) in self.detectors.rows().enumerate() {
            let shot = whole.decode_shot(row, self.whole_predictions.row_mut(index));
            shot.map_err(|error| error.with_shot(index as u64 + 1))?;
        }
        let guesses = self.predictions.rows().zip(self.whole_predictions.rows());
        let mut pairs = Pairs { shots: self.detectors.len() as u64, ..Pairs::default() };
        for (flips, (windowed, whole)) in self.observables.rows().zip(guesses) {
            pairs.only_windows += u64::from(windowed != flips && whole == flips);
            pairs.only_whole += u64::from(windowed == flips && whole != flips);
        }
        Ok(pairs)
    }

    /// An error of the block that begins with shot `first`, which numbers its own rows.
    fn place(&self, error: outrider::Error, first: u64) -> outrider::Error {
        let row = error.place().and_then(|place| place.shot).unwrap_or(1);
        // Numbered by the row before, from 1.
        let shot = self.kept.get(row as usize - 1).map_or(row, |&shot| shot as u64 + 1);
        error.with_path(format!("seed {}", self.seed)).with_shot(first + shot)
    }
}

impl Worker for BlockWorker {
    type Job = Block;
    type Answer = Tally;

    fn run(&mut self, Block { shots, overrides }: Block) -> Result<Tally> {
        let clock = Instant::now();
        // A block is small.
        let count = usize::try_from(shots.end - shots.start).unwrap_or(usize::MAX);
        self.sampler.sample(shots.start, count, &mut self.detectors, &mut self.observables)?;
        self.discard();
        let stages = self.decode(overrides.as_deref()).map_err(|error| self.place(error, shots.start))?;
        let seconds = clock.elapsed().as_secs_f64();
        let pairs = self.pair().map_err(|error| self.place(error, shots.start))?;
        let shots = shots.end - shots.start;
        let discards = shots - self.kept.len() as u64;
        let mut tally = Tally { shots, discards, seconds, stages, pairs, ..Tally::default() };
        self.compare(&mut tally);
        Ok(tally)
    }
}
