//! The tokeniser: what counts as a word, and what as an identifier. Documents and questions go through the same one, and
//! so do the embedded store's index and Pinecone's sparse weights.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;
use rust_stemmers::{Algorithm, Stemmer};
use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

/// The tokeniser's version: part of every index' identity, for its words only meet words made alike.
pub const VERSION: &str = "words-3";

/// English words that tell nothing. Negations, quantities and directions tell much here: a node that is not ready, a target
/// that is down, some alerts or any.
const STOP: &[&str] = &[
    "a", "an", "and", "are", "as", "at", "be", "been", "but", "by", "can", "did", "do", "does", "for",
    "from", "had", "has", "have", "how", "i", "if", "in", "into", "is", "it", "its", "may", "of", "on", "or",
    "our", "so", "such", "than", "that", "the", "their", "then", "there", "these", "they", "this", "those",
    "to", "was", "we", "were", "what", "when", "where", "which", "while", "who", "why", "will", "with",
    "would", "you", "your",
];

static STEMMER: LazyLock<Stemmer> = LazyLock::new(|| Stemmer::create(Algorithm::English));
static RUN: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"[\p{L}\p{N}_][\p{L}\p{N}_./:@-]*").ok());

/// The identifiers of a text as written, in lower case: tokens with an inner `_ . - / :`, camel humps, or letters and digits
/// mixed. A path or dotted name also gives those of its parts that are identifiers themselves.
pub fn identifiers(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for run in runs(text).filter(|run| is_identifier(run)) {
        for part in run.split('/').chain(run.split(['/', '.', ':'])) {
            let part = part.trim_matches(['-', '.', ':']);
            if part != run && part.len() > 2 && is_identifier(part) {
                push(&mut found, part);
            }
        }
        push(&mut found, run);
    }
    found
}

/// The plain words of a text in lower case, identifiers split: `leaderboardService.game_id` gives four. Stop words are left
/// out; repetitions stay, for they count.
pub fn words(text: &str) -> Vec<String> {
    runs(text)
        .flat_map(|run| run.split(|c: char| !c.is_alphanumeric()))
        .flat_map(humps)
        .map(|word| word.to_lowercase())
        .filter(|word| !word.is_empty() && !STOP.contains(&word.as_str()))
        .collect()
}

/// The words of a text by their stems (English, Snowball's) and without accents, as indexes hold them: `exhaustion` and `exhausted`
/// are one.
pub fn stems(text: &str) -> Vec<String> {
    let plain = |word: String| match word.is_ascii() {
        true => word,
        false => word.nfd().filter(|c| !is_combining_mark(*c)).collect(),
    };
    let stem = |word: String| match STEMMER.stem(&word) {
        Cow::Borrowed(stem) if stem.len() == word.len() => word,
        stem => stem.into_owned(),
    };
    words(text).into_iter().map(plain).map(stem).collect()
}

/// The text with its identifiers split into words, for a model that reads sentences: `KubeNodeNotReady` gives four.
pub fn spaced(text: &str) -> String {
    let parts = text.split(|c: char| !c.is_alphanumeric()).flat_map(humps);
    parts.collect::<Vec<_>>().join(" ")
}

/// True where the token is a name rather than a word.
pub fn is_identifier(token: &str) -> bool {
    let inner = token.trim_matches(|c: char| !c.is_alphanumeric());
    inner.contains(|c: char| !c.is_alphanumeric())
        || humps(inner).count() > 1
        || (inner.contains(|c: char| c.is_ascii_digit()) && inner.contains(char::is_alphabetic))
}

/// True where `text` holds `identifier` letter by letter, case aside, and not as a part of a longer name.
pub fn holds(text: &str, identifier: &str) -> bool {
    let (text, identifier) = (text.to_lowercase(), identifier.to_lowercase());
    let edge = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric() && c != '_' && c != '-');
    !identifier.is_empty()
        && text.match_indices(&identifier).any(|(at, found)| {
            edge(text[..at].chars().next_back()) && edge(text[at + found.len()..].chars().next())
        })
}

fn push(found: &mut Vec<String>, token: &str) {
    let token = token.to_lowercase();
    if !found.contains(&token) {
        found.push(token);
    }
}

fn runs(text: &str) -> impl Iterator<Item = &str> {
    RUN.iter()
        .flat_map(move |pattern| pattern.find_iter(text))
        .map(|run| run.as_str().trim_end_matches(['.', ':', '-', '/', '@']))
}

/// `HTTPServerError` → HTTP, Server, Error.
fn humps(word: &str) -> impl Iterator<Item = &str> {
    let letters: Vec<(usize, char)> = word.char_indices().collect();
    let mut cuts = vec![0];
    for i in 1..letters.len() {
        let (before, here) = (letters[i - 1].1, letters[i].1);
        let after_is_lower = letters.get(i + 1).is_some_and(|(_, c)| c.is_lowercase());
        if here.is_uppercase() && (before.is_lowercase() || (before.is_uppercase() && after_is_lower)) {
            cuts.push(letters[i].0);
        }
    }
    cuts.push(word.len());
    let pairs: Vec<(usize, usize)> = cuts.windows(2).map(|pair| (pair[0], pair[1])).collect();
    pairs.into_iter().map(move |(from, to)| &word[from..to]).filter(|hump| !hump.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_kept_whole_and_split() {
        assert_eq!(
            identifiers("The aws.rds.cpuutilization of order-db, please."),
            ["aws.rds.cpuutilization", "order-db"]
        );
        assert_eq!(
            identifiers("see internal/order_book.go:12"),
            ["order_book.go:12", "order_book", "internal/order_book.go:12"]
        );
        assert_eq!(
            words("HTTPServerError in maxOpenConns of game_id"),
            ["http", "server", "error", "max", "open", "conns", "game", "id"]
        );
        assert_eq!(identifiers("plain words only"), Vec::<String>::new());
        assert_eq!(stems("exhausted cafés, purging"), stems("Exhaustion: CAFE purges"));
    }

    #[test]
    fn a_name_is_not_held_by_a_longer_one() {
        assert!(holds("SELECT * FROM order_items;", "ORDER_ITEMS"));
        assert!(holds("db.order_items", "order_items"));
        assert!(!holds("order_items_old", "order_items"));
        assert!(!holds("prod-db-replica", "prod-db"));
    }
}
