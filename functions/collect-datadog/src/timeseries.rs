//! Several metric queries in one request of the v2 API.

use collecting::{Answer, CallError};
use incident::{Series, Timestamp, Window, size};
use serde::{Deserialize, Serialize};

use crate::client::{Client, Scope};
use crate::wrapped::Wrapped;

/// Seconds between points: what one window of an incident, an hour or so, is read at.
const PERIOD_S: u32 = 60;
/// Groups that one query may answer with.
const MAX_GROUPS: u32 = 10;
/// Characters of Datadog's own words kept in a sentence.
const WORDS: usize = 120;

#[derive(Serialize)]
struct Attributes<'a> {
    from: i64,
    to: i64,
    interval: i64,
    queries: Vec<MetricQuery<'a>>,
    formulas: Vec<Formula>,
}

#[derive(Serialize)]
struct MetricQuery<'a> {
    data_source: &'static str,
    name: String,
    query: &'a str,
}

#[derive(Serialize)]
struct Formula {
    formula: String,
    limit: Limit,
}

#[derive(Serialize)]
struct Limit {
    count: u32,
    order: &'static str,
}

#[derive(Deserialize)]
struct Response {
    #[serde(default)]
    data: Option<ResponseData>,
    /// A text in this API, not a list.
    #[serde(default)]
    errors: Option<String>,
}

#[derive(Deserialize)]
struct ResponseData {
    attributes: ResponseAttributes,
}

#[derive(Deserialize)]
struct ResponseAttributes {
    series: Vec<WireLine>,
    /// Epoch milliseconds, shared by all lines.
    times: Vec<i64>,
    values: Vec<Vec<Option<f64>>>,
}

#[derive(Deserialize)]
struct WireLine {
    #[serde(default)]
    group_tags: Vec<String>,
    #[serde(default)]
    query_index: usize,
    #[serde(default)]
    unit: Option<Vec<Option<Unit>>>,
}

#[derive(Deserialize)]
struct Unit {
    #[serde(default)]
    name: Option<String>,
}

/// One line of an answer; it has at least one point.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// Which of the queries it answers.
    pub query: usize,
    /// The tags of its group.
    pub tags: Vec<String>,
    /// The vendor's word, empty where there is none.
    pub unit: String,
    /// Oldest first; a missing point is absent.
    pub points: Vec<(Timestamp, f64)>,
}

impl Line {
    /// Its values within a window.
    pub fn within(&self, window: Window) -> impl Iterator<Item = f64> {
        let inside = self.points.iter().filter(move |(at, _)| (window.from..window.to).contains(at));
        inside.map(|(_, value)| *value)
    }

    /// The line as a series.
    pub fn series(&self, metric: &str, stat: &str) -> Option<Series> {
        Series::from_points(metric, stat, self.unit.as_str(), PERIOD_S, self.points.iter().copied())
    }
}

/// Asks all queries at once; a query by a tag answers with its largest groups.
pub async fn ask(
    client: &Client,
    queries: &[String],
    window: Window,
) -> Result<Answer<Vec<Line>>, CallError> {
    read(client.search("/api/v2/query/timeseries", &request(queries, window), Scope::Timeseries).await?)
}

fn request(queries: &[String], window: Window) -> Wrapped<Attributes<'_>> {
    let name = |index: usize| format!("q{index}");
    let attributes = Attributes {
        from: window.from.as_millisecond(),
        to: window.to.as_millisecond(),
        interval: i64::from(PERIOD_S) * 1000,
        queries: queries
            .iter()
            .enumerate()
            .map(|(index, query)| MetricQuery { data_source: "metrics", name: name(index), query })
            .collect(),
        formulas: (0..queries.len())
            .map(|index| Formula { formula: name(index), limit: Limit { count: MAX_GROUPS, order: "desc" } })
            .collect(),
    };
    Wrapped::new("timeseries_request", attributes)
}

fn read(response: Response) -> Result<Answer<Vec<Line>>, CallError> {
    let error = response.errors.filter(|text| !text.trim().is_empty());
    let Some(data) = response.data else {
        let words = error.unwrap_or_else(|| "no reason given".to_owned());
        return Err(CallError::Unavailable(format!("answered with an error ({})", size::cut(&words, WORDS))));
    };
    let ResponseAttributes { series, times, values } = data.attributes;
    let lines: Vec<Line> = series
        .into_iter()
        .zip(values)
        .map(|(line, values)| line.with(&times, &values))
        .filter(|line| !line.points.is_empty())
        .collect();
    Ok(match error {
        Some(error) => Answer::partial(lines, format!("Datadog adds \"{}\"", size::cut(&error, WORDS))),
        None => Answer::list(lines),
    })
}

impl WireLine {
    fn with(self, times: &[i64], values: &[Option<f64>]) -> Line {
        let unit = self.unit.into_iter().flatten().next().flatten().and_then(|unit| unit.name);
        let points = times.iter().zip(values);
        let points =
            points.filter_map(|(ms, value)| Some((Timestamp::from_millisecond(*ms).ok()?, (*value)?)));
        Line {
            query: self.query_index,
            tags: self.group_tags,
            unit: unit.unwrap_or_default(),
            points: points.collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Answer<Vec<Line>>, CallError> {
        read(serde_json::from_str(text).unwrap())
    }

    #[test]
    fn the_body_is_wrapped_and_in_milliseconds() {
        let window = Window {
            from: "2026-01-01T01:00:00Z".parse().unwrap(),
            to: "2026-01-01T02:00:00Z".parse().unwrap(),
        };
        let body = serde_json::to_value(request(&["avg:m{a:b}".to_owned()], window)).unwrap();
        let expected = serde_json::json!({"data": {"type": "timeseries_request", "attributes": {
            "from": 1_767_229_200_000_i64, "to": 1_767_232_800_000_i64, "interval": 60_000,
            "queries": [{"data_source": "metrics", "name": "q0", "query": "avg:m{a:b}"}],
            "formulas": [{"formula": "q0", "limit": {"count": 10, "order": "desc"}}]}}});
        assert_eq!(body, expected);
    }

    #[test]
    fn lines_share_their_times_and_a_missing_point_is_absent() {
        let text = r#"{"data":{"id":"0","type":"timeseries_response","attributes":{
            "series":[{"group_tags":["host:a"],"query_index":1,"unit":[{"name":"second","short_name":"s"},null]},
            {"group_tags":[],"query_index":0,"unit":null}],
            "times":[1767232800000,1767232860000],"values":[[null,2.5],[null,null]]}}}"#;
        let lines = parse(text).unwrap();
        let expected = Line {
            query: 1,
            tags: vec!["host:a".to_owned()],
            unit: "second".to_owned(),
            points: vec![("2026-01-01T02:01:00Z".parse().unwrap(), 2.5)],
        };
        assert_eq!(lines, Answer::full(vec![expected]));
    }

    #[test]
    fn an_error_beside_the_data_is_a_part_and_one_instead_of_it_a_failure() {
        let empty = r#""data":{"attributes":{"series":[],"times":[],"values":[]}}"#;
        assert_eq!(parse(&format!("{{{empty}}}")).unwrap(), Answer::empty(vec![]));
        let partly = parse(&format!(r#"{{{empty},"errors":"query q1 timed out"}}"#)).unwrap();
        assert_eq!(partly, Answer::partial(vec![], "Datadog adds \"query q1 timed out\""));
        let failed = parse(r#"{"errors":"bad query"}"#).unwrap_err();
        assert_eq!(failed.to_string(), "answered with an error (bad query)");
    }
}
