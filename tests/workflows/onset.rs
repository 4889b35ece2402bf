//! A change moved across the onset, minute by minute, in every incident: it may be blamed before, and it is cleared after.

use incident::diagnosis::RuledOut;
use incident::fact::{Rollout, TimeSource};
use incident::{
    Action, Cause, Diagnosis, Evidence, Fact, Finding, Object, ObjectKind, Source, State, Status, Timestamp,
};

use super::reliability::{Labelled, scenarios};
use crate::recorded;

/// What the engine says of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Said {
    /// It leads, or what leads rests on it, or undoing it is proposed.
    Blamed,
    Nothing,
    /// It is ruled out, for it came after.
    Cleared,
}

/// Minutes from the onset.
const MINUTES: [i64; 22] =
    [-30, -20, -15, -10, -7, -5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 7, 10, 15, 20, 30, 45];

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

fn shifted(time: Timestamp, seconds: i64) -> Timestamp {
    at(time.as_second() + seconds)
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
        let by = second - was;
        finding.at = shifted(finding.at, by);
        finding.until = finding.until.map(|time| shifted(time, by));
        if let Fact::Rollout(rollout) = &mut finding.fact {
            rollout.finished_at = rollout.finished_at.map(|time| shifted(time, by));
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
            evidence.status = Status::Ok;
            evidence.findings.push(finding);
        }
        None => {
            let mut evidence = Evidence::not_configured(Source::Kubernetes, String::new());
            (evidence.status, evidence.findings) = (Status::Ok, vec![finding]);
            state.evidence.push(evidence);
        }
    }
    (state, object)
}

fn said(diagnosis: &Diagnosis, state: &State, object: &Object) -> Said {
    let own = |id: &String| state.finding(id).is_some_and(|f| is_of(f, object));
    let rests =
        diagnosis.leading().any(|h| h.features.iter().any(|f| f.supports && f.evidence.iter().any(own)));
    let undone = diagnosis
        .actions
        .iter()
        .any(|a| matches!(&a.action, Action::RollBack { workload, .. } if workload == object));
    let after = |r: &RuledOut| r.cause.is_none() && r.object == *object && r.reason.contains(" after the ");
    match diagnosis.ruled_out.iter().any(after) {
        _ if rests || undone => Said::Blamed,
        true => Said::Cleared,
        false => Said::Nothing,
    }
}

/// How a change fares as it is moved across the onset, and what is wrong with that.
fn course(name: &str, state: &State, object: &Object) -> (Vec<Said>, Vec<String>) {
    let plain = weighed(state);
    let seen = plain.onset.is_some();
    let onset = plain.onset.as_ref().map_or(state.alert.at, |onset| onset.at).as_second();
    let alert = state.alert.at.as_second().max(onset);
    let mut wrong = Vec::new();
    let course = MINUTES.map(|minute| {
        let moved = moved(state, object, onset + 60 * minute);
        let now = said(&weighed(&moved), &moved, object);
        // Within its uncertainty an onset may lie on either side; a minute after the alert fired it has come.
        if onset + 60 * minute > alert + 60 && now != Said::Cleared {
            wrong.push(format!("{name}: {minute:+} min from the onset it is not cleared: {now:?}"));
        }
        if seen && minute <= -10 && now == Said::Cleared {
            wrong.push(format!("{name}: {minute:+} min from the onset it is cleared"));
        }
        now
    });
    if !course.is_sorted() {
        wrong.push(format!("{name}: it is blamed and cleared by turns: {course:?}"));
    }
    (course.to_vec(), wrong)
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
        let (course, faults) = course(&truth.incident, &state, &object);
        wrong.extend(faults);
        if course.contains(&Said::Blamed) {
            let last = course.iter().rposition(|said| *said == Said::Blamed).unwrap_or_default();
            flipped.push(format!("{} (until {:+} min)", truth.incident, MINUTES[last]));
        }
    }
    println!("blamed before the onset and cleared after it: {}", flipped.join(", "));
    assert!(flipped.iter().any(|name| name.starts_with("demo")), "the demo's own rollout is not blamed");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
