//! What must hold of the state machines.

use std::collections::BTreeSet;

use serde_json::Value;

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

pub(super) fn tasks() -> impl Iterator<Item = (String, Value)> {
    states().into_iter().filter(|(_, state)| state["Type"] == "Task")
}

fn strings(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

#[test]
fn every_task_has_a_time_out_a_retry_and_a_catch_for_everything() {
    for (name, task) in tasks() {
        // Nobody waits for an index batch: it may take as long as its function, and a little to be told so.
        let longest = if task["Resource"] == "${index}" { 310 } else { 21 };
        assert!(
            task["TimeoutSeconds"].as_u64().is_some_and(|seconds| seconds <= longest),
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
        "States.TaskFailed",
        "StepFunctions.ExecutionAlreadyExistsException",
        "Lambda.ServiceException",
        "Lambda.AWSLambdaException",
        "Lambda.SdkClientException",
        "Lambda.TooManyRequestsException",
    ];
    for (name, state) in states() {
        if state["Type"] == "Fail" {
            let error = state["Error"].as_str().unwrap();
            assert!(host::fault::NAMES.contains(&error), "{name} fails with {error}, which is not ours");
        }
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

/// The states that may follow a state: by Next, by a Catch, by a rule of a Choice or its Default.
fn following(state: &Value) -> BTreeSet<&str> {
    let nested = ["Catch", "Choices"].iter().flat_map(|key| state[*key].as_array().into_iter().flatten());
    let nexts = nested.chain([state]).map(|place| &place["Next"]);
    nexts.chain([&state["Default"]]).filter_map(Value::as_str).collect()
}

/// The top-level states that can be reached from `start`, itself included, without going through one of `barred`.
fn reachable<'m>(machine: &'m Value, start: &'m str, barred: &[&str]) -> BTreeSet<&'m str> {
    let (mut found, mut open) = (BTreeSet::new(), vec![start]);
    while let Some(name) = open.pop() {
        if !barred.contains(&name) && found.insert(name) {
            open.extend(following(&machine["States"][name]));
        }
    }
    found
}

fn incident() -> Value {
    serde_json::from_str(&text("statemachine/incident.asl.json")).unwrap()
}

#[test]
fn every_path_of_the_incident_goes_through_a_brief() {
    let machine = incident();
    let start = machine["StartAt"].as_str().unwrap();
    let all = reachable(&machine, start, &[]);
    assert_eq!(all.len(), machine["States"].as_object().unwrap().len(), "only {all:?} can be reached");
    for name in reachable(&machine, start, &["Brief", "Brief alone", "Brief what waited", "Tell"]) {
        assert!(
            !following(&machine["States"][name]).is_empty(),
            "{name} ends the execution before any brief"
        );
    }
}

#[test]
fn a_brief_that_was_not_posted_fails_the_incident() {
    let machine = incident();
    let states = &machine["States"];
    assert_eq!(states["Brief"]["Next"], "Was posted");
    let again = &states["Was posted"]["Choices"][0];
    assert_eq!((&again["Variable"], &again["Next"]), (&"$.brief.again".into(), &"Wait for Slack".into()));
    assert_eq!(following(&states["Wait for Slack"]), ["Brief"].into());
    let failed = &states["Was posted"]["Choices"][1];
    assert_eq!((&failed["Variable"], &failed["StringEquals"]), (&"$.brief.posted".into(), &"failed".into()));
    assert_eq!(serde_json::to_value(incident::brief::Posted::Failed).unwrap(), failed["StringEquals"]);
    assert_eq!(states[failed["Next"].as_str().unwrap()]["Error"], host::fault::NOT_POSTED);
    // The alert alone fails instead of saying so, and nothing comes after it.
    for name in ["Brief alone", "Brief what waited"] {
        assert_eq!(following(&states[name]), ["Not posted"].into());
    }
}

#[test]
fn the_interpreter_accepts_the_deployed_machines() {
    local::indexing::machine().unwrap_or_else(|stop| panic!("{}", stop.message()));
    local::workflow::machine().unwrap_or_else(|stop| panic!("{}", stop.message()));
}
