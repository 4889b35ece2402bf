//! Kubernetes: rollouts, workloads, pods, nodes, events.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Object;

/// How a rollout's time was found; a tag per way of reading it, most reliable first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TimeSource {
    /// A `ScalingReplicaSet` event: the start.
    ScalingEvent,
    /// The earliest start of a pod of the new revision.
    PodStart,
    /// `metadata.managedFields` of the manager that last wrote the template.
    ManagedFields,
    /// The `Progressing` condition: the finish.
    ProgressingCondition,
    /// The creation of the ReplicaSet, or of the ControllerRevision of a StatefulSet or DaemonSet, where it served no revision
    /// before: a rollback reuses the old one.
    ReplicaSetCreation,
    /// A pipeline's deploy event.
    DeployEvent,
}

/// One image change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ImageChange {
    /// Container name.
    pub container: String,
    /// The image before; empty when the container is new.
    pub from: String,
    /// The image after; empty when it was removed.
    pub to: String,
}

/// A new revision of a workload. The finding's object is the workload, its time the rollout's start as best known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Rollout {
    /// Revision now running (`deployment.kubernetes.io/revision`).
    #[serde(default)]
    pub revision: Option<u64>,
    /// Revision before it, where a ReplicaSet of it still exists: the safe target of a rollback.
    #[serde(default)]
    pub previous_revision: Option<u64>,
    /// The version now running: the image tag of the main container.
    pub version: String,
    /// The version before, when known.
    #[serde(default)]
    pub previous_version: Option<String>,
    /// When the rollout finished, when it has.
    #[serde(default)]
    pub finished_at: Option<Timestamp>,
    /// How the start was found.
    pub time_source: TimeSource,
    /// True when nothing but a restart annotation changed: no code to roll back.
    pub restart_only: bool,
    /// True when the revision reuses an older ReplicaSet: somebody already rolled back.
    pub is_rollback: bool,
    /// Changed images.
    #[serde(default)]
    pub images: Vec<ImageChange>,
    /// The controller that would revert a manual undo (`argocd`, `flux`, `helm`), when annotations name one.
    #[serde(default)]
    pub managed_by: Option<String>,
}

impl Rollout {
    /// True where the version before is the one now running: something else of the template changed.
    pub fn same_version(&self) -> bool {
        self.previous_version.as_ref() == Some(&self.version)
    }
}

/// One changed field of a pod template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FieldChange {
    /// Dotted path: `containers.cart.env.POOL_SIZE`.
    pub path: String,
    /// Value before, redacted; empty when added.
    pub from: String,
    /// Value after, redacted; empty when removed.
    pub to: String,
}

/// What a revision changed in the pod template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TemplateDiff {
    /// Revision before.
    #[serde(default)]
    pub from_revision: Option<u64>,
    /// Revision after.
    #[serde(default)]
    pub to_revision: Option<u64>,
    /// The changes.
    pub changes: Vec<FieldChange>,
}

impl TemplateDiff {
    /// True for the difference that this rollout of the same workload brought.
    pub fn is_of(&self, rollout: &Rollout) -> bool {
        self.to_revision.is_none() || self.to_revision == rollout.revision
    }
}

impl std::fmt::Display for FieldChange {
    /// `containers.cart.env.POOL_SIZE from 20 to 80`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let or_none = |value: &str| if value.is_empty() { "nothing".to_owned() } else { value.to_owned() };
        write!(f, "{} from {} to {}", self.path, or_none(&self.from), or_none(&self.to))
    }
}

/// Desired against actual replicas of a Deployment, StatefulSet or DaemonSet.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Workload {
    /// `spec.replicas`.
    pub desired: u32,
    /// `status.readyReplicas`.
    pub ready: u32,
    /// `status.availableReplicas`.
    pub available: u32,
    /// `status.updatedReplicas`; absent when the server does not say.
    #[serde(default)]
    pub updated: Option<u32>,
    /// The `Progressing` condition's reason, such as `ProgressDeadlineExceeded`.
    #[serde(default)]
    pub progress: Option<String>,
    /// Why pods cannot be made, in the controller's words (`ReplicaFailure`): a quota, a missing service account, an admission
    /// rule. Redacted and cut.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// `spec.paused`: no change of the template rolls out.
    #[serde(default, skip_serializing_if = "is_false")]
    pub paused: bool,
    /// How an update proceeds where that is not step by step: `Recreate`, `OnDelete`, `partition 2`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strategy: Option<String>,
}

/// A pod.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PodState {
    /// `status.phase`.
    pub phase: String,
    /// The Ready condition.
    pub ready: bool,
    /// `status.reason` (`Evicted`) or the PodScheduled condition's reason (`Unschedulable`).
    #[serde(default)]
    pub reason: Option<String>,
    /// The message that goes with the reason.
    #[serde(default)]
    pub message: Option<String>,
    /// The node it runs on.
    #[serde(default)]
    pub node: Option<String>,
    /// The workload that owns it, where an owner reference says so.
    #[serde(default)]
    pub owner: Option<Object>,
    /// `status.startTime`.
    #[serde(default)]
    pub started_at: Option<Timestamp>,
    /// When its deletion was asked for: it is ending on purpose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleting_since: Option<Timestamp>,
    /// Its containers, init containers included.
    pub containers: Vec<ContainerState>,
}

/// A container's state.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ContainerState {
    /// Name.
    pub name: String,
    /// Image, where the server says.
    #[serde(default)]
    pub image: Option<String>,
    /// True for an init container.
    #[serde(default)]
    pub init: bool,
    /// Ready.
    pub ready: bool,
    /// `restartCount`.
    pub restarts: u32,
    /// `state.waiting.reason`: `ImagePullBackOff`, `CrashLoopBackOff`, `CreateContainerConfigError`.
    #[serde(default)]
    pub waiting: Option<String>,
    /// The waiting or termination message, redacted and cut.
    #[serde(default)]
    pub message: Option<String>,
    /// `state.terminated` or else `lastState.terminated`: its reason, such as `OOMKilled` or `Error`.
    #[serde(default)]
    pub terminated: Option<String>,
    /// That termination's exit code.
    #[serde(default)]
    pub exit_code: Option<i32>,
    /// When it finished.
    #[serde(default)]
    pub finished_at: Option<Timestamp>,
    /// Seconds that run lasted, from its start to its end: a second speaks for configuration, minutes for load or probes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ran_s: Option<i64>,
    /// `state.running.startedAt`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub running_since: Option<Timestamp>,
    /// Memory limit as written, where the spec has one.
    #[serde(default)]
    pub memory_limit: Option<String>,
    /// Requested resources as written: `cpu` → `250m`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub requests: BTreeMap<String, String>,
    /// Limits other than memory's, as written.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub limits: BTreeMap<String, String>,
    /// Its probes, told of a container that is not ready.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub probes: Vec<Probe>,
    /// Declared ports, `8080/TCP`, told of a container that is not ready.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ports: Vec<String>,
}

/// How the kubelet asks whether a container is well. Figures that the spec leaves out are the API's defaults.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Probe {
    /// `liveness`, `readiness` or `startup`.
    pub kind: String,
    /// What is asked: `GET :8080/healthz`, `TCP :6379`, `gRPC :9090`, `exec pg_isready`. Redacted and cut.
    pub check: String,
    /// Seconds before the first one.
    pub delay_s: u32,
    /// Seconds between two.
    pub period_s: u32,
    /// Seconds one may take.
    pub timeout_s: u32,
    /// Failures in a row that count.
    pub failures: u32,
}

/// One node condition.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Condition {
    /// `Ready`, `MemoryPressure`, …
    pub kind: String,
    /// `True`, `False` or `Unknown`.
    pub status: String,
    /// Since when.
    #[serde(default)]
    pub since: Option<Timestamp>,
    /// The reason given.
    #[serde(default)]
    pub reason: Option<String>,
    /// What goes with it, told where the condition is not as it should be. Redacted and cut.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// A node.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NodeState {
    /// The Ready condition is `True`.
    pub ready: bool,
    /// `spec.unschedulable`: cordoned.
    pub cordoned: bool,
    /// Conditions as reported.
    pub conditions: Vec<Condition>,
    /// Taints, `key=value:effect`.
    #[serde(default)]
    pub taints: Vec<String>,
    /// Availability zone label.
    #[serde(default)]
    pub zone: Option<String>,
    /// Instance type label.
    #[serde(default)]
    pub instance_type: Option<String>,
    /// EC2 instance id, from `spec.providerID`.
    #[serde(default)]
    pub instance_id: Option<String>,
    /// When it was cordoned: the `timeAdded` of the taint that the node controller sets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cordoned_at: Option<Timestamp>,
    /// When it joined the cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Timestamp>,
    /// The node group or node pool it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// `spot` or `on-demand`, where a label says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity_type: Option<String>,
    /// What pods may use of it: `cpu` → `3920m`, `memory` → `15321276Ki`, `pods` → `58`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub allocatable: BTreeMap<String, String>,
}

/// Kubernetes events of one reason about one object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EventGroup {
    /// `Failed`, `FailedScheduling`, `Unhealthy`, …
    pub reason: String,
    /// `Warning` or `Normal`.
    pub severity: String,
    /// Occurrences.
    pub count: u32,
    /// First seen.
    #[serde(default)]
    pub first: Option<Timestamp>,
    /// Last seen.
    #[serde(default)]
    pub last: Option<Timestamp>,
    /// The note, redacted and cut.
    pub note: String,
}

fn is_false(value: &bool) -> bool {
    !value
}
