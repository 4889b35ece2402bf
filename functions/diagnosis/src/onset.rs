//! The change point of a series: robust, total, and small enough to read.
//!
//! A two-segment fit by least absolute deviation finds the split, and Pettitt's test must call it significant where the window is long
//! enough for that; the onset is the first point that leaves the old level for
//! at least two points. A series that climbed through the whole window has no old level: its onset is then *open*, somewhere
//! before or at the first point. A series that left its level and came back is an excursion.

use incident::Timestamp;

use crate::statistics::{mann_kendall, median, pettitt, spread};

/// A shift smaller than this share of the larger level is not worth a sentence, however clean the series.
const SMALLEST_SHIFT: f64 = 0.15;

/// Points needed on either side of a split for Pettitt's test to speak.
const TESTABLE: usize = 8;
/// The probability below which a split is no chance.
const SIGNIFICANT: f64 = 0.05;

/// A series left its level.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Shift {
    /// The first point beyond the old level.
    pub(crate) at: Timestamp,
    /// The level before.
    pub(crate) before: f64,
    /// The level after.
    pub(crate) after: f64,
    /// True when it moved through the whole window, so `at` is only the first point seen.
    pub(crate) open: bool,
    /// True when the newest points are back at the old level.
    pub(crate) over: bool,
}

impl Shift {
    /// True when the level rose.
    pub(crate) fn rose(&self) -> bool {
        self.after > self.before
    }
}

/// Finds the shift of a series, oldest point first. `None` where nothing moved, or where fewer than five points are no basis.
pub(crate) fn shift(points: &[(Timestamp, f64)]) -> Option<Shift> {
    let points: Vec<_> = points.iter().copied().filter(|(_, value)| value.is_finite()).collect();
    if points.len() < 5 {
        return None;
    }
    step(&points).or_else(|| trend(&points)).or_else(|| excursion(&points))
}

fn step(points: &[(Timestamp, f64)]) -> Option<Shift> {
    let values: Vec<f64> = points.iter().map(|p| p.1).collect();
    let cost = |part: &[f64]| {
        let level = median(part);
        part.iter().map(|v| (v - level).abs()).sum::<f64>()
    };
    let split = (1..values.len() - 1)
        .min_by(|a, b| {
            let total = |k: usize| cost(&values[..k]) + cost(&values[k..]);
            total(*a).total_cmp(&total(*b))
        })
        .unwrap_or(1);
    let (before, after) = (median(&values[..split]), median(&values[split..]));
    let noise = spread(&values[..split], before).max(spread(&values[split..], after) / 2.0);
    if !matters(before, after) || (after - before).abs() < 4.0 * noise {
        return None;
    }
    // Near either end the test has too few points on one side to say anything; the distance in noise must do there.
    let inner = split.min(values.len() - split) >= TESTABLE;
    if inner && pettitt(&values).is_none_or(|test| test.p > SIGNIFICANT) {
        return None;
    }
    let at = departure(points, before, after, spread(&values[..split], before))?;
    Some(Shift { at, before, after, open: false, over: false })
}

/// The first point that leaves the level `before` towards `after` together with its successor, where most later points stay.
fn departure(points: &[(Timestamp, f64)], before: f64, after: f64, noise: f64) -> Option<Timestamp> {
    let tolerance = (3.0 * noise).max(0.1 * (after - before).abs());
    let gone = |value: f64| (value - before) * (after - before).signum() > tolerance;
    (0..points.len()).find_map(|i| {
        let rest = &points[i..];
        let stay = rest.iter().filter(|p| gone(p.1)).count();
        let sustained = rest.iter().take(2).all(|p| gone(p.1));
        (sustained && stay * 10 >= rest.len() * 7).then_some(points[i].0)
    })
}

/// Kendall's tau from which a series climbs or falls through the whole window, and the probability that chance does not reach.
const STEADY: f64 = 0.6;
const CERTAIN: f64 = 0.001;

/// A climb or fall through the whole window, by Mann and Kendall's test.
fn trend(points: &[(Timestamp, f64)]) -> Option<Shift> {
    let (first, last) = (points.first()?, points.last()?);
    let values: Vec<f64> = points.iter().map(|p| p.1).collect();
    let trend = mann_kendall(&values)?;
    let pairs = (values.len() * (values.len() - 1)) as f64 / 2.0;
    // Few points cannot reach the probability: there every step must go one way.
    let certain = trend.p < CERTAIN || trend.s.abs() >= pairs;
    let along = trend.slope * (last.1 - first.1) > 0.0 && trend.s.abs() >= STEADY * pairs && trend.z != 0.0;
    (matters(first.1, last.1) && certain && along).then_some(Shift {
        at: first.0,
        before: first.1,
        after: last.1,
        open: true,
        over: false,
    })
}

/// Two or more points in a row far from the level of the whole window, and a return.
fn excursion(points: &[(Timestamp, f64)]) -> Option<Shift> {
    let values: Vec<f64> = points.iter().map(|p| p.1).collect();
    let level = median(&values);
    let noise = spread(&values, level);
    let far = |value: f64| matters(level, value) && (value - level).abs() > 5.0 * noise;
    let start = points.windows(2).position(|pair| far(pair[0].1) && far(pair[1].1))?;
    let run: Vec<f64> = values[start..].iter().copied().take_while(|v| far(*v)).collect();
    let over = values[values.len() - 2..].iter().all(|v| !far(*v));
    Some(Shift { at: points[start].0, before: level, after: median(&run), open: false, over })
}

fn matters(before: f64, after: f64) -> bool {
    let larger = before.abs().max(after.abs());
    larger > 0.0 && (after - before).abs() >= SMALLEST_SHIFT * larger
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(values: &[f64]) -> Vec<(Timestamp, f64)> {
        let start = 1_700_000_000;
        values
            .iter()
            .enumerate()
            .map(|(i, v)| (Timestamp::from_second(start + 60 * i as i64).unwrap(), *v))
            .collect()
    }

    fn onset_index(values: &[f64]) -> Option<usize> {
        let points = points(values);
        shift(&points).and_then(|s| points.iter().position(|p| p.0 == s.at))
    }

    #[test]
    fn a_step_begins_where_the_old_level_is_left() {
        let mut values: Vec<f64> = (0..40).map(|i| 41.0 + f64::from(i % 3)).collect();
        values.extend([52.0, 78.0, 93.0, 95.0, 95.0, 94.0]);
        assert_eq!(onset_index(&values), Some(40));
    }

    #[test]
    fn a_single_spike_is_no_onset() {
        let mut values = vec![40.0; 30];
        values[12] = 99.0;
        assert_eq!(onset_index(&values), None);
    }

    #[test]
    fn noise_is_no_onset() {
        let values: Vec<f64> = (0..60).map(|i| 50.0 + f64::from((i * 7919) % 11)).collect();
        assert_eq!(onset_index(&values), None);
    }

    #[test]
    fn a_climb_through_the_whole_window_is_open() {
        let values: Vec<f64> = (0..15).map(|i| 312.0 + 13.0 * f64::from(i)).collect();
        assert!(shift(&points(&values)).is_some_and(|s| s.open && s.rose()));
    }

    #[test]
    fn what_came_back_is_over() {
        let mut values = vec![40.0; 50];
        values[20..28].fill(97.0);
        let shift = shift(&points(&values)).unwrap();
        assert!(shift.over && shift.rose());
    }

    #[test]
    fn a_level_that_holds_but_for_its_first_point_shifts_after_it() {
        assert_eq!(onset_index(&[18.3, 91.2, 93.7, 95.1, 94.0, 93.0, 92.0, 95.0]), Some(1));
    }

    #[test]
    fn constants_zeros_and_nonsense_are_quiet() {
        assert!(shift(&points(&[0.0; 20])).is_none());
        assert!(shift(&points(&[7.0; 20])).is_none());
        assert!(shift(&points(&[f64::NAN; 20])).is_none());
        assert!(
            shift(&points(&[f64::MAX, f64::MIN, f64::MAX, f64::MIN, f64::MAX, f64::MIN]))
                .is_none_or(|s| s.before.is_finite())
        );
        assert!(shift(&[]).is_none());
    }
}
