//! The terms of the store: a number for each, how many passages hold it, and a passage as the numbers of its terms.
//!
//! FTS5 finds the passages that hold a term; what a passage is worth to a whole question is summed from these numbers, for FTS5
//! would count every passage of every common word to say so. Totals and counts change in the transaction that writes a passage.

use std::collections::{HashMap, HashSet};

use rusqlite::{Connection, OptionalExtension, params};

pub(super) const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS terms (
        id INTEGER PRIMARY KEY, term TEXT NOT NULL UNIQUE, passages INTEGER NOT NULL, titles INTEGER NOT NULL);
    CREATE TABLE IF NOT EXISTS totals (
        one INTEGER PRIMARY KEY CHECK (one = 1), passages INTEGER NOT NULL, terms INTEGER NOT NULL, titles INTEGER NOT NULL);
    INSERT OR IGNORE INTO totals VALUES (1, 0, 0, 0);
    CREATE TABLE IF NOT EXISTS passages (row INTEGER PRIMARY KEY, terms BLOB NOT NULL);
";

/// The terms of a passage as numbers, in order.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Numbered {
    /// Of its title.
    pub(super) title: Vec<u32>,
    /// Of its words, the title's among them.
    pub(super) words: Vec<u32>,
    /// Of its identifiers, each once.
    pub(super) identifiers: Vec<u32>,
}

/// How much there is in all.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Totals {
    pub(super) passages: i64,
    /// Words and identifiers of all passages.
    pub(super) terms: i64,
    /// Words of all titles.
    pub(super) titles: i64,
}

/// A term of the store.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    pub(super) id: u32,
    /// Passages that hold it.
    pub(super) passages: i64,
    /// Passages whose title holds it.
    pub(super) titles: i64,
}

impl Numbered {
    /// Words and identifiers.
    pub(super) fn len(&self) -> usize {
        self.words.len() + self.identifiers.len()
    }

    /// Two lengths, then every number, seven bits a byte: common terms came first and have small numbers.
    fn to_bytes(&self) -> Vec<u8> {
        let lengths = [self.title.len() as u32, self.words.len() as u32];
        let numbers = lengths.iter().chain(&self.title).chain(&self.words).chain(&self.identifiers);
        let mut bytes = Vec::with_capacity(2 * self.len());
        for number in numbers {
            let mut rest = *number;
            while rest >= 0x80 {
                bytes.push((rest & 0x7f) as u8 | 0x80);
                rest >>= 7;
            }
            bytes.push(rest as u8);
        }
        bytes
    }

    /// Reads the bytes into this one, whose memory is used again.
    pub(super) fn read(&mut self, bytes: &[u8]) {
        let (mut number, mut shift) = (0_u32, 0);
        let mut numbers = bytes.iter().filter_map(|byte| {
            number |= u32::from(byte & 0x7f) << shift;
            shift = (shift + 7).min(28);
            (byte & 0x80 == 0).then(|| {
                shift = 0;
                std::mem::take(&mut number)
            })
        });
        let mut length = || numbers.next().unwrap_or_default() as usize;
        let (title, words) = (length(), length());
        for (part, most) in
            [(&mut self.title, title), (&mut self.words, words), (&mut self.identifiers, usize::MAX)]
        {
            part.clear();
            part.extend(numbers.by_ref().take(most));
        }
    }
}

/// A term, where a passage holds it.
pub(super) fn entry(connection: &Connection, term: &str) -> rusqlite::Result<Option<Entry>> {
    connection
        .prepare_cached("SELECT id, passages, titles FROM terms WHERE term = ?1")?
        .query_row([term], |row| Ok(Entry { id: row.get(0)?, passages: row.get(1)?, titles: row.get(2)? }))
        .optional()
}

pub(super) fn totals(connection: &Connection) -> rusqlite::Result<Totals> {
    connection.query_row("SELECT passages, terms, titles FROM totals", [], |row| {
        Ok(Totals { passages: row.get(0)?, terms: row.get(1)?, titles: row.get(2)? })
    })
}

/// Writes passages within one transaction, and at its end what they change in the counts.
#[derive(Debug)]
pub(super) struct Lexicon<'a> {
    connection: &'a Connection,
    ids: HashMap<String, u32>,
    /// By term: passages and titles more, or fewer.
    changes: HashMap<u32, (i64, i64)>,
    total: Totals,
}

impl<'a> Lexicon<'a> {
    pub(super) fn new(connection: &'a Connection) -> Self {
        Self { connection, ids: HashMap::new(), changes: HashMap::new(), total: Totals::default() }
    }

    /// Keeps a passage by its title, words and identifiers.
    pub(super) fn insert(
        &mut self,
        row: i64,
        title: &[String],
        words: &[String],
        identifiers: &[String],
    ) -> rusqlite::Result<()> {
        let mut number =
            |terms: &[String]| terms.iter().map(|term| self.id(term)).collect::<rusqlite::Result<Vec<_>>>();
        let passage =
            Numbered { title: number(title)?, words: number(words)?, identifiers: number(identifiers)? };
        self.connection
            .prepare_cached("INSERT INTO passages VALUES (?1, ?2)")?
            .execute(params![row, passage.to_bytes()])?;
        self.count(&passage, 1);
        Ok(())
    }

    /// Forgets a passage.
    pub(super) fn remove(&mut self, row: i64) -> rusqlite::Result<()> {
        let bytes: Option<Vec<u8>> = self
            .connection
            .prepare_cached("DELETE FROM passages WHERE row = ?1 RETURNING terms")?
            .query_row([row], |row| row.get(0))
            .optional()?;
        let Some(bytes) = bytes else { return Ok(()) };
        let mut passage = Numbered::default();
        passage.read(&bytes);
        self.count(&passage, -1);
        Ok(())
    }

    /// Writes the counts. A term that no passage holds is forgotten.
    pub(super) fn finish(self) -> rusqlite::Result<()> {
        let mut update = self.connection.prepare_cached(
            "UPDATE terms SET passages = passages + ?2, titles = titles + ?3 WHERE id = ?1 RETURNING passages",
        )?;
        let mut forget = self.connection.prepare_cached("DELETE FROM terms WHERE id = ?1")?;
        for (id, (passages, titles)) in &self.changes {
            let left: i64 = update.query_row(params![id, passages, titles], |row| row.get(0))?;
            if left <= 0 {
                forget.execute([id])?;
            }
        }
        let Totals { passages, terms, titles } = self.total;
        self.connection.execute(
            "UPDATE totals SET passages = passages + ?1, terms = terms + ?2, titles = titles + ?3",
            [passages, terms, titles],
        )?;
        Ok(())
    }

    fn id(&mut self, term: &str) -> rusqlite::Result<u32> {
        if let Some(id) = self.ids.get(term) {
            return Ok(*id);
        }
        let id = match entry(self.connection, term)? {
            Some(entry) => entry.id,
            None => self
                .connection
                .prepare_cached("INSERT INTO terms (term, passages, titles) VALUES (?1, 0, 0) RETURNING id")?
                .query_row([term], |row| row.get(0))?,
        };
        self.ids.insert(term.to_owned(), id);
        Ok(id)
    }

    fn count(&mut self, passage: &Numbered, one: i64) {
        let title: HashSet<u32> = passage.title.iter().copied().collect();
        let all = title.iter().chain(&passage.words).chain(&passage.identifiers);
        for id in all.copied().collect::<HashSet<u32>>() {
            let (passages, titles) = self.changes.entry(id).or_default();
            *passages += one;
            *titles += if title.contains(&id) { one } else { 0 };
        }
        self.total.passages += one;
        self.total.terms += one * passage.len() as i64;
        self.total.titles += one * passage.title.len() as i64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_passage_is_read_as_it_was_written_and_counted_while_it_is_there() {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(SCHEMA).unwrap();
        let terms = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let mut lexicon = Lexicon::new(&connection);
        let many: Vec<String> = (0..40_000).map(|n| format!("word{n}")).collect();
        lexicon.insert(1, &terms("queue"), &terms("queue grows queue"), &terms("order_items")).unwrap();
        lexicon.insert(2, &terms("queue"), &many, &[]).unwrap();
        lexicon.finish().unwrap();
        let mut read = Numbered::default();
        let bytes = |row: i64| {
            connection
                .query_row("SELECT terms FROM passages WHERE row = ?1", [row], |row| row.get::<_, Vec<u8>>(0))
                .unwrap()
        };
        read.read(&bytes(2));
        assert_eq!((read.title.len(), read.words.len(), read.identifiers.len()), (1, 40_000, 0));
        read.read(&bytes(1));
        assert_eq!(read.words[0], read.words[2]);
        assert_eq!(read.title, [read.words[0]]);
        let queue = entry(&connection, "queue").unwrap().unwrap();
        assert_eq!((queue.passages, queue.titles), (2, 2));
        let mut lexicon = Lexicon::new(&connection);
        lexicon.remove(1).unwrap();
        lexicon.finish().unwrap();
        assert!(entry(&connection, "grows").unwrap().is_none());
        let left = totals(&connection).unwrap();
        assert_eq!((left.passages, left.terms, left.titles), (1, 40_000, 1));
    }
}
