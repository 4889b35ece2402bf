//! Questions to rankings over the file.
//!
//! By words in two steps: FTS5 names the passages that hold the question's rarest words, and the best of those are scored by all
//! of it. A question of sixty words would else read half the index for words that stand everywhere and tell little.

use std::collections::HashMap;
use std::sync::Arc;

use incident::{Chunk, Corpus};
use rusqlite::{Connection, params};

use super::score::{Asked, Tally};
use super::{Failure, ROWS, Store, base};
use crate::minilm::MiniLm;
use crate::vectors::Vectors;
use crate::{FETCH, Method, Question, Ranking, StoreError, words};

/// Passages that are looked at in the index for one question: its words are taken from the rarest on while their passages
/// fit.
const LOOKED_AT: i64 = 30_000;
/// Passages of a corpus that are scored by the whole question: those with the best of its rarest words.
const SCORED: usize = 200;

/// Passages of a corpus that a search returns beside the best of all: more than are ever shown of one.
const EACH: usize = 16;

/// Rows of some corpora with their scores, best first.
type Scored = Vec<(i64, f64)>;

/// Every question by every method, numbered from `first`. By meaning on a thread of its own, for that is computed and the rest is
/// read.
pub(super) fn all(
    store: &mut Store,
    model: Option<&MiniLm>,
    questions: &[Question],
    corpora: &[Corpus],
    first: usize,
) -> Result<Vec<Ranking>, Failure> {
    if model.is_some() {
        store.vectors.refresh(&store.connection)?;
    }
    let Store { connection, vectors } = store;
    // One view of the file, locked once instead of at each of hundreds of statements.
    let reading = connection.unchecked_transaction()?;
    let connection: &Connection = &reading;
    let mut read = Chunks { connection, read: HashMap::new() };
    let mut rankings = Vec::new();
    for (i, question) in questions.iter().enumerate() {
        let asked: Vec<Corpus> = corpora.iter().copied().filter(|corpus| question.is_for(*corpus)).collect();
        let mut add = |method: Method, rows: Scored| {
            let hits = read.hits(&rows)?;
            rankings.push(Ranking { question: first + i, method, corpora: asked.clone(), hits });
            Ok::<(), Failure>(())
        };
        let model = model.filter(|_| !question.text.trim().is_empty());
        let meant = std::thread::scope(|scope| {
            let meant = model.map(|model| scope.spawn(|| by_meaning(vectors, model, &question.text, &asked)));
            if let Some(rows) = by_words(connection, &question.text, &asked)? {
                add(Method::Lexical, rows)?;
            }
            if !question.exact.is_empty() {
                add(Method::Exact, by_names(connection, &question.exact, &asked)?)?;
            }
            let broken =
                |_| StoreError::File { place: "the model".to_owned(), cause: "it panicked".to_owned() };
            let meant = meant.map(|meant| meant.join().map_err(broken)?);
            Ok::<_, Failure>(meant.transpose()?.unwrap_or_default())
        })?;
        if !meant.is_empty() {
            add(Method::Dense, meant)?;
        }
    }
    Ok(rankings)
}

/// By words, identifiers, the title's words and pairs of words; `None` where the question has no words.
fn by_words(connection: &Connection, text: &str, corpora: &[Corpus]) -> rusqlite::Result<Option<Scored>> {
    let (stems, identifiers) = (words::stems(text), words::identifiers(text));
    if stems.is_empty() && identifiers.is_empty() {
        return Ok(None);
    }
    let asked = Asked::new(connection, &stems, &identifiers)?;
    let mut terms: Vec<_> = asked.terms.iter().collect();
    terms.sort_by_key(|term| term.passages);
    let (mut found, mut looked_at) = (HashMap::new(), 0);
    for term in terms {
        looked_at += term.passages;
        if looked_at > LOOKED_AT && !found.is_empty() {
            break;
        }
        for row in holders(connection, &term.text)? {
            *found.entry(row).or_default() += term.weight;
        }
    }
    scored(connection, &asked, found, corpora).map(Some)
}

/// By names, letter by letter: what holds the most of them comes first.
fn by_names(connection: &Connection, names: &[String], corpora: &[Corpus]) -> rusqlite::Result<Scored> {
    let mut found: HashMap<i64, f64> = HashMap::new();
    for name in names {
        let phrase = match words::is_identifier(name) {
            true => name.to_lowercase(),
            false => words::stems(name).join(" "),
        };
        for row in holders(connection, &phrase)? {
            *found.entry(row).or_default() += 1.0;
        }
    }
    let text = names.join(" \n");
    let asked = Asked::new(connection, &words::stems(&text), &words::identifiers(&text))?;
    scored(connection, &asked, found, corpora)
}

fn by_meaning(
    vectors: &Vectors,
    model: &MiniLm,
    text: &str,
    corpora: &[Corpus],
) -> Result<Scored, StoreError> {
    let question = model.question(text)?;
    let found = corpora.iter().flat_map(|corpus| {
        let rows = base(*corpus)..base(*corpus) + ROWS;
        vectors.nearest(&question, rows, FETCH)
    });
    Ok(best(found.collect()))
}

/// The rows that hold a term, or a phrase of several, at most [`LOOKED_AT`]. Quoted, it is never read as an operator.
fn holders(connection: &Connection, phrase: &str) -> rusqlite::Result<Vec<i64>> {
    let phrase = format!("\"{}\"", phrase.replace('"', ""));
    connection
        .prepare_cached("SELECT rowid FROM lexical WHERE lexical MATCH ?1 LIMIT ?2")?
        .query_map(params![phrase, LOOKED_AT], |row| row.get(0))?
        .collect()
}

/// The best rows of each corpus by the whole question, of those found with what they are worth at first sight.
fn scored(
    connection: &Connection,
    asked: &Asked,
    found: HashMap<i64, f64>,
    corpora: &[Corpus],
) -> rusqlite::Result<Scored> {
    let mut by_corpus: HashMap<i64, Scored> =
        corpora.iter().map(|it| (base(*it) / ROWS, Vec::new())).collect();
    for (row, score) in found {
        if let Some(rows) = by_corpus.get_mut(&(row / ROWS)) {
            rows.push((row, score));
        }
    }
    let mut read = connection.prepare_cached("SELECT terms FROM passages WHERE row = ?1")?;
    let mut tally = Tally::default();
    let mut all = Vec::new();
    for rows in by_corpus.into_values() {
        let mut rows = first(rows, SCORED);
        // Neighbours in the file are read together.
        rows.sort_unstable_by_key(|(row, _)| *row);
        for (row, score) in &mut rows {
            *score = read.query_row([*row], |found| {
                Ok(found.get_ref(0)?.as_blob().map_or(0.0, |bytes| asked.score(bytes, &mut tally)))
            })?;
        }
        all.extend(first(rows, FETCH));
    }
    Ok(best(all))
}

/// The best of them, in no order.
fn first(mut rows: Scored, most: usize) -> Scored {
    if rows.len() > most {
        rows.select_nth_unstable_by(most, |a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        rows.truncate(most);
    }
    rows
}

/// Best first: the best of all, and the best of each corpus. One lexicon counts all corpora, so scores compare across them.
fn best(mut rows: Scored) -> Scored {
    rows.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    let mut kept: HashMap<i64, usize> = HashMap::new();
    let mut at = 0;
    rows.retain(|(row, _)| {
        let of_corpus = kept.entry(row / ROWS).or_default();
        *of_corpus += 1;
        at += 1;
        at <= FETCH || *of_corpus <= EACH
    });
    rows
}

/// Chunks of rows, each read once however many searches found it.
struct Chunks<'a> {
    connection: &'a Connection,
    read: HashMap<i64, Arc<Chunk>>,
}

impl Chunks<'_> {
    fn hits(&mut self, rows: &[(i64, f64)]) -> rusqlite::Result<Vec<(Arc<Chunk>, f64)>> {
        let mut read = self.connection.prepare_cached("SELECT chunk FROM chunks WHERE row = ?1")?;
        let mut hits = Vec::with_capacity(rows.len());
        for (row, score) in rows {
            if let Some(chunk) = self.read.get(row) {
                hits.push((Arc::clone(chunk), *score));
                continue;
            }
            let chunk =
                read.query_row([row], |found| Ok(serde_json::from_str(found.get_ref(0)?.as_str()?)))?;
            if let Ok(chunk) = chunk.map(Arc::new) {
                self.read.insert(*row, Arc::clone(&chunk));
                hits.push((chunk, *score));
            }
        }
        Ok(hits)
    }
}
