//! The network inside the cluster: policies that stop traffic, names that do not resolve, parts of the cluster that do not run.

use incident::fact::NetworkPolicy;
use incident::{Cause, Fact, Finding, Object, ObjectKind};

use crate::complaint::{self, Complaint, Kind};
use crate::scene::Scene;
use crate::suspect::{BELOW_HIGH, Report, Suspect};
use crate::words::{clock, sentence};

/// A policy this young, in seconds, is a change that may have brought the incident.
const RECENT: i64 = 6 * 3600;

pub(super) fn detect(scene: &Scene<'_>, report: &mut Report) {
    let complaints = complaint::complaints(scene);
    policies(scene, report, &complaints);
    components(scene, report);
}

fn policies(scene: &Scene<'_>, report: &mut Report, complaints: &[Complaint<'_>]) {
    let unheard =
        complaints.iter().find(|c| matches!(c.kind, Kind::NoAnswer | Kind::Refused | Kind::Unresolved));
    for (finding, _) in &scene.findings {
        let Fact::NetworkPolicy(policy) = &finding.fact else { continue };
        let Some(text) = closed(finding, policy) else { continue };
        let since = policy.written_at.or(Some(finding.at)).filter(|at| {
            let age = scene.now().as_second() - at.as_second();
            (0..RECENT).contains(&age)
        });
        if since.is_none() && unheard.is_none() {
            continue;
        }
        let mut suspect = Suspect::new(Cause::NetworkPolicyBlock, finding.object.clone())
            .with("policy_admits_nothing", 1.6, &text, &[&finding.id])
            .claim(sentence(&text), &[&finding.id]);
        if let Some(at) = since {
            let text = format!("its rules were written at {}", clock(at, scene.now()));
            suspect = suspect.with("policy_is_recent", 0.8, text, &[&finding.id]);
        }
        suspect = match unheard {
            Some(c) => {
                suspect.with("connections_fail", 0.9, format!("{}: {}", c.by.name, c.line), &[&c.finding.id])
            }
            None => suspect.capped(BELOW_HIGH, "no connection was seen failing"),
        };
        if policy.selects.iter().any(|w| scene.concerns(w) == Some(true)) {
            suspect = suspect.with(
                "alert_names_it",
                0.5,
                "it selects pods of what the alert is about",
                &[&finding.id],
            );
        }
        report.suspects.push(suspect);
    }
}

/// What a policy closes: a direction without any rule.
fn closed(finding: &Finding, policy: &NetworkPolicy) -> Option<String> {
    let whom = match policy.selects.as_slice() {
        [] => "the pods it selects".to_owned(),
        selected => crate::words::names(selected),
    };
    let name = &finding.object.name;
    match (&policy.ingress, &policy.egress) {
        (Some(rules), _) if rules.is_empty() => {
            Some(format!("network policy {name} lets nobody connect to {whom}"))
        }
        (_, Some(rules)) if rules.is_empty() => {
            Some(format!("network policy {name} lets {whom} connect nowhere"))
        }
        // Without the port of names every outgoing connection fails at its first step.
        (_, Some(rules))
            if !rules
                .iter()
                .any(|rule| rule.contains("53") || rule.contains("any") || rule.contains("all")) =>
        {
            Some(format!(
                "network policy {name} lets {whom} connect to {} only, not to the name server",
                rules.join("; ")
            ))
        }
        (Some(rules), _) => {
            Some(format!("network policy {name} lets only {} connect to {whom}", rules.join("; ")))
        }
        _ => None,
    }
}

/// Pods and workloads of the cluster itself, by their usual names and what fails without them.
const COMPONENTS: [(&str, Cause); 9] = [
    ("coredns", Cause::DnsFailure),
    ("kube-dns", Cause::DnsFailure),
    ("kube-proxy", Cause::ComponentDown),
    ("kube-scheduler", Cause::ComponentDown),
    ("kube-controller-manager", Cause::ComponentDown),
    ("aws-node", Cause::ComponentDown),
    ("calico", Cause::ComponentDown),
    ("cilium", Cause::ComponentDown),
    ("kube-flannel", Cause::ComponentDown),
];

fn component(object: &Object) -> Option<Cause> {
    let system = object.namespace.as_deref().is_none_or(|n| n.starts_with("kube-") || n.ends_with("-system"));
    COMPONENTS.iter().find(|(name, _)| system && object.name.starts_with(name)).map(|(_, cause)| *cause)
}

fn components(scene: &Scene<'_>, report: &mut Report) {
    let mut told: Vec<(Cause, Object)> = Vec::new();
    let workloads = scene.workloads().filter(|(_, w)| w.ready < w.desired.max(1)).map(|(f, w)| {
        (f, f.object.clone(), format!("{} of {} replicas of {} are ready", w.ready, w.desired, f.object.name))
    });
    let pods = scene.pods().filter(|(_, pod)| !pod.ready && pod.phase != "Succeeded").map(|(f, pod)| {
        let owner = scene.owner(f, pod).unwrap_or_else(|| f.object.clone());
        (f, owner, format!("{} is not ready", f.object.name))
    });
    for (finding, object, text) in workloads.chain(pods) {
        let Some(cause) = component(&object) else { continue };
        if told.iter().any(|(c, o)| *c == cause && o.name == object.name) {
            continue;
        }
        told.push((cause, object.clone()));
        report.suspects.push(
            Suspect::new(cause, object)
                .with("component_not_ready", 2.4, &text, &[&finding.id])
                .claim(sentence(&text), &[&finding.id]),
        );
    }
    proxies(scene, report);
}

/// What events tell of a node's own parts: its container runtime, its kubelet, its network plugin.
fn proxies(scene: &Scene<'_>, report: &mut Report) {
    let reasons = [
        "ContainerRuntimeUnhealthy",
        "KubeletUnhealthy",
        "ContainerGCFailed",
        "FrequentContainerdRestart",
        "FrequentKubeletRestart",
        "FrequentDockerRestart",
        "NetworkNotReady",
        "InvalidDiskCapacity",
        "CNIPluginNotReady",
    ];
    for (finding, event) in scene
        .events()
        .filter(|(f, e)| f.object.kind == ObjectKind::Node && reasons.contains(&e.reason.as_str()))
    {
        // A node that is told NotReady says the same better.
        if scene.nodes().any(|(f, node)| {
            f.object.name == finding.object.name && (!node.ready || event.reason == "InvalidDiskCapacity")
        }) {
            continue;
        }
        let text = format!("{}: {}", event.reason, event.note);
        report.suspects.push(
            Suspect::new(Cause::ComponentDown, finding.object.clone())
                .with("node_reports_it", 1.6, &text, &[&finding.id])
                .claim(sentence(&text), &[&finding.id]),
        );
    }
}
