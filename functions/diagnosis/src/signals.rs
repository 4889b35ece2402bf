//! What a metric means, whichever vendor names it.
//!
//! CloudWatch says `AWS/RDS CPUUtilization`, Datadog `aws.rds.cpuutilization`: with case and punctuation gone both are the
//! same word, so one row serves both.

use incident::Series;

/// What a series measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Signal {
    DatabaseCpu,
    DatabaseConnections,
    DatabaseLoad,
    ReplicaLag,
    FreeStorage,
    FreeMemory,
    SwapUsage,
    DiskQueue,
    BurstBalance,
    ReadLatency,
    WriteLatency,
    ReadIops,
    WriteIops,
    LogGeneration,
    TargetErrors,
    BalancerErrors,
    TargetLatency,
    UnhealthyHosts,
    BalancerRequests,
    EdgeRequests,
    EdgeErrors,
    EdgeHitRatio,
    ServiceErrors,
    ServiceLatency,
    ServiceRequests,
    ContainerMemory,
    ContainerCpu,
    ContainerRestarts,
    ReplicasUnavailable,
}

/// The direction that hurts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bad {
    High,
    Low,
}

/// How its values are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    Count,
    Percent,
    Seconds,
    Bytes,
    BytesPerSecond,
    Ratio,
}

/// One row: what a metric means.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Meaning {
    pub(crate) signal: Signal,
    /// How a sentence names it.
    pub(crate) noun: &'static str,
    pub(crate) bad: Bad,
    /// The absolute limit, where the field has one. AWS's recommended alarms for RDS, rounded to what on-call people use:
    /// CPU 80 %, latency 20 ms, lag 60 s.
    pub(crate) limit: Option<f64>,
    pub(crate) unit: Unit,
    /// Names with everything but letters and digits removed, lower case.
    names: &'static [&'static str],
}

const fn row(
    signal: Signal,
    noun: &'static str,
    bad: Bad,
    limit: Option<f64>,
    unit: Unit,
    names: &'static [&'static str],
) -> Meaning {
    Meaning { signal, noun, bad, limit, unit, names }
}

#[rustfmt::skip]
const TABLE: &[Meaning] = &[
    row(Signal::DatabaseCpu, "CPU", Bad::High, Some(80.0), Unit::Percent, &["awsrdscpuutilization"]),
    row(Signal::DatabaseConnections, "connections", Bad::High, None, Unit::Count, &["awsrdsdatabaseconnections", "postgresqlconnections", "mysqlnetconnections"]),
    row(Signal::DatabaseLoad, "database load", Bad::High, None, Unit::Count, &["awsrdsdbload"]),
    row(Signal::ReplicaLag, "replication lag", Bad::High, Some(60.0), Unit::Seconds, &["awsrdsreplicalag", "postgresqlreplicationdelay"]),
    row(Signal::FreeStorage, "free storage", Bad::Low, None, Unit::Bytes, &["awsrdsfreestoragespace"]),
    row(Signal::FreeMemory, "freeable memory", Bad::Low, None, Unit::Bytes, &["awsrdsfreeablememory"]),
    row(Signal::SwapUsage, "swap", Bad::High, None, Unit::Bytes, &["awsrdsswapusage"]),
    row(Signal::DiskQueue, "disk queue", Bad::High, Some(10.0), Unit::Count, &["awsrdsdiskqueuedepth"]),
    row(Signal::BurstBalance, "burst balance", Bad::Low, Some(10.0), Unit::Percent, &["awsrdsburstbalance"]),
    row(Signal::ReadLatency, "read latency", Bad::High, Some(0.02), Unit::Seconds, &["awsrdsreadlatency"]),
    row(Signal::WriteLatency, "write latency", Bad::High, Some(0.02), Unit::Seconds, &["awsrdswritelatency"]),
    row(Signal::ReadIops, "read operations per second", Bad::High, None, Unit::Count, &["awsrdsreadiops"]),
    row(Signal::WriteIops, "write operations per second", Bad::High, None, Unit::Count, &["awsrdswriteiops"]),
    row(Signal::LogGeneration, "WAL generation", Bad::High, None, Unit::BytesPerSecond, &["awsrdstransactionlogsgeneration"]),
    row(Signal::TargetErrors, "5xx answers of the targets", Bad::High, None, Unit::Count, &["awsapplicationelbhttpcodetarget5xxcount", "awsapplicationelbhttpcodetarget5xx"]),
    row(Signal::BalancerErrors, "5xx answers of the load balancer", Bad::High, None, Unit::Count, &["awsapplicationelbhttpcodeelb5xxcount", "awsapplicationelbhttpcodeelb5xx"]),
    row(Signal::TargetLatency, "target response time", Bad::High, None, Unit::Seconds, &["awsapplicationelbtargetresponsetime", "awsapplicationelbtargetresponsetimeaverage"]),
    row(Signal::UnhealthyHosts, "unhealthy targets", Bad::High, None, Unit::Count, &["awsapplicationelbunhealthyhostcount", "awsnetworkelbunhealthyhostcount"]),
    row(Signal::BalancerRequests, "requests at the load balancer", Bad::High, None, Unit::Count, &["awsapplicationelbrequestcount"]),
    row(Signal::EdgeRequests, "requests at the edge", Bad::High, None, Unit::Count, &["edgerequests", "cloudflarerequestsall", "cloudflarerequeststotal"]),
    row(Signal::EdgeErrors, "5xx answers at the edge", Bad::High, None, Unit::Count, &["edge5xx", "edgeerrors", "cloudflarerequestsstatus5xx"]),
    row(Signal::EdgeHitRatio, "cache hit ratio", Bad::Low, None, Unit::Ratio, &["edgecachehitratio", "edgehitratio"]),
    row(Signal::ContainerMemory, "container memory", Bad::High, None, Unit::Bytes, &["kubernetesmemoryusage", "kubernetesmemoryworkingset", "containermemoryusage"]),
    row(Signal::ContainerCpu, "container CPU", Bad::High, None, Unit::Count, &["kubernetescpuusagetotal", "containercpuusage"]),
    row(Signal::ContainerRestarts, "container restarts", Bad::High, None, Unit::Count, &["kubernetescontainersrestarts", "kubernetesstatecontainerrestarts"]),
    row(Signal::ReplicasUnavailable, "unavailable replicas", Bad::High, None, Unit::Count, &["kubernetesstatedeploymentreplicasunavailable"]),
    row(Signal::ServiceErrors, "errors", Bad::High, None, Unit::Count, &[]),
    row(Signal::ServiceLatency, "latency", Bad::High, None, Unit::Seconds, &[]),
    row(Signal::ServiceRequests, "requests", Bad::High, None, Unit::Count, &[]),
];

/// What a metric of that name means. Unknown names have no meaning here: they are shown, never interpreted.
pub(crate) fn meaning(metric: &str) -> Option<&'static Meaning> {
    let word = plain(metric);
    TABLE.iter().find(|row| row.names.contains(&word.as_str())).or_else(|| traced(metric))
}

/// The meaning that a monitor's query watches: the longest known name the query contains.
pub(crate) fn meaning_in_query(query: &str) -> Option<&'static Meaning> {
    let words = plain(query);
    TABLE
        .iter()
        .flat_map(|row| row.names.iter().map(move |name| (name.len(), *name, row)))
        .filter(|(_, name, _)| words.contains(name))
        .max_by_key(|(length, _, _)| *length)
        .map(|(_, _, row)| row)
        .or_else(|| query.split([':', '{', '(', ' ']).find_map(traced))
}

/// The tracer names its metrics after the traced operation: `trace.http.request.errors`.
fn traced(metric: &str) -> Option<&'static Meaning> {
    let rest = metric.to_ascii_lowercase();
    let rest = rest.strip_prefix("trace.")?;
    let signal = if rest.contains("errors") {
        Signal::ServiceErrors
    } else if rest.contains("hits") {
        Signal::ServiceRequests
    } else if rest.contains("duration") || !rest.contains("apdex") {
        Signal::ServiceLatency
    } else {
        return None;
    };
    TABLE.iter().find(|row| row.signal == signal)
}

fn plain(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

impl Meaning {
    /// The factor from the vendor's unit to ours: some copies of a latency are in milliseconds.
    pub(crate) fn scale(&self, series: &Series) -> f64 {
        match (self.unit, series.unit.to_ascii_lowercase().as_str()) {
            (Unit::Seconds, "milliseconds" | "millisecond" | "ms") => 0.001,
            (Unit::Seconds, "nanoseconds" | "nanosecond" | "ns") => 1e-9,
            _ => 1.0,
        }
    }

    /// A value with its unit: `95 %`, `487`, `2.1 s`, `180 GiB`.
    pub(crate) fn say(&self, value: f64) -> String {
        use crate::words::{number, percent};
        match self.unit {
            Unit::Count => number(value),
            Unit::Percent => format!("{} %", number(value)),
            Unit::Seconds if value.abs() < 1.0 => format!("{} ms", number(value * 1000.0)),
            Unit::Seconds => format!("{} s", number(value)),
            Unit::Bytes => format!("{} GiB", number(value / f64::from(1 << 30))),
            Unit::BytesPerSecond => format!("{} MiB/s", number(value / f64::from(1 << 20))),
            Unit::Ratio => percent(value),
        }
    }

    /// True when `value` lies beyond `limit` in the bad direction.
    pub(crate) fn beyond(&self, value: f64, limit: f64) -> bool {
        match self.bad {
            Bad::High => value >= limit,
            Bad::Low => value <= limit,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_vendors_names_mean_the_same() {
        for (cloud, copy, signal) in [
            ("AWS/RDS CPUUtilization", "aws.rds.cpuutilization", Signal::DatabaseCpu),
            ("AWS/RDS DatabaseConnections", "aws.rds.database_connections", Signal::DatabaseConnections),
            ("AWS/RDS ReplicaLag", "aws.rds.replica_lag", Signal::ReplicaLag),
            (
                "AWS/ApplicationELB HTTPCode_Target_5XX_Count",
                "aws.applicationelb.httpcode_target_5xx",
                Signal::TargetErrors,
            ),
        ] {
            assert_eq!(meaning(cloud).map(|m| m.signal), Some(signal), "{cloud}");
            assert_eq!(meaning(copy).map(|m| m.signal), Some(signal), "{copy}");
        }
        assert!(meaning("custom.queue.size").is_none());
    }

    #[test]
    fn a_query_names_what_it_watches() {
        let signal = |query| meaning_in_query(query).map(|m| m.signal);
        assert_eq!(
            signal("avg(last_5m):avg:aws.rds.cpuutilization{dbinstanceidentifier:a} > 80"),
            Some(Signal::DatabaseCpu)
        );
        assert_eq!(
            signal("sum(last_5m):sum:trace.http.request.errors{service:a}.as_count() > 5"),
            Some(Signal::ServiceErrors)
        );
    }
}
