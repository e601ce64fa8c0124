use std::ptr;

use outrider_sys as sys;

use crate::kernels::Isa;
use crate::predecoder::Predecoder;
use crate::trellis::TrellisBudget;

/// How a decoder by likelihood is made. Weights, gaps and ratios are in natural units.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LikelihoodOptions {
    /// The instruction set; all of them give the same bits.
    pub isa: Isa,
    /// A first gap this wide is the answer; above 0 and at most 600.
    pub sure_gap: f64,
    /// So is a mean of the two gaps this wide if they agree; from 0.
    pub sure_mean: f64,
    /// Edges to which the pre-decoder gives less than this weight are candidates; without one, those whose weight a
    /// matching lowers below half of it. From 0.
    pub likely_weight: f64,
    /// Iterations of belief propagation over the candidates; at most 64.
    pub iterations: u32,
    /// What is kept of the states of the sum.
    pub budget: TrellisBudget,
    /// What is added of the mean gap to the ratio of the sum; from 0 to 1.
    pub gap_share: f64,
    /// Ratios of gaps times this are given out, for they are too large for probabilities; above 0 and at most 1.
    pub gap_slope: f64,
    /// The same of ratios of the sum.
    pub sum_slope: f64,
    /// Where the magnitude of a ratio of the sum is below this, 0 for never, matchings under perturbed weights find more
    /// candidates, and these are summed up.
    pub deep_ratio: f64,
    /// How many such matchings; from 1 to 64.
    pub deep_members: u32,
    /// The budget of that sum.
    pub deep_budget: TrellisBudget,
}

impl LikelihoodOptions {
    pub(crate) fn to_raw(self, predecoder: Option<&Predecoder>) -> sys::otr_likelihood_options {
        sys::otr_likelihood_options {
            isa: self.isa.to_raw(),
            predecoder: predecoder.map_or(ptr::null_mut(), Predecoder::as_ptr),
            sure_gap: self.sure_gap,
            sure_mean: self.sure_mean,
            likely_weight: self.likely_weight,
            iterations: self.iterations,
            budget: self.budget.to_raw(),
            gap_share: self.gap_share,
            gap_slope: self.gap_slope,
            sum_slope: self.sum_slope,
            deep_ratio: self.deep_ratio,
            deep_members: self.deep_members,
            deep_budget: self.deep_budget.to_raw(),
        }
    }
}

impl Default for LikelihoodOptions {
    /// The library's defaults.
    fn default() -> Self {
        // SAFETY: no arguments.
        let raw = unsafe { sys::otr_likelihood_options_default() };
        Self {
            isa: Isa::Auto,
            sure_gap: raw.sure_gap,
            sure_mean: raw.sure_mean,
            likely_weight: raw.likely_weight,
            iterations: raw.iterations,
            budget: TrellisBudget::from_raw(raw.budget),
            gap_share: raw.gap_share,
            gap_slope: raw.gap_slope,
            sum_slope: raw.sum_slope,
            deep_ratio: raw.deep_ratio,
            deep_members: raw.deep_members,
            deep_budget: TrellisBudget::from_raw(raw.deep_budget),
        }
    }
}
