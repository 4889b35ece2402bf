//! Plain text into pieces of bounded length.

use std::ops::Range;

/// Longest piece of prose, in tokens: what small embedding models read whole.
pub(crate) const PROSE: usize = 512;
/// Longest symbol kept whole, in tokens: just below what large embedding models take.
pub(crate) const SYMBOL: usize = 8_000;

/// About how many tokens a text has: four thirds of its words or a quarter of its bytes, whichever is more.
///
/// English prose has about three words to four tokens; code, with its punctuation, is nearer to four bytes a token.
pub fn tokens(text: &str) -> usize {
    (text.split_whitespace().count() * 4 / 3).max(text.len() / 4)
}

/// Splits `range` of `text` into pieces of at most `limit` tokens: between paragraphs where it can, between lines where a
/// paragraph is longer. A fenced block counts as one paragraph; a longer line stays whole.
pub(crate) fn split(text: &str, range: Range<usize>, limit: usize) -> Vec<Range<usize>> {
    if tokens(&text[range.clone()]) <= limit {
        return vec![range];
    }
    let fine = paragraphs(text, range).into_iter().flat_map(|paragraph| {
        if tokens(&text[paragraph.clone()]) <= limit { vec![paragraph] } else { lines(text, paragraph) }
    });
    let mut pieces: Vec<Range<usize>> = Vec::new();
    for part in fine {
        match pieces.last_mut() {
            Some(last) if tokens(&text[last.start..part.end]) <= limit => last.end = part.end,
            _ => pieces.push(part),
        }
    }
    pieces
}

fn lines(text: &str, range: Range<usize>) -> Vec<Range<usize>> {
    let mut at = range.start;
    text[range]
        .split_inclusive('\n')
        .map(|line| {
            let start = at;
            at += line.len();
            start..at
        })
        .collect()
}

fn paragraphs(text: &str, range: Range<usize>) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    let mut start = range.start;
    let mut fenced = false;
    for line in lines(text, range.clone()) {
        let words = text[line.clone()].trim();
        if words.starts_with("```") || words.starts_with("~~~") {
            fenced = !fenced;
        }
        if words.is_empty() && !fenced {
            found.push(start..line.end);
            start = line.end;
        }
    }
    if start < range.end {
        found.push(start..range.end);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_cover_the_text_and_keep_the_limit_where_lines_allow() {
        let text = (0..60).map(|i| format!("Paragraph {i} {}\n\n", "word ".repeat(30))).collect::<String>();
        let pieces = split(&text, 0..text.len(), PROSE);
        assert!(pieces.len() > 3);
        assert_eq!(pieces.iter().map(|piece| &text[piece.clone()]).collect::<String>(), text);
        assert!(pieces.iter().all(|piece| tokens(&text[piece.clone()]) <= PROSE));
        assert!(pieces.iter().all(|piece| text[piece.clone()].starts_with("Paragraph")));
    }

    #[test]
    fn a_fenced_block_is_not_split_at_its_blank_lines() {
        let block = format!("```sql\n{}\n\n{}\n```\n", "select 1; ".repeat(60), "select 2; ".repeat(60));
        let text = format!("{}\n\n{block}", "word ".repeat(300));
        let pieces = split(&text, 0..text.len(), PROSE);
        assert!(pieces.iter().any(|piece| text[piece.clone()].contains(&block)));
    }
}
