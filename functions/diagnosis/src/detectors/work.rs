//! Work and its means: containers at their processor limit, jobs that fail.

use incident::{Cause, Fact, ObjectKind};

use crate::scene::Scene;
use crate::suspect::{BELOW_HIGH, Report, Suspect};
use crate::words::{number, percent, sentence};

/// From this share of its limit on, a container is throttled.
const SATURATED: f64 = 0.9;

pub(super) fn detect(scene: &Scene<'_>, report: &mut Report) {
    usage(scene, report);
    jobs(scene, report);
}

fn usage(scene: &Scene<'_>, report: &mut Report) {
    for (finding, _) in &scene.findings {
        let Fact::Usage(usage) = &finding.fact else { continue };
        let Some(limit) = usage.cpu_limit_cores.filter(|limit| *limit > 0.0) else { continue };
        let share = usage.cpu_cores / limit;
        if !share.is_finite() || share < SATURATED {
            continue;
        }
        let name = &finding.object.name;
        let text = format!(
            "{name} uses {} of {} cores it may use ({})",
            number(usage.cpu_cores),
            number(limit),
            percent(share)
        );
        let culprit = scene
            .pods()
            .find(|(f, _)| f.object == finding.object)
            .and_then(|(f, pod)| scene.owner(f, pod))
            .or_else(|| {
                (finding.object.kind == ObjectKind::Pod)
                    .then(|| scene.owner_by_name(&finding.object))
                    .flatten()
            })
            .unwrap_or_else(|| finding.object.clone());
        let own = scene.concerns(&culprit) == Some(true);
        report.suspects.push(
            Suspect::new(Cause::ContainerCpu, culprit)
                .with("cpu_at_limit", 1.8, &text, &[&finding.id])
                .with_if(own, "alert_names_it", 0.5, "it is what the alert is about", &[&finding.id])
                .claim(sentence(&text), &[&finding.id])
                .capped(BELOW_HIGH, "what loads it was not seen"),
        );
    }
}

fn jobs(scene: &Scene<'_>, report: &mut Report) {
    for (finding, _) in &scene.findings {
        let Fact::Job(job) = &finding.fact else { continue };
        let Some(reason) = &job.reason else { continue };
        let name = &finding.object.name;
        let text = format!("job {name} failed: {reason}, {} of its pods failed", job.failed);
        report.suspects.push(
            Suspect::new(Cause::JobFailure, finding.object.clone())
                .with("job_failed", 1.8, &text, &[&finding.id])
                .with_if(
                    scene.concerns(&finding.object) == Some(true),
                    "alert_names_it",
                    0.5,
                    "it is what the alert is about",
                    &[&finding.id],
                )
                .claim(sentence(&text), &[&finding.id]),
        );
    }
}
