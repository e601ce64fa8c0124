//! Moments of streams of shots, counted by the threads together.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError};

use outrider::Moments;

use crate::error::{Error, Result};
use crate::input::{Batch, Batches};
use crate::threads::{Worker, run_ordered};

/// Blocks of one series.
const BLOCKS_MAX: u64 = 10_000;

/// What is counted apart.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parts {
    /// Shots of even and of odd index are two folds.
    pub(crate) has_folds: bool,
    /// Shots of a block, if there are blocks.
    pub(crate) block_shots: Option<u64>,
}

/// Counts of some shots.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// How many shots.
    pub(crate) shots: u64,
    /// Of each set, those in which an odd number of it fired.
    pub(crate) odd: Vec<u64>,
}

/// What was counted.
pub(crate) struct Gathered {
    /// Of all shots, or of even and odd ones.
    pub(crate) folds: Vec<Moments>,
    /// Of each block, from its number.
    pub(crate) blocks: BTreeMap<u64, Counts>,
}

impl Counts {
    fn of(moments: &Moments) -> Self {
        Self { shots: moments.shots(), odd: moments.counts().to_vec() }
    }

    fn add(&mut self, other: &Self) {
        self.shots += other.shots;
        self.odd.resize(other.odd.len(), 0);
        for (sum, &more) in self.odd.iter_mut().zip(&other.odd) {
            *sum += more;
        }
    }

    /// The mean of (-1)^(events) of each set.
    pub(crate) fn means(&self) -> Vec<f64> {
        self.odd.iter().map(|&odd| 1.0 - 2.0 * odd as f64 / self.shots as f64).collect()
    }
}

impl Gathered {
    /// All shots together; folds are no more then.
    pub(crate) fn all(&mut self) -> Result<Moments> {
        let mut folds = self.folds.drain(..);
        let Some(mut all) = folds.next() else { return Err(Error::Usage("no shots".to_owned())) };
        for fold in folds {
            all.merge(&fold)?;
        }
        Ok(all)
    }
}

/// Counts all shots of `batches`; `new` makes moments without shots. Sums of integers: the same for any number of
/// threads.
pub(crate) fn gather(
    new: &dyn Fn() -> Result<Moments>,
    parts: Parts,
    mut batches: Batches,
    threads: usize,
    progress: &mut dyn FnMut(u64),
) -> Result<Gathered> {
    let folds = if parts.has_folds { 2 } else { 1 };
    let counters = (0..threads).map(|_| {
        Ok(Arc::new(Mutex::new(Counter {
            folds: (0..folds).map(|_| new()).collect::<Result<_>>()?,
            block: parts.block_shots.is_some().then(new).transpose()?,
            block_number: 0,
            blocks: BTreeMap::new(),
        })))
    });
    let counters: Vec<_> = counters.collect::<Result<_>>()?;
    let workers = counters.iter().map(|counter| CountingWorker { counter: Arc::clone(counter), parts });
    run_ordered(workers.collect(), Box::new(move || batches.next()), &mut |shots| {
        progress(shots);
        Ok(ControlFlow::Continue(()))
    })?;
    let mut gathered = Gathered { folds: Vec::new(), blocks: BTreeMap::new() };
    for counter in counters {
        let mut counter = counter.lock().unwrap_or_else(PoisonError::into_inner);
        counter.end_block();
        for (number, counts) in &counter.blocks {
            gathered.blocks.entry(*number).or_default().add(counts);
        }
        if gathered.folds.is_empty() {
            gathered.folds = std::mem::take(&mut counter.folds);
        } else {
            for (sum, fold) in gathered.folds.iter_mut().zip(&counter.folds) {
                sum.merge(fold)?;
            }
        }
    }
    Ok(gathered)
}

/// What one thread counts.
struct Counter {
    folds: Vec<Moments>,
    /// Of the block under way, if there are blocks; every thread sees their numbers ascend.
    block: Option<Moments>,
    block_number: u64,
    blocks: BTreeMap<u64, Counts>,
}

impl Counter {
    fn end_block(&mut self) {
        if let Some(block) = self.block.as_mut().filter(|block| block.shots() > 0) {
            self.blocks.entry(self.block_number).or_default().add(&Counts::of(block));
            block.clear();
        }
    }
}

struct CountingWorker {
    counter: Arc<Mutex<Counter>>,
    parts: Parts,
}

impl Worker for CountingWorker {
    type Job = Batch;
    type Answer = u64;

    fn run(&mut self, batch: Batch) -> Result<u64> {
        let mut counter = self.counter.lock().unwrap_or_else(PoisonError::into_inner);
        let counter = &mut *counter;
        let detectors = counter.folds.first().map_or(0, Moments::detector_count);
        let rows = batch.detectors(detectors)?;
        match counter.folds.as_mut_slice() {
            [all] => all.add(&rows)?,
            folds => {
                for (parity, fold) in folds.iter_mut().enumerate() {
                    fold.add(&rows.filtered(|row| batch.index(row) % 2 == parity as u64))?;
                }
            }
        }
        if let Some(length) = self.parts.block_shots {
            let mut begin = 0;
            while begin < rows.len() {
                let number = batch.index(begin) / length;
                if number >= BLOCKS_MAX {
                    return Err(Error::Usage(format!("--blocks: more than {BLOCKS_MAX} blocks")));
                }
                let mut end = begin + 1;
                while end < rows.len() && batch.index(end) / length == number {
                    end += 1;
                }
                if number != counter.block_number {
                    counter.end_block();
                    counter.block_number = number;
                }
                if let Some(block) = &mut counter.block {
                    block.add(&rows.filtered(|row| (begin..end).contains(&row)))?;
                }
                begin = end;
            }
        }
        Ok(rows.len() as u64)
    }
}
