//! Secrets out of text, before it leaves the function that read it.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;

/// What stands where a secret stood.
pub const MASK: &str = "[redacted]";

/// Shapes of secrets: vendors' key formats (after gitleaks' public rules), credentials in URLs, `key=value` pairs whose key
/// says what it is, bearer tokens, PEM blocks. The group `keep` is what stays before the mask.
static SECRETS: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    [
        r"(?P<keep>)\b(?:AKIA|ASIA)[A-Z0-9]{16}\b",
        r"(?P<keep>)\b(?:xox[abeoprs]|xapp)-[A-Za-z0-9-]{10,}",
        r"(?P<keep>hooks\.slack\.com/services/)[A-Za-z0-9/_-]{10,}",
        r"(?P<keep>)\b(?:ghp|gho|ghu|ghs|ghr)_[A-Za-z0-9]{30,}\b|\bgithub_pat_[A-Za-z0-9_]{20,}",
        r"(?P<keep>)\bglpat-[A-Za-z0-9_-]{16,}",
        r"(?P<keep>)\b(?:sk-(?:ant-|proj-)?[A-Za-z0-9_-]{20,}|[sr]k_(?:live|test)_[A-Za-z0-9]{10,})",
        r"(?P<keep>)\bAIza[A-Za-z0-9_-]{30,}",
        r"(?P<keep>)\bpcsk_[A-Za-z0-9_]{20,}",
        r"(?P<keep>)\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}",
        r"(?P<keep>)k8s-aws-v1\.[A-Za-z0-9_-]{20,}",
        r"(?s)(?P<keep>)-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)",
        // To the last @ of the word: a password may hold one itself, or a slash.
        r#"(?P<keep>\b[a-z][a-z0-9+.-]*://[^\s:/@"'<>]{0,64}:)[^\s"'<>]{1,200}@"#,
        r"(?i)(?P<keep>\b(?:bearer|basic)\s+)[A-Za-z0-9._~+/=-]{12,}",
        // A key that says what it is, quoted or not, escaped or not, then its value: a quoted one to its quote, else one word.
        r#"(?i)(?P<keep>\b[a-z0-9_.-]*(?:passw(?:or)?d|passphrase|secret|api[_-]?key|app[_-]?key|access[_-]?key|private[_-]?key|credentials?|token|(?:^|[_.-]|\b)(?:pass|pwd|pw|auth|session))(?:\\*["'])?\s*(?:[=:]|%3d)\s*)(?:\\*"[^"\\]{6,}|\\*'[^'\\]{6,}|[^\s"',;&\\]{6,})"#,
    ]
    .into_iter()
    .filter_map(|pattern| Regex::new(pattern).ok())
    .collect()
});

/// The text with every secret replaced by [`MASK`]. Borrowed when there was none.
pub fn redact(text: &str) -> Cow<'_, str> {
    let mut text = Cow::Borrowed(text);
    for secret in SECRETS.iter() {
        if secret.is_match(&text) {
            let masked = secret.replace_all(&text, |found: &regex::Captures<'_>| {
                let at = if found[0].ends_with('@') { "@" } else { "" };
                format!("{}{MASK}{at}", &found["keep"])
            });
            text = Cow::Owned(masked.into_owned());
        }
    }
    text
}

/// The text on one line as a reader sees it: no control characters (terminal escapes among them), no zero-width or
/// bidirectional ones (they hide or reorder text), blanks folded into one.
pub fn visible(text: &str) -> String {
    let kept = text.chars().map(|c| if c.is_whitespace() { ' ' } else { c }).filter(|c| !is_hidden(*c));
    let kept: String = kept.collect();
    kept.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// Control, zero-width, bidirectional, tag and variation characters: what a reader cannot see and a parser can.
pub fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{00AD}' | '\u{034F}' | '\u{061C}' | '\u{115F}' | '\u{1160}' | '\u{180E}' | '\u{200B}'..='\u{200F}'
            | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{3164}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}'
            | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E0FFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_compiles() {
        assert_eq!(SECRETS.len(), 14);
    }

    #[test]
    fn secrets_go_and_the_rest_stays() {
        for (given, expected) in [
            ("postgres://app:hunter2@db:5432/x", "postgres://app:[redacted]@db:5432/x"),
            ("DB_PASSWORD=correcthorse next", "DB_PASSWORD=[redacted] next"),
            (r#"{"api_key": "0123456789abcdef"}"#, r#"{"api_key": [redacted]"}"#),
            (r#"{\"password\":\"hunter2secret\"}"#, r#"{\"password\":[redacted]\"}"#),
            ("{'password': 'hunter2 secret'}", "{'password': [redacted]'}"),
            ("Authorization: Basic dXNlcjpwYXNzd29yZA==", "Authorization: Basic [redacted]"),
            (
                "DB_PASS=correcthorse MYSQL_ROOT_PW=correcthorse",
                "DB_PASS=[redacted] MYSQL_ROOT_PW=[redacted]",
            ),
            ("client_secret%3Dcorrecthorse", "client_secret%3D[redacted]"),
            ("postgres://u:pa/ss@1234@h/db", "postgres://u:[redacted]@h/db"),
            ("hooks.slack.com/services/T00/B00/abcdefgh", "hooks.slack.com/services/[redacted]"),
            ("compass=northwest-by-west", "compass=northwest-by-west"),
            ("at http://host:8080/path?x=1 ok", "at http://host:8080/path?x=1 ok"),
            ("Authorization: Bearer abcdefghijklmnop", "Authorization: Bearer [redacted]"),
            ("key AKIAIOSFODNN7EXAMPLE used", "key [redacted] used"),
            ("no secrets: 487 of 500 connections", "no secrets: 487 of 500 connections"),
        ] {
            assert_eq!(redact(given), expected);
        }
    }

    #[test]
    fn what_cannot_be_seen_goes() {
        assert_eq!(visible("a\u{1b}[31m\u{202e}b\u{200b}c\n\td\u{e0041}"), "a[31mbc d");
        assert_eq!(visible("Tag: café — 95 %"), "Tag: café — 95 %");
    }
}
