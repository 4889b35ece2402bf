//! One line about a series, and how far it moved.

use incident::Series;

use crate::metric::Metric;
use crate::timestamp::clock;

/// From here on a series counts as moved: a fifth of its level, beyond its own noise.
pub const MOVED: f64 = 0.2;
/// Nothing moves further than this: a level that was zero has no measure.
const FURTHEST: f64 = 100.0;
const GIB: f64 = 1024.0 * 1024.0 * 1024.0;
const MIB: f64 = 1024.0 * 1024.0;

/// Last value, baseline and peak with their units; `limit` is the most connections the instance takes, where known.
///
/// `CPUUtilization 95 % at 02:19Z, baseline 41.2 %, peak 95.3 % at 02:17Z`,
/// `487 of 500 connections at 02:19Z, baseline 232, peak 487 at 02:19Z`.
pub fn summary(metric: &Metric, series: &Series, limit: Option<f64>) -> String {
    let amount = |value| amount(value, metric.unit);
    let last_at = clock(series.last_at);
    let now = match (metric.name, limit) {
        ("DatabaseConnections", Some(limit)) => {
            format!("{} of {} connections at {last_at}", number(series.last), number(limit))
        }
        ("DatabaseConnections", None) => format!("{} connections at {last_at}", number(series.last)),
        // RDS reports -1 while a replica does not replicate.
        ("ReplicaLag", _) if series.last < 0.0 => format!("ReplicaLag -1 at {last_at}: not replicating"),
        _ => format!("{} {} at {last_at}", metric.name, amount(series.last)),
    };
    let extreme = if metric.low_is_bad {
        format!("lowest {}", amount(series.min))
    } else {
        format!("peak {} at {}", amount(series.max), clock(series.max_at))
    };
    format!("{now}, baseline {}, {extreme}", amount(series.baseline))
}

/// How far a series went from its baseline, as a share of its level: 0 is nowhere, 1 is doubled or gone.
///
/// Robust on both sides: the distance is that of a running median of three points, so one odd minute counts for nothing, and
/// the level is widened by three median absolute deviations of the first third, so what always swings has to swing more.
pub fn movement(series: &Series) -> f64 {
    let values: Vec<f64> = series.points.iter().map(|(_, value)| *value).collect();
    let distance = match values.as_slice() {
        [] | [_] => 0.0,
        [first, last] => (last - first).abs(),
        _ => values.windows(3).map(|w| (median(w) - series.baseline).abs()).fold(0.0, f64::max),
    };
    let quiet = &values[..values.len().div_ceil(3)];
    let deviations: Vec<f64> = quiet.iter().map(|value| (value - series.baseline).abs()).collect();
    let level = series.baseline.abs() + 3.0 * median(&deviations);
    if distance == 0.0 { 0.0 } else { (distance / level).min(FURTHEST) }
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(0.0)
}

/// A value with its unit as a person writes it.
fn amount(value: f64, unit: &str) -> String {
    match unit {
        "Percent" => format!("{} %", number(value)),
        "Seconds" if value != 0.0 && value.abs() < 1.0 => format!("{} ms", number(value * 1000.0)),
        "Seconds" => format!("{} s", number(value)),
        "Milliseconds" => format!("{} ms", number(value)),
        "Bytes" => bytes(value),
        "Bytes/Second" => format!("{}/s", bytes(value)),
        "Count/Second" => format!("{}/s", number(value)),
        _ => number(value),
    }
}

fn bytes(value: f64) -> String {
    match value.abs() {
        size if size >= GIB => format!("{} GiB", number(value / GIB)),
        size if size >= MIB => format!("{} MiB", number(value / MIB)),
        size if size >= 1024.0 => format!("{} KiB", number(value / 1024.0)),
        _ => format!("{} B", number(value)),
    }
}

/// Three significant digits are what a tired person reads; whole numbers stay whole.
pub fn number(value: f64) -> String {
    let digits = match value.abs() {
        size if size >= 100.0 => 0,
        size if size >= 10.0 => 1,
        size if size >= 1.0 => 2,
        _ => 3,
    };
    let text = format!("{value:.digits$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric::DATABASE;

    fn series(name: &str, values: &[f64]) -> (&'static Metric, Series) {
        let metric = DATABASE.iter().find(|m| m.name == name).unwrap();
        let start: jiff::Timestamp = "2026-01-01T02:00:00Z".parse().unwrap();
        let points =
            values.iter().enumerate().map(|(i, v)| (start + jiff::SignedDuration::from_mins(i as i64), *v));
        (metric, Series::from_points(metric.full_name(), metric.stat, metric.unit, 60, points).unwrap())
    }

    fn said(name: &str, values: &[f64], limit: Option<f64>) -> String {
        let (metric, series) = series(name, values);
        summary(metric, &series, limit)
    }

    fn moved(values: &[f64]) -> f64 {
        movement(&series("CPUUtilization", values).1)
    }

    #[test]
    fn the_line_states_last_baseline_and_peak_with_units() {
        assert_eq!(
            said("CPUUtilization", &[41.2, 41.2, 41.24, 95.31, 95.0], None),
            "CPUUtilization 95 % at 02:04Z, baseline 41.2 %, peak 95.3 % at 02:03Z"
        );
        assert_eq!(
            said("DatabaseConnections", &[232.0, 232.0, 487.0], Some(500.0)),
            "487 of 500 connections at 02:02Z, baseline 232, peak 487 at 02:02Z"
        );
        assert_eq!(
            said("FreeStorageSpace", &[8.0 * GIB, 8.0 * GIB, 512.0 * MIB], None),
            "FreeStorageSpace 512 MiB at 02:02Z, baseline 8 GiB, lowest 512 MiB"
        );
        assert_eq!(
            said("ReadLatency", &[0.0021, 0.0021, 0.04], None),
            "ReadLatency 40 ms at 02:02Z, baseline 2.1 ms, peak 40 ms at 02:02Z"
        );
    }

    #[test]
    fn a_replica_that_does_not_replicate_is_not_said_to_lag_minus_one_second() {
        assert!(
            said("ReplicaLag", &[0.2, 0.2, -1.0], None)
                .starts_with("ReplicaLag -1 at 02:02Z: not replicating")
        );
    }

    #[test]
    fn one_odd_minute_does_not_move_a_series_and_two_do() {
        assert!(moved(&[40.0, 40.0, 40.0, 95.0, 40.0, 40.0]) < MOVED);
        assert!(moved(&[40.0, 40.0, 40.0, 40.0, 95.0, 95.0]) > 1.0);
    }

    #[test]
    fn noise_as_wide_as_before_is_no_movement() {
        let swinging: Vec<f64> = (0..60).map(|i| if i % 2 == 0 { 40.0 } else { 60.0 }).collect();
        assert!(moved(&swinging) < MOVED);
        assert_eq!(moved(&[0.0, 0.0, 0.0]), 0.0);
        assert_eq!(moved(&[0.0, 0.0, 0.0, 7.0, 7.0, 7.0]), FURTHEST);
    }
}
