//! Performance Insights: the load of a database, and what it is made of.

use std::collections::BTreeMap;

use ciborium::Value as Cbor;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::call::Refusal;
use super::cbor;
use super::page::{text, time};
use crate::Moment;
use crate::shape::Shape;

/// The metrics that are load, and the most queries of one request.
const LOAD: [&str; 2] = ["db.load.avg", "db.sampledload.avg"];
const MAX_QUERIES: usize = 15;
/// The seconds a point may stand for.
const PERIODS: [i64; 5] = [1, 60, 300, 3600, 86400];
/// Bytes of a dimension that are returned.
const MAX_BYTES: usize = 500;

/// Databases with Performance Insights.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct World {
    /// Load by `DbiResourceId`.
    pub databases: BTreeMap<String, Load>,
}

/// The load of one database, in average active sessions.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Load {
    /// All of it.
    load: Shape,
    /// By group (`db.sql_tokenized`, `db.sql`, `db.wait_event`, `db.user`, `db.host`): its members, most first.
    #[serde(default)]
    groups: BTreeMap<String, Vec<Member>>,
}

/// One statement, wait, user or host.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Member {
    /// The statement's text, or the name.
    name: String,
    /// Its share.
    load: Shape,
}

impl World {
    /// The points of each query: one series without a group, one for each of its members with one.
    pub fn get_resource_metrics(&self, message: &Value, moment: Moment) -> Result<Cbor, Refusal> {
        if text(message, "ServiceType") != "RDS" {
            return Err(invalid("ServiceType must be RDS"));
        }
        let identifier = text(message, "Identifier");
        let database = self.databases.get(identifier);
        let database = database
            .ok_or_else(|| invalid(format!("Performance Insights is not enabled for {identifier}")))?;
        let (Some(start), Some(end)) = (time(message, "StartTime"), time(message, "EndTime")) else {
            return Err(invalid("StartTime and EndTime are required"));
        };
        if start >= end {
            return Err(invalid("StartTime must be before EndTime"));
        }
        let period = message["PeriodInSeconds"].as_i64().unwrap_or(60);
        if !PERIODS.contains(&period) {
            return Err(invalid(format!("{period} is not a valid value for PeriodInSeconds")));
        }
        let queries = message["MetricQueries"].as_array().filter(|queries| !queries.is_empty());
        let queries = queries.ok_or_else(|| invalid("MetricQueries are required"))?;
        if queries.len() > MAX_QUERIES {
            return Err(invalid(format!("at most {MAX_QUERIES} MetricQueries")));
        }
        let span = (start, end, period);
        let mut list = Vec::new();
        for query in queries {
            list.extend(database.answer(query, span, moment)?);
        }
        Ok(map(vec![
            ("AlignedStartTime", cbor::time(start)),
            ("AlignedEndTime", cbor::time(end)),
            ("Identifier", Cbor::Text(identifier.to_owned())),
            ("MetricList", Cbor::Array(list)),
        ]))
    }
}

impl Load {
    fn answer(
        &self,
        query: &Value,
        span: (Timestamp, Timestamp, i64),
        moment: Moment,
    ) -> Result<Vec<Cbor>, Refusal> {
        let metric = text(query, "Metric");
        if !LOAD.contains(&metric) {
            return Err(invalid(format!("{metric} is not simulated")));
        }
        let group = &query["GroupBy"];
        if group.is_null() {
            return Ok(vec![series(metric, None, &self.load, span, moment)]);
        }
        let name = text(group, "Group");
        let dimension = dimension(name).ok_or_else(|| invalid(format!("{name} is not a dimension group")))?;
        let limit = match group["Limit"].as_i64() {
            None => 10,
            Some(limit @ 1..=25) => limit as usize,
            Some(_) => return Err(invalid("Limit must be between 1 and 25")),
        };
        let members = self.groups.get(name).into_iter().flatten().take(limit);
        let one = |member: &Member| {
            let mut end = member.name.len().min(MAX_BYTES);
            while !member.name.is_char_boundary(end) {
                end -= 1;
            }
            series(metric, Some((&dimension, &member.name[..end])), &member.load, span, moment)
        };
        Ok(members.map(one).collect())
    }
}

/// The dimension that names the members of a group.
fn dimension(group: &str) -> Option<String> {
    match group {
        "db.sql" | "db.sql_tokenized" => Some(format!("{group}.statement")),
        "db.wait_event" | "db.user" | "db.host" | "db.application" => Some(format!("{group}.name")),
        _ => None,
    }
}

fn series(
    metric: &str,
    dimension: Option<(&str, &str)>,
    shape: &Shape,
    (start, end, period): (Timestamp, Timestamp, i64),
    moment: Moment,
) -> Cbor {
    let mut bins: BTreeMap<i64, Vec<f64>> = BTreeMap::new();
    for (at, value) in shape.points(moment).into_iter().filter(|(at, _)| start <= *at && *at < end) {
        bins.entry(at.as_second().div_euclid(period) * period).or_default().push(value);
    }
    let points = bins.into_iter().filter_map(|(second, values)| {
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let at = Timestamp::from_second(second).ok()?;
        Some(map(vec![("Timestamp", cbor::time(at)), ("Value", Cbor::Float(mean))]))
    });
    let mut key = vec![("Metric", Cbor::Text(metric.to_owned()))];
    if let Some((name, value)) = dimension {
        let pair = (Cbor::Text(name.to_owned()), Cbor::Text(value.to_owned()));
        key.push(("Dimensions", Cbor::Map(vec![pair])));
    }
    map(vec![("Key", map(key)), ("DataPoints", Cbor::Array(points.collect()))])
}

fn map(entries: Vec<(&str, Cbor)>) -> Cbor {
    Cbor::Map(entries.into_iter().map(|(name, value)| (Cbor::Text(name.to_owned()), value)).collect())
}

fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::new(400, "InvalidArgumentException", message)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn ask(change: impl FnOnce(&mut Value)) -> Result<Cbor, Refusal> {
        let world: World = serde_json::from_value(json!({"databases": {"db-A": {
            "load": {"level": 7.0, "from": "2026-01-01T11:00:00Z"},
            "groups": {"db.user": [{"name": "api", "load": {"level": 6.0, "from": "2026-01-01T11:00:00Z"}},
                {"name": "etl", "load": {"level": 1.0, "from": "2026-01-01T11:00:00Z"}}]}}}}))
        .unwrap();
        let mut message = json!({"ServiceType": "RDS", "Identifier": "db-A", "StartTime": "2026-01-01T11:50:00Z",
            "EndTime": "2026-01-01T12:00:00Z", "PeriodInSeconds": 60,
            "MetricQueries": [{"Metric": "db.load.avg"}, {"Metric": "db.load.avg", "GroupBy": {"Group": "db.user", "Limit": 1}}]});
        change(&mut message);
        let at = "2026-01-01T12:00:00Z".parse().unwrap();
        world.get_resource_metrics(&message, Moment { alert: at, as_of: at })
    }

    #[test]
    fn a_group_gives_a_series_for_each_member_up_to_its_limit() {
        let text = format!("{:?}", ask(|_| {}).unwrap());
        assert_eq!(text.matches("DataPoints").count(), 2);
        assert!(text.contains("db.user.name") && text.contains("api") && !text.contains("etl"));
        assert_eq!(text.matches("Timestamp\")").count(), 20);
    }

    #[test]
    fn what_pi_refuses_is_refused() {
        for (member, value) in [
            ("Identifier", json!("orders-db")),
            ("PeriodInSeconds", json!(120)),
            ("ServiceType", json!("")),
            ("MetricQueries", json!([{"Metric": "db.load.avg", "GroupBy": {"Group": "db.nothing"}}])),
            ("EndTime", json!("2026-01-01T11:00:00Z")),
        ] {
            let refused = ask(|message| message[member] = value).unwrap_err();
            assert_eq!((refused.status, refused.code), (400, "InvalidArgumentException"), "{member}");
        }
    }
}
