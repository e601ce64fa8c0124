//! `outrider decode`: shots in, predicted observables out.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Instant;

use clap::Args;
use outrider::{DecoderKind, DecoderOptions, Format, Isa, Layout};
use outrider_options::WindowArgs;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::decoding::decode_shots::{Extras, decode_all};
use crate::decoding::decoder_factory::DecoderFactory;
use crate::decoding::predecoder_factory::{PredecoderArgs, PredecoderFactory};
use crate::decoding::windowed_decoder;
use crate::error::{Error, Result};
use crate::input::{self, Batches, Truth};
use crate::options::values;
use crate::output::{self, Output};
use crate::threads::thread_count;

/// Decode shots: detection events in, predicted observables out
///
/// Shots stream through in constant memory and in order; the output is the same for any number of threads.
/// Files appear under their names only when everything has succeeded.
#[derive(Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct DecodeArgs {
    /// Detector error model
    #[arg(long, value_name = "FILE")]
    dem: PathBuf,
    /// Shots to decode; - is standard input
    #[arg(long = "in", value_name = "FILE", default_value = "-")]
    input: PathBuf,
    /// Format of the shots
    #[arg(long, value_name = "FORMAT", default_value = "b8", value_parser = values::format())]
    in_format: Format,
    /// The shots contain their true observables after the detectors; --stats then counts mistakes
    #[arg(long)]
    in_includes_appended_observables: bool,
    /// File for the predictions; - is standard output
    #[arg(long, value_name = "FILE", default_value = "-")]
    out: PathBuf,
    /// Format of the predictions
    #[arg(long, value_name = "FORMAT", default_value = "01", value_parser = values::format())]
    out_format: Format,
    /// Decoder
    #[arg(long, value_name = "NAME", default_value = "mwpm", value_parser = values::decoder_kind())]
    decoder: DecoderKind,
    #[command(flatten)]
    predecoder: PredecoderArgs,
    #[command(flatten)]
    window: WindowArgs,
    /// Also write each shot's total weight, the sum of ln((1-p)/p) over its edges: one line per shot, 17
    /// digits
    #[arg(long, value_name = "FILE")]
    weights_out: Option<PathBuf>,
    /// Also write each shot's edges: one line per shot, such as `D3-D7 D9-B` (B is the boundary)
    #[arg(long, value_name = "FILE")]
    edges_out: Option<PathBuf>,
    /// Also write the complementary gap of each prediction: the least weight with the other observable minus that with
    /// the predicted one; one line per shot, 17 digits. Computed by exact matching, after the pre-decoder if there is
    /// one; negative where another decoder predicts the heavier class. For models with one observable on a patch
    #[arg(long, value_name = "FILE")]
    gap_out: Option<PathBuf>,
    /// Write larger gaps as this one (nats). The search ends there: a limit of 6 makes it several times faster
    #[arg(long, value_name = "NATS", requires = "gap_out", value_parser = values::positive)]
    gap_limit: Option<f64>,
    /// Threads to decode on [default: all cores]
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,
    /// Also write counts and times as JSON
    #[arg(long, value_name = "FILE")]
    stats: Option<PathBuf>,
    /// Instruction set
    #[arg(long, value_name = "NAME", default_value = "auto", value_parser = values::isa())]
    isa: Isa,
    /// Prove for every shot that no other matching weighs less (mwpm; for mwpm-correlated, its second pass)
    #[arg(long)]
    certify: bool,
    /// Skip and count error components with three or more detectors instead of refusing the model
    #[arg(long)]
    ignore_undecomposable: bool,
}

const AFTER_HELP: &str = "\
Examples:
  outrider decode --dem model.dem --in dets.b8 --out predictions.01
  stim detect --in circuit.stim --shots 1000 --out_format b8 | outrider decode --dem model.dem > guesses.01
  outrider decode --dem model.dem --in dets.b8 --decoder mwpm-correlated --stats stats.json --out /dev/null
  outrider decode --dem model.dem --in dets.b8 --predecoder rule:min-sum --stats stats.json --out /dev/null
  outrider decode --dem model.dem --in dets.b8 --window parallel --commit 5 --spacing 5 --buffer 5 > guesses.01";

/// The object that `--stats` writes.
#[derive(Serialize)]
struct Stats<'a> {
    decoder: &'a str,
    predecoder: Option<String>,
    predecoder_use: Option<&'a str>,
    /// How histories are cut, if they are, with the keys of the metadata of `ler`.
    window: Option<Map<String, Value>>,
    isa: &'a str,
    threads: usize,
    shots: u64,
    detection_events: u64,
    /// Detection events left to match after pre-decoding; in windows, those that any window had to match.
    events_left: u64,
    /// Shots with a wrong observable, if the shots contain the true ones.
    mistakes: Option<u64>,
    /// Wall-clock time from the first byte read to the last one written.
    seconds: f64,
    shots_per_second: f64,
    /// Building the graph, not part of `seconds`.
    setup_seconds: f64,
    detectors: u32,
    observables: u32,
    edges: u32,
    ignored_components: u64,
    undetectable_components: u64,
    certified: bool,
}

/// Runs the subcommand.
pub(crate) fn run(args: &DecodeArgs) -> Result<()> {
    input::require_one_stdin(&[("--dem", Some(&args.dem)), ("--in", Some(&args.input))])?;
    output::require_distinct(&[
        ("--out", Some(&args.out)),
        ("--weights-out", args.weights_out.as_deref()),
        ("--edges-out", args.edges_out.as_deref()),
        ("--gap-out", args.gap_out.as_deref()),
        ("--stats", args.stats.as_deref()),
    ])?;
    let threads = thread_count(args.threads)?;
    let setup = Instant::now();
    let model = input::model(&args.dem)?;
    let options = DecoderOptions {
        kind: args.decoder,
        isa: args.isa,
        certify: args.certify,
        ..DecoderOptions::default()
    };
    let predecoding = PredecoderFactory::of(&args.predecoder)?;
    if args.edges_out.is_some() && predecoding.as_ref().is_some_and(|predecoding| !predecoding.has_edges()) {
        return Err(Error::Usage("--edges-out: a dense network used hard gives no edges".to_owned()));
    }
    let windowing = args.window.at(None)?;
    if windowing.is_some() && (args.weights_out.is_some() || args.gap_out.is_some()) {
        return Err(Error::Usage(
            "--weights-out and --gap-out are for whole histories, not for windows".to_owned(),
        ));
    }
    let factory = DecoderFactory::new(&model, Some(&args.dem), options, args.ignore_undecomposable)?
        .predecoded(predecoding.as_ref(), None)
        .windowed(windowing.as_ref())?;
    if args.gap_out.is_some() {
        factory.require_gap()?;
    }
    let layout = input::layout(&model, args.in_includes_appended_observables);
    let shots = input::shots(&args.input, args.in_format, layout)?;
    let truth = if args.in_includes_appended_observables { Truth::Appended } else { Truth::Unknown };

    let observables = Layout::observables(factory.graph().observable_count() as usize);
    let mut predictions = Output::shots(&args.out, args.out_format, observables)?;
    let mut weights = Output::create_optional(args.weights_out.as_deref())?;
    let mut edges = Output::create_optional(args.edges_out.as_deref())?;
    let mut gaps = Output::create_optional(args.gap_out.as_deref())?;
    let mut stats = Output::create_optional(args.stats.as_deref())?;
    let setup_seconds = setup.elapsed().as_secs_f64();

    let clock = Instant::now();
    let extras = Extras {
        weights: weights.is_some(),
        edges: edges.is_some(),
        gaps: gaps.is_some(),
        gap_limit: args.gap_limit,
    };
    let batches = Batches::new(shots, truth);
    let totals = decode_all(&factory, threads, extras, batches, input::name(&args.input), &mut |decoded| {
        predictions.write(&decoded.predictions)?;
        if let Some(weights) = &mut weights {
            weights.put(decoded.weights.as_bytes())?;
        }
        if let Some(edges) = &mut edges {
            edges.put(decoded.edges.as_bytes())?;
        }
        if let Some(gaps) = &mut gaps {
            gaps.put(decoded.gaps.as_bytes())?;
        }
        Ok(())
    })?;
    let predictions = predictions.finish()?;
    let seconds = clock.elapsed().as_secs_f64();

    if let Some(stats) = &mut stats {
        let graph = factory.graph();
        let report = Stats {
            decoder: factory.kind().name(),
            predecoder: predecoding.as_ref().map(ToString::to_string),
            predecoder_use: predecoding.as_ref().map(|predecoding| predecoding.usage().name()),
            window: windowing
                .as_ref()
                .map(|windowing| windowed_decoder::metadata(windowing).into_iter().collect()),
            isa: factory.isa().name(),
            threads,
            shots: totals.shots,
            detection_events: totals.events,
            events_left: totals.events_left,
            mistakes: args.in_includes_appended_observables.then_some(totals.mistakes),
            seconds,
            shots_per_second: totals.shots as f64 / seconds.max(f64::MIN_POSITIVE),
            setup_seconds,
            detectors: graph.node_count(),
            observables: graph.observable_count(),
            edges: graph.edge_count(),
            ignored_components: graph.ignored_count(),
            undetectable_components: graph.undetectable_count(),
            certified: args.certify,
        };
        stats.put(output::json(&report).as_bytes())?;
    }
    output::commit([Some(predictions), weights, edges, gaps, stats].into_iter().flatten())
}
