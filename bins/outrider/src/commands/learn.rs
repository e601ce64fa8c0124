//! `outrider learn`: rates of errors from detection events.

use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use clap::Args;
use outrider::{
    DetectorErrorModel, Isa, Learned, LearningOptions, Moments, RatesMethod, RatesOptions, ResidualSummary,
    Residuals, Shrinkage,
};

use crate::error::{Error, Result};
use crate::input::Selection;
use crate::learning::fitting::{self, TieSpread, learn, learn_means};
use crate::learning::gathering::{Block, Correlations, Counting, Gathered, gather};
use crate::learning::page::page;
use crate::learning::patch_map::PatchMap;
use crate::learning::places::Places;
use crate::learning::prior::{Prior, PriorArgs};
use crate::learning::report::{
    Alone, BlockRow, BurstRow, DriftRows, EventsRow, Fit, GroupRow, RateRow, Report, ResidualReport,
    ScoreRow, Settings, scale_of,
};
use crate::learning::scoring::{Decoding, Score, compare};
use crate::learning::shot_files::ShotFileArgs;
use crate::options::decoder::{DecoderChoice, decoder};
use crate::options::graph::GraphArgs;
use crate::options::sums::SumArgs;
use crate::options::values;
use crate::output::{self, Output};
use crate::report::progress;
use crate::threads::thread_count;

/// Learn the noise: rates of a model's errors from detection events alone
///
/// Every error that flips its own set of detectors gets its own rate, with a standard error. The learned model has the
/// errors of the prior in its order, for `decode --dem`, PyMatching, tesseract and sinter. Observables are never learned
/// from; --hold-out and --cross-validate use them to measure what the learned rates buy, on shots that were not learned
/// from.
#[derive(Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct LearnArgs {
    #[command(flatten)]
    prior: PriorArgs,
    #[command(flatten)]
    shots: ShotFileArgs,
    /// File for the learned model (.dem); - is standard output, and the summary then goes to standard error
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// How rates come from parities of detectors. closed-form: each from the parities of its own detectors and their
    /// subsets, best for matching. regression: all at once by least squares, best for --decoder trellis and likelihood
    #[arg(long, value_name = "NAME", default_value = "closed-form", value_parser = fitting::method)]
    method: RatesMethod,
    /// How strongly estimates are drawn to the prior: auto, as much as the shots show to be right; none; or the spread of
    /// true rates about the prior, as a share of it
    #[arg(long, value_name = "auto|none|TAU", default_value = "auto", value_parser = fitting::shrinkage)]
    shrink: Shrinkage,
    /// With --tie: how far errors of a group may be from what the group has; auto, as the shots show; 0 for not at all; or
    /// the spread of their true rates about it
    #[arg(long, value_name = "auto|0|TAU", default_value = "auto", value_parser = fitting::tie_spread)]
    tie_spread: TieSpread,
    /// No rate is below this share of its prior in the learned model
    #[arg(long, value_name = "SHARE", default_value_t = RatesOptions::default().floor, value_parser = values::probability)]
    floor: f64,
    /// Pairs of detectors tested for correlations beyond the model: near, those with a common neighbour; inside, only those
    /// that errors flip; all; or those at most so many rounds apart
    #[arg(long, value_name = "near|inside|all|ROUNDS", default_value = "near", value_parser = correlations)]
    correlations: Correlations,
    /// Shots of a window: windows with far more events than those around are left out as bursts, and drift is looked for
    /// from window to window
    #[arg(long, value_name = "SHOTS", default_value = "1000", value_parser = clap::value_parser!(u32).range(1..))]
    window: u32,
    /// Learn from bursts too
    #[arg(long)]
    keep_bursts: bool,
    /// Probability of a false alarm in each family of tests
    #[arg(long, value_name = "P", default_value = "0.001", value_parser = values::open_probability)]
    level: f64,
    /// Also learn from every block of so many shots, with what was learned from all as the prior: a series of models
    #[arg(long, value_name = "SHOTS", value_parser = clap::value_parser!(u64).range(1..))]
    blocks: Option<u64>,
    /// Files for the models of blocks, {} being the number of the block
    #[arg(long, value_name = "FILE", requires = "blocks")]
    blocks_out: Option<PathBuf>,
    /// Leave out this share of the shots, evenly spread, and decode them with the prior and the learned model
    #[arg(long, value_name = "SHARE", value_parser = values::open_probability, conflicts_with = "cross_validate")]
    hold_out: Option<f64>,
    /// Learn from the even shots and decode the odd ones with both models, and the reverse. --out is learned from all
    #[arg(long)]
    cross_validate: bool,
    /// What held-out shots are decoded with
    #[arg(
        long,
        value_name = "NAME,..",
        value_delimiter = ',',
        default_value = "mwpm,mwpm-correlated",
        value_parser = decoder(),
    )]
    decoder: Vec<DecoderChoice>,
    #[command(flatten)]
    sums: SumArgs,
    #[command(flatten)]
    graph: GraphArgs,
    /// File for all rates with their errors, and for what was tested (.json)
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// File for a page that shows the same as plots and tables (.html): one file that opens in any browser, offline
    #[arg(long, value_name = "FILE")]
    plot: Option<PathBuf>,
    /// Threads that decode held-out shots [default: all cores]
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,
    /// Instruction set
    #[arg(long, value_name = "NAME", default_value = "auto", value_parser = values::isa())]
    isa: Isa,
}

const AFTER_HELP: &str = "\
Examples:
  outrider learn --dem prior.dem --in dets.b8 --out learned.dem
  outrider learn --dem prior.dem --in dets.b8 --obs obs.01 --cross-validate --tie time --out learned.dem
  outrider learn --distance 5 --p 0.003 --in dets.b8 --out learned.dem
  outrider learn --dem prior.dem --in dets.b8 --plot rates.html";

/// Runs the subcommand.
pub(crate) fn run(args: &LearnArgs) -> Result<()> {
    let threads = thread_count(args.threads)?;
    args.require_apart()?;
    let prior = Prior::of(&args.prior)?;
    let outputs = Outputs::create(args)?;
    let mut gathered = args.gather(&prior)?;
    let scores = args.scores(&prior, &gathered, threads)?;
    let moments = gathered.take_all()?;
    let learned = learn(&prior, &moments, &args.fitting())?;
    let blocks = args.blocks(&prior, &learned, &moments, &gathered)?;
    let (rows, models): (Vec<_>, Vec<_>) = blocks.into_iter().map(|block| (block.row, block.file)).unzip();
    let report = args.report(&prior, &learned, &moments, &gathered, rows, scores)?;
    outputs.write(&report, &learned, models.into_iter().flatten())
}

/// What was learned of one block.
struct LearnedBlock {
    row: BlockRow,
    /// If it is wanted.
    file: Option<(PathBuf, DetectorErrorModel)>,
}

/// Files that are open before anything is learned.
struct Outputs<'a> {
    args: &'a LearnArgs,
    model: Option<Output>,
    report: Option<Output>,
    plot: Option<Output>,
}

impl<'a> Outputs<'a> {
    fn create(args: &'a LearnArgs) -> Result<Self> {
        let model = Output::create_optional(args.out.as_deref())?;
        if !args.models_to_stdout() {
            output::require_stdout()?;
        }
        let report = Output::create_optional(args.report.as_deref())?;
        Ok(Self { args, model, report, plot: Output::create_optional(args.plot.as_deref())? })
    }

    fn write(
        mut self,
        report: &Report,
        learned: &Learned,
        blocks: impl Iterator<Item = (PathBuf, DetectorErrorModel)>,
    ) -> Result<()> {
        if let Some(out) = &mut self.model {
            put_model(out, &learned.model)?;
        }
        if let Some(out) = &mut self.report {
            out.put(output::json(report).as_bytes())?;
        }
        if let Some(out) = &mut self.plot {
            out.put(page(report).as_bytes())?;
        }
        let mut outputs: Vec<_> = [self.model, self.report, self.plot].into_iter().flatten().collect();
        for (path, model) in blocks {
            let mut out = Output::create(&path)?;
            put_model(&mut out, &model)?;
            outputs.push(out);
        }
        output::commit(outputs)?;
        if self.args.models_to_stdout() {
            // If standard error is gone, the model still matters.
            let _ = io::stderr().write_all(report.summary().as_bytes());
            return Ok(());
        }
        output::print(&report.summary())
    }
}

fn put_model(out: &mut Output, model: &DetectorErrorModel) -> Result<()> {
    out.put(model.to_text().as_bytes())
}

fn correlations(text: &str) -> std::result::Result<Correlations, String> {
    Ok(match text {
        "near" => Correlations::Near,
        "inside" => Correlations::Inside,
        "all" => Correlations::All,
        _ => Correlations::Rounds(
            text.parse().map_err(|_| "expected near, inside, all, or a number of rounds".to_owned())?,
        ),
    })
}

impl LearnArgs {
    fn is_scored(&self) -> bool {
        self.hold_out.is_some() || self.cross_validate
    }

    fn models_to_stdout(&self) -> bool {
        [&self.out, &self.report, &self.plot].into_iter().flatten().any(|path| path == Path::new("-"))
    }

    fn require_apart(&self) -> Result<()> {
        self.shots.require_apart(self.prior.dem.as_deref(), self.is_scored())?;
        output::require_distinct(&[
            ("--out", self.out.as_deref()),
            ("--report", self.report.as_deref()),
            ("--plot", self.plot.as_deref()),
        ])?;
        if self.blocks_out.as_ref().is_some_and(|path| !path.to_string_lossy().contains("{}")) {
            return Err(Error::Usage("--blocks-out needs {} where the number of the block goes".to_owned()));
        }
        self.sums.require_taken(&self.decoder)
    }

    fn block_path(&self, number: u64) -> Option<PathBuf> {
        let path = self.blocks_out.as_ref()?.to_string_lossy();
        Some(path.replace("{}", &number.to_string()).into())
    }

    fn fitting(&self) -> LearningOptions {
        let rates = RatesOptions { method: self.method, floor: self.floor, shrinkage: self.shrink };
        LearningOptions { rates, within_groups: self.tie_spread.0 }
    }

    /// The shots that are learned from.
    fn learned_from(&self) -> Selection {
        match self.hold_out {
            Some(share) => Selection::HeldOut { share, is_held_out: false },
            None => Selection::All,
        }
    }

    fn gather(&self, prior: &Prior) -> Result<Gathered> {
        let counting = Counting {
            window: self.window as usize,
            leave_out_bursts: !self.keep_bursts,
            has_folds: self.cross_validate,
            block_shots: self.blocks,
            correlations: self.correlations,
            isa: self.isa,
        };
        let batches = self.shots.open(&prior.model, self.learned_from(), false)?;
        let bar = progress::counter("shots");
        let gathered = gather(prior.errors(), counting, batches, &mut |shots| bar.inc(shots));
        bar.finish_and_clear();
        let gathered = gathered?;
        if gathered.folds.iter().any(|fold| fold.shots() == 0) {
            return Err(Error::input(self.shots.name().display(), "no shots to learn from"));
        }
        Ok(gathered)
    }

    /// A score of each decoder, if scores are asked for.
    fn scores(&self, prior: &Prior, gathered: &Gathered, threads: usize) -> Result<Vec<ScoreRow>> {
        if !self.is_scored() {
            return Ok(Vec::new());
        }
        let folds = match self.hold_out {
            Some(share) => vec![(0, Selection::HeldOut { share, is_held_out: true })],
            None => vec![(0, Selection::Fold { parity: 1 }), (1, Selection::Fold { parity: 0 })],
        };
        let mut scores = vec![Score::default(); self.decoder.len()];
        for (fold, selection) in folds {
            let learned = learn(prior, &gathered.folds[fold], &self.fitting())?;
            for (score, &choice) in scores.iter_mut().zip(&self.decoder) {
                let decoding =
                    Decoding { choice, sums: self.sums, graph: self.graph, threads, name: self.shots.name() };
                let open = || self.shots.open(&prior.model, selection, true);
                let before = decoding.failures(&prior.model, open()?)?;
                let after = decoding.failures(&learned.model, open()?)?;
                if before.is_empty() {
                    return Err(Error::input(self.shots.name().display(), "no shots are held out"));
                }
                score.add(compare(&before, &after));
            }
        }
        let rows = self.decoder.iter().zip(scores);
        Ok(rows.map(|(choice, score)| ScoreRow::of(choice.to_string(), score)).collect())
    }

    fn blocks(
        &self,
        prior: &Prior,
        learned: &Learned,
        moments: &Moments,
        gathered: &Gathered,
    ) -> Result<Vec<LearnedBlock>> {
        let of_all = prior.with_model(DetectorErrorModel::parse(&learned.model.to_text())?);
        let learn_block = |(&number, block): (&u64, &Block)| {
            let learned = learn_means(&of_all, moments, &block.means(), block.shots as f64, &self.fitting())?;
            let row = self.block_row(prior, number, block.shots, &learned);
            Ok(LearnedBlock { row, file: self.block_path(number).map(|path| (path, learned.model)) })
        };
        gathered.blocks.iter().map(learn_block).collect()
    }

    fn report(
        &self,
        prior: &Prior,
        learned: &Learned,
        moments: &Moments,
        gathered: &Gathered,
        blocks: Vec<BlockRow>,
        scores: Vec<ScoreRow>,
    ) -> Result<Report> {
        let residuals =
            Residuals::new(&learned.model, gathered.pairs.as_ref().unwrap_or(moments), self.level)?;
        let drift = if gathered.windows > 1 { Some(gathered.drift.test(self.level)?) } else { None };
        let of_prior = Residuals::new(&prior.model, moments, self.level)?.summary();
        Ok(Report {
            version: env!("CARGO_PKG_VERSION"),
            settings: self.settings(),
            shots: moments.shots(),
            detectors: prior.model.detector_count(),
            fit: Fit::of(learned),
            rates: learned.classes.iter().map(RateRow::of).collect(),
            groups: GroupRow::all(prior.names(), learned),
            alone: Alone::of(&learned.learnability),
            patch: PatchMap::of(&prior.model, &learned.classes),
            residuals: Some(ResidualReport::of(&residuals, Places::of(&prior.model).as_ref())),
            bursts: gathered.bursts.iter().map(BurstRow::of).collect(),
            drift: drift.as_ref().map(DriftRows::of),
            events: gathered.series.points().iter().map(EventsRow::of).collect(),
            blocks,
            scores,
            warnings: warnings(&of_prior, moments, learned),
        })
    }

    fn block_row(&self, prior: &Prior, number: u64, shots: u64, learned: &Learned) -> BlockRow {
        let (scale, scale_error) = scale_of(learned.classes.iter()).unwrap_or((1.0, 0.0));
        BlockRow {
            first_shot: number * self.blocks.unwrap_or_default(),
            shots,
            scale,
            scale_error,
            patch: PatchMap::of(&prior.model, &learned.classes),
        }
    }

    fn settings(&self) -> Settings {
        let spread = |shrinkage: Shrinkage| match shrinkage {
            Shrinkage::Fitted => "auto".to_owned(),
            Shrinkage::None => "none".to_owned(),
            Shrinkage::Spread(spread) => spread.to_string(),
        };
        Settings {
            prior: self.prior.to_string(),
            input: self.shots.input.iter().map(|path| path.display().to_string()).collect(),
            method: self.method.to_string(),
            shrink: spread(self.shrink),
            tie: self.prior.tie.to_string(),
            tie_spread: self.tie_spread.0.map_or_else(|| "0".to_owned(), spread),
            floor: self.floor,
            window: self.window as usize,
            keep_bursts: self.keep_bursts,
            correlations: self.correlations.to_string(),
            level: self.level,
            blocks: self.blocks,
            hold_out: self.hold_out,
            cross_validate: self.cross_validate,
        }
    }
}

/// What to look at before the rates are trusted; `prior` is how the shots compare with the prior.
fn warnings(prior: &ResidualSummary, moments: &Moments, learned: &Learned) -> Vec<String> {
    let misfit = prior.misfit;
    let shots = moments.shots();
    let mut warnings = Vec::new();
    let mut warn = |is_so: bool, text: String| {
        if is_so {
            warnings.push(text);
        }
    };
    let detectors = prior.detectors;
    warn(
        misfit.half,
        format!(
            "{} of {detectors} detectors fire at rates near 1/2, where the prior has far less: are these detection events, \
             and not measurements?",
            prior.near_half
        ),
    );
    warn(
        misfit.rates,
        format!(
            "{} of {detectors} detectors fire at rates that differ from the prior's by a factor of 3 or more: do the shots \
             belong to this model?",
            prior.other_rates
        ),
    );
    warn(
        misfit.pairs,
        format!(
            "{} of {} pairs of detectors that should be correlated hardly are: another circuit, or another order of \
             detectors?",
            prior.missing, prior.strong
        ),
    );
    warn(
        misfit.constant,
        format!(
            "{} detectors fired in no shot or in all of them, which the prior does not expect",
            prior.constant
        ),
    );
    let few = misfit.few_shots || shots < learned.classes.len() as u64;
    warn(
        few,
        format!(
            "{shots} shots are few for {} classes of errors: most rates are close to the prior's, or unsure",
            learned.classes.len()
        ),
    );
    warnings
}
