//! A post-mortem drafted from what was seen: facts and times are there already, and a person adds what only people know.

use incident::State;
use ledger::{FeedbackKind, Record};

/// Characters of a line.
const LINE: usize = 300;

/// The name under which it is kept and found: the day and the execution.
pub fn id(record: &Record) -> String {
    let day = record.opened.map(|at| at.strftime("%Y-%m-%d").to_string()).unwrap_or_default();
    let execution = record.execution.as_deref().unwrap_or("unknown");
    let tail: String = execution.chars().rev().take(6).collect::<Vec<_>>().into_iter().rev().collect();
    format!("INC-{day}-{tail}")
}

/// The same, of a draft that was made.
pub fn id_of(draft: &str) -> Option<&str> {
    draft.lines().find_map(|line| line.strip_prefix("id: "))
}

/// The Markdown, with the front matter by which the knowledge base tells a post-mortem from a page.
pub fn draft(record: &Record, state: &State) -> String {
    let line = |text: &str| incident::size::cut(&incident::redact::visible(text), LINE);
    let diagnosis = state.best_diagnosis();
    let mut out = String::new();
    let mut say = |text: &str| {
        out.push_str(text);
        out.push('\n');
    };
    let quoted = |text: &str| serde_json::to_string(text).unwrap_or_default();
    say("---");
    say(&format!("id: {}", id(record)));
    say(&format!("title: {}", quoted(&line(&record.title))));
    if let Some(closed) = record.closed() {
        say(&format!("modified: {}", closed.strftime("%Y-%m-%d")));
    }
    say(&format!("services: {}", serde_json::to_string(&state.subject.services).unwrap_or_default()));
    say("---");
    say(&format!("# {}: {}\n", id(record), line(&record.title)));
    if let (Some(opened), Some(closed), Some(lasted)) = (record.opened, record.closed(), record.lasted()) {
        let (from, to) = (opened.strftime("%Y-%m-%d %H:%M"), closed.strftime("%H:%M"));
        say(&format!("Alerted {from} UTC, recovered {to} UTC after {} minutes.\n", lasted.as_mins()));
    }
    say("## Root cause\n");
    for claim in diagnosis.into_iter().flat_map(|diagnosis| &diagnosis.root_cause) {
        say(&format!("- {}", line(&claim.text)));
    }
    for told in record.feedback.iter().filter(|told| told.kind == FeedbackKind::Wrong) {
        say(&format!(
            "- Corrected by a person: {}",
            line(told.cause.as_deref().unwrap_or("no cause was given"))
        ));
    }
    say("\n## Timeline\n");
    for moment in diagnosis.into_iter().flat_map(|diagnosis| &diagnosis.timeline) {
        say(&format!("- {} {}", moment.at.strftime("%H:%M"), line(&moment.text)));
    }
    if let Some(closed) = record.closed() {
        say(&format!("- {} the monitor recovered", closed.strftime("%H:%M")));
    }
    say("\n## Recommended at the time\n");
    for action in diagnosis.into_iter().flat_map(|diagnosis| &diagnosis.actions) {
        say(&format!("- {}", line(&action.reason)));
    }
    say("\n## Ruled out\n");
    for out in diagnosis.into_iter().flat_map(|diagnosis| &diagnosis.ruled_out) {
        say(&format!("- {}: {}", out.object, line(&out.reason)));
    }
    out
}
