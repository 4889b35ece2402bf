//! AWS: databases, alarms, targets, instances.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An RDS instance. Figures that AWS did not return are absent.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
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
    /// The Aurora or Multi-AZ cluster it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// Where it stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// Up to where storage grows by itself, GiB; absent where it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_storage_gib: Option<i64>,
    /// Provisioned I/O operations per second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iops: Option<i64>,
    /// How a read replica's replication fares, where that is not normal: `read replication error: …`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replication: Option<String>,
}

/// A database cluster: who writes and who reads.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DatabaseCluster {
    /// `aurora-postgresql`, …
    pub engine: String,
    /// `available`, `failing-over`, …
    pub status: String,
    /// The instance that takes writes.
    #[serde(default)]
    pub writer: Option<String>,
    /// The others.
    #[serde(default)]
    pub readers: Vec<String>,
}

/// An RDS proxy in front of one of the subject's databases.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DatabaseProxy {
    /// `available`, …
    pub status: String,
    /// Its targets: instance → (`AVAILABLE`, `UNAVAILABLE`, …; the reason where it is not available).
    pub targets: BTreeMap<String, (String, Option<String>)>,
}

/// An action that RDS will take, or waits to be allowed to.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Maintenance {
    /// `system-update`, `db-upgrade`, `hardware-maintenance`, `ca-certificate-rotation`, …
    pub action: String,
    /// AWS's description.
    #[serde(default)]
    pub description: Option<String>,
    /// When it is or was applied, as it stands now.
    #[serde(default)]
    pub current_apply_at: Option<Timestamp>,
    /// From when it is applied in the maintenance window.
    #[serde(default)]
    pub auto_applied_after: Option<Timestamp>,
    /// When it is applied whatever anybody says.
    #[serde(default)]
    pub forced_apply_at: Option<Timestamp>,
    /// `immediate`, `next-maintenance`, `undo-opt-in`: what somebody asked for.
    #[serde(default)]
    pub opt_in: Option<String>,
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
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LoadShare {
    /// The statement, wait, user or host.
    pub name: String,
    /// Average active sessions.
    pub load: f64,
    /// The same in the first third of the window asked about, where it had any: what rose and what was always there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<f64>,
}

/// Performance Insights' decomposition of load, average active sessions, over the last part of the window (the finding's own times).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
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
    /// By client host, most first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<LoadShare>,
    /// Load in all in the first third of the window asked about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<f64>,
    /// Virtual processors of the instance, where its class is known: more load than these waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vcpus: Option<f64>,
}

/// A cloud alarm's state.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Alarm {
    /// `ALARM`, `OK`, `INSUFFICIENT_DATA`.
    pub state: String,
    /// AWS's reason.
    pub reason: String,
    /// The metric it watches, where it watches one.
    #[serde(default)]
    pub metric: Option<String>,
    /// Its state changes of the last day, newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<AlarmChange>,
}

/// One state change of an alarm.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AlarmChange {
    /// When.
    pub at: Timestamp,
    /// `OK`, `ALARM`, `INSUFFICIENT_DATA`.
    pub from: String,
    /// The same.
    pub to: String,
    /// The first data point that counted, on CloudWatch's own clock, where AWS tells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_from: Option<Timestamp>,
}

/// A target group's health.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TargetHealth {
    /// Targets per state: `healthy` → 6.
    pub states: BTreeMap<String, u32>,
    /// Reasons of the targets that are not healthy: `Target.Timeout` → 2.
    #[serde(default)]
    pub reasons: BTreeMap<String, u32>,
    /// Some of the targets that are not healthy.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unhealthy: Vec<UnhealthyTarget>,
}

/// A target that gets no traffic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UnhealthyTarget {
    /// Address or instance id, with its port: `10.0.1.7:8080`.
    pub target: String,
    /// `unhealthy`, `draining`, …
    pub state: String,
    /// `Target.ResponseCodeMismatch`, …
    #[serde(default)]
    pub reason: Option<String>,
    /// AWS's words for it: `Health checks failed with these codes: [503]`.
    #[serde(default)]
    pub description: Option<String>,
}

/// An EC2 instance's checks.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
    /// When the first of those begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduled_at: Option<Timestamp>,
    /// Since when a check fails.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub impaired_since: Option<Timestamp>,
    /// The check of the attached volumes, where EC2 makes one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volume_check: Option<String>,
}
