//! Every scenario of the repository through the whole workflow, against what it expects; then its evidence changed in every way that
//! must not change the verdict, and with each source taken away.

use incident::evidence::Observation;
use incident::{
    Diagnosis, Evidence, Fact, Level, Object, ObjectKind, Source, State, Status, Timestamp, Verdict,
};
use regex::Regex;

use super::{Investigated, run, scenario};
use crate::names_in;

/// What must stay the same: the leading causes with their culprits' kinds, and how sure.
fn shape(diagnosis: &Diagnosis) -> Vec<(incident::Cause, ObjectKind, Level)> {
    diagnosis.leading().map(|h| (h.cause, h.culprit.kind, h.level)).collect()
}

fn verdict(diagnosis: &Diagnosis) -> &'static str {
    match diagnosis.verdict {
        Verdict::Causes { .. } => "leading",
        Verdict::Healthy { .. } => "healthy",
        Verdict::Inconclusive { .. } => "inconclusive",
    }
}

/// What the scenario expects and does not find.
fn disappointed(name: &str, investigated: &Investigated) -> Vec<String> {
    let wanted = scenario(name);
    let Some(expected) = &wanted.expected else { return vec!["it expects nothing".to_owned()] };
    let diagnosis = investigated.state.weighed.as_ref().expect("a weighed diagnosis");
    let brief = investigated.brief();
    let json = |cause: incident::Cause| serde_json::to_value(cause).unwrap().as_str().unwrap().to_owned();
    let lead = diagnosis.leading().next();
    let mut missing = Vec::new();
    let mut want = |holds: bool, what: String| {
        if !holds {
            missing.push(what);
        }
    };
    if let Some(wanted) = &expected.verdict {
        want(verdict(diagnosis) == wanted, format!("verdict {wanted}, is {:?}", diagnosis.verdict));
    }
    if let Some(cause) = &expected.cause {
        want(
            lead.is_some_and(|l| json(l.cause) == *cause),
            format!("cause {cause}, is {}", investigated.verdict()),
        );
    }
    if let Some(culprit) = &expected.culprit {
        want(
            lead.is_some_and(|l| l.culprit.to_string() == *culprit),
            format!("culprit {culprit}, is {}", investigated.verdict()),
        );
    }
    for cause in &expected.ruled_out {
        want(
            diagnosis.ruled_out.iter().any(|r| r.cause.is_some_and(|c| json(c) == *cause)),
            format!("{cause} ruled out"),
        );
    }
    for text in &expected.brief {
        want(brief.contains(text.as_str()), format!("the brief says {text}"));
    }
    missing
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
async fn every_scenario_ends_as_it_expects_and_stands_what_must_not_matter() {
    let mut failed = Vec::new();
    for name in names_in("tests/scenarios").into_iter().filter(|name| !name.starts_with("demo")) {
        let investigated = run(scenario(&name)).await;
        let state = &investigated.state;
        for what in disappointed(&name, &investigated) {
            failed.push(format!("{name}: {what}\n{}", investigated.brief()));
        }
        let plain = diagnosis::diagnose(state);
        let changes: [(&str, State); 5] = [
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
        let causes: Vec<_> = plain.leading().map(|h| h.cause).collect();
        for source in Source::COLLECTED {
            let mut without = state.clone();
            without.evidence.retain(|e| e.source != source);
            let again = diagnosis::diagnose(&without);
            for lead in again.leading().filter(|l| l.level == Level::High && !causes.contains(&l.cause)) {
                failed.push(format!("{name} without {source}: {lead:?} is surely wrong"));
            }
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}
