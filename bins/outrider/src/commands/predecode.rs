//! `outrider predecode`: shots in, residual shots and log-odds out.

use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use clap::Args;
use outrider::{
    DecoderOptions, Format, Isa, Layout, MatchingGraph, Override, Predecoder, PredecoderUse, Reach,
    ShotWriter, Shots,
};
use outrider_options::option_values::PredecoderChoice;
use serde::Serialize;

use crate::decoding::decode_shots::{WEIGHT_DIGITS, events as events_of, push_edge};
use crate::decoding::decoder_factory::DecoderFactory;
use crate::decoding::predecoder_factory::{PredecoderFactory, SettingArgs, UseArgs};
use crate::error::{Error, Result};
use crate::formats::numbers::general;
use crate::input::{self, Batch, Batches, ShotFormat, Truth};
use crate::options::graph::GraphArgs;
use crate::options::values;
use crate::output::{self, Output, print};
use crate::threads::{Worker, run_ordered, thread_count};

/// Pre-decode shots: detection events in, residual events or log-odds out
///
/// Hard use: the pre-decoder fixes likely edges. The remaining events go to --out, and the observables that the fixed
/// edges flip to --obs-out. A decoder's prediction for the residual shot, XOR these, is a prediction for the shot.
/// With --log-odds-out it also writes the log-odds that soft use passes to a decoder.
#[derive(Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct PredecodeArgs {
    /// Detector error model
    #[arg(long, value_name = "FILE", required_unless_present = "describe")]
    dem: Option<PathBuf>,
    /// Pre-decoder: rule:NAME with clique, smith or min-sum, or a network's .safetensors file
    #[arg(long, value_name = "rule:NAME|FILE")]
    predecoder: PredecoderChoice,
    /// Print kind, size, reach and card of the pre-decoder, and do nothing else
    #[arg(long, conflicts_with_all = NOT_DESCRIBED)]
    describe: bool,
    #[command(flatten)]
    settings: SettingArgs,
    /// Shots to pre-decode; - is standard input
    #[arg(long = "in", value_name = "FILE", default_value = "-")]
    input: PathBuf,
    /// Format of the shots [default: by the suffix of --in, or else b8]
    #[arg(long, value_name = "FORMAT", value_parser = values::format())]
    in_format: Option<Format>,
    /// The shots contain observables after the detectors, which are ignored
    #[arg(long)]
    in_includes_appended_observables: bool,
    /// File for the residual shots; - is standard output
    #[arg(long, value_name = "FILE", default_value = "-")]
    out: PathBuf,
    /// Format of the residual shots [default: by the suffix of --out, or else b8]
    #[arg(long, value_name = "FORMAT", value_parser = values::format())]
    out_format: Option<Format>,
    /// Also write the observables that the fixed edges flip
    #[arg(long, value_name = "FILE")]
    obs_out: Option<PathBuf>,
    /// Format of these observables [default: by the suffix of --obs-out, or else 01]
    #[arg(long, value_name = "FORMAT", value_parser = values::format())]
    obs_out_format: Option<Format>,
    /// Also write ln((1-p)/p) of edges near events, where p is the probability that the edge flipped: one line per
    /// shot, such as `D3-D7:-1.5 D9-B:2.25` (B is the boundary), 17 digits
    #[arg(long, value_name = "FILE")]
    log_odds_out: Option<PathBuf>,
    /// Also write counts and times as JSON
    #[arg(long, value_name = "FILE")]
    stats: Option<PathBuf>,
    /// Threads [default: all cores]
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,
    /// Instruction set
    #[arg(long, value_name = "NAME", default_value = "auto", value_parser = values::isa())]
    isa: Isa,
    #[command(flatten)]
    graph: GraphArgs,
}

/// Options that concern shots.
const NOT_DESCRIBED: [&str; 16] = [
    "dem",
    "SettingArgs",
    "input",
    "in_format",
    "in_includes_appended_observables",
    "out",
    "out_format",
    "obs_out",
    "obs_out_format",
    "log_odds_out",
    "stats",
    "threads",
    "isa",
    "ignore_undecomposable",
    "first_observables",
    "GraphArgs",
];

const AFTER_HELP: &str = "\
Examples:
  outrider predecode --dem model.dem --predecoder rule:clique --in dets.b8 --out left.b8 --obs-out done.01
  outrider predecode --dem model.dem --predecoder rule:min-sum --in dets.b8 --out /dev/null \\
      --log-odds-out log-odds.txt --stats stats.json
  outrider predecode --predecoder event-stim.safetensors --describe";

/// The object that `--stats` writes.
#[derive(Serialize)]
struct Stats {
    predecoder: String,
    isa: &'static str,
    threads: usize,
    #[serde(flatten)]
    totals: Totals,
    seconds: f64,
    shots_per_second: f64,
    /// Soft use adds this to ln((1-p)/p) of the edges that it does not name.
    other_edges_offset: f64,
    /// How far away the events lie that an answer depends on, along x, y and rounds, in the units of detector
    /// coordinates; null: without bound.
    reach: [f64; 3],
    heap_bytes_per_thread: usize,
}

/// Sums over shots.
#[derive(Clone, Copy, Default, Serialize)]
struct Totals {
    shots: u64,
    detection_events: u64,
    /// Left by hard use.
    events_left: u64,
    /// Shots of which hard use leaves nothing.
    shots_cleared: u64,
    /// Edges whose log-odds were written.
    edges_named: u64,
}

/// Runs the subcommand.
pub(crate) fn run(args: &PredecodeArgs) -> Result<()> {
    let usage = UseArgs { predecoder_use: PredecoderUse::Hard, settings: args.settings };
    let Some(predecoding) = PredecoderFactory::new(&args.predecoder, &usage)? else {
        return Err(Error::Usage("--predecoder none: there is nothing to do".to_owned()));
    };
    args.settings.require_dense([&predecoding])?;
    match &args.dem {
        Some(dem) => predecode(args, dem, &predecoding),
        // clap requires --dem or --describe.
        None => print(&predecoding.description()),
    }
}

fn predecode(args: &PredecodeArgs, dem: &Path, predecoding: &PredecoderFactory) -> Result<()> {
    input::require_one_stdin(&[("--dem", Some(dem)), ("--in", Some(&args.input))])?;
    output::require_distinct(&[
        ("--out", Some(&args.out)),
        ("--obs-out", args.obs_out.as_deref()),
        ("--log-odds-out", args.log_odds_out.as_deref()),
        ("--stats", args.stats.as_deref()),
    ])?;
    let threads = thread_count(args.threads)?;
    let model = input::model(dem)?;
    let options = DecoderOptions { isa: args.isa, ..DecoderOptions::default() };
    let factory =
        DecoderFactory::new(&model, Some(dem), options, args.graph)?.predecoded(Some(predecoding), None);
    let workers = workers(&factory, args, threads)?;
    let mut stats = Output::create_optional(args.stats.as_deref())?;
    let mut report = report(&factory, &workers);

    let layout = input::layout(&model, args.in_includes_appended_observables);
    let in_format = ShotFormat::new("--in-format", args.in_format, &args.input, Format::B8);
    let out_format = ShotFormat::new("--out-format", args.out_format, &args.out, Format::B8);
    let mut batches = Batches::new(input::shots(&args.input, in_format, layout)?, Truth::Unknown);
    let mut left = Output::shots(&args.out, out_format.format, Layout::detectors(layout.detectors))?;
    let observables = Layout::observables(factory.graph().observable_count() as usize);
    let flips = args.obs_out.as_deref().map(|path| {
        let format = ShotFormat::new("--obs-out-format", args.obs_out_format, path, Format::Text01);
        Output::shots(path, format.format, observables)
    });
    let mut flips = flips.transpose()?;
    let mut log_odds = Output::create_optional(args.log_odds_out.as_deref())?;
    let clock = Instant::now();
    run_ordered(workers, Box::new(move || batches.next()), &mut |done: Predecoded| {
        left.write(&done.left)?;
        if let Some(flips) = &mut flips {
            flips.write(&done.flips)?;
        }
        if let Some(log_odds) = &mut log_odds {
            log_odds.put(done.log_odds.as_bytes())?;
        }
        report.totals.add(done.totals);
        Ok(ControlFlow::Continue(()))
    })?;
    let left = left.finish()?;
    let flips = flips.map(ShotWriter::finish).transpose()?;
    report.seconds = clock.elapsed().as_secs_f64();
    report.shots_per_second = report.totals.shots as f64 / report.seconds.max(f64::MIN_POSITIVE);
    if let Some(stats) = &mut stats {
        stats.put(output::json(&report).as_bytes())?;
    }
    output::commit([Some(left), flips, log_odds, stats].into_iter().flatten())
}

fn workers(factory: &DecoderFactory<'_>, args: &PredecodeArgs, threads: usize) -> Result<Vec<StreamWorker>> {
    let mut workers = Vec::with_capacity(threads);
    // The factory has a pre-decoder.
    for predecoder in (0..threads).filter_map(|_| factory.predecoder().transpose()) {
        let name = input::name(&args.input).to_owned();
        workers.push(StreamWorker { predecoder: predecoder?, log_odds: args.log_odds_out.is_some(), name });
    }
    Ok(workers)
}

fn report(factory: &DecoderFactory<'_>, workers: &[StreamWorker]) -> Stats {
    // There is a worker for each of at least one thread.
    let predecoder = &workers[0].predecoder;
    let Reach { x, y, rounds } = predecoder.reach();
    Stats {
        predecoder: predecoder.name().to_owned(),
        isa: factory.isa().name(),
        threads: workers.len(),
        totals: Totals::default(),
        seconds: 0.0,
        shots_per_second: 0.0,
        other_edges_offset: factory.graph().natural(predecoder.weight_offset(PredecoderUse::Soft).into()),
        reach: [x, y, rounds],
        heap_bytes_per_thread: predecoder.heap_bytes(),
    }
}

impl Totals {
    fn add(&mut self, other: Self) {
        self.shots += other.shots;
        self.detection_events += other.detection_events;
        self.events_left += other.events_left;
        self.shots_cleared += other.shots_cleared;
        self.edges_named += other.edges_named;
    }
}

struct StreamWorker {
    predecoder: Predecoder,
    log_odds: bool,
    name: PathBuf,
}

/// What became of one batch.
struct Predecoded {
    left: Shots,
    flips: Shots,
    log_odds: String,
    totals: Totals,
}

impl Worker for StreamWorker {
    type Job = Batch;
    type Answer = Predecoded;

    fn run(&mut self, batch: Batch) -> Result<Predecoded> {
        let graph = Arc::clone(self.predecoder.graph());
        let shots = batch.rows.len();
        let mut done = Predecoded {
            left: Shots::zeroed(graph.node_count() as usize, shots),
            flips: Shots::zeroed(graph.observable_count() as usize, shots),
            log_odds: String::new(),
            totals: Totals { shots: shots as u64, ..Totals::default() },
        };
        let mut events = Vec::new();
        for row in 0..shots {
            let place = |error: outrider::Error| error.with_path(&self.name).with_shot(batch.index(row) + 1);
            events.clear();
            events.extend(events_of(&batch.rows, row, graph.node_count()));
            let residual = self.predecoder.apply(PredecoderUse::Hard, &events).map_err(place)?;
            done.totals.detection_events += events.len() as u64;
            done.totals.events_left += residual.events.len() as u64;
            done.totals.shots_cleared += u64::from(residual.events.is_empty());
            let left = done.left.row_mut(row);
            for &event in residual.events {
                left[event as usize / 8] |= 1 << (event % 8);
            }
            done.flips.row_mut(row).copy_from_slice(residual.observables);
            if self.log_odds {
                let overrides = self.predecoder.apply(PredecoderUse::Soft, &events).map_err(place)?.overrides;
                done.totals.edges_named += overrides.len() as u64;
                push_log_odds(&mut done.log_odds, &graph, overrides)?;
            }
        }
        Ok(done)
    }
}

/// Appends one line of log-odds, by index of the edge.
fn push_log_odds(text: &mut String, graph: &MatchingGraph, overrides: &[Override]) -> Result<()> {
    let mut overrides = overrides.to_vec();
    overrides.sort_unstable_by_key(|entry| entry.edge);
    for (index, entry) in overrides.iter().enumerate() {
        if index > 0 {
            text.push(' ');
        }
        push_edge(text, graph, entry.edge)?;
        text.push(':');
        text.push_str(&general(graph.natural(entry.weight.into()), WEIGHT_DIGITS));
    }
    text.push('\n');
    Ok(())
}
