//! What the failing requests have in common: error spans counted by resource and by kind of error, in one question.
//!
//! Datadog answers 300 questions about spans in an hour. An incident asks one; where its headers said that few are left, none is asked
//! until they renew, so that an alert storm does not take them from the people who look for themselves.

use collecting::{Answer, CallError, Run};
use incident::evidence::Observation;
use incident::fact::SpanErrors;
use incident::{Fact, Object, ObjectKind, State, Window, redact, size};
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::client::{Client, Scope};
use crate::search::{any, term};
use crate::wrapped::Wrapped;

/// How far back spans are counted.
const WINDOW: SignedDuration = SignedDuration::from_mins(15);
/// Services asked about.
const MAX_SERVICES: usize = 5;
/// Buckets kept.
const MAX_BUCKETS: usize = 5;
/// Characters of a resource and of an error's kind.
const NAME: usize = 80;
const RESOURCE: &str = "resource_name";
const ERROR: &str = "@error.type";

#[derive(Serialize)]
struct Attributes<'a> {
    filter: Filter<'a>,
    compute: [Compute; 1],
    group_by: [GroupBy; 3],
}

#[derive(Serialize)]
struct Filter<'a> {
    query: &'a str,
    from: String,
    to: String,
}

#[derive(Serialize)]
struct Compute {
    aggregation: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
}

#[derive(Serialize)]
struct GroupBy {
    facet: &'static str,
    limit: u32,
    missing: &'static str,
}

#[derive(Deserialize)]
struct Response {
    data: Vec<Bucket>,
}

#[derive(Deserialize)]
struct Bucket {
    attributes: BucketAttributes,
}

/// The specification says `computes`, the service answers `compute`.
#[derive(Deserialize)]
struct BucketAttributes {
    by: serde_json::Map<String, Value>,
    #[serde(alias = "computes")]
    compute: serde_json::Map<String, Value>,
}

/// Counts the error spans of the subject's services.
pub async fn collect(run: &Run, client: &Client, state: &State) -> Vec<Observation> {
    let terms: Vec<String> =
        state.subject.services.iter().take(MAX_SERVICES).map(|service| term("service", service)).collect();
    let Some(services) = any(&terms) else { return Vec::new() };
    let env = state.subject.env.as_deref().map(|env| format!(" {}", term("env", env))).unwrap_or_default();
    let query = format!("{services}{env} status:error");
    let window = crate::window(state.as_of, WINDOW);
    let tells = "what the failing requests have in common";
    let buckets = run.call("error spans", tells, ask(client, &query, window)).await.unwrap_or_default();
    observe(buckets, window)
}

async fn ask(client: &Client, query: &str, window: Window) -> Result<Answer<Vec<Bucket>>, CallError> {
    let body = request(query, window);
    let path = "/api/v2/spans/analytics/aggregate";
    let response: Response = client.sparing(path, &body, Scope::Apm).await?;
    Ok(Answer::list(response.data))
}

fn request(query: &str, window: Window) -> Wrapped<Attributes<'_>> {
    let group = |facet| GroupBy { facet, limit: 5, missing: "not told" };
    let attributes = Attributes {
        filter: Filter { query, from: window.from.to_string(), to: window.to.to_string() },
        compute: [Compute { aggregation: "count", kind: "total" }],
        group_by: [group("service"), group(RESOURCE), group(ERROR)],
    };
    Wrapped::new("aggregate_request", attributes)
}

fn observe(buckets: Vec<Bucket>, window: Window) -> Vec<Observation> {
    let read = |bucket: Bucket| {
        let by = |name: &str| bucket.attributes.by.get(name).and_then(Value::as_str).map(str::to_owned);
        let count = bucket.attributes.compute.values().find_map(Value::as_f64)?;
        let service = by("service")?;
        let fact = SpanErrors {
            resource: size::cut(&redact::redact(&by(RESOURCE)?), NAME),
            error: size::cut(&redact::redact(&by(ERROR)?), NAME),
            spans: count.max(0.0) as u64,
        };
        Some((service, fact))
    };
    let mut found: Vec<_> = buckets.into_iter().filter_map(read).collect();
    found.sort_by(|(_, a), (_, b)| b.spans.cmp(&a.spans).then_with(|| a.resource.cmp(&b.resource)));
    let told = |(service, fact): (String, SpanErrors)| {
        let summary =
            format!("{} error spans of {service}: {} with {}", fact.spans, fact.resource, fact.error);
        let object = Object::new(ObjectKind::Application, service);
        Observation::new(window.from, object, summary, Fact::SpanErrors(fact)).until(window.to)
    };
    found.into_iter().take(MAX_BUCKETS).map(told).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_spellings_of_a_count_are_read_most_first() {
        let text = r#"{"data":[{"type":"bucket","id":"1","attributes":{"by":{"service":"api","resource_name":"GET /a",
            "@error.type":"Timeout"},"compute":{"c0":3}}},{"type":"bucket","attributes":{"by":{"service":"api",
            "resource_name":"GET /b","@error.type":"not told"},"computes":{"c0":12.0}}}]}"#;
        let response: Response = serde_json::from_str(text).unwrap();
        let window = crate::window("2026-01-01T02:00:00Z".parse().unwrap(), WINDOW);
        let told: Vec<String> =
            observe(response.data, window).into_iter().map(|found| found.summary).collect();
        assert_eq!(
            told,
            ["12 error spans of api: GET /b with not told", "3 error spans of api: GET /a with Timeout"]
        );
    }

    #[test]
    fn the_question_is_wrapped() {
        let window = crate::window("2026-01-01T02:00:00Z".parse().unwrap(), WINDOW);
        let body = serde_json::to_value(request("service:api status:error", window)).unwrap();
        assert_eq!(body["data"]["type"], "aggregate_request");
        assert_eq!(body["data"]["attributes"]["group_by"][1]["facet"], "resource_name");
        assert_eq!(body["data"]["attributes"]["filter"]["from"], "2026-01-01T01:45:00Z");
    }
}
