//! Kubernetes beyond the pod: nodes and autoscalers.

use std::collections::BTreeSet;

use incident::fact::{EventGroup, NodeState};
use incident::{Cause, Fact, Finding, ObjectKind};

use crate::scene::Scene;
use crate::suspect::{BELOW_HIGH, Report, Suspect};
use crate::words::{clock, count};

pub(super) fn detect(scene: &Scene<'_>, report: &mut Report) {
    nodes(scene, report);
    autoscalers(scene, report);
}

fn nodes(scene: &Scene<'_>, report: &mut Report) {
    let mut blamed = BTreeSet::new();
    for (finding, node) in scene.nodes() {
        let Some((cause, said)) = trouble(node) else { continue };
        blamed.insert(finding.object.name.as_str());
        let text = format!("{} {said}", finding.object.name);
        if let Some((why, mut ids)) = unaffected(scene, &finding.object.name) {
            ids.insert(0, &finding.id);
            report.clear(Some(cause), finding.object.clone(), format!("{text}, but {why}"), &ids);
            continue;
        }
        let hosted = hosted(scene, &finding.object.name);
        let ids: Vec<&str> = std::iter::once(&finding.id)
            .chain(hosted.iter().take(3).map(|f| &f.id))
            .map(String::as_str)
            .collect();
        let hosts = format!("it hosts {} of what the alert is about", count(hosted.len(), "pod"));
        report.suspects.push(
            Suspect::new(cause, finding.object.clone())
                .with("node_condition", 2.0, &text, &[&finding.id])
                .with_if(!hosted.is_empty(), "hosts_subject_pods", 0.6, hosts, &ids)
                .claim(text, &[&finding.id]),
        );
    }
    noise(scene, report, &blamed);
}

/// Warnings about nodes: cleared when what the alert is about is whole, or when the node reports itself sound.
fn noise(scene: &Scene<'_>, report: &mut Report, blamed: &BTreeSet<&str>) {
    let warned =
        |(f, e): &(&Finding, &EventGroup)| f.object.kind == ObjectKind::Node && e.severity == "Warning";
    for (finding, event) in scene.events().filter(warned) {
        let name = &finding.object.name;
        if blamed.contains(name.as_str()) {
            continue;
        }
        let since = event.first.map(|at| format!(" since {}", clock(at, scene.now()))).unwrap_or_default();
        let what = format!("it reported {} {} times{since}", event.reason, event.count);
        let ready = scene.nodes().find(|(f, n)| f.object.name == *name && n.ready);
        let (why, mut ids) = match (unaffected(scene, name), ready) {
            (Some(unaffected), _) => unaffected,
            (None, Some((node, _))) => ("is Ready without any pressure".to_owned(), vec![node.id.as_str()]),
            (None, None) => continue,
        };
        ids.insert(0, &finding.id);
        report.clear(Some(Cause::NodePressure), finding.object.clone(), format!("{what}, but {why}"), &ids);
    }
}

/// Why a node's trouble does not reach the alert's subject: its workloads are whole and none of its pods was seen there.
fn unaffected<'a>(scene: &Scene<'a>, node: &str) -> Option<(String, Vec<&'a str>)> {
    let named = scene.state.subject.hosts.iter().any(|host| host == node);
    let concerned: Vec<_> =
        scene.workloads().filter(|(f, _)| scene.concerns(&f.object) == Some(true)).collect();
    let whole = !concerned.is_empty() && concerned.iter().all(|(_, w)| w.ready >= w.desired);
    if named || !whole || !hosted(scene, node).is_empty() {
        return None;
    }
    let said = concerned.iter().take(2).enumerate().map(|(i, (f, w))| {
        let noun = if i == 0 { "replicas " } else { "" };
        format!("{} of {} {noun}of {}", w.ready, w.desired, f.object.name)
    });
    let ids = concerned.iter().take(2).map(|(f, _)| f.id.as_str());
    Some((format!("{} are ready", said.collect::<Vec<_>>().join(" and ")), ids.collect()))
}

fn trouble(node: &NodeState) -> Option<(Cause, String)> {
    if !node.ready {
        let ready = node.conditions.iter().find(|c| c.kind == "Ready");
        let parts = [ready.and_then(|c| c.reason.clone()), ready.and_then(|c| c.message.clone())];
        let why: Vec<String> = parts.into_iter().flatten().filter(|text| !text.is_empty()).collect();
        let why = if why.is_empty() { String::new() } else { format!(" ({})", why.join(": ")) };
        return Some((Cause::NodeDown, format!("is not Ready{why}")));
    }
    if let Some(broken) =
        node.conditions.iter().find(|c| c.kind == "NetworkUnavailable" && c.status == "True")
    {
        let why = broken.message.clone().or_else(|| broken.reason.clone()).unwrap_or_default();
        return Some((Cause::NodeDown, format!("has no network {why}").trim_end().to_owned()));
    }
    let pressure = node.conditions.iter().find(|c| {
        c.status == "True" && matches!(c.kind.as_str(), "MemoryPressure" | "DiskPressure" | "PIDPressure")
    })?;
    Some((Cause::NodePressure, format!("is under {}", pressure.kind)))
}

/// The pods of the alert's subject on a node.
fn hosted<'a>(scene: &Scene<'a>, node: &str) -> Vec<&'a Finding> {
    scene
        .pods()
        .filter(|(_, pod)| pod.node.as_deref() == Some(node))
        .filter(|(f, pod)| scene.owner(f, pod).is_none_or(|owner| scene.concerns(&owner) != Some(false)))
        .map(|(f, _)| f)
        .collect()
}

fn autoscalers(scene: &Scene<'_>, report: &mut Report) {
    for (finding, _) in &scene.findings {
        let Fact::Hpa(hpa) = &finding.fact else { continue };
        let at_bound = hpa.max > 0 && hpa.current >= hpa.max;
        let wants_more = hpa.limited || hpa.desired > hpa.max;
        let said = format!("{} runs {} of at most {} replicas", hpa.target.name, hpa.current, hpa.max);
        if let Some(why) = &hpa.inactive {
            let text = format!("the autoscaler of {} does not scale: {why}", hpa.target.name);
            report.suspects.push(
                Suspect::new(Cause::HpaLimit, finding.object.clone())
                    .with("autoscaler_inactive", 1.4, &text, &[&finding.id])
                    .claim(text, &[&finding.id])
                    .capped(BELOW_HIGH, "whether more replicas would have helped was not seen"),
            );
        } else if at_bound && wants_more {
            report.suspects.push(
                Suspect::new(Cause::HpaLimit, finding.object.clone())
                    .with("autoscaler_at_its_bound", 1.6, &said, &[&finding.id])
                    .with_if(
                        scene.concerns(&hpa.target) == Some(true),
                        "alert_names_it",
                        0.5,
                        format!("the alert is about {}", hpa.target.name),
                        &[&finding.id],
                    )
                    .claim(said, &[&finding.id]),
            );
        } else if scene.concerns(&hpa.target) == Some(true) {
            report.clear(Some(Cause::HpaLimit), finding.object.clone(), said, &[&finding.id]);
        }
    }
}
