//! The patch: what the errors at each place have, and those between places.

use maud::{Markup, html};

use super::chart::{Axis, Frame, LEFT, TOP, WIDTH, across, px, range, short, upward, with_error};
use crate::learning::patch_map::{PatchMap, Site};
use crate::learning::report::Report;

/// Sites drawn at most, of places and of links each; those that are surely worst come first.
const DRAWN_MAX: usize = 3000;
/// Sites of the table at most, of places and of links each.
const LISTED_MAX: usize = 50;
/// A site whose factor is so many errors from the scale of all is drawn thick.
const SURELY: f64 = 3.0;
/// Steps of colour on each side of the scale of all.
const STEPS: f64 = 4.0;
/// Factors over the scale of all at which the darkest colours begin: the least that spans the sites is taken.
const SPANS: [f64; 5] = [1.2, 1.5, 2.0, 4.0, 10.0];

/// The map, and what its colours mean.
pub(super) fn section(report: &Report) -> Markup {
    let Some(patch) = report.patch.as_ref() else {
        return html! {
            p.missing {
                "There is no map: the model's detectors have no coordinates. Stim's circuits have them by "
                code { "DETECTOR(x, y, t)" } " and " code { "SHIFT_COORDS" } "."
            }
        };
    };
    let sites = || patch.places.iter().chain(&patch.links);
    if sites().next().is_none() {
        return html! { p.missing { "There is no map: nothing was learned of errors of one or two detectors." } };
    }
    if sites().flat_map(|site| &site.at).all(|at| at.is_empty()) {
        return html! { p.missing { "There is no map: the model's detectors have no coordinates beside time." } };
    }
    let is_deep = sites().flat_map(|site| &site.at).any(|at| at.len() > 2);
    let colours = Colours::of(patch, report.fit.scale);
    html! {
        figure {
            (draw(patch, &colours))
            (colours.legend())
            figcaption {
                "Factors on the prior, over all rounds. A circle: errors that flip one or two detectors of one place, those of "
                "measurements and resets, and of data qubits at the edge. A line: errors that flip a detector at either end, "
                "those of the data qubits between them and of gates. The colours are about the scale of all errors, "
                (short(colours.scale)) ", in equal ratios; thick: more than " (SURELY as u32) " standard errors from it. "
                @if is_deep { "Of more than two coordinates beside time the first two are drawn. " }
                @if patch.places.len().max(patch.links.len()) > DRAWN_MAX {
                    "The first " (DRAWN_MAX) " of " (patch.places.len()) " places and of " (patch.links.len())
                    " lines are drawn: those that are surely worst."
                }
            }
        }
        details {
            summary { "Factors as a table" }
            div.side {
                (table("Places, surely worst first", &patch.places))
                (table("Between places, surely worst first", &patch.links))
            }
        }
    }
}

/// Colours of factors: steps of equal ratios about the scale of all errors.
struct Colours {
    scale: f64,
    span: f64,
}

impl Colours {
    fn of(patch: &PatchMap, scale: f64) -> Self {
        let scale = if scale > 0.0 { scale } else { 1.0 };
        let mut ratios: Vec<f64> = patch
            .places
            .iter()
            .chain(&patch.links)
            .filter(|site| site.factor > 0.0)
            .map(|site| (site.factor / scale).ln().abs())
            .collect();
        ratios.sort_by(f64::total_cmp);
        // A few extremes do not decide the colours of all.
        let typical = ratios.get(ratios.len() * 9 / 10).map_or(1.0, |ratio| ratio.exp());
        let widest = SPANS[SPANS.len() - 1];
        Self { scale, span: SPANS.into_iter().find(|&span| span >= typical).unwrap_or(widest) }
    }

    /// The step of a factor, from the lowest, 0.
    fn step(&self, factor: f64) -> usize {
        let steps = if factor > 0.0 {
            // The outermost steps begin at the span.
            (factor / self.scale).ln() / self.span.ln() * (STEPS - 0.5)
        } else {
            -STEPS
        };
        (steps.round().clamp(-STEPS, STEPS) + STEPS) as usize
    }

    /// The factor at which the step after this one begins.
    fn edge(&self, step: usize) -> f64 {
        let steps = step as f64 - STEPS + 0.5;
        self.scale * (steps / (STEPS - 0.5) * self.span.ln()).exp()
    }

    fn legend(&self) -> Markup {
        let last = 2 * STEPS as usize;
        html! {
            svg.scale viewBox="0 0 460 44" role="img" aria-label="Colours of factors" {
                @for step in 0..=last {
                    rect class={"f" (step)} x=(5 + 50 * step) y="4" width="50" height="14" {
                        title {
                            @if step == 0 { "below " (short(self.edge(0))) }
                            @else if step == last { "above " (short(self.edge(last - 1))) }
                            @else { (short(self.edge(step - 1))) " to " (short(self.edge(step))) }
                        }
                    }
                }
                g.ticks text-anchor="middle" {
                    @for step in 0..last { text x=(55 + 50 * step) y="36" { (short(self.edge(step))) } }
                }
            }
        }
    }

    fn is_sure(&self, site: &Site) -> bool {
        (site.factor - self.scale).abs() > SURELY * site.error
    }
}

/// The two coordinates by which a place is drawn.
fn point(at: &[f64]) -> (f64, f64) {
    (at.first().copied().unwrap_or_default(), at.get(1).copied().unwrap_or_default())
}

fn draw(patch: &PatchMap, colours: &Colours) -> Markup {
    let all = || patch.places.iter().chain(&patch.links).flat_map(|site| &site.at).map(|at| point(at));
    let x = range(all().map(|at| at.0)).unwrap_or((0.0, 1.0));
    let y = range(all().map(|at| at.1)).unwrap_or((0.0, 1.0));
    let shortest =
        patch.links.iter().map(length).filter(|length| *length > 0.0).fold(f64::INFINITY, f64::min);
    let pitch = if shortest.is_finite() { shortest } else { 1.0 };
    let (x, y) = ((x.0 - 0.6 * pitch, x.1 + 0.6 * pitch), (y.0 - 0.6 * pitch, y.1 + 0.6 * pitch));
    // One scale for both axes.
    let (left, right) = across();
    let unit = ((right - left) / (x.1 - x.0)).min(560.0 / (y.1 - y.0));
    let height = TOP + unit * (y.1 - y.0) + (TOP - upward(TOP).0);
    let middle = (left + right - unit * (x.1 - x.0)) / 2.0;
    let ends = (middle.max(LEFT), (middle + unit * (x.1 - x.0)).min(WIDTH));
    let (bottom, top) = upward(height);
    // Rows count downwards, as diagrams of circuits have them.
    let frame = Frame {
        x: Axis::exact(x, ends),
        y: Axis::exact(y, (top, bottom)),
        height,
        x_name: "first coordinate",
        y_name: "second coordinate",
    };
    let r = (0.2 * pitch * unit).clamp(1.5, 16.0);
    let marks = html! {
        g.links {
            @for site in patch.links.iter().take(DRAWN_MAX) { (link(site, &frame, colours, r, 1.5 * pitch)) }
        }
        g.places {
            @for site in patch.places.iter().take(DRAWN_MAX) { (circle(site, &frame, colours, r)) }
        }
    };
    frame.draw("Map of the patch: factors on the prior by place", &marks)
}

fn length(site: &Site) -> f64 {
    match site.at.as_slice() {
        [first, second] => {
            let (a, b) = (point(first), point(second));
            (a.0 - b.0).hypot(a.1 - b.1)
        }
        _ => 0.0,
    }
}

fn circle(site: &Site, frame: &Frame<'_>, colours: &Colours, r: f64) -> Markup {
    let at = point(&site.at[0]);
    let is_sure = colours.is_sure(site);
    let r = if is_sure { 1.25 * r } else { r };
    html! {
        circle class={"f" (colours.step(site.factor)) @if is_sure { " sure" }}
            cx=(px(frame.x.at(at.0))) cy=(px(frame.y.at(at.1))) r=(px(r)) { title { (numbers(site)) } }
    }
}

/// A line; one longer than `straight` is bent, so that it does not lie on places and lines between.
fn link(site: &Site, frame: &Frame<'_>, colours: &Colours, r: f64, straight: f64) -> Markup {
    let [first, second] = site.at.as_slice() else { return html! {} };
    let to_page = |at: &[f64]| (frame.x.at(point(at).0), frame.y.at(point(at).1));
    let (a, b) = (to_page(first), to_page(second));
    let bend = if length(site) > straight { 0.16 } else { 0.0 };
    let (dx, dy) = (b.0 - a.0, b.1 - a.1);
    let control = ((a.0 + b.0) / 2.0 - bend * dy, (a.1 + b.1) / 2.0 + bend * dx);
    let path =
        format!("M{} {}Q{} {} {} {}", px(a.0), px(a.1), px(control.0), px(control.1), px(b.0), px(b.1));
    let width = (if colours.is_sure(site) { 0.75 } else { 0.3 }) * r;
    html! {
        path class={"f" (colours.step(site.factor))} stroke-width=(px(width.max(1.0))) d=(path) {
            title { (numbers(site)) }
        }
    }
}

/// Where a site is.
fn name(site: &Site) -> String {
    let at: Vec<_> = site
        .at
        .iter()
        .map(|at| format!("({})", at.iter().map(f64::to_string).collect::<Vec<_>>().join(", ")))
        .collect();
    at.join(" to ")
}

/// What a mark shows.
fn numbers(site: &Site) -> String {
    format!("{}: {}, of {} classes", name(site), with_error(site.factor, site.error), site.classes)
}

fn table(caption: &str, sites: &[Site]) -> Markup {
    html! {
        table {
            caption {
                (caption)
                @if sites.len() > LISTED_MAX { ": the first " (LISTED_MAX) " of " (sites.len()) }
            }
            thead { tr { th scope="col" { "at" } th scope="col" { "factor" } th scope="col" { "classes" } } }
            tbody {
                @for site in sites.iter().take(LISTED_MAX) {
                    tr { td { (name(site)) } td { (with_error(site.factor, site.error)) } td { (site.classes) } }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_steps_of_equal_ratios_about_the_scale() {
        let site = |factor: f64| Site { at: vec![vec![0.0, 0.0]], classes: 1, factor, error: 0.01 };
        let patch = PatchMap { places: vec![site(3.9), site(2.0), site(1.1)], links: Vec::new() };
        let colours = Colours::of(&patch, 2.0);
        assert_eq!(colours.span, 2.0);
        let steps = [-1.0, 0.5, 1.1, 1.99, 2.01, 3.9, 4.1].map(|factor| colours.step(factor));
        assert_eq!(steps, [0, 0, 1, 4, 4, 7, 8]);
        // The outermost begin where the span ends.
        assert!((colours.edge(7) - 4.0).abs() < 1e-9 && (colours.edge(0) - 1.0).abs() < 1e-9);
    }
}
