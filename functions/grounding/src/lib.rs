//! The check of what was said against what was seen.
//!
//! Input: a claim that names the evidence and passages it rests on, and the state document. Output: it stands, or why not. Every
//! number with its unit, time of day, offset, version, name, id and place in a file that the claim states must be found in, or follow
//! from, what it cites (or the alert and the onset, which everything rests on). It judges facts and not reasoning: a claim whose facts
//! are right and whose conclusion is wrong stands. Pure.

mod ground;
mod measure;
mod token;

use incident::analysis::Struck;
use incident::{Claim, State};

use ground::Ground;
use measure::{Kind, Quantity};
use token::{Item, Token};

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
    let ground = Ground::of(claim, state)?;
    let tokens = token::split(&claim.text);
    for (i, token) in tokens.iter().enumerate() {
        match &token.item {
            Item::Clock { hour, minute, second } => clock(&ground, token, *hour, *minute, *second)?,
            Item::Date(date) => {
                holds(ground.has_date(*date), token, "no date in the cited evidence")?;
            }
            Item::Place { file, line } => {
                holds(ground.has_place(file, *line), token, "not a place in the cited evidence")?;
            }
            Item::Name => holds(ground.has_word(&token.text), token, "not named in the cited evidence")?,
            Item::Quantity(quantity) => number(&ground, &tokens, i, quantity)?,
            Item::Word => {}
        }
    }
    direction(&tokens)?;
    negation(&ground, &tokens)
}

fn holds(found: bool, token: &Token, why: &str) -> Result<(), String> {
    if found { Ok(()) } else { Err(format!("{} is {why}.", token.text)) }
}

fn clock(ground: &Ground, token: &Token, hour: i8, minute: i8, second: Option<i8>) -> Result<(), String> {
    holds(ground.has_clock(hour, minute, second), token, "no time in the cited evidence")
}

/// A number: an offset where "before" or "after" follows, a line where "line" goes before, else a measure.
fn number(ground: &Ground, tokens: &[Token], i: usize, quantity: &Quantity) -> Result<(), String> {
    let token = &tokens[i];
    let word = |at: usize| tokens.get(at).map_or("", |t| t.lower.as_str());
    let line_follows = word(i.wrapping_sub(1)) == "line" && quantity.kind == Kind::Bare;
    if line_follows {
        return holds(ground.has_line(quantity.value as u32), token, "not a line in the cited evidence");
    }
    if let Kind::Seconds = quantity.kind
        && let Some(earlier) = order(word(i + 1))
    {
        let anchor: Vec<&str> = (i + 2..tokens.len().min(i + 8)).map(word).collect();
        let found = ground.has_offset(quantity, earlier, &anchor) || ground.has_passage_quantity(quantity);
        return holds(found, token, "not an offset that the cited times give");
    }
    let about = ["about", "roughly", "nearly", "almost", "around", "approximately", "~", "some"]
        .contains(&word(i.wrapping_sub(1)));
    holds(ground.has_quantity(quantity, about), token, "not in the cited evidence")
}

/// `Some(true)` for words that put the first thing earlier.
fn order(word: &str) -> Option<bool> {
    match word {
        "before" | "earlier" | "ahead" | "prior" => Some(true),
        "after" | "later" | "following" => Some(false),
        _ => None,
    }
}

/// "rose from A to B" needs A < B, "fell from A to B" the opposite.
fn direction(tokens: &[Token]) -> Result<(), String> {
    const UP: &[&str] =
        &["rose", "rises", "increased", "climbed", "grew", "jumped", "went up", "spiked", "risen", "rising"];
    const DOWN: &[&str] =
        &["fell", "falls", "dropped", "decreased", "declined", "sank", "shrank", "fallen", "falling"];
    for (i, token) in tokens.iter().enumerate() {
        let up = UP.contains(&token.lower.as_str());
        if !up && !DOWN.contains(&token.lower.as_str()) {
            continue;
        }
        let rest = &tokens[i + 1..tokens.len().min(i + 12)];
        let after = |word: &str| {
            let at = rest.iter().position(|t| t.lower == word)?;
            rest.get(at + 1..)?.iter().take(2).find_map(|t| match &t.item {
                Item::Quantity(quantity) => Some(quantity.value),
                _ => None,
            })
        };
        if let (Some(from), Some(to)) = (after("from"), after("to"))
            && from != to
            && (from < to) != up
        {
            return Err(format!("{} does not go with from {from} to {to}.", token.text));
        }
    }
    Ok(())
}

/// "no 5xx", "without 5xx": the cited evidence must have looked at server errors, and found none.
fn negation(ground: &Ground, tokens: &[Token]) -> Result<(), String> {
    for (i, token) in tokens.iter().enumerate() {
        if token.lower != "5xx" {
            continue;
        }
        let denied =
            i.checked_sub(1).is_some_and(|j| ["no", "without", "zero"].contains(&tokens[j].lower.as_str()));
        match (ground.server_errors(), denied) {
            (None, _) => return Err("5xx were not looked at in the cited evidence.".to_owned()),
            (Some(0), false) => return Err("there were no 5xx in the cited evidence.".to_owned()),
            (Some(1..), true) => return Err("there were 5xx in the cited evidence.".to_owned()),
            _ => {}
        }
    }
    Ok(())
}
