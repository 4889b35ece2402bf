//! The embedded store: one SQLite file with a full-text index.
//!
//! The index has three columns, all made by [`crate::words`]: the title's words, the text's identifiers as written, and its
//! words with identifiers split and stemmed (Porter). BM25 ranks them. A corpus is a range of row ids, so that a search within
//! one never reads another's rows.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use incident::{Call, Chunk, Corpus, Gap, Status};
use rusqlite::{Connection, OptionalExtension, params};

use crate::{Answers, FETCH, Question, Ranking, SourceChunks, StoreError, Stored, words};

/// Row ids of one corpus.
const ROWS: i64 = 1 << 40;
/// BM25 weights of title, identifiers and words.
const WEIGHTS: &str = "2.0, 1.0, 1.0";

const SCHEMA: &str = "
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = NORMAL;
    CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS chunks (row INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, source TEXT NOT NULL, chunk TEXT NOT NULL);
    CREATE INDEX IF NOT EXISTS chunks_source ON chunks (source);
    CREATE VIRTUAL TABLE IF NOT EXISTS lexical USING fts5 (
        title, identifiers, words, content = '', contentless_delete = 1,
        tokenize = \"porter unicode61 remove_diacritics 2 tokenchars '._-/:@'\");
";

/// One SQLite file. Clones share the connection.
#[derive(Debug, Clone)]
pub struct Embedded {
    connection: Arc<Mutex<Connection>>,
    place: Arc<str>,
}

impl Embedded {
    /// Opens the file, or makes it. One that another tokeniser or embedder made is refused.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
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
        let found = identity(&connection).map_err(|error| broken(&error))?;
        if found != words::VERSION {
            let wanted = words::VERSION.to_owned();
            return Err(StoreError::Mixed { place: place.to_string(), found, wanted });
        }
        Ok(Self { connection: Arc::new(Mutex::new(connection)), place })
    }

    /// See [`crate::Store::put`]. All sources in one transaction.
    pub async fn put(&self, sources: Vec<SourceChunks>) -> Result<Stored, StoreError> {
        self.run(move |connection| {
            let transaction = connection.transaction()?;
            let mut stored = Stored::default();
            for source in &sources {
                stored += replace(&transaction, source)?;
            }
            transaction.commit()?;
            Ok(stored)
        })
        .await
    }

    /// Every source held.
    pub async fn sources(&self) -> Result<Vec<(Corpus, String)>, StoreError> {
        self.run(|connection| {
            let mut statement =
                connection.prepare("SELECT DISTINCT row / ?1, source FROM chunks ORDER BY 1, 2")?;
            let rows = statement.query_map([ROWS], |row| Ok((row.get::<_, i64>(0)?, row.get(1)?)))?;
            rows.filter_map(|row| row.map(|(at, source)| Some((corpus_at(at)?, source))).transpose())
                .collect()
        })
        .await
    }

    /// See [`crate::Store::ids`].
    pub async fn ids(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        let prefix = prefix.to_owned();
        self.run(move |connection| Ok(held(connection, &prefix)?.into_keys().collect())).await
    }

    /// See [`crate::Store::remove`].
    pub async fn remove(&self, ids: Vec<String>) -> Result<usize, StoreError> {
        self.run(move |connection| {
            let transaction = connection.transaction()?;
            for id in &ids {
                let row = transaction
                    .prepare_cached("SELECT row FROM chunks WHERE id = ?1")?
                    .query_row([id], |row| row.get(0))
                    .optional()?;
                row.map_or(Ok(()), |row| delete(&transaction, row))?;
            }
            transaction.commit()?;
            Ok(ids.len())
        })
        .await
    }

    /// Chunks per corpus.
    pub async fn counts(&self) -> Result<BTreeMap<Corpus, usize>, StoreError> {
        self.run(|connection| {
            let mut statement = connection.prepare("SELECT row / ?1, count(*) FROM chunks GROUP BY 1")?;
            let rows =
                statement.query_map([ROWS], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)))?;
            rows.filter_map(|row| row.map(|(at, n)| Some((corpus_at(at)?, n as usize))).transpose()).collect()
        })
        .await
    }

    /// See [`crate::Store::ask`]. Two searches a question: by words, and by exact identifiers.
    pub async fn ask(&self, questions: &[Question], corpora: &[Corpus], first: usize) -> Answers {
        let searches = searches(questions, corpora, first);
        let began = std::time::Instant::now();
        let found = self
            .run(move |connection| {
                searches.into_iter().map(|search| search.run(connection)).collect::<Result<Vec<_>, _>>()
            })
            .await;
        let took_ms = began.elapsed().as_millis() as u64;
        let name = "embedded search".to_owned();
        match found {
            Ok(rankings) => {
                let any = rankings.iter().any(|ranking| !ranking.hits.is_empty());
                let status = if any { Status::Ok } else { Status::Empty };
                Answers { rankings, calls: vec![Call { name, status, took_ms }], gaps: Vec::new() }
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
        work: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let connection = Arc::clone(&self.connection);
        let done = tokio::task::spawn_blocking(move || {
            work(&mut connection.lock().unwrap_or_else(PoisonError::into_inner))
                .map_err(|error| error.to_string())
        });
        done.await
            .map_err(|error| error.to_string())
            .and_then(|result| result)
            .map_err(|cause| StoreError::File { place: self.place.to_string(), cause })
    }
}

/// The identity stored with the index; a new file gets ours.
fn identity(connection: &Connection) -> rusqlite::Result<String> {
    connection.execute("INSERT OR IGNORE INTO meta VALUES ('embedder', ?1)", [words::VERSION])?;
    connection.query_row("SELECT value FROM meta WHERE name = 'embedder'", [], |row| row.get(0))
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

/// The chunks whose ids begin so, with their rows. The ids are plain ASCII below `~`.
fn held(connection: &Connection, prefix: &str) -> rusqlite::Result<HashMap<String, i64>> {
    connection
        .prepare_cached("SELECT id, row FROM chunks WHERE id >= ?1 AND id < ?1 || '~'")?
        .query_map([prefix], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect()
}

fn delete(connection: &Connection, row: i64) -> rusqlite::Result<()> {
    connection.prepare_cached("DELETE FROM chunks WHERE row = ?1")?.execute([row])?;
    connection.prepare_cached("DELETE FROM lexical WHERE rowid = ?1")?.execute([row])?;
    Ok(())
}

fn replace(connection: &Connection, new: &SourceChunks) -> rusqlite::Result<Stored> {
    let mut held = held(connection, &Chunk::id_prefix(new.corpus, &new.origin, &new.source))?;
    let mut stored = Stored::default();
    for chunk in &new.chunks {
        let id = chunk.id();
        let json = serde_json::to_string(chunk)
            .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
        if let Some(row) = held.remove(&id) {
            // The words are the same; lines, author or date may have moved.
            connection
                .prepare_cached("UPDATE chunks SET chunk = ?2 WHERE row = ?1")?
                .execute(params![row, json])?;
            stored.unchanged += 1;
        } else {
            insert(connection, chunk, &id, &json)?;
            stored.added += 1;
        }
    }
    held.values().try_for_each(|row| delete(connection, *row))?;
    stored.removed = held.len();
    Ok(stored)
}

fn insert(connection: &Connection, chunk: &Chunk, id: &str, json: &str) -> rusqlite::Result<()> {
    let base = base(chunk.corpus);
    let last: Option<i64> = connection
        .prepare_cached("SELECT max(row) FROM chunks WHERE row BETWEEN ?1 AND ?2")?
        .query_row(params![base, base + ROWS - 1], |row| row.get(0))
        .optional()?
        .flatten();
    let row = last.unwrap_or(base) + 1;
    connection.prepare_cached("INSERT INTO chunks VALUES (?1, ?2, ?3, ?4)")?.execute(params![
        row,
        id,
        chunk.source,
        json
    ])?;
    let name = [Some(chunk.title.as_str()), chunk.section.as_deref(), chunk.symbol.as_deref()];
    let name = name.into_iter().flatten().collect::<Vec<_>>().join("\n");
    let body = format!("{}\n{}", chunk.header, chunk.text);
    connection
        .prepare_cached("INSERT INTO lexical (rowid, title, identifiers, words) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![
            row,
            words::words(&name).join(" "),
            words::identifiers(&format!("{name}\n{}\n{body}", chunk.source)).join(" "),
            words::words(&body).join(" "),
        ])?;
    Ok(())
}

struct Search {
    name: String,
    expression: String,
    corpora: Vec<Corpus>,
}

fn searches(questions: &[Question], corpora: &[Corpus], first: usize) -> Vec<Search> {
    let mut searches = Vec::new();
    for (i, question) in questions.iter().enumerate() {
        let asked: Vec<Corpus> = corpora.iter().copied().filter(|corpus| question.is_for(*corpus)).collect();
        let named = words::identifiers(&question.text).into_iter().chain(words::words(&question.text));
        let methods = [("lexical", any_of(named)), ("exact", exactly(&question.exact))];
        for (method, expression) in methods {
            if !expression.is_empty() && !asked.is_empty() {
                searches.push(Search {
                    name: format!("q{} {method}", first + i),
                    expression,
                    corpora: asked.clone(),
                });
            }
        }
    }
    searches
}

/// An FTS5 expression that any of the terms satisfies. Quoted, a term is never read as an operator.
fn any_of(terms: impl Iterator<Item = String>) -> String {
    let mut quoted: Vec<String> = terms.map(|term| format!("\"{}\"", term.replace('"', ""))).collect();
    quoted.sort();
    quoted.dedup();
    quoted.join(" OR ")
}

fn exactly(identifiers: &[String]) -> String {
    any_of(identifiers.iter().map(|identifier| match words::is_identifier(identifier) {
        true => identifier.to_lowercase(),
        false => words::words(identifier).join(" "),
    }))
}

impl Search {
    fn run(self, connection: &Connection) -> rusqlite::Result<Ranking> {
        let mut statement = connection.prepare_cached(&format!(
            "SELECT rowid, bm25(lexical, {WEIGHTS}) AS score FROM lexical
             WHERE lexical MATCH ?1 AND rowid BETWEEN ?2 AND ?3 ORDER BY score LIMIT ?4"
        ))?;
        let mut rows: Vec<(i64, f64)> = Vec::new();
        for corpus in &self.corpora {
            let (from, to) = (base(*corpus), base(*corpus) + ROWS - 1);
            let found = statement.query_map(params![self.expression, from, to, FETCH as i64], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })?;
            for row in found {
                rows.push(row?);
            }
        }
        // SQLite's bm25() is smaller for better; one table holds all corpora, so scores compare across them.
        rows.sort_by(|a, b| a.1.total_cmp(&b.1).then(a.0.cmp(&b.0)));
        let mut read = connection.prepare_cached("SELECT chunk FROM chunks WHERE row = ?1")?;
        let mut hits = Vec::with_capacity(rows.len());
        for (row, score) in rows {
            let json: String = read.query_row([row], |row| row.get(0))?;
            if let Ok(chunk) = serde_json::from_str::<Chunk>(&json) {
                hits.push((Arc::new(chunk), -score));
            }
        }
        Ok(Ranking { name: self.name, corpora: self.corpora, hits })
    }
}

#[cfg(test)]
mod tests {
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
        let store = Embedded::open(&folder.path().join("deep/knowledge.sqlite")).unwrap();
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
        assert_eq!(answers.rankings[0].name, "q3 exact");
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
        drop(Embedded::open(&path).unwrap());
        Connection::open(&path).unwrap().execute("UPDATE meta SET value = 'other-9'", []).unwrap();
        let error = Embedded::open(&path).unwrap_err();
        assert!(matches!(error, StoreError::Mixed { .. }));
        assert!(error.to_string().contains("other-9"), "{error}");
    }
}
