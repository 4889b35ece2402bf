//! One call of the index machine: take the turn, do a batch, note how far it came.

use std::collections::HashSet;
use std::time::Duration;

use host::{Fault, Settings};
use incident::{Chunk, Corpus, Timestamp};
use jiff::SignedDuration;
use knowledge::{SourceChunks, Store};
use ledger::{Ledger, Taken};
use serde_json::json;

use crate::forge::{Forge, Forges};
use crate::origin::Origin;
use crate::postmortems::{Look, Postmortems};
use crate::reading::other_corpora;
use crate::run::{Cursor, Kept, Mark, Run, Want};
use crate::source_error::SourceError;
use crate::wiki::{self, Confluence};
use crate::{Totals, Work, index, repository};

/// How far a poll looks back where nobody remembers the last one.
const UNKNOWN: SignedDuration = SignedDuration::from_hours(24);
/// A forge may announce a push before it shows it.
const STALE: Duration = Duration::from_secs(5);
/// How often to look again for such a push.
const LOOKS: u32 = 3;

/// The sources, and the ledger of how far each is held.
pub(crate) struct Sync {
    forges: Forges,
    confluence: Option<Confluence>,
    postmortems: Option<Postmortems>,
    ledger: Ledger,
}

impl Sync {
    pub(crate) async fn new(settings: &Settings) -> Result<Self, Fault> {
        Ok(Self {
            forges: Forges::new(settings)?,
            confluence: Confluence::new(settings)?,
            postmortems: Postmortems::open(settings).await,
            ledger: Ledger::open(settings).await,
        })
    }

    /// One call. A rate limit is no failure: the document says how long to wait.
    pub(crate) async fn call(&self, store: &Store, mut run: Run, now: Timestamp) -> Result<Run, Fault> {
        run.begin_call();
        let source = run.source.to_string();
        let taken = self.ledger.take(&source, &run.run, &json!(run.want), now).await;
        let kept = match taken.map_err(SourceError::from)? {
            Taken::Theirs(other) => {
                run.done = true;
                run.left_to = Some(other);
                return Ok(run);
            }
            Taken::Yours(state) => serde_json::from_value::<Kept>(state).unwrap_or_default(),
        };
        match self.batch(store, &mut run, kept, now).await {
            Ok(()) => {
                run.end_call();
                Ok(run)
            }
            Err(error) => match error.pause() {
                Some(pause) if run.pause(pause) => {
                    self.hold(&run, now).await?;
                    run.end_call();
                    Ok(run)
                }
                _ => {
                    // A failure of the ledger is told by the next call that takes a turn.
                    let _ = self.ledger.release(&source, &run.run).await;
                    Err(error.into())
                }
            },
        }
    }

    /// Keeps the turn through a pause.
    async fn hold(&self, run: &Run, now: Timestamp) -> Result<(), Fault> {
        let source = run.source.to_string();
        let until = later(now, run.pause_s);
        let Taken::Yours(state) =
            self.ledger.take(&source, &run.run, &json!(run.want), now).await.map_err(SourceError::from)?
        else {
            return Ok(());
        };
        self.ledger.keep(&source, &run.run, &state, until).await.map_err(SourceError::from)?;
        Ok(())
    }

    async fn batch(
        &self,
        store: &Store,
        run: &mut Run,
        kept: Kept,
        now: Timestamp,
    ) -> Result<(), SourceError> {
        let source = run.source.to_string();
        if kept.cursor.is_some() && kept.run != run.run {
            // A run was killed: its work is brought to its end first, then comes what this one was asked for.
            self.ledger.ask(&source, &json!(run.want)).await?;
        }
        let cursor = match kept.cursor.or_else(|| run.cursor.take()) {
            Some(cursor) => cursor,
            None => match self.begin(store, run, kept.mark.as_ref(), now).await? {
                Some(cursor) => cursor,
                None => {
                    run.pause(STALE);
                    return Ok(());
                }
            },
        };
        let before = Kept { mark: kept.mark, cursor: Some(cursor.clone()), run: run.run.clone() };
        if !self.ledger.keep(&source, &run.run, &json!(before), now).await? {
            return Err(SourceError::Setting(format!("{source}: the turn was lost")));
        }
        let work = self.work(run, cursor).await?;
        run.add(write(store, &source, &work).await?);
        self.note(run, before.mark, work, now).await
    }

    /// What to do, in order.
    async fn begin(
        &self,
        store: &Store,
        run: &Run,
        mark: Option<&Mark>,
        now: Timestamp,
    ) -> Result<Option<Cursor>, SourceError> {
        // Where the store holds nothing, whatever the ledger remembers is of a store that is no more.
        let mark = if holds_any(store, &run.source.to_string()).await? { mark } else { None };
        let Some(forge) = self.forges.of(&run.source)? else {
            return Ok(Some(match run.source {
                Origin::Postmortems => begin_postmortems(run, mark, now),
                _ => self.begin_wiki(run, mark, now),
            }));
        };
        let before = run.push.as_ref().and_then(|push| push.before.clone());
        let before = before.filter(|commit| commit.chars().any(|c| c != '0'));
        let to = forge.head().await?;
        if before.as_ref() == Some(&to) && run.pauses < LOOKS {
            return Ok(None);
        }
        let from = match (&run.want, mark) {
            (Want::Everything, _) => None,
            (_, Some(Mark::Commit(commit))) => Some(commit.clone()),
            _ => before.filter(|_| !self.ledger.remembers()),
        };
        let sweep = from.is_none() || matches!(run.want, Want::Reconcile | Want::Everything);
        Ok(Some(Cursor::Files { from, to, sweep, after: None }))
    }

    fn begin_wiki(&self, run: &Run, mark: Option<&Mark>, now: Timestamp) -> Cursor {
        match (&run.want, mark) {
            (Want::Page(id), _) => Cursor::Page { id: id.clone() },
            (Want::Changes, Some(Mark::At(since))) => {
                Cursor::Changed { since: *since, mark: now, next: None }
            }
            (Want::Changes, _) if !self.ledger.remembers() => {
                let since = now.checked_sub(UNKNOWN).unwrap_or(now);
                Cursor::Changed { since, mark: now, next: None }
            }
            _ => Cursor::Pages { mark: now, next: None },
        }
    }

    async fn work(&self, run: &Run, cursor: Cursor) -> Result<Work, SourceError> {
        let confluence = || {
            self.confluence.as_ref().ok_or_else(|| {
                SourceError::Setting(
                    "Confluence cannot be read: set CONFLUENCE_URL, CONFLUENCE_EMAIL and CONFLUENCE_TOKEN"
                        .to_owned(),
                )
            })
        };
        let forge = || -> Result<Forge<'_>, SourceError> {
            self.forges
                .of(&run.source)?
                .ok_or_else(|| SourceError::Setting(format!("{} is no repository", run.source)))
        };
        match cursor {
            Cursor::Files { from, to, sweep, after } => {
                repository::batch(forge()?, (from, to), sweep, after, run.batch).await
            }
            Cursor::Changed { since, mark, next } => {
                wiki::changed(confluence()?, since, mark, next, run.batch).await
            }
            Cursor::Pages { mark, next } => wiki::everything(confluence()?, mark, next, run.batch).await,
            Cursor::Page { id } => wiki::page(confluence()?, id).await,
            Cursor::Postmortems { since, mark, after } => {
                let place = self.postmortems.as_ref().ok_or_else(|| {
                    SourceError::Setting(
                        "post-mortems are kept nowhere: set CASES_BUCKET or SITREP_HOME".to_owned(),
                    )
                })?;
                place.batch(Look { since, mark, after }, run.batch).await
            }
        }
    }

    /// Notes how far it came; at the end, what others asked for meanwhile comes next.
    async fn note(
        &self,
        run: &mut Run,
        mark: Option<Mark>,
        work: Work,
        now: Timestamp,
    ) -> Result<(), SourceError> {
        let source = run.source.to_string();
        run.cursor.clone_from(&work.cursor);
        run.push = None;
        if work.restart {
            run.want = Want::Everything;
        }
        let is_done = work.cursor.is_none() && !work.restart;
        let mark = match work.done {
            None | Some(Mark::Same) => mark,
            mark => mark,
        };
        let state = json!(Kept { mark, cursor: work.cursor, run: run.run.clone() });
        if !is_done {
            self.ledger.keep(&source, &run.run, &state, now).await?;
            return Ok(());
        }
        match self.ledger.leave(&source, &run.run, &state).await? {
            None => run.done = true,
            Some(wish) => run.want = serde_json::from_value(wish).unwrap_or_default(),
        }
        Ok(())
    }
}

fn begin_postmortems(run: &Run, mark: Option<&Mark>, now: Timestamp) -> Cursor {
    let since = match (&run.want, mark) {
        (Want::Everything, _) | (_, None | Some(Mark::Commit(_) | Mark::Same)) => None,
        (_, Some(Mark::At(since))) => Some(*since),
    };
    Cursor::Postmortems { since, mark: now, after: None }
}

fn later(now: Timestamp, seconds: u64) -> Timestamp {
    now.saturating_add(SignedDuration::from_secs(seconds.cast_signed())).unwrap_or(now)
}

/// Stores a batch: what was read, what is gone, and, after a complete listing, nothing else.
async fn write(store: &Store, origin: &str, work: &Work) -> Result<Totals, SourceError> {
    let mut totals = index(store, origin, work.documents.clone(), |_| ()).await?;
    totals.problems.splice(0..0, work.problems.iter().cloned());
    let gone = work.gone.iter().flat_map(|source| {
        let first = cutting::corpus_of(source, "").unwrap_or(Corpus::Runbooks);
        let nothing = |corpus: Corpus| SourceChunks {
            corpus,
            origin: origin.to_owned(),
            source: source.clone(),
            chunks: Vec::new(),
        };
        std::iter::once(first).chain(other_corpora(first).iter().copied()).map(nothing)
    });
    totals += store.put(gone.collect()).await?;
    if let Some(there) = &work.there {
        match sweep(store, origin, there).await? {
            Some(removed) => totals.removed += removed,
            None => totals.problems.push(format!(
                "{origin}: nothing at all is listed there, which is not believed; nothing was removed"
            )),
        }
    }
    Ok(totals)
}

/// Removes what an origin holds beyond the sources that are there. `None`: nothing is there, though something is held.
pub(crate) async fn sweep(
    store: &Store,
    origin: &str,
    there: &[String],
) -> Result<Option<usize>, SourceError> {
    let mut removed = 0;
    for corpus in Corpus::ALL {
        let held = store.ids(corpus, &Chunk::origin_prefix(corpus, origin)).await?;
        if there.is_empty() && !held.is_empty() {
            return Ok(None);
        }
        let known: HashSet<String> =
            there.iter().map(|source| Chunk::id_prefix(corpus, origin, source)).collect();
        let is_gone = |id: &String| id.rfind('/').is_none_or(|end| !known.contains(&id[..=end]));
        let gone: Vec<String> = held.into_iter().filter(is_gone).collect();
        removed += store.remove(corpus, gone).await?;
    }
    Ok(Some(removed))
}

async fn holds_any(store: &Store, origin: &str) -> Result<bool, SourceError> {
    for corpus in Corpus::ALL {
        if !store.ids(corpus, &Chunk::origin_prefix(corpus, origin)).await?.is_empty() {
            return Ok(true);
        }
    }
    Ok(false)
}
