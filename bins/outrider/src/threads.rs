//! Work spread over OS threads, answers taken in order.
//!
//! Job k goes to worker k mod n through that worker's own bounded channel, and its answer is taken from the
//! same worker's bounded channel: order costs no sorting, and at most a few jobs per worker are in memory.

use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use crate::error::{Error, Result};

/// Jobs waiting in front of, and answers behind, each worker.
const CHANNEL_DEPTH: usize = 4;

/// Threads that `--threads` accepts.
pub(crate) const THREADS_MAX: usize = 1024;

/// A worker: owns its decoder, sampler and buffers, and turns jobs into answers.
pub(crate) trait Worker: Send {
    /// What it is given.
    type Job: Send + 'static;
    /// What it gives back.
    type Answer: Send + 'static;
    /// Does one job.
    fn run(&mut self, job: Self::Job) -> Result<Self::Answer>;
}

/// The `--threads` option: by default every core.
pub(crate) fn thread_count(given: Option<NonZeroUsize>) -> Result<usize> {
    let count = given.map_or_else(|| thread::available_parallelism().map_or(1, usize::from), usize::from);
    if count > THREADS_MAX {
        return Err(Error::Usage(format!("--threads: {count} is above the limit of {THREADS_MAX}")));
    }
    Ok(count)
}

/// Draws jobs until `produce` gives none, has `workers` do them on a thread each, and hands every answer to
/// `consume` in the order of the jobs. The first failure in that order ends it, whichever side it came
/// from, so the outcome does not depend on the number of workers. `consume` may end it early; jobs then
/// under way are dropped.
///
/// An early end does not wait for the other threads: the producer may be blocked reading a pipe that stays
/// silent.
pub(crate) fn run_ordered<W: Worker + 'static>(
    workers: Vec<W>,
    produce: Box<dyn FnMut() -> Result<Option<W::Job>> + Send>,
    consume: &mut dyn FnMut(W::Answer) -> Result<ControlFlow<()>>,
) -> Result<()> {
    let mut inputs = Vec::with_capacity(workers.len());
    let mut outputs = Vec::with_capacity(workers.len());
    let mut handles = Vec::with_capacity(workers.len());
    for (index, worker) in workers.into_iter().enumerate() {
        let (job_sender, job_receiver) = sync_channel(CHANNEL_DEPTH);
        let (answer_sender, answer_receiver) = sync_channel(CHANNEL_DEPTH);
        inputs.push(job_sender);
        outputs.push(answer_receiver);
        handles.push(spawn(format!("worker-{index}"), move || work(worker, &job_receiver, &answer_sender))?);
    }
    handles.push(spawn("producer".to_owned(), move || feed(&inputs, produce))?);
    for answers in outputs.iter().cycle() {
        let Ok(answer) = answers.recv() else { break };
        if consume(answer?)?.is_break() {
            return Ok(());
        }
    }
    // The jobs ran out, or a thread panicked: joining shows which.
    for handle in handles {
        if let Err(panic) = handle.join() {
            std::panic::resume_unwind(panic);
        }
    }
    Ok(())
}

fn spawn(name: String, body: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>> {
    thread::Builder::new().name(name).spawn(body).map_err(|error| Error::machine("threads", error))
}

fn feed<J>(inputs: &[SyncSender<Result<J>>], mut produce: Box<dyn FnMut() -> Result<Option<J>> + Send>) {
    for input in inputs.iter().cycle() {
        let (job, last) = match produce() {
            Ok(Some(job)) => (Ok(job), false),
            Ok(None) => return,
            Err(error) => (Err(error), true),
        };
        if input.send(job).is_err() || last {
            return;
        }
    }
}

fn work<W: Worker>(mut worker: W, jobs: &Receiver<Result<W::Job>>, answers: &SyncSender<Result<W::Answer>>) {
    for job in jobs {
        if answers.send(job.and_then(|job| worker.run(job))).is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Squares its job; job 13 fails.
    struct Square;

    impl Worker for Square {
        type Job = u64;
        type Answer = u64;

        fn run(&mut self, job: u64) -> Result<u64> {
            if job == 13 { Err(Error::Usage("unlucky".to_owned())) } else { Ok(job * job) }
        }
    }

    fn squares(workers: usize, jobs: u64, stop_at: u64) -> (Vec<u64>, Result<()>) {
        let mut next = 0;
        let mut seen = Vec::new();
        let outcome = run_ordered(
            (0..workers).map(|_| Square).collect(),
            Box::new(move || {
                next += 1;
                Ok((next <= jobs).then_some(next - 1))
            }),
            &mut |answer| {
                seen.push(answer);
                Ok(if answer >= stop_at { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
            },
        );
        (seen, outcome)
    }

    #[test]
    fn answers_come_in_order_for_any_number_of_workers() {
        for workers in [1, 2, 3, 7] {
            for jobs in [0, 1, 2, 12] {
                let (seen, outcome) = squares(workers, jobs, u64::MAX);
                assert!(outcome.is_ok());
                assert_eq!(seen, (0..jobs).map(|job| job * job).collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn the_first_failure_in_order_ends_the_work() {
        for workers in [1, 2, 5] {
            let (seen, outcome) = squares(workers, 1000, u64::MAX);
            assert!(matches!(outcome, Err(Error::Usage(_))));
            assert_eq!(seen.len(), 13);
        }
    }

    #[test]
    fn the_consumer_may_stop_early() {
        for workers in [1, 2, 5] {
            let (seen, outcome) = squares(workers, u64::MAX, 100);
            assert!(outcome.is_ok());
            assert_eq!(seen.len(), 11);
        }
    }
}
