//! LIVE STATE of Kubernetes: what rolled out, what is not well, what a failing container said.

use incident::{Evidence, Fact, Finding, State, fact, size};

use crate::content::Line;
use crate::live::{LINES, LOG_CHARS, Part, bullet, is_cited, is_cleared};
use crate::sections::offset;
use crate::time;

/// Fields of a pod template that are told of one rollout.
const FIELDS: usize = 2;
/// The share of its memory limit from which on a container is about to be killed.
const NEARLY: f64 = 0.9;

/// A line for each recent rollout or, without one, for the workloads, then what is not well, then what a failing container wrote.
pub fn lines(state: &State, evidence: &Evidence) -> Vec<Line> {
    let told = || evidence.findings.iter().filter(|f| !is_cleared(state, f));
    let workloads = || {
        evidence.findings.iter().filter_map(|f| match &f.fact {
            Fact::Workload(workload) => Some((f, format!("{}/{} ready", workload.ready, workload.desired))),
            _ => None,
        })
    };
    let mut rollouts: Vec<(&Finding, &fact::Rollout)> =
        told().filter_map(|f| if let Fact::Rollout(r) = &f.fact { Some((f, r)) } else { None }).collect();
    rollouts.sort_by_key(|(finding, _)| std::cmp::Reverse(finding.at));
    let mut lines: Vec<Line> = rollouts
        .iter()
        .take(LINES)
        .map(|(finding, rollout)| {
            let mut parts = vec![Part::new(rollout_text(state, finding, rollout), finding)];
            parts.extend(template_part(evidence, finding, rollout));
            let own = workloads().find(|(f, _)| f.object == finding.object);
            parts.extend(own.map(|(f, ready)| Part::new(ready, f)));
            bullet("K8s", &parts)
        })
        .collect();
    if lines.is_empty() {
        let parts: Vec<Part> = workloads()
            .take(LINES + 1)
            .map(|(f, ready)| Part::new(format!("{} {ready}", f.object.name), f))
            .collect();
        lines.extend((!parts.is_empty()).then(|| bullet("K8s", &parts)));
    }
    let mut unwell: Vec<&Finding> = told().filter(|f| is_unwell(f) || is_cited_state(state, f)).collect();
    // Of alike findings what the diagnosis rests on is told first.
    unwell.sort_by_key(|f| !is_cited(state, f));
    lines.extend(unwell.into_iter().take(LINES).map(|f| bullet("K8s", &[Part::new(f.summary.clone(), f)])));
    lines.extend(told().find_map(log));
    lines
}

fn rollout_text(state: &State, finding: &Finding, rollout: &fact::Rollout) -> String {
    let what = match (rollout.restart_only, rollout.is_rollback) {
        (true, _) => "restarted".to_owned(),
        (_, true) => format!("rolled back to {}", rollout.version),
        _ if rollout.same_version() => {
            let revision =
                rollout.revision.map_or_else(|| "a revision".to_owned(), |n| format!("revision {n}"));
            format!("rolled out {revision} of the same version {}", rollout.version)
        }
        _ => format!("rolled out {}", rollout.version),
    };
    let was = rollout.previous_version.iter().filter(|_| !rollout.restart_only && !rollout.same_version());
    format!(
        "{} {what} at {}{}{}",
        finding.object.name,
        time::clock(finding.at, state.as_of),
        offset(state, finding).map(|offset| format!(" ({offset})")).unwrap_or_default(),
        was.map(|version| format!(", was {version}")).collect::<String>(),
    )
}

/// What a rollout of the same version changed in the pod template.
fn template_part(evidence: &Evidence, finding: &Finding, rollout: &fact::Rollout) -> Option<Part> {
    evidence.findings.iter().filter(|f| f.object == finding.object && rollout.same_version()).find_map(|f| {
        let Fact::TemplateDiff(diff) = &f.fact else { return None };
        let told: Vec<String> = diff.changes.iter().take(FIELDS).map(ToString::to_string).collect();
        (diff.is_of(rollout) && !told.is_empty())
            .then(|| Part::new(format!("changed {}", told.join(", ")), f))
    })
}

/// What is worth a line of its own because something is wrong with it.
fn is_unwell(finding: &Finding) -> bool {
    match &finding.fact {
        Fact::Workload(workload) => workload.ready < workload.desired || workload.failure.is_some(),
        Fact::Pod(pod) => !pod.ready && pod.phase != "Succeeded",
        Fact::Node(node) => {
            !node.ready
                || node.cordoned
                || node.conditions.iter().any(|c| c.kind != "Ready" && c.status == "True")
        }
        Fact::EventGroup(group) => group.severity == "Warning",
        // Held at its lower bound is how an autoscaler rests.
        Fact::Hpa(hpa) => (hpa.limited && hpa.current >= hpa.max) || hpa.inactive.is_some(),
        // Without a selector somebody else keeps the endpoints, and scaled to nothing is no fault of the service.
        Fact::Service(service) => !service.selector.is_empty() && service.ready == Some(0),
        Fact::VolumeClaim(claim) => claim.phase != "Bound",
        Fact::Job(job) => job.reason.is_some(),
        Fact::Usage(usage) => {
            usage.memory_limit_bytes.is_some_and(|limit| usage.memory_bytes >= NEARLY * limit)
        }
        _ => false,
    }
}

/// Settings that are no trouble by themselves are told where the root cause rests on them.
fn is_cited_state(state: &State, finding: &Finding) -> bool {
    let setting = matches!(
        finding.fact,
        Fact::Quota(_) | Fact::LimitRange(_) | Fact::NetworkPolicy(_) | Fact::Service(_) | Fact::Usage(_)
    );
    setting && is_cited(state, finding)
}

/// What a container of a failing pod said last: its commonest complaint, else its last line.
fn log(finding: &Finding) -> Option<Line> {
    let Fact::PodLog(log) = &finding.fact else { return None };
    let said = log.patterns.first().map(|pattern| &pattern.sample).or(log.tail.last())?;
    let run = if log.previous { ", the run before" } else { "" };
    let text = format!("{} of {}{run}: “{}”", log.container, finding.object.name, size::cut(said, LOG_CHARS));
    Some(bullet("Pod log", &[Part::new(text, finding)]))
}
