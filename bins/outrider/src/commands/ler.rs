//! `outrider ler`: logical error rates by sampling, as rows that sinter reads.

use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use clap::Args;
use outrider::{
    Basis, Circuit, CircuitFamily, DecoderOptions, DetectorErrorModel, Isa, Orientation, SurfaceCode,
};
use outrider_options::option_values::PredecoderChoice;
use outrider_options::{WindowArgs, Windowing};
use serde_json::Value;

use crate::decoding::campaign::{Plan, Tally, count_errors};
use crate::decoding::decoder_factory::{DecoderFactory, name};
use crate::decoding::predecoder_factory::{PredecoderFactory, UseArgs};
use crate::decoding::windowed_decoder;
use crate::error::{Error, Result};
use crate::formats::edge_lines::ShotWeightArgs;
use crate::formats::sinter;
use crate::formats::statistics_file::StatisticsFile;
use crate::formats::stim_text;
use crate::input;
use crate::options::decoder::{DecoderChoice, Wanted, decoder};
use crate::options::graph::GraphArgs;
use crate::options::postselect::{PostselectArgs, Postselection};
use crate::options::sums::SumArgs;
use crate::options::surface::flat_model;
use crate::options::values::{self, Rounds};
use crate::output::{self, print};
use crate::report::progress;
use crate::report::statistics::{
    Counts, ErrorCombos, Metadata, Pairs, SeedShots, StageTotals, Task, TaskName,
};
use crate::report::wilson::wilson;
use crate::threads::thread_count;

/// Bytes of a circuit file accepted.
const CIRCUIT_BYTES_MAX: u64 = 1 << 30;

/// How often a running task puts a row into the statistics file.
const CHECKPOINT_INTERVAL: Duration = Duration::from_secs(30);

/// Measure logical error rates by sampling and decoding
///
/// Takes a model (--dem), a circuit with its model (--stim and --dem), or a grid of surface-code memories
/// (--distance and --p). Shots are keyed by --seed and counted in blocks of 1024, so the counts are the
/// same for any number of threads. With --out, rows in sinter's CSV are appended, for `sinter combine` and
/// `sinter plot`. Run the same command again, or with larger limits, and it continues where the file ends.
#[derive(Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct LerArgs {
    /// Detector error model to sample and decode
    #[arg(long, value_name = "FILE", required_unless_present = "distance", conflicts_with = "distance")]
    dem: Option<PathBuf>,
    /// The circuit of --dem; with it, rows have sinter's strong id
    #[arg(long, value_name = "FILE", requires = "dem")]
    stim: Option<PathBuf>,
    /// Distances of the grid
    #[arg(long, value_name = "D,..", value_delimiter = ',', requires = "p")]
    distance: Vec<u32>,
    /// Noise strengths of the grid
    #[arg(
        long,
        value_name = "P,..",
        value_delimiter = ',',
        requires = "distance",
        value_parser = values::probability,
    )]
    p: Vec<f64>,
    /// Bases of the grid
    #[arg(
        long,
        value_name = "BASIS,..",
        value_delimiter = ',',
        default_value = "z",
        value_parser = values::basis(),
    )]
    basis: Vec<Basis>,
    /// Rounds of the grid, or d for as many as the distance
    #[arg(long, value_name = "N|d", default_value = "d")]
    rounds: Rounds,
    /// Circuit of the grid
    #[arg(long, value_name = "NAME", default_value = "stim", value_parser = values::circuit_family())]
    circuit: CircuitFamily,
    /// Orientation of the paper's circuits
    #[arg(long, value_name = "O", default_value = "O1", value_parser = values::orientation())]
    orientation: Orientation,
    /// Decoders; likelihood sums over likely errors where matching is unsure; trellis sums over all errors of the model,
    /// decomposed or not, which takes much longer
    #[arg(
        long,
        value_name = "NAME,..",
        value_delimiter = ',',
        default_value = "mwpm",
        value_parser = decoder(),
    )]
    decoder: Vec<DecoderChoice>,
    /// Pre-decoder: none, rule:NAME with clique, smith or min-sum, or a network's .safetensors file. May be repeated;
    /// every decoder is measured with every pre-decoder
    #[arg(long, value_name = "none|rule:NAME|FILE", default_value = "none")]
    predecoder: Vec<PredecoderChoice>,
    #[command(flatten)]
    sums: SumArgs,
    #[command(flatten)]
    usage: UseArgs,
    #[command(flatten)]
    shot_weights: ShotWeightArgs,
    #[command(flatten)]
    postselect: PostselectArgs,
    /// Count errors per observable: custom_counts then has sinter's `obs_mistake_mask=E_E__` for each combination of
    /// wrong observables, and the table a line for each observable
    #[arg(long)]
    count_observable_error_combos: bool,
    #[command(flatten)]
    window: WindowArgs,
    /// With --window: also decode every shot whole, and count the shots that fail only in windows or only whole
    #[arg(long)]
    paired: bool,
    /// Stop a task after this many shots
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    max_shots: u64,
    /// Stop a task at the block of 1024 shots in which it reaches this many errors
    #[arg(long, value_name = "N", default_value_t = 1000)]
    max_errors: u64,
    /// Key of the random numbers
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Statistics file to append to and to resume from
    #[arg(long, value_name = "FILE.csv")]
    out: Option<PathBuf>,
    /// Threads [default: all cores]
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,
    /// Instruction set
    #[arg(long, value_name = "NAME", default_value = "auto", value_parser = values::isa())]
    isa: Isa,
    #[command(flatten)]
    graph: GraphArgs,
}

const AFTER_HELP: &str = "\
Intervals are Wilson score intervals at 95 %. `seconds` in a row, like us/shot in the table, are core time \
of sampling and decoding together. A task appends a row every 30 seconds and at its end, also when SIGINT or SIGTERM \
ends it; the file is locked meanwhile, and other campaigns that measure into it wait. custom_counts has the number of \
a row's shots of the seed, and the sum of their numbers, so that shots counted twice are found. Shots of rows that \
name no seed are taken for the seed's first ones, and not measured again. Rows that sinter has measured by the Python \
package's outrider-DECODER are rows of DECODER, and go on under the name that the file has.

After a pre-decoder a row's decoder is called PREDECODER+DECODER (PREDECODER-hard+DECODER for hard use). Its \
json_metadata has the pre-decoder as `pre`, the start of a network file's SHA-256 as `net`, the use as `use`, and \
thresholds, if given, as `commit_p` (--fix-probability), `data_t` and `syndrome_t`. Its custom_counts add up `events` \
and `events_left` (detection events before and after it), `predecode_ns` and `decode_ns` (core time in it, and in the \
decoder after it). The table has the mean events per shot, and the pre-decoder's share of the time of both. \
likelihood calls its pre-decoder itself, and its rows have none of these counts.

In windows a row's decoder is called DECODER@LAYOUT, or DECODER@LAYOUT-bBUFFER if the buffer is shorter than the \
distance or the distance is unknown. Its json_metadata has `win`, `commit`, `gap` (--spacing), `buffer` and, with \
rows, `row_width`, `row_axis` and `row_pitch`. --paired adds the custom_counts `paired_shots`, `only_windows` and \
`only_whole`; its decoding of whole histories is not part of the time.

Examples:
  outrider ler --distance 3,5,7 --p 0.003,0.006 --basis x,z --decoder mwpm,mwpm-correlated --out ler.csv
  outrider ler --stim d=5,r=5,p=0.01.stim --dem model.dem --max-shots 10000000 --max-errors 500 --out ler.csv
  outrider ler --distance 5,7 --p 0.005 --predecoder none --predecoder rule:min-sum --out ler.csv
  outrider ler --distance 5,7 --p 0.006 --decoder mwpm-correlated,likelihood --predecoder event-stim.safetensors
  outrider ler --distance 5,7 --p 0.003 --rounds 50 --window parallel --paired
  sinter plot --in ler.csv --x_func m.p --group_func \"f'd={m.d} {decoder}'\" --xaxis '[log]p' --out ler.png";

/// One circuit or model to measure.
struct Point {
    /// Where the model came from, for errors.
    path: Option<PathBuf>,
    model: DetectorErrorModel,
    /// The memory that it is the model of, if it was generated.
    surface: Option<SurfaceCode>,
    /// How its history is cut.
    windowing: Option<Windowing>,
    /// As Stim prints it.
    circuit: Option<String>,
    metadata: Metadata,
    postselection: Postselection,
}

/// Runs the subcommand.
pub(crate) fn run(args: &LerArgs) -> Result<()> {
    output::require_stdout()?;
    let threads = thread_count(args.threads)?;
    args.usage.settings.require_dem(args.dem.as_deref())?;
    args.usage.require_predecoder(&args.predecoder)?;
    let predecoding = |choice| PredecoderFactory::new(choice, &args.usage);
    let predecoders: Vec<Option<_>> = args.predecoder.iter().map(predecoding).collect::<Result<_>>()?;
    args.usage.settings.require_dense(predecoders.iter().flatten())?;
    let windowings: Vec<Option<_>> = if args.dem.is_some() {
        vec![args.window.at(None)?]
    } else {
        args.distance
            .iter()
            .map(|&distance| args.window.at(Some(distance)))
            .collect::<std::result::Result<_, _>>()?
    };
    if args.paired && windowings.iter().all(Option::is_none) {
        return Err(Error::Usage("--paired needs --window".to_owned()));
    }
    args.require_whole(&windowings)?;
    let wanted = Wanted {
        predecoder_use: predecoders.iter().flatten().map(PredecoderFactory::usage).next(),
        windows: windowings.iter().any(Option::is_some),
        shot_weights: args.shot_weights.are_given(),
    };
    args.decoder.iter().try_for_each(|decoder| decoder.require(wanted))?;
    args.sums.require_taken(&args.decoder)?;
    let table = Table::new(args, &predecoders, &windowings);
    let file = args.out.as_deref().map(Statistics::open).transpose()?;
    let mut campaign = Campaign { args, threads, predecoders, table, file };
    campaign.table.print_header()?;
    if let Some(dem) = &args.dem {
        return campaign.measure(&file_point(args, dem)?);
    }
    for &basis in &args.basis {
        for &distance in &args.distance {
            for &p in &args.p {
                campaign.measure(&grid_point(args, basis, distance, p)?)?;
            }
        }
    }
    Ok(())
}

fn file_point(args: &LerArgs, dem: &Path) -> Result<Point> {
    let stim = args.stim.as_deref();
    let model = input::model(dem)?;
    let circuit = match stim {
        Some(path) => Some(circuit_of(path, dem, &model)?),
        None => None,
    };
    let path = stim.unwrap_or(dem);
    let mut metadata = sinter::metadata_of_name(path)
        .unwrap_or_else(|| vec![("path".to_owned(), Value::from(path.to_string_lossy()))]);
    metadata.extend(windowed_decoder::time_metadata(args.window.time()));
    let windowing = args.window.at(None)?;
    metadata.extend(weights_metadata(args)?);
    let postselection = args.postselect.at(&model)?;
    Ok(Point {
        path: Some(dem.to_owned()),
        model,
        surface: None,
        windowing,
        circuit,
        metadata,
        postselection,
    })
}

impl LerArgs {
    /// Refuses weights of shots where there is no one model, or no way to give them.
    fn require_whole(&self, windowings: &[Option<Windowing>]) -> Result<()> {
        if !self.shot_weights.are_given() {
            return Ok(());
        }
        let fault = if self.dem.is_none() {
            "need --dem: their edges are those of one model"
        } else if windowings.iter().any(Option::is_some) {
            "are for whole histories, not for windows"
        } else if [&self.shot_weights.weights_in, &self.shot_weights.erasures_in]
            .into_iter()
            .flatten()
            .any(|path| path == Path::new("-"))
        {
            "are files here: every decoder reads them anew"
        } else {
            return Ok(());
        };
        Err(Error::Usage(format!("--weights-in and --erasures-in {fault}")))
    }
}

/// What weights of shots add to a row's metadata: the start of each file's SHA-256.
fn weights_metadata(args: &LerArgs) -> Result<Metadata> {
    let files = [("weights", &args.shot_weights.weights_in), ("erasures", &args.shot_weights.erasures_in)];
    let given = files.into_iter().filter_map(|(key, path)| path.as_deref().map(|path| (key, path)));
    given.map(|(key, path)| Ok((key.to_owned(), Value::from(sinter::file_digest(path)?)))).collect()
}

/// The text of a circuit, whose counts must be those of the model.
fn circuit_of(path: &Path, dem: &Path, model: &DetectorErrorModel) -> Result<String> {
    let circuit = stim_text::circuit(&input::text(path, CIRCUIT_BYTES_MAX)?, path)?;
    let (detectors, observables) = (model.detector_count(), model.observable_count());
    if (circuit.detectors, circuit.observables) != (detectors, observables) {
        let message = format!(
            "the circuit has {} detectors and {} observables, but {} has {detectors} and {observables}",
            circuit.detectors,
            circuit.observables,
            dem.display()
        );
        return Err(Error::input(path.display(), message));
    }
    Ok(circuit.text)
}

fn grid_point(args: &LerArgs, basis: Basis, distance: u32, p: f64) -> Result<Point> {
    let rounds = args.rounds.at(distance);
    let surface = SurfaceCode::memory(distance, rounds)
        .basis(basis)
        .circuit(Circuit::uniform(args.circuit, p))
        .orientation(args.orientation)
        .build()?;
    let mut metadata: Metadata = vec![
        ("b".to_owned(), Value::from(basis.name())),
        ("c".to_owned(), Value::from(args.circuit.name())),
        ("d".to_owned(), Value::from(distance)),
    ];
    if args.circuit != CircuitFamily::Stim {
        metadata.push(("o".to_owned(), Value::from(args.orientation.name())));
    }
    metadata.push(("p".to_owned(), Value::from(p)));
    metadata.push(("r".to_owned(), Value::from(rounds)));
    metadata.extend(windowed_decoder::time_metadata(args.window.time()));
    let circuit = stim_text::circuit(&surface.circuit_text(), Path::new("circuit"))?.text;
    let model = flat_model(&surface)?;
    let windowing = args.window.at(Some(distance))?;
    let postselection = args.postselect.at(&model)?;
    let (surface, circuit) = (Some(surface), Some(circuit));
    Ok(Point { path: None, model, surface, windowing, circuit, metadata, postselection })
}

/// What stays the same from point to point.
struct Campaign<'a> {
    args: &'a LerArgs,
    threads: usize,
    /// `None` stands for decoders on their own.
    predecoders: Vec<Option<PredecoderFactory>>,
    table: Table,
    file: Option<Statistics>,
}

impl Campaign<'_> {
    /// Measures a point with every decoder of the command.
    fn measure(&mut self, point: &Point) -> Result<()> {
        let model = stim_text::model(&point.model);
        for predecoder in 0..self.predecoders.len() {
            for &choice in &self.args.decoder {
                let task = task(point, &model, choice, self.predecoders[predecoder].as_ref(), self.args.sums);
                let counts = self.run_task(point, choice, predecoder, &task)?;
                self.table.print_row(&task, &counts)?;
                if let Some(file) = &self.file {
                    file.require_going_on()?;
                }
            }
        }
        Ok(())
    }

    /// Brings a task to its limits and returns all its counts, those of earlier runs included.
    fn run_task(
        &mut self,
        point: &Point,
        choice: DecoderChoice,
        predecoder: usize,
        task: &Task,
    ) -> Result<Counts> {
        let args = self.args;
        let predecoding = self.predecoders[predecoder].as_ref();
        let (mut counts, name) = match &mut self.file {
            Some(statistics) => statistics.file.counts(task, args.seed)?,
            None => (Counts::default(), &task.name),
        };
        let plan = Plan {
            seed: args.seed,
            isa: args.isa,
            first_shot: counts.seed_shots.next(),
            max_shots: args.max_shots.saturating_sub(counts.shots),
            max_errors: args.max_errors.saturating_sub(counts.errors),
            threads: self.threads,
            paired: args.paired,
            postselection: point.postselection.clone(),
            count_combos: args.count_observable_error_combos,
        };
        if plan.max_shots == 0 || plan.max_errors == 0 {
            return Ok(counts);
        }
        let options = DecoderOptions { isa: args.isa, ..DecoderOptions::default() };
        let factory = DecoderFactory::of(choice, &point.model, point.path.as_deref(), options, args.graph)?
            .summed(args.sums)
            .predecoded(predecoding, point.surface.as_ref())
            .windowed(point.windowing.as_ref(), args.window.time())?;
        let bar = progress::bar(plan.max_shots, "shots").with_prefix(task.name.decoder.clone());
        let statistics = self.file.as_mut();
        let mut rows = Rows {
            statistics,
            args,
            task,
            name,
            pending: Tally::default(),
            next: plan.first_shot,
            written: Instant::now(),
        };
        let mut errors = counts.errors;
        let first_shot = plan.first_shot;
        let weights = args.shot_weights.open(factory.graph())?;
        let total = count_errors(&factory, plan, weights, &mut |tally| {
            errors += tally.errors;
            bar.inc(tally.shots);
            bar.set_message(format!("{errors} errors"));
            rows.add(tally)
        });
        bar.finish_and_clear();
        // What was counted before a failure or a signal is worth keeping.
        rows.write()?;
        let total = total.map_err(|error| error.with_path(point.path.as_deref()))?;
        counts.add(&new_counts(total, first_shot));
        Ok(counts)
    }
}

fn task(
    point: &Point,
    model: &str,
    choice: DecoderChoice,
    predecoding: Option<&PredecoderFactory>,
    sums: SumArgs,
) -> Task {
    let mut metadata = point.metadata.clone();
    metadata.extend(predecoding.map(PredecoderFactory::metadata).into_iter().flatten());
    metadata.extend(point.windowing.as_ref().map(windowed_decoder::metadata).into_iter().flatten());
    metadata.extend(sums.metadata_of(choice));
    let decoder = name(choice, predecoding, point.windowing.as_ref());
    let circuit = point.circuit.as_deref();
    let named = |decoder: String| {
        let strong_id = sinter::strong_id(circuit, &decoder, model, &point.postselection, &metadata);
        TaskName { decoder, strong_id }
    };
    // A name of the plug-in is a decoder on its own: its rows do not have which pre-decoder there was.
    let is_plain = predecoding.is_none() && point.windowing.is_none();
    let plugin_name = is_plain.then(|| named(format!("{}{decoder}", sinter::PLUGIN_PREFIX)));
    let name = named(decoder);
    let observables = u32::try_from(point.model.observable_count()).unwrap_or(u32::MAX);
    Task { name, plugin_name, metadata, observables }
}

/// The statistics file, and whether a signal has come that ends the campaign.
struct Statistics {
    file: StatisticsFile,
    path: PathBuf,
    stop: Arc<AtomicBool>,
}

impl Statistics {
    fn open(path: &Path) -> Result<Self> {
        let stop = output::stop_flag().map_err(|error| Error::machine("signal handler", error))?;
        let file = StatisticsFile::open(path, &|| stop.load(Ordering::Relaxed))?;
        Ok(Self { file, path: path.to_owned(), stop })
    }

    fn require_going_on(&self) -> Result<()> {
        if self.stop.load(Ordering::Relaxed) {
            let message = "ended by a signal; what was measured before is in it";
            return Err(Error::machine(self.path.display(), message));
        }
        Ok(())
    }
}

/// Counts of a task on their way to the statistics file.
struct Rows<'a> {
    statistics: Option<&'a mut Statistics>,
    args: &'a LerArgs,
    task: &'a Task,
    /// What the file calls it.
    name: &'a TaskName,
    pending: Tally,
    /// The number of the first shot of `pending`.
    next: u64,
    written: Instant,
}

impl Rows<'_> {
    /// Takes the counts of a block; whether there are to be more.
    fn add(&mut self, tally: Tally) -> Result<ControlFlow<()>> {
        self.pending.add(&tally);
        if self.written.elapsed() >= CHECKPOINT_INTERVAL {
            self.write()?;
        }
        let stopped = self.statistics.as_ref().is_some_and(|all| all.stop.load(Ordering::Relaxed));
        Ok(if stopped { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    }

    fn write(&mut self) -> Result<()> {
        let counts = new_counts(std::mem::take(&mut self.pending), self.next);
        self.next += counts.shots;
        self.written = Instant::now();
        match &mut self.statistics {
            Some(statistics) if counts.shots > 0 => {
                statistics.file.append(self.task, self.name, &counts, self.args.seed)
            }
            _ => Ok(()),
        }
    }
}

/// Counts of the shots from `first` on.
fn new_counts(tally: Tally, first: u64) -> Counts {
    let Tally { shots, errors, discards, combos, seconds, stages, pairs } = tally;
    let seed_shots = SeedShots::of(first..first + shots);
    Counts { shots, errors, discards, combos, seconds, seed_shots, stages, pairs }
}

/// The lines on standard output.
struct Table {
    name_width: usize,
    predecoded: bool,
    paired: bool,
    discards: bool,
}

impl Table {
    /// Room for the names, and for the columns of pre-decoders and of pairs if there are any.
    fn new(
        args: &LerArgs,
        predecoders: &[Option<PredecoderFactory>],
        windowings: &[Option<Windowing>],
    ) -> Self {
        let mut name_width = NAME_WIDTH_MIN;
        for predecoding in predecoders {
            for (&choice, windowing) in
                args.decoder.iter().flat_map(|choice| windowings.iter().map(move |w| (choice, w)))
            {
                name_width = name_width.max(name(choice, predecoding.as_ref(), windowing.as_ref()).len());
            }
        }
        let predecoded = predecoders.iter().any(Option::is_some);
        Self { name_width, predecoded, paired: args.paired, discards: args.postselect.are_given() }
    }

    fn print_header(&self) -> Result<()> {
        let stages = if self.predecoded { "  events    left  pre %" } else { "" };
        let pairs = if self.paired { "  only windows  only whole" } else { "" };
        let discards = if self.discards { "   discards" } else { "" };
        print(&format!(
            "{:<width$} {:>12} {:>8} {:>10}  {:<23} {:>9}{discards}{stages}{pairs}  task\n",
            "decoder",
            "shots",
            "errors",
            "LER",
            "95% interval (Wilson)",
            "us/shot",
            width = self.name_width,
        ))
    }

    fn print_row(&self, task: &Task, counts: &Counts) -> Result<()> {
        let shots = counts.shots.max(1) as f64;
        let kept = counts.shots - counts.discards.min(counts.shots);
        let discards = if self.discards { format!(" {:>10}", counts.discards) } else { String::new() };
        let label: Vec<String> = task
            .metadata
            .iter()
            .map(|(key, value)| {
                format!("{key}={}", value.as_str().map_or_else(|| value.to_string(), str::to_owned))
            })
            .collect();
        print(&format!(
            "{:<width$} {:>12} {} {:>9.2}{discards}{}{}  {}\n",
            task.name.decoder,
            counts.shots,
            rate(counts.errors, kept),
            counts.seconds * 1e6 / shots,
            self.stages(&counts.stages, shots),
            self.pairs(counts.pairs),
            label.join(","),
            width = self.name_width,
        ))?;
        if counts.combos == ErrorCombos::default() {
            return Ok(());
        }
        (0..task.observables).try_for_each(|observable| {
            let name = format!("  L{observable}");
            let rate = rate(counts.combos.of(observable), kept);
            print(&format!("{name:<width$} {:>12} {rate}\n", "", width = self.name_width))
        })
    }

    fn stages(&self, stages: &StageTotals, shots: f64) -> String {
        if !self.predecoded {
            return String::new();
        }
        if *stages == StageTotals::default() {
            return format!(" {:>7} {:>7} {:>6}", "-", "-", "-");
        }
        let (events, left) = (stages.events as f64 / shots, stages.events_left as f64 / shots);
        format!(" {events:>7.2} {left:>7.2} {:>6.1}", 100.0 * stages.predecode_share())
    }

    fn pairs(&self, pairs: Pairs) -> String {
        if !self.paired {
            return String::new();
        }
        format!(" {:>13} {:>11}", pairs.only_windows, pairs.only_whole)
    }
}

/// Errors, their share of the shots, and its interval.
fn rate(errors: u64, shots: u64) -> String {
    let (low, high) = wilson(errors, shots);
    let share = errors as f64 / shots.max(1) as f64;
    format!("{errors:>8} {share:>10.3e}  {:<23}", format!("{low:.3e} .. {high:.3e}"))
}

/// Columns of the table that names have at least.
const NAME_WIDTH_MIN: usize = 16;
