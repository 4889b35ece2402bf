//! What must hold of the state machines.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::{names_in, text};

/// Every state of every machine, with its name, branches included.
fn states() -> Vec<(String, Value)> {
    fn walk(machine: &Value, found: &mut Vec<(String, Value)>) {
        for (name, state) in machine["States"].as_object().into_iter().flatten() {
            found.push((name.clone(), state.clone()));
            state["Branches"].as_array().into_iter().flatten().for_each(|branch| walk(branch, found));
            walk(&state["ItemProcessor"], found);
        }
    }
    let mut found = Vec::new();
    for file in names_in("statemachine").iter().filter(|file| file.ends_with(".asl.json")) {
        walk(&serde_json::from_str(&text(&format!("statemachine/{file}"))).unwrap(), &mut found);
    }
    found
}

fn tasks() -> impl Iterator<Item = (String, Value)> {
    states().into_iter().filter(|(_, state)| state["Type"] == "Task")
}

fn strings(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

#[test]
fn every_task_has_a_time_out_a_retry_and_a_catch_for_everything() {
    for (name, task) in tasks() {
        assert!(
            task["TimeoutSeconds"].as_u64().is_some_and(|seconds| seconds <= 21),
            "{name}: TimeoutSeconds"
        );
        assert!(task["Retry"].as_array().is_some_and(|retry| !retry.is_empty()), "{name}: Retry");
        let last = task["Catch"].as_array().and_then(|list| list.last()).cloned().unwrap_or_default();
        assert_eq!(strings(&last["ErrorEquals"]), ["States.ALL"], "{name}: the last Catch");
    }
}

#[test]
fn a_task_that_posts_repeats_nothing_but_throttling() {
    for (name, task) in tasks().filter(|(_, task)| task["Resource"] == "${brief}") {
        for retry in task["Retry"].as_array().unwrap() {
            assert_eq!(strings(&retry["ErrorEquals"]), ["Lambda.TooManyRequestsException"], "{name}");
        }
    }
}

#[test]
fn every_error_named_is_amazons_or_ours() {
    const AMAZONS: &[&str] = &[
        "States.ALL",
        "Lambda.ServiceException",
        "Lambda.AWSLambdaException",
        "Lambda.SdkClientException",
        "Lambda.TooManyRequestsException",
    ];
    for (name, state) in states() {
        for handler in ["Retry", "Catch"].iter().flat_map(|key| state[*key].as_array().into_iter().flatten())
        {
            for error in strings(&handler["ErrorEquals"]) {
                let known = AMAZONS.contains(&error.as_str()) || host::fault::NAMES.contains(&error.as_str());
                assert!(known, "{name} handles {error}, which nobody emits");
            }
        }
    }
}

#[test]
fn a_catch_keeps_the_errors_name_and_never_its_cause() {
    for (name, state) in states() {
        assert!(!state.to_string().contains(".Cause"), "{name} reads a cause");
    }
}

#[test]
fn every_path_of_the_incident_ends_in_a_brief() {
    let machine: Value = serde_json::from_str(&text("statemachine/incident.asl.json")).unwrap();
    let states: &Map<String, Value> = machine["States"].as_object().unwrap();
    let ends: BTreeSet<&str> = states
        .iter()
        .filter(|(_, state)| state["End"] == true || state["Type"] == "Fail" || state["Type"] == "Succeed")
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(ends, ["Brief", "Brief alone", "No brief"].into());
    // Only a brief that could not be posted, twice, fails the execution; the rule on failed executions then posts the alert.
    let fails: Vec<&str> = states
        .iter()
        .filter(|(_, s)| s.to_string().contains("\"No brief\""))
        .map(|(n, _)| n.as_str())
        .collect();
    assert_eq!(fails, ["Brief alone"]);
}

#[test]
fn the_interpreter_accepts_the_deployed_machine() {
    local::workflow::machine().unwrap_or_else(|stop| panic!("{}", stop.message()));
}
