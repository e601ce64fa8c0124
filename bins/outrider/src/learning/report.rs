//! What was learned, as JSON and as the lines that a terminal shows.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use outrider::{ClassFlags, DriftReport, Learnability, Learned, LearnedClass, ResidualPair, Residuals};
use serde::Serialize;

use crate::learning::gathering::Burst;
use crate::learning::patch_map::{PatchMap, Site};
use crate::learning::places::{Apart, Places};
use crate::learning::scoring::Score;
use crate::learning::series::Point;

/// Residual pairs listed at most; the numbers of all are given.
const PAIRS_LISTED_MAX: usize = 200;
/// Detectors that drift listed at most.
const DRIFTING_LISTED_MAX: usize = 200;
/// Sites and pairs that the terminal shows.
const SHOWN: usize = 3;

/// The object that `--report` writes. Rates are probabilities; attenuations are -ln(1 - 2 p).
#[derive(Serialize)]
pub(crate) struct Report {
    pub(crate) version: &'static str,
    pub(crate) settings: Settings,
    /// Shots learned from.
    pub(crate) shots: u64,
    pub(crate) detectors: u64,
    pub(crate) fit: Fit,
    /// One for each class of errors, ordered by detectors.
    pub(crate) rates: Vec<RateRow>,
    /// Parameters or groups of errors by their names, if errors are tied under names.
    pub(crate) groups: Vec<GroupRow>,
    /// What the shots say of classes without the prior.
    pub(crate) alone: Alone,
    /// By place, if detectors have coordinates.
    pub(crate) patch: Option<PatchMap>,
    pub(crate) residuals: Option<ResidualReport>,
    pub(crate) bursts: Vec<BurstRow>,
    /// Nothing with fewer than two windows.
    pub(crate) drift: Option<DriftRows>,
    /// Events over time; neighbouring windows are one row where there are many. Bursts that are left out are not in it.
    pub(crate) events: Vec<EventsRow>,
    /// Of blocks, if they are asked for.
    pub(crate) blocks: Vec<BlockRow>,
    pub(crate) scores: Vec<ScoreRow>,
    /// What to look at before the rates are trusted.
    pub(crate) warnings: Vec<String>,
}

/// How it was learned.
#[derive(Serialize)]
pub(crate) struct Settings {
    pub(crate) prior: String,
    pub(crate) input: Vec<String>,
    pub(crate) method: String,
    pub(crate) shrink: String,
    pub(crate) tie: String,
    pub(crate) tie_spread: String,
    pub(crate) floor: f64,
    pub(crate) window: usize,
    pub(crate) keep_bursts: bool,
    pub(crate) correlations: String,
    pub(crate) level: f64,
    /// Shots of a block, and the share that is held out, if they are asked for.
    pub(crate) blocks: Option<u64>,
    pub(crate) hold_out: Option<f64>,
    pub(crate) cross_validate: bool,
}

/// The fit as a whole.
#[derive(Serialize)]
pub(crate) struct Fit {
    pub(crate) classes: usize,
    /// Classes whose errors differ in observables: syndromes do not tell these apart, and they keep the prior's split.
    pub(crate) indistinguishable: usize,
    /// All attenuations over those of the prior, and its standard error, classes taken as independent.
    pub(crate) scale: f64,
    pub(crate) scale_error: f64,
    /// The same for classes of 1, 2, 3 and 4 detectors; null where there are none.
    pub(crate) scale_by_size: [Option<f64>; 4],
    /// Spread of true rates about the scaled prior, by which estimates were drawn to it; null for not at all.
    pub(crate) spread_by_size: [Option<f64>; 4],
    /// The same of errors about their groups.
    pub(crate) spread_within_groups_by_size: Option<[Option<f64>; 4]>,
    /// Mean square of what the regression leaves of the moments, in their errors; 0 in closed form.
    pub(crate) chi_square: f64,
    pub(crate) moments: u64,
    /// Classes whose rate is the prior's, since nothing is learned of it.
    pub(crate) kept: usize,
    /// Classes whose estimate is not above 0, and those that have the floor.
    pub(crate) not_positive: usize,
    pub(crate) floored: usize,
}

/// One class.
#[derive(Serialize)]
pub(crate) struct RateRow {
    pub(crate) detectors: Vec<u32>,
    /// Of each of its errors.
    pub(crate) observables: Vec<Vec<u32>>,
    pub(crate) prior: f64,
    /// Learned; may be negative in closed form, where the model has the floor.
    pub(crate) rate: f64,
    /// Standard error; null where the prior is kept.
    pub(crate) error: Option<f64>,
    pub(crate) is_floored: bool,
}

/// Classes by their closed forms, drawn to nothing.
#[derive(Serialize)]
pub(crate) struct Alone {
    /// Classes whose standard error is above their rate and their prior's.
    pub(crate) unsure: usize,
    /// Those of them of one detector: boundaries that these shots do not identify.
    pub(crate) boundaries_unsure: usize,
    /// Classes of one detector.
    pub(crate) boundaries: usize,
    /// Classes below 0 by 5 standard errors: other errors than the model's correlate their detectors.
    pub(crate) negative: usize,
}

impl Alone {
    pub(crate) fn of(learnability: &Learnability) -> Self {
        let count = |wanted: fn(&ClassFlags) -> bool| {
            learnability.classes.iter().filter(|&class| wanted(class)).count()
        };
        Self {
            unsure: count(|class| class.is_unsure),
            boundaries_unsure: count(|class| class.is_boundary && class.is_unsure),
            boundaries: count(|class| class.is_boundary),
            negative: count(|class| class.is_negative),
        }
    }
}

/// One named group.
#[derive(Serialize)]
pub(crate) struct GroupRow {
    pub(crate) name: String,
    /// On the prior.
    pub(crate) factor: f64,
}

/// Pairs of detectors and single ones against the learned model.
#[derive(Serialize)]
pub(crate) struct ResidualReport {
    pub(crate) outside_tested: u64,
    pub(crate) outside_significant: u64,
    pub(crate) inside_tested: u64,
    pub(crate) inside_significant: u64,
    /// Significant pairs that no error flips, least likely first.
    pub(crate) outside: Vec<PairRow>,
    /// Significant pairs that errors flip.
    pub(crate) inside: Vec<PairRow>,
    /// All pairs that no error flips, by how far apart they are; nothing without coordinates.
    pub(crate) outside_apart: Vec<ApartRow>,
    /// All pairs that errors flip.
    pub(crate) inside_apart: Vec<ApartRow>,
}

/// One pair.
#[derive(Serialize)]
pub(crate) struct PairRow {
    pub(crate) detectors: [u32; 2],
    /// How far apart they are, if they have coordinates.
    pub(crate) apart: Option<Apart>,
    /// Rate of one more error that would explain it.
    pub(crate) excess: f64,
    pub(crate) error: f64,
    pub(crate) z: f64,
    pub(crate) log10_p: f64,
}

/// Pairs that are equally far apart.
#[derive(Serialize)]
pub(crate) struct ApartRow {
    #[serde(flatten)]
    pub(crate) apart: Apart,
    pub(crate) tested: u64,
    pub(crate) significant: u64,
}

/// One window that was left out.
#[derive(Serialize)]
pub(crate) struct BurstRow {
    /// Indices from 0, in the order of the files.
    pub(crate) first_shot: u64,
    pub(crate) last_shot: u64,
    pub(crate) events: u64,
    pub(crate) expected: f64,
    pub(crate) z: f64,
}

/// Whether the noise stood still.
#[derive(Serialize)]
pub(crate) struct DriftRows {
    pub(crate) has_drift: bool,
    pub(crate) windows: u32,
    /// Standard deviation of the events of a shot among windows, beyond chance.
    pub(crate) events_spread: f64,
    pub(crate) events_change: f64,
    pub(crate) events_log10_p: f64,
    pub(crate) significant: usize,
    /// Detectors that moved significantly.
    pub(crate) detectors: Vec<DriftRow>,
}

/// One detector that moved.
#[derive(Serialize)]
pub(crate) struct DriftRow {
    pub(crate) detector: u32,
    pub(crate) rate: f64,
    pub(crate) spread: f64,
    pub(crate) change: f64,
    pub(crate) log10_p: f64,
}

/// Windows that follow each other.
#[derive(Serialize)]
pub(crate) struct EventsRow {
    /// Indices from 0, in the order of the files.
    pub(crate) first_shot: u64,
    pub(crate) last_shot: u64,
    /// Shots that were learned from.
    pub(crate) shots: u64,
    /// Events of a shot.
    pub(crate) mean: f64,
    /// Standard error of the mean, as the shots show it; null for one shot.
    pub(crate) error: Option<f64>,
}

/// One block of the series.
#[derive(Serialize)]
pub(crate) struct BlockRow {
    pub(crate) first_shot: u64,
    pub(crate) shots: u64,
    /// All attenuations over those of the prior.
    pub(crate) scale: f64,
    pub(crate) scale_error: f64,
    pub(crate) patch: Option<PatchMap>,
}

/// Failures of one decoder.
#[derive(Serialize)]
pub(crate) struct ScoreRow {
    pub(crate) decoder: String,
    #[serde(flatten)]
    pub(crate) score: Score,
    pub(crate) ratio: Option<f64>,
    /// At 95 %, of the ratio of paired counts.
    pub(crate) ratio_interval: Option<[f64; 2]>,
}

impl RateRow {
    pub(crate) fn of(class: &LearnedClass) -> Self {
        let bits = |mask: &u64| (0..u64::BITS).filter(|bit| mask >> bit & 1 == 1).collect();
        Self {
            detectors: class.detectors.clone(),
            observables: class.observables.iter().map(bits).collect(),
            prior: class.prior_probability(),
            rate: class.probability(),
            error: (!class.is_kept()).then(|| class.probability_deviation()),
            is_floored: class.is_floored,
        }
    }
}

/// All attenuations over those of the prior, with the standard error.
pub(crate) fn scale_of<'c>(classes: impl Iterator<Item = &'c LearnedClass>) -> Option<(f64, f64)> {
    let (mut learned, mut prior, mut variance) = (0.0, 0.0, 0.0);
    for class in classes.filter(|class| class.deviation.is_finite()) {
        learned += class.attenuation;
        prior += class.prior;
        variance += class.deviation.powi(2);
    }
    (prior > 0.0).then(|| (learned / prior, variance.sqrt() / prior))
}

impl GroupRow {
    /// What named groups were learned to have.
    pub(crate) fn all(names: &[String], learned: &Learned) -> Vec<Self> {
        let factors = learned.group_factors.iter();
        names.iter().zip(factors).map(|(name, &factor)| Self { name: name.clone(), factor }).collect()
    }
}

impl Fit {
    pub(crate) fn of(learned: &Learned) -> Self {
        let classes = &learned.classes;
        let size = |size: usize| {
            scale_of(classes.iter().filter(move |class| class.detectors.len() == size)).map(|scale| scale.0)
        };
        let finite =
            |spreads: [f64; 4]| spreads.map(|spread| (spread > 0.0 && spread.is_finite()).then_some(spread));
        let (scale, scale_error) = scale_of(classes.iter()).unwrap_or((1.0, 0.0));
        let count = |wanted: fn(&LearnedClass) -> bool| classes.iter().filter(|&class| wanted(class)).count();
        Self {
            classes: classes.len(),
            indistinguishable: count(|class| class.observables.len() > 1),
            scale,
            scale_error,
            scale_by_size: [size(1), size(2), size(3), size(4)],
            spread_by_size: finite(learned.summary.spread),
            spread_within_groups_by_size: learned.within_groups.map(|summary| finite(summary.spread)),
            chi_square: learned.summary.chi_square,
            moments: learned.summary.moments,
            kept: count(LearnedClass::is_kept),
            not_positive: count(LearnedClass::is_not_positive),
            floored: count(|class| !class.is_kept() && class.is_floored),
        }
    }
}

impl ResidualReport {
    pub(crate) fn of(residuals: &Residuals, places: Option<&Places>) -> Self {
        let summary = residuals.summary();
        let row = |pair: ResidualPair| PairRow {
            detectors: [pair.first, pair.second],
            apart: places.map(|places| places.apart(pair.first, pair.second)),
            excess: pair.excess,
            error: pair.excess_deviation,
            z: pair.z,
            log10_p: pair.log10_p,
        };
        let significant = |inside: bool| {
            let pairs = residuals.pairs().filter(move |pair| pair.is_significant && pair.is_inside == inside);
            pairs.take(PAIRS_LISTED_MAX).map(row).collect()
        };
        Self {
            outside_tested: summary.outside,
            outside_significant: summary.outside_significant,
            inside_tested: summary.inside,
            inside_significant: summary.inside_significant,
            outside: significant(false),
            inside: significant(true),
            outside_apart: by_distance(residuals, places, false),
            inside_apart: by_distance(residuals, places, true),
        }
    }
}

/// Counts pairs by how far apart they are.
fn by_distance(residuals: &Residuals, places: Option<&Places>, inside: bool) -> Vec<ApartRow> {
    let Some(places) = places else { return Vec::new() };
    let mut rows: BTreeMap<(u32, u64), ApartRow> = BTreeMap::new();
    for pair in residuals.pairs().filter(|pair| pair.is_inside == inside) {
        let apart = places.apart(pair.first, pair.second);
        // Distances are not negative: their bits have their order.
        let row = rows.entry((apart.rounds, apart.distance.to_bits()));
        let row = row.or_insert(ApartRow { apart, tested: 0, significant: 0 });
        row.tested += 1;
        row.significant += u64::from(pair.is_significant);
    }
    rows.into_values().collect()
}

impl EventsRow {
    pub(crate) fn of(point: &Point) -> Self {
        let &Point { first_shot, last_shot, shots, .. } = point;
        Self { first_shot, last_shot, shots, mean: point.mean(), error: point.error() }
    }
}

impl BurstRow {
    pub(crate) fn of(burst: &Burst) -> Self {
        let &Burst { first_shot, last_shot, window } = burst;
        Self { first_shot, last_shot, events: window.events, expected: window.expected, z: window.z }
    }
}

impl DriftRows {
    pub(crate) fn of(report: &DriftReport) -> Self {
        let significant = report.detectors.iter().filter(|detector| detector.is_significant);
        let row = |detector: &outrider::DriftDetector| DriftRow {
            detector: detector.detector,
            rate: detector.rate,
            spread: detector.spread,
            change: detector.change,
            log10_p: detector.log10_p,
        };
        Self {
            has_drift: report.has_drift,
            windows: report.blocks,
            events_spread: report.events.spread,
            events_change: report.events.change,
            events_log10_p: report.events.log10_p,
            significant: significant.clone().count(),
            detectors: significant.take(DRIFTING_LISTED_MAX).map(row).collect(),
        }
    }
}

impl ScoreRow {
    pub(crate) fn of(decoder: String, score: Score) -> Self {
        let ratio = score.ratio();
        Self {
            decoder,
            score,
            ratio: ratio.map(|(ratio, ..)| ratio),
            ratio_interval: ratio.map(|(_, low, high)| [low, high]),
        }
    }
}

impl Report {
    /// What a terminal shows.
    pub(crate) fn summary(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = self.write_summary(&mut text);
        text
    }

    fn write_summary(&self, text: &mut String) -> std::fmt::Result {
        self.write_rates(text)?;
        self.write_checks(text)?;
        self.write_scores(text)
    }

    fn write_rates(&self, text: &mut String) -> std::fmt::Result {
        let fit = &self.fit;
        writeln!(
            text,
            "{} shots of {} detectors; {} classes of errors, {}",
            self.shots, self.detectors, fit.classes, self.settings.method
        )?;
        write!(text, "rates over the prior's: {:.3} +- {:.3}", fit.scale, fit.scale_error)?;
        let names = ["one detector", "two", "three", "four"];
        let sizes: Vec<_> = names
            .iter()
            .zip(fit.scale_by_size)
            .filter_map(|(name, scale)| Some(format!("{name} {:.2}", scale?)))
            .collect();
        writeln!(text, " ({})", sizes.join(", "))?;
        if !self.groups.is_empty() {
            let groups: Vec<_> =
                self.groups.iter().map(|group| format!("{} {:.2}", group.name, group.factor)).collect();
            writeln!(text, "factors of groups: {}", groups.join(", "))?;
        }
        if let Some(patch) = &self.patch {
            writeln!(text, "worst places: {}", sites(&patch.places))?;
            writeln!(text, "worst between places: {}", sites(&patch.links))?;
        }
        writeln!(
            text,
            "{} estimates are not above 0, {} classes have the floor, {} keep the prior, {} are of errors that differ in \
             observables only",
            fit.not_positive, fit.floored, fit.kept, fit.indistinguishable
        )?;
        Ok(())
    }

    /// What does not fit, or does not stand still.
    fn write_checks(&self, text: &mut String) -> std::fmt::Result {
        let alone = &self.alone;
        writeln!(
            text,
            "by these shots alone {} classes are lost in noise, {} of the {} boundaries among them; {} are surely below 0",
            alone.unsure, alone.boundaries_unsure, alone.boundaries, alone.negative
        )?;
        match &self.drift {
            Some(drift) if drift.has_drift => writeln!(
                text,
                "the noise did not stand still: events of a shot spread by {:.3} among {} windows, {} of {} detectors moved",
                drift.events_spread, drift.windows, drift.significant, self.detectors
            )?,
            Some(drift) => writeln!(text, "the noise stood still over {} windows", drift.windows)?,
            None => writeln!(text, "too few shots to see whether the noise stood still")?,
        }
        if let Some(residuals) = &self.residuals {
            writeln!(
                text,
                "correlated beyond the model: {} of {} pairs that no error flips{}, {} of {} that errors do",
                residuals.outside_significant,
                residuals.outside_tested,
                pairs(&residuals.outside),
                residuals.inside_significant,
                residuals.inside_tested,
            )?;
        }
        for burst in self.bursts.iter().take(SHOWN) {
            writeln!(
                text,
                "left out as a burst: shots {} to {}, with {} events where {:.0} are usual",
                burst.first_shot, burst.last_shot, burst.events, burst.expected
            )?;
        }
        if self.bursts.len() > SHOWN {
            writeln!(text, "left out as bursts: {} more windows", self.bursts.len() - SHOWN)?;
        }
        Ok(())
    }

    fn write_scores(&self, text: &mut String) -> std::fmt::Result {
        if !self.scores.is_empty() {
            writeln!(text, "failures of held-out shots, prior -> learned:")?;
        }
        for ScoreRow { decoder, score, ratio, ratio_interval } in &self.scores {
            write!(
                text,
                "  {decoder}: {} -> {} of {}",
                score.prior_failures, score.learned_failures, score.shots
            )?;
            match (ratio, ratio_interval) {
                (Some(ratio), Some([low, high])) => {
                    writeln!(text, ", {ratio:.3} times [{low:.3}, {high:.3}]")?
                }
                _ => writeln!(text)?,
            }
        }
        for warning in &self.warnings {
            writeln!(text, "warning: {warning}")?;
        }
        Ok(())
    }
}

fn sites(sites: &[Site]) -> String {
    let shown: Vec<_> = sites
        .iter()
        .take(SHOWN)
        .map(|site| {
            let at: Vec<_> = site
                .at
                .iter()
                .map(|at| format!("({})", at.iter().map(f64::to_string).collect::<Vec<_>>().join(", ")))
                .collect();
            format!("{} {:.2} +- {:.2}", at.join("-"), site.factor, site.error)
        })
        .collect();
    if shown.is_empty() { "none".to_owned() } else { shown.join("; ") }
}

fn pairs(pairs: &[PairRow]) -> String {
    let shown: Vec<_> = pairs
        .iter()
        .take(SHOWN)
        .map(|pair| format!("D{} D{} {:.1e}", pair.detectors[0], pair.detectors[1], pair.excess))
        .collect();
    if shown.is_empty() { String::new() } else { format!(" (first {})", shown.join(", ")) }
}
