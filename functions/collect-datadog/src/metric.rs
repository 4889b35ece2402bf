//! The alert's own metric: the hour up to now, and the same hour a day and a week earlier to compare with.

use collecting::{Answer, CallError, Run};
use incident::evidence::Observation;
use incident::{Alert, Fact, Object, ObjectKind, Series, State, Status, Timestamp, UsualLevel, Window, size};
use jiff::SignedDuration;
use serde::Deserialize;

use crate::client::{Client, Scope};
use crate::{about, query};

/// A query grouped by a tag answers with a series per group; more than these would drown the alert's own.
const MAX_SERIES: usize = 3;

/// How much earlier the level is read that is usual at this time of the day, and of the week.
pub const DAY: SignedDuration = SignedDuration::from_hours(24);
pub const WEEK: SignedDuration = SignedDuration::from_hours(7 * 24);

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

/// Reads the metric now, a day and a week earlier.
pub async fn collect(run: &Run, client: &Client, state: &State) -> Vec<Observation> {
    let Some(query) = query::of(&state.alert) else {
        let sentence = "Datadog metric query: not asked, because the alert has neither a whole metric query nor a metric with its group.";
        run.gap("metric query", Status::Partial, sentence);
        return Vec::new();
    };
    let now = run.window();
    let ask = |window: Window| ask(client, &query, window);
    let (series, day, week) = futures::join!(
        run.call("metric query", "how the alert's metric moved", ask(now)),
        run.call("metric query of the day before", "the metric's level a day ago", ask(earlier(now, DAY))),
        run.call("metric query of the week before", "the metric's level a week ago", ask(earlier(now, WEEK))),
    );
    let [series, day, week] = [series, day, week].map(Option::unwrap_or_default);
    observe(&series, &day, &week, &state.alert, now.to)
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

/// The window of equal length so much earlier.
pub fn earlier(window: Window, by: SignedDuration) -> Window {
    let earlier = |at: Timestamp| at.checked_sub(by).unwrap_or(at);
    Window { from: earlier(window.from), to: earlier(window.to) }
}

/// One observation per series that is about the alert; a query without such a one gives its highest series instead.
fn observe(
    series: &[WireSeries],
    day: &[WireSeries],
    week: &[WireSeries],
    alert: &Alert,
    now: Timestamp,
) -> Vec<Observation> {
    let built = |wire: &WireSeries| wire.series().map(|series| (wire.clone(), series));
    let (mut own, mut rest): (Vec<_>, Vec<_>) =
        series.iter().filter_map(built).partition(|(wire, _)| wire.is_about(alert));
    if own.is_empty() {
        rest.sort_by(|(_, a), (_, b)| b.max.total_cmp(&a.max));
        own = rest;
    }
    own.truncate(MAX_SERIES);
    let level = |earlier: &[WireSeries], wire: &WireSeries| {
        let same = earlier.iter().find(|other| other.tags() == wire.tags())?;
        UsualLevel::of(same.pointlist.iter().filter_map(|(_, value)| *value))
    };
    own.into_iter()
        .map(|(wire, mut series)| {
            (series.day_before, series.week_before) = (level(day, &wire), level(week, &wire));
            let summary = told(&series, wire.unit_in_text());
            let at = series.points.first().map_or(now, |(at, _)| *at);
            Observation::new(at, wire.object(alert), summary, Fact::Series(series)).until(now)
        })
        .collect()
}

/// The series in a sentence: where it is, where it was, and what is usual.
pub fn told(series: &Series, unit: &str) -> String {
    let value = |number: f64| format!("{}{unit}", rounded(number));
    let usual = [("a day", series.day_before), ("a week", series.week_before)];
    let usual = usual.iter().filter_map(|(ago, level)| {
        let level = (*level)?;
        Some(format!("; the same hour {ago} earlier {}, at most {}", value(level.median), value(level.max)))
    });
    format!(
        "{} ({}) is {} at {}, from a baseline of {}, at most {} in the hour{}",
        series.metric,
        series.stat,
        value(series.last),
        series.last_at.strftime("%H:%M UTC"),
        value(series.baseline),
        value(series.max),
        usual.collect::<String>(),
    )
}

/// ` %`, ` ms`, or nothing where the unit is not one of the everyday ones.
pub fn short_unit(unit: &str) -> &'static str {
    match unit {
        "%" | "percent" => " %",
        "ms" | "millisecond" => " ms",
        "s" | "second" => " s",
        "B" | "byte" => " bytes",
        _ => "",
    }
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

    fn unit_in_text(&self) -> &'static str {
        let unit = self.unit().and_then(|unit| unit.short_name.as_deref().or(unit.name.as_deref()));
        short_unit(unit.unwrap_or_default())
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

#[cfg(test)]
mod tests {
    use super::*;

    fn alert(query: Option<&str>, scope: &[&str]) -> Alert {
        let alert = serde_json::json!({"version": 1, "event_id": "1", "transition": "triggered",
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
            &answer([7.0, 7.0], [39.0, 39.0]),
            &alert(None, &["dbinstanceidentifier:db-1"]),
            now,
        );
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].object, Object::new(ObjectKind::DatabaseInstance, "db-1"));
        assert_eq!(
            found[0].summary,
            "m.x (avg) is 95.46 at 02:01 UTC, from a baseline of 41, at most 95.46 in the hour; \
             the same hour a day earlier 42, at most 44; the same hour a week earlier 39, at most 39"
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
        let before = earlier(window, DAY);
        assert_eq!(before.from.to_string(), "2026-01-01T01:00:00Z");
        assert_eq!(before.to.to_string(), "2026-01-01T02:00:00Z");
    }
}
