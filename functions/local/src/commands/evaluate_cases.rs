//! `sitrep evaluate-cases`: the diagnosis as it is now, on investigations whose real cause a person told.

use std::path::{Path, PathBuf};

use host::Settings;
use incident::{Cause, State};
use serde::Serialize;
use slack::Case;

use super::{print, print_json, read_json};
use crate::Stop;
use crate::cli::EvaluateCases;

/// One case, scored.
#[derive(Debug, Serialize)]
struct Scored {
    case: String,
    /// What a person told; a case without a name in the taxonomy is read and not scored.
    real: Option<Cause>,
    /// What the brief said then was right.
    then: bool,
    /// What leads now.
    now: Option<Cause>,
    /// Whether what leads now is what was told.
    right: Option<bool>,
}

/// All cases, and how many of those with a named cause are right: then and now.
#[derive(Debug, Serialize)]
struct Score {
    cases: Vec<Scored>,
    labelled: usize,
    right_then: usize,
    right_now: usize,
}

/// Scores a folder.
pub fn run(options: &EvaluateCases) -> Result<(), Stop> {
    let folder = options.cases.clone().or_else(own_folder);
    let folder = folder.ok_or_else(|| Stop::Usage("name the folder of cases".to_owned()))?;
    let entries = std::fs::read_dir(&folder)
        .map_err(|error| Stop::Usage(format!("{} cannot be read: {error}", folder.display())))?;
    let mut files: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|ending| ending == "json"))
        .collect();
    files.sort();
    if files.is_empty() {
        return Err(Stop::Usage(format!("{} holds no case", folder.display())));
    }
    let mut cases = Vec::new();
    for file in &files {
        match score(file) {
            Ok(case) => cases.push(case),
            // One file that somebody broke hides nothing of the others.
            Err(stop) => eprintln!("  ! {}", stop.message()),
        }
    }
    if cases.is_empty() {
        return Err(Stop::Usage(format!("none of the files in {} can be read", folder.display())));
    }
    let labelled = || cases.iter().filter(|case| case.right.is_some());
    let score = Score {
        labelled: labelled().count(),
        right_then: labelled().filter(|case| case.then).count(),
        right_now: labelled().filter(|case| case.right == Some(true)).count(),
        cases,
    };
    if options.json { print_json(&score) } else { print(&text(&score)) }
}

fn own_folder() -> Option<PathBuf> {
    Settings::from_process().home().map(|home| home.join("cases"))
}

fn score(path: &Path) -> Result<Scored, Stop> {
    let case: Case = read_json(path, "a case")?;
    let state: State = serde_json::from_value(case.state)
        .map_err(|error| Stop::Usage(format!("{} holds no state document: {error}", path.display())))?;
    let diagnosis =
        if state.knowledge.is_some() { diagnosis::weigh(&state) } else { diagnosis::diagnose(&state) };
    let now = diagnosis.leading().next().map(|leading| leading.cause);
    let real = case.correction.cause;
    let name = path.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let right = real.map(|real| now == Some(real));
    Ok(Scored { case: name, real, then: case.correction.correct, now, right })
}

fn text(score: &Score) -> String {
    let title = |cause: Option<Cause>| cause.map_or("-", Cause::title);
    let mut lines = vec![format!("{:<7} {:<32} {:<32} case", "now", "real cause", "leads now")];
    for case in &score.cases {
        let mark = match case.right {
            Some(true) => "right",
            Some(false) => "wrong",
            None => "-",
        };
        lines.push(format!("{mark:<7} {:<32} {:<32} {}", title(case.real), title(case.now), case.case));
    }
    lines.push(format!(
        "\n{} cases, {} with a named cause: {} were right then, {} are now.",
        score.cases.len(),
        score.labelled,
        score.right_then,
        score.right_now
    ));
    lines.join("\n")
}
