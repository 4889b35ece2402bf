//! What a company calls private beyond secrets: identifiers of its players, by pattern; names that may leave as pseudonyms only.

use std::borrow::Cow;
use std::sync::{PoisonError, RwLock};

use regex::Regex;

use super::MASK;

/// Set once per process, by whoever reads the settings; patterns are added and never taken away.
#[derive(Debug, Default)]
pub(super) struct Policy {
    masked: Vec<Regex>,
    pub(super) names: Vec<String>,
}

static POLICY: RwLock<Policy> = RwLock::new(Policy { masked: Vec::new(), names: Vec::new() });

/// Adds the settings `REDACT_PATTERN` (a regular expression: what it matches is masked everywhere) and `REDACT_NAMES` (a list with commas:
/// what a prompt holds instead is a pseudonym, which the answer has taken back). The error says what is wrong with the pattern.
pub fn configure(pattern: Option<&str>, names: Option<&str>) -> Result<(), String> {
    let pattern = pattern
        .map(|pattern| Regex::new(pattern).map_err(|error| format!("REDACT_PATTERN: {error}")))
        .transpose()?;
    if pattern.as_ref().is_some_and(|pattern| pattern.is_match("")) {
        return Err("REDACT_PATTERN matches the empty text".to_owned());
    }
    let mut policy = POLICY.write().unwrap_or_else(PoisonError::into_inner);
    if let Some(pattern) =
        pattern.filter(|new| policy.masked.iter().all(|known| known.as_str() != new.as_str()))
    {
        policy.masked.push(pattern);
    }
    for name in
        names.into_iter().flat_map(|names| names.split(',')).map(str::trim).filter(|name| name.len() > 2)
    {
        if !policy.names.iter().any(|known| known == name) {
            policy.names.push(name.to_owned());
        }
    }
    Ok(())
}

pub(super) fn names() -> Vec<String> {
    POLICY.read().unwrap_or_else(PoisonError::into_inner).names.clone()
}

pub(super) fn apply(mut text: Cow<'_, str>) -> Cow<'_, str> {
    for pattern in &POLICY.read().unwrap_or_else(PoisonError::into_inner).masked {
        if pattern.is_match(&text) {
            text = Cow::Owned(pattern.replace_all(&text, MASK).into_owned());
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redact::redact;

    #[test]
    fn a_configured_pattern_is_masked_and_a_broken_one_is_told() {
        configure(Some(r"\bplyr_[0-9a-f]{8}\b"), None).unwrap();
        configure(Some(r"\bplyr_[0-9a-f]{8}\b"), None).unwrap();
        assert_eq!(redact("player plyr_0a1b2c3d left"), "player [redacted] left");
        assert!(configure(Some("("), None).is_err());
        assert!(configure(Some("x*"), None).is_err());
    }
}
