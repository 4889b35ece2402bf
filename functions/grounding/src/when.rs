//! Times of day and dates: whether what the sentence says happened then.

use std::ops::Range;

use incident::Timestamp;
use jiff::civil::{Date, DateTime};

use crate::known::{Event, Known, civil};
use crate::measure::Quantity;
use crate::reading::{self, word};
use crate::token::{Item, Token};
use crate::topic::Topics;

/// How far "about 02:10" reaches.
const ABOUT_S: i64 = 180;
/// How far "shortly after 02:10" reaches.
const SHORTLY_S: i64 = 600;

const CHANGE: &str = "\
    rolled rollout rollouts deployed deploy deploys release released releases shipped upgraded upgrade changed change changes \
    merged rollback applied version deployment pushed finished completed";
const ALERT: &str = "fired fires triggered triggers alerted alert alerting paged page monitor";
const ONSET: &str = "\
    onset began begin begins begun started starts start rose rise rises rising climbed climb climbing left spiked spike spikes \
    jumped jump increased increase exceeded crossed surge surged degraded saturated incident symptom symptoms trouble breached \
    cpu threshold level took shot soared";
const PEAK: &str = "peaked peak peaks maximum highest topped";
const NOW: &str = "now currently ago";

pub fn has(list: &str, word: &str) -> bool {
    !word.is_empty() && list.split_whitespace().any(|known| known == word)
}

/// What a word says happened.
pub fn event_of(tokens: &[Token], i: usize) -> Option<Event> {
    let token = &tokens[i];
    // "Deployment cart" is a kind, "the deployment" something that happened.
    let kind = token.lower == "deployment"
        && (token.text.starts_with('D')
            || i > 0 && !matches!(word(tokens, i - 1), "the" | "a" | "this" | "that"));
    match token.lower.as_str() {
        _ if kind => None,
        w if has(CHANGE, w) => Some(Event::Change),
        w if has(ALERT, w) => Some(Event::Alert),
        w if has(PEAK, w) => Some(Event::Peak),
        w if has(ONSET, w) => Some(Event::Onset),
        w if has(NOW, w) => Some(Event::Now),
        w if crate::name::is_version(w) => Some(Event::Change),
        _ => None,
    }
}

/// What the part of the sentence around a time says happened then, where it says one thing.
pub fn named_event(tokens: &[Token], i: usize) -> Option<Event> {
    let mut events = events_in(tokens, reading::clause(tokens, i));
    events.dedup();
    match events[..] {
        [one] => Some(one),
        _ => None,
    }
}

fn events_in(tokens: &[Token], range: Range<usize>) -> Vec<Event> {
    let mut events: Vec<Event> = range.filter_map(|j| event_of(tokens, j)).collect();
    events.sort_by_key(|event| *event as u8);
    events.dedup();
    events
}

/// The objects that a part of the sentence names.
pub fn objects(known: &Known, tokens: &[Token], range: Range<usize>) -> Vec<String> {
    range.filter(|j| known.is_object(&tokens[*j])).map(|j| tokens[j].lower.clone()).collect()
}

/// Whether a time of day is one at which something that was cited happened: the thing that the sentence says, to the object it names.
pub fn clock(known: &Known, tokens: &[Token], i: usize) -> Result<(), String> {
    let (hour, minute, second) = match &tokens[i].item {
        Item::Clock { hour, minute, second } => (*hour, *minute, *second),
        Item::Instant(at) => {
            let found = known.moments.iter().any(|m| civil(m.at) == *at)
                || crossing(known, tokens, i, |t| civil(t) == *at);
            return ok(found, tokens, i, "no time in the cited evidence");
        }
        _ => return Ok(()),
    };
    let said = DateTime::constant(2000, 1, 1, hour, minute, second.unwrap_or(0), 0);
    let fits = |at: &DateTime| time_fits(tokens, i, said, second.is_some(), *at);
    let events = events_in(tokens, reading::clause(tokens, i));
    let named = objects(known, tokens, reading::clause(tokens, i));
    let concerns = |item: usize, event: Event| {
        event != Event::Change || named.is_empty() || named.iter().any(|name| known.speaks_of(item, name))
    };
    let done = reading::clause(tokens, i)
        .any(|j| has("finished completed complete done ended finish", word(tokens, j)));
    let still = reading::clause(tokens, i).any(|j| has("still is as now currently remains", word(tokens, j)));
    let goes = |event: Event| match events[..] {
        [Event::Change] => event == Event::Change || done && event == Event::Done,
        [Event::Alert] => event == Event::Alert,
        [Event::Onset] => {
            !matches!(event, Event::Change | Event::Alert | Event::Now) || event == Event::Now && still
        }
        [Event::Peak] => event == Event::Peak,
        _ => true,
    };
    let moments: Vec<_> = known.moments.iter().filter(|m| fits(&civil(m.at))).collect();
    let clocks: Vec<_> = known
        .clocks
        .iter()
        .filter(|(h, m, s, ..)| fits(&DateTime::constant(2000, 1, 1, *h, *m, s.unwrap_or(0), 0)))
        .collect();
    let seen = moments.iter().any(|m| goes(m.event) && concerns(m.item, m.event))
        || clocks.iter().any(|(.., item, event)| event.is_none_or(|e| goes(e) && concerns(*item, e)))
        || crossing(known, tokens, i, |at| fits(&civil(at)))
        || began(tokens, i) && departure(known, tokens, i, |at| fits(&civil(at)));
    if !seen && (!moments.is_empty() || !clocks.is_empty()) {
        return ok(false, tokens, i, "a time in the cited evidence, but not of this");
    }
    ok(seen, tokens, i, "no time in the cited evidence")
}

pub fn ok(found: bool, tokens: &[Token], i: usize, why: &str) -> Result<(), String> {
    if found { Ok(()) } else { Err(format!("{} is {why}.", tokens[i].text)) }
}

/// Compared on the day's clock: to the minute or to the second as written, and as the words before it allow.
fn time_fits(tokens: &[Token], i: usize, said: DateTime, to_second: bool, seen: DateTime) -> bool {
    let day = |t: DateTime| i64::from(t.hour()) * 3_600 + i64::from(t.minute()) * 60 + i64::from(t.second());
    let (said, seen) = (day(said), day(seen));
    let exact = if to_second { said == seen } else { said / 60 == seen / 60 };
    let before = |n: usize| i.checked_sub(n).map_or("", |j| word(tokens, j));
    exact
        || match (before(2), before(1)) {
            ("shortly" | "soon" | "just" | "right", "after") => (0..=SHORTLY_S).contains(&(seen - said)),
            ("shortly" | "just" | "right", "before") => (0..=SHORTLY_S).contains(&(said - seen)),
            (_, "about" | "around" | "roughly" | "approximately" | "circa" | "~" | "near") => {
                (seen - said).abs() <= ABOUT_S
            }
            _ => false,
        }
}

/// A point of a cited series at that time: the sentence states its value, or says that a level was crossed then.
fn crossing(known: &Known, tokens: &[Token], i: usize, at: impl Fn(Timestamp) -> bool) -> bool {
    let part = reading::clause(tokens, i);
    let crossed =
        part.clone().any(|j| has("crossed exceeded passed above over reached hit breached", word(tokens, j)));
    let numbers = part.filter_map(|j| match &tokens[j].item {
        Item::Quantity(quantity) => Some(*quantity),
        _ => None,
    });
    let numbers: Vec<Quantity> = numbers.collect();
    known.sights.series.iter().any(|(_, _, series)| {
        numbers.iter().any(|said| {
            let same = series
                .points
                .iter()
                .any(|(t, v)| at(*t) && (v - said.value).abs() <= said.rounding * 1.000_001);
            let first_above = series.points.iter().find(|(_, v)| *v > said.value);
            same || crossed && first_above.is_some_and(|(t, _)| at(*t))
        })
    })
}

/// Whether the sentence says, as the last thing before the time, that something began: "rose since 02:12".
fn began(tokens: &[Token], i: usize) -> bool {
    let said = (reading::sentence(tokens, i).start..i).rev().find_map(|j| event_of(tokens, j));
    said == Some(Event::Onset)
}

/// Whether a cited series, of what the sentence is about, left its level at that time: the point before was still on it, and that point
/// and the level after are not.
fn departure(known: &Known, tokens: &[Token], i: usize, at: impl Fn(Timestamp) -> bool) -> bool {
    let about =
        reading::clause(tokens, i).fold(Topics::default(), |all, j| all.and(reading::topics_at(tokens, j)));
    known.sights.series.iter().filter(|(_, of, _)| of.goes_with(about)).any(|(_, _, series)| {
        let values: Vec<f64> = series.points.iter().map(|p| p.1).collect();
        let mut there = (1..values.len()).filter(|j| at(series.points[*j].0));
        there.any(|j| leaves(&values, j))
    })
}

/// How much of the larger level a step is at least, and how far into it a point still lies on the old level.
const STEP: f64 = 0.15;
const STILL: f64 = 0.1;

fn leaves(values: &[f64], j: usize) -> bool {
    let (before, after) = (middle(&values[..j]), middle(&values[j..]));
    let step = after - before;
    let into = |value: f64| (value - before) / step;
    step.abs() > STEP * before.abs().max(after.abs())
        && into(values[j]) > STILL
        && into(values[j - 1]) <= 2.0 * STILL
}

/// The median, the lower of two.
fn middle(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len().saturating_sub(1) / 2).copied().unwrap_or(0.0)
}

/// Whether a number is the value that a cited series had at the time the sentence states.
pub fn point(known: &Known, tokens: &[Token], i: usize, said: &Quantity) -> bool {
    let times: Vec<(i8, i8)> = reading::clause(tokens, i)
        .filter_map(|j| match &tokens[j].item {
            Item::Clock { hour, minute, .. } => Some((*hour, *minute)),
            Item::Instant(at) => Some((at.hour(), at.minute())),
            _ => None,
        })
        .collect();
    known.sights.series.iter().any(|(_, _, series)| {
        series.points.iter().any(|(at, value)| {
            let at = civil(*at);
            times.contains(&(at.hour(), at.minute()))
                && (value - said.value).abs() <= said.rounding * 1.000_001
        })
    })
}

/// Whether a day is one of those that were cited.
pub fn date(known: &Known, tokens: &[Token], i: usize) -> Result<(), String> {
    let mut days =
        known.moments.iter().map(|m| civil(m.at).date()).chain(known.dates.iter().map(|at| at.date()));
    let found = match &tokens[i].item {
        Item::Date(date) => days.any(|day: Date| day == *date),
        Item::Day(month, day) => days.any(|date| (date.month(), date.day()) == (*month, *day)),
        _ => true,
    };
    ok(found, tokens, i, "no date in the cited evidence")
}
