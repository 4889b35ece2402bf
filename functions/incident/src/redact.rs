//! Secrets and persons out of text, at one place: before it reaches a prompt, a log line, the index or Slack.

mod names;
mod policy;

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::{Captures, Regex};

pub use names::Pseudonyms;
pub use policy::configure;

/// What stands where a secret stood.
pub const MASK: &str = "[redacted]";

/// What keys that hold a secret have in their names.
const SECRET_WORDS: &str = "passw(?:or)?d|passphrase|secret|api[_-]?key|app[_-]?key|access[_-]?key|private[_-]?key|signing[_-]?key|\
    account[_-]?key|signature|credentials?|token|(?:^|[_.-]|\\b)(?:pass|pwd|pw|auth|session|sessionid|sid|dsn)";

/// Formats of vendors' keys, each from the vendor's own documentation. Nothing else looks like them.
const FORMATS: &[&str] = &[
    r"\b(?:A3T[A-Z0-9]|AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b",
    r"\b(?:xox[abeoprs]|xapp)-[A-Za-z0-9-]{10,}",
    r"\b(?:ghp|gho|ghu|ghs|ghr)_[A-Za-z0-9]{30,}\b|\bgithub_pat_[A-Za-z0-9_]{20,}",
    r"\bgl(?:pat|dt|ptt|rt|cbt|ft|imt|agent|soat)-[A-Za-z0-9_.-]{16,}",
    r"\b(?:sk-(?:ant-|proj-|svcacct-)?[A-Za-z0-9_-]{20,}|[sr]k_(?:live|test)_[A-Za-z0-9]{10,}|whsec_[A-Za-z0-9]{16,})",
    r"\bAIza[A-Za-z0-9_-]{30,}|\bya29\.[A-Za-z0-9_-]{20,}",
    r"\bpcsk_[A-Za-z0-9_]{20,}",
    r"\bATATT3[A-Za-z0-9_=-]{20,}",
    r"\bhv[sbr]\.[A-Za-z0-9_-]{20,}",
    r"\bSG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}",
    r"\b(?:npm_|pypi-|dckr_pat_|dop_v1_|dapi|glsa_|glc_|lin_api_|ntn_|sntrys_|sbp_|tskey-|pul-|shpat_|NRAK-|PMAK-)[A-Za-z0-9_-]{16,}",
    r"\b[0-9]{8,10}:AA[A-Za-z0-9_-]{32,}",
    r"\bAGE-SECRET-KEY-1[A-Z0-9]{40,}",
    r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}",
    r"k8s-aws-v1\.[A-Za-z0-9_-]{20,}",
    r"(?s)-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)",
    r"\b[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,18}\b",
];

/// Places where a secret stands: the group `keep` is what stays before the mask.
static PLACES: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    let value = r#"(?:\\*"[^"\\]{4,}|\\*'[^'\\]{4,}|[^\s"',;&\\\[]{6,})"#;
    [
        // To the last @ of the word: a password may hold one itself, or a slash.
        r#"(?P<keep>\b[a-z][a-z0-9+.-]*://[^\s:/@"'<>]{0,64}:)[^\s"'<>]{1,200}@"#.to_owned(),
        r"(?P<keep>(?:hooks\.slack\.com/services|discord(?:app)?\.com/api/webhooks)/)[A-Za-z0-9/_-]{10,}".to_owned(),
        r"(?i)(?P<keep>\b(?:bearer|basic)\s+)[A-Za-z0-9._~+/=-]{12,}".to_owned(),
        // Kubernetes' pairs: {"name": "DB_PASSWORD", "value": "…"} on one line or two, and the other way round.
        format!(
            r#"(?i)(?P<keep>name\\*["']?\s*[:=]\s*\\*["']?[a-z0-9_.-]*(?:{SECRET_WORDS})[a-z0-9_.-]*\\*["']?\s*,?\s*\\*["']?value\\*["']?\s*[:=]\s*){value}"#
        ),
        format!(
            r#"(?i)(?P<keep>\bvalue\\*["']?\s*[:=]\s*)\\*["'][^"'\\]{{4,}}(?P<after>\\*["']\s*,\s*\\*["']?name\\*["']?\s*[:=]\s*\\*["']?[a-z0-9_.-]*(?:{SECRET_WORDS}))"#
        ),
        // A key that says what it is, quoted or not, escaped or not, then its value: a quoted one to its quote, else one word.
        format!(r#"(?i)(?P<keep>\b[a-z0-9_.-]*(?:{SECRET_WORDS})(?:\\*["'])?\s*(?:[=:]|=>|%3d)\s*){value}"#),
        // `--password hunter2`, `password 'hunter2'`, "the password is hunter2".
        format!(r"(?i)(?P<keep>\s--?(?:password|token|secret|api-key|passwd)\s+){value}"),
        // Not `secret "name"`: so Kubernetes names the object that is missing.
        r#"(?i)(?P<keep>\b(?:(?:password|passphrase)\s+(?:is\s+)?|secret\s+is\s+))["'“‘][^"'”’]{4,}"#.to_owned(),
        r"(?i)(?P<keep>\bpassword\s+is\s+)[^\s,;]{6,}".to_owned(),
    ]
    .into_iter()
    .filter_map(|pattern| compiled(&pattern))
    .collect()
});

static KEYS: LazyLock<Vec<Regex>> =
    LazyLock::new(|| FORMATS.iter().filter_map(|pattern| compiled(pattern)).collect());

/// A pattern whose words end at anything but ASCII's letters and digits: a key behind an é is one all the same, and a text that
/// holds an é is searched no slower than another.
fn compiled(pattern: &str) -> Option<Regex> {
    Regex::new(&pattern.replace(r"\b", r"(?-u:\b)")).ok()
}

/// The text with every secret, every e-mail address and everything that [`configure`] named replaced by [`MASK`]. Borrowed when there
/// was none.
pub fn redact(text: &str) -> Cow<'_, str> {
    let mut text = Cow::Borrowed(text);
    for place in PLACES.iter() {
        if place.is_match(&text) {
            let masked = place.replace_all(&text, |found: &Captures<'_>| {
                let at = if found[0].ends_with('@') { "@" } else { "" };
                format!(
                    "{}{MASK}{at}{}",
                    &found["keep"],
                    found.name("after").map_or("", |after| after.as_str())
                )
            });
            text = Cow::Owned(masked.into_owned());
        }
    }
    for key in KEYS.iter() {
        if key.is_match(&text) {
            // `git@github.com:` addresses a repository.
            let masked = key.replace_all(&text, |found: &Captures<'_>| {
                if found[0].starts_with("git@") { found[0].to_owned() } else { MASK.to_owned() }
            });
            text = Cow::Owned(masked.into_owned());
        }
    }
    policy::apply(text)
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
        assert_eq!((PLACES.len(), KEYS.len()), (9, FORMATS.len()));
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
            ("caf\u{e9}AKIAIOSFODNN7EXAMPLE\u{e9}", "caf\u{e9}[redacted]\u{e9}"),
            ("no secrets: 487 of 500 connections", "no secrets: 487 of 500 connections"),
            (r#"{"name":"DB_PASSWORD","value":"hunter2"}"#, r#"{"name":"DB_PASSWORD","value":[redacted]"}"#),
            ("- name: API_TOKEN\n  value: hunter2x", "- name: API_TOKEN\n  value: [redacted]"),
            (r#"{"value":"hunter2","name":"DB_PASSWORD"}"#, r#"{"value":[redacted]","name":"DB_PASSWORD"}"#),
            ("mail dana.w@shop.example now", "mail [redacted] now"),
            ("git@github.com:shop/api", "git@github.com:shop/api"),
            ("psql --password hunter22 -h db", "psql --password [redacted] -h db"),
            ("the password is hunter22", "the password is [redacted]"),
            ("X-Amz-Signature=0a1b2c3d4e5f", "X-Amz-Signature=[redacted]"),
            ("image shop/api@sha256:0a1b", "image shop/api@sha256:0a1b"),
        ] {
            assert_eq!(redact(given), expected);
        }
    }

    #[test]
    fn what_was_masked_is_not_masked_again() {
        for given in
            ["password=hunter22", "postgres://app:hunter2@db.shop.example/x", r#"{"token": "abcdefgh"}"#]
        {
            let once = redact(given).into_owned();
            assert_eq!(redact(&once), once);
        }
    }

    #[test]
    fn what_cannot_be_seen_goes() {
        assert_eq!(visible("a\u{1b}[31m\u{202e}b\u{200b}c\n\td\u{e0041}"), "a[31mbc d");
        assert_eq!(visible("Tag: café — 95 %"), "Tag: café — 95 %");
    }
}
