//! Log lines that say the same thing, as one pattern.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

/// What varies from line to line, in the order of replacement: quoted values (a lone apostrophe is none), UUIDs, the suffix
/// of a pod's name (Kubernetes leaves vowels and look-alikes out of it), hex of eight digits or more, numbers.
static VARYING: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    [
        r#""(?:[^"\\]|\\.)*"|\B'[^'\n]*'\B|`[^`\n]*`"#,
        r"(?i)\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b",
        r"-[bcdfghjklmnpqrstvwxz2456789]{8,10}-[bcdfghjklmnpqrstvwxz2456789]{5}\b",
        r"(?i)\b0x[0-9a-f]+\b|\b[0-9a-f]{8,}\b",
        r"[0-9]+(?:[.,:][0-9]+)*",
    ]
    .into_iter()
    .filter_map(|pattern| Regex::new(pattern).ok())
    .collect()
});

/// The line with everything that varies replaced by `*`.
pub fn of(line: &str) -> String {
    let mut pattern = Cow::Borrowed(line);
    for varying in VARYING.iter() {
        pattern = Cow::Owned(varying.replace_all(&pattern, "*").into_owned());
    }
    pattern.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What a line says: the message inside a JSON line, or else the line.
///
/// Without this every structured line would be the same pattern, since all its values are quoted.
pub fn text(message: &str) -> String {
    let object =
        message.trim_start().starts_with('{').then(|| serde_json::from_str::<Value>(message).ok()).flatten();
    let field =
        |name: &str| Some(object.as_ref()?.get(name)?.as_str()?.trim()).filter(|text| !text.is_empty());
    let said = field("message").or_else(|| field("msg"));
    match (said, field("error").or_else(|| field("err"))) {
        (Some(said), Some(error)) => format!("{said}: {error}"),
        (Some(text), None) | (None, Some(text)) => text.to_owned(),
        (None, None) => message.trim().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_compiles() {
        assert_eq!(VARYING.len(), 5);
    }

    #[test]
    fn what_varies_goes_and_the_words_stay() {
        for (line, expected) in [
            ("took 5032ms after 3 tries", "took *ms after * tries"),
            ("user 'bob o' not found, can't go on, don't ask", "user * not found, can't go on, don't ask"),
            ("key \"a \\\" b\" missing", "key * missing"),
            ("GET /orders/123/items/9f86d081884c7d65 500", "GET /orders/*/items/* *"),
            ("request 6fa459ea-ee8a-3ca4-894e-db77e160355e failed", "request * failed"),
            ("pod api-7d4b9c6f5-x2x8q evicted", "pod api* evicted"),
            ("at 0x7ffee4 from 10.0.3.17:5432", "at * from *"),
            ("the deadbeat database decided", "the deadbeat database decided"),
            ("2026-01-01T00:00:00.123Z  boom", "*-*-*T*Z boom"),
        ] {
            assert_eq!(of(line), expected);
        }
    }

    #[test]
    fn a_json_line_says_its_message_and_error() {
        assert_eq!(
            text(r#"{"level":"error","msg":"query failed","err":"timeout","id":7}"#),
            "query failed: timeout"
        );
        assert_eq!(text(r#"{"message":"boom"}"#), "boom");
        assert_eq!(text(r#"{"code":7}"#), r#"{"code":7}"#);
        assert_eq!(text(" {broken "), "{broken");
    }
}
