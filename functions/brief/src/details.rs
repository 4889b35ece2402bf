//! What the brief has no room for, rendered when it is posted and never stored: the timeline, the evidence as tables, what was ruled
//! out, the passages. Blocks within Slack's limits by construction, see [`crate::blocks`].

use incident::redact::{redact, visible};
use incident::{Evidence, State};
use serde_json::{Value, json};

use crate::blocks::{escape, fenced};
use crate::time;

/// Characters of one section.
const SECTION_CHARS: usize = 2_800;
/// Characters of one message.
const MESSAGE_CHARS: usize = 11_000;
/// Messages at most: at one a second, what a reader waits for.
const MESSAGES: usize = 3;
/// Characters of a table's line.
const LINE_CHARS: usize = 180;
/// Characters of a passage that are quoted.
const QUOTE_CHARS: usize = 600;

/// The blocks of each message.
pub fn render(state: &State) -> Vec<Vec<Value>> {
    let mut texts = Vec::new();
    table(&mut texts, "🕑 Timeline", &timeline(state));
    for evidence in &state.evidence {
        table(&mut texts, &format!("📊 Evidence: {}", evidence.source.title()), &rows(evidence));
    }
    table(&mut texts, "🚫 Ruled out", &ruled_out(state));
    passages(&mut texts, state);
    messages(texts)
}

fn timeline(state: &State) -> Vec<String> {
    let moments = state.best_diagnosis().into_iter().flat_map(|diagnosis| &diagnosis.timeline);
    let offset = |seconds: Option<i64>| match seconds {
        Some(seconds) if seconds < 0 => format!("-{}", time::span(seconds)),
        Some(seconds) => format!("+{}", time::span(seconds)),
        None => "?".to_owned(),
    };
    moments
        .map(|moment| {
            format!(
                "{} {:>8}  {} [{}]",
                time::hour_minute(moment.at),
                offset(moment.offset_s),
                moment.text,
                moment.evidence.join(", ")
            )
        })
        .collect()
}

fn rows(evidence: &Evidence) -> Vec<String> {
    let findings = evidence.findings.iter().map(|finding| {
        format!(
            "{:<14} {}  {}: {}",
            finding.id,
            time::hour_minute(finding.at),
            finding.object,
            finding.summary
        )
    });
    let gaps = evidence.gaps.iter().map(|gap| format!("{:<14} {}", "not seen", gap.sentence));
    findings.chain(gaps).collect()
}

fn ruled_out(state: &State) -> Vec<String> {
    let losers = state.best_diagnosis().into_iter().flat_map(|diagnosis| &diagnosis.ruled_out);
    losers
        .map(|out| {
            let cause = out.cause.map(|cause| format!("{} of ", cause.title())).unwrap_or_default();
            format!("{cause}{}: {} [{}]", out.object, out.reason, out.evidence.join(", "))
        })
        .collect()
}

/// Lines under a heading, monospaced, as many sections as they need.
fn table(texts: &mut Vec<String>, heading: &str, lines: &[String]) {
    let mut open = String::new();
    let mut first = true;
    let mut close = |open: &mut String| {
        let heading = if first { heading.to_owned() } else { format!("{heading} (continued)") };
        first = false;
        texts.push(format!("*{}*\n```{}```", escape(&heading), open.trim_end()));
        open.clear();
    };
    for line in lines {
        let line = fenced(&incident::size::cut(&visible(&redact(line)), LINE_CHARS));
        if length(&open) + length(&line) > SECTION_CHARS {
            close(&mut open);
        }
        open.push_str(&line);
        open.push('\n');
    }
    if !open.is_empty() {
        close(&mut open);
    }
}

fn passages(texts: &mut Vec<String>, state: &State) {
    for passage in state.knowledge.iter().flat_map(|knowledge| &knowledge.passages) {
        let place = match passage.start_line {
            Some(line) => format!("{}:{line}", passage.source),
            None => passage.source.clone(),
        };
        let modified =
            passage.modified.map(|at| format!(", {}", time::age(at, state.as_of))).unwrap_or_default();
        let head = format!(
            "📚 {} “{}” (relevance {:.2}{modified}) {place}",
            passage.id, passage.title, passage.relevance
        );
        let excerpt = incident::size::cut(&redact(&passage.excerpt), QUOTE_CHARS);
        let excerpt: Vec<String> = excerpt.lines().map(visible).collect();
        texts.push(format!(
            "*{}*\n```{}```",
            escape(&incident::size::cut(&visible(&redact(&head)), 300)),
            fenced(&excerpt.join("\n"))
        ));
    }
}

/// Sections shared out among messages; what does not fit is said.
fn messages(texts: Vec<String>) -> Vec<Vec<Value>> {
    let mut messages: Vec<Vec<Value>> = Vec::new();
    let (mut room, mut left) = (0, 0);
    for text in texts {
        if left > 0 || (length(&text) > room && messages.len() == MESSAGES) {
            left += 1;
            continue;
        }
        if length(&text) > room {
            messages.push(Vec::new());
            room = MESSAGE_CHARS;
        }
        room -= length(&text);
        if let Some(last) = messages.last_mut() {
            last.push(section(&text));
        }
    }
    if let (true, Some(last)) = (left > 0, messages.last_mut()) {
        last.push(section(&format!("… {} more in the execution's document", time::count(left, "section"))));
    }
    messages
}

fn section(text: &str) -> Value {
    json!({"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": true}})
}

fn length(text: &str) -> usize {
    text.chars().count()
}
