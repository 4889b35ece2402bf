//! What was looked at and how it was: errors, the firewall, health, releases; and sentences that say the opposite.

use incident::{Level, Series};

use crate::reading;
use crate::token::{Item, Token};
use crate::topic::Topics;

/// A version that was rolled out.
#[derive(Debug, Clone, Default)]
pub struct Release {
    /// Now running, in lower case.
    pub version: String,
    /// Before it.
    pub previous: Option<String>,
    /// Its revision.
    pub revision: Option<u64>,
    /// The revision before it.
    pub previous_revision: Option<u64>,
}

/// How the things were that the cited evidence looked at. Absent is not zero.
#[derive(Debug, Default)]
pub struct Sights {
    /// Server errors.
    pub server_errors: Option<u64>,
    /// Firewall events.
    pub firewall: Option<u64>,
    /// Restarts of containers.
    pub restarts: Option<u64>,
    /// Healthy targets of all, by item.
    pub healthy: Vec<(usize, u32, u32)>,
    /// Ready replicas or containers of all wanted, by item.
    pub ready: Vec<(usize, u32, u32)>,
    /// Series, by item.
    pub series: Vec<(usize, Topics, Series)>,
    /// A level before and one now, by item.
    pub levels: Vec<(usize, Topics, f64, f64)>,
    /// What was rolled out.
    pub releases: Vec<Release>,
    /// The diagnosis' confidence.
    pub level: Option<Level>,
}

const DENIALS: &str = "no not without zero never none neither nor cannot can't isn't aren't wasn't weren't didn't doesn't don't hasn't haven't hadn't 0 nothing free";
/// Words by which a sentence says that something is not the case, wherever they stand.
const DISMISSALS: &str =
    "rules ruled rule clean quiet unlikely excludes excluded against absent idle silent inactive";

fn has(list: &str, word: &str) -> bool {
    list.split_whitespace().any(|known| known == word)
}

/// True where the sentence denies what stands at `i`: a denial in the same part of it, before.
fn is_denied(tokens: &[Token], i: usize) -> bool {
    let part = reading::clause(tokens, i);
    (part.start..i).any(|j| has(DENIALS, reading::word(tokens, j)))
}

/// Checks that nothing is denied that was seen, and nothing affirmed that was looked for and not there.
pub fn check(sights: &Sights, tokens: &[Token], quoted: &[bool]) -> Result<(), String> {
    for (i, token) in tokens.iter().enumerate().filter(|(i, _)| !quoted[*i]) {
        match token.lower.as_str() {
            "5xx" | "5xxs" => server_errors(sights, is_denied(tokens, i))?,
            "server"
                if reading::word(tokens, i + 1).starts_with("error") && sights.server_errors.is_some() =>
            {
                server_errors(sights, is_denied(tokens, i))?;
            }
            "firewall" | "waf" | "ddos" | "attack" => firewall(sights, tokens, i)?,
            "healthy" | "unhealthy" => health(sights, tokens, i)?,
            "ready" | "unready" | "notready" => readiness(sights, tokens, i)?,
            "restart" | "restarts" | "restarted" => {
                if let (Some(1..), true) = (sights.restarts, is_denied(tokens, i)) {
                    return Err("there were restarts in the cited evidence.".to_owned());
                }
            }
            "confidence" => confidence(sights, tokens, i)?,
            _ => {}
        }
    }
    Ok(())
}

fn server_errors(sights: &Sights, denied: bool) -> Result<(), String> {
    match (sights.server_errors, denied) {
        (None, _) => Err("5xx were not looked at in the cited evidence.".to_owned()),
        (Some(0), false) => Err("there were no 5xx in the cited evidence.".to_owned()),
        (Some(1..), true) => Err("there were 5xx in the cited evidence.".to_owned()),
        _ => Ok(()),
    }
}

/// "No firewall events", "the firewall is quiet", "rules out a DDoS"; and their opposites.
fn firewall(sights: &Sights, tokens: &[Token], i: usize) -> Result<(), String> {
    let Some(events) = sights.firewall else { return Ok(()) };
    let sentence = reading::sentence(tokens, i);
    let dismissed = sentence
        .clone()
        .any(|j| has(DISMISSALS, reading::word(tokens, j)) || has(DENIALS, reading::word(tokens, j)));
    let attack = matches!(reading::word(tokens, i), "ddos" | "attack");
    let next = reading::word(tokens, i + 1);
    let says_events = matches!(
        next,
        "event" | "events" | "blocks" | "blocked" | "activity" | "challenges" | "hits" | "mitigated"
    );
    let counted = sentence.clone().any(|j| matches!(tokens[j].item, Item::Quantity(_)));
    if events == 0 && !dismissed && (attack || says_events && !counted) {
        return Err("there were no firewall events in the cited evidence.".to_owned());
    }
    let denied = is_denied(tokens, i) || has("clean quiet silent idle inactive", next);
    let clean = (i + 1..sentence.end.min(i + 5))
        .any(|j| has("clean quiet silent inactive", reading::word(tokens, j)));
    if events > 0 && !attack && (denied && says_events || clean) {
        return Err("there were firewall events in the cited evidence.".to_owned());
    }
    Ok(())
}

/// Healthy and unhealthy targets, where no number is said: numbers are checked as numbers.
fn health(sights: &Sights, tokens: &[Token], i: usize) -> Result<(), String> {
    let (healthy, all) = sum(&sights.healthy);
    let counted = reading::clause(tokens, i).any(|j| matches!(tokens[j].item, Item::Quantity(_)));
    if all == 0 || counted && !of_all(tokens, i) {
        return unhealthy_count(sights, tokens, i);
    }
    let good = (reading::word(tokens, i) == "healthy") != is_denied(tokens, i);
    match (good, healthy == all) {
        (true, false) => Err("not all targets are healthy in the cited evidence.".to_owned()),
        (false, true) => Err("all targets are healthy in the cited evidence.".to_owned()),
        _ => Ok(()),
    }
}

/// "6 of 6 targets are unhealthy" where they are healthy.
fn unhealthy_count(sights: &Sights, tokens: &[Token], i: usize) -> Result<(), String> {
    let (healthy, all) = sum(&sights.healthy);
    // "0 unhealthy" is a number, not a denial.
    let denied = i > 0 && reading::word(tokens, i - 1) == "not";
    let bad = (reading::word(tokens, i) == "unhealthy") != denied;
    let number = reading::clause(tokens, i).find_map(|j| match &tokens[j].item {
        Item::Quantity(quantity) => Some(quantity.value),
        _ => None,
    });
    let seen = f64::from(if bad { all - healthy.min(all) } else { healthy });
    match number {
        Some(said)
            if all > 0 && said.fract() == 0.0 && (said - seen).abs() > 0.5 && said <= f64::from(all) =>
        {
            Err(format!(
                "{seen} targets are {} in the cited evidence.",
                if bad { "unhealthy" } else { "healthy" }
            ))
        }
        _ => Ok(()),
    }
}

/// "All", "every": the part of the sentence speaks of each one.
fn of_all(tokens: &[Token], i: usize) -> bool {
    reading::clause(tokens, i).any(|j| has("all every both each", reading::word(tokens, j)))
}

fn readiness(sights: &Sights, tokens: &[Token], i: usize) -> Result<(), String> {
    let (ready, all) = sum(&sights.ready);
    if all == 0 || reading::clause(tokens, i).any(|j| matches!(tokens[j].item, Item::Quantity(_))) {
        return Ok(());
    }
    let good = (reading::word(tokens, i) == "ready") != is_denied(tokens, i);
    let every = of_all(tokens, i);
    match (good, ready) {
        (true, _) if every && ready < all => {
            Err("not all replicas are ready in the cited evidence.".to_owned())
        }
        (false, _) if ready >= all => Err("all replicas are ready in the cited evidence.".to_owned()),
        _ => Ok(()),
    }
}

fn sum(seen: &[(usize, u32, u32)]) -> (u32, u32) {
    seen.iter().fold((0, 0), |(a, b), (_, good, all)| (a.saturating_add(*good), b.saturating_add(*all)))
}

/// "HIGH confidence" must be the diagnosis' own.
fn confidence(sights: &Sights, tokens: &[Token], i: usize) -> Result<(), String> {
    let Some(level) = sights.level else { return Ok(()) };
    let around = [i.wrapping_sub(1), i + 1, i + 2];
    let said = around.into_iter().find_map(|j| match reading::word(tokens, j) {
        "high" => Some(Level::High),
        "medium" => Some(Level::Medium),
        "low" => Some(Level::Low),
        _ => None,
    });
    match said {
        Some(said) if said != level => Err(format!("the diagnosis' confidence is {}.", level.word())),
        _ => Ok(()),
    }
}
