//! What the plots share: axes with ticks, paths, and numbers in few digits.
//!
//! Plots are SVG inside the page, not images of a plotting library: their colours come from the page's style sheet, so
//! that they follow the reader's light or dark scheme, and every mark shows its numbers by a `title`.

use std::fmt::Write as _;

use maud::{Markup, html};

/// Size of a plot.
pub(super) const WIDTH: f64 = 760.0;
/// Where the frame begins at the left, right, top and bottom.
pub(super) const LEFT: f64 = 70.0;
const RIGHT: f64 = 28.0;
pub(super) const TOP: f64 = 12.0;
const BOTTOM: f64 = 50.0;

/// Ticks of a linear axis, about.
const TICKS: f64 = 6.0;

/// How values go over an axis.
enum Kind {
    /// Equal steps for equal differences.
    Linear,
    /// Equal steps for equal ratios.
    Log,
    /// None do: there are rows with names.
    Rows,
}

/// From values to places on the page.
pub(super) struct Axis {
    kind: Kind,
    low: f64,
    high: f64,
    from: f64,
    to: f64,
}

/// A plot's two axes and what they are called.
pub(super) struct Frame<'a> {
    pub(super) x: Axis,
    pub(super) y: Axis,
    pub(super) height: f64,
    pub(super) x_name: &'a str,
    pub(super) y_name: &'a str,
}

/// The ends of the page's axes: left to right, and bottom to top.
pub(super) fn across() -> (f64, f64) {
    (LEFT, WIDTH - RIGHT)
}

pub(super) fn upward(height: f64) -> (f64, f64) {
    (height - BOTTOM, TOP)
}

/// The lowest and the highest number; nothing if there are none.
pub(super) fn range(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    values
        .filter(|value| value.is_finite())
        .map(|value| (value, value))
        .reduce(|(low, high), (value, _)| (low.min(value), high.max(value)))
}

impl Axis {
    /// Equal steps for equal differences; a range of no length gets some.
    pub(super) fn linear((low, high): (f64, f64), (from, to): (f64, f64)) -> Self {
        let room = if high > low { 0.04 * (high - low) } else { 0.5 * high.abs().max(1e-9) };
        Self { kind: Kind::Linear, low: low - room, high: high + room, from, to }
    }

    /// The same without room at the ends.
    pub(super) fn exact((low, high): (f64, f64), (from, to): (f64, f64)) -> Self {
        Self { kind: Kind::Linear, low, high: if high > low { high } else { low + 1.0 }, from, to }
    }

    /// An axis of rows, which has no ticks.
    pub(super) fn rows((from, to): (f64, f64)) -> Self {
        Self { kind: Kind::Rows, low: 0.0, high: 1.0, from, to }
    }

    /// Equal steps for equal ratios; the ends are above 0.
    pub(super) fn log((low, high): (f64, f64), (from, to): (f64, f64)) -> Self {
        Self { kind: Kind::Log, low: low / 1.4, high: high * 1.4, from, to }
    }

    /// Its two ends, as values.
    pub(super) fn ends(&self) -> (f64, f64) {
        (self.low, self.high)
    }

    /// The place of a value; what is beyond an end is at the end.
    pub(super) fn at(&self, value: f64) -> f64 {
        let share = match self.kind {
            Kind::Log => (value.max(f64::MIN_POSITIVE) / self.low).ln() / (self.high / self.low).ln(),
            Kind::Linear | Kind::Rows => (value - self.low) / (self.high - self.low),
        };
        self.from + share.clamp(0.0, 1.0) * (self.to - self.from)
    }

    /// Values with a label, and what it is.
    fn ticks(&self) -> Vec<(f64, String)> {
        match self.kind {
            Kind::Linear => self.linear_ticks(),
            Kind::Log => self.log_ticks(),
            Kind::Rows => Vec::new(),
        }
    }

    fn linear_ticks(&self) -> Vec<(f64, String)> {
        let rough = (self.high - self.low) / TICKS;
        let power = rough.log10().floor() as i32;
        let steps = [1.0, 2.0, 5.0, 10.0].map(|step| step * 10f64.powi(power));
        let step = steps.into_iter().find(|&step| step >= rough).unwrap_or(rough);
        let decimals = (-step.log10().floor()).clamp(0.0, 12.0) as usize;
        let first = (self.low / step).ceil() as i64;
        let last = (self.high / step).floor() as i64;
        (first..=last)
            .map(|index| index as f64 * step)
            .map(|value| (value, format!("{:.decimals$}", if value == 0.0 { 0.0 } else { value })))
            .collect()
    }

    fn log_ticks(&self) -> Vec<(f64, String)> {
        let decades = (self.high / self.low).log10();
        let mantissas: &[f64] = match decades {
            _ if decades > 3.0 => &[1.0],
            _ if decades > 1.0 => &[1.0, 2.0, 5.0],
            _ => &[1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0],
        };
        let powers = self.low.log10().floor() as i32..=self.high.log10().ceil() as i32;
        // Parsed, 1e-5 is the number nearest to it, which a product need not be.
        powers
            .flat_map(|power| mantissas.iter().map(move |mantissa| format!("{mantissa}e{power}")))
            .filter_map(|text| text.parse().ok())
            .filter(|value| (self.low..=self.high).contains(value))
            .map(|value| (value, short(value)))
            .collect()
    }
}

impl Frame<'_> {
    /// Lines, ticks and names around a plot whose marks are `marks`.
    pub(super) fn draw(&self, label: &str, marks: &Markup) -> Markup {
        let (left, right) = (self.x.from, self.x.to);
        let (bottom, top) = upward(self.height);
        let middle = (top + bottom) / 2.0;
        html! {
            svg viewBox={"0 0 " (WIDTH) " " (self.height)} role="img" aria-label=(label) {
                g.grid {
                    @for (value, _) in self.x.ticks() {
                        path d={"M" (px(self.x.at(value))) " " (px(top)) "V" (px(bottom))} {}
                    }
                    @for (value, _) in self.y.ticks() {
                        path d={"M" (px(left)) " " (px(self.y.at(value))) "H" (px(right))} {}
                    }
                }
                (marks)
                path.frame d={"M" (px(left)) " " (px(top)) "V" (px(bottom)) "H" (px(right))} {}
                g.ticks text-anchor="middle" {
                    @for (value, text) in self.x.ticks() {
                        text x=(px(self.x.at(value))) y=(px(bottom + 18.0)) { (text) }
                    }
                    text.name x=(px((left + right) / 2.0)) y=(px(self.height - 8.0)) { (self.x_name) }
                }
                g.ticks text-anchor="end" {
                    @for (value, text) in self.y.ticks() {
                        text x=(px(left - 7.0)) y=(px(self.y.at(value) + 4.0)) { (text) }
                    }
                }
                text.name text-anchor="middle" transform={"rotate(-90 14 " (px(middle)) ")"} x="14" y=(px(middle)) {
                    (self.y_name)
                }
            }
        }
    }
}

/// Lines up and down, as the data of one path.
#[derive(Default)]
pub(super) struct Bars(String);

impl Bars {
    /// Adds one.
    pub(super) fn add(&mut self, x: f64, (low, high): (f64, f64)) {
        // Writing to a string cannot fail.
        let _ = write!(self.0, "M{} {}V{}", px(x), px(low), px(high));
    }

    /// All of them.
    pub(super) fn draw(&self) -> Markup {
        html! { @if !self.0.is_empty() { path.bars d=(self.0) {} } }
    }
}

/// The outline of the mark for a number of detectors from 1: circle, square, triangle, diamond.
pub(super) fn marker(size: usize, x: f64, y: f64, r: f64) -> String {
    match size {
        1 => {
            let (left, width) = (px(x - r), px(2.0 * r));
            format!("M{left} {}a{r} {r} 0 1 0 {width} 0a{r} {r} 0 1 0-{width} 0z", px(y))
        }
        2 => format!("M{} {}h{side}v{side}h-{side}z", px(x - r), px(y - r), side = px(2.0 * r)),
        3 => format!("M{} {}l{} {}h-{}z", px(x), px(y - 1.2 * r), px(1.2 * r), px(2.1 * r), px(2.4 * r)),
        _ => format!("M{} {}l{d} {d}l-{d} {d}l-{d} -{d}z", px(x), px(y - 1.35 * r), d = px(1.35 * r)),
    }
}

/// A place on the page, to a tenth of a unit.
pub(super) fn px(at: f64) -> String {
    let text = format!("{at:.1}");
    text.strip_suffix(".0").map_or_else(|| text.clone(), str::to_owned)
}

/// A number in three digits.
pub(super) fn short(value: f64) -> String {
    let size = value.abs();
    if size == 0.0 || !size.is_finite() {
        return value.to_string();
    }
    let exponent = size.log10().floor();
    if !(-3.0..5.0).contains(&exponent) {
        let text = format!("{value:.2e}");
        let (digits, power) = text.split_once('e').unwrap_or((&text, "0"));
        return format!("{}e{power}", trimmed(digits));
    }
    let decimals = (2.0 - exponent).clamp(0.0, 6.0) as usize;
    trimmed(&format!("{value:.decimals$}")).to_owned()
}

/// Without zeros after the point that say nothing.
fn trimmed(digits: &str) -> &str {
    if digits.contains('.') { digits.trim_end_matches('0').trim_end_matches('.') } else { digits }
}

/// A number and its standard error, to the same decimals.
pub(super) fn with_error(value: f64, error: f64) -> String {
    if !(error > 0.0 && error.is_finite()) {
        return short(value);
    }
    let size = value.abs().max(error);
    let exponent = size.log10().floor();
    if !(-3.0..5.0).contains(&exponent) {
        let power = 10f64.powf(exponent);
        let decimals = (1.0 + exponent - error.log10().floor()).clamp(1.0, 6.0) as usize;
        return format!("({:.decimals$} ± {:.decimals$})e{exponent}", value / power, error / power);
    }
    let decimals = (1.0 - error.log10().floor()).clamp(0.0, 8.0) as usize;
    format!("{value:.decimals$} ± {error:.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_keep_their_size() {
        for (value, text) in [
            (0.0, "0"),
            (1.0, "1"),
            (0.012_345, "0.0123"),
            (-1.5, "-1.5"),
            (1234.5, "1234"),
            (1e-5, "1e-5"),
            (2.346e-7, "2.35e-7"),
            (3.2e8, "3.2e8"),
            (100.0, "100"),
        ] {
            assert_eq!(short(value), text);
        }
        assert_eq!(with_error(0.012_34, 0.000_56), "0.01234 ± 0.00056");
        assert_eq!(with_error(1.234e-5, 5.6e-7), "(1.234 ± 0.056)e-5");
        assert_eq!(with_error(2.0, f64::NAN), "2");
    }

    #[test]
    fn axes_have_round_ticks_inside() {
        let axis = Axis::exact((0.0, 50_000.0), (0.0, 100.0));
        let labels: Vec<_> = axis.ticks().into_iter().map(|(_, label)| label).collect();
        assert_eq!(labels, ["0", "10000", "20000", "30000", "40000", "50000"]);
        assert_eq!((axis.at(25_000.0), axis.at(-1.0), axis.at(1e9)), (50.0, 0.0, 100.0));
        let axis = Axis::log((1e-4, 1e-2), (100.0, 0.0));
        let labels: Vec<_> = axis.ticks().into_iter().map(|(_, label)| label).collect();
        assert_eq!(labels, ["1e-4", "2e-4", "5e-4", "0.001", "0.002", "0.005", "0.01"]);
        assert!((axis.at(1e-3) - 50.0).abs() < 1e-9);
        for axis in [Axis::linear((3.0, 3.0), (0.0, 1.0)), Axis::linear((0.0, 0.0), (0.0, 1.0))] {
            assert!(!axis.ticks().is_empty());
            assert!(axis.ticks().len() < 20);
        }
    }
}
