//! Rankings to hits: scores brought to one scale and added, and the rules of who may stand in the list.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use incident::{Chunk, Corpus, Passage, redact, size};

use crate::excerpt::{self, Excerpt};
use crate::{Corpora, Method, Question, Ranking, words};

/// Scores are scaled between the best of a ranking and its fiftieth: what comes after those is noise, and where the noise
/// lies says what a score is worth. (Reciprocal rank fusion throws that away; measured against it in docs/knowledge.md.)
const SCALE: usize = 50;
/// Passages in all.
const MOST: usize = 16;
/// Passages of one corpus, while others have something to say.
const PER_CORPUS: usize = 8;
/// Passages of one document.
const PER_DOCUMENT: usize = 2;
/// Passages of one file of source code: each is a symbol, and a file holds many that have nothing to do with each other.
const PER_FILE: usize = 4;
/// Hits shown with a full excerpt; those after them get [`SHORT`] bytes, so that sixteen fit the state document. Post-mortems
/// are always shown in full: they are few, and begin with what the whole found out.
const FULL: usize = 6;
/// Bytes of a short excerpt.
const SHORT: usize = 1_400;
/// Two texts that share this part of their words, under one title, are versions of one text.
const SAME_TEXT: f64 = 0.6;

/// A passage found.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    /// The chunk it is from.
    pub chunk: Arc<Chunk>,
    /// Fused score over its maximum, times its corpus' weight: 1.00 = first in every search that its corpus answered; code, whose
    /// meaning counts less, stays below.
    pub relevance: f64,
    /// Raw scores by search: `q1 lexical`.
    pub scores: BTreeMap<String, f64>,
    /// What is shown of it, redacted.
    pub excerpt: Excerpt,
}

impl Hit {
    /// The hit as a passage of the state document, `n` counting from 1.
    pub fn into_passage(self, n: usize) -> Passage {
        let chunk = &self.chunk;
        Passage {
            id: format!("kb-{n}"),
            corpus: chunk.corpus,
            title: chunk.title.clone(),
            source: chunk.source.clone(),
            section: chunk.section.clone(),
            start_line: Some(self.excerpt.start_line),
            end_line: Some(self.excerpt.end_line),
            author: chunk.author.clone(),
            modified: chunk.modified,
            relevance: self.relevance,
            scores: self.scores,
            excerpt: self.excerpt.text,
        }
    }
}

struct Candidate {
    id: String,
    chunk: Arc<Chunk>,
    /// The weighted sum of its scaled scores over what it would be, were it first everywhere; times its corpus' weight.
    relevance: f64,
    scores: BTreeMap<String, f64>,
}

/// Fuses rankings into at most sixteen hits, best first.
///
/// Each corpus' best is among them, so that one talkative corpus does not silence the others; so is the first answer to each
/// question, and for each identifier of the questions the best chunk that holds it letter by letter. At most two of a document
/// (four of a file of source code), and at most eight of a corpus until no other has more to say. Of two versions of one text
/// only the newer stands.
pub fn fuse(questions: &[Question], rankings: &[Ranking], corpora: &Corpora) -> Vec<Hit> {
    let candidates = newest(candidates(rankings, corpora));
    let chosen = choose(questions, rankings, &candidates);
    let terms = terms(questions);
    chosen
        .into_iter()
        .enumerate()
        .map(|(rank, candidate)| {
            let full = rank < FULL || candidate.chunk.corpus == Corpus::Incidents;
            let mut excerpt = excerpt::of(&candidate.chunk, &terms, if full { size::EXCERPT } else { SHORT });
            excerpt.text = size::cut_bytes(&redact::redact(&excerpt.text), size::EXCERPT);
            Hit {
                chunk: Arc::clone(&candidate.chunk),
                relevance: (candidate.relevance * 100.0).round() / 100.0,
                scores: candidate.scores.clone(),
                excerpt,
            }
        })
        .collect()
}

/// Every chunk once, best first.
fn candidates(rankings: &[Ranking], corpora: &Corpora) -> Vec<Candidate> {
    let mut by_id: HashMap<String, Candidate> = HashMap::new();
    for ranking in rankings {
        let (floor, span) = scale(ranking);
        for (chunk, score) in &ranking.hits {
            let id = chunk.id();
            let candidate = by_id.entry(id.clone()).or_insert_with(|| Candidate {
                id,
                chunk: Arc::clone(chunk),
                relevance: 0.0,
                scores: BTreeMap::new(),
            });
            let weight = ranking.method.weight(chunk.corpus);
            candidate.relevance += weight * ((score - floor) / span).clamp(0.0, 1.0);
            candidate.scores.insert(ranking.name(), (score * 1000.0).round() / 1000.0);
        }
    }
    let answered = |corpus: Corpus| -> f64 {
        let searches = rankings.iter().filter(|ranking| ranking.corpora.contains(&corpus));
        searches.map(|ranking| ranking.method.most()).sum()
    };
    let most: HashMap<Corpus, f64> =
        Corpus::ALL.into_iter().map(|corpus| (corpus, answered(corpus))).collect();
    let mut candidates: Vec<Candidate> = by_id.into_values().collect();
    for candidate in &mut candidates {
        let corpus = candidate.chunk.corpus;
        let most = most.get(&corpus).copied().unwrap_or_default();
        candidate.relevance *= corpora.weight(corpus) / most.max(f64::MIN_POSITIVE);
    }
    candidates.sort_by(|a, b| b.relevance.total_cmp(&a.relevance).then_with(|| a.id.cmp(&b.id)));
    candidates
}

/// What counts as nothing in a ranking, and what lies between that and its best. A short list's floor is nothing at all.
fn scale(ranking: &Ranking) -> (f64, f64) {
    let score = |at: usize| ranking.hits.get(at).map(|(_, score)| *score);
    let floor = match ranking.method {
        // A cosine of nought means nothing; even unrelated texts stand above it.
        Method::Dense => score(SCALE - 1)
            .or(score(ranking.hits.len().saturating_sub(1)).filter(|_| ranking.hits.len() > 1)),
        Method::Lexical | Method::Exact => score(SCALE - 1),
    };
    let floor = floor.unwrap_or_default();
    let span = score(0).unwrap_or_default() - floor;
    if span > 0.0 { (floor, span) } else { (floor - 1.0, 1.0) }
}

/// Leaves out what a newer version of the same text replaces: equal words anywhere, or most of the words under one title and
/// section in another document.
fn newest(candidates: Vec<Candidate>) -> Vec<Candidate> {
    let mut by_text: HashMap<(Corpus, &str), Vec<usize>> = HashMap::new();
    let mut by_title: HashMap<(Corpus, &str, Option<&str>), Vec<usize>> = HashMap::new();
    for (i, Candidate { chunk, .. }) in candidates.iter().enumerate() {
        by_text.entry((chunk.corpus, &chunk.text)).or_default().push(i);
        by_title.entry((chunk.corpus, &chunk.title, chunk.section.as_deref())).or_default().push(i);
    }
    let newer = |new: usize, old: usize| {
        let modified = |i: usize| (candidates[i].chunk.modified, std::cmp::Reverse(i));
        modified(new) > modified(old)
    };
    let replaced = |old: usize| {
        let Candidate { chunk, .. } = &candidates[old];
        let one_text = &by_text[&(chunk.corpus, chunk.text.as_str())];
        let one_title = &by_title[&(chunk.corpus, chunk.title.as_str(), chunk.section.as_deref())];
        one_text.iter().any(|new| newer(*new, old))
            || one_title.iter().any(|new| {
                let other = &candidates[*new].chunk;
                newer(*new, old) && other.source != chunk.source && overlap(chunk, other) >= SAME_TEXT
            })
    };
    let keep: Vec<bool> = (0..candidates.len()).map(|i| !replaced(i)).collect();
    candidates.into_iter().zip(keep).filter_map(|(candidate, keep)| keep.then_some(candidate)).collect()
}

/// The part of two texts' words that they share.
fn overlap(a: &Chunk, b: &Chunk) -> f64 {
    let bag = |chunk: &Chunk| words::words(&chunk.text).into_iter().collect::<HashSet<String>>();
    let (a, b) = (bag(a), bag(b));
    a.intersection(&b).count() as f64 / a.union(&b).count().max(1) as f64
}

/// The candidates that stand in the list, best first: reserved ones, then the rest by relevance while there is room.
fn choose<'a>(
    questions: &[Question],
    rankings: &[Ranking],
    candidates: &'a [Candidate],
) -> Vec<&'a Candidate> {
    let mut taken = Taken::default();
    let mut chosen = BTreeSet::new();
    let mut admit = |indices: &mut dyn Iterator<Item = usize>, per_corpus: usize| {
        for index in indices {
            if chosen.len() < MOST
                && !chosen.contains(&index)
                && taken.admit(&candidates[index].chunk, per_corpus)
            {
                chosen.insert(index);
            }
        }
    };
    admit(&mut reserved(questions, rankings, candidates).into_iter(), PER_CORPUS);
    admit(&mut (0..candidates.len()), PER_CORPUS);
    admit(&mut (0..candidates.len()), MOST);
    chosen.into_iter().map(|index| &candidates[index]).collect()
}

/// The best of each corpus, the first of each ranking, and the best that holds each identifier: of all, then of each corpus.
fn reserved(questions: &[Question], rankings: &[Ranking], candidates: &[Candidate]) -> Vec<usize> {
    let first_of = |ranking: &Ranking| {
        let first = ranking.hits.first()?.0.id();
        candidates.iter().position(|c| c.id == first)
    };
    let best_of = |corpus: Corpus| candidates.iter().position(|c| c.chunk.corpus == corpus);
    let holds = |c: &Candidate, identifier: &str| {
        [&c.chunk.text, &c.chunk.title, &c.chunk.header].iter().any(|text| words::holds(text, identifier))
    };
    let identifiers: Vec<&String> = questions.iter().flat_map(|question| &question.exact).collect();
    let holder = |identifier: &&String| candidates.iter().position(|c| holds(c, identifier));
    let holder_in = |(corpus, identifier): (Corpus, &&String)| {
        candidates.iter().position(|c| c.chunk.corpus == corpus && holds(c, identifier))
    };
    let everywhere = Corpus::ALL.into_iter().flat_map(|c| identifiers.iter().map(move |name| (c, name)));
    Corpus::ALL
        .into_iter()
        .filter_map(best_of)
        .chain(rankings.iter().filter_map(first_of))
        .chain(identifiers.iter().filter_map(holder))
        .chain(everywhere.filter_map(holder_in))
        .collect()
}

#[derive(Default)]
struct Taken {
    corpora: HashMap<Corpus, usize>,
    documents: HashMap<String, usize>,
}

impl Taken {
    fn admit(&mut self, chunk: &Chunk, per_corpus: usize) -> bool {
        // Each entry of a catalog is a document of its own.
        let document = match chunk.corpus {
            Corpus::Metrics => format!("{} {}", chunk.source, chunk.title),
            _ => chunk.source.clone(),
        };
        let per_document = if chunk.corpus == Corpus::SourceCode { PER_FILE } else { PER_DOCUMENT };
        let corpus = self.corpora.entry(chunk.corpus).or_default();
        let document = self.documents.entry(document).or_default();
        if *corpus >= per_corpus || *document >= per_document {
            return false;
        }
        *corpus += 1;
        *document += 1;
        true
    }
}

/// Every identifier and word of the questions once, for placing excerpts.
fn terms(questions: &[Question]) -> Vec<String> {
    let of = |question: &Question| {
        let exact = question.exact.iter().map(|identifier| identifier.to_lowercase());
        exact
            .chain(words::identifiers(&question.text))
            .chain(words::words(&question.text))
            .collect::<Vec<_>>()
    };
    let all: BTreeSet<String> = questions.iter().flat_map(of).collect();
    all.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(corpus: Corpus, source: &str, text: &str) -> Chunk {
        Chunk::of_text(corpus, source, text)
    }

    fn ranking(question: usize, chunks: &[&Chunk]) -> Ranking {
        Ranking {
            question,
            method: Method::Lexical,
            corpora: Corpus::ALL.to_vec(),
            hits: chunks.iter().enumerate().map(|(i, c)| (Arc::new((*c).clone()), 9.0 - i as f64)).collect(),
        }
    }

    #[test]
    fn first_in_every_search_is_one() {
        let (a, b) = (chunk(Corpus::Runbooks, "a", "one"), chunk(Corpus::Runbooks, "b", "two"));
        let hits = fuse(&[], &[ranking(1, &[&a, &b]), ranking(2, &[&a])], &Corpora::default());
        assert_eq!(hits[0].chunk.source, "a");
        assert_eq!(hits[0].relevance, 1.0);
        assert!(hits[1].relevance < 0.5);
        assert_eq!(hits[0].scores["q1 lexical"], 9.0);
    }

    #[test]
    fn an_exact_identifier_is_never_lost_and_no_document_crowds_out_the_rest() {
        let noise: Vec<Chunk> = (0..40)
            .map(|i| chunk(Corpus::Runbooks, if i < 30 { "long" } else { "other" }, &format!("noise {i}")))
            .collect();
        let needle = chunk(Corpus::Runbooks, "needle", "the table order_items");
        let mut list: Vec<&Chunk> = noise.iter().collect();
        list.push(&needle);
        let question =
            Question { text: "noise".into(), exact: vec!["order_items".into()], ..Question::default() };
        let hits = fuse(&[question], &[ranking(1, &list)], &Corpora::default());
        assert!(hits.iter().any(|hit| hit.chunk.source == "needle"));
        assert_eq!(hits.iter().filter(|hit| hit.chunk.source == "long").count(), 2);
    }

    #[test]
    fn at_most_eight_of_a_corpus_sixteen_in_all_and_the_best_of_each() {
        let mut chunks = Vec::new();
        for corpus in [Corpus::Runbooks, Corpus::Incidents, Corpus::Terraform] {
            for i in 0..12 {
                chunks.push(chunk(corpus, &format!("{corpus:?}{i}"), &format!("text {corpus:?} {i}")));
            }
        }
        chunks.push(chunk(Corpus::Metrics, "last", "the last one"));
        let hits = fuse(&[], &[ranking(1, &chunks.iter().collect::<Vec<_>>())], &Corpora::default());
        assert_eq!(hits.len(), 16);
        assert!(hits.iter().filter(|hit| hit.chunk.corpus == Corpus::Runbooks).count() <= 8);
        assert!(hits.iter().any(|hit| hit.chunk.source == "last"));
    }

    #[test]
    fn one_corpus_alone_may_fill_the_list() {
        let chunks: Vec<Chunk> =
            (0..20).map(|i| chunk(Corpus::Runbooks, &format!("{i}"), &format!("text {i}"))).collect();
        assert_eq!(
            fuse(&[], &[ranking(1, &chunks.iter().collect::<Vec<_>>())], &Corpora::default()).len(),
            16
        );
    }

    #[test]
    fn a_corpus_counts_by_its_weight_and_keeps_its_best() {
        let (code, page) = (chunk(Corpus::SourceCode, "a.go", "one"), chunk(Corpus::Runbooks, "b.md", "two"));
        let settings = [("KNOWLEDGE_CORPORA".to_owned(), "runbooks,source-code=0.5".to_owned())];
        let corpora = Corpora::of(&host::Settings::from_values(settings)).unwrap();
        let hits = fuse(&[], &[ranking(1, &[&code, &page])], &corpora);
        let found: Vec<_> = hits.iter().map(|hit| (hit.chunk.source.as_str(), hit.relevance)).collect();
        assert_eq!(found, [("b.md", 0.89), ("a.go", 0.5)]);
    }

    #[test]
    fn a_newer_version_of_the_same_text_wins() {
        let text = "restart the queue with care and then watch the consumers for ten minutes";
        let mut old = chunk(Corpus::Runbooks, "old.md", text);
        let mut new = chunk(Corpus::Runbooks, "new.md", &format!("{text} again"));
        old.title = "Queue".into();
        new.title = "Queue".into();
        old.modified = Some("2025-01-01T00:00:00Z".parse().unwrap());
        new.modified = Some("2026-01-01T00:00:00Z".parse().unwrap());
        let hits = fuse(&[], &[ranking(1, &[&old, &new])], &Corpora::default());
        assert_eq!(hits.iter().map(|hit| hit.chunk.source.as_str()).collect::<Vec<_>>(), ["new.md"]);
    }
}
