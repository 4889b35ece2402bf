//! The byte budgets of the state document, and the two ways of keeping them.
//!
//! Step Functions holds at most 262,144 bytes of state and `States.ALL` does not catch an overflow, so sizes are kept
//! by constructors, never by hope.

use serde::Serialize;

/// The whole state document.
pub const DOCUMENT: usize = 200 * 1024;
/// One source's evidence.
pub const EVIDENCE: usize = 24 * 1024;
/// The retrieved knowledge.
pub const KNOWLEDGE: usize = 32 * 1024;
/// The diagnosis, and again the weighed one.
pub const DIAGNOSIS: usize = 12 * 1024;
/// The model's analysis.
pub const ANALYSIS: usize = 12 * 1024;
/// The alert.
pub const ALERT: usize = 8 * 1024;
/// The brief.
pub const BRIEF: usize = 16 * 1024;
/// The excerpt of one passage.
pub const EXCERPT: usize = 2 * 1024;
/// Characters of a finding's one-line summary.
pub const SUMMARY_CHARS: usize = 240;
/// Bytes kept free for the gap that says something was cut.
pub(crate) const GAP_RESERVE: usize = 512;

/// The bytes a value takes as compact JSON, which is how the state document holds it.
pub fn of(value: &impl Serialize) -> usize {
    // Types of this crate always serialise; a failure would mean "too large to keep", which is what the caller acts on.
    serde_json::to_vec(value).map_or(usize::MAX, |bytes| bytes.len())
}

/// At most `chars` characters of `text`, ending in `…` where something was cut.
pub fn cut(text: &str, chars: usize) -> String {
    if text.chars().count() <= chars {
        return text.to_owned();
    }
    let mut kept: String = text.chars().take(chars.saturating_sub(1)).collect();
    kept.truncate(kept.trim_end().len());
    kept.push('…');
    kept
}

/// At most `bytes` bytes of `text`, cut at a character, ending in `…` where something was cut.
pub fn cut_bytes(text: &str, bytes: usize) -> String {
    if text.len() <= bytes {
        return text.to_owned();
    }
    let mut end = bytes.saturating_sub('…'.len_utf8());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}…", &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cutting_counts_characters_and_never_splits_one() {
        assert_eq!(cut("día", 3), "día");
        assert_eq!(cut("díaz", 3), "dí…");
        assert!(cut_bytes("ééééé", 6).len() <= 6);
    }
}
