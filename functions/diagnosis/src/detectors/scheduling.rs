//! Pods that no node takes: what the scheduler says of the nodes, by the reason that keeps most of them from it.

use std::sync::LazyLock;

use incident::fact::PodState;
use incident::{Cause, Finding};
use regex::Regex;

use super::containers::Fault;
use crate::scene::Scene;

#[expect(clippy::expect_used, reason = "a constant pattern, compiled by every test")]
static PART: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)(\d+) (?:node\(s\) )?([^,.]+(?:\{[^}]*\})?[^,.]*)").expect("a valid pattern")
});

/// What keeps a pod from a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Obstacle {
    Resources,
    Affinity,
    Taint,
    Volume,
    Cordoned,
    Ports,
    Other,
}

/// Why the pod has no node, where that is so.
pub(super) fn fault<'a>(scene: &Scene<'a>, pod: &Finding, state: &PodState) -> Option<Fault<'a>> {
    if state.phase != "Pending" || state.node.is_some() {
        return None;
    }
    let event = scene
        .events()
        .filter(|(f, e)| f.object.name == pod.object.name && e.reason == "FailedScheduling")
        .max_by_key(|(_, e)| (e.last, e.count));
    let message = match (&state.message, event) {
        (Some(message), _) if message.contains("nodes are available") => message.clone(),
        (_, Some((_, event))) => event.note.clone(),
        (Some(message), None) if state.reason.as_deref() == Some("Unschedulable") => message.clone(),
        _ => return None,
    };
    let cause = match obstacle(&message) {
        Obstacle::Volume => Cause::VolumeFailure,
        _ => Cause::Unschedulable,
    };
    Some(Fault { cause, detail: message, shown: event.map(|(finding, e)| (finding, e.note.clone())) })
}

/// What keeps most of the nodes from taking the pod. The taint of the control plane keeps every pod away and explains none.
pub(super) fn obstacle(message: &str) -> Obstacle {
    let whole = message.to_lowercase();
    // What every node lacks is said without a count.
    if whole.contains("unbound immediate persistentvolumeclaim") || whole.contains("persistentvolumeclaim \"")
    {
        return Obstacle::Volume;
    }
    let reasons = whole.split("preemption:").next().unwrap_or_default();
    let reasons = reasons.split_once("available:").map_or(reasons, |(_, reasons)| reasons);
    let mut parts: Vec<(u32, Obstacle)> = PART
        .captures_iter(reasons)
        .filter(|c| !c[0].contains("control-plane") && !c[0].contains("node-role.kubernetes.io/master"))
        .filter_map(|c| Some((c[1].parse().ok()?, of_part(&c[2]))))
        .collect();
    parts.sort_by_key(|(nodes, obstacle)| (std::cmp::Reverse(*nodes), *obstacle == Obstacle::Other));
    parts.first().map_or(Obstacle::Other, |(_, obstacle)| *obstacle)
}

fn of_part(part: &str) -> Obstacle {
    let has = |words: &[&str]| words.iter().any(|word| part.contains(word));
    if has(&["volume", "persistentvolume"]) {
        Obstacle::Volume
    } else if has(&["insufficient", "too many pods"]) {
        Obstacle::Resources
    } else if has(&["taint"]) {
        Obstacle::Taint
    } else if has(&["affinity", "selector", "topology spread"]) {
        Obstacle::Affinity
    } else if has(&["free ports"]) {
        Obstacle::Ports
    } else if has(&["unschedulable"]) {
        Obstacle::Cordoned
    } else {
        Obstacle::Other
    }
}

/// The obstacle in a few words.
pub(super) fn words(obstacle: Obstacle) -> &'static str {
    match obstacle {
        Obstacle::Resources => "no node has enough processor, memory or pod slots left",
        Obstacle::Affinity => "no node fits its node selector, affinity or spread rules",
        Obstacle::Taint => "it does not tolerate the nodes' taints",
        Obstacle::Volume => "its volume claim is not bound, or is bound where no node can use it",
        Obstacle::Cordoned => "the nodes that would fit are cordoned",
        Obstacle::Ports => "its host port is taken on every node",
        Obstacle::Other => "the scheduler finds no node for it",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_of_most_nodes_counts_and_the_control_plane_does_not() {
        for (message, wanted) in [
            (
                "0/3 nodes are available: 3 Insufficient cpu. preemption: 0/3 nodes are available",
                Obstacle::Resources,
            ),
            (
                "0/4 nodes are available: 1 node(s) had untolerated taint {node-role.kubernetes.io/control-plane: }, 3 node(s) didn't match Pod's node affinity/selector.",
                Obstacle::Affinity,
            ),
            ("0/2 nodes are available: 2 node(s) had untolerated taint {dedicated: gpu}.", Obstacle::Taint),
            ("0/3 nodes are available: pod has unbound immediate PersistentVolumeClaims.", Obstacle::Volume),
            ("0/3 nodes are available: 3 node(s) had volume node affinity conflict.", Obstacle::Volume),
            (
                "0/3 nodes are available: 1 Insufficient memory, 2 node(s) were unschedulable.",
                Obstacle::Cordoned,
            ),
            (
                "0/1 nodes are available: 1 node(s) didn't have free ports for the requested pod ports.",
                Obstacle::Ports,
            ),
            ("0/3 nodes are available: 3 node(s) didn't match pod anti-affinity rules.", Obstacle::Affinity),
            ("0/3 nodes are available: persistentvolumeclaim \"data\" not found.", Obstacle::Volume),
        ] {
            assert_eq!(obstacle(message), wanted, "{message}");
        }
    }
}
