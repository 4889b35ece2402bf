//! What happens to a well-formed alert.

use host::clock;
use incident::execution::execution_name;
use incident::{Alert, Subject, Transition};
use ingress::{Started, Waiting};
use ledger::{Admission, LedgerError, Related, Tell, cycle};
use serde_json::{Value, json};

use crate::Webhook;

/// A status and what is said.
type Said = (i64, Value);

impl Webhook {
    /// By its transition: Triggered, No Data and their repetitions start an investigation, unless the ledger knows one that they
    /// are part of, which they then join. Renotify joins; where nobody remembers its cycle it starts one. Warn is noted and not
    /// investigated: it is below the threshold that wakes people. Recovered closes the cycle.
    pub(crate) async fn take(&self, alert: Alert) -> Said {
        let subject = Subject::resolve(&alert, &self.catalog);
        let execution = execution_name(&alert);
        match alert.transition {
            Transition::Warn | Transition::ReWarn => {
                note(self.ledger.ignored(&alert, &subject, &execution).await);
                (200, json!({ "outcome": "ignored", "reason": "a warning is not investigated" }))
            }
            Transition::Recovered => {
                let tell = self.ledger.recovered(&alert, &subject, clock::now()).await;
                let tell = note(tell).flatten();
                let said = json!({ "outcome": "recovered" });
                self.tell(tell, &alert, &subject, &execution, said).await
            }
            _ => self.admit(&alert, &subject, &execution).await,
        }
    }

    async fn admit(&self, alert: &Alert, subject: &Subject, execution: &str) -> Said {
        let related = Related::of(alert, subject, &self.catalog);
        match self.ledger.admit(alert, subject, &related, execution, clock::now()).await {
            Admission::Known(record) => {
                let said = json!({ "outcome": "duplicate", "execution": record.execution });
                self.tell(None, alert, subject, execution, said).await
            }
            Admission::Follow(record, tell) => {
                let said = json!({ "outcome": "joined", "execution": record.execution });
                self.tell(Some(tell), alert, subject, execution, said).await
            }
            Admission::Fold(record, fold, tell) => {
                let said =
                    json!({ "outcome": "folded", "execution": record.execution, "reason": fold.reason });
                self.tell(Some(tell), alert, subject, execution, said).await
            }
            Admission::Lead => self.lead(alert, subject, execution).await,
        }
    }

    /// Starts, or queues where too many run. A queue that cannot be written to is no reason to drop an alert.
    async fn lead(&self, alert: &Alert, subject: &Subject, execution: &str) -> Said {
        let input = json!({ "alert": alert, "subject": subject });
        if !self.ledger.take_slot(execution, self.most, clock::now()).await {
            let waiting = Waiting { name: execution.to_owned(), input: input.clone() };
            match self.queue.put(&waiting).await {
                Ok(()) => {
                    note(self.ledger.queued(alert, execution, clock::now()).await);
                    return (202, json!({ "outcome": "queued", "execution": execution }));
                }
                Err(error) => {
                    tracing::error!(execution, error, "started beyond the limit: it could not wait");
                }
            }
        }
        match self.starter.start(execution, &input.to_string()).await {
            Ok(started) => {
                note(self.ledger.started(alert, execution).await);
                match started {
                    Started::New => (202, json!({ "outcome": "started", "execution": execution })),
                    Started::Before => (200, json!({ "outcome": "duplicate", "execution": execution })),
                }
            }
            Err(error) => {
                tracing::error!(execution, error, "the investigation could not be started");
                self.ledger.free_slot(execution).await;
                note(self.ledger.not_started(alert).await);
                (503, json!({ "error": "the investigation could not be started; deliver the alert again" }))
            }
        }
    }

    /// Starts what waited, if there is room. False: it goes on waiting.
    pub(crate) async fn is_started(&self, waiting: &Waiting) -> bool {
        if !self.ledger.take_slot(&waiting.name, self.most, clock::now()).await {
            return false;
        }
        if let Err(error) = self.starter.start(&waiting.name, &waiting.input.to_string()).await {
            tracing::error!(waiting.name, error, "what waited could not be started");
            self.ledger.free_slot(&waiting.name).await;
            return false;
        }
        if let Some(alert) = alert_of(waiting) {
            note(self.ledger.started(&alert, &waiting.name).await);
        }
        true
    }

    /// Has the alert of what waited too long posted by itself. False: that could not be started either.
    pub(crate) async fn report(&self, mut waiting: Waiting) -> bool {
        waiting.input["waited"] = json!(true);
        match self.starter.start(&waiting.name, &waiting.input.to_string()).await {
            Ok(_) => {
                if let Some(alert) = alert_of(&waiting) {
                    note(self.ledger.started(&alert, &waiting.name).await);
                }
                true
            }
            Err(error) => {
                tracing::error!(waiting.name, error, "what waited too long could not be reported");
                false
            }
        }
    }

    /// Sends a teller where one is needed, and answers. Where it cannot be started Datadog is asked to deliver again.
    async fn tell(
        &self,
        tell: Option<Tell>,
        alert: &Alert,
        subject: &Subject,
        execution: &str,
        said: Value,
    ) -> Said {
        let tell = match tell {
            Some(tell) => Some(tell),
            // A second delivery: the first one's news may wait for a teller who could not be sent.
            None => note(self.ledger.retell(&cycle(alert), clock::now()).await).flatten(),
        };
        let Some(tell) = tell.filter(|tell| tell.send) else { return (200, said) };
        let name = format!("{execution}-news-{}", clock::now().as_millisecond());
        let input = json!({ "news": tell.lead, "alert": alert, "subject": subject });
        if let Err(error) = self.starter.start(&name, &input.to_string()).await {
            tracing::error!(name, error, "nobody tells the news");
            note(self.ledger.untold(&tell.lead).await);
            return (503, json!({ "error": "the news could not be told; deliver the alert again" }));
        }
        (200, said)
    }
}

fn alert_of(waiting: &Waiting) -> Option<Alert> {
    serde_json::from_value(waiting.input["alert"].clone()).ok()
}

/// The ledger is a memory, not a condition: a failure is logged and nothing else.
fn note<T>(result: Result<T, LedgerError>) -> Option<T> {
    result.map_err(|error| tracing::warn!(%error, "the ledger was not written")).ok()
}
