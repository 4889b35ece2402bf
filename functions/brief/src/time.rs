//! Times and durations as people read them. Every age is relative to the incident's `as_of`, never to a clock.

use incident::Timestamp;
use jiff::tz::TimeZone;

/// `02:14 UTC`, with the date in front when it is not the day of `as_of`.
pub fn clock(at: Timestamp, as_of: Timestamp) -> String {
    let (at, now) = (at.to_zoned(TimeZone::UTC), as_of.to_zoned(TimeZone::UTC));
    let format = if at.date() == now.date() { "%H:%M UTC" } else { "%Y-%m-%d %H:%M UTC" };
    at.strftime(format).to_string()
}

/// `02:14`.
pub fn hour_minute(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC).strftime("%H:%M").to_string()
}

/// `6 min`, `45 s`, `2 h 5 min`, `3 days`: rounded to what matters, as the diagnosis rounds.
pub fn span(seconds: i64) -> String {
    let seconds = seconds.abs();
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_570 => format!("{} min", (seconds + 30) / 60),
        3_570..86_400 if (seconds + 30) % 3_600 < 60 => format!("{} h", (seconds + 30) / 3_600),
        3_570..86_400 => format!("{} h {} min", (seconds + 30) / 3_600, (seconds + 30) % 3_600 / 60),
        _ => count(seconds / 86_400, "day"),
    }
}

/// `3 months old`.
pub fn age(modified: Timestamp, as_of: Timestamp) -> String {
    let days = as_of.duration_since(modified).as_secs() / 86_400;
    let span = match days {
        ..0 => return "newer than the incident".to_owned(),
        0 => return "changed within a day".to_owned(),
        1..14 => count(days, "day"),
        14..61 => count(days / 7, "week"),
        61..730 => count(days / 30, "month"),
        _ => count(days / 365, "year"),
    };
    format!("{span} old")
}

/// Milliseconds as `38 ms`, `3.1 s`.
pub fn took(ms: u64) -> String {
    if ms < 1_000 { format!("{ms} ms") } else { format!("{:.1} s", ms as f64 / 1_000.0) }
}

/// `1 file`, `3 files`.
pub fn count(n: i64, unit: &str) -> String {
    if n == 1 { format!("1 {unit}") } else { format!("{n} {unit}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_and_ages_read_like_speech() {
        for (seconds, expected) in [
            (45, "45 s"),
            (-90, "2 min"),
            (116, "2 min"),
            (3_590, "1 h"),
            (360, "6 min"),
            (7_200, "2 h"),
            (7_500, "2 h 5 min"),
            (90_000, "1 day"),
        ] {
            assert_eq!(span(seconds), expected);
        }
        let as_of: Timestamp = "2026-06-30T00:00:00Z".parse().unwrap();
        for (modified, expected) in [
            ("2026-06-29T12:00:00Z", "changed within a day"),
            ("2026-06-20T00:00:00Z", "10 days old"),
            ("2026-03-01T00:00:00Z", "4 months old"),
            ("2023-03-01T00:00:00Z", "3 years old"),
            ("2026-07-01T00:00:00Z", "newer than the incident"),
        ] {
            assert_eq!(age(modified.parse().unwrap(), as_of), expected);
        }
    }
}
