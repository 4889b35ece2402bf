//! Which way a level went, and on which side of a bound it is.

use crate::known::Known;
use crate::measure::{Kind, Quantity};
use crate::reading::{self, Hedge, Reading, Trend, word};
use crate::token::{Item, Token};
use crate::topic::Topics;

/// A level that moved by less than this share of itself did not move.
const FLAT: f64 = 0.1;
/// And by more than this it was not flat.
const MOVED: f64 = 0.5;

/// Checks every word of movement against the numbers beside it and the series it is about.
pub fn check(known: &Known, tokens: &[Token], quoted: &[bool]) -> Result<(), String> {
    for (i, token) in tokens.iter().enumerate().filter(|(i, _)| !quoted[*i]) {
        let Some(trend) = reading::trend(&token.lower) else {
            flat(known, tokens, i)?;
            continue;
        };
        from_to(tokens, i, trend)?;
        moved(known, tokens, i, trend)?;
    }
    Ok(())
}

/// "rose from A to B" needs A < B, "fell from A to B" the opposite.
fn from_to(tokens: &[Token], i: usize, trend: Trend) -> Result<(), String> {
    let end = reading::sentence(tokens, i).end.min(i + 12);
    let after = |wanted: &str| {
        let at = (i + 1..end).find(|j| word(tokens, *j) == wanted)?;
        (at + 1..end.min(at + 4)).find_map(|j| match &tokens[j].item {
            Item::Quantity(quantity) => Some(*quantity),
            _ => None,
        })
    };
    if let (Some(from), Some(to)) = (after("from"), after("to"))
        && from.value != to.value
        && (from.value < to.value) != (trend == Trend::Up)
    {
        return Err(format!(
            "{} does not go with from {} to {}.",
            tokens[i].text,
            from.value / from.scale,
            to.value / to.scale
        ));
    }
    Ok(())
}

/// What the sentence is about there: the nearest words before it, in its part of the sentence.
fn topics(tokens: &[Token], i: usize) -> Topics {
    let part = reading::clause(tokens, i);
    (part.start..i)
        .rev()
        .map(|j| reading::topics_at(tokens, j))
        .find(|topics| topics.any())
        .unwrap_or_default()
}

/// The level before and those after, of each cited series that the topics are of. Passages may tell of another time.
fn levels(known: &Known, topics: Topics) -> Vec<(f64, Vec<f64>)> {
    let series = known.sights.series.iter().filter(|(_, of, _)| of.meets(topics));
    let series = series.map(|(_, _, s)| (s.baseline, vec![s.last, s.max, s.min]));
    let levels = known
        .sights
        .levels
        .iter()
        .filter(|(_, of, ..)| of.meets(topics))
        .map(|(_, _, before, now)| (*before, vec![*now]));
    series.chain(levels).collect()
}

fn moved(known: &Known, tokens: &[Token], i: usize, trend: Trend) -> Result<(), String> {
    let topics = topics(tokens, i);
    // "more", "less", "up" and the like are of comparisons too.
    let compares = matches!(
        word(tokens, i),
        "more"
            | "less"
            | "fewer"
            | "higher"
            | "lower"
            | "up"
            | "down"
            | "added"
            | "gained"
            | "lost"
            | "spike"
            | "rise"
            | "drop"
    );
    let denied = (reading::clause(tokens, i).start..i)
        .any(|j| matches!(word(tokens, j), "not" | "no" | "never" | "without" | "didn't" | "hasn't"));
    let levels = levels(known, topics);
    if !topics.any() || levels.is_empty() || compares || known.items.iter().any(|item| item.passage) {
        return Ok(());
    }
    let goes = |(before, after): &(f64, Vec<f64>)| {
        let least = 1e-9 + 0.02 * before.abs();
        after.iter().any(|now| if trend == Trend::Up { now - before > least } else { before - now > least })
    };
    // Most series have a point somewhat above and one somewhat below their level: the larger way is the way it went.
    let mostly = |(before, after): &(f64, Vec<f64>)| {
        let way = |up: bool| {
            after.iter().map(|now| if up { now - before } else { before - now }).fold(0.0, f64::max)
        };
        way(trend == Trend::Up) >= way(trend != Trend::Up)
    };
    let recovered = |(before, after): &(f64, Vec<f64>)| {
        trend == Trend::Down && after.len() == 3 && after[0] < after[1] - FLAT * (after[1] - before).abs()
    };
    let went = levels.iter().any(|level| goes(level) && mostly(level) || recovered(level));
    match (went, denied) {
        (false, false) => Err(format!("the cited evidence does not show that it {}.", tokens[i].text)),
        (true, true)
            if levels.iter().any(|(before, after)| {
                after.iter().any(|now| (now - before).abs() > MOVED * before.abs())
            }) =>
        {
            Err(format!("the cited evidence shows that it {}.", tokens[i].text))
        }
        _ => Ok(()),
    }
}

/// "CPU is unchanged" where it doubled.
fn flat(known: &Known, tokens: &[Token], i: usize) -> Result<(), String> {
    if !matches!(word(tokens, i), "flat" | "unchanged" | "steady" | "stable" | "constant")
        || known.items.iter().any(|item| item.passage)
    {
        return Ok(());
    }
    let levels = levels(known, topics(tokens, i));
    let jumped = |(before, after): &(f64, Vec<f64>)| {
        after.first().is_some_and(|now| (now - before).abs() > MOVED * before.abs().max(1e-9))
    };
    if !levels.is_empty() && levels.iter().all(jumped) {
        return Err(format!("the cited evidence does not show that it was {}.", tokens[i].text));
    }
    Ok(())
}

/// "above the threshold of 80 %" where the level is below it: the bound is right, the side is not.
pub fn side(
    known: &Known,
    tokens: &[Token],
    i: usize,
    said: &Quantity,
    reading: &Reading,
) -> Result<(), String> {
    if !matches!(reading.hedge, Hedge::Over | Hedge::Under) || !reading.topics.any() {
        return Ok(());
    }
    let earlier = reading::clause(tokens, i).any(|j| {
        matches!(word(tokens, j), "was" | "were" | "been" | "until" | "usually" | "normally" | "before")
    });
    // A share of the connections is compared with no number of them.
    let is_percent =
        |series: &incident::Series| series.unit.eq_ignore_ascii_case("percent") || series.unit == "%";
    let series: Vec<_> = known
        .sights
        .series
        .iter()
        .filter(|(_, of, s)| of.meets(reading.topics) && is_percent(s) == (said.kind == Kind::Percent))
        .collect();
    let scale = |unit: &str| if unit.eq_ignore_ascii_case("milliseconds") { 0.001 } else { 1.0 };
    let holds = |series: &incident::Series| {
        let mut levels = vec![series.last, series.max];
        if earlier || reading.hedge == Hedge::Under && series.last < series.baseline {
            levels = vec![series.baseline, series.min, series.last, series.max];
        } else if reading.hedge == Hedge::Under {
            levels.truncate(1);
        }
        levels
            .into_iter()
            .map(|v| v * scale(&series.unit))
            .any(|v| if reading.hedge == Hedge::Over { v >= said.value } else { v <= said.value })
    };
    if series.is_empty() || series.iter().any(|(_, _, s)| holds(s)) {
        return Ok(());
    }
    let side = if reading.hedge == Hedge::Over { "above" } else { "below" };
    Err(format!("it is not {side} {} in the cited evidence.", tokens[i].text))
}
