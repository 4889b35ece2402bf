//! Text into windows of bounded length.

use std::ops::Range;

use crate::fence::Fence;
use crate::tokens::tokens;

/// Longest piece of prose, in tokens.
pub(crate) const PROSE: usize = 512;
/// What a window of prose repeats of the one before it, in tokens at most.
const OVERLAP: usize = 64;
/// Longest symbol kept whole, in tokens: just below what large embedding models take.
pub(crate) const SYMBOL: usize = 8_000;

/// A range that is not cut further, and its tokens.
pub(crate) type Atom = (Range<usize>, usize);

/// Windows of prose, each beginning with the last lines, sentences or words of the one before it.
pub(crate) fn prose(text: &str, range: Range<usize>) -> Vec<Range<usize>> {
    merge(text, &atoms(text, range, PROSE), PROSE, OVERLAP)
}

/// Pieces of at most `limit` tokens that do not overlap.
pub(crate) fn pieces(text: &str, range: Range<usize>, limit: usize) -> Vec<Range<usize>> {
    merge(text, &atoms(text, range, limit), limit, 0)
}

/// Joins neighbours while they fit the limit together.
pub(crate) fn merge(text: &str, atoms: &[Atom], limit: usize, overlap: usize) -> Vec<Range<usize>> {
    let mut windows: Vec<Range<usize>> = Vec::new();
    let mut next = 0;
    while let Some((first, size)) = atoms.get(next) {
        let mut start = windows.last().map_or(first.start, |last| tail(text, last, first.start, overlap));
        let mut sum = if start < first.start { tokens(&text[start..first.end]) } else { *size };
        if sum > limit {
            (start, sum) = (first.start, *size);
        }
        let mut held = next + 1;
        while let Some((range, more)) = atoms.get(held) {
            sum += more;
            // Parts have more tokens than their whole: words a space each. Where the sum is too much, the whole is counted.
            if sum > limit {
                sum = tokens(&text[start..range.end]);
                if sum > limit {
                    break;
                }
            }
            held += 1;
        }
        // Seldom the whole has more, where two parts meet in white space.
        while held > next + 1 && tokens(&text[start..atoms[held - 1].0.end]) > limit {
            held -= 1;
        }
        windows.push(start..atoms[held - 1].0.end);
        next = held;
    }
    windows
}

/// Where the last lines of a window, else its last sentences, else its last words begin that hold at most `most` tokens.
fn tail(text: &str, window: &Range<usize>, end: usize, most: usize) -> usize {
    if most == 0 {
        return end;
    }
    // No token is that long on average.
    let from = window.start.max(text.floor_char_boundary(end.saturating_sub(most * 8)));
    for cut in [lines, sentences, words] {
        let starts = cut(text, from..end).into_iter().map(|part| part.start).filter(|at| *at > from);
        if let Some(start) = starts.into_iter().find(|at| tokens(&text[*at..end]) <= most)
            && !text[start..end].trim().is_empty()
        {
            return start;
        }
    }
    end
}

/// The parts of a range that fit the limit: paragraphs, else lines, else sentences, else words, else so many bytes.
pub(crate) fn atoms(text: &str, range: Range<usize>, limit: usize) -> Vec<Atom> {
    let whole = tokens(&text[range.clone()]);
    if whole <= limit {
        return vec![(range, whole)];
    }
    let mut parts = vec![(range, whole)];
    for finer in [paragraphs, lines, sentences, words, characters] {
        parts = parts
            .into_iter()
            .flat_map(|(part, size)| {
                if size <= limit {
                    return vec![(part, size)];
                }
                let finer = finer(text, part).into_iter();
                finer.map(|part| (part.clone(), tokens(&text[part]))).collect()
            })
            .collect();
    }
    parts
}

/// Ends of paragraphs outside fenced blocks; a fenced block is one with what stands directly around it.
fn paragraphs(text: &str, range: Range<usize>) -> Vec<Range<usize>> {
    let mut fence = Fence::default();
    let ends = lines(text, range.clone()).into_iter().filter_map(|line| {
        let words = &text[line.clone()];
        (!fence.holds(words) && words.trim().is_empty()).then_some(line.end)
    });
    cut_at(range, ends.collect::<Vec<_>>())
}

fn lines(text: &str, range: Range<usize>) -> Vec<Range<usize>> {
    let ends = text[range.clone()].match_indices('\n').map(|(at, _)| range.start + at + 1);
    cut_at(range.clone(), ends)
}

fn sentences(text: &str, range: Range<usize>) -> Vec<Range<usize>> {
    let slice = &text[range.clone()];
    let ends = slice
        .char_indices()
        .filter(|(_, mark)| matches!(mark, '.' | '!' | '?' | ';' | '。'))
        .filter_map(|(at, mark)| {
            let after = at + mark.len_utf8();
            let space = slice[after..].chars().next().filter(|next| next.is_whitespace() || mark == '。')?;
            Some(range.start + after + if space.is_whitespace() { space.len_utf8() } else { 0 })
        });
    cut_at(range.clone(), ends)
}

fn words(text: &str, range: Range<usize>) -> Vec<Range<usize>> {
    let ends = text[range.clone()]
        .char_indices()
        .filter(|(_, space)| space.is_whitespace())
        .map(|(at, space)| range.start + at + space.len_utf8());
    cut_at(range.clone(), ends)
}

fn characters(text: &str, range: Range<usize>) -> Vec<Range<usize>> {
    // Few enough that no limit in use is below their tokens, enough that a line of base64 is not counted letter by letter.
    let ends = text[range.clone()].char_indices().map(|(at, _)| range.start + at);
    cut_at(range.clone(), ends.step_by(8))
}

/// The parts of a range between the positions given, which ascend.
pub(crate) fn cut_at(range: Range<usize>, ends: impl IntoIterator<Item = usize>) -> Vec<Range<usize>> {
    let mut parts = Vec::new();
    let mut start = range.start;
    for end in ends.into_iter().filter(|end| *end <= range.end).chain([range.end]) {
        if end > start {
            parts.push(start..end);
            start = end;
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn windows_repeat_the_end_of_the_one_before_and_keep_the_limit() {
        let text = (0..60).map(|i| format!("Paragraph {i} {}.\n\n", "word ".repeat(30))).collect::<String>();
        let windows = prose(&text, 0..text.len());
        assert!(windows.len() > 3);
        for pair in windows.windows(2) {
            let overlap = tokens(&text[pair[1].start..pair[0].end]);
            assert!((1..=64).contains(&overlap), "{overlap}");
        }
        assert!(windows.iter().all(|window| tokens(&text[window.clone()]) <= PROSE));
        let apart = pieces(&text, 0..text.len(), PROSE);
        assert_eq!(apart.iter().map(|piece| &text[piece.clone()]).collect::<String>(), text);
    }

    #[test]
    fn a_fenced_block_that_fits_is_not_split_at_its_blank_lines() {
        let block = format!("```sql\n{}\n\n{}\n```\n", "select 1; ".repeat(60), "select 2; ".repeat(60));
        let text = format!("{}\n\n{block}", "word ".repeat(300));
        assert!(prose(&text, 0..text.len()).iter().any(|window| text[window.clone()].contains(&block)));
    }

    #[test]
    fn a_line_without_a_space_is_split_all_the_same() {
        let text = "QUJDREVGRw".repeat(2_000);
        let windows = pieces(&text, 0..text.len(), PROSE);
        assert!(windows.iter().all(|window| tokens(&text[window.clone()]) <= PROSE));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn windows_cover_any_text_within_the_limit(text in r"(?s)([a-z]{1,9}|[ \n.]{1,3}|```\n|.){0,400}", limit in 32..90usize) {
            let whole = atoms(&text, 0..text.len(), limit);
            for overlap in [0, limit / 4] {
                let mut at = 0;
                for window in merge(&text, &whole, limit, overlap) {
                    prop_assert!(window.start <= at && window.end > at || text.is_empty());
                    prop_assert!(overlap > 0 || window.start == at);
                    prop_assert!(tokens(&text[window.clone()]) <= limit);
                    at = window.end;
                }
                prop_assert_eq!(at, text.len());
            }
        }
    }
}
