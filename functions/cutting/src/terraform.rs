//! Terraform by top-level block.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::LazyLock;

use hcl_edit::Span;
use hcl_edit::expr::Expression;
use hcl_edit::structure::Block;
use regex::Regex;

use crate::piece::{self, About, Piece};
use crate::{Cut, Document, windows};

/// References to other blocks that a block's header names at most.
const REFERENCES: usize = 16;
/// Items of a list that a header repeats at most.
const LITERAL_ITEMS: usize = 8;

/// An address of another block: `aws_db_instance.main`, `data.aws_ami.base`, `var.size`, `local.tags`, `module.vpc`.
static REFERENCE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"\b(?:(?:data\.)?[a-z][a-z0-9]*_[a-z0-9_]+|var|local|module)\.[A-Za-z_][A-Za-z0-9_-]*").ok()
});

/// Cuts a Terraform file: one block, one chunk, with the comments above it; its section is its address, its header the
/// addresses it refers to.
pub(crate) fn cut(document: &Document) -> Cut {
    let text = &document.text;
    let body = match hcl_edit::parser::parse_body(text) {
        Ok(body) => body,
        Err(error) => {
            let mut cut = piece::as_text(document);
            let line = error.location().line();
            cut.problems
                .push(format!("{}: line {line} is not HCL, so the file was cut as text", document.path));
            return cut;
        }
    };
    let mut pieces = Vec::new();
    let mut at = 0;
    for block in body.blocks() {
        let Some(span) = block.span() else { continue };
        let range = with_comments(text, at, span);
        pieces.extend(between(text, at..range.start));
        at = range.end;
        let address = address(block);
        let header = format!("{address} in {}{}", document.path, references(&text[range.clone()], &address));
        let piece = Piece {
            range,
            section: Some(address.clone()),
            symbol: Some(address),
            header,
            ..Piece::default()
        };
        pieces.extend(piece::parts(&piece, windows::pieces(text, piece.range.clone(), windows::SYMBOL)));
    }
    pieces.extend(between(text, at..text.len()));
    Cut { chunks: piece::chunks(document, &About::of(document), pieces), problems: Vec::new() }
}

/// Literal defaults of variables and literal locals by address, those marked sensitive left out. What cannot be parsed has none.
pub(crate) fn literals(text: &str) -> BTreeMap<String, String> {
    let Ok(body) = hcl_edit::parser::parse_body(text) else { return BTreeMap::new() };
    let mut found = BTreeMap::new();
    for block in body.blocks() {
        match block.ident.as_str() {
            "variable" if !is_sensitive(block) => {
                let value = block.body.get_attribute("default").and_then(|it| literal(&it.value));
                found.extend(value.map(|value| (address(block), value)));
            }
            "locals" => {
                let values = block.body.attributes().filter_map(|local| {
                    Some((format!("local.{}", local.key.as_str()), literal(&local.value)?))
                });
                found.extend(values);
            }
            _ => {}
        }
    }
    found
}

fn is_sensitive(block: &Block) -> bool {
    block.body.get_attribute("sensitive").is_some_and(|it| it.value.as_bool() != Some(false))
}

/// A string without interpolation, a number, a boolean, or a short list of those, as written.
fn literal(value: &Expression) -> Option<String> {
    match value {
        Expression::String(text) => Some(format!("{:?}", text.as_str())),
        Expression::Number(number) => Some(number.to_string()),
        Expression::Bool(flag) => Some(flag.to_string()),
        Expression::Array(items) => {
            let items: Option<Vec<String>> = items.iter().map(literal).collect();
            items.filter(|items| items.len() <= LITERAL_ITEMS).map(|items| format!("[{}]", items.join(", ")))
        }
        _ => None,
    }
}

fn between(text: &str, range: Range<usize>) -> Vec<Piece> {
    piece::between(text, &Piece { range, ..Piece::default() })
}

/// The address as Terraform prints it: `aws_db_instance.main`, `data.aws_ami.base`, `module.vpc`, `var.size`, `locals`.
fn address(block: &Block) -> String {
    let labels: Vec<&str> = block.labels.iter().map(|label| label.as_str()).collect();
    match block.ident.as_str() {
        "resource" => labels.join("."),
        "variable" => format!("var.{}", labels.join(".")),
        kind => std::iter::once(kind).chain(labels).collect::<Vec<_>>().join("."),
    }
}

/// The block's range from the comment lines directly above it to the end of its last line.
fn with_comments(text: &str, from: usize, span: Range<usize>) -> Range<usize> {
    let mut start = text[..span.start].rfind('\n').map_or(0, |newline| newline + 1).max(from);
    while start > from {
        let above = text[..start - 1].rfind('\n').map_or(0, |newline| newline + 1).max(from);
        let line = text[above..start].trim();
        if !["#", "//", "/*", "*"].iter().any(|mark| line.starts_with(mark)) {
            break;
        }
        start = above;
    }
    let end = text[span.end..].find('\n').map_or(text.len(), |newline| span.end + newline);
    start..end
}

fn references(text: &str, own: &str) -> String {
    let found: BTreeSet<&str> = REFERENCE
        .iter()
        .flat_map(|pattern| pattern.find_iter(text))
        .map(|found| found.as_str())
        .filter(|address| *address != own)
        .take(REFERENCES)
        .collect();
    if found.is_empty() {
        return String::new();
    }
    format!("\nrefers to {}", found.into_iter().collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use incident::Corpus;

    fn cut_text(text: &str) -> Cut {
        cut(&Document::new(Corpus::Terraform, "infra/db.tf", text))
    }

    #[test]
    fn a_block_is_one_chunk_with_its_comment_and_its_references() {
        let text = "# Network.\n\n# The database.\n# Ask first.\nresource \"aws_db_instance\" \"main\" {\n  class = var.class\n  sgs   = [aws_security_group.db.id]\n}\n\nvariable \"class\" {}\nlocals {\n  a = 1\n}\n";
        let cut = cut_text(text);
        let told: Vec<_> =
            cut.chunks.iter().map(|c| (c.symbol.as_deref(), c.start_line, c.end_line)).collect();
        assert_eq!(
            told,
            [
                (None, 1, 1),
                (Some("aws_db_instance.main"), 3, 8),
                (Some("var.class"), 10, 10),
                (Some("locals"), 11, 13)
            ]
        );
        assert!(
            cut.chunks[1].header.contains("aws_security_group.db, var.class"),
            "{}",
            cut.chunks[1].header
        );
    }

    #[test]
    fn broken_hcl_is_kept_as_text_and_named_with_its_line() {
        let cut = cut_text("resource \"a\" \"b\" {\n  x = \n}\n");
        assert_eq!(cut.chunks.len(), 1);
        assert!(cut.problems[0].contains("infra/db.tf: line"), "{}", cut.problems[0]);
    }
}
