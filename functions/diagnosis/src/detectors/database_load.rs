//! What Performance Insights tells: a dominating statement, waits for clients or locks, housekeeping.

use incident::fact::{DatabaseLoad, LoadShare};
use incident::{Cause, Fact, Finding, size};

use crate::scene::Scene;
use crate::suspect::{Report, Suspect};
use crate::words::number;

/// From this share of the load on, one statement or wait dominates.
const DOMINATES: f64 = 0.4;
/// Characters of a statement that are quoted.
const STATEMENT_CHARS: usize = 100;

pub(super) fn detect(scene: &Scene<'_>, report: &mut Report) {
    for (finding, load) in loads(scene) {
        if let Some((wait, share)) = dominating(load, &load.waits, |name| name.starts_with("lock:")) {
            let text = format!("{share} wait on {wait}");
            report.suspects.push(
                Suspect::new(Cause::DatabaseLocks, finding.object.clone())
                    .with("sessions_wait_for_locks", 1.4, &text, &[&finding.id])
                    .claim(format!("{text} on {}.", finding.object.name), &[&finding.id]),
            );
        }
        if let Some((statement, share)) = dominating(load, &load.sql, is_housekeeping) {
            let text = format!("{share} do housekeeping: {statement}");
            report.suspects.push(
                Suspect::new(Cause::DatabaseHousekeeping, finding.object.clone())
                    .with("housekeeping_dominates", 2.4, &text, &[&finding.id])
                    .claim(text, &[&finding.id]),
            );
        }
    }
}

/// The statement that makes up most of the load of a database, and its share in words.
pub(super) fn dominant_statement<'a>(
    scene: &Scene<'a>,
    database: &str,
) -> Option<(&'a Finding, String, String)> {
    let (finding, load) = loads(scene).find(|(f, _)| f.object.name == database)?;
    dominating(load, &load.sql, |_| true).map(|(statement, share)| (finding, statement, share))
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
    let total = load.total.max(shares.iter().map(|s| s.load).sum());
    let top =
        shares.iter().filter(|s| wanted(&s.name.to_lowercase())).max_by(|a, b| a.load.total_cmp(&b.load))?;
    let share = top.load / total;
    let told = || format!("{} of {} active sessions", number(top.load), number(total));
    (share.is_finite() && share >= DOMINATES).then(|| (size::cut(&top.name, STATEMENT_CHARS), told()))
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
