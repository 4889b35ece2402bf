//! The metrics that the catalog relates to what the alert is about, now and as they usually are.

use collecting::Run;
use incident::evidence::Observation;
use incident::{Catalog, Fact, Object, ObjectKind, Series, State, Subject, UsualLevel, Window};

use crate::client::Client;
use crate::metric::{DAY, WEEK, earlier, told};
use crate::search::metric_tag;
use crate::timeseries::{self, Line};

/// Metrics asked for in one request.
const MAX_METRICS: usize = 20;
/// Series kept, those that moved first.
const MAX_KEPT: usize = 6;
/// Points kept of each: they stand beside the alert's own.
const POINTS: usize = 16;
/// A series has moved when it left its level by this share of the larger of the two.
const MOVED: f64 = 0.25;

/// One metric of the catalog and what it is of.
struct Related {
    metric: String,
    query: String,
    object: Object,
}

/// Reads them, and the same hour of the day and of the week before.
pub async fn collect(run: &Run, client: &Client, state: &State, catalog: &Catalog) -> Vec<Observation> {
    let (related, left_out) = related(state, catalog);
    if related.is_empty() {
        return Vec::new();
    }
    if left_out > 0 {
        let sentence =
            format!("{left_out} more metrics that the catalog relates to this were not asked for.");
        run.gap("related metrics", incident::Status::Partial, sentence);
    }
    let queries: Vec<String> = related.iter().map(|related| related.query.clone()).collect();
    let now = run.window();
    let ask = |window: Window| timeseries::ask(client, &queries, window);
    let (lines, day, week) = futures::join!(
        run.call("related metrics", "how the metrics that the catalog relates to this moved", ask(now)),
        run.call("related metrics of the day before", "their level a day ago", ask(earlier(now, DAY))),
        run.call("related metrics of the week before", "their level a week ago", ask(earlier(now, WEEK))),
    );
    let [lines, day, week] = [lines, day, week].map(Option::unwrap_or_default);
    observe(&related, &lines, &day, &week, now)
}

/// The catalog's metrics of the subject's resources, and how many are beyond the request.
fn related(state: &State, catalog: &Catalog) -> (Vec<Related>, usize) {
    let own = state.alert.metric.as_deref();
    let mut related: Vec<Related> = catalog
        .metrics
        .iter()
        .filter(|(name, _)| own != Some(name.as_str()) && is_datadogs(name))
        .filter_map(|(name, metric)| {
            let (object, tag) = resource(&state.subject, metric.resource.as_deref()?)?;
            let query = format!("avg:{name}{{{tag}}}");
            Some(Related { metric: name.clone(), query, object })
        })
        .collect();
    let left_out = related.len().saturating_sub(MAX_METRICS);
    related.truncate(MAX_METRICS);
    (related, left_out)
}

/// A name that a Datadog query may hold. Those of traces are read with their services, those of the edge from the edge.
fn is_datadogs(name: &str) -> bool {
    let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'));
    plain && name.contains('.') && !name.starts_with("trace.") && !name.starts_with("edge.")
}

/// What a resource of the catalog is, where it is one of the subject's, and the tag that Datadog knows it by.
fn resource(subject: &Subject, resource: &str) -> Option<(Object, String)> {
    let kinds = [
        (&subject.databases, ObjectKind::DatabaseInstance, "dbinstanceidentifier"),
        (&subject.services, ObjectKind::Application, "service"),
        (&subject.load_balancers, ObjectKind::LoadBalancer, "loadbalancer"),
        (&subject.target_groups, ObjectKind::TargetGroup, "targetgroup"),
    ];
    let (_, kind, key) = kinds.into_iter().find(|(names, ..)| names.iter().any(|name| name == resource))?;
    Some((Object::new(kind, resource), metric_tag(key, resource)?))
}

fn observe(
    related: &[Related],
    lines: &[Line],
    day: &[Line],
    week: &[Line],
    now: Window,
) -> Vec<Observation> {
    let level = |lines: &[Line], query: usize| {
        let line = lines.iter().find(|line| line.query == query)?;
        UsualLevel::of(line.points.iter().map(|point| point.1))
    };
    let mut told_of: Vec<(bool, Observation)> = lines
        .iter()
        .filter_map(|line| {
            let related = related.get(line.query)?;
            let mut series = line.series(&related.metric, "avg")?.thin(POINTS);
            series.day_before = level(day, line.query);
            series.week_before = level(week, line.query);
            let at = series.points.first().map_or(now.from, |(at, _)| *at);
            let (moved, summary) = (has_moved(&series), told(&series, ""));
            let observation = Observation::new(at, related.object.clone(), summary, Fact::Series(series));
            Some((moved, observation.until(now.to)))
        })
        .collect();
    told_of.sort_by_key(|(moved, _)| !moved);
    told_of.into_iter().take(MAX_KEPT).map(|(_, observation)| observation).collect()
}

fn has_moved(series: &Series) -> bool {
    let away = |value: f64| {
        let larger = value.abs().max(series.baseline.abs());
        larger > 0.0 && (value - series.baseline).abs() >= MOVED * larger
    };
    away(series.last) || away(series.max) || away(series.min)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state() -> State {
        serde_json::from_value(serde_json::json!({"as_of": "2026-01-01T02:00:00Z",
            "alert": {"version": 1, "event_id": "1", "transition": "triggered", "title": "t", "metric": "aws.rds.cpu",
                "at": "2026-01-01T02:00:00Z"},
            "subject": {"databases": ["db-1"], "services": ["api", "bad{name"]}}))
        .unwrap()
    }

    fn catalog(metrics: &[(&str, &str)]) -> Catalog {
        let lines =
            metrics.iter().map(|(name, of)| format!("  \"{name}\": {{meaning: m, resource: \"{of}\"}}\n"));
        Catalog::from_yaml(&format!("metrics:\n{}", lines.collect::<String>())).unwrap()
    }

    #[test]
    fn the_subjects_metrics_are_asked_for_by_their_tag_and_no_others() {
        let catalog = catalog(&[
            ("aws.rds.cpu", "db-1"),
            ("aws.rds.connections", "db-1"),
            ("aws.rds.lag", "db-2"),
            ("queue.wait", "api"),
            ("trace.http.request", "api"),
            ("edge.requests", "api"),
            ("AWS/RDS CPU", "db-1"),
            ("queue.depth", "bad{name"),
        ]);
        let (related, left_out) = related(&state(), &catalog);
        let queries: Vec<&str> = related.iter().map(|related| related.query.as_str()).collect();
        assert_eq!(
            queries,
            ["avg:aws.rds.connections{dbinstanceidentifier:db-1}", "avg:queue.wait{service:api}"]
        );
        assert_eq!(left_out, 0);
    }

    #[test]
    fn of_five_hundred_metrics_twenty_are_asked_for_and_the_rest_is_counted() {
        let names: Vec<String> = (0..500).map(|n| format!("queue.wait{n}")).collect();
        let metrics: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "api")).collect();
        let (related, left_out) = related(&state(), &catalog(&metrics));
        assert_eq!((related.len(), left_out), (20, 480));
    }

    #[test]
    fn what_moved_is_told_first_with_its_level_of_yesterday_and_last_week() {
        let line = |query: usize, values: [f64; 3]| {
            let at = |n: i64| incident::Timestamp::from_second(1_767_229_200 + n * 60).unwrap();
            let points = values.iter().enumerate().map(|(n, value)| (at(n as i64), *value)).collect();
            Line { query, tags: vec![], unit: "connection".into(), points }
        };
        let related: Vec<Related> = ["a.quiet", "a.moved"]
            .map(|metric| Related {
                metric: metric.into(),
                query: String::new(),
                object: Object::new(ObjectKind::Application, "api"),
            })
            .into();
        let window = Window {
            from: "2026-01-01T01:00:00Z".parse().unwrap(),
            to: "2026-01-01T02:00:00Z".parse().unwrap(),
        };
        let now = [line(0, [5.0, 5.1, 5.0]), line(1, [5.0, 5.0, 50.0])];
        let found = observe(&related, &now, &[line(1, [6.0, 6.0, 7.0])], &[], window);
        let Fact::Series(series) = &found[0].fact else { panic!() };
        assert_eq!(series.metric, "a.moved");
        assert_eq!(series.day_before.map(|level| level.max), Some(7.0));
        assert_eq!(series.week_before, None);
        assert_eq!(found.len(), 2);
    }
}
