//! Pairs of detectors that are correlated beyond the learned model.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::chart::{short, with_error};
use crate::learning::report::{ApartRow, PairRow, Report};

/// Rows and columns of a table by distance at most; what is farther is added up in the last.
const ROUNDS_MAX: u32 = 20;
const DISTANCES_MAX: usize = 12;
/// Pairs of a table at most.
const LISTED_MAX: usize = 50;
/// Shades of a table's cells.
const SHADES: f64 = 5.0;

/// How many pairs there are, how far apart, and which.
pub(super) fn section(report: &Report) -> Markup {
    let Some(residuals) = report.residuals.as_ref() else {
        return html! { p.missing { "No pairs were tested." } };
    };
    html! {
        p {
            "A pair of detectors that fires together more often than the learned model has it, or less. Of those that no "
            "error of the model flips " strong { (residuals.outside_significant) " of " (residuals.outside_tested) }
            " are significant, at a probability of a false alarm of " (short(report.settings.level)) " for all of them; of "
            "those that errors flip " strong { (residuals.inside_significant) " of " (residuals.inside_tested) } "."
        }
        p.note {
            "Pairs at one place (distance 0) two or more rounds apart are the mark of leakage: a qubit out of its two states "
            "fires its detectors again and again, and no error of the model does. Near pairs at equal rounds point to "
            "crosstalk. "
            @if let Some((significant, tested)) = leakage(&residuals.outside_apart) {
                "Here they are " strong { (significant) " of " (tested) } " tested."
            }
        }
        @if residuals.outside_apart.is_empty() && residuals.inside_apart.is_empty() {
            @if residuals.outside_tested + residuals.inside_tested > 0 {
                p.missing { "There is no table by distance: the model's detectors have no coordinates." }
            }
        } @else {
            (by_distance("Significant pairs that no error flips", &residuals.outside_apart))
            (by_distance("Significant pairs that errors flip", &residuals.inside_apart))
        }
        (listed("Pairs that no error flips", &residuals.outside, residuals.outside_significant))
        (listed("Pairs that errors flip", &residuals.inside, residuals.inside_significant))
    }
}

/// Significant and tested pairs at one place, two or more rounds apart; nothing if none are tested.
fn leakage(rows: &[ApartRow]) -> Option<(u64, u64)> {
    let rows = rows.iter().filter(|row| row.apart.distance == 0.0 && row.apart.rounds >= 2);
    let sum = rows.fold((0, 0), |sum, row| (sum.0 + row.significant, sum.1 + row.tested));
    (sum.1 > 0).then_some(sum)
}

/// Significant and tested pairs of each row and column.
#[derive(Default)]
struct Grid {
    distances: Vec<f64>,
    cells: BTreeMap<(u32, usize), (u64, u64)>,
}

impl Grid {
    fn of(rows: &[ApartRow]) -> Self {
        let mut distances: Vec<f64> = rows.iter().map(|row| row.apart.distance).collect();
        distances.sort_by(f64::total_cmp);
        distances.dedup();
        distances.truncate(DISTANCES_MAX);
        let mut cells = BTreeMap::new();
        for row in rows {
            let column = distances.iter().rposition(|&distance| distance <= row.apart.distance);
            let key = (row.apart.rounds.min(ROUNDS_MAX), column.unwrap_or_default());
            let (significant, tested) = cells.entry(key).or_insert((0, 0));
            *significant += row.significant;
            *tested += row.tested;
        }
        Self { distances, cells }
    }

    /// Cells of one number of rounds, by distance.
    fn row(&self, rounds: u32) -> impl Iterator<Item = Option<(u64, u64)>> {
        (0..self.distances.len()).map(move |column| self.cells.get(&(rounds, column)).copied())
    }

    /// The shade of a cell, from 0 for none to the darkest for the most of all, in equal ratios.
    fn shade(&self, significant: u64) -> usize {
        let most = self.cells.values().map(|cell| cell.0).max().unwrap_or_default();
        if significant == 0 {
            return 0;
        }
        (SHADES * (1.0 + significant as f64).ln() / (1.0 + most as f64).ln()).ceil() as usize
    }
}

fn by_distance(caption: &str, rows: &[ApartRow]) -> Markup {
    let grid = Grid::of(rows);
    let Some(farthest) = grid.cells.keys().map(|&(rounds, _)| rounds).max() else { return html! {} };
    let significant = grid.cells.iter().filter(|(_, cell)| cell.0 > 0);
    let Some(last) = significant.map(|(&(rounds, _), _)| rounds).max() else { return html! {} };
    let is_cut = rows.iter().any(|row| Some(&row.apart.distance) > grid.distances.last());
    let columns = grid.distances.len();
    html! {
        div.wide { table.heat {
            caption {
                (caption) ", by rounds apart (down) and distance (across)"
                @if last < farthest { "; none of those farther apart in rounds" }
            }
            thead {
                tr {
                    th scope="col" { "rounds" }
                    @for (column, &distance) in grid.distances.iter().enumerate() {
                        th scope="col" { (short(distance)) @if is_cut && column + 1 == columns { " or more" } }
                    }
                }
            }
            tbody {
                @for rounds in 0..=last {
                    tr {
                        th scope="row" { (rounds) @if rounds == ROUNDS_MAX { " or more" } }
                        @for cell in grid.row(rounds) {
                            @match cell {
                                Some((significant, tested)) => td class={"h" (grid.shade(significant))}
                                    title={(significant) " of " (tested) " tested"} { (significant) },
                                None => td.none title="none tested" { "·" },
                            }
                        }
                    }
                }
            }
        } }
    }
}

fn listed(caption: &str, pairs: &[PairRow], significant: u64) -> Markup {
    let shown = pairs.len().min(LISTED_MAX);
    if shown == 0 {
        return html! {};
    }
    html! {
        details {
            summary { (caption) ": the first " (shown) " of " (significant) }
            table {
                caption { (caption) ", least likely first. The excess is the rate of one more error that would explain it." }
                thead {
                    tr {
                        th scope="col" { "detectors" }
                        th scope="col" { "rounds apart" }
                        th scope="col" { "distance" }
                        th scope="col" { "excess" }
                        th scope="col" { "z" }
                        th scope="col" { "log10 of P" }
                    }
                }
                tbody {
                    @for pair in &pairs[..shown] {
                        tr {
                            td { "D" (pair.detectors[0]) " D" (pair.detectors[1]) }
                            @match &pair.apart {
                                Some(apart) => { td { (apart.rounds) } td { (short(apart.distance)) } }
                                None => { td { "–" } td { "–" } }
                            }
                            td { (with_error(pair.excess, pair.error)) }
                            td { (short(pair.z)) }
                            td { (short(pair.log10_p)) }
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learning::places::Apart;

    #[test]
    fn what_is_farther_is_in_the_last_row_and_column() {
        let row =
            |rounds, distance| ApartRow { apart: Apart { rounds, distance }, tested: 10, significant: 1 };
        let rows: Vec<_> = (0..30).map(|index| row(index, f64::from(index))).collect();
        let grid = Grid::of(&rows);
        assert_eq!(grid.distances.len(), DISTANCES_MAX);
        assert_eq!(grid.cells[&(3, 3)], (1, 10));
        assert_eq!(grid.cells[&(ROUNDS_MAX, DISTANCES_MAX - 1)], (10, 100));
        assert_eq!(grid.cells.values().map(|cell| cell.1).sum::<u64>(), 300);
        assert_eq!((grid.shade(0), grid.shade(10)), (0, 5));
        assert_eq!(leakage(&[row(1, 0.0), row(2, 0.0), row(2, 1.0), row(5, 0.0)]), Some((2, 20)));
    }
}
