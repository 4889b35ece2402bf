//! What the company knows, as retrieved for this incident.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Call, Finding, Gap, size};

/// The version of the knowledge format.
pub const VERSION: u32 = 1;

/// The five corpora. The names are also the Pinecone namespaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Corpus {
    /// Wiki pages: runbooks, playbooks, architecture, event calendar, support notes.
    Runbooks,
    /// Source code.
    SourceCode,
    /// Terraform.
    Terraform,
    /// Post-mortems.
    Incidents,
    /// The meaning of metrics and services, from the catalog.
    Metrics,
}

impl Corpus {
    /// Every corpus; the metrics schema first, because it is indexed and consulted first.
    pub const ALL: [Corpus; 5] =
        [Corpus::Metrics, Corpus::Runbooks, Corpus::Incidents, Corpus::Terraform, Corpus::SourceCode];

    /// The name used in ids, options and Pinecone namespaces.
    pub fn name(self) -> &'static str {
        match self {
            Corpus::Runbooks => "runbooks",
            Corpus::SourceCode => "source-code",
            Corpus::Terraform => "terraform",
            Corpus::Incidents => "incidents",
            Corpus::Metrics => "metrics",
        }
    }
}

/// A retrieved piece of a document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Passage {
    /// Unique in the incident: `kb-1`, best first.
    pub id: String,
    /// Where it belongs.
    pub corpus: Corpus,
    /// The document's title.
    pub title: String,
    /// Path or URL.
    pub source: String,
    /// Heading path, Terraform address, or symbol within the document.
    #[serde(default)]
    pub section: Option<String>,
    /// First line of the excerpt in the source, where lines mean something.
    #[serde(default)]
    pub start_line: Option<u32>,
    /// Last line of the excerpt.
    #[serde(default)]
    pub end_line: Option<u32>,
    /// Author.
    #[serde(default)]
    pub author: Option<String>,
    /// Last modified.
    #[serde(default)]
    pub modified: Option<Timestamp>,
    /// Fused rank score over its maximum: 1.00 = first in every search. Two decimals.
    pub relevance: f64,
    /// Raw scores by search, for people who tune.
    #[serde(default)]
    pub scores: std::collections::BTreeMap<String, f64>,
    /// At most [`size::EXCERPT`] bytes around the match, redacted.
    pub excerpt: String,
}

/// The knowledge of an incident.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Knowledge {
    /// [`VERSION`].
    pub version: u32,
    /// What was asked.
    #[serde(default)]
    pub questions: Vec<String>,
    /// Best first.
    #[serde(default)]
    pub passages: Vec<Passage>,
    /// Code changes read for the leading rollout (`github-1`).
    #[serde(default)]
    pub findings: Vec<Finding>,
    /// Each search and how it was read.
    #[serde(default)]
    pub calls: Vec<Call>,
    /// What could not be consulted.
    #[serde(default)]
    pub gaps: Vec<Gap>,
    /// Milliseconds.
    #[serde(default)]
    pub took_ms: u64,
    /// Which store answered: `pinecone`, `embedded`, or empty.
    #[serde(default)]
    pub store: String,
}

impl Knowledge {
    /// Keeps the byte budget ([`size::KNOWLEDGE`]): the least relevant passages go first, and a gap says how many.
    pub fn fit(mut self) -> Self {
        let mut dropped = 0;
        while size::of(&self) > size::KNOWLEDGE - size::GAP_RESERVE && self.passages.pop().is_some() {
            dropped += 1;
        }
        if dropped > 0 {
            self.gaps.push(Gap {
                what: "knowledge".to_owned(),
                status: crate::Status::Partial,
                sentence: format!(
                    "{dropped} less relevant passages were left out to stay within the budget."
                ),
                error: None,
            });
        }
        self
    }
}
