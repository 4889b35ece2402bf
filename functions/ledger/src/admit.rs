//! What to do with an alert: lead, join, fold, or nothing.

use futures::future::try_join_all;
use incident::{Alert, Subject, Timestamp, Transition};
use jiff::SignedDuration;

use crate::news::{News, NewsKind, Tell};
use crate::record::{Fold, Record};
use crate::related::{MONITOR, Pointer, Related};
use crate::{Ledger, LedgerError};

/// The kind of a cycle's key.
pub(crate) const KIND: &str = "cycle";
/// How long an admission counts without a start: starting takes milliseconds, and whoever failed to is delivered again.
const STARTING: SignedDuration = SignedDuration::from_secs(10);
/// Folds are followed this far to the cycle that leads.
const DEPTH: usize = 5;

/// What to do with an alert.
#[derive(Debug, Clone, PartialEq)]
pub enum Admission {
    /// Start an investigation.
    Lead,
    /// It belongs to its cycle's investigation, which is under way or done: it is told in that thread.
    Follow(Box<Record>, Tell),
    /// It is part of another incident, for the reason given: it is told in that thread.
    Fold(Box<Record>, Fold, Tell),
    /// This very event was handled already.
    Known(Box<Record>),
}

/// The cycle's key within its organisation; the event itself where Datadog sent no cycle key.
pub fn cycle(alert: &Alert) -> String {
    let org = alert.org_id.as_deref().unwrap_or("-");
    format!("{org}/{}", alert.cycle_key.as_deref().unwrap_or(&alert.event_id))
}

pub(crate) fn key(cycle: &str) -> String {
    format!("{KIND}/{cycle}")
}

/// What the cycle's own record says.
enum Own {
    Known(Record),
    Follow(Record, NewsKind),
    New,
}

impl Ledger {
    /// Decides about an alert. `execution` is its execution name: the identity of this very event. `now` is our clock.
    ///
    /// A cycle that was admitted and never started leads again: the start was throttled. So does a repetition from long after the
    /// recovery, which begins the trouble anew. A first alert that is delivered after its own recovery leads as well: a brief about
    /// what is over is better than silence.
    pub async fn admit(
        &self,
        alert: &Alert,
        subject: &Subject,
        related: &Related,
        execution: &str,
        now: Timestamp,
    ) -> Admission {
        if !self.remembers() {
            return Admission::Lead;
        }
        self.decide(alert, subject, related, execution, now).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "leading without the ledger");
            Admission::Lead
        })
    }

    async fn decide(
        &self,
        alert: &Alert,
        subject: &Subject,
        related: &Related,
        execution: &str,
        now: Timestamp,
    ) -> Result<Admission, LedgerError> {
        let name = cycle(alert);
        // Admitted before it claims anything: whoever meets one of its claims knows that an investigation is about to start.
        let decision = self
            .change(&key(&name), |record: &mut Record| {
                record.begin(&name, alert, subject);
                let own = own(record, alert, execution);
                if matches!(own, Own::New) {
                    record.about(alert, subject);
                    record.admitted = Some(now);
                }
                own
            })
            .await?;
        match decision {
            Own::Known(record) => return Ok(Admission::Known(Box::new(record))),
            Own::Follow(record, kind) => {
                let lead = self.lead_of(record).await?;
                let told = news(alert, kind, &name, "");
                let hear = |record: &mut Record| {
                    if record.cycle != name {
                        record.open_folds.insert(name.clone());
                    }
                    record.hear(told.clone(), now)
                };
                let tell = self.tell_lead(&lead.cycle, hear).await?;
                return Ok(Admission::Follow(Box::new(lead), tell));
            }
            Own::New => {}
        }
        let Some((lead, reason)) = self.find_or_claim(related, &name, alert, now).await? else {
            return Ok(Admission::Lead);
        };
        let fold = Fold { into: lead.cycle.clone(), reason };
        // Others may have been folded into it while it claimed: they go where it goes.
        let (heard, folds, open) = self
            .change(&key(&name), |record: &mut Record| {
                record.opened = Some(alert.at);
                record.folded = Some(fold.clone());
                record.admitted = None;
                record.note(execution);
                let news = std::mem::take(&mut record.news);
                (news, std::mem::take(&mut record.folds), std::mem::take(&mut record.open_folds))
            })
            .await?;
        let told = news(alert, NewsKind::Folded, &name, &fold.reason);
        let hear = |record: &mut Record| {
            record.folds += 1 + folds;
            record.open_folds.insert(name.clone());
            record.open_folds.extend(open.iter().cloned());
            heard.iter().for_each(|news| record.keep(news.clone()));
            record.hear(told.clone(), now)
        };
        let tell = self.tell_lead(&lead.cycle, hear).await?;
        Ok(Admission::Fold(Box::new(lead), fold, tell))
    }

    /// The incident that an alert is part of and why; `None` where it is the first, which is remembered of its objects.
    async fn find_or_claim(
        &self,
        related: &Related,
        name: &str,
        alert: &Alert,
        now: Timestamp,
    ) -> Result<Option<(Record, String)>, LedgerError> {
        let scope = format!("object/{}/", alert.org_id.as_deref().unwrap_or("-"));
        let reads = related.all().map(|(object, _)| {
            let key = format!("{scope}{object}");
            async move { self.read::<Pointer>(&key).await }
        });
        let pointers = try_join_all(reads).await?;
        for ((object, reason), pointer) in related.all().zip(pointers) {
            let Some(pointer) = pointer.filter(|pointer| pointer.leads_another(name, alert.at)) else {
                continue;
            };
            if let Some(lead) = self.open_lead(&pointer, object, alert, now).await? {
                return Ok(Some((lead, reason.clone())));
            }
        }
        // Claimed in one order by everybody: of two alerts that come at once, the second sees the first one's claim.
        for (object, reason) in &related.own {
            let mine = Pointer { cycle: name.to_owned(), at: Some(alert.at) };
            let mut closed = None;
            loop {
                let other = self
                    .change(&format!("{scope}{object}"), |pointer: &mut Pointer| {
                        // What was judged closed gives way, and nobody who came since.
                        if pointer.leads_another(name, alert.at) && closed.as_ref() != Some(&*pointer) {
                            return Some(pointer.clone());
                        }
                        mine.clone_into(pointer);
                        None
                    })
                    .await?;
                let Some(other) = other else { break };
                match self.open_lead(&other, object, alert, now).await? {
                    Some(lead) => return Ok(Some((lead, reason.clone()))),
                    None => closed = Some(other),
                }
            }
        }
        Ok(None)
    }

    /// The cycle that leads where a pointer points, if its incident takes another alert: it was started or is about to be, and
    /// has not recovered, or it is the same monitor that alerts again.
    async fn open_lead(
        &self,
        pointer: &Pointer,
        object: &str,
        alert: &Alert,
        now: Timestamp,
    ) -> Result<Option<Record>, LedgerError> {
        let Some(record) = self.record(&pointer.cycle).await? else { return Ok(None) };
        let lead = self.lead_of(record).await?;
        let starting = lead.admitted.is_some_and(|admitted| now.duration_since(admitted) < STARTING);
        let runs = lead.execution.is_some() || lead.queued.is_some() || starting;
        let open = lead.closed().is_none_or(|recovered| alert.at <= recovered);
        let is_itself = lead.cycle == cycle(alert);
        Ok((runs && !is_itself && (open || object.starts_with(MONITOR))).then_some(lead))
    }

    /// The cycle that leads the incident of a record.
    pub async fn lead_of(&self, mut record: Record) -> Result<Record, LedgerError> {
        for _ in 0..DEPTH {
            let Some(fold) = &record.folded else { break };
            let Some(next) = self.record(&fold.into).await? else { break };
            record = next;
        }
        Ok(record)
    }

    /// Tells the cycle that leads the incident of another, which may have been folded at this very moment.
    async fn tell_lead(
        &self,
        cycle: &str,
        hear: impl Fn(&mut Record) -> bool + Send + Sync,
    ) -> Result<Tell, LedgerError> {
        let mut lead = cycle.to_owned();
        for _ in 0..DEPTH {
            let told = |record: &mut Record| match &record.folded {
                Some(fold) => Err(fold.into.clone()),
                None => Ok(hear(record)),
            };
            match self.change(&key(&lead), told).await? {
                Ok(send) => return Ok(Tell { lead, send }),
                Err(further) => lead = further,
            }
        }
        let send = self.change(&key(&lead), |record: &mut Record| hear(record)).await?;
        Ok(Tell { lead, send })
    }

    /// Notes that an execution was started for an alert.
    pub async fn started(&self, alert: &Alert, execution: &str) -> Result<(), LedgerError> {
        self.start(&cycle(alert), alert.at, execution).await
    }

    /// Notes that an execution was started for a cycle whose alert happened at that time.
    pub async fn start(&self, cycle: &str, at: Timestamp, execution: &str) -> Result<(), LedgerError> {
        let folded = self
            .change(&key(cycle), |record: &mut Record| {
                cycle.clone_into(&mut record.cycle);
                record.opened = Some(at);
                record.execution = Some(execution.to_owned());
                (record.admitted, record.queued) = (None, None);
                record.note(execution);
                record.folded.take()
            })
            .await?;
        // By itself from now on: it no longer keeps the other incident open.
        let Some(fold) = folded else { return Ok(()) };
        let Some(record) = self.record(&fold.into).await? else { return Ok(()) };
        let lead = self.lead_of(record).await?.cycle;
        self.change(&key(&lead), |record: &mut Record| {
            record.open_folds.remove(cycle);
        })
        .await
    }

    /// Notes that nothing could be started: the next delivery leads.
    pub async fn not_started(&self, alert: &Alert) -> Result<(), LedgerError> {
        self.change(&key(&cycle(alert)), |record: &mut Record| record.admitted = None).await
    }

    /// Notes that an alert waits for its turn.
    pub async fn queued(&self, alert: &Alert, execution: &str, now: Timestamp) -> Result<(), LedgerError> {
        self.change(&key(&cycle(alert)), |record: &mut Record| {
            record.opened = Some(alert.at);
            (record.admitted, record.queued) = (None, Some(now));
            record.note(execution);
        })
        .await
    }

    /// Notes an alert that is not investigated, such as a warning.
    pub async fn ignored(
        &self,
        alert: &Alert,
        subject: &Subject,
        execution: &str,
    ) -> Result<(), LedgerError> {
        let name = cycle(alert);
        self.change(&key(&name), |record: &mut Record| {
            record.begin(&name, alert, subject);
            record.note(execution);
        })
        .await
    }

    /// Notes the recovery, which closes the cycle for what happens later, in whatever order the deliveries come. `None` where
    /// nobody has to be told: the cycle is not known, or this recovery was told before.
    pub async fn recovered(
        &self,
        alert: &Alert,
        subject: &Subject,
        now: Timestamp,
    ) -> Result<Option<Tell>, LedgerError> {
        let name = cycle(alert);
        let record = self
            .change(&key(&name), |record: &mut Record| {
                record.deliveries += 1;
                if record.cycle.is_empty() {
                    name.clone_into(&mut record.cycle);
                    record.title.clone_from(&alert.title);
                    record.service = subject.services.first().cloned();
                }
                let new = record.recovered.is_none_or(|known| known < alert.at);
                record.recovered = record.recovered.max(Some(alert.at));
                let closes = record.opened.is_some_and(|opened| opened <= alert.at);
                (new && closes && record.is_under_way()).then(|| record.clone())
            })
            .await?;
        let Some(record) = record else { return Ok(None) };
        let lead = self.lead_of(record).await?;
        let told = news(alert, NewsKind::Recovered, &name, "");
        let hear = |record: &mut Record| {
            record.open_folds.remove(&name);
            record.hear(told.clone(), now)
        };
        self.tell_lead(&lead.cycle, hear).await.map(Some)
    }
}

/// What the cycle's own record says of an alert, and what it notes.
fn own(record: &mut Record, alert: &Alert, execution: &str) -> Own {
    if record.knows(execution) && record.is_under_way() {
        return Own::Known(record.clone());
    }
    let kind = if record.is_open_at(alert.at) {
        NewsKind::Repeated
    } else if record.flaps_at(alert.at) && alert.transition != Transition::Recovered {
        record.flaps += 1;
        record.opened = record.opened.map(|opened| opened.min(alert.at));
        record.recovered = None;
        NewsKind::Flapped
    } else {
        // A new trouble under an old key: what stood in the channel stands for itself.
        if record.closed().is_some_and(|recovered| alert.at > recovered) {
            (record.execution, record.folded, record.queued) = (None, None, None);
            (record.message, record.briefed) = (None, None);
        }
        return Own::New;
    };
    record.note(execution);
    record.renotified += u64::from(alert.transition == Transition::Renotify);
    Own::Follow(record.clone(), kind)
}

fn news(alert: &Alert, kind: NewsKind, cycle: &str, reason: &str) -> News {
    News {
        kind,
        at: alert.at,
        title: alert.title.clone(),
        reason: reason.to_owned(),
        cycle: cycle.to_owned(),
        more: 0,
    }
}
