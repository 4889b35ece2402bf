//! What running processes complain of: names that do not resolve, credentials refused, dependencies that do not answer, errors.

use incident::fact::LogPattern;
use incident::{Cause, Finding, Object, ObjectKind};

use crate::change::mentions;
use crate::complaint::{self, Complaint, Kind};
use crate::scene::Scene;
use crate::suspect::{BELOW_HIGH, Report, Suspect};
use crate::words::{clock, count, sentence};

use super::services::services;

/// Two names this many letters apart are one name misspelt.
const MISSPELT: usize = 2;

pub(super) fn detect(scene: &Scene<'_>, report: &mut Report) {
    let complaints = complaint::complaints(scene);
    let mut told: Vec<(Cause, Object)> = Vec::new();
    // What the alert names may be silent about what its neighbour, which it calls, complains of.
    let heard = complaints.iter().any(|c| concerned(scene, c));
    for complaint in complaints.iter() {
        let beside = !concerned(scene, complaint);
        if beside && (heard || !scene.beside(&speaker(scene, complaint))) {
            continue;
        }
        let Some(suspect) = of(scene, complaint, &complaints) else { continue };
        let suspect = suspect.with_if(
            beside,
            "not_what_the_alert_names",
            super::pods::BESIDE,
            format!("{} is not what the alert is about", complaint.by.name),
            &[&complaint.finding.id],
        );
        let key = (suspect.cause, suspect.culprit.clone());
        // A crashing pod's own log was read with the pod.
        let known = report.suspects.iter().any(|s| s.cause == key.0 && s.culprit.name == key.1.name);
        if !known && !told.contains(&key) {
            told.push(key);
            report.suspects.push(suspect);
        }
    }
    burst(scene, report);
}

fn concerned(scene: &Scene<'_>, complaint: &Complaint<'_>) -> bool {
    let subject = &scene.state.subject;
    let by = speaker(scene, complaint);
    (subject.services.is_empty() && subject.workloads.is_empty())
        || scene.concerns(&by) == Some(true)
        || subject
            .services
            .iter()
            .chain(subject.workloads.iter().map(|w| &w.name))
            .any(|s| mentions(&complaint.line, s))
}

/// The workload behind a complaint, else the service it is told under.
fn speaker(scene: &Scene<'_>, complaint: &Complaint<'_>) -> Object {
    let by = &complaint.by;
    let owner = scene.pods().find(|(f, _)| f.object.name == by.name).and_then(|(f, pod)| scene.owner(f, pod));
    let workload = || scene.workloads().map(|(f, _)| &f.object).find(|w| w.name == by.name).cloned();
    owner.or_else(workload).or_else(|| scene.owner_by_name(by)).unwrap_or_else(|| Object {
        kind: ObjectKind::Application,
        namespace: None,
        name: by.name.clone(),
    })
}

fn of(scene: &Scene<'_>, complaint: &Complaint<'_>, all: &[Complaint<'_>]) -> Option<Suspect> {
    let by = speaker(scene, complaint);
    let id = complaint.finding.id.as_str();
    let since = complaint.first.map(|at| format!(" since {}", clock(at, scene.now()))).unwrap_or_default();
    let text = format!("{}{since}: {}", count(complaint.count as usize, "line"), complaint.line);
    let start = |cause, culprit, name: &str, weight| {
        Suspect::new(cause, culprit).with(name, weight, &text, &[id]).claim(&text, &[id])
    };
    let suspect = match complaint.kind {
        Kind::Unresolved => {
            unresolved(scene, complaint, start(Cause::DnsFailure, by, "names_do_not_resolve", 2.2))
        }
        Kind::Credentials => start(Cause::InvalidConfiguration, by, "credentials_refused", 2.0),
        Kind::MissingConfig => start(Cause::ConfigMissing, by, "configuration_missing", 1.6),
        Kind::BadValue | Kind::NoCommand => start(Cause::InvalidConfiguration, by, "value_refused", 1.4),
        Kind::PortTaken => start(Cause::SidecarConflict, by, "port_taken", 2.2),
        Kind::Forbidden => start(Cause::PermissionDenied, by, "access_forbidden", 1.8),
        Kind::DiskFull => start(Cause::VolumeFailure, by, "disk_full", 1.8),
        Kind::NoMemory => start(Cause::OutOfMemory, by, "no_memory_left", 1.4),
        Kind::Refused | Kind::NoAnswer | Kind::Upstream => {
            let target = target(scene, complaint, &by)?;
            let also = all.iter().filter(|c| {
                c.kind == complaint.kind && mentions(&c.line, &target.name) && c.by != complaint.by
            });
            let others: Vec<&Complaint<'_>> = also.collect();
            let suspect = start(Cause::DependencyFailure, target.clone(), "dependency_does_not_answer", 1.6);
            match others.first() {
                Some(other) => suspect.with(
                    "others_say_so_too",
                    0.8,
                    format!("{}: {}", other.by.name, other.line),
                    &[&other.finding.id],
                ),
                None => suspect,
            }
        }
        Kind::Code => return None,
    };
    let new = scene
        .onset
        .as_ref()
        .is_none_or(|o| complaint.first.is_none_or(|first| first.as_second() >= o.at.as_second() - 300));
    let suspect =
        suspect.with_if(new, "errors_are_new", 0.4, format!("they begin with the {}", scene.anchor()), &[id]);
    Some(ruled_by_pods(scene, suspect).capped(BELOW_HIGH, "what the errors come from was not seen"))
}

/// Pods that are well say that the fault is not theirs.
fn ruled_by_pods(scene: &Scene<'_>, suspect: Suspect) -> Suspect {
    let whole = scene
        .workloads()
        .find(|(f, w)| f.object.name == suspect.culprit.name && w.desired > 0 && w.ready >= w.desired);
    match whole {
        Some((finding, w)) if suspect.cause == Cause::DnsFailure => suspect.with(
            "pods_are_well",
            0.3,
            format!(
                "its pods are Ready ({} of {}) and none restarted: not a failure of the pods",
                w.ready, w.desired
            ),
            &[&finding.id],
        ),
        _ => suspect,
    }
}

/// A name that does not resolve while one like it exists is misspelt, and the name server is well.
fn unresolved(scene: &Scene<'_>, complaint: &Complaint<'_>, suspect: Suspect) -> Suspect {
    let Some(host) = complaint.about.as_deref() else { return suspect };
    let wanted = host.split('.').next().unwrap_or(host);
    let near = services(scene).find(|(f, _)| {
        f.object.name != wanted && distance(&f.object.name, wanted) <= MISSPELT && wanted.len() > 3
    });
    match near {
        Some((finding, _)) => {
            let text = format!("no service is called {wanted}; {} is", finding.object.name);
            Suspect { cause: Cause::InvalidConfiguration, ..suspect }
                .with("a_name_like_it_exists", 0.8, &text, &[&finding.id])
                .claim(sentence(&text), &[&finding.id])
        }
        None => suspect,
    }
}

/// Letters to change, add or take away to make one word of the other.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().take(80).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().take(80).enumerate() {
        let mut corner = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let above = row[j + 1];
            row[j + 1] = (above + 1).min(row[j] + 1).min(corner + usize::from(x != *y));
            corner = above;
        }
    }
    row.last().copied().unwrap_or(0)
}

/// The workload or service that a line names as not answering: by its name, not the speaker itself.
fn target(scene: &Scene<'_>, complaint: &Complaint<'_>, by: &Object) -> Option<Object> {
    let workloads = scene.workloads().map(|(f, _)| &f.object);
    let named = services(scene).map(|(f, _)| &f.object);
    let known = workloads.chain(named).chain(&scene.state.subject.workloads);
    let mut found: Vec<&Object> = known
        .filter(|o| o.name != by.name && o.name != complaint.by.name && o.name.len() > 2)
        .filter(|o| {
            complaint.about.as_deref().is_some_and(|host| host_is(host, &o.name))
                || mentions(&complaint.line, &o.name)
        })
        .collect();
    found.sort_by_key(|o| (std::cmp::Reverse(o.name.len()), o.kind));
    found.first().map(|o| (*o).clone())
}

fn host_is(host: &str, name: &str) -> bool {
    host.split([':', '.']).next() == Some(name)
}

/// Errors that nothing more specific explains.
fn burst(scene: &Scene<'_>, report: &mut Report) {
    let is_error =
        |log: &LogPattern| matches!(log.status.as_str(), "error" | "critical" | "emergency" | "alert");
    let logs = scene.logs().filter(|(f, log)| is_error(log) && about_subject(scene, f, log));
    let Some((finding, log)) = logs.max_by_key(|(_, log)| log.count) else { return };
    let service = log.service.clone().unwrap_or_else(|| finding.object.name.clone());
    if report.suspects.iter().any(|s| s.features.iter().any(|f| f.evidence.contains(&finding.id))) {
        return;
    }
    let new = scene.onset.as_ref().is_none_or(|o| log.first.as_second() >= o.at.as_second() - 300);
    let since = clock(log.first, scene.now());
    let text = format!("{} since {since}: {}", count(log.count as usize, "line"), log.pattern);
    report.suspects.push(
        Suspect::new(Cause::ErrorBurst, Object::new(ObjectKind::Application, service))
            .with("errors_in_logs", 1.2, &text, &[&finding.id])
            .with_if(
                new,
                "errors_are_new",
                0.4,
                format!("they begin with the {}", scene.anchor()),
                &[&finding.id],
            )
            .claim(text, &[&finding.id])
            .capped(BELOW_HIGH, "what the errors come from was not seen"),
    );
}

fn about_subject(scene: &Scene<'_>, finding: &Finding, log: &LogPattern) -> bool {
    let subject = &scene.state.subject;
    let service = log.service.as_deref().unwrap_or(&finding.object.name);
    (subject.services.is_empty() && subject.workloads.is_empty())
        || subject.services.iter().any(|s| s == service)
        || subject.workloads.iter().any(|w| w.name == service)
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_misspelt_name_is_near() {
        assert_eq!(super::distance("cartservice", "cartservise"), 1);
        assert_eq!(super::distance("cart", "carts"), 1);
        assert!(super::distance("cartservice", "adservice") > 2);
    }
}
