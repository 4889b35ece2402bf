//! DORA deployments: what pipelines sent to Datadog.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::filter::{Filter, wildcard};
use super::{Outcome, Refusal};
use crate::Moment;
use crate::wire::Request;

/// A deployment.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Deployment {
    /// Service.
    service: String,
    /// Environment.
    #[serde(default)]
    env: Option<String>,
    /// Version.
    #[serde(default)]
    version: Option<String>,
    /// Team.
    #[serde(default)]
    team: Option<String>,
    /// When it began.
    started_at: Timestamp,
    /// When it ended; it is told only from then on.
    finished_at: Timestamp,
    /// The commit.
    #[serde(default)]
    commit: Option<String>,
    /// The repository's id, such as `github.com/acme/shop`.
    #[serde(default)]
    repository: Option<String>,
}

/// `POST /api/v2/dora/deployments`.
pub(super) fn list(deployments: &[Deployment], request: &Request, moment: Moment) -> Outcome {
    let body = request.json().ok_or_else(|| Refusal::bad("Invalid JSON"))?;
    let data = &body["data"];
    let attributes = data.get("attributes").ok_or_else(|| Refusal::missing("data.attributes"))?;
    if data.get("type").is_some_and(|kind| kind != "dora_deployments_list_request") {
        return Err(Refusal::bad("data.type must be dora_deployments_list_request"));
    }
    let time = |name: &str| match attributes[name].as_str() {
        None => Ok(None),
        Some(text) => {
            text.parse::<Timestamp>().map(Some).map_err(|_| Refusal::bad(format!("Invalid {name}: {text}")))
        }
    };
    let (from, to) = (time("from")?, time("to")?);
    let filter = Filter::parse(attributes["query"].as_str().unwrap_or_default())?;
    let limit = attributes["limit"].as_u64().unwrap_or(10);
    let mut found: Vec<(usize, &Deployment)> = deployments
        .iter()
        .enumerate()
        .filter(|(_, deployment)| moment.has_seen(deployment.finished_at))
        .filter(|(_, deployment)| from.is_none_or(|from| deployment.started_at >= from))
        .filter(|(_, deployment)| to.is_none_or(|to| deployment.started_at <= to))
        .filter(|(_, deployment)| filter.matches(&|key, value| deployment.holds(key, value)))
        .collect();
    found.sort_by_key(|(_, deployment)| deployment.started_at);
    if attributes["sort"].as_str().is_none_or(|sort| sort.starts_with('-')) {
        found.reverse();
    }
    let data: Vec<Value> =
        found.into_iter().take(limit as usize).map(|(index, deployment)| deployment.json(index)).collect();
    Ok(json!({"data": data}))
}

impl Deployment {
    fn holds(&self, key: Option<&str>, value: &str) -> bool {
        let fields: BTreeMap<&str, Option<&String>> = [
            ("service", Some(&self.service)),
            ("env", self.env.as_ref()),
            ("version", self.version.as_ref()),
            ("team", self.team.as_ref()),
        ]
        .into();
        let own = fields.get(key.unwrap_or_default().trim_start_matches('@')).copied().flatten();
        own.is_some_and(|own| wildcard(value, own))
    }

    fn json(&self, index: usize) -> Value {
        json!({"id": format!("dora{index:04}"), "type": "dora_deployment", "attributes": {
            "service": self.service, "env": self.env, "version": self.version, "team": self.team,
            "started_at": self.started_at, "finished_at": self.finished_at, "custom_tags": [],
            "git": {"commit_sha": self.commit, "repository_id": self.repository}}})
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{moment, post, world};
    use super::*;

    #[test]
    fn a_deployment_is_found_by_its_service_once_it_has_ended() {
        let deployment = |version: &str, start: &str, end: &str| json!({"service": "api", "env": "prod", "version": version, "started_at": start, "finished_at": end});
        let world = world(
            json!({"deployments": [deployment("v1", "@-2h", "@-119m"), deployment("v2", "@-4m", "@-3m"),
            deployment("v3", "@+5m", "@+1h")]}),
        );
        let ask = |attributes: Value| {
            let body = json!({"data": {"type": "dora_deployments_list_request", "attributes": attributes}});
            let answer = world.answer(&post("/api/v2/dora/deployments", body), moment()).value();
            let data = answer["data"].as_array().unwrap().clone();
            data.iter()
                .map(|one| one["attributes"]["version"].as_str().unwrap().to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(ask(json!({"query": "service:api"})), ["v2", "v1"]);
        assert_eq!(ask(json!({"query": "service:api", "from": "2026-01-01T11:00:00Z"})), ["v2"]);
        assert_eq!(ask(json!({"query": "service:web"})), Vec::<String>::new());
        let refused = world.answer(&post("/api/v2/dora/deployments", json!({})), moment());
        assert_eq!(refused.status, 400);
    }
}
