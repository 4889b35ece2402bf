//! The closed taxonomy of causes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The closed taxonomy of causes. The ids (snake case) are an interface: stable, in the schema and in the docs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// A new version brought it.
    RegressionByDeploy,
    /// A change of configuration brought it.
    ConfigurationChange,
    /// A service it depends on fails.
    DependencyFailure,
    /// Errors rose with no change found.
    ErrorBurst,
    /// Latency rose with no change found.
    LatencyRise,
    /// The database's processor is the limit.
    DatabaseCpu,
    /// The database runs out of connections.
    DatabaseConnections,
    /// The database runs out of storage.
    DatabaseStorage,
    /// The database's disk throughput is the limit.
    DatabaseIo,
    /// The database runs out of memory.
    DatabaseMemory,
    /// A replica falls behind.
    ReplicationLag,
    /// The database failed over.
    DatabaseFailover,
    /// The vendor maintained the database.
    DatabaseMaintenance,
    /// Sessions wait for locks.
    DatabaseLocks,
    /// A database parameter is the limit.
    DatabaseParameter,
    /// Vacuum or a checkpoint takes the capacity.
    DatabaseHousekeeping,
    /// An image cannot be pulled.
    ImagePull,
    /// A container exits again and again.
    CrashLoop,
    /// A container was killed for its memory.
    OutOfMemory,
    /// A probe kills or hides a healthy process, or rightly a sick one.
    ProbeFailure,
    /// No node can take the pod.
    Unschedulable,
    /// A quota refuses it.
    QuotaExceeded,
    /// A node is gone.
    NodeDown,
    /// A node runs out of memory, disk or process ids.
    NodePressure,
    /// A rollout does not finish.
    RolloutStuck,
    /// Selector, port or service do not meet.
    ServiceMismatch,
    /// A ConfigMap, Secret or key is missing.
    ConfigMissing,
    /// Names do not resolve.
    DnsFailure,
    /// A network policy stops the traffic.
    NetworkPolicyBlock,
    /// The autoscaler reached its bound.
    HpaLimit,
    /// A volume cannot be mounted or provisioned.
    VolumeFailure,
    /// A permission or an admission controller refuses it.
    PermissionDenied,
    /// A value the process was given is wrong: an address, a credential, a command.
    InvalidConfiguration,
    /// Two containers of a pod, or a process and its sidecar, want the same port.
    SidecarConflict,
    /// Somebody scaled it to no replicas.
    ScaledToZero,
    /// A container uses all the processor it may.
    ContainerCpu,
    /// The network between two things loses or delays packets.
    NetworkDegraded,
    /// A part of the cluster itself does not run: its proxy, scheduler, network plugin.
    ComponentDown,
    /// A job failed.
    JobFailure,
    /// A flood of packets.
    DdosL3,
    /// A flood of requests.
    DdosL7,
    /// Real players, many more than usual.
    OrganicSurge,
    /// The cache stopped answering.
    CacheCollapse,
    /// A firewall rule stops real players.
    WafFalsePositive,
    /// The origin answers late.
    OriginLatency,
    /// Targets behind the load balancer are unhealthy.
    UnhealthyTargets,
    /// An EC2 instance fails its checks.
    InstanceFailure,
    /// The alert comes and goes by itself.
    Flapping,
    /// It was real, and is over.
    Recovered,
    /// None of the above.
    Unknown,
}

/// The family of a cause: what kind of mending it asks for.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Category {
    /// Something is used up: give it more, or make it need less.
    ResourceExhaustion,
    /// Something is set wrong: set it right.
    ConfigurationError,
    /// The code is wrong: return to the version before, or mend it.
    CodeDefect,
    /// Something else fails: look there.
    DependencyFailure,
    /// What it stands on fails: machines, network, the vendor.
    Infrastructure,
    /// More, or other, requests than it was made for.
    Traffic,
    /// Nothing is wrong.
    Healthy,
    /// Not known.
    #[default]
    Unknown,
}

impl Cause {
    /// Every cause, in the order of the taxonomy.
    pub const ALL: &[Self] = &[
        Self::RegressionByDeploy,
        Self::ConfigurationChange,
        Self::DependencyFailure,
        Self::ErrorBurst,
        Self::LatencyRise,
        Self::DatabaseCpu,
        Self::DatabaseConnections,
        Self::DatabaseStorage,
        Self::DatabaseIo,
        Self::DatabaseMemory,
        Self::ReplicationLag,
        Self::DatabaseFailover,
        Self::DatabaseMaintenance,
        Self::DatabaseLocks,
        Self::DatabaseParameter,
        Self::DatabaseHousekeeping,
        Self::ImagePull,
        Self::CrashLoop,
        Self::OutOfMemory,
        Self::ProbeFailure,
        Self::Unschedulable,
        Self::QuotaExceeded,
        Self::NodeDown,
        Self::NodePressure,
        Self::RolloutStuck,
        Self::ServiceMismatch,
        Self::ConfigMissing,
        Self::DnsFailure,
        Self::NetworkPolicyBlock,
        Self::HpaLimit,
        Self::VolumeFailure,
        Self::PermissionDenied,
        Self::InvalidConfiguration,
        Self::SidecarConflict,
        Self::ScaledToZero,
        Self::ContainerCpu,
        Self::NetworkDegraded,
        Self::ComponentDown,
        Self::JobFailure,
        Self::DdosL3,
        Self::DdosL7,
        Self::OrganicSurge,
        Self::CacheCollapse,
        Self::WafFalsePositive,
        Self::OriginLatency,
        Self::UnhealthyTargets,
        Self::InstanceFailure,
        Self::Flapping,
        Self::Recovered,
        Self::Unknown,
    ];

    /// The family of the cause.
    pub fn category(self) -> Category {
        use Cause::*;
        match self {
            DatabaseCpu | DatabaseConnections | DatabaseStorage | DatabaseIo | DatabaseMemory
            | ReplicationLag | DatabaseLocks | DatabaseHousekeeping | OutOfMemory | Unschedulable
            | QuotaExceeded | NodePressure | HpaLimit | ContainerCpu => Category::ResourceExhaustion,
            ConfigurationChange | DatabaseParameter | ImagePull | CrashLoop | ProbeFailure | RolloutStuck
            | ServiceMismatch | ConfigMissing | DnsFailure | NetworkPolicyBlock | VolumeFailure
            | PermissionDenied | InvalidConfiguration | SidecarConflict | ScaledToZero | JobFailure
            | WafFalsePositive => Category::ConfigurationError,
            RegressionByDeploy | ErrorBurst | LatencyRise => Category::CodeDefect,
            DependencyFailure | OriginLatency | UnhealthyTargets => Category::DependencyFailure,
            DatabaseFailover | DatabaseMaintenance | NodeDown | NetworkDegraded | ComponentDown
            | InstanceFailure => Category::Infrastructure,
            DdosL3 | DdosL7 | OrganicSurge | CacheCollapse => Category::Traffic,
            Flapping | Recovered => Category::Healthy,
            Unknown => Category::Unknown,
        }
    }

    /// The cause as a noun phrase for people.
    pub fn title(self) -> &'static str {
        match self {
            Cause::RegressionByDeploy => "regression by deploy",
            Cause::ConfigurationChange => "configuration change",
            Cause::DependencyFailure => "dependency failure",
            Cause::ErrorBurst => "error burst",
            Cause::LatencyRise => "latency rise",
            Cause::DatabaseCpu => "database CPU saturation",
            Cause::DatabaseConnections => "database connection exhaustion",
            Cause::DatabaseStorage => "database storage exhaustion",
            Cause::DatabaseIo => "database I/O saturation",
            Cause::DatabaseMemory => "database memory pressure",
            Cause::ReplicationLag => "replication lag",
            Cause::DatabaseFailover => "database failover",
            Cause::DatabaseMaintenance => "database maintenance",
            Cause::DatabaseLocks => "database lock contention",
            Cause::DatabaseParameter => "database parameter limit",
            Cause::DatabaseHousekeeping => "vacuum or checkpoint load",
            Cause::ImagePull => "image pull failure",
            Cause::CrashLoop => "crash loop",
            Cause::OutOfMemory => "out of memory",
            Cause::ProbeFailure => "failing probe",
            Cause::Unschedulable => "unschedulable pods",
            Cause::QuotaExceeded => "resource quota exceeded",
            Cause::NodeDown => "node down",
            Cause::NodePressure => "node under pressure",
            Cause::RolloutStuck => "stuck rollout",
            Cause::ServiceMismatch => "service selector or port mismatch",
            Cause::ConfigMissing => "missing configuration or secret",
            Cause::DnsFailure => "DNS failure",
            Cause::NetworkPolicyBlock => "network policy block",
            Cause::HpaLimit => "autoscaler at its limit",
            Cause::VolumeFailure => "volume failure",
            Cause::PermissionDenied => "permission or admission refusal",
            Cause::InvalidConfiguration => "wrong configuration value",
            Cause::SidecarConflict => "port conflict within a pod",
            Cause::ScaledToZero => "scaled to zero",
            Cause::ContainerCpu => "container CPU saturation",
            Cause::NetworkDegraded => "network loss or delay",
            Cause::ComponentDown => "cluster component down",
            Cause::JobFailure => "failed job",
            Cause::DdosL3 => "network-layer DDoS",
            Cause::DdosL7 => "HTTP DDoS",
            Cause::OrganicSurge => "organic traffic surge",
            Cause::CacheCollapse => "cache collapse",
            Cause::WafFalsePositive => "WAF false positive",
            Cause::OriginLatency => "origin latency",
            Cause::UnhealthyTargets => "unhealthy targets",
            Cause::InstanceFailure => "EC2 instance failure",
            Cause::Flapping => "flapping monitor",
            Cause::Recovered => "already recovered",
            Cause::Unknown => "unknown",
        }
    }
}

#[cfg(test)]
mod all {
    use super::Cause;

    #[test]
    fn every_name_of_the_schema_is_listed_once() {
        let schema = schemars::schema_for!(Cause).to_value().to_string();
        let listed: std::collections::BTreeSet<&Cause> = Cause::ALL.iter().collect();
        assert_eq!(listed.len(), schema.matches("\"const\"").count());
        assert_eq!(listed.len(), Cause::ALL.len());
    }
}
