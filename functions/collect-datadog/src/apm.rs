//! Traced requests of the services concerned: how many, how many failed, how long they took, and which.
//!
//! From trace metrics, which know every request and have no hourly limit; which operations a service answers is read from the
//! list of its metrics. Spans are asked for once, for what the failing requests have in common ([`crate::spans`]).

use collecting::{Answer, CallError, Run};
use incident::evidence::Observation;
use incident::fact::{ApmService, NowAndBefore, ResourceShare};
use incident::{Fact, Object, ObjectKind, State, Timestamp, Window, size};
use jiff::SignedDuration;
use serde::Deserialize;

use crate::client::{Client, Scope};
use crate::search::metric_tag;
use crate::timeseries::{self, Line};
use crate::{about, metric};

/// Services whose traces are read.
const MAX_SERVICES: usize = 3;
/// What is compared: the last quarter of an hour with the same one an hour earlier, so that the onset of most incidents lies between.
const QUARTER: SignedDuration = SignedDuration::from_mins(15);
const READ: SignedDuration = SignedDuration::from_mins(75);
/// Resources named.
const MAX_RESOURCES: usize = 5;
/// Points kept of each series.
const POINTS: usize = 16;
/// Characters of a resource's name.
const NAME: usize = 80;
/// Words of an operation that answers requests, and of one that makes them: the tracers name operations `http.request`,
/// `servlet.request`, `grpc.server`, and `postgres.query`, `redis.command`, `http.client.request`.
const ANSWERS: [&str; 2] = ["request", "server"];
const MAKES: [&str; 8] = ["client", "query", "command", "redis", "sql", "dns", "tcp", "amqp"];

/// The queries of one operation, in the order that they are sent in.
const HITS: usize = 0;
const ERRORS: usize = 1;
const P50: usize = 2;
const P95: usize = 3;
const P99: usize = 4;
const HITS_BY_RESOURCE: usize = 5;
const ERRORS_BY_RESOURCE: usize = 6;

#[derive(Deserialize)]
struct MetricsAnswer {
    metrics: Vec<String>,
}

/// Reads the services' traces.
pub async fn collect(run: &Run, client: &Client, state: &State) -> Vec<Observation> {
    let services = state.subject.services.iter().take(MAX_SERVICES);
    let read = services.map(|service| of_service(run, client, state, service));
    futures::future::join_all(read).await.concat()
}

async fn of_service(run: &Run, client: &Client, state: &State, service: &str) -> Vec<Observation> {
    let Some(scope) = scope(service, state.subject.env.as_deref()) else { return Vec::new() };
    let ask = operation(client, service, state.as_of);
    let name = format!("metrics of {}", size::cut(service, 40));
    let found = run.call(&name, "which requests the service answers", ask).await;
    let told = found.flatten().or_else(|| alerts_operation(state));
    let Some(operation) = told else { return Vec::new() };
    let window = crate::window(state.as_of, READ);
    let queries = queries(&operation, &scope);
    let name = format!("traces of {}", size::cut(service, 40));
    let tells = "how many requests it answered, failed, and how long they took";
    let lines = run.call(&name, tells, timeseries::ask(client, &queries, window)).await.unwrap_or_default();
    observe(&operation, service, &lines, state.as_of)
}

/// `service:api,env:prod`; none for a name that no scope may hold.
fn scope(service: &str, env: Option<&str>) -> Option<String> {
    let tags = [metric_tag("service", service), env.and_then(|env| metric_tag("env", env))];
    tags[0].is_some().then(|| tags.into_iter().flatten().collect::<Vec<_>>().join(","))
}

/// The operation by which a service answers requests; none where it is not traced.
async fn operation(
    client: &Client,
    service: &str,
    as_of: Timestamp,
) -> Result<Answer<Option<String>>, CallError> {
    let from = (as_of.as_second() - READ.as_secs()).to_string();
    let filter = format!("service:{service}");
    let query = [("from", from.as_str()), ("tag_filter", filter.as_str())];
    let answer: MetricsAnswer = client.get("/api/v1/metrics", &query, Scope::Metrics).await?;
    let found = entry(answer.metrics.iter().map(String::as_str));
    Ok(if found.is_some() { Answer::full(found) } else { Answer::empty(None) })
}

/// Of all metrics the traced operation that most likely is the service's entry.
fn entry<'a>(metrics: impl Iterator<Item = &'a str>) -> Option<String> {
    let operations = metrics.filter_map(|name| name.strip_prefix("trace.")?.strip_suffix(".hits"));
    let plain = |name: &&str| name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'));
    let has = |name: &str, words: &[&str]| words.iter().any(|word| name.contains(word));
    let mut operations: Vec<&str> = operations.filter(plain).filter(|name| !has(name, &MAKES)).collect();
    operations.sort_by_key(|name| (!has(name, &ANSWERS), name.len(), *name));
    operations.first().map(|name| (*name).to_owned())
}

/// The operation that the alert's own metric is about: `trace.http.request.errors`.
fn alerts_operation(state: &State) -> Option<String> {
    let name = state.alert.metric.as_deref()?.strip_prefix("trace.")?;
    let ends = [".hits", ".errors", ".duration", ".apdex"];
    let operation = ends.iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
    let plain = operation.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'));
    plain.then(|| operation.to_owned())
}

fn queries(operation: &str, scope: &str) -> Vec<String> {
    vec![
        format!("sum:trace.{operation}.hits{{{scope}}}.as_count()"),
        format!("sum:trace.{operation}.errors{{{scope}}}.as_count()"),
        format!("p50:trace.{operation}{{{scope}}}"),
        format!("p95:trace.{operation}{{{scope}}}"),
        format!("p99:trace.{operation}{{{scope}}}"),
        format!("sum:trace.{operation}.hits{{{scope}}} by {{resource_name}}.as_count()"),
        format!("sum:trace.{operation}.errors{{{scope}}} by {{resource_name}}.as_count()"),
    ]
}

/// The two windows that are compared.
struct Windows {
    now: Window,
    before: Window,
}

fn windows(as_of: Timestamp) -> Windows {
    let now = crate::window(as_of, QUARTER);
    Windows { now, before: metric::earlier(now, SignedDuration::from_hours(1)) }
}

fn observe(operation: &str, service: &str, lines: &[Line], as_of: Timestamp) -> Vec<Observation> {
    let windows = windows(as_of);
    let line = |query: usize| lines.iter().find(|line| line.query == query);
    let count = |query: usize| line(query).map(|line| sums(line, &windows)).unwrap_or_default();
    let latency = |query: usize| line(query).map(|line| milliseconds(line, &windows)).unwrap_or_default();
    let (requests, errors) = (count(HITS), count(ERRORS));
    let fact = ApmService {
        operation: operation.to_owned(),
        requests,
        errors: none_is_zero(errors, requests),
        error_rate: rate(errors, requests),
        p50_ms: latency(P50),
        p95_ms: latency(P95),
        p99_ms: latency(P99),
        resources: resources(lines, &windows),
    };
    let object = Object::new(ObjectKind::Application, service);
    let series = [(HITS, "hits", "sum"), (ERRORS, "errors", "sum"), (P95, "", "p95")];
    let series = series.into_iter().filter_map(|(query, end, stat)| {
        let name =
            if end.is_empty() { format!("trace.{operation}") } else { format!("trace.{operation}.{end}") };
        let series = line(query)?.series(&name, stat)?.thin(POINTS);
        let from = series.points.first().map_or(windows.before.from, |(at, _)| *at);
        let summary = metric::told(&series, metric::short_unit(&series.unit));
        Some(Observation::new(from, object.clone(), summary, Fact::Series(series)).until(windows.now.to))
    });
    let seen = fact.requests.now.is_some() || fact.requests.before.is_some();
    let summary = summary(service, &fact);
    let whole =
        Observation::new(windows.now.from, object.clone(), summary, Fact::Apm(fact)).until(windows.now.to);
    seen.then_some(whole).into_iter().chain(series).collect()
}

/// What a count came to in each window; nothing where the window holds no point.
fn sums(line: &Line, windows: &Windows) -> NowAndBefore {
    let sum = |window| line.within(window).reduce(|a, b| a + b).map(rounded);
    NowAndBefore { now: sum(windows.now), before: sum(windows.before) }
}

/// The mean of a window's minutes, in milliseconds: trace metrics are in seconds where they state no unit.
fn milliseconds(line: &Line, windows: &Windows) -> NowAndBefore {
    let factor = match line.unit.as_str() {
        "nanosecond" => 1e-6,
        "microsecond" => 1e-3,
        "millisecond" => 1.0,
        _ => 1e3,
    };
    let mean = |window| {
        let values: Vec<f64> = line.within(window).collect();
        (!values.is_empty()).then(|| rounded(values.iter().sum::<f64>() / values.len() as f64 * factor))
    };
    NowAndBefore { now: mean(windows.now), before: mean(windows.before) }
}

/// Datadog writes no point for no error: where there were requests, none is zero.
fn none_is_zero(errors: NowAndBefore, requests: NowAndBefore) -> NowAndBefore {
    let of =
        |errors: Option<f64>, requests: Option<f64>| errors.or(requests.filter(|n| *n > 0.0).map(|_| 0.0));
    NowAndBefore { now: of(errors.now, requests.now), before: of(errors.before, requests.before) }
}

fn rate(errors: NowAndBefore, requests: NowAndBefore) -> NowAndBefore {
    let errors = none_is_zero(errors, requests);
    let of = |errors: Option<f64>, requests: Option<f64>| {
        let share = errors? / requests.filter(|n| *n > 0.0)?;
        share.is_finite().then(|| (share * 1e4).round() / 1e4)
    };
    NowAndBefore { now: of(errors.now, requests.now), before: of(errors.before, requests.before) }
}

/// The mix of requests, most first; errors where a resource has some.
fn resources(lines: &[Line], windows: &Windows) -> Vec<ResourceShare> {
    let of = |query: usize| {
        lines.iter().filter(move |line| line.query == query).filter_map(|line| {
            let tags = line.tags.iter().map(String::as_str);
            Some((about::value(tags, "resource_name")?, sums(line, windows)))
        })
    };
    let mut resources: Vec<ResourceShare> = of(HITS_BY_RESOURCE)
        .map(|(name, requests)| ResourceShare {
            name: size::cut(name, NAME),
            requests,
            errors: of(ERRORS_BY_RESOURCE)
                .find(|(other, _)| *other == name)
                .map(|(_, n)| n)
                .unwrap_or_default(),
        })
        .collect();
    let most = |share: &ResourceShare| share.requests.now.or(share.requests.before).unwrap_or(0.0);
    resources.sort_by(|a, b| most(b).total_cmp(&most(a)).then_with(|| a.name.cmp(&b.name)));
    resources.truncate(MAX_RESOURCES);
    resources
}

fn summary(service: &str, apm: &ApmService) -> String {
    let figure = |what: &str, figure: NowAndBefore, unit: &str, factor: f64| {
        let value = |value: f64| format!("{}{unit}", rounded(value * factor));
        let before = figure.before.map(|before| format!(" (an hour earlier {})", value(before)));
        Some(format!("{what} {}{}", value(figure.now?), before.unwrap_or_default()))
    };
    let parts = [
        figure("requests", apm.requests, "", 1.0),
        figure("error rate", apm.error_rate, " %", 100.0),
        figure("p95", apm.p95_ms, " ms", 1.0),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    format!("{service} ({}) in 15 minutes: {}", apm.operation, parts.join(", "))
}

/// At most two decimals, and none that are zero.
fn rounded(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minute: i64) -> Timestamp {
        let as_of: Timestamp = "2026-01-01T02:00:00Z".parse().unwrap();
        Timestamp::from_second(as_of.as_second() + minute * 60).unwrap()
    }

    fn line(query: usize, tags: &[&str], unit: &str, points: &[(i64, f64)]) -> Line {
        Line {
            query,
            tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
            unit: unit.to_owned(),
            points: points.iter().map(|(minute, value)| (at(*minute), *value)).collect(),
        }
    }

    #[test]
    fn the_operation_is_one_that_answers_requests() {
        for (metrics, expected) in [
            (
                &["trace.postgres.query.hits", "trace.servlet.request.hits", "jvm.heap"][..],
                Some("servlet.request"),
            ),
            (&["trace.http.client.request.hits", "trace.grpc.server.hits"], Some("grpc.server")),
            (&["trace.worker.job.hits", "trace.redis.command.hits"], Some("worker.job")),
            (&["trace.http.request.hits.by_http_status", "trace.http.request.errors"], None),
            (&["trace.x{evil}.hits"], None),
        ] {
            assert_eq!(entry(metrics.iter().copied()).as_deref(), expected, "{metrics:?}");
        }
    }

    #[test]
    fn a_service_is_told_with_its_hour_before() {
        let lines = [
            line(HITS, &[], "request", &[(-70, 900.0), (-65, 100.0), (-10, 1200.0), (-2, 300.0)]),
            line(ERRORS, &[], "", &[(-2, 30.0)]),
            line(P95, &[], "second", &[(-70, 0.1), (-10, 0.5), (-2, 1.5)]),
            line(HITS_BY_RESOURCE, &["resource_name:GET /a"], "", &[(-2, 100.0)]),
            line(HITS_BY_RESOURCE, &["resource_name:GET /b"], "", &[(-2, 200.0)]),
            line(ERRORS_BY_RESOURCE, &["resource_name:GET /b"], "", &[(-2, 30.0)]),
        ];
        let found = observe("http.request", "api", &lines, at(0));
        assert_eq!(
            found[0].summary,
            "api (http.request) in 15 minutes: requests 1500 (an hour earlier 1000), error rate 2 % (an hour earlier 0 %), \
             p95 1000 ms (an hour earlier 100 ms)"
        );
        let Fact::Apm(apm) = &found[0].fact else { panic!() };
        assert_eq!(apm.resources[0].name, "GET /b");
        assert_eq!(apm.resources[0].errors.now, Some(30.0));
        assert_eq!(apm.p99_ms, NowAndBefore::default(), "absent is not zero");
        assert_eq!(found.len(), 4);
    }

    #[test]
    fn without_requests_nothing_is_told_of_errors() {
        let errors = NowAndBefore { now: Some(3.0), before: None };
        assert_eq!(rate(errors, NowAndBefore::default()), NowAndBefore::default());
        assert!(observe("http.request", "api", &[], at(0)).is_empty());
    }

    #[test]
    fn a_name_that_no_scope_may_hold_is_not_asked_about() {
        assert_eq!(scope("api", Some("prod")).unwrap(), "service:api,env:prod");
        assert_eq!(scope("api} by {host", None), None);
    }
}
