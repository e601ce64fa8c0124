//! The part of `outrider demo` that learns the noise of the device.

use std::path::Path;
use std::time::Instant;

use outrider::{DecoderKind, DetectorErrorModel, Isa, LearningOptions, RatesMethod, RatesOptions, Shrinkage};

use crate::error::Result;
use crate::input::{Batches, Selection};
use crate::learning::fitting::learn;
use crate::learning::gathering::{Correlations, Counting, gather};
use crate::learning::prior::{Prior, Tie};
use crate::learning::report::scale_of;
use crate::learning::scoring::{Decoding, Score, compare};
use crate::options::decoder::DecoderChoice;
use crate::options::graph::GraphArgs;
use crate::options::sums::SumArgs;
use crate::output::print;

/// Shots that are judged together.
const WINDOW: usize = 1000;
/// How far true rates are taken to be from the prior where errors are summed over.
const SPREAD: f64 = 0.3;

/// Shots of the device: those selected, with what happened to the observables or without.
pub(crate) type Recorded<'a> = &'a dyn Fn(Selection, bool) -> Result<Batches>;

/// Learns rates from each half of the shots and decodes the other half.
pub(crate) fn show(
    model: &DetectorErrorModel,
    name: &Path,
    threads: usize,
    recorded: Recorded<'_>,
) -> Result<()> {
    let prior = Prior::tied(DetectorErrorModel::parse(&model.to_text())?, &Tie::Time)?;
    let counting = Counting {
        window: WINDOW,
        leave_out_bursts: true,
        has_folds: true,
        block_shots: None,
        correlations: Correlations::Inside,
        isa: Isa::Auto,
    };
    let clock = Instant::now();
    let gathered = gather(model, counting, recorded(Selection::All, false)?, &mut |_| {})?;
    let closed_form = LearningOptions {
        rates: RatesOptions { method: RatesMethod::ClosedForm, ..RatesOptions::default() },
        within_groups: Some(Shrinkage::Fitted),
    };
    let regression = LearningOptions {
        rates: RatesOptions { shrinkage: Shrinkage::Spread(SPREAD), ..RatesOptions::default() },
        within_groups: Some(Shrinkage::Spread(SPREAD)),
    };
    let learned_by = |options: &LearningOptions| -> Result<Vec<_>> {
        gathered.folds.iter().map(|fold| learn(&prior, fold, options)).collect()
    };
    let (closed, regressed) = (learned_by(&closed_form)?, learned_by(&regression)?);
    let seconds = clock.elapsed().as_secs_f64();
    print(&format!(
        "\nIts noise, learned from the detection events of one half of the shots, decodes the other half; \
         {seconds:.1} s\n  decoder            failures by the circuit's model -> by the learned one\n"
    ))?;
    for (choice, learned) in [
        (DecoderChoice::Graph(DecoderKind::Mwpm), &closed),
        (DecoderChoice::Graph(DecoderKind::MwpmCorrelated), &closed),
        (DecoderChoice::Trellis, &regressed),
    ] {
        let decoding =
            Decoding { choice, sums: SumArgs::default(), graph: GraphArgs::default(), threads, name };
        let mut score = Score::default();
        for (fold, learned) in learned.iter().enumerate() {
            let held_out = Selection::Fold { parity: 1 - fold as u64 };
            let before = decoding.failures(model, recorded(held_out, true)?)?;
            score.add(compare(&before, &decoding.failures(&learned.model, recorded(held_out, true)?)?));
        }
        let interval = score.ratio().map_or_else(String::new, |(ratio, low, high)| {
            format!("   {ratio:.3} times [{low:.3}, {high:.3}]")
        });
        let line = format!("{} -> {}{interval}", score.prior_failures, score.learned_failures);
        print(&format!("  {:<17}  {line}\n", choice.name()))?;
    }
    let classes = closed.first().map_or(&[][..], |learned| &learned.classes);
    let size = |size| {
        let scale = scale_of(classes.iter().filter(|class| class.detectors.len() == size));
        scale.map_or(1.0, |scale| scale.0)
    };
    print(&format!(
        "  Its errors of one detector have {:.2} times the rate that the circuit's model says, of two {:.2}, of three \
         {:.2}.\n",
        size(1),
        size(2),
        size(3)
    ))
}
