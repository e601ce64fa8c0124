//! `outrider learn`: rates of errors from detection events.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use clap::Args;
use outrider::{Isa, Moments, MomentsOptions, RatesMethod, RatesOptions, Shrinkage};

use crate::decoding::decoder_factory::DecoderFactory;
use crate::error::{Error, Result};
use crate::input::{Batches, Selection};
use crate::learning::fitting::{self, Learned, learn};
use crate::learning::gathering::{Gathered, Parts, gather};
use crate::learning::prior::{Prior, PriorArgs};
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
    /// No rate is below this share of its prior in the learned model
    #[arg(long, value_name = "SHARE", default_value_t = RatesOptions::default().floor, value_parser = values::probability)]
    floor: f64,
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
    /// Threads [default: all cores]
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
  outrider learn --distance 5 --p 0.003 --in dets.b8 --out learned.dem";

/// Runs the subcommand.
pub(crate) fn run(args: &LearnArgs) -> Result<()> {
    let threads = thread_count(args.threads)?;
    args.require_apart()?;
    let prior = Prior::of(&args.prior)?;
    let mut out = Output::create_optional(args.out.as_deref())?;
    let mut gathered = args.gather(&prior, threads)?;
    let scores = args.scores(&prior, &gathered, threads)?;
    let moments = gathered.all()?;
    let learned = learn(&prior, &moments, &args.options())?;
    if let Some(out) = &mut out {
        out.put(learned.model.to_text().as_bytes())?;
        out.put(b"\n")?;
    }
    output::commit(out)?;
    for (choice, score) in args.decoder.iter().zip(&scores) {
        eprintln!("{choice} {score:?} {:?}", score.ratio());
    }
    eprintln!("{:?}", learned.rates.summary());
    Ok(())
}

impl LearnArgs {
    fn is_scored(&self) -> bool {
        self.hold_out.is_some() || self.cross_validate
    }

    fn require_apart(&self) -> Result<()> {
        self.shots.require_apart(self.prior.dem.as_deref(), self.is_scored())?;
        self.sums.require_taken(&self.decoder)
    }

    fn options(&self) -> RatesOptions {
        RatesOptions { method: self.method, floor: self.floor, shrinkage: self.shrink }
    }

    /// The shots that are learned from.
    fn learned_from(&self) -> Selection {
        match self.hold_out {
            Some(share) => Selection::HeldOut { share, is_held_out: false },
            None => Selection::All,
        }
    }

    fn gather(&self, prior: &Prior, threads: usize) -> Result<Gathered> {
        let options = MomentsOptions { isa: self.isa, ..MomentsOptions::default() };
        let batches = self.shots.open(&prior.model, self.learned_from(), false)?;
        let bar = progress::bar(0, "shots");
        let parts = Parts { has_folds: self.cross_validate, block_shots: None };
        let new = || Ok(Moments::for_model_with(&prior.model, &options)?);
        let gathered = gather(&new, parts, batches, threads, &mut |shots| bar.inc(shots))?;
        bar.finish_and_clear();
        if gathered.folds.iter().any(|fold| fold.shots() == 0) {
            return Err(Error::input(self.shots.name().display(), "no shots to learn from"));
        }
        Ok(gathered)
    }

    /// A score of each decoder, if scores are asked for.
    fn scores(&self, prior: &Prior, gathered: &Gathered, threads: usize) -> Result<Vec<Score>> {
        if !self.is_scored() {
            return Ok(Vec::new());
        }
        let folds = match self.hold_out {
            Some(share) => vec![(0, Selection::HeldOut { share, is_held_out: true })],
            None => vec![(0, Selection::Fold { parity: 1 }), (1, Selection::Fold { parity: 0 })],
        };
        let mut scores = vec![Score::default(); self.decoder.len()];
        for (fold, selection) in folds {
            let learned = learn(prior, &gathered.folds[fold], &self.options())?;
            for (score, &choice) in scores.iter_mut().zip(&self.decoder) {
                let decoding =
                    Decoding { choice, sums: self.sums, graph: self.graph, threads, name: self.shots.name() };
                let open = || self.shots.open(&prior.model, selection, true);
                let before = decoding.failures(&prior.model, open()?)?;
                let after = decoding.failures(&learned.model, open()?)?;
                score.add(compare(&before, &after));
            }
        }
        Ok(scores)
    }
}
