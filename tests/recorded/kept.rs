//! What a recording holds and what the collectors kept of it: nothing that matters is lost on the way.

use incident::{Fact, Finding, State};
use serde_json::Value;

use super::convert::Recording;

/// How many times one level has to be the other to count as a shift.
const SHIFTED: f64 = 1.5;
/// Characters of a message that have to be kept.
const BEGINNING: usize = 80;
/// What an engineer would look at first.
const TELLING: &[&str] = &[
    "CPUUtilization",
    "DatabaseConnections",
    "ReplicaLag",
    "FreeStorageSpace",
    "FreeableMemory",
    "ReadIOPS",
    "WriteIOPS",
    "ReadLatency",
    "WriteLatency",
    "DiskQueueDepth",
];

/// One sentence for everything that matters and is not in the evidence.
pub fn missing(recording: &Recording, state: &State) -> Vec<String> {
    let findings: Vec<&Finding> = state.findings().collect();
    let all = [metrics, events_of_databases, sessions, pods, warnings, deployments, nodes, monitors, errors];
    all.iter().flat_map(|check| check(recording, &findings)).collect()
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

/// Whether the alert is about this object, or mentions it.
fn is_named(recording: &Recording, object: &str) -> bool {
    recording.read("alert.json").is_some_and(|alert| alert.to_string().contains(object))
}

/// Telling metrics of the alert's databases whose level shifted, with their highest value.
fn metrics(recording: &Recording, findings: &[&Finding]) -> Vec<String> {
    let mut missing = Vec::new();
    for metric in recording.metrics() {
        let values: Vec<f64> =
            metric["values"].as_array().into_iter().flatten().filter_map(Value::as_f64).collect();
        let (name, of) = (text(&metric, "metric_name"), text(&metric["dimensions"][0], "Value"));
        if !TELLING.contains(&name) || !is_named(recording, of) || !is_shifted(&values) {
            continue;
        }
        let in_ms = name.ends_with("Latency") && text(&metric, "unit") == "Milliseconds";
        let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max) * if in_ms { 1e-3 } else { 1.0 };
        let kept = findings.iter().find_map(|finding| match &finding.fact {
            Fact::Series(series) if series.metric.ends_with(&format!(" {name}")) => {
                (finding.object.name == of).then_some(series.max)
            }
            _ => None,
        });
        if !kept.is_some_and(|kept| (kept - high).abs() <= 1e-3 * high) {
            missing.push(format!("{name} of {of} came to {high}; kept: {kept:?}"));
        }
    }
    missing
}

/// Whether the last third lies far from the first.
fn is_shifted(values: &[f64]) -> bool {
    let third = values.len() / 3;
    let mean = |part: &[f64]| part.iter().sum::<f64>() / part.len().max(1) as f64;
    let (before, after) = (mean(&values[..third]), mean(&values[values.len() - third..]));
    before.max(after) >= SHIFTED * before.min(after).max(1e-9)
}

/// What RDS said, before the investigation looked, of the databases that the alert names.
fn events_of_databases(recording: &Recording, findings: &[&Finding]) -> Vec<String> {
    let now = recording.now();
    let events = recording.list("aws_rds_events.json", "events").into_iter();
    let events =
        events.filter(|event| text(event, "date").parse().is_ok_and(|at: incident::Timestamp| at <= now));
    let is_told = |event: &Value| {
        let beginning: String = text(event, "message").chars().take(BEGINNING).collect();
        findings.iter().any(|finding| fact_holds(finding, &beginning))
    };
    events
        .filter(|event| is_named(recording, text(event, "source_identifier")) && !is_told(event))
        .map(|event| text(&event, "message").to_owned())
        .collect()
}

/// The statement and the wait with the most load.
fn sessions(recording: &Recording, findings: &[&Finding]) -> Vec<String> {
    if !recording.name.starts_with("rds") {
        return Vec::new();
    }
    let Some(recorded) = recording.read("aws_performance_insights.json") else { return Vec::new() };
    let mut missing = Vec::new();
    for (list, name) in [("top_sql", "statement"), ("top_wait_events", "name")] {
        let members = recorded[list].as_array().into_iter().flatten();
        let load = |member: &&Value| member["db_load_avg"].as_f64().unwrap_or_default();
        let Some(most) = members.max_by(|a, b| load(a).total_cmp(&load(b))) else { continue };
        let start: String = text(most, name).chars().take(40).collect();
        if !findings
            .iter()
            .any(|finding| matches!(finding.fact, Fact::DatabaseLoad(_)) && fact_holds(finding, &start))
        {
            missing.push(format!("{list}: {start}"));
        }
    }
    missing
}

/// Containers that wait or ended badly, with their reason.
fn pods(recording: &Recording, findings: &[&Finding]) -> Vec<String> {
    let mut missing = Vec::new();
    for pod in recording.list("eks_pods.json", "pods") {
        for container in pod["containers"].as_array().into_iter().flatten() {
            let reasons = ["state", "last_state"].map(|state| text(&container[state], "reason").to_owned());
            for reason in
                reasons.into_iter().filter(|reason| !["", "Completed", "Running"].contains(&reason.as_str()))
            {
                // Pods of one workload that fail alike may share a finding's room; one of them has to be there.
                let told =
                    |finding: &&Finding| matches!(finding.fact, Fact::Pod(_)) && fact_holds(finding, &reason);
                if !findings.iter().any(told) {
                    missing.push(format!("{}: {reason}", text(&pod, "name")));
                }
            }
        }
    }
    missing
}

/// The reason of every warning, about its object or a sibling of it.
fn warnings(recording: &Recording, findings: &[&Finding]) -> Vec<String> {
    let events = recording.list("eks_events.json", "warning_events").into_iter();
    let is_told = |event: &Value| {
        findings.iter().any(|finding| {
            matches!(finding.fact, Fact::EventGroup(_)) && fact_holds(finding, text(event, "reason"))
        })
    };
    let lost = events.filter(|event| text(event, "type") == "Warning" && !is_told(event));
    lost.map(|event| format!("{} of {}", text(&event, "reason"), text(&event, "involved_object"))).collect()
}

/// Workloads with fewer replicas than wanted.
fn deployments(recording: &Recording, findings: &[&Finding]) -> Vec<String> {
    let short = recording.list("eks_deployments.json", "deployments").into_iter();
    let short = short.filter(|deployment| deployment["unavailable"].as_u64().unwrap_or_default() > 0);
    let is_told = |name: &str| findings.iter().any(|finding| finding.object.name == name);
    short.map(|deployment| text(&deployment, "name").to_owned()).filter(|name| !is_told(name)).collect()
}

/// Nodes that are not ready or under pressure.
fn nodes(recording: &Recording, findings: &[&Finding]) -> Vec<String> {
    let bad = |node: &Value| {
        text(node, "ready") != "True"
            || ["memory_pressure", "disk_pressure", "pid_pressure"]
                .iter()
                .any(|key| text(node, key) == "True")
    };
    let is_told = |name: &str| findings.iter().any(|finding| finding.object.name == name);
    let nodes = recording.list("eks_node_health.json", "nodes").into_iter().filter(bad);
    nodes.map(|node| text(&node, "name").to_owned()).filter(|name| !is_told(name)).collect()
}

/// Monitors in alert whose scope is the service or the workload of the alert.
fn monitors(recording: &Recording, findings: &[&Finding]) -> Vec<String> {
    let is_told = |name: &str| {
        let holds =
            |finding: &&Finding| matches!(finding.fact, Fact::Monitor(_)) && fact_holds(finding, name);
        findings.iter().any(holds)
    };
    let ringing = recording.list("datadog_monitors.json", "monitors").into_iter();
    let ringing = ringing.filter(|m| text(m, "overall_state") == "Alert" && is_of_the_alert(recording, m));
    ringing.map(|monitor| text(&monitor, "name").to_owned()).filter(|name| !is_told(name)).collect()
}

/// Whether a monitor's tags name the service or the workload of the alert.
fn is_of_the_alert(recording: &Recording, tagged: &Value) -> bool {
    let tags = tagged["tags"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let mut names =
        tags.filter_map(|tag| tag.strip_prefix("service:").or(tag.strip_prefix("kube_deployment:")));
    names.any(|name| is_named(recording, name))
}

/// Error lines of the alert's service: what each begins with is in a pattern, or the patterns say that more were left out.
fn errors(recording: &Recording, findings: &[&Finding]) -> Vec<String> {
    let is_of = |log: &Value| is_named(recording, text(log, "service"));
    let logs = recording.list("datadog_logs.json", "logs").into_iter();
    let lines = logs.filter(|log| text(log, "status") == "error" && is_of(log));
    let words = |line: &str| -> Vec<String> {
        line.split(|c: char| !c.is_alphabetic())
            .filter(|word| word.len() > 3)
            .take(3)
            .map(str::to_owned)
            .collect()
    };
    let is_told = |line: &str| {
        findings.iter().any(|finding| match &finding.fact {
            Fact::LogPattern(_) => words(line).iter().all(|word| fact_holds(finding, word)),
            _ => false,
        })
    };
    lines.map(|log| text(&log, "message").to_owned()).filter(|line| !is_told(line)).collect()
}

fn fact_holds(finding: &Finding, words: &str) -> bool {
    let quoted = serde_json::to_string(words).unwrap_or_default();
    serde_json::to_string(&finding.fact).unwrap_or_default().contains(quoted.trim_matches('"'))
}
