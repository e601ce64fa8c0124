//! Pre-decoders on the command line: which one, how it is used, and one for every thread.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use clap::Args;
use outrider::{DetectorErrorModel, Isa, MatchingGraph, Predecode, Predecoder, Rule, RuleOptions};
use serde_json::Value;

use crate::error::{Error, Result};
use crate::options;
use crate::sinter::Metadata;

/// The pre-decoder of one decoder.
#[derive(Args, Clone, Debug)]
pub(crate) struct PredecoderArgs {
    /// Pre-decoder: none, or rule:NAME with clique, smith or min-sum
    #[arg(long, value_name = "none|rule:NAME", default_value = "none")]
    pub(crate) predecoder: Choice,
    #[command(flatten)]
    pub(crate) usage: UseArgs,
}

/// How a pre-decoder is used.
#[derive(Args, Clone, Debug)]
pub(crate) struct UseArgs {
    /// How the pre-decoder is used: soft, its log-odds are the weights of the shot; hard, what it is sure of is
    /// committed for good
    #[arg(long, value_name = "USE", default_value = "soft", value_parser = options::predecode())]
    pub(crate) predecode: Predecode,
    #[command(flatten)]
    pub(crate) thresholds: ThresholdArgs,
}

/// What hard use commits.
#[derive(Args, Clone, Copy, Debug, Default)]
pub(crate) struct ThresholdArgs {
    /// Hard use commits edges of at least this probability [default: 0.5]
    #[arg(long, value_name = "P", value_parser = options::open_probability)]
    pub(crate) commit_probability: Option<f64>,
}

/// A pre-decoder by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Choice {
    /// `none`.
    None,
    /// `rule:NAME`.
    Rule(Rule),
}

impl FromStr for Choice {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        if text == "none" {
            return Ok(Self::None);
        }
        match text.strip_prefix("rule:") {
            Some(name) => name.parse().map(Self::Rule).map_err(|error: outrider::Error| error.to_string()),
            None => Err("expected none or rule:NAME".to_owned()),
        }
    }
}

/// A pre-decoder, ready to be made for any graph, and how it is used.
#[derive(Clone, Debug)]
pub(crate) struct Predecoding {
    kind: Kind,
    usage: Predecode,
    thresholds: ThresholdArgs,
}

#[derive(Clone, Debug)]
enum Kind {
    Rule(Rule),
}

impl Predecoding {
    /// Looks at the options that several subcommands share; nothing for `none`.
    pub(crate) fn of(args: &PredecoderArgs) -> Result<Option<Self>> {
        Self::new(&args.predecoder, &args.usage)
    }

    /// The pre-decoder of this name with this use; nothing for `none`.
    pub(crate) fn new(choice: &Choice, usage: &UseArgs) -> Result<Option<Self>> {
        let &UseArgs { predecode, thresholds } = usage;
        if predecode == Predecode::Soft && thresholds.commit_probability.is_some() {
            return Err(Error::Usage(
                "--commit-probability is for hard use; soft use commits nothing for good".to_owned(),
            ));
        }
        let kind = match choice {
            Choice::None => return Ok(None),
            Choice::Rule(rule) => Kind::Rule(*rule),
        };
        Ok(Some(Self { kind, usage: predecode, thresholds }))
    }

    /// The pre-decoder that comes with the program, used softly.
    pub(crate) fn shipped() -> Self {
        Self { kind: Kind::Rule(Rule::MinSum), usage: Predecode::Soft, thresholds: ThresholdArgs::default() }
    }

    /// How it is used.
    pub(crate) fn usage(&self) -> Predecode {
        self.usage
    }

    /// What tells its rows apart in statistics files.
    pub(crate) fn metadata(&self) -> Metadata {
        let mut metadata: Metadata = vec![
            ("pre".to_owned(), Value::from(self.to_string())),
            ("use".to_owned(), Value::from(self.usage.name())),
        ];
        if let Some(probability) = self.thresholds.commit_probability {
            metadata.push(("commit_p".to_owned(), Value::from(probability)));
        }
        metadata
    }

    /// A pre-decoder for one thread, on the graph of `model`.
    pub(crate) fn make(
        &self,
        graph: &Arc<MatchingGraph>,
        model: &DetectorErrorModel,
        isa: Isa,
    ) -> Result<Predecoder> {
        let mut predecoder = match self.kind {
            Kind::Rule(rule) => {
                let options = RuleOptions { isa, ..RuleOptions::new(rule) };
                Predecoder::rule(Arc::clone(graph), model, &options)?
            }
        };
        if let Some(probability) = self.thresholds.commit_probability {
            predecoder.set_threshold(probability)?;
        }
        Ok(predecoder)
    }
}

impl fmt::Display for Predecoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Rule(rule) => write!(f, "rule:{rule}"),
        }
    }
}
