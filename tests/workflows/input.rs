//! Unusable input: one clear line and exit code 2.

use clap::Parser as _;
use local::Stop;
use local::cli::Cli;

use crate::repository;

fn stopped(arguments: &[&str]) -> Stop {
    let cli = Cli::try_parse_from(["sitrep"].iter().chain(arguments)).unwrap();
    local::commands::run(cli).expect_err("this input is unusable")
}

fn assert_usage(arguments: &[&str], says: &[&str]) {
    let stop = stopped(arguments);
    assert_eq!(stop.code(), 2, "{}", stop.message());
    assert!(!stop.message().contains('\n'), "{}", stop.message());
    for word in says {
        assert!(stop.message().contains(word), "'{}' does not say {word}", stop.message());
    }
}

/// A file that exists for the length of a test.
fn file(content: &str) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("input.json");
    std::fs::write(&path, content).unwrap();
    (folder, path.display().to_string())
}

#[test]
fn a_missing_alert_or_scenario_is_named() {
    assert_usage(&["run", "no-such-alert.json"], &["no-such-alert.json"]);
    assert_usage(&["run", "--scenario", "no-such-folder"], &["no-such-folder"]);
    assert_usage(&["index", "no-such-folder"], &["no-such-folder"]);
    assert_usage(&["diagnose", "no-such-state.json"], &["no-such-state.json"]);
}

#[test]
fn broken_json_and_other_peoples_json_are_told_apart() {
    let demo = repository("tests/scenarios/demo").display().to_string();
    let (_folder, broken) = file("{\"source_schema\": ");
    assert_usage(&["run", &broken, "--scenario", &demo], &["not JSON"]);
    assert_usage(&["run", &broken], &["not JSON"]);
    let (_folder, other) = file(r#"{"source_schema": "pagerduty"}"#);
    assert_usage(&["run", &other], &["source_schema", "docs/datadog-webhook.md"]);
    let (_folder, state) = file(r#"{"alert": 1}"#);
    assert_usage(&["diagnose", &state], &["not a state document", "line 1"]);
}

#[test]
fn a_typo_in_a_scenario_is_named_with_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let alert = std::fs::read_to_string(repository("tests/scenarios/demo/alert.json")).unwrap();
    std::fs::write(folder.path().join("alert.json"), alert).unwrap();
    std::fs::write(folder.path().join("scenario.yaml"), "title: x\nknowlege: y\n").unwrap();
    let path = folder.path().display().to_string();
    assert_usage(&["run", "--scenario", &path], &["scenario.yaml", "knowlege"]);
    std::fs::write(folder.path().join("scenario.yaml"), "title: x\n").unwrap();
    std::fs::write(folder.path().join("dtadog.yaml"), "{}").unwrap();
    assert_usage(&["run", "--scenario", &path], &["dtadog.yaml"]);
}

#[test]
fn a_recovery_is_not_investigated_and_says_so() {
    let mut alert: serde_json::Value = serde_json::from_str(
        &std::fs::read_to_string(repository("tests/scenarios/demo/alert.json")).unwrap(),
    )
    .unwrap();
    alert["transition"] = "Recovered".into();
    let (_folder, path) = file(&alert.to_string());
    let stop = stopped(&["run", &path]);
    assert_eq!(stop.code(), 1);
    assert!(stop.message().contains("recovered"), "{}", stop.message());
}
