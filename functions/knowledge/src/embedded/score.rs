//! What a passage is worth to a question: BM25 over its words and identifiers, its title, and pairs of neighbouring words.

use std::collections::HashMap;

use rusqlite::Connection;

use super::lexicon::{self, Numbered, Totals};

/// BM25's constants: how soon a word's repetition stops to count, and how much a long passage has to hold more.
const K1: f64 = 1.2;
const B: f64 = 0.75;
/// What a match in the title counts beside one anywhere.
const TITLE: f64 = 0.7;
/// What two neighbouring words of the question that are neighbours in the passage count beside single words.
const PAIR: f64 = 0.3;
/// Terms of a question; what comes after those is not asked for.
const TERMS: usize = 255;

/// A question's terms that the store holds.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) terms: Vec<Term>,
    /// By a term's number in the store: its number here, from 1.
    slots: Vec<u8>,
    /// By a pair of them: its number.
    pairs: HashMap<(u8, u8), usize>,
    /// What each pair weighs.
    pair_weights: Vec<f64>,
    average: f64,
    average_title: f64,
}

/// One of them.
#[derive(Debug)]
pub(super) struct Term {
    pub(super) text: String,
    /// Passages that hold it.
    pub(super) passages: i64,
    /// How much it tells.
    pub(super) weight: f64,
    /// How much it tells in a title.
    title_weight: f64,
}

/// How often a passage holds what is asked; kept from one passage to the next for its memory alone.
#[derive(Debug, Default)]
pub(super) struct Tally {
    passage: Numbered,
    words: Vec<u32>,
    title: Vec<u32>,
    pairs: Vec<u32>,
}

impl Asked {
    /// The question's terms: its words in order, and its identifiers.
    pub(super) fn new(
        connection: &Connection,
        words: &[String],
        identifiers: &[String],
    ) -> rusqlite::Result<Self> {
        let totals = lexicon::totals(connection)?;
        let mut asked = Self {
            terms: Vec::new(),
            slots: Vec::new(),
            pairs: HashMap::new(),
            pair_weights: Vec::new(),
            average: average(totals.terms, totals),
            average_title: average(totals.titles, totals),
        };
        let mut known: HashMap<&str, Option<u8>> = HashMap::new();
        for term in identifiers.iter().chain(words) {
            if !known.contains_key(term.as_str()) {
                known.insert(term, asked.admit(connection, term, totals)?);
            }
        }
        for pair in words.windows(2) {
            let slot = |word: &String| known.get(word.as_str()).copied().flatten();
            if let (Some(a), Some(b)) = (slot(&pair[0]), slot(&pair[1]))
                && a != b
            {
                // How rare the pair is would have to be counted; its words say enough.
                let weight = (asked.term(a).weight + asked.term(b).weight) / 2.0;
                let number = asked.pair_weights.len();
                if *asked.pairs.entry((a, b)).or_insert(number) == number {
                    asked.pair_weights.push(weight);
                }
            }
        }
        Ok(asked)
    }

    /// Takes a term in, where the store holds it; its number here.
    fn admit(&mut self, connection: &Connection, term: &str, totals: Totals) -> rusqlite::Result<Option<u8>> {
        if self.terms.len() == TERMS {
            return Ok(None);
        }
        let Some(entry) = lexicon::entry(connection, term)? else { return Ok(None) };
        self.terms.push(Term {
            text: term.to_owned(),
            passages: entry.passages,
            weight: rarity(entry.passages, totals),
            title_weight: rarity(entry.titles, totals),
        });
        let (at, slot) = (entry.id as usize, self.terms.len() as u8);
        if self.slots.len() <= at {
            self.slots.resize(at + 1, 0);
        }
        self.slots[at] = slot;
        Ok(Some(slot))
    }

    fn term(&self, slot: u8) -> &Term {
        &self.terms[usize::from(slot) - 1]
    }

    /// The score of a passage, by its terms as the store keeps them.
    pub(super) fn score(&self, bytes: &[u8], tally: &mut Tally) -> f64 {
        let Tally { passage, words, title, pairs } = tally;
        passage.read(bytes);
        for (counts, length) in [
            (&mut *words, self.terms.len()),
            (&mut *title, self.terms.len()),
            (&mut *pairs, self.pair_weights.len()),
        ] {
            counts.clear();
            counts.resize(length, 0);
        }
        let slot = |id: &u32| self.slots.get(*id as usize).copied().unwrap_or_default();
        let mut before = 0;
        for here in passage.words.iter().map(slot) {
            if here > 0 {
                words[usize::from(here) - 1] += 1;
                if before > 0
                    && let Some(pair) = self.pairs.get(&(before, here))
                {
                    pairs[*pair] += 1;
                }
            }
            before = here;
        }
        for (ids, counts) in [(&passage.identifiers, &mut *words), (&passage.title, &mut *title)] {
            ids.iter().map(slot).filter(|slot| *slot > 0).for_each(|slot| counts[usize::from(slot) - 1] += 1);
        }
        let length = passage.len() as f64 / self.average;
        let title_length = passage.title.len() as f64 / self.average_title;
        let single = self.terms.iter().zip(&*words).map(|(term, count)| term.weight * grown(*count, length));
        let titles = self
            .terms
            .iter()
            .zip(&*title)
            .map(|(term, count)| term.title_weight * grown(*count, title_length));
        let double =
            self.pair_weights.iter().zip(&*pairs).map(|(weight, count)| weight * grown(*count, length));
        single.sum::<f64>() + TITLE * titles.sum::<f64>() + PAIR * double.sum::<f64>()
    }
}

fn average(all: i64, totals: Totals) -> f64 {
    (all as f64 / totals.passages.max(1) as f64).max(1.0)
}

/// BM25's weight of a term that so many passages hold.
fn rarity(held: i64, totals: Totals) -> f64 {
    let (held, all) = (held as f64, totals.passages as f64);
    ((all - held + 0.5).max(0.5) / (held + 0.5) + 1.0).ln()
}

/// BM25's growth with repetition, in a passage whose length is so many averages.
fn grown(count: u32, length: f64) -> f64 {
    let count = f64::from(count);
    count * (K1 + 1.0) / (count + K1 * (1.0 - B + B * length))
}
