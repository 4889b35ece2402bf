//! The check of what was said against what was seen.
//!
//! Input: a claim that names the evidence and passages it rests on, and the state document. Output: it stands, or why not. Every
//! number with its unit, time of day, offset, version, name, id and place in a file that the claim states must be found in, or follow
//! from, what it cites (or the alert and the onset, which everything rests on): of the thing, the object and the sort that the sentence
//! says. So must what it denies, and which way it says a level went. It judges facts and not reasoning: a claim whose facts are right
//! and whose conclusion is wrong stands. Pure.

mod course;
mod derived;
mod edge;
mod figure;
mod gather;
mod known;
mod measure;
mod name;
mod order;
mod quote;
mod reading;
mod sight;
mod token;
mod topic;
mod version;
mod when;

use incident::analysis::Struck;
use incident::{Claim, State};

use known::Known;
use measure::{Kind, Quantity};
use reading::{Hedge, Reading, Role, word};
use token::{Break, Item, Token};
use topic::Topics;

/// Claims sorted into those that stand and those that are struck out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Checked {
    /// As they were made, in order.
    pub stands: Vec<Claim>,
    /// Each with its reason.
    pub struck: Vec<Struck>,
}

/// Checks each claim on its own.
pub fn check_all(claims: &[Claim], state: &State) -> Checked {
    let mut checked = Checked::default();
    for claim in claims {
        match check(claim, state) {
            Ok(()) => checked.stands.push(claim.clone()),
            Err(reason) => checked.struck.push(Struck { text: claim.text.clone(), reason }),
        }
    }
    checked
}

/// Whether every fact of the claim is in what it cites; the error says which is not.
pub fn check(claim: &Claim, state: &State) -> Result<(), String> {
    let known = Known::of(claim, state)?;
    let tokens = token::split(&claim.text);
    let quoted = quote::quoted(&known, &tokens);
    for (i, token) in tokens.iter().enumerate().filter(|(i, _)| !quoted[*i]) {
        match &token.item {
            Item::Clock { .. } | Item::Instant(_) => when::clock(&known, &tokens, i)?,
            Item::Date(_) | Item::Day(..) => when::date(&known, &tokens, i)?,
            Item::Place { file, line } => {
                holds(known.has_place(file, *line), token, "not a place in the cited evidence")?;
            }
            Item::Name => {
                holds(known.has_word(&token.text), token, "not named in the cited evidence")?;
                version::check(&known, &tokens, i)?;
            }
            Item::Quantity(quantity) => number(&known, &tokens, i, quantity)?,
            Item::Word => {
                plain_name(&known, &tokens, i)?;
                order::sequence(&known, &tokens, i)?;
            }
        }
    }
    course::check(&known, &tokens, &quoted)?;
    sight::check(&known.sights, &tokens, &quoted)
}

fn holds(found: bool, token: &Token, why: &str) -> Result<(), String> {
    if found { Ok(()) } else { Err(format!("{} is {why}.", token.text)) }
}

/// A plain word that is the name of something seen elsewhere, and not cited; and what stands where only a name can stand.
fn plain_name(known: &Known, tokens: &[Token], i: usize) -> Result<(), String> {
    const COMMON: &str = "default production staging prod main primary replica backend frontend cache proxy gateway database postgres redis";
    let token = &tokens[i];
    let lower_case = token.text.chars().all(|c| c.is_ascii_lowercase());
    let elsewhere = lower_case
        && known.elsewhere.contains(&token.lower)
        && !COMMON.split_whitespace().any(|w| w == token.lower);
    // A sentence that begins with a small letter and goes on with a version or a rollout begins with a name.
    let next = tokens.get(i + 1);
    let begins = i == 0 && lower_case && !Topics::of_word(&token.lower, word(tokens, 1)).any();
    let rolls = next.is_some_and(|t| {
        name::is_version(&t.lower) || matches!(t.lower.as_str(), "rolled" | "deployed" | "restarted")
    });
    // "by Ruth Okafor": a person.
    let person = i > 0
        && matches!(word(tokens, i - 1), "by" | "author")
        && token.text.starts_with(|c: char| c.is_ascii_uppercase())
        && next.is_some_and(|t| t.item == Item::Word && t.text.starts_with(|c: char| c.is_ascii_uppercase()));
    let named = elsewhere || begins && rolls || person;
    holds(
        !named || known.has_word(&token.lower) || known.has_pod_of(&token.lower),
        token,
        "not named in the cited evidence",
    )
}

/// A number: an offset where "before" or "after" follows, a line where "line" goes before, else a measure.
fn number(known: &Known, tokens: &[Token], i: usize, quantity: &Quantity) -> Result<(), String> {
    let token = &tokens[i];
    let reading = reading::read(tokens, i, |token| known.is_object(token));
    let before = word(tokens, i.wrapping_sub(1));
    if i > 0 && matches!(tokens[i - 1].item, Item::Day(..)) && (1_990.0..2_100.0).contains(&quantity.value) {
        return holds(known.has_year(quantity.value as i16), token, "no year in the cited evidence");
    }
    // "304s" are answers of that status.
    let status = token
        .text
        .strip_suffix('s')
        .filter(|code| code.len() == 3 && code.chars().all(|c| c.is_ascii_digit()));
    if status.is_some_and(|code| known.has_word(code)) {
        return Ok(());
    }
    if matches!(before, "line" | "lines") && quantity.kind == Kind::Bare {
        return holds(known.has_line(quantity.value as u32), token, "not a line in the cited evidence");
    }
    if let Some(checked) = version::revision(known, tokens, i, quantity.value as u64) {
        return checked;
    }
    // "900 ms (before: 80 ms)" states two levels and no offset.
    let follows = tokens.get(i + 1).is_some_and(|next| next.before == Break::None);
    if quantity.kind == Kind::Seconds && follows && order::order(word(tokens, i + 1)).is_some() {
        let quoted = known
            .figures
            .iter()
            .any(|f| known.items[f.item].passage && f.kind == Kind::Seconds && f.is(quantity, reading.hedge));
        let found = order::offset(known, tokens, i, quantity, reading.hedge) || quoted;
        return holds(found, token, "not an offset that the cited times give");
    }
    // As it stands in the evidence, unit and all: "500m", "2Gi".
    let literal = quantity.kind != Kind::Bare
        && token.text.chars().all(char::is_alphanumeric)
        && known.has_word(&token.text);
    // The value that a series had at the time the sentence states is now's, not the one before or the highest.
    let took = matches!(before, "took" | "takes");
    let timed = matches!(reading.role, None | Some(Role::Last));
    if literal
        || !took && order::span(known, tokens, i, quantity, reading.hedge)
        || timed && when::point(known, tokens, i, quantity)
    {
        return Ok(());
    }
    let lasts = matches!(before, "took" | "lasted" | "takes" | "lasts")
        && matches!(quantity.kind, Kind::Percent | Kind::Points | Kind::Bytes);
    holds(!lasts, token, "no length of time")?;
    measured(known, tokens, i, quantity, &reading)?;
    course::side(known, tokens, i, quantity, &reading)
}

/// A measure: a number that was seen, of this topic, of this object, of this sort. The reason names the first that fails.
fn measured(
    known: &Known,
    tokens: &[Token],
    i: usize,
    said: &Quantity,
    reading: &Reading,
) -> Result<(), String> {
    let token = &tokens[i];
    let hedge = if reading.role == Some(Role::Limit) { Hedge::Exact } else { reading.hedge };
    let mut found: Vec<_> = known.figures.iter().filter(|f| f.is(said, hedge)).collect();
    holds(!found.is_empty(), token, "not in the cited evidence")?;
    found.retain(|f| !reading.sure || f.topics.goes_with(reading.topics));
    // The alert is not cited: its numbers are for sentences about what it is about.
    let of_alert = reading::sentence(tokens, i).any(|j| {
        matches!(
            word(tokens, j),
            "alert" | "monitor" | "threshold" | "fired" | "triggered" | "it" | "alerted"
        )
    });
    found.retain(|f| f.item != known::ALERT || f.topics.meets(reading.topics) || of_alert);
    // A relevance or a confidence is nothing else's number.
    let rated = |topics: Topics| topics == Topics::SCORE || topics == Topics::CONFIDENCE;
    found.retain(|f| !rated(f.topics) || f.topics.meets(reading.topics));
    holds(!found.is_empty(), token, "in the cited evidence, but of something else")?;
    let owners: Vec<&str> = reading.owners.iter().map(|j| word(tokens, *j)).collect();
    if !owners.is_empty() {
        found.retain(|f| owners.iter().any(|owner| known.speaks_of(f.item, owner)));
        let why = format!("in the cited evidence, but not of {}", owners.join(" or "));
        holds(!found.is_empty(), token, &why)?;
    }
    found.retain(|f| known.items[f.item].passage || f.plays(reading));
    holds(!found.is_empty(), token, "in the cited evidence, but not as this")
}
