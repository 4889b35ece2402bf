//! What a call costs: the vendor's list prices, for the footer, the metrics and the ceiling. Bedrock's own list differs in places.

use crate::Usage;

/// Dollars per million tokens: in, out, written to the one-hour cache, read from it; and what a long prompt multiplies them by.
struct Price {
    family: &'static str,
    input: f64,
    output: f64,
    written: f64,
    read: f64,
    long: f64,
}

/// As listed in October 2026. Families by a part of the model's name; the last is the dearest and stands for what is not known.
const PRICES: &[Price] = &[
    Price { family: "haiku", input: 0.10, output: 0.50, written: 0.20, read: 0.01, long: 5.0 },
    Price { family: "sonnet", input: 2.0, output: 10.0, written: 4.0, read: 0.20, long: 1.0 },
    Price { family: "opus", input: 4.0, output: 20.0, written: 8.0, read: 0.40, long: 1.0 },
];
/// Prompts above this many tokens are the long ones.
const LONG: u64 = 100_000;

impl Usage {
    /// Every token of the prompt, cached or not.
    pub fn prompt_tokens(&self) -> u64 {
        self.input_tokens
            .saturating_add(self.cache_creation_input_tokens)
            .saturating_add(self.cache_read_input_tokens)
    }

    /// What it costs with that model, US dollars; of an unknown model, what the dearest would.
    pub fn dollars(&self, model: &str) -> f64 {
        let known = PRICES.iter().find(|price| model.contains(price.family)).or(PRICES.last());
        let Some(price) = known else { return 0.0 };
        let times = if self.prompt_tokens() > LONG { price.long } else { 1.0 };
        let part = |tokens: u64, rate: f64| tokens as f64 * rate * times / 1e6;
        part(self.input_tokens, price.input)
            + part(self.output_tokens, price.output)
            + part(self.cache_creation_input_tokens, price.written)
            + part(self.cache_read_input_tokens, price.read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_costs_what_its_tokens_cost() {
        let usage = Usage {
            input_tokens: 10_000,
            output_tokens: 1_000,
            cache_creation_input_tokens: 1_000,
            cache_read_input_tokens: 1_000,
        };
        let near = |a: f64, b: f64| (a - b).abs() < 1e-9;
        assert!(near(usage.dollars("claude-sonnet-5-5"), 0.02 + 0.01 + 0.004 + 0.0002));
        assert!(near(usage.dollars("anthropic.claude-haiku-5-5"), 0.001 + 0.0005 + 0.0002 + 0.000_01));
        assert!(usage.dollars("unheard-of") > usage.dollars("claude-sonnet-5-5"));
        let long = Usage { input_tokens: 200_000, ..Usage::default() };
        assert!(near(long.dollars("claude-haiku-5-5"), 0.1));
    }
}
