//! Incidents recorded elsewhere, turned into scenarios, investigated by the deployed workflow, and scored.
//!
//! The recordings are not part of this repository: `SITREP_RECORDED` names their folder, and without it the test says that it
//! was skipped. A folder holds one folder per incident with `alert.json` and the evidence files, and `truth.jsonl`; a file that an
//! incident lacks is taken from its family's healthy case (`<family>-000`).

mod convert;
mod kept;
mod manifest;
mod score;

use std::path::PathBuf;

use diagnosis::Truth;
use host::Settings;
use serde_json::Value;

use crate::workflows::reliability::Labelled;
use crate::workflows::run;
use convert::Recording;

/// Of fifteen, at least this many are right. All of them are today; the floor leaves room for other folders than the one it was
/// measured on. Raised with the engine, never lowered.
const RIGHT: (usize, usize) = (14, 15);

/// The recorded incidents with their truths; none without recordings. The culprit is not compared: a truth tells it in prose.
pub async fn labelled() -> Vec<Labelled> {
    let Some(folder) = Settings::from_process().get("SITREP_RECORDED").map(PathBuf::from) else {
        return Vec::new();
    };
    let mut all = Vec::new();
    let truths = std::fs::read_to_string(folder.join("truth.jsonl")).expect("truth.jsonl");
    for (i, truth) in truths.lines().enumerate() {
        let truth: Value = serde_json::from_str(truth).unwrap();
        let name = truth["id"].as_str().expect("an id").to_owned();
        let state = run(Recording { folder: folder.clone(), name }.scenario()).await.state;
        let causes = score::causes(truth["truth"]["failure_mode"].as_str().unwrap_or_default()).to_vec();
        // The recordings are not part of this repository, nor are their names.
        let truth = Truth { incident: format!("recorded {}", i + 1), causes, culprit: None };
        all.push(Labelled { truth, state });
    }
    all
}

/// The collectors, on what was recorded: every datum that matters is in the evidence.
#[tokio::test(flavor = "multi_thread")]
async fn recorded_data_that_matter_are_in_the_evidence() {
    let Some(folder) = Settings::from_process().get("SITREP_RECORDED").map(PathBuf::from) else {
        println!("SKIPPED: SITREP_RECORDED does not name the folder of recorded incidents");
        return;
    };
    let mut missing = Vec::new();
    for truth in std::fs::read_to_string(folder.join("truth.jsonl")).expect("truth.jsonl").lines() {
        let truth: Value = serde_json::from_str(truth).unwrap();
        let recording =
            Recording { folder: folder.clone(), name: truth["id"].as_str().expect("an id").to_owned() };
        let state = run(recording.scenario()).await.state;
        missing.extend(
            kept::missing(&recording, &state).into_iter().map(|what| format!("{}: {what}", recording.name)),
        );
    }
    assert!(missing.is_empty(), "{} data are lost:\n{}", missing.len(), missing.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn recorded_incidents_name_their_culprit() {
    let settings = Settings::from_process();
    let Some(folder) = settings.get("SITREP_RECORDED").map(PathBuf::from) else {
        println!("SKIPPED: SITREP_RECORDED does not name the folder of recorded incidents");
        return;
    };
    let truths = std::fs::read_to_string(folder.join("truth.jsonl")).expect("truth.jsonl");
    let truths: Vec<Value> = truths.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let mut scores = Vec::new();
    let mut right: Vec<&str> = Vec::new();
    for truth in &truths {
        let name = truth["id"].as_str().expect("an id").to_owned();
        let investigated = run(Recording { folder: folder.clone(), name }.scenario()).await;
        if let Some(out) = settings.get("SITREP_RECORDED_STATES").map(PathBuf::from) {
            let state = serde_json::to_string_pretty(&investigated.state).unwrap();
            std::fs::write(out.join(format!("{}.json", truth["id"].as_str().unwrap_or_default())), state)
                .unwrap();
        }
        let score = score::score(truth, &investigated);
        println!("{score}");
        if score.is_right() {
            right.push(truth["id"].as_str().expect("an id"));
        }
        scores.push(score);
    }
    println!("{} of {} right", right.len(), scores.len());
    assert!(
        scores.iter().all(|score| !score.acts_on_the_healthy),
        "an action was proposed where nothing is wrong"
    );
    // A sentence that does not hold against its evidence makes its incident wrong.
    assert!(right.len() * RIGHT.1 >= scores.len() * RIGHT.0, "{} of {} right", right.len(), scores.len());
}
