//! Which rollout the code change is read for, and what in a diff is about the incident.

use incident::diagnosis::Hypothesis;
use incident::fact::{CodeChange, Rollout};
use incident::{Catalog, Cause, Fact, Finding, Object, ObjectKind, State, size};

use crate::names;

/// A rollout that a leading hypothesis blames.
pub(crate) struct Suspect<'a> {
    pub finding: &'a Finding,
    pub rollout: &'a Rollout,
    previous: &'a str,
}

/// What to compare.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Comparison {
    /// `owner/name`.
    pub repository: String,
    /// The tag before.
    pub base: String,
    /// The tag now.
    pub head: String,
}

/// The rollout of the best hypothesis that blames one: its culprit is the workload, or a rollout is among its supporting
/// evidence. A rollback or a restart brought no new code.
pub(crate) fn suspect(state: &State) -> Option<Suspect<'_>> {
    let diagnosis = state.diagnosis.as_ref()?;
    diagnosis.leading().chain(&diagnosis.hypotheses).find_map(|hypothesis| {
        let blamed = |finding: &&Finding| finding.object == hypothesis.culprit;
        let cited = |finding: &&Finding| supports(hypothesis, &finding.id);
        state.findings().filter(blamed).chain(state.findings().filter(cited)).find_map(|finding| {
            match &finding.fact {
                Fact::Rollout(rollout) if !rollout.restart_only && !rollout.is_rollback => {
                    let previous = rollout.previous_version.as_deref()?;
                    (previous != rollout.version).then_some(Suspect { finding, rollout, previous })
                }
                _ => None,
            }
        })
    })
}

fn supports(hypothesis: &Hypothesis, id: &str) -> bool {
    hypothesis.features.iter().any(|feature| feature.supports && feature.evidence.iter().any(|e| e == id))
}

impl Suspect<'_> {
    /// The comparison, where the catalog knows the workload's repository.
    pub(crate) fn comparison(&self, catalog: &Catalog) -> Option<Comparison> {
        let object = &self.finding.object;
        let runs = |workload: &Object| {
            workload.kind == object.kind
                && workload.name == object.name
                && (workload.namespace.is_none() || workload.namespace == object.namespace)
        };
        let by_workload =
            catalog.services.values().find(|service| service.workload_object().is_some_and(|w| runs(&w)));
        let service = by_workload.or_else(|| catalog.services.get(&object.name))?;
        Some(Comparison {
            repository: service.repository.clone()?,
            base: service.git_tag(self.previous),
            head: service.git_tag(&self.rollout.version),
        })
    }

    /// The change as a finding, at the time it went live.
    pub(crate) fn as_finding(&self, change: CodeChange) -> Finding {
        let newest = change.commits.last().map(|commit| {
            let by = commit.author.as_deref().map(|author| format!(" by {author}")).unwrap_or_default();
            format!(", newest {} \"{}\"{by}", commit.sha, commit.subject)
        });
        let summary = format!(
            "{}...{} of {}: {}, {}{}",
            change.from,
            change.to,
            change.repository,
            count(change.commit_count(), "commit"),
            count(change.file_count(), "file"),
            newest.unwrap_or_default()
        );
        Finding {
            id: "github-1".to_owned(),
            at: self.finding.at,
            until: None,
            object: Object::new(ObjectKind::Repository, change.repository.clone()),
            summary: size::cut(&incident::redact::redact(&summary), size::SUMMARY_CHARS),
            fact: Fact::CodeChange(change),
        }
    }
}

fn count(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

/// The words that make a hunk interesting, lower case, with their weights: names of the incident count three, what the likely
/// causes are about one.
pub(crate) fn words(state: &State) -> Vec<(String, u32)> {
    let mut words: Vec<(String, u32)> =
        names::of(state).into_iter().map(|name| (name.to_lowercase(), 3)).collect();
    let causes = state.diagnosis.iter().flat_map(|diagnosis| diagnosis.hypotheses.iter().take(3));
    for word in causes.flat_map(|hypothesis| about(hypothesis.cause)) {
        if !words.iter().any(|(known, _)| known == word) {
            words.push(((*word).to_owned(), 1));
        }
    }
    words
}

/// What a change that brings about the cause is likely to mention.
fn about(cause: Cause) -> &'static [&'static str] {
    match cause {
        Cause::DatabaseCpu
        | Cause::DatabaseConnections
        | Cause::DatabaseIo
        | Cause::DatabaseLocks
        | Cause::DatabaseParameter
        | Cause::DatabaseHousekeeping
        | Cause::DatabaseStorage
        | Cause::ReplicationLag => &[
            "select ",
            "insert ",
            "update ",
            "delete ",
            "join ",
            "order by",
            "query",
            "transaction",
            "pool",
            "connection",
            "lock",
            "index",
        ],
        Cause::OutOfMemory | Cause::DatabaseMemory => {
            &["cache", "buffer", "append", "memory", "limit", "map["]
        }
        Cause::CrashLoop | Cause::ProbeFailure | Cause::ConfigMissing | Cause::ConfigurationChange => {
            &["panic", "getenv", "env", "config", "probe", "listen", "port"]
        }
        Cause::LatencyRise | Cause::OriginLatency | Cause::DependencyFailure | Cause::DnsFailure => {
            &["timeout", "retry", "client", "query", "lock", "sleep"]
        }
        Cause::CacheCollapse => &["cache", "ttl", "expire", "max-age", "key"],
        Cause::RegressionByDeploy | Cause::ErrorBurst => {
            &["select ", "query", "timeout", "retry", "cache", "pool", "lock", "error"]
        }
        _ => &[],
    }
}
