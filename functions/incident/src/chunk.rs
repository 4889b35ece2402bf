//! A piece of a document of the knowledge base: what the cutter makes, the stores keep and retrieval finds.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::Corpus;

/// One chunk. Lines count from 1 and are inclusive; bytes count from 0 in the source's UTF-8 text, the end exclusive.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Chunk {
    /// Where it belongs.
    pub corpus: Corpus,
    /// The repository, wiki or folder that the document was read from: `github:owner/name`, `confluence`, `folder:/path`. Two
    /// origins may hold the same path.
    #[serde(default)]
    pub origin: String,
    /// Path or URL of the document within its origin.
    pub source: String,
    /// The document's title.
    pub title: String,
    /// Heading path, Terraform address, or symbol within the document.
    #[serde(default)]
    pub section: Option<String>,
    /// Function, method or type, for source code.
    #[serde(default)]
    pub symbol: Option<String>,
    /// First line.
    pub start_line: u32,
    /// Last line.
    pub end_line: u32,
    /// First byte.
    pub start_byte: usize,
    /// The byte after the last.
    pub end_byte: usize,
    /// The text as the source has it.
    pub text: String,
    /// What a reader of the text alone would miss: package and receiver, a block's references, an incident's id and resolution.
    #[serde(default)]
    pub header: String,
    /// Author.
    #[serde(default)]
    pub author: Option<String>,
    /// Last modified.
    #[serde(default)]
    pub modified: Option<Timestamp>,
    /// What was read: a wiki page's version, or the commit the file was read at.
    #[serde(default)]
    pub version: Option<String>,
    /// Sixteen hexadecimal digits over title, header and text: what is embedded. Equal hash, nothing to embed again.
    pub hash: String,
}

impl Chunk {
    /// A whole text as one chunk, titled by its source; nothing else is known of it.
    pub fn of_text(corpus: Corpus, source: &str, text: &str) -> Self {
        Self {
            corpus,
            origin: String::new(),
            source: source.to_owned(),
            title: source.to_owned(),
            section: None,
            symbol: None,
            start_line: 1,
            end_line: text.lines().count().max(1) as u32,
            start_byte: 0,
            end_byte: text.len(),
            text: text.to_owned(),
            header: String::new(),
            author: None,
            modified: None,
            version: None,
            hash: Self::hash_of(source, "", text, 0),
        }
    }

    /// Its identity in every store: `corpus/source-hash/chunk-hash`. Listing a source's ids tells what it holds.
    pub fn id(&self) -> String {
        format!("{}{}", Self::id_prefix(self.corpus, &self.origin, &self.source), self.hash)
    }

    /// The beginning that the ids of one source share. Its hash begins with its origin's.
    pub fn id_prefix(corpus: Corpus, origin: &str, source: &str) -> String {
        format!("{}{}/", Self::origin_prefix(corpus, origin), digest([origin, source]))
    }

    /// The beginning that the ids of all sources of one origin share.
    pub fn origin_prefix(corpus: Corpus, origin: &str) -> String {
        format!("{}/{}", corpus.name(), &digest([origin])[..8])
    }

    /// [`Chunk::hash`] of a title, a header and a text; `nth` tells equal chunks of one document apart.
    pub fn hash_of(title: &str, header: &str, text: &str, nth: usize) -> String {
        digest([title, header, text, &nth.to_string()])
    }
}

fn digest<'a>(parts: impl IntoIterator<Item = &'a str>) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part.as_bytes());
        // A separator that text cannot hold: moving a word from one part to the next changes the hash.
        hasher.update([0xff]);
    }
    hasher.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}
