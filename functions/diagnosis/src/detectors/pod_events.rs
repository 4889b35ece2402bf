//! Kubernetes: what events and workloads tell where no pod was seen failing, and rollouts that do not finish.

use incident::{Cause, Finding, Object};

use crate::change::mentions;
use crate::scene::Scene;
use crate::suspect::{Report, Suspect};
use crate::words::count;

use super::containers::mount;
use super::pods::is_pod_cause;
use super::scheduling::{self, Obstacle};

pub(super) fn detect(scene: &Scene<'_>, report: &mut Report) {
    if report.suspects.iter().all(|s| !is_pod_cause(s.cause)) {
        told_by_events(scene, report);
    }
    stuck(scene, report);
}

/// Where pods could not be listed, their events still tell.
fn told_by_events(scene: &Scene<'_>, report: &mut Report) {
    let now = scene.now().as_second();
    for (finding, event) in scene.events() {
        let note = event.note.to_lowercase();
        let probe = note.contains("probe") && event.count >= 3;
        let cause = match event.reason.as_str() {
            "Unhealthy" if probe => Cause::ProbeFailure,
            "Failed" | "BackOff" if note.contains("pull") => Cause::ImagePull,
            "FailedScheduling" if scheduling::obstacle(&note) == Obstacle::Volume => Cause::VolumeFailure,
            "FailedScheduling" => Cause::Unschedulable,
            "FailedMount" => mount(&note),
            "FailedAttachVolume" | "ProvisioningFailed" | "FailedBinding" => Cause::VolumeFailure,
            _ => continue,
        };
        let last = event.last.unwrap_or(finding.at).as_second();
        // A pod that was seen ready since says that the event is history.
        let settled =
            scene.pods().find(|(f, pod)| f.object.name == finding.object.name && pod.ready).map(|(f, _)| f);
        // Pods that are well are not listed: where its workload is whole and the event has not come again, it is history.
        let settled = settled.or_else(|| whole(scene, finding).filter(|_| now - last > SETTLED));
        let text = format!("{}: {}", count(event.count as usize, "event"), event.note);
        if let Some(pod) = settled {
            let what = if cause == Cause::Unschedulable {
                "the nodes' room is not insufficient any more: "
            } else {
                ""
            };
            let reason = format!("{what}{} is now Running and Ready, no active failure", finding.object.name);
            report.clear(Some(cause), finding.object.clone(), reason, &[&pod.id, &finding.id]);
        } else if now - last < 1800 && !report.suspects.iter().any(|s| s.cause == cause) {
            let owner = report_owner(scene, finding);
            if cause == Cause::ProbeFailure {
                let reason =
                    "not OOM: no OOM kill was seen, the kubelet restarts the container for its probe";
                report.clear(Some(Cause::OutOfMemory), owner.clone(), reason, &[&finding.id]);
            }
            report.suspects.push(
                Suspect::new(cause, owner)
                    .with("events_report_it", 1.8, &text, &[&finding.id])
                    .claim(text, &[&finding.id]),
            );
        }
    }
}

/// The workload that an event is about, else its object.
pub(super) fn report_owner(scene: &Scene<'_>, finding: &Finding) -> Object {
    let known = scene.workloads().map(|(f, _)| &f.object).chain(&scene.state.subject.workloads);
    known
        .filter(|w| {
            mentions(&finding.object.name, &w.name)
                || finding.object.name.starts_with(&format!("{}-", w.name))
        })
        .max_by_key(|w| w.name.len())
        .cloned()
        .unwrap_or_else(|| finding.object.clone())
}

/// Seconds after which an event that did not come again is settled, where all its workload's replicas are ready.
const SETTLED: i64 = 120;

/// The workload behind an event's pod, where all its replicas are ready and the pod is not seen failing.
fn whole<'a>(scene: &Scene<'a>, event: &Finding) -> Option<&'a Finding> {
    let failing = scene.pods().any(|(f, pod)| f.object.name == event.object.name && !pod.ready);
    let owner = scene.owner_by_name(&event.object).filter(|_| !failing)?;
    scene
        .workloads()
        .find(|(f, w)| f.object == owner && w.desired > 0 && w.ready >= w.desired)
        .map(|(f, _)| f)
}

fn stuck(scene: &Scene<'_>, report: &mut Report) {
    for (finding, workload) in scene.workloads() {
        let event = scene
            .events()
            .find(|(f, e)| f.object == finding.object && e.reason == "ProgressDeadlineExceeded");
        let said = workload.progress.as_deref() == Some("ProgressDeadlineExceeded") || event.is_some();
        if said && workload.ready < workload.desired {
            let text = format!(
                "the rollout of {} does not finish: {} of {} replicas are ready",
                finding.object.name, workload.ready, workload.desired
            );
            report.suspects.push(
                Suspect::new(Cause::RolloutStuck, finding.object.clone())
                    .with("progress_deadline_exceeded", 2.2, &text, &[&finding.id])
                    .claim(text, &[&finding.id]),
            );
        }
    }
}
