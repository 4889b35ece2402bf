//! Metric queries: `avg:metric{scope} by {tag}`, through the v1 and the v2 call.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::filter::{Filter, wildcard};
use super::{Outcome, Refusal};
use crate::Moment;
use crate::shape::Shape;
use crate::wire::Request;

/// The points an automatic roll-up leaves at most; the exact number is not published.
const AUTOMATIC_POINTS: i64 = 300;

/// How series are joined over space.
const SPACE: &[&str] = &["avg", "sum", "min", "max", "count"];
/// How a distribution is joined.
const PERCENTILES: &[&str] = &["p50", "p75", "p90", "p95", "p99"];

/// One metric under one set of tags.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Metric {
    /// Name, such as `aws.rds.cpuutilization`.
    metric: String,
    /// `key:value` tags.
    #[serde(default)]
    tags: Vec<String>,
    /// A percentile has values of its own: the aggregator (`p95`) that this entry alone answers to. Default: all but percentiles.
    #[serde(default)]
    aggregator: Option<String>,
    /// Unit in Datadog's words: `percent`, `byte`, `second`, `connection`.
    #[serde(default)]
    unit: Option<String>,
    /// The values.
    shape: Shape,
}

/// A parsed query.
#[derive(Debug, PartialEq)]
struct Query {
    text: String,
    aggregator: String,
    metric: String,
    scope: String,
    filter: Filter,
    by: Vec<String>,
    rollup: Option<(String, i64)>,
    as_count: bool,
}

/// What a query asks of time, in milliseconds.
#[derive(Clone, Copy)]
struct Range {
    from: i64,
    to: i64,
    interval: Option<i64>,
}

/// One line of an answer.
struct Line {
    metric: String,
    tags: Vec<String>,
    unit: Option<String>,
    interval: i64,
    points: BTreeMap<i64, f64>,
}

/// `GET /api/v1/query`.
pub(super) fn query(series: &[Metric], request: &Request, moment: Moment) -> Outcome {
    let seconds = |name: &str| -> Result<i64, Refusal> {
        let text = request.query_value(name).ok_or_else(|| Refusal::missing(name))?;
        text.parse().map_err(|_| Refusal::bad(format!("Invalid {name} parameter")))
    };
    let (from, to) = (seconds("from")?, seconds("to")?);
    let text = request.query_value("query").ok_or_else(|| Refusal::missing("query"))?;
    let range = Range { from: from * 1000, to: to * 1000, interval: None };
    let mut lines = Vec::new();
    for (index, part) in split(text).iter().enumerate() {
        let query = Query::parse(part)?;
        lines.extend(run(series, &query, range, moment).into_iter().map(|line| v1(&line, &query, index)));
    }
    Ok(
        json!({"status": "ok", "res_type": "time_series", "resp_version": 1, "query": text, "from_date": range.from,
        "to_date": range.to, "series": lines, "values": [], "times": [], "message": "", "group_by": []}),
    )
}

/// `GET /api/v1/metrics`: the names of what has reported since `from`, by one tag.
pub(super) fn active(series: &[Metric], request: &Request, moment: Moment) -> Outcome {
    let from = request.query_value("from").ok_or_else(|| Refusal::missing("from"))?;
    let since: i64 = from.parse().map_err(|_| Refusal::bad("Invalid from parameter"))?;
    let filter = Filter::parse(request.query_value("tag_filter").unwrap_or_default())?;
    let reports =
        |metric: &&Metric| metric.shape.points(moment).last().is_some_and(|(at, _)| at.as_second() >= since);
    let names: std::collections::BTreeSet<&str> = series
        .iter()
        .filter(|metric| in_scope(metric, &filter))
        .filter(reports)
        .map(|metric| metric.metric.as_str())
        .collect();
    Ok(json!({"from": from, "metrics": names}))
}

/// `POST /api/v2/query/timeseries`.
pub(super) fn timeseries(series: &[Metric], request: &Request, moment: Moment) -> Outcome {
    let body = request.json().ok_or_else(|| Refusal::bad("Invalid JSON"))?;
    let data = &body["data"];
    if data["type"] != "timeseries_request" {
        return Err(Refusal::bad("data.type must be timeseries_request"));
    }
    let attributes = &data["attributes"];
    let ms = |name: &str| attributes[name].as_i64().ok_or_else(|| Refusal::missing(name));
    // `to` is exclusive here.
    let range = Range { from: ms("from")?, to: ms("to")? - 1, interval: attributes["interval"].as_i64() };
    let queries = attributes["queries"].as_array().ok_or_else(|| Refusal::missing("queries"))?;
    let mut lines: Vec<(usize, Line)> = Vec::new();
    for (index, asked, limit) in wanted(queries, &attributes["formulas"])? {
        if asked["data_source"] != "metrics" {
            return Err(Refusal::bad("data_source: only metrics is simulated"));
        }
        let text = asked["query"].as_str().ok_or_else(|| Refusal::missing("query"))?;
        let mut found = run(series, &Query::parse(text)?, range, moment);
        limit.cut(&mut found);
        lines.extend(found.into_iter().map(|line| (index, line)));
    }
    let mut times: Vec<i64> = lines.iter().flat_map(|(_, line)| line.points.keys().copied()).collect();
    times.sort_unstable();
    times.dedup();
    let values = |line: &Line| times.iter().map(|at| line.points.get(at).copied()).collect::<Vec<_>>();
    Ok(json!({"data": {"id": "0", "type": "timeseries_response", "attributes": {
        "series": lines.iter().map(|(index, line)| json!({"group_tags": line.tags, "query_index": index,
            "unit": unit(line.unit.as_deref())})).collect::<Vec<_>>(),
        "times": times,
        "values": lines.iter().map(|(_, line)| values(line)).collect::<Vec<_>>(),
    }}}))
}

/// How many groups of a formula are wanted, and which.
#[derive(Clone, Copy)]
struct Limit {
    count: usize,
    largest: bool,
}

impl Limit {
    const NONE: Self = Self { count: usize::MAX, largest: true };

    fn read(limit: &Value) -> Self {
        let count = limit["count"].as_u64().map_or(usize::MAX, |count| count as usize);
        Self { count, largest: limit["order"] != "asc" }
    }

    /// Groups are ordered by the mean of their points.
    fn cut(self, lines: &mut Vec<Line>) {
        if lines.len() <= self.count {
            return;
        }
        let mean = |line: &Line| line.points.values().sum::<f64>() / line.points.len().max(1) as f64;
        lines.sort_by(|a, b| mean(b).total_cmp(&mean(a)));
        if !self.largest {
            lines.reverse();
        }
        lines.truncate(self.count);
    }
}

/// The queries to answer, each under its index: those that a formula names, or all where there is no formula.
fn wanted<'a>(queries: &'a [Value], formulas: &Value) -> Result<Vec<(usize, &'a Value, Limit)>, Refusal> {
    let Some(formulas) = formulas.as_array().filter(|formulas| !formulas.is_empty()) else {
        return Ok(queries.iter().enumerate().map(|(index, query)| (index, query, Limit::NONE)).collect());
    };
    let named = |formula: &Value| {
        let found = queries.iter().find(|query| query["name"] == formula["formula"]);
        found.ok_or_else(|| Refusal::bad("formulas: only the bare name of a query is simulated"))
    };
    let one =
        |(index, formula): (usize, &Value)| Ok((index, named(formula)?, Limit::read(&formula["limit"])));
    formulas.iter().enumerate().map(one).collect()
}

impl Metric {
    fn answers(&self, aggregator: &str) -> bool {
        self.aggregator.as_deref().map_or(SPACE.contains(&aggregator), |own| own == aggregator)
    }
}

impl Query {
    /// Reads `avg:name{scope} by {a,b}.rollup(max, 60)`; the aggregator may be left out and is then `avg`.
    fn parse(text: &str) -> Result<Self, Refusal> {
        let bad = || Refusal::bad(format!("Error parsing query: unable to parse {}", text.trim()));
        let (head, rest) = text.trim().split_once('{').ok_or_else(bad)?;
        let (scope, mut tail) = rest.split_once('}').ok_or_else(bad)?;
        let (aggregator, metric) = head.split_once(':').unwrap_or(("avg", head));
        let is_name = !metric.is_empty()
            && metric.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '/'));
        if !is_name || !(SPACE.contains(&aggregator.trim()) || PERCENTILES.contains(&aggregator.trim())) {
            return Err(bad());
        }
        let mut by = Vec::new();
        if let Some(group) = tail.trim_start().strip_prefix("by") {
            let (keys, after) =
                group.trim_start().strip_prefix('{').and_then(|k| k.split_once('}')).ok_or_else(bad)?;
            by = keys.split(',').map(|key| key.trim().to_owned()).filter(|key| !key.is_empty()).collect();
            tail = after;
        }
        let tail = tail.trim();
        if !(tail.is_empty() || tail.starts_with('.')) {
            return Err(bad());
        }
        Ok(Self {
            text: text.trim().to_owned(),
            aggregator: aggregator.trim().to_owned(),
            metric: metric.to_owned(),
            scope: scope.trim().to_owned(),
            filter: Filter::parse(scope)?,
            by,
            rollup: rollup(tail),
            as_count: tail.contains(".as_count()"),
        })
    }
}

/// `.rollup(max, 60)` or `.rollup(60)`.
fn rollup(tail: &str) -> Option<(String, i64)> {
    let arguments = tail.split_once(".rollup(")?.1.split_once(')')?.0;
    let mut parts: Vec<&str> = arguments.split(',').map(str::trim).collect();
    let seconds = parts.pop()?.parse().ok()?;
    Some((parts.pop().unwrap_or("avg").to_owned(), seconds))
}

/// Splits `a{x,y},b{z}` at the commas outside braces and parentheses.
fn split(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut depth = 0_i32;
    for character in text.chars() {
        match character {
            '{' | '(' => depth += 1,
            '}' | ')' => depth -= 1,
            _ => {}
        }
        match parts.last_mut() {
            Some(part) if character != ',' || depth > 0 => part.push(character),
            _ => parts.push(String::new()),
        }
    }
    parts
}

fn run(series: &[Metric], query: &Query, range: Range, moment: Moment) -> Vec<Line> {
    let mut groups: BTreeMap<Vec<String>, Vec<&Metric>> = BTreeMap::new();
    let answers = |metric: &&Metric| metric.metric == query.metric && metric.answers(&query.aggregator);
    for metric in series.iter().filter(answers).filter(|metric| in_scope(metric, &query.filter)) {
        let tags: Option<Vec<String>> = query.by.iter().map(|key| tag(metric, key)).collect();
        if let Some(tags) = tags {
            groups.entry(tags).or_default().push(metric);
        }
    }
    groups.into_iter().filter_map(|(tags, members)| line(query, range, moment, tags, &members)).collect()
}

fn in_scope(metric: &Metric, filter: &Filter) -> bool {
    filter.matches(&|key, value| {
        let wanted = key.map_or_else(|| value.to_owned(), |key| format!("{key}:{value}"));
        metric.tags.iter().any(|tag| wildcard(&wanted, tag))
    })
}

fn tag(metric: &Metric, key: &str) -> Option<String> {
    metric.tags.iter().find(|tag| tag.split_once(':').is_some_and(|(name, _)| name == key)).cloned()
}

/// One group: each member is rolled up over time, then the members are joined.
fn line(query: &Query, range: Range, moment: Moment, tags: Vec<String>, members: &[&Metric]) -> Option<Line> {
    let natural = members.iter().map(|m| m.shape.period().as_secs()).max().unwrap_or(60).max(1) * 1000;
    let automatic = natural * ((range.to - range.from) / natural / AUTOMATIC_POINTS + 1);
    let asked = query.rollup.as_ref().map(|(_, seconds)| seconds * 1000).or(range.interval);
    let interval = asked.filter(|interval| *interval > 0).unwrap_or(automatic).max(natural);
    let over_time = match &query.rollup {
        Some((method, _)) => method.as_str(),
        None if query.as_count => "sum",
        None => "avg",
    };
    let time = |ms: i64, beyond: Timestamp| Timestamp::from_millisecond(ms).unwrap_or(beyond);
    let (from, to) = (time(range.from, Timestamp::MIN), time(range.to, Timestamp::MAX));
    let mut joined: BTreeMap<i64, Vec<f64>> = BTreeMap::new();
    for member in members {
        let mut buckets: BTreeMap<i64, Vec<f64>> = BTreeMap::new();
        for (at, value) in member.shape.points_within(moment, from, to) {
            let at: i64 = Timestamp::as_millisecond(at);
            if (range.from..=range.to).contains(&at) {
                buckets.entry(at.div_euclid(interval) * interval).or_default().push(value);
            }
        }
        for (at, values) in buckets {
            joined.entry(at).or_default().push(reduce(over_time, &values));
        }
    }
    let points: BTreeMap<i64, f64> =
        joined.into_iter().map(|(at, values)| (at, reduce(&query.aggregator, &values))).collect();
    let unit = members.iter().find_map(|member| member.unit.clone());
    (!points.is_empty()).then(|| Line { metric: query.metric.clone(), tags, unit, interval, points })
}

fn reduce(method: &str, values: &[f64]) -> f64 {
    let sum: f64 = values.iter().sum();
    match method {
        "sum" => sum,
        "min" => values.iter().copied().fold(f64::INFINITY, f64::min),
        "max" => values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        "count" => values.len() as f64,
        _ => sum / values.len().max(1) as f64,
    }
}

fn v1(line: &Line, query: &Query, index: usize) -> Value {
    let first = line.points.keys().next().copied().unwrap_or_default();
    let last = line.points.keys().last().copied().unwrap_or_default();
    let scope = if line.tags.is_empty() { query.scope.clone() } else { line.tags.join(",") };
    let unit = unit(line.unit.as_deref());
    json!({"metric": line.metric, "display_name": line.metric, "scope": scope, "tag_set": line.tags,
        "interval": line.interval / 1000, "length": line.points.len(), "start": first,
        "end": last + line.interval - 1, "aggr": query.aggregator, "expression": query.text, "query_index": index,
        "attributes": {}, "unit": unit,
        "pointlist": line.points.iter().map(|(at, value)| json!([*at as f64, value])).collect::<Vec<_>>()})
}

/// A unit and the unit it is divided by, as Datadog describes them; null without one.
fn unit(name: Option<&str>) -> Value {
    let Some(name) = name else { return Value::Null };
    let (family, short) = match name {
        "percent" => ("percentage", "%"),
        "byte" => ("bytes", "B"),
        "second" => ("time", "s"),
        "millisecond" => ("time", "ms"),
        "connection" => ("network", "conn"),
        "request" => ("network", "req"),
        other => ("general", other),
    };
    json!([{"family": family, "name": name, "plural": name, "short_name": short, "scale_factor": 1.0}, null])
}

#[cfg(test)]
mod tests {
    use super::super::tests::{get, moment, post, world};
    use super::*;

    fn series() -> super::super::World {
        let host = |name: &str, level: f64| {
            json!({"metric": "cpu", "tags": [format!("host:{name}"), "env:prod"], "unit": "percent",
                "shape": {"from": "@-10m", "level": level, "steps": [{"at": "@-2m", "to": 90}]}})
        };
        world(json!({"series": [host("a", 10.0), host("b", 30.0)]}))
    }

    /// 12:00:00 is the alert; minutes count from it.
    fn v1(query: &str, from: i64, to: i64) -> Value {
        let seconds = |minute: i64| moment().alert.as_second() + minute * 60;
        let query = query.replace('{', "%7B").replace('}', "%7D").replace(' ', "+");
        let target = format!("/api/v1/query?from={}&to={}&query={query}", seconds(from), seconds(to));
        series().answer(&get(&target), moment()).value()
    }

    #[test]
    fn a_query_without_groups_joins_what_is_in_scope() {
        let answer = v1("avg:cpu{env:prod}", -10, -8);
        assert_eq!(answer["status"], "ok");
        assert_eq!(answer["series"][0]["pointlist"][0][1], 20.0);
        assert_eq!(answer["series"][0]["pointlist"].as_array().unwrap().len(), 3);
        assert_eq!(answer["series"][0]["interval"], 60);
        assert_eq!(answer["series"][0]["unit"][0]["short_name"], "%");
    }

    #[test]
    fn groups_are_series_of_their_own() {
        let answer = v1("max:cpu{*} by {host}", -10, 60);
        let tags: Vec<_> =
            answer["series"].as_array().unwrap().iter().map(|s| s["tag_set"].clone()).collect();
        assert_eq!(tags, [json!(["host:a"]), json!(["host:b"])]);
        let last = answer["series"][0]["pointlist"].as_array().unwrap().last().unwrap().clone();
        assert_eq!(
            last,
            json!([moment().as_of.as_millisecond() as f64, 90.0]),
            "nothing after now is served"
        );
    }

    #[test]
    fn a_wrong_query_finds_nothing() {
        for query in [
            "avg:cpu{env:dev}",
            "avg:cpus{*}",
            "avg:cpu{host:a,host:b}",
            "avg:cpu{*} by {pod}",
            "avg:cpu{!env:prod}",
        ] {
            assert_eq!(v1(query, -10, 0)["series"], json!([]), "{query}");
        }
        assert_eq!(v1("avg:cpu{*}", -100, -50)["series"], json!([]), "a range before the first point");
    }

    #[test]
    fn a_query_that_cannot_be_read_or_lacks_a_parameter_is_refused() {
        for query in ["cpu", "avg:cpu{*", "median:cpu{*}", "avg:cpu{*} over {host}", "avg:{*}"] {
            assert!(v1(query, -10, 0)["errors"][0].is_string(), "{query}");
        }
        let answer = series().answer(&get("/api/v1/query?from=1&query=avg:cpu%7B*%7D"), moment());
        assert_eq!(
            (answer.status, answer.value()),
            (400, json!({"errors": ["The parameter 'to' is required"]}))
        );
    }

    #[test]
    fn a_percentile_has_values_of_its_own() {
        let world = world(json!({"series": [{"metric": "t", "aggregator": "p95", "shape": {"level": 9}},
            {"metric": "t", "shape": {"level": 2}}]}));
        let last = |query: &str| {
            let seconds = moment().alert.as_second();
            let target = format!("/api/v1/query?from={seconds}&to={seconds}&query={query}:t%7B*%7D");
            world.answer(&get(&target), moment()).value()["series"][0]["pointlist"][0][1].as_f64()
        };
        assert_eq!((last("p95"), last("avg"), last("p99")), (Some(9.0), Some(2.0), None));
    }

    #[test]
    fn two_queries_in_one_call_keep_their_index_and_roll_up() {
        let answer = v1("avg:cpu{host:a},max:cpu{host:b}.rollup(max, 300)", -10, 5);
        let lines = answer["series"].as_array().unwrap();
        assert_eq!(lines.len(), 2);
        assert_eq!((&lines[1]["query_index"], &lines[1]["interval"]), (&json!(1), &json!(300)));
        assert_eq!(lines[1]["pointlist"][1][1], 90.0);
    }

    #[test]
    fn the_v2_call_gives_one_row_of_values_per_series_over_shared_times() {
        let ms = |minute: i64| moment().alert.as_millisecond() + minute * 60_000;
        let body = json!({"data": {"type": "timeseries_request", "attributes": {"from": ms(-3), "to": ms(0),
            "queries": [{"data_source": "metrics", "name": "a", "query": "avg:cpu{*} by {host}"}],
            "formulas": [{"formula": "a"}]}}});
        let answer = series().answer(&post("/api/v2/query/timeseries", body), moment()).value();
        let attributes = &answer["data"]["attributes"];
        assert_eq!(attributes["times"], json!([ms(-3), ms(-2), ms(-1)]));
        assert_eq!(attributes["values"], json!([[10.0, 90.0, 90.0], [30.0, 90.0, 90.0]]));
        assert_eq!(attributes["series"][1]["group_tags"], json!(["host:b"]));
        let refused = series().answer(&post("/api/v2/query/timeseries", json!({"data": {}})), moment());
        assert_eq!(refused.status, 400);
    }

    #[test]
    fn a_formula_may_ask_for_its_largest_groups_alone() {
        let ms = |minute: i64| moment().alert.as_millisecond() + minute * 60_000;
        let body = json!({"data": {"type": "timeseries_request", "attributes": {"from": ms(-9), "to": ms(-5),
            "queries": [{"data_source": "metrics", "name": "a", "query": "avg:cpu{*} by {host}"}],
            "formulas": [{"formula": "a", "limit": {"count": 1, "order": "desc"}}]}}});
        let answer = series().answer(&post("/api/v2/query/timeseries", body), moment()).value();
        let groups = &answer["data"]["attributes"]["series"];
        assert_eq!((groups.as_array().unwrap().len(), &groups[0]["group_tags"]), (1, &json!(["host:b"])));
    }

    #[test]
    fn the_metrics_of_a_tag_are_those_that_reported() {
        let names = |target: &str| series().answer(&get(target), moment()).value()["metrics"].clone();
        let now = moment().alert.as_second();
        assert_eq!(names(&format!("/api/v1/metrics?from={now}&tag_filter=host:a")), json!(["cpu"]));
        assert_eq!(names(&format!("/api/v1/metrics?from={now}&tag_filter=host:z")), json!([]));
        assert_eq!(names(&format!("/api/v1/metrics?from={}", now + 9999)), json!([]));
    }
}
