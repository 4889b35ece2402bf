//! Datadog: metrics, monitors, logs, events, SLOs, synthetic tests, spans and deployments, filtered as Datadog would.
//!
//! World: each of them with its tags. A wrong scope, tag or time range gives an empty
//! answer, wrong keys 403, a missing parameter 400, an unknown path 404.

mod deployments;
mod filter;
mod metrics;
mod monitors;
mod records;
mod search;
mod slos;
mod spans;
mod synthetics;

use http::Method;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::Moment;
use crate::wire::{Answer, Request};

/// The keys that are let in.
const API_KEY: &str = "simulated-datadog-api-key";
const APPLICATION_KEY: &str = "simulated-datadog-application-key";

/// `datadog.yaml`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct World {
    /// Metrics over time.
    #[serde(default)]
    series: Vec<metrics::Metric>,
    /// Monitors.
    #[serde(default)]
    monitors: Vec<monitors::Monitor>,
    /// Log lines.
    #[serde(default)]
    logs: Vec<records::Log>,
    /// Events: deploys, changes, alerts.
    #[serde(default)]
    events: Vec<records::Event>,
    /// Service level objectives.
    #[serde(default)]
    slos: Vec<slos::Slo>,
    /// Synthetic tests.
    #[serde(default)]
    synthetics: Vec<synthetics::Test>,
    /// Spans.
    #[serde(default)]
    spans: Vec<spans::Span>,
    /// Questions about spans that the hour still allows. Default: all 300.
    #[serde(default)]
    spans_left: Option<u32>,
    /// DORA deployments.
    #[serde(default)]
    deployments: Vec<deployments::Deployment>,
    /// What the application key may not do.
    #[serde(default)]
    permissions: Permissions,
}

/// What the application key may not do.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Permissions {
    /// Missing scopes: `timeseries_query`, `monitors_read`, `logs_read_data`, `events_read`, `slos_read`, `apm_read`,
    /// `metrics_read`, `synthetics_read`, `dora_metrics_read`.
    #[serde(default)]
    deny: Vec<String>,
}

/// A call: how it is named in records, and the scope its key needs.
struct Route {
    call: &'static str,
    scope: &'static str,
}

impl World {
    /// The settings that point a client at `url`.
    pub fn environment(&self, url: &str) -> Vec<(&'static str, String)> {
        vec![
            ("DATADOG_URL", url.to_owned()),
            ("DD_API_KEY", API_KEY.to_owned()),
            ("DD_APP_KEY", APPLICATION_KEY.to_owned()),
        ]
    }

    /// Answers as Datadog would.
    pub fn answer(&self, request: &Request, moment: Moment) -> Answer {
        let route = route(request);
        // The one call that needs no application key.
        let needs_both = route.as_ref().is_none_or(|route| route.call != "validate");
        if request.header("dd-api-key") != Some(API_KEY)
            || (needs_both && request.header("dd-application-key") != Some(APPLICATION_KEY))
        {
            return refuse(403, "Forbidden");
        }
        let Some(route) = route else {
            return refuse(404, "Not found");
        };
        if self.permissions.deny.iter().any(|scope| scope == route.scope) {
            return refuse(403, "Forbidden");
        }
        if route.call.starts_with("spans") {
            return spans::limited(self.spans_left, || answered(self.look_up(route.call, request, moment)));
        }
        answered(self.look_up(route.call, request, moment))
    }

    fn look_up(&self, call: &str, request: &Request, moment: Moment) -> Outcome {
        match call {
            "metrics" => metrics::active(&self.series, request, moment),
            "query" => metrics::query(&self.series, request, moment),
            "timeseries" => metrics::timeseries(&self.series, request, moment),
            "monitor" => monitors::one(&self.monitors, request, moment),
            "monitors" => monitors::list(&self.monitors, request, moment),
            "logs search" => search::search(&self.logs, request, moment),
            "logs aggregate" => search::aggregate(&self.logs, request, moment),
            "events search" | "events" => search::search(&self.events, request, moment),
            "events v1" => search::stream(&self.events, request, moment),
            "slos" => slos::list(&self.slos, request),
            "slo history" => slos::history(&self.slos, request, moment),
            "slo status" => slos::status(&self.slos, request, moment),
            "synthetic tests" => synthetics::list(&self.synthetics, request),
            "synthetic results" => synthetics::results(&self.synthetics, request, "api", moment),
            "browser results" => synthetics::results(&self.synthetics, request, "browser", moment),
            "spans aggregate" => spans::aggregate(&self.spans, request, moment),
            "spans search" => spans::search(&self.spans, request, moment),
            "dora deployments" => deployments::list(&self.deployments, request, moment),
            "validate keys" => Ok(json!({"status": "ok"})),
            _ => Ok(json!({"valid": true})),
        }
    }
}

fn answered(outcome: Outcome) -> Answer {
    match outcome {
        Ok(body) => Answer::json(200, &body),
        Err(refusal) => refuse(refusal.status, &refusal.text),
    }
}

/// The name of the call a request makes.
pub fn call(request: &Request) -> String {
    route(request)
        .map_or_else(|| format!("{} {}", request.method, request.path), |route| route.call.to_owned())
}

fn route(request: &Request) -> Option<Route> {
    let segments = request.segments();
    let path: Vec<&str> = segments.iter().map(String::as_str).collect();
    let (call, scope) = match (&request.method, path.as_slice()) {
        (&Method::GET, ["api", "v1", "validate"]) => ("validate", ""),
        (&Method::GET, ["api", "v2", "validate_keys"]) => ("validate keys", ""),
        (&Method::GET, ["api", "v1", "query"]) => ("query", "timeseries_query"),
        (&Method::GET, ["api", "v1", "metrics"]) => ("metrics", "metrics_read"),
        (&Method::POST, ["api", "v2", "query", "timeseries"]) => ("timeseries", "timeseries_query"),
        (&Method::GET, ["api", "v1", "monitor"]) => ("monitors", "monitors_read"),
        (&Method::GET, ["api", "v1", "monitor", _]) => ("monitor", "monitors_read"),
        (&Method::POST, ["api", "v2", "logs", "events", "search"]) => ("logs search", "logs_read_data"),
        (&Method::POST, ["api", "v2", "logs", "analytics", "aggregate"]) => {
            ("logs aggregate", "logs_read_data")
        }
        (&Method::POST, ["api", "v2", "events", "search"]) => ("events search", "events_read"),
        (&Method::GET, ["api", "v2", "events"]) => ("events", "events_read"),
        (&Method::GET, ["api", "v1", "events"]) => ("events v1", "events_read"),
        (&Method::POST, ["api", "v2", "spans", "analytics", "aggregate"]) => ("spans aggregate", "apm_read"),
        (&Method::POST, ["api", "v2", "spans", "events", "search"]) => ("spans search", "apm_read"),
        (&Method::POST, ["api", "v2", "dora", "deployments"]) => ("dora deployments", "dora_metrics_read"),
        (&Method::GET, ["api", "v1", "synthetics", "tests"]) => ("synthetic tests", "synthetics_read"),
        (&Method::GET, ["api", "v1", "synthetics", "tests", _, "results"]) => {
            ("synthetic results", "synthetics_read")
        }
        (&Method::GET, ["api", "v1", "synthetics", "tests", "browser", _, "results"]) => {
            ("browser results", "synthetics_read")
        }
        (&Method::GET, ["api", "v1", "slo"]) => ("slos", "slos_read"),
        (&Method::GET, ["api", "v1", "slo", _, "history"]) => ("slo history", "slos_read"),
        (&Method::GET, ["api", "v2", "slo", _, "status"]) => ("slo status", "slos_read"),
        _ => return None,
    };
    Some(Route { call, scope })
}

/// Why a call is not answered: Datadog's status and words.
#[derive(Debug, PartialEq, Eq)]
struct Refusal {
    status: u16,
    text: String,
}

impl Refusal {
    fn bad(text: impl Into<String>) -> Self {
        Self { status: 400, text: text.into() }
    }

    fn missing(parameter: &str) -> Self {
        Self::bad(format!("The parameter '{parameter}' is required"))
    }
}

fn refuse(status: u16, text: &str) -> Answer {
    Answer::json(status, &json!({"errors": [text]}))
}

/// What a call gives.
type Outcome = Result<Value, Refusal>;

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn moment() -> Moment {
        Moment {
            alert: "2026-01-01T12:00:00Z".parse().unwrap(),
            as_of: "2026-01-01T12:06:00Z".parse().unwrap(),
        }
    }

    pub(super) fn world(mut file: Value) -> World {
        crate::moment::resolve(&mut file, moment().alert).unwrap();
        serde_json::from_value(file).unwrap()
    }

    pub(super) fn get(target: &str) -> Request {
        keyed(Request::new(Method::GET, target))
    }

    pub(super) fn post(target: &str, body: Value) -> Request {
        keyed(Request::new(Method::POST, target).with_json(&body))
    }

    fn keyed(request: Request) -> Request {
        request.with_header("DD-API-KEY", API_KEY).with_header("DD-APPLICATION-KEY", APPLICATION_KEY)
    }

    #[test]
    fn wrong_keys_are_forbidden_and_unknown_paths_are_not_found() {
        let world = World::default();
        let request = Request::new(Method::GET, "/api/v1/monitor").with_header("dd-api-key", API_KEY);
        let answer = world.answer(&request, moment());
        assert_eq!((answer.status, answer.value()), (403, json!({"errors": ["Forbidden"]})));
        assert_eq!(world.answer(&get("/api/v1/nothing"), moment()).status, 404);
        let half = |path: &str| Request::new(Method::GET, path).with_header("dd-api-key", API_KEY);
        assert_eq!(world.answer(&half("/api/v1/validate"), moment()).status, 200);
        assert_eq!(world.answer(&half("/api/v2/validate_keys"), moment()).status, 403);
    }

    #[test]
    fn a_scope_that_is_denied_closes_its_calls_only() {
        let world = world(json!({"permissions": {"deny": ["logs_read_data"]}}));
        assert_eq!(world.answer(&post("/api/v2/logs/events/search", json!({})), moment()).status, 403);
        assert_eq!(world.answer(&get("/api/v1/monitor"), moment()).status, 200);
    }
}
