//! Services that lead nowhere: a selector that matches no pod, a port that no pod serves, a workload scaled to nothing.

use incident::fact::ServiceState;
use incident::{Cause, Fact, Finding, Object, ObjectKind};

use crate::complaint::{self, Complaint, Kind};
use crate::scene::Scene;
use crate::suspect::{BELOW_HIGH, Report, Suspect};
use crate::words::sentence;

pub(super) fn detect(scene: &Scene<'_>, report: &mut Report) {
    let complaints = complaint::complaints(scene);
    for (finding, service) in services(scene) {
        if service.kind == "ExternalName" || service.selector.is_empty() {
            continue;
        }
        if let Some(suspect) =
            no_pods(scene, finding, service).or_else(|| wrong_port(scene, finding, service))
        {
            report.suspects.push(completed(scene, suspect, finding, &complaints));
        }
    }
    scaled(scene, report);
}

pub(super) fn services<'a>(scene: &Scene<'a>) -> impl Iterator<Item = (&'a Finding, &'a ServiceState)> {
    let found: Vec<_> = scene
        .findings
        .iter()
        .filter_map(|(f, _)| match &f.fact {
            Fact::Service(service) => Some((*f, service)),
            _ => None,
        })
        .collect();
    found.into_iter()
}

fn no_pods(scene: &Scene<'_>, finding: &Finding, service: &ServiceState) -> Option<Suspect> {
    if service.selected != Some(0) || service.ready.is_some_and(|ready| ready > 0) {
        return None;
    }
    let name = &finding.object.name;
    // Nothing to select where nothing is wanted: the scale is the cause, and is told there.
    let idle = |w: &Object| scene.workloads().any(|(f, state)| f.object == *w && state.desired == 0);
    if service.namesake.as_ref().is_some_and(idle) || scaled_to_zero(scene, name, finding) {
        return None;
    }
    let selector: Vec<String> = service.selector.iter().map(|(k, v)| format!("{k}={v}")).collect();
    let text = format!("service {name} selects {}, which no pod carries", selector.join(", "));
    let mut suspect = Suspect::new(Cause::ServiceMismatch, finding.object.clone())
        .with("selector_matches_no_pod", 2.2, &text, &[&finding.id])
        .claim(sentence(&text), &[&finding.id]);
    if let Some(namesake) = &service.namesake {
        let differs: Vec<String> = service
            .differs
            .iter()
            .map(|(key, (wants, has))| {
                format!("{key}: wants {wants}, its pods have {}", if has.is_empty() { "none" } else { has })
            })
            .collect();
        let text = format!("{} of its name exists; {}", namesake.kind, differs.join("; "));
        suspect =
            suspect.with("labels_differ", 1.0, &text, &[&finding.id]).claim(sentence(&text), &[&finding.id]);
    }
    Some(suspect)
}

fn scaled_to_zero(scene: &Scene<'_>, name: &str, finding: &Finding) -> bool {
    scene.workloads().any(|(f, w)| {
        f.object.name == name && f.object.namespace == finding.object.namespace && w.desired == 0
    })
}

fn wrong_port(scene: &Scene<'_>, finding: &Finding, service: &ServiceState) -> Option<Suspect> {
    let port = service.ports.iter().find(|port| port.declared == Some(false))?;
    let name = &finding.object.name;
    let text = format!(
        "service {name} sends {} port {} to {}, which no pod declares",
        port.protocol, port.port, port.target
    );
    // A pod may listen without declaring its port, but a port's name must be declared to lead anywhere.
    let by_name = port.target.parse::<u32>().is_err();
    let suspect = Suspect::new(Cause::ServiceMismatch, finding.object.clone())
        .with("port_not_declared", if by_name { 2.0 } else { 1.5 }, &text, &[&finding.id])
        .claim(sentence(&text), &[&finding.id]);
    let _ = scene;
    Some(if by_name {
        suspect
    } else {
        suspect.capped(BELOW_HIGH, "a pod may listen on a port that it does not declare")
    })
}

/// What the alert says and what callers complain of.
fn completed(
    scene: &Scene<'_>,
    suspect: Suspect,
    finding: &Finding,
    complaints: &[Complaint<'_>],
) -> Suspect {
    let name = &finding.object.name;
    let felt = complaints.iter().find(|c| {
        matches!(c.kind, Kind::Refused | Kind::NoAnswer | Kind::Upstream)
            && crate::change::mentions(&c.line, name)
    });
    let suspect = match felt {
        Some(c) => {
            suspect.with("callers_complain", 0.8, format!("{}: {}", c.by.name, c.line), &[&c.finding.id])
        }
        None => suspect,
    };
    let workload = Object { kind: ObjectKind::Deployment, ..finding.object.clone() };
    match scene.concerns(&workload) {
        Some(true) => {
            suspect.with("alert_names_it", 0.5, format!("the alert is about {name}"), &[&finding.id])
        }
        _ => suspect,
    }
}

/// Workloads that somebody scaled to nothing, though something needs them.
fn scaled(scene: &Scene<'_>, report: &mut Report) {
    let idle = scene.workloads().filter(|(f, w)| {
        w.desired == 0
            && w.ready == 0
            && matches!(f.object.kind, ObjectKind::Deployment | ObjectKind::StatefulSet)
    });
    for (finding, _) in idle {
        let name = &finding.object.name;
        let own = scene.concerns(&finding.object);
        let service = services(scene).find(|(f, s)| f.object.name == *name && s.ready.unwrap_or(0) == 0);
        if own != Some(true) && service.is_none() {
            continue;
        }
        let text = format!("{name} is scaled to 0 replicas");
        let mut suspect = Suspect::new(Cause::ScaledToZero, finding.object.clone())
            .with("no_replicas_wanted", 1.8, &text, &[&finding.id])
            .with_if(
                own == Some(true),
                "alert_names_it",
                0.5,
                format!("the alert is about {name}"),
                &[&finding.id],
            )
            .claim(sentence(&text), &[&finding.id]);
        if let Some((f, _)) = service {
            suspect = suspect.with(
                "service_has_no_pods",
                0.9,
                format!("service {name} has nobody to send to"),
                &[&f.id],
            );
        }
        report.suspects.push(suspect);
    }
}
