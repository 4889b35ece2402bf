//! Databases: processor and connections.

use std::sync::LazyLock;

use incident::fact::{DatabaseEvent, DatabaseInstance, DatabaseParameter};
use incident::{Cause, Fact, Finding, Object, ObjectKind};
use regex::Regex;

use crate::curve::Curve;
use crate::scene::Scene;
use crate::signals::Signal;
use crate::suspect::{BELOW_HIGH, Report, Suspect};
use crate::words::{clock, number, percent, sentence};

use super::database_load;

/// From this share of `max_connections` on, new sessions are about to be refused: the last slots are reserved.
const NEARLY_ALL: f64 = 0.9;

pub(super) fn detect(scene: &Scene<'_>, report: &mut Report) {
    for name in scene.databases() {
        cpu(scene, report, &name);
        connections(scene, report, &name);
    }
}

fn object(name: &str) -> Object {
    Object::new(ObjectKind::DatabaseInstance, name)
}

/// Features every saturation shares: it left its level, and it is what the alert watches.
pub(super) fn common(scene: &Scene<'_>, suspect: Suspect, curve: &Curve<'_>) -> Suspect {
    let watched = scene.watched().is_some_and(|m| m.signal == curve.meaning.signal);
    let moved = curve.worsened();
    let rise = moved
        .map_or_else(String::new, |shift| format!("{} since {}", curve.told(), clock(shift.at, scene.now())));
    suspect.with_if(moved.is_some(), "left_its_level", 0.6, rise, &[curve.id()]).with_if(
        watched,
        "alert_watches_it",
        0.5,
        format!("the alert watches {}", curve.meaning.noun),
        &[curve.id()],
    )
}

fn cpu(scene: &Scene<'_>, report: &mut Report, name: &str) {
    let Some(curve) = scene.curve_of(Signal::DatabaseCpu, name) else { return };
    let watched = scene.own_curve().is_some_and(|own| own.finding.id == curve.finding.id);
    let limit = scene.state.alert.threshold.filter(|t| watched && *t > 0.0 && *t <= 100.0);
    let limit = limit.or(curve.meaning.limit).unwrap_or(80.0);
    let curve = if curve.now() < limit { scene.contradiction(curve, limit).unwrap_or(curve) } else { curve };
    let now = curve.now();
    // The newest point is what is shown elsewhere; the level decides where the two lie on different sides of the limit.
    let shown = if (curve.newest() < limit) == (now < limit) { curve.newest() } else { now };
    let said = format!("CPU of {name} is at {}", curve.meaning.say(shown));
    if now < limit && scene.alert_is_newer(curve, limit) {
        return;
    }
    if now < limit {
        let reason = match scene.state.alert.threshold {
            Some(stated) if stated == limit => {
                format!("CPU is at {}, below {} %", curve.meaning.say(shown), number(limit))
            }
            // Nobody stated a limit: the bound is ours, and no fact.
            _ => format!("CPU is at {}: not saturated", curve.meaning.say(shown)),
        };
        return report.clear(Some(Cause::DatabaseCpu), object(name), reason, &[curve.id()]);
    }
    let weight = if now >= 90.0 { 1.6 } else { 1.0 };
    let text = format!("{said}, above {} %", number(limit));
    let suspect = Suspect::new(Cause::DatabaseCpu, object(name))
        .with("cpu_saturated", weight, text, &[curve.id()])
        .claim(rise_sentence(scene, curve), &[curve.id()]);
    let suspect = common(scene, suspect, curve);
    report.suspects.push(match database_load::dominant_statement(scene, name) {
        Some((finding, statement, share)) if !database_load::is_housekeeping(&statement) => {
            let kind = database_load::query_or_statement(&statement);
            let text = format!("Performance Insights: {share} on {name} run one {kind}: {statement}");
            whose(
                scene,
                suspect.with("dominant_statement", 1.0, &text, &[&finding.id]).claim(text, &[&finding.id]),
                name,
            )
        }
        _ => suspect
            .capped(0.7, "which query loads the processor was not seen: Performance Insights was not read"),
    });
}

/// Says whose sessions load a database.
pub(super) fn whose(scene: &Scene<'_>, suspect: Suspect, name: &str) -> Suspect {
    match database_load::most_of(scene, name) {
        Some((finding, text)) => suspect.claim(text, &[&finding.id]),
        None => suspect,
    }
}

fn connections(scene: &Scene<'_>, report: &mut Report, name: &str) {
    let Some(curve) = scene.curve_of(Signal::DatabaseConnections, name) else { return };
    let now = curve.now().max(curve.series.last);
    let Some((limit, limit_id)) = max_connections(scene, name) else {
        report.suspects.extend(refused(scene, curve, name));
        return;
    };
    let nearly_all = NEARLY_ALL * limit;
    let other = (now < nearly_all).then(|| scene.contradiction(curve, nearly_all)).flatten();
    let (curve, now) = other.map_or((curve, now), |other| (other, other.now()));
    let share = now / limit;
    // As with the processor: the newest point is shown, the level decides.
    let shown = if (curve.newest() < nearly_all) == (now < nearly_all) { curve.newest() } else { now };
    let said = format!("{} of {} connections of {name} are in use", number(shown), number(limit));
    if share < NEARLY_ALL {
        let share = percent(shown / limit);
        let reason = format!("{} of {} connections are in use ({share})", number(shown), number(limit));
        return report.clear(
            Some(Cause::DatabaseConnections),
            object(name),
            reason,
            &[curve.id(), &limit_id],
        );
    }
    let weight = if share >= 0.95 { 1.8 } else { 1.2 };
    let suspect = Suspect::new(Cause::DatabaseConnections, object(name))
        .with("connections_near_limit", weight, &said, &[curve.id(), &limit_id])
        .claim(&said, &[curve.id(), &limit_id]);
    let suspect = common(scene, suspect, curve);
    let suspect = told_by_vendor(scene, suspect, name, 0.8);
    let suspect = told_by_logs(scene, suspect, 0.8);
    report.suspects.push(match database_load::waiting_for_clients(scene, name) {
        Some((finding, wait, share)) => suspect
            .with(
                "sessions_idle",
                0.9,
                format!("{share} wait on {wait}: client sessions hold connections idle"),
                &[&finding.id],
            )
            .claim(
                format!("Client sessions hold connections without working: {share} wait on {wait}."),
                &[&finding.id],
            ),
        None => suspect.capped(BELOW_HIGH, "what holds the connections was not seen"),
    });
}

/// The limit was not read: connections that climbed and are refused are still exhausted.
fn refused(scene: &Scene<'_>, curve: &Curve<'_>, name: &str) -> Option<Suspect> {
    let rose = curve.worsened().is_some_and(|shift| !shift.over);
    let suspect = Suspect::new(Cause::DatabaseConnections, object(name));
    let suspect = told_by_vendor(scene, suspect, name, 1.6);
    let suspect = told_by_logs(scene, suspect, 1.6);
    (rose && !suspect.features.is_empty()).then(|| {
        common(scene, suspect, curve)
            .claim(rise_sentence(scene, curve), &[curve.id()])
            .capped(BELOW_HIGH, "how many connections it allows was not read")
    })
}

/// The live limit: the parameter's resolved value, else the figure RDS itself gives in an event ("469 of 500").
pub(crate) fn max_connections(scene: &Scene<'_>, name: &str) -> Option<(f64, String)> {
    let groups: Vec<&str> = instances(scene)
        .filter(|(f, _)| f.object.name == name)
        .filter_map(|(_, i)| i.parameter_group.as_deref())
        .collect();
    let of_instance = |parameter: &DatabaseParameter, finding: &Finding| {
        finding.object.name == name || groups.is_empty() || groups.contains(&parameter.group.as_str())
    };
    let parameter = scene.findings.iter().find_map(|(finding, _)| match &finding.fact {
        Fact::DatabaseParameter(p) if p.name == "max_connections" && of_instance(p, finding) => {
            let value = p.resolved.or_else(|| p.value.parse().ok())?;
            (value.is_finite() && value > 0.0).then(|| (value, finding.id.clone()))
        }
        _ => None,
    });
    parameter.or_else(|| {
        events(scene).filter(|(f, _)| f.object.name == name).find_map(|(finding, event)| {
            let limit: f64 = CONNECTIONS_OF.captures(&event.message)?.get(1)?.as_str().parse().ok()?;
            (limit > 0.0).then(|| (limit, finding.id.clone()))
        })
    })
}

#[expect(clippy::expect_used, reason = "a constant pattern, compiled by every test")]
static CONNECTIONS_OF: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)connections?:?\s+\d+ (?:of|/|out of) (\d{1,6})\b").expect("a valid pattern")
});

/// The words of PostgreSQL, MySQL, Oracle and the usual connection pools for "no connection left".
const REFUSALS: [&str; 14] = [
    "too many clients",
    "too many connections",
    "connection slots",
    "max_connections",
    "er_con_count_error",
    "max_user_connections",
    "ora-12516",
    "ora-12519",
    "pool exhausted",
    "queuepool limit",
    "timeout acquiring a connection",
    "connection is not available, request timed out",
    "fetching a new connection from the connection pool",
    "timed out waiting for an available connection",
];

fn refuses(text: &str) -> bool {
    let text = text.to_lowercase();
    REFUSALS.iter().any(|words| text.contains(words))
}

fn told_by_vendor(scene: &Scene<'_>, suspect: Suspect, name: &str, weight: f64) -> Suspect {
    let told = events(scene).find(|(f, e)| f.object.name == name && refuses(&e.message));
    match told {
        Some((finding, event)) => suspect.with(
            "vendor_reports_it",
            weight,
            format!("RDS at {}: {}", clock(finding.at, scene.now()), event.message),
            &[&finding.id],
        ),
        None => suspect,
    }
}

fn told_by_logs(scene: &Scene<'_>, suspect: Suspect, weight: f64) -> Suspect {
    match scene.logs().find(|(_, log)| refuses(&log.pattern) || refuses(&log.sample)) {
        Some((finding, log)) => suspect.with(
            "logs_report_it",
            weight,
            format!("{} log lines say: {}", log.count, log.pattern),
            &[&finding.id],
        ),
        None => suspect,
    }
}

/// `CPU of db-1 rose from 41 % to 95 %, beginning at 02:13 UTC.`
pub(super) fn rise_sentence(scene: &Scene<'_>, curve: &Curve<'_>) -> String {
    let told = sentence(&curve.told());
    match curve.worsened() {
        Some(shift) => {
            let began = if shift.open { "before" } else { "at" };
            format!("{told}, beginning {began} {}.", clock(shift.at, scene.now()))
        }
        None => format!("{told}."),
    }
}

pub(super) fn events<'a>(scene: &Scene<'a>) -> impl Iterator<Item = (&'a Finding, &'a DatabaseEvent)> {
    let mut events: Vec<_> = scene
        .findings
        .iter()
        .filter_map(|(f, _)| match &f.fact {
            Fact::DatabaseEvent(event) => Some((*f, event)),
            _ => None,
        })
        .collect();
    events.sort_by_key(|(f, _)| f.at);
    events.into_iter()
}

pub(super) fn instances<'a>(scene: &Scene<'a>) -> impl Iterator<Item = (&'a Finding, &'a DatabaseInstance)> {
    let found: Vec<_> = scene
        .findings
        .iter()
        .filter_map(|(f, _)| match &f.fact {
            Fact::DatabaseInstance(instance) => Some((*f, instance)),
            _ => None,
        })
        .collect();
    found.into_iter()
}
