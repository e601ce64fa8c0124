//! How far the rounds of a stream have come. Client and server hold the same rules against the same frames.

use crate::error::Error;
use crate::ids::{Epoch, Round};
use crate::rounds::Layer;
use crate::streams::Widths;

#[derive(Debug)]
pub(crate) struct Flow {
    widths: Widths,
    epoch: Epoch,
    granted: u64,
    position: Position,
}

/// What a frame of rounds changes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Position {
    next_round: Round,
    finished: bool,
    /// Rounds since the stream began, those that were sent again in a new epoch included.
    used: u64,
}

/// A frame of rounds, apart from the layers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Batch {
    pub(crate) first_round: Round,
    pub(crate) count: usize,
    pub(crate) skips: bool,
    pub(crate) is_last: bool,
}

impl Flow {
    pub(crate) fn new(widths: Widths) -> Self {
        let position = Position { next_round: Round(0), finished: false, used: 0 };
        Self { widths, epoch: Epoch(0), granted: 0, position }
    }

    pub(crate) fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Rounds that may still be sent.
    pub(crate) fn credit(&self) -> u64 {
        self.granted - self.position.used
    }

    pub(crate) fn grant(&mut self, granted: u64) -> Result<(), Error> {
        self.check_grant(granted)?;
        self.granted = granted;
        Ok(())
    }

    pub(crate) fn check_grant(&self, granted: u64) -> Result<(), Error> {
        if granted < self.granted { Err(Error::CreditReduced) } else { Ok(()) }
    }

    /// The fence: from here on only frames of this epoch count, and rounds begin at `round`.
    pub(crate) fn assign(&mut self, epoch: Epoch, round: Round) -> Result<(), Error> {
        self.check_assign(epoch)?;
        self.epoch = epoch;
        self.position.next_round = round;
        self.position.finished = false;
        Ok(())
    }

    pub(crate) fn check_assign(&self, epoch: Epoch) -> Result<(), Error> {
        if epoch > self.epoch { Ok(()) } else { Err(Error::EpochNotNewer) }
    }

    pub(crate) fn check_assigned(&self) -> Result<(), Error> {
        if self.epoch == Epoch(0) { Err(Error::NotAssigned) } else { Ok(()) }
    }

    pub(crate) fn check_epoch(&self, epoch: Epoch) -> Result<(), Error> {
        self.check_assigned()?;
        if self.epoch == epoch { Ok(()) } else { Err(Error::WrongEpoch) }
    }

    /// Where the stream stands after these rounds, if they may come now.
    pub(crate) fn check_rounds<'a>(
        &self,
        batch: Batch,
        layers: impl Iterator<Item = Layer<'a>>,
    ) -> Result<Position, Error> {
        let next = self.position.next_round;
        if self.position.finished {
            return Err(Error::RoundAfterLast);
        }
        let follows = if batch.skips { batch.first_round > next } else { batch.first_round == next };
        let count = batch.count as u64;
        let (true, Some(end)) = (follows, batch.first_round.checked_add(count)) else {
            return Err(Error::RoundOutOfOrder);
        };
        if count > self.credit() {
            return Err(Error::CreditExceeded);
        }
        for (layer, round) in layers.zip(batch.first_round.onwards()) {
            let is_last = batch.is_last && round + 1 == end;
            let width = if is_last { self.widths.last } else { self.widths.of_round(round) };
            if layer.bit_count != width {
                return Err(Error::WrongWidth);
            }
        }
        Ok(Position { next_round: end, finished: batch.is_last, used: self.position.used + count })
    }

    pub(crate) fn advance(&mut self, position: Position) {
        self.position = position;
    }
}
