//! Noise learned from detection events: what `outrider learn` is made of.

pub(crate) mod fitting;
pub(crate) mod gathering;
pub(crate) mod page;
pub(crate) mod parameters;
pub(crate) mod patch_map;
pub(crate) mod places;
pub(crate) mod prior;
pub(crate) mod report;
pub(crate) mod scoring;
pub(crate) mod series;
pub(crate) mod shot_files;
