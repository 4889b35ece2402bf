//! A series written in a line or two instead of a hundred points.

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Moment;

/// How far back a shape reaches when it does not say.
const DEFAULT_REACH: SignedDuration = SignedDuration::from_hours(2);

/// The most points one shape may have; a period of one second over weeks is a mistake.
const MAX_POINTS: i64 = 100_000;

/// A series: a level with steps and noise, or explicit `values`, or explicit `points`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Shape {
    /// Time between points. Default 60 s.
    #[serde(default)]
    pub period: Option<SignedDuration>,
    /// The first point. Default two hours before the alert.
    #[serde(default)]
    pub from: Option<Timestamp>,
    /// No point later than this. Default the investigation's time.
    #[serde(default)]
    pub to: Option<Timestamp>,
    /// The value before any step.
    #[serde(default)]
    pub level: Option<f64>,
    /// The most a point may differ from its level, either way. The same points tremble the same way in every run.
    #[serde(default)]
    pub noise: f64,
    /// Changes of level, oldest first.
    #[serde(default)]
    pub steps: Vec<Step>,
    /// Explicit values from `from` on, one per period; null is a missing point.
    #[serde(default)]
    pub values: Option<Vec<Option<f64>>>,
    /// Explicit `[time, value]` pairs.
    #[serde(default)]
    pub points: Option<Vec<(Timestamp, f64)>>,
}

/// A change of level.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// When it begins.
    pub at: Timestamp,
    /// The level it leads to.
    pub to: f64,
    /// How long it takes, in a straight line. Default: at once.
    #[serde(default)]
    pub over: Option<SignedDuration>,
}

impl Shape {
    /// Time between points.
    pub fn period(&self) -> SignedDuration {
        self.period.filter(SignedDuration::is_positive).unwrap_or(SignedDuration::from_secs(60))
    }

    /// The points up to now, oldest first. A missing point is absent, never zero.
    pub fn points(&self, moment: Moment) -> Vec<(Timestamp, f64)> {
        self.points_within(moment, Timestamp::MIN, Timestamp::MAX)
    }

    /// The points up to now between two times, both included, and the last one before them. A day of minutes is a lot to draw for a quarter of
    /// an hour.
    pub fn points_within(&self, moment: Moment, from: Timestamp, to: Timestamp) -> Vec<(Timestamp, f64)> {
        let mut points = match (&self.points, &self.values, self.level) {
            (Some(points), _, _) => points.clone(),
            (None, Some(values), _) => self
                .times(moment, from, to)
                .filter_map(|(index, at)| Some((at, (*values.get(index as usize)?)?)))
                .collect(),
            (None, None, Some(level)) => self.drawn(moment, level, from, to),
            (None, None, None) => Vec::new(),
        };
        points.retain(|(at, _)| *at <= to);
        points.retain(|(at, _)| moment.has_seen(*at) && self.to.is_none_or(|to| *at <= to));
        points.sort_by_key(|(at, _)| *at);
        points
    }

    /// The index and the time of each point, from the last one before `from` to `to`.
    fn times(
        &self,
        moment: Moment,
        from: Timestamp,
        to: Timestamp,
    ) -> impl Iterator<Item = (i64, Timestamp)> {
        let period = i64::try_from(self.period().as_millis()).unwrap_or(i64::MAX);
        let start =
            self.from.or_else(|| moment.alert.checked_sub(DEFAULT_REACH).ok()).unwrap_or(moment.alert);
        let end = self.to.unwrap_or(moment.as_of).min(moment.as_of).min(to);
        let skipped = from.as_millisecond().saturating_sub(start.as_millisecond()) / period - 1;
        (skipped.max(0)..MAX_POINTS)
            .map_while(move |index| {
                let after = SignedDuration::from_millis(period.checked_mul(index)?);
                Some((index, start.checked_add(after).ok()?))
            })
            .take_while(move |(_, at)| *at <= end)
    }

    /// A shape whose levels are not negative never trembles below zero.
    fn drawn(&self, moment: Moment, level: f64, from: Timestamp, to: Timestamp) -> Vec<(Timestamp, f64)> {
        let floor = level >= 0.0 && self.steps.iter().all(|step| step.to >= 0.0);
        self.times(moment, from, to)
            .map(|(index, at)| {
                let value = self.level_at(at, level) + self.noise * tremble(index as u64, level);
                let value = if floor { value.max(0.0) } else { value };
                (at, (value * 1e6).round() / 1e6)
            })
            .collect()
    }

    fn level_at(&self, at: Timestamp, level: f64) -> f64 {
        self.steps.iter().filter(|step| step.at <= at).fold(level, |before, step| {
            let over = step.over.unwrap_or_default().as_secs_f64();
            let passed = at.duration_since(step.at).as_secs_f64();
            let share = if over > 0.0 { (passed / over).min(1.0) } else { 1.0 };
            before + (step.to - before) * share
        })
    }
}

/// A number in -1..1 from the point's index and the series' level, by SplitMix64's mixing: the same in every run, and two
/// series of different levels do not tremble in step.
fn tremble(index: u64, level: f64) -> f64 {
    let mut mixed = (index ^ level.to_bits()).wrapping_add(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^= mixed >> 31;
    (mixed >> 11) as f64 / (1u64 << 52) as f64 - 1.0
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn moment() -> Moment {
        let alert = "2026-01-01T12:00:00Z".parse().unwrap();
        Moment { alert, as_of: "2026-01-01T12:06:00Z".parse().unwrap() }
    }

    fn points(mut shape: Value) -> Vec<(i64, f64)> {
        crate::moment::resolve(&mut shape, moment().alert).unwrap();
        let shape: Shape = serde_json::from_value(shape).unwrap();
        let seconds = |at: Timestamp| at.duration_since(moment().alert).as_secs();
        shape.points(moment()).into_iter().map(|(at, value)| (seconds(at), value)).collect()
    }

    #[test]
    fn a_step_over_a_minute_is_a_straight_line() {
        let shape = json!({"period": "30s", "from": "@-1m", "to": "@+1m", "level": 10,
            "steps": [{"at": "@-30s", "to": 20, "over": "1m"}]});
        assert_eq!(points(shape), [(-60, 10.0), (-30, 10.0), (0, 15.0), (30, 20.0), (60, 20.0)]);
    }

    #[test]
    fn what_lies_after_now_is_not_served() {
        let shape = json!({"period": "3m", "from": "@+0s", "to": "@+1h", "values": [1, null, 3, 4]});
        assert_eq!(points(shape), [(0, 1.0), (360, 3.0)]);
    }

    #[test]
    fn a_part_is_drawn_as_in_the_whole_with_the_point_before_it() {
        let shape = Shape { level: Some(5.0), noise: 2.0, ..Shape::default() };
        let all = shape.points(moment());
        let (from, to) = (all[40].0, all[50].0);
        assert_eq!(shape.points_within(moment(), from, to), all[39..=50]);
        assert_eq!(shape.points_within(moment(), all[0].0, all[1].0), all[..=1]);
    }

    #[test]
    fn noise_is_bounded_repeatable_and_never_makes_a_count_negative() {
        let shape = json!({"level": 0.5, "noise": 1.0});
        let first = points(shape.clone());
        assert_eq!(first, points(shape));
        assert!(first.iter().all(|(_, value)| (0.0..=1.5).contains(value)));
        assert!(first.iter().any(|(_, value)| *value != first[0].1));
    }

    #[test]
    fn a_shape_without_a_period_in_the_future_still_ends() {
        assert!(points(json!({"period": "-1s", "level": 1})).len() < 200);
    }
}
