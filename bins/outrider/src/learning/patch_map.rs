//! Rates by place: what the qubits that are measured have, and those between them.

use std::collections::BTreeMap;

use outrider::{DetectorErrorModel, LearnedClass};
use serde::Serialize;

use crate::learning::places::Places;

/// Errors at one place, or between two, over all rounds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Site {
    /// Coordinates beside time: of one place, or of two.
    pub(crate) at: Vec<Vec<f64>>,
    /// Classes of errors.
    pub(crate) classes: usize,
    /// Their attenuation over that of the prior.
    pub(crate) factor: f64,
    /// Its standard error, classes taken as independent.
    pub(crate) error: f64,
}

/// Sites of a patch.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct PatchMap {
    /// Errors of one place's detectors: measurements and resets, and data qubits at the patch's edge.
    pub(crate) places: Vec<Site>,
    /// Errors that flip a detector at each of two places: data qubits, and pairs of gates.
    pub(crate) links: Vec<Site>,
}

#[derive(Default)]
struct Sum {
    classes: usize,
    prior: f64,
    learned: f64,
    variance: f64,
}

impl PatchMap {
    /// Adds classes of one and two detectors up by place; nothing without coordinates.
    pub(crate) fn of(model: &DetectorErrorModel, classes: &[LearnedClass]) -> Option<Self> {
        let all = Places::of(model)?;
        let mut names: BTreeMap<Vec<u64>, usize> = BTreeMap::new();
        let mut places: Vec<Vec<f64>> = Vec::new();
        let mut sums: BTreeMap<(usize, usize), Sum> = BTreeMap::new();
        for class in classes.iter().filter(|class| class.deviation.is_finite()) {
            let mut ends = [0; 2];
            match class.detectors.as_slice() {
                [first, rest @ ..] if rest.len() < 2 => {
                    for (end, &detector) in ends.iter_mut().zip([first, rest.first().unwrap_or(first)]) {
                        let at = all.place(detector).to_vec();
                        let key = at.iter().map(|number| number.to_bits()).collect();
                        *end = *names.entry(key).or_insert_with(|| {
                            places.push(at);
                            places.len() - 1
                        });
                    }
                }
                _ => continue,
            }
            let sum = sums.entry((ends[0].min(ends[1]), ends[0].max(ends[1]))).or_default();
            sum.classes += 1;
            sum.prior += class.prior;
            sum.learned += class.attenuation;
            sum.variance += class.deviation.powi(2);
        }
        let mut map = Self::default();
        for ((first, second), sum) in sums {
            let at = if first == second {
                vec![places[first].clone()]
            } else {
                vec![places[first].clone(), places[second].clone()]
            };
            let (factor, error) = (sum.learned / sum.prior, sum.variance.sqrt() / sum.prior);
            let site = Site { at, classes: sum.classes, factor, error };
            if first == second { map.places.push(site) } else { map.links.push(site) }
        }
        // Surely bad ones first.
        for sites in [&mut map.places, &mut map.links] {
            sites.sort_by(|a, b| (b.factor - 2.0 * b.error).total_cmp(&(a.factor - 2.0 * a.error)));
        }
        Some(map)
    }
}
