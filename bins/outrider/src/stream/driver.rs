//! Histories on their way from a source to a target, at the pace of a processor, and what is measured of them.
//!
//! The pace is an open loop: round k of a history is due at its beginning plus k round times, whether or not the decoder
//! keeps up, and every latency counts from when its round was due.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use outrider::{Patch, Plan, Wait, clock_ns};

use crate::error::Result;
use crate::stream::figures::Figures;
use crate::stream::reported_cells::ReportedCells;
use crate::stream::round_source::Source;
use crate::stream::snapshot::{HistoryProgress, Snapshot};
use crate::stream::target::{CellReport, Target, Way};
use crate::stream::verify::{Answers, Verified};
use crate::stream::views::Views;

/// How histories are streamed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// Time of a round; 0 for as fast as it goes.
    pub(crate) round_ns: f64,
    /// Time from the beginning of a history to that of the next; nothing if that begins when this one is over.
    pub(crate) history_ns: Option<f64>,
    /// Histories that there are, as far as that is known.
    pub(crate) histories: u64,
    /// How this thread waits.
    pub(crate) wait: Wait,
}

/// When a history was over.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HistoryEnd {
    /// Its last round was due.
    pub(crate) due_ns: u64,
    /// Its correction was out.
    pub(crate) corrected_ns: u64,
}

/// A target that is fed, and the figures of that.
pub(crate) struct Driver<'a> {
    pub(crate) patch: &'a Patch,
    pub(crate) target: &'a mut dyn Target,
    pub(crate) pace: Pace,
    /// Ends the run when it is set.
    pub(crate) stop: &'a AtomicBool,
    pub(crate) views: &'a mut Views,
    pub(crate) figures: Figures,
    /// The correction of the history before was out.
    corrected_ns: u64,
    /// Answers compared so far, if they are to be compared.
    pub(crate) verified: Option<Verified>,
}

impl<'a> Driver<'a> {
    /// Nothing was streamed yet, and no answers are to be compared.
    pub(crate) fn new(
        patch: &'a Patch,
        target: &'a mut dyn Target,
        pace: Pace,
        stop: &'a AtomicBool,
        views: &'a mut Views,
    ) -> Result<Self> {
        let figures = Figures::new()?;
        Ok(Self { patch, target, pace, stop, views, figures, corrected_ns: 0, verified: None })
    }

    /// Streams the histories of a source, one after another.
    pub(crate) fn run(&mut self, source: &mut dyn Source, length: u64) -> Result<()> {
        let begin_ns = clock_ns();
        for history in 0.. {
            let due_ns = self.pace.history_ns.map(|time| begin_ns + (history as f64 * time) as u64);
            if self.run_history(source, length, due_ns.unwrap_or_else(clock_ns))?.is_none() {
                break;
            }
        }
        Ok(())
    }

    /// Streams the next history, whose first round is due at `begin_ns`; nothing if there is none. `length` is what it
    /// is expected to have.
    pub(crate) fn run_history(
        &mut self,
        source: &mut dyn Source,
        length: u64,
        begin_ns: u64,
    ) -> Result<Option<HistoryEnd>> {
        if self.stop.load(Ordering::Relaxed) || !source.start()? {
            return Ok(None);
        }
        self.target.restart()?;
        let mut answers = self.verified.is_some().then(|| Answers::new(self.patch.plan().cell_count(length)));
        let mut log = Log::new(Arc::clone(self.patch.plan()), self.target.rounds_max());
        let later = self.pace.histories.saturating_sub(self.figures.histories + 1);
        let mut clock = Clock { begin_ns, pace: self.pace, length, later };
        let mut is_stopping = false;
        loop {
            if !is_stopping && self.stop.load(Ordering::Relaxed) {
                is_stopping = true;
                source.stop()?;
            }
            let Some(round) = source.next()? else { break };
            let due_ns = clock.due_ns(log.layers);
            let (now_ns, committed) = self.wait_for_room(&mut log, answers.as_mut(), due_ns)?;
            self.target.push(round.events, round.detector_count, round.is_last)?;
            let pushed_ns = clock_ns();
            self.figures.events += round.events.iter().map(|byte| u64::from(byte.count_ones())).sum::<u64>();
            self.figures.ingest.span(due_ns.unwrap_or(now_ns), pushed_ns);
            log.note(due_ns.unwrap_or(now_ns), pushed_ns);
            if round.is_last {
                clock.length = log.layers;
                log.length = Some(log.layers);
            }
            let backlog = clock.layers_due(now_ns, log.layers) - committed;
            self.figures.note_backlog(backlog, log.layers * 10 >= length * 9);
            if self.views.is_due(now_ns) {
                let snapshot = self.snapshot_of(&log, length, backlog);
                self.views.show(now_ns, &snapshot)?;
            }
        }
        let corrected_ns = self.finish(&mut log, answers.as_mut())?;
        let due_ns = log.due_ns(log.layers.saturating_sub(1));
        self.figures.reaction.span(due_ns, corrected_ns);
        self.count(source, &log, begin_ns.max(self.corrected_ns), corrected_ns)?;
        self.corrected_ns = corrected_ns;
        if let (Some(verified), Some(answers)) = (&mut self.verified, answers) {
            let mut poll = || self.target.poll().map(|_| ());
            let (mismatches, compared) = answers.verify(self.patch, source, &mut poll)?;
            verified.mismatches += mismatches;
            verified.answers += compared;
        }
        Ok(Some(HistoryEnd { due_ns, corrected_ns }))
    }

    /// Waits until the next round is due and there is room for it. Returns the time, and how many layers are committed.
    fn wait_for_room(
        &mut self,
        log: &mut Log,
        mut answers: Option<&mut Answers>,
        due_ns: Option<u64>,
    ) -> Result<(u64, u64)> {
        let mut has_stopped = false;
        loop {
            let now_ns = clock_ns();
            let progress = self.target.poll()?;
            if let Some(answers) = &mut answers {
                answers.note(progress.cells, progress.observables);
            }
            let (committed, has_room) = (progress.committed, progress.has_room);
            log.take_reports(self.target, &mut self.figures)?;
            if due_ns.is_none_or(|due_ns| now_ns >= due_ns) {
                if has_room {
                    return Ok((now_ns, committed));
                }
                self.figures.credit_stops += u64::from(!std::mem::replace(&mut has_stopped, true));
            }
            self.wait(due_ns.filter(|_| has_room).map(|due_ns| due_ns - now_ns));
        }
    }

    /// Waits until everything is committed; returns when it was.
    fn finish(&mut self, log: &mut Log, mut answers: Option<&mut Answers>) -> Result<u64> {
        loop {
            let progress = self.target.poll()?;
            let now_ns = clock_ns();
            if let (Some(answers), true) = (&mut answers, progress.is_finished) {
                answers.note_last(progress.cells, progress.observables);
            } else if let Some(answers) = &mut answers {
                answers.note(progress.cells, progress.observables);
            }
            let is_finished = progress.is_finished;
            log.take_reports(self.target, &mut self.figures)?;
            if is_finished {
                return Ok(now_ns);
            }
            self.wait(None);
        }
    }

    /// Waits a little, at most so long if that is known.
    fn wait(&mut self, left_ns: Option<u64>) {
        match self.pace.wait {
            Wait::Spin => std::hint::spin_loop(),
            Wait::SpinThenYield => thread::yield_now(),
            Wait::Block => {
                self.target.sleep(Duration::from_nanos(left_ns.unwrap_or(NAP_NS).min(NAP_NS)));
            }
        }
    }

    fn count(&mut self, source: &dyn Source, log: &Log, from_ns: u64, to_ns: u64) -> Result<()> {
        let progress = self.target.poll()?;
        self.figures.layers += log.layers;
        self.figures.layers_lost += log.cells.lost_layers(log.layers)?;
        self.figures.histories += 1;
        self.figures.nanoseconds += to_ns - from_ns;
        if let Some(flips) = source.flips() {
            *self.figures.logical_errors.get_or_insert(0) += u64::from(flips != progress.observables);
        }
        Ok(())
    }

    /// What was measured so far.
    pub(crate) fn snapshot(&self) -> Snapshot {
        Snapshot::new(&self.figures, self.target, self.pace.round_ns, self.verified)
    }

    /// The same in the middle of a history.
    fn snapshot_of(&self, log: &Log, length: u64, backlog_rounds: u64) -> Snapshot {
        let figures = &self.figures;
        let seconds = (clock_ns() - log.begun_ns) as f64 / 1e9;
        let layers = (figures.layers + log.layers).max(1);
        let history = HistoryProgress {
            number: figures.histories + 1,
            round: log.layers,
            length,
            rounds_per_second: log.layers as f64 / seconds.max(1e-9),
            events_per_round: figures.events as f64 / layers as f64,
            backlog_rounds,
        };
        Snapshot { history: Some(history), ..self.snapshot() }
    }
}

/// When the rounds of a history are due.
struct Clock {
    begin_ns: u64,
    pace: Pace,
    length: u64,
    /// Histories that come after it.
    later: u64,
}

impl Clock {
    /// Nothing if there is no pace.
    fn due_ns(&self, layer: u64) -> Option<u64> {
        let round_ns = self.pace.round_ns;
        (round_ns > 0.0).then(|| self.begin_ns + (layer as f64 * round_ns) as u64)
    }

    /// Layers due by now, at least those pushed, and those of later histories that have begun to be due.
    fn layers_due(&self, now_ns: u64, pushed: u64) -> u64 {
        let passed_ns = now_ns.saturating_sub(self.begin_ns) as f64;
        let own = self.due_after(passed_ns).max(pushed);
        let Some(history_ns) = self.pace.history_ns else { return own };
        let begun = ((passed_ns / history_ns) as u64).min(self.later);
        // The first of them have all their layers due; only the rest are looked at one by one.
        let whole_ns = passed_ns - (self.length - 1) as f64 * self.pace.round_ns;
        let whole = ((whole_ns / history_ns).max(0.0) as u64).min(begun);
        let partly: u64 =
            (whole + 1..=begun).map(|later| self.due_after(passed_ns - later as f64 * history_ns)).sum();
        own + whole * self.length + partly
    }

    /// Layers of a history that are due so long after it began.
    fn due_after(&self, passed_ns: f64) -> u64 {
        if self.pace.round_ns == 0.0 {
            0
        } else {
            ((passed_ns / self.pace.round_ns) as u64 + 1).min(self.length)
        }
    }
}

/// When the last layers of a history were due and pushed, and what became of its cells.
struct Log {
    cells: ReportedCells,
    begun_ns: u64,
    layers: u64,
    /// Once it is known.
    length: Option<u64>,
    /// Due and pushed, by the layer modulo the layers held: a cell that is not committed holds its own.
    times: Box<[(u64, u64)]>,
}

impl Log {
    fn new(plan: Arc<Plan>, layers_held: u64) -> Self {
        let times = vec![(0, 0); layers_held.max(1) as usize].into();
        Self { cells: ReportedCells::new(plan), begun_ns: clock_ns(), layers: 0, length: None, times }
    }

    fn note(&mut self, due_ns: u64, pushed_ns: u64) {
        self.times[(self.layers % self.times.len() as u64) as usize] = (due_ns, pushed_ns);
        self.layers += 1;
    }

    fn due_ns(&self, layer: u64) -> u64 {
        self.times[(layer % self.times.len() as u64) as usize].0
    }

    fn pushed_ns(&self, layer: u64) -> u64 {
        self.times[(layer % self.times.len() as u64) as usize].1
    }

    fn take_reports(&mut self, target: &mut dyn Target, figures: &mut Figures) -> Result<()> {
        while let Some(report) = target.next_report() {
            self.take(&report, figures)?;
        }
        Ok(())
    }

    fn take(&mut self, report: &CellReport, figures: &mut Figures) -> Result<()> {
        let cell = self.cells.take(report.number, self.layers, self.length)?;
        figures.cells += 1;
        figures.commit_lag.span(self.due_ns(cell.window_end - 1), report.merged_ns);
        match report.way {
            Way::Worker(times) => {
                figures.dispatch.span(self.pushed_ns(cell.ready_layers - 1), times.dispatched_ns);
                figures.queue.span(times.dispatched_ns, times.started_ns);
                figures.decode.span(times.started_ns, times.ended_ns);
                figures.merge.span(times.ended_ns, report.merged_ns);
            }
            Way::Node { pushed_ns, hops } => {
                figures.dispatch.span(hops.ingest_ns, hops.dispatched_ns);
                figures.queue.span(hops.dispatched_ns, hops.decode_start_ns);
                figures.decode.span(hops.decode_start_ns, hops.decode_end_ns);
                // Clocks of two machines can only be compared by what passed on each.
                let on_node_ns = hops.decode_end_ns.saturating_sub(hops.ingest_ns);
                figures.network.span(on_node_ns, report.merged_ns.saturating_sub(pushed_ns));
            }
        }
        Ok(())
    }
}

/// Longest sleep.
const NAP_NS: u64 = 1_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_of_later_histories_are_due_one_by_one() {
        let pace = Pace { round_ns: 1000.0, history_ns: Some(5000.0), histories: 4, wait: Wait::Spin };
        let clock = Clock { begin_ns: 100, pace, length: 10, later: 3 };
        for (passed_us, due) in [(0, 1), (4, 5), (5, 6 + 1), (9, 10 + 5), (12, 10 + 8 + 3), (100, 40)] {
            assert_eq!(clock.layers_due(100 + 1000 * passed_us, 0), due, "after {passed_us} us");
        }
        assert_eq!(clock.layers_due(100, 7), 7);
    }
}
