//! Documents into the knowledge base, and kept current there.
//!
//! Input: a batch of documents with their texts, or a [`Run`]: a source to bring up to date, a batch and a cursor at a time; for
//! the `sitrep` command also files, folders and git repositories. Output: what was added, left alone and removed, and what could
//! not be read, by name. Secrets are masked before anything is stored.

mod doctor;
mod files;
mod forge;
mod git;
mod masking;
mod origin;
mod postmortems;
mod reading;
mod repository;
mod run;
mod source_error;
mod sync;
mod wiki;

use std::ops::AddAssign;

use cutting::{Document, Format};
use host::metrics::{Metric, Unit};
use host::{Fault, Settings};
use incident::{Corpus, Timestamp};
use knowledge::{SourceChunks, Store, StoreError, Stored};
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use doctor::doctor;
pub use files::{Times, folder_origin, read_folder};
pub use git::{Checkout, clone, git_origin, read_git};
pub use origin::Origin;
pub use run::{Cursor, Mark, Push, Run, Want};

use source_error::SourceError;
use sync::Sync;

/// Documents cut and stored at a time.
const BATCH: usize = 64;

/// What indexing did.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Totals {
    /// Documents read.
    pub documents: usize,
    /// Chunks that the store holds of them now.
    pub chunks: usize,
    /// Chunks that are new or have new words.
    pub added: usize,
    /// Chunks whose words were there already.
    pub unchanged: usize,
    /// Chunks that are gone.
    pub removed: usize,
    /// One sentence each, naming the document.
    pub problems: Vec<String>,
}

impl AddAssign<Stored> for Totals {
    fn add_assign(&mut self, stored: Stored) {
        self.chunks += stored.added + stored.unchanged;
        self.added += stored.added;
        self.unchanged += stored.unchanged;
        self.removed += stored.removed;
    }
}

impl AddAssign for Totals {
    fn add_assign(&mut self, other: Self) {
        self.documents += other.documents;
        self.chunks += other.chunks;
        self.added += other.added;
        self.unchanged += other.unchanged;
        self.removed += other.removed;
        self.problems.extend(other.problems);
    }
}

/// What one batch from a source brings.
#[derive(Default)]
pub(crate) struct Work {
    /// Documents that were read.
    documents: Vec<Document>,
    /// Sources that are gone.
    gone: Vec<String>,
    /// Every source that is there, after a complete listing.
    there: Option<Vec<String>>,
    /// What could not be read.
    problems: Vec<String>,
    /// Where to go on.
    cursor: Option<Cursor>,
    /// Up to where the source is held now, at the end.
    done: Option<Mark>,
    /// What was to be read exists no longer: everything begins anew.
    restart: bool,
}

impl Work {
    fn restart() -> Self {
        Self { restart: true, ..Self::default() }
    }
}

/// Cuts the documents of one origin, masks secrets and stores the chunks in place of what was known of each document.
///
/// The metrics schema goes first, so that an index that is interrupted holds it. `progress` hears, after each batch, how many
/// documents are done.
pub async fn index(
    store: &Store,
    origin: &str,
    mut documents: Vec<Document>,
    mut progress: impl FnMut(usize),
) -> Result<Totals, StoreError> {
    documents.sort_by_key(|document| document.corpus != Corpus::Metrics);
    let mut totals = Totals { documents: documents.len(), ..Totals::default() };
    let mut done = 0;
    for batch in documents.chunks(BATCH) {
        let mut sources = Vec::with_capacity(batch.len());
        for document in batch {
            let (chunks, problems) = chunks(origin, document);
            totals.problems.extend(problems);
            let of = |corpus, chunks| SourceChunks {
                corpus,
                origin: origin.to_owned(),
                source: document.path.clone(),
                chunks,
            };
            // What it was before, where its words have moved it to another corpus.
            sources
                .extend(reading::other_corpora(document.corpus).iter().map(|other| of(*other, Vec::new())));
            sources.push(of(document.corpus, chunks));
        }
        totals += store.put(sources).await?;
        done += batch.len();
        progress(done);
    }
    Ok(totals)
}

/// Removes every source of an origin that is not among those listed: for after a complete listing. How many chunks are gone.
pub async fn prune(store: &Store, origin: &str, listed: &[String]) -> Result<usize, Fault> {
    // Here an empty folder is what its owner says it is.
    let nothing = [String::new()];
    let listed = if listed.is_empty() { &nothing } else { listed };
    Ok(sync::sweep(store, origin, listed).await?.unwrap_or(0))
}

/// The chunks of a document as they are stored, without secrets, and the problems met.
pub fn chunks(origin: &str, document: &Document) -> (Vec<incident::Chunk>, Vec<String>) {
    let mut cut = cutting::cut(&masking::without_key_blocks(document));
    for chunk in &mut cut.chunks {
        masking::mask(chunk);
        origin.clone_into(&mut chunk.origin);
    }
    (cut.chunks, cut.problems)
}

/// A document in an event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Item {
    /// Path or URL; it tells the corpus unless `corpus` does.
    pub path: String,
    /// The whole text; absent removes the document.
    #[serde(default)]
    pub text: Option<String>,
    /// The corpus, where the path does not tell it.
    #[serde(default)]
    pub corpus: Option<Corpus>,
    /// How the text is written, where the path does not tell it.
    #[serde(default)]
    pub format: Option<Format>,
    /// The title its source gives it.
    #[serde(default)]
    pub title: Option<String>,
    /// Last modified.
    #[serde(default)]
    pub modified: Option<Timestamp>,
    /// Author.
    #[serde(default)]
    pub author: Option<String>,
}

/// A batch of documents.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Batch {
    /// The documents.
    pub documents: Vec<Item>,
}

/// What the function takes.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(try_from = "Value")]
pub enum Input {
    /// Documents, as `{"documents": [...]}`.
    Documents(Batch),
    /// A source to bring up to date, as `{"source": "...", ...}`.
    Run(Box<Run>),
}

impl TryFrom<Value> for Input {
    type Error = serde_json::Error;

    fn try_from(event: Value) -> Result<Self, serde_json::Error> {
        match event.get("documents") {
            Some(_) => serde_json::from_value(event).map(Self::Documents),
            None => serde_json::from_value(event).map(|run| Self::Run(Box::new(run))),
        }
    }
}

/// What the function returns.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Output {
    /// What became of the documents.
    Totals(Totals),
    /// The run after this batch.
    Run(Box<Run>),
}

/// The function.
pub struct Index {
    store: Store,
    sync: Sync,
    on_lambda: bool,
}

impl host::Function for Index {
    const NAME: &'static str = "index";
    type Input = Input;
    type Output = Output;

    async fn new(settings: &Settings) -> Result<Self, Fault> {
        incident::redact::configure(settings.get("REDACT_PATTERN"), settings.get("REDACT_NAMES"))
            .map_err(Fault::bad_setting)?;
        let store = Store::open(settings).map_err(SourceError::from)?;
        let missing = "no knowledge base: set PINECONE_API_KEY, or SITREP_HOME for the embedded one";
        Ok(Self {
            store: store.ok_or_else(|| Fault::bad_setting(missing))?,
            sync: Sync::new(settings).await?,
            on_lambda: settings.on_lambda(),
        })
    }

    async fn handle(&self, input: Input) -> Result<Output, Fault> {
        match input {
            Input::Documents(batch) => self.documents(batch).await.map(Output::Totals),
            Input::Run(run) => {
                let run = self.sync.call(&self.store, *run, host::clock::now()).await?;
                if self.on_lambda && run.done && run.left_to.is_none() {
                    // What infra/modules/alarms listens for: a source that has said nothing for a day.
                    let one = Metric { name: "Indexed", unit: Unit::Count, value: 1.0 };
                    host::metrics::emit(&[("Source", &run.source.to_string())], &[one]);
                }
                Ok(Output::Run(Box::new(run)))
            }
        }
    }
}

impl Index {
    async fn documents(&self, batch: Batch) -> Result<Totals, Fault> {
        let (mut documents, mut gone, mut problems) = (Vec::new(), Vec::new(), Vec::new());
        for item in batch.documents {
            let text = item.text.as_deref().unwrap_or_default();
            let Some(corpus) = item.corpus.or_else(|| cutting::corpus_of(&item.path, text)) else {
                problems.push(format!("{}: it belongs to no corpus", item.path));
                continue;
            };
            match item.text {
                Some(text) => documents.push(Document {
                    title: item.title,
                    modified: item.modified,
                    author: item.author,
                    format: item.format,
                    ..Document::new(corpus, item.path, text)
                }),
                // Markdown may have been a runbook or a post-mortem: without its text only the store knows, so both go.
                None => gone.extend(
                    std::iter::once(corpus).chain(reading::other_corpora(corpus).iter().copied()).map(
                        |corpus| SourceChunks {
                            corpus,
                            origin: String::new(),
                            source: item.path.clone(),
                            chunks: Vec::new(),
                        },
                    ),
                ),
            }
        }
        let mut totals = index(&self.store, "", documents, |_| ()).await.map_err(SourceError::from)?;
        totals += self.store.put(gone).await.map_err(SourceError::from)?;
        totals.problems.extend(problems);
        Ok(totals)
    }
}

#[cfg(test)]
mod tests {
    mod company;
    mod unreadable;

    use super::*;
    use host::Function;

    async fn function(home: &std::path::Path) -> Index {
        let home = home.display().to_string();
        Index::new(&Settings::from_values([("SITREP_HOME".to_owned(), home)])).await.unwrap()
    }

    async fn handle(index: &Index, batch: Batch) -> Totals {
        match index.handle(Input::Documents(batch)).await.unwrap() {
            Output::Totals(totals) => totals,
            Output::Run(run) => panic!("{run:?}"),
        }
    }

    fn item(path: &str, text: Option<&str>) -> Item {
        Item {
            path: path.into(),
            text: text.map(str::to_owned),
            corpus: None,
            format: None,
            title: None,
            modified: None,
            author: None,
        }
    }

    #[tokio::test]
    async fn a_batch_is_stored_repeated_and_removed() {
        let home = tempfile::tempdir().unwrap();
        let index = function(home.path()).await;
        let batch = |text| Batch { documents: vec![item("wiki/a.md", text), item("logo.png", Some("x"))] };
        let first = handle(&index, batch(Some("# A\nWords.\n"))).await;
        assert_eq!((first.documents, first.added, first.removed), (1, 1, 0));
        assert_eq!(first.problems, ["logo.png: it belongs to no corpus"]);
        let again = handle(&index, batch(Some("# A\nWords.\n"))).await;
        assert_eq!((again.added, again.unchanged), (0, 1));
        assert_eq!(handle(&index, batch(None)).await.removed, 1);
    }

    #[tokio::test]
    async fn after_a_complete_listing_what_is_not_listed_leaves_nothing() {
        let home = tempfile::tempdir().unwrap();
        let index = function(home.path()).await;
        let documents = vec![item("wiki/a.md", Some("# A\nx\n")), item("wiki/b.md", Some("# B\ny\n"))];
        handle(&index, Batch { documents }).await;
        assert_eq!(prune(&index.store, "", &["wiki/b.md".to_owned()]).await.unwrap(), 1);
        assert_eq!(index.store.sources().await.unwrap().unwrap().len(), 1);
    }

    #[tokio::test]
    async fn without_a_store_the_function_says_what_to_set() {
        let on_lambda = Settings::from_values([("AWS_LAMBDA_RUNTIME_API".to_owned(), "x".to_owned())]);
        let fault = Index::new(&on_lambda).await.err().unwrap();
        assert!(fault.message.contains("PINECONE_API_KEY"), "{fault}");
    }
}
