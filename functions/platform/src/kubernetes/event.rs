//! Events have two shapes, one per group that serves them; a manifest may be written in either.

use serde_json::{Map, Value, json};

/// Field names of the core group and of `events.k8s.io`.
const NAMES: &[(&str, &str)] = &[
    ("involvedObject", "regarding"),
    ("message", "note"),
    ("firstTimestamp", "deprecatedFirstTimestamp"),
    ("lastTimestamp", "deprecatedLastTimestamp"),
    ("count", "deprecatedCount"),
    ("source", "deprecatedSource"),
    ("reportingComponent", "reportingController"),
];

/// The event as `group` shows it. What was made through the old API has a null `eventTime`.
pub(super) fn to(object: Value, group: &str) -> Value {
    let Value::Object(fields) = object else { return object };
    let is_new = group == "events.k8s.io";
    let rename = |name: String| {
        let found = NAMES.iter().find(|(old, new)| if is_new { *old == name } else { *new == name });
        found.map_or(name, |(old, new)| (if is_new { *new } else { *old }).to_owned())
    };
    let mut fields: Map<String, Value> =
        fields.into_iter().map(|(name, value)| (rename(name), value)).collect();
    fields.insert("apiVersion".to_owned(), json!(if is_new { "events.k8s.io/v1" } else { "v1" }));
    fields.entry("eventTime").or_insert(Value::Null);
    let source = if is_new { "deprecatedSource" } else { "source" };
    let component = fields.get(source).map(|source| source["component"].clone()).unwrap_or(Value::Null);
    let reporter = if is_new { "reportingController" } else { "reportingComponent" };
    fields.entry(reporter).or_insert(if component.is_null() { json!("") } else { component });
    Value::Object(fields)
}
