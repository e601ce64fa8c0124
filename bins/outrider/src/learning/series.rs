//! Events of a shot over time, at a bounded number of points.

use outrider::EventSums;

/// Points of a series at most; an even number, since two become one.
const POINTS_MAX: usize = 1000;

/// Windows that follow each other, as one point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Point {
    /// Index of its first shot, from 0.
    pub(crate) first_shot: u64,
    /// Index of its last shot.
    pub(crate) last_shot: u64,
    /// Its shots; those left out are not among them.
    pub(crate) shots: u64,
    /// Their events.
    pub(crate) events: u64,
    /// The squares of the events of each shot.
    squares: u64,
}

/// Windows in the order of time. Beyond the most points, two neighbours become one.
pub(crate) struct Series {
    points: Vec<Point>,
    /// Windows of a point.
    per_point: u64,
    /// Windows of the last point.
    in_last: u64,
}

impl Point {
    /// Events of a shot.
    pub(crate) fn mean(&self) -> f64 {
        self.events as f64 / self.shots as f64
    }

    /// The standard error of the mean, as its shots show it; nothing for one shot.
    pub(crate) fn error(&self) -> Option<f64> {
        let variance = self.squares as f64 / self.shots as f64 - self.mean().powi(2);
        (self.shots > 1).then(|| (variance.max(0.0) / (self.shots - 1) as f64).sqrt())
    }

    fn add(&mut self, later: &Self) {
        self.last_shot = later.last_shot;
        self.shots += later.shots;
        self.events += later.events;
        self.squares += later.squares;
    }
}

impl Series {
    /// None yet.
    pub(crate) fn new() -> Self {
        Self { points: Vec::new(), per_point: 1, in_last: 1 }
    }

    /// Adds the window of these shots, which has one shot at least.
    pub(crate) fn push(&mut self, first_shot: u64, last_shot: u64, sums: &EventSums) {
        let &EventSums { shots, events, squares } = sums;
        let window = Point { first_shot, last_shot, shots, events, squares };
        match self.points.last_mut() {
            Some(last) if self.in_last < self.per_point => {
                last.add(&window);
                self.in_last += 1;
                return;
            }
            _ => {}
        }
        if self.points.len() == POINTS_MAX {
            self.halve();
        }
        self.points.push(window);
        self.in_last = 1;
    }

    /// The points.
    pub(crate) fn points(&self) -> &[Point] {
        &self.points
    }

    /// Makes one of each two; all have all their windows.
    fn halve(&mut self) {
        let pairs = self.points.chunks(2).map(|pair| {
            let mut sum = pair[0];
            pair[1..].iter().for_each(|later| sum.add(later));
            sum
        });
        self.points = pairs.collect();
        self.per_point *= 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_merged_beyond_the_most_points() {
        let mut series = Series::new();
        let windows = 7 * POINTS_MAX as u64 + 3;
        for window in 0..windows {
            series.push(
                10 * window,
                10 * window + 9,
                &EventSums { shots: 10, events: window, squares: 2 * window },
            );
        }
        let points = series.points();
        assert_eq!(points.len(), (windows as usize).div_ceil(8));
        assert_eq!((points[0].first_shot, points[0].last_shot, points[0].events), (0, 79, 28));
        assert!(points.windows(2).all(|pair| pair[0].last_shot + 1 == pair[1].first_shot));
        assert!(points[..points.len() - 1].iter().all(|point| point.shots == 80));
        assert_eq!(points.iter().map(|point| point.events).sum::<u64>(), windows * (windows - 1) / 2);
    }

    #[test]
    fn the_error_of_a_mean_is_that_of_its_shots() {
        // Events 1, 2, 3, 6: mean 3, sample variance 14 / 3.
        let mut series = Series::new();
        series.push(0, 3, &EventSums { shots: 4, events: 12, squares: 50 });
        let point = series.points()[0];
        assert_eq!(point.mean(), 3.0);
        assert!((point.error().unwrap() - (14.0f64 / 3.0 / 4.0).sqrt()).abs() < 1e-12);
        series.push(4, 4, &EventSums { shots: 1, events: 3, squares: 9 });
        assert_eq!(series.points()[1].error(), None);
    }
}
