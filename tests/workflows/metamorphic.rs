//! What may change without changing the verdict, and what must change it.

use std::path::Path;

use incident::Level;
use regex::Regex;
use serde_json::{Value, json};

use super::{Investigated, changed, run, scenario};

/// The demo's names, and others: longest first, so that none is replaced within another.
const NAMES: &[(&str, &str)] = &[
    ("prod-postgres-replica-1", "eu-ledger-copy-7"),
    ("prod-postgres-primary", "eu-ledger-main"),
    ("prod-postgres15", "ledger-settings"),
    ("prod_postgres15", "ledger_settings"),
    ("player_scores", "match_results"),
    ("chat-service", "voice-relay"),
    ("game-api", "arena-core"),
    ("game_api", "arena_core"),
    ("matchmaker", "pairing"),
    ("INC-2024-047", "INC-2023-911"),
    ("nightjar", "owlbear"),
    ("production", "live-eu"),
    ("v3.41.0", "v9.2.0"),
    ("v3.40.9", "v9.1.7"),
    ("a3f91b2", "77c0de1"),
];

fn renamed(text: &str) -> String {
    NAMES.iter().fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
}

fn copy_renamed(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(renamed(entry.file_name().to_str().unwrap()));
        if entry.path().is_dir() {
            copy_renamed(&entry.path(), &target);
        } else {
            std::fs::write(target, renamed(&std::fs::read_to_string(entry.path()).unwrap())).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn under_other_names_the_diagnosis_is_the_same() {
    let original = run(scenario("demo")).await;
    let knowledge = tempfile::tempdir().unwrap();
    copy_renamed(scenario("demo").knowledge().unwrap(), knowledge.path());
    let investigated = run(changed("demo", |files| {
        for content in files.values_mut() {
            *content = serde_json::from_str(&renamed(&content.to_string())).unwrap();
        }
        files.get_mut("scenario.yaml").unwrap()["knowledge"] = json!(knowledge.path());
    }))
    .await;
    assert_eq!(investigated.verdict(), renamed(&original.verdict()));
    let level = |i: &Investigated| i.state.weighed.as_ref().unwrap().confidence.level;
    assert_eq!(level(&investigated), level(&original));
    for (from, to) in
        [("v3.40.9", "v9.1.7"), ("INC-2024-047", "INC-2023-911"), ("player_scores", "match_results")]
    {
        assert!(
            !investigated.brief().contains(from) && investigated.brief().contains(to),
            "{}",
            investigated.brief()
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn at_another_time_the_diagnosis_is_the_same() {
    let original = run(scenario("demo")).await;
    // By whole days the calendar's daily event still covers the onset; by five hours it no longer does.
    for shift_ms in [-40 * 86_400_000_i64, 3 * 86_400_000, 5 * 3_600_000] {
        let investigated = run(changed("demo", |files| {
            let alert = files.get_mut("alert.json").unwrap();
            let at: i64 = alert["date_ms"].as_str().unwrap().parse().unwrap();
            alert["date_ms"] = json!((at + shift_ms).to_string());
        }))
        .await;
        assert_eq!(investigated.verdict(), original.verdict(), "shifted by {shift_ms} ms");
    }
}

/// Times of the guilty rollout, which lie one and a half to three and a half minutes before the alert, moved behind the onset.
fn five_minutes_later(value: &mut Value) {
    let time = Regex::new(r"^@-(?:(\d+)m)?(?:(\d+)s)?$").unwrap();
    match value {
        Value::String(text) => {
            let Some(found) = time.captures(text) else { return };
            let number = |i: usize| found.get(i).map_or(0, |n| n.as_str().parse::<i64>().unwrap());
            let before = number(1) * 60 + number(2);
            if (90..=210).contains(&before) {
                *text = format!("@+{}s", 300 - before);
            }
        }
        Value::Array(list) => list.iter_mut().for_each(five_minutes_later),
        Value::Object(object) => object.values_mut().for_each(five_minutes_later),
        _ => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollout_after_the_onset_is_cleared_and_not_blamed() {
    let investigated = run(changed("demo", |files| {
        five_minutes_later(files.get_mut("kubernetes.yaml").unwrap());
        five_minutes_later(&mut files.get_mut("datadog.yaml").unwrap()["events"]);
    }))
    .await;
    let weighed = investigated.state.weighed.as_ref().unwrap();
    let blamed = weighed.leading().any(|h| h.culprit.name == "game-api");
    assert!(!blamed, "{}", investigated.brief());
    let cleared = weighed.ruled_out.iter().find(|r| r.cause.is_none() && r.object.name == "game-api");
    let reason = &cleared.unwrap_or_else(|| panic!("not cleared:\n{}", investigated.brief())).reason;
    assert!(reason.contains("after"), "{reason}");
    assert!(
        investigated.brief().contains(reason.as_str().split(',').next().unwrap()),
        "{}",
        investigated.brief()
    );
    assert!(!investigated.brief().contains("rollout undo"), "{}", investigated.brief());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unrelated_deploy_and_noise_change_nothing() {
    let original = run(scenario("demo")).await;
    let investigated = run(changed("demo", |files| {
        let datadog = files.get_mut("datadog.yaml").unwrap();
        datadog["events"].as_array_mut().unwrap().push(json!({
            "at": "@-4m", "title": "Deployed wallet v0.9.1 to prod", "tags": ["service:wallet", "env:prod", "version:v0.9.1"],
        }));
        datadog["logs"].as_array_mut().unwrap().push(json!({
            "at": "@-2m", "every": "1s", "service": "wallet", "status": "error", "message": "card declined",
            "tags": ["service:wallet", "env:prod"],
        }));
    }))
    .await;
    assert_eq!(investigated.verdict(), original.verdict());
    assert_eq!(
        investigated.state.weighed.as_ref().unwrap().confidence.level,
        Level::High,
        "{}",
        investigated.brief()
    );
}
