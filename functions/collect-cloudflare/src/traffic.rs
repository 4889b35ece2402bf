//! What the edge served: the mix of a quarter of an hour against the same an hour earlier, and requests per minute.

use std::collections::BTreeMap;

use collecting::{Answer, CallError};
use incident::evidence::Observation;
use incident::fact::EdgeTraffic;
use incident::{Fact, Object, Series, Timestamp, Window, redact, size};

use crate::access::Access;
use crate::client::Client;
use crate::counts::{largest, total};
use crate::document::{self, Dataset, Group, Groups, Node, counts, sample_interval, sum};

/// The metric's name in a series.
const METRIC: &str = "edge.requests";
/// Paths asked for: with as many, there are more.
const MAX_PATHS: u32 = 1000;
/// Paths kept by name, and characters of one.
const NAMED_PATHS: usize = 6;
const PATH: usize = 80;
/// Cache statuses of a request served from cache, and of one that no cache setting could have served.
const HITS: [&str; 4] = ["hit", "stale", "revalidated", "updating"];
const NOT_CACHEABLE: [&str; 3] = ["dynamic", "none", "bypass"];

/// What one window is asked for: the mix, the paths, and bot scores where the plan has them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Mix {
    /// Responses, countries, methods, data centres.
    pub groups: Groups,
    /// Paths.
    pub paths: Vec<Group>,
    /// Bot scores.
    pub bots: Vec<Group>,
}

/// Reads responses, countries, methods and data centres of a window.
pub async fn read_mix(client: &Client, access: &Access, window: Window) -> Result<Answer<Groups>, CallError> {
    let by = |alias, limit, dimensions: &[&'static str]| {
        Node::largest(alias, Dataset::Requests, access.limit(limit), dimensions)
    };
    let mut nodes = vec![
        by("responses", 500, &["edgeResponseStatus", "cacheStatus"]).with("avg { sampleInterval }"),
        by("countries", 20, &["clientCountryName"]),
        by("methods", 20, &["clientRequestHTTPMethodName"]),
    ];
    if access.has(&["coloCode"]) {
        nodes.push(by("colos", 20, &["coloCode"]));
    }
    let groups = document::ask(client, &nodes, window).await?;
    Ok(if document::of(&groups, "responses").is_empty() {
        Answer::empty(groups)
    } else {
        Answer::full(groups)
    })
}

/// Reads the paths of a window: their number tells a scan or a cache-busting attack.
pub async fn read_paths(
    client: &Client,
    access: &Access,
    window: Window,
) -> Result<Answer<Vec<Group>>, CallError> {
    let node = Node::largest("paths", Dataset::Requests, access.limit(MAX_PATHS), &["clientRequestPath"]);
    one(client, node, window).await
}

/// Reads the bot scores of a window. Bot Management is an add-on: nothing where the zone has none.
pub async fn read_bots(client: &Client, window: Window) -> Result<Answer<Vec<Group>>, CallError> {
    one(client, Node::largest("bots", Dataset::Requests, 100, &["botScore"]), window).await
}

/// Reads the requests per minute of a window.
pub async fn read_minutes(client: &Client, window: Window) -> Result<Answer<Vec<Group>>, CallError> {
    one(client, Node::minutes("minutes", Dataset::Requests), window).await
}

/// The groups of a document of one node.
pub async fn one(client: &Client, node: Node, window: Window) -> Result<Answer<Vec<Group>>, CallError> {
    let alias = node.alias;
    let mut groups = document::ask(client, &[node], window).await?;
    Ok(Answer::list(groups.remove(alias).unwrap_or_default()))
}

/// The mix against the one before. `None` where neither window saw a request: absent is not zero.
pub fn observe_mix(now: &Mix, before: Option<&Mix>, zone: &Object, window: Window) -> Option<Observation> {
    let responses = now.of("responses");
    let (requests, requests_before) = (sum(responses), before.map(|before| sum(before.of("responses"))));
    if requests == 0 && requests_before.unwrap_or(0) == 0 {
        return None;
    }
    let now_by = |alias: &str, dimension: &str| counts(now.of(alias), dimension);
    let before_by = |alias: &str, dimension: &str| {
        before.map(|before| counts(before.of(alias), dimension)).unwrap_or_default()
    };
    let before_paths = before.map(|before| before.paths.as_slice()).unwrap_or_default();
    let before_bots = before.map(|before| before.bots.as_slice()).unwrap_or_default();
    let fact = EdgeTraffic {
        requests,
        requests_before,
        cache_hit_ratio: hit_ratio(responses),
        cache_hit_ratio_before: before.and_then(|before| hit_ratio(before.of("responses"))),
        by_status: now_by("responses", "edgeResponseStatus"),
        by_status_before: before_by("responses", "edgeResponseStatus"),
        by_cache: now_by("responses", "cacheStatus"),
        by_country: now_by("countries", "clientCountryName"),
        by_country_before: before_by("countries", "clientCountryName"),
        by_colo: now_by("colos", "coloCode"),
        by_colo_before: before_by("colos", "coloCode"),
        by_method: now_by("methods", "clientRequestHTTPMethodName"),
        by_method_before: before_by("methods", "clientRequestHTTPMethodName"),
        by_path: named(&now.paths),
        by_path_before: named(before_paths),
        path_diversity: diversity(&now.paths),
        path_diversity_before: diversity(before_paths),
        by_bot_score: bots(&now.bots),
        by_bot_score_before: bots(before_bots),
        sample_interval: sample_interval(responses),
    };
    let summary = summary(&fact, server_errors(responses), window);
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
pub fn observe_minutes(minutes: &[Group], zone: &Object, window: Window) -> Option<Observation> {
    let points = minutes.iter().filter_map(|group| Some((minute(group)?, group.count as f64)));
    let points = points.filter(|(at, _)| has_ended(*at, window.to));
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

/// The minute of a group.
pub fn minute(group: &Group) -> Option<Timestamp> {
    group.text("datetimeMinute")?.parse().ok()
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
    fn of(&self, alias: &str) -> &[Group] {
        document::of(&self.groups, alias)
    }
}

fn server_errors(responses: &[Group]) -> u64 {
    let failed = responses.iter().filter(|group| {
        group
            .text("edgeResponseStatus")
            .and_then(|status| status.parse::<u16>().ok())
            .is_some_and(|s| s >= 500)
    });
    total(failed.map(|group| group.count))
}

/// See [`EdgeTraffic::cache_hit_ratio`].
fn hit_ratio(responses: &[Group]) -> Option<f64> {
    let sum = |wanted: &dyn Fn(&str) -> bool| {
        let known = responses.iter().filter_map(|group| Some((group.text("cacheStatus")?, group.count)));
        total(known.filter(|(status, _)| wanted(status)).map(|(_, count)| count))
    };
    let hits = sum(&|status| HITS.contains(&status));
    let cacheable = sum(&|status| !NOT_CACHEABLE.contains(&status));
    (cacheable > 0).then(|| hits as f64 / cacheable as f64)
}

/// Distinct paths per thousand of the requests that asked for them. With as many paths as the query may return the figure is of
/// the most asked-for ones alone, and therefore too low.
fn diversity(paths: &[Group]) -> Option<f64> {
    let requests = sum(paths);
    let figure = paths.len().min(MAX_PATHS as usize) as f64 * 1000.0 / requests as f64;
    (requests > 0).then_some((figure * 1000.0).round() / 1000.0)
}

/// The most asked-for paths. A path may hold a token.
fn named(paths: &[Group]) -> BTreeMap<String, u64> {
    let mut named: Vec<(String, u64)> = counts(paths, "clientRequestPath").into_iter().collect();
    named.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    named
        .into_iter()
        .take(NAMED_PATHS)
        .map(|(path, n)| (size::cut(&redact::redact(&path), PATH), n))
        .collect()
}

/// Scores by what they mean (<https://developers.cloudflare.com/bots/concepts/bot-score/>).
fn bots(groups: &[Group]) -> BTreeMap<String, u64> {
    crate::counts::by(groups.iter().filter_map(|group| {
        let meaning = match group.text("botScore")?.parse::<u8>().ok()? {
            0 => "0",
            1 => "1",
            2..30 => "2-29",
            _ => "30-99",
        };
        Some((meaning, group.count))
    }))
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

    fn groups(rows: &[(u64, &str)]) -> Vec<Group> {
        let one = |(count, dimensions): &(u64, &str)| {
            serde_json::from_str(&format!(r#"{{"count":{count},"dimensions":{{{dimensions}}}}}"#)).unwrap()
        };
        rows.iter().map(one).collect()
    }

    fn mix(responses: &[(u16, &str, u64)]) -> Mix {
        let rows: Vec<(u64, String)> = responses
            .iter()
            .map(|(status, cache, n)| {
                (*n, format!(r#""edgeResponseStatus":{status},"cacheStatus":"{cache}""#))
            })
            .collect();
        let rows: Vec<(u64, &str)> = rows.iter().map(|(n, text)| (*n, text.as_str())).collect();
        let groups = [
            ("responses".to_owned(), groups(&rows)),
            ("countries".to_owned(), groups(&[(60, r#""clientCountryName":"DE""#)])),
            ("methods".to_owned(), groups(&[(90, r#""clientRequestHTTPMethodName":"GET""#)])),
        ];
        Mix { groups: groups.into(), ..Mix::default() }
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
        let ratio = |mix: &Mix| hit_ratio(mix.of("responses"));
        assert_eq!(ratio(&mix(&[&served[..], &not_served[..]].concat())), Some(0.71));
        assert_eq!(ratio(&mix(&[(200, "dynamic", 5)])), None);
    }

    #[test]
    fn the_mix_is_told_with_its_hour_before() {
        let (now, before) = (mix(&[(200, "hit", 75), (503, "miss", 25)]), mix(&[(200, "hit", 80)]));
        let found = observe_mix(&now, Some(&before), &zone(), window()).unwrap();
        assert_eq!(
            found.summary,
            "100 requests in 15 minutes (an hour earlier 80), cache hit ratio 75 % (an hour earlier 100 %), 5xx 25 %, \
             most from DE (60 %)"
        );
        let Fact::EdgeTraffic(fact) = found.fact else { panic!() };
        assert_eq!((fact.requests, fact.requests_before, fact.path_diversity), (100, Some(80), None));
        assert_eq!(
            (fact.by_status["503"], fact.by_cache["miss"], fact.by_status_before["200"]),
            (25, 25, 80)
        );
        assert_eq!(fact.by_method["GET"], 90);
    }

    #[test]
    fn counts_beyond_all_numbers_are_no_panic() {
        let huge = mix(&[(503, "hit", u64::MAX), (500, "hit", u64::MAX)]);
        let responses = huge.of("responses");
        assert_eq!((sum(responses), server_errors(responses)), (u64::MAX, u64::MAX));
        assert_eq!(hit_ratio(responses), Some(1.0));
    }

    #[test]
    fn a_zone_that_fell_silent_is_told_and_one_that_never_spoke_is_not() {
        let silent = Mix::default();
        assert!(observe_mix(&silent, Some(&silent), &zone(), window()).is_none());
        let found = observe_mix(&silent, Some(&mix(&[(200, "hit", 80)])), &zone(), window()).unwrap();
        assert!(found.summary.starts_with("0 requests in 15 minutes (an hour earlier 80)"));
    }

    #[test]
    fn paths_are_counted_per_thousand_requests_and_scores_by_their_meaning() {
        let paths = groups(&[(1500, r#""clientRequestPath":"/""#), (500, r#""clientRequestPath":"/a""#)]);
        assert_eq!((diversity(&paths), diversity(&[])), (Some(1.0), None));
        let scores = [
            (5, r#""botScore":1"#),
            (7, r#""botScore":12"#),
            (9, r#""botScore":29"#),
            (2, r#""botScore":80"#),
        ];
        assert_eq!(
            bots(&groups(&scores)),
            [("1", 5), ("2-29", 16), ("30-99", 2)].map(|(k, n)| (k.to_owned(), n)).into()
        );
    }

    #[test]
    fn a_minute_that_has_not_ended_is_no_point() {
        let minutes = groups(&[
            (10, r#""datetimeMinute":"2026-01-01T01:58:00Z""#),
            (3, r#""datetimeMinute":"2026-01-01T01:59:30Z""#),
        ]);
        let Fact::Series(series) = observe_minutes(&minutes, &zone(), window()).unwrap().fact else {
            panic!()
        };
        assert_eq!((series.metric.as_str(), series.count, series.last), ("edge.requests", 1, 10.0));
    }
}
