//! How long requests took: until the edge's first byte, and at the origin; per minute, and by data centre. Not in every plan.

use std::collections::BTreeMap;

use collecting::{Answer, CallError};
use incident::evidence::Observation;
use incident::fact::{EdgeLatency, RegionLatency};
use incident::{Fact, Object, Series, Window};

use crate::access::Access;
use crate::client::Client;
use crate::document::{Dataset, Group, Node};
use crate::traffic::{has_ended, minute, one};

/// The fields asked for.
pub const FIELDS: [&str; 2] = [FIRST_BYTE, ORIGIN];
const FIRST_BYTE: &str = "edgeTimeToFirstByteMsP95";
const ORIGIN: &str = "originResponseDurationMsP95";
const QUANTILES: &str = "quantiles { edgeTimeToFirstByteMsP95 originResponseDurationMsP95 }";
/// Data centres kept.
const MAX_COLOS: u32 = 8;

/// Reads the latency per minute of a window.
pub async fn read_minutes(client: &Client, window: Window) -> Result<Answer<Vec<Group>>, CallError> {
    one(client, Node::minutes("minutes", Dataset::Requests).with(QUANTILES), window).await
}

/// Reads the latency of a window by data centre, those with most requests.
pub async fn read_colos(
    client: &Client,
    access: &Access,
    window: Window,
) -> Result<Answer<Vec<Group>>, CallError> {
    let limit = access.limit(MAX_COLOS);
    one(client, Node::largest("colos", Dataset::Requests, limit, &["coloCode"]).with(QUANTILES), window).await
}

/// A series for the edge and one for the origin, each where it has values.
pub fn observe(minutes: &[Group], zone: &Object, window: Window) -> Vec<Observation> {
    let series = |metric: &str, field: &str| {
        let points = minutes.iter().filter_map(|group| Some((minute(group)?, group.quantile(field)?)));
        let ended = points.filter(|(at, _)| has_ended(*at, window.to));
        Series::from_points(metric, "p95", "Milliseconds", 60, ended)
    };
    let first_byte = series("edge.time_to_first_byte", FIRST_BYTE);
    let origin = series("edge.origin_response_duration", ORIGIN);
    [("until the edge's first byte", first_byte), ("at the origin", origin)]
        .into_iter()
        .filter_map(|(what, series)| Some(observation(what, series?, zone, window)))
        .collect()
}

fn observation(what: &str, series: Series, zone: &Object, window: Window) -> Observation {
    let rounded = |value: f64| value.round();
    let summary = format!(
        "p95 latency {what} is {} ms at {}, from a baseline of {} ms, at most {} ms in the hour",
        rounded(series.last),
        series.last_at.strftime("%H:%M UTC"),
        rounded(series.baseline),
        rounded(series.max)
    );
    let from = series.points.first().map_or(window.from, |(at, _)| *at);
    Observation::new(from, zone.clone(), summary, Fact::Series(series)).until(window.to)
}

/// The data centres against themselves an hour earlier.
pub fn observe_colos(now: &[Group], before: &[Group], zone: &Object, window: Window) -> Option<Observation> {
    let by_colo: BTreeMap<String, RegionLatency> = now
        .iter()
        .filter_map(|group| {
            let colo = group.text("coloCode")?;
            let same = before.iter().find(|other| other.text("coloCode").as_ref() == Some(&colo));
            let rounded = |value: Option<f64>| value.map(|ms| (ms * 10.0).round() / 10.0);
            let region = RegionLatency {
                requests: group.count,
                first_byte_ms: rounded(group.quantile(FIRST_BYTE)),
                first_byte_ms_before: rounded(same.and_then(|same| same.quantile(FIRST_BYTE))),
                origin_ms: rounded(group.quantile(ORIGIN)),
                origin_ms_before: rounded(same.and_then(|same| same.quantile(ORIGIN))),
            };
            Some((colo, region))
        })
        .collect();
    if by_colo.is_empty() {
        return None;
    }
    let mut most: Vec<(&String, &RegionLatency)> = by_colo.iter().collect();
    most.sort_by_key(|(_, region)| std::cmp::Reverse(region.requests));
    let told: Vec<String> =
        most.iter().take(3).map(|(colo, region)| format!("{colo} {}", told(region))).collect();
    let summary = format!("p95 latency at {} data centres: {}", by_colo.len(), told.join(", "));
    let fact = Fact::EdgeLatency(EdgeLatency { by_colo });
    Some(Observation::new(window.from, zone.clone(), summary, fact).until(window.to))
}

/// `origin 1900 ms (an hour earlier 101 ms)`; the edge's where the origin's was not measured.
fn told(region: &RegionLatency) -> String {
    let pairs = [
        ("origin", region.origin_ms, region.origin_ms_before),
        ("edge", region.first_byte_ms, region.first_byte_ms_before),
    ];
    let told = pairs.into_iter().find_map(|(what, now, before)| {
        let before = before.map(|ms| format!(" (an hour earlier {} ms)", ms.round())).unwrap_or_default();
        Some(format!("{what} {} ms{before}", now?.round()))
    });
    told.unwrap_or_else(|| "not measured".to_owned())
}

#[cfg(test)]
mod tests {
    use incident::ObjectKind;

    use super::*;

    fn window() -> Window {
        Window { from: "2026-01-01T01:00:00Z".parse().unwrap(), to: "2026-01-01T02:00:00Z".parse().unwrap() }
    }

    fn groups(text: &str) -> Vec<Group> {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn a_missing_quantile_is_absent_and_the_other_one_is_kept() {
        let minutes = groups(
            r#"[{"count":9,"quantiles":{"edgeTimeToFirstByteMsP95":81.6,"originResponseDurationMsP95":null},
            "dimensions":{"datetimeMinute":"2026-01-01T01:50:00Z"}}]"#,
        );
        let found = observe(&minutes, &Object::new(ObjectKind::Zone, "z"), window());
        assert_eq!(found.len(), 1);
        assert_eq!(
            found[0].summary,
            "p95 latency until the edge's first byte is 82 ms at 01:50 UTC, from a baseline of 82 ms, at most 82 ms in the hour"
        );
    }

    #[test]
    fn data_centres_are_compared_with_themselves() {
        let now = groups(
            r#"[{"count":90,"quantiles":{"originResponseDurationMsP95":1900},"dimensions":{"coloCode":"FRA"}},
            {"count":400,"quantiles":{"edgeTimeToFirstByteMsP95":51},"dimensions":{"coloCode":"IAD"}}]"#,
        );
        let before = groups(
            r#"[{"count":80,"quantiles":{"originResponseDurationMsP95":101.26},"dimensions":{"coloCode":"FRA"}}]"#,
        );
        let found = observe_colos(&now, &before, &Object::new(ObjectKind::Zone, "z"), window()).unwrap();
        assert_eq!(
            found.summary,
            "p95 latency at 2 data centres: IAD edge 51 ms, FRA origin 1900 ms (an hour earlier 101 ms)"
        );
        let Fact::EdgeLatency(latency) = found.fact else { panic!() };
        assert_eq!(latency.by_colo["FRA"].origin_ms_before, Some(101.3));
        assert!(observe_colos(&[], &now, &Object::new(ObjectKind::Zone, "z"), window()).is_none());
    }
}
