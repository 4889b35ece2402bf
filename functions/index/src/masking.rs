//! Secrets out of documents, without moving a byte or a line of what is left.

use std::sync::LazyLock;

use cutting::Document;
use incident::{Chunk, redact};
use regex::Regex;

static KEY_BLOCK: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?s)-----BEGIN [A-Z ]*PRIVATE KEY-----(.*?)(?:-----END [A-Z ]*PRIVATE KEY-----|\z)").ok()
});

/// The document with the inside of every private key block starred out, byte by byte: a block may be cut into several chunks,
/// and its middle looks like nothing that could be told from text.
pub(crate) fn without_key_blocks(document: &Document) -> Document {
    let mut text = document.text.clone();
    let blocks = KEY_BLOCK.iter().flat_map(|pattern| pattern.captures_iter(&document.text));
    for inside in blocks.filter_map(|block| block.get(1)) {
        let stars: String = inside.as_str().bytes().map(|b| if b == b'\n' { '\n' } else { '*' }).collect();
        text.replace_range(inside.range(), &stars);
    }
    Document { text, ..document.clone() }
}

/// Masks what is left. After cutting, so that a mask cannot break the syntax the cutter reads.
pub(crate) fn mask(chunk: &mut Chunk) {
    for text in [&mut chunk.text, &mut chunk.header, &mut chunk.title] {
        if let std::borrow::Cow::Owned(masked) = redact::redact(text) {
            *text = masked;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use incident::Corpus;

    #[test]
    fn no_secret_reaches_a_chunk_and_the_lines_stay() {
        let key = "MIIEpAIBAAKCAQEA7".repeat(40);
        let body: String = (0..60).map(|_| format!("{key}\n\n")).collect();
        let text = format!(
            "# Page\nurl postgres://app:hunter2secret@db/x\n\n-----BEGIN RSA PRIVATE KEY-----\n{body}-----END RSA PRIVATE KEY-----\n\n## End\nLast.\n"
        );
        let document = Document::new(Corpus::Runbooks, "a.md", &text);
        let (chunks, problems) = crate::chunks("", &document);
        assert_eq!(problems, Vec::<String>::new());
        assert!(chunks.len() > 1);
        for chunk in &chunks {
            assert!(
                !chunk.text.contains("hunter2secret") && !chunk.text.contains("MIIEpAIB"),
                "{}",
                chunk.text
            );
        }
        let last = chunks.last().unwrap();
        assert_eq!(last.text, "## End\nLast.");
        assert_eq!(last.end_line as usize, text.lines().count());
    }
}
