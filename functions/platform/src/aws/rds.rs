//! RDS: instances, clusters, proxies, events, parameters, pending maintenance.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

use super::call::Refusal;
use super::model;
use super::page::{Parameters, invalid, objects, page, text, time};
use crate::Moment;

/// Databases, in AWS's own members.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct World {
    /// `DBInstance` objects.
    #[serde(rename = "DBInstances", deserialize_with = "instances")]
    pub db_instances: Vec<Value>,
    /// `DBCluster` objects.
    #[serde(rename = "DBClusters", deserialize_with = "clusters")]
    pub db_clusters: Vec<Value>,
    /// `DBProxy` objects.
    #[serde(rename = "DBProxies", deserialize_with = "proxies")]
    pub db_proxies: Vec<Value>,
    /// `DBProxyTarget` objects by the name of their proxy.
    #[serde(rename = "DBProxyTargets", deserialize_with = "proxy_targets")]
    pub db_proxy_targets: BTreeMap<String, Vec<Value>>,
    /// `Event` objects.
    #[serde(rename = "Events", deserialize_with = "events")]
    pub events: Vec<Value>,
    /// `Parameter` objects by the name of their parameter group.
    #[serde(rename = "DBParameterGroups", deserialize_with = "parameter_groups")]
    pub db_parameter_groups: BTreeMap<String, Vec<Value>>,
    /// `ResourcePendingMaintenanceActions` objects.
    #[serde(rename = "PendingMaintenanceActions", deserialize_with = "maintenance")]
    pub pending_maintenance_actions: Vec<Value>,
}

fn instances<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Value>, D::Error> {
    objects(deserializer, "rds", "DBInstanceList")
}

fn clusters<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Value>, D::Error> {
    objects(deserializer, "rds", "DBClusterList")
}

fn proxies<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Value>, D::Error> {
    objects(deserializer, "rds", "DBProxyList")
}

fn proxy_targets<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<String, Vec<Value>>, D::Error> {
    by_name(deserializer, "TargetList")
}

fn events<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Value>, D::Error> {
    objects(deserializer, "rds", "EventList")
}

fn maintenance<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Value>, D::Error> {
    objects(deserializer, "rds", "PendingMaintenanceActions")
}

fn parameter_groups<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<String, Vec<Value>>, D::Error> {
    by_name(deserializer, "ParametersList")
}

/// Lists of one shape, each under the name of what it belongs to.
fn by_name<'de, D: Deserializer<'de>>(
    deserializer: D,
    shape: &str,
) -> Result<BTreeMap<String, Vec<Value>>, D::Error> {
    let lists = BTreeMap::<String, Value>::deserialize(deserializer)?;
    lists
        .into_iter()
        .map(|(name, list)| {
            model::service("rds").check(shape, &list)?;
            Ok((name, list.as_array().cloned().unwrap_or_default()))
        })
        .collect::<Result<_, String>>()
        .map_err(serde::de::Error::custom)
}

impl World {
    /// One instance by name or ARN, or all that the filters let through.
    pub fn describe_db_instances(&self, parameters: &Parameters) -> Result<Value, Refusal> {
        let mut found: Vec<Value> = self.db_instances.clone();
        if let Some(wanted) = parameters.get("DBInstanceIdentifier") {
            found.retain(|instance| is_named(instance, wanted));
            if found.is_empty() {
                let message = format!("DBInstance {} not found.", wanted.to_lowercase());
                return Err(Refusal::new(404, "DBInstanceNotFound", message));
            }
        }
        for filter in parameters.filters("Filters.Filter", "Values.Value") {
            match filter.name.as_str() {
                "db-instance-id" => {
                    found.retain(|instance| filter.values.iter().any(|wanted| is_named(instance, wanted)));
                }
                "dbi-resource-id" => retain(&mut found, "DbiResourceId", &filter.values),
                "engine" => retain(&mut found, "Engine", &filter.values),
                "db-cluster-id" => retain(&mut found, "DBClusterIdentifier", &filter.values),
                other => return Err(unknown_filter(other)),
            }
        }
        let (found, marker) = page(found, parameters.get("Marker"), records(parameters)?)?;
        Ok(json!({"DBInstances": found, "Marker": marker}))
    }

    /// One cluster by name, or all.
    pub fn describe_db_clusters(&self, parameters: &Parameters) -> Result<Value, Refusal> {
        let mut found = self.db_clusters.clone();
        if let Some(wanted) = parameters.get("DBClusterIdentifier") {
            found.retain(|cluster| text(cluster, "DBClusterIdentifier").eq_ignore_ascii_case(wanted));
            if found.is_empty() {
                let message = format!("DBCluster {wanted} not found.");
                return Err(Refusal::new(404, "DBClusterNotFoundFault", message));
            }
        }
        let (found, marker) = page(found, parameters.get("Marker"), records(parameters)?)?;
        Ok(json!({"DBClusters": found, "Marker": marker}))
    }

    /// One proxy by name, or all.
    pub fn describe_db_proxies(&self, parameters: &Parameters) -> Result<Value, Refusal> {
        let mut found = self.db_proxies.clone();
        if let Some(wanted) = parameters.get("DBProxyName") {
            found.retain(|proxy| text(proxy, "DBProxyName") == wanted);
            if found.is_empty() {
                return Err(no_proxy(wanted));
            }
        }
        let (found, marker) = page(found, parameters.get("Marker"), records(parameters)?)?;
        Ok(json!({"DBProxies": found, "Marker": marker}))
    }

    /// The targets of a proxy.
    pub fn describe_db_proxy_targets(&self, parameters: &Parameters) -> Result<Value, Refusal> {
        let name = parameters.required("DBProxyName")?;
        if !self.db_proxies.iter().any(|proxy| text(proxy, "DBProxyName") == name) {
            return Err(no_proxy(name));
        }
        let found = self.db_proxy_targets.get(name).cloned().unwrap_or_default();
        let (found, marker) = page(found, parameters.get("Marker"), records(parameters)?)?;
        Ok(json!({"Targets": found, "Marker": marker}))
    }

    /// The events of a window: the last hour unless the request says otherwise, fourteen days at most.
    pub fn describe_events(&self, parameters: &Parameters, moment: Moment) -> Result<Value, Refusal> {
        let source = (parameters.get("SourceType"), parameters.get("SourceIdentifier"));
        if let (None, Some(_)) = source {
            let message = "Cannot specify SourceIdentifier without SourceType";
            return Err(Refusal::new(400, "InvalidParameterCombination", message));
        }
        let minutes = parameters.number("Duration")?.unwrap_or(60);
        let end = parameters.time("EndTime")?.unwrap_or(moment.as_of);
        let start = match parameters.time("StartTime")? {
            Some(start) => start,
            None => end
                .checked_sub(SignedDuration::from_mins(minutes))
                .map_err(|_| invalid("Duration", &minutes.to_string()))?,
        };
        if start > end || moment.as_of.duration_since(start) > SignedDuration::from_hours(14 * 24) {
            return Err(invalid("StartTime", &start.to_string()));
        }
        let categories = parameters.list("EventCategories.EventCategory");
        let mut found: Vec<Value> = self
            .events
            .iter()
            .filter(|event| source.0.is_none_or(|kind| text(event, "SourceType") == kind))
            .filter(|event| source.1.is_none_or(|name| text(event, "SourceIdentifier") == name))
            .filter(|event| categories.is_empty() || has_category(event, &categories))
            .filter(|event| {
                time(event, "Date").is_some_and(|at| start <= at && at <= end && moment.has_seen(at))
            })
            .cloned()
            .collect();
        found.sort_by_key(|event| time(event, "Date"));
        let (found, marker) = page(found, parameters.get("Marker"), records(parameters)?)?;
        Ok(json!({"Events": found, "Marker": marker}))
    }

    /// The parameters of a group, all or those of one source.
    pub fn describe_db_parameters(&self, parameters: &Parameters) -> Result<Value, Refusal> {
        let name = parameters.required("DBParameterGroupName")?;
        let group = self.db_parameter_groups.get(name).ok_or_else(|| {
            let message = format!("DBParameterGroup not found: {name}");
            Refusal::new(404, "DBParameterGroupNotFound", message)
        })?;
        let mut found = group.clone();
        if let Some(source) = parameters.get("Source") {
            retain(&mut found, "Source", &[source.to_owned()]);
        }
        for filter in parameters.filters("Filters.Filter", "Values.Value") {
            match filter.name.as_str() {
                "parameter-name" => retain(&mut found, "ParameterName", &filter.values),
                other => return Err(unknown_filter(other)),
            }
        }
        let (found, marker) = page(found, parameters.get("Marker"), records(parameters)?)?;
        Ok(json!({"Parameters": found, "Marker": marker}))
    }

    /// Maintenance that waits, of one resource or all.
    pub fn describe_pending_maintenance_actions(&self, parameters: &Parameters) -> Result<Value, Refusal> {
        let mut found = self.pending_maintenance_actions.clone();
        if let Some(arn) = parameters.get("ResourceIdentifier") {
            retain(&mut found, "ResourceIdentifier", &[arn.to_owned()]);
        }
        for filter in parameters.filters("Filters.Filter", "Values.Value") {
            match filter.name.as_str() {
                "db-instance-id" | "db-cluster-id" => found.retain(|actions| {
                    let arn = text(actions, "ResourceIdentifier");
                    filter.values.iter().any(|id| arn == id || arn.rsplit(':').next() == Some(id))
                }),
                other => return Err(unknown_filter(other)),
            }
        }
        let (found, marker) = page(found, parameters.get("Marker"), records(parameters)?)?;
        Ok(json!({"PendingMaintenanceActions": found, "Marker": marker}))
    }
}

fn no_proxy(name: &str) -> Refusal {
    Refusal::new(404, "DBProxyNotFoundFault", format!("DBProxy {name} not found"))
}

fn is_named(instance: &Value, wanted: &str) -> bool {
    text(instance, "DBInstanceIdentifier").eq_ignore_ascii_case(wanted)
        || text(instance, "DBInstanceArn") == wanted
}

fn has_category(event: &Value, wanted: &[String]) -> bool {
    event["EventCategories"]
        .as_array()
        .is_some_and(|categories| categories.iter().any(|c| wanted.iter().any(|w| c == w.as_str())))
}

fn retain(objects: &mut Vec<Value>, member: &str, wanted: &[String]) {
    objects.retain(|object| wanted.iter().any(|value| text(object, member) == value));
}

fn unknown_filter(name: &str) -> Refusal {
    Refusal::new(400, "InvalidParameterValue", format!("Unrecognized filter name: {name}"))
}

/// The page size: 20 to 100, and 100 unless asked otherwise.
fn records(parameters: &Parameters) -> Result<usize, Refusal> {
    match parameters.number("MaxRecords")? {
        None => Ok(100),
        Some(records @ 20..=100) => Ok(records as usize),
        Some(other) => Err(invalid("MaxRecords", &other.to_string())),
    }
}
