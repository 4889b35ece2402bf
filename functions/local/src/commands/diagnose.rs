//! `sitrep diagnose`: a state document to its diagnosis, without the workflow and without a network.

use std::path::Path;

use incident::{Diagnosis, State, Verdict};
use serde_json::Value;

use super::{measure, print, print_json, read_json};
use crate::Stop;
use crate::cli::Diagnose;

/// Diagnoses a state document; weighs it when it holds knowledge.
pub fn run(options: &Diagnose) -> Result<(), Stop> {
    if let Some(file) = &options.series {
        return measure::series(file, options.json);
    }
    if let Some(folder) = &options.reliability {
        return measure::reliability(folder.as_deref(), options.json);
    }
    let Some(path) = &options.state else { return Err(Stop::Usage("a state document is needed".to_owned())) };
    let state = state(path)?;
    let diagnosis =
        if state.knowledge.is_some() { diagnosis::weigh(&state) } else { diagnosis::diagnose(&state) };
    if options.json { print_json(&diagnosis) } else { print(&text(&diagnosis)) }
}

/// A state document, or the one that a case is about.
fn state(path: &Path) -> Result<State, Stop> {
    const WHAT: &str = "a state document (see `sitrep schema state`)";
    let document: Value = read_json(path, WHAT)?;
    if document.get("correction").is_none() {
        // Read again, for only then a fault has a line.
        return read_json(path, WHAT);
    }
    let state = document.get("state").cloned().unwrap_or_default();
    serde_json::from_value(state)
        .map_err(|error| Stop::Usage(format!("{} is a case without {WHAT}: {error}", path.display())))
}

fn text(diagnosis: &Diagnosis) -> String {
    let mut lines = Vec::new();
    match &diagnosis.verdict {
        Verdict::Causes { .. } => lines.extend(diagnosis.leading().map(|h| {
            format!("{} ({:.2}): {} — {}", h.level.word(), h.confidence, h.cause.title(), h.culprit)
        })),
        Verdict::Healthy { reason } => lines.push(format!("Healthy: {reason}")),
        Verdict::Inconclusive { reason } => lines.push(format!("Inconclusive: {reason}")),
    }
    lines.extend(
        diagnosis.root_cause.iter().map(|claim| format!("  {} [{}]", claim.text, claim.evidence.join(", "))),
    );
    section(&mut lines, "Timeline", diagnosis.timeline.iter().map(|m| format!("{} {}", m.at, m.text)));
    section(
        &mut lines,
        "Ruled out",
        diagnosis.ruled_out.iter().map(|r| format!("{}: {}", r.object, r.reason)),
    );
    section(&mut lines, "Missing", diagnosis.missing.iter().map(|m| format!("{}: {}", m.what, m.would_tell)));
    lines.join("\n")
}

fn section(lines: &mut Vec<String>, title: &str, entries: impl Iterator<Item = String>) {
    let entries: Vec<String> = entries.map(|entry| format!("  {entry}")).collect();
    if !entries.is_empty() {
        lines.push(title.to_owned());
        lines.extend(entries);
    }
}
