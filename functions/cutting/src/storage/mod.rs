//! Confluence's storage format, and plain HTML, as Markdown.
//!
//! Everything a reader of the page sees is kept: code macros with their language, panels as quotes, expands, tasks, statuses,
//! tables, and the bodies of macros we do not know. An own writer rather than an HTML converter: those escape identifiers
//! (`max\_connections`), drop rows and cells of tables they do not expect, and recurse, so that a deep page ends the process.

mod block;
mod elements;
mod macros;
mod reader;
mod table;
mod writer;

use std::ops::Range;

use block::Block;
use writer::Writer;

/// A page as Markdown.
#[derive(Debug, Default)]
pub(crate) struct Page {
    pub text: String,
    /// Where each block begins in `text`, and the bytes of the source it was made of; in order.
    blocks: Vec<(usize, Range<usize>)>,
    /// What was wrong with the markup.
    pub problem: Option<String>,
}

impl Page {
    /// The bytes of the source that a range of the Markdown was made of: those of all blocks it touches.
    pub(crate) fn source(&self, range: &Range<usize>) -> Range<usize> {
        let first = self.blocks.partition_point(|(at, _)| *at <= range.start).saturating_sub(1);
        let last = self.blocks.partition_point(|(at, _)| *at < range.end).saturating_sub(1);
        match (self.blocks.get(first), self.blocks.get(last)) {
            (Some((_, first)), Some((_, last))) => first.start..last.end.max(first.end),
            _ => 0..0,
        }
    }
}

/// Reads a page.
pub(crate) fn to_markdown(text: &str) -> Page {
    let mut writer = Writer::default();
    let mistakes =
        reader::read(text, |mark, from, to| elements::take(&mut writer, mark, &text[from..to], to));
    let mut page = Page::default();
    for (block, source) in writer.end(text.len()) {
        if block.text.trim().is_empty() {
            continue;
        }
        if !page.text.is_empty() {
            page.text.push_str(if block.tight { "\n" } else { "\n\n" });
        }
        page.blocks.push((page.text.len(), source));
        page.text.push_str(&block.text);
    }
    page.problem = (mistakes > 0)
        .then(|| format!("{mistakes} places of its markup cannot be read and were taken as text"));
    page
}

/// Whether a text looks like a page in the storage format.
pub(crate) fn is_storage(text: &str) -> bool {
    ["<ac:", "<ri:"].iter().any(|mark| text.contains(mark))
}

/// Whether a text looks like a page of prose in HTML rather than the shell of an application.
pub(crate) fn is_page(text: &str) -> bool {
    is_storage(text)
        || ["<h1", "<h2", "<h3", "<p>", "<P>", "<H1"].iter().any(|mark| text.contains(mark))
            && !text.contains("<script")
}

#[cfg(test)]
mod tests;
