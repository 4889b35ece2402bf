//! The CloudWatch metrics that are asked for: statistic, unit and how each is reported.
//!
//! GetMetricData returns no unit, so the units stand here, as AWS documents them ("Amazon CloudWatch metrics for Amazon
//! RDS", "CloudWatch metrics for your Application Load Balancer").

use incident::{Object, ObjectKind};

/// One metric of a namespace.
#[derive(Debug, PartialEq, Eq)]
pub struct Metric {
    /// `AWS/RDS`.
    pub namespace: &'static str,
    /// `CPUUtilization`.
    pub name: &'static str,
    /// The statistic asked for per minute: the one in which trouble shows.
    pub stat: &'static str,
    /// CloudWatch's unit.
    pub unit: &'static str,
    /// Trouble is a low value: free memory, remaining credits.
    pub low_is_bad: bool,
    /// Reported only when it moved: alone and quiet it tells nothing that another metric does not.
    pub background: bool,
    /// CloudWatch reports it only where it is not zero, so a minute without a point between others was a zero.
    pub silent_when_zero: bool,
}

const fn metric(
    namespace: &'static str,
    name: &'static str,
    stat: &'static str,
    unit: &'static str,
) -> Metric {
    Metric { namespace, name, stat, unit, low_is_bad: false, background: false, silent_when_zero: false }
}

impl Metric {
    const fn low(mut self) -> Self {
        self.low_is_bad = true;
        self
    }

    const fn background(mut self) -> Self {
        self.background = true;
        self
    }

    const fn silent_when_zero(mut self) -> Self {
        self.silent_when_zero = true;
        self
    }

    /// The name a series carries: `AWS/RDS CPUUtilization`.
    pub fn full_name(&self) -> String {
        format!("{} {}", self.namespace, self.name)
    }
}

const RDS: &str = "AWS/RDS";
const ALB: &str = "AWS/ApplicationELB";
const NLB: &str = "AWS/NetworkELB";
const EC2: &str = "AWS/EC2";

/// Metrics of a database instance, dimension `DBInstanceIdentifier`.
pub static DATABASE: &[Metric] = &[
    metric(RDS, "CPUUtilization", "Average", "Percent"),
    metric(RDS, "DatabaseConnections", "Maximum", "Count"),
    metric(RDS, "ReplicaLag", "Maximum", "Seconds"),
    metric(RDS, "AuroraReplicaLag", "Maximum", "Milliseconds"),
    metric(RDS, "FreeableMemory", "Average", "Bytes").low(),
    metric(RDS, "FreeStorageSpace", "Minimum", "Bytes").low(),
    metric(RDS, "SwapUsage", "Average", "Bytes").background(),
    metric(RDS, "ReadIOPS", "Average", "Count/Second"),
    metric(RDS, "WriteIOPS", "Average", "Count/Second"),
    metric(RDS, "ReadLatency", "Average", "Seconds"),
    metric(RDS, "WriteLatency", "Average", "Seconds"),
    metric(RDS, "DiskQueueDepth", "Average", "Count"),
    metric(RDS, "BurstBalance", "Minimum", "Percent").low(),
    metric(RDS, "CPUCreditBalance", "Minimum", "Count").low(),
    metric(RDS, "DBLoad", "Average", "Count"),
    metric(RDS, "DBLoadCPU", "Average", "Count").background(),
    metric(RDS, "DBLoadNonCPU", "Average", "Count").background(),
    metric(RDS, "MaximumUsedTransactionIDs", "Maximum", "Count"),
    metric(RDS, "TransactionLogsDiskUsage", "Maximum", "Bytes"),
    metric(RDS, "TransactionLogsGeneration", "Average", "Bytes/Second").background(),
    metric(RDS, "OldestReplicationSlotLag", "Maximum", "Bytes"),
    metric(RDS, "ReplicationSlotDiskUsage", "Maximum", "Bytes"),
    metric(RDS, "CheckpointLag", "Maximum", "Seconds").background(),
    metric(RDS, "NetworkReceiveThroughput", "Average", "Bytes/Second").background(),
    metric(RDS, "NetworkTransmitThroughput", "Average", "Bytes/Second").background(),
    metric(RDS, "CommitLatency", "Average", "Milliseconds").background(),
    metric(RDS, "CommitThroughput", "Average", "Count/Second").background(),
    metric(RDS, "ReadThroughput", "Average", "Bytes/Second").background(),
    metric(RDS, "WriteThroughput", "Average", "Bytes/Second").background(),
    metric(RDS, "BinLogDiskUsage", "Maximum", "Bytes").background(),
    metric(RDS, "EBSIOBalance%", "Minimum", "Percent").low(),
    metric(RDS, "EBSByteBalance%", "Minimum", "Percent").low(),
    metric(RDS, "Deadlocks", "Average", "Count/Second").background(),
];

/// Metrics of an RDS proxy, dimension `ProxyName`.
pub static PROXY: &[Metric] = &[
    metric(RDS, "ClientConnections", "Maximum", "Count"),
    metric(RDS, "ClientConnectionsSetupFailedAuth", "Sum", "Count").silent_when_zero(),
    metric(RDS, "QueryRequests", "Sum", "Count").background(),
];

/// Metrics of what a proxy holds to its databases, dimensions `ProxyName` and `TargetGroup`, of which every proxy has one: `default`.
pub static PROXY_TARGETS: &[Metric] = &[
    metric(RDS, "DatabaseConnections", "Maximum", "Count"),
    metric(RDS, "DatabaseConnectionsCurrentlyBorrowed", "Maximum", "Count"),
    metric(RDS, "DatabaseConnectionsBorrowLatency", "Average", "Microseconds"),
    metric(RDS, "MaxDatabaseConnectionsAllowed", "Maximum", "Count").background(),
    metric(RDS, "AvailabilityPercentage", "Minimum", "Percent").low(),
];

/// Metrics of an EC2 instance, dimension `InstanceId`. Without detailed monitoring EC2 reports the first ones every five minutes.
pub static INSTANCE: &[Metric] = &[
    metric(EC2, "CPUUtilization", "Average", "Percent"),
    metric(EC2, "StatusCheckFailed", "Maximum", "Count"),
    metric(EC2, "CPUCreditBalance", "Minimum", "Count").low(),
    metric(EC2, "EBSIOBalance%", "Minimum", "Percent").low(),
    metric(EC2, "EBSByteBalance%", "Minimum", "Percent").low(),
    metric(EC2, "NetworkIn", "Average", "Bytes").background(),
    metric(EC2, "NetworkOut", "Average", "Bytes").background(),
];

/// Metrics of a target group behind an application load balancer, dimensions `TargetGroup` and `LoadBalancer`.
pub static TARGET_GROUP: &[Metric] = &[
    metric(ALB, "HTTPCode_Target_5XX_Count", "Sum", "Count").silent_when_zero(),
    metric(ALB, "TargetResponseTime", "Average", "Seconds"),
    metric(ALB, "UnHealthyHostCount", "Maximum", "Count"),
    metric(ALB, "RequestCount", "Sum", "Count"),
    metric(ALB, "HTTPCode_Target_4XX_Count", "Sum", "Count").silent_when_zero().background(),
    metric(ALB, "TargetConnectionErrorCount", "Sum", "Count").silent_when_zero(),
];

/// Metrics of an application load balancer, dimension `LoadBalancer`.
pub static APPLICATION_BALANCER: &[Metric] = &[
    metric(ALB, "HTTPCode_ELB_5XX_Count", "Sum", "Count").silent_when_zero(),
    metric(ALB, "HTTPCode_Target_5XX_Count", "Sum", "Count").silent_when_zero().background(),
    metric(ALB, "RejectedConnectionCount", "Sum", "Count").silent_when_zero(),
    metric(ALB, "RequestCount", "Sum", "Count").background(),
    metric(ALB, "ActiveConnectionCount", "Sum", "Count").background(),
];

/// Metrics of a target group behind a network load balancer.
pub static NETWORK_TARGET_GROUP: &[Metric] = &[metric(NLB, "UnHealthyHostCount", "Maximum", "Count")];

/// Metrics of a network load balancer.
pub static NETWORK_BALANCER: &[Metric] = &[
    metric(NLB, "TCP_Target_Reset_Count", "Sum", "Count").background(),
    metric(NLB, "TCP_Client_Reset_Count", "Sum", "Count").background(),
    metric(NLB, "TCP_ELB_Reset_Count", "Sum", "Count").background(),
    metric(NLB, "ActiveFlowCount", "Average", "Count"),
    metric(NLB, "NewFlowCount", "Sum", "Count").background(),
    metric(NLB, "PortAllocationErrorCount", "Sum", "Count").silent_when_zero(),
];

/// One metric of one object, as GetMetricData is asked for it.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// What the series will be about.
    pub object: Object,
    /// The metric.
    pub metric: &'static Metric,
    /// Dimensions by name; a metric answers only to exactly its own.
    pub dimensions: Vec<(&'static str, String)>,
}

/// The metrics of database instances.
pub fn of_databases<'a>(ids: impl IntoIterator<Item = &'a String>) -> Vec<Wanted> {
    ids.into_iter()
        .flat_map(|id| {
            let object = Object::new(ObjectKind::DatabaseInstance, id);
            wanted(&object, DATABASE, vec![("DBInstanceIdentifier", id.clone())])
        })
        .collect()
}

/// The metrics of proxies, by name.
pub fn of_proxies<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<Wanted> {
    names
        .into_iter()
        .flat_map(|name| {
            let object = Object::new(ObjectKind::DatabaseProxy, name);
            let proxy = vec![("ProxyName", name.to_owned())];
            let targets = vec![("ProxyName", name.to_owned()), ("TargetGroup", "default".to_owned())];
            let own = wanted(&object, PROXY, proxy);
            own.into_iter().chain(wanted(&object, PROXY_TARGETS, targets)).collect::<Vec<_>>()
        })
        .collect()
}

/// The metrics of EC2 instances, by id.
pub fn of_instances<'a>(ids: impl IntoIterator<Item = &'a String>) -> Vec<Wanted> {
    ids.into_iter()
        .flat_map(|id| {
            wanted(&Object::new(ObjectKind::Instance, id), INSTANCE, vec![("InstanceId", id.clone())])
        })
        .collect()
}

/// The metrics of a target group behind a load balancer, both by the suffix of their ARN.
pub fn of_target_group(group: &str, balancer: &str) -> Vec<Wanted> {
    let metrics = if is_network(balancer) { NETWORK_TARGET_GROUP } else { TARGET_GROUP };
    let dimensions = vec![("TargetGroup", group.to_owned()), ("LoadBalancer", balancer.to_owned())];
    wanted(&Object::new(ObjectKind::TargetGroup, group), metrics, dimensions)
}

/// The metrics of a load balancer, by the suffix of its ARN.
pub fn of_load_balancer(balancer: &str) -> Vec<Wanted> {
    let metrics = if is_network(balancer) { NETWORK_BALANCER } else { APPLICATION_BALANCER };
    wanted(
        &Object::new(ObjectKind::LoadBalancer, balancer),
        metrics,
        vec![("LoadBalancer", balancer.to_owned())],
    )
}

fn wanted(
    object: &Object,
    metrics: &'static [Metric],
    dimensions: Vec<(&'static str, String)>,
) -> Vec<Wanted> {
    metrics
        .iter()
        .map(|metric| Wanted { object: object.clone(), metric, dimensions: dimensions.clone() })
        .collect()
}

fn is_network(balancer: &str) -> bool {
    balancer.starts_with("net/")
}
