use crate::error::Error;
use crate::model::DetectorErrorModel;
use crate::moments::Moments;
use crate::rates::{Rate, Rates, RatesOptions, RatesSummary, Shrinkage};
use crate::residuals::Learnability;

/// Learns a model from moments: [`Rates`], and with ties a second fit of errors about their groups.
///
/// ```
/// use outrider::{DetectorErrorModel, Learning, Moments};
///
/// let prior = DetectorErrorModel::parse("error(0.1) D0 D1\nerror(0.1) D1 L0")?;
/// let truth = DetectorErrorModel::parse("error(0.2) D0 D1\nerror(0.05) D1 L0")?;
/// let moments = Moments::for_model(&prior)?;
/// let learned = Learning::of(&prior).fit_means(&moments, &moments.expected(&truth)?, 1e9)?;
/// assert!((learned.classes[0].probability() - 0.2).abs() < 1e-4);
/// assert_eq!(learned.model.error_count(), 2);
/// # Ok::<(), outrider::Error>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Learning<'m> {
    /// Has the instructions of the learned model.
    pub prior: &'m DetectorErrorModel,
    /// Which errors share a factor.
    pub ties: Option<Ties<'m>>,
    /// How rates are learned.
    pub options: LearningOptions,
}

/// Errors in groups, as [`Rates::tied`] takes them.
#[derive(Debug, Clone, Copy)]
pub struct Ties<'m> {
    /// The errors: the prior, or what sums to it.
    pub errors: &'m DetectorErrorModel,
    /// The group of each error.
    pub groups: &'m [u32],
}

/// How a model is learned.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LearningOptions {
    /// Of the fit; with ties, of that of the groups.
    pub rates: RatesOptions,
    /// How far errors of a group may be from what the group has, as the spread of true rates about it; nothing for not
    /// at all.
    pub within_groups: Option<Shrinkage>,
}

/// What is learned of one class of errors.
#[derive(Debug, Clone, PartialEq)]
pub struct LearnedClass {
    /// Its detectors, ascending.
    pub detectors: Vec<u32>,
    /// For each of its errors a mask of observables.
    pub observables: Vec<u64>,
    /// Attenuation by the prior.
    pub prior: f64,
    /// Learned attenuation; in closed form it may be negative.
    pub attenuation: f64,
    /// Its standard error; infinite where it is kept.
    pub deviation: f64,
    /// Learned models have the floor in place of it.
    pub is_floored: bool,
}

/// Rates as they were learned, and the model that has them.
#[derive(Debug)]
pub struct Learned {
    /// The prior's instructions with learned rates.
    pub model: DetectorErrorModel,
    /// Ordered by detectors.
    pub classes: Vec<LearnedClass>,
    /// What each group was fitted to have; none without ties.
    pub group_factors: Vec<f64>,
    /// What the shots alone say of each class; with ties, of its group.
    pub learnability: Learnability,
    /// Of the fit; with ties, of that of the groups.
    pub summary: RatesSummary,
    /// Of errors about their groups, if they are fitted.
    pub within_groups: Option<RatesSummary>,
}

impl<'m> Learning<'m> {
    /// Without ties, by the default options.
    pub fn of(prior: &'m DetectorErrorModel) -> Self {
        Self { prior, ties: None, options: LearningOptions::default() }
    }

    /// Learns from counted moments.
    ///
    /// # Errors
    /// As [`Rates::tied`] and [`Rates::fit`].
    pub fn fit(&self, moments: &Moments) -> Result<Learned, Error> {
        self.learned(moments, |rates| rates.fit(moments))
    }

    /// Learns from a mean of (-1)^(events) for each set of `moments`, as of so many shots.
    ///
    /// # Errors
    /// As [`Rates::tied`] and [`Rates::fit_means`].
    pub fn fit_means(&self, moments: &Moments, means: &[f64], shots: f64) -> Result<Learned, Error> {
        self.learned(moments, |rates| rates.fit_means(means, shots))
    }

    fn learned(
        &self,
        moments: &Moments,
        fit: impl Fn(&mut Rates) -> Result<(), Error>,
    ) -> Result<Learned, Error> {
        let options = &self.options;
        let mut rates = match self.ties {
            Some(ties) => Rates::tied(ties.errors, ties.groups, moments, &options.rates)?,
            None => Rates::with_options(self.prior, moments, &options.rates)?,
        };
        fit(&mut rates)?;
        let groups =
            self.ties.and_then(|ties| ties.groups.iter().filter(|&&group| group != Rates::UNTIED).max());
        let mut learned = Learned {
            model: rates.model(self.prior)?,
            classes: rates.classes().map(LearnedClass::of).collect(),
            group_factors: groups
                .into_iter()
                .flat_map(|&last| (0..=last).filter_map(|group| rates.group_factor(group)))
                .collect(),
            learnability: rates.judge(),
            summary: rates.summary(),
            within_groups: None,
        };
        if let (Some(shrinkage), Some(_)) = (options.within_groups, self.ties) {
            let options = RatesOptions { shrinkage, ..options.rates };
            let mut rates = Rates::with_options(&learned.model, moments, &options)?;
            fit(&mut rates)?;
            learned.model = rates.model(&learned.model)?;
            learned.take_within_groups(&rates);
        }
        Ok(learned)
    }
}

impl Default for LearningOptions {
    /// Those of [`RatesOptions`]; errors are as far from their groups as the shots show.
    fn default() -> Self {
        Self { rates: RatesOptions::default(), within_groups: Some(Shrinkage::Fitted) }
    }
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
            let of_group = if about_group > 0.0 && variance.is_finite() {
                (variance / about_group.powi(2)).min(1.0) * class.deviation
            } else {
                0.0
            };
            class.attenuation = fresh.attenuation;
            class.deviation = (variance + of_group.powi(2)).sqrt();
            class.is_floored = fresh.is_floored;
        }
        self.within_groups = Some(summary);
    }
}

impl LearnedClass {
    fn of(class: Rate<'_>) -> Self {
        Self {
            detectors: class.detectors.to_vec(),
            observables: class.observables.to_vec(),
            prior: class.prior,
            attenuation: class.attenuation,
            deviation: class.deviation,
            is_floored: class.is_floored,
        }
    }

    /// Nothing is learned: the attenuation is the prior's.
    pub fn is_kept(&self) -> bool {
        self.deviation.is_infinite()
    }

    /// The estimate is not above 0; learned models have the floor instead.
    pub fn is_not_positive(&self) -> bool {
        !self.is_kept() && self.attenuation <= 0.0
    }

    /// The probability of an odd number of the class' errors, by the prior.
    pub fn prior_probability(&self) -> f64 {
        probability(self.prior)
    }

    /// The learned probability of an odd number of the class' errors; may be negative, as the attenuation.
    pub fn probability(&self) -> f64 {
        probability(self.attenuation)
    }

    /// The standard error of the probability; infinite where it is kept.
    pub fn probability_deviation(&self) -> f64 {
        0.5 * (-self.attenuation).exp() * self.deviation
    }
}

fn probability(attenuation: f64) -> f64 {
    -0.5 * (-attenuation).exp_m1()
}
