//! Documents into the knowledge base.
//!
//! Input: a batch of documents with their texts (the function), or files and folders (the `sitrep` command); output: what
//! was added, left alone and removed, and what could not be read, by name. Secrets are masked before anything is stored.

mod files;
mod masking;

use std::collections::BTreeSet;

use cutting::Document;
use host::{Fault, Settings};
use incident::{Corpus, Timestamp};
use knowledge::{SourceChunks, Store, StoreError, Stored};
use serde::{Deserialize, Serialize};

pub use files::{Times, read_paths};

/// Documents cut and stored at a time.
const BATCH: usize = 64;

/// What indexing did.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
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

impl Totals {
    fn add(&mut self, stored: Stored) {
        self.chunks += stored.added + stored.unchanged;
        self.added += stored.added;
        self.unchanged += stored.unchanged;
        self.removed += stored.removed;
    }
}

/// Cuts the documents, masks secrets and stores the chunks in place of what was known of each document.
///
/// The metrics schema goes first, so that an index that is interrupted holds it. `progress` hears, after each batch, how many
/// documents are done.
pub async fn index(
    store: &Store,
    mut documents: Vec<Document>,
    mut progress: impl FnMut(usize),
) -> Result<Totals, StoreError> {
    documents.sort_by_key(|document| document.corpus != Corpus::Metrics);
    let mut totals = Totals { documents: documents.len(), ..Totals::default() };
    let mut done = 0;
    for batch in documents.chunks(BATCH) {
        let mut sources = Vec::with_capacity(batch.len());
        for document in batch {
            let (chunks, problems) = chunks(document);
            totals.problems.extend(problems);
            let source = document.path.clone();
            sources.push(SourceChunks { corpus: document.corpus, origin: String::new(), source, chunks });
        }
        totals.add(store.put(sources).await?);
        done += batch.len();
        progress(done);
    }
    Ok(totals)
}

/// Removes every source that is not among `documents`: for after a complete listing. Does nothing where the store cannot list
/// its sources.
pub async fn prune(store: &Store, documents: &[(Corpus, String)]) -> Result<Stored, StoreError> {
    let known: BTreeSet<&(Corpus, String)> = documents.iter().collect();
    let held = store.sources().await?.unwrap_or_default();
    let gone = held
        .into_iter()
        .filter(|source| !known.contains(source))
        .map(|(corpus, source)| SourceChunks { corpus, origin: String::new(), source, chunks: Vec::new() })
        .collect();
    store.put(gone).await
}

/// The chunks of a document as they are stored, without secrets, and the problems met.
pub fn chunks(document: &Document) -> (Vec<incident::Chunk>, Vec<String>) {
    let mut cut = cutting::cut(&masking::without_key_blocks(document));
    for chunk in &mut cut.chunks {
        masking::mask(chunk);
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

/// The function.
pub struct Index {
    store: Store,
}

impl host::Function for Index {
    const NAME: &'static str = "index";
    type Input = Batch;
    type Output = Totals;

    async fn new(settings: &Settings) -> Result<Self, Fault> {
        incident::redact::configure(settings.get("REDACT_PATTERN"), settings.get("REDACT_NAMES"))
            .map_err(Fault::bad_setting)?;
        let store = Store::open(settings).map_err(fault)?;
        let missing = "no knowledge base: set PINECONE_API_KEY, or SITREP_HOME for the embedded one";
        Ok(Self { store: store.ok_or_else(|| Fault::bad_setting(missing))? })
    }

    async fn handle(&self, batch: Batch) -> Result<Totals, Fault> {
        let (mut documents, mut gone, mut problems) = (Vec::new(), Vec::new(), Vec::new());
        for item in batch.documents {
            let Some(corpus) = item
                .corpus
                .or_else(|| cutting::corpus_of(&item.path, item.text.as_deref().unwrap_or_default()))
            else {
                problems.push(format!("{}: it belongs to no corpus", item.path));
                continue;
            };
            match item.text {
                Some(text) => documents.push(Document {
                    title: item.title,
                    modified: item.modified,
                    author: item.author,
                    ..Document::new(corpus, item.path, text)
                }),
                // Markdown may have been a runbook or a post-mortem: without its text only the store knows, so both go.
                None => gone.extend(
                    Corpus::ALL
                        .into_iter()
                        .filter(|other| {
                            *other == corpus || corpus == Corpus::Runbooks && *other == Corpus::Incidents
                        })
                        .map(|corpus| SourceChunks {
                            corpus,
                            origin: String::new(),
                            source: item.path.clone(),
                            chunks: Vec::new(),
                        }),
                ),
            }
        }
        let mut totals = index(&self.store, documents, |_| ()).await.map_err(fault)?;
        totals.add(self.store.put(gone).await.map_err(fault)?);
        totals.problems.extend(problems);
        Ok(totals)
    }
}

fn fault(error: StoreError) -> Fault {
    match error {
        StoreError::Mixed { .. } | StoreError::Setting(_) => Fault::bad_setting(error),
        StoreError::Vendor { cause: host::http::HttpError::Throttled { .. }, .. } => Fault::throttled(error),
        _ => Fault::internal(error),
    }
}

#[cfg(test)]
mod tests {
    mod company;

    use super::*;
    use host::Function;

    async fn function(home: &std::path::Path) -> Index {
        let home = home.display().to_string();
        Index::new(&Settings::from_values([("SITREP_HOME".to_owned(), home)])).await.unwrap()
    }

    fn item(path: &str, text: Option<&str>) -> Item {
        Item {
            path: path.into(),
            text: text.map(str::to_owned),
            corpus: None,
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
        let first = index.handle(batch(Some("# A\nWords.\n"))).await.unwrap();
        assert_eq!((first.documents, first.added, first.removed), (1, 1, 0));
        assert_eq!(first.problems, ["logo.png: it belongs to no corpus"]);
        let again = index.handle(batch(Some("# A\nWords.\n"))).await.unwrap();
        assert_eq!((again.added, again.unchanged), (0, 1));
        assert_eq!(index.handle(batch(None)).await.unwrap().removed, 1);
    }

    #[tokio::test]
    async fn after_a_complete_listing_what_is_not_listed_leaves_nothing() {
        let home = tempfile::tempdir().unwrap();
        let index = function(home.path()).await;
        let documents = vec![item("wiki/a.md", Some("# A\nx\n")), item("wiki/b.md", Some("# B\ny\n"))];
        index.handle(Batch { documents }).await.unwrap();
        let stored = prune(&index.store, &[(Corpus::Runbooks, "wiki/b.md".to_owned())]).await.unwrap();
        assert_eq!(stored.removed, 1);
        assert_eq!(index.store.sources().await.unwrap().unwrap().len(), 1);
    }

    #[tokio::test]
    async fn without_a_store_the_function_says_what_to_set() {
        let on_lambda = Settings::from_values([("AWS_LAMBDA_RUNTIME_API".to_owned(), "x".to_owned())]);
        let fault = Index::new(&on_lambda).await.err().unwrap();
        assert!(fault.message.contains("PINECONE_API_KEY"), "{fault}");
    }
}
