//! Datadog: monitors, logs, deploy events.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A Datadog monitor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MonitorState {
    /// `overall_state`: `Alert`, `Warn`, `OK`, `No Data`.
    pub state: String,
    /// Its query.
    pub query: String,
    /// Critical threshold, when it has one.
    #[serde(default)]
    pub threshold: Option<f64>,
    /// Its groups that are not OK: group → (state, last triggered).
    #[serde(default)]
    pub groups: BTreeMap<String, (String, Option<Timestamp>)>,
    /// Links of category runbook.
    #[serde(default)]
    pub runbooks: Vec<String>,
}

/// Log lines that share a pattern: numbers, ids and quoted values replaced by `*`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LogPattern {
    /// The pattern.
    pub pattern: String,
    /// `error`, `warn`, `info`.
    pub status: String,
    /// The service that wrote them.
    #[serde(default)]
    pub service: Option<String>,
    /// How many, within what was read.
    pub count: u32,
    /// First seen.
    pub first: Timestamp,
    /// Last seen.
    pub last: Timestamp,
    /// One line in full, redacted and cut.
    pub sample: String,
}

/// A deploy or change told by a pipeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeployEvent {
    /// What was said.
    pub title: String,
    /// The service it names.
    #[serde(default)]
    pub service: Option<String>,
    /// The version it names.
    #[serde(default)]
    pub version: Option<String>,
}
