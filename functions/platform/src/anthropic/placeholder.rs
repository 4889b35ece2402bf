//! Scripted replies cite ids that only the prompt knows: placeholders are replaced by what the prompt calls the thing.

use std::sync::LazyLock;

use regex::{Captures, Regex};
use serde_json::Value;

/// The prefix of a passage's id; every other id is evidence.
const PASSAGE: &str = "kb-";

/// An opening tag whose `id` attribute is that of a finding or a passage: a word and a number. What else the prompt tags, a digest say,
/// can be cited by nobody.
static ITEM: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"<[A-Za-z][^<>]*?\bid="([a-z]+-\d+)""#).ok());
static PLACEHOLDER: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"\{\{\s*(evidence|passage)\s*:\s*([^{}]*?)\s*\}\}").ok());

/// Replaces every placeholder in a value. One that fits no item stays as it is, and will not be believed.
pub fn fill(value: Value, prompt: &str) -> Value {
    let items = items(prompt);
    fill_with(value, &items)
}

fn fill_with(value: Value, items: &[(&str, &str)]) -> Value {
    match value {
        Value::String(text) => Value::String(fill_text(&text, items)),
        Value::Array(values) => {
            Value::Array(values.into_iter().map(|value| fill_with(value, items)).collect())
        }
        Value::Object(fields) => {
            Value::Object(fields.into_iter().map(|(name, value)| (name, fill_with(value, items))).collect())
        }
        other => other,
    }
}

fn fill_text(text: &str, items: &[(&str, &str)]) -> String {
    let Some(placeholder) = PLACEHOLDER.as_ref() else { return text.to_owned() };
    let replace = |found: &Captures<'_>| {
        let passage = &found[1] == "passage";
        let item = items.iter().find(|(id, item)| {
            id.starts_with(PASSAGE) == passage && found[2].split('&').all(|part| item.contains(part.trim()))
        });
        item.map_or_else(|| found[0].to_owned(), |(id, _)| (*id).to_owned())
    };
    placeholder.replace_all(text, replace).into_owned()
}

/// Each item's id and its text: from its tag to the next item's.
fn items(prompt: &str) -> Vec<(&str, &str)> {
    let Some(item) = ITEM.as_ref() else { return Vec::new() };
    let starts: Vec<(usize, &str)> = item
        .captures_iter(prompt)
        .filter_map(|found| Some((found.get(0)?.start(), found.get(1)?.as_str())))
        .collect();
    let ends = starts.iter().skip(1).map(|(start, _)| *start).chain([prompt.len()]);
    starts.iter().zip(ends).map(|((start, id), end)| (*id, &prompt[*start..end])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_placeholder_that_fits_nothing_stays() {
        let text = Value::String("{{evidence:unheard of}} {{passage: Guide }}".to_owned());
        let filled = fill(text, "<passage title='x' id=\"kb-7\">Guide</passage>");
        assert_eq!(filled, Value::String("{{evidence:unheard of}} kb-7".to_owned()));
    }
}
