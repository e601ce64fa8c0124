//! The model whose errors are learned, and which of them share a factor.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::Args;
use outrider::{
    Basis, Circuit, CircuitFamily, DetectorErrorModel, Orientation, Rates, SurfaceCode, TimeAxis,
};

use crate::error::{Error, Result};
use crate::input;
use crate::learning::parameters::parameters_of;
use crate::options::surface::flat_model;
use crate::options::values::{self, Rounds};

/// Bytes of a file of groups accepted.
const GROUPS_BYTES_MAX: u64 = 1 << 30;

/// What `--tie` names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Tie {
    /// Every class of errors has its own factor.
    None,
    /// The parameters of the circuit.
    Class,
    /// Errors of one shape at one place, but for the first and the last rounds.
    Time,
    /// A name for each error.
    File(PathBuf),
}

impl FromStr for Tie {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        Ok(match text {
            "none" => Self::None,
            "class" => Self::Class,
            "time" => Self::Time,
            "" => return Err("expected none, class, time or a file".to_owned()),
            path => Self::File(path.into()),
        })
    }
}

/// Where the prior comes from.
#[derive(Args, Debug)]
pub(crate) struct PriorArgs {
    /// Detector error model whose errors are learned
    #[arg(long, value_name = "FILE", required_unless_present = "distance", conflicts_with = "distance")]
    pub(crate) dem: Option<PathBuf>,
    /// Distance of a surface-code memory whose errors are learned
    #[arg(long, value_name = "D", requires = "p")]
    distance: Option<u32>,
    /// Strength of its uniform noise in the prior
    #[arg(long, value_name = "P", requires = "distance", value_parser = values::probability)]
    p: Option<f64>,
    /// Basis of the memory
    #[arg(long, value_name = "BASIS", default_value = "z", value_parser = values::basis())]
    basis: Basis,
    /// Rounds of the memory, or d for as many as the distance
    #[arg(long, value_name = "R|d", default_value = "d")]
    rounds: Rounds,
    /// Circuit of the memory
    #[arg(long, value_name = "NAME", default_value = "stim", value_parser = values::circuit_family())]
    circuit: CircuitFamily,
    /// Orientation of the paper's circuits
    #[arg(long, value_name = "O", default_value = "O1", value_parser = values::orientation())]
    orientation: Orientation,
    /// Errors that share one factor on the prior: none; class, by the parameters of the circuit (with --distance); time,
    /// the same error in one round after the other, but for the first and the last; or a file with a word for each error
    /// of the model, in its order with repeats unrolled, equal words for a group and - for none
    #[arg(long, value_name = "none|class|time|FILE", default_value = "none")]
    pub(crate) tie: Tie,
}

/// The errors to learn.
pub(crate) struct Prior {
    /// As it was given: what the learned model has the instructions of.
    pub(crate) model: DetectorErrorModel,
    /// What errors about it name.
    pub(crate) path: Option<PathBuf>,
    /// Which errors share a factor.
    pub(crate) ties: Option<Ties>,
}

/// Errors in groups.
pub(crate) struct Ties {
    /// The errors, if they are not those of the prior itself.
    parts: Option<DetectorErrorModel>,
    /// The group of each.
    pub(crate) groups: Vec<u32>,
    /// What groups are called, if they have names.
    names: Vec<String>,
}

impl Prior {
    /// Reads or generates it.
    pub(crate) fn of(args: &PriorArgs) -> Result<Self> {
        let mut prior = match (&args.dem, args.distance) {
            (Some(dem), _) => Self { model: input::model(dem)?, path: Some(dem.clone()), ties: None },
            (None, Some(distance)) => {
                let circuit = Circuit::uniform(args.circuit, args.p.unwrap_or_default());
                let memory = args.memory(distance);
                let model = flat_model(&memory.circuit(circuit).build()?)?;
                let ties = match args.tie {
                    Tie::Class => {
                        let parts = parameters_of(memory, circuit)?;
                        Some(Ties { parts: Some(parts.model), groups: parts.groups, names: parts.names })
                    }
                    _ => None,
                };
                Self { model, path: None, ties }
            }
            // clap requires one of them.
            (None, None) => return Err(Error::Usage("--dem or --distance is needed".to_owned())),
        };
        if prior.ties.is_none() {
            prior.tie(&args.tie)?;
        }
        Ok(prior)
    }

    /// A model with errors tied.
    pub(crate) fn tied(model: DetectorErrorModel, tie: &Tie) -> Result<Self> {
        let mut prior = Self { model, path: None, ties: None };
        prior.tie(tie)?;
        Ok(prior)
    }

    fn tie(&mut self, tie: &Tie) -> Result<()> {
        self.ties = match tie {
            Tie::None => None,
            Tie::Class => {
                return Err(Error::Usage(
                    "--tie class needs --distance and --p: a model does not say which of its errors a parameter \
                     makes; --tie FILE takes groups of your own"
                        .to_owned(),
                ));
            }
            Tie::Time => {
                let groups = Rates::time_groups(&self.model, &TimeAxis::default());
                let groups = groups.map_err(|error| Error::from(error).with_path(self.path.as_deref()))?;
                Some(Ties { parts: None, groups, names: Vec::new() })
            }
            Tie::File(path) => Some(read_groups(path, self.model.error_count())?),
        };
        Ok(())
    }

    /// The model that rates are made for: the prior, or what sums to it.
    pub(crate) fn errors(&self) -> &DetectorErrorModel {
        self.ties.as_ref().and_then(|ties| ties.parts.as_ref()).unwrap_or(&self.model)
    }

    /// The same ties on another model of the same errors. Ties of a circuit's parameters are on the parameters' own
    /// errors, which stay.
    pub(crate) fn with_model(&self, model: DetectorErrorModel) -> Self {
        let ties = self.ties.as_ref().filter(|ties| ties.parts.is_none());
        let ties = ties.map(|ties| Ties { parts: None, groups: ties.groups.clone(), names: Vec::new() });
        Self { model, path: None, ties }
    }

    /// Names of groups, if they have some.
    pub(crate) fn names(&self) -> &[String] {
        self.ties.as_ref().map_or(&[], |ties| &ties.names)
    }
}

impl std::fmt::Display for Tie {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::Class => f.write_str("class"),
            Self::Time => f.write_str("time"),
            Self::File(path) => path.display().fmt(f),
        }
    }
}

impl std::fmt::Display for PriorArgs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (&self.dem, self.distance) {
            (Some(dem), _) => dem.display().fmt(f),
            (None, distance) => {
                let distance = distance.unwrap_or_default();
                write!(
                    f,
                    "{} memory in {}, distance {distance}, {} rounds, p = {}",
                    self.circuit,
                    self.basis,
                    self.rounds.at(distance),
                    self.p.unwrap_or_default()
                )
            }
        }
    }
}

impl PriorArgs {
    fn memory(&self, distance: u32) -> outrider::SurfaceCodeBuilder {
        SurfaceCode::memory(distance, self.rounds.at(distance))
            .basis(self.basis)
            .orientation(self.orientation)
    }
}

/// Words, one for each error, as groups; `-` is none.
fn read_groups(path: &Path, errors: u64) -> Result<Ties> {
    let text = input::text(path, GROUPS_BYTES_MAX)?;
    let mut numbers = HashMap::new();
    let (mut groups, mut names) = (Vec::new(), Vec::new());
    for word in text.split_whitespace() {
        groups.push(if word == "-" {
            Rates::UNTIED
        } else {
            *numbers.entry(word).or_insert_with(|| {
                names.push(word.to_owned());
                names.len() as u32 - 1
            })
        });
    }
    if groups.len() as u64 != errors {
        let message = format!("{} words, where the model has {errors} errors", groups.len());
        return Err(Error::input(path.display(), message));
    }
    Ok(Ties { parts: None, groups, names })
}
