//! What the company knows about this incident, and the code change behind it.
//!
//! Input: the state document after the diagnosis; output: [`Knowledge`]. The questions come from the diagnosis, the knowledge base
//! answers them while GitHub compares the two versions of the leading rollout, and what the changed code names is asked
//! in a second round. It never fails for what a vendor does: what could not be consulted is a gap.

mod change;
mod github;
mod names;
mod questions;

use std::future::Future;
use std::time::Duration;

use host::{Fault, Settings};
use incident::knowledge::{Knowledge, VERSION};
use incident::{Call, Catalog, Fact, Finding, Gap, State, Status, redact, size};
use knowledge::{Answers, Corpora, Question, Store, fuse};
use tokio::time::Instant;

use change::Suspect;
use github::GitHub;

/// Four seconds are the budget, of which the rest is for answering; the state machine waits a fifth one, for starting.
const DEADLINE: Duration = Duration::from_millis(3_800);
/// GitHub's share of it: the second round of questions waits for its answer.
const COMPARE: Duration = Duration::from_secs(2);

/// The function.
pub struct Retrieve {
    store: Result<Option<Store>, String>,
    corpora: Corpora,
    github: Option<GitHub>,
    catalog: Result<Catalog, String>,
}

impl host::Function for Retrieve {
    const NAME: &'static str = "retrieve";
    type Input = State;
    type Output = Knowledge;

    async fn new(settings: &Settings) -> Result<Self, Fault> {
        redact::configure(settings.get("REDACT_PATTERN"), settings.get("REDACT_NAMES"))
            .map_err(Fault::bad_setting)?;
        let catalog = settings.catalog_text().map_err(|fault| fault.message).and_then(|text| {
            Catalog::from_yaml(text.as_deref().unwrap_or_default()).map_err(|error| error.to_string())
        });
        Ok(Self {
            store: Store::open(settings).map_err(|error| error.to_string()),
            corpora: Corpora::of(settings).map_err(Fault::bad_setting)?,
            github: GitHub::new(settings)?,
            catalog,
        })
    }

    async fn handle(&self, state: State) -> Result<Knowledge, Fault> {
        Ok(self.retrieve(&state).await)
    }
}

impl Retrieve {
    async fn retrieve(&self, state: &State) -> Knowledge {
        let began = Instant::now();
        let deadline = began + DEADLINE;
        let mut questions = questions::of(state);
        let (mut answers, read) =
            futures::join!(self.ask(&questions, 1, deadline), self.code_change(state, began + COMPARE));
        if let Some(Fact::CodeChange(change)) = read.finding.as_ref().map(|finding| &finding.fact) {
            let further = questions::of_change(change, &questions);
            answers.extend(self.ask(further.as_slice(), questions.len() + 1, deadline).await);
            questions.extend(further);
        }
        let hits = fuse(&questions, &answers.rankings, &self.corpora);
        Knowledge {
            version: VERSION,
            questions: questions
                .iter()
                .map(|question| size::cut(&question.text, size::SUMMARY_CHARS))
                .collect(),
            passages: hits.into_iter().enumerate().map(|(i, hit)| hit.into_passage(i + 1)).collect(),
            findings: read.finding.into_iter().collect(),
            calls: answers.calls.into_iter().chain(read.call).collect(),
            gaps: answers.gaps.into_iter().chain(read.gap).collect(),
            took_ms: began.elapsed().as_millis() as u64,
            store: self.store_name().to_owned(),
        }
        .fit()
    }

    fn store_name(&self) -> &'static str {
        match &self.store {
            Ok(Some(store)) => store.name(),
            _ => "",
        }
    }

    /// Asks the store, numbering the questions from `first`. The reasons for an absent store are told once, with the first round.
    async fn ask(&self, questions: &[Question], first: usize, deadline: Instant) -> Answers {
        let began = Instant::now();
        let absent = |status, sentence: String| Answers {
            gaps: if first == 1 { vec![gap("knowledge base", status, sentence)] } else { Vec::new() },
            ..Answers::default()
        };
        if questions.is_empty() {
            return Answers::default();
        }
        let store = match &self.store {
            Ok(Some(store)) => store,
            Ok(None) => {
                return absent(
                    Status::NotConfigured,
                    "No knowledge base is configured: runbooks, past incidents, Terraform and source were not consulted."
                        .to_owned(),
                );
            }
            Err(error) => {
                let sentence = format!("What the company knows was not consulted: {error}.");
                return absent(Status::Unavailable, sentence);
            }
        };
        match tokio::time::timeout_at(deadline, self.ask_store(store, questions, first)).await {
            Ok(answers) => answers,
            Err(_) => {
                let sentence = if first == 1 {
                    "The knowledge base did not answer in time: what it knows is missing here."
                } else {
                    "The knowledge base was not asked in full: what it knows of the changed code did not arrive in time."
                };
                Answers {
                    calls: vec![Call {
                        name: format!("{} search", store.name()),
                        status: Status::Timeout,
                        took_ms: began.elapsed().as_millis() as u64,
                    }],
                    gaps: vec![gap("knowledge base", Status::Timeout, sentence.to_owned())],
                    ..Answers::default()
                }
            }
        }
    }

    async fn ask_store(&self, store: &Store, questions: &[Question], first: usize) -> Answers {
        let mut answers = store.ask(questions, &self.corpora.asked(), first).await;
        let nothing = first == 1 && answers.rankings.iter().all(|ranking| ranking.hits.is_empty());
        if nothing
            && answers.gaps.is_empty()
            && store.counts().await.is_ok_and(|n| n.is_some_and(|n| n.is_empty()))
        {
            let sentence = "The knowledge base is empty: `sitrep index PATH…` fills it.";
            answers.gaps.push(gap("knowledge base", Status::NotConfigured, sentence.to_owned()));
        }
        answers
    }

    /// The code change behind the leading rollout, when the diagnosis suspects one.
    async fn code_change(&self, state: &State, deadline: Instant) -> Read {
        let Some(suspect) = change::suspect(state) else { return Read::default() };
        let catalog = match &self.catalog {
            Ok(catalog) => catalog,
            Err(error) => {
                let sentence = format!("The code change was not read: the catalog cannot be read: {error}.");
                return Read::missing(Status::Unavailable, sentence);
            }
        };
        let Some(comparison) = suspect.comparison(catalog) else {
            let sentence = format!(
                "The catalog names no repository for {}: what changed in its code is unknown.",
                suspect.finding.object
            );
            return Read::missing(Status::NotConfigured, sentence);
        };
        let Some(github) = &self.github else {
            let sentence = format!(
                "GITHUB_TOKEN is not set: what changed in {} between {} and {} is unknown.",
                comparison.repository, comparison.base, comparison.head
            );
            return Read::missing(Status::NotConfigured, sentence);
        };
        let words = change::words(state);
        read(&suspect, github.compare(&comparison, &words), deadline).await
    }
}

/// What reading a code change gave.
#[derive(Default)]
struct Read {
    finding: Option<Finding>,
    call: Option<Call>,
    gap: Option<Gap>,
}

impl Read {
    fn missing(status: Status, sentence: String) -> Self {
        Self { gap: Some(gap("GitHub compare", status, sentence)), ..Self::default() }
    }
}

async fn read(
    suspect: &Suspect<'_>,
    compare: impl Future<Output = Result<incident::fact::CodeChange, host::http::HttpError>>,
    deadline: Instant,
) -> Read {
    use host::http::HttpError;
    let began = Instant::now();
    let result = tokio::time::timeout_at(deadline, compare).await.unwrap_or(Err(HttpError::Timeout));
    let took_ms = began.elapsed().as_millis() as u64;
    let call = |status| Some(Call { name: "GitHub compare".to_owned(), status, took_ms });
    match result {
        Ok(change) => {
            let status = match (change.is_cut, change.commits.is_empty()) {
                (true, _) => Status::Partial,
                (false, true) => Status::Empty,
                (false, false) => Status::Ok,
            };
            let gap = change.is_cut.then(|| {
                let sentence = format!(
                    "GitHub lists {} of the files that {}…{} of {} changed; what changed in the others is unknown.",
                    change.file_count(),
                    change.from,
                    change.to,
                    change.repository
                );
                gap("GitHub compare", status, sentence)
            });
            Read { finding: Some(suspect.as_finding(change)), call: call(status), gap }
        }
        Err(error) => {
            let status = match error {
                HttpError::Denied { .. } => Status::Denied,
                HttpError::Timeout => Status::Timeout,
                _ => Status::Unavailable,
            };
            let sentence = format!(
                "What {} changed in the code of {} is unknown: GitHub {error}.",
                suspect.rollout.version, suspect.finding.object.name
            );
            Read { call: call(status), ..Read::missing(status, sentence) }
        }
    }
}

fn gap(what: &str, status: Status, sentence: String) -> Gap {
    let sentence = size::cut(&redact::redact(&sentence), size::SUMMARY_CHARS);
    Gap { what: what.to_owned(), status, sentence, error: None }
}

#[cfg(test)]
mod tests;
