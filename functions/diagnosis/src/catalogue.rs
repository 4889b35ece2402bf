//! Every cause the detectors can name, what it looks at and which features speak for or against it. The table in the
//! documentation is printed from here, and a test holds both the page and the detectors to it.

use incident::Cause;

/// One row of the table of causes.
#[derive(Debug, Clone, Copy)]
pub struct CauseRow {
    /// The cause.
    pub cause: Cause,
    /// What its culprit is.
    pub culprit: &'static str,
    /// Where its features are read.
    pub sources: &'static str,
    /// The stable names of its own features.
    pub features: &'static [&'static str],
}

/// Features that any cause may carry.
const SHARED: &[&str] = &[
    "left_its_level",
    "alert_watches_it",
    "alert_names_it",
    "symptom_of_another",
    "past_incident_same_shape",
    "calendar_hit",
];

const POD: &[&str] = &[
    "containers_do_not_run",
    "kubelet_reports_it",
    "workload_short_of_replicas",
    "began_with_rollout",
    "not_what_the_alert_names",
    "events_report_it",
];

const CHANGE: &[&str] = &[
    "change_precedes_onset",
    "change_close_to_onset",
    "change_at_onset",
    "change_touches_subject",
    "touch_unknown",
    "only_change_left",
    "symptoms_follow",
    "traffic_unchanged",
    "template_shows_mechanism",
    "diff_read",
    "source_shows_mechanism",
    "restart_only",
    "is_rollback",
    "rollout_not_seen",
];

const fn row(
    cause: Cause,
    culprit: &'static str,
    sources: &'static str,
    features: &'static [&'static str],
) -> CauseRow {
    CauseRow { cause, culprit, sources, features }
}

#[rustfmt::skip]
const ROWS: &[CauseRow] = &[
    row(Cause::RegressionByDeploy, "the workload", "Kubernetes rollouts and pod template, Datadog deploy events, GitHub compare", CHANGE),
    row(Cause::ConfigurationChange, "the database instance", "RDS events", CHANGE),
    row(Cause::DatabaseCpu, "the database instance", "CloudWatch, Performance Insights", &["cpu_saturated", "dominant_statement"]),
    row(Cause::DatabaseConnections, "the database instance", "CloudWatch, RDS parameters and events, Performance Insights, logs", &["connections_near_limit", "vendor_reports_it", "logs_report_it", "sessions_idle"]),
    row(Cause::DatabaseStorage, "the database instance", "CloudWatch, RDS status and events", &["vendor_reports_it", "status_storage_full", "storage_low"]),
    row(Cause::DatabaseIo, "the database instance", "CloudWatch", &["disk_saturated"]),
    row(Cause::DatabaseMemory, "the database instance", "CloudWatch", &["memory_halved", "swap_rose"]),
    row(Cause::ReplicationLag, "the replica", "CloudWatch, RDS events", &["replica_behind", "vendor_reports_it"]),
    row(Cause::DatabaseFailover, "the database instance", "RDS events", &["vendor_reports_it", "close_to_onset"]),
    row(Cause::DatabaseMaintenance, "the database instance", "RDS events", &["vendor_reports_it", "close_to_onset"]),
    row(Cause::DatabaseLocks, "the database instance", "Performance Insights", &["sessions_wait_for_locks"]),
    row(Cause::DatabaseHousekeeping, "the database instance", "Performance Insights", &["housekeeping_dominates"]),
    row(Cause::ImagePull, "the workload, else the pod", "Kubernetes pods, events, workloads", POD),
    row(Cause::CrashLoop, "the workload, else the pod", "Kubernetes pods, events, workloads", POD),
    row(Cause::OutOfMemory, "the workload, else the pod", "Kubernetes pods, events, workloads", POD),
    row(Cause::ConfigMissing, "the workload, else the pod", "Kubernetes pods, events", POD),
    row(Cause::ProbeFailure, "the workload, else the pod", "Kubernetes pods, events", POD),
    row(Cause::Unschedulable, "the workload, else the pod", "Kubernetes pods, events", POD),
    row(Cause::VolumeFailure, "the workload, else the pod", "Kubernetes events", POD),
    row(Cause::PermissionDenied, "the workload", "Kubernetes events", POD),
    row(Cause::QuotaExceeded, "the quota", "Kubernetes quotas, events", &["quota_refuses", "quota_seen", "events_report_it"]),
    row(Cause::RolloutStuck, "the workload", "Kubernetes workloads", &["progress_deadline_exceeded"]),
    row(Cause::NodeDown, "the node", "Kubernetes nodes, pods", &["node_condition", "hosts_subject_pods"]),
    row(Cause::NodePressure, "the node, or the evicted pod's workload", "Kubernetes nodes, pods, events", &["node_condition", "hosts_subject_pods", "containers_do_not_run", "kubelet_reports_it", "workload_short_of_replicas", "began_with_rollout", "not_what_the_alert_names"]),
    row(Cause::HpaLimit, "the autoscaler", "Kubernetes autoscalers", &["autoscaler_at_its_bound"]),
    row(Cause::DdosL7, "the zone", "Cloudflare firewall and traffic", &["ddos_protection_acts", "requests_grew"]),
    row(Cause::OrganicSurge, "the zone", "Cloudflare traffic and firewall", &["requests_grew", "firewall_quiet", "firewall_unread_or_busy"]),
    row(Cause::CacheCollapse, "the zone", "Cloudflare traffic", &["hit_ratio_fell"]),
    row(Cause::WafFalsePositive, "the firewall rule", "Cloudflare firewall and traffic", &["one_rule_stops_usual_traffic"]),
    row(Cause::UnhealthyTargets, "the target group", "AWS target health", &["targets_unhealthy", "balancer_gives_reasons"]),
    row(Cause::InstanceFailure, "the instance", "AWS instance status", &["checks_fail"]),
    row(Cause::DnsFailure, "the service", "logs", &["names_do_not_resolve", "errors_are_new"]),
    row(Cause::ErrorBurst, "the service", "logs", &["errors_in_logs", "errors_are_new"]),
    row(Cause::LatencyRise, "the service or target group", "Datadog, CloudWatch", &["latency_doubled"]),
];

/// Every cause that a detector can name today.
pub fn causes() -> &'static [CauseRow] {
    ROWS
}

/// The table as the documentation prints it.
pub fn causes_markdown() -> String {
    let mut page = String::from(
        "# Causes\n\nEvery cause the diagnosis can name, its culprit, where it is read, and the features that speak for or \
         against it. Ids and feature names are an interface: they appear in the state document and stay stable.\n\n\
         Any cause may also carry: ",
    );
    page.push_str(&list(SHARED));
    page.push_str(".\n\n| id | cause | culprit | sources | features |\n|---|---|---|---|---|\n");
    for row in ROWS {
        let id = serde_json::to_value(row.cause).ok();
        let id = id.as_ref().and_then(|v| v.as_str()).unwrap_or_default();
        page.push_str(&format!(
            "| `{id}` | {} | {} | {} | {} |\n",
            row.cause.title(),
            row.culprit,
            row.sources,
            list(row.features)
        ));
    }
    page.push_str(
        "\nHealthy, recovered and flapping are verdicts, not causes: they are said where the alert's own series is seen within its \
         limits, or the workloads concerned are all ready, and nothing else fails.\n",
    );
    page
}

fn list(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// True when a cause may carry a feature of that name.
#[cfg(test)]
pub(crate) fn allows(cause: Cause, feature: &str) -> bool {
    SHARED.contains(&feature) || ROWS.iter().any(|row| row.cause == cause && row.features.contains(&feature))
}
