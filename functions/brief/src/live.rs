//! LIVE STATE: what each source shows now, a line for a source or for each thing it shows.

use std::collections::BTreeMap;

use incident::{Evidence, Fact, Finding, Object, ObjectKind, Source, State, Status, fact};

use crate::content::{Line, Mark, Section};
use crate::edge;
use crate::metric;
use crate::sections::offset;
use crate::time;

/// Series shown of one object.
const SERIES: usize = 5;
/// Lines of one kind shown of one source.
const LINES: usize = 3;

/// The section: every source has a line, also those that were not read.
pub fn section(state: &State) -> Section {
    let mut lines = Vec::new();
    for source in Source::COLLECTED {
        match state.evidence.iter().find(|evidence| evidence.source == source) {
            Some(evidence) => lines.extend(read(state, evidence)),
            None => lines.push(Line::new(Mark::Bullet, format!("{source}: not asked"))),
        }
    }
    lines.extend(state.knowledge.iter().flat_map(|knowledge| &knowledge.findings).filter_map(code_change));
    Section { heading: "📊 LIVE STATE".to_owned(), lines, detail: false }
}

/// The lines of one source; what could not be read is said at the end of the last.
fn read(state: &State, evidence: &Evidence) -> Vec<Line> {
    let source = evidence.source;
    if evidence.findings.is_empty() {
        let text = match evidence.status {
            Status::Ok | Status::Empty => format!("{source}: answered, and holds nothing for this incident"),
            Status::NotConfigured => format!("{source}: not configured"),
            status => format!("{source}: not read ({})", status.word()),
        };
        return vec![Line::new(Mark::Bullet, text)];
    }
    let mut lines = match source {
        Source::Aws => aws(evidence),
        Source::Kubernetes => kubernetes(state, evidence),
        Source::Datadog => datadog(state, evidence),
        Source::Cloudflare => edge::lines(evidence),
        Source::Github => Vec::new(),
    };
    if lines.is_empty() {
        let first = evidence.findings.iter().take(LINES);
        lines = first.map(|f| bullet(source.title(), vec![f.summary.clone()], [f])).collect();
    }
    let unread = evidence.calls.iter().filter(|call| call.status.is_gap()).count();
    if let (Some(last), true) = (lines.last_mut(), unread > 0) {
        last.text.push_str(&format!(" | {unread} of {} calls not read", evidence.calls.len()));
    }
    lines
}

/// A bulleted line of parts under a title, resting on those findings.
pub fn bullet<'a>(title: &str, parts: Vec<String>, rests_on: impl IntoIterator<Item = &'a Finding>) -> Line {
    let mut ids: Vec<&String> = rests_on.into_iter().map(|finding| &finding.id).collect();
    ids.dedup();
    Line::new(Mark::Bullet, format!("{title}: {}", parts.join(" | "))).citing(ids)
}

fn aws(evidence: &Evidence) -> Vec<Line> {
    let instances = || {
        evidence.findings.iter().filter_map(|f| match &f.fact {
            Fact::DatabaseInstance(instance) => Some((f, instance)),
            _ => None,
        })
    };
    // A replica's figures stand on its primary's line: together they are one database to whoever is paged.
    let primary = |object: &Object| {
        let replica = instances().find(|(f, _)| f.object == *object).and_then(|(_, i)| i.replica_of.clone());
        replica.unwrap_or_else(|| object.name.clone())
    };
    let mut databases: BTreeMap<String, Vec<&Finding>> = BTreeMap::new();
    let mut others: BTreeMap<&Object, Vec<&Finding>> = BTreeMap::new();
    for finding in &evidence.findings {
        match finding.object.kind {
            ObjectKind::DatabaseInstance => {
                databases.entry(primary(&finding.object)).or_default().push(finding);
            }
            ObjectKind::ParameterGroup => {}
            _ => others.entry(&finding.object).or_default().push(finding),
        }
    }
    let databases = databases.iter().map(|(name, findings)| database(name, findings, evidence));
    let others = others.iter().filter_map(|(object, findings)| {
        let parts: Vec<String> =
            findings.iter().filter_map(|f| aws_state(f)).chain(series(findings, None)).collect();
        let title = match object.kind {
            ObjectKind::TargetGroup | ObjectKind::LoadBalancer => format!("ELB {}", short(&object.name)),
            _ => object.name.clone(),
        };
        (!parts.is_empty()).then(|| bullet(&title, parts, findings.iter().copied()))
    });
    databases.chain(others).collect()
}

fn database(name: &str, findings: &[&Finding], evidence: &Evidence) -> Line {
    let limit = evidence.findings.iter().find_map(|f| match &f.fact {
        Fact::DatabaseParameter(parameter) if parameter.name == "max_connections" => {
            Some((f, parameter.resolved?))
        }
        _ => None,
    });
    let states = findings.iter().filter_map(|f| match &f.fact {
        Fact::DatabaseInstance(instance) if instance.status != "available" => {
            Some(format!("{} is {}", f.object.name, instance.status))
        }
        Fact::DatabaseEvent(event) => Some(format!("event: {}", event.message)),
        _ => None,
    });
    let mut parts = series(findings, limit.map(|(_, value)| value));
    parts.extend(states.take(LINES));
    if parts.is_empty() {
        parts = findings.iter().take(LINES).map(|f| f.summary.clone()).collect();
    }
    let shown =
        findings.iter().copied().filter(|f| matches!(f.fact, Fact::Series(_) | Fact::DatabaseEvent(_)));
    let limit = limit.map(|(finding, _)| finding);
    bullet(&format!("RDS {name}"), parts, shown.take(SERIES).chain(limit))
}

/// The series of one object, the best-known metrics first, then those that moved most visibly.
pub fn series(findings: &[&Finding], connection_limit: Option<f64>) -> Vec<String> {
    let mut shown: Vec<(usize, String)> = findings
        .iter()
        .filter_map(|finding| {
            let Fact::Series(series) = &finding.fact else { return None };
            let (label, unit, rank) = metric::describe(&series.metric, &series.unit);
            let moved = metric::moved(series);
            // Whatever is unknown or unremarkable is in the evidence, and not on the first page.
            if rank > 2 && !moved {
                return None;
            }
            let mut text = format!("{label} {}", metric::value(series.last, unit));
            match connection_limit.filter(|_| label == "connections") {
                Some(limit) => text.push_str(&format!("/{}", metric::number(limit))),
                None if moved => {
                    text.push_str(&format!(" (baseline {})", metric::value(series.baseline, unit)));
                }
                None => {}
            }
            if moved {
                text.push_str(&format!(" {}", metric::sparkline(series)));
            }
            Some((rank, text))
        })
        .collect();
    shown.sort_by_key(|(rank, _)| *rank);
    shown.into_iter().take(SERIES).map(|(_, text)| text).collect()
}

fn aws_state(finding: &Finding) -> Option<String> {
    match &finding.fact {
        Fact::TargetHealth(health) => {
            let all: u32 = health.states.values().sum();
            let healthy = health.states.get("healthy").copied().unwrap_or_default();
            let why: Vec<String> =
                health.reasons.iter().map(|(reason, n)| format!("{reason} ×{n}")).collect();
            let why = if why.is_empty() { String::new() } else { format!(" ({})", why.join(", ")) };
            Some(format!("{healthy}/{all} targets healthy{why}"))
        }
        Fact::Alarm(alarm) if alarm.state == "ALARM" => Some(format!("alarm: {}", alarm.reason)),
        Fact::InstanceStatus(status) if status.instance_check != "ok" || status.system_check != "ok" => {
            Some(format!(
                "{}, instance check {}, system check {}",
                status.state, status.instance_check, status.system_check
            ))
        }
        _ => None,
    }
}

/// The telling part of an ARN suffix: `targetgroup/api/6d0e…` is `api`.
fn short(name: &str) -> &str {
    let parts: Vec<&str> = name.split('/').collect();
    match parts[..] {
        [_, middle, _] => middle,
        ["app" | "net", middle] => middle,
        _ => name,
    }
}

fn kubernetes(state: &State, evidence: &Evidence) -> Vec<Line> {
    let ready = |object: &Object| {
        evidence.findings.iter().find_map(|f| match &f.fact {
            Fact::Workload(workload) if f.object == *object => Some((f, workload)),
            _ => None,
        })
    };
    let mut rollouts: Vec<(&Finding, &fact::Rollout)> = evidence
        .findings
        .iter()
        .filter_map(|f| if let Fact::Rollout(rollout) = &f.fact { Some((f, rollout)) } else { None })
        .collect();
    rollouts.sort_by_key(|(finding, _)| std::cmp::Reverse(finding.at));
    let rolled = rollouts.iter().take(LINES).map(|(finding, rollout)| {
        let mut parts = vec![rollout_text(state, finding, rollout)];
        let workload = ready(&finding.object);
        parts.extend(workload.map(|(_, w)| format!("{}/{} ready", w.ready, w.desired)));
        bullet("K8s", parts, std::iter::once(*finding).chain(workload.map(|(f, _)| f)))
    });
    let unwell = evidence.findings.iter().filter(|f| is_unwell(f)).take(LINES);
    let mut lines: Vec<Line> =
        rolled.chain(unwell.map(|f| bullet("K8s", vec![f.summary.clone()], [f]))).collect();
    if lines.is_empty() {
        let workloads = evidence.findings.iter().filter(|f| matches!(f.fact, Fact::Workload(_)));
        lines = workloads.take(LINES).map(|f| bullet("K8s", vec![f.summary.clone()], [f])).collect();
    }
    lines
}

fn rollout_text(state: &State, finding: &Finding, rollout: &fact::Rollout) -> String {
    let what = match (rollout.restart_only, rollout.is_rollback) {
        (true, _) => "restarted".to_owned(),
        (_, true) => format!("rolled back to {}", rollout.version),
        _ => format!("rolled out {}", rollout.version),
    };
    let was = rollout.previous_version.iter().filter(|_| !rollout.restart_only);
    format!(
        "{} {what} at {}{}{}",
        finding.object.name,
        time::clock(finding.at, state.as_of),
        offset(state, finding.at).map(|offset| format!(" ({offset})")).unwrap_or_default(),
        was.map(|version| format!(", was {version}")).collect::<String>(),
    )
}

fn is_unwell(finding: &Finding) -> bool {
    match &finding.fact {
        Fact::Workload(workload) => workload.ready < workload.desired,
        Fact::Pod(pod) => !pod.ready && pod.phase != "Succeeded",
        Fact::Node(node) => {
            !node.ready
                || node.cordoned
                || node.conditions.iter().any(|c| c.kind != "Ready" && c.status == "True")
        }
        Fact::EventGroup(group) => group.severity == "Warning",
        Fact::Hpa(hpa) => hpa.limited,
        _ => false,
    }
}

fn datadog(state: &State, evidence: &Evidence) -> Vec<Line> {
    let mut figures: Vec<&Finding> =
        evidence.findings.iter().filter(|f| matches!(f.fact, Fact::Series(_))).collect();
    // CloudWatch's own figures are fresher than Datadog's copy of them: shown once, from AWS, when both were read.
    let aws = state.evidence.iter().any(|e| e.source == Source::Aws && !e.findings.is_empty());
    figures.retain(|f| !(aws && f.object.kind == ObjectKind::DatabaseInstance));
    let mut parts: Vec<(&Finding, String)> = Vec::new();
    for finding in &evidence.findings {
        match &finding.fact {
            Fact::Monitor(monitor) => parts.push((finding, format!("monitor is in {}", monitor.state))),
            Fact::DeployEvent(deploy) => {
                parts
                    .push((finding, format!("{} at {}", deploy.title, time::clock(finding.at, state.as_of))));
            }
            _ => {}
        }
    }
    parts.truncate(LINES + 1);
    let (shown, mut texts): (Vec<&Finding>, Vec<String>) = parts.into_iter().unzip();
    texts.extend(series(&figures, None));
    let first = (!texts.is_empty()).then(|| bullet("Datadog", texts, shown.into_iter().chain(figures)));
    let mut logs: Vec<(&Finding, &fact::LogPattern)> = evidence
        .findings
        .iter()
        .filter_map(|f| if let Fact::LogPattern(log) = &f.fact { Some((f, log)) } else { None })
        .collect();
    logs.sort_by_key(|(_, log)| (log.status != "error", std::cmp::Reverse(log.count)));
    let logs = logs.into_iter().take(2).map(|(finding, log)| {
        let service = log.service.as_deref().map(|s| format!(" from {s}")).unwrap_or_default();
        let text =
            format!("{}× {}{service}: “{}”", metric::number(f64::from(log.count)), log.status, log.sample);
        bullet("Logs", vec![incident::size::cut(&text, 180)], [finding])
    });
    first.into_iter().chain(logs).collect()
}

fn code_change(finding: &Finding) -> Option<Line> {
    let Fact::CodeChange(change) = &finding.fact else { return None };
    let commits: Vec<String> = change
        .commits
        .iter()
        .take(2)
        .map(|c| {
            let by = c.author.as_deref().map(|author| format!(" by {author}")).unwrap_or_default();
            format!("{} “{}”{by}", c.sha, c.subject)
        })
        .collect();
    let text = format!(
        "Code: {} {}…{}: {}, {} | {}",
        change.repository,
        change.from,
        change.to,
        time::count(change.commits.len() as i64, "commit"),
        time::count(change.files.len() as i64, "file"),
        commits.join(" | ")
    );
    Some(Line::new(Mark::Bullet, text).citing([&finding.id]))
}
