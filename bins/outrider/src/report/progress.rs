//! The progress bar: on stderr, and only when that is a terminal.

use indicatif::{ProgressBar, ProgressStyle};

/// A bar over `total` steps with an estimate of the time left; indicatif hides it when stderr is no terminal.
pub(crate) fn bar(total: u64, unit: &str) -> ProgressBar {
    let template = format!("{{prefix}} {{wide_bar}} {{human_pos}}/{{human_len}} {unit} {{msg}} {{eta}}");
    // The template is a constant of this program, exercised by every bar it draws.
    let style = ProgressStyle::with_template(&template).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(total).with_style(style)
}

/// The same where nobody can say how many steps there will be.
pub(crate) fn counter(unit: &str) -> ProgressBar {
    let template = format!("{{prefix}} {{spinner}} {{human_pos}} {unit} {{msg}} {{elapsed}}");
    let style = ProgressStyle::with_template(&template).unwrap_or_else(|_| ProgressStyle::default_spinner());
    ProgressBar::no_length().with_style(style)
}
