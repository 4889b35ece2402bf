//! Whether a passage is about this incident: it must name an object of it, as a word of its own, and speak of its shape.
//! Relevance alone never counts: the most similar page of another system is still about another system.

use std::collections::BTreeSet;

use incident::{Cause, Corpus, Fact, Passage};

use crate::change::mentions;
use crate::mechanism;
use crate::scene::Scene;
use crate::suspect::Suspect;

/// The whole text of a passage, lower case.
pub(crate) fn text(passage: &Passage) -> String {
    format!("{}\n{}\n{}", passage.title, passage.section.as_deref().unwrap_or_default(), passage.excerpt)
        .to_lowercase()
}

/// The names of this incident: affected databases and their parameter groups, workloads, services, the culprit.
pub(crate) fn names(scene: &Scene<'_>, lead: &Suspect) -> BTreeSet<String> {
    let subject = &scene.state.subject;
    let groups = scene.findings.iter().filter(|(f, _)| subject.databases.contains(&f.object.name));
    let groups = groups.filter_map(|(f, _)| match &f.fact {
        Fact::DatabaseInstance(instance) => instance.parameter_group.clone(),
        Fact::DatabaseParameter(parameter) => Some(parameter.group.clone()),
        _ => None,
    });
    let all = subject.databases.iter().chain(&subject.services).cloned().chain(groups);
    let workloads = subject.workloads.iter().map(|w| w.name.clone());
    all.chain(workloads)
        .chain([lead.culprit.name.clone()])
        .map(|n| n.to_lowercase())
        .filter(|n| n.len() >= 3)
        .collect()
}

/// The identifiers of the lines that a read source change adds: tables, columns, functions.
pub(crate) fn identifiers(scene: &Scene<'_>) -> BTreeSet<String> {
    let hunks = scene.findings.iter().filter_map(|(f, _)| match &f.fact {
        Fact::CodeChange(code) => Some(&code.hunks),
        _ => None,
    });
    hunks
        .flatten()
        .flat_map(mechanism::added)
        .flat_map(|line| line.split(|c: char| !c.is_ascii_alphanumeric() && c != '_'))
        .filter(|word| word.len() >= 6 && word.contains('_'))
        .map(str::to_lowercase)
        .collect()
}

/// How many of `words` the text holds as words of their own.
pub(crate) fn hits(text: &str, words: &BTreeSet<String>) -> usize {
    words.iter().filter(|word| mentions(text, word)).count()
}

/// True when the text speaks of a cause in one of its usual words.
pub(crate) fn speaks_of(text: &str, cause: Cause) -> bool {
    words(cause).iter().any(|word| text.contains(word))
}

/// The passages of a corpus.
pub(crate) fn of<'a>(scene: &Scene<'a>, corpus: Corpus) -> impl Iterator<Item = &'a Passage> {
    scene.knowledge.into_iter().flat_map(|k| &k.passages).filter(move |p| p.corpus == corpus)
}

/// The words people use for a cause.
fn words(cause: Cause) -> &'static [&'static str] {
    use Cause::*;
    match cause {
        RegressionByDeploy => {
            &["deploy", "rollout", "rolled out", "release", "regression", "rolled back", "rollback"]
        }
        ConfigurationChange | DatabaseParameter => &["parameter", "configuration"],
        DatabaseCpu => &["cpu"],
        DatabaseConnections => &["connection"],
        DatabaseStorage => &["storage", "disk space"],
        DatabaseIo => &["iops", "disk queue", "i/o", "latency"],
        DatabaseMemory | OutOfMemory => &["memory", "oom"],
        DatabaseLocks => &["lock"],
        DatabaseHousekeeping => &["vacuum", "checkpoint"],
        ReplicationLag => &["replica", "replication"],
        DatabaseFailover => &["failover"],
        DatabaseMaintenance => &["maintenance"],
        ImagePull => &["imagepull", "image pull", "registry", "manifest"],
        CrashLoop => &["crashloop", "crash loop", "crash-loop"],
        ProbeFailure => &["probe", "liveness", "readiness"],
        Unschedulable => &["unschedulable", "pending", "insufficient"],
        QuotaExceeded => &["quota"],
        NodeDown | NodePressure | InstanceFailure => &["node"],
        RolloutStuck => &["rollout"],
        ConfigMissing => &["configmap", "secret"],
        DnsFailure => &["dns", "coredns"],
        HpaLimit => &["hpa", "autoscal"],
        VolumeFailure => &["volume", "pvc"],
        DdosL3 | DdosL7 => &["ddos", "attack"],
        OrganicSurge => &["surge", "traffic peak", "campaign", "launch"],
        CacheCollapse => &["cache"],
        WafFalsePositive => &["waf", "firewall"],
        UnhealthyTargets => &["target", "load balancer"],
        LatencyRise | OriginLatency => &["latency", "slow"],
        ErrorBurst => &["error", "5xx"],
        InvalidConfiguration => &["configuration", "credential", "environment variable"],
        ContainerCpu => &["cpu", "throttl"],
        NetworkPolicyBlock => &["networkpolicy", "network policy"],
        ServiceMismatch => &["selector", "targetport", "endpoints"],
        PermissionDenied => &["rbac", "forbidden", "admission"],
        JobFailure => &["job"],
        ScaledToZero => &["scaled to zero", "replicas"],
        SidecarConflict => &["sidecar", "port"],
        DependencyFailure => &["dependency", "upstream", "downstream"],
        _ => &[],
    }
}
