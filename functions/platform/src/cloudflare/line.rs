//! One line of an answer: what rows with the same dimensions come to, and how values compare.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::dataset::{Dataset, Row};
use super::document::Field;

/// One line of an answer, with all a line may be sorted by.
pub(super) struct Line {
    count: u64,
    dimensions: Map<String, Value>,
    fields: BTreeMap<String, f64>,
}

impl Line {
    /// Averages and quantiles of a group are the mean of its rows', weighted by their counts.
    pub fn new(dimensions: Map<String, Value>, rows: &[&Row], dataset: &Dataset) -> Self {
        let count: u64 = rows.iter().map(|row| row.count).sum();
        let mut fields: BTreeMap<String, f64> = BTreeMap::new();
        let mut weights: BTreeMap<String, f64> = BTreeMap::new();
        for row in rows {
            for (name, sum) in &row.sums {
                *fields.entry(format!("sum_{name}")).or_default() += sum;
            }
            for (name, value) in &row.measures {
                *fields.entry(name.clone()).or_default() += value * row.count as f64;
                *weights.entry(name.clone()).or_default() += row.count as f64;
            }
            let status = row.dimension(dataset, "edgeResponseStatus").as_u64().unwrap_or(0);
            if let Some(class @ (4 | 5)) = status.checked_div(100) {
                *fields.entry(format!("ratio_status{class}xx")).or_default() +=
                    row.count as f64 / count.max(1) as f64;
            }
        }
        for (name, weight) in weights {
            fields.entry(name).and_modify(|sum| *sum /= weight);
        }
        Self { count, dimensions, fields }
    }

    /// One event.
    pub fn single(dimensions: Map<String, Value>) -> Self {
        Self { count: 1, dimensions, fields: BTreeMap::new() }
    }

    /// What a selected field shows.
    pub fn node(&self, field: &Field) -> Value {
        match field.name.as_str() {
            "count" => json!(self.count),
            "__typename" => json!("object"),
            "dimensions" => field
                .selection
                .iter()
                .map(|field| {
                    (field.key.clone(), self.dimensions.get(&field.name).cloned().unwrap_or_default())
                })
                .collect(),
            node => field
                .selection
                .iter()
                .map(|field| (field.key.clone(), self.field(node, &field.name)))
                .collect(),
        }
    }

    /// A sum or a share of nothing is 0; an average of nothing is null.
    fn field(&self, node: &str, name: &str) -> Value {
        let known = |key: &str| self.fields.get(key).copied();
        match node {
            "sum" => json!(known(&format!("sum_{name}")).unwrap_or(0.0).round() as u64),
            "ratio" => json!(known(&format!("ratio_{name}")).unwrap_or(0.0)),
            _ if name == "sampleInterval" => json!(1),
            _ => known(name).map_or(Value::Null, |value| json!(value)),
        }
    }

    /// What `orderBy` sorts by: `count`, a dimension, or a path such as `sum_visits`.
    pub fn value(&self, name: &str) -> Value {
        if name == "count" {
            return json!(self.count);
        }
        match name.split_once('_') {
            Some((node, field)) if !self.dimensions.contains_key(name) => self.field(node, field),
            _ => self.dimensions.get(name).cloned().unwrap_or_default(),
        }
    }
}

/// Splits `edgeResponseStatus_geq` into field and operator; no suffix is equality.
pub(super) fn operator(name: &str) -> (&str, &str) {
    const SUFFIXES: &[&str] = &["geq", "gt", "leq", "lt", "in", "notin", "neq", "like", "notlike"];
    match name.rsplit_once('_') {
        Some((field, suffix)) if SUFFIXES.contains(&suffix) => (field, suffix),
        _ => (name, "eq"),
    }
}

/// True where a dimension's value fulfils a filter.
pub(super) fn holds(own: &Value, operator: &str, wanted: &Value) -> bool {
    use std::cmp::Ordering::{Equal, Greater, Less};
    let order = compare(own, wanted);
    let listed = || wanted.as_array().into_iter().flatten().any(|item| compare(own, item) == Equal);
    let like = || {
        let pattern =
            wanted.as_str().unwrap_or_default().split('%').map(regex::escape).collect::<Vec<_>>().join(".*");
        let own = own.as_str().unwrap_or_default();
        regex::Regex::new(&format!("(?s)^{pattern}$")).is_ok_and(|pattern| pattern.is_match(own))
    };
    match operator {
        "geq" => order != Less,
        "gt" => order == Greater,
        "leq" => order != Greater,
        "lt" => order == Less,
        "neq" => order != Equal,
        "in" => listed(),
        "notin" => !listed(),
        "like" => like(),
        "notlike" => !like(),
        _ => order == Equal,
    }
}

/// Numbers as numbers, times as times, anything else as text.
pub(super) fn compare(a: &Value, b: &Value) -> std::cmp::Ordering {
    if let (Some(a), Some(b)) = (a.as_f64(), b.as_f64()) {
        return a.total_cmp(&b);
    }
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let (a, b) = (text(a), text(b));
    match (a.parse::<Timestamp>(), b.parse::<Timestamp>()) {
        (Ok(a), Ok(b)) => a.cmp(&b),
        _ => a.cmp(&b),
    }
}
