//! The alert's own metric: the hour up to now, and the same hour a day earlier to compare with.

use std::sync::LazyLock;

use collecting::{Answer, CallError, Run};
use incident::evidence::Observation;
use incident::{Alert, Fact, Object, ObjectKind, Series, State, Status, Timestamp, Window, size};
use jiff::SignedDuration;
use regex::Regex;
use serde::Deserialize;

use crate::about;
use crate::client::{Client, Scope};

/// A query grouped by a tag answers with a series per group; more than these would drown the alert's own.
const MAX_SERIES: usize = 3;

/// Characters of a metric's name; a formula's name is the whole formula.
const NAME: usize = 120;

#[derive(Deserialize)]
struct QueryAnswer {
    status: String,
    #[serde(default)]
    error: Option<String>,
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    series: Option<Vec<WireSeries>>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
struct WireSeries {
    metric: String,
    #[serde(default)]
    scope: Option<String>,
    #[serde(default)]
    tag_set: Option<Vec<String>>,
    #[serde(default)]
    interval: Option<u32>,
    #[serde(default)]
    aggr: Option<String>,
    /// The query of this series; it begins with the aggregation, which `aggr` often leaves null.
    #[serde(default)]
    expression: Option<String>,
    /// `[epoch milliseconds, value or null]`.
    pointlist: Vec<(f64, Option<f64>)>,
    /// Two elements, either of which may be null; the second is the "per" of a rate.
    #[serde(default)]
    unit: Option<Vec<Option<Unit>>>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
struct Unit {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    short_name: Option<String>,
}

/// Reads the metric now and a day earlier.
pub async fn collect(run: &Run, client: &Client, state: &State) -> Vec<Observation> {
    let Some(query) = metric_query(&state.alert) else {
        let sentence = "Datadog metric query: not asked, because the alert has neither a whole metric query nor a metric with its group.";
        run.gap("metric query", Status::Partial, sentence);
        return Vec::new();
    };
    let now = run.window();
    let (series, before) = futures::join!(
        run.call("metric query", "how the alert's metric moved", ask(client, &query, now)),
        run.call("metric query of the day before", "the metric's usual level", async {
            ask(client, &query, a_day_earlier(now)).await
        }),
    );
    observe(&series.unwrap_or_default(), &before.unwrap_or_default(), &state.alert, now.to)
}

async fn ask(client: &Client, query: &str, window: Window) -> Result<Answer<Vec<WireSeries>>, CallError> {
    let (from, to) = (window.from.as_second().to_string(), window.to.as_second().to_string());
    let parameters = [("from", from.as_str()), ("to", to.as_str()), ("query", query)];
    read(client.get("/api/v1/query", &parameters, Scope::Timeseries).await?)
}

/// The series of an answer. A query that Datadog cannot run comes back as HTTP 200 with an error inside.
fn read(answer: QueryAnswer) -> Result<Answer<Vec<WireSeries>>, CallError> {
    let said = |text: Option<String>| text.filter(|text| !text.trim().is_empty());
    match (answer.status.as_str(), said(answer.error), answer.series) {
        ("ok", None, Some(series)) => {
            Ok(Answer::list(series.into_iter().filter(WireSeries::has_a_value).collect()))
        }
        (_, Some(error), _) => Err(CallError::Unavailable(format!("answered with an error ({error})"))),
        (status, None, _) => Err(CallError::Unavailable(format!(
            "answered with the status {status:?} and no series ({})",
            said(answer.message).unwrap_or_else(|| "no reason given".to_owned())
        ))),
    }
}

fn a_day_earlier(window: Window) -> Window {
    let day = SignedDuration::from_hours(24);
    let earlier = |at: Timestamp| at.checked_sub(day).unwrap_or(at);
    Window { from: earlier(window.from), to: earlier(window.to) }
}

/// One observation per series that is about the alert; a query without such a one gives its highest series instead.
fn observe(series: &[WireSeries], before: &[WireSeries], alert: &Alert, now: Timestamp) -> Vec<Observation> {
    let built = |wire: &WireSeries| wire.series().map(|series| (wire.clone(), series));
    let (mut own, mut rest): (Vec<_>, Vec<_>) =
        series.iter().filter_map(built).partition(|(wire, _)| wire.is_about(alert));
    if own.is_empty() {
        rest.sort_by(|(_, a), (_, b)| b.max.total_cmp(&a.max));
        own = rest;
    }
    own.truncate(MAX_SERIES);
    own.into_iter()
        .map(|(wire, series)| {
            let day_before = before.iter().find(|b| b.tags() == wire.tags()).and_then(WireSeries::series);
            let summary = summary(&series, day_before.as_ref(), wire.unit_in_text());
            let at = series.points.first().map_or(now, |(at, _)| *at);
            Observation::new(at, wire.object(alert), summary, Fact::Series(series)).until(now)
        })
        .collect()
}

fn summary(series: &Series, day_before: Option<&Series>, unit: &str) -> String {
    let value = |number: f64| format!("{}{unit}", rounded(number));
    let before = day_before.map_or_else(String::new, |before| {
        format!(
            "; the same hour a day earlier {} at the start and at most {}",
            value(before.baseline),
            value(before.max)
        )
    });
    format!(
        "{} ({}) is {} at {}, from a baseline of {}, at most {} in the hour{before}",
        series.metric,
        series.stat,
        value(series.last),
        series.last_at.strftime("%H:%M UTC"),
        value(series.baseline),
        value(series.max),
    )
}

/// At most two decimals, and none that are zero.
fn rounded(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}

impl WireSeries {
    fn has_a_value(&self) -> bool {
        self.pointlist.iter().any(|(_, value)| value.is_some())
    }

    fn series(&self) -> Option<Series> {
        let points = self.pointlist.iter().filter_map(|(milliseconds, value)| {
            Some((Timestamp::from_millisecond(*milliseconds as i64).ok()?, (*value)?))
        });
        let metric = size::cut(&self.metric, NAME);
        Series::from_points(metric, self.stat(), self.unit_name(), self.interval.unwrap_or(0), points)
    }

    fn stat(&self) -> &str {
        let word = |text: &&str| !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric());
        let first =
            self.expression.as_deref().and_then(|text| text.split_once(':')).map(|(first, _)| first.trim());
        self.aggr.as_deref().or(first.filter(word)).unwrap_or("value")
    }

    fn unit(&self) -> Option<&Unit> {
        self.unit.as_ref()?.first()?.as_ref()
    }

    fn unit_name(&self) -> &str {
        self.unit().and_then(|unit| unit.name.as_deref().or(unit.short_name.as_deref())).unwrap_or_default()
    }

    /// ` %`, ` ms`, or nothing where the unit is not stated.
    fn unit_in_text(&self) -> &'static str {
        match self.unit().and_then(|unit| unit.short_name.as_deref().or(unit.name.as_deref())) {
            Some("%" | "percent") => " %",
            Some("ms" | "millisecond") => " ms",
            Some("s" | "second") => " s",
            Some("B" | "byte") => " bytes",
            _ => "",
        }
    }

    /// The group's tags, or else the scope's: an ungrouped query has no group, but its filter says what it is about.
    fn tags(&self) -> Vec<&str> {
        match self.tag_set.as_deref() {
            Some(tags) if !tags.is_empty() => tags.iter().map(String::as_str).collect(),
            _ => self.scope.as_deref().unwrap_or_default().split(',').map(str::trim).collect(),
        }
    }

    /// True unless a tag of the series contradicts the alert's.
    fn is_about(&self, alert: &Alert) -> bool {
        self.tags().iter().filter_map(|tag| tag.split_once(':')).all(|(key, value)| {
            value == "*" || alert.tag(key).is_none_or(|wanted| wanted.eq_ignore_ascii_case(value))
        })
    }

    fn object(&self, alert: &Alert) -> Object {
        let alerts = alert.scope.iter().chain(&alert.tags).map(String::as_str);
        about::object(self.tags().into_iter().chain(alerts))
            .unwrap_or_else(|| Object::new(ObjectKind::Metric, size::cut(&self.metric, NAME)))
    }
}

/// The evaluation wrapper of a metric monitor: `avg(last_5m):`, `change(avg(last_5m),last_1h):`.
static WRAPPER: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let window = r"\w+\(\s*(?:last|current)_\w+\s*\)";
    Regex::new(&format!(
        r"(?s)^\s*(?:{window}|(?:pct_)?change\(\s*{window}\s*,\s*(?:last|current)_\w+\s*\))\s*:\s*(?P<inner>.+)$"
    ))
    .ok()
});

/// The comparison that ends a monitor's query: `> 80`.
static COMPARISON: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"\s*(?:[<>]=?|==|!=)\s*-?[0-9.]+(?:[eE][+-]?[0-9]+)?\s*$").ok());

/// Functions that judge a series instead of giving it; the series itself is their first argument.
const JUDGES: [&str; 3] = ["anomalies(", "forecast(", "outliers("];

/// The query to send: the monitor's without its wrapper, or else the alert's metric in the alert's scope. A query that the
/// webhook had to cut would ask something else than the monitor does.
fn metric_query(alert: &Alert) -> Option<String> {
    let whole = alert.query.as_deref().filter(|query| !query.ends_with('…'));
    whole.and_then(inner_query).or_else(|| {
        let metric = alert.metric.as_deref()?;
        (!alert.scope.is_empty()).then(|| format!("avg:{metric}{{{}}}", alert.scope.join(",")))
    })
}

/// `avg(last_5m):avg:m{a:b} > 80` becomes `avg:m{a:b}`; `None` for monitors of logs, checks, composites and the like.
fn inner_query(query: &str) -> Option<String> {
    let inner = WRAPPER.as_ref()?.captures(query)?.name("inner")?.as_str();
    let mut inner = COMPARISON.as_ref()?.replace(inner, "").trim().to_owned();
    while let Some(argument) = JUDGES.iter().find_map(|judge| inner.strip_prefix(judge)) {
        inner = first_argument(argument).trim().to_owned();
    }
    (inner.contains('{') && inner.contains(':')).then_some(inner)
}

/// The text up to the first comma or bracket that closes nothing opened within.
fn first_argument(text: &str) -> &str {
    let mut depth = 0_i32;
    let end = text.find(|c| {
        match c {
            '(' | '{' => depth += 1,
            ')' | '}' => depth -= 1,
            _ => {}
        }
        depth < 0 || (depth == 0 && c == ',')
    });
    end.map_or(text, |end| &text[..end])
}

#[cfg(test)]
mod tests {
    use incident::Transition;

    use super::*;

    fn alert(query: Option<&str>, scope: &[&str]) -> Alert {
        let alert = serde_json::json!({"version": 1, "event_id": "1", "transition": Transition::Triggered,
            "title": "t", "query": query, "metric": "m.x", "scope": scope, "at": "2026-01-01T02:00:00Z"});
        serde_json::from_value(alert).unwrap()
    }

    fn parse(text: &str) -> Result<Answer<Vec<WireSeries>>, CallError> {
        read(serde_json::from_str(text).unwrap())
    }

    fn wire(text: &str) -> Vec<WireSeries> {
        serde_json::from_str::<QueryAnswer>(text).unwrap().series.unwrap()
    }

    fn group(name: &str, values: [f64; 2]) -> String {
        format!(
            r#"{{"metric":"m.x","tag_set":["dbinstanceidentifier:{name}"],"interval":60,"aggr":"avg",
            "pointlist":[[1767232800000.0,{}],[1767232860000.0,{}]],"unit":null}}"#,
            values[0], values[1]
        )
    }

    #[test]
    fn the_monitors_wrapper_comes_off_and_the_query_stays_as_written() {
        for (query, inner) in [
            ("avg(last_5m):avg:aws.rds.cpu{db:x} > 80", Some("avg:aws.rds.cpu{db:x}")),
            ("max( last_10m ):max:a.b{*} by {host,env} >= 1e3", Some("max:a.b{*} by {host,env}")),
            ("sum(last_1h):sum:a{x:y}.as_count() / sum:b{x:y}.as_count() * 100 < -5.5", {
                Some("sum:a{x:y}.as_count() / sum:b{x:y}.as_count() * 100")
            }),
            ("change(avg(last_5m),last_1h):avg:a{*} > 3", Some("avg:a{*}")),
            ("pct_change(avg(last_5m),last_1h):avg:a{*} > 3", Some("avg:a{*}")),
            ("avg(last_4h):anomalies(ewma_3(avg:a{x:y,z:w}), 'basic', 2) >= 1", {
                Some("ewma_3(avg:a{x:y,z:w})")
            }),
            ("logs(\"service:a\").index(\"main\").rollup(\"count\").last(\"5m\") > 2", None),
            ("\"http.can_connect\".over(\"instance:x\").last(2).count_by_status()", None),
            ("1234 && 5678", None),
            ("", None),
        ] {
            assert_eq!(inner_query(query).as_deref(), inner, "{query}");
        }
    }

    #[test]
    fn without_a_metric_query_the_alerts_metric_and_scope_make_one() {
        assert_eq!(metric_query(&alert(None, &["db:x", "env:p"])).unwrap(), "avg:m.x{db:x,env:p}");
        assert_eq!(metric_query(&alert(Some("1 && 2"), &[])), None);
    }

    #[test]
    fn a_query_that_was_cut_is_not_sent() {
        let whole = "avg(last_5m):avg:m.x{db:x} / avg:m.y{db:x} > 80";
        let cut = size::cut(whole, 40);
        assert_eq!(metric_query(&alert(Some(&cut), &["db:x"])).unwrap(), "avg:m.x{db:x}");
        assert_eq!(metric_query(&alert(Some(&cut), &[])), None);
    }

    #[test]
    fn an_error_inside_a_200_is_an_error_and_null_points_are_absent() {
        let error = parse(r#"{"status":"error","error":"unknown metric","series":[]}"#).err().unwrap();
        assert_eq!(error.to_string(), "answered with an error (unknown metric)");
        assert!(parse(r#"{"status":"ok","error":"Rate limit"}"#).is_err());
        assert!(parse(r#"{"status":"ok"}"#).is_err());
        let null = r#"{"status":"ok","series":[{"metric":"m","pointlist":[[1767232800000.0,null]]}]}"#;
        assert!(parse(null).unwrap() == Answer::empty(vec![]));
    }

    #[test]
    fn the_alerts_group_is_chosen_and_compared_with_its_own_day_before() {
        let answer = |a, b| {
            wire(&format!(r#"{{"status":"ok","series":[{},{}]}}"#, group("other", a), group("db-1", b)))
        };
        let now = "2026-01-01T02:02:00Z".parse().unwrap();
        let found = observe(
            &answer([1.0, 99.0], [41.0, 95.456]),
            &answer([7.0, 7.0], [40.0, 44.0]),
            &alert(None, &["dbinstanceidentifier:db-1"]),
            now,
        );
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].object, Object::new(ObjectKind::DatabaseInstance, "db-1"));
        assert_eq!(
            found[0].summary,
            "m.x (avg) is 95.46 at 02:01 UTC, from a baseline of 41, at most 95.46 in the hour; \
             the same hour a day earlier 40 at the start and at most 44"
        );
    }

    #[test]
    fn units_are_the_vendors_words_and_missing_ones_are_not_invented() {
        let text = r#"{"status":"ok","series":[{"metric":"m","pointlist":[[1767232800000,1]],
            "unit":[{"name":"percent","short_name":"%"},null]}]}"#;
        let series = &wire(text)[0];
        assert_eq!((series.unit_name(), series.unit_in_text()), ("percent", " %"));
        let bare =
            r#"{"status":"ok","series":[{"metric":"m","pointlist":[[1767232800000,1]],"unit":[null,null]}]}"#;
        assert_eq!((wire(bare)[0].unit_name(), wire(bare)[0].unit_in_text()), ("", ""));
    }

    #[test]
    fn the_statistic_is_the_aggregation_wherever_datadog_states_it() {
        let stat = |fields: &str| {
            let text = format!(
                r#"{{"status":"ok","series":[{{"metric":"m","pointlist":[[1767232800000,1]]{fields}}}]}}"#
            );
            wire(&text)[0].stat().to_owned()
        };
        assert_eq!(stat(r#","aggr":"max","expression":"avg:m{*}""#), "max");
        assert_eq!(stat(r#","aggr":null,"expression":"avg:m{*}""#), "avg");
        assert_eq!(stat(r#","expression":"(sum:a{*} / sum:b{*})""#), "value");
    }

    #[test]
    fn the_comparison_window_is_a_day_earlier_and_as_long() {
        let window = Window {
            from: "2026-01-02T01:00:00Z".parse().unwrap(),
            to: "2026-01-02T02:00:00Z".parse().unwrap(),
        };
        let earlier = a_day_earlier(window);
        assert_eq!(earlier.from.to_string(), "2026-01-01T01:00:00Z");
        assert_eq!(earlier.to.to_string(), "2026-01-01T02:00:00Z");
    }
}
