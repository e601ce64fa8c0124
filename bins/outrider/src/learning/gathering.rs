//! Shots read once: windows that are no bursts are counted.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;

use outrider::{
    BurstOptions, BurstWindow, Bursts, DetectorErrorModel, Drift, EventSums, Isa, Moments, MomentsOptions,
    Shots, TimeAxis,
};

use crate::error::{Error, Result};
use crate::input::Batches;
use crate::learning::series::Series;

/// Blocks of one series.
pub(crate) const BLOCKS_MAX: u64 = 10_000;

/// Bytes of undecided windows.
const WAITING_BYTES_MAX: usize = 1 << 30;

/// Pairs of detectors that are looked at beyond those that an error flips.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Correlations {
    /// None.
    Inside,
    /// Those with a common neighbour.
    Near,
    /// Those at most so many rounds apart.
    Rounds(u32),
    /// All.
    All,
}

impl fmt::Display for Correlations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inside => f.write_str("inside"),
            Self::Near => f.write_str("near"),
            Self::Rounds(apart) => apart.fmt(f),
            Self::All => f.write_str("all"),
        }
    }
}

/// What is counted, and how.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Counting {
    /// Shots of a window, which is a burst or is not, and a step of time in the search for drift.
    pub(crate) window: usize,
    /// Leave windows out that are bursts.
    pub(crate) leave_out_bursts: bool,
    /// Shots of even and of odd index are two folds.
    pub(crate) has_folds: bool,
    /// Shots of a block, if there are blocks.
    pub(crate) block_shots: Option<u64>,
    /// Pairs beyond the model.
    pub(crate) correlations: Correlations,
    /// The instruction set; all give the same counts.
    pub(crate) isa: Isa,
}

/// A window that was judged a burst.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Burst {
    /// Index of its first shot in the stream, from 0.
    pub(crate) first_shot: u64,
    /// Index of its last shot.
    pub(crate) last_shot: u64,
    /// Events, and what the windows around it let expect.
    pub(crate) window: BurstWindow,
}

/// One block of the series.
pub(crate) struct Block {
    /// Counts of its shots.
    pub(crate) counts: Vec<u64>,
    /// How many there are, bursts left out.
    pub(crate) shots: u64,
}

/// What was counted.
pub(crate) struct Gathered {
    /// Of all shots, or of even and odd ones.
    pub(crate) folds: Vec<Moments>,
    /// Pairs of any distance, if they were wanted.
    pub(crate) pairs: Option<Moments>,
    /// By number.
    pub(crate) blocks: BTreeMap<u64, Block>,
    /// Windows that are bursts.
    pub(crate) bursts: Vec<Burst>,
    /// Detectors over windows.
    pub(crate) drift: Drift,
    /// Windows that are in `drift`.
    pub(crate) windows: u64,
    /// The same windows over time.
    pub(crate) series: Series,
}

impl Block {
    /// The mean of (-1)^(events) of each set.
    pub(crate) fn means(&self) -> Vec<f64> {
        self.counts.iter().map(|&odd| 1.0 - 2.0 * odd as f64 / self.shots as f64).collect()
    }
}

impl Gathered {
    /// All shots together; there are no folds after that.
    pub(crate) fn take_all(&mut self) -> Result<Moments> {
        let mut folds = self.folds.drain(..);
        let Some(mut all) = folds.next() else { return Err(Error::Usage("no shots".to_owned())) };
        for fold in folds {
            all.merge(&fold)?;
        }
        Ok(all)
    }
}

/// Counts the shots of `batches`. `errors` is the model whose errors will be learned.
pub(crate) fn gather(
    errors: &DetectorErrorModel,
    counting: Counting,
    mut batches: Batches,
    progress: &mut dyn FnMut(u64),
) -> Result<Gathered> {
    let mut gatherer = Gatherer::new(errors, counting)?;
    while let Some(batch) = batches.next()? {
        let rows = batch.detectors(gatherer.detectors)?;
        for (row, events) in rows.rows().enumerate() {
            gatherer.push(batch.index(row), events)?;
        }
        progress(rows.len() as u64);
    }
    gatherer.finish()
}

/// Shots of consecutive indices, but for those that were not selected.
struct Window {
    first_shot: u64,
    last_shot: u64,
    indices: Vec<u64>,
    rows: Shots,
    sums: EventSums,
}

struct Gatherer {
    counting: Counting,
    detectors: usize,
    open: Option<Window>,
    undecided: VecDeque<Window>,
    judge: Bursts,
    /// Of one window, for drift.
    singles: Moments,
    /// Of the block under way.
    block: Option<(u64, Moments)>,
    gathered: Gathered,
}

impl Gatherer {
    fn new(errors: &DetectorErrorModel, counting: Counting) -> Result<Self> {
        let detectors = errors.detector_count();
        let count = u32::try_from(detectors).unwrap_or(u32::MAX);
        let options = MomentsOptions {
            isa: counting.isa,
            with_outside: counting.correlations == Correlations::Near,
            ..MomentsOptions::default()
        };
        let folds = if counting.has_folds { 2 } else { 1 };
        let folds: Vec<_> = (0..folds)
            .map(|_| Moments::for_model_with(errors, &options))
            .collect::<std::result::Result<_, _>>()?;
        let plain = MomentsOptions { with_outside: false, ..options };
        let pairs = match counting.correlations {
            Correlations::Inside | Correlations::Near => None,
            Correlations::All => Some(Moments::for_pairs(count, None, &plain)?),
            Correlations::Rounds(apart) => {
                let rounds = errors.rounds(&TimeAxis::default())?;
                Some(Moments::for_pairs(count, Some((&rounds.of, apart)), &plain)?)
            }
        };
        let block = match counting.block_shots {
            Some(_) => Some((0, Moments::for_model_with(errors, &options)?)),
            None => None,
        };
        let sets: Vec<_> = (0..count).map(|detector| [detector]).collect();
        let false_rate = BurstOptions::default().false_rate;
        Ok(Self {
            counting,
            detectors: count as usize,
            open: None,
            undecided: VecDeque::new(),
            judge: Bursts::new(&BurstOptions { false_rate, ..BurstOptions::default() })?,
            singles: Moments::with_sets(count, &sets, &plain)?,
            block,
            gathered: Gathered {
                folds,
                pairs,
                blocks: BTreeMap::new(),
                bursts: Vec::new(),
                drift: Drift::new(count)?,
                windows: 0,
                series: Series::new(),
            },
        })
    }

    fn push(&mut self, index: u64, events: &[u8]) -> Result<()> {
        let detectors = self.detectors;
        let window = self.open.get_or_insert_with(|| Window {
            first_shot: index,
            last_shot: index,
            indices: Vec::new(),
            rows: Shots::new(detectors),
            sums: EventSums::default(),
        });
        window.last_shot = index;
        window.indices.push(index);
        window.rows.push(events)?;
        if window.rows.len() == self.counting.window { self.close() } else { Ok(()) }
    }

    /// Ends the open window, and decides those that can be.
    fn close(&mut self) -> Result<()> {
        if let Some(mut window) = self.open.take() {
            window.sums = EventSums::of(&window.rows);
            self.judge.push(&window.sums)?;
            self.undecided.push_back(window);
            let waiting = self.undecided.len() * self.counting.window * self.detectors.div_ceil(8);
            if waiting > WAITING_BYTES_MAX {
                return Err(Error::Usage(format!(
                    "--window: {} shots of {} detectors are more than fit into memory until bursts are found",
                    self.counting.window, self.detectors
                )));
            }
        }
        while let Some(judged) = self.judge.pop() {
            let Some(window) = self.undecided.pop_front() else { break };
            if judged.is_burst && self.counting.leave_out_bursts {
                let Window { first_shot, last_shot, .. } = window;
                self.gathered.bursts.push(Burst { first_shot, last_shot, window: judged });
            } else {
                self.count(&window)?;
            }
        }
        Ok(())
    }

    fn count(&mut self, window: &Window) -> Result<()> {
        match self.gathered.folds.as_mut_slice() {
            [all] => all.add(&window.rows)?,
            folds => {
                for (parity, fold) in folds.iter_mut().enumerate() {
                    fold.add(&window.rows.filtered(|row| window.indices[row] % 2 == parity as u64))?;
                }
            }
        }
        if let Some(pairs) = &mut self.gathered.pairs {
            pairs.add(&window.rows)?;
        }
        self.singles.clear();
        self.singles.add(&window.rows)?;
        self.gathered.drift.add(&self.singles, &window.sums)?;
        self.gathered.windows += 1;
        self.gathered.series.push(window.first_shot, window.last_shot, &window.sums);
        self.count_in_blocks(window)
    }

    fn count_in_blocks(&mut self, window: &Window) -> Result<()> {
        let Some(length) = self.counting.block_shots else { return Ok(()) };
        let mut begin = 0;
        while begin < window.rows.len() {
            let number = window.indices[begin] / length;
            let end =
                begin + window.indices[begin..].iter().take_while(|&&index| index / length == number).count();
            if number >= BLOCKS_MAX {
                return Err(Error::Usage(format!("--blocks: more than {BLOCKS_MAX} blocks")));
            }
            if self.block.as_ref().is_some_and(|(current, _)| *current != number) {
                self.end_block(number);
            }
            if let Some((_, block)) = &mut self.block {
                block.add(&window.rows.filtered(|row| (begin..end).contains(&row)))?;
            }
            begin = end;
        }
        Ok(())
    }

    /// Keeps the counts of the block under way and begins the one of this number.
    fn end_block(&mut self, next: u64) {
        if let Some((number, block)) = &mut self.block {
            if block.shots() > 0 {
                let counts = Block { counts: block.counts().to_vec(), shots: block.shots() };
                self.gathered.blocks.insert(*number, counts);
            }
            block.clear();
            *number = next;
        }
    }

    fn finish(mut self) -> Result<Gathered> {
        self.close()?;
        self.judge.finish();
        self.close()?;
        self.end_block(0);
        Ok(self.gathered)
    }
}
