//! Names in tables, and messages of one line.

use std::path::Path;

use clap::error::ErrorKind;
use outrider::PredecoderUse;

use crate::window_args::Windowing;

/// The name in tables of a decoder of this name after a pre-decoder of this name and use, in windows.
pub fn decoder_label(
    decoder: &str,
    predecoder: Option<(&str, PredecoderUse)>,
    windowing: Option<&Windowing>,
) -> String {
    let cut = windowing.map_or_else(String::new, Windowing::suffix);
    match predecoder {
        Some((name, PredecoderUse::Hard)) => format!("{name}-hard+{decoder}{cut}"),
        Some((name, PredecoderUse::Soft)) => format!("{name}+{decoder}{cut}"),
        None => format!("{decoder}{cut}"),
    }
}

/// The name of a file without folder and suffix.
pub fn file_stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// clap's message on one line: its first paragraph, without the usage that follows.
pub fn one_line(fault: &clap::Error) -> String {
    if fault.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return "no subcommand given; see --help".to_owned();
    }
    let text = fault.to_string();
    let paragraph = text.split("\n\n").next().unwrap_or_default();
    let words: Vec<&str> = paragraph.trim_start_matches("error:").split_whitespace().collect();
    words.join(" ")
}
