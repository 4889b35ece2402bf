//! What is wrong with a pod, and since when.

use incident::evidence::Observation;
use incident::fact::{ContainerState, PodState};
use incident::redact::redact;
use incident::{Fact, Object, ObjectKind, size};
use jiff::{SignedDuration, Timestamp};

use crate::event::one_line;
use crate::moment::{clock, within};
use crate::probe;
use crate::wire::{Condition, Container, ContainerPort, ContainerStatus, Pod, Terminated, condition};
use crate::world::object;

/// Waiting for these is how every pod starts.
const STARTING: [&str; 2] = ["ContainerCreating", "PodInitializing"];
/// A pod that is not ready is no news so soon after its start.
const GETTING_READY: SignedDuration = SignedDuration::from_mins(2);
/// A pod that has not started after this is stuck.
const STARTS: SignedDuration = SignedDuration::from_mins(5);
/// A container that ended abnormally is news for an hour; one that ran out of memory, and a failed pod, for a day.
const ENDED: SignedDuration = SignedDuration::from_hours(1);
const DAY: SignedDuration = SignedDuration::from_hours(24);
/// Characters of a message.
const MESSAGE: usize = 160;

/// What is wrong with a pod.
#[derive(Debug, PartialEq)]
pub(crate) struct Trouble {
    /// One word for it: pods of one owner with the same word are alike.
    pub word: String,
    /// Since when, where the server says.
    pub since: Option<Timestamp>,
    /// What a summary says.
    text: String,
}

/// What is wrong with the pod; `None` when nothing is, or nothing is known to be.
pub(crate) fn trouble(pod: &Pod, as_of: Timestamp) -> Option<Trouble> {
    if pod.status.phase == "Succeeded" {
        return None;
    }
    failed(pod, as_of)
        .or_else(|| unschedulable(pod, as_of))
        .or_else(|| waiting(pod, as_of))
        .or_else(|| terminated(pod, as_of))
        .or_else(|| stuck(pod, as_of))
}

/// The pod as an observation.
pub(crate) fn observe(pod: &Pod, owner: Option<Object>, trouble: &Trouble, as_of: Timestamp) -> Observation {
    let meta = &pod.metadata;
    let object = object(ObjectKind::Pod, meta.namespace.as_deref(), &meta.name);
    let at = trouble.since.or(pod.status.start_time).or(meta.creation_timestamp).unwrap_or(as_of);
    let summary = format!("{object}: {}", trouble.text);
    Observation::new(at, object, summary, Fact::Pod(state(pod, owner)))
}

fn failed(pod: &Pod, as_of: Timestamp) -> Option<Trouble> {
    if pod.status.phase != "Failed" && pod.status.phase != "Unknown" {
        return None;
    }
    let ended = statuses(pod).filter_map(|(status, _)| ending(status)?.finished_at).max();
    let since = ended.or_else(|| not_ready_since(pod)).or(pod.status.start_time);
    if since.is_some_and(|since| !within(since, as_of, DAY)) {
        return None;
    }
    let word = pod.status.reason.clone().unwrap_or_else(|| pod.status.phase.clone());
    let exit = statuses(pod).find_map(|(status, _)| Some(abnormal(status)?.1));
    let detail = pod.status.message.as_deref().map(message).or(exit);
    Some(Trouble { text: sentence(&word, since, as_of, detail), word, since })
}

fn unschedulable(pod: &Pod, as_of: Timestamp) -> Option<Trouble> {
    let scheduled = condition(&pod.status.conditions, "PodScheduled").filter(|c| c.status == "False")?;
    let word = scheduled.reason.clone().unwrap_or_else(|| "Unschedulable".to_owned());
    let since = scheduled.last_transition_time.or(pod.metadata.creation_timestamp);
    let detail = scheduled.message.as_deref().map(message);
    Some(Trouble { text: sentence(&word, since, as_of, detail), word, since })
}

fn waiting(pod: &Pod, as_of: Timestamp) -> Option<Trouble> {
    let bad = |status: &ContainerStatus| {
        status.state.waiting.as_ref()?.reason.clone().filter(|reason| !STARTING.contains(&reason.as_str()))
    };
    let (status, word) = statuses(pod).find_map(|(status, _)| Some((status, bad(status)?)))?;
    let ended = status.last_state.terminated.as_ref().and_then(|ended| ended.finished_at);
    let since =
        ended.or_else(|| not_ready_since(pod)).or(pod.status.start_time).or(pod.metadata.creation_timestamp);
    let when = since.map(|since| format!(" since {}", clock(since, as_of))).unwrap_or_default();
    let mut text = format!("waiting {word}{when}");
    if let Some((_, how)) = abnormal(status) {
        text += &format!(", container {how}, {} restarts", status.restart_count);
    }
    if let Some(image) = image(pod, status) {
        text += &format!(", image {image}");
    }
    if let Some(said) = status.state.waiting.as_ref().and_then(|waiting| waiting.message.as_deref()) {
        text += &format!(": {}", message(said));
    }
    Some(Trouble { word, since, text })
}

fn terminated(pod: &Pod, as_of: Timestamp) -> Option<Trouble> {
    let recent = |ended: &Terminated| {
        let span = if ended.reason.as_deref() == Some("OOMKilled") { DAY } else { ENDED };
        ended.finished_at.is_none_or(|at| within(at, as_of, span))
    };
    let (status, init, ended, how) = statuses(pod).find_map(|(status, init)| {
        let (ended, how) = abnormal(status)?;
        recent(ended).then_some((status, init, ended, how))
    })?;
    let kind = if init { "init container" } else { "container" };
    let when = ended.finished_at.map(|at| format!(" at {}", clock(at, as_of))).unwrap_or_default();
    let limit =
        memory_limit(pod, &status.name).map(|limit| format!(", memory limit {limit}")).unwrap_or_default();
    let text = format!("{kind} {how}{when}, {} restarts{limit}", status.restart_count);
    let word = ended.reason.clone().unwrap_or_else(|| "Error".to_owned());
    Some(Trouble { word, since: ended.finished_at, text })
}

/// Not ready, or not started, for longer than that takes.
fn stuck(pod: &Pod, as_of: Timestamp) -> Option<Trouble> {
    if pod.metadata.deletion_timestamp.is_some() {
        return None;
    }
    let started = pod.status.start_time.or(pod.metadata.creation_timestamp)?;
    let (word, patience, since) = match pod.status.phase.as_str() {
        "Pending" => ("Pending", STARTS, Some(started)),
        "Running" => ("NotReady", GETTING_READY, Some(not_ready_since(pod)?)),
        _ => return None,
    };
    if within(started, as_of, patience) {
        return None;
    }
    let ready = ready(pod).and_then(|ready| ready.message.as_deref()).map(message);
    Some(Trouble { word: word.to_owned(), since, text: sentence(word, since, as_of, ready) })
}

/// The container's last abnormal ending, and how it ended: `api OOMKilled (exit 137)`.
fn abnormal(status: &ContainerStatus) -> Option<(&Terminated, String)> {
    let ended = ending(status).filter(|ended| !is_normal(ended))?;
    let reason = ended.reason.as_deref().unwrap_or("ended");
    let exit = ended.exit_code.map(|code| format!(" (exit {code})")).unwrap_or_default();
    Some((ended, format!("{} {reason}{exit}", status.name)))
}

/// The state's termination or else the last one's; a normal end of a retry does not hide the abnormal one before it.
fn ending(status: &ContainerStatus) -> Option<&Terminated> {
    let both =
        || [&status.state, &status.last_state].into_iter().filter_map(|state| state.terminated.as_ref());
    both().find(|ended| !is_normal(ended)).or_else(|| both().next())
}

fn is_normal(ended: &Terminated) -> bool {
    ended.exit_code == Some(0) || ended.reason.as_deref() == Some("Completed")
}

/// Every container's status, and whether it is an init container; those first, as they run first.
pub(crate) fn statuses(pod: &Pod) -> impl Iterator<Item = (&ContainerStatus, bool)> {
    let init = pod.status.init_container_statuses.iter().map(|status| (status, true));
    init.chain(pod.status.container_statuses.iter().map(|status| (status, false)))
}

fn ready(pod: &Pod) -> Option<&Condition> {
    condition(&pod.status.conditions, "Ready")
}

fn not_ready_since(pod: &Pod) -> Option<Timestamp> {
    ready(pod).filter(|ready| ready.status != "True")?.last_transition_time
}

fn specs(pod: &Pod) -> impl Iterator<Item = &Container> {
    pod.spec.init_containers.iter().chain(&pod.spec.containers)
}

/// The image as the spec writes it: the status may resolve a tag to a digest.
fn image(pod: &Pod, status: &ContainerStatus) -> Option<String> {
    let spec = specs(pod).find(|container| container.name == status.name);
    spec.and_then(|container| container.image.clone()).or_else(|| status.image.clone())
}

fn memory_limit(pod: &Pod, container: &str) -> Option<String> {
    specs(pod).find(|spec| spec.name == container)?.resources.limits.get("memory").cloned()
}

fn message(text: &str) -> String {
    size::cut(&redact(&one_line(text)), MESSAGE)
}

fn sentence(word: &str, since: Option<Timestamp>, as_of: Timestamp, detail: Option<String>) -> String {
    let since = since.map(|since| format!(" since {}", clock(since, as_of))).unwrap_or_default();
    let detail = detail.map(|detail| format!(": {detail}")).unwrap_or_default();
    format!("{word}{since}{detail}")
}

fn state(pod: &Pod, owner: Option<Object>) -> PodState {
    let unscheduled = condition(&pod.status.conditions, "PodScheduled").filter(|c| c.status == "False");
    let reason = pod.status.reason.clone().or_else(|| unscheduled?.reason.clone());
    let said = pod.status.message.as_deref().or_else(|| unscheduled?.message.as_deref());
    PodState {
        phase: pod.status.phase.clone(),
        ready: ready(pod).is_some_and(|ready| ready.status == "True"),
        reason,
        message: said.map(message),
        node: pod.spec.node_name.clone(),
        owner,
        started_at: pod.status.start_time,
        deleting_since: pod.metadata.deletion_timestamp,
        containers: statuses(pod).map(|(status, init)| container(pod, status, init)).collect(),
    }
}

fn container(pod: &Pod, status: &ContainerStatus, init: bool) -> ContainerState {
    let waiting = status.state.waiting.as_ref();
    let ended = ending(status);
    let said = waiting.and_then(|waiting| waiting.message.as_deref());
    ContainerState {
        name: status.name.clone(),
        image: image(pod, status),
        init,
        ready: status.ready,
        restarts: status.restart_count,
        waiting: waiting.and_then(|waiting| waiting.reason.clone()),
        message: said.or_else(|| ended?.message.as_deref()).map(message),
        terminated: ended.and_then(|ended| ended.reason.clone()),
        exit_code: ended.and_then(|ended| ended.exit_code),
        finished_at: ended.and_then(|ended| ended.finished_at),
        ran_s: ended.and_then(|ended| {
            Some(ended.finished_at?.duration_since(ended.started_at?).as_secs())
                .filter(|seconds| *seconds >= 0)
        }),
        running_since: status.state.running.as_ref().and_then(|running| running.started_at),
        ..declared(specs(pod).find(|spec| spec.name == status.name), status.ready)
    }
}

/// What the spec says of a container; its probes and ports where it is not ready.
fn declared(spec: Option<&Container>, ready: bool) -> ContainerState {
    let Some(spec) = spec else { return ContainerState::default() };
    let mut limits = spec.resources.limits.clone();
    let memory_limit = limits.remove("memory");
    let port = |port: &ContainerPort| {
        format!("{}/{}", port.container_port, port.protocol.as_deref().unwrap_or("TCP"))
    };
    ContainerState {
        memory_limit,
        limits,
        requests: spec.resources.requests.clone(),
        probes: if ready { Vec::new() } else { probe::all(spec) },
        ports: if ready { Vec::new() } else { spec.ports.iter().map(port).collect() },
        ..ContainerState::default()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn at(time: &str) -> Timestamp {
        format!("2026-03-01T{time}Z").parse().unwrap()
    }

    fn pod(phase: &str, status: Value) -> Pod {
        let mut pod = json!({
            "metadata": {"name": "x", "namespace": "payments", "creationTimestamp": "2026-03-01T10:00:00Z"},
            "spec": {"containers": [{"name": "api", "image": "payments:v2.1.0-bad", "resources": {"limits": {"memory": "256Mi"}}}],
                "initContainers": [{"name": "migrate", "image": "migrate:v1", "resources": {"limits": {"memory": "64Mi"}}}]},
            "status": {"phase": phase, "startTime": "2026-03-01T10:00:00Z"}});
        pod["status"].as_object_mut().unwrap().extend(status.as_object().unwrap().clone());
        serde_json::from_value(pod).unwrap()
    }

    fn summary(pod: &Pod) -> Option<String> {
        let as_of = at("10:40:00");
        trouble(pod, as_of).map(|trouble| observe(pod, None, &trouble, as_of).summary)
    }

    fn not_ready(since: &str) -> Value {
        json!([{"type": "Ready", "status": "False", "lastTransitionTime": format!("2026-03-01T{since}Z")}])
    }

    #[test]
    fn an_image_that_cannot_be_pulled_is_said_with_its_name_and_the_registrys_words() {
        let pod = pod(
            "Pending",
            json!({"conditions": not_ready("10:30:00"), "containerStatuses": [{
            "name": "api", "image": "payments:v2.1.0-bad", "restartCount": 0,
            "state": {"waiting": {"reason": "ImagePullBackOff", "message": "manifest unknown"}}}]}),
        );
        assert_eq!(
            summary(&pod).unwrap(),
            "Pod payments/x: waiting ImagePullBackOff since 10:30, image payments:v2.1.0-bad: manifest unknown"
        );
    }

    #[test]
    fn a_crash_loop_says_how_the_container_last_ended() {
        let pod = pod(
            "Running",
            json!({"conditions": not_ready("10:20:00"), "containerStatuses": [{
            "name": "api", "restartCount": 7, "state": {"waiting": {"reason": "CrashLoopBackOff"}},
            "lastState": {"terminated": {"reason": "OOMKilled", "exitCode": 137, "finishedAt": "2026-03-01T10:35:00Z"}}}]}),
        );
        assert_eq!(
            summary(&pod).unwrap(),
            "Pod payments/x: waiting CrashLoopBackOff since 10:35, container api OOMKilled (exit 137), 7 restarts, image payments:v2.1.0-bad"
        );
    }

    #[test]
    fn an_init_container_out_of_memory_is_seen_even_after_a_retry_that_worked() {
        let pod = pod(
            "Running",
            json!({"initContainerStatuses": [{"name": "migrate", "restartCount": 1,
            "state": {"terminated": {"reason": "Completed", "exitCode": 0, "finishedAt": "2026-03-01T10:31:00Z"}},
            "lastState": {"terminated": {"reason": "OOMKilled", "exitCode": 137, "finishedAt": "2026-03-01T10:30:00Z"}}}]}),
        );
        assert_eq!(
            summary(&pod).unwrap(),
            "Pod payments/x: init container migrate OOMKilled (exit 137) at 10:30, 1 restarts, memory limit 64Mi"
        );
        let Fact::Pod(state) =
            observe(&pod, None, &trouble(&pod, at("10:40:00")).unwrap(), at("10:40:00")).fact
        else {
            panic!("expected a pod");
        };
        assert!(state.containers[0].init);
        assert_eq!(state.containers[0].exit_code, Some(137));
    }

    #[test]
    fn an_unschedulable_and_an_evicted_pod_say_why() {
        let unscheduled = pod(
            "Pending",
            json!({"conditions": [{"type": "PodScheduled", "status": "False",
            "reason": "Unschedulable", "message": "0/3 nodes are available: 3 Insufficient cpu.",
            "lastTransitionTime": "2026-03-01T10:30:00Z"}]}),
        );
        assert_eq!(
            summary(&unscheduled).unwrap(),
            "Pod payments/x: Unschedulable since 10:30: 0/3 nodes are available: 3 Insufficient cpu."
        );
        let evicted =
            pod("Failed", json!({"reason": "Evicted", "message": "The node was low on resource: memory."}));
        assert!(summary(&evicted).unwrap().contains("Evicted since 10:00: The node was low"));
    }

    #[test]
    fn a_healthy_a_starting_a_finished_and_a_long_recovered_pod_are_no_trouble() {
        let ready = json!([{"type": "Ready", "status": "True"}]);
        let restarted_yesterday = json!({"conditions": ready, "containerStatuses": [{"name": "api", "restartCount": 3,
            "state": {"running": {}},
            "lastState": {"terminated": {"reason": "Error", "exitCode": 1, "finishedAt": "2026-02-28T10:00:00Z"}}}]});
        assert_eq!(summary(&pod("Running", restarted_yesterday)), None);
        assert_eq!(summary(&pod("Succeeded", json!({}))), None);
        let starting = json!({"startTime": "2026-03-01T10:39:00Z", "conditions": not_ready("10:39:00"),
            "containerStatuses": [{"name": "api", "state": {"waiting": {"reason": "ContainerCreating"}}}]});
        assert_eq!(summary(&pod("Pending", starting)), None);
    }

    #[test]
    fn a_pod_long_not_ready_is_trouble() {
        let silent = pod("Running", json!({"conditions": not_ready("10:20:00")}));
        assert_eq!(summary(&silent).unwrap(), "Pod payments/x: NotReady since 10:20");
    }
}
