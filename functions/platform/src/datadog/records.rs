//! Logs and events: records with a time, fields, tags and attributes.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::filter::wildcard;
use crate::Moment;

/// The most copies that `every` may make of one record.
const MAX_REPEATS: usize = 60_000;

/// A log line, or many of the same.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Log {
    /// When it was written.
    at: Timestamp,
    /// Writes it again and again after this time, until `until`.
    #[serde(default)]
    every: Option<SignedDuration>,
    /// The end of `every`. Default: the investigation's time.
    #[serde(default)]
    until: Option<Timestamp>,
    /// Service.
    #[serde(default)]
    service: Option<String>,
    /// `error`, `warn`, `info`, …
    #[serde(default = "info")]
    status: String,
    /// Host.
    #[serde(default)]
    host: Option<String>,
    /// Text.
    message: String,
    /// `key:value` tags.
    #[serde(default)]
    tags: Vec<String>,
    /// Structured attributes.
    #[serde(default)]
    attributes: Map<String, Value>,
}

/// An event.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Event {
    /// When it happened.
    pub at: Timestamp,
    /// Title.
    pub title: String,
    /// Text.
    #[serde(default)]
    pub text: String,
    /// `key:value` tags.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Where it came from: `github`, `kubernetes`, `argocd`, `my_apps`.
    #[serde(default = "my_apps")]
    pub source: String,
    /// `change` or `alert`, for events of the newer kind.
    #[serde(default)]
    pub category: Option<String>,
    /// `info`, `warning`, `error`, `success`.
    #[serde(default = "info")]
    pub alert_type: String,
    /// Service.
    #[serde(default)]
    pub service: Option<String>,
    /// Host.
    #[serde(default)]
    pub host: Option<String>,
    /// The monitor that made it.
    #[serde(default)]
    pub monitor_id: Option<u64>,
    /// Further attributes, as the API has them (`changed_resource`, `new_value`, `prev_value`, `author`).
    #[serde(default)]
    pub attributes: Map<String, Value>,
}

fn info() -> String {
    "info".to_owned()
}

fn my_apps() -> String {
    "my_apps".to_owned()
}

/// What both have in common once placed in time.
pub(super) struct Record {
    /// When.
    pub at: Timestamp,
    /// Unique among the records.
    pub id: String,
    text: String,
    tags: Vec<String>,
    /// The fields that a search names without `@`.
    fields: BTreeMap<&'static str, String>,
    /// What a search names with `@`, by path.
    attributes: Value,
    /// As the vendor shows it.
    pub body: Value,
}

/// Something that becomes records.
pub(super) trait Recorded {
    /// The records until now.
    fn records(&self, moment: Moment, index: usize) -> Vec<Record>;
}

impl Recorded for Log {
    fn records(&self, moment: Moment, index: usize) -> Vec<Record> {
        let times = repeated(self.at, self.every, self.until, moment);
        times.enumerate().map(|(n, at)| self.record(at, index, n)).collect()
    }
}

/// The times of a record that may repeat, until now.
pub(super) fn repeated(
    at: Timestamp,
    every: Option<SignedDuration>,
    until: Option<Timestamp>,
    moment: Moment,
) -> impl Iterator<Item = Timestamp> {
    let end = until.unwrap_or(moment.as_of).min(moment.as_of);
    let every = every.filter(SignedDuration::is_positive);
    let mut next = Some(at);
    let times = std::iter::from_fn(move || {
        let at = next?;
        next = every.and_then(|every| at.checked_add(every).ok());
        Some(at)
    });
    times.take_while(move |at| *at <= end).take(MAX_REPEATS)
}

impl Log {
    fn record(&self, at: Timestamp, index: usize, repeat: usize) -> Record {
        let id = format!("AZlog{index:04}{repeat:06}");
        let mut fields = BTreeMap::from([("status", self.status.clone())]);
        fields.extend(self.service.clone().map(|service| ("service", service)));
        fields.extend(self.host.clone().map(|host| ("host", host)));
        let body = json!({"id": id, "type": "log", "attributes": {"timestamp": stamp(at), "host": self.host,
            "service": self.service, "status": self.status, "message": self.message, "tags": self.tags,
            "attributes": self.attributes}});
        let attributes = Value::Object(self.attributes.clone());
        Record { at, id, text: self.message.clone(), tags: self.tags.clone(), fields, attributes, body }
    }
}

impl Recorded for Event {
    fn records(&self, moment: Moment, index: usize) -> Vec<Record> {
        moment.has_seen(self.at).then(|| self.record(index)).into_iter().collect()
    }
}

impl Event {
    fn record(&self, index: usize) -> Record {
        let id = format!("AZevent{index:04}");
        let mut fields =
            BTreeMap::from([("source", self.source.clone()), ("status", self.alert_type.clone())]);
        fields.extend(self.service.clone().map(|service| ("service", service)));
        fields.extend(self.host.clone().map(|host| ("host", host)));
        let mut attributes = self.attributes.clone();
        let mut evt =
            json!({"id": (index + 1).to_string(), "name": self.title, "type": self.source, "source_id": 0});
        if let Some(category) = &self.category {
            evt["category"] = json!(category);
        }
        let own = json!({"title": self.title, "service": self.service, "status": self.alert_type, "evt": evt,
            "monitor_id": self.monitor_id, "aggregation_key": null, "source_type_name": self.source,
            "tags": self.tags, "timestamp": self.at.as_millisecond(), "hostname": self.host});
        if let Value::Object(own) = own {
            attributes.extend(own);
        }
        let attributes = Value::Object(attributes);
        let mut tags = self.tags.clone();
        tags.push(format!("source:{}", self.source));
        let body = json!({"id": id, "type": "event", "attributes": {"timestamp": stamp(self.at),
            "message": self.text, "tags": tags, "attributes": attributes}});
        Record {
            at: self.at,
            id,
            text: format!("{} {}", self.title, self.text),
            tags,
            fields,
            attributes,
            body,
        }
    }
}

impl Record {
    /// A record without tags.
    pub fn new(
        at: Timestamp,
        id: String,
        text: String,
        fields: BTreeMap<&'static str, String>,
        attributes: Value,
        body: Value,
    ) -> Self {
        Self { at, id, text, tags: Vec::new(), fields, attributes, body }
    }

    /// Judges one term of a search.
    pub fn holds(&self, key: Option<&str>, value: &str) -> bool {
        let Some(key) = key else {
            return has_words(&self.text, value);
        };
        if let Some(path) = key.strip_prefix('@') {
            return attribute(&self.attributes, path).is_some_and(|found| is_value(found, value));
        }
        if let Some(field) = self.fields.get(key) {
            return wildcard(value, field);
        }
        let wanted = format!("{key}:{value}");
        self.tags.iter().any(|tag| wildcard(&wanted, tag))
    }

    /// The value a facet groups by.
    pub fn facet(&self, facet: &str) -> Option<String> {
        if let Some(path) = facet.strip_prefix('@') {
            return attribute(&self.attributes, path).map(shown);
        }
        let tag = || {
            self.tags
                .iter()
                .find_map(|tag| tag.split_once(':').filter(|(key, _)| *key == facet))
                .map(|(_, v)| v.to_owned())
        };
        self.fields.get(facet).cloned().or_else(tag)
    }
}

/// Free text: a phrase is found at word boundaries, whatever its case; wildcards match within one word.
fn has_words(text: &str, phrase: &str) -> bool {
    let words = |text: &str| -> Vec<String> {
        text.to_lowercase()
            .split(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '*' | '?')))
            .filter(|word| !word.is_empty())
            .map(str::to_owned)
            .collect()
    };
    let (text, phrase) = (words(text), words(phrase));
    !phrase.is_empty()
        && text
            .windows(phrase.len())
            .any(|window| window.iter().zip(&phrase).all(|(word, wanted)| wildcard(wanted, word)))
}

fn attribute<'a>(attributes: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(attributes, |value, name| value.get(name)).filter(|value| !value.is_null())
}

/// A value as a search compares it.
pub(super) fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// `>=500`, `[400 TO 499]`, a pattern, or text.
fn is_value(found: &Value, wanted: &str) -> bool {
    if let Some(list) = found.as_array() {
        return list.iter().any(|item| is_value(item, wanted));
    }
    let number = found.as_f64().or_else(|| found.as_str()?.parse().ok());
    let compare = |prefix: &str, holds: fn(f64, f64) -> bool| {
        wanted.strip_prefix(prefix).and_then(|limit| Some(holds(number?, limit.trim().parse().ok()?)))
    };
    let range = || {
        let (low, high) = wanted.strip_prefix('[')?.strip_suffix(']')?.split_once(" TO ")?;
        Some((low.trim().parse().ok()?..=high.trim().parse().ok()?).contains(&number?))
    };
    compare(">=", |a, b| a >= b)
        .or_else(|| compare("<=", |a, b| a <= b))
        .or_else(|| compare(">", |a, b| a > b))
        .or_else(|| compare("<", |a, b| a < b))
        .or_else(range)
        .unwrap_or_else(|| wildcard(wanted, &shown(found)))
}

/// Milliseconds, as Datadog prints them.
pub(super) fn stamp(at: Timestamp) -> String {
    format!("{at:.3}")
}
