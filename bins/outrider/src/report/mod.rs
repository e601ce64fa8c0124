//! What is shown of a run.

pub(crate) mod latency_histogram;
pub(crate) mod progress;
pub(crate) mod statistics;
pub(crate) mod wilson;
