//! What was learned, as one page for a browser: text, tables and plots in one file that needs no other and no network.
//!
//! The page has no script, and its policy allows none: numbers of a mark show when the pointer rests on it, and stand in
//! tables for those who read with a keyboard or on paper. `maud` escapes all text that it is given.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::report::{Report, Settings};

mod chart;
mod drift;
mod failures;
mod patch;
mod rates;
mod residuals;

const STYLE: &str = include_str!("page.css");

/// Written out, since elements without content are closed here: the page is well-formed XML too.
const HEAD: &str = "<meta charset=\"utf-8\"/>\
    <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\
    <meta name=\"color-scheme\" content=\"light dark\"/>\
    <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\"/>";

/// The page that `--plot` writes.
pub(crate) fn page(report: &Report) -> String {
    let sections: [(&str, &str, Markup); 7] = [
        ("summary", "Summary", summary(report)),
        ("rates", "Rates against the prior", rates::section(report)),
        ("patch", "Map of the patch", patch::section(report)),
        ("drift", "Drift over time", drift::section(report)),
        ("residuals", "Residual correlations", residuals::section(report)),
        ("failures", "Failures of held-out shots", failures::section(report)),
        ("settings", "How it was made", settings(report)),
    ];
    let markup = html! {
        (DOCTYPE)
        html lang="en" xmlns="http://www.w3.org/1999/xhtml" {
            head {
                (PreEscaped(HEAD))
                title { "Learned noise: " (report.settings.prior) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header {
                    h1 { "Learned noise" }
                    p { code { (report.settings.prior) } ", from " (report.shots) " shots of " (files(&report.settings)) }
                    nav aria-label="Sections" {
                        @for (id, name, _) in &sections { a href={"#" (id)} { (name) } " " }
                    }
                }
                main {
                    @for (id, name, content) in &sections {
                        section id=(id) { h2 { (name) } (content) }
                    }
                }
            }
        }
    };
    without_controls(&(markup.into_string() + "\n"))
}

/// Characters that neither HTML nor XML may have, such as those of hostile file names, are shown as replaced.
fn without_controls(text: &str) -> String {
    let is_text =
        |c: char| matches!(c, '\n' | '\t') || !(c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}'));
    text.chars().map(|c| if is_text(c) { c } else { char::REPLACEMENT_CHARACTER }).collect()
}

fn files(settings: &Settings) -> Markup {
    html! {
        @for (index, name) in settings.input.iter().enumerate() {
            @if index > 0 { ", " }
            code { (name) }
        }
    }
}

/// Warnings, and what the terminal shows.
fn summary(report: &Report) -> Markup {
    let text = report.summary();
    let lines: Vec<_> = text.lines().filter(|line| !line.starts_with("warning: ")).collect();
    html! {
        @for warning in &report.warnings { p.warning role="note" { strong { "Warning: " } (warning) } }
        pre { (lines.join("\n")) }
    }
}

fn settings(report: &Report) -> Markup {
    let Settings { prior, method, shrink, tie, tie_spread, floor, window, level, .. } = &report.settings;
    let Settings { keep_bursts, correlations, blocks, hold_out, cross_validate, .. } = &report.settings;
    html! {
        dl {
            dt { "program" } dd { "outrider learn, version " (report.version) }
            dt { "prior" } dd { code { (prior) } }
            dt { "shots" } dd { (files(&report.settings)) }
            dt { "method" } dd { (method) }
            dt { "drawn to the prior" } dd { (shrink) }
            dt { "tied errors" } dd { code { (tie) } ", spread " (tie_spread) }
            dt { "floor" } dd { (floor) " of the prior" }
            dt { "window" } dd { (window) " shots; bursts " @if *keep_bursts { "kept" } @else { "left out" } }
            dt { "pairs tested" } dd { (correlations) }
            @if let Some(blocks) = blocks { dt { "blocks" } dd { (blocks) " shots" } }
            @if let Some(share) = hold_out { dt { "held out" } dd { (share) " of the shots" } }
            @if *cross_validate { dt { "held out" } dd { "each half, decoded with what the other half gave" } }
            dt { "false alarms" } dd { "probability " (level) " in each family of tests" }
            @if report.fit.chi_square > 0.0 {
                dt { "fit" }
                dd { "mean square of what is left of " (report.fit.moments) " moments, in their errors: " (chart::short(report.fit.chi_square)) }
            }
        }
        p.note { code { "--report" } " writes the same as JSON, with the rates of all classes." }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_replaced() {
        assert_eq!(
            without_controls("a\u{1}b\u{9b}c\n\u{202e}d\u{ffff}"),
            "a\u{fffd}b\u{fffd}c\n\u{202e}d\u{fffd}"
        );
    }
}
