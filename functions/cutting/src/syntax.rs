//! What the languages share: a file as its symbols and the text between them.

use std::collections::HashSet;
use std::ops::Range;

use tree_sitter::{Language, Node, Parser};

use crate::piece::{self, About, Piece};
use crate::tokens::tokens;
use crate::windows::{self, Atom};
use crate::{Cut, Document};

/// Imports that a header names at most.
const IMPORTS: usize = 16;
/// Characters of a signature in a header.
const SIGNATURE: usize = 240;
/// A statement of so many lines or bytes is a piece of its own though it has no name: it may hold functions.
const LONG_LINES: usize = 3;
const LONG_BYTES: usize = 400;
/// Levels of a syntax tree that are gone down to split a symbol; below, lines do.
const DEEPEST: usize = 64;

/// What a language reads in a file.
#[derive(Default)]
pub(crate) struct Outline {
    /// What every chunk of the file needs: its package.
    pub header: String,
    /// Names that imports bring, and what each is imported from.
    pub imports: Vec<(String, String)>,
}

/// Cuts a file: each top-level symbol is one piece with the comments above it, one that is too long is split between its
/// statements, what stands between symbols is cut as text. `outline` reads the whole file, `name` a top-level node.
pub(crate) fn cut(
    document: &Document,
    language: &Language,
    outline: impl FnOnce(&str, Node<'_>) -> Outline,
    name: impl Fn(&str, Node<'_>) -> Option<String>,
) -> Cut {
    let text = &document.text;
    let mut parser = Parser::new();
    let tree = parser.set_language(language).ok().and_then(|()| parser.parse(text, None));
    let Some(tree) = tree else {
        let mut cut = piece::as_text(document);
        cut.problems.push(format!("{}: it cannot be parsed, so it was cut as text", document.path));
        return cut;
    };
    let file = outline(text, tree.root_node());
    let pieces = pieces(text, &file, top_level(tree.root_node()), name);
    let mut problems = Vec::new();
    if tree.root_node().has_error() {
        problems.push(format!(
            "{}: it holds syntax errors and was cut as far as it could be read",
            document.path
        ));
    }
    Cut { chunks: piece::chunks(document, &About::of(document), pieces), problems }
}

/// The nodes below the root; where it could not read on, those within the error.
fn top_level(root: Node<'_>) -> Vec<Node<'_>> {
    let mut cursor = root.walk();
    let mut found = Vec::new();
    for node in root.children(&mut cursor) {
        if node.is_error() {
            found.extend(node.children(&mut node.walk()));
        } else {
            found.push(node);
        }
    }
    found
}

fn pieces(
    text: &str,
    file: &Outline,
    nodes: Vec<Node<'_>>,
    name: impl Fn(&str, Node<'_>) -> Option<String>,
) -> Vec<Piece> {
    let between = |range: Range<usize>| {
        let piece = Piece { range, header: file.header.clone(), ..Piece::default() };
        piece::between(text, &piece)
    };
    let mut pieces = Vec::new();
    let mut at = 0;
    for (i, node) in nodes.iter().copied().enumerate() {
        let name = name(text, node);
        if name.is_none() && !is_long(node) {
            continue;
        }
        let start = with_comments(text, &nodes[..i], node).max(at);
        let end = line_end(text, node.end_byte());
        if end <= start {
            continue;
        }
        pieces.extend(between(at..start));
        at = end;
        let range = start..end;
        let piece = Piece {
            header: header(text, file, node, &range),
            section: name.clone(),
            symbol: name,
            range: range.clone(),
            ..Piece::default()
        };
        let atoms = statements(text, node, range, windows::SYMBOL);
        pieces.extend(piece::parts(&piece, windows::merge(text, &atoms, windows::SYMBOL, 0)));
    }
    pieces.extend(between(at..text.len()));
    pieces
}

fn is_long(node: Node<'_>) -> bool {
    let lines = node.end_position().row - node.start_position().row + 1;
    let is_comment = node.kind() == "comment" || node.kind().starts_with("import");
    !is_comment && (lines >= LONG_LINES || node.byte_range().len() >= LONG_BYTES)
}

/// The file's header, the signature, and the imports that the symbol uses.
fn header(text: &str, file: &Outline, node: Node<'_>, range: &Range<usize>) -> String {
    let words = identifiers(&text[range.clone()]);
    let used = file.imports.iter().filter(|(name, _)| words.contains(name.as_str()));
    let used: Vec<String> = used.take(IMPORTS).map(|(name, from)| format!("{name} from {from}")).collect();
    let mut header = file.header.clone();
    for line in [signature(text, node), used.join(", ")].iter().filter(|line| !line.is_empty()) {
        header.push('\n');
        header.push_str(line);
    }
    header
}

/// The first line of a symbol, its parameters included where they stand on lines of their own.
fn signature(text: &str, node: Node<'_>) -> String {
    let body = node.child_by_field_name("body").map_or(node.end_byte(), |body| body.start_byte());
    let whole = text.get(node.start_byte()..body).unwrap_or_default();
    let first = if body == node.end_byte() { whole.lines().next().unwrap_or_default() } else { whole };
    let folded = first.split_whitespace().collect::<Vec<_>>().join(" ");
    let folded = folded.trim_end_matches(['{', '(']).trim_end();
    folded[..folded.floor_char_boundary(SIGNATURE)].to_owned()
}

fn identifiers(text: &str) -> HashSet<&str> {
    text.split(|letter: char| !letter.is_alphanumeric() && letter != '_' && letter != '$').collect()
}

/// A symbol's parts of at most `limit` tokens: itself, else its statements, else theirs, else its lines.
fn statements(text: &str, node: Node<'_>, range: Range<usize>, limit: usize) -> Vec<Atom> {
    let mut found = Vec::new();
    let mut open = vec![(node, range, 0)];
    while let Some((node, range, depth)) = open.pop() {
        // No token is shorter than a byte: most symbols need no counting.
        let size = if range.len() <= limit { range.len() } else { tokens(&text[range.clone()]) };
        if size <= limit {
            found.push((range, size));
            continue;
        }
        let mut cursor = node.walk();
        let children: Vec<Node<'_>> = node.named_children(&mut cursor).collect();
        if depth == DEEPEST || children.is_empty() {
            found.extend(windows::atoms(text, range, limit));
            continue;
        }
        let ends = children.iter().map(|child| line_end(text, child.end_byte()).min(range.end));
        let mut ends: Vec<usize> = ends.collect();
        if let Some(last) = ends.last_mut() {
            *last = range.end;
        }
        let mut start = range.start;
        let from = open.len();
        for (child, end) in children.into_iter().zip(ends) {
            if end > start {
                open.push((child, start..end, depth + 1));
                start = end;
            }
        }
        open[from..].reverse();
    }
    found
}

/// Where the comments that stand directly above a node begin, else where the node does; `before` are the nodes before it. (The
/// tree's own way to the node before goes through all of them.)
fn with_comments(text: &str, before: &[Node<'_>], node: Node<'_>) -> usize {
    let mut start = node.start_byte();
    let mut row = node.start_position().row;
    for comment in before.iter().rev() {
        if comment.kind() != "comment" || comment.end_position().row + 1 < row {
            break;
        }
        // A comment behind code on the same line belongs to that code.
        let line = text[..comment.start_byte()].rfind('\n').map_or(0, |newline| newline + 1);
        if !text[line..comment.start_byte()].trim().is_empty() {
            break;
        }
        start = comment.start_byte();
        row = comment.start_position().row;
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
