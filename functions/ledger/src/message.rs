//! Where the brief stands, what it said, and what people said of it.

use incident::{Alert, Subject, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::admit::{KIND, cycle, key};
use crate::{Briefed, Feedback, Ledger, LedgerError, Message, Record};

/// The final brief as it was posted: what a later change of the message begins with.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct BriefMessage {
    /// The headline.
    pub headline: String,
    /// The blocks.
    pub blocks: Vec<Value>,
}

impl Ledger {
    /// The record of a cycle, by its key.
    pub async fn record(&self, cycle: &str) -> Result<Option<Record>, LedgerError> {
        Ok(self.read::<Record>(&key(cycle)).await?.filter(|record| !record.cycle.is_empty()))
    }

    /// Notes where a cycle's message stands, as soon as it does.
    pub async fn announced(&self, cycle: &str, message: &Message) -> Result<(), LedgerError> {
        self.change(&key(cycle), |record: &mut Record| {
            cycle.clone_into(&mut record.cycle);
            record.message = Some(message.clone());
        })
        .await
    }

    /// Notes the final brief, and returns the record as it is then: news and a recovery may have come meanwhile.
    pub async fn briefed(
        &self,
        alert: &Alert,
        subject: &Subject,
        brief: &Briefed,
        message: Option<&BriefMessage>,
    ) -> Result<Record, LedgerError> {
        let cycle = &cycle(alert);
        if let Some(message) = message {
            self.change(&brief_key(cycle), |kept: &mut BriefMessage| message.clone_into(kept)).await?;
        }
        self.change(&key(cycle), |record: &mut Record| {
            record.introduce(cycle, alert, subject);
            record.opened = record.opened.or(Some(alert.at));
            record.briefed = Some(brief.clone().after(record.briefed.as_ref()));
            record.clone()
        })
        .await
    }

    /// The final brief as it was posted.
    pub async fn brief_message(&self, cycle: &str) -> Result<Option<BriefMessage>, LedgerError> {
        self.read(&brief_key(cycle)).await
    }

    /// Notes what a person said, once: false where the same person said the same before. Who says another thing of the cause changes
    /// their mind: the newest counts.
    pub async fn said(&self, cycle: &str, feedback: &Feedback) -> Result<bool, LedgerError> {
        self.change(&key(cycle), |record: &mut Record| {
            let same = |said: &Feedback| {
                (said.kind, &said.user, &said.cause) == (feedback.kind, &feedback.user, &feedback.cause)
            };
            if record.feedback.iter().any(same) {
                return false;
            }
            record.feedback.retain(|said| said.user != feedback.user || !feedback.kind.replaces(said.kind));
            record.feedback.push(feedback.clone());
            true
        })
        .await
    }

    /// True the first time it is asked about something: for what may be done once.
    pub async fn once(&self, what: &str) -> Result<bool, LedgerError> {
        self.change(&format!("once/{what}"), |done: &mut bool| !std::mem::replace(done, true)).await
    }

    /// It was not done after all: the next who asks does it.
    pub async fn not_once(&self, what: &str) -> Result<(), LedgerError> {
        self.change(&format!("once/{what}"), |done: &mut bool| *done = false).await
    }

    /// Keeps the post-mortem that was drafted for a cycle, as it was shown.
    pub async fn keep_draft(&self, cycle: &str, text: &str) -> Result<(), LedgerError> {
        self.change(&format!("draft/{cycle}"), |kept: &mut String| text.clone_into(kept)).await
    }

    /// That post-mortem.
    pub async fn draft(&self, cycle: &str) -> Result<Option<String>, LedgerError> {
        self.read::<String>(&format!("draft/{cycle}")).await
    }

    /// Every cycle that was opened at `since` or later, oldest first.
    pub async fn since(&self, since: Timestamp) -> Result<Vec<Record>, LedgerError> {
        let mut records: Vec<Record> = self.all(KIND).await?;
        records.retain(|record| record.opened.is_some_and(|opened| opened >= since));
        records.sort_by(|a, b| (a.opened, &a.cycle).cmp(&(b.opened, &b.cycle)));
        Ok(records)
    }

    /// Writes a record as it is: for whoever moves a ledger, or makes one up to try a report on.
    pub async fn import(&self, record: &Record) -> Result<(), LedgerError> {
        self.change(&key(&record.cycle), |kept: &mut Record| record.clone_into(kept)).await
    }
}

fn brief_key(cycle: &str) -> String {
    format!("brief/{cycle}")
}
