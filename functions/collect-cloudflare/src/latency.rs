//! How long requests took: until the edge's first byte, and at the origin. Not in every plan.

use collecting::{Answer, CallError};
use incident::evidence::Observation;
use incident::{Fact, Object, Series, Timestamp, Window};
use serde::Deserialize;

use crate::client::Client;
use crate::traffic::has_ended;

/// Latency per minute.
#[derive(Debug, Deserialize)]
pub struct Latency {
    minutes: Vec<Group>,
}

#[derive(Debug, Deserialize)]
struct Group {
    quantiles: Quantiles,
    dimensions: Minute,
}

/// Milliseconds.
#[derive(Debug, Deserialize)]
struct Quantiles {
    #[serde(rename = "edgeTimeToFirstByteMsP95")]
    first_byte: Option<f64>,
    #[serde(rename = "originResponseDurationMsP95")]
    origin: Option<f64>,
}

#[derive(Debug, Deserialize)]
struct Minute {
    #[serde(rename = "datetimeMinute")]
    at: Timestamp,
}

/// Reads the latency per minute of a window.
pub async fn read(client: &Client, window: Window) -> Result<Answer<Latency>, CallError> {
    let latency: Latency = client.ask(include_str!("queries/latency.graphql"), window).await?;
    Ok(if latency.minutes.is_empty() { Answer::empty(latency) } else { Answer::full(latency) })
}

/// A series for the edge and one for the origin, each where it has values.
pub fn observe(latency: &Latency, zone: &Object, window: Window) -> Vec<Observation> {
    let series = |metric: &str, value: fn(&Quantiles) -> Option<f64>| {
        let ended = latency.minutes.iter().filter(|group| has_ended(group.dimensions.at, window.to));
        let points = ended.filter_map(|group| Some((group.dimensions.at, value(&group.quantiles)?)));
        Series::from_points(metric, "p95", "Milliseconds", 60, points)
    };
    let first_byte = series("edge.time_to_first_byte", |quantiles| quantiles.first_byte);
    let origin = series("edge.origin_response_duration", |quantiles| quantiles.origin);
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

#[cfg(test)]
mod tests {
    use incident::ObjectKind;

    use super::*;

    #[test]
    fn a_missing_quantile_is_absent_and_the_other_one_is_kept() {
        let latency: Latency = serde_json::from_str(
            r#"{"minutes":[{"count":9,"quantiles":{"edgeTimeToFirstByteMsP95":81.6,"originResponseDurationMsP95":null},
            "dimensions":{"datetimeMinute":"2026-01-01T01:50:00Z"}}]}"#,
        )
        .unwrap();
        let window = Window {
            from: "2026-01-01T01:00:00Z".parse().unwrap(),
            to: "2026-01-01T02:00:00Z".parse().unwrap(),
        };
        let found = observe(&latency, &Object::new(ObjectKind::Zone, "z"), window);
        assert_eq!(found.len(), 1);
        assert_eq!(
            found[0].summary,
            "p95 latency until the edge's first byte is 82 ms at 01:50 UTC, from a baseline of 82 ms, at most 82 ms in the hour"
        );
    }
}
