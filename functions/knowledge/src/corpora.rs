//! Which corpora are asked, and what each is worth in fusion.

use std::collections::BTreeMap;
use std::fmt;

use host::Settings;
use incident::Corpus;

use crate::StoreError;

/// The setting.
const SETTING: &str = "KNOWLEDGE_CORPORA";

/// The corpora that are asked, each with a weight above 0 and at most 1 that its passages' relevance is multiplied by.
///
/// By default all of them, at 1. A corpus whose passages seldom help is given the part of them that did, as `sitrep evaluate` measures it.
#[derive(Debug, Clone, PartialEq)]
pub struct Corpora(BTreeMap<Corpus, f64>);

impl Default for Corpora {
    fn default() -> Self {
        Corpus::ALL.into_iter().map(|corpus| (corpus, 1.0)).collect()
    }
}

impl FromIterator<(Corpus, f64)> for Corpora {
    fn from_iter<T: IntoIterator<Item = (Corpus, f64)>>(weights: T) -> Self {
        Self(weights.into_iter().collect())
    }
}

impl Corpora {
    /// Those that `KNOWLEDGE_CORPORA` names: `runbooks,incidents=0.8,source-code=0.4`. The metrics schema is asked in any case, for
    /// it says what the names of an alert mean.
    pub fn of(settings: &Settings) -> Result<Self, StoreError> {
        settings
            .get(SETTING)
            .map_or_else(|| Ok(Self::default()), |text| parse(text).map_err(StoreError::Setting))
    }

    /// The corpora, in their order.
    pub fn asked(&self) -> Vec<Corpus> {
        Corpus::ALL.into_iter().filter(|corpus| self.0.contains_key(corpus)).collect()
    }

    /// What a corpus is worth; nothing where it is not asked.
    pub fn weight(&self, corpus: Corpus) -> f64 {
        self.0.get(&corpus).copied().unwrap_or_default()
    }
}

/// As the setting is written.
impl fmt::Display for Corpora {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entry = |corpus: Corpus| match self.weight(corpus) {
            1.0 => corpus.name().to_owned(),
            weight => format!("{}={weight}", corpus.name()),
        };
        f.write_str(&self.asked().into_iter().map(entry).collect::<Vec<_>>().join(","))
    }
}

fn parse(text: &str) -> Result<Corpora, String> {
    let mut corpora = BTreeMap::from([(Corpus::Metrics, 1.0)]);
    for entry in text.split([',', ' ', '\n']).filter(|entry| !entry.is_empty()) {
        let (name, weight) = entry.split_once('=').unwrap_or((entry, "1"));
        let names = Corpus::ALL.map(Corpus::name).join(", ");
        let corpus = Corpus::ALL
            .into_iter()
            .find(|corpus| corpus.name() == name)
            .ok_or_else(|| format!("{SETTING} names {name}, which is no corpus; there are {names}"))?;
        let weight = weight
            .parse::<f64>()
            .ok()
            .filter(|weight| *weight > 0.0 && *weight <= 1.0)
            .ok_or_else(|| format!("{SETTING} says {entry}: a weight is above 0 and at most 1; leave out a corpus that is not to be asked"))?;
        corpora.insert(corpus, weight);
    }
    Ok(Corpora(corpora))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_named_is_asked_and_the_metrics_always() {
        let corpora = parse("runbooks, source-code=0.4").unwrap();
        assert_eq!(corpora.asked(), [Corpus::Metrics, Corpus::Runbooks, Corpus::SourceCode]);
        assert_eq!(corpora.weight(Corpus::SourceCode), 0.4);
        assert_eq!(corpora.weight(Corpus::Terraform), 0.0);
        assert_eq!(corpora.to_string(), "metrics,runbooks,source-code=0.4");
        assert_eq!(Corpora::default().asked(), Corpus::ALL);
    }

    #[test]
    fn what_is_wrong_is_told_with_what_would_be_right() {
        assert!(parse("wiki").unwrap_err().contains("runbooks, "));
        for text in ["runbooks=0", "runbooks=2", "runbooks=much", "runbooks=NaN"] {
            assert!(parse(text).unwrap_err().contains(text), "{text}");
        }
    }
}
