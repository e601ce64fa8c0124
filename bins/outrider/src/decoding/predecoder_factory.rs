//! Pre-decoders on the command line: which one, how it is used, and one for every thread.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use clap::Args;
use outrider::{
    DenseArithmetic, DenseNetwork, DenseOptions, DetectorErrorModel, EventNetwork, Isa, MatchingGraph,
    NetworkKind, Predecoder, PredecoderUse, Rule, RuleOptions, SurfaceCode,
};
use outrider_options::option_values::PredecoderChoice;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};
use crate::input;
use crate::options::surface::Experiment;
use crate::options::values;
use crate::report::statistics::Metadata;

/// The pre-decoder of one decoder.
#[derive(Args, Clone, Debug)]
pub(crate) struct PredecoderArgs {
    /// Pre-decoder: none, rule:NAME with clique, smith or min-sum, or a network's .safetensors file
    #[arg(long, value_name = "none|rule:NAME|FILE", default_value = "none")]
    pub(crate) predecoder: PredecoderChoice,
    #[command(flatten)]
    pub(crate) usage: UseArgs,
}

/// How a pre-decoder is used.
#[derive(Args, Clone, Debug)]
pub(crate) struct UseArgs {
    /// Use of the pre-decoder. soft: its log-odds replace edge weights for that shot; hard: it fixes likely edges and
    /// passes on the remaining events
    #[arg(
        long,
        alias = "predecode",
        value_name = "USE",
        default_value = "soft",
        value_parser = values::predecoder_use(),
    )]
    pub(crate) predecoder_use: PredecoderUse,
    #[command(flatten)]
    pub(crate) settings: SettingArgs,
}

/// Settings of pre-decoders.
#[derive(Args, Clone, Copy, Debug, Default)]
pub(crate) struct SettingArgs {
    /// Hard use fixes edges of at least this probability; not for dense networks [default: 0.5]
    #[arg(long, alias = "commit-probability", value_name = "P", value_parser = values::open_probability)]
    fix_probability: Option<f64>,
    /// Hard use of a dense network flips data qubits whose logit is at least this [default: 0]
    #[arg(long, value_name = "LOGIT", allow_negative_numbers = true, value_parser = values::logit)]
    data_threshold: Option<f32>,
    /// Hard use of a dense network flips outcomes of stabilisers whose logit is at least this [default: 0]
    #[arg(long, value_name = "LOGIT", allow_negative_numbers = true, value_parser = values::logit)]
    syndrome_threshold: Option<f32>,
    /// The memory that --dem belongs to, which dense networks need: distance, rounds and basis, and circuit and
    /// orientation if they differ from these
    #[arg(long, value_name = "d=D,r=ROUNDS,b=BASIS,c=paper,o=O1")]
    surface: Option<Experiment>,
}

/// A pre-decoder, ready to be made for any graph, and how it is used.
pub(crate) struct PredecoderFactory {
    kind: Kind,
    usage: PredecoderUse,
    settings: SettingArgs,
}

/// Rules, and networks that all threads share.
enum Kind {
    Rule(Rule),
    Event(Arc<EventNetwork>, NetworkFile),
    Dense(Arc<DenseNetwork>, NetworkFile),
}

/// Where a network came from.
struct NetworkFile {
    /// Its name without folder and suffix.
    name: String,
    /// The start of its SHA-256.
    fingerprint: String,
}

impl PredecoderFactory {
    /// Looks at the options that several subcommands share; nothing for `none`.
    pub(crate) fn of(args: &PredecoderArgs) -> Result<Option<Self>> {
        args.usage.require_predecoder([&args.predecoder])?;
        let predecoding = Self::new(&args.predecoder, &args.usage)?;
        args.usage.settings.require_dense(&predecoding)?;
        Ok(predecoding)
    }

    /// The pre-decoder of this name with this use; nothing for `none`.
    pub(crate) fn new(choice: &PredecoderChoice, usage: &UseArgs) -> Result<Option<Self>> {
        let &UseArgs { predecoder_use, settings } = usage;
        let kind = match choice {
            PredecoderChoice::None => return Ok(None),
            PredecoderChoice::Rule(rule) => Kind::Rule(*rule),
            PredecoderChoice::File(path) => Kind::load(path)?,
        };
        let predecoding = Self { kind, usage: predecoder_use, settings };
        settings.require_fit(predecoder_use, predecoding.is_dense())?;
        Ok(Some(predecoding))
    }

    /// The network that comes with the program, used softly.
    pub(crate) fn shipped() -> Result<Self> {
        let kind = Kind::parse(Path::new(SHIPPED_NAME), SHIPPED)?;
        Ok(Self { kind, usage: PredecoderUse::Soft, settings: SettingArgs::default() })
    }

    /// How it is used.
    pub(crate) fn usage(&self) -> PredecoderUse {
        self.usage
    }

    /// Whether decoders after it can name the edges of their answers.
    pub(crate) fn has_edges(&self) -> bool {
        self.usage == PredecoderUse::Soft || !self.is_dense()
    }

    fn is_dense(&self) -> bool {
        matches!(self.kind, Kind::Dense(..))
    }

    /// Of its rows in statistics files. sinter's strong id hashes the keys: with another name the same task would count
    /// as another.
    pub(crate) fn metadata(&self) -> Metadata {
        let SettingArgs { fix_probability, data_threshold, syndrome_threshold, .. } = self.settings;
        let file = match &self.kind {
            Kind::Rule(_) => None,
            Kind::Event(_, file) | Kind::Dense(_, file) => Some(file),
        };
        [
            ("pre", Some(Value::from(self.to_string()))),
            ("net", file.map(|file| Value::from(file.fingerprint.as_str()))),
            ("use", Some(Value::from(self.usage.name()))),
            ("commit_p", fix_probability.map(Value::from)),
            ("data_t", data_threshold.map(Value::from)),
            ("syndrome_t", syndrome_threshold.map(Value::from)),
        ]
        .into_iter()
        .filter_map(|(key, value)| Some((key.to_owned(), value?)))
        .collect()
    }

    /// A pre-decoder for one thread, on the graph of `model`, which is that of `surface` if there is one.
    pub(crate) fn make(
        &self,
        graph: &Arc<MatchingGraph>,
        model: &DetectorErrorModel,
        surface: Option<&SurfaceCode>,
        isa: Isa,
    ) -> Result<Predecoder> {
        let graph = Arc::clone(graph);
        let mut predecoder = match &self.kind {
            Kind::Rule(rule) => {
                Predecoder::rule(graph, model, &RuleOptions { isa, ..RuleOptions::new(*rule) })?
            }
            Kind::Event(network, _) => Predecoder::event_network(Arc::clone(network), graph, model, isa)?,
            Kind::Dense(network, file) => {
                let given = self.settings.surface.map(|experiment| experiment.build()).transpose()?;
                let surface = surface.or(given.as_ref()).ok_or_else(|| file.needs_surface())?;
                let options = DenseOptions {
                    isa,
                    arithmetic: arithmetic(network),
                    data_threshold: self.settings.data_threshold.unwrap_or_default(),
                    syndrome_threshold: self.settings.syndrome_threshold.unwrap_or_default(),
                };
                Predecoder::dense(Arc::clone(network), surface, graph, &options)?
            }
        };
        if let Some(probability) = self.settings.fix_probability {
            predecoder.set_threshold(probability)?;
        }
        Ok(predecoder)
    }

    /// What it is, in plain words.
    pub(crate) fn description(&self) -> String {
        match &self.kind {
            Kind::Rule(rule) => format!("rule {rule}: needs no training; its reach depends on the model\n"),
            Kind::Event(network, file) => describe_event(network, file),
            Kind::Dense(network, file) => describe_dense(network, file),
        }
    }
}

impl fmt::Display for PredecoderFactory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Rule(rule) => write!(f, "rule:{rule}"),
            Kind::Event(_, file) | Kind::Dense(_, file) => f.write_str(&file.name),
        }
    }
}

impl UseArgs {
    /// Refuses uses and thresholds where no pre-decoder is named.
    pub(crate) fn require_predecoder<'a>(
        &self,
        choices: impl IntoIterator<Item = &'a PredecoderChoice>,
    ) -> Result<()> {
        let SettingArgs { fix_probability, data_threshold, syndrome_threshold, surface } = self.settings;
        let plain = self.predecoder_use == PredecoderUse::Soft
            && fix_probability.is_none()
            && data_threshold.or(syndrome_threshold).is_none()
            && surface.is_none();
        if plain || choices.into_iter().any(|choice| *choice != PredecoderChoice::None) {
            return Ok(());
        }
        Err(Error::Usage("--predecoder-use, thresholds and --surface need --predecoder".to_owned()))
    }
}

impl SettingArgs {
    /// Refuses --surface without the --dem that it describes.
    pub(crate) fn require_dem(self, dem: Option<&Path>) -> Result<()> {
        if self.surface.is_some() && dem.is_none() {
            return Err(Error::Usage("--surface needs --dem".to_owned()));
        }
        Ok(())
    }

    /// Refuses --surface where no pre-decoder works on a layout.
    pub(crate) fn require_dense<'a>(
        self,
        predecoders: impl IntoIterator<Item = &'a PredecoderFactory>,
    ) -> Result<()> {
        if self.surface.is_some() && !predecoders.into_iter().any(PredecoderFactory::is_dense) {
            return Err(Error::Usage("--surface is for dense networks; --predecoder names none".to_owned()));
        }
        Ok(())
    }

    /// Refuses settings that would change nothing.
    fn require_fit(self, usage: PredecoderUse, dense: bool) -> Result<()> {
        for (option, given, for_dense) in [
            ("--fix-probability", self.fix_probability.is_some(), false),
            ("--data-threshold", self.data_threshold.is_some(), true),
            ("--syndrome-threshold", self.syndrome_threshold.is_some(), true),
        ] {
            if given && usage == PredecoderUse::Soft {
                return Err(Error::Usage(format!("{option} is for hard use; soft use fixes no edges")));
            }
            if given && dense != for_dense {
                let others =
                    if dense { "--data-threshold and --syndrome-threshold" } else { "--fix-probability" };
                return Err(Error::Usage(format!("{option} is not for this pre-decoder; it has {others}")));
            }
        }
        Ok(())
    }
}

impl NetworkFile {
    fn new(name: &Path, bytes: &[u8]) -> Self {
        let digest = Sha256::digest(bytes);
        Self {
            name: name.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
            fingerprint: digest[..FINGERPRINT_BYTES].iter().map(|byte| format!("{byte:02x}")).collect(),
        }
    }

    fn needs_surface(&self) -> Error {
        Error::Usage(format!(
            "{} is a dense network, which works on a memory's layout: name the memory of --dem by --surface \
             d=D,r=ROUNDS,b=BASIS",
            self.name
        ))
    }
}

impl Kind {
    fn load(path: &Path) -> Result<Self> {
        Self::parse(path, &input::bytes(path, NETWORK_BYTES_MAX)?)
    }

    fn parse(path: &Path, bytes: &[u8]) -> Result<Self> {
        let file = NetworkFile::new(path, bytes);
        let read = || {
            Ok(match NetworkKind::of(bytes)? {
                NetworkKind::Event => Self::Event(Arc::new(EventNetwork::from_bytes(bytes)?), file),
                NetworkKind::Dense => Self::Dense(Arc::new(DenseNetwork::from_bytes(bytes)?), file),
            })
        };
        read().map_err(|error: outrider::Error| error.with_path(path).into())
    }
}

/// Integers where the file has what they need: they are the same everywhere.
fn arithmetic(network: &DenseNetwork) -> DenseArithmetic {
    if network.info().has_integers { DenseArithmetic::Integer } else { DenseArithmetic::Float }
}

fn describe_event(network: &EventNetwork, file: &NetworkFile) -> String {
    let reach = network.reach();
    format!(
        "{}: event network, SHA-256 {}...\n\
         {} channels, {} layers of messages between events at most {} sites apart; {} kB in memory\n\
         reach, in detector coordinates: {} in x, {} in y, {} in rounds\n{}",
        file.name,
        file.fingerprint,
        network.width(),
        network.layers(),
        network.radius(),
        network.heap_bytes().div_ceil(1000),
        reach.x,
        reach.y,
        reach.rounds,
        card_text(network.card()),
    )
}

fn describe_dense(network: &DenseNetwork, file: &NetworkFile) -> String {
    let info = network.info();
    let published = info.model_id.map_or_else(String::new, |id| format!(", published model {id}"));
    format!(
        "{}: dense network{published}, SHA-256 {}...\n\
         {} convolutions of {k} x {k} x {k}, {} channels, {} parameters, {} multiplications a voxel\n\
         reach: {} sites and rounds on either side; arithmetic: {}\n",
        file.name,
        file.fingerprint,
        info.layers,
        info.width,
        info.parameters,
        info.products_per_voxel,
        info.receptive_field / 2,
        arithmetic(network),
        k = info.kernel,
    )
}

/// A card with a line for each of its entries, and for each row of a table in it.
fn card_text(card: &str) -> String {
    match serde_json::from_str::<Value>(card) {
        Ok(Value::Object(entries)) => entries.iter().fold("card:\n".to_owned(), |text, (key, value)| {
            text + &match value {
                Value::String(value) => format!("  {key}: {}\n", value.replace(char::is_control, " ")),
                Value::Array(rows) if rows.iter().all(Value::is_object) => {
                    rows.iter().fold(format!("  {key}:\n"), |text, row| text + &format!("    {row}\n"))
                }
                value => format!("  {key}: {value}\n"),
            }
        }),
        _ if card.is_empty() => "no card\n".to_owned(),
        _ => format!("card: {}\n", card.replace(char::is_control, " ")),
    }
}

const SHIPPED_NAME: &str = "event-stim.safetensors";
const SHIPPED: &[u8] = include_bytes!("../../../../models/event-stim.safetensors");
/// Bytes of a network's file accepted.
const NETWORK_BYTES_MAX: u64 = 1 << 29;
/// Of a network's SHA-256, enough to identify it.
const FINGERPRINT_BYTES: usize = 8;
