//! Learned rates against those of the prior.

use maud::{Markup, html};

use super::chart::{Axis, Bars, Frame, across, marker, px, range, short, upward, with_error};
use crate::learning::report::{RateRow, Report};

/// Classes of one number of detectors that have error bars and numbers at most; of more, those furthest from the scaled
/// prior.
const DETAILED_MAX: usize = 250;

const HEIGHT: f64 = 520.0;
/// Below the axis: rates that are at the floor, or too low to be shown.
const STRIP: f64 = 30.0;
/// Rates so far below the lowest prior are in the strip.
const BELOW_PRIOR: f64 = 300.0;

/// Names of classes by their number of detectors.
const SIZES: [&str; 4] = ["one detector", "two detectors", "three detectors", "four detectors"];

/// The plot, and what its marks mean.
pub(super) fn section(report: &Report) -> Markup {
    let drawn: Vec<&RateRow> = report.rates.iter().filter(|row| row.prior > 0.0).collect();
    let Some(x) = range(drawn.iter().map(|row| row.prior)) else {
        return html! { p { "The prior has no errors with a rate above 0." } };
    };
    let missing = report.rates.len() - drawn.len();
    let detailed = detailed(&drawn, report.fit.scale);
    html! {
        figure {
            (Scatter::new(report, x, &drawn).draw(&detailed))
            (legend(report, &drawn))
            figcaption {
                "A mark for each class of errors: those that flip the same detectors. Error bars are one standard error. "
                @if detailed.iter().any(|is_detailed| !is_detailed) {
                    "There are " (drawn.len()) " classes: of each number of detectors the " (DETAILED_MAX) " furthest from the "
                    "scaled prior in their errors have marks with error bars and numbers, all others are dots. "
                }
                "Hollow marks at the bottom are classes whose estimate is below the floor, " (short(report.settings.floor))
                " of the prior, and which have that rate in the learned model; or whose rate is too low for this plot. "
                @if report.fit.kept > 0 {
                    (report.fit.kept) " classes keep the prior's rate, for nothing is learned of them: grey. "
                }
                @if missing > 0 { (missing) " classes have a prior of 0 and are not drawn." }
            }
        }
    }
}

/// Which classes have error bars and numbers.
fn detailed(rows: &[&RateRow], scale: f64) -> Vec<bool> {
    let distance =
        |row: &RateRow| row.error.map_or(0.0, |error| (row.rate - scale * row.prior).abs() / error);
    let mut detailed = vec![false; rows.len()];
    for size in 1..=SIZES.len() {
        let mut order: Vec<_> = (0..rows.len()).filter(|&index| size_of(rows[index]) == size).collect();
        order.sort_by(|&a, &b| distance(rows[b]).total_cmp(&distance(rows[a])));
        order.iter().take(DETAILED_MAX).for_each(|&index| detailed[index] = true);
    }
    detailed
}

/// The number of detectors by which a class is drawn, from 1.
fn size_of(row: &RateRow) -> usize {
    row.detectors.len().clamp(1, SIZES.len())
}

struct Scatter<'a> {
    frame: Frame<'a>,
    rows: &'a [&'a RateRow],
    scale: f64,
    /// Where the strip is.
    strip: f64,
    lowest: f64,
}

impl<'a> Scatter<'a> {
    fn new(report: &Report, x: (f64, f64), rows: &'a [&'a RateRow]) -> Self {
        let lowest = x.0 / BELOW_PRIOR;
        let learned = rows.iter().filter(|row| !row.is_floored && row.rate >= lowest).map(|row| row.rate);
        let y = range(learned.chain([x.0, x.1])).unwrap_or(x);
        let (bottom, top) = upward(HEIGHT);
        let frame = Frame {
            x: Axis::log(x, across()),
            y: Axis::log(y, (bottom - STRIP, top)),
            height: HEIGHT,
            x_name: "rate by the prior",
            y_name: "learned rate",
        };
        Self { frame, rows, scale: report.fit.scale, strip: bottom - STRIP / 2.0, lowest }
    }

    /// Whether a class is in the strip.
    fn is_low(&self, row: &RateRow) -> bool {
        row.error.is_some() && (row.is_floored || row.rate < self.lowest)
    }

    /// The line of rates that are `factor` times the prior's, as far as the frame goes.
    fn line(&self, factor: f64) -> String {
        let ((left, right), (low, high)) = (self.frame.x.ends(), self.frame.y.ends());
        let (from, to) = (left.max(low / factor), right.min(high / factor));
        if from >= to {
            return String::new();
        }
        let at = |x: f64| format!("{} {}", px(self.frame.x.at(x)), px(self.frame.y.at(factor * x)));
        format!("M{}L{}", at(from), at(to))
    }

    fn draw(&self, detailed: &[bool]) -> Markup {
        let (left, right) = across();
        let border = self.strip - STRIP / 2.0;
        let marks = html! {
            path.border d={"M" (px(left)) " " (px(border)) "H" (px(right))} {}
            text.small x=(px(left + 6.0)) y=(px(border + 12.0)) { "at the floor" }
            @for size in 1..=SIZES.len() { (self.marks(size, detailed)) }
            path.same d=(self.line(1.0)) { title { "as the prior" } }
            @if self.scale > 0.0 {
                path.scaled d=(self.line(self.scale)) { title { (short(self.scale)) " times the prior" } }
            }
        };
        self.frame.draw("Learned rates against the rates of the prior", &marks)
    }

    /// All marks of one size.
    fn marks(&self, size: usize, detailed: &[bool]) -> Markup {
        let rows = || self.rows.iter().zip(detailed).filter(move |(row, _)| size_of(row) == size);
        let (mut dots, mut bars) = (String::new(), Bars::default());
        for (row, &is_detailed) in rows() {
            let x = self.frame.x.at(row.prior);
            if !is_detailed {
                dots += &format!("M{} {}h0", px(x), px(self.height_of(row)));
            } else if let Some(error) = row.error.filter(|_| !self.is_low(row)) {
                let low = (row.rate - error).max(self.frame.y.ends().0);
                bars.add(x, (self.frame.y.at(low), self.frame.y.at(row.rate + error)));
            }
        }
        let shown = rows().filter(|(_, is_detailed)| **is_detailed);
        html! {
            g class={"size" (size)} {
                @if !dots.is_empty() { path.dots d=(dots) {} }
                (bars.draw())
                @for (row, _) in shown {
                    path.mark.low[self.is_low(row)].kept[row.error.is_none()]
                        d=(marker(size, self.frame.x.at(row.prior), self.height_of(row), 3.2)) { title { (numbers(row)) } }
                }
            }
        }
    }

    fn height_of(&self, row: &RateRow) -> f64 {
        if self.is_low(row) { self.strip } else { self.frame.y.at(row.rate) }
    }
}

/// What a mark shows.
fn numbers(row: &RateRow) -> String {
    let detectors: Vec<_> = row.detectors.iter().map(|detector| format!("D{detector}")).collect();
    let learned = match row.error {
        Some(error) => with_error(row.rate, error),
        None => format!("{}, kept", short(row.rate)),
    };
    let floor = if row.is_floored { ", below the floor" } else { "" };
    format!(
        "{}: {learned}{floor}; prior {}, {} times",
        detectors.join(" "),
        short(row.prior),
        short(row.rate / row.prior)
    )
}

fn legend(report: &Report, rows: &[&RateRow]) -> Markup {
    let count = |size: usize| rows.iter().filter(|row| size_of(row) == size).count();
    html! {
        ul.legend {
            @for (index, name) in SIZES.iter().enumerate().filter(|&(index, _)| count(index + 1) > 0) {
                li {
                    svg.key viewBox="0 0 16 16" aria-hidden="true" {
                        g class={"size" (index + 1)} { path.mark d=(marker(index + 1, 8.0, 8.0, 5.0)) {} }
                    }
                    (name) ": " (count(index + 1))
                    @if let Some(scale) = report.fit.scale_by_size[index] { ", " (short(scale)) " times the prior" }
                }
            }
            li { svg.key viewBox="0 0 28 16" aria-hidden="true" { path.same d="M1 8H27" {} } "as the prior" }
            li {
                svg.key viewBox="0 0 28 16" aria-hidden="true" { path.scaled d="M1 8H27" {} }
                "all: " (with_error(report.fit.scale, report.fit.scale_error)) " times the prior"
            }
        }
    }
}
