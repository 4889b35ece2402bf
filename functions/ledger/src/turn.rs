//! Turns: one writer per source of knowledge, and how far it has come.
//!
//! A turn is taken by a conditional put and lasts [`LEASE`] unless it is renewed, so that a run that was killed holds nobody
//! up for long. Whoever comes while another run writes leaves a wish, which the writer fulfils before it leaves. The record
//! also keeps the writer's state, so that whoever takes over goes on where it ended.

use incident::Timestamp;
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Ledger, LedgerError};

/// How long a turn lasts. Longer than one call of a function may take (five minutes): a call that is still running when its
/// turn ends does not exist, so nothing is written by two at once.
pub const LEASE: SignedDuration = SignedDuration::from_mins(15);

/// Wishes kept; a queue that long says the same thing over and over.
const WISHES: usize = 100;

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Turn {
    /// Who writes.
    #[serde(default)]
    run: Option<String>,
    /// When the turn ends.
    #[serde(default)]
    until: Option<Timestamp>,
    /// What the last writer noted.
    #[serde(default)]
    state: Value,
    /// What others asked for meanwhile, oldest first.
    #[serde(default)]
    wishes: Vec<Value>,
}

impl Turn {
    fn is_of(&self, run: &str) -> bool {
        self.run.as_deref() == Some(run)
    }

    fn wish(&mut self, wish: &Value) {
        if !self.wishes.contains(wish) && self.wishes.len() < WISHES {
            self.wishes.push(wish.clone());
        }
    }
}

/// Whose turn it is.
#[derive(Debug, Clone, PartialEq)]
pub enum Taken {
    /// Yours, with the state that the last writer noted; null where there was none.
    Yours(Value),
    /// Another run's, which will fulfil the wish.
    Theirs(String),
}

impl Ledger {
    /// Takes or renews the turn at a source, unless another run has it, which then hears the wish.
    pub async fn take(
        &self,
        source: &str,
        run: &str,
        wish: &Value,
        now: Timestamp,
    ) -> Result<Taken, LedgerError> {
        self.change(&key(source), |turn: &mut Turn| {
            if let (Some(other), Some(until)) = (&turn.run, turn.until)
                && other != run
                && now < until
            {
                let other = other.clone();
                turn.wish(wish);
                return Taken::Theirs(other);
            }
            turn.run = Some(run.to_owned());
            turn.until = Some(now.saturating_add(LEASE).unwrap_or(now));
            Taken::Yours(turn.state.clone())
        })
        .await
    }

    /// Notes a state and keeps the turn for [`LEASE`] from `until` on. False where the turn was lost meanwhile; nothing is
    /// noted then.
    pub async fn keep(
        &self,
        source: &str,
        run: &str,
        state: &Value,
        until: Timestamp,
    ) -> Result<bool, LedgerError> {
        if !self.remembers() {
            return Ok(true);
        }
        self.change(&key(source), |turn: &mut Turn| {
            let ours = turn.is_of(run);
            if ours {
                turn.state = state.clone();
                turn.until = Some(until.saturating_add(LEASE).unwrap_or(until));
            }
            ours
        })
        .await
    }

    /// Asks for something at a source, to be done when the turn that runs now comes to its end.
    pub async fn ask(&self, source: &str, wish: &Value) -> Result<(), LedgerError> {
        self.change(&key(source), |turn: &mut Turn| turn.wish(wish)).await
    }

    /// Notes the final state. Where somebody left a wish the turn goes on and the wish is returned; else it ends.
    pub async fn leave(&self, source: &str, run: &str, state: &Value) -> Result<Option<Value>, LedgerError> {
        self.change(&key(source), |turn: &mut Turn| {
            if !turn.is_of(run) {
                return None;
            }
            turn.state = state.clone();
            if turn.wishes.is_empty() {
                (turn.run, turn.until) = (None, None);
                return None;
            }
            Some(turn.wishes.remove(0))
        })
        .await
    }

    /// Gives the turn up without having come to an end: after a failure, the next run need not wait for it to pass.
    pub async fn release(&self, source: &str, run: &str) -> Result<(), LedgerError> {
        self.change(&key(source), |turn: &mut Turn| {
            if turn.is_of(run) {
                (turn.run, turn.until) = (None, None);
            }
        })
        .await
    }
}

fn key(source: &str) -> String {
    format!("turn/{source}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Files;
    use serde_json::json;

    /// The ledger's futures need no reactor while it is files.
    fn wait<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
    }

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(60 * minute).unwrap()
    }

    fn ledger() -> (tempfile::TempDir, Ledger) {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Ledger::Files(Files::new(folder.path().join("ledger")));
        (folder, ledger)
    }

    #[test]
    fn one_run_writes_and_fulfils_what_others_wish_meanwhile() {
        let (_folder, ledger) = ledger();
        let take =
            |run: &str, wish: &str, minute| wait(ledger.take("s", run, &json!(wish), at(minute))).unwrap();
        assert_eq!(take("a", "x", 0), Taken::Yours(Value::Null));
        assert_eq!(take("b", "y", 1), Taken::Theirs("a".to_owned()));
        assert_eq!(take("c", "y", 2), Taken::Theirs("a".to_owned()));
        assert_eq!(take("a", "x", 3), Taken::Yours(Value::Null));
        assert_eq!(wait(ledger.leave("s", "a", &json!(1))).unwrap(), Some(json!("y")));
        assert_eq!(take("d", "z", 4), Taken::Theirs("a".to_owned()));
        assert_eq!(wait(ledger.leave("s", "a", &json!(2))).unwrap(), Some(json!("z")));
        assert_eq!(wait(ledger.leave("s", "a", &json!(3))).unwrap(), None);
        assert_eq!(take("e", "w", 4), Taken::Yours(json!(3)));
        wait(ledger.release("s", "a")).unwrap();
        assert_eq!(take("f", "w", 4), Taken::Theirs("e".to_owned()));
        wait(ledger.release("s", "e")).unwrap();
        assert_eq!(take("g", "w", 4), Taken::Yours(json!(3)));
    }

    #[test]
    fn a_turn_that_is_not_renewed_ends_and_its_late_owner_writes_nothing() {
        let (_folder, ledger) = ledger();
        let take = |run: &str, minute| wait(ledger.take("s", run, &Value::Null, at(minute))).unwrap();
        take("a", 0);
        assert!(wait(ledger.keep("s", "a", &json!("half"), at(10))).unwrap());
        assert!(matches!(take("b", 24), Taken::Theirs(_)));
        assert_eq!(take("b", 25), Taken::Yours(json!("half")));
        assert!(!wait(ledger.keep("s", "a", &json!("late"), at(26))).unwrap());
        assert_eq!(wait(ledger.leave("s", "a", &json!("late"))).unwrap(), None);
        assert_eq!(take("b", 27), Taken::Yours(json!("half")));
    }

    #[test]
    fn of_many_that_come_at_once_one_has_the_turn() {
        let (_folder, ledger) = ledger();
        let yours = std::thread::scope(|scope| {
            let runs: Vec<_> = (0..16)
                .map(|n| {
                    let ledger = &ledger;
                    scope
                        .spawn(move || wait(ledger.take("s", &format!("run {n}"), &json!(n), at(0))).unwrap())
                })
                .collect();
            let taken = runs.into_iter().map(|run| run.join().unwrap());
            taken.filter(|taken| matches!(taken, Taken::Yours(_))).count()
        });
        assert_eq!(yours, 1);
    }
}
