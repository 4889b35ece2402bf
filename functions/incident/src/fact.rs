//! The typed payload of a finding. One enum here, the kinds in a file per source; add a kind when a source gives something new.
//!
//! Facts are what the vendor said, in its own words and units. What a metric means, and which cause a fact speaks for, is
//! the diagnosis' business.

mod aws;
mod cluster;
mod datadog;
mod edge;
mod kubernetes;
mod source;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Series;

pub use aws::*;
pub use cluster::*;
pub use datadog::*;
pub use edge::*;
pub use kubernetes::*;
pub use source::*;

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
    /// The bounds a namespace sets on its containers.
    LimitRange(LimitRange),
    /// A service and who answers for it.
    Service(ServiceState),
    /// A persistent volume claim.
    VolumeClaim(VolumeClaim),
    /// A network policy.
    NetworkPolicy(NetworkPolicy),
    /// A job.
    Job(JobState),
    /// What a container of a failing pod wrote.
    PodLog(PodLog),
    /// Measured use of processor and memory.
    Usage(Usage),
    /// An RDS instance's configuration and status.
    DatabaseInstance(DatabaseInstance),
    /// A database cluster.
    DatabaseCluster(DatabaseCluster),
    /// A proxy in front of a database.
    DatabaseProxy(DatabaseProxy),
    /// What RDS will do to a database.
    Maintenance(Maintenance),
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
    /// How many lines a query of logs matches.
    LogVolume(LogVolume),
    /// A deploy or change event told by a person or a pipeline.
    DeployEvent(DeployEvent),
    /// A service level objective and how fast its budget burns.
    Slo(SloStatus),
    /// A synthetic test's latest results.
    SyntheticTest(SyntheticTest),
    /// A service's latency, errors and mix of requests as its tracer saw them.
    Apm(ApmService),
    /// Failed requests that have something in common.
    SpanErrors(SpanErrors),
    /// Requests at the edge, by what they are and where they come from.
    EdgeTraffic(EdgeTraffic),
    /// Latency at the edge and at the origin, by region.
    EdgeLatency(EdgeLatency),
    /// Firewall events at the edge.
    WafActivity(WafActivity),
    /// A firewall rule that was changed lately.
    WafRuleChange(WafRuleChange),
    /// Upgrades to WebSocket and what stopped them.
    WebsocketUpgrades(WebsocketUpgrades),
    /// An attack that the edge acted on.
    DdosActivity(DdosActivity),
    /// The source change between two versions.
    CodeChange(CodeChange),
}

impl Fact {
    /// The log patterns in it, whoever read them: one of a log search, several of a pod's own log.
    pub fn log_patterns(&self) -> &[LogPattern] {
        match self {
            Self::LogPattern(pattern) => std::slice::from_ref(pattern),
            Self::PodLog(log) => &log.patterns,
            _ => &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A field of a payload that is called like the tag would be read as the tag.
    #[test]
    fn what_is_written_is_read_again() {
        for fact in [
            Fact::Service(ServiceState { kind: "ClusterIP".into(), ..ServiceState::default() }),
            Fact::LimitRange(LimitRange::default()),
            Fact::VolumeClaim(VolumeClaim::default()),
            Fact::NetworkPolicy(NetworkPolicy::default()),
            Fact::Job(JobState::default()),
            Fact::PodLog(PodLog::default()),
            Fact::Usage(Usage::default()),
            Fact::Pod(PodState { containers: vec![ContainerState::default()], ..PodState::default() }),
            Fact::Node(NodeState::default()),
            Fact::Workload(Workload::default()),
            Fact::DatabaseCluster(DatabaseCluster::default()),
            Fact::DatabaseProxy(DatabaseProxy::default()),
            Fact::Maintenance(Maintenance::default()),
            Fact::DatabaseLoad(DatabaseLoad::default()),
            Fact::Alarm(Alarm::default()),
            Fact::TargetHealth(TargetHealth::default()),
            Fact::InstanceStatus(InstanceStatus::default()),
        ] {
            let json = serde_json::to_value(&fact).unwrap();
            assert_eq!(serde_json::from_value::<Fact>(json).unwrap(), fact);
        }
    }
}
