//! Does the confidence keep its word? Every scenario, and every recorded incident where there are recordings, as it was read and with one
//! source or one kind of fact taken away: what was said, how surely, and whether it was right.
//!
//! `SITREP_CASES=FOLDER` writes the labelled documents there, for `sitrep diagnose --reliability FOLDER`; `SITREP_WRITE_CASES` writes the
//! cases that the map of the confidence is fitted to.

use std::path::{Path, PathBuf};

use diagnosis::{Case, Truth, cases_csv, copies, reliability};
use host::Settings;
use incident::{Cause, Level, State};
use serde_json::{Value, json};

use super::{run, scenario};
use crate::recorded;
use crate::{names_in, repository};

/// HIGH is right at least this often, once there are this many cases of it.
const HIGH_IS_RIGHT: f64 = 0.9;
const ENOUGH: usize = 10;
/// How far what is right may lie below what is said.
const SLACK: f64 = 0.05;

/// An incident with its truth.
pub struct Labelled {
    /// Its name, and what is true of it.
    pub truth: Truth,
    /// What was read.
    pub state: State,
}

/// Only what a diagnosis is made from.
fn bare(state: &State) -> State {
    State {
        announcement: None,
        diagnosis: None,
        weighed: None,
        draft: None,
        analysis: None,
        brief: None,
        ..state.clone()
    }
}

/// Every scenario with its truth.
pub async fn scenarios() -> Vec<Labelled> {
    let mut all = Vec::new();
    for incident in names_in("tests/scenarios").into_iter().filter(|name| name != "demo-with-claude") {
        let scenario = scenario(&incident);
        let expected = scenario.about().expected.clone().unwrap_or_default();
        let culprit =
            expected.culprit.as_deref().and_then(|c| c.rsplit([' ', '/']).next()).map(str::to_owned);
        let cause = |id: &String| serde_json::from_value::<Cause>(Value::from(id.as_str())).unwrap();
        let causes = expected.cause.iter().map(cause).collect();
        let state = bare(&run(scenario).await.state);
        all.push(Labelled { truth: Truth { incident, causes, culprit }, state });
    }
    all
}

fn write(folder: &Path, all: &[Labelled]) {
    std::fs::create_dir_all(folder).unwrap();
    let mut labels = String::new();
    for Labelled { truth, state } in all {
        let file = format!("{}.json", truth.incident);
        std::fs::write(folder.join(&file), serde_json::to_string(state).unwrap()).unwrap();
        let label: Value = json!({
            "state": file, "causes": truth.causes, "culprit": truth.culprit, "incident": truth.incident,
        });
        labels.push_str(&format!("{label}\n"));
    }
    std::fs::write(folder.join("labels.jsonl"), labels).unwrap();
}

/// What is said of every copy of the incidents.
fn cases(all: &[Labelled]) -> Vec<Case> {
    let mut cases = Vec::new();
    for Labelled { truth, state } in all {
        cases.extend(copies(state).iter().filter_map(|(_, copy)| Some(truth.case(copy)?.1)));
    }
    cases
}

/// Compares the committed cases with these, or writes them.
fn committed(name: &str, cases: &[Case]) {
    let file = repository("functions/diagnosis/src/calibration").join(name);
    if Settings::from_process().get("SITREP_WRITE_CASES").is_some() {
        return std::fs::write(file, cases_csv(cases)).unwrap();
    }
    let is_current = std::fs::read_to_string(&file).unwrap() == cases_csv(cases);
    assert!(is_current, "{name} is stale: see docs/confidence.md for the commands that write it again");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_surely_is_right() {
    let (mut all, recorded) = (scenarios().await, recorded::labelled().await);
    let mut said = cases(&all);
    committed("scenarios.csv", &said);
    if !recorded.is_empty() {
        let more = cases(&recorded);
        committed("recorded.csv", &more);
        said.extend(more);
        all.extend(recorded);
    }
    if let Some(folder) = Settings::from_process().get("SITREP_CASES").map(PathBuf::from) {
        write(&folder, &all);
    }
    let rows = reliability(&said);
    for row in &rows {
        println!("{row:?}");
        let share = row.right as f64 / row.cases as f64;
        assert!(share >= row.predicted - SLACK || row.cases < ENOUGH, "{row:?} promises too much");
        let right = row.level != Level::High || share >= HIGH_IS_RIGHT;
        assert!(right || row.cases < ENOUGH, "{row:?}: HIGH is not right often enough");
    }
    assert!(rows.iter().any(|row| row.level == Level::High), "something is said surely");
}
