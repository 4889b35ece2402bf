//! What the model said, after code has checked it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Gap, ProposedAction, diagnosis::Confidence};

/// The version of the analysis format.
pub const VERSION: u32 = 1;

/// A statement and what it rests on. The type of `sitrep check`'s input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Claim {
    /// One sentence.
    pub text: String,
    /// Evidence ids.
    #[serde(default)]
    pub evidence: Vec<String>,
    /// Passage ids.
    #[serde(default)]
    pub passages: Vec<String>,
}

/// A claim that did not match what it cites.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Struck {
    /// The claim as made.
    pub text: String,
    /// What does not match, in one sentence.
    pub reason: String,
}

/// How asking the model ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It answered, and enough of the answer stands.
    Answered,
    /// It answered that the evidence does not suffice.
    Inconclusive,
    /// No key.
    NotConfigured,
    /// It did not answer in time, or failed.
    Unavailable,
    /// It refused.
    Refused,
    /// It answered, but too little of it matched the evidence.
    Rejected,
}

/// Which tier answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Tier {
    /// The quick model, for simple alerts.
    Triage,
    /// The deep model.
    Deep,
}

/// What a call used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Usage {
    /// Prompt tokens that were neither read from nor written to the cache.
    pub input_tokens: u64,
    /// Prompt tokens read from the cache.
    #[serde(default)]
    pub cache_read_tokens: u64,
    /// Prompt tokens written to the cache.
    #[serde(default)]
    pub cache_write_tokens: u64,
    /// Answer tokens, thinking included.
    pub output_tokens: u64,
}

/// One call of a model: what it used, cost and took.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ModelCall {
    /// Which tier.
    pub tier: Tier,
    /// The model, as the vendor names it where it answered.
    pub model: String,
    /// Tokens; none where the call was not billed.
    #[serde(default)]
    pub usage: Usage,
    /// US dollars by the vendor's list prices.
    #[serde(default)]
    pub dollars: f64,
    /// Milliseconds, retries included.
    #[serde(default)]
    pub took_ms: u64,
}

/// The analysis.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Analysis {
    /// [`VERSION`].
    pub version: u32,
    /// How it ended.
    pub outcome: Outcome,
    /// True where the deep tier should be asked next: triage was not sure, was refused, or failed its checks.
    #[serde(default)]
    pub escalate: bool,
    /// Who answered.
    #[serde(default)]
    pub tier: Option<Tier>,
    /// The model's id as the vendor reports it.
    #[serde(default)]
    pub model: Option<String>,
    /// The root cause as claims that stand.
    #[serde(default)]
    pub root_cause: Vec<Claim>,
    /// The lower of the code's confidence and the model's.
    #[serde(default)]
    pub confidence: Confidence,
    /// Actions that passed: typed, allowed, about objects in evidence, in safety order.
    #[serde(default)]
    pub actions: Vec<ProposedAction>,
    /// Suggestions that are not of the closed list: plain text, marked as such.
    #[serde(default)]
    pub suggestions: Vec<String>,
    /// Claims struck out.
    #[serde(default)]
    pub struck: Vec<Struck>,
    /// Why there is no answer, when there is none.
    #[serde(default)]
    pub gaps: Vec<Gap>,
    /// Every call of this incident so far, triage's first.
    #[serde(default)]
    pub calls: Vec<ModelCall>,
    /// What a person should know of the models, such as one that will not be served for long.
    #[serde(default)]
    pub notices: Vec<String>,
    /// Tokens of the last call.
    #[serde(default)]
    pub usage: Usage,
    /// Milliseconds of the last call.
    #[serde(default)]
    pub took_ms: u64,
}

impl Usage {
    /// Prompt and answer.
    pub fn tokens(&self) -> u64 {
        [self.input_tokens, self.cache_read_tokens, self.cache_write_tokens, self.output_tokens]
            .into_iter()
            .fold(0, u64::saturating_add)
    }
}

impl Analysis {
    /// An analysis that did not happen, and why.
    pub fn absent(outcome: Outcome, gap: Gap) -> Self {
        Self {
            version: VERSION,
            outcome,
            escalate: false,
            tier: None,
            model: None,
            root_cause: Vec::new(),
            confidence: Confidence::default(),
            actions: Vec::new(),
            suggestions: Vec::new(),
            struck: Vec::new(),
            gaps: vec![gap],
            calls: Vec::new(),
            notices: Vec::new(),
            usage: Usage::default(),
            took_ms: 0,
        }
    }
}
