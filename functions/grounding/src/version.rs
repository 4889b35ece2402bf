//! Versions and revisions: the one that runs, and the one before it.

use crate::known::{Known, has_word};
use crate::name;
use crate::reading::{self, word};
use crate::token::{Item, Token};

const BACK: &str = "roll rolled rollback rolling revert reverted reverting undo back return returned returning restore restored";
const OLD: &str = "previous previously earlier before replaced replacing replaces old older instead over was last prior former";
const NEW: &str = "rollout rolled deployed deploy released release shipped introduced introduces new now running runs upgraded updated current";

fn has(list: &str, word: &str) -> bool {
    list.split_whitespace().any(|known| known == word)
}

/// Whether a version stands where the cited rollouts have it, beside an object whose version it is.
pub fn check(known: &Known, tokens: &[Token], i: usize) -> Result<(), String> {
    let version = &tokens[i].lower;
    if tokens[i].item != Item::Name || !name::is_version(version) {
        return Ok(());
    }
    let objects: Vec<&str> = reading::clause(tokens, i)
        .filter(|j| known.is_object(&tokens[*j]))
        .map(|j| tokens[j].lower.as_str())
        .collect();
    let together = |object: &&str| {
        (0..known.items.len())
            .any(|item| has_word(&known.items[item].words, version) && known.speaks_of(item, object))
    };
    if !objects.is_empty() && !objects.iter().any(together) {
        return Err(format!(
            "{} is not a version of {} in the cited evidence.",
            tokens[i].text,
            objects.join(" or ")
        ));
    }
    let releases: Vec<_> = known
        .sights
        .releases
        .iter()
        .filter(|r| r.version == *version || r.previous.as_ref() == Some(version))
        .collect();
    if releases.is_empty() {
        return Ok(());
    }
    let (is_new, is_old) = (
        releases.iter().any(|r| r.version == *version),
        releases.iter().any(|r| r.previous.as_ref() == Some(version)),
    );
    match wanted(tokens, i) {
        Some(Wanted::New) if !is_new => {
            Err(format!("{} is the version before, not the one that was rolled out.", tokens[i].text))
        }
        Some(Wanted::Old) if !is_old => {
            Err(format!("{} is the version that runs, not the one before it.", tokens[i].text))
        }
        _ => Ok(()),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    New,
    Old,
}

/// Which of the two the sentence speaks of, where it says so.
fn wanted(tokens: &[Token], i: usize) -> Option<Wanted> {
    let part = reading::clause(tokens, i);
    let back = part.clone().any(|j| {
        has(BACK, word(tokens, j)) && !matches!((word(tokens, j), word(tokens, j + 1)), ("rolled", "out"))
    });
    let before = |n: usize| i.checked_sub(n).filter(|j| *j >= part.start).map_or("", |j| word(tokens, j));
    let next = word(tokens, i + 1);
    match before(1) {
        "from" if back => Some(Wanted::New),
        "from" | "replaced" | "replacing" | "replaces" | "over" | "previous" => Some(Wanted::Old),
        "to" if back => Some(Wanted::Old),
        "to" => Some(Wanted::New),
        "was" if before(2) == "it" => Some(Wanted::Old),
        _ if back
            || (part.start..i).chain(i + 1..part.end).any(|j| has(OLD, word(tokens, j)))
            || next == "before" =>
        {
            None
        }
        // "before it v3.40.9": the joint stands at the beginning of the part.
        "it" | "that" => Some(Wanted::Old),
        _ if (part.start..part.end).any(|j| has(NEW, word(tokens, j))) => Some(Wanted::New),
        _ => None,
    }
}

/// "revision 42": the one that runs, or the one before where the sentence goes back.
pub fn revision(known: &Known, tokens: &[Token], i: usize, said: u64) -> Option<Result<(), String>> {
    let releases = &known.sights.releases;
    if releases.is_empty() || word(tokens, i.wrapping_sub(1)) != "revision" {
        return None;
    }
    let new = releases.iter().any(|r| r.revision == Some(said));
    let old = releases.iter().any(|r| r.previous_revision == Some(said));
    let back = reading::sentence(tokens, i)
        .any(|j| has(BACK, word(tokens, j)) || has(OLD, word(tokens, j)) || word(tokens, j) == "from");
    let found = new || old && back;
    Some(if found { Ok(()) } else { Err(format!("revision {said} is not in the cited evidence.")) })
}
