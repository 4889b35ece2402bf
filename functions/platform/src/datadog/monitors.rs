//! Monitors: what somebody decided to watch.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Outcome, Refusal};
use crate::Moment;
use crate::wire::Request;

/// A monitor.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Monitor {
    /// Id.
    id: u64,
    /// Name.
    name: String,
    /// Type, such as `query alert`.
    #[serde(default = "query_alert", rename = "type")]
    kind: String,
    /// Query.
    query: String,
    /// Message.
    #[serde(default)]
    message: String,
    /// Tags of the monitor itself.
    #[serde(default)]
    tags: Vec<String>,
    /// 1 to 5.
    #[serde(default)]
    priority: Option<u8>,
    /// `OK`, `Alert`, `Warn`, `No Data`. Default: the worst of its groups.
    #[serde(default)]
    overall_state: Option<String>,
    /// Thresholds and the like, as the API has them.
    #[serde(default)]
    options: Map<String, Value>,
    /// Linked runbooks, as the API has them: `[{category, name, url}]`.
    #[serde(default)]
    assets: Vec<Value>,
    /// Its groups. A simple monitor has one, named `*`.
    #[serde(default)]
    groups: Vec<Group>,
}

/// One group of a monitor.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Group {
    /// Tags of the group, comma-separated.
    name: String,
    /// `OK`, `Alert`, `Warn`, `No Data`.
    status: String,
    /// When it last triggered.
    #[serde(default)]
    last_triggered: Option<Timestamp>,
    /// When it last recovered.
    #[serde(default)]
    last_resolved: Option<Timestamp>,
    /// When it last notified. Default: when it triggered.
    #[serde(default)]
    last_notified: Option<Timestamp>,
    /// When it last had no data.
    #[serde(default)]
    last_nodata: Option<Timestamp>,
}

fn query_alert() -> String {
    "query alert".to_owned()
}

/// `GET /api/v1/monitor/{id}`.
pub(super) fn one(monitors: &[Monitor], request: &Request, moment: Moment) -> Outcome {
    let id = request.segments().pop().unwrap_or_default();
    let id: u64 = id.parse().map_err(|_| Refusal::bad("Invalid monitor_id"))?;
    monitors
        .iter()
        .find(|monitor| monitor.id == id)
        .map(|monitor| monitor.json(request, moment))
        .ok_or_else(|| Refusal { status: 404, text: "Monitor not found".to_owned() })
}

/// `GET /api/v1/monitor`, by `name`, `tags` and `monitor_tags`, in pages where asked.
pub(super) fn list(monitors: &[Monitor], request: &Request, moment: Moment) -> Outcome {
    let name = request.query_value("name").unwrap_or_default().to_lowercase();
    let tags: Vec<&str> = ["tags", "monitor_tags"]
        .iter()
        .filter_map(|key| request.query_value(key))
        .flat_map(|tags| tags.split(',').map(str::trim))
        .filter(|tag| !tag.is_empty())
        .collect();
    let number = |key: &str| request.query_value(key).and_then(|text| text.parse::<usize>().ok());
    let size = number("page_size").unwrap_or(if number("page").is_some() { 100 } else { usize::MAX });
    let skip = number("page").unwrap_or(0).saturating_mul(size);
    let found = monitors
        .iter()
        .filter(|monitor| monitor.name.to_lowercase().contains(&name))
        .filter(|monitor| tags.iter().all(|tag| monitor.tags.iter().any(|own| own == tag)));
    Ok(found.skip(skip).take(size).map(|monitor| monitor.json(request, moment)).collect())
}

impl Monitor {
    /// The state of the groups is told only when `group_states` asks for it.
    fn json(&self, request: &Request, moment: Moment) -> Value {
        let mut body = json!({"id": self.id, "name": self.name, "type": self.kind, "query": self.query,
            "message": self.message, "tags": self.tags, "priority": self.priority, "multi": self.is_multi(),
            "overall_state": self.overall_state(), "options": self.options, "created": moment.alert,
            "modified": moment.alert, "deleted": null, "restricted_roles": null});
        if request.query_value("with_assets") == Some("true") {
            body["assets"] = json!(self.assets);
        }
        if let Some(wanted) = request.query_value("group_states") {
            let wanted: Vec<String> = wanted.split(',').map(|state| state.trim().to_lowercase()).collect();
            let asked = |group: &&Group| {
                wanted.iter().any(|state| state == "all" || *state == group.status.to_lowercase())
            };
            let groups: Map<String, Value> = self
                .groups
                .iter()
                .filter(asked)
                .map(|group| (group.name.clone(), group.json(moment)))
                .collect();
            body["state"] = json!({"groups": groups});
        }
        body
    }

    fn is_multi(&self) -> bool {
        self.groups.iter().any(|group| group.name != "*")
    }

    fn overall_state(&self) -> String {
        let has = |status: &&str| self.groups.iter().any(|group| group.status == **status);
        let worst = || ["Alert", "Warn", "No Data"].into_iter().find(|status| has(status)).unwrap_or("OK");
        self.overall_state.clone().unwrap_or_else(|| worst().to_owned())
    }
}

impl Group {
    /// Times are seconds; 0 is never.
    fn json(&self, moment: Moment) -> Value {
        let seconds =
            |at: Option<Timestamp>| at.filter(|at| moment.has_seen(*at)).map_or(0, Timestamp::as_second);
        json!({"name": self.name, "status": self.status,
            "last_triggered_ts": seconds(self.last_triggered),
            "last_resolved_ts": seconds(self.last_resolved),
            "last_notified_ts": seconds(self.last_notified.or(self.last_triggered)),
            "last_nodata_ts": seconds(self.last_nodata)})
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{get, moment, world};
    use super::*;

    fn answer(target: &str) -> (u16, Value) {
        let world = world(json!({
            "monitors": [{"id": 7, "name": "CPU high", "query": "avg(last_5m):avg:cpu{*} > 80", "tags": ["team:db"],
                "assets": [{"category": "runbook", "name": "r", "url": "u"}],
                "groups": [{"name": "host:a", "status": "Alert", "last_triggered": "@+0s"},
                    {"name": "host:b", "status": "OK", "last_triggered": "@+1h"}]}]
        }));
        let answer = world.answer(&get(target), moment());
        (answer.status, answer.value())
    }

    #[test]
    fn groups_are_told_only_when_asked_for() {
        let (_, plain) = answer("/api/v1/monitor/7");
        assert_eq!(
            (&plain["overall_state"], plain.get("state"), plain.get("assets")),
            (&json!("Alert"), None, None)
        );
        let (_, all) = answer("/api/v1/monitor/7?group_states=all&with_assets=true");
        assert_eq!(all["state"]["groups"]["host:a"]["last_triggered_ts"], moment().alert.as_second());
        assert_eq!(all["state"]["groups"]["host:b"]["last_triggered_ts"], 0, "the future is not known");
        assert_eq!(all["assets"][0]["category"], "runbook");
        let (_, alerting) = answer("/api/v1/monitor/7?group_states=alert,warn");
        assert_eq!(alerting["state"]["groups"].as_object().unwrap().len(), 1);
    }

    #[test]
    fn a_monitor_that_is_not_there_is_not_found() {
        assert_eq!(answer("/api/v1/monitor/8").0, 404);
        assert_eq!(answer("/api/v1/monitor/x").0, 400);
    }

    #[test]
    fn monitors_are_listed_by_name_and_tag() {
        assert_eq!(answer("/api/v1/monitor?monitor_tags=team:db&name=cpu").1.as_array().unwrap().len(), 1);
        assert_eq!(answer("/api/v1/monitor?monitor_tags=team:web").1, json!([]));
        assert_eq!(answer("/api/v1/monitor?page=1&page_size=1").1, json!([]));
    }
}
