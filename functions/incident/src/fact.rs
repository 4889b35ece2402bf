//! The typed payload of a finding. One enum, a struct per kind; add a kind when a source gives something new.
//!
//! Facts are what the vendor said, in its own words and units. What a metric means, and which cause a fact speaks for, is
//! the diagnosis' business.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Object, Series};

/// What was observed, by kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Fact {
    /// A metric over time.
    Series(Series),
    /// A new revision of a workload.
    Rollout(Rollout),
    /// What a new revision changed in the pod template.
    TemplateDiff(TemplateDiff),
    /// Desired against ready replicas of a workload.
    Workload(Workload),
    /// A pod and its containers.
    Pod(PodState),
    /// A node and its conditions.
    Node(NodeState),
    /// Kubernetes events of one reason about one object.
    EventGroup(EventGroup),
    /// A horizontal pod autoscaler.
    Hpa(Hpa),
    /// A resource quota.
    Quota(Quota),
    /// An RDS instance's configuration and status.
    DatabaseInstance(DatabaseInstance),
    /// One parameter's live value.
    DatabaseParameter(DatabaseParameter),
    /// An RDS event.
    DatabaseEvent(DatabaseEvent),
    /// Performance Insights' decomposition of database load.
    DatabaseLoad(DatabaseLoad),
    /// A cloud alarm.
    Alarm(Alarm),
    /// A target group's health.
    TargetHealth(TargetHealth),
    /// An EC2 instance's checks.
    InstanceStatus(InstanceStatus),
    /// A Datadog monitor's state.
    Monitor(MonitorState),
    /// Log lines that share a pattern.
    LogPattern(LogPattern),
    /// A deploy or change event told by a person or a pipeline.
    DeployEvent(DeployEvent),
    /// Requests at the edge, by what they are and where they come from.
    EdgeTraffic(EdgeTraffic),
    /// Firewall events at the edge.
    WafActivity(WafActivity),
    /// The source change between two versions.
    CodeChange(CodeChange),
}

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
    /// The ReplicaSet's creation; wrong for a rollback, which reuses the old one.
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

/// Desired against actual replicas.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
}

/// A pod.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
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
    /// Its containers, init containers included.
    pub containers: Vec<ContainerState>,
}

/// A container's state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
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
    /// Memory limit as written, where the spec has one.
    #[serde(default)]
    pub memory_limit: Option<String>,
}

/// One node condition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
}

/// A node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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

/// A horizontal pod autoscaler.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Hpa {
    /// What it scales.
    pub target: Object,
    /// Lower bound.
    pub min: u32,
    /// Upper bound.
    pub max: u32,
    /// Replicas now.
    pub current: u32,
    /// Replicas wanted.
    pub desired: u32,
    /// `ScalingLimited` is true.
    pub limited: bool,
    /// That condition's reason, such as `TooManyReplicas`.
    #[serde(default)]
    pub reason: Option<String>,
}

/// A resource quota: resource → (used, hard), in Kubernetes quantities.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Quota {
    /// `requests.cpu` → (`"7900m"`, `"8"`).
    pub resources: BTreeMap<String, (String, String)>,
}

/// An RDS instance. Figures that AWS did not return are absent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DatabaseInstance {
    /// `postgres`, `mysql`, `aurora-postgresql`, …
    pub engine: String,
    /// Engine version.
    #[serde(default)]
    pub engine_version: Option<String>,
    /// `db.r6g.2xlarge`.
    #[serde(default)]
    pub class: Option<String>,
    /// `available`, `modifying`, `storage-full`, …
    pub status: String,
    /// Multi-AZ.
    #[serde(default)]
    pub multi_az: Option<bool>,
    /// Allocated storage, GiB.
    #[serde(default)]
    pub storage_gib: Option<i64>,
    /// The group holding its parameters.
    #[serde(default)]
    pub parameter_group: Option<String>,
    /// `in-sync` or `pending-reboot`.
    #[serde(default)]
    pub parameter_status: Option<String>,
    /// The instance it replicates, for a read replica.
    #[serde(default)]
    pub replica_of: Option<String>,
    /// Its read replicas.
    #[serde(default)]
    pub replicas: Vec<String>,
    /// Changes that wait for a maintenance window, name → value.
    #[serde(default)]
    pub pending: BTreeMap<String, String>,
    /// Performance Insights is on.
    #[serde(default)]
    pub performance_insights: Option<bool>,
}

/// One parameter's live value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DatabaseParameter {
    /// `max_connections`.
    pub name: String,
    /// The value as AWS returns it: a number or a formula.
    pub value: String,
    /// The value a formula comes to on this instance class, or the number itself.
    #[serde(default)]
    pub resolved: Option<f64>,
    /// `user`, `system`, `engine-default`.
    #[serde(default)]
    pub source: Option<String>,
    /// The parameter group it was read from.
    pub group: String,
}

/// An RDS event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DatabaseEvent {
    /// AWS's text.
    pub message: String,
    /// `failover`, `maintenance`, `configuration change`, …
    #[serde(default)]
    pub categories: Vec<String>,
}

/// One share of database load.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LoadShare {
    /// The statement, wait, user or host.
    pub name: String,
    /// Average active sessions.
    pub load: f64,
}

/// Performance Insights' decomposition of load over the window, average active sessions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DatabaseLoad {
    /// Load in all.
    pub total: f64,
    /// By normalised SQL, most first.
    #[serde(default)]
    pub sql: Vec<LoadShare>,
    /// By wait event, most first.
    #[serde(default)]
    pub waits: Vec<LoadShare>,
    /// By user, most first.
    #[serde(default)]
    pub users: Vec<LoadShare>,
}

/// A cloud alarm's state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Alarm {
    /// `ALARM`, `OK`, `INSUFFICIENT_DATA`.
    pub state: String,
    /// AWS's reason.
    pub reason: String,
    /// The metric it watches, where it watches one.
    #[serde(default)]
    pub metric: Option<String>,
}

/// A target group's health.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TargetHealth {
    /// Targets per state: `healthy` → 6.
    pub states: BTreeMap<String, u32>,
    /// Reasons of the targets that are not healthy: `Target.Timeout` → 2.
    #[serde(default)]
    pub reasons: BTreeMap<String, u32>,
}

/// An EC2 instance's checks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InstanceStatus {
    /// `running`, `stopped`, …
    pub state: String,
    /// Instance check: `ok`, `impaired`, …
    pub instance_check: String,
    /// System check.
    pub system_check: String,
    /// Scheduled events, as AWS describes them.
    #[serde(default)]
    pub scheduled: Vec<String>,
}

/// A Datadog monitor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MonitorState {
    /// `overall_state`: `Alert`, `Warn`, `OK`, `No Data`.
    pub state: String,
    /// Its query.
    pub query: String,
    /// Critical threshold, when it has one.
    #[serde(default)]
    pub threshold: Option<f64>,
    /// Its groups that are not OK: group → (state, last triggered).
    #[serde(default)]
    pub groups: BTreeMap<String, (String, Option<Timestamp>)>,
    /// Links of category runbook.
    #[serde(default)]
    pub runbooks: Vec<String>,
}

/// Log lines that share a pattern: numbers, ids and quoted values replaced by `*`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LogPattern {
    /// The pattern.
    pub pattern: String,
    /// `error`, `warn`, `info`.
    pub status: String,
    /// The service that wrote them.
    #[serde(default)]
    pub service: Option<String>,
    /// How many, within what was read.
    pub count: u32,
    /// First seen.
    pub first: Timestamp,
    /// Last seen.
    pub last: Timestamp,
    /// One line in full, redacted and cut.
    pub sample: String,
}

/// A deploy or change told by a pipeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeployEvent {
    /// What was said.
    pub title: String,
    /// The service it names.
    #[serde(default)]
    pub service: Option<String>,
    /// The version it names.
    #[serde(default)]
    pub version: Option<String>,
}

/// Requests at the edge in the window, each map most first by count.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EdgeTraffic {
    /// Requests by eyeballs.
    pub requests: u64,
    /// Requests in the window of equal length before it, when read.
    #[serde(default)]
    pub requests_before: Option<u64>,
    /// Share of requests served from cache (hit, stale, revalidated, updating ÷ all but dynamic, none, bypass), 0–1.
    #[serde(default)]
    pub cache_hit_ratio: Option<f64>,
    /// The same before.
    #[serde(default)]
    pub cache_hit_ratio_before: Option<f64>,
    /// By edge status: `200` → n.
    #[serde(default)]
    pub by_status: BTreeMap<String, u64>,
    /// By country.
    #[serde(default)]
    pub by_country: BTreeMap<String, u64>,
    /// By method.
    #[serde(default)]
    pub by_method: BTreeMap<String, u64>,
    /// Distinct paths per thousand requests, when read.
    #[serde(default)]
    pub path_diversity: Option<f64>,
}

/// Firewall events in the window.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WafActivity {
    /// Events in all.
    pub events: u64,
    /// Events in the window of equal length before it, when read.
    #[serde(default)]
    pub events_before: Option<u64>,
    /// By action: `block`, `managed_challenge`, `log`.
    #[serde(default)]
    pub by_action: BTreeMap<String, u64>,
    /// By product: `l7ddos`, `firewallManaged`, `ratelimit`.
    #[serde(default)]
    pub by_source: BTreeMap<String, u64>,
    /// By rule id.
    #[serde(default)]
    pub by_rule: BTreeMap<String, u64>,
    /// By country.
    #[serde(default)]
    pub by_country: BTreeMap<String, u64>,
}

/// One commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Commit {
    /// Abbreviated to seven characters.
    pub sha: String,
    /// First line of the message.
    pub subject: String,
    /// Author's name.
    #[serde(default)]
    pub author: Option<String>,
}

/// A bounded piece of a diff around what the symptom names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Hunk {
    /// File.
    pub path: String,
    /// First line in the new file.
    pub line: u32,
    /// The hunk's lines with their `+`, `-` and blank prefixes, redacted and cut.
    pub text: String,
    /// The word of the incident that made this hunk interesting.
    pub matched: String,
}

/// The source change between two versions. Nothing else may claim that a diff was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CodeChange {
    /// `owner/name`.
    pub repository: String,
    /// Base tag.
    pub from: String,
    /// Head tag.
    pub to: String,
    /// Commits, oldest first.
    pub commits: Vec<Commit>,
    /// Changed files.
    pub files: Vec<String>,
    /// Hunks that touch what the incident is about.
    #[serde(default)]
    pub hunks: Vec<Hunk>,
}
