//! The scenarios of the repository, each against what it says should be found.

use host::Settings;
use incident::{Level, Verdict, size};
use serde_json::Value;

use super::{Investigated, changed, run, scenario};
use crate::names_in;

/// The sections of a brief, in the order that people learned to read them in.
const SECTIONS: &[&str] = &[
    "INCIDENT",
    "LIVE STATE",
    "ROOT CAUSE",
    "KNOWLEDGE BASE MATCH",
    "RECOMMENDED ACTIONS",
    "CONFIDENCE BREAKDOWN",
    "RULED OUT",
    "NOT SEEN",
];

fn cause_id(cause: incident::Cause) -> String {
    serde_json::to_value(cause).unwrap().as_str().unwrap().to_owned()
}

fn assert_found(name: &str, expected: &platform::scenario::Expected, investigated: &Investigated) {
    let diagnosis = investigated.state.weighed.as_ref().unwrap();
    let brief = investigated.brief();
    let leading = diagnosis.leading().next();
    if let Some(verdict) = &expected.verdict {
        let outcome = match &diagnosis.verdict {
            Verdict::Causes { .. } => "leading",
            Verdict::Healthy { .. } => "healthy",
            Verdict::Inconclusive { .. } => "inconclusive",
        };
        assert_eq!(outcome, verdict, "{name}");
    }
    if let Some(cause) = &expected.cause {
        assert_eq!(leading.map(|h| cause_id(h.cause)).as_ref(), Some(cause), "{name}");
    }
    if let Some(culprit) = &expected.culprit {
        assert_eq!(leading.map(|h| h.culprit.to_string()).as_ref(), Some(culprit), "{name}");
    }
    for also in &expected.also {
        let found = diagnosis.leading().any(|h| format!("{} of {}", cause_id(h.cause), h.culprit) == *also);
        assert!(found, "{name}: {also} does not lead: {:?}", diagnosis.hypotheses);
    }
    for cleared in &expected.cleared {
        let found = diagnosis.ruled_out.iter().any(|r| r.cause.is_none() && r.object.name == *cleared);
        assert!(found, "{name}: {cleared} is not cleared: {:?}", diagnosis.ruled_out);
    }
    for cause in &expected.ruled_out {
        let found = diagnosis.ruled_out.iter().any(|r| r.cause.map(cause_id).as_ref() == Some(cause));
        assert!(found, "{name}: {cause} is not ruled out: {:?}", diagnosis.ruled_out);
    }
    for text in &expected.brief {
        assert!(brief.contains(text), "{name}: the brief does not say '{text}':\n{brief}");
    }
    for text in &expected.brief_not {
        assert!(!brief.contains(text), "{name}: the brief says '{text}':\n{brief}");
    }
    for source in &expected.gaps {
        let found =
            investigated.state.gaps().any(|gap| gap.sentence.contains(source) || gap.what.contains(source));
        assert!(found, "{name}: no gap names {source}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_scenario_ends_as_it_says_it_should() {
    for name in names_in("tests/scenarios") {
        let scenario = scenario(&name);
        let expected = scenario.about().expected.clone().unwrap_or_default();
        let investigated = run(scenario).await;
        assert_found(&name, &expected, &investigated);
        let state = &investigated.state;
        assert!(size::of(state) <= size::DOCUMENT, "{name}: {} bytes", size::of(state));
        // What code says of itself must pass the check that the model's words have to pass.
        let checked = grounding::check_all(&state.weighed.as_ref().unwrap().root_cause, state);
        assert!(checked.struck.is_empty(), "{name}: {:?}", checked.struck);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_brief_has_its_sections_in_order_and_is_sure() {
    let investigated = run(scenario("demo")).await;
    let brief = investigated.brief();
    let places: Vec<usize> = SECTIONS
        .iter()
        .map(|section| brief.find(section).unwrap_or_else(|| panic!("no section {section}:\n{brief}")))
        .collect();
    assert!(places.is_sorted(), "{brief}");
    let weighed = investigated.state.weighed.as_ref().unwrap();
    assert_eq!(weighed.confidence.level, Level::High);
    let onset = weighed.onset.as_ref().unwrap().at;
    let rolled_out = investigated.state.alert.at - jiff::SignedDuration::from_mins(3);
    let lead = onset.duration_since(rolled_out);
    assert!(
        lead.as_secs() > 0 && lead.as_secs() <= 180,
        "the onset at {onset} follows the rollout by {lead}"
    );
    assert!(brief.contains("no model"), "{brief}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scripted_claude_is_heard_checked_and_counted() {
    let investigated = run(scenario("demo-with-claude")).await;
    let analysis = investigated.state.analysis.as_ref().unwrap();
    assert_eq!(analysis.outcome, incident::analysis::Outcome::Answered, "{:?}", analysis.gaps);
    assert!(!analysis.root_cause.is_empty());
    assert!(grounding::check_all(&analysis.root_cause, &investigated.state).struck.is_empty());
    assert!(analysis.usage.output_tokens > 0);
    assert!(analysis.model.as_ref().unwrap().contains("simulated"));
    let words = investigated.brief().split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("claude-sonnet-5-5 (simulated)"), "{words}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_document_holds_the_keys_of_the_design_and_nothing_else() {
    let investigated = run(scenario("demo")).await;
    let document = serde_json::to_value(&investigated.state).unwrap();
    let keys: Vec<&str> = document.as_object().unwrap().keys().map(String::as_str).collect();
    let mut expected = [
        "alert",
        "subject",
        "as_of",
        "announcement",
        "evidence",
        "diagnosis",
        "knowledge",
        "weighed",
        "draft",
        "analysis",
        "brief",
    ];
    expected.sort_unstable();
    assert_eq!(keys, expected);
    let again: incident::State = serde_json::from_value(document).unwrap();
    assert_eq!(again, investigated.state);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_credential_of_any_vendor_reaches_the_document() {
    let simulation = super::Simulation::start(scenario("demo-with-claude"))
        .await
        .unwrap_or_else(|s| panic!("{}", s.message()));
    let settings: Settings = simulation.settings.clone();
    drop(simulation);
    let text = serde_json::to_string(&run(scenario("demo-with-claude")).await.state).unwrap();
    let secrets: Vec<(&str, &str)> = settings
        .iter()
        .filter(|(name, _)| {
            ["KEY", "TOKEN", "SECRET"].iter().any(|word| name.contains(word)) && !name.ends_with("KEY_ID")
        })
        .collect();
    assert!(secrets.len() >= 5, "too few credentials to look for: {secrets:?}");
    for (name, secret) in secrets {
        assert!(!text.contains(secret), "{name} is in the document");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn slack_gets_one_message_that_is_replaced_by_the_draft_and_then_by_the_brief() {
    let investigated = run(changed("demo", |files| {
        files.insert("slack.yaml".to_owned(), Value::Object(serde_json::Map::new()));
    }))
    .await;
    let calls: Vec<(&str, Value)> = investigated
        .requests
        .iter()
        .filter(|request| request.vendor == platform::Vendor::Slack)
        .map(|request| {
            (
                request.path.rsplit('/').next().unwrap(),
                serde_json::from_slice(&request.body).unwrap_or_default(),
            )
        })
        .collect();
    let names: Vec<&str> = calls.iter().map(|(name, _)| *name).collect();
    assert_eq!(names[..3], ["chat.postMessage", "chat.update", "chat.update"]);
    assert_eq!(calls[1].1["ts"], calls[2].1["ts"]);
    let state = &investigated.state;
    let (announced, brief) = (state.announcement.as_ref().unwrap(), state.brief.as_ref().unwrap());
    assert_eq!(brief.posted, incident::brief::Posted::Slack, "{:?}", brief.gap);
    assert_eq!((&announced.ts, &announced.channel), (&brief.ts, &brief.channel));
    // Whatever follows the brief is detail in its thread; a picture's upload is no JSON, its completion is.
    let thread = calls[3..].iter().filter(|(_, body)| !body.is_null());
    assert!(thread.clone().all(|(_, body)| body["thread_ts"] == calls[2].1["ts"]), "{names:?}");
    assert!(thread.count() > 1 && names.contains(&"files.completeUploadExternal"), "{names:?}");
}

#[test]
fn the_sample_alert_of_the_events_is_the_demos() {
    let demo: Value = serde_json::from_str(&crate::text("tests/scenarios/demo/alert.json")).unwrap();
    let sample: Value = serde_json::from_str(&crate::text("events/workflow/rds-cpu.json")).unwrap();
    assert_eq!(demo, sample);
}
