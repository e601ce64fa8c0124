//! Histories on their way from a source to a target, at the pace of a processor, and what is measured of them.
//!
//! The pace is an open loop: round k of a history is due at its beginning plus k round times, whether or not the decoder
//! keeps up, and every latency counts from when its round was due.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use outrider::{CellBook, Patch, Plan, StreamLearning, Times, Wait, clock_ns};
use outrider_wire::Time;

use crate::error::{Error, Result};
use crate::stream::figures::Figures;
use crate::stream::reported_cells::ReportedCells;
use crate::stream::round_source::Source;
use crate::stream::snapshot::{HistoryProgress, Snapshot};
use crate::stream::stalls::StallWatch;
use crate::stream::target::{CellReport, Restored, Target, Way};
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

impl Pace {
    /// Layers at the beginning of a run that count for no pace: a tenth of all, but no more than a thousand. Of histories
    /// without a known number only the first counts.
    pub(crate) fn warm_up(&self, length: u64) -> u64 {
        let histories = if self.histories == u64::MAX { 1 } else { self.histories };
        (length.saturating_mul(histories) / 10).min(WARM_UP_MAX)
    }
}

/// When a history was over.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HistoryEnd {
    /// Its last round was due.
    pub(crate) due: Time,
    /// Its correction was out.
    pub(crate) corrected: Time,
}

/// A target that is fed, and the figures of that.
pub(crate) struct Driver<'a> {
    pub(crate) patch: &'a Arc<Patch>,
    pub(crate) target: &'a mut dyn Target,
    pub(crate) pace: Pace,
    /// Ends the run when it is set.
    pub(crate) stop: &'a AtomicBool,
    pub(crate) views: &'a mut Views,
    pub(crate) figures: Figures,
    /// The correction of the history before was out.
    corrected: Time,
    watch: StallWatch,
    /// A history ended early when the run was stopped.
    is_cut_short: bool,
    /// Answers compared so far, if they are to be compared.
    pub(crate) verified: Option<Verified>,
    /// What that learns, if the patch does.
    check_learning: Option<StreamLearning>,
}

impl<'a> Driver<'a> {
    /// Nothing was streamed yet, and no answers are to be compared.
    pub(crate) fn new(
        patch: &'a Arc<Patch>,
        target: &'a mut dyn Target,
        pace: Pace,
        stop: &'a AtomicBool,
        views: &'a mut Views,
    ) -> Result<Self> {
        let figures = Figures::new()?;
        let (watch, corrected) = (StallWatch::new(), Time(0));
        Ok(Self {
            patch,
            target,
            pace,
            stop,
            views,
            figures,
            corrected,
            watch,
            is_cut_short: false,
            verified: None,
            check_learning: None,
        })
    }

    /// Compares all answers from now on, of which there were none.
    pub(crate) fn verify(&mut self) -> Result<()> {
        let kept = CellBook::layers_needed(self.patch.plan());
        self.check_learning = StreamLearning::new(self.patch, kept, false)?;
        self.verified = Some(Verified::default());
        Ok(())
    }

    /// Streams the histories of a source, one after another; those first that an earlier process left in its journal.
    pub(crate) fn run(&mut self, source: &mut dyn Source, length: u64) -> Result<()> {
        if let Some(log) = self.restore(source)? {
            self.go_on(source, length, time_now(), log)?;
        }
        let begin = time_now();
        for history in 0.. {
            let due = self.pace.history_ns.map(|time| begin.after((history as f64 * time) as u64));
            if self.run_history(source, length, due.unwrap_or_else(time_now))?.is_none() {
                break;
            }
        }
        // What was stopped between whole histories is left to another process.
        let is_over = self.is_cut_short || !self.stop.load(Ordering::Relaxed);
        self.target.end(is_over)
    }

    /// Takes up what an earlier process did with the histories of this source. Returns the log of the history that was
    /// under way, if one was.
    fn restore(&mut self, source: &mut dyn Source) -> Result<Option<Log>> {
        let mut log: Option<Log> = None;
        while let Some(restored) = self.target.restored()? {
            if self.stop.load(Ordering::Relaxed) {
                return Err(Error::machine("--resume", "interrupted before all of the journal was read"));
            }
            match (restored, &mut log) {
                (Restored::Begun, Some(_)) => {
                    return Err(self.target.misfit("a history was opened before the one before it was over"));
                }
                (Restored::Begun, log) => {
                    if !source.start()? {
                        return Err(self.target.misfit("the source has no such history"));
                    }
                    *log = Some(Log::new(Arc::clone(self.patch.plan()), self.target.rounds_max()));
                }
                (Restored::Round { events, detector_count, is_last }, Some(log)) => {
                    let round = source.next()?;
                    if is_last && round.as_ref().is_some_and(|round| !round.is_last) {
                        return Err(self
                            .target
                            .misfit("a signal ended the history here, and its stream with it"));
                    }
                    let is_same = round.is_some_and(|round| {
                        (round.events, round.detector_count, round.is_last)
                            == (&events, detector_count, is_last)
                    });
                    if !is_same {
                        return Err(self.target.misfit("another round than that of the source"));
                    }
                    let now = time_now();
                    log.note(now, now);
                    log.restored += 1;
                    log.length = is_last.then_some(log.layers);
                    self.figures.layers_restored += 1;
                    self.figures.events += count_events(&events);
                }
                (Restored::Cell(number), Some(log)) => {
                    log.cells.take(number, log.layers, log.length)?;
                    self.figures.cells += 1;
                    self.figures.cells_restored += 1;
                }
                (Restored::Over(_), Some(Log { length: None, .. })) => {
                    return Err(self.target.misfit("a history was closed before its last round"));
                }
                (Restored::Over(observables), log) => {
                    if let Some(log) = log.take() {
                        self.count(source, &log, &observables)?;
                        self.learn_again(source)?;
                    }
                }
                (Restored::Round { .. } | Restored::Cell(_), None) => {
                    return Err(self.target.misfit("of no history that was begun"));
                }
            }
        }
        Ok(log.map(|log| Log { begun: time_now(), ..log }))
    }

    /// Lets the thread that answers are compared with learn from a history that is not compared.
    fn learn_again(&mut self, source: &mut dyn Source) -> Result<()> {
        let Some(learning) = &mut self.check_learning else { return Ok(()) };
        source.rewind()?;
        while let Some(round) = source.next()? {
            learning.push(round.events, round.is_last)?;
        }
        Ok(())
    }

    /// Streams the next history, whose first round is due at `begin`; nothing if there is none. `length` is what it
    /// is expected to have.
    pub(crate) fn run_history(
        &mut self,
        source: &mut dyn Source,
        length: u64,
        begin: Time,
    ) -> Result<Option<HistoryEnd>> {
        if self.stop.load(Ordering::Relaxed) || !source.start()? {
            return Ok(None);
        }
        self.target.restart()?;
        let log = Log::new(Arc::clone(self.patch.plan()), self.target.rounds_max());
        self.go_on(source, length, begin, log).map(Some)
    }

    /// Streams the rest of a history, whose next round is due at `begin`.
    fn go_on(
        &mut self,
        source: &mut dyn Source,
        length: u64,
        begin: Time,
        mut log: Log,
    ) -> Result<HistoryEnd> {
        let mut answers = self.verified.is_some().then(|| Answers::new(self.patch.plan().cell_count(length)));
        let later = self.pace.histories.saturating_sub(self.figures.histories + 1);
        let warm_up = self.pace.warm_up(length);
        let mut clock = Clock { begin, pace: self.pace, first: log.restored, length, later };
        let mut is_stopping = false;
        loop {
            if !is_stopping && self.stop.load(Ordering::Relaxed) {
                is_stopping = true;
                self.is_cut_short = !source.stop()?;
            }
            let Some(round) = source.next()? else { break };
            let due = clock.due(log.layers);
            let (now, committed) = self.wait_for_room(&mut log, answers.as_mut(), due)?;
            self.target.push(round.events, round.detector_count, round.is_last)?;
            let pushed = time_now();
            self.figures.events += count_events(round.events);
            self.figures.ingest.span(due.unwrap_or(now), pushed);
            log.note(due.unwrap_or(now), pushed);
            if round.is_last {
                clock.length = log.layers;
                log.length = Some(log.layers);
            }
            let backlog = clock.layers_due(now, log.layers) - committed;
            if self.figures.layers + log.layers > warm_up {
                self.figures.note_backlog(backlog, self.watch.is_calm(now));
            }
            if self.views.is_due(now) {
                let snapshot = self.snapshot_of(&log, length, backlog);
                self.views.show(now, &snapshot)?;
            }
        }
        let corrected = self.finish(&mut log, answers.as_mut())?;
        let due = log.due(log.layers.saturating_sub(1));
        self.figures.reaction.span(due, corrected);
        let progress = self.target.poll()?;
        let observables = progress.observables.to_vec();
        self.count(source, &log, &observables)?;
        self.figures.nanoseconds += corrected.since(begin.max(self.corrected));
        self.corrected = corrected;
        if let (Some(verified), Some(answers)) = (&mut self.verified, answers) {
            let mut poll = || self.target.poll().map(|_| ());
            let (mismatches, compared) =
                answers.verify(self.patch, self.check_learning.as_mut(), source, &mut poll)?;
            verified.mismatches += mismatches;
            verified.answers += compared;
        }
        Ok(HistoryEnd { due, corrected })
    }

    /// Waits until the next round is due and there is room for it. Returns the time, and how many layers are committed.
    fn wait_for_room(
        &mut self,
        log: &mut Log,
        mut answers: Option<&mut Answers>,
        due: Option<Time>,
    ) -> Result<(Time, u64)> {
        let mut has_stopped = false;
        self.watch.begin(time_now());
        loop {
            let now = time_now();
            if let Some(ns) = self.watch.look(now).filter(|_| !self.target.decodes_here()) {
                self.figures.stalls.add(ns);
            }
            let progress = self.target.poll()?;
            if let Some(answers) = &mut answers {
                answers.note(progress.cells, progress.observables);
            }
            let (committed, has_room) = (progress.committed, progress.has_room);
            log.take_reports(self.target, &mut self.figures)?;
            if due.is_none_or(|due| now >= due) {
                if has_room {
                    return Ok((now, committed));
                }
                self.figures.credit_stops += u64::from(!std::mem::replace(&mut has_stopped, true));
            }
            self.wait(due.filter(|_| has_room).map(|due| due.since(now)));
        }
    }

    /// Waits until everything is committed; returns when it was.
    fn finish(&mut self, log: &mut Log, mut answers: Option<&mut Answers>) -> Result<Time> {
        loop {
            let progress = self.target.poll()?;
            let now = time_now();
            if let (Some(answers), true) = (&mut answers, progress.is_finished) {
                answers.note_last(progress.cells, progress.observables);
            } else if let Some(answers) = &mut answers {
                answers.note(progress.cells, progress.observables);
            }
            let is_finished = progress.is_finished;
            log.take_reports(self.target, &mut self.figures)?;
            if is_finished {
                return Ok(now);
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
                let most_ns = left_ns.unwrap_or(NAP_NS).min(NAP_NS);
                self.watch.sleep(most_ns);
                self.target.sleep(Duration::from_nanos(most_ns));
            }
        }
    }

    /// A history is over, and its cells flip these observables.
    fn count(&mut self, source: &dyn Source, log: &Log, observables: &[u8]) -> Result<()> {
        self.figures.layers += log.layers;
        self.figures.layers_lost += log.cells.lost_layers(log.layers)?;
        self.figures.histories += 1;
        if let Some(flips) = source.flips() {
            *self.figures.logical_errors.get_or_insert(0) += u64::from(flips != observables);
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
        let seconds = time_now().since(log.begun) as f64 / 1e9;
        let layers = (figures.layers + log.layers).max(1);
        let history = HistoryProgress {
            number: figures.histories + 1,
            round: log.layers,
            length,
            rounds_per_second: (log.layers - log.restored) as f64 / seconds.max(1e-9),
            events_per_round: figures.events as f64 / layers as f64,
            backlog_rounds,
        };
        Snapshot { history: Some(history), ..self.snapshot() }
    }
}

/// When the rounds of a history are due.
struct Clock {
    begin: Time,
    pace: Pace,
    /// The layer that is due at the beginning: not the first if an earlier process pushed that.
    first: u64,
    length: u64,
    /// Histories that come after it.
    later: u64,
}

impl Clock {
    /// Nothing if there is no pace.
    fn due(&self, layer: u64) -> Option<Time> {
        let round_ns = self.pace.round_ns;
        (round_ns > 0.0).then(|| self.begin.after(((layer - self.first) as f64 * round_ns) as u64))
    }

    /// Layers due by now, at least those pushed, and those of later histories that have begun to be due.
    fn layers_due(&self, now: Time, pushed: u64) -> u64 {
        let passed_ns = now.since(self.begin) as f64;
        let own = (self.first + self.due_after(passed_ns)).min(self.length).max(pushed);
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
    begun: Time,
    layers: u64,
    /// Those that an earlier process pushed.
    restored: u64,
    /// Once it is known.
    length: Option<u64>,
    /// Due and pushed, by the layer modulo the layers held: a cell that is not committed holds its own.
    times: Box<[(Time, Time)]>,
}

impl Log {
    fn new(plan: Arc<Plan>, layers_held: u64) -> Self {
        let times = vec![(Time(0), Time(0)); layers_held.max(1) as usize].into();
        Self {
            cells: ReportedCells::new(plan),
            begun: time_now(),
            layers: 0,
            restored: 0,
            length: None,
            times,
        }
    }

    fn note(&mut self, due: Time, pushed: Time) {
        self.times[(self.layers % self.times.len() as u64) as usize] = (due, pushed);
        self.layers += 1;
    }

    fn due(&self, layer: u64) -> Time {
        self.times[(layer % self.times.len() as u64) as usize].0
    }

    fn pushed(&self, layer: u64) -> Time {
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
        figures.commit_lag.span(self.due(cell.window_end - 1), report.merged);
        match report.way {
            Way::Worker(Times { dispatched_ns, started_ns, ended_ns }) => {
                let (dispatched, started, ended) = (Time(dispatched_ns), Time(started_ns), Time(ended_ns));
                figures.dispatch.span(self.pushed(cell.ready_layers - 1), dispatched);
                figures.queue.span(dispatched, started);
                figures.decode.span(started, ended);
                figures.merge.span(ended, report.merged);
            }
            Way::Node { pushed, hops } => {
                figures.dispatch.span(hops.ingest, hops.dispatched);
                figures.queue.span(hops.dispatched, hops.decode_start);
                figures.decode.span(hops.decode_start, hops.decode_end);
                // Clocks of two machines can only be compared by what passed on each.
                let on_node_ns = hops.decode_end.since(hops.ingest);
                figures.network.add(report.merged.since(pushed).saturating_sub(on_node_ns));
            }
        }
        Ok(())
    }
}

fn time_now() -> Time {
    Time(clock_ns())
}

/// Set bits of packed events.
fn count_events(events: &[u8]) -> u64 {
    events.iter().map(|byte| u64::from(byte.count_ones())).sum()
}

const WARM_UP_MAX: u64 = 1_000;
/// Longest sleep.
const NAP_NS: u64 = 1_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_warms_up_for_a_tenth_of_its_layers() {
        let pace = Pace { round_ns: 1000.0, history_ns: None, histories: 4, wait: Wait::Spin };
        assert_eq!([1, 10, 100, 1_000_000].map(|length| pace.warm_up(length)), [0, 4, 40, 1_000]);
        assert_eq!(Pace { histories: u64::MAX, ..pace }.warm_up(100), 10);
    }

    #[test]
    fn layers_of_later_histories_are_due_one_by_one() {
        let pace = Pace { round_ns: 1000.0, history_ns: Some(5000.0), histories: 4, wait: Wait::Spin };
        let clock = Clock { begin: Time(100), pace, first: 0, length: 10, later: 3 };
        for (passed_us, due) in [(0, 1), (4, 5), (5, 6 + 1), (9, 10 + 5), (12, 10 + 8 + 3), (100, 40)] {
            assert_eq!(clock.layers_due(Time(100 + 1000 * passed_us), 0), due, "after {passed_us} us");
        }
        assert_eq!(clock.layers_due(Time(100), 7), 7);
    }
}
