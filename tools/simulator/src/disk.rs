//! The disk of the controller's machine: the file of its journal, and what a death leaves of it.

use outrider_controller::JournalHeader;
use outrider_wire::Digest;

use crate::random::Random;

/// One write in so many is synced at once.
const WRITES_PER_SYNC: u64 = 8;

/// A disk with a journal. Its dice are its own, so that runs whose controller never dies are what they would be without.
pub(crate) struct Disk {
    bytes: Vec<u8>,
    /// The bytes that no death takes.
    synced: usize,
    pub(crate) dice: Random,
    /// Records on their way.
    pub(crate) records: Vec<u8>,
}

impl Disk {
    /// A disk with a journal that has no records.
    pub(crate) fn new(dice: Random) -> Self {
        let bytes = JournalHeader { identity: Digest([0; 32]) }.encode().to_vec();
        Self { synced: bytes.len(), bytes, dice, records: Vec::new() }
    }

    /// Writes the records that are on their way; they are synced some time, or at once.
    pub(crate) fn write(&mut self, is_urgent: bool) {
        self.bytes.extend_from_slice(&self.records);
        if !self.records.is_empty() && (is_urgent || self.dice.one_in(WRITES_PER_SYNC)) {
            self.synced = self.bytes.len();
        }
    }

    /// The machine dies: of what is not synced any number of bytes is left, from the first on.
    pub(crate) fn lose(&mut self) {
        let left = self.dice.index(self.bytes.len() - self.synced + 1);
        self.bytes.truncate(self.synced + left);
    }

    /// The journal.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The bytes that no death takes.
    pub(crate) fn synced(&self) -> usize {
        self.synced
    }

    /// Cuts the journal where its whole records end.
    pub(crate) fn cut(&mut self, end: usize) {
        self.bytes.truncate(end);
        self.synced = end;
    }
}
