//! From counts to rates and models.

use outrider::{Learned, Learning, LearningOptions, Moments, Rates, RatesMethod, Shrinkage, Ties};

use crate::error::Result;
use crate::learning::prior::Prior;

/// Learns from the means of parities, as of so many shots.
pub(crate) fn learn_means(
    prior: &Prior,
    moments: &Moments,
    means: &[f64],
    shots: f64,
    options: &LearningOptions,
) -> Result<Learned> {
    let ties = prior.ties.as_ref().map(|ties| Ties { errors: prior.errors(), groups: &ties.groups });
    let learning = Learning { prior: &prior.model, ties, options: *options };
    let learned = learning.fit_means(moments, means, shots);
    Ok(learned.map_err(|error| match &prior.path {
        Some(path) => error.with_path(path),
        None => error,
    })?)
}

/// Learns from counted moments.
pub(crate) fn learn(prior: &Prior, moments: &Moments, options: &LearningOptions) -> Result<Learned> {
    learn_means(prior, moments, &moments.means(), moments.effective_shots(), options)
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
