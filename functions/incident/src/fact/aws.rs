//! AWS: databases, alarms, targets, instances.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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
