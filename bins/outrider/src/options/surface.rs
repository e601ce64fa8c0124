//! Surface-code memories as models.

use std::str::FromStr;

use outrider::{Basis, Circuit, CircuitFamily, DetectorErrorModel, Orientation, SurfaceCode};

use crate::error::{Error, Result};

/// The model with every round written out, unless that would eat the memory.
pub(crate) fn flat_model(surface: &SurfaceCode) -> Result<DetectorErrorModel> {
    Ok(outrider_options::flat_model(surface, "--rounds")?)
}

/// A square memory but for its noise, written as the metadata of `ler` write it: `d=13,r=13,b=x,c=paper,o=O1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Experiment {
    distance: u32,
    rounds: u32,
    basis: Basis,
    family: CircuitFamily,
    orientation: Orientation,
}

impl Experiment {
    /// The memory with some noise.
    pub(crate) fn build(self) -> Result<SurfaceCode> {
        let code = SurfaceCode::memory(self.distance, self.rounds)
            .basis(self.basis)
            .circuit(Circuit::uniform(self.family, ANY_NOISE))
            .orientation(self.orientation)
            .build();
        code.map_err(|error| Error::Usage(format!("--surface: {error}")))
    }
}

impl FromStr for Experiment {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let (mut distance, mut rounds, mut basis) = (None, None, None);
        let (mut family, mut orientation) = (CircuitFamily::Paper, Orientation::O1);
        for term in text.split(',') {
            let refused =
                || format!("'{}' is not understood; expected {EXPERIMENT_FORM}", term.escape_debug());
            let (key, value) = term.split_once('=').ok_or_else(refused)?;
            match key {
                "d" => distance = Some(value.parse().map_err(|_| refused())?),
                "r" => rounds = Some(value.parse().map_err(|_| refused())?),
                "b" => basis = Some(value.parse().map_err(|_| refused())?),
                "c" => family = value.parse().map_err(|_| refused())?,
                "o" => orientation = value.parse().map_err(|_| refused())?,
                _ => return Err(refused()),
            }
        }
        let (Some(distance), Some(rounds), Some(basis)) = (distance, rounds, basis) else {
            return Err(format!("expected {EXPERIMENT_FORM}"));
        };
        Ok(Self { distance, rounds, basis, family, orientation })
    }
}

/// The layout does not depend on it.
const ANY_NOISE: f64 = 0.001;
const EXPERIMENT_FORM: &str = "d=D,r=ROUNDS,b=x|z and, if they are others, c=CIRCUIT,o=ORIENTATION";
