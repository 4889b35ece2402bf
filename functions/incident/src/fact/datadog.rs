//! Datadog: monitors, logs, deploys, service level objectives, synthetic tests, traced requests.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A Datadog monitor.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MonitorState {
    /// Its name.
    #[serde(default)]
    pub name: String,
    /// `query alert`, `log alert`, `composite`, …
    #[serde(default)]
    pub monitor_type: String,
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
///
/// Where more lines matched than were read, `counted` says whether Datadog counted the pattern itself, over the whole window.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LogPattern {
    /// The pattern.
    pub pattern: String,
    /// `error`, `warn`, `info`.
    pub status: String,
    /// The service that wrote them.
    #[serde(default)]
    pub service: Option<String>,
    /// How many: of the whole window where `counted` is true, else within what was read.
    pub count: u32,
    /// True where the count, first and last are of the whole window: every line was read, or Datadog counted them.
    #[serde(default)]
    pub counted: bool,
    /// First seen.
    pub first: Timestamp,
    /// Last seen.
    pub last: Timestamp,
    /// One line in full, redacted and cut.
    pub sample: String,
}

/// A deploy or change told by a pipeline: an event of the stream, or a DORA deployment. The finding's time is when it was told,
/// or when the deployment started where that is known.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeployEvent {
    /// What was said.
    pub title: String,
    /// The service it names.
    #[serde(default)]
    pub service: Option<String>,
    /// The version it names.
    #[serde(default)]
    pub version: Option<String>,
    /// The version before, where the event says.
    #[serde(default)]
    pub previous_version: Option<String>,
    /// The environment it names.
    #[serde(default)]
    pub env: Option<String>,
    /// When the deployment finished; DORA deployments alone say.
    #[serde(default)]
    pub finished_at: Option<Timestamp>,
    /// The commit that was deployed, in full.
    #[serde(default)]
    pub commit: Option<String>,
    /// Who did it, as the event says.
    #[serde(default)]
    pub author: Option<String>,
}

/// How many lines a query of logs matches in a window, counted by Datadog and not by reading them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LogVolume {
    /// Lines in the window of the finding.
    pub lines: u64,
    /// Lines in the window of equal length just before it, when read.
    #[serde(default)]
    pub lines_before: Option<u64>,
    /// By status: `error` → n.
    #[serde(default)]
    pub by_status: BTreeMap<String, u64>,
    /// By service.
    #[serde(default)]
    pub by_service: BTreeMap<String, u64>,
}

/// A service level objective. The finding's object is the SLO, by its id.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SloStatus {
    /// Its name.
    pub name: String,
    /// The service its tags name.
    #[serde(default)]
    pub service: Option<String>,
    /// Target over the time frame, percent.
    pub target: f64,
    /// `7d`, `30d`, `90d`.
    pub timeframe: String,
    /// What was reached over the time frame so far, percent.
    #[serde(default)]
    pub sli: Option<f64>,
    /// Datadog's word over the time frame: `ok`, `warning`, `breached`.
    #[serde(default)]
    pub state: Option<String>,
    /// What is left of the error budget of the time frame, percent; negative when it is overspent.
    #[serde(default)]
    pub error_budget_remaining: Option<f64>,
    /// Burn rates by window (`5m`, `1h`, `6h`): (1 − sli) ÷ (1 − target) over that window. 1 spends the budget in exactly the
    /// time frame; 14.4 over an hour is the usual reason to page.
    #[serde(default)]
    pub burn: BTreeMap<String, f64>,
}

/// A synthetic test: a probe from outside. The finding's object is the test, its time the first failure of those in a row, or
/// the newest result where the last one passed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SyntheticTest {
    /// Its name.
    pub name: String,
    /// `api` or `browser`.
    pub test_type: String,
    /// What it asks for, where the test says: `GET https://shop.example/health`.
    #[serde(default)]
    pub target: Option<String>,
    /// Results that passed in the window.
    pub passed: u32,
    /// Results that failed in the window.
    pub failed: u32,
    /// Failed results by location: `aws:eu-west-1` → n.
    #[serde(default)]
    pub failed_by_location: BTreeMap<String, u32>,
    /// Since when the results have failed without one that passed; absent where the newest passed.
    #[serde(default)]
    pub failing_since: Option<Timestamp>,
}

/// A figure now and as it was.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NowAndBefore {
    /// In the window.
    #[serde(default)]
    pub now: Option<f64>,
    /// In the window it is compared with.
    #[serde(default)]
    pub before: Option<f64>,
}

/// What one resource (a route, a method) of a service takes of its requests.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ResourceShare {
    /// `GET /orders/{id}`.
    pub name: String,
    /// Requests in the window, and before.
    pub requests: NowAndBefore,
    /// Errors in the window, and before.
    #[serde(default)]
    pub errors: NowAndBefore,
}

/// The requests that a service answered, as its tracer counted them: the window of the finding against the same one an hour
/// earlier. The finding's object is the service.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ApmService {
    /// The traced operation: `http.request`, `grpc.server`.
    pub operation: String,
    /// Requests.
    #[serde(default)]
    pub requests: NowAndBefore,
    /// Requests that ended in an error.
    #[serde(default)]
    pub errors: NowAndBefore,
    /// Errors ÷ requests, 0–1. Where there were requests and no error was reported, 0: Datadog writes no point for none.
    #[serde(default)]
    pub error_rate: NowAndBefore,
    /// Median latency, milliseconds.
    #[serde(default)]
    pub p50_ms: NowAndBefore,
    /// 95th percentile of latency, milliseconds.
    #[serde(default)]
    pub p95_ms: NowAndBefore,
    /// 99th percentile of latency, milliseconds.
    #[serde(default)]
    pub p99_ms: NowAndBefore,
    /// The mix of requests, most first.
    #[serde(default)]
    pub resources: Vec<ResourceShare>,
}

/// Failed requests that have something in common, counted from sampled spans: of more requests than were traced, the share counts.
/// The finding's object is the service.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SpanErrors {
    /// `GET /orders/{id}`.
    pub resource: String,
    /// The kind of error: `TimeoutError`.
    pub error: String,
    /// Error spans in the window of the finding.
    pub spans: u64,
}
