//! Incidents recorded elsewhere, turned into scenarios and investigated by the deployed workflow.
//!
//! The recordings are not part of this repository: `SITREP_RECORDED` names their folder, and without it the test says that it
//! was skipped. A folder holds one folder per incident with `alert.json` and the evidence files below; a file that an incident
//! lacks is taken from its family's healthy case (`<family>-000`). What a recording lacks stays absent: nothing is made up but
//! a pod's owner, which its name tells, and every call that the recording cannot serve answers *denied*.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use host::Settings;
use incident::Timestamp;
use platform::Scenario;
use serde_json::{Value, json};

use crate::workflows::{Investigated, run};

struct Recording {
    folder: PathBuf,
    name: String,
}

impl Recording {
    fn read(&self, file: &str) -> Option<Value> {
        let family = self.name.split('-').next().unwrap_or_default();
        [self.folder.join(&self.name), self.folder.join(format!("{family}-000"))]
            .iter()
            .find_map(|folder| std::fs::read_to_string(folder.join(file)).ok())
            .map(|text| serde_json::from_str(&text).unwrap_or_else(|error| panic!("{file}: {error}")))
    }

    fn list(&self, file: &str, key: &str) -> Vec<Value> {
        self.read(file).and_then(|content| content[key].as_array().cloned()).unwrap_or_default()
    }

    /// The end of the metric window, else the newest time among events and logs.
    fn now(&self) -> Timestamp {
        let metrics = self.read("aws_cloudwatch_metrics.json").map(|m| vec![m["end_time"].clone()]);
        let newest = || {
            let events =
                self.list("eks_events.json", "warning_events").into_iter().map(|e| e["last_time"].clone());
            let logs = self.list("datadog_logs.json", "logs").into_iter().map(|l| l["timestamp"].clone());
            events.chain(logs).collect()
        };
        let times = metrics.unwrap_or_else(newest);
        times.iter().filter_map(|t| t.as_str()?.parse().ok()).max().expect("a recording has a time")
    }

    fn scenario(&self) -> Scenario {
        let mut files = BTreeMap::from([
            ("scenario.yaml".to_owned(), json!({ "title": format!("recorded incident {}", self.name) })),
            ("alert.json".to_owned(), self.alert()),
        ]);
        if self.name.starts_with("rds") {
            files.insert("aws.yaml".to_owned(), self.aws());
        } else {
            files.insert("kubernetes.yaml".to_owned(), self.kubernetes());
            files.insert("datadog.yaml".to_owned(), self.datadog());
        }
        Scenario::from_files(files).unwrap_or_else(|error| panic!("{}: {error}", self.name))
    }

    /// Title, summary and error as the body; labels as tags, the resource identifiers among the annotations too.
    fn alert(&self) -> Value {
        let alert = self.read("alert.json").expect("alert.json");
        let notes = &alert["commonAnnotations"];
        let text = |key: &str| notes[key].as_str().unwrap_or_default();
        let pairs = |value: &Value| value.as_object().cloned().unwrap_or_default();
        let is_resource =
            |key: &str| key.starts_with("kube_") || key.starts_with("db_") || key == "cluster_name";
        let tags: Vec<String> = pairs(&alert["commonLabels"])
            .into_iter()
            .chain(pairs(notes).into_iter().filter(|(key, _)| is_resource(key)))
            .filter_map(|(key, value)| Some(format!("{key}:{}", value.as_str()?)))
            .collect();
        json!({
            "source_schema": "dd-1", "event_id": "1", "cycle_key": self.name, "transition": "Triggered",
            "monitor_title": alert["title"], "message": format!("{}\n{}", text("summary"), text("error")),
            "tags": tags.join(","), "date_ms": self.now().as_millisecond().to_string(),
        })
    }

    fn aws(&self) -> Value {
        let recorded = self.read("aws_cloudwatch_metrics.json").unwrap_or_default();
        let metrics: Vec<Value> = recorded["metric_data_results"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|metric| {
                let dimensions: BTreeMap<_, _> = metric["dimensions"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .map(|d| (d["Name"].as_str().unwrap_or_default(), d["Value"].clone()))
                    .collect();
                let points: Vec<Value> = metric["timestamps"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .zip(metric["values"].as_array().into_iter().flatten())
                    .map(|(at, value)| json!([at, value]))
                    .collect();
                json!({ "namespace": recorded["namespace"], "metric": metric["metric_name"], "dimensions": dimensions,
                        "series": { "points": points } })
            })
            .collect();
        let events: Vec<Value> = self
            .list("aws_rds_events.json", "events")
            .into_iter()
            .map(|event| {
                json!({ "SourceIdentifier": event["source_identifier"], "SourceType": event["source_type"],
                        "Message": event["message"], "EventCategories": event["event_categories"], "Date": event["date"] })
            })
            .collect();
        json!({
            "cloudwatch": { "metrics": metrics }, "rds": { "Events": events },
            "denied": ["DescribeAlarms", "DescribeDBInstances", "DescribeDBParameters", "DescribeInstances",
                       "DescribeInstanceStatus", "DescribeTargetGroups", "DescribeTargetHealth"],
        })
    }

    fn kubernetes(&self) -> Value {
        let pods = self.list("eks_pods.json", "pods").into_iter().map(|pod| manifest::pod(&pod));
        let events = self.list("eks_events.json", "warning_events").into_iter().enumerate();
        let events = events.map(|(i, event)| manifest::event(i, &event));
        let deployments =
            self.list("eks_deployments.json", "deployments").into_iter().map(|d| manifest::deployment(&d));
        let nodes = self.list("eks_node_health.json", "nodes").into_iter().map(|node| manifest::node(&node));
        json!({
            "objects": pods.chain(events).chain(deployments).chain(nodes).collect::<Vec<_>>(),
            "permissions": { "deny": ["secrets", "configmaps", "replicasets", "statefulsets", "daemonsets", "services",
                "horizontalpodautoscalers", "resourcequotas", "persistentvolumeclaims", "networkpolicies", "endpointslices"] },
        })
    }

    fn datadog(&self) -> Value {
        let logs: Vec<Value> = self
            .list("datadog_logs.json", "logs")
            .into_iter()
            .map(|log| {
                json!({ "at": log["timestamp"], "service": log["service"], "status": log["status"], "host": log["host"],
                        "message": log["message"], "tags": log["tags"] })
            })
            .collect();
        let monitors: Vec<Value> = self
            .list("datadog_monitors.json", "monitors")
            .into_iter()
            .enumerate()
            .map(|(i, monitor)| {
                json!({ "id": i + 1, "name": monitor["name"], "type": monitor["type"], "query": monitor["query"],
                        "message": monitor["message"], "overall_state": monitor["overall_state"], "tags": monitor["tags"] })
            })
            .collect();
        json!({ "logs": logs, "monitors": monitors, "permissions": { "deny": ["timeseries_query", "events_read"] } })
    }
}

/// Recorded summaries as the objects they summarise; what they do not say is left out.
mod manifest {
    use serde_json::{Value, json};

    pub fn pod(pod: &Value) -> Value {
        let name = pod["name"].as_str().unwrap_or_default();
        // `<deployment>-<template hash>-<suffix>`: the name tells the ReplicaSet.
        let owners: Vec<Value> = name
            .rsplit_once('-')
            .map(|(owner, _)| json!({ "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": owner, "controller": true }))
            .into_iter()
            .collect();
        let statuses: Vec<Value> =
            pod["containers"].as_array().into_iter().flatten().map(container).collect();
        let names: Vec<Value> = statuses.iter().map(|status| json!({ "name": status["name"] })).collect();
        json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": { "name": name, "namespace": pod["namespace"], "ownerReferences": owners },
            "spec": { "nodeName": pod["node_name"], "containers": names },
            "status": { "phase": pod["phase"], "startTime": pod["start_time"], "conditions": pod["conditions"],
                        "reason": pod["reason"], "message": pod["message"], "containerStatuses": statuses },
        })
    }

    fn container(container: &Value) -> Value {
        json!({
            "name": container["name"], "ready": container["ready"], "restartCount": container["restart_count"],
            "image": container["image"],
            "state": state(&container["state"]), "lastState": state(&container["last_state"]),
        })
    }

    fn state(state: &Value) -> Value {
        let detail = json!({ "reason": state["reason"], "message": state["message"], "exitCode": state["exit_code"].as_i64().unwrap_or(0),
                             "startedAt": state["started_at"], "finishedAt": state["finished_at"] });
        match ["waiting", "terminated", "running"].into_iter().find(|kind| state[*kind] == true) {
            Some(kind) => json!({ kind: detail }),
            None => json!({}),
        }
    }

    pub fn event(number: usize, event: &Value) -> Value {
        let (kind, name) =
            event["involved_object"].as_str().unwrap_or_default().split_once('/').unwrap_or_default();
        let version = if kind == "Deployment" || kind == "ReplicaSet" { "apps/v1" } else { "v1" };
        json!({
            "apiVersion": "v1", "kind": "Event",
            "metadata": { "name": format!("{name}.{number}"), "namespace": event["namespace"] },
            "involvedObject": { "apiVersion": version, "kind": kind, "name": name, "namespace": event["namespace"] },
            "reason": event["reason"], "message": event["message"], "type": event["type"], "count": event["count"],
            "firstTimestamp": event["first_time"], "lastTimestamp": event["last_time"],
        })
    }

    pub fn deployment(deployment: &Value) -> Value {
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": { "name": deployment["name"], "namespace": deployment["namespace"] },
            "spec": { "replicas": deployment["desired"], "selector": {}, "template": {} },
            "status": { "readyReplicas": deployment["ready"], "availableReplicas": deployment["available"],
                        "unavailableReplicas": deployment["unavailable"] },
        })
    }

    pub fn node(node: &Value) -> Value {
        let condition = |kind: &str, key: &str| json!({ "type": kind, "status": node[key] });
        json!({
            "apiVersion": "v1", "kind": "Node",
            "metadata": { "name": node["name"], "labels": { "node.kubernetes.io/instance-type": node["instance_type"] } },
            "status": { "conditions": [condition("Ready", "ready"), condition("MemoryPressure", "memory_pressure"),
                                       condition("DiskPressure", "disk_pressure"), condition("PIDPressure", "pid_pressure")] },
        })
    }
}

async fn investigate(folder: &Path, name: &str) -> Investigated {
    let investigated = run(Recording { folder: folder.to_owned(), name: name.to_owned() }.scenario()).await;
    println!("{name}: {}\n{}\n", investigated.verdict(), investigated.brief());
    investigated
}

#[tokio::test(flavor = "multi_thread")]
async fn recorded_incidents_name_their_culprit() {
    let Some(folder) = Settings::from_process().get("SITREP_RECORDED").map(PathBuf::from) else {
        println!("SKIPPED: SITREP_RECORDED does not name the folder of recorded incidents");
        return;
    };
    let image = investigate(&folder, "eks-002").await;
    assert_eq!(image.verdict(), "image pull failure of Deployment payments/payments-api");
    assert!(image.brief().contains("payments:v2.1.0-bad"));

    let connections = investigate(&folder, "rds-002").await;
    assert_eq!(connections.verdict(), "database connection exhaustion of DatabaseInstance payments-prod");
    assert!(connections.brief().contains("494"));
}
