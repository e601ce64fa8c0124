//! Windows on the command line: what rows of statistics say of them, and the windows of a model's history.

use std::sync::Arc;

use outrider::{
    Axis, DetectorErrorModel, HistoryDecoder, HistoryWindows, MatchingGraph, Plan, PlanOptions, Rows,
    TimeAxis, Window, WindowDecoder,
};
use outrider_options::{TimedModel, Windowing};
use serde_json::Value;

use crate::error::{Error, Result};
use crate::report::statistics::Metadata;

/// Of rows of statistics files that were decoded in windows. sinter's strong id hashes the keys: with another name the
/// same task would count as another.
pub(crate) fn metadata(windowing: &Windowing) -> Metadata {
    let PlanOptions { cell_layers, spacing, buffer, rows, .. } = windowing.cut();
    let mut metadata = vec![
        ("win".to_owned(), Value::from(windowing.layout())),
        ("commit".to_owned(), Value::from(cell_layers)),
        ("gap".to_owned(), Value::from(spacing)),
        ("buffer".to_owned(), Value::from(buffer)),
    ];
    if let Some(Rows { width, axis, pitch, .. }) = rows {
        metadata.extend([
            ("row_width".to_owned(), Value::from(width)),
            ("row_axis".to_owned(), Value::from(if axis == Axis::X { "x" } else { "y" })),
            ("row_pitch".to_owned(), Value::from(pitch)),
        ]);
    }
    metadata
}

/// The same of what is given about time.
pub(crate) fn time_metadata(time: TimeAxis) -> Metadata {
    [
        ("time_axis", time.axis.map(Value::from)),
        ("time_unit", time.unit.map(Value::from)),
        ("time_offset", time.offset.map(Value::from)),
    ]
    .into_iter()
    .filter_map(|(key, value)| Some((key.to_owned(), value?)))
    .collect()
}

/// The windows of a model's history, shared by all threads.
pub(crate) struct Windows {
    timed: TimedModel,
    windows: HistoryWindows,
}

impl Windows {
    /// Cuts the history; `graph` is that of `model`, as `timed` has it, and `reach` the pre-decoder's, in rounds.
    pub(crate) fn new(
        graph: &Arc<MatchingGraph>,
        model: &DetectorErrorModel,
        timed: TimedModel,
        windowing: &Windowing,
        reach: f64,
    ) -> Result<Self> {
        if reach.ceil() > f64::from(u32::MAX) {
            return Err(Error::Usage(
                "--predecoder: one for whole histories does not fit windows".to_owned(),
            ));
        }
        let options = PlanOptions { context: reach.ceil() as u32, ..windowing.cut() };
        let plan = Arc::new(Plan::new(Arc::clone(graph), model, &options)?);
        let windows = HistoryWindows::new(plan, timed.order.clone())?;
        Ok(Self { timed, windows })
    }

    /// What is cut.
    pub(crate) fn plan(&self) -> &Arc<Plan> {
        self.windows.plan()
    }

    /// The model that the plan's graph is of, and how its detectors are numbered.
    pub(crate) fn timed(&self) -> &TimedModel {
        &self.timed
    }

    /// A decoder for one thread; `make` gives one for a window.
    pub(crate) fn decoder(
        &self,
        make: impl Fn(Arc<Window>) -> Result<WindowDecoder>,
    ) -> Result<HistoryDecoder> {
        self.windows.decoder(make)
    }
}
