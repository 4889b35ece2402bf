//! What the edge served: the mix of a quarter of an hour against the same an hour earlier, and requests per minute.

use collecting::{Answer, CallError};
use incident::evidence::Observation;
use incident::fact::EdgeTraffic;
use incident::{Fact, Object, Series, Timestamp, Window};
use serde::Deserialize;

use crate::client::Client;
use crate::counts::{by, largest, total};

/// The metric's name in a series.
const METRIC: &str = "edge.requests";
/// The limit of `paths.graphql`: with as many, there are more.
const MAX_PATHS: usize = 1000;
/// Cache statuses of a request served from cache, and of one that no cache setting could have served.
const HITS: [&str; 4] = ["hit", "stale", "revalidated", "updating"];
const NOT_CACHEABLE: [&str; 3] = ["dynamic", "none", "bypass"];

/// The traffic mix of one window.
#[derive(Debug, Deserialize)]
pub struct Mix {
    responses: Vec<Group<Response>>,
    countries: Vec<Group<Country>>,
    methods: Vec<Group<Method>>,
}

/// The paths asked for in one window.
#[derive(Debug, Deserialize)]
pub struct Paths {
    paths: Vec<Group<Path>>,
}

/// Requests per minute.
#[derive(Debug, Deserialize)]
pub struct Minutes {
    minutes: Vec<Group<Minute>>,
}

/// `count` is scaled for sampling already.
#[derive(Debug, Deserialize)]
struct Group<D> {
    count: u64,
    dimensions: D,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Response {
    edge_response_status: u16,
    #[serde(default)]
    cache_status: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Country {
    #[serde(rename = "clientCountryName")]
    name: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Method {
    #[serde(rename = "clientRequestHTTPMethodName")]
    name: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Path {
    #[serde(rename = "clientRequestPath")]
    _path: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Minute {
    #[serde(rename = "datetimeMinute")]
    at: Timestamp,
}

/// Reads the mix of a window.
pub async fn read_mix(client: &Client, window: Window) -> Result<Answer<Mix>, CallError> {
    let mix: Mix = client.ask(include_str!("queries/traffic.graphql"), window).await?;
    Ok(if mix.responses.is_empty() { Answer::empty(mix) } else { Answer::full(mix) })
}

/// Reads the paths of a window.
pub async fn read_paths(client: &Client, window: Window) -> Result<Answer<Paths>, CallError> {
    let paths: Paths = client.ask(include_str!("queries/paths.graphql"), window).await?;
    Ok(if paths.paths.is_empty() { Answer::empty(paths) } else { Answer::full(paths) })
}

/// Reads the requests per minute of a window.
pub async fn read_minutes(client: &Client, window: Window) -> Result<Answer<Minutes>, CallError> {
    let minutes: Minutes = client.ask(include_str!("queries/minutes.graphql"), window).await?;
    Ok(if minutes.minutes.is_empty() { Answer::empty(minutes) } else { Answer::full(minutes) })
}

/// The mix against the one before. `None` where neither window saw a request: absent is not zero.
pub fn observe_mix(
    now: &Mix,
    before: Option<&Mix>,
    paths: Option<&Paths>,
    zone: &Object,
    window: Window,
) -> Option<Observation> {
    let requests = now.requests();
    let requests_before = before.map(Mix::requests);
    if requests == 0 && requests_before.unwrap_or(0) == 0 {
        return None;
    }
    let fact = EdgeTraffic {
        requests,
        requests_before,
        cache_hit_ratio: now.cache_hit_ratio(),
        cache_hit_ratio_before: before.and_then(Mix::cache_hit_ratio),
        by_status: by(now.responses.iter().map(|g| (g.dimensions.edge_response_status.to_string(), g.count))),
        by_country: by(now.countries.iter().filter_map(|g| Some((g.dimensions.name.as_deref()?, g.count)))),
        by_method: by(now.methods.iter().filter_map(|g| Some((g.dimensions.name.as_deref()?, g.count)))),
        path_diversity: paths.and_then(|paths| paths.diversity()),
        ..EdgeTraffic::default()
    };
    let summary = summary(&fact, now.server_errors(), window);
    Some(Observation::new(window.from, zone.clone(), summary, Fact::EdgeTraffic(fact)).until(window.to))
}

fn summary(fact: &EdgeTraffic, server_errors: u64, window: Window) -> String {
    let minutes = window.to.duration_since(window.from).as_mins();
    let before =
        |value: Option<String>| value.map_or_else(String::new, |v| format!(" (an hour earlier {v})"));
    let mut text = format!(
        "{} requests in {minutes} minutes{}",
        fact.requests,
        before(fact.requests_before.map(|requests| requests.to_string()))
    );
    if let Some(ratio) = fact.cache_hit_ratio {
        let earlier = before(fact.cache_hit_ratio_before.map(percent));
        text.push_str(&format!(", cache hit ratio {}{earlier}", percent(ratio)));
    }
    if fact.requests > 0 {
        text.push_str(&format!(", 5xx {}", percent(server_errors as f64 / fact.requests as f64)));
    }
    if let Some((country, count)) = largest(&fact.by_country).filter(|_| fact.requests > 0) {
        text.push_str(&format!(", most from {country} ({})", percent(count as f64 / fact.requests as f64)));
    }
    text
}

/// The series of the minutes that had ended by the window's end: one that had not would look like a fall.
pub fn observe_minutes(minutes: &Minutes, zone: &Object, window: Window) -> Option<Observation> {
    let points = minutes.minutes.iter().filter(|g| has_ended(g.dimensions.at, window.to));
    let points = points.map(|g| (g.dimensions.at, g.count as f64));
    let series = Series::from_points(METRIC, "count", "Requests per minute", 60, points)?;
    let summary = format!(
        "{} requests in the minute {}, from a baseline of {}, at most {} in the hour; the newest minutes may still be incomplete",
        series.last,
        series.last_at.strftime("%H:%M UTC"),
        series.baseline,
        series.max
    );
    let from = series.points.first().map_or(window.from, |(at, _)| *at);
    Some(Observation::new(from, zone.clone(), summary, Fact::Series(series)).until(window.to))
}

/// True when a minute that begins at `minute` was over by `now`.
pub fn has_ended(minute: Timestamp, now: Timestamp) -> bool {
    now.as_second() - minute.as_second() >= 60
}

/// `0.714` as `71.4 %`.
fn percent(share: f64) -> String {
    format!("{} %", (share * 1000.0).round() / 10.0)
}

impl Mix {
    /// Every group is within the query's limit, so their sum is the whole: there are few statuses and fewer cache statuses.
    fn requests(&self) -> u64 {
        total(self.responses.iter().map(|group| group.count))
    }

    fn server_errors(&self) -> u64 {
        let failed = self.responses.iter().filter(|group| group.dimensions.edge_response_status >= 500);
        total(failed.map(|group| group.count))
    }

    /// See [`EdgeTraffic::cache_hit_ratio`].
    fn cache_hit_ratio(&self) -> Option<f64> {
        let sum = |wanted: &dyn Fn(&str) -> bool| {
            let known =
                self.responses.iter().filter_map(|g| Some((g.dimensions.cache_status.as_deref()?, g.count)));
            total(known.filter(|(status, _)| wanted(status)).map(|(_, count)| count))
        };
        let hits = sum(&|status| HITS.contains(&status));
        let cacheable = sum(&|status| !NOT_CACHEABLE.contains(&status));
        (cacheable > 0).then(|| hits as f64 / cacheable as f64)
    }
}

impl Paths {
    /// Distinct paths per thousand of the requests that asked for them. With as many paths as the query may return the
    /// figure is of the most asked-for ones alone, and therefore too low.
    fn diversity(&self) -> Option<f64> {
        let requests = total(self.paths.iter().map(|group| group.count));
        (requests > 0).then(|| self.paths.len().min(MAX_PATHS) as f64 * 1000.0 / requests as f64)
    }
}

#[cfg(test)]
mod tests {
    use incident::ObjectKind;

    use super::*;

    fn zone() -> Object {
        Object::new(ObjectKind::Zone, "example.test")
    }

    fn window() -> Window {
        Window { from: "2026-01-01T01:45:00Z".parse().unwrap(), to: "2026-01-01T02:00:00Z".parse().unwrap() }
    }

    fn mix(responses: &[(u16, &str, u64)]) -> Mix {
        let rows: Vec<String> = responses
            .iter()
            .map(|(status, cache, count)| {
                format!(
                    r#"{{"count":{count},"avg":{{"sampleInterval":10}},"dimensions":{{"edgeResponseStatus":{status},"cacheStatus":"{cache}"}}}}"#
                )
            })
            .collect();
        serde_json::from_str(&format!(
            r#"{{"responses":[{}],"countries":[{{"count":60,"dimensions":{{"clientCountryName":"DE"}}}}],
            "methods":[{{"count":90,"dimensions":{{"clientRequestHTTPMethodName":"GET"}}}}]}}"#,
            rows.join(",")
        ))
        .unwrap()
    }

    #[test]
    fn the_hit_ratio_counts_what_a_cache_could_have_served() {
        let served = [(200, "hit", 50), (200, "stale", 5), (304, "revalidated", 10), (200, "updating", 6)];
        let not_served = [
            (200, "miss", 20),
            (404, "expired", 9),
            (200, "dynamic", 900),
            (101, "none", 7),
            (200, "bypass", 3),
        ];
        let ratio = mix(&[&served[..], &not_served[..]].concat()).cache_hit_ratio().unwrap();
        assert_eq!(ratio, 0.71);
        assert_eq!(mix(&[(200, "dynamic", 5)]).cache_hit_ratio(), None);
    }

    #[test]
    fn the_mix_is_told_with_its_hour_before() {
        let (now, before) = (mix(&[(200, "hit", 75), (503, "miss", 25)]), mix(&[(200, "hit", 80)]));
        let found = observe_mix(&now, Some(&before), None, &zone(), window()).unwrap();
        assert_eq!(
            found.summary,
            "100 requests in 15 minutes (an hour earlier 80), cache hit ratio 75 % (an hour earlier 100 %), 5xx 25 %, \
             most from DE (60 %)"
        );
        let Fact::EdgeTraffic(fact) = found.fact else { panic!() };
        assert_eq!((fact.requests, fact.requests_before, fact.path_diversity), (100, Some(80), None));
        assert_eq!(fact.by_status["503"], 25);
        assert_eq!(fact.by_method["GET"], 90);
    }

    #[test]
    fn counts_beyond_all_numbers_are_no_panic() {
        let huge = mix(&[(503, "hit", u64::MAX), (500, "hit", u64::MAX)]);
        assert_eq!((huge.requests(), huge.server_errors()), (u64::MAX, u64::MAX));
        assert_eq!(huge.cache_hit_ratio(), Some(1.0));
    }

    #[test]
    fn a_zone_that_fell_silent_is_told_and_one_that_never_spoke_is_not() {
        let silent = || mix(&[]);
        assert!(observe_mix(&silent(), Some(&silent()), None, &zone(), window()).is_none());
        let found = observe_mix(&silent(), Some(&mix(&[(200, "hit", 80)])), None, &zone(), window()).unwrap();
        assert!(found.summary.starts_with("0 requests in 15 minutes (an hour earlier 80)"));
    }

    #[test]
    fn paths_are_counted_per_thousand_requests() {
        let paths = r#"{"paths":[{"count":1500,"dimensions":{"clientRequestPath":"/"}},
            {"count":500,"dimensions":{"clientRequestPath":"/a"}}]}"#;
        assert_eq!(serde_json::from_str::<Paths>(paths).unwrap().diversity(), Some(1.0));
        assert_eq!(serde_json::from_str::<Paths>(r#"{"paths":[]}"#).unwrap().diversity(), None);
    }

    #[test]
    fn a_minute_that_has_not_ended_is_no_point() {
        let minutes: Minutes = serde_json::from_str(
            r#"{"minutes":[{"count":10,"dimensions":{"datetimeMinute":"2026-01-01T01:58:00Z"}},
            {"count":3,"dimensions":{"datetimeMinute":"2026-01-01T01:59:30Z"}}]}"#,
        )
        .unwrap();
        let Fact::Series(series) = observe_minutes(&minutes, &zone(), window()).unwrap().fact else {
            panic!()
        };
        assert_eq!((series.metric.as_str(), series.count, series.last), ("edge.requests", 1, 10.0));
    }

    #[test]
    fn an_answer_without_its_groups_is_not_an_empty_one() {
        assert!(serde_json::from_str::<Mix>("{}").is_err());
        assert!(serde_json::from_str::<Minutes>("{}").is_err());
    }
}
