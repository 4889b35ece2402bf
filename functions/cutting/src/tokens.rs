//! How many tokens a text has for the large embedding models (cl100k), exactly.
//!
//! The encoding first cuts a text into words by a pattern, then looks each word up. tiktoken spends nearly all its time on the
//! pattern, so the pattern is written out here; a word is asked of tiktoken once and remembered. A property test holds the
//! two together.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::LazyLock;

use foldhash::fast::RandomState;
use regex_syntax::hir::{Class, HirKind};

/// Words of so many bytes are remembered as a number, which is found in half the time: most are that short.
const SHORT_BYTES: usize = 15;
/// Longer words than these are rare, and not worth remembering.
const REMEMBERED_BYTES: usize = 48;
/// Words remembered on a thread at most; then it starts anew.
const REMEMBERED_WORDS: usize = 1 << 17;
/// A longer run of one kind of character (spaces, a base64 line) is asked for in parts of this size, which may count a token
/// too many at each seam: tiktoken's pattern gives up on runs of a million.
const LONGEST_WORD: usize = 64 * 1024;

/// The words counted before, with their tokens.
#[derive(Default)]
struct Remembered {
    short: HashMap<u128, u32, RandomState>,
    long: HashMap<Box<[u8]>, u32, RandomState>,
}

thread_local! {
    static REMEMBERED: RefCell<Remembered> = RefCell::new(Remembered::default());
}

/// The number of tokens of a text.
pub fn tokens(text: &str) -> usize {
    REMEMBERED.with_borrow_mut(|remembered| words(text).map(|word| remembered.count(word)).sum())
}

impl Remembered {
    fn count(&mut self, word: &str) -> usize {
        if word.len() > REMEMBERED_BYTES {
            return ask(word);
        }
        if let Some(key) = number(word) {
            if self.short.len() >= REMEMBERED_WORDS {
                self.short.clear();
            }
            return *self.short.entry(key).or_insert_with(|| ask(word) as u32) as usize;
        }
        if let Some(known) = self.long.get(word.as_bytes()) {
            return *known as usize;
        }
        let counted = ask(word);
        if self.long.len() >= REMEMBERED_WORDS {
            self.long.clear();
        }
        self.long.insert(word.as_bytes().into(), counted as u32);
        counted
    }
}

/// A short word's bytes and their number as one number.
fn number(word: &str) -> Option<u128> {
    let length = word.len();
    let mut bytes = [0; 16];
    bytes.get_mut(..length).filter(|_| length <= SHORT_BYTES)?.copy_from_slice(word.as_bytes());
    bytes[SHORT_BYTES] = length as u8;
    Some(u128::from_le_bytes(bytes))
}

fn ask(word: &str) -> usize {
    let encoding = tiktoken_rs::cl100k_base_singleton();
    let mut rest = word;
    let mut counted = 0;
    while rest.len() > LONGEST_WORD {
        let (part, after) = rest.split_at(rest.floor_char_boundary(LONGEST_WORD));
        counted += encoding.encode_ordinary(part).len();
        rest = after;
    }
    counted + encoding.encode_ordinary(rest).len()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Letter,
    Number,
    LineEnd,
    Space,
    Other,
}

/// The words of a text, as cl100k's pattern cuts them: contractions, letters with one sign before them, up to three digits,
/// signs with a space before and line ends after them, and white space.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let rest = &text[at..];
        if rest.is_empty() {
            return None;
        }
        let length = word(rest);
        at += length;
        Some(&rest[..length])
    })
}

/// The length of the first word of a text that is not empty.
fn word(text: &str) -> usize {
    let Some((first, size)) = kind_at(text, 0) else { return 0 };
    if let Some(length) = contraction(text) {
        return length;
    }
    if first == Kind::Letter {
        return run(text, size, |kind| kind == Kind::Letter);
    }
    if first == Kind::Number {
        let mut end = size;
        for _ in 0..2 {
            match kind_at(text, end) {
                Some((Kind::Number, size)) => end += size,
                _ => break,
            }
        }
        return end;
    }
    let second = kind_at(text, size);
    if first != Kind::LineEnd
        && let Some((Kind::Letter, _)) = second
    {
        return run(text, size, |kind| kind == Kind::Letter);
    }
    if first == Kind::Other || text.starts_with(' ') && matches!(second, Some((Kind::Other, _))) {
        let signs = run(text, size, |kind| kind == Kind::Other);
        return run(text, signs, |kind| kind == Kind::LineEnd);
    }
    white_space(text)
}

/// A run of white space: whole at the end of the text, up to its last line end, else all but the last character, which belongs
/// to what follows.
fn white_space(text: &str) -> usize {
    let end = run(text, 0, |kind| matches!(kind, Kind::Space | Kind::LineEnd));
    if end == text.len() {
        return end;
    }
    if let Some(at) = text[..end].rfind(['\r', '\n']) {
        return at + 1;
    }
    let last = text[..end].char_indices().next_back().map_or(0, |(at, _)| at);
    if last == 0 { end } else { last }
}

fn contraction(text: &str) -> Option<usize> {
    let after = text.strip_prefix('\'')?;
    let mut letters = after.chars();
    let first = letters.next()?.to_ascii_lowercase();
    match (first, letters.next().map(|letter| letter.to_ascii_lowercase())) {
        // The long s is an s to a pattern that does not mind the case.
        ('s' | 'd' | 'm' | 't' | '\u{17f}', _) => Some(1 + first.len_utf8()),
        ('l', Some('l')) | ('v' | 'r', Some('e')) => Some(3),
        _ => None,
    }
}

fn run(text: &str, mut at: usize, wanted: impl Fn(Kind) -> bool) -> usize {
    while let Some((kind, size)) = kind_at(text, at)
        && wanted(kind)
    {
        at += size;
    }
    at
}

/// The kind and size of the character at a byte; none at the end.
fn kind_at(text: &str, at: usize) -> Option<(Kind, usize)> {
    let byte = *text.as_bytes().get(at)?;
    if byte < 128 {
        return Some((ASCII[byte as usize], 1));
    }
    let character = text[at..].chars().next()?;
    Some((kind(character), character.len_utf8()))
}

const ASCII: [Kind; 128] = {
    let mut kinds = [Kind::Other; 128];
    let mut byte = 0;
    while byte < 128 {
        kinds[byte] = match byte as u8 {
            b'a'..=b'z' | b'A'..=b'Z' => Kind::Letter,
            b'0'..=b'9' => Kind::Number,
            b'\r' | b'\n' => Kind::LineEnd,
            b' ' | b'\t' | 0x0b | 0x0c => Kind::Space,
            _ => Kind::Other,
        };
        byte += 1;
    }
    kinds
};

fn kind(character: char) -> Kind {
    static LETTERS: LazyLock<Vec<(char, char)>> = LazyLock::new(|| ranges(r"\p{L}"));
    static NUMBERS: LazyLock<Vec<(char, char)>> = LazyLock::new(|| ranges(r"\p{N}"));
    let within = |ranges: &[(char, char)]| {
        let before = ranges.partition_point(|(_, last)| *last < character);
        ranges.get(before).is_some_and(|(first, _)| *first <= character)
    };
    if within(&LETTERS) {
        Kind::Letter
    } else if within(&NUMBERS) {
        Kind::Number
    } else if character.is_whitespace() {
        Kind::Space
    } else {
        Kind::Other
    }
}

/// The characters of a class, as the pattern's own engine has them: the standard library's `is_alphabetic` is another set.
fn ranges(class: &str) -> Vec<(char, char)> {
    match regex_syntax::parse(class).map(|hir| hir.into_kind()) {
        Ok(HirKind::Class(Class::Unicode(class))) => {
            class.iter().map(|range| (range.start(), range.end())).collect()
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(text: &str) {
        let expected = tiktoken_rs::cl100k_base_singleton().encode_ordinary(text).len();
        assert_eq!(tokens(text), expected, "{text:?}");
    }

    #[test]
    fn counts_are_those_of_tiktoken() {
        for text in [
            "",
            " ",
            "\n \n",
            "func (s *Service) Top(ctx context.Context) ([]A, error) {\n\treturn nil, nil\n}\n",
            "I'm we'LL they'Re it'\u{17f} 'tis rock'n'roll",
            "12345 ٣٤٥ Ⅷ½ naïve Ελληνικά 日本語のテキスト e\u{301}",
            "a  b   \n\n  c \t\r\n d\u{a0}\u{2003}e \u{85} f",
            "<|endoftext|> 🦀🦀 //////======\r\n\r\n  x",
        ] {
            check(text);
        }
        check(&"x".repeat(5000));
        check(&" ".repeat(5000));
    }

    proptest! {
        #[test]
        fn counts_of_any_text_are_those_of_tiktoken(
            text in r"(?s)([a-zA-Z']{1,5}|[0-9]{1,5}|[ \t\r\n]{1,4}|[(){}.;/#=_-]{1,3}|\p{L}\p{M}?|\p{N}|\p{Z}|.){0,60}"
        ) {
            check(&text);
        }
    }
}
