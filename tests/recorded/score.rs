//! What a recorded incident's truth says, against what the workflow said of it.

use std::fmt;

use incident::analysis::Claim;
use incident::{Cause, Diagnosis, State, Verdict};
use serde_json::Value;

use crate::workflows::Investigated;

/// One incident's score.
pub struct Score {
    id: String,
    verdict: String,
    cause: bool,
    category: bool,
    /// Words of the truth that the brief and the diagnosis name, and those they do not.
    named: Vec<String>,
    unnamed: Vec<String>,
    /// Words that only a wrong answer holds.
    forbidden: Vec<String>,
    /// Words of which one must stand among what was ruled out, and whether one does.
    ruled_out: bool,
    /// An action for a healthy system.
    pub acts_on_the_healthy: bool,
    /// Sentences that the grounding check strikes out.
    untrue: Vec<String>,
}

impl Score {
    /// Cause and category right, the culprit named, the red herring ruled out, nothing false.
    pub fn is_right(&self) -> bool {
        self.cause
            && self.category
            && self.named.len() >= self.unnamed.len()
            && self.forbidden.is_empty()
            && self.ruled_out
            && !self.acts_on_the_healthy
            && self.untrue.is_empty()
    }
}

impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = |right: bool| if right { "ok" } else { "NO" };
        let right = if self.is_right() { "right" } else { "WRONG" };
        write!(
            f,
            "{} {right}: {} | cause {}, category {}",
            self.id,
            self.verdict,
            word(self.cause),
            word(self.category)
        )?;
        write!(f, ", names {} of {}", self.named.len(), self.named.len() + self.unnamed.len())?;
        write!(f, ", herrings {}, actions {}", word(self.ruled_out), word(!self.acts_on_the_healthy))?;
        for (what, list) in
            [("not named", &self.unnamed), ("forbidden", &self.forbidden), ("UNTRUE", &self.untrue)]
        {
            if !list.is_empty() {
                write!(f, "; {what}: {}", list.join(" | "))?;
            }
        }
        Ok(())
    }
}

/// The failure modes of the truths, and the causes that name each.
pub fn causes(mode: &str) -> &'static [Cause] {
    use Cause::*;
    match mode {
        "connection_exhaustion" => &[DatabaseConnections],
        // Saturation by the database's own upkeep is the same symptom with another root.
        "cpu_saturation" => &[DatabaseCpu, DatabaseHousekeeping],
        "replication_lag" => &[ReplicationLag],
        "storage_full" => &[DatabaseStorage],
        "failover" => &[DatabaseFailover],
        "image_pull_backoff" => &[ImagePull],
        "probe_failure" => &[ProbeFailure],
        "dns_resolution_failure" => &[DnsFailure],
        "deployment_rollout_stuck" => &[RolloutStuck, CrashLoop, ConfigMissing, InvalidConfiguration],
        "crash_loop" => &[CrashLoop, ConfigMissing, InvalidConfiguration],
        "oom_killed" => &[OutOfMemory],
        "node_not_ready" => &[NodeDown, NodePressure],
        "pending_unschedulable" => &[Unschedulable, VolumeFailure],
        "quota_exceeded" => &[QuotaExceeded],
        _ => &[],
    }
}

fn words(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(|word| word.as_str().map(str::to_lowercase)).collect()
}

/// Everything that people read: the brief, the claims, the features and what was ruled out.
fn all_text(investigated: &Investigated, diagnosis: &Diagnosis) -> String {
    format!("{}\n{}", investigated.brief(), serde_json::to_string(diagnosis).unwrap()).to_lowercase()
}

/// Scores one investigation.
pub fn score(line: &Value, investigated: &Investigated) -> Score {
    let truth = &line["truth"];
    let mode = truth["failure_mode"].as_str().unwrap_or_default();
    let diagnosis = investigated.state.weighed.as_ref().expect("a weighed diagnosis");
    let text = all_text(investigated, diagnosis);
    let healthy = matches!(diagnosis.verdict, Verdict::Healthy { .. });
    let leading = diagnosis.leading().next();
    let category = match leading {
        Some(lead) => serde_json::to_value(lead.category).unwrap(),
        None if healthy => Value::from("healthy"),
        None => Value::from("unknown"),
    };
    let required = words(&truth["required_keywords"]);
    let (named, unnamed): (Vec<String>, Vec<String>) =
        required.into_iter().partition(|word| text.contains(word));
    let forbidden_categories = words(&truth["forbidden_categories"]);
    let ruled = words(&truth["ruling_out_keywords"]);
    Score {
        id: line["id"].as_str().unwrap_or_default().to_owned(),
        verdict: investigated.verdict(),
        cause: if mode == "healthy" {
            healthy
        } else {
            leading.is_some_and(|l| causes(mode).contains(&l.cause))
        },
        category: category == truth["category"]
            && !forbidden_categories.iter().any(|c| category.as_str() == Some(c.as_str())),
        forbidden: words(&truth["forbidden_keywords"])
            .into_iter()
            .filter(|word| text.contains(word))
            .collect(),
        ruled_out: ruled.is_empty() || ruled.iter().any(|word| text.contains(word)),
        acts_on_the_healthy: mode == "healthy" && !diagnosis.actions.is_empty(),
        untrue: untrue(&investigated.state, diagnosis),
        named,
        unnamed,
    }
}

/// Every sentence of the diagnosis against its evidence.
fn untrue(state: &State, diagnosis: &Diagnosis) -> Vec<String> {
    let ruled = diagnosis.ruled_out.iter().map(|r| Claim {
        text: r.reason.clone(),
        evidence: r.evidence.clone(),
        passages: Vec::new(),
    });
    let claims: Vec<Claim> = diagnosis.root_cause.iter().cloned().chain(ruled).collect();
    let checked = grounding::check_all(&claims, state);
    checked.struck.iter().map(|struck| format!("{struck:?}")).collect()
}
