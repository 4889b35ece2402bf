//! The normalised Datadog webhook.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::size;

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

/// Bytes that an id, a name or a tag keeps.
const NAME_BYTES: usize = 200;
/// Bytes that a title, a status line or a query keeps.
const LINE_BYTES: usize = 1_000;
/// Bytes that the message keeps.
const MESSAGE_BYTES: usize = 2_000;
/// A longer link is dropped: half a link leads nowhere.
const LINK_BYTES: usize = 800;

impl Alert {
    /// The alert within its byte budget ([`size::ALERT`]): everything here comes from outside and may have any length. Fields are
    /// cut one by one; should that not do, the last tags go, and then everything is cut again, harder.
    pub fn fit(mut self) -> Self {
        self.link = self.link.filter(|link| link.len() <= LINK_BYTES);
        self.snapshot = self.snapshot.filter(|link| link.len() <= LINK_BYTES);
        self.cut(NAME_BYTES, LINE_BYTES, MESSAGE_BYTES);
        while size::of(&self) > size::ALERT && (self.tags.pop().is_some() || self.scope.pop().is_some()) {}
        let mut bytes = NAME_BYTES;
        while size::of(&self) > size::ALERT && bytes > 1 {
            self.cut(bytes, bytes, bytes);
            bytes /= 2;
        }
        self
    }

    fn cut(&mut self, name: usize, line: usize, message: usize) {
        let names = [
            &mut self.cycle_key,
            &mut self.monitor_id,
            &mut self.metric,
            &mut self.host,
            &mut self.priority,
            &mut self.org_id,
        ];
        let names = names
            .into_iter()
            .flatten()
            .chain([&mut self.event_id])
            .chain(&mut self.scope)
            .chain(&mut self.tags);
        names.for_each(|text| *text = size::cut_bytes(text, name));
        let lines = [&mut self.status, &mut self.query].into_iter().flatten().chain([&mut self.title]);
        lines.for_each(|text| *text = size::cut_bytes(text, line));
        self.message = size::cut_bytes(&self.message, message);
    }

    /// The value of the first tag `key:…`, looking in the triggering group before all tags.
    pub fn tag(&self, key: &str) -> Option<&str> {
        self.scope
            .iter()
            .chain(&self.tags)
            .filter_map(|tag| tag.split_once(':'))
            // `service:*` is a group of everything, and a wildcard in a vendor's query would ask for everything.
            .find_map(|(k, v)| (k == key && !v.is_empty() && !v.contains(['*', '?'])).then_some(v))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alert(long: &str) -> Alert {
        let text = || Some(long.to_owned());
        Alert {
            version: VERSION,
            event_id: long.to_owned(),
            cycle_key: text(),
            monitor_id: text(),
            transition: Transition::Triggered,
            title: long.to_owned(),
            message: long.to_owned(),
            query: text(),
            metric: text(),
            scope: vec![long.to_owned(); 60],
            tags: vec![long.to_owned(); 60],
            host: text(),
            priority: text(),
            value: None,
            threshold: None,
            status: text(),
            at: Timestamp::UNIX_EPOCH,
            link: text(),
            snapshot: text(),
            org_id: text(),
        }
    }

    #[test]
    fn an_alert_of_any_length_keeps_its_budget() {
        for long in ["x", "漢", "\"", "\u{1}"].map(|unit| unit.repeat(250_000)) {
            let alert = alert(&long).fit();
            assert!(size::of(&alert) <= size::ALERT, "{} bytes", size::of(&alert));
            assert!(!alert.title.is_empty() && alert.link.is_none());
        }
    }

    #[test]
    fn a_wildcard_is_no_name() {
        let mut alert = alert("x");
        alert.tags = vec!["service:*".to_owned(), "service:cart".to_owned()];
        assert_eq!(alert.tag("service"), Some("cart"));
    }
}
