//! Kubernetes around the pods: autoscalers, quotas, services, claims, policies, jobs, logs, usage.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::LogPattern;
use crate::Object;

/// A horizontal pod autoscaler.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
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
    /// Why it does not scale at all, such as `FailedGetResourceMetric: no metrics returned`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inactive: Option<String>,
    /// `status.lastScaleTime`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_scaled_at: Option<Timestamp>,
    /// What it scales by, as the server writes the figures.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub metrics: Vec<HpaMetric>,
}

/// One metric of an autoscaler.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HpaMetric {
    /// `cpu`, `memory`, or the metric's own name.
    pub name: String,
    /// The value now, `92%` or `1200m`; absent when it could not be measured.
    #[serde(default)]
    pub current: Option<String>,
    /// The value it holds to.
    pub target: String,
}

/// A resource quota: resource → (used, hard), in Kubernetes quantities.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Quota {
    /// `requests.cpu` → (`"7900m"`, `"8"`).
    pub resources: BTreeMap<String, (String, String)>,
}

/// The bounds that a namespace sets on each container, pod or claim: quantities by resource.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LimitRange {
    /// One entry per kind of thing that is bounded.
    pub bounds: Vec<Bounds>,
}

/// What one kind of thing may ask for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Bounds {
    /// `Container`, `Pod` or `PersistentVolumeClaim`.
    pub of: String,
    /// At least.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub min: BTreeMap<String, String>,
    /// At most.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub max: BTreeMap<String, String>,
    /// The limit of a container that states none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub default_limit: BTreeMap<String, String>,
    /// The request of a container that states none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub default_request: BTreeMap<String, String>,
}

/// A service, what it selects, and who answers for it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ServiceState {
    /// `ClusterIP`, `NodePort`, `LoadBalancer`, `ExternalName`. Written as `type`: `kind` tells facts apart.
    #[serde(rename = "type")]
    pub kind: String,
    /// No address of its own: its name resolves to the pods.
    #[serde(default)]
    pub headless: bool,
    /// Labels of the pods it sends to; empty where somebody else keeps its endpoints.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub selector: BTreeMap<String, String>,
    /// Its ports.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ports: Vec<ServicePort>,
    /// Pods its selector matches, ready or not; absent when the pods were not read or there is no selector.
    #[serde(default)]
    pub selected: Option<u32>,
    /// Addresses that get traffic; absent when the endpoints were not read.
    #[serde(default)]
    pub ready: Option<u32>,
    /// Addresses that would, were they ready.
    #[serde(default)]
    pub not_ready: Option<u32>,
    /// The workload of the service's own name, where the selector matches none of its pods.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namesake: Option<Object>,
    /// The labels on which the two differ: key → (what the selector wants, what the workload's pods have; empty for none).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub differs: BTreeMap<String, (String, String)>,
}

/// One port of a service.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ServicePort {
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Where clients connect.
    pub port: u32,
    /// Where it leads in the pod: a number or a port's name.
    pub target: String,
    /// `TCP`, `UDP` or `SCTP`.
    pub protocol: String,
    /// Whether a selected pod declares that port and protocol; absent when no pod is selected or none declares any port. A pod may
    /// listen without declaring it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub declared: Option<bool>,
}

/// A persistent volume claim.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct VolumeClaim {
    /// `Pending`, `Bound` or `Lost`.
    pub phase: String,
    /// The storage class asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// `ReadWriteOnce`, …
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub access_modes: Vec<String>,
    /// Storage asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested: Option<String>,
    /// Storage it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<String>,
    /// The volume it is bound to, or asks for by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volume: Option<String>,
    /// Pods that mount it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pods: Vec<String>,
}

/// A network policy that selects pods of the incident's workloads.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NetworkPolicy {
    /// Labels of the pods it is about; empty for every pod of the namespace.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub selector: BTreeMap<String, String>,
    /// The incident's workloads whose pods it selects.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub selects: Vec<Object>,
    /// Who may connect, a rule each; empty: nobody. Absent when it does not bound that direction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ingress: Option<Vec<String>>,
    /// Where pods may connect to, a rule each; empty: nowhere. Absent when it does not bound that direction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub egress: Option<Vec<String>>,
    /// When its rules were last written, by `metadata.managedFields`; else when it was created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub written_at: Option<Timestamp>,
}

/// A Job, or a CronJob by its latest jobs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct JobState {
    /// Pods that run.
    pub active: u32,
    /// Pods that finished.
    pub succeeded: u32,
    /// Pods that failed.
    pub failed: u32,
    /// How many must finish.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completions: Option<u32>,
    /// Failures allowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backoff_limit: Option<u32>,
    /// `status.startTime`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// When it completed or failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Timestamp>,
    /// Why it failed: `BackoffLimitExceeded`, `DeadlineExceeded`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The CronJob that made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cron_job: Option<String>,
}

/// What one container of a failing pod wrote. The finding's object is the pod.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PodLog {
    /// The container.
    pub container: String,
    /// True for the run before the present one: the one that ended.
    pub previous: bool,
    /// Lines read, from the end.
    pub lines: u32,
    /// True when the log begins within what was read.
    pub whole: bool,
    /// What it complains of, grouped: errors first, most frequent first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub patterns: Vec<LogPattern>,
    /// The last lines, oldest first, redacted and cut: what it said before it ended.
    pub tail: Vec<String>,
}

/// Measured use of processor and memory, by metrics.k8s.io: the mean of a short window before `at`. Of a pod, or of a node.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Usage {
    /// Cores.
    pub cpu_cores: f64,
    /// Bytes (working set).
    pub memory_bytes: f64,
    /// Seconds the figures are a mean of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window_s: Option<u32>,
    /// Cores it may use: the sum of its containers' limits where each has one, or the node's allocatable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_limit_cores: Option<f64>,
    /// The same of memory, bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_limit_bytes: Option<f64>,
}
