//! From a finding's typed payload to numbers, times, places and sights.

use incident::fact::{CodeChange, Hpa, PodState, Quota, Rollout, TargetHealth};
use incident::{Fact, Finding, Series, Timestamp};
use serde_json::Value;

use crate::edge;
use crate::figure::Figure;
use crate::known::{Event, Known};
use crate::measure::Kind;
use crate::reading::Role;
use crate::sight::Release;
use crate::topic::Topics;

const GIB: f64 = 1_073_741_824.0;

/// Adds what a finding's payload holds.
pub fn fact(known: &mut Known, item: usize, finding: &Finding) {
    let event = match &finding.fact {
        Fact::Rollout(_) | Fact::TemplateDiff(_) | Fact::DeployEvent(_) => Event::Change,
        // A configuration that somebody changed, told by the vendor.
        Fact::DatabaseEvent(told)
            if told.categories.iter().any(|c| c.to_lowercase().contains("configuration")) =>
        {
            Event::Change
        }
        Fact::Monitor(_) => Event::Alert,
        _ => Event::Seen,
    };
    known.moment(item, finding.at, event);
    if let Some(until) = finding.until {
        known.moment(item, until, Event::Seen);
        let window = until.duration_since(finding.at).as_secs_f64();
        known.figures.push(Figure::new(item, window, Kind::Seconds));
    }
    let ready = match &finding.fact {
        Fact::Pod(pod) => Some(pod.ready),
        Fact::Node(node) => Some(node.ready),
        _ => None,
    };
    known.objects.push((finding.object.kind, finding.object.name.clone(), ready));
    match &finding.fact {
        Fact::Series(seen) => return series(known, item, seen),
        Fact::Rollout(seen) => rollout(known, item, finding.at, seen),
        Fact::CodeChange(change) => code(known, item, change),
        Fact::EdgeTraffic(traffic) => edge::traffic(known, item, traffic),
        Fact::WafActivity(activity) => edge::firewall(known, item, activity),
        Fact::TargetHealth(health) => targets(known, item, health),
        Fact::Pod(seen) => pod(known, item, seen),
        Fact::Hpa(seen) => return autoscaler(known, item, seen),
        Fact::Quota(seen) => return quota(known, item, seen),
        Fact::Workload(seen) => known.sights.ready.push((item, seen.ready, seen.desired)),
        Fact::DatabaseParameter(seen) => {
            let topics = Topics::of_name(&seen.name);
            known
                .figures
                .extend(seen.resolved.map(|v| Figure::new(item, v, Kind::Bare).of(topics).role(Role::Limit)));
        }
        Fact::DatabaseInstance(seen) => {
            let bytes = seen.storage_gib.map(|gib| gib as f64 * GIB);
            let figure = |value| Figure {
                binary: true,
                ..Figure::new(item, value, Kind::Bytes).of(Topics::STORAGE).role(Role::Limit)
            };
            known.figures.extend(bytes.map(figure));
        }
        Fact::Usage(usage) => {
            for (used, limit, topics) in [
                (usage.cpu_cores, usage.cpu_limit_cores, Topics::CPU),
                (usage.memory_bytes, usage.memory_limit_bytes, Topics::of_name("memory")),
            ] {
                let share = limit.filter(|limit| *limit > 0.0).map(|limit| used / limit * 100.0);
                let figure = |v| Figure::new(item, v, Kind::Percent).of(topics).role(Role::Share);
                known.figures.extend(share.map(figure));
            }
        }
        Fact::DatabaseLoad(load) => {
            for part in load.sql.iter().chain(&load.waits).chain(&load.users).filter(|_| load.total > 0.0) {
                known
                    .figures
                    .push(Figure::new(item, part.load / load.total * 100.0, Kind::Percent).role(Role::Share));
            }
            // A load is counted in active sessions; what the parts of one kind add up to may be said of all of them.
            let kinds = [&load.sql, &load.waits, &load.users, &load.hosts];
            let parts = kinds.into_iter().flatten().map(|part| part.load);
            let sums = kinds.map(|kind| kind.iter().map(|part| part.load).sum::<f64>());
            let sessions = |value| Figure::new(item, value, Kind::Bare).of(Topics::of_name("session"));
            known
                .figures
                .extend(parts.chain(sums).chain([load.total]).filter(|v| v.is_finite()).map(sessions));
        }
        _ => {}
    }
    if let Ok(fact) = serde_json::to_value(&finding.fact) {
        value(known, item, "", &fact);
    }
}

/// Everything in a typed payload: strings as text, numbers with the unit and topic that their key implies, times.
fn value(known: &mut Known, item: usize, key: &str, value: &Value) {
    match value {
        Value::String(text) => match text.parse::<Timestamp>() {
            Ok(at) if key == "finished_at" => known.moment(item, at, Event::Done),
            Ok(at) => known.moment(item, at, Event::Seen),
            Err(_) => known.quote(item, text, Topics::of_name(key), Role::Any),
        },
        Value::Number(number) => {
            let (kind, scale) = unit_of(key).unwrap_or((Kind::Bare, 1.0));
            let figure = |v: f64| Figure::new(item, v * scale, kind).of(Topics::of_name(key));
            known.figures.extend(number.as_f64().map(figure));
        }
        Value::Array(values) => values.iter().for_each(|inner| self::value(known, item, key, inner)),
        Value::Object(map) => {
            for (name, inner) in map {
                known.quote(item, name, Topics::default(), Role::Any);
                // The numbers of a map ("by_status": {"200": 7}) are of what the map is about.
                let counts = inner.is_number() && unit_of(name).is_none();
                let about = if counts && !Topics::of_name(name).any() { key } else { name };
                self::value(known, item, if about.is_empty() { name } else { about }, inner);
            }
        }
        Value::Bool(_) | Value::Null => {}
    }
}

/// The unit that a field's name ends in: `took_ms`, `origin_ms_before`.
fn unit_of(key: &str) -> Option<(Kind, f64)> {
    let key = key.strip_suffix("_before").unwrap_or(key);
    [("_s", Kind::Seconds, 1.0), ("_ms", Kind::Seconds, 0.001), ("_gib", Kind::Bytes, GIB)]
        .into_iter()
        .find(|(suffix, ..)| key.ends_with(suffix))
        .map(|(_, kind, scale)| (kind, scale))
}

/// The statistics and not the points: with sixty points almost any number would be found among them.
fn series(known: &mut Known, item: usize, series: &Series) {
    known.quote(item, &series.metric, Topics::default(), Role::Any);
    known.word(item, &series.stat);
    let topics = Topics::of_name(&series.metric);
    let unit = series.unit.to_lowercase();
    let (kind, scale) = match unit.as_str() {
        "percent" | "%" => (Kind::Percent, 1.0),
        "seconds" | "second" | "s" => (Kind::Seconds, 1.0),
        "milliseconds" | "millisecond" | "ms" => (Kind::Seconds, 0.001),
        "bytes" | "byte" => (Kind::Bytes, 1.0),
        "count" | "connection" | "request" | "error" => (Kind::Bare, 1.0),
        _ => (Kind::Unstated, 1.0),
    };
    let first = series.points.first().map_or(series.baseline, |(_, value)| *value);
    let levels = [
        (series.baseline, Role::Before),
        (first, Role::Before),
        (series.min, Role::Low),
        (series.max, Role::Peak),
        (series.last, Role::Last),
    ];
    let share = unit.is_empty()
        && series.max <= 1.0
        && ["ratio", "rate", "utilization"].iter().any(|w| series.metric.to_lowercase().contains(w));
    for (value, role) in levels {
        known.figures.push(Figure::new(item, value * scale, kind).of(topics).role(role));
        if share {
            known.figures.push(Figure::new(item, value * 100.0, Kind::Percent).of(topics).role(role));
        }
    }
    changes(
        known,
        item,
        series.baseline * scale,
        &[series.last * scale, series.max * scale, series.min * scale],
        kind,
        topics,
    );
    known.moment(item, series.max_at, Event::Peak);
    known.moment(item, series.last_at, Event::Seen);
    if series.metric.to_lowercase().contains("5xx") {
        let errors = series.max.max(0.0).ceil() as u64;
        known.sights.server_errors = Some(known.sights.server_errors.unwrap_or(0).saturating_add(errors));
    }
    known.sights.series.push((item, topics, series.clone()));
}

/// What two levels differ by: as a percentage, as a multiple, as a number of the same kind.
pub fn changes(known: &mut Known, item: usize, before: f64, after: &[f64], kind: Kind, topics: Topics) {
    for after in after {
        let mut push = |value: f64, kind: Kind, role: Role| {
            known.figures.push(Figure::new(item, value, kind).of(topics).role(role));
        };
        push(after - before, if kind == Kind::Percent { Kind::Points } else { kind }, Role::Change);
        if before > 0.0 {
            push((after / before - 1.0) * 100.0, Kind::Percent, Role::Change);
            push(after / before, Kind::Times, Role::Share);
        }
    }
}

fn rollout(known: &mut Known, item: usize, at: Timestamp, rollout: &Rollout) {
    if let Some(finished) = rollout.finished_at {
        known.figures.push(Figure::new(item, finished.duration_since(at).as_secs_f64(), Kind::Seconds));
    }
    known.sights.releases.push(Release {
        version: rollout.version.to_lowercase(),
        previous: rollout.previous_version.as_ref().map(|v| v.to_lowercase()),
        revision: rollout.revision,
        previous_revision: rollout.previous_revision,
    });
}

fn code(known: &mut Known, item: usize, change: &CodeChange) {
    for hunk in &change.hunks {
        let lines = hunk.text.lines().filter(|line| !line.starts_with('-')).count().max(1) as u32;
        known.places.push((hunk.path.to_lowercase(), hunk.line, hunk.line.saturating_add(lines - 1)));
    }
    known.figures.push(Figure::new(item, change.commit_count() as f64, Kind::Bare).of(Topics::COMMITS));
    known.figures.push(Figure::new(item, change.file_count() as f64, Kind::Bare).of(Topics::FILES));
}

fn targets(known: &mut Known, item: usize, health: &TargetHealth) {
    let total = health.states.values().fold(0_u32, |sum, n| sum.saturating_add(*n));
    let healthy = health.states.get("healthy").copied().unwrap_or(0);
    known.sights.healthy.push((item, healthy, total));
    for count in [total, total - healthy.min(total)] {
        known.figures.push(Figure::new(item, f64::from(count), Kind::Bare).of(Topics::TARGETS));
    }
}

fn pod(known: &mut Known, item: usize, pod: &PodState) {
    let ready = pod.containers.iter().filter(|c| c.ready && !c.init).count() as u32;
    let all = pod.containers.iter().filter(|c| !c.init).count() as u32;
    known.sights.ready.push((item, ready, all));
    let restarts: u32 = pod.containers.iter().fold(0, |sum, c| sum.saturating_add(c.restarts));
    known.sights.restarts = Some(known.sights.restarts.unwrap_or(0).saturating_add(u64::from(restarts)));
}

fn autoscaler(known: &mut Known, item: usize, hpa: &Hpa) {
    known.word(item, &hpa.target.to_string());
    known.word(item, hpa.reason.as_deref().unwrap_or_default());
    for (count, role) in
        [(hpa.min, Role::Any), (hpa.max, Role::Limit), (hpa.current, Role::Last), (hpa.desired, Role::Any)]
    {
        known.figures.push(Figure::new(item, f64::from(count), Kind::Bare).of(Topics::REPLICAS).role(role));
    }
}

fn quota(known: &mut Known, item: usize, quota: &Quota) {
    for (resource, (used, hard)) in &quota.resources {
        known.word(item, resource);
        known.word(item, used);
        known.word(item, hard);
        let topics = Topics::of_name(resource);
        for (text, role) in [(used, Role::Last), (hard, Role::Limit)] {
            known.figures.extend(kubernetes_quantity(text).map(|(value, kind, binary)| Figure {
                binary,
                ..Figure::new(item, value, kind).of(topics).role(role)
            }));
        }
    }
}

/// `7900m` is 7.9, `64Gi` are bytes.
fn kubernetes_quantity(text: &str) -> Option<(f64, Kind, bool)> {
    if let Some(milli) = text.strip_suffix('m') {
        return Some((milli.parse::<f64>().ok()? / 1_000.0, Kind::Bare, false));
    }
    let units = [("Ki", 1_024.0), ("Mi", 1_048_576.0), ("Gi", GIB), ("Ti", 1_024.0 * GIB)];
    for (suffix, size) in units {
        if let Some(number) = text.strip_suffix(suffix) {
            return Some((number.parse::<f64>().ok()? * size, Kind::Bytes, true));
        }
    }
    Some((text.parse().ok()?, Kind::Bare, false))
}
