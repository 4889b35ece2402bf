//! What a brief says, in order, before anybody decides how it looks: sections of lines, built from the state document.

use incident::brief::Stage;
use incident::redact::{redact, visible};
use incident::{Catalog, Gap, State, Subject, Transition};

use crate::{footer, live, metric, sections, time};

/// A whole brief.
#[derive(Debug, Clone, PartialEq)]
pub struct Content {
    /// One line with its emoji; also the notification text.
    pub headline: String,
    /// Since when.
    pub intro: String,
    /// The monitor's page, where the alert names one on Datadog.
    pub link: Option<String>,
    /// In the order they are printed.
    pub sections: Vec<Section>,
    /// Times taken, the model, what was struck out.
    pub footer: String,
}

/// A heading and its lines.
#[derive(Debug, Clone, PartialEq)]
pub struct Section {
    /// With its emoji.
    pub heading: String,
    /// Never empty.
    pub lines: Vec<Line>,
    /// True for what is cut first when a message must be short.
    pub detail: bool,
}

/// How a line begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// A sentence on its own.
    Plain,
    /// `•`.
    Bullet,
    /// `1.`.
    Number(usize),
    /// `✓`.
    For,
    /// `✗`.
    Against,
}

/// What stands below a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// A remark after an arrow.
    Remark(String),
    /// A command to copy, rendered by [`incident::Action::command`]: never wrapped, never cut.
    Command(String),
}

/// One line: its text is redacted and free of anything a reader cannot see.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// How it begins.
    pub mark: Mark,
    /// One sentence, or figures joined by bars.
    pub text: String,
    /// Evidence and passage ids it rests on.
    pub cites: Vec<String>,
    /// Below it.
    pub notes: Vec<Note>,
}

impl Line {
    /// A line of that text.
    pub fn new(mark: Mark, text: impl AsRef<str>) -> Self {
        Self { mark, text: clean(text.as_ref()), cites: Vec::new(), notes: Vec::new() }
    }

    /// The same, resting on those ids.
    pub fn citing<'a>(mut self, ids: impl IntoIterator<Item = &'a String>) -> Self {
        for id in ids.into_iter().map(|id| clean(id)) {
            if !self.cites.contains(&id) {
                self.cites.push(id);
            }
        }
        self
    }

    /// The same with a remark below; an empty one is none.
    pub fn remark(mut self, text: impl AsRef<str>) -> Self {
        let text = clean(text.as_ref());
        if !text.is_empty() {
            self.notes.push(Note::Remark(text));
        }
        self
    }

    /// The same with a command below.
    pub fn command(mut self, command: String) -> Self {
        self.notes.push(Note::Command(command));
        self
    }
}

/// Every text of a brief passes here: secrets masked, control and invisible characters gone, one line.
fn clean(text: &str) -> String {
    visible(&redact(text))
}

impl Content {
    /// The content of one appearance. `unreadable` are the parts of the document that could not be read.
    pub fn new(stage: Stage, state: &State, unreadable: &[Gap]) -> Self {
        let sections = match stage {
            // News are told from the ledger and not from a document.
            Stage::Announce | Stage::News => vec![sections::investigating(state)],
            Stage::Alone | Stage::Waited => alone(stage, state, unreadable),
            Stage::Draft | Stage::Final => full(state, unreadable),
        };
        Self {
            headline: headline(stage, state),
            intro: intro(state),
            link: state.alert.link.as_deref().filter(|link| is_datadog(link)).map(str::to_owned),
            sections,
            footer: if stage == Stage::Announce { String::new() } else { footer::text(stage, state) },
        }
    }
}

fn full(state: &State, unreadable: &[Gap]) -> Vec<Section> {
    [
        Some(live::section(state)),
        Some(sections::root_cause(state)),
        sections::knowledge(state),
        sections::actions(state),
        sections::confidence(state),
        sections::ruled_out(state),
        Some(sections::not_seen(state, unreadable)),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// When the workflow failed there may be nothing but the alert; whatever did arrive is shown all the same.
fn alone(stage: Stage, state: &State, unreadable: &[Gap]) -> Vec<Section> {
    let (heading, why) = if stage == Stage::Waited {
        (
            "⏳ NOT INVESTIGATED",
            "This alert waited until others' investigations were done, for too long. Nobody looked into it.",
        )
    } else {
        ("⚠️ THE INVESTIGATION FAILED", "The investigation of this alert did not finish.")
    };
    let text = format!("{why} What is below is all that is known; start from the monitor and the runbook.");
    let failed =
        Section { heading: heading.to_owned(), lines: vec![Line::new(Mark::Plain, text)], detail: false };
    let rest = if state.best_diagnosis().is_some() {
        full(state, unreadable)
    } else if state.evidence.is_empty() {
        vec![sections::not_seen(state, unreadable)]
    } else {
        vec![live::section(state), sections::not_seen(state, unreadable)]
    };
    std::iter::once(failed).chain(rest).collect()
}

fn headline(stage: Stage, state: &State) -> String {
    let alert = &state.alert;
    let (emoji, word) = match (alert.transition, stage) {
        (Transition::Recovered, _) => ("🟢", "RECOVERED"),
        (Transition::Warn | Transition::ReWarn, Stage::Announce) => ("🟠", "INVESTIGATING"),
        (Transition::NoData | Transition::ReNoData, Stage::Announce) => ("⚪", "INVESTIGATING"),
        (_, Stage::Announce) => ("🔴", "INVESTIGATING"),
        (Transition::Warn | Transition::ReWarn, _) => ("🟠", "WARNING"),
        (Transition::NoData | Transition::ReNoData, _) => ("⚪", "NO DATA"),
        _ => ("🔴", "INCIDENT"),
    };
    let what = match (about(state), &alert.metric, alert.value) {
        (Some(object), Some(name), Some(value)) => {
            let (label, unit, _) = metric::describe(name, "");
            let threshold = alert.threshold.map(|t| format!(" (threshold {})", metric::value(t, unit)));
            format!("{object}: {label} {}{}", metric::value(value, unit), threshold.unwrap_or_default())
        }
        _ => alert.title.clone(),
    };
    incident::size::cut(&format!("{emoji} {word} — {}", clean(&what)), 150)
}

/// The name of what the alert is about, when it is about one thing.
fn about(state: &State) -> Option<String> {
    // The alert alone still names its object in its tags.
    let resolved = Subject::resolve(&state.alert, &Catalog::default());
    let subject = if state.subject == Subject::default() { &resolved } else { &state.subject };
    let named = [&subject.databases, &subject.hosts, &subject.target_groups, &subject.load_balancers];
    let alerts_own = |name: &&String| {
        let alert = &state.alert;
        alert.tags.iter().chain(&alert.scope).any(|tag| tag.ends_with(name.as_str()))
    };
    named
        .into_iter()
        .flatten()
        .find(alerts_own)
        .or_else(|| subject.pods.first().map(|pod| &pod.name))
        .or_else(|| subject.workloads.first().map(|workload| &workload.name))
        .or(subject.services.first())
        .or(subject.zone.as_ref())
        .cloned()
}

fn intro(state: &State) -> String {
    let (alert, now) = (&state.alert, state.as_of);
    let mut text = format!(
        "{} {} · {} ago",
        capitalised(alert.transition.word()),
        time::clock(alert.at, now),
        time::span(now.duration_since(alert.at).as_secs())
    );
    if let Some(onset) = state.best_diagnosis().and_then(|d| d.onset.as_ref()) {
        text.push_str(&format!(" (onset {})", time::hour_minute(onset.at)));
    }
    for (name, value) in [("env", &state.subject.env), ("priority", &alert.priority)] {
        if let Some(value) = value {
            text.push_str(&format!(" · {name} {}", clean(value)));
        }
    }
    text
}

fn capitalised(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

/// Only Datadog's own pages are linked: the alert's text is written by others.
fn is_datadog(link: &str) -> bool {
    let Some((host, path)) = link.strip_prefix("https://").and_then(|rest| rest.split_once('/')) else {
        return false;
    };
    let ours = ["datadoghq.com", "datadoghq.eu", "ddog-gov.com"];
    ours.into_iter().any(|ours| host == ours || host.strip_suffix(ours).is_some_and(|sub| sub.ends_with('.')))
        && host.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-'))
        && path.chars().all(|c| c.is_ascii_graphic() && !matches!(c, '<' | '>' | '|' | '"' | '`'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_datadogs_pages_are_linked() {
        assert!(is_datadog("https://app.datadoghq.com/event/event?id=1"));
        for link in [
            "http://app.datadoghq.com/x",
            "https://evildatadoghq.com/x",
            "https://datadoghq.com.evil.example/x",
            "https://app.datadoghq.com/x|click>",
            "https://evil@app.datadoghq.com/x",
        ] {
            assert!(!is_datadog(link), "{link}");
        }
    }

    #[test]
    fn a_line_holds_no_secret_and_nothing_unseen() {
        let line = Line::new(Mark::Bullet, "pod\u{1b}[2J said\npassword=hunter22 \u{202e}x");
        assert_eq!(line.text, "pod[2J said password=[redacted] x");
    }
}
