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
    "template_shows_mechanism",
    "its_log_says_why",
    "rollout_does_not_finish",
    "not_what_the_alert_names",
    "events_report_it",
];

const LOGS: &[&str] = &[
    "containers_do_not_run",
    "kubelet_reports_it",
    "its_log_says_why",
    "workload_short_of_replicas",
    "began_with_rollout",
    "template_shows_mechanism",
    "rollout_does_not_finish",
    "not_what_the_alert_names",
    "errors_are_new",
    "names_do_not_resolve",
    "credentials_refused",
    "configuration_missing",
    "value_refused",
    "port_taken",
    "access_forbidden",
    "disk_full",
    "no_memory_left",
    "dependency_does_not_answer",
    "others_say_so_too",
    "pods_are_well",
    "a_name_like_it_exists",
    "component_not_ready",
    "events_report_it",
    "scheduler_says_why",
    "api_server_refuses",
];

const CROWD: &[&str] = &[
    "requests_grew",
    "ddos_protection_acts",
    "machines_added",
    "people_added",
    "people_came_too",
    "challenges_solved",
    "challenges_unsolved",
    "paths_concentrate",
    "paths_as_usual",
    "paths_scatter",
    "countries_shift",
    "countries_as_usual",
    "methods_shift",
    "methods_as_usual",
    "cache_bypassed",
    "firewall_quiet",
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

/// The sets by the names that the table gives them.
const SETS: &[(&str, &[&str])] =
    &[("pods", POD), ("pods and logs", LOGS), ("changes", CHANGE), ("crowd", CROWD)];

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
    row(Cause::DatabaseConnections, "the database instance", "CloudWatch, RDS parameters and events, Performance Insights, logs; Terraform", &["connections_near_limit", "vendor_reports_it", "logs_report_it", "sessions_idle", "live_differs_from_declared"]),
    row(Cause::DatabaseStorage, "the database instance", "CloudWatch, RDS status and events", &["vendor_reports_it", "status_storage_full", "storage_low"]),
    row(Cause::DatabaseIo, "the database instance", "CloudWatch", &["disk_saturated"]),
    row(Cause::DatabaseMemory, "the database instance", "CloudWatch", &["memory_halved", "swap_rose"]),
    row(Cause::ReplicationLag, "the replica", "CloudWatch, RDS events", &["replica_behind", "vendor_reports_it", "primary_writes_more", "one_statement_writes"]),
    row(Cause::DatabaseFailover, "the database instance", "RDS events", &["vendor_reports_it", "close_to_onset"]),
    row(Cause::DatabaseMaintenance, "the database instance", "RDS events", &["vendor_reports_it", "close_to_onset"]),
    row(Cause::DatabaseLocks, "the database instance", "Performance Insights", &["sessions_wait_for_locks"]),
    row(Cause::DatabaseHousekeeping, "the database instance", "Performance Insights, RDS events", &["housekeeping_dominates", "vendor_reports_it", "it_repeats"]),
    row(Cause::ImagePull, "the workload, else the pod", "Kubernetes pods, events, workloads", POD),
    row(Cause::CrashLoop, "the workload, else the pod", "Kubernetes pods, events, workloads, logs", LOGS),
    row(Cause::OutOfMemory, "the workload, else the pod", "Kubernetes pods, events, workloads, logs", LOGS),
    row(Cause::ConfigMissing, "the workload, else the pod", "Kubernetes pods, events, workloads, logs", LOGS),
    row(Cause::ProbeFailure, "the workload, else the pod", "Kubernetes pods, events", POD),
    row(Cause::Unschedulable, "the workload, else the pod", "Kubernetes pods, events", LOGS),
    row(Cause::VolumeFailure, "the workload, else the pod", "Kubernetes pods, events, workloads, logs", LOGS),
    row(Cause::PermissionDenied, "the workload", "Kubernetes pods, events, workloads, logs", LOGS),
    row(Cause::QuotaExceeded, "the quota or limit range", "Kubernetes quotas, limit ranges, events, workloads", &["quota_refuses", "quota_seen", "workload_short_of_replicas", "not_what_the_alert_names"]),
    row(Cause::RolloutStuck, "the workload", "Kubernetes workloads", &["progress_deadline_exceeded"]),
    row(Cause::NodeDown, "the node", "Kubernetes nodes, pods", &["node_condition", "hosts_subject_pods"]),
    row(Cause::NodePressure, "the node, or the evicted pod's workload", "Kubernetes nodes, pods, events", &["node_condition", "hosts_subject_pods", "containers_do_not_run", "kubelet_reports_it", "workload_short_of_replicas", "began_with_rollout", "not_what_the_alert_names"]),
    row(Cause::HpaLimit, "the autoscaler", "Kubernetes autoscalers", &["autoscaler_at_its_bound", "autoscaler_inactive"]),
    row(Cause::DdosL7, "the zone", "Cloudflare traffic, firewall, DDoS protection", CROWD),
    row(Cause::DdosL3, "the zone", "Cloudflare DDoS protection", &["network_attack_mitigated"]),
    row(Cause::OriginLatency, "the zone", "Cloudflare latency", &["origin_answers_late"]),
    row(Cause::OrganicSurge, "the zone", "Cloudflare traffic, firewall, DDoS protection; the calendar", CROWD),
    row(Cause::CacheCollapse, "the zone", "Cloudflare traffic", &["hit_ratio_fell"]),
    row(Cause::WafFalsePositive, "the firewall rule", "Cloudflare firewall and traffic", &["one_rule_stops_usual_traffic", "rule_was_changed", "upgrades_stopped"]),
    row(Cause::UnhealthyTargets, "the target group", "AWS target health", &["targets_unhealthy", "balancer_gives_reasons"]),
    row(Cause::InstanceFailure, "the instance", "AWS instance status", &["checks_fail"]),
    row(Cause::DnsFailure, "the service whose names do not resolve, or the name server", "logs, Kubernetes workloads and pods", LOGS),
    row(Cause::InvalidConfiguration, "the workload, else the service", "Kubernetes pods, events; logs", LOGS),
    row(Cause::SidecarConflict, "the workload, else the service", "Kubernetes pods; logs", LOGS),
    row(Cause::DependencyFailure, "what does not answer", "logs, Kubernetes pods", LOGS),
    row(Cause::ServiceMismatch, "the service", "Kubernetes services and endpoints, logs", &["selector_matches_no_pod", "labels_differ", "port_not_declared", "callers_complain"]),
    row(Cause::ScaledToZero, "the workload", "Kubernetes workloads and services", &["no_replicas_wanted", "service_has_no_pods"]),
    row(Cause::NetworkPolicyBlock, "the network policy", "Kubernetes network policies, logs", &["policy_admits_nothing", "policy_is_recent", "connections_fail"]),
    row(Cause::ComponentDown, "the component, or the node it fails on", "Kubernetes pods, workloads and events", &["component_not_ready", "node_reports_it", "containers_do_not_run", "kubelet_reports_it", "workload_short_of_replicas", "began_with_rollout", "not_what_the_alert_names"]),
    row(Cause::ContainerCpu, "the workload, else the pod", "Kubernetes metrics", &["cpu_at_limit"]),
    row(Cause::JobFailure, "the job", "Kubernetes jobs", &["job_failed"]),
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
    page.push_str(".\n\nSets of features that several causes share:\n");
    for (name, features) in SETS {
        page.push_str(&format!("- **{name}**: {}\n", list(features)));
    }
    page.push_str("\n| id | cause | category | culprit | sources | features |\n|---|---|---|---|---|---|\n");
    for row in ROWS {
        let id = word(&row.cause);
        page.push_str(&format!(
            "| `{id}` | {} | `{}` | {} | {} | {} |\n",
            row.cause.title(),
            word(&row.cause.category()),
            row.culprit,
            row.sources,
            SETS.iter()
                .find(|(_, set)| *set == row.features)
                .map_or_else(|| list(row.features), |(name, _)| format!("**{name}**"))
        ));
    }
    page.push_str(
        "\nHealthy, recovered and flapping are verdicts, not causes: they are said where the alert's own series is seen within its \
         limits, or the workloads concerned are all ready, and nothing else fails.\n",
    );
    page
}

/// The id that a value has in JSON.
fn word(value: &impl serde::Serialize) -> String {
    let json = serde_json::to_value(value).ok();
    json.as_ref().and_then(|v| v.as_str()).unwrap_or_default().to_owned()
}

fn list(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// True when a cause may carry a feature of that name.
#[cfg(test)]
pub(crate) fn allows(cause: Cause, feature: &str) -> bool {
    SHARED.contains(&feature) || ROWS.iter().any(|row| row.cause == cause && row.features.contains(&feature))
}
