//! The brief as a value: rendered text, Slack blocks, and where it was posted.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The version of the brief format.
pub const VERSION: u32 = 1;

/// Which of the brief's appearances.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// "Investigating…", at once.
    Announce,
    /// From the weighed diagnosis, before any model was asked.
    Draft,
    /// The last word.
    Final,
    /// The alert alone, when everything else failed.
    Alone,
    /// The alert alone, where too many investigations ran for too long to look into it.
    Waited,
    /// What happened since, for the thread.
    News,
}

impl Stage {
    /// Whether the brief has the alert and nothing that was found out about it.
    pub fn is_alone(self) -> bool {
        matches!(self, Self::Alone | Self::Waited)
    }

    /// Whether no other appearance follows in its place.
    pub fn is_last(self) -> bool {
        self == Self::Final || self.is_alone()
    }
}

/// How posting went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Posted {
    /// In Slack.
    Slack,
    /// No Slack configured: whoever runs the workflow prints it.
    Terminal,
    /// Slack was configured and failed; the gap says how.
    Failed,
}

/// What announcing returned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Announcement {
    /// How it went.
    pub posted: Posted,
    /// Slack channel id.
    #[serde(default)]
    pub channel: Option<String>,
    /// The message's timestamp: a string, never a number.
    #[serde(default)]
    pub ts: Option<String>,
    /// Why it failed, when it did.
    #[serde(default)]
    pub gap: Option<crate::Gap>,
}

/// A rendered brief.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Brief {
    /// [`VERSION`].
    pub version: u32,
    /// Which appearance.
    pub stage: Stage,
    /// The headline, one line: also the notification text.
    pub headline: String,
    /// The whole brief as plain text.
    pub text: String,
    /// Slack Block Kit blocks.
    #[serde(default)]
    pub blocks: Vec<serde_json::Value>,
    /// Where it went.
    pub posted: Posted,
    /// Slack channel id.
    #[serde(default)]
    pub channel: Option<String>,
    /// Slack message timestamp.
    #[serde(default)]
    pub ts: Option<String>,
    /// Why posting failed, when it did.
    #[serde(default)]
    pub gap: Option<crate::Gap>,
    /// Present and true where it was not posted and a later attempt may help.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub again: Option<bool>,
}
