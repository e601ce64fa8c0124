//! From counts to rates and models.

use outrider::{DetectorErrorModel, Moments, Rates, RatesMethod, RatesOptions, Shrinkage};

use crate::error::Result;
use crate::learning::prior::Prior;

/// Rates as they were learned, and the model that has them.
pub(crate) struct Learned {
    /// The rates.
    pub(crate) rates: Rates,
    /// The prior's instructions with these rates.
    pub(crate) model: DetectorErrorModel,
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

/// Learns from counted moments.
pub(crate) fn learn(prior: &Prior, moments: &Moments, options: &RatesOptions) -> Result<Learned> {
    let mut rates = rates_of(prior, moments, options)?;
    rates.fit(moments)?;
    let model = rates.model(&prior.model)?;
    Ok(Learned { rates, model })
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

/// What `--method` names.
pub(crate) fn method(text: &str) -> std::result::Result<RatesMethod, String> {
    text.parse().map_err(|_| "expected closed-form or regression".to_owned())
}
