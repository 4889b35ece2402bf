//! Applications: targets behind the load balancer, latency, instances.

use incident::{Cause, Fact, Finding};

use crate::scene::Scene;
use crate::signals::Signal;
use crate::suspect::{BELOW_HIGH, Report, Suspect};
use crate::words::count;

use super::database::{common, rise_sentence};

pub(super) fn detect(scene: &Scene<'_>, report: &mut Report) {
    targets(scene, report);
    instances(scene, report);
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
