//! The embedded store: one SQLite file with full-text indexes and, where there is a local model, vectors.
//!
//! What is indexed is made by [`crate::words`]: the stems of a chunk's words, identifiers split, and its identifiers as written.
//! FTS5 says which chunks hold a term; what they are worth is computed here, see `search` and `score`. A corpus is a range of row
//! ids.

mod lexicon;
mod score;
mod search;
mod write;

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use incident::{Call, Corpus, Gap, Status};
use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior};

use crate::minilm::MiniLm;
use crate::vectors::Vectors;
use crate::{Answers, Question, SourceChunks, StoreError, Stored, words};
use lexicon::Lexicon;

/// Row ids of one corpus.
const ROWS: i64 = 1 << 40;

/// The cache holds 64 MiB of pages: with SQLite's own two a search reads most of its pages from the file again.
const SCHEMA: &str = "
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = NORMAL;
    PRAGMA cache_size = -65536;
    CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS chunks (row INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, source TEXT NOT NULL, chunk TEXT NOT NULL);
    CREATE INDEX IF NOT EXISTS chunks_source ON chunks (source);
    CREATE VIRTUAL TABLE IF NOT EXISTS lexical USING fts5 (
        terms, content = '', contentless_delete = 1, tokenize = \"unicode61 remove_diacritics 0 tokenchars '._-/:@'\");
    CREATE TABLE IF NOT EXISTS vectors (row INTEGER PRIMARY KEY, scale REAL NOT NULL, vector BLOB NOT NULL);
";

/// One SQLite file. Clones share the connection.
#[derive(Debug, Clone)]
pub struct Embedded {
    file: Arc<Mutex<Store>>,
    place: Arc<str>,
    model: Option<MiniLm>,
}

/// The open file, and the vectors last read from it.
#[derive(Debug)]
struct Store {
    connection: Connection,
    vectors: Vectors,
}

impl Embedded {
    /// Opens the file, or makes it. One that another tokeniser or model made is refused. Without a model it is searched by
    /// words alone.
    pub fn open(path: &Path, model: Option<MiniLm>) -> Result<Self, StoreError> {
        let place: Arc<str> = path.display().to_string().into();
        let broken = |cause: &dyn std::fmt::Display| StoreError::File {
            place: place.to_string(),
            cause: cause.to_string(),
        };
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(|error| broken(&error))?;
        }
        let connection = Connection::open(path).map_err(|error| broken(&error))?;
        connection.busy_timeout(std::time::Duration::from_secs(5)).map_err(|error| broken(&error))?;
        connection.execute_batch(SCHEMA).map_err(|error| broken(&error))?;
        connection.execute_batch(lexicon::SCHEMA).map_err(|error| broken(&error))?;
        let refuse = |found, wanted: &str| StoreError::Mixed {
            place: place.to_string(),
            found,
            wanted: wanted.to_owned(),
        };
        connection
            .execute("INSERT OR IGNORE INTO meta VALUES ('embedder', ?1)", [words::VERSION])
            .map_err(|error| broken(&error))?;
        let made_by = |name| meta(&connection, name).map_err(|error| broken(&error));
        if let Some(found) = made_by("embedder")?.filter(|found| found != words::VERSION) {
            return Err(refuse(found, words::VERSION));
        }
        if let (Some(found), Some(model)) = (made_by("model")?, &model)
            && found != model.identity()
        {
            return Err(refuse(found, model.identity()));
        }
        let store = Store { connection, vectors: Vectors::default() };
        Ok(Self { file: Arc::new(Mutex::new(store)), place, model })
    }

    /// What makes its vectors, where something does.
    pub fn model(&self) -> Option<&str> {
        self.model.as_ref().map(MiniLm::identity)
    }

    /// See [`crate::Store::put`]. All sources in one transaction. Where there is a model, chunks without a vector get one: also
    /// those that were stored before the model came.
    pub async fn put(&self, sources: Vec<SourceChunks>) -> Result<Stored, StoreError> {
        let model = self.model.clone();
        self.run(move |store| {
            // Before the transaction: embedding takes longer than anybody else should wait for the file.
            let vectors = match &model {
                Some(model) => write::embed(&store.connection, model, &sources)?,
                None => HashMap::new(),
            };
            let transaction = store.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let mut lexicon = Lexicon::new(&transaction);
            let mut stored = Stored::default();
            for source in &sources {
                stored += write::replace(&transaction, &mut lexicon, source, &vectors)?;
            }
            lexicon.finish()?;
            if let Some(model) = model.filter(|_| !vectors.is_empty()) {
                transaction.execute("INSERT OR IGNORE INTO meta VALUES ('model', ?1)", [model.identity()])?;
            }
            transaction.commit()?;
            Ok(stored)
        })
        .await
    }

    /// Every source held.
    pub async fn sources(&self) -> Result<Vec<(Corpus, String)>, StoreError> {
        self.run(|Store { connection, .. }| {
            let mut statement =
                connection.prepare("SELECT DISTINCT row / ?1, source FROM chunks ORDER BY 1, 2")?;
            let rows = statement.query_map([ROWS], |row| Ok((row.get::<_, i64>(0)?, row.get(1)?)))?;
            let held =
                rows.filter_map(|row| row.map(|(at, source)| Some((corpus_at(at)?, source))).transpose());
            Ok(held.collect::<rusqlite::Result<_>>()?)
        })
        .await
    }

    /// See [`crate::Store::ids`].
    pub async fn ids(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        let prefix = prefix.to_owned();
        self.run(move |store| Ok(write::held(&store.connection, &prefix)?.into_keys().collect())).await
    }

    /// See [`crate::Store::remove`].
    pub async fn remove(&self, ids: Vec<String>) -> Result<usize, StoreError> {
        self.run(move |store| {
            let transaction = store.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let mut lexicon = Lexicon::new(&transaction);
            for id in &ids {
                let row = transaction
                    .prepare_cached("SELECT row FROM chunks WHERE id = ?1")?
                    .query_row([id], |row| row.get(0))
                    .optional()?;
                row.map_or(Ok(()), |row| write::delete(&transaction, &mut lexicon, row))?;
            }
            lexicon.finish()?;
            transaction.commit()?;
            Ok(ids.len())
        })
        .await
    }

    /// Chunks per corpus.
    pub async fn counts(&self) -> Result<BTreeMap<Corpus, usize>, StoreError> {
        self.run(|Store { connection, .. }| {
            let mut statement = connection.prepare("SELECT row / ?1, count(*) FROM chunks GROUP BY 1")?;
            let rows =
                statement.query_map([ROWS], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)))?;
            let counts =
                rows.filter_map(|row| row.map(|(at, n)| Some((corpus_at(at)?, n as usize))).transpose());
            Ok(counts.collect::<rusqlite::Result<_>>()?)
        })
        .await
    }

    /// See [`crate::Store::ask`]. Up to three searches a question: by words, by exact identifiers, by meaning.
    pub async fn ask(&self, questions: &[Question], corpora: &[Corpus], first: usize) -> Answers {
        let began = std::time::Instant::now();
        let (questions, corpora, model) = (questions.to_vec(), corpora.to_vec(), self.model.clone());
        let found =
            self.run(move |store| search::all(store, model.as_ref(), &questions, &corpora, first)).await;
        let took_ms = began.elapsed().as_millis() as u64;
        let name = "embedded search".to_owned();
        match found {
            Ok(rankings) => {
                let any = rankings.iter().any(|ranking| !ranking.hits.is_empty());
                let status = if any { Status::Ok } else { Status::Empty };
                let mut calls = vec![Call { name, status, took_ms }];
                if self.model.is_none() {
                    let name = "embedded search by meaning".to_owned();
                    calls.push(Call { name, status: Status::NotConfigured, took_ms: 0 });
                }
                Answers { rankings, calls, gaps: Vec::new() }
            }
            Err(error) => Answers {
                rankings: Vec::new(),
                calls: vec![Call { name: name.clone(), status: Status::Unavailable, took_ms }],
                gaps: vec![Gap {
                    what: name,
                    status: Status::Unavailable,
                    sentence: format!("What the company knows was not searched: {error}."),
                    error: None,
                }],
            },
        }
    }

    /// Runs SQL off the async threads: a search at a hundred thousand chunks takes milliseconds that others could use.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Store) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, StoreError> {
        let file = Arc::clone(&self.file);
        let done = tokio::task::spawn_blocking(move || {
            work(&mut file.lock().unwrap_or_else(PoisonError::into_inner)).map_err(|error| error.to_string())
        });
        done.await
            .map_err(|error| error.to_string())
            .and_then(|result| result)
            .map_err(|cause| StoreError::File { place: self.place.to_string(), cause })
    }
}

/// Why the file or the model failed.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Sql(#[from] rusqlite::Error),
    #[error(transparent)]
    Model(#[from] StoreError),
}

/// What the file says of itself.
fn meta(connection: &Connection, name: &str) -> rusqlite::Result<Option<String>> {
    connection.query_row("SELECT value FROM meta WHERE name = ?1", [name], |row| row.get(0)).optional()
}

fn base(corpus: Corpus) -> i64 {
    // The numbers are part of the file format, so they do not follow the enum's order.
    ROWS * match corpus {
        Corpus::Metrics => 1,
        Corpus::Runbooks => 2,
        Corpus::Incidents => 3,
        Corpus::Terraform => 4,
        Corpus::SourceCode => 5,
    }
}

fn corpus_at(number: i64) -> Option<Corpus> {
    Corpus::ALL.into_iter().find(|corpus| base(*corpus) == number * ROWS)
}

#[cfg(test)]
mod tests {
    use incident::Chunk;

    use super::*;

    fn chunk(corpus: Corpus, source: &str, text: &str) -> Chunk {
        Chunk::of_text(corpus, source, text)
    }

    fn source(corpus: Corpus, source: &str, texts: &[&str]) -> SourceChunks {
        let chunks = texts.iter().map(|text| chunk(corpus, source, text)).collect();
        SourceChunks { corpus, origin: String::new(), source: source.into(), chunks }
    }

    fn store() -> (tempfile::TempDir, Embedded) {
        let folder = tempfile::tempdir().unwrap();
        let store = Embedded::open(&folder.path().join("deep/knowledge.sqlite"), None).unwrap();
        (folder, store)
    }

    async fn first(store: &Embedded, question: Question) -> Option<String> {
        let answers = store.ask(&[question], &Corpus::ALL, 1).await;
        assert_eq!(answers.gaps, []);
        answers.rankings.first()?.hits.first().map(|(chunk, _)| chunk.source.clone())
    }

    #[tokio::test]
    async fn words_are_stemmed_and_identifiers_are_split_and_kept() {
        let (_folder, store) = store();
        store
            .put(vec![
                source(Corpus::Runbooks, "pool.md", &["Connections are exhausted: lower maxOpenConns."]),
                source(Corpus::Runbooks, "cache.md", &["The cache is cold after a purge."]),
                source(Corpus::SourceCode, "a.go", &["rows from order_items"]),
                source(Corpus::SourceCode, "b.go", &["rows from order and items"]),
            ])
            .await
            .unwrap();
        let ask = |text: &str| Question::new(text);
        assert_eq!(first(&store, ask("connection exhaustion, max open conns")).await.unwrap(), "pool.md");
        assert_eq!(first(&store, ask("purging caches")).await.unwrap(), "cache.md");
        assert_eq!(first(&store, ask("order_items")).await.unwrap(), "a.go");
        let exact = Question { exact: vec!["order_items".into()], ..Question::default() };
        let answers = store.ask(&[exact], &Corpus::ALL, 3).await;
        assert_eq!(answers.rankings[0].name(), "q3 exact");
        assert_eq!(answers.rankings[0].hits.len(), 1);
    }

    #[tokio::test]
    async fn a_question_is_never_read_as_an_operator() {
        let (_folder, store) = store();
        store.put(vec![source(Corpus::Runbooks, "a.md", &["near and far"])]).await.unwrap();
        for text in ["NEAR(a b) AND \"x", "* OR -", "title:x^2 {a}", ""] {
            first(&store, Question::new(text)).await;
        }
    }

    #[tokio::test]
    async fn what_is_unchanged_stays_and_what_is_gone_leaves_nothing() {
        let (_folder, store) = store();
        let put = |texts: &'static [&'static str]| store.put(vec![source(Corpus::Runbooks, "a.md", texts)]);
        assert_eq!(put(&["alpha", "beta"]).await.unwrap(), Stored { added: 2, unchanged: 0, removed: 0 });
        assert_eq!(put(&["alpha", "gamma"]).await.unwrap(), Stored { added: 1, unchanged: 1, removed: 1 });
        assert_eq!(first(&store, Question::new("beta")).await, None);
        assert_eq!(store.counts().await.unwrap(), BTreeMap::from([(Corpus::Runbooks, 2)]));
        assert_eq!(put(&[]).await.unwrap().removed, 2);
        assert_eq!(store.sources().await.unwrap(), []);
    }

    #[tokio::test]
    async fn the_same_path_in_two_corpora_is_two_sources() {
        let (_folder, store) = store();
        store
            .put(vec![source(Corpus::Runbooks, "a", &["alpha"]), source(Corpus::Terraform, "a", &["beta"])])
            .await
            .unwrap();
        store.put(vec![source(Corpus::Terraform, "a", &[])]).await.unwrap();
        assert_eq!(store.sources().await.unwrap(), [(Corpus::Runbooks, "a".to_owned())]);
    }

    #[tokio::test]
    async fn two_origins_hold_the_same_path_side_by_side_and_each_lists_its_own() {
        let (_folder, store) = store();
        let of = |origin: &str, text: &str| {
            let mut one = source(Corpus::Runbooks, "a.md", &[text]);
            one.origin = origin.into();
            one.chunks[0].origin = origin.into();
            one
        };
        store.put(vec![of("folder:/one", "alpha"), of("folder:/two", "beta")]).await.unwrap();
        let ids =
            async |origin: &str| store.ids(&Chunk::origin_prefix(Corpus::Runbooks, origin)).await.unwrap();
        let (one, two) = (ids("folder:/one").await, ids("folder:/two").await);
        assert_eq!((one.len(), two.len()), (1, 1));
        store.remove(one).await.unwrap();
        assert_eq!(ids("folder:/one").await, Vec::<String>::new());
        assert_eq!(first(&store, Question::new("alpha")).await, None);
        assert_eq!(first(&store, Question::new("beta")).await.unwrap(), "a.md");
    }

    #[test]
    fn an_index_made_by_another_embedder_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("k.sqlite");
        drop(Embedded::open(&path, None).unwrap());
        Connection::open(&path)
            .unwrap()
            .execute("UPDATE meta SET value = 'other-9' WHERE name = 'embedder'", [])
            .unwrap();
        let error = Embedded::open(&path, None).unwrap_err();
        assert!(matches!(error, StoreError::Mixed { .. }));
        assert!(error.to_string().contains("other-9"), "{error}");
    }
}
