//! How a number stands in its sentence: hedged or not, of what, of whose, as a level or as a change.

use std::ops::Range;

use crate::name;
use crate::token::{Break, Item, Token};
use crate::topic::Topics;

/// How exact a number is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hedge {
    /// As it stands.
    Exact,
    /// "about 95 %".
    About,
    /// "almost 95 %", "just under 95 %".
    Nearly,
    /// "more than 95 %", "above 95 %".
    Over,
    /// "less than 95 %", "below 95 %".
    Under,
}

/// What sort of number: figures that were seen carry one, and a sentence asks for some of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Not known.
    Any,
    /// Before the incident.
    Before,
    /// The smallest.
    Low,
    /// The largest.
    Peak,
    /// Now.
    Last,
    /// What may not be exceeded, or was configured.
    Limit,
    /// A difference or a relative change, with its sign.
    Change,
    /// One of a whole, or the ratio of two.
    Share,
}

/// Up or down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trend {
    /// Rose.
    Up,
    /// Fell.
    Down,
}

/// How a number stands in its sentence.
#[derive(Debug, Clone)]
pub struct Reading {
    /// How exact.
    pub hedge: Hedge,
    /// Of what.
    pub topics: Topics,
    /// False where only an earlier part of the sentence says of what: that is a hint, and no more.
    pub sure: bool,
    /// `Some` where the sentence says which sort.
    pub role: Option<Role>,
    /// The movement the number is part of.
    pub trend: Option<Trend>,
    /// Tokens that name whose number it is, as indices.
    pub owners: Vec<usize>,
}

const ABOUT: &str = "about roughly around approximately approx circa ca some ~ close near";
const NEARLY: &str = "almost nearly barely";
const OVER: &str = "over above exceeding exceeds exceeded exceed beyond past > ≥ >= least";
const UNDER: &str = "under below within < ≤ <= most fewer";
const UP: &str = "\
    rose rise rises risen rising increased increase increases increasing climbed climb climbs climbing grew grow grows growing grown \
    jumped jump jumps jumping spiked spike spikes spiking surged surge surges surging up ramped doubled tripled soared higher \
    went-up shot more gained added";
const DOWN: &str = "\
    fell fall falls fallen falling dropped drop drops dropping decreased decrease decreases decreasing declined decline declines \
    declining sank shrank shrunk down halved lower reduced lost fewer less plunged";
/// Words between which a sentence says different things.
const JOINTS: &str = "\
    and but while when whereas as because after before which that so then until once since although though however whose who \
    where with";
/// Verbs by which a thing has a number.
const HOLDS: &str = "\
    is are was were at reached reaches reach hit hits stands stood has have had shows showed peaked peaks averaged averages ran \
    runs sits sat uses used holds held rose fell climbed dropped jumped grew went stayed remained remains reports reported serves \
    served sees saw";

fn has(list: &str, word: &str) -> bool {
    !word.is_empty() && list.split_whitespace().any(|known| known == word)
}

/// Whether the word is one of a movement, and which.
pub fn trend(word: &str) -> Option<Trend> {
    if has(UP, word) {
        Some(Trend::Up)
    } else if has(DOWN, word) {
        Some(Trend::Down)
    } else {
        None
    }
}

/// The part of the sentence that token stands in.
pub fn clause(tokens: &[Token], i: usize) -> Range<usize> {
    bounds(tokens, i, |token| token.before >= Break::Clause || has(JOINTS, &token.lower))
}

/// The sentence that token stands in.
pub fn sentence(tokens: &[Token], i: usize) -> Range<usize> {
    bounds(tokens, i, |token| token.before == Break::Sentence)
}

fn bounds(tokens: &[Token], i: usize, starts: impl Fn(&Token) -> bool) -> Range<usize> {
    let from = (0..=i).rev().find(|j| starts(&tokens[*j])).unwrap_or(0);
    let to = (i + 1..tokens.len()).find(|j| starts(&tokens[*j])).unwrap_or(tokens.len());
    from..to
}

/// The word at a place; empty beyond the ends.
pub fn word(tokens: &[Token], i: usize) -> &str {
    tokens.get(i).map_or("", |token| token.lower.as_str())
}

/// Reads the surroundings of the number at `i`. `is_object` tells which tokens name an object that was seen.
pub fn read(tokens: &[Token], i: usize, is_object: impl Fn(&Token) -> bool) -> Reading {
    let (trend, role) = role(tokens, i);
    Reading {
        hedge: hedge(tokens, i),
        topics: topics(tokens, i),
        sure: clause(tokens, i).any(|j| j != i && topics_at(tokens, j).any()),
        role,
        trend,
        owners: owners(tokens, i, is_object),
    }
}

fn hedge(tokens: &[Token], i: usize) -> Hedge {
    let before = |n: usize| i.checked_sub(n).map_or("", |j| word(tokens, j));
    let (mut one, mut two) = (before(1), before(2));
    // "above the alert's threshold of 80 %", "below its limit of 500".
    let bound = |w: &str| matches!(w, "threshold" | "limit" | "bound" | "maximum");
    if bound(one) || one == "of" && bound(two) {
        let bound = (2..6).map(before).find(|w| has(OVER, w) || has(UNDER, w)).unwrap_or_default();
        (one, two) = (bound, "");
    }
    match (two, one) {
        ("no", "more") | ("not", "over" | "above") => Hedge::Under,
        ("no", "less" | "fewer") | ("not", "under" | "below") => Hedge::Over,
        ("just" | "slightly" | "well", "under" | "below" | "short") => Hedge::Nearly,
        ("close" | "next", "to") => Hedge::About,
        (_, "than") => than(tokens, i),
        ("up", "to") => Hedge::Exact,
        // "within 2 minutes" is a bound, "within" a place is not; "at most", "at least".
        ("at", "least") => Hedge::Over,
        ("at", "most") => Hedge::Under,
        (_, "the" | "a" | "its") if before(2) == "above" => Hedge::Over,
        (_, "the" | "a" | "its") if before(2) == "below" => Hedge::Under,
        _ if has(ABOUT, one) || tokens[i].text.starts_with(['~', '≈']) => Hedge::About,
        _ if has(NEARLY, one) => Hedge::Nearly,
        _ if has(OVER, one) && one != "least" => Hedge::Over,
        _ if has(UNDER, one) && one != "most" => Hedge::Under,
        _ => Hedge::Exact,
    }
}

/// "more than", "less than", "higher than".
fn than(tokens: &[Token], i: usize) -> Hedge {
    match i.checked_sub(2).map_or("", |j| word(tokens, j)) {
        "less" | "fewer" | "lower" | "shorter" => Hedge::Under,
        "rather" | "other" => Hedge::Exact,
        _ => Hedge::Over,
    }
}

/// What the number counts: the noun behind it, else the nearest before it in the sentence.
fn topics(tokens: &[Token], i: usize) -> Topics {
    let at = |j: usize| topics_at(tokens, j);
    let end = clause(tokens, i).end;
    let next_number = (i + 1..end).find(|j| matches!(tokens[*j].item, Item::Quantity(_))).unwrap_or(end);
    let after = (i + 1..next_number.min(i + 7)).map(at).fold(Topics::default(), Topics::and);
    let start = sentence(tokens, i).start;
    let mut before = Topics::default();
    if let Some(nearest) = (start..i).rev().find(|j| at(*j).any()) {
        // "CPU load", "connection pool": the words of one noun.
        before = (nearest.saturating_sub(2).max(start)..=nearest).map(at).fold(before, Topics::and);
    }
    // "487 of 500 connections": the first number counts what the second does.
    if !after.any() && next_number < end && matches!(word(tokens, i + 1), "of" | "out") {
        return before
            .and((next_number + 1..end.min(next_number + 5)).map(at).fold(Topics::default(), Topics::and));
    }
    before.and(after)
}

/// The topics of the word at a place.
pub fn topics_at(tokens: &[Token], i: usize) -> Topics {
    Topics::of_word(word(tokens, i), word(tokens, i + 1)).and(named(&tokens[i]))
}

/// A metric by its vendor's name, a parameter by its own.
fn named(token: &Token) -> Topics {
    if token.item == Item::Name && !name::is_version(&token.lower) && !token.lower.contains('-') {
        Topics::of_name(&token.lower)
    } else {
        Topics::default()
    }
}

fn role(tokens: &[Token], i: usize) -> (Option<Trend>, Option<Role>) {
    let part = clause(tokens, i);
    let moved = (part.start..i).rev().find_map(|j| trend(word(tokens, j)));
    let before = |n: usize| i.checked_sub(n).filter(|j| *j >= part.start).map_or("", |j| word(tokens, j));
    let hedged = has(ABOUT, before(1)) || has(NEARLY, before(1));
    let (one, two) = if hedged { (before(2), before(3)) } else { (before(1), before(2)) };
    let next = word(tokens, i + 1);
    let follows = (i + 1..part.end.min(i + 4)).find_map(|j| trend(word(tokens, j)));
    if one == "by"
        || trend(one).is_some()
            && !matches!(one, "up" | "down" | "more" | "less" | "fewer" | "lower" | "higher")
    {
        return (moved.or(follows), Some(Role::Change));
    }
    // "(+366 % on the period before)": a sign says that it is a change.
    if tokens[i].text.starts_with(['+', '-', '−']) {
        let up = tokens[i].text.starts_with('+');
        return (Some(if up { Trend::Up } else { Trend::Down }), Some(Role::Change));
    }
    if matches!(one, "up" | "down") {
        return (trend(one), Some(Role::Change));
    }
    if matches!(
        next,
        "more"
            | "fewer"
            | "less"
            | "higher"
            | "lower"
            | "increase"
            | "rise"
            | "drop"
            | "decrease"
            | "jump"
            | "growth"
    ) {
        return (trend(next), Some(Role::Change));
    }
    let bound = |w: &str| matches!(w, "threshold" | "limit" | "bound" | "cap" | "max_connections");
    let is_bound = bound(one) || matches!(one, "of" | "at" | "is") && bound(two) || bound(next);
    let role = match one {
        _ if is_bound => Some(Role::Limit),
        "from" | "baseline" | "usual" | "normally" | "usually" | "previously" | "normal" => {
            Some(Role::Before)
        }
        "of" if matches!(two, "baseline" | "level" | "normal") => Some(Role::Before),
        "peaked" => Some(Role::Peak),
        "at" | "to" | "of" if matches!(two, "peaked" | "peaks" | "peak" | "maximum" | "max" | "topped") => {
            Some(Role::Peak)
        }
        "now" | "currently" => Some(Role::Last),
        "at" if matches!(two, "is" | "now" | "stands" | "currently" | "are" | "sits") => Some(Role::Last),
        "is" | "are" => Some(Role::Last),
        _ => None,
    };
    (moved, role)
}

/// The objects that the sentence gives the number to: linked by "of", a possessive, a verb; empty where it does not say.
fn owners(tokens: &[Token], i: usize, is_object: impl Fn(&Token) -> bool) -> Vec<usize> {
    let part = clause(tokens, i);
    let mut owners = Vec::new();
    for j in part.clone().filter(|j| *j != i && is_object(&tokens[*j])) {
        let back = |n: usize| j.checked_sub(n).filter(|k| *k >= part.start).map_or("", |k| word(tokens, k));
        let link = if matches!(
            back(1),
            "the" | "deployment" | "database" | "service" | "pod" | "instance" | "replica" | "node"
        ) {
            2
        } else {
            1
        };
        let linked = matches!(back(link), "of" | "on" | "for" | "in" | "at" | "to");
        let topic_at = |k: usize| k < tokens.len() && topics_at(tokens, k).any();
        // Nothing of another topic may stand between a subject and its number.
        let parted = (j + 1..i).any(|k| topic_at(k) && k > j + 2);
        let subject = j < i
            && !parted
            && (topic_at(j + 1) && j + 1 < i
                || has(HOLDS, word(tokens, j + 1))
                || tokens.get(j + 1).is_some_and(|t| t.before != Break::None));
        if subject || linked && (j > i || j < i && (part.start..j).any(topic_at) && !parted) {
            owners.push(j);
        }
    }
    owners
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::token;

    fn number(text: &str) -> Reading {
        let tokens = token::split(text);
        let i = tokens.iter().rposition(|t| matches!(t.item, Item::Quantity(_))).unwrap();
        read(&tokens, i, |token| token.lower.starts_with("db-"))
    }

    #[test]
    fn hedges_are_read() {
        for (text, hedge) in [
            ("about 95 %", Hedge::About),
            ("more than 95 %", Hedge::Over),
            ("fewer than 4 pods", Hedge::Under),
            ("almost 95 %", Hedge::Nearly),
            ("just under 95 %", Hedge::Nearly),
            ("above the 80 % threshold", Hedge::Over),
            ("at least 3 pods", Hedge::Over),
            ("CPU is 95 %", Hedge::Exact),
        ] {
            assert_eq!(number(text).hedge, hedge, "{text}");
        }
    }

    #[test]
    fn roles_are_read() {
        for (text, role) in [
            ("rose from 41 %", Some(Role::Before)),
            ("requests rose by 9 %", Some(Role::Change)),
            ("requests grew 9 %", Some(Role::Change)),
            ("there were 9 % more requests", Some(Role::Change)),
            ("CPU peaked at 95 %", Some(Role::Peak)),
            ("CPU is now 95 %", Some(Role::Last)),
            ("CPU reached 95 %", None),
        ] {
            assert_eq!(number(text).role, role, "{text}");
        }
    }

    #[test]
    fn a_number_has_the_topic_of_its_noun() {
        assert_eq!(
            number("CPU rose while connections reached 487").topics,
            Topics::of_word("connections", "")
        );
        assert_eq!(number("with 487 connections").topics, Topics::of_word("connections", ""));
    }

    #[test]
    fn a_number_belongs_to_the_object_it_is_linked_to() {
        let owner = |text: &str| number(text).owners.len();
        assert_eq!(owner("CPU of db-1 is 95 %"), 1);
        assert_eq!(owner("db-1's CPU is 95 %"), 1);
        assert_eq!(owner("db-1 is at 95 %"), 1);
        assert_eq!(owner("a lag of 2.1 s on db-1"), 1);
        assert_eq!(owner("db-1 was restarted, CPU went to 95 %"), 0);
        assert_eq!(owner("db-1 pushed the CPU to 95 %"), 0);
    }
}
