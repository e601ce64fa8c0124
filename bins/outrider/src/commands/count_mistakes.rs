//! `outrider count_mistakes`: PyMatching's command of that name.

use std::path::PathBuf;
use std::time::Instant;

use clap::Args;
use outrider::{Format, Layout};

use crate::commands::predict::pymatching_factory;
use crate::decoding::decode_shots::{Extras, decode_all};
use crate::error::Result;
use crate::formats::numbers::general;
use crate::input::{self, Batches, ShotFormat, Truth};
use crate::options::values;
use crate::output::{self, Output};
use crate::threads::thread_count;

/// Count wrong predictions, with PyMatching's command line
///
/// Flags, defaults and output are those of `pymatching count_mistakes`; note that --in_format is 01 here.
/// Without --obs_in and without appended observables the true observables are taken to be zero, as
/// PyMatching does. Uses all cores.
#[derive(Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct CountMistakesArgs {
    /// Detector error model
    #[arg(long, value_name = "FILE")]
    dem: PathBuf,
    /// Detection events; - is standard input
    #[arg(long = "in", value_name = "FILE", default_value = "-")]
    input: PathBuf,
    /// Format of the detection events [default: by the suffix of --in, or else 01]
    #[arg(long = "in_format", value_name = "FORMAT", value_parser = values::format())]
    in_format: Option<Format>,
    /// The shots contain their true observables after the detectors
    #[arg(long = "in_includes_appended_observables")]
    in_includes_appended_observables: bool,
    /// True observables; they take precedence over appended ones
    #[arg(long = "obs_in", value_name = "FILE")]
    obs_in: Option<PathBuf>,
    /// Format of the true observables [default: by the suffix of --obs_in, or else 01]
    #[arg(long = "obs_in_format", value_name = "FORMAT", value_parser = values::format())]
    obs_in_format: Option<Format>,
    /// File for the count; - is standard output
    #[arg(long, value_name = "FILE", default_value = "-")]
    out: PathBuf,
    /// Print the time taken to standard error
    #[arg(long)]
    time: bool,
    /// Correlated matching
    #[arg(long = "enable_correlations")]
    enable_correlations: bool,
}

const AFTER_HELP: &str = "\
Example:
  outrider count_mistakes --dem model.dem --in dets.b8 --in_format b8 --obs_in obs.01 --time";

/// Runs the subcommand.
pub(crate) fn run(args: &CountMistakesArgs) -> Result<()> {
    input::require_one_stdin(&[
        ("--dem", Some(&args.dem)),
        ("--in", Some(&args.input)),
        ("--obs_in", args.obs_in.as_deref()),
    ])?;
    let mut out = Output::create(&args.out)?;
    let model = input::model(&args.dem)?;
    let factory = pymatching_factory(&model, &args.dem, args.enable_correlations)?;
    let observables = Layout::observables(factory.graph().observable_count() as usize);
    let layout = input::layout(&model, args.in_includes_appended_observables);
    let format = ShotFormat::new("--in_format", args.in_format, &args.input, Format::Text01);
    let shots = input::shots(&args.input, format, layout)?;
    let truth = match &args.obs_in {
        Some(path) => {
            let format = ShotFormat::new("--obs_in_format", args.obs_in_format, path, Format::Text01);
            let source = input::shots(path, format, observables)?;
            Truth::Stream { source: Box::new(source), name: input::name(path).to_owned() }
        }
        None if args.in_includes_appended_observables => Truth::Appended,
        None => Truth::Zero { observables: observables.observables },
    };
    let clock = Instant::now();
    let name = input::name(&args.input);
    let batches = Batches::new(shots, truth);
    let totals =
        decode_all(&factory, thread_count(None)?, Extras::default(), batches, None, name, &mut |_| Ok(()))?;
    let microseconds = clock.elapsed().as_micros();
    out.put(format!("{} / {}\n", totals.mistakes, totals.shots).as_bytes())?;
    output::commit([out])?;
    if args.time {
        let per_shot = general(microseconds as f64 / totals.shots as f64, 6);
        eprintln!("Total decoding time: {microseconds}us\nDecoding time per shot: {per_shot}us");
    }
    Ok(())
}
