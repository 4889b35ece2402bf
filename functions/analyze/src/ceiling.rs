//! What one incident may use of the models: tokens and money, both tiers together.

use host::{Fault, Settings};
use incident::analysis::ModelCall;

/// The default of `ANALYSIS_MAX_TOKENS`.
const TOKENS: u64 = 60_000;
/// The default of `ANALYSIS_MAX_DOLLARS`.
const DOLLARS: f64 = 0.50;
/// Bytes per token of a prompt, on the safe side: English has four.
const BYTES: u64 = 3;

/// The ceiling of an incident.
#[derive(Debug, Clone, Copy)]
pub struct Ceiling {
    tokens: u64,
    dollars: f64,
}

impl Ceiling {
    /// From `ANALYSIS_MAX_TOKENS` and `ANALYSIS_MAX_DOLLARS`. What is no number is told: a ceiling that is silently another one is none.
    pub fn from_settings(settings: &Settings) -> Result<Self, Fault> {
        let wrong = |name: &str| Fault::bad_setting(format!("{name} is not a number"));
        let number = |name: &str| {
            let number = settings
                .get(name)
                .map(|text| text.trim().parse::<f64>().map_err(|_| wrong(name)))
                .transpose()?;
            // Nothing is above what is no number: there would be no ceiling.
            if number.is_some_and(f64::is_nan) { Err(wrong(name)) } else { Ok(number) }
        };
        let dollars = number("ANALYSIS_MAX_DOLLARS")?.unwrap_or(DOLLARS);
        let tokens = number("ANALYSIS_MAX_TOKENS")?.unwrap_or(TOKENS as f64);
        Ok(Self { tokens: tokens.max(0.0) as u64, dollars })
    }

    /// Why a call may not be made; `None` where it may. Reckoned with the longest answer that it allows.
    pub fn forbids(
        &self,
        made: &[ModelCall],
        model: &str,
        prompt_bytes: usize,
        max_tokens: u32,
    ) -> Option<String> {
        let worst = claude::Usage {
            input_tokens: prompt_bytes as u64 / BYTES,
            output_tokens: u64::from(max_tokens),
            ..Default::default()
        };
        let tokens = made
            .iter()
            .map(|call| call.usage.tokens())
            .fold(worst.input_tokens + worst.output_tokens, u64::saturating_add);
        let dollars = made.iter().map(|call| call.dollars).sum::<f64>() + worst.dollars(model);
        if tokens > self.tokens {
            return Some(format!(
                "it could take this incident to {tokens} tokens, and ANALYSIS_MAX_TOKENS is {}",
                self.tokens
            ));
        }
        (dollars > self.dollars).then(|| {
            format!(
                "it could take this incident to ${dollars:.2}, and ANALYSIS_MAX_DOLLARS is {:.2}",
                self.dollars
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use incident::analysis::{Tier, Usage};

    fn ceiling(pairs: &[(&str, &str)]) -> Result<Ceiling, Fault> {
        Ceiling::from_settings(&Settings::from_values(
            pairs.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())),
        ))
    }

    #[test]
    fn what_was_used_counts_towards_what_may_be() {
        let made = |tokens: u64, dollars: f64| ModelCall {
            tier: Tier::Triage,
            model: "m".to_owned(),
            usage: Usage { input_tokens: tokens, ..Usage::default() },
            dollars,
            took_ms: 1,
        };
        let default = ceiling(&[]).unwrap();
        assert_eq!(default.forbids(&[], "claude-sonnet-5-5", 40_000, 8_000), None);
        assert!(
            default
                .forbids(&[made(50_000, 0.0)], "claude-sonnet-5-5", 40_000, 8_000)
                .unwrap()
                .contains("TOKENS")
        );
        assert!(
            default
                .forbids(&[made(1, 0.49)], "claude-sonnet-5-5", 40_000, 8_000)
                .unwrap()
                .contains("DOLLARS")
        );
        assert!(ceiling(&[("ANALYSIS_MAX_DOLLARS", "cheap")]).is_err());
        assert!(
            ceiling(&[("ANALYSIS_MAX_TOKENS", "0")])
                .unwrap()
                .forbids(&[], "claude-haiku-5-5", 1, 1)
                .is_some()
        );
    }
}
