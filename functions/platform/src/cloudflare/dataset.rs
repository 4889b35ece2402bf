//! The datasets: their fields, and rows of groups over time.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::Moment;
use crate::shape::Shape;

/// Requests or events that are alike.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Group {
    /// What they are, by dimension. A dimension that is left out is empty or 0.
    #[serde(default)]
    dimensions: Map<String, Value>,
    /// How many in each period, rounded.
    count: Shape,
    /// Averages and quantiles over time, by field: `edgeTimeToFirstByteMs`, `originResponseDurationMsP95`. A value that is no
    /// shape holds throughout.
    #[serde(default)]
    measures: BTreeMap<String, Measure>,
    /// Sums per request, by field: `edgeResponseBytes`, `visits`.
    #[serde(default)]
    per_request: BTreeMap<String, f64>,
}

/// A number, or a number over time.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum Measure {
    /// The same throughout.
    Constant(f64),
    /// Over time.
    Over(Shape),
}

/// One group at one time.
#[derive(Debug, Clone)]
pub(super) struct Row {
    /// When.
    pub at: Timestamp,
    /// How many.
    pub count: u64,
    /// Averages and quantiles by field.
    pub measures: BTreeMap<String, f64>,
    /// Sums by field.
    pub sums: BTreeMap<String, f64>,
    dimensions: Map<String, Value>,
}

impl Group {
    /// Its rows between two times, both included, and until now; those without any request are left out.
    pub fn rows(&self, from: Timestamp, to: Timestamp, moment: Moment) -> Vec<Row> {
        let over: BTreeMap<&str, Vec<(Timestamp, f64)>> = self
            .measures
            .iter()
            .map(|(name, measure)| match measure {
                Measure::Constant(value) => (name.as_str(), vec![(Timestamp::MIN, *value)]),
                Measure::Over(shape) => (name.as_str(), shape.points_within(moment, from, to)),
            })
            .collect();
        let row = |(at, value): (Timestamp, f64)| {
            let count = value.round().max(0.0) as u64;
            let newest = |points: &Vec<(Timestamp, f64)>| {
                points[..points.partition_point(|(time, _)| *time <= at)].last().map(|point| point.1)
            };
            let measures = over
                .iter()
                .filter_map(|(name, points)| Some(((*name).to_owned(), newest(points)?)))
                .collect();
            let sums =
                self.per_request.iter().map(|(name, each)| (name.clone(), each * count as f64)).collect();
            Row { at, count, measures, sums, dimensions: self.dimensions.clone() }
        };
        let points = self.count.points_within(moment, from, to).into_iter();
        let points = points.filter(|(at, _)| (from..=to).contains(at));
        points.map(row).filter(|row| row.count > 0).collect()
    }
}

impl Row {
    /// A dimension's value. `datetimeMinute` and its like are the time, cut to that unit.
    pub fn dimension(&self, dataset: &Dataset, name: &str) -> Value {
        let cut = |seconds: i64| {
            let second = self.at.as_second().div_euclid(seconds) * seconds;
            Timestamp::from_second(second).map_or(Value::Null, |at| json!(at))
        };
        match name {
            "datetime" => cut(1),
            "datetimeMinute" => cut(60),
            "datetimeFiveMinutes" => cut(300),
            "datetimeFifteenMinutes" => cut(900),
            "datetimeHour" => cut(3600),
            "date" => json!(self.at.strftime("%Y-%m-%d").to_string()),
            _ => self
                .dimensions
                .get(name)
                .cloned()
                .unwrap_or_else(|| if dataset.numbers.contains(&name) { json!(0) } else { json!("") }),
        }
    }
}

/// A dataset's fields.
#[derive(Debug)]
pub(super) struct Dataset {
    /// Name.
    pub name: &'static str,
    /// True where groups are counted, false where rows are listed.
    pub grouped: bool,
    /// Dimensions that are text or times.
    pub texts: &'static [&'static str],
    /// Dimensions that are numbers.
    pub numbers: &'static [&'static str],
    /// Fields by the node that holds them: `sum`, `avg`, `quantiles`, `ratio`.
    pub nodes: &'static [(&'static str, &'static [&'static str])],
}

impl Dataset {
    /// True for a dimension.
    pub fn has_dimension(&self, name: &str) -> bool {
        self.texts.contains(&name) || self.numbers.contains(&name)
    }

    /// The paths of all its fields, as the settings node spells them: `count`, `sum_visits`, `dimensions_cacheStatus`.
    pub fn paths(&self) -> Vec<String> {
        let prefix = if self.grouped { "dimensions_" } else { "" };
        let mut paths: Vec<String> =
            self.texts.iter().chain(self.numbers).map(|name| format!("{prefix}{name}")).collect();
        if self.grouped {
            paths.push("count".to_owned());
        }
        paths.extend(
            self.nodes
                .iter()
                .flat_map(|(node, names)| names.iter().map(move |name| format!("{node}_{name}"))),
        );
        paths.sort();
        paths
    }
}

/// The datasets of a zone. The account serves the first one too.
pub(super) const DATASETS: &[Dataset] = &[
    Dataset {
        name: "httpRequestsAdaptiveGroups",
        grouped: true,
        texts: &[
            "date",
            "datetime",
            "datetimeMinute",
            "datetimeFiveMinutes",
            "datetimeFifteenMinutes",
            "datetimeHour",
            "cacheStatus",
            "coloCode",
            "upperTierColoName",
            "clientCountryName",
            "clientAsn",
            "clientASNDescription",
            "clientIP",
            "clientRequestHTTPHost",
            "clientRequestPath",
            "clientRequestHTTPMethodName",
            "clientRequestHTTPProtocol",
            "clientSSLProtocol",
            "clientDeviceType",
            "clientRequestReferer",
            "edgeResponseContentTypeName",
            "originIP",
            "userAgent",
            "userAgentBrowser",
            "userAgentOS",
            "requestSource",
            "botScoreSrcName",
            "botManagementDecision",
            "securityAction",
            "securitySource",
            "zoneTag",
        ],
        numbers: &["edgeResponseStatus", "originResponseStatus", "botScore"],
        nodes: &[
            ("sum", &["visits", "edgeResponseBytes", "edgeTimeToFirstByteMs", "originResponseDurationMs"]),
            (
                "avg",
                &[
                    "sampleInterval",
                    "edgeTimeToFirstByteMs",
                    "originResponseDurationMs",
                    "edgeDnsResponseTimeMs",
                ],
            ),
            (
                "quantiles",
                &[
                    "edgeTimeToFirstByteMsP25",
                    "edgeTimeToFirstByteMsP50",
                    "edgeTimeToFirstByteMsP75",
                    "edgeTimeToFirstByteMsP95",
                    "edgeTimeToFirstByteMsP99",
                    "originResponseDurationMsP25",
                    "originResponseDurationMsP50",
                    "originResponseDurationMsP75",
                    "originResponseDurationMsP95",
                    "originResponseDurationMsP99",
                ],
            ),
            ("ratio", &["status4xx", "status5xx"]),
        ],
    },
    Dataset {
        name: "firewallEventsAdaptiveGroups",
        grouped: true,
        nodes: &[("avg", &["sampleInterval"])],
        ..FIREWALL
    },
    FIREWALL,
];

const FIREWALL: Dataset = Dataset {
    name: "firewallEventsAdaptive",
    grouped: false,
    texts: &[
        "date",
        "datetime",
        "datetimeMinute",
        "datetimeFiveMinutes",
        "datetimeFifteenMinutes",
        "datetimeHour",
        "action",
        "source",
        "ruleId",
        "rulesetId",
        "ref",
        "description",
        "rayName",
        "kind",
        "clientIP",
        "clientCountryName",
        "clientAsn",
        "clientASNDescription",
        "clientIPClass",
        "clientRequestHTTPHost",
        "clientRequestPath",
        "clientRequestQuery",
        "clientRequestHTTPProtocol",
        "clientRequestHTTPMethodName",
        "edgeColoName",
        "userAgent",
        "botScoreSrcName",
        "zoneVersion",
    ],
    numbers: &["edgeResponseStatus", "originResponseStatus", "matchIndex", "botScore", "sampleInterval"],
    nodes: &[],
};
