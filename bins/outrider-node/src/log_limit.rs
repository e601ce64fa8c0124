//! How many lines a log takes. Whoever connects to a node can make it log a line, as often as they like; the log must not
//! fill a disk, nor cost the node more than the line is worth.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, PoisonError};

use outrider::clock_ns;
use outrider_wire::Time;
use tracing::{Level, Metadata};
use tracing_appender::non_blocking::NonBlocking;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::writer::OptionalWriter;

/// Lines that are taken at once.
const LINES_BURST: u64 = 1_000;
/// And then one in so much time: a hundred a second.
const NS_PER_LINE: u64 = 10_000_000;
/// The target of lines that are never left out, besides errors.
pub(crate) const ALWAYS: &str = "outrider_log";

/// Counts the lines that were left out.
#[derive(Debug, Clone, Default)]
pub(crate) struct LinesLeftOut(Arc<AtomicU64>);

impl LinesLeftOut {
    pub(crate) fn count(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// The writer of a log, with a limit.
pub(crate) struct Limited {
    writer: NonBlocking,
    limit: Mutex<Limit>,
    left_out: LinesLeftOut,
}

impl Limited {
    pub(crate) fn new(writer: NonBlocking, left_out: LinesLeftOut) -> Self {
        Self { writer, limit: Mutex::new(Limit::new(Time(clock_ns()))), left_out }
    }
}

impl<'a> MakeWriter<'a> for Limited {
    type Writer = OptionalWriter<NonBlocking>;

    fn make_writer(&'a self) -> Self::Writer {
        OptionalWriter::some(self.writer.clone())
    }

    fn make_writer_for(&'a self, line: &Metadata<'_>) -> Self::Writer {
        let is_limited = *line.level() != Level::ERROR && line.target() != ALWAYS;
        let mut limit = self.limit.lock().unwrap_or_else(PoisonError::into_inner);
        if is_limited && !limit.take(Time(clock_ns())) {
            self.left_out.0.fetch_add(1, Relaxed);
            return OptionalWriter::none();
        }
        self.make_writer()
    }
}

/// Lines that may still be taken, as the time in which they are earned.
struct Limit {
    saved_ns: u64,
    last: Time,
}

impl Limit {
    fn new(now: Time) -> Self {
        Self { saved_ns: LINES_BURST * NS_PER_LINE, last: now }
    }

    /// Takes a line, if there may be one.
    fn take(&mut self, now: Time) -> bool {
        let earned = now.since(self.last);
        self.last = now;
        self.saved_ns = self.saved_ns.saturating_add(earned).min(LINES_BURST * NS_PER_LINE);
        let may = self.saved_ns >= NS_PER_LINE;
        self.saved_ns -= if may { NS_PER_LINE } else { 0 };
        may
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(limit: &mut Limit, now: Time, lines: u64) -> u64 {
        (0..lines).filter(|_| limit.take(now)).count() as u64
    }

    #[test]
    fn a_burst_is_taken_and_then_a_hundred_lines_a_second() {
        let mut limit = Limit::new(Time(5));
        assert_eq!(taken(&mut limit, Time(5), 10_000), LINES_BURST);
        assert_eq!(taken(&mut limit, Time(5 + NS_PER_LINE - 1), 10), 0);
        assert_eq!(taken(&mut limit, Time(5 + NS_PER_LINE), 10), 1);
        assert_eq!(taken(&mut limit, Time(5 + 1_000_000_000), 10_000), 99);
        // A long silence earns no more than another burst.
        assert_eq!(taken(&mut limit, Time(u64::MAX / 2), 10_000), LINES_BURST);
    }
}
