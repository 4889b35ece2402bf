//! What to ask: several short questions from one diagnosis find more than one long one.

use incident::diagnosis::MomentKind;
use incident::fact::CodeChange;
use incident::{Corpus, Diagnosis, Fact, Hypothesis, State, redact, size};
use knowledge::Question;

use crate::names;

/// Hypotheses that are asked about.
const CAUSES: usize = 3;
/// Symptoms of the timeline that go into a question.
const SYMPTOMS: usize = 5;
/// Characters of the monitor's message that go into a question.
const MESSAGE: usize = 240;

/// The questions of an incident: the alert, the likely causes, the symptoms, the exact identifiers, the metrics schema, the
/// calendar.
pub(crate) fn of(state: &State) -> Vec<Question> {
    let mut questions = vec![alert(state)];
    if let Some(diagnosis) = &state.diagnosis {
        questions.extend(causes(diagnosis).into_iter().map(|hypothesis| cause(state, hypothesis)));
    }
    questions.extend(symptoms(state));
    questions.extend(identifiers(state));
    questions.extend(schema(state));
    questions.push(calendar(state));
    for question in &mut questions {
        question.text = redact::redact(&question.text).into_owned();
    }
    questions
}

/// The question that a code change raises: the tables, functions and files it touches, where nobody asked for them yet.
pub(crate) fn of_change(change: &CodeChange, asked: &[Question]) -> Option<Question> {
    let mut exact: Vec<String> = Vec::new();
    for hunk in &change.hunks {
        let file = hunk.path.rsplit('/').next().unwrap_or(&hunk.path);
        let found = names::tables(&hunk.text).into_iter().chain(names::functions(&hunk.text));
        for name in found.chain([file.to_owned()]) {
            if !exact.contains(&name) && !asked.iter().any(|question| question.exact.contains(&name)) {
                exact.push(name);
            }
        }
    }
    if exact.is_empty() {
        return None;
    }
    let subjects: Vec<&str> =
        change.commits.iter().rev().take(CAUSES).map(|commit| commit.subject.as_str()).collect();
    let text = format!("{} {}", subjects.join(" "), exact.join(" "));
    Some(Question { text: redact::redact(&text).into_owned(), exact, corpora: Vec::new() })
}

fn alert(state: &State) -> Question {
    let alert = &state.alert;
    let metric = alert.metric.clone().into_iter();
    let text = [
        alert.title.as_str(),
        alert.metric.as_deref().unwrap_or_default(),
        &size::cut(&alert.message, MESSAGE),
    ];
    Question {
        text: text.join(" "),
        exact: metric.chain(state.subject.databases.iter().cloned()).collect(),
        corpora: Vec::new(),
    }
}

/// The leading hypotheses, then others that are half as likely as the first.
fn causes(diagnosis: &Diagnosis) -> Vec<&Hypothesis> {
    let mut list: Vec<&Hypothesis> = diagnosis.leading().collect();
    let likely = list.first().map_or(0.0, |first| first.confidence / 2.0);
    for hypothesis in &diagnosis.hypotheses {
        if hypothesis.confidence >= likely && !list.iter().any(|known| known.id == hypothesis.id) {
            list.push(hypothesis);
        }
    }
    list.truncate(CAUSES);
    list
}

fn cause(state: &State, hypothesis: &Hypothesis) -> Question {
    let culprit = &hypothesis.culprit;
    let affected = state.subject.databases.iter().chain(&state.subject.services).take(2);
    let words: Vec<&str> = [hypothesis.cause.title(), culprit.name.as_str()]
        .into_iter()
        .chain(affected.map(String::as_str).filter(|name| *name != culprit.name))
        .collect();
    Question { text: words.join(" "), exact: vec![culprit.name.clone()], corpora: Vec::new() }
}

/// What went wrong in the words of the timeline.
fn symptoms(state: &State) -> Option<Question> {
    let timeline = state.diagnosis.iter().flat_map(|diagnosis| &diagnosis.timeline);
    let texts: Vec<&str> = timeline
        .filter(|moment| matches!(moment.kind, MomentKind::Symptom | MomentKind::Onset))
        .map(|moment| moment.text.as_str())
        .take(SYMPTOMS)
        .collect();
    (!texts.is_empty()).then(|| Question::new(texts.join(" ")))
}

fn identifiers(state: &State) -> Option<Question> {
    let exact = names::of(state);
    let log = state.findings().find_map(|finding| match &finding.fact {
        Fact::LogPattern(log) if log.status == "error" => Some(log.pattern.replace('*', " ")),
        _ => None,
    });
    let text = format!("{} {}", exact.join(" "), log.unwrap_or_default());
    (!exact.is_empty()).then_some(Question { text, exact, corpora: Vec::new() })
}

/// What the alert's metric and services mean: consulted always.
fn schema(state: &State) -> Option<Question> {
    let exact: Vec<String> =
        state.alert.metric.iter().chain(state.subject.services.iter().take(CAUSES)).cloned().collect();
    let text = format!("metric service meaning normal range {}", exact.join(" "));
    (!exact.is_empty()).then_some(Question { text, exact, corpora: vec![Corpus::Metrics] })
}

/// What was planned around the onset.
fn calendar(state: &State) -> Question {
    let onset = state.diagnosis.as_ref().and_then(|diagnosis| diagnosis.onset.as_ref());
    let at = onset.map_or(state.alert.at, |onset| onset.at).strftime("%H:00 UTC %A").to_string();
    Question {
        text: format!("event calendar schedule: recurring daily or weekly event, maintenance window at {at}"),
        exact: Vec::new(),
        corpora: vec![Corpus::Runbooks],
    }
}
