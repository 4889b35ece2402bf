//! A recording as a scenario. What it lacks stays absent: nothing is made up but a pod's owner, which its name tells, and every
//! call that the recording cannot serve answers *denied*.

use std::collections::BTreeMap;
use std::path::PathBuf;

use incident::Timestamp;
use platform::Scenario;
use serde_json::{Value, json};

use super::manifest;

/// One recorded incident.
pub struct Recording {
    /// The folder of all of them.
    pub folder: PathBuf,
    /// Its own folder's name.
    pub name: String,
}

impl Recording {
    pub fn read(&self, file: &str) -> Option<Value> {
        let family = self.name.split('-').next().unwrap_or_default();
        [self.folder.join(&self.name), self.folder.join(format!("{family}-000"))]
            .iter()
            .find_map(|folder| std::fs::read_to_string(folder.join(file)).ok())
            .map(|text| serde_json::from_str(&text).unwrap_or_else(|error| panic!("{file}: {error}")))
    }

    pub fn list(&self, file: &str, key: &str) -> Vec<Value> {
        self.read(file).and_then(|content| content[key].as_array().cloned()).unwrap_or_default()
    }

    /// The end of the metric window, else the newest time among events and logs.
    pub fn now(&self) -> Timestamp {
        let envelope = ["aws_cloudwatch_metrics.json", "aws_cloudwatch_metrics_envelope.json"];
        let metrics =
            envelope.iter().find_map(|file| self.read(file)).filter(|_| self.name.starts_with("rds"));
        let metrics = metrics.map(|m| vec![m["end_time"].clone()]);
        let newest = || {
            let events =
                self.list("eks_events.json", "warning_events").into_iter().map(|e| e["last_time"].clone());
            let logs = self.list("datadog_logs.json", "logs").into_iter().map(|l| l["timestamp"].clone());
            events.chain(logs).collect()
        };
        let times = metrics.unwrap_or_else(newest);
        times.iter().filter_map(|t| t.as_str()?.parse().ok()).max().expect("a recording has a time")
    }

    /// The incident as a scenario of all that was recorded.
    pub fn scenario(&self) -> Scenario {
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

    /// Every recorded metric: in one file, or in a file each.
    pub fn metrics(&self) -> Vec<Value> {
        if let Some(recorded) = self.read("aws_cloudwatch_metrics.json") {
            return recorded["metric_data_results"].as_array().cloned().unwrap_or_default();
        }
        let files = std::fs::read_dir(self.folder.join(&self.name)).into_iter().flatten().flatten();
        let mut names: Vec<String> =
            files.filter_map(|file| file.file_name().to_str().map(str::to_owned)).collect();
        names.sort();
        names.retain(|name| name.starts_with("aws_cloudwatch_metrics_") && !name.contains("envelope"));
        names.iter().filter_map(|name| self.read(name)).collect()
    }

    fn aws(&self) -> Value {
        let metrics: Vec<Value> = self
            .metrics()
            .iter()
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
                    // CloudWatch itself gives these two in seconds, whatever unit a recording was made in.
                    .map(|(at, value)| match (metric["metric_name"].as_str(), metric["unit"].as_str()) {
                        (Some("ReadLatency" | "WriteLatency"), Some("Milliseconds")) => {
                            json!([at, value.as_f64().unwrap_or_default() / 1000.0])
                        }
                        _ => json!([at, value]),
                    })
                    .collect();
                json!({ "namespace": "AWS/RDS", "metric": metric["metric_name"], "dimensions": dimensions,
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
        let (instances, sessions) = self.sessions();
        json!({
            "cloudwatch": { "metrics": metrics }, "rds": { "Events": events, "DBInstances": instances }, "pi": sessions,
            "denied": ["DescribeAlarms", "DescribeAlarmHistory", "DescribeDBClusters", "DescribeDBParameters", "DescribeDBProxies",
                       "DescribeInstances", "DescribeInstanceStatus", "DescribePendingMaintenanceActions",
                       "DescribeTargetGroups", "DescribeTargetHealth"],
        })
    }

    /// What Performance Insights recorded, and of the instance it was recorded of only that it was: averages as level series.
    fn sessions(&self) -> (Vec<Value>, Value) {
        let Some(recorded) = self.read("aws_performance_insights.json") else {
            return (Vec::new(), json!({}));
        };
        let times: Vec<Value> = recorded["db_load"]["timestamps"].as_array().cloned().unwrap_or_default();
        let values = recorded["db_load"]["values"].as_array().into_iter().flatten();
        let load: Vec<Value> = times.iter().zip(values).map(|(at, value)| json!([at, value])).collect();
        let members = |list: &str, name: &str| -> Vec<Value> {
            let found = recorded[list].as_array().into_iter().flatten();
            let level = |member: &Value| {
                times.iter().map(|at| json!([at, member["db_load_avg"]])).collect::<Vec<_>>()
            };
            found.map(|member| json!({ "name": member[name], "load": { "points": level(member) } })).collect()
        };
        let instance = json!({ "DBInstanceIdentifier": recorded["db_instance_identifier"], "DbiResourceId": "db-RECORDED",
                               "PerformanceInsightsEnabled": true });
        let groups = json!({ "db.sql_tokenized": members("top_sql", "statement"), "db.wait_event": members("top_wait_events", "name"),
                             "db.user": members("top_users", "name"), "db.host": members("top_hosts", "id") });
        (
            vec![instance],
            json!({ "databases": { "db-RECORDED": { "load": { "points": load }, "groups": groups } } }),
        )
    }

    fn kubernetes(&self) -> Value {
        let pods = self.list("eks_pods.json", "pods").into_iter().map(|pod| manifest::pod(&pod));
        let events = self.list("eks_events.json", "warning_events").into_iter().enumerate();
        let events = events.map(|(i, event)| manifest::event(i, &event));
        let deployments =
            self.list("eks_deployments.json", "deployments").into_iter().map(|d| manifest::deployment(&d));
        let nodes = self.list("eks_node_health.json", "nodes").into_iter().map(|node| manifest::node(&node));
        let mut deny = vec![
            "secrets",
            "configmaps",
            "replicasets",
            "statefulsets",
            "daemonsets",
            "services",
            "jobs",
            "horizontalpodautoscalers",
            "resourcequotas",
            "persistentvolumeclaims",
            "networkpolicies",
            "endpointslices",
            "limitranges",
            "controllerrevisions",
        ];
        let logs = self.logs();
        if logs.is_empty() {
            deny.push("pods/log");
        }
        json!({
            "objects": pods.chain(events).chain(deployments).chain(nodes).collect::<Vec<_>>(), "logs": logs,
            "permissions": { "deny": deny },
        })
    }

    /// The recorded pod's log, as that of its only container; the recording does not say of which run.
    fn logs(&self) -> Vec<Value> {
        let Some(log) = self.read("eks_pod_logs.json") else { return Vec::new() };
        let pods = self.list("eks_pods.json", "pods");
        let pod = pods.iter().find(|pod| pod["name"] == log["pod_name"]);
        let container = pod.map(|pod| pod["containers"][0]["name"].clone()).unwrap_or_default();
        vec![json!({ "namespace": log["namespace"], "pod": log["pod_name"], "container": container,
                     "text": log["logs"], "previous": log["logs"] })]
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
