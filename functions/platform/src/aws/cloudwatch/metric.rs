//! One metric of the world, one query of a request, and how the first answers the second.

use std::collections::BTreeMap;

use ciborium::Value as Cbor;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::super::call::Refusal;
use super::super::cbor;
use super::super::page::text;
use super::invalid;
use crate::Moment;
use crate::shape::Shape;

/// A metric: a name in a namespace with exactly these dimensions.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Metric {
    /// `AWS/RDS`.
    pub namespace: String,
    /// `CPUUtilization`.
    pub metric: String,
    /// A query must name all of them and no others.
    #[serde(default)]
    pub dimensions: BTreeMap<String, String>,
    /// The statistics that have data. Default: all.
    #[serde(default)]
    pub stats: Vec<String>,
    /// `Percent`, `Count`, `Seconds`, `Bytes`, …: a query that names another unit finds nothing.
    #[serde(default)]
    pub unit: Option<String>,
    /// One sample per point. Statistics over longer periods are formed of the samples.
    pub series: Shape,
    /// What the result says of itself. `Forbidden` and `InternalError` carry no points. Default `Complete`.
    #[serde(default)]
    pub status: Status,
}

/// How CloudWatch read one query.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Status {
    /// All of it.
    #[default]
    Complete,
    /// Some of it.
    PartialData,
    /// None of it, and asking again may help.
    InternalError,
    /// None of it: not allowed.
    Forbidden,
}

/// One `MetricDataQuery`.
#[derive(Debug)]
pub struct Query {
    pub id: String,
    pub return_data: bool,
    label: Option<String>,
    namespace: String,
    metric: String,
    dimensions: BTreeMap<String, String>,
    period: i64,
    stat: String,
    unit: Option<String>,
}

impl Query {
    /// Reads and checks a query. Metric math and Metrics Insights are refused: answering them wrongly would be worse.
    pub fn read(query: &Value) -> Result<Self, Refusal> {
        let id = text(query, "Id");
        let well_formed = id.chars().next().is_some_and(|c| c.is_ascii_lowercase())
            && id.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if !well_formed {
            return Err(invalid(format!(
                "The value {id} for parameter MetricDataQueries.Id is not matching the expected pattern ^[a-z][a-zA-Z0-9_]*$."
            )));
        }
        let stat = &query["MetricStat"];
        if stat.is_null() {
            return Err(invalid(format!("The query {id} has no MetricStat; expressions are not simulated.")));
        }
        let period = stat["Period"].as_i64().unwrap_or_default();
        if !matches!(period, 1 | 5 | 10 | 20 | 30) && (period <= 0 || period % 60 != 0) {
            return Err(invalid(format!(
                "Period must be 1, 5, 10, 20, 30 or a multiple of 60, not {period}."
            )));
        }
        let name = text(stat, "Stat");
        if Statistic::read(name).is_none() {
            return Err(invalid(format!(
                "The value {name} for parameter MetricDataQueries.MetricStat.Stat is not supported."
            )));
        }
        let metric = &stat["Metric"];
        let dimensions = metric["Dimensions"].as_array().into_iter().flatten();
        Ok(Self {
            id: id.to_owned(),
            return_data: query["ReturnData"].as_bool().unwrap_or(true),
            label: query["Label"].as_str().map(str::to_owned),
            namespace: text(metric, "Namespace").to_owned(),
            metric: text(metric, "MetricName").to_owned(),
            dimensions: dimensions
                .map(|d| (text(d, "Name").to_owned(), text(d, "Value").to_owned()))
                .collect(),
            period,
            stat: name.to_owned(),
            unit: stat["Unit"].as_str().map(str::to_owned),
        })
    }

    /// The `MetricDataResult` in wire form.
    pub fn result(&self, metric: Option<&Metric>, points: &[(Timestamp, f64)], goes_on: bool) -> Cbor {
        let status = match metric.map(|metric| metric.status).unwrap_or_default() {
            Status::Complete if goes_on => Status::PartialData,
            status => status,
        };
        let member = |name: &str, value: Cbor| (Cbor::Text(name.to_owned()), value);
        let text = |text: &str| Cbor::Text(text.to_owned());
        Cbor::Map(vec![
            member("Id", text(&self.id)),
            member("Label", text(self.label.as_deref().unwrap_or(&self.metric))),
            member("Timestamps", Cbor::Array(points.iter().map(|(at, _)| cbor::time(*at)).collect())),
            member("Values", Cbor::Array(points.iter().map(|(_, value)| Cbor::Float(*value)).collect())),
            member("StatusCode", Cbor::Text(format!("{status:?}"))),
        ])
    }
}

impl Metric {
    /// True for the metric that a query names.
    pub fn is_asked_by(&self, query: &Query) -> bool {
        self.namespace == query.namespace
            && self.metric == query.metric
            && self.dimensions == query.dimensions
    }

    /// One value per period, oldest first: `start` included and taken down to its minute, `end` excluded.
    pub fn points(
        &self,
        query: &Query,
        (start, end): (Timestamp, Timestamp),
        moment: Moment,
    ) -> Vec<(Timestamp, f64)> {
        let withheld = matches!(self.status, Status::InternalError | Status::Forbidden);
        let other_unit = query.unit.is_some() && query.unit != self.unit;
        let other_stat = !self.stats.is_empty() && !self.stats.contains(&query.stat);
        let (false, Some(statistic)) = (withheld || other_unit || other_stat, Statistic::read(&query.stat))
        else {
            return Vec::new();
        };
        let start = start.as_second().div_euclid(60) * 60;
        let mut bins: BTreeMap<i64, Vec<f64>> = BTreeMap::new();
        for (at, value) in self.series.points(moment) {
            let second = at.as_second();
            let bin = second.div_euclid(query.period) * query.period;
            if start <= second && at < end {
                bins.entry(bin).or_default().push(value);
            }
        }
        bins.into_iter()
            .filter_map(|(bin, samples)| Some((Timestamp::from_second(bin).ok()?, statistic.of(samples))))
            .collect()
    }
}

/// What is formed of the samples of a period.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Statistic {
    Average,
    Sum,
    Minimum,
    Maximum,
    SampleCount,
    Percentile(f64),
}

impl Statistic {
    fn read(name: &str) -> Option<Self> {
        Some(match name {
            "Average" => Self::Average,
            "Sum" => Self::Sum,
            "Minimum" => Self::Minimum,
            "Maximum" => Self::Maximum,
            "SampleCount" => Self::SampleCount,
            _ => {
                let percent: f64 = name.strip_prefix('p')?.parse().ok()?;
                (0.0..=100.0).contains(&percent).then_some(Self::Percentile(percent))?
            }
        })
    }

    /// `samples` are not empty.
    fn of(self, mut samples: Vec<f64>) -> f64 {
        let count = samples.len();
        match self {
            Self::Average => samples.iter().sum::<f64>() / count as f64,
            Self::Sum => samples.iter().sum(),
            Self::Minimum => samples.iter().copied().fold(f64::INFINITY, f64::min),
            Self::Maximum => samples.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            Self::SampleCount => count as f64,
            Self::Percentile(percent) => {
                samples.sort_by(f64::total_cmp);
                let rank = (percent / 100.0 * count as f64).ceil() as usize;
                samples[rank.clamp(1, count) - 1]
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statistics_are_formed_of_the_samples_of_a_period() {
        for (name, expected) in [
            ("Average", 2.5),
            ("Sum", 10.0),
            ("Minimum", 1.0),
            ("Maximum", 4.0),
            ("SampleCount", 4.0),
            ("p50", 2.0),
        ] {
            assert_eq!(Statistic::read(name).unwrap().of(vec![4.0, 1.0, 3.0, 2.0]), expected, "{name}");
        }
        for bad in ["average", "p101", "p", ""] {
            assert_eq!(Statistic::read(bad), None, "{bad}");
        }
    }
}
