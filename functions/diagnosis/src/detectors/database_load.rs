//! What Performance Insights tells: a dominating statement, waits for clients or locks, housekeeping.

use incident::fact::{DatabaseEvent, DatabaseLoad, LoadShare};
use incident::{Cause, Fact, Finding, size};

use crate::scene::Scene;
use crate::suspect::{Report, Suspect};
use crate::words::{clock, number};

use super::database::{events, whose};

/// From this share of the load on, one statement or wait dominates.
const DOMINATES: f64 = 0.4;
/// Characters of a statement that are quoted.
const STATEMENT_CHARS: usize = 100;

pub(super) fn detect(scene: &Scene<'_>, report: &mut Report) {
    told_by_events(scene, report);
    for (finding, load) in loads(scene) {
        if let Some((wait, share)) = dominating(load, &load.waits, is_lock) {
            let text = format!("{share} wait on {wait}");
            let suspect = Suspect::new(Cause::DatabaseLocks, finding.object.clone())
                .with("sessions_wait_for_locks", 1.4, &text, &[&finding.id])
                .claim(format!("{text} on {}.", finding.object.name), &[&finding.id]);
            report.suspects.push(whose(scene, suspect, &finding.object.name));
        }
        if let Some((statement, share)) = dominating(load, &load.sql, is_housekeeping) {
            let text = format!("{share} do housekeeping: {statement}");
            let known = report
                .suspects
                .iter_mut()
                .find(|s| s.cause == Cause::DatabaseHousekeeping && s.culprit == finding.object);
            match known {
                Some(suspect) => {
                    suspect.add("housekeeping_dominates", 1.6, &text, &[&finding.id], &[]);
                    suspect.claims.insert(0, crate::suspect::claim(text, &[&finding.id], &[]));
                }
                None => report.suspects.push(
                    Suspect::new(Cause::DatabaseHousekeeping, finding.object.clone())
                        .with("housekeeping_dominates", 2.4, &text, &[&finding.id])
                        .claim(text, &[&finding.id]),
                ),
            }
        }
    }
}

/// PostgreSQL's own log, as RDS events carry it: checkpoints in quick succession, a vacuum that freezes.
fn told_by_events(scene: &Scene<'_>, report: &mut Report) {
    let speaks = |text: &str| {
        let text = text.to_lowercase();
        [
            "checkpoints are occurring too frequently",
            "checkpoint storm",
            "checkpoint starting: wal",
            "to prevent wraparound",
            "vacuum freeze",
        ]
        .iter()
        .any(|words| text.contains(words))
    };
    let mut told: Vec<(&Finding, &DatabaseEvent)> =
        events(scene).filter(|(_, e)| speaks(&e.message)).collect();
    // The event that names the worker says most.
    told.sort_by_key(|(_, e)| {
        (!e.message.to_lowercase().contains("vacuum"), !e.message.to_lowercase().contains("frequently"))
    });
    let Some((first, event)) = told.first() else { return };
    let text = format!("RDS at {}: {}", clock(first.at, scene.now()), event.message);
    let mut suspect = Suspect::new(Cause::DatabaseHousekeeping, first.object.clone())
        .with("vendor_reports_it", 1.8, &text, &[&first.id])
        .claim(&text, &[&first.id]);
    if let Some((finding, event)) = told.get(1) {
        let text = format!("RDS at {}: {}", clock(finding.at, scene.now()), event.message);
        suspect = suspect.with("it_repeats", 0.8, &text, &[&finding.id]).claim(&text, &[&finding.id]);
    }
    report.suspects.push(suspect);
}

/// The writing statement that loads a database most, and its share in words; and the reading one, which writes nothing.
pub(super) fn writer_and_reader<'a>(
    scene: &Scene<'a>,
    database: &str,
) -> Option<(&'a Finding, Option<String>, Option<String>)> {
    let (finding, load) = loads(scene).find(|(f, _)| f.object.name == database)?;
    let total = total(load, &load.sql);
    let most = |writes: bool| {
        let shares = load.sql.iter().filter(|s| is_write(&s.name) == writes && s.load.is_finite());
        shares.max_by(|a, b| a.load.total_cmp(&b.load)).map(|s| {
            let statement = size::cut(&s.name, STATEMENT_CHARS);
            format!("{statement} ({} of {} active sessions)", number(s.load), number(total))
        })
    };
    Some((finding, most(true), most(false)))
}

/// True for a statement that changes rows.
fn is_write(statement: &str) -> bool {
    let statement = statement.trim_start().to_lowercase();
    ["insert", "update", "delete", "copy", "merge", "truncate", "alter", "create", "with"]
        .iter()
        .any(|word| statement.starts_with(word))
        && (!statement.starts_with("with")
            || ["insert", "update", "delete"].iter().any(|w| statement.contains(w)))
}

/// The statement that makes up most of the load of a database, and its share in words.
pub(super) fn dominant_statement<'a>(
    scene: &Scene<'a>,
    database: &str,
) -> Option<(&'a Finding, String, String)> {
    let (finding, load) = loads(scene).find(|(f, _)| f.object.name == database)?;
    dominating(load, &load.sql, |_| true).map(|(statement, share)| (finding, statement, share))
}

/// Whose sessions they mostly are, and from where, in words: `4.3 of 5.3 active sessions are of user etl_writer, from etl-1.internal`.
/// The database's own users say nothing.
pub(super) fn most_of<'a>(scene: &Scene<'a>, database: &str) -> Option<(&'a Finding, String)> {
    let (finding, load) = loads(scene).find(|(f, _)| f.object.name == database)?;
    let people = |name: &str| !matches!(name, "rdsadmin" | "postgres" | "system" | "unknown");
    let (user, share) = dominating(load, &load.users, people)?;
    let sum: f64 = load.hosts.iter().map(|host| host.load).sum();
    let host = load.hosts.iter().find(|host| host.load > sum / 2.0);
    let from = host.map_or_else(String::new, |host| format!(", most from {}", host.name));
    Some((finding, format!("{share} on {database} are of the user {user}{from}")))
}

/// A statement that reads is a query to those who look for it.
pub(super) fn query_or_statement(statement: &str) -> &'static str {
    if is_write(statement) || is_housekeeping(statement) { "statement" } else { "query" }
}

/// The share of load that waits for the client to speak: sessions that are open and do nothing.
pub(super) fn waiting_for_clients<'a>(
    scene: &Scene<'a>,
    database: &str,
) -> Option<(&'a Finding, String, String)> {
    let (finding, load) = loads(scene).find(|(f, _)| f.object.name == database)?;
    let idle = |name: &str| name.contains("clientread") || name.contains("idle");
    dominating(load, &load.waits, idle).map(|(wait, share)| (finding, wait, share))
}

/// True for a wait on rows or tables that another session holds, as PostgreSQL, MySQL, SQL Server and Oracle name it.
fn is_lock(wait: &str) -> bool {
    ["lock:", "lck_m_"].iter().any(|word| wait.starts_with(word))
        || ["row_lock_wait", "lock/metadata", "mdl_context", "lock/table", "enq: tx", "enq: tm"]
            .iter()
            .any(|word| wait.contains(word))
}

/// True for the database's own upkeep.
pub(super) fn is_housekeeping(statement: &str) -> bool {
    let statement = statement.to_lowercase();
    ["vacuum", "checkpoint", "analyze "].iter().any(|word| statement.contains(word))
}

/// What dominates, and its share in the figures of the vendor: `5.8 of 7.2 active sessions`.
fn dominating(
    load: &DatabaseLoad,
    shares: &[LoadShare],
    wanted: impl Fn(&str) -> bool,
) -> Option<(String, String)> {
    let total = total(load, shares);
    let top =
        shares.iter().filter(|s| wanted(&s.name.to_lowercase())).max_by(|a, b| a.load.total_cmp(&b.load))?;
    let share = top.load / total;
    let told = || format!("{} of {} active sessions", number(top.load), number(total));
    (share.is_finite() && share >= DOMINATES).then(|| (size::cut(&top.name, STATEMENT_CHARS), told()))
}

/// The load in all; the shares' sum where their unit is another one (some copies give shares in per cent).
fn total(load: &DatabaseLoad, shares: &[LoadShare]) -> f64 {
    load.total.max(shares.iter().map(|s| s.load).filter(|l| l.is_finite()).sum())
}

fn loads<'a>(scene: &Scene<'a>) -> impl Iterator<Item = (&'a Finding, &'a DatabaseLoad)> {
    let found: Vec<_> = scene
        .findings
        .iter()
        .filter_map(|(f, _)| match &f.fact {
            Fact::DatabaseLoad(load) => Some((*f, load)),
            _ => None,
        })
        .collect();
    found.into_iter()
}
