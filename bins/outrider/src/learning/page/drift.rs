//! The noise over time: events of a shot, bursts, and the scale of blocks.

use maud::{Markup, html};

use super::chart::{Axis, Bars, Frame, across, px, range, short, upward, with_error};
use crate::learning::report::{BlockRow, BurstRow, DriftRows, EventsRow, Report};

const HEIGHT: f64 = 320.0;
/// Bursts drawn at most.
const BURSTS_MAX: usize = 500;
/// Blocks with numbers at most; more are a line.
const BLOCKS_DETAILED_MAX: usize = 1000;
/// Detectors that moved, in the table at most.
const LISTED_MAX: usize = 50;

/// The plots, and the detectors that moved.
pub(super) fn section(report: &Report) -> Markup {
    html! {
        @match &report.drift {
            Some(drift) if drift.has_drift => p {
                "The noise did not stand still: events of a shot spread by " (short(drift.events_spread))
                " among windows beyond chance, and " (drift.significant) " of " (report.detectors) " detectors moved."
            },
            Some(drift) => p { "The noise stood still over " (drift.windows) " windows, as far as these shots show." },
            None => p.missing { "There are too few shots to see whether the noise stood still." },
        }
        @if !report.events.is_empty() { (events(report)) }
        @if report.blocks.is_empty() {
            p.missing { "Without " code { "--blocks" } " there is no series of learned models." }
        } @else { (blocks(report)) }
        @if let Some(drift) = report.drift.as_ref().filter(|drift| !drift.detectors.is_empty()) {
            (detectors(drift))
        }
    }
}

fn events(report: &Report) -> Markup {
    let rows = &report.events;
    let last =
        rows.iter().map(|row| row.last_shot).chain(report.bursts.iter().map(|burst| burst.last_shot)).max();
    let ends = |row: &EventsRow| {
        let error = row.error.unwrap_or_default();
        [row.mean - error, row.mean + error]
    };
    let y = range(rows.iter().flat_map(ends)).unwrap_or((0.0, 1.0));
    let frame = Frame {
        x: Axis::exact((0.0, last.unwrap_or_default() as f64), across()),
        y: Axis::linear(y, upward(HEIGHT)),
        height: HEIGHT,
        x_name: "shot",
        y_name: "events of a shot",
    };
    let mut bars = Bars::default();
    let mut points = Vec::new();
    for row in rows {
        let x = frame.x.at(middle(row.first_shot, row.last_shot));
        let [low, high] = ends(row).map(|end| frame.y.at(end));
        bars.add(x, (low, high));
        points.push((x, frame.y.at(row.mean), row));
    }
    let (shots, sum) = rows
        .iter()
        .fold((0.0, 0.0), |(shots, sum), row| (shots + row.shots as f64, sum + row.shots as f64 * row.mean));
    let (left, right) = across();
    let marks = html! {
        path.same d={"M" (px(left)) " " (px(frame.y.at(sum / shots))) "H" (px(right))} {
            title { "all: " (short(sum / shots)) }
        }
        g.size1 {
            (bars.draw())
            @for (x, y, row) in points {
                circle.mark cx=(px(x)) cy=(px(y)) r="2.4" {
                    title {
                        "shots " (row.first_shot) " to " (row.last_shot) ": "
                        (with_error(row.mean, row.error.unwrap_or_default())) " events"
                    }
                }
            }
        }
        (bursts(report, &frame))
    };
    html! {
        figure {
            (frame.draw("Events of a shot over time", &marks))
            figcaption {
                "Events of a shot by windows of " (report.settings.window) " shots, with standard errors as the shots show "
                "them; neighbouring windows are one point where there are many. The dashed line is the mean. "
                @if report.bursts.is_empty() { "No window was left out as a burst." }
                @else {
                    "Triangles: " (report.bursts.len()) " windows that were left out as bursts, at the edge if they are "
                    "beyond it."
                    @if report.bursts.len() > BURSTS_MAX { " The first " (BURSTS_MAX) " are drawn." }
                }
            }
        }
    }
}

/// Windows that were left out.
fn bursts(report: &Report, frame: &Frame<'_>) -> Markup {
    html! {
        g.burst {
            @for burst in report.bursts.iter().take(BURSTS_MAX) {
                @let shots = burst_shots(burst, report.settings.window as u64) as f64;
                @let x = frame.x.at(middle(burst.first_shot, burst.last_shot));
                @let y = frame.y.at(burst.events as f64 / shots);
                path.mark d={"M" (px(x - 6.0)) " " (px(y - 5.0)) "h12l-6 10z"} {
                    title {
                        "left out: shots " (burst.first_shot) " to " (burst.last_shot) ", " (burst.events)
                        " events where " (short(burst.expected)) " are usual"
                    }
                }
            }
        }
    }
}

/// Shots of a window that was left out: those between its ends, but for those held out.
fn burst_shots(burst: &BurstRow, window: u64) -> u64 {
    window.min(burst.last_shot - burst.first_shot + 1)
}

fn middle(first: u64, last: u64) -> f64 {
    (first as f64 + last as f64) / 2.0
}

/// The scale of what each block has on the prior.
fn blocks(report: &Report) -> Markup {
    let rows = &report.blocks;
    let ends = |row: &BlockRow| [row.scale - row.scale_error, row.scale + row.scale_error];
    let y = range(rows.iter().flat_map(ends).chain([1.0])).unwrap_or((0.0, 1.0));
    let last = rows.iter().map(|row| row.first_shot + row.shots).max().unwrap_or_default();
    let frame = Frame {
        x: Axis::exact((0.0, last as f64), across()),
        y: Axis::linear(y, upward(HEIGHT)),
        height: HEIGHT,
        x_name: "shot",
        y_name: "rates over those of all shots",
    };
    let is_detailed = rows.len() <= BLOCKS_DETAILED_MAX;
    let mut bars = Bars::default();
    let mut line = String::new();
    let mut points = Vec::new();
    for row in rows {
        let x = frame.x.at(row.first_shot as f64 + row.shots as f64 / 2.0);
        let y = frame.y.at(row.scale);
        if is_detailed {
            let [low, high] = ends(row).map(|end| frame.y.at(end));
            bars.add(x, (low, high));
            points.push((x, y, row));
        } else {
            line += &format!("{}{} {}", if line.is_empty() { "M" } else { "L" }, px(x), px(y));
        }
    }
    let (left, right) = across();
    let marks = html! {
        path.same d={"M" (px(left)) " " (px(frame.y.at(1.0))) "H" (px(right))} { title { "no change" } }
        g.size2 {
            @if !line.is_empty() { path.line d=(line) {} }
            (bars.draw())
            @for (x, y, row) in points {
                circle.mark cx=(px(x)) cy=(px(y)) r="3" {
                    title {
                        (row.shots) " shots from " (row.first_shot) ": " (with_error(row.scale, row.scale_error))
                    }
                }
            }
        }
    };
    html! {
        figure {
            (frame.draw("Scale of the rates of blocks over time", &marks))
            figcaption { "Blocks of " code { "--blocks" } ": all rates over those learned from all shots." }
        }
    }
}

fn detectors(drift: &DriftRows) -> Markup {
    let mut rows: Vec<_> = drift.detectors.iter().collect();
    rows.sort_by(|a, b| a.log10_p.total_cmp(&b.log10_p));
    rows.truncate(LISTED_MAX);
    html! {
        details {
            summary { "Detectors that moved" }
            table {
                caption {
                    "Least likely first"
                    @if drift.significant > rows.len() { ": " (rows.len()) " of " (drift.significant) }
                }
                thead {
                    tr {
                        th scope="col" { "detector" }
                        th scope="col" { "events of a shot" }
                        th scope="col" { "spread" }
                        th scope="col" { "change from first shot to last" }
                        th scope="col" { "log10 of P" }
                    }
                }
                tbody {
                    @for row in &rows {
                        tr {
                            td { "D" (row.detector) }
                            td { (short(row.rate)) }
                            td { (short(row.spread)) }
                            td { (short(row.change)) }
                            td { (short(row.log10_p)) }
                        }
                    }
                }
            }
        }
    }
}
