//! The sections of a brief after LIVE STATE, each from one part of the state document.

use std::collections::BTreeSet;

use incident::analysis::Outcome;
use incident::diagnosis::{Match, MatchKind, RuledOut};
use incident::{
    Analysis, Claim, Confidence, Diagnosis, Finding, Gap, Passage, ProposedAction, Source, State, Verdict,
};

use crate::aws::short;
use crate::content::{Line, Mark, Section};
use crate::gaps::{self, gap_text};
use crate::time;

/// What an announcement says below its headline.
pub fn investigating(state: &State) -> Section {
    let names: Vec<&str> = Source::COLLECTED.iter().map(|source| source.title()).collect();
    let mut lines = vec![Line::new(
        Mark::Plain,
        format!(
            "Reading {} and the knowledge base. This message is replaced by the brief.",
            names.join(", ")
        ),
    )];
    if let Some(status) = state.alert.status.as_ref().filter(|status| !status.is_empty()) {
        lines.push(Line::new(Mark::Bullet, status));
    }
    if let Some(query) = &state.alert.query {
        lines.push(Line::new(Mark::Bullet, format!("Monitor query: {query}")));
    }
    Section { heading: "🔎 INVESTIGATING".to_owned(), lines, detail: false }
}

/// ROOT CAUSE: the model's claims where they stand, else the code's, else why there is none.
pub fn root_cause(state: &State) -> Section {
    let Some(diagnosis) = state.best_diagnosis() else {
        return section(
            "🔍 ROOT CAUSE — NOT KNOWN",
            vec![Line::new(
                Mark::Plain,
                "The evidence was not diagnosed: read LIVE STATE and the gaps below.",
            )],
        );
    };
    let lines = match (&diagnosis.verdict, answered(state)) {
        (_, Some(analysis)) => claims(&analysis.root_cause),
        (Verdict::Causes { .. }, None) if diagnosis.root_cause.is_empty() => hypotheses(diagnosis),
        (Verdict::Causes { .. }, None) => claims(&diagnosis.root_cause),
        (Verdict::Healthy { reason } | Verdict::Inconclusive { reason }, None) => {
            std::iter::once(Line::new(Mark::Plain, reason)).chain(hypotheses(diagnosis)).collect()
        }
    };
    let doubted = state.analysis.as_ref().is_some_and(|analysis| analysis.outcome == Outcome::Inconclusive);
    let doubt = doubted.then(|| {
        Line::new(
            Mark::Plain,
            "The model read the same evidence and found it inconclusive: treat the above as a lead.",
        )
    });
    let confidence = best_confidence(state, diagnosis);
    let heading = match diagnosis.verdict {
        Verdict::Causes { .. } => {
            let causes = match diagnosis.leading().count() {
                0 | 1 => "ROOT CAUSE".to_owned(),
                n => format!("ROOT CAUSE ({n} INDEPENDENT FAULTS)"),
            };
            format!("🔍 {causes} — {} ({:.2})", confidence.level.word(), confidence.number)
        }
        Verdict::Healthy { .. } => "🔍 ROOT CAUSE — NOTHING IS WRONG NOW".to_owned(),
        Verdict::Inconclusive { .. } => "🔍 ROOT CAUSE — INCONCLUSIVE".to_owned(),
    };
    section(&heading, lines.into_iter().chain(doubt).collect())
}

/// The analysis, where it answered and something of it stands.
fn answered(state: &State) -> Option<&Analysis> {
    state.analysis.as_ref().filter(|a| a.outcome == Outcome::Answered && !a.root_cause.is_empty())
}

/// The model may lower the code's confidence; a model that did not speak changes nothing.
pub(crate) fn best_confidence<'a>(state: &'a State, diagnosis: &'a Diagnosis) -> &'a Confidence {
    match &state.analysis {
        Some(analysis)
            if matches!(analysis.outcome, Outcome::Answered | Outcome::Inconclusive)
                && analysis.confidence.number <= diagnosis.confidence.number =>
        {
            &analysis.confidence
        }
        _ => &diagnosis.confidence,
    }
}

fn claims(claims: &[Claim]) -> Vec<Line> {
    claims.iter().map(|c| Line::new(Mark::Plain, &c.text).citing(&c.evidence).citing(&c.passages)).collect()
}

/// The leading hypotheses, or the ranked ones when none leads, as a line each.
fn hypotheses(diagnosis: &Diagnosis) -> Vec<Line> {
    let leading: Vec<_> = diagnosis.leading().collect();
    let shown = if leading.is_empty() { diagnosis.hypotheses.iter().take(3).collect() } else { leading };
    shown
        .into_iter()
        .map(|h| {
            let text = format!("{} of {} ({:.2})", capital(h.cause.title()), h.culprit.name, h.confidence);
            let ids: BTreeSet<&String> =
                h.features.iter().filter(|f| f.supports).flat_map(|f| &f.evidence).collect();
            Line::new(Mark::Bullet, text).citing(ids)
        })
        .collect()
}

/// KNOWLEDGE BASE MATCH, in the order runbook, incident, Terraform, source. `None` before anything was retrieved.
pub fn knowledge(state: &State) -> Option<Section> {
    let knowledge = state.knowledge.as_ref()?;
    let mut matches: Vec<(&Match, &Passage)> = state
        .best_diagnosis()
        .iter()
        .flat_map(|diagnosis| &diagnosis.matches)
        .filter_map(|found| Some((found, state.passage(&found.passage)?)))
        .collect();
    matches.sort_by_key(|(found, _)| found.kind);
    let mut lines: Vec<Line> =
        matches.into_iter().map(|(found, passage)| match_line(state, found, passage)).collect();
    if lines.is_empty() {
        let text = match (knowledge.passages.len(), knowledge.gaps.is_empty()) {
            (0, true) => "The knowledge base holds nothing for this incident.".to_owned(),
            (0, false) => "The knowledge base could not be consulted: see NOT SEEN.".to_owned(),
            (n, _) => format!("Nothing that was retrieved fits this incident (passages read: {n})."),
        };
        lines.push(Line::new(Mark::Plain, text));
    }
    Some(section("📚 KNOWLEDGE BASE MATCH", lines))
}

fn match_line(state: &State, found: &Match, passage: &Passage) -> Line {
    let place = match (&found.place, passage.start_line) {
        (Some(place), _) => place.clone(),
        (None, Some(line)) => format!("{}:{line}", passage.source),
        (None, None) => passage.source.clone(),
    };
    // Where the place is stated and no symbol is, the passage is not the one that holds the line.
    let placed = found.kind == MatchKind::Source && found.place.is_some();
    let section = passage.section.as_deref().filter(|_| !placed);
    let reference = found.reference.as_deref().or(section);
    let with = |text: &str, reference: Option<&str>| match reference {
        Some(reference) => format!("{text} — {reference}"),
        None => text.to_owned(),
    };
    let what = match found.kind {
        MatchKind::Runbook => format!("Runbook: “{}”", passage.title),
        MatchKind::PastIncident => match &found.reference {
            Some(id) if !passage.title.contains(id.as_str()) => {
                format!("Past incident: {id}: {}", passage.title)
            }
            _ => format!("Past incident: {}", passage.title),
        },
        MatchKind::Terraform => format!("Terraform: {}", with(&place, reference)),
        MatchKind::Source => format!("Source: {}", with(&place, reference)),
        MatchKind::Calendar => format!("Calendar: {}", with(&passage.title, found.reference.as_deref())),
        MatchKind::Schema => format!("Catalog: {}", with(&passage.title, found.reference.as_deref())),
    };
    let age = passage.modified.map(|m| format!(", {}", time::age(m, state.as_of))).unwrap_or_default();
    Line::new(Mark::Bullet, format!("{what} (relevance {:.2}{age})", passage.relevance))
        .citing([&passage.id])
        .remark(capital_word(&found.says))
}

/// RECOMMENDED ACTIONS in safety order; the model's where it answered. `None` when all is well and there is nothing to recommend.
pub fn actions(state: &State) -> Option<Section> {
    let analysis = answered(state);
    let proposed: &[ProposedAction] = match (analysis, state.best_diagnosis()) {
        (Some(analysis), _) if !analysis.actions.is_empty() => &analysis.actions,
        (_, Some(diagnosis)) => &diagnosis.actions,
        (_, None) => &[],
    };
    let mut proposed: Vec<&ProposedAction> = proposed.iter().collect();
    proposed.sort_by_key(|p| p.action.safety());
    let mut lines: Vec<Line> = proposed.into_iter().enumerate().map(|(i, p)| action_line(i + 1, p)).collect();
    let suggestions = analysis.iter().flat_map(|analysis| &analysis.suggestions);
    lines.extend(
        suggestions
            .map(|text| Line::new(Mark::Bullet, format!("Suggested by the model, not checked: {text}"))),
    );
    let lines = or_none(state, lines)?;
    Some(section("💡 RECOMMENDED ACTIONS", lines))
}

fn action_line(number: usize, proposed: &ProposedAction) -> Line {
    let line = Line::new(Mark::Number(number), proposed.action.title());
    let line = match proposed.action.command() {
        Some(command) => line.command(command),
        None => line,
    };
    line.citing(&proposed.evidence).citing(&proposed.passages).remark(&proposed.reason)
}

/// CONFIDENCE BREAKDOWN: what speaks for and against. `None` without a diagnosis.
pub fn confidence(state: &State) -> Option<Section> {
    let confidence = best_confidence(state, state.best_diagnosis()?);
    let lines: Vec<Line> = confidence
        .reasons
        .iter()
        .map(|reason| {
            let mark = if reason.supports { Mark::For } else { Mark::Against };
            Line::new(mark, &reason.text).citing(&reason.evidence).citing(&reason.passages)
        })
        .collect();
    (!lines.is_empty()).then(|| detail("📋 CONFIDENCE BREAKDOWN", lines))
}

/// RULED OUT: causes and changes that were examined, each with the reason. `None` when all is well and there were none.
pub fn ruled_out(state: &State) -> Option<Section> {
    let line = |out: &RuledOut| {
        let suspect = match out.cause {
            Some(cause) => format!("{} ({})", capital(cause.title()), short(&out.object.name)),
            None => out.object.name.clone(),
        };
        // A reason that begins with its suspect needs no second naming of it.
        let text = if out.reason.starts_with(&suspect) {
            out.reason.clone()
        } else {
            format!("{suspect}: {}", out.reason)
        };
        Line::new(Mark::Bullet, text).citing(&out.evidence)
    };
    let lines: Vec<Line> = state.best_diagnosis()?.ruled_out.iter().map(line).collect();
    Some(detail("🚫 RULED OUT", or_none(state, lines)?))
}

/// The lines; where there are none and something is or may be wrong, a line that says so: an absence must be seen.
fn or_none(state: &State, lines: Vec<Line>) -> Option<Vec<Line>> {
    if !lines.is_empty() {
        return Some(lines);
    }
    let healthy = matches!(state.best_diagnosis()?.verdict, Verdict::Healthy { .. });
    (!healthy).then(|| vec![Line::new(Mark::Plain, "None.")])
}

/// NOT SEEN: every gap once, and what a source that is missing whole would have told.
pub fn not_seen(state: &State, unreadable: &[Gap]) -> Section {
    let sources = Source::COLLECTED.into_iter().flat_map(|source| source_gaps(state, source));
    let steps = [
        (state.best_diagnosis().is_none(), "The evidence was not diagnosed."),
        (state.knowledge.is_none(), "The knowledge base was not consulted."),
    ];
    let steps = steps.into_iter().filter(|(missing, _)| *missing).map(|(_, text)| text.to_owned());
    let knowledge = state.knowledge.iter().flat_map(|knowledge| &knowledge.gaps);
    let analysis = state.analysis.iter().flat_map(|analysis| &analysis.gaps);
    let announced = state.announcement.iter().filter_map(|announcement| announcement.gap.as_ref());
    let later = knowledge.chain(analysis).chain(announced).map(gap_text);
    let mut seen = BTreeSet::new();
    let mut lines: Vec<Line> = unreadable
        .iter()
        .map(gap_text)
        .chain(sources)
        .chain(steps)
        .chain(later)
        .filter(|text| seen.insert(text.clone()))
        .map(|text| Line::new(Mark::Bullet, text))
        .collect();
    if lines.is_empty() {
        lines.push(Line::new(Mark::Plain, "Nothing: every source answered."));
    }
    detail("👁 NOT SEEN", lines)
}

/// The gaps of one source; the first says what the source would have told, where all of it is missing.
fn source_gaps(state: &State, source: Source) -> Vec<String> {
    let missing = state.best_diagnosis().into_iter().flat_map(|diagnosis| &diagnosis.missing);
    let missing = missing.filter(|m| m.what == source.title()).map(|m| m.would_tell.as_str()).next();
    let evidence = state.evidence.iter().find(|evidence| evidence.source == source);
    let mut gaps: Vec<String> = match evidence {
        Some(evidence) => gaps::told(source, &evidence.gaps),
        None => vec![format!("{source} was not asked, or its answer was lost.")],
    };
    if let Some(tells) = missing {
        match gaps.first_mut() {
            Some(first) => first.push_str(&format!(" It would tell {tells}.")),
            None => gaps.push(format!("{source} was not read. It would tell {tells}.")),
        }
    }
    gaps
}

/// `2 min before the onset` of a change; `None` when no onset is known, or the diagnosis cannot tell which came first.
pub fn offset(state: &State, finding: &Finding) -> Option<String> {
    let diagnosis = state.best_diagnosis().filter(|diagnosis| diagnosis.onset.is_some())?;
    let seconds = diagnosis.timeline.iter().find(|moment| moment.evidence.contains(&finding.id))?.offset_s?;
    Some(match seconds {
        ..0 => format!("{} before the onset", time::span(seconds)),
        0 => "at the onset".to_owned(),
        _ => format!("{} after the onset", time::span(seconds)),
    })
}

fn section(heading: &str, lines: Vec<Line>) -> Section {
    Section { heading: heading.to_owned(), lines, detail: false }
}

fn detail(heading: &str, lines: Vec<Line>) -> Section {
    Section { heading: heading.to_owned(), lines, detail: true }
}

/// The same where the text begins with a word; a name keeps its spelling.
fn capital_word(text: &str) -> String {
    let name = text.split(' ').next().is_some_and(|word| !word.chars().all(char::is_alphabetic));
    if name { text.to_owned() } else { capital(text) }
}

fn capital(text: &str) -> String {
    // `HTTP DDoS` and `DNS failure` stay as they are.
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}
