//! Sparse vectors: BM25's term weights over the tokeniser that the embedded store uses.

use std::collections::BTreeMap;

use incident::Chunk;
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::{Question, words};

/// Terms of one sparse vector (Pinecone's limit).
const TERMS: usize = 1_000;
/// BM25's constants, as the embedded store's.
const K1: f32 = 1.2;
const B: f32 = 0.75;
/// The length, in terms, of an average chunk: 512 tokens of prose. A constant, so that a weight never needs the whole corpus.
const AVERAGE_TERMS: f32 = 250.0;
/// What an identifier in a question weighs beside a word: it is rarer than any word.
const IDENTIFIER: f32 = 2.0;

/// A sparse vector: dimensions, ascending, and their weights.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Sparse {
    pub indices: Vec<u32>,
    pub values: Vec<f32>,
}

/// What is embedded of a chunk.
pub(crate) fn embedded_text(chunk: &Chunk) -> String {
    format!("{}\n{}\n{}", chunk.title, chunk.header, chunk.text)
}

/// BM25's term weights of a chunk, without the part that needs the whole corpus.
pub(crate) fn sparse_of_chunk(chunk: &Chunk) -> Sparse {
    let text = embedded_text(chunk);
    let terms: Vec<String> = words::stems(&text).into_iter().chain(words::identifiers(&text)).collect();
    let length = terms.len() as f32;
    let weight = |count: f32| count * (K1 + 1.0) / (count + K1 * (1.0 - B + B * length / AVERAGE_TERMS));
    sparse(terms.into_iter().map(|term| (term, 1.0)), weight)
}

/// What a question asks for: each word once, an identifier more.
pub(crate) fn sparse_of_question(question: &Question) -> Sparse {
    let text = format!("{} {}", question.text, question.exact.join(" "));
    let words = words::stems(&text).into_iter().map(|word| (word, 1.0));
    let identifiers = words::identifiers(&text).into_iter().map(|name| (name, IDENTIFIER));
    sparse(words.chain(identifiers), |count| count.min(IDENTIFIER))
}

fn sparse(terms: impl Iterator<Item = (String, f32)>, weight: impl Fn(f32) -> f32) -> Sparse {
    let mut counts: BTreeMap<u32, f32> = BTreeMap::new();
    for (term, count) in terms {
        *counts.entry(dimension(&term)).or_default() += count;
    }
    let mut weighted: Vec<(u32, f32)> = counts.into_iter().map(|(at, count)| (at, weight(count))).collect();
    if weighted.len() > TERMS {
        weighted.sort_by(|a, b| b.1.total_cmp(&a.1));
        weighted.truncate(TERMS);
        weighted.sort_by_key(|(at, _)| *at);
    }
    let (indices, values) = weighted.into_iter().unzip();
    Sparse { indices, values }
}

/// The dimension of a term: the first four bytes of its SHA-256.
fn dimension(term: &str) -> u32 {
    Sha256::digest(term.as_bytes()).iter().take(4).fold(0, |at, byte| (at << 8) | u32::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(text: &str) -> Chunk {
        Chunk { title: "A".into(), ..Chunk::of_text(incident::Corpus::Runbooks, "a.md", text) }
    }

    #[test]
    fn a_question_and_a_chunk_meet_in_the_dimensions_of_their_common_terms() {
        let document = sparse_of_chunk(&chunk("the order_items table of the shop"));
        let question = sparse_of_question(&Question::new("why is order_items slow"));
        let common = |a: &Sparse, b: &Sparse| a.indices.iter().filter(|at| b.indices.contains(at)).count();
        assert_eq!(common(&document, &question), 3);
        assert!(question.indices.windows(2).all(|pair| pair[0] < pair[1]));
        let long = sparse_of_chunk(&chunk(&(0..3000).map(|i| format!("w{i} ")).collect::<String>()));
        assert_eq!(long.indices.len(), TERMS);
    }
}
