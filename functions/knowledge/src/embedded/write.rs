//! Sources to rows: what is unchanged stays, what is new gets its words, numbers and vector, what is gone leaves nothing.

use std::collections::HashMap;

use incident::Chunk;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::lexicon::Lexicon;
use super::{Failure, ROWS, base};
use crate::minilm::MiniLm;
use crate::{SourceChunks, Stored, vectors, words};

/// The vectors, by id, of the chunks that have none in the file.
pub(super) fn embed(
    connection: &Connection,
    model: &MiniLm,
    sources: &[SourceChunks],
) -> Result<HashMap<String, Vec<f32>>, Failure> {
    let mut has =
        connection.prepare_cached("SELECT 1 FROM chunks JOIN vectors USING (row) WHERE chunks.id = ?1")?;
    let mut found = HashMap::new();
    for chunk in sources.iter().flat_map(|source| &source.chunks) {
        let id = chunk.id();
        if !found.contains_key(&id) && !has.exists([&id])? {
            found.insert(id, model.passage(&head(chunk))?);
        }
    }
    Ok(found)
}

/// What the model reads of a chunk: its names in plain words, its header, and as much of its text as it takes.
fn head(chunk: &Chunk) -> String {
    format!("{}\n{}\n{}", words::spaced(&name(chunk)), chunk.header, chunk.text)
}

/// Title, section and symbol.
fn name(chunk: &Chunk) -> String {
    let parts = [Some(chunk.title.as_str()), chunk.section.as_deref(), chunk.symbol.as_deref()];
    let mut names: Vec<&str> = Vec::new();
    for part in parts.into_iter().flatten().flat_map(|part| part.split(" · ")) {
        if !names.contains(&part) {
            names.push(part);
        }
    }
    names.join("\n")
}

/// The chunks whose ids begin so, with their rows. The ids are plain ASCII below `~`.
pub(super) fn held(connection: &Connection, prefix: &str) -> rusqlite::Result<HashMap<String, i64>> {
    connection
        .prepare_cached("SELECT id, row FROM chunks WHERE id >= ?1 AND id < ?1 || '~'")?
        .query_map([prefix], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect()
}

pub(super) fn delete(connection: &Connection, lexicon: &mut Lexicon<'_>, row: i64) -> rusqlite::Result<()> {
    lexicon.remove(row)?;
    connection.prepare_cached("DELETE FROM chunks WHERE row = ?1")?.execute([row])?;
    connection.prepare_cached("DELETE FROM lexical WHERE rowid = ?1")?.execute([row])?;
    connection.prepare_cached("DELETE FROM vectors WHERE row = ?1")?.execute([row])?;
    Ok(())
}

pub(super) fn replace(
    connection: &Connection,
    lexicon: &mut Lexicon<'_>,
    new: &SourceChunks,
    vectors: &HashMap<String, Vec<f32>>,
) -> rusqlite::Result<Stored> {
    let mut held = held(connection, &Chunk::id_prefix(new.corpus, &new.origin, &new.source))?;
    let mut stored = Stored::default();
    for chunk in &new.chunks {
        let id = chunk.id();
        let json = serde_json::to_string(chunk)
            .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
        let row = if let Some(row) = held.remove(&id) {
            // The words are the same; lines, author or date may have moved.
            connection
                .prepare_cached("UPDATE chunks SET chunk = ?2 WHERE row = ?1")?
                .execute(params![row, json])?;
            stored.unchanged += 1;
            row
        } else {
            stored.added += 1;
            insert(connection, lexicon, chunk, &id, &json)?
        };
        vectors.get(&id).map_or(Ok(()), |vector| vectors::write(connection, row, vector))?;
    }
    for row in held.values() {
        delete(connection, lexicon, *row)?;
    }
    stored.removed = held.len();
    Ok(stored)
}

/// Stores a chunk in a new row, and answers it.
fn insert(
    connection: &Connection,
    lexicon: &mut Lexicon<'_>,
    chunk: &Chunk,
    id: &str,
    json: &str,
) -> rusqlite::Result<i64> {
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
    let body = format!("{}\n{}\n{}", name(chunk), chunk.header, chunk.text);
    let (title, stems) = (words::stems(&chunk.title), words::stems(&body));
    let identifiers = words::identifiers(&format!("{}\n{body}", chunk.source));
    let terms = [stems.join(" "), identifiers.join(" ")].join(" ");
    connection
        .prepare_cached("INSERT INTO lexical (rowid, terms) VALUES (?1, ?2)")?
        .execute(params![row, terms])?;
    lexicon.insert(row, &title, &stems, &identifiers)?;
    Ok(row)
}
