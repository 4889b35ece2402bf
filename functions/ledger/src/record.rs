//! One alert cycle, from its first delivery to what people said of its brief.

use std::collections::BTreeSet;

use incident::analysis::Usage;
use incident::{Alert, Level, Subject, Timestamp};
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::news::News;

/// Names of events kept; a monitor that flaps for a week repeats itself.
const EVENTS: usize = 100;
/// A cycle that opens again this soon after its recovery is the same trouble: it flaps.
const FLAPS: SignedDuration = SignedDuration::from_mins(10);

/// One alert cycle.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Record {
    /// The cycle's key within its organisation.
    pub cycle: String,
    /// The monitor's title.
    pub title: String,
    /// The service concerned, where one is known.
    pub service: Option<String>,
    /// When the alert happened that opened the cycle, or reopened it after a recovery.
    pub opened: Option<Timestamp>,
    /// When it was admitted to lead, by our clock; nothing was started yet.
    pub admitted: Option<Timestamp>,
    /// The execution that investigates it; absent between admission and start.
    pub execution: Option<String>,
    /// When it was put in the queue, and not taken out yet.
    pub queued: Option<Timestamp>,
    /// The incident it is part of, where it does not lead.
    pub folded: Option<Fold>,
    /// Names of the events that were handled, the newest [`EVENTS`].
    pub events: Vec<String>,
    /// Deliveries, duplicates included.
    pub deliveries: u64,
    /// Times the monitor alerted again soon after a recovery.
    pub flaps: u64,
    /// Times the monitor said again that nobody mended it: how Datadog escalates.
    pub renotified: u64,
    /// When the monitor last recovered.
    pub recovered: Option<Timestamp>,
    /// What an execution is started with: `{alert, subject}`.
    pub input: Value,
    /// Where the brief stands.
    pub message: Option<Message>,
    /// The final brief.
    pub briefed: Option<Briefed>,
    /// What people said, oldest first.
    pub feedback: Vec<Feedback>,
    /// What is not told in the thread yet.
    pub news: Vec<News>,
    /// Cycles that were folded into this one.
    pub folds: u64,
    /// Those of them that have not recovered.
    pub open_folds: BTreeSet<String>,
    /// Until when somebody is busy telling the news.
    pub telling_until: Option<Timestamp>,
}

/// Part of another incident.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fold {
    /// The cycle that leads.
    pub into: String,
    /// Why, as a clause: `both concern database orders`.
    pub reason: String,
}

/// A message in Slack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Channel id.
    pub channel: String,
    /// Its time: its name within the channel.
    pub ts: String,
}

/// What the final brief said, and what it took.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Briefed {
    /// The execution it is of.
    pub execution: Option<String>,
    /// When it stood in the channel.
    pub at: Option<Timestamp>,
    /// Whether it stands in the channel.
    pub posted: bool,
    /// The verdict's word: `causes`, `healthy`, `inconclusive`; `none` where the alert was posted alone.
    pub verdict: String,
    /// The leading cause.
    pub cause: Option<String>,
    /// Its culprit.
    pub culprit: Option<String>,
    /// How sure.
    pub level: Level,
    /// 0–1.
    pub confidence: f64,
    /// Names of the actions that were recommended, safest first.
    pub actions: Vec<String>,
    /// Tokens of every model call.
    pub usage: Usage,
    /// US dollars by list price.
    pub dollars: f64,
}

/// What a person said of a brief.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Feedback {
    /// What.
    pub kind: FeedbackKind,
    /// Who: a Slack user id.
    pub user: String,
    /// When.
    pub at: Timestamp,
    /// The real cause, where they gave one. Redacted.
    #[serde(default)]
    pub cause: Option<String>,
}

/// Kinds of feedback.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FeedbackKind {
    /// The cause was right.
    Correct,
    /// The cause was wrong.
    Wrong,
    /// Look again.
    Reinvestigate,
    /// A person took over.
    TookOver,
    /// A post-mortem was approved.
    Approved,
    /// It was folded wrongly and is investigated by itself.
    Unfolded,
}

impl FeedbackKind {
    /// Whether it takes the place of what the same person said before.
    pub(crate) fn replaces(self, before: Self) -> bool {
        let verdict = |kind| matches!(kind, Self::Correct | Self::Wrong);
        self == before || verdict(self) && verdict(before)
    }
}

impl Briefed {
    /// Whether anything was found out: an alert that was posted alone says nothing, not even that it is unsure.
    pub fn says_something(&self) -> bool {
        self.verdict != "none"
    }

    /// Of a brief that replaces another one's: people had the first from its time on, and both were paid.
    pub(crate) fn after(self, before: Option<&Self>) -> Self {
        let Some(before) = before.filter(|before| before.execution != self.execution) else { return self };
        let add = u64::saturating_add;
        Self {
            at: before.at.or(self.at),
            usage: Usage {
                input_tokens: add(self.usage.input_tokens, before.usage.input_tokens),
                cache_read_tokens: add(self.usage.cache_read_tokens, before.usage.cache_read_tokens),
                cache_write_tokens: add(self.usage.cache_write_tokens, before.usage.cache_write_tokens),
                output_tokens: add(self.usage.output_tokens, before.usage.output_tokens),
            },
            dollars: self.dollars + before.dollars,
            ..self
        }
    }
}

impl Record {
    /// Notes what the first delivery tells.
    pub(crate) fn begin(&mut self, cycle: &str, alert: &Alert, subject: &Subject) {
        self.deliveries += 1;
        self.introduce(cycle, alert, subject);
    }

    /// Notes what the record is about, where it does not know.
    pub(crate) fn introduce(&mut self, cycle: &str, alert: &Alert, subject: &Subject) {
        if self.cycle.is_empty() || self.input.is_null() {
            cycle.clone_into(&mut self.cycle);
            self.about(alert, subject);
        }
    }

    /// Notes the alert that is investigated: a warning may have come before it.
    pub(crate) fn about(&mut self, alert: &Alert, subject: &Subject) {
        self.title.clone_from(&alert.title);
        self.service = subject.services.first().cloned();
        self.input = json!({ "alert": alert, "subject": subject });
    }

    /// True where this very event was handled.
    pub(crate) fn knows(&self, event: &str) -> bool {
        self.events.iter().any(|known| known == event)
    }

    pub(crate) fn note(&mut self, event: &str) {
        if !self.knows(event) {
            self.events.push(event.to_owned());
            let beyond = self.events.len().saturating_sub(EVENTS);
            self.events.drain(..beyond);
        }
    }

    /// True where an investigation was started, waits, or goes on elsewhere.
    pub fn is_under_way(&self) -> bool {
        self.execution.is_some() || self.queued.is_some() || self.folded.is_some()
    }

    /// The last recovery that was not followed by a reopening.
    pub fn closed(&self) -> Option<Timestamp> {
        self.recovered.filter(|recovered| self.opened.is_none_or(|opened| opened <= *recovered))
    }

    /// True where an investigation was started and no recovery lies between its alert and that time.
    pub(crate) fn is_open_at(&self, at: Timestamp) -> bool {
        self.is_under_way() && self.closed().is_none_or(|recovered| at <= recovered)
    }

    /// True where the cycle recovered so shortly before that time that it flaps.
    pub(crate) fn flaps_at(&self, at: Timestamp) -> bool {
        self.is_under_way()
            && self.closed().is_some_and(|recovered| at > recovered && at.duration_since(recovered) < FLAPS)
    }

    /// How long the trouble lasted, from the alert to the recovery.
    pub fn lasted(&self) -> Option<SignedDuration> {
        Some(self.closed()?.duration_since(self.opened?))
    }

    /// True where a person took over, or the monitor had to say it again.
    pub fn escalated(&self) -> bool {
        self.renotified > 0 || self.has(FeedbackKind::TookOver)
    }

    /// Whether anybody said so.
    pub fn has(&self, kind: FeedbackKind) -> bool {
        self.feedback.iter().any(|feedback| feedback.kind == kind)
    }
}
