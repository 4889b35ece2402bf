//! Desired against actual replicas of Deployments, StatefulSets and DaemonSets.

use incident::evidence::Observation;
use incident::redact::redact;
use incident::{Fact, Object, fact, size};
use jiff::Timestamp;

use crate::event::one_line;
use crate::moment::clock;
use crate::rollout::{Current, progress};
use crate::wire::{Condition, Workload, WorkloadSpec, condition};

/// Characters of a message.
const MESSAGE: usize = 160;

/// A workload's figures; `None` when the server does not say how many replicas are wanted.
pub(crate) fn state(workload: &Workload) -> Option<fact::Workload> {
    let status = workload.status.as_ref()?;
    Some(fact::Workload {
        desired: workload.spec.replicas.or(status.desired_number_scheduled)?,
        ready: status.ready_replicas,
        available: status.available_replicas,
        updated: status.updated_replicas,
        progress: progress(workload),
        failure: failure(&status.conditions),
        paused: workload.spec.paused,
        strategy: strategy(&workload.spec),
    })
}

/// Why pods cannot be made, in the controller's words.
fn failure(conditions: &[Condition]) -> Option<String> {
    let failing = condition(conditions, "ReplicaFailure").filter(|failing| failing.status == "True")?;
    failing.message.as_deref().map(|said| size::cut(&redact(&one_line(said)), MESSAGE))
}

/// How an update proceeds, where that is not step by step.
fn strategy(spec: &WorkloadSpec) -> Option<String> {
    let partition = spec.update_strategy.rolling_update.as_ref().and_then(|update| update.partition);
    let partition =
        partition.filter(|partition| *partition > 0).map(|partition| format!("partition {partition}"));
    let kind = spec.strategy.kind.as_ref().or(spec.update_strategy.kind.as_ref());
    partition.or_else(|| kind.filter(|kind| *kind != "RollingUpdate").cloned())
}

/// Fewer replicas than wanted are ready, or the rollout gave up.
pub(crate) fn is_unhealthy(state: &fact::Workload) -> bool {
    state.ready < state.desired
        || state.failure.is_some()
        || state.progress.as_deref() == Some("ProgressDeadlineExceeded")
}

/// The workload as an observation; `current` is the revision that runs, where one is known.
pub(crate) fn observe(
    object: Object,
    workload: &Workload,
    state: fact::Workload,
    current: Option<&Current<'_>>,
    as_of: Timestamp,
) -> Observation {
    let mut summary = format!("{object}: {} of {} replicas ready", state.ready, state.desired);
    if let Some(current) = current {
        let version = &current.rollout.version;
        let revision = current.rollout.revision.unwrap_or_default();
        summary += &format!(", {version} (revision {revision}) since {}", clock(current.at, as_of));
    }
    let conditions = workload.status.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default();
    let unavailable = condition(conditions, "Available").filter(|available| available.status == "False");
    if let Some(progress) = state.progress.as_deref().filter(|reason| *reason == "ProgressDeadlineExceeded") {
        summary += &format!(", {progress}");
    }
    for word in [state.paused.then_some("paused"), state.failure.as_deref()].into_iter().flatten() {
        summary += &format!(", {word}");
    }
    if let Some(reason) = unavailable.and_then(|available| available.reason.as_deref()) {
        summary += &format!(", {reason}");
    }
    // A state is observed now, but one that is known to have changed at a time is told at that time.
    let since = unavailable.and_then(|available| available.last_transition_time);
    Observation::new(since.unwrap_or(as_of), object, summary, Fact::Workload(state))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(workload: Value) -> Workload {
        serde_json::from_value(workload).unwrap()
    }

    #[test]
    fn a_daemon_sets_names_are_read_as_the_same_figures() {
        let agent = read(json!({"metadata": {"name": "agent"},
            "status": {"desiredNumberScheduled": 6, "numberReady": 5, "numberAvailable": 5}}));
        let state = state(&agent).unwrap();
        assert_eq!((state.desired, state.ready, state.available, state.updated), (6, 5, 5, None));
        assert!(is_unhealthy(&state));
    }

    #[test]
    fn absent_is_not_zero_but_a_count_left_out_of_a_status_is() {
        assert_eq!(state(&read(json!({"spec": {"replicas": 2}}))), None);
        assert_eq!(state(&read(json!({"status": {"readyReplicas": 2}}))), None);
        let down = state(&read(json!({"spec": {"replicas": 2}, "status": {}}))).unwrap();
        assert_eq!((down.desired, down.ready), (2, 0));
    }

    #[test]
    fn a_workload_scaled_to_zero_is_healthy() {
        assert!(!is_unhealthy(&state(&read(json!({"spec": {"replicas": 0}, "status": {}}))).unwrap()));
    }
}
