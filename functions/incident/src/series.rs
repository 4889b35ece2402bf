//! A time series reduced to what a reader and the diagnosis need: its statistics and at most [`MAX_POINTS`] points.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Points kept per series: enough to draw, small enough for the state document.
pub const MAX_POINTS: usize = 60;

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
    /// `[time, value]`, oldest first. A missing point is absent, never zero.
    pub points: Vec<(Timestamp, f64)>,
}

impl Series {
    /// Builds a series from raw points in any order. `None` when no finite point remains: absent is not zero.
    ///
    /// Down-sampling divides the window into equal buckets and keeps the minimum and the maximum of each, so an onset and
    /// a peak of a single point survive; the first and the last point are always kept.
    pub fn from_points(
        metric: impl Into<String>,
        stat: impl Into<String>,
        unit: impl Into<String>,
        period_s: u32,
        points: impl IntoIterator<Item = (Timestamp, f64)>,
    ) -> Option<Self> {
        let mut points: Vec<(Timestamp, f64)> = points.into_iter().filter(|(_, v)| v.is_finite()).collect();
        points.sort_by_key(|(at, _)| *at);
        points.dedup_by_key(|(at, _)| *at);
        let (last_at, last) = *points.last()?;
        let (max_at, max) = points.iter().copied().reduce(|a, b| if b.1 > a.1 { b } else { a })?;
        let min = points.iter().map(|p| p.1).fold(f64::INFINITY, f64::min);
        let third = points.len().div_ceil(3);
        let baseline = median(points[..third].iter().map(|p| p.1));
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

fn downsample(points: Vec<(Timestamp, f64)>, limit: usize) -> Vec<(Timestamp, f64)> {
    if points.len() <= limit {
        return points;
    }
    let inner = &points[1..points.len() - 1];
    let buckets = (limit - 2) / 2;
    let mut kept = vec![points[0]];
    for bucket in 0..buckets {
        let slice = &inner[bucket * inner.len() / buckets..(bucket + 1) * inner.len() / buckets];
        let low = slice.iter().copied().reduce(|a, b| if b.1 < a.1 { b } else { a });
        let high = slice.iter().copied().reduce(|a, b| if b.1 > a.1 { b } else { a });
        let mut pair: Vec<_> = low.into_iter().chain(high).collect();
        pair.sort_by_key(|(at, _)| *at);
        pair.dedup_by_key(|(at, _)| *at);
        kept.extend(pair);
    }
    kept.push(points[points.len() - 1]);
    kept
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
    fn points_arriving_newest_first_are_sorted() {
        let series =
            Series::from_points("m", "avg", "", 60, [(at(120), 3.0), (at(0), 1.0), (at(60), 2.0)]).unwrap();
        assert_eq!(series.last, 3.0);
        assert_eq!(series.points[0], (at(0), 1.0));
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
