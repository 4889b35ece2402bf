//! Questions to rankings over the file.

use std::collections::HashMap;
use std::sync::Arc;

use incident::{Chunk, Corpus};
use rusqlite::{Connection, params};

use super::{Failure, ROWS, Store, base};
use crate::minilm::MiniLm;
use crate::{FETCH, Method, Question, Ranking, words};

/// What a match in the title counts beside one anywhere.
const TITLE: f64 = 0.5;
/// What two neighbouring words of the question that are neighbours in the text count beside single words.
const PAIR: f64 = 0.7;

/// Rows of some corpora with their scores, best first.
type Scored = Vec<(i64, f64)>;

/// Every question by every method, numbered from `first`.
pub(super) fn all(
    store: &mut Store,
    model: Option<&MiniLm>,
    questions: &[Question],
    corpora: &[Corpus],
    first: usize,
) -> Result<Vec<Ranking>, Failure> {
    let mut rankings = Vec::new();
    for (i, question) in questions.iter().enumerate() {
        let asked: Vec<Corpus> = corpora.iter().copied().filter(|corpus| question.is_for(*corpus)).collect();
        let mut add = |method: Method, scored: Scored, connection: &Connection| {
            let hits = chunks(connection, scored)?;
            rankings.push(Ranking { question: first + i, method, corpora: asked.clone(), hits });
            Ok::<(), Failure>(())
        };
        if let Some(scored) = by_words(&store.connection, question, &asked)? {
            add(Method::Lexical, scored, &store.connection)?;
        }
        let exact = exactly(&question.exact);
        if !exact.is_empty() {
            let scored = matches(&store.connection, "lexical", &exact, &asked)?;
            add(Method::Exact, best(scored), &store.connection)?;
        }
        if let Some(model) = model.filter(|_| !question.text.trim().is_empty()) {
            let scored = by_meaning(store, model, &question.text, &asked)?;
            if !scored.is_empty() {
                add(Method::Dense, scored, &store.connection)?;
            }
        }
    }
    Ok(rankings)
}

/// By single words and identifiers, by words of the title, and by pairs of words; `None` where the question has no words. The
/// three scores are BM25's, so they add up.
fn by_words(
    connection: &Connection,
    question: &Question,
    corpora: &[Corpus],
) -> rusqlite::Result<Option<Scored>> {
    let plain = words::words(&question.text);
    let single = any_of(words::identifiers(&question.text).into_iter().chain(plain.iter().cloned()));
    if single.is_empty() || corpora.is_empty() {
        return Ok(None);
    }
    let pairs = any_of(plain.windows(2).filter(|pair| pair[0] != pair[1]).map(|pair| pair.join(" ")));
    let mut total: HashMap<i64, f64> = HashMap::new();
    let searches =
        [("lexical", single, 1.0), ("titles", any_of(plain.into_iter()), TITLE), ("lexical", pairs, PAIR)];
    for (table, expression, weight) in searches {
        for (row, score) in matches(connection, table, &expression, corpora)? {
            *total.entry(row).or_default() += weight * score;
        }
    }
    Ok(Some(best(total.into_iter().collect())))
}

fn by_meaning(store: &mut Store, model: &MiniLm, text: &str, corpora: &[Corpus]) -> Result<Scored, Failure> {
    store.vectors.refresh(&store.connection)?;
    let question = model.embed(text)?;
    let found = corpora.iter().flat_map(|corpus| {
        let rows = base(*corpus)..base(*corpus) + ROWS;
        store.vectors.nearest(&question, rows, FETCH)
    });
    Ok(best(found.collect()))
}

/// The best rows of each corpus that match, with BM25's score, larger for better.
fn matches(
    connection: &Connection,
    table: &str,
    expression: &str,
    corpora: &[Corpus],
) -> rusqlite::Result<Scored> {
    let mut rows = Vec::new();
    if expression.is_empty() {
        return Ok(rows);
    }
    let mut statement = connection.prepare_cached(&format!(
        "SELECT rowid, -bm25({table}) AS score FROM {table}
         WHERE {table} MATCH ?1 AND rowid BETWEEN ?2 AND ?3 ORDER BY score DESC LIMIT ?4"
    ))?;
    for corpus in corpora {
        let (from, to) = (base(*corpus), base(*corpus) + ROWS - 1);
        let found = statement
            .query_map(params![expression, from, to, FETCH as i64], |row| Ok((row.get(0)?, row.get(1)?)))?;
        for row in found {
            rows.push(row?);
        }
    }
    Ok(rows)
}

/// Best first. One table holds all corpora, so scores compare across them.
fn best(mut rows: Scored) -> Scored {
    rows.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    rows
}

fn chunks(connection: &Connection, rows: Scored) -> rusqlite::Result<Vec<(Arc<Chunk>, f64)>> {
    let mut read = connection.prepare_cached("SELECT chunk FROM chunks WHERE row = ?1")?;
    let mut hits = Vec::with_capacity(rows.len());
    for (row, score) in rows {
        let json: String = read.query_row([row], |row| row.get(0))?;
        if let Ok(chunk) = serde_json::from_str::<Chunk>(&json) {
            hits.push((Arc::new(chunk), score));
        }
    }
    Ok(hits)
}

/// An FTS5 expression that any of the terms satisfies. Quoted, a term is never read as an operator, and one of several words is
/// a phrase.
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
