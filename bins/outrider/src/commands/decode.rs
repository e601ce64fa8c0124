//! `outrider decode`: shots in, predicted observables out.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Instant;

use clap::Args;
use outrider::{DecoderOptions, DetectorErrorModel, Format, Isa, Layout, ShotWriter};
use outrider_options::{WindowArgs, Windowing};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::decoding::decode_shots::{Decoded, Extras, Levels, Totals, decode_all};
use crate::decoding::decoder_factory::DecoderFactory;
use crate::decoding::predecoder_factory::{PredecoderArgs, PredecoderFactory};
use crate::decoding::windowed_decoder;
use crate::error::{Error, Result};
use crate::formats::edge_lines::ShotWeightArgs;
use crate::input::{self, Batches, ShotFormat, Truth};
use crate::options::decoder::{DecoderChoice, Wanted, decoder};
use crate::options::graph::GraphArgs;
use crate::options::sums::SumArgs;
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
    /// Format of the shots [default: by the suffix of --in, or else b8]
    #[arg(long, value_name = "FORMAT", value_parser = values::format())]
    in_format: Option<Format>,
    /// The shots contain their true observables after the detectors; --stats then counts mistakes
    #[arg(long)]
    in_includes_appended_observables: bool,
    /// File for the predictions; - is standard output
    #[arg(long, value_name = "FILE", default_value = "-")]
    out: PathBuf,
    /// Format of the predictions [default: by the suffix of --out, or else 01]
    #[arg(long, value_name = "FORMAT", value_parser = values::format())]
    out_format: Option<Format>,
    /// Decoder; likelihood sums over likely errors where matching is unsure; trellis sums over all errors of the model,
    /// decomposed or not, which takes much longer
    #[arg(long, value_name = "NAME", default_value = "mwpm", value_parser = decoder())]
    decoder: DecoderChoice,
    #[command(flatten)]
    predecoder: PredecoderArgs,
    #[command(flatten)]
    sums: SumArgs,
    #[command(flatten)]
    shot_weights: ShotWeightArgs,
    #[command(flatten)]
    window: WindowArgs,
    /// Also write each shot's total weight, the sum of ln((1-p)/p) over its edges: one line per shot, 17
    /// digits
    #[arg(long, value_name = "FILE")]
    weights_out: Option<PathBuf>,
    /// Also write each shot's edges: one line per shot, such as `D3-D7 D9-B` (B is the boundary)
    #[arg(long, value_name = "FILE")]
    edges_out: Option<PathBuf>,
    /// Also write the complementary gap of each prediction: the least weight with the observable flipped from what is
    /// predicted minus that with what is predicted; one line per shot, a number of 17 digits for each observable.
    /// Computed by exact matching, after the pre-decoder if there is one; negative where another decoder predicts the
    /// heavier class. For observables on patches, not where a closed loop of errors flips them. With likelihood and
    /// trellis, ln(P(prediction right) / P(wrong)) of each observable; trellis gives it for any model
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
    #[command(flatten)]
    graph: GraphArgs,
}

const AFTER_HELP: &str = "\
Examples:
  outrider decode --dem model.dem --in dets.b8 --out predictions.01
  stim detect --in circuit.stim --shots 1000 --out_format b8 | outrider decode --dem model.dem > guesses.01
  outrider decode --dem model.dem --in dets.b8 --decoder mwpm-correlated --stats stats.json --out /dev/null
  outrider decode --dem model.dem --in dets.b8 --predecoder rule:min-sum --stats stats.json --out /dev/null
  outrider decode --dem model.dem --in dets.b8 --decoder likelihood --gap-out ratios.txt > guesses.01
  outrider decode --dem model.dem --in dets.b8 --erasures-in erased.txt > guesses.01
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
    /// The same of each observable.
    mistakes_per_observable: Option<&'a [u64]>,
    /// As many mistakes as the sum over all errors expects by the model.
    expected_mistakes: Option<f64>,
    /// Shots by the level of likelihood that decided them.
    levels: Option<Levels>,
    /// Wall-clock time from the first byte read to the last one written.
    seconds: f64,
    shots_per_second: f64,
    /// Building the graph, not part of `seconds`.
    setup_seconds: f64,
    detectors: u32,
    observables: u32,
    edges: u32,
    conflicting_edges: u64,
    ignored_components: u64,
    undetectable_components: u64,
    certified: bool,
}

/// Runs the subcommand.
pub(crate) fn run(args: &DecodeArgs) -> Result<()> {
    args.require_apart()?;
    let threads = thread_count(args.threads)?;
    let setup = Instant::now();
    let model = input::model(&args.dem)?;
    let predecoding = PredecoderFactory::of(&args.predecoder)?;
    args.require_edges(predecoding.as_ref())?;
    let windowing = args.window.at(None)?;
    args.require_whole(windowing.as_ref())?;
    args.require_taken(predecoding.as_ref(), windowing.is_some())?;
    let factory = args.factory(&model, predecoding.as_ref(), windowing.as_ref())?;
    let layout = input::layout(&model, args.in_includes_appended_observables);
    let format = ShotFormat::new("--in-format", args.in_format, &args.input, Format::B8);
    let shots = input::shots(&args.input, format, layout)?;
    let truth = if args.in_includes_appended_observables { Truth::Appended } else { Truth::Unknown };
    let weights = args.shot_weights.open(factory.graph())?;
    let mut outputs = Outputs::create(args, &factory)?;
    let setup_seconds = setup.elapsed().as_secs_f64();

    let clock = Instant::now();
    let extras = outputs.extras(args.gap_limit);
    let batches = Batches::new(shots, truth);
    let name = input::name(&args.input);
    let totals =
        decode_all(&factory, threads, extras, batches, weights, name, &mut |decoded| outputs.put(&decoded))?;
    let Outputs { predictions, weights, edges, gaps, mut stats } = outputs;
    let predictions = predictions.finish()?;
    let seconds = clock.elapsed().as_secs_f64();

    if let Some(stats) = &mut stats {
        let run = Run { threads, totals, setup_seconds, seconds };
        stats.put(output::json(&args.stats(&factory, windowing.as_ref(), &run)).as_bytes())?;
    }
    output::commit([Some(predictions), weights, edges, gaps, stats].into_iter().flatten())
}

impl DecodeArgs {
    /// Refuses two inputs, or two outputs, that are one.
    fn require_apart(&self) -> Result<()> {
        input::require_one_stdin(&[
            ("--dem", Some(&self.dem)),
            ("--in", Some(&self.input)),
            ("--weights-in", self.shot_weights.weights_in.as_deref()),
            ("--erasures-in", self.shot_weights.erasures_in.as_deref()),
        ])?;
        output::require_distinct(&[
            ("--out", Some(&self.out)),
            ("--weights-out", self.weights_out.as_deref()),
            ("--edges-out", self.edges_out.as_deref()),
            ("--gap-out", self.gap_out.as_deref()),
            ("--stats", self.stats.as_deref()),
        ])
    }

    /// Refuses to write edges that a pre-decoder does not give.
    fn require_edges(&self, predecoding: Option<&PredecoderFactory>) -> Result<()> {
        if self.edges_out.is_some() && predecoding.is_some_and(|predecoding| !predecoding.has_edges()) {
            return Err(Error::Usage("--edges-out: a dense network used hard gives no edges".to_owned()));
        }
        Ok(())
    }

    /// Refuses to write what windows do not give.
    fn require_whole(&self, windowing: Option<&Windowing>) -> Result<()> {
        if windowing.is_some() && (self.weights_out.is_some() || self.gap_out.is_some()) {
            return Err(Error::Usage(
                "--weights-out and --gap-out are for whole histories, not for windows".to_owned(),
            ));
        }
        if windowing.is_some() && self.shot_weights.are_given() {
            return Err(Error::Usage(
                "--weights-in and --erasures-in are for whole histories, not for windows".to_owned(),
            ));
        }
        Ok(())
    }

    /// Refuses what the decoder has no use for, or does not give.
    fn require_taken(&self, predecoding: Option<&PredecoderFactory>, windows: bool) -> Result<()> {
        let predecoder_use = predecoding.map(PredecoderFactory::usage);
        let shot_weights = self.shot_weights.are_given();
        self.decoder.require(Wanted { predecoder_use, windows, shot_weights })?;
        self.sums.require_taken(&[self.decoder])?;
        self.decoder.refuse(&[
            ("--weights-out", self.weights_out.is_some()),
            ("--edges-out", self.edges_out.is_some() && self.decoder == DecoderChoice::Trellis),
            ("--certify", self.certify),
        ])
    }

    fn factory<'a>(
        &'a self,
        model: &'a DetectorErrorModel,
        predecoding: Option<&'a PredecoderFactory>,
        windowing: Option<&Windowing>,
    ) -> Result<DecoderFactory<'a>> {
        let options = DecoderOptions { isa: self.isa, certify: self.certify, ..DecoderOptions::default() };
        let factory = DecoderFactory::of(self.decoder, model, Some(&self.dem), options, self.graph)?
            .summed(self.sums)
            .predecoded(predecoding, None)
            .windowed(windowing, self.window.time())?;
        if self.gap_out.is_some() && !self.decoder.is_sum() {
            factory.require_gaps()?;
        }
        Ok(factory)
    }

    fn stats<'a>(
        &self,
        factory: &'a DecoderFactory<'_>,
        windowing: Option<&Windowing>,
        run: &'a Run,
    ) -> Stats<'a> {
        let &Run { threads, ref totals, setup_seconds, seconds } = run;
        let (graph, predecoding) = (factory.graph(), factory.predecoding());
        Stats {
            decoder: factory.choice().name(),
            predecoder: predecoding.map(ToString::to_string),
            predecoder_use: predecoding.map(|predecoding| predecoding.usage().name()),
            window: windowing.map(|windowing| {
                let time = windowed_decoder::time_metadata(self.window.time());
                windowed_decoder::metadata(windowing).into_iter().chain(time).collect()
            }),
            isa: factory.isa().name(),
            threads,
            shots: totals.shots,
            detection_events: totals.events,
            events_left: totals.events_left,
            mistakes: self.in_includes_appended_observables.then_some(totals.mistakes),
            mistakes_per_observable: self
                .in_includes_appended_observables
                .then_some(&totals.mistakes_per_observable),
            expected_mistakes: (self.decoder == DecoderChoice::Trellis).then_some(totals.expected_mistakes),
            levels: (self.decoder == DecoderChoice::Likelihood).then_some(totals.levels),
            seconds,
            shots_per_second: totals.shots as f64 / seconds.max(f64::MIN_POSITIVE),
            setup_seconds,
            detectors: graph.node_count(),
            observables: graph.observable_count(),
            edges: graph.edge_count(),
            conflicting_edges: graph.conflict_count(),
            ignored_components: graph.ignored_count(),
            undetectable_components: graph.undetectable_count(),
            certified: self.certify,
        }
    }
}

/// What was done, and how long it took.
struct Run {
    threads: usize,
    totals: Totals,
    setup_seconds: f64,
    seconds: f64,
}

/// The files that are written.
struct Outputs {
    predictions: ShotWriter<Output>,
    weights: Option<Output>,
    edges: Option<Output>,
    gaps: Option<Output>,
    stats: Option<Output>,
}

impl Outputs {
    fn create(args: &DecodeArgs, factory: &DecoderFactory<'_>) -> Result<Self> {
        let observables = Layout::observables(factory.graph().observable_count() as usize);
        let format = ShotFormat::new("--out-format", args.out_format, &args.out, Format::Text01);
        Ok(Self {
            predictions: Output::shots(&args.out, format.format, observables)?,
            weights: Output::create_optional(args.weights_out.as_deref())?,
            edges: Output::create_optional(args.edges_out.as_deref())?,
            gaps: Output::create_optional(args.gap_out.as_deref())?,
            stats: Output::create_optional(args.stats.as_deref())?,
        })
    }

    fn extras(&self, gap_limit: Option<f64>) -> Extras {
        Extras {
            weights: self.weights.is_some(),
            edges: self.edges.is_some(),
            gaps: self.gaps.is_some(),
            gap_limit,
        }
    }

    fn put(&mut self, decoded: &Decoded) -> Result<()> {
        self.predictions.write(&decoded.predictions)?;
        for (output, text) in [
            (&mut self.weights, &decoded.weights),
            (&mut self.edges, &decoded.edges),
            (&mut self.gaps, &decoded.gaps),
        ] {
            if let Some(output) = output {
                output.put(text.as_bytes())?;
            }
        }
        Ok(())
    }
}
