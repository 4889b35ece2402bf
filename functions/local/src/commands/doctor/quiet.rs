//! Vendors' own words made fit for a terminal: no secret in them, no line breaks, no control characters.

use host::{Check, Outcome, Settings};
use incident::{redact, size};

/// What the names of settings that hold a secret end in.
const SECRET: [&str; 5] = ["_KEY", "_TOKEN", "_SECRET", "_TOKEN_BEDROCK", "_WEBHOOK_URL"];
/// A shorter value is a word that may stand anywhere.
const SHORTEST: usize = 6;
/// Characters of a vendor's words.
const WORDS: usize = 220;

/// Knows every secret of the settings.
pub struct Quiet(Vec<String>);

impl Quiet {
    /// Of these settings.
    pub fn new(settings: &Settings) -> Self {
        let is_secret = |name: &str| SECRET.iter().any(|end| name.ends_with(end));
        let secrets = settings.iter().filter(|(name, _)| is_secret(name));
        // While rotating, a setting holds two.
        let secrets = secrets.flat_map(|(_, value)| value.split(',').chain([value]));
        let secrets = secrets.map(str::trim).filter(|secret| secret.len() >= SHORTEST);
        let mut secrets: Vec<String> = secrets.map(str::to_owned).collect();
        // The whole before its parts.
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        Self(secrets)
    }

    /// The check with every text made quiet.
    pub fn check(&self, mut check: Check) -> Check {
        check.what = self.text(&check.what);
        match &mut check.outcome {
            Outcome::Ok { seen: text } | Outcome::NotConfigured { why: text } => *text = self.text(text),
            Outcome::Failed { found, fix } => {
                *found = self.text(&redact::redact(found));
                *fix = self.masked(fix);
            }
        }
        check
    }

    fn text(&self, text: &str) -> String {
        size::cut(&self.masked(text), WORDS)
    }

    fn masked(&self, text: &str) -> String {
        let text = self.0.iter().fold(text.to_owned(), |text, secret| text.replace(secret, redact::MASK));
        let plain: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        plain.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vendor_that_repeats_the_key_or_commands_the_terminal_is_quieted() {
        let values = [
            ("OPENAI_API_KEY", "hunter2-hunter2"),
            ("WEBHOOK_SECRET", "oldsecret,newsecret"),
            ("X_KEY", "a"),
        ];
        let quiet = Quiet::new(&Settings::from_values(values.map(|(k, v)| (k.to_owned(), v.to_owned()))));
        let found = "key hunter2-hunter2 is\n\x1b[31mwrong, so is newsecret";
        let check = quiet.check(Check::new("X", "y", Outcome::failed(found, "mend a")));
        let expected = Outcome::failed("key [redacted] is [31mwrong, so is [redacted]", "mend a");
        assert_eq!(check.outcome, expected);
    }
}
