//! `outrider bench`: single-shot latency.

use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;
use outrider::{
    Basis, Circuit, CircuitFamily, DecoderOptions, DetectorErrorModel, Format, Isa, Orientation, Sampler,
    SamplerOptions, Shots, SurfaceCode,
};
use serde::Serialize;

use crate::decoding::decoder_factory::DecoderFactory;
use crate::decoding::latency::{Measured, measure, measure_stages};
use crate::decoding::predecoder_factory::{PredecoderArgs, PredecoderFactory};
use crate::error::{Error, Result};
use crate::input::{self, ShotFormat};
use crate::options::decoder::{DecoderChoice, Wanted, decoder};
use crate::options::graph::GraphArgs;
use crate::options::sums::SumArgs;
use crate::options::surface::flat_model;
use crate::options::values::{self, Rounds};
use crate::output::{self, Output, print};

/// Measure the latency of single shots on one pinned thread
///
/// Takes a model with its shots (--dem and --in), a model alone (its shots are sampled), or a surface-code
/// memory (--distance and --p). After a warm-up every shot is timed by itself, from its packed detection
/// events to its observables.
#[derive(Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct BenchArgs {
    /// Detector error model
    #[arg(long, value_name = "FILE", required_unless_present = "distance", conflicts_with = "distance")]
    dem: Option<PathBuf>,
    /// Shots to decode; - is standard input
    #[arg(long = "in", value_name = "FILE", requires = "dem")]
    input: Option<PathBuf>,
    /// Format of the shots [default: by the suffix of --in, or else b8]
    #[arg(long, value_name = "FORMAT", value_parser = values::format())]
    in_format: Option<Format>,
    /// The shots contain observables after the detectors, which are ignored
    #[arg(long)]
    in_includes_appended_observables: bool,
    /// Distance of a surface-code memory
    #[arg(long, value_name = "D", requires = "p")]
    distance: Option<u32>,
    /// Its noise strength
    #[arg(long, value_name = "P", requires = "distance", value_parser = values::probability)]
    p: Option<f64>,
    /// Its basis
    #[arg(long, value_name = "BASIS", default_value = "z", value_parser = values::basis())]
    basis: Basis,
    /// Its circuit
    #[arg(long, value_name = "NAME", default_value = "stim", value_parser = values::circuit_family())]
    circuit: CircuitFamily,
    /// Rounds, for the time per round (of a memory: d for as many as the distance) [default: d for a memory]
    #[arg(long, value_name = "R")]
    rounds: Option<Rounds>,
    /// Decoder; likelihood sums over likely errors where matching is unsure; trellis sums over all errors of the model,
    /// decomposed or not, which takes much longer
    #[arg(long, value_name = "NAME", default_value = "mwpm", value_parser = decoder())]
    decoder: DecoderChoice,
    #[command(flatten)]
    predecoder: PredecoderArgs,
    #[command(flatten)]
    sums: SumArgs,
    /// Shots to time: sampled, or the first ones of --in; at most a gigabyte of them
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    shots: usize,
    /// Key of the random numbers of sampled shots
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Instruction set
    #[arg(long, value_name = "NAME", default_value = "auto", value_parser = values::isa())]
    isa: Isa,
    #[command(flatten)]
    graph: GraphArgs,
    /// Also write the figures as a JSON object; - is standard output, which then holds nothing else
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

const AFTER_HELP: &str = "\
Quantiles are nearest ranks: p999_us is the smallest time that 99.9 % of the shots do not exceed. Every time \
includes reading the clock, some tens of nanoseconds. With a pre-decoder the shots are decoded twice more: with the \
clock read between pre-decoder and decoder, unless it is likelihood that calls it, and by plain matching.

Examples:
  outrider bench --distance 13 --p 0.003 --decoder mwpm-correlated --json bench.json
  outrider bench --distance 13 --p 0.003 --predecoder rule:min-sum
  outrider bench --dem model.dem --in dets.b8 --rounds 13";

/// Bytes of packed shots that are held in memory.
const SHOTS_BYTES_MAX: usize = 1 << 30;

/// The object that `--json` writes.
#[derive(Serialize)]
struct Report<'a> {
    decoder: &'a str,
    isa: &'a str,
    shots: usize,
    rounds: Option<u32>,
    detectors: u32,
    edges: u32,
    events_per_shot: f64,
    mean_us: f64,
    p50_us: f64,
    p90_us: f64,
    p99_us: f64,
    p999_us: f64,
    max_us: f64,
    us_per_round: Option<f64>,
    setup_seconds: f64,
    /// With a pre-decoder only.
    #[serde(flatten)]
    predecoded: Option<Predecoded>,
}

/// What a pre-decoder does, in the same run.
#[derive(Serialize)]
struct Predecoded {
    predecoder: String,
    predecoder_use: &'static str,
    events_left_per_shot: f64,
    /// Not of a sum over errors, which calls its pre-decoder itself.
    #[serde(flatten)]
    stages: Option<StageTimes>,
    /// Mean time of plain matching, decoder mwpm without a pre-decoder, and how many times it is ours.
    plain_mean_us: f64,
    speed_to_plain: f64,
}

/// Mean time in the pre-decoder, and in the decoder after it, when they are called one after the other.
#[derive(Serialize)]
struct StageTimes {
    predecode_us: f64,
    decode_us: f64,
    predecode_share: f64,
}

/// Runs the subcommand.
pub(crate) fn run(args: &BenchArgs) -> Result<()> {
    input::require_one_stdin(&[("--dem", args.dem.as_deref()), ("--in", args.input.as_deref())])?;
    args.predecoder.usage.settings.require_dem(args.dem.as_deref())?;
    output::require_stdout()?;
    let json = Output::create_optional(args.json.as_deref())?;
    let Source { model, surface, rounds } = source(args)?;
    let setup = Instant::now();
    let options = DecoderOptions { isa: args.isa, ..DecoderOptions::default() };
    let predecoding = PredecoderFactory::of(&args.predecoder)?;
    let predecoder_use = predecoding.as_ref().map(PredecoderFactory::usage);
    args.decoder.require(Wanted { predecoder_use, windows: false, shot_weights: false })?;
    args.sums.require_taken(&[args.decoder])?;
    let factory = DecoderFactory::of(args.decoder, &model, args.dem.as_deref(), options, args.graph)?
        .summed(args.sums)
        .predecoded(predecoding.as_ref(), surface.as_ref());
    let mut decoder = factory.shot_decoder()?;
    let setup_seconds = setup.elapsed().as_secs_f64();
    let shots = shots(args, &model)?;
    let name = args.input.as_deref().map_or_else(|| Path::new("sampled shots"), input::name);
    if shots.is_empty() {
        return Err(Error::input(name.display(), "there are no shots to time"));
    }
    let measured = measure(decoder.as_mut(), &shots).map_err(|error| error.with_path(Some(name)))?;
    let mean_us = measured.latencies.mean_us();
    let predecoded = predecoded(&factory, &shots, &measured).map_err(|error| error.with_path(Some(name)))?;
    let Measured { latencies, events, .. } = measured;
    let report = Report {
        decoder: factory.choice().name(),
        isa: factory.isa().name(),
        shots: shots.len(),
        rounds,
        detectors: factory.graph().node_count(),
        edges: factory.graph().edge_count(),
        events_per_shot: events as f64 / shots.len() as f64,
        mean_us,
        p50_us: latencies.quantile_us(0.5),
        p90_us: latencies.quantile_us(0.9),
        p99_us: latencies.quantile_us(0.99),
        p999_us: latencies.quantile_us(0.999),
        max_us: latencies.max_us(),
        us_per_round: rounds.map(|rounds| mean_us / f64::from(rounds)),
        setup_seconds,
        predecoded,
    };
    if args.json.as_deref() != Some(Path::new("-")) {
        print(&text(&report))?;
    }
    let Some(mut json) = json else { return Ok(()) };
    json.put(output::json(&report).as_bytes())?;
    output::commit([json])
}

/// Times the stages and plain matching on the same shots; nothing without a pre-decoder.
fn predecoded(
    factory: &DecoderFactory<'_>,
    shots: &Shots,
    measured: &Measured,
) -> Result<Option<Predecoded>> {
    let Some(predecoding) = factory.predecoding() else { return Ok(None) };
    let count = shots.len() as f64;
    let stages = match factory.stages()? {
        Some(mut stages) if !factory.choice().is_sum() => {
            let times = measure_stages(&mut stages, shots)?;
            Some(StageTimes {
                predecode_us: times.predecode_ns as f64 / 1e3 / count,
                decode_us: times.decode_ns as f64 / 1e3 / count,
                predecode_share: times.predecode_share(),
            })
        }
        _ => None,
    };
    let plain = measure(&mut factory.plain_decoder()?, shots)?;
    let plain_mean_us = plain.latencies.mean_us();
    Ok(Some(Predecoded {
        predecoder: predecoding.to_string(),
        predecoder_use: predecoding.usage().name(),
        events_left_per_shot: measured.events_left as f64 / count,
        stages,
        plain_mean_us,
        speed_to_plain: plain_mean_us / measured.latencies.mean_us(),
    }))
}

/// What is decoded.
struct Source {
    model: DetectorErrorModel,
    /// The memory that it is the model of, if it was generated.
    surface: Option<SurfaceCode>,
    rounds: Option<u32>,
}

fn source(args: &BenchArgs) -> Result<Source> {
    if let Some(dem) = &args.dem {
        let rounds = match args.rounds {
            Some(Rounds::Fixed(rounds @ 1..)) => Some(rounds),
            Some(_) => {
                return Err(Error::Usage("--rounds needs a number of at least 1 with --dem".to_owned()));
            }
            None => None,
        };
        return Ok(Source { model: input::model(dem)?, surface: None, rounds });
    }
    // clap requires both if there is no --dem.
    let (Some(distance), Some(p)) = (args.distance, args.p) else {
        return Err(Error::Usage("--dem, or --distance and --p, is needed".to_owned()));
    };
    let rounds = args.rounds.unwrap_or(Rounds::Distance).at(distance);
    let surface = SurfaceCode::memory(distance, rounds)
        .basis(args.basis)
        .circuit(Circuit::uniform(args.circuit, p))
        .orientation(Orientation::O1)
        .build()?;
    Ok(Source { model: flat_model(&surface)?, surface: Some(surface), rounds: Some(rounds) })
}

fn shots(args: &BenchArgs, model: &DetectorErrorModel) -> Result<Shots> {
    let fitting = |stride: usize| args.shots.min(SHOTS_BYTES_MAX / stride.max(1));
    let Some(path) = &args.input else {
        let options = SamplerOptions { seed: args.seed, isa: args.isa };
        let mut sampler = Sampler::with_options(model, &options)
            .map_err(|error| Error::from(error).with_path(args.dem.as_deref()))?;
        let (mut detectors, mut observables) = sampler.batches();
        sampler.sample(0, fitting(detectors.stride()), &mut detectors, &mut observables)?;
        return Ok(detectors);
    };
    let layout = input::layout(model, args.in_includes_appended_observables);
    let format = ShotFormat::new("--in-format", args.in_format, path, Format::B8);
    let mut source = input::shots(path, format, layout)?;
    let mut shots = source.batch();
    let count = fitting(shots.stride());
    source.read(&mut shots, count)?;
    Ok(if layout.observables > 0 { shots.columns(0..layout.detectors)? } else { shots })
}

fn text(report: &Report<'_>) -> String {
    let per_round = report.us_per_round.map_or_else(String::new, |us| format!(", {us:.3} us per round"));
    format!(
        "{} ({}): {} shots, {:.2} events per shot, {} detectors, {} edges, set up in {:.3} s\n\
         mean {:.3} us{per_round}\np50 {:.3}   p90 {:.3}   p99 {:.3}   p99.9 {:.3}   max {:.3} us\n",
        report.decoder,
        report.isa,
        report.shots,
        report.events_per_shot,
        report.detectors,
        report.edges,
        report.setup_seconds,
        report.mean_us,
        report.p50_us,
        report.p90_us,
        report.p99_us,
        report.p999_us,
        report.max_us,
    ) + &report.predecoded.as_ref().map_or_else(String::new, predecoded_text)
}

fn predecoded_text(predecoded: &Predecoded) -> String {
    let stages = predecoded.stages.as_ref().map_or_else(String::new, |stages| {
        format!(
            "of the time {:.1} % in the pre-decoder ({:.3} us), the rest in the decoder ({:.3} us)\n",
            100.0 * stages.predecode_share,
            stages.predecode_us,
            stages.decode_us,
        )
    });
    format!(
        "after {} ({}): {:.2} events left per shot\n\
         {stages}plain matching on the same shots: mean {:.3} us, so this is {:.2} times as fast\n",
        predecoded.predecoder,
        predecoded.predecoder_use,
        predecoded.events_left_per_shot,
        predecoded.plain_mean_us,
        predecoded.speed_to_plain,
    )
}
