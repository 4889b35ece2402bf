//! What happens to an incident after its brief was asked for: repetitions, folds, recoveries. It is gathered in the leading cycle's
//! record and told in the thread by one teller at a time, so that a storm of alerts becomes a few messages.

use incident::Timestamp;
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use crate::admit::key;
use crate::{Ledger, LedgerError, Record};

/// News kept until they are told; of what comes beyond it only the number is told.
const MOST: usize = 200;
/// How long a teller may be at it, its repetitions included, before another one is sent.
const TELLING: SignedDuration = SignedDuration::from_mins(20);

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct News {
    /// What.
    pub kind: NewsKind,
    /// When, by Datadog's clock.
    pub at: Timestamp,
    /// The monitor's title.
    pub title: String,
    /// Why it is told here, as a clause, for a fold.
    #[serde(default)]
    pub reason: String,
    /// The cycle it is about.
    pub cycle: String,
    /// How many more there were that are not kept.
    #[serde(default)]
    pub more: u64,
}

/// Kinds of news.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NewsKind {
    /// The monitor says it again.
    Repeated,
    /// The monitor alerted again soon after it had recovered.
    Flapped,
    /// Another alert that is part of the incident.
    Folded,
    /// A monitor recovered.
    Recovered,
}

/// Whether a teller has to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tell {
    /// The cycle whose thread it is.
    pub lead: String,
    /// True where nobody is telling yet.
    pub send: bool,
}

impl Record {
    /// Adds news; true where a teller has to be sent.
    pub(crate) fn hear(&mut self, news: News, now: Timestamp) -> bool {
        self.keep(news);
        self.tellers_turn(now)
    }

    /// Adds news.
    pub(crate) fn keep(&mut self, news: News) {
        let full = self.news.len() >= MOST;
        match self.news.last_mut().filter(|_| full) {
            Some(last) => last.more += 1,
            None => self.news.push(news),
        }
    }

    /// True where nobody tells, and from now on somebody does.
    fn tellers_turn(&mut self, now: Timestamp) -> bool {
        let send = self.telling_until.is_none_or(|until| until <= now);
        if send {
            self.telling_until = now.saturating_add(TELLING).ok();
        }
        send
    }
}

impl Ledger {
    /// Whether a teller has to be sent for news of the cycle's incident that wait and that nobody tells.
    pub async fn retell(&self, cycle: &str, now: Timestamp) -> Result<Option<Tell>, LedgerError> {
        let Some(record) = self.record(cycle).await? else { return Ok(None) };
        let lead = self.lead_of(record).await?.cycle;
        let waits = |record: &mut Record| !record.news.is_empty() && record.tellers_turn(now);
        let send = self.change(&key(&lead), waits).await?;
        Ok(send.then_some(Tell { lead, send }))
    }

    /// Notes that the first `told` news were told. True where more came meanwhile; the teller goes on then, else it is done.
    pub async fn told(&self, lead: &str, told: usize) -> Result<bool, LedgerError> {
        self.change(&key(lead), |record: &mut Record| {
            record.news.drain(..told.min(record.news.len()));
            if record.news.is_empty() {
                record.telling_until = None;
            }
            !record.news.is_empty()
        })
        .await
    }

    /// The teller gives up: the next news send another.
    pub async fn untold(&self, lead: &str) -> Result<(), LedgerError> {
        self.change(&key(lead), |record: &mut Record| record.telling_until = None).await
    }
}
