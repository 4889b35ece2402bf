//! Spans: what the tracer kept of single requests, and the hourly limit on asking for them.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::records::{Record, Recorded, repeated, stamp};
use super::{Outcome, Refusal, search};
use crate::Moment;
use crate::wire::{Answer, Request};

/// Requests that an endpoint of spans answers in an hour, as documented.
const HOURLY: u32 = 300;

/// A span, or many of the same.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Span {
    /// When it began.
    at: Timestamp,
    /// Again and again after this time, until `until`.
    #[serde(default)]
    every: Option<SignedDuration>,
    /// The end of `every`. Default: the investigation's time.
    #[serde(default)]
    until: Option<Timestamp>,
    /// Service.
    service: String,
    /// Environment.
    #[serde(default)]
    env: Option<String>,
    /// Resource, such as `GET /orders`.
    resource: String,
    /// Operation.
    #[serde(default = "http_request")]
    operation: String,
    /// `ok` or `error`.
    #[serde(default = "ok")]
    status: String,
    /// Structured attributes: `{error: {type: Timeout}}`.
    #[serde(default)]
    attributes: Map<String, Value>,
}

fn http_request() -> String {
    "http.request".to_owned()
}

fn ok() -> String {
    "ok".to_owned()
}

/// Answers, with the headers that say how many more questions the hour allows.
pub(super) fn limited(left: Option<u32>, answer: impl FnOnce() -> Answer) -> Answer {
    let left = left.unwrap_or(HOURLY);
    let mut answer = if left == 0 { super::refuse(429, "Too many requests") } else { answer() };
    let limits = [
        ("x-ratelimit-limit", HOURLY.to_string()),
        ("x-ratelimit-period", "3600".to_owned()),
        ("x-ratelimit-remaining", left.saturating_sub(1).to_string()),
        ("x-ratelimit-reset", "1800".to_owned()),
        ("x-ratelimit-name", "spans_aggregate".to_owned()),
    ];
    answer.headers.extend(limits.map(|(name, value)| (name.to_owned(), value)));
    answer
}

/// `POST /api/v2/spans/analytics/aggregate`: the question is wrapped, and each bucket is an object of its own.
pub(super) fn aggregate(spans: &[Span], request: &Request, moment: Moment) -> Outcome {
    let mut answer = search::aggregate(spans, &unwrapped(request, "aggregate_request")?, moment)?;
    let buckets = answer["data"]["buckets"].take();
    let bucket = |(index, bucket): (usize, &Value)| {
        json!({"id": format!("bucket{index}"), "type": "bucket",
            "attributes": {"by": bucket["by"], "compute": bucket["computes"]}})
    };
    answer["data"] = buckets.as_array().into_iter().flatten().enumerate().map(bucket).collect();
    Ok(answer)
}

/// `POST /api/v2/spans/events/search`.
pub(super) fn search(spans: &[Span], request: &Request, moment: Moment) -> Outcome {
    search::search(spans, &unwrapped(request, "search_request")?, moment)
}

fn unwrapped(request: &Request, kind: &str) -> Result<Request, Refusal> {
    let body = request.json().ok_or_else(|| Refusal::bad("Invalid JSON"))?;
    if body["data"]["type"] != kind {
        return Err(Refusal { status: 422, text: format!("data.type must be {kind}") });
    }
    Ok(request.clone().with_json(&body["data"]["attributes"]))
}

impl Recorded for Span {
    fn records(&self, moment: Moment, index: usize) -> Vec<Record> {
        let times = repeated(self.at, self.every, self.until, moment);
        times.enumerate().map(|(n, at)| self.record(at, index, n)).collect()
    }
}

impl Span {
    fn record(&self, at: Timestamp, index: usize, repeat: usize) -> Record {
        let id = format!("AZspan{index:04}{repeat:06}");
        let mut fields = BTreeMap::from([
            ("service", self.service.clone()),
            ("resource_name", self.resource.clone()),
            ("operation_name", self.operation.clone()),
            ("status", self.status.clone()),
        ]);
        fields.extend(self.env.clone().map(|env| ("env", env)));
        let body = json!({"id": id, "type": "spans", "attributes": {"service": self.service, "env": self.env,
            "resource_name": self.resource, "start_timestamp": stamp(at), "end_timestamp": stamp(at),
            "tags": [], "custom": self.attributes}});
        Record::new(at, id, self.resource.clone(), fields, Value::Object(self.attributes.clone()), body)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{moment, post, world};
    use super::*;

    fn ask(left: Option<u32>) -> Answer {
        let span = |resource: &str, kind: &str, until: &str| {
            json!({"at": "@-5m", "every": "1m", "until": until, "service": "api", "env": "prod", "resource": resource,
                "status": "error", "attributes": {"error": {"type": kind}}})
        };
        let world = world(json!({"spans_left": left,
            "spans": [span("GET /a", "Timeout", "@+0s"), span("GET /b", "Refused", "@-4m")]}));
        let body = json!({"data": {"type": "aggregate_request", "attributes": {
            "filter": {"query": "service:api status:error", "from": "now-15m", "to": "now"},
            "compute": [{"aggregation": "count", "type": "total"}],
            "group_by": [{"facet": "resource_name"}, {"facet": "@error.type"}]}}});
        world.answer(&post("/api/v2/spans/analytics/aggregate", body), moment())
    }

    #[test]
    fn spans_are_counted_by_resource_and_error_and_the_limit_is_told() {
        let answer = ask(None);
        let first = &answer.value()["data"][0]["attributes"];
        assert_eq!(
            first,
            &json!({"by": {"resource_name": "GET /a", "@error.type": "Timeout"}, "compute": {"c0": 6}})
        );
        assert!(answer.headers.contains(&("x-ratelimit-remaining".to_owned(), "299".to_owned())));
        assert_eq!(ask(Some(0)).status, 429);
    }
}
