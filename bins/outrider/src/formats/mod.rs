//! Files of other programs, and numbers as they print them.

pub(crate) mod edge_lines;
pub(crate) mod noise_file;
pub(crate) mod numbers;
pub(crate) mod python_json;
pub(crate) mod sinter;
pub(crate) mod statistics_file;
pub(crate) mod stim_text;
