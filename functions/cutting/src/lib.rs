//! Documents to chunks, cut by meaning.
//!
//! Markdown is cut by heading, post-mortems likewise with their findings lifted into every chunk, source code by function,
//! method, type and component, Terraform by block, the catalog by metric and service. Input: a [`Document`] in memory; output:
//! chunks that name their lines and bytes, and the problems met. Pure, and it never fails: what cannot be parsed is cut as
//! text and named among the problems. Only the indexer links this crate: the grammars are large.

mod fence;
mod front_matter;
mod go;
mod markdown;
mod metrics;
mod piece;
mod post_mortem;
mod storage;
mod syntax;
mod terraform;
mod tokens;
mod typescript;
mod windows;

use std::collections::BTreeMap;
use std::path::Path;

use incident::{Corpus, Timestamp};
use serde::{Deserialize, Serialize};

pub use incident::Chunk;
pub use tokens::tokens;

/// A document as it was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// Where it belongs.
    pub corpus: Corpus,
    /// Path or URL; the chunks' source.
    pub path: String,
    /// Its title where its source knows one (a wiki); front matter and a first heading speak before the path does.
    pub title: Option<String>,
    /// The whole text.
    pub text: String,
    /// Last modified, where its source knows; front matter wins.
    pub modified: Option<Timestamp>,
    /// Author, where its source knows; front matter wins.
    pub author: Option<String>,
    /// A wiki page's version, or the commit the file was read at.
    pub version: Option<String>,
    /// Titles of the pages above a wiki page, outermost first: they lead the section path.
    pub ancestors: Vec<String>,
    /// How the text is written, where the path does not tell it.
    pub format: Option<Format>,
    /// Literal values of variables and locals that stand in other files of a Terraform folder, by address
    /// ([`literals`] of each of them); they are resolved into the headers of the blocks that use them.
    pub literals: BTreeMap<String, String>,
}

impl Document {
    /// A document of which nothing but its place and its text is known.
    pub fn new(corpus: Corpus, path: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            corpus,
            path: path.into(),
            title: None,
            text: text.into(),
            modified: None,
            author: None,
            version: None,
            ancestors: Vec::new(),
            format: None,
            literals: BTreeMap::new(),
        }
    }
}

/// How a wiki page or a post-mortem is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// Markdown, with or without front matter.
    Markdown,
    /// Confluence's storage format: XHTML with `ac:` and `ri:` elements. Plain HTML is read the same way.
    Storage,
}

/// What cutting a document gave.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Cut {
    /// In the order of the document.
    pub chunks: Vec<Chunk>,
    /// One sentence each, naming the document.
    pub problems: Vec<String>,
}

/// Cuts a document.
pub fn cut(document: &Document) -> Cut {
    match document.corpus {
        Corpus::Runbooks | Corpus::Incidents if is_storage(document) => converted(document),
        Corpus::Runbooks => markdown::cut(document),
        Corpus::Incidents => post_mortem::cut(document),
        Corpus::Terraform => terraform::cut(document),
        Corpus::Metrics => metrics::cut(document),
        Corpus::SourceCode => match extension(&document.path) {
            "go" => go::cut(document),
            "ts" => typescript::cut(document, false),
            "tsx" | "js" | "jsx" => typescript::cut(document, true),
            _ => piece::as_text(document),
        },
    }
}

fn is_storage(document: &Document) -> bool {
    match document.format {
        Some(format) => format == Format::Storage,
        None => STORAGE.contains(&extension(&document.path).to_lowercase().as_str()),
    }
}

/// Cuts a page of markup by way of Markdown. Its chunks' words are the Markdown's; their bytes and lines are those of the
/// elements in the source that the words were made of.
fn converted(document: &Document) -> Cut {
    let page = storage::to_markdown(&document.text);
    let markdown = Document { text: page.text.clone(), format: Some(Format::Markdown), ..document.clone() };
    let mut cut = cut(&markdown);
    let lines = piece::Lines::of(&document.text);
    for chunk in &mut cut.chunks {
        let source = page.source(&(chunk.start_byte..chunk.end_byte));
        (chunk.start_line, chunk.end_line) =
            (lines.of_byte(source.start), lines.of_byte(source.end.saturating_sub(1).max(source.start)));
        (chunk.start_byte, chunk.end_byte) = (source.start, source.end);
    }
    cut.problems.extend(page.problem.map(|problem| format!("{}: {problem}", document.path)));
    cut
}

/// The corpus of a file, told by its path and, for Markdown, by an incident's id in its front matter. `None`: not for the
/// knowledge base.
pub fn corpus_of(path: &str, text: &str) -> Option<Corpus> {
    let lower = path.to_lowercase();
    let name = lower.rsplit('/').next().unwrap_or(&lower);
    match extension(&lower) {
        "tf" => Some(Corpus::Terraform),
        "go" | "ts" | "tsx" | "js" | "jsx" => Some(Corpus::SourceCode),
        "yaml" | "yml" if name.starts_with("catalog.") => Some(Corpus::Metrics),
        "md" | "markdown" => {
            let told_by_id = || front_matter::read(text).text("id").is_some();
            Some(if told_by_id() { Corpus::Incidents } else { wiki(&lower) })
        }
        // Any program writes XML and HTML: without the text it may be a page, with it the elements tell.
        "csf" => Some(wiki(&lower)),
        "xml" if text.is_empty() || storage::is_storage(text) => Some(wiki(&lower)),
        "html" | "htm" | "xhtml" if text.is_empty() || storage::is_page(text) => Some(wiki(&lower)),
        _ => None,
    }
}

/// Endings of files in the storage format or in HTML.
const STORAGE: &[&str] = &["csf", "xml", "html", "htm", "xhtml"];

/// A page is a post-mortem where its path says so.
fn wiki(lower: &str) -> Corpus {
    let told = ["incident", "postmortem", "post-mortem"].iter().any(|word| lower.contains(word));
    if told { Corpus::Incidents } else { Corpus::Runbooks }
}

/// The literal values in a Terraform file by address: `var.size` (its default), `local.name`. A value that may be secret
/// is not among them.
pub fn literals(text: &str) -> BTreeMap<String, String> {
    terraform::literals(text)
}

fn extension(path: &str) -> &str {
    Path::new(path).extension().and_then(|extension| extension.to_str()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_tells_its_corpus() {
        for (path, expected) in [
            ("infra/rds.tf", Some(Corpus::Terraform)),
            ("internal/a/b.go", Some(Corpus::SourceCode)),
            ("web/App.tsx", Some(Corpus::SourceCode)),
            ("incidents/one.md", Some(Corpus::Incidents)),
            ("docs/Post-Mortem-7.md", Some(Corpus::Incidents)),
            ("wiki/redis.md", Some(Corpus::Runbooks)),
            ("catalog.yaml", Some(Corpus::Metrics)),
            ("deploy/values.yaml", None),
            ("logo.png", None),
        ] {
            assert_eq!(corpus_of(path, ""), expected, "{path}");
        }
        assert_eq!(corpus_of("wiki/x.md", "---\nid: INC-1\n---\n# x\n"), Some(Corpus::Incidents));
    }

    #[test]
    fn nothing_is_fatal() {
        for path in ["a.md", "a.go", "a.tsx", "a.tf", "catalog.yaml", "incident.md"] {
            for text in ["", "\n", "---\n", "{{{{", "func (", "resource \"a\" {", "\u{feff}# é\r\n\0"] {
                let corpus = corpus_of(path, text).unwrap();
                let document = Document::new(corpus, path, text);
                let cut = cut(&document);
                for chunk in &cut.chunks {
                    assert!(chunk.start_line >= 1 && chunk.start_line <= chunk.end_line, "{path} {text:?}");
                }
            }
        }
    }
}
