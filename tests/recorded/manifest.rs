//! Recorded summaries as the objects they summarise; what they do not say is left out.

use serde_json::{Value, json};

pub fn pod(pod: &Value) -> Value {
    let name = pod["name"].as_str().unwrap_or_default();
    // `<deployment>-<template hash>-<suffix>`: the name tells the ReplicaSet.
    let owners: Vec<Value> = name
        .rsplit_once('-')
        .map(|(owner, _)| json!({ "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": owner, "controller": true }))
        .into_iter()
        .collect();
    let statuses: Vec<Value> = pod["containers"].as_array().into_iter().flatten().map(container).collect();
    let names: Vec<Value> = statuses.iter().map(|status| json!({ "name": status["name"] })).collect();
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": { "name": name, "namespace": pod["namespace"], "ownerReferences": owners,
                      "deletionTimestamp": pod["deletion_timestamp"] },
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
