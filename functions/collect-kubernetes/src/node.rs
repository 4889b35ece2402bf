//! Nodes and what is not normal about them.

use incident::evidence::Observation;
use incident::fact::{Condition, NodeState};
use incident::redact::redact;
use incident::{Fact, Object, ObjectKind, size};
use jiff::Timestamp;

use crate::event::one_line;
use crate::moment::clock;
use crate::wire::{self, Node};

/// Characters of a condition's message.
const MESSAGE: usize = 120;
/// Taints that the node controller and autoscalers set when something is wrong or ending; others are somebody's plan.
const TROUBLE_TAINTS: [&str; 3] =
    ["node.kubernetes.io/", "node.cloudprovider.kubernetes.io/", "karpenter.sh/disrupt"];

/// What is not normal about a node, in words; empty when all is well.
pub(crate) fn troubles(node: &Node, as_of: Timestamp) -> Vec<String> {
    let conditions = &node.status.conditions;
    let mut words: Vec<String> = conditions
        .iter()
        .filter(|condition| is_bad(condition))
        .map(|condition| {
            let since = condition.last_transition_time;
            let since = since.map(|since| format!(" since {}", clock(since, as_of))).unwrap_or_default();
            let reason = condition.reason.as_deref().map(|reason| format!(" ({reason})")).unwrap_or_default();
            format!("{} {}{since}{reason}", condition.kind, condition.status)
        })
        .collect();
    if node.spec.unschedulable {
        words.push("cordoned".to_owned());
    }
    // Those taints repeat conditions; they are news only where no condition says so.
    if words.is_empty() {
        let taints = node
            .spec
            .taints
            .iter()
            .filter(|taint| TROUBLE_TAINTS.iter().any(|prefix| taint.key.starts_with(prefix)));
        words.extend(taints.map(|taint| format!("tainted {}", taint.key)));
    }
    words
}

/// The node as an observation, at the time its latest trouble began.
pub(crate) fn observe(node: &Node, troubles: &[String], as_of: Timestamp) -> Observation {
    let state = state(node);
    let bad = node.status.conditions.iter().filter(|condition| is_bad(condition));
    let since = bad.filter_map(|condition| condition.last_transition_time).max();
    let at = since.or(state.cordoned_at).unwrap_or(as_of);
    let object = Object::new(ObjectKind::Node, node.metadata.name.clone());
    let said = if troubles.is_empty() { "ready, nothing abnormal".to_owned() } else { troubles.join(", ") };
    let summary = format!("{object}: {said}");
    Observation::new(at, object, summary, Fact::Node(state))
}

/// `Ready` and its relatives (`StorageReady`, `NetworkingReady`) should be true, every other condition names a trouble.
fn is_bad(condition: &wire::Condition) -> bool {
    let good = if condition.kind.ends_with("Ready") { "True" } else { "False" };
    condition.status != good
}

fn state(node: &Node) -> NodeState {
    let label = |keys: &[&str]| keys.iter().find_map(|key| node.metadata.labels.get(*key)).cloned();
    let ready = wire::condition(&node.status.conditions, "Ready");
    let cordon = node.spec.taints.iter().find(|taint| taint.key == "node.kubernetes.io/unschedulable");
    let allocatable = ["cpu", "memory", "pods"]
        .iter()
        .filter_map(|name| Some(((*name).to_owned(), node.status.allocatable.get(*name)?.clone())));
    NodeState {
        ready: ready.is_some_and(|ready| ready.status == "True"),
        cordoned: node.spec.unschedulable,
        conditions: node.status.conditions.iter().map(condition).collect(),
        taints: node.spec.taints.iter().map(taint).collect(),
        zone: label(&["topology.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/zone"]),
        instance_type: label(&["node.kubernetes.io/instance-type", "beta.kubernetes.io/instance-type"]),
        // `aws:///us-east-1a/i-0123456789abcdef0`
        instance_id: node
            .spec
            .provider_id
            .as_deref()
            .and_then(|id| id.rsplit('/').next())
            .filter(|id| id.starts_with("i-"))
            .map(str::to_owned),
        cordoned_at: cordon.and_then(|taint| taint.time_added),
        created_at: node.metadata.creation_timestamp,
        group: label(&[
            "eks.amazonaws.com/nodegroup",
            "karpenter.sh/nodepool",
            "alpha.eksctl.io/nodegroup-name",
        ]),
        capacity_type: label(&["eks.amazonaws.com/capacityType", "karpenter.sh/capacity-type"])
            .map(|word| word.to_lowercase().replace('_', "-")),
        allocatable: allocatable.collect(),
    }
}

fn condition(condition: &wire::Condition) -> Condition {
    let said = condition.message.as_deref().filter(|said| is_bad(condition) && !said.is_empty());
    Condition {
        kind: condition.kind.clone(),
        status: condition.status.clone(),
        since: condition.last_transition_time,
        reason: condition.reason.clone(),
        message: said.map(|said| size::cut(&redact(&one_line(said)), MESSAGE)),
    }
}

fn taint(taint: &wire::Taint) -> String {
    let value = taint.value.as_deref().map(|value| format!("={value}")).unwrap_or_default();
    format!("{}{value}:{}", taint.key, taint.effect)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn as_of() -> Timestamp {
        "2026-03-01T10:40:00Z".parse().unwrap()
    }

    fn node(conditions: Value, spec: Value) -> Node {
        let object = json!({"metadata": {"name": "n-1", "labels": {"topology.kubernetes.io/zone": "us-east-1a"}},
            "spec": spec, "status": {"conditions": conditions}});
        serde_json::from_value(object).unwrap()
    }

    #[test]
    fn a_normal_node_has_no_trouble_whatever_its_monitoring_agent_adds() {
        let conditions = json!([{"type": "Ready", "status": "True"}, {"type": "StorageReady", "status": "True"},
            {"type": "MemoryPressure", "status": "False"}]);
        let dedicated = json!({"taints": [{"key": "dedicated", "value": "batch", "effect": "NoSchedule"}]});
        assert!(troubles(&node(conditions, dedicated), as_of()).is_empty());
    }

    #[test]
    fn pressure_and_a_silent_kubelet_are_said_with_their_time() {
        let conditions = json!([
            {"type": "MemoryPressure", "status": "True", "lastTransitionTime": "2026-03-01T10:31:00Z", "reason": "KubeletHasInsufficientMemory"},
            {"type": "Ready", "status": "Unknown", "lastTransitionTime": "2026-03-01T10:35:00Z", "reason": "NodeStatusUnknown"}]);
        let node = node(conditions, json!({"unschedulable": true, "providerID": "aws:///us-east-1a/i-0abc"}));
        let observation = observe(&node, &troubles(&node, as_of()), as_of());
        assert_eq!(
            observation.summary,
            "Node n-1: MemoryPressure True since 10:31 (KubeletHasInsufficientMemory), Ready Unknown since 10:35 (NodeStatusUnknown), cordoned"
        );
        assert_eq!(observation.at.to_string(), "2026-03-01T10:35:00Z");
        let Fact::Node(state) = observation.fact else { panic!("expected a node") };
        assert_eq!(
            (state.ready, state.cordoned, state.instance_id.as_deref()),
            (false, true, Some("i-0abc"))
        );
    }
}
