//! Models whose detectors are in the order of rounds, as windows need them.

use std::sync::Arc;

use outrider::{DetectorErrorModel, Error, TimeAxis};

/// A model for windows, and how its detectors follow from those of the model that was given.
#[derive(Clone, Debug)]
pub struct TimedModel {
    /// The model, if it is another one than the one that was given.
    pub rewritten: Option<Arc<DetectorErrorModel>>,
    /// The given model's number of each detector, where they differ.
    pub order: Option<Vec<u32>>,
    /// What a round is, for one line to the user, where it is not one unit of time.
    pub note: Option<String>,
}

impl TimedModel {
    /// The same model if its detectors are in the order of rounds and `time` is all default; a flat copy otherwise.
    ///
    /// # Errors
    /// As [`DetectorErrorModel::rounds`].
    pub fn new(model: &DetectorErrorModel, time: &TimeAxis) -> Result<Self, Error> {
        let rounds = model.rounds(time)?;
        let is_found = time.unit.is_none() && rounds.unit != 1.0;
        let note = is_found.then(|| {
            format!(
                "a round is {} units of coordinate {}, the step of its values (--time-unit sets it)",
                rounds.unit, rounds.axis
            )
        });
        if !rounds.is_ascending {
            let (sorted, order) = model.sorted_by_rounds(time)?;
            return Ok(Self { rewritten: Some(Arc::new(sorted)), order: Some(order), note });
        }
        let is_given = *time != TimeAxis::default();
        let rewritten = is_given.then(|| model.in_rounds(time)).transpose()?.map(Arc::new);
        Ok(Self { rewritten, order: None, note })
    }
}
