//! Options of how a model becomes a matching graph.

use clap::Args;

use crate::options::values;

/// What becomes of errors that a graph has no place for, or that share one.
#[derive(Args, Clone, Copy, Debug, Default)]
pub(crate) struct GraphArgs {
    /// Skip and count error components with three or more detectors instead of refusing the model
    #[arg(long)]
    pub(crate) ignore_undecomposable: bool,
    /// Where errors with the same detectors flip different observables, keep those of the first one, as PyMatching
    /// does, instead of the likelier ones
    #[arg(long)]
    pub(crate) first_observables: bool,
    /// Largest weight ln((1-p)/p) of single shots that can be held, and more where the model's own are larger; the
    /// larger, the coarser all weights are [default: 64]
    #[arg(long, value_name = "NATS", value_parser = values::positive)]
    pub(crate) weight_range: Option<f64>,
}
