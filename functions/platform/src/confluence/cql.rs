//! The part of CQL that lists pages: comparisons joined by `and`, and an order.

use jiff::{SignedDuration, Timestamp, civil, tz::TimeZone};

use super::Page;

/// A query.
#[derive(Debug, PartialEq)]
pub struct Query {
    conditions: Vec<Condition>,
    /// `order by … desc`.
    pub newest_first: bool,
}

#[derive(Debug, PartialEq)]
enum Condition {
    IsPage(bool),
    Space(Vec<String>),
    Since(Timestamp),
    After(Timestamp),
    Before(Timestamp),
}

impl Query {
    /// Whether a page is found. Times count by the minute.
    pub fn matches(&self, page: &Page) -> bool {
        let modified = minute(page.modified);
        self.conditions.iter().all(|condition| match condition {
            Condition::IsPage(is_page) => *is_page,
            Condition::Space(keys) => keys.contains(&page.space),
            Condition::Since(at) => modified >= minute(*at),
            Condition::After(at) => modified > minute(*at),
            Condition::Before(at) => modified < minute(*at),
        })
    }
}

fn minute(at: Timestamp) -> i64 {
    at.as_second().div_euclid(60)
}

/// Reads a query. Absolute times are UTC here; the vendor takes the token owner's time zone.
pub fn parse(text: &str, now: Timestamp) -> Result<Query, String> {
    let lower = text.to_lowercase();
    let (conditions, order) = match lower.find(" order by ") {
        Some(at) => (&text[..at], lower[at + " order by ".len()..].trim().to_owned()),
        None => (text, String::new()),
    };
    let newest_first = match order.as_str() {
        "" | "lastmodified" | "lastmodified asc" => false,
        "lastmodified desc" => true,
        other => return Err(format!("order by {other}")),
    };
    let mut parsed = Vec::new();
    let mut rest = conditions.trim();
    while !rest.is_empty() {
        let end = rest.to_lowercase().find(" and ");
        let (one, after) = end.map_or((rest, ""), |at| (&rest[..at], &rest[at + " and ".len()..]));
        parsed.push(condition(one.trim(), now)?);
        rest = after.trim();
    }
    Ok(Query { conditions: parsed, newest_first })
}

fn condition(text: &str, now: Timestamp) -> Result<Condition, String> {
    let lower = text.to_lowercase();
    if let Some(rest) = lower.strip_prefix("space").map(str::trim_start).filter(|rest| rest.starts_with("in"))
    {
        let list = &text[text.len() - rest.len() + "in".len()..];
        let inside = list.trim().strip_prefix('(').and_then(|list| list.strip_suffix(')')).ok_or(text)?;
        return Ok(Condition::Space(inside.split(',').map(unquoted).collect()));
    }
    // The longer operators first: `>=` holds `=`.
    let (field, operator, value) = [">=", "<", ">", "="]
        .into_iter()
        .find_map(|operator| text.split_once(operator).map(|(field, value)| (field, operator, value)))
        .ok_or(text)?;
    match (field.trim().to_lowercase().as_str(), operator) {
        ("type", "=") => Ok(Condition::IsPage(unquoted(value) == "page")),
        ("space", "=") => Ok(Condition::Space(vec![unquoted(value)])),
        ("lastmodified", ">=") => Ok(Condition::Since(time(value, now)?)),
        ("lastmodified", ">") => Ok(Condition::After(time(value, now)?)),
        ("lastmodified", "<") => Ok(Condition::Before(time(value, now)?)),
        _ => Err(text.to_owned()),
    }
}

fn unquoted(text: &str) -> String {
    text.trim().trim_matches(['"', '\'']).to_owned()
}

/// `now("-7d")`, `now()`, or `"2026-11-23 08:00"`, with or without the time.
fn time(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    let text = text.trim();
    let bad = || format!("no time: {text}");
    if let Some(inside) = text.strip_prefix("now(").and_then(|rest| rest.strip_suffix(')')) {
        let offset = unquoted(inside);
        if offset.is_empty() {
            return Ok(now);
        }
        let unit = offset.chars().last().ok_or_else(bad)?;
        let amount: i64 = offset[..offset.len() - unit.len_utf8()].parse().map_err(|_| bad())?;
        // Upper-case M is months.
        let seconds = match unit {
            'm' => 60,
            'h' => 3_600,
            'd' => 86_400,
            'w' => 604_800,
            'M' => 30 * 86_400,
            'y' => 365 * 86_400,
            _ => return Err(bad()),
        };
        return now.checked_add(SignedDuration::from_secs(amount.saturating_mul(seconds))).map_err(|_| bad());
    }
    let text = unquoted(text);
    let at = civil::DateTime::strptime("%Y-%m-%d %H:%M", &text)
        .or_else(|_| civil::Date::strptime("%Y-%m-%d", &text).map(|date| date.at(0, 0, 0, 0)))
        .map_err(|_| bad())?;
    TimeZone::UTC.to_timestamp(at).map_err(|_| bad())
}
