//! Applications: targets behind the load balancer, errors in logs, name resolution, latency, instances.

use incident::fact::LogPattern;
use incident::{Cause, Fact, Finding, Object, ObjectKind};

use crate::scene::Scene;
use crate::signals::Signal;
use crate::suspect::{BELOW_HIGH, Report, Suspect};
use crate::words::{clock, count};

use super::database::{common, rise_sentence};

pub(super) fn detect(scene: &Scene<'_>, report: &mut Report) {
    targets(scene, report);
    instances(scene, report);
    errors(scene, report);
    latency(scene, report);
}

fn targets(scene: &Scene<'_>, report: &mut Report) {
    for (finding, _) in &scene.findings {
        let Fact::TargetHealth(health) = &finding.fact else { continue };
        let healthy = health.states.get("healthy").copied().unwrap_or(0);
        let total: u32 = health.states.values().copied().fold(0, u32::saturating_add);
        let sick = health.states.get("unhealthy").copied().unwrap_or(0);
        let said = format!(
            "{healthy} of {} of {} are healthy",
            count(total as usize, "target"),
            finding.object.name
        );
        if sick > 0 {
            let reasons: Vec<String> =
                health.reasons.iter().map(|(reason, n)| format!("{reason} {n} times")).collect();
            report.suspects.push(
                Suspect::new(Cause::UnhealthyTargets, finding.object.clone())
                    .with("targets_unhealthy", 1.8, &said, &[&finding.id])
                    .with_if(
                        !reasons.is_empty(),
                        "balancer_gives_reasons",
                        0.4,
                        reasons.join(", "),
                        &[&finding.id],
                    )
                    .claim(said, &[&finding.id]),
            );
        } else if total > 0 && healthy == total {
            let quiet = quiet_errors(scene);
            let mut ids = vec![finding.id.as_str()];
            ids.extend(quiet.iter().map(|f| f.id.as_str()));
            let errors = if quiet.is_empty() { "" } else { ", and their 5xx answers did not rise" };
            let reason = format!("{healthy} of {} are healthy{errors}", count(total as usize, "target"));
            report.clear(Some(Cause::UnhealthyTargets), finding.object.clone(), reason, &ids);
        }
    }
}

/// The series of 5xx answers, when there are some and none of them rose.
fn quiet_errors<'a>(scene: &Scene<'a>) -> Vec<&'a Finding> {
    let curves: Vec<_> = scene
        .curves
        .iter()
        .filter(|c| matches!(c.meaning.signal, Signal::TargetErrors | Signal::BalancerErrors))
        .collect();
    let rose = curves.iter().any(|c| c.worsened().is_some());
    if rose { Vec::new() } else { curves.iter().map(|c| c.finding).collect() }
}

fn instances(scene: &Scene<'_>, report: &mut Report) {
    for (finding, _) in &scene.findings {
        let Fact::InstanceStatus(status) = &finding.fact else { continue };
        let impaired = |check: &str| check == "impaired";
        if impaired(&status.instance_check) || impaired(&status.system_check) {
            let text = format!(
                "{}: instance check {}, system check {}",
                finding.object.name, status.instance_check, status.system_check
            );
            report.suspects.push(
                Suspect::new(Cause::InstanceFailure, finding.object.clone())
                    .with("checks_fail", 2.0, &text, &[&finding.id])
                    .claim(text, &[&finding.id]),
            );
        }
    }
}

/// How resolvers in Node, Go, Python, Java and C say that a name did not resolve.
const UNRESOLVED: [&str; 6] = [
    "enotfound",
    "no such host",
    "name resolution",
    "name or service not known",
    "unknownhostexception",
    "eai_again",
];

fn errors(scene: &Scene<'_>, report: &mut Report) {
    let logs: Vec<_> = scene.logs().filter(|(f, log)| is_error(log) && concerned(scene, f, log)).collect();
    let Some(most) = logs.iter().max_by_key(|(_, log)| log.count) else { return };
    let names = |log: &LogPattern| {
        let text = format!("{} {}", log.pattern, log.sample).to_lowercase();
        UNRESOLVED.iter().any(|words| text.contains(words))
    };
    let (cause, (finding, log)) = match logs.iter().filter(|(_, l)| names(l)).max_by_key(|(_, l)| l.count) {
        Some(unresolved) => (Cause::DnsFailure, unresolved),
        None => (Cause::ErrorBurst, most),
    };
    let service = log.service.clone().unwrap_or_else(|| finding.object.name.clone());
    let new = scene.onset.as_ref().is_none_or(|o| log.first.as_second() >= o.at.as_second() - 300);
    let text = format!(
        "{} since {}: {}",
        count(log.count as usize, "line"),
        clock(log.first, scene.now()),
        log.pattern
    );
    let weight = if cause == Cause::DnsFailure { 2.2 } else { 1.2 };
    report.suspects.push(
        Suspect::new(cause, Object::new(ObjectKind::Application, service))
            .with(
                if cause == Cause::DnsFailure { "names_do_not_resolve" } else { "errors_in_logs" },
                weight,
                &text,
                &[&finding.id],
            )
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

fn is_error(log: &LogPattern) -> bool {
    matches!(log.status.as_str(), "error" | "critical" | "emergency" | "alert")
}

fn concerned(scene: &Scene<'_>, finding: &Finding, log: &LogPattern) -> bool {
    let subject = &scene.state.subject;
    let service = log.service.as_deref().unwrap_or(&finding.object.name);
    (subject.services.is_empty() && subject.workloads.is_empty())
        || subject.services.iter().any(|s| s == service)
        || subject.workloads.iter().any(|w| w.name == service)
}

fn latency(scene: &Scene<'_>, report: &mut Report) {
    for signal in [Signal::ServiceLatency, Signal::TargetLatency] {
        let slow = scene
            .curves_of(signal)
            .into_iter()
            .find(|c| c.worsened().is_some_and(|s| !s.over && s.after >= 2.0 * s.before));
        let Some(curve) = slow else { continue };
        let name = &curve.finding.object.name;
        let text = format!(
            "{} of {name} is {} (before: {})",
            curve.meaning.noun,
            curve.meaning.say(curve.now()),
            curve.meaning.say(curve.before())
        );
        let suspect = Suspect::new(Cause::LatencyRise, curve.finding.object.clone())
            .with("latency_doubled", 1.0, text, &[curve.id()])
            .claim(rise_sentence(scene, curve), &[curve.id()])
            .capped(BELOW_HIGH, "what makes it slow was not seen");
        return report.suspects.push(common(scene, suspect, curve));
    }
}
