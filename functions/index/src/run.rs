//! The index machine's document: what is wanted, how far it has come, and what it did. Each call of the function takes one and
//! returns the next.

use incident::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::Totals;
use crate::origin::Origin;

/// Documents of a batch, unless the input says otherwise.
const BATCH: usize = 100;
/// The most documents of a batch: a call has five minutes.
const MAX_BATCH: usize = 500;
/// Calls of one execution. Each is at most 12 events of its history, a pause included; 400 stay below 5,000.
const CALLS: u32 = 400;
/// Pauses in a row after which a vendor that always says "slow down" is a failure.
const PAUSES: u32 = 48;
/// The longest pause. GitHub's limit is by the hour.
const MAX_PAUSE: u64 = 3_600;
/// Problems that are named in the document; the rest is counted.
const PROBLEMS: usize = 50;
/// Characters of one.
const PROBLEM: usize = 300;

/// What to do at a source.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Want {
    /// Read what changed since the last time; everything where there was none.
    #[default]
    Changes,
    /// The same, and remove what is held and no longer there. A wiki is read as a whole.
    Reconcile,
    /// Read everything again, and remove what is no longer there.
    Everything,
    /// Read one page of a wiki.
    Page(String),
}

/// What a push said: a hint, never more.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Push {
    /// The commit before, where there was one.
    #[serde(default)]
    pub before: Option<String>,
}

/// The function's input and output, and the machine's whole document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// Where from.
    pub source: Origin,
    /// What to do.
    #[serde(default)]
    pub want: Want,
    /// What a push said.
    #[serde(default)]
    pub push: Option<Push>,
    /// Documents of a batch.
    #[serde(default = "default_batch")]
    pub batch: usize,
    /// Who writes: the name of the first execution. The machine fills it in.
    #[serde(default)]
    pub run: String,
    /// Where to go on.
    #[serde(default)]
    pub cursor: Option<Cursor>,
    /// Nothing is left to do.
    #[serde(default)]
    pub done: bool,
    /// The run that has the turn and will do it, where this one ended because of it.
    #[serde(default)]
    pub left_to: Option<String>,
    /// Seconds to wait before the next call: a vendor's rate limit.
    #[serde(default)]
    pub pause_s: u64,
    /// Pauses since the last batch.
    #[serde(default)]
    pub pauses: u32,
    /// Calls in this execution.
    #[serde(default)]
    pub calls: u32,
    /// A fresh execution has to go on, under the name `continuation`.
    #[serde(default)]
    pub afresh: bool,
    /// The fresh execution's name.
    #[serde(default)]
    pub continuation: String,
    /// What was done so far.
    #[serde(default)]
    pub totals: Totals,
    /// Problems beyond those that `totals` names.
    #[serde(default)]
    pub more_problems: usize,
}

fn default_batch() -> usize {
    BATCH
}

/// How far a run has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "of", rename_all = "kebab-case")]
pub enum Cursor {
    /// Files of a repository, in order of their paths.
    Files {
        /// The commit that is held; absent: nothing is.
        from: Option<String>,
        /// The commit to come to.
        to: String,
        /// Whether what is no longer there is removed at the end.
        sweep: bool,
        /// The last path that is done.
        after: Option<String>,
    },
    /// Pages that changed since a time.
    Changed {
        /// That time.
        since: Timestamp,
        /// When this began: where the next poll begins.
        mark: Timestamp,
        /// The vendor's own cursor.
        next: Option<String>,
    },
    /// All pages.
    Pages {
        /// When this began.
        mark: Timestamp,
        /// The vendor's own cursor.
        next: Option<String>,
    },
    /// Post-mortems, in order of their names.
    Postmortems {
        /// Those that changed since; absent: all.
        since: Option<Timestamp>,
        /// When this began: where the next look begins.
        mark: Timestamp,
        /// The last name that is done.
        after: Option<String>,
    },
    /// One page.
    Page {
        /// Its id.
        id: String,
    },
}

/// Up to where a source is held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mark {
    /// A commit.
    Commit(String),
    /// A time.
    At(Timestamp),
    /// What it was before.
    Same,
}

/// What the ledger keeps of a source.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Kept {
    #[serde(default)]
    pub mark: Option<Mark>,
    #[serde(default)]
    pub cursor: Option<Cursor>,
    /// Whose cursor it is.
    #[serde(default)]
    pub run: String,
}

impl Run {
    /// A run that has not begun.
    pub fn new(source: Origin, want: Want, run: impl Into<String>) -> Self {
        Self {
            source,
            want,
            push: None,
            batch: BATCH,
            run: run.into(),
            cursor: None,
            done: false,
            left_to: None,
            pause_s: 0,
            pauses: 0,
            calls: 0,
            afresh: false,
            continuation: String::new(),
            totals: Totals::default(),
            more_problems: 0,
        }
    }

    /// Before a call.
    pub(crate) fn begin_call(&mut self) {
        self.batch = self.batch.clamp(1, MAX_BATCH);
        if self.afresh {
            (self.calls, self.afresh) = (0, false);
        }
        self.calls += 1;
        self.pause_s = 0;
    }

    /// After a call: past the bound a fresh execution goes on, whose name follows from this one's so that a start that is
    /// repeated starts nothing twice.
    pub(crate) fn end_call(&mut self) {
        if self.calls < CALLS || self.done {
            return;
        }
        self.afresh = true;
        let count = self.continuation.rsplit('-').next().and_then(|n| n.parse::<u32>().ok()).unwrap_or(0) + 1;
        let digest: String =
            Sha256::digest(&self.run).iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        self.continuation = format!("index-{digest}-{count}");
    }

    /// Waits for a vendor. False where it has been waited for long enough.
    pub(crate) fn pause(&mut self, pause: std::time::Duration) -> bool {
        self.pause_s = pause.as_secs().clamp(1, MAX_PAUSE);
        self.pauses += 1;
        self.pauses <= PAUSES
    }

    /// Adds what a batch did.
    pub(crate) fn add(&mut self, done: Totals) {
        self.pauses = 0;
        self.totals += done;
        self.totals.problems.iter_mut().for_each(|problem| {
            *problem = incident::size::cut(&incident::redact::redact(problem), PROBLEM);
        });
        self.more_problems += self.totals.problems.len().saturating_sub(PROBLEMS);
        self.totals.problems.truncate(PROBLEMS);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_four_hundred_calls_a_fresh_execution_goes_on_under_a_name_of_its_own() {
        let mut run = Run::new(Origin::Confluence, Want::Everything, "first");
        let mut names = Vec::new();
        for _ in 0..(2 * CALLS) {
            run.begin_call();
            run.end_call();
            if run.afresh {
                names.push(run.continuation.clone());
            }
        }
        assert_eq!(names.len(), 2);
        assert!(names[0].ends_with("-1") && names[1].ends_with("-2") && names[0].len() <= 80, "{names:?}");
    }

    #[test]
    fn the_document_stays_small_however_many_problems_there_are() {
        let mut run = Run::new(Origin::Confluence, Want::Everything, "first");
        for _ in 0..100 {
            let problems = (0..20).map(|n| format!("{n}: {}", "x".repeat(1_000))).collect();
            run.add(Totals { problems, ..Totals::default() });
        }
        assert_eq!((run.totals.problems.len(), run.more_problems), (PROBLEMS, 1_950));
        assert!(incident::size::of(&run) < 32 * 1024);
    }

    #[test]
    fn the_least_input_is_a_source() {
        let run: Run = serde_json::from_str(r#"{"source": "confluence"}"#).unwrap();
        assert_eq!((run.want, run.batch), (Want::Changes, BATCH));
        let run: Run = serde_json::from_str(r#"{"source": "confluence", "want": {"page": "7"}}"#).unwrap();
        assert_eq!(run.want, Want::Page("7".to_owned()));
        assert!(serde_json::from_str::<Run>(r#"{"source": "wiki"}"#).is_err());
    }
}
