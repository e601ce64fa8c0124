//! Noise learned from detection events.

use std::collections::HashMap;

use numpy::{IntoPyArray, PyArray1};
use outrider::{
    DetectorErrorModel, Learned, LearnedClass, Learning, LearningOptions, MomentsOptions, Rates,
    RatesOptions, RatesSummary, Shrinkage, Ties, TimeAxis,
};
use pyo3::prelude::*;
use pyo3::types::{PyString, PyTuple};

use crate::arrays::{column, numbers, table};
use crate::errors::{bad_value, exception};
use crate::model::{Model, model_of};
use crate::moments::Moments;
use crate::residuals::Residuals;

/// What was learned of a model's errors. Immutable.
///
/// Errors that flip the same detectors are one to detection events, whatever observables they flip: a class. Rates are
/// those of classes: the probability of an odd number of its errors. Made by learn.
#[pyclass(frozen, module = "outrider")]
pub(crate) struct LearnedNoise {
    model: Py<Model>,
    moments: Py<Moments>,
    classes: Vec<LearnedClass>,
    group_factors: HashMap<i64, f64>,
    summary: RatesSummary,
    within_groups: Option<RatesSummary>,
}

/// Learns the rates of a model's errors from detection events.
///
///     learned = outrider.learn(prior, detectors)
///     graph = outrider.MatchingGraph(learned.model)
///
/// prior: the model whose errors are learned: an outrider.Model, or what makes one, with all errors that there may be, and
///     probabilities as well as they are known.
/// shots: a row per shot: bool or uint8 of shape (shots, num_detectors), or with bit_packed_shots uint8 of shape (shots,
///     ceil(num_detectors / 8)). Observables are not used. All shots count: see find_bursts.
/// moments: Moments in place of shots. Errors that their sets do not tell of keep their prior, or a multiple of it.
/// means, num_shots: with moments, which then only say what the sets are: a mean of (-1)**(events) for each set, float64
///     of shape (num_sets,), as of so many shots.
/// method: "closed-form" takes each error for itself, for errors of up to four detectors, by the pair formula p_ij and
///     what it becomes for other numbers; best for matching. "regression" takes all at once by least squares; best for
///     sums over errors (Likelihood, Trellis).
/// shrink: how strongly estimates are drawn to the prior: "auto", as much as the shots show to be right;
///     "none"; or the spread of true rates about the prior, as a share of it: above 0, at most 100.
/// floor: no rate is below this share of its prior in the learned model; 0 to 1.
/// tie: errors that share a factor on their prior: "none"; "time", the same error in one round after the
///     other, but for the first and the last; or integers, the group of each error of the model, in its order with
///     repeats unrolled, below 0 for no group.
/// tie_spread: with tie, how far errors of a group may be from what the group has: "auto", as the shots
///     show; 0 for not at all; or the spread of their true rates about it, as a share of it.
/// isa: the instruction set; all of them give the same counts.
///
/// ValueError for other types and shapes, no shots, numbers out of range, an error of probability 1/2 or above in the
/// prior, groups of another number of errors, and a prior that is too large; TypeError for a prior that is no model.
#[pyfunction]
#[pyo3(
    signature = (
        prior, shots=None, *, moments=None, means=None, num_shots=None, bit_packed_shots=false,
        method="closed-form", shrink=None, floor=0.05, tie=None, tie_spread=None, isa="auto"
    ),
    text_signature = "(prior, shots=None, *, moments=None, means=None, num_shots=None, bit_packed_shots=False, \
        method='closed-form', shrink='auto', floor=0.05, tie='none', tie_spread='auto', isa='auto')"
)]
#[expect(clippy::too_many_arguments, reason = "keyword arguments of Python")]
pub(crate) fn learn(
    py: Python<'_>,
    prior: &Bound<'_, PyAny>,
    shots: Option<&Bound<'_, PyAny>>,
    moments: Option<&Bound<'_, Moments>>,
    means: Option<&Bound<'_, PyAny>>,
    num_shots: Option<f64>,
    bit_packed_shots: bool,
    method: &str,
    shrink: Option<&Bound<'_, PyAny>>,
    floor: f64,
    tie: Option<&Bound<'_, PyAny>>,
    tie_spread: Option<&Bound<'_, PyAny>>,
    isa: &str,
) -> PyResult<LearnedNoise> {
    let prior = model_of("prior", prior)?;
    let prior = &prior.get().inner;
    if !(0.0..=1.0).contains(&floor) {
        return Err(bad_value(format!("floor: expected a number from 0 to 1, found {floor}")));
    }
    let rates =
        RatesOptions { method: method.parse().map_err(exception)?, floor, shrinkage: shrinkage(shrink)? };
    let options = LearningOptions { rates, within_groups: within_groups(tie_spread)? };
    let groups = Groups::of(py, prior, tie)?;
    let moments = match (shots, moments) {
        (Some(shots), None) => Bound::new(py, count(py, prior, shots, bit_packed_shots, isa)?)?,
        (None, Some(moments)) => moments.clone(),
        _ => return Err(bad_value("shots, moments: expected one of them".to_owned())),
    };
    let means = match (means, num_shots) {
        (None, None) => None,
        (Some(means), Some(shots)) => {
            let means: Vec<f64> =
                numbers(means).ok_or_else(|| bad_value("means: expected 1-D real numbers".to_owned()))?;
            Some((means, shots))
        }
        _ => return Err(bad_value("means, num_shots: expected both of them or none".to_owned())),
    };
    let found = moments.get().num_detectors() as u64;
    if found != prior.detector_count() {
        let expected = prior.detector_count();
        return Err(bad_value(format!("moments: expected those of {expected} detectors, found {found}")));
    }
    if means.is_none() && moments.get().shots(py) == 0 {
        return Err(bad_value("shots: there are none to learn from".to_owned()));
    }
    let ties = groups.as_ref().map(|groups| Ties { errors: prior, groups: &groups.of_errors });
    let learning = Learning { prior, ties, options };
    let Learned { model, classes, group_factors, summary, within_groups, learnability: _ } = moments
        .get()
        .with(py, |moments| match &means {
            Some((means, shots)) => learning.fit_means(moments, means, *shots),
            None => learning.fit(moments),
        })
        .map_err(exception)?;
    Ok(LearnedNoise {
        model: Py::new(py, Model { inner: model })?,
        moments: moments.unbind(),
        classes,
        group_factors: groups.map_or_else(HashMap::new, |groups| groups.labelled(&group_factors)),
        summary,
        within_groups,
    })
}

#[pymethods]
impl LearnedNoise {
    /// A Model with the prior's instructions, repeats unrolled, and learned probabilities.
    ///
    /// Other packages take stim.DetectorErrorModel(str(model)).
    #[getter]
    fn model(&self, py: Python<'_>) -> Py<Model> {
        self.model.clone_ref(py)
    }

    /// The Moments that it was learned from.
    #[getter]
    fn moments(&self, py: Python<'_>) -> Py<Moments> {
        self.moments.clone_ref(py)
    }

    /// The detectors of each class, ascending, a list of tuples of int; classes are ordered by them.
    #[getter]
    fn detectors<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyTuple>>> {
        self.classes.iter().map(|class| PyTuple::new(py, &class.detectors)).collect()
    }

    /// The observables of each error of each class, a list of lists of tuples of int.
    ///
    /// Detection events do not tell errors of a class apart: they share its rate as they do in the prior.
    #[getter]
    fn observables<'py>(&self, py: Python<'py>) -> PyResult<Vec<Vec<Bound<'py, PyTuple>>>> {
        let of_error = |&mask: &u64| {
            PyTuple::new(py, (0..u64::BITS).filter(|bit| mask >> bit & 1 == 1).collect::<Vec<_>>())
        };
        self.classes.iter().map(|class| class.observables.iter().map(of_error).collect()).collect()
    }

    /// What was learned of each class, a record array in the order of detectors.
    ///
    /// Fields: prior, its rate in the prior; rate, as learned, which may be below 0 in closed form; error, the standard
    /// error of the rate, infinite where it is kept; attenuation and attenuation_error, of -ln(1 - 2 rate); and the flags
    /// kept, nothing could be learned, the rate is the prior's; not_positive, the estimate is not above 0; floored, the
    /// learned model has the floor in place of it.
    #[getter]
    fn rates<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let rows = || self.classes.iter();
        table(
            py,
            [
                ("prior", column(py, rows().map(LearnedClass::prior_probability))),
                ("rate", column(py, rows().map(LearnedClass::probability))),
                ("error", column(py, rows().map(LearnedClass::probability_deviation))),
                ("attenuation", column(py, rows().map(|class| class.attenuation))),
                ("attenuation_error", column(py, rows().map(|class| class.deviation))),
                ("kept", column(py, rows().map(LearnedClass::is_kept))),
                ("not_positive", column(py, rows().map(LearnedClass::is_not_positive))),
                ("floored", column(py, rows().map(is_floored))),
            ],
        )
    }

    /// The factor that each group of `tie` has on its prior, by its number, a dict; empty without such groups.
    #[getter]
    fn group_factors(&self) -> HashMap<i64, f64> {
        self.group_factors.clone()
    }

    /// The factor that fits the prior to the shots best; this, spread and chi_square are of groups if errors are tied.
    #[getter]
    fn scale(&self) -> f64 {
        self.summary.scale
    }

    /// The spread of true attenuations about the scaled prior, of classes of one to four detectors, as a share of it.
    ///
    /// Given or fitted, float64 of shape (4,); with the regression all are one. 0 where nothing is learned, infinite with
    /// shrink="none".
    #[getter]
    fn spread<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
        self.summary.spread.to_vec().into_pyarray(py)
    }

    /// The same of errors about their groups; None unless they may differ.
    #[getter]
    fn spread_within_groups<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyArray1<f64>>> {
        self.within_groups.map(|summary| summary.spread.to_vec().into_pyarray(py))
    }

    /// The shots that it was learned from.
    #[getter]
    fn shots(&self) -> f64 {
        self.summary.shots
    }

    /// Mean over the sets of the squared difference between what was counted and what was fitted, over its variance.
    #[getter]
    fn chi_square(&self) -> f64 {
        self.summary.chi_square
    }

    /// Classes of which nothing is learned.
    #[getter]
    fn kept(&self) -> usize {
        self.count(LearnedClass::is_kept)
    }

    /// Classes whose estimate is not above 0.
    #[getter]
    fn not_positive(&self) -> usize {
        self.count(LearnedClass::is_not_positive)
    }

    /// Classes that have the floor in the learned model.
    #[getter]
    fn floored(&self) -> usize {
        self.count(is_floored)
    }

    /// What the shots have that the learned model does not explain: Residuals(model, moments, level=level).
    #[pyo3(signature = (level=1e-3))]
    fn residuals(&self, py: Python<'_>, level: f64) -> PyResult<Residuals> {
        Residuals::new(py, self.model.bind(py), self.moments.get(), level)
    }

    fn __repr__(&self) -> String {
        format!(
            "<outrider.LearnedNoise: {} classes of errors from {} shots, {:.3} times the prior>",
            self.classes.len(),
            self.summary.shots,
            self.summary.scale
        )
    }
}

impl LearnedNoise {
    fn count(&self, wanted: fn(&LearnedClass) -> bool) -> usize {
        self.classes.iter().filter(|&class| wanted(class)).count()
    }
}

fn is_floored(class: &LearnedClass) -> bool {
    !class.is_kept() && class.is_floored
}

fn count(
    py: Python<'_>,
    prior: &DetectorErrorModel,
    shots: &Bound<'_, PyAny>,
    bit_packed: bool,
    isa: &str,
) -> PyResult<Moments> {
    let isa = isa.parse().map_err(exception)?;
    let options = MomentsOptions { isa, with_outside: true, ..MomentsOptions::default() };
    let moments = Moments::made(py, options, || outrider::Moments::for_model_with(prior, &options))?;
    moments.add(py, shots, bit_packed)?;
    Ok(moments)
}

/// The group of each error.
struct Groups {
    of_errors: Vec<u32>,
    /// Each group as the caller has it.
    labels: Vec<i64>,
}

impl Groups {
    fn of(
        py: Python<'_>,
        prior: &DetectorErrorModel,
        tie: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Option<Self>> {
        let Some(tie) = tie else { return Ok(None) };
        if let Ok(name) = tie.cast::<PyString>() {
            return match name.to_str()? {
                "none" => Ok(None),
                "time" => {
                    let groups = py.detach(|| Rates::time_groups(prior, &TimeAxis::default()));
                    Ok(Some(Self { of_errors: groups.map_err(exception)?, labels: Vec::new() }))
                }
                other => Err(bad_value(format!(
                    "tie: expected 'none', 'time' or a group for each error, found '{}'",
                    other.escape_debug()
                ))),
            };
        }
        let given: Vec<i64> =
            numbers(tie).ok_or_else(|| bad_value("tie: expected 1-D integers as groups".to_owned()))?;
        if given.len() as u64 != prior.error_count() {
            let (expected, found) = (prior.error_count(), given.len());
            return Err(bad_value(format!(
                "tie: expected a group for each of {expected} errors, found {found}"
            )));
        }
        let mut labels = Vec::new();
        let mut known = HashMap::new();
        let mut number = |label: i64| {
            *known.entry(label).or_insert_with(|| {
                labels.push(label);
                labels.len() as u32 - 1
            })
        };
        let of_errors =
            given.into_iter().map(|label| if label < 0 { Rates::UNTIED } else { number(label) }).collect();
        Ok(Some(Self { of_errors, labels }))
    }

    fn labelled(&self, factors: &[f64]) -> HashMap<i64, f64> {
        self.labels.iter().copied().zip(factors.iter().copied()).collect()
    }
}

fn shrinkage(value: Option<&Bound<'_, PyAny>>) -> PyResult<Shrinkage> {
    match value {
        Some(value) if named(value, "none")? => Ok(Shrinkage::None),
        _ => spread("shrink", "'none'", value),
    }
}

/// Nothing for 0.
fn within_groups(value: Option<&Bound<'_, PyAny>>) -> PyResult<Option<Shrinkage>> {
    match value.and_then(|value| value.extract::<f64>().ok()) {
        Some(0.0) => Ok(None),
        _ => spread("tie_spread", "0", value).map(Some),
    }
}

/// "auto", or a number; `other` is what else the caller may pass.
fn spread(name: &str, other: &str, value: Option<&Bound<'_, PyAny>>) -> PyResult<Shrinkage> {
    let Some(value) = value else { return Ok(Shrinkage::Fitted) };
    if named(value, "auto")? {
        return Ok(Shrinkage::Fitted);
    }
    match value.extract::<f64>() {
        Ok(spread) if spread > 0.0 && spread <= Rates::SPREAD_MAX => Ok(Shrinkage::Spread(spread)),
        _ => Err(bad_value(format!(
            "{name}: expected 'auto', {other}, or a number above 0, at most {}, found {}",
            Rates::SPREAD_MAX,
            value.repr()?
        ))),
    }
}

fn named(value: &Bound<'_, PyAny>, name: &str) -> PyResult<bool> {
    Ok(match value.cast::<PyString>() {
        Ok(text) => text.to_str()? == name,
        Err(_) => false,
    })
}
