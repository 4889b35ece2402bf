//! What is repeated word for word: a vendor's own sentence is what was seen, whatever its numbers are numbers of.

use crate::known::Known;
use crate::token::Token;

/// From so many words in a row on, a repetition is a quotation and no coincidence.
const LEAST: usize = 6;

/// Which tokens stand in a stretch of at least [`LEAST`] that stands so in the text of one cited finding. A word that was changed stands in
/// none, and neither does one that was put beside it.
pub fn quoted(known: &Known, tokens: &[Token]) -> Vec<bool> {
    let mut quoted = vec![false; tokens.len()];
    for text in &known.texts {
        for start in 0..text.len().saturating_sub(LEAST - 1) {
            let mut from = 0;
            while from + LEAST <= tokens.len() {
                let pairs = tokens[from..].iter().zip(&text[start..]);
                let alike = pairs.take_while(|(token, seen)| token.text == **seen).count();
                if alike >= LEAST {
                    quoted[from..from + alike].fill(true);
                }
                from += alike.max(1);
            }
        }
    }
    quoted
}
