//! From counts to rates and models.

use outrider::{DetectorErrorModel, Moments, Rates, RatesMethod, RatesOptions, RatesSummary, Shrinkage};

use crate::error::Result;
use crate::learning::prior::Prior;

/// How rates are learned.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Fitting {
    /// As the library takes it.
    pub(crate) options: RatesOptions,
    /// How far errors of a group may be from what the group has, as the spread of true rates about it; nothing for not at
    /// all.
    pub(crate) within_groups: Option<Shrinkage>,
}

/// What is learned of one class of errors.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ClassRate {
    /// Its detectors, ascending.
    pub(crate) detectors: Vec<u32>,
    /// For each of its errors a mask of observables.
    pub(crate) observables: Vec<u64>,
    /// Attenuation by the prior.
    pub(crate) prior: f64,
    /// Learned attenuation; in closed form it may be negative.
    pub(crate) attenuation: f64,
    /// Its standard error; infinite where it is kept.
    pub(crate) deviation: f64,
    /// Learned models have the floor in place of it.
    pub(crate) is_floored: bool,
}

/// Rates as they were learned, and the model that has them.
pub(crate) struct Learned {
    /// The prior's instructions with learned rates.
    pub(crate) model: DetectorErrorModel,
    /// Ordered by detectors.
    pub(crate) classes: Vec<ClassRate>,
    /// Of named groups.
    pub(crate) group_factors: Vec<f64>,
    /// Of the fit; with ties, of that of the groups.
    pub(crate) summary: RatesSummary,
    /// Of errors about their groups, if they are fitted.
    pub(crate) within_groups: Option<RatesSummary>,
}

/// Rates of the errors of a prior, not learned yet.
pub(crate) fn rates_of(prior: &Prior, moments: &Moments, options: &RatesOptions) -> Result<Rates> {
    let rates = match &prior.ties {
        Some(ties) => Rates::tied(prior.errors(), &ties.groups, moments, options),
        None => Rates::with_options(&prior.model, moments, options),
    };
    Ok(rates.map_err(|error| match &prior.path {
        Some(path) => error.with_path(path),
        None => error,
    })?)
}

/// Learns from the means of parities, as of so many shots.
pub(crate) fn learn_means(
    prior: &Prior,
    moments: &Moments,
    means: &[f64],
    shots: f64,
    fitting: &Fitting,
) -> Result<Learned> {
    let mut rates = rates_of(prior, moments, &fitting.options)?;
    rates.fit_means(means, shots)?;
    let mut learned = Learned {
        model: rates.model(&prior.model)?,
        classes: classes_of(&rates),
        group_factors: (0..prior.names().len())
            .filter_map(|group| rates.group_factor(group as u32))
            .collect(),
        summary: rates.summary(),
        within_groups: None,
    };
    if let (Some(shrinkage), Some(_)) = (fitting.within_groups, &prior.ties) {
        let options = RatesOptions { shrinkage, ..fitting.options };
        let mut rates = Rates::with_options(&learned.model, moments, &options)?;
        rates.fit_means(means, shots)?;
        learned.model = rates.model(&learned.model)?;
        learned.take_within_groups(&rates);
    }
    Ok(learned)
}

/// Learns from counted moments.
pub(crate) fn learn(prior: &Prior, moments: &Moments, fitting: &Fitting) -> Result<Learned> {
    learn_means(prior, moments, &moments.means(), moments.effective_shots(), fitting)
}

impl Learned {
    /// Takes the classes from a fit about the groups, whose errors they have as well.
    fn take_within_groups(&mut self, rates: &Rates) {
        let summary = rates.summary();
        for (class, fresh) in self.classes.iter_mut().zip(rates.classes()) {
            let spread = summary.spread[class.detectors.len().clamp(1, summary.spread.len()) - 1];
            let about_group = spread * summary.scale * fresh.prior;
            // What of the estimate comes from the group, by how the errors of estimate and group are joined.
            let variance = fresh.deviation.powi(2);
            let share =
                if about_group > 0.0 && variance.is_finite() { variance / about_group.powi(2) } else { 0.0 };
            class.attenuation = fresh.attenuation;
            class.deviation = (variance + (share * class.deviation).powi(2)).sqrt();
            class.is_floored = fresh.is_floored;
        }
        self.within_groups = Some(summary);
    }
}

fn classes_of(rates: &Rates) -> Vec<ClassRate> {
    let of = |class: outrider::Rate<'_>| ClassRate {
        detectors: class.detectors.to_vec(),
        observables: class.observables.to_vec(),
        prior: class.prior,
        attenuation: class.attenuation,
        deviation: class.deviation,
        is_floored: class.is_floored,
    };
    rates.classes().map(of).collect()
}

/// What `--shrink` names.
pub(crate) fn shrinkage(text: &str) -> std::result::Result<Shrinkage, String> {
    match text {
        "auto" => Ok(Shrinkage::Fitted),
        "none" => Ok(Shrinkage::None),
        _ => text
            .parse()
            .ok()
            .filter(|spread| *spread > 0.0 && *spread <= Rates::SPREAD_MAX)
            .map(Shrinkage::Spread)
            .ok_or_else(|| format!("expected auto, none, or a number above 0, up to {}", Rates::SPREAD_MAX)),
    }
}

/// What `--tie-spread` names: nothing for 0.
pub(crate) fn tie_spread(text: &str) -> std::result::Result<TieSpread, String> {
    match text {
        "0" => Ok(TieSpread(None)),
        "none" => Err(String::from("expected auto, 0, or a number above it")),
        _ => shrinkage(text).map(|shrinkage| TieSpread(Some(shrinkage))),
    }
}

/// How far errors of a group may be from what the group has; nothing for not at all.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct TieSpread(pub(crate) Option<Shrinkage>);

/// What `--method` names.
pub(crate) fn method(text: &str) -> std::result::Result<RatesMethod, String> {
    text.parse().map_err(|_| "expected closed-form or regression".to_owned())
}
