//! Which came first, and by how long: "two minutes before the onset", "a minute later", "rose before the rollout".

use std::ops::Range;

use incident::Timestamp;

use crate::known::{Event, Known, civil};
use crate::measure::{Kind, Quantity};
use crate::reading::{self, Hedge, word};
use crate::token::{Item, Token};
use crate::when::{event_of, has, objects, ok};

/// Seconds by which two readings of the same time may differ.
const SLACK_S: f64 = 1.0;

/// `Some(true)` for words that put the first thing earlier.
pub fn order(word: &str) -> Option<bool> {
    match word {
        "before" | "earlier" | "ahead" | "prior" | "preceding" => Some(true),
        "after" | "later" | "following" | "afterwards" | "past" => Some(false),
        _ => None,
    }
}

/// A span with an order: "two minutes before the onset", "a minute later". The words on either side say which two things are compared.
pub fn offset(known: &Known, tokens: &[Token], i: usize, said: &Quantity, hedge: Hedge) -> bool {
    let Some(earlier) = order(word(tokens, i + 1)) else { return false };
    let sentence = reading::sentence(tokens, i);
    let left = nearest(tokens, (sentence.start..i).rev(), known);
    let mut right = nearest(tokens, i + 2..sentence.end, known);
    let relative = matches!(word(tokens, i + 1), "later" | "earlier" | "afterwards");
    if relative {
        // "CPU left its level a minute later": the anchor is what the sentences before it speak of.
        right = None;
    }
    let (subject, anchor) = match (left, right, relative) {
        // "Two minutes after the rollout, CPU left its level."
        (None, Some((found, at)), false) => {
            (nearest(tokens, at + 1..sentence.end, known).map(|(s, _)| s), Some(found))
        }
        (None, _, true) => (nearest(tokens, i + 2..sentence.end, known).map(|(s, _)| s), None),
        (left, right, _) => (left.map(|(s, _)| s), right.map(|(a, _)| a)),
    };
    // A time of day that the sentence states is one of its own; whether it is true is checked where it stands.
    let stated = |range: Range<usize>| range.rev().find_map(|j| on_the_day(known, &tokens[j]));
    let of = |side: &Option<Side>, stated: Option<Timestamp>| {
        times(known, side.as_ref()).into_iter().chain(stated).collect::<Vec<_>>()
    };
    let subjects = of(&subject, stated(sentence.start..i));
    let anchors = of(&anchor, stated(i + 2..sentence.end));
    // One event named twice compares itself with whatever else happened.
    subjects.iter().any(|s| {
        anchors.iter().any(|a| {
            let gap = a.duration_since(*s).as_secs_f64();
            gap != 0.0 && (gap > 0.0) == earlier && near(said, gap.abs(), hedge)
        })
    })
}

/// A stated time of day, on the day of the alert.
fn on_the_day(known: &Known, token: &Token) -> Option<Timestamp> {
    let Item::Clock { hour, minute, second } = token.item else { return None };
    let day = civil(known.moments.iter().find(|m| m.event == Event::Alert)?.at).date();
    Some(day.at(hour, minute, second.unwrap_or(0), 0).to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp())
}

/// "The CPU rose before the rollout": an order without a span. Only where both sides name something whose time is known.
pub fn sequence(known: &Known, tokens: &[Token], i: usize) -> Result<(), String> {
    const STRONG: &str = "\
        onset rose rise rises rising climbed climb climbing spiked spike jumped jump increased increase began started crossed \
        exceeded surge surged";
    let Some(earlier) = order(word(tokens, i)).filter(|_| matches!(word(tokens, i), "before" | "after"))
    else {
        return Ok(());
    };
    let spanned = i > 0 && matches!(tokens[i - 1].item, Item::Quantity(_) | Item::Clock { .. });
    let sentence = reading::sentence(tokens, i);
    let telling = |found: Option<(Side, usize)>| {
        found.filter(|(side, at)| match side.event {
            Event::Onset => has(STRONG, word(tokens, *at)),
            Event::Change | Event::Alert => {
                !crate::name::is_version(word(tokens, *at)) && word(tokens, *at) != "version"
            }
            _ => false,
        })
    };
    let left = telling(nearest(tokens, (reading::clause(tokens, i.saturating_sub(1)).start..i).rev(), known));
    let right = telling(nearest(tokens, i + 1..sentence.end, known));
    let (Some((subject, _)), Some((anchor, _)), false) = (left, right, spanned) else { return Ok(()) };
    let (subjects, anchors) = (times(known, Some(&subject)), times(known, Some(&anchor)));
    let holds = subjects.iter().any(|s| anchors.iter().any(|a| s != a && (s < a) == earlier));
    let known_both = !subjects.is_empty() && !anchors.is_empty() && subject.event != anchor.event;
    ok(holds || !known_both, tokens, i, "not the order of the cited times")
}

/// One side of a comparison: what happened, and to what.
#[derive(Debug, Clone)]
struct Side {
    event: Event,
    objects: Vec<String>,
}

fn nearest(tokens: &[Token], mut range: impl Iterator<Item = usize>, known: &Known) -> Option<(Side, usize)> {
    let at = range.find(|j| event_of(tokens, *j).is_some())?;
    let event = event_of(tokens, at)?;
    Some((Side { event, objects: objects(known, tokens, reading::clause(tokens, at)) }, at))
}

/// The times of what a side names; every known time where it names nothing that has one.
fn times(known: &Known, side: Option<&Side>) -> Vec<Timestamp> {
    let day = known.moments.iter().find(|m| m.event == Event::Alert).map(|m| m.at);
    let of_text = known.clocks.iter().filter_map(|(h, m, s, _, event)| {
        Some((
            civil(day?)
                .date()
                .at(*h, *m, s.unwrap_or(0), 0)
                .to_zoned(jiff::tz::TimeZone::UTC)
                .ok()?
                .timestamp(),
            (*event)?,
        ))
    });
    let all = || {
        known
            .moments
            .iter()
            .map(|m| (m.at, m.event, m.item))
            .chain(of_text.clone().map(|(at, event)| (at, event, usize::MAX)))
    };
    let Some(side) = side else { return all().map(|(at, ..)| at).collect() };
    let concerns = |item: usize| {
        side.event != Event::Change
            || side.objects.is_empty()
            || item == usize::MAX
            || side.objects.iter().any(|o| known.speaks_of(item, o))
    };
    let found: Vec<Timestamp> =
        all().filter(|(_, event, item)| *event == side.event && concerns(*item)).map(|(at, ..)| at).collect();
    if found.is_empty() && side.event != Event::Change { all().map(|(at, ..)| at).collect() } else { found }
}

/// A span without an order: how long something took, lasted, or has been going on.
pub fn span(known: &Known, tokens: &[Token], i: usize, said: &Quantity, hedge: Hedge) -> bool {
    if said.kind != Kind::Seconds {
        return false;
    }
    let ago = word(tokens, i + 1) == "ago";
    let side = ago.then(|| nearest(tokens, (reading::sentence(tokens, i).start..i).rev(), known)).flatten();
    let telling = |event: Event| matches!(event, Event::Change | Event::Onset | Event::Alert | Event::Now);
    let moments = known.moments.iter().filter(|m| telling(m.event));
    let now: Vec<Timestamp> = known.moments.iter().filter(|m| m.event == Event::Now).map(|m| m.at).collect();
    if ago {
        let from = times(known, side.as_ref().map(|(side, _)| side));
        return from
            .iter()
            .any(|t| now.iter().any(|n| *n > *t && near(said, n.duration_since(*t).as_secs_f64(), hedge)));
    }
    let all: Vec<Timestamp> = moments.map(|m| m.at).collect();
    all.iter().any(|a| all.iter().any(|b| b > a && near(said, b.duration_since(*a).as_secs_f64(), hedge)))
}

/// A span may be written rounded or, as people count minutes, rounded down.
fn near(said: &Quantity, seconds: f64, hedge: Hedge) -> bool {
    let floor = (seconds / said.scale).floor() * said.scale;
    let off = (said.value - seconds).abs();
    let exact = off <= said.rounding + SLACK_S || (said.value - floor).abs() < 1e-6 && floor > 0.0;
    exact
        || match hedge {
            Hedge::Exact => false,
            Hedge::About | Hedge::Nearly => off <= (0.1 * seconds).max(0.5 * said.scale),
            Hedge::Over => seconds > said.value && seconds <= 2.0 * said.value,
            Hedge::Under => seconds < said.value && seconds > 0.0,
        }
}
