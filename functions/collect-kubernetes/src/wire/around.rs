//! What stands around the pods: autoscalers, quotas, nodes, services, claims, policies, jobs, metrics.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;

use super::{Condition, LabelSelector, Meta, PortOrName, Regarding, null_is_empty};

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Hpa {
    pub metadata: Meta,
    pub spec: HpaSpec,
    pub status: HpaStatus,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct HpaSpec {
    pub scale_target_ref: Regarding,
    /// One when left out, says the API.
    pub min_replicas: Option<u32>,
    pub max_replicas: u32,
    pub metrics: Vec<HpaMetric>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct HpaStatus {
    pub current_replicas: Option<u32>,
    pub desired_replicas: Option<u32>,
    pub last_scale_time: Option<Timestamp>,
    /// The server writes `null` before its first measurement.
    #[serde(deserialize_with = "null_is_empty")]
    pub current_metrics: Vec<HpaMetric>,
    #[serde(deserialize_with = "null_is_empty")]
    pub conditions: Vec<Condition>,
}

/// One metric of an autoscaler, wanted or measured: the member of its type holds it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct HpaMetric {
    #[serde(alias = "containerResource")]
    pub resource: Option<NamedMetric>,
    #[serde(alias = "object", alias = "external")]
    pub pods: Option<NamedMetric>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct NamedMetric {
    /// Of a resource; other metrics have theirs in `metric`.
    pub name: Option<String>,
    pub metric: Named,
    #[serde(alias = "current")]
    pub target: MetricValue,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Named {
    pub name: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct MetricValue {
    pub average_utilization: Option<u32>,
    pub average_value: Option<String>,
    pub value: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Quota {
    pub metadata: Meta,
    pub status: QuotaStatus,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct QuotaStatus {
    pub hard: BTreeMap<String, String>,
    pub used: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct LimitRange {
    pub metadata: Meta,
    pub spec: LimitRangeSpec,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct LimitRangeSpec {
    #[serde(deserialize_with = "null_is_empty")]
    pub limits: Vec<LimitRangeItem>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct LimitRangeItem {
    #[serde(rename = "type")]
    pub kind: String,
    pub min: BTreeMap<String, String>,
    pub max: BTreeMap<String, String>,
    pub default: BTreeMap<String, String>,
    pub default_request: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Node {
    pub metadata: Meta,
    pub spec: NodeSpec,
    pub status: NodeStatus,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct NodeSpec {
    pub unschedulable: bool,
    #[serde(rename = "providerID")]
    pub provider_id: Option<String>,
    pub taints: Vec<Taint>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Taint {
    pub key: String,
    pub value: Option<String>,
    pub effect: String,
    pub time_added: Option<Timestamp>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct NodeStatus {
    pub conditions: Vec<Condition>,
    pub allocatable: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Service {
    pub metadata: Meta,
    pub spec: ServiceSpec,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct ServiceSpec {
    #[serde(rename = "type")]
    pub kind: Option<String>,
    #[serde(rename = "clusterIP")]
    pub cluster_ip: Option<String>,
    #[serde(deserialize_with = "null_is_empty")]
    pub selector: BTreeMap<String, String>,
    #[serde(deserialize_with = "null_is_empty")]
    pub ports: Vec<ServicePort>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct ServicePort {
    pub name: Option<String>,
    pub port: u32,
    pub target_port: Option<PortOrName>,
    pub protocol: Option<String>,
}

/// Some of a service's endpoints; the label `kubernetes.io/service-name` says whose.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct EndpointSlice {
    pub metadata: Meta,
    pub address_type: String,
    #[serde(deserialize_with = "null_is_empty")]
    pub endpoints: Vec<Endpoint>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Endpoint {
    #[serde(deserialize_with = "null_is_empty")]
    pub addresses: Vec<String>,
    #[serde(deserialize_with = "null_is_empty")]
    pub conditions: EndpointConditions,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct EndpointConditions {
    /// Unknown counts as ready, says the API.
    pub ready: Option<bool>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Claim {
    pub metadata: Meta,
    pub spec: ClaimSpec,
    pub status: ClaimStatus,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct ClaimSpec {
    #[serde(deserialize_with = "null_is_empty")]
    pub access_modes: Vec<String>,
    pub resources: super::Resources,
    pub storage_class_name: Option<String>,
    pub volume_name: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ClaimStatus {
    pub phase: String,
    pub capacity: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct NetworkPolicy {
    pub metadata: Meta,
    pub spec: PolicySpec,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct PolicySpec {
    pub pod_selector: LabelSelector,
    #[serde(deserialize_with = "null_is_empty")]
    pub policy_types: Vec<String>,
    #[serde(deserialize_with = "null_is_empty")]
    pub ingress: Vec<PolicyRule>,
    pub egress: Option<Vec<PolicyRule>>,
}

/// A rule of either direction.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct PolicyRule {
    #[serde(alias = "from", alias = "to", deserialize_with = "null_is_empty")]
    pub peers: Vec<Peer>,
    #[serde(deserialize_with = "null_is_empty")]
    pub ports: Vec<PolicyPort>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Peer {
    pub pod_selector: Option<LabelSelector>,
    pub namespace_selector: Option<LabelSelector>,
    pub ip_block: Option<IpBlock>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct IpBlock {
    pub cidr: String,
    #[serde(deserialize_with = "null_is_empty")]
    pub except: Vec<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct PolicyPort {
    pub protocol: Option<String>,
    pub port: Option<PortOrName>,
    pub end_port: Option<u32>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Job {
    pub metadata: Meta,
    pub spec: JobSpec,
    pub status: JobStatus,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct JobSpec {
    pub completions: Option<u32>,
    pub backoff_limit: Option<u32>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct JobStatus {
    pub active: u32,
    pub succeeded: u32,
    pub failed: u32,
    pub start_time: Option<Timestamp>,
    pub completion_time: Option<Timestamp>,
    #[serde(deserialize_with = "null_is_empty")]
    pub conditions: Vec<Condition>,
}

/// `metrics.k8s.io`: of a pod its containers', of a node its own usage.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Metrics {
    pub metadata: Meta,
    pub timestamp: Option<Timestamp>,
    /// `30s`, `1m10s`.
    pub window: Option<String>,
    pub usage: BTreeMap<String, String>,
    #[serde(deserialize_with = "null_is_empty")]
    pub containers: Vec<ContainerUsage>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ContainerUsage {
    pub usage: BTreeMap<String, String>,
}
