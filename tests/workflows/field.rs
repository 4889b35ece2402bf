//! The evidence of every scenario, as the whole workflow read it, changed in every way that must not change the verdict, and with every
//! choice of sources taken away.

use incident::diagnosis::Hypothesis;
use incident::evidence::Observation;
use incident::{
    Diagnosis, Evidence, Fact, Level, Object, ObjectKind, Source, State, Status, Timestamp, Verdict,
};
use regex::Regex;

use super::reliability::{Labelled, scenarios};
use super::{run, scenario};
use crate::{names_in, recorded};

/// What must stay the same: the leading causes with their culprits' kinds, and how sure.
fn shape(diagnosis: &Diagnosis) -> Vec<(incident::Cause, ObjectKind, Level)> {
    diagnosis.leading().map(|h| (h.cause, h.culprit.kind, h.level)).collect()
}

pub fn verdict(diagnosis: &Diagnosis) -> &'static str {
    match diagnosis.verdict {
        Verdict::Causes { .. } => "leading",
        Verdict::Healthy { .. } => "healthy",
        Verdict::Inconclusive { .. } => "inconclusive",
    }
}

/// Names of a store that no other page knows, and what they become.
fn renamed(state: &State) -> State {
    let text = serde_json::to_string(state).unwrap();
    let text = text
        .replace("bramble", "quartz")
        .replace("basket-svc", "quux-unit")
        .replace("rating-svc", "corge-unit")
        .replace("ledger-store", "zz9-store");
    serde_json::from_str(&text).unwrap()
}

fn shifted(state: &State, seconds: i64) -> State {
    let time = Regex::new(r#""(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z)""#).unwrap();
    let text = serde_json::to_string(state).unwrap();
    let moved = time.replace_all(&text, |found: &regex::Captures<'_>| {
        let at: Timestamp = found[1].parse().unwrap();
        format!("\"{}\"", Timestamp::from_second(at.as_second() + seconds).unwrap())
    });
    serde_json::from_str(&moved).unwrap()
}

/// Ten times the traffic: what counts is what differs, and not how much there is of it.
fn scaled(state: &State) -> State {
    fn tenfold(value: &mut serde_json::Value) {
        match value {
            serde_json::Value::Number(number) => {
                if let Some(count) = number.as_u64() {
                    *value = (count * 10).into();
                }
            }
            serde_json::Value::Array(list) => list.iter_mut().for_each(tenfold),
            serde_json::Value::Object(fields) => fields.values_mut().for_each(tenfold),
            _ => {}
        }
    }
    let mut state = state.clone();
    for finding in state.evidence.iter_mut().flat_map(|e| &mut e.findings) {
        if matches!(
            finding.fact,
            Fact::EdgeTraffic(_) | Fact::WafActivity(_) | Fact::DdosActivity(_) | Fact::WebsocketUpgrades(_)
        ) {
            let mut fact = serde_json::to_value(&finding.fact).unwrap();
            tenfold(&mut fact);
            finding.fact = serde_json::from_value(fact).unwrap();
        }
    }
    state
}

fn reordered(state: &State) -> State {
    let mut state = state.clone();
    state.evidence.reverse();
    state.evidence.iter_mut().for_each(|evidence| evidence.findings.reverse());
    state
}

/// An unrelated deploy a few minutes before the alert, and a noisy event of a thing that nobody asked about.
fn noisy(state: &State) -> State {
    let mut state = state.clone();
    let at = Timestamp::from_second(state.alert.at.as_second() - 240).unwrap();
    let window = incident::Window { from: at, to: state.as_of };
    let call = incident::Call { name: "more".to_owned(), status: Status::Ok, took_ms: 1 };
    let deploy = incident::fact::DeployEvent {
        title: "Deployed unrelated-thing v9".to_owned(),
        service: Some("unrelated-thing".to_owned()),
        version: Some("v9".to_owned()),
        ..Default::default()
    };
    let event = incident::fact::EventGroup {
        reason: "DNSConfigForming".to_owned(),
        severity: "Warning".to_owned(),
        count: 40,
        first: Some(at),
        last: Some(state.as_of),
        note: "search line limits were exceeded".to_owned(),
    };
    let service = Object::new(ObjectKind::Application, "unrelated-thing");
    let pod = Object::namespaced(ObjectKind::Pod, "elsewhere", "noise-1");
    let more = Evidence::new(
        Source::Github,
        window,
        1,
        vec![call],
        vec![
            Observation::new(at, service, "deploy", Fact::DeployEvent(deploy)),
            Observation::new(at, pod, "event", Fact::EventGroup(event)),
        ],
        vec![],
    );
    state.evidence.push(more);
    state
}

#[tokio::test(flavor = "multi_thread")]
async fn what_must_not_matter_changes_no_verdict() {
    let mut failed = Vec::new();
    for name in names_in("tests/scenarios").into_iter().filter(|name| !name.starts_with("demo")) {
        let investigated = run(scenario(&name)).await;
        let state = &investigated.state;
        let plain = diagnosis::diagnose(state);
        let changes: [(&str, State); 6] = [
            ("scaled", scaled(state)),
            ("renamed", renamed(state)),
            ("forty days earlier", shifted(state, -40 * 86_400)),
            ("five hours later", shifted(state, 5 * 3_600)),
            ("reordered", reordered(state)),
            ("with noise", noisy(state)),
        ];
        for (how, changed) in &changes {
            let again = diagnosis::diagnose(changed);
            if shape(&again) != shape(&plain) || verdict(&again) != verdict(&plain) {
                failed.push(format!("{name} {how}: {:?} instead of {:?}", shape(&again), shape(&plain)));
            }
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

/// The document without some of its sources, for every choice of them but all.
fn without_sources(state: &State) -> impl Iterator<Item = (String, State)> {
    let n = Source::COLLECTED.len();
    (1..(1_u32 << n) - 1).map(move |choice| {
        let gone: Vec<Source> =
            (0..n).filter(|i| choice & (1 << i) != 0).map(|i| Source::COLLECTED[i]).collect();
        let mut without = state.clone();
        without.evidence.retain(|e| !gone.contains(&e.source));
        (gone.iter().map(|source| source.title()).collect::<Vec<_>>().join(", "), without)
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn without_sources_nothing_wrong_is_said_surely_and_nothing_is_healthy_that_was_not() {
    let mut all = scenarios().await;
    all.extend(recorded::labelled().await);
    let (mut failed, mut read) = (Vec::new(), 0);
    for Labelled { truth, state } in &all {
        let told = |state: &State| {
            if state.knowledge.is_some() { diagnosis::weigh(state) } else { diagnosis::diagnose(state) }
        };
        let plain = told(state);
        let known: Vec<_> = plain.leading().map(|h| (h.cause, h.culprit.clone())).collect();
        for (gone, without) in without_sources(state) {
            let again = told(&without);
            read += 1;
            let name = &truth.incident;
            let new =
                |l: &&Hypothesis| l.level == Level::High && !known.contains(&(l.cause, l.culprit.clone()));
            failed.extend(again.leading().filter(new).map(|lead| {
                format!("{name} without {gone}: {:?} of {} is surely wrong", lead.cause, lead.culprit)
            }));
            if verdict(&again) == "healthy" && verdict(&plain) != "healthy" {
                failed.push(format!("{name} without {gone}: healthy, {:?}", again.verdict));
            }
            if verdict(&plain) == "healthy" && !again.actions.is_empty() {
                failed.push(format!("{name} without {gone}: {:?}", again.actions));
            }
        }
    }
    println!("{read} documents");
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}
