//! A time series reduced to what a reader and the diagnosis need: its statistics and at most [`MAX_POINTS`] points.

use std::collections::BTreeSet;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Points kept per series: enough to draw, small enough for the state document.
pub const MAX_POINTS: usize = 60;

/// What a series did in another window of the same length: what is usual at this time of day, or of the week.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UsualLevel {
    /// The median.
    pub median: f64,
    /// The smallest value.
    pub min: f64,
    /// The largest value.
    pub max: f64,
}

impl UsualLevel {
    /// The level of these values; `None` without a finite one.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let values: Vec<f64> = values.into_iter().filter(|value| value.is_finite()).collect();
        let largest = values.iter().copied().reduce(f64::max)?;
        let smallest = values.iter().copied().reduce(f64::min)?;
        Some(Self {
            median: rounded(median(values.into_iter())),
            min: rounded(smallest),
            max: rounded(largest),
        })
    }
}

/// One series of one object, down-sampled so that its extremes survive.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Series {
    /// The vendor's own metric name: `AWS/RDS CPUUtilization`, `aws.rds.cpuutilization`, `edge.requests`.
    pub metric: String,
    /// The statistic, as the vendor names it: `Average`, `Maximum`, `Sum`, `avg`, `p99`.
    pub stat: String,
    /// The unit as stated by the vendor, in its words (`Percent`, `Count`, `Seconds`, `Bytes`); empty when not stated.
    #[serde(default)]
    pub unit: String,
    /// Seconds between points before down-sampling.
    pub period_s: u32,
    /// Points read before down-sampling.
    pub count: u32,
    /// Median of the first third of the window, the level before the incident where the window is long enough.
    pub baseline: f64,
    /// The smallest value read.
    pub min: f64,
    /// The largest value read.
    pub max: f64,
    /// When the largest value was read.
    pub max_at: Timestamp,
    /// The newest value.
    pub last: f64,
    /// When the newest value was read.
    pub last_at: Timestamp,
    /// The same window a day earlier, when read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub day_before: Option<UsualLevel>,
    /// The same window a week earlier, when read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub week_before: Option<UsualLevel>,
    /// `[time, value]`, oldest first. A missing point is absent, never zero.
    pub points: Vec<(Timestamp, f64)>,
}

impl Series {
    /// Builds a series from raw points in any order. `None` when no finite point remains: absent is not zero.
    ///
    /// Down-sampling keeps the onset and the extremes of every stretch of the window, so a peak of a single point survives.
    /// Values keep five significant digits.
    pub fn from_points(
        metric: impl Into<String>,
        stat: impl Into<String>,
        unit: impl Into<String>,
        period_s: u32,
        points: impl IntoIterator<Item = (Timestamp, f64)>,
    ) -> Option<Self> {
        let mut points: Vec<(Timestamp, f64)> =
            points.into_iter().filter(|(_, v)| v.is_finite()).map(|(at, v)| (at, rounded(v))).collect();
        points.sort_by_key(|(at, _)| *at);
        points.dedup_by_key(|(at, _)| *at);
        let (last_at, last) = *points.last()?;
        let (max_at, max) = points.iter().copied().reduce(|a, b| if b.1 > a.1 { b } else { a })?;
        let min = points.iter().map(|p| p.1).fold(f64::INFINITY, f64::min);
        let third = points.len().div_ceil(3);
        let baseline = rounded(median(points[..third].iter().map(|p| p.1)));
        Some(Self {
            metric: metric.into(),
            stat: stat.into(),
            unit: unit.into(),
            period_s,
            count: points.len() as u32,
            baseline,
            min,
            max,
            max_at,
            last,
            last_at,
            day_before: None,
            week_before: None,
            points: downsample(points, MAX_POINTS),
        })
    }

    /// The same with at most `points` points (never fewer than four), its statistics untouched: what a series that stayed
    /// quiet may cost in a document of bounded size.
    pub fn thin(mut self, points: usize) -> Self {
        self.points = downsample(self.points, points.max(4));
        self
    }
}

/// The median of the values; 0 for none (callers hold at least one).
fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => 0.0,
        n if n % 2 == 1 => values[n / 2],
        n => f64::midpoint(values[n / 2 - 1], values[n / 2]),
    }
}

/// At most `limit` points: the first, the last, the two on either side of the onset, and of each of equally long stretches the
/// smallest and the largest.
fn downsample(points: Vec<(Timestamp, f64)>, limit: usize) -> Vec<(Timestamp, f64)> {
    if points.len() <= limit {
        return points;
    }
    let onset = onset(&points);
    let mut kept = BTreeSet::from([0, onset, onset + 1, points.len() - 1]);
    let stretches = limit.saturating_sub(kept.len()) / 2;
    for stretch in 0..stretches {
        let range = stretch * points.len() / stretches..(stretch + 1) * points.len() / stretches;
        kept.extend(range.clone().min_by(|a, b| points[*a].1.total_cmp(&points[*b].1)));
        kept.extend(range.max_by(|a, b| points[*a].1.total_cmp(&points[*b].1)));
    }
    kept.into_iter().map(|i| points[i]).collect()
}

/// The last point before the series first went a sixth of the way from its old level to its extreme: earlier than its largest jump, which
/// a ramp has in its middle, and beyond what noise does where the extreme is one.
fn onset(points: &[(Timestamp, f64)]) -> usize {
    let baseline = median(points[..points.len().div_ceil(3)].iter().map(|p| p.1));
    let away = |i: &usize| (points[*i].1 - baseline).abs();
    let extreme = (0..points.len()).map(|i| away(&i)).fold(0.0, f64::max);
    let first = (1..points.len() - 1).find(|i| away(i) > extreme / 6.0);
    first.map_or(0, |first| first - 1)
}

/// Five significant digits: more than any chart shows or vendor means, in half the bytes. Rounded as text, because a product
/// with a power of ten has a tail of its own (2096899999.9999998) that JSON carries and another reader reads differently.
fn rounded(value: f64) -> f64 {
    // The sum makes -0 a plain zero.
    format!("{value:.4e}").parse().unwrap_or(value) + 0.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + second).unwrap()
    }

    #[test]
    fn no_finite_point_is_no_series() {
        assert!(Series::from_points("m", "avg", "", 60, []).is_none());
        assert!(Series::from_points("m", "avg", "", 60, [(at(0), f64::NAN)]).is_none());
    }

    #[test]
    fn a_level_is_of_finite_values_alone() {
        let level = UsualLevel::of([3.0, f64::NAN, 1.0, 2.0]).unwrap();
        assert_eq!((level.min, level.median, level.max), (1.0, 2.0, 3.0));
        assert_eq!(UsualLevel::of([f64::INFINITY]), None);
    }

    #[test]
    fn points_arriving_newest_first_are_sorted() {
        let series =
            Series::from_points("m", "avg", "", 60, [(at(120), 3.0), (at(0), 1.0), (at(60), 2.0)]).unwrap();
        assert_eq!(series.last, 3.0);
        assert_eq!(series.points[0], (at(0), 1.0));
    }

    #[test]
    fn the_onset_survives_the_hardest_thinning() {
        let raw =
            (0..60).map(|i| (at(i * 60), if i < 53 { 40.0 + (i % 3) as f64 } else { 95.0 + (i % 2) as f64 }));
        let series = Series::from_points("m", "avg", "", 60, raw).unwrap().thin(4);
        assert_eq!(series.points.len(), 4);
        assert!(series.points.contains(&(at(53 * 60), 96.0)), "{:?}", series.points);
    }

    #[test]
    fn of_a_ramp_its_foot_survives_and_not_its_steepest_part() {
        let ramp = [228.0, 231.0, 226.0, 230.0, 288.0, 349.0, 430.0, 487.0];
        let raw = (0..60)
            .map(|i| (at(i * 60), if i < 52 { 228.0 + (i % 4) as f64 } else { ramp[i as usize - 52] }));
        let series = Series::from_points("m", "avg", "", 60, raw).unwrap().thin(6);
        assert!(series.points.contains(&(at(56 * 60), 288.0)), "{:?}", series.points);
        assert!(series.points.contains(&(at(55 * 60), 230.0)), "{:?}", series.points);
    }

    #[test]
    fn values_keep_five_digits_of_any_size() {
        for (given, kept) in [
            (41.372_846, 41.373),
            (0.018_473_211, 0.018_473),
            (2_096_851_234.5, 2_096_900_000.0),
            (-0.0, 0.0),
        ] {
            assert_eq!(rounded(given), kept);
        }
    }

    #[test]
    fn a_spike_of_one_point_in_a_thousand_survives_down_sampling() {
        let raw = (0..1000).map(|i| (at(i * 60), if i == 617 { 95.0 } else { 40.0 }));
        let series = Series::from_points("m", "avg", "", 60, raw).unwrap();
        assert!(series.points.len() <= MAX_POINTS);
        assert!(series.points.contains(&(at(617 * 60), 95.0)));
        assert_eq!(series.count, 1000);
    }

    #[test]
    fn thinning_keeps_the_extremes_and_the_statistics() {
        let raw = (0..60).map(|i| (at(i * 60), if i == 31 { 95.0 } else { 40.0 }));
        let series = Series::from_points("m", "avg", "", 60, raw).unwrap().thin(12);
        assert!(series.points.len() <= 12);
        assert!(series.points.contains(&(at(31 * 60), 95.0)));
        assert_eq!((series.count, series.baseline), (60, 40.0));
    }
}
