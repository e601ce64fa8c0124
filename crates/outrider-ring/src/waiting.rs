use std::hint;
use std::sync::atomic::Ordering::Relaxed;
use std::thread;
use std::time::{Duration, Instant};

use crate::error::{End, Error};
use crate::layout::WAITING;
use crate::shared::{Atomic, Shared};

/// How an end waits for the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Wait {
    /// Looks again and again. The fastest, for a core of its own.
    Spin,
    /// Spins for a short while, then lets other threads run between looks.
    Yield,
    /// Sleeps until the other end wakes it. Leaves the core to others; waking costs microseconds on both
    /// sides.
    Block,
}

/// One wait of one end, cut into pauses between which it looks at the ring.
pub(crate) struct Waiting {
    wait: Wait,
    timeout: Duration,
    /// The time of the first pause: a ring that needs no waiting needs no clock.
    started: Option<Instant>,
    pauses: u64,
    announced: bool,
}

impl Waiting {
    pub(crate) fn new(wait: Wait, timeout: Duration) -> Self {
        Self { wait, timeout, started: None, pauses: 0, announced: false }
    }

    /// Pauses once; whether there is time for another look.
    pub(crate) fn pause<S: Shared>(&mut self, shared: &S, end: End) -> Result<bool, Error> {
        let spins = match self.wait {
            Wait::Spin => true,
            Wait::Yield => self.pauses < SPINS_BEFORE_YIELD,
            Wait::Block => false,
        };
        let needs_clock = !spins || self.pauses.is_multiple_of(SPINS_PER_CLOCK);
        self.pauses += 1;
        if needs_clock && self.left().is_none() {
            return Ok(false);
        }
        match self.wait {
            Wait::Block => self.block(shared, end)?,
            Wait::Yield if !spins => thread::yield_now(),
            Wait::Yield | Wait::Spin => hint::spin_loop(),
        }
        Ok(true)
    }

    /// In turn asks for a wake-up, so that the next look comes after it, and sleeps.
    fn block<S: Shared>(&mut self, shared: &S, end: End) -> Result<(), Error> {
        self.announced = !self.announced;
        if self.announced {
            shared.side(end).flags.waiting.store(WAITING, Relaxed);
            shared.fence();
            return Ok(());
        }
        shared.sleep(end, self.left().unwrap_or_default())
    }

    fn left(&mut self) -> Option<Duration> {
        let started = *self.started.get_or_insert_with(Instant::now);
        self.timeout.checked_sub(started.elapsed()).filter(|left| !left.is_zero())
    }
}

/// About as long as a short message takes to come.
const SPINS_BEFORE_YIELD: u64 = 256;

/// Reading the clock takes as long as several looks.
const SPINS_PER_CLOCK: u64 = 32;
