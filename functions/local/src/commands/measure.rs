//! `sitrep diagnose --series` and `--reliability`: the diagnosis measured on labelled data.

use std::collections::BTreeMap;
use std::path::Path;

use diagnosis::{Case, Truth, copies, rank_services};
use incident::State;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{print, print_json, read, read_json};
use crate::Stop;

/// A labelled incident of series.
#[derive(Deserialize)]
struct Incident {
    id: String,
    gold_service: String,
    inject_time: f64,
    #[serde(default)]
    target: Option<Target>,
    time: Vec<f64>,
    series: BTreeMap<String, Vec<Option<f64>>>,
}

/// What the alert is about.
#[derive(Deserialize)]
struct Target {
    node: String,
}

#[derive(Serialize)]
struct Ranking {
    id: String,
    gold: String,
    place: Option<usize>,
    first: Vec<String>,
}

/// Ranks the services of each incident and prints how often the labelled one came first and among the first three.
pub fn series(file: &Path, as_json: bool) -> Result<(), Stop> {
    let rankings = lines::<Incident>(file, "a labelled incident of series")?
        .into_iter()
        .map(|incident| {
            let onset = incident
                .time
                .iter()
                .position(|at| *at >= incident.inject_time)
                .unwrap_or(incident.time.len());
            let series = incident
                .series
                .into_iter()
                .map(|(name, values)| (name, values.into_iter().map(|v| v.unwrap_or(f64::NAN)).collect()))
                .collect();
            let ranked = rank_services(&series, onset, incident.target.as_ref().map(|t| t.node.as_str()));
            let place = ranked.iter().position(|r| r.service == incident.gold_service).map(|i| i + 1);
            let first = ranked.into_iter().take(3).map(|r| r.service).collect();
            Ranking { id: incident.id, gold: incident.gold_service, place, first }
        })
        .collect::<Vec<_>>();
    let within = |most: usize| rankings.iter().filter(|r| r.place.is_some_and(|place| place <= most)).count();
    let (n, first, third) = (rankings.len(), within(1), within(3));
    if as_json {
        return print_json(&json!({ "n": n, "top_1": first, "top_3": third, "incidents": rankings }));
    }
    let share = |count: usize| count as f64 / n.max(1) as f64;
    let mut text: Vec<String> = rankings
        .iter()
        .map(|r| {
            format!(
                "{}: {} is {}",
                r.id,
                r.gold,
                r.place.map_or("not ranked".to_owned(), |p| format!("no. {p}"))
            )
        })
        .collect();
    text.push(format!(
        "n = {n}: first {first} ({:.3}), among the first three {third} ({:.3})",
        share(first),
        share(third)
    ));
    print(&text.join("\n"))
}

/// A labelled state document.
#[derive(Deserialize)]
struct Label {
    state: String,
    #[serde(flatten)]
    truth: Truth,
}

/// Diagnoses every labelled state, whole and deprived: what was said, and whether it was right.
fn cases(folder: &Path) -> Result<(Vec<Case>, Vec<String>), Stop> {
    let mut cases = Vec::new();
    let mut told = Vec::new();
    for Label { state: file, mut truth } in lines(&folder.join("labels.jsonl"), "a label")? {
        let state: State = read_json(&folder.join(&file), "a state document")?;
        if truth.incident.is_empty() {
            truth.incident.clone_from(&file);
        }
        for (how, copy) in copies(&state) {
            let Some((said, case)) = truth.case(&copy) else {
                told.push(format!("{file} {how}: nothing is blamed"));
                continue;
            };
            let verdict = if case.right { "right" } else { "WRONG" };
            told.push(format!("{file} {how}: {:.2} {said}: {verdict}", case.confidence()));
            cases.push(case);
        }
    }
    Ok((cases, told))
}

/// Prints the reliability table of a folder of labelled states, or of the cases that the map was fitted to.
pub fn reliability(folder: Option<&Path>, as_json: bool) -> Result<(), Stop> {
    let (cases, mut text) = match folder {
        Some(folder) => cases(folder)?,
        None => (diagnosis::fitted(), Vec::new()),
    };
    let rows = diagnosis::reliability(&cases);
    if as_json {
        let rows: Vec<_> = rows
            .iter()
            .map(|r| json!({ "level": r.level, "n": r.cases, "incidents": r.incidents, "predicted": r.predicted, "right": r.right, "interval": r.interval }))
            .collect();
        return print_json(&json!({ "n": cases.len(), "levels": rows }));
    }
    text.push(format!(
        "{:8} {:>4} {:>9} {:>9} {:>8}  95 % interval",
        "level", "n", "incidents", "predicted", "observed"
    ));
    text.extend(rows.iter().map(|r| {
        format!(
            "{:8} {:>4} {:>9} {:>9.2} {:>8.2}  {:.2} to {:.2}",
            r.level.word(),
            r.cases,
            r.incidents,
            r.predicted,
            r.right as f64 / r.cases as f64,
            r.interval.0,
            r.interval.1
        )
    }));
    print(&text.join("\n"))
}

/// A file of one JSON document a line; an error names the line.
fn lines<T: serde::de::DeserializeOwned>(file: &Path, what: &str) -> Result<Vec<T>, Stop> {
    let text = read(file)?;
    let parse = |(i, line): (usize, &str)| {
        serde_json::from_str(line)
            .map_err(|error| Stop::Usage(format!("{}:{}: not {what}: {error}", file.display(), i + 1)))
    };
    text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()).map(parse).collect()
}
