//! Metrics as one JSON line on stdout, in CloudWatch's embedded metric format; its agent on Lambda reads them from the log.
//!
//! The format: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>.
//! Six numbers of one function need no library.

use std::io::Write as _;

use serde_json::{Map, Value, json};

use crate::clock;

/// Where the metrics are found in CloudWatch.
const NAMESPACE: &str = "Sitrep";

/// CloudWatch's units, as far as they are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// A count.
    Count,
    /// Milliseconds.
    Milliseconds,
    /// Anything else.
    None,
}

/// A number.
#[derive(Debug, Clone, Copy)]
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// Its unit.
    pub unit: Unit,
    /// Its value; one that is not finite is left out.
    pub value: f64,
}

/// Writes the metrics under their dimensions. Call it on Lambda only: elsewhere stdout holds results.
pub fn emit(dimensions: &[(&str, &str)], metrics: &[Metric]) {
    let line = line(dimensions, metrics, clock::now().as_millisecond());
    // A log that cannot be written to is nothing a function could mend.
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}

fn line(dimensions: &[(&str, &str)], metrics: &[Metric], millisecond: i64) -> Value {
    let finite: Vec<&Metric> = metrics.iter().filter(|metric| metric.value.is_finite()).collect();
    let named: Vec<Value> = finite
        .iter()
        .map(|metric| json!({"Name": metric.name, "Unit": format!("{:?}", metric.unit)}))
        .collect();
    let keys: Vec<&str> = dimensions.iter().map(|(key, _)| *key).collect();
    let about = json!({"Timestamp": millisecond,
        "CloudWatchMetrics": [{"Namespace": NAMESPACE, "Dimensions": [keys], "Metrics": named}]});
    let mut root = Map::from_iter([("_aws".to_owned(), about)]);
    root.extend(dimensions.iter().map(|(key, value)| ((*key).to_owned(), json!(value))));
    root.extend(finite.iter().map(|metric| (metric.name.to_owned(), json!(metric.value))));
    Value::Object(root)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_named_metric_and_dimension_is_a_member_of_the_root() {
        let metric = |name, value| Metric { name, unit: Unit::Milliseconds, value };
        let line = line(&[("Tier", "deep")], &[metric("A", 1.5), metric("B", f64::NAN)], 7);
        let about = &line["_aws"]["CloudWatchMetrics"][0];
        assert_eq!(about["Dimensions"], json!([["Tier"]]));
        assert_eq!(about["Metrics"], json!([{"Name": "A", "Unit": "Milliseconds"}]));
        assert_eq!((&line["Tier"], &line["A"], line.get("B")), (&json!("deep"), &json!(1.5), None));
        assert_eq!(line["_aws"]["Timestamp"], 7);
    }
}
