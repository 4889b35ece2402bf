//! Jobs that failed or are at it.

use incident::evidence::Observation;
use incident::fact::JobState;
use incident::{Fact, ObjectKind, Timestamp};

use crate::moment::clock;
use crate::wire::{Job, condition};
use crate::world::object;

/// A job as it stands.
pub(crate) fn state(job: &Job) -> JobState {
    let failed = condition(&job.status.conditions, "Failed").filter(|failed| failed.status == "True");
    let owner = job.metadata.owner_references.iter().find(|owner| owner.kind == "CronJob");
    JobState {
        active: job.status.active,
        succeeded: job.status.succeeded,
        failed: job.status.failed,
        completions: job.spec.completions,
        backoff_limit: job.spec.backoff_limit,
        started_at: job.status.start_time,
        finished_at: job.status.completion_time.or_else(|| failed?.last_transition_time),
        reason: failed.and_then(|failed| failed.reason.clone()),
        cron_job: owner.map(|owner| owner.name.clone()),
    }
}

/// The job as an observation, at the time it failed or else began.
pub(crate) fn observe(job: &Job, state: JobState, as_of: Timestamp) -> Observation {
    let meta = &job.metadata;
    let object = object(ObjectKind::Job, meta.namespace.as_deref(), &meta.name);
    let mut summary =
        format!("{object}: {} active, {} succeeded, {} failed", state.active, state.succeeded, state.failed);
    if let Some(reason) = &state.reason {
        summary += &format!(", {reason}");
    }
    if let Some(at) = state.started_at {
        summary += &format!(", began {}", clock(at, as_of));
    }
    let at = state.finished_at.or(state.started_at).unwrap_or(as_of);
    Observation::new(at, object, summary, Fact::Job(state))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_job_that_gave_up_says_why_and_when() {
        let job: Job = serde_json::from_value(json!({"metadata": {"name": "migrate", "namespace": "shop",
                "ownerReferences": [{"kind": "CronJob", "name": "nightly"}]},
            "spec": {"backoffLimit": 6, "completions": 1},
            "status": {"failed": 7, "startTime": "2026-03-01T10:00:00Z", "conditions": [{"type": "Failed", "status": "True",
                "reason": "BackoffLimitExceeded", "lastTransitionTime": "2026-03-01T10:20:00Z"}]}}))
        .unwrap();
        let told = observe(&job, state(&job), "2026-03-01T10:40:00Z".parse().unwrap());
        assert_eq!(
            told.summary,
            "Job shop/migrate: 0 active, 0 succeeded, 7 failed, BackoffLimitExceeded, began 10:00"
        );
        assert_eq!(told.at.to_string(), "2026-03-01T10:20:00Z");
        let Fact::Job(state) = told.fact else { panic!("a job") };
        assert_eq!(state.cron_job.as_deref(), Some("nightly"));
    }
}
