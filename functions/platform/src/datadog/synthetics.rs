//! Synthetic tests: probes from outside, and their results.

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Outcome, Refusal};
use crate::Moment;
use crate::wire::Request;

/// The results that one answer holds, as documented.
const MAX_RESULTS: usize = 150;
/// Tests per page where `page_size` does not say.
const PAGE: usize = 100;

/// A synthetic test.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Test {
    /// Public id, such as `abc-def-ghi`.
    id: String,
    /// Name.
    name: String,
    /// `api` or `browser`.
    #[serde(default = "api", rename = "type")]
    kind: String,
    /// What it asks for.
    #[serde(default)]
    url: Option<String>,
    /// Tags.
    #[serde(default)]
    tags: Vec<String>,
    /// `live` or `paused`.
    #[serde(default = "live")]
    status: String,
    /// Where it runs from.
    #[serde(default = "frankfurt")]
    locations: Vec<String>,
    /// Runs this often, from every location.
    #[serde(default = "minute")]
    every: SignedDuration,
    /// Passes but in these spans.
    #[serde(default)]
    failures: Vec<Failure>,
}

/// A span in which a test fails.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Failure {
    /// From here on.
    from: Timestamp,
    /// Until here. Default: it does not end.
    #[serde(default)]
    to: Option<Timestamp>,
    /// From these locations alone. Default: all of them.
    #[serde(default)]
    locations: Vec<String>,
}

fn api() -> String {
    "api".to_owned()
}

fn live() -> String {
    "live".to_owned()
}

fn frankfurt() -> Vec<String> {
    vec!["aws:eu-central-1".to_owned()]
}

fn minute() -> SignedDuration {
    SignedDuration::from_mins(1)
}

/// `GET /api/v1/synthetics/tests`, in pages.
pub(super) fn list(tests: &[Test], request: &Request) -> Outcome {
    let number = |key: &str| request.query_value(key).and_then(|text| text.parse::<usize>().ok());
    let size = number("page_size").unwrap_or(PAGE);
    let skip = number("page_number").unwrap_or(0).saturating_mul(size);
    let page: Vec<Value> = tests.iter().skip(skip).take(size).map(Test::json).collect();
    Ok(json!({"tests": page}))
}

/// `GET /api/v1/synthetics/tests/{public_id}/results` and its twin for browser tests: the newest first.
pub(super) fn results(tests: &[Test], request: &Request, kind: &str, moment: Moment) -> Outcome {
    let segments = request.segments();
    let id = segments.get(segments.len().saturating_sub(2)).map(String::as_str).unwrap_or_default();
    let test = tests
        .iter()
        .find(|test| test.id == id && test.kind == kind)
        .ok_or_else(|| Refusal { status: 404, text: "Test not found".to_owned() })?;
    let time = |name: &str, default: Timestamp| match request.query_value(name) {
        None => Ok(default),
        Some(text) => text
            .parse()
            .ok()
            .and_then(|ms| Timestamp::from_millisecond(ms).ok())
            .ok_or_else(|| Refusal::bad(format!("Invalid {name}"))),
    };
    let (from, to) = (time("from_ts", Timestamp::MIN)?, time("to_ts", moment.as_of)?);
    let mut results: Vec<Value> = Vec::new();
    let step = if test.every.is_positive() { test.every } else { minute() };
    let mut at = Some(to.min(moment.as_of));
    while let Some(time) = at.filter(|at| *at >= from && results.len() < MAX_RESULTS) {
        results.extend(test.locations.iter().map(|location| test.result(time, location)));
        at = time.checked_sub(step).ok();
    }
    results.truncate(MAX_RESULTS);
    let last =
        results.first().map_or(json!(0), |result| json!(result["check_time"].as_f64().map(|ms| ms as i64)));
    Ok(json!({"last_timestamp_fetched": last, "results": results}))
}

impl Test {
    fn json(&self) -> Value {
        let url = self.url.as_deref().unwrap_or("https://example.com");
        json!({"public_id": self.id, "name": self.name, "type": self.kind, "subtype": "http", "status": self.status,
            "tags": self.tags, "locations": self.locations, "message": "", "monitor_id": 1,
            "config": {"request": {"method": "GET", "url": url}, "assertions": []}, "options": {"tick_every": 60}})
    }

    fn result(&self, at: Timestamp, location: &str) -> Value {
        let fails = self.failures.iter().any(|failure| {
            (failure.locations.is_empty() || failure.locations.iter().any(|own| own == location))
                && at >= failure.from
                && failure.to.is_none_or(|to| at < to)
        });
        let result = match self.kind.as_str() {
            "browser" => json!({"errorCount": u8::from(fails), "duration": 2100.0,
                "stepCountCompleted": if fails { 2 } else { 4 }, "stepCountTotal": 4}),
            _ => json!({"passed": !fails, "timings": {"total": 93.1}}),
        };
        json!({"check_time": at.as_millisecond() as f64, "probe_dc": location, "result": result,
            "result_id": format!("{}", at.as_second()), "status": u8::from(fails)})
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{get, moment, world};
    use super::*;

    #[test]
    fn a_test_fails_in_its_span_and_from_its_location_alone() {
        let world =
            world(json!({"synthetics": [{"id": "abc-def-ghi", "name": "Login", "tags": ["service:a"],
            "locations": ["aws:eu-west-1", "aws:us-east-1"],
            "failures": [{"from": "@+2m", "locations": ["aws:eu-west-1"]}]}]}));
        let list = world.answer(&get("/api/v1/synthetics/tests?page_size=10"), moment()).value();
        assert_eq!(list["tests"][0]["public_id"], "abc-def-ghi");
        let from = moment().alert.as_millisecond();
        let target = format!("/api/v1/synthetics/tests/abc-def-ghi/results?from_ts={from}");
        let results = world.answer(&get(&target), moment()).value();
        let passed = |location: &str| {
            let results = results["results"].as_array().unwrap().iter();
            let own = results.filter(|result| result["probe_dc"] == location);
            own.map(|result| result["result"]["passed"].as_bool().unwrap()).collect::<Vec<_>>()
        };
        assert_eq!(passed("aws:us-east-1"), [true; 7]);
        assert_eq!(passed("aws:eu-west-1"), [false, false, false, false, false, true, true]);
        let browser = world.answer(&get("/api/v1/synthetics/tests/browser/abc-def-ghi/results"), moment());
        assert_eq!(browser.status, 404);
    }
}
