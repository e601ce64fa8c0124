//! Failures of held-out shots with the prior and with what was learned.

use maud::{Markup, html};

use super::chart::{Axis, Frame, LEFT, WIDTH, px, short, upward};
use crate::learning::report::{Report, ScoreRow};
use crate::report::wilson::wilson;

/// Where bars begin, after the names of decoders.
const NAMES: f64 = 190.0;
const BAR: f64 = 18.0;
const ROW: f64 = 62.0;

/// Bars with intervals, and the same as a table.
pub(super) fn section(report: &Report) -> Markup {
    if report.scores.is_empty() {
        return html! {
            p.missing {
                "No shots were held out: " code { "--cross-validate" } " or " code { "--hold-out" } " with " code { "--obs" }
                " show what the learned rates buy."
            }
        };
    }
    html! {
        figure {
            (draw(&report.scores))
            ul.legend {
                li { svg.key viewBox="0 0 16 16" aria-hidden="true" { rect.prior x="1" y="3" width="14" height="10" {} } "prior" }
                li {
                    svg.key viewBox="0 0 16 16" aria-hidden="true" { rect.learned x="1" y="3" width="14" height="10" {} }
                    "learned"
                }
            }
            figcaption {
                "The share of shots whose observables are predicted wrongly, on shots that were not learned from. Lines are "
                "95 % intervals of each alone. Both models decode the same shots, so that their ratio is known better than "
                "these show. It stands below the decoder with its 95 % interval: the learned rates are better where that ends "
                "below 1."
            }
        }
        (table(&report.scores))
    }
}

fn draw(scores: &[ScoreRow]) -> Markup {
    let rows: Vec<_> = scores
        .iter()
        .map(|row| {
            let of = |failures: u64| (failures, row.score.shots, wilson(failures, row.score.shots));
            (row, [("prior", of(row.score.prior_failures)), ("learned", of(row.score.learned_failures))])
        })
        .collect();
    let most = rows.iter().flat_map(|(_, bars)| bars.map(|(_, (_, _, (_, high)))| high)).fold(0.0, f64::max);
    let height = ROW * rows.len() as f64 + upward(0.0).0.abs() + 20.0;
    let x = Axis::exact((0.0, 1.05 * most), (NAMES, WIDTH - LEFT));
    let top = |index: usize| 14.0 + ROW * index as f64;
    let marks = html! {
        @for (index, (row, bars)) in rows.iter().enumerate() {
            text.label text-anchor="end" x=(px(NAMES - 10.0)) y=(px(top(index) + 14.0)) { (row.decoder) }
            text.small text-anchor="end" x=(px(NAMES - 10.0)) y=(px(top(index) + BAR + 15.0)) { (ratio(row)) }
            @for (line, &(name, (failures, shots, interval))) in bars.iter().enumerate() {
                @let y = top(index) + (BAR + 2.0) * line as f64;
                @let rate = failures as f64 / shots as f64;
                g {
                    title { (name) ": " (failures) " of " (shots) ", " (short(rate)) " [" (short(interval.0)) ", " (short(interval.1)) "]" }
                    rect class=(name) x=(px(NAMES)) y=(px(y)) width=(px(x.at(rate) - NAMES)) height=(px(BAR)) {}
                    path.whisker d={
                        "M" (px(x.at(interval.0))) " " (px(y + BAR / 2.0)) "H" (px(x.at(interval.1)))
                        "m0 -5v10M" (px(x.at(interval.0))) " " (px(y + BAR / 2.0 - 5.0)) "v10"
                    } {}
                    text.small x=(px(x.at(interval.1) + 6.0)) y=(px(y + BAR / 2.0 + 4.0)) { (short(rate)) }
                }
            }
        }
    };
    // Rows have names in place of ticks.
    let y = Axis::rows(upward(height));
    let frame = Frame { x, y, height, x_name: "failures of a shot", y_name: "" };
    frame.draw("Failures of held-out shots with the prior and with the learned rates", &marks)
}

/// Learned over prior, with its interval.
fn ratio(row: &ScoreRow) -> String {
    match (row.ratio, row.ratio_interval) {
        (Some(ratio), Some([low, high])) => format!("{ratio:.3} [{low:.3}, {high:.3}]"),
        _ => "–".to_owned(),
    }
}

fn table(scores: &[ScoreRow]) -> Markup {
    html! {
        table {
            caption { "Failures of held-out shots; the ratio is learned over prior, with its 95 % interval" }
            thead {
                tr {
                    th scope="col" { "decoder" }
                    th scope="col" { "shots" }
                    th scope="col" { "prior" }
                    th scope="col" { "learned" }
                    th scope="col" { "only prior" }
                    th scope="col" { "only learned" }
                    th scope="col" { "ratio" }
                }
            }
            tbody {
                @for row in scores {
                    @let score = &row.score;
                    tr {
                        td { (row.decoder) }
                        td { (score.shots) }
                        td { (score.prior_failures) }
                        td { (score.learned_failures) }
                        td { (score.only_prior) }
                        td { (score.only_learned) }
                        td { (ratio(row)) }
                    }
                }
            }
        }
    }
}
