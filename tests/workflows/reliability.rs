//! Does the confidence keep its word? Every scenario, and every recorded incident where there are recordings, as it was read and with one
//! source or one kind of fact taken away: what was said, how surely, and whether it was right.
//!
//! `SITREP_CASES=FOLDER` writes the labelled documents there, for `sitrep diagnose --reliability FOLDER`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use diagnosis::{Case, reliability};
use host::Settings;
use incident::{Level, Source, State};
use serde_json::{Value, json};

use super::{run, scenario};
use crate::names_in;
use crate::recorded;

/// HIGH is right at least this often, once there are this many cases of it.
const HIGH_IS_RIGHT: f64 = 0.9;
const ENOUGH: usize = 10;
/// How far the fitted map may lie below what is said.
const SLACK: f64 = 0.05;

/// An incident with its truth.
pub struct Labelled {
    /// Its name.
    pub incident: String,
    /// What was read.
    pub state: State,
    /// The causes that are right; none where nothing is wrong.
    pub causes: Vec<String>,
    /// The culprit's name, where the truth tells it.
    pub culprit: Option<String>,
}

impl Labelled {
    /// What was said of a document of this incident; `None` where nothing was blamed.
    fn case(&self, state: &State) -> Option<Case> {
        let diagnosis =
            if state.knowledge.is_some() { diagnosis::weigh(state) } else { diagnosis::diagnose(state) };
        let lead = diagnosis.leading().next()?;
        let cause = serde_json::to_value(lead.cause).unwrap();
        let named = self.culprit.as_ref().is_none_or(|culprit| *culprit == lead.culprit.name);
        let right = named && self.causes.iter().any(|c| Some(c.as_str()) == cause.as_str());
        Some(Case { incident: self.incident.clone(), confidence: lead.confidence, right })
    }
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

/// The document as it was read, and with each source and each kind of fact taken away.
fn degraded(state: &State) -> Vec<(String, State)> {
    let mut all = vec![("whole".to_owned(), bare(state))];
    for source in Source::COLLECTED {
        let read = state.evidence.iter().any(|e| e.source == source && !e.findings.is_empty());
        if read {
            let mut without = bare(state);
            without.evidence.retain(|e| e.source != source);
            all.push((format!("without-{source}").to_lowercase(), without));
        }
    }
    let kind = |fact: &incident::Fact| {
        serde_json::to_value(fact).unwrap()["kind"].as_str().unwrap_or_default().to_owned()
    };
    let kinds: BTreeSet<String> = state.findings().map(|f| kind(&f.fact)).collect();
    for gone in kinds {
        let mut without = bare(state);
        without.evidence.iter_mut().for_each(|e| e.findings.retain(|f| kind(&f.fact) != gone));
        all.push((format!("without-{gone}"), without));
    }
    all
}

async fn labelled() -> Vec<Labelled> {
    let mut all = Vec::new();
    for name in names_in("tests/scenarios").into_iter().filter(|name| name != "demo-with-claude") {
        let scenario = scenario(&name);
        let expected = scenario.about().expected.clone().unwrap_or_default();
        let culprit =
            expected.culprit.as_deref().and_then(|c| c.rsplit([' ', '/']).next()).map(str::to_owned);
        let state = run(scenario).await.state;
        all.push(Labelled { incident: name, state, causes: expected.cause.into_iter().collect(), culprit });
    }
    all.extend(recorded::labelled().await);
    all
}

fn write(folder: &Path, cases: &[Labelled]) {
    std::fs::create_dir_all(folder).unwrap();
    let mut labels = String::new();
    for case in cases {
        for (how, state) in degraded(&case.state) {
            let file = format!("{}-{how}.json", case.incident);
            std::fs::write(folder.join(&file), serde_json::to_string(&state).unwrap()).unwrap();
            let label: Value = json!({ "state": file, "causes": case.causes, "culprit": case.culprit, "incident": case.incident });
            labels.push_str(&format!("{label}\n"));
        }
    }
    std::fs::write(folder.join("labels.jsonl"), labels).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_surely_is_right() {
    let all = labelled().await;
    if let Some(folder) = Settings::from_process().get("SITREP_CASES").map(PathBuf::from) {
        write(&folder, &all);
    }
    let mut cases = Vec::new();
    for incident in &all {
        for (how, state) in degraded(&incident.state) {
            let Some(case) = incident.case(&state) else { continue };
            if !case.right && case.confidence >= 0.5 {
                println!("{} {how}: {:.2} and wrong", incident.incident, case.confidence);
            }
            cases.push(case);
        }
    }
    let rows = reliability(&cases);
    for row in &rows {
        println!("{row:?}");
        // The map that the other incidents fit lies nowhere below what was said: the numbers promise no more than they keep.
        assert!(row.left_out >= row.predicted - SLACK || row.cases < ENOUGH, "{row:?} promises too much");
    }
    let high = rows.iter().find(|row| row.level == Level::High).expect("something is said surely");
    let share = high.right as f64 / high.cases as f64;
    assert!(high.cases < ENOUGH || share >= HIGH_IS_RIGHT, "HIGH is right in {share:.2} of {}", high.cases);
}
