//! One vendor refusing, stalling or answering garbage, each in turn and all at once: a brief, in time, that says so.

use std::time::Duration;

use futures::{StreamExt as _, stream};
use serde_json::{Value, json};

use super::{Investigated, changed, run};

/// What a stalling vendor stalls: whoever waited it out took longer. The workflow's own time is in the README, measured on an
/// idle machine; a test that runs beside others cannot judge it.
const STALL: Duration = Duration::from_secs(30);
/// Cases at once: more would measure the processor.
const AT_ONCE: usize = 4;

/// A fault of a vendor.
type Kind = fn(&str) -> Value;

fn refusing(vendor: &str) -> Value {
    json!({ "vendor": vendor, "kind": "status", "status": 403 })
}

fn stalling(vendor: &str) -> Value {
    json!({ "vendor": vendor, "kind": "delay", "delay": format!("{}s", STALL.as_secs()) })
}

fn garbling(vendor: &str) -> Value {
    json!({ "vendor": vendor, "kind": "garbage" })
}

async fn under(faults: Vec<Value>) -> Investigated {
    run(changed("demo-with-claude", |files| {
        files.entry("slack.yaml".to_owned()).or_insert_with(|| json!({}));
        files.get_mut("scenario.yaml").unwrap()["faults"] = Value::Array(faults);
    }))
    .await
}

/// Vendors, and the word by which the brief names each.
const VENDORS: &[(&str, &str)] = &[
    ("datadog", "Datadog"),
    ("kubernetes", "Kubernetes"),
    ("aws", "AWS"),
    ("cloudflare", "Cloudflare"),
    ("github", "GitHub"),
    ("anthropic", "Claude"),
    ("slack", "Slack"),
];

fn assert_honest(investigated: &Investigated, case: &str) {
    assert!(investigated.took < STALL, "{case}: {:?}", investigated.took);
    assert!(!investigated.brief().is_empty(), "{case}");
    let state = &investigated.state;
    let diagnosis = state.weighed.as_ref().unwrap();
    let checked = grounding::check_all(&diagnosis.root_cause, state);
    assert!(checked.struck.is_empty(), "{case}: {:?}", checked.struck);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_vendor_in_turn_refuses_stalls_and_garbles_and_the_brief_says_so() {
    let kinds: [(&str, Kind); 3] = [("refusing", refusing), ("stalling", stalling), ("garbling", garbling)];
    let cases = VENDORS.iter().flat_map(|vendor| kinds.iter().map(move |kind| (vendor, kind)));
    let cases = stream::iter(cases.map(|((vendor, word), (kind, fault))| async move {
        let case = format!("{vendor} {kind}");
        let investigated = under(vec![fault(vendor)]).await;
        assert_honest(&investigated, &case);
        let state = &investigated.state;
        let said = match *vendor {
            // A failing Slack cannot carry its own gap: the document has it.
            "slack" => {
                state.brief.as_ref().unwrap().gap.as_ref().map(|gap| gap.sentence.clone()).unwrap_or_default()
            }
            _ => investigated.brief().to_owned(),
        };
        assert!(said.contains(word), "{case}: the brief does not name {word}:\n{said}");
        assert!(state.gaps().count() > 0 || *vendor == "slack", "{case}: no gap");
    }));
    cases.buffer_unordered(AT_ONCE).collect::<()>().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_stalling_at_once_still_ends_in_a_brief_that_blames_nobody() {
    let all = VENDORS
        .iter()
        .filter(|(vendor, _)| *vendor != "anthropic")
        .map(|(vendor, _)| stalling(vendor))
        .collect();
    let investigated = under(all).await;
    assert!(!investigated.brief().is_empty());
    let weighed = investigated.state.weighed.as_ref().unwrap();
    assert!(weighed.hypotheses.iter().all(|h| h.level != incident::Level::High), "{:?}", weighed.hypotheses);
    assert!(investigated.state.evidence.iter().all(|e| e.status == incident::Status::Timeout));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_removed_never_makes_a_confident_wrong_answer() {
    let right = run(changed("demo", |_| ())).await.verdict();
    for vendor in ["datadog", "kubernetes", "aws", "cloudflare", "github"] {
        let investigated = run(changed("demo", |files| {
            files.remove(&format!("{vendor}.yaml"));
        }))
        .await;
        let weighed = investigated.state.weighed.as_ref().unwrap();
        let sure = weighed.confidence.level == incident::Level::High;
        assert!(!sure || investigated.verdict() == right, "without {vendor}: {}", investigated.verdict());
        if vendor != "github" {
            let evidence = investigated.state.evidence.iter().find(|e| e.source.name() == vendor).unwrap();
            assert_eq!(evidence.status, incident::Status::NotConfigured, "{vendor}");
        }
    }
}
