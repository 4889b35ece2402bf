//! How often a passage near the top is right, by the corpus it is from: what a corpus is worth.

use std::collections::BTreeMap;
use std::fmt;

use incident::Corpus;
use knowledge::Corpora;

/// Passages of each list that are looked at.
const DEPTH: usize = 5;

/// Passages shown and right, by corpus.
#[derive(Debug, Clone, Default)]
pub(super) struct Precision(BTreeMap<Corpus, Shown>);

/// Of one corpus.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Shown {
    shown: usize,
    right: usize,
}

impl Precision {
    /// Adds a question's passages, best first: each one's corpus, and whether it answers.
    pub(super) fn add(&mut self, passages: impl IntoIterator<Item = (Corpus, bool)>) {
        for (corpus, right) in passages.into_iter().take(DEPTH) {
            let entry = self.0.entry(corpus).or_default();
            entry.shown += 1;
            entry.right += usize::from(right);
        }
    }

    /// Those corpora of which some passage was right: of the others these questions say nothing.
    fn judged(&self) -> impl Iterator<Item = (Corpus, Shown, f64)> {
        let judged = self.0.iter().filter(|(_, shown)| shown.right > 0);
        judged.map(|(corpus, shown)| (*corpus, *shown, shown.right as f64 / shown.shown as f64))
    }

    /// The setting that gives each corpus its precision over the best one's, and those that are not judged the best's; none where
    /// there are not two to compare.
    fn setting(&self) -> Option<Corpora> {
        let judged: BTreeMap<Corpus, f64> =
            self.judged().map(|(corpus, _, precision)| (corpus, precision)).collect();
        let best = judged.values().copied().fold(0.0, f64::max);
        let weight = |corpus: Corpus| {
            let share = judged.get(&corpus).map_or(1.0, |precision| precision / best);
            // Upwards: a weight of nought is none.
            (corpus, (share * 100.0).ceil() / 100.0)
        };
        (judged.len() > 1).then(|| Corpus::ALL.into_iter().map(weight).collect())
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\nshown  right  precision, of the first {DEPTH} passages of each question")?;
        for (corpus, Shown { shown, right }, precision) in self.judged() {
            write!(f, "\n{shown:>5}  {right:>5}  {precision:>9.3}  {}", corpus.name())?;
        }
        if let Some(setting) = self.setting() {
            write!(f, "\nto count each corpus by it: KNOWLEDGE_CORPORA={setting}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_corpus_is_worth_its_precision_over_the_best() {
        let mut precision = Precision::default();
        precision.add([(Corpus::Runbooks, true), (Corpus::SourceCode, false), (Corpus::Terraform, false)]);
        precision.add([(Corpus::SourceCode, true), (Corpus::Runbooks, true), (Corpus::SourceCode, false)]);
        assert_eq!(
            precision.setting().unwrap().to_string(),
            "metrics,runbooks,incidents,terraform,source-code=0.34"
        );
        assert!(precision.to_string().contains("    3      1      0.333  source-code"), "{precision}");
    }
}
