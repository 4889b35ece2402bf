//! What embedding costs.

use ::index::chunks;
use host::Settings;

use super::source::Read;

/// Dollars for a million tokens, by model, as of November 2026:
/// <https://developers.openai.com/api/docs/models/text-embedding-3-large> and `…/text-embedding-3-small`.
const PRICES: &[(&str, f64)] = &[("text-embedding-3-large", 0.13), ("text-embedding-3-small", 0.02)];

/// The model that is paid for by the token, where the settings have chunks embedded by one.
pub fn paid_model(settings: &Settings) -> Option<&str> {
    let all = ["PINECONE_API_KEY", "PINECONE_INDEX_URL", "OPENAI_API_KEY"];
    all.iter()
        .all(|name| settings.get(name).is_some())
        .then(|| settings.get_or("EMBEDDING_MODEL", "text-embedding-3-large"))
}

/// Tokens (cl100k) of all chunks of what was read: an upper bound, for what is known already is not embedded again.
pub fn tokens(read: &[Read]) -> usize {
    let of = |read: &Read| -> usize {
        let cut = read.documents.iter().flat_map(|document| chunks(&read.origin, document).0);
        cut.map(|chunk| cutting::tokens(&chunk.header) + cutting::tokens(&chunk.text)).sum()
    };
    read.iter().map(of).sum()
}

/// One line for people.
pub fn sentence(tokens: usize, model: Option<&str>) -> String {
    let Some(model) = model else {
        return format!("{tokens} tokens; the embedded store costs nothing");
    };
    match PRICES.iter().find(|(name, _)| *name == model) {
        Some((_, price)) => format!(
            "{tokens} tokens: at most ${:.2} with {model} at ${price} per million, less what is known already",
            tokens as f64 * price / 1e6
        ),
        None => format!("{tokens} tokens at most, with {model}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_is_named_where_it_is_known() {
        assert_eq!(
            sentence(2_000_000, Some("text-embedding-3-large")),
            "2000000 tokens: at most $0.26 with text-embedding-3-large at $0.13 per million, less what is known already"
        );
        assert_eq!(sentence(7, Some("other")), "7 tokens at most, with other");
        assert!(sentence(7, None).contains("costs nothing"));
    }
}
