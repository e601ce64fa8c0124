//! What is shown of a run.

pub(crate) mod progress;
pub(crate) mod stats;
