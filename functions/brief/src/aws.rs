//! LIVE STATE of AWS: the database, the load balancer, and whatever else is in alarm.

use incident::fact::{DatabaseLoad, LoadShare};
use incident::{Evidence, Fact, Finding, ObjectKind, Series, State, Timestamp, size};

use crate::content::Line;
use crate::live::{Part, bullet, figure, is_cited, moved, series};
use crate::{metric, time};

/// Databases, and parts of one kind, that are shown.
const MOST: usize = 2;
/// Figures of one database.
const FIGURES: usize = 3;
/// The metrics that are shown of a database even where they did not move: processor, connections, lag.
const HEADLINE_RANK: usize = 2;
/// Characters of a statement that are quoted.
const STATEMENT_CHARS: usize = 80;
/// Maintenance further away is no news in an incident.
const NEAR_HOURS: i64 = 24;
/// RDS event categories that say something about an incident; backups and the like do not
/// (<https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_Events.Messages.html>).
const TELLING: [&str; 6] =
    ["availability", "configuration change", "failover", "failure", "low storage", "maintenance"];

/// A line for each database concerned, one for the load balancers, one for what else is in alarm.
pub fn lines(state: &State, evidence: &Evidence) -> Vec<Line> {
    let databases = heads(state, evidence);
    let mut lines: Vec<Line> = databases.iter().filter_map(|name| database(state, evidence, name)).collect();
    lines.extend(balancers(evidence));
    lines.extend(alarms(evidence));
    lines
}

/// The databases of the subject that were read; where it names none, the primaries.
fn heads<'a>(state: &'a State, evidence: &'a Evidence) -> Vec<&'a str> {
    let read = |name: &str| evidence.findings.iter().any(|f| is_database(f) && f.object.name == name);
    let mut heads: Vec<&str> =
        state.subject.databases.iter().map(String::as_str).filter(|name| read(name)).collect();
    if heads.is_empty() {
        let found = evidence.findings.iter().filter(|f| is_database(f)).map(|f| f.object.name.as_str());
        heads = found.filter(|name| primary(evidence, name).is_none()).collect();
        heads.sort_unstable();
        heads.dedup();
    }
    heads.truncate(MOST);
    heads
}

fn is_database(finding: &Finding) -> bool {
    finding.object.kind == ObjectKind::DatabaseInstance
}

/// What the instance replicates.
fn primary<'a>(evidence: &'a Evidence, name: &str) -> Option<&'a str> {
    evidence.findings.iter().find_map(|f| match &f.fact {
        Fact::DatabaseInstance(instance) if f.object.name == name => instance.replica_of.as_deref(),
        _ => None,
    })
}

fn database(state: &State, evidence: &Evidence, name: &str) -> Option<Line> {
    let own = || evidence.findings.iter().filter(|f| is_database(f) && f.object.name == name);
    let status = own().filter_map(|f| match &f.fact {
        Fact::DatabaseInstance(instance) if instance.status != "available" => {
            Some(Part::new(format!("status {}", instance.status), f))
        }
        Fact::DatabaseInstance(instance) => instance.replication.as_deref().map(|how| Part::new(how, f)),
        _ => None,
    });
    let limit = limit(evidence, name);
    let figures = figures(state, evidence, name).into_iter().map(|(finding, series)| {
        let limit = limit.filter(|_| metric::is(&series.metric, "connections"));
        let mut part = Part::new(figure(series, limit.map(|(_, value)| value)), finding);
        part.cites.extend(limit.map(|(finding, _)| finding.id.clone()));
        part
    });
    let events = own().filter_map(|f| match &f.fact {
        Fact::DatabaseEvent(event) if is_telling(&event.categories) || is_cited(state, f) => {
            Some(Part::new(format!("{}: {}", time::clock(f.at, state.as_of), event.message), f))
        }
        _ => None,
    });
    let load = own().find_map(load);
    let mut parts: Vec<Part> = status.chain(figures).chain(load).chain(events.take(MOST)).collect();
    parts.extend(own().filter_map(|f| planned(state, f)).take(1));
    if parts.is_empty() {
        parts.extend(own().take(1).map(|f| Part::new(f.summary.clone(), f)));
    }
    (!parts.is_empty()).then(|| bullet(&format!("RDS {name}"), &parts))
}

/// What the sessions do: `load 7.2 on 2 vCPUs: 6.2 “SELECT …”, waits Client:ClientRead 5.8`.
fn load(finding: &Finding) -> Option<Part> {
    let Fact::DatabaseLoad(load) = &finding.fact else { return None };
    let DatabaseLoad { total, sql, waits, vcpus, .. } = load;
    let processors = vcpus.map(|n| format!(" on {} vCPUs", metric::number(n))).unwrap_or_default();
    let share = |share: &LoadShare| format!("{} {}", metric::number(share.load), quoted(&share.name));
    let statement = sql.first().map(|first| format!(": {}", share(first))).unwrap_or_default();
    let wait = waits.first();
    let wait = wait
        .map(|first| format!(", waits {} {}", first.name, metric::number(first.load)))
        .unwrap_or_default();
    Some(Part::new(format!("load {}{processors}{statement}{wait}", metric::number(*total)), finding))
}

fn quoted(statement: &str) -> String {
    format!("“{}”", size::cut(statement, STATEMENT_CHARS))
}

/// Maintenance that was applied or will be within a day of now.
fn planned(state: &State, finding: &Finding) -> Option<Part> {
    let Fact::Maintenance(action) = &finding.fact else { return None };
    let near = |at: &&Timestamp| at.duration_since(state.as_of).as_hours().abs() < NEAR_HOURS;
    let times = [&action.current_apply_at, &action.forced_apply_at, &action.auto_applied_after];
    let at = times.into_iter().flatten().find(near)?;
    Some(Part::new(format!("maintenance {} at {}", action.action, time::clock(*at, state.as_of)), finding))
}

/// What the alert watches, then what moved, then what everybody asks for; of a replica only how far it is behind.
fn figures<'a>(state: &State, evidence: &'a Evidence, name: &str) -> Vec<(&'a Finding, &'a Series)> {
    let watched = state.alert.metric.as_deref().map(|metric| metric::describe(metric, "").0);
    let key = |series: &Series| {
        let (label, _, rank) = metric::describe(&series.metric, &series.unit);
        (watched.as_ref() != Some(&label), !metric::moved(series), rank)
    };
    let mut shown: Vec<_> = evidence
        .findings
        .iter()
        .filter(|f| is_database(f))
        .filter_map(series)
        .filter(|(f, series)| {
            let lag = metric::is(&series.metric, "replica lag");
            f.object.name == name || (lag && primary(evidence, &f.object.name) == Some(name))
        })
        .filter(|(_, series)| {
            let (unwatched, still, rank) = key(series);
            !unwatched || !still || rank <= HEADLINE_RANK
        })
        .collect();
    shown.sort_by_key(|(_, series)| key(series));
    shown.truncate(FIGURES);
    shown.sort_by_key(|(_, series)| key(series).2);
    shown
}

/// The live `max_connections` of the instance, read from itself or from its parameter group.
fn limit<'a>(evidence: &'a Evidence, name: &str) -> Option<(&'a Finding, f64)> {
    let group = evidence.findings.iter().find_map(|f| match &f.fact {
        Fact::DatabaseInstance(instance) if f.object.name == name => instance.parameter_group.as_deref(),
        _ => None,
    });
    evidence.findings.iter().find_map(|f| match &f.fact {
        Fact::DatabaseParameter(parameter)
            if parameter.name == "max_connections"
                && (f.object.name == name || group.is_none_or(|group| group == parameter.group)) =>
        {
            Some((f, parameter.resolved?))
        }
        _ => None,
    })
}

fn is_telling(categories: &[String]) -> bool {
    categories.iter().any(|category| TELLING.contains(&category.to_lowercase().as_str()))
}

fn balancers(evidence: &Evidence) -> Option<Line> {
    let own = || {
        let kinds = [ObjectKind::TargetGroup, ObjectKind::LoadBalancer];
        evidence.findings.iter().filter(move |f| kinds.contains(&f.object.kind))
    };
    let mut health: Vec<(bool, Part)> = own().filter_map(targets).collect();
    health.sort_by_key(|(whole, _)| *whole);
    let figures = moved(own()).into_iter().map(|(f, series)| Part::new(figure(series, None), f));
    let parts: Vec<Part> =
        health.into_iter().map(|(_, part)| part).take(MOST).chain(figures.take(MOST)).collect();
    (!parts.is_empty()).then(|| bullet("ELB", &parts))
}

/// Whether all targets are healthy, and in words.
fn targets(finding: &Finding) -> Option<(bool, Part)> {
    let Fact::TargetHealth(health) = &finding.fact else { return None };
    let all: u32 = health.states.values().sum();
    let healthy = health.states.get("healthy").copied().unwrap_or_default();
    let why: Vec<String> = health.reasons.iter().map(|(reason, n)| format!("{reason} ×{n}")).collect();
    let why = if why.is_empty() { String::new() } else { format!(" ({})", why.join(", ")) };
    let text = format!("{} {healthy}/{all} targets healthy{why}", short(&finding.object.name));
    Some((healthy == all, Part::new(text, finding)))
}

/// Instances that fail their checks or will be stopped, proxies that lost a target, and alarms on what no figure of the other lines
/// shows.
fn alarms(evidence: &Evidence) -> Option<Line> {
    let drawn = |name: &str| evidence.findings.iter().filter_map(series).any(|(_, s)| s.metric == name);
    let parts: Vec<Part> = evidence
        .findings
        .iter()
        .filter_map(|f| match &f.fact {
            Fact::Alarm(alarm) if alarm.state == "ALARM" && !alarm.metric.as_deref().is_some_and(drawn) => {
                Some(Part::new(format!("alarm {}: {}", f.object.name, alarm.reason), f))
            }
            Fact::InstanceStatus(status)
                if [&status.instance_check, &status.system_check].contains(&&"impaired".to_owned()) =>
            {
                Some(Part::new(format!("{} is {} and fails its checks", f.object.name, status.state), f))
            }
            Fact::InstanceStatus(status) => {
                let event = status.scheduled.first()?;
                Some(Part::new(format!("{}: {event}", f.object.name), f))
            }
            Fact::DatabaseProxy(proxy) => {
                let lost = proxy.targets.values().any(|(state, _)| state != "AVAILABLE");
                (lost || proxy.status != "available").then(|| Part::new(f.summary.clone(), f))
            }
            _ => None,
        })
        .take(MOST)
        .collect();
    (!parts.is_empty()).then(|| bullet("AWS", &parts))
}

/// The telling part of an ARN suffix: `targetgroup/api/6d0e…` is `api`.
pub fn short(name: &str) -> &str {
    let parts: Vec<&str> = name.split('/').collect();
    match parts[..] {
        [_, middle, _] => middle,
        ["app" | "net" | "targetgroup", middle] => middle,
        [.., "app" | "net", middle, _] => middle,
        _ => name,
    }
}
