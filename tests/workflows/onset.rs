//! A change moved across the onset, minute by minute, in every incident: it may be blamed before, and it is cleared after.

use incident::fact::{Rollout, TimeSource};
use incident::{Cause, Diagnosis, Evidence, Fact, Finding, Level, Object, ObjectKind, Source, State, Timestamp};

use super::reliability::{Labelled, scenarios};
use crate::recorded;

/// What the engine says of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Said {
    Blamed,
    /// It leads, and less than surely; or nothing is said of it.
    Doubted,
    Cleared,
}

const MINUTES: std::ops::RangeInclusive<i64> = -30..=45;

fn weighed(state: &State) -> Diagnosis {
    if state.knowledge.is_some() { diagnosis::weigh(state) } else { diagnosis::diagnose(state) }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap()
}

/// True for the change of this object: its rollout, its template, the events that tell of it.
fn is_of(finding: &Finding, object: &Object) -> bool {
    match &finding.fact {
        Fact::Rollout(_) | Fact::TemplateDiff(_) => finding.object == *object,
        Fact::DeployEvent(deploy) => deploy.service.as_ref() == Some(&object.name),
        _ => false,
    }
}

/// The document with the newest change of an object moved so that it happened at this second.
fn moved(state: &State, object: &Object, second: i64) -> State {
    let rollouts = state.findings().filter(|f| f.object == *object && matches!(f.fact, Fact::Rollout(_)));
    let was = rollouts.map(|f| f.at.as_second()).max().expect("a rollout");
    let mut state = state.clone();
    for finding in state.evidence.iter_mut().flat_map(|e| &mut e.findings) {
        if !is_of(finding, object) || (finding.at.as_second() - was).abs() > 1800 {
            continue;
        }
        let shift = |time: Timestamp| at(time.as_second() + second - was);
        finding.at = shift(finding.at);
        finding.until = finding.until.map(shift);
        if let Fact::Rollout(rollout) = &mut finding.fact {
            rollout.finished_at = rollout.finished_at.map(shift);
        }
    }
    state
}

/// The document with a rollout that was not there, of what the alert is about.
fn with_rollout(state: &State) -> (State, Object) {
    let mut state = state.clone();
    if state.subject.workloads.is_empty() {
        state.subject.workloads.push(Object::namespaced(ObjectKind::Deployment, "prod", "caller"));
    }
    let object = state.subject.workloads[0].clone();
    let rollout = Rollout {
        revision: Some(12),
        previous_revision: Some(11),
        version: "v12".into(),
        previous_version: Some("v11".into()),
        finished_at: None,
        time_source: TimeSource::ScalingEvent,
        restart_only: false,
        is_rollback: false,
        images: vec![],
        managed_by: None,
    };
    let finding = Finding {
        id: "kubernetes-9001".into(),
        at: state.alert.at,
        until: None,
        object: object.clone(),
        summary: "rolled out".into(),
        fact: Fact::Rollout(rollout),
    };
    match state.evidence.iter_mut().find(|e| e.source == Source::Kubernetes) {
        Some(evidence) => {
            evidence.status = incident::Status::Ok;
            evidence.findings.push(finding);
        }
        None => {
            let mut evidence = Evidence::not_configured(Source::Kubernetes, String::new());
            (evidence.status, evidence.findings) = (incident::Status::Ok, vec![finding]);
            state.evidence.push(evidence);
        }
    }
    (state, object)
}

fn said(diagnosis: &Diagnosis, object: &Object) -> Said {
    let by_change = |cause| matches!(cause, Cause::RegressionByDeploy | Cause::ConfigurationChange);
    let lead = diagnosis.leading().find(|h| by_change(h.cause) && h.culprit == *object);
    let cleared = diagnosis.ruled_out.iter().any(|r| {
        r.cause.is_none() && r.object == *object && r.reason.contains(" after the ")
    });
    match lead {
        _ if cleared => Said::Cleared,
        Some(lead) if lead.level == Level::High => Said::Blamed,
        _ => Said::Doubted,
    }
}

/// What must hold of a change after the onset: no cause rests on it, and nobody is told to undo it.
fn blames(diagnosis: &Diagnosis, object: &Object) -> bool {
    let undone = diagnosis.actions.iter().any(|a| matches!(&a.action, incident::Action::RollBack { workload, .. } if workload == object));
    let supports = diagnosis.hypotheses.iter().any(|h| {
        h.features.iter().any(|f| f.supports && f.evidence.iter().any(|id| id == "kubernetes-9001"))
    });
    undone || supports
}

/// What is wrong with how a change fares as it is moved across the onset; `by` is whether it is the cause before it.
fn faults(name: &str, state: &State, object: &Object) -> (Vec<String>, bool) {
    let plain = weighed(state);
    let onset = plain.onset.as_ref().map_or(state.alert.at, |onset| onset.at).as_second();
    let until = state.alert.at.as_second().max(onset);
    let mut wrong = Vec::new();
    let mut course = Vec::new();
    for minute in MINUTES {
        let diagnosis = weighed(&moved(state, object, onset + 60 * minute));
        let now = said(&diagnosis, object);
        course.push(now);
        // Within its uncertainty, an onset may lie on either side; when the alert fires it has come.
        let later = onset + 60 * minute > until + 60;
        if later && (now != Said::Cleared || blames(&diagnosis, object)) {
            wrong.push(format!("{name}: {minute:+} min from the onset it is not cleared: {now:?}"));
        }
        if minute < -10 && now == Said::Cleared {
            wrong.push(format!("{name}: {minute:+} min from the onset it is cleared"));
        }
    }
    let blamed = course.contains(&Said::Blamed);
    // A change that is too long before loses its weight; from ten minutes before on, the verdict goes one way.
    let near: Vec<_> = course.iter().skip(20).collect();
    if !near.is_sorted() {
        wrong.push(format!("{name}: it is blamed, doubted and cleared by turns: {near:?}"));
    }
    (wrong, blamed)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_is_blamed_before_the_onset_and_cleared_after_it() {
    let mut all = scenarios().await;
    all.extend(recorded::labelled().await);
    let (mut wrong, mut flipped) = (Vec::new(), Vec::new());
    for Labelled { truth, state } in &all {
        let lead = weighed(state).leading().next().map(|lead| (lead.cause, lead.culprit.clone()));
        let own = lead.filter(|(cause, _)| *cause == Cause::RegressionByDeploy).map(|(_, culprit)| culprit);
        let (state, object) = match own {
            Some(culprit) => (state.clone(), culprit),
            None => with_rollout(state),
        };
        let (faults, blamed) = faults(&truth.incident, &state, &object);
        wrong.extend(faults);
        if blamed {
            flipped.push(truth.incident.as_str());
        }
    }
    println!("blamed before the onset and cleared after it: {}", flipped.join(", "));
    assert!(flipped.contains(&"demo"), "the demo's own rollout is not blamed");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
