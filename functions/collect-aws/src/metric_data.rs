//! GetMetricData: one request for every metric of every object, and its answer as series.

use std::collections::BTreeMap;

use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::types::{Dimension, MetricDataQuery, MetricDataResult, MetricStat, StatusCode};
use collecting::{Answer, CallError, Run};
use futures::future::join_all;
use incident::{Object, Series, Window};
use jiff::{SignedDuration, Timestamp};

use crate::failure::failure;
use crate::metric::{Metric, Wanted};
use crate::timestamp;

/// Seconds per point: the finest that RDS and load balancers publish.
const PERIOD_S: u32 = 60;
/// CloudWatch's limit of queries in one request.
const MAX_QUERIES: usize = 500;
/// Pages followed; a request of ours holds a third of what one page may hold, so a second one is already unusual.
const MAX_PAGES: usize = 10;

/// A metric of an object, as it was.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// What it is about.
    pub object: Object,
    /// Which metric.
    pub metric: &'static Metric,
    /// Its course over the window.
    pub series: Series,
}

/// Asks for all `wanted` metrics. `tells` completes the sentence "… is unknown" of the gap when that fails.
pub async fn read(run: &Run, client: &Client, tells: &str, wanted: &[Wanted]) -> Vec<Measured> {
    let requests = wanted
        .chunks(MAX_QUERIES)
        .map(|chunk| run.call("GetMetricData", tells, ask(client, run.window(), chunk)));
    join_all(requests).await.into_iter().flatten().flatten().collect()
}

async fn ask(client: &Client, window: Window, wanted: &[Wanted]) -> Result<Answer<Vec<Measured>>, CallError> {
    let queries: Vec<MetricDataQuery> = wanted.iter().enumerate().map(|(i, want)| query(i, want)).collect();
    let mut readings = Readings::default();
    let mut token = None;
    for _ in 0..MAX_PAGES {
        let page = client
            .get_metric_data()
            .start_time(timestamp::to_aws(window.from))
            .end_time(timestamp::to_aws(window.to))
            .set_metric_data_queries(Some(queries.clone()))
            .set_next_token(token)
            .send()
            .await
            .map_err(|error| failure(error, "cloudwatch:GetMetricData"))?;
        readings.absorb(page.metric_data_results());
        token = page.next_token().filter(|token| !token.is_empty()).map(str::to_owned);
        if token.is_none() {
            break;
        }
    }
    Ok(readings.conclude(window, wanted, token.is_some()))
}

fn id(index: usize) -> String {
    format!("m{index}")
}

fn query(index: usize, want: &Wanted) -> MetricDataQuery {
    let dimensions =
        want.dimensions.iter().map(|(name, value)| Dimension::builder().name(*name).value(value).build());
    let metric = aws_sdk_cloudwatch::types::Metric::builder()
        .namespace(want.metric.namespace)
        .metric_name(want.metric.name)
        .set_dimensions(Some(dimensions.collect()))
        .build();
    let stat = MetricStat::builder().metric(metric).period(PERIOD_S as i32).stat(want.metric.stat).build();
    MetricDataQuery::builder().id(id(index)).metric_stat(stat).return_data(true).build()
}

/// What the pages said so far, by query id.
#[derive(Debug, Default)]
struct Readings {
    points: BTreeMap<String, Vec<(Timestamp, f64)>>,
    /// The newest page's word: a page before the last one rightly calls its share partial.
    status: BTreeMap<String, StatusCode>,
}

impl Readings {
    fn absorb(&mut self, results: &[MetricDataResult]) {
        for result in results {
            let Some(id) = result.id() else { continue };
            let times = result.timestamps().iter().map(timestamp::from_aws);
            let points = times.zip(result.values()).filter_map(|(at, value)| Some((at?, *value)));
            self.points.entry(id.to_owned()).or_default().extend(points);
            if let Some(status) = result.status_code() {
                self.status.insert(id.to_owned(), status.clone());
            }
        }
    }

    /// A metric without a point gives no series. HTTP 200 can hide a failure: each result has its own status.
    fn conclude(mut self, window: Window, wanted: &[Wanted], more: bool) -> Answer<Vec<Measured>> {
        let mut measured = Vec::new();
        let mut troubles: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for (index, want) in wanted.iter().enumerate() {
            if let Some(trouble) = self.status.get(&id(index)).and_then(trouble) {
                let label = format!("{} of {}", want.metric.name, want.object.name);
                troubles.entry(trouble).or_default().push(label);
            }
            let mut points = self.points.remove(&id(index)).unwrap_or_default();
            if want.metric.silent_when_zero {
                fill_with_zero(&mut points, window);
            }
            let (name, stat, unit) = (want.metric.full_name(), want.metric.stat, want.metric.unit);
            if let Some(series) = Series::from_points(name, stat, unit, PERIOD_S, points) {
                measured.push(Measured { object: want.object.clone(), metric: want.metric, series });
            }
        }
        if more {
            troubles.entry("more pages than are followed").or_default();
        }
        if troubles.is_empty() { Answer::list(measured) } else { Answer::partial(measured, note(&troubles)) }
    }
}

fn trouble(status: &StatusCode) -> Option<&'static str> {
    match status {
        StatusCode::Complete => None,
        StatusCode::PartialData => Some("incomplete"),
        StatusCode::Forbidden => Some("forbidden"),
        _ => Some("failed inside CloudWatch"),
    }
}

/// `forbidden: CPUUtilization of db-1 and 3 more`.
fn note(troubles: &BTreeMap<&str, Vec<String>>) -> String {
    let parts: Vec<String> = troubles
        .iter()
        .map(|(trouble, metrics)| match metrics.as_slice() {
            [] => (*trouble).to_owned(),
            [only] => format!("{trouble}: {only}"),
            [first, rest @ ..] => format!("{trouble}: {first} and {} more", rest.len()),
        })
        .collect();
    parts.join("; ")
}

/// Adds the zeros that CloudWatch leaves out, from the window's start to the newest point.
///
/// Not beyond it: a newer minute may merely be late. Not without any point: then nothing at all was seen.
fn fill_with_zero(points: &mut Vec<(Timestamp, f64)>, window: Window) {
    let known: BTreeMap<Timestamp, f64> = points.iter().copied().collect();
    let Some((&newest, _)) = known.last_key_value() else { return };
    let step = SignedDuration::from_secs(i64::from(PERIOD_S));
    let mut at = timestamp::minute(window.from);
    while at < newest {
        if !known.contains_key(&at) {
            points.push((at, 0.0));
        }
        at += step;
    }
}
