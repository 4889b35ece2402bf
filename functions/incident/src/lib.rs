//! The vocabulary of an incident: what every function says to every other one.
//!
//! Input and output: plain data that round-trips through JSON and prints its own JSON Schema (`sitrep schema`).
//! Deliberately absent: I/O, a clock, the environment. A type here is part of the state document or of an event;
//! whatever a function keeps to itself stays in that function.

pub mod action;
pub mod alert;
pub mod analysis;
pub mod brief;
pub mod catalog;
pub mod cause;
pub mod chunk;
pub mod diagnosis;
pub mod evidence;
pub mod execution;
pub mod fact;
pub mod knowledge;
pub mod object;
pub mod redact;
pub mod series;
pub mod size;
pub mod state;
pub mod subject;

pub use action::{Action, ProposedAction};
pub use alert::{Alert, Transition};
pub use analysis::{Analysis, Claim};
pub use brief::Brief;
pub use catalog::Catalog;
pub use cause::{Category, Cause};
pub use chunk::Chunk;
pub use diagnosis::{Confidence, Diagnosis, Feature, Hypothesis, Level, Verdict};
pub use evidence::{Call, Evidence, Finding, Gap, Source, Status, Window};
pub use fact::Fact;
pub use knowledge::{Corpus, Knowledge, Passage};
pub use object::{Object, ObjectKind};
pub use series::{Series, UsualLevel};
pub use state::State;
pub use subject::Subject;

/// The time type of every field: UTC, RFC 3339 in JSON.
pub use jiff::Timestamp;
