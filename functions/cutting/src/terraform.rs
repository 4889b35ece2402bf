//! Terraform by top-level block.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::LazyLock;

use hcl_edit::Span;
use hcl_edit::expr::Expression;
use hcl_edit::structure::{Block, Body};
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

/// Brackets within brackets, or operators in a row, that are given to the parser, which recurses.
const DEEPEST: usize = 200;

/// The first line of a block in a file that cannot be parsed.
static FIRST_LINE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r#"(?m)^(resource|data|ephemeral|module|variable|output|locals|provider|terraform|moved|import|removed|check)((?:[ \t]+(?:"[^"\n]*"|[\w-]+))*)[ \t]*\{"#,
    )
    .ok()
});

/// A block's bytes and address.
struct Found {
    span: Range<usize>,
    address: String,
}

/// Cuts a Terraform file: one block, one chunk, with the comments above it; its section is its address, its header the
/// addresses it refers to and the literal values of those that have one. A file that cannot be parsed is cut between the
/// lines that begin a block.
pub(crate) fn cut(document: &Document) -> Cut {
    let text = &document.text;
    let (found, problem) = match parsed(text) {
        Ok(body) => {
            let blocks = body
                .blocks()
                .filter_map(|block| Some(Found { span: block.span()?, address: address(block) }));
            (blocks.collect(), None)
        }
        Err(why) => (
            by_first_lines(text),
            Some(format!("{}: {why}, so its blocks were told by their lines", document.path)),
        ),
    };
    let mut values = document.literals.clone();
    values.extend(literals(text));
    let mut pieces = Vec::new();
    let mut at = 0;
    for Found { span, address } in found {
        let range = with_comments(text, at, span);
        pieces.extend(between(text, at..range.start));
        at = range.end;
        let header =
            format!("{address} in {}{}", document.path, references(&text[range.clone()], &address, &values));
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
    Cut {
        chunks: piece::chunks(document, &About::of(document), pieces),
        problems: problem.into_iter().collect(),
    }
}

fn parsed(text: &str) -> Result<Body, String> {
    if is_too_deep(text) {
        return Err("it is nested too deep".to_owned());
    }
    hcl_edit::parser::parse_body(text).map_err(|error| format!("line {} is not HCL", error.location().line()))
}

fn is_too_deep(text: &str) -> bool {
    let (mut depth, mut row, mut choices) = (0_usize, 0_usize, 0_usize);
    text.bytes().any(|byte| {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            b'?' => choices += 1,
            b'=' => choices = 0,
            _ => {}
        }
        row = if matches!(byte, b'!' | b'-') {
            row + 1
        } else if byte == b' ' {
            row
        } else {
            0
        };
        // A line of dashes is a comment; a run of them costs the parser nothing there, but nothing is lost by care.
        depth > DEEPEST || row > DEEPEST || choices > DEEPEST
    })
}

/// The blocks of a broken file: each from its first line to the brace that closes it, or to the next one's first line.
fn by_first_lines(text: &str) -> Vec<Found> {
    let Some(pattern) = FIRST_LINE.as_ref() else { return Vec::new() };
    let begun: Vec<_> = pattern.captures_iter(text).collect();
    let starts: Vec<usize> = begun.iter().filter_map(|block| Some(block.get(0)?.start())).collect();
    begun
        .iter()
        .enumerate()
        .filter_map(|(i, block)| {
            let (whole, kind, labels) = (block.get(0)?, block.get(1)?.as_str(), block.get(2)?.as_str());
            let limit = starts.get(i + 1).copied().unwrap_or(text.len());
            let closed = closing_brace(&text[whole.end()..limit]).map(|length| whole.end() + length);
            let end = closed.unwrap_or_else(|| text[..limit].trim_end().len().max(whole.end()));
            let labels = labels.split_whitespace().map(|label| label.trim_matches('"'));
            Some(Found { span: whole.start()..end, address: addressed(kind, labels) })
        })
        .collect()
}

/// The length of a text up to the brace that closes what is open before it; strings and comments hold no braces.
fn closing_brace(text: &str) -> Option<usize> {
    let mut depth = 1;
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let mut quoted = false;
        let mut before = b' ';
        for (i, byte) in line.bytes().enumerate() {
            match byte {
                b'"' if before != b'\\' => quoted = !quoted,
                _ if quoted => {}
                b'#' => break,
                b'/' if before == b'/' => break,
                b'{' => depth += 1,
                b'}' => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                return Some(at + i + 1);
            }
            before = byte;
        }
        at += line.len();
    }
    None
}

/// Literal defaults of variables and literal locals by address, those marked sensitive left out. What cannot be parsed has none.
pub(crate) fn literals(text: &str) -> BTreeMap<String, String> {
    let Ok(body) = parsed(text) else { return BTreeMap::new() };
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

fn address(block: &Block) -> String {
    addressed(block.ident.as_str(), block.labels.iter().map(|label| label.as_str()))
}

/// The address as Terraform prints it: `aws_db_instance.main`, `data.aws_ami.base`, `module.vpc`, `var.size`, `locals`.
fn addressed<'a>(kind: &'a str, labels: impl Iterator<Item = &'a str>) -> String {
    let first = match kind {
        "resource" => None,
        "variable" => Some("var"),
        kind => Some(kind),
    };
    first.into_iter().chain(labels).collect::<Vec<_>>().join(".")
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

fn references(text: &str, own: &str, values: &BTreeMap<String, String>) -> String {
    let found: BTreeSet<&str> = REFERENCE
        .iter()
        .flat_map(|pattern| pattern.find_iter(text))
        .map(|found| found.as_str())
        .filter(|address| *address != own)
        .take(REFERENCES)
        .collect();
    let list = |what: &str, items: Vec<String>| {
        if items.is_empty() { String::new() } else { format!("\n{what} {}", items.join(", ")) }
    };
    let known =
        found.iter().filter_map(|address| Some(format!("{address} = {}", values.get(*address)?))).collect();
    let names = found.iter().map(|address| (*address).to_owned()).collect();
    list("refers to", names) + &list("where", known)
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
    fn literal_values_stand_in_the_headers_of_the_blocks_that_use_them() {
        let others = "variable \"class\" {\n  default = \"db.r6g.large\"\n}\nvariable \"password\" {\n  default = \"x\"\n  sensitive = true\n}\nlocals {\n  zones = [\"a\", \"b\"]\n  built = join(\"-\", local.zones)\n}\n";
        let text = "resource \"aws_db_instance\" \"main\" {\n  class = var.class\n  password = var.password\n  zones = local.zones\n  name = local.built\n}\n";
        let document =
            Document { literals: literals(others), ..Document::new(Corpus::Terraform, "db.tf", text) };
        let header = &cut(&document).chunks[0].header;
        assert!(
            header.ends_with("\nwhere local.zones = [\"a\", \"b\"], var.class = \"db.r6g.large\""),
            "{header}"
        );
    }

    #[test]
    fn the_blocks_of_a_broken_file_are_told_by_their_lines_and_it_is_named() {
        let text = "# One.\nresource \"a_b\" \"c\" {\n  x = \n  y = \"}\" # }\n}\n\nvariable \"d\" {\n  e = {\n\nmodule \"f\" { source = \"./f\" }\n";
        let cut = cut_text(text);
        let told: Vec<_> =
            cut.chunks.iter().map(|c| (c.symbol.as_deref().unwrap(), c.start_line, c.end_line)).collect();
        assert_eq!(told, [("a_b.c", 1, 5), ("var.d", 7, 8), ("module.f", 10, 10)]);
        assert!(cut.problems[0].contains("infra/db.tf: line 3"), "{}", cut.problems[0]);
    }

    #[test]
    fn a_file_nested_too_deep_for_the_parser_is_cut_all_the_same() {
        for deep in ["[".repeat(5_000), "!".repeat(5_000), "a ? b : ".repeat(5_000), "(".repeat(5_000)] {
            let cut = cut_text(&format!("locals {{\n  a = {deep}\n}}\n"));
            assert!(!cut.chunks.is_empty() && cut.problems[0].contains("too deep"), "{}", cut.problems[0]);
        }
    }
}
