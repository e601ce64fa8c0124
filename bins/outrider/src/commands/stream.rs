//! `outrider stream`: rounds in at the pace of a processor, corrections out, and how long that took.

use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use clap::Args;
use outrider::{
    Format, Isa, Layout, MeasurementMap, MeasurementOptions, MeasurementStream, Patch, RoundSampler,
    SamplerOptions, StreamOptions, TimeAxis, WorkersOptions,
};
use outrider_options::option_values::WaitHow;
use outrider_options::{LoadedPatch, PatchArgs};
use outrider_wire::Digest;
use sha2::{Digest as _, Sha256};

use crate::decoding::decoder_factory::{note_once, require_isa};
use crate::error::{Error, Result};
use crate::input::{self, ShotFormat};
use crate::options::values;
use crate::output::{self, Output, print};
use crate::stream::driver::{Driver, Pace};
use crate::stream::journal_file::JournalFile;
use crate::stream::local_nodes::{LocalNodes, LocalNodesOptions};
use crate::stream::node_target::NodesArgs;
use crate::stream::rate_search::{PERIOD_MAX, close_loop, find_rate};
use crate::stream::round_source::{
    Processor, Readout, Recording, Source, SweepBits, Truth, history_detectors, measurement_widths,
};
use crate::stream::run_report::{FoundRate, FromJournal, Report, Sifl, Window};
use crate::stream::snapshot::Snapshot;
use crate::stream::target::{InProcess, Target};
use crate::stream::verify::Verified;
use crate::stream::views::Views;

/// Decode in real time: rounds come at a fixed pace, corrections leave, and latencies are measured
///
/// Rounds come from a simulated processor, which samples a memory of any length, or from a file of shots or raw
/// measurements. Round k of a history is due k round times after its beginning, whether or not the decoder keeps up, and
/// latencies count from then. Histories are decoded in windows, on threads of this process or on decoder nodes.
/// Answers are the same everywhere, also when nodes are lost. Ctrl-C ends the history in order.
#[derive(Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct StreamArgs {
    #[command(flatten)]
    patch: PatchArgs,
    /// Rounds of a history, without the last layer of detectors, which comes from the final readout [default: the
    /// model's, or as many as the distance]
    #[arg(long, value_name = "N")]
    rounds: Option<NonZeroU64>,
    /// Histories of the simulated processor
    #[arg(long, value_name = "K", default_value = "1")]
    repeat: NonZeroU64,
    /// Key of the random numbers
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Stream these shots instead, each a history; - is standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["measurements", "repeat", "seed"])]
    shots: Option<PathBuf>,
    /// The shots contain their true observables after the detectors
    #[arg(long, requires = "shots")]
    appended_observables: bool,
    /// Stream these raw measurements of --stim instead, each shot a history; - is standard input
    #[arg(
        long,
        value_name = "FILE",
        requires_all = ["stim", "dem"],
        conflicts_with_all = ["shots", "repeat", "seed", "rounds"],
    )]
    measurements: Option<PathBuf>,
    /// The circuit of --measurements and --dem
    #[arg(long, value_name = "FILE", requires = "measurements")]
    stim: Option<PathBuf>,
    /// Sweep bits of the shots of --measurements [default: all 0]
    #[arg(long, value_name = "FILE", requires = "measurements")]
    sweep: Option<PathBuf>,
    /// Format of the sweep bits [default: by the suffix of --sweep, or else b8]
    #[arg(long, value_name = "FORMAT", value_parser = values::format())]
    sweep_format: Option<Format>,
    /// The measurements come from runs that left out the circuit's feedback
    #[arg(long, requires = "measurements")]
    ran_without_feedback: bool,
    /// Format of shots or measurements [default: by the suffix of the file, or else b8]
    #[arg(long, value_name = "FORMAT", value_parser = values::format())]
    format: Option<Format>,
    /// Time of a round in microseconds, or with a unit: ns, us, ms, s; 0 for as fast as possible
    #[arg(long, value_name = "TIME", default_value = "1", allow_negative_numbers = true, value_parser = round_time)]
    round_time: f64,
    /// Start histories this many microseconds apart, or so far with a unit: ns, us, ms, s; each on time even if the one
    /// before is not over [default: each when the one before is over]
    #[arg(
        long,
        value_name = "TIME",
        allow_negative_numbers = true,
        value_parser = history_time,
        conflicts_with_all = ["sifl", "find_rate", "verify"],
    )]
    history_time: Option<f64>,
    #[command(flatten)]
    nodes: NodesArgs,
    /// Write rounds and commits to this file, from which another process can go on with the same answers. Needs --nodes or
    /// --to
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with_all = ["sifl", "find_rate", "history_time"],
    )]
    journal: Option<PathBuf>,
    /// Go on with the stream of --journal, whose process has died; without such a file the stream begins
    #[arg(long, requires = "journal")]
    resume: bool,
    /// Threads that decode, on each local node if there are any; 0 decodes on the thread that takes the rounds
    #[arg(long, value_name = "N", default_value_t = 1, conflicts_with = "to")]
    workers: usize,
    /// How threads wait: spin, yield between checks, or block until woken
    #[arg(long, value_name = "HOW", default_value = "yield", value_enum)]
    wait: WaitHow,
    /// Cores to pin the workers to, in turn
    #[arg(long, value_name = "CORE,..", value_delimiter = ',', conflicts_with_all = ["nodes", "to"])]
    cores: Vec<usize>,
    /// Instruction set of this process
    #[arg(long, value_name = "NAME", default_value = "auto", value_parser = values::isa())]
    isa: Isa,
    /// Afterwards decode each history again on one thread and compare all answers; the exit code is 1 if one differs
    #[arg(long)]
    verify: bool,
    /// The closed loop instead: K steps; each lasts until the correction of the step before has arrived, and at least
    /// --rounds rounds
    #[arg(long, value_name = "K", conflicts_with_all = ["shots", "measurements", "repeat", "find_rate", "verify"])]
    sifl: Option<NonZeroU64>,
    /// Search for the shortest round time that is held
    #[arg(long, conflicts_with_all = ["shots", "measurements", "verify", "round_time"])]
    find_rate: bool,
    /// Also write the run as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Also write the latency histograms as CSV
    #[arg(long, value_name = "FILE")]
    histogram: Option<PathBuf>,
    /// Also write what the live view shows, as data: a JSON object a line, at the first round, four times a second and
    /// at the end
    #[arg(long, value_name = "FILE")]
    snapshots: Option<PathBuf>,
}

const AFTER_HELP: &str = "\
A rate is held if, after a warm-up of a tenth of all rounds, at most 1000, the backlog (rounds due but not committed) \
fits in the decoder's buffer 99 times of 100. Stalls of the machine, in which the thread that takes the rounds does not \
run for 0.1 ms or more, count, and are also shown apart. Reaction: from when the last round of a history was due until its correction was out. \
Commit lag of a cell: from when the last round of its window was due until its commit was merged. Hops of a cell: \
ingest (from round due to round taken), dispatch (from window complete to worker, with the wait for other cells), \
queue (until decoding begins), decode, merge. With nodes, dispatch, queue and decode are by the node's clock, and \
network is the rest of the time from taking the window's last round to merging the commit.

A node decides cells of the patch that the same options, or the same [[patch]] of its configuration, define. Times of \
a lost node count from its last frame.

Examples:
  outrider stream --distance 5 --p 0.001 --rounds 1000000 --round-time 1us
  outrider stream --distance 5 --p 0.001 --rounds 50 --repeat 10000 --wait spin --json run.json --verify
  outrider stream --distance 13 --p 0.001 --rounds 100000 --decoder mwpm-correlated --find-rate
  outrider stream --dem model.dem --shots dets.b8 --commit 5 --spacing 5 --buffer 5 --round-time 0
  outrider stream --distance 13 --p 0.003 --rounds 104 --repeat 200000 --history-time 104
  outrider stream --distance 7 --p 0.001 --rounds 200000 --round-time 10 --nodes 2 --kill-after 100000 --verify
  outrider stream --distance 7 --p 0.003 --rounds 1000000 --learn 50000 --learn-every 16384 --verify
  outrider stream --distance 5 --p 0.001 --rounds 100000 --to unix:a.sock --to tls:decoder:7118 --tls-authority ca.pem \
    --tls-certificate me.pem --tls-key me.key";

/// What is decoded.
struct Subject {
    /// What makes the same patch elsewhere.
    args: PatchArgs,
    loaded: LoadedPatch,
    /// Layers of a history.
    layers: u64,
}

/// Runs the subcommand.
pub(crate) fn run(args: &StreamArgs) -> Result<()> {
    args.require_fit()?;
    args.require_apart()?;
    output::require_stdout()?;
    let subject = args.subject()?;
    for note in &subject.loaded.notes {
        note_once(args.patch.dem.as_deref(), note);
    }
    let patch = &subject.loaded.patch;
    let stop = output::stop_flag().map_err(|error| Error::machine("signal handler", error))?;
    let journal = args.open_journal(&subject)?;
    let mut target = args.target(&subject, journal)?;
    let mut json = Output::create_optional(args.json.as_deref())?;
    let mut histogram = Output::create_optional(args.histogram.as_deref())?;
    let mut views = Views::start(Output::create_optional(args.snapshots.as_deref())?)?;
    let mut source = args.source(&subject)?;

    let mut driver = Driver::new(patch, target.as_mut(), args.pace(), &stop, &mut views)?;
    if args.verify {
        driver.verify()?;
    }
    let found = args.drive(&mut driver, source.as_mut(), &subject)?;
    let snapshot = driver.snapshot();
    let Driver { figures, verified, .. } = driver;
    let restored =
        args.resume.then_some(FromJournal { layers: figures.layers_restored, cells: figures.cells_restored });
    let snapshots = views.finish(&snapshot)?;

    let report = args.report(&subject, snapshot, found, stop.load(Ordering::Relaxed));
    let report = Report { restored, ..report };
    if let Some(json) = &mut json {
        json.put(output::json(&report).as_bytes())?;
    }
    if let Some(histogram) = &mut histogram {
        histogram.put(figures.histograms().as_bytes())?;
    }
    output::commit([json, histogram, snapshots].into_iter().flatten())?;
    if ![&args.json, &args.snapshots].into_iter().flatten().any(|path| path == Path::new("-")) {
        print(&report.summary())?;
    }
    verified.map_or(Ok(()), Verified::require_same)
}

/// What was found out by the way.
#[derive(Default)]
struct Found {
    sifl: Option<Sifl>,
    rate: Option<FoundRate>,
}

impl StreamArgs {
    fn require_fit(&self) -> Result<()> {
        require_isa(self.isa)?;
        if self.sifl.is_some() && self.round_time == 0.0 {
            return Err(Error::Usage("--sifl needs a --round-time".to_owned()));
        }
        if self.history_time.is_some() && self.round_time == 0.0 {
            return Err(Error::Usage("--history-time needs a --round-time".to_owned()));
        }
        if self.is_local() && self.nodes.patience.is_some() {
            return Err(Error::Usage("--patience needs --nodes or --to".to_owned()));
        }
        if self.is_local() && self.journal.is_some() {
            return Err(Error::Usage("--journal needs --nodes or --to".to_owned()));
        }
        if self.format.is_some() && self.shots.is_none() && self.measurements.is_none() {
            return Err(Error::Usage("--format needs --shots or --measurements".to_owned()));
        }
        if !self.cores.is_empty() && self.workers == 0 {
            return Err(Error::Usage("--cores needs workers; --workers is 0".to_owned()));
        }
        Ok(())
    }

    /// Refuses two inputs, or two outputs, that are one.
    fn require_apart(&self) -> Result<()> {
        input::require_one_stdin(&[
            ("--dem", self.patch.dem.as_deref()),
            ("--shots", self.shots.as_deref()),
            ("--measurements", self.measurements.as_deref()),
            ("--sweep", self.sweep.as_deref()),
        ])?;
        output::require_distinct(&[
            ("--json", self.json.as_deref()),
            ("--histogram", self.histogram.as_deref()),
            ("--snapshots", self.snapshots.as_deref()),
            ("--journal", self.journal.as_deref()),
        ])
    }

    fn pace(&self) -> Pace {
        let is_recorded = self.shots.is_some() || self.measurements.is_some();
        Pace {
            round_ns: self.round_time * 1e3,
            history_ns: self.history_time.map(|time| time * 1e3),
            histories: if is_recorded { u64::MAX } else { self.repeat.get() },
            wait: self.wait.into(),
        }
    }

    /// Streams: histories of the source, the closed loop, or what the search for a rate tries.
    fn drive(&self, driver: &mut Driver<'_>, source: &mut dyn Source, subject: &Subject) -> Result<Found> {
        let mut found = Found::default();
        if let Some(steps) = self.sifl {
            let mut processor = self.processor(subject, u64::MAX)?;
            found.sifl = Some(close_loop(driver, &mut processor, subject.layers, steps.get())?);
        } else if self.find_rate {
            found.rate = Some(find_rate(driver, &mut || self.source(subject), subject.layers)?);
        } else {
            driver.run(source, subject.layers)?;
        }
        Ok(found)
    }

    fn report(&self, subject: &Subject, snapshot: Snapshot, found: Found, was_interrupted: bool) -> Report {
        let cut = subject.loaded.patch.cut();
        let Snapshot { measured, nodes, .. } = snapshot;
        Report {
            measured,
            was_interrupted,
            decoder: subject.loaded.label.clone(),
            isa: self.is_local().then(|| self.isa.resolved().unwrap_or(self.isa).name().to_owned()),
            target: self.target_name(),
            nodes,
            workers: self.nodes.to.is_empty().then_some(self.workers),
            wait: self.wait.name().to_owned(),
            window: Window {
                commit: cut.cell_layers,
                spacing: cut.spacing,
                buffer: cut.buffer,
                context: cut.context,
            },
            sifl: found.sifl,
            find_rate: found.rate,
            restored: None,
        }
    }

    fn open_journal(&self, subject: &Subject) -> Result<Option<JournalFile>> {
        let identity = self.identity(subject);
        let open = |path: &PathBuf| JournalFile::open(path, identity, self.resume);
        self.journal.as_ref().map(open).transpose()
    }

    /// What the histories are, but for their patch, which is a matter of their journal.
    fn identity(&self, subject: &Subject) -> Digest {
        let source = match (&self.shots, &self.measurements) {
            (Some(_), _) => "shots",
            (None, Some(_)) => "measurements",
            (None, None) => "processor",
        };
        let (layers, histories, seed) = (subject.layers, self.repeat, self.seed);
        let text = format!("source {source}\nlayers {layers}\nhistories {histories}\nseed {seed}\n");
        Digest(Sha256::digest(text).into())
    }

    fn target(&self, subject: &Subject, journal: Option<JournalFile>) -> Result<Box<dyn Target>> {
        let patch = &subject.loaded.patch;
        if let Some(count) = self.nodes.nodes {
            let local = LocalNodes::start(&LocalNodesOptions {
                count: count.into(),
                transport: self.nodes.transport,
                patch: subject.args.clone(),
                workers: self.workers,
                wait: self.wait,
            })?;
            return Ok(Box::new(self.nodes.connect(patch, Some(local), journal)?));
        }
        if !self.nodes.to.is_empty() {
            return Ok(Box::new(self.nodes.connect(patch, None, journal)?));
        }
        let workers =
            WorkersOptions { count: self.workers, wait: self.wait.into(), cores: self.cores.clone() };
        Ok(Box::new(InProcess::new(Arc::clone(patch), &StreamOptions { workers, layers_max: None })?))
    }

    /// Whether this process decodes.
    fn is_local(&self) -> bool {
        self.nodes.nodes.is_none() && self.nodes.to.is_empty()
    }

    fn target_name(&self) -> &'static str {
        match (self.nodes.nodes, &self.nodes.to[..]) {
            (Some(_), _) => "local nodes",
            (None, [_, ..]) => "nodes",
            (None, []) => "this process",
        }
    }

    /// The patch, and how long its histories are. One that is too short for the windows' reference is its own.
    fn subject(&self) -> Result<Subject> {
        let mut args = self.patch.clone();
        let mut loaded = args.load(self.isa)?;
        let own_rounds = u64::from(loaded.patch.plan().layer_count()) - 1;
        let usual_rounds = self.patch.distance.map_or(own_rounds, u64::from);
        let rounds = self.rounds.map_or(usual_rounds, NonZeroU64::get);
        let mut served = self.served(&loaded.patch, rounds + 1);
        let is_open = self.patch.distance.is_some() && self.patch.reference_rounds.is_none();
        if served.is_err() && is_open && rounds < own_rounds {
            args.reference_rounds = u32::try_from(rounds).ok();
            loaded = args.load(self.isa)?;
            served = self.served(&loaded.patch, rounds + 1);
        }
        let layers = served.map_err(|error| refused_length(&loaded.patch, error))?;
        if self.nodes.kill_after.is_some_and(|killed| killed >= layers) {
            return Err(Error::Usage(format!("--kill-after: the first history has {rounds} rounds")));
        }
        Ok(Subject { args, loaded, layers })
    }

    /// Layers of a history: these, or for the closed loop, where histories have any length, at least these.
    fn served(&self, patch: &Patch, layers: u64) -> std::result::Result<u64, outrider::Error> {
        let plan = patch.plan();
        match (self.sifl, plan.layers_min()) {
            (Some(_), Some(least)) => {
                let least = layers.max(least);
                let served = (least..least + PERIOD_MAX).find(|&layers| plan.check_length(layers).is_ok());
                Ok(served.unwrap_or(least))
            }
            (Some(_), None) => plan.check_length(layers + 1).map(|()| layers),
            (None, _) => plan.check_length(layers).map(|()| layers),
        }
    }

    fn processor(&self, subject: &Subject, histories: u64) -> Result<Processor> {
        let sampler =
            RoundSampler::new(&subject.loaded.model, &SamplerOptions { seed: self.seed, isa: self.isa })
                .map_err(|error| Error::from(error).with_path(self.patch.dem.as_deref()))?;
        Ok(Processor::new(sampler, Arc::clone(subject.loaded.patch.plan()), histories, subject.layers))
    }

    fn source(&self, subject: &Subject) -> Result<Box<dyn Source>> {
        if let Some(path) = &self.shots {
            return Ok(Box::new(self.recording(path, subject)?));
        }
        if let (Some(path), Some(stim)) = (&self.measurements, &self.stim) {
            return Ok(Box::new(self.readout(path, stim, subject)?));
        }
        Ok(Box::new(self.processor(subject, self.repeat.get())?))
    }

    fn recording(&self, path: &Path, subject: &Subject) -> Result<Recording> {
        let plan = subject.loaded.patch.plan();
        let truth = if self.appended_observables { Truth::Appended } else { Truth::Unknown };
        let observables =
            if self.appended_observables { plan.graph().observable_count() as usize } else { 0 };
        let detectors = history_detectors(plan, subject.layers, "--shots")?;
        let layout = Layout { detectors, observables, ..Layout::default() };
        let shots = input::shots(path, self.shot_format(path), layout)?;
        let order = subject.loaded.order.clone();
        if order.is_some() && subject.layers != u64::from(plan.layer_count()) {
            return Err(Error::Usage(
                "--rounds: detectors of --dem are not in the order of rounds, so shots have its length"
                    .to_owned(),
            ));
        }
        Ok(Recording::new(shots, Arc::clone(plan), subject.layers, truth, order))
    }

    fn shot_format(&self, path: &Path) -> ShotFormat {
        ShotFormat::new("--format", self.format, path, Format::B8)
    }

    fn readout(&self, path: &Path, stim: &Path, subject: &Subject) -> Result<Readout> {
        let options = MeasurementOptions {
            ran_without_feedback: self.ran_without_feedback,
            ..MeasurementOptions::default()
        };
        if subject.loaded.order.is_some() || self.patch.window.time() != TimeAxis::default() {
            return Err(Error::Usage(
                "--measurements: detectors must be in the order of rounds, which are found; use m2d and --shots"
                    .to_owned(),
            ));
        }
        input::require_given(stim)?;
        let map = MeasurementMap::from_file_with_options(stim, options)?;
        let measured =
            MeasurementStream::new(&map).map_err(|error| Error::from(error).with_path(Some(stim)))?;
        let (layers, detectors) = (subject.layers, subject.loaded.model.detector_count());
        if (u64::from(measured.layer_count()), map.detector_count() as u64) != (layers, detectors) {
            let message = format!(
                "the circuit has {} detectors in {} layers, but --dem has {detectors} in {layers}",
                map.detector_count(),
                measured.layer_count()
            );
            return Err(Error::input(stim.display(), message));
        }
        let layout = Layout { measurements: map.measurement_count(), ..Layout::default() };
        let shots = input::shots(path, self.shot_format(path), layout)?;
        let sweep_layout = Layout { measurements: map.sweep_count(), ..Layout::default() };
        let sweep = self.sweep.as_ref().map(|path| {
            let format = ShotFormat::new("--sweep-format", self.sweep_format, path, Format::B8);
            let shots = input::shots(path, format, sweep_layout)?;
            Ok::<_, Error>(SweepBits::new(shots, path))
        });
        Ok(Readout::new(shots, sweep.transpose()?, measured, measurement_widths(&map)?))
    }
}

fn refused_length(patch: &Patch, error: outrider::Error) -> Error {
    let own = patch.plan().layer_count();
    Error::Usage(format!("--rounds: {error} (the last layer, of the readout, included; the model has {own})"))
}

/// A time of a round in microseconds, or 0.
fn round_time(text: &str) -> std::result::Result<f64, String> {
    values::time(text, values::TimeUnit::Microsecond, 0.0..=ROUND_TIME_MAX_US)
}

/// The same, but not 0.
fn history_time(text: &str) -> std::result::Result<f64, String> {
    round_time(text)
        .and_then(|time| if time > 0.0 { Ok(time) } else { Err("expected more than 0".to_owned()) })
}

const ROUND_TIME_MAX_US: f64 = 1e6;
