//! What is known across executions: of an alert cycle, and of who brings a source of knowledge up to date.
//!
//! Datadog delivers an alert more than once, repeats it, sends dozens that are one incident, and later says it recovered; the
//! ledger is where those meet. It holds one [`Record`] per alert cycle. It is asked before an investigation starts
//! ([`Ledger::admit`]), told when one has started, and it remembers where the brief stands, how sure it was, and what became of
//! it. A file per record locally, DynamoDB in the cloud: both hold JSON, and nothing is changed but under a lock or a condition.
//!
//! If it cannot be reached the answer is always "lead": a duplicate brief is a nuisance, a missing one is an outage. Indexing is the
//! other way round: it takes turns ([`Ledger::take`]), and without an answer nobody writes.

mod admit;
mod doctor;
mod file;
mod message;
mod news;
mod place;
mod record;
mod related;
mod store;
mod table;
mod turn;

use std::fmt;

use file::Files;
use table::Table;

pub use admit::{Admission, cycle};
pub use doctor::doctor;
pub use message::BriefMessage;
pub use news::{News, NewsKind, Tell};
pub use place::LEASE as SLOT_LEASE;
pub use record::{Briefed, Feedback, FeedbackKind, Fold, Message, Record};
pub use related::{Related, WINDOW};
pub use turn::{LEASE, Taken};

/// Where records are kept.
#[derive(Debug, Clone)]
pub enum Ledger {
    /// One JSON file per record in a folder.
    Files(Files),
    /// One item per record in a DynamoDB table.
    Table(Table),
    /// Nowhere: every alert leads, and Step Functions' execution names alone prevent duplicates.
    Nowhere,
}

/// Why the ledger could not answer.
#[derive(Debug, thiserror::Error)]
#[error("the ledger at {place} cannot be used: {cause}")]
pub struct LedgerError {
    place: String,
    cause: String,
}

impl LedgerError {
    fn new(place: impl fmt::Display, cause: impl fmt::Display) -> Self {
        Self { place: place.to_string(), cause: cause.to_string() }
    }
}

impl Ledger {
    /// The ledger the settings name: the table of `LEDGER_TABLE`, else a folder under the home of embedded defaults, where there
    /// is one.
    pub async fn open(settings: &host::Settings) -> Self {
        match (settings.get("LEDGER_TABLE"), settings.home()) {
            (Some(name), _) => Self::Table(Table::new(settings, name).await),
            (None, Some(home)) => Self::Files(Files::new(home.join("ledger"))),
            (None, None) => Self::Nowhere,
        }
    }

    /// Whether anything is remembered at all.
    pub fn remembers(&self) -> bool {
        !matches!(self, Self::Nowhere)
    }
}

#[cfg(test)]
mod tests;
