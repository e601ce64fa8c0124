//! Patches as options: the same ones for the programs and, as a table, for the configuration of a node.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, Command, FromArgMatches};
use outrider::{
    Basis, Circuit, CircuitFamily, DecoderKind, DecoderOptions, DetectorErrorModel, Isa, Network,
    Orientation, Patch, PatchOptions, PatchPredecoder, PredecoderUse, StreamLearningOptions, SurfaceCode,
    TimeAxis,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::Value;

use crate::flat_model::flat_model;
use crate::labels::{decoder_label, file_stem, one_line};
use crate::likelihood_args::LikelihoodArgs;
use crate::option_values::{self, PredecoderChoice};
use crate::patch_error::PatchError;
use crate::timed_model::TimedModel;
use crate::window_args::{WindowArgs, Windowing, order_note};
use crate::work_limit::require_work;

/// What a patch is, and how it is decoded. Machines with equal ones have patches with equal digests.
///
/// Read from a table, its keys are the names of the options.
#[derive(Args, Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct PatchArgs {
    /// Detector error model of a history of the patch
    #[arg(long, value_name = "FILE", conflicts_with = "distance")]
    pub dem: Option<PathBuf>,
    /// Distance of a surface-code memory
    #[arg(long, value_name = "D", requires = "p")]
    pub distance: Option<u32>,
    /// Its noise strength
    #[arg(long, value_name = "P", requires = "distance", value_parser = option_values::probability)]
    pub p: Option<f64>,
    /// Its basis
    #[arg(long, value_name = "BASIS", default_value = "z", value_parser = option_values::basis())]
    #[serde(serialize_with = "by_name")]
    pub basis: Basis,
    /// Its circuit
    #[arg(long, value_name = "NAME", default_value = "stim", value_parser = option_values::circuit_family())]
    #[serde(serialize_with = "by_name")]
    pub circuit: CircuitFamily,
    /// Orientation of the paper's circuits
    #[arg(long, value_name = "O", default_value = "O1", value_parser = option_values::orientation())]
    #[serde(serialize_with = "by_name")]
    pub orientation: Orientation,
    /// Rounds of the memory whose model stands for histories of any length; a shorter history must have exactly this
    /// many [default: enough for the windows]
    #[arg(long, value_name = "N", requires = "distance", value_parser = clap::value_parser!(u32).range(1..))]
    pub reference_rounds: Option<u32>,
    /// Decoder
    #[arg(long, value_name = "NAME", default_value = "mwpm", value_parser = option_values::decoder_kind())]
    #[serde(serialize_with = "by_name")]
    pub decoder: DecoderKind,
    /// Pre-decoder: none, rule:NAME with clique, smith or min-sum, or an event network's .safetensors file
    #[arg(long, value_name = "none|rule:NAME|FILE", default_value = "none")]
    pub predecoder: PredecoderChoice,
    /// Use of the pre-decoder. soft: its log-odds replace edge weights for that shot; hard: it fixes likely edges and
    /// passes on the remaining events
    #[arg(
        long,
        alias = "predecode",
        value_name = "USE",
        default_value = "soft",
        value_parser = option_values::predecoder_use(),
    )]
    #[serde(serialize_with = "by_name")]
    pub predecoder_use: PredecoderUse,
    /// Hard use fixes edges of at least this probability [default: 0.5]
    #[arg(long, alias = "commit-probability", value_name = "P", value_parser = option_values::open_probability)]
    pub fix_probability: Option<f64>,
    /// Learn the noise from the rounds while they are decoded, and change weights by it: a round counts 1/e of a new one
    /// when so many have come after it (1024 to 2^32)
    #[arg(long, value_name = "ROUNDS", value_parser = clap::value_parser!(u64).range(
        StreamLearningOptions::MEMORY_MIN..=StreamLearningOptions::MEMORY_MAX
    ))]
    pub learn: Option<u64>,
    /// Change weights every so many rounds, to what was learned until that many before (1024 to 2^40) [default: 32768]
    #[arg(long, value_name = "ROUNDS", requires = "learn", value_parser = clap::value_parser!(u64).range(
        StreamLearningOptions::EVERY_MIN..=StreamLearningOptions::EVERY_MAX
    ))]
    pub learn_every: Option<u64>,
    #[command(flatten)]
    #[serde(flatten)]
    #[allow(missing_docs, reason = "clap would take a comment for the help of the whole command")]
    pub likelihood: LikelihoodArgs,
    #[command(flatten)]
    #[serde(flatten)]
    #[allow(missing_docs, reason = "as above")]
    pub window: WindowArgs,
}

/// A patch, ready to be decoded.
#[derive(Debug)]
pub struct LoadedPatch {
    /// The patch.
    pub patch: Arc<Patch>,
    /// Its model, that of one history.
    pub model: Arc<DetectorErrorModel>,
    /// The number of each detector in the file, where it is another one: detectors are in the order of rounds.
    pub order: Option<Vec<u32>>,
    /// What to tell the user about rounds and cells, a line each.
    pub notes: Vec<String>,
    /// What tables call the decoder, such as `rule:min-sum+mwpm@parallel-b3`.
    pub label: String,
}

impl PatchArgs {
    /// Reads or generates the model, reads the pre-decoder, and cuts the patch.
    ///
    /// # Errors
    /// See [`PatchError`].
    pub fn load(&self, isa: Isa) -> Result<LoadedPatch, PatchError> {
        self.require_fit()?;
        let (mut order, mut notes) = (None, Vec::new());
        let (model, patch) = match (&self.dem, self.distance, self.p) {
            (Some(path), _, _) => {
                let given = Arc::new(DetectorErrorModel::from_file(path)?);
                require_work(&given).map_err(|error| error.with_path(path))?;
                self.windowing()?;
                let timed =
                    TimedModel::new(&given, &self.window.time()).map_err(|error| error.with_path(path))?;
                order = timed.order;
                notes.extend(timed.note);
                let model = timed.rewritten.unwrap_or(given);
                let patch = self.patch(&model, isa).map_err(|error| error.with_path(path))?;
                (model, patch)
            }
            (None, Some(distance), Some(p)) => match self.reference_rounds {
                Some(rounds) => self.memory(distance, p, rounds, isa)?,
                None => self.reference(distance, p, isa)?,
            },
            _ => {
                return Err(PatchError::Option("give --dem or --distance".to_owned()));
            }
        };
        let predecoder = self.predecoder_name();
        let predecoder = predecoder.as_deref().map(|name| (name, self.predecoder_use));
        let label = decoder_label(self.decoder.name(), predecoder, Some(&self.windowing()?));
        notes.extend(order_note(patch.plan()));
        Ok(LoadedPatch { patch: Arc::new(patch), model, order, notes, label })
    }

    /// The name of an option that is not left to its default, if there is one.
    pub fn chosen_option(&self) -> Option<String> {
        let table = |options: &Self| serde_json::to_value(options).ok()?.as_object().cloned();
        let plain = table(&serde_json::from_str("{}").ok()?)?;
        table(self)?.into_iter().find(|(name, value)| plain.get(name) != Some(value)).map(|(name, _)| name)
    }

    /// The same options as arguments of a program.
    ///
    /// # Errors
    /// For a path that is not text.
    pub fn to_arguments(&self) -> Result<Vec<String>, PatchError> {
        let table = serde_json::to_value(self).map_err(|error| PatchError::Option(error.to_string()))?;
        let options = table.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null());
        Ok(options
            .map(|(name, value)| match value.as_str() {
                Some(text) => format!("--{name}={text}"),
                None => format!("--{name}={value}"),
            })
            .collect())
    }

    /// A memory whose plan serves histories of any length. It depends on nothing but these options, so that a program
    /// and a node make the same one independently.
    fn reference(
        &self,
        distance: u32,
        p: f64,
        isa: Isa,
    ) -> Result<(Arc<DetectorErrorModel>, Patch), PatchError> {
        let mut rounds = self.windowing()?.cut().reference_rounds();
        // A patch that learns must be long enough.
        let frozen = Self { learn: None, ..self.clone() };
        loop {
            let (model, patch) = frozen.memory(distance, p, rounds, isa)?;
            if patch.plan().layers_min().is_some() {
                let patch = if self.learn.is_some() { self.patch(&model, isa)? } else { patch };
                return Ok((model, patch));
            }
            // A pre-decoder reaches further than the windows.
            rounds = rounds.saturating_mul(2);
        }
    }

    fn memory(
        &self,
        distance: u32,
        p: f64,
        rounds: u32,
        isa: Isa,
    ) -> Result<(Arc<DetectorErrorModel>, Patch), PatchError> {
        let surface = SurfaceCode::memory(distance, rounds)
            .basis(self.basis)
            .circuit(Circuit::uniform(self.circuit, p))
            .orientation(self.orientation)
            .build()?;
        let model = Arc::new(flat_model(&surface, "--reference-rounds")?);
        let patch = self.patch(&model, isa)?;
        Ok((model, patch))
    }

    fn patch(&self, model: &Arc<DetectorErrorModel>, isa: Isa) -> Result<Patch, PatchError> {
        let decoder = DecoderOptions {
            kind: self.decoder,
            isa,
            predecoder_use: self.predecoder_use,
            likelihood: self.likelihood.options(),
            ..DecoderOptions::default()
        };
        let predecoder = match &self.predecoder {
            PredecoderChoice::None => None,
            PredecoderChoice::Rule(rule) => Some(PatchPredecoder::rule(*rule, isa, Arc::clone(model))),
            PredecoderChoice::File(path) => Some(read_network(path, isa, model)?),
        };
        let predecoder = match (predecoder, self.fix_probability) {
            (Some(predecoder), Some(probability)) => Some(predecoder.with_threshold(probability)),
            (predecoder, _) => predecoder,
        };
        let plan = self.windowing()?.cut();
        Ok(Patch::new(model, &PatchOptions { plan, decoder, predecoder, learning: self.learning() })?)
    }

    fn learning(&self) -> Option<StreamLearningOptions> {
        let every = self.learn_every.unwrap_or(StreamLearningOptions::EVERY_DEFAULT);
        self.learn.map(|memory| StreamLearningOptions { memory, every })
    }

    fn windowing(&self) -> Result<Windowing, PatchError> {
        self.window.of_stream(self.distance)
    }

    fn predecoder_name(&self) -> Option<String> {
        match &self.predecoder {
            PredecoderChoice::None => None,
            PredecoderChoice::Rule(rule) => Some(format!("rule:{rule}")),
            PredecoderChoice::File(path) => Some(file_stem(path)),
        }
    }

    /// Refuses options that would change nothing.
    fn require_fit(&self) -> Result<(), PatchError> {
        let is_hard = self.predecoder_use == PredecoderUse::Hard;
        self.likelihood.require_taken(self.decoder)?;
        if is_hard && self.decoder == DecoderKind::Likelihood {
            return Err(PatchError::Option(
                "--predecoder-use hard: likelihood uses a pre-decoder softly".to_owned(),
            ));
        }
        if self.predecoder == PredecoderChoice::None && (is_hard || self.fix_probability.is_some()) {
            return Err(PatchError::Option(
                "--predecoder-use and --fix-probability need --predecoder".to_owned(),
            ));
        }
        if self.dem.is_none() && self.window.time() != TimeAxis::default() {
            return Err(PatchError::Option(
                "--time-axis, --time-unit and --time-offset need --dem".to_owned(),
            ));
        }
        if self.fix_probability.is_some() && !is_hard {
            return Err(PatchError::Option(
                "--fix-probability is for hard use; soft use fixes no edges".to_owned(),
            ));
        }
        Ok(())
    }
}

/// A table is taken as a command line, so that both mean the same, down to what is refused.
impl<'de> Deserialize<'de> for PatchArgs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let table: BTreeMap<String, Value> = BTreeMap::deserialize(deserializer)?;
        let arguments = table.iter().map(|(name, value)| match value.as_str() {
            Some(text) => format!("--{name}={text}"),
            None => format!("--{name}={value}"),
        });
        let command = Command::new("patch").no_binary_name(true).disable_help_flag(true);
        Self::augment_args(command)
            .try_get_matches_from(arguments)
            .and_then(|matches| Self::from_arg_matches(&matches))
            .map_err(|fault| de::Error::custom(one_line(&fault)))
    }
}

fn read_network(
    path: &Path,
    isa: Isa,
    model: &Arc<DetectorErrorModel>,
) -> Result<PatchPredecoder, PatchError> {
    let network = Network::from_file(path)?;
    if !network.fits_windows() {
        return Err(PatchError::Option(format!(
            "--predecoder: {} is a {}, which works on whole histories and not in windows",
            file_stem(path),
            network.name(),
        )));
    }
    Ok(PatchPredecoder::network(network, isa, Arc::clone(model)))
}

fn by_name<T: fmt::Display, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}
