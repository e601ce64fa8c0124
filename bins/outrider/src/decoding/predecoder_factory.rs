//! Pre-decoders on the command line: which one, how it is used, and one for every thread.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use clap::Args;
use outrider::{
    DetectorErrorModel, Isa, MatchingGraph, Network, NetworkOptions, Predecoder, PredecoderUse, Rule,
    RuleOptions, SurfaceCode,
};
use outrider_options::file_stem;
use outrider_options::option_values::PredecoderChoice;
use serde_json::Value;

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
    Network {
        network: Network,
        /// The file's name without folder and suffix.
        name: String,
    },
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
        settings.require_fit(predecoder_use, predecoding.fixes_edges())?;
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
        self.usage == PredecoderUse::Soft || self.fixes_edges()
    }

    fn fixes_edges(&self) -> bool {
        self.network().is_none_or(Network::fixes_edges)
    }

    fn network(&self) -> Option<&Network> {
        match &self.kind {
            Kind::Rule(_) => None,
            Kind::Network { network, .. } => Some(network),
        }
    }

    /// Of its rows in statistics files. sinter's strong id hashes the keys: with another name the same task would count
    /// as another.
    pub(crate) fn metadata(&self) -> Metadata {
        let SettingArgs { fix_probability, data_threshold, syndrome_threshold, .. } = self.settings;
        [
            ("pre", Some(Value::from(self.to_string()))),
            ("net", self.network().map(|network| Value::from(fingerprint(network)))),
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
            Kind::Network { network, name } => {
                let given = self.settings.surface.map(|experiment| experiment.build()).transpose()?;
                let surface = surface.or(given.as_ref());
                if network.needs_code() && surface.is_none() {
                    return Err(needs_surface(network, name));
                }
                let options = NetworkOptions {
                    isa,
                    data_threshold: self.settings.data_threshold.unwrap_or_default(),
                    syndrome_threshold: self.settings.syndrome_threshold.unwrap_or_default(),
                };
                Predecoder::network(network, graph, model, surface, &options)?
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
            Kind::Network { network, name } => {
                let (title, summary) = (network.title(), network.summary());
                let card = network.card().map_or_else(String::new, card_text);
                format!("{name}: {title}, SHA-256 {}...\n{summary}{card}", fingerprint(network))
            }
        }
    }
}

impl fmt::Display for PredecoderFactory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Rule(rule) => write!(f, "rule:{rule}"),
            Kind::Network { name, .. } => f.write_str(name),
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
        let needs_code = |factory: &PredecoderFactory| factory.network().is_some_and(Network::needs_code);
        if self.surface.is_some() && !predecoders.into_iter().any(needs_code) {
            return Err(Error::Usage("--surface is for dense networks; --predecoder names none".to_owned()));
        }
        Ok(())
    }

    /// Refuses settings that would change nothing.
    fn require_fit(self, usage: PredecoderUse, fixes_edges: bool) -> Result<()> {
        for (option, given, for_edges) in [
            ("--fix-probability", self.fix_probability.is_some(), true),
            ("--data-threshold", self.data_threshold.is_some(), false),
            ("--syndrome-threshold", self.syndrome_threshold.is_some(), false),
        ] {
            if given && usage == PredecoderUse::Soft {
                return Err(Error::Usage(format!("{option} is for hard use; soft use fixes no edges")));
            }
            if given && fixes_edges != for_edges {
                let others = if fixes_edges {
                    "--fix-probability"
                } else {
                    "--data-threshold and --syndrome-threshold"
                };
                return Err(Error::Usage(format!("{option} is not for this pre-decoder; it has {others}")));
            }
        }
        Ok(())
    }
}

impl Kind {
    fn load(path: &Path) -> Result<Self> {
        Self::parse(path, &input::bytes(path, Network::BYTES_MAX)?)
    }

    fn parse(path: &Path, bytes: &[u8]) -> Result<Self> {
        let network = Network::from_bytes(bytes).map_err(|error| error.with_path(path))?;
        Ok(Self::Network { network, name: file_stem(path) })
    }
}

/// The start of its file's SHA-256, enough to identify it.
fn fingerprint(network: &Network) -> String {
    network.digest()[..FINGERPRINT_BYTES].iter().map(|byte| format!("{byte:02x}")).collect()
}

fn needs_surface(network: &Network, name: &str) -> Error {
    Error::Usage(format!(
        "{name} is a {}, which works on a memory's layout: name the memory of --dem by --surface d=D,r=ROUNDS,b=BASIS",
        network.name()
    ))
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
const FINGERPRINT_BYTES: usize = 8;
