//! A labelled incident as cases: the document as it was read, and once more without each source and without each kind of fact.

use std::collections::BTreeSet;

use incident::{Cause, Fact, Source, State};
use serde::Deserialize;

use crate::engine;
use crate::reliability::Case;

/// What is true of an incident.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Truth {
    /// Its name.
    #[serde(default)]
    pub incident: String,
    /// The causes that are right; none where nothing is wrong.
    pub causes: Vec<Cause>,
    /// The culprit's name, where the truth tells it.
    #[serde(default)]
    pub culprit: Option<String>,
}

impl Truth {
    /// What is said of a document of this incident: what is blamed in words, and the case. `None` where nothing is blamed.
    pub fn case(&self, state: &State) -> Option<(String, Case)> {
        let (lead, strength) = engine::lead(state, state.knowledge.is_some())?;
        let named = self.culprit.as_ref().is_none_or(|culprit| *culprit == lead.culprit.name);
        let right = named && self.causes.contains(&lead.cause);
        let said = format!("{} of {}", lead.cause.title(), lead.culprit);
        Some((said, Case { incident: self.incident.clone(), strength, right }))
    }
}

/// The document as it was read (`whole`), and without each source and each kind of fact that it holds (`without aws`, `without series`).
pub fn copies(state: &State) -> Vec<(String, State)> {
    let read = |source: Source| state.evidence.iter().any(|e| e.source == source && !e.findings.is_empty());
    let sources = Source::COLLECTED.into_iter().filter(|source| read(*source)).map(|source| {
        let mut without = state.clone();
        without.evidence.retain(|e| e.source != source);
        (format!("without {}", source.name()), without)
    });
    let kinds: BTreeSet<String> = state.findings().map(|f| kind(&f.fact)).collect();
    let kinds = kinds.into_iter().map(|gone| {
        let mut without = state.clone();
        without.evidence.iter_mut().for_each(|e| e.findings.retain(|f| kind(&f.fact) != gone));
        (format!("without {gone}"), without)
    });
    std::iter::once(("whole".to_owned(), state.clone())).chain(sources).chain(kinds).collect()
}

/// The kind of a fact as the document names it.
fn kind(fact: &Fact) -> String {
    let tagged = serde_json::to_value(fact).unwrap_or_default();
    tagged["kind"].as_str().unwrap_or_default().to_owned()
}
