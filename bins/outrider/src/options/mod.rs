//! Options that several subcommands share.

pub(crate) mod decoder;
pub(crate) mod graph;
pub(crate) mod postselect;
pub(crate) mod sums;
pub(crate) mod surface;
pub(crate) mod values;
