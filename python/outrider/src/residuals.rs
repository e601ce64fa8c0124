//! What shots have that a model does not explain.

use outrider::{ResidualDetector, ResidualPair, ResidualSummary};
use pyo3::prelude::*;

use crate::arrays::{column, table};
use crate::errors::exception;
use crate::model::model_of;
use crate::moments::Moments;

/// What counted shots have that a model does not explain: correlated pairs of detectors, and other rates of detectors.
///
/// A pair that no error of the model flips should not be correlated, whatever the rates are: crosstalk and leakage show
/// there. Drift and bursts correlate all detectors: look for these first.
///
/// model: the prior or a learned one, as for Moments(model).
/// moments: of shots of its detectors. Only pairs among their sets are tested: use Moments(model, with_outside=True) or
///     Moments.for_pairs.
/// level: probability of a false alarm in each of three families of tests: pairs inside the support of an error, pairs
///     outside, and detectors.
///
/// ValueError without shots, for another number of detectors, and for a level that is not within 0 and 1.
#[pyclass(frozen, module = "outrider")]
pub(crate) struct Residuals {
    pairs: Vec<ResidualPair>,
    detectors: Vec<ResidualDetector>,
    summary: ResidualSummary,
}

#[pymethods]
impl Residuals {
    #[new]
    #[pyo3(signature = (model, moments, *, level=1e-3))]
    pub(crate) fn new(
        py: Python<'_>,
        model: &Bound<'_, PyAny>,
        moments: &Moments,
        level: f64,
    ) -> PyResult<Self> {
        let model = model_of("model", model)?;
        let model = &model.get().inner;
        moments
            .with(py, |moments| outrider::Residuals::new(model, moments, level).map(Self::of))
            .map_err(exception)
    }

    /// The pairs tested, a record array, least likely first.
    ///
    /// Fields: first and second, the detectors; inside, whether an error of the model flips both; significant, in its
    /// family; excess, the rate of one more error that flips both and would explain the difference; excess_error, its
    /// standard error; z, a normal variable is as likely beyond it, above 0 if both fire together too often; log10_p, of
    /// this pair alone.
    #[getter]
    fn pairs<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let rows = || self.pairs.iter();
        table(
            py,
            [
                ("first", column(py, rows().map(|pair| pair.first))),
                ("second", column(py, rows().map(|pair| pair.second))),
                ("inside", column(py, rows().map(|pair| pair.is_inside))),
                ("significant", column(py, rows().map(|pair| pair.is_significant))),
                ("excess", column(py, rows().map(|pair| pair.excess))),
                ("excess_error", column(py, rows().map(|pair| pair.excess_deviation))),
                ("z", column(py, rows().map(|pair| pair.z))),
                ("log10_p", column(py, rows().map(|pair| pair.log10_p))),
            ],
        )
    }

    /// The detectors tested, a record array, least likely first.
    ///
    /// Fields: detector; significant; constant, whether it fired in no shot or in all of them, and significantly so;
    /// expected, the rate of its events by the model; rate, as counted; z; log10_p.
    #[getter]
    fn detectors<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let rows = || self.detectors.iter();
        table(
            py,
            [
                ("detector", column(py, rows().map(|row| row.detector))),
                ("significant", column(py, rows().map(|row| row.is_significant))),
                ("constant", column(py, rows().map(|row| row.is_constant))),
                ("expected", column(py, rows().map(|row| row.expected))),
                ("rate", column(py, rows().map(|row| row.rate))),
                ("z", column(py, rows().map(|row| row.z))),
                ("log10_p", column(py, rows().map(|row| row.log10_p))),
            ],
        )
    }

    /// Reasons why the shots may not belong to the model, or are too few to tell; empty if there are none.
    ///
    /// "few_shots": most pairs inside have a standard error above what is expected of them. "constant": a detector fires
    /// never or always, which the model does not expect. "half": most detectors fire at rates of 0.4 to 0.6, as
    /// measurements do that are no detection events. "rates": those of most detectors differ by a factor of 3 or more.
    /// "pairs": most pairs that should stand out are hardly correlated, as for another order of detectors.
    #[getter]
    fn misfit(&self) -> Vec<&'static str> {
        let misfit = self.summary.misfit;
        let reasons = [
            (misfit.few_shots, "few_shots"),
            (misfit.constant, "constant"),
            (misfit.half, "half"),
            (misfit.rates, "rates"),
            (misfit.pairs, "pairs"),
        ];
        reasons.into_iter().filter(|&(is_so, _)| is_so).map(|(_, name)| name).collect()
    }

    fn __repr__(&self) -> String {
        let summary = &self.summary;
        format!(
            "<outrider.Residuals: {} of {} pairs outside the model, {} of {} inside, {} of {} detectors>",
            summary.outside_significant,
            summary.outside,
            summary.inside_significant,
            summary.inside,
            summary.detectors_significant,
            summary.detectors
        )
    }
}

impl Residuals {
    fn of(residuals: outrider::Residuals) -> Self {
        Self {
            pairs: residuals.pairs().collect(),
            detectors: residuals.detectors().collect(),
            summary: residuals.summary(),
        }
    }
}
