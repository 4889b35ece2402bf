//! What the languages share: a file as its symbols and the text between them.

use std::ops::Range;

use tree_sitter::{Language, Node, Parser};

use crate::piece::{self, About, Piece};
use crate::{Cut, Document, windows};

/// A symbol found in a syntax tree.
pub(crate) struct Symbol {
    pub name: String,
    /// From its doc comment to its end.
    pub range: Range<usize>,
    /// Its first line: repeated in the header of every part when it must be split.
    pub signature: String,
}

impl Symbol {
    /// The symbol of a node, its doc comment included.
    pub(crate) fn of(text: &str, node: Node<'_>, name: String) -> Self {
        let end = line_end(text, node.end_byte());
        let signature = text[node.byte_range()].lines().next().unwrap_or_default();
        let signature = signature.trim_end_matches('{').trim_end().to_owned();
        Self { name, range: with_comments(text, node)..end, signature }
    }
}

/// Cuts a file: each symbol is one chunk, what stands between symbols is cut as text. `symbols` reads the tree; `header`
/// is what every chunk of the file needs, such as its package.
pub(crate) fn cut(
    document: &Document,
    language: &Language,
    read: impl FnOnce(&str, Node<'_>) -> (String, Vec<Symbol>),
) -> Cut {
    let text = &document.text;
    let mut parser = Parser::new();
    let tree = parser.set_language(language).ok().and_then(|()| parser.parse(text, None));
    let Some(tree) = tree else {
        let mut cut = piece::as_text(document);
        cut.problems.push(format!("{}: it cannot be parsed, so it was cut as text", document.path));
        return cut;
    };
    let (header, symbols) = read(text, tree.root_node());
    let chunks = piece::chunks(document, &About::of(document), pieces(text, &header, symbols));
    let mut problems = Vec::new();
    if tree.root_node().has_error() {
        problems.push(format!(
            "{}: it holds syntax errors and was cut as far as it could be read",
            document.path
        ));
    }
    Cut { chunks, problems }
}

fn pieces(text: &str, header: &str, symbols: Vec<Symbol>) -> Vec<Piece> {
    let between = |range: Range<usize>| {
        let piece = Piece { range, header: header.to_owned(), ..Piece::default() };
        piece::between(text, &piece)
    };
    let mut pieces = Vec::new();
    let mut at = 0;
    for symbol in symbols {
        let start = symbol.range.start.max(at);
        pieces.extend(between(at..start));
        at = symbol.range.end.max(start);
        let piece = Piece {
            range: start..at,
            section: Some(symbol.name.clone()),
            symbol: Some(symbol.name),
            header: format!("{header}\n{}", symbol.signature),
            ..Piece::default()
        };
        pieces.extend(piece::parts(&piece, windows::pieces(text, piece.range.clone(), windows::SYMBOL)));
    }
    pieces.extend(between(at..text.len()));
    pieces
}

/// Where the comments that stand directly above a node begin, else where the node does.
fn with_comments(text: &str, node: Node<'_>) -> usize {
    let mut start = node.start_byte();
    let mut row = node.start_position().row;
    let mut before = node.prev_sibling();
    while let Some(comment) = before.filter(|n| n.kind() == "comment" && n.end_position().row + 1 >= row) {
        // A comment behind code on the same line belongs to that code.
        let line = text[..comment.start_byte()].rfind('\n').map_or(0, |newline| newline + 1);
        if !text[line..comment.start_byte()].trim().is_empty() {
            break;
        }
        start = comment.start_byte();
        row = comment.start_position().row;
        before = comment.prev_sibling();
    }
    start
}

/// The end of the node's last line when only punctuation or a comment follows it there, so that no chunk is a lone `;`.
fn line_end(text: &str, end: usize) -> usize {
    let rest = text[end..].split('\n').next().unwrap_or_default();
    let tail = rest.trim();
    if tail.is_empty() || tail == ";" || tail.starts_with("//") { end + rest.trim_end().len() } else { end }
}

/// The text of a node's field.
pub(crate) fn field<'a>(text: &'a str, node: Node<'_>, name: &str) -> Option<&'a str> {
    text.get(node.child_by_field_name(name)?.byte_range())
}
