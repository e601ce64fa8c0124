//! `outrider sample`: shots of a model.

use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::path::PathBuf;

use clap::Args;
use outrider::{Format, Isa, Layout, Sampler, SamplerOptions, Shots};

use crate::decoding::decoder_factory::require_isa;
use crate::decoding::sampling::chunk_shots;
use crate::error::Result;
use crate::input::{self, ShotFormat};
use crate::options::values;
use crate::output::{self, Output};
use crate::threads::{Worker, run_ordered, thread_count};

/// Shots that are sampled at a time, at most.
const CHUNK_SHOTS_MAX: usize = 64 * Sampler::BLOCK_SHOTS;

/// Sample a model: detection events, observables and the errors behind them
///
/// Random numbers are keyed by seed and shot number, so a shot is the same for any number of threads and
/// any instruction set, and the first shots of a longer run are those of a shorter one.
#[derive(Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct SampleArgs {
    /// Detector error model
    #[arg(long, value_name = "FILE")]
    dem: PathBuf,
    /// Shots to sample
    #[arg(long, value_name = "N")]
    shots: u64,
    /// Key of the random numbers
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// File for the detection events; - is standard output
    #[arg(long, value_name = "FILE", default_value = "-")]
    out: PathBuf,
    /// Format of the detection events [default: by the suffix of --out, or else 01]
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
    /// Also write which errors fired: one bit per error instruction, repeats unrolled
    #[arg(long, value_name = "FILE")]
    errors_out: Option<PathBuf>,
    /// Format of the errors [default: by the suffix of --errors-out, or else 01]
    #[arg(long, value_name = "FORMAT", value_parser = values::format())]
    errors_out_format: Option<Format>,
    /// Threads to sample on [default: all cores]
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,
    /// Instruction set
    #[arg(long, value_name = "NAME", default_value = "auto", value_parser = values::isa())]
    isa: Isa,
}

const AFTER_HELP: &str = "\
Examples:
  outrider sample --dem model.dem --shots 1000000 --seed 7 --out dets.b8 --out-format b8 --obs-out obs.01
  outrider sample --dem model.dem --shots 1000 --seed 7 | outrider decode --dem model.dem --in-format 01";

/// Runs the subcommand.
pub(crate) fn run(args: &SampleArgs) -> Result<()> {
    output::require_distinct(&[
        ("--out", Some(&args.out)),
        ("--obs-out", args.obs_out.as_deref()),
        ("--errors-out", args.errors_out.as_deref()),
    ])?;
    require_isa(args.isa)?;
    let threads = thread_count(args.threads)?;
    let model = input::model(&args.dem)?;
    let options = SamplerOptions { seed: args.seed, isa: args.isa };
    let mut workers = Vec::with_capacity(threads);
    for _ in 0..threads {
        let sampler = Sampler::with_options(&model, &options).map_err(|error| error.with_path(&args.dem))?;
        workers.push(SampleWorker {
            sampler,
            append_observables: args.append_observables,
            errors: args.errors_out.is_some(),
        });
    }
    let sampler = &workers[0].sampler;
    let observables = Layout::observables(sampler.observable_count());
    let format = ShotFormat::new("--out-format", args.out_format, &args.out, Format::Text01);
    let mut out = Output::shots(&args.out, format.format, input::layout(&model, args.append_observables))?;
    let mut obs_out = match &args.obs_out {
        Some(path) => {
            let format = ShotFormat::new("--obs-out-format", args.obs_out_format, path, Format::Text01);
            Some(Output::shots(path, format.format, observables)?)
        }
        None => None,
    };
    let mut errors_out = match &args.errors_out {
        // An error is neither a measurement, a detector nor an observable; M# it is in `dets`.
        Some(path) => {
            let layout = Layout { measurements: sampler.error_count(), ..Layout::default() };
            let format = ShotFormat::new("--errors-out-format", args.errors_out_format, path, Format::Text01);
            Some(Output::shots(path, format.format, layout)?)
        }
        None => None,
    };
    let row_bytes =
        (sampler.detector_count() + sampler.error_count() * usize::from(args.errors_out.is_some())) / 8;
    let mut ranges = ranges(args.shots, chunk_shots(row_bytes, CHUNK_SHOTS_MAX));
    drop(model);

    run_ordered(workers, Box::new(move || Ok(ranges.next())), &mut |sampled: Sampled| {
        out.write(&sampled.rows)?;
        if let Some(obs_out) = &mut obs_out {
            obs_out.write(&sampled.observables)?;
        }
        if let (Some(errors_out), Some(errors)) = (&mut errors_out, &sampled.errors) {
            errors_out.write(errors)?;
        }
        Ok(ControlFlow::Continue(()))
    })?;

    let mut outputs = vec![out.finish()?];
    for writer in [obs_out, errors_out].into_iter().flatten() {
        outputs.push(writer.finish()?);
    }
    output::commit(outputs)
}

/// `0..shots` in pieces of `chunk`: first shot and count of each.
fn ranges(shots: u64, chunk: usize) -> impl Iterator<Item = (u64, usize)> + Send {
    (0..shots).step_by(chunk).map(move |first| {
        // The smaller of the two fits, because `chunk` does.
        (first, usize::try_from(shots - first).unwrap_or(chunk).min(chunk))
    })
}

struct SampleWorker {
    sampler: Sampler,
    append_observables: bool,
    errors: bool,
}

/// A chunk of shots.
struct Sampled {
    /// Detectors, with the observables appended if asked.
    rows: Shots,
    observables: Shots,
    errors: Option<Shots>,
}

impl Worker for SampleWorker {
    type Job = (u64, usize);
    type Answer = Sampled;

    fn run(&mut self, (first, count): (u64, usize)) -> Result<Sampled> {
        let (mut rows, mut observables) = self.sampler.batches();
        let mut errors = self.errors.then(|| Shots::new(self.sampler.error_count()));
        match &mut errors {
            Some(errors) => {
                self.sampler.sample_with_errors(first, count, &mut rows, &mut observables, errors)?;
            }
            None => self.sampler.sample(first, count, &mut rows, &mut observables)?,
        }
        if self.append_observables {
            rows = rows.beside(&observables)?;
        }
        Ok(Sampled { rows, observables, errors })
    }
}
