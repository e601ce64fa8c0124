//! Which node owns which cell: stretches of time go round, a stretch being all that the pattern of ranks repeats.
//!
//! A stretch stays together because its later cells wait for its earlier ones; at its end the next node takes over and
//! needs the rounds of the seam and the marks on it, nothing else.

use outrider_wire::limits::CELL_RANGES_MAX;
use outrider_wire::{CellId, CellRange};

/// A division of all cells from `first` on among `members` nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Assignment {
    pub(crate) first: CellId,
    pub(crate) stretch: u64,
    pub(crate) members: u64,
}

impl Assignment {
    /// Whether the ranges of a member fit a frame.
    pub(crate) fn fits_in_a_frame(stretch: u64) -> bool {
        stretch <= CELL_RANGES_MAX.into()
    }

    /// The member that owns a cell; nobody owns those before the first.
    pub(crate) fn owner(&self, cell: CellId) -> Option<usize> {
        (cell >= self.first && self.members > 0).then(|| (cell.0 / self.stretch % self.members) as usize)
    }

    /// What a member owns.
    pub(crate) fn ranges(&self, member: usize) -> Vec<CellRange> {
        let stride = self.stretch * self.members;
        let range = |place: u64| {
            let begin = member as u64 * self.stretch + place;
            let turns = self.first.0.saturating_sub(begin).div_ceil(stride);
            CellRange { first: CellId(begin + turns * stride), count: CellRange::ENDLESS, stride }
        };
        (0..self.stretch).map(range).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cell_has_one_owner_and_ranges_agree() {
        for (first, stretch, members) in [(0, 1, 1), (0, 2, 3), (7, 2, 2), (1000, 6, 5), (31, 4, 1)] {
            let assignment = Assignment { first: CellId(first), stretch, members };
            for cell in (0..first + 200).map(CellId) {
                let owners: Vec<_> = (0..members as usize)
                    .filter(|&member| assignment.ranges(member).iter().any(|range| range.contains(cell)))
                    .collect();
                assert_eq!(owners, Vec::from_iter(assignment.owner(cell)), "{assignment:?} {cell}");
                assert_eq!(owners.is_empty(), cell.0 < first);
            }
        }
    }
}
