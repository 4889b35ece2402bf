//! Places that are few: investigations at a time, and messages a second in a channel.

use std::time::Duration;

use incident::Timestamp;
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use crate::Ledger;

/// How long a place is held at most: longer than an investigation takes, so that one which died holds nobody up for long.
pub const LEASE: SignedDuration = SignedDuration::from_mins(5);
/// Slack takes about one message a second in a channel.
const APART: SignedDuration = SignedDuration::from_millis(1_050);

const SLOTS: &str = "slots/incident";

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
struct Slots {
    running: Vec<(String, Timestamp)>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
struct Pace {
    next: Option<Timestamp>,
}

impl Ledger {
    /// Takes a place for an investigation, `most` of which may run at a time. A ledger that does not answer turns nobody away.
    pub async fn take_slot(&self, execution: &str, most: usize, now: Timestamp) -> bool {
        let taken = self.change(SLOTS, |slots: &mut Slots| {
            slots.running.retain(|(_, since)| now.duration_since(*since) < LEASE);
            if slots.running.iter().any(|(name, _)| name == execution) {
                return true;
            }
            let free = slots.running.len() < most;
            if free {
                slots.running.push((execution.to_owned(), now));
            }
            free
        });
        taken.await.unwrap_or_else(|error| {
            tracing::warn!(%error, "investigations are not counted");
            true
        })
    }

    /// Gives the place back.
    pub async fn free_slot(&self, execution: &str) {
        let freed = self.change(SLOTS, |slots: &mut Slots| {
            slots.running.retain(|(name, _)| name != execution);
        });
        if let Err(error) = freed.await {
            tracing::warn!(%error, "a place is free and nobody knows until its lease ends");
        }
    }

    /// How long to wait before posting to a channel, so that messages come one a second whoever sends them. `None`: the queue is
    /// longer than `patience`, and no place in it was taken.
    pub async fn pace(&self, channel: &str, now: Timestamp, patience: Duration) -> Option<Duration> {
        let key = format!("pace/{channel}");
        let place = self.change(&key, |pace: &mut Pace| {
            let mine = pace.next.filter(|next| *next > now).unwrap_or(now);
            let wait = Duration::try_from(mine.duration_since(now)).unwrap_or_default();
            if wait > patience {
                return None;
            }
            pace.next = Some(mine.saturating_add(APART).unwrap_or(mine));
            Some(wait)
        });
        place.await.unwrap_or_else(|error| {
            tracing::warn!(%error, "messages are not paced");
            Some(Duration::ZERO)
        })
    }
}
