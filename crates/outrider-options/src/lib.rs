//! Options that all programs share: what a patch is, how its histories are cut, and values with names.
//!
//! [`PatchArgs`] name a patch and how it is decoded, on a command line or in a table of a configuration; two programs
//! with equal options have patches with equal digests. [`WindowArgs`] are the part of them that cuts histories.
//!
//! ```
//! use clap::Parser;
//! use outrider::Isa;
//! use outrider_options::PatchArgs;
//!
//! #[derive(Parser)]
//! struct Cli {
//!     #[command(flatten)]
//!     patch: PatchArgs,
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let cli = Cli::try_parse_from(["program", "--distance", "3", "--p", "0.001"])?;
//! let loaded = cli.patch.load(Isa::Auto)?;
//! assert_eq!(loaded.label, "mwpm@parallel");
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod flat_model;
mod labels;
mod likelihood_args;
pub mod option_values;
mod patch_args;
mod patch_error;
mod spellings;
mod timed_model;
mod window_args;
mod work_limit;

pub use flat_model::flat_model;
pub use labels::{decoder_label, file_stem, one_line};
pub use likelihood_args::LikelihoodArgs;
pub use patch_args::{LoadedPatch, PatchArgs};
pub use patch_error::PatchError;
pub use spellings::with_both_spellings;
pub use timed_model::TimedModel;
pub use window_args::{WindowArgs, Windowing, order_note};
pub use work_limit::{WORK_LIMIT_DEFAULT, require_work, set_work_limit};
