//! How a metric is named and written for people: label, unit, sparkline.

use incident::{Series, Timestamp};

/// The unit of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// 0–100.
    Percent,
    /// Seconds; small ones are written in milliseconds.
    Seconds,
    /// Milliseconds, written like seconds.
    Milliseconds,
    /// Bytes, written in binary multiples.
    Bytes,
    /// A bare number.
    Plain,
}

/// Vendors' names for what everybody calls something shorter, most telling first: CloudWatch's own
/// (<https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-metrics.html> and the ELB page beside it), which Datadog repeats in
/// lower case after `aws.rds.` and `aws.applicationelb.`. The unit is what applies where the vendor states none.
const KNOWN: &[(&str, &str, Unit)] = &[
    ("cpuutilization", "CPU", Unit::Percent),
    ("databaseconnections", "connections", Unit::Plain),
    ("replicalag", "replica lag", Unit::Seconds),
    ("freestoragespace", "free storage", Unit::Bytes),
    ("freeablememory", "freeable memory", Unit::Bytes),
    ("diskqueuedepth", "disk queue", Unit::Plain),
    ("dbload", "DB load", Unit::Plain),
    ("readlatency", "read latency", Unit::Seconds),
    ("writelatency", "write latency", Unit::Seconds),
    ("readiops", "read IOPS", Unit::Plain),
    ("writeiops", "write IOPS", Unit::Plain),
    ("httpcodeelb5xxcount", "load balancer 5xx", Unit::Plain),
    ("httpcodetarget5xxcount", "target 5xx", Unit::Plain),
    ("targetresponsetime", "response time", Unit::Seconds),
    ("originresponseduration", "origin response", Unit::Milliseconds),
    ("timetofirstbyte", "time to first byte", Unit::Milliseconds),
    ("requestcount", "requests", Unit::Plain),
    ("unhealthyhostcount", "unhealthy targets", Unit::Plain),
];

/// How many columns a sparkline takes at most.
const SPARK_COLUMNS: usize = 16;
const SPARKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// A series has moved when it left its baseline by this share of the larger of the two.
const MOVED: f64 = 0.25;

/// Label, unit and rank of a metric; the rank orders the known before the unknown.
pub fn describe(metric: &str, stated: &str) -> (String, Unit, usize) {
    let last = metric.rsplit(['/', ' ', '.']).next().unwrap_or(metric);
    let key: String = last.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_lowercase();
    let stated = unit(stated);
    match KNOWN.iter().position(|(name, ..)| *name == key) {
        Some(rank) => (KNOWN[rank].1.to_owned(), stated.unwrap_or(KNOWN[rank].2), rank),
        // A camel-case name stands on its own; a dotted one means something only as a whole.
        None => {
            let label = if metric.contains(' ') { last } else { metric };
            (label.to_owned(), stated.unwrap_or(Unit::Plain), KNOWN.len())
        }
    }
}

/// True for a metric that people call `label`.
pub fn is(metric: &str, label: &str) -> bool {
    describe(metric, "").0 == label
}

fn unit(stated: &str) -> Option<Unit> {
    match stated.to_lowercase().as_str() {
        "percent" | "%" => Some(Unit::Percent),
        "seconds" | "second" => Some(Unit::Seconds),
        "milliseconds" | "millisecond" | "ms" => Some(Unit::Milliseconds),
        "bytes" | "byte" => Some(Unit::Bytes),
        "" | "none" => None,
        _ => Some(Unit::Plain),
    }
}

/// A value with its unit: `95 %`, `2.1 s`, `18.3 GiB`, `1,240`.
pub fn value(value: f64, unit: Unit) -> String {
    match unit {
        Unit::Percent => format!("{} %", number(value)),
        Unit::Seconds if value.abs() < 0.1 && value != 0.0 => format!("{} ms", number(value * 1_000.0)),
        Unit::Seconds => format!("{} s", number(value)),
        Unit::Milliseconds => self::value(value / 1_000.0, Unit::Seconds),
        Unit::Bytes => {
            let mut scaled = value;
            let mut suffix = "B";
            for next in ["KiB", "MiB", "GiB", "TiB"] {
                if scaled.abs() < 1024.0 {
                    break;
                }
                scaled /= 1024.0;
                suffix = next;
            }
            format!("{} {suffix}", number(scaled))
        }
        Unit::Plain => number(value),
    }
}

/// At most three significant decimals' worth: `487`, `94.6`, `2.1`, `0.04`, `12,400`.
pub fn number(value: f64) -> String {
    let decimals = match value.abs() {
        100.0.. => 0,
        10.0.. => 1,
        _ => 2,
    };
    let fixed = format!("{value:.decimals$}");
    let short = if fixed.contains('.') { fixed.trim_end_matches('0').trim_end_matches('.') } else { &fixed };
    let (whole, fraction) = short.split_once('.').map_or((short, None), |(w, f)| (w, Some(f)));
    let (sign, digits) = whole.strip_prefix('-').map_or(("", whole), |digits| ("-", digits));
    let mut grouped = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    format!("{sign}{grouped}{}", fraction.map(|f| format!(".{f}")).unwrap_or_default())
}

/// True where the newest value or the peak has clearly left the level before.
pub fn moved(series: &Series) -> bool {
    let away = |value: f64| {
        let larger = value.abs().max(series.baseline.abs());
        larger > 0.0 && (value - series.baseline).abs() >= MOVED * larger
    };
    away(series.last) || away(series.max)
}

/// The series as a row of bars, equal spans of time, the highest value of each; `·` where no point was read. Of a series that was
/// thinned a missing point tells nothing: there the bar before it holds on.
pub fn sparkline(series: &Series) -> String {
    let (Some((first, _)), Some((last, _))) = (series.points.first(), series.points.last()) else {
        return String::new();
    };
    let seconds = |from: Timestamp, to: Timestamp| to.duration_since(from).as_secs_f64();
    let thinned = series.points.len() < series.count as usize;
    let columns = SPARK_COLUMNS.min(series.count.max(1) as usize).max(1);
    let total = seconds(*first, *last).max(1.0);
    let mut highest = vec![None::<f64>; columns];
    for (at, value) in &series.points {
        let column = ((seconds(*first, *at) / total * columns as f64) as usize).min(columns - 1);
        highest[column] = Some(highest[column].map_or(*value, |known| known.max(*value)));
    }
    if thinned {
        let mut held = None;
        for value in &mut highest {
            held = value.or(held);
            *value = held;
        }
    }
    let shown = || highest.iter().flatten().copied();
    let (low, high) = (shown().fold(f64::INFINITY, f64::min), shown().fold(f64::NEG_INFINITY, f64::max));
    let bar = |value: f64| {
        let share = if high > low { (value - low) / (high - low) } else { 0.0 };
        SPARKS[(share * (SPARKS.len() - 1) as f64).round() as usize]
    };
    highest.iter().map(|value| value.map_or('·', bar)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_vendors_names_read_the_same() {
        for name in ["AWS/RDS CPUUtilization", "aws.rds.cpuutilization"] {
            assert_eq!(describe(name, "").0, "CPU");
        }
        assert_eq!(describe("trace.http.request.errors", "").0, "trace.http.request.errors");
    }

    #[test]
    fn values_carry_their_unit_and_no_more_digits_than_matter() {
        for (given, unit, expected) in [
            (95.0, Unit::Percent, "95 %"),
            (94.63, Unit::Percent, "94.6 %"),
            (2.1, Unit::Seconds, "2.1 s"),
            (0.0123, Unit::Seconds, "12.3 ms"),
            (98.12, Unit::Milliseconds, "98.1 ms"),
            (1_905.4, Unit::Milliseconds, "1.91 s"),
            (19_650_000_000.0, Unit::Bytes, "18.3 GiB"),
            (1_240_000.0, Unit::Plain, "1,240,000"),
            (-1_240.0, Unit::Plain, "-1,240"),
            (0.0, Unit::Plain, "0"),
        ] {
            assert_eq!(value(given, unit), expected);
        }
    }

    #[test]
    fn a_hole_in_a_series_is_a_dot_and_not_a_low_bar() {
        let at = |minute: i64| Timestamp::from_second(minute * 60).unwrap();
        let points = [(at(0), 1.0), (at(1), 1.0), (at(8), 9.0), (at(9), 9.0)];
        let series = Series::from_points("m", "avg", "", 60, points).unwrap();
        assert_eq!(sparkline(&series), "▁··█");
    }

    #[test]
    fn a_series_that_was_only_thinned_has_no_holes() {
        let at = |minute: i64| Timestamp::from_second(minute * 60).unwrap();
        let points = (0..60).map(|minute| (at(minute), if minute < 55 { 1.0 } else { 9.0 }));
        let series = Series::from_points("m", "avg", "", 60, points).unwrap().thin(5);
        let drawn = sparkline(&series);
        assert_eq!(drawn.chars().count(), SPARK_COLUMNS);
        assert!(!drawn.contains('·') && drawn.starts_with("▁▁▁") && drawn.ends_with('█'), "{drawn}");
    }
}
