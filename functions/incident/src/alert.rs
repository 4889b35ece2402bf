//! The normalised Datadog webhook.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The version of the alert format.
pub const VERSION: u32 = 1;

/// What the monitor did. Datadog's words, normalised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Transition {
    /// `Triggered`.
    Triggered,
    /// `Re-Triggered`.
    ReTriggered,
    /// `Warn`.
    Warn,
    /// `Re-Warn`.
    ReWarn,
    /// `No Data`.
    NoData,
    /// `Re-No Data`.
    ReNoData,
    /// `Renotify`.
    Renotify,
    /// `Recovered`.
    Recovered,
}

impl Transition {
    /// True where the same transition may rightly happen again within one cycle, so the event's time tells them apart.
    pub fn repeats(self) -> bool {
        matches!(self, Self::ReTriggered | Self::ReWarn | Self::ReNoData | Self::Renotify)
    }

    /// The word used in names and in text.
    pub fn word(self) -> &'static str {
        match self {
            Self::Triggered => "triggered",
            Self::ReTriggered => "re-triggered",
            Self::Warn => "warn",
            Self::ReWarn => "re-warn",
            Self::NoData => "no data",
            Self::ReNoData => "re-no data",
            Self::Renotify => "renotify",
            Self::Recovered => "recovered",
        }
    }
}

/// An alert. Whatever Datadog left empty or unsubstituted is absent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Alert {
    /// [`VERSION`].
    pub version: u32,
    /// Datadog's event id; differs per notification.
    pub event_id: String,
    /// Links trigger, renotify and recovery of one cycle, per group.
    #[serde(default)]
    pub cycle_key: Option<String>,
    /// Monitor id.
    #[serde(default)]
    pub monitor_id: Option<String>,
    /// What happened.
    pub transition: Transition,
    /// The monitor's title, without Datadog's `[Triggered on {…}]` prefix.
    pub title: String,
    /// The monitor's message, cut.
    #[serde(default)]
    pub message: String,
    /// The monitor's query.
    #[serde(default)]
    pub query: Option<String>,
    /// The metric it watches.
    #[serde(default)]
    pub metric: Option<String>,
    /// The group that triggered, as tags.
    #[serde(default)]
    pub scope: Vec<String>,
    /// All tags, `key:value`.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Host, for a host-scoped monitor.
    #[serde(default)]
    pub host: Option<String>,
    /// `P1`…`P5`.
    #[serde(default)]
    pub priority: Option<String>,
    /// The value, where the status line states one.
    #[serde(default)]
    pub value: Option<f64>,
    /// The threshold, from the status line or the query.
    #[serde(default)]
    pub threshold: Option<f64>,
    /// Datadog's one-line status.
    #[serde(default)]
    pub status: Option<String>,
    /// When the event happened, by Datadog's clock; later than the onset for cloud metrics.
    pub at: Timestamp,
    /// Event link.
    #[serde(default)]
    pub link: Option<String>,
    /// Graph image.
    #[serde(default)]
    pub snapshot: Option<String>,
    /// Organisation id.
    #[serde(default)]
    pub org_id: Option<String>,
}

impl Alert {
    /// The value of the first tag `key:…`, looking in the triggering group before all tags.
    pub fn tag(&self, key: &str) -> Option<&str> {
        self.scope
            .iter()
            .chain(&self.tags)
            .find_map(|tag| tag.split_once(':').filter(|(k, v)| *k == key && !v.is_empty()).map(|(_, v)| v))
    }
}
