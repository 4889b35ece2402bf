//! How times, spans and numbers are written: one way everywhere, precise enough to be checked against the evidence.

use incident::{Object, Timestamp, size};

/// The most characters of one line of the diagnosis.
const LINE_CHARS: usize = 220;

/// `02:11 UTC`, with the date in front when it is not the day of `now`.
pub(crate) fn clock(at: Timestamp, now: Timestamp) -> String {
    if at.strftime("%F").to_string() == now.strftime("%F").to_string() {
        at.strftime("%H:%M UTC").to_string()
    } else {
        at.strftime("%F %H:%M UTC").to_string()
    }
}

/// A length of time without its sign: `45 s`, `2 min`, `1 h 20 min`. Minutes are rounded to the nearest.
pub(crate) fn span(seconds: i64) -> String {
    let seconds = seconds.unsigned_abs();
    let minutes = (seconds + 30) / 60;
    match seconds {
        0..60 => format!("{seconds} s"),
        60..7200 => format!("{minutes} min"),
        7200..172_800 if minutes.is_multiple_of(60) => format!("{} h", minutes / 60),
        7200..172_800 => format!("{} h {} min", minutes / 60, minutes % 60),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// A number with the precision a reader of a graph has: whole from a hundred on, two decimals below one, else one.
pub(crate) fn number(value: f64) -> String {
    let decimals = match value.abs() {
        100.0.. => return format!("{value:.0}"),
        1.0.. => 1,
        _ => 2,
    };
    let text = format!("{value:.decimals$}");
    let short = text.trim_end_matches('0').trim_end_matches('.');
    if matches!(short, "" | "-" | "-0") { "0".to_owned() } else { short.to_owned() }
}

/// A count with its thousands apart: `314,474`.
pub(crate) fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A share of one as a percentage: `97 %`.
pub(crate) fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

/// `1 pod`, `3 pods`.
pub(crate) fn count(n: usize, noun: &str) -> String {
    if n == 1 { format!("1 {noun}") } else { format!("{n} {noun}s") }
}

/// One line of bounded length.
pub(crate) fn line(text: impl AsRef<str>) -> String {
    let flat = text.as_ref().split_whitespace().collect::<Vec<_>>().join(" ");
    size::cut(&flat, LINE_CHARS)
}

/// The text with a capital first letter.
pub(crate) fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// Names an object the way people say it: without its kind and namespace.
pub(crate) fn names(objects: &[Object]) -> String {
    objects.iter().map(|o| o.name.as_str()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_read_as_people_say_them() {
        let said: Vec<_> = [45, 120, -116, 3120, 7200, 8000, 400_000].map(span).to_vec();
        assert_eq!(said, ["45 s", "2 min", "2 min", "52 min", "2 h", "2 h 13 min", "4 d"]);
    }

    #[test]
    fn numbers_drop_what_a_reader_cannot_see() {
        let said: Vec<_> = [95.0, 94.87, 2.1, 0.034, 0.0, -0.001, 487.0, 228.6].map(number).to_vec();
        assert_eq!(said, ["95", "94.9", "2.1", "0.03", "0", "0", "487", "229"]);
        assert_eq!([7, 1_000, 314_474].map(grouped), ["7", "1,000", "314,474"]);
    }

    #[test]
    fn another_day_shows_its_date() {
        let now = "2026-01-02T00:05:00Z".parse().unwrap();
        assert_eq!(clock("2026-01-01T23:59:00Z".parse().unwrap(), now), "2026-01-01 23:59 UTC");
        assert_eq!(clock("2026-01-02T00:01:59Z".parse().unwrap(), now), "00:01 UTC");
    }
}
