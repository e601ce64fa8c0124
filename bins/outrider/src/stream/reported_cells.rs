//! Which cells of a history were reported: every one that has detectors must be, exactly once.

use std::sync::Arc;

use outrider::{Cell, Plan};

use crate::error::{Error, Result};

/// Cells reported so far.
pub(crate) struct ReportedCells {
    plan: Arc<Plan>,
    /// All cells before this one are reported, or empty.
    next: u64,
    /// Later ones that are reported, a few at a time.
    ahead: Vec<u64>,
    /// A cell that is known not to be empty.
    full: Option<u64>,
}

impl ReportedCells {
    /// None yet.
    pub(crate) fn new(plan: Arc<Plan>) -> Self {
        Self { plan, next: 0, ahead: Vec::new(), full: None }
    }

    /// Takes a report, which comes when so many layers are there, of all if the history has ended. Returns the cell.
    pub(crate) fn take(&mut self, number: u64, layers: u64, length: Option<u64>) -> Result<Cell> {
        let cell = self.plan.cell(number, length)?;
        if number < self.next || self.ahead.contains(&number) {
            return Err(Error::machine(format!("cell {number}"), "reported twice"));
        }
        self.ahead.push(number);
        while !self.ahead.is_empty() {
            if let Some(at) = self.ahead.iter().position(|&ahead| ahead == self.next) {
                self.ahead.swap_remove(at);
            } else if self.full == Some(self.next) {
                break;
            } else {
                let between = self.plan.cell(self.next, length)?;
                if !between.is_empty || length.is_none() && between.ready_layers > layers {
                    self.full = (!between.is_empty).then_some(self.next);
                    break;
                }
            }
            self.next += 1;
        }
        Ok(cell)
    }

    /// Layers of the history, which has that length, whose cells were not all reported.
    pub(crate) fn lost_layers(&self, length: u64) -> Result<u64> {
        let (mut lost, mut counted_to) = (0, 0);
        for number in self.next..self.plan.cell_count(length) {
            let cell = self.plan.cell(number, Some(length))?;
            if !cell.is_empty && !self.ahead.contains(&number) {
                lost += cell.end_layer.saturating_sub(cell.first_layer.max(counted_to));
                counted_to = counted_to.max(cell.end_layer);
            }
        }
        Ok(lost)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use outrider::Isa;
    use outrider_options::PatchArgs;
    use serde::Deserialize;
    use serde_json::{Value, json};

    const LENGTH: u64 = 201;

    fn plan(options: Value) -> Arc<Plan> {
        let patch = PatchArgs::deserialize(options).expect("options").load(Isa::Auto).expect("a patch").patch;
        Arc::clone(patch.plan())
    }

    /// The lost layers if all cells but some are reported, in the order of `numbers`.
    fn lost(plan: &Arc<Plan>, numbers: impl Iterator<Item = u64>, missing: &[u64]) -> u64 {
        let mut cells = ReportedCells::new(Arc::clone(plan));
        for number in numbers.filter(|number| !missing.contains(number)) {
            if !plan.cell(number, Some(LENGTH)).expect("a cell").is_empty {
                cells.take(number, LENGTH, Some(LENGTH)).expect("the first report");
            }
        }
        cells.lost_layers(LENGTH).expect("the plan serves the length")
    }

    #[test]
    fn layers_of_cells_that_were_not_reported_are_lost() {
        for options in [
            json!({ "distance": 3, "p": 0.01 }),
            json!({ "distance": 3, "p": 0.01, "window": "forward" }),
            json!({ "distance": 3, "p": 0.01, "window": "sandwich" }),
        ] {
            let plan = plan(options);
            let count = plan.cell_count(LENGTH);
            assert_eq!(lost(&plan, 0..count, &[]), 0);
            assert_eq!(lost(&plan, (0..count).rev(), &[]), 0);
            assert_eq!(lost(&plan, 0..0, &[]), LENGTH);
            for missing in 0..count {
                let cell = plan.cell(missing, Some(LENGTH)).expect("a cell");
                let layers = if cell.is_empty { 0 } else { cell.end_layer - cell.first_layer };
                assert_eq!(lost(&plan, 0..count, &[missing]), layers, "{missing}");
                assert_eq!(lost(&plan, (0..count).rev(), &[missing]), layers, "{missing}");
            }
        }
    }

    #[test]
    fn a_cell_is_reported_once() {
        let plan = plan(json!({ "distance": 3, "p": 0.01 }));
        for order in [[0, 1, 0], [1, 0, 1], [2, 1, 2]] {
            let mut cells = ReportedCells::new(Arc::clone(&plan));
            let mut take = |number| cells.take(number, LENGTH, Some(LENGTH)).map(|_| ());
            assert!(take(order[0]).is_ok() && take(order[1]).is_ok());
            let refusal = take(order[2]).expect_err("a repetition").to_string();
            assert_eq!(refusal, format!("cell {}: reported twice", order[2]));
        }
        let beyond = plan.cell_count(LENGTH);
        assert!(ReportedCells::new(plan).take(beyond, LENGTH, Some(LENGTH)).is_err());
    }
}
