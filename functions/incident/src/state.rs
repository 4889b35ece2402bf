//! The state document: one key more per step, nothing rewritten.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Alert, Analysis, Brief, Diagnosis, Evidence, Finding, Gap, Knowledge, Passage, Subject,
    brief::Announcement,
};

/// `{ alert, subject, as_of, announcement, evidence, diagnosis, knowledge, weighed, draft, analysis, brief }`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct State {
    /// The alert.
    pub alert: Alert,
    /// What it is about.
    #[serde(default)]
    pub subject: Subject,
    /// The one "now". Every window derives from it.
    pub as_of: Timestamp,
    /// What announcing returned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub announcement: Option<Announcement>,
    /// One entry per source.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<Evidence>,
    /// From evidence alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diagnosis: Option<Diagnosis>,
    /// What the company knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub knowledge: Option<Knowledge>,
    /// The diagnosis again, with knowledge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weighed: Option<Diagnosis>,
    /// The brief from `weighed`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub draft: Option<Brief>,
    /// What the model added.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub analysis: Option<Analysis>,
    /// The last word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub brief: Option<Brief>,
}

impl State {
    /// Every finding, the code changes included.
    pub fn findings(&self) -> impl Iterator<Item = &Finding> {
        self.evidence
            .iter()
            .flat_map(|evidence| &evidence.findings)
            .chain(self.knowledge.iter().flat_map(|knowledge| &knowledge.findings))
    }

    /// The finding of that id.
    pub fn finding(&self, id: &str) -> Option<&Finding> {
        self.findings().find(|finding| finding.id == id)
    }

    /// The passage of that id.
    pub fn passage(&self, id: &str) -> Option<&Passage> {
        self.knowledge.iter().flat_map(|knowledge| &knowledge.passages).find(|passage| passage.id == id)
    }

    /// Everything that could not be seen, in the order of the flow.
    pub fn gaps(&self) -> impl Iterator<Item = &Gap> {
        self.evidence
            .iter()
            .flat_map(|evidence| &evidence.gaps)
            .chain(self.knowledge.iter().flat_map(|knowledge| &knowledge.gaps))
            .chain(self.analysis.iter().flat_map(|analysis| &analysis.gaps))
    }

    /// The diagnosis to speak from: the weighed one, else the first.
    pub fn best_diagnosis(&self) -> Option<&Diagnosis> {
        self.weighed.as_ref().or(self.diagnosis.as_ref())
    }
}
