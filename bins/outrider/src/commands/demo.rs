//! `outrider demo`: every decoder on a real device's shots and, with a pre-decoder beside them, on a sampled memory.

use std::collections::VecDeque;
use std::io::Cursor;
use std::ops::ControlFlow;
use std::path::Path;
use std::thread::available_parallelism;
use std::time::Instant;

use clap::Args;
use outrider::{
    Basis, Circuit, CircuitFamily, DecoderKind, DecoderOptions, DetectorErrorModel, Format, Layout, Sampler,
    Shots, SurfaceCode,
};

use crate::commands::{demo_learning, demo_stream};
use crate::decoding::campaign::{Plan, count_errors};
use crate::decoding::decode_shots::{Extras, decode_all};
use crate::decoding::decoder_factory::DecoderFactory;
use crate::decoding::latency::{Measured, measure};
use crate::decoding::predecoder_factory::PredecoderFactory;
use crate::error::Result;
use crate::input::{self, Batches, ShotFormat, Truth};
use crate::options::decoder::DecoderChoice;
use crate::options::graph::GraphArgs;
use crate::options::postselect::Postselection;
use crate::options::surface::flat_model;
use crate::output::print;
use crate::report::progress;
use crate::report::wilson::wilson;
use crate::threads::thread_count;

/// Decode real and sampled shots with every decoder, in about a minute
///
/// Decodes 50,000 shots of a distance-3 surface code on Google's Sycamore processor, which come with the
/// program, and learns its noise from them; then a sampled distance-11 memory, with every decoder on all cores, and with
/// a pre-decoder. Then it starts two decoder nodes, streams a distance-7 memory to them, and kills one.
#[derive(Args, Debug)]
pub(crate) struct DemoArgs {
    /// Shots of the sampled memory; a twentieth as many histories are streamed
    #[arg(long, value_name = "N", default_value_t = 200_000)]
    shots: u64,
}

const GOOGLE_NAME: &str = "google_sycamore_x_d3_r5";
const GOOGLE_ROUNDS: u32 = 5;
const GOOGLE_MODEL: &str =
    include_str!("../../data/google_sycamore_x_d3_r5/circuit_detector_error_model.dem");
const GOOGLE_SHOTS: &[u8] = include_bytes!("../../data/google_sycamore_x_d3_r5/detection_events.b8");
const GOOGLE_FLIPS: &[u8] = include_bytes!("../../data/google_sycamore_x_d3_r5/obs_flips_actual.01");

/// The sampled memory: large enough to be of interest, noisy enough to fail within the minute.
const DISTANCE: u32 = 11;
const NOISE: f64 = 0.005;
/// Of so many shots one history is streamed.
const SHOTS_PER_HISTORY: u64 = 20;
/// Shots whose latency is taken one by one.
const TIMED_SHOTS: usize = 20_000;

const HEADER: &str = "  decoder                   LER  95% interval (Wilson)    us/round   p50 us   p99 us  p99.9 us  left     shots/s\n";

const NEXT: &str = "
us/round, p50, p99 and p99.9 are of single shots on one core; left: events to match per shot, all of them or those
after the pre-decoder; shots/s is all cores together. PREDECODER+mwpm is plain matching with a pre-decoder's soft
weights. likelihood sums over likely errors where matching is unsure; trellis sums over all errors of every shot.
Next:
  outrider decode --dem model.dem --in dets.b8      your own Stim files
  outrider learn --dem model.dem --in dets.b8       the noise of your own device
  outrider ler --distance 3,5,7 --p 0.003,0.006     error rates, sinter's CSV with --out
  outrider stream --distance 7 --p 0.001 --nodes 2  real time, on decoder nodes
  outrider --help
";

/// Runs the subcommand.
pub(crate) fn run(args: &DemoArgs) -> Result<()> {
    let cores = available_parallelism().map_or(1, usize::from);
    print(&format!(
        "outrider {} on {cores} cores\n\n\
         Google Sycamore, distance 3, 5 rounds, X basis: 50,000 shots of a real device\n\
         (Google Quantum AI, Zenodo 6804040, CC BY 4.0)\n{HEADER}",
        env!("CARGO_PKG_VERSION")
    ))?;
    let model = DetectorErrorModel::parse(GOOGLE_MODEL)?;
    let timed = google_shots(&model)?.read_to_end()?;
    for kind in DecoderKind::OF_SHOTS {
        google_row(&factory(&model, DecoderChoice::Graph(kind))?, &timed)?;
    }
    google_row(&factory(&model, DecoderChoice::Trellis)?, &timed)?;
    demo_learning::show(&model, Path::new(GOOGLE_NAME), cores, &|selection, with_truth| {
        let truth = if with_truth { google_flips(&model)? } else { Truth::Unknown };
        Ok(Batches::chained(VecDeque::from([(google_shots(&model)?, truth)]), selection))
    })?;
    print(&format!(
        "\nRotated memory, distance {DISTANCE}, {DISTANCE} rounds, Z basis, uniform noise {NOISE}: \
         {} sampled shots\n{HEADER}",
        args.shots
    ))?;
    let surface = SurfaceCode::memory(DISTANCE, DISTANCE)
        .basis(Basis::Z)
        .circuit(Circuit::uniform(CircuitFamily::Stim, NOISE))
        .build()?;
    let model = flat_model(&surface)?;
    let mut sampler = Sampler::new(&model, 0)?;
    let (mut timed, mut observables) = sampler.batches();
    sampler.sample(0, args.shots.min(TIMED_SHOTS as u64) as usize, &mut timed, &mut observables)?;
    for kind in DecoderKind::OF_SHOTS {
        sampled_row(&factory(&model, DecoderChoice::Graph(kind))?, args.shots, &timed)?;
    }
    let predecoding = PredecoderFactory::shipped()?;
    for choice in [DecoderChoice::Graph(DecoderKind::Mwpm), DecoderChoice::Likelihood] {
        let predecoded = factory(&model, choice)?.predecoded(Some(&predecoding), None);
        sampled_row(&predecoded, args.shots, &timed)?;
    }
    demo_stream::show((args.shots / SHOTS_PER_HISTORY).max(1))?;
    print(NEXT)
}

fn google_shots(model: &DetectorErrorModel) -> Result<input::ShotSource> {
    let layout = input::layout(model, false);
    input::shots_of(
        Box::new(Cursor::new(GOOGLE_SHOTS)),
        Path::new(GOOGLE_NAME),
        ShotFormat::fixed(Format::B8),
        layout,
    )
}

fn google_flips(model: &DetectorErrorModel) -> Result<Truth> {
    let flips = Layout::observables(usize::try_from(model.observable_count()).unwrap_or(usize::MAX));
    let name = Path::new(GOOGLE_NAME);
    let source =
        input::shots_of(Box::new(Cursor::new(GOOGLE_FLIPS)), name, ShotFormat::fixed(Format::Text01), flips)?;
    Ok(Truth::Stream { source: Box::new(source), name: name.to_owned() })
}

fn google_row(factory: &DecoderFactory<'_>, timed: &Shots) -> Result<()> {
    let name = Path::new(GOOGLE_NAME);
    let batches = Batches::new(google_shots(factory.model())?, google_flips(factory.model())?);
    let clock = Instant::now();
    let totals =
        decode_all(factory, thread_count(None)?, Extras::default(), batches, None, name, &mut |_| Ok(()))?;
    row(factory, totals.mistakes, totals.shots, clock.elapsed().as_secs_f64(), timed, GOOGLE_ROUNDS)
}

fn sampled_row(factory: &DecoderFactory<'_>, shots: u64, timed: &Shots) -> Result<()> {
    let plan = Plan {
        seed: 0,
        isa: factory.isa(),
        first_shot: 0,
        max_shots: shots,
        max_errors: u64::MAX,
        threads: thread_count(None)?,
        paired: false,
        postselection: Postselection::default(),
        count_combos: false,
    };
    let bar = progress::bar(plan.max_shots, "shots").with_prefix(factory.name());
    let clock = Instant::now();
    let tally = count_errors(factory, plan, None, &mut |tally| {
        bar.inc(tally.shots);
        Ok(ControlFlow::Continue(()))
    });
    let seconds = clock.elapsed().as_secs_f64();
    bar.finish_and_clear();
    let tally = tally?;
    row(factory, tally.errors, tally.shots, seconds, timed, DISTANCE)
}

fn factory(model: &DetectorErrorModel, choice: DecoderChoice) -> Result<DecoderFactory<'_>> {
    DecoderFactory::of(choice, model, None, DecoderOptions::default(), GraphArgs::default())
}

/// Times single shots and prints a line of the table.
fn row(
    factory: &DecoderFactory<'_>,
    errors: u64,
    shots: u64,
    seconds: f64,
    timed: &Shots,
    rounds: u32,
) -> Result<()> {
    let mut decoder = factory.shot_decoder()?;
    let Measured { latencies, events_left, .. } = measure(decoder.as_mut(), timed)?;
    let left = match factory.choice().is_sum() {
        true => "-".to_owned(),
        false => format!("{:.1}", events_left as f64 / timed.len().max(1) as f64),
    };
    let (low, high) = wilson(errors, shots);
    print(&format!(
        "  {:<21} {:>8.2e}  {:<23} {:>8.3} {:>8.2} {:>8.2} {:>9.2} {:>5} {:>11.0}\n",
        factory.name(),
        errors as f64 / shots.max(1) as f64,
        format!("{low:.2e} .. {high:.2e}"),
        latencies.mean_us() / f64::from(rounds),
        latencies.quantile_us(0.5),
        latencies.quantile_us(0.99),
        latencies.quantile_us(0.999),
        left,
        shots as f64 / seconds,
    ))
}
