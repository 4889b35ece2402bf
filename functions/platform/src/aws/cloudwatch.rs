//! CloudWatch: metric data, alarms and their history.

use ciborium::Value as Cbor;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

use super::call::Refusal;
use super::page::{objects, offset, page, text, time, token_at};
use crate::Moment;

mod metric;

pub use metric::Metric;
use metric::Query;

/// The most queries of one request, and its most points.
const MAX_QUERIES: usize = 500;
const MAX_POINTS: usize = 100_800;

/// Metrics, and alarms in AWS's own members.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct World {
    /// Metrics.
    pub metrics: Vec<Metric>,
    /// `MetricAlarm` objects.
    #[serde(rename = "MetricAlarms", deserialize_with = "metric_alarms")]
    pub metric_alarms: Vec<Value>,
    /// `CompositeAlarm` objects.
    #[serde(rename = "CompositeAlarms", deserialize_with = "composite_alarms")]
    pub composite_alarms: Vec<Value>,
    /// `AlarmHistoryItem` objects.
    #[serde(rename = "AlarmHistoryItems", deserialize_with = "history")]
    pub alarm_history_items: Vec<Value>,
}

fn metric_alarms<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Value>, D::Error> {
    objects(deserializer, "cloudwatch", "MetricAlarms")
}

fn composite_alarms<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Value>, D::Error> {
    objects(deserializer, "cloudwatch", "CompositeAlarms")
}

fn history<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Value>, D::Error> {
    objects(deserializer, "cloudwatch", "AlarmHistoryItems")
}

impl World {
    /// The points of each query's metric; a metric that does not exist is complete and empty.
    ///
    /// A page ends at `MaxDatapoints`: results that go on on the next page are `PartialData` on this one.
    pub fn get_metric_data(&self, message: &Value, moment: Moment) -> Result<Cbor, Refusal> {
        let (start, end) = (time(message, "StartTime"), time(message, "EndTime"));
        let (Some(start), Some(end)) = (start, end) else {
            return Err(missing(if start.is_none() { "StartTime" } else { "EndTime" }));
        };
        if start >= end {
            return Err(invalid("The parameter StartTime must be less than the parameter EndTime."));
        }
        let queries = queries(message)?;
        let ascending = match text(message, "ScanBy") {
            "" | "TimestampDescending" => false,
            "TimestampAscending" => true,
            other => return Err(invalid(format!("The value {other} for parameter ScanBy is invalid."))),
        };
        let mut skip = next_token(message)?;
        let mut room =
            message["MaxDatapoints"].as_u64().map_or(MAX_POINTS, |asked| asked as usize).min(MAX_POINTS);
        let mut seen = skip;
        let mut results = Vec::new();
        let mut more = false;
        for query in queries.iter().filter(|query| query.return_data) {
            let found = self.metrics.iter().find(|metric| metric.is_asked_by(query));
            let mut points =
                found.map(|metric| metric.points(query, (start, end), moment)).unwrap_or_default();
            if !ascending {
                points.reverse();
            }
            let skipped = skip.min(points.len());
            skip -= skipped;
            let mut points = points.split_off(skipped);
            let goes_on = points.len() > room;
            points.truncate(room);
            room -= points.len();
            seen += points.len();
            more |= goes_on;
            results.push(query.result(found, &points, goes_on));
        }
        let mut output = vec![(Cbor::Text("MetricDataResults".to_owned()), Cbor::Array(results))];
        output.push((Cbor::Text("Messages".to_owned()), Cbor::Array(Vec::new())));
        if more {
            output.push((Cbor::Text("NextToken".to_owned()), Cbor::Text(token_at(seen))));
        }
        Ok(Cbor::Map(output))
    }

    /// Alarms by name, prefix and state. Without `AlarmTypes` only metric alarms.
    pub fn describe_alarms(&self, message: &Value) -> Result<Value, Refusal> {
        let types = texts(message, "AlarmTypes");
        let names = texts(message, "AlarmNames");
        let (prefix, state) = (text(message, "AlarmNamePrefix"), text(message, "StateValue"));
        if !names.is_empty() && !prefix.is_empty() {
            return Err(invalid("AlarmNamePrefix and AlarmNames cannot be used together."));
        }
        let chosen = |alarms: &[Value]| -> Vec<Value> {
            alarms
                .iter()
                .filter(|alarm| names.is_empty() || names.contains(&text(alarm, "AlarmName")))
                .filter(|alarm| text(alarm, "AlarmName").starts_with(prefix))
                .filter(|alarm| state.is_empty() || text(alarm, "StateValue") == state)
                .cloned()
                .collect()
        };
        let metric = types.is_empty() || types.contains(&"MetricAlarm");
        let metric = if metric { chosen(&self.metric_alarms) } else { Vec::new() };
        let composite = types.contains(&"CompositeAlarm");
        let composite = if composite { chosen(&self.composite_alarms) } else { Vec::new() };
        let composites = composite.len();
        let all = composite.into_iter().chain(metric).collect();
        let start = next_token(message)?;
        let (mut found, next) = page(all, Some(&token_at(start)), records(message)?)?;
        let metric = found.split_off(composites.saturating_sub(start).min(found.len()));
        Ok(json!({"CompositeAlarms": found, "MetricAlarms": metric, "NextToken": next}))
    }

    /// What happened to alarms, newest first unless asked otherwise.
    pub fn describe_alarm_history(&self, message: &Value, moment: Moment) -> Result<Value, Refusal> {
        let (name, kind) = (text(message, "AlarmName"), text(message, "HistoryItemType"));
        let (start, end) = (time(message, "StartDate"), time(message, "EndDate"));
        let types = texts(message, "AlarmTypes");
        let mut found: Vec<Value> = self
            .alarm_history_items
            .iter()
            .filter(|item| name.is_empty() || text(item, "AlarmName") == name)
            .filter(|item| kind.is_empty() || text(item, "HistoryItemType") == kind)
            .filter(|item| match text(item, "AlarmType") {
                "" | "MetricAlarm" => types.is_empty() || types.contains(&"MetricAlarm"),
                other => types.contains(&other),
            })
            .filter(|item| {
                time(item, "Timestamp").is_some_and(|at| {
                    moment.has_seen(at)
                        && start.is_none_or(|start| start <= at)
                        && end.is_none_or(|end| at <= end)
                })
            })
            .cloned()
            .collect();
        found.sort_by_key(|item| time(item, "Timestamp"));
        if text(message, "ScanBy") != "TimestampAscending" {
            found.reverse();
        }
        let token = message["NextToken"].as_str();
        let (found, next) = page(found, token, records(message)?)?;
        Ok(json!({"AlarmHistoryItems": found, "NextToken": next}))
    }
}

/// The queries of a request, each well formed and with an id of its own.
fn queries(message: &Value) -> Result<Vec<Query>, Refusal> {
    let written = message["MetricDataQueries"].as_array().ok_or_else(|| missing("MetricDataQueries"))?;
    if written.len() > MAX_QUERIES {
        return Err(invalid("The collection MetricDataQueries must not have a size greater than 500."));
    }
    let queries = written.iter().map(Query::read).collect::<Result<Vec<_>, _>>()?;
    for (index, query) in queries.iter().enumerate() {
        if queries[..index].iter().any(|before| before.id == query.id) {
            let message =
                format!("The values for parameter id in MetricDataQueries are not unique: {}", query.id);
            return Err(invalid(message));
        }
    }
    Ok(queries)
}

fn texts<'a>(message: &'a Value, member: &str) -> Vec<&'a str> {
    message[member].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

fn next_token(message: &Value) -> Result<usize, Refusal> {
    message["NextToken"]
        .as_str()
        .map_or(Some(0), offset)
        .ok_or_else(|| Refusal::new(400, "InvalidNextToken", "The next token is invalid."))
}

/// The page size: 1 to 100, and 50 unless asked otherwise.
fn records(message: &Value) -> Result<usize, Refusal> {
    match message["MaxRecords"].as_u64() {
        None => Ok(50),
        Some(records @ 1..=100) => Ok(records as usize),
        Some(_) => Err(invalid("MaxRecords must be between 1 and 100.")),
    }
}

/// AWS's refusal of a value.
fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::new(400, "ValidationError", message)
}

/// AWS's refusal of a request that lacks a member.
fn missing(member: &str) -> Refusal {
    let message = format!("The parameter {member} is required.");
    Refusal::new(400, "MissingRequiredParameterException", message)
}
