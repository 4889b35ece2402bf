//! A text as tokens: words, and the things among them that can be checked.

use jiff::civil::{Date, DateTime};

use crate::measure::{self, Kind, Quantity};
use crate::name::is_name;

/// A piece of the text.
#[derive(Debug, Clone, PartialEq)]
pub struct Token {
    /// As written, without the punctuation around it.
    pub text: String,
    /// In lower case, without a possessive ending.
    pub lower: String,
    /// What it is.
    pub item: Item,
    /// What stands before it.
    pub before: Break,
}

/// How a token is parted from the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Break {
    /// By a blank.
    None,
    /// By a comma, a bracket, a dash: another part of the sentence.
    Clause,
    /// By a full stop.
    Sentence,
}

/// What a token is.
#[derive(Debug, Clone, PartialEq)]
pub enum Item {
    /// A word of the language.
    Word,
    /// A time of day.
    Clock { hour: i8, minute: i8, second: Option<i8> },
    /// A day with its year.
    Date(Date),
    /// A day without a year: month, day.
    Day(i8, i8),
    /// A moment, RFC 3339.
    Instant(DateTime),
    /// A line of a file.
    Place { file: String, line: u32 },
    /// A number with its unit.
    Quantity(Quantity),
    /// A version, an id, the name of a thing.
    Name,
}

/// A piece between blanks and brackets, with the break before it.
struct Piece<'a> {
    text: &'a str,
    before: Break,
}

/// The tokens of a text. A number followed by a unit word is one quantity, and so are `1 min 20 s` and `two thirds`.
pub fn split(text: &str) -> Vec<Token> {
    let pieces = pieces(text);
    let mut tokens: Vec<Token> = Vec::new();
    let mut at = 0;
    while let Some(piece) = pieces.get(at) {
        let rest: Vec<&str> = pieces[at..]
            .iter()
            .take_while(|p| std::ptr::eq(*p, piece) || p.before == Break::None)
            .take(4)
            .map(|p| p.text)
            .collect();
        let (item, used) = classify(&rest);
        let text = rest[..used].join(" ");
        at += used;
        let text = singular_owner(&text).to_owned();
        let lower = text.to_lowercase();
        push(&mut tokens, Token { text, lower, item, before: piece.before });
    }
    tokens
}

/// `cart` of `cart's`.
fn singular_owner(text: &str) -> &str {
    text.strip_suffix("'s").or_else(|| text.strip_suffix("’s")).unwrap_or(text)
}

/// Adds a token; a span that continues the one before it (`1 min 20 s`, `1 hour and 5 minutes`) is added to that.
fn push(tokens: &mut Vec<Token>, token: Token) {
    let joined = tokens.last().is_some_and(|last| last.lower == "and");
    let before = tokens.len().checked_sub(if joined { 2 } else { 1 });
    if let (Some(i), Item::Quantity(new), Break::None) = (before, &token.item, token.before)
        && let Item::Quantity(old) = &tokens[i].item
        && (old.kind, new.kind) == (Kind::Seconds, Kind::Seconds)
        && new.scale < old.scale
        && new.value < old.scale
    {
        let sum = Quantity { value: old.value + new.value, ..*new };
        tokens.truncate(i + 1);
        tokens[i].text = format!("{} {}", tokens[i].text, token.text);
        tokens[i].item = Item::Quantity(sum);
        return;
    }
    tokens.push(token);
}

fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut pending = Break::Sentence;
    for word in text.split(|c: char| c.is_whitespace() || "\"“”`*|".contains(c)) {
        for part in word.split_inclusive(|c: char| "()[]{}<>=→;!?…—".contains(c)).flat_map(ranges) {
            let arrow = part.contains('→') || part == "->" || part == "-->";
            let kept = part.trim_matches(|c: char| "()[]{}<>=→;!?….,:'‘’–—".contains(c));
            // A bracket before the word, punctuation after it.
            if part.starts_with(['(', '[', '–', '—']) {
                pending = pending.max(Break::Clause);
            }
            if !kept.is_empty() && kept != "-" && !arrow {
                pieces.extend(
                    fraction(kept)
                        .enumerate()
                        .map(|(i, text)| Piece { text, before: if i == 0 { pending } else { Break::None } }),
                );
                pending = Break::None;
            } else if kept == "-" {
                pending = pending.max(Break::Clause);
            } else if arrow {
                if !kept.is_empty() && kept != "->" && kept != "-->" {
                    pieces.push(Piece { text: kept, before: pending });
                }
                pieces.push(Piece { text: "to", before: Break::None });
                pending = Break::None;
            }
            let end = part.trim_end_matches(['\'', '’']).chars().next_back();
            pending = pending.max(match end {
                Some('.' | '!' | '?' | '…') => Break::Sentence,
                Some(',' | ';' | ':' | ')' | ']' | '—' | '–') => Break::Clause,
                _ => Break::None,
            });
        }
    }
    pieces
}

/// `02:11–02:14` and `41-95%` are two, `487/500` is handled apart.
fn ranges(part: &str) -> impl Iterator<Item = &str> {
    let clocks = part.contains(':') && part.chars().all(|c| c.is_ascii_digit() || ":-–".contains(c));
    part.split(move |c| c == '–' && part.len() > '–'.len_utf8() || clocks && c == '-')
}

/// `487/500` is two numbers; a path is one token.
fn fraction(piece: &str) -> impl Iterator<Item = &str> {
    let numeric = piece.contains('/') && piece.chars().all(|c| c.is_ascii_digit() || ",./%".contains(c));
    piece.split(move |c| numeric && c == '/').filter(|part| !part.is_empty())
}

/// What the first of the pieces is, and how many of them it takes.
fn classify(pieces: &[&str]) -> (Item, usize) {
    let piece = pieces[0];
    let next = pieces.get(1).copied().unwrap_or_default();
    if let Some(item) = clock(piece) {
        return match (item, next.to_lowercase().trim_end_matches('.')) {
            (Item::Clock { hour, minute, second }, "pm") if hour < 12 => {
                (Item::Clock { hour: hour + 12, minute, second }, 2)
            }
            (Item::Clock { hour: 12, minute, second }, "am") => (Item::Clock { hour: 0, minute, second }, 2),
            (item @ Item::Clock { .. }, "am" | "pm") => (item, 2),
            (item, _) => (item, 1),
        };
    }
    if let Some(item) = place(piece) {
        return (item, 1);
    }
    if let Some(day) = day(piece, next).or_else(|| day(next, piece)) {
        return (day, 2);
    }
    if let Some((quantity, used)) = measure::read(pieces) {
        return (Item::Quantity(quantity), used);
    }
    (if is_name(singular_owner(piece)) { Item::Name } else { Item::Word }, 1)
}

fn clock(piece: &str) -> Option<Item> {
    if let Ok(date) = piece.parse::<Date>()
        && piece.len() == 10
    {
        return Some(Item::Date(date));
    }
    let (date, time) = match piece.split_once(['T', '@']) {
        Some((date, time)) => (date.parse::<Date>().ok(), time),
        None => (None, piece),
    };
    let parts: Vec<&str> = time.trim_end_matches(['Z', 'z', 's', 'h']).split(':').collect();
    let number = |text: &str| (text.len() <= 2).then(|| text.parse::<i8>().ok())?;
    let (hour, minute, second) = match parts[..] {
        [hour, minute] if minute.len() == 2 => (number(hour)?, number(minute)?, None),
        [hour, minute, second] => (number(hour)?, number(minute)?, Some(number(second.get(..2)?)?)),
        _ => return None,
    };
    let valid =
        (0..24).contains(&hour) && (0..60).contains(&minute) && (0..60).contains(&second.unwrap_or(0));
    if !valid {
        return None;
    }
    match (date, second) {
        (Some(date), Some(second)) => Some(Item::Instant(date.at(hour, minute, second, 0))),
        _ => Some(Item::Clock { hour, minute, second }),
    }
}

const MONTHS: &[&str] = &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const LONG_MONTHS: &[&str] = &[
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

/// `14 November`, `Nov 14th`. The month is capitalised: it may be something else.
fn day(number: &str, month: &str) -> Option<Item> {
    if !month.starts_with(|c: char| c.is_ascii_uppercase()) {
        return None;
    }
    let lower = month.to_lowercase();
    let lower = if lower == "sept" { "sep" } else { &lower };
    let month =
        MONTHS.iter().position(|m| *m == lower).or_else(|| LONG_MONTHS.iter().position(|m| *m == lower))?;
    let day: i8 = number.trim_end_matches(|c: char| c.is_ascii_alphabetic()).parse().ok()?;
    (1..=31).contains(&day).then_some(Item::Day(month as i8 + 1, day))
}

fn place(piece: &str) -> Option<Item> {
    let (file, line) = piece.rsplit_once(':')?;
    let line = line.split(['-', '–']).next()?.trim_start_matches('L').parse().ok()?;
    let named = file.contains('.') && file.chars().any(|c| c.is_ascii_alphabetic());
    named.then(|| Item::Place { file: file.to_owned(), line })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quantity(text: &str) -> (f64, Kind) {
        match split(text).iter().find_map(|t| match &t.item {
            Item::Quantity(q) => Some((q.value, q.kind)),
            _ => None,
        }) {
            Some(found) => found,
            None => panic!("no quantity in {text}: {:?}", split(text)),
        }
    }

    #[test]
    fn numbers_are_read_in_the_ways_people_write_them() {
        for (text, value, kind) in [
            ("95%", 95.0, Kind::Percent),
            ("95 per cent", 95.0, Kind::Percent),
            ("412,000 requests", 412_000.0, Kind::Bare),
            ("412k requests", 412_000.0, Kind::Bare),
            ("1.2 million", 1_200_000.0, Kind::Bare),
            ("two minutes", 120.0, Kind::Seconds),
            ("a minute", 60.0, Kind::Seconds),
            ("half an hour", 1_800.0, Kind::Seconds),
            ("90-second", 90.0, Kind::Seconds),
            ("1 min 20 s", 80.0, Kind::Seconds),
            ("1 minute and 20 seconds", 80.0, Kind::Seconds),
            ("2 GiB", 2_147_483_648.0, Kind::Bytes),
            ("a third", 100.0 / 3.0, Kind::Percent),
            ("two thirds", 200.0 / 3.0, Kind::Percent),
            ("twenty-four pods", 24.0, Kind::Bare),
            ("six targets", 6.0, Kind::Bare),
            ("54 percentage points", 54.0, Kind::Points),
            ("tripled", 3.0, Kind::Times),
        ] {
            let (found, of) = quantity(text);
            assert!((found - value).abs() < 1e-6 && of == kind, "{text}: {found} {of:?}");
        }
    }

    #[test]
    fn times_are_read_with_and_without_date_zone_and_seconds() {
        let items: Vec<Item> =
            split("at 02:11 UTC, 2026-11-14T02:12:20Z, on 14 November, 2:11 pm, 02:11–02:14")
                .into_iter()
                .map(|t| t.item)
                .filter(|item| *item != Item::Word)
                .collect();
        let clock = |hour, minute| Item::Clock { hour, minute, second: None };
        assert_eq!(items[0], clock(2, 11));
        assert!(matches!(items[1], Item::Instant(_)));
        assert_eq!(items[2..], [Item::Day(11, 14), clock(14, 11), clock(2, 11), clock(2, 14)]);
    }

    #[test]
    fn breaks_are_where_a_reader_pauses() {
        let tokens = split("CPU rose (fast), then fell. It is 95%.");
        let breaks: Vec<(&str, Break)> = tokens.iter().map(|t| (t.text.as_str(), t.before)).collect();
        assert_eq!(breaks[2], ("fast", Break::Clause));
        assert_eq!(breaks[3], ("then", Break::Clause));
        assert_eq!(breaks[5], ("It", Break::Sentence));
        assert_eq!(breaks[7], ("95%", Break::None));
    }

    #[test]
    fn an_arrow_is_a_to() {
        let words: Vec<String> = split("41% → 95%, v1->v2").into_iter().map(|t| t.lower).collect();
        assert_eq!(words[..3], ["41%", "to", "95%"]);
    }
}
