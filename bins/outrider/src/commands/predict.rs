//! `outrider predict`: PyMatching's command of that name.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use outrider::{DecoderKind, DecoderOptions, DetectorErrorModel, Format, Isa, Layout};

use crate::decoding::decode_shots::{Extras, decode_all};
use crate::decoding::decoder_factory::DecoderFactory;
use crate::error::Result;
use crate::input::{self, Batches, ShotFormat, Truth};
use crate::options::graph::GraphArgs;
use crate::options::values;
use crate::output::{self, Output};
use crate::threads::thread_count;

/// Predict observables, with PyMatching's command line
///
/// Flags, defaults and output are those of `pymatching predict`. Without --enable_correlations error
/// components with three or more detectors are skipped, as PyMatching does; standard error has their number. Uses all
/// cores.
#[derive(Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct PredictArgs {
    /// Detector error model
    #[arg(long, value_name = "FILE")]
    dem: PathBuf,
    /// Detection events; - is standard input
    #[arg(long = "in", value_name = "FILE", default_value = "-")]
    input: PathBuf,
    /// Format of the detection events [default: by the suffix of --in, or else b8]
    #[arg(long = "in_format", value_name = "FORMAT", value_parser = values::format())]
    in_format: Option<Format>,
    /// The shots contain observables after the detectors, which are ignored
    #[arg(long = "in_includes_appended_observables")]
    in_includes_appended_observables: bool,
    /// File for the predictions; - is standard output
    #[arg(long, value_name = "FILE", default_value = "-")]
    out: PathBuf,
    /// Format of the predictions [default: by the suffix of --out, or else 01]
    #[arg(long = "out_format", value_name = "FORMAT", value_parser = values::format())]
    out_format: Option<Format>,
    /// Correlated matching
    #[arg(long = "enable_correlations")]
    enable_correlations: bool,
}

const AFTER_HELP: &str = "\
Example:
  outrider predict --dem model.dem --in dets.b8 --in_format b8 --out predictions.01 --out_format 01";

/// Runs the subcommand.
pub(crate) fn run(args: &PredictArgs) -> Result<()> {
    input::require_one_stdin(&[("--dem", Some(&args.dem)), ("--in", Some(&args.input))])?;
    let model = input::model(&args.dem)?;
    let factory = pymatching_factory(&model, &args.dem, args.enable_correlations)?;
    let layout = input::layout(&model, args.in_includes_appended_observables);
    let format = ShotFormat::new("--in_format", args.in_format, &args.input, Format::B8);
    let batches = Batches::new(input::shots(&args.input, format, layout)?, Truth::Unknown);
    let observables = Layout::observables(factory.graph().observable_count() as usize);
    let format = ShotFormat::new("--out_format", args.out_format, &args.out, Format::Text01);
    let mut predictions = Output::shots(&args.out, format.format, observables)?;
    let name = input::name(&args.input);
    decode_all(&factory, thread_count(None)?, Extras::default(), batches, None, name, &mut |decoded| {
        Ok(predictions.write(&decoded.predictions)?)
    })?;
    output::commit([predictions.finish()?])
}

/// Decodes as PyMatching does: it skips what it cannot decompose, but not when correlations are on.
pub(crate) fn pymatching_factory<'a>(
    model: &'a DetectorErrorModel,
    path: &'a Path,
    correlations: bool,
) -> Result<DecoderFactory<'a>> {
    let kind = if correlations { DecoderKind::MwpmCorrelated } else { DecoderKind::Mwpm };
    let options = DecoderOptions { kind, isa: Isa::Auto, ..DecoderOptions::default() };
    let graph = GraphArgs { ignore_undecomposable: !correlations, ..GraphArgs::default() };
    let factory = DecoderFactory::new(model, Some(path), options, graph)?;
    let ignored = factory.graph().ignored_count();
    if ignored > 0 {
        let (components, are) = if ignored == 1 { ("component", "is") } else { ("components", "are") };
        // If standard error is gone, predictions still matter.
        let _ = writeln!(
            io::stderr(),
            "{}: {ignored} error {components} with three or more detectors {are} left out, as PyMatching does; \
             stim analyze_errors --decompose_errors avoids them",
            path.display()
        );
    }
    Ok(factory)
}
