//! Kubernetes pods: why containers do not run. One suspect per workload and reason, its pods counted.

use std::collections::BTreeMap;

use incident::fact::PodState;
use incident::{Cause, Fact, Finding, Object, ObjectKind, Timestamp};

use crate::change::Deed;
use crate::scene::Scene;
use crate::suspect::{BELOW_HIGH, Report, Suspect};
use crate::words::{clock, count, sentence, span};

use super::containers::classify;
use super::scheduling;

/// What it costs a fault not to be where the alert is: beside it, in its namespace, while all that the alert names is whole; or anywhere.
pub(super) const BESIDE: f64 = -0.4;
const ELSEWHERE: f64 = -1.5;

/// The failing pods of one workload for one reason.
#[derive(Debug)]
struct Failing<'a> {
    cause: Cause,
    culprit: Object,
    pods: Vec<&'a Finding>,
    /// What the first pod says, in the vendor's words.
    detail: String,
    /// A finding other than the pods that shows it, and what it shows.
    shown: Option<(&'a Finding, String)>,
    first: Option<Timestamp>,
}

pub(super) fn detect(scene: &Scene<'_>, report: &mut Report) {
    let groups = failing(scene, report);
    for group in groups.into_values() {
        if group.cause == Cause::ImagePull {
            let ids: Vec<&str> = group.pods.iter().take(2).map(|f| f.id.as_str()).collect();
            let reason =
                "not an OOM kill and no crash: the containers never started, their image was not pulled";
            report.clear(Some(Cause::OutOfMemory), group.culprit.clone(), reason, &ids);
        }
        report.suspects.push(suspect(scene, &group));
    }
}

/// The causes whose proof is a container's state: they name what a rollout of the same workload only began.
pub(crate) fn is_pod_cause(cause: Cause) -> bool {
    matches!(
        cause,
        Cause::ImagePull
            | Cause::CrashLoop
            | Cause::OutOfMemory
            | Cause::ConfigMissing
            | Cause::ProbeFailure
            | Cause::Unschedulable
            | Cause::VolumeFailure
            | Cause::QuotaExceeded
            | Cause::PermissionDenied
            | Cause::InvalidConfiguration
            | Cause::SidecarConflict
            | Cause::ScaledToZero
    )
}

fn failing<'a>(scene: &Scene<'a>, report: &mut Report) -> BTreeMap<(Cause, Object), Failing<'a>> {
    let mut groups: BTreeMap<(Cause, Object), Failing<'a>> = BTreeMap::new();
    let complaints = crate::complaint::complaints(scene);
    for (finding, pod) in scene.pods() {
        let Some(fault) = classify(scene, &complaints, finding, pod) else { continue };
        let owner = scene.owner(finding, pod);
        if let Some((reason, workload)) = owner.as_ref().and_then(|owner| ending(scene, finding, pod, owner))
        {
            report.clear(Some(fault.cause), finding.object.clone(), reason, &[&finding.id, &workload.id]);
            continue;
        }
        let culprit = match (fault.cause, &pod.node) {
            // A node short of something evicts pods of anybody.
            (Cause::NodePressure, Some(node)) if fault.detail.contains("node was low") => {
                Object::new(ObjectKind::Node, node.clone())
            }
            _ => owner.unwrap_or_else(|| finding.object.clone()),
        };
        let group = groups.entry((fault.cause, culprit.clone())).or_insert_with(|| Failing {
            cause: fault.cause,
            culprit,
            pods: Vec::new(),
            detail: fault.detail,
            shown: fault.shown,
            first: None,
        });
        group.pods.push(finding);
        group.first = group.first.into_iter().chain(pod.started_at).min();
    }
    groups
}

/// Why a failing pod is no failure: it is being deleted, or an older ReplicaSet's, while its workload is whole.
fn ending<'a>(
    scene: &Scene<'a>,
    finding: &Finding,
    pod: &PodState,
    owner: &Object,
) -> Option<(String, &'a Finding)> {
    let name = &finding.object.name;
    if let Some(workload) = superseded(scene, finding, owner) {
        let reason = format!(
            "not a current failure and not OOM: {name} belongs to an old ReplicaSet and is terminating, its rollout is complete; {}",
            workload.summary
        );
        return Some((reason, workload));
    }
    let told = |text: &str| text.contains("terminating");
    let said = pod.containers.iter().filter_map(|c| c.message.as_deref()).any(told)
        || scene.events().any(|(f, e)| f.object.name == *name && told(&e.note));
    let (workload, state) = scene.workloads().find(|(f, _)| f.object == *owner)?;
    let ending = pod.deleting_since.is_some() || said;
    (ending && state.desired > 0 && state.ready >= state.desired).then(|| {
        let since =
            pod.deleting_since.map(|at| format!(" since {}", clock(at, scene.now()))).unwrap_or_default();
        let reason = format!(
            "not a current failure and not OOM: {name} of an old ReplicaSet is terminating{since}; {}",
            workload.summary
        );
        (reason, workload)
    })
}

/// The workload's finding, when it is fully ready and the pod's template hash is not that of its ready pods.
fn superseded<'a>(scene: &Scene<'a>, pod: &Finding, owner: &Object) -> Option<&'a Finding> {
    let (workload, _) = scene
        .workloads()
        .find(|(f, w)| f.object.name == owner.name && w.desired > 0 && w.ready >= w.desired)?;
    let hash = |name: &str| {
        name.strip_prefix(owner.name.as_str())
            .and_then(|rest| rest.trim_start_matches('-').split_once('-').map(|(hash, _)| hash.to_owned()))
    };
    let own = hash(&pod.object.name)?;
    let others = || scene.pods().filter(|(f, p)| p.ready && f.object.name.starts_with(owner.name.as_str()));
    let newer = others().any(|(f, _)| hash(&f.object.name).is_some_and(|h| h != own));
    let same = others().any(|(f, _)| hash(&f.object.name).as_ref() == Some(&own));
    (newer && !same).then_some(workload)
}

fn suspect(scene: &Scene<'_>, group: &Failing<'_>) -> Suspect {
    let ids: Vec<&str> = group.pods.iter().take(4).map(|f| f.id.as_str()).collect();
    // The detail may be an event's, or the log's.
    let shown: Vec<&str> =
        ids.iter().copied().chain(group.shown.iter().map(|(f, _)| f.id.as_str())).collect();
    let said = match group.pods.as_slice() {
        [only] => format!("pod {}: {}", only.object.name, group.detail),
        pods => format!("{} of {}: {}", count(pods.len(), "pod"), group.culprit.name, group.detail),
    };
    let whose = match group.pods.as_slice() {
        [_] => said.clone(),
        _ => format!("pods of {}: {}", group.culprit.name, group.detail),
    };
    let suspect = Suspect::new(group.cause, group.culprit.clone())
        .with("containers_do_not_run", 2.0, said, &ids)
        .claim(sentence(&whose), &shown);
    let suspect = match matching_event(scene, group) {
        Some((finding, text)) => {
            suspect.with("kubelet_reports_it", 0.8, &text, &[&finding.id]).claim(text, &[&finding.id])
        }
        None => suspect,
    };
    let suspect = match &group.shown {
        Some((finding, text)) if !suspect.features.iter().any(|f| f.evidence.contains(&finding.id)) => {
            let name = if matches!(finding.fact, Fact::EventGroup(_)) {
                "kubelet_reports_it"
            } else {
                "its_log_says_why"
            };
            suspect.with(name, 0.8, text, &[&finding.id]).claim(sentence(text), &[&finding.id])
        }
        _ => suspect,
    };
    let suspect = match group.cause {
        Cause::Unschedulable | Cause::VolumeFailure if group.detail.contains("nodes are available") => {
            let why = scheduling::words(scheduling::obstacle(&group.detail));
            suspect
                .with("scheduler_says_why", 0.3, why, &ids)
                .claim(format!("{}: {why}", group.culprit.name), &ids)
        }
        _ => suspect,
    };
    let suspect = lonely(scene, suspect, group);
    let suspect = rollout_stands(scene, suspect, &group.culprit);
    let suspect = short(scene, suspect, &group.culprit);
    let suspect = began_with_change(scene, suspect, group);
    match concern(scene, group) {
        Some(false) => suspect.with(
            "not_what_the_alert_names",
            if scene.beside(&group.culprit) { BESIDE } else { ELSEWHERE },
            format!("{} is not what the alert is about", group.culprit.name),
            &ids,
        ),
        Some(true) => {
            suspect.with("alert_names_it", 0.5, format!("the alert is about {}", group.culprit.name), &ids)
        }
        None => suspect,
    }
}

/// One failing pod of a workload that was not read may be one too many: an old one that ends.
fn lonely(scene: &Scene<'_>, suspect: Suspect, group: &Failing<'_>) -> Suspect {
    let read = scene.workloads().any(|(f, _)| f.object.name == group.culprit.name);
    let ends = matches!(group.cause, Cause::ImagePull | Cause::Unschedulable | Cause::ConfigMissing);
    if read || ends || group.pods.len() > 1 {
        return suspect;
    }
    suspect.capped(BELOW_HIGH, "whether its workload lacks this pod was not seen")
}

fn concern(scene: &Scene<'_>, group: &Failing<'_>) -> Option<bool> {
    let named = scene.state.subject.pods.iter().any(|p| group.pods.iter().any(|f| f.object.name == p.name));
    if named { Some(true) } else { scene.concerns(&group.culprit) }
}

/// The event that says most about these pods: a failure before a back-off.
fn matching_event<'a>(scene: &Scene<'a>, group: &Failing<'_>) -> Option<(&'a Finding, String)> {
    let words: &[&str] = match group.cause {
        Cause::ImagePull => &["Failed", "ErrImagePull", "BackOff"],
        Cause::ProbeFailure => &["Killing", "Unhealthy"],
        Cause::Unschedulable => &["FailedScheduling"],
        Cause::ConfigMissing => &["Failed", "FailedMount"],
        Cause::VolumeFailure => &["FailedScheduling", "FailedMount", "FailedAttachVolume"],
        Cause::NodePressure => &["Evicted", "EvictionThresholdMet"],
        _ => &["BackOff", "OOMKilling", "Failed"],
    };
    words.iter().find_map(|reason| {
        let (finding, event) = scene
            .events()
            .filter(|(f, e)| e.reason == *reason && about(group, f))
            .max_by_key(|(_, e)| e.count)?;
        let since = event.first.map(|at| format!(" since {}", clock(at, scene.now()))).unwrap_or_default();
        Some((finding, format!("{}{since}: {}", count(event.count as usize, "event"), event.note)))
    })
}

/// True for an event about one of these pods, or about another pod of their workload: alike pods are not all listed.
fn about(group: &Failing<'_>, event: &Finding) -> bool {
    let sibling = || {
        event.object.name.strip_prefix(group.culprit.name.as_str()).is_some_and(|rest| rest.starts_with('-'))
    };
    let listed = group.pods.iter().any(|pod| pod.object.name == event.object.name);
    listed || (event.object.kind == ObjectKind::Pod && group.pods.len() > 1 && sibling())
}

/// A rollout of the same workload that does not finish is the same fault, told by the controller.
fn rollout_stands(scene: &Scene<'_>, suspect: Suspect, culprit: &Object) -> Suspect {
    let stuck = scene.events().find(|(f, e)| f.object == *culprit && e.reason == "ProgressDeadlineExceeded");
    match stuck {
        Some((finding, event)) => suspect
            .with(
                "rollout_does_not_finish",
                0.5,
                format!("the rollout does not finish: {}", event.note),
                &[&finding.id],
            )
            .claim(sentence(&event.note), &[&finding.id]),
        None => suspect,
    }
}

fn short(scene: &Scene<'_>, suspect: Suspect, culprit: &Object) -> Suspect {
    match scene.workloads().find(|(f, w)| f.object.name == culprit.name && w.ready < w.desired) {
        Some((finding, w)) => suspect.with(
            "workload_short_of_replicas",
            0.5,
            format!("{} of {} replicas of {} are ready", w.ready, w.desired, culprit.name),
            &[&finding.id],
        ),
        None => suspect,
    }
}

fn began_with_change(scene: &Scene<'_>, suspect: Suspect, group: &Failing<'_>) -> Suspect {
    let Some(first) = group.first else { return suspect };
    let change = scene.changes.iter().rev().find(|change| {
        let gap = first.as_second() - change.at.as_second();
        change.object.name == group.culprit.name
            && matches!(change.deed, Deed::Rollout(_) | Deed::Deploy(_))
            && (-30..3600).contains(&gap)
    });
    let Some(change) = change else { return suspect };
    let gap = first.as_second() - change.at.as_second();
    let ids: Vec<&str> = change.evidence.iter().map(String::as_str).collect();
    let text = format!(
        "{} was {} at {}, {} before the first failing pod started",
        change.label,
        change.verb(),
        clock(change.at, scene.now()),
        span(gap.max(0))
    );
    let suspect = suspect.with("began_with_rollout", 0.7, &text, &ids).claim(text, &ids);
    // What the containers report is the proof already: the difference is told and weighs nothing.
    crate::mechanism::template(scene, suspect, change, &[])
}
