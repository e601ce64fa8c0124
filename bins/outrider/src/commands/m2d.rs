//! `outrider m2d`: measurements in, detection events and observables out.

use std::path::PathBuf;

use clap::Args;
use outrider::{Format, Layout, MeasurementMap, MeasurementOptions, Shots};

use crate::error::{Error, Result};
use crate::input::{self, Batches, ShotFormat, ShotSource, Truth};
use crate::options::values;
use crate::output::{self, Output};

/// Turn measurements into detection events and observables
///
/// The circuit declares which parities of measurements these are. Each is compared with its value in a noise-free run,
/// which may depend on the sweep bits. The answer is that of `stim m2d`, except that what has no answer is refused: a
/// detector that is random without noise, and, if observables are asked for, one that is random or has Pauli targets,
/// whose value no measurement gives.
#[derive(Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct M2dArgs {
    /// Circuit, a .stim file
    #[arg(long, value_name = "FILE")]
    circuit: PathBuf,
    /// Measurements; - is standard input
    #[arg(long = "in", value_name = "FILE", default_value = "-")]
    input: PathBuf,
    /// Format of the measurements [default: by the suffix of --in, or else b8]
    #[arg(long, value_name = "FORMAT", value_parser = values::format())]
    in_format: Option<Format>,
    /// Sweep bits of the shots [default: all 0]
    #[arg(long, value_name = "FILE")]
    sweep: Option<PathBuf>,
    /// Format of the sweep bits [default: by the suffix of --sweep, or else b8]
    #[arg(long, value_name = "FORMAT", value_parser = values::format())]
    sweep_format: Option<Format>,
    /// File for the detection events; - is standard output
    #[arg(long, value_name = "FILE", default_value = "-")]
    out: PathBuf,
    /// Format of the detection events [default: by the suffix of --out, or else b8]
    #[arg(long, value_name = "FORMAT", value_parser = values::format())]
    out_format: Option<Format>,
    /// Append the observables to the detection events
    #[arg(long)]
    append_observables: bool,
    /// Also write the observables
    #[arg(long, value_name = "FILE")]
    obs_out: Option<PathBuf>,
    /// Format of the observables [default: by the suffix of --obs-out, or else 01]
    #[arg(long, value_name = "FORMAT", value_parser = values::format())]
    obs_out_format: Option<Format>,
    /// The measurements come from runs that left out the feedback, as in `CX rec[-1] 5`: account for it here
    #[arg(long)]
    ran_without_feedback: bool,
    /// Take all measurements 0 for a noise-free run; nothing is then refused as random
    #[arg(long)]
    skip_reference_sample: bool,
}

const AFTER_HELP: &str = "\
Examples:
  outrider m2d --circuit circuit.stim --in measurements.b8 --sweep sweep.b8 --out dets.b8 --obs-out obs.01
  stim sample --shots 1000 --in circuit.stim --out_format b8 | outrider m2d --circuit circuit.stim > dets.b8";

/// Runs the subcommand.
pub(crate) fn run(args: &M2dArgs) -> Result<()> {
    let inputs = [("--in", Some(args.input.as_path())), ("--sweep", args.sweep.as_deref())];
    input::require_one_stdin(&inputs)?;
    output::require_distinct(&[("--out", Some(&args.out)), ("--obs-out", args.obs_out.as_deref())])?;
    input::require_given(&args.circuit)?;
    let map = MeasurementMap::from_file_with_options(
        &args.circuit,
        MeasurementOptions {
            detectors_only: !args.append_observables && args.obs_out.is_none(),
            ran_without_feedback: args.ran_without_feedback,
            skip_reference_sample: args.skip_reference_sample,
            ..MeasurementOptions::default()
        },
    )?;
    let (mut detectors, mut observables) = map.batches();
    let layout = Layout {
        detectors: detectors.bits(),
        observables: if args.append_observables { observables.bits() } else { 0 },
        ..Layout::default()
    };
    let format = ShotFormat::new("--out-format", args.out_format, &args.out, Format::B8);
    let mut out = Output::shots(&args.out, format.format, layout)?;
    let mut obs_out = match &args.obs_out {
        Some(path) => {
            let format = ShotFormat::new("--obs-out-format", args.obs_out_format, path, Format::Text01);
            Some(Output::shots(path, format.format, Layout::observables(observables.bits()))?)
        }
        None => None,
    };
    let bits = |measurements| Layout { measurements, ..Layout::default() };
    let format = ShotFormat::new("--in-format", args.in_format, &args.input, Format::B8);
    let measurements = input::shots(&args.input, format, bits(map.measurement_count()))?;
    let mut measurements = Batches::new(measurements, Truth::Unknown);
    let mut sweep = match &args.sweep {
        Some(path) => {
            let format = ShotFormat::new("--sweep-format", args.sweep_format, path, Format::B8);
            Some(input::shots(path, format, bits(map.sweep_count()))?)
        }
        None => None,
    };
    while let Some(batch) = measurements.next()? {
        let sweep_bits = match &mut sweep {
            Some(source) => Some(next_sweep_bits(source, batch.rows.len(), args)?),
            None => None,
        };
        map.convert(&batch.rows, sweep_bits.as_ref(), &mut detectors, &mut observables)?;
        if args.append_observables {
            out.write(&detectors.beside(&observables)?)?;
        } else {
            out.write(&detectors)?;
        }
        if let Some(obs_out) = &mut obs_out {
            obs_out.write(&observables)?;
        }
    }
    let mut outputs = vec![out.finish()?];
    if let Some(obs_out) = obs_out {
        outputs.push(obs_out.finish()?);
    }
    output::commit(outputs)
}

/// The sweep bits of the next `count` shots.
fn next_sweep_bits(source: &mut ShotSource, count: usize, args: &M2dArgs) -> Result<Shots> {
    let mut rows = source.batch();
    if source.read(&mut rows, count)? < count {
        let name = input::name(args.sweep.as_deref().unwrap_or(&args.input));
        let message = format!("ends after {} shots, before the measurements", source.shots_read());
        return Err(Error::input(name.display(), message));
    }
    Ok(rows)
}
