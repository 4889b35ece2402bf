//! `sitrep compare`: what knowledge and a model add, over every scenario of a folder, as a Markdown table.

use std::path::{Path, PathBuf};

use incident::analysis::Outcome;
use incident::{Level, State, Verdict};
use platform::Scenario;
use serde_json::Value;

use super::print;
use crate::Stop;
use crate::cli::Compare;
use crate::simulate::Simulation;
use crate::workflow::{Request, investigate};

/// Investigates every scenario four times, with and without knowledge, with and without its scripted model.
pub async fn run(options: &Compare) -> Result<(), Stop> {
    let mut lines = vec![
        "| scenario | knowledge | leading cause | confidence | actions | fits | with the model |".to_owned(),
        "|---|---|---|---|---|---|---|".to_owned(),
    ];
    for folder in folders(&options.scenarios)? {
        let scenario = Scenario::load(&folder).map_err(|error| Stop::Usage(error.to_string()))?;
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        eprintln!("  {name}");
        let has_knowledge = scenario.knowledge().is_some();
        let has_model = scenario.files().contains_key("anthropic.yaml");
        for knowledge in [false, true].into_iter().filter(|with| !with || has_knowledge) {
            let alone = state_of(&scenario, knowledge, false).await?;
            let model = if has_model { Some(state_of(&scenario, knowledge, true).await?) } else { None };
            lines.push(row(&name, knowledge, &alone, model.as_ref()));
        }
    }
    print(&lines.join("\n"))
}

/// The folders that hold a scenario, by name.
fn folders(root: &Path) -> Result<Vec<PathBuf>, Stop> {
    let entries = std::fs::read_dir(root)
        .map_err(|error| Stop::Usage(format!("{} cannot be read: {error}", root.display())))?;
    let mut folders: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.join("scenario.yaml").is_file())
        .collect();
    folders.sort();
    if folders.is_empty() {
        return Err(Stop::Usage(format!("{} holds no folder with a scenario.yaml", root.display())));
    }
    Ok(folders)
}

async fn state_of(scenario: &Scenario, knowledge: bool, model: bool) -> Result<State, Stop> {
    let mut files = scenario.files().clone();
    if !knowledge && let Some(Value::Object(about)) = files.get_mut("scenario.yaml") {
        about.remove("knowledge");
    }
    if !model {
        files.remove("anthropic.yaml");
    }
    let scenario = Scenario::from_files(files).map_err(|error| Stop::Usage(error.to_string()))?;
    let (alert, as_of) = (scenario.alert().to_string(), scenario.moment().as_of);
    let simulation = Simulation::start(scenario).await?;
    let request = Request {
        alert: &alert,
        as_of: Some(as_of),
        settings: &simulation.settings,
        invoke: None,
        observe: &|_| (),
    };
    let ended = investigate(request).await?;
    serde_json::from_value(ended.document)
        .map_err(|error| Stop::Failed(format!("the final document is not a state document: {error}")))
}

fn row(name: &str, knowledge: bool, alone: &State, model: Option<&State>) -> String {
    let Some(diagnosis) = alone.best_diagnosis() else {
        return format!("| {name} | {} | not diagnosed | | | | |", word(knowledge));
    };
    let leading: Vec<String> =
        diagnosis.leading().map(|lead| format!("{} of {}", lead.cause.title(), lead.culprit.name)).collect();
    let cause = match &diagnosis.verdict {
        Verdict::Causes { .. } => leading.join(" and "),
        Verdict::Healthy { .. } => "nothing is wrong".to_owned(),
        Verdict::Inconclusive { .. } => "inconclusive".to_owned(),
    };
    let confidence = match leading.is_empty() {
        true => "–".to_owned(),
        false => told(diagnosis.confidence.level, diagnosis.confidence.number),
    };
    format!(
        "| {name} | {} | {cause} | {confidence} | {} | {} | {} |",
        word(knowledge),
        diagnosis.actions.len(),
        diagnosis.matches.len(),
        model.map_or("none is scripted".to_owned(), heard)
    )
}

/// What the model's part came to.
fn heard(state: &State) -> String {
    let Some(analysis) = &state.analysis else { return "not asked".to_owned() };
    let outcome = match analysis.outcome {
        Outcome::Answered => "answered",
        Outcome::Inconclusive => "inconclusive",
        Outcome::NotConfigured => "not configured",
        Outcome::Unavailable => "unavailable",
        Outcome::Refused => "refused",
        Outcome::Rejected => "rejected",
    };
    format!(
        "{outcome}, {}, {} claims stand, {} struck",
        told(analysis.confidence.level, analysis.confidence.number),
        analysis.root_cause.len(),
        analysis.struck.len()
    )
}

fn told(level: Level, number: f64) -> String {
    format!("{} {number:.2}", level.word())
}

fn word(with: bool) -> &'static str {
    if with { "with" } else { "without" }
}
