//! Kubernetes pods: why containers do not run. One suspect per workload and reason, its pods counted.

use std::collections::BTreeMap;

use incident::fact::{ContainerState, PodState};
use incident::{Cause, Finding, Object, ObjectKind, Timestamp};

use crate::change::Deed;
use crate::scene::Scene;
use crate::suspect::{Report, Suspect};
use crate::words::{clock, count, sentence, span};

/// A container that restarted this often within its pod's life and is not ready does not run.
const MANY_RESTARTS: u32 = 3;

/// The failing pods of one workload for one reason.
#[derive(Debug)]
struct Failing<'a> {
    cause: Cause,
    culprit: Object,
    pods: Vec<&'a Finding>,
    /// What the first pod says, in the vendor's words.
    detail: String,
    first: Option<Timestamp>,
}

pub(super) fn detect(scene: &Scene<'_>, report: &mut Report) {
    let groups = failing(scene, report);
    for group in groups.into_values() {
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
    )
}

fn failing<'a>(scene: &Scene<'a>, report: &mut Report) -> BTreeMap<(Cause, Object), Failing<'a>> {
    let mut groups: BTreeMap<(Cause, Object), Failing<'a>> = BTreeMap::new();
    for (finding, pod) in scene.pods() {
        let Some((cause, detail)) = classify(scene, finding, pod) else { continue };
        let owner = scene.owner(finding, pod);
        if let Some(workload) = owner.as_ref().and_then(|owner| superseded(scene, finding, owner)) {
            let reason = format!(
                "{} belongs to an older ReplicaSet and is being replaced; {}",
                finding.object.name, workload.summary
            );
            report.clear(Some(cause), finding.object.clone(), reason, &[&finding.id, &workload.id]);
            continue;
        }
        let culprit = owner.unwrap_or_else(|| finding.object.clone());
        let group = groups.entry((cause, culprit.clone())).or_insert_with(|| Failing {
            cause,
            culprit,
            pods: Vec::new(),
            detail,
            first: None,
        });
        group.pods.push(finding);
        group.first = group.first.into_iter().chain(pod.started_at).min();
    }
    groups
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

fn classify(scene: &Scene<'_>, finding: &Finding, pod: &PodState) -> Option<(Cause, String)> {
    if pod.ready || pod.phase == "Succeeded" {
        return None;
    }
    if let Some(found) = pod.containers.iter().filter(|c| !c.ready).find_map(|c| container(scene, finding, c))
    {
        return Some(found);
    }
    let reason = pod.reason.as_deref().unwrap_or_default();
    let message = pod.message.clone().unwrap_or_default();
    match (pod.phase.as_str(), reason) {
        ("Pending", "Unschedulable") => Some((Cause::Unschedulable, message)),
        (_, "Evicted") => Some((Cause::NodePressure, message)),
        _ => None,
    }
}

fn container(scene: &Scene<'_>, pod: &Finding, container: &ContainerState) -> Option<(Cause, String)> {
    let waiting = container.waiting.as_deref().unwrap_or_default();
    let image = container.image.as_deref().map(|image| format!(" for {image}")).unwrap_or_default();
    let message = container.message.as_deref().unwrap_or_default();
    let detail = |what: &str| {
        if message.is_empty() { format!("{what}{image}") } else { format!("{what}{image}: {message}") }
    };
    let ended = exit(container);
    match waiting {
        "ImagePullBackOff"
        | "ErrImagePull"
        | "InvalidImageName"
        | "ErrImageNeverPull"
        | "RegistryUnavailable"
        | "ImageInspectError" => Some((Cause::ImagePull, detail(waiting))),
        "CreateContainerConfigError" => Some((Cause::ConfigMissing, detail(waiting))),
        _ if container.terminated.as_deref() == Some("OOMKilled") => Some((Cause::OutOfMemory, {
            let limit = container.memory_limit.as_deref().map(|l| format!(", limit {l}")).unwrap_or_default();
            format!(
                "{} was OOMKilled{limit}, {}",
                container.name,
                count(container.restarts as usize, "restart")
            )
        })),
        "CrashLoopBackOff" | "CreateContainerError" | "RunContainerError" => {
            Some(match killed_by_probe(scene, pod) {
                Some(note) => (Cause::ProbeFailure, note),
                None => (
                    Cause::CrashLoop,
                    format!("{waiting}{ended}, {}", count(container.restarts as usize, "restart")),
                ),
            })
        }
        _ if container.restarts >= MANY_RESTARTS => Some(match killed_by_probe(scene, pod) {
            Some(note) => (Cause::ProbeFailure, note),
            None => (Cause::CrashLoop, format!("{}{ended}", count(container.restarts as usize, "restart"))),
        }),
        _ => killed_by_probe(scene, pod).map(|note| (Cause::ProbeFailure, note)),
    }
}

fn exit(container: &ContainerState) -> String {
    match (container.exit_code, container.terminated.as_deref()) {
        (Some(code), Some(reason)) => format!(" after exit code {code} ({reason})"),
        (Some(code), None) => format!(" after exit code {code}"),
        _ => String::new(),
    }
}

/// The kubelet's note about a probe of this pod that fails again and again.
fn killed_by_probe(scene: &Scene<'_>, pod: &Finding) -> Option<String> {
    scene
        .events()
        .filter(|(f, group)| f.object.name == pod.object.name && group.count >= 3)
        .find(|(_, group)| group.reason == "Unhealthy" && group.note.to_lowercase().contains("probe"))
        .map(|(_, group)| format!("{} ({})", group.note, count(group.count as usize, "event")))
}

fn suspect(scene: &Scene<'_>, group: &Failing<'_>) -> Suspect {
    let ids: Vec<&str> = group.pods.iter().take(4).map(|f| f.id.as_str()).collect();
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
        .claim(sentence(&whose), &ids);
    let suspect = match matching_event(scene, group) {
        Some((finding, text)) => {
            suspect.with("kubelet_reports_it", 0.8, &text, &[&finding.id]).claim(text, &[&finding.id])
        }
        None => suspect,
    };
    let suspect = short(scene, suspect, &group.culprit);
    let suspect = began_with_change(scene, suspect, group);
    match concern(scene, group) {
        Some(false) => suspect.with(
            "not_what_the_alert_names",
            -1.5,
            format!("{} is not what the alert is about", group.culprit.name),
            &ids,
        ),
        Some(true) => {
            suspect.with("alert_names_it", 0.5, format!("the alert is about {}", group.culprit.name), &ids)
        }
        None => suspect,
    }
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
