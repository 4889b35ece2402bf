//! Actions that knowledge recommends. Text never becomes a command: it is parsed strictly into a typed action, and what
//! does not parse, or what no evidence of this incident asks for, is not proposed.

use std::sync::LazyLock;

use incident::action::IndexColumn;
use incident::diagnosis::{Match, MatchKind};
use incident::{Action, Cause, Fact, Finding, Object, ObjectKind, Passage, ProposedAction};
use regex::Regex;

use crate::change::mentions;
use crate::matches::incident_id;
use crate::scene::Scene;
use crate::suspect::{MEDIUM, Suspect};

/// Findings that an index cites.
const MOST_EVIDENCE: usize = 3;

/// What the matching runbook and past incident recommend for a loaded database. A cap comes from the runbook alone: a
/// post-mortem also states the value that caused it.
pub(crate) fn actions(
    scene: &Scene<'_>,
    lead: &Suspect,
    suspects: &[Suspect],
    matches: &[Match],
) -> Vec<ProposedAction> {
    let database =
        |cause| matches!(cause, Cause::DatabaseCpu | Cause::DatabaseConnections | Cause::DatabaseIo);
    if lead.confidence(scene) < MEDIUM || !suspects.iter().any(|s| database(s.cause)) {
        return Vec::new();
    }
    let runbook = documents(scene, matches, MatchKind::Runbook);
    let mut passages = documents(scene, matches, MatchKind::PastIncident);
    passages.extend(&runbook);
    create_index(scene, &passages).into_iter().chain(pool_cap(scene, lead, &runbook)).collect()
}

/// Every retrieved passage of the document that matched.
fn documents<'a>(scene: &Scene<'a>, matches: &[Match], kind: MatchKind) -> Vec<&'a Passage> {
    let all = || scene.knowledge.into_iter().flat_map(|k| &k.passages);
    let matched = matches.iter().find(|m| m.kind == kind).and_then(|m| all().find(|p| p.id == m.passage));
    matched.into_iter().flat_map(|matched| all().filter(|p| p.source == matched.source)).collect()
}

/// The first index on a table that this incident's evidence names, where the database is not known to be other than PostgreSQL.
fn create_index(scene: &Scene<'_>, passages: &[&Passage]) -> Option<ProposedAction> {
    let name = scene.state.subject.databases.first().filter(|name| scene.may_be_postgres(name))?;
    let database = Object::new(ObjectKind::DatabaseInstance, name.clone());
    let mut indexes = passages
        .iter()
        .flat_map(|p| indexes_in(&p.excerpt).map(move |index| (p, showing(scene, &index.1), index)));
    let (passage, evidence, (index, table, columns)) =
        indexes.find(|(_, evidence, _)| !evidence.is_empty())?;
    Some(ProposedAction {
        action: Action::CreateIndex { database, index, table, columns },
        reason: format!("{} names this index", document(passage)),
        evidence,
        passages: vec![passage.id.clone()],
    })
}

/// The findings that show a table in use: a log line, a statement that loads the database, a changed piece of code.
fn showing(scene: &Scene<'_>, table: &str) -> Vec<String> {
    let table = table.rsplit('.').next().unwrap_or(table).to_lowercase();
    let told = |text: &str| mentions(&text.to_lowercase(), &table);
    let shows = |finding: &Finding| match &finding.fact {
        Fact::LogPattern(log) => told(&log.pattern) || told(&log.sample),
        Fact::DatabaseLoad(load) => load.sql.iter().any(|share| told(&share.name)),
        Fact::CodeChange(code) => code.hunks.iter().any(|hunk| told(&hunk.text)),
        _ => false,
    };
    let shown = scene.findings.iter().filter(|(finding, _)| shows(finding));
    shown.map(|(finding, _)| finding.id.clone()).take(MOST_EVIDENCE).collect()
}

fn pool_cap(scene: &Scene<'_>, lead: &Suspect, passages: &[&Passage]) -> Option<ProposedAction> {
    let is_workload =
        matches!(lead.culprit.kind, ObjectKind::Deployment | ObjectKind::StatefulSet | ObjectKind::DaemonSet);
    let workload = match scene.state.subject.workloads.as_slice() {
        _ if is_workload => lead.culprit.clone(),
        [only] => only.clone(),
        _ => return None,
    };
    let (passage, key, value) = passages.iter().find_map(|p| cap_in(&p.excerpt).map(|(k, v)| (p, k, v)))?;
    Some(ProposedAction {
        action: Action::SetConfig { workload, key, value },
        reason: format!("{} sets this cap", document(passage)),
        evidence: Vec::new(),
        passages: vec![passage.id.clone()],
    })
}

fn document(passage: &Passage) -> String {
    incident_id(passage)
        .filter(|_| passage.corpus == incident::Corpus::Incidents)
        .unwrap_or_else(|| format!("the runbook “{}”", passage.title))
}

#[expect(clippy::expect_used, reason = "a constant pattern, compiled by every test")]
static CREATE_INDEX: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?i)\bCREATE\s+INDEX\s+(?:CONCURRENTLY\s+)?(?:IF\s+NOT\s+EXISTS\s+)?([a-z_][a-z0-9_]{0,62})\s+ON\s+([a-z_][a-z0-9_]{0,62}(?:\.[a-z_][a-z0-9_]{0,62})?)\s*\(([a-z0-9_,\s]{1,200})\)",
    )
    .expect("a valid pattern")
});
#[expect(clippy::expect_used, reason = "a constant pattern, compiled by every test")]
static CAP: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\b([A-Z][A-Z0-9_]{0,40}(?:POOL|CONN)[A-Z0-9_]{0,40})\s*=\s*(\d{1,5})\b")
        .expect("a valid pattern")
});

/// Name, table, columns.
type Index = (String, String, Vec<IndexColumn>);

/// The first plain `CREATE INDEX name ON table (columns)`: identifiers only, no expression, no predicate.
pub(crate) fn index_in(text: &str) -> Option<Index> {
    indexes_in(text).next()
}

fn indexes_in(text: &str) -> impl Iterator<Item = Index> {
    CREATE_INDEX.captures_iter(text).filter_map(|found| {
        let part = |i: usize| found.get(i).map(|m| m.as_str().to_owned());
        let columns = part(3)?.split(',').map(column).collect::<Option<Vec<_>>>()?;
        Some((part(1)?, part(2)?, columns))
    })
}

fn column(text: &str) -> Option<IndexColumn> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let (name, descending) = match words.as_slice() {
        [name] => (name, false),
        [name, order] if order.eq_ignore_ascii_case("desc") => (name, true),
        [name, order] if order.eq_ignore_ascii_case("asc") => (name, false),
        _ => return None,
    };
    let plain = name.chars().next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    plain.then(|| IndexColumn { name: (*name).to_owned(), descending })
}

/// The first `SOMETHING_POOL_MAX=80`.
pub(crate) fn cap_in(text: &str) -> Option<(String, String)> {
    let found = CAP.captures(text)?;
    Some((found.get(1)?.as_str().to_owned(), found.get(2)?.as_str().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_index_is_read_with_its_order() {
        let (index, table, columns) =
            index_in("then `CREATE INDEX CONCURRENTLY idx_a_b ON\n a (b, c DESC);`").unwrap();
        assert_eq!((index.as_str(), table.as_str()), ("idx_a_b", "a"));
        assert_eq!(
            columns.iter().map(|c| (c.name.as_str(), c.descending)).collect::<Vec<_>>(),
            [("b", false), ("c", true)]
        );
    }

    #[test]
    fn what_is_not_plain_is_not_an_action() {
        for text in [
            "CREATE INDEX i ON t (lower(name))",
            "CREATE INDEX i ON t (a; DROP TABLE t)",
            "CREATE UNIQUE INDEX i ON t (a)",
            "CREATE INDEX i ON t (a b c)",
            "CREATE INDEX i ON t ()",
        ] {
            assert!(index_in(text).is_none(), "{text}");
        }
        assert!(cap_in("DB_POOL_MAX=$(id)").is_none());
        assert_eq!(cap_in("set DB_POOL_MAX=80 per pod"), Some(("DB_POOL_MAX".into(), "80".into())));
    }
}
