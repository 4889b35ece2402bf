//! The custom webhook template (`docs/datadog-webhook.md`) to an [`Alert`].
//!
//! Every value arrives as text. A variable that Datadog could not fill arrives literally (`"$HOSTNAME"`) or empty: both are
//! absent. Only what an investigation cannot do without is required.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use incident::redact::redact;
use incident::{Alert, Timestamp, Transition, alert, size};
use regex::Regex;
use serde_json::Value;

/// The schema that the template announces.
const SCHEMA: &str = "dd-1";
/// Tags kept.
const MAX_TAGS: usize = 60;

/// Why a body is not ours. Each says what and where.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// Not JSON.
    #[error("the body is not JSON: {0}")]
    NotJson(String),
    /// Not our template.
    #[error("source_schema is {0}, not \"{SCHEMA}\": use the payload template from docs/datadog-webhook.md")]
    OtherSchema(String),
    /// A required field is absent.
    #[error("{field} is {got}: the template must fill it with {variable}")]
    Missing {
        /// Field.
        field: &'static str,
        /// What arrived.
        got: String,
        /// Datadog's variable.
        variable: &'static str,
    },
}

/// Parses a body.
pub fn alert_from_body(body: &[u8]) -> Result<Alert, TemplateError> {
    let value: Value =
        serde_json::from_slice(body).map_err(|error| TemplateError::NotJson(error.to_string()))?;
    let schema = value.get("source_schema").cloned().unwrap_or(Value::Null);
    if schema != SCHEMA {
        return Err(TemplateError::OtherSchema(size::cut(&schema.to_string(), 60)));
    }
    let fields = Fields::new(&value);
    let transition = fields.need("transition", "$ALERT_TRANSITION", transition)?;
    let at = fields.need("date_ms", "$DATE", millis)?;
    let event_id = fields.need("event_id", "$ID", |text| Some(text.to_owned()))?;
    let status = fields.text("status");
    let query = fields.text("query");
    let title = fields
        .text("monitor_title")
        .or_else(|| fields.text("title").map(|title| without_prefix(&title).to_owned()))
        .unwrap_or_else(|| "untitled monitor".to_owned());
    let alert = Alert {
        version: alert::VERSION,
        event_id,
        cycle_key: fields.text("cycle_key"),
        monitor_id: fields.text("monitor_id"),
        transition,
        title: redact(&title).into_owned(),
        message: redact(&fields.text("message").unwrap_or_default()).into_owned(),
        metric: fields.text("metric"),
        scope: tags(fields.text("scope")),
        tags: tags(fields.text("tags")),
        host: fields.text("host"),
        priority: fields.text("monitor_priority"),
        value: status.as_deref().and_then(stated_value),
        threshold: status
            .as_deref()
            .and_then(stated_threshold)
            .or_else(|| query.as_deref().and_then(stated_threshold)),
        status: status.map(|status| redact(&status).into_owned()),
        query: query.map(|query| redact(&query).into_owned()),
        at,
        link: fields.text("link"),
        snapshot: fields.text("snapshot"),
        org_id: fields.text("org_id"),
    };
    Ok(alert.fit())
}

struct Fields(BTreeMap<String, String>);

impl Fields {
    fn new(value: &Value) -> Self {
        let present = |(key, value): (&String, &Value)| {
            let text = match value {
                Value::String(text) => text.trim().to_owned(),
                Value::Number(number) => number.to_string(),
                _ => return None,
            };
            (!text.is_empty() && !is_unfilled(&text)).then(|| (key.clone(), text))
        };
        Self(value.as_object().into_iter().flatten().filter_map(present).collect())
    }

    fn text(&self, key: &str) -> Option<String> {
        self.0.get(key).cloned()
    }

    fn need<T>(
        &self,
        field: &'static str,
        variable: &'static str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Result<T, TemplateError> {
        let text = self.0.get(field);
        text.and_then(|text| read(text)).ok_or_else(|| TemplateError::Missing {
            field,
            variable,
            got: text.map_or_else(|| "absent".to_owned(), |text| format!("'{}'", size::cut(text, 60))),
        })
    }
}

/// A variable that Datadog left as it was: `$HOSTNAME`, `$TAGS[env]`.
fn is_unfilled(text: &str) -> bool {
    text.strip_prefix('$').is_some_and(|name| {
        let name = name.split('[').next().unwrap_or_default();
        !name.is_empty() && name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
    }) || text == "null"
}

fn transition(text: &str) -> Option<Transition> {
    Some(match text.to_lowercase().as_str() {
        "triggered" => Transition::Triggered,
        "re-triggered" => Transition::ReTriggered,
        "warn" => Transition::Warn,
        "re-warn" => Transition::ReWarn,
        "no data" => Transition::NoData,
        "re-no data" => Transition::ReNoData,
        "renotify" => Transition::Renotify,
        "recovered" => Transition::Recovered,
        _ => return None,
    })
}

fn millis(text: &str) -> Option<Timestamp> {
    Timestamp::from_millisecond(text.parse().ok()?).ok()
}

fn tags(text: Option<String>) -> Vec<String> {
    text.unwrap_or_default()
        .split(',')
        .map(str::trim)
        .filter(|tag| !tag.is_empty() && *tag != "*")
        .take(MAX_TAGS)
        .map(|tag| size::cut(tag, 200))
        .collect()
}

/// The title without `[Triggered on {host:x}]`, which repeats what the scope says.
fn without_prefix(title: &str) -> &str {
    static PREFIX: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"^\[(?:P\d\]\s*\[)?[^\]{]*(?:\{[^}]*\})?[^\]]*\]\s*").ok());
    PREFIX.as_ref().and_then(|prefix| prefix.find(title)).map_or(title, |found| &title[found.end()..])
}

/// A number as Datadog prints it, to its end: `95.0`, `1.2e+09`.
const NUMBER: &str = r"(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)(?:[^\w.]|\.\D|\.?$)";

/// The value in a status line such as `aws.rds.cpuutilization over … was 95.0 (> 80.0) on average during the last 5m.`
fn stated_value(status: &str) -> Option<f64> {
    static VALUE: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(&format!(r"(?i)\b(?:was|is|value:?)\s+{NUMBER}")).ok());
    number(VALUE.as_ref()?.captures(status)?.get(1)?.as_str())
}

/// The threshold: the last comparison in a status line or a query.
fn stated_threshold(text: &str) -> Option<f64> {
    static THRESHOLD: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(&format!(r"[<>]=?\s*{NUMBER}")).ok());
    number(THRESHOLD.as_ref()?.captures_iter(text).last()?.get(1)?.as_str())
}

/// Finite, or nothing was stated.
fn number(text: &str) -> Option<f64> {
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn body(changes: Value) -> Vec<u8> {
        let mut body = json!({
            "source_schema": "dd-1", "event_id": "77", "monitor_id": "12", "cycle_key": "abc", "transition": "Triggered",
            "title": "[Triggered on {dbinstanceidentifier:db-1}] CPU high", "monitor_title": "$ALERT_TITLE",
            "status": "aws.rds.cpuutilization over dbinstanceidentifier:db-1 was 95.0 (> 80.0) on average during the last 5m.",
            "query": "avg(last_5m):avg:aws.rds.cpuutilization{dbinstanceidentifier:db-1} > 80", "scope": "dbinstanceidentifier:db-1",
            "tags": "env:prod, dbinstanceidentifier:db-1", "host": "$HOSTNAME", "date_ms": "1700000000000", "org_id": "",
        });
        for (key, value) in changes.as_object().unwrap() {
            body[key] = value.clone();
        }
        body.to_string().into_bytes()
    }

    #[test]
    fn the_template_becomes_an_alert_and_unfilled_variables_are_absent() {
        let alert = alert_from_body(&body(json!({}))).unwrap();
        assert_eq!(alert.title, "CPU high");
        assert_eq!((alert.value, alert.threshold), (Some(95.0), Some(80.0)));
        assert_eq!(alert.host, None);
        assert_eq!(alert.org_id, None);
        assert_eq!(alert.tag("dbinstanceidentifier"), Some("db-1"));
    }

    #[test]
    fn without_a_status_line_the_threshold_comes_from_the_query_and_the_value_is_absent() {
        let alert = alert_from_body(&body(json!({"status": "$ALERT_STATUS"}))).unwrap();
        assert_eq!((alert.value, alert.threshold), (None, Some(80.0)));
    }

    #[test]
    fn numbers_are_read_whole_or_not_at_all() {
        for (status, value, threshold) in [
            ("freeable was 1.2e+09 (< 2e+09)", Some(1.2e9), Some(2e9)),
            ("At least 3 of 5 hosts breached; average was 95.0 (> 80.0)", Some(95.0), Some(80.0)),
            ("it was 1e999", None, None),
            ("latency was 0.5s (> 0.3s)", None, None),
            ("errors was 12.", Some(12.0), None),
            ("errors was 12", Some(12.0), None),
        ] {
            assert_eq!((stated_value(status), stated_threshold(status)), (value, threshold), "{status}");
        }
    }

    #[test]
    fn a_secret_in_a_title_or_a_status_line_is_masked() {
        let alert = alert_from_body(&body(
            json!({"title": "x api_key=abcdef123456", "status": "token=abcdef123456"}),
        ));
        let text = serde_json::to_string(&alert.unwrap()).unwrap();
        assert!(!text.contains("abcdef123456"), "{text}");
    }

    #[test]
    fn what_is_not_ours_is_refused_with_what_and_how() {
        let error = |bytes: &[u8]| alert_from_body(bytes).unwrap_err().to_string();
        assert!(error(b"a=b").contains("not JSON"));
        assert!(error(&body(json!({"source_schema": "x"}))).contains("docs/datadog-webhook.md"));
        assert!(error(&body(json!({"transition": "$ALERT_TRANSITION"}))).contains("$ALERT_TRANSITION"));
        assert!(error(&body(json!({"date_ms": "yesterday"}))).contains("'yesterday'"));
    }
}
