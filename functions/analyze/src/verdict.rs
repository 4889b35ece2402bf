//! From the model's answer to an analysis: checked statement by statement, never surer than code, acting on nothing of its own.

use incident::analysis::{Outcome, Struck, Tier, VERSION};
use incident::diagnosis::{Confidence, Reason};
use incident::redact::{redact, visible};
use incident::{Analysis, Claim, Level, ProposedAction, State, size};

use crate::answer::{Answer, Ground, Statement};
use crate::plain;

const STATEMENTS: usize = 6;
const REASONS: usize = 8;
const SUGGESTIONS: usize = 3;
/// Characters of one statement, reason or suggestion.
const CHARS: usize = 600;
/// Ids one statement may cite.
const IDS: usize = 12;

/// The highest number a level goes with, and the number where the model's level is below the code's.
const MEDIUM_AT_MOST: f64 = 0.74;
const LOW_AT_MOST: f64 = 0.49;
/// What each struck claim costs.
const STRUCK_COSTS: f64 = 0.05;

/// The analysis of a checked answer. Rejected where nothing stands or more is struck out than stands.
pub fn analysis(answer: Answer, tier: Tier, state: &State) -> Analysis {
    let claims: Vec<Claim> = answer.root_cause.into_iter().take(STATEMENTS).map(claim).collect();
    let (unfit, claims): (Vec<Claim>, Vec<Claim>) =
        claims.into_iter().partition(|claim| plain::unfit(&claim.text).is_some());
    let mut checked = grounding::check_all(&claims, state);
    checked.struck.extend(unfit.into_iter().map(|claim| Struck {
        reason: format!("{}.", plain::unfit(&claim.text).unwrap_or_default()),
        text: claim.text,
    }));
    let code = state.best_diagnosis().map(|diagnosis| diagnosis.confidence.clone()).unwrap_or_default();
    let outcome = if answer.inconclusive {
        Outcome::Inconclusive
    } else if checked.stands.is_empty() || checked.struck.len() > checked.stands.len() {
        Outcome::Rejected
    } else {
        Outcome::Answered
    };
    let said = if answer.inconclusive { Level::Low } else { level(&answer.confidence) };
    let reasons =
        answer.reasons.into_iter().take(REASONS).filter_map(|ground| reason(ground, state)).collect();
    let confidence = match outcome {
        Outcome::Rejected => code,
        _ => lower(code, said, checked.struck.len(), reasons),
    };
    let sure = outcome == Outcome::Answered && confidence.level == Level::High && checked.struck.is_empty();
    let keep = outcome == Outcome::Answered;
    let analysis = Analysis {
        version: VERSION,
        outcome,
        escalate: tier == Tier::Triage && !sure,
        tier: Some(tier),
        model: None,
        root_cause: if keep { naming_the_culprit(checked.stands, state) } else { Vec::new() },
        confidence,
        actions: if keep { chosen(&answer.actions, state) } else { Vec::new() },
        suggestions: if keep { suggestions(answer.suggestions) } else { Vec::new() },
        struck: checked.struck,
        gaps: Vec::new(),
        calls: Vec::new(),
        notices: Vec::new(),
        usage: Default::default(),
        took_ms: 0,
    };
    fit(analysis)
}

/// The claims that stand, with the diagnosis' own first sentence before them where none of them names what it leads with: a root cause
/// whose decisive sentence was struck out, or never said, must not read as if nothing were to blame.
fn naming_the_culprit(stands: Vec<Claim>, state: &State) -> Vec<Claim> {
    let Some(diagnosis) = state.best_diagnosis() else { return stands };
    let (Some(leading), Some(first)) = (diagnosis.leading().next(), diagnosis.root_cause.first()) else {
        return stands;
    };
    if stands.iter().any(|claim| claim.text.contains(&leading.culprit.name)) {
        return stands;
    }
    std::iter::once(first.clone()).chain(stands).collect()
}

fn claim(statement: Statement) -> Claim {
    Claim {
        text: clean(&statement.text),
        evidence: ids(statement.evidence),
        passages: ids(statement.passages),
    }
}

fn ids(ids: Vec<String>) -> Vec<String> {
    ids.into_iter().take(IDS).map(|id| size::cut(&visible(&id).to_lowercase(), 40)).collect()
}

fn clean(text: &str) -> String {
    size::cut(&visible(&redact(text)), CHARS)
}

/// Compared without regard to case; what is unknown is low.
fn level(word: &str) -> Level {
    match word.trim().to_lowercase().as_str() {
        "high" => Level::High,
        "medium" => Level::Medium,
        _ => Level::Low,
    }
}

/// A reason is a claim like any other: one that does not match what it cites is left out.
fn reason(ground: Ground, state: &State) -> Option<Reason> {
    let claim =
        Claim { text: clean(&ground.text), evidence: ids(ground.evidence), passages: ids(ground.passages) };
    if plain::unfit(&claim.text).is_some() {
        return None;
    }
    grounding::check(&claim, state).ok()?;
    let Claim { text, evidence, passages } = claim;
    Some(Reason { supports: ground.supports, text, evidence, passages })
}

/// The code's confidence, lowered where the model was less sure or said what does not match. Never raised: the model adds reasons, and
/// doubts.
fn lower(code: Confidence, said: Level, struck: usize, reasons: Vec<Reason>) -> Confidence {
    let at_most = match said {
        Level::High => 1.0,
        Level::Medium => MEDIUM_AT_MOST,
        Level::Low => LOW_AT_MOST,
    };
    let number = (code.number.min(at_most) - STRUCK_COSTS * struck as f64).max(0.0);
    let number = (number * 100.0).round() / 100.0;
    let by_number = match number {
        0.75.. => Level::High,
        0.5.. => Level::Medium,
        _ => Level::Low,
    };
    let known: Vec<String> = code.reasons.iter().map(|reason| reason.text.to_lowercase()).collect();
    let new = reasons.into_iter().filter(|reason| !known.contains(&reason.text.to_lowercase()));
    let reasons = code.reasons.iter().cloned().chain(new).collect();
    Confidence { level: code.level.min(by_number).min(said), number, reasons }
}

/// The proposed actions the model chose by id, in safety order; all of them where it chose none that exists. A rollback stays in any case:
/// the model may not talk the engineer out of the safest step.
fn chosen(ids: &[String], state: &State) -> Vec<ProposedAction> {
    let proposed = state.best_diagnosis().map(|diagnosis| diagnosis.actions.as_slice()).unwrap_or_default();
    let wanted: Vec<String> = ids.iter().map(|id| id.trim().to_lowercase()).collect();
    let safest = proposed.iter().map(|p| p.action.safety()).min();
    let is_wanted = |i: usize| wanted.contains(&format!("a{}", i + 1));
    if !(0..proposed.len()).any(is_wanted) {
        return proposed.to_vec();
    }
    let mut kept: Vec<(usize, ProposedAction)> = proposed
        .iter()
        .cloned()
        .enumerate()
        .filter(|(i, p)| is_wanted(*i) || Some(p.action.safety()) == safest)
        .map(|(i, p)| (wanted.iter().position(|id| *id == format!("a{}", i + 1)).unwrap_or(i), p))
        .collect();
    kept.sort_by_key(|(position, p)| (p.action.safety(), *position));
    kept.into_iter().map(|(_, p)| p).collect()
}

/// Plain words only: a suggestion that looks like a command or holds a link is dropped.
fn suggestions(given: Vec<String>) -> Vec<String> {
    given
        .into_iter()
        .map(|text| size::cut(&clean(&text), 300))
        .filter(|text| !text.is_empty() && plain::unfit(text).is_none())
        .take(SUGGESTIONS)
        .collect()
}

/// Keeps the byte budget ([`size::ANALYSIS`]): struck claims go first, then suggestions, then reasons.
fn fit(mut analysis: Analysis) -> Analysis {
    while size::of(&analysis) > size::ANALYSIS - 1_024 {
        let dropped = analysis.struck.pop().is_some()
            || analysis.suggestions.pop().is_some()
            || analysis.confidence.reasons.pop().is_some()
            || analysis.actions.pop().is_some()
            || analysis.root_cause.pop().is_some();
        if !dropped {
            break;
        }
    }
    analysis
}
