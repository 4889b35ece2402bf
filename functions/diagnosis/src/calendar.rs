//! The event calendar: which scheduled event the onset fell into.

use std::sync::LazyLock;

use incident::{Corpus, Passage, Timestamp};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use regex::Regex;

use crate::overlap::of;
use crate::scene::Scene;

/// A scheduled event that covers the onset.
#[derive(Debug, Clone)]
pub(crate) struct Hit<'a> {
    pub(crate) passage: &'a Passage,
    pub(crate) name: String,
    pub(crate) from: Timestamp,
    /// The span as the calendar writes it: `02:00–03:00 UTC`.
    pub(crate) span: String,
}

impl Hit<'_> {
    /// `Daily cup (02:00–03:00 UTC)`.
    pub(crate) fn says(&self) -> String {
        format!("{} ({})", self.name, self.span)
    }
}

/// True for a page that lists events by time.
pub(crate) fn is_calendar(passage: &Passage) -> bool {
    let title =
        format!("{} {}", passage.title, passage.section.as_deref().unwrap_or_default()).to_lowercase();
    ["calendar", "schedule", "timetable"].iter().any(|word| title.contains(word))
}

/// The first calendar entry whose time covers the onset.
pub(crate) fn hit<'a>(scene: &Scene<'a>) -> Option<Hit<'a>> {
    let onset = scene.onset.as_ref()?.at;
    of(scene, Corpus::Runbooks).filter(|p| is_calendar(p)).find_map(|passage| {
        passage.excerpt.lines().find_map(|line| {
            let (from, _) = covering(line, onset)?;
            let span = RANGE.find(line)?.as_str().to_owned();
            Some(Hit { passage, name: name(line), from, span })
        })
    })
}

#[expect(clippy::expect_used, reason = "a constant pattern, compiled by every test")]
static RANGE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\b([01]?\d|2[0-3]):([0-5]\d)(?:\s*(?:UTC|Z))?\s*(?:-|–|—|to|until)\s*([01]?\d|2[0-3]):([0-5]\d)\s*(?:UTC|Z)")
        .expect("a valid pattern")
});
#[expect(clippy::expect_used, reason = "a constant pattern, compiled by every test")]
static DATE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\b(\d{4}-\d{2}-\d{2})\b").expect("a valid pattern"));

const WEEKDAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

/// The entry's span that covers `onset`, when it takes place that day. Times must be stated in UTC.
fn covering(line: &str, onset: Timestamp) -> Option<(Timestamp, Timestamp)> {
    let times = RANGE.captures(line)?;
    let part = |i: usize| times.get(i).and_then(|m| m.as_str().parse::<i8>().ok());
    let (from, to) = ((part(1)?, part(2)?), (part(3)?, part(4)?));
    let today = onset.to_zoned(TimeZone::UTC).date();
    // An event may have begun the evening before.
    [today.yesterday().ok()?, today].into_iter().filter(|day| takes_place(line, *day)).find_map(|day| {
        let start = at(day, from)?;
        let end = if to > from { at(day, to)? } else { at(day.tomorrow().ok()?, to)? };
        (start <= onset && onset < end).then_some((start, end))
    })
}

fn at(day: Date, (hour, minute): (i8, i8)) -> Option<Timestamp> {
    day.at(hour, minute, 0, 0).to_zoned(TimeZone::UTC).ok().map(|z| z.timestamp())
}

/// A dated entry holds on its date, one with weekdays on those, and any other every day.
fn takes_place(line: &str, day: Date) -> bool {
    let lower = line.to_lowercase();
    let dates: Vec<&str> = DATE.find_iter(line).map(|m| m.as_str()).collect();
    if !dates.is_empty() {
        return dates.contains(&day.to_string().as_str());
    }
    let named: Vec<usize> = (0..7).filter(|i| lower.contains(WEEKDAYS[*i])).collect();
    let own = usize::try_from(day.weekday().to_monday_zero_offset()).unwrap_or(0);
    named.is_empty() || named.contains(&own)
}

/// The entry without its times and table bars.
fn name(line: &str) -> String {
    let plain = line.replace(['*', '`'], "");
    let cells: Vec<&str> = plain
        .split(['|', ';'])
        .map(|cell| cell.trim().trim_start_matches(['-', '#', ' ']).trim())
        .filter(|cell| cell.chars().any(char::is_alphabetic) && !RANGE.is_match(cell))
        .collect();
    let name = match cells.first() {
        Some(cell) => (*cell).to_owned(),
        None => RANGE.replace(&plain, "").trim_matches(|c: char| !c.is_alphanumeric()).to_owned(),
    };
    incident::size::cut(&name, 80)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn covers(line: &str, onset: &str) -> bool {
        covering(line, onset.parse().unwrap()).is_some()
    }

    #[test]
    fn daily_dated_and_weekly_entries_cover_their_own_days_only() {
        assert!(covers("| Nightly cup | 02:00–03:00 UTC | daily |", "2026-05-06T02:13:00Z"));
        assert!(!covers("| Nightly cup | 02:00–03:00 UTC | daily |", "2026-05-06T03:00:00Z"));
        assert!(covers("Finals 2026-05-06 18:00 to 20:00 UTC", "2026-05-06T19:00:00Z"));
        assert!(!covers("Finals 2026-05-06 18:00 to 20:00 UTC", "2026-05-07T19:00:00Z"));
        assert!(covers("Wednesday: 18:00-20:00 UTC ranked night", "2026-05-06T19:00:00Z"));
        assert!(!covers("Thursday: 18:00-20:00 UTC ranked night", "2026-05-06T19:00:00Z"));
        assert!(covers("Maintenance 23:30–00:30 UTC", "2026-05-07T00:10:00Z"));
    }

    #[test]
    fn a_time_without_its_zone_covers_nothing() {
        assert!(!covers("Cup 02:00–03:00", "2026-05-06T02:13:00Z"));
    }

    #[test]
    fn an_entry_is_named_without_its_times() {
        assert_eq!(name("| Nightly cup | 02:00–03:00 UTC | daily |"), "Nightly cup");
    }
}
