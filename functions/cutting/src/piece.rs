//! A range of a document on its way to becoming a chunk.

use std::collections::HashMap;
use std::ops::Range;

use incident::{Chunk, Timestamp};

use crate::{Cut, Document, windows};

/// A range of the document's text and what is known about it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Piece {
    pub range: Range<usize>,
    pub section: Option<String>,
    pub symbol: Option<String>,
    pub header: String,
    /// Stands in place of the document's title, for a catalog's entries: each is a document of its own.
    pub title: Option<String>,
    /// Stands in place of the range's text, for a catalog's entries.
    pub words: Option<String>,
}

/// What a document says about itself.
#[derive(Debug, Clone)]
pub(crate) struct About {
    pub title: String,
    pub author: Option<String>,
    pub modified: Option<Timestamp>,
    pub version: Option<String>,
}

impl About {
    /// What is known without looking into the text.
    pub(crate) fn of(document: &Document) -> Self {
        Self {
            title: document.title.clone().unwrap_or_else(|| document.path.clone()),
            author: document.author.clone(),
            modified: document.modified,
            version: document.version.clone(),
        }
    }
}

/// The chunks of the pieces, blank ones left out.
pub(crate) fn chunks(document: &Document, about: &About, pieces: Vec<Piece>) -> Vec<Chunk> {
    let lines = Lines::of(&document.text);
    let mut seen: HashMap<String, usize> = HashMap::new();
    let mut chunks = Vec::with_capacity(pieces.len());
    for piece in pieces {
        let range = trimmed(&document.text, piece.range);
        if range.is_empty() {
            continue;
        }
        let title = piece.title.unwrap_or_else(|| about.title.clone());
        let text = piece.words.unwrap_or_else(|| document.text[range.clone()].to_owned());
        let nth = seen.entry(Chunk::hash_of(&title, &piece.header, &text, 0)).or_default();
        let hash = Chunk::hash_of(&title, &piece.header, &text, *nth);
        *nth += 1;
        chunks.push(Chunk {
            corpus: document.corpus,
            origin: String::new(),
            source: document.path.clone(),
            title,
            section: piece.section,
            symbol: piece.symbol,
            start_line: lines.of_byte(range.start),
            end_line: lines.of_byte(range.end.saturating_sub(1)),
            start_byte: range.start,
            end_byte: range.end,
            text,
            header: piece.header,
            author: about.author.clone(),
            modified: about.modified,
            version: about.version.clone(),
            hash,
        });
    }
    chunks
}

/// Windows of prose over a piece; each keeps section, symbol and header.
pub(crate) fn prose(text: &str, piece: &Piece) -> Vec<Piece> {
    parts(piece, windows::prose(text, piece.range.clone()))
}

/// What stands between symbols or blocks, in pieces that do not overlap.
pub(crate) fn between(text: &str, piece: &Piece) -> Vec<Piece> {
    parts(piece, windows::pieces(text, piece.range.clone(), windows::PROSE))
}

/// The piece over each of the ranges.
pub(crate) fn parts(piece: &Piece, ranges: Vec<Range<usize>>) -> Vec<Piece> {
    ranges.into_iter().map(|range| Piece { range, ..piece.clone() }).collect()
}

/// A document without a structure that we know.
pub(crate) fn as_text(document: &Document) -> Cut {
    let whole = Piece { range: 0..document.text.len(), ..Piece::default() };
    let pieces = between(&document.text, &whole);
    Cut { chunks: chunks(document, &About::of(document), pieces), problems: Vec::new() }
}

/// The range without blank lines before it and blanks after it; a first line's indentation is kept.
fn trimmed(text: &str, range: Range<usize>) -> Range<usize> {
    let slice = &text[range.clone()];
    let blank = slice.len() - slice.trim_start().len();
    let start = slice[..blank].rfind('\n').map_or(0, |newline| newline + 1);
    let start = if slice[start..].trim().is_empty() { slice.len() } else { start };
    let end = slice.trim_end().len().max(start);
    range.start + start..range.start + end
}

/// Where the lines of a text begin.
pub(crate) struct Lines(Vec<usize>);

impl Lines {
    pub(crate) fn of(text: &str) -> Self {
        Self(std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect())
    }

    /// The line that a byte stands in, from 1.
    pub(crate) fn of_byte(&self, byte: usize) -> u32 {
        self.0.partition_point(|start| *start <= byte) as u32
    }
}
