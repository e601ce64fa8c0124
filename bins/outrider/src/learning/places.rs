//! Where and when detectors are.

use outrider::{DetectorErrorModel, TimeAxis};
use serde::Serialize;

/// Places are equal, and distances too, up to this share of a unit.
const RESOLUTION: f64 = 1e3;

/// The place and the round of each detector.
pub(crate) struct Places {
    at: Vec<Vec<f64>>,
    rounds: Vec<u32>,
}

/// How far two detectors are from each other.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Apart {
    /// In rounds.
    pub(crate) rounds: u32,
    /// In units of the coordinates beside time, to three decimals; 0 at one place.
    pub(crate) distance: f64,
}

impl Places {
    /// Takes the coordinates of a model apart into place and time; nothing if it has none.
    pub(crate) fn of(model: &DetectorErrorModel) -> Option<Self> {
        let rounds = model.rounds(&TimeAxis::default()).ok()?;
        let mut at = model.detector_coordinates().ok()?;
        for place in &mut at {
            let axis = rounds.axis as usize;
            if axis < place.len() {
                place.remove(axis);
            }
        }
        Some(Self { at, rounds: rounds.of })
    }

    /// Coordinates of a detector beside time.
    pub(crate) fn place(&self, detector: u32) -> &[f64] {
        &self.at[detector as usize]
    }

    /// How far two detectors are from each other.
    pub(crate) fn apart(&self, first: u32, second: u32) -> Apart {
        let squares = self.place(first).iter().zip(self.place(second)).map(|(a, b)| (a - b).powi(2));
        Apart {
            rounds: self.rounds[first as usize].abs_diff(self.rounds[second as usize]),
            distance: (squares.sum::<f64>().sqrt() * RESOLUTION).round() / RESOLUTION,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn detectors_are_apart_in_rounds_and_in_space() {
        let text = "error(0.1) D0 D1\ndetector(1, 2, 0) D0\ndetector(4, 6, 0) D1\ndetector(1, 2, 2) D2\n\
                    detector(1, 2, 1) D3";
        let places = Places::of(&DetectorErrorModel::parse(text).unwrap()).unwrap();
        assert_eq!(places.place(1), [4.0, 6.0]);
        assert_eq!(places.apart(0, 1), Apart { rounds: 0, distance: 5.0 });
        assert_eq!(places.apart(2, 0), Apart { rounds: 2, distance: 0.0 });
    }

    #[test]
    fn a_model_without_coordinates_has_no_places() {
        assert!(Places::of(&DetectorErrorModel::parse("error(0.1) D0 D1").unwrap()).is_none());
    }
}
