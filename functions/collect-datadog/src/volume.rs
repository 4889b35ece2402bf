//! Logs counted by Datadog instead of read: how many lines in all, by minute, and of one pattern.

use std::collections::BTreeMap;

use collecting::{Answer, CallError, Run};
use incident::evidence::Observation;
use incident::fact::LogVolume;
use incident::{Fact, Object, ObjectKind, Series, Timestamp, Window};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::client::{Client, Scope};

const PATH: &str = "/api/v2/logs/analytics/aggregate";
/// Values of a facet that are told apart.
const LIMIT: u32 = 8;
/// Points kept of the series.
const POINTS: usize = 24;
/// What a line without the facet is counted under.
const MISSING: &str = "not named";

#[derive(Serialize)]
struct Request<'a> {
    filter: Filter<'a>,
    compute: Vec<Compute>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    group_by: Vec<GroupBy>,
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
    #[serde(skip_serializing_if = "Option::is_none")]
    interval: Option<&'static str>,
}

#[derive(Serialize)]
struct GroupBy {
    facet: &'static str,
    limit: u32,
    missing: &'static str,
    sort: Sort,
}

#[derive(Serialize)]
struct Sort {
    aggregation: &'static str,
    order: &'static str,
}

#[derive(Deserialize)]
struct Response {
    data: Buckets,
    #[serde(default)]
    meta: Option<Meta>,
}

#[derive(Deserialize)]
struct Buckets {
    buckets: Vec<Bucket>,
}

#[derive(Deserialize)]
struct Meta {
    #[serde(default)]
    status: Option<String>,
}

/// `computes` holds `c0`, `c1`, … in the order asked for: a number, or a list over time.
#[derive(Debug, Clone, Deserialize)]
struct Bucket {
    #[serde(default)]
    by: Map<String, Value>,
    computes: Map<String, Value>,
}

/// The lines of one pattern in a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counted {
    /// How many.
    pub lines: u64,
    /// The minute of the first.
    pub first: Timestamp,
    /// The minute of the last.
    pub last: Timestamp,
}

/// Counts what a query matches in a window, and in the one just before it.
pub async fn collect(
    run: &Run,
    client: &Client,
    query: &str,
    window: Window,
    object: Object,
) -> Vec<Observation> {
    let before = Window {
        from: window.from.checked_sub(window.to.duration_since(window.from)).unwrap_or(window.from),
        to: window.from,
    };
    let (now, earlier) = futures::join!(
        run.call("logs count", "how many lines were logged", ask(client, query, window)),
        run.call("logs count of the half hour before", "how many are usual", ask(client, query, before)),
    );
    now.map(|now| observe(&now, earlier.as_deref(), object, window)).unwrap_or_default()
}

/// Counts the lines of a window that hold a phrase. None without one.
pub async fn count(client: &Client, query: &str, window: Window) -> Result<Option<Counted>, CallError> {
    let body = request(query, window, vec![count_by("timeseries", Some("1m"))], Vec::new());
    let response: Response = client.search(PATH, &body, Scope::Logs).await?;
    let minutes: Vec<(Timestamp, f64)> = response.data.buckets.iter().flat_map(|b| b.minutes("c0")).collect();
    let first = minutes.iter().map(|(at, _)| *at).min();
    let last = minutes.iter().map(|(at, _)| *at).max();
    let lines = minutes.iter().map(|(_, n)| n).sum::<f64>() as u64;
    Ok(first.zip(last).map(|(first, last)| Counted { lines, first, last }))
}

async fn ask(client: &Client, query: &str, window: Window) -> Result<Answer<Vec<Bucket>>, CallError> {
    let compute = vec![count_by("total", None), count_by("timeseries", Some("1m"))];
    let body = request(query, window, compute, vec![group_by("service"), group_by("status")]);
    let response: Response = client.search(PATH, &body, Scope::Logs).await?;
    let timed_out = response.meta.and_then(|meta| meta.status).as_deref() == Some("timeout");
    let buckets = response.data.buckets;
    let uncounted = buckets.iter().any(|bucket| bucket.total().is_none());
    Ok(match (timed_out, uncounted) {
        (true, _) => Answer::partial(buckets, "Datadog ran out of time while counting"),
        (_, true) => Answer::partial(buckets, "Datadog left a group without its count"),
        _ => Answer::list(buckets),
    })
}

fn request(query: &str, window: Window, compute: Vec<Compute>, group_by: Vec<GroupBy>) -> Request<'_> {
    let filter = Filter { query, from: window.from.to_string(), to: window.to.to_string() };
    Request { filter, compute, group_by }
}

fn count_by(kind: &'static str, interval: Option<&'static str>) -> Compute {
    Compute { aggregation: "count", kind, interval }
}

fn group_by(facet: &'static str) -> GroupBy {
    GroupBy { facet, limit: LIMIT, missing: MISSING, sort: Sort { aggregation: "count", order: "desc" } }
}

fn observe(now: &[Bucket], before: Option<&[Bucket]>, object: Object, window: Window) -> Vec<Observation> {
    let total = |buckets: &[Bucket]| buckets.iter().filter_map(Bucket::total).fold(0, u64::saturating_add);
    let (lines, lines_before) = (total(now), before.map(total));
    if lines == 0 && lines_before.unwrap_or(0) == 0 {
        return Vec::new();
    }
    let by = |facet: &str| {
        let mut sums = BTreeMap::<String, u64>::new();
        for bucket in now {
            let Some(total) = bucket.total() else { continue };
            let sum = sums.entry(bucket.value(facet)).or_default();
            *sum = sum.saturating_add(total);
        }
        sums
    };
    let fact = LogVolume { lines, lines_before, by_status: by("status"), by_service: by("service") };
    let earlier = lines_before.map(|n| format!(" (the half hour before {n})")).unwrap_or_default();
    let summary = format!("{lines} lines of errors and warnings in the half hour{earlier}");
    let whole = Observation::new(window.from, object, summary, Fact::LogVolume(fact)).until(window.to);
    std::iter::once(whole).chain(series(now, window)).collect()
}

/// Lines per minute of the service that logged most.
fn series(buckets: &[Bucket], window: Window) -> Option<Observation> {
    let mut by_service = BTreeMap::<String, Vec<&Bucket>>::new();
    for bucket in buckets {
        by_service.entry(bucket.value("service")).or_default().push(bucket);
    }
    let total = |buckets: &Vec<&Bucket>| {
        buckets.iter().filter_map(|bucket| bucket.total()).fold(0, u64::saturating_add)
    };
    let (most, own) = by_service.into_iter().max_by_key(|(_, own)| total(own))?;
    let mut minutes = BTreeMap::<Timestamp, f64>::new();
    for (at, count) in own.iter().flat_map(|bucket| bucket.minutes("c1")) {
        *minutes.entry(at).or_default() += count;
    }
    let series = Series::from_points("logs.errors_and_warnings", "count", "lines per minute", 60, minutes)?
        .thin(POINTS);
    let summary = format!(
        "{most} logged {} lines in the minute {}, at most {}",
        series.last,
        series.last_at.strftime("%H:%M UTC"),
        series.max
    );
    let from = series.points.first().map_or(window.from, |(at, _)| *at);
    let object = Object::new(ObjectKind::Application, most);
    Some(Observation::new(from, object, summary, Fact::Series(series)).until(window.to))
}

impl Bucket {
    fn value(&self, facet: &str) -> String {
        self.by.get(facet).and_then(Value::as_str).unwrap_or(MISSING).to_owned()
    }

    /// None where the answer lacks it, which is not zero.
    fn total(&self) -> Option<u64> {
        self.computes.get("c0").and_then(Value::as_f64).map(|count| count.max(0.0) as u64)
    }

    /// The minutes that hold a line.
    fn minutes(&self, compute: &str) -> Vec<(Timestamp, f64)> {
        let point = |point: &Value| {
            let at = point.get("time")?.as_str()?.parse().ok()?;
            Some((at, point.get("value")?.as_f64().filter(|count| *count > 0.0)?))
        };
        self.computes.get(compute).and_then(Value::as_array).into_iter().flatten().filter_map(point).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window() -> Window {
        Window { from: "2026-01-01T01:30:00Z".parse().unwrap(), to: "2026-01-01T02:00:00Z".parse().unwrap() }
    }

    fn buckets() -> Vec<Bucket> {
        serde_json::from_str(
            r#"[{"by":{"service":"api","status":"error"},"computes":{"c0":40,"c1":[{"time":"2026-01-01T01:58:00.000Z","value":40},
            {"time":"2026-01-01T01:57:00.000Z","value":0}]}},
            {"by":{"service":"api","status":"warn"},"computes":{"c0":2.0,"c1":[{"time":"2026-01-01T01:58:00.000Z","value":2}]}},
            {"by":{"status":"error"},"computes":{"c0":1,"c1":[]}}]"#,
        )
        .unwrap()
    }

    #[test]
    fn a_group_without_its_count_is_not_a_group_of_none() {
        let mut buckets = buckets();
        buckets[1].computes.remove("c0");
        assert_eq!(buckets[1].total(), None);
        let observed = observe(&buckets, None, Object::new(ObjectKind::Application, "api"), window());
        let Fact::LogVolume(fact) = &observed[0].fact else { panic!("{observed:?}") };
        assert_eq!((fact.lines, fact.by_status.get("warn")), (41, None));
    }

    #[test]
    fn lines_are_counted_by_status_and_service_against_the_half_hour_before() {
        let api = Object::new(ObjectKind::Application, "api");
        let found = observe(&buckets(), Some(&[]), api, window());
        assert_eq!(
            found[0].summary,
            "43 lines of errors and warnings in the half hour (the half hour before 0)"
        );
        let Fact::LogVolume(volume) = &found[0].fact else { panic!() };
        assert_eq!(
            (volume.by_status["error"], volume.by_service["api"], volume.by_service["not named"]),
            (41, 42, 1)
        );
        let Fact::Series(series) = &found[1].fact else { panic!() };
        assert_eq!((series.count, series.last), (1, 42.0));
    }

    #[test]
    fn no_line_now_or_before_is_nothing_to_tell() {
        let api = Object::new(ObjectKind::Application, "api");
        assert!(observe(&[], Some(&[]), api, window()).is_empty());
    }

    #[test]
    fn the_body_is_not_wrapped() {
        let compute = vec![count_by("total", None)];
        let body =
            serde_json::to_value(request("service:a", window(), compute, vec![group_by("status")])).unwrap();
        let expected = serde_json::json!({
            "filter": {"query": "service:a", "from": "2026-01-01T01:30:00Z", "to": "2026-01-01T02:00:00Z"},
            "compute": [{"aggregation": "count", "type": "total"}],
            "group_by": [{"facet": "status", "limit": 8, "missing": "not named",
                "sort": {"aggregation": "count", "order": "desc"}}]});
        assert_eq!(body, expected);
    }
}
