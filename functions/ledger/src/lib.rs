//! What is known across executions: of an alert cycle, and of who brings a source of knowledge up to date.
//!
//! Datadog delivers an alert more than once, repeats it, and later says it recovered; the ledger is where those meet. It is
//! asked before an investigation starts ([`Ledger::admit`]) and told when one has started. Locally it is one small file per
//! cycle. If it cannot be reached the answer is always "lead": a duplicate brief is a nuisance, a missing one is an outage.
//! Indexing is the other way round: it takes turns ([`Ledger::take`]), and without an answer nobody writes.

mod file;
mod turn;

use std::fmt;

use incident::{Alert, Subject, Timestamp};
use serde::{Deserialize, Serialize};

use file::Files;
pub use turn::{LEASE, Taken};

/// What to do with an alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Admission {
    /// Start an investigation.
    Lead,
    /// It belongs to an investigation that is under way or done: join its thread.
    Follow(Record),
    /// This very event was handled already.
    Known(Record),
}

/// One alert cycle.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The cycle's key.
    pub cycle: String,
    /// When the alert happened that opened the cycle, or reopened it after a recovery.
    #[serde(default)]
    pub opened: Option<Timestamp>,
    /// The execution that investigates it; absent between admission and start.
    #[serde(default)]
    pub execution: Option<String>,
    /// Names of the events that were handled.
    #[serde(default)]
    pub events: Vec<String>,
    /// When the monitor last recovered.
    #[serde(default)]
    pub recovered: Option<Timestamp>,
}

impl Record {
    /// True where an investigation was started and no recovery lies between its alert and that time.
    fn is_open_at(&self, at: Timestamp) -> bool {
        let recovered =
            self.recovered.filter(|recovered| self.opened.is_none_or(|opened| opened <= *recovered));
        self.execution.is_some() && recovered.is_none_or(|recovered| at <= recovered)
    }
}

/// Where records are kept.
#[derive(Debug, Clone)]
pub enum Ledger {
    /// One JSON file per cycle in a folder.
    Files(Files),
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
    /// The ledger the settings name: a folder under the home of embedded defaults, where there is one.
    pub fn open(settings: &host::Settings) -> Self {
        settings.home().map_or(Self::Nowhere, |home| Self::Files(Files::new(home.join("ledger"))))
    }

    /// Decides about an alert. `execution` is its execution name: the identity of this very event.
    ///
    /// A record without an execution was admitted and never started (the start was throttled): it leads again. So does a
    /// repetition from after the recovery, which begins the trouble anew. A first alert that is delivered after its own
    /// recovery leads as well: a brief about what is over is better than silence. The subject is what a ledger needs that
    /// joins the cycles of one resource; files join by the cycle alone.
    pub fn admit(&self, alert: &Alert, _subject: &Subject, execution: &str) -> Admission {
        let Self::Files(files) = self else { return Admission::Lead };
        let known = match files.read(&cycle(alert)) {
            Ok(known) => known,
            Err(error) => {
                tracing::warn!(%error, "leading without the ledger");
                return Admission::Lead;
            }
        };
        match known {
            Some(record) if record.events.iter().any(|event| event == execution) => Admission::Known(record),
            Some(record) if alert.transition.repeats() && record.is_open_at(alert.at) => {
                Admission::Follow(record)
            }
            _ => Admission::Lead,
        }
    }

    /// Notes that an execution was started for an alert, or that the alert joined one.
    pub fn handled(&self, alert: &Alert, execution: &str, starts: bool) -> Result<(), LedgerError> {
        self.change(alert, |record| {
            if starts {
                record.opened = Some(alert.at);
                record.execution = Some(execution.to_owned());
            }
            if !record.events.iter().any(|event| event == execution) {
                record.events.push(execution.to_owned());
            }
        })
    }

    /// Notes the recovery, which closes the cycle for what happens later, in whatever order the deliveries come.
    pub fn recovered(&self, alert: &Alert) -> Result<(), LedgerError> {
        self.change(alert, |record| record.recovered = record.recovered.max(Some(alert.at)))
    }

    fn change(&self, alert: &Alert, change: impl FnOnce(&mut Record)) -> Result<(), LedgerError> {
        let Self::Files(files) = self else { return Ok(()) };
        let cycle = cycle(alert);
        let mut record =
            files.read(&cycle)?.unwrap_or_else(|| Record { cycle: cycle.clone(), ..Record::default() });
        change(&mut record);
        files.write(&record)
    }
}

/// The cycle's key within its organisation; the event itself where Datadog sent no cycle key.
fn cycle(alert: &Alert) -> String {
    let org = alert.org_id.as_deref().unwrap_or("-");
    format!("{org}/{}", alert.cycle_key.as_deref().unwrap_or(&alert.event_id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use incident::{Transition, alert};

    fn alert(transition: Transition) -> Alert {
        Alert {
            version: alert::VERSION,
            event_id: "1".into(),
            cycle_key: Some("c/../1".into()),
            monitor_id: None,
            transition,
            title: "t".into(),
            message: String::new(),
            query: None,
            metric: None,
            scope: vec![],
            tags: vec![],
            host: None,
            priority: None,
            value: None,
            threshold: None,
            status: None,
            at: "2026-01-01T00:00:00Z".parse().unwrap(),
            link: None,
            snapshot: None,
            org_id: None,
        }
    }

    fn ledger() -> (tempfile::TempDir, Ledger) {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Ledger::Files(Files::new(folder.path().join("ledger")));
        (folder, ledger)
    }

    #[test]
    fn the_first_delivery_leads_the_second_is_known_and_a_renotify_follows() {
        let (_folder, ledger) = ledger();
        let (first, again) = (alert(Transition::Triggered), alert(Transition::Renotify));
        assert_eq!(ledger.admit(&first, &Subject::default(), "e1"), Admission::Lead);
        ledger.handled(&first, "e1", true).unwrap();
        assert!(matches!(ledger.admit(&first, &Subject::default(), "e1"), Admission::Known(_)));
        assert!(
            matches!(ledger.admit(&again, &Subject::default(), "e2"), Admission::Follow(r) if r.execution.as_deref() == Some("e1"))
        );
    }

    #[test]
    fn an_alert_whose_start_failed_leads_again() {
        let (_folder, ledger) = ledger();
        let first = alert(Transition::Triggered);
        assert_eq!(ledger.admit(&first, &Subject::default(), "e1"), Admission::Lead);
        assert_eq!(ledger.admit(&first, &Subject::default(), "e1"), Admission::Lead);
    }

    #[test]
    fn a_renotify_whose_cycle_nobody_remembers_leads() {
        let (_folder, ledger) = ledger();
        assert_eq!(ledger.admit(&alert(Transition::Renotify), &Subject::default(), "e2"), Admission::Lead);
    }

    #[test]
    fn a_recovery_closes_the_cycle_for_what_happens_later_until_it_is_reopened() {
        let (_folder, ledger) = ledger();
        let at = |transition, minute: i64| Alert {
            at: Timestamp::from_second(60 * minute).unwrap(),
            ..alert(transition)
        };
        let admit = |minute| {
            let again = at(Transition::Renotify, minute);
            ledger.admit(&again, &Subject::default(), &format!("renotify at {minute}"))
        };
        // The recovery overtakes its alert, which leads all the same.
        ledger.recovered(&at(Transition::Recovered, 10)).unwrap();
        let first = at(Transition::Triggered, 0);
        assert_eq!(ledger.admit(&first, &Subject::default(), "first"), Admission::Lead);
        ledger.handled(&first, "first", true).unwrap();
        assert!(matches!(admit(9), Admission::Follow(_)));
        assert_eq!(admit(20), Admission::Lead);
        ledger.handled(&at(Transition::Renotify, 20), "renotify at 20", true).unwrap();
        assert!(
            matches!(admit(30), Admission::Follow(r) if r.execution.as_deref() == Some("renotify at 20"))
        );
        // A recovery from before the reopening closes nothing, however late it comes.
        ledger.recovered(&at(Transition::Recovered, 15)).unwrap();
        assert!(matches!(admit(31), Admission::Follow(_)));
    }

    #[test]
    fn cycles_whose_keys_begin_alike_are_two() {
        let (_folder, ledger) = ledger();
        let keyed =
            |end: &str| Alert { cycle_key: Some("k".repeat(200) + end), ..alert(Transition::Renotify) };
        ledger.handled(&keyed("a"), "e1", true).unwrap();
        assert!(matches!(ledger.admit(&keyed("a"), &Subject::default(), "e2"), Admission::Follow(_)));
        assert_eq!(ledger.admit(&keyed("b"), &Subject::default(), "e2"), Admission::Lead);
    }

    #[test]
    fn a_broken_record_is_no_reason_to_stay_silent() {
        let (folder, ledger) = ledger();
        let first = alert(Transition::Triggered);
        ledger.handled(&first, "e1", true).unwrap();
        for file in std::fs::read_dir(folder.path().join("ledger")).unwrap() {
            std::fs::write(file.unwrap().path(), "{").unwrap();
        }
        assert_eq!(ledger.admit(&first, &Subject::default(), "e1"), Admission::Lead);
    }
}
