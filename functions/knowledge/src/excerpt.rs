//! The piece of a chunk that is shown: around the match, whole lines, with its line range.

use std::collections::HashSet;

use incident::{Chunk, Corpus, size};

use crate::words;

/// An excerpt and where it stands in the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Excerpt {
    /// At most the bytes asked for.
    pub text: String,
    /// Its first line in the source.
    pub start_line: u32,
    /// Its last line.
    pub end_line: u32,
}

/// Cuts at most `bytes` bytes of whole lines out of a chunk where most of `terms` (lower case) are; identifiers count three
/// times. A post-mortem's excerpt begins with its header, which stands for the whole incident; the lines are those of
/// the text below it.
pub fn of(chunk: &Chunk, terms: &[String], bytes: usize) -> Excerpt {
    let bytes = bytes.min(size::EXCERPT);
    if chunk.corpus == Corpus::Incidents && !chunk.header.is_empty() && chunk.header.len() < bytes * 3 / 4 {
        let excerpt = around(chunk, terms, bytes - chunk.header.len() - 1);
        return Excerpt { text: format!("{}\n{}", chunk.header.trim_end(), excerpt.text), ..excerpt };
    }
    around(chunk, terms, bytes)
}

fn around(chunk: &Chunk, terms: &[String], bytes: usize) -> Excerpt {
    // A catalog's entry is shown as sentences, which are not the source's lines.
    if chunk.text.len() <= bytes || chunk.corpus == Corpus::Metrics {
        let text = size::cut_bytes(&chunk.text, bytes);
        return Excerpt { text, start_line: chunk.start_line, end_line: chunk.end_line };
    }
    let lines: Vec<&str> = chunk.text.split_inclusive('\n').collect();
    let (names, words): (Vec<&str>, Vec<&str>) =
        terms.iter().map(String::as_str).partition(|term| words::is_identifier(term));
    let words: HashSet<&str> = words.into_iter().collect();
    let scores: Vec<usize> = lines.iter().map(|line| score(line, &names, &words)).collect();
    let (from, to) = best_window(&lines, &scores, bytes);
    let start_line = chunk.start_line + from as u32;
    Excerpt {
        text: size::cut_bytes(lines[from..to].concat().trim_end(), bytes),
        start_line,
        end_line: start_line + (to - from - 1) as u32,
    }
}

fn score(line: &str, names: &[&str], words: &HashSet<&str>) -> usize {
    let held: HashSet<String> = words::words(line).into_iter().collect();
    let lower = line.to_lowercase();
    // Most lines hold none of the names, not even as a part of another: that is told first, for it is cheap.
    let names = names.iter().filter(|name| lower.contains(**name) && words::holds(&lower, name)).count();
    3 * names + held.iter().filter(|word| words.contains(word.as_str())).count()
}

/// The run of lines within `bytes` that scores most, the earliest of equals; at least one line.
fn best_window(lines: &[&str], scores: &[usize], bytes: usize) -> (usize, usize) {
    let (mut best, mut window) = (0, (0, 1));
    let (mut from, mut held, mut total) = (0, 0, 0);
    for to in 0..lines.len() {
        held += lines[to].len();
        total += scores[to];
        while held > bytes && from < to {
            held -= lines[from].len();
            total -= scores[from];
            from += 1;
        }
        // A longer window of the same score keeps more of the context that follows the match.
        if total > best || (total == best && from == window.0) {
            best = total;
            window = (from, to + 1);
        }
    }
    window
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(text: &str) -> Chunk {
        Chunk {
            start_line: 100,
            end_line: 100 + text.lines().count() as u32 - 1,
            ..Chunk::of_text(Corpus::SourceCode, "a.go", text)
        }
    }

    #[test]
    fn the_excerpt_holds_the_match_and_names_its_lines() {
        let text: String = (0..200)
            .map(|i| if i == 150 { "FROM order_items\n".to_owned() } else { format!("filler line {i}\n") })
            .collect();
        let excerpt = of(&chunk(&text), &["order_items".into()], 512);
        assert!(excerpt.text.len() <= 512 && excerpt.text.contains("FROM order_items"));
        let at = excerpt.text.lines().position(|line| line == "FROM order_items").unwrap() as u32;
        assert_eq!(excerpt.start_line + at, 250);
        assert_eq!(excerpt.end_line - excerpt.start_line + 1, excerpt.text.lines().count() as u32);
    }

    #[test]
    fn one_endless_line_is_cut_at_a_character() {
        let excerpt = of(&chunk(&"é".repeat(5000)), &[], 100);
        assert!(excerpt.text.len() <= 100 && excerpt.start_line == 100 && excerpt.end_line == 100);
    }
}
